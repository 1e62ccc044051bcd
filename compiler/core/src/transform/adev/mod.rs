//! `adev`: from an objective program to one whose plain derivative is unbiased.
//!
//! Before: an objective program for L(θ) = `E[l]`, with sample sites and their strategies. After: a
//! program with random primitives only, deterministic in keys and operands, such that
//!
//! ```text
//! E[l] = L(θ)    and    E[l'] = dL(θ)·θ'        where (l, l') is its plain forward derivative.
//! ```
//!
//! (ADEV: Lew, Huot, Staton, Mansinghka, POPL 2023, theorem 4.2; Becker et al., PLDI 2024, §4.)
//! The paper passes a dual continuation to every primitive. Here programs are first-order and
//! their values functions of axes, so a continuation is a set of terms: the result is split into
//! a sum (`terms`), a site's **local continuation** is the terms that depend on it, row by row
//! where they are aligned with its rows ([`dependence`](super::dependence)), and a strategy
//!
//! * gives the site a smooth value (`reparam`), or
//! * a rigid one plus score terms `Detach(cost) · Tangent(u)`, whose primal is zero and whose
//!   tangent is cost·u' (`reinforce`, `mvd`), or
//! * all of its values at once along a new axis, weighted by their probabilities (`enum`).
//!
//! The order is that of the theorem's proof: direct sites (smooth or rigid values) first, since
//! they leave the terms as they are; then the others from the last to the first, each on the
//! program its successors have become, so that it maps over their score terms as well. The
//! correctness of a step needs only that of the steps inside it: where k estimates
//! (E k, (E k)') without bias, so do Σ_j p_j k(v_j), k(x) + k(x)·s, and the rest.

mod antithetic;
pub mod auxiliary;
pub mod estimator;
mod integrability;
mod program;
mod prune;
pub mod range;
pub mod smoothness;
pub mod state;
pub mod strategy;
mod terms;
mod value;

use crate::axis::{Axis, Role};
use crate::generative::ParamSpec;
use crate::ir::{Program, Sample, Setting, Site};
use crate::visit;
use smoothness::Note;
use std::collections::BTreeSet;
use std::rc::Rc;
use strategy::SiteReport;
use vary_diagnostic::{Code, Diagnostic, Span};

/// The result that is differentiated.
pub const OBJECTIVE: &str = "objective";

/// The result, and the state, of an objective E[exp(k (v − c))] that is reported as log E[exp(k v)] / k: k·v per draw,
/// and c, the moving average of v.
pub const LOG_MOMENT: &str = "log_moment";

pub use super::support::LANES;
pub use terms::known_dims;
pub use value::value;

/// What the caller knows that the program does not say.
#[derive(Debug, Clone)]
pub struct Options {
    /// Draws of the objective per step.
    pub samples: usize,
    /// Whether draws are means of antithetic pairs.
    pub antithetic: bool,
    /// The user's own `detach`, `surrogate` and `frozen`: what makes a gradient "not proven unbiased".
    pub detached: Vec<Span>,
}

impl Default for Options {
    fn default() -> Self {
        Options { samples: strategy::USUAL_SAMPLES, antithetic: false, detached: Vec::new() }
    }
}

/// A derived estimator.
#[derive(Debug, Clone)]
pub struct Estimator {
    /// Its program: `Let` and `Scan` only. Results: those of the objective program, then one
    /// `state.<name>` for every state, the new observation to blend in.
    pub program: Program,
    /// The strategy of every site, in program order.
    pub sites: Vec<SiteReport>,
    /// State that the fit loop carries for it.
    pub states: Vec<StateSpec>,
    /// What is minimised beside the objective, by parameters of its own.
    pub losses: Vec<Loss>,
    /// Parameters of control variates, which leave it unbiased whatever they are: they minimise its squared gradient.
    pub coefficients: Vec<ParamSpec>,
    /// Parameters of the program that only written control variates depend on: they do so too.
    pub controls: BTreeSet<String>,
    /// What unbiasedness rests on beyond the rules.
    pub notes: Vec<Note>,
}

/// An auxiliary loss, such as that of a learned baseline: a result over draws that the fit loop minimises. Its
/// parameters are its own: it has no tangent in those of the objective, nor the objective in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// The result.
    pub result: String,
    /// Moved by its gradient.
    pub params: BTreeSet<String>,
}

/// A moving average kept by the fit loop: `value ← decay · value + (1 − decay) · observation`, the value being the input
/// of kind `State` called `name`.
#[derive(Debug, Clone, PartialEq)]
pub struct StateSpec {
    /// Its name: `baseline.<occurrence>`.
    pub name: Rc<str>,
    /// Weight of the past.
    pub decay: f64,
    /// The axes of its array.
    pub dims: Vec<Axis>,
    /// What is observed.
    pub average: Average,
}

/// What a moving average observes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// The result `state.<name>`, summed over draws, divided by their number. The value is 0 before the first step.
    Mean,
    /// The log of the mean exponential of the result `<name>` over draws. It rises at once, so that what is centred by it
    /// stays in range, and falls slowly. It is observed once before the first step, by draws of its own.
    LogMeanExp,
}

impl Estimator {
    /// The parameters that are trained beside the objective, which does not depend on them.
    pub fn trained(&self) -> BTreeSet<&str> {
        let own = self.losses.iter().flat_map(|loss| &loss.params).map(String::as_str);
        own.chain(self.of_variates()).collect()
    }

    /// The parameters that are trained on the squared gradient.
    pub fn of_variates(&self) -> impl Iterator<Item = &str> {
        let coefficients = self.coefficients.iter().map(|spec| spec.name.as_str());
        coefficients.chain(self.controls.iter().map(String::as_str))
    }
}

/// Derives the estimator of the result [`OBJECTIVE`]; dimensions are bound.
pub fn estimator(program: Program, options: &Options) -> Result<Estimator, Vec<Diagnostic>> {
    let choice = strategy::choose(&program, options.samples)?;
    let of_objective = auxiliary::of_objective(&program);
    let mut states: Vec<StateSpec> = state::of(&program).collect();
    let (mut losses, mut coefficients) = (Vec::new(), Vec::<ParamSpec>::new());
    let mut current = program::direct(&program, &choice).map_err(|error| vec![*error])?;
    while let Some(sample) = program::last_site(&current) {
        let (rule, written) = choice.rule(&sample.site.occurrence);
        // A strategy that was not written may have settings of its own; those written refer to the values of this
        // program by now.
        let strategy = sample.site.strategy.clone().unwrap_or(written);
        let sample =
            Sample { site: Site { strategy: Some(strategy), ..(*sample.site).clone() }.into(), ..sample };
        let applied = rule.apply(&current, &sample).map_err(|error| vec![*error])?;
        states.extend(applied.state);
        losses.extend(applied.loss);
        // A site that an outer one has re-emitted shares the coefficients of its other copy.
        for spec in applied.coefficients {
            if !coefficients.iter().any(|known| known.name == spec.name) {
                coefficients.push(spec);
            }
        }
        current = applied.program;
        current = prune::prune(current);
        if lanes(&current) > LANES {
            return Err(vec![multiplied(&sample)]);
        }
    }
    let current = estimator::RULES.iter().fold(current, |program, rule| rule.finish(program));
    let (current, losses) = auxiliary::close(current, losses, &of_objective);
    let mut controls = controls(&program, &choice, &of_objective);
    controls.retain(|param| !losses.iter().any(|loss| loss.params.contains(param)));
    let derived = if options.antithetic { antithetic::paired(current) } else { current };
    let mut notes = choice.notes;
    notes.extend(options.detached.iter().map(|span| Note::not_proven(*span)));
    Ok(Estimator { program: derived, sites: choice.sites, states, losses, coefficients, controls, notes })
}

/// The parameters that written control variates have of their own.
fn controls(
    program: &Program,
    choice: &strategy::Choice,
    of_objective: &BTreeSet<String>,
) -> BTreeSet<String> {
    let used = |site: &Site| choice.of(&site.occurrence) != strategy::Chosen::Rigid;
    let sites = strategy::sites(program).into_iter().filter(|sample| used(&sample.site));
    let written = sites.filter_map(|sample| sample.site.strategy.as_ref()?.setting(estimator::CONTROL));
    let values = written.filter_map(|setting| match setting {
        Setting::Value(control) => Some(control),
        Setting::Number(_) | Setting::MovingAverage(_) => None,
    });
    values.flat_map(|control| auxiliary::own(program, control, of_objective)).collect()
}

/// The program with every site drawn: for posterior draws, where nothing is differentiated or summed out.
pub fn sampler(program: &Program) -> Result<Program, Box<Diagnostic>> {
    program::sampled(program)
}

/// The most alternatives that a value is computed for: those of nested sites multiply.
fn lanes(program: &Program) -> usize {
    let alternatives = |axis: &Axis| program.axes.info(*axis).role == Role::Alternative;
    let size = |axis: Axis| program.axes.info(axis).size.value().map_or(1, |size| size.max(0) as usize);
    let mut most = 1;
    visit::bound(&program.body, &mut |var| {
        let axes = program.vars[var.0 as usize].ty.axes.iter().filter(alternatives);
        most = most.max(axes.fold(1, |lanes: usize, axis| lanes.saturating_mul(size(axis))));
    });
    most
}

fn multiplied(sample: &Sample) -> Diagnostic {
    let address = &sample.site.address;
    let message =
        format!("the alternatives of `{address}` multiply with those of the sites that depend on it");
    Diagnostic::error(Code("E0504"), message)
        .at(sample.site.span, "more than 65536 alternatives together")
        .help(format!("estimate `{address}` by the score function: `{}.reinforce(…)`", sample.site.dist.name))
}

#[cfg(test)]
mod checks;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
