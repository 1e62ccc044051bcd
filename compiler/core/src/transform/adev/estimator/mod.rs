//! Gradient strategies: one file each, registered in [`RULES`].
//!
//! A strategy is a [`Rule`]. **Direct** rules give a site a smooth value, whose tangent the rest of the program is
//! differentiated through. The others rewrite the objective so that its plain derivative is unbiased again; but for
//! `rejection` they give the site a rigid value. The contract of both: if what they are given estimates (E k, (E k)') without bias, so does what
//! they return.

mod control;
mod copies;
pub mod enumerate;
mod gammas;
mod gumbel;
mod implicit;
mod mvd;
mod rebar;
mod reinforce;
mod rejection;
mod relaxation;
pub mod reparam;
mod rloo;

use super::StateSpec;
use crate::build::Builder;
use crate::generative::ParamSpec;
use crate::ir::{Program, Sample, Site, Strategy, Var};
use crate::transform::copy::Result;
use std::fmt;

pub use control::{name as control_name, of as control, sees_own_copy};
pub use reinforce::BASELINE;

/// Every strategy, in the order in which they are listed for the user.
pub const RULES: &[&dyn Rule] = &[
    &reparam::Reparam,
    &implicit::Implicit,
    &rejection::Rejection,
    &enumerate::Enumerate,
    &mvd::Mvd,
    &rloo::Rloo,
    &reinforce::Reinforce,
    &rebar::Rebar,
    &rebar::Relax,
    &gumbel::GUMBEL_SOFTMAX,
    &gumbel::STRAIGHT_THROUGH,
];

/// The setting that a relaxed value is softened by.
pub const TEMPERATURE: &str = "temperature";

/// The setting that is a function of a site's noise.
pub const CONTROL: &str = "control";

/// A gradient strategy.
pub trait Rule: Sync {
    /// As it is written after a distribution's dot.
    fn name(&self) -> &'static str;

    /// The rule for (l, l′) in the notation of docs/adev.md, and where it is from: lines.
    fn formula(&self) -> &'static [&'static str];

    /// What may be set, by name.
    fn settings(&self) -> &'static [(&'static str, Kind)] {
        &[]
    }

    /// Whether it can be used for the site's distribution; if not, why, as a clause.
    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str>;

    /// Whether it differentiates by this parameter of the site's distribution, by position.
    fn differentiates(&self, _: &Site, _param: usize) -> bool {
        true
    }

    /// The least number of draws of one step that it needs with these settings.
    fn least_samples(&self, _: &Strategy) -> usize {
        1
    }

    /// Whether the site's value is smooth.
    fn is_smooth(&self) -> bool {
        false
    }

    /// Whether a smooth value takes the place of `real(x)`, or of `one_hot(x)`, so that uses of the site's value must be
    /// smooth in it.
    fn relaxes(&self) -> bool {
        false
    }

    /// Why it is biased, if it is: what it does instead, as a clause.
    fn bias(&self) -> Option<&'static str> {
        None
    }

    /// Whether the value is all there is to the rule.
    fn is_direct(&self) -> bool {
        self.is_smooth()
    }

    /// The smooth value of a site, for direct rules; `None` where the distribution has no such sampler.
    fn smooth(&self, _: &mut Builder, _: &Sample) -> Option<Var> {
        None
    }

    /// The program with this site, the last one, replaced; for rules that are not direct.
    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied>;

    /// The program once every site has been replaced.
    fn finish(&self, program: Program) -> Program {
        program
    }
}

/// A program in which a site has been replaced.
#[derive(Default)]
pub struct Applied {
    /// The program.
    pub program: Program,
    /// The moving average that it reads, if there is a new one.
    pub state: Option<StateSpec>,
    /// The result that trains what it reads, if there is a new one.
    pub loss: Option<String>,
    /// Parameters of control variates: whatever they are, the estimator is unbiased. They start at zero.
    pub coefficients: Vec<ParamSpec>,
}

impl From<Program> for Applied {
    fn from(program: Program) -> Applied {
        Applied { program, ..Applied::default() }
    }
}

/// The kinds of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value computed before the site, or `moving_average(decay)`.
    Baseline,
    /// A positive number.
    Temperature,
    /// A function of the noise that the site is drawn with.
    Control,
    /// How many copies of a local continuation: a whole number from 2.
    Copies,
    /// A whole number, written as one.
    Count,
}

/// The rule of this name.
pub fn rule(name: &str) -> Option<&'static dyn Rule> {
    RULES.iter().copied().find(|rule| rule.name() == name)
}

impl fmt::Debug for dyn Rule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for dyn Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Rule {}
