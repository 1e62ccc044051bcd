//! Tangent rules, one per operation.

use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::ir::{Const, Monoid, Op, Var};
use crate::prim::Prim;
use crate::transform::derivative::partial;

/// Emits under a guard.
pub(super) fn under<T>(b: &mut Builder, guard: Option<Var>, emit: impl FnOnce(&mut Builder) -> T) -> T {
    let outer = b.set_guard(guard);
    let value = emit(b);
    b.set_guard(outer);
    value
}

/// What a tangent rule may use besides operands and their tangents.
pub(super) struct Rule<'a> {
    pub(super) b: &'a mut Builder,
    pub(super) guard: Option<Var>,
    /// The result.
    pub(super) out: Var,
}

impl Rule<'_> {
    /// The tangent of `op`, some of whose operands have the tangents given.
    pub(super) fn tangent(&mut self, op: &Op, tangents: &[Option<Var>]) -> Option<Var> {
        let only = || tangents[0];
        match op {
            Op::Const(_) | Op::Input(_) | Op::Iota(_) | Op::Draw(_) | Op::Detach(_) => None,
            Op::Prim(prim, args) => self.pointwise(*prim, args, tangents),
            Op::Reduce(Monoid::Sum, axis, _) => Some(self.b.reduce(Monoid::Sum, *axis, only()?)),
            Op::Reduce(Monoid::Max | Monoid::Min, axis, x) => {
                let share = self.tie_share(*axis, *x);
                let dx = only()?;
                let weighted = self.b.mul(share, dx);
                Some(self.b.reduce(Monoid::Sum, *axis, weighted))
            }
            Op::Rename(pairs, _) => Some(self.b.rename(pairs, only()?)),
            Op::Gather { axis, index, .. } => Some(self.b.gather(only()?, *axis, *index)),
            Op::Scatter { axis, index, over, .. } => Some(self.b.scatter(only()?, *axis, *index, over)),
            Op::CumSum { axis, reverse, exclusive, .. } => {
                Some(self.b.cumsum(only()?, *axis, *reverse, *exclusive))
            }
            Op::Stack { axis, .. } => {
                let zero = self.b.real(0.0);
                let parts: Vec<Var> = tangents.iter().map(|part| part.unwrap_or(zero)).collect();
                Some(self.b.stack(*axis, &parts))
            }
            Op::Concat { axis, parts } => {
                let zero = self.b.real(0.0);
                let parts: Vec<(Axis, Var)> =
                    parts.iter().zip(tangents).map(|((along, _), dx)| (*along, dx.unwrap_or(zero))).collect();
                Some(self.b.concat(*axis, &parts))
            }
            Op::Cholesky { row, col, .. } => Some(self.cholesky(*row, *col, only()?)),
            Op::TriSolve { l, row, col, transposed, .. } => {
                Some(self.tri_solve(*l, (*row, *col), *transposed, tangents[0], tangents[1]))
            }
            Op::Tangent(_) => only(),
        }
    }

    /// `Σ ∂out/∂arg · arg'`; choices choose among tangents instead.
    fn pointwise(&mut self, prim: Prim, args: &[Var], tangents: &[Option<Var>]) -> Option<Var> {
        let chosen = match prim {
            Prim::Select => Some((args[0], tangents[1], tangents[2])),
            Prim::Max => Some((self.b.prim(Prim::Le, &[args[1], args[0]]), tangents[0], tangents[1])),
            Prim::Min => Some((self.b.prim(Prim::Le, &[args[0], args[1]]), tangents[0], tangents[1])),
            _ => None,
        };
        if let Some((condition, yes, no)) = chosen {
            let zero = self.b.real(0.0);
            return Some(self.b.select(condition, yes.unwrap_or(zero), no.unwrap_or(zero)));
        }
        let mut total = None;
        for (operand, dx) in tangents.iter().enumerate() {
            let Some(dx) = *dx else { continue };
            let out = self.out;
            let Some(slope) = under(self.b, self.guard, |b| partial(b, prim, args, out, operand)) else {
                continue;
            };
            let slope = self.mask(slope);
            total = Some(match (total, self.b.constant(slope)) {
                (Some(sum), Some(Const::Real(-1.0))) => self.b.sub(sum, dx),
                (sum, _) => {
                    let term = self.b.mul(slope, dx);
                    sum.map_or(term, |sum| self.b.add(sum, term))
                }
            });
        }
        total
    }

    /// The value where the guard holds, elsewhere 0.
    fn mask(&mut self, value: Var) -> Var {
        let Some(guard) = self.guard.filter(|_| self.b.constant(value).is_none()) else { return value };
        // Along an axis that the value lacks it is used if it is used anywhere. Along the axis of an open scan
        // that cannot be asked: there the tangent varies though the value does not, which does no harm, as
        // nothing in the scan acts along its axis.
        let kept = self.b.axes_of(self.out).union(self.b.axes_of(value)).union(&self.b.scan_axes());
        let used = self.anywhere(guard, &self.b.axes_of(guard).minus(&kept));
        let zero = self.b.real(0.0);
        self.b.select(used, value, zero)
    }

    /// The triangular factor where the guard holds for any entry of the result, elsewhere the identity.
    fn invertible(&mut self, l: Var, row: Axis, col: Axis) -> Var {
        let Some(guard) = self.guard else { return l };
        let kept = self.b.axes_of(l).union(&self.b.scan_axes()).minus(&[row, col].into_iter().collect());
        let used = self.anywhere(guard, &self.b.axes_of(guard).minus(&kept));
        let diagonal = self.b.same_position(row, col);
        let identity = self.b.to_real(diagonal);
        self.b.select(used, l, identity)
    }

    fn anywhere(&mut self, guard: Var, axes: &AxisSet) -> Var {
        axes.iter().fold(guard, |used, axis| self.b.reduce(Monoid::Max, axis, used))
    }

    /// For a largest (or smallest) entry: one over how many there are where `x` is one, else 0.
    fn tie_share(&mut self, axis: Axis, x: Var) -> Var {
        let (zero, one) = (self.b.real(0.0), self.b.real(1.0));
        let hit = self.b.prim(Prim::Eq, &[x, self.out]);
        let ones = self.b.to_real(hit);
        let count = self.b.reduce(Monoid::Sum, axis, ones);
        let share = self.b.div(one, count);
        self.b.select(hit, share, zero)
    }

    /// L' = L Φ(L⁻¹ X' L⁻ᵀ), where Φ takes the lower triangle and half the diagonal. Indices: L[row, col],
    /// k another column.
    fn cholesky(&mut self, row: Axis, col: Axis, dx: Var) -> Var {
        let l = self.invertible(self.out, row, col);
        let b = &mut *self.b;
        let taken = b.axes_of(l).union(b.axes_of(dx)).union(&b.scan_axes());
        let k = b.twin(col, &taken);
        // Only the lower triangle is read.
        let (r, c) = (b.position(row), b.position(col));
        let lower = b.prim(Prim::Le, &[c, r]);
        let mirrored = b.rename(&[(row, col), (col, row)], dx);
        let symmetric = b.select(lower, dx, mirrored);
        // Y = L⁻¹ X' as y[col, k], then Z = L⁻¹ Yᵀ, which is symmetric, as z[col, k].
        let rhs = b.rename(&[(col, k)], symmetric);
        let y = b.tri_solve(l, row, col, rhs, false);
        let rhs = b.rename(&[(k, row), (col, k)], y);
        let z = b.tri_solve(l, row, col, rhs, false);
        let p = b.position(k);
        let (zero, half, one) = (b.real(0.0), b.real(0.5), b.real(1.0));
        let (below, on) = (b.prim(Prim::Lt, &[c, p]), b.prim(Prim::Eq, &[c, p]));
        let diagonal = b.select(on, half, zero);
        let weight = b.select(below, one, diagonal);
        let phi = b.mul(weight, z);
        let l_k = b.rename(&[(col, k)], l);
        let terms = b.mul(l_k, phi);
        b.reduce(Monoid::Sum, k, terms)
    }

    /// L x = b gives L x' = b' − L' x, and the same with the transpose.
    fn tri_solve(
        &mut self,
        l: Var,
        (row, col): (Axis, Axis),
        transposed: bool,
        dl: Option<Var>,
        db: Option<Var>,
    ) -> Var {
        let l = self.invertible(l, row, col);
        let x = self.mask(self.out);
        let b = &mut *self.b;
        let zero = b.real(0.0);
        let mut rhs = db.unwrap_or(zero);
        if let Some(dl) = dl {
            let (r, c) = (b.position(row), b.position(col));
            let lower = b.prim(Prim::Le, &[c, r]);
            let dl = b.select(lower, dl, zero);
            let terms = b.mul(x, dl);
            let moved = b.reduce(Monoid::Sum, if transposed { row } else { col }, terms);
            rhs = b.sub(rhs, moved);
        }
        b.tri_solve(l, row, col, rhs, transposed)
    }
}
