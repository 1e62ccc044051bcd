//! Laws of the derivatives, on random programs.

use super::flow::each_let;
use super::{Seed, forward, jvp, linearize, transpose};
use crate::axis::Axis;
use crate::eval::eval;
use crate::ir::{Input, InputKind, Op, Program};
use crate::testing::{self, PARAMS, Shown, programs};
use ndarray::ArrayD;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};

type Results = HashMap<String, ArrayD<f64>>;

fn wrt() -> BTreeSet<String> {
    PARAMS.iter().map(|name| name.to_string()).collect()
}

/// The value of each input, parameters moved along their tangents by `step`.
fn value(program: &Program, input: &Input, step: f64) -> ArrayD<f64> {
    let here = testing::input(program, input);
    match input.kind {
        InputKind::Param => {
            let tangent = Input { kind: InputKind::Tangent, ..input.clone() };
            here + step * testing::input(program, &tangent)
        }
        _ => here,
    }
}

fn run_at(program: &Program, step: f64) -> Results {
    let inputs = |input: &Input| value(program, input, step);
    match eval(program, &inputs, &mut testing::draw) {
        Ok(results) => results,
        Err(error) => panic!("{error}\n{program}"),
    }
}

fn run(program: &Program) -> Results {
    run_at(program, 0.0)
}

fn largest(array: &ArrayD<f64>) -> f64 {
    array.iter().fold(0.0, |max, x| if x.is_nan() { f64::NAN } else { x.abs().max(max) })
}

fn close(a: &ArrayD<f64>, b: &ArrayD<f64>, tolerance: f64) -> bool {
    a.shape() == b.shape() && largest(&(a - b)) <= tolerance * (1.0 + largest(a))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn tangents_agree_with_finite_differences(Shown(program) in programs()) {
        let dual = jvp(&program, &wrt());
        let exact = run(&dual);
        let difference = |name: &str, h: f64| {
            (&run_at(&program, h)[name] - &run_at(&program, -h)[name]) / (2.0 * h)
        };
        for name in ["objective", "value"] {
            prop_assert!(close(&exact[name], &run(&program)[name], 1e-12), "the primal result {}", name);
            let (coarse, fine) = (difference(name, 2e-5), difference(name, 1e-5));
            // Where these disagree there is a kink or a jump between.
            if is_smooth(&program) && close(&coarse, &fine, 1e-6) {
                let zero = ArrayD::zeros(fine.raw_dim());
                let tangent = exact.get(&format!("tangent.{name}")).unwrap_or(&zero);
                prop_assert!(close(tangent, &fine, 1e-5), "{}: {} and {}", name, tangent, fine);
            }
        }
    }

    #[test]
    fn forward_is_reverse(Shown(program) in programs()) {
        let linear = linearize(&jvp(&program, &wrt()));
        let forward = run(&forward(&linear, "objective").unwrap());
        let reverse = run(&transpose(&linear, &[("objective", Seed::One)]).unwrap());
        prop_assert_eq!(forward.len(), reverse.len());
        for (name, value) in &reverse {
            prop_assert!(close(value, &forward[name], 1e-10), "{}: {} and {}", name, value, forward[name]);
        }
    }

    #[test]
    fn transposes_have_equal_inner_products(Shown(program) in programs()) {
        let linear = linearize(&jvp(&program, &wrt()));
        let tangents = run(&linear.program);
        let seeds = [("value", Seed::Input), ("objective", Seed::Input)];
        let turned = transpose(&linear, &seeds).unwrap();
        let cotangents = run(&turned);
        let mut outputs = 0.0;
        for result in &program.results {
            if let Some(tangent) = tangents.get(&format!("tangent.{}", result.name)) {
                let kind = InputKind::Cotangent;
                let input = Input { kind, name: result.name.clone(), dims: result.dims.clone() };
                outputs += (tangent * testing::input(&program, &input)).sum();
            }
        }
        let mut inputs = 0.0;
        for (name, dims) in parameters(&program) {
            if let Some(gradient) = cotangents.get(&format!("grad.{name}")) {
                let tangent = Input { kind: InputKind::Tangent, name, dims };
                inputs += (gradient * testing::input(&program, &tangent)).sum();
            }
        }
        let scale = 1.0 + cotangents.values().map(largest).fold(0.0, f64::max);
        prop_assert!((outputs - inputs).abs() <= 1e-9 * scale, "{} and {}", outputs, inputs);
    }

    #[test]
    fn gradients_have_tangents(Shown(program) in programs()) {
        let linear = linearize(&jvp(&program, &wrt()));
        let gradient = transpose(&linear, &[("objective", Seed::One)]).unwrap();
        let second = jvp(&gradient, &wrt());
        let exact = run(&second);
        let turned = transpose(&linearize(&second), &[("grad.a", Seed::One)]);
        let turned = turned.ok().map(|program| run(&program));
        for result in &gradient.results {
            let name = &result.name;
            let difference = |h: f64| (&run_at(&gradient, h)[name] - &run_at(&gradient, -h)[name]) / (2.0 * h);
            let (coarse, fine) = (difference(2e-5), difference(1e-5));
            if is_smooth(&program) && close(&coarse, &fine, 1e-6) {
                let zero = ArrayD::zeros(fine.raw_dim());
                let tangent = exact.get(&format!("tangent.{name}")).unwrap_or(&zero);
                prop_assert!(close(tangent, &fine, 1e-4), "{}: {} and {}", name, tangent, fine);
            }
        }
        // A row of the Hessian, as the gradient of an entry of the gradient: H[a, ·] · d = (H d)[a].
        if let (Some(row), Some(tangent)) = (turned, exact.get("tangent.grad.a")) {
            let mut product = 0.0;
            for (name, dims) in parameters(&program) {
                if let Some(entries) = row.get(&format!("grad'.{name}")) {
                    let direction = Input { kind: InputKind::Tangent, name, dims };
                    product += (entries * testing::input(&program, &direction)).sum();
                }
            }
            let entry = tangent.sum();
            prop_assert!((product - entry).abs() <= 1e-8 * (1.0 + largest(tangent)), "{} and {}", product, entry);
        }
    }
}

/// Whether finite differences see what tangents are: not through `detach` and `tangent`.
fn is_smooth(program: &Program) -> bool {
    let mut smooth = true;
    each_let(&program.body, &mut |stmt| smooth &= !matches!(stmt.op, Op::Detach(_) | Op::Tangent(_)));
    smooth
}

/// The parameters that a program mentions.
fn parameters(program: &Program) -> Vec<(String, Vec<Axis>)> {
    let mut parameters = Vec::new();
    each_let(&program.body, &mut |stmt| {
        if let Op::Input(Input { kind: InputKind::Param, name, dims }) = &stmt.op {
            parameters.push((name.clone(), dims.clone()));
        }
    });
    parameters
}
