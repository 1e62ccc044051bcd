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
//! Assumes what `reinforce` does, and that estimates are averaged over the draws.

use super::reinforce::{cost, log_density};
use super::{Applied, Rule};
use crate::axis::Role;
use crate::build::Builder;
use crate::ir::{Program, Sample, Site, Var};
use crate::transform::adev::program::{self, objective, results, set_objective};
use crate::transform::adev::terms;
use crate::transform::copy::Result;
use crate::transform::dependence::{Dependence, Through};

/// Leave-one-out baselines.
pub struct Rloo;

impl Rule for Rloo {
    fn name(&self) -> &'static str {
        "rloo"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "x_i ~ d(θ) in draw i, (l_i, l_i′) = k(x_i, 0), s_i = ∂θ log d(x_i; θ)·θ′;",
            "(l_i, l_i′ + (l_i − mean l_j of the other draws)·s_i)",
            "Kool, van Hoof and Welling 2019",
        ]
    }

    fn applies(&self, _: &Site) -> std::result::Result<(), &'static str> {
        Ok(())
    }

    fn least_samples(&self) -> usize {
        2
    }

    fn apply(&self, source: &Program, sample: &Sample) -> Result<Applied> {
        let dependence = Dependence::on(source, sample, Through::Samples);
        let mut b = Builder::new(source.axes.clone());
        let value = program::rigid_at(sample.var);
        let copy = program::whole(&mut b, source, &value)?;
        let mut results = results(source, &copy);
        let Some(result) = objective(source) else {
            return Ok(Applied { program: b.finish(results), state: None });
        };
        b.at(sample.site.span);
        let cost = cost(&mut b, &terms::split(source, result, &dependence), &dependence, &copy);
        let Some(cost) = cost else { return Ok(Applied { program: b.finish(results), state: None }) };
        let cost = b.detach(cost);
        let centred = centred(&mut b, cost);
        let score = log_density(&mut b, sample, &copy);
        let total = program::add_score(&mut b, copy.var(result), centred, score);
        set_objective(&mut results, total);
        Ok(Applied { program: b.finish(results), state: None })
    }
}

/// `l_i − mean_{j≠i} l_j = (S·l_i − Σ_j l_j) / (S − 1)` along the draws.
fn centred(b: &mut Builder, cost: Var) -> Var {
    let draws = b.axes_of(cost).iter().find(|axis| b.axes.info(*axis).role == Role::Draw);
    // A cost that is the same in every draw is its own baseline.
    let Some(draws) = draws else { return b.real(0.0) };
    let size = b.size(draws);
    let (size, one) = (b.to_real(size), b.real(1.0));
    let total = b.sum(&[draws].into_iter().collect(), cost);
    let scaled = b.mul(size, cost);
    let apart = b.sub(scaled, total);
    let others = b.sub(size, one);
    b.div(apart, others)
}
