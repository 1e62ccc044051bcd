//! `log_moment(v, k)`: an objective that is (1/k) log E[exp(k v)].
//!
//! A log of an expectation has no unbiased estimate, so what is differentiated is E[exp(k v − c)], whose gradient is
//! a positive multiple of its. c is a moving average of log mean exp(k v) over earlier steps, a constant within a step: it
//! keeps the exponential in range, however far the draws spread, and the gradient unbiased. Reports give the log, with a
//! standard error by the delta method.

use super::builtin::parameter;
use super::value::Value;
use super::{Lower, Lowered, Mode};
use vary_core::ir::{Array, Elem, Input, InputKind, Output};
use vary_core::prim::Prim;
use vary_core::transform::adev::LOG_MOMENT;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

impl Lower<'_> {
    pub(super) fn log_moment(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let values = self.match_arguments("log_moment", &["v", "order"].map(parameter), args, span)?;
        let [(Value::Array(v), at), (Value::Array(order), order_at)] = values.as_slice() else {
            return Err(self.error("E0311", span, "`log_moment` takes two numbers", "here"));
        };
        let Some(draw) =
            self.draw.filter(|_| matches!(self.mode, Mode::Objective(_)) && self.open.is_empty())
        else {
            return Err(self.report(
                Diagnostic::error(Code("E0601"), "`log_moment` is the value of an `expect`")
                    .at(span, "not here")
                    .help("write `expect { …; log_moment(log_w, 2) }`, outside copies and rows"),
            ));
        };
        let known = self.b.constant(order.var).map(|order| order.number());
        let Some(k) = known.filter(|k| *k > 0.0 && k.is_finite()) else {
            return Err(self.error(
                "E0316",
                *order_at,
                "the order of a moment is a positive number",
                "not this",
            ));
        };
        if !v.dims.is_empty() || self.elem(v) == Elem::Bool {
            return Err(self.error("E0312", *at, "a number is expected here", "not this"));
        }
        if let Some((_, first)) = self.moment {
            return Err(combined(self, first));
        }
        let v = self.reals_of(v).var;
        let order = self.b.real(k);
        let exponent = self.b.mul(order, v);
        let fixed = self.b.detach(exponent);
        self.beside.push(Output { name: LOG_MOMENT.to_string(), var: fixed, dims: vec![draw] });
        // What is the same in every draw needs no average.
        let centre = if self.b.axes_of(v).contains(draw) {
            let name = LOG_MOMENT.to_string();
            self.b.input(Elem::Real, Input { kind: InputKind::State, name, dims: Vec::new() })
        } else {
            fixed
        };
        let apart = self.b.sub(exponent, centre);
        let value = self.b.prim(Prim::Exp, &[apart]);
        let written = if self.in_stdlib { self.stdlib_call } else { span };
        self.moment = Some((super::Moment { var: value, order: k }, written));
        Ok(Value::Array(Array { var: value, dims: Vec::new() }))
    }
}

/// The refusal of a log moment that is not the whole objective.
pub(super) fn combined(lower: &mut Lower, at: Span) -> super::Reported {
    lower.report(
        Diagnostic::error(Code("E0602"), "a log moment is an objective of its own")
            .at(at, "combined with something else")
            .note("what is differentiated is a multiple of it, and only the report takes the log")
            .help("fit it alone, or as one of several objectives with parameters of their own"),
    )
}
