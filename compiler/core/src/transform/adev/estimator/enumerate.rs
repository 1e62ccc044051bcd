//! `enum`: the expectation over a finite support, exactly.
//!
//! `x ~ d(θ); k` with values v_j of probability p_j(θ) becomes
//!
//! ```text
//! (Σ_j p_j l_j,  Σ_j p_j l'_j + p'_j l_j),   (l_j, l'_j) = k(v_j, 0)
//! ```
//!
//! (ADEV, fig. 3, `flip_enum`.) Which is to say: l becomes Σ_j p_j · l_j as a differentiable
//! expression. The site becomes its values along a new axis, and the slice of statements that
//! depend on it, re-emitted once, gains that axis; draws in the slice keep their keys, so
//! alternatives share their randomness.
//!
//! Terms that are aligned with a site's rows see only their own row: n rows of k values cost
//! n·k. Where a value leaves its row (sums under a non-linear term, reads of other rows, steps of
//! a recurrence) those rows are enumerated jointly, k^n alternatives, up to the limit of lanes.
//!
//! A value of probability zero has weight zero whatever it costs: the slice is emitted under the guard that its
//! alternative is possible, and an infinite cost of an impossible one counts as none. So `p log p` is 0 at p = 0. None of this is
//! emitted where the parameters are known to lie inside their sets.

use super::{Applied, Rule};
use crate::axis::Axis;
use crate::build::Builder;
use crate::ir::{Array, Program, Sample, Site, Var};
use crate::prim::Prim;
use crate::transform::adev::program::{self, Emitted, Local, Rewritten};
use crate::transform::adev::terms::{self, Term};
use crate::transform::copy::Result;
use crate::transform::support::{self, Alternatives};

/// Summation over a finite support.
pub struct Enumerate;

impl Rule for Enumerate {
    fn name(&self) -> &'static str {
        "enum"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "(l_j, l_j′) = k(v_j, 0) for every value v_j, p_j = d(v_j; θ); (Σ p_j l_j, Σ p_j l_j′ + p_j′ l_j)",
            "Lew et al. 2023, flip_enum",
        ]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        let finite = site.dist.finite.is_some() && site.event == 0;
        if finite { Ok(()) } else { Err("its support is not a finite set of numbers whose size is known") }
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        Ok(apply(program, sample)?.into())
    }
}

/// The program with this site summed out of its objective. Other results see a rigid draw of it.
pub fn apply(source: &Program, sample: &Sample) -> Result<Program> {
    program::rewritten(source, sample, &program::rigid_at(sample.var), sum)
}

/// The objective summed over the site's values.
fn sum(b: &mut Builder, at: &Rewritten) -> Result<Var> {
    let Rewritten { source, sample, dependence, slice, base, total: drawn, ref terms } = *at;
    let sure = support::every_value_possible(source, &sample.site);
    let mut total = b.real(0.0);
    let mut dependent = Vec::new();
    for term in terms {
        if term.links(dependence).is_some() {
            dependent.push(term.clone());
        } else {
            let value = program::term_value(b, term, base, base);
            let value = b.sum(&term.over, value);
            total = b.add(total, value);
        }
    }
    for (joint, terms) in program::by_joint_rows(&dependent, sample, dependence) {
        let alternatives = alternatives(b, source, sample, &joint)
            .ok_or_else(|| program::too_many(source, sample, dependence, &joint))?;
        // Where rows are treated one by one the weights do not depend on the values.
        let own = joint.is_empty().then(|| weight(b, &alternatives, sample, base));
        let possible = own.filter(|_| !sure).map(|weight| possible(b, weight));
        let value = alternatives.value;
        let value = |_: &mut Builder, copied: &Sample| Ok((copied.var == sample.var).then_some(value));
        let outer = b.set_guard(possible);
        let at = program::resume(b, slice, base, dependence, &value)?;
        b.set_guard(outer);
        b.at(sample.site.span);
        let weight = own.unwrap_or_else(|| weight(b, &alternatives, sample, &at));
        let possible = if sure { None } else { possible.or_else(|| Some(self::possible(b, weight))) };
        let local = Local::of(dependence, &joint);
        let cost = cost(b, &terms, &local, &at, base, possible);
        let weighted = b.mul(weight, cost);
        let free = b.axes_of(drawn).clone();
        let open = b.axes_of(weighted).minus(&free);
        let expectation = b.sum(&open, weighted);
        total = b.add(total, expectation);
    }
    Ok(total)
}

fn alternatives(b: &mut Builder, source: &Program, sample: &Sample, joint: &[Axis]) -> Option<Alternatives> {
    let size = support::size(&source.axes, &sample.site, &terms::known_dims(source))?;
    if joint.is_empty() {
        Some(Alternatives::per_row(b, &sample.site, &size))
    } else {
        Alternatives::joint(b, &sample.site, &size, joint)
    }
}

/// The terms at every alternative, per row.
fn cost(
    b: &mut Builder,
    terms: &[&Term],
    local: &Local,
    at: &Emitted,
    base: &Emitted,
    possible: Option<Var>,
) -> Var {
    let mut cost = b.real(0.0);
    for term in terms {
        let value = program::term_value(b, term, at, base);
        let value = local.sum(b, term, value);
        let value = possible.map_or(value, |possible| where_possible(b, possible, value));
        cost = b.add(cost, value);
    }
    cost
}

/// The probability of every alternative, with the site as it stands in a copy.
fn weight(b: &mut Builder, alternatives: &Alternatives, sample: &Sample, at: &Emitted) -> Var {
    let mut site = (*sample.site).clone();
    site.args = site.args.iter().map(|arg| Array { var: at.var(arg.var), ..arg.clone() }).collect();
    alternatives.weight(b, &site, sample.guard.map(|guard| at.var(guard)))
}

fn possible(b: &mut Builder, weight: Var) -> Var {
    let zero = b.real(0.0);
    b.prim(Prim::Lt, &[zero, weight])
}

/// A cost that counts nothing where its alternative is impossible and it is not finite: 0 · ∞ is 0 here.
pub fn where_possible(b: &mut Builder, possible: Var, cost: Var) -> Var {
    let (zero, infinity) = (b.real(0.0), b.real(f64::INFINITY));
    let size = b.prim(Prim::Abs, &[cost]);
    let finite = b.prim(Prim::Lt, &[size, infinity]);
    let counts = b.prim(Prim::Or, &[possible, finite]);
    b.select(counts, cost, zero)
}
