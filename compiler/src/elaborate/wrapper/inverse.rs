//! Whether a map's inverse undoes it, tried at points of the support.
//!
//! This finds mistakes and proves nothing: that `inverse` undoes `forward` everywhere is the author's to see to. Values
//! around the maps that are not known yet are tried as several positive ones, and only what is wrong with all of them is
//! told, since the maps may hold for some values only.

use super::transformed::ARGUMENT;
use ndarray::{ArrayD, IxDyn};
use std::collections::BTreeSet;
use vary_core::eval::eval;
use vary_core::generative::{Constraint, DistParam, Fragment};
use vary_core::ir::{Input, Let, Op, Stmt};
use vary_core::transform::flow;

/// How many values are tried for what is not known.
const TRIALS: usize = 3;
/// How far a value may be off after both maps, relative to one more than it is itself.
const TOLERANCE: f64 = 1e-6;
/// What rounding the argument of the inverse by a few units in the last place may add, times its slope there.
const ROUNDING: f64 = 1e-14;

/// A point at which the inverse does not undo the map.
pub(super) struct Apart {
    pub x: f64,
    pub forward: f64,
    pub back: f64,
}

/// The parameters that stand for what the maps see of the program around, each with its value where that is one known
/// number.
pub(super) type Around<'a> = [(&'a DistParam, Option<f64>)];

/// The first point that a map and its inverse, whose slope is given, do not lead back to.
pub(super) fn apart(
    [forward, inverse, slope]: [&Fragment; 3],
    support: &Constraint,
    around: &Around,
) -> Option<Apart> {
    let points = match support {
        Constraint::Real => [-1.7, -0.4, 0.3, 1.9],
        Constraint::Positive(_) => [0.2, 0.7, 1.6, 4.0],
        Constraint::Interval(low, high) => [0.15, 0.4, 0.65, 0.9].map(|share| low + (high - low) * share),
        _ => return None,
    };
    // Values that one map alone reads may hang together with what the other reads.
    let (read, undone) = (unknown(forward, around), unknown(inverse, around));
    if read != undone {
        return None;
    }
    let trials = if read.is_empty() { 1 } else { TRIALS };
    let mut first = None;
    for trial in 0..trials {
        let of = |x: f64| {
            let y = value(forward, x, around, trial)?;
            let (back, slope) = (value(inverse, y, around, trial)?, value(slope, y, around, trial)?);
            let allowed = TOLERANCE * (1.0 + x.abs()) + ROUNDING * (y * slope).abs();
            ((back - x).abs() > allowed).then_some(Apart { x, forward: y, back })
        };
        let found = points.into_iter().find_map(of)?;
        first = first.or(Some(found));
    }
    first
}

/// The parameters whose values are not known that a map reads.
fn unknown<'a>(map: &Fragment, around: &'a Around) -> BTreeSet<&'a str> {
    let mut program = (*map.0).clone();
    flow::prune(&mut program);
    let mut read = BTreeSet::new();
    for stmt in &program.body {
        if let Stmt::Let(Let { op: Op::Input(input), .. }) = stmt {
            let found = around.iter().find(|(param, known)| param.name == input.name && known.is_none());
            read.extend(found.map(|(param, _)| param.name.as_str()));
        }
    }
    read
}

/// A map at a point, where it is a finite number.
fn value(map: &Fragment, x: f64, around: &Around, trial: usize) -> Option<f64> {
    let mut program = (*map.0).clone();
    program.axes.bind(&|_| Some(2));
    let axes = program.axes.clone();
    let given = |input: &Input| {
        let shape: Vec<usize> = input.dims.iter().map(|axis| axes.size(*axis)).collect();
        let at = around.iter().position(|(param, _)| param.name == input.name);
        let Some((number, (param, known))) = at.map(|at| (at, &around[at])) else {
            let x = if input.name == ARGUMENT { x } else { f64::NAN };
            return ArrayD::from_elem(IxDyn(&shape), x);
        };
        let mut entry = 0.0;
        ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
            entry += 1.0;
            let some = 0.3 + 0.4 * trial as f64 + 0.25 * number as f64 + 0.2 * entry;
            known.unwrap_or(match param.constraint {
                Constraint::Real => some,
                Constraint::Bool => 1.0,
                _ => 1.0 + trial as f64,
            })
        })
    };
    let results = eval(&program, &given, &mut |_, _, _| f64::NAN).ok()?;
    let found = results.values().next().and_then(|array| array.first().copied())?;
    found.is_finite().then_some(found)
}
