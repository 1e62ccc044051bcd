//! Exponential of rate one: density `e⁻ˣ` for x > 0, by the ziggurat of `rand_distr`.

use super::philox::LaneRng;
use rand_distr::{Distribution, Exp1};

pub(crate) fn sample(rng: &mut LaneRng) -> f64 {
    let x: f64 = Exp1.sample(rng);
    x.max(f64::MIN_POSITIVE)
}
