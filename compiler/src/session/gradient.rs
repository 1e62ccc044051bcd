//! Gradient estimates step by step: executors of gradient programs, and what they carry from step to step.

use super::estimator::{Cost, Given, Moment, Placed, Setup, executor, given};
use super::minibatch::Entries;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use vary_core::ir::Program;
use vary_core::transform::adev::{Average, LOG_MOMENT, StateSpec};
use vary_runtime::fit::{Batches, Estimator, MonteCarlo, Sense};
use vary_runtime::tiles::Executor;

/// Estimates of an objective and its gradient from many draws a step. Allocates nothing per step.
pub struct GradientEstimator {
    /// The programs, by the sizes of the batches that they are for; one where all rows are taken.
    programs: Vec<Sized>,
    params: Vec<Placed>,
    states: Vec<State>,
    /// Of each plate that is taken in parts.
    batches: Vec<Batches>,
    /// The rows of the step.
    rows: Vec<Vec<u32>>,
    /// The entries that the step's gradient is by.
    moved: Vec<Range<usize>>,
    /// −1 for parameters that are moved the other way than the objective.
    signs: Vec<f64>,
    /// k, of an objective that is reported as log E[exp(k v)] / k.
    log_moment: Option<f64>,
    draws: usize,
    seed: u64,
}

/// A gradient program for batches of some sizes.
struct Sized {
    sizes: Vec<usize>,
    executor: Executor,
    given: Vec<Given>,
    /// The values given at a step, in the executor's order.
    inputs: Vec<Vec<f64>>,
    /// Output positions: the objective, and where k·v stands of a log moment.
    objective: usize,
    log_moment: Option<usize>,
    /// Each parameter's gradient where it has one, and its entries in the parameter vector.
    gradients: Vec<Option<(usize, Entries)>>,
    /// The output that observes each state, and its entries.
    observed: Vec<(usize, Entries)>,
}

/// A moving average carried from step to step.
struct State {
    decay: f64,
    value: Vec<f64>,
    /// Whether each entry has been observed: those of a row are when the row is taken.
    known: Vec<bool>,
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
        let sizes = setup.plates.iter().map(|plate| plate.size).collect();
        Self::of_batches(&[(sizes, program)], states, draws, setup)
    }

    /// Plans gradient programs for all sizes that the batches of the plates have.
    pub fn of_batches(
        programs: &[(Vec<usize>, &Program)],
        states: &[StateSpec],
        draws: usize,
        setup: &Setup,
    ) -> Result<Self, String> {
        let planned: Result<Vec<Sized>, String> = programs
            .iter()
            .map(|(sizes, program)| Sized::new(sizes.clone(), program, states, draws, setup))
            .collect();
        let axes = &programs[0].1.axes;
        let kept = states.iter().map(|state| {
            let len = state.dims.iter().map(|axis| axes.size(axes.whole(*axis))).product();
            let (value, known) = (vec![0.0; len], vec![false; len]);
            State { decay: state.decay, value, known, average: state.average }
        });
        let batches = setup.plates.iter();
        let batches: Vec<Batches> =
            batches.map(|plate| Batches::new(&plate.name, plate.rows, plate.size, setup.seed)).collect();
        Ok(GradientEstimator {
            programs: planned?,
            params: setup.params.to_vec(),
            states: kept.collect(),
            rows: vec![Vec::new(); batches.len()],
            batches,
            moved: Vec::new(),
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
    pub fn reporting_log_moment(self, order: f64) -> Self {
        GradientEstimator { log_moment: Some(order), ..self }
    }

    /// What a step costs: one over a batch of the usual size.
    fn cost(&self) -> Cost {
        let executor = &self.programs[0].executor;
        let plan = executor.plan();
        Cost {
            work: executor.work(),
            arena_bytes: executor.arena_bytes(),
            instructions: plan.instructions,
            matrix_products: plan.matrix_products(),
        }
    }

    /// Takes the rows of a step; the program for as many.
    fn take(&mut self, step: u64) -> usize {
        for (batches, rows) in self.batches.iter_mut().zip(&mut self.rows) {
            rows.clear();
            rows.extend_from_slice(batches.take(step));
        }
        let sizes =
            |sized: &Sized| sized.sizes.iter().zip(&self.rows).all(|(size, rows)| *size == rows.len());
        self.programs.iter().position(sizes).unwrap_or(0)
    }

    /// Runs a program at these parameters.
    fn run(&mut self, which: usize, values: &[f64], step: u64, seed: u64) {
        let program = &mut self.programs[which];
        let at = Moment { values, draws: self.draws, step, done: step, rows: &self.rows };
        for (given, input) in program.given.iter().zip(&mut program.inputs) {
            given.write(input, &at, |state| &self.states[state].value);
        }
        program.executor.run(&program.inputs, seed, step);
    }

    /// Blends what was observed into the moving averages that `which` says; the first observation is taken as it is.
    fn observe(&mut self, program: usize, which: impl Fn(&State) -> bool) {
        let scale = 1.0 / self.draws as f64;
        let program = &self.programs[program];
        for (state, (output, entries)) in self.states.iter_mut().zip(&program.observed) {
            if !which(state) {
                continue;
            }
            let decay = state.decay;
            let blend = |value: f64, seen: f64, first| {
                if first { seen } else { decay * value + (1.0 - decay) * seen }
            };
            let mut totals = program.executor.output(*output);
            if state.average == Average::LogMeanExp {
                let seen = MonteCarlo::log_moment(totals, 1.0).mean;
                if seen.is_finite() {
                    let first = !std::mem::replace(&mut state.known[0], true);
                    state.value[0] = blend(state.value[0], seen, first).max(seen);
                }
                continue;
            }
            entries.each(&self.rows, &mut |range| {
                let (own, rest) = totals.split_at(range.len());
                totals = rest;
                let known = &mut state.known[range.clone()];
                for ((value, known), total) in state.value[range].iter_mut().zip(known).zip(own) {
                    let first = !std::mem::replace(known, true);
                    *value = blend(*value, total * scale, first);
                }
            });
        }
    }
}

impl Sized {
    fn new(
        sizes: Vec<usize>,
        program: &Program,
        states: &[StateSpec],
        draws: usize,
        setup: &Setup,
    ) -> Result<Self, String> {
        let executor = executor(program, draws, setup)?;
        let results = program.results.iter().enumerate();
        let results: HashMap<&str, usize> = results.map(|(at, result)| (result.name.as_str(), at)).collect();
        let output = |name: &str| results.get(name).copied();
        let entries =
            |at: usize, offset| Entries::new(&program.axes, &program.results[at].dims, offset, setup);
        let gradients = setup.params.iter().map(|placed| {
            let at = output(&format!("grad.{}", placed.spec.name))?;
            Some((at, entries(at, placed.offset)))
        });
        let gradients = gradients.collect();
        let names: Vec<String> = states.iter().map(|state| state.name.to_string()).collect();
        let given = given(program, &executor, setup, &names)?;
        let observed: Option<Vec<_>> = states
            .iter()
            .map(|state| {
                match state.average {
                    Average::Mean => output(&format!("state.{}", state.name)).map(|at| (at, entries(at, 0))),
                    // Of all draws' values, one number.
                    Average::LogMeanExp => {
                        output(&state.name).map(|at| (at, Entries::new(&program.axes, &[], 0, setup)))
                    }
                }
            })
            .collect();
        Ok(Sized {
            sizes,
            objective: output("objective").ok_or("the program has no objective")?,
            log_moment: output(LOG_MOMENT),
            inputs: executor.inputs().map(|input| vec![0.0; input.len]).collect(),
            observed: observed.ok_or("a state is not observed")?,
            executor,
            given,
            gradients,
        })
    }
}

impl Estimator for GradientEstimator {
    fn dimension(&self) -> usize {
        self.params.iter().map(|p| p.len).sum()
    }

    fn step(&mut self, params: &[f64], step: u64, gradient: &mut [f64]) -> f64 {
        let which = self.take(step);
        if step == 0 && self.states.iter().any(State::is_observed_before) {
            self.run(which, params, step, self.seed.wrapping_add(BEFORE_SEED));
            self.observe(which, State::is_observed_before);
        }
        self.run(which, params, step, self.seed);
        self.observe(which, |_| true);
        let scale = 1.0 / self.draws as f64;
        let program = &self.programs[which];
        self.moved.clear();
        for (found, sign) in program.gradients.iter().zip(&self.signs) {
            let Some((output, entries)) = found else { continue };
            let mut totals = program.executor.output(*output);
            entries.each(&self.rows, &mut |range| {
                if range.is_empty() {
                    return;
                }
                let (own, rest) = totals.split_at(range.len());
                totals = rest;
                for (to, from) in gradient[range.clone()].iter_mut().zip(own) {
                    *to = from * scale * sign;
                }
                self.moved.push(range);
            });
        }
        match (self.log_moment, program.log_moment) {
            (Some(order), Some(output)) => {
                MonteCarlo::log_moment(program.executor.output(output), order).mean
            }
            _ => program.executor.output(program.objective).iter().sum::<f64>() * scale,
        }
    }

    fn moved(&self) -> Option<&[Range<usize>]> {
        Some(&self.moved)
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
    /// The entries that any of them moves.
    moved: Vec<Range<usize>>,
    /// The call at which the range that begins at an entry was moved last.
    moved_at: Vec<u64>,
    calls: u64,
}

impl Gradients {
    /// Of objectives with the sense of each; at least one.
    pub fn new(parts: Vec<(GradientEstimator, Sense)>) -> Self {
        let first = parts[0].1;
        let signs = parts.iter().map(|(_, sense)| first.sign() * sense.sign()).collect();
        let parts: Vec<GradientEstimator> = parts.into_iter().map(|(part, _)| part).collect();
        let dimension = parts[0].dimension();
        let (others, own) = (vec![0.0; parts.len() - 1], vec![0.0; dimension]);
        Gradients { parts, signs, others, own, moved: Vec::new(), moved_at: vec![0; dimension], calls: 0 }
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
        self.moved.clear();
        self.moved.extend_from_slice(&first[0].moved);
        if later.is_empty() {
            return objective;
        }
        self.calls += 1;
        self.moved.iter().for_each(|range| self.moved_at[range.start] = self.calls);
        for ((part, sign), value) in later.iter_mut().zip(&self.signs[1..]).zip(&mut self.others) {
            *value = part.step(params, step, &mut self.own);
            for range in &part.moved {
                // What is trained beside two objectives is moved by both.
                let before = std::mem::replace(&mut self.moved_at[range.start], self.calls);
                for (to, from) in gradient[range.clone()].iter_mut().zip(&self.own[range.clone()]) {
                    *to = sign * from + if before == self.calls { *to } else { 0.0 };
                }
                if before != self.calls {
                    self.moved.push(range.clone());
                }
            }
        }
        objective
    }

    fn moved(&self) -> Option<&[Range<usize>]> {
        Some(&self.moved)
    }

    fn others(&self) -> &[f64] {
        &self.others
    }
}
