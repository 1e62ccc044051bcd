//! Laws of the derivatives, on random programs.

use super::flow::each_let;
use super::{Seed, forward, jvp, linearize, simplify, transpose};
use crate::axis::Axis;
use crate::check::{Level, check};
use crate::eval::eval;
use crate::ir::{Input, InputKind, Let, Op, Program, Stmt};
use crate::testing::{self, PARAMS, Shown, config, programs};
use crate::text::read;
use ndarray::ArrayD;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};

type Results = HashMap<String, ArrayD<f64>>;

fn wrt() -> BTreeSet<String> {
    PARAMS.iter().map(|name| name.to_string()).collect()
}

/// The value of each input, parameters moved along their tangents by `step`; second tangents are the first.
fn value(program: &Program, input: &Input, step: f64) -> ArrayD<f64> {
    let name = input.name.trim_end_matches('\'').to_string();
    let here = testing::input(program, &Input { name, ..input.clone() });
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
    #![proptest_config(config())]

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
    fn simple_programs_compute_the_same(Shown(program) in programs()) {
        prop_assert_eq!(check(&program, Level::Random), Ok(()));
        let gradient = transpose(&linearize(&jvp(&program, &wrt())), &[("objective", Seed::One)]).unwrap();
        for program in [program, gradient] {
            let simple = simplify(&program);
            prop_assert_eq!(check(&simple, Level::Random), Ok(()));
            let (expected, found) = (run(&program), run(&simple));
            for (name, value) in &expected {
                prop_assert!(close(value, &found[name], 1e-12), "{}", name);
            }
            let count = |program: &Program| program.to_string().lines().count();
            prop_assert!(count(&simple) <= count(&program));
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
    fn tangents_have_tangents(Shown(program) in programs()) {
        let dual = jvp(&program, &wrt());
        let exact = run(&jvp(&dual, &wrt()));
        let slope = |h: f64| Some(run_at(&dual, h).remove("tangent.objective")? / (2.0 * h));
        let difference = |h: f64| Some(slope(h)? + slope(-h)?);
        if let (Some(coarse), Some(fine)) = (difference(2e-5), difference(1e-5))
            && is_smooth(&program)
            && close(&coarse, &fine, 1e-6)
        {
            let zero = ArrayD::zeros(fine.raw_dim());
            let second = exact.get("tangent'.tangent.objective").unwrap_or(&zero);
            prop_assert!(close(second, &fine, 1e-4), "{} and {}", second, fine);
        }
    }

    /// H v is the tangent of the gradient (`jvp` of what `transpose` gives) and the gradient of the tangent
    /// (`transpose` of what `jvp` gives); and uᵀ H v = vᵀ H u.
    #[test]
    fn products_with_the_hessian_agree(Shown(program) in programs()) {
        let objective = [("objective", Seed::One)];
        let gradient = transpose(&linearize(&jvp(&program, &wrt())), &objective).unwrap();
        let forward = jvp(&gradient, &wrt());
        let mut dual = jvp(&program, &wrt());
        fix_directions(&mut dual.body);
        // An ordinary result, no longer the tangent of one.
        dual.results.retain(|result| result.name == "tangent.objective");
        dual.results.iter_mut().for_each(|result| result.name = "slope".to_string());
        let reverse = transpose(&linearize(&jvp(&dual, &wrt())), &[("slope", Seed::One)]);
        let (along_v, along_u) = (run_along(&forward, ""), run_along(&forward, " again"));
        let (mut uhv, mut vhu, mut scale) = (0.0, 0.0, 1.0);
        for (name, dims) in parameters(&program) {
            let direction = |turn: &str| {
                let name = format!("{name}{turn}");
                testing::input(&program, &Input { kind: InputKind::Tangent, name, dims: dims.clone() })
            };
            let (v, u) = (direction(""), direction(" again"));
            let tangent = format!("tangent.grad.{name}");
            let (hv, hu) = (or_zero(&along_v, &tangent, &v), or_zero(&along_u, &tangent, &v));
            uhv += (&u * &hv).sum();
            vhu += (&v * &hu).sum();
            scale += largest(&hv) + largest(&hu);
            if is_smooth(&program) && let Ok(reverse) = &reverse {
                let turned = or_zero(&run_along(reverse, ""), &format!("grad.{name}"), &v);
                prop_assert!(close(&hv, &turned, 1e-8), "{}: {} and {}", name, hv, turned);
            }
        }
        if is_smooth(&program) {
            prop_assert!((uhv - vhu).abs() <= 1e-8 * scale, "{} and {}", uhv, vhu);
        }
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

/// The result with this name, or zeros where there is none.
fn or_zero(results: &Results, name: &str, shape: &ArrayD<f64>) -> ArrayD<f64> {
    results.get(name).cloned().unwrap_or_else(|| ArrayD::zeros(shape.raw_dim()))
}

/// Tangents as data of the name `direction.…`: what is linear in them is an ordinary program again.
fn fix_directions(body: &mut [Stmt]) {
    for stmt in body {
        match stmt {
            Stmt::Let(Let { op: Op::Input(input), .. }) if input.kind == InputKind::Tangent => {
                *input = Input {
                    kind: InputKind::Data,
                    name: format!("direction.{}", input.name),
                    dims: input.dims.clone(),
                };
            }
            Stmt::Scan(scan) => fix_directions(&mut scan.body),
            _ => {}
        }
    }
}

/// Results with tangents (or fixed directions) from noise of another name for every `turn`.
fn run_along(program: &Program, turn: &str) -> Results {
    let inputs = |input: &Input| {
        let direction = match input.kind {
            InputKind::Tangent => Some(input.name.as_str()),
            _ => input.name.strip_prefix("direction."),
        };
        match direction {
            Some(name) => {
                let name = format!("{name}{turn}");
                testing::input(program, &Input { kind: InputKind::Tangent, name, dims: input.dims.clone() })
            }
            None => testing::input(program, input),
        }
    };
    match eval(program, &inputs, &mut testing::draw) {
        Ok(results) => results,
        Err(error) => panic!("{error}\n{program}"),
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

/// `h[t] = tanh(Σ_k w[j, k] h[t-1][k] + x[t, j])`, and the sum of the squares of all states.
const RECURRENCE: &str = "\
axis t = 0..4
axis j = 0..3
axis k = 0..3

%0: real[j, k] = param m(j, k)
%1: real[t, j] = data x(t, j)
%2: real = 0.0
scan t
  carry %3: real[t, j] = %2 then %8      // h
  %4: real[t, k] = rename j->k %3
  %5: real[t, j, k] = mul %0 %4
  %6: real[t, j] = sum k %5
  %7: real[t, j] = add %6 %1
  %8: real[t, j] = tanh %7
%9: real[t, j] = mul %8 %8
%10: real[t] = sum j %9
%11: real = sum t %10

result objective = %11
";

#[test]
fn the_gradient_of_a_recurrence_is_one_contraction_after_it() {
    let program = read(RECURRENCE).unwrap();
    assert_eq!(check(&program, Level::Random), Ok(()));
    let linear = linearize(&jvp(&program, &wrt()));
    let gradient = simplify(&transpose(&linear, &[("objective", Seed::One)]).unwrap());
    let expected = "\
axis t = 0..4
axis j = 0..3
axis k = 0..3

%0: real[j, k] = param m(j, k)           // m
%1: real[t, j] = data x(t, j)            // x
%2: real = 0.0
%3: real = 1.0
scan t
  carry %4: real[t, j] = %2 then %9      // h
  %5: real[t, k] = rename j->k %4
  %6: real[t, j, k] = mul %0 %5
  %7: real[t, j] = sum k %6
  %8: real[t, j] = add %7 %1
  %9: real[t, j] = tanh %8
%10: real[t, j] = mul %9 %9
%11: real[t, j] = sub %3 %10
%12: real[t] = sum j %10
%13: real = sum t %12
%14: real = 2.0
%15: real[t, j] = mul %9 %14
scan t reverse
  carry %16: real[t, j] = %2 then %21
  %17: real[t, j] = add %15 %16
  %18: real[t, j] = mul %11 %17
  %19: real[t, j, k] = mul %0 %18
  %20: real[t, k] = sum j %19
  %21: real[t, j] = rename k->j %20
%22: real[t, j, k] = mul %5 %18
%23: real[j, k] = sum t %22

result objective = %13
result grad.m(j, k) = %23
";
    let text = gradient.to_string();
    assert_eq!(text, expected);
}

#[test]
fn untaken_branches_do_not_reach_gradients() {
    // log, sqrt, 1/x and a Cholesky factor of what is not positive definite, each where it is not used.
    let program = read(
        "\
axis i = 0..4
axis r = 0..2
axis c = 0..2

%0: real = param a
%1: real = 0.0
%4: real[i] = data x(i)
%2: bool[i] = le %4 %1
%3: bool[i] = not %2
%5: real[i] = mul %0 %4
%6: real[i] = log %5 if %3
%7: real[i] = sqrt %5 if %3
%8: real[i] = div %0 %5 if %3
%9: int[r] = iota r
%10: int[c] = iota c
%11: bool[r, c] = eq %9 %10
%12: real[i, r, c] = select %11 %5 %1
%13: real[i, r, c] = cholesky r c %12 if %3
%14: real[i, r] = sum c %13
%15: real[i, c] = trisolve r c %13 %14 if %3
%16: real[i] = sum c %15
%17: real[i] = add %6 %7
%18: real[i] = add %17 %8
%19: real[i] = add %18 %16
%20: real[i] = select %3 %19 %5
%21: real = sum i %20

result objective = %21
",
    )
    .unwrap();
    assert_eq!(check(&program, Level::Random), Ok(()));
    let gradient =
        |program: &Program, seed| transpose(&linearize(&jvp(program, &wrt())), &[(seed, Seed::One)]).unwrap();
    let first = gradient(&program, "objective");
    let second = gradient(&first, "grad.a");
    let inputs = |input: &Input| match input.name.as_str() {
        "a" => ndarray::arr0(2.0).into_dyn(),
        _ => ndarray::arr1(&[-1.0, 0.0, 1.0, 2.0]).into_dyn(),
    };
    let results = eval(&second, &inputs, &mut testing::draw).unwrap();
    // Taken: log(a x) + sqrt(a x) + 1/x + 2; not taken: a x.
    let root = |x: f64| (2.0 * x).sqrt();
    let slope = 2.0 * 0.5 + (1.0 / root(1.0) + 2.0 / root(2.0)) / 2.0 - 1.0;
    let curvature = -2.0 * 0.25 - (1.0 / root(1.0).powi(3) + 4.0 / root(2.0).powi(3)) / 4.0;
    assert!((results["grad.a"].sum() - slope).abs() < 1e-12, "{}", results["grad.a"]);
    assert!((results["grad'.a"].sum() - curvature).abs() < 1e-12, "{}", results["grad'.a"]);
}

#[test]
fn random_programs_use_every_operation() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let program = programs().new_tree(&mut runner).unwrap().current().0;
        for line in program.to_string().lines() {
            let after = line.split_once("= ").map_or(line.trim(), |(_, op)| op);
            seen.extend(after.split([' ', '(']).next().map(str::to_string));
            seen.extend(line.contains(" if %").then(|| "guard".to_string()));
        }
    }
    let operations = "add sub mul div pow atan2 xlogy xmuly max min lt le and select neg abs exp expm1 log log1p sqrt \
        sin cos tan tanh atan sigmoid softplus lgamma digamma trigamma erf sign floor ceil round rem real iota \
        sum maximum minimum cumsum rename gather scatter stack concat cholesky trisolve draw detach tangent \
        scan guard param data state";
    for operation in operations.split_whitespace() {
        assert!(seen.contains(operation), "no program has {operation}");
    }
}
