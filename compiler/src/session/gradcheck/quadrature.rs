//! Nodes and weights for the expectation over one base draw.

use vary_core::ir::Base;

/// Values of a base draw with weights that sum to one, about `count` of them; `None` for samplers with operands.
pub fn nodes(base: Base, count: usize) -> Option<Vec<(f64, f64)>> {
    let mut nodes = match base {
        Base::Normal => normal(count),
        Base::Uniform => unit(count).into_iter().map(|(u, _, weight)| (u, weight)).collect(),
        Base::Exponential => exponential(count),
        // Both halves apart: the density has a kink in between.
        Base::Laplace => mirrored(exponential(count.div_ceil(2))),
        Base::Cauchy => {
            let half = unit(count.div_ceil(2));
            mirrored(half.into_iter().map(|(u, _, w)| ((std::f64::consts::FRAC_PI_2 * u).tan(), w)).collect())
        }
        _ => return None,
    };
    let total: f64 = nodes.iter().map(|(_, weight)| weight).sum();
    nodes.iter_mut().for_each(|(_, weight)| *weight /= total);
    Some(nodes)
}

/// The trapezoidal rule, which converges exponentially for a smooth function times a normal density.
fn normal(count: usize) -> Vec<(f64, f64)> {
    const REACH: f64 = 8.5;
    let step = 2.0 * REACH / (count - 1) as f64;
    let node = |at: usize| -REACH + step * at as f64;
    (0..count).map(node).map(|x| (x, (-0.5 * x * x).exp())).collect()
}

/// The double exponential rule on (0, 1) (Takahasi and Mori 1974): u, 1 − u and weight. Ends may be singular.
fn unit(count: usize) -> Vec<(f64, f64, f64)> {
    const REACH: f64 = 3.2;
    let step = 2.0 * REACH / (count - 1) as f64;
    let node = |at: usize| {
        let t = -REACH + step * at as f64;
        let s = std::f64::consts::FRAC_PI_2 * t.sinh();
        let (u, rest) = (1.0 / (1.0 + (-2.0 * s).exp()), 1.0 / (1.0 + (2.0 * s).exp()));
        (u, rest, t.cosh() * u * rest)
    };
    (0..count).map(node).collect()
}

fn exponential(count: usize) -> Vec<(f64, f64)> {
    unit(count).into_iter().map(|(_, rest, weight)| (-rest.ln(), weight)).collect()
}

fn mirrored(half: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let negative: Vec<(f64, f64)> = half.iter().map(|(x, w)| (-x, *w)).collect();
    half.into_iter().chain(negative).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(base: Base, f: impl Fn(f64) -> f64) -> f64 {
        nodes(base, 65).expect("it has nodes").into_iter().map(|(x, w)| w * f(x)).sum()
    }

    #[test]
    fn moments_are_exact() {
        let close = |found: f64, exact: f64| assert!((found - exact).abs() < 1e-9, "{found} {exact}");
        close(mean(Base::Normal, |x| x.powi(4)), 3.0);
        close(mean(Base::Normal, f64::exp), 0.5_f64.exp());
        close(mean(Base::Uniform, |x| x * x), 1.0 / 3.0);
        close(mean(Base::Uniform, f64::ln), -1.0);
        close(mean(Base::Exponential, |x| x * x), 2.0);
        close(mean(Base::Laplace, |x| x.abs() + x * x), 3.0);
        // The characteristic function of the Cauchy distribution falls like e^(−|t|): a bounded integrand.
        close(mean(Base::Cauchy, |x| 1.0 / (1.0 + x * x)), 0.5);
    }
}
