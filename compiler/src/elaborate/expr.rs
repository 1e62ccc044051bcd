//! Expressions: numbers, fields, records, comprehensions; what kind of value is expected.

use super::unit::nearest;
use super::value::{Closure, Value};
use super::{Lower, Lowered, Mode, Open, OpenKind};
use std::rc::Rc;
use vary_core::axis::Role;
use vary_core::ir::{Array, Elem, Var};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind};

impl Lower<'_> {
    /// The value of an expression.
    pub(super) fn expr(&mut self, expr: &Expr) -> Lowered<Value> {
        let value = self.raw(expr)?;
        self.clear_value(value, expr.span)
    }

    /// The value of an expression, arrays with their own axes.
    pub(super) fn raw(&mut self, expr: &Expr) -> Lowered<Value> {
        self.b.at(expr.span);
        match &expr.kind {
            ExprKind::Int(value) => Ok(Value::Array(Array { var: self.b.int(*value), dims: Vec::new() })),
            ExprKind::Real(value) => Ok(Value::Array(Array { var: self.b.real(*value), dims: Vec::new() })),
            ExprKind::Bool(value) => Ok(Value::Array(Array { var: self.b.bool(*value), dims: Vec::new() })),
            ExprKind::Str(text) => Ok(Value::Text(text.clone())),
            ExprKind::Name(name) => self.name(name, expr.span),
            ExprKind::Field(base, field) => self.field(base, field),
            ExprKind::Index(base, indices) => match self.raw(base)? {
                Value::Array(array) => self.index(&array, indices, expr.span).map(Value::Array),
                Value::Record(fields) => {
                    let fields: Lowered<Vec<_>> = fields
                        .into_iter()
                        .map(|(name, value)| match value {
                            Value::Array(array) => {
                                Ok((name, Value::Array(self.index(&array, indices, expr.span)?)))
                            }
                            other => Ok((name, other)),
                        })
                        .collect();
                    Ok(Value::Record(fields?))
                }
                Value::Error => Err(super::Reported),
                other => Err(self.error(
                    "E0310",
                    base.span,
                    format!("{} cannot be indexed", other.kind()),
                    "only arrays can",
                )),
            },
            ExprKind::Call(callee, args) => self.call(callee, args, expr.span),
            ExprKind::Unary(op, operand) => self.unary(*op, operand, expr.span),
            ExprKind::Binary(op, l, r) => self.binary(*op, l, r, expr.span),
            ExprKind::Pipe(value, function) => self.pipe(value, function, expr.span),
            ExprKind::If(condition, then, otherwise) => {
                self.branch(condition, then, otherwise.as_deref(), expr.span)
            }
            ExprKind::Match(subject, arms) => self.matching(subject, arms, expr.span),
            ExprKind::Block(block) => self.scoped(|this| this.block(block)),
            ExprKind::Tuple(parts) => {
                let parts: Lowered<Vec<Value>> = parts.iter().map(|part| self.expr(part)).collect();
                Ok(Value::Tuple(parts?))
            }
            ExprKind::Array(elements) => self.array_literal(elements, expr.span),
            ExprKind::Comprehension { element, index, range } => {
                let axis = self.range_axis(range, &index.name)?;
                let value =
                    self.with_open(axis, &index.name, OpenKind::Comprehension, |this| this.array(element))?;
                let value = self.clear_of(&value, &[axis].into_iter().collect());
                let mut dims = vec![axis];
                dims.extend(value.dims);
                Ok(Value::Array(Array { var: value.var, dims }))
            }
            ExprKind::Record { spread, fields } => self.record(spread.as_deref(), fields),
            ExprKind::Range(lower, upper) => {
                let end = |this: &mut Self, e: &Option<Box<Expr>>| -> Lowered<Option<Array>> {
                    e.as_ref().map(|e| this.array(e)).transpose()
                };
                Ok(Value::Range(end(self, lower)?, end(self, upper)?))
            }
            ExprKind::Lambda(params, body) => {
                let names = self.scopes.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
                let closure = Closure {
                    params: params.clone(),
                    body: (**body).clone(),
                    names,
                    in_stdlib: self.in_stdlib,
                    span: expr.span,
                };
                Ok(Value::Lambda(Rc::new(closure)))
            }
            ExprKind::Expect(block) => self.expect(block, expr.span),
            ExprKind::Replicate(args, block) => self.replicate(args, block, expr.span),
            ExprKind::Given(program, record) => self.given(program, record),
            ExprKind::Error => Err(super::Reported),
        }
    }

    /// A number or array whose value may be used.
    pub(super) fn array(&mut self, expr: &Expr) -> Lowered<Array> {
        let array = self.possibly_estimated(expr)?;
        self.refuse_estimated(&array, expr.span)?;
        Ok(array)
    }

    /// A number or array, also an expectation.
    pub(super) fn possibly_estimated(&mut self, expr: &Expr) -> Lowered<Array> {
        match self.expr(expr)? {
            Value::Array(array) => Ok(array),
            Value::Error => Err(super::Reported),
            other => {
                let help = match &other {
                    Value::Distribution(d, _) => Some(format!(
                        "`{}` is a distribution: write `x ~ {0}(…)` to sample from it",
                        super::unit::declared_name(&d.item).map_or("it", |n| &n.name)
                    )),
                    _ => None,
                };
                let mut diagnostic = Diagnostic::error(Code("E0311"), "a number or array is expected here")
                    .at(expr.span, format!("this is {}", other.kind()));
                if let Some(help) = help {
                    diagnostic = diagnostic.help(help);
                }
                Err(self.report(diagnostic))
            }
        }
    }

    /// A scalar int.
    pub(super) fn scalar_int(&mut self, expr: &Expr) -> Lowered<Var> {
        let array = self.array(expr)?;
        if self.elem(&array) == Elem::Int && array.dims.is_empty() {
            return Ok(array.var);
        }
        let found = self.describe(&Value::Array(array));
        Err(self.error("E0312", expr.span, "a whole number is expected here", &format!("this is {found}")))
    }

    /// A scalar condition.
    pub(super) fn condition_var(&mut self, expr: &Expr) -> Lowered<Var> {
        let array = self.array(expr)?;
        if self.elem(&array) == Elem::Bool && array.dims.is_empty() {
            return Ok(array.var);
        }
        let found = self.describe(&Value::Array(array.clone()));
        let help =
            if array.dims.is_empty() { "compare it, as in `x > 0`" } else { "fold it with `any` or `all`" };
        Err(self.report(
            Diagnostic::error(Code("E0312"), "a condition is expected here")
                .at(expr.span, format!("this is {found}"))
                .help(help),
        ))
    }

    fn field(&mut self, base: &Expr, field: &ast::Ident) -> Lowered<Value> {
        let value = self.raw(base)?;
        match value {
            Value::Distribution(declared, None) => Ok(Value::Distribution(declared, Some(field.clone()))),
            Value::Record(fields) => match fields.iter().find(|(name, _)| *name == field.name) {
                Some((_, value)) => Ok(value.clone()),
                None => {
                    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                    Err(self.no_field("record", &names, field))
                }
            },
            Value::Trace(trace) => {
                if let Some(found) = Self::trace_field(&trace, &field.name) {
                    return Ok(Value::Array(found.value.clone()));
                }
                let prefix = format!("{}.", field.name);
                let inner: Vec<_> = trace
                    .iter()
                    .filter_map(|f| {
                        f.address.strip_prefix(&prefix).map(|rest| vary_core::generative::TraceField {
                            address: rest.into(),
                            ..f.clone()
                        })
                    })
                    .collect();
                if !inner.is_empty() {
                    return Ok(Value::Trace(inner));
                }
                let names: Vec<&str> = trace.iter().map(|f| &*f.address).collect();
                Err(self.no_field("trace", &names, field))
            }
            Value::Error => Err(super::Reported),
            other => Err(self.error("E0310", field.span, format!("{} has no fields", other.kind()), "here")),
        }
    }

    fn no_field(&mut self, what: &str, names: &[&str], field: &ast::Ident) -> super::Reported {
        let mut diagnostic = Diagnostic::error(Code("E0204"), format!("the {what} has no `{}`", field.name))
            .at(field.span, "unknown field")
            .note(format!("it has {}", names.join(", ")));
        if let Some(near) = nearest(&field.name, names.iter().copied()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic)
    }

    fn record(&mut self, spread: Option<&Expr>, fields: &[ast::Field]) -> Lowered<Value> {
        let start = match spread {
            None => Value::Record(Vec::new()),
            Some(expr) => self.expr(expr)?,
        };
        let mut values = Vec::new();
        for field in fields {
            values.push((field.name.name.clone(), self.expr(&field.value)?));
        }
        match start {
            Value::Record(mut record) => {
                for (name, value) in values {
                    record.retain(|(old, _)| *old != name);
                    record.push((name, value));
                }
                Ok(Value::Record(record))
            }
            Value::Trace(mut trace) => {
                for ((name, value), field) in values.into_iter().zip(fields) {
                    let Value::Array(array) = value else {
                        return Err(self.error(
                            "E0311",
                            field.value.span,
                            "a trace holds numbers and arrays",
                            "not this",
                        ));
                    };
                    let present = Self::trace_field(&trace, &name).and_then(|f| f.present);
                    trace.retain(|f| *f.address != *name);
                    trace.push(vary_core::generative::TraceField {
                        address: name.into(),
                        value: array,
                        present,
                    });
                }
                Ok(Value::Trace(trace))
            }
            _ => Err(self.error(
                "E0310",
                fields.first().map_or(Span::default(), |f| f.name.span),
                "`...` spreads records and traces",
                "not this",
            )),
        }
    }

    /// The axis of a range `a..b` around here.
    pub(super) fn range_axis(&mut self, range: &Expr, name: &str) -> Lowered<vary_core::axis::Axis> {
        let ExprKind::Range(Some(lower), Some(upper)) = &range.kind else {
            return Err(self.report(
                Diagnostic::error(Code("E0319"), "a range is expected here")
                    .at(range.span, "not a range")
                    .help("write `0..n`: from 0 up to, not including, n"),
            ));
        };
        let lower = self.dimension(lower, &mut None)?;
        let upper = self.dimension(upper, &mut None)?;
        let size = upper.minus(&lower);
        if size.value().is_some_and(|size| size < 0) {
            return Err(self.error("E0319", range.span, "the range ends before it starts", "here"));
        }
        let taken = self.open_axes();
        let hint = size.as_name().unwrap_or(name).to_string();
        Ok(match self.mode {
            // Programs run for every index: it must be none of their own axes.
            Mode::Objective(_) => self.b.axes.fresh(&hint, lower, size, Role::Index),
            _ => self.b.axes.index(&hint, lower, size, &taken),
        })
    }

    /// Runs with an axis in scope; its name stands for the index.
    pub(super) fn with_open<T>(
        &mut self,
        axis: vary_core::axis::Axis,
        name: &str,
        kind: OpenKind,
        work: impl FnOnce(&mut Self) -> Lowered<T>,
    ) -> Lowered<T> {
        let block = self.sites_of_block.len().saturating_sub(1);
        let index = (kind != OpenKind::Copy).then(|| self.b.iota(axis));
        self.open.push(Open { axis, kind, name: name.to_string(), index, block });
        let result = self.scoped(|this| {
            if let Some(var) = index {
                this.define(name, Value::Array(Array { var, dims: Vec::new() }));
            }
            work(this)
        });
        self.open.pop();
        result
    }
}
