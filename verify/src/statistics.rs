//! How estimates are judged: batch means, quantiles, and tests of fit with stated false-alarm rates.

use std::f64::consts::{PI, SQRT_2, TAU};

/// The x with Φ(x) = 1 − `upper`: Newton's method on log(1 − Φ), which is concave.
pub fn normal_quantile(upper: f64) -> f64 {
    let tail = |x: f64| 0.5 * libm::erfc(x / SQRT_2);
    let mut x: f64 = 0.0;
    for _ in 0..200 {
        let hazard = (-0.5 * x * x).exp() / TAU.sqrt() / tail(x);
        let step = (tail(x).ln() - upper.ln()) / hazard;
        x += step;
        if step.abs() < 1e-13 {
            break;
        }
    }
    x
}

/// |z| above which one of `comparisons` two-sided tests raises a false alarm with probability `alarm` in all (Bonferroni).
pub fn critical(comparisons: usize, alarm: f64) -> f64 {
    normal_quantile(alarm / (2.0 * comparisons.max(1) as f64))
}

/// Mean and standard error of one quantity from the means of equal, independent batches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batches {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Batches {
    /// Takes in the mean of one more batch (Welford's update).
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    /// The estimate.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Its standard error.
    pub fn se(&self) -> f64 {
        (self.squares / (self.count * (self.count - 1.0))).sqrt()
    }
}

/// The statistic √n·sup|F̂ − F| of Kolmogorov and Smirnov, from F at the sorted sample.
pub fn kolmogorov_smirnov(cdf: &[f64]) -> f64 {
    let n = cdf.len() as f64;
    let distances = cdf.iter().enumerate().map(|(i, f)| (f - i as f64 / n).max((i as f64 + 1.0) / n - f));
    n.sqrt() * distances.fold(0.0, f64::max)
}

/// Its value exceeded with probability `alarm`, from the first term of the limit law: P(K > k) ≈ 2 exp(−2k²).
pub fn kolmogorov_quantile(alarm: f64) -> f64 {
    (-0.5 * (0.5 * alarm).ln()).sqrt()
}

/// Pearson's χ² and its degrees of freedom. Neighbouring cells are merged until 20 are expected in each; the
/// last cell takes the rest of the probability.
pub fn pearson(expected: &[f64], found: &[f64]) -> (f64, f64) {
    let mut cells: Vec<(f64, f64)> = Vec::new();
    let mut open = (0.0, 0.0);
    for (e, f) in expected.iter().zip(found) {
        open = (open.0 + e, open.1 + f);
        if open.0 >= 20.0 {
            cells.push(std::mem::take(&mut open));
        }
    }
    match cells.last_mut() {
        Some(last) => *last = (last.0 + open.0, last.1 + open.1),
        None => cells.push(open),
    }
    let statistic = cells.iter().map(|(e, f)| (f - e) * (f - e) / e).sum();
    (statistic, cells.len() as f64 - 1.0)
}

/// The value that χ² exceeds with probability `alarm` (Wilson and Hilferty's cube).
pub fn pearson_quantile(freedom: f64, alarm: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + normal_quantile(alarm) * spread.sqrt()).powi(3)
}

/// The derivative of `f` at `x` by central differences, Richardson's extrapolation to order six.
pub fn derivative(x: f64, step: f64, f: impl Fn(f64) -> f64) -> f64 {
    let d = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
    let (a, b, c) = (d(step), d(step / 2.0), d(step / 4.0));
    let (ab, bc) = ((4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0);
    (16.0 * bc - ab) / 15.0
}

/// Values of a function at Chebyshev's points of [−1, 1], and it between them (barycentric interpolation).
pub struct Interpolant {
    points: Vec<f64>,
    values: Vec<f64>,
}

impl Interpolant {
    /// Through `count` points; exact to rounding for functions analytic near the interval.
    pub fn new(count: usize, f: impl Fn(f64) -> f64) -> Self {
        let points: Vec<f64> = (0..count).map(|i| (PI * (i as f64 + 0.5) / count as f64).cos()).collect();
        let values = points.iter().map(|x| f(*x)).collect();
        Interpolant { points, values }
    }

    /// Its value in the interval.
    pub fn at(&self, x: f64) -> f64 {
        let count = self.points.len() as f64;
        let (mut above, mut below) = (0.0, 0.0);
        for (i, (point, value)) in self.points.iter().zip(&self.values).enumerate() {
            if x == *point {
                return *value;
            }
            let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
            let weight = sign * (PI * (i as f64 + 0.5) / count).sin() / (x - point);
            above += weight * value;
            below += weight;
        }
        above / below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        for (upper, x) in [(0.5, 0.0), (0.025, 1.959963984540054), (1e-7, 5.199337582290661)] {
            assert!((normal_quantile(upper) - x).abs() < 1e-9, "{upper}");
        }
        assert!((kolmogorov_quantile(0.01) - 1.6276).abs() < 1e-3);
        assert!((pearson_quantile(10.0, 0.01) - 23.209).abs() < 0.05);
    }

    #[test]
    fn derivatives_and_interpolants_are_exact() {
        assert!((derivative(0.7, 1e-2, f64::sin) - 0.7f64.cos()).abs() < 1e-11);
        assert!((Interpolant::new(24, f64::exp).at(0.123) - 0.123f64.exp()).abs() < 1e-13);
    }

    #[test]
    fn batches_have_mean_and_error() {
        let mut batches = Batches::default();
        [1.0, 2.0, 3.0, 4.0].into_iter().for_each(|x| batches.add(x));
        assert_eq!(batches.mean(), 2.5);
        assert!((batches.se() - (5.0f64 / 12.0).sqrt()).abs() < 1e-15);
    }
}
