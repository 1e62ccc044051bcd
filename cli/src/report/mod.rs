//! Results, for programs and for people.

pub mod bench;
pub mod gradcheck;
mod json;
mod table;
mod text;

#[cfg(test)]
mod tests;

pub use json::json;
pub use text::{signature, text};

use vary_runtime::fit::{Bound, Sense};

/// "maximize", "minimize".
fn sense(sense: Sense) -> &'static str {
    match sense {
        Sense::Maximize => "maximize",
        Sense::Minimize => "minimize",
    }
}

/// "lower", "upper".
fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Lower => "lower",
        Bound::Upper => "upper",
    }
}

/// The position with this row-major number.
fn unflatten(mut number: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (axis, size) in shape.iter().enumerate().rev() {
        index[axis] = number % size.max(&1);
        number /= size.max(&1);
    }
    index
}
