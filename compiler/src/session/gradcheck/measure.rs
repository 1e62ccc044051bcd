//! The estimator as it is: mean, spread and cost of the gradients it gives at one point.

use crate::pipeline::Derived;
use crate::session::estimator::Setup;
use crate::session::gradient::GradientEstimator;
use crate::session::minibatch::{Plate, Shorter};
use std::rc::Rc;
use std::time::Instant;
use vary_core::ir::{Let, Op, Program, Stmt};
use vary_core::transform::adev::StateSpec;
use vary_runtime::diagnose::tail_shape;
use vary_runtime::fit::{Adam, Estimator, Optimizer, Sense};

/// Steps before measuring, for moving averages to settle.
const SETTLING: u64 = 100;
/// Steps in which what is trained beside the objective is, before strategies are compared.
pub const TRAINING: u64 = 500;
/// The rate of that, by Adam.
const TRAINING_RATE: f64 = 0.1;
/// Steps are numbered from here, far from those of the fit itself.
const FIRST_STEP: u64 = 1 << 40;

/// Programs of gradients with what they carry from step to step.
#[derive(Clone)]
pub struct Gradients<'a> {
    /// The programs, by the sizes of the batches that they are for.
    pub programs: Vec<(Vec<usize>, Program)>,
    /// Its moving averages.
    pub states: &'a [StateSpec],
    /// Draws per step.
    pub samples: usize,
}

/// A gradient program without the gradients by what is trained beside the objective.
pub fn of_objective(derived: &Derived) -> Program {
    let trained = derived.estimator.trained();
    let mut program = derived.gradient.clone();
    program
        .results
        .retain(|result| result.name.strip_prefix("grad.").is_none_or(|param| !trained.contains(param)));
    program
}

/// The parameter vector after training what control variates and baselines have of their own, all else held; `None`
/// where they have nothing.
pub fn trained(
    derived: &Derived,
    shorter: &[Shorter],
    values: &[f64],
    samples: usize,
    setup: &Setup,
) -> Result<Option<Vec<f64>>, String> {
    let names = derived.estimator.trained();
    if names.is_empty() {
        return Ok(None);
    }
    let mut held = vec![true; values.len()];
    for placed in setup.params.iter().filter(|placed| names.contains(placed.spec.name.as_str())) {
        held[placed.offset..placed.offset + placed.len].fill(false);
    }
    let usual = setup.plates.iter().map(|plate| plate.size).collect();
    let shorter = shorter.iter().map(|one| (one.sizes.clone(), &one.derived.gradient));
    let programs: Vec<_> = std::iter::once((usual, &derived.gradient)).chain(shorter).collect();
    let mut estimator = GradientEstimator::of_batches(&programs, &derived.estimator.states, samples, setup)?;
    let adam = Adam::new(TRAINING_RATE, Adam::B1, Adam::B2, Adam::EPS, values.len());
    let mut optimizer = adam.map_err(|error| error.to_string())?;
    let (mut at, mut gradient) = (values.to_vec(), vec![0.0; values.len()]);
    let all: Vec<_> = std::iter::once(0..values.len()).collect();
    for step in 0..TRAINING {
        estimator.step(&at, step, &mut gradient);
        gradient.iter_mut().zip(&held).filter(|(_, held)| **held).for_each(|(slope, _)| *slope = 0.0);
        optimizer.update(&mut at, &gradient, &all, Sense::Minimize);
    }
    Ok(Some(at))
}

/// Many gradients at one point.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Of each entry of the parameter vector: the mean.
    pub mean: Vec<f64>,
    /// The variance from step to step.
    pub variance: Vec<f64>,
    /// The shape of the upper tail of |g − mean|.
    pub tail: Vec<f64>,
    /// Mean of the objective.
    pub objective: f64,
    /// Steps measured.
    pub steps: usize,
    /// Median microseconds per step.
    pub step_us: f64,
}

/// Measures an estimator at these parameters.
pub fn measure(
    gradients: &Gradients,
    values: &[f64],
    steps: usize,
    setup: &Setup,
) -> Result<Measured, String> {
    let rows = run(gradients, values, steps, setup)?;
    let count = rows.gradients.len() as f64;
    let column = |entry: usize| rows.gradients.iter().map(move |row| row[entry]);
    let mean: Vec<f64> = (0..values.len()).map(|entry| column(entry).sum::<f64>() / count).collect();
    let variance = mean
        .iter()
        .enumerate()
        .map(|(entry, mean)| column(entry).map(|g| (g - mean).powi(2)).sum::<f64>() / (count - 1.0));
    let tail = mean
        .iter()
        .enumerate()
        .map(|(entry, mean)| tail_shape(&column(entry).map(|g| (g - mean).abs()).collect::<Vec<f64>>()));
    let mut times = rows.microseconds;
    times.sort_by(f64::total_cmp);
    Ok(Measured {
        variance: variance.collect(),
        tail: tail.collect(),
        mean,
        objective: rows.objectives.iter().sum::<f64>() / count,
        steps,
        step_us: times.get(times.len() / 2).copied().unwrap_or(f64::NAN),
    })
}

struct Rows {
    gradients: Vec<Vec<f64>>,
    objectives: Vec<f64>,
    microseconds: Vec<f64>,
}

fn run(gradients: &Gradients, values: &[f64], steps: usize, setup: &Setup) -> Result<Rows, String> {
    let Gradients { programs, states, samples } = gradients;
    let programs: Vec<_> = programs.iter().map(|(sizes, program)| (sizes.clone(), program)).collect();
    let mut estimator = GradientEstimator::of_batches(&programs, states, *samples, setup)?;
    let mut gradient = vec![0.0; values.len()];
    // The first observation of a moving average is taken at step 0.
    let settling = if states.is_empty() { 0 } else { SETTLING };
    for step in 0..settling {
        estimator.step(values, step, &mut gradient);
    }
    let mut rows = Rows { gradients: Vec::new(), objectives: Vec::new(), microseconds: Vec::new() };
    for step in 0..steps as u64 {
        // Entries of rows that are not taken have none.
        gradient.fill(0.0);
        let began = Instant::now();
        let objective = estimator.step(values, FIRST_STEP + step, &mut gradient);
        rows.microseconds.push(began.elapsed().as_secs_f64() * 1e6);
        rows.objectives.push(objective);
        rows.gradients.push(gradient.clone());
    }
    Ok(rows)
}

/// The share of the variance that goes with the randomness of one site: half the mean square of what a gradient
/// changes by when this site alone is drawn anew, over the variance, each summed over the parameters. (Jansen's
/// estimator of a total effect; shares of sites that work together add up to more than one. None is more than the
/// variance: what an estimate has beyond it is noise.)
pub fn share(
    gradients: &Gradients,
    occurrences: &[Rc<str>],
    values: &[f64],
    steps: usize,
    setup: &Setup,
) -> Result<f64, String> {
    let mut other = gradients.clone();
    other.programs.iter_mut().for_each(|(_, program)| draw_anew(&mut program.body, occurrences));
    let one = run(gradients, values, steps, setup)?;
    let two = run(&other, values, steps, setup)?;
    Ok(share_of(&one, &two, values.len()))
}

/// The share that goes with the choice of a plate's rows.
pub fn share_of_rows(
    gradients: &Gradients,
    plate: usize,
    values: &[f64],
    steps: usize,
    setup: &Setup,
) -> Result<f64, String> {
    let mut plates: Vec<Plate> = setup.plates.to_vec();
    plates[plate].name.push_str(" anew");
    let one = run(gradients, values, steps, setup)?;
    let two = run(gradients, values, steps, &Setup { plates: &plates, ..*setup })?;
    Ok(share_of(&one, &two, values.len()))
}

fn share_of(one: &Rows, two: &Rows, entries: usize) -> f64 {
    let pairs = one.gradients.iter().zip(&two.gradients);
    let apart: f64 =
        pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| 0.5 * (a - b).powi(2)).sum::<f64>()).sum();
    let both = || one.gradients.iter().chain(&two.gradients);
    let count = both().count() as f64;
    let spread = |entry: usize| {
        let mean = both().map(|row| row[entry]).sum::<f64>() / count;
        0.5 * both().map(|row| (row[entry] - mean).powi(2)).sum::<f64>()
    };
    let spread: f64 = (0..entries).map(spread).sum();
    if spread > 0.0 { (apart / spread).min(1.0) } else { 0.0 }
}

/// Gives the draws of a site other random numbers.
fn draw_anew(stmts: &mut [Stmt], occurrences: &[Rc<str>]) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(Let { op: Op::Draw(draw), .. }) => {
                let own = occurrences.iter().any(|occurrence| {
                    draw.occurrence.strip_prefix(&**occurrence).is_some_and(|rest| rest.starts_with('#'))
                });
                if own {
                    draw.occurrence = format!("{} anew", draw.occurrence).into();
                }
            }
            Stmt::Scan(scan) => draw_anew(&mut scan.body, occurrences),
            Stmt::Let(_) | Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}
