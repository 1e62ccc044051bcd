//! Elimination against sums over all outcomes.

use super::log_density;
use crate::axis::Axis;
use crate::build::Builder;
use crate::generative::{Generative, ProgramKind};
use crate::ir::{Array, Monoid, Output, Program, Sample, Site, Stmt, Var};
use crate::prim::Prim;
use crate::transform::adev::OBJECTIVE;
use crate::transform::adev::fixtures::{Values, World, run, truth};
use crate::transform::density::Context;
use std::rc::Rc;
use vary_diagnostic::Diagnostic;

fn world() -> World {
    let mut w = World::new(1);
    w.key = Default::default();
    w
}

/// log Σ over everything that the program samples, as an objective.
fn marginal(w: World) -> Result<Program, Box<Diagnostic>> {
    let program = w.b.finish(Vec::new());
    let mut b = Builder::new(program.axes.clone());
    let generative = Generative {
        name: "m".into(),
        kind: ProgramKind::Model,
        program,
        params: Vec::new(),
        latents: Vec::new(),
        observed: Vec::new(),
        span: Default::default(),
    };
    let var = log_density(&mut b, &generative, &[], &Context::default())?;
    Ok(b.finish(vec![Output { name: OBJECTIVE.into(), var, dims: Vec::new() }]))
}

fn observe(w: &mut World, value: Var, mean: Var, rows: &[Axis]) {
    let one = w.b.real(1.0);
    let args = [mean, one].map(|var| Array { var, dims: Vec::new() }).to_vec();
    let site = Site {
        address: "y".into(),
        occurrence: "y".into(),
        dist: w.normal.clone(),
        args,
        dims: rows.to_vec(),
        event: 0,
        key: rows.iter().copied().collect(),
        strategy: None,
        span: Default::default(),
    };
    w.b.push(Stmt::Observe(Sample { var: value, site: Rc::new(site), guard: None }));
}

fn assert_equals(program: &Program, values: &Values, params: &[&'static str], loss: &dyn Fn(&Values) -> f64) {
    let truth = truth(values, params, loss);
    let found = run(program, values);
    assert!((found.value.0 - truth.0).abs() < 1e-10, "{found:?}, {truth:?}\n{program}");
    assert!((found.derivative.0 - truth.1).abs() < 1e-8, "{found:?}, {truth:?}\n{program}");
}

fn normal(y: f64, mean: f64) -> f64 {
    (-0.5 * (y - mean).powi(2)).exp() / std::f64::consts::TAU.sqrt()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let total: f64 = logits.iter().map(|l| l.exp()).sum();
    logits.iter().map(|l| l.exp() / total).collect()
}

fn probabilities(w: &mut World, logits: Var, k: Axis) -> Array {
    let total = w.b.log_sum_exp(k, logits);
    let logs = w.b.sub(logits, total);
    Array { var: w.b.exp(logs), dims: vec![k] }
}

/// A component per row, read by an observation of the row.
fn mixture(n: usize) -> World {
    let mut w = world();
    let (i, k) = (w.axis("i", n), w.axis("k", 3));
    let (logits, mu) = (w.param("logits", &[k]), w.param("mu", &[k]));
    let probs = probabilities(&mut w, logits, k);
    w.key.insert(i);
    let categorical = w.categorical.clone();
    let c = w.site_of("c", &categorical, vec![probs], None, None);
    let mean = w.b.gather(mu, k, c);
    let y = w.data("y", &[i]);
    observe(&mut w, y, mean, &[i]);
    w
}

#[test]
fn rows_of_a_mixture_factor() {
    let values = Values::from([
        ("logits", vec![0.3, -0.2, 0.8]),
        ("mu", vec![-1.0, 0.5, 2.0]),
        ("y", vec![0.1, -0.7, 2.2, 1.0]),
    ]);
    let loss = |v: &Values| {
        let p = softmax(&v["logits"]);
        let row = |y: &f64| (0..3).map(|c| p[c] * normal(*y, v["mu"][c])).sum::<f64>().ln();
        v["y"].iter().map(row).sum()
    };
    assert_equals(&marginal(mixture(4)).unwrap(), &values, &["logits", "mu"], &loss);
    // 3 values a row, not 3^1000.
    let large = marginal(mixture(1000)).unwrap();
    let lanes = large.vars.iter().map(|info| info.ty.axes.iter().map(|a| size(&large, a)).product::<usize>());
    assert!(lanes.max().unwrap_or(0) <= 3000);
}

fn size(program: &Program, axis: Axis) -> usize {
    program.axes.info(axis).size.value().map_or(1, |size| size as usize)
}

/// A hidden Markov chain with an observation, and a second discrete latent, at every step.
fn hidden_chain(steps: usize) -> World {
    let mut w = world();
    let (t, from, k) = (w.axis("t", steps), w.axis("from", 3), w.axis("k", 3));
    let (logits, mu) = (w.param("logits", &[from, k]), w.param("mu", &[k]));
    let start = w.b.int(1);
    let y = w.data("y", &[t]);
    let last = w.b.begin_scan(t, false, &[(start, Default::default())])[0];
    let row = w.b.gather(logits, from, last);
    let probs = probabilities(&mut w, row, k);
    w.key.insert(t);
    let (categorical, flip) = (w.categorical.clone(), w.flip.clone());
    let c = w.site_of("c", &categorical, vec![probs], None, None);
    let mean = w.b.gather(mu, k, c);
    let p = w.sigmoid(mean);
    let outlier = w.site("outlier", &flip, &[p], None);
    let shift = w.affine(1.5, outlier, 0.0);
    let mean = w.b.add(mean, shift);
    observe(&mut w, y, mean, &[t]);
    w.b.end_scan(&[c]);
    w
}

#[test]
fn a_hidden_chain_is_summed_forward() {
    let y: Vec<f64> = vec![0.3, -1.0, 2.0, 0.4, 1.1];
    let values = Values::from([
        ("logits", vec![0.3, -0.2, 0.8, 0.0, 1.0, -0.4, 0.6, 0.1, -0.9]),
        ("mu", vec![-1.0, 0.5, 2.0]),
        ("y", y),
    ]);
    let loss = |v: &Values| {
        let steps = v["y"].len();
        let mut total = 0.0;
        for outcome in 0..3_usize.pow(steps as u32) {
            let (mut weight, mut last, mut digits) = (1.0, 1, outcome);
            for y in &v["y"] {
                let c = digits % 3;
                digits /= 3;
                let mean = v["mu"][c];
                let p = 1.0 / (1.0 + (-mean).exp());
                weight *= softmax(&v["logits"][3 * last..3 * last + 3])[c];
                weight *= p * normal(*y, mean + 1.5) + (1.0 - p) * normal(*y, mean);
                last = c;
            }
            total += weight;
        }
        total.ln()
    };
    assert_equals(&marginal(hidden_chain(5)).unwrap(), &values, &["logits", "mu"], &loss);
    let large = marginal(hidden_chain(500)).unwrap();
    let lanes = large.vars.iter().map(|info| info.ty.axes.iter().map(|a| size(&large, a)).product::<usize>());
    assert!(lanes.max().unwrap_or(0) <= 500 * 3 * 3 * 3);
}

/// Flips whose sum is observed.
fn sum_of_flips(n: usize) -> World {
    let mut w = world();
    let i = w.axis("i", n);
    let theta = w.param("theta", &[i]);
    let p = w.sigmoid(theta);
    w.key.insert(i);
    let flip = w.flip.clone();
    let x = w.site("x", &flip, &[p], None);
    let x = w.b.prim(Prim::ToReal, &[x]);
    let sum = w.b.reduce(Monoid::Sum, i, x);
    let y = w.data("y", &[]);
    observe(&mut w, y, sum, &[]);
    w
}

#[test]
fn rows_read_together_are_summed_jointly() {
    let values = Values::from([("theta", vec![0.4, -1.0, 0.2]), ("y", vec![1.3])]);
    let loss = |v: &Values| {
        let total: f64 = (0..8)
            .map(|outcome| {
                let p = v["theta"].iter().enumerate().map(|(i, theta)| {
                    let p = 1.0 / (1.0 + (-theta).exp());
                    if outcome >> i & 1 == 1 { p } else { 1.0 - p }
                });
                p.product::<f64>() * normal(v["y"][0], f64::from(i32::count_ones(outcome)))
            })
            .sum();
        total.ln()
    };
    assert_equals(&marginal(sum_of_flips(3)).unwrap(), &values, &["theta"], &loss);
    let refused = marginal(sum_of_flips(30)).unwrap_err();
    assert_eq!((refused.code.0, refused.labels.len()), ("E0504", 2));
}

#[test]
fn infinite_supports_are_refused() {
    let mut w = world();
    let (zero, one) = (w.b.real(0.0), w.b.real(1.0));
    let normal = w.normal.clone();
    w.site("z", &normal, &[zero, one], None);
    assert_eq!(marginal(w).unwrap_err().code.0, "E0506");
}
