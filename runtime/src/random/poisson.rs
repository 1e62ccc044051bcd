//! Poisson of rate λ: mass `λᵏ e^−λ / k!`, by `rand_distr` (Ahrens and Dieter 1982); above its limit
//! by the normal approximation, whose error is far below the spacing of doubles there. 0 for λ = 0;
//! NaN unless 0 ≤ λ < ∞.

use super::normal;
use super::philox::LaneRng;
use rand_distr::{Distribution, Poisson};

pub(crate) fn sample(rng: &mut LaneRng, rate: f64) -> f64 {
    match Poisson::new(rate) {
        Ok(poisson) => poisson.sample(rng),
        Err(_) if rate == 0.0 => 0.0,
        Err(_) if rate > 1.0 && rate.is_finite() => (rate + rate.sqrt() * normal::sample(rng)).round(),
        Err(_) => f64::NAN,
    }
}
