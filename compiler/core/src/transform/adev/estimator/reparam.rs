//! `reparam`, and how every other strategy draws.
//!
//! Pathwise: draw parameter-free noise ε and continue with x = T(ε, θ), whose tangent is ∂T·θ':
//! E_ε[k(T(ε, θ))] is differentiated under the expectation (Kingma & Welling 2014; ADEV, fig. 3,
//! `normal_reparam`). Assumes that T is smooth in θ, that operands of base samplers are rigid
//! (`strategy` checks it), and that k is smooth in x (`smoothness` checks it).
//!
//! A **rigid** value is drawn by the distribution's plain sampler with arguments as constants, so
//! that its tangent is zero.

use super::{Applied, Rule};
use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::generative::{BaseDraw, Fragment, Sampler};
use crate::ir::{Array, Draw, Op, Program, Sample, Site, Var};
use crate::transform::copy::{Result, inline};
use crate::transform::density::aligned;
use std::rc::Rc;

/// A smooth function of parameter-free noise.
pub struct Reparam;

impl Rule for Reparam {
    fn name(&self) -> &'static str {
        "reparam"
    }

    fn formula(&self) -> &'static [&'static str] {
        &["ε ~ noise, x = T(ε, θ); continue with (x, ∂T·θ′)", "Kingma and Welling 2014"]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        if site.dist.reparam.is_some() {
            Ok(())
        } else {
            Err("it has no sampler that is smooth in its parameters")
        }
    }

    fn is_smooth(&self) -> bool {
        true
    }

    fn smooth(&self, b: &mut Builder, sample: &Sample) -> Option<Var> {
        let reparam = sample.site.dist.reparam.as_ref();
        let sampler = reparam.filter(|sampler| is_settled(b, &sample.site, sampler))?;
        Some(draw(b, sample, &sample.site.args, sampler, &mut |b, draw| b.emit(Op::Draw(draw))))
    }

    fn apply(&self, _: &Program, sample: &Sample) -> Result<Applied> {
        unreachable!("`{}` is drawn by a direct rule and has a value already", sample.site.address)
    }
}

/// Formal parameters of a fragment with their actual values.
type Formals<'a> = Vec<(&'a str, &'a [Axis], &'a Array)>;

/// The value as a constant; `None` where the distribution has no sampler.
pub fn rigid(b: &mut Builder, sample: &Sample) -> Option<Var> {
    let site = &sample.site;
    let sampler = site.dist.sample.as_ref().or(site.dist.reparam.as_ref())?;
    if !is_settled(b, site, sampler) {
        return None;
    }
    let args: Vec<Array> =
        site.args.iter().map(|arg| Array { var: b.detach(arg.var), dims: arg.dims.clone() }).collect();
    Some(draw(b, sample, &args, sampler, &mut |b, draw| b.emit(Op::Draw(draw))))
}

/// Whether the sizes of a sampler's arrays are known: an int parameter that is computed from values is none.
pub fn is_settled(b: &Builder, site: &Site, sampler: &Sampler) -> bool {
    let formal: Vec<&str> = site
        .dist
        .params
        .iter()
        .flat_map(|p| &p.dims)
        .filter_map(|axis| b.axes.info(*axis).size.as_name())
        .collect();
    let fragments = sampler.draws.iter().flat_map(|draw| &draw.operands).chain([&sampler.value]);
    let inner = fragments.flat_map(|fragment| fragment.0.axes_mentioned().iter().collect::<Vec<_>>());
    let mut axes = inner.chain(sampler.draws.iter().flat_map(|draw| draw.dims.iter().copied()));
    // Names of formal sizes hold a dot, names of data none.
    axes.all(|axis| {
        let size = &b.axes.info(axis).size;
        size.names().all(|name| !name.contains('.') || formal.contains(&name))
    })
}

/// The value of a sampler whose draws `emit` emits.
pub fn draw(
    b: &mut Builder,
    sample: &Sample,
    args: &[Array],
    sampler: &Sampler,
    emit: &mut dyn FnMut(&mut Builder, Draw) -> Var,
) -> Var {
    let site = &sample.site;
    let (place, outer) = (b.at(site.span), b.set_guard(sample.guard));
    let event: Vec<Axis> = site.dims[site.dims.len() - site.event..].to_vec();
    let mut formals = parameters(site, args);
    let noise = draws(b, site, &formals, &sampler.draws, "", emit);
    formals.extend(made(&sampler.draws, &noise));
    let drawn = value(b, &sampler.value, &formals, &event);
    b.set_guard(outer);
    b.at(place);
    drawn
}

/// The draws of a clause that sees `given` and the draws before, each emitted by `emit`. Clauses of different names
/// draw independently.
pub fn draws(
    b: &mut Builder,
    site: &Site,
    given: &Formals,
    draws: &[BaseDraw],
    clause: &str,
    emit: &mut dyn FnMut(&mut Builder, Draw) -> Var,
) -> Vec<Array> {
    let event: AxisSet = site.dims[site.dims.len() - site.event..].iter().copied().collect();
    let mut noise: Vec<Array> = Vec::with_capacity(draws.len());
    for draw in draws {
        let dims: Vec<Axis> = draw.dims.iter().map(|formal| actual(site, *formal)).collect();
        let mut formals = given.clone();
        formals.extend(made(draws, &noise));
        let args = draw.operands.iter().map(|operand| value(b, operand, &formals, &dims)).collect();
        let key: AxisSet = site.key.minus(&event).iter().chain(dims.iter().copied()).collect();
        let occurrence: Rc<str> = format!("{}#{clause}{}", site.occurrence, draw.name).into();
        let var = emit(b, Draw { base: draw.base, args, key, occurrence });
        noise.push(Array { var, dims });
    }
    noise
}

/// The draws made so far, as formals.
pub fn made<'a>(
    draws: &'a [BaseDraw],
    noise: &'a [Array],
) -> impl Iterator<Item = (&'a str, &'a [Axis], &'a Array)> {
    draws.iter().zip(noise).map(|(draw, array)| (draw.name.as_str(), draw.dims.as_slice(), array))
}

/// The axis that a formal one of the distribution is at this site; its own, where neither an argument nor the value
/// has it.
fn actual(site: &Site, formal: Axis) -> Axis {
    let event = site.dist.event.iter().zip(&site.dims[site.dims.len() - site.event..]);
    let params =
        site.dist.params.iter().zip(&site.args).flat_map(|(param, arg)| param.dims.iter().zip(&arg.dims));
    event.chain(params).find(|(own, _)| **own == formal).map_or(formal, |(_, axis)| *axis)
}

/// The parameters of a site's distribution with these actual values.
pub fn parameters<'a>(site: &'a Site, args: &'a [Array]) -> Formals<'a> {
    let params = site.dist.params.iter().zip(args);
    params.map(|(param, arg)| (param.name.as_str(), param.dims.as_slice(), arg)).collect()
}

/// A fragment's value with its dims laid along the event axes.
fn value(b: &mut Builder, fragment: &Fragment, formals: &Formals, event: &[Axis]) -> Var {
    let array = inline(b, fragment, formals);
    aligned(b, &array, event)
}
