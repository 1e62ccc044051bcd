//! log B and the regularised incomplete beta function with its derivatives by the shapes.

use crate::gamma::{LARGE, MOST, deviance, lgamma, polygamma, stirling_error};
use crate::jet::Jet;
use crate::log1m_exp;
use std::f64::consts::TAU;

/// `log B(a, b)` for a, b > 0, without the cancellation of log Γ at large arguments.
pub fn lbeta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == 0.0 {
        return f64::INFINITY;
    }
    if small.is_nan() || small < 0.0 || large.is_nan() {
        return f64::NAN;
    }
    if large < LARGE {
        return lgamma(small) + (lgamma(large) - lgamma(small + large));
    }
    let ratio = small / large;
    // log(large / (large + small)), and of small alike.
    let of_large = -ratio.ln_1p();
    let error = stirling_error(large) - stirling_error(small + large);
    if small < LARGE {
        lgamma(small) + error + small - small * (small + large).ln() + (large - 0.5) * of_large
    } else {
        let of_small = ratio.ln() + of_large;
        let error = error + stirling_error(small);
        0.5 * (TAU / large).ln() + error + (small - 0.5) * of_small + large * of_large
    }
}

/// `log(xᵃ (1−x)ᵇ / B(a, b))`
fn log_weight(a: f64, b: f64, x: f64) -> f64 {
    if a < LARGE || b < LARGE {
        return a * x.ln() + b * (-x).ln_1p() - lbeta(a, b);
    }
    let n = a + b;
    let error = stirling_error(n) - stirling_error(a) - stirling_error(b);
    error - deviance(a, n * x) - deviance(b, n * (1.0 - x)) + 0.5 * (a * b / (TAU * n)).ln()
}

/// log I_x(a, b) by its continued fraction (DLMF 8.17.22, Lentz's method), for x below its mean: the value and
/// the derivatives by a, b and x.
fn fraction(a: f64, b: f64, x: f64) -> (f64, [f64; 3]) {
    let (ja, jb, one) = (Jet::variable(a, 0), Jet::variable(b, 1), Jet::constant(1.0));
    let (jx, sum) = (Jet::constant(x), ja + jb);
    let tiny = |jet: Jet| if jet.value.abs() < 1e-300 { Jet { value: 1e-300, ..jet } } else { jet };
    let mut c = one;
    let mut d = one / tiny(one - sum * jx / (ja + one));
    let mut log = d.ln();
    for m in 1..MOST {
        let m = Jet::constant(f64::from(m));
        let top = ja + m + m;
        let even = m * (jb - m) * jx / ((top - one) * top);
        d = one / tiny(one + even * d);
        c = tiny(one + even / c);
        let first = (d * c).ln();
        let odd = Jet::constant(0.0) - (ja + m) * (sum + m) * jx / (top * (top + one));
        d = one / tiny(one + odd * d);
        c = tiny(one + odd / c);
        let factor = first + (d * c).ln();
        log = log + factor;
        let settled = |k: usize| factor.slopes[k].abs() <= 1e-16 * (log.slopes[k].abs() + 1e-16);
        if factor.value.abs() < 1e-16 && settled(0) && settled(1) {
            break;
        }
    }
    let total = polygamma(0, a + b);
    let slopes = [
        x.ln() - (polygamma(0, a) - total) - 1.0 / a + log.slopes[0],
        (-x).ln_1p() - (polygamma(0, b) - total) + log.slopes[1],
        a * (-log.value).exp() / (x * (1.0 - x)),
    ];
    (log_weight(a, b, x) - a.ln() + log.value, slopes)
}

/// Value and derivatives, from whichever side the fraction converges on.
fn both(a: f64, b: f64, x: f64) -> (f64, [f64; 3]) {
    let domain = a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite() && (0.0..=1.0).contains(&x);
    if !domain {
        return (f64::NAN, [f64::NAN; 3]);
    }
    if x == 0.0 {
        return (f64::NEG_INFINITY, [0.0, 0.0, f64::INFINITY]);
    }
    if x == 1.0 {
        let density = if b == 1.0 { a } else { f64::INFINITY };
        return (0.0, [0.0, 0.0, if b > 1.0 { 0.0 } else { density }]);
    }
    if x < (a + 1.0) / (a + b + 2.0) {
        return fraction(a, b, x);
    }
    let (rest, [by_b, by_a, by_x]) = fraction(b, a, 1.0 - x);
    let log = log1m_exp(rest.min(0.0));
    let odds = -(rest - log).exp();
    (log, [odds * by_a, odds * by_b, -odds * by_x])
}

/// log of the regularised incomplete beta function I_x(a, b).
pub fn log_inc_beta(a: f64, b: f64, x: f64) -> f64 {
    both(a, b, x).0
}

/// ∂ log I_x(a, b) by a, by b and by x.
pub fn log_inc_beta_slopes(a: f64, b: f64, x: f64) -> [f64; 3] {
    both(a, b, x).1
}
