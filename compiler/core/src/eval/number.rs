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
            (Require, [c, a]) => {
                if *c != 0.0 {
                    *a
                } else {
                    f64::NAN
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Order, argument, value to twenty digits (computed with mpmath).
    #[rustfmt::skip]
    #[allow(clippy::excessive_precision)]
    const POLYGAMMA: [(u8, f64, f64); 42] = [
        (0, 0.001, -1000.5755719318103005), (0, 0.5, -1.9635100260214234794), (0, 1.0, -0.57721566490153286061),
        (0, 2.75, 0.81890102497543259228), (0, 7.5, 1.9467574842460867881), (0, 60.25, 4.0901808613704744918),
        (0, -0.3, 2.1133097796353987186),
        (1, 0.001, 1000001.642533195869), (1, 0.5, 4.9348022005446793094), (1, 1.0, 1.6449340668482264365),
        (1, 2.75, 0.43757125764893076144), (1, 7.5, 0.14261589669670379977), (1, 60.25, 0.01673601104646295912),
        (1, -0.3, 13.945160267805721738),
        (2, 0.001, -2000000002.3976322897), (2, 0.5, -16.828796644234319996), (2, 1.0, -2.4041138063191885708),
        (2, 2.75, -0.18871463303130122305), (2, 7.5, -0.020305252536644664065),
        (2, 60.25, -0.00028008752918283445324), (2, -0.3, 67.639081199883151529),
        (3, 0.001, 6000000000006.4691141), (3, 0.5, 97.409091034002437236), (3, 1.0, 6.4939394022668291491),
        (3, 2.75, 0.16061612748946936705), (3, 7.5, 0.0057724366565786937067),
        (3, 60.25, 9.3746584296993090695e-6), (3, -0.3, 766.61989041916847231),
        (4, 0.001, -24000000000000024.765), (4, 0.5, -771.47424982666722519), (4, 1.0, -24.886266123440878232),
        (4, 2.75, -0.20255547337157308639), (4, 7.5, -0.0024574829893685549885),
        (4, 60.25, -4.7065021421202233951e-7), (4, -0.3, 9731.8349562335185999),
        (5, 0.001, 1.2000000000000000012e+20), (5, 0.5, 7691.1135486024354962), (5, 1.0, 122.08116743813389677),
        (5, 2.75, 0.33680868155027719489), (5, 7.5, 0.0013927076560043098558),
        (5, 60.25, 3.150428845953576609e-8), (5, -0.3, 165634.38185208585835),
    ];

    #[test]
    fn polygamma_is_accurate() {
        for (order, x, expected) in POLYGAMMA {
            let found = polygamma(order, x);
            let tolerance = if x > 0.0 { 1e-12 } else { 1e-11 };
            assert!((found / expected - 1.0).abs() < tolerance, "ψ{order}({x}) = {found}, not {expected}");
        }
        assert!(polygamma(0, -2.0).is_nan());
        assert_eq!(polygamma(1, 0.0), f64::INFINITY);
    }

    #[test]
    fn edge_cases_follow_the_specification() {
        let infinity = f64::INFINITY;
        for (prim, operands, expected) in [
            (Prim::Round, vec![-2.5], -3.0),
            (Prim::IntDiv, vec![-7.0, 2.0], -4.0),
            (Prim::Rem, vec![-7.0, 3.0], 2.0),
            (Prim::Rem, vec![7.0, -3.0], -2.0),
            (Prim::XLogY, vec![0.0, 0.0], 0.0),
            (Prim::Softplus, vec![1000.0], 1000.0),
            (Prim::Softplus, vec![-1000.0], 0.0),
            (Prim::Sigmoid, vec![-1000.0], 0.0),
            (Prim::Log, vec![0.0], -infinity),
            (Prim::Sign, vec![0.0], 0.0),
            (Prim::Select, vec![1.0, 2.0, f64::NAN], 2.0),
        ] {
            assert_eq!(prim.eval(&operands), expected, "{} of {operands:?}", prim.name());
        }
        assert!(Prim::Max.eval(&[1.0, f64::NAN]).is_nan());
    }
}
