//! Steps over many rows: cut into tiles of rows they compute what the program means, the same bits for any number of
//! threads, in memory that does not grow with the rows.

use std::fmt::Write;
use vary_compiler::pipeline::Ad;
use vary_compiler::vectorize::{emit, emit_tiled, report};
use vary_runtime::fit::Estimator;
use vary_runtime::float::Width;
use vary_runtime::plan::Plan;
use verify::derivatives::{difference, in_tiles, parameters};
use verify::program::Program;

/// Programs over `n` rows, by name: text with data that do not depend on n, and the name of the axis that is cut when
/// there are many.
const PROGRAMS: [(&str, &str); 10] = [
    (
        "logistic regression",
        "data n: int; data x: real[n, 3]; data y: real[n]
         model m {
           plate j in 0..3 { b[j] ~ normal(0, 2) }
           plate i in 0..n { y[i] ~ normal(sigmoid(b[0] * x[i, 0] + b[1] * x[i, 1] + b[2] * x[i, 2]), 1) }
         }
         fit: maximize elbo(m, mean_field(m)) { samples = 4 }",
    ),
    (
        "latents of rows",
        "data n: int; data y: real[n]
         model m {
           centre ~ normal(0, 1)
           spread ~ half_cauchy(1)
           plate i in 0..n { z[i] ~ normal(centre, spread); y[i] ~ student_t(4, z[i], 0.5) }
         }
         fit: maximize elbo(m, mean_field(m)) { samples = 2 }",
    ),
    (
        "nets of rows",
        "data n: int; data y: real[n]
         net decoder(z: real[2]) -> real[1] { z |> dense(5) |> tanh |> dense(1) }
         net encoder(x: real) -> (real[2], positive[2]) {
           let h = [x, x * x] |> dense(4) |> tanh
           (dense(2, name = \"mean\")(h), softplus(dense(2, name = \"scale\")(h)))
         }
         model m {
           plate i in 0..n {
             z[i] ~ normal(zeros(2), 1)
             y[i] ~ normal(sum(decoder(z[i])), 0.3)
           }
         }
         guide g {
           plate i in 0..n {
             let (a, s) = encoder(y[i])
             z[i] ~ normal.reparam(a, s)
           }
         }
         fit: maximize elbo(m, g) { samples = 1 }",
    ),
    (
        "enumerated rows",
        "data n: int; data y: real[n]
         model m { plate i in 0..n { s[i] ~ flip(0.3); y[i] ~ normal(if s[i] { 1.0 } else { -1.0 }, 1) } }
         guide g { param l: real[n] = 0; plate i in 0..n { s[i] ~ bernoulli_logits.enum(l[i]) } }
         fit: maximize elbo(m, g) { samples = 2 }",
    ),
    (
        "weak derivatives of rows",
        "data n: int; data y: real[n]
         model m { plate i in 0..n { s[i] ~ poisson(2); y[i] ~ normal(real(s[i]), 1) } }
         guide g { param l: real[n] = 0; plate i in 0..n { s[i] ~ poisson.mvd(exp(l[i])) } }
         fit: maximize elbo(m, g) { samples = 2 }",
    ),
    (
        "scores of rows, each other's baseline",
        "data n: int; data y: real[n]
         model m {
           c ~ normal(0, 1)
           plate i in 0..n { s[i] ~ flip(0.3); y[i] ~ normal(c + (if s[i] { 1.0 } else { -1.0 }), 1) }
         }
         guide g {
           param a: real = 0
           param l: real[n] = 0
           c ~ normal.reparam(a, 1)
           plate i in 0..n { s[i] ~ bernoulli_logits.rloo(l[i]) }
         }
         fit: maximize elbo(m, g) { samples = 3 }",
    ),
    (
        "weights of rows",
        "data n: int; data y: real[n]
         model m { param c: real = 0; plate i in 0..n { z[i] ~ normal(c, 1); y[i] ~ normal(z[i], 1) } }
         guide g { param a: real[n] = 0; plate i in 0..n { z[i] ~ normal.reparam(a[i], 1) } }
         fit: maximize iwelbo_rows(m, g, dim = n, n = 3) { samples = 2 }",
    ),
    (
        "a weight of all rows",
        "data n: int; data y: real[n]
         model m { c ~ normal(0, 1); plate i in 0..n { z[i] ~ normal(c, 1); y[i] ~ normal(z[i], 1) } }
         fit: maximize iwelbo(m, mean_field(m), n = 3) { samples = 2 }",
    ),
    (
        "groups of rows",
        "data n: int; data y: real[n]; data group: int[n]
         model m {
           plate j in 0..7 { a[j] ~ normal(0, 1) }
           plate i in 0..n {
             plate k in 0..2 { e[i, k] ~ normal(a[group[i]], 1) }
             y[i] ~ normal(e[i, 0] * e[i, 1], 1)
           }
         }
         fit: maximize elbo(m, mean_field(m)) { samples = 2 }",
    ),
    (
        "a walk through the rows",
        "data n: int; data y: real[n]
         model m {
           scan i in 0..n with (last = 0.0) {
             h[i] ~ normal(0.9 * last, 1)
             next last = h[i]
           }
           plate i in 0..n { y[i] ~ normal(h[i], 1) }
         }
         fit: maximize elbo(m, mean_field(m)) { samples = 2 }",
    ),
];

fn compile(text: &str, rows: usize) -> Program {
    let mut json = format!("{{\"n\": {rows}");
    let mut array = |name: &str, value: &dyn Fn(usize) -> String| {
        if text.contains(&format!("data {name}:")) {
            let all: Vec<String> = (0..rows).map(value).collect();
            let _ = write!(json, ", \"{name}\": [{}]", all.join(", "));
        }
    };
    let number = |i: usize| f64::from((i * 37 % 101) as u32) / 50.0 - 1.0;
    array("y", &|i| number(i).to_string());
    array("x", &|i| format!("[1, {}, {}]", number(i + 3), number(i * 7)));
    array("group", &|i| (i * 5 % 7).to_string());
    json.push('}');
    Program::with(text, None, Some(&json), Ad::Auto).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Objective and gradient at two steps.
fn gradients(program: &Program, threads: usize) -> Vec<f64> {
    let mut estimator = program.estimator(3, 5, threads).unwrap();
    let at = parameters(program.dimension());
    let mut gradient = vec![0.0; at.len()];
    let mut all = Vec::new();
    for step in 0..2 {
        all.push(estimator.step(&at, step, &mut gradient));
        all.extend(&gradient);
    }
    all
}

#[test]
fn tiles_of_any_axis_give_what_the_program_means() {
    for (name, text) in PROGRAMS {
        let (found, expected) =
            in_tiles(&compile(text, 11)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let off = difference(&found, &expected);
        assert!(off < 1e-10, "{name}: differs by {off:e}");
    }
}

#[test]
fn many_rows_are_cut_and_threads_change_no_bit() {
    for (name, text) in PROGRAMS {
        let program = compile(text, 30_000);
        let gradient = &program.derived.gradient;
        let tensor = emit(gradient, 3);
        assert!(tensor.tiles.rows == 30_000, "{name} is cut along {:?}\n{tensor}", tensor.tiles);
        let one = gradients(&program, 1);
        assert!(one.iter().all(|x| x.is_finite()), "{name}");
        for threads in [2, 3] {
            let bits = |all: &[f64]| -> Vec<u64> { all.iter().map(|x| x.to_bits()).collect() };
            assert_eq!(bits(&one), bits(&gradients(&program, threads)), "{name}, {threads} threads");
        }
    }
}

/// What a tile's values may take: its cache, and the rows that make the tile a whole number of vector registers.
const TILE_BYTES: usize = 320 << 10;

#[test]
fn memory_of_a_tile_does_not_grow_with_rows_and_work_is_linear() {
    for (name, text) in PROGRAMS {
        let [small, large] = [40_000, 160_000].map(|rows| {
            let program = compile(text, rows);
            let gradient = &program.derived.gradient;
            let tensor = emit(gradient, 1);
            let uncut = Plan::new(&emit_tiled(gradient, 1, None)).unwrap().arena_bytes(Width::Double);
            let tile = Plan::new(&tensor).unwrap().tile_bytes(Width::Double);
            assert!(tile > 0 && tile <= TILE_BYTES, "{name}: {tile} bytes for a tile of {rows} rows");
            assert!(uncut > 2 * TILE_BYTES, "{name}: {uncut} bytes in one piece");
            report(&tensor).unwrap()
        });
        let lanes = large.lanes as f64 / small.lanes as f64;
        assert!((lanes - 4.0).abs() < 0.1, "{name}: lanes grow {lanes} times");
    }
}
