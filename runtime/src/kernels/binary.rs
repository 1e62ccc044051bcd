//! Pointwise functions of two operands.

use super::nest::Nest;
use super::special;
use crate::program::Binary;

/// `out = op(a, b)`
pub(crate) fn run(op: Binary, nest: &Nest<3>, out: &mut [f64], a: &[f64], b: &[f64]) {
    match op {
        Binary::Add => each(nest, out, a, b, |a, b| a + b),
        Binary::Sub => each(nest, out, a, b, |a, b| a - b),
        Binary::Mul => each(nest, out, a, b, |a, b| a * b),
        Binary::Div => each(nest, out, a, b, |a, b| a / b),
        Binary::IntDiv => each(nest, out, a, b, |a, b| (a / b).floor()),
        Binary::Rem => each(nest, out, a, b, special::remainder),
        Binary::Pow => each(nest, out, a, b, f64::powf),
        Binary::Max => each(nest, out, a, b, special::max),
        Binary::Min => each(nest, out, a, b, special::min),
        Binary::Atan2 => each(nest, out, a, b, f64::atan2),
        Binary::XLogY => each(nest, out, a, b, special::xlogy),
        Binary::XMulY => each(nest, out, a, b, special::xmuly),
        Binary::Require => each(nest, out, a, b, |holds, x| if holds != 0.0 { x } else { f64::NAN }),
        Binary::Lbeta => each(nest, out, a, b, vary_special::lbeta),
        Binary::LogBesselI => each(nest, out, a, b, vary_special::log_bessel_i),
        Binary::OwensT => each(nest, out, a, b, vary_special::owens_t),
        Binary::VonMisesCdf => each(nest, out, a, b, vary_special::von_mises_cdf),
        Binary::VonMisesCdfByKappa => each(nest, out, a, b, vary_special::von_mises_cdf_by_kappa),
        Binary::LogGammaP => each(nest, out, a, b, vary_special::log_gamma_p),
        Binary::LogGammaPBy(by) => {
            each(nest, out, a, b, |a, x| vary_special::log_gamma_p_slopes(a, x)[usize::from(by)]);
        }
        Binary::LogGammaQ => each(nest, out, a, b, vary_special::log_gamma_q),
        Binary::LogGammaQBy(by) => {
            each(nest, out, a, b, |a, x| vary_special::log_gamma_q_slopes(a, x)[usize::from(by)]);
        }
        Binary::Lt => each(nest, out, a, b, |a, b| bit(a < b)),
        Binary::Le => each(nest, out, a, b, |a, b| bit(a <= b)),
        Binary::Eq => each(nest, out, a, b, |a, b| bit(a == b)),
        Binary::Ne => each(nest, out, a, b, |a, b| bit(a != b)),
        Binary::And => each(nest, out, a, b, |a, b| bit(a != 0.0 && b != 0.0)),
        Binary::Or => each(nest, out, a, b, |a, b| bit(a != 0.0 || b != 0.0)),
    }
}

fn bit(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Inner loops where operands are contiguous or constant, and a general one.
#[inline(always)]
fn each(nest: &Nest<3>, out: &mut [f64], a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) {
    let (n, [so, sa, sb]) = (nest.inner, nest.strides);
    nest.each(|[o, p, q]| match (so, sa, sb) {
        (1, 1, 1) => {
            let (a, b) = (&a[p..p + n], &b[q..q + n]);
            out[o..o + n].iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = f(*a, *b));
        }
        (1, 1, 0) => {
            let b = b[q];
            out[o..o + n].iter_mut().zip(&a[p..p + n]).for_each(|(out, a)| *out = f(*a, b));
        }
        (1, 0, 1) => {
            let a = a[p];
            out[o..o + n].iter_mut().zip(&b[q..q + n]).for_each(|(out, b)| *out = f(a, *b));
        }
        _ => (0..n).for_each(|i| out[o + i * so] = f(a[p + i * sa], b[q + i * sb])),
    });
}
