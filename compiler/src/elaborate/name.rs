//! Names: what they stand for, here and at file level.

use super::unit::nearest;
use super::value::{Declared, Value};
use super::{Lower, Lowered, Mode, OpenKind, builtin, foreign};
use std::collections::HashMap;
use std::rc::Rc;
use vary_core::dim::Dim;
use vary_core::generative::ProgramExpr;
use vary_core::ir::{Array, Elem, Input, InputKind};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, ItemKind, Pattern};

impl Lower<'_> {
    /// The value of a name: the innermost local, a declaration, or the language's own.
    pub(super) fn name(&mut self, name: &str, span: Span) -> Lowered<Value> {
        if let Some(value) = self.lookup(name) {
            return match value.clone() {
                Value::Error => Err(super::Reported),
                Value::Afresh(closure) => self.apply(&closure, Vec::new(), span),
                value => Ok(value),
            };
        }
        let found = if self.in_stdlib { self.unit.find_in_library(name) } else { self.unit.find(name) };
        if let Some(declared) = found {
            return self.declared(name, &declared, span);
        }
        if let Some(draw) = self.start_draw(name) {
            return Ok(draw);
        }
        if let Some(builtin) = builtin::find(name) {
            if builtin == "step" {
                return self.step(span);
            }
            return Ok(match builtin::constant(builtin) {
                Some(value) => Value::Array(Array { var: self.b.real(value), dims: Vec::new() }),
                None => Value::Builtin(builtin),
            });
        }
        Err(self.unknown_name(name, span))
    }

    /// The number of steps done, in an objective: a constant of each step.
    fn step(&mut self, span: Span) -> Lowered<Value> {
        if self.draw.is_none() {
            return Err(self.report(
                Diagnostic::error(Code("E0601"), "`step` stands outside an objective")
                    .at(span, "no fit counts steps here")
                    .help("pass what depends on it to an objective: `elbo_beta(m, q, min(1, step / 1000))`"),
            ));
        }
        let input = Input { kind: InputKind::State, name: "step".to_string(), dims: Vec::new() };
        let var = self.b.input(Elem::Real, input);
        Ok(self.scalar(var))
    }

    /// Reports an unknown name, once.
    fn unknown_name(&mut self, name: &str, span: Span) -> super::Reported {
        if self.start.as_ref().is_some_and(|start| start.unknown.contains(name)) {
            return self.report(
                Diagnostic::error(Code("E0202"), format!("`{name}` is not known before the program runs"))
                    .at(span, "used in a start")
                    .help("a start is made of data, numbers, sizes and noise: `0.1 * base_normal`"),
            );
        }
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
        if self.start.is_some() {
            diagnostic = diagnostic.note(
                "a start is computed before the program runs, from data, numbers, sizes and `base_normal`",
            );
        }
        if let Some(advice) = foreign::function(name) {
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
            ItemKind::Fn(_) | ItemKind::Net(_) | ItemKind::Objective(_) => {
                Ok(Value::Function(declared.clone()))
            }
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

    /// Elaborates a file-level expression: no local names in scope.
    fn at_file_level<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        let scopes = std::mem::replace(&mut self.scopes, vec![HashMap::new()]);
        let owners = std::mem::take(&mut self.owners);
        let guard = self.b.set_guard(None);
        let mode = std::mem::replace(&mut self.mode, Mode::Pure);
        self.calls.push(name.to_string());
        let result = work(self);
        self.calls.pop();
        self.mode = mode;
        self.b.set_guard(guard);
        self.owners = owners;
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
}
