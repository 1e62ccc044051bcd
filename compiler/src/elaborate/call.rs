//! Calls of functions and lambdas, which are copied where they stand.

use super::value::{Closure, Declared, Value};
use super::{Lower, Lowered, builtin};
use std::collections::HashMap;
use vary_core::dim::Dim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind};

/// How deep lambdas may stand in applications of each other; one applied to itself has no end.
const MOST_APPLICATIONS: usize = 64;
/// How many calls of functions one program may be made of: each is a copy of its body.
const MOST_CALLS: usize = 100_000;
/// How deep calls of functions, and values made of values, may stand in each other.
const MOST_NESTED: usize = 2000;

impl Lower<'_> {
    pub(super) fn pipe(&mut self, value: &Expr, function: &Expr, span: Span) -> Lowered<Value> {
        let (callee, mut args) = match &function.kind {
            ExprKind::Call(callee, args) => ((**callee).clone(), args.clone()),
            _ => (function.clone(), Vec::new()),
        };
        args.insert(0, ast::Arg { name: None, value: value.clone() });
        self.call(&callee, &args, span)
    }

    pub(super) fn call(&mut self, callee: &Expr, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        match self.raw(callee)? {
            Value::Builtin(name) => self.builtin(name, args, span),
            Value::Function(declared) => match &declared.item.kind {
                ItemKind::Fn(f) | ItemKind::Objective(f) => self.call_function(f, &declared, args, span),
                _ => self.call_net(&declared, args, span),
            },
            Value::Layer(layer) => self.apply_layer(&layer, args, span),
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
    pub(super) fn count_call(&mut self, span: Span) -> Lowered<()> {
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
        self.refuse_recursion(&f.name.name, span)?;
        self.count_call(span)?;
        let values = self.match_arguments(&f.name.name, &f.params, args, span)?;
        self.check_requirements(f, &declared.item.attributes, &values)?;
        let places: Vec<Span> = values.iter().map(|(_, at)| *at).collect();
        // A function has no parameters of its own, nor have the layers it would call.
        let owners = std::mem::take(&mut self.owners);
        let caller = self.in_stdlib;
        let result = self.in_function(f, declared.is_stdlib, span, |this| {
            let mut generic = this.accept_arguments(f, values, caller)?;
            this.check_conditions(f, &declared.item.attributes, &places)?;
            let value = this.expr(&f.body)?;
            this.accept_result(value, f, &mut generic)
        });
        self.owners = owners;
        result
    }

    /// Refuses a call of a function in its own body.
    pub(super) fn refuse_recursion(&mut self, name: &str, span: Span) -> Lowered<()> {
        if self.unit.cyclic.contains(name) {
            return Err(super::Reported);
        }
        let Some(at) = self.calls.iter().position(|call| call == name) else { return Ok(()) };
        self.unit.cyclic.extend(self.calls[at..].iter().cloned());
        let through: Vec<String> = self.calls[at + 1..].iter().map(|call| format!("`{call}`")).collect();
        let through =
            if through.is_empty() { String::new() } else { format!(" through {}", through.join(", ")) };
        Err(self.report(
            Diagnostic::error(Code("E0203"), format!("`{name}` calls itself{through}"))
                .at(span, "the call")
                .help("write the repetition as `scan` or `for`"),
        ))
    }

    /// Works in the body of a declared function: none of the caller's names are seen.
    pub(super) fn in_function<T>(
        &mut self,
        f: &ast::FnDecl,
        is_stdlib: bool,
        span: Span,
        work: impl FnOnce(&mut Self) -> Lowered<T>,
    ) -> Lowered<T> {
        let scopes = std::mem::replace(&mut self.scopes, vec![HashMap::new()]);
        let bound = std::mem::take(&mut self.bound_by_blocks);
        self.calls.push(f.name.name.clone());
        let outside = self.in_stdlib;
        if is_stdlib && !outside {
            self.stdlib_call = span;
        }
        self.in_stdlib = is_stdlib;
        let result = work(self);
        self.in_stdlib = outside;
        self.calls.pop();
        self.bound_by_blocks = bound;
        self.scopes = scopes;
        result
    }

    /// Binds the parameters of a function to values of their types, and the names of sizes in these types.
    /// That a value has not its type is told as the caller's mistake.
    pub(super) fn accept_arguments(
        &mut self,
        f: &ast::FnDecl,
        values: Vec<(Value, Span)>,
        caller_in_stdlib: bool,
    ) -> Lowered<HashMap<String, Dim>> {
        let mut generic = HashMap::new();
        for (param, (value, at)) in f.params.iter().zip(values) {
            let inside = std::mem::replace(&mut self.in_stdlib, caller_in_stdlib);
            let value = match &param.ty {
                Some(ty) => self.accept(value, ty, at, &mut generic),
                None => Ok(value),
            };
            self.in_stdlib = inside;
            self.define(&param.name.name, value?);
        }
        for (name, dim) in &generic {
            if self.lookup(name).is_none() {
                let var = self.known_int(dim.clone());
                let value = self.scalar(var);
                self.define(name, value);
            }
        }
        Ok(generic)
    }

    /// The value of a function's body, checked against its declared type.
    pub(super) fn accept_result(
        &mut self,
        value: Value,
        f: &ast::FnDecl,
        generic: &mut HashMap<String, Dim>,
    ) -> Lowered<Value> {
        match &f.result {
            Some(ty) => self.accept(value, ty, result_span(&f.body), generic),
            None => Ok(value),
        }
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
                        return Err(self.report(
                            Diagnostic::error(
                                Code("E0314"),
                                format!("`{name}` has no parameter `{}`", wanted.name),
                            )
                            .at(wanted.span, "unknown")
                            .note(format!("its parameters are {}", listed(params))),
                        ));
                    }
                },
            };
            if at < params.len() && slots[at].is_some() {
                let param = &params[at].name.name;
                return Err(self.report(
                    Diagnostic::error(Code("E0314"), format!("`{param}` of `{name}` is given twice"))
                        .at(slots[at].map_or(span, |first| first.value.span), "here")
                        .at(arg.value.span, "and here")
                        .help(format!(
                            "arguments without a name come first, in the order ({})",
                            listed(params)
                        )),
                ));
            }
            if at >= params.len() {
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0314"),
                        format!("too many arguments for `{name}({})`", listed(params)),
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
                (None, Some(default)) => {
                    values.push((self.default_value(default)?, default.span));
                    continue;
                }
                (None, None) => {
                    return Err(self.report(
                        Diagnostic::error(Code("E0314"), format!("`{name}` needs `{}`", param.name.name))
                            .at(span, "missing an argument")
                            .help(format!("write `{name}({})`", listed(params))),
                    ));
                }
            };
            values.push((self.expr(expr)?, expr.span));
        }
        Ok(values)
    }

    /// The default of a parameter, in which only the names of its file are seen.
    fn default_value(&mut self, default: &Expr) -> Lowered<Value> {
        let is_stdlib = self.unit.stdlib_sources.contains(&default.span.source);
        let scopes = std::mem::replace(&mut self.scopes, vec![HashMap::new()]);
        let outside = std::mem::replace(&mut self.in_stdlib, is_stdlib);
        let value = self.expr(default);
        self.in_stdlib = outside;
        self.scopes = scopes;
        value
    }
}

/// The names of parameters, one after another.
fn listed(params: &[ast::Param]) -> String {
    params.iter().map(|param| param.name.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Where the value of a body stands: its last statement.
fn result_span(body: &Expr) -> Span {
    match &body.kind {
        ExprKind::Block(block) => block.stmts.last().map_or(body.span, |last| last.span),
        _ => body.span,
    }
}
