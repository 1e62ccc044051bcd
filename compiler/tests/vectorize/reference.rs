//! What a core program means, one number at a time: the rules of `vary_core::ir` read off directly.

use std::collections::{BTreeMap, HashMap};
use vary_compiler::vectorize::{base, map};
use vary_core::axis::{Axis, AxisSet};
use vary_core::ir::{Carry, InputKind, Monoid, Op, Program, Stmt, Var};
use vary_runtime::kernels::value;
use vary_runtime::random::sample;

/// An index: one position per axis.
type Index = BTreeMap<Axis, usize>;

/// Values of inputs by kind and name, row-major.
pub type Inputs = HashMap<(InputKind, String), Vec<f64>>;

pub struct Reference<'p> {
    program: &'p Program,
    inputs: &'p Inputs,
    seed: u64,
    step: u64,
    ops: HashMap<Var, &'p Op>,
    carries: HashMap<Var, (Axis, bool, &'p Carry)>,
    known: HashMap<(Var, Index), f64>,
}

impl<'p> Reference<'p> {
    pub fn new(program: &'p Program, inputs: &'p Inputs, seed: u64, step: u64) -> Self {
        let (ops, carries, known) = Default::default();
        let mut reference = Reference { program, inputs, seed, step, ops, carries, known };
        reference.collect(&program.body);
        reference
    }

    fn collect(&mut self, stmts: &'p [Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) => drop(self.ops.insert(stmt.var, &stmt.op)),
                Stmt::Scan(scan) => {
                    for carry in &scan.carries {
                        self.carries.insert(carry.var, (scan.axis, scan.reverse, carry));
                    }
                    self.collect(&scan.body);
                }
                _ => panic!("a deterministic program"),
            }
        }
    }

    /// The result of this position, row-major.
    pub fn result(&mut self, at: usize) -> Vec<f64> {
        let output = &self.program.results[at];
        let mut all = Vec::new();
        self.each(&output.dims, &mut Index::new(), &mut |reference, index| {
            all.push(reference.at(output.var, index));
        });
        all
    }

    fn size(&self, axis: Axis) -> usize {
        self.program.axes.size(axis)
    }

    /// Calls `body` at every index of `axes`, in row-major order.
    fn each(&mut self, axes: &[Axis], index: &mut Index, body: &mut dyn FnMut(&mut Self, &Index)) {
        match axes {
            [] => body(self, index),
            [axis, rest @ ..] => {
                for position in 0..self.size(*axis) {
                    index.insert(*axis, position);
                    self.each(rest, index, body);
                }
                index.remove(axis);
            }
        }
    }

    fn axes(&self, var: Var) -> &'p AxisSet {
        &self.program.vars[var.0 as usize].ty.axes
    }

    fn at(&mut self, var: Var, index: &Index) -> f64 {
        let axes = self.axes(var);
        let key: Index =
            index.iter().filter(|(axis, _)| axes.contains(**axis)).map(|(a, p)| (*a, *p)).collect();
        if let Some(known) = self.known.get(&(var, key.clone())) {
            return *known;
        }
        let number = match self.carries.get(&var) {
            Some((axis, reverse, carry)) => {
                let position = key[axis];
                let before = if *reverse {
                    Some(position + 1).filter(|p| *p < self.size(*axis))
                } else {
                    position.checked_sub(1)
                };
                match before {
                    None => self.at(carry.init, &key),
                    Some(before) => self.at(carry.next, &with(&key, *axis, before)),
                }
            }
            None => self.op(self.ops[&var], &key),
        };
        self.known.insert((var, key), number);
        number
    }

    fn op(&mut self, op: &'p Op, index: &Index) -> f64 {
        let lower = |axis: Axis| self.program.axes.info(axis).lower.value().unwrap() as f64;
        match op {
            Op::Const(number) => number.number(),
            Op::Input(input) => {
                let values = &self.inputs[&(input.kind, input.name.clone())];
                values[input.dims.iter().fold(0, |at, axis| at * self.size(*axis) + index[axis])]
            }
            Op::Iota(axis) => lower(*axis) + index[axis] as f64,
            Op::Prim(prim, args) => {
                let args: Vec<f64> = args.iter().map(|arg| self.at(*arg, index)).collect();
                value(map(*prim), &args)
            }
            Op::Reduce(monoid, axis, x) => {
                let parts = (0..self.size(*axis)).map(|p| self.at(*x, &with(index, *axis, p)));
                match monoid {
                    Monoid::Sum => parts.sum(),
                    Monoid::Max => parts.fold(f64::NEG_INFINITY, f64::max),
                    Monoid::Min => parts.fold(f64::INFINITY, f64::min),
                }
            }
            Op::Rename(pairs, x) => {
                let target =
                    |axis: Axis| pairs.iter().find(|(from, _)| *from == axis).map_or(axis, |(_, to)| *to);
                let moved = self.axes(*x).iter().map(|axis| (axis, index[&target(axis)])).collect();
                self.at(*x, &moved)
            }
            Op::Gather { x, axis, index: pointer } => {
                let position = self.at(*pointer, index) - lower(*axis);
                let inside = position >= 0.0 && position < self.size(*axis) as f64;
                if inside { self.at(*x, &with(index, *axis, position as usize)) } else { f64::NAN }
            }
            Op::Scatter { x, axis, index: pointer, over } => {
                let wanted = lower(*axis) + index[axis] as f64;
                let mut sum = 0.0;
                let over: Vec<Axis> = over.iter().collect();
                self.each(&over, &mut index.clone(), &mut |reference, index| {
                    if reference.at(*pointer, index) == wanted {
                        sum += reference.at(*x, index);
                    }
                });
                sum
            }
            Op::CumSum { x, axis, reverse, exclusive } => {
                let here = index[axis];
                let mut sum = 0.0;
                for p in 0..self.size(*axis) {
                    let before = if *reverse { p > here } else { p < here };
                    if before || p == here && !exclusive {
                        sum += self.at(*x, &with(index, *axis, p));
                    }
                }
                sum
            }
            Op::Stack { axis, parts } => self.at(parts[index[axis]], index),
            Op::Concat { axis, parts } => {
                let mut position = index[axis];
                for (laid, part) in parts {
                    if position < self.size(*laid) {
                        return self.at(*part, &with(index, *laid, position));
                    }
                    position -= self.size(*laid);
                }
                unreachable!("parts fill the axis")
            }
            Op::Cholesky { x, row, col } => {
                let n = self.size(*row);
                let mut entry = |i, j| self.at(*x, &with(&with(index, *row, i), *col, j));
                let mut l = vec![vec![0.0; n]; n];
                for i in 0..n {
                    for j in 0..=i {
                        let rest: f64 = entry(i, j) - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
                        l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
                    }
                }
                l[index[row]][index[col]]
            }
            Op::TriSolve { l, row, col, b, transposed } => {
                let n = self.size(*row);
                let (known, solved) = if *transposed { (*col, *row) } else { (*row, *col) };
                let mut x = vec![0.0; n];
                let order: Vec<usize> = if *transposed { (0..n).rev().collect() } else { (0..n).collect() };
                for (step, i) in order.iter().enumerate() {
                    let mut entry = |i, j| {
                        let (i, j) = if *transposed { (j, i) } else { (i, j) };
                        self.at(*l, &with(&with(index, *row, i), *col, j))
                    };
                    let rest: f64 = order[..step].iter().map(|j| entry(*i, *j) * x[*j]).sum();
                    let pivot = entry(*i, *i);
                    x[*i] = (self.at(*b, &with(index, known, *i)) - rest) / pivot;
                }
                x[index[&solved]]
            }
            Op::Draw(draw) => {
                let args: Vec<f64> = draw.args.iter().map(|arg| self.at(*arg, index)).collect();
                let role = |axis: Axis| self.program.axes.info(axis).role;
                let mut key: Vec<Axis> = draw.key.iter().collect();
                key.sort_by_key(|axis| (role(*axis) != vary_core::axis::Role::Draw, *axis));
                let lane = key.iter().fold(0, |lane, axis| lane * self.size(*axis) + index[axis]);
                sample(base(draw.base), &args, self.seed, &draw.occurrence, lane as u64, self.step)
            }
            Op::Detach(x) => self.at(*x, index),
            Op::Tangent(_) => 0.0,
        }
    }
}

fn with(index: &Index, axis: Axis, position: usize) -> Index {
    let mut index = index.clone();
    index.insert(axis, position);
    index
}
