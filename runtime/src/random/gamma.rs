//! Gamma of a shape a, rate one: density `xᵃ⁻¹ e⁻ˣ / Γ(a)` for x > 0, by `rand_distr` (Marsaglia and
//! Tsang 2000). For small shapes most of the mass lies below the smallest double; such draws are
//! rounded up to the smallest normal number, so that their logarithm is finite. NaN unless 0 < a < ∞.

use super::philox::LaneRng;
use rand_distr::{Distribution, Gamma};

pub(crate) fn sample(rng: &mut LaneRng, shape: f64) -> f64 {
    match Gamma::new(shape, 1.0) {
        Ok(gamma) if shape.is_finite() => gamma.sample(rng).clamp(f64::MIN_POSITIVE, f64::MAX),
        _ => f64::NAN,
    }
}
