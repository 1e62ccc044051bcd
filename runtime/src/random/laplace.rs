//! Standard Laplace: density `e^−|x| / 2`, an exponential number with a random sign.

use super::exponential;
use super::philox::LaneRng;
use rand::Rng;

pub(crate) fn sample(rng: &mut LaneRng) -> f64 {
    let negative = rng.next_u64() >> 63 == 1;
    let size = exponential::sample(rng);
    if negative { -size } else { size }
}
