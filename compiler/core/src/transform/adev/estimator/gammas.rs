//! Samplers made of gammas, with their values as smooth functions of these: what `implicit` and `rejection`
//! differentiate.
//!
//! A `sample` clause may draw from samplers with operands. Beta(a, b) is G_a / (G_a + G_b) and Student's t with ν
//! degrees Z·√(ν / 2G_{ν/2}), where G_α is a gamma of shape α and rate one; so each of them is smooth in its operands
//! as soon as G_α is smooth in α. The clause's value must be a differentiable function of its draws.

use super::reparam;
use crate::build::Builder;
use crate::generative::Distribution;
use crate::ir::{Base, Draw, Elem, Op, Program, Sample, Stmt, Var};
use crate::transform::adev::smoothness::rigid_operands;

/// Whether a distribution's `sample` clause is made of gammas, differentiably.
pub fn makes(dist: &Distribution) -> bool {
    let Some(sampler) = &dist.sample else { return false };
    let made = |base: Base| matches!(base, Base::Gamma | Base::Beta | Base::StudentT);
    let operands = || sampler.draws.iter().flat_map(|draw| &draw.operands);
    dist.support.elem() == Elem::Real
        && operands().next().is_some()
        && sampler.draws.iter().all(|draw| draw.operands.is_empty() || made(draw.base))
        && operands().chain([&sampler.value]).all(|fragment| is_differentiable(&fragment.0))
}

/// Whether nothing jumps in a fragment.
fn is_differentiable(program: &Program) -> bool {
    fn all(stmts: &[Stmt]) -> bool {
        stmts.iter().all(|stmt| match stmt {
            Stmt::Let(binding) => match &binding.op {
                Op::Prim(prim, _) => rigid_operands(*prim).is_none(),
                _ => true,
            },
            Stmt::Scan(scan) => all(&scan.body),
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => true,
        })
    }
    all(&program.body)
}

/// The smooth value of a site, from what `gamma` makes of draws of `base_gamma` whose shapes are smooth. `None` where
/// the sizes of its draws are not known.
pub fn draw(
    b: &mut Builder,
    sample: &Sample,
    gamma: &mut dyn FnMut(&mut Builder, Draw) -> Var,
) -> Option<Var> {
    let site = &sample.site;
    let sampler = site.dist.sample.as_ref()?;
    if !reparam::is_settled(b, site, sampler) {
        return None;
    }
    Some(reparam::draw(b, sample, &site.args, sampler, &mut |b, draw| smooth(b, draw, gamma)))
}

fn smooth(b: &mut Builder, draw: Draw, gamma: &mut dyn FnMut(&mut Builder, Draw) -> Var) -> Var {
    let part = |base: Base, args: Vec<Var>, name: &str| Draw {
        base,
        args,
        key: draw.key.clone(),
        occurrence: format!("{}.{name}", draw.occurrence).into(),
    };
    match (draw.base, &draw.args[..]) {
        (Base::Gamma, _) => gamma(b, draw),
        (Base::Beta, &[of, other]) => {
            let (of, other) = (part(Base::Gamma, vec![of], "a"), part(Base::Gamma, vec![other], "b"));
            let (of, other) = (gamma(b, of), gamma(b, other));
            let total = b.add(of, other);
            b.div(of, total)
        }
        (Base::StudentT, &[degrees]) => {
            let half = b.real(0.5);
            let half = b.mul(half, degrees);
            let gamma = gamma(b, part(Base::Gamma, vec![half], "gamma"));
            let normal = b.emit(Op::Draw(part(Base::Normal, Vec::new(), "normal")));
            let ratio = b.div(half, gamma);
            let spread = b.prim(crate::prim::Prim::Sqrt, &[ratio]);
            b.mul(normal, spread)
        }
        _ => b.emit(Op::Draw(draw)),
    }
}

/// A gamma of rate one as a constant, its shape smooth.
pub fn constant(b: &mut Builder, draw: Draw, shape: Var) -> Var {
    let shape = b.detach(shape);
    let gamma = b.emit(Op::Draw(Draw { args: vec![shape], ..draw }));
    b.detach(gamma)
}

/// log of the density of a gamma of rate one.
pub fn log_density(b: &mut Builder, shape: Var, x: Var) -> Var {
    let one = b.real(1.0);
    let power = b.sub(shape, one);
    let log = b.log(x);
    let log = b.mul(power, log);
    let log = b.sub(log, x);
    let normaliser = b.prim(crate::prim::Prim::Lgamma, &[shape]);
    b.sub(log, normaliser)
}
