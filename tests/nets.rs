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
    (
        "cells in a scan, normalised and embedded inputs, attention",
        "data x: real[4, 3] = [[0.1, 0.2, 0.5], [0.5, -0.3, 1], [1, 0.7, -1], [-0.4, 0.2, 0.3]]
data g: index[2][4] = [0, 1, 1, 0]
data y: real[4, 2] = 0.5
net f(x: real[3], i: int) -> real[2] {
  let h = x |> mlp(5, 4) |> layer_norm |> residual(dense(4)) |> rms_norm
  dense(2)(h) + embedding(i, 2, 2)
}
net step(x: real[3], h: real[2], c: real[2]) -> (real[2], real[2]) { lstm_cell(x, h, c) }
model m {
  s ~ normal(0, 1)
  let a = attention(x, x, x)
  scan t in 0..4 with (h = zeros(2), c = zeros(2), u = zeros(2)) {
    let (hh, cc) = step(x[t], h, c)
    let uu = gru_cell(a[t], u)
    y[t] ~ normal((hh + uu + f(x[t], g[t])) * s, 1)
    next h = hh
    next c = cc
    next u = uu
  }
}
guide q { param a: real = 0.2; s ~ normal.reparam(a, 0.5) }
fit: maximize elbo(m, q)
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

/// A layer of the standard library with its parameters, as in Rust.
struct Layers<'a> {
    program: &'a Program,
    at: &'a [f64],
}

impl Layers<'_> {
    /// Entries of a parameter of the layer called `path`.
    fn entries(&self, path: &str, name: &str, len: usize) -> &[f64] {
        let name = format!("m.{path}.{name}");
        let placed = self.program.params.iter().find(|placed| placed.spec.name == name);
        let from = placed.unwrap_or_else(|| panic!("there is no parameter {name}")).offset;
        &self.at[from..from + len]
    }

    fn dense(&self, path: &str, x: &[f64], size: usize) -> Vec<f64> {
        let (w, b) = (self.entries(path, "w", x.len() * size), self.entries(path, "b", size));
        let column = |j: usize| b[j] + x.iter().enumerate().map(|(i, x)| x * w[i * size + j]).sum::<f64>();
        (0..size).map(column).collect()
    }

    fn gate(&self, path: &str, x: &[f64], h: &[f64]) -> Vec<f64> {
        let (by_x, by_h) =
            (self.dense(&format!("{path}_x"), x, h.len()), self.dense(&format!("{path}_h"), h, h.len()));
        by_x.iter().zip(by_h).map(|(x, h)| 1.0 / (1.0 + (-x - h).exp())).collect()
    }
}

/// Σ_i (i + 1)·x_i
fn weighted(x: &[f64]) -> f64 {
    x.iter().zip(1..).map(|(x, i)| x * f64::from(i)).sum()
}

#[test]
fn layers_compute_what_their_papers_say() {
    let text = |call: &str| {
        format!(
            "data x: real[3] = [0.3, -1.2, 0.7]
data h: real[2] = [0.5, -0.4]
data c: real[2] = [1.5, 0.2]
model m {{ z ~ normal(0, 1); let r = {call}; factor(sum([r[i] * (i + 1) for i in 0..length(r)])) }}
guide g {{ z ~ normal(0, 1) }}
fit: maximize elbo(m, g)
"
        )
    };
    let (x, h, c) = ([0.3, -1.2, 0.7], [0.5, -0.4], [1.5, 0.2]);
    let lstm: &dyn Fn(&Layers) -> f64 = &|layers| {
        let [add, keep, show] =
            ["add", "keep", "show"].map(|gate| layers.gate(&format!("lstm_cell_0.{gate}"), &x, &h));
        let (by_x, by_h) =
            (layers.dense("lstm_cell_0.new_x", &x, 2), layers.dense("lstm_cell_0.new_h", &h, 2));
        let next: Vec<f64> = (0..2).map(|i| keep[i] * c[i] + add[i] * (by_x[i] + by_h[i]).tanh()).collect();
        let shown: Vec<f64> = (0..2).map(|i| show[i] * next[i].tanh()).collect();
        weighted(&[shown, next].concat())
    };
    let gru: &dyn Fn(&Layers) -> f64 = &|layers| {
        let [reset, keep] = ["reset", "keep"].map(|gate| layers.gate(&format!("gru_cell_0.{gate}"), &x, &h));
        let (by_x, by_h) = (layers.dense("gru_cell_0.new_x", &x, 2), layers.dense("gru_cell_0.new_h", &h, 2));
        let proposed = |i: usize| (by_x[i] + reset[i] * by_h[i]).tanh();
        weighted(&[0, 1].map(|i| keep[i] * h[i] + (1.0 - keep[i]) * proposed(i)))
    };
    let layer_norm: &dyn Fn(&Layers) -> f64 = &|layers| {
        let (gain, shift) =
            (layers.entries("layer_norm_0", "gain", 3), layers.entries("layer_norm_0", "shift", 3));
        let mean = x.iter().sum::<f64>() / 3.0;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0;
        weighted(&[0, 1, 2].map(|i| gain[i] * (x[i] - mean) / (variance + 1e-5).sqrt() + shift[i]))
    };
    let rms_norm: &dyn Fn(&Layers) -> f64 = &|layers| {
        let gain = layers.entries("rms_norm_0", "gain", 3);
        let square = x.iter().map(|x| x * x).sum::<f64>() / 3.0;
        weighted(&[0, 1, 2].map(|i| gain[i] * x[i] / (square + 1e-5).sqrt()))
    };
    let embedding: &dyn Fn(&Layers) -> f64 = &|layers| weighted(&layers.entries("embedding_0", "w", 8)[4..6]);
    let mlp: &dyn Fn(&Layers) -> f64 = &|layers| {
        let relu = |x: Vec<f64>| x.into_iter().map(|x| x.max(0.0)).collect::<Vec<f64>>();
        let first = relu(layers.dense("mlp_0.dense_0", &x, 4));
        weighted(&layers.dense("mlp_0.dense_2", &relu(layers.dense("mlp_0.dense_1", &first, 4)), 2))
    };
    let residual: &dyn Fn(&Layers) -> f64 = &|layers| {
        let more = layers.dense("dense_0", &x, 3);
        weighted(&[0, 1, 2].map(|i| x[i] + more[i]))
    };
    // Queries are the two rows, keys and values the columns of what follows.
    let attention: &dyn Fn(&Layers) -> f64 = &|_| {
        let rows = [[0.3, -1.2], [0.7, 0.5]];
        let row = |q: [f64; 2]| {
            let weights = rows.map(|k| ((q[0] * k[0] + q[1] * k[1]) / 2f64.sqrt()).exp());
            let value =
                |j: usize| (weights[0] * rows[0][j] + weights[1] * rows[1][j]) / (weights[0] + weights[1]);
            [value(0), value(1)]
        };
        weighted(&[row(rows[0]), row(rows[1])].concat())
    };
    for (call, expected) in [
        ("{ let (a, b) = lstm_cell(x, h, c); concat(a, b) }", lstm),
        ("gru_cell(x, h)", gru),
        ("layer_norm(x)", layer_norm),
        ("rms_norm(x)", rms_norm),
        ("embedding(2, 4, 2)", embedding),
        ("mlp(x, 4, 2)", mlp),
        ("residual(x, dense(3))", residual),
        ("{ let k = [[0.3, -1.2], [0.7, 0.5]]; let a = attention(k, k, k); concat(a[0], a[1]) }", attention),
    ] {
        let program = compiled(&text(call), Ad::Auto);
        let at = parameters(program.dimension());
        let found = step(&program)(&at).0;
        let expected = expected(&Layers { program: &program, at: &at });
        assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{call}: {found} for {expected}");
    }
}
