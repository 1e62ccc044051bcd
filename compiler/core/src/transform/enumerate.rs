//! Exact marginalisation over finite supports.

use super::copy::Result;
use super::density::Context;
use crate::build::Builder;
use crate::generative::{Generative, TraceField};
use crate::ir::Var;

/// log Σ over the values of every site of `program` that is not in `kept`.
pub fn log_density(
    b: &mut Builder,
    program: &Generative,
    kept: &[TraceField],
    context: &Context,
) -> Result<Var> {
    let _ = (b, program, kept, context);
    todo!("filled in next")
}
