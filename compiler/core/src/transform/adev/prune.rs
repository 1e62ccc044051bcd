//! Drops what no result needs.
//!
//! Passes leave whole copies behind of which only some values are used, and a draw or an
//! accumulation that nobody reads is still paid for.

use crate::ir::{Program, Scan, Stmt, Var};
use crate::transform::dependence::operands;

/// The program without statements and carries that no result depends on.
pub fn prune(mut program: Program) -> Program {
    let mut live = vec![false; program.vars.len()];
    for result in &program.results {
        live[result.var.0 as usize] = true;
    }
    mark(&program.body, &mut live);
    program.body = sweep(program.body, &live);
    program
}

/// Marks what the statements need, from the last to the first; whether anything was new.
fn mark(stmts: &[Stmt], live: &mut [bool]) -> bool {
    let mut changed = false;
    let mut need = |var: Var, live: &mut [bool]| {
        changed |= !live[var.0 as usize];
        live[var.0 as usize] = true;
    };
    for stmt in stmts.iter().rev() {
        match stmt {
            Stmt::Let(binding) => {
                if live[binding.var.0 as usize] {
                    operands(&binding.op).into_iter().chain(binding.guard).for_each(|var| need(var, live));
                }
            }
            Stmt::Sample(sample) | Stmt::Observe(sample) => {
                if live[sample.var.0 as usize] || matches!(stmt, Stmt::Observe(_)) {
                    let args = sample.site.args.iter().map(|arg| arg.var);
                    let baseline = match &sample.site.strategy {
                        Some(crate::ir::Strategy::Reinforce(crate::ir::Baseline::Value(var))) => Some(*var),
                        _ => None,
                    };
                    args.chain(sample.guard).chain(baseline).for_each(|var| need(var, live));
                }
            }
            Stmt::Scan(scan) => loop {
                let mut again = mark(&scan.body, live);
                for carry in &scan.carries {
                    if live[carry.var.0 as usize] {
                        for var in [carry.init, carry.next] {
                            again |= !live[var.0 as usize];
                            need(var, live);
                        }
                    }
                }
                if !again {
                    break;
                }
            },
            Stmt::Factor { value, guard, .. } => {
                [*value].into_iter().chain(*guard).for_each(|v| need(v, live))
            }
            Stmt::Report(output) => need(output.var, live),
        }
    }
    changed
}

fn sweep(stmts: Vec<Stmt>, live: &[bool]) -> Vec<Stmt> {
    let is = |var: Var| live[var.0 as usize];
    let mut kept = Vec::with_capacity(stmts.len());
    for stmt in stmts {
        match stmt {
            Stmt::Let(ref binding) if !is(binding.var) => {}
            Stmt::Sample(ref sample) if !is(sample.var) => {}
            Stmt::Scan(scan) => {
                let carries: Vec<_> = scan.carries.into_iter().filter(|carry| is(carry.var)).collect();
                let body = sweep(scan.body, live);
                if carries.is_empty() {
                    kept.extend(body);
                } else {
                    kept.push(Stmt::Scan(Scan { carries, body, ..scan }));
                }
            }
            other => kept.push(other),
        }
    }
    kept
}
