//! Operands of operations, and walks over statements.

use crate::axis::{Axis, AxisSet};
use crate::ir::{Let, Op, Program, Stmt, Var};

impl Program {
    /// The operation that binds each variable, if it is a `Let`.
    pub fn definitions(&self) -> Vec<Option<&Op>> {
        fn walk<'p>(stmts: &'p [Stmt], found: &mut Vec<Option<&'p Op>>) {
            for stmt in stmts {
                match stmt {
                    Stmt::Let(binding) => found[binding.var.0 as usize] = Some(&binding.op),
                    Stmt::Scan(scan) => walk(&scan.body, found),
                    Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
                }
            }
        }
        let mut found = vec![None; self.vars.len()];
        walk(&self.body, &mut found);
        found
    }
}

impl Op {
    /// The same operation on other operands, visited in order.
    pub fn map(&self, f: &mut dyn FnMut(Var) -> Var) -> Op {
        let mut all = |vars: &[Var]| vars.iter().map(|var| f(*var)).collect::<Vec<Var>>();
        match self {
            Op::Const(_) | Op::Input(_) | Op::Iota(_) => self.clone(),
            Op::Prim(prim, args) => Op::Prim(*prim, all(args)),
            Op::Reduce(monoid, axis, x) => Op::Reduce(*monoid, *axis, f(*x)),
            Op::Rename(pairs, x) => Op::Rename(pairs.clone(), f(*x)),
            Op::Gather { x, axis, index } => Op::Gather { x: f(*x), axis: *axis, index: f(*index) },
            Op::Scatter { x, axis, index, over } => {
                Op::Scatter { x: f(*x), axis: *axis, index: f(*index), over: over.clone() }
            }
            Op::CumSum { x, axis, reverse, exclusive } => {
                Op::CumSum { x: f(*x), axis: *axis, reverse: *reverse, exclusive: *exclusive }
            }
            Op::Stack { axis, parts } => Op::Stack { axis: *axis, parts: all(parts) },
            Op::Concat { axis, parts } => Op::Concat {
                axis: *axis,
                parts: parts.iter().map(|(along, part)| (*along, f(*part))).collect(),
            },
            Op::Cholesky { x, row, col } => Op::Cholesky { x: f(*x), row: *row, col: *col },
            Op::TriSolve { l, row, col, b, transposed } => {
                Op::TriSolve { l: f(*l), row: *row, col: *col, b: f(*b), transposed: *transposed }
            }
            Op::Draw(draw) => {
                let mut draw = draw.clone();
                draw.args = all(&draw.args);
                Op::Draw(draw)
            }
            Op::Detach(x) => Op::Detach(f(*x)),
            Op::Tangent(x) => Op::Tangent(f(*x)),
        }
    }

    /// The same operation along other axes.
    pub fn map_axes(&self, f: &dyn Fn(Axis) -> Axis) -> Op {
        let set = |axes: &AxisSet| axes.iter().map(f).collect();
        let mut op = self.clone();
        match &mut op {
            Op::Const(_) | Op::Prim(..) | Op::Detach(_) | Op::Tangent(_) => {}
            Op::Input(input) => input.dims.iter_mut().for_each(|axis| *axis = f(*axis)),
            Op::Iota(axis)
            | Op::Reduce(_, axis, _)
            | Op::Gather { axis, .. }
            | Op::CumSum { axis, .. }
            | Op::Stack { axis, .. } => *axis = f(*axis),
            Op::Rename(pairs, _) => pairs.iter_mut().for_each(|(from, to)| (*from, *to) = (f(*from), f(*to))),
            Op::Scatter { axis, over, .. } => (*axis, *over) = (f(*axis), set(over)),
            Op::Concat { axis, parts } => {
                *axis = f(*axis);
                parts.iter_mut().for_each(|(along, _)| *along = f(*along));
            }
            Op::Cholesky { row, col, .. } | Op::TriSolve { row, col, .. } => {
                (*row, *col) = (f(*row), f(*col))
            }
            Op::Draw(draw) => draw.key = set(&draw.key),
        }
        op
    }

    /// The operands in order.
    pub fn operands(&self) -> Vec<Var> {
        let mut operands = Vec::new();
        self.map(&mut |var| {
            operands.push(var);
            var
        });
        operands
    }
}

impl Let {
    /// Everything it refers to: operands and guard.
    pub fn uses(&self) -> impl Iterator<Item = Var> {
        self.op.operands().into_iter().chain(self.guard)
    }
}

/// Calls `f` on every variable bound in the statements, also inside scans.
pub fn bound(stmts: &[Stmt], f: &mut dyn FnMut(Var)) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(stmt) => f(stmt.var),
            Stmt::Scan(scan) => {
                scan.carries.iter().for_each(|carry| f(carry.var));
                bound(&scan.body, f);
            }
            Stmt::Sample(sample) => f(sample.var),
            Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}
