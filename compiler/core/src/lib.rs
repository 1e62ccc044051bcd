//! The core language and every transformation of it.
//!
//! [`ir`] is the specification of the language; [`build`] constructs well-typed programs;
//! [`text`](mod@text) prints and reads them; [`check`] judges them; [`eval`] is the slow
//! reference interpreter. The transformations stand in [`transform`]: generative programs become
//! objective programs (`sim`, `density`, `marginal`), strategies become random primitives
//! (`adev`), and derivatives are taken (`jvp`, `linearize`, `transpose`).
//!
//! This crate knows no syntax, no files and no executor.

pub mod arrays;
pub mod axis;
pub mod build;
pub mod check;
pub mod dim;
pub mod eval;
pub mod generative;
pub mod ir;
pub mod prim;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod transform;
pub mod visit;
