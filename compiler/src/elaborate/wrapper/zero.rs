//! `zero_inflated` and `hurdle`: zeros of their own.

use super::{Inner, either, of};
use crate::elaborate::{Lower, Lowered};
use vary_core::build::Builder;
use vary_core::generative::{Constraint, DistParam, Distribution, Sampler};
use vary_core::ir::{Array, Base, Elem, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};

impl Lower<'_> {
    /// 0 with probability p, else the count.
    pub(super) fn zero_inflated(&mut self, inner: &Inner, span: Span) -> Lowered<Distribution> {
        if inner.elem() != Elem::Int {
            return Err(self.report(
                Diagnostic::error(Code("E0411"), "`zero_inflated` takes a distribution of counts")
                    .at(span, format!("`{}` gives none", inner.dist.name))
                    .help("of positive reals write `hurdle`"),
            ));
        }
        let params = with_probability(inner);
        let log_density = self.compose(&params, &[("x", Elem::Int)], |b, formals| {
            let (x, p) = (of(formals, "x"), of(formals, "p").var);
            let (log_p, log_q) = logs(b, p);
            let (is_zero, zero) = zero(b, &x);
            let log = inner.density(b, formals, x);
            let counted = b.add(log_q, log);
            let at_zero = |b: &mut Builder| {
                let log = inner.density(b, formals, zero);
                let counted = b.add(log_q, log);
                b.log_add_exp(log_p, counted)
            };
            either(b, is_zero, at_zero, |_| counted)
        });
        let mut derived = self.derived("zero_inflated", &[inner], params, log_density);
        derived.sample = self.with_zero(inner, &derived.params);
        Ok(derived)
    }

    /// 0 with probability p, else the value given that it is not 0.
    pub(super) fn hurdle(&mut self, inner: &Inner) -> Distribution {
        let counts = inner.elem() == Elem::Int;
        let params = with_probability(inner);
        let log_density = self.compose(&params, &[("x", inner.elem())], |b, formals| {
            let (x, p) = (of(formals, "x"), of(formals, "p").var);
            let (log_p, log_q) = logs(b, p);
            let (is_zero, zero) = zero(b, &x);
            either(
                b,
                is_zero,
                |_| log_p,
                |b| {
                    let log = inner.density(b, formals, x);
                    let mut log = b.add(log_q, log);
                    if counts {
                        let log_zero = inner.density(b, formals, zero);
                        let rest = b.prim(Prim::Log1mExp, &[log_zero]);
                        log = b.sub(log, rest);
                    }
                    log
                },
            )
        });
        let mut derived = self.derived("hurdle", &[inner], params, log_density);
        // A count that is not 0 is drawn by no sampler here.
        derived.sample = if counts { None } else { self.with_zero(inner, &derived.params) };
        derived.support = if counts { derived.support } else { Constraint::Real };
        derived
    }

    fn with_zero(&mut self, inner: &Inner, params: &[DistParam]) -> Option<Sampler> {
        self.resampled(&[inner.plainly()?], params, &[("u", Base::Uniform)], |b, formals, values| {
            let none = b.prim(Prim::Lt, &[of(formals, "u").var, of(formals, "p").var]);
            let zero = if inner.elem() == Elem::Int { b.int(0) } else { b.real(0.0) };
            b.select(none, zero, values[0])
        })
    }
}

fn with_probability(inner: &Inner) -> Vec<DistParam> {
    let p = DistParam {
        name: "p".into(),
        dims: Vec::new(),
        constraint: Constraint::Interval(0.0, 1.0),
        rigid: false,
        default: None,
    };
    inner.params.iter().cloned().chain([p]).collect()
}

/// log p and log(1 − p).
fn logs(b: &mut Builder, p: Var) -> (Var, Var) {
    let minus = b.neg(p);
    (b.log(p), b.prim(Prim::Log1p, &[minus]))
}

/// Whether x is 0, and 0.
fn zero(b: &mut Builder, x: &Array) -> (Var, Array) {
    let zero = if b.ty(x.var).elem == Elem::Int { b.int(0) } else { b.real(0.0) };
    (b.prim(Prim::Eq, &[x.var, zero]), Array { var: zero, dims: Vec::new() })
}
