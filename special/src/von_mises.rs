//! The distribution function of the von Mises distribution, and its derivative by the concentration.
//!
//! With the density f(t) = exp(−2κ sin²(t/2)) / N(κ) of an angle and c(κ) = E[2 sin²(t/2)],
//!
//! ```text
//! F(x) = ∫₀ˣ f(t) dt,    ∂F/∂κ = ∫₀ˣ (c − 2 sin²(t/2)) f(t) dt.
//! ```
//!
//! Both are integrals of smooth functions over at most half a turn, cut off where exp underflows what is left, so that
//! Gauss and Legendre's rule has full accuracy at every κ. The derivative is taken over the tail where that is shorter:
//! over [0, π] its integrand adds up to 0. (Series in ratios of Bessel functions take √κ terms; Hill 1977 has few digits.)

use std::f64::consts::PI;
use std::sync::LazyLock;

/// Nodes of the rule, on each panel.
const NODES: usize = 32;
/// Panels of an integral.
const PANELS: usize = 2;
/// Where e^−x no longer counts beside 1.
const NEGLIGIBLE: f64 = 45.0;

/// The integral of the density from 0 to x, for any real x: a turn more adds 1.
///
/// κ ≥ 0; NaN otherwise.
pub fn von_mises_cdf(x: f64, kappa: f64) -> f64 {
    let Some((turns, sign, x)) = reduced(x, kappa) else { return f64::NAN };
    let [half, _] = integrals(0.0, PI, kappa);
    let [tail, _] = integrals(x, PI, kappa);
    let shift = drop_between(0.0, x, kappa);
    // The tail is relative to the density at x.
    turns + sign * 0.5 * (1.0 - (-shift).exp() * tail / half)
}

/// Its derivative by κ.
///
/// κ ≥ 0; NaN otherwise.
pub fn von_mises_cdf_by_kappa(x: f64, kappa: f64) -> f64 {
    let Some((_, sign, x)) = reduced(x, kappa) else { return f64::NAN };
    let [half, moment] = integrals(0.0, PI, kappa);
    let mean = moment / half;
    let slope = if x <= PI / 2.0 && drop_between(0.0, x, kappa) < 1.0 {
        let [mass, moment] = integrals(0.0, x, kappa);
        mean * mass - moment
    } else {
        let [mass, moment] = integrals(x, PI, kappa);
        (-drop_between(0.0, x, kappa)).exp() * (moment - mean * mass)
    };
    sign * 0.5 * slope / half
}

/// Whole turns, the sign and the size of the rest, at most half a turn.
fn reduced(x: f64, kappa: f64) -> Option<(f64, f64, f64)> {
    if !x.is_finite() || kappa.is_nan() || kappa < 0.0 || kappa.is_infinite() {
        return None;
    }
    let turns = (x / (2.0 * PI)).round();
    let rest = x - 2.0 * PI * turns;
    Some((turns, rest.signum(), rest.abs().min(PI)))
}

/// 2κ (sin²(b/2) − sin²(a/2)) without cancellation: by how much the log density drops from a to b.
fn drop_between(a: f64, b: f64, kappa: f64) -> f64 {
    2.0 * kappa * ((b - a) / 2.0).sin() * ((a + b) / 2.0).sin()
}

/// ∫ₐᵇ e^(log f(t) − log f(a)) · (1, 2 sin²(t/2)) dt for 0 ≤ a ≤ b ≤ π.
fn integrals(a: f64, b: f64, kappa: f64) -> [f64; 2] {
    // 2κ (sin²(end/2) − sin²(a/2)) = NEGLIGIBLE
    let sine = (a / 2.0).sin();
    let reach = (sine * sine + NEGLIGIBLE / (2.0 * kappa)).sqrt();
    let end = if reach < 1.0 { b.min(2.0 * reach.asin()) } else { b };
    let width = (end - a) / PANELS as f64;
    let mut sums = [0.0; 2];
    for panel in 0..PANELS {
        let middle = a + width * (panel as f64 + 0.5);
        for (node, weight) in RULE.iter() {
            let t = middle + 0.5 * width * node;
            let value = 0.5 * width * weight * (-drop_between(a, t, kappa)).exp();
            let sine = (t / 2.0).sin();
            sums[0] += value;
            sums[1] += value * 2.0 * sine * sine;
        }
    }
    sums
}

/// Nodes and weights on [−1, 1]: zeros of the Legendre polynomial by Newton's method.
static RULE: LazyLock<[(f64, f64); NODES]> = LazyLock::new(|| {
    std::array::from_fn(|at| {
        let mut x = (PI * (at as f64 + 0.75) / (NODES as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..20 {
            let (mut before, mut value) = (1.0, x);
            for k in 2..=NODES {
                let k = k as f64;
                (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
            }
            slope = NODES as f64 * (x * value - before) / (x * x - 1.0);
            x -= value / slope;
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    })
});
