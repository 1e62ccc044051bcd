//! `gradcheck`: an estimator measured on the user's own program and data.
//!
//! At one point (the start, or where the fit is after some steps) many gradients are drawn. Their mean is held to
//! a [`reference`](reference()) that uses no derivatives; their variance is told apart by parameter and by site; and every
//! other strategy that a site could use is tried, each alone, and ranked by variance × cost.

mod measure;
mod quadrature;
mod rank;
mod reference;

pub use measure::TRAINING;
pub use rank::{Alternative, Ranking};
pub use reference::How;

use super::estimator::{Moment, Placed, STEP, Setup, sample};
use super::fit::sense;
use super::minibatch::Shorter;
use super::prepare::Prepared;
use crate::elaborate::Objective;
use crate::pipeline::{self, Ad, Derived};
use measure::{Gradients, Measured};
use reference::reference;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use vary_core::ir::Program;
use vary_core::transform::adev;
use vary_diagnostic::{Code, Diagnostic};
use vary_runtime::diagnose::normal_limit;
use vary_runtime::fit::{self as run, MonteCarlo, SiteReport, entry_name};
use vary_runtime::float::Width;

/// The chance that an unbiased estimator is called biased.
pub const FALSE_ALARM: f64 = 1e-3;
/// Beyond this many parameter entries only some are compared.
const MOST_ENTRIES: usize = 32;
/// Draws that the centre of a log moment is the mean of.
const CENTRE_DRAWS: usize = 1000;
/// A tail of this shape or more has no finite variance.
pub const HEAVY: f64 = 0.5;
/// More than sampling noise makes of a light tail.
const SURELY_HEAVY: f64 = 0.6;

/// What is asked of a gradient check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Steps of the fit before measuring.
    pub after: u64,
    /// Gradients drawn.
    pub gradients: usize,
    /// Whether other strategies are tried.
    pub rank: bool,
}

/// What was found of one objective.
#[derive(Debug, Clone)]
pub struct GradCheck {
    /// The fit.
    pub fit: String,
    /// The objective, where the fit has several.
    pub name: Option<String>,
    /// How the reference was found.
    pub how: How,
    /// Why the objective or the strategy of a site is biased by construction.
    pub labels: Vec<String>,
    /// The objective: mean of the estimates, and the reference.
    pub objective: (f64, f64),
    /// Parameters that were compared.
    pub entries: Vec<Entry>,
    /// How many entries the parameters have that the objective moves.
    pub dimension: usize,
    /// Sites with a share in the variance.
    pub sites: Vec<SiteShare>,
    /// Of a fit whose steps take some rows, the share of each plate's choice in the variance.
    pub rows: Vec<RowsShare>,
    /// For each site, the strategies it could use, best first.
    pub rankings: Vec<Ranking>,
    /// |z| above this happens to an unbiased estimator with probability [`FALSE_ALARM`].
    pub limit: f64,
    /// Draws per gradient.
    pub samples: usize,
    /// Gradients drawn.
    pub gradients: usize,
    /// Steps of the fit before measuring.
    pub after: u64,
    /// Median microseconds per gradient, on one thread.
    pub step_us: f64,
}

/// One entry of a parameter, on the unconstrained scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// `mu[0]`
    pub name: String,
    /// Mean gradient.
    pub mean: f64,
    /// Its standard error.
    pub se: f64,
    /// What it should be.
    pub reference: f64,
    /// (mean − reference) over the standard error of both.
    pub z: f64,
    /// Variance of one draw's gradient.
    pub variance: f64,
    /// Shape of the tail of the gradients, NaN if too few differ.
    pub tail: f64,
}

/// What one site adds to the variance.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteShare {
    /// Its address.
    pub address: String,
    /// Its strategy.
    pub strategy: String,
    /// Its line in the user's file.
    pub line: Option<u32>,
    /// The share of the variance that goes with its randomness.
    pub share: f64,
}

/// What the choice of rows adds to the variance.
#[derive(Debug, Clone, PartialEq)]
pub struct RowsShare {
    /// The plate's size.
    pub plate: String,
    /// How many rows a step takes.
    pub size: usize,
    /// Of how many.
    pub rows: usize,
    /// The share of the variance that goes with which they are.
    pub share: f64,
}

impl GradCheck {
    /// Entries whose mean is not the reference.
    pub fn biased(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.z.is_nan() || entry.z.abs() > self.limit)
    }

    /// Entries whose variance looks infinite.
    pub fn heavy(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.tail >= SURELY_HEAVY)
    }
}

/// An objective under measurement.
struct Checked {
    /// Which of the fit it is.
    which: usize,
    /// Over all rows.
    objective: Objective,
    derived: Derived,
    /// Its gradient programs, by the sizes of batches.
    programs: Vec<(Vec<usize>, Program)>,
    /// Its sites that a strategy draws.
    sites: Vec<SiteReport>,
}

impl Checked {
    fn gradients(&self, samples: usize) -> Gradients<'_> {
        let programs = self.programs.clone();
        Gradients { programs, states: &self.derived.estimator.states, samples }
    }
}

impl Prepared {
    /// Measures the gradient estimator of every objective of the fit, by the parameters that it moves.
    ///
    /// # Errors
    /// A fit that fails before the point of measurement, or a program that cannot be run.
    pub fn gradcheck(&self, asked: &Asked) -> Result<Vec<GradCheck>, Diagnostic> {
        let setup = Setup { width: Width::Double, ..self.setup(1) };
        let values = self.values_after(asked.after, &setup)?;
        (0..self.fit.objectives.len()).map(|which| self.gradcheck_of(which, asked, &values, &setup)).collect()
    }

    fn gradcheck_of(
        &self,
        which: usize,
        asked: &Asked,
        values: &[f64],
        setup: &Setup,
    ) -> Result<GradCheck, Diagnostic> {
        let fault =
            |reason: String| Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"));
        let checked = self.checked(which, values, asked.after, setup)?;
        let gradients = checked.gradients(self.settings.samples);
        let measured = measure::measure(&gradients, values, asked.gradients, setup).map_err(fault)?;
        let moved = self.moved(which);
        let at: Vec<usize> = compared(&moved);
        let objective = &checked.objective;
        let reference = reference(&objective.program, objective.draw, values, &at, setup).map_err(fault)?;
        let names = names(&self.params, &self.shown_names());
        let entries: Vec<Entry> = at
            .iter()
            .zip(&reference.gradient)
            .map(|(at, expected)| entry(names[*at].clone(), *at, *expected, &measured, gradients.samples))
            .collect();
        let rankings = if asked.rank {
            self.rankings(&checked, &measured, values, asked, setup).map_err(fault)?
        } else {
            Vec::new()
        };
        Ok(GradCheck {
            fit: self.fit.name.clone(),
            name: (self.fit.objectives.len() > 1).then(|| objective.name.clone()),
            how: reference.how,
            labels: self.labels(),
            objective: (measured.objective, reference.value),
            limit: normal_limit(FALSE_ALARM, entries.len().max(1)),
            entries,
            dimension: moved.len(),
            sites: shares(&checked, &gradients, values, asked.gradients / 4, setup).map_err(fault)?,
            rows: self.shares_of_rows(&gradients, values, asked.gradients / 4, setup).map_err(fault)?,
            rankings,
            samples: gradients.samples,
            gradients: measured.steps,
            after: asked.after,
            step_us: measured.step_us,
        })
    }

    /// An objective as it is measured, at one step. The centre of a log moment follows the fit's steps; here it is held
    /// where some draws put it, so that the gradients and their reference are of one multiple.
    fn checked(&self, which: usize, values: &[f64], done: u64, setup: &Setup) -> Result<Checked, Diagnostic> {
        let mut objective = self.fit.objectives[which].clone();
        let mut derived = self.derived[which].clone();
        let moves = adev::state::is_read(&objective.program, STEP) || objective.log_moment.is_some();
        objective.program = adev::state::fixed(objective.program, STEP, done as f64);
        if objective.log_moment.is_some() {
            let fault = |reason: String| {
                Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"))
            };
            let mut drawn = adev::sampler(&objective.program).map_err(|found| *found)?;
            drawn.results.retain(|result| result.name == adev::LOG_MOMENT);
            let at = Moment { values, draws: CENTRE_DRAWS, step: 0, done: 0, rows: &[] };
            let exponents = sample(&drawn, &at, setup).map_err(fault)?;
            let exponents: Vec<f64> = exponents.iter().flat_map(|(_, array)| array.iter().copied()).collect();
            let centre = MonteCarlo::log_moment(&exponents, 1.0).mean;
            objective.program = adev::state::fixed(objective.program, adev::LOG_MOMENT, centre);
        }
        if moves {
            let again = pipeline::derive(&objective, self.settings.samples, Ad::Auto);
            derived = again.map_err(|mut all| all.remove(0))?;
        }
        let own = |site: &&SiteReport| {
            let mut all = derived.estimator.sites.iter();
            all.any(|other| *other.address == *site.address && other.chosen.name() == site.strategy)
        };
        let sites = self.sites.iter().filter(own).cloned().collect();
        let programs = self.of_objective(&derived, &self.shorter[which]);
        Ok(Checked { which, objective, derived, programs, sites })
    }

    /// The gradient programs of an objective alone, by the sizes of batches.
    fn of_objective(&self, usual: &Derived, shorter: &[Shorter]) -> Vec<(Vec<usize>, Program)> {
        let sizes = self.plates.iter().map(|plate| plate.size).collect();
        let shorter = shorter.iter().map(|one| (one.sizes.clone(), measure::of_objective(&one.derived)));
        std::iter::once((sizes, measure::of_objective(usual))).chain(shorter).collect()
    }

    /// The entries of the parameter vector that an objective moves, of all where it is the only one; what is trained
    /// beside it is not its.
    fn moved(&self, which: usize) -> Vec<usize> {
        let moves = &self.fit.objectives[which].moves;
        let alone = self.fit.objectives.len() == 1;
        let trained = self.derived[which].estimator.trained();
        let own = self.params.iter().filter(|placed| {
            let name = placed.spec.name.as_str();
            (alone || moves.contains(name)) && !trained.contains(name)
        });
        own.flat_map(|placed| placed.offset..placed.offset + placed.len).collect()
    }

    fn shares_of_rows(
        &self,
        gradients: &Gradients,
        values: &[f64],
        steps: usize,
        setup: &Setup,
    ) -> Result<Vec<RowsShare>, String> {
        let plates = self.plates.iter().enumerate();
        plates
            .map(|(at, plate)| {
                let share = measure::share_of_rows(gradients, at, values, steps.max(200), setup)?;
                Ok(RowsShare { plate: plate.name.clone(), size: plate.size, rows: plate.rows, share })
            })
            .collect()
    }

    /// The parameters after some steps of the fit.
    fn values_after(&self, steps: u64, setup: &Setup) -> Result<Vec<f64>, Diagnostic> {
        let fault =
            |reason: String| Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"));
        if steps == 0 {
            return Ok(self.start.clone());
        }
        let mut estimator = self.estimator(setup).map_err(fault)?;
        let mut optimizer = self.settings.optimizer(self.start.len())?;
        let asked = run::Settings { steps, sense: sense(self.fit.objective()) };
        let never = AtomicBool::new(false);
        let fitted = run::fit(&mut estimator, &mut *optimizer, &self.start, asked, &never, &mut ());
        match &fitted.outcome {
            run::Outcome::Failed(failure) => Err(self.failure(failure, setup)),
            run::Outcome::Finished | run::Outcome::Interrupted => Ok(fitted.params),
        }
    }
}

/// Sites in the order of the program, occurrences of one address together.
fn shares(
    checked: &Checked,
    gradients: &Gradients,
    values: &[f64],
    steps: usize,
    setup: &Setup,
) -> Result<Vec<SiteShare>, String> {
    let mut shares = Vec::new();
    for site in &checked.sites {
        let all = checked.derived.estimator.sites.iter();
        let own = all.filter(|other| *other.address == *site.address);
        let occurrences: Vec<Rc<str>> = own.map(|other| other.occurrence.clone()).collect();
        let share = measure::share(gradients, &occurrences, values, steps.max(200), setup)?;
        let (address, strategy) = (site.address.clone(), site.strategy.clone());
        shares.push(SiteShare { address, strategy, line: site.line, share });
    }
    Ok(shares)
}

/// Of these entries those that are compared: all, or evenly spaced ones.
fn compared(entries: &[usize]) -> Vec<usize> {
    let count = entries.len().min(MOST_ENTRIES);
    (0..count).map(|at| entries[at * entries.len() / count]).collect()
}

/// The name of every entry of the parameter vector.
fn names(params: &[Placed], shown: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for (placed, name) in params.iter().zip(shown) {
        let raw = super::constraint::raw_shape(&placed.spec.constraint, &placed.shape);
        names.extend((0..placed.len).map(|at| entry_name(name, &index(&raw, at))));
    }
    names
}

/// The index of a row-major position.
fn index(shape: &[usize], at: usize) -> Vec<usize> {
    let mut rest = at;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|size| {
            let position = rest % size;
            rest /= size;
            position
        })
        .collect();
    index.reverse();
    index
}

fn entry(name: String, at: usize, expected: (f64, f64), measured: &Measured, samples: usize) -> Entry {
    let (reference, reference_se) = expected;
    let (mean, variance) = (measured.mean[at], measured.variance[at]);
    let se = (variance / measured.steps as f64).sqrt();
    // Differences and sums are exact to rounding only, which matters where nothing is random.
    let rounding = 1e-7 * reference.abs().max(1.0);
    let z = (mean - reference) / (se * se + reference_se * reference_se + rounding * rounding).sqrt();
    let variance = variance * samples as f64;
    Entry { name, mean, se, reference, z, variance, tail: measured.tail[at] }
}
