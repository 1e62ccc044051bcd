//! Core programs run on the executor: gradient estimates step by step, draws, and single values.

use super::constraint::raw_shape;
use super::minibatch::{Entries, Plate};
use crate::vectorize::emit;
use ndarray::{ArrayD, IxDyn};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vary_core::axis::Axis;
use vary_core::generative::ParamSpec;
use vary_core::ir::{self, Op, Program};
use vary_core::transform::{adev, flow};
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
        let axes = &estimator.program.axes;
        // Over whole plates, though a step takes some rows only.
        let whole = |spec: &ParamSpec| spec.dims.iter().map(|axis| axes.whole(*axis)).collect();
        for spec in &estimator.coefficients {
            put(&mut placed, &ParamSpec { dims: whole(spec), ..spec.clone() }, &|axis| axes.size(axis));
        }
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
    /// The plates that are taken in parts.
    pub plates: &'a [Plate],
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
    /// The rows taken of each plate; none where programs take all.
    pub rows: &'a [Vec<u32>],
}

/// The state that counts steps.
pub(super) const STEP: &str = "step";

/// Where an input of a step is taken from.
pub(super) enum Given {
    /// Entries of the parameter vector.
    Param(Entries),
    /// Entries of a state.
    State(usize, Entries),
    /// The number of steps done.
    Step,
    /// The rows taken of a plate.
    Rows(usize),
}

impl Given {
    /// Writes the input's values; `state` gives the states.
    pub(super) fn write<'s>(&self, input: &mut [f64], at: &Moment, state: impl Fn(usize) -> &'s [f64]) {
        let mut copy = |entries: &Entries, from: &[f64]| {
            let mut start = 0;
            entries.each(at.rows, &mut |range| {
                let end = start + range.len();
                input[start..end].copy_from_slice(&from[range]);
                start = end;
            });
        };
        match self {
            Given::Param(entries) => copy(entries, at.values),
            Given::State(which, entries) => copy(entries, state(*which)),
            Given::Step => input[0] = at.done as f64,
            Given::Rows(plate) => {
                input.iter_mut().zip(&at.rows[*plate]).for_each(|(to, row)| *to = f64::from(*row));
            }
        }
    }
}

pub(super) fn executor(program: &Program, draws: usize, setup: &Setup) -> Result<Executor, String> {
    let data = |name: &str| setup.data.get(name).cloned();
    Executor::new(&emit(program, draws), &data, setup.threads, setup.width)
        .map_err(|invalid| format!("{} {}", invalid.place, invalid.rule))
}

/// Where the inputs of a step come from, in the executor's order.
pub(super) fn given(
    program: &Program,
    executor: &Executor,
    setup: &Setup,
    states: &[String],
) -> Result<Vec<Given>, String> {
    let placed: HashMap<&str, &Placed> = setup.params.iter().map(|p| (p.spec.name.as_str(), p)).collect();
    let states: HashMap<&String, usize> = states.iter().enumerate().map(|(at, name)| (name, at)).collect();
    let plates = setup.plates.iter().enumerate();
    let rows: HashMap<String, usize> = plates
        .filter_map(|(at, plate)| {
            let (_, info) = program.axes.iter().find(|(_, info)| info.of == Some(plate.axis))?;
            Some((info.rows(), at))
        })
        .collect();
    // One array has one shape: what is read of it over a batch is read nowhere else.
    let mut shapes: HashMap<(ir::InputKind, &str), &[Axis]> = HashMap::new();
    let mut two_shapes = None;
    flow::each_let(&program.body, &mut |stmt| {
        if let Op::Input(input) = &stmt.op
            && input.kind != ir::InputKind::Data
            && shapes.insert((input.kind, &input.name), &input.dims).is_some_and(|known| known != input.dims)
        {
            two_shapes = Some(input.name.clone());
        }
    });
    if let Some(name) = two_shapes {
        return Err(format!("input `{name}` has two shapes"));
    }
    let entries = |kind: ir::InputKind, name: &str, offset: usize| {
        let dims = shapes.get(&(kind, name)).copied().unwrap_or(&[]);
        Entries::new(&program.axes, dims, offset, setup)
    };
    executor
        .inputs()
        .map(|input| match input.kind {
            InputKind::State if input.name == STEP => Ok(Given::Step),
            InputKind::State if rows.contains_key(&input.name) => Ok(Given::Rows(rows[&input.name])),
            InputKind::State => {
                let at = states.get(&input.name).copied();
                let state = at.map(|at| Given::State(at, entries(ir::InputKind::State, &input.name, 0)));
                state.ok_or_else(|| format!("state `{}` is not kept", input.name))
            }
            InputKind::Param | InputKind::Data => {
                let found = placed.get(input.name.as_str());
                let param = found.map(|p| Given::Param(entries(ir::InputKind::Param, &input.name, p.offset)));
                param.ok_or_else(|| format!("parameter `{}` is not placed", input.name))
            }
        })
        .collect()
}

/// Runs a program without parameters once; its results by name.
pub fn evaluate(program: &Program, data: &Data, seed: u64) -> Result<HashMap<String, ArrayD<f64>>, String> {
    let setup = Setup { data, params: &[], threads: 1, seed, plates: &[], width: Width::Double };
    let at = Moment { values: &[], draws: 1, step: 0, done: 0, rows: &[] };
    Ok(sample(program, &at, &setup)?.into_iter().collect())
}

/// Every result of a program at these parameters, over all draws where it has the draw axis.
pub fn sample(program: &Program, at: &Moment, setup: &Setup) -> Result<Vec<(String, ArrayD<f64>)>, String> {
    Sampler::new(program, at.draws, setup)?.sample(at)
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

/// A program that is run now and then.
pub(super) struct Sampler<'p> {
    program: &'p Program,
    executor: Executor,
    given: Vec<Given>,
    /// The values given, in the executor's order.
    inputs: Vec<Vec<f64>>,
    seed: u64,
}

impl<'p> Sampler<'p> {
    pub(super) fn new(program: &'p Program, draws: usize, setup: &Setup) -> Result<Self, String> {
        let executor = executor(program, draws, setup)?;
        let states = executor.inputs().filter(|i| i.kind == InputKind::State).map(|i| i.name.clone());
        let given = given(program, &executor, setup, &states.collect::<Vec<String>>())?;
        let inputs = executor.inputs().map(|input| vec![0.0; input.len]).collect();
        Ok(Sampler { program, executor, given, inputs, seed: setup.seed })
    }

    /// Every result; states are 0.
    pub(super) fn sample(&mut self, at: &Moment) -> Result<Vec<(String, ArrayD<f64>)>, String> {
        for (given, input) in self.given.iter().zip(&mut self.inputs) {
            if !matches!(given, Given::State(..)) {
                given.write(input, at, |_| &[]);
            }
        }
        self.executor.run(&self.inputs, self.seed, at.step);
        let size = |axis: Axis| match self.program.axes.info(axis).size.value() {
            Some(size) => usize::try_from(size).unwrap_or(0),
            None => at.draws,
        };
        let mut arrays = Vec::new();
        for (at, result) in self.program.results.iter().enumerate() {
            let shape: Vec<usize> = result.dims.iter().map(|axis| size(*axis)).collect();
            let array = ArrayD::from_shape_vec(IxDyn(&shape), self.executor.output(at).to_vec());
            arrays.push((result.name.clone(), array.map_err(|error| error.to_string())?));
        }
        Ok(arrays)
    }
}
