//! A compiled fit from its first step to its report.

use super::constraint::constrain;
use super::estimator::{self, Setup};
use super::gradient::{GradientEstimator, Gradients};
use super::measured::measured;
use super::prepare::Prepared;
use crate::elaborate::{self, Objective};
use crate::pipeline::Derived;
use ndarray::ArrayD;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use vary_core::axis::Axis;
use vary_core::ir::Output;
use vary_core::transform::adev;
use vary_diagnostic::{Code, Diagnostic};
use vary_runtime::fit as run;
use vary_runtime::fit::{EstimatorReport, FitReport, Observer, Outcome, Posterior, Seconds, Sense};
use vary_runtime::float::Width;

/// Added to the seed for fresh draws and for posterior draws, so that they share nothing with the fit's.
const FRESH_SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// A fit that ran, to its end or not.
pub struct Ended {
    /// The result, partial unless [`End::Finished`].
    pub report: FitReport,
    /// How it ended.
    pub end: End,
}

/// How a fit ended.
pub enum End {
    /// All steps are done.
    Finished,
    /// By the interrupt flag.
    Interrupted,
    /// By a number that is not finite.
    Failed(Diagnostic),
}

impl Prepared {
    /// The estimator of its steps.
    ///
    /// # Errors
    /// A fault of the compiler.
    pub fn steps(&self) -> Result<impl run::Estimator, String> {
        self.estimator(&self.setup(self.settings.threads))
    }

    /// The parameter vector at the start.
    pub fn start(&self) -> &[f64] {
        &self.start
    }

    /// What its programs need beside themselves.
    pub(super) fn setup(&self, threads: usize) -> Setup<'_> {
        let (data, params, plates) = (&self.data, self.params.as_slice(), self.plates.as_slice());
        Setup { data, params, threads, seed: self.settings.seed, plates, width: self.settings.width }
    }

    /// Runs the fit until its end or until the flag is set.
    pub fn run(self, observer: &mut dyn Observer, interrupt: &AtomicBool) -> Result<Ended, Diagnostic> {
        let fault =
            |reason: String| Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"));
        let settings = &self.settings;
        let setup = self.setup(settings.threads);
        let mut estimator = self.estimator(&setup).map_err(fault)?;
        let mut optimizer = settings.optimizer(self.start.len())?;
        let sense = sense(self.fit.objective());
        let asked = run::Settings { steps: settings.steps, sense };
        let fitted = run::fit(&mut estimator, &mut *optimizer, &self.start, asked, interrupt, observer);
        let values = &fitted.params;

        let fresh = Setup { seed: settings.seed.wrapping_add(FRESH_SEED), width: Width::Double, ..setup };
        let mut objectives = Vec::new();
        for (which, tail) in fitted.tails.iter().enumerate() {
            objectives.push(measured(&self, which, values, *tail, fitted.steps, &fresh).map_err(fault)?);
        }
        let posterior = match &self.posterior {
            None => Vec::new(),
            Some(drawn) => estimator::sample(
                &drawn.program,
                &estimator::Moment { values, draws: settings.draws, step: 0, done: 0, rows: &[] },
                &fresh,
            )
            .map_err(fault)?
            .iter()
            .zip(&drawn.program.results)
            .map(|((name, draws), result)| self.summarise(drawn, result, name, draws))
            .collect(),
        };
        let own = self.fit.params().len();
        let constrained = self.params[..own].iter().map(|placed| {
            let raw = &values[placed.offset..placed.offset + placed.len];
            constrain(&placed.spec.constraint, raw, &placed.shape)
        });
        let parameters = self.shown_names().into_iter().zip(constrained).collect();
        let biased = !self.labels().is_empty();
        let unproven = self.notes.iter().any(|note| note.starts_with("not proven"));
        let report = FitReport {
            fit: Some(self.fit.name.clone()),
            model: self.fit.model().map(|(name, _)| name.clone()),
            guide: self.fit.guide().map(|(name, _)| name.clone()),
            objectives,
            estimator: EstimatorReport {
                unbiased: match (biased, unproven) {
                    (true, _) => Some(false),
                    (false, true) => None,
                    (false, false) => Some(true),
                },
                sites: self.sites.clone(),
                notes: self.notes.clone(),
            },
            parameters,
            posterior,
            diagnostics: run::Diagnostics::default(),
            steps: fitted.steps,
            seconds: Seconds {
                compile: self.compiled,
                optimise: fitted.seconds,
                total: self.began.elapsed().as_secs_f64(),
            },
            step_us: fitted.step_us,
            seed: settings.seed,
            threads: settings.threads,
            float: settings.width.bits(),
        };
        let end = match &fitted.outcome {
            Outcome::Finished => End::Finished,
            Outcome::Interrupted => End::Interrupted,
            Outcome::Failed(failure) => End::Failed(self.failure(failure, &setup)),
        };
        Ok(Ended { report, end })
    }

    /// Why objectives and strategies of sites are biased by construction; empty where none is.
    pub(super) fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        for (objective, derived) in self.fit.objectives.iter().zip(&self.derived) {
            labels.extend(bias(objective, derived));
        }
        labels.sort();
        labels.dedup();
        labels
    }

    /// The gradients of all objectives, each by its own parameters.
    pub(super) fn estimator(&self, setup: &Setup) -> Result<Gradients, String> {
        let parts: Result<Vec<(GradientEstimator, Sense)>, String> = (0..self.fit.objectives.len())
            .map(|which| {
                let (objective, derived) = (&self.fit.objectives[which], &self.derived[which]);
                let (states, samples) = (&derived.estimator.states, self.settings.samples);
                let programs = self.programs(which).into_iter();
                let programs: Vec<_> = programs.map(|(sizes, derived)| (sizes, &derived.gradient)).collect();
                let part = GradientEstimator::of_batches(&programs, states, samples, setup)?;
                let part = match objective.log_moment {
                    Some(order) => part.reporting_log_moment(order),
                    None => part,
                };
                let (sense, trained) = (sense(objective), derived.estimator.trained());
                Ok((if sense == Sense::Maximize { part.minimising(&trained) } else { part }, sense))
            })
            .collect();
        Ok(Gradients::new(parts?))
    }

    /// The stages of an objective for batches of all sizes, the usual ones first.
    pub(super) fn programs(&self, which: usize) -> Vec<(Vec<usize>, &Derived)> {
        let usual = self.plates.iter().map(|plate| plate.size).collect();
        let shorter = self.shorter[which].iter().map(|shorter| (shorter.sizes.clone(), &shorter.derived));
        std::iter::once((usual, &self.derived[which])).chain(shorter).collect()
    }

    /// A summary of draws; of a site under a condition, over the draws that have it.
    fn summarise(
        &self,
        drawn: &elaborate::Posterior,
        result: &Output,
        name: &str,
        draws: &ArrayD<f64>,
    ) -> Posterior {
        let conditional = drawn.conditional.contains(name);
        let summary =
            if conditional { Posterior::of_present(name, draws) } else { Posterior::of(name, draws) };
        // The first dimension is the draws'.
        let lower = |axis: &Axis| drawn.program.axes.info(*axis).lower.value().unwrap_or(0);
        summary.counted_from(result.dims.iter().skip(1).map(lower).collect())
    }

    /// The parameters by name: `ring.sigma`, or `sigma` where no other parameter ends so; a layer's parameters keep
    /// their path.
    pub(super) fn shown_names(&self) -> Vec<String> {
        fn short(name: &str) -> &str {
            name.rsplit('.').next().unwrap_or(name)
        }
        let full = || self.params.iter().map(|placed| placed.spec.name.as_str());
        let mut count: HashMap<&str, usize> = HashMap::new();
        full().for_each(|name| *count.entry(short(name)).or_default() += 1);
        let is_short = |name: &str| name.matches('.').count() <= 1 && count[short(name)] == 1;
        full().map(|name| if is_short(name) { short(name) } else { name }.to_string()).collect()
    }
}

/// Why an objective is biased: by what it says of itself, and by the strategies of its sites.
pub(super) fn bias(objective: &Objective, derived: &Derived) -> impl Iterator<Item = String> {
    let by_strategy = derived.estimator.sites.iter().filter_map(adev::strategy::SiteReport::bias);
    objective.bias.iter().cloned().chain(by_strategy)
}

/// Which way a fit moves an objective.
pub(super) fn sense(objective: &Objective) -> Sense {
    if objective.maximize { Sense::Maximize } else { Sense::Minimize }
}
