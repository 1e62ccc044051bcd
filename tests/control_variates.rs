//! What is trained beside the objective: control variates and baselines lower the variance, and move no mean.

use vary_runtime::fit::Estimator;
use verify::program::Program;
use verify::statistics::Batches;

/// E[(b − t)²], b ~ flip(p), by the logit of p (Tucker et al. 2017, §5.1).
fn toy(strategy: &str, p: f64, t: f64) -> Program {
    let text = format!(
        "param p: unit = {p}\nparam w: real = 0\n\
         fit: minimize expect {{ b ~ flip.{strategy}; (real(b) - {t})^2 }} {{ }}\n"
    );
    Program::new(&text, None).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// Mean and variance of the gradient by p of two draws at p, after training all but p by steps of this rate.
fn trained(program: &Program, p: f64, rate: f64) -> Batches {
    let mut estimator = program.estimator(2, 1, 1).expect("it runs");
    let mut at = vec![0.0; program.dimension()];
    let place = program.position("p");
    at[place] = (p / (1.0 - p)).ln();
    let mut gradient = vec![0.0; at.len()];
    // `Program` leaves signs as they are: the objective is minimised, and so are auxiliary losses.
    for step in 0..4000 {
        estimator.step(&at, step, &mut gradient);
        for (entry, slope) in gradient.iter().enumerate().filter(|(entry, _)| *entry != place) {
            at[entry] -= rate * slope;
        }
    }
    let mut found = Batches::default();
    for step in 0..20_000 {
        estimator.step(&at, 1_000_000 + step, &mut gradient);
        found.add(gradient[place]);
    }
    found
}

/// The variance of the gradient of one draw; its mean must be the derivative p(1 − p)(1 − 2t).
fn variance(strategy: &str, p: f64, t: f64, rate: f64) -> f64 {
    let found = trained(&toy(strategy, p, t), p, rate);
    let exact = p * (1.0 - p) * (1.0 - 2.0 * t);
    let z = (found.mean() - exact).abs() / found.se();
    assert!(
        z < 4.5,
        "{strategy}, p = {p}, t = {t}: {} ± {} where {exact} is expected",
        found.mean(),
        found.se()
    );
    2.0 * 20_000.0 * found.se().powi(2)
}

#[test]
fn two_draws_as_baselines_have_less_variance_than_none() {
    for p in [0.1, 0.3, 0.5, 0.7, 0.9] {
        let (others, plain) = (variance("rloo(p)", p, 0.45, 0.0), variance("reinforce(p)", p, 0.45, 0.0));
        assert!(others < plain, "p = {p}: rloo {others}, reinforce {plain}");
    }
}

#[test]
fn control_variates_halve_the_variance_and_more() {
    let plain = variance("reinforce(p)", 0.5, 0.1, 0.0);
    let rebar = variance("rebar(p)", 0.5, 0.1, 0.5);
    let relax = variance("relax(p)", 0.5, 0.1, 0.5);
    println!("at 0.1: reinforce {plain}, rebar {rebar}, relax {relax}");
    assert!(rebar < plain / 2.0, "rebar {rebar}, reinforce {plain}");
    assert!(relax < plain / 2.0, "relax {relax}, reinforce {plain}");
    let (relax, plain) = (variance("relax(p)", 0.5, 0.45, 0.5), variance("reinforce(p)", 0.5, 0.45, 0.0));
    println!("at 0.45: reinforce {plain}, relax {relax}");
    assert!(relax < plain, "at 0.45: relax {relax}, reinforce {plain}");
}

#[test]
fn a_learned_baseline_is_the_mean_cost_and_lowers_the_variance() {
    let (p, t) = (0.3, 0.1);
    let program = toy("reinforce(p, baseline = w)", p, t);
    let mut estimator = program.estimator(10, 1, 1).expect("it runs");
    let mut at = vec![0.0; program.dimension()];
    let (place, own) = (program.position("p"), program.position("w"));
    at[place] = (p / (1.0_f64 - p)).ln();
    let mut gradient = vec![0.0; at.len()];
    let mut average = 0.0;
    for step in 0..4000 {
        estimator.step(&at, step, &mut gradient);
        at[own] -= 0.02 * gradient[own];
        if step >= 1000 {
            average += at[own] / 3000.0;
        }
    }
    let mean = p * (1.0 - t) * (1.0 - t) + (1.0 - p) * t * t;
    assert!((average - mean).abs() < 0.01, "{average} where {mean} is expected");
    let plain = variance("reinforce(p)", p, t, 0.0);
    let learned = variance("reinforce(p, baseline = w)", p, t, 0.02);
    assert!(learned < plain, "learned {learned}, none {plain}");
}

/// The derivative by the logit of p with p at 0.3 and t at 0.45, and its standard error.
fn relaxed(strategy: &str) -> (f64, f64) {
    let found = trained(&toy(strategy, 0.3, 0.45), 0.3, 0.0);
    (found.mean(), found.se())
}

#[test]
fn a_relaxation_is_biased_and_less_so_the_cooler() {
    let exact = 0.3 * 0.7 * (1.0 - 0.9);
    let off = |temperature: f64| {
        let (mean, se) = relaxed(&format!("gumbel_softmax(p, temperature = {temperature})"));
        ((mean - exact).abs(), se)
    };
    let (warm, cold) = (off(0.5), off(0.1));
    assert!(warm.0 > 10.0 * warm.1 && warm.0 > 2.0 * cold.0 + 5.0 * cold.1, "{warm:?}, {cold:?}");
    let (mean, se) = relaxed("straight_through(p)");
    assert!((mean - exact).abs() > 10.0 * se, "straight through {mean} ± {se}, exact {exact}");
}
