//! (in the making)

pub mod vectorize;
