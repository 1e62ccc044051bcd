//! Forward-mode differentiation, statement by statement.
//!
//! * Before: a program without sites, and the names of parameters to differentiate by.
//! * After: the same results, and for every result `r` that depends smoothly on those parameters a
//!   result `tangent.r`, linear in the new inputs of kind [`InputKind::Tangent`], which have the
//!   names and dimensions of the parameters.
//! * Assumes: the program passes `check`.
//! * Guarantees: a variable `x` has a tangent `x'` or is known to have none; zeros are not computed
//!   with. The axes of `x'` are among those of `x`, so `x'` may be constant where `x` is not.
//!
//! **Guards.** A statement under a guard has its derivative coefficients selected to 0 where the
//! guard does not hold: there the partial derivative may be infinite or NaN, and 0 · ∞ would leave
//! the branch through the sum over branches. Coefficients carry the guard themselves, so the same
//! holds for their derivatives; tangents need none.

mod rules;

use self::rules::{Rule, under};
use super::flow;
use super::reemit::Reemit;
use crate::axis::AxisSet;
use crate::build::Builder;
use crate::check::{Level, debug_check};
use crate::ir::{Carry, Elem, Input, InputKind, Let, Op, Output, Program, Scan, Stmt, Var};
use crate::prim::Prim;
use std::collections::{BTreeSet, HashMap};

/// The program with tangents by the parameters named.
pub fn jvp(program: &Program, wrt: &BTreeSet<String>) -> Program {
    let mut pass = Jvp {
        b: Builder::new(program.axes.clone()),
        copy: Reemit::new(program),
        tangents: HashMap::new(),
        active: activity(program, wrt),
        wrt,
        primes: primes(program),
    };
    // Only what depends on carries stays in scans: a rule that takes several statements for what acts along
    // the scanned axis would break the rule of bodies.
    pass.stmts(&flow::isolate(program.body.clone()));
    let mut results = pass.copy.outputs(&program.results);
    for result in &program.results {
        if let Some(tangent) = pass.tangents.get(&result.var) {
            let name = format!("tangent{}.{}", pass.primes, result.name);
            results.push(Output { name, var: *tangent, dims: result.dims.clone() });
        }
    }
    let mut dual = pass.b.finish(results);
    keep_inputs(&mut dual);
    debug_check("jvp", &dual, Level::Random);
    dual
}

/// Marks that keep second tangents apart from first ones: none, then `'`, `''`, …
fn primes(program: &Program) -> String {
    let mut marks = result_primes(program, "tangent");
    flow::each_let(&program.body, &mut |stmt| {
        if let Op::Input(Input { kind: InputKind::Tangent, name, .. }) = &stmt.op {
            let taken = name.len() - name.trim_end_matches('\'').len();
            if marks.len() <= taken {
                marks = "'".repeat(taken + 1);
            }
        }
    });
    marks
}

/// The primes with which no result's name begins `prefix'….`
pub(super) fn result_primes(program: &Program, prefix: &str) -> String {
    let mut primes = String::new();
    let taken = |primes: &str| {
        let prefix = format!("{prefix}{primes}.");
        program.results.iter().any(|result| result.name.starts_with(&prefix))
    };
    while taken(&primes) {
        primes.push('\'');
    }
    primes
}

/// Removes what the results do not need, except tangent inputs: that a parameter does not matter is
/// for the reader of its gradient to learn.
fn keep_inputs(program: &mut Program) {
    let results = program.results.len();
    let mut inputs = Vec::new();
    flow::each_let(&program.body, &mut |stmt| {
        if let Op::Input(Input { kind: InputKind::Tangent, name, dims }) = &stmt.op {
            inputs.push(Output { name: name.clone(), var: stmt.var, dims: dims.clone() });
        }
    });
    program.results.extend(inputs);
    flow::prune(program);
    program.results.truncate(results);
}

/// For each variable that may have a tangent, the axes that the tangent may have beyond its own: those
/// of open scans, from guards (see [`Rule::mask`]).
type Activity = Vec<Option<AxisSet>>;

fn activity(program: &Program, wrt: &BTreeSet<String>) -> Activity {
    let mut active = vec![None; program.vars.len()];
    // Carries feed their activity back, so the walk is repeated until nothing changes.
    loop {
        let before = active.clone();
        activate(program, &program.body, wrt, &AxisSet::new(), &mut active);
        if active == before {
            return active;
        }
    }
}

fn activate(
    program: &Program,
    stmts: &[Stmt],
    wrt: &BTreeSet<String>,
    scans: &AxisSet,
    active: &mut Activity,
) {
    let ty = |var: Var| &program.vars[var.0 as usize].ty;
    for stmt in stmts {
        match stmt {
            Stmt::Let(Let { var, op, guard }) if ty(*var).elem == Elem::Real => {
                let extra = match op {
                    Op::Input(Input { kind: InputKind::Param, name, .. }) => {
                        wrt.contains(name).then(AxisSet::new)
                    }
                    Op::Detach(_) | Op::Draw(_) | Op::Prim(Prim::Sign, _) => None,
                    op => join(op.operands().iter().map(|operand| &active[operand.0 as usize])),
                };
                active[var.0 as usize] = extra.map(|mut extra| {
                    if let Some(guard) = guard {
                        extra = extra.union(&ty(*guard).axes.intersection(scans));
                    }
                    extra.minus(&ty(*var).axes)
                });
            }
            Stmt::Let(_) => {}
            Stmt::Scan(scan) => {
                for Carry { var, init, next } in &scan.carries {
                    let sources = [var, init, next].map(|source| &active[source.0 as usize]);
                    active[var.0 as usize] = join(sources.into_iter()).map(|e| e.minus(&ty(*var).axes));
                }
                let mut inner = scans.clone();
                inner.insert(scan.axis);
                activate(program, &scan.body, wrt, &inner, active);
            }
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}

/// Axes of any; none where all are inactive.
fn join<'a>(all: impl Iterator<Item = &'a Option<AxisSet>>) -> Option<AxisSet> {
    all.flatten().fold(None, |joined, extra| Some(joined.map_or(extra.clone(), |j| j.union(extra))))
}

struct Jvp<'a> {
    b: Builder,
    copy: Reemit<'a>,
    /// Tangents of old variables.
    tangents: HashMap<Var, Var>,
    active: Activity,
    wrt: &'a BTreeSet<String>,
    primes: String,
}

impl Jvp<'_> {
    fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) => self.dual(stmt),
                Stmt::Scan(scan) => self.scan(scan),
                // Sites have no tangent of their own; `adev` has replaced those that matter.
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {
                    self.copy.stmt(&mut self.b, stmt);
                }
            }
        }
    }

    /// `x = op` and its tangent.
    fn dual(&mut self, stmt: &Let) {
        let info = self.copy.info(stmt.var);
        self.b.at(info.span);
        let guard = self.copy.guard(&self.b, stmt.guard);
        let op = stmt.op.map(&mut |var| self.copy.get(var));
        let out = match op {
            Op::Tangent(_) => self.b.real(0.0),
            ref op => under(&mut self.b, guard, |b| b.again(op.clone(), info.ty.elem)),
        };
        self.copy.set(&mut self.b, stmt.var, out);
        if self.active[stmt.var.0 as usize].is_none() {
            return;
        }
        let tangents: Vec<Option<Var>> =
            stmt.op.operands().iter().map(|var| self.tangents.get(var).copied()).collect();
        let mut rule = Rule { b: &mut self.b, guard, out };
        let tangent = match &op {
            Op::Input(input) => {
                debug_assert!(self.wrt.contains(&input.name));
                let name = format!("{}{}", input.name, self.primes);
                let tangent = Input { kind: InputKind::Tangent, name, dims: input.dims.clone() };
                Some(rule.b.input(Elem::Real, tangent))
            }
            op if tangents.iter().any(Option::is_some) => rule.tangent(op, &tangents),
            _ => None,
        };
        if let Some(tangent) = tangent {
            if let (Some(name), None) = (&info.name, self.b.constant(tangent)) {
                self.b.name(tangent, &format!("{name}'"));
            }
            self.tangents.insert(stmt.var, tangent);
        }
    }

    /// A scan carries the tangents of its active carries too.
    fn scan(&mut self, scan: &Scan) {
        let zero = self.b.real(0.0);
        let axes = |pass: &Self, var: Var| pass.copy.info(var).ty.axes.clone();
        let mut inits: Vec<(Var, AxisSet)> =
            scan.carries.iter().map(|carry| (self.copy.get(carry.init), axes(self, carry.var))).collect();
        let mut moving = Vec::new();
        for carry in &scan.carries {
            if let Some(extra) = &self.active[carry.var.0 as usize] {
                let init = self.tangents.get(&carry.init).copied().unwrap_or(zero);
                inits.push((init, axes(self, carry.var).union(extra)));
                moving.push(carry);
            }
        }
        let carries = self.b.begin_scan(scan.axis, scan.reverse, &inits);
        let (primals, tangents) = carries.split_at(scan.carries.len());
        for (carry, var) in scan.carries.iter().zip(primals) {
            self.copy.set(&mut self.b, carry.var, *var);
        }
        for (carry, var) in moving.iter().zip(tangents) {
            self.tangents.insert(carry.var, *var);
        }
        self.stmts(&scan.body);
        let mut nexts: Vec<Var> = scan.carries.iter().map(|carry| self.copy.get(carry.next)).collect();
        nexts.extend(moving.iter().map(|c| self.tangents.get(&c.next).copied().unwrap_or(zero)));
        self.b.end_scan(&nexts);
    }
}
