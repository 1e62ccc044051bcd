//! The executor over tiles and threads: same bits for any number of threads, no allocation per
//! step, the same draws for any tile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vary_compiler::vectorize::{Tile, emit_tiled, report};
use vary_core::axis::{AxisTable, Role};
use vary_core::build::Builder;
use vary_core::dim::Dim;
use vary_core::ir::{Base, Draw, Elem, Input, InputKind, Monoid, Op, Output, Program};
use vary_core::prim::Prim;
use vary_runtime::float::Width;
use vary_runtime::program as tensor;
use vary_runtime::tiles::Executor;

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands every call on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Regression of `rows` data on `x` with random effects along a walk: data, parameters, plates, a scan, draws.
fn model() -> Program {
    let mut axes = AxisTable::default();
    let draw = axes.fresh("draw", Dim::known(0), Dim::named("draws"), Role::Draw);
    let row = axes.fresh("row", Dim::known(1), Dim::known(9), Role::Index);
    let time = axes.fresh("time", Dim::known(0), Dim::known(6), Role::Index);
    let mut b = Builder::new(axes);
    let input = |b: &mut Builder, kind, name: &str, dims: &[_]| {
        b.input(Elem::Real, Input { kind, name: name.to_string(), dims: dims.to_vec() })
    };
    let y = input(&mut b, InputKind::Data, "y", &[row]);
    let slope = input(&mut b, InputKind::Param, "slope", &[row]);
    let scale = input(&mut b, InputKind::Param, "scale", &[]);
    let level = input(&mut b, InputKind::State, "level", &[]);
    let random = |b: &mut Builder, base, args, key: &[_], occurrence: &str| {
        let key = key.iter().copied().collect();
        b.emit(Op::Draw(Draw { base, args, key, occurrence: occurrence.into() }))
    };
    let noise = random(&mut b, Base::Normal, vec![], &[draw, time], "walk");
    let zero = b.real(0.0);
    let start = b.mul(level, zero);
    let carried = b.begin_scan(time, false, &[(start, [draw].into_iter().collect())]);
    let step = b.mul(scale, noise);
    let next = b.add(carried[0], step);
    let next = b.prim(Prim::Tanh, &[next]);
    b.end_scan(&[next]);
    let end = b.reduce(Monoid::Sum, time, next);
    let rate = b.prim(Prim::Softplus, &[end]);
    let count = random(&mut b, Base::Poisson, vec![rate], &[draw, row], "count");
    let count = b.to_real(count);
    let product = b.mul(slope, end);
    let mean = b.add(product, count);
    let error = b.sub(y, mean);
    let square = b.mul(error, error);
    let loss = b.reduce(Monoid::Sum, row, square);
    let total = b.reduce(Monoid::Sum, draw, loss);
    let products = b.mul(error, end);
    let gradient = b.reduce(Monoid::Sum, draw, products);
    // Does not depend on the draws, but on their number.
    let penalty = b.mul(scale, scale);
    let penalty = b.reduce(Monoid::Sum, draw, penalty);
    let data = b.mul(y, y);
    let output = |name: &str, var, dims: &[_]| Output { name: name.to_string(), var, dims: dims.to_vec() };
    b.finish(vec![
        output("total", total, &[]),
        output("gradient", gradient, &[row]),
        output("penalty", penalty, &[]),
        output("squares", data, &[row]),
        output("walk", next, &[time, draw]),
        output("loss", loss, &[draw]),
    ])
}

/// The model's program for steps of so many draws, in tiles of so many.
fn tiled(program: &Program, draws: usize, size: usize) -> tensor::Program {
    let (axis, _) = program.axes.iter().find(|(_, info)| info.role == Role::Draw).unwrap();
    emit_tiled(program, draws, (size < draws).then_some(Tile { axis, size }))
}

fn executor(program: &Program, draws: usize, tile: usize, threads: usize, width: Width) -> Executor {
    let y: Arc<[f64]> = (0..9).map(|n| f64::from(n) * 0.3 - 1.0).collect();
    let data = |name: &str| (name == "y").then(|| y.clone());
    Executor::new(&tiled(program, draws, tile), &data, threads, width).unwrap()
}

fn given(executor: &Executor) -> Vec<Vec<f64>> {
    executor.inputs().map(|input| (0..input.len).map(|n| 0.2 + 0.1 * n as f64).collect()).collect()
}

fn run(draws: usize, tile: usize, threads: usize) -> Vec<Vec<f64>> {
    run_in(Width::Double, draws, tile, threads)
}

fn run_in(width: Width, draws: usize, tile: usize, threads: usize) -> Vec<Vec<f64>> {
    let mut executor = executor(&model(), draws, tile, threads, width);
    let given = given(&executor);
    (0..3).for_each(|step| executor.run(&given, 7, step));
    (0..executor.outputs().len()).map(|at| executor.output(at).to_vec()).collect()
}

#[test]
fn threads_do_not_change_a_bit() {
    for (draws, tile) in [(100, 7), (64, 64), (1000, 8), (5, 64), (129, 64)] {
        let one = run(draws, tile, 1);
        for threads in [2, 3] {
            assert_eq!(one, run(draws, tile, threads), "{draws} draws in tiles of {tile}");
        }
    }
}

#[test]
fn tiles_do_not_change_draws() {
    let (whole, tiled) = (run(100, 100, 1), run(100, 7, 2));
    let close = |a: &f64, b: &f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
    for (a, b) in whole.iter().zip(&tiled) {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b)), "{a:?} is not {b:?}");
    }
    let [total, penalty, loss] = [0, 2, 5].map(|at| &tiled[at]);
    assert!(close(&total[0], &loss.iter().sum()));
    assert!(close(&penalty[0], &(100.0 * 0.2 * 0.2)));
}

#[test]
fn single_precision_is_the_same_step_rounded() {
    let double = run_in(Width::Double, 129, 64, 1);
    let single = run_in(Width::Single, 129, 64, 1);
    assert_eq!(single, run_in(Width::Single, 129, 64, 2), "threads");
    // Counts may differ by one where a rate lies on the edge; the walk has no edge.
    let [walk, rounded] = [&double, &single].map(|all| &all[4]);
    let worst = walk.iter().zip(rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst > 0.0 && worst < 2e-6, "{worst}");
    let penalty = double[2][0];
    assert!((single[2][0] / penalty - 1.0).abs() < 1e-6);
}

#[test]
fn a_step_allocates_nothing() {
    for (threads, width) in [(1, Width::Double), (2, Width::Double), (2, Width::Single)] {
        let mut executor = executor(&model(), 300, 16, threads, width);
        let given = given(&executor);
        executor.run(&given, 7, 0);
        let least = (1..20).map(|step| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            executor.run(&given, 7, step);
            ALLOCATIONS.load(Ordering::Relaxed) - before
        });
        // The least of many: tests beside this one allocate too.
        assert_eq!(least.min(), Some(0), "{threads} threads");
    }
}

#[test]
fn size_does_not_grow_with_draws_or_rows() {
    let program = model();
    let sizes = [8, 16, 64].map(|draws| report(&emit_tiled(&program, draws, None)).unwrap());
    assert!(sizes.iter().all(|size| size.instructions == sizes[0].instructions));
    assert!(sizes[2].arena_bytes <= 8 * sizes[0].arena_bytes && sizes[2].lanes <= 8 * sizes[0].lanes);
}

#[test]
fn programs_print() {
    let text = tiled(&model(), 100, 64).to_string();
    for part in
        ["tiles of 64 of 100 draw", "once", "step, for each tile", "loop 6", "walk", "= sum ", "= stack "]
    {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}
