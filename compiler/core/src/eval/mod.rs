//! The reference interpreter: the specification in [`crate::ir`], executed entry by entry.
//!
//! Slow on purpose. A value is an array with one dimension per axis of its type, and an operation is
//! evaluated at every index of its result, given by the position on each axis. Inside a scan the
//! scanned axis has a fixed position; values bound in the body are stored whole, step by step, which
//! is how they are seen after the scan.
//!
//! Indices out of range: `gather` gives NaN, `scatter` drops the summand. A program
//! uses such entries only where a guard says they are irrelevant.

mod number;

use crate::axis::{Axis, AxisSet};
use crate::ir::{Draw, Elem, Input, InputKind, Let, Monoid, Op, Output, Program, Scan, Stmt, Var};
use crate::visit;
use ndarray::{ArrayD, IxDyn};
use std::collections::HashMap;
use std::fmt;

/// Why a program cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalError {
    /// The size of this axis is not known yet.
    Unbound(String),
    /// An input's array does not have the sizes of its dimensions.
    Shape {
        /// The input.
        input: String,
        /// The sizes of its dimensions.
        expected: Vec<usize>,
        /// Those of the array given.
        found: Vec<usize>,
    },
    /// A result varies over an axis that is not among its dimensions.
    Result(String),
    /// The program has sites, factors or reports, which have no value.
    Effect,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EvalError::Unbound(axis) => write!(f, "the size of axis `{axis}` is not known"),
            EvalError::Shape { input, expected, found } => {
                write!(f, "input `{input}` has the sizes {found:?} where {expected:?} are expected")
            }
            EvalError::Result(name) => write!(f, "result `{name}` varies over an axis it does not list"),
            EvalError::Effect => write!(f, "sites, factors and reports have no value"),
        }
    }
}

impl std::error::Error for EvalError {}

/// Where random primitives get their values: from the draw, the position on each key axis in order (on one of rows of a
/// minibatch, the row), and the operands' values.
pub type Draws<'a> = dyn FnMut(&Draw, &[usize], &[f64]) -> f64 + 'a;

/// The results by name, each with the dimensions of its [`Output`].
pub fn eval<'a>(
    program: &'a Program,
    inputs: &'a dyn Fn(&Input) -> ArrayD<f64>,
    draws: &'a mut Draws<'a>,
) -> Result<HashMap<String, ArrayD<f64>>, EvalError> {
    let mut sizes = Vec::with_capacity(program.axes.len());
    for (_, info) in program.axes.iter() {
        let size = info.size.value().zip(info.lower.value());
        let (size, lower) = size.ok_or_else(|| EvalError::Unbound(info.name.clone()))?;
        sizes.push((usize::try_from(size).unwrap_or(0), lower));
    }
    let mut values = vec![ArrayD::zeros(IxDyn(&[0])); program.vars.len()];
    visit::bound(&program.body, &mut |var| {
        let axes = &program.vars[var.0 as usize].ty.axes;
        let shape: Vec<usize> = axes.iter().map(|axis| sizes[axis.0 as usize].0).collect();
        values[var.0 as usize] = ArrayD::zeros(IxDyn(&shape));
    });
    let position = vec![0; sizes.len()];
    let mut machine = Machine { program, inputs, draws, sizes, values, position, fixed: AxisSet::new() };
    machine.stmts(&program.body)?;
    program.results.iter().map(|result| Ok((result.name.clone(), machine.result(result)?))).collect()
}

struct Machine<'a> {
    program: &'a Program,
    inputs: &'a dyn Fn(&Input) -> ArrayD<f64>,
    draws: &'a mut Draws<'a>,
    /// Size and first index of every axis.
    sizes: Vec<(usize, i64)>,
    /// Every variable, whole.
    values: Vec<ArrayD<f64>>,
    /// Where on each axis an operation is being evaluated.
    position: Vec<usize>,
    /// The axes of the open scans.
    fixed: AxisSet,
}

impl<'a> Machine<'a> {
    fn stmts(&mut self, stmts: &'a [Stmt]) -> Result<(), EvalError> {
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) => self.bind(stmt)?,
                Stmt::Scan(scan) => self.scan(scan)?,
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {
                    return Err(EvalError::Effect);
                }
            }
        }
        Ok(())
    }

    fn axes(&self, var: Var) -> &'a AxisSet {
        &self.program.vars[var.0 as usize].ty.axes
    }

    fn size(&self, axis: Axis) -> usize {
        self.sizes[axis.0 as usize].0
    }

    /// The position on an axis that random keys count by.
    fn keyed(&self, axis: Axis) -> usize {
        let at = self.position[axis.0 as usize];
        let info = self.program.axes.info(axis);
        if info.of.is_none() {
            return at;
        }
        let rows = Input { kind: InputKind::State, name: info.rows(), dims: vec![axis] };
        (self.inputs)(&rows)[at] as usize
    }

    /// Calls `f` at every position along the axes.
    fn each(&mut self, axes: &[Axis], f: &mut dyn FnMut(&mut Self)) {
        let Some((axis, rest)) = axes.split_first() else { return f(self) };
        for at in 0..self.size(*axis) {
            self.at(*axis, at, |machine| machine.each(rest, f));
        }
    }

    /// Calls `f` at another position on one axis.
    fn at<T>(&mut self, axis: Axis, at: usize, f: impl FnOnce(&mut Self) -> T) -> T {
        let old = std::mem::replace(&mut self.position[axis.0 as usize], at);
        let value = f(self);
        self.position[axis.0 as usize] = old;
        value
    }

    fn place(&self, axes: &AxisSet) -> IxDyn {
        IxDyn(&axes.iter().map(|axis| self.position[axis.0 as usize]).collect::<Vec<usize>>())
    }

    fn read(&self, var: Var) -> f64 {
        self.values[var.0 as usize][self.place(self.axes(var))]
    }

    fn write(&mut self, var: Var, value: f64) {
        let place = self.place(self.axes(var));
        self.values[var.0 as usize][place] = value;
    }

    /// The axes of a result that are not fixed by a scan.
    fn free(&self, var: Var) -> Vec<Axis> {
        self.axes(var).minus(&self.fixed).iter().collect()
    }

    fn bind(&mut self, stmt: &Let) -> Result<(), EvalError> {
        let var = stmt.var;
        let free = self.free(var);
        match &stmt.op {
            Op::Input(input) => {
                let array = (self.inputs)(input);
                let expected: Vec<usize> = input.dims.iter().map(|axis| self.size(*axis)).collect();
                if array.shape() != expected {
                    let found = array.shape().to_vec();
                    return Err(EvalError::Shape { input: input.name.clone(), expected, found });
                }
                self.each(&input.dims, &mut |machine| {
                    let place: Vec<usize> =
                        input.dims.iter().map(|axis| machine.position[axis.0 as usize]).collect();
                    machine.write(var, array[IxDyn(&place)]);
                });
            }
            Op::Cholesky { x, row, col } => {
                let batch: Vec<Axis> = free.into_iter().filter(|axis| axis != row && axis != col).collect();
                self.each(&batch, &mut |machine| {
                    let factor = cholesky(machine.matrix(*x, *row, *col));
                    machine.each(&[*row, *col], &mut |machine| {
                        let (r, c) = (machine.position[row.0 as usize], machine.position[col.0 as usize]);
                        machine.write(var, factor[r][c]);
                    });
                });
            }
            Op::TriSolve { l, row, col, b, transposed } => {
                let (given, solved) = if *transposed { (*col, *row) } else { (*row, *col) };
                let batch: Vec<Axis> = free.into_iter().filter(|axis| *axis != solved).collect();
                self.each(&batch, &mut |machine| {
                    let factor = machine.matrix(*l, *row, *col);
                    let right: Vec<f64> = (0..machine.size(given))
                        .map(|at| machine.at(given, at, |machine| machine.read(*b)))
                        .collect();
                    let solution = solve(&factor, right, *transposed);
                    for (at, value) in solution.into_iter().enumerate() {
                        machine.at(solved, at, |machine| machine.write(var, value));
                    }
                });
            }
            op => self.each(&free, &mut |machine| {
                let value = machine.entry(op, var);
                machine.write(var, value);
            }),
        }
        Ok(())
    }

    fn matrix(&mut self, x: Var, row: Axis, col: Axis) -> Vec<Vec<f64>> {
        let entry = |machine: &mut Self, r, c| machine.at(row, r, |m| m.at(col, c, |m| m.read(x)));
        (0..self.size(row)).map(|r| (0..self.size(col)).map(|c| entry(self, r, c)).collect()).collect()
    }

    /// The value of an operation at the current position.
    fn entry(&mut self, op: &Op, out: Var) -> f64 {
        match op {
            Op::Const(value) => value.number(),
            Op::Iota(axis) => self.position[axis.0 as usize] as f64 + self.sizes[axis.0 as usize].1 as f64,
            Op::Prim(prim, args) => prim.eval(&args.iter().map(|arg| self.read(*arg)).collect::<Vec<f64>>()),
            Op::Reduce(monoid, axis, x) => {
                let bools = self.program.vars[out.0 as usize].ty.elem == Elem::Bool;
                let empty = match monoid {
                    Monoid::Sum => 0.0,
                    Monoid::Max if bools => 0.0,
                    Monoid::Min if bools => 1.0,
                    Monoid::Max => f64::NEG_INFINITY,
                    Monoid::Min => f64::INFINITY,
                };
                (0..self.size(*axis)).fold(empty, |folded, at| {
                    let value = self.at(*axis, at, |machine| machine.read(*x));
                    fold(*monoid, folded, value)
                })
            }
            Op::Rename(pairs, x) => {
                let old = self.position.clone();
                for (from, to) in pairs {
                    self.position[from.0 as usize] = old[to.0 as usize];
                }
                let value = self.read(*x);
                self.position = old;
                value
            }
            Op::Gather { x, axis, index } => {
                let at = self.read(*index) - self.sizes[axis.0 as usize].1 as f64;
                if !(at >= 0.0 && at < self.size(*axis) as f64) {
                    return f64::NAN;
                }
                self.at(*axis, at as usize, |machine| machine.read(*x))
            }
            Op::Scatter { x, axis, index, over } => {
                let here = self.position[axis.0 as usize] as f64 + self.sizes[axis.0 as usize].1 as f64;
                let mut sum = 0.0;
                self.each(&over.iter().collect::<Vec<Axis>>(), &mut |machine| {
                    if machine.read(*index) == here {
                        sum += machine.read(*x);
                    }
                });
                sum
            }
            Op::CumSum { x, axis, reverse, exclusive } => {
                let (here, size) = (self.position[axis.0 as usize], self.size(*axis));
                let range = match (reverse, exclusive) {
                    (false, false) => 0..here + 1,
                    (false, true) => 0..here,
                    (true, false) => here..size,
                    (true, true) => here + 1..size,
                };
                range.map(|at| self.at(*axis, at, |machine| machine.read(*x))).sum()
            }
            Op::Stack { axis, parts } => self.read(parts[self.position[axis.0 as usize]]),
            Op::Concat { axis, parts } => {
                let mut at = self.position[axis.0 as usize];
                for (along, part) in parts {
                    if at < self.size(*along) {
                        return self.at(*along, at, |machine| machine.read(*part));
                    }
                    at -= self.size(*along);
                }
                unreachable!("the parts of a concat are as long as its axis")
            }
            Op::Draw(draw) => {
                let key: Vec<usize> = draw.key.iter().map(|axis| self.keyed(axis)).collect();
                let operands: Vec<f64> = draw.args.iter().map(|arg| self.read(*arg)).collect();
                (self.draws)(draw, &key, &operands)
            }
            Op::Detach(x) => self.read(*x),
            Op::Tangent(_) => 0.0,
            Op::Input(_) | Op::Cholesky { .. } | Op::TriSolve { .. } => {
                unreachable!("evaluated whole by `bind`")
            }
        }
    }

    fn scan(&mut self, scan: &'a Scan) -> Result<(), EvalError> {
        let axis = scan.axis;
        let size = self.size(axis);
        let mut previous = None;
        self.fixed.insert(axis);
        for step in 0..size {
            let here = if scan.reverse { size - 1 - step } else { step };
            for carry in &scan.carries {
                self.each(&self.free(carry.var), &mut |machine| {
                    let value = match previous {
                        None => machine.read(carry.init),
                        Some(at) => machine.at(axis, at, |machine| machine.read(carry.next)),
                    };
                    machine.at(axis, here, |machine| machine.write(carry.var, value));
                });
            }
            self.position[axis.0 as usize] = here;
            self.stmts(&scan.body)?;
            previous = Some(here);
        }
        self.fixed.remove(axis);
        Ok(())
    }

    fn result(&mut self, result: &Output) -> Result<ArrayD<f64>, EvalError> {
        let listed: AxisSet = result.dims.iter().copied().collect();
        if !self.axes(result.var).is_subset(&listed) {
            return Err(EvalError::Result(result.name.clone()));
        }
        let shape: Vec<usize> = result.dims.iter().map(|axis| self.size(*axis)).collect();
        let mut array = ArrayD::zeros(IxDyn(&shape));
        self.each(&result.dims, &mut |machine| {
            let place: Vec<usize> =
                result.dims.iter().map(|axis| machine.position[axis.0 as usize]).collect();
            array[IxDyn(&place)] = machine.read(result.var);
        });
        Ok(array)
    }
}

fn fold(monoid: Monoid, folded: f64, value: f64) -> f64 {
    use crate::prim::Prim;
    match monoid {
        Monoid::Sum => folded + value,
        Monoid::Max => Prim::Max.eval(&[folded, value]),
        Monoid::Min => Prim::Min.eval(&[folded, value]),
    }
}

/// Row by row; NaN where the matrix is not positive definite.
fn cholesky(x: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = x.len();
    let mut l = vec![vec![0.0; n]; n];
    for r in 0..n {
        for c in 0..=r {
            let known: f64 = (0..c).map(|k| l[r][k] * l[c][k]).sum();
            let rest = x[r][c] - known;
            l[r][c] = if r == c { rest.sqrt() } else { rest / l[c][c] };
        }
    }
    l
}

/// Substitution, from the first unknown or, transposed, from the last.
fn solve(l: &[Vec<f64>], right: Vec<f64>, transposed: bool) -> Vec<f64> {
    let n = right.len();
    let mut x = vec![0.0; n];
    for step in 0..n {
        let at = if transposed { n - 1 - step } else { step };
        let known: f64 = if transposed {
            (at + 1..n).map(|k| l[k][at] * x[k]).sum()
        } else {
            (0..at).map(|k| l[at][k] * x[k]).sum()
        };
        x[at] = (right[at] - known) / l[at][at];
    }
    x
}
