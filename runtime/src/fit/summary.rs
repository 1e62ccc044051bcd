//! Numbers that stand for many draws.

use ndarray::{ArrayD, Axis};

/// Moments and quantiles of draws of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Standard deviation with divisor n − 1; NaN for a single draw.
    pub sd: f64,
    /// 5 % quantile; quantiles interpolate linearly between draws (type 7 in R, NumPy's default).
    pub q05: f64,
    /// Median.
    pub q50: f64,
    /// 95 % quantile.
    pub q95: f64,
}

impl Summary {
    /// Of draws, which it sorts. One that is NaN makes every number NaN, so does none at all.
    pub fn of(draws: &mut [f64]) -> Self {
        let (mean, sd) = mean_sd(draws);
        draws.sort_by(f64::total_cmp);
        let at = |share| if mean.is_nan() || draws.is_empty() { f64::NAN } else { quantile(draws, share) };
        Summary { mean, sd, q05: at(0.05), q50: at(0.5), q95: at(0.95) }
    }

    /// One for each entry, in row-major order, of draws of shape `[draws, …entries]`.
    pub fn of_entries(draws: &ArrayD<f64>) -> Vec<Self> {
        Self::of_lanes(draws, |_| true)
    }

    /// The same of draws that are NaN where a value is absent: over those that are present.
    pub fn of_present(draws: &ArrayD<f64>) -> Vec<Self> {
        Self::of_lanes(draws, |x| !x.is_nan())
    }

    fn of_lanes(draws: &ArrayD<f64>, counts: impl Fn(f64) -> bool) -> Vec<Self> {
        if draws.ndim() == 0 {
            return vec![];
        }
        let mut column = Vec::with_capacity(draws.len_of(Axis(0)));
        let lanes = draws.lanes(Axis(0));
        let of_lane = |lane: ndarray::ArrayView1<f64>| {
            column.clear();
            column.extend(lane.iter().filter(|x| counts(**x)));
            Summary::of(&mut column)
        };
        lanes.into_iter().map(of_lane).collect()
    }
}

/// A mean of independent estimates and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonteCarlo {
    /// Their mean; NaN when there are none.
    pub mean: f64,
    /// Standard error of the mean: sd / √n; NaN for fewer than two.
    pub se: f64,
    /// How many.
    pub draws: usize,
}

impl MonteCarlo {
    /// Of independent estimates.
    pub fn of(estimates: &[f64]) -> Self {
        let (mean, sd) = mean_sd(estimates);
        MonteCarlo { mean, se: sd / (estimates.len() as f64).sqrt(), draws: estimates.len() }
    }

    /// Of log E[exp(k v)] / k, by independent k·v: the standard error is that of the mean exponential over k times it
    /// (delta method).
    pub fn log_moment(exponents: &[f64], k: f64) -> Self {
        let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !largest.is_finite() {
            return MonteCarlo { mean: largest, se: f64::NAN, draws: exponents.len() };
        }
        let n = exponents.len() as f64;
        let (mut first, mut second) = (0.0, 0.0);
        for exponent in exponents {
            let scaled = (exponent - largest).exp();
            first += scaled / n;
            second += scaled * scaled / n;
        }
        let variance = (second - first * first).max(0.0) / (n - 1.0);
        MonteCarlo {
            mean: (largest + first.ln()) / k,
            se: variance.sqrt() / (k * first),
            draws: exponents.len(),
        }
    }
}

/// Mean, and standard deviation with divisor n − 1, in two passes so that a mean far from zero costs
/// no digits. NaN where there are too few values.
pub(super) fn mean_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, if values.len() < 2 { f64::NAN } else { (squares / (n - 1.0)).sqrt() })
}

/// The quantile of sorted values at `share` in `[0, 1]`, by linear interpolation at position
/// `share · (n − 1)`; NaN when there are none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    // Equal infinite neighbours would give NaN by their difference.
    if low == high { low } else { low + (position - below as f64) * (high - low) }
}

/// How an entry of an array is written: `x`, `x[0]`, `x[1,2]`.
pub fn entry_name(name: &str, index: &[usize]) -> String {
    if index.is_empty() {
        return name.to_owned();
    }
    let texts: Vec<String> = index.iter().map(usize::to_string).collect();
    format!("{name}[{}]", texts.join(","))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn by_hand() {
        // 1..5: mean 3, sum of squares 10, sd √2.5; q05 at position 0.2, q95 at 3.8.
        let summary = Summary::of(&mut [5.0, 1.0, 4.0, 2.0, 3.0]);
        let expected = Summary { mean: 3.0, sd: 2.5f64.sqrt(), q05: 1.2, q50: 3.0, q95: 4.8 };
        assert_eq!(summary, expected);
        assert!(Summary::of(&mut [7.0]).sd.is_nan());
        assert_eq!(Summary::of(&mut [7.0]).q95, 7.0);
        assert!(Summary::of(&mut [1.0, f64::NAN]).q50.is_nan());
    }

    #[test]
    fn entries_are_row_major() {
        let draws = array![[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]].into_dyn();
        let means: Vec<f64> = Summary::of_entries(&draws).iter().map(|summary| summary.mean).collect();
        assert_eq!(means, [2.0, 20.0, 3.0, 30.0]);
        assert_eq!(Summary::of_entries(&array![1.0, 3.0].into_dyn())[0].mean, 2.0, "a scalar");
    }

    #[test]
    fn standard_error_of_a_mean() {
        let estimate = MonteCarlo::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(estimate.mean, 2.5);
        assert!((estimate.se - (5.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-15);
        assert!(MonteCarlo::of(&[]).mean.is_nan() && MonteCarlo::of(&[1.0]).se.is_nan());
        // A mean far from zero costs no digits.
        let far = MonteCarlo::of(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]);
        assert!((far.se - 1.0 / 3f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn log_moments_by_the_delta_method() {
        let exponents = [1.0, 3.0, -2.0, 0.5];
        let plain = MonteCarlo::of(&exponents.map(f64::exp));
        let found = MonteCarlo::log_moment(&exponents, 2.0);
        assert!((found.mean - plain.mean.ln() / 2.0).abs() < 1e-14);
        assert!((found.se - plain.se / (2.0 * plain.mean)).abs() < 1e-14);
        // Far out of the range of doubles.
        let far = MonteCarlo::log_moment(&exponents.map(|x| x - 1e4), 2.0);
        assert!((far.mean - found.mean + 5e3).abs() < 1e-9 && (far.se - found.se).abs() < 1e-9);
        assert_eq!(MonteCarlo::log_moment(&[f64::NEG_INFINITY; 2], 2.0).mean, f64::NEG_INFINITY);
        assert!(MonteCarlo::log_moment(&[0.0, f64::NAN], 2.0).mean.is_nan());
    }

    #[test]
    fn quantiles_at_the_ends() {
        assert_eq!(quantile(&[1.0, 2.0], 0.0), 1.0);
        assert_eq!(quantile(&[1.0, 2.0], 1.0), 2.0);
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[f64::NEG_INFINITY, f64::NEG_INFINITY], 0.5), f64::NEG_INFINITY);
    }

    #[test]
    fn names_of_entries() {
        assert_eq!(entry_name("x", &[]), "x");
        assert_eq!(entry_name("x", &[0]), "x[0]");
        assert_eq!(entry_name("x", &[1, 2]), "x[1,2]");
    }
}
