//! Folds and contractions.

use super::emit::Emitter;
use super::storage::Storage;
use vary_core::axis::{Axis, AxisSet};
use vary_core::ir::{Monoid, Op, Var};
use vary_runtime::program::{Binary, Fold, Instr, Map};

impl Emitter<'_> {
    /// A fold, with the sums and the product it absorbs.
    pub(super) fn reduce(&mut self, var: Var, monoid: Monoid, axis: Axis, x: Var) -> Storage {
        let mut over: AxisSet = [axis].into_iter().collect();
        let mut x = x;
        while self.absorbed[x.0 as usize] {
            match self.defs[x.0 as usize] {
                Some(Op::Reduce(_, axis, inner)) => {
                    over.insert(*axis);
                    x = *inner;
                }
                Some(Op::Prim(_, args)) => return self.contract(var, &over, args[0], args[1]),
                _ => unreachable!("only sums and products are absorbed"),
            }
        }
        let (out, _) = self.target(var);
        let from = self.storage(x).clone();
        let fold = match monoid {
            Monoid::Sum => Fold::Sum,
            Monoid::Max => Fold::Max,
            Monoid::Min => Fold::Min,
        };
        self.fold(fold, &out, self.axes(var), &over, &from);
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
