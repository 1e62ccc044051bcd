//! `gumbel_softmax` and `straight_through`: differentiation through a relaxed value. Biased.
//!
//! ```text
//! gumbel_softmax:     x = σ(z / τ);    continue with (x, ∂x·θ′)
//! straight_through:   x = 1[z > 0];    continue with (x, ∂σ(z / τ)·θ′)
//! ```
//!
//! for flips, with `z = logit p + logit u`, and for a choice of an index with x = softmax(z / τ), or one_hot(argmax z),
//! `z_j = log p_j − log e_j` (Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017; straight through: Bengio, Léonard &
//! Courville 2013 and Jang et al., §2.2). The first estimates the objective of the relaxed program, whose value and
//! gradient tend to those meant as τ → 0 while the variance grows; the second has the value meant and another gradient.
//! The objective is labelled biased.
//!
//! Assumes that k is smooth in the relaxed value (`smoothness` checks it).

use super::relaxation::{self, Relaxation};
use super::{Applied, Kind, Rule};
use crate::build::Builder;
use crate::ir::{Op, Program, Sample, Site};
use crate::transform::adev::program;
use crate::transform::adev::terms;
use crate::transform::copy::Result;
use crate::transform::dependence::{Dependence, Through};

/// Differentiation through a relaxed value.
pub struct Relaxed {
    name: &'static str,
    formula: &'static [&'static str],
    bias: &'static str,
    /// Whether the value is the one meant, and only the derivative relaxed.
    hard: bool,
}

/// The relaxed value, differentiated.
pub const GUMBEL_SOFTMAX: Relaxed = Relaxed {
    name: "gumbel_softmax",
    formula: &[
        "z = logit p + logit u, x = σ(z/τ), of an index softmax(z/τ); continue with (x, ∂x·θ′): biased",
        "Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017",
    ],
    bias: "a relaxed value takes the place of the discrete one",
    hard: false,
};

/// The value, with the derivative of the relaxed one.
pub const STRAIGHT_THROUGH: Relaxed = Relaxed {
    name: "straight_through",
    formula: &[
        "z = logit p + logit u, x = 1[z > 0], of an index one_hot(argmax z); continue with (x, ∂σ(z/τ)·θ′): biased",
        "Bengio, Léonard and Courville 2013",
    ],
    bias: "the derivative is that of a relaxed value",
    hard: true,
};

impl Rule for Relaxed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn formula(&self) -> &'static [&'static str] {
        self.formula
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        relaxation::SETTINGS
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        relaxation::applies(site)
    }

    fn relaxes(&self) -> bool {
        true
    }

    fn bias(&self) -> Option<&'static str> {
        Some(self.bias)
    }

    /// The program with what depends on the site computed from its relaxed value.
    fn apply(&self, source: &Program, sample: &Sample) -> Result<Applied> {
        let dependence = Dependence::on(source, sample, Through::Samples);
        let mut b = Builder::new(source.axes.clone());
        let relaxation = Relaxation::of(&mut b, source, sample);
        let slice = relaxation.slice(source, &dependence)?;
        let draw = |b: &mut Builder, copied: &Sample| Ok(relaxation.draw(b, copied));
        let base = program::whole(&mut b, source, &draw)?;
        let mut results = program::results(source, &base);
        let Some(result) = program::objective(source) else { return Ok(b.finish(results).into()) };
        b.at(sample.site.span);
        let temperature = b.real(relaxation::temperature(sample));
        let point = relaxation.smooth(&mut b, &base);
        let mut relaxed = relaxation.soften(&mut b, point, temperature);
        if self.hard {
            let hard = relaxation.hard(&mut b, base.var(sample.var));
            let tangent = b.emit(Op::Tangent(relaxed));
            relaxed = b.add(hard, tangent);
        }
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
}
