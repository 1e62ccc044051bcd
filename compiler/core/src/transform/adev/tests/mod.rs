//! Every strategy against closed forms and sums over all outcomes.

use super::fixtures::*;
use super::strategy::Chosen;
use crate::generative::Distribution;
use crate::ir::{Array, Elem, Monoid, Output, Program, Setting, Stmt, Strategy};
use crate::prim::Prim;
use std::rc::Rc;

mod recurrences;
mod rows;
mod weak;

const DRAWS: usize = 3000;

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// All strategies of a flip.
fn flips() -> Vec<Strategy> {
    vec![
        Strategy::named("enum"),
        Strategy::named("mvd"),
        Strategy::named("rloo"),
        Strategy::named("rloo").with("copies", Setting::Number(3.0)),
        Strategy::named("reinforce"),
        Strategy::named("reinforce").with("baseline", Setting::MovingAverage(0.9)),
    ]
}

/// Unbiased in value and derivative.
fn assert_unbiased(what: &str, program: &Program, values: &Values, truth: (f64, f64)) {
    let estimate = run(&derive(program).program, values);
    let (value, derivative) = (z(estimate.value, truth.0), z(estimate.derivative, truth.1));
    assert!(value < Z && derivative < Z, "{what}: {estimate:?} where {truth:?} is expected");
}

/// Exact, whatever is drawn.
fn assert_exact(what: &str, program: &Program, values: &Values, truth: (f64, f64)) {
    let estimate = run(&derive(program).program, values);
    let value = (estimate.value.0 - truth.0).abs() + estimate.value.1;
    // Central differences are good to about 1e-10.
    let derivative = (estimate.derivative.0 - truth.1).abs() + estimate.derivative.1;
    assert!(value < 1e-10 && derivative < 1e-9, "{what}: {estimate:?} where {truth:?} is expected");
}

fn normal_square(strategy: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let (mu, s) = (w.param("mu", &[]), w.param("s", &[]));
    let sigma = w.b.exp(s);
    let normal = w.normal.clone();
    let x = w.site("x", &normal, &[mu, sigma], Some(strategy));
    let off = w.affine(1.0, x, -1.0);
    let cost = w.b.mul(off, off);
    w.objective(cost)
}

#[test]
fn a_normal_is_differentiated_by_path_and_by_score() {
    let values = Values::from([("mu", vec![0.4]), ("s", vec![-0.3])]);
    let loss = |v: &Values| (v["mu"][0] - 1.0).powi(2) + (2.0 * v["s"][0]).exp();
    let truth = truth(&values, &["mu", "s"], &loss);
    for strategy in [
        Strategy::named("reparam"),
        Strategy::named("reinforce"),
        Strategy::named("reinforce").with("baseline", Setting::MovingAverage(0.9)),
    ] {
        assert_unbiased(strategy.name, &normal_square(strategy.clone()), &values, truth);
    }
}

#[test]
fn an_estimator_without_its_score_is_rejected() {
    let values = Values::from([("mu", vec![0.4]), ("s", vec![-0.3])]);
    let loss = |v: &Values| (v["mu"][0] - 1.0).powi(2) + (2.0 * v["s"][0]).exp();
    let truth = truth(&values, &["mu", "s"], &loss);
    // The path derivative with only half of the path: the scale is taken for a constant.
    let mut w = World::new(DRAWS);
    let (mu, s) = (w.param("mu", &[]), w.param("s", &[]));
    let sigma = w.b.exp(s);
    let sigma = w.b.detach(sigma);
    let normal = w.normal.clone();
    let x = w.site("x", &normal, &[mu, sigma], Some(Strategy::named("reparam")));
    let off = w.affine(1.0, x, -1.0);
    let cost = w.b.mul(off, off);
    let estimate = run(&derive(&w.objective(cost)).program, &values);
    assert!(z(estimate.value, truth.0) < Z);
    assert!(z(estimate.derivative, truth.1) > 10.0, "{estimate:?}, {truth:?}");
}

/// The cost of `normal_square` where x is drawn by the same sampler and differentiated by a cdf, F(scale·x).
fn by_cdf(scale: f64) -> Program {
    let mut w = World::new(DRAWS);
    let cdf = fragment(&w.b.axes, |b| {
        let [x, mu, sigma] = ["x", "mu", "sigma"].map(|name| formal(b, Elem::Real, name, &[]));
        let scale = b.real(scale);
        let x = b.mul(scale, x);
        let off = b.sub(x, mu);
        let z = b.div(off, sigma);
        let log = b.prim(Prim::LogPhi, &[z]);
        b.exp(log)
    });
    let (mu, s) = (w.param("mu", &[]), w.param("s", &[]));
    let sigma = w.b.exp(s);
    let normal = Rc::new(Distribution { cdf: Some(cdf), ..(*w.normal).clone() });
    let x = w.site("x", &normal, &[mu, sigma], Some(Strategy::named("implicit")));
    let off = w.affine(1.0, x, -1.0);
    let cost = w.b.mul(off, off);
    w.objective(cost)
}

#[test]
fn a_cdf_makes_any_sampler_pathwise() {
    let values = Values::from([("mu", vec![0.4]), ("s", vec![-0.3])]);
    let loss = |v: &Values| (v["mu"][0] - 1.0).powi(2) + (2.0 * v["s"][0]).exp();
    let truth = truth(&values, &["mu", "s"], &loss);
    assert_unbiased("implicit", &by_cdf(1.0), &values, truth);
    // For a normal it is the pathwise derivative draw by draw, so the same sample mean.
    let (implicit, path) =
        (run(&derive(&by_cdf(1.0)).program, &values), normal_square(Strategy::named("reparam")));
    let path = run(&derive(&path).program, &values);
    assert!((implicit.derivative.0 - path.derivative.0).abs() < 1e-9, "{implicit:?}, {path:?}");
    // A cdf that is not the integral of the density.
    let wrong = run(&derive(&by_cdf(1.3)).program, &values);
    assert!(z(wrong.derivative, truth.1) > 10.0, "{wrong:?}, {truth:?}");
}

/// f(x, θ) of one flip.
fn one_flip(strategy: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let theta = w.param("theta", &[]);
    let p = w.sigmoid(theta);
    let flip = w.flip.clone();
    let x = w.site("x", &flip, &[p], Some(strategy));
    let slope = w.affine(2.0, x, 0.5);
    let cost = w.b.mul(slope, theta);
    let cost = w.b.mul(cost, cost);
    w.objective(cost)
}

#[test]
fn a_flip_by_every_strategy() {
    let values = Values::from([("theta", vec![0.7])]);
    let loss = |v: &Values| {
        let theta = v["theta"][0];
        let f = |x: f64| ((2.0 * x + 0.5) * theta).powi(2);
        logistic(theta) * f(1.0) + (1.0 - logistic(theta)) * f(0.0)
    };
    let truth = truth(&values, &["theta"], &loss);
    assert_exact("enum", &one_flip(Strategy::named("enum")), &values, truth);
    for strategy in flips() {
        assert_unbiased(strategy.name, &one_flip(strategy.clone()), &values, truth);
    }
}

/// x, then y given x, then a cost of both and of θ.
fn nested(first: Strategy, second: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let (theta, phi) = (w.param("theta", &[]), w.param("phi", &[]));
    let flip = w.flip.clone();
    let p = w.sigmoid(theta);
    let x = w.site("x", &flip, &[p], Some(first));
    let x = w.affine(1.0, x, -0.3);
    let q = w.b.mul(x, phi);
    let q = w.sigmoid(q);
    let y = w.site("y", &flip, &[q], Some(second));
    let y = w.affine(2.0, y, 0.1);
    let product = w.b.mul(x, y);
    let product = w.b.mul(product, theta);
    let square = w.b.mul(product, product);
    let cost = w.b.add(square, y);
    w.objective(cost)
}

#[test]
fn sites_after_sites_in_every_combination() {
    let values = Values::from([("theta", vec![0.6]), ("phi", vec![-0.8])]);
    let loss = |v: &Values| {
        let (theta, phi) = (v["theta"][0], v["phi"][0]);
        let mut total = 0.0;
        for (x, y) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
            let p = logistic(theta);
            let q = logistic((x - 0.3) * phi);
            let weight = (if x == 1.0 { p } else { 1.0 - p }) * (if y == 1.0 { q } else { 1.0 - q });
            let (x, y) = (x - 0.3, 2.0 * y + 0.1);
            total += weight * ((x * y * theta).powi(2) + y);
        }
        total
    };
    let truth = truth(&values, &["theta", "phi"], &loss);
    assert_exact("enum, enum", &nested(Strategy::named("enum"), Strategy::named("enum")), &values, truth);
    for first in flips() {
        for second in flips() {
            let what = format!("{} then {}", first.name, second.name);
            assert_unbiased(&what, &nested(first.clone(), second), &values, truth);
        }
    }
}

/// A normal between two flips: path, score and alternatives together.
fn mixed(first: Strategy, second: Strategy, third: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let (theta, phi) = (w.param("theta", &[]), w.param("phi", &[]));
    let (flip, normal) = (w.flip.clone(), w.normal.clone());
    let p = w.sigmoid(theta);
    let x = w.site("x", &flip, &[p], Some(first));
    let x = w.affine(1.0, x, 0.0);
    let mu = w.b.mul(x, phi);
    let half = w.b.real(0.5);
    let z = w.site("z", &normal, &[mu, half], Some(second));
    let q = w.sigmoid(z);
    let y = w.site("y", &flip, &[q], Some(third));
    let y = w.affine(1.5, y, -0.2);
    let zy = w.b.mul(z, y);
    let cost = w.b.add(zy, x);
    w.objective(cost)
}

#[test]
fn discrete_and_continuous_sites_together() {
    let values = Values::from([("theta", vec![0.3]), ("phi", vec![0.9])]);
    let loss = |v: &Values| {
        let (theta, phi) = (v["theta"][0], v["phi"][0]);
        let mut total = 0.0;
        for (x, p) in [(1.0, logistic(theta)), (0.0, 1.0 - logistic(theta))] {
            // The trapezoidal rule on ±8 standard deviations is exact to rounding.
            let steps = 4000;
            let h = 16.0 / f64::from(steps);
            for step in 0..=steps {
                let e = -8.0 + h * f64::from(step);
                let z = x * phi + 0.5 * e;
                let density = (-0.5 * e * e).exp() / std::f64::consts::TAU.sqrt();
                let y = 1.5 * logistic(z) - 0.2;
                total += p * h * density * (z * y + x);
            }
        }
        total
    };
    let truth = truth(&values, &["theta", "phi"], &loss);
    let reinforce = || Strategy::named("reinforce");
    for first in flips() {
        for third in flips() {
            let what = format!("{}, reparam, {}", first.name, third.name);
            assert_unbiased(
                &what,
                &mixed(first.clone(), Strategy::named("reparam"), third.clone()),
                &values,
                truth,
            );
        }
        let what = format!("{}, reinforce, enum", first.name);
        assert_unbiased(&what, &mixed(first.clone(), reinforce(), Strategy::named("enum")), &values, truth);
    }
}

/// y exists only where x is true.
fn conditional(first: Strategy, second: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let (theta, phi) = (w.param("theta", &[]), w.param("phi", &[]));
    let flip = w.flip.clone();
    let p = w.sigmoid(theta);
    let x = w.site("x", &flip, &[p], Some(first));
    let saved = w.b.set_guard(Some(x));
    let q = w.sigmoid(phi);
    w.b.set_guard(saved);
    let arg = Array { var: q, dims: Vec::new() };
    let y = w.site_of("y", &flip, vec![arg], Some(second), Some(x));
    let saved = w.b.set_guard(Some(x));
    let y = w.affine(1.0, y, 0.4);
    let taken = w.b.mul(y, phi);
    w.b.set_guard(saved);
    let square = w.b.mul(theta, theta);
    let cost = w.b.select(x, taken, square);
    w.objective(cost)
}

#[test]
fn a_site_under_a_condition() {
    let values = Values::from([("theta", vec![-0.5]), ("phi", vec![0.9])]);
    let loss = |v: &Values| {
        let (theta, phi) = (v["theta"][0], v["phi"][0]);
        let (p, q) = (logistic(theta), logistic(phi));
        p * phi * (q * 1.4 + (1.0 - q) * 0.4) + (1.0 - p) * theta * theta
    };
    let truth = truth(&values, &["theta", "phi"], &loss);
    assert_exact(
        "enum, enum",
        &conditional(Strategy::named("enum"), Strategy::named("enum")),
        &values,
        truth,
    );
    for first in flips() {
        for second in flips() {
            let what = format!("{} then {}", first.name, second.name);
            assert_unbiased(&what, &conditional(first.clone(), second), &values, truth);
        }
    }
}

/// A choice among three per row, by its index.
fn choices(strategy: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let (i, k) = (w.axis("i", 2), w.axis("k", 3));
    let logits = w.param("logits", &[i, k]);
    let log_total = w.b.log_sum_exp(k, logits);
    let log_probs = w.b.sub(logits, log_total);
    let probs = w.b.exp(log_probs);
    w.key.insert(i);
    let categorical = w.categorical.clone();
    let arg = Array { var: probs, dims: vec![k] };
    let c = w.site_of("c", &categorical, vec![arg], Some(strategy), None);
    let value = w.data("value", &[k]);
    let chosen = w.b.gather(value, k, c);
    let own = w.b.gather(logits, k, c);
    let cost = w.b.mul(chosen, own);
    let total = w.b.reduce(Monoid::Sum, i, cost);
    w.objective(total)
}

#[test]
fn a_categorical() {
    let values =
        Values::from([("logits", vec![0.2, -0.4, 0.9, 1.1, 0.0, -0.7]), ("value", vec![1.0, -2.0, 0.5])]);
    let loss = |v: &Values| {
        let row = |i: usize| {
            let logits = &v["logits"][3 * i..3 * i + 3];
            let total: f64 = logits.iter().map(|l| l.exp()).sum();
            (0..3).map(|c| logits[c].exp() / total * v["value"][c] * logits[c]).sum::<f64>()
        };
        row(0) + row(1)
    };
    let truth = truth(&values, &["logits"], &loss);
    assert_exact("enum", &choices(Strategy::named("enum")), &values, truth);
    assert_unbiased("reinforce", &choices(Strategy::named("reinforce")), &values, truth);
}

#[test]
fn sites_of_constants_need_no_strategy() {
    let mut w = World::new(2);
    let flip = w.flip.clone();
    let p = w.b.real(0.3);
    let x = w.site("x", &flip, &[p], None);
    let theta = w.param("theta", &[]);
    let x = w.affine(1.0, x, 0.0);
    let cost = w.b.mul(x, theta);
    let sites = derive(&w.objective(cost)).sites;
    assert_eq!(sites[0].chosen, Chosen::Rigid);
}

/// A vector-valued site, whose arguments lie along another axis than its value.
fn walk(strategy: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let (d, e) = (w.axis("d", 3), w.axis("e", 3));
    let mu = w.param("mu", &[e]);
    let dist = w.walk.clone();
    w.sites_event = vec![d];
    let x = w.site_of("x", &dist, vec![Array { var: mu, dims: vec![e] }], Some(strategy), None);
    let square = w.b.mul(x, x);
    let total = w.b.reduce(Monoid::Sum, d, square);
    w.objective(total)
}

#[test]
fn a_vector_by_path_and_by_score() {
    let values = Values::from([("mu", vec![0.4, -0.9, 0.3])]);
    let loss = |v: &Values| {
        let mut mean = 0.0;
        let square = |(at, mu): (usize, &f64)| {
            mean += mu;
            mean * mean + at as f64 + 1.0
        };
        v["mu"].iter().enumerate().map(square).sum()
    };
    let truth = truth(&values, &["mu"], &loss);
    for strategy in [
        Strategy::named("reparam"),
        Strategy::named("reinforce").with("baseline", Setting::MovingAverage(0.9)),
    ] {
        assert_unbiased(strategy.name, &walk(strategy.clone()), &values, truth);
    }
}

#[test]
fn baselines_must_come_before_their_site() {
    let program = |late: bool| {
        let mut w = World::new(DRAWS);
        let theta = w.param("theta", &[]);
        let p = w.sigmoid(theta);
        let flip = w.flip.clone();
        let first = w.site("first", &flip, &[p], Some(Strategy::named("reinforce")));
        let known = w.affine(1.0, first, 0.3);
        let x = w.site(
            "x",
            &flip,
            &[p],
            Some(Strategy::named("reinforce").with("baseline", Setting::Value(known))),
        );
        let both = w.affine(2.0, x, 0.0);
        let cost = w.b.mul(both, known);
        let mut program = w.objective(cost);
        if late {
            for stmt in &mut program.body {
                if let Stmt::Sample(sample) = stmt
                    && &*sample.site.address == "x"
                {
                    let mut site = (*sample.site).clone();
                    site.strategy = Some(Strategy::named("reinforce").with("baseline", Setting::Value(both)));
                    sample.site = site.into();
                }
            }
        }
        program
    };
    let values = Values::from([("theta", vec![0.7])]);
    let loss = |v: &Values| {
        let p = logistic(v["theta"][0]);
        2.0 * p * (p * 1.3 + (1.0 - p) * 0.3)
    };
    assert_unbiased("baseline", &program(false), &values, truth(&values, &["theta"], &loss));
    let errors = super::estimator(program(true), &super::Options::default()).unwrap_err();
    assert_eq!(errors[0].code.0, "E0507");
}

#[test]
fn other_results_see_draws() {
    let mut w = World::new(DRAWS);
    let theta = w.param("theta", &[]);
    let p = w.sigmoid(theta);
    let flip = w.flip.clone();
    let x = w.site("x", &flip, &[p], Some(Strategy::named("enum")));
    let cost = w.affine(2.0, x, 0.0);
    let draw = w.draw;
    let program = w.b.finish(vec![
        Output { name: super::OBJECTIVE.into(), var: cost, dims: vec![draw] },
        Output { name: "x".into(), var: x, dims: vec![draw] },
    ]);
    let program = derive(&program).program;
    let x = program.results[1].var;
    assert!(program.vars[x.0 as usize].ty.axes.iter().eq([draw]), "a draw, without alternatives");
}
