//! `implicit`: the pathwise derivative of any sampler, by the distribution function.
//!
//! Draw x by the plain sampler and continue with x whose tangent is
//!
//! ```text
//! x' = −(∂θF(x; θ)·θ') / f(x; θ),   F the cdf, f the density
//! ```
//!
//! (Figurnov, Mohamed and Mnih 2018, eq. 5.) F(x; θ) is uniform whatever θ: with u held fixed, F(x(θ); θ) = u is
//! differentiated for x'. So the derivative is that of the quantile function of one uniform, without the quantile.
//!
//! A distribution without a `cdf` clause that is made of gammas (a Dirichlet) is differentiated by those of its gammas.
//!
//! Assumes: the distribution is of one real number or made of gammas, its `cdf` clause is the integral of its density and
//! differentiable in θ, the density is positive where values are drawn, and k is smooth in x (`smoothness` checks it).

use super::reparam::{self, parameters};
use super::{Applied, Rule, gammas};
use crate::build::Builder;
use crate::generative::{Distribution, Fragment};
use crate::ir::{Array, Draw, Elem, Op, Program, Sample, Site, Var};
use crate::prim::Prim;
use crate::transform::copy::{Result, inline};
use crate::transform::density::inline_density;

/// Implicit reparameterisation.
pub struct Implicit;

impl Rule for Implicit {
    fn name(&self) -> &'static str {
        "implicit"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "x ~ d(θ); continue with (x, −(∂θF(x; θ)·θ′) / f(x; θ)), F the cdf, f the density",
            "Figurnov, Mohamed and Mnih 2018",
        ]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        if by_cdf(&site.dist).is_some() || gammas::makes(&site.dist) {
            Ok(())
        } else {
            Err("it is no distribution of one real with a `cdf` clause, nor made of gammas")
        }
    }

    fn is_smooth(&self) -> bool {
        true
    }

    fn smooth(&self, b: &mut Builder, sample: &Sample) -> Option<Var> {
        let site = &sample.site;
        let Some(cdf) = by_cdf(&site.dist) else {
            return gammas::draw(b, sample, &mut gamma);
        };
        let drawn = reparam::rigid(b, sample)?;
        let (place, outer) = (b.at(site.span), b.set_guard(sample.guard));
        let value = Array { var: b.detach(drawn), dims: Vec::new() };
        let mut formals = parameters(site, &site.args);
        formals.push(("x", &site.dist.event, &value));
        let below = inline(b, cdf, &formals).var;
        let log_density = inline_density(b, site, &value);
        let smooth = moved(b, value.var, below, log_density);
        b.set_guard(outer);
        b.at(place);
        Some(smooth)
    }

    fn apply(&self, _: &Program, sample: &Sample) -> Result<Applied> {
        unreachable!("`{}` is drawn by a direct rule and has a value already", sample.site.address)
    }
}

/// The distribution function that a value is differentiated by.
fn by_cdf(dist: &Distribution) -> Option<&Fragment> {
    dist.cdf.as_ref().filter(|_| dist.event.is_empty() && dist.support.elem() == Elem::Real)
}

/// x − F'/f: x with the tangent that keeps F(x; θ) where it is.
fn moved(b: &mut Builder, x: Var, below: Var, log_density: Var) -> Var {
    let rarity = b.neg(log_density);
    let rarity = b.exp(rarity);
    let rarity = b.detach(rarity);
    let tangent = b.emit(Op::Tangent(below));
    let moved = b.mul(rarity, tangent);
    b.sub(x, moved)
}

/// A gamma of rate one.
fn gamma(b: &mut Builder, draw: Draw) -> Var {
    let shape = draw.args[0];
    let x = gammas::constant(b, draw, shape);
    let below = b.prim(Prim::LogGammaP, &[shape, x]);
    let below = b.exp(below);
    let log_density = gammas::log_density(b, shape, x);
    moved(b, x, below, log_density)
}
