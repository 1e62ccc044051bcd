//! `mixture`: one of several distributions.

use super::{Inner, of};
use crate::elaborate::{Lower, Lowered};
use vary_core::axis::Role;
use vary_core::dim::Dim;
use vary_core::generative::{Constraint, DistParam, Distribution};
use vary_core::ir::{Base, Elem, Monoid, Op};
use vary_core::prim::Prim;
use vary_diagnostic::Span;

impl Lower<'_> {
    /// One of the distributions, each with its weight.
    pub(super) fn mixture(&mut self, inner: &[Inner], span: Span) -> Lowered<Distribution> {
        let elem = inner[0].elem();
        if let Some(other) = inner.iter().find(|other| other.elem() != elem) {
            let message = format!("`{}` and `{}` give different types", inner[0].dist.name, other.dist.name);
            return Err(self.error("E0411", span, message, "mixed here"));
        }
        let axis = self.b.fresh_axis("weights", Dim::known(inner.len() as i64), Role::Index);
        let mut params: Vec<DistParam> = inner.iter().flat_map(|inner| inner.params.clone()).collect();
        params.push(DistParam {
            name: "weights".into(),
            dims: vec![axis],
            constraint: Constraint::Simplex,
            rigid: false,
            default: None,
        });
        let log_density = self.compose(&params, &[("x", elem)], |b, formals| {
            let (x, weights) = (of(formals, "x"), of(formals, "weights").var);
            let parts = inner.iter().map(|inner| inner.density(b, formals, x.clone())).collect();
            let logs = b.emit(Op::Stack { axis, parts });
            let log_weights = b.log(weights);
            let logs = b.add(log_weights, logs);
            b.log_sum_exp(axis, logs)
        });
        let stated = elem == Elem::Real && inner.iter().all(|inner| inner.dist.cdf.is_some());
        let cdf = stated.then(|| {
            self.compose(&params, &[("x", elem)], |b, formals| {
                let (x, weights) = (of(formals, "x"), of(formals, "weights").var);
                let parts = inner.iter().map(|inner| inner.cdf(b, formals, &x)).collect();
                let parts = b.emit(Op::Stack { axis, parts });
                let weighted = b.mul(weights, parts);
                b.reduce(Monoid::Sum, axis, weighted)
            })
        });
        let all: Vec<&Inner> = inner.iter().collect();
        let drawn: Option<Vec<_>> = inner.iter().map(Inner::plainly).collect();
        let sample = drawn.and_then(|drawn| {
            self.resampled(&drawn, &params, &[("u", Base::Uniform)], |b, formals, values| {
                let (u, weights) = (of(formals, "u").var, of(formals, "weights").var);
                let total = b.emit(Op::CumSum { x: weights, axis, reverse: false, exclusive: false });
                // From the last: each is chosen where u lies below the weights up to its own.
                let mut chosen = values[values.len() - 1];
                for (number, value) in values.iter().enumerate().rev().skip(1) {
                    let index = b.int(number as i64);
                    let up_to = b.gather(total, axis, index);
                    let below = b.prim(Prim::Lt, &[u, up_to]);
                    chosen = b.select(below, *value, chosen);
                }
                chosen
            })
        });
        let mut derived = self.derived("mixture", &all, params, log_density);
        derived.sample = sample;
        derived.cdf = cdf;
        if inner.iter().any(|other| other.dist.support != inner[0].dist.support) {
            derived.finite = None;
            derived.support = if elem == Elem::Real { Constraint::Real } else { Constraint::Int };
        }
        Ok(derived)
    }
}
