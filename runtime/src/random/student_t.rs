//! Student t with ν degrees of freedom: density `∝ (1 + x²/ν)^(−(ν+1)/2)`, as `z √(ν / χ²)` of a
//! standard normal z and a χ² of ν degrees. Finite however small ν is. NaN unless 0 < ν < ∞.

use super::philox::LaneRng;
use super::{gamma, normal};

pub(crate) fn sample(rng: &mut LaneRng, nu: f64) -> f64 {
    let z = normal::sample(rng);
    let half_chi = gamma::sample(rng, 0.5 * nu);
    z * (0.5 * nu / half_chi).sqrt()
}
