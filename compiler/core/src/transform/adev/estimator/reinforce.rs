//! `reinforce`: the score-function estimator.
//!
//! `x ~ d(θ); k` becomes, with x drawn as a constant,
//!
//! ```text
//! (l, l') = k(x, 0);   (l, l' + (l − b)·s),   s = ∂θ log d(x; θ)·θ'
//! ```
//!
//! (Williams 1992; ADEV, fig. 3, `flip_reinforce`.) Unbiased because E[s] = 0 for every b that
//! does not depend on x, and E[k(x)·s] = Σ_x k(x)·∂p(x). For row i of a site, terms that do not
//! depend on that row may be dropped from l for the same reason (Rao–Blackwell): the cost of a
//! row is the sum of its own terms, and in a recurrence the cost to go, a reversed cumulative
//! sum. Score terms inside k have primal 0 and add nothing to costs.
//!
//! A baseline that has parameters of its own, which the objective does not depend on, is learned: these minimise
//! `E Σ (l − b)²`, summed over rows (Mnih & Gregor 2014), as an auxiliary loss of the fit.
//!
//! A baseline is computed before its site (`strategy` checks it), so it depends on the site at
//! earlier steps of a recurrence at most; given those, s still has mean zero. Where none is written, a site of a
//! controlled block has the control of its copy, which depends on other copies only (`control`).
//!
//! Assumes: the support of d does not move with θ, log d(x; θ) is differentiable in θ.

use super::{Applied, Kind, Rule, control};
use crate::axis::{Axis, AxisSet, Role};
use crate::build::Builder;
use crate::ir::{Array, Elem, Input, InputKind, Monoid, Op, Output, Program, Sample, Setting, Site, Var};
use crate::transform::adev::program::Emitted;
use crate::transform::adev::program::{self, objective, results, set_objective};
use crate::transform::adev::terms::{self, Term};
use crate::transform::adev::{Average, OBJECTIVE, StateSpec};
use crate::transform::copy::Result;
use crate::transform::density::site_term;
use crate::transform::dependence::{Dependence, Link, Through};

/// The setting that is subtracted from costs.
pub const BASELINE: &str = "baseline";

/// The score function.
pub struct Reinforce;

impl Rule for Reinforce {
    fn name(&self) -> &'static str {
        "reinforce"
    }

    fn formula(&self) -> &'static [&'static str] {
        &["x ~ d(θ), (l, l′) = k(x, 0), s = ∂θ log d(x; θ)·θ′; (l, l′ + (l − b)·s)", "Williams 1992"]
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        &[(BASELINE, Kind::Baseline)]
    }

    fn applies(&self, _: &Site) -> std::result::Result<(), &'static str> {
        Ok(())
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        apply(program, sample)
    }

    fn finish(&self, program: Program) -> Program {
        control::forget(program)
    }
}

/// The program with this site rigid and its score terms added.
fn apply(source: &Program, sample: &Sample) -> Result<Applied> {
    let dependence = Dependence::on(source, sample, Through::Samples);
    let mut b = Builder::new(source.axes.clone());
    let value = program::rigid_at(sample.var);
    let copy = program::whole(&mut b, source, &value)?;
    let mut results = results(source, &copy);
    let Some(result) = objective(source) else { return Ok(b.finish(results).into()) };
    b.at(sample.site.span);
    let cost = cost(&mut b, &terms::split(source, result, &dependence), &dependence, &copy, &|_, factor| {
        copy.var(factor)
    });
    let Some(cost) = cost else { return Ok(b.finish(results).into()) };
    let cost = b.detach(cost);

    let baseline = sample.site.strategy.as_ref().and_then(|written| written.setting(BASELINE));
    let (mut state, mut loss) = (None, None);
    let centred = match baseline {
        None => match control::of(source, &sample.site) {
            None => cost,
            Some(control) => b.sub(cost, copy.var(control)),
        },
        Some(Setting::Number(number)) => {
            let baseline = b.real(number);
            b.sub(cost, baseline)
        }
        Some(Setting::Value(baseline)) => {
            let baseline = copy.var(baseline);
            loss = add_loss(&mut b, &mut results, cost, baseline, sample, &copy);
            let baseline = b.detach(baseline);
            b.sub(cost, baseline)
        }
        Some(Setting::MovingAverage(decay)) => {
            let average = average(&b, &copy, &dependence, sample, decay);
            let dims = average.dims.clone();
            let input = Input { kind: InputKind::State, name: average.name.to_string(), dims: dims.clone() };
            let baseline = b.input(Elem::Real, input);
            let name = format!("state.{}", average.name);
            // A site that an outer one has re-emitted shares the average of its other copy.
            let shared = results.iter().any(|result| result.name == name);
            if !shared {
                let var = observation(&mut b, cost, &dims);
                results.push(Output { name, var, dims });
                state = Some(average);
            }
            b.sub(cost, baseline)
        }
    };

    let score = log_density(&mut b, sample, &copy);
    let total = program::add_score(&mut b, copy.var(result), centred, score);
    set_objective(&mut results, total);
    Ok(Applied { program: b.finish(results), state, loss, ..Applied::default() })
}

/// The loss (l − b)² of a baseline, summed over the rows where the site is present, as a result over draws. It trains
/// what the baseline has of parameters of its own; without any it is dropped again.
fn add_loss(
    b: &mut Builder,
    results: &mut Vec<Output>,
    cost: Var,
    baseline: Var,
    sample: &Sample,
    copy: &Emitted,
) -> Option<String> {
    let name = format!("loss.baseline.{}", sample.site.occurrence);
    let dims = results.iter().find(|result| result.name == OBJECTIVE)?.dims.clone();
    // A site that an outer one has re-emitted trains the baseline by its other copy.
    if results.iter().any(|result| result.name == name) {
        return None;
    }
    let off = b.sub(cost, baseline);
    let mut square = b.mul(off, off);
    if let Some(guard) = sample.guard {
        let zero = b.real(0.0);
        square = b.select(copy.var(guard), square, zero);
    }
    let open = b.axes_of(square).minus(&dims.iter().copied().collect());
    let var = b.sum(&open, square);
    results.push(Output { name: name.clone(), var, dims });
    Some(name)
}

/// The local cost of every row in a copy: the sum of the terms that depend on it. `None` where nothing does. `factor`
/// gives what does not depend on the site.
pub fn cost(
    b: &mut Builder,
    terms: &[Term],
    dependence: &Dependence,
    copy: &Emitted,
    factor: &dyn Fn(&mut Builder, Var) -> Var,
) -> Option<Var> {
    let mut cost: Option<Var> = None;
    for term in terms.iter().filter(|term| !term.zero) {
        let Some(links) = term.links(dependence) else { continue };
        let value = term.emit(b, copy.var(term.var), factor);
        let rows = dependence.rows().iter().copied().zip(links.iter().copied());
        let own: AxisSet = rows.clone().filter(|(_, link)| *link != Link::Any).map(|(row, _)| row).collect();
        let foreign: AxisSet =
            rows.clone().filter(|(_, link)| *link == Link::Any).map(|(row, _)| row).collect();
        let summed = term.over.union(&foreign.intersection(b.axes_of(value))).minus(&own);
        let mut local = b.sum(&summed, value);
        for (axis, link) in rows {
            if let Link::Causal { reverse } = link {
                local = b.emit(Op::CumSum { x: local, axis, reverse: !reverse, exclusive: false });
            }
        }
        cost = Some(match cost {
            Some(cost) => b.add(cost, local),
            None => local,
        });
    }
    cost
}

/// log d(x; θ) per row, 0 where the site is absent.
pub fn log_density(b: &mut Builder, sample: &Sample, copy: &Emitted) -> Var {
    let mut site = (*sample.site).clone();
    site.args = site.args.iter().map(|arg| Array { var: copy.var(arg.var), ..arg.clone() }).collect();
    let guard = sample.guard.map(|guard| copy.var(guard));
    site_term(b, &site, copy.var(sample.var), guard).var
}

/// The moving average of a site: one per row, shared by draws and copies.
fn average(b: &Builder, copy: &Emitted, dependence: &Dependence, sample: &Sample, decay: f64) -> StateSpec {
    let own = b.axes_of(copy.var(sample.var));
    let dims = dependence.rows().iter().copied();
    let dims: Vec<Axis> =
        dims.filter(|axis| own.contains(*axis) && b.axes.info(*axis).role == Role::Index).collect();
    let name = format!("baseline.{}", sample.site.occurrence).into();
    StateSpec { name, decay, dims, average: Average::Mean }
}

/// The mean of the costs that share an average, summed over draws: these come in tiles, so that their mean is
/// the caller's to take.
fn observation(b: &mut Builder, cost: Var, dims: &[Axis]) -> Var {
    let shared = b.axes_of(cost).minus(&dims.iter().copied().collect());
    let mut mean = cost;
    for axis in shared.iter() {
        let total = b.reduce(Monoid::Sum, axis, mean);
        if b.axes.info(axis).role == Role::Draw {
            mean = total;
            continue;
        }
        let size = b.size(axis);
        let size = b.to_real(size);
        mean = b.div(total, size);
    }
    mean
}
