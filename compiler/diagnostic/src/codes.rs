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
    (Code("E0701"), "data file cannot be opened"),
    (Code("E0702"), "data file is malformed"),
    (Code("E0703"), "data is missing"),
    (Code("E0704"), "data of the wrong type"),
    (Code("E0705"), "data of the wrong number of dimensions"),
    (Code("E0706"), "sizes of data disagree"),
    (Code("E0707"), "size of data is unknown"),
    (Code("E0708"), "missing value in data"),
    (Code("E0709"), "data outside its range"),
    (Code("E0710"), "unknown column"),
    (Code("N0701"), "data ignored"),
];
