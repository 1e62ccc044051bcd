//! What a fit tells, as plain data: the JSON and the tables of the command line show exactly this.

use ndarray::ArrayD;

use super::summary::{entry_name, mean_sd};
use super::{Sense, StepTime, Summary, Tail};

/// Arrays of more entries are summarised as a whole.
pub const ARRAY_LIMIT: usize = 1000;

/// The result of one fit, complete or partial.
#[derive(Debug, Clone, PartialEq)]
pub struct FitReport {
    /// The fit block's name; absent for an unnamed or automatic fit.
    pub fit: Option<String>,
    /// The model's name, where the objective has one model.
    pub model: Option<String>,
    /// The guide's name, where the objective has one guide.
    pub guide: Option<String>,
    /// The objectives in the order of the fit block; the first is the one reported first.
    pub objectives: Vec<ObjectiveReport>,
    /// The gradient estimator.
    pub estimator: EstimatorReport,
    /// Names and values on the scale they are used in, in their declared shape.
    pub parameters: Vec<(String, ArrayD<f64>)>,
    /// Latents and derived quantities in the order of the program.
    pub posterior: Vec<Posterior>,
    /// Whether to trust it.
    pub diagnostics: Diagnostics,
    /// Steps done.
    pub steps: u64,
    /// Where the time went.
    pub seconds: Seconds,
    /// Time per step; absent when no step was done.
    pub step_us: Option<StepTime>,
    /// The seed of all randomness.
    pub seed: u64,
    /// Threads used.
    pub threads: usize,
    /// Width of the floating point numbers: 32 or 64.
    pub float: u32,
}

/// One objective at the fitted parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectiveReport {
    /// Its name: `elbo`.
    pub name: String,
    /// Mean of fresh estimates; NaN when none were made.
    pub mean: f64,
    /// Standard error of that mean.
    pub se: f64,
    /// How many fresh estimates.
    pub draws: usize,
    /// Mean over the last steps of the fit; absent when no step was done.
    pub tail: Option<Tail>,
    /// Which way it was moved.
    pub sense: Sense,
    /// Whether it bounds the log evidence.
    pub bound: Option<Bound>,
}

/// What an objective is to the log evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// At most the log evidence.
    Lower,
    /// At least the log evidence.
    Upper,
}

/// How gradients were estimated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EstimatorReport {
    /// Whether their mean is the gradient; absent when not proven, with the reason in `notes`.
    pub unbiased: Option<bool>,
    /// The strategy at each site.
    pub sites: Vec<SiteReport>,
    /// Reasons and remarks.
    pub notes: Vec<String>,
}

/// A sample site and its strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteReport {
    /// Its address.
    pub address: String,
    /// `reparam`, `reinforce`, `enum`, …
    pub strategy: String,
    /// Line in the program, from 1; absent for a derived guide.
    pub line: Option<u32>,
}

/// The posterior of one latent or derived quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// Its name.
    pub name: String,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// The index of its first entry: zeros, but for plates and loops that begin elsewhere.
    pub first: Vec<i64>,
    /// Its entries, or the array as a whole.
    pub entries: PosteriorEntries,
}

/// Summaries of an array's entries.
#[derive(Debug, Clone, PartialEq)]
pub enum PosteriorEntries {
    /// One per entry, row-major.
    Each(Vec<Summary>),
    /// Mean and standard deviation over all draws of all entries: the array has more than
    /// [`ARRAY_LIMIT`].
    Whole {
        /// Mean.
        mean: f64,
        /// Standard deviation, divisor n − 1.
        sd: f64,
    },
}

impl Posterior {
    /// The same, its entries counted from these indices.
    pub fn counted_from(self, first: Vec<i64>) -> Self {
        Posterior { first, ..self }
    }

    /// What the entry with this row-major number is called: `x`, `x[0]`, `x[1,2]`.
    pub fn entry_name(&self, number: usize) -> String {
        let mut index = vec![0; self.shape.len()];
        let mut rest = number;
        for (axis, size) in self.shape.iter().enumerate().rev() {
            let size = (*size).max(1);
            let counted = self.first.get(axis).copied().unwrap_or(0) + (rest % size) as i64;
            index[axis] = usize::try_from(counted).unwrap_or(0);
            rest /= size;
        }
        entry_name(&self.name, &index)
    }

    /// Of draws that are NaN where the value is absent, of shape `[draws, …shape]`: over those that are present.
    pub fn of_present(name: impl Into<String>, draws: &ArrayD<f64>) -> Self {
        let shape: Vec<usize> = draws.shape().iter().skip(1).copied().collect();
        let entries = PosteriorEntries::Each(Summary::of_present(draws));
        Posterior { name: name.into(), first: vec![0; shape.len()], shape, entries }
    }

    /// Of draws of shape `[draws, …shape]`.
    pub fn of(name: impl Into<String>, draws: &ArrayD<f64>) -> Self {
        let shape: Vec<usize> = draws.shape().iter().skip(1).copied().collect();
        let entries = if shape.iter().product::<usize>() > ARRAY_LIMIT {
            let (mean, sd) = match draws.as_slice() {
                Some(values) => mean_sd(values),
                None => mean_sd(&draws.iter().copied().collect::<Vec<_>>()),
            };
            PosteriorEntries::Whole { mean, sd }
        } else {
            PosteriorEntries::Each(Summary::of_entries(draws))
        };
        Posterior { name: name.into(), first: vec![0; shape.len()], shape, entries }
    }
}

/// Whether to trust a fit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagnostics {
    /// Pareto k of the importance weights; absent when not computed.
    pub khat: Option<f64>,
    /// Effective sample size of the weights; absent when not computed.
    pub ess: Option<f64>,
    /// Whether the objective has settled; absent when not judged.
    pub converged: Option<bool>,
    /// What was found, in sentences.
    pub messages: Vec<String>,
}

/// Where the time went, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seconds {
    /// From text to executable program.
    pub compile: f64,
    /// In the fit loop.
    pub optimise: f64,
    /// From start to report.
    pub total: f64,
}
