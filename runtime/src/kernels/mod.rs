//! The loops that do the work.
//!
//! A kernel is planned once from extents and strides and then run on slices that start at its
//! operands' first elements. [`crate::verify`] has checked that every reachable element exists, so
//! an index out of bounds here is a bug and panics.

pub(crate) mod binary;
pub(crate) mod contract;
pub(crate) mod elementary;
pub(crate) mod index;
pub(crate) mod linalg;
pub(crate) mod nest;
pub(crate) mod reduce;
pub mod special;
pub(crate) mod ternary;
pub(crate) mod unary;

use crate::isa::Level;
use crate::program::Map;
use nest::Nest;

/// The value of a pointwise function at one index: what the loops compute everywhere. NaN where the
/// number of operands is not [`Map::arity`].
pub fn value(op: Map, args: &[f64]) -> f64 {
    let (mut out, level) = ([f64::NAN], Level::detect());
    match (op, args) {
        (Map::Unary(op), [x]) => unary::run(level, op, &Nest::new(&[], [&[]; 2]), &mut out, &[*x]),
        (Map::Binary(op), [a, b]) => {
            binary::run(level, op, &Nest::new(&[], [&[]; 3]), &mut out, &[*a], &[*b]);
        }
        (Map::Ternary(op), [a, b, c]) => {
            ternary::run(level, op, &Nest::new(&[], [&[]; 4]), &mut out, [&[*a], &[*b], &[*c]]);
        }
        _ => {}
    }
    out[0]
}
