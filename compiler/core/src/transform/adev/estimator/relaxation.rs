//! Relaxations of finite sites: what `rebar`, `relax`, `gumbel_softmax` and `straight_through` have in common.
//!
//! A **flip** of probability p is drawn as `b = 1[z > 0]`, `z = logit p + logit u`, `u` uniform (the Gumbel-max trick for
//! two values). Its **relaxed value** `σ(z / τ)`, τ the temperature, is smooth in p and tends to b as τ → 0 (Maddison,
//! Mnih & Teh 2017; Jang, Gu & Poole 2017). It takes the place of `real(b)`.
//!
//! A **choice** of an index of probabilities p is drawn as `c = argmax z`, `z_j = log p_j − log e_j`, `e` exponential: a
//! vector of Gumbel variables. Its relaxed value `softmax(z / τ)` takes the place of `one_hot(c)`. To look up `x[c]` is
//! to take `Σ_j one_hot(c)_j · x[j]`, so that it is relaxed too.
//!
//! `smoothness` checks that the terms that depend on the site use its value in no other way.

use super::{Kind, TEMPERATURE};
use crate::axis::{Axis, Role};
use crate::build::Builder;
use crate::ir::{
    Array, Base, Draw, Elem, Let, Monoid, Op, Program, Sample, Scan, Setting, Site, Stmt, Ty, Var, VarInfo,
};
use crate::prim::Prim;
use crate::transform::adev::program::{self, Emitted};
use crate::transform::adev::terms;
use crate::transform::copy::{Result, inline};
use crate::transform::density::inline_density;
use crate::transform::dependence::Dependence;
use crate::transform::support;
use std::cell::Cell;
use std::collections::HashSet;
use vary_diagnostic::{Code, Diagnostic};

/// The settings of strategies that soften a value.
pub const SETTINGS: &[(&str, Kind)] = &[(TEMPERATURE, Kind::Temperature)];

/// The temperature where none is written.
const USUAL_TEMPERATURE: f64 = 0.5;

/// Why a distribution has no relaxation.
pub fn applies(site: &Site) -> std::result::Result<(), &'static str> {
    let dist = &site.dist;
    let choice = dist.finite.is_some() && dist.support.elem() == Elem::Int && site.event == 0;
    if dist.probability_of_true.is_some() || choice {
        Ok(())
    } else {
        Err("it is neither a flip nor a choice among finitely many indices")
    }
}

/// The temperature written at a site, else the usual one.
pub fn temperature(sample: &Sample) -> f64 {
    match sample.site.strategy.as_ref().and_then(|written| written.setting(TEMPERATURE)) {
        Some(Setting::Number(temperature)) => temperature,
        _ => USUAL_TEMPERATURE,
    }
}

/// A site to be relaxed.
pub struct Relaxation<'s> {
    sample: &'s Sample,
    /// The values of a choice; a flip has none.
    pub values: Option<Axis>,
    /// The noise it is drawn with: u of a flip, e of a choice.
    noise: Cell<Option<Var>>,
}

impl<'s> Relaxation<'s> {
    /// Of a site of a program that is being rebuilt.
    pub fn of(b: &mut Builder, source: &Program, sample: &'s Sample) -> Self {
        let values = sample.site.dist.probability_of_true.is_none().then(|| {
            let Some(size) = support::size(&source.axes, &sample.site, &terms::known_dims(source)) else {
                unreachable!("`applies` lets only finite supports pass")
            };
            b.fresh_axis(&sample.site.address, size, Role::Index)
        });
        Relaxation { sample, values, noise: Cell::default() }
    }

    /// The site by its own noise, any other one not at all.
    pub fn draw(&self, b: &mut Builder, copied: &Sample) -> Option<Var> {
        (copied.var == self.sample.var).then(|| {
            let (place, outer) = (b.at(copied.site.span), b.set_guard(copied.guard));
            let law = self.law(b, copied, &|var| var);
            let law = b.detach(law);
            let drawn = match self.values {
                // True where u > 1 − p.
                None => {
                    let u = self.draw_noise(b, copied, Base::Uniform);
                    let one = b.real(1.0);
                    let below = b.sub(one, law);
                    b.prim(Prim::Lt, &[below, u])
                }
                Some(values) => {
                    self.draw_noise(b, copied, Base::Exponential);
                    let z = self.perturbed(b, law);
                    let top = b.reduce(Monoid::Max, values, z);
                    let is_top = b.prim(Prim::Eq, &[z, top]);
                    let (index, zero) = (b.iota(values), b.int(0));
                    let index = b.select(is_top, index, zero);
                    b.reduce(Monoid::Max, values, index)
                }
            };
            b.set_guard(outer);
            let drawn = match copied.guard {
                Some(guard) => {
                    let absent = b.zero(b.ty(drawn).elem);
                    b.select(guard, drawn, absent)
                }
                None => drawn,
            };
            b.at(place);
            drawn
        })
    }

    fn draw_noise(&self, b: &mut Builder, copied: &Sample, base: Base) -> Var {
        let site = &copied.site;
        let key = site.key.iter().chain(self.values).collect();
        let occurrence = format!("{}#u", site.occurrence).into();
        let noise = b.emit(Op::Draw(Draw { base, args: Vec::new(), key, occurrence }));
        self.noise.set(Some(noise));
        noise
    }

    /// The noise drawn.
    fn noise(&self) -> Var {
        let Some(noise) = self.noise.get() else { unreachable!("the site has been drawn") };
        noise
    }

    /// p of a flip, log p_j of a choice, with the site's arguments and condition `at` some copy. Where the site is
    /// absent nothing is infinite: one half, and 0.
    fn law(&self, b: &mut Builder, sample: &Sample, at: &dyn Fn(Var) -> Var) -> Var {
        let mut site = (*sample.site).clone();
        site.args = site.args.iter().map(|arg| Array { var: at(arg.var), ..arg.clone() }).collect();
        let guard = sample.guard.map(at);
        let saved = b.set_guard(guard);
        let (law, absent) = match (self.values, &site.dist.probability_of_true) {
            (None, Some(fragment)) => {
                (inline(b, fragment, &super::reparam::parameters(&site, &site.args)).var, 0.5)
            }
            (values, _) => {
                let each = values.map(|values| b.iota(values));
                let Some(var) = each else { unreachable!("a site is a flip or a choice") };
                (inline_density(b, &site, &Array { var, dims: Vec::new() }), 0.0)
            }
        };
        b.set_guard(saved);
        let absent = b.real(absent);
        guard.map_or(law, |guard| b.select(guard, law, absent))
    }

    /// z from p of a flip, or log p of a choice.
    fn perturbed(&self, b: &mut Builder, law: Var) -> Var {
        match self.values {
            None => {
                let (of_p, of_u) = (logit(b, law), logit(b, self.noise()));
                b.add(of_p, of_u)
            }
            Some(_) => {
                let noise = b.log(self.noise());
                b.sub(law, noise)
            }
        }
    }

    /// z, smooth in the parameters of the site in a copy.
    pub fn smooth(&self, b: &mut Builder, base: &Emitted) -> Var {
        let law = self.law(b, self.sample, &|var| base.var(var));
        self.perturbed(b, law)
    }

    /// z with the tangent z′ − z̃′, where z̃ is drawn given the site's value: from noise v of its own, such that z̃ = z
    /// (Tucker et al. 2017, §3.2 and appendix C: common random numbers), with u held in z and v in z̃.
    ///
    /// A flip: `z̃ = logit p + logit u′`, `u′ = 1 − p + v·p` where b is true and `v·(1 − p)` elsewhere, so
    ///
    /// ```text
    /// z′ − z̃′ = p′ / (p·u) where b is true,  p′ / ((1 − p)·(1 − u)) elsewhere.
    /// ```
    ///
    /// A choice: `z̃_c = −log v_c`, whose law does not depend on p, and `z̃_j = −log(v_c + v_j / p_j)` for the others, v
    /// exponential. So z̃_j′ = (1 − exp(z_j − z_c))·(log p_j)′, which holds for j = c too, and
    ///
    /// ```text
    /// z_j′ − z̃_j′ = exp(z_j − z_c)·(log p_j)′.
    /// ```
    pub fn coupled(&self, b: &mut Builder, base: &Emitted) -> Var {
        let law = self.law(b, self.sample, &|var| base.var(var));
        let held = b.detach(law);
        let point = self.perturbed(b, held);
        let slope = match self.values {
            None => {
                let (one, u) = (b.real(1.0), self.noise());
                let (not_p, not_u) = (b.sub(one, held), b.sub(one, u));
                let (on, off) = (b.mul(held, u), b.mul(not_p, not_u));
                let slope = b.select(base.var(self.sample.var), on, off);
                b.div(one, slope)
            }
            Some(values) => {
                let top = b.reduce(Monoid::Max, values, point);
                let below = b.sub(point, top);
                b.exp(below)
            }
        };
        let slope = b.detach(slope);
        let tangent = b.emit(Op::Tangent(law));
        let tangent = b.mul(slope, tangent);
        b.add(point, tangent)
    }

    /// The relaxed value: `σ(z / τ)`, `softmax(z / τ)`.
    pub fn soften(&self, b: &mut Builder, point: Var, temperature: Var) -> Var {
        let scaled = b.div(point, temperature);
        match self.values {
            None => b.prim(Prim::Sigmoid, &[scaled]),
            Some(values) => {
                let total = b.log_sum_exp(values, scaled);
                let log = b.sub(scaled, total);
                b.exp(log)
            }
        }
    }

    /// What a relaxed value stands for: `real(b)`, `one_hot(c)`.
    pub fn hard(&self, b: &mut Builder, drawn: Var) -> Var {
        let hard = match self.values {
            None => drawn,
            Some(values) => {
                let each = b.iota(values);
                b.prim(Prim::Eq, &[each, drawn])
            }
        };
        b.to_real(hard)
    }

    /// What depends on the site, ready for a relaxed value in its place.
    pub fn slice(&self, source: &Program, dependence: &Dependence) -> Result<Slice> {
        let site = &self.sample.site;
        if dependence.of_arguments(self.sample).is_some() {
            let message = format!(
                "`{}` cannot be relaxed: its probability depends on its earlier values",
                site.address
            );
            return Err(Box::new(
                Diagnostic::error(Code("E0503"), message)
                    .at(site.span, "drawn in a recurrence")
                    .help(format!("use `{0}.rloo(…)` or `{0}.reinforce(…)`", site.dist.name)),
            ));
        }
        let mut slice = program::slice(source, dependence);
        let mut moved = HashSet::from([self.sample.var]);
        match self.values {
            None => as_reals(&mut slice.body, &mut moved),
            Some(values) => {
                slice.body = Weighted { vars: &mut slice.vars, moved, values }.block(slice.body);
            }
        }
        Ok(Slice(slice))
    }
}

/// `log (p / (1 − p))`; of a sigmoid its operand, which does not round where p is nearly 1.
fn logit(b: &mut Builder, p: Var) -> Var {
    if let Some(x) = b.operand_of(Prim::Sigmoid, p) {
        return x;
    }
    let minus = b.neg(p);
    let (yes, no) = (b.log(p), b.prim(Prim::Log1p, &[minus]));
    b.sub(yes, no)
}

/// What depends on a relaxed site.
pub struct Slice(Program);

impl Slice {
    /// The slice over a whole copy, with the sites' values; `outside` gives what the slice reads.
    pub fn run<'s>(
        &'s self,
        b: &mut Builder,
        base: &Emitted,
        dependence: &Dependence,
        outside: &dyn Fn(&mut Builder, Var) -> Var,
        value: program::Value<'s>,
    ) -> Result<Emitted<'s, 's>> {
        program::resume_with(b, &self.0, base, dependence, value, outside)
    }
}

/// Replaces the conversions of flips to reals by nothing; `flips` are the site's value and what moves it only.
fn as_reals(stmts: &mut [Stmt], flips: &mut HashSet<Var>) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(Let { var, op, .. }) => match op {
                Op::Rename(_, x) | Op::Gather { x, .. } if flips.contains(x) => drop(flips.insert(*var)),
                Op::Prim(Prim::ToReal, args) if flips.contains(&args[0]) => {
                    *op = Op::Rename(Vec::new(), args[0]);
                }
                _ => {}
            },
            Stmt::Scan(scan) => as_reals(&mut scan.body, flips),
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}

/// Replaces `x[c]` by `Σ_j c_j · x[j]`, where c has become weights along `values`.
struct Weighted<'v> {
    vars: &'v mut Vec<VarInfo>,
    /// The site's value and what moves it only.
    moved: HashSet<Var>,
    values: Axis,
}

impl Weighted<'_> {
    fn block(&mut self, stmts: Vec<Stmt>) -> Vec<Stmt> {
        let mut done = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Let(Let { var, op: Op::Gather { x, axis, index }, guard })
                    if self.moved.contains(&index) =>
                {
                    let values = self.values;
                    let mut emit = |elem: Elem, op: Op| {
                        let target = self.fresh(var, elem);
                        done.push(Stmt::Let(Let { var: target, op, guard }));
                        target
                    };
                    let each = emit(Elem::Int, Op::Iota(values));
                    let entries = emit(Elem::Real, Op::Gather { x, axis, index: each });
                    let weighted = emit(Elem::Real, Op::Prim(Prim::Mul, vec![index, entries]));
                    let op = Op::Reduce(Monoid::Sum, values, weighted);
                    done.push(Stmt::Let(Let { var, op, guard }));
                }
                Stmt::Let(binding) => {
                    if let Op::Rename(_, x) | Op::Gather { x, .. } = &binding.op
                        && self.moved.contains(x)
                    {
                        self.moved.insert(binding.var);
                    }
                    done.push(Stmt::Let(binding));
                }
                Stmt::Scan(scan) => {
                    let body = self.block(scan.body);
                    done.push(Stmt::Scan(Scan { body, ..scan }));
                }
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => done.push(stmt),
            }
        }
        done
    }

    /// A variable beside `like`; the copy of a slice finds its axes itself.
    fn fresh(&mut self, like: Var, elem: Elem) -> Var {
        let info = &self.vars[like.0 as usize];
        let (axes, span) = (info.ty.axes.clone(), info.span);
        self.vars.push(VarInfo { ty: Ty { elem, axes }, name: None, span, rule: None });
        Var(self.vars.len() as u32 - 1)
    }
}
