//! Standard normal: density `exp(−x²/2) / √(2π)`, by the ziggurat of `rand_distr`.

use super::philox::LaneRng;
use rand_distr::{Distribution, StandardNormal};

#[inline(always)]
pub(crate) fn sample(rng: &mut LaneRng) -> f64 {
    StandardNormal.sample(rng)
}
