//! Programs whose answer is known by hand.

use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::{self, Options, Session};
use vary_runtime::data;

/// The elbo of `model` with a latent `w` whose guide is its prior: the log likelihood of the data, exactly.
fn log_likelihood(declarations: &str, model: &str) -> f64 {
    let text = format!(
        "{declarations}\nmodel m {{\n  w ~ normal(0, 1)\n{model}\n}}\nguide q {{ w ~ normal(0, 1) }}\n\
         fit: maximize elbo(m, q) {{ steps = 1, samples = 4 }}\n"
    );
    let mut session = Session::new("program.ppl", &text, &|_| Err("no imports here".to_string()));
    let declared = session::declared(&mut session.unit);
    let values = data::read(&declared, &[]).expect("the data has defaults");
    let prepared = session.prepare(None, &values, &Options::default(), Instant::now());
    let found = vary_diagnostic::render(&session.unit.sources, &session.unit.diagnostics, false);
    let Ok(prepared) = prepared else { panic!("{found}") };
    match prepared.run(&mut (), &AtomicBool::new(false)) {
        Ok(ended) => ended.report.objectives[0].mean,
        Err(diagnostic) => panic!("{}", diagnostic.message),
    }
}

/// log N(x; 0, 1) summed over these residuals.
fn normal(residuals: &[f64]) -> f64 {
    let constant = 0.5 * (2.0 * std::f64::consts::PI).ln();
    residuals.iter().map(|r| -0.5 * r * r - constant).sum()
}

const MATRICES: &str = "data a: real[2, 2] = [[1, 2], [3, 4]]\ndata y: real[2, 2] = [[1, 3], [2, 4.5]]\n";

#[test]
fn swapped_indices_transpose() {
    let model = "  plate i in 0..2 { plate j in 0..2 { y[i, j] ~ normal(a[j, i], 1) } }";
    let found = log_likelihood(MATRICES, model);
    assert!((found - normal(&[0.0, 0.0, 0.0, 0.5])).abs() < 1e-12, "{found}");
}

#[test]
fn an_array_read_whole_in_its_own_plate_is_whole() {
    let data = "data y: real[3] = [1, 2, 4]\ndata z: real[3] = [7, 14, 28]\n";
    let found = log_likelihood(data, "  plate i in 0..3 { z[i] ~ normal(y[i] * sum(y), 1) }");
    assert!((found - normal(&[0.0, 0.0, 0.0])).abs() < 1e-12, "{found}");
}

#[test]
fn a_loop_of_no_steps_leaves_its_carry() {
    let data = "data n: int = 0\ndata y: real = 2\n";
    let model = "  for t in 0..n with (s = 1.5) { next s = s + 1 }\n  y ~ normal(s, 1)";
    assert!((log_likelihood(data, model) - normal(&[0.5])).abs() < 1e-12);
}
