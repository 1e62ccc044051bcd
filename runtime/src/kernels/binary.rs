//! Pointwise functions of two operands.

use super::nest::Nest;
use super::special::{self, bit};
use crate::float::Float;
use crate::isa::{Isa, Level, Work, dispatch};
use crate::program::Binary;

/// `out = op(a, b)`
pub(crate) fn run<T: Float>(level: Level, op: Binary, nest: &Nest<3>, out: &mut [T], a: &[T], b: &[T]) {
    match op {
        Binary::IntDiv => wide(nest, out, a, b, |a, b| (a / b).floor()),
        Binary::Rem => wide(nest, out, a, b, special::remainder),
        Binary::Pow => wide(nest, out, a, b, f64::powf),
        Binary::Atan2 => wide(nest, out, a, b, f64::atan2),
        Binary::XLogY => wide(nest, out, a, b, special::xlogy),
        Binary::Lbeta => wide(nest, out, a, b, vary_special::lbeta),
        Binary::LogBesselI => wide(nest, out, a, b, vary_special::log_bessel_i),
        Binary::OwensT => wide(nest, out, a, b, vary_special::owens_t),
        Binary::LogGammaP => wide(nest, out, a, b, vary_special::log_gamma_p),
        Binary::LogGammaPBy(by) => {
            wide(nest, out, a, b, |a, x| vary_special::log_gamma_p_slopes(a, x)[usize::from(by)]);
        }
        Binary::LogGammaQ => wide(nest, out, a, b, vary_special::log_gamma_q),
        Binary::LogGammaQBy(by) => {
            wide(nest, out, a, b, |a, x| vary_special::log_gamma_q_slopes(a, x)[usize::from(by)]);
        }
        _ => dispatch(level, Vectors { op, nest, out, a, b }),
    }
}

/// The functions that become vector instructions.
struct Vectors<'a, T> {
    op: Binary,
    nest: &'a Nest<3>,
    out: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
}

impl<T: Float> Work for Vectors<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Vectors { op, nest, out, a, b } = self;
        match op {
            Binary::Add => each(nest, out, a, b, |a, b| a + b),
            Binary::Sub => each(nest, out, a, b, |a, b| a - b),
            Binary::Mul => each(nest, out, a, b, |a, b| a * b),
            Binary::Div => each(nest, out, a, b, |a, b| a / b),
            Binary::Max => each(nest, out, a, b, special::max),
            Binary::Min => each(nest, out, a, b, special::min),
            Binary::Require => each(nest, out, a, b, |holds, x| if holds != T::ZERO { x } else { T::NAN }),
            Binary::Lt => each(nest, out, a, b, |a, b| bit(a < b)),
            Binary::Le => each(nest, out, a, b, |a, b| bit(a <= b)),
            Binary::Eq => each(nest, out, a, b, |a, b| bit(a == b)),
            Binary::Ne => each(nest, out, a, b, |a, b| bit(a != b)),
            Binary::And => each(nest, out, a, b, |a, b| bit(a != T::ZERO && b != T::ZERO)),
            Binary::Or => each(nest, out, a, b, |a, b| bit(a != T::ZERO || b != T::ZERO)),
            _ => unreachable!("no vector function"),
        }
    }
}

/// A function computed in double precision, one number at a time.
fn wide<T: Float>(nest: &Nest<3>, out: &mut [T], a: &[T], b: &[T], f: impl Fn(f64, f64) -> f64) {
    each(nest, out, a, b, |a, b| T::from_f64(f(a.to_f64(), b.to_f64())));
}

/// Inner loops where operands are contiguous or constant, and a general one.
#[inline(always)]
fn each<T: Float>(nest: &Nest<3>, out: &mut [T], a: &[T], b: &[T], f: impl Fn(T, T) -> T) {
    let (n, strides) = (nest.inner, nest.strides);
    for [o, p, q] in nest.offsets() {
        match strides {
            [1, 1, 1] => {
                let (out, a, b) = (&mut out[o..o + n], &a[p..p + n], &b[q..q + n]);
                for i in 0..n {
                    out[i] = f(a[i], b[i]);
                }
            }
            [1, 1, 0] => {
                let (out, a, b) = (&mut out[o..o + n], &a[p..p + n], b[q]);
                for i in 0..n {
                    out[i] = f(a[i], b);
                }
            }
            [1, 0, 1] => {
                let (out, a, b) = (&mut out[o..o + n], a[p], &b[q..q + n]);
                for i in 0..n {
                    out[i] = f(a, b[i]);
                }
            }
            [so, sa, sb] => {
                for i in 0..n {
                    out[o + i * so] = f(a[p + i * sa], b[q + i * sb]);
                }
            }
        }
    }
}
