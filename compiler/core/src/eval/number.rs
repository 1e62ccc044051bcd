//! The meaning of primitives on numbers: bools are 0 and 1, ints whole reals.

use crate::prim::Prim;
use vary_special as special;

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
            (Lgamma, [a]) => special::lgamma(*a),
            (Polygamma(order), [a]) => special::polygamma(order, *a),
            (Erf, [a]) => special::erf(*a),
            (Erfc, [a]) => special::erfc(*a),
            (LogPhi, [a]) => special::log_phi(*a),
            (InverseMills, [a]) => special::inverse_mills(*a),
            (InvPhi, [a]) => special::inv_phi(*a),
            (Log1mExp, [a]) => special::log1m_exp(*a),
            (Lbeta, [a, b]) => special::lbeta(*a, *b),
            (LogBesselI, [v, x]) => special::log_bessel_i(*v, *x),
            (OwensT, [h, a]) => special::owens_t(*h, *a),
            (VonMisesCdf, [x, kappa]) => special::von_mises_cdf(*x, *kappa),
            (VonMisesCdfByKappa, [x, kappa]) => special::von_mises_cdf_by_kappa(*x, *kappa),
            (LogGammaP, [a, x]) => special::log_gamma_p(*a, *x),
            (LogGammaPBy(by), [a, x]) => special::log_gamma_p_slopes(*a, *x)[usize::from(by)],
            (LogGammaQ, [a, x]) => special::log_gamma_q(*a, *x),
            (LogGammaQBy(by), [a, x]) => special::log_gamma_q_slopes(*a, *x)[usize::from(by)],
            (LogIncBeta, [a, b, x]) => special::log_inc_beta(*a, *b, *x),
            (LogIncBetaBy(by), [a, b, x]) => special::log_inc_beta_slopes(*a, *b, *x)[usize::from(by)],
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
            (XMulY, [a, _]) if *a == 0.0 => 0.0,
            (XMulY, [a, b]) => a * b,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_cases_follow_the_specification() {
        let infinity = f64::INFINITY;
        for (prim, operands, expected) in [
            (Prim::Round, vec![-2.5], -3.0),
            (Prim::IntDiv, vec![-7.0, 2.0], -4.0),
            (Prim::Rem, vec![-7.0, 3.0], 2.0),
            (Prim::Rem, vec![7.0, -3.0], -2.0),
            (Prim::XLogY, vec![0.0, 0.0], 0.0),
            (Prim::XMulY, vec![0.0, -infinity], 0.0),
            (Prim::XMulY, vec![1.0, -infinity], -infinity),
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
