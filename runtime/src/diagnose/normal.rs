//! Limits of normal test statistics.

/// The z that the largest of `comparisons` independent standard normals exceeds in magnitude with at most this
/// probability: Φ⁻¹(1 − p / 2m).
pub fn normal_limit(probability: f64, comparisons: usize) -> f64 {
    let tail = probability / (2.0 * comparisons as f64);
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if 0.5 * vary_special::erfc(middle / std::f64::consts::SQRT_2) > tail {
            low = middle
        } else {
            high = middle
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    #[test]
    fn limits_are_quantiles() {
        assert!((super::normal_limit(0.05, 1) - 1.959963984540054).abs() < 1e-12);
        assert!((super::normal_limit(1e-3, 1995) - 5.03).abs() < 0.005);
    }
}
