//! Pointwise functions of three operands.

use super::nest::Nest;
use crate::program::Ternary;
use vary_special::{log_inc_beta, log_inc_beta_slopes};

/// `out = op(a, b, c)`
pub(crate) fn run(op: Ternary, nest: &Nest<4>, out: &mut [f64], a: &[f64], b: &[f64], c: &[f64]) {
    match op {
        Ternary::Select => each(nest, out, a, b, c, |c, yes, no| if c != 0.0 { yes } else { no }),
        Ternary::LogIncBeta => each(nest, out, a, b, c, log_inc_beta),
        Ternary::LogIncBetaBy(by) => {
            each(nest, out, a, b, c, |a, b, x| log_inc_beta_slopes(a, b, x)[usize::from(by)]);
        }
    }
}

#[inline(always)]
fn each(nest: &Nest<4>, out: &mut [f64], a: &[f64], b: &[f64], c: &[f64], f: impl Fn(f64, f64, f64) -> f64) {
    let (n, [so, sa, sb, sc]) = (nest.inner, nest.strides);
    nest.each(|[o, p, q, r]| {
        for i in 0..n {
            out[o + i * so] = f(a[p + i * sa], b[q + i * sb], c[r + i * sc]);
        }
    });
}
