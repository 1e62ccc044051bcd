//! Adam (Kingma and Ba, 2015, algorithm 1).

use super::{Optimizer, SettingError, decay, positive};
use crate::fit::Sense;
use std::ops::Range;

/// Steps of about `rate`, by running means of the gradient and of its square.
///
/// With `m ← b1·m + (1−b1)·g`, `v ← b2·v + (1−b2)·g²` and the corrections `m̂ = m / (1−b1ᵗ)`,
/// `v̂ = v / (1−b2ᵗ)` at step `t = 1, 2, …`: `p ± rate · m̂ / (√v̂ + eps)`.
///
/// A step is one at which an entry is moved: entries of rows that are taken now and then have moments and a `t` of their
/// own, which stand still in between. So each row goes the way that Adam goes with the gradients of this row alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    rate: f64,
    b1: f64,
    b2: f64,
    eps: f64,
    /// `t` of the range that begins at an entry.
    steps: Vec<u32>,
    /// `(m, v)` per parameter.
    moments: Vec<(f64, f64)>,
}

impl Adam {
    /// The paper's `b1`.
    pub const B1: f64 = 0.9;
    /// The paper's `b2`.
    pub const B2: f64 = 0.999;
    /// The paper's `eps`.
    pub const EPS: f64 = 1e-8;

    /// For `dimension` parameters, at its first step.
    ///
    /// # Errors
    /// When `rate` or `eps` is not positive and finite, or `b1` or `b2` not in `[0, 1)`.
    pub fn new(rate: f64, b1: f64, b2: f64, eps: f64, dimension: usize) -> Result<Self, SettingError> {
        Ok(Adam {
            rate: positive("rate", rate)?,
            b1: decay("b1", b1)?,
            b2: decay("b2", b2)?,
            eps: positive("eps", eps)?,
            steps: vec![0; dimension],
            moments: vec![(0.0, 0.0); dimension],
        })
    }
}

impl Optimizer for Adam {
    fn update(&mut self, params: &mut [f64], gradient: &[f64], moved: &[Range<usize>], sense: Sense) {
        let Adam { rate, b1, b2, eps, .. } = *self;
        for range in moved.iter().filter(|range| !range.is_empty()) {
            let t = &mut self.steps[range.start];
            *t = t.saturating_add(1);
            let (correct_m, correct_v) = (correction(b1, *t), correction(b2, *t));
            let rate = sense.sign() * rate * correct_m;
            let moments = &mut self.moments[range.clone()];
            let (params, gradient) = (&mut params[range.clone()], &gradient[range.clone()]);
            for ((p, g), (m, v)) in params.iter_mut().zip(gradient).zip(moments) {
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *p += rate * *m / ((*v * correct_v).sqrt() + eps);
            }
        }
    }
}

/// 1 / (1 − bᵗ), without a loss of digits where b is near 1.
fn correction(b: f64, t: u32) -> f64 {
    -1.0 / (f64::from(t) * b.ln()).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_paper_by_hand() {
        // g = 2 then -1 with b1 = 0.5, b2 = 0.75, eps = 0.1, rate = 0.1:
        // t=1: m = 1, v = 1, m̂ = 2, v̂ = 4, step 0.1·2/2.1
        // t=2: m = 0, v = 1, m̂ = 0, no step
        // t=3 with g = 4: m = 2, v = 4.75, m̂ = 16/7, v̂ = 4.75/(37/64)
        let mut adam = Adam::new(0.1, 0.5, 0.75, 0.1, 1).unwrap();
        let mut step = |p: f64, g: f64| {
            let mut params = [p];
            adam.update(&mut params, &[g], std::slice::from_ref(&(0..1)), Sense::Maximize);
            params[0] - p
        };
        assert!((step(1.0, 2.0) - 0.2 / 2.1).abs() < 1e-15);
        assert!(step(1.0, -1.0).abs() < 1e-15);
        let third = 0.1 * (16.0 / 7.0) / ((4.75f64 * 64.0 / 37.0).sqrt() + 0.1);
        assert!((step(0.0, 4.0) - third).abs() < 1e-15);
    }

    #[test]
    fn first_step_has_the_rate_whatever_the_scale() {
        for g in [1e-3, 1.0, 1e6] {
            let mut adam = Adam::new(0.01, Adam::B1, Adam::B2, Adam::EPS, 1).unwrap();
            let mut params = [0.0];
            adam.update(&mut params, &[g], std::slice::from_ref(&(0..1)), Sense::Minimize);
            assert!((params[0] + 0.01).abs() < 1e-6, "{g}: {}", params[0]);
        }
    }

    #[test]
    fn rows_go_their_own_ways() {
        // Two rows of two entries behind a scalar that is moved at every step; each row as by an Adam of its own.
        let new = |dimension| Adam::new(0.1, Adam::B1, Adam::B2, Adam::EPS, dimension).unwrap();
        let gradient = |step: usize| [1.0, 2.0, -3.0, 0.5, 4.0].map(|g| g + step as f64);
        let mut together = new(5);
        let mut params = [0.0; 5];
        let mut apart =
            [(new(1), vec![0.0], 0..1), (new(2), vec![0.0; 2], 1..3), (new(2), vec![0.0; 2], 3..5)];
        for step in 0..20 {
            let row = if step % 3 == 0 { 2 } else { 1 };
            let taken: Vec<Range<usize>> = [0, row].iter().map(|at| apart[*at].2.clone()).collect();
            let before = params;
            together.update(&mut params, &gradient(step), &taken, Sense::Maximize);
            assert_eq!(params[apart[3 - row].2.clone()], before[apart[3 - row].2.clone()]);
            for at in [0, row] {
                let (adam, own, range) = &mut apart[at];
                let whole = 0..own.len();
                adam.update(own, &gradient(step)[range.clone()], &[whole], Sense::Maximize);
            }
        }
        assert_eq!(params.to_vec(), apart.iter().flat_map(|(_, own, _)| own.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn names_the_setting_that_is_wrong() {
        let new = |rate, b1, b2, eps| Adam::new(rate, b1, b2, eps, 1).unwrap_err().setting;
        assert_eq!(new(0.0, 0.9, 0.999, 1e-8), "rate");
        assert_eq!(new(0.1, 1.0, 0.999, 1e-8), "b1");
        assert_eq!(new(0.1, 0.9, -0.1, 1e-8), "b2");
        assert_eq!(new(0.1, 0.9, 0.999, f64::NAN), "eps");
    }
}
