//! Distribution tests at a fixed seed, so that they pass or fail for good. Each tests at a false
//! alarm rate of 10⁻⁴ when first run: Kolmogorov–Smirnov with `√n D < 2.23`.

use super::*;
use vary_special::{erf, lgamma};

const N: u64 = 20_000;

fn draws(base: Base, args: &[f64]) -> Vec<f64> {
    (0..N).map(|lane| sample(base, args, 11, "test", lane, 5)).collect()
}

/// Kolmogorov–Smirnov against a continuous distribution function.
fn continuous(base: Base, args: &[f64], cdf: impl Fn(f64) -> f64) {
    let mut x = draws(base, args);
    x.sort_by(f64::total_cmp);
    let n = N as f64;
    let distance = x.iter().enumerate().map(|(i, x)| {
        let (f, i) = (cdf(*x), i as f64);
        (f - i / n).max((i + 1.0) / n - f)
    });
    let statistic = n.sqrt() * distance.fold(0.0, f64::max);
    assert!(statistic < 2.23, "{base:?}{args:?}: √n D = {statistic}");
}

/// Pearson's χ² over cells of expected count ≥ 20, against its 10⁻⁴ quantile (Wilson–Hilferty).
fn discrete(base: Base, args: &[f64], log_mass: impl Fn(f64) -> f64, top: u64) {
    let x = draws(base, args);
    let (mut statistic, mut cells) = (0.0, 0.0);
    let (mut expected, mut found) = (0.0, 0.0);
    let mut left = (N as f64, N as f64);
    for k in 0..=top {
        expected += N as f64 * log_mass(k as f64).exp();
        found += x.iter().filter(|x| **x == k as f64).count() as f64;
        let last = k == top;
        if last {
            (expected, found) = left;
        }
        if expected >= 20.0 && left.0 - expected >= 20.0 || last {
            statistic += (found - expected).powi(2) / expected;
            cells += 1.0;
            left = (left.0 - expected, left.1 - found);
            (expected, found) = (0.0, 0.0);
        }
    }
    let freedom: f64 = cells - 1.0;
    let quantile = freedom * (1.0 - 2.0 / (9.0 * freedom) + 3.72 * (2.0 / (9.0 * freedom)).sqrt()).powi(3);
    assert!(statistic < quantile, "{base:?}{args:?}: χ² = {statistic} with {freedom} degrees");
}

/// The integral of exp(log density) up to x by Simpson's rule in `steps` cells from `from`.
fn integral(log_density: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let cells = 400;
    let h = (to - from) / f64::from(2 * cells);
    let f = |i: i32| log_density(from + h * f64::from(i)).exp();
    (0..cells).map(|i| f(2 * i) + 4.0 * f(2 * i + 1) + f(2 * i + 2)).sum::<f64>() * h / 3.0
}

#[test]
fn parameter_free_samplers() {
    let normal = |x: f64| 0.5 * (1.0 + erf(x / 2f64.sqrt()));
    continuous(Base::Normal, &[], normal);
    continuous(Base::Uniform, &[], |x| x);
    continuous(Base::Exponential, &[], |x| -(-x).exp_m1());
    continuous(Base::Cauchy, &[], |x| 0.5 + x.atan() / std::f64::consts::PI);
    continuous(Base::Laplace, &[], |x| if x < 0.0 { 0.5 * x.exp() } else { 1.0 - 0.5 * (-x).exp() });
}

#[test]
fn continuous_samplers_with_operands() {
    for shape in [0.3, 1.0, 4.5] {
        continuous(Base::Gamma, &[shape], |x| {
            let norm = lgamma(shape);
            if shape >= 1.0 {
                integral(|t| crate::kernels::special::xlogy(shape - 1.0, t) - t - norm, 0.0, x)
            } else {
                // In u = xᵃ the density has no singularity: dF = exp(−u^(1/a)) du / Γ(a + 1).
                integral(|u| -u.powf(1.0 / shape) - lgamma(shape + 1.0), 0.0, x.powf(shape))
            }
        });
    }
    for (a, b) in [(2.0, 3.0), (1.0, 1.0), (4.0, 1.5)] {
        let norm = lgamma(a) + lgamma(b) - lgamma(a + b);
        let xlogy = crate::kernels::special::xlogy;
        continuous(Base::Beta, &[a, b], |x| {
            integral(|t| xlogy(a - 1.0, t) + xlogy(b - 1.0, 1.0 - t) - norm, 0.0, x)
        });
    }
    for nu in [1.0, 5.0] {
        let norm = lgamma((nu + 1.0) / 2.0) - lgamma(nu / 2.0) - 0.5 * (nu * std::f64::consts::PI).ln();
        // In x = √ν tan t the density is cosine to the ν − 1.
        continuous(Base::StudentT, &[nu], |x| {
            let log_density = |t: f64| norm + 0.5 * nu.ln() + (nu - 1.0) * t.cos().max(1e-300).ln();
            0.5 + integral(log_density, 0.0, (x / nu.sqrt()).atan())
        });
    }
}

#[test]
fn discrete_samplers() {
    for rate in [0.4, 9.0, 60.0] {
        discrete(Base::Poisson, &[rate], |k| k * f64::ln(rate) - rate - lgamma(k + 1.0), 300);
    }
    for (n, p) in [(7.0, 0.2), (40.0, 0.9), (500.0, 0.3)] {
        let log_mass = |k: f64| {
            lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0)
                + k * f64::ln(p)
                + (n - k) * f64::ln(1.0 - p)
        };
        discrete(Base::Binomial, &[n, p], log_mass, n as u64);
    }
}

#[test]
fn a_wrong_sampler_is_caught() {
    let shifted = std::panic::catch_unwind(|| continuous(Base::Uniform, &[], |x| x.powf(1.03)));
    assert!(shifted.is_err());
}

#[test]
fn extreme_operands_are_defined() {
    let all = |base, args: &[f64], fits: &dyn Fn(f64) -> bool| {
        draws(base, args).iter().take(2000).for_each(|x| assert!(fits(*x), "{base:?}{args:?} gave {x}"));
    };
    all(Base::Gamma, &[1e-3], &|x| x > 0.0 && x.is_finite());
    all(Base::Gamma, &[1e-300], &|x| x > 0.0 && x.is_finite());
    all(Base::Gamma, &[1e300], &|x| x > 9e299 && x.is_finite());
    all(Base::Beta, &[1e-3, 1e-3], &|x| x > 0.0 && x < 1.0);
    all(Base::Beta, &[1e-300, 1e-300], &|x| x > 0.0 && x < 1.0);
    all(Base::Beta, &[1e-3, 1e8], &|x| x > 0.0 && x < 1.0);
    all(Base::Beta, &[1e10, 1e10], &|x| (x - 0.5).abs() < 1e-3);
    all(Base::StudentT, &[1e-3], &f64::is_finite);
    all(Base::StudentT, &[1e12], &|x| x.abs() < 7.0);
    all(Base::Poisson, &[0.0], &|x| x == 0.0);
    all(Base::Poisson, &[1e-12], &|x| x == 0.0);
    all(Base::Poisson, &[1e15], &|x| (x / 1e15 - 1.0).abs() < 1e-6 && x == x.floor());
    all(Base::Poisson, &[1e25], &|x| (x / 1e25 - 1.0).abs() < 1e-6);
    all(Base::Binomial, &[0.0, 0.4], &|x| x == 0.0);
    all(Base::Binomial, &[9.0, 0.0], &|x| x == 0.0);
    all(Base::Binomial, &[9.0, 1.0], &|x| x == 9.0);
    all(Base::Binomial, &[1e15, 0.5], &|x| (x / 5e14 - 1.0).abs() < 1e-5);
    for (base, args) in [
        (Base::Gamma, vec![-1.0]),
        (Base::Gamma, vec![0.0]),
        (Base::Gamma, vec![f64::INFINITY]),
        (Base::Gamma, vec![f64::NAN]),
        (Base::Beta, vec![-1.0, 2.0]),
        (Base::Beta, vec![1.0, f64::NAN]),
        (Base::Beta, vec![f64::INFINITY, 1.0]),
        (Base::StudentT, vec![-1.0]),
        (Base::StudentT, vec![f64::NAN]),
        (Base::Poisson, vec![-1.0]),
        (Base::Poisson, vec![f64::NAN]),
        (Base::Poisson, vec![f64::INFINITY]),
        (Base::Binomial, vec![-1.0, 0.5]),
        (Base::Binomial, vec![2.5, 0.5]),
        (Base::Binomial, vec![3.0, 1.5]),
        (Base::Binomial, vec![3.0, f64::NAN]),
        (Base::Binomial, vec![f64::NAN, 0.5]),
    ] {
        all(base, &args, &f64::is_nan);
    }
}

#[test]
fn streams_differ_by_seed_step_occurrence_and_lane() {
    let at = |seed, occurrence, lane, step| sample(Base::Uniform, &[], seed, occurrence, lane, step);
    let all = [at(1, "a", 0, 0), at(2, "a", 0, 0), at(1, "b", 0, 0), at(1, "a", 1, 0), at(1, "a", 0, 1)];
    for (i, x) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|y| x != y));
    }
    // Bits are part of results: a change here changes every fit.
    assert_eq!(at(1, "a", 0, 0), at(1, "a", 0, 0));
}
