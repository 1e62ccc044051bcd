//! `marginal(g, keep, using)`: a program on fewer addresses.
//!
//! Importance sampling with N particles d_j of the dropped values, proposed by h (by g's own
//! sites at their turn, given the kept values, where no proposal is named): the estimate
//! q̂(t) = mean_j g(t, d_j) / h(d_j | t). `simulate` keeps the particle that t was drawn with
//! among the N, so that E[1/q̂ | t] = 1/q(t); `log_density` draws N fresh ones, E[q̂] = q(t).
//! (Becker et al. 2024, §5; HVI for N = 1, IWHVI for N > 1.) With the program itself as proposal
//! the dropped sites' densities cancel, which is used and not computed.

use super::copy::{Copy, Handler, Result};
use super::density::{self, Context, Fields, Term, aligned, factor_term, given, site_term, total};
use super::enumerate;
use super::sim::{self, Simulated, emit_site};
use crate::axis::Role;
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::{Generative, Marginaliser, ProgramExpr, TraceField};
use crate::ir::{Array, Elem, Input, Sample, Var};
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// A marginal, with the place it is written at.
#[derive(Clone, Copy)]
pub struct Marginal<'a> {
    /// The program.
    pub program: &'a ProgramExpr,
    /// Addresses kept.
    pub keep: &'a [String],
    /// How the others are summed out.
    pub using: &'a Marginaliser,
    /// Place in the user's file.
    pub span: Span,
}

/// Draws the kept values; log weight as above.
pub fn simulate(b: &mut Builder, marginal: Marginal, context: &Context) -> Result<Simulated> {
    let keep = marginal.keep;
    let (particles, proposal) = match marginal.using {
        Marginaliser::Enumerate => {
            let drawn = sim::simulate(b, marginal.program, context)?;
            let (kept, _) = split(keep, drawn.trace);
            let log_weight = log_density(b, marginal, &kept, context)?;
            return Ok(Simulated { trace: kept, log_weight });
        }
        Marginaliser::Importance { particles, proposal } => (particles, proposal),
    };
    let (kept, own) = match proposal {
        None => {
            let flat = flatten(marginal, context)?;
            let (trace, terms) = sim::draw(b, &flat.base, &flat.context)?;
            let kept_terms: Vec<Term> =
                terms.into_iter().filter(|t| t.address.as_ref().is_none_or(|a| is_kept(keep, a))).collect();
            (split(keep, trace).0, total(b, &kept_terms))
        }
        Some(h) => {
            let drawn = sim::simulate(b, marginal.program, context)?;
            let (kept, dropped) = split(keep, drawn.trace);
            let inner = bind_kept(&kept, &context.enter("proposal"));
            let log_h = density::log_density(b, h, &dropped, &inner)?;
            (kept, b.sub(drawn.log_weight, log_h))
        }
    };
    let fresh = particles.minus(&Dim::known(1));
    if fresh.value() == Some(0) {
        return Ok(Simulated { trace: kept, log_weight: own });
    }
    let others = fresh_weights(b, marginal, &kept, proposal.as_deref(), &fresh, context)?;
    let sum = b.log_add_exp(own, others);
    let log_weight = mean(b, sum, particles);
    Ok(Simulated { trace: kept, log_weight })
}

/// The log of an unbiased estimate of q(t) (exact where enumerated).
pub fn log_density(
    b: &mut Builder,
    marginal: Marginal,
    trace: &[TraceField],
    context: &Context,
) -> Result<Var> {
    match marginal.using {
        Marginaliser::Enumerate => {
            let flat = flatten(marginal, context)?;
            let kept: Vec<TraceField> = trace.iter().cloned().chain(flat.observed).collect();
            enumerate::log_density(b, &flat.base, &kept, &flat.context)
        }
        Marginaliser::Importance { particles, proposal } => {
            let sum = fresh_weights(b, marginal, trace, proposal.as_deref(), particles, context)?;
            Ok(mean(b, sum, particles))
        }
    }
}

fn is_kept(keep: &[String], address: &str) -> bool {
    keep.iter().any(|kept| kept == address)
}

/// The fields kept, and the others.
fn split(keep: &[String], trace: Vec<TraceField>) -> (Vec<TraceField>, Vec<TraceField>) {
    trace.into_iter().partition(|field| is_kept(keep, &field.address))
}

/// `log_sum` less the logarithm of a count.
pub(super) fn mean(b: &mut Builder, log_sum: Var, count: &Dim) -> Var {
    let count = b.dim(count);
    let count = b.to_real(count);
    let log_count = b.log(count);
    b.sub(log_sum, log_count)
}

/// A program whose sites can be gone through one by one.
pub(super) struct Flat {
    pub(super) base: Rc<Generative>,
    pub(super) context: Context,
    /// What `|` observes.
    pub(super) observed: Vec<TraceField>,
}

fn flatten(marginal: Marginal, context: &Context) -> Result<Flat> {
    let exact = matches!(marginal.using, Marginaliser::Enumerate);
    flat(marginal.program, exact, context).ok_or_else(|| unknown_sites(marginal))
}

/// The program below `frozen`, `given`, `prior`, `|` and, where all is summed `exact`ly, other marginals.
pub(super) fn flat(program: &ProgramExpr, exact: bool, context: &Context) -> Option<Flat> {
    let mut flat = (context.clone(), Vec::new());
    let mut program = program;
    loop {
        program = match program {
            ProgramExpr::Base(base) => {
                return Some(Flat { base: base.clone(), context: flat.0, observed: flat.1 });
            }
            ProgramExpr::Frozen(inner) => {
                flat.0.frozen = true;
                inner
            }
            ProgramExpr::Prior(inner) => {
                flat.0.prior = true;
                inner
            }
            ProgramExpr::Unobserved(inner) => {
                flat.0.unobserved = true;
                inner
            }
            ProgramExpr::Given(inner, data) => {
                flat.0 = given(&flat.0, data);
                inner
            }
            ProgramExpr::Condition(inner, observed) => {
                if !flat.0.prior {
                    flat.1.extend(observed.iter().cloned());
                }
                inner
            }
            ProgramExpr::Marginal { program, using: Marginaliser::Enumerate, .. } if exact => program,
            ProgramExpr::Marginal { .. } | ProgramExpr::Normalize(_) | ProgramExpr::Rows(_) => return None,
        };
    }
}

fn unknown_sites(marginal: Marginal) -> Box<Diagnostic> {
    let (message, help) = match marginal.using {
        Marginaliser::Enumerate => (
            "what is estimated cannot be summed exactly",
            "use `enumerate` in the inner `marginal` too, or `importance(n, proposal = h)` here",
        ),
        Marginaliser::Importance { .. } => (
            "this marginal needs a proposal",
            "write `importance(n, proposal = h)`, where h draws what is not kept given what is",
        ),
    };
    Box::new(
        Diagnostic::error(Code("E0403"), message)
            .at(marginal.span, "its program is itself a `marginal` or `normalize`")
            .help(help),
    )
}

/// A proposal's parameters are called like the values kept.
fn bind_kept(kept: &[TraceField], context: &Context) -> Context {
    let data: Vec<(String, Array)> =
        kept.iter().map(|field| (field.address.to_string(), field.value.clone())).collect();
    given(context, &data)
}

/// log Σ_j of the weights of `count` fresh particles.
fn fresh_weights(
    b: &mut Builder,
    marginal: Marginal,
    kept: &[TraceField],
    proposal: Option<&ProgramExpr>,
    count: &Dim,
    context: &Context,
) -> Result<Var> {
    let particle = b.fresh_axis("particle", count.clone(), Role::Copy);
    let inner = context.open(particle).enter("particle");
    let weight = match proposal {
        None => {
            let flat = flatten(marginal, &inner)?;
            let kept: Vec<TraceField> = kept.iter().cloned().chain(flat.observed).collect();
            let handler = Propose { kept: Fields::of(&kept), context: &flat.context, terms: Vec::new() };
            let mut copy = Copy::new(&flat.base.program, handler);
            copy.run(b)?;
            total(b, &copy.handler.terms)
        }
        Some(h) => {
            let drawn = sim::simulate(b, h, &bind_kept(kept, &inner))?;
            let joint: Vec<TraceField> = kept.iter().cloned().chain(drawn.trace).collect();
            let log_g = density::log_density(b, marginal.program, &joint, &inner)?;
            b.sub(log_g, drawn.log_weight)
        }
    };
    Ok(b.log_sum_exp(particle, weight))
}

/// Draws the dropped sites at their turn and scores the kept ones.
#[derive(Clone)]
struct Propose<'a> {
    kept: Fields<'a>,
    context: &'a Context,
    terms: Vec<Term>,
}

impl Handler for Propose<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        self.context.input(b, elem, input)
    }

    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        let Some(field) = self.kept.get(&sample.site) else {
            return Ok(emit_site(b, &sample.site, sample.guard, self.context).0);
        };
        let value = aligned(b, &field.value, &sample.site.dims);
        self.terms.push(site_term(b, &sample.site, value, sample.guard));
        Ok(value)
    }

    fn observe(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if self.context.prior {
            return self.sample(b, sample);
        }
        if !self.context.unobserved {
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
}
