//! State that an objective itself carries from step to step.

use super::StateSpec;
use crate::ir::{Const, InputKind, Let, Op, Program, Stmt};

/// What the names of observations begin with.
const OBSERVED: &str = "state.";

/// The weight of the past.
const DECAY: f64 = 0.9;

/// The moving averages of an objective program: its results `state.<name>`.
pub fn of(program: &Program) -> impl Iterator<Item = StateSpec> + '_ {
    program.results.iter().filter_map(|result| {
        let name = result.name.strip_prefix(OBSERVED)?;
        Some(StateSpec { name: name.into(), decay: DECAY, dims: result.dims.clone(), observed_before: true })
    })
}

/// The program with a scalar state as a constant.
pub fn fixed(mut program: Program, name: &str, value: f64) -> Program {
    for stmt in &mut program.body {
        if let Stmt::Let(Let { op, .. }) = stmt
            && matches!(op, Op::Input(input) if input.kind == InputKind::State && input.name == name)
        {
            *op = Op::Const(Const::Real(value));
        }
    }
    program.results.retain(|result| result.name.strip_prefix(OBSERVED) != Some(name));
    program
}
