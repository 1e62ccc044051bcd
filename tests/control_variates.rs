//! What is trained beside the objective: control variates and baselines lower the variance, and move no mean.

use vary_runtime::fit::{Adam, Estimator, Optimizer, Sense};
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

/// E[(v_c − t)²], c a choice among three, by its logits.
fn toy_choice(strategy: &str, t: f64) -> Program {
    let text = format!(
        "param l: real[3] = 0\nparam w: real = 0\nlet v = [0.0, 0.3, 1.0]\n\
         fit: minimize expect {{ c ~ categorical_logits.{strategy}; (v[c] - {t})^2 }} {{ }}\n"
    );
    Program::new(&text, None).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// The gradients by a parameter of two draws at some values, after training all else by Adam at this rate.
fn trained(program: &Program, name: &str, values: &[f64], rate: f64) -> Vec<Batches> {
    let mut estimator = program.estimator(2, 1, 1).expect("it runs");
    let mut at = vec![0.0; program.dimension()];
    let place = program.position(name);
    let held = place..place + values.len();
    at[held.clone()].copy_from_slice(values);
    let mut gradient = vec![0.0; at.len()];
    // `Program` leaves signs as they are: the objective is minimised, and so are auxiliary losses.
    if rate > 0.0 {
        let count = at.len();
        let mut adam = Adam::new(rate, Adam::B1, Adam::B2, Adam::EPS, count).expect("valid settings");
        let all: Vec<_> = std::iter::once(0..count).collect();
        for step in 0..4000 {
            estimator.step(&at, step, &mut gradient);
            gradient[held.clone()].fill(0.0);
            adam.update(&mut at, &gradient, &all, Sense::Minimize);
        }
    }
    let mut found = vec![Batches::default(); values.len()];
    for step in 0..20_000 {
        estimator.step(&at, 1_000_000 + step, &mut gradient);
        found.iter_mut().zip(&gradient[held.clone()]).for_each(|(one, slope)| one.add(*slope));
    }
    found
}

/// The variance of the gradient of one draw, summed over its entries; its mean must be the exact one.
fn total_variance(what: &str, found: &[Batches], exact: &[f64]) -> f64 {
    for (found, exact) in found.iter().zip(exact) {
        let (mean, se) = (found.mean(), found.se());
        assert!((mean - exact).abs() < 4.5 * se, "{what}: {mean} ± {se} where {exact} is expected");
    }
    found.iter().map(|one| 2.0 * 20_000.0 * one.se().powi(2)).sum()
}

/// The variance of the gradient of one draw; its mean must be the derivative p(1 − p)(1 − 2t).
fn variance(strategy: &str, p: f64, t: f64, rate: f64) -> f64 {
    let found = trained(&toy(strategy, p, t), "p", &[(p / (1.0 - p)).ln()], rate);
    total_variance(&format!("{strategy}, p = {p}, t = {t}"), &found, &[p * (1.0 - p) * (1.0 - 2.0 * t)])
}

/// Logits of a choice, and the gradient p_j (f_j − E f) of its expected cost.
fn choice(t: f64) -> ([f64; 3], [f64; 3]) {
    let logits: [f64; 3] = [0.4, -0.3, 0.1];
    let total: f64 = logits.iter().map(|l| l.exp()).sum();
    let costs = [0.0, 0.3, 1.0].map(|v: f64| (v - t).powi(2));
    let mean: f64 = logits.iter().zip(costs).map(|(l, cost)| l.exp() / total * cost).sum();
    let exact = [0, 1, 2].map(|j| logits[j].exp() / total * (costs[j] - mean));
    (logits, exact)
}

fn variance_of_choice(strategy: &str, t: f64, rate: f64) -> f64 {
    let (logits, exact) = choice(t);
    let found = trained(&toy_choice(strategy, t), "l", &logits, rate);
    total_variance(&format!("{strategy}, t = {t}"), &found, &exact)
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
    let rebar = variance("rebar(p)", 0.5, 0.1, 0.01);
    let relax = variance("relax(p)", 0.5, 0.1, 0.01);
    println!("at 0.1: reinforce {plain}, rebar {rebar}, relax {relax}");
    assert!(rebar < plain / 2.0, "rebar {rebar}, reinforce {plain}");
    assert!(relax < plain / 2.0, "relax {relax}, reinforce {plain}");
    let (relax, plain) = (variance("relax(p)", 0.5, 0.45, 0.01), variance("reinforce(p)", 0.5, 0.45, 0.0));
    println!("at 0.45: reinforce {plain}, relax {relax}");
    assert!(relax < plain, "at 0.45: relax {relax}, reinforce {plain}");
}

#[test]
fn control_variates_of_a_choice_halve_the_variance_and_more() {
    for t in [0.1, 1.5] {
        let plain = variance_of_choice("reinforce(l)", t, 0.0);
        let rebar = variance_of_choice("rebar(l)", t, 0.01);
        let relax = variance_of_choice("relax(l)", t, 0.01);
        println!("at {t}: reinforce {plain}, rebar {rebar}, relax {relax}");
        assert!(rebar < plain / 2.0, "at {t}: rebar {rebar}, reinforce {plain}");
        assert!(relax < plain / 2.0, "at {t}: relax {relax}, reinforce {plain}");
    }
}

/// A function of one's own in place of the family of `relax`, of noise that is a number or a vector.
#[test]
fn a_control_of_ones_own_is_trained_on_the_variance() {
    let plain = variance("reinforce(p)", 0.5, 0.1, 0.0);
    let control = "relax(p, control = |z| w * sigmoid(2 * z))";
    let (there, learned) = (variance(control, 0.5, 0.1, 0.0), variance(control, 0.5, 0.1, 0.01));
    println!("reinforce {plain}, at its start {there}, trained {learned}");
    assert!(learned < there && learned < plain / 2.0, "{learned}, {there}, {plain}");
    let plain = variance_of_choice("reinforce(l)", 1.5, 0.0);
    let own = variance_of_choice("relax(l, control = |z| w * dot(softmax(2 * z), v) + 1)", 1.5, 0.01);
    println!("reinforce {plain}, a control of a choice {own}");
    assert!(own < plain / 2.0, "{own}, {plain}");
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
    let found = &trained(&toy(strategy, 0.3, 0.45), "p", &[(0.3_f64 / 0.7).ln()], 0.0)[0];
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

#[test]
fn a_relaxation_of_a_choice_is_biased_and_less_so_the_cooler() {
    let t = 0.6;
    let (logits, exact) = choice(t);
    let off = |strategy: &str| {
        let found = trained(&toy_choice(strategy, t), "l", &logits, 0.0);
        let apart = found.iter().zip(&exact).map(|(one, exact)| (one.mean() - exact).abs());
        (apart.sum::<f64>(), found.iter().map(Batches::se).sum::<f64>())
    };
    let warm = off("gumbel_softmax(l)");
    let cold = off("gumbel_softmax(l, temperature = 0.1)");
    assert!(warm.0 > 10.0 * warm.1 && warm.0 > 2.0 * cold.0 + 5.0 * cold.1, "{warm:?}, {cold:?}");
    let straight = off("straight_through(l)");
    assert!(straight.0 > 5.0 * straight.1, "straight through {straight:?}");
}

/// `x[c]` and `one_hot(c, k)` are relaxed alike: the same numbers, draw by draw.
#[test]
fn a_lookup_is_a_product_with_one_hot() {
    let gradients = |cost: &str, strategy: &str| {
        let text = format!(
            "param l: real[3] = 0\nlet v = [0.0, 0.3, 1.0]\n\
             fit: minimize expect {{ c ~ categorical_logits.{strategy}(l); ({cost} - 0.6)^2 }} {{ }}\n"
        );
        let program = Program::new(&text, None).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let mut estimator = program.estimator(8, 1, 1).expect("it runs");
        let mut gradient = vec![0.0; program.dimension()];
        let value = estimator.step(&vec![0.3; program.dimension()], 0, &mut gradient);
        gradient.push(value);
        gradient
    };
    for strategy in ["gumbel_softmax", "straight_through", "rebar"] {
        let lookup = gradients("v[c]", strategy);
        for cost in ["dot(one_hot(c, 3), v)", "(0.3 * one_hot(c, 3)[1] + one_hot(c, 3)[2])"] {
            let product = gradients(cost, strategy);
            let apart = lookup.iter().zip(&product).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-12, "{strategy}: {lookup:?}, {product:?}");
        }
    }
}
