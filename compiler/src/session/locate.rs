//! Where a number that is not finite came from.

use super::estimator::{self, Moment, Setup};
use std::collections::HashSet;
use vary_core::ir::{Elem, Op, Output, Program, Stmt, Var};
use vary_diagnostic::Span;

/// The first bad value of a program run.
pub struct Found {
    /// Where it is computed.
    pub span: Span,
    /// What it is.
    pub text: String,
}

/// Runs the program once more with all its values as results; the first that is NaN, else the first infinite
/// one, whose operands were finite and which no condition excludes.
pub fn first_bad_value(program: &Program, at: &Moment, setup: &Setup) -> Option<Found> {
    let mut every = program.clone();
    every.results.clear();
    let mut operands = Vec::new();
    collect(&program.body, program, &mut every.results, &mut operands);
    let values = estimator::sample(&every, at, setup).ok()?;
    let mut bad: HashSet<Var> = HashSet::new();
    let mut infinite = None;
    for ((result, (_, array)), uses) in every.results.iter().zip(&values).zip(&operands) {
        let Some(worst) = array.iter().find(|x| !x.is_finite()) else { continue };
        let nan = array.iter().any(|x| x.is_nan());
        let inherited = uses.iter().any(|var| bad.contains(var));
        bad.insert(result.var);
        if inherited {
            continue;
        }
        let info = &program.vars[result.var.0 as usize];
        let shown = if nan { f64::NAN } else { *worst };
        let text = match &info.name {
            Some(name) => format!("`{name}` is {shown} here"),
            None => format!("a value computed here is {shown}"),
        };
        let found = Found { span: info.span, text };
        if nan {
            return Some(found);
        }
        infinite = infinite.or(Some(found));
    }
    infinite
}

/// Every real computed without a condition, as a result, with its operands.
fn collect(stmts: &[Stmt], program: &Program, results: &mut Vec<Output>, operands: &mut Vec<Vec<Var>>) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(l) => {
                let info = &program.vars[l.var.0 as usize];
                let counts = info.ty.elem == Elem::Real && l.guard.is_none() && !matches!(l.op, Op::Const(_));
                if counts {
                    let dims = info.ty.axes.iter().collect();
                    results.push(Output { name: format!("%{}", l.var.0), var: l.var, dims });
                    operands.push(l.op.operands());
                }
            }
            Stmt::Scan(scan) => collect(&scan.body, program, results, operands),
            _ => {}
        }
    }
}
