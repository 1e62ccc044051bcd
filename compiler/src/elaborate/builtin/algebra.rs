//! Linear algebra.

use crate::elaborate::value::Value;
use crate::elaborate::{Lower, Lowered};
use vary_core::axis::{Axis, AxisSet};
use vary_core::dim::Dim;
use vary_core::ir::{Array, Monoid, Op, Var};
use vary_core::prim::Prim;
use vary_diagnostic::Span;
use vary_syntax::ast;

impl Lower<'_> {
    pub(super) fn linear_algebra(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Array> {
        match name {
            "dot" => {
                let [a, b] = self.reals::<2>(name, args, span)?;
                if a.dims.len() != 1 || b.dims.len() != 1 {
                    return Err(self.error("E0306", span, "`dot` takes two vectors", "use `@` for matrices"));
                }
                self.matmul(&a, &b, span)
            }
            "transpose" => {
                let [a] = self.arrays::<1>(name, args, span)?;
                match a.dims.as_slice() {
                    [row, col] => Ok(Array { var: a.var, dims: vec![*col, *row] }),
                    _ => Err(self.error("E0306", span, "`transpose` takes a matrix", "not a matrix")),
                }
            }
            "diag" => {
                let [a] = self.reals::<1>(name, args, span)?;
                let [axis] = a.dims.as_slice() else {
                    return Err(self.error(
                        "E0306",
                        span,
                        "`diag` takes a vector",
                        "use `diagonal` for a matrix",
                    ));
                };
                let size = self.b.axes.info(*axis).size.clone();
                let mut taken: AxisSet = self.open_axes().union(self.b.axes_of(a.var));
                taken.insert(*axis);
                let col = self.b.axes.index("entry", Dim::known(0), size, &taken);
                let (i, j) = (self.b.iota(*axis), self.b.iota(col));
                let same = self.b.prim(Prim::Eq, &[i, j]);
                let zero = self.b.real(0.0);
                Ok(Array { var: self.b.select(same, a.var, zero), dims: vec![*axis, col] })
            }
            "solve_lower" | "solve_upper" | "solve" => {
                let [m, v] = self.reals::<2>(name, args, span)?;
                let (row, col) = self.square(&m, args[0].value.span)?;
                if v.dims.is_empty() || self.sizes(&v)[0] != self.b.axes.info(row).size {
                    return Err(self.error(
                        "E0306",
                        args[1].value.span,
                        "the right-hand side does not fit the matrix",
                        "wrong length",
                    ));
                }
                let v = self.clear_of(&v, &[row, col].into_iter().collect());
                let matrix = self.full_matrix(m.var, row, col);
                let (l, transposed) = match name {
                    "solve_lower" => (matrix, false),
                    "solve_upper" => {
                        // An upper factor is the transpose of a lower one: swap the roles of its axes.
                        (self.b.rename(&[(row, col), (col, row)], matrix), true)
                    }
                    _ => (self.emit(Op::Cholesky { x: matrix, row, col }), false),
                };
                let mut dims = v.dims.clone();
                let first = dims[0];
                let from = if transposed { col } else { row };
                let rhs = self.b.rename(&[(first, from)], v.var);
                let rhs = self.b.spread(rhs, from);
                let mut x = self.emit(Op::TriSolve { l, row, col, b: rhs, transposed });
                let mut at = if transposed { row } else { col };
                if name == "solve" {
                    x = self.emit(Op::TriSolve { l, row, col, b: x, transposed: true });
                    at = row;
                }
                dims[0] = at;
                Ok(Array { var: x, dims })
            }
            _ => {
                let [m] = self.reals::<1>(name, args, span)?;
                let (row, col) = self.square(&m, args[0].value.span)?;
                let matrix = self.full_matrix(m.var, row, col);
                if name == "diagonal" {
                    let var = self.b.rename(&[(col, row)], matrix);
                    return Ok(Array { var, dims: vec![row] });
                }
                let factor = self.emit(Op::Cholesky { x: matrix, row, col });
                if name == "cholesky" {
                    return Ok(Array { var: factor, dims: vec![row, col] });
                }
                let diagonal = self.b.rename(&[(col, row)], factor);
                let logs = self.b.log(diagonal);
                let half = self.b.reduce(Monoid::Sum, row, logs);
                let two = self.b.real(2.0);
                Ok(Array { var: self.b.mul(two, half), dims: Vec::new() })
            }
        }
    }

    pub(in crate::elaborate) fn full_matrix(&mut self, var: Var, row: Axis, col: Axis) -> Var {
        let var = self.b.spread(var, row);
        self.b.spread(var, col)
    }

    fn square(&mut self, m: &Array, span: Span) -> Lowered<(Axis, Axis)> {
        let sizes = self.sizes(m);
        match m.dims.as_slice() {
            [row, col] if sizes[0] == sizes[1] => Ok((*row, *col)),
            _ => {
                let found = self.describe(&Value::Array(m.clone()));
                Err(self.error("E0306", span, "a square matrix is needed", &format!("this is {found}")))
            }
        }
    }
}
