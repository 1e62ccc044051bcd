//! Values against declared types.

use super::types::{ArrayType, Declaration, describe};
use super::value::Value;
use super::{Lower, Lowered};
use std::collections::HashMap;
use vary_core::dim::Dim;
use vary_core::generative::Constraint;
use vary_core::ir::{Array, Elem};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

impl Lower<'_> {
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
            | (
                Declaration::Function,
                value @ (Value::Function(_) | Value::Lambda(_) | Value::Builtin(_) | Value::Layer(_)),
            )
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
}
