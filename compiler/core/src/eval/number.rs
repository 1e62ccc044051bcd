//! The meaning of primitives on numbers: bools are 0 and 1, ints whole reals.

use crate::prim::Prim;
use std::f64::consts::PI;

impl Prim {
    /// The result of the primitive on numbers. NaN in gives NaN out, except where an operand does not matter.
    ///
    /// # Panics
    /// When there are not as many operands as the primitive takes.
    pub fn eval(self, operands: &[f64]) -> f64 {
        use Prim::*;
        let truth = |holds: bool| f64::from(u8::from(holds));
        match (self, operands) {
            (Neg, [a]) => -a,
            (Abs, [a]) => a.abs(),
            (Exp, [a]) => a.exp(),
            (Expm1, [a]) => a.exp_m1(),
            (Log, [a]) => a.ln(),
            (Log1p, [a]) => a.ln_1p(),
            (Sqrt, [a]) => a.sqrt(),
            (Sin, [a]) => a.sin(),
            (Cos, [a]) => a.cos(),
            (Tan, [a]) => a.tan(),
            (Tanh, [a]) => a.tanh(),
            (Atan, [a]) => a.atan(),
            (Sigmoid, [a]) => sigmoid(*a),
            (Softplus, [a]) => a.max(0.0) + (-a.abs()).exp().ln_1p(),
            (Lgamma, [a]) => libm::lgamma(*a),
            (Polygamma(order), [a]) => polygamma(order, *a),
            (Erf, [a]) => libm::erf(*a),
            (Floor, [a]) => a.floor(),
            (Ceil, [a]) => a.ceil(),
            (Round, [a]) => a.round(),
            (Sign, [a]) if *a == 0.0 || a.is_nan() => *a,
            (Sign, [a]) => a.signum(),
            (Not, [a]) => truth(*a == 0.0),
            (ToReal | ToInt, [a]) => *a,
            (Add, [a, b]) => a + b,
            (Sub, [a, b]) => a - b,
            (Mul, [a, b]) => a * b,
            (Div, [a, b]) => a / b,
            (IntDiv, [a, b]) => (a / b).floor(),
            (Rem, [a, b]) => a - b * (a / b).floor(),
            (Pow, [a, b]) => a.powf(*b),
            (Max | Min, [a, b]) if a.is_nan() || b.is_nan() => f64::NAN,
            (Max, [a, b]) => a.max(*b),
            (Min, [a, b]) => a.min(*b),
            (Atan2, [a, b]) => a.atan2(*b),
            (XLogY, [a, _]) if *a == 0.0 => 0.0,
            (XLogY, [a, b]) => a * b.ln(),
            (Lt, [a, b]) => truth(a < b),
            (Le, [a, b]) => truth(a <= b),
            (Eq, [a, b]) => truth(a == b),
            (Ne, [a, b]) => truth(a != b),
            (And, [a, b]) => truth(*a != 0.0 && *b != 0.0),
            (Or, [a, b]) => truth(*a != 0.0 || *b != 0.0),
            (Select, [c, a, b]) => {
                if *c != 0.0 {
                    *a
                } else {
                    *b
                }
            }
            (prim, operands) => unreachable!("{} does not take {} operands", prim.name(), operands.len()),
        }
    }
}

/// `1 / (1 + e^-x)` without overflow.
fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let small = x.exp();
        small / (1.0 + small)
    }
}

/// B₂, B₄, … B₂₀ of the asymptotic series.
const BERNOULLI: [f64; 10] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174611.0 / 330.0,
];

/// ψ⁽ⁿ⁾(x), the derivative of order n + 1 of log Γ; at the poles 0, −1, … NaN, or ∞ where n is odd.
pub fn polygamma(order: u8, x: f64) -> f64 {
    let n = i32::from(order);
    let sign = if n % 2 == 0 { -1.0 } else { 1.0 };
    if x <= 0.0 && x == x.floor() {
        return if n % 2 == 0 { f64::NAN } else { f64::INFINITY };
    }
    if x < 0.0 {
        // (−1)ⁿ ψ⁽ⁿ⁾(1 − x) − ψ⁽ⁿ⁾(x) = dⁿ/dxⁿ π cot πx
        return -sign * polygamma(order, 1.0 - x) - cotangent_derivative(n, x);
    }
    let factorial = |k: i32| (1..=k).map(f64::from).product::<f64>();
    // ψ⁽ⁿ⁾(x) = ψ⁽ⁿ⁾(x + 1) − (−1)ⁿ n! / xⁿ⁺¹ until the series converges fast.
    let (mut shifted, mut sum) = (x, 0.0);
    while shifted < f64::from(16 + n) {
        sum += shifted.powi(-(n + 1));
        shifted += 1.0;
    }
    let recurrence = sign * factorial(n) * sum;
    let square = 1.0 / (shifted * shifted);
    if n == 0 {
        let mut series = 0.0;
        for (k, bernoulli) in BERNOULLI.iter().enumerate().rev() {
            series = (series + bernoulli / (2.0 * (k as f64 + 1.0))) * square;
        }
        return recurrence + shifted.ln() - 0.5 / shifted - series;
    }
    // (2k + n − 1)! / (2k)! B₂ₖ / x²ᵏ, summed from the smallest.
    let mut series = 0.0;
    for (k, bernoulli) in BERNOULLI.iter().enumerate().rev() {
        let even = 2 * (k as i32 + 1);
        let ratio: f64 = (even + 1..even + n).map(f64::from).product();
        series += ratio * bernoulli * square.powi(even / 2);
    }
    let lead = factorial(n - 1) + 0.5 * factorial(n) / shifted;
    recurrence + sign * (lead + series) * shifted.powi(-n)
}

/// dⁿ/dxⁿ π cot πx = πⁿ⁺¹ Pₙ(cot πx), where P₀(c) = c and Pₙ₊₁ = −(1 + c²) Pₙ'.
fn cotangent_derivative(n: i32, x: f64) -> f64 {
    let mut poly = vec![0.0, 1.0];
    for _ in 0..n {
        let mut next = vec![0.0; poly.len() + 1];
        for (power, coefficient) in poly.iter().enumerate().skip(1) {
            let slope = power as f64 * coefficient;
            next[power - 1] -= slope;
            next[power + 1] -= slope;
        }
        poly = next;
    }
    let c = 1.0 / (PI * (x - x.round())).tan();
    PI.powi(n + 1) * poly.iter().rev().fold(0.0, |value, coefficient| value * c + coefficient)
}
