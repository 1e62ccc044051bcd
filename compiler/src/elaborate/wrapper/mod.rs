//! Distributions made of distributions: `truncated(normal(mu, sigma), lower = 0)`.
//!
//! A wrapper is a distribution whose fragments are composed of those of the distributions inside, whose parameters it
//! takes over. What samples, scores and differentiates it is what does so for any other.

mod ends;
mod inverse;
mod mixture;
mod transformed;
mod zero;

use super::site::Called;
use super::{Lower, Lowered};
use std::rc::Rc;
use vary_core::axis::Axis;
use vary_core::build::Builder;
use vary_core::generative::{BaseDraw, DistParam, Distribution, Fragment, Sampler};
use vary_core::ir::{Array, Base, Elem, Input, InputKind, Output, Var};
use vary_core::prim::Prim;
use vary_core::transform::copy::inline;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind};

/// Their names.
const NAMES: [&str; 6] = ["truncated", "censored", "zero_inflated", "hurdle", "mixture", "transformed"];

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
        if name == "transformed" {
            let (derived, seen) = self.transformed(&inner[0], &own, span)?;
            actual.extend(seen);
            let is_map = |arg: &&ast::Arg| {
                arg.name.as_ref().is_some_and(|n| n.name == "forward" || n.name == "inverse")
            };
            let strategy_args = own.into_iter().filter(|arg| !is_map(arg)).cloned().collect();
            return Ok(Called { dist: derived.into(), strategy, strategy_args, actual });
        }
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

    /// A sampler of a value made of draws of the distributions inside, by these samplers; `None` where one draws arrays.
    fn resampled(
        &mut self,
        inner: &[(&Inner, Sampler)],
        params: &[DistParam],
        own: &[(&str, Base)],
        value: impl FnOnce(&mut Builder, &Formals, &[Var]) -> Var,
    ) -> Option<Sampler> {
        let mut draws: Vec<BaseDraw> = Vec::new();
        let mut more: Vec<(String, Elem)> = Vec::new();
        for (number, (inner, sampler)) in inner.iter().enumerate() {
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
            let values: Vec<Var> = inner
                .iter()
                .enumerate()
                .map(|(number, (inner, sampler))| inner.drawn(b, &sampler.value, formals, number))
                .collect();
            value(b, formals, &values)
        });
        Some(Sampler { draws, value })
    }
}

impl Inner {
    /// With its sampler for values that are not differentiated.
    fn plainly(&self) -> Option<(&Inner, Sampler)> {
        Some((self, self.dist.sample.clone().or(self.dist.reparam.clone())?))
    }

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

    /// A map of the wrapper at a value.
    fn mapped(&self, b: &mut Builder, map: &Fragment, formals: &Formals, x: &Array) -> Var {
        let own = formals.iter().filter(|(name, ..)| name.starts_with("seen."));
        let mut own: Vec<(&str, &[Axis], &Array)> =
            own.map(|(name, dims, array)| (&**name, &**dims, array)).collect();
        own.push(("x", &[], x));
        inline(b, map, &own).var
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
