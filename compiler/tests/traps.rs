//! Mistakes that systems of this kind have made, each with the right answer.

use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::gradcheck::{Asked, GradCheck};
use vary_compiler::session::{self, Options, Prepared, Session};
use vary_runtime::data;

fn prepared(text: &str) -> Prepared {
    let mut session = Session::new("program.ppl", text, &|_| Err("no imports here".to_string()));
    let declared = session::declared(&mut session.unit);
    let values = data::read(&declared, &[]).expect("the data has defaults");
    let prepared = session.prepare(None, &values, &Options::default(), Instant::now());
    let found = vary_diagnostic::render(&session.unit.sources, &session.unit.diagnostics, false);
    prepared.unwrap_or_else(|_| panic!("{found}"))
}

fn gradcheck(text: &str) -> GradCheck {
    let asked = Asked { after: 0, gradients: 20_000, rank: false };
    let all = prepared(text).gradcheck(&asked).unwrap_or_else(|diagnostic| panic!("{}", diagnostic.message));
    all.into_iter().next().expect("an objective")
}

const STRATEGIES: [&str; 4] = [
    "enum(0.3 + 0.4 * p)",
    "mvd(0.3 + 0.4 * p)",
    "reinforce(0.3 + 0.4 * p)",
    "reinforce(0.3 + 0.4 * p, baseline = -1)",
];

/// A discrete latent, with its guide by every strategy.
fn discrete(objective: &str) -> impl Iterator<Item = (String, GradCheck)> {
    STRATEGIES.into_iter().map(move |strategy| {
        let text = format!(
            "data y: real = 1.2\nparam p: unit = 0.4\n\
             model m {{ k ~ flip(0.3); y ~ normal(if k {{ 2.0 }} else {{ 0.0 }}, 1) }}\n\
             guide g {{ k ~ flip.{strategy} }}\nfit: maximize {objective} {{ samples = 8 }}\n"
        );
        (strategy.to_string(), gradcheck(&text))
    })
}

/// The gradients of multi-sample objectives by discrete sites are there, and right.
#[test]
fn multi_sample_gradients_of_discrete_sites_are_not_zero() {
    for objective in ["iwelbo(m, g, n = 2)", "renyi(m, g, alpha = 0.5, n = 2)"] {
        for (strategy, found) in discrete(objective) {
            let entry = &found.entries[0];
            assert_eq!(found.biased().count(), 0, "{objective}, {strategy}: {entry:?}");
            assert!(
                entry.mean.abs() > 6.0 * entry.se && entry.reference.abs() > 1e-3,
                "{objective} {entry:?}"
            );
        }
    }
}

/// At p = 0 and p = 1 a flip has one possible value: the other counts nothing, whatever it costs.
#[test]
fn flips_that_are_certain_have_finite_values_and_gradients() {
    for strategy in ["enum", "mvd", "rloo", "reinforce"] {
        for (start, log_joint) in [("0.0", 0.7_f64.ln() - 0.5 * 1.44), ("1.0", 0.3_f64.ln() - 0.5 * 0.64)] {
            let text = format!(
                "data y: real = 1.2\nparam w: real = {start}\n\
                 model m {{ k ~ flip(0.3); y ~ normal(if k {{ 2.0 }} else {{ 0.0 }}, 1) }}\n\
                 guide g {{ k ~ flip.{strategy}(clamp(w, 0, 1)) }}\nfit: maximize elbo(m, g) {{ samples = 4, steps = 1 }}\n"
            );
            let exact = log_joint - 0.5 * (2.0 * std::f64::consts::PI).ln();
            let found = gradcheck(&text);
            assert!(
                (found.objective.0 - exact).abs() < 1e-12,
                "{strategy} at {start}: {:?}",
                found.objective
            );
            assert!(found.entries[0].mean.is_finite(), "{strategy} at {start}: {:?}", found.entries);
            assert!(prepared(&text).run(&mut (), &AtomicBool::new(false)).is_ok());
        }
    }
}

/// An alternative that cannot happen may cost anything: −∞, a NaN, or an infinite derivative.
#[test]
fn impossible_alternatives_give_no_nan() {
    for (cost, slope) in [("log(w - 1)", 0.0), ("sqrt(w - 2)", 0.0), ("sqrt(abs(w - 1))", 0.0), ("w^2", 1.0)]
    {
        let text = format!(
            "param w: real = 1\n\
             fit: maximize expect {{ k ~ categorical.enum([max(1 - w, 0), min(w, 1)]); \
             if k == 0 {{ {cost} }} else {{ 3 * w }} }} {{ samples = 1 }}\n"
        );
        let found = gradcheck(&text);
        assert!((found.objective.0 - 3.0).abs() < 1e-12, "{cost}: {:?}", found.objective);
        let gradient = found.entries[0].mean;
        // 3 from the possible one, and what the weights say: max(1 − w, 0)' · cost + min(w, 1)' · 3w.
        assert!(gradient.is_finite() && (gradient - 3.0).abs() <= 3.0 + slope, "{cost}: {gradient}");
    }
}

/// A branch on a value that is differentiated would lose a derivative: it is refused.
#[test]
fn a_branch_on_a_reparameterised_value_is_refused() {
    let text = "model m { x ~ normal(0, 1); factor(if x > 0 { 1.0 } else { 0.0 }) }\n\
                guide g { param a: real; x ~ normal.reparam(a, 1) }\nfit: maximize elbo(m, g)\n";
    let mut session = Session::new("program.ppl", text, &|_| Err("no imports here".to_string()));
    session.check();
    assert!(session.unit.diagnostics.iter().any(|found| found.code.0 == "E0501"));
}

/// The variance of one draw's gradient of E[(b − t)²] by the logit of p, t = 0.45 (Tucker et al. 2017), by a strategy.
fn toy_variance(strategy: &str, p: f64) -> f64 {
    let text = format!(
        "param p: unit = {p}\nfit: minimize expect {{ b ~ flip.{strategy}(p); (real(b) - 0.45)^2 }} {{ samples = 2 }}\n"
    );
    let found = gradcheck(&text);
    assert_eq!(found.biased().count(), 0, "{strategy} at {p}: {:?}", found.entries);
    found.entries[0].variance
}

/// A strategy with less variance where it is promised: enum none at all, two draws each other's baseline less than none.
#[test]
fn baselines_lower_the_variance() {
    for tenth in 1..10 {
        let p = f64::from(tenth) / 10.0;
        let [exact, others, plain] = ["enum", "rloo", "reinforce"].map(|strategy| toy_variance(strategy, p));
        assert!(exact < 1e-20 && others < plain, "p = {p}: enum {exact}, rloo {others}, reinforce {plain}");
    }
}
