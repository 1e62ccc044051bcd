//! Philox4x32-10, a counter-based generator.
//!
//! Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011: a block of
//! four words is a bijective function of a counter and a key, so that any number of any stream can
//! be had without those before it.

use crate::isa::{Isa, Level, Work, dispatch};
use rand::TryRng;
use std::convert::Infallible;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// One block. Words stand in 64-bit numbers, which is how vector units multiply 32-bit ones: the
/// compiler makes a loop over this work on several counters at once.
#[inline(always)]
fn block(key: [u32; 2], [mut c0, mut c1, mut c2, mut c3]: [u64; 4]) -> [u64; 4] {
    const LOW: u64 = 0xFFFF_FFFF;
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        let p0 = u64::from(MULTIPLIERS[0]) * (c0 & LOW);
        let p1 = u64::from(MULTIPLIERS[1]) * (c2 & LOW);
        (c0, c1) = ((p1 >> 32) ^ c1 ^ u64::from(k0), p1 & LOW);
        (c2, c3) = ((p0 >> 32) ^ c3 ^ u64::from(k1), p0 & LOW);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// Two words of 64 bits.
#[inline(always)]
fn words([c0, c1, c2, c3]: [u64; 4]) -> [u64; 2] {
    [c0 | c1 << 32, c2 | c3 << 32]
}

/// The stream of one lane at one step: blocks 0, 1, 2, … of the counter (lane, step, block).
#[derive(Debug, Clone)]
pub struct LaneRng {
    key: [u32; 2],
    lane: u64,
    step: u64,
    /// The number of the current block.
    block: u32,
    /// The current block.
    words: [u64; 2],
    /// How many of its words are used.
    used: usize,
}

/// Lane and step share three words: 48 bits each. The last counts blocks.
#[inline(always)]
fn counter(lane: u64, step: u64, block: u32) -> [u64; 4] {
    const LOW: u64 = 0xFFFF_FFFF;
    [lane & LOW, lane >> 32 & 0xFFFF | (step >> 32 & 0xFFFF) << 16, step & LOW, u64::from(block)]
}

impl LaneRng {
    /// The stream of `lane` (below 2⁴⁸) at `step` (below 2⁴⁸).
    pub fn new(key: [u32; 2], lane: u64, step: u64) -> Self {
        let mut rng = LaneRng { key, lane, step, block: 0, words: [0; 2], used: 0 };
        rng.fill();
        rng
    }

    fn fill(&mut self) {
        self.words = words(block(self.key, counter(self.lane, self.step, self.block)));
    }

    #[inline(always)]
    fn word(&mut self) -> u64 {
        if self.used == 2 {
            self.block = self.block.wrapping_add(1);
            self.used = 0;
            self.fill();
        }
        let word = self.words[self.used];
        self.used += 1;
        word
    }
}

/// The first blocks of `N` lanes, made together: as one by one, but faster.
#[derive(Debug, Clone)]
pub struct Lanes<const N: usize> {
    key: [u32; 2],
    lanes: [u64; N],
    step: u64,
    words: [[u64; N]; 2],
}

impl<const N: usize> Lanes<N> {
    /// The streams of the lanes `lane`, `lane + stride`, ….
    pub fn new(level: Level, key: [u32; 2], lane: u64, stride: u64, step: u64) -> Self {
        Lanes::at(level, key, std::array::from_fn(|i| lane + i as u64 * stride), step)
    }

    /// The streams of these lanes.
    pub fn at(level: Level, key: [u32; 2], lanes: [u64; N], step: u64) -> Self {
        let mut made = Lanes { key, lanes, step, words: [[0; N]; 2] };
        dispatch(level, Fill(&mut made));
        made
    }

    /// The first word of a lane.
    #[inline(always)]
    pub fn first(&self, i: usize) -> u64 {
        self.words[0][i]
    }

    /// The stream of a lane.
    #[inline(always)]
    pub fn rng(&self, i: usize) -> LaneRng {
        let Lanes { key, lanes, step, words } = self;
        let words = [words[0][i], words[1][i]];
        LaneRng { key: *key, lane: lanes[i], step: *step, block: 0, words, used: 0 }
    }
}

/// Fills the first blocks.
struct Fill<'a, const N: usize>(&'a mut Lanes<N>);

impl<const N: usize> Work for Fill<'_, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Lanes { key, lanes, step, words } = self.0;
        for i in 0..N {
            let [low, high] = self::words(block(*key, counter(lanes[i], *step, 0)));
            words[0][i] = low;
            words[1][i] = high;
        }
    }
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
        let one = |key, counter: [u32; 4]| block(key, counter.map(u64::from)).map(|word| word as u32);
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
        let lanes = Lanes::<16>::new(Level::detect(), key, 1 << 33, 3, step);
        for i in 0..16 {
            let (mut lane, mut alone) = (lanes.rng(i), LaneRng::new(key, (1 << 33) + 3 * i as u64, step));
            assert_eq!(lanes.first(i), alone.clone().next_u64());
            (0..7).for_each(|_| assert_eq!(lane.next_u64(), alone.next_u64()));
        }
    }
}
