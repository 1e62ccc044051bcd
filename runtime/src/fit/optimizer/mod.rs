//! Optimisers: from a gradient to the next parameters. One per file.

mod adam;
mod sgd;

use std::fmt;
use std::ops::Range;

pub use adam::Adam;
pub use sgd::Sgd;

use super::Sense;

/// A rule for the next parameters, with whatever it remembers of earlier steps.
pub trait Optimizer {
    /// Moves the entries of `params` in the ranges `moved`, which do not overlap, by those of `gradient`; both have the
    /// same length, every time. A range that begins at an entry ends at the same one, every time. Parameters and memory
    /// of other entries stay as they are.
    fn update(&mut self, params: &mut [f64], gradient: &[f64], moved: &[Range<usize>], sense: Sense);
}

/// A setting outside its range.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingError {
    /// Its name: `rate`.
    pub setting: &'static str,
    /// Its value.
    pub value: f64,
    /// What it should be: `positive`.
    pub expected: &'static str,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}, but should be {}", self.setting, self.value, self.expected)
    }
}

impl std::error::Error for SettingError {}

/// The value of a setting that must be positive and finite.
fn positive(setting: &'static str, value: f64) -> Result<f64, SettingError> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(SettingError { setting, value, expected: "positive and finite" })
    }
}

/// The value of a setting that is the share kept of a running mean.
fn decay(setting: &'static str, value: f64) -> Result<f64, SettingError> {
    if (0.0..1.0).contains(&value) {
        Ok(value)
    } else {
        Err(SettingError { setting, value, expected: "at least 0 and less than 1" })
    }
}
