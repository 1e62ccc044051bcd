//! Nets: derivatives against differences, both modes, both executions, and starts that follow from the seed.

use std::collections::BTreeMap;
use vary_compiler::pipeline::Ad;
use vary_compiler::session::evaluate;
use vary_runtime::fit::Estimator;
use verify::derivatives::{TOLERANCE, difference, executions, parameters};
use verify::program::Program;

/// Nets where they may stand, each with all of its parameters trained.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "rows of a plate, a net in model and guide",
        "data x: real[5, 3] = 0.3
data y: real[5, 2] = 1
net shared(x: real[k]) -> real[k] { param w: real[k] = 1; param b: real = 0; tanh(w * x + b) }
net down(x: real[3]) -> (real[2], positive[2]) {
  let h = x |> dense(4) |> tanh |> dense(4) |> shared
  (dense(2, name = \"mean\")(h), softplus(dense(2, name = \"scale\")(h)))
}
net up(z: real[2]) -> real[2] { z |> dense(4) |> shared |> dense(2) }
model m { plate i in 0..5 { z[i] ~ normal(zeros(2), 1); y[i] ~ normal(up(z[i]), 1) } }
guide g { plate i in 0..5 { let (a, s) = down(x[i]); z[i] ~ normal.reparam(a, s) } }
fit: maximize elbo(m, g)
",
    ),
    (
        "steps of a scan",
        "data y: real[4, 2] = [[0.1, 0.2], [0.5, -0.3], [1, 0.7], [-0.4, 0.2]]
net step(h: real[3], x: real[2]) -> real[3] { tanh(dense(3, name = \"state\")(h) + dense(3, name = \"input\")(x)) }
net emit(h: real[3]) -> real[2] { h |> dense(2) }
model m {
  s ~ normal(0, 1)
  scan t in 0..4 with (h = zeros(3)) {
    y[t] ~ normal(emit(h) * s, 1)
    next h = step(h, y[t])
  }
}
guide g { param a: real = 0.2; s ~ normal.reparam(a, 0.5) }
fit: maximize elbo(m, g)
",
    ),
    (
        "arrays with leading dimensions, and every activation",
        "data x: real[2, 3, 4] = 0.5
data y: real[2, 3, 2] = 1
net f(x: real[4]) -> real[2] {
  let h = x |> dense(3) |> relu |> dense(3) |> leaky_relu |> dense(3) |> tanh |> dense(3) |> sigmoid
  h |> dense(3) |> softplus |> dense(3) |> elu |> dense(3) |> gelu |> dense(3) |> silu |> softmax |> dense(2)
}
model m { z ~ normal(0, 1); y ~ normal(f(x) * z, 1) }
guide g { param a: real = 0.5; z ~ normal.reparam(a, 0.5) }
fit: maximize elbo(m, g)
",
    ),
];

fn compiled(text: &str, ad: Ad) -> Program {
    Program::with(text, None, None, ad).unwrap_or_else(|message| panic!("{message}"))
}

/// Objective and gradient as a function of the parameters.
type Step<'a> = dyn FnMut(&[f64]) -> (f64, Vec<f64>) + 'a;

/// Objective and gradient of four draws, always the same ones.
fn step(program: &Program) -> impl FnMut(&[f64]) -> (f64, Vec<f64>) {
    let mut estimator = program.estimator(4, 3, 1).unwrap_or_else(|message| panic!("{message}"));
    let mut gradient = vec![0.0; program.dimension()];
    move |at| (estimator.step(at, 0, &mut gradient), gradient.clone())
}

#[test]
fn gradients_are_differences() {
    for (name, text) in PROGRAMS {
        let program = compiled(text, Ad::Reverse);
        let mut value = step(&program);
        let at = parameters(program.dimension());
        let (_, gradient) = value(&at);
        assert!(gradient.iter().any(|g| g.abs() > 1e-3), "{name}: nothing to compare");
        let central = |value: &mut Step, entry: usize, h: f64| {
            let mut moved = at.clone();
            moved[entry] = at[entry] + h;
            let above = value(&moved).0;
            moved[entry] = at[entry] - h;
            (above - value(&moved).0) / (2.0 * h)
        };
        for (entry, found) in gradient.iter().enumerate() {
            let (coarse, fine) = (central(&mut value, entry, 2e-4), central(&mut value, entry, 1e-4));
            let expected = (4.0 * fine - coarse) / 3.0;
            let error = (found - expected).abs();
            assert!(error <= 1e-6 * (1.0 + expected.abs()), "{name}, {entry}: {found} for {expected}");
        }
    }
}

#[test]
fn forward_mode_is_reverse_mode() {
    for (name, text) in PROGRAMS {
        let (forward, reverse) = (compiled(text, Ad::Forward), compiled(text, Ad::Reverse));
        let at = parameters(forward.dimension());
        let ((a, mut left), (b, mut right)) = (step(&forward)(&at), step(&reverse)(&at));
        left.push(a);
        right.push(b);
        assert!(difference(&left, &right) <= TOLERANCE, "{name}: {left:?} and {right:?}");
    }
}

#[test]
fn the_executor_is_the_interpreter() {
    for (name, text) in PROGRAMS {
        for ad in [Ad::Forward, Ad::Reverse] {
            let (a, b) = executions(&compiled(text, ad)).unwrap_or_else(|message| panic!("{message}"));
            assert!(difference(&a, &b) <= TOLERANCE, "{name}: {a:?} and {b:?}");
        }
    }
}

/// The starts of a fit by parameter.
fn starts(text: &str, seed: u64) -> BTreeMap<String, Vec<f64>> {
    let program = compiled(text, Ad::Auto);
    let start = |init| evaluate(init, &program.data, seed).unwrap_or_else(|message| panic!("{message}"));
    let params = program.params.iter();
    let with_start = params.filter_map(|p| Some((p.spec.name.clone(), start(&p.spec.init.as_ref()?.0))));
    with_start.map(|(name, results)| (name, results["init"].iter().copied().collect())).collect()
}

/// A net with two layers of one shape; `more` stands in the net before them, `init` in the fit.
fn started(more: &str, init: &str) -> String {
    format!(
        "data y: real[2] = 1
net f(x: real[30]) -> real[2] {{
  {more}
  x |> dense(30, name = \"a\") |> dense(30, name = \"b\", init = he_normal, bias = 0.25) |> dense(2, name = \"c\", init = |n, m| 1 / n)
}}
model m {{ z ~ normal(zeros(30), 1); y ~ normal(f(z), 1) }}
guide g {{ param p: real[30] = 0.1 * base_normal; z ~ normal.reparam(p, 1) }}
fit: maximize elbo(m, g) {{ {init} }}
"
    )
}

#[test]
fn starts_follow_from_seed_and_path() {
    let plain = starts(&started("", ""), 7);
    assert_eq!(plain, starts(&started("", ""), 7));
    let other = starts(&started("", ""), 8);
    for name in ["f.a.w", "f.b.w", "g.p"] {
        assert!(
            plain[name].iter().zip(&other[name]).all(|(x, y)| x != y),
            "{name} is the same for two seeds"
        );
    }
    assert!(plain["f.a.w"].iter().zip(&plain["f.b.w"]).all(|(x, y)| x != y), "two layers start the same");
    // What stands beside a parameter does not move its start.
    let beside = starts(&started("let more = x |> dense(30) |> dense(3)", ""), 7);
    assert_eq!(plain["f.b.w"], beside["f.b.w"]);
}

#[test]
fn starts_are_distributed_as_they_say() {
    let plain = starts(&started("", ""), 7);
    let variance = |name: &str| plain[name].iter().map(|w| w * w).sum::<f64>() / plain[name].len() as f64;
    // 900 entries: the variance of a square is 4/5 of its square for uniform ones, 2 for normal ones.
    let uniform = 2.0 / 60.0;
    assert!((variance("f.a.w") - uniform).abs() < 4.0 * uniform * (0.8_f64 / 900.0).sqrt());
    assert!(plain["f.a.w"].iter().all(|w| w.abs() < (6.0_f64 / 60.0).sqrt()));
    let normal = 2.0 / 30.0;
    assert!((variance("f.b.w") - normal).abs() < 4.0 * normal * (2.0_f64 / 900.0).sqrt());
    assert!(plain["f.a.b"].iter().all(|b| *b == 0.0) && plain["f.b.b"].iter().all(|b| *b == 0.25));
    assert!(plain["f.c.w"].iter().all(|w| *w == 1.0 / 30.0));
}

#[test]
fn a_fit_may_start_elsewhere() {
    let text = started("", "init = (f = (a = (w = 0.5), b = (b = 2 * base_normal)), p = 3)");
    let (plain, changed) = (starts(&started("", ""), 7), starts(&text, 7));
    assert!(changed["f.a.w"].iter().all(|w| *w == 0.5) && changed["g.p"].iter().all(|p| *p == 3.0));
    assert_eq!(plain["f.b.w"], changed["f.b.w"]);
    let spread = changed["f.b.b"].iter().fold(0.0_f64, |most, b| most.max(b.abs()));
    assert!(spread > 1.0, "{spread}");
    assert_eq!(changed, starts(&text, 7));
}
