//! Pointwise functions of one operand.

use super::nest::Nest;
use super::{elementary, special};
use crate::float::Float;
use crate::isa::{Isa, Level, Work, dispatch};
use crate::program::Unary;

/// `out = op(x)`
pub(crate) fn run<T: Float>(level: Level, op: Unary, nest: &Nest<2>, out: &mut [T], x: &[T]) {
    match op {
        Unary::Copy => copy(nest, out, x),
        Unary::Sin => wide(nest, out, x, f64::sin),
        Unary::Cos => wide(nest, out, x, f64::cos),
        Unary::Tan => wide(nest, out, x, f64::tan),
        Unary::Atan => wide(nest, out, x, f64::atan),
        Unary::Lgamma => wide(nest, out, x, vary_special::lgamma),
        Unary::Polygamma(order) => wide(nest, out, x, |x| vary_special::polygamma(order, x)),
        Unary::Erf => wide(nest, out, x, vary_special::erf),
        Unary::Erfc => wide(nest, out, x, vary_special::erfc),
        Unary::LogPhi => wide(nest, out, x, vary_special::log_phi),
        Unary::InverseMills => wide(nest, out, x, vary_special::inverse_mills),
        Unary::InvPhi => wide(nest, out, x, vary_special::inv_phi),
        Unary::Log1mExp => wide(nest, out, x, vary_special::log1m_exp),
        _ => dispatch(level, Vectors { op, nest, out, x }),
    }
}

/// The functions that become vector instructions.
struct Vectors<'a, T> {
    op: Unary,
    nest: &'a Nest<2>,
    out: &'a mut [T],
    x: &'a [T],
}

impl<T: Float> Work for Vectors<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Vectors { op, nest, out, x } = self;
        match op {
            Unary::Neg => each(nest, out, x, |x| -x),
            Unary::Abs => each(nest, out, x, T::abs),
            Unary::Exp => each(nest, out, x, elementary::exp::<T, I>),
            Unary::Expm1 => each(nest, out, x, elementary::exp_m1::<T, I>),
            Unary::Log => each(nest, out, x, elementary::log::<T, I>),
            Unary::Log1p => each(nest, out, x, elementary::log_1p::<T, I>),
            Unary::Sqrt => each(nest, out, x, T::sqrt),
            Unary::Tanh => each(nest, out, x, elementary::tanh::<T, I>),
            Unary::Sigmoid => each(nest, out, x, elementary::sigmoid::<T, I>),
            Unary::Softplus => each(nest, out, x, elementary::softplus::<T, I>),
            Unary::Floor => each(nest, out, x, T::floor),
            Unary::Ceil => each(nest, out, x, T::ceil),
            Unary::Round => each(nest, out, x, T::round),
            Unary::Sign => each(nest, out, x, special::sign),
            Unary::Not => each(nest, out, x, |x| special::bit(x == T::ZERO)),
            _ => unreachable!("no vector function"),
        }
    }
}

/// A function computed in double precision, one number at a time.
fn wide<T: Float>(nest: &Nest<2>, out: &mut [T], x: &[T], f: impl Fn(f64) -> f64) {
    each(nest, out, x, |x| T::from_f64(f(x.to_f64())));
}

/// Contiguous, constant and general inner loops.
#[inline(always)]
fn each<T: Float>(nest: &Nest<2>, out: &mut [T], x: &[T], f: impl Fn(T) -> T) {
    let (n, [so, sx]) = (nest.inner, nest.strides);
    for [o, a] in nest.offsets() {
        if (so, sx) == (1, 1) {
            let (out, x) = (&mut out[o..o + n], &x[a..a + n]);
            for i in 0..n {
                out[i] = f(x[i]);
            }
        } else if (so, sx) == (1, 0) {
            out[o..o + n].fill(f(x[a]));
        } else {
            for i in 0..n {
                out[o + i * so] = f(x[a + i * sx]);
            }
        }
    }
}

fn copy<T: Float>(nest: &Nest<2>, out: &mut [T], x: &[T]) {
    let n = nest.inner;
    if nest.strides == [1, 1] {
        for [o, a] in nest.offsets() {
            out[o..o + n].copy_from_slice(&x[a..a + n]);
        }
    } else {
        each(nest, out, x, |x| x);
    }
}
