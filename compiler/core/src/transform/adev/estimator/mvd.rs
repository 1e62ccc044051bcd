//! `mvd` for flips: the measure-valued derivative.
//!
//! For `x ~ flip(p); k`, ∂_p E[k(x)] = E k(1) − E k(0), and x itself is one of the two:
//!
//! ```text
//! (l, l') = k(x, 0);   (l, l' + p'·sign·(k(x) − k(1−x))),   sign = x ? 1 : −1
//! ```
//!
//! with k(1−x) run purely and sharing every random number downstream (Pflug 1996; ADEV, fig. 3,
//! `flip_mvd`; coupling as in Mohamed et al. 2020, §6.2). Samples whose arguments change are
//! drawn again from the same noise.
//!
//! Where terms are aligned with the site's rows, all rows are flipped at once: one more pass.
//! Along other rows an axis of alternatives flips one row each, so n rows cost n passes; in a
//! recurrence the alternatives are the steps, each run from there on.
//!
//! A value of probability zero whose cost is not finite counts as no different from the other.
//!
//! Assumes: the distribution states its probability of true.

use super::enumerate::where_possible;
use super::{Applied, Rule};
use crate::axis::{Axis, Role};
use crate::build::Builder;
use crate::ir::{Array, Program, Sample, Site, Var};
use crate::prim::Prim;
use crate::transform::adev::program::{self, Local};
use crate::transform::adev::terms;
use crate::transform::copy::{Result, inline};
use crate::transform::dependence::{Dependence, Through};
use crate::transform::support;

/// The measure-valued derivative.
pub struct Mvd;

impl Rule for Mvd {
    fn name(&self) -> &'static str {
        "mvd"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "x ~ d(θ), (l, l′) = k(x, 0); (l, l′ + p′·(k(1) − k(0))), one of the two run already",
            "Pflug 1996; Lew et al. 2023, flip_mvd",
        ]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        if site.dist.mvd_probability.is_some() { Ok(()) } else { Err("it is not a flip") }
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        Ok(apply(program, sample)?.into())
    }
}

/// The program with this site rigid and its derivative by the other value added.
fn apply(source: &Program, sample: &Sample) -> Result<Program> {
    let dependence = Dependence::on(source, sample, Through::Samples);
    let slice = program::slice(source, &dependence);
    let mut b = Builder::new(source.axes.clone());
    let value = program::rigid_at(sample.var);
    let base = program::whole(&mut b, source, &value)?;
    let mut results = program::results(source, &base);
    let Some(result) = program::objective(source) else { return Ok(b.finish(results)) };

    b.at(sample.site.span);
    let drawn = base.var(sample.var);
    let redraw = dependence.of_arguments(sample).is_some();
    let terms = terms::split(source, result, &dependence);
    let costs: Vec<_> =
        terms.into_iter().filter(|term| !term.zero && term.links(&dependence).is_some()).collect();
    if costs.is_empty() {
        return Ok(b.finish(results));
    }
    let probability = probability(&mut b, sample, &|var| base.var(var));
    let sure = support::every_value_possible(source, &sample.site);
    let possible = if sure { None } else { Some(other_possible(&mut b, drawn, probability)) };
    let mut difference = b.real(0.0);
    for (joint, terms) in program::by_joint_rows(&costs, sample, &dependence) {
        let flipped = flipped_rows(&mut b, &joint)
            .ok_or_else(|| program::too_many(source, sample, &dependence, &joint))?;
        let value = |b: &mut Builder, copied: &Sample| {
            if copied.var != sample.var {
                return Ok(None);
            }
            let other = b.prim(Prim::Not, &[drawn]);
            let Some(here) = flipped.here else { return Ok(Some(other)) };
            let same = if redraw { program::rigid(b, copied)? } else { drawn };
            Ok(Some(b.select(here, other, same)))
        };
        let at = program::resume(&mut b, &slice, &base, &dependence, &value)?;
        b.at(sample.site.span);
        let local = Local::of(&dependence, &joint);
        for term in terms {
            let ours = program::term_value(&mut b, term, &base, &base);
            let ours = local.sum(&mut b, term, ours);
            let theirs = program::term_value(&mut b, term, &at, &base);
            let theirs = local.sum(&mut b, term, theirs);
            let theirs = b.rename(&flipped.rows, theirs);
            let change = b.sub(ours, theirs);
            let change = possible.map_or(change, |possible| where_possible(&mut b, possible, change));
            difference = b.add(difference, change);
        }
    }
    let (plus, minus) = (b.real(1.0), b.real(-1.0));
    let sign = b.select(drawn, plus, minus);
    let cost = b.mul(sign, difference);
    let cost = b.detach(cost);
    let total = program::add_score(&mut b, base.var(result), cost, probability);
    program::set_objective(&mut results, total);
    Ok(b.finish(results))
}

/// Whether the value that was not drawn could have been.
fn other_possible(b: &mut Builder, drawn: Var, probability: Var) -> Var {
    let one = b.real(1.0);
    let below = b.prim(Prim::Lt, &[probability, one]);
    let zero = b.real(0.0);
    let above = b.prim(Prim::Lt, &[zero, probability]);
    let (here, there) = (b.prim(Prim::And, &[drawn, below]), b.prim(Prim::Not, &[drawn]));
    let there = b.prim(Prim::And, &[there, above]);
    b.prim(Prim::Or, &[here, there])
}

/// Which row is flipped at each alternative.
struct Flipped {
    /// From each axis of alternatives to the rows it stands for.
    rows: Vec<(Axis, Axis)>,
    /// Where a row is the alternative's own; `None`: everywhere.
    here: Option<Var>,
}

/// One axis of alternatives per row axis; `None` past the limit of lanes.
fn flipped_rows(b: &mut Builder, joint: &[Axis]) -> Option<Flipped> {
    let mut lanes: usize = 1;
    let mut flipped = Flipped { rows: Vec::new(), here: None };
    for row in joint {
        let info = b.axes.info(*row).clone();
        if let Some(size) = info.size.value() {
            lanes = lanes.checked_mul(usize::try_from(size).ok()?)?;
        }
        let axis = b.axes.fresh(&info.name, info.lower, info.size, Role::Alternative);
        let (index, alternative) = (b.iota(*row), b.iota(axis));
        let same = b.prim(Prim::Eq, &[index, alternative]);
        flipped.here = b.and_guard(flipped.here, Some(same));
        flipped.rows.push((axis, *row));
    }
    (lanes <= crate::transform::adev::LANES).then_some(flipped)
}

/// The probability of true per row, 0 where the site is absent.
pub fn probability(b: &mut Builder, sample: &Sample, copied: &dyn Fn(Var) -> Var) -> Var {
    let site = &sample.site;
    let Some(fragment) = &site.dist.mvd_probability else { unreachable!("`strategy` lets only flips pass") };
    let args: Vec<Array> =
        site.args.iter().map(|arg| Array { var: copied(arg.var), ..arg.clone() }).collect();
    let guard = sample.guard.map(copied);
    let saved = b.set_guard(guard);
    let p = inline(b, fragment, &super::reparam::parameters(site, &args)).var;
    b.set_guard(saved);
    let zero = b.real(0.0);
    guard.map_or(p, |guard| b.select(guard, p, zero))
}
