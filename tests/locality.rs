//! Costs are local: what does not depend on a site adds nothing to the variance of its gradient (Rao–Blackwell).

use vary_runtime::fit::Estimator;
use verify::program::Program;
use verify::statistics::Batches;

const STEPS: u64 = 8000;

/// The variance of the gradient by the first row's logit, among so many rows.
fn variance(strategy: &str, rows: usize, cost: &str) -> f64 {
    let text = format!(
        "data n: int = {rows}\n\
         guide q {{\n  param l: real[n]\n  plate i in 0..n {{ x[i] ~ {strategy} }}\n}}\n\
         objective cost(q: program) = expect {{\n  let (t, _) = simulate(q)\n  {cost}\n}}\n\
         fit: minimize cost(q) {{ }}\n"
    );
    let program = Program::with(&text, None, Some(&format!("{{\"n\": {rows}}}")), Default::default())
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let mut estimator = program.estimator(4, 1, 1).expect("it runs");
    let at: Vec<f64> = (0..program.dimension()).map(|entry| 0.3 - 0.1 * (entry % 7) as f64).collect();
    let place = program.position("l");
    let mut gradient = vec![0.0; at.len()];
    let mut found = Batches::default();
    for step in 0..STEPS {
        estimator.step(&at, step, &mut gradient);
        found.add(gradient[place]);
    }
    STEPS as f64 * found.se().powi(2)
}

const SUM: &str = "sum((2 + real(t.x))^2)";

#[test]
fn rows_add_nothing_to_the_variance_of_another_row() {
    for strategy in [
        "flip.reinforce(sigmoid(l[i]))",
        "flip.reinforce(sigmoid(l[i]), baseline = moving_average(0.9))",
        "flip.rloo(sigmoid(l[i]))",
        "flip.rloo(sigmoid(l[i]), copies = 2)",
        "flip.mvd(sigmoid(l[i]))",
        "flip.rebar(sigmoid(l[i]))",
        "poisson.reinforce(exp(l[i]))",
    ] {
        let (alone, among) = (variance(strategy, 1, SUM), variance(strategy, 40, SUM));
        // Costs of forty rows would make it a thousand times as large.
        let ratio = among / alone;
        assert!((0.5..2.0).contains(&ratio) || alone.max(among) < 1e-20, "{strategy}: {alone}, {among}");
    }
}

#[test]
fn rows_that_are_not_told_apart_do() {
    let whole = "log_mean_exp((2 + real(t.x))^2) * n";
    let (alone, among) = (
        variance("flip.reinforce(sigmoid(l[i]))", 1, whole),
        variance("flip.reinforce(sigmoid(l[i]))", 40, whole),
    );
    assert!(among > 10.0 * alone, "{alone}, {among}");
}
