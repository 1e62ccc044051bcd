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
    (Code("E0102"), "the program nests too deep"),
    (Code("E0103"), "a bracket without its partner"),
    (Code("E0104"), "a character that means nothing"),
    (Code("E0105"), "a broken string"),
    (Code("E0106"), "a number out of range"),
    (Code("E0107"), "a parameter without a type"),
    (Code("E0108"), "the left of `~` is not a name"),
    (Code("E0109"), "a parameter declared with an index"),
    (Code("E0110"), "a value where a name is bound"),
    (Code("E0111"), "a source text too large to read"),
    (Code("E0112"), "a statement outside a declaration"),
    (Code("E0501"), "a derivative is lost: a smooth value is used where only rigid ones may be"),
    (Code("E0502"), "a site needs a gradient strategy"),
    (Code("E0503"), "a gradient strategy does not apply to a distribution"),
    (Code("E0504"), "too many alternatives at once"),
    (Code("E0505"), "a pathwise sampler does not differentiate a parameter"),
    (Code("E0506"), "a latent cannot be summed out"),
    (Code("E0507"), "a baseline depends on its own site"),
    (Code("E0508"), "a distribution has no sampler"),
    (Code("E0509"), "a statement has no meaning in an objective"),
    (Code("E0701"), "data file cannot be opened"),
    (Code("N0701"), "data ignored"),
    (Code("E0702"), "data file is malformed"),
    (Code("E0703"), "data is missing"),
    (Code("E0704"), "data of the wrong type"),
    (Code("E0705"), "data of the wrong number of dimensions"),
    (Code("E0706"), "sizes of data disagree"),
    (Code("E0707"), "size of data is unknown"),
    (Code("E0708"), "missing value in data"),
    (Code("E0709"), "data outside its range"),
    (Code("E0710"), "unknown column"),
];
