//! Constructors of the operations that act along axes.
//!
//! The typing rules of [`crate::ir`] want operands that have the axes acted on. Folding, and
//! tangents that vary less than their primals, give operands that are constant along such an axis;
//! the constructors here take those too. Passes re-emit operations through [`Builder::again`].

use crate::axis::{Axis, AxisSet, Role};
use crate::build::Builder;
use crate::ir::{Elem, Op, Var};
use crate::prim::Prim;

impl Builder {
    /// The operation, through the constructor that folds it; `elem` is the result's element type.
    pub fn again(&mut self, op: Op, elem: Elem) -> Var {
        match op {
            Op::Const(value) => self.literal(value),
            Op::Input(input) => self.input(elem, input),
            Op::Prim(prim, args) => self.prim(prim, &args),
            Op::Reduce(monoid, axis, x) => self.reduce(monoid, axis, x),
            Op::Rename(pairs, x) => self.rename(&pairs, x),
            Op::Gather { x, axis, index } => self.gather(x, axis, index),
            Op::Scatter { x, axis, index, over } => self.scatter(x, axis, index, &over),
            Op::CumSum { x, axis, reverse, exclusive } => self.cumsum(x, axis, reverse, exclusive),
            Op::Concat { axis, parts } => self.concat(axis, &parts),
            Op::Cholesky { x, row, col } => self.cholesky(x, row, col),
            Op::TriSolve { l, row, col, b, transposed } => self.tri_solve(l, row, col, b, transposed),
            Op::Detach(x) => self.detach(x),
            Op::Iota(_) | Op::Stack { .. } | Op::Draw(_) | Op::Tangent(_) => self.emit(op),
        }
    }

    /// The value with the axis in its type, repeated along it where it was constant.
    pub fn spread(&mut self, x: Var, axis: Axis) -> Var {
        if self.axes_of(x).contains(axis) {
            return x;
        }
        // A choice that always falls on `x`: linear in it, and not folded away.
        let index = self.iota(axis);
        let always = self.prim(Prim::Eq, &[index, index]);
        let zero = self.zero(self.ty(x).elem);
        self.emit(Op::Prim(Prim::Select, vec![always, x, zero]))
    }

    /// The zero of an element type.
    pub fn zero(&mut self, elem: Elem) -> Var {
        match elem {
            Elem::Real => self.real(0.0),
            Elem::Int => self.int(0),
            Elem::Bool => self.bool(false),
        }
    }

    /// At index j of `axis`, the sum over `over` of `x` where `index = j`.
    pub fn scatter(&mut self, x: Var, axis: Axis, index: Var, over: &AxisSet) -> Var {
        // What the index does not vary over can be summed first.
        let along = over.intersection(self.axes_of(index));
        let summed = self.sum(&over.minus(&along), x);
        if along.is_empty() {
            let here = self.iota(axis);
            let hit = self.prim(Prim::Eq, &[here, index]);
            let zero = self.zero(self.ty(summed).elem);
            return self.select(hit, summed, zero);
        }
        let index_axes = self.axes_of(index).clone();
        let x = index_axes.iter().fold(summed, |x, axis| self.spread(x, axis));
        self.emit(Op::Scatter { x, axis, index, over: along })
    }

    /// Sums over the indices up to the current one.
    pub fn cumsum(&mut self, x: Var, axis: Axis, reverse: bool, exclusive: bool) -> Var {
        let x = self.spread(x, axis);
        self.emit(Op::CumSum { x, axis, reverse, exclusive })
    }

    /// A new axis whose k-th position is the k-th part.
    pub fn stack(&mut self, axis: Axis, parts: &[Var]) -> Var {
        self.emit(Op::Stack { axis, parts: parts.to_vec() })
    }

    /// Parts one after another along a new axis.
    pub fn concat(&mut self, axis: Axis, parts: &[(Axis, Var)]) -> Var {
        let parts = parts.iter().map(|(along, part)| (*along, self.spread(*part, *along))).collect();
        self.emit(Op::Concat { axis, parts })
    }

    /// The lower Cholesky factor of `x[row, col]`.
    pub fn cholesky(&mut self, x: Var, row: Axis, col: Axis) -> Var {
        let x = self.spread(x, row);
        let x = self.spread(x, col);
        self.emit(Op::Cholesky { x, row, col })
    }

    /// Solves with the lower triangle of `l[row, col]`; see [`Op::TriSolve`].
    pub fn tri_solve(&mut self, l: Var, row: Axis, col: Axis, b: Var, transposed: bool) -> Var {
        let l = self.spread(l, row);
        let l = self.spread(l, col);
        let b = self.spread(b, if transposed { col } else { row });
        self.emit(Op::TriSolve { l, row, col, b, transposed })
    }

    /// The position along an axis, from 0.
    pub fn position(&mut self, axis: Axis) -> Var {
        let index = self.iota(axis);
        let lower = self.lower(axis);
        self.sub(index, lower)
    }

    /// The first index of an axis.
    pub fn lower(&mut self, axis: Axis) -> Var {
        let lower = self.axes.info(axis).lower.clone();
        self.dim(&lower)
    }

    /// The last index of an axis.
    pub fn upper(&mut self, axis: Axis) -> Var {
        let info = self.axes.info(axis);
        let upper = info.lower.plus(&info.size).minus(&crate::dim::Dim::known(1));
        self.dim(&upper)
    }

    /// Whether the positions along two axes are the same.
    pub fn same_position(&mut self, a: Axis, b: Axis) -> Var {
        let (a, b) = (self.position(a), self.position(b));
        self.prim(Prim::Eq, &[a, b])
    }

    /// Another axis over the same range, not in `taken`.
    pub fn twin(&mut self, axis: Axis, taken: &AxisSet) -> Axis {
        let info = self.axes.info(axis).clone();
        let mut taken = taken.clone();
        taken.insert(axis);
        if info.role == Role::Index {
            self.axes.index(&info.name, info.lower, info.size, &taken)
        } else {
            // Of these roles a program has one axis, or an axis means randomness; a twin is a mere index.
            self.axes.fresh(&info.name, info.lower, info.size, Role::Index)
        }
    }
}
