//! How values depend on each other, through scans too: what is live, what depends on an input,
//! and how a scan falls into two.

use crate::ir::{Baseline, Carry, Let, Program, Sample, Scan, Stmt, Strategy, Var};
use std::collections::HashSet;

/// Everything each variable is computed from: operands and guard of a `Let`, both sources of a
/// carry, the arguments of a site.
pub fn dependences(program: &Program) -> Vec<Vec<Var>> {
    let mut uses = vec![Vec::new(); program.vars.len()];
    collect(&program.body, &mut uses);
    uses
}

fn collect(stmts: &[Stmt], uses: &mut [Vec<Var>]) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(stmt) => uses[stmt.var.0 as usize] = stmt.uses().collect(),
            Stmt::Scan(scan) => {
                for carry in &scan.carries {
                    uses[carry.var.0 as usize] = vec![carry.init, carry.next];
                }
                collect(&scan.body, uses);
            }
            Stmt::Sample(sample) => uses[sample.var.0 as usize] = site_uses(sample),
            Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}

fn site_uses(sample: &Sample) -> Vec<Var> {
    let mut uses: Vec<Var> = sample.site.args.iter().map(|arg| arg.var).chain(sample.guard).collect();
    if let Some(Strategy::Reinforce(Baseline::Value(value))) = &sample.site.strategy {
        uses.push(*value);
    }
    uses
}

/// What effects refer to: sites, observations, factors and reports are always live.
fn effects(stmts: &[Stmt], roots: &mut Vec<Var>) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(_) => {}
            Stmt::Scan(scan) => effects(&scan.body, roots),
            Stmt::Sample(sample) | Stmt::Observe(sample) => {
                roots.push(sample.var);
                roots.extend(site_uses(sample));
            }
            Stmt::Factor { value, guard, .. } => roots.extend([*value].into_iter().chain(*guard)),
            Stmt::Report(output) => roots.push(output.var),
        }
    }
}

/// Removes the statements and carries that no result and no effect needs.
pub fn prune(program: &mut Program) {
    let mut pending: Vec<Var> = program.results.iter().map(|result| result.var).collect();
    effects(&program.body, &mut pending);
    let uses = dependences(program);
    let mut live = vec![false; program.vars.len()];
    while let Some(var) = pending.pop() {
        if !std::mem::replace(&mut live[var.0 as usize], true) {
            pending.extend(&uses[var.0 as usize]);
        }
    }
    retain(&mut program.body, &|var| live[var.0 as usize]);
}

fn retain(stmts: &mut Vec<Stmt>, live: &dyn Fn(Var) -> bool) {
    stmts.retain_mut(|stmt| match stmt {
        Stmt::Let(stmt) => live(stmt.var),
        Stmt::Scan(scan) => {
            scan.carries.retain(|carry| live(carry.var));
            retain(&mut scan.body, live);
            !(scan.carries.is_empty() && scan.body.is_empty())
        }
        Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => true,
    });
}

/// Which variables depend on a `Let` that `is_source` picks.
pub fn dependents(program: &Program, is_source: &dyn Fn(&Let) -> bool) -> Vec<bool> {
    let mut users = vec![Vec::new(); program.vars.len()];
    for (var, uses) in dependences(program).into_iter().enumerate() {
        for used in uses {
            users[used.0 as usize].push(Var(var as u32));
        }
    }
    let mut pending = Vec::new();
    each_let(&program.body, &mut |stmt| {
        if is_source(stmt) {
            pending.push(stmt.var);
        }
    });
    let mut dependent = vec![false; program.vars.len()];
    while let Some(var) = pending.pop() {
        if !std::mem::replace(&mut dependent[var.0 as usize], true) {
            pending.extend(&users[var.0 as usize]);
        }
    }
    dependent
}

/// Calls `f` on every `Let`, also inside scans.
pub fn each_let(stmts: &[Stmt], f: &mut dyn FnMut(&Let)) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(stmt) => f(stmt),
            Stmt::Scan(scan) => each_let(&scan.body, f),
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}

/// Splits statements into those that bind variables not in `second` and those that bind such in it,
/// cutting scans in two. Nothing of the first may depend on the second; effects go with the second.
pub fn partition(stmts: Vec<Stmt>, second: &dyn Fn(Var) -> bool) -> (Vec<Stmt>, Vec<Stmt>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for stmt in stmts {
        match stmt {
            Stmt::Let(stmt) => {
                if second(stmt.var) {
                    after.push(Stmt::Let(stmt));
                } else {
                    before.push(Stmt::Let(stmt));
                }
            }
            Stmt::Scan(Scan { axis, reverse, carries, body }) => {
                let (late, early): (Vec<_>, Vec<_>) =
                    carries.into_iter().partition(|carry| second(carry.var));
                let (early_body, late_body) = partition(body, second);
                for (side, carries, body) in [(&mut before, early, early_body), (&mut after, late, late_body)]
                {
                    if !(carries.is_empty() && body.is_empty()) {
                        side.push(Stmt::Scan(Scan { axis, reverse, carries, body }));
                    }
                }
            }
            effect => after.push(effect),
        }
    }
    (before, after)
}

/// Moves what does not depend on a scan's carries in front of the scan, where it is done for all
/// steps at once: what is left inside is the recurrence. A statement stays under its guard.
pub fn hoist(stmts: Vec<Stmt>) -> Vec<Stmt> {
    let mut hoisted = Vec::with_capacity(stmts.len());
    for stmt in stmts {
        match stmt {
            Stmt::Scan(Scan { axis, reverse, carries, body }) => {
                let body = hoist(body);
                let stays = recurrent(&carries, &body);
                let (free, body) = partition(body, &|var| stays.contains(&var));
                hoisted.extend(free);
                if !(carries.is_empty() && body.is_empty()) {
                    hoisted.push(Stmt::Scan(Scan { axis, reverse, carries, body }));
                }
            }
            other => hoisted.push(other),
        }
    }
    hoisted
}

/// The carries of a scan and what its body computes from them; sites stay where they are.
fn recurrent(carries: &[Carry], body: &[Stmt]) -> HashSet<Var> {
    let mut stays: HashSet<Var> = carries.iter().map(|carry| carry.var).collect();
    // One round, but for the carries of inner scans.
    loop {
        let before = stays.len();
        pull(body, &mut stays);
        if stays.len() == before {
            return stays;
        }
    }
}

fn pull(stmts: &[Stmt], stays: &mut HashSet<Var>) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(stmt) => {
                if stmt.uses().any(|var| stays.contains(&var)) {
                    stays.insert(stmt.var);
                }
            }
            Stmt::Scan(scan) => {
                for carry in &scan.carries {
                    if stays.contains(&carry.init) || stays.contains(&carry.next) {
                        stays.insert(carry.var);
                    }
                }
                pull(&scan.body, stays);
            }
            Stmt::Sample(sample) => {
                stays.insert(sample.var);
            }
            Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}
