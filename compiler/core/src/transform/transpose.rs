//! Turns the linear part of a program round: reverse mode.
//!
//! * Before: a linearized program, and which results have cotangents.
//! * After: the primal results, and `grad.p` for every tangent input `p`: its cotangent, with its
//!   dimensions. (`grad'.p` where the program has results `grad.…` already, and so on.)
//! * Assumes: what `linearize` guarantees.
//!
//! The cotangent `ct(v)` of a linear variable `v` is a value whose axes are among those of `v`; where
//! it lacks one, it is constant along it. A statement `out = f(…, v, …)`, linear in `v`, adds to `ct(v)`
//! the transposed map of `ct(out)`, **summed over the axes that `out` has and `v` has not**: along
//! those, one entry of `v` was used many times. Where the summand is constant along such an axis the
//! sum is a product with its size ([`Builder::sum`] does both).
//!
//! A scan becomes a scan the other way that carries the cotangents of its carries. Inside it only
//! variables bound in the old body get their summands. Those of variables from outside are computed
//! after the scan, on whole arrays: what they are made of is visible there, with the scan's axis. So
//! `Σ_t ct(out)[t, i] · h[t, j]`, the gradient of a matrix in a recurrence, is one contraction over
//! `t` and no accumulator is carried.

use super::flow;
use super::forward::{primal_result, tangent_inputs};
use super::jvp::result_primes;
use super::linearize::{Linearized, is_tangent_result};
use super::reemit::Reemit;
use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::check::{Level, debug_check};
use crate::dim::Dim;
use crate::ir::{Elem, Input, InputKind, Let, Monoid, Op, Output, Program, Scan, Stmt, Var, VarInfo};
use crate::prim::Prim;
use crate::visit;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// Where the cotangent of a result comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    /// The constant 1 at every index of the result's dimensions: the gradient of its sum, over draws too.
    One,
    /// An input of kind [`InputKind::Cotangent`] with the result's name and dimensions.
    Input,
}

/// Why a gradient cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GradientError {
    /// No result has this name.
    UnknownResult(String),
    /// The result is not real.
    NotReal(String),
    /// The size of this axis is not known yet, nor that of another axis of the same array.
    Unbound(String),
}

impl fmt::Display for GradientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GradientError::UnknownResult(name) => write!(f, "no result is called `{name}`"),
            GradientError::NotReal(name) => write!(f, "the result `{name}` is not real"),
            GradientError::Unbound(axis) => write!(f, "the size of axis `{axis}` is not known"),
        }
    }
}

impl std::error::Error for GradientError {}

/// The gradient by all tangent inputs of the results named in `seeds`, each with its cotangent.
pub fn transpose(linearized: &Linearized, seeds: &[(&str, Seed)]) -> Result<Program, GradientError> {
    // Only what the seeded results depend on is turned round.
    let program = &linearized.program;
    let mut turned = Program { body: linearized.linear().to_vec(), ..program.clone() };
    turned.results.retain(|result| seeds.iter().any(|(name, _)| is_tangent_of(result, name)));
    flow::prune(&mut turned);
    let linear = linearized.is_linear();
    let mut pass = Transpose {
        b: Builder::new(program.axes.clone()),
        copy: Reemit::new(program),
        vars: &program.vars,
        linear: &linear,
        cotangents: HashMap::new(),
        open: Vec::new(),
    };
    pass.copy.stmts(&mut pass.b, linearized.primal());
    for (name, seed) in seeds {
        let primal = primal_result(program, name)?;
        let Some(tangent) = turned.results.iter().find(|result| is_tangent_of(result, name)) else {
            continue;
        };
        pass.seed(primal, tangent.var, *seed);
    }
    pass.stmts(&turned.body);
    let mut results: Vec<Output> = program
        .results
        .iter()
        .filter(|result| !is_tangent_result(result))
        .map(|result| pass.copy.output(result))
        .collect();
    let primes = result_primes(program, "grad");
    for (var, input) in tangent_inputs(linearized.linear()) {
        let zero = pass.b.real(0.0);
        let var = pass.cotangents.get(&var).copied().unwrap_or(zero);
        results.push(Output { name: format!("grad{primes}.{}", input.name), var, dims: input.dims.clone() });
    }
    let mut gradient = pass.b.finish(results);
    flow::prune(&mut gradient);
    debug_check("transpose", &gradient, Level::Random);
    Ok(gradient)
}

fn is_tangent_of(result: &Output, name: &str) -> bool {
    result.name.strip_prefix("tangent.") == Some(name)
}

struct Transpose<'a> {
    b: Builder,
    /// Where primal variables went.
    copy: Reemit<'a>,
    vars: &'a [VarInfo],
    linear: &'a [bool],
    /// Cotangents so far of old linear variables; complete once every user has been visited.
    cotangents: HashMap<Var, Var>,
    /// The scans being turned round, the innermost last.
    open: Vec<Open>,
}

/// A scan being turned round.
struct Open {
    /// What its body binds.
    bound: HashSet<Var>,
    /// Summands of variables from outside, to be added after it.
    deferred: Vec<Deferred>,
}

/// Summands still to be added.
enum Deferred {
    /// What a statement with this cotangent adds to its operands at these places.
    Pull(Let, Var, Vec<usize>),
    /// A value, the axes it is meant to vary over, and the variable it is added to.
    Flow(Var, AxisSet, Var),
}

impl Transpose<'_> {
    /// The cotangent of a result enters.
    fn seed(&mut self, primal: &Output, tangent: Var, seed: Seed) {
        let dims: AxisSet = primal.dims.iter().copied().collect();
        let cotangent = match seed {
            Seed::One => self.b.real(1.0),
            Seed::Input => {
                let kind = InputKind::Cotangent;
                let input = Input { kind, name: primal.name.clone(), dims: primal.dims.clone() };
                self.b.input(Elem::Real, input)
            }
        };
        self.flow(cotangent, &dims, tangent);
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts.iter().rev() {
            match stmt {
                Stmt::Let(stmt) => {
                    if let Some(ct) = self.cotangents.get(&stmt.var) {
                        self.pull(stmt, *ct, (0..stmt.op.operands().len()).collect());
                    }
                }
                Stmt::Scan(scan) => self.scan(scan),
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {
                    unreachable!("the linear part has no effects")
                }
            }
        }
    }

    /// Whether summands of the variable can be added here: it is bound within the innermost open scan.
    fn is_here(&self, var: Var) -> bool {
        self.open.last().is_none_or(|scan| scan.bound.contains(&var))
    }

    /// Adds to `ct(target)` a summand meant to vary over `axes`.
    fn flow(&mut self, value: Var, axes: &AxisSet, target: Var) {
        if !self.linear[target.0 as usize] {
            return;
        }
        if !self.is_here(target) {
            self.defer(Deferred::Flow(value, axes.clone(), target));
            return;
        }
        let summand = self.b.sum(&axes.minus(self.axes(target)), value);
        let total = match self.cotangents.get(&target) {
            Some(old) => self.b.add(*old, summand),
            None => summand,
        };
        self.cotangents.insert(target, total);
    }

    fn defer(&mut self, deferred: Deferred) {
        let Some(scan) = self.open.last_mut() else { unreachable!("everything is bound at top level") };
        scan.deferred.push(deferred);
    }

    fn axes(&self, var: Var) -> &AxisSet {
        &self.vars[var.0 as usize].ty.axes
    }

    /// Adds the summands of a statement to its operands at `places`: now, or after the scan.
    fn pull(&mut self, stmt: &Let, ct: Var, places: Vec<usize>) {
        let operands = stmt.op.operands();
        let linear = places.into_iter().filter(|at| self.linear[operands[*at].0 as usize]);
        let (here, outside): (Vec<usize>, Vec<usize>) = linear.partition(|at| self.is_here(operands[*at]));
        for at in here {
            let (value, axes) = self.transposed(stmt, at, ct);
            self.flow(value, &axes, operands[at]);
        }
        if !outside.is_empty() {
            self.defer(Deferred::Pull(stmt.clone(), ct, outside));
        }
    }

    /// The transposed map by operand `at` of a statement, applied to its cotangent, and the axes over
    /// which that is meant to vary.
    fn transposed(&mut self, stmt: &Let, at: usize, ct: Var) -> (Var, AxisSet) {
        let out_axes = self.axes(stmt.var).clone();
        let b = &mut self.b;
        match &stmt.op {
            Op::Prim(prim, args) => {
                let primal = |k: usize| self.copy.get(args[k]);
                let value = match (prim, at) {
                    (Prim::Add, _) | (Prim::Sub, 0) => ct,
                    (Prim::Neg, _) | (Prim::Sub, 1) => b.neg(ct),
                    (Prim::Mul, 0) => b.mul(primal(1), ct),
                    (Prim::Mul, 1) => b.mul(primal(0), ct),
                    (Prim::Div, 0) => b.div(ct, primal(1)),
                    (Prim::Select, 1 | 2) => {
                        let zero = b.real(0.0);
                        let (yes, no) = if at == 1 { (ct, zero) } else { (zero, ct) };
                        b.select(primal(0), yes, no)
                    }
                    _ => unreachable!("{} is not linear in operand {at}", prim.name()),
                };
                (value, out_axes)
            }
            Op::Reduce(Monoid::Sum, ..) => (ct, out_axes),
            Op::Rename(pairs, x) => {
                let value = unrename(b, pairs, &self.vars[x.0 as usize].ty.axes, ct);
                (value, self.axes(*x).clone())
            }
            Op::Gather { x, axis, index } => {
                let x_axes = &self.vars[x.0 as usize].ty.axes;
                let index = self.copy.get(*index);
                (ungather(b, *axis, index, x_axes, &out_axes, ct), x_axes.clone())
            }
            Op::Scatter { x, axis, index, .. } => {
                let index = self.copy.get(*index);
                (b.gather(ct, *axis, index), self.axes(*x).clone())
            }
            Op::CumSum { axis, reverse, exclusive, .. } => {
                (b.cumsum(ct, *axis, !reverse, *exclusive), out_axes)
            }
            Op::Stack { axis, .. } => {
                let lower = b.lower(*axis);
                let place = b.int(at as i64);
                let index = b.add(lower, place);
                (b.gather(ct, *axis, index), without(&out_axes, *axis))
            }
            Op::Concat { axis, parts } => {
                let (along, part) = parts[at];
                let rest = without(self.axes(part), along);
                // The other axes go first: `along` may be one of them, from another part.
                let b = &mut self.b;
                let summed = b.sum(&without(&out_axes, *axis).minus(&rest), ct);
                let offset =
                    parts[..at].iter().fold(Dim::known(0), |n, (axis, _)| n.plus(&b.axes.info(*axis).size));
                let (offset, lower, position) = (b.dim(&offset), b.lower(*axis), b.position(along));
                let start = b.add(lower, offset);
                let index = b.add(start, position);
                (b.gather(summed, *axis, index), self.axes(part).clone())
            }
            Op::TriSolve { l, row, col, transposed, .. } if at == 1 => {
                let (solved, right) = if *transposed { (*row, *col) } else { (*col, *row) };
                let mut axes = without(&out_axes, solved);
                axes.insert(right);
                (b.tri_solve(self.copy.get(*l), *row, *col, ct, !transposed), axes)
            }
            Op::Const(_)
            | Op::Input(_)
            | Op::Iota(_)
            | Op::Reduce(..)
            | Op::Cholesky { .. }
            | Op::TriSolve { .. }
            | Op::Draw(_)
            | Op::Detach(_)
            | Op::Tangent(_) => unreachable!("%{} is not linear in operand {at}", stmt.var.0),
        }
    }

    /// Carries λ, the cotangent of `next` that comes from the following step.
    fn scan(&mut self, scan: &Scan) {
        let Scan { axis, reverse, carries, body } = scan;
        if self.b.axes.info(*axis).size.value() == Some(0) {
            return;
        }
        let mut bound: HashSet<Var> = carries.iter().map(|carry| carry.var).collect();
        visit::bound(body, &mut |var| {
            bound.insert(var);
        });
        let zero = self.b.real(0.0);
        let inits: Vec<(Var, AxisSet)> =
            carries.iter().map(|carry| (zero, self.axes(carry.var).clone())).collect();
        let lambdas = self.b.begin_scan(*axis, !reverse, &inits);
        self.open.push(Open { bound, deferred: Vec::new() });
        for (carry, lambda) in carries.iter().zip(lambdas) {
            let axes = self.axes(carry.var).clone();
            self.flow(lambda, &axes, carry.next);
        }
        self.stmts(body);
        let starts: Vec<Option<Var>> =
            carries.iter().map(|carry| self.cotangents.get(&carry.var).copied()).collect();
        self.b.end_scan(&starts.iter().map(|ct| ct.unwrap_or(zero)).collect::<Vec<Var>>());
        let Some(Open { deferred, .. }) = self.open.pop() else { unreachable!("pushed above") };
        for summand in deferred {
            match summand {
                Deferred::Pull(stmt, ct, places) => self.pull(&stmt, ct, places),
                Deferred::Flow(value, axes, target) => self.flow(value, &axes, target),
            }
        }
        for (carry, ct) in carries.iter().zip(starts) {
            let Some(ct) = ct.filter(|_| self.linear[carry.init.0 as usize]) else { continue };
            let first = if *reverse { self.b.upper(*axis) } else { self.b.lower(*axis) };
            let start = self.b.gather(ct, *axis, first);
            self.flow(start, &without(&self.vars[carry.var.0 as usize].ty.axes, *axis), carry.init);
        }
    }
}

fn without(axes: &AxisSet, axis: Axis) -> AxisSet {
    let mut rest = axes.clone();
    rest.remove(axis);
    rest
}

/// The transpose of `rename`: back along each pair; where a diagonal was taken, 0 off it.
fn unrename(b: &mut Builder, pairs: &[(Axis, Axis)], x_axes: &AxisSet, ct: Var) -> Var {
    let pairs: Vec<(Axis, Axis)> = pairs.iter().copied().filter(|(from, _)| x_axes.contains(*from)).collect();
    let moves = |axis: Axis| pairs.iter().any(|(from, _)| *from == axis);
    let mut back: Vec<(Axis, Axis)> = Vec::new();
    let mut diagonals: Vec<(Axis, Axis)> = Vec::new();
    for (from, to) in &pairs {
        if x_axes.contains(*to) && !moves(*to) {
            diagonals.push((*from, *to));
        } else if let Some((_, first)) = back.iter().find(|(target, _)| target == to) {
            diagonals.push((*from, *first));
        } else {
            back.push((*to, *from));
        }
    }
    let zero = b.real(0.0);
    let moved = b.rename(&back, ct);
    diagonals.into_iter().fold(moved, |ct, (from, to)| {
        let on = b.same_position(from, to);
        b.select(on, ct, zero)
    })
}

/// The transpose of `gather`: sums what was read at each index of `axis`.
fn ungather(b: &mut Builder, axis: Axis, index: Var, x_axes: &AxisSet, out_axes: &AxisSet, ct: Var) -> Var {
    // Indices computed along the axis itself (a shift, say) must not meet the axis scattered to.
    let source = b.twin(axis, &x_axes.union(out_axes).union(&b.scan_axes()));
    let apart = |b: &mut Builder, var: Var| b.rename(&[(axis, source)], var);
    let (index, ct) = (apart(b, index), apart(b, ct));
    let mut read = out_axes.clone();
    if read.contains(axis) {
        read.remove(axis);
        read.insert(source);
    }
    let over = read.minus(x_axes);
    b.scatter(ct, axis, index, &over)
}
