//! Emitted programs compute what their core programs mean.

mod random;
mod reference;

use proptest::prelude::*;
use reference::{Inputs, Reference};
use std::sync::Arc;
use vary_compiler::vectorize::emit;
use vary_core::ir::{InputKind, Program};
use vary_runtime::exec::Bound;
use vary_runtime::plan::Plan;
use vary_runtime::program::{self, Combine};
use vary_runtime::random::Stream;

/// Runs an emitted program once, with all draws in one tile.
fn execute(tensor: &program::Program, inputs: &Inputs, stream: Stream) -> Vec<Vec<f64>> {
    let plan = Plan::new(tensor).unwrap_or_else(|error| panic!("{error}\n{tensor}"));
    let of = |kind: program::InputKind| match kind {
        program::InputKind::Data => InputKind::Data,
        program::InputKind::Param => InputKind::Param,
        program::InputKind::State => InputKind::State,
    };
    let value = |input: &program::Input| inputs[&(of(input.kind), input.name.clone())].as_slice();
    let (data, given): (Vec<_>, Vec<_>) =
        tensor.inputs.iter().partition(|input| input.kind == program::InputKind::Data);
    let data: Vec<Arc<[f64]>> = data.into_iter().map(|input| value(input).into()).collect();
    let given: Vec<&[f64]> = given.into_iter().map(value).collect();
    let bound = Bound::new(Arc::new(plan), &data).unwrap();
    let mut workspace = bound.workspace();
    // Twice: nothing of a run may depend on the one before.
    bound.run(&mut workspace, &given, Stream { step: stream.step + 1, ..stream });
    bound.run(&mut workspace, &given, stream);
    (0..tensor.outputs.len()).map(|at| bound.output(&workspace, &given, at).to_vec()).collect()
}

fn close(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Holds the executor to the reference.
fn check(program: &Program, inputs: &Inputs, draws: usize) {
    let tensor = emit(program, draws);
    let stream = Stream { seed: 3, step: 17, first_draw: 0 };
    let found = execute(&tensor, inputs, stream);
    let mut reference = Reference::new(program, inputs, stream.seed, stream.step);
    for (at, found) in found.iter().enumerate() {
        let expected = reference.result(at);
        let same = found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| close(*a, *b));
        assert!(
            same,
            "result {at} of\n{program:#?}\n{tensor}\nfound    {found:?}\nexpected {expected:?}",
            program = program.body
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs(choices in proptest::collection::vec(any::<u16>(), 8..120), draws in 1usize..12) {
        let (program, inputs) = random::program(&choices, draws);
        check(&program, &inputs, draws);
    }

    /// Tiles of draws give the slices of the whole: lanes do not depend on the tile.
    #[test]
    fn tiles_are_slices(choices in proptest::collection::vec(any::<u16>(), 8..60), tile in 1usize..5) {
        let draws = 3 * tile;
        let (program, inputs) = random::program(&choices, draws);
        let whole = emit(&program, draws);
        let part = emit(&program, tile);
        let stream = Stream { seed: 5, step: 2, first_draw: 0 };
        let full = execute(&whole, &inputs, stream);
        for tiles in 0..3 {
            let first = tiles * tile;
            let some = execute(&part, &inputs, Stream { first_draw: first as u64, ..stream });
            for (at, output) in whole.outputs.iter().enumerate() {
                // Sums over draws inside of a value make it depend on the tile.
                let Combine::Stack { inner } = output.combine else { continue };
                if output.name.starts_with("coupled") {
                    continue;
                }
                let (row, piece) = (inner * draws, inner * tile);
                for (outer, found) in some[at].chunks(piece.max(1)).enumerate() {
                    let expected = &full[at][outer * row + first * inner..][..piece];
                    let same = found.iter().zip(expected).all(|(a, b)| close(*a, *b));
                    prop_assert!(same, "{} of tile {tiles}\n{part}\n{found:?}\n{expected:?}", output.name);
                }
            }
        }
    }
}
