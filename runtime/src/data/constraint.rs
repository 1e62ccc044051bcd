//! What values must satisfy, and the check.

use std::fmt;

use ndarray::{ArrayD, Axis};

/// How far a sum that should be one may be off; Stan's tolerance.
pub const SUM_TOLERANCE: f64 = 1e-8;

/// A condition on values. The scalar ones hold for each entry, the others along the last axis (or
/// the last two).
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// None.
    None,
    /// `x > 0`
    Positive,
    /// `0 ≤ x ≤ 1`
    Unit,
    /// `lo ≤ x ≤ hi`, either end infinite where it is open.
    Interval {
        /// The lower end, included.
        lo: f64,
        /// The upper end, included.
        hi: f64,
    },
    /// `lo ≤ x ≤ hi` for integers; an absent end is open.
    IntRange {
        /// The lower end, included.
        lo: Option<i64>,
        /// The upper end, included.
        hi: Option<i64>,
    },
    /// Along the last axis: entries `≥ 0` that sum to one within [`SUM_TOLERANCE`].
    Simplex,
    /// Along the last axis: strictly increasing.
    Ordered,
    /// In the last two axes, a lower triangular matrix with a positive diagonal and rows of norm
    /// one within [`SUM_TOLERANCE`].
    CholeskyCorr,
}

/// The first entry (or row) that violates a constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Position of the entry; shorter than the rank when a whole row is wrong.
    pub index: Vec<usize>,
    /// What is wrong there: "-1 is not positive".
    pub what: String,
}

impl Constraint {
    /// The first violation in row-major order. NaN violates every constraint but [`Constraint::None`].
    pub fn violation(&self, values: &ArrayD<f64>) -> Option<Violation> {
        let each = |holds: &dyn Fn(f64) -> bool, what: &str| {
            let (index, x) = values.indexed_iter().find(|(_, x)| !holds(**x))?;
            Some(violation(index, format!("{x} is not {what}")))
        };
        match self {
            Constraint::None => None,
            Constraint::Positive => each(&|x| x > 0.0, "positive"),
            Constraint::Unit => each(&|x| (0.0..=1.0).contains(&x), "between 0 and 1"),
            Constraint::Interval { lo, hi } => each(
                &|x| *lo <= x && x <= *hi,
                &between(lo.is_finite().then_some(lo), hi.is_finite().then_some(hi)),
            ),
            Constraint::IntRange { lo, hi } => each(
                &|x| lo.is_none_or(|lo| lo as f64 <= x) && hi.is_none_or(|hi| x <= hi as f64),
                &between(lo.as_ref(), hi.as_ref()),
            ),
            Constraint::Simplex => each(&|x| x >= 0.0, "a share, which is at least 0").or_else(|| {
                rows(values, |_, row| {
                    let sum: f64 = row.iter().sum();
                    ((sum - 1.0).abs() > SUM_TOLERANCE)
                        .then(|| (None, format!("the entries sum to {sum}, not 1")))
                })
            }),
            Constraint::Ordered => rows(values, |_, row| {
                let at = row
                    .windows(2)
                    .position(|pair| pair[0].partial_cmp(&pair[1]) != Some(std::cmp::Ordering::Less))?;
                Some((Some(at + 1), format!("{} does not exceed {} before it", row[at + 1], row[at])))
            }),
            Constraint::CholeskyCorr => cholesky_corr(values),
        }
    }
}

fn between(lo: Option<impl fmt::Display>, hi: Option<impl fmt::Display>) -> String {
    match (lo, hi) {
        (Some(lo), Some(hi)) => format!("between {lo} and {hi}"),
        (Some(lo), None) => format!("at least {lo}"),
        (None, Some(hi)) => format!("at most {hi}"),
        (None, None) => "a number".to_owned(),
    }
}

fn violation(index: ndarray::IxDyn, what: String) -> Violation {
    Violation { index: ndarray::Dimension::slice(&index).to_vec(), what }
}

/// The first row along the last axis that `check(number of the row, row)` finds wrong, with the
/// place in the row where there is one.
fn rows(
    values: &ArrayD<f64>,
    check: impl Fn(usize, &[f64]) -> Option<(Option<usize>, String)>,
) -> Option<Violation> {
    let last = values.ndim().checked_sub(1)?;
    for (number, lane) in values.lanes(Axis(last)).into_iter().enumerate() {
        if let Some((at, what)) = check(number, &lane.to_vec()) {
            let mut index = unflatten(number, &values.shape()[..last]);
            index.extend(at);
            return Some(Violation { index, what });
        }
    }
    None
}

fn cholesky_corr(values: &ArrayD<f64>) -> Option<Violation> {
    let size = *values.shape().iter().rev().nth(1)?;
    rows(values, |number, row| {
        let i = number % size;
        if let Some(past) = row.iter().skip(i + 1).position(|x| *x != 0.0) {
            return Some((
                Some(i + 1 + past),
                format!("{} stands above the diagonal, where all is 0", row[i + 1 + past]),
            ));
        }
        match row.get(i) {
            Some(diagonal) if *diagonal > 0.0 => {
                let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                let off = (norm - 1.0).abs() > SUM_TOLERANCE || norm.is_nan();
                off.then(|| (None, format!("the row has norm {norm}, not 1")))
            }
            Some(diagonal) => Some((Some(i), format!("{diagonal} on the diagonal is not positive"))),
            None => Some((None, "the matrix has more rows than columns".to_owned())),
        }
    })
}

/// The position with this row-major number in an array of this shape without empty axes.
pub(crate) fn unflatten(mut number: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (axis, size) in shape.iter().enumerate().rev() {
        index[axis] = number % size;
        number /= size;
    }
    index
}

/// As the head of a type in the program: `positive`, `bounded(0, 1)`.
impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Constraint::None => f.write_str("real"),
            Constraint::Positive => f.write_str("positive"),
            Constraint::Unit => f.write_str("unit"),
            Constraint::Interval { lo, hi } => write!(f, "bounded({lo}, {hi})"),
            Constraint::IntRange { lo, hi } => match (lo, hi) {
                (None, None) => f.write_str("int"),
                (Some(0), None) => f.write_str("count"),
                (lo, hi) => {
                    let end = |end: &Option<i64>| end.map_or_else(|| "_".to_owned(), |end| end.to_string());
                    write!(f, "int({}, {})", end(lo), end(hi))
                }
            },
            Constraint::Simplex => f.write_str("simplex"),
            Constraint::Ordered => f.write_str("ordered"),
            Constraint::CholeskyCorr => f.write_str("cholesky_corr"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn found(constraint: Constraint, values: impl Into<ArrayD<f64>>) -> Option<(Vec<usize>, String)> {
        constraint.violation(&values.into()).map(|violation| (violation.index, violation.what))
    }

    #[test]
    fn accepts_what_holds() {
        assert_eq!(found(Constraint::Positive, array![1.0, f64::INFINITY].into_dyn()), None);
        assert_eq!(found(Constraint::Unit, array![0.0, 1.0].into_dyn()), None);
        assert_eq!(found(Constraint::Simplex, array![[0.25, 0.75], [1.0, 0.0]].into_dyn()), None);
        assert_eq!(found(Constraint::Ordered, array![-1.0, 0.0, 2.0].into_dyn()), None);
        assert_eq!(found(Constraint::CholeskyCorr, array![[1.0, 0.0], [0.6, 0.8]].into_dyn()), None);
        assert_eq!(found(Constraint::Simplex, ArrayD::zeros(vec![0, 3])), None);
    }

    #[test]
    fn names_the_first_violation() {
        let cases = [
            (
                Constraint::Positive,
                array![[1.0, 2.0], [3.0, 0.0]].into_dyn(),
                vec![1, 1],
                "0 is not positive",
            ),
            (Constraint::Positive, array![f64::NAN].into_dyn(), vec![0], "NaN is not positive"),
            (Constraint::Unit, array![0.5, 1.5].into_dyn(), vec![1], "1.5 is not between 0 and 1"),
            (
                Constraint::Interval { lo: -1.0, hi: f64::INFINITY },
                array![-2.0].into_dyn(),
                vec![0],
                "-2 is not at least -1",
            ),
            (
                Constraint::IntRange { lo: None, hi: Some(3) },
                array![3.0, 4.0].into_dyn(),
                vec![1],
                "4 is not at most 3",
            ),
            (
                Constraint::Simplex,
                array![[0.5, 0.5], [0.5, 0.4]].into_dyn(),
                vec![1],
                "the entries sum to 0.9, not 1",
            ),
            (
                Constraint::Ordered,
                array![[0.0, 1.0], [2.0, 2.0]].into_dyn(),
                vec![1, 1],
                "2 does not exceed 2 before it",
            ),
            (
                Constraint::CholeskyCorr,
                array![[1.0, 0.5], [0.6, 0.8]].into_dyn(),
                vec![0, 1],
                "0.5 stands above the diagonal, where all is 0",
            ),
            (
                Constraint::CholeskyCorr,
                array![[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [1.0, 0.0]]].into_dyn(),
                vec![1, 1, 1],
                "0 on the diagonal is not positive",
            ),
        ];
        for (constraint, values, index, what) in cases {
            assert_eq!(found(constraint, values), Some((index, what.to_owned())));
        }
    }
}
