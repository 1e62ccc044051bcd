//! Folds and contractions.

use super::emit::Emitter;
use super::storage::Storage;
use vary_core::axis::{Axis, AxisSet};
use vary_core::ir::{Monoid, Op, Var};
use vary_runtime::program::{Binary, Fold, Instr, Map};

/// What a fold folds, with the sums and the product it absorbs.
pub(super) struct Sum {
    /// The axes.
    pub over: AxisSet,
    /// One value, or two whose product it is.
    pub factors: Vec<Var>,
}

impl Sum {
    /// Of a fold of x along an axis.
    pub fn new(defs: &[Option<&Op>], absorbed: &[bool], axis: Axis, x: Var) -> Sum {
        let mut over: AxisSet = [axis].into_iter().collect();
        let mut x = x;
        while absorbed[x.0 as usize] {
            match defs[x.0 as usize] {
                Some(Op::Reduce(_, axis, inner)) => {
                    over.insert(*axis);
                    x = *inner;
                }
                Some(Op::Prim(_, args)) => return Sum { over, factors: args.clone() },
                _ => unreachable!("only sums and products are absorbed"),
            }
        }
        Sum { over, factors: vec![x] }
    }
}

impl Emitter<'_> {
    /// A fold, with the sums and the product it absorbs.
    pub(super) fn reduce(&mut self, var: Var, monoid: Monoid, axis: Axis, x: Var) -> Storage {
        let sum = Sum::new(&self.facts.defs, &self.facts.absorbed, axis, x);
        if let [a, b] = sum.factors[..] {
            return self.contract(var, &sum.over, a, b);
        }
        let (out, _) = self.target(var);
        let from = self.storage(sum.factors[0]).clone();
        self.fold(super::convert::fold(monoid), &out, self.axes(var), &sum.over, &from);
        out
    }

    fn fold(&mut self, fold: Fold, out: &Storage, kept: &AxisSet, over: &AxisSet, x: &Storage) {
        let mut loops = self.out.loops(kept);
        let kept = loops.len();
        loops.extend(self.out.loops(over));
        let extents = self.out.extents(&loops);
        let (out, x) = (self.out.view(out, &loops), self.out.view(x, &loops));
        self.out.push(Instr::Reduce { fold, extents, kept, out, x });
    }

    /// `Σ over a·b`. An axis that only one factor has is summed before: `Σᵢⱼ aᵢ bᵢⱼ = Σᵢ aᵢ Σⱼ bᵢⱼ`.
    fn contract(&mut self, var: Var, over: &AxisSet, a: Var, b: Var) -> Storage {
        let factor = |emitter: &mut Self, this: Var, other: Var| {
            let only = emitter.axes(this).intersection(over).minus(emitter.axes(other));
            let storage = emitter.storage(this).clone();
            if only.is_empty() {
                return storage;
            }
            let open: AxisSet = emitter.out.open_axes().collect();
            let kept = emitter.axes(this).minus(&only).minus(&open);
            let name = emitter.name(this);
            let summed = emitter.out.buffer(&format!("{name}.sum"), &kept);
            emitter.fold(Fold::Sum, &summed, &kept, &only, &storage);
            summed
        };
        let left = factor(self, a, b);
        let right = if a == b { left.clone() } else { factor(self, b, a) };
        let both = over.intersection(self.axes(a)).intersection(self.axes(b));
        let (out, mut loops) = self.target(var);
        if both.is_empty() {
            self.map(Map::Binary(Binary::Mul), self.axes(var), &out, &[&left, &right]);
            return out;
        }
        let kept = loops.len();
        loops.extend(self.out.loops(&both));
        let instr = Instr::Contract {
            extents: self.out.extents(&loops),
            kept,
            out: self.out.view(&out, &loops),
            a: self.out.view(&left, &loops),
            b: self.out.view(&right, &loops),
        };
        self.out.push(instr);
        out
    }
}
