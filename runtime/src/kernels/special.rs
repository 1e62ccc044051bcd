//! Stable forms of small functions. NaN in, NaN out, unless said.

use crate::float::Float;

/// 1 or 0.
#[inline(always)]
pub(crate) fn bit<T: Float>(holds: bool) -> T {
    if holds { T::ONE } else { T::ZERO }
}

/// −1, 0 or 1; NaN for NaN.
#[inline(always)]
pub fn sign<T: Float>(x: T) -> T {
    // Neither for zero, which keeps its magnitude, nor for NaN.
    if x < T::ZERO {
        -T::ONE
    } else if x > T::ZERO {
        T::ONE
    } else {
        x.abs()
    }
}

/// The larger; NaN where either is.
#[inline(always)]
pub fn max<T: Float>(a: T, b: T) -> T {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller; NaN where either is.
#[inline(always)]
pub fn min<T: Float>(a: T, b: T) -> T {
    if a < b || a.is_nan() { a } else { b }
}

/// The remainder of the division towards −∞: it has the sign of the divisor.
pub fn remainder(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

/// `x · log y`; 0 where x = 0, unless y is NaN.
pub fn xlogy(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * y.ln() }
}

/// `x · y`; 0 where x = 0, unless y is NaN.
#[inline(always)]
pub fn xmuly<T: Float>(x: T, y: T) -> T {
    if x == T::ZERO && !y.is_nan() { T::ZERO } else { x * y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_forms_hold_at_the_ends() {
        assert_eq!(xlogy(0.0, 0.0), 0.0);
        assert_eq!(xmuly(0.0, f64::NEG_INFINITY), 0.0);
        assert_eq!(xmuly(1.0, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert!(xmuly(0.0, f64::NAN).is_nan());
        assert_eq!((sign(-2.0), sign(0.0), sign(f64::INFINITY)), (-1.0, 0.0, 1.0));
        assert!(sign(f64::NAN).is_nan() && max(f64::NAN, 1.0).is_nan() && max(1.0, f64::NAN).is_nan());
        assert_eq!((remainder(-7.0, 3.0), remainder(7.0, -3.0), remainder(6.0, 3.0)), (2.0, -2.0, 0.0));
    }
}
