//! `rejection`: reparameterisation through an acceptance–rejection sampler.
//!
//! Let h(ε, θ) propose and ε be the noise of the accepted proposal, of density π(ε; θ). Then
//!
//! ```text
//! ε ~ π(·; θ), x = h(ε, θ);   (l, l') = k(x, ∂h·θ');   (l, l' + l·s),   s = ∂θ log π(ε; θ)·θ'
//! ```
//!
//! and log π(ε; θ) = log d(h(ε, θ); θ) + log |∂h/∂ε| + const (Naesseth, Ruiz, Linderman and Blei 2017, eqs. 4 to 9):
//! the path of the accepted proposal, and a score that is small where proposals are seldom rejected.
//!
//! For gammas, from which betas, Dirichlet and Student's t values are made (`gammas`), h is Marsaglia and Tsang's (2000),
//!
//! ```text
//! h(ε, α) = (α − 1/3)(1 + ε / √(9α − 3))³,   α ≥ 1.
//! ```
//!
//! Which sampler draws does not matter: ε is h⁻¹ of an exact gamma. Shape augmentation (ibid., §5): x is a gamma of shape
//! α + B times Π_{i=1}^{B} u_i^{1/(α + i − 1)}, u uniform, since proposals of large shapes are accepted nearly always.
//! With B = 0 shapes below 1 are augmented once, as the sampler needs.
//!
//! Assumes: what `reparam` does of k, and what `reinforce` does of the proposal.

use super::reinforce::cost;
use super::{Applied, Kind, Rule, gammas};
use crate::axis::Role;
use crate::build::Builder;
use crate::dim::Dim;
use crate::ir::{Base, Draw, Monoid, Op, Program, Sample, Setting, Site, Var};
use crate::prim::Prim;
use crate::transform::adev::program;
use crate::transform::copy::Result;
use std::cell::RefCell;

/// The setting: by how much shapes are raised.
const AUGMENTATION: &str = "shape_augmentation";

/// Acceptance–rejection reparameterisation.
pub struct Rejection;

impl Rule for Rejection {
    fn name(&self) -> &'static str {
        "rejection"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "ε of the accepted proposal, x = h(ε, θ), (l, l′) = k(x, ∂h·θ′); (l, l′ + l·s), s = ∂θ log π(ε; θ)·θ′",
            "Naesseth et al. 2017; gammas by Marsaglia and Tsang 2000",
        ]
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        &[(AUGMENTATION, Kind::Count)]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        if gammas::makes(&site.dist) { Ok(()) } else { Err("its `sample` clause is not made of gammas") }
    }

    fn is_smooth(&self) -> bool {
        true
    }

    fn is_direct(&self) -> bool {
        false
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        let setting = sample.site.strategy.as_ref().and_then(|written| written.setting(AUGMENTATION));
        let steps = match setting {
            Some(Setting::Number(steps)) => steps as u32,
            _ => 1,
        };
        Ok(apply(program, sample, steps)?.into())
    }
}

/// The program with the accepted proposal for the site's value, and its correction added.
fn apply(source: &Program, sample: &Sample, steps: u32) -> Result<Program> {
    // The body of a scan may be copied more than once: the last copy counts.
    let proposals = RefCell::new(Vec::new());
    let value = |b: &mut Builder, copied: &Sample| {
        if copied.var != sample.var {
            return Ok(None);
        }
        let mut made = Vec::new();
        let value = gammas::draw(b, copied, &mut |b, draw| {
            let (value, log_density) = propose(b, draw, steps);
            made.push(log_density);
            value
        });
        proposals.replace(made);
        value.map(Some).ok_or_else(|| program::no_sampler(copied))
    };
    program::rewritten(source, sample, &value, |b, at| {
        let Some(cost) = cost(b, &at.terms, at.dependence, at.base, &|_, factor| at.base.var(factor)) else {
            return Ok(at.total);
        };
        let cost = b.detach(cost);
        let present = sample.guard.map(|guard| at.base.var(guard));
        let zero = b.real(0.0);
        let proposals = proposals.borrow().clone();
        Ok(proposals.into_iter().fold(at.total, |total, log_density| {
            let log_density = present.map_or(log_density, |present| b.select(present, log_density, zero));
            program::add_score(b, total, cost, log_density)
        }))
    })
}

/// A gamma by its accepted proposal, and log π(ε; α).
fn propose(b: &mut Builder, draw: Draw, steps: u32) -> (Var, Var) {
    let (raised, shrink) = augmented(b, &draw, steps);
    let (one, third, nine, two) = (b.real(1.0), b.real(1.0 / 3.0), b.real(9.0), b.real(2.0));
    let base = b.sub(raised, third);
    let width = b.mul(nine, base);
    let width = b.prim(Prim::Sqrt, &[width]);
    let noise = {
        let drawn = gammas::constant(b, draw, raised);
        let ratio = b.div(drawn, base);
        let root = b.prim(Prim::Pow, &[ratio, third]);
        let off = b.sub(root, one);
        let noise = b.mul(off, width);
        b.detach(noise)
    };
    let step = b.div(noise, width);
    let root = b.add(one, step);
    let square = b.mul(root, root);
    let cube = b.mul(square, root);
    let proposed = b.mul(base, cube);
    // ∂h/∂ε = 3 (α − 1/3)(1 + ε/√(9α − 3))² / √(9α − 3), up to a constant √(α − 1/3)·root².
    let log_density = gammas::log_density(b, raised, proposed);
    let log_width = b.log(width);
    let log_root = b.log(root);
    let log_root = b.mul(two, log_root);
    let slope = b.add(log_width, log_root);
    let log_density = b.add(log_density, slope);
    (b.mul(proposed, shrink), log_density)
}

/// The raised shape, and what its gamma is multiplied by.
fn augmented(b: &mut Builder, draw: &Draw, steps: u32) -> (Var, Var) {
    let shape = draw.args[0];
    let one = b.real(1.0);
    let axis = b.fresh_axis("augmentation", Dim::known(i64::from(steps.max(1))), Role::Index);
    let mut key = draw.key.clone();
    key.insert(axis);
    let occurrence = format!("{}.augmentation", draw.occurrence).into();
    // −log u is exponential.
    let logs = b.emit(Op::Draw(Draw { base: Base::Exponential, args: Vec::new(), key, occurrence }));
    let number = b.iota(axis);
    let number = b.to_real(number);
    let power = b.add(shape, number);
    let log = b.div(logs, power);
    let log = b.reduce(Monoid::Sum, axis, log);
    let log = b.neg(log);
    let shrink = b.exp(log);
    if steps > 0 {
        let by = b.real(f64::from(steps));
        return (b.add(shape, by), shrink);
    }
    let fixed = b.detach(shape);
    let small = b.prim(Prim::Lt, &[fixed, one]);
    let by = b.to_real(small);
    (b.add(shape, by), b.select(small, shrink, one))
}
