//! Pointwise functions of three operands.

use super::nest::Nest;
use crate::float::Float;
use crate::isa::{Isa, Level, Work, dispatch};
use crate::program::Ternary;
use vary_special::{log_inc_beta, log_inc_beta_slopes};

/// `out = op(a, b, c)`
pub(crate) fn run<T: Float>(level: Level, op: Ternary, nest: &Nest<4>, out: &mut [T], [a, b, c]: [&[T]; 3]) {
    match op {
        Ternary::Select => dispatch(level, Select { nest, out, of: [a, b, c] }),
        Ternary::LogIncBeta => wide(nest, out, [a, b, c], log_inc_beta),
        Ternary::LogIncBetaBy(by) => {
            wide(nest, out, [a, b, c], |a, b, x| log_inc_beta_slopes(a, b, x)[usize::from(by)]);
        }
    }
}

/// `c ? a : b`, which becomes vector instructions.
struct Select<'a, T> {
    nest: &'a Nest<4>,
    out: &'a mut [T],
    of: [&'a [T]; 3],
}

impl<T: Float> Work for Select<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Select { nest, out, of: [c, yes, no] } = self;
        let (n, strides) = (nest.inner, nest.strides);
        let choose = |c: T, yes: T, no: T| if c != T::ZERO { yes } else { no };
        for [o, p, q, r] in nest.offsets() {
            match strides {
                [1, 1, 1, 1] => {
                    let (out, c, yes, no) = (&mut out[o..o + n], &c[p..p + n], &yes[q..q + n], &no[r..r + n]);
                    for i in 0..n {
                        out[i] = choose(c[i], yes[i], no[i]);
                    }
                }
                [1, 1, 1, 0] => {
                    let (out, c, yes, no) = (&mut out[o..o + n], &c[p..p + n], &yes[q..q + n], no[r]);
                    for i in 0..n {
                        out[i] = choose(c[i], yes[i], no);
                    }
                }
                [1, 1, 0, 1] => {
                    let (out, c, yes, no) = (&mut out[o..o + n], &c[p..p + n], yes[q], &no[r..r + n]);
                    for i in 0..n {
                        out[i] = choose(c[i], yes, no[i]);
                    }
                }
                [so, sc, sy, sn] => {
                    for i in 0..n {
                        out[o + i * so] = choose(c[p + i * sc], yes[q + i * sy], no[r + i * sn]);
                    }
                }
            }
        }
    }
}

/// A function computed in double precision, one number at a time.
fn wide<T: Float>(nest: &Nest<4>, out: &mut [T], [a, b, c]: [&[T]; 3], f: impl Fn(f64, f64, f64) -> f64) {
    let (n, [so, sa, sb, sc]) = (nest.inner, nest.strides);
    for [o, p, q, r] in nest.offsets() {
        for i in 0..n {
            let [a, b, c] = [a[p + i * sa], b[q + i * sb], c[r + i * sc]].map(T::to_f64);
            out[o + i * so] = T::from_f64(f(a, b, c));
        }
    }
}
