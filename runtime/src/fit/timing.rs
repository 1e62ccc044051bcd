//! How long a step takes, measured without slowing it down.

use std::time::{Duration, Instant};

use super::quantile;

/// Microseconds per step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepTime {
    /// Half of the steps are faster.
    pub median: f64,
    /// A tenth is faster.
    pub p10: f64,
    /// Nine tenths are faster.
    pub p90: f64,
}

/// The clock is read once per block; blocks grow until they take this long, so that reading the
/// clock (some 25 ns) is lost in them.
const BLOCK: Duration = Duration::from_micros(50);
/// How many blocks are remembered before neighbours are merged.
const CAPACITY: usize = 4096;

/// Times blocks of steps. Each block counts as one observation of its mean step.
pub(super) struct StepTimer {
    /// Microseconds per step of each finished block.
    blocks: Vec<f64>,
    steps_per_block: u32,
    steps_in_block: u32,
    block_began: Instant,
}

impl StepTimer {
    pub fn start() -> Self {
        StepTimer {
            blocks: Vec::with_capacity(CAPACITY),
            steps_per_block: 1,
            steps_in_block: 0,
            block_began: Instant::now(),
        }
    }

    /// Counts a step; the time when it ended a block.
    pub fn step(&mut self) -> Option<Instant> {
        self.steps_in_block += 1;
        if self.steps_in_block < self.steps_per_block {
            return None;
        }
        let now = Instant::now();
        self.end_block(now);
        Some(now)
    }

    /// Leaves the time since the last block out of the measurement.
    pub fn skip(&mut self) {
        self.block_began = Instant::now();
    }

    /// The quantiles over blocks; `None` when no step was counted.
    pub fn finish(mut self) -> Option<StepTime> {
        if self.blocks.is_empty() && self.steps_in_block > 0 {
            self.end_block(Instant::now());
        }
        self.blocks.sort_by(f64::total_cmp);
        let at = |share| quantile(&self.blocks, share);
        (!self.blocks.is_empty()).then(|| StepTime { median: at(0.5), p10: at(0.1), p90: at(0.9) })
    }

    fn end_block(&mut self, now: Instant) {
        let took = now - self.block_began;
        self.blocks.push(took.as_secs_f64() * 1e6 / f64::from(self.steps_in_block));
        if took < BLOCK {
            self.steps_per_block = self.steps_per_block.saturating_mul(2);
        }
        if self.blocks.len() == CAPACITY {
            for pair in 0..CAPACITY / 2 {
                self.blocks[pair] = 0.5 * (self.blocks[2 * pair] + self.blocks[2 * pair + 1]);
            }
            self.blocks.truncate(CAPACITY / 2);
            self.steps_per_block = self.steps_per_block.saturating_mul(2);
        }
        self.steps_in_block = 0;
        self.block_began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_a_bounded_number_of_blocks() {
        let mut timer = StepTimer::start();
        for _ in 0..1_000_000 {
            timer.step();
        }
        assert!(timer.blocks.len() < CAPACITY && timer.blocks.capacity() == CAPACITY);
        let time = timer.finish().unwrap();
        assert!(0.0 <= time.p10 && time.p10 <= time.median && time.median <= time.p90);
    }

    #[test]
    fn no_step_has_no_time() {
        assert_eq!(StepTimer::start().finish(), None);
    }
}
