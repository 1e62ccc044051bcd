//! What a fit's steps cost: `vary bench`.

use super::prepare::Prepared;
use std::time::Instant;
use vary_diagnostic::{Code, Diagnostic};
use vary_runtime::fit::Estimator;
use vary_runtime::machine::Machine;
use vary_runtime::program::Work;

/// What was measured.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The fit's name.
    pub fit: String,
    /// Seconds from the program's text to executable plans.
    pub compile: f64,
    /// Microseconds of a gradient, over blocks of steps.
    pub gradient_us: Quantiles,
    /// Microseconds of a step: a gradient and what the optimiser does with it.
    pub step_us: Quantiles,
    /// The work of a gradient.
    pub work: Work,
    /// What this machine reaches with as many threads.
    pub machine: Machine,
    /// Bytes of working memory, all threads together.
    pub arena_bytes: usize,
    /// Instructions of the plans, those inside loops once.
    pub instructions: usize,
    /// Contractions that run as matrix products.
    pub matrix_products: usize,
    /// How many parameters there are.
    pub parameters: usize,
    /// Monte Carlo draws of a step.
    pub samples: usize,
    /// Threads.
    pub threads: usize,
    /// Bits of the numbers.
    pub float: u32,
    /// The mean of the objective's estimates over the steps measured, at the start.
    pub objective: f64,
}

/// Quantiles over blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// Half of the blocks are faster.
    pub median: f64,
    /// A tenth is faster.
    pub p10: f64,
    /// Nine tenths are faster.
    pub p90: f64,
}

/// How many blocks are timed.
const BLOCKS: usize = 30;

impl Bench {
    /// The share of the machine's rate of arithmetic that the gradient's products reach.
    pub fn share_of_arithmetic(&self) -> f64 {
        self.work.operations / (self.gradient_us.median * 1e-6) / self.machine.operations
    }

    /// Bytes that the instructions of a gradient read and write.
    pub fn bytes(&self) -> f64 {
        self.work.moved * f64::from(self.float) / 8.0
    }
}

impl Prepared {
    /// Measures gradients and steps at the start for about `seconds`; nothing is fitted.
    ///
    /// # Errors
    /// Settings that cannot be used, or a fault of vary itself.
    pub fn bench(&self, seconds: f64) -> Result<Bench, Diagnostic> {
        let fault =
            |reason: String| Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"));
        let settings = &self.settings;
        let setup = self.setup(settings.threads);
        let mut estimator = self.estimator(&setup).map_err(fault)?;
        let mut optimizer = settings.optimizer(self.start.len())?;
        let mut params = self.start.clone();
        let all: Vec<_> = std::iter::once(0..params.len()).collect();
        let mut gradient = vec![0.0; self.start.len()];
        let (mut sum, mut count, mut step) = (0.0, 0u64, 0);
        let gradient_us = quantiles(seconds / 2.0, || {
            sum += estimator.step(&self.start, step, &mut gradient);
            (count, step) = (count + 1, step + 1);
        });
        let sense = super::fit::sense(self.fit.objective());
        step = 0;
        let step_us = quantiles(seconds / 2.0, || {
            estimator.step(&params, step, &mut gradient);
            optimizer.update(&mut params, &gradient, estimator.moved().unwrap_or(&all), sense);
            step += 1;
        });
        let cost = estimator.cost();
        Ok(Bench {
            fit: self.fit.name.clone(),
            compile: self.compiled,
            gradient_us,
            step_us,
            work: cost.work,
            machine: Machine::measure(settings.width, settings.threads),
            arena_bytes: cost.arena_bytes,
            instructions: cost.instructions,
            matrix_products: cost.matrix_products,
            parameters: self.start.len(),
            samples: settings.samples,
            threads: settings.threads,
            float: settings.width.bits(),
            objective: sum / count as f64,
        })
    }
}

/// Microseconds of one call, over blocks of calls that fill the time.
fn quantiles(seconds: f64, mut call: impl FnMut()) -> Quantiles {
    let warm = Instant::now();
    let mut calls = 0u32;
    while calls < 3 || warm.elapsed().as_secs_f64() < seconds / 10.0 {
        call();
        calls += 1;
    }
    let once = warm.elapsed().as_secs_f64() / f64::from(calls);
    let block = (seconds / BLOCKS as f64 / once).max(1.0) as u32;
    let mut times: Vec<f64> = (0..BLOCKS)
        .map(|_| {
            let start = Instant::now();
            (0..block).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e6 / f64::from(block)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[(share * (BLOCKS - 1) as f64).round() as usize];
    Quantiles { median: at(0.5), p10: at(0.1), p90: at(0.9) }
}
