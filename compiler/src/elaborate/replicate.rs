//! `replicate(n) { … }`: independent copies of a block, and what controls their score terms.
//!
//! With `control = f`, the rigid sites of copy i have f of the results of the *other* copies as baseline (Mnih and
//! Rezende 2016, §3). f is applied outside the block, where no name of copy i is in scope, to results gathered from the
//! other copies and detached: so it cannot depend on what copy i draws, and the score terms keep their means.

use super::value::Value;
use super::{Lower, Lowered, Mode, OpenKind, Reported};
use vary_core::axis::{Axis, Role};
use vary_core::dim::Dim;
use vary_core::ir::{Array, Elem, Output, Var};
use vary_core::prim::Prim;
use vary_core::transform::adev::estimator::control_name;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Block};

impl Lower<'_> {
    /// `replicate(n, control = f) { … }`: independent copies as an array.
    pub(super) fn replicate(&mut self, args: &[ast::Arg], block: &Block, span: Span) -> Lowered<Value> {
        let (n, control) = match args {
            [n] if n.name.is_none() => (n, None),
            [n, f] if n.name.is_none() && f.name.as_ref().is_some_and(|name| name.name == "control") => {
                (n, Some(&f.value))
            }
            _ => {
                return Err(self.error(
                    "E0314",
                    span,
                    "`replicate` takes the number of copies, and may take a control",
                    "write `replicate(5) { … }` or `replicate(5, control = |others| mean(others)) { … }`",
                ));
            }
        };
        if !matches!(self.mode, Mode::Objective(_)) {
            return Err(self.error("E0601", span, "`replicate` stands outside `expect`", "here"));
        }
        // A copy without others has no control.
        let least = if control.is_some() { 2 } else { 1 };
        let size = self.size(&n.value, &mut None, least)?;
        let axis = self.b.axes.fresh("copy", Dim::known(0), size.clone(), Role::Copy);
        let value = self.with_open(axis, "", OpenKind::Copy, |this| this.block(block))?;
        if let Some(control) = control {
            self.control(control, &value, axis, &size)?;
        }
        self.stacked(value, axis, span)
    }

    /// Keeps f of the other copies' results for the score terms of each copy.
    fn control(&mut self, f: &ast::Expr, value: &Value, axis: Axis, size: &Dim) -> Lowered<()> {
        let f_value = self.expr(f)?;
        let Value::Lambda(closure) = f_value else {
            return Err(self.report(
                Diagnostic::error(Code("E0315"), "`control` is a function of the other copies' results")
                    .at(f.span, format!("this is {}", f_value.kind()))
                    .help("write `control = |others| mean(others)`"),
            ));
        };
        let others = self.others(value, axis, size)?;
        let found =
            self.with_open(axis, "", OpenKind::Copy, |this| this.apply(&closure, vec![others], f.span))?;
        let array = match found {
            Value::Array(array) if array.dims.is_empty() && self.elem(&array) != Elem::Bool => array,
            Value::Error => return Err(Reported),
            other => {
                let found = self.describe(&other);
                return Err(self.error("E0602", f.span, "a control is a real", &format!("this is {found}")));
            }
        };
        self.refuse_estimated(&array, f.span)?;
        let var = self.reals_of(&array).var;
        let place = self.b.at(f.span);
        let var = self.b.detach(var);
        self.b.at(place);
        let rest = self.b.axes_of(var).iter().filter(|other| *other != axis);
        let dims = std::iter::once(axis).chain(rest).collect();
        self.beside.push(Output { name: control_name(self.beside.len()), var, dims });
        Ok(())
    }

    /// The results of the other copies as an array, for each copy.
    fn others(&mut self, value: &Value, axis: Axis, size: &Dim) -> Lowered<Value> {
        Ok(match value {
            Value::Array(array) => {
                let mut taken = self.open_axes().union(self.b.axes_of(array.var));
                taken.insert(axis);
                let rest = size.minus(&Dim::known(1));
                let other = self.b.axes.index("other", Dim::known(0), rest, &taken);
                let var = self.of_others(array.var, axis, other);
                let mut dims = vec![other];
                dims.extend(&array.dims);
                Value::Array(Array { var, dims })
            }
            Value::Tuple(parts) => {
                let parts: Lowered<Vec<Value>> = parts.iter().map(|p| self.others(p, axis, size)).collect();
                Value::Tuple(parts?)
            }
            Value::Trace(fields) => {
                let mut others = Vec::new();
                for field in fields {
                    let Value::Array(value) = self.others(&Value::Array(field.value.clone()), axis, size)?
                    else {
                        return Err(Reported);
                    };
                    others.push(vary_core::generative::TraceField { value, ..field.clone() });
                }
                Value::Trace(others)
            }
            // What cannot be stacked is reported there.
            _ => return Err(Reported),
        })
    }

    /// x of copy j for j ≠ i along `other`, in order, for every copy i.
    fn of_others(&mut self, x: Var, axis: Axis, other: Axis) -> Var {
        let (copy, position, one) = (self.b.iota(axis), self.b.iota(other), self.b.int(1));
        let before = self.b.prim(Prim::Lt, &[position, copy]);
        let after = self.b.prim(Prim::Add, &[position, one]);
        let index = self.b.select(before, position, after);
        let x = if self.b.info(x).ty.elem == Elem::Real { self.b.detach(x) } else { x };
        if self.b.axes_of(x).contains(axis) { self.b.gather(x, axis, index) } else { x }
    }

    /// A value of every copy as one value with a leading dimension.
    fn stacked(&mut self, value: Value, axis: vary_core::axis::Axis, span: Span) -> Lowered<Value> {
        match value {
            Value::Array(array) => {
                let mut dims = vec![axis];
                dims.extend(array.dims);
                Ok(Value::Array(Array { var: array.var, dims }))
            }
            Value::Tuple(parts) => {
                let parts: Lowered<Vec<Value>> =
                    parts.into_iter().map(|p| self.stacked(p, axis, span)).collect();
                Ok(Value::Tuple(parts?))
            }
            Value::Trace(fields) => Ok(Value::Trace(
                fields
                    .into_iter()
                    .map(|mut field| {
                        field.value.dims.insert(0, axis);
                        field
                    })
                    .collect(),
            )),
            Value::Error => Err(Reported),
            other => {
                Err(self.error("E0602", span, format!("`replicate` cannot stack {}", other.kind()), "here"))
            }
        }
    }
}
