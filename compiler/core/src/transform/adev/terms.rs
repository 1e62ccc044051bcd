//! The integrand as a sum of terms.
//!
//! Before: a result of an objective program. After: terms whose sum it is, each a variable times
//! factors that do not depend on the site at hand, summed over axes that are still open. Walks
//! back through sums, differences, signs, `reduce sum`, products and quotients with what does not
//! depend on the site, and totals that a scan accumulates; anything else (log-mean-exp, a select)
//! is one term.

use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::dim::Dim;
use crate::ir::{Carry, Const, InputKind, Monoid, Op, Program, Stmt, Var};
use crate::prim::Prim;
use crate::transform::dependence::{Dependence, Links};
use std::collections::HashMap;

/// Past this many terms the rest stays unsplit: a sum that shares its parts could split exponentially.
const MOST_TERMS: usize = 4096;

/// `± Π factors · var`, summed over `over`.
#[derive(Debug, Clone)]
pub struct Term {
    /// The variable.
    pub var: Var,
    /// Axes to sum over; each is an axis of the variable or of a factor.
    pub over: AxisSet,
    /// What it is multiplied by; none depends on the site.
    factors: Vec<Factor>,
    negative: bool,
    /// Zero but for its tangent: a score term.
    pub zero: bool,
}

/// A factor of a term.
#[derive(Debug, Clone, Copy)]
enum Factor {
    Times(Var),
    Over(Var),
    /// How many indices an axis has.
    Size(Axis),
}

impl Term {
    /// Its value before summing, with the variables of the program sent into the builder: `var` as it depends on
    /// the site, and factors, which do not.
    pub fn emit(&self, b: &mut Builder, var: Var, factor: &dyn Fn(&mut Builder, Var) -> Var) -> Var {
        let mut value = if self.negative { b.neg(var) } else { var };
        for part in &self.factors {
            value = match part {
                Factor::Times(by) => {
                    let by = factor(b, *by);
                    b.mul(by, value)
                }
                Factor::Over(by) => {
                    let by = factor(b, *by);
                    b.div(value, by)
                }
                Factor::Size(axis) => {
                    let size = b.size(*axis);
                    let size = b.to_real(size);
                    b.mul(size, value)
                }
            };
        }
        value
    }

    /// How it depends on the site.
    pub fn links<'d>(&self, dependence: &'d Dependence) -> Option<&'d Links> {
        dependence.of(self.var)
    }
}

/// What ints are as dimensions: constants, and data without axes.
pub fn known_dims(program: &Program) -> impl Fn(Var) -> Option<Dim> {
    let definitions = program.definitions();
    move |var| match definitions[var.0 as usize]? {
        Op::Const(Const::Int(value)) => Some(Dim::known(*value)),
        Op::Input(input) if input.kind == InputKind::Data && input.dims.is_empty() => {
            Some(Dim::named(input.name.clone()))
        }
        _ => None,
    }
}

/// The terms of a real result.
pub fn split(program: &Program, result: Var, dependence: &Dependence) -> Vec<Term> {
    let definitions = program.definitions();
    let zeros = primal_zeros(program);
    let totals = carries(&program.body);
    let axes = |var: Var| &program.vars[var.0 as usize].ty.axes;
    let start = Term { var: result, over: AxisSet::new(), factors: Vec::new(), negative: false, zero: false };
    let mut open = vec![start];
    let mut terms = Vec::new();
    while let Some(mut term) = open.pop() {
        close_constant_axes(&mut term, &axes);
        let parts = if dependence.of(term.var).is_none() || terms.len() + open.len() >= MOST_TERMS {
            None
        } else {
            let op = definitions[term.var.0 as usize];
            let total = op.and_then(|op| accumulated(program, &totals, &definitions, op, &term));
            total.or_else(|| op.and_then(|op| parts(op, &term, dependence, &axes)))
        };
        match parts {
            Some(parts) => open.extend(parts.into_iter().rev()),
            None => {
                term.zero = zeros[term.var.0 as usize];
                terms.push(term);
            }
        }
    }
    terms
}

/// Open axes along which nothing in the term varies become a factor.
fn close_constant_axes<'p>(term: &mut Term, axes: &impl Fn(Var) -> &'p AxisSet) {
    let constant: Vec<Axis> = term
        .over
        .iter()
        .filter(|axis| !axes(term.var).contains(*axis) && !varies(&term.factors, *axis, axes))
        .collect();
    for axis in constant {
        term.over.remove(axis);
        term.factors.push(Factor::Size(axis));
    }
}

fn varies<'p>(factors: &[Factor], axis: Axis, axes: &impl Fn(Var) -> &'p AxisSet) -> bool {
    factors.iter().any(|factor| match factor {
        Factor::Times(var) | Factor::Over(var) => axes(*var).contains(axis),
        Factor::Size(_) => false,
    })
}

/// The terms that a term is the sum of, if its operation is linear.
fn parts<'p>(
    op: &Op,
    term: &Term,
    dependence: &Dependence,
    axes: &impl Fn(Var) -> &'p AxisSet,
) -> Option<Vec<Term>> {
    let constant = |var: Var| dependence.of(var).is_none();
    let with = |var: Var, negate: bool, factor: Option<Factor>| {
        let mut part = Term { var, negative: term.negative != negate, ..term.clone() };
        part.factors.extend(factor);
        part
    };
    match op {
        Op::Prim(Prim::Add, args) => Some(vec![with(args[0], false, None), with(args[1], false, None)]),
        Op::Prim(Prim::Sub, args) => Some(vec![with(args[0], false, None), with(args[1], true, None)]),
        Op::Prim(Prim::Neg, args) => Some(vec![with(args[0], true, None)]),
        Op::Prim(Prim::Mul, args) if constant(args[0]) => {
            Some(vec![with(args[1], false, Some(Factor::Times(args[0])))])
        }
        Op::Prim(Prim::Mul, args) if constant(args[1]) => {
            Some(vec![with(args[0], false, Some(Factor::Times(args[1])))])
        }
        Op::Prim(Prim::Div, args) if constant(args[1]) => {
            Some(vec![with(args[0], false, Some(Factor::Over(args[1])))])
        }
        // The reduced axis is opened again, unless a factor varies along an axis of the same name.
        Op::Reduce(Monoid::Sum, axis, x) if !varies(&term.factors, *axis, axes) => {
            let mut part = with(*x, false, None);
            part.over.insert(*axis);
            Some(vec![part])
        }
        // Σ_to rename(from → to, x) = Σ_from x
        Op::Rename(pairs, x) => match pairs[..] {
            [(from, to)]
                if term.over.contains(to)
                    && !axes(*x).contains(to)
                    && !term.over.contains(from)
                    && !varies(&term.factors, from, axes)
                    && !varies(&term.factors, to, axes) =>
            {
                let mut part = with(*x, false, None);
                part.over.remove(to);
                part.over.insert(from);
                Some(vec![part])
            }
            _ => None,
        },
        _ => None,
    }
}

/// The carries of forward scans by what they go on with, each with its scan's axis.
fn carries(stmts: &[Stmt]) -> HashMap<Var, (Axis, Carry)> {
    let mut found = HashMap::new();
    for stmt in stmts {
        if let Stmt::Scan(scan) = stmt {
            found.extend(carries(&scan.body));
            if !scan.reverse {
                found.extend(scan.carries.iter().map(|carry| (carry.next, (scan.axis, carry.clone()))));
            }
        }
    }
    found
}

/// The final value of a carry that goes on with `carry ± y` is its start and ± Σ y over the steps.
fn accumulated(
    program: &Program,
    totals: &HashMap<Var, (Axis, Carry)>,
    definitions: &[Option<&Op>],
    op: &Op,
    term: &Term,
) -> Option<Vec<Term>> {
    let axes = |var: Var| &program.vars[var.0 as usize].ty.axes;
    let Op::Gather { x, axis, index } = op else { return None };
    let (scanned, carry) = totals.get(x)?;
    let info = program.axes.info(*axis);
    let Some(Op::Const(Const::Int(at))) = definitions[index.0 as usize] else { return None };
    let is_last = info.lower.plus(&info.size).minus(&Dim::known(1)).value() == Some(*at);
    if scanned != axis || !is_last || varies(&term.factors, *axis, &axes) {
        return None;
    }
    let (step, negate) = match definitions[x.0 as usize]? {
        Op::Prim(Prim::Add, args) if args[0] == carry.var => (args[1], false),
        Op::Prim(Prim::Add, args) if args[1] == carry.var => (args[0], false),
        Op::Prim(Prim::Sub, args) if args[0] == carry.var => (args[1], true),
        _ => return None,
    };
    let start = Term { var: carry.init, ..term.clone() };
    let mut steps = Term { var: step, negative: term.negative != negate, ..term.clone() };
    steps.over.insert(*axis);
    Some(vec![start, steps])
}

/// Variables whose primal is zero whatever the inputs: score terms, and what is linear in them.
fn primal_zeros(program: &Program) -> Vec<bool> {
    fn walk(stmts: &[Stmt], zeros: &mut [bool]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(binding) => {
                    let is = |var: &Var| zeros[var.0 as usize];
                    zeros[binding.var.0 as usize] = match &binding.op {
                        Op::Tangent(_) => true,
                        Op::Const(value) => *value == Const::Real(0.0),
                        Op::Prim(Prim::Mul, args) => args.iter().any(is),
                        Op::Prim(Prim::Div, args) => is(&args[0]),
                        Op::Prim(Prim::Neg | Prim::Add | Prim::Sub, args) => args.iter().all(is),
                        Op::Prim(Prim::Select, args) => is(&args[1]) && is(&args[2]),
                        Op::Reduce(Monoid::Sum, _, x)
                        | Op::Rename(_, x)
                        | Op::Gather { x, .. }
                        | Op::Scatter { x, .. }
                        | Op::CumSum { x, .. } => is(x),
                        _ => false,
                    };
                }
                Stmt::Scan(scan) => walk(&scan.body, zeros),
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
    let mut zeros = vec![false; program.vars.len()];
    walk(&program.body, &mut zeros);
    zeros
}
