//! Whether a step is cut into tiles, along which axis, and how large they are.
//!
//! Tiles serve two ends: their values stay in a cache, so that working memory does not grow with data or draws, and
//! they are what threads share. All of this follows from shapes alone. If it depended on the number of threads, sums
//! would be taken in another order, and results would differ.
//!
//! * **Whether.** A step of less than two tiles' worth of work is not cut: one thread is done with it before another
//!   has woken up, and nothing is copied.
//! * **Which axis.** Any draw, row or copy axis. What tiles do is shared, what is done over whole arrays is not, and
//!   joined values are copied: the axis with the smallest sum of these, and none if that saves little.
//! * **How large.** As many rows as fill the cache. Fewer, if that makes more tiles which are each worth a thread's
//!   while; but enough for vector registers and matrix products, and so many that adding up the tiles' partial sums
//!   (gradients of weights) is little beside computing them.

use super::emit::{Facts, emit_tiled};
use super::layout::{Layout, Tile, draw_axis};
use super::rounds::{Rounds, When, is_view};
use super::schedule::{Node, operands, schedule};
use vary_core::axis::{Axis, AxisSet, Role};
use vary_core::ir::{Op, Program, Var};
use vary_core::prim::Prim;
use vary_runtime::float::Width;
use vary_runtime::plan::Plan;
use vary_runtime::tiles::GROUPS;

/// Bytes of the values of a tile: the share of the second-level cache that one thread has on common machines.
const CACHE: usize = 256 << 10;
/// The work of a tile that is worth a thread's while, in units of one addition (half a nanosecond): waking a thread
/// costs about 5 µs.
const WORTH: usize = 1 << 16;
/// How much work of the tiles pays for one more number of a partial sum: to be added up cheaply, and to be cut in two
/// at all.
const PER_SUM: usize = 96;
const PER_SUM_OF_TWO: usize = 16;
/// By how much a multiplication and addition inside of a matrix product is cheaper than one by itself.
const IN_MATRIX: usize = 8;
/// Draws of a tile fill a vector register, rows of a tile make matrix products.
const LEAST_DRAWS: usize = 8;
const LEAST_ROWS: usize = 32;

/// The axis to cut and the size of its tiles.
pub(super) fn choose(program: &Program, draws: usize) -> Option<Tile> {
    let nodes = schedule(program);
    let facts = Facts::new(program, &nodes);
    let layout = Layout::new(program, draws, None, &nodes);
    let draw = draw_axis(program);
    let least = |axis: Axis| if Some(axis) == draw { LEAST_DRAWS } else { LEAST_ROWS };
    let cost = |axis| Cost::new(program, &nodes, &facts, &layout, axis);
    let uncut = cost(None).whole;
    if uncut < 2 * WORTH {
        return None;
    }
    let axes =
        program.axes.iter().filter(|(_, info)| matches!(info.role, Role::Draw | Role::Index | Role::Copy));
    let axes = axes.map(|(axis, _)| axis).filter(|axis| layout.whole(*axis) >= 2 * least(*axis));
    let costs = axes.map(|axis| (axis, cost(Some(axis))));
    // Of axes that cost the same, draws: their random numbers stand side by side.
    let (axis, cost) = costs.min_by_key(|(axis, cost)| (cost.shared(), Some(*axis) != draw, *axis))?;
    if cost.shared() > uncut / 4 * 3 {
        return None;
    }
    let rows = layout.whole(axis);
    let bytes = |size: usize| {
        let cut = emit_tiled(program, draws, Some(Tile { axis, size }));
        Plan::new(&cut).map_or(0, |plan| plan.tile_bytes(Width::Double))
    };
    let (few, many) = (bytes(least(axis)), bytes(2 * least(axis)));
    let row = (many.saturating_sub(few) / least(axis)).max(1);
    let fits = CACHE / row;
    let worth = WORTH.div_ceil((cost.tiles / rows).max(1));
    let most = cost.tiles_that_pay()?;
    let size = fits.min(worth.max(rows / GROUPS)).max(least(axis)).max(rows.div_ceil(most));
    let size = size.min(rows.div_ceil(2));
    // Tiles of one size, if possible.
    let size = rows.div_ceil(rows.div_ceil(size)).next_multiple_of(8);
    (size < rows).then_some(Tile { axis, size })
}

/// The work of a step, in units of one addition.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Over whole arrays.
    whole: usize,
    /// In all tiles.
    tiles: usize,
    /// Numbers joined.
    joined: usize,
    /// Numbers of partial sums that every tile has.
    sums: usize,
}

impl Cost {
    fn new(program: &Program, nodes: &[Node], facts: &Facts, layout: &Layout, axis: Option<Axis>) -> Cost {
        let rounds = facts.rounds(program, nodes, layout, axis);
        let work = Work { program, facts, layout };
        let mut cost = Cost::default();
        for node in nodes {
            match node.binds().first().map(|var| rounds.when[var.0 as usize]) {
                Some(When::Whole(_)) => cost.whole += work.node(node),
                Some(When::Tiles(_)) => cost.tiles += work.node(node),
                Some(When::Once) | None => {}
            }
        }
        cost.joined = work.joined(&rounds);
        cost.sums = work.sums(&rounds);
        cost
    }

    /// The greatest number of tiles whose partial sums are worth adding up; none if not even two are.
    fn tiles_that_pay(&self) -> Option<usize> {
        let most = self.tiles / (PER_SUM * self.sums).max(1);
        match most {
            // Few tiles are shared evenly by few threads.
            2..8 => Some(1 << most.ilog2()),
            0 | 1 => (self.tiles >= 2 * PER_SUM_OF_TWO * self.sums).then_some(2),
            _ => Some(most),
        }
    }

    /// What the step takes when many threads share the tiles.
    fn shared(&self) -> usize {
        self.whole + self.tiles / GROUPS + 2 * self.joined
    }
}

struct Work<'p> {
    program: &'p Program,
    facts: &'p Facts<'p>,
    layout: &'p Layout,
}

impl Work<'_> {
    fn elements(&self, axes: &AxisSet) -> usize {
        axes.iter().map(|axis| self.layout.whole(axis)).product()
    }

    fn axes(&self, var: Var) -> &AxisSet {
        &self.program.vars[var.0 as usize].ty.axes
    }

    fn joined(&self, rounds: &Rounds) -> usize {
        let stacked = |at: &usize| rounds.joined[*at] && rounds.partial[*at].is_none();
        let all = (0..rounds.joined.len()).filter(stacked);
        all.map(|at| self.elements(self.axes(Var(at as u32)))).sum()
    }

    fn sums(&self, rounds: &Rounds) -> usize {
        let partial = (0..rounds.partial.len()).filter(|at| rounds.partial[*at].is_some());
        partial.map(|at| self.elements(self.axes(Var(at as u32)))).sum()
    }

    /// Whether a sum is over products of two values, neither of which has all axes: a matrix product, if it is large.
    fn is_matrix(&self, x: Var, all: &AxisSet) -> bool {
        match self.facts.defs[x.0 as usize] {
            Some(Op::Prim(Prim::Mul, args)) if self.facts.absorbed[x.0 as usize] => {
                args.iter().all(|arg| self.axes(*arg) != all)
            }
            Some(Op::Reduce(_, _, x)) => self.is_matrix(*x, all),
            _ => false,
        }
    }

    fn node(&self, node: &Node) -> usize {
        match node {
            Node::Let(stmt) => self.op(stmt.var, &stmt.op),
            Node::Loop(inner) => {
                let carried = inner.carries.iter().map(|carry| 2 * self.elements(self.axes(carry.var)));
                carried.sum::<usize>() + inner.body.iter().map(|node| self.node(node)).sum::<usize>()
            }
        }
    }

    fn op(&self, var: Var, op: &Op) -> usize {
        let all = || operands(op).iter().fold(self.axes(var).clone(), |axes, x| axes.union(self.axes(*x)));
        match op {
            _ if is_view(&self.facts.defs, op) => 0,
            Op::Const(_) | Op::Input(_) | Op::Tangent(_) => 0,
            // A product inside of a sum is not computed by itself.
            Op::Prim(Prim::Mul, _) if self.facts.absorbed[var.0 as usize] => 0,
            Op::Prim(prim, _) => self.elements(self.axes(var)) * if is_cheap(*prim) { 1 } else { 8 },
            Op::Reduce(_, _, x) if self.is_matrix(*x, &all()) => self.elements(&all()) / IN_MATRIX,
            Op::Draw(_) => 8 * self.elements(self.axes(var)),
            Op::Cholesky { row, .. } => self.elements(self.axes(var)) * self.layout.whole(*row),
            _ => self.elements(&all()),
        }
    }
}

/// Whether a function is a few instructions of the machine.
fn is_cheap(prim: Prim) -> bool {
    use Prim::*;
    matches!(
        prim,
        Neg | Abs
            | Add
            | Sub
            | Mul
            | Div
            | Max
            | Min
            | Lt
            | Le
            | Eq
            | Ne
            | Not
            | And
            | Or
            | Select
            | Require
            | Sign
    )
}
