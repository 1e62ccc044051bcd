//! `sim{g}`: a sampler of traces.
//!
//! Before: a generative program. After: objective code that draws a trace t from g, and the log
//! weight: log g(t) where g is exact, the estimate of semantics §4 where it holds `marginal`.
//! Assumes no factors and no observations, which have no sampler; reports an error otherwise.

use super::copy::{Copy, Handler, Result};
use super::density::{Context, Term, given, site_term, total};
use super::marginal::{self, Marginal};
use super::normalize;
use super::rows;
use crate::build::Builder;
use crate::generative::{Distribution, Fragment, Generative, ProgramExpr, TraceField};
use crate::ir::{Array, Const, Elem, Input, Let, Op, Sample, Site, Stmt, Ty, Var};
use crate::prim::Prim;
use std::collections::HashSet;
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// A drawn trace with its log weight.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The values drawn.
    pub trace: Vec<TraceField>,
    /// Its log weight.
    pub log_weight: Var,
}

/// Draws from a program expression.
pub fn simulate(b: &mut Builder, program: &ProgramExpr, context: &Context) -> Result<Simulated> {
    match program {
        ProgramExpr::Base(base) => {
            let (trace, terms) = draw(b, base, context)?;
            let log_weight = total(b, &terms);
            Ok(Simulated { trace, log_weight })
        }
        ProgramExpr::Marginal { program, keep, using, span } => {
            marginal::simulate(b, Marginal { program, keep, using, span: *span }, context)
        }
        ProgramExpr::Normalize(normalize) => normalize::simulate(b, normalize, context),
        ProgramExpr::Rows(rows) => rows::simulate(b, rows, context),
        ProgramExpr::Condition(inner, _) if context.prior => simulate(b, inner, context),
        ProgramExpr::Condition(inner, _) => Err(refuse(inner.base(), "observations", inner.base().span)),
        ProgramExpr::Frozen(inner) => simulate(b, inner, &Context { frozen: true, ..context.clone() }),
        ProgramExpr::Given(inner, data) => simulate(b, inner, &given(context, data)),
        ProgramExpr::Prior(inner) => simulate(b, inner, &Context { prior: true, ..context.clone() }),
        ProgramExpr::Unobserved(inner) => {
            simulate(b, inner, &Context { unobserved: true, ..context.clone() })
        }
    }
}

/// Draws from a program: its trace, and the terms of log g(t).
pub fn draw(
    b: &mut Builder,
    program: &Generative,
    context: &Context,
) -> Result<(Vec<TraceField>, Vec<Term>)> {
    let handler = Sim { program, context, trace: Vec::new(), terms: Vec::new() };
    let mut copy = Copy::new(&program.program, handler);
    copy.run(b)?;
    Ok((copy.handler.trace, copy.handler.terms))
}

/// Emits a sample site in a context and returns its variable.
pub fn emit_site(b: &mut Builder, site: &Site, guard: Option<Var>, context: &Context) -> (Var, Rc<Site>) {
    let site = context.site(site);
    let mut axes = site.key.clone();
    for arg in &site.args {
        // The dims of an array argument are consumed by the distribution.
        axes = axes.union(&b.axes_of(arg.var).minus(&arg.dims.iter().copied().collect()));
    }
    axes = axes.union(&site.dims.iter().copied().collect());
    let var = b.fresh(Ty { elem: site.dist.support.elem(), axes });
    b.name(var, &site.address);
    b.push(Stmt::Sample(Sample { var, site: site.clone(), guard }));
    (var, site)
}

/// The distribution at its own draws: they lie between its ends, so that nothing is compared with them.
/// The ends may then be differentiated.
fn within(dist: &Rc<Distribution>) -> Rc<Distribution> {
    if dist.ends == [None; 2] {
        return dist.clone();
    }
    let mut program = (*dist.log_density.0).clone();
    let inputs = |name: &str| -> HashSet<Var> {
        let named = |stmt: &Stmt| match stmt {
            Stmt::Let(Let { var, op: Op::Input(input), .. }) if input.name == name => Some(*var),
            _ => None,
        };
        program.body.iter().filter_map(named).collect()
    };
    let x = inputs("x");
    let [lower, upper] = dist.ends.map(|end| end.map_or(HashSet::new(), |at| inputs(&dist.params[at].name)));
    for stmt in &mut program.body {
        if let Stmt::Let(Let { var, op, .. }) = stmt
            && program.vars[var.0 as usize].ty.axes.is_empty()
            && let Op::Prim(Prim::Lt | Prim::Le, args) = op
            && (lower.contains(&args[0]) && x.contains(&args[1])
                || x.contains(&args[0]) && upper.contains(&args[1]))
        {
            *op = Op::Const(Const::Bool(true));
        }
    }
    Rc::new(Distribution { log_density: Fragment(Rc::new(program)), ..(**dist).clone() })
}

#[derive(Clone)]
struct Sim<'a> {
    program: &'a Generative,
    context: &'a Context,
    trace: Vec<TraceField>,
    terms: Vec<Term>,
}

fn refuse(program: &Generative, what: &str, span: Span) -> Box<Diagnostic> {
    let name = &program.name;
    Box::new(
        Diagnostic::error(Code("E0402"), format!("`{name}` cannot be simulated: it has {what}"))
            .at(span, "this has a density but no sampler")
            .help(format!(
                "a guide only samples: remove this; or write `prior({name})` to draw what is observed"
            )),
    )
}

impl Handler for Sim<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        self.context.input(b, elem, input)
    }

    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        let (var, site) = emit_site(b, &sample.site, sample.guard, self.context);
        let own = Site { dist: within(&site.dist), ..(*site).clone() };
        self.terms.push(site_term(b, &own, var, sample.guard));
        let value = Array { var, dims: site.dims.clone() };
        self.trace.push(TraceField { address: site.address.clone(), value, present: sample.guard });
        Ok(var)
    }

    fn observe(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if self.context.prior {
            return self.sample(b, sample);
        }
        if self.context.unobserved {
            return Ok(sample.var);
        }
        Err(refuse(self.program, "an observation", sample.site.span))
    }

    fn factor(&mut self, _: &mut Builder, _: Var, _: Option<Var>, span: Span) -> Result<()> {
        if self.context.prior || self.context.unobserved {
            Ok(())
        } else {
            Err(refuse(self.program, "a factor", span))
        }
    }
}
