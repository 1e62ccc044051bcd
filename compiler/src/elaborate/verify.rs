//! Declarations checked for themselves, whether or not a fit uses them.

use super::net::Owner;
use super::types::{describe, literal};
use super::unit::Unit;
use super::value::Value;
use super::{Lower, Lowered, Mode, Reported};
use std::collections::HashMap;
use vary_core::dim::Dim;
use vary_core::ir::{Array, Elem, Input, InputKind};
use vary_diagnostic::{Code, Diagnostic};
use vary_syntax::ast;

impl Unit {
    /// Elaborates a distribution.
    pub fn check_distribution(&mut self, name: &str) -> Lowered<()> {
        self.distribution(name).map(|_| ())
    }

    /// The type of data, and its default, which must have it.
    pub fn check_data(&mut self, data: &ast::DataDecl) -> Lowered<()> {
        let ty = self.data_type(data)?;
        let Some(default) = &data.default else { return Ok(()) };
        if !is_literal(default) {
            self.report(
                Diagnostic::error(Code("E0207"), format!("the default of `{}` is computed", data.name.name))
                    .at(default.span, "not a number or an array of numbers")
                    .help("write the number itself, or use `let` for what is computed"),
            );
            return Err(Reported);
        }
        let mut lower = Lower::new(self, Mode::Pure);
        let value = lower.array(default)?;
        let (found, elem) = (lower.sizes(&value), ty.constraint.elem());
        let value_elem = lower.elem(&value);
        // An int stands for a real, and 0 and 1 for bits; a shorter array of dimensions is repeated.
        let fits = value_elem == elem || value_elem == Elem::Int && elem != Elem::Int;
        let known = found.len() <= ty.dims.len()
            && found.iter().rev().zip(ty.dims.iter().rev()).all(|(a, b)| b.value().is_none() || a == b);
        if fits && known {
            let what = format!("the default of `{}`", data.name.name);
            return lower.check_constant(&value, &ty.constraint, default.span, &what);
        }
        let (wanted, found) = (describe(elem, &ty.dims), describe(value_elem, &found));
        Err(lower.report(
            Diagnostic::error(
                Code("E0315"),
                format!("`{}` is {wanted}, its default is {found}", data.name.name),
            )
            .at(default.span, format!("this is {found}"))
            .at(data.ty.span, "declared here"),
        ))
    }

    /// Elaborates a file-level value.
    pub fn check_value(&mut self, value: &ast::Expr) -> Lowered<()> {
        let mut lower = Lower::new(self, Mode::Pure);
        let result = lower.expr(value);
        lower.unit.axes = lower.b.axes.clone();
        result.map(|_| ())
    }

    /// Elaborates a net as a function.
    pub fn check_net(&mut self, net: &ast::FnDecl) -> Lowered<()> {
        // Sizes that the types leave open are not those of any use.
        let parameters = self.parameters.clone();
        let checked = self.check_body(net, vec![Owner::new(net.name.name.clone(), true, net.name.span)]);
        self.parameters = parameters;
        checked
    }

    /// Elaborates a function on arguments of its declared types, of any size.
    pub fn check_function(&mut self, f: &ast::FnDecl) -> Lowered<()> {
        self.check_body(f, Vec::new())
    }

    fn check_body(&mut self, f: &ast::FnDecl, owners: Vec<Owner>) -> Lowered<()> {
        let mut lower = Lower::new(self, Mode::Pure);
        lower.owners = owners;
        let mut generic = Some(HashMap::new());
        for param in &f.params {
            let Some(ty) = &param.ty else { continue };
            let super::types::Declaration::Array(ty) = lower.declaration(ty, &mut generic)? else {
                return Ok(());
            };
            let dims = lower.axes_for(&ty.dims, &param.name.name);
            let input = Input { kind: InputKind::Formal, name: param.name.name.clone(), dims: dims.clone() };
            let var = lower.b.input(ty.constraint.elem(), input);
            if ty.constraint.elem() == Elem::Int && dims.is_empty() {
                // It may be a size, as in `zeros(n)`.
                lower.ints.insert(var, Dim::named(param.name.name.clone()));
            }
            lower.define(&param.name.name, Value::Array(Array { var, dims }));
        }
        for (name, dim) in generic.into_iter().flatten() {
            if lower.lookup(&name).is_none() {
                let var = lower.known_int(dim);
                let value = lower.scalar(var);
                lower.define(&name, value);
            }
        }
        let value = lower.expr(&f.body)?;
        lower.accept_result(value, f, &mut HashMap::new())?;
        lower.unit.axes = lower.b.axes.clone();
        Ok(())
    }
}

/// A number, a truth value, or an array of such.
fn is_literal(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Array(elements) => elements.iter().all(is_literal),
        ast::ExprKind::Bool(_) => true,
        _ => literal(expr).is_some(),
    }
}
