//! Values that are exact only on average.
//!
//! An expectation is an *estimated* real. Sums, differences and multiples of such keep their means, and so do products
//! of independent ones: of different expectations, since every `expect` draws afresh, and so does every use of a name
//! that `let` binds to one. `average(n, e)` is the mean of n estimates of e, `exp_estimate(e, rate)` an unbiased
//! estimate of its exponential. Anything else would be biased and is refused.

use super::value::{Closure, Value};
use super::{Lower, Lowered, OpenKind};
use std::collections::BTreeSet;
use std::rc::Rc;
use vary_core::axis::Role;
use vary_core::dim::Dim;
use vary_core::ir::{Array, Elem, Sample, Site, Stmt, Ty, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, BinaryOp, Expr};

/// Terms of the series that are never drawn: a Poisson count of this many standard deviations more than its mean.
const BEYOND: f64 = 10.0;

impl Lower<'_> {
    /// Marks a value as an estimate made of these expectations.
    pub(super) fn mark_estimated(&mut self, var: Var, made_of: BTreeSet<usize>) {
        if !made_of.is_empty() && self.b.constant(var).is_none() {
            self.estimated.insert(var, made_of);
        }
    }

    /// The expectations that a value is made of; none where it is exact.
    pub(super) fn made_of(&self, var: Var) -> BTreeSet<usize> {
        self.estimated.get(&var).cloned().unwrap_or_default()
    }

    /// Refuses an expectation where its value would be used, not its mean.
    pub(super) fn refuse_estimated(&mut self, array: &Array, span: Span) -> Lowered<()> {
        if !self.estimated.contains_key(&array.var) {
            return Ok(());
        }
        Err(self.report(
            Diagnostic::error(Code("E0610"), "an expectation cannot go through this")
                .at(span, "only its mean is meant, a single draw is what is computed")
                .note("sums, differences and multiples of expectations are unbiased, and so are products of different ones; \
                     `exp_estimate(e, rate)` is an unbiased estimate of exp(e)")
                .help("move the function inside `expect { … }` if it is meant there"),
        ))
    }

    /// The operands of `+ - * /`, of which expectations may be; and those that the result is made of.
    pub(super) fn linear_operands(
        &mut self,
        op: BinaryOp,
        l: &Expr,
        r: &Expr,
    ) -> Lowered<(Array, Array, BTreeSet<usize>)> {
        let (a, b) = (self.possibly_estimated(l)?, self.possibly_estimated(r)?);
        let (ea, eb) = (self.made_of(a.var), self.made_of(b.var));
        let both = || ea.union(&eb).copied().collect();
        match op {
            BinaryOp::Add | BinaryOp::Sub => Ok((a, b, both())),
            BinaryOp::Mul if ea.is_disjoint(&eb) => Ok((a, b, both())),
            BinaryOp::Mul => Err(self.report(
                Diagnostic::error(Code("E0610"), "a product of one expectation with itself")
                    .at(l.span, "made of the same draws")
                    .at(r.span, "as this")
                    .note("the mean of a square is not the square of the mean")
                    .help("write the expectation twice: each draws afresh"),
            )),
            BinaryOp::Div if eb.is_empty() => Ok((a, b, ea)),
            _ => {
                self.refuse_estimated(&b, r.span)?;
                self.refuse_estimated(&a, l.span)?;
                Ok((a, b, BTreeSet::new()))
            }
        }
    }

    /// What `let` binds a name to: to an expectation, so that every use of the name draws afresh.
    pub(super) fn bound(&mut self, value: Value, expr: &Expr) -> Value {
        match &value {
            Value::Array(array) if self.estimated.contains_key(&array.var) => {
                let names = self.scopes.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
                let (in_stdlib, span) = (self.in_stdlib, expr.span);
                Value::Afresh(Rc::new(Closure {
                    params: Vec::new(),
                    body: expr.clone(),
                    names,
                    in_stdlib,
                    span,
                }))
            }
            _ => value,
        }
    }

    /// n estimates of an expression along an axis of copies.
    fn copies(&mut self, n: Dim, e: &Expr) -> Lowered<(Var, vary_core::axis::Axis)> {
        let axis = self.b.axes.fresh("copy", Dim::known(0), n, Role::Copy);
        let array = self.with_open(axis, "", OpenKind::Copy, |this| this.possibly_estimated(e))?;
        if !array.dims.is_empty() {
            return Err(self.error("E0312", e.span, "a number is expected here", "this is an array"));
        }
        Ok((self.reals_of(&array).var, axis))
    }

    /// `average(n, e)`: the mean of n independent estimates.
    pub(super) fn average(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let [n, e] = args else {
            return Err(self.error(
                "E0314",
                span,
                "`average` takes a number and an expectation",
                "write `average(5, elbo(p, q))`",
            ));
        };
        let n = self.size(&n.value, &mut None, 1)?;
        let (copies, axis) = self.copies(n, &e.value)?;
        let made_of = self.made_of(copies);
        let total = self.b.reduce(vary_core::ir::Monoid::Sum, axis, copies);
        let size = self.b.size(axis);
        let size = self.b.to_real(size);
        let mean = self.b.div(total, size);
        self.mark_estimated(mean, made_of);
        Ok(self.scalar(mean))
    }

    /// `exp_estimate(e, rate)`: e^rate · Π_{i < N} (e_i / rate), N ~ Poisson(rate), with estimates e_i (Wagner 1987).
    /// The mean is Σ_k E[e]^k / k!, cut where a count has a probability below 10⁻²⁰.
    pub(super) fn exp_estimate(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let known = |this: &mut Self, e: &Expr| -> Lowered<Option<f64>> {
            let rate = this.array(e)?;
            Ok(this.b.constant(rate.var).map(|c| c.number()).filter(|rate| *rate > 0.0 && *rate <= 1000.0))
        };
        let wrong = "`exp_estimate` takes an expectation and a positive number";
        let [e, rate] = args else {
            return Err(self.error("E0314", span, wrong, "write `exp_estimate(elbo(p, q), 2.0)`"));
        };
        let Some(draw) = self.draw else {
            return Err(self.error("E0601", span, "`exp_estimate` stands outside an objective", "here"));
        };
        let Some(known_rate) = known(self, &rate.value)? else {
            return Err(self.error(
                "E0316",
                rate.value.span,
                wrong,
                "a number from 0 to 1000, best near |e|",
            ));
        };
        let most = (known_rate + BEYOND * known_rate.sqrt() + 20.0).ceil() as i64;
        let (copies, axis) = self.copies(Dim::known(most), &e.value)?;
        let mut made_of = self.made_of(copies);
        made_of.insert(self.new_expectation());
        let dist = self.aside(|unit| unit.distribution("poisson"))?;
        let rate = self.b.real(known_rate);
        let mut key = self.open_axes();
        key.insert(draw);
        self.occurrences += 1;
        let site = Site {
            address: "terms".into(),
            occurrence: format!("{}/terms{}", self.path, self.occurrences).into(),
            dist,
            args: vec![Array { var: rate, dims: Vec::new() }],
            dims: Vec::new(),
            event: 0,
            key: key.clone(),
            strategy: None,
            span,
        };
        let count = self.b.fresh(Ty { elem: Elem::Int, axes: key });
        self.b.push(Stmt::Sample(Sample { var: count, site: site.into(), guard: None }));
        let mut product = self.b.real(known_rate.exp());
        let one = self.b.real(1.0);
        for term in 0..most {
            let at = self.b.int(term);
            let estimate = self.b.gather(copies, axis, at);
            let factor = self.b.div(estimate, rate);
            let drawn = self.b.prim(Prim::Lt, &[at, count]);
            let factor = self.b.select(drawn, factor, one);
            product = self.b.mul(product, factor);
        }
        self.mark_estimated(product, made_of);
        Ok(self.scalar(product))
    }

    /// Numbers a new expectation.
    pub(super) fn new_expectation(&mut self) -> usize {
        self.expectations += 1;
        self.expectations
    }

    /// Axes of copies around here, along which sites are independent.
    pub(super) fn copy_axes(&self) -> vary_core::axis::AxisSet {
        self.open.iter().filter(|open| open.kind == OpenKind::Copy).map(|open| open.axis).collect()
    }
}
