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

/// log P(a, x) by its series, for x < a + 1 (DLMF 8.11.4): the value and the derivatives by a and x.
fn lower(a: f64, x: f64) -> (f64, [f64; 2]) {
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
    (value, [weight + series.slopes[0], a / (x * sum.value)])
}

/// log Q(a, x) by its continued fraction, for x ≥ a + 1 (DLMF 8.9.2, Lentz's method), and its derivatives.
fn upper(a: f64, x: f64) -> (f64, [f64; 2]) {
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
    let slopes = [log_ratio(a, x) + log.slopes[0], -(-log.value).exp() / x];
    (log_weight(a, x) + a.ln() + log.value, slopes)
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

/// ∂ log P(a, x) by a and by x.
pub fn log_gamma_p_slopes(a: f64, x: f64) -> [f64; 2] {
    if let Some([p, _]) = end(a, x) {
        return if p.is_nan() { [p; 2] } else { [0.0, if x == 0.0 { f64::INFINITY } else { 0.0 }] };
    }
    if x < a + 1.0 { lower(a, x).1 } else { of_rest(upper(a, x)) }
}

/// ∂ log Q(a, x) by a and by x.
pub fn log_gamma_q_slopes(a: f64, x: f64) -> [f64; 2] {
    if let Some([p, _]) = end(a, x) {
        // At 0 minus the density; at ∞ minus the limit of the hazard.
        return if p.is_nan() { [p; 2] } else { [0.0, if x == 0.0 { -at_zero(a) } else { -1.0 }] };
    }
    if x < a + 1.0 { of_rest(lower(a, x)) } else { upper(a, x).1 }
}

/// The derivatives of log(1 − e^l) from l and its own.
fn of_rest((log, slopes): (f64, [f64; 2])) -> [f64; 2] {
    let odds = (log - log1m_exp(log.min(0.0))).exp();
    slopes.map(|slope| -slope * odds)
}

/// The density of a gamma of shape a at 0.
fn at_zero(a: f64) -> f64 {
    match a {
        a if a < 1.0 => f64::INFINITY,
        1.0 => 1.0,
        _ => 0.0,
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

    /// Order, argument, value to twenty digits (computed with mpmath).
    #[rustfmt::skip]
    #[allow(clippy::excessive_precision)]
    const POLYGAMMA: [(u8, f64, f64); 42] = [
        (0, 0.001, -1000.5755719318103005), (0, 0.5, -1.9635100260214234794), (0, 1.0, -0.57721566490153286061),
        (0, 2.75, 0.81890102497543259228), (0, 7.5, 1.9467574842460867881), (0, 60.25, 4.0901808613704744918),
        (0, -0.3, 2.1133097796353987186),
        (1, 0.001, 1000001.642533195869), (1, 0.5, 4.9348022005446793094), (1, 1.0, 1.6449340668482264365),
        (1, 2.75, 0.43757125764893076144), (1, 7.5, 0.14261589669670379977), (1, 60.25, 0.01673601104646295912),
        (1, -0.3, 13.945160267805721738),
        (2, 0.001, -2000000002.3976322897), (2, 0.5, -16.828796644234319996), (2, 1.0, -2.4041138063191885708),
        (2, 2.75, -0.18871463303130122305), (2, 7.5, -0.020305252536644664065),
        (2, 60.25, -0.00028008752918283445324), (2, -0.3, 67.639081199883151529),
        (3, 0.001, 6000000000006.4691141), (3, 0.5, 97.409091034002437236), (3, 1.0, 6.4939394022668291491),
        (3, 2.75, 0.16061612748946936705), (3, 7.5, 0.0057724366565786937067),
        (3, 60.25, 9.3746584296993090695e-6), (3, -0.3, 766.61989041916847231),
        (4, 0.001, -24000000000000024.765), (4, 0.5, -771.47424982666722519), (4, 1.0, -24.886266123440878232),
        (4, 2.75, -0.20255547337157308639), (4, 7.5, -0.0024574829893685549885),
        (4, 60.25, -4.7065021421202233951e-7), (4, -0.3, 9731.8349562335185999),
        (5, 0.001, 1.2000000000000000012e+20), (5, 0.5, 7691.1135486024354962), (5, 1.0, 122.08116743813389677),
        (5, 2.75, 0.33680868155027719489), (5, 7.5, 0.0013927076560043098558),
        (5, 60.25, 3.150428845953576609e-8), (5, -0.3, 165634.38185208585835),
    ];

    #[test]
    fn polygamma_is_accurate() {
        for (order, x, expected) in POLYGAMMA {
            let found = polygamma(order, x);
            let tolerance = if x > 0.0 { 1e-12 } else { 1e-11 };
            assert!((found / expected - 1.0).abs() < tolerance, "ψ{order}({x}) = {found}, not {expected}");
        }
        assert!(polygamma(0, -2.0).is_nan() && polygamma(1, 0.0).is_nan());
    }
}
