//! Posterior draws of a fitted objective: traces of its guide, and the reports of its programs.

use super::unit::Unit;
use super::{Fit, Lower, Lowered, Mode, Reported, base_of};
use vary_core::axis::Axis;
use vary_core::build::Builder;
use vary_core::generative::{ProgramExpr, ProgramKind, TraceField};
use vary_core::ir::{Output, Program};
use vary_core::transform::adev;
use vary_core::transform::density::{self, Context};
use vary_core::transform::sim;

impl Unit {
    /// The program that draws from the guide: a result per latent and per report, with the draw axis first.
    pub fn posterior(&mut self, fit: &Fit) -> Lowered<Option<Program>> {
        let Some((_, guide)) = fit.guide() else { return Ok(None) };
        let draw = self.draw_axis();
        let mut lower = Lower::new(self, Mode::Pure);
        let context =
            Context { open: [draw].into_iter().collect(), path: "posterior".into(), ..Context::default() };
        let drawn = sim::simulate(&mut lower.b, guide, &context).map_err(|d| lower.report(*d))?;
        let mut results: Vec<Output> =
            drawn.trace.iter().map(|field| output(&mut lower.b, draw, field)).collect();
        if let Some((_, model)) = fit.model() {
            let base = base_of(model).clone();
            if matches!(**model, ProgramExpr::Base(_)) && base.kind == ProgramKind::Model {
                let (_, reports) =
                    density::terms(&mut lower.b, &base, &drawn.trace, &context.enter("report"))
                        .map_err(|d| lower.report(*d))?;
                for report in reports {
                    let mut dims = vec![draw];
                    dims.extend(report.dims);
                    results.retain(|known| known.name != report.name);
                    results.push(Output { name: report.name, var: report.var, dims });
                }
            }
        }
        lower.unit.axes = lower.b.axes.clone();
        let Lower { b, unit, .. } = lower;
        match adev::sampler(&b.finish(results)) {
            Ok(program) => Ok(Some(program)),
            Err(diagnostic) => {
                unit.report(*diagnostic);
                Err(Reported)
            }
        }
    }
}

/// The field as a result; NaN where the site is absent, which summaries leave out.
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
