//! Standard Cauchy: density `1 / (π (1 + x²))`, by inversion. Finite, since the uniform number never
//! hits an end of its interval.

use super::philox::LaneRng;
use super::uniform;

pub(crate) fn sample(rng: &mut LaneRng) -> f64 {
    (std::f64::consts::PI * (uniform::sample(rng) - 0.5)).tan()
}
