//! Core to core, one file each.
//!
//! Generative programs become objective programs: [`sim`] draws a trace with its log weight,
//! [`density`](mod@density) gives the log density of a trace, [`marginal`] sums latents out, [`normalize`]
//! resamples. They walk a program with [`copy`](mod@copy), each with its own meaning for the statements that
//! are not pure. [`adev`] then replaces sites and their strategies by random primitives and score
//! terms.
//!
//! Derivatives: [`jvp()`] writes tangents into a program, [`linearize()`] separates them from what
//! they are computed with, and [`transpose()`] (reverse mode) or [`forward()`] (forward mode) makes a
//! gradient of the linear part. The output of each is a program like any other, so all apply again.

pub mod adev;
pub mod copy;
pub mod density;
pub mod dependence;
pub mod derivative;
pub mod enumerate;
pub mod flow;
pub mod forward;
pub mod grid;
pub mod jvp;
pub mod linearize;
pub mod marginal;
pub mod minibatch;
pub mod normalize;
pub mod reemit;
pub mod require;
pub mod rows;
pub mod settle;
pub mod sim;
pub mod simplify;
pub mod support;
pub mod transpose;

pub use forward::forward;
pub use jvp::jvp;
pub use linearize::{Linearized, linearize};
pub use simplify::simplify;
pub use transpose::{GradientError, Seed, transpose};

#[cfg(test)]
mod tests;
