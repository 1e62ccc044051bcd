//! Programs as text: printed for people and tests, read back for tests.
//!
//! ```text
//! axis i = 0..n
//! axis draw = 0..8 draw
//!
//! %0: real[i] = data y(i)
//! %1: real = param mu                     // mu
//! %2: real[i] = sub %0 %1
//! scan i reverse
//!   carry %3: real[i] = %1 then %4
//!   %4: real[i] = add %3 %2 if %7
//! %5: real = sum i %2
//!
//! result objective = %5
//! ```
//!
//! An axis says its range and, unless it is an index, its role. A statement binds a variable with its
//! type; after `//` stands the user's name for it. An operation is its name, then its axes and operands
//! in the order of [`crate::ir::Op`]; after `if` stands the guard. Results, inputs and sites list their
//! dimensions in parentheses.
//!
//! [`read()`] takes back what [`std::fmt::Display`] printed of programs without sites; what is printed of
//! that is the same text.

mod print;
mod read;

pub use read::{ReadError, read};

#[cfg(test)]
mod tests;
