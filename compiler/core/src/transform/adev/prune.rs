//! Drops what no result needs, sites included.
//!
//! Passes leave whole copies behind of which only some values are used, and a draw or a recurrence
//! that nobody reads is still paid for. In an objective program a site has no effect but its value.

use crate::ir::{Program, Stmt, Var};
use crate::transform::flow::dependences;

/// The program without statements and carries that no result depends on.
pub fn prune(mut program: Program) -> Program {
    let uses = dependences(&program);
    let mut live = vec![false; program.vars.len()];
    let mut open: Vec<Var> = program.results.iter().map(|result| result.var).collect();
    while let Some(var) = open.pop() {
        if !std::mem::replace(&mut live[var.0 as usize], true) {
            open.extend(&uses[var.0 as usize]);
        }
    }
    program.body = sweep(program.body, &live);
    program
}

fn sweep(stmts: Vec<Stmt>, live: &[bool]) -> Vec<Stmt> {
    let is = |var: Var| live[var.0 as usize];
    let mut kept = Vec::with_capacity(stmts.len());
    for stmt in stmts {
        match stmt {
            Stmt::Let(ref binding) if !is(binding.var) => {}
            Stmt::Sample(ref sample) if !is(sample.var) => {}
            Stmt::Scan(mut scan) => {
                scan.carries.retain(|carry| is(carry.var));
                scan.body = sweep(scan.body, live);
                // Without carries every step stands alone: the statements mean the same outside.
                if scan.carries.is_empty() { kept.extend(scan.body) } else { kept.push(Stmt::Scan(scan)) }
            }
            other => kept.push(other),
        }
    }
    kept
}
