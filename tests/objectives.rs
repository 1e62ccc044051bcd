//! The objectives of the standard library: exact where everything can be summed out, else within four standard errors.

use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::{End, Options, Session, declared};
use vary_runtime::data;
use vary_runtime::fit::{Bound, Estimator, ObjectiveReport, Sense};
use verify::program::Program;
use verify::quadrature::integral;

/// Draws of one estimate, and how many estimates are averaged.
const DRAWS: usize = 1000;
const STEPS: u64 = 200;

/// A conjugate model: x ~ N(a, 1), y ~ N(x, 1) with y = 1, and a guide away from its posterior N(1/2, 1/√2).
const CONJUGATE: &str = "
data y: real = 1
model m { param a: real = 0
  x ~ normal(a, 1)
  y ~ normal(x, 1) }
model prior_only { x ~ normal(0, 1) }
guide q { param b: real = 0.3
  param s: positive = 0.9
  x ~ normal(b, s) }
";

/// log N(1; 0, √2)
fn evidence() -> f64 {
    -0.25 - 0.5 * (4.0 * std::f64::consts::PI).ln()
}

/// Mean and standard error of an objective and of each entry of its gradient, at the parameters' starts.
struct Estimate {
    value: (f64, f64),
    /// In the order of the parameters given.
    gradient: Vec<(f64, f64)>,
}

/// Parameters by name, on their unconstrained scale.
type Point<'p> = &'p [(&'p str, f64)];

fn estimate(declarations: &str, fit: &str, at: Point) -> Estimate {
    let program =
        Program::new(&format!("{declarations}\nfit: {fit}\n"), None).unwrap_or_else(|e| panic!("{fit}: {e}"));
    let mut estimator = program.estimator(DRAWS, 7, 1).expect("a stepper");
    let mut gradient = vec![0.0; program.dimension()];
    assert_eq!(gradient.len(), at.len(), "{fit}");
    let places: Vec<usize> = at.iter().map(|(name, _)| program.position(name)).collect();
    let mut values = vec![0.0; at.len()];
    places.iter().zip(at).for_each(|(place, (_, value))| values[*place] = *value);
    let mut rows = vec![Vec::new(); at.len() + 1];
    for step in 0..STEPS {
        rows[0].push(estimator.step(&values, step, &mut gradient));
        rows[1..].iter_mut().zip(&places).for_each(|(row, place)| row.push(gradient[*place]));
    }
    let moments = |row: &Vec<f64>| {
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (row.len() - 1) as f64;
        (mean, (variance / row.len() as f64).sqrt())
    };
    Estimate { value: moments(&rows[0]), gradient: rows[1..].iter().map(moments).collect() }
}

fn agree(what: &str, found: (f64, f64), expected: (f64, f64)) {
    let se = (found.1.powi(2) + expected.1.powi(2)).sqrt();
    assert!(se < 0.02, "{what}: the standard error is {se}");
    assert!((found.0 - expected.0).abs() <= 4.0 * se + 1e-9, "{what}: {found:?}, expected {expected:?}");
}

const A: f64 = 0.2;
const B: f64 = 0.3;
const LOG_S: f64 = -0.1;
const AT: Point = &[("a", A), ("b", B), ("s", LOG_S)];
const OF_GUIDE: Point = &[("b", B), ("s", LOG_S)];

fn conjugate(fit: &str) -> Estimate {
    estimate(CONJUGATE, fit, AT)
}

#[test]
fn bounds_that_are_one_agree() {
    let elbo = conjugate("maximize elbo(m, q)");
    for same in [
        "maximize iwelbo(m, q, 1)",
        "maximize elbo_beta(m, q, 1.0)",
        "maximize renyi(m, q, alpha = 0.9999, n = 1)",
        "maximize tvo(m, q, nodes = [0.0, 1.0], n = 4)",
        "maximize elbo_stl(m, q)",
        "maximize iwelbo_dreg(m, q, 1)",
    ] {
        let found = conjugate(same);
        agree(same, found.value, elbo.value);
        for (at, (found, expected)) in found.gradient.iter().zip(&elbo.gradient).enumerate() {
            agree(&format!("{same} by entry {at}"), *found, *expected);
        }
    }
    let five = conjugate("maximize iwelbo(m, q, 5)");
    for same in ["maximize renyi(m, q, alpha = 0.0, n = 5)", "maximize iwelbo_dreg(m, q, 5)"] {
        let found = conjugate(same);
        agree(same, found.value, five.value);
        for (at, (found, expected)) in found.gradient.iter().zip(&five.gradient).enumerate() {
            agree(&format!("{same} by entry {at}"), *found, *expected);
        }
    }
}

#[test]
fn the_gradient_of_the_elbo_is_that_of_its_closed_form() {
    let found = conjugate("maximize elbo_stl(m, q)");
    let [a, b, s] = [A, B, LOG_S.exp()];
    agree("by a", found.gradient[0], (b - a, 0.0));
    agree("by b", found.gradient[1], ((a - b) + (1.0 - b), 0.0));
    agree("by log s", found.gradient[2], (1.0 - 2.0 * s * s, 0.0));
}

/// What a fit reports of its objective before it moves anything.
fn reported(declarations: &str, fit: &str) -> ObjectiveReport {
    let text = format!(
        "{declarations}\nfit: {fit} {{ steps = 1, optimizer = sgd(0.000000000001), samples = 50 }}\n"
    );
    let mut session = Session::new("program.ppl", &text, &|_| Err("no imports here".to_string()));
    let values = data::read(&declared(&mut session.unit), &[]).expect("the data has defaults");
    let prepared = session.prepare(None, &values, &Options::default(), Instant::now());
    let prepared = prepared.unwrap_or_else(|_| panic!("{fit}: {:?}", session.unit.diagnostics));
    let ended =
        prepared.run(&mut (), &AtomicBool::new(false)).unwrap_or_else(|d| panic!("{fit}: {}", d.message));
    assert!(matches!(ended.end, End::Finished), "{fit} does not end");
    ended.report.objectives[0].clone()
}

#[test]
fn bounds_stand_in_their_order_around_the_evidence() {
    let at = &[("a", 0.0), ("b", B), ("s", LOG_S)];
    let mut before: (f64, f64) = (f64::NEG_INFINITY, 0.0);
    for n in 1..=5 {
        let found = estimate(CONJUGATE, &format!("maximize iwelbo(m, q, {n})"), at).value;
        let off = 4.0 * (found.1.powi(2) + before.1.powi(2)).sqrt();
        assert!(found.0 > before.0 - off && found.0 < evidence(), "n = {n}: {found:?} after {before:?}");
        before = found;
    }
    let elbo = estimate(CONJUGATE, "maximize elbo(m, q)", at).value;
    assert!(before.0 - elbo.0 > 4.0 * (before.1 + elbo.1), "the bound rises from {elbo:?} to {before:?}");
    let above = reported(CONJUGATE, "minimize cubo(m, q, chi = 2)");
    assert!(above.mean - evidence() > 4.0 * above.se, "{} ± {}", above.mean, above.se);
}

/// log E[w^chi] / chi of a guide whose start is N(0.3, 0.9), by quadrature.
#[test]
fn cubo_is_reported_as_a_log_with_its_standard_error() {
    let normal = |x: f64, mean: f64, sd: f64| {
        (-0.5 * ((x - mean) / sd).powi(2)).exp() / (sd * (2.0 * std::f64::consts::PI).sqrt())
    };
    for chi in [1.0, 1.5, 2.0] {
        let integrand = |x: f64| {
            let q = normal(x, 0.3, 0.9);
            q * (normal(x, 0.0, 1.0) * normal(1.0, x, 1.0) / q).powf(chi)
        };
        let exact = integral(&[f64::NEG_INFINITY, f64::INFINITY], &integrand).ln() / chi;
        let found = reported(CONJUGATE, &format!("minimize cubo(m, q, chi = {chi:.1})"));
        assert!(
            (found.mean - exact).abs() < 4.0 * found.se,
            "{chi}: {} ± {}, expected {exact}",
            found.mean,
            found.se
        );
        // The standard error shrinks as that of a mean of 5000 draws.
        assert!(found.se > 1e-4 && found.se < 0.02, "{chi}: {}", found.se);
        assert_eq!((found.sense, found.bound), (Sense::Minimize, Some(Bound::Upper)));
    }
    // Weights from 1 to e^-20000: their mean log is no centre.
    let wide = CONJUGATE.replace("y ~ normal(x, 1) }", "y ~ normal(x, 0.01) }");
    let found = reported(&wide, "minimize cubo(m, q, chi = 2)");
    assert!(found.mean.is_finite() && found.tail.is_none_or(|tail| tail.mean.is_finite()), "{found:?}");
    // Far below what exponentials hold.
    let far = CONJUGATE.replace("y ~ normal(x, 1) }", "y ~ normal(x, 1)\n  factor(-5000.0) }");
    let near = reported(CONJUGATE, "minimize cubo(m, q, chi = 2)");
    let found = reported(&far, "minimize cubo(m, q, chi = 2)");
    assert!((found.mean + 5000.0 - near.mean).abs() < 1e-8, "{} and {}", found.mean, near.mean);
}

#[test]
fn divergences_are_those_of_normals() {
    let kl = |m: f64, s: f64, b: f64, r: f64| (r / s).ln() + (s * s + (m - b).powi(2)) / (2.0 * r * r) - 0.5;
    let [b, s] = [B, LOG_S.exp()];
    // f(u) = u log u: KL from p to q, the prior being normalised.
    let found = estimate(CONJUGATE, "minimize f_divergence(prior_only, q, |u| u * log(u))", OF_GUIDE);
    agree("f_divergence", found.value, (kl(0.0, 1.0, b, s), 0.0));
    // Jeffreys: the posterior is N((a + 1)/2, 1/√2); its bias at 200 particles is below the standard error.
    let (mean, sd) = ((A + 1.0) / 2.0, 0.5_f64.sqrt());
    let found = conjugate("minimize symmetric_kl(m, q, n = 200)");
    let exact = 0.5 * (kl(mean, sd, b, s) + kl(b, s, mean, sd));
    assert!((found.value.0 - exact).abs() < 0.01, "{:?}, expected {exact}", found.value);
}

#[test]
fn sleep_scores_the_guide_at_what_the_model_draws() {
    let declarations = "
data y: real = 1
model m { x ~ normal(0, 1)
  y ~ normal(x, 1) }
guide q { param slope: real
  param shift: real
  x ~ normal(slope * y + shift, 0.8) }
";
    let at = [0.3, -0.2];
    let point = &[("slope", at[0]), ("shift", at[1])];
    let found = estimate(declarations, "minimize sleep(m, q)", point);
    // E(x − slope·y − shift)² = 1 − 2 slope + 2 slope² + shift²
    agree("by slope", found.gradient[0], ((2.0 * at[0] - 1.0) / 0.64, 0.0));
    agree("by shift", found.gradient[1], (at[1] / 0.64, 0.0));
}

/// Everything discrete and summed over: objectives are exact numbers.
const DISCRETE: &str = "
data y: real = 0.4
param w: real = 0
model m { x ~ flip.enum(0.3)
  z ~ flip.enum(if x { 0.7 } else { 0.2 })
  y ~ normal(if z { 1.0 } else { -0.5 }, 1) }
guide h { x ~ flip.enum(0.6)
  z ~ flip.enum(if x { 0.4 } else { 0.55 }) }
guide z_given_x(x: bit) { z ~ flip.enum(if x { 0.35 } else { 0.6 }) }
guide g { x ~ flip.enum(0.3)
  z ~ flip.enum(if x { 0.7 } else { 0.2 })
  d ~ flip.enum(if z { 0.9 } else { if x { 0.5 } else { 0.25 } }) }
guide d_given(x: bit, z: bit) { d ~ flip.enum(if x { 0.45 } else { 0.6 }) }
let posterior = normalize(m, proposal = h, using = importance(2))
let inner = marginal(g, keep = [x, z], using = importance(2, proposal = d_given))
let outer = marginal(inner, keep = [x], using = importance(2, proposal = z_given_x))
let both = normalize(m, proposal = inner, using = importance(2))
";

fn exact(objective: &str) -> f64 {
    let text = format!("{DISCRETE}\nfit: maximize {objective} + 0 * w\n");
    let program = Program::new(&text, None).unwrap_or_else(|e| panic!("{objective}: {e}"));
    let mut value = program.exact().expect("a stepper");
    value(&vec![0.0; program.dimension()]).0
}

/// E[1(t = v) / q̂(t)] = 1 for every v, and Σ_v E[q̂(v)] = 1.
#[test]
fn weights_have_their_two_laws() {
    for (program, test, values) in [
        ("posterior", "t.x && !t.z", "x z"),
        ("both", "!t.x && t.z", "x z"),
        ("inner", "t.x && t.z", "x z"),
        ("outer", "t.x", "x"),
    ] {
        let drawn = format!(
            "expect {{ let (t, w) = simulate({program})\n  if {test} {{ exp(-w) }} else {{ 0.0 }} }}"
        );
        let found = exact(&drawn);
        assert!((found - 1.0).abs() < 1e-12, "1 / q̂ of {program}: {found}");
        let traces: Vec<&str> = match values {
            "x" => vec!["{x = true}", "{x = false}"],
            _ => vec![
                "{x = true, z = true}",
                "{x = true, z = false}",
                "{x = false, z = true}",
                "{x = false, z = false}",
            ],
        };
        let total: f64 =
            traces.iter().map(|t| exact(&format!("expect {{ exp(log_density({program}, {t})) }}"))).sum();
        assert!((total - 1.0).abs() < 1e-12, "q̂ of {program}: {total}");
    }
}

#[test]
fn conditioning_observes() {
    let joint = exact("expect { log_density(m, {x = true, z = false}) }");
    let found = exact("expect { log_density(m | {z = false}, {x = true}) }");
    assert_eq!(found, joint);
    let alone = exact("expect { log_density(unobserved(m), {x = true, z = false}) }");
    assert!((alone - (0.3_f64 * 0.3).ln()).abs() < 1e-12, "{alone}");
}

/// Every expectation draws afresh, and so does every use of a name bound to one.
#[test]
fn products_of_independent_expectations_are_unbiased() {
    let declarations = "param m: real = 0.5\nparam w: real = 0";
    let mean = "expect { u ~ normal.reparam(m, 1)\n  u }";
    let at = &[("m", 0.5), ("w", 0.0)];
    for (what, objective, value, gradient) in [
        ("two", format!("{mean} * {mean}"), 0.25, 1.0),
        ("a name twice", format!("{{ let a = {mean}\n  a * a }}"), 0.25, 1.0),
        ("an average", format!("average(8, {mean})"), 0.5, 1.0),
        ("average of a name", format!("{{ let a = {mean}\n  average(8, a * a) }}"), 0.25, 1.0),
        ("the exponential", format!("exp_estimate({mean}, 1.5)"), 0.5_f64.exp(), 0.5_f64.exp()),
    ] {
        let found = estimate(declarations, &format!("maximize {objective} + 0 * w"), at);
        agree(what, found.value, (value, 0.0));
        agree(what, found.gradient[0], (gradient, 0.0));
    }
    // Copies are independent: eight of them have an eighth of the variance.
    let one = estimate(declarations, &format!("maximize {mean} + 0 * w"), at).value.1;
    let eight = estimate(declarations, &format!("maximize average(8, {mean}) + 0 * w"), at).value.1;
    assert!((eight / one - 8.0_f64.powf(-0.5)).abs() < 0.12, "{eight} to {one}");
}

/// Two rows as one program, and each as a program of its own.
const ROWS: &str = "
data n: int = 2
data y: real[n] = [0.4, -1.1]
data first: real = 0.4
data second: real = -1.1
param w: real = 0
model both { plate i in 0..n {
  x[i] ~ flip.enum(0.3)
  y[i] ~ normal(if x[i] { 1.0 } else { -0.5 }, 1) } }
guide q { plate i in 0..n { x[i] ~ flip.enum(0.6) } }
model one { x ~ flip.enum(0.3)
  first ~ normal(if x { 1.0 } else { -0.5 }, 1) }
model two { x ~ flip.enum(0.3)
  second ~ normal(if x { 1.0 } else { -0.5 }, 1) }
guide each { x ~ flip.enum(0.6) }
model shared { s ~ flip.enum(0.4)
  plate i in 0..n {
    x[i] ~ flip.enum(if s { 0.3 } else { 0.8 })
    y[i] ~ normal(if x[i] { 1.0 } else { -0.5 }, 1) } }
guide q_shared { s ~ flip.enum(0.55)
  plate i in 0..n { x[i] ~ flip.enum(if s { 0.35 } else { 0.6 }) } }
";

#[test]
fn rows_are_programs_of_their_own() {
    let value = |objective: &str| {
        let text = format!("{ROWS}\nfit: maximize {objective} + 0 * w\n");
        let program = Program::new(&text, None).unwrap_or_else(|e| panic!("{objective}: {e}"));
        let mut value = program.exact().expect("a stepper");
        value(&vec![0.0; program.dimension()]).0
    };
    for (rows, row) in [
        ("iwelbo_rows(both, q, dim = n, n = 3)", "iwelbo({}, each, 3)"),
        ("renyi_rows(both, q, dim = n, alpha = 0.5, n = 2)", "renyi({}, each, 0.5, 2)"),
        ("q_wake_rows(both, q, dim = n, n = 3)", "q_wake({}, each, 3)"),
        ("p_wake_rows(both, q, dim = n, n = 3)", "p_wake({}, each, 3)"),
    ] {
        let apart: f64 = ["one", "two"].iter().map(|name| value(&row.replace("{}", name))).sum();
        let found = value(rows);
        assert!((found - apart).abs() < 1e-12, "{rows}: {found}, expected {apart}");
    }
    // With one draw rows change nothing; with more their bound is the tighter one.
    let (rows, joint) =
        (value("iwelbo_rows(shared, q_shared, dim = n, n = 1)"), value("elbo(shared, q_shared)"));
    assert!((rows - joint).abs() < 1e-12, "{rows}, expected {joint}");
    assert!(value("iwelbo_rows(both, q, dim = n, n = 2)") > value("iwelbo(both, q, 2)"));
}
