//! Every function against `verify/tables/special.json`, values to forty digits by mpmath.

use serde_json::Value;
use std::collections::BTreeMap;
use vary_special::*;

/// The largest error over max(1, |value|) that each function may show.
const TOLERANCE: f64 = 1e-12;

fn call(function: &str, at: &[f64]) -> f64 {
    match (function, at) {
        ("erf", [x]) => erf(*x),
        ("erfc", [x]) => erfc(*x),
        ("log_phi", [x]) => log_phi(*x),
        ("inverse_mills", [x]) => inverse_mills(*x),
        ("inv_phi", [p]) => inv_phi(*p),
        ("log1m_exp", [x]) => log1m_exp(*x),
        ("lgamma", [x]) => lgamma(*x),
        ("digamma", [x]) => polygamma(0, *x),
        ("trigamma", [x]) => polygamma(1, *x),
        ("lbeta", [a, b]) => lbeta(*a, *b),
        ("log_gamma_p", [a, x]) => log_gamma_p(*a, *x),
        ("log_gamma_q", [a, x]) => log_gamma_q(*a, *x),
        ("log_gamma_p_by_a", [a, x]) => log_gamma_p_slopes(*a, *x)[0],
        ("log_gamma_p_by_x", [a, x]) => log_gamma_p_slopes(*a, *x)[1],
        ("log_gamma_q_by_a", [a, x]) => log_gamma_q_slopes(*a, *x)[0],
        ("log_gamma_q_by_x", [a, x]) => log_gamma_q_slopes(*a, *x)[1],
        ("log_inc_beta", [a, b, x]) => log_inc_beta(*a, *b, *x),
        ("log_inc_beta_by_a", [a, b, x]) => log_inc_beta_slopes(*a, *b, *x)[0],
        ("log_inc_beta_by_b", [a, b, x]) => log_inc_beta_slopes(*a, *b, *x)[1],
        ("log_inc_beta_by_x", [a, b, x]) => log_inc_beta_slopes(*a, *b, *x)[2],
        ("log_bessel_i", [v, x]) => log_bessel_i(*v, *x),
        ("owens_t", [h, a]) => owens_t(*h, *a),
        ("von_mises_cdf", [x, k]) => von_mises_cdf(*x, *k),
        ("von_mises_cdf_by_kappa", [x, k]) => von_mises_cdf_by_kappa(*x, *k),
        _ => panic!("{function} of {} operands is not known", at.len()),
    }
}

#[test]
fn functions_are_accurate() {
    let rows: Vec<(String, Vec<f64>, f64)> =
        serde_json::from_str::<Vec<Value>>(include_str!("../../verify/tables/special.json"))
            .unwrap()
            .into_iter()
            .map(|row| serde_json::from_value(row).unwrap())
            .collect();
    assert!(rows.len() > 1000);
    let mut worst: BTreeMap<&str, (f64, String)> = BTreeMap::new();
    for (function, at, expected) in &rows {
        let found = call(function, at);
        let error = (found - expected).abs() / expected.abs().max(1.0);
        let error = if error.is_nan() { f64::INFINITY } else { error };
        let entry = worst.entry(function).or_insert((-1.0, String::new()));
        if error > entry.0 {
            *entry = (error, format!("{at:?}: {found}, not {expected}"));
        }
    }
    for (function, (error, place)) in &worst {
        println!("{function:20} {error:.1e} {place}");
    }
    for (function, (error, place)) in worst {
        assert!(error <= TOLERANCE, "{function} is off by {error:.1e} at {place}");
    }
}
