//! `density{g}`: the log density of a trace.
//!
//! Before: a generative program and a trace. After: objective code for log g(t), a sum of one
//! term per site, observation and factor. Assumes the trace has every latent of the program with
//! matching shapes (checked where model and guide are bound together). Guarantees that absent
//! sites (under a false condition) contribute 0.

use super::copy::{Copy, Handler, Result, inline};
use super::marginal::{self, Marginal};
use super::normalize;
use super::rows;
use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::generative::{Generative, ProgramExpr, TraceField};
use crate::ir::{Array, Elem, Input, InputKind, Sample, Site, Var};
use std::collections::HashMap;
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// Where and how a program is run: fixed while one `simulate` or `log_density` is expanded.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Draws, replicates and particles in scope: new sites are independent along them.
    pub open: AxisSet,
    /// Call path: prefixes the occurrence of every site.
    pub path: String,
    /// Data replaced by `given`, and formal arguments.
    pub data: Vec<(String, Array)>,
    /// Parameters count as constants.
    pub frozen: bool,
    /// Observations are drawn.
    pub prior: bool,
    /// Observations and factors do not count.
    pub unobserved: bool,
}

impl Context {
    /// The same with one more path element.
    pub fn enter(&self, name: &str) -> Context {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}/{name}", self.path) };
        Context { path, ..self.clone() }
    }

    /// The same with one more axis in scope.
    pub fn open(&self, axis: Axis) -> Context {
        let mut context = self.clone();
        context.open.insert(axis);
        context
    }

    /// An input in this context.
    pub fn input(&self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        let replaced = self.data.iter().rev().find(|(name, _)| *name == input.name);
        match (input.kind, replaced) {
            (InputKind::Data | InputKind::Formal, Some((_, array))) => Ok(aligned(b, array, &input.dims)),
            (InputKind::Param, _) if self.frozen => {
                let var = b.input(elem, input);
                Ok(b.detach(var))
            }
            _ => Ok(b.input(elem, input)),
        }
    }

    /// A site in this context: independent along the axes in scope, with its own occurrence.
    pub fn site(&self, site: &Site) -> Rc<Site> {
        let mut site = site.clone();
        site.key = site.key.union(&self.open);
        site.occurrence = format!("{}/{}", self.path, site.address).into();
        site.into()
    }
}

/// An array read in the dims wanted.
pub fn aligned(b: &mut Builder, array: &Array, dims: &[Axis]) -> Var {
    let pairs: Vec<(Axis, Axis)> = array.dims.iter().copied().zip(dims.iter().copied()).collect();
    b.rename(&pairs, array.var)
}

/// One summand of a log density: `var` summed over `over`.
#[derive(Debug, Clone)]
pub struct Term {
    /// The site it belongs to; factors have none.
    pub address: Option<Rc<str>>,
    /// The value per row.
    pub var: Var,
    /// The rows.
    pub over: AxisSet,
}

/// The term of a value under a site: log density per row, 0 where the site is absent.
pub fn site_term(b: &mut Builder, site: &Site, value: Var, guard: Option<Var>) -> Term {
    let saved = b.set_guard(guard);
    let rows = site.dims.len() - site.event;
    let event: Vec<Axis> = site.dims[rows..].to_vec();
    let value = Array { var: value, dims: event };
    let log_density = inline_density(b, site, &value);
    let zero = b.real(0.0);
    let var = match guard {
        Some(guard) => b.select(guard, log_density, zero),
        None => log_density,
    };
    b.set_guard(saved);
    Term { address: Some(site.address.clone()), var, over: site.dims[..rows].iter().copied().collect() }
}

/// log p(value; args) of the site's distribution, per row.
pub fn inline_density(b: &mut Builder, site: &Site, value: &Array) -> Var {
    let dist = &site.dist;
    let mut formals: Vec<(&str, &[Axis], &Array)> = dist
        .params
        .iter()
        .zip(&site.args)
        .map(|(p, arg)| (p.name.as_str(), p.dims.as_slice(), arg))
        .collect();
    formals.push(("x", &dist.event, value));
    inline(b, &dist.log_density, &formals).var
}

/// Σ of the terms over their rows.
pub fn total(b: &mut Builder, terms: &[Term]) -> Var {
    let mut sum = b.real(0.0);
    for term in terms {
        let rows = b.sum(&term.over, term.var);
        sum = b.add(sum, rows);
    }
    sum
}

/// The term of a factor: summed over the axes it has beyond those in scope.
pub fn factor_term(b: &mut Builder, context: &Context, value: Var, guard: Option<Var>) -> Term {
    let zero = b.real(0.0);
    let var = match guard {
        Some(guard) => b.select(guard, value, zero),
        None => value,
    };
    Term { address: None, var, over: b.axes_of(var).minus(&context.open) }
}

/// log p(t) for the whole program expression; an unbiased estimate of p(t), in log space, where it holds `marginal`.
pub fn log_density(
    b: &mut Builder,
    program: &ProgramExpr,
    trace: &[TraceField],
    context: &Context,
) -> Result<Var> {
    match program {
        ProgramExpr::Base(base) => {
            let (terms, _) = terms(b, base, trace, context)?;
            Ok(total(b, &terms))
        }
        ProgramExpr::Marginal { program, keep, using, span } => {
            marginal::log_density(b, Marginal { program, keep, using, span: *span }, trace, context)
        }
        ProgramExpr::Normalize(normalize) => normalize::log_density(b, normalize, trace, context),
        ProgramExpr::Rows(rows) => rows::log_density(b, rows, trace, context),
        ProgramExpr::Condition(inner, _) if context.prior => log_density(b, inner, trace, context),
        ProgramExpr::Condition(inner, observed) => {
            let all: Vec<TraceField> = trace.iter().chain(observed).cloned().collect();
            log_density(b, inner, &all, context)
        }
        ProgramExpr::Frozen(inner) => {
            log_density(b, inner, trace, &Context { frozen: true, ..context.clone() })
        }
        ProgramExpr::Given(inner, data) => log_density(b, inner, trace, &given(context, data)),
        ProgramExpr::Prior(inner) => {
            log_density(b, inner, trace, &Context { prior: true, ..context.clone() })
        }
        ProgramExpr::Unobserved(inner) => {
            log_density(b, inner, trace, &Context { unobserved: true, ..context.clone() })
        }
    }
}

/// The context with data replaced.
pub fn given(context: &Context, data: &[(String, Array)]) -> Context {
    let mut context = context.clone();
    context.data.extend(data.iter().cloned());
    context
}

/// The terms of log p(t), and the program's reports at `t`.
pub fn terms(
    b: &mut Builder,
    program: &Generative,
    trace: &[TraceField],
    context: &Context,
) -> Result<(Vec<Term>, Vec<TraceField>)> {
    let handler = Density { trace: Fields::of(trace), context, terms: Vec::new(), reports: Vec::new() };
    let mut copy = Copy::new(&program.program, handler);
    copy.run(b)?;
    Ok((copy.handler.terms, copy.handler.reports))
}

#[derive(Clone)]
struct Density<'a> {
    trace: Fields<'a>,
    context: &'a Context,
    terms: Vec<Term>,
    reports: Vec<TraceField>,
}

/// The fields of a trace by address.
#[derive(Clone)]
pub struct Fields<'t>(Rc<HashMap<&'t str, &'t TraceField>>);

impl<'t> Fields<'t> {
    /// Those of this trace.
    pub fn of(trace: &'t [TraceField]) -> Self {
        Fields(Rc::new(trace.iter().map(|field| (&*field.address, field)).collect()))
    }

    /// The field at the site's address, if there is one.
    pub fn get(&self, site: &Site) -> Option<&'t TraceField> {
        self.0.get(&*site.address).copied()
    }

    /// The field at the site's address, which must be there.
    pub fn at(&self, site: &Site) -> Result<&'t TraceField> {
        self.get(site).ok_or_else(|| {
            Box::new(
                Diagnostic::error(Code("E0401"), format!("the trace has no value for `{}`", site.address))
                    .at(site.span, "this site needs one"),
            )
        })
    }
}

/// Refuses the density of a point, which can be simulated only.
fn has_density(site: &Site) -> Result<()> {
    if !site.dist.is_point() {
        return Ok(());
    }
    let (address, dist) = (&site.address, &site.dist.name);
    let message = format!("`{dist}` has no density: the log density of `{address}` is asked for");
    Err(Box::new(
        Diagnostic::error(Code("E0422"), message)
            .at(site.span, "a single point can be simulated, not scored")
            .help(format!("use `{dist}` in a guide of `elbo`, which simulates it"))
            .help("or give the site a width, as in `normal(…, 0.01)`"),
    ))
}

impl Handler for Density<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        self.context.input(b, elem, input)
    }

    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        has_density(&sample.site)?;
        let field = self.trace.at(&sample.site)?;
        let value = aligned(b, &field.value, &sample.site.dims);
        self.terms.push(site_term(b, &sample.site, value, sample.guard));
        Ok(value)
    }

    fn observe(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if self.context.prior {
            return self.sample(b, sample);
        }
        if !self.context.unobserved {
            has_density(&sample.site)?;
            self.terms.push(site_term(b, &sample.site, sample.var, sample.guard));
        }
        Ok(sample.var)
    }

    fn factor(&mut self, b: &mut Builder, value: Var, guard: Option<Var>, _: Span) -> Result<()> {
        if !self.context.prior && !self.context.unobserved {
            self.terms.push(factor_term(b, self.context, value, guard));
        }
        Ok(())
    }

    fn report(&mut self, name: &str, value: Array, guard: Option<Var>) -> Result<()> {
        self.reports.push(TraceField { address: name.into(), value, present: guard });
        Ok(())
    }
}
