//! Where a number that is not finite came from, and which constraints a run violates.

use super::estimator::{self, Moment, Setup};
use super::show::{self, Digits};
use ndarray::ArrayD;
use std::collections::HashSet;
use vary_core::axis::{Axis, Role};
use vary_core::ir::{Elem, Op, Output, Program, Stmt, Var};
use vary_core::transform::require::{self, Requirement};
use vary_diagnostic::{Code, Diagnostic, Span};

/// The constraints that a run violates, by their variables, each where it does first. A value that is not a number
/// violates none: it has a cause of its own.
pub fn violations(
    program: &Program,
    required: &[Requirement],
    at: &Moment,
    setup: &Setup,
    code: Code,
) -> Vec<(Var, Diagnostic)> {
    let mut results = Vec::new();
    let mut dims_of = Vec::new();
    for requirement in required {
        let Requirement { holds, value, guard, .. } = requirement;
        // The axes of the condition first: one violation each. The value may have more, a simplex its entries.
        let vars = [Some(*holds), Some(*value), *guard];
        let ordered = [Some(*holds), *guard, Some(*value)];
        let mut dims: Vec<Axis> = Vec::new();
        let mut rows = 0;
        for (at, var) in ordered.iter().enumerate() {
            let axes = var.iter().flat_map(|var| program.vars[var.0 as usize].ty.axes.iter());
            axes.for_each(|axis| {
                if !dims.contains(&axis) {
                    dims.push(axis)
                }
            });
            if at < 2 {
                rows = dims.len();
            }
        }
        for (what, var) in ["holds", "value", "guard"].iter().zip(vars) {
            let name = format!("{what}.{}", requirement.var.0);
            results.extend(var.map(|var| Output { name, var, dims: dims.clone() }));
        }
        dims_of.push((dims, rows));
    }
    let checks = require::conditions(program, results);
    let Ok(results) = estimator::sample(&checks, at, setup) else { return Vec::new() };
    let mut results = results.into_iter();
    let mut found = Vec::new();
    for (requirement, (dims, rows)) in required.iter().zip(&dims_of) {
        let mut next = || results.next().map_or_else(|| ArrayD::zeros(vec![]), |(_, array)| array);
        let (holds, value) = (next(), next());
        let guard = requirement.guard.map(|_| next());
        let bad = holds.indexed_iter().find(|(index, holds)| {
            **holds == 0.0
                && !value[index.clone()].is_nan()
                && guard.as_ref().is_none_or(|guard| guard[index.clone()] != 0.0)
        });
        let Some((index, _)) = bad else { continue };
        let elem = program.vars[requirement.value.0 as usize].ty.elem;
        let mut x = value.view();
        (0..*rows).for_each(|at| x.index_axis_inplace(ndarray::Axis(0), index[at]));
        let shown = show::entries(x, elem, Digits::Six).replace('\n', "");
        let rows: Vec<String> = dims
            .iter()
            .take(*rows)
            .enumerate()
            .filter(|(_, axis)| program.axes.info(**axis).role == Role::Index)
            .map(|(place, axis)| {
                let info = program.axes.info(*axis);
                let plate = setup.plates.iter().position(|plate| info.of == Some(plate.axis));
                let row = plate.map_or(index[place] as i64, |plate| i64::from(at.rows[plate][index[place]]));
                let name = &program.axes.info(program.axes.whole(*axis)).name;
                format!("{name} = {}", info.lower.value().unwrap_or(0) + row)
            })
            .collect();
        let place = if rows.is_empty() { String::new() } else { format!(" where {}", rows.join(", ")) };
        let text = format!("{}, but is {shown}{place}", requirement.rule.text);
        let diagnostic = Diagnostic::error(code, text)
            .at(requirement.span, format!("this is {shown}{place}"))
            .help(requirement.rule.help.clone());
        found.push((requirement.var, diagnostic));
    }
    found
}

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
