//! From syntax trees to executable fits.
//!
//! [`elaborate`] gives a file its meaning as core programs; [`pipeline`] names every stage from an
//! objective to its gradient; [`vectorize`] lays core programs out for the executor; [`session`]
//! checks, binds data and fits; [`stdlib`] holds the standard library.

pub mod elaborate;
pub mod pipeline;
pub mod session;
pub mod stdlib;
pub mod vectorize;
