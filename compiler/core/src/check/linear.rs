//! Linearity: which statements are linear in the tangent inputs.

use super::{CheckError, Problem, show};
use crate::ir::{Const, Let, Monoid, Op, Program, Stmt, Var};
use crate::prim::Prim;
use crate::transform::flow;
use crate::transform::linearize::is_tangent_input;
use std::collections::HashSet;

/// Whether the statements from `split` on, and no others, are linear.
pub(super) fn check(program: &Program, split: usize) -> Result<(), CheckError> {
    let dependent = flow::dependents(program, &|stmt| is_tangent_input(&stmt.op));
    let mut zeros = HashSet::new();
    flow::each_let(&program.body, &mut |stmt| {
        let zero = match &stmt.op {
            Op::Const(Const::Real(value)) => *value == 0.0,
            // Zero along an axis, as `Builder::spread` writes it.
            Op::Prim(Prim::Select, args) => args[1..].iter().all(|arg| zeros.contains(arg)),
            _ => false,
        };
        if zero {
            zeros.insert(stmt.var);
        }
    });
    let judge = Linear { program, dependent, zeros };
    let (primal, linear) = program.body.split_at(split);
    judge.primal(primal)?;
    judge.linear(linear)
}

struct Linear<'a> {
    program: &'a Program,
    dependent: Vec<bool>,
    zeros: HashSet<Var>,
}

impl Linear<'_> {
    fn is(&self, var: Var) -> bool {
        self.dependent[var.0 as usize]
    }

    fn require(&self, holds: bool, var: Var) -> Result<(), CheckError> {
        if holds {
            Ok(())
        } else {
            Err(CheckError { at: show(self.program, var), problem: Problem::NotLinear })
        }
    }

    fn primal(&self, stmts: &[Stmt]) -> Result<(), CheckError> {
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) => self.require(!self.is(stmt.var), stmt.var)?,
                Stmt::Scan(scan) => {
                    for carry in &scan.carries {
                        self.require(!self.is(carry.var), carry.var)?;
                    }
                    self.primal(&scan.body)?;
                }
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
        Ok(())
    }

    fn linear(&self, stmts: &[Stmt]) -> Result<(), CheckError> {
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) => self.require(self.is_linear(stmt), stmt.var)?,
                Stmt::Scan(scan) => {
                    for carry in &scan.carries {
                        let linear = self.is(carry.var) && self.adds(carry.init) && self.adds(carry.next);
                        self.require(linear, carry.var)?;
                    }
                    self.linear(&scan.body)?;
                }
                Stmt::Sample(sample) | Stmt::Observe(sample) => self.require(false, sample.var)?,
                Stmt::Factor { value, .. } => self.require(false, *value)?,
                Stmt::Report(report) => self.require(false, report.output.var)?,
            }
        }
        Ok(())
    }

    /// Linear itself, or zero.
    fn adds(&self, var: Var) -> bool {
        self.is(var) || self.zeros.contains(&var)
    }

    fn is_linear(&self, stmt: &Let) -> bool {
        match &stmt.op {
            op if is_tangent_input(op) => true,
            op if !op.operands().iter().any(|operand| self.is(*operand)) => false,
            Op::Prim(Prim::Neg, _) => true,
            Op::Prim(Prim::Add | Prim::Sub, args) => args.iter().all(|arg| self.adds(*arg)),
            Op::Prim(Prim::Mul, args) => !(self.is(args[0]) && self.is(args[1])),
            Op::Prim(Prim::Div, args) => !self.is(args[1]),
            Op::Prim(Prim::Select, args) => self.adds(args[1]) && self.adds(args[2]),
            Op::Reduce(Monoid::Sum, ..) | Op::Rename(..) | Op::CumSum { .. } => true,
            Op::Gather { index, .. } | Op::Scatter { index, .. } => !self.is(*index),
            Op::Stack { parts, .. } => parts.iter().all(|part| self.adds(*part)),
            Op::Concat { parts, .. } => parts.iter().all(|(_, part)| self.adds(*part)),
            Op::TriSolve { l, .. } => !self.is(*l),
            Op::Const(_)
            | Op::Input(_)
            | Op::Iota(_)
            | Op::Prim(..)
            | Op::Reduce(..)
            | Op::Cholesky { .. }
            | Op::Draw(_)
            | Op::Detach(_)
            | Op::Tangent(_) => false,
        }
    }
}
