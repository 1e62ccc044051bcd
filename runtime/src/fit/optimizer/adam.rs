//! Adam (Kingma and Ba, 2015, algorithm 1).

use super::{Optimizer, SettingError, decay, positive};
use crate::fit::Sense;

/// Steps of about `rate`, by running means of the gradient and of its square.
///
/// With `m ← b1·m + (1−b1)·g`, `v ← b2·v + (1−b2)·g²` and the corrections `m̂ = m / (1−b1ᵗ)`,
/// `v̂ = v / (1−b2ᵗ)` at step `t = 1, 2, …`: `p ± rate · m̂ / (√v̂ + eps)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    rate: f64,
    b1: f64,
    b2: f64,
    eps: f64,
    /// `b1ᵗ` and `b2ᵗ`.
    powers: (f64, f64),
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
            powers: (1.0, 1.0),
            moments: vec![(0.0, 0.0); dimension],
        })
    }
}

impl Optimizer for Adam {
    fn update(&mut self, params: &[f64], gradient: &[f64], sense: Sense, next: &mut [f64]) {
        let Adam { rate, b1, b2, eps, .. } = *self;
        self.powers = (self.powers.0 * b1, self.powers.1 * b2);
        let (correct_m, correct_v) = (1.0 / (1.0 - self.powers.0), 1.0 / (1.0 - self.powers.1));
        let rate = sense.sign() * rate * correct_m;
        for (((next, p), g), (m, v)) in next.iter_mut().zip(params).zip(gradient).zip(&mut self.moments) {
            *m = b1 * *m + (1.0 - b1) * g;
            *v = b2 * *v + (1.0 - b2) * g * g;
            *next = p + rate * *m / ((*v * correct_v).sqrt() + eps);
        }
    }
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
            let mut next = [0.0];
            adam.update(&[p], &[g], Sense::Maximize, &mut next);
            next[0] - p
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
            let mut next = [0.0];
            adam.update(&[0.0], &[g], Sense::Minimize, &mut next);
            assert!((next[0] + 0.01).abs() < 1e-6, "{g}: {}", next[0]);
        }
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
