//! State that an objective itself carries from step to step.

use super::{Average, LOG_MOMENT, StateSpec};
use crate::ir::{Const, InputKind, Let, Op, Program, Stmt};

/// The weight of the past.
const DECAY: f64 = 0.9;

/// The centre of the log moment, where an objective has one.
pub fn of(program: &Program) -> impl Iterator<Item = StateSpec> + '_ {
    program.body.iter().filter(|stmt| is_state(stmt, LOG_MOMENT)).map(|_| StateSpec {
        name: LOG_MOMENT.into(),
        decay: DECAY,
        dims: Vec::new(),
        average: Average::LogMeanExp,
    })
}

fn is_state(stmt: &Stmt, name: &str) -> bool {
    matches!(stmt, Stmt::Let(Let { op: Op::Input(input), .. }) if input.kind == InputKind::State && input.name == name)
}

/// Whether a program reads a state.
pub fn is_read(program: &Program, name: &str) -> bool {
    program.body.iter().any(|stmt| is_state(stmt, name))
}

/// The program with a scalar state as a constant.
pub fn fixed(mut program: Program, name: &str, value: f64) -> Program {
    for stmt in program.body.iter_mut().filter(|stmt| is_state(stmt, name)) {
        if let Stmt::Let(Let { op, .. }) = stmt {
            *op = Op::Const(Const::Real(value));
        }
    }
    program
}
