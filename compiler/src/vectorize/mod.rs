//! # Core language to tensor program
//!
//! Before: a core program of `Let` and `Scan` statements, all dimensions bound except, perhaps,
//! that of the draw axis. After: instructions for the executor, in rounds over whole arrays and tiles.
//!
//! * `schedule`: what no result needs is dropped. Of a scan's body only the recurrence itself stays
//!   in the loop: what does not depend on a carried value runs before it, and what no carried value
//!   depends on after it, both over the whole axis at once.
//! * `layout`: one order of axes for all buffers, so that loops are contiguous.
//! * `emit`: one instruction per operation or less. `Rename`, `Detach` and slices at a known index are
//!   views, `reduce sum` of a product is one contraction, and what depends on data and constants
//!   only runs once.
//!
//! * `rounds`: what can run in tiles of an axis, and when.
//! * `tiling`: whether there are tiles, of which axis, and how large they are.
//!
//! **Draws.** The data input that names the size of the draw axis ([`Dim::named`]) is the number of draws of a step.
//!
//! [`Dim::named`]: vary_core::dim::Dim::named

mod convert;
mod emit;
mod fold;
mod layout;
mod recurrence;
mod rounds;
mod schedule;
mod storage;
mod tiling;

pub use convert::{base, map};
pub use emit::{emit, emit_tiled};
pub use layout::{Layout, Tile};

use vary_runtime::float::Width;
use vary_runtime::plan::Plan;
use vary_runtime::program::{Instr, Program, Round};
use vary_runtime::verify::Invalid;

/// The size of an emitted program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Instructions, those inside loops included.
    pub instructions: usize,
    /// Working memory with one thread, of whole arrays and of a tile, in double precision.
    pub arena_bytes: usize,
    /// Total indices of all loop nests of one step: what it costs, roughly.
    pub lanes: usize,
    /// Contractions that run as matrix products.
    pub matrix_products: usize,
}

/// The program under the layout of its axes for steps of so many draws, as text.
pub fn batched(program: &vary_core::ir::Program, draws: usize) -> String {
    let layout = Layout::new(program, draws, tiling::choose(program, draws), &schedule::schedule(program));
    format!("{layout}\n\n{program}")
}

/// Measures a program.
pub fn report(program: &Program) -> Result<Report, Invalid> {
    fn lanes(instrs: &[Instr]) -> usize {
        let one = |instr: &Instr| match instr {
            Instr::Loop(inner) => inner.size * lanes(&inner.body),
            _ => instr.extents().iter().product(),
        };
        instrs.iter().map(one).sum()
    }
    let plan = Plan::new(program)?;
    let tiles = &program.tiles;
    let full = tiles.rows / tiles.size.max(1);
    let round = |round: &Round| lanes(&round.whole) + full * lanes(&round.tiles[0]) + lanes(&round.tiles[1]);
    Ok(Report {
        instructions: program.instruction_count(),
        arena_bytes: plan.arena_bytes(Width::Double),
        lanes: program.rounds.iter().map(round).sum(),
        matrix_products: plan.matrix_products(),
    })
}
