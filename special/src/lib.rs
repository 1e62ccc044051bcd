//! Special functions on doubles, with the derivatives by shapes that have no closed form.
//!
//! Logarithms are primary where a function under- or overflows: densities, distribution functions and their
//! derivatives are asked for in the tails. `tests/table.rs` holds every function to values computed with
//! forty digits; the accuracy reached stands there. NaN in, NaN out; NaN outside the domain.

mod bessel;
mod beta;
mod gamma;
mod jet;
mod normal;
mod von_mises;

pub use bessel::log_bessel_i;
pub use beta::{lbeta, log_inc_beta, log_inc_beta_slopes};
pub use gamma::{lgamma, log_gamma_p, log_gamma_p_slopes, log_gamma_q, log_gamma_q_slopes, polygamma};
pub use normal::{erf, erfc, inv_phi, inverse_mills, log_phi, owens_t};
pub use von_mises::{von_mises_cdf, von_mises_cdf_by_kappa};

/// `log(1 − e^x)` for x ≤ 0.
pub fn log1m_exp(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}
