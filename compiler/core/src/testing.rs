//! Random well-typed programs and inputs for them, for property tests.
//!
//! A program is built from a recipe, a list of numbers each of which decides one choice, so that
//! recipes shrink to small programs. Values are kept within moderate bounds by squashing those that
//! might leave them; kinks and rigid values occur.

use crate::axis::{Axis, AxisSet, AxisTable, Role};
use crate::build::Builder;
use crate::dim::Dim;
use crate::ir::{Base, Draw, Elem, Input, InputKind, Monoid, Op, Output, Program, Var};
use crate::prim::Prim;
use ndarray::{ArrayD, IxDyn};
use proptest::prelude::{ProptestConfig, Strategy, any};
use std::collections::HashMap;

/// Programs without sites: inputs of every kind of data, a result `objective` (real, at most an axis of
/// draws) and a result `value` (real, any axes).
pub fn programs() -> impl Strategy<Value = Shown> {
    proptest::collection::vec(any::<u32>(), 4..60).prop_map(|recipe| Shown(program(&recipe)))
}

/// Failing programs are shown, not stored: their recipes mean something else once this file changes.
pub fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// A program that a failing test shows as text.
#[derive(Clone)]
pub struct Shown(pub Program);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\n{}", self.0)
    }
}

/// The parameters of the programs.
pub const PARAMS: [&str; 3] = ["a", "v", "m"];

/// The program of a recipe.
pub fn program(recipe: &[u32]) -> Program {
    let mut axes = AxisTable::default();
    let mut index = |name: &str, lower: i64, size: i64| {
        axes.index(name, Dim::known(lower), Dim::known(size), &AxisSet::new())
    };
    let (i, j, t) = (index("i", 1, 3), index("j", 0, 2), index("t", 0, 4));
    let draw = axes.fresh("draw", Dim::known(0), Dim::known(2), Role::Draw);
    let mut cook = Cook {
        b: Builder::new(axes),
        recipe: recipe.iter().copied().collect(),
        pool: Vec::new(),
        bounds: HashMap::new(),
        scans: Vec::new(),
        draw,
        ints: Vec::new(),
    };
    let inputs: [(InputKind, &str, &[Axis]); 6] = [
        (InputKind::Param, "a", &[]),
        (InputKind::Param, "v", &[i]),
        (InputKind::Param, "m", &[j, i]),
        (InputKind::Data, "x", &[draw, t]),
        (InputKind::Data, "y", &[i, t]),
        (InputKind::State, "s", &[]),
    ];
    for (kind, name, dims) in inputs {
        let var = cook.b.input(Elem::Real, Input { kind, name: name.into(), dims: dims.to_vec() });
        cook.keep(var, 1.0);
    }
    // An index into `i` for every index of `t`, and one for every index of `j`.
    for (name, dims) in [("nt", vec![t]), ("nj", vec![j])] {
        let input = Input { kind: InputKind::Data, name: name.into(), dims };
        let var = cook.b.input(Elem::Int, input);
        cook.ints.push((i, var));
    }
    while !cook.recipe.is_empty() {
        cook.step(2);
    }
    cook.serve()
}

/// The value of an input: from the hash of its name and position; ints index an axis of three from 1.
pub fn input(program: &Program, input: &Input) -> ArrayD<f64> {
    let shape: Vec<usize> = input.dims.iter().map(|axis| program.axes.size(*axis)).collect();
    let mut at = 0;
    ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
        at += 1;
        let unit = noise(&format!("{:?} {}", input.kind, input.name), at);
        if input.name.starts_with('n') { (unit * 3.0).floor() + 1.0 } else { 2.0 * unit - 1.0 }
    })
}

/// A draw: from the hash of occurrence and key, through something smooth enough in the operands.
pub fn draw(draw: &Draw, key: &[usize], operands: &[f64]) -> f64 {
    let unit = noise(&draw.occurrence, key.iter().fold(1, |hash, at| hash * 31 + at));
    let shifted = unit + operands.iter().map(|x| x.tanh()).sum::<f64>();
    if draw.base.elem() == Elem::Int { (shifted.abs() * 3.0).floor() } else { shifted }
}

/// A number in (0, 1) that looks random.
pub fn noise(name: &str, at: usize) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^= hash >> 32;
    ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// A program being cooked.
struct Cook {
    b: Builder,
    recipe: std::collections::VecDeque<u32>,
    /// Real values to choose from.
    pool: Vec<Var>,
    /// How large a value may be.
    bounds: HashMap<Var, f64>,
    /// Axis and first body variable of each open scan.
    scans: Vec<(Axis, u32)>,
    draw: Axis,
    /// Ints that index an axis.
    ints: Vec<(Axis, Var)>,
}

impl Cook {
    /// The next choice among `count`.
    fn choose(&mut self, count: usize) -> usize {
        self.recipe.pop_front().unwrap_or(0) as usize % count
    }

    /// Any value so far; rather a late one.
    fn pick(&mut self) -> Var {
        let back = self.choose(self.pool.len().min(7));
        let from_start = self.choose(4) == 0;
        if from_start { self.pool[back] } else { self.pool[self.pool.len() - 1 - back] }
    }

    /// Adds a value to choose from, smaller where it might be large, with fewer axes where it has many.
    fn keep(&mut self, var: Var, bound: f64) {
        let mut var = if bound > 8.0 { self.b.prim(Prim::Tanh, &[var]) } else { var };
        let mut bound = if bound > 8.0 { 1.0 } else { bound };
        while self.b.axes_of(var).len() > 3 {
            let Some(axis) = self.acting_axes(var).last().copied() else { return };
            var = self.b.reduce(Monoid::Max, axis, var);
        }
        if self.b.constant(var).is_none() {
            bound = bound.max(*self.bounds.get(&var).unwrap_or(&0.0));
            self.bounds.insert(var, bound);
            self.pool.push(var);
        }
    }

    fn bound(&self, var: Var) -> f64 {
        self.bounds.get(&var).copied().unwrap_or(1.0)
    }

    /// The axes an operation may act along: not those of open scans, on values of their bodies.
    fn acting_axes(&self, var: Var) -> Vec<Axis> {
        let inner = |axis| self.scans.iter().any(|(scan, first)| *scan == axis && var.0 >= *first);
        self.b.axes_of(var).iter().filter(|axis| !inner(*axis)).collect()
    }

    /// A value and an axis to act along.
    fn pick_axis(&mut self) -> Option<(Var, Axis)> {
        let x = self.pick();
        let axes = self.acting_axes(x);
        if axes.is_empty() {
            return None;
        }
        let at = self.choose(axes.len());
        Some((x, axes[at]))
    }

    /// A value and an axis of it that is not scanned: what is made of the value may be acted on too.
    fn pick_free_axis(&mut self) -> Option<(Var, Axis)> {
        self.pick_axis().filter(|(_, axis)| !self.b.scan_axes().contains(*axis))
    }

    /// Another axis of the same range that neither has.
    fn twin(&mut self, axis: Axis, x: Var, y: Var) -> Axis {
        let taken = self.b.axes_of(x).union(self.b.axes_of(y)).union(&self.b.scan_axes());
        self.b.twin(axis, &taken)
    }

    /// `c + x²`
    fn positive(&mut self, x: Var, c: f64) -> Var {
        let square = self.b.mul(x, x);
        let c = self.b.real(c);
        self.b.add(c, square)
    }

    /// One more value; `depth` scans may still be opened.
    fn step(&mut self, depth: usize) {
        match self.choose(17) {
            0..=3 => self.arithmetic(),
            4..=6 => self.unary(),
            7 => self.choice(),
            8 => self.guarded(),
            9 => self.reduction(),
            10 => self.diagonal(),
            11 => self.indexed(),
            12 => self.parts(),
            13 => self.matrix(),
            14 => self.random(),
            _ if depth > 0 => self.scan(depth - 1),
            _ => self.arithmetic(),
        }
    }

    fn arithmetic(&mut self) {
        let (x, y) = (self.pick(), self.pick());
        let (bx, by) = (self.bound(x), self.bound(y));
        let (var, bound) = match self.choose(8) {
            0 => (self.b.add(x, y), bx + by),
            1 => (self.b.sub(x, y), bx + by),
            2 | 3 => (self.b.mul(x, y), bx * by),
            4 => {
                let below = self.positive(y, 1.5);
                (self.b.div(x, below), bx)
            }
            5 => {
                let (base, exponent) = (self.positive(x, 0.5), self.b.prim(Prim::Tanh, &[y]));
                (self.b.prim(Prim::Pow, &[base, exponent]), 0.5 + bx * bx)
            }
            6 => (self.b.prim(Prim::XMulY, &[x, y]), bx * by),
            _ => {
                let second = self.positive(y, 0.5);
                let prim = [Prim::Atan2, Prim::XLogY][self.choose(2)];
                (self.b.prim(prim, &[x, second]), 3.2 + bx * (0.7 + by))
            }
        };
        self.keep(var, bound);
    }

    fn unary(&mut self) {
        use Prim::*;
        let x = self.pick();
        let bound = self.bound(x);
        let prims = [
            Neg,
            Abs,
            Exp,
            Expm1,
            Log,
            Log1p,
            Sqrt,
            Sin,
            Cos,
            Tan,
            Tanh,
            Atan,
            Sigmoid,
            Softplus,
            Lgamma,
            Polygamma(0),
            Polygamma(1),
            Erf,
            Sign,
            Floor,
            Ceil,
            Round,
            Rem,
        ];
        let prim = prims[self.choose(prims.len())];
        let (var, bound) = match prim {
            Exp | Expm1 | Tan => {
                let small = self.b.prim(Tanh, &[x]);
                (self.b.prim(prim, &[small]), 2.8)
            }
            Log | Log1p | Sqrt | Lgamma | Polygamma(_) => {
                let positive = self.positive(x, 0.7);
                (self.b.prim(prim, &[positive]), 3.0 + bound * bound)
            }
            Floor | Ceil | Round => {
                let whole = self.b.prim(prim, &[x]);
                (self.b.to_real(whole), bound + 1.0)
            }
            Rem => {
                let divisor = self.b.real(1.7);
                (self.b.prim(Rem, &[x, divisor]), 1.7)
            }
            _ => (self.b.prim(prim, &[x]), bound + 1.0),
        };
        self.keep(var, bound);
    }

    /// Largest, smallest, selected.
    fn choice(&mut self) {
        let (x, y, z) = (self.pick(), self.pick(), self.pick());
        let bound = self.bound(x).max(self.bound(y));
        let var = match self.choose(4) {
            0 => self.b.prim(Prim::Max, &[x, y]),
            1 => self.b.prim(Prim::Min, &[x, y]),
            _ => {
                let prim = [Prim::Lt, Prim::Le][self.choose(2)];
                let condition = self.b.prim(prim, &[z, y]);
                self.b.select(condition, x, y)
            }
        };
        self.keep(var, bound);
    }

    /// A branch that has no value, or no derivative, where it is not taken.
    fn guarded(&mut self) {
        let (x, other) = (self.pick(), self.pick());
        let zero = self.b.real(0.0);
        let shift = self.b.real(0.3);
        let mut condition = self.b.prim(Prim::Lt, &[shift, x]);
        if self.choose(2) == 0 {
            let narrower = self.b.prim(Prim::Lt, &[x, other]);
            condition = self.b.prim(Prim::And, &[condition, narrower]);
        }
        let old = self.b.set_guard(Some(condition));
        let clipped = self.b.prim(Prim::Max, &[x, zero]);
        let taken = match self.choose(4) {
            0 => self.b.log(clipped),
            1 => self.b.prim(Prim::Sqrt, &[clipped]),
            2 => self.b.div(other, clipped),
            _ => self.b.prim(Prim::Pow, &[clipped, other]),
        };
        self.b.set_guard(old);
        let var = self.b.select(condition, taken, other);
        self.keep(var, f64::INFINITY);
    }

    fn reduction(&mut self) {
        let Some((x, axis)) = self.pick_free_axis() else { return };
        let bound = self.bound(x);
        let (var, bound) = match self.choose(7) {
            0 => (self.b.reduce(Monoid::Max, axis, x), bound),
            1 => (self.b.reduce(Monoid::Min, axis, x), bound),
            2 => (self.b.log_sum_exp(axis, x), bound + 2.0),
            3 | 4 => {
                let (reverse, exclusive) = (self.choose(2) == 0, self.choose(2) == 0);
                (self.b.cumsum(x, axis, reverse, exclusive), 4.0 * bound)
            }
            _ => (self.b.reduce(Monoid::Sum, axis, x), 4.0 * bound),
        };
        self.keep(var, bound);
    }

    /// A table of two values over an axis and its twin; transposed, or its diagonal, or itself.
    fn diagonal(&mut self) {
        let Some((x, axis)) = self.pick_free_axis() else { return };
        let y = self.pick();
        let other = self.twin(axis, x, y);
        let product = if self.acting_axes(y).contains(&axis) {
            let renamed = self.b.rename(&[(axis, other)], y);
            self.b.mul(x, renamed)
        } else {
            let index = self.b.iota(other);
            let index = self.b.to_real(index);
            let sin = self.b.prim(Prim::Sin, &[index]);
            let sum = self.b.add(x, sin);
            self.b.mul(sum, y)
        };
        let pairs = [vec![(axis, other)], vec![(axis, other), (other, axis)], vec![(other, axis)], vec![]];
        let pairs = &pairs[self.choose(pairs.len())];
        let acting = self.acting_axes(product);
        if pairs.iter().all(|(from, _)| acting.contains(from)) {
            let bound = (self.bound(x) + 1.0) * self.bound(y);
            let var = self.b.rename(pairs, product);
            self.keep(var, bound);
        }
    }

    /// Reads at, or adds up by, computed indices.
    fn indexed(&mut self) {
        let Some((x, axis)) = self.pick_axis() else { return };
        let bound = self.bound(x);
        let ints: Vec<Var> = self.ints.iter().filter(|(of, _)| *of == axis).map(|(_, n)| *n).collect();
        let index = match self.choose(3) {
            0 if !ints.is_empty() => ints[self.choose(ints.len())],
            // One further along the axis itself, round the end.
            1 => {
                let position = self.b.position(axis);
                let one = self.b.int(1);
                let next = self.b.add(position, one);
                let size = self.b.size(axis);
                let wrapped = self.b.prim(Prim::Rem, &[next, size]);
                let lower = self.b.lower(axis);
                self.b.add(wrapped, lower)
            }
            _ => self.b.upper(axis),
        };
        if self.choose(3) > 0 {
            let var = self.b.gather(x, axis, index);
            self.keep(var, bound);
            return;
        }
        // Scatter: along the index's own axes, onto a twin of the axis it indexes.
        let target = self.twin(axis, x, index);
        let over: AxisSet = self.b.axes_of(index).intersection(self.b.axes_of(x));
        let acting = |var| self.acting_axes(var).into_iter().collect::<AxisSet>();
        if over.is_empty() || !over.is_subset(&acting(x).intersection(&acting(index))) {
            return;
        }
        let var = self.b.scatter(x, target, index, &over);
        self.keep(var, 4.0 * bound);
    }

    /// Stacks two values, or lays two end to end.
    fn parts(&mut self) {
        let (x, y) = (self.pick(), self.pick());
        let bound = self.bound(x).max(self.bound(y));
        let common: Vec<Axis> =
            self.acting_axes(x).into_iter().filter(|a| self.acting_axes(y).contains(a)).collect();
        if common.is_empty() || self.choose(2) == 0 {
            let taken = self.b.axes_of(x).union(self.b.axes_of(y)).union(&self.b.scan_axes());
            let pair = self.b.axes.index("pair", Dim::known(0), Dim::known(2), &taken);
            let var = self.b.stack(pair, &[x, y]);
            self.keep(var, bound);
        } else {
            let along = common[self.choose(common.len())];
            let size = self.b.axes.info(along).size.times(2);
            let taken = self.b.axes_of(x).union(self.b.axes_of(y)).union(&self.b.scan_axes());
            let both = self.b.axes.index("both", Dim::known(0), size, &taken);
            let var = self.b.concat(both, &[(along, x), (along, y)]);
            self.keep(var, bound);
        }
    }

    /// The Cholesky factor of `3 I + x xᵀ`, or a solution with it.
    fn matrix(&mut self) {
        let Some((x, row)) = self.pick_free_axis() else { return };
        let right = self.pick();
        let col = self.twin(row, x, right);
        let x = self.b.prim(Prim::Tanh, &[x]);
        let mirrored = self.b.rename(&[(row, col)], x);
        let product = self.b.mul(x, mirrored);
        let on = self.b.same_position(row, col);
        let (three, zero) = (self.b.real(3.0), self.b.real(0.0));
        let diagonal = self.b.select(on, three, zero);
        let matrix = self.b.add(diagonal, product);
        let l = self.b.cholesky(matrix, row, col);
        if !self.acting_axes(right).contains(&row) {
            return self.keep(l, 3.0);
        }
        let bound = self.bound(right) * 2.0;
        let var = if self.choose(2) == 0 {
            self.b.tri_solve(l, row, col, right, false)
        } else {
            let right = self.b.rename(&[(row, col)], right);
            self.b.tri_solve(l, row, col, right, true)
        };
        self.keep(var, bound);
    }

    /// A draw, a constant of a value, or a tangent in a value's place.
    fn random(&mut self) {
        let (x, y) = (self.pick(), self.pick());
        let (var, bound) = match self.choose(3) {
            0 => {
                let occurrence = format!("site{}", self.b.var_count());
                let key = [self.draw].into_iter().collect();
                let draw = Draw { base: Base::Normal, args: vec![], key, occurrence: occurrence.into() };
                let noise = self.b.emit(Op::Draw(draw));
                (self.b.mul(noise, x), self.bound(x))
            }
            1 => {
                let rigid = self.b.detach(x);
                (self.b.mul(rigid, y), self.bound(x) * self.bound(y))
            }
            _ => {
                let tangent = self.b.emit(Op::Tangent(x));
                (self.b.add(tangent, y), self.bound(x) + self.bound(y))
            }
        };
        self.keep(var, bound);
    }

    /// A recurrence with one or two carries.
    fn scan(&mut self, depth: usize) {
        let candidates: Vec<Axis> = self
            .b
            .axes
            .iter()
            .filter(|(axis, info)| info.role == Role::Index && !self.b.scan_axes().contains(*axis))
            .map(|(axis, _)| axis)
            .take(3)
            .collect();
        if candidates.is_empty() {
            return;
        }
        let axis = candidates[self.choose(candidates.len())];
        let reverse = self.choose(2) == 0;
        let mut inits: Vec<(Var, AxisSet)> = Vec::new();
        for _ in 0..1 + self.choose(2) {
            let mut init = self.pick();
            if self.b.axes_of(init).contains(axis) {
                if !self.acting_axes(init).contains(&axis) {
                    return;
                }
                let lower = self.b.lower(axis);
                init = self.b.gather(init, axis, lower);
            }
            let widen = if self.choose(2) == 0 { [self.draw].into_iter().collect() } else { AxisSet::new() };
            inits.push((init, widen));
        }
        let first = self.b.var_count() as u32;
        self.scans.push((axis, first));
        let carries = self.b.begin_scan(axis, reverse, &inits);
        let outside = self.pool.len();
        for carry in &carries {
            self.keep(*carry, 4.0);
        }
        for _ in 0..1 + self.choose(4) {
            self.step(depth);
        }
        let nexts: Vec<Var> = carries.iter().map(|carry| self.next(*carry)).collect();
        self.b.end_scan(&nexts);
        self.scans.pop();
        // Few of the body's values are seen from outside.
        let kept = self.pool[outside..].iter().rev().take(3).copied().collect::<Vec<Var>>();
        self.pool.truncate(outside);
        self.pool.extend(kept);
    }

    /// A value whose axes fit the carry's, moderate.
    fn next(&mut self, carry: Var) -> Var {
        let mut next = self.pick();
        let fits = |cook: &Self, var: Var| cook.b.axes_of(var).is_subset(cook.b.axes_of(carry));
        let extra = |cook: &Self, var: Var| {
            cook.acting_axes(var).into_iter().find(|axis| !cook.b.axes_of(carry).contains(*axis))
        };
        while let Some(axis) = extra(self, next) {
            next = self.b.reduce(Monoid::Sum, axis, next);
        }
        if !fits(self, next) {
            next = carry;
        }
        let half = self.b.real(0.5);
        let sum = self.b.mul(half, carry);
        let sum = self.b.add(sum, next);
        self.b.prim(Prim::Tanh, &[sum])
    }

    fn serve(mut self) -> Program {
        let mut total = self.b.real(0.0);
        for var in self.pool.clone().into_iter().rev().take(5) {
            let axes = self.b.axes_of(var).minus(&[self.draw].into_iter().collect());
            let squashed = self.b.prim(Prim::Sin, &[var]);
            let summed = self.b.sum(&axes, squashed);
            total = self.b.add(total, summed);
        }
        let value = self.pool[self.pool.len() - 1];
        let output = |b: &Builder, name: &str, var: Var| {
            let dims = b.axes_of(var).iter().collect();
            Output { name: name.into(), var, dims }
        };
        let results = vec![output(&self.b, "objective", total), output(&self.b, "value", value)];
        self.b.finish(results)
    }
}
