//! From the constrained scale to the unconstrained one, for starting values, and back, for reports.
//! The maps are those of `elaborate::parameter`.

use ndarray::{ArrayD, Axis, IxDyn};
use vary_core::generative::{Constraint, PositiveMap};

/// The unconstrained entries, row-major, of a starting value; `None` where it violates the constraint.
pub fn unconstrain(constraint: &Constraint, value: &ArrayD<f64>) -> Option<Vec<f64>> {
    let each = |f: &dyn Fn(f64) -> f64| -> Option<Vec<f64>> {
        let mapped: Vec<f64> = value.iter().map(|x| f(*x)).collect();
        mapped.iter().all(|u| u.is_finite()).then_some(mapped)
    };
    match constraint {
        Constraint::Positive(PositiveMap::Exp) => each(&f64::ln),
        // log(e^x − 1), without overflow
        Constraint::Positive(PositiveMap::Softplus) => each(&|x| x + (-(-x).exp()).ln_1p()),
        Constraint::Interval(a, b) => each(&|x| ((x - a) / (b - x)).ln()),
        Constraint::Ordered => rows(value, |row| {
            let gaps = row.windows(2).map(|pair| (pair[1] - pair[0]).ln());
            row.first().copied().into_iter().chain(gaps).collect()
        }),
        Constraint::Simplex => rows(value, |row| {
            let last = row.last().copied().unwrap_or(1.0);
            row[..row.len().saturating_sub(1)].iter().map(|p| (p / last).ln()).collect()
        }),
        _ => each(&|x| x),
    }
}

fn rows(value: &ArrayD<f64>, map: impl Fn(&[f64]) -> Vec<f64>) -> Option<Vec<f64>> {
    let last = Axis(value.ndim().checked_sub(1)?);
    let mut all = Vec::new();
    for row in value.lanes(last) {
        all.extend(map(&row.to_vec()));
    }
    all.iter().all(|u| u.is_finite()).then_some(all)
}

/// The shape of the unconstrained array of a parameter of this shape.
pub fn raw_shape(constraint: &Constraint, shape: &[usize]) -> Vec<usize> {
    let mut raw = shape.to_vec();
    if let (Constraint::Simplex, Some(last)) = (constraint, raw.last_mut()) {
        *last = last.saturating_sub(1);
    }
    raw
}

/// The constrained array of unconstrained entries.
pub fn constrain(constraint: &Constraint, raw: &[f64], shape: &[usize]) -> ArrayD<f64> {
    let softplus = |u: f64| if u > 0.0 { u + (-u).exp().ln_1p() } else { u.exp().ln_1p() };
    let values: Vec<f64> = match constraint {
        Constraint::Positive(PositiveMap::Exp) => raw.iter().map(|u| u.exp()).collect(),
        Constraint::Positive(PositiveMap::Softplus) => raw.iter().map(|u| softplus(*u)).collect(),
        Constraint::Interval(a, b) => raw.iter().map(|u| a + (b - a) / (1.0 + (-u).exp())).collect(),
        Constraint::Ordered => {
            let width = shape.last().copied().unwrap_or(1).max(1);
            let row = |row: &[f64]| {
                let mut sum = 0.0;
                let steps = row.iter().enumerate().map(|(at, u)| if at == 0 { *u } else { u.exp() });
                steps
                    .map(|step| {
                        sum += step;
                        sum
                    })
                    .collect::<Vec<f64>>()
            };
            raw.chunks(width).flat_map(row).collect()
        }
        Constraint::Simplex => {
            let width = shape.last().copied().unwrap_or(1).saturating_sub(1);
            if width == 0 {
                vec![1.0; shape.iter().product()]
            } else {
                raw.chunks(width).flat_map(softmax_with_zero).collect()
            }
        }
        _ => raw.to_vec(),
    };
    ArrayD::from_shape_vec(IxDyn(shape), values).unwrap_or_else(|_| ArrayD::from_elem(IxDyn(shape), f64::NAN))
}

fn softmax_with_zero(row: &[f64]) -> Vec<f64> {
    let max = row.iter().copied().fold(0.0, f64::max);
    let weights: Vec<f64> = row.iter().copied().chain([0.0]).map(|u| (u - max).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maps_are_inverse() {
        let cases = [
            (Constraint::Real, vec![-1.5, 0.0, 7.0]),
            (Constraint::Positive(PositiveMap::Exp), vec![1e-3, 1.0, 40.0]),
            (Constraint::Positive(PositiveMap::Softplus), vec![1e-3, 1.0, 40.0]),
            (Constraint::Interval(-2.0, 3.0), vec![-1.9, 0.0, 2.5]),
            (Constraint::Ordered, vec![-1.0, 0.5, 0.6]),
            (Constraint::Simplex, vec![0.2, 0.5, 0.3]),
        ];
        for (constraint, values) in cases {
            let value = ArrayD::from_shape_vec(IxDyn(&[3]), values).unwrap();
            let raw = unconstrain(&constraint, &value).unwrap();
            assert_eq!(raw.len(), raw_shape(&constraint, &[3])[0]);
            let back = constrain(&constraint, &raw, &[3]);
            for (a, b) in value.iter().zip(&back) {
                assert!((a - b).abs() < 1e-12, "{constraint:?}: {a} and {b}");
            }
        }
    }
}
