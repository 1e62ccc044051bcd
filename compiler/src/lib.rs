//! From syntax trees to executable fits.
//!
//! [`elaborate`] gives a file its meaning as core programs; [`stdlib`] holds the standard library.

pub mod elaborate;
pub mod stdlib;
