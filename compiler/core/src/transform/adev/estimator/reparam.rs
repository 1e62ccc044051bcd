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
use crate::generative::{Fragment, Sampler};
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
        let sampler = sample.site.dist.reparam.as_ref()?;
        Some(draw(b, sample, &sample.site.args, sampler))
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
    let args: Vec<Array> =
        site.args.iter().map(|arg| Array { var: b.detach(arg.var), dims: arg.dims.clone() }).collect();
    Some(draw(b, sample, &args, sampler))
}

fn draw(b: &mut Builder, sample: &Sample, args: &[Array], sampler: &Sampler) -> Var {
    let site = &sample.site;
    let (place, outer) = (b.at(site.span), b.set_guard(sample.guard));
    let event: Vec<Axis> = site.dims[site.dims.len() - site.event..].to_vec();
    let params = parameters(site, args);
    let mut noise: Vec<Array> = Vec::with_capacity(sampler.draws.len());
    for (name, base, operands) in &sampler.draws {
        let args = operands.iter().map(|operand| value(b, operand, &params, &event)).collect();
        // One draw fills the event axes, so its base draws are independent along them too.
        let key: AxisSet = site.key.iter().chain(event.iter().copied()).collect();
        let occurrence: Rc<str> = format!("{}#{name}", site.occurrence).into();
        let var = b.emit(Op::Draw(Draw { base: *base, args, key, occurrence }));
        noise.push(Array { var, dims: event.clone() });
    }
    let mut formals = params;
    for ((name, _, _), array) in sampler.draws.iter().zip(&noise) {
        formals.push((name, &site.dist.event, array));
    }
    let drawn = value(b, &sampler.value, &formals, &event);
    b.set_guard(outer);
    b.at(place);
    drawn
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
