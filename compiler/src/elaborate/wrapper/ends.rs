//! `truncated` and `censored`: distributions with ends.

use super::{Formals, Inner, either, of};
use crate::elaborate::{Lower, Lowered};
use vary_core::build::Builder;
use vary_core::generative::{BaseDraw, Constraint, DistParam, Distribution, PositiveMap, Sampler};
use vary_core::ir::{Array, Base, Elem, Var};
use vary_core::prim::Prim;
use vary_diagnostic::Span;

impl Lower<'_> {
    /// The distribution given that its value lies between the ends.
    pub(super) fn truncated(
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
    pub(super) fn censored(&mut self, inner: &Inner, given: [bool; 2], span: Span) -> Lowered<Distribution> {
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
        let drawn = inner.plainly().and_then(|drawn| {
            self.resampled(&[drawn], &params, &[], |b, formals, values| {
                let [lower, upper] = ends(b, formals, given);
                let value = lower.map_or(values[0], |lower| b.prim(Prim::Max, &[lower.var, values[0]]));
                upper.map_or(value, |upper| b.prim(Prim::Min, &[value, upper.var]))
            })
        });
        let mut derived = self.derived("censored", &[inner], params, log_density);
        derived.sample = drawn;
        Ok(derived)
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
    pub(super) fn cdf(&self, b: &mut Builder, formals: &Formals, x: &Array) -> Var {
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
