//! Random well-typed programs, from a list of choices so that they shrink.

use crate::reference::Inputs;
use std::rc::Rc;
use vary_core::axis::{Axis, AxisSet, AxisTable, Role};
use vary_core::build::Builder;
use vary_core::dim::Dim;
use vary_core::ir::{Base, Draw, Elem, Input, InputKind, Monoid, Op, Output, Program, Var};
use vary_core::prim::Prim;

struct Maker<'c> {
    choices: std::slice::Iter<'c, u16>,
    b: Builder,
    draw: Axis,
    alternative: Axis,
    /// Interchangeable axes of one size.
    square: [Axis; 3],
    /// An axis that starts at 1.
    rows: Axis,
    scans: [Axis; 2],
    /// Real variables in scope.
    pool: Vec<Var>,
    /// Ints whose values are indices of `rows`.
    pointers: Vec<Var>,
    occurrences: usize,
}

/// A program and its inputs.
pub fn program(choices: &[u16], draws: usize) -> (Program, Inputs) {
    let mut axes = AxisTable::default();
    let fresh = |axes: &mut AxisTable, name: &str, lower, size, role| {
        axes.fresh(name, Dim::known(lower), Dim::known(size), role)
    };
    let rows = fresh(&mut axes, "row", 1, 5, Role::Index);
    let square = ["i", "j", "k"].map(|name| fresh(&mut axes, name, 0, 3, Role::Index));
    let draw = fresh(&mut axes, "draw", 0, draws as i64, Role::Draw);
    let alternative = fresh(&mut axes, "alt", 0, 2, Role::Alternative);
    let scans = [fresh(&mut axes, "t", 0, 4, Role::Index), fresh(&mut axes, "u", 2, 3, Role::Index)];
    let mut maker = Maker {
        choices: choices.iter(),
        b: Builder::new(axes),
        draw,
        alternative,
        square,
        rows,
        scans,
        pool: Vec::new(),
        pointers: Vec::new(),
        occurrences: 0,
    };
    let mut inputs = Inputs::new();
    maker.inputs(&mut inputs);
    while maker.choices.len() > 0 {
        maker.stmt(None);
    }
    let chosen: Vec<Var> = maker.pool.iter().rev().take(4).copied().collect();
    let results = chosen.iter().enumerate().map(|(at, var)| maker.output(at, *var)).collect();
    (maker.b.finish(results), inputs)
}

impl Maker<'_> {
    fn inputs(&mut self, inputs: &mut Inputs) {
        let [i, j, _] = self.square;
        let shapes = [
            (InputKind::Data, vec![self.rows, i]),
            (InputKind::Data, vec![j, i]),
            (InputKind::Param, vec![i]),
            (InputKind::Param, vec![j, self.rows]),
            (InputKind::State, vec![]),
            (InputKind::Data, vec![self.scans[0]]),
        ];
        for (at, (kind, dims)) in shapes.into_iter().enumerate() {
            let len: usize = dims.iter().map(|axis| self.b.axes.size(*axis)).product();
            let name = format!("x{at}");
            let values = (0..len).map(|n| ((n * 37 + at * 11) % 19) as f64 / 9.0 - 1.0).collect();
            inputs.insert((kind, name.clone()), values);
            let var = self.b.input(Elem::Real, Input { kind, name, dims });
            self.pool.push(var);
        }
        let dims = vec![self.square[2]];
        inputs.insert((InputKind::Data, "at".to_string()), vec![3.0, 1.0, 5.0]);
        let pointer = self.b.input(Elem::Int, Input { kind: InputKind::Data, name: "at".to_string(), dims });
        let rows = self.b.iota(self.rows);
        let constant = self.b.int(4);
        // Other rows at every step.
        let key = [self.square[2]].into_iter().collect();
        let uniform = Draw { base: Base::Uniform, args: vec![], key, occurrence: "rows".into() };
        let (uniform, five) = (self.b.emit(Op::Draw(uniform)), self.b.real(5.0));
        let scaled = self.b.mul(five, uniform);
        let chosen = self.b.prim(Prim::Ceil, &[scaled]);
        self.pointers.extend([pointer, rows, constant, chosen]);
        let half = self.b.real(0.5);
        self.pool.push(half);
    }

    fn choose(&mut self, n: usize) -> usize {
        self.choices.next().map_or(0, |choice| usize::from(*choice) % n)
    }

    /// A variable over some of the axes allowed, if any; mostly a recent one.
    fn var(&mut self, allowed: Option<&AxisSet>) -> Var {
        let fits = |var: &&Var| allowed.is_none_or(|axes| self.b.axes_of(**var).is_subset(axes));
        let all: Vec<Var> = self.pool.iter().filter(fits).copied().collect();
        let back = self.choose(all.len().min(12));
        all[all.len() - 1 - back]
    }

    /// One statement; in the body of a scan over axes within those allowed.
    fn stmt(&mut self, allowed: Option<&AxisSet>) {
        let kind = match allowed {
            // Random numbers, running sums and new axes stay outside of scans here.
            Some(_) => [0, 1, 2, 3, 4, 5, 7, 8, 13][self.choose(9)],
            None => self.choose(17),
        };
        let x = self.var(allowed);
        match kind {
            0 => {
                let op = [Prim::Neg, Prim::Tanh, Prim::Sigmoid, Prim::Softplus, Prim::Abs][self.choose(5)];
                let out = self.b.prim(op, &[x]);
                self.pool.push(out);
            }
            1..=3 => {
                let y = self.var(allowed);
                let op = [Prim::Add, Prim::Mul, Prim::Sub, Prim::Max, Prim::Min][self.choose(5)];
                let out = self.b.prim(op, &[x, y]);
                if self.b.axes_of(out).len() <= 5 {
                    self.pool.push(out);
                }
            }
            4 | 5 => self.reduce(x),
            6 => self.draw(x),
            7 => self.rename(x),
            8 | 9 => self.index(x),
            10 => {
                let axes: Vec<Axis> = self.b.axes_of(x).iter().filter(|a| *a != self.draw).collect();
                if !axes.is_empty() {
                    let axis = axes[self.choose(axes.len())];
                    let (reverse, exclusive) = (self.choose(2) == 1, self.choose(2) == 1);
                    let out = self.b.emit(Op::CumSum { x, axis, reverse, exclusive });
                    self.pool.push(out);
                }
            }
            11 => {
                let (y, alternative) = (self.var(None), self.alternative);
                if !self.b.axes_of(x).union(self.b.axes_of(y)).contains(alternative) {
                    let out = self.b.emit(Op::Stack { axis: alternative, parts: vec![x, y] });
                    self.pool.push(out);
                }
            }
            12 => {
                let [i, j, _] = self.square;
                let y = self.var(None);
                let has = |var, axis| self.b.axes_of(var).contains(axis);
                if has(x, i) && has(y, j) && self.b.axes_of(x).union(self.b.axes_of(y)).len() < 5 {
                    let axis = self.b.fresh_axis("ij", Dim::known(6), Role::Index);
                    let out = self.b.emit(Op::Concat { axis, parts: vec![(i, x), (j, y)] });
                    let total = self.b.reduce(Monoid::Max, axis, out);
                    self.pool.push(out);
                    self.pool.push(total);
                }
            }
            13 => self.factor(x),
            14 => {
                let y = self.var(None);
                let zero = self.b.real(0.1);
                let c = self.b.prim(Prim::Lt, &[zero, y]);
                let out = self.b.select(c, x, y);
                if self.b.axes_of(out).len() <= 5 {
                    self.pool.push(out);
                }
            }
            _ => self.scan(&AxisSet::new(), 0),
        }
    }

    fn reduce(&mut self, x: Var) {
        let scanned = self.b.scan_axes();
        let axes: Vec<Axis> = self.b.axes_of(x).iter().filter(|axis| !scanned.contains(*axis)).collect();
        if axes.is_empty() {
            return;
        }
        let axis = axes[self.choose(axes.len())];
        let monoid = [Monoid::Sum, Monoid::Sum, Monoid::Max, Monoid::Min][self.choose(4)];
        let out = self.b.reduce(monoid, axis, x);
        self.pool.push(out);
    }

    fn draw(&mut self, x: Var) {
        let axes = self.b.axes_of(x).clone();
        let mut key: AxisSet = axes.iter().filter(|axis| *axis != self.alternative).collect();
        if self.choose(3) > 0 {
            key.insert(self.draw);
        }
        if key.len() > 4 {
            return;
        }
        self.occurrences += 1;
        let occurrence: Rc<str> = format!("site{}", self.occurrences).into();
        let (base, args) = match self.choose(4) {
            0 => (Base::Normal, vec![]),
            1 => (Base::Uniform, vec![]),
            2 => {
                let square = self.b.mul(x, x);
                let half = self.b.real(0.5);
                (Base::Gamma, vec![self.b.add(square, half)])
            }
            _ => (Base::Poisson, vec![self.b.prim(Prim::Softplus, &[x])]),
        };
        let out = self.b.emit(Op::Draw(Draw { base, args, key, occurrence }));
        let out = self.b.to_real(out);
        self.pool.push(out);
    }

    fn rename(&mut self, x: Var) {
        let [i, j, k] = self.square;
        let pairs = [vec![(i, j)], vec![(i, j), (j, i)], vec![(j, k)], vec![(i, k), (j, i)]];
        let pairs = &pairs[self.choose(4)];
        let pairs: Vec<_> =
            pairs.iter().copied().filter(|(from, _)| self.b.axes_of(x).contains(*from)).collect();
        let out = self.b.rename(&pairs, x);
        self.pool.push(out);
    }

    fn index(&mut self, x: Var) {
        let which = self.choose(4);
        let pointer = self.pointers[which];
        let rows = self.rows;
        if self.b.axes_of(x).contains(rows) {
            let out = self.b.gather(x, rows, pointer);
            self.pool.push(out);
        } else if self.b.axes_of(pointer).is_subset(self.b.axes_of(x)) && !self.b.axes_of(x).is_empty() {
            let mut over = self.b.axes_of(pointer).clone();
            if over.is_empty() {
                let scanned = self.b.scan_axes();
                over = self.b.axes_of(x).minus(&scanned).iter().take(1).collect();
            }
            if over.is_empty() {
                return;
            }
            let out = self.b.emit(Op::Scatter { x, axis: rows, index: pointer, over });
            self.pool.push(out);
        }
    }

    /// A factor of `tanh(x) tanh(x)ᵀ + 1` and both solves with it.
    fn factor(&mut self, x: Var) {
        let [i, j, k] = self.square;
        let axes = self.b.axes_of(x).clone();
        if !axes.contains(i) || axes.contains(j) || axes.contains(k) {
            return;
        }
        let row = self.b.prim(Prim::Tanh, &[x]);
        let col = self.b.rename(&[(i, j)], row);
        let product = self.b.mul(row, col);
        let (rows, cols) = (self.b.iota(i), self.b.iota(j));
        let same = self.b.prim(Prim::Eq, &[rows, cols]);
        let diagonal = self.b.to_real(same);
        let matrix = self.b.add(product, diagonal);
        let l = self.b.emit(Op::Cholesky { x: matrix, row: i, col: j });
        let transposed = self.choose(2) == 1;
        let b = if transposed { col } else { row };
        let out = self.b.emit(Op::TriSolve { l, row: i, col: j, b, transposed });
        self.pool.push(l);
        self.pool.push(out);
    }

    /// A scan with two carries, which swap now and then; perhaps with another inside.
    fn scan(&mut self, outer: &AxisSet, depth: usize) {
        let axis = self.scans[depth];
        let others = match self.choose(3) {
            0 => vec![self.draw, self.square[0]],
            1 => vec![self.draw, self.square[0], self.square[1]],
            _ => vec![self.square[0], self.rows],
        };
        let widen: AxisSet = others.into_iter().chain(outer.iter()).collect();
        let mut allowed = widen.clone();
        allowed.insert(axis);
        let mut before = widen.clone();
        before.remove(axis);
        let inits = [self.var(Some(&before)), self.var(Some(&before))];
        let reverse = self.choose(2) == 1;
        let carries =
            self.b.begin_scan(axis, reverse, &[(inits[0], widen.clone()), (inits[1], widen.clone())]);
        self.pool.extend(&carries);
        for _ in 0..2 + self.choose(4) {
            self.stmt(Some(&allowed));
        }
        if depth == 0 && self.choose(3) == 0 {
            self.scan(&allowed, 1);
            self.stmt(Some(&allowed));
        }
        let mut next = |carry: Var| {
            let var = self.var(Some(&allowed));
            match self.choose(3) {
                // Carried values that become one another are taken all at once.
                0 => carry,
                _ => self.b.prim(Prim::Tanh, &[var]),
            }
        };
        let bounded = [next(carries[1]), next(carries[0])];
        self.b.end_scan(&bounded);
    }

    fn output(&mut self, at: usize, var: Var) -> Output {
        let mut dims: Vec<Axis> = self.b.axes_of(var).iter().collect();
        let turn = self.choose(dims.len().max(1));
        dims.rotate_left(turn);
        if !dims.contains(&self.draw) && self.choose(2) == 0 {
            dims.insert(0, self.draw);
        }
        Output { name: format!("result{at}"), var, dims }
    }
}
