//! Beta of shapes a and b: density `xᵃ⁻¹ (1−x)ᵇ⁻¹ / B(a, b)` on (0, 1), by `rand_distr` (Cheng 1978).
//! Draws that would round to an end are moved to the nearest number inside. NaN unless 0 < a, b < ∞.

use super::philox::LaneRng;
use rand_distr::{Beta, Distribution};

pub(crate) fn sample(rng: &mut LaneRng, a: f64, b: f64) -> f64 {
    match Beta::new(a, b) {
        Ok(beta) if a.is_finite() && b.is_finite() => {
            beta.sample(rng).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
        }
        _ => f64::NAN,
    }
}
