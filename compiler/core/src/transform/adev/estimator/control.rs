//! Controls of copies: results of an objective program that are the baselines of score terms.
//!
//! The result `control.k` has the axis of a block's copies first. At copy i it depends on the other copies only, so that
//! the score of what copy i draws, which is independent of them, keeps its mean (Mnih and Rezende 2016, eq. 8). It is
//! computed after the sites it controls, hence no setting of theirs.

use crate::ir::{Program, Site, Var};

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

/// The program without controls, once every site has been replaced.
pub fn forget(mut program: Program) -> Program {
    program.results.retain(|result| !result.name.starts_with(CONTROL));
    program
}
