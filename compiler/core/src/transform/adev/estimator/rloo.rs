//! `rloo`: the score function with the other draws of the step as baseline.
//!
//! A step takes S ≥ 2 draws of the objective. Draw i of a site gets
//!
//! ```text
//! (l, l' + (l_i − mean_{j≠i} l_j)·s_i),   s_i = ∂θ log d(x_i; θ)·θ'
//! ```
//!
//! per plate row, at all such sites at once and without another evaluation (Kool, van Hoof and Welling 2019;
//! Salimans and Knowles 2014, §6). Unbiased because the draws are independent: what other draws cost does not depend
//! on x_i. Costs are local as for `reinforce`. It couples the draws of a step, which therefore runs as one tile.
//!
//! With `copies = n` the copies of one site are each other's baseline instead, see `copies`.
//!
//! Assumes what `reinforce` does, and that estimates are averaged over the draws.

use super::reinforce::{cost, log_density};
use super::{Applied, Kind, Rule, copies};
use crate::axis::{Axis, Role};
use crate::build::Builder;
use crate::ir::{
    Elem, Input, InputKind, Let, Op, Output, Program, Sample, Setting, Site, Stmt, Strategy, Var,
};
use crate::transform::adev::program::{self, objective, results, set_objective};
use crate::transform::adev::terms;
use crate::transform::copy::Result;
use crate::transform::dependence::{Dependence, Through};
use crate::transform::reemit::Reemit;

/// Results that hold the costs of a site's draws until the end.
const OTHERS: &str = "others.";

/// The setting that replicates the local continuation.
const COPIES: &str = "copies";

/// How many copies a strategy asks for.
fn asked(strategy: &Strategy) -> Option<i64> {
    match strategy.setting(COPIES) {
        Some(Setting::Number(copies)) => Some(copies as i64),
        _ => None,
    }
}

/// Leave-one-out baselines.
pub struct Rloo;

impl Rule for Rloo {
    fn name(&self) -> &'static str {
        "rloo"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "x_i ~ d(θ) in draw (or copy) i, (l_i, l_i′) = k(x_i, 0), s_i = ∂θ log d(x_i; θ)·θ′;",
            "(l_i, l_i′ + (l_i − mean l_j of the others)·s_i)",
            "Kool, van Hoof and Welling 2019",
        ]
    }

    fn applies(&self, _: &Site) -> std::result::Result<(), &'static str> {
        Ok(())
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        &[(COPIES, Kind::Copies)]
    }

    fn least_samples(&self, strategy: &Strategy) -> usize {
        if asked(strategy).is_some() { 1 } else { 2 }
    }

    fn apply(&self, source: &Program, sample: &Sample) -> Result<Applied> {
        if let Some(copies) = sample.site.strategy.as_ref().and_then(asked) {
            return Ok(copies::apply(source, sample, copies)?.into());
        }
        let dependence = Dependence::on(source, sample, Through::Samples);
        let mut b = Builder::new(source.axes.clone());
        let value = program::rigid_at(sample.var);
        let copy = program::whole(&mut b, source, &value)?;
        let mut results = results(source, &copy);
        let Some(result) = objective(source) else { return Ok(b.finish(results).into()) };
        b.at(sample.site.span);
        let terms = terms::split(source, result, &dependence);
        let cost = cost(&mut b, &terms, &dependence, &copy, &|_, factor| copy.var(factor));
        let Some(cost) = cost else { return Ok(b.finish(results).into()) };
        let cost = b.detach(cost);
        let baseline = placeholder(&mut b, &mut results, sample, cost);
        let centred = b.sub(cost, baseline);
        let score = log_density(&mut b, sample, &copy);
        let total = program::add_score(&mut b, copy.var(result), centred, score);
        set_objective(&mut results, total);
        Ok(b.finish(results).into())
    }

    fn finish(&self, program: Program) -> Program {
        if program.results.iter().any(|result| result.name.starts_with(OTHERS)) {
            close(&program)
        } else {
            program
        }
    }
}

/// What the other draws cost, while other sites are still to be replaced: an input, which depends on no site, and the
/// costs as a result. An earlier site that tries its alternatives in one draw leaves the other draws as they are.
fn placeholder(b: &mut Builder, results: &mut Vec<Output>, sample: &Sample, cost: Var) -> Var {
    let dims: Vec<Axis> = b.axes_of(cost).iter().collect();
    if !dims.iter().any(|axis| b.axes.info(*axis).role == Role::Draw) {
        // A cost that is the same in every draw is its own baseline.
        return cost;
    }
    let known = results.iter().filter(|result| result.name.starts_with(OTHERS)).count();
    let name = format!("{OTHERS}{known}.{}", sample.site.occurrence);
    results.push(Output { name: name.clone(), var: cost, dims: dims.clone() });
    b.input(Elem::Real, Input { kind: InputKind::State, name, dims })
}

/// The program with the means of the other draws in place of the inputs that stand for them.
fn close(program: &Program) -> Program {
    let mut b = Builder::new(program.axes.clone());
    let mut copy = Reemit::new(program);
    for stmt in &program.body {
        let costs = match stmt {
            Stmt::Let(Let { op: Op::Input(input), .. }) if input.kind == InputKind::State => {
                program.results.iter().find(|result| result.name == input.name)
            }
            _ => None,
        };
        match (stmt, costs) {
            (Stmt::Let(binding), Some(costs)) => {
                let cost = copy.get(costs.var);
                let mean = mean_of_others(&mut b, cost);
                copy.set(&mut b, binding.var, mean);
            }
            _ => copy.stmt(&mut b, stmt),
        }
    }
    let kept: Vec<Output> =
        program.results.iter().filter(|result| !result.name.starts_with(OTHERS)).cloned().collect();
    let results = copy.outputs(&kept);
    b.finish(results)
}

/// `(Σ_j l_j − l_i) / (S − 1)` along the draws.
fn mean_of_others(b: &mut Builder, cost: Var) -> Var {
    let draws = b.axes_of(cost).iter().find(|axis| b.axes.info(*axis).role == Role::Draw);
    let Some(draws) = draws else { return cost };
    let size = b.size(draws);
    let (size, one) = (b.to_real(size), b.real(1.0));
    let total = b.sum(&[draws].into_iter().collect(), cost);
    let rest = b.sub(total, cost);
    let others = b.sub(size, one);
    b.div(rest, others)
}
