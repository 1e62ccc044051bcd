//! `enum`
use crate::ir::{Program, Sample};
use crate::transform::copy::Result;
/// todo
pub fn apply(_: &Program, _: &Sample) -> Result<Program> {
    todo!()
}
