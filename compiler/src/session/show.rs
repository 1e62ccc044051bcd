//! Computed values as text, as the language writes them.

use crate::elaborate::Form;
use ndarray::{ArrayD, ArrayViewD, Axis};
use vary_core::ir::Elem;

/// Entries of an array, beyond which its dimensions are shown in part.
const MANY: usize = 100;
/// Entries shown at either end of a dimension shown in part.
const ENDS: usize = 3;

/// How precisely reals are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// So that reading them gives the same number.
    All,
    /// Six that count: enough for what is random.
    Six,
}

/// A value of one draw; `results` are those of its program.
pub fn value(form: &Form, results: &[ArrayD<f64>], draw: usize, digits: Digits) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match form {
        Form::Array { result, elem, random, .. } => {
            let all = &results[*result];
            let one = if *random { all.index_axis(Axis(0), draw) } else { all.view() };
            entries(one, *elem, digits)
        }
        Form::Tuple(parts) => {
            format!("({})", list(parts.iter().map(|part| value(part, results, draw, digits)).collect()))
        }
        Form::Record(fields) => {
            let fields =
                fields.iter().map(|(name, form)| format!("{name} = {}", value(form, results, draw, digits)));
            format!("{{{}}}", list(fields.collect()))
        }
        Form::Text(text) => format!("{text:?}"),
        Form::Other(kind) => kind.clone(),
    }
}

/// `[1.0, 2.0]`; long dimensions in part, matrices by rows.
pub fn entries(entries: ArrayViewD<f64>, elem: Elem, digits: Digits) -> String {
    let long = entries.len() > MANY;
    nested(entries, elem, digits, long, 0)
}

fn nested(entries: ArrayViewD<f64>, elem: Elem, digits: Digits, long: bool, depth: usize) -> String {
    if entries.ndim() == 0 {
        return entries.first().map_or(String::new(), |x| number(*x, elem, digits));
    }
    let part = |at: usize| nested(entries.index_axis(Axis(0), at), elem, digits, long, depth + 1);
    let count = entries.shape()[0];
    let parts: Vec<String> = if long && count > 2 * ENDS {
        let (first, last) = ((0..ENDS).map(part), (count - ENDS..count).map(part));
        first.chain(["…".to_string()]).chain(last).collect()
    } else {
        (0..count).map(part).collect()
    };
    let between =
        if entries.ndim() == 1 { ", ".to_string() } else { format!(",\n{}", " ".repeat(depth + 1)) };
    format!("[{}]", parts.join(&between))
}

/// A number as a literal of its type.
fn number(x: f64, elem: Elem, digits: Digits) -> String {
    match elem {
        Elem::Int if x.is_finite() => format!("{x:.0}"),
        Elem::Bool if x == 0.0 => "false".to_string(),
        Elem::Bool if x == 1.0 => "true".to_string(),
        _ => real(x, digits),
    }
}

/// A real; NaN stands for a site that is absent.
pub fn real(x: f64, digits: Digits) -> String {
    if digits == Digits::All || !x.is_finite() || x == 0.0 {
        return format!("{x:?}");
    }
    let magnitude = x.abs().log10().floor() as i32;
    match magnitude {
        -5..=5 => {
            let fixed = format!("{x:.*}", (5 - magnitude).max(1) as usize);
            let shortened = fixed.trim_end_matches('0');
            if shortened.ends_with('.') { format!("{shortened}0") } else { shortened.to_string() }
        }
        _ => format!("{x:.5e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};

    #[test]
    fn numbers_are_written_as_literals_of_their_types() {
        assert_eq!(number(3.0, Elem::Int, Digits::All), "3");
        assert_eq!(number(3.0, Elem::Real, Digits::All), "3.0");
        assert_eq!(number(1.0, Elem::Bool, Digits::All), "true");
        assert_eq!(number(f64::NEG_INFINITY, Elem::Real, Digits::Six), "-inf");
        assert_eq!(real(1.0 / 3.0, Digits::Six), "0.333333");
        assert_eq!(real(1234567.0, Digits::Six), "1.23457e6");
        assert_eq!(real(250.0, Digits::Six), "250.0");
        assert_eq!(real(0.1 + 0.2, Digits::All), "0.30000000000000004");
    }

    #[test]
    fn long_arrays_are_shown_in_part() {
        let short = Array1::from(vec![1.0, 2.0]).into_dyn();
        assert_eq!(entries(short.view(), Elem::Int, Digits::All), "[1, 2]");
        let long = Array1::range(0.0, 101.0, 1.0).into_dyn();
        assert_eq!(entries(long.view(), Elem::Int, Digits::All), "[0, 1, 2, …, 98, 99, 100]");
        let matrix = Array2::<f64>::eye(2).into_dyn();
        assert_eq!(entries(matrix.view(), Elem::Int, Digits::All), "[[1, 0],\n [0, 1]]");
    }
}
