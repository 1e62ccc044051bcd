//! Emitted programs compute what their core programs mean.

mod random;
mod reference;

use proptest::prelude::*;
use reference::{Inputs, Reference};
use std::sync::Arc;
use vary_compiler::vectorize::{Tile, emit_tiled};
use vary_core::ir::{InputKind, Program};
use vary_runtime::float::Width;
use vary_runtime::program;
use vary_runtime::tiles::Executor;

const SEED: u64 = 3;
const STEP: u64 = 17;

/// Runs an emitted program.
fn execute(tensor: &program::Program, inputs: &Inputs, threads: usize) -> Vec<Vec<f64>> {
    let data =
        |name: &str| inputs.get(&(InputKind::Data, name.to_string())).map(|values| values.as_slice().into());
    let data: &dyn Fn(&str) -> Option<Arc<[f64]>> = &data;
    let executor = Executor::new(tensor, data, threads, Width::Double);
    let mut executor = executor.unwrap_or_else(|error| panic!("{error}\n{tensor}"));
    let of = |kind: program::InputKind| match kind {
        program::InputKind::Data => InputKind::Data,
        program::InputKind::Param => InputKind::Param,
        program::InputKind::State => InputKind::State,
    };
    let given: Vec<&[f64]> =
        executor.inputs().map(|input| inputs[&(of(input.kind), input.name.clone())].as_slice()).collect();
    // Twice: nothing of a step may depend on the one before.
    executor.run(&given, SEED, STEP + 1);
    executor.run(&given, SEED, STEP);
    (0..tensor.outputs.len()).map(|at| executor.output(at).to_vec()).collect()
}

fn close(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Holds the executor to the reference, with steps cut as told.
fn check(program: &Program, inputs: &Inputs, draws: usize, tile: Option<Tile>) {
    let tensor = emit_tiled(program, draws, tile);
    let found = execute(&tensor, inputs, 1);
    let mut reference = Reference::new(program, inputs, SEED, STEP);
    for (at, found) in found.iter().enumerate() {
        let expected = reference.result(at);
        let same = found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| close(*a, *b));
        assert!(
            same,
            "result {at} of\n{program:#?}\n{tensor}\nfound    {found:?}\nexpected {expected:?}",
            program = program.body
        );
    }
    if tile.is_some() {
        let again = execute(&tensor, inputs, 3);
        let bits = |all: &[Vec<f64>]| -> Vec<u64> { all.iter().flatten().map(|x| x.to_bits()).collect() };
        assert_eq!(bits(&found), bits(&again), "threads change\n{tensor}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs(choices in proptest::collection::vec(any::<u16>(), 8..120), draws in 1usize..12) {
        let (program, inputs) = random::program(&choices, draws);
        check(&program, &inputs, draws, None);
    }

    /// A program may be cut along any axis.
    #[test]
    fn random_programs_in_tiles(
        choices in proptest::collection::vec(any::<u16>(), 8..90),
        draws in 1usize..12,
        axis in any::<proptest::sample::Index>(),
        size in 1usize..5,
    ) {
        let (program, inputs) = random::program(&choices, draws);
        let axes: Vec<_> = program.axes.iter().map(|(axis, _)| axis).collect();
        check(&program, &inputs, draws, Some(Tile { axis: *axis.get(&axes), size }));
    }
}
