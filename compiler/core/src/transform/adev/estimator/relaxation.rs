//! Relaxations of flips: what `rebar`, `relax`, `gumbel_softmax` and `straight_through` have in common.
//!
//! A flip of probability p is drawn as `b = 1[z > 0]`, `z = logit p + logit u`, `u` uniform (the Gumbel-max trick for
//! two values). Its **relaxed value** `σ(z / τ)`, τ the temperature, is smooth in p and tends to b as τ → 0 (Maddison,
//! Mnih & Teh 2017; Jang, Gu & Poole 2017). It takes the place of `real(b)`; `smoothness` checks that the terms that
//! depend on the site use b in no other way.

use crate::build::Builder;
use crate::ir::{Array, Base, Draw, Let, Op, Program, Sample, Site, Stmt, Var};
use crate::prim::Prim;
use crate::transform::adev::program::{self, Emitted};
use crate::transform::copy::{Result, inline};
use crate::transform::dependence::Dependence;
use std::cell::Cell;
use std::collections::HashSet;
use vary_diagnostic::{Code, Diagnostic};

/// Why a distribution has no relaxation.
pub fn applies(site: &Site) -> std::result::Result<(), &'static str> {
    if site.dist.probability_of_true.is_some() { Ok(()) } else { Err("it is not a flip") }
}

/// The noise that a flip is drawn with.
#[derive(Default)]
pub struct Noise(Cell<Option<Var>>);

impl Noise {
    /// The flip by its own uniform u: true where `u > 1 − p`. `sample` is copied already.
    pub fn draw(&self, b: &mut Builder, sample: &Sample) -> Var {
        let site = &sample.site;
        let (place, outer) = (b.at(site.span), b.set_guard(sample.guard));
        let p = probability(b, sample, &|var| var);
        let p = b.detach(p);
        let occurrence = format!("{}#u", site.occurrence).into();
        let draw = Draw { base: Base::Uniform, args: Vec::new(), key: site.key.clone(), occurrence };
        let u = b.emit(Op::Draw(draw));
        self.0.set(Some(u));
        let one = b.real(1.0);
        let below = b.sub(one, p);
        let drawn = b.prim(Prim::Lt, &[below, u]);
        b.set_guard(outer);
        b.at(place);
        drawn
    }

    /// The uniform drawn.
    fn uniform(&self) -> Var {
        let Some(u) = self.0.get() else { unreachable!("the site has been drawn") };
        u
    }

    /// `z = logit p + logit u`, smooth in p.
    pub fn smooth(&self, b: &mut Builder, p: Var) -> Var {
        let (of_p, of_u) = (logit(b, p), logit(b, self.uniform()));
        b.add(of_p, of_u)
    }

    /// z with the tangent z′ − z̃′, where z̃ is drawn given b: from v uniform, `z̃ = logit p + logit u′`, with
    /// `u′ = 1 − p + v·p` where b is true and `v·(1 − p)` elsewhere. With v such that z̃ = z (Tucker et al. 2017, §3.2
    /// and appendix C: common random numbers), holding u in z and v in z̃,
    ///
    /// ```text
    /// z′ − z̃′ = p′ / (p·u) where b is true,  p′ / ((1 − p)·(1 − u)) elsewhere.
    /// ```
    pub fn coupled(&self, b: &mut Builder, p: Var, drawn: Var) -> Var {
        let point = self.smooth(b, p);
        let (point, held) = (b.detach(point), b.detach(p));
        let one = b.real(1.0);
        let u = self.uniform();
        let (not_p, not_u) = (b.sub(one, held), b.sub(one, u));
        let (on, off) = (b.mul(held, u), b.mul(not_p, not_u));
        let slope = b.select(drawn, on, off);
        let slope = b.div(one, slope);
        let tangent = b.emit(Op::Tangent(p));
        let tangent = b.mul(slope, tangent);
        b.add(point, tangent)
    }
}

/// The probability of true per row; one half where the site is absent, so that nothing there is infinite.
pub fn chance(b: &mut Builder, sample: &Sample, base: &Emitted) -> Var {
    let p = probability(b, sample, &|var| base.var(var));
    let half = b.real(0.5);
    sample.guard.map_or(p, |guard| b.select(base.var(guard), p, half))
}

/// `σ(z / τ)`
pub fn soften(b: &mut Builder, point: Var, temperature: Var) -> Var {
    let scaled = b.div(point, temperature);
    b.prim(Prim::Sigmoid, &[scaled])
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

/// What depends on a flip, ready for a real in its place: where its value is made a real, it is one.
pub struct Slice(Program);

impl Slice {
    /// Of the last site of a program.
    pub fn of(source: &Program, sample: &Sample, dependence: &Dependence) -> Result<Slice> {
        if dependence.of_arguments(sample).is_some() {
            let address = &sample.site.address;
            let message =
                format!("`{address}` cannot be relaxed: its probability depends on its earlier values");
            return Err(Box::new(
                Diagnostic::error(Code("E0503"), message)
                    .at(sample.site.span, "drawn in a recurrence")
                    .help(format!("use `{0}.rloo(…)` or `{0}.reinforce(…)`", sample.site.dist.name)),
            ));
        }
        let mut slice = program::slice(source, dependence);
        as_reals(&mut slice.body, &mut HashSet::from([sample.var]));
        Ok(Slice(slice))
    }

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

/// The probability of true per row, 0 where the site is absent.
fn probability(b: &mut Builder, sample: &Sample, copied: &dyn Fn(Var) -> Var) -> Var {
    let site = &sample.site;
    let Some(fragment) = &site.dist.probability_of_true else {
        unreachable!("`strategy` lets only flips pass")
    };
    let args: Vec<Array> =
        site.args.iter().map(|arg| Array { var: copied(arg.var), ..arg.clone() }).collect();
    let guard = sample.guard.map(copied);
    let saved = b.set_guard(guard);
    let p = inline(b, fragment, &super::reparam::parameters(site, &args)).var;
    b.set_guard(saved);
    let zero = b.real(0.0);
    guard.map_or(p, |guard| b.select(guard, p, zero))
}
