//! Sites in recurrences.

use super::super::fixtures::*;
use super::{DRAWS, assert_exact, assert_unbiased, flips, logistic};
use crate::ir::{Array, Monoid, Program, Setting, Strategy};
use crate::prim::Prim;

/// A Markov chain of flips with a cost at every step.
fn chain(steps: usize, strategy: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let t = w.axis("t", steps);
    let theta = w.param("theta", &[t]);
    let no = w.b.bool(false);
    let draw = w.draw;
    let widen = [draw].into_iter().collect();
    let last = w.b.begin_scan(t, false, &[(no, widen)])[0];
    let before = w.affine(1.3, last, -0.5);
    let logit = w.b.add(before, theta);
    let p = w.sigmoid(logit);
    w.key.insert(t);
    let flip = w.flip.clone();
    let x = w.site("x", &flip, &[p], Some(strategy));
    let both = w.b.prim(Prim::And, &[x, last]);
    let (a, c) = (w.affine(1.0, x, 0.3), w.affine(2.0, both, 0.0));
    let cost = w.b.add(a, c);
    let cost = w.b.mul(cost, theta);
    w.b.end_scan(&[x]);
    let total = w.b.reduce(Monoid::Sum, t, cost);
    w.objective(total)
}

#[test]
fn a_recurrence() {
    let values = Values::from([("theta", vec![0.4, -0.6, 0.9])]);
    let loss = |v: &Values| {
        let mut total = 0.0;
        for outcome in 0..8 {
            let (mut p, mut last, mut cost) = (1.0, 0.0, 0.0);
            for (t, theta) in v["theta"].iter().enumerate() {
                let x = f64::from(outcome >> t & 1);
                let q = logistic(1.3 * last - 0.5 + theta);
                p *= if x == 1.0 { q } else { 1.0 - q };
                cost += (x + 0.3 + 2.0 * x * last) * theta;
                last = x;
            }
            total += p * cost;
        }
        total
    };
    let truth = truth(&values, &["theta"], &loss);
    assert_exact("enum", &chain(3, Strategy::named("enum")), &values, truth);
    for strategy in flips() {
        assert_unbiased(strategy.name, &chain(3, strategy.clone()), &values, truth);
    }
}

/// Steps go on while the flip of the step before was true; later flips do not exist.
fn stopping(strategy: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let t = w.axis("t", 3);
    let theta = w.param("theta", &[t]);
    let p = w.sigmoid(theta);
    let yes = w.b.bool(true);
    let widen = [w.draw].into_iter().collect();
    let alive = w.b.begin_scan(t, false, &[(yes, widen)])[0];
    w.key.insert(t);
    let flip = w.flip.clone();
    let arg = Array { var: p, dims: Vec::new() };
    let x = w.site_of("x", &flip, vec![arg], Some(strategy), Some(alive));
    let next = w.b.prim(Prim::And, &[alive, x]);
    let zero = w.b.real(0.0);
    let weight = w.data("weight", &[t]);
    let gain = w.b.mul(weight, theta);
    let cost = w.b.select(next, gain, zero);
    w.b.end_scan(&[next]);
    let total = w.b.reduce(Monoid::Sum, t, cost);
    w.objective(total)
}

#[test]
fn a_recurrence_that_stops() {
    let values = Values::from([("theta", vec![0.9, 0.4, -0.6]), ("weight", vec![1.0, -2.0, 3.0])]);
    let loss = |v: &Values| {
        let (mut total, mut alive) = (0.0, 1.0);
        for (theta, weight) in v["theta"].iter().zip(&v["weight"]) {
            alive *= logistic(*theta);
            total += alive * weight * theta;
        }
        total
    };
    let truth = truth(&values, &["theta"], &loss);
    assert_exact("enum", &stopping(Strategy::named("enum")), &values, truth);
    for strategy in flips() {
        assert_unbiased(strategy.name, &stopping(strategy.clone()), &values, truth);
    }
}

/// Two flips a step: the first depends on the second of the step before.
fn two_a_step(first: Strategy, second: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let t = w.axis("t", 2);
    let theta = w.param("theta", &[t]);
    let no = w.b.bool(false);
    let widen = [w.draw].into_iter().collect();
    let last = w.b.begin_scan(t, false, &[(no, widen)])[0];
    let before = w.affine(1.3, last, -0.5);
    let logit = w.b.add(before, theta);
    let p = w.sigmoid(logit);
    w.key.insert(t);
    let flip = w.flip.clone();
    let x = w.site("x", &flip, &[p], Some(first));
    let logit = w.affine(-0.8, x, 0.3);
    let logit = w.b.add(logit, theta);
    let q = w.sigmoid(logit);
    let y = w.site("y", &flip, &[q], Some(second));
    let (x, real) = (w.affine(1.0, x, 0.3), w.affine(2.0, y, -0.1));
    let cost = w.b.mul(x, real);
    let cost = w.b.mul(cost, theta);
    w.b.end_scan(&[y]);
    let total = w.b.reduce(Monoid::Sum, t, cost);
    w.objective(total)
}

#[test]
fn sites_of_a_recurrence_in_every_combination() {
    let values = Values::from([("theta", vec![0.5, -0.7])]);
    let loss = |v: &Values| {
        let mut total = 0.0;
        for outcome in 0..16 {
            let (mut weight, mut last, mut cost) = (1.0, 0.0, 0.0);
            for (t, theta) in v["theta"].iter().enumerate() {
                let (x, y) = (f64::from(outcome >> (2 * t) & 1), f64::from(outcome >> (2 * t + 1) & 1));
                let p = logistic(1.3 * last - 0.5 + theta);
                let q = logistic(-0.8 * x + 0.3 + theta);
                weight *= (if x == 1.0 { p } else { 1.0 - p }) * (if y == 1.0 { q } else { 1.0 - q });
                cost += (x + 0.3) * (2.0 * y - 0.1) * theta;
                last = y;
            }
            total += weight * cost;
        }
        total
    };
    let truth = truth(&values, &["theta"], &loss);
    assert_exact("enum, enum", &two_a_step(Strategy::named("enum"), Strategy::named("enum")), &values, truth);
    let average = Strategy::named("reinforce").with("baseline", Setting::MovingAverage(0.9));
    assert_unbiased("averages", &two_a_step(average, Strategy::named("enum")), &values, truth);
    for first in &flips()[..3] {
        for second in &flips()[..3] {
            let what = format!("{} then {}", first.name, second.name);
            assert_unbiased(&what, &two_a_step(first.clone(), second.clone()), &values, truth);
        }
    }
}

/// Flips on their own, whose cost is accumulated step by step.
fn accumulated(steps: usize, strategy: Strategy) -> Program {
    let mut w = World::new(if steps > 10 { 2 } else { DRAWS });
    let t = w.axis("t", steps);
    let theta = w.param("theta", &[t]);
    let p = w.sigmoid(theta);
    let zero = w.b.real(0.0);
    let widen = [w.draw].into_iter().collect();
    let total = w.b.begin_scan(t, false, &[(zero, widen)])[0];
    w.key.insert(t);
    let flip = w.flip.clone();
    let x = w.site("x", &flip, &[p], Some(strategy));
    let cost = w.affine(1.0, x, 0.3);
    let cost = w.b.mul(cost, theta);
    let next = w.b.add(total, cost);
    w.b.end_scan(&[next]);
    let last = w.b.int(steps as i64 - 1);
    let last = w.b.gather(next, t, last);
    w.objective(last)
}

#[test]
fn accumulated_totals_are_sums() {
    let values = Values::from([("theta", vec![0.5, -0.7, 1.0])]);
    let loss = |v: &Values| v["theta"].iter().map(|theta| (logistic(*theta) + 0.3) * theta).sum();
    let truth = truth(&values, &["theta"], &loss);
    for strategy in flips() {
        assert_unbiased(strategy.name, &accumulated(3, strategy.clone()), &values, truth);
    }
    assert_exact("steps on their own", &accumulated(40, Strategy::named("enum")), &forty(), {
        let loss = |v: &Values| v["theta"].iter().map(|theta| (logistic(*theta) + 0.3) * theta).sum();
        super::super::fixtures::truth(&forty(), &["theta"], &loss)
    });
}

fn forty() -> Values {
    Values::from([("theta", (0..40).map(|t| 0.05 * f64::from(t) - 1.0).collect())])
}
