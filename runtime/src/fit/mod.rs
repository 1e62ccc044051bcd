//! Fitting (in the making)
