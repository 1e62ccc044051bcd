//! Posterior draws of a fitted objective: traces of its guide, and the reports of its programs.

use super::unit::Unit;
use super::{Fit, Lower, Lowered, Mode, Reported, base_of};
use std::collections::BTreeSet;
use vary_core::axis::Axis;
use vary_core::build::Builder;
use vary_core::generative::{ProgramExpr, ProgramKind, TraceField};
use vary_core::ir::{Output, Program};
use vary_core::transform::adev;
use vary_core::transform::density::{self, Context};
use vary_core::transform::sim;

/// The program of posterior draws.
pub struct Posterior {
    /// A result per latent and per report, with the draw axis first.
    pub program: Program,
    /// The results that may be absent: sites and reports under a condition.
    pub conditional: BTreeSet<String>,
}

impl Posterior {
    /// Without the values of each row of these axes.
    pub fn without_rows(mut self, axes: &[Axis]) -> Self {
        self.program.results.retain(|result| !result.dims.iter().any(|axis| axes.contains(axis)));
        self
    }
}

impl Unit {
    /// The program that draws from the guide.
    pub fn posterior(&mut self, fit: &Fit) -> Lowered<Option<Posterior>> {
        let Some((_, guide)) = fit.guide() else { return Ok(None) };
        let draw = self.draw_axis();
        let mut lower = Lower::new(self, Mode::Pure);
        let context =
            Context { open: [draw].into_iter().collect(), path: "posterior".into(), ..Context::default() };
        let drawn = sim::simulate(&mut lower.b, guide, &context).map_err(|d| lower.report(*d))?;
        let mut fields = drawn.trace.clone();
        if let Some((_, model)) = fit.model() {
            let base = base_of(model).clone();
            if matches!(**model, ProgramExpr::Base(_)) && base.kind == ProgramKind::Model {
                let (_, reports) =
                    density::terms(&mut lower.b, &base, &drawn.trace, &context.enter("report"))
                        .map_err(|d| lower.report(*d))?;
                for report in reports {
                    fields.retain(|known| known.address != report.address);
                    fields.push(report);
                }
            }
        }
        let results = fields.iter().map(|field| output(&mut lower.b, draw, field)).collect();
        let conditional = fields.iter().filter(|field| field.present.is_some());
        let conditional = conditional.map(|field| field.address.to_string()).collect();
        lower.unit.axes = lower.b.axes.clone();
        let Lower { b, unit, .. } = lower;
        match adev::sampler(&b.finish(results)) {
            Ok(program) => Ok(Some(Posterior { program, conditional })),
            Err(diagnostic) => {
                unit.report(*diagnostic);
                Err(Reported)
            }
        }
    }
}

/// The field as a result; NaN where it is absent, which summaries leave out.
pub(super) fn output(b: &mut Builder, draw: Axis, field: &TraceField) -> Output {
    let mut dims = vec![draw];
    dims.extend(&field.value.dims);
    let var = match field.present {
        None => field.value.var,
        Some(present) => {
            let (value, absent) = (b.to_real(field.value.var), b.real(f64::NAN));
            b.select(present, value, absent)
        }
    };
    Output { name: field.address.to_string(), var, dims }
}
