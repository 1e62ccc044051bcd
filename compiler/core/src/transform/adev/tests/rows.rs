//! Rows of plates and copies, on their own and together.

use super::super::fixtures::*;
use super::super::{Options, estimator};
use super::{DRAWS, assert_exact, assert_unbiased, flips, logistic};
use crate::ir::{Const, Monoid, Op, Program, Setting, Stmt, Strategy};

/// Rows that see only themselves, if `square` comes before the sum, or each other.
fn rows(n: usize, strategy: Strategy, across: bool) -> Program {
    let mut w = World::new(if n > 100 { 3 } else { DRAWS });
    let i = w.axis("i", n);
    let theta = w.param("theta", &[i]);
    let p = w.sigmoid(theta);
    let flip = w.flip.clone();
    w.key.insert(i);
    let x = w.site("x", &flip, &[p], Some(strategy));
    let weight = w.data("weight", &[i]);
    let x = w.affine(1.0, x, 0.2);
    let value = w.b.mul(weight, x);
    let cost = if across {
        let sum = w.b.reduce(Monoid::Sum, i, value);
        w.b.mul(sum, sum)
    } else {
        let square = w.b.mul(value, value);
        w.b.reduce(Monoid::Sum, i, square)
    };
    w.objective(cost)
}

#[test]
fn rows_of_a_plate() {
    let values = Values::from([("theta", vec![0.5, -0.4, 1.2]), ("weight", vec![1.0, -2.0, 0.7])]);
    let loss = |across: bool| {
        move |v: &Values| {
            let mut total = 0.0;
            for outcome in 0..8 {
                let mut p = 1.0;
                let (mut sum, mut squares) = (0.0, 0.0);
                for (i, (theta, weight)) in v["theta"].iter().zip(&v["weight"]).enumerate() {
                    let x = f64::from(outcome >> i & 1);
                    let q = logistic(*theta);
                    p *= if x == 1.0 { q } else { 1.0 - q };
                    let value = weight * (x + 0.2);
                    sum += value;
                    squares += value * value;
                }
                total += p * if across { sum * sum } else { squares };
            }
            total
        }
    };
    for across in [false, true] {
        // Data is not moved: only `theta` has tangents.
        let truth = truth(&values, &["theta"], &loss(across));
        assert_exact("enum", &rows(3, Strategy::named("enum"), across), &values, truth);
        for strategy in flips() {
            assert_unbiased(strategy.name, &rows(3, strategy.clone(), across), &values, truth);
        }
    }
}

/// Statements times what each computes per draw.
fn plan_size(program: &Program) -> usize {
    fn walk(program: &Program, stmts: &[Stmt]) -> usize {
        let stmt = |stmt: &Stmt| match stmt {
            Stmt::Let(binding) => {
                let axes = &program.vars[binding.var.0 as usize].ty.axes;
                axes.iter().map(|axis| program.axes.size(axis)).product()
            }
            Stmt::Scan(scan) => walk(program, &scan.body),
            _ => 0,
        };
        stmts.iter().map(stmt).sum()
    }
    walk(program, &program.body)
}

#[test]
fn plans_are_linear_in_rows() {
    for strategy in flips() {
        let size = |n: usize| plan_size(&derive(&rows(n, strategy.clone(), false)).program);
        let (small, large) = (size(250), size(1000));
        assert!(large < 4 * small + 100, "{}: {small} and {large}", strategy.name);
        assert!(large < 3 * 1000 * 60, "{}: {large}", strategy.name);
    }
}

#[test]
fn rows_read_together_have_a_limit() {
    let errors = estimator(rows(40, Strategy::named("enum"), true), &Options::default()).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code.0, "E0504");
    assert_eq!(errors[0].labels.len(), 2, "the site and the sum: {errors:#?}");
}

/// The derived program with its score terms cut.
fn without_scores(program: &Program) -> Program {
    fn cut(stmts: &mut [Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(binding) => {
                    if let Op::Tangent(_) = binding.op {
                        binding.op = Op::Const(Const::Real(0.0));
                    }
                }
                Stmt::Scan(scan) => cut(&mut scan.body),
                _ => {}
            }
        }
    }
    let mut program = derive(program).program;
    cut(&mut program.body);
    program
}

#[test]
fn estimators_without_their_scores_are_rejected() {
    let values = Values::from([("theta", vec![0.5, -0.4, 1.2]), ("weight", vec![1.0, -2.0, 0.7])]);
    for (strategy, across) in flips()[1..].iter().flat_map(|s| [(s, false), (s, true)]) {
        let program = rows(3, strategy.clone(), across);
        let honest = run(&derive(&program).program, &values);
        let wrong = run(&without_scores(&program), &values);
        let exact = run(&derive(&rows(3, Strategy::named("enum"), across)).program, &values).derivative.0;
        assert!(z(honest.derivative, exact) < Z);
        assert!(z(wrong.derivative, exact) > 10.0, "{}: {wrong:?}, {exact}", strategy.name);
    }
}

/// log-mean-exp over copies of a flip: copies stand under one non-linear term.
fn replicated(strategy: Strategy) -> Program {
    let mut w = World::new(DRAWS);
    let copy = w.b.fresh_axis("copy", crate::dim::Dim::known(3), crate::axis::Role::Copy);
    let theta = w.param("theta", &[]);
    let p = w.sigmoid(theta);
    let flip = w.flip.clone();
    w.key.insert(copy);
    let x = w.site("x", &flip, &[p], Some(strategy));
    let weight = w.affine(1.7, x, 0.0);
    let weight = w.b.mul(weight, theta);
    let cost = w.b.log_sum_exp(copy, weight);
    w.objective(cost)
}

#[test]
fn copies_under_log_mean_exp() {
    let values = Values::from([("theta", vec![0.8])]);
    let loss = |v: &Values| {
        let theta = v["theta"][0];
        let mut total = 0.0;
        for outcome in 0..8 {
            let xs = (0..3).map(|i| f64::from(outcome >> i & 1));
            let ones: f64 = xs.clone().sum();
            let p = logistic(theta);
            let weight = p.powf(ones) * (1.0 - p).powf(3.0 - ones);
            total += weight * xs.map(|x| (1.7 * x * theta).exp()).sum::<f64>().ln();
        }
        total
    };
    let truth = truth(&values, &["theta"], &loss);
    assert_exact("enum", &replicated(Strategy::named("enum")), &values, truth);
    for strategy in flips() {
        assert_unbiased(strategy.name, &replicated(strategy.clone()), &values, truth);
    }
}

#[test]
fn moving_averages_are_states() {
    let estimator =
        derive(&rows(3, Strategy::named("reinforce").with("baseline", Setting::MovingAverage(0.9)), false));
    assert_eq!(estimator.states.len(), 1);
    let state = &estimator.states[0];
    assert_eq!((&*state.name, state.decay, state.dims.len()), ("baseline.x", 0.9, 1));
    assert!(estimator.program.results.iter().any(|result| result.name == "state.baseline.x"));
}
