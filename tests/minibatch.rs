//! Fits whose steps take some rows of the data: their gradients are held to those of all rows, which the same fit has
//! without `minibatch`, and to the references of `gradcheck`.

use std::time::Instant;
use vary_compiler::session::gradcheck::Asked;
use vary_compiler::session::{End, Options, Prepared};
use vary_runtime::fit::{Estimator, FitReport, Observer};
use verify::program::{load, messages};

const ROWS: usize = 7;

/// Seven rows of data, in two groups, with two covariates.
const DATA: &str = "
data n: int
data J: int = 2
data y: real[n] = [0.3, -1.2, 2.1, 0.7, 1.9, -0.4, 0.2]
data x: real[n, 2] = [[0.1, 1.0], [-0.5, 0.3], [1.2, -0.7], [0.4, 0.9], [-1.1, 0.2], [0.8, 0.5], [-0.2, -0.6]]
data group: index[J][n] = [0, 1, 0, 1, 1, 0, 0]
data b: bit[n] = [1, 0, 1, 1, 0, 0, 1]
";

/// Fits without randomness: one step's gradient over all rows is the gradient.
const EXACT: &[(&str, &str)] = &[
    (
        "globals alone, at their mode",
        "model m {
  mu ~ normal(0, 2)
  s ~ normal(0, 1)
  beta ~ normal(zeros(2), 1)
  y ~ normal(mu + x @ beta, exp(s))
}
guide q { param at: real = 0.5; param of_s: real = 0.7; param of_beta: real[2] = [0.2, -0.3]
  mu ~ delta(at); s ~ delta(of_s); beta ~ delta(of_beta) }
fit: maximize elbo(m, q)",
    ),
    (
        "derived data of all rows, the row's number, and effects of groups",
        "let z = (y - mean(y)) / sd(y)
model m {
  mu ~ normal(0, 2)
  plate j in 0..J { a[j] ~ normal(mu, 1) }
  plate i in 0..n { z[i] ~ normal(a[group[i]] + 0.1 * real(i) + 0.3 * sum(x[i]) , 0.5 + abs(x[i, 0] - mean(x))) }
  factor(-0.5 * mu^2 + 0.01 * sum(y))
}
guide q { param at: real = 0.5; param of_a: real[J] = 0.3
  mu ~ delta(at); plate j in 0..J { a[j] ~ delta(of_a[j]) } }
fit: maximize elbo(m, q)",
    ),
    (
        "parameters of rows, with latents of rows summed out",
        "model m {
  share ~ normal(0, 1)
  plate i in 0..n {
    c[i] ~ bernoulli_logits(share)
    y[i] ~ normal(if c[i] { 1.0 } else { -1.0 }, 1)
    if x[i, 0] > 0.0 { b[i] ~ bernoulli_logits(share) }
  }
}
guide q { param p: real = 0.4; param logit: real[n] = y
  share ~ delta(p); plate i in 0..n { c[i] ~ bernoulli_logits.enum(logit[i]) } }
fit: maximize elbo(m, q)",
    ),
    (
        "points of rows with several entries, on other scales",
        "model m {
  param t: simplex[3][n]
  param width: positive[2, n] = 0.4
  tau ~ normal(0, 1)
  plate i in 0..n {
    u[i] ~ normal(zeros(2), exp(tau))
    factor(log(t[i, 0]) + 2 * log(t[i, 2]))
    y[i] ~ normal(t[i, 1] + sum(u[i]) * width[0, i], width[1, i])
  }
}
guide q { param of_tau: real = 0.6; param of_u: real[n, 2] = x
  tau ~ delta(of_tau); plate i in 0..n { u[i] ~ delta(of_u[i]) } }
fit: maximize elbo(m, q)",
    ),
    (
        "recurrences in rows",
        "model m {
  phi ~ normal(0, 1)
  plate i in 0..n { scan t in 0..2 with (last = 0.0) { x[i, t] ~ normal(phi * last + 0.1 * y[i], 1); next last = x[i, t] } }
}
guide q { param at: real = 0.4; phi ~ delta(at) }
fit: maximize elbo(m, q)",
    ),
    (
        "a guide that looks at the row",
        "model m { mu ~ normal(0, 1); plate i in 0..n { c[i] ~ flip(sigmoid(mu)); y[i] ~ normal(real(c[i]), 1) } }
guide q { param at: real = 0.2; param w: real[2] = [0.5, -0.3]
  mu ~ delta(at); plate i in 0..n { c[i] ~ bernoulli_logits.enum(dot(w, x[i]) + y[i]) } }
fit: maximize elbo(m, q)",
    ),
    (
        "an objective of every row",
        "model m { mu ~ normal(0, 1); plate i in 0..n { z[i] ~ normal(mu, 1); y[i] ~ normal(z[i], 1) } }
guide q { param at: real = 0.2; param w: real = 0.6; mu ~ delta(at); plate i in 0..n { z[i] ~ delta(w * y[i]) } }
fit: maximize each_row(m, q, n, |p_i, q_i| 0.5 * elbo(p_i, q_i) + 0.5 * iwelbo(p_i, q_i, n = 2))",
    ),
];

/// Fits with randomness.
const ESTIMATED: &[(&str, &str)] = &[
    (
        "amortised latents",
        "model m { mu ~ normal(0, 1); plate i in 0..n { z[i] ~ normal(mu, 1); y[i] ~ normal(z[i], 0.5) } }
guide q { param c: real[4] = [0.1, 0.3, -0.2, -0.4]
  mu ~ normal.reparam(c[0], 0.3); plate i in 0..n { z[i] ~ normal.reparam(c[1] + c[2] * y[i], exp(c[3])) } }
fit: maximize elbo(m, q) { samples = 2, ",
    ),
    (
        "latents of rows by scores, with averages of rows as baselines",
        "model m { mu ~ normal(0, 1); plate i in 0..n { c[i] ~ flip(0.3); y[i] ~ normal(mu + real(c[i]), 1) } }
guide q { param at: real = 0.4; param logit: real[n] = 0.3
  mu ~ normal.reinforce(at, 0.5, baseline = moving_average(0.9))
  plate i in 0..n { c[i] ~ bernoulli_logits.reinforce(logit[i], baseline = moving_average(0.9)) } }
fit: maximize elbo(m, q) { samples = 3, ",
    ),
    (
        "weak derivatives and leaving one out",
        "model m { mu ~ normal(0, 1); plate i in 0..n { c[i] ~ flip(0.3); k[i] ~ poisson(2.0); y[i] ~ normal(mu + real(c[i]) + real(k[i]), 1) } }
guide q { param at: real = 0.4; param logit: real[n] = 0.3; param rate: positive = 1.5
  mu ~ normal.mvd(at, 0.5)
  plate i in 0..n { c[i] ~ bernoulli_logits.mvd(logit[i]); k[i] ~ poisson.rloo(rate) } }
fit: maximize elbo(m, q) { samples = 3, ",
    ),
    (
        "the importance-weighted bound of every row",
        "model m { mu ~ normal(0, 1); plate i in 0..n { z[i] ~ normal(mu, 1); y[i] ~ normal(z[i], 0.5) } }
guide q { param c: real[4] = [0.1, 0.3, -0.2, -0.4]
  mu ~ normal.reparam(c[0], 0.3); plate i in 0..n { z[i] ~ normal.reparam(c[1] + c[2] * y[i], exp(c[3])) } }
fit: maximize iwelbo_rows(m, q, dim = n, n = 3) { samples = 2, ",
    ),
    (
        "vimco of every row",
        "model m { plate i in 0..n { c[i] ~ flip(0.3); y[i] ~ normal(real(c[i]), 1) } }
guide q { param w: real[2] = [0.1, 0.3]; plate i in 0..n { c[i] ~ bernoulli_logits(w[0] + w[1] * y[i]) } }
fit: maximize vimco_rows(m, q, dim = n, n = 3) { samples = 2, ",
    ),
    (
        "rows of two plates",
        "data m_: real[2] = 0
data k: int
data r: real[n, k] = [[1, 0.2, -0.5], [0.4, 0.3, 1.1], [0.2, -0.9, 0.6], [0.1, 0.5, 0.3], [1.4, 0.2, -1], [0, 0.1, 0.7], [0.3, -0.2, 0.9]]
model m {
  mu ~ normal(sum(m_), 1)
  plate i in 0..n { u[i] ~ normal(0, 1) }
  plate j in 0..k { v[j] ~ normal(0, 1) }
  plate i in 0..n { plate j in 0..k { r[i, j] ~ normal(mu + u[i] * v[j], 1) } }
}
guide q { param at: real = 0.4; param of_u: real[n] = y; param of_v: real[k] = 0.5
  mu ~ delta(at); plate i in 0..n { u[i] ~ delta(of_u[i]) }; plate j in 0..k { v[j] ~ delta(of_v[j]) } }
fit: maximize elbo(m, q) { minibatch = (k = 2), samples = 1, ",
    ),
];

fn options(set: &[(&str, f64)], threads: usize) -> Options {
    let set = set.iter().map(|(name, value)| (name.to_string(), *value)).collect();
    Options { set, threads, seed: Some(3), draws: 10, ..Options::default() }
}

fn prepared(text: &str, set: &[(&str, f64)], threads: usize) -> Prepared {
    let (mut session, values) = load(&format!("{DATA}{text}"), None).unwrap_or_else(|said| panic!("{said}"));
    let prepared = session.prepare(None, &values, &options(set, threads), Instant::now());
    prepared.unwrap_or_else(|_| panic!("{}\n{text}", messages(&session.unit.diagnostics)))
}

/// Objective and gradient of a step; 0 by entries that the step does not move.
fn step(estimator: &mut impl Estimator, at: &[f64], step: u64) -> (f64, Vec<f64>) {
    let mut written = vec![f64::NAN; at.len()];
    let objective = estimator.step(at, step, &mut written);
    let mut gradient = vec![0.0; at.len()];
    for range in estimator.moved().expect("a fit says what it moves") {
        gradient[range.clone()].copy_from_slice(&written[range.clone()]);
    }
    (objective, gradient)
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-11 * expected.abs().max(1.0)
}

/// Over an epoch every row is taken once. Steps weighted by their rows give the objective and gradient of all rows, for
/// batches that divide the rows and for those that do not.
#[test]
fn an_epoch_is_the_gradient_of_all_rows() {
    for (title, text) in EXACT {
        let whole = prepared(text, &[("samples", 1.0)], 1);
        let at = whole.start().to_vec();
        let (objective, gradient) = step(&mut whole.steps().expect("it runs"), &at, 0);
        for size in [1, 2, 3, ROWS] {
            let parts = prepared(text, &[("samples", 1.0), ("minibatch.n", size as f64)], 1);
            assert_eq!(parts.start(), at, "{title}");
            let mut steps = parts.steps().expect("it runs");
            for epoch in [0, 4] {
                let count = ROWS.div_ceil(size);
                let (mut value, mut sum) = (0.0, vec![0.0; at.len()]);
                for k in 0..count {
                    let rows = size.min(ROWS - k * size);
                    let share = rows as f64 / ROWS as f64;
                    let (one, slope) = step(&mut steps, &at, (epoch * count + k) as u64);
                    value += share * one;
                    sum.iter_mut().zip(slope).for_each(|(sum, slope)| *sum += share * slope);
                }
                assert!(close(value, objective), "{title}, by {size}: {value}, all rows {objective}");
                for (found, expected) in sum.iter().zip(&gradient) {
                    assert!(close(*found, *expected), "{title}, by {size}: {sum:?}, all rows {gradient:?}");
                }
            }
        }
    }
}

/// A batch of all rows, which is shuffled, has the random numbers of its rows.
#[test]
fn random_numbers_belong_to_rows() {
    for (title, text) in &ESTIMATED[..4] {
        let text = format!("{text}seed = 3 }}");
        let (whole, parts) = (prepared(&text, &[], 1), prepared(&text, &[("minibatch.n", ROWS as f64)], 1));
        let at = whole.start().to_vec();
        let (mut whole, mut parts) = (whole.steps().expect("it runs"), parts.steps().expect("it runs"));
        // Averages are kept from step to step.
        for k in 0..4 {
            let ((a, da), (b, db)) = (step(&mut whole, &at, k), step(&mut parts, &at, k));
            assert!(close(a, b), "{title}, step {k}: {a}, in parts {b}");
            da.iter()
                .zip(&db)
                .for_each(|(a, b)| assert!(close(*a, *b), "{title}, step {k}: {da:?}, in parts {db:?}"));
        }
    }
}

/// `gradcheck` holds the mean gradient over random batches to the objective over all rows.
#[test]
fn estimates_are_unbiased_for_all_rows() {
    let asked = Asked { after: 0, gradients: 2000, rank: false };
    for (title, text) in ESTIMATED {
        // 7 = 3 + 3 + 1: the last batch of an epoch is another program.
        let prepared = prepared(&format!("{text}seed = 3 }}"), &[("minibatch.n", 3.0)], 1);
        for found in prepared.gradcheck(&asked).unwrap_or_else(|said| panic!("{}", said.message)) {
            let wrong: Vec<_> = found.biased().collect();
            assert!(wrong.is_empty(), "{title}: {wrong:?}, more than {}", found.limit);
            // The noise is small enough for a scale that is missing, or is there twice, to be seen.
            let seen = found.entries.iter().any(|entry| entry.reference.abs() > 10.0 * entry.se);
            assert!(seen, "{title}: {:?}", found.entries);
            assert!(found.rows.iter().all(|rows| rows.share > 0.0), "{title}: {:?}", found.rows);
        }
    }
}

/// Reweighted wake-sleep, row by row: two objectives take the same rows.
#[test]
fn two_objectives_take_the_same_rows() {
    let text = "
model m { param w: real = 0.4; plate i in 0..n { z[i] ~ normal(w, 1); y[i] ~ normal(z[i], 0.5) } }
guide q { param c: real[3] = [0.3, 0.2, -0.4]; plate i in 0..n { z[i] ~ normal(c[0] + c[1] * y[i], exp(c[2])) } }
fit { maximize p_wake_rows(m, q, dim = n, n = 4) over params(m)
      minimize q_wake_rows(m, q, dim = n, n = 4) over params(q) } { samples = 2, optimizer = sgd(0.01), steps = 3000 }";
    let whole = fitted(prepared(text, &[], 1));
    let parts =
        fitted(prepared(text, &[("minibatch.n", 3.0), ("steps", 6000.0), ("optimizer.rate", 0.005)], 1));
    for ((name, a), (_, b)) in whole.parameters.iter().zip(&parts.parameters) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 0.1, "{name}: {a}, in parts {b}");
        }
    }
}

fn fitted(prepared: Prepared) -> FitReport {
    let ended = prepared.run(&mut (), &std::sync::atomic::AtomicBool::new(false)).expect("it runs");
    assert!(matches!(ended.end, End::Finished));
    ended.report
}

/// The final objective is that of all rows, whatever a step takes.
#[test]
fn reports_are_of_all_rows() {
    for (title, text) in EXACT {
        let still = [("samples", 1.0), ("steps", 1.0), ("optimizer.rate", 1e-13)];
        let whole = fitted(prepared(text, &still, 1));
        let parts = fitted(prepared(text, &[&still[..], &[("minibatch.n", 3.0)]].concat(), 1));
        let (a, b) = (whole.objectives[0].mean, parts.objectives[0].mean);
        assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "{title}: {a}, in parts {b}");
        assert!(
            parts.estimator.notes[0].contains("a step takes 3 of 7 rows of `n`"),
            "{:?}",
            parts.estimator.notes
        );
    }
}

/// A step leaves the parameters of rows that it does not take, and the optimiser's memory of them, as they are; threads
/// change nothing.
#[test]
fn rows_not_taken_stand_still() {
    let text = EXACT[2].1;
    let by = |threads: usize| {
        let set = [("samples", 130.0), ("minibatch.n", 2.0), ("epochs", 3.0)];
        fitted(prepared(text, &set, threads))
    };
    let (one, two) = (by(1), by(3));
    assert_eq!(one.steps, 12);
    for ((_, a), (_, b)) in one.parameters.iter().zip(&two.parameters) {
        assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    // Adam's first step of an entry is of the rate, whenever it comes.
    let first = fitted(prepared(text, &[("samples", 1.0), ("minibatch.n", 2.0), ("steps", 1.0)], 1));
    let epoch = fitted(prepared(text, &[("samples", 1.0), ("minibatch.n", 2.0), ("epochs", 1.0)], 1));
    let start = [0.3, -1.2, 2.1, 0.7, 1.9, -0.4, 0.2];
    let moved = |report: &FitReport| -> Vec<f64> {
        let (_, logit) = report.parameters.iter().find(|(name, _)| name == "logit").expect("a parameter");
        logit.iter().zip(start).map(|(after, before)| (after - before).abs()).collect()
    };
    assert_eq!(moved(&first).iter().filter(|by| **by > 0.0).count(), 2);
    assert!(moved(&epoch).iter().all(|by| (by - 0.01).abs() < 1e-6), "{:?}", moved(&epoch));
}

/// Sizes that happen to be equal are not taken for each other.
#[test]
fn equal_sizes_are_told_apart() {
    let text = "
data k: int
data e: real[k] = [0.1, 0.4, -0.3, 0.8, 0.2, 0.5, -0.6]
model m {
  plate j in 0..k { a[j] ~ normal(0, 1); e[j] ~ normal(a[j], 1) }
  plate i in 0..n { y[i] ~ normal(sum(a), 1) }
}
guide q { param at: real[k] = 0.3; plate j in 0..k { a[j] ~ delta(at[j]) } }
fit: maximize elbo(m, q) { samples = 1 }";
    let (whole, parts) = (prepared(text, &[], 1), prepared(text, &[("minibatch.n", 1.0)], 1));
    let at = whole.start().to_vec();
    let (_, gradient) = step(&mut whole.steps().expect("it runs"), &at, 0);
    let mut steps = parts.steps().expect("it runs");
    let mut mean = vec![0.0; at.len()];
    for k in 0..ROWS {
        let (_, one) = step(&mut steps, &at, k as u64);
        mean.iter_mut().zip(one).for_each(|(mean, one)| *mean += one / ROWS as f64);
    }
    mean.iter().zip(&gradient).for_each(|(a, b)| assert!(close(*a, *b), "{mean:?}, all rows {gradient:?}"));
}

/// Steps whose cost does not grow with the data: of a hundred times as many rows, at most a few times the time.
#[test]
fn a_step_costs_what_its_rows_cost() {
    let median = |rows: usize| {
        let text = format!(
            "data n: int = {rows}
data y: real[n] = 0.5
model m {{ mu ~ normal(0, 1); plate i in 0..n {{ z[i] ~ normal(mu, 1); y[i] ~ normal(z[i], 0.5) }} }}
guide q {{ param c: real[2] = 0.1; param loc: real[n] = 0.2
  mu ~ normal.reparam(c[0], 0.3); plate i in 0..n {{ z[i] ~ normal.reparam(loc[i], exp(c[1])) }} }}
fit: maximize elbo(m, q) {{ minibatch = (n = 50), samples = 4, steps = 200 }}"
        );
        let (mut session, values) = load(&text, None).unwrap_or_else(|said| panic!("{said}"));
        let prepared = session.prepare(None, &values, &options(&[], 1), Instant::now());
        let prepared = prepared.unwrap_or_else(|_| panic!("{}", messages(&session.unit.diagnostics)));
        struct Times(Vec<f64>, Instant);
        impl Observer for Times {
            fn step(&mut self, _: u64, _: f64) {
                let now = Instant::now();
                self.0.push((now - self.1).as_secs_f64());
                self.1 = now;
            }
        }
        let mut times = Times(Vec::new(), Instant::now());
        prepared.run(&mut times, &std::sync::atomic::AtomicBool::new(false)).expect("it runs");
        times.0.sort_by(f64::total_cmp);
        times.0[times.0.len() / 2]
    };
    let (small, large) = (median(1_000), median(100_000));
    assert!(large < 5.0 * small, "{small} s a step of 1000 rows, {large} s of 100000");
}
