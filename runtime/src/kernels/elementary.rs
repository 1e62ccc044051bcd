//! Elementary functions for whole vectors: the same straight line of arithmetic for every number, of both widths,
//! which the compiler turns into vector instructions.
//!
//! Errors, in units in the last place over the whole range (tested below): `exp` 1.5, `log` 1.5, `expm1`, `log1p`
//! and `sigmoid` 2.5, `softplus` 2.5, `tanh` 4.5. NaN gives NaN, and the ends are exact: `exp(−∞) = 0`,
//! `log 0 = −∞`. Results below the smallest number of full precision have that number's absolute accuracy.

use crate::float::Float;
use crate::isa::Isa;

/// `c₀ xⁿ + … + cₙ`
#[inline(always)]
fn polynomial<T: Float, I: Isa>(x: T, coefficients: &[T]) -> T {
    coefficients.iter().fold(T::ZERO, |sum, c| sum.mul_add::<I>(x, *c))
}

/// `(k, r, e^r − 1)` with `x = k ln 2 + r` and whole k, for x between the ends.
#[inline(always)]
fn reduce<T: Float, I: Isa>(x: T) -> (T, T) {
    let k = x.mul_add::<I>(T::LOG2_E, T::ROUNDER) - T::ROUNDER;
    let r = k.mul_add::<I>(-T::LN_2.1, k.mul_add::<I>(-T::LN_2.0, x));
    let tail = polynomial::<T, I>(r, T::EXP_TAIL);
    (k, (r * r).mul_add::<I>(tail, r))
}

/// x between two ends; NaN stays.
#[inline(always)]
fn clamp<T: Float>(x: T, (low, high): (T, T)) -> T {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// `e^x`
#[inline(always)]
pub(crate) fn exp<T: Float, I: Isa>(x: T) -> T {
    let (k, less_one) = reduce::<T, I>(clamp(x, T::EXP_ENDS));
    // In two factors, since 2^k alone may be too large or too small.
    let half = k.mul_add::<I>(T::from_f64(0.5), T::ROUNDER);
    let rest = (k - (half - T::ROUNDER)) + T::ROUNDER;
    (less_one + T::ONE) * T::power_of_two(half) * T::power_of_two(rest)
}

/// `e^x − 1`
#[inline(always)]
pub(crate) fn exp_m1<T: Float, I: Isa>(x: T) -> T {
    let half = T::from_f64(0.5);
    // Far below 0 it is −1 in every digit.
    let low = T::from_f64(-60.0);
    let (k, less_one) = reduce::<T, I>(clamp(x, (low, T::EXP_ENDS.1)));
    // Half of it, since 2^k may be too large.
    let scale = T::power_of_two((k - T::ONE) + T::ROUNDER);
    let result = scale.mul_add::<I>(less_one, scale - half);
    let doubled = result + result;
    // Keeps the sign of zero, and the precision of the smallest.
    if x.abs() < T::MIN_POSITIVE { x } else { doubled }
}

/// `log(x + rest)` of a positive number of full precision and a rest below its last digit, as `k ln 2 + log z`.
#[inline(always)]
fn log_of_normal<T: Float, I: Isa>(x: T, rest: T) -> T {
    let (z, k) = x.split();
    // Where x is large the rest is nothing; its power of two would be out of range.
    let end = T::from_f64(100.0);
    let scale = T::power_of_two(T::ROUNDER - if k > end { end } else { k });
    let f = rest.mul_add::<I>(scale, z - T::ONE);
    let s = f / (T::ONE + T::ONE + f);
    let square = s * s;
    let tail = square * polynomial::<T, I>(square, T::LOG_TAIL);
    let half_square = T::from_f64(0.5) * f * f;
    let low = s.mul_add::<I>(half_square + tail, k * T::LN_2.1);
    k.mul_add::<I>(T::LN_2.0, f - (half_square - low))
}

/// `log x`
#[inline(always)]
pub(crate) fn log<T: Float, I: Isa>(x: T) -> T {
    let small = x < T::MIN_POSITIVE;
    let lifted = if small { x * T::LIFT.0 } else { x };
    let result = log_of_normal::<T, I>(lifted, T::ZERO);
    let lift = if small { T::LIFT.1 } else { T::ZERO };
    let result = result - lift * (T::LN_2.0 + T::LN_2.1);
    ends_of_log(x, result)
}

/// The logarithm where the argument is not a positive finite number.
#[inline(always)]
fn ends_of_log<T: Float>(x: T, result: T) -> T {
    let result = if x == T::INFINITY { x } else { result };
    let result = if x == T::ZERO { -T::INFINITY } else { result };
    // NaN fails the comparison.
    if x >= T::ZERO { result } else { T::NAN }
}

/// `log(1 + x)`
#[inline(always)]
pub(crate) fn log_1p<T: Float, I: Isa>(x: T) -> T {
    let one_more = x + T::ONE;
    // What the addition lost.
    let lost = if x < T::ONE { x - (one_more - T::ONE) } else { T::ONE - (one_more - x) };
    let result = log_of_normal::<T, I>(one_more, lost);
    let result = ends_of_log(one_more, result);
    if x.abs() < T::MIN_POSITIVE { x } else { result }
}

/// `tanh x`
#[inline(always)]
pub(crate) fn tanh<T: Float, I: Isa>(x: T) -> T {
    let size = x.abs();
    // From there on it is 1 in every digit.
    let end = T::from_f64(22.0);
    let doubled = if size > end { end + end } else { size + size };
    let less_one = exp_m1::<T, I>(doubled);
    (less_one / (less_one + T::ONE + T::ONE)).copysign(x)
}

/// `1 / (1 + e^-x)`, without overflow.
#[inline(always)]
pub(crate) fn sigmoid<T: Float, I: Isa>(x: T) -> T {
    let small = exp::<T, I>(-x.abs());
    let above = if x >= T::ZERO { T::ONE } else { small };
    // NaN is in `small`.
    above / (T::ONE + small)
}

/// `log(1 + e^x)`, without overflow.
#[inline(always)]
pub(crate) fn softplus<T: Float, I: Isa>(x: T) -> T {
    let positive = if x > T::ZERO { x } else { T::ZERO };
    positive + log_1p::<T, I>(exp::<T, I>(-x.abs()))
}

#[cfg(test)]
mod tests;
