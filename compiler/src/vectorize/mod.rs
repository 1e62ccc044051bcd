//! # Core language to tensor program
//!
//! Before: a core program of `Let` and `Scan` statements, all dimensions bound except, perhaps,
//! that of the draw axis. After: instructions for the executor, over a tile of draws.
//!
//! * `schedule`: what no result needs is dropped. Of a scan's body only the recurrence itself stays
//!   in the loop: what does not depend on a carried value runs before it, and what no carried value
//!   depends on after it, both over the whole axis at once.
//! * `layout`: one order of axes for all buffers, so that loops are contiguous.
//! * `emit`: one instruction per operation or less. `Rename`, `Detach` and slices at a known index are
//!   views, `reduce sum` of a product is one contraction, and what depends on data and constants
//!   only runs once.
//!
//! **Draws in tiles.** A step over N draws is the same program run on tiles of draws. A result
//! with the draw axis in its `dims` is stacked over the tiles; one without is *summed* if it depends
//! on the draws or their number, and is otherwise the same in every tile. So a program must mean a
//! sum over draws where a result lacks the draw axis; means are for the caller to take. Where the
//! number of draws enters a value, leave the size of the draw axis a name ([`Dim::named`]): it
//! then is the size of the tile, also in the data input of that name. [`tileable`] tells whether all
//! of this holds; where it does not, one tile must hold all draws.
//!
//! [`Dim::named`]: vary_core::dim::Dim::named

mod convert;
mod emit;
mod fold;
mod layout;
mod recurrence;
mod schedule;
mod storage;
mod tiling;

pub use convert::{base, map};
pub use emit::emit;
pub use layout::Layout;
pub use tiling::tileable;

use vary_runtime::float::Width;
use vary_runtime::plan::Plan;
use vary_runtime::program::{Instr, Program};
use vary_runtime::verify::Invalid;

/// The size of an emitted program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Instructions, those inside loops included.
    pub instructions: usize,
    /// Working memory of one thread, in double precision.
    pub arena_bytes: usize,
    /// Total indices of all loop nests of one step: what it costs, roughly.
    pub lanes: usize,
    /// Contractions that run as matrix products.
    pub matrix_products: usize,
}

/// The program under the layout of its axes, as text.
pub fn batched(program: &vary_core::ir::Program, tile: usize) -> String {
    let layout = Layout::new(program, tile, &schedule::schedule(program));
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
    Ok(Report {
        instructions: program.instruction_count(),
        arena_bytes: plan.arena_bytes(Width::Double),
        lanes: lanes(&program.step),
        matrix_products: plan.matrix_products(),
    })
}
