//! Declarations checked for themselves, whether or not a fit uses them.

use super::unit::Unit;
use super::value::Value;
use super::{Lower, Lowered, Mode};
use std::collections::HashMap;
use vary_core::ir::{Array, Input, InputKind};
use vary_syntax::ast;

impl Unit {
    /// Elaborates a distribution.
    pub fn check_distribution(&mut self, name: &str) -> Lowered<()> {
        self.distribution(name).map(|_| ())
    }

    /// Elaborates a file-level value.
    pub fn check_value(&mut self, value: &ast::Expr) -> Lowered<()> {
        let mut lower = Lower::new(self, Mode::Pure);
        let result = lower.expr(value);
        lower.unit.axes = lower.b.axes.clone();
        result.map(|_| ())
    }

    /// Elaborates a function on arguments of its declared types, of any size.
    pub fn check_function(&mut self, f: &ast::FnDecl) -> Lowered<()> {
        let mut lower = Lower::new(self, Mode::Pure);
        let mut generic = Some(HashMap::new());
        for param in &f.params {
            let Some(ty) = &param.ty else { continue };
            let super::types::Declaration::Array(ty) = lower.declaration(ty, &mut generic)? else {
                return Ok(());
            };
            let dims = lower.axes_for(&ty.dims, &param.name.name);
            let input = Input { kind: InputKind::Formal, name: param.name.name.clone(), dims: dims.clone() };
            let var = lower.b.input(ty.constraint.elem(), input);
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
        if let Some(ty) = &f.result {
            lower.accept(value, ty, f.body.span, &mut HashMap::new())?;
        }
        lower.unit.axes = lower.b.axes.clone();
        Ok(())
    }
}
