//! Uniform on the open interval (0, 1): the midpoints of 2⁵² equal cells, so that neither end and
//! no logarithm of it is ever infinite.

use super::philox::LaneRng;
use rand::Rng;

#[inline(always)]
pub(crate) fn sample(rng: &mut LaneRng) -> f64 {
    from_word(rng.next_u64())
}

/// The uniform number of a random word.
#[inline(always)]
pub(crate) fn from_word(word: u64) -> f64 {
    ((word >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}
