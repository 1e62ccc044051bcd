//! Exact marginalisation over finite supports, by variable elimination.
//!
//! Before: a generative program and a trace of the addresses kept. After: objective code for
//! log Σ_d g(t, d) over all values d of the dropped sites.
//!
//! A dropped site becomes its values along an axis of alternatives, so every term that mentions
//! it has that axis. Sites are eliminated from the last to the first (Koller & Friedman 2009,
//! §9.3): the terms that depend on a site are added up for each of its rows and replaced by one
//! term, log Σ exp of them over the alternatives. What each term depends on is known before
//! anything is emitted:
//!
//! * terms aligned with a site's rows factor over them, a product over plate rows of row sums,
//!   n·k values;
//! * a site whose value is carried to the next step of a scan, and is linked across steps in no
//!   other way, is summed out by the forward recursion
//!   `α_t(a) = log Σ_b exp(α_{t−1}(b) + F_t(a, b))` in T·k² (Rabiner 1989, §III.A), for which
//!   the carried value becomes a second axis of alternatives, b;
//! * rows linked otherwise are enumerated jointly under the limit of lanes.

use super::adev::known_dims;
use super::copy::{Copy, Handler, Result};
use super::density::{Context, Fields, Term, aligned, factor_term, site_term, total};
use super::dependence::{Dependence, Link, Links, Through, join};
use super::support::{self, Alternatives};
use crate::axis::{Axis, AxisSet, Role};
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::{Generative, TraceField};
use crate::ir::{Const, Elem, Input, Let, Op, Program, Sample, Scan, Stmt, Ty, Var, VarInfo};
use crate::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};

/// log Σ over the values of every site of `program` that is not in `kept`.
pub fn log_density(
    b: &mut Builder,
    program: &Generative,
    kept: &[TraceField],
    context: &Context,
) -> Result<Var> {
    let plan = Plan::new(b, &program.program, kept)?;
    let handler = Eliminate { kept: Fields::of(kept), context, plan: &plan, terms: Vec::new() };
    let mut copy = Copy::new(&plan.program, handler);
    copy.run(b)?;
    let mut terms: Vec<Option<Term>> = copy.handler.terms.into_iter().map(Some).collect();
    for step in &plan.steps {
        let used: Vec<Term> = step.terms.iter().filter_map(|at| terms[*at].take()).collect();
        terms.push(Some(eliminate(b, &plan.sites[step.site], &used)));
    }
    let left: Vec<Term> = terms.into_iter().flatten().collect();
    Ok(total(b, &left))
}

/// What is emitted and in which order it is eliminated.
struct Plan {
    /// The program, with the carries of chains cut.
    program: Program,
    sites: Vec<Dropped>,
    steps: Vec<Step>,
}

/// A site that is summed out.
struct Dropped {
    sample: Sample,
    alternatives: Alternatives,
    /// Rows with terms of their own.
    own: AxisSet,
    chain: Option<Chain>,
}

/// The carry by which a site's value reaches the next step, and only that.
#[derive(Clone)]
struct Chain {
    scan: Axis,
    reverse: bool,
    carried: Var,
    /// The values of the step before.
    before: Axis,
}

/// One elimination: these terms (by number) are replaced by one, numbered after all before.
struct Step {
    site: usize,
    terms: Vec<usize>,
}

impl Plan {
    fn new(b: &mut Builder, source: &Program, kept: &[TraceField]) -> Result<Plan> {
        let dropped: Vec<Sample> = samples(source)
            .into_iter()
            .filter(|sample| kept.iter().all(|field| field.address != sample.site.address))
            .collect();
        let mut program = source.clone();
        let mut sizes = Vec::new();
        let mut chains = Vec::new();
        for sample in &dropped {
            let size = support::size(&source.axes, &sample.site, &known_dims(source));
            let size = size.filter(|_| sample.site.event == 0).ok_or_else(|| infinite(sample))?;
            let cut = cut(b, &program, sample, &size);
            if let Some((without, _)) = &cut {
                program = without.clone();
            }
            chains.push(cut.map(|(_, chain)| chain));
            sizes.push(size);
        }
        // How each term depends on each dropped site: on its value, and on the value carried from the step before.
        let on = |program: &Program, sample: &Sample| Dependence::on(program, sample, Through::Terms);
        let values: Vec<Dependence> = dropped.iter().map(|sample| on(&program, sample)).collect();
        let carried: Vec<Option<Dependence>> = dropped
            .iter()
            .zip(&chains)
            .map(|(sample, chain)| {
                let chain = chain.as_ref()?;
                Some(on(&program, &Sample { var: chain.carried, ..sample.clone() }))
            })
            .collect();
        let mut links: Vec<Option<Vec<Option<Links>>>> = term_statements(&program.body)
            .into_iter()
            .map(|stmt| {
                let of = |(value, carried): (&Dependence, &Option<Dependence>)| {
                    join(value.of_term(stmt), carried.as_ref().and_then(|carried| carried.of_term(stmt)))
                };
                Some(values.iter().zip(&carried).map(of).collect())
            })
            .collect();

        let mut sites = Vec::new();
        let mut steps = Vec::new();
        for (site, sample) in dropped.iter().enumerate().rev() {
            let rows = values[site].rows();
            let involved = |links: &Option<Vec<Option<Links>>>| {
                links.as_ref().is_some_and(|links| links[site].is_some())
            };
            let terms: Vec<usize> = (0..links.len()).filter(|at| involved(&links[*at])).collect();
            let mut crossing: Option<Links> = None;
            let mut others: Vec<Option<Links>> = vec![None; dropped.len()];
            for at in &terms {
                let Some(used) = links[*at].take() else { continue };
                crossing = join(crossing, used[site].clone());
                for (other, link) in others.iter_mut().zip(used) {
                    *other = join(other.take(), link);
                }
            }
            let crossing = crossing.unwrap_or_default();
            let joint: Vec<Axis> = rows
                .iter()
                .zip(&crossing)
                .filter(|(_, link)| **link != Link::Aligned)
                .map(|(row, _)| *row)
                .collect();
            let chain = chains[site].clone();
            let size = &sizes[site];
            let alternatives = if joint.is_empty() {
                Alternatives::per_row(b, &sample.site, size)
            } else {
                let fits =
                    chain.is_none().then(|| Alternatives::joint(b, &sample.site, size, &joint)).flatten();
                fits.ok_or_else(|| too_many(&program, sample, &values[site], &joint))?
            };
            let shared = |row: &Axis| joint.contains(row) || chain.as_ref().is_some_and(|c| c.scan == *row);
            let own: AxisSet = rows.iter().copied().filter(|row| !shared(row)).collect();
            // The new term has the site's own rows; along others, it reads any row of the sites before.
            for (other, links) in others.iter_mut().enumerate() {
                for (row, link) in values[other].rows().iter().zip(links.iter_mut().flatten()) {
                    if !own.contains(*row) {
                        *link = Link::Any;
                    }
                }
            }
            others[site] = None;
            links.push(Some(others));
            steps.push(Step { site, terms });
            sites.push(Dropped { sample: sample.clone(), alternatives, own, chain });
        }
        // Sites were pushed from the last to the first.
        sites.reverse();
        Ok(Plan { program, sites, steps })
    }

    fn alternative_axes(&self) -> AxisSet {
        let own = self.sites.iter().map(|site| site.alternatives.axis);
        own.chain(self.sites.iter().filter_map(|site| Some(site.chain.as_ref()?.before))).collect()
    }
}

/// One term for all that depend on a site.
fn eliminate(b: &mut Builder, site: &Dropped, terms: &[Term]) -> Term {
    let mut rows = site.own.clone();
    if let Some(chain) = &site.chain {
        rows.insert(chain.scan);
    }
    let mut sum = b.real(0.0);
    for term in terms {
        let local = b.sum(&term.over.minus(&rows), term.var);
        sum = b.add(sum, local);
    }
    let values = site.alternatives.axis;
    let reached = match &site.chain {
        None => sum,
        Some(chain) => forward(b, chain, values, sum),
    };
    Term { address: None, var: b.log_sum_exp(values, reached), over: site.own.clone() }
}

/// The forward recursion: log weights of the values after the last step, from those of every step.
fn forward(b: &mut Builder, chain: &Chain, values: Axis, step: Var) -> Var {
    let (index, first) = (b.iota(values), b.int(0));
    let at_first = b.prim(Prim::Eq, &[index, first]);
    // Before the first step the carried value is the scan's start whatever b: one of them counts.
    let (certain, never) = (b.real(0.0), b.real(f64::NEG_INFINITY));
    let start = b.select(at_first, certain, never);
    let mut widen = b.axes_of(step).clone();
    widen.remove(chain.before);
    let alpha = b.begin_scan(chain.scan, chain.reverse, &[(start, widen)])[0];
    let before = b.rename(&[(values, chain.before)], alpha);
    let paths = b.add(before, step);
    let next = b.log_sum_exp(chain.before, paths);
    b.end_scan(&[next]);
    let info = b.axes.info(chain.scan).clone();
    let last = if chain.reverse { info.lower } else { info.lower.plus(&info.size).minus(&Dim::known(1)) };
    let last = b.dim(&last);
    b.gather(next, chain.scan, last)
}

/// The program with the carry cut that takes the site's value to the next step, if that is its only link across
/// steps: the carried value becomes the scan's start at the first step and any value `before` later.
fn cut(b: &mut Builder, program: &Program, sample: &Sample, size: &Dim) -> Option<(Program, Chain)> {
    fn find(stmts: &[Stmt], next: Var) -> Option<(&Scan, usize)> {
        stmts.iter().find_map(|stmt| match stmt {
            Stmt::Scan(scan) => {
                let own = scan.carries.iter().position(|carry| carry.next == next).map(|at| (scan, at));
                own.or_else(|| find(&scan.body, next))
            }
            Stmt::Let(_) | Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => None,
        })
    }
    let (scan, at) = find(&program.body, sample.var)?;
    let carry = scan.carries[at].clone();
    let info = b.axes.info(scan.axis).clone();
    let end = info.lower.plus(&info.size).minus(&Dim::known(1));
    let first = if scan.reverse { end } else { info.lower }.value()?;
    let before = b.fresh_axis(&format!("{}_before", sample.site.address), size.clone(), Role::Alternative);
    let chain = Chain { scan: scan.axis, reverse: scan.reverse, carried: carry.var, before };

    let mut cut = program.clone();
    cut.axes = b.axes.clone();
    let elem = program.vars[carry.var.0 as usize].ty.elem;
    let span = sample.site.span;
    let mut lets = Vec::new();
    let mut bind = |elem: Elem, axes: AxisSet, op: Op| {
        let var = Var(cut.vars.len() as u32);
        cut.vars.push(VarInfo { ty: Ty { elem, axes }, name: None, span, rule: None });
        lets.push(Stmt::Let(Let { var, op, guard: None }));
        var
    };
    let along = |axis: Axis| [axis].into_iter().collect::<AxisSet>();
    let number = bind(Elem::Int, along(before), Op::Iota(before));
    let value = match elem {
        Elem::Int => number,
        Elem::Real => bind(elem, along(before), Op::Prim(Prim::ToReal, vec![number])),
        Elem::Bool => {
            let one = bind(Elem::Int, AxisSet::new(), Op::Const(Const::Int(1)));
            bind(elem, along(before), Op::Prim(Prim::Eq, vec![number, one]))
        }
    };
    let step = bind(Elem::Int, along(scan.axis), Op::Iota(scan.axis));
    let first = bind(Elem::Int, AxisSet::new(), Op::Const(Const::Int(first)));
    let starts = bind(Elem::Bool, along(scan.axis), Op::Prim(Prim::Eq, vec![step, first]));
    let op = Op::Prim(Prim::Select, vec![starts, carry.init, value]);
    lets.push(Stmt::Let(Let { var: carry.var, op, guard: None }));
    cut.body = without_carry(&program.body, carry.var, &lets);

    let aligned = |var: Var| {
        let on = Dependence::on(&cut, &Sample { var, ..sample.clone() }, Through::Terms);
        let row = on.rows().iter().position(|row| *row == chain.scan);
        term_statements(&cut.body).into_iter().all(|stmt| {
            let links = on.of_term(stmt);
            links.is_none_or(|links| row.is_some_and(|row| links[row] == Link::Aligned))
        })
    };
    let same_rows = cut.vars[carry.var.0 as usize].ty.axes == cut.vars[sample.var.0 as usize].ty.axes;
    (same_rows && aligned(sample.var) && aligned(carry.var)).then_some((cut, chain))
}

/// The statements with `lets` in the place of a carry.
fn without_carry(stmts: &[Stmt], carried: Var, lets: &[Stmt]) -> Vec<Stmt> {
    let mut kept = Vec::with_capacity(stmts.len() + lets.len());
    for stmt in stmts {
        let Stmt::Scan(scan) = stmt else {
            kept.push(stmt.clone());
            continue;
        };
        let mut scan = scan.clone();
        if scan.carries.iter().any(|carry| carry.var == carried) {
            scan.carries.retain(|carry| carry.var != carried);
            kept.extend_from_slice(lets);
        } else {
            scan.body = without_carry(&scan.body, carried, lets);
        }
        // Steps without a carry stand alone.
        if scan.carries.is_empty() { kept.extend(scan.body) } else { kept.push(Stmt::Scan(scan)) }
    }
    kept
}

/// The sample statements, in order.
fn samples(program: &Program) -> Vec<Sample> {
    let statements = term_statements(&program.body).into_iter();
    statements
        .filter_map(|stmt| if let Stmt::Sample(sample) = stmt { Some(sample.clone()) } else { None })
        .collect()
}

/// The statements that make a term, in the order in which a copy meets them.
fn term_statements(stmts: &[Stmt]) -> Vec<&Stmt> {
    let mut found = Vec::new();
    for stmt in stmts {
        match stmt {
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } => found.push(stmt),
            Stmt::Scan(scan) => found.extend(term_statements(&scan.body)),
            Stmt::Let(_) | Stmt::Report(_) => {}
        }
    }
    found
}

fn infinite(sample: &Sample) -> Box<Diagnostic> {
    let (address, dist) = (&sample.site.address, &sample.site.dist.name);
    Box::new(
        Diagnostic::error(
            Code("E0506"),
            format!("`{address}` cannot be summed out: `{dist}` has no finite support"),
        )
        .at(sample.site.span, "this is not in `keep`")
        .help(format!("keep `{address}`, or write `using = importance(n)`")),
    )
}

fn too_many(program: &Program, sample: &Sample, dependence: &Dependence, joint: &[Axis]) -> Box<Diagnostic> {
    let address = &sample.site.address;
    let message = format!("`{address}` cannot be summed out: its rows must be taken jointly");
    let mut error = Diagnostic::error(Code("E0504"), message)
        .at(sample.site.span, "more than 65536 combinations of its rows")
        .help(format!("keep `{address}`, or write `using = importance(n)`"));
    if let Some(escape) = dependence.escape(program, joint) {
        error = error.at(program.vars[escape.0 as usize].span, "here a value leaves its row");
    }
    Box::new(error)
}

/// Scores the kept sites, and gives the dropped ones all their values.
#[derive(Clone)]
struct Eliminate<'a> {
    kept: Fields<'a>,
    context: &'a Context,
    plan: &'a Plan,
    terms: Vec<Term>,
}

impl Handler for Eliminate<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        self.context.input(b, elem, input)
    }

    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        let site = &sample.site;
        if let Some(dropped) = self.plan.sites.iter().find(|dropped| dropped.sample.var == sample.var) {
            let var = dropped.alternatives.log_probability(b, site, sample.guard);
            let over = site.dims.iter().copied().collect();
            self.terms.push(Term { address: Some(site.address.clone()), var, over });
            return Ok(dropped.alternatives.value);
        }
        let field = self.kept.at(site)?;
        let value = aligned(b, &field.value, &site.dims);
        self.terms.push(site_term(b, site, value, sample.guard));
        Ok(value)
    }

    fn observe(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if self.context.prior {
            return self.sample(b, sample);
        }
        let mut term = site_term(b, &sample.site, sample.var, sample.guard);
        if self.context.unobserved {
            // Statements and terms are numbered alike.
            (term.var, term.over) = (b.real(0.0), AxisSet::new());
        }
        self.terms.push(term);
        Ok(sample.var)
    }

    fn factor(&mut self, b: &mut Builder, value: Var, guard: Option<Var>, _: Span) -> Result<()> {
        let mut term = factor_term(b, self.context, value, guard);
        term.over = term.over.minus(&self.plan.alternative_axes());
        if self.context.prior || self.context.unobserved {
            // Statements and terms are numbered alike.
            term.var = b.real(0.0);
            term.over = AxisSet::new();
        }
        self.terms.push(term);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
