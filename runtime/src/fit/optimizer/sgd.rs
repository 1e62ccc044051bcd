//! Stochastic gradient steps (Robbins and Monro, 1951) with a constant rate.

use super::{Optimizer, SettingError, positive};
use crate::fit::Sense;
use std::ops::Range;

/// `p ± rate · g`
#[derive(Debug, Clone, PartialEq)]
pub struct Sgd {
    rate: f64,
}

impl Sgd {
    /// # Errors
    /// When the rate is not positive and finite.
    pub fn new(rate: f64) -> Result<Self, SettingError> {
        Ok(Sgd { rate: positive("rate", rate)? })
    }
}

impl Optimizer for Sgd {
    fn update(&mut self, params: &mut [f64], gradient: &[f64], moved: &[Range<usize>], sense: Sense) {
        let rate = sense.sign() * self.rate;
        for range in moved {
            for (p, g) in params[range.clone()].iter_mut().zip(&gradient[range.clone()]) {
                *p += rate * g;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_along_the_gradient() {
        let mut sgd = Sgd::new(0.1).unwrap();
        let mut after = |moved: Range<usize>, sense| {
            let mut params = [1.0, 2.0];
            sgd.update(&mut params, &[3.0, -4.0], &[moved], sense);
            params
        };
        assert_eq!(after(0..2, Sense::Maximize), [1.3, 1.6]);
        assert_eq!(after(0..2, Sense::Minimize), [0.7, 2.4]);
        assert_eq!(after(1..2, Sense::Maximize), [1.0, 1.6]);
    }

    #[test]
    fn refuses_a_rate_that_is_no_rate() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Sgd::new(rate).unwrap_err().setting, "rate");
        }
        let error = Sgd::new(-1.0).unwrap_err();
        assert_eq!(error.to_string(), "`rate` is -1, but should be positive and finite");
    }
}
