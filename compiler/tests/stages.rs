//! Every stage of a small program, as a person reads it.

use vary_compiler::session::{Session, Stage};

fn stage(text: &str, stage: Stage) -> String {
    let mut session = Session::new("program.ppl", text, &|_| Err("no imports here".to_string()));
    let printed = session.emit(stage, None);
    let found = vary_diagnostic::render(&session.unit.sources, &session.unit.diagnostics, false);
    assert!(printed.is_ok() && found.is_empty(), "{found}");
    printed.unwrap_or_default()
}

/// A plate, a discrete latent with a strategy, and an observation.
const COINS: &str = "data y: real[3] = [0.1, 2.2, 1.9]
model coins {
  plate i in 0..3 {
    c[i] ~ flip(0.3)
    y[i] ~ normal(if c[i] { 2.0 } else { 0.0 }, 1)
  }
}
guide q {
  param p: unit[3] = 0.5
  plate i in 0..3 { c[i] ~ flip.enum(p[i]) }
}
fit: maximize elbo(coins, q) { optimizer = sgd(0.1), steps = 10, samples = 4 }
";

/// A recurrence with a reparameterised site.
const WALK: &str = "data y: real = 1
model walk {
  scan t in 0..4 with (last = 0.0) {
    h[t] ~ normal(last, 1)
    next last = h[t]
  }
  y ~ normal(last, 0.5)
}
guide q {
  param m: real[4] = 0
  plate t in 0..4 { h[t] ~ normal.reparam(m[t], 1) }
}
fit: maximize elbo(walk, q) { optimizer = sgd(0.1), steps = 10, samples = 4 }
";

/// A layer on every row of a plate: in the gradient its weights are one product over rows and draws.
const LAYER: &str = "data y: real[30, 3] = 1
net line(x: real[4]) -> real[3] = x |> dense(3)
model lines {
  plate i in 0..30 {
    z[i] ~ normal(zeros(4), 1)
    y[i] ~ normal(line(z[i]), 1)
  }
}
guide q { plate i in 0..30 { z[i] ~ normal.reparam(zeros(4), 1) } }
fit: maximize elbo(lines, q) { samples = 8 }
";

/// Rows enough that a step is cut: what the rows' sums need comes after their tiles.
const ROWS: &str = "data y: real[100000] = 1
model rows {
  m ~ normal(0, 1)
  plate i in 0..100000 { y[i] ~ student_t(4, m, 1) }
}
guide q {
  param a: real = 0
  m ~ normal.reparam(a, 1)
}
fit: maximize elbo(rows, q) { samples = 2 }
";

macro_rules! stages {
    ($($name:ident: $text:expr, $stage:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stage($text, $stage));
        })*
    };
}

stages! {
    coins_tokens: COINS, Stage::Tokens;
    coins_ast: COINS, Stage::Ast;
    coins_core: COINS, Stage::Core;
    coins_sim: COINS, Stage::Sim;
    coins_density: COINS, Stage::Density;
    coins_adev: COINS, Stage::Adev;
    coins_linear: COINS, Stage::Linear;
    coins_transpose: COINS, Stage::Transpose;
    coins_batched: COINS, Stage::Batched;
    coins_program: COINS, Stage::Program;
    walk_core: WALK, Stage::Core;
    walk_density: WALK, Stage::Density;
    walk_transpose: WALK, Stage::Transpose;
    walk_program: WALK, Stage::Program;
    layer_core: LAYER, Stage::Core;
    layer_program: LAYER, Stage::Program;
    rows_batched: ROWS, Stage::Batched;
    rows_program: ROWS, Stage::Program;
}

/// However many rows there are, a layer is one matrix product, and the gradient of its weights another.
#[test]
fn a_layer_is_one_product_over_all_rows() {
    let program = stage(LAYER, Stage::Program);
    let products: Vec<&str> = program.lines().filter(|line| line.contains(" = contract ")).collect();
    let [value, gradient] = products.as_slice() else { panic!("two products:\n{program}") };
    assert!(value.contains("over [3, 30, 8, 4]"), "{value}");
    assert!(gradient.contains("over [3, 4, 30, 8]"), "{gradient}");
}
