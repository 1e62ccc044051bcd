//! Functions along dimensions: sums, means, log-sum-exp, softmax.

use crate::elaborate::value::Value;
use crate::elaborate::{Lower, Lowered};
use vary_core::axis::Axis;
use vary_core::ir::{Array, Elem, Monoid, Op, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

impl Lower<'_> {
    /// Folds all dimensions, or those named by `dim = k`.
    pub(super) fn reduction(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Array> {
        let [a] = self.arrays::<1>(name, args, span)?;
        let mut dims = a.dims.clone();
        let mut over: Vec<Axis> = dims.clone();
        if let Some(dim) = args.iter().find(|arg| arg.name.as_ref().is_some_and(|n| n.name == "dim")) {
            let at = self.scalar_int(&dim.value)?;
            match self.as_dim(at).and_then(|d| d.value()) {
                Some(k) if (0..dims.len() as i64).contains(&k) => over = vec![dims.remove(k as usize)],
                _ => {
                    let message = format!("the array has {} dimensions", dims.len());
                    return Err(self.error("E0307", dim.value.span, message, "no such dimension"));
                }
            }
        } else {
            dims.clear();
        }
        if over.is_empty() {
            let found = self.describe(&Value::Array(a));
            return Err(self.report(
                Diagnostic::error(Code("E0320"), format!("`{name}` needs an array"))
                    .at(span, format!("this is {found}"))
                    .note("inside a plate a name with its index is one row's value; fold it after the plate"),
            ));
        }
        let conditions = matches!(name, "any" | "all");
        if (self.elem(&a) == Elem::Bool) != conditions && !(name == "sum" && self.elem(&a) == Elem::Bool) {
            return Err(self.error(
                "E0305",
                span,
                format!("`{name}` does not take this"),
                "wrong element type",
            ));
        }
        let int = self.elem(&a) == Elem::Int;
        let x = match name {
            "sum" if self.elem(&a) == Elem::Bool => self.b.prim(Prim::ToInt, &[a.var]),
            "any" | "all" => a.var,
            "sum" | "min" | "max" if int => a.var,
            _ => self.b.to_real(a.var),
        };
        let fold =
            |this: &mut Self, monoid, x| over.iter().fold(x, |x, axis| this.b.reduce(monoid, *axis, x));
        let var = match name {
            "sum" => fold(self, Monoid::Sum, x),
            "min" | "all" => fold(self, Monoid::Min, x),
            "max" | "any" => fold(self, Monoid::Max, x),
            "mean" => self.mean(x, &over),
            "var" | "sd" => {
                let mean = self.mean(x, &over);
                let centred = self.b.sub(x, mean);
                let square = self.b.mul(centred, centred);
                let total = fold(self, Monoid::Sum, square);
                let (count, one) = (self.count(&over), self.b.real(1.0));
                let free = self.b.sub(count, one);
                let variance = self.b.div(total, free);
                if name == "sd" { self.b.prim(Prim::Sqrt, &[variance]) } else { variance }
            }
            _ => {
                let sum = self.log_sum_exp(x, &over);
                if name == "log_mean_exp" {
                    let count = self.count(&over);
                    let log_count = self.b.log(count);
                    self.b.sub(sum, log_count)
                } else {
                    sum
                }
            }
        };
        Ok(Array { var, dims })
    }

    /// `log Σ exp` over axes, counted also where the value is constant along them.
    fn log_sum_exp(&mut self, x: Var, over: &[Axis]) -> Var {
        over.iter().fold(x, |x, axis| {
            if self.b.axes_of(x).contains(*axis) {
                return self.b.log_sum_exp(*axis, x);
            }
            let size = self.b.size(*axis);
            let size = self.b.to_real(size);
            let log_size = self.b.log(size);
            self.b.add(x, log_size)
        })
    }

    fn count(&mut self, over: &[Axis]) -> Var {
        let one = self.b.real(1.0);
        over.iter().fold(one, |count, axis| {
            let size = self.b.size(*axis);
            let size = self.b.to_real(size);
            self.b.mul(count, size)
        })
    }

    fn mean(&mut self, x: Var, over: &[Axis]) -> Var {
        let total = over.iter().fold(x, |x, axis| self.b.reduce(Monoid::Sum, *axis, x));
        let count = self.count(over);
        self.b.div(total, count)
    }

    pub(super) fn along_last(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Array> {
        let [a] = self.arrays::<1>(name, args, span)?;
        let Some(axis) = a.dims.last().copied() else {
            return Err(self.error("E0320", span, format!("`{name}` needs an array"), "this is a scalar"));
        };
        let x = if self.elem(&a) == Elem::Int { a.var } else { self.b.to_real(a.var) };
        let x = self.b.spread(x, axis);
        let var = match name {
            "cumsum" => self.emit(Op::CumSum { x, axis, reverse: false, exclusive: false }),
            _ => {
                let x = self.b.to_real(x);
                let total = self.b.log_sum_exp(axis, x);
                let log = self.b.sub(x, total);
                if name == "softmax" { self.b.exp(log) } else { log }
            }
        };
        Ok(Array { var, dims: a.dims })
    }
}
