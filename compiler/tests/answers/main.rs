//! Programs whose answer is known by hand, to the last digits.
//!
//! A table holds programs: `## title`, a program with a model `m` that draws `w ~ normal(0, 1)`, and one of
//!
//! * `//= residuals a b …`: it observes normals of scale one, with these residuals;
//! * `//= value v`: its log density without `w` is v, which may be a sum of numbers and `log(number)`.
//!
//! The guide draws `w` as the model does, so that the objective is the log density of the rest for every draw. A
//! program with a `fit` of its own is taken as it is: the value is its objective's.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::{self, Options, Session};
use vary_runtime::data;
use vary_runtime::fit::{FitReport, PosteriorEntries};

const GUIDE: &str = "guide q { w ~ normal(0, 1) }\nfit: maximize elbo(m, q) { steps = 1, samples = 4 }\n";

/// The program's fit, or what is said instead.
fn fitted(text: &str) -> Result<FitReport, String> {
    let mut session = Session::new("program.ppl", text, &|_| Err("no imports here".to_string()));
    let declared = session::declared(&mut session.unit);
    let values = data::read(&declared, &[]).expect("the data has defaults");
    let prepared = session.prepare(None, &values, &Options::default(), Instant::now());
    let found = vary_diagnostic::render(&session.unit.sources, &session.unit.diagnostics, false);
    let ended = prepared.map_err(|_| found)?.run(&mut (), &AtomicBool::new(false));
    match ended {
        Ok(ended) => Ok(ended.report),
        Err(diagnostic) => Err(diagnostic.message),
    }
}

/// A latent of a known value: like `delta`, but with a density, which is left out.
const AT: &str = "\ndistribution at(v: real) on real {\n  log_density(x) = 0 * x\n  \
                  reparam from e: base_uniform = v + min(e, 0)\n}\n";

/// log N(x; 0, 1) of a residual.
fn normal(residual: f64) -> f64 {
    -0.5 * residual * residual - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

/// A number, `log(number)` or `-log(number)`.
fn number(text: &str) -> f64 {
    if let Some(rest) = text.strip_prefix('-') {
        return -number(rest);
    }
    let inner = text.strip_prefix("log(").and_then(|text| text.strip_suffix(')'));
    let parsed = |text: &str| text.parse::<f64>().unwrap_or_else(|e| panic!("`{text}`: {e}"));
    inner.map_or_else(|| parsed(text), |inner| parsed(inner).ln())
}

/// What a program's last line says its answer is.
fn expected(answer: &str) -> f64 {
    match answer.split_once(' ') {
        Some(("residuals", residuals)) => residuals.split_whitespace().map(|r| normal(number(r))).sum(),
        Some(("value", terms)) => terms.split(" + ").map(|term| number(term.trim())).sum(),
        _ => panic!("`{answer}` says no answer"),
    }
}

/// Every program of a table has its answer.
fn check(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers").join(table);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut wrong = Vec::new();
    for case in text.split("## ").skip(1) {
        let (title, body) = case.split_once('\n').unwrap_or((case, ""));
        let (program, answer) = body.split_once("//= ").unwrap_or_else(|| panic!("{title}: no answer"));
        let guide = if program.contains("\nfit") { "" } else { GUIDE };
        let expected = expected(answer.trim());
        match std::panic::catch_unwind(|| {
            fitted(&format!("{program}{guide}{AT}")).map(|report| report.objectives[0].mean)
        }) {
            Ok(Ok(found)) if (found - expected).abs() < 1e-12 * expected.abs().max(1.0) => {}
            Ok(Ok(found)) => wrong.push(format!("{title}: {found}, not {expected}")),
            Ok(Err(said)) => wrong.push(format!("{title}: {said}")),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().and_then(|said| said.lines().next());
                wrong.push(format!("{title}: panics: {}", said.unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

macro_rules! tables {
    ($($name:ident),*) => { $(#[test] fn $name() { check(concat!(stringify!($name), ".cases")); })* };
}

tables!(kernels, transformed, distributions, submodels, carries, names, matrices, indexing, objectives);

#[test]
fn a_report_under_a_condition_is_over_the_draws_that_have_it() {
    let text = "\
model m { k ~ flip(0.5); if k { x ~ normal(0, 1); report r = 7.0 + real(k); plate i in 0..2 { report s = i + real(k) } } }
guide q { k ~ flip(0.5); if k { x ~ normal(0, 1) } }
fit: maximize elbo(m, q) { steps = 1, samples = 4 }
";
    let report = fitted(text).unwrap_or_else(|said| panic!("{said}"));
    let means = |name: &str| -> Vec<f64> {
        let entries = report.posterior.iter().find(|p| p.name == name).map(|p| &p.entries);
        let Some(PosteriorEntries::Each(all)) = entries else { panic!("no draws of `{name}`") };
        all.iter().map(|summary| summary.mean).collect()
    };
    assert_eq!(means("r"), [8.0]);
    assert_eq!(means("s"), [1.0, 2.0]);
    let share = means("k")[0];
    assert!((share - 0.5).abs() < 0.1, "{share}");
}

#[test]
fn a_relaxed_fit_reports_the_objective_that_is_meant() {
    let text = "\
data y: real = 1
model m { z ~ flip(0.3); y ~ normal(3 * real(z), 1) }
guide q { param p: unit = 0.6; z ~ flip.gumbel_softmax(p, temperature = 0.5) }
fit: maximize elbo(m, q) { steps = 1, samples = 4 }
";
    let report = fitted(text).unwrap_or_else(|said| panic!("{said}"));
    let (objective, p) = (&report.objectives[0], report.parameters[0].1.iter().copied().sum::<f64>());
    let expected =
        p * (0.3_f64.ln() + normal(2.0) - p.ln()) + (1.0 - p) * (0.7_f64.ln() + normal(1.0) - (1.0 - p).ln());
    // A false alarm has probability 6e-7; the relaxed objective is above by 0.5, more than 25 standard errors.
    assert!((objective.mean - expected).abs() < 5.0 * objective.se, "{objective:?}, {expected}");
    assert!(objective.se < 0.02, "{objective:?}");
}

/// A certain flip is worth its own outcome, and its probability does not move, by every strategy.
#[test]
fn a_flip_with_an_extreme_logit_has_the_value_and_gradient_of_a_certain_one() {
    for strategy in
        ["enum", "mvd", "rloo", "reinforce", "rebar", "relax", "gumbel_softmax", "straight_through"]
    {
        for (logit, value) in [(800.0, 0.3_f64.ln() + normal(2.0)), (-800.0, 0.7_f64.ln() + normal(1.0))] {
            let text = format!(
                "\
data y: real = 1
model m {{ z ~ flip(0.3); y ~ normal(3 * real(z), 1) }}
guide q {{ param l: real = {logit:?}; z ~ bernoulli_logits.{strategy}(l) }}
fit: maximize elbo(m, q) {{ steps = 1, samples = 4, optimizer = sgd(1) }}
"
            );
            let report = fitted(&text).unwrap_or_else(|said| panic!("{strategy} at {logit}: {said}"));
            let mean = report.objectives[0].mean;
            assert!((mean - value).abs() < 1e-12, "{strategy} at {logit}: {mean}, not {value}");
            assert_eq!(report.parameters[0].1.iter().copied().sum::<f64>(), logit, "{strategy}");
        }
    }
}
