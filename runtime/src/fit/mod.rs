//! Fitting: optimisers, the loop that runs an estimator, and what is reported afterwards.
//!
//! The loop knows an [`Estimator`] only as unbiased (or not) estimates of an objective and of its
//! gradient at a parameter vector of shape `[dimension]`; how parameters are named, shaped and
//! constrained is the caller's business until [`FitReport`].

mod batches;
mod optimizer;
mod report;
mod run;
mod summary;
mod timing;

pub use batches::Batches;
pub use optimizer::{Adam, Optimizer, SettingError, Sgd};
pub use report::{
    ARRAY_LIMIT, Bound, Diagnostics, EstimatorReport, FitReport, ObjectiveReport, Posterior,
    PosteriorEntries, Seconds, SiteReport,
};
pub use run::{Failure, Fitted, Observer, Outcome, Progress, Settings, TAIL_STEPS, Tail, fit};
pub use summary::{MonteCarlo, Summary, entry_name, quantile};
pub use timing::StepTime;

use std::ops::Range;

/// Estimates of an objective and its gradient.
pub trait Estimator {
    /// The number of unconstrained parameters; may be 0.
    fn dimension(&self) -> usize;

    /// An estimate of the objective at `params`, its gradient written to `gradient`, both of shape
    /// `[dimension]`: to the entries in [`Estimator::moved`], the others are left as they are. The randomness is a function of `step` and of the estimator's own seed.
    /// Non-finite results are returned as they are: the loop reports them.
    fn step(&mut self, params: &[f64], step: u64, gradient: &mut [f64]) -> f64;

    /// The entries that the last step's gradient is by, in ranges that do not overlap; `None` is all of them. The others
    /// are not moved, and an optimiser's memory of them stays as it is: they are of rows that the step did not take.
    fn moved(&self) -> Option<&[Range<usize>]> {
        None
    }

    /// Estimates of further objectives at the last step: those whose gradients by other parameters are part of
    /// `gradient`, turned so that all parameters move in the sense of the first.
    fn others(&self) -> &[f64] {
        &[]
    }
}

/// Which way a fit moves its objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Uphill.
    Maximize,
    /// Downhill.
    Minimize,
}

impl Sense {
    /// `1` uphill, `-1` downhill: the factor of a gradient that makes it a direction to move in.
    pub fn sign(self) -> f64 {
        match self {
            Sense::Maximize => 1.0,
            Sense::Minimize => -1.0,
        }
    }
}
