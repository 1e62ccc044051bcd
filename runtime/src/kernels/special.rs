//! Special functions and stable forms of elementary ones. NaN in, NaN out, unless said.

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

/// `log |Γ(x)|`; +∞ at the poles 0, −1, −2, ….
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// B₂, B₄, … B₂₂: even Bernoulli numbers.
const BERNOULLI: [f64; 11] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174611.0 / 330.0,
    854513.0 / 138.0,
];

/// The derivative of `order` of the digamma function, which is order 0. NaN at the poles
/// 0, −1, −2, ….
///
/// For x below 16 the recurrence `ψₙ(x) = ψₙ(x + 1) − (−1)ⁿ n! / xⁿ⁺¹` leads upwards, where the
/// asymptotic series (DLMF 5.15.9, 5.11.2) with eleven Bernoulli numbers is exact to rounding. For
/// x ≤ 0 the same recurrence does, in |x| steps; it is the reflection without its cancellation.
/// Orders above 5 lose accuracy slowly.
pub fn polygamma(order: u8, x: f64) -> f64 {
    if x.is_nan() || (x <= 0.0 && x == x.floor()) {
        return f64::NAN;
    }
    if x < -1e4 {
        return far_left(order, x);
    }
    let n = i32::from(order);
    let factorial: f64 = (1..=n).map(f64::from).product();
    let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
    let mut shifted = x;
    let mut below = 0.0;
    while shifted < 16.0 {
        below += shifted.powi(-n - 1);
        shifted += 1.0;
    }
    asymptotic(n, shifted) - sign * factorial * below
}

/// The asymptotic series for x ≥ 16.
fn asymptotic(n: i32, x: f64) -> f64 {
    let inverse = 1.0 / (x * x);
    if n == 0 {
        let mut power = 1.0;
        let series: f64 = BERNOULLI
            .iter()
            .zip(1..)
            .map(|(b, k)| {
                power *= inverse;
                b / (2.0 * f64::from(k)) * power
            })
            .sum();
        return x.ln() - 0.5 / x - series;
    }
    // (−1)ⁿ⁺¹ [ (n−1)!/xⁿ + n!/(2xⁿ⁺¹) + Σ B₂ₖ (2k+n−1)!/((2k)! x^(2k+n)) ]
    let below: f64 = (1..n).map(f64::from).product();
    let sign = if n % 2 == 0 { -1.0 } else { 1.0 };
    let mut ratio = below; // (2k+n−1)! / (2k)! / x^2k
    let mut series = 0.0;
    for (b, k) in BERNOULLI.iter().zip(1..) {
        let (top, bottom) = (2 * k + n - 1, 2 * k);
        ratio *= f64::from(top) * f64::from(top - 1) / (f64::from(bottom) * f64::from(bottom - 1)) * inverse;
        series += b * ratio;
    }
    sign * x.powi(-n) * (below + below * f64::from(n) / (2.0 * x) + series)
}

/// Far on the negative axis only digamma is reflected; for the others the recurrence would take
/// long, and no density asks.
fn far_left(order: u8, x: f64) -> f64 {
    match order {
        0 => polygamma(0, 1.0 - x) - std::f64::consts::PI / (std::f64::consts::PI * x).tan(),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 4e-15 * expected.abs().max(1e-3), "{found} is not {expected}");
    }

    #[test]
    fn polygamma_has_known_values() {
        let euler = 0.577_215_664_901_532_9;
        let zeta3 = 1.202_056_903_159_594_2;
        let pi = std::f64::consts::PI;
        close(polygamma(0, 1.0), -euler);
        close(polygamma(0, 0.5), -euler - 2.0 * 2f64.ln());
        close(polygamma(1, 1.0), pi * pi / 6.0);
        close(polygamma(1, 0.5), pi * pi / 2.0);
        close(polygamma(2, 1.0), -2.0 * zeta3);
        close(polygamma(3, 1.0), pi.powi(4) / 15.0);
        close(polygamma(3, 0.5), pi.powi(4));
        close(polygamma(5, 1.0), 8.0 * pi.powi(6) / 63.0);
        assert!((polygamma(0, -0.5) - 0.036_489_973_978_576_52).abs() < 1e-14);
        close(polygamma(1, 1e-3), 1_000_001.642_533_195);
        close(polygamma(0, 1e9), 20.723_265_836_446_41);
        assert!(polygamma(0, 0.0).is_nan() && polygamma(1, -3.0).is_nan());
    }

    #[test]
    fn polygamma_is_the_derivative_of_the_order_below() {
        for order in 0..5u8 {
            for x in [0.3, 1.7, 6.0, 15.9, 16.1, 120.0, -2.3] {
                let h = 1e-4 * f64::max(1.0, x);
                let slope = (polygamma(order, x - 2.0 * h) - 8.0 * polygamma(order, x - h)
                    + 8.0 * polygamma(order, x + h)
                    - polygamma(order, x + 2.0 * h))
                    / (12.0 * h);
                let found = polygamma(order + 1, x);
                assert!((found - slope).abs() < 1e-6 * found.abs(), "order {order} at {x}: {found} {slope}");
            }
        }
    }

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
        assert_eq!((sign(-2.0), sign(0.0), sign(f64::INFINITY)), (-1.0, 0.0, 1.0));
        assert!(sign(f64::NAN).is_nan() && max(f64::NAN, 1.0).is_nan() && max(1.0, f64::NAN).is_nan());
        assert_eq!((remainder(-7.0, 3.0), remainder(7.0, -3.0), remainder(6.0, 3.0)), (2.0, -2.0, 0.0));
    }
}
