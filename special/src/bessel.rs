//! The modified Bessel function of the first kind.

use crate::gamma::lgamma;
use std::f64::consts::TAU;

/// `log I_v(x)` for an order v ≥ 0 and x ≥ 0.
///
/// The power series (DLMF 10.25.2) has positive terms only, about x of them that matter; where x is large beside
/// v², Hankel's expansion (DLMF 10.40.1) takes few.
pub fn log_bessel_i(v: f64, x: f64) -> f64 {
    if !(v >= 0.0 && x >= 0.0) {
        return f64::NAN;
    }
    if x > 40.0 && x > 0.5 * v * v { hankel(v, x) } else { series(v, x) }
}

fn hankel(v: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..200 {
        let odd = f64::from(2 * k - 1);
        let next = -term * (4.0 * v * v - odd * odd) / (8.0 * f64::from(k) * x);
        // The expansion is asymptotic: it ends where its terms grow.
        if next == 0.0 || (next / term).abs() > 1.0 && f64::from(k) > v {
            break;
        }
        term = next;
        sum += term;
        if term.abs() < 1e-17 * sum.abs() {
            break;
        }
    }
    x - 0.5 * (TAU * x).ln() + sum.ln()
}

fn series(v: f64, x: f64) -> f64 {
    if x == 0.0 {
        return if v == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    let quarter = 0.25 * x * x;
    let (mut term, mut sum, mut shift, mut k) = (1.0, 1.0, 0.0, 1.0);
    loop {
        term *= quarter / (k * (v + k));
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
        if sum > 1e200 {
            (term, sum, shift) = (term / 1e200, sum / 1e200, shift + 1e200f64.ln());
        }
        k += 1.0;
    }
    v * (0.5 * x).ln() - lgamma(v + 1.0) + sum.ln() + shift
}
