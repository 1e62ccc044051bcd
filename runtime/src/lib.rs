//! (in the making)
pub mod data;
pub mod fit;
