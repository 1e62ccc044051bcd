//! `each_row`: a program taken apart along the rows of a plate.
//!
//! Before: a program, and an axis of rows. After: objective code for its sites outside plates over the axis, drawn or
//! scored once, or for its rows given those, where nothing is summed over the axis: a value of the row at every index.
//! Assumes that no latent of a row is used outside its row, which [`check`] refuses: then the joint density is that
//! of the outside times the product of the rows'.

use super::copy::{Copy, Handler, Result};
use super::density::{Context, Fields, Term, aligned, factor_term, site_term, total};
use super::dependence::{Dependence, Link, Through};
use super::marginal::{Flat, flat};
use super::sim::{Simulated, emit_site};
use crate::axis::Axis;
use crate::build::Builder;
use crate::generative::{ProgramExpr, Rows, TraceField};
use crate::ir::{Array, Elem, Input, Sample, Site, Stmt, Var};
use vary_diagnostic::{Code, Diagnostic, Span};

/// Draws the sites outside the rows; the log weight is their log density.
pub fn simulate_outside(
    b: &mut Builder,
    program: &ProgramExpr,
    axis: Axis,
    context: &Context,
) -> Result<Simulated> {
    run(b, program, Part { axis, inside: false, outside: Fields::of(&[]), drawn: None }, context)
}

/// The log density of everything outside the rows.
pub fn log_density_outside(
    b: &mut Builder,
    program: &ProgramExpr,
    axis: Axis,
    trace: &[TraceField],
    context: &Context,
) -> Result<Var> {
    let part = Part { axis, inside: false, outside: Fields::of(&[]), drawn: Some(Fields::of(trace)) };
    Ok(run(b, program, part, context)?.log_weight)
}

/// Draws every row; the log weight is one of each row.
pub fn simulate(b: &mut Builder, rows: &Rows, context: &Context) -> Result<Simulated> {
    let part = Part { axis: rows.axis, inside: true, outside: Fields::of(&rows.outside), drawn: None };
    run(b, &rows.program, part, context)
}

/// The log density of each row.
pub fn log_density(b: &mut Builder, rows: &Rows, trace: &[TraceField], context: &Context) -> Result<Var> {
    let part = Part {
        axis: rows.axis,
        inside: true,
        outside: Fields::of(&rows.outside),
        drawn: Some(Fields::of(trace)),
    };
    Ok(run(b, &rows.program, part, context)?.log_weight)
}

/// Refuses programs in which a latent of a row is used outside its row.
pub fn check(program: &ProgramExpr, axis: Axis) -> Result<()> {
    let base = &program.base().program;
    let mut effects = Vec::new();
    collect(&base.body, &mut effects);
    for effect in &effects {
        let Stmt::Sample(latent) = effect else { continue };
        if !latent.site.dims.contains(&axis) {
            continue;
        }
        let dependence = Dependence::on(base, latent, Through::Samples);
        let Some(at) = dependence.rows().iter().position(|row| *row == axis) else { continue };
        for other in &effects {
            let (links, span) = match other {
                Stmt::Sample(other) | Stmt::Observe(other) => {
                    (dependence.of_arguments(other), other.site.span)
                }
                Stmt::Factor { value, span, .. } => (dependence.of(*value).cloned(), *span),
                _ => continue,
            };
            if links.is_some_and(|links| links[at] != Link::Aligned) {
                let address = &latent.site.address;
                return Err(Box::new(
                    Diagnostic::error(Code("E0612"), format!("`{address}` is used outside its row"))
                        .at(span, "here")
                        .at(latent.site.span, "a latent of each row")
                        .help("rows can be taken apart only where each uses its own latents: use the joint objective"),
                ));
            }
        }
    }
    Ok(())
}

fn collect<'p>(stmts: &'p [Stmt], found: &mut Vec<&'p Stmt>) {
    for stmt in stmts {
        match stmt {
            Stmt::Scan(scan) => collect(&scan.body, found),
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } => found.push(stmt),
            Stmt::Let(_) | Stmt::Report(_) => {}
        }
    }
}

fn run(b: &mut Builder, program: &ProgramExpr, part: Part, context: &Context) -> Result<Simulated> {
    let Some(Flat { base, context, .. }) = flat(program, false, context) else {
        let span = program.base().span;
        return Err(Box::new(
            Diagnostic::error(Code("E0612"), "the rows of a `marginal` or `normalize` cannot be told apart")
                .at(span, "of this program")
                .help("apply `marginal` and `normalize` to the rows: `each_row(p, q, n, |p, q| …)`"),
        ));
    };
    let handler = Walk { part, context: &context, trace: Vec::new(), terms: Vec::new() };
    let mut copy = Copy::new(&base.program, handler);
    copy.run(b)?;
    let log_weight = total(b, &copy.handler.terms);
    Ok(Simulated { trace: copy.handler.trace, log_weight })
}

/// Which part of a program is meant.
#[derive(Clone)]
struct Part<'a> {
    axis: Axis,
    /// The rows, else what is outside.
    inside: bool,
    /// The values of what is outside, for the rows.
    outside: Fields<'a>,
    /// The values of the part's own sites; they are drawn where there are none.
    drawn: Option<Fields<'a>>,
}

#[derive(Clone)]
struct Walk<'a> {
    part: Part<'a>,
    context: &'a Context,
    trace: Vec<TraceField>,
    terms: Vec<Term>,
}

impl Walk<'_> {
    fn own(&self, site: &Site) -> bool {
        site.dims.contains(&self.part.axis) == self.part.inside
    }

    fn without_rows(&self, dims: &[Axis]) -> Vec<Axis> {
        dims.iter().copied().filter(|axis| *axis != self.part.axis).collect()
    }

    fn add(&mut self, mut term: Term) {
        term.over.remove(self.part.axis);
        self.terms.push(term);
    }

    fn refuse(&self, what: &str, span: Span) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(Code("E0402"), format!("this program cannot be simulated: it has {what}"))
                .at(span, "this has a density but no sampler"),
        )
    }
}

impl Handler for Walk<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        self.context.input(b, elem, input)
    }

    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        let site = &sample.site;
        if !self.own(site) {
            if self.part.inside {
                let field = self.part.outside.at(site)?;
                return Ok(aligned(b, &field.value, &site.dims));
            }
            // Nothing outside the rows reads it, as `check` has seen.
            return Ok(match site.dist.support.elem() {
                Elem::Real => b.real(f64::NAN),
                Elem::Int => b.int(0),
                Elem::Bool => b.bool(false),
            });
        }
        match &self.part.drawn {
            Some(trace) => {
                let field = trace.at(site)?;
                let value = aligned(b, &field.value, &self.without_rows(&site.dims));
                let term = site_term(b, site, value, sample.guard);
                self.add(term);
                Ok(value)
            }
            None => {
                let (var, site) = emit_site(b, site, sample.guard, self.context);
                let term = site_term(b, &site, var, sample.guard);
                self.add(term);
                let value = Array { var, dims: self.without_rows(&site.dims) };
                self.trace.push(TraceField { address: site.address.clone(), value, present: sample.guard });
                Ok(var)
            }
        }
    }

    fn observe(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if self.context.prior {
            return self.sample(b, sample);
        }
        if self.own(&sample.site) && !self.context.unobserved {
            if self.part.drawn.is_none() {
                return Err(self.refuse("an observation", sample.site.span));
            }
            let term = site_term(b, &sample.site, sample.var, sample.guard);
            self.add(term);
        }
        Ok(sample.var)
    }

    fn factor(&mut self, b: &mut Builder, value: Var, guard: Option<Var>, span: Span) -> Result<()> {
        if self.context.prior || self.context.unobserved {
            return Ok(());
        }
        let inside = b.axes_of(value).contains(self.part.axis);
        if inside != self.part.inside {
            return Ok(());
        }
        if self.part.drawn.is_none() {
            return Err(self.refuse("a factor", span));
        }
        let term = factor_term(b, self.context, value, guard);
        self.add(term);
        Ok(())
    }
}
