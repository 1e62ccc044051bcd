//! The stable codes: E01xx syntax, E02xx names, E03xx types and shapes, E04xx models and guides,
//! E05xx smoothness and estimators, E06xx fits and settings, E07xx data, E08xx limits, E09xx
//! numerical failure. Warnings and notes use W and N with the same hundreds.

use std::fmt;

/// A stable code such as `E0101`; its title stands in [`CODES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Every code with its title; `vary explain CODE` and the error index read this table.
pub const CODES: &[(Code, &str)] = &[
    (Code("E0101"), "syntax error"),
    (Code("E0501"), "a derivative is lost: a smooth value is used where only rigid ones may be"),
    (Code("E0502"), "a site needs a gradient strategy"),
    (Code("E0503"), "a gradient strategy does not apply to a distribution"),
    (Code("E0504"), "too many alternatives at once"),
    (Code("E0505"), "a pathwise sampler does not differentiate a parameter"),
    (Code("E0506"), "a latent cannot be summed out"),
    (Code("E0507"), "a baseline depends on its own site"),
    (Code("E0508"), "a distribution has no sampler"),
    (Code("E0509"), "a statement has no meaning in an objective"),
];
