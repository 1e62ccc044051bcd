//! The evidence of the cone by quadrature.
//!
//! x and y are normal with deviation 10, so r = x² + y² is exponential with mean 200, and
//! log p(z) = log ∫ Normal(z; r, 0.1 + r/100) · exp(−r/200)/200 dr.

use crate::quadrature::integral;
use std::f64::consts::TAU;

/// Published: the upper end of every bound.
pub const PUBLISHED: f64 = -5.3232;

/// log p(z).
pub fn cone(z: f64) -> f64 {
    let density = |r: f64| {
        let sd = 0.1 + r / 100.0;
        let off = (z - r) / sd;
        (-0.5 * off * off - r / 200.0).exp() / (200.0 * sd * TAU.sqrt())
    };
    integral(&[0.0, 0.8 * z, z, 1.2 * z, f64::INFINITY], &density).ln()
}

#[cfg(test)]
mod tests {
    #[test]
    fn of_a_point_at_height_five() {
        assert!((super::cone(5.0) - super::PUBLISHED).abs() < 5e-5, "{}", super::cone(5.0));
    }
}
