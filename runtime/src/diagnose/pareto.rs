//! The shape of a generalised Pareto tail.
//!
//! Zhang and Stephens, "A new and efficient estimation method for the generalized Pareto distribution",
//! Technometrics 2009: the posterior mean of b = −k/σ under a data-dependent prior, by quadrature over the
//! profile likelihood; with the weak prior of Vehtari et al. (Pareto smoothed importance sampling, appendix C),
//! which draws the shape towards 1/2 by the weight of ten observations. Here k > 0 is a heavy tail: moments of
//! order 1/k and above do not exist, so the variance is infinite from k = 1/2 on.

/// The shape k of exceedances over a threshold, all positive. NaN for fewer than five, or if none differs from 0.
pub fn pareto_shape(exceedances: &[f64]) -> f64 {
    let mut x: Vec<f64> = exceedances.to_vec();
    x.sort_by(f64::total_cmp);
    let n = x.len();
    let (Some(largest), true) = (x.last().copied(), n >= 5) else { return f64::NAN };
    let quartile = x[(n as f64 / 4.0 + 0.5).floor() as usize - 1];
    if !(largest.is_finite() && quartile > 0.0) {
        return f64::NAN;
    }
    let count = n as f64;
    let shape = |b: f64| x.iter().map(|x| (-b * x).ln_1p()).sum::<f64>() / count;
    let nodes = 30 + count.sqrt().floor() as usize;
    let node = |j: usize| 1.0 / largest + (1.0 - (nodes as f64 / (j as f64 + 0.5)).sqrt()) / (3.0 * quartile);
    let profile = |b: f64| {
        let k = shape(b);
        count * ((-b / k).ln() - k - 1.0)
    };
    let (bs, logs): (Vec<f64>, Vec<f64>) = (0..nodes).map(|j| (node(j), profile(node(j)))).unzip();
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    let b = bs.iter().zip(&weights).map(|(b, w)| b * w).sum::<f64>() / total;
    (count * shape(b) + 5.0) / (count + 10.0)
}

/// Values that differ by less than this share of the largest are the same but for rounding.
const ROUNDING: f64 = 1e-9;

/// The shape of the upper tail of magnitudes: that of the largest min(20 %, 3√n) of them over the next one. NaN where most
/// of these repeat each other, as costs of a few discrete values do: a distribution with steps has no such shape.
pub fn tail_shape(magnitudes: &[f64]) -> f64 {
    let mut x: Vec<f64> = magnitudes.to_vec();
    x.sort_by(f64::total_cmp);
    let n = x.len();
    let tail = ((n as f64 * 0.2).min(3.0 * (n as f64).sqrt())).floor() as usize;
    if tail < 5 || tail >= n {
        return f64::NAN;
    }
    let same = ROUNDING * x[n - 1];
    let distinct = x[n - tail - 1..].windows(2).filter(|pair| pair[1] - pair[0] > same).count();
    if 2 * distinct < tail {
        return f64::NAN;
    }
    let threshold = x[n - tail - 1];
    let exceedances: Vec<f64> = x[n - tail..].iter().map(|x| x - threshold).filter(|x| *x > same).collect();
    pareto_shape(&exceedances)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The i-th of n quantiles, evenly spaced in probability.
    fn quantiles(n: usize, quantile: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..n).map(|i| quantile((i as f64 + 0.5) / n as f64)).collect()
    }

    #[test]
    fn shapes_of_pareto_samples_are_found() {
        for k in [-0.2, 0.1, 0.5, 0.9] {
            // F⁻¹(u) = ((1 − u)^(−k) − 1) / k
            let sample = quantiles(5000, |u| ((1.0 - u).powf(-k) - 1.0) / k);
            let found = pareto_shape(&sample);
            assert!((found - k).abs() < 0.02, "{k}: {found}");
        }
    }

    #[test]
    fn tails_are_light_or_heavy() {
        let exponential = tail_shape(&quantiles(4000, |u| -(1.0 - u).ln()));
        let cauchy = tail_shape(&quantiles(4000, |u| (std::f64::consts::FRAC_PI_2 * u).tan()));
        assert!(exponential.abs() < 0.1, "{exponential}");
        assert!((cauchy - 1.0).abs() < 0.15, "{cauchy}");
    }

    #[test]
    fn too_little_says_nothing() {
        assert!(pareto_shape(&[1.0, 2.0]).is_nan());
        assert!(tail_shape(&[0.0; 100]).is_nan());
        // Steps, with rounding.
        let steps: Vec<f64> = (0..4000).map(|i| f64::from(i % 9) + 1e-15 * f64::from(i % 7)).collect();
        assert!(tail_shape(&steps).is_nan());
    }
}
