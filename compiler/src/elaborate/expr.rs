//! Expressions: names, calls, branches, comprehensions.

use super::types::{ArrayType, Declaration, describe};
use super::unit::nearest;
use super::value::{Closure, Declared, Value};
use super::{Lower, Lowered, Mode, Open, OpenKind, builtin};
use std::collections::HashMap;
use std::rc::Rc;
use vary_core::dim::Dim;
use vary_core::generative::{Constraint, ProgramExpr};
use vary_core::ir::{Array, Elem, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind, Pattern};

/// How deep lambdas may stand in applications of each other; one applied to itself has no end.
const MOST_APPLICATIONS: usize = 64;
/// How many calls of functions one program may be made of: each is a copy of its body.
const MOST_CALLS: usize = 100_000;
/// How deep calls of functions, and values made of values, may stand in each other.
const MOST_NESTED: usize = 2000;

impl Lower<'_> {
    /// The value of an expression.
    pub(super) fn expr(&mut self, expr: &Expr) -> Lowered<Value> {
        let value = self.raw(expr)?;
        Ok(match value {
            // Read whole, an array's dimensions must not be confused with the axes in scope.
            Value::Array(array) if !array.dims.is_empty() => {
                for axis in &array.dims {
                    self.refuse_other_rows(&array, *axis, expr.span)?;
                }
                Value::Array(self.clear_of(&array, &vary_core::axis::AxisSet::new()))
            }
            other => other,
        })
    }

    /// The value of an expression, arrays with their own axes.
    fn raw(&mut self, expr: &Expr) -> Lowered<Value> {
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

    fn name(&mut self, name: &str, span: Span) -> Lowered<Value> {
        if let Some(value) = self.lookup(name) {
            return match value {
                Value::Error => Err(super::Reported),
                value => Ok(value.clone()),
            };
        }
        let found = if self.in_stdlib { self.unit.find_in_library(name) } else { self.unit.find(name) };
        if let Some(declared) = found {
            return self.declared(name, &declared, span);
        }
        if let Some(builtin) = builtin::find(name) {
            return Ok(match builtin::constant(builtin) {
                Some(value) => Value::Array(Array { var: self.b.real(value), dims: Vec::new() }),
                None => Value::Builtin(builtin),
            });
        }
        Err(self.unknown_name(name, span))
    }

    /// Reports an unknown name, once.
    fn unknown_name(&mut self, name: &str, span: Span) -> super::Reported {
        let message = format!("`{name}` is not defined");
        if self.unit.diagnostics.iter().any(|d| d.code.0 == "E0202" && d.message == message) {
            return super::Reported;
        }
        let mut diagnostic = Diagnostic::error(Code("E0202"), message);
        let elsewhere = self.bound_by_blocks.iter().flatten().rev().find(|bound| bound.name == name);
        if let Some(bound) = elsewhere {
            let step = self.open.iter().rev().find(|open| open.kind == OpenKind::Loop);
            let help = match step {
                Some(step) => format!(
                    "carry the value of the step before: `with (last = …)`, and `next last = {name}[{}]`",
                    step.name
                ),
                None => {
                    "a name is visible after the statement that binds it, to the end of its block".to_string()
                }
            };
            return self
                .report(diagnostic.at(span, "not visible here").at(bound.span, "bound here").help(help));
        }
        diagnostic = diagnostic.at(span, "unknown name");
        if let Some(advice) = builtin::foreign(name) {
            return self.report(diagnostic.help(advice));
        }
        let mut local: Vec<String> = self.scopes.iter().flat_map(|scope| scope.keys().cloned()).collect();
        local.sort();
        let bound = self.bound_by_blocks.iter().flatten().map(|bound| bound.name.clone());
        let builtins = builtin::NAMES.iter().map(|n| n.to_string());
        let candidates: Vec<String> =
            local.into_iter().chain(bound).chain(self.unit.names()).chain(builtins).collect();
        if let Some(near) = nearest(name, candidates.iter().map(String::as_str)) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic)
    }

    fn declared(&mut self, name: &str, declared: &Rc<Declared>, span: Span) -> Lowered<Value> {
        match &declared.item.kind {
            ItemKind::Data(data) => self.data(data, span),
            ItemKind::Let(binding) => {
                if let Some(value) = self.file_values.get(name) {
                    return Ok(value.clone());
                }
                if self.unit.cyclic.contains(name) {
                    return Err(super::Reported);
                }
                if let Some(at) = self.calls.iter().position(|call| call == name) {
                    self.unit.cyclic.extend(self.calls[at..].iter().cloned());
                    let mut diagnostic =
                        Diagnostic::error(Code("E0203"), format!("`{name}` is defined by itself"))
                            .at(span, "used in its own definition");
                    if let Some(through) = self.calls.get(at + 1) {
                        diagnostic = diagnostic.note(format!("`{name}` is made of `{through}`, and so on"));
                    }
                    return Err(self.report(diagnostic));
                }
                let value = self.at_file_level(name, |this| {
                    let value = this.raw(&binding.value)?;
                    if matches!(binding.pattern, Pattern::Name(_)) {
                        return Ok(value);
                    }
                    this.bind_pattern(&binding.pattern, value)?;
                    this.lookup(name).cloned().ok_or(super::Reported)
                })?;
                // What is computed in the body of a scan cannot be read outside of it.
                if self.b.scan_axes().is_empty() {
                    self.file_values.insert(name.to_string(), value.clone());
                }
                Ok(value)
            }
            ItemKind::Param(param) => self.parameter(param, None),
            ItemKind::Fn(_) | ItemKind::Objective(_) => Ok(Value::Function(declared.clone())),
            ItemKind::Net(_) => Err(self.report(
                Diagnostic::error(Code("E0801"), format!("`{name}` is a net, which cannot be run yet"))
                    .at(span, "used here")
                    .note("nets are parsed, formatted and checked for syntax in this version"),
            )),
            ItemKind::Model(_) | ItemKind::Guide(_) => {
                if self.unit.elaborating.contains(name) {
                    return Err(self.report(
                        Diagnostic::error(Code("E0203"), format!("`{name}` is made of itself"))
                            .at(span, "used in its own body")
                            .help("use another program here"),
                    ));
                }
                let program = self.aside(|unit| unit.program(name))?;
                Ok(Value::Program(Rc::new(ProgramExpr::Base(program))))
            }
            ItemKind::Distribution(_) => Ok(Value::Distribution(declared.clone(), None)),
            _ => Err(self.error("E0202", span, format!("`{name}` is not a value"), "used here")),
        }
    }

    /// Elaborates a file-level expression: no local names, no axes in scope.
    fn at_file_level<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        let scopes = std::mem::replace(&mut self.scopes, vec![HashMap::new()]);
        let open = std::mem::take(&mut self.open);
        let guard = self.b.set_guard(None);
        let mode = std::mem::replace(&mut self.mode, Mode::Pure);
        self.calls.push(name.to_string());
        let result = work(self);
        self.calls.pop();
        self.mode = mode;
        self.b.set_guard(guard);
        self.open = open;
        self.scopes = scopes;
        result
    }

    fn data(&mut self, data: &ast::DataDecl, span: Span) -> Lowered<Value> {
        let name = &data.name.name;
        if self.calls.contains(name) {
            let message = format!("the type of `{name}` needs `{name}`");
            return Err(self.error("E0203", span, message, "used in its own declaration"));
        }
        self.unit.used_data.insert(name.clone());
        if let Some(size) = self.unit.sizes.get(name) {
            let var = self.b.int(*size);
            return Ok(self.scalar(var));
        }
        let ty = self.at_file_level(name, |this| this.array_declaration(&data.ty, &mut None))?;
        let elem = ty.constraint.elem();
        let open = std::mem::take(&mut self.open);
        let axes = self.axes_for(&ty.dims, name);
        self.open = open;
        let array = self.data_input(name, elem, axes);
        if elem == Elem::Int && array.dims.is_empty() {
            self.ints.insert(array.var, Dim::named(name.clone()));
        }
        Ok(Value::Array(array))
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

    fn pipe(&mut self, value: &Expr, function: &Expr, span: Span) -> Lowered<Value> {
        let (callee, mut args) = match &function.kind {
            ExprKind::Call(callee, args) => ((**callee).clone(), args.clone()),
            _ => (function.clone(), Vec::new()),
        };
        args.insert(0, ast::Arg { name: None, value: value.clone() });
        self.call(&callee, &args, span)
    }

    fn call(&mut self, callee: &Expr, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        match self.raw(callee)? {
            Value::Builtin(name) => self.builtin(name, args, span),
            Value::Function(declared) => {
                let (ItemKind::Fn(f) | ItemKind::Objective(f)) = &declared.item.kind else {
                    unreachable!("only functions and objectives are function values")
                };
                self.call_function(f, &declared, args, span)
            }
            Value::Lambda(closure) => {
                let mut values = Vec::new();
                for arg in args {
                    values.push(self.expr(&arg.value)?);
                }
                self.apply(&closure, values, span)
            }
            Value::Distribution(declared, _) => {
                let name = super::unit::declared_name(&declared.item).map_or("", |n| &n.name).to_string();
                Err(self.report(
                    Diagnostic::error(Code("E0311"), format!("`{name}` is a distribution, not a number"))
                        .at(span, "used as a value")
                        .help(format!("write `x ~ {name}(…)` on a line of its own, then use `x`")),
                ))
            }
            Value::Program(program) => {
                let name = &super::base_of(&program).name;
                let help = if builtin::find(name).is_some() {
                    format!(
                        "`{name}` is declared in this program; under another name, `{name}(…)` is the function"
                    )
                } else {
                    format!("write `s ~ {name}(…)` in a model or guide")
                };
                Err(self.report(
                    Diagnostic::error(Code("E0313"), format!("the program `{name}` is not a function"))
                        .at(callee.span, "called here")
                        .help(help),
                ))
            }
            Value::Error => Err(super::Reported),
            other => Err(self.error(
                "E0313",
                callee.span,
                format!("{} cannot be called", other.kind()),
                "not a function",
            )),
        }
    }

    /// Calls a lambda with values.
    pub(super) fn apply(&mut self, closure: &Closure, values: Vec<Value>, span: Span) -> Lowered<Value> {
        if closure.params.len() != values.len() {
            let message =
                format!("this function takes {} arguments, {} are given", closure.params.len(), values.len());
            return Err(self.error("E0314", span, message, "called here"));
        }
        let mut scope: HashMap<String, Value> = closure.names.iter().cloned().collect();
        for (param, value) in closure.params.iter().zip(values) {
            scope.insert(param.name.name.clone(), value);
        }
        if self.applications == MOST_APPLICATIONS {
            return Err(self.report(
                Diagnostic::error(Code("E0203"), "this function is applied inside itself without end")
                    .at(span, "applied here")
                    .help("write the repetition as `scan` or `for`"),
            ));
        }
        let scopes = std::mem::replace(&mut self.scopes, vec![scope]);
        let outside = std::mem::replace(&mut self.in_stdlib, closure.in_stdlib);
        self.applications += 1;
        let result = self.expr(&closure.body);
        self.applications -= 1;
        self.in_stdlib = outside;
        self.scopes = scopes;
        result
    }

    /// Refuses programs that calls make too large.
    fn count_call(&mut self, span: Span) -> Lowered<()> {
        self.call_count += 1;
        let what = if self.call_count > MOST_CALLS {
            format!("the program is made of more than {MOST_CALLS} calls and values")
        } else if self.calls.len() > MOST_NESTED {
            format!("calls stand more than {MOST_NESTED} deep in each other")
        } else {
            return Ok(());
        };
        Err(self.report(
            Diagnostic::error(Code("E0113"), what)
                .at(span, "the limit is reached here")
                .note("every call is a copy of its function's body, every use of a file's `let` one of its value")
                .help("name what is used twice with `let`, and write repetition as `scan`, `for` or a plate"),
        ))
    }

    /// Inlines a declared function.
    pub(super) fn call_function(
        &mut self,
        f: &ast::FnDecl,
        declared: &Declared,
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<Value> {
        let is_stdlib = declared.is_stdlib;
        if self.unit.cyclic.contains(&f.name.name) {
            return Err(super::Reported);
        }
        if let Some(at) = self.calls.iter().position(|call| *call == f.name.name) {
            self.unit.cyclic.extend(self.calls[at..].iter().cloned());
            let through: Vec<String> = self.calls[at + 1..].iter().map(|call| format!("`{call}`")).collect();
            let through =
                if through.is_empty() { String::new() } else { format!(" through {}", through.join(", ")) };
            return Err(self.report(
                Diagnostic::error(Code("E0203"), format!("`{}` calls itself{through}", f.name.name))
                    .at(span, "the call")
                    .help("write the repetition as `scan` or `for`"),
            ));
        }
        self.count_call(span)?;
        let values = self.match_arguments(&f.name.name, &f.params, args, span)?;
        self.check_requirements(f, &declared.item.attributes, &values)?;
        let mut generic = HashMap::new();
        let mut scope = HashMap::new();
        for (param, (value, at)) in f.params.iter().zip(values) {
            let value = match &param.ty {
                Some(ty) => self.accept(value, ty, at, &mut generic)?,
                None => value,
            };
            scope.insert(param.name.name.clone(), value);
        }
        for (name, dim) in generic {
            let var = self.known_int(dim);
            scope.entry(name).or_insert(Value::Array(Array { var, dims: Vec::new() }));
        }
        let scopes = std::mem::replace(&mut self.scopes, vec![scope]);
        let bound = std::mem::take(&mut self.bound_by_blocks);
        self.calls.push(f.name.name.clone());
        let outside = self.in_stdlib;
        if is_stdlib && !outside {
            self.stdlib_call = span;
        }
        self.in_stdlib = is_stdlib;
        let result = self.expr(&f.body);
        self.in_stdlib = outside;
        self.calls.pop();
        self.bound_by_blocks = bound;
        self.scopes = scopes;
        result
    }

    /// Arguments in the order of the parameters, with their places; defaults filled in.
    pub(super) fn match_arguments(
        &mut self,
        name: &str,
        params: &[ast::Param],
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<Vec<(Value, Span)>> {
        let mut slots: Vec<Option<&ast::Arg>> = vec![None; params.len()];
        let mut next = 0;
        for arg in args {
            let at = match &arg.name {
                None => {
                    next += 1;
                    next - 1
                }
                Some(wanted) => match params.iter().position(|p| p.name.name == wanted.name) {
                    Some(at) => at,
                    None => {
                        let names: Vec<&str> = params.iter().map(|p| p.name.name.as_str()).collect();
                        return Err(self.report(
                            Diagnostic::error(
                                Code("E0314"),
                                format!("`{name}` has no parameter `{}`", wanted.name),
                            )
                            .at(wanted.span, "unknown")
                            .note(format!("its parameters are {}", names.join(", "))),
                        ));
                    }
                },
            };
            if at >= params.len() || slots[at].is_some() {
                let names: Vec<&str> = params.iter().map(|p| p.name.name.as_str()).collect();
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0314"),
                        format!("too many arguments for `{name}({})`", names.join(", ")),
                    )
                    .at(arg.value.span, "this one has no parameter"),
                ));
            }
            slots[at] = Some(arg);
        }
        let mut values = Vec::new();
        for (param, slot) in params.iter().zip(slots) {
            let expr = match (slot, &param.default) {
                (Some(arg), _) => &arg.value,
                (None, Some(default)) => default,
                (None, None) => {
                    let names: Vec<&str> = params.iter().map(|p| p.name.name.as_str()).collect();
                    return Err(self.report(
                        Diagnostic::error(Code("E0314"), format!("`{name}` needs `{}`", param.name.name))
                            .at(span, "missing an argument")
                            .help(format!("write `{name}({})`", names.join(", "))),
                    ));
                }
            };
            values.push((self.expr(expr)?, expr.span));
        }
        Ok(values)
    }

    /// Checks a value against a declared type, binding the names of generic dimensions.
    pub(super) fn accept(
        &mut self,
        value: Value,
        ty: &ast::Type,
        at: Span,
        generic: &mut HashMap<String, Dim>,
    ) -> Lowered<Value> {
        let mut names = Some(HashMap::new());
        let declared = self.declaration(ty, &mut names)?;
        self.accept_declared(value, &declared, ty.span, at, generic)
    }

    fn accept_declared(
        &mut self,
        value: Value,
        declared: &Declaration,
        ty: Span,
        at: Span,
        generic: &mut HashMap<String, Dim>,
    ) -> Lowered<Value> {
        match (declared, value) {
            (_, Value::Error) => Err(super::Reported),
            (Declaration::Array(array_type), Value::Array(array)) => {
                self.accept_array(array, array_type, ty, at, generic).map(Value::Array)
            }
            (Declaration::Program, value @ Value::Program(_))
            | (Declaration::Function, value @ (Value::Function(_) | Value::Lambda(_) | Value::Builtin(_)))
            | (Declaration::Plate, value @ Value::Array(_)) => Ok(value),
            (Declaration::Tuple(types), Value::Tuple(parts)) if types.len() == parts.len() => {
                let parts: Lowered<Vec<Value>> = types
                    .iter()
                    .zip(parts)
                    .map(|(declared, part)| self.accept_declared(part, declared, ty, at, generic))
                    .collect();
                Ok(Value::Tuple(parts?))
            }
            (Declaration::Record(_), value @ (Value::Record(_) | Value::Trace(_))) => Ok(value),
            (declared, value) => {
                let wanted = match declared {
                    Declaration::Array(_) => "a number or array",
                    Declaration::Tuple(_) => "a tuple of that many parts",
                    Declaration::Record(_) => "a record",
                    Declaration::Program => "a program (a model, a guide, or one made of them)",
                    Declaration::Plate => "the name of a dimension",
                    Declaration::Function => "a function",
                };
                Err(self.report(
                    Diagnostic::error(Code("E0315"), format!("{wanted} is expected here"))
                        .at(at, format!("this is {}", value.kind()))
                        .at(ty, "declared here"),
                ))
            }
        }
    }

    fn accept_array(
        &mut self,
        array: Array,
        declared: &ArrayType,
        ty: Span,
        at: Span,
        generic: &mut HashMap<String, Dim>,
    ) -> Lowered<Array> {
        let elem = self.elem(&array);
        let wanted = declared.constraint.elem();
        let array = match (elem, wanted) {
            (Elem::Int, Elem::Real) => self.reals_of(&array),
            (a, b) if a == b => array,
            _ => {
                let (found, expected) =
                    (describe(elem, &self.sizes(&array)), describe(wanted, &declared.dims));
                let mut diagnostic =
                    Diagnostic::error(Code("E0315"), format!("{expected} is expected, {found} is given"))
                        .at(at, format!("this is {found}"))
                        .at(ty, "declared here");
                if wanted == Elem::Int {
                    diagnostic = diagnostic.help("`round(x)` or `floor(x)` give an int");
                }
                return Err(self.report(diagnostic));
            }
        };
        let sizes = self.sizes(&array);
        let mut fits = sizes.len() == declared.dims.len();
        for (size, wanted) in sizes.iter().zip(&declared.dims) {
            match wanted.as_name() {
                Some(name) => fits &= generic.entry(name.to_string()).or_insert_with(|| size.clone()) == size,
                None => {
                    let known = |n: &str| generic.get(n).and_then(Dim::value);
                    fits &= wanted.bind(&known) == *size;
                }
            }
        }
        if !fits {
            let (found, expected) = (describe(wanted, &sizes), describe(wanted, &declared.dims));
            return Err(self.report(
                Diagnostic::error(Code("E0306"), format!("{expected} is expected, {found} is given"))
                    .at(at, format!("this is {found}"))
                    .at(ty, "declared here"),
            ));
        }
        self.check_constant(&array, &declared.constraint, at)?;
        Ok(array)
    }

    /// Refuses constants outside a declared constraint; other values are checked when running.
    pub(super) fn check_constant(&mut self, array: &Array, constraint: &Constraint, at: Span) -> Lowered<()> {
        let Some(value) = self.b.constant(array.var).map(|c| c.number()) else { return Ok(()) };
        let (ok, name) = match constraint {
            Constraint::Positive(_) => (value > 0.0, "positive".to_string()),
            Constraint::Interval(a, b) => ((*a..=*b).contains(&value), format!("between {a} and {b}")),
            _ => (true, String::new()),
        };
        if ok {
            return Ok(());
        }
        Err(self.error("E0316", at, format!("{value} is not {name}"), &format!("must be {name}")))
    }

    /// `match e { 0 => a, _ => b }` as nested branches.
    fn matching(&mut self, subject: &Expr, arms: &[(Pattern, Expr)], span: Span) -> Lowered<Value> {
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
                if self.estimated.contains(&a.var) || self.estimated.contains(&b.var) {
                    self.mark_estimated(var);
                }
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
        Ok(self.b.axes.index(&hint, lower, size, &taken))
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
        self.open.push(Open { axis, kind, name: name.to_string(), block });
        let result = self.scoped(|this| {
            if kind != OpenKind::Copy {
                let iota = this.b.iota(axis);
                this.define(name, Value::Array(Array { var: iota, dims: Vec::new() }));
            }
            work(this)
        });
        self.open.pop();
        result
    }
}
