//! Core programs run on the executor: gradient estimates step by step, draws, and single values.

use super::constraint::raw_shape;
use crate::vectorize::emit;
use ndarray::{ArrayD, IxDyn};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use vary_core::axis::Axis;
use vary_core::generative::ParamSpec;
use vary_core::ir::Program;
use vary_core::transform::adev::{self, Average, LOG_MOMENT, StateSpec};
use vary_runtime::fit::{Estimator, MonteCarlo, Sense};
use vary_runtime::float::Width;
use vary_runtime::program::{InputKind, Work};
use vary_runtime::tiles::Executor;

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

/// Places parameters one after another, each name once; `size` gives the size of an axis.
pub fn place(params: &[ParamSpec], size: impl Fn(Axis) -> usize) -> Vec<Placed> {
    let mut placed = Vec::new();
    params.iter().for_each(|spec| put(&mut placed, spec, &size));
    placed
}

/// Places the coefficients of estimators behind the parameters of their fit.
pub fn place_coefficients<'e>(
    mut placed: Vec<Placed>,
    estimators: impl Iterator<Item = &'e adev::Estimator>,
) -> Vec<Placed> {
    for estimator in estimators {
        let size = |axis| estimator.program.axes.size(axis);
        estimator.coefficients.iter().for_each(|spec| put(&mut placed, spec, &size));
    }
    placed
}

/// Places a parameter behind those that are placed, if none has its name.
fn put(all: &mut Vec<Placed>, spec: &ParamSpec, size: &dyn Fn(Axis) -> usize) {
    if all.iter().all(|known| known.spec.name != spec.name) {
        let shape: Vec<usize> = spec.dims.iter().map(|axis| size(*axis)).collect();
        let len = raw_shape(&spec.constraint, &shape).iter().product();
        let offset = all.last().map_or(0, |last| last.offset + last.len);
        all.push(Placed { spec: spec.clone(), shape, offset, len });
    }
}

/// What a run needs beside its program.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Data.
    pub data: &'a Data,
    /// The parameters.
    pub params: &'a [Placed],
    /// Threads, the calling one included.
    pub threads: usize,
    /// Seed of all randomness.
    pub seed: u64,
    /// Width of the numbers.
    pub width: Width,
}

/// At which parameters, for how many draws and for which step something is computed.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The unconstrained parameter vector.
    pub values: &'a [f64],
    /// Monte Carlo draws.
    pub draws: usize,
    /// The step, part of every random key.
    pub step: u64,
    /// What the program reads as the number of steps done.
    pub done: u64,
}

/// The state that counts steps.
pub(super) const STEP: &str = "step";

/// Where an input of a step is taken from.
enum Given {
    /// A range of the parameter vector.
    Param(usize, usize),
    /// A state.
    State(usize),
    /// The number of steps done.
    Step,
}

fn executor(program: &Program, draws: usize, setup: &Setup) -> Result<Executor, String> {
    let data = |name: &str| setup.data.get(name).cloned();
    Executor::new(&emit(program, draws), &data, setup.threads, setup.width)
        .map_err(|invalid| format!("{} {}", invalid.place, invalid.rule))
}

fn given(executor: &Executor, params: &[Placed], states: &[String]) -> Result<Vec<Given>, String> {
    let placed: HashMap<&str, &Placed> = params.iter().map(|p| (p.spec.name.as_str(), p)).collect();
    let states: HashMap<&String, usize> = states.iter().enumerate().map(|(at, name)| (name, at)).collect();
    executor
        .inputs()
        .map(|input| match input.kind {
            InputKind::State if input.name == STEP => Ok(Given::Step),
            InputKind::State => {
                let at = states.get(&input.name).copied();
                at.map(Given::State).ok_or_else(|| format!("state `{}` is not kept", input.name))
            }
            InputKind::Param | InputKind::Data => {
                let found = placed.get(input.name.as_str());
                found
                    .map(|p| Given::Param(p.offset, p.len))
                    .ok_or_else(|| format!("parameter `{}` is not placed", input.name))
            }
        })
        .collect()
}

/// Runs a program without parameters once; its results by name.
pub fn evaluate(program: &Program, data: &Data, seed: u64) -> Result<HashMap<String, ArrayD<f64>>, String> {
    let setup = Setup { data, params: &[], threads: 1, seed, width: Width::Double };
    Ok(sample(program, &Moment { values: &[], draws: 1, step: 0, done: 0 }, &setup)?.into_iter().collect())
}

/// Every result of a program at these parameters, over all draws where it has the draw axis.
pub fn sample(program: &Program, at: &Moment, setup: &Setup) -> Result<Vec<(String, ArrayD<f64>)>, String> {
    let Moment { values, draws, step, done } = *at;
    let done = [done as f64];
    let mut executor = executor(program, draws, setup)?;
    let states: Vec<String> =
        executor.inputs().filter(|i| i.kind == InputKind::State).map(|i| i.name.clone()).collect();
    let zeros: Vec<Vec<f64>> =
        executor.inputs().filter(|i| i.kind == InputKind::State).map(|i| vec![0.0; i.len]).collect();
    let sources = given(&executor, setup.params, &states)?;
    let inputs: Vec<&[f64]> = sources
        .iter()
        .map(|given| match given {
            Given::Param(offset, len) => &values[*offset..offset + len],
            Given::State(at) => zeros[*at].as_slice(),
            Given::Step => &done,
        })
        .collect();
    executor.run(&inputs, setup.seed, step);
    let size = |axis: Axis| match program.axes.info(axis).size.value() {
        Some(size) => usize::try_from(size).unwrap_or(0),
        None => draws,
    };
    let mut arrays = Vec::new();
    for (at, result) in program.results.iter().enumerate() {
        let shape: Vec<usize> = result.dims.iter().map(|axis| size(*axis)).collect();
        let array = ArrayD::from_shape_vec(IxDyn(&shape), executor.output(at).to_vec());
        arrays.push((result.name.clone(), array.map_err(|error| error.to_string())?));
    }
    Ok(arrays)
}

/// Estimates of an objective and its gradient from many draws a step. Allocates nothing per step.
pub struct GradientEstimator {
    executor: Executor,
    params: Vec<Placed>,
    given: Vec<Given>,
    /// The values given at a step, in the executor's order.
    inputs: Vec<Vec<f64>>,
    states: Vec<State>,
    /// Output positions: the objective, and each parameter's gradient where it has one.
    objective: usize,
    gradients: Vec<Option<usize>>,
    /// −1 for parameters that are moved the other way than the objective.
    signs: Vec<f64>,
    /// Where k·v stands and k, of an objective that is reported as log E[exp(k v)] / k.
    log_moment: Option<(usize, f64)>,
    draws: usize,
    seed: u64,
}

/// What a step computes and needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Its work.
    pub work: Work,
    /// Bytes of working memory, all threads together.
    pub arena_bytes: usize,
    /// Instructions, those inside loops once.
    pub instructions: usize,
    /// Contractions that run as matrix products.
    pub matrix_products: usize,
}

/// A moving average carried from step to step.
struct State {
    decay: f64,
    value: Vec<f64>,
    /// The output that observes it.
    output: usize,
    average: Average,
}

impl State {
    fn is_observed_before(&self) -> bool {
        self.average == Average::LogMeanExp
    }
}

/// Added to the seed for what is observed before the first step, so that it is independent of that step.
const BEFORE_SEED: u64 = 0xD1B5_4A32_D192_ED03;

impl GradientEstimator {
    /// Plans a gradient program (see [`crate::pipeline::derive`]).
    pub fn new(program: &Program, states: &[StateSpec], draws: usize, setup: &Setup) -> Result<Self, String> {
        let executor = executor(program, draws, setup)?;
        let results = program.results.iter().enumerate();
        let results: HashMap<&str, usize> = results.map(|(at, result)| (result.name.as_str(), at)).collect();
        let output = |name: &str| results.get(name).copied();
        let objective = output("objective").ok_or("the program has no objective")?;
        let gradients = setup.params.iter().map(|p| output(&format!("grad.{}", p.spec.name))).collect();
        let names: Vec<String> = states.iter().map(|state| state.name.to_string()).collect();
        let given = given(&executor, setup.params, &names)?;
        let inputs = executor.inputs().map(|input| vec![0.0; input.len]).collect();
        let mut kept = Vec::new();
        for state in states {
            let len = state.dims.iter().map(|axis| program.axes.size(*axis)).product();
            let observed = match state.average {
                Average::Mean => output(&format!("state.{}", state.name)),
                Average::LogMeanExp => output(&state.name),
            };
            let output = observed.ok_or("a state is not observed")?;
            kept.push(State { decay: state.decay, value: vec![0.0; len], output, average: state.average });
        }
        Ok(GradientEstimator {
            executor,
            params: setup.params.to_vec(),
            given,
            inputs,
            states: kept,
            objective,
            gradients,
            signs: vec![1.0; setup.params.len()],
            log_moment: None,
            draws,
            seed: setup.seed,
        })
    }

    /// With the parameters of auxiliary losses minimised though the objective is maximised.
    pub fn minimising(mut self, params: &BTreeSet<&str>) -> Self {
        for (placed, sign) in self.params.iter().zip(&mut self.signs) {
            *sign = if params.contains(placed.spec.name.as_str()) { -1.0 } else { 1.0 };
        }
        self
    }

    /// Reporting the log of a moment of this order, whose exponents the program has as a result.
    pub fn reporting_log_moment(mut self, program: &Program, order: f64) -> Self {
        let output = program.results.iter().position(|result| result.name == LOG_MOMENT);
        self.log_moment = output.map(|output| (output, order));
        self
    }

    /// What a step costs.
    fn cost(&self) -> Cost {
        let plan = self.executor.plan();
        Cost {
            work: self.executor.work(),
            arena_bytes: self.executor.arena_bytes(),
            instructions: plan.instructions,
            matrix_products: plan.matrix_products(),
        }
    }

    /// Runs the program at these parameters.
    fn run(&mut self, params: &[f64], step: u64, seed: u64) {
        let done = [step as f64];
        for (given, input) in self.given.iter().zip(&mut self.inputs) {
            input.copy_from_slice(match given {
                Given::Param(offset, len) => &params[*offset..offset + len],
                Given::State(at) => &self.states[*at].value,
                Given::Step => &done,
            });
        }
        self.executor.run(&self.inputs, seed, step);
    }

    /// Blends what was observed into the moving averages that `which` says; the first observation is taken as it is.
    fn observe(&mut self, first: bool, which: impl Fn(&State) -> bool) {
        let scale = 1.0 / self.draws as f64;
        for state in self.states.iter_mut().filter(|state| which(state)) {
            let (decay, output) = (state.decay, self.executor.output(state.output));
            let blend =
                |value: f64, seen: f64| if first { seen } else { decay * value + (1.0 - decay) * seen };
            match state.average {
                Average::Mean => {
                    for (value, total) in state.value.iter_mut().zip(output) {
                        *value = blend(*value, total * scale);
                    }
                }
                Average::LogMeanExp => {
                    let seen = MonteCarlo::log_moment(output, 1.0).mean;
                    for value in state.value.iter_mut().filter(|_| seen.is_finite()) {
                        *value = blend(*value, seen).max(seen);
                    }
                }
            }
        }
    }
}

impl Estimator for GradientEstimator {
    fn dimension(&self) -> usize {
        self.params.iter().map(|p| p.len).sum()
    }

    fn step(&mut self, params: &[f64], step: u64, gradient: &mut [f64]) -> f64 {
        if step == 0 && self.states.iter().any(State::is_observed_before) {
            self.run(params, step, self.seed.wrapping_add(BEFORE_SEED));
            self.observe(true, State::is_observed_before);
        }
        self.run(params, step, self.seed);
        let scale = 1.0 / self.draws as f64;
        gradient.fill(0.0);
        for ((placed, output), sign) in self.params.iter().zip(&self.gradients).zip(&self.signs) {
            let Some(output) = output else { continue };
            let target = &mut gradient[placed.offset..placed.offset + placed.len];
            for (to, from) in target.iter_mut().zip(self.executor.output(*output)) {
                *to = from * scale * sign;
            }
        }
        self.observe(false, |state| step > 0 || state.is_observed_before());
        self.observe(true, |state| step == 0 && !state.is_observed_before());
        if let Some((output, order)) = self.log_moment {
            return MonteCarlo::log_moment(self.executor.output(output), order).mean;
        }
        self.executor.output(self.objective).iter().sum::<f64>() * scale
    }
}

/// The gradients of several objectives at one point, each by parameters of its own.
pub struct Gradients {
    parts: Vec<GradientEstimator>,
    /// −1 for an objective that is moved the other way than the first.
    signs: Vec<f64>,
    /// The estimates of the objectives after the first.
    others: Vec<f64>,
    /// The gradient of one of them.
    own: Vec<f64>,
}

impl Gradients {
    /// Of objectives with the sense of each; at least one.
    pub fn new(parts: Vec<(GradientEstimator, Sense)>) -> Self {
        let first = parts[0].1;
        let signs = parts.iter().map(|(_, sense)| first.sign() * sense.sign()).collect();
        let parts: Vec<GradientEstimator> = parts.into_iter().map(|(part, _)| part).collect();
        let (others, own) = (vec![0.0; parts.len() - 1], vec![0.0; parts[0].dimension()]);
        Gradients { parts, signs, others, own }
    }
}

impl Gradients {
    /// What a step costs, all objectives together.
    pub fn cost(&self) -> Cost {
        self.parts.iter().map(GradientEstimator::cost).fold(Cost::default(), |sum, one| Cost {
            work: sum.work.plus(one.work, 1.0),
            arena_bytes: sum.arena_bytes + one.arena_bytes,
            instructions: sum.instructions + one.instructions,
            matrix_products: sum.matrix_products + one.matrix_products,
        })
    }
}

impl Estimator for Gradients {
    fn dimension(&self) -> usize {
        self.own.len()
    }

    fn step(&mut self, params: &[f64], step: u64, gradient: &mut [f64]) -> f64 {
        let (first, later) = self.parts.split_at_mut(1);
        let objective = first[0].step(params, step, gradient);
        for ((part, sign), value) in later.iter_mut().zip(&self.signs[1..]).zip(&mut self.others) {
            *value = part.step(params, step, &mut self.own);
            for (to, from) in gradient.iter_mut().zip(&self.own) {
                *to += sign * from;
            }
        }
        objective
    }

    fn others(&self) -> &[f64] {
        &self.others
    }
}
