//! Numbers with their derivatives by two variables: forward differentiation of series and fractions.

use std::ops::{Add, Div, Mul, Sub};

/// A value and its derivatives by the two shapes.
#[derive(Debug, Clone, Copy)]
pub struct Jet {
    pub value: f64,
    pub slopes: [f64; 2],
}

impl Jet {
    pub fn constant(value: f64) -> Jet {
        Jet { value, slopes: [0.0; 2] }
    }

    /// The variable of this number.
    pub fn variable(value: f64, number: usize) -> Jet {
        let mut slopes = [0.0; 2];
        slopes[number] = 1.0;
        Jet { value, slopes }
    }

    fn with(value: f64, slope: impl Fn(usize) -> f64) -> Jet {
        Jet { value, slopes: [slope(0), slope(1)] }
    }

    /// The logarithm.
    pub fn ln(self) -> Jet {
        Jet::with(self.value.ln(), |k| self.slopes[k] / self.value)
    }
}

impl Add for Jet {
    type Output = Jet;
    fn add(self, other: Jet) -> Jet {
        Jet::with(self.value + other.value, |k| self.slopes[k] + other.slopes[k])
    }
}

impl Sub for Jet {
    type Output = Jet;
    fn sub(self, other: Jet) -> Jet {
        Jet::with(self.value - other.value, |k| self.slopes[k] - other.slopes[k])
    }
}

// Rules of differentiation mix operators.
#[allow(clippy::suspicious_arithmetic_impl)]
impl Mul for Jet {
    type Output = Jet;
    fn mul(self, other: Jet) -> Jet {
        Jet::with(self.value * other.value, |k| self.slopes[k] * other.value + self.value * other.slopes[k])
    }
}

#[allow(clippy::suspicious_arithmetic_impl)]
impl Div for Jet {
    type Output = Jet;
    fn div(self, other: Jet) -> Jet {
        let value = self.value / other.value;
        Jet::with(value, |k| (self.slopes[k] - value * other.slopes[k]) / other.value)
    }
}
