//! Construction of well-typed programs.
//!
//! A [`Builder`] appends statements and keeps three promises: every operation it emits obeys the
//! typing rules of [`crate::ir`]; an operation already computed (under the same guard) is not
//! computed twice; constants and algebraic identities are folded as they appear. A pass that
//! rebuilds a program through it therefore simplifies on the way.

use crate::axis::{Axis, AxisSet, AxisTable, Role};
use crate::dim::Dim;
use crate::ir::{
    Carry, Const, Draw, Elem, Input, Let, Monoid, Op, Output, Program, Rule, Scan, Stmt, Ty, Var, VarInfo,
};
use crate::prim::Prim;
use std::collections::HashMap;
use std::rc::Rc;
use vary_diagnostic::Span;

/// Appends statements to a program under construction.
#[derive(Debug, Clone)]
pub struct Builder {
    /// All axes; passes may add some.
    pub axes: AxisTable,
    vars: Vec<VarInfo>,
    /// Statement lists of the open scans, the innermost last; the first is the program's body.
    blocks: Vec<Vec<Stmt>>,
    scans: Vec<OpenScan>,
    constants: HashMap<Var, Const>,
    /// Functions that can be undone, with their operands, by their results.
    undone: HashMap<Var, (Prim, Var)>,
    /// Operations already emitted, by key and guard.
    known: HashMap<(OpKey, Option<Var>), Var>,
    guard: Option<Var>,
    span: Span,
}

/// A scan whose body is being emitted.
#[derive(Debug, Clone)]
struct OpenScan {
    axis: Axis,
    reverse: bool,
    /// Each carry's variable and start.
    carries: Vec<(Var, Var)>,
}

/// An operation as a hash key: constants by their bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum OpKey {
    Const(Elem, u64),
    Input(Input),
    Iota(Axis),
    Prim(Prim, Vec<Var>),
    Reduce(Monoid, Axis, Var),
    Rename(Vec<(Axis, Axis)>, Var),
    Gather(Var, Axis, Var),
    Scatter(Var, Axis, Var, AxisSet),
    CumSum(Var, Axis, bool, bool),
    Stack(Axis, Vec<Var>),
    Concat(Axis, Vec<(Axis, Var)>),
    Cholesky(Var, Axis, Axis),
    TriSolve(Var, Axis, Axis, Var, bool),
    Draw(Draw),
    Detach(Var),
    Tangent(Var),
}

impl Builder {
    /// An empty program over these axes.
    pub fn new(axes: AxisTable) -> Self {
        Builder {
            axes,
            vars: Vec::new(),
            blocks: vec![Vec::new()],
            scans: Vec::new(),
            constants: HashMap::new(),
            undone: HashMap::new(),
            known: HashMap::new(),
            guard: None,
            span: Span::default(),
        }
    }

    /// The finished program with its results.
    pub fn finish(mut self, results: Vec<Output>) -> Program {
        assert!(self.scans.is_empty(), "a scan is still open");
        Program { axes: self.axes, vars: self.vars, body: self.blocks.pop().unwrap_or_default(), results }
    }

    /// The type of a variable.
    pub fn ty(&self, var: Var) -> &Ty {
        &self.vars[var.0 as usize].ty
    }

    /// The axes of a variable.
    pub fn axes_of(&self, var: Var) -> &AxisSet {
        &self.ty(var).axes
    }

    /// What is known of a variable.
    pub fn info(&self, var: Var) -> &VarInfo {
        &self.vars[var.0 as usize]
    }

    /// How many variables there are so far.
    pub fn var_count(&self) -> usize {
        self.vars.len()
    }

    /// Its value, if it is a constant.
    pub fn constant(&self, var: Var) -> Option<Const> {
        self.constants.get(&var).copied()
    }

    /// Sets the place that statements emitted from now on come from; returns the old one.
    pub fn at(&mut self, span: Span) -> Span {
        std::mem::replace(&mut self.span, span)
    }

    /// The place statements come from now.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The condition under which statements are emitted now.
    pub fn guard(&self) -> Option<Var> {
        self.guard
    }

    /// Sets the condition; returns the old one. Callers restore it.
    pub fn set_guard(&mut self, guard: Option<Var>) -> Option<Var> {
        std::mem::replace(&mut self.guard, guard)
    }

    /// Gives a variable the user's name, where it has none.
    pub fn name(&mut self, var: Var, name: &str) {
        let info = &mut self.vars[var.0 as usize];
        if info.name.is_none() {
            info.name = Some(name.to_string());
        }
    }

    /// `x` where `holds`, else NaN, with the constraint in words.
    pub fn require(&mut self, holds: Var, x: Var, rule: Rc<Rule>) -> Var {
        let var = self.prim(Prim::Require, &[holds, x]);
        self.rule(var, Some(&rule));
        var
    }

    /// Says what a variable's value must satisfy, where nothing is said yet.
    pub fn rule(&mut self, var: Var, rule: Option<&Rc<Rule>>) {
        let known = &mut self.vars[var.0 as usize].rule;
        if known.is_none() {
            *known = rule.cloned();
        }
    }

    /// A new variable, to be bound by a statement made elsewhere.
    pub fn fresh(&mut self, ty: Ty) -> Var {
        self.vars.push(VarInfo { ty, name: None, span: self.span, rule: None });
        Var(self.vars.len() as u32 - 1)
    }

    /// Appends a statement that is not a `Let`.
    pub fn push(&mut self, stmt: Stmt) {
        self.blocks.last_mut().expect("a block is open").push(stmt);
    }

    /// Opens a scan and returns its carries' variables. Types: those of `inits` with the axis, and with the axes
    /// in `widen` (those the carries get from the body).
    pub fn begin_scan(&mut self, axis: Axis, reverse: bool, inits: &[(Var, AxisSet)]) -> Vec<Var> {
        let carries: Vec<(Var, Var)> = inits
            .iter()
            .map(|(init, widen)| {
                let mut ty = self.ty(*init).clone();
                ty.axes = ty.axes.union(widen);
                ty.axes.insert(axis);
                (self.fresh(ty), *init)
            })
            .collect();
        let vars = carries.iter().map(|(var, _)| *var).collect();
        self.scans.push(OpenScan { axis, reverse, carries });
        self.blocks.push(Vec::new());
        vars
    }

    /// Closes the innermost scan; `nexts` are in the order of its carries.
    pub fn end_scan(&mut self, nexts: &[Var]) {
        let OpenScan { axis, reverse, carries } = self.scans.pop().expect("a scan is open");
        let body = self.blocks.pop().expect("its block");
        assert_eq!(carries.len(), nexts.len(), "a next for every carry");
        let carries = carries
            .into_iter()
            .zip(nexts)
            .map(|((var, init), next)| Carry { var, init, next: *next })
            .collect();
        self.push(Stmt::Scan(Scan { axis, reverse, carries, body }));
    }

    /// The axes of the open scans.
    pub fn scan_axes(&self) -> AxisSet {
        self.scans.iter().map(|scan| scan.axis).collect()
    }

    /// Emits an operation, or returns the variable that already holds it.
    pub fn emit(&mut self, op: Op) -> Var {
        if let Op::Const(value) = op {
            return self.literal(value);
        }
        let key = (op_key(&op), self.guard);
        if let Some(var) = self.known.get(&key) {
            return *var;
        }
        let var = self.fresh(self.type_of(&op));
        if let Op::Prim(prim @ (Prim::Neg | Prim::Log | Prim::Sigmoid), args) = &op {
            self.undone.insert(var, (*prim, args[0]));
        }
        self.known.insert(key, var);
        let guard = self.guard;
        self.push(Stmt::Let(Let { var, op, guard }));
        var
    }

    /// Typing rule of every operation; the operands are well-typed.
    ///
    /// # Panics
    /// When a primitive's operands do not fit: a broken invariant of the caller.
    pub fn type_of(&self, op: &Op) -> Ty {
        let axes = |var: &Var| self.axes_of(*var).clone();
        let union = |vars: &[Var]| vars.iter().fold(AxisSet::new(), |all, var| all.union(self.axes_of(*var)));
        let elem = |var: &Var| self.ty(*var).elem;
        match op {
            Op::Const(value) => Ty { elem: value.elem(), axes: AxisSet::new() },
            Op::Input(_) => unreachable!("inputs are emitted by `input`, which is told their element type"),
            Op::Iota(axis) => Ty { elem: Elem::Int, axes: [*axis].into_iter().collect() },
            Op::Prim(prim, args) => {
                let elems: Vec<Elem> = args.iter().map(elem).collect();
                match prim.result(&elems) {
                    Some(elem) => Ty { elem, axes: union(args) },
                    None => unreachable!("{} does not take {elems:?}", prim.name()),
                }
            }
            Op::Reduce(_, axis, x) => {
                let mut all = axes(x);
                all.remove(*axis);
                Ty { elem: elem(x), axes: all }
            }
            Op::Rename(pairs, x) => Ty { elem: elem(x), axes: renamed(self.axes_of(*x), pairs) },
            Op::Gather { x, axis, index } => {
                let mut all = axes(x);
                all.remove(*axis);
                Ty { elem: elem(x), axes: all.union(self.axes_of(*index)) }
            }
            Op::Scatter { x, axis, over, .. } => {
                let mut all = axes(x).minus(over);
                all.insert(*axis);
                Ty { elem: elem(x), axes: all }
            }
            Op::CumSum { x, .. } | Op::Cholesky { x, .. } | Op::Detach(x) | Op::Tangent(x) => {
                Ty { elem: elem(x), axes: axes(x) }
            }
            Op::Stack { axis, parts } => {
                let mut all = union(parts);
                all.insert(*axis);
                Ty { elem: elem(&parts[0]), axes: all }
            }
            Op::Concat { axis, parts } => {
                let mut all = AxisSet::new();
                for (part_axis, part) in parts {
                    let mut rest = axes(part);
                    rest.remove(*part_axis);
                    all = all.union(&rest);
                }
                all.insert(*axis);
                Ty { elem: elem(&parts[0].1), axes: all }
            }
            Op::TriSolve { l, row, col, b, transposed } => {
                let mut all = axes(l).union(self.axes_of(*b));
                all.remove(if *transposed { *col } else { *row });
                all.insert(if *transposed { *row } else { *col });
                Ty { elem: Elem::Real, axes: all }
            }
            Op::Draw(draw) => Ty { elem: draw.base.elem(), axes: union(&draw.args).union(&draw.key) },
        }
    }

    /// A value from outside.
    pub fn input(&mut self, elem: Elem, input: Input) -> Var {
        let key = (OpKey::Input(input.clone()), None);
        if let Some(var) = self.known.get(&key) {
            return *var;
        }
        let axes = input.dims.iter().copied().collect();
        let var = self.fresh(Ty { elem, axes });
        self.name(var, &input.name);
        self.known.insert(key, var);
        // Inputs are visible everywhere: they stand at the outermost level.
        self.blocks[0].push(Stmt::Let(Let { var, op: Op::Input(input), guard: None }));
        var
    }

    /// A real constant.
    pub fn real(&mut self, value: f64) -> Var {
        self.literal(Const::Real(value))
    }

    /// An int constant.
    pub fn int(&mut self, value: i64) -> Var {
        self.literal(Const::Int(value))
    }

    /// A bool constant.
    pub fn bool(&mut self, value: bool) -> Var {
        self.literal(Const::Bool(value))
    }

    /// A constant; constants carry no guard and stand at the outermost level.
    pub fn literal(&mut self, value: Const) -> Var {
        let key = (op_key(&Op::Const(value)), None);
        if let Some(var) = self.known.get(&key) {
            return *var;
        }
        let var = self.fresh(Ty { elem: value.elem(), axes: AxisSet::new() });
        self.constants.insert(var, value);
        self.known.insert(key, var);
        self.blocks[0].push(Stmt::Let(Let { var, op: Op::Const(value), guard: None }));
        var
    }

    /// The index along an axis.
    pub fn iota(&mut self, axis: Axis) -> Var {
        self.emit(Op::Iota(axis))
    }

    /// A pointwise primitive, folded where it can be.
    pub fn prim(&mut self, prim: Prim, args: &[Var]) -> Var {
        match self.fold(prim, args) {
            Some(var) => var,
            None => self.emit(Op::Prim(prim, args.to_vec())),
        }
    }

    /// Constants and identities that hold for every operand, also for infinities and NaN.
    fn fold(&mut self, prim: Prim, args: &[Var]) -> Option<Var> {
        let constant = |var: Var| self.constants.get(&var).map(|c| c.number());
        let values: Option<Vec<f64>> = args.iter().map(|arg| constant(*arg)).collect();
        if let Some(values) = values {
            let elem = self.ty(args[0]).elem;
            let real = |x: f64| Some(Const::Real(x));
            let number = |x: f64| match elem {
                Elem::Int => Const::Int(x as i64),
                _ => Const::Real(x),
            };
            let folded = match (prim, values.as_slice()) {
                (Prim::Neg, [a]) => Some(number(-a)),
                (Prim::Abs, [a]) => Some(number(a.abs())),
                (Prim::Exp, [a]) => real(a.exp()),
                (Prim::Log, [a]) => real(a.ln()),
                (Prim::Sqrt, [a]) => real(a.sqrt()),
                (Prim::ToReal, [a]) => real(*a),
                (Prim::ToInt, [a]) => Some(Const::Int(*a as i64)),
                (Prim::Add, [a, b]) => Some(number(a + b)),
                (Prim::Sub, [a, b]) => Some(number(a - b)),
                (Prim::Mul, [a, b]) => Some(number(a * b)),
                (Prim::Div, [a, b]) => real(a / b),
                (Prim::Pow, [a, b]) => real(a.powf(*b)),
                (Prim::Lt, [a, b]) => Some(Const::Bool(a < b)),
                (Prim::Le, [a, b]) => Some(Const::Bool(a <= b)),
                (Prim::Eq, [a, b]) => Some(Const::Bool(a == b)),
                (Prim::Ne, [a, b]) => Some(Const::Bool(a != b)),
                (Prim::Not, [a]) => Some(Const::Bool(*a == 0.0)),
                (Prim::And, [a, b]) => Some(Const::Bool(*a != 0.0 && *b != 0.0)),
                (Prim::Or, [a, b]) => Some(Const::Bool(*a != 0.0 || *b != 0.0)),
                _ => None,
            };
            if let Some(folded) = folded {
                return Some(self.literal(folded));
            }
        }
        let is = |var: Var, value: f64| constant(var) == Some(value);
        match (prim, args) {
            (Prim::Add, [a, b]) if is(*a, 0.0) => Some(*b),
            (Prim::Add | Prim::Sub, [a, b]) if is(*b, 0.0) => Some(*a),
            (Prim::Sub, [a, b]) if is(*a, 0.0) => Some(self.neg(*b)),
            (Prim::Mul, [a, b]) if is(*a, 1.0) => Some(*b),
            (Prim::Mul | Prim::Div, [a, b]) if is(*b, 1.0) => Some(*a),
            (Prim::Mul, [a, b]) if is(*a, -1.0) => Some(self.neg(*b)),
            (Prim::Mul, [a, b]) if is(*b, -1.0) => Some(self.neg(*a)),
            (Prim::Pow, [a, b]) if is(*b, 1.0) => Some(*a),
            (Prim::Pow, [a, b]) if is(*b, 2.0) => Some(self.mul(*a, *a)),
            (Prim::Pow, [a, b]) if is(*b, 3.0) => {
                let square = self.mul(*a, *a);
                Some(self.mul(square, *a))
            }
            (Prim::Pow, [a, b]) if is(*b, 0.5) => Some(self.prim(Prim::Sqrt, &[*a])),
            (Prim::Neg, [a]) => self.operand_of(Prim::Neg, *a),
            // The probability itself is smooth at 0, where its logarithm is not.
            (Prim::Exp, [a]) => self.operand_of(Prim::Log, *a),
            (Prim::And, [a, b]) if is(*a, 1.0) || a == b => Some(*b),
            (Prim::And, [a, b]) if is(*b, 1.0) => Some(*a),
            (Prim::Or, [a, b]) if is(*a, 0.0) || a == b => Some(*b),
            (Prim::Or, [a, b]) if is(*b, 0.0) => Some(*a),
            (Prim::Require, [c, a]) if is(*c, 1.0) => Some(*a),
            (Prim::Select, [c, a, _]) if is(*c, 1.0) => Some(*a),
            (Prim::Select, [c, _, b]) if is(*c, 0.0) => Some(*b),
            (Prim::Select, [_, a, b]) if a == b => Some(*a),
            (Prim::ToReal, [a]) if self.ty(*a).elem == Elem::Real => Some(*a),
            _ => None,
        }
    }

    /// x where a variable is `prim(x)`, for a negation, logarithm or sigmoid.
    pub fn operand_of(&self, prim: Prim, var: Var) -> Option<Var> {
        self.undone.get(&var).and_then(|(found, x)| (*found == prim).then_some(*x))
    }

    /// `-a`
    pub fn neg(&mut self, a: Var) -> Var {
        self.prim(Prim::Neg, &[a])
    }

    /// `a + b`
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        self.prim(Prim::Add, &[a, b])
    }

    /// `a - b`
    pub fn sub(&mut self, a: Var, b: Var) -> Var {
        self.prim(Prim::Sub, &[a, b])
    }

    /// `a · b`
    pub fn mul(&mut self, a: Var, b: Var) -> Var {
        self.prim(Prim::Mul, &[a, b])
    }

    /// `a / b`
    pub fn div(&mut self, a: Var, b: Var) -> Var {
        self.prim(Prim::Div, &[a, b])
    }

    /// `e^a`
    pub fn exp(&mut self, a: Var) -> Var {
        self.prim(Prim::Exp, &[a])
    }

    /// `log a`
    pub fn log(&mut self, a: Var) -> Var {
        self.prim(Prim::Log, &[a])
    }

    /// `c ? a : b`
    pub fn select(&mut self, c: Var, a: Var, b: Var) -> Var {
        self.prim(Prim::Select, &[c, a, b])
    }

    /// As a real.
    pub fn to_real(&mut self, a: Var) -> Var {
        if self.ty(a).elem == Elem::Real { a } else { self.prim(Prim::ToReal, &[a]) }
    }

    /// Folds one axis; along an axis the operand is constant over, sums scale by the size.
    pub fn reduce(&mut self, monoid: Monoid, axis: Axis, x: Var) -> Var {
        if self.axes_of(x).contains(axis) {
            return self.emit(Op::Reduce(monoid, axis, x));
        }
        match monoid {
            Monoid::Sum => {
                let size = self.size(axis);
                let size = if self.ty(x).elem == Elem::Real { self.to_real(size) } else { size };
                self.mul(size, x)
            }
            Monoid::Max | Monoid::Min => x,
        }
    }

    /// Sum over several axes, each counted whether or not the operand varies along it.
    pub fn sum(&mut self, axes: &AxisSet, x: Var) -> Var {
        axes.iter().fold(x, |sum, axis| self.reduce(Monoid::Sum, axis, sum))
    }

    /// The size of an axis as an int: a constant once bound, a data input before.
    pub fn size(&mut self, axis: Axis) -> Var {
        let dim = self.axes.info(axis).size.clone();
        self.dim(&dim)
    }

    /// A dimension as an int.
    pub fn dim(&mut self, dim: &Dim) -> Var {
        if let Some(size) = dim.value() {
            return self.int(size);
        }
        let mut total = self.int(dim.bind(&|_| Some(0)).value().unwrap_or(0));
        let names: Vec<String> = dim.names().map(str::to_string).collect();
        for name in names {
            let unit = dim.bind(&|n| Some(i64::from(n == name))).value().unwrap_or(0)
                - dim.bind(&|_| Some(0)).value().unwrap_or(0);
            let value = self.input(
                Elem::Int,
                Input { kind: crate::ir::InputKind::Data, name: name.clone(), dims: Vec::new() },
            );
            let unit = self.int(unit);
            let term = self.prim(Prim::Mul, &[unit, value]);
            total = self.prim(Prim::Add, &[total, term]);
        }
        total
    }

    /// Moves axes, all at once; pairs of an axis with itself are dropped.
    pub fn rename(&mut self, pairs: &[(Axis, Axis)], x: Var) -> Var {
        let kept: Vec<(Axis, Axis)> = pairs
            .iter()
            .copied()
            .filter(|(from, to)| from != to && self.axes_of(x).contains(*from))
            .collect();
        if kept.is_empty() { x } else { self.emit(Op::Rename(kept, x)) }
    }

    /// Reads along an axis; `index` is in the axis's coordinates. A value constant along it is read anywhere.
    pub fn gather(&mut self, x: Var, axis: Axis, index: Var) -> Var {
        if self.axes_of(x).contains(axis) { self.emit(Op::Gather { x, axis, index }) } else { x }
    }

    /// `log Σ exp` over one axis, safe for large values; −∞ where all are.
    pub fn log_sum_exp(&mut self, axis: Axis, x: Var) -> Var {
        let max = self.reduce(Monoid::Max, axis, x);
        let shift = self.finite_shift(max);
        let centred = self.sub(x, shift);
        let weights = self.exp(centred);
        let total = self.reduce(Monoid::Sum, axis, weights);
        let log_total = self.log(total);
        self.add(log_total, shift)
    }

    /// `log(e^a + e^b)`
    pub fn log_add_exp(&mut self, a: Var, b: Var) -> Var {
        let max = self.prim(Prim::Max, &[a, b]);
        let shift = self.finite_shift(max);
        let (ca, cb) = (self.sub(a, shift), self.sub(b, shift));
        let (ea, eb) = (self.exp(ca), self.exp(cb));
        let total = self.add(ea, eb);
        let log_total = self.log(total);
        self.add(log_total, shift)
    }

    /// The value as a constant, 0 where it is infinite: what log-sum-exp subtracts.
    fn finite_shift(&mut self, max: Var) -> Var {
        let rigid = self.detach(max);
        let size = self.prim(Prim::Abs, &[rigid]);
        let infinity = self.real(f64::INFINITY);
        let finite = self.prim(Prim::Lt, &[size, infinity]);
        let zero = self.real(0.0);
        self.select(finite, rigid, zero)
    }

    /// The value as a constant.
    pub fn detach(&mut self, x: Var) -> Var {
        if self.constants.contains_key(&x) { x } else { self.emit(Op::Detach(x)) }
    }

    /// `a && b`, where either may be absent (true).
    pub fn and_guard(&mut self, a: Option<Var>, b: Option<Var>) -> Option<Var> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.prim(Prim::And, &[a, b])),
            (one, other) => one.or(other),
        }
    }

    /// A fresh axis.
    pub fn fresh_axis(&mut self, name: &str, size: Dim, role: Role) -> Axis {
        self.axes.fresh(name, Dim::known(0), size, role)
    }
}

/// The axes after a simultaneous renaming.
pub fn renamed(axes: &AxisSet, pairs: &[(Axis, Axis)]) -> AxisSet {
    axes.iter().map(|axis| pairs.iter().find(|(from, _)| *from == axis).map_or(axis, |(_, to)| *to)).collect()
}

fn op_key(op: &Op) -> OpKey {
    match op {
        Op::Const(value) => OpKey::Const(value.elem(), value.number().to_bits()),
        Op::Input(input) => OpKey::Input(input.clone()),
        Op::Iota(axis) => OpKey::Iota(*axis),
        Op::Prim(prim, args) => OpKey::Prim(*prim, args.clone()),
        Op::Reduce(monoid, axis, x) => OpKey::Reduce(*monoid, *axis, *x),
        Op::Rename(pairs, x) => OpKey::Rename(pairs.clone(), *x),
        Op::Gather { x, axis, index } => OpKey::Gather(*x, *axis, *index),
        Op::Scatter { x, axis, index, over } => OpKey::Scatter(*x, *axis, *index, over.clone()),
        Op::CumSum { x, axis, reverse, exclusive } => OpKey::CumSum(*x, *axis, *reverse, *exclusive),
        Op::Stack { axis, parts } => OpKey::Stack(*axis, parts.clone()),
        Op::Concat { axis, parts } => OpKey::Concat(*axis, parts.clone()),
        Op::Cholesky { x, row, col } => OpKey::Cholesky(*x, *row, *col),
        Op::TriSolve { l, row, col, b, transposed } => OpKey::TriSolve(*l, *row, *col, *b, *transposed),
        Op::Draw(draw) => OpKey::Draw(draw.clone()),
        Op::Detach(x) => OpKey::Detach(*x),
        Op::Tangent(x) => OpKey::Tangent(*x),
    }
}
