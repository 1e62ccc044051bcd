//! Starting values of parameters: programs of their own, which run once when the data is known.
//!
//! In a start, `base_normal` and `base_uniform` are arrays of the parameter's shape, every entry drawn
//! on its own. The draw is named by the parameter: the same seed gives the same start.

use super::value::{Closure, Value};
use super::{Lower, Lowered, Mode};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use vary_core::axis::Axis;
use vary_core::dim::Dim;
use vary_core::generative::Init;
use vary_core::ir::{Array, Base, Const, Draw, Elem, Op, Output};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::{ast, visit};

/// The parameter whose start is computed.
#[derive(Debug, Clone)]
pub(super) struct Start {
    dims: Vec<Axis>,
    occurrence: Rc<str>,
    /// Local names of what is known only while running.
    pub unknown: BTreeSet<String>,
}

/// A local value that is known before anything runs.
enum Known {
    Value(Value),
    Number(Const),
    Size(Dim),
    Lambda(Rc<Closure>, Vec<(String, Known)>),
}

impl Lower<'_> {
    /// A starting value, broadcast to `dims`, as a program of its own. `name` is the parameter's full name.
    pub(super) fn filled(
        &mut self,
        init: &ast::Expr,
        dims: &[Dim],
        name: &str,
        (what, declared): (&str, Span),
    ) -> Lowered<Init> {
        let (mut locals, mut unknown) = (BTreeMap::new(), BTreeSet::new());
        visit::each_name(init, &mut |name| match self.lookup(name).map(|value| self.known(value)) {
            Some(Some(known)) => drop(locals.insert(name, known)),
            Some(None) => drop(unknown.insert(name.to_string())),
            None => {}
        });
        let (in_stdlib, stdlib_call) = (self.in_stdlib, self.stdlib_call);
        let program = self.aside(|unit| {
            let mut lower = Lower::new(unit, Mode::Pure);
            (lower.in_stdlib, lower.stdlib_call) = (in_stdlib, stdlib_call);
            for (name, known) in locals {
                let value = lower.value_of(known);
                lower.define(name, value);
            }
            let axes = lower.axes_for(dims, "entry");
            let occurrence = format!("start/{name}").into();
            lower.start = Some(Start { dims: axes.clone(), occurrence, unknown });
            let value = lower.array(init)?;
            let value = lower.reals_of(&value);
            let sizes = lower.sizes(&value);
            if sizes.len() > dims.len() || sizes[..] != dims[dims.len() - sizes.len()..] {
                let found = super::types::describe(Elem::Real, &sizes);
                let wanted = super::types::describe(Elem::Real, dims);
                return Err(lower.report(
                    Diagnostic::error(Code("E0306"), format!("`{name}` is {wanted}, its {what} is {found}"))
                        .at(init.span, "does not fit")
                        .at(declared, "declared here"),
                ));
            }
            let value = lower.with_dims(&value, &axes[dims.len() - sizes.len()..]);
            let results = vec![Output { name: "init".into(), var: value.var, dims: axes }];
            lower.unit.axes = lower.b.axes.clone();
            Ok(lower.b.finish(results))
        })?;
        Ok(Init(Rc::new(program)))
    }

    /// `base_normal` in a start: independent draws in the parameter's shape.
    pub(super) fn start_draw(&mut self, name: &str) -> Option<Value> {
        let start = self.start.clone()?;
        let base = match name {
            "base_normal" => Base::Normal,
            "base_uniform" => Base::Uniform,
            _ => return None,
        };
        let key = start.dims.iter().copied().collect();
        let draw = Draw { base, args: Vec::new(), key, occurrence: start.occurrence };
        let var = self.emit(Op::Draw(draw));
        Some(Value::Array(Array { var, dims: start.dims }))
    }

    /// What a local value is, if that is known before anything runs.
    fn known(&self, value: &Value) -> Option<Known> {
        match value {
            Value::Array(array) if array.dims.is_empty() => match self.b.constant(array.var) {
                Some(number) => Some(Known::Number(number)),
                None => self.as_dim(array.var).map(Known::Size),
            },
            Value::Lambda(closure) => {
                let names = closure.names.iter();
                let names = names.filter_map(|(name, value)| Some((name.clone(), self.known(value)?)));
                Some(Known::Lambda(closure.clone(), names.collect()))
            }
            Value::Function(_) | Value::Builtin(_) | Value::Text(_) => Some(Known::Value(value.clone())),
            _ => None,
        }
    }

    fn value_of(&mut self, known: Known) -> Value {
        match known {
            Known::Value(value) => value,
            Known::Number(number) => {
                let var = self.b.literal(number);
                self.scalar(var)
            }
            Known::Size(dim) => {
                let var = self.known_int(dim);
                self.scalar(var)
            }
            Known::Lambda(closure, names) => {
                let names = names.into_iter().map(|(name, known)| (name, self.value_of(known))).collect();
                Value::Lambda(Rc::new(Closure { names, ..(*closure).clone() }))
            }
        }
    }
}
