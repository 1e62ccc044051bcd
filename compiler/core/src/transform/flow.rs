//! How values depend on each other, through scans too: what is live, what depends on an input,
//! and how a scan falls into two.

use crate::ir::{Carry, Let, Program, Sample, Scan, Stmt, Strategy, Var};
use std::collections::{HashMap, HashSet};

/// Everything each variable is computed from: operands and guard of a `Let`, both sources of a
/// carry, the arguments of a site.
pub fn dependences(program: &Program) -> Vec<Vec<Var>> {
    let mut uses = vec![Vec::new(); program.vars.len()];
    collect(&program.body, &mut |var, sources| uses[var.0 as usize] = sources);
    uses
}

fn collect(stmts: &[Stmt], put: &mut dyn FnMut(Var, Vec<Var>)) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(stmt) => put(stmt.var, stmt.uses().collect()),
            Stmt::Scan(scan) => {
                for carry in &scan.carries {
                    put(carry.var, vec![carry.init, carry.next]);
                }
                collect(&scan.body, put);
            }
            Stmt::Sample(sample) => put(sample.var, site_uses(sample)),
            Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}

fn site_uses(sample: &Sample) -> Vec<Var> {
    let mut uses: Vec<Var> = sample.site.args.iter().map(|arg| arg.var).chain(sample.guard).collect();
    uses.extend(sample.site.strategy.iter().flat_map(Strategy::values));
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
            Stmt::Report(report) => roots.extend([report.output.var].into_iter().chain(report.guard)),
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
pub fn each_let<'p>(stmts: &'p [Stmt], f: &mut dyn FnMut(&'p Let)) {
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

/// Leaves only recurrences inside scans: what does not depend on a scan's carries moves in front of it,
/// what the carries do not depend on moves behind it, and both are done for all steps at once.
/// A statement stays with its guard. Scans with effects keep what they have behind.
pub fn isolate(stmts: Vec<Stmt>) -> Vec<Stmt> {
    let mut isolated = Vec::with_capacity(stmts.len());
    for stmt in stmts {
        match stmt {
            Stmt::Scan(Scan { axis, reverse, carries, body }) => {
                let body = isolate(body);
                let stays = recurrent(&carries, &body);
                let (free, mut body) = partition(body, &|var| stays.contains(&var));
                let mut behind = Vec::new();
                if !has_effects(&body) {
                    let needed = needed(&carries, &body);
                    (body, behind) = partition(body, &|var| !needed.contains(&var));
                }
                isolated.extend(free);
                if !(carries.is_empty() && body.is_empty()) {
                    isolated.push(Stmt::Scan(Scan { axis, reverse, carries, body }));
                }
                isolated.extend(behind);
            }
            other => isolated.push(other),
        }
    }
    isolated
}

fn has_effects(stmts: &[Stmt]) -> bool {
    stmts.iter().any(|stmt| match stmt {
        Stmt::Let(_) => false,
        Stmt::Scan(scan) => has_effects(&scan.body),
        Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => true,
    })
}

/// What the next values of the carries are computed from.
fn needed(carries: &[Carry], body: &[Stmt]) -> HashSet<Var> {
    let mut uses: HashMap<Var, Vec<Var>> = HashMap::new();
    collect(body, &mut |var, sources| {
        uses.insert(var, sources);
    });
    let mut needed = HashSet::new();
    let mut pending: Vec<Var> = carries.iter().map(|carry| carry.next).collect();
    while let Some(var) = pending.pop() {
        if needed.insert(var) {
            pending.extend(uses.get(&var).into_iter().flatten());
        }
    }
    needed
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
