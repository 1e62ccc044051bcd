//! The loops that do the work.
//!
//! A kernel is planned once from extents and strides and then run on slices that start at its
//! operands' first elements. [`crate::verify`] has checked that every reachable element exists, so
//! an index out of bounds here is a bug and panics.

pub(crate) mod binary;
pub(crate) mod contract;
pub(crate) mod index;
pub(crate) mod linalg;
pub(crate) mod nest;
pub(crate) mod reduce;
pub mod special;
pub(crate) mod unary;
