//! Which rows of the data the steps of a fit take.
//!
//! An epoch takes every row once, in an order of its own: a uniform permutation that is a function of the seed, the
//! name of the rows and the epoch alone. So any step's rows can be had without those before. The last batch of an epoch
//! has the rows that are left; each position of a batch is any row with the same probability, whatever its size.

use crate::random::stream;
use rand::TryRng;
use std::convert::Infallible;

/// The rows of every step.
#[derive(Debug, Clone)]
pub struct Batches {
    name: String,
    rows: usize,
    size: usize,
    seed: u64,
    /// The rows in the order of an epoch.
    order: Vec<u32>,
    epoch: Option<u64>,
}

impl Batches {
    /// Batches of `size` of `rows` rows. The name tells apart what is shuffled in one fit.
    ///
    /// # Panics
    /// When a batch is empty or larger than the rows, or there are 2³² of them: the caller has checked.
    pub fn new(name: &str, rows: usize, size: usize, seed: u64) -> Self {
        assert!((1..=rows).contains(&size) && u32::try_from(rows).is_ok(), "{size} of {rows} rows");
        Batches { name: format!("minibatch {name}"), rows, size, seed, order: Vec::new(), epoch: None }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Steps in an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.rows.div_ceil(self.size) as u64
    }

    /// How many rows a batch has: the usual number, and that of the last of an epoch if it is another.
    pub fn sizes(&self) -> Vec<usize> {
        let rest = self.rows % self.size;
        std::iter::once(self.size).chain((rest > 0).then_some(rest)).collect()
    }

    /// The rows of a step, distinct. Shuffles, in time of the order of all rows, where the step is not of the epoch of the
    /// last call.
    pub fn take(&mut self, step: u64) -> &[u32] {
        let (epoch, at) = (step / self.per_epoch(), step % self.per_epoch());
        if self.epoch != Some(epoch) {
            self.shuffle(epoch);
            self.epoch = Some(epoch);
        }
        let first = at as usize * self.size;
        &self.order[first..self.rows.min(first + self.size)]
    }

    /// Fisher and Yates' shuffle (Durstenfeld 1964) of the rows in their order.
    fn shuffle(&mut self, epoch: u64) {
        self.order.clear();
        self.order.extend(0..self.rows as u32);
        let mut random = stream(self.seed, &self.name, epoch, 0);
        for last in (1..self.rows).rev() {
            self.order.swap(last, below(&mut random, last as u64 + 1) as usize);
        }
    }
}

/// A whole number below `bound`, all alike (Lemire 2019, algorithm 5).
fn below(random: &mut impl TryRng<Error = Infallible>, bound: u64) -> u64 {
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let Ok(word) = random.try_next_u64();
        let product = u128::from(word) * u128::from(bound);
        if product as u64 >= threshold {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the steps of an epoch.
    fn epoch(batches: &mut Batches, number: u64) -> Vec<Vec<u32>> {
        let steps = number * batches.per_epoch()..(number + 1) * batches.per_epoch();
        steps.map(|step| batches.take(step).to_vec()).collect()
    }

    #[test]
    fn an_epoch_takes_every_row_once() {
        for (rows, size) in [(1, 1), (7, 7), (10, 3), (12, 4), (1000, 128)] {
            let mut batches = Batches::new("n", rows, size, 1);
            for number in [0, 1, 5] {
                let taken = epoch(&mut batches, number);
                let mut all = taken.concat();
                all.sort_unstable();
                assert_eq!(all, (0..rows as u32).collect::<Vec<_>>());
                let (last, whole) = taken.split_last().unwrap();
                assert!(whole.iter().all(|batch| batch.len() == size));
                assert_eq!(Some(&last.len()), batches.sizes().last());
            }
        }
    }

    #[test]
    fn rows_are_a_function_of_seed_name_and_step() {
        let take = |name: &str, seed: u64, step: u64| Batches::new(name, 100, 10, seed).take(step).to_vec();
        let mut batches = Batches::new("n", 100, 10, 3);
        for step in [25, 3, 990, 4] {
            assert_eq!(batches.take(step), take("n", 3, step));
        }
        let same = take("n", 3, 3);
        for other in [take("m", 3, 3), take("n", 4, 3), take("n", 3, 13)] {
            assert_ne!(same, other);
        }
    }

    /// Counts of each permutation of four rows: Pearson's χ² with 23 degrees of freedom exceeds 49.7 once in a thousand.
    #[test]
    fn orders_are_uniform() {
        let mut counts = std::collections::HashMap::new();
        let mut batches = Batches::new("n", 4, 4, 0);
        let epochs = 24_000;
        (0..epochs).for_each(|step| *counts.entry(batches.take(step).to_vec()).or_insert(0.0) += 1.0);
        assert_eq!(counts.len(), 24);
        let expected = epochs as f64 / 24.0;
        let chi: f64 = counts.values().map(|count: &f64| (count - expected).powi(2) / expected).sum();
        assert!(chi < 49.7, "{chi}");
    }
}
