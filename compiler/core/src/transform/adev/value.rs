//! The value of an objective alone, with as little randomness as there can be.
//!
//! Before: an objective program. After: one with the same expectation and no derivative worth the name: sites
//! of finite support are summed out wherever the limit of lanes permits, all others are drawn. Differences of
//! it in the parameters are a reference for gradients that owes nothing to strategies, `jvp` or `transpose`.

use super::estimator::enumerate;
use super::program::{self, rigid};
use super::{LANES, OBJECTIVE, lanes, prune};
use crate::build::Builder;
use crate::ir::{Program, Sample};
use crate::transform::copy::Result;

/// The result [`OBJECTIVE`] of a program, summed over the values of finite sites and drawn otherwise.
pub fn value(program: &Program) -> Result<Program> {
    let mut source = program.clone();
    source.results.retain(|result| result.name == OBJECTIVE);
    let finite = |sample: &Sample| sample.site.dist.finite.is_some() && sample.site.event == 0;
    let mut current = drawn(&source, &|sample| !finite(sample))?;
    while let Some(sample) = program::last_site(&current) {
        let summed = enumerate::apply(&current, &sample).map(prune::prune);
        current = match summed {
            Ok(summed) if lanes(&summed) <= LANES => summed,
            _ => drawn(&current, &|other| other.var == sample.var)?,
        };
    }
    Ok(current)
}

/// The program with these sites drawn.
fn drawn(source: &Program, which: &dyn Fn(&Sample) -> bool) -> Result<Program> {
    let mut b = Builder::new(source.axes.clone());
    let value = |b: &mut Builder, sample: &Sample| match which(sample) {
        true => rigid(b, sample).map(Some),
        false => Ok(None),
    };
    let copy = program::whole(&mut b, source, &value)?;
    let results = program::results(source, &copy);
    Ok(b.finish(results))
}
