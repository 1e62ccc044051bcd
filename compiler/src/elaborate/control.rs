//! Blocks, plates, loops and branches.

use super::value::Value;
use super::{Exported, Lower, Lowered, OpenKind, Reported};
use std::collections::HashMap;
use vary_core::axis::AxisSet;
use vary_core::ir::{Array, Elem, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Block, Expr, ExprKind, Pattern, Stmt, StmtKind};

impl Lower<'_> {
    /// The statements of a block, in the scope at hand; its value is that of the last expression.
    /// Goes on after an erroneous statement, so that one run reports every error.
    pub(super) fn block(&mut self, block: &Block) -> Lowered<Value> {
        let mut value = Value::unit();
        let mut failed = false;
        let mut bound = Vec::new();
        block.stmts.iter().for_each(|stmt| names_bound(stmt, &mut bound));
        self.bound_by_blocks.push(bound);
        for stmt in &block.stmts {
            match self.stmt(stmt) {
                Ok(result) => value = result,
                Err(Reported) => {
                    failed = true;
                    self.define_errors(stmt);
                }
            }
        }
        self.bound_by_blocks.pop();
        if failed { Err(Reported) } else { Ok(value) }
    }

    /// Defines what a failed statement would have bound, so that its uses are not reported again.
    fn define_errors(&mut self, stmt: &Stmt) {
        let mut names = Vec::new();
        names_bound(stmt, &mut names);
        for ast::Ident { name, .. } in names {
            if self.lookup(&name).is_none() {
                self.define(&name, Value::Error);
            }
        }
    }

    fn stmt(&mut self, stmt: &Stmt) -> Lowered<Value> {
        self.b.at(stmt.span);
        match &stmt.kind {
            StmtKind::Let(binding) => {
                let value = self.expr(&binding.value)?;
                let value = match &binding.ty {
                    Some(ty) => self.accept(value, ty, binding.value.span, &mut HashMap::new())?,
                    None => value,
                };
                let value = self.bound(value, &binding.value);
                self.bind_pattern(&binding.pattern, value)?;
                Ok(Value::unit())
            }
            StmtKind::Param(param) => {
                let value = self.declare_parameter(param)?;
                self.define(&param.name.name, value);
                Ok(Value::unit())
            }
            StmtKind::Sample(sample) => self.sample(sample, stmt.span),
            StmtKind::Report { name, value } => self.report_value(name, value.as_ref(), stmt.span),
            StmtKind::Plate { index, range, body } => self.plate(index, range, body),
            StmtKind::Loop { index, range, carries, while_, body, .. } => {
                self.recurrence(index, range, carries, while_.as_ref(), body, stmt.span)
            }
            StmtKind::Next { name, value } => {
                let value = self.expr(value)?;
                match self.nexts.last_mut() {
                    Some(nexts) => {
                        nexts.push((name.clone(), value));
                        Ok(Value::unit())
                    }
                    None => {
                        Err(self.error("E0321", stmt.span, "`next` stands outside a loop", "no loop around"))
                    }
                }
            }
            StmtKind::Expr(expr) => match factor_argument(expr) {
                Some(arg) if self.lookup("factor").is_none() => self.factor(arg, stmt.span),
                _ => self.expr(expr),
            },
            StmtKind::Error => Err(Reported),
        }
    }

    /// Binds the names of a pattern.
    pub(super) fn bind_pattern(&mut self, pattern: &Pattern, value: Value) -> Lowered<()> {
        match (pattern, value) {
            (Pattern::Wildcard(_), _) => Ok(()),
            (Pattern::Name(name), value) => {
                self.define(&name.name, value);
                Ok(())
            }
            (Pattern::Tuple(patterns, _), Value::Tuple(values)) if patterns.len() == values.len() => {
                for (pattern, value) in patterns.iter().zip(values) {
                    self.bind_pattern(pattern, value)?;
                }
                Ok(())
            }
            (Pattern::Tuple(patterns, span), value) => {
                let found = match &value {
                    Value::Tuple(parts) => format!("a tuple of {}", parts.len()),
                    other => other.kind().to_string(),
                };
                let message =
                    format!("this pattern takes a tuple of {}, the value is {found}", patterns.len());
                Err(self.error("E0318", *span, message, "here"))
            }
            (Pattern::Literal(literal), _) => {
                Err(self.error("E0317", literal.span, "a literal cannot be bound", "only `match` compares"))
            }
        }
    }

    fn plate(&mut self, index: &ast::Ident, range: &Expr, body: &Block) -> Lowered<Value> {
        let axis = self.range_axis(range, &index.name)?;
        self.sites_of_block.push(Vec::new());
        let result = self.with_open(axis, &index.name, OpenKind::Plate, |this| this.block(body));
        self.export_sites();
        result.map(|_| Value::unit())
    }

    /// After its plate or loop a site is its array.
    fn export_sites(&mut self) {
        for Exported { name, whole, .. } in self.sites_of_block.pop().unwrap_or_default() {
            self.define(&name, whole.clone());
            if let Some(outer) = self.sites_of_block.last_mut() {
                outer.push(Exported { name, local: whole.clone(), whole });
            }
        }
    }

    /// After its branch a site is visible too; where it is absent, a real is NaN, so that a use which is not
    /// itself under the condition cannot go unnoticed.
    fn export_branch(&mut self, test: Var) {
        for Exported { name, local, whole } in self.sites_of_block.pop().unwrap_or_default() {
            let (local, whole) = (self.masked(test, local), self.masked(test, whole));
            self.define(&name, local.clone());
            if let Some(outer) = self.sites_of_block.last_mut() {
                outer.push(Exported { name, local, whole });
            }
        }
    }

    fn masked(&mut self, test: Var, value: Value) -> Value {
        match value {
            Value::Array(array) if self.elem(&array) == Elem::Real => {
                let absent = self.b.real(f64::NAN);
                Value::Array(Array { var: self.b.select(test, array.var, absent), dims: array.dims })
            }
            Value::Record(fields) => Value::Record(
                fields.into_iter().map(|(name, value)| (name, self.masked(test, value))).collect(),
            ),
            other => other,
        }
    }

    /// `scan` and `for`: a recurrence along the range, guarded by `while`.
    fn recurrence(
        &mut self,
        index: &ast::Ident,
        range: &Expr,
        carries: &[ast::Field],
        while_: Option<&Expr>,
        body: &Block,
        span: Span,
    ) -> Lowered<Value> {
        let axis = self.range_axis(range, &index.name)?;
        let ambient = self.open_axes();
        // The step's entries are not those of the arrays carried: these have other axes.
        let own: AxisSet = [axis].into_iter().collect();
        let mut inits: Vec<(Var, AxisSet)> = Vec::new();
        let mut carried: Vec<Array> = Vec::new();
        for carry in carries {
            let start = self.array(&carry.value)?;
            let start = self.clear_of(&start, &own);
            inits.push((start.var, ambient.union(&start.dims.iter().copied().collect())));
            carried.push(start);
        }
        self.sites_of_block.push(Vec::new());
        self.nexts.push(Vec::new());
        let vars = self.b.begin_scan(axis, false, &inits);
        let result = self.with_open(axis, &index.name, OpenKind::Loop, |this| {
            for ((carry, var), start) in carries.iter().zip(&vars).zip(&carried) {
                this.define(&carry.name.name, Value::Array(Array { var: *var, dims: start.dims.clone() }));
            }
            let outer = this.b.guard();
            let going = match while_ {
                Some(condition) => Some(this.condition_var(condition)?),
                None => None,
            };
            if let Some(going) = going {
                this.b.set_guard(None);
                let guard = this.b.and_guard(outer, Some(going));
                this.b.set_guard(guard);
            }
            let done = this.block(body);
            this.b.set_guard(outer);
            done.map(|_| going)
        });
        let assigned = self.nexts.pop().unwrap_or_default();
        let mut next_vars = vars.clone();
        let mut failed = result.is_err();
        for (name, value) in assigned {
            let Some(at) = carries.iter().position(|carry| carry.name.name == name.name) else {
                let known: Vec<&str> = carries.iter().map(|c| c.name.name.as_str()).collect();
                self.report(
                    Diagnostic::error(Code("E0321"), format!("the loop carries no `{}`", name.name))
                        .at(name.span, "unknown")
                        .help(if known.is_empty() {
                            format!("declare it: `with ({} = …)`", name.name)
                        } else {
                            format!("it carries {}", known.join(", "))
                        }),
                );
                failed = true;
                continue;
            };
            match self.next_value(value, &carried[at], name.span) {
                Ok(var) => next_vars[at] = var,
                Err(Reported) => failed = true,
            }
        }
        if let Ok(Some(going)) = result {
            for (next, var) in next_vars.iter_mut().zip(&vars) {
                *next = self.b.select(going, *next, *var);
            }
        }
        self.b.end_scan(&next_vars);
        self.export_sites();
        if failed {
            return Err(Reported);
        }
        // After the loop a carry's name is its final value.
        let info = self.b.axes.info(axis).clone();
        for ((carry, next), start) in carries.iter().zip(&next_vars).zip(&carried) {
            // Without a step it is what it starts as.
            if info.size.value() == Some(0) {
                self.define(&carry.name.name, Value::Array(start.clone()));
                continue;
            }
            let last = self.b.dim(&info.lower.plus(&info.size).minus(&vary_core::dim::Dim::known(1)));
            self.b.at(span);
            let var = self.b.gather(*next, axis, last);
            self.define(&carry.name.name, Value::Array(Array { var, dims: start.dims.clone() }));
        }
        Ok(Value::unit())
    }

    fn next_value(&mut self, value: Value, start: &Array, span: Span) -> Lowered<Var> {
        let Value::Array(value) = value else {
            return Err(self.error("E0311", span, "a loop carries numbers and arrays", "not this"));
        };
        let value = if self.elem(start) == Elem::Real { self.reals_of(&value) } else { value };
        if self.sizes(&value) != self.sizes(start) || self.elem(&value) != self.elem(start) {
            let (was, is) =
                (self.describe(&Value::Array(start.clone())), self.describe(&Value::Array(value.clone())));
            let mut diagnostic =
                Diagnostic::error(Code("E0306"), format!("the carry starts as {was} and goes on as {is}"))
                    .at(span, "the type must stay the same");
            if self.elem(start) == Elem::Int && self.elem(&value) == Elem::Real {
                diagnostic = diagnostic.help("start it as a real: `0.0` instead of `0`");
            }
            return Err(self.report(diagnostic));
        }
        Ok(self.with_dims(&value, &start.dims).var)
    }

    /// `if c { … } else { … }`: both sides are computed, each under its condition.
    pub(super) fn branch(
        &mut self,
        condition: &Expr,
        then: &Block,
        otherwise: Option<&Expr>,
        span: Span,
    ) -> Lowered<Value> {
        let test = self.condition_var(condition)?;
        self.b.at(condition.span);
        let missed = self.b.prim(Prim::Not, &[test]);
        let outer = self.b.guard();
        let side = |this: &mut Self, test: Var, work: &mut dyn FnMut(&mut Self) -> Lowered<Value>| {
            this.b.set_guard(None);
            let guard = this.b.and_guard(outer, Some(test));
            this.b.set_guard(guard);
            this.sites_of_block.push(Vec::new());
            let value = this.scoped(work);
            this.b.set_guard(outer);
            this.export_branch(test);
            value
        };
        let a = side(self, test, &mut |this| this.block(then));
        let b = match otherwise {
            Some(expr) => side(self, missed, &mut |this| this.expr(expr)),
            None => Ok(Value::unit()),
        };
        let (a, b) = (a?, b?);
        if otherwise.is_none()
            || matches!((&a, &b), (Value::Tuple(x), Value::Tuple(y)) if x.is_empty() && y.is_empty())
        {
            return Ok(Value::unit());
        }
        self.b.at(condition.span);
        self.select_value(test, a, b, span)
    }
}

/// The names a statement binds, those of blocks inside it included.
fn names_bound(stmt: &Stmt, names: &mut Vec<ast::Ident>) {
    match &stmt.kind {
        StmtKind::Let(binding) => names.extend(pattern_names(&binding.pattern).into_iter().cloned()),
        StmtKind::Sample(sample) => names.push(sample.name.clone()),
        StmtKind::Param(param) => names.push(param.name.clone()),
        StmtKind::Plate { body, .. } => body.stmts.iter().for_each(|stmt| names_bound(stmt, names)),
        StmtKind::Loop { body, carries, .. } => {
            names.extend(carries.iter().map(|carry| carry.name.clone()));
            body.stmts.iter().for_each(|stmt| names_bound(stmt, names));
        }
        StmtKind::Report { .. } | StmtKind::Next { .. } | StmtKind::Expr(_) | StmtKind::Error => {}
    }
}

/// The names a pattern binds, in order.
pub(super) fn pattern_names(pattern: &Pattern) -> Vec<&ast::Ident> {
    match pattern {
        Pattern::Name(name) => vec![name],
        Pattern::Tuple(parts, _) => parts.iter().flat_map(pattern_names).collect(),
        Pattern::Wildcard(_) | Pattern::Literal(_) => Vec::new(),
    }
}

fn factor_argument(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Call(callee, args) => match (&callee.kind, args.as_slice()) {
            (ExprKind::Name(name), [arg]) if name == "factor" && arg.name.is_none() => Some(&arg.value),
            _ => None,
        },
        _ => None,
    }
}
