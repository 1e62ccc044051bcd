//! A compiled fit from its first step to its report.

use super::constraint::constrain;
use super::estimator::{self, GradientEstimator, Gradients, Setup};
use super::prepare::Prepared;
use crate::elaborate::{self, Bound, Objective};
use crate::pipeline::Derived;
use ndarray::ArrayD;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use vary_core::axis::Axis;
use vary_core::ir::Output;
use vary_core::transform::adev;
use vary_diagnostic::{Code, Diagnostic};
use vary_runtime::fit as run;
use vary_runtime::fit::{
    EstimatorReport, FitReport, MonteCarlo, ObjectiveReport, Observer, Outcome, Posterior, Seconds, Sense,
};
use vary_runtime::float::Width;

/// Fresh draws that the final objective is measured with.
const FRESH_DRAWS: usize = 5000;
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
    /// Runs the fit until its end or until the flag is set.
    pub fn run(self, observer: &mut dyn Observer, interrupt: &AtomicBool) -> Result<Ended, Diagnostic> {
        let fault =
            |reason: String| Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"));
        let settings = &self.settings;
        let setup = Setup {
            data: &self.data,
            params: &self.params,
            threads: settings.threads,
            seed: settings.seed,
            width: settings.width,
        };
        let mut estimator = self.estimator(&setup).map_err(fault)?;
        let mut optimizer = settings.optimizer(self.start.len())?;
        let sense = sense(self.fit.objective());
        let asked = run::Settings { steps: settings.steps, sense };
        let fitted = run::fit(&mut estimator, &mut *optimizer, &self.start, asked, interrupt, observer);
        let values = &fitted.params;

        let fresh = Setup { seed: settings.seed.wrapping_add(FRESH_SEED), width: Width::Double, ..setup };
        let mut objectives = Vec::new();
        for ((objective, derived), tail) in self.fit.objectives.iter().zip(&self.derived).zip(&fitted.tails) {
            objectives
                .push(measured(objective, derived, values, *tail, fitted.steps, &fresh).map_err(fault)?);
        }
        let posterior = match &self.posterior {
            None => Vec::new(),
            Some(drawn) => estimator::sample(
                &drawn.program,
                &estimator::Moment { values, draws: settings.draws, step: 0, done: 0 },
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
        let parts: Result<Vec<(GradientEstimator, Sense)>, String> = self
            .fit
            .objectives
            .iter()
            .zip(&self.derived)
            .map(|(objective, derived)| {
                let estimator = &derived.estimator;
                let trained = estimator.trained();
                let part = GradientEstimator::new(
                    &derived.gradient,
                    &estimator.states,
                    self.settings.samples,
                    setup,
                )?;
                let part = match objective.log_moment {
                    Some(order) => part.reporting_log_moment(&derived.gradient, order),
                    None => part,
                };
                let sense = sense(objective);
                Ok((if sense == Sense::Maximize { part.minimising(&trained) } else { part }, sense))
            })
            .collect();
        Ok(Gradients::new(parts?))
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

/// An objective at the fitted parameters, by fresh draws; where a strategy relaxes values, of what they stand for, since
/// the relaxed objective is another one.
fn measured(
    objective: &Objective,
    derived: &Derived,
    values: &[f64],
    tail: Option<run::Tail>,
    done: u64,
    setup: &Setup,
) -> Result<ObjectiveReport, String> {
    let relaxed = derived.estimator.sites.iter().any(|site| site.chosen.bias().is_some());
    let mut primal = if relaxed {
        adev::sampler(&objective.program).map_err(|diagnostic| diagnostic.message)?
    } else {
        derived.estimator.program.clone()
    };
    let wanted = if objective.log_moment.is_some() { adev::LOG_MOMENT } else { adev::OBJECTIVE };
    primal.results.retain(|result| result.name == wanted);
    let at = estimator::Moment { values, draws: FRESH_DRAWS, step: 0, done };
    let estimates = estimator::sample(&primal, &at, setup)?;
    let estimates: Vec<f64> = estimates.iter().flat_map(|(_, array)| array.iter().copied()).collect();
    let measured = match objective.log_moment {
        Some(order) => MonteCarlo::log_moment(&estimates, order),
        None => MonteCarlo::of(&estimates),
    };
    Ok(ObjectiveReport {
        name: objective.name.clone(),
        mean: measured.mean,
        se: measured.se,
        draws: measured.draws,
        tail,
        sense: sense(objective),
        bound: match objective.bound {
            Bound::Lower => Some(run::Bound::Lower),
            Bound::Upper => Some(run::Bound::Upper),
            Bound::None => None,
        },
    })
}
