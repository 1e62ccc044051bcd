//! `normalize(p, proposal = h, using = importance(n))`, and conditioning: `m | {y = e}`.

use super::combine::{program, record_trace};
use super::value::Value;
use super::{Lower, Lowered, Reported, base_of};
use std::rc::Rc;
use vary_core::generative::{Marginaliser, Normalize, ProgramExpr, TraceField};
use vary_core::ir::Strategy;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind};

impl Lower<'_> {
    /// `normalize(p, proposal = h, using = importance(n), resample = enum)`
    pub(super) fn normalize(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let (mut inner, mut proposal, mut using) = (None, None, None);
        let mut resample = Strategy::named("enum");
        let index = self.aside(|unit| unit.distribution("categorical_logits"))?;
        for (at, arg) in args.iter().enumerate() {
            match arg.name.as_ref().map(|name| name.name.as_str()) {
                None if at == 0 => inner = Some(self.program_value(&arg.value)?),
                Some("proposal") => proposal = Some((self.program_value(&arg.value)?, arg.value.span)),
                Some("using") => using = Some((self.marginaliser(&arg.value)?, arg.value.span)),
                Some("resample") => {
                    let (name, settings) = match &arg.value.kind {
                        ExprKind::Call(callee, settings) => (&**callee, settings.as_slice()),
                        _ => (&arg.value, [].as_slice()),
                    };
                    let ExprKind::Name(text) = &name.kind else {
                        let message = "`resample` is a gradient strategy";
                        return Err(self.error(
                            "E0510",
                            arg.value.span,
                            message,
                            "write `enum` or `reinforce`",
                        ));
                    };
                    let name = ast::Ident { name: text.clone(), span: name.span };
                    resample = self.strategy(&index, None, Some(&name), settings)?.unwrap_or(resample);
                }
                _ => {
                    let place = arg.name.as_ref().map_or(arg.value.span, |name| name.span);
                    let message = "`normalize` takes a program, `proposal`, `using` and `resample`";
                    return Err(self.error("E0414", place, message, "unknown"));
                }
            }
        }
        let incomplete = |this: &mut Self, at: Span| {
            Err(this.report(
                Diagnostic::error(Code("E0414"), "`normalize` needs a program, a proposal and particles")
                    .at(at, "incomplete")
                    .help("write `normalize(p, proposal = q, using = importance(10))`"),
            ))
        };
        let (Some(inner), Some((proposal, at)), Some((using, using_at))) = (inner, proposal, using) else {
            return incomplete(self, span);
        };
        let Marginaliser::Importance { particles, proposal: None } = using else {
            return incomplete(self, using_at);
        };
        self.check_proposal(&inner, &proposal, at)?;
        let normalize = Normalize { program: inner, proposal, particles, index, resample, span };
        Ok(program(ProgramExpr::Normalize(Rc::new(normalize))))
    }

    /// A proposal draws exactly what the program has.
    fn check_proposal(&mut self, inner: &ProgramExpr, proposal: &ProgramExpr, at: Span) -> Lowered<()> {
        let (wanted, given) = (inner.latents(), proposal.latents());
        let (name, drawn_by) = (base_of(inner).name.clone(), base_of(proposal).name.clone());
        if let Some(site) = wanted.iter().find(|site| given.iter().all(|g| g.address != site.address)) {
            return Err(self.report(
                Diagnostic::error(
                    Code("E0401"),
                    format!("the proposal `{drawn_by}` does not sample `{}` of `{name}`", site.address),
                )
                .at(at, "it has no such site")
                .at(site.span, "this site is latent"),
            ));
        }
        if let Some(site) = given.iter().find(|site| wanted.iter().all(|w| w.address != site.address)) {
            return Err(self.report(
                Diagnostic::error(Code("E0416"), format!("`{name}` has no latent `{}`", site.address))
                    .at(site.span, "sampled here")
                    .at(at, "the proposal")
                    .help("remove it, or sum it out with `marginal(…, keep = […])`"),
            ));
        }
        Ok(())
    }

    /// `m | {y = e}`: latents observed.
    pub(super) fn condition(&mut self, model: &Expr, record: &Expr, _span: Span) -> Lowered<Value> {
        let inner = self.program_value(model)?;
        let fields = match self.expr(record)? {
            Value::Trace(fields) => fields,
            Value::Record(fields) => record_trace(fields),
            Value::Error => return Err(Reported),
            other => {
                let label = format!("this is {}", other.kind());
                return Err(self.error("E0311", record.span, "`|` takes a record or trace", &label));
            }
        };
        let fields = self.promoted(&inner, fields);
        self.check_observed(&inner, &fields, record)?;
        Ok(program(ProgramExpr::Condition(inner, fields)))
    }

    /// What is observed is latent, and of its shape.
    fn check_observed(&mut self, inner: &ProgramExpr, fields: &[TraceField], record: &Expr) -> Lowered<()> {
        let latents = inner.latents();
        let name = base_of(inner).name.clone();
        for field in fields {
            let Some(site) = latents.iter().find(|site| site.address == field.address) else {
                let message = format!("`{name}` has no latent `{}`", field.address);
                let mut diagnostic =
                    Diagnostic::error(Code("E0416"), message).at(record.span, "observed here");
                if inner.observed().iter().any(|site| site.address == field.address) {
                    diagnostic = diagnostic.help(format!(
                        "it is observed already; other data: `{name} given {{{} = …}}`",
                        field.address
                    ));
                }
                return Err(self.report(diagnostic));
            };
            let sizes: Vec<_> = site.dims.iter().map(|axis| self.b.axes.info(*axis).size.clone()).collect();
            if self.sizes(&field.value) != sizes || self.elem(&field.value) != site.support.elem() {
                let found = super::types::describe(self.elem(&field.value), &self.sizes(&field.value));
                let expected = super::types::describe(site.support.elem(), &sizes);
                let message = format!("`{}` is {expected} in `{name}`, here it is {found}", field.address);
                return Err(self.report(
                    Diagnostic::error(Code("E0415"), message)
                        .at(record.span, format!("this is {found}"))
                        .at(site.span, format!("`{name}` has {expected}")),
                ));
            }
        }
        Ok(())
    }
}
