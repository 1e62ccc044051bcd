//! Auxiliary losses: what trains baselines and the coefficients of control variates beside the objective.
//!
//! Before: a program whose results are the objective and losses. After: each loss depends on parameters of its own
//! only, those that the objective does not depend on; whatever else it reads is a constant in it. So the gradient of
//! the objective is what it was, and one reverse pass serves the objective and all losses.

use super::{Loss, OBJECTIVE};
use crate::build::Builder;
use crate::ir::{Elem, InputKind, Let, Op, Output, Program, Stmt, Var};
use crate::transform::flow::{dependences, dependents, each_let};
use crate::transform::reemit::Reemit;
use std::collections::BTreeSet;

/// The parameters that the objective of an objective program depends on other than through settings of strategies.
pub fn of_objective(program: &Program) -> BTreeSet<String> {
    fn without_settings(stmts: &mut [Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Sample(sample) => {
                    let mut site = (*sample.site).clone();
                    site.strategy = None;
                    sample.site = site.into();
                }
                Stmt::Scan(scan) => without_settings(&mut scan.body),
                Stmt::Let(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
    let mut plain = program.clone();
    without_settings(&mut plain.body);
    let results = plain.results.iter().filter(|result| result.name == OBJECTIVE).map(|result| result.var);
    reached(&plain, results.collect(), &|_| false)
}

/// The parameters that train a value such as a baseline: those that it depends on and the objective does not.
pub fn own(program: &Program, value: Var, of_objective: &BTreeSet<String>) -> BTreeSet<String> {
    let definitions = program.definitions();
    let constant = |var: Var| matches!(definitions[var.0 as usize], Some(Op::Detach(_)));
    reached(program, vec![value], &constant).difference(of_objective).cloned().collect()
}

/// The parameters behind these variables, not looking behind those where it `stops`.
fn reached(program: &Program, mut open: Vec<Var>, stops: &dyn Fn(Var) -> bool) -> BTreeSet<String> {
    let uses = dependences(program);
    let mut seen = vec![false; program.vars.len()];
    while let Some(var) = open.pop() {
        if !std::mem::replace(&mut seen[var.0 as usize], true) && !stops(var) {
            open.extend(&uses[var.0 as usize]);
        }
    }
    let mut found = BTreeSet::new();
    each_let(&program.body, &mut |stmt| {
        if let Op::Input(input) = &stmt.op
            && input.kind == InputKind::Param
            && seen[stmt.var.0 as usize]
        {
            found.insert(input.name.clone());
        }
    });
    found
}

/// The program with the losses named, each by parameters of its own; losses without any are left out.
pub fn close(
    program: Program,
    results: Vec<String>,
    of_objective: &BTreeSet<String>,
) -> (Program, Vec<Loss>) {
    if results.is_empty() {
        return (program, Vec::new());
    }
    let mut b = Builder::new(program.axes.clone());
    let mut whole = Reemit::new(&program);
    whole.stmts(&mut b, &program.body);
    let mut outputs = Vec::new();
    let mut losses = Vec::new();
    for result in &program.results {
        if !results.contains(&result.name) {
            outputs.push(whole.output(result));
            continue;
        }
        let params = own(&program, result.var, of_objective);
        if !params.is_empty() {
            let var = held(&mut b, &program, &whole, result.var, &params);
            outputs.push(Output { var, ..result.clone() });
            losses.push(Loss { result: result.name.clone(), params });
        }
    }
    (super::prune::prune(b.finish(outputs)), losses)
}

/// A value with all but what depends on `params` as constants; what is a constant already stays as it is.
fn held(b: &mut Builder, program: &Program, whole: &Reemit, value: Var, params: &BTreeSet<String>) -> Var {
    let is_own = |stmt: &Let| match &stmt.op {
        Op::Input(input) => input.kind == InputKind::Param && params.contains(&input.name),
        _ => false,
    };
    let depends = dependents(program, &is_own);
    let definitions = program.definitions();
    let constant = |var: Var| matches!(definitions[var.0 as usize], Some(Op::Detach(_)));
    let keep = |var: Var| depends[var.0 as usize] && !constant(var);
    let mut copy = Reemit::new(program);
    for var in (0..program.vars.len() as u32).map(Var).filter(|var| !keep(*var)) {
        let Some(known) = whole.known(var) else { continue };
        let real = b.ty(known).elem == Elem::Real && !constant(var);
        let held = if real { b.detach(known) } else { known };
        copy.set(b, var, held);
    }
    let body = retain(&program.body, &keep);
    copy.stmts(b, &body);
    copy.get(value)
}

/// The statements that bind what is kept.
pub(super) fn retain(stmts: &[Stmt], keep: &dyn Fn(Var) -> bool) -> Vec<Stmt> {
    let mut kept = Vec::new();
    for stmt in stmts {
        match stmt {
            Stmt::Let(binding) if keep(binding.var) => kept.push(stmt.clone()),
            Stmt::Scan(scan) => {
                let mut inner = scan.clone();
                inner.carries.retain(|carry| keep(carry.var));
                inner.body = retain(&scan.body, keep);
                // Without carries every step stands alone: the statements mean the same outside.
                if inner.carries.is_empty() { kept.extend(inner.body) } else { kept.push(Stmt::Scan(inner)) }
            }
            Stmt::Let(_) => {}
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
    kept
}
