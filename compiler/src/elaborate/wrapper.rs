//! Distributions made of distributions: `truncated(normal(mu, sigma), lower = 0)`.
//!
//! A wrapper is a distribution whose fragments are composed of those of the distributions inside, whose parameters it
//! takes over. What samples, scores and differentiates it is what does so for any other.

use super::site::Called;
use super::{Lower, Lowered};
use std::rc::Rc;
use vary_core::axis::Axis;
use vary_core::build::Builder;
use vary_core::dim::Dim;
use vary_core::generative::{BaseDraw, Constraint, DistParam, Distribution, Fragment, PositiveMap, Sampler};
use vary_core::ir::{Array, Base, Elem, Input, InputKind, Op, Output, Var};
use vary_core::prim::Prim;
use vary_core::transform::copy::inline;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind};

/// Their names.
const NAMES: [&str; 5] = ["truncated", "censored", "zero_inflated", "hurdle", "mixture"];

/// A distribution inside: its core form, with parameters under names of their own.
struct Inner {
    dist: Rc<Distribution>,
    params: Vec<DistParam>,
}

/// Formals of a fragment under construction, by name.
type Formals = Vec<(String, Vec<Axis>, Array)>;

impl Lower<'_> {
    /// The wrapper that an expression calls, with the strategy written.
    pub(super) fn wrapper(&mut self, callee: &Expr) -> Option<(&'static str, Option<ast::Ident>)> {
        let (name, strategy) = match &callee.kind {
            ExprKind::Name(name) => (name, None),
            ExprKind::Field(base, strategy) => match &base.kind {
                ExprKind::Name(name) => (name, Some(strategy.clone())),
                _ => return None,
            },
            _ => return None,
        };
        let declared = self.lookup(name).is_some() || self.unit.find(name).is_some();
        NAMES.into_iter().find(|known| known == name && !declared).map(|known| (known, strategy))
    }

    /// A call of a wrapper.
    pub(super) fn wrapped(
        &mut self,
        name: &'static str,
        strategy: Option<ast::Ident>,
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<Called> {
        let mut is_inside = |arg: &&ast::Arg| match &arg.value.kind {
            ExprKind::Call(callee, _) => arg.name.is_none() && self.is_distribution(callee),
            _ => false,
        };
        let (inside, own): (Vec<&ast::Arg>, Vec<&ast::Arg>) = args.iter().partition(|arg| is_inside(arg));
        let expected =
            if name == "mixture" { "`mixture(weights, d, e, …)`" } else { "one distribution first" };
        if inside.is_empty() || name != "mixture" && inside.len() > 1 {
            return Err(self.report(
                Diagnostic::error(Code("E0411"), format!("`{name}` takes {expected}"))
                    .at(span, format!("{} given", inside.len()))
                    .help("a distribution inside is written as a call, `truncated(normal(0, 1), lower = 0)`"),
            ));
        }
        let (mut inner, mut actual) = (Vec::new(), Vec::new());
        for (number, arg) in inside.iter().enumerate() {
            let mut called = self.called(&arg.value)?;
            if called.strategy.is_some() || !called.dist.event.is_empty() {
                let what = if called.strategy.is_some() { "has a strategy" } else { "gives arrays" };
                return Err(self.report(
                    Diagnostic::error(Code("E0411"), format!("a distribution inside `{name}` {what}"))
                        .at(arg.value.span, "this one")
                        .help(format!("write a strategy at the outside, `{name}.reinforce(…)`; values inside are scalars")),
                ));
            }
            let dist = self.specialised(&called.dist, &mut called.actual);
            let rename =
                |param: &DistParam| DistParam { name: format!("{number}.{}", param.name), ..param.clone() };
            inner.push(Inner { params: dist.params.iter().map(rename).collect(), dist });
            actual.extend(called.actual);
        }
        let named = |arg: &ast::Arg, wanted: &str| arg.name.as_ref().is_some_and(|name| name.name == wanted);
        let ends = ["lower", "upper"].map(|end| own.iter().any(|arg| named(arg, end)));
        let zero_below =
            own.iter().any(|arg| named(arg, "lower") && super::types::literal(&arg.value) == Some(0.0));
        let derived = match name {
            "truncated" => self.truncated(&inner[0], ends, zero_below, span)?,
            "censored" => self.censored(&inner[0], ends, span)?,
            "zero_inflated" => self.zero_inflated(&inner[0], span)?,
            "hurdle" => self.hurdle(&inner[0]),
            _ => self.mixture(&inner, span)?,
        };
        let outside = derived.params[actual.len()..].to_vec();
        let stub = Distribution { params: outside, ..derived.clone() };
        let known =
            |arg: &&ast::Arg| arg.name.as_ref().is_none_or(|n| stub.params.iter().any(|p| p.name == n.name));
        let (own, strategy_args): (Vec<&ast::Arg>, Vec<&ast::Arg>) = own.into_iter().partition(known);
        let own: Vec<ast::Arg> = own.into_iter().cloned().collect();
        actual.extend(self.distribution_arguments(&stub, &own, span)?);
        let strategy_args = strategy_args.into_iter().cloned().collect();
        Ok(Called { dist: derived.into(), strategy, strategy_args, actual })
    }

    fn is_distribution(&mut self, callee: &Expr) -> bool {
        let name = match &callee.kind {
            ExprKind::Field(base, _) => base,
            _ => callee,
        };
        match &name.kind {
            ExprKind::Name(text) => {
                let declared = self.unit.find(text);
                self.wrapper(callee).is_some()
                    || super::foreign::distribution(name).is_some()
                    || declared.is_some_and(|found| matches!(found.item.kind, ast::ItemKind::Distribution(_)))
            }
            _ => false,
        }
    }

    /// A fragment of the distributions' parameters, the wrapper's own and more scalars.
    fn compose(
        &mut self,
        params: &[DistParam],
        more: &[(&str, Elem)],
        body: impl FnOnce(&mut Builder, &Formals) -> Var,
    ) -> Fragment {
        let mut b = Builder::new(self.b.axes.clone());
        let given =
            params.iter().map(|param| (param.name.clone(), param.constraint.elem(), param.dims.clone()));
        let more = more.iter().map(|(name, elem)| (name.to_string(), *elem, Vec::new()));
        let formals: Formals = given
            .chain(more)
            .map(|(name, elem, dims)| {
                let input = Input { kind: InputKind::Formal, name: name.clone(), dims: dims.clone() };
                let var = b.input(elem, input);
                (name, dims.clone(), Array { var, dims })
            })
            .collect();
        let var = body(&mut b, &formals);
        self.b.axes = b.axes.clone();
        Fragment(Rc::new(b.finish(vec![Output { name: "value".into(), var, dims: Vec::new() }])))
    }

    fn missing(&mut self, dist: &Distribution, clause: &str, span: Span) -> super::Reported {
        self.report(
            Diagnostic::error(Code("E0412"), format!("`{}` states no `{clause}`", dist.name))
                .at(span, "needed here")
                .help(format!("declare a distribution with the clause `{clause}(x) = …`")),
        )
    }

    /// The distribution given that its value lies between the ends.
    fn truncated(
        &mut self,
        inner: &Inner,
        given: [bool; 2],
        zero_below: bool,
        span: Span,
    ) -> Lowered<Distribution> {
        let params = with_ends(inner, given);
        self.needs_tails(inner, span)?;
        let log_density = self.compose(&params, &[("x", inner.elem())], |b, formals| {
            let x = of(formals, "x");
            let [lower, upper] = ends(b, formals, given);
            let log_density = inner.density(b, formals, x.clone());
            let log_mass = match (&lower, &upper) {
                (None, None) => b.real(0.0),
                (Some(lower), None) => inner.log_ccdf(b, formals, lower),
                (None, Some(upper)) => inner.log_cdf(b, formals, upper),
                (Some(lower), Some(upper)) => inner.log_between(b, formals, lower, upper),
            };
            let inside = [lower.map(|lower| (lower, x.clone())), upper.map(|upper| (x.clone(), upper))];
            let inside = inside.into_iter().flatten().map(|(a, c)| b.prim(Prim::Le, &[a.var, c.var]));
            let inside: Vec<Var> = inside.collect();
            let inside = inside.into_iter().reduce(|a, c| b.prim(Prim::And, &[a, c]));
            let log = b.sub(log_density, log_mass);
            let never = b.real(f64::NEG_INFINITY);
            inside.map_or(log, |inside| b.select(inside, log, never))
        });
        let reparam = inner.dist.quantile.clone().map(|quantile| {
            let value = self.compose(&params, &[("u", Elem::Real)], |b, formals| {
                let u = of(formals, "u").var;
                let [lower, upper] = ends(b, formals, given);
                let (zero, one) = (b.real(0.0), b.real(1.0));
                let low = lower.as_ref().map_or(zero, |lower| inner.cdf(b, formals, lower));
                let high = upper.as_ref().map_or(one, |upper| inner.cdf(b, formals, upper));
                let width = b.sub(high, low);
                let step = b.mul(u, width);
                let p = Array { var: b.add(low, step), dims: Vec::new() };
                // Where doubles near 1 run out, the value must not leave the ends.
                let value = inner.inlined(b, &quantile, formals, &[("p", &p)]);
                let value = lower.map_or(value, |lower| b.prim(Prim::Max, &[lower.var, value]));
                upper.map_or(value, |upper| b.prim(Prim::Min, &[value, upper.var]))
            });
            let draw =
                BaseDraw { name: "u".into(), base: Base::Uniform, operands: Vec::new(), dims: Vec::new() };
            Sampler { draws: vec![draw], value }
        });
        let mut derived = self.derived("truncated", &[inner], params, log_density);
        derived.ends = positions(&derived.params, given);
        if given.contains(&true) {
            let whole = given == [true, false] && zero_below && inner.dist.support == Constraint::Real;
            derived.support =
                if whole { Constraint::Positive(PositiveMap::Exp) } else { Constraint::Bounded };
            derived.finite = None;
        }
        derived.reparam = reparam;
        Ok(derived)
    }

    /// The value, or the end that it lies beyond.
    fn censored(&mut self, inner: &Inner, given: [bool; 2], span: Span) -> Lowered<Distribution> {
        let mut params = with_ends(inner, given);
        for param in &mut params[inner.params.len()..] {
            param.rigid = true;
        }
        self.needs_tails(inner, span)?;
        let log_density = self.compose(&params, &[("x", inner.elem())], |b, formals| {
            let x = of(formals, "x");
            let [lower, upper] = ends(b, formals, given);
            let mut log = inner.density(b, formals, x.clone());
            if let Some(lower) = lower {
                let below = b.prim(Prim::Le, &[x.var, lower.var]);
                log = either(b, below, |b| inner.log_cdf(b, formals, &lower), |_| log);
            }
            if let Some(upper) = upper {
                let above = b.prim(Prim::Le, &[upper.var, x.var]);
                log = either(b, above, |b| inner.log_ccdf(b, formals, &upper), |_| log);
            }
            log
        });
        let sample = self.resampled(&[inner], &params, &[], |b, formals, values| {
            let [lower, upper] = ends(b, formals, given);
            let value = lower.map_or(values[0], |lower| b.prim(Prim::Max, &[lower.var, values[0]]));
            upper.map_or(value, |upper| b.prim(Prim::Min, &[value, upper.var]))
        });
        let mut derived = self.derived("censored", &[inner], params, log_density);
        derived.sample = sample;
        Ok(derived)
    }

    /// 0 with probability p, else the count.
    fn zero_inflated(&mut self, inner: &Inner, span: Span) -> Lowered<Distribution> {
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
    fn hurdle(&mut self, inner: &Inner) -> Distribution {
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

    /// One of the distributions, each with its weight.
    fn mixture(&mut self, inner: &[Inner], span: Span) -> Lowered<Distribution> {
        let elem = inner[0].elem();
        if let Some(other) = inner.iter().find(|other| other.elem() != elem) {
            let message = format!("`{}` and `{}` give different types", inner[0].dist.name, other.dist.name);
            return Err(self.error("E0411", span, message, "mixed here"));
        }
        let axis = self.b.fresh_axis("weights", Dim::known(inner.len() as i64), vary_core::axis::Role::Index);
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
                b.reduce(vary_core::ir::Monoid::Sum, axis, weighted)
            })
        });
        let all: Vec<&Inner> = inner.iter().collect();
        let sample = self.resampled(&all, &params, &[("u", Base::Uniform)], |b, formals, values| {
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

    /// Without samplers, on the support of the first.
    fn derived(
        &mut self,
        name: &str,
        inner: &[&Inner],
        params: Vec<DistParam>,
        log_density: Fragment,
    ) -> Distribution {
        let names: Vec<&str> = inner.iter().map(|inner| inner.dist.name.as_str()).collect();
        Distribution {
            name: format!("{name}({})", names.join(", ")),
            params,
            log_density,
            ends: [None; 2],
            reparam: None,
            sample: None,
            probability_of_true: None,
            weak_derivatives: Vec::new(),
            cdf: None,
            log_cdf: None,
            log_ccdf: None,
            quantile: None,
            ..(*inner[0].dist).clone()
        }
    }

    /// A sampler of a value made of draws of the distributions inside; `None` where one has none.
    fn resampled(
        &mut self,
        inner: &[&Inner],
        params: &[DistParam],
        own: &[(&str, Base)],
        value: impl FnOnce(&mut Builder, &Formals, &[Var]) -> Var,
    ) -> Option<Sampler> {
        let mut draws: Vec<BaseDraw> = Vec::new();
        let mut more: Vec<(String, Elem)> = Vec::new();
        for (number, inner) in inner.iter().enumerate() {
            let sampler = inner.dist.sample.as_ref().or(inner.dist.reparam.as_ref())?;
            // Arrays of draws are for values that are arrays.
            if sampler.draws.iter().any(|draw| !draw.dims.is_empty()) {
                return None;
            }
            for draw in &sampler.draws {
                let seen: Vec<(&str, Elem)> =
                    more.iter().map(|(name, elem)| (name.as_str(), *elem)).collect();
                let operand = |operand: &Fragment| {
                    self.compose(params, &seen, |b, formals| inner.drawn(b, operand, formals, number))
                };
                let operands = draw.operands.iter().map(operand).collect();
                let name = format!("{number}#{}", draw.name);
                more.push((name.clone(), draw.base.elem()));
                draws.push(BaseDraw { name, base: draw.base, operands, dims: Vec::new() });
            }
        }
        for (name, base) in own {
            more.push((name.to_string(), base.elem()));
            draws.push(BaseDraw {
                name: name.to_string(),
                base: *base,
                operands: Vec::new(),
                dims: Vec::new(),
            });
        }
        let seen: Vec<(&str, Elem)> = more.iter().map(|(name, elem)| (name.as_str(), *elem)).collect();
        let value = self.compose(params, &seen, |b, formals| {
            let sampler = |inner: &Inner| inner.dist.sample.clone().or(inner.dist.reparam.clone());
            let values: Vec<Var> = inner
                .iter()
                .enumerate()
                .filter_map(|(number, inner)| Some(inner.drawn(b, &sampler(inner)?.value, formals, number)))
                .collect();
            value(b, formals, &values)
        });
        Some(Sampler { draws, value })
    }

    fn with_zero(&mut self, inner: &Inner, params: &[DistParam]) -> Option<Sampler> {
        self.resampled(&[inner], params, &[("u", Base::Uniform)], |b, formals, values| {
            let none = b.prim(Prim::Lt, &[of(formals, "u").var, of(formals, "p").var]);
            let zero = if inner.elem() == Elem::Int { b.int(0) } else { b.real(0.0) };
            b.select(none, zero, values[0])
        })
    }

    fn needs_tails(&mut self, inner: &Inner, span: Span) -> Lowered<()> {
        if inner.elem() != Elem::Real {
            let message = format!("`{}` gives ints; ends are for distributions of reals", inner.dist.name);
            return Err(self.error("E0411", span, message, "not available"));
        }
        match inner.dist.cdf {
            Some(_) => Ok(()),
            None => Err(self.missing(&inner.dist, "cdf", span)),
        }
    }
}

impl Inner {
    fn elem(&self) -> Elem {
        self.dist.support.elem()
    }

    /// A fragment of the distribution, its parameters from the formals of the wrapper.
    fn inlined(
        &self,
        b: &mut Builder,
        fragment: &Fragment,
        formals: &Formals,
        more: &[(&str, &Array)],
    ) -> Var {
        let mut own: Vec<(&str, &[Axis], &Array)> = Vec::new();
        for (param, renamed) in self.dist.params.iter().zip(&self.params) {
            let (_, dims, array) =
                formals.iter().find(|(name, ..)| *name == renamed.name).expect("its parameter");
            own.push((&param.name, dims, array));
        }
        own.extend(more.iter().map(|(name, array)| (*name, [].as_slice(), *array)));
        inline(b, fragment, &own).var
    }

    /// A fragment of the sampler: its draws are the wrapper's of this number.
    fn drawn(&self, b: &mut Builder, fragment: &Fragment, formals: &Formals, number: usize) -> Var {
        let prefix = format!("{number}#");
        let draws = formals.iter().filter_map(|(name, _, array)| Some((name.strip_prefix(&prefix)?, array)));
        let draws: Vec<(&str, &Array)> = draws.collect();
        self.inlined(b, fragment, formals, &draws)
    }

    fn density(&self, b: &mut Builder, formals: &Formals, x: Array) -> Var {
        self.inlined(b, &self.dist.log_density, formals, &[("x", &x)])
    }

    fn cdf(&self, b: &mut Builder, formals: &Formals, x: &Array) -> Var {
        let cdf = self.dist.cdf.clone().expect("checked by `needs_tails`");
        self.inlined(b, &cdf, formals, &[("x", x)])
    }

    fn log_cdf(&self, b: &mut Builder, formals: &Formals, x: &Array) -> Var {
        match self.dist.log_cdf.clone() {
            Some(log_cdf) => self.inlined(b, &log_cdf, formals, &[("x", x)]),
            None => {
                let cdf = self.cdf(b, formals, x);
                b.log(cdf)
            }
        }
    }

    /// log(1 − F(x))
    fn log_ccdf(&self, b: &mut Builder, formals: &Formals, x: &Array) -> Var {
        match self.dist.log_ccdf.clone() {
            Some(log_ccdf) => self.inlined(b, &log_ccdf, formals, &[("x", x)]),
            None => {
                let cdf = self.cdf(b, formals, x);
                let minus = b.neg(cdf);
                b.prim(Prim::Log1p, &[minus])
            }
        }
    }

    /// log(F(upper) − F(lower)), from the tail that both ends are in.
    fn log_between(&self, b: &mut Builder, formals: &Formals, lower: &Array, upper: &Array) -> Var {
        let below = self.log_cdf(b, formals, lower);
        let rigid = b.detach(below);
        let half = b.real(-std::f64::consts::LN_2);
        let in_upper = b.prim(Prim::Lt, &[half, rigid]);
        let difference = |b: &mut Builder, large: Var, small: Var| {
            let gap = b.sub(small, large);
            let rest = b.prim(Prim::Log1mExp, &[gap]);
            b.add(large, rest)
        };
        either(
            b,
            in_upper,
            |b| {
                let (large, small) = (self.log_ccdf(b, formals, lower), self.log_ccdf(b, formals, upper));
                difference(b, large, small)
            },
            |b| {
                let large = self.log_cdf(b, formals, upper);
                difference(b, large, below)
            },
        )
    }
}

/// `c ? yes : no`, each under its condition, so that a derivative of the other side does not count.
fn either(
    b: &mut Builder,
    condition: Var,
    yes: impl FnOnce(&mut Builder) -> Var,
    no: impl FnOnce(&mut Builder) -> Var,
) -> Var {
    let outer = b.guard();
    let guard = b.and_guard(outer, Some(condition));
    b.set_guard(guard);
    let then = yes(b);
    b.set_guard(outer);
    let not = b.prim(Prim::Not, &[condition]);
    let guard = b.and_guard(outer, Some(not));
    b.set_guard(guard);
    let other = no(b);
    b.set_guard(outer);
    b.select(condition, then, other)
}

fn of(formals: &Formals, wanted: &str) -> Array {
    let found = formals.iter().find(|(name, ..)| name == wanted);
    found.map(|(.., array)| array.clone()).expect("a formal of the fragment")
}

/// The ends that are given.
fn ends(_: &mut Builder, formals: &Formals, given: [bool; 2]) -> [Option<Array>; 2] {
    let end = |at: usize, name: &str| given[at].then(|| of(formals, name));
    [end(0, "lower"), end(1, "upper")]
}

fn with_ends(inner: &Inner, given: [bool; 2]) -> Vec<DistParam> {
    let end = |name: &str| DistParam {
        name: name.into(),
        dims: Vec::new(),
        constraint: Constraint::Real,
        rigid: true,
        default: None,
    };
    let own =
        ["lower", "upper"].into_iter().zip(given).filter(|(_, given)| *given).map(|(name, _)| end(name));
    inner.params.iter().cloned().chain(own).collect()
}

fn positions(params: &[DistParam], given: [bool; 2]) -> [Option<usize>; 2] {
    let position = |name: &str| params.iter().position(|param| param.name == name);
    [position("lower").filter(|_| given[0]), position("upper").filter(|_| given[1])]
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
