//! Stable forms of elementary functions. NaN in, NaN out, unless said.

/// `1 / (1 + e^-x)`, without overflow.
pub fn sigmoid(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

/// `log(1 + e^x)`, without overflow.
pub fn softplus(x: f64) -> f64 {
    // Not `f64::max`, which would drop a NaN.
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + (-x.abs()).exp().ln_1p()
}

/// −1, 0 or 1; NaN for NaN.
pub fn sign(x: f64) -> f64 {
    match x {
        x if x > 0.0 => 1.0,
        x if x < 0.0 => -1.0,
        x => x.abs(),
    }
}

/// The larger; NaN where either is.
#[inline(always)]
pub fn max(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller; NaN where either is.
#[inline(always)]
pub fn min(a: f64, b: f64) -> f64 {
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
pub fn xmuly(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_forms_hold_at_the_ends() {
        assert_eq!(sigmoid(800.0), 1.0);
        assert_eq!(sigmoid(-800.0), 0.0);
        assert!(sigmoid(-700.0) > 0.0);
        assert_eq!(softplus(800.0), 800.0);
        assert_eq!(softplus(f64::INFINITY), f64::INFINITY);
        assert_eq!(softplus(f64::NEG_INFINITY), 0.0);
        assert!(softplus(f64::NAN).is_nan() && sigmoid(f64::NAN).is_nan());
        assert_eq!(xlogy(0.0, 0.0), 0.0);
        assert_eq!(xmuly(0.0, f64::NEG_INFINITY), 0.0);
        assert_eq!(xmuly(1.0, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert!(xmuly(0.0, f64::NAN).is_nan());
        assert_eq!((sign(-2.0), sign(0.0), sign(f64::INFINITY)), (-1.0, 0.0, 1.0));
        assert!(sign(f64::NAN).is_nan() && max(f64::NAN, 1.0).is_nan() && max(1.0, f64::NAN).is_nan());
        assert_eq!((remainder(-7.0, 3.0), remainder(7.0, -3.0), remainder(6.0, 3.0)), (2.0, -2.0, 0.0));
    }
}
