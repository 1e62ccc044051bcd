//! A gradient program run step by step: the fit loop's view of it.

use super::constraint::raw_shape;
use crate::vectorize::emit;
use ndarray::{ArrayD, IxDyn};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vary_core::generative::ParamSpec;
use vary_core::ir::Program;
use vary_core::transform::adev::StateSpec;
use vary_runtime::exec::{Bound, Workspace};
use vary_runtime::fit::Estimator;
use vary_runtime::plan::Plan;
use vary_runtime::program::InputKind;
use vary_runtime::random::Stream;

/// Data arrays by name, row-major.
pub type Data = BTreeMap<String, Arc<[f64]>>;

/// Where a parameter's unconstrained entries stand in the parameter vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The parameter.
    pub spec: ParamSpec,
    /// Its shape on the constrained scale.
    pub shape: Vec<usize>,
    /// Position of its first entry.
    pub offset: usize,
    /// Number of its entries.
    pub len: usize,
}

/// Places parameters one after another; `size` gives the size of an axis.
pub fn place(params: &[ParamSpec], size: impl Fn(vary_core::axis::Axis) -> usize) -> Vec<Placed> {
    let mut offset = 0;
    params
        .iter()
        .map(|spec| {
            let shape: Vec<usize> = spec.dims.iter().map(|axis| size(*axis)).collect();
            let len = raw_shape(&spec.constraint, &shape).iter().product();
            let placed = Placed { spec: spec.clone(), shape, offset, len };
            offset += len;
            placed
        })
        .collect()
}

/// A core program planned for a number of draws, its data bound.
pub fn tile_plan(program: &Program, draws: usize, data: &Data) -> Result<Bound, String> {
    let emitted = emit(program, draws);
    let plan = Plan::new(&emitted).map_err(|invalid| format!("{invalid:?}"))?;
    let samples: Arc<[f64]> = Arc::from([draws as f64]);
    let wanted = plan.inputs.iter().filter(|input| input.kind == InputKind::Data);
    let arrays: Result<Vec<Arc<[f64]>>, String> = wanted
        .map(|input| match input.name.as_str() {
            "samples" if !data.contains_key("samples") => Ok(samples.clone()),
            name => data.get(name).cloned().ok_or_else(|| format!("data `{name}` is not bound")),
        })
        .collect();
    Bound::new(Arc::new(plan), &arrays?).map_err(|invalid| format!("{invalid:?}"))
}

/// Runs a program without parameters or draws once; its results by name.
pub fn evaluate(program: &Program, data: &Data) -> Result<HashMap<String, ArrayD<f64>>, String> {
    let bound = tile_plan(program, 1, data)?;
    let mut workspace = bound.workspace();
    bound.run(&mut workspace, &[], Stream::default());
    Ok(outputs(program, &bound, &workspace, &[], 1))
}

/// The outputs of the last run as arrays in the shapes the program declares.
fn outputs(
    program: &Program,
    bound: &Bound,
    workspace: &Workspace,
    given: &[&[f64]],
    draws: usize,
) -> HashMap<String, ArrayD<f64>> {
    let size = |axis: vary_core::axis::Axis| match program.axes.info(axis).size.value() {
        Some(size) => usize::try_from(size).unwrap_or(0),
        None => draws,
    };
    program
        .results
        .iter()
        .enumerate()
        .filter_map(|(at, result)| {
            let shape: Vec<usize> = result.dims.iter().map(|axis| size(*axis)).collect();
            let values = bound.output(workspace, given, at).to_vec();
            ArrayD::from_shape_vec(IxDyn(&shape), values).ok().map(|array| (result.name.clone(), array))
        })
        .collect()
}

/// Estimates of an objective and its gradient from `draws` draws a step.
pub struct GradientEstimator {
    bound: Bound,
    workspace: Workspace,
    params: Vec<Placed>,
    /// For each input given at a step: a range of the parameter vector, or a state.
    given: Vec<Given>,
    states: Vec<(StateSpec, Vec<f64>, usize)>,
    /// Output positions: the objective, and each parameter's gradient.
    objective: usize,
    gradients: Vec<Option<usize>>,
    draws: usize,
    seed: u64,
}

enum Given {
    Param(usize, usize),
    State(usize),
}

impl GradientEstimator {
    /// Plans a gradient program (see [`crate::pipeline::derive`]).
    pub fn new(
        program: &Program,
        params: Vec<Placed>,
        states: &[StateSpec],
        draws: usize,
        seed: u64,
        data: &Data,
    ) -> Result<Self, String> {
        let bound = tile_plan(program, draws, data)?;
        let output = |name: &str| program.results.iter().position(|result| result.name == name);
        let objective = output("objective").ok_or("the program has no objective")?;
        let gradients = params.iter().map(|p| output(&format!("grad.{}", p.spec.name))).collect();
        let mut kept = Vec::new();
        for state in states {
            let len = state.dims.iter().map(|axis| program.axes.size(*axis)).product();
            if let Some(at) = output(&format!("state.{}", state.name)) {
                kept.push((state.clone(), vec![0.0; len], at));
            }
        }
        let mut given = Vec::new();
        for input in &bound.plan().inputs {
            match input.kind {
                InputKind::Data => {}
                InputKind::Param => {
                    let placed = params.iter().find(|p| p.spec.name == input.name);
                    let placed = placed.ok_or_else(|| format!("parameter `{}` is not placed", input.name))?;
                    given.push(Given::Param(placed.offset, placed.len));
                }
                InputKind::State => {
                    let at = kept.iter().position(|(state, ..)| *state.name == *input.name);
                    given
                        .push(Given::State(at.ok_or_else(|| format!("state `{}` is not kept", input.name))?));
                }
            }
        }
        let workspace = bound.workspace();
        Ok(GradientEstimator {
            bound,
            workspace,
            params,
            given,
            states: kept,
            objective,
            gradients,
            draws,
            seed,
        })
    }

    /// The plan that is run.
    pub fn plan(&self) -> &Plan {
        self.bound.plan()
    }
}

impl Estimator for GradientEstimator {
    fn dimension(&self) -> usize {
        self.params.iter().map(|p| p.len).sum()
    }

    fn step(&mut self, params: &[f64], step: u64, gradient: &mut [f64]) -> f64 {
        let given: Vec<&[f64]> = self
            .given
            .iter()
            .map(|given| match given {
                Given::Param(offset, len) => &params[*offset..offset + len],
                Given::State(at) => self.states[*at].1.as_slice(),
            })
            .collect();
        self.bound.run(&mut self.workspace, &given, Stream { seed: self.seed, step, first_draw: 0 });
        let scale = 1.0 / self.draws as f64;
        gradient.fill(0.0);
        for (placed, output) in self.params.iter().zip(&self.gradients) {
            if let Some(output) = output {
                let values = self.bound.output(&self.workspace, &given, *output);
                for (to, from) in gradient[placed.offset..placed.offset + placed.len].iter_mut().zip(values) {
                    *to = from * scale;
                }
            }
        }
        let objective = self.bound.output(&self.workspace, &given, self.objective);
        let mean = objective.iter().sum::<f64>() / objective.len().max(1) as f64;
        let observed: Vec<Vec<f64>> = self
            .states
            .iter()
            .map(|(_, _, at)| self.bound.output(&self.workspace, &given, *at).to_vec())
            .collect();
        for ((spec, value, _), observed) in self.states.iter_mut().zip(observed) {
            for (value, new) in value.iter_mut().zip(observed) {
                *value = if step == 0 { new } else { spec.decay * *value + (1.0 - spec.decay) * new };
            }
        }
        mean
    }
}

/// Draws of every result of a program with the draw axis, at fixed parameters: tiles of `TILE` draws.
pub fn sample(
    program: &Program,
    params: &[Placed],
    values: &[f64],
    draws: usize,
    seed: u64,
    data: &Data,
) -> Result<Vec<(String, ArrayD<f64>)>, String> {
    let bound = tile_plan(program, draws, data)?;
    let mut workspace = bound.workspace();
    let mut given: Vec<&[f64]> = Vec::new();
    let states: Vec<Vec<f64>> =
        bound.plan().inputs.iter().filter(|i| i.kind == InputKind::State).map(|i| vec![0.0; i.len]).collect();
    let mut next_state = states.iter();
    for input in bound.plan().inputs.iter() {
        match input.kind {
            InputKind::Data => {}
            InputKind::Param => {
                let placed = params.iter().find(|p| p.spec.name == input.name);
                let placed = placed.ok_or_else(|| format!("parameter `{}` is not placed", input.name))?;
                given.push(&values[placed.offset..placed.offset + placed.len]);
            }
            InputKind::State => given.extend(next_state.next().map(Vec::as_slice)),
        }
    }
    bound.run(&mut workspace, &given, Stream { seed, step: 0, first_draw: 0 });
    let mut arrays = outputs(program, &bound, &workspace, &given, draws);
    Ok(program.results.iter().filter_map(|r| arrays.remove(&r.name).map(|a| (r.name.clone(), a))).collect())
}
