//! Binomial of n trials with probability p: mass `C(n, k) pᵏ (1−p)ⁿ⁻ᵏ`, by `rand_distr`
//! (Kachitvichyanukul and Schmeiser 1988). NaN unless n is a whole number from 0 to 2⁵³ and
//! 0 ≤ p ≤ 1.

use super::philox::LaneRng;
use rand_distr::{Binomial, Distribution};

pub(crate) fn sample(rng: &mut LaneRng, trials: f64, probability: f64) -> f64 {
    let whole = (0.0..=9_007_199_254_740_992.0).contains(&trials) && trials == trials.floor();
    match Binomial::new(if whole { trials as u64 } else { 0 }, probability) {
        Ok(binomial) if whole => binomial.sample(rng) as f64,
        _ => f64::NAN,
    }
}
