//! `rloo` with copies: the local continuation of one site, run several times in a draw.
//!
//! `x ~ d(θ); k` becomes, with x_1 … x_n drawn independently as constants,
//!
//! ```text
//! mean_i of (l_i, l_i' + (l_i − mean_{j≠i} l_j)·s_i),   (l_i, l_i') = k(x_i, 0),   s_i = ∂θ log d(x_i; θ)·θ'
//! ```
//!
//! (Kool, van Hoof and Welling 2019; Salimans and Knowles 2014, §6.) The slice of statements that depend on the site is
//! emitted once more with an axis of copies. What is drawn after the site keeps its random numbers, so copies share
//! them: given these, x_i and the costs of the other copies are independent, and the score keeps its mean. Rows are
//! never taken jointly: all of them are drawn anew in every copy, n rows cost n·copies.
//!
//! Assumes what `reinforce` does.

use super::reinforce::{cost, log_density};
use crate::axis::Role;
use crate::build::Builder;
use crate::dim::Dim;
use crate::ir::{Monoid, Program, Sample};
use crate::transform::adev::program;
use crate::transform::adev::terms;
use crate::transform::copy::Result;
use crate::transform::dependence::{Dependence, Through};

/// The program with the mean over copies of this site. Other results see a draw of its own.
pub fn apply(source: &Program, sample: &Sample, copies: i64) -> Result<Program> {
    let dependence = Dependence::on(source, sample, Through::Samples);
    let slice = program::slice(source, &dependence);
    let mut b = Builder::new(source.axes.clone());
    let once = program::rigid_at(sample.var);
    let base = program::whole(&mut b, source, &once)?;
    let mut results = program::results(source, &base);
    let Some(result) = program::objective(source) else { return Ok(b.finish(results)) };

    b.at(sample.site.span);
    let axis = b.fresh_axis(&sample.site.address, Dim::known(copies), Role::Copy);
    let value = |b: &mut Builder, copied: &Sample| {
        if copied.var != sample.var {
            return Ok(None);
        }
        let mut site = (*copied.site).clone();
        site.key.insert(axis);
        site.occurrence = format!("{}#copies", site.occurrence).into();
        program::rigid(b, &Sample { site: site.into(), ..copied.clone() }).map(Some)
    };
    let at = program::resume(&mut b, &slice, &base, &dependence, &value)?;
    b.at(sample.site.span);
    let terms = terms::split(source, result, &dependence);
    let count = b.real(copies as f64);
    let mut total = b.real(0.0);
    for term in &terms {
        let copy = if term.links(&dependence).is_some() { &at } else { &base };
        let value = program::term_value(&mut b, term, copy, &base);
        let mut value = b.sum(&term.over, value);
        if b.axes_of(value).contains(axis) {
            value = b.reduce(Monoid::Sum, axis, value);
            value = b.div(value, count);
        }
        total = b.add(total, value);
    }
    if let Some(cost) = cost(&mut b, &terms, &dependence, &at, &|_, factor| at.var(factor))
        .filter(|cost| b.axes_of(*cost).contains(axis))
    {
        let cost = b.detach(cost);
        let (sum, others) = (b.reduce(Monoid::Sum, axis, cost), b.real((copies - 1) as f64));
        let rest = b.sub(sum, cost);
        let baseline = b.div(rest, others);
        let centred = b.sub(cost, baseline);
        let centred = b.div(centred, count);
        let score = log_density(&mut b, sample, &at);
        total = program::add_score(&mut b, total, centred, score);
    }
    program::set_objective(&mut results, total);
    Ok(b.finish(results))
}
