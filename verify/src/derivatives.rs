//! Gradient programs: forward mode equals reverse mode, the executor equals the reference
//! interpreter, and threads change no bit.
//!
//! Programs are the fits of all examples and random well-typed ones ([`vary_core::testing`]).
//! Derivatives agree to 1e-10·(1 + ‖g‖∞), results of the two executions likewise: sums are taken
//! in other orders, nothing else differs.

use crate::program::{Program, examples, load};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use vary_compiler::pipeline::Ad;
use vary_compiler::session::Placed;
use vary_compiler::vectorize::{Tile, base, emit_tiled};
use vary_core::axis::{AxisInfo, Role};
use vary_core::eval::eval;
use vary_core::ir::{Draw, Input, InputKind};
use vary_core::transform::{Seed, forward, jvp, linearize, transpose};
use vary_core::{ir, testing};
use vary_runtime::fit::Estimator;
use vary_runtime::float::Width;
use vary_runtime::random::sample;
use vary_runtime::tiles::Executor;

/// Largest difference, over 1 + ‖g‖∞.
pub const TOLERANCE: f64 = 1e-10;
/// The most parameters with which the interpreter runs forward mode.
const MOST_DIRECTIONS: usize = 200;
/// Steps of the examples' gradients that are compared.
const STEPS: u64 = 3;

/// A comparison.
#[derive(Debug, Clone)]
pub struct Row {
    /// The program.
    pub name: String,
    /// What is compared.
    pub what: &'static str,
    /// Numbers compared.
    pub numbers: usize,
    /// Largest difference over 1 + ‖·‖∞, or why there is none.
    pub difference: Result<f64, String>,
}

impl Row {
    /// Whether the two agree.
    pub fn holds(&self) -> bool {
        self.numbers > 0 && self.difference.as_ref().is_ok_and(|difference| *difference <= TOLERANCE)
    }
}

/// Largest difference over 1 + the largest number. Equal numbers that are not finite differ by nothing.
#[must_use]
pub fn difference(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let largest = a.iter().chain(b).filter(|x| x.is_finite()).fold(0.0, |most: f64, x| most.max(x.abs()));
    let each = a.iter().zip(b).map(|(a, b)| {
        let same = a == b || a.is_nan() && b.is_nan();
        if same { 0.0 } else { (a - b).abs() / (1.0 + largest) }
    });
    each.fold(0.0, |most: f64, d| if d.is_nan() { f64::INFINITY } else { most.max(d) })
}

/// Names and texts of the examples' fits; those without a fit have the automatic one.
pub fn fits() -> Vec<(String, String, Option<String>)> {
    let mut all = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(examples()).into_iter().flatten().flatten().collect();
    files.sort_by_key(|file| file.file_name());
    for file in
        files.iter().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "ppl"))
    {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let title = file.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        let names: Vec<Option<String>> = match load(&text, None) {
            Ok((session, _)) => session.unit.fits().into_iter().map(|(name, ..)| name).collect(),
            Err(_) => Vec::new(),
        };
        let names = if names.is_empty() { vec![None] } else { names };
        for name in names {
            let shown = name.as_ref().map_or(title.clone(), |name| format!("{title} {name}"));
            all.push((shown, text.clone(), name));
        }
    }
    all
}

/// Values for the parameters of a fit that are all different.
#[must_use]
pub fn parameters(dimension: usize) -> Vec<f64> {
    (0..dimension).map(|at| 0.4 * testing::noise("parameter", at) - 0.1).collect()
}

/// Objective and gradient, step after step.
fn gradients(program: &Program, draws: usize, threads: usize) -> Result<Vec<f64>, String> {
    let mut estimator = program.estimator(draws, 5, threads)?;
    let at = parameters(program.dimension());
    let mut gradient = vec![0.0; at.len()];
    let mut all = Vec::new();
    for step in 0..STEPS {
        all.push(estimator.step(&at, step, &mut gradient));
        all.extend(&gradient);
    }
    Ok(all)
}

/// Rows for every fit of every example.
pub fn of_examples() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, text, fit) in fits() {
        let compile = |ad| Program::with(&text, fit.as_deref(), None, ad);
        let mut add = |what, compared: Result<(Vec<f64>, Vec<f64>), String>, exact: bool| {
            let numbers = compared.as_ref().map_or(0, |(a, _)| a.len());
            let difference = compared.map(|(a, b)| match exact {
                true if a.iter().map(|x| x.to_bits()).ne(b.iter().map(|x| x.to_bits())) => f64::INFINITY,
                true => 0.0,
                false => difference(&a, &b),
            });
            rows.push(Row { name: name.clone(), what, numbers, difference });
        };
        let modes = || {
            let (forward, reverse) = (compile(Ad::Forward)?, compile(Ad::Reverse)?);
            // All directions of a net at once take gigabytes for each draw.
            let draws = if forward.dimension() > MOST_DIRECTIONS { 1 } else { 7 };
            Ok((gradients(&forward, draws, 1)?, gradients(&reverse, draws, 1)?))
        };
        add("forward and reverse", modes(), false);
        let threads = || {
            let program = compile(Ad::Auto)?;
            Ok((gradients(&program, 200, 1)?, gradients(&program, 200, 2)?))
        };
        add("one and two threads", threads(), true);
        for (what, ad) in [
            ("executor and interpreter, forward", Ad::Forward),
            ("executor and interpreter, reverse", Ad::Reverse),
        ] {
            // Entry by entry and direction by direction the interpreter would take minutes for a net.
            let feasible = |program: &Program| ad == Ad::Reverse || program.dimension() <= MOST_DIRECTIONS;
            match compile(ad) {
                Ok(program) if !feasible(&program) => {}
                compiled => add(what, compiled.and_then(|program| executions(&program)), false),
            }
        }
        add("tiles and interpreter", compile(Ad::Reverse).and_then(|program| in_tiles(&program)), false);
    }
    rows
}

/// What the executor and the interpreter make of a gradient program.
///
/// # Errors
/// When one of them cannot run it.
pub fn executions(program: &Program) -> Result<(Vec<f64>, Vec<f64>), String> {
    let (mut found, expected) = both(&program.derived.gradient, DRAWS, &[None], &given(program))?;
    Ok((found.swap_remove(0), expected))
}

/// What the executor makes of a gradient program cut into tiles of every axis, and the interpreter of the program.
///
/// # Errors
/// When one of them cannot run it.
pub fn in_tiles(program: &Program) -> Result<(Vec<f64>, Vec<f64>), String> {
    let gradient = &program.derived.gradient;
    let size = |info: &AxisInfo| info.size.value().map_or(DRAWS, |size| size as usize);
    let axes = gradient.axes.iter().filter(|(_, info)| size(info) >= 3);
    // Three tiles or four, the last smaller or not.
    let cut: Vec<_> = axes
        .map(|(axis, info)| Some(Tile { axis, size: size(info).div_ceil(3).min(size(info) - 1) }))
        .collect();
    let (found, expected) = both(gradient, DRAWS, &cut, &given(program))?;
    let expected = found.iter().flat_map(|_| expected.clone()).collect();
    Ok((found.concat(), expected))
}

/// Draws of a step where the executor is held to the interpreter.
const DRAWS: usize = 4;

/// Values of the program's inputs: its data, and different numbers for parameters.
fn given(program: &Program) -> impl Fn(&Input) -> Option<Vec<f64>> {
    let at = parameters(program.dimension());
    move |input| match input.kind {
        InputKind::Data => program.data.get(&input.name).map(|data| data.to_vec()),
        InputKind::Param => {
            let placed = program.params.iter().find(|p| p.spec.name == input.name);
            placed.map(|placed: &Placed| at[placed.offset..placed.offset + placed.len].to_vec())
        }
        _ => None,
    }
}

fn each_input(stmts: &[ir::Stmt], f: &mut dyn FnMut(&Input)) {
    for stmt in stmts {
        match stmt {
            ir::Stmt::Let(ir::Let { op: ir::Op::Input(input), .. }) => f(input),
            ir::Stmt::Scan(scan) => each_input(&scan.body, f),
            _ => {}
        }
    }
}

/// Every result of a program by both, for each way to cut it; draws are those of the runtime.
fn both(
    program: &ir::Program,
    draws: usize,
    cut: &[Option<Tile>],
    values: &dyn Fn(&Input) -> Option<Vec<f64>>,
) -> Result<(Vec<Vec<f64>>, Vec<f64>), String> {
    const SEED: u64 = 5;
    const STEP: u64 = 2;
    let mut bound = program.clone();
    // Other sizes are those of distributions' formal axes, which no statement has.
    let draw_axis = bound.axes.iter().find(|(_, info)| info.role == Role::Draw);
    let samples = draw_axis.and_then(|(_, info)| info.size.as_name().map(str::to_string)).unwrap_or_default();
    bound.axes.bind(&|name| Some(if name == samples { draws as i64 } else { 1 }));

    let mut inputs: BTreeMap<(u8, String), Vec<f64>> = BTreeMap::new();
    let key = |kind: InputKind, name: &str| (kind as u8, name.to_string());
    each_input(&bound.body, &mut |input| {
        let len: usize = input.dims.iter().map(|axis| bound.axes.size(*axis)).product();
        let filled = || match input.name == samples {
            true => vec![draws as f64],
            false => (0..len).map(|at| testing::noise(&input.name, at)).collect(),
        };
        inputs.insert(key(input.kind, &input.name), values(input).unwrap_or_else(filled));
    });

    let data = |name: &str| inputs.get(&key(InputKind::Data, name)).map(|x| Arc::from(x.as_slice()));
    let mut found = Vec::new();
    for tile in cut {
        let mut executor = Executor::new(&emit_tiled(program, draws, *tile), &data, 1, Width::Double)
            .map_err(|invalid| format!("{} {}", invalid.place, invalid.rule))?;
        let given: Vec<Vec<f64>> = executor
            .inputs()
            .map(|input| {
                let kind = match input.kind {
                    vary_runtime::program::InputKind::State => InputKind::State,
                    vary_runtime::program::InputKind::Param => InputKind::Param,
                    vary_runtime::program::InputKind::Data => InputKind::Data,
                };
                inputs[&key(kind, &input.name)].clone()
            })
            .collect();
        executor.run(&given, SEED, STEP);
        found.push((0..program.results.len()).flat_map(|at| executor.output(at).to_vec()).collect());
    }

    let input = |input: &Input| {
        let shape: Vec<usize> = input.dims.iter().map(|axis| bound.axes.size(*axis)).collect();
        let values = inputs[&key(input.kind, &input.name)].clone();
        ndarray::ArrayD::from_shape_vec(shape, values).expect("as long as its dimensions")
    };
    let mut random = |draw: &Draw, at: &[usize], operands: &[f64]| {
        // The lane is the row-major index over the key axes, the draw slowest.
        let mut key: Vec<_> = draw.key.iter().zip(at).collect();
        key.sort_by_key(|(axis, _)| bound.axes.info(*axis).role != Role::Draw);
        let lane = key.iter().fold(0, |lane, (axis, at)| lane * bound.axes.size(*axis) + **at);
        sample(base(draw.base), operands, SEED, &draw.occurrence, lane as u64, STEP)
    };
    let expected = eval(&bound, &input, &mut random).map_err(|error| error.to_string())?;
    let expected = program.results.iter().flat_map(|result| expected[&result.name].iter().copied());
    Ok((found, expected.collect()))
}

/// One row for random programs: forward and reverse mode, and the executor against the interpreter on both.
pub fn of_random_programs(count: usize) -> Vec<Row> {
    let mut modes = Tally::new("forward and reverse");
    let mut runs = Tally::new("executor and interpreter");
    for number in 0..count {
        let length = 4 + number % 57;
        let recipe: Vec<u32> =
            (0..length).map(|at| (testing::noise(&format!("recipe {number}"), at) * 1e9) as u32).collect();
        let program = testing::program(&recipe);
        let wrt: BTreeSet<String> = testing::PARAMS.iter().map(|name| name.to_string()).collect();
        let linear = linearize(&jvp(&program, &wrt));
        let both_modes = forward(&linear, "objective").map_err(|e| e.to_string()).and_then(|f| {
            Ok((f, transpose(&linear, &[("objective", Seed::One)]).map_err(|e| e.to_string())?))
        });
        let (forward, reverse) = match both_modes {
            Ok(pair) => pair,
            Err(reason) => {
                modes.fail(number, &reason);
                continue;
            }
        };
        let interpret = |program: &ir::Program| -> Result<HashMap<String, Vec<f64>>, String> {
            let input = |input: &Input| testing::input(program, input);
            let mut draw = |draw: &Draw, key: &[usize], args: &[f64]| testing::draw(draw, key, args);
            let results = eval(program, &input, &mut draw).map_err(|e| e.to_string())?;
            Ok(results.into_iter().map(|(name, array)| (name, array.into_iter().collect())).collect())
        };
        let gradient = |program: &ir::Program| -> Result<Vec<f64>, String> {
            let results = interpret(program)?;
            let mut all = Vec::new();
            for name in testing::PARAMS {
                all.extend(results.get(&format!("grad.{name}")).into_iter().flatten());
            }
            Ok(all)
        };
        match gradient(&forward).and_then(|f| Ok((f, gradient(&reverse)?))) {
            Ok((f, r)) => modes.compare(number, &f, &r),
            Err(reason) => modes.fail(number, &reason),
        }
        for derived in [&forward, &reverse] {
            let values = |input: &Input| Some(testing::input(derived, input).into_iter().collect());
            match both(derived, 2, &[None], &values) {
                Ok((a, b)) => runs.compare(number, &a[0], &b),
                Err(reason) => runs.fail(number, &reason),
            }
        }
    }
    [modes, runs].map(|tally| tally.row(count)).into()
}

/// Differences of many programs.
struct Tally {
    what: &'static str,
    numbers: usize,
    worst: f64,
    failure: Option<String>,
}

impl Tally {
    fn new(what: &'static str) -> Tally {
        Tally { what, numbers: 0, worst: 0.0, failure: None }
    }

    fn compare(&mut self, number: usize, a: &[f64], b: &[f64]) {
        self.numbers += a.len();
        let off = difference(a, b);
        if off > TOLERANCE {
            self.fail(number, &format!("differs by {off:.1e}"));
        }
        self.worst = self.worst.max(off);
    }

    fn fail(&mut self, number: usize, reason: &str) {
        self.failure.get_or_insert_with(|| format!("program {number}: {reason}"));
    }

    fn row(self, count: usize) -> Row {
        Row {
            name: format!("{count} random programs"),
            what: self.what,
            numbers: self.numbers,
            difference: match self.failure {
                Some(reason) => Err(reason),
                None => Ok(self.worst),
            },
        }
    }
}
