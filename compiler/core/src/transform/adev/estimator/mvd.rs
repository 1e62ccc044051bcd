//! `mvd`: the measure-valued derivative.
//!
//! For `x ~ d(θ); k` and every parameter a of d that is differentiated, the distribution states c, X⁺ and X⁻ with
//! ∂_a E k(X) = E c·(k(X⁺) − k(X⁻)) (`weak_derivative` clauses: `stdlib/distributions`), and
//!
//! ```text
//! (l, l') = k(x, 0);   (l, l' + Σ_a c_a·a'·(k(x_a⁺) − k(x_a⁻)))
//! ```
//!
//! with k(x±) run purely and sharing every random number downstream (Pflug 1996; Mohamed, Rosca, Figurnov and Mnih
//! 2020, §6; ADEV, fig. 3, `flip_mvd`). Samples whose arguments change are drawn again from the same noise. Where x±
//! is x itself, k(x) is what was run already: a flip, a Poisson or an exponential costs one more run. The values of
//! all pairs stand along one axis, so that what depends on the site is emitted once.
//!
//! The pairs of an array parameter stand along an axis of its components.
//!
//! Where terms are aligned with the site's rows, all rows change at once. Along other rows an axis of alternatives
//! changes one row each, so n rows cost n passes; in a recurrence the alternatives are the steps, each run from there
//! on.
//!
//! An impossible value (of a finite support) whose cost is not finite counts as no different from the drawn one.
//!
//! Assumes: the clauses are derivatives of the distribution, the support does not move with θ, and E |k(X±)| is finite.

use super::enumerate::where_possible;
use super::reparam::{self, parameters};
use super::{Applied, Rule, rule};
use crate::axis::{Axis, Role};
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::Fragment;
use crate::ir::{Array, Op, Program, Sample, Site, Var};
use crate::prim::Prim;
use crate::transform::adev::program::{self, Local, Rewritten};
use crate::transform::adev::smoothness;
use crate::transform::adev::terms::Term;
use crate::transform::copy::{Result, inline};
use crate::transform::density::{aligned, inline_density};
use crate::transform::support;

/// The measure-valued derivative.
pub struct Mvd;

impl Rule for Mvd {
    fn name(&self) -> &'static str {
        "mvd"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "x ~ d(θ), (l, l′) = k(x, 0); (l, l′ + Σ_a c_a·a′·(k(x_a⁺) − k(x_a⁻))) over the parameters a of d",
            "Pflug 1996; Mohamed et al. 2020; Lew et al. 2023, flip_mvd",
        ]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        if site.dist.weak_derivatives.is_empty() { Err("it states no `weak_derivative`") } else { Ok(()) }
    }

    fn differentiates(&self, site: &Site, param: usize) -> bool {
        site.dist.weak_derivatives.iter().any(|derivative| derivative.param == param)
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        let smooth = smoothness::analyse(program, &|site| {
            let rule = site.strategy.as_ref().and_then(|written| rule(written.name));
            rule.is_some_and(Rule::is_smooth)
        });
        let differentiated: Vec<bool> =
            sample.site.args.iter().map(|arg| smooth.is_smooth(arg.var)).collect();
        let program = program::rewritten(program, sample, &program::rigid_at(sample.var), |b, at| {
            rewrite(b, at, &differentiated)
        })?;
        Ok(program.into())
    }
}

/// The objective with the site's derivatives added.
fn rewrite(b: &mut Builder, at: &Rewritten, differentiated: &[bool]) -> Result<Var> {
    let depends = |term: &&Term| !term.zero && term.links(at.dependence).is_some();
    let costs: Vec<Term> = at.terms.iter().filter(depends).cloned().collect();
    if costs.is_empty() {
        return Ok(at.total);
    }
    let mut sides = Sides::default();
    let pairs = pairs(b, at, differentiated, &mut sides);
    let changes = sides.changes(b, at, &costs)?;
    let mut total = at.total;
    for pair in pairs {
        let of_side = |side: Option<usize>| side.map(|side| changes[side]);
        let difference = match (of_side(pair.plus), of_side(pair.minus)) {
            (Some(plus), Some(minus)) => b.sub(plus, minus),
            (Some(plus), None) => plus,
            (None, Some(minus)) => b.neg(minus),
            (None, None) => continue,
        };
        let cost = b.mul(pair.coefficient, difference);
        let zero = b.real(0.0);
        let cost = pair.present.map_or(cost, |present| b.select(present, cost, zero));
        let cost = b.detach(cost);
        total = program::add_score(b, total, cost, pair.of);
    }
    Ok(total)
}

/// The derivative by one parameter.
struct Pair {
    /// The parameter, an array's along the axis of its pairs.
    of: Var,
    coefficient: Var,
    /// Sides that are not the drawn value, by number.
    plus: Option<usize>,
    minus: Option<usize>,
    /// Where the site is.
    present: Option<Var>,
}

/// The pairs of a site, with constant arguments: they are no part of what is differentiated.
fn pairs(b: &mut Builder, at: &Rewritten, differentiated: &[bool], sides: &mut Sides) -> Vec<Pair> {
    let site = &*at.sample.site;
    let copied: Vec<Array> =
        site.args.iter().map(|arg| Array { var: at.base.var(arg.var), ..arg.clone() }).collect();
    let constant: Vec<Array> =
        copied.iter().map(|arg| Array { var: b.detach(arg.var), ..arg.clone() }).collect();
    let event = site.dims[site.dims.len() - site.event..].to_vec();
    let drawn = Array { var: at.base.var(at.sample.var), dims: event.clone() };
    let present = at.sample.guard.map(|guard| at.base.var(guard));
    let wanted = site.dist.weak_derivatives.iter().filter(|derivative| differentiated[derivative.param]);
    let mut pairs = Vec::new();
    for derivative in wanted {
        let param = &site.dist.params[derivative.param];
        let outer = b.set_guard(present);
        let mut formals = parameters(site, &constant);
        formals.push(("x", &site.dist.event, &drawn));
        let clause = format!("weak_derivative.{}.", param.name);
        let noise = reparam::draws(b, site, &formals, &derivative.draws, &clause, &mut |b, draw| {
            b.emit(Op::Draw(draw))
        });
        formals.extend(reparam::made(&derivative.draws, &noise));
        let along: Vec<Axis> = copied[derivative.param].dims.clone();
        let components: Vec<(Axis, Axis)> =
            along.iter().map(|axis| (*axis, alternatives(b, *axis))).collect();
        let part = |b: &mut Builder, fragment: &Fragment, event: &[Axis]| {
            let array = inline(b, fragment, &formals);
            let own = components.iter().map(|(_, axis)| *axis);
            let dims: Vec<Axis> = match array.dims.len() == event.len() {
                true => event.to_vec(),
                false => own.chain(event.iter().copied()).collect(),
            };
            (aligned(b, &array, &dims), array.dims.len() > event.len())
        };
        let (coefficient, _) = part(b, &derivative.coefficient, &[]);
        let mut side = |b: &mut Builder, fragment: &Fragment| {
            (!fragment.is_formal("x")).then(|| {
                let (value, by_component) = part(b, fragment, &event);
                sides.add(value, by_component)
            })
        };
        let (plus, minus) = (side(b, &derivative.plus), side(b, &derivative.minus));
        b.set_guard(outer);
        let of = b.rename(&components, copied[derivative.param].var);
        pairs.push(Pair { of, coefficient, plus, minus, present });
    }
    pairs
}

/// Values of the site other than the drawn one, for which its costs are wanted.
#[derive(Default)]
struct Sides {
    values: Vec<Var>,
    /// Whether a value has axes of its own, of a parameter's components.
    by_component: Vec<bool>,
}

impl Sides {
    fn add(&mut self, value: Var, by_component: bool) -> usize {
        self.values.push(value);
        self.by_component.push(by_component);
        self.values.len() - 1
    }

    /// k(value) − k(x) of every side, per row: one run for those without axes of their own.
    fn changes(&self, b: &mut Builder, at: &Rewritten, costs: &[Term]) -> Result<Vec<Var>> {
        let mut changes = vec![None; self.values.len()];
        let (own, plain): (Vec<usize>, Vec<usize>) =
            (0..self.values.len()).partition(|side| self.by_component[*side]);
        if plain.len() > 1 {
            let size = Dim::known(plain.len() as i64);
            let axis = b.fresh_axis(&at.sample.site.address, size, Role::Alternative);
            let parts = plain.iter().map(|side| self.values[*side]).collect();
            let value = b.emit(Op::Stack { axis, parts });
            let change = change(b, at, costs, value)?;
            for (number, side) in plain.iter().enumerate() {
                let number = b.int(number as i64);
                changes[*side] = Some(b.gather(change, axis, number));
            }
        }
        for side in own {
            changes[side] = Some(change(b, at, costs, self.values[side])?);
        }
        if let [side] = plain[..] {
            changes[side] = Some(change(b, at, costs, self.values[side])?);
        }
        Ok(changes.into_iter().flatten().collect())
    }
}

/// What the site's costs are more at another value, per row.
fn change(b: &mut Builder, at: &Rewritten, costs: &[Term], value: Var) -> Result<Var> {
    let Rewritten { source, sample, dependence, slice, base, .. } = *at;
    let drawn = base.var(sample.var);
    let redraw = dependence.of_arguments(sample).is_some();
    let possible = possible(b, at, value);
    let mut total = b.real(0.0);
    for (joint, terms) in program::by_joint_rows(costs, sample, dependence) {
        let moved =
            moved_rows(b, &joint).ok_or_else(|| program::too_many(source, sample, dependence, &joint))?;
        let value = |b: &mut Builder, copied: &Sample| {
            if copied.var != sample.var {
                return Ok(None);
            }
            let Some(here) = moved.here else { return Ok(Some(value)) };
            let same = if redraw { program::rigid(b, copied)? } else { drawn };
            Ok(Some(b.select(here, value, same)))
        };
        let other = program::resume(b, slice, base, dependence, &value)?;
        b.at(sample.site.span);
        let local = Local::of(dependence, &joint);
        for term in terms {
            let ours = program::term_value(b, term, base, base);
            let ours = local.sum(b, term, ours);
            let theirs = program::term_value(b, term, &other, base);
            let theirs = local.sum(b, term, theirs);
            let theirs = b.rename(&moved.rows, theirs);
            let change = b.sub(theirs, ours);
            let change = possible.map_or(change, |possible| where_possible(b, possible, change));
            total = b.add(total, change);
        }
    }
    Ok(total)
}

/// Whether a value of a finite support could have been drawn; `None` where all can.
fn possible(b: &mut Builder, at: &Rewritten, value: Var) -> Option<Var> {
    let site = &*at.sample.site;
    if site.dist.finite.is_none() || support::every_value_possible(at.source, site) {
        return None;
    }
    let args = site.args.iter().map(|arg| Array { var: at.base.var(arg.var), ..arg.clone() }).collect();
    let dims = site.dims[site.dims.len() - site.event..].to_vec();
    let log = inline_density(b, &Site { args, ..site.clone() }, &Array { var: value, dims });
    let never = b.real(f64::NEG_INFINITY);
    let log = b.detach(log);
    Some(b.prim(Prim::Lt, &[never, log]))
}

/// Which row is changed at each alternative.
struct Moved {
    /// From each axis of alternatives to the rows it stands for.
    rows: Vec<(Axis, Axis)>,
    /// Where a row is the alternative's own; `None`: everywhere.
    here: Option<Var>,
}

/// One axis of alternatives per row axis; `None` past the limit of lanes.
fn moved_rows(b: &mut Builder, joint: &[Axis]) -> Option<Moved> {
    let mut lanes: usize = 1;
    let mut moved = Moved { rows: Vec::new(), here: None };
    for row in joint {
        if let Some(size) = b.axes.info(*row).size.value() {
            lanes = lanes.checked_mul(usize::try_from(size).ok()?)?;
        }
        let axis = alternatives(b, *row);
        let (index, alternative) = (b.iota(*row), b.iota(axis));
        let same = b.prim(Prim::Eq, &[index, alternative]);
        moved.here = b.and_guard(moved.here, Some(same));
        moved.rows.push((axis, *row));
    }
    (lanes <= crate::transform::adev::LANES).then_some(moved)
}

/// An axis of alternatives as long as another axis.
fn alternatives(b: &mut Builder, like: Axis) -> Axis {
    let info = b.axes.info(like).clone();
    b.axes.fresh(&info.name, info.lower, info.size, Role::Alternative)
}
