//! Typing rules, one per operation.

use super::{Judge, Judgement, Problem};
use crate::axis::{Axis, AxisSet};
use crate::dim::Dim;
use crate::ir::{Base, Elem, Let, Monoid, Op, Ty, Var};

/// The axes along which an operation acts on each operand, rather than pointwise.
pub(super) fn acted_on(op: &Op) -> Vec<(Var, Vec<Axis>)> {
    match op {
        Op::Const(_) | Op::Input(_) | Op::Iota(_) | Op::Prim(..) | Op::Stack { .. } | Op::Draw(_) => {
            Vec::new()
        }
        Op::Detach(_) | Op::Tangent(_) => Vec::new(),
        Op::Reduce(_, axis, x) | Op::CumSum { x, axis, .. } | Op::Gather { x, axis, .. } => {
            vec![(*x, vec![*axis])]
        }
        Op::Rename(pairs, x) => vec![(*x, pairs.iter().map(|(from, _)| *from).collect())],
        Op::Scatter { x, index, over, .. } => {
            let over: Vec<Axis> = over.iter().collect();
            vec![(*x, over.clone()), (*index, over)]
        }
        Op::Concat { parts, .. } => parts.iter().map(|(along, part)| (*part, vec![*along])).collect(),
        Op::Cholesky { x, row, col } => vec![(*x, vec![*row, *col])],
        Op::TriSolve { l, row, col, b, .. } => vec![(*l, vec![*row, *col]), (*b, vec![*row, *col])],
    }
}

impl Judge<'_> {
    /// Whether the type recorded for a variable is that of its operation.
    pub(super) fn typed(&self, stmt: &Let) -> Judgement {
        let recorded = &self.program.vars[stmt.var.0 as usize].ty;
        let derived = self.derive(&stmt.op, recorded)?;
        self.require(*recorded == derived, || Problem::Type {
            recorded: self.show(recorded),
            derived: self.show(&derived),
        })
    }

    fn show(&self, ty: &Ty) -> String {
        let axes: Vec<String> = ty.axes.iter().map(|axis| self.axis(axis)).collect();
        format!("{:?}[{}]", ty.elem, axes.join(", ")).to_lowercase()
    }

    /// The type of an operation; of an input, which is told its element type, with that recorded.
    fn derive(&self, op: &Op, recorded: &Ty) -> Result<Ty, super::CheckError> {
        let elems = |vars: &[Var]| vars.iter().map(|var| self.elem(*var)).collect::<Vec<Elem>>();
        let union = |vars: &[Var]| vars.iter().fold(AxisSet::new(), |all, var| all.union(self.axes(*var)));
        let ty = |elem: Elem, axes: AxisSet| Ok(Ty { elem, axes });
        match op {
            Op::Const(value) => ty(value.elem(), AxisSet::new()),
            Op::Input(input) => {
                self.input(input.kind, &input.dims)?;
                ty(recorded.elem, input.dims.iter().copied().collect())
            }
            Op::Iota(axis) => ty(Elem::Int, [*axis].into_iter().collect()),
            Op::Prim(prim, args) => {
                let arity = Problem::Arity { expected: prim.arity(), found: args.len() };
                self.require(args.len() == prim.arity(), || arity)?;
                let elem = prim.result(&elems(args));
                ty(elem.ok_or_else(|| self.error(Problem::Elements(elems(args))))?, union(args))
            }
            Op::Reduce(monoid, axis, x) => {
                self.takes(*x, |elem| *monoid != Monoid::Sum || elem != Elem::Bool)?;
                self.has(*x, *axis)?;
                ty(self.elem(*x), without(self.axes(*x), *axis))
            }
            Op::Rename(pairs, x) => {
                let sources: Vec<Axis> = pairs.iter().map(|(from, _)| *from).collect();
                self.distinct(&sources)?;
                for (from, to) in pairs {
                    self.has(*x, *from)?;
                    self.same_size(*from, *to)?;
                }
                let renamed = |axis| pairs.iter().find(|(from, _)| *from == axis).map_or(axis, |(_, to)| *to);
                ty(self.elem(*x), self.axes(*x).iter().map(renamed).collect())
            }
            Op::Gather { x, axis, index } => {
                self.takes(*index, |elem| elem == Elem::Int)?;
                self.has(*x, *axis)?;
                ty(self.elem(*x), without(self.axes(*x), *axis).union(self.axes(*index)))
            }
            Op::Scatter { x, axis, index, over } => {
                self.takes(*index, |elem| elem == Elem::Int)?;
                self.takes(*x, |elem| elem != Elem::Bool)?;
                for axis in self.axes(*index).union(over).iter() {
                    self.has(*x, axis)?;
                }
                self.lacks(*x, *axis)?;
                ty(self.elem(*x), with(&self.axes(*x).minus(over), *axis))
            }
            Op::CumSum { x, axis, .. } => {
                self.takes(*x, |elem| elem != Elem::Bool)?;
                self.has(*x, *axis)?;
                ty(self.elem(*x), self.axes(*x).clone())
            }
            Op::Stack { axis, parts } => {
                let size = &self.program.axes.info(*axis).size;
                let count = Dim::known(parts.len() as i64);
                self.require(*size == count, || Problem::Sizes(self.axis(*axis), count.to_string()))?;
                for part in parts {
                    self.lacks(*part, *axis)?;
                }
                ty(self.common(&elems(parts))?, with(&union(parts), *axis))
            }
            Op::Concat { axis, parts } => {
                let mut total = Dim::known(0);
                let mut axes = AxisSet::new();
                for (along, part) in parts {
                    self.has(*part, *along)?;
                    let rest = without(self.axes(*part), *along);
                    self.require(!rest.contains(*axis), || Problem::ExtraAxis(self.axis(*axis)))?;
                    total = total.plus(&self.program.axes.info(*along).size);
                    axes = axes.union(&rest);
                }
                let size = &self.program.axes.info(*axis).size;
                self.require(*size == total, || Problem::Sizes(self.axis(*axis), total.to_string()))?;
                let parts: Vec<Var> = parts.iter().map(|(_, part)| *part).collect();
                ty(self.common(&elems(&parts))?, with(&axes, *axis))
            }
            Op::Cholesky { x, row, col } => {
                self.matrix(*x, *row, *col)?;
                ty(Elem::Real, self.axes(*x).clone())
            }
            Op::TriSolve { l, row, col, b, transposed } => {
                self.matrix(*l, *row, *col)?;
                self.takes(*b, |elem| elem == Elem::Real)?;
                let (given, solved) = if *transposed { (*col, *row) } else { (*row, *col) };
                self.has(*b, given)?;
                self.lacks(*b, solved)?;
                ty(Elem::Real, with(&without(&self.axes(*l).union(self.axes(*b)), given), solved))
            }
            Op::Draw(draw) => {
                let elems = elems(&draw.args);
                let takes: &[Elem] = match draw.base {
                    Base::Normal | Base::Uniform | Base::Exponential | Base::Cauchy | Base::Laplace => &[],
                    Base::Gamma | Base::StudentT | Base::Poisson | Base::VonMises => &[Elem::Real],
                    Base::Beta => &[Elem::Real, Elem::Real],
                    Base::Binomial => &[Elem::Int, Elem::Real],
                };
                self.require(elems == takes, || Problem::Elements(elems.clone()))?;
                self.key(&draw.key)?;
                ty(draw.base.elem(), union(&draw.args).union(&draw.key))
            }
            Op::Detach(x) => ty(self.elem(*x), self.axes(*x).clone()),
            Op::Tangent(x) => {
                self.takes(*x, |elem| elem == Elem::Real)?;
                ty(Elem::Real, self.axes(*x).clone())
            }
        }
    }

    fn takes(&self, var: Var, fits: impl Fn(Elem) -> bool) -> Judgement {
        self.require(fits(self.elem(var)), || Problem::Elements(vec![self.elem(var)]))
    }

    fn has(&self, var: Var, axis: Axis) -> Judgement {
        self.require(self.axes(var).contains(axis), || Problem::MissingAxis(self.axis(axis)))
    }

    fn lacks(&self, var: Var, axis: Axis) -> Judgement {
        self.require(!self.axes(var).contains(axis), || Problem::ExtraAxis(self.axis(axis)))
    }

    fn same_size(&self, one: Axis, other: Axis) -> Judgement {
        let size = |axis| &self.program.axes.info(axis).size;
        self.require(size(one) == size(other), || Problem::Sizes(self.axis(one), self.axis(other)))
    }

    fn matrix(&self, x: Var, row: Axis, col: Axis) -> Judgement {
        self.takes(x, |elem| elem == Elem::Real)?;
        self.distinct(&[row, col])?;
        self.has(x, row)?;
        self.has(x, col)?;
        self.same_size(row, col)
    }

    /// The element type that all share; parts of nothing have none.
    fn common(&self, elems: &[Elem]) -> Result<Elem, super::CheckError> {
        match elems.split_first() {
            Some((first, rest)) if rest.iter().all(|elem| elem == first) => Ok(*first),
            _ => Err(self.error(Problem::Elements(elems.to_vec()))),
        }
    }
}

fn without(axes: &AxisSet, axis: Axis) -> AxisSet {
    let mut rest = axes.clone();
    rest.remove(axis);
    rest
}

fn with(axes: &AxisSet, axis: Axis) -> AxisSet {
    let mut all = axes.clone();
    all.insert(axis);
    all
}
