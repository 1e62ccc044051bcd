//! Splits a program with tangents into a primal and a linear part.
//!
//! * Before: a program after `jvp`.
//! * After: the same statements in another order: first those that do not depend on a tangent
//!   input, then those that do. The second part is linear in the tangent inputs; its
//!   coefficients are variables of the first, so both share one space of variables. A scan with
//!   both is cut in two: the linear scan reads what the primal one computed at the same index.
//! * Assumes: the program is linear in its tangent inputs, as one `jvp` leaves it. (After two it is bilinear:
//!   for second derivatives differentiate a gradient.)
//! * Guarantees: inside a linear scan stands only what links its linear carries, so that every
//!   variable there has the scan's axis; and linear statements have no guards. `transpose` builds on
//!   both.

use super::flow;
use crate::check::{Level, debug_check};
use crate::ir::{Input, InputKind, Op, Output, Program, Stmt};

/// A program whose statements from `split` on are linear in the tangent inputs.
#[derive(Debug, Clone)]
pub struct Linearized {
    /// Primal statements, then linear ones; results of both.
    pub program: Program,
    /// Where the linear ones begin.
    pub split: usize,
}

impl Linearized {
    /// The statements without tangents.
    pub fn primal(&self) -> &[Stmt] {
        &self.program.body[..self.split]
    }

    /// The statements linear in the tangent inputs, these included.
    pub fn linear(&self) -> &[Stmt] {
        &self.program.body[self.split..]
    }

    /// For each variable whether it depends on a tangent input.
    pub fn is_linear(&self) -> Vec<bool> {
        flow::dependents(&self.program, &|stmt| is_tangent_input(&stmt.op))
    }
}

/// Whether this is one of the linear inputs.
pub fn is_tangent_input(op: &Op) -> bool {
    matches!(op, Op::Input(Input { kind: InputKind::Tangent, .. }))
}

/// Whether this is a result that `jvp` added: `tangent.…`, or `tangent'.…` in second derivatives.
pub fn is_tangent_result(result: &Output) -> bool {
    result.name.split('.').next().is_some_and(|first| first.trim_end_matches('\'') == "tangent")
}

/// The split program.
pub fn linearize(program: &Program) -> Linearized {
    let linear = flow::dependents(program, &|stmt| is_tangent_input(&stmt.op));
    let (mut body, mut second) = flow::partition(program.body.clone(), &|var| linear[var.0 as usize]);
    drop_guards(&mut second);
    let second = flow::isolate(second);
    let split = body.len();
    body.extend(second);
    let program = Program {
        axes: program.axes.clone(),
        vars: program.vars.clone(),
        body,
        results: program.results.clone(),
    };
    debug_check("linearize", &program, Level::Linear { split });
    Linearized { program, split }
}

/// Guards keep derivatives of partial functions out; linear maps are total.
fn drop_guards(stmts: &mut [Stmt]) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(stmt) => stmt.guard = None,
            Stmt::Scan(scan) => drop_guards(&mut scan.body),
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}
