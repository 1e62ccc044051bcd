//! The executor of tensor programs.
//!
//! ```text
//! program::Program ── verify ── plan::Plan ── exec::Bound (data bound, `once` run)
//!                                                 └── exec::Workspace … run, a step at a time
//!                                             tiles::Executor: a step over many draws, on threads
//! ```
//!
//! This crate knows tensors and random numbers, and nothing of the language: no types, no axes by
//! meaning, no source positions. A plan is made once; running it allocates nothing.

pub mod data;
pub mod diagnose;
pub mod exec;
pub mod fit;
pub mod float;
pub mod isa;
pub mod kernels;
pub mod machine;
pub mod plan;
pub mod program;
pub mod random;
pub mod tiles;

pub mod verify;
mod workers;
