//! Controls of copies: results of an objective program that are the baselines of score terms.
//!
//! The result `control.k` has the axis of a block's copies first. At copy i it depends on the other copies only, so that
//! the score of what copy i draws, which is independent of them, keeps its mean (Mnih and Rezende 2016, eq. 8); `choose`
//! checks that. It is computed after the sites it controls, hence no setting of theirs.

use crate::ir::{Program, Sample, Site, Var};
use crate::transform::dependence::{Dependence, Link, Through};

/// What the names of these results begin with.
const CONTROL: &str = "control.";

/// The name of the k-th control.
pub fn name(k: usize) -> String {
    format!("{CONTROL}{k}")
}

/// The control of a site: that of the innermost controlled block around it.
pub fn of(program: &Program, site: &Site) -> Option<Var> {
    let mut controls = program.results.iter().filter(|result| result.name.starts_with(CONTROL));
    // Inner blocks end before outer ones.
    controls.find(|control| site.key.contains(control.dims[0])).map(|control| control.var)
}

/// Whether a site's control depends on what its own copy draws there.
pub fn sees_own_copy(program: &Program, sample: &Sample, control: Var) -> bool {
    let Some(output) = program.results.iter().find(|result| result.var == control) else { return false };
    let dependence = Dependence::on(program, sample, Through::Copies);
    let at = dependence.rows().iter().position(|row| *row == output.dims[0]);
    dependence.of(control).is_some_and(|links| at.is_none_or(|at| links[at] != Link::Others))
}

/// The program without controls, once every site has been replaced.
pub fn forget(mut program: Program) -> Program {
    program.results.retain(|result| !result.name.starts_with(CONTROL));
    program
}
