//! Core to core, one file each.
//!
//! Derivatives: [`jvp()`] writes tangents into a program, [`linearize()`] separates them from what
//! they are computed with, and [`transpose()`] (reverse mode) or [`forward()`] (forward mode) makes a
//! gradient of the linear part. The output of each is a program like any other, so all apply again.

pub mod copy;
pub mod derivative;
pub mod flow;
pub mod forward;
pub mod jvp;
pub mod linearize;
pub mod simplify;
pub mod transpose;

pub use forward::forward;
pub use jvp::jvp;
pub use linearize::{Linearized, linearize};
pub use simplify::simplify;
pub use transpose::{GradientError, Seed, transpose};

#[cfg(test)]
mod tests;
