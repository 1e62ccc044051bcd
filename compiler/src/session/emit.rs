//! Every stage as text.

use super::{Options, Session};
use crate::elaborate::{Fit, Lowered, Objective, Reported, Setting, base_of};
use crate::pipeline;
use crate::vectorize;
use vary_core::build::Builder;
use vary_core::ir::Output;
use vary_core::ir::Program;
use vary_core::transform::density::{self, Context};
use vary_core::transform::sim;
use vary_core::transform::simplify;
use vary_syntax::ast::ItemKind;

/// A stage of the compiler, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Words and signs.
    Tokens,
    /// The syntax tree.
    Ast,
    /// Models and guides as core programs.
    Core,
    /// The guide as a sampler of traces.
    Sim,
    /// The model as a log density of traces of the guide.
    Density,
    /// The estimator: strategies replaced by random primitives.
    Adev,
    /// Its derivative, split into primal and linear statements.
    Linear,
    /// The gradient.
    Transpose,
    /// The gradient with the layout of every value.
    Batched,
    /// The tensor program.
    Program,
}

impl Session {
    /// A stage as text; from `sim` on, of the fit of this name.
    pub fn emit(&mut self, stage: Stage, name: Option<&str>) -> Lowered<String> {
        let source = self.unit.sources.get(self.source).text.clone();
        match stage {
            Stage::Tokens => return Ok(vary_syntax::dump::tokens(&source)),
            Stage::Ast => {
                return Ok(vary_syntax::dump::file(&vary_syntax::parse_file(self.source, &source).file));
            }
            Stage::Core => return self.core(),
            _ => {}
        }
        let fit = self.find_fit(name, &Options::default())?;
        let settings = self.choose_settings(&fit, &Options::default())?;
        let plates = self.plates(&fit, &settings)?;
        let mut parts = Vec::new();
        for objective in &fit.objectives {
            let objective = &self.over_batches(objective, &plates)?;
            let text = self.emit_objective(stage, &fit, objective)?;
            let several = fit.objectives.len() > 1;
            parts.push(if several { format!("// {}\n{text}", objective.name) } else { text });
        }
        Ok(parts.join("\n"))
    }

    fn emit_objective(&mut self, stage: Stage, fit: &Fit, objective: &Objective) -> Lowered<String> {
        if matches!(stage, Stage::Sim | Stage::Density) {
            return self.expanded(stage, objective);
        }
        let derived = pipeline::derive(objective, fit_samples(fit), pipeline::Ad::Auto).map_err(|all| {
            all.into_iter().for_each(|d| self.unit.report(d));
            Reported
        })?;
        Ok(match stage {
            Stage::Adev => simplify(&derived.estimator.program).to_string(),
            Stage::Linear => derived.linear.to_string(),
            Stage::Transpose => derived.gradient.to_string(),
            Stage::Batched => vectorize::batched(&derived.gradient, fit_samples(fit)),
            _ => vectorize::emit(&derived.gradient, fit_samples(fit)).to_string(),
        })
    }

    /// Every model and guide.
    fn core(&mut self) -> Lowered<String> {
        let mut out = String::new();
        for declared in self.unit.order.clone() {
            if let ItemKind::Model(p) | ItemKind::Guide(p) = &declared.item.kind {
                let program = self.unit.program(&p.name.name)?;
                let axes = self.unit.axes.clone();
                out.push_str(&format!(
                    "// {}\n{}\n",
                    program.name,
                    Program { axes, ..program.program.clone() }
                ));
            }
        }
        Ok(out)
    }

    /// `sim` of the guide, or `density` of the model at the trace of the guide.
    fn expanded(&mut self, stage: Stage, objective: &Objective) -> Lowered<String> {
        let Some((_, guide)) = &objective.guide else { return Ok(String::new()) };
        let draw = self.unit.draw_axis();
        let mut b = Builder::new(self.unit.axes.clone());
        let context = Context { open: [draw].into_iter().collect(), ..Context::default() };
        let context = context.enter(&base_of(guide).name);
        let drawn = sim::simulate(&mut b, guide, &context).map_err(|d| {
            self.unit.report(*d);
            Reported
        })?;
        let mut results: Vec<Output> = Vec::new();
        if stage == Stage::Density {
            if let Some((_, model)) = &objective.model {
                let var = density::log_density(&mut b, model, &drawn.trace, &context).map_err(|d| {
                    self.unit.report(*d);
                    Reported
                })?;
                results.push(Output { name: "log_density".into(), var, dims: vec![draw] });
            }
        } else {
            for field in &drawn.trace {
                let mut dims = vec![draw];
                dims.extend(&field.value.dims);
                results.push(Output { name: field.address.to_string(), var: field.value.var, dims });
            }
            results.push(Output { name: "log_weight".into(), var: drawn.log_weight, dims: vec![draw] });
        }
        Ok(simplify(&b.finish(results)).to_string())
    }
}

fn fit_samples(fit: &Fit) -> usize {
    fit.settings
        .entries
        .iter()
        .find_map(|entry| match (entry.name.as_str(), &entry.value) {
            ("samples", Setting::Number(n)) => Some(*n as usize),
            _ => None,
        })
        .unwrap_or(10)
}
