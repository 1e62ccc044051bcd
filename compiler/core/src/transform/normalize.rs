//! `normalize(p, proposal = h, using = importance(N))`: one of N draws of h, chosen by weight.
//!
//! Before: a program p with a density and a program h with a sampler, on the same addresses. After: objective code
//! that draws from p / Z, approximately: t_1 … t_N ~ h, w_j = p(t_j) / h(t_j), index ~ categorical(w), t = t_index.
//! That trace has a density q of its own (sampling importance resampling: Rubin 1988), and the two ways to
//! estimate it are
//!
//! * `simulate`: q̂ = p(t) / mean_j w_j with the N particles that t was chosen from, E[1/q̂ | t] = 1/q(t);
//! * `log_density`: the same with t retained and N − 1 fresh particles, E[q̂] = q(t).
//!
//! (Becker et al. 2024, §5.) The index is a site with a strategy of its own: summed over, it is the self-normalised
//! weighted mean of what follows. Where p or h estimate their densities, a fresh particle takes `log_density` of p and
//! the weight that `simulate` of h gave it; the retained one takes one `log_density` of each, the same in both places.

use super::copy::Result;
use super::density::{self, Context};
use super::marginal::mean;
use super::sim::{self, Simulated};
use crate::axis::Role;
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::{Normalize, TraceField};
use crate::ir::{Array, Elem, Sample, Site, Stmt, Ty, Var};

/// Draws a trace; its log weight is log p(t) − log mean w.
pub fn simulate(b: &mut Builder, normalize: &Normalize, context: &Context) -> Result<Simulated> {
    let particle = b.fresh_axis("particle", normalize.particles.clone(), Role::Copy);
    let inner = context.open(particle).enter("particle");
    let drawn = sim::simulate(b, &normalize.proposal, &inner)?;
    let log_p = density::log_density(b, &normalize.program, &drawn.trace, &inner)?;
    let log_w = b.sub(log_p, drawn.log_weight);
    let site = context.site(&Site {
        address: "index".into(),
        occurrence: "index".into(),
        dist: normalize.index.clone(),
        args: vec![Array { var: log_w, dims: vec![particle] }],
        dims: Vec::new(),
        event: 0,
        key: context.open.clone(),
        strategy: Some(normalize.resample.clone()),
        span: normalize.span,
    });
    let mut axes = b.axes_of(log_w).union(&context.open);
    axes.remove(particle);
    let index = b.fresh(Ty { elem: Elem::Int, axes });
    b.name(index, "index");
    let guard = b.guard();
    b.push(Stmt::Sample(Sample { var: index, site, guard }));
    let trace = drawn.trace.into_iter().map(|field| {
        let var = b.gather(field.value.var, particle, index);
        let present = field.present.map(|present| b.gather(present, particle, index));
        TraceField { value: Array { var, dims: field.value.dims }, present, ..field }
    });
    let trace = trace.collect();
    let sum = b.log_sum_exp(particle, log_w);
    let evidence = mean(b, sum, &normalize.particles);
    let chosen = b.gather(log_p, particle, index);
    let log_weight = b.sub(chosen, evidence);
    Ok(Simulated { trace, log_weight })
}

/// The log of an unbiased estimate of q(t).
pub fn log_density(
    b: &mut Builder,
    normalize: &Normalize,
    trace: &[TraceField],
    context: &Context,
) -> Result<Var> {
    let retained = context.enter("retained");
    let log_p = density::log_density(b, &normalize.program, trace, &retained)?;
    let log_h = density::log_density(b, &normalize.proposal, trace, &retained)?;
    let own = b.sub(log_p, log_h);
    let fresh = normalize.particles.minus(&Dim::known(1));
    let sum = if fresh.value() == Some(0) {
        own
    } else {
        let particle = b.fresh_axis("particle", fresh, Role::Copy);
        let inner = context.open(particle).enter("particle");
        let drawn = sim::simulate(b, &normalize.proposal, &inner)?;
        let others = density::log_density(b, &normalize.program, &drawn.trace, &inner)?;
        let others = b.sub(others, drawn.log_weight);
        let others = b.log_sum_exp(particle, others);
        b.log_add_exp(own, others)
    };
    let evidence = mean(b, sum, &normalize.particles);
    Ok(b.sub(log_p, evidence))
}
