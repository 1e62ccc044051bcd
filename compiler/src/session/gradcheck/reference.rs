//! What the gradient should be, found without derivatives.
//!
//! The objective's value (`adev::value`: finite sites summed out, the rest drawn) is taken at shifted parameters
//! and differenced: exactly where nothing random is left, by quadrature over few draws, else over many draws
//! with common random numbers. Parameters under `frozen` stay where they are.

use super::quadrature;
use crate::session::estimator::{self, Data, Moment, Placed, Setup};
use std::sync::Arc;
use vary_core::axis::Axis;
use vary_core::ir::{InputKind, Let, Op, Program, Stmt};
use vary_core::transform::adev;
use vary_core::transform::grid::{self, Noise};

/// Draws of the common-random-number reference.
const LONG_RUN: usize = 100_000;
/// Nodes per dimension of the finer and the coarser grid, by the number of dimensions.
const GRIDS: [(usize, usize); 3] = [(513, 257), (129, 97), (49, 37)];
/// The most that two grids may differ, relative to the gradient, for quadrature to be believed.
const AGREEMENT: f64 = 1e-6;
/// Shifts of the parameters: small where values are exact, larger where they are noisy.
const EXACT_SHIFT: f64 = 5e-3;
const NOISY_SHIFT: f64 = 0.05;

/// How a reference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing was left to draw.
    Enumeration,
    /// Over this many dimensions of noise.
    Quadrature(usize),
    /// Over this many draws with common random numbers.
    LongRun(usize),
}

/// The gradient by some entries of the parameter vector.
#[derive(Debug, Clone)]
pub struct Reference {
    /// How it was found.
    pub how: How,
    /// The value of the objective.
    pub value: f64,
    /// The derivative by each entry asked for, and its standard error.
    pub gradient: Vec<(f64, f64)>,
}

/// The reference at these parameters for the entries `at` of the parameter vector.
pub fn reference(
    objective: &Program,
    draw: Axis,
    values: &[f64],
    at: &[usize],
    setup: &Setup,
) -> Result<Reference, String> {
    let held = hold_frozen(objective);
    let program = adev::value(&held).map_err(|diagnostic| diagnostic.message)?;
    // Frozen parameters are read from a second copy of the vector, which is never shifted.
    let count = values.len();
    let copies = setup.params.iter().map(|placed| {
        let mut copy = placed.clone();
        copy.spec.name = frozen_name(&placed.spec.name);
        copy.offset += count;
        copy
    });
    let params: Vec<Placed> = setup.params.iter().cloned().chain(copies).collect();
    let doubled: Vec<f64> = values.iter().chain(values).copied().collect();
    let setup = Setup { params: &params, ..*setup };

    let noise = grid::noise(&program, draw);
    let dimensions = noise.as_ref().map_or(usize::MAX, |noise| noise.iter().map(|n| n.entries).sum());
    if dimensions == 0 {
        let run = |values: &[f64]| draws(&program, values, 1, &setup);
        let (value, gradient) = difference(&run, &doubled, at, EXACT_SHIFT)?;
        return Ok(Reference { how: How::Enumeration, value, gradient: exact(gradient) });
    }
    if let (Some(noise), Some((fine, coarse))) = (&noise, GRIDS.get(dimensions - 1)) {
        let on = |count: usize| -> Result<Option<(f64, Vec<f64>)>, String> {
            let Some((data, weights)) = tensor_grid(noise, count, setup.data) else { return Ok(None) };
            let program = grid::on_grid(&program, draw, weights.len());
            let setup = Setup { data: &data, ..setup };
            let run = |values: &[f64]| {
                let found = draws(&program, values, 1, &setup)?;
                Ok(vec![found.iter().zip(&weights).map(|(value, weight)| value * weight).sum()])
            };
            let (value, gradient) = difference(&run, &doubled, at, EXACT_SHIFT)?;
            Ok(Some((value, gradient.into_iter().map(|(mean, _)| mean).collect())))
        };
        if let (Some((value, fine)), Some((_, coarse))) = (on(*fine)?, on(*coarse)?) {
            let scale = fine.iter().fold(1.0_f64, |most, g| most.max(g.abs()));
            let apart = fine.iter().zip(&coarse).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if value.is_finite() && apart <= AGREEMENT * scale {
                let gradient = fine.into_iter().map(|mean| (mean, 0.0)).collect();
                return Ok(Reference { how: How::Quadrature(dimensions), value, gradient });
            }
        }
    }
    let run = |values: &[f64]| draws(&program, values, LONG_RUN, &setup);
    let (value, gradient) = difference(&run, &doubled, at, NOISY_SHIFT)?;
    Ok(Reference { how: How::LongRun(LONG_RUN), value, gradient })
}

fn exact(gradient: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    gradient.into_iter().map(|(mean, _)| (mean, 0.0)).collect()
}

/// The objective, draw by draw.
fn draws(program: &Program, values: &[f64], draws: usize, setup: &Setup) -> Result<Vec<f64>, String> {
    let found = estimator::sample(program, &Moment { values, draws, step: 0, done: 0, rows: &[] }, setup)?;
    Ok(found.into_iter().flat_map(|(_, array)| array.into_iter()).collect())
}

/// The objective, draw by draw, as a function of the parameter vector.
type Objective<'a> = dyn Fn(&[f64]) -> Result<Vec<f64>, String> + 'a;

/// Derivatives by central differences of fourth order: mean and standard error over draws, which share their
/// random numbers between shifts. Also the mean of the values where they are.
fn difference(
    run: &Objective,
    values: &[f64],
    at: &[usize],
    shift: f64,
) -> Result<(f64, Vec<(f64, f64)>), String> {
    const STENCIL: [(f64, f64); 4] =
        [(-2.0, 1.0 / 12.0), (-1.0, -8.0 / 12.0), (1.0, 8.0 / 12.0), (2.0, -1.0 / 12.0)];
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let mut gradient = Vec::with_capacity(at.len());
    for entry in at {
        let step = shift * values[*entry].abs().max(1.0);
        let mut slope: Vec<f64> = Vec::new();
        for (offset, weight) in STENCIL {
            let mut shifted = values.to_vec();
            shifted[*entry] += offset * step;
            let found = run(&shifted)?;
            slope.resize(found.len(), 0.0);
            slope.iter_mut().zip(found).for_each(|(slope, value)| *slope += weight * value / step);
        }
        let centre = mean(&slope);
        let variance = slope.iter().map(|s| (s - centre).powi(2)).sum::<f64>() / slope.len().max(2) as f64;
        gradient.push((centre, (variance / slope.len() as f64).sqrt()));
    }
    Ok((mean(&run(values)?), gradient))
}

/// The data of a program on a grid, and the weight of each node.
fn tensor_grid(noise: &[Noise], count: usize, data: &Data) -> Option<(Data, Vec<f64>)> {
    let mut axes: Vec<Vec<(f64, f64)>> = Vec::new();
    for noise in noise {
        let nodes = quadrature::nodes(noise.base, count)?;
        axes.extend(std::iter::repeat_n(nodes, noise.entries));
    }
    let total: usize = axes.iter().map(Vec::len).product();
    let mut weights = vec![1.0; total];
    let mut columns = vec![vec![0.0; total]; axes.len()];
    for node in 0..total {
        let mut rest = node;
        for (axis, column) in axes.iter().zip(&mut columns) {
            let (x, weight) = axis[rest % axis.len()];
            rest /= axis.len();
            column[node] = x;
            weights[node] *= weight;
        }
    }
    let mut data = data.clone();
    let mut columns = columns.into_iter();
    for noise in noise {
        let own: Vec<Vec<f64>> = columns.by_ref().take(noise.entries).collect();
        let rows = (0..total).flat_map(|node| own.iter().map(move |column| column[node]).collect::<Vec<_>>());
        data.insert(noise.input.clone(), Arc::from(rows.collect::<Vec<f64>>()));
    }
    Some((data, weights))
}

fn frozen_name(name: &str) -> String {
    format!("frozen {name}")
}

/// The program with the parameters under `frozen` under names of their own.
fn hold_frozen(program: &Program) -> Program {
    let mut params = std::collections::HashMap::new();
    let mut held = program.clone();
    rewrite(&mut held.body, &mut |var, op| match op {
        Op::Input(input) if input.kind == InputKind::Param => {
            params.insert(var, input.clone());
        }
        Op::Detach(x) => {
            if let Some(input) = params.get(x) {
                let mut input = input.clone();
                input.name = frozen_name(&input.name);
                *op = Op::Input(input);
            }
        }
        _ => {}
    });
    held
}

fn rewrite(stmts: &mut [Stmt], f: &mut dyn FnMut(vary_core::ir::Var, &mut Op)) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(Let { var, op, .. }) => f(*var, op),
            Stmt::Scan(scan) => rewrite(&mut scan.body, f),
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}
