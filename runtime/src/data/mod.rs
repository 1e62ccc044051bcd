//! Data: what the program declares decides how files are read.
//!
//! [`open`] reads a file into a [`Source`], [`Source::inline`] a single value from the command line;
//! [`read`] takes the declarations and the sources in order (later ones win name by name) and gives
//! [`Values`] or everything that is wrong. Because each value is read as it is declared, an integer
//! is a valid real, a number with a fraction is never an integer, a scalar is never an array of
//! one entry, and `[]` is an array with the right number of dimensions. Sizes that no source supplies
//! are inferred from the arrays.
//!
//! Nothing here knows the language: [`Declared`] is a mirror of its declarations.

mod arrays;
mod bind;
mod cells;
mod columns;
mod constraint;
mod csv;
mod declare;
mod dim;
mod error;
mod explain;
mod json;
mod near;
mod sizes;
mod source;

#[cfg(test)]
mod tests;

pub use bind::{Ends, Ignored, Values, read, within};
pub use columns::{ColumnPick, Columns};
pub use constraint::{Constraint, SUM_TOLERANCE, Violation};
pub use declare::{Absent, Declared, Elem, Kind};
pub use dim::DimSpec;
pub use error::{Because, DataError, Found, HasSize, Origin, Place};
pub use near::near;
pub use source::{Source, map_columns, open};

/// Integers of greater magnitude are not all exact in `f64`, so none is accepted: 2⁵³.
pub const LARGEST_INT: i64 = 1 << 53;
