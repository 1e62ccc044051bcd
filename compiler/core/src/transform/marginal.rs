//! `marginal(g, keep, using)`: a program on fewer addresses.
//!
//! Importance sampling with N particles d_j of the dropped values, proposed by h (by g's own
//! sites at their turn, given the kept values, where no proposal is named): the estimate
//! q̂(t) = mean_j g(t, d_j) / h(d_j | t). `simulate` keeps the particle that t was drawn with
//! among the N, so that E[1/q̂ | t] = 1/q(t); `log_density` draws N fresh ones, E[q̂] = q(t).
//! (Becker et al. 2024, §5; HVI for N = 1, IWHVI for N > 1.) With the program itself as proposal
//! the dropped sites' densities cancel, which is used and not computed.

use super::copy::{Copy, Handler, Result};
use super::density;
use super::density::{Context, Term, aligned, factor_term, field, given, site_term, total};
use super::enumerate;
use super::sim::{self, Simulated, emit_site};
use crate::axis::Role;
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::{Generative, Marginaliser, ProgramExpr, TraceField};
use crate::ir::{Array, Elem, Input, Sample, Var};
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// Draws the kept values; log weight as above.
pub fn simulate(
    b: &mut Builder,
    program: &ProgramExpr,
    keep: &[String],
    using: &Marginaliser,
    span: Span,
    context: &Context,
) -> Result<Simulated> {
    let (base, context) = unwrap(program, context, span)?;
    let (full, terms) = sim::draw(b, &base, &context)?;
    let kept: Vec<TraceField> = full.iter().filter(|f| is_kept(keep, &f.address)).cloned().collect();
    let log_weight = match using {
        Marginaliser::Enumerate => enumerate::log_density(b, &base, &kept, &context)?,
        Marginaliser::Importance { particles, proposal } => {
            let own = match proposal {
                None => {
                    let kept_terms: Vec<Term> = terms
                        .into_iter()
                        .filter(|term| term.address.as_ref().is_none_or(|a| is_kept(keep, a)))
                        .collect();
                    total(b, &kept_terms)
                }
                Some(h) => {
                    let dropped: Vec<TraceField> =
                        full.iter().filter(|f| !is_kept(keep, &f.address)).cloned().collect();
                    let inner = bind_kept(h, &kept, &context.enter("proposal"));
                    let (proposed, _) = density::terms(b, h, &dropped, &inner)?;
                    let (joint, log_h) = (total(b, &terms), total(b, &proposed));
                    b.sub(joint, log_h)
                }
            };
            let fresh = particles.minus(&Dim::known(1));
            if fresh.value() == Some(0) {
                own
            } else {
                let others = fresh_weights(b, &base, &kept, keep, proposal.as_deref(), &fresh, &context)?;
                let sum = b.log_add_exp(own, others);
                mean(b, sum, particles)
            }
        }
    };
    Ok(Simulated { trace: kept, log_weight })
}

/// The log of an unbiased estimate of q(t) (exact where enumerated).
pub fn log_density(
    b: &mut Builder,
    program: &ProgramExpr,
    keep: &[String],
    using: &Marginaliser,
    span: Span,
    trace: &[TraceField],
    context: &Context,
) -> Result<Var> {
    let (base, context) = unwrap(program, context, span)?;
    match using {
        Marginaliser::Enumerate => enumerate::log_density(b, &base, trace, &context),
        Marginaliser::Importance { particles, proposal } => {
            let sum = fresh_weights(b, &base, trace, keep, proposal.as_deref(), particles, &context)?;
            Ok(mean(b, sum, particles))
        }
    }
}

fn is_kept(keep: &[String], address: &str) -> bool {
    keep.iter().any(|kept| kept == address)
}

fn mean(b: &mut Builder, log_sum: Var, count: &Dim) -> Var {
    let count = b.dim(count);
    let count = b.to_real(count);
    let log_count = b.log(count);
    b.sub(log_sum, log_count)
}

/// The program below `frozen`, `given` and `prior`, with the context they make.
fn unwrap(program: &ProgramExpr, context: &Context, span: Span) -> Result<(Rc<Generative>, Context)> {
    match program {
        ProgramExpr::Base(base) => Ok((base.clone(), context.clone())),
        ProgramExpr::Frozen(inner) => unwrap(inner, &Context { frozen: true, ..context.clone() }, span),
        ProgramExpr::Prior(inner) => unwrap(inner, &Context { prior: true, ..context.clone() }, span),
        ProgramExpr::Given(inner, data) => unwrap(inner, &given(context, data), span),
        ProgramExpr::Marginal { .. } => Err(Box::new(
            Diagnostic::error(Code("E0403"), "a marginal of a marginal is not supported")
                .at(span, "this program is already a marginal")
                .help("drop all latents in one `marginal`"),
        )),
    }
}

fn bind_kept(proposal: &Generative, kept: &[TraceField], context: &Context) -> Context {
    let _ = proposal;
    let data: Vec<(String, Array)> =
        kept.iter().map(|field| (field.address.to_string(), field.value.clone())).collect();
    given(context, &data)
}

/// log Σ_j of the weights of `count` fresh particles.
fn fresh_weights(
    b: &mut Builder,
    base: &Generative,
    kept: &[TraceField],
    keep: &[String],
    proposal: Option<&Generative>,
    count: &Dim,
    context: &Context,
) -> Result<Var> {
    let particle = b.fresh_axis("particle", count.clone(), Role::Copy);
    let inner = context.open(particle).enter("particle");
    let weight = match proposal {
        None => {
            let handler = Propose { kept, keep, context: &inner, terms: Vec::new() };
            let mut copy = Copy::new(&base.program, handler);
            copy.run(b)?;
            total(b, &copy.handler.terms)
        }
        Some(h) => {
            let (dropped, h_terms) = sim::draw(b, h, &bind_kept(h, kept, &inner))?;
            let joint: Vec<TraceField> = kept.iter().cloned().chain(dropped).collect();
            let (terms, _) = density::terms(b, base, &joint, &inner)?;
            let (log_g, log_h) = (total(b, &terms), total(b, &h_terms));
            b.sub(log_g, log_h)
        }
    };
    Ok(b.log_sum_exp(particle, weight))
}

/// Draws the dropped sites at their turn and scores the kept ones.
#[derive(Clone)]
struct Propose<'a> {
    kept: &'a [TraceField],
    keep: &'a [String],
    context: &'a Context,
    terms: Vec<Term>,
}

impl Handler for Propose<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        self.context.input(b, elem, input)
    }

    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if !is_kept(self.keep, &sample.site.address) {
            return Ok(emit_site(b, &sample.site, sample.guard, self.context).0);
        }
        let field = field(self.kept, &sample.site)?;
        let value = aligned(b, &field.value, &sample.site.dims);
        self.terms.push(site_term(b, &sample.site, value, sample.guard));
        Ok(value)
    }

    fn observe(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if self.context.prior {
            return self.sample(b, sample);
        }
        self.terms.push(site_term(b, &sample.site, sample.var, sample.guard));
        Ok(sample.var)
    }

    fn factor(&mut self, b: &mut Builder, value: Var, guard: Option<Var>, _: Span) -> Result<()> {
        if !self.context.prior {
            self.terms.push(factor_term(b, self.context, value, guard));
        }
        Ok(())
    }
}
