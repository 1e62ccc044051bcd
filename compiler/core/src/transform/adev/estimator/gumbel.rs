//! `gumbel_softmax` and `straight_through`: differentiation through a relaxed value. Biased.
//!
//! ```text
//! gumbel_softmax:     x = σ(z / τ);  continue with (x, ∂x·θ′)
//! straight_through:   x = 1[z > 0];  continue with (x, ∂σ(z / τ)·θ′)
//! ```
//!
//! with `z = logit p + logit u` (Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017; straight through: Bengio, Léonard &
//! Courville 2013 and Jang et al., §2.2). The first estimates the objective of the relaxed program, whose value and
//! gradient tend to those meant as τ → 0 while the variance grows; the second has the value meant and another gradient.
//! The objective is labelled biased.
//!
//! Assumes that k is smooth in the relaxed value (`smoothness` checks it).

use super::relaxation::{self, Noise, Slice};
use super::{Applied, Kind, Rule, TEMPERATURE};
use crate::build::Builder;
use crate::ir::{Op, Program, Sample, Setting, Site, Var};
use crate::transform::adev::program;
use crate::transform::adev::terms;
use crate::transform::copy::Result;
use crate::transform::dependence::{Dependence, Through};

/// The temperature where none is written.
const USUAL_TEMPERATURE: f64 = 0.5;

/// The relaxed value, differentiated.
pub struct GumbelSoftmax;

/// The value, with the derivative of the relaxed one.
pub struct StraightThrough;

impl Rule for GumbelSoftmax {
    fn name(&self) -> &'static str {
        "gumbel_softmax"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "z = logit p + logit u, x = σ(z/τ); continue with (x, ∂x·θ′): biased",
            "Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017",
        ]
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        &[(TEMPERATURE, Kind::Temperature)]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        relaxation::applies(site)
    }

    fn relaxes(&self) -> bool {
        true
    }

    fn bias(&self) -> Option<&'static str> {
        Some("a relaxed value takes the place of the flip")
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        apply(program, sample, &|_, _, soft| soft)
    }
}

impl Rule for StraightThrough {
    fn name(&self) -> &'static str {
        "straight_through"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "z = logit p + logit u, x = 1[z > 0]; continue with (x, ∂σ(z/τ)·θ′): biased",
            "Bengio, Léonard and Courville 2013",
        ]
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        &[(TEMPERATURE, Kind::Temperature)]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        relaxation::applies(site)
    }

    fn relaxes(&self) -> bool {
        true
    }

    fn bias(&self) -> Option<&'static str> {
        Some("the derivative is that of a relaxed value")
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        apply(program, sample, &|b, drawn, soft| {
            let hard = b.to_real(drawn);
            let hard = b.detach(hard);
            let tangent = b.emit(Op::Tangent(soft));
            b.add(hard, tangent)
        })
    }
}

/// The program with what depends on the site computed from `value`, given the flip and its relaxed value.
fn apply(
    source: &Program,
    sample: &Sample,
    value: &dyn Fn(&mut Builder, Var, Var) -> Var,
) -> Result<Applied> {
    let dependence = Dependence::on(source, sample, Through::Samples);
    let slice = Slice::of(source, sample, &dependence)?;
    let mut b = Builder::new(source.axes.clone());
    let noise = Noise::default();
    let draw =
        |b: &mut Builder, copied: &Sample| Ok((copied.var == sample.var).then(|| noise.draw(b, copied)));
    let base = program::whole(&mut b, source, &draw)?;
    let mut results = program::results(source, &base);
    let Some(result) = program::objective(source) else { return Ok(b.finish(results).into()) };
    b.at(sample.site.span);
    let temperature = match sample.site.strategy.as_ref().and_then(|written| written.setting(TEMPERATURE)) {
        Some(Setting::Number(temperature)) => temperature,
        _ => USUAL_TEMPERATURE,
    };
    let temperature = b.real(temperature);
    let p = relaxation::chance(&mut b, sample, &base);
    let point = noise.smooth(&mut b, p);
    let soft = relaxation::soften(&mut b, point, temperature);
    let drawn = base.var(sample.var);
    let relaxed = value(&mut b, drawn, soft);
    let value = |_: &mut Builder, copied: &Sample| Ok((copied.var == sample.var).then_some(relaxed));
    let at = slice.run(&mut b, &base, &dependence, &|_, var| var, &value)?;
    b.at(sample.site.span);
    let mut total = b.real(0.0);
    for term in terms::split(source, result, &dependence) {
        let copy = if term.links(&dependence).is_some() { &at } else { &base };
        let value = program::term_value(&mut b, &term, copy, &base);
        let value = b.sum(&term.over, value);
        total = b.add(total, value);
    }
    program::set_objective(&mut results, total);
    Ok(b.finish(results).into())
}
