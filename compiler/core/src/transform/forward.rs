//! Forward mode: the linear part run for every entry of every parameter at once.
//!
//! * Before: a linearized program and the name of a real result, the objective.
//! * After: the primal results, and `grad.p` for every tangent input `p`: the same names, dimensions
//!   and values as [`super::transpose()`] gives, by as many directions as there are entries.
//! * How: each tangent input is replaced by its one-hot seeds along one new axis of directions; the
//!   linear statements are pointwise in that axis, so nothing else changes.

use super::flow;
use super::jvp::result_primes;
use super::linearize::{Linearized, is_tangent_result};
use super::reemit::Reemit;
use super::transpose::GradientError;
use crate::axis::{Axis, AxisSet, Role};
use crate::build::Builder;
use crate::check::{Level, debug_check};
use crate::dim::Dim;
use crate::ir::{Elem, Input, InputKind, Op, Output, Program, Stmt, Var};
use crate::prim::Prim;

/// The gradient of the sum of `objective` over all its dimensions, draws among them.
pub fn forward(linearized: &Linearized, objective: &str) -> Result<Program, GradientError> {
    let program = &linearized.program;
    let primal = primal_result(program, objective)?;
    let mut b = Builder::new(program.axes.clone());
    let inputs = tangent_inputs(linearized.linear());
    let mut total = Dim::known(0);
    let mut offsets = Vec::new();
    for (_, input) in &inputs {
        offsets.push(total.clone());
        total = total.plus(&entries(&b, &input.dims)?);
    }
    let direction = b.fresh_axis("direction", total, Role::Direction);
    let widen: AxisSet = [direction].into_iter().collect();
    let mut copy = Reemit::new(program);
    copy.stmts(&mut b, linearized.primal());
    let mut copy = copy.widened(widen);
    let mut places = Vec::new();
    for ((var, input), offset) in inputs.iter().zip(&offsets) {
        let place = place(&mut b, &input.dims, offset);
        let here = b.iota(direction);
        let hit = b.prim(Prim::Eq, &[place, here]);
        let seed = b.to_real(hit);
        copy.set(&mut b, *var, seed);
        places.push(place);
    }
    for stmt in linearized.linear() {
        match stmt {
            Stmt::Let(stmt) if matches!(stmt.op, Op::Input(_)) => {}
            stmt => copy.stmt(&mut b, stmt),
        }
    }
    let tangent = program.results.iter().find(|result| result.name == format!("tangent.{objective}"));
    let mut results: Vec<Output> = program
        .results
        .iter()
        .filter(|result| !is_tangent_result(result))
        .map(|result| copy.output(result))
        .collect();
    let total = match tangent {
        Some(tangent) => {
            let dims: AxisSet = primal.dims.iter().copied().collect();
            let tangent = copy.get(tangent.var);
            b.sum(&dims, tangent)
        }
        None => b.real(0.0),
    };
    let primes = result_primes(program, "grad");
    for ((_, input), place) in inputs.iter().zip(places) {
        let var = b.gather(total, direction, place);
        results.push(Output { name: format!("grad{primes}.{}", input.name), var, dims: input.dims.clone() });
    }
    let mut gradient = b.finish(results);
    flow::prune(&mut gradient);
    debug_check("forward", &gradient, Level::Random);
    Ok(gradient)
}

/// The result an objective names.
pub(super) fn primal_result<'a>(program: &'a Program, objective: &str) -> Result<&'a Output, GradientError> {
    let found = program.results.iter().find(|result| result.name == objective);
    let result = found.ok_or_else(|| GradientError::UnknownResult(objective.to_string()))?;
    match program.vars[result.var.0 as usize].ty.elem {
        Elem::Real => Ok(result),
        _ => Err(GradientError::NotReal(objective.to_string())),
    }
}

/// The linear inputs in order.
pub(super) fn tangent_inputs(stmts: &[Stmt]) -> Vec<(Var, &Input)> {
    stmts
        .iter()
        .filter_map(|stmt| match stmt {
            Stmt::Let(stmt) => match &stmt.op {
                Op::Input(input) if input.kind == InputKind::Tangent => Some((stmt.var, input)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// How many entries an array has. A product of two unknown sizes is no [`Dim`].
fn entries(b: &Builder, dims: &[Axis]) -> Result<Dim, GradientError> {
    let mut product = Dim::known(1);
    for axis in dims {
        let size = &b.axes.info(*axis).size;
        product = match (product.value(), size.value()) {
            (Some(known), _) => size.times(known),
            (None, Some(known)) => product.times(known),
            (None, None) => return Err(GradientError::Unbound(b.axes.info(*axis).name.clone())),
        };
    }
    Ok(product)
}

/// The direction of each entry, an int over `dims`: row-major from `offset`.
fn place(b: &mut Builder, dims: &[Axis], offset: &Dim) -> Var {
    let mut place = b.int(0);
    for axis in dims {
        let size = b.size(*axis);
        let scaled = b.mul(place, size);
        let position = b.position(*axis);
        place = b.add(scaled, position);
    }
    let offset = b.dim(offset);
    b.add(place, offset)
}
