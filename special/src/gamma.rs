//! log Γ, its derivatives, and the regularised incomplete gamma functions with theirs by the shape.

use crate::jet::Jet;
use crate::log1m_exp;
use std::f64::consts::TAU;

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

/// Above this argument Stirling's series is exact to rounding.
pub(crate) const LARGE: f64 = 10.0;

/// What Stirling's formula leaves out: `log Γ(x) − (x − ½) log x + x − ½ log 2π`.
pub(crate) fn stirling_error(x: f64) -> f64 {
    if x < LARGE {
        return lgamma(x) - (x - 0.5) * x.ln() + x - 0.5 * TAU.ln();
    }
    let inverse = 1.0 / (x * x);
    let term = |k: usize| BERNOULLI[k - 1] / (2 * k * (2 * k - 1)) as f64;
    (1..=BERNOULLI.len()).rev().fold(0.0, |sum, k| sum * inverse + term(k)) / x
}

/// `a log(a/x) + x − a`, without cancellation where x is near a (Loader 2000).
pub(crate) fn deviance(a: f64, x: f64) -> f64 {
    let v = (a - x) / (a + x);
    if v.abs() >= 0.1 {
        return a * (a / x).ln() + x - a;
    }
    let (mut sum, mut power) = ((a - x) * v, 2.0 * a * v);
    for k in 1..100 {
        power *= v * v;
        let next = sum + power / f64::from(2 * k + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// `log(xᵃ e⁻ˣ / Γ(a + 1))`
fn log_weight(a: f64, x: f64) -> f64 {
    if a < LARGE {
        a * x.ln() - x - lgamma(a + 1.0)
    } else {
        -stirling_error(a) - deviance(a, x) - 0.5 * (TAU * a).ln()
    }
}

/// Iterations after which a series or fraction is given up: shapes of 10⁸ take some 10⁵.
pub(crate) const MOST: u32 = 1_000_000;

/// log P(a, x) by its series, for x < a + 1 (DLMF 8.11.4): the value and the derivative by a.
fn lower(a: f64, x: f64) -> (f64, f64) {
    let shape = Jet::variable(a, 0);
    let (mut term, mut sum) = (Jet::constant(1.0), Jet::constant(1.0));
    for n in 1..MOST {
        term = term * Jet::constant(x) / (shape + Jet::constant(f64::from(n)));
        sum = sum + term;
        if term.value < 1e-17 * sum.value && term.slopes[0].abs() <= 1e-17 * sum.slopes[0].abs() {
            break;
        }
    }
    let series = sum.ln();
    let value = if a < SMALL { small_shape(a, x) } else { log_weight(a, x) + series.value };
    // log x − ψ(a + 1)
    let weight = if a < 1.0 { x.ln() - polygamma(0, a + 1.0) } else { log_ratio(a, x) - 1.0 / a };
    (value, weight + series.slopes[0])
}

/// log Q(a, x) by its continued fraction, for x ≥ a + 1 (DLMF 8.9.2, Lentz's method).
fn upper(a: f64, x: f64) -> (f64, f64) {
    let shape = Jet::variable(a, 0);
    let one = Jet::constant(1.0);
    let mut b = Jet::constant(x + 1.0) - shape;
    let mut d = one / b;
    let mut c = Jet::constant(1e300);
    let mut log = d.ln();
    for i in 1..MOST {
        let i = Jet::constant(f64::from(i));
        let numerator = i * (shape - i);
        b = b + Jet::constant(2.0);
        d = one / (numerator * d + b);
        c = b + numerator / c;
        let factor = (d * c).ln();
        log = log + factor;
        if factor.value.abs() < 1e-16 && factor.slopes[0].abs() <= 1e-16 * log.slopes[0].abs() {
            break;
        }
    }
    (log_weight(a, x) + a.ln() + log.value, log_ratio(a, x) + log.slopes[0])
}

/// `log x − ψ(a)`
fn log_ratio(a: f64, x: f64) -> f64 {
    if a < 1.0 { x.ln() - polygamma(0, a) } else { (x / a).ln() - (polygamma(0, a) - a.ln()) }
}

/// Below this shape log P is near 0 and must not be a difference of large numbers.
const SMALL: f64 = 0.1;

/// log P(a, x) = a log x − log Γ(1 + a) + log(1 + a Σ (−x)ⁿ / (n! (a + n))) (DLMF 8.7.1), each term small with a.
fn small_shape(a: f64, x: f64) -> f64 {
    let (mut power, mut sum) = (1.0, 0.0);
    for n in 1..40 {
        let n = f64::from(n);
        power *= -x / n;
        sum += power / (a + n);
    }
    a * x.ln() - lgamma_1p(a) + (a * sum).ln_1p()
}

/// `log Γ(1 + a)` for 0 ≤ a ≤ 0.1: −γ a + Σ ζ(k) (−a)ᵏ / k (DLMF 5.7.3).
#[allow(clippy::excessive_precision)]
fn lgamma_1p(a: f64) -> f64 {
    const ZETA: [f64; 14] = [
        1.6449340668482264365,
        1.2020569031595942854,
        1.0823232337111381915,
        1.0369277551433699263,
        1.0173430619844491397,
        1.0083492773819228268,
        1.0040773561979443394,
        1.0020083928260822144,
        1.0009945751278180853,
        1.0004941886041194646,
        1.0002460865533080483,
        1.0001227133475784891,
        1.0000612481350587048,
        1.0000305882363070205,
    ];
    const EULER: f64 = 0.577_215_664_901_532_860_6;
    let (mut sum, mut power) = (-EULER * a, -a);
    for (zeta, k) in ZETA.iter().zip(2..) {
        power *= -a;
        sum += zeta * power / f64::from(k);
    }
    sum
}

/// Values at the ends, and what lies outside.
fn end(a: f64, x: f64) -> Option<[f64; 2]> {
    if !(a > 0.0 && a.is_finite() && x >= 0.0) {
        Some([f64::NAN; 2])
    } else if x == 0.0 {
        Some([f64::NEG_INFINITY, 0.0])
    } else if x == f64::INFINITY {
        Some([0.0, f64::NEG_INFINITY])
    } else {
        None
    }
}

/// log of the regularised lower incomplete gamma function P(a, x).
pub fn log_gamma_p(a: f64, x: f64) -> f64 {
    match end(a, x) {
        Some([p, _]) => p,
        None if x < a + 1.0 => lower(a, x).0,
        None => log1m_exp(upper(a, x).0.min(0.0)),
    }
}

/// log of the regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x).
pub fn log_gamma_q(a: f64, x: f64) -> f64 {
    match end(a, x) {
        Some([_, q]) => q,
        None if x < a + 1.0 => log1m_exp(lower(a, x).0.min(0.0)),
        None => upper(a, x).0,
    }
}

/// ∂ log P(a, x) / ∂a; 0 at the ends.
pub fn log_gamma_p_slope(a: f64, x: f64) -> f64 {
    match end(a, x) {
        Some([p, _]) => p * 0.0,
        None if x < a + 1.0 => lower(a, x).1,
        None => {
            let (log_q, slope) = upper(a, x);
            -slope * (log_q - log1m_exp(log_q.min(0.0))).exp()
        }
    }
}

/// ∂ log Q(a, x) / ∂a; 0 at the ends.
pub fn log_gamma_q_slope(a: f64, x: f64) -> f64 {
    match end(a, x) {
        Some([_, q]) => q * 0.0,
        None if x < a + 1.0 => {
            let (log_p, slope) = lower(a, x);
            -slope * (log_p - log1m_exp(log_p.min(0.0))).exp()
        }
        None => upper(a, x).1,
    }
}
