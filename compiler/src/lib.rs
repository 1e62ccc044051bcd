//! From syntax trees to executable fits.
//!
//! [`elaborate`] gives a file its meaning as core programs; [`pipeline`] names every stage from an
//! objective to its gradient; [`stdlib`] holds the standard library.

pub mod elaborate;
pub mod pipeline;
pub mod stdlib;
