//! Pointwise functions of one operand.

use super::nest::Nest;
use super::special;
use crate::program::Unary;

/// `out = op(x)`
pub(crate) fn run(op: Unary, nest: &Nest<2>, out: &mut [f64], x: &[f64]) {
    match op {
        Unary::Copy => copy(nest, out, x),
        Unary::Neg => each(nest, out, x, |x| -x),
        Unary::Abs => each(nest, out, x, f64::abs),
        Unary::Exp => each(nest, out, x, f64::exp),
        Unary::Expm1 => each(nest, out, x, f64::exp_m1),
        Unary::Log => each(nest, out, x, f64::ln),
        Unary::Log1p => each(nest, out, x, f64::ln_1p),
        Unary::Sqrt => each(nest, out, x, f64::sqrt),
        Unary::Sin => each(nest, out, x, f64::sin),
        Unary::Cos => each(nest, out, x, f64::cos),
        Unary::Tan => each(nest, out, x, f64::tan),
        Unary::Tanh => each(nest, out, x, f64::tanh),
        Unary::Atan => each(nest, out, x, f64::atan),
        Unary::Sigmoid => each(nest, out, x, special::sigmoid),
        Unary::Softplus => each(nest, out, x, special::softplus),
        Unary::Lgamma => each(nest, out, x, vary_special::lgamma),
        Unary::Polygamma(order) => each(nest, out, x, |x| vary_special::polygamma(order, x)),
        Unary::Erf => each(nest, out, x, vary_special::erf),
        Unary::Erfc => each(nest, out, x, vary_special::erfc),
        Unary::LogPhi => each(nest, out, x, vary_special::log_phi),
        Unary::InverseMills => each(nest, out, x, vary_special::inverse_mills),
        Unary::InvPhi => each(nest, out, x, vary_special::inv_phi),
        Unary::Log1mExp => each(nest, out, x, vary_special::log1m_exp),
        Unary::Floor => each(nest, out, x, f64::floor),
        Unary::Ceil => each(nest, out, x, f64::ceil),
        Unary::Round => each(nest, out, x, f64::round),
        Unary::Sign => each(nest, out, x, special::sign),
        Unary::Not => each(nest, out, x, |x| f64::from(u8::from(x == 0.0))),
    }
}

/// Contiguous, constant and general inner loops.
#[inline(always)]
fn each(nest: &Nest<2>, out: &mut [f64], x: &[f64], f: impl Fn(f64) -> f64) {
    let (n, [so, sx]) = (nest.inner, nest.strides);
    nest.each(|[o, a]| match (so, sx) {
        (1, 1) => out[o..o + n].iter_mut().zip(&x[a..a + n]).for_each(|(out, x)| *out = f(*x)),
        (1, 0) => out[o..o + n].fill(f(x[a])),
        _ => (0..n).for_each(|i| out[o + i * so] = f(x[a + i * sx])),
    });
}

fn copy(nest: &Nest<2>, out: &mut [f64], x: &[f64]) {
    let n = nest.inner;
    if nest.strides == [1, 1] {
        nest.each(|[o, a]| out[o..o + n].copy_from_slice(&x[a..a + n]));
    } else {
        each(nest, out, x, |x| x);
    }
}
