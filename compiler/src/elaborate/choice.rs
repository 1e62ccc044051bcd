//! One of several values: `match`, and what both sides of a branch become.

use super::value::Value;
use super::{Lower, Lowered};
use vary_core::ir::{Array, Elem, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{Expr, Pattern};

impl Lower<'_> {
    /// `match e { 0 => a, _ => b }` as nested branches.
    pub(super) fn matching(
        &mut self,
        subject: &Expr,
        arms: &[(Pattern, Expr)],
        span: Span,
    ) -> Lowered<Value> {
        let value = self.array(subject)?;
        let Some(((pattern, last), rest)) = arms.split_last() else {
            return Err(self.error("E0317", span, "`match` needs at least one arm", "empty"));
        };
        if matches!(pattern, Pattern::Literal(_) | Pattern::Tuple(..)) {
            return Err(self.report(
                Diagnostic::error(Code("E0317"), "this match does not cover every value")
                    .at(span, "no arm for the others")
                    .help("end it with `_ => …`"),
            ));
        }
        let mut tests = Vec::new();
        for (pattern, arm) in rest {
            let Pattern::Literal(literal) = pattern else {
                return Err(self.error(
                    "E0317",
                    arm.span,
                    "the arms after this one are never reached",
                    "this arm takes every value",
                ));
            };
            let wanted = self.array(literal)?;
            let (a, b) = if self.elem(&wanted) == self.elem(&value) {
                (value.clone(), wanted)
            } else {
                (self.reals_of(&value), self.reals_of(&wanted))
            };
            self.b.at(subject.span);
            tests.push((self.b.prim(Prim::Eq, &[a.var, b.var]), arm));
        }
        let outer = self.b.guard();
        let mut otherwise: Option<Var> = outer;
        let mut results = Vec::new();
        for (test, arm) in tests {
            self.b.set_guard(None);
            let guard = self.b.and_guard(otherwise, Some(test));
            let missed = self.b.prim(Prim::Not, &[test]);
            otherwise = self.b.and_guard(otherwise, Some(missed));
            self.b.set_guard(guard);
            let value = self.scoped(|this| this.expr(arm));
            self.b.set_guard(outer);
            results.push((test, value?, arm.span));
        }
        self.b.set_guard(otherwise);
        let fallback = self.scoped(|this| {
            if let Pattern::Name(name) = pattern {
                this.define(&name.name, Value::Array(value.clone()));
            }
            this.expr(last)
        });
        self.b.set_guard(outer);
        let mut result = fallback?;
        self.b.at(subject.span);
        for (test, value, at) in results.into_iter().rev() {
            result = self.select_value(test, value, result, at)?;
        }
        Ok(result)
    }

    /// `c ? a : b` on values of one structure.
    pub(super) fn select_value(&mut self, test: Var, a: Value, b: Value, span: Span) -> Lowered<Value> {
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => {
                let (a, b) = self.broadcast(&a, &b, span, span, span)?;
                let (ea, eb) = (self.elem(&a), self.elem(&b));
                let (a, b) = match (ea, eb) {
                    _ if ea == eb => (a, b),
                    (Elem::Real | Elem::Int, Elem::Real | Elem::Int) => {
                        (self.reals_of(&a), self.reals_of(&b))
                    }
                    _ => {
                        return Err(self.error(
                            "E0318",
                            span,
                            "the branches have different types",
                            "one gives a number, the other true or false",
                        ));
                    }
                };
                let var = self.b.select(test, a.var, b.var);
                let made_of = self.made_of(a.var).union(&self.made_of(b.var)).copied().collect();
                self.mark_estimated(var, made_of);
                Ok(Value::Array(Array { var, dims: a.dims }))
            }
            (Value::Tuple(a), Value::Tuple(b)) if a.len() == b.len() => {
                let parts: Lowered<Vec<Value>> =
                    a.into_iter().zip(b).map(|(a, b)| self.select_value(test, a, b, span)).collect();
                Ok(Value::Tuple(parts?))
            }
            (Value::Record(a), Value::Record(b)) if a.len() == b.len() => {
                let mut fields = Vec::new();
                for (name, a) in a {
                    let Some((_, b)) = b.iter().find(|(other, _)| *other == name) else {
                        return Err(self.error(
                            "E0318",
                            span,
                            format!("only one branch has `{name}`"),
                            "here",
                        ));
                    };
                    let b = b.clone();
                    fields.push((name, self.select_value(test, a, b, span)?));
                }
                Ok(Value::Record(fields))
            }
            (a, b) => {
                let message = format!("the branches have different types: {} and {}", a.kind(), b.kind());
                Err(self.error("E0318", span, message, "here"))
            }
        }
    }
}
