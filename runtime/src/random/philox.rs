//! Philox4x32-10, a counter-based generator.
//!
//! Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011: a block of
//! four words is a bijective function of a counter and a key, so that any number of any stream can
//! be had without those before it.

use rand::TryRng;
use std::convert::Infallible;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// `N` blocks under one key; `counters[w][i]` is word `w` of counter `i`. Written so that the
/// compiler works on several counters at once.
#[inline(always)]
pub fn blocks<const N: usize>(key: [u32; 2], counters: [[u32; N]; 4]) -> [[u32; N]; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counters;
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        for i in 0..N {
            let p0 = u64::from(MULTIPLIERS[0]) * u64::from(c0[i]);
            let p1 = u64::from(MULTIPLIERS[1]) * u64::from(c2[i]);
            c0[i] = (p1 >> 32) as u32 ^ c1[i] ^ k0;
            c1[i] = p1 as u32;
            c2[i] = (p0 >> 32) as u32 ^ c3[i] ^ k1;
            c3[i] = p0 as u32;
        }
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// The stream of one lane at one step: blocks 0, 1, 2, … of the counter (lane, step, block).
#[derive(Debug, Clone)]
pub struct LaneRng {
    key: [u32; 2],
    /// The counter of the current block; its last word counts blocks.
    counter: [u32; 4],
    /// The current block.
    words: [u64; 2],
    /// How many of its words are used.
    used: u8,
}

/// Lane and step share three counter words: 48 bits each.
fn counter(lane: u64, step: u64) -> [u32; 4] {
    [lane as u32, (lane >> 32) as u32 & 0xFFFF | ((step >> 32) as u32) << 16, step as u32, 0]
}

impl LaneRng {
    /// The stream of `lane` (below 2⁴⁸) at `step` (below 2⁴⁸).
    pub fn new(key: [u32; 2], lane: u64, step: u64) -> Self {
        let mut rng = LaneRng { key, counter: counter(lane, step), words: [0; 2], used: 2 };
        rng.fill();
        rng
    }

    /// The streams of `N` lanes, `stride` apart, made together: the same as one by one, but faster.
    #[inline(always)]
    pub fn several<const N: usize>(key: [u32; 2], lane: u64, stride: u64, step: u64) -> [Self; N] {
        let starts: [[u32; 4]; N] = std::array::from_fn(|i| counter(lane + i as u64 * stride, step));
        let [a, b, c, d] = blocks(key, std::array::from_fn(|w| starts.map(|start| start[w])));
        std::array::from_fn(|i| LaneRng {
            key,
            counter: starts[i],
            words: [join(a[i], b[i]), join(c[i], d[i])],
            used: 0,
        })
    }

    fn fill(&mut self) {
        let [[a], [b], [c], [d]] = blocks(self.key, self.counter.map(|word| [word]));
        self.words = [join(a, b), join(c, d)];
        self.used = 0;
    }

    #[inline(always)]
    fn word(&mut self) -> u64 {
        if self.used == 2 {
            self.counter[3] = self.counter[3].wrapping_add(1);
            self.fill();
        }
        let word = self.words[usize::from(self.used & 1)];
        self.used += 1;
        word
    }
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Never fails, and so is a `rand::Rng`. A 32-bit number takes a whole 64-bit word.
impl TryRng for LaneRng {
    type Error = Infallible;

    #[inline(always)]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    #[inline(always)]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// The known answers published with Random123 (`kat_vectors`, philox4x32, 10 rounds).
    #[test]
    fn known_answers() {
        let one = |key: [u32; 2], counter: [u32; 4]| blocks(key, counter.map(|w| [w])).map(|[w]| w);
        assert_eq!(one([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(one([u32::MAX; 2], [u32::MAX; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            one([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn lanes_made_together_are_those_made_alone() {
        let (key, step) = ([3, 4], 1 << 40 | 7);
        for (i, mut lane) in LaneRng::several::<16>(key, 1 << 33, 3, step).into_iter().enumerate() {
            let mut alone = LaneRng::new(key, (1 << 33) + 3 * i as u64, step);
            (0..7).for_each(|_| assert_eq!(lane.next_u64(), alone.next_u64()));
        }
    }
}
