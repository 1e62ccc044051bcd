//! What runs in tiles of an axis, and when: every statement's round.
//!
//! A step is a sequence of rounds. A round first computes over whole arrays, then in tiles; what its tiles have
//! computed can be joined to whole arrays for later rounds. In tiles runs
//!
//! * what has the axis and needs, at each row, operands at that row only,
//! * a fold along the axis: of a tile's rows first, then of the tiles' values.
//!
//! Everything else runs over whole arrays: what does not have the axis, a recurrence along it, a matrix over it. So
//! each program can be cut along each axis, and what is to be asked is whether that pays (`tiling`). A sum over rows
//! whose derivative no row needs takes one round, and a second one for what follows from the sum; where rows need the
//! sum, as in the gradient of its logarithm, they are worked on in both.

use super::fold::Sum;
use super::layout::Layout;
use super::schedule::{Node, operands};
use vary_core::axis::{Axis, AxisSet};
use vary_core::ir::{InputKind, Let, Monoid, Op, Program, Var};

/// When a value is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// When data are bound.
    Once,
    /// In this round, over whole arrays.
    Whole(usize),
    /// In this round, in tiles.
    Tiles(usize),
}

/// How a statement in tiles reads a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// At its own row.
    Row,
    /// At any row.
    Whole,
}

/// The round of every statement.
#[derive(Debug)]
pub(super) struct Rounds {
    /// When each variable is bound.
    pub when: Vec<When>,
    /// The folds of a tile's rows, which are no values before they are joined.
    pub partial: Vec<Option<Monoid>>,
    /// What is wanted whole though it is computed in tiles.
    pub joined: Vec<bool>,
    /// How many rounds there are.
    pub count: usize,
}

/// A scatter along the axis runs over whole arrays, lest every tile fill and add up a table of its own, unless the
/// table has at most so many times the numbers of one row (tiles have about as many rows), or all rows so many times
/// those of the table.
const SMALL_TABLE: usize = 32;

impl Rounds {
    /// Of a schedule, with the definitions of variables and those that are absorbed by sums, in tiles of `axis` if any.
    pub fn new(
        program: &Program,
        nodes: &[Node],
        defs: &[Option<&Op>],
        absorbed: &[bool],
        layout: &Layout,
        axis: Option<Axis>,
    ) -> Rounds {
        let n = program.vars.len();
        let rounds =
            Rounds { when: vec![When::Once; n], partial: vec![None; n], joined: vec![false; n], count: 0 };
        let mut placing = Placing { program, defs, absorbed, layout, axis, rounds };
        let nodes: Vec<&Node> = nodes.iter().filter(|node| !placing.is_absorbed(node)).collect();
        nodes.iter().for_each(|node| placing.place(node));
        if axis.is_some() {
            placing.postpone(&nodes);
            nodes.iter().for_each(|node| placing.join(node));
        }
        for result in &program.results {
            placing.rounds.joined[result.var.0 as usize] |=
                matches!(placing.when(result.var), When::Tiles(_));
        }
        let last = nodes.iter().flat_map(|node| node.binds()).map(|var| match placing.when(var) {
            When::Once => 0,
            When::Whole(round) | When::Tiles(round) => round,
        });
        placing.rounds.count = 1 + last.max().unwrap_or(0);
        placing.rounds
    }
}

struct Placing<'p> {
    program: &'p Program,
    defs: &'p [Option<&'p Op>],
    absorbed: &'p [bool],
    layout: &'p Layout,
    axis: Option<Axis>,
    rounds: Rounds,
}

impl Placing<'_> {
    fn when(&self, var: Var) -> When {
        self.rounds.when[var.0 as usize]
    }

    fn axes(&self, var: Var) -> &AxisSet {
        &self.program.vars[var.0 as usize].ty.axes
    }

    fn has(&self, var: Var, axis: Axis) -> bool {
        self.axes(var).contains(axis)
    }

    /// The numbers of a whole array.
    fn elements(&self, axes: &AxisSet) -> usize {
        axes.iter().map(|axis| self.layout.whole(axis)).product()
    }

    fn is_absorbed(&self, node: &Node) -> bool {
        matches!(node, Node::Let(stmt) if self.absorbed[stmt.var.0 as usize])
    }

    /// What a statement reads: a fold that absorbs others reads what these read.
    fn reads(&self, node: &Node) -> Vec<Var> {
        match node {
            Node::Let(Let { op: Op::Reduce(_, axis, x), .. }) => {
                Sum::new(self.defs, self.absorbed, *axis, *x).factors
            }
            _ => node.reads(),
        }
    }

    /// The same with how it is read if that happens in tiles.
    fn needs(&self, node: &Node) -> Vec<(Var, Need)> {
        match node {
            Node::Let(Let { op: Op::Gather { x, axis, index }, .. }) if Some(*axis) == self.axis => {
                vec![(*x, Need::Whole), (*index, Need::Row)]
            }
            _ => self.reads(node).into_iter().map(|var| (var, Need::Row)).collect(),
        }
    }

    /// Puts a statement in the first round in which it can run.
    fn place(&mut self, node: &Node) {
        let when = if !self.changes(node) {
            When::Once
        } else if self.axis.is_some_and(|axis| self.in_tiles(node, axis)) {
            let rounds = self.needs(node).into_iter().map(|(var, need)| self.in_tiles_from(var, need));
            When::Tiles(rounds.max().unwrap_or(0))
        } else {
            When::Whole(self.reads(node).into_iter().map(|var| self.whole_from(var)).max().unwrap_or(0))
        };
        node.binds().iter().for_each(|var| self.rounds.when[var.0 as usize] = when);
        if let (When::Tiles(_), Node::Let(stmt), Some(axis)) = (when, node, self.axis)
            && !self.has(stmt.var, axis)
        {
            let monoid = if let Op::Reduce(monoid, ..) = stmt.op { monoid } else { Monoid::Sum };
            self.rounds.partial[stmt.var.0 as usize] = Some(monoid);
        }
    }

    /// Whether it depends on more than data and constants.
    fn changes(&self, node: &Node) -> bool {
        let own = match node {
            Node::Let(stmt) => match &stmt.op {
                Op::Draw(_) => true,
                Op::Input(input) => input.kind != InputKind::Data,
                _ => false,
            },
            Node::Loop(inner) => inner.body.iter().any(|node| self.changes(node)),
        };
        own || self.reads(node).into_iter().any(|var| self.when(var) != When::Once)
    }

    /// The first round in which tiles can read a value.
    fn in_tiles_from(&self, var: Var, need: Need) -> usize {
        match self.when(var) {
            When::Once => 0,
            When::Whole(round) => round,
            When::Tiles(round) if need == Need::Row && self.rounds.partial[var.0 as usize].is_none() => round,
            When::Tiles(round) => round + 1,
        }
    }

    /// The first round in which the whole of a value can be read.
    fn whole_from(&self, var: Var) -> usize {
        match self.when(var) {
            When::Once => 0,
            When::Whole(round) => round,
            When::Tiles(round) => round + 1,
        }
    }

    fn in_tiles(&self, node: &Node, axis: Axis) -> bool {
        match node {
            Node::Let(stmt) => match &stmt.op {
                Op::Reduce(_, along, x) => {
                    let sum = Sum::new(self.defs, self.absorbed, *along, *x);
                    sum.over.contains(axis) || self.has(stmt.var, axis)
                }
                Op::Scatter { axis: along, over, x, .. } if over.contains(axis) => {
                    let table = self.elements(self.axes(stmt.var));
                    let rows = self.layout.whole(axis);
                    let row = self.elements(self.axes(*x)) / rows.max(1);
                    *along != axis && (table <= SMALL_TABLE * row || table * SMALL_TABLE <= rows * row)
                }
                // A view of a whole array costs nothing.
                op if is_view(self.defs, op) && self.is_whole(operands(op)[0]) => false,
                op => self.has(stmt.var, axis) && by_row(op, axis),
            },
            Node::Loop(inner) => {
                let mut binds = node.binds().into_iter();
                inner.axis != axis && binds.any(|var| self.has(var, axis)) && loop_by_row(&inner.body, axis)
            }
        }
    }

    fn is_whole(&self, var: Var) -> bool {
        !matches!(self.when(var), When::Tiles(_))
    }

    /// Moves what tiles compute to the round that first needs it, so that less is joined only to be read again: a
    /// value of which all that reads it runs in a later round.
    fn postpone(&mut self, nodes: &[&Node]) {
        let mut until: Vec<Option<usize>> = vec![None; self.program.vars.len()];
        let least = |known: Option<usize>, round: usize| Some(known.map_or(round, |known| known.min(round)));
        for result in &self.program.results {
            if let When::Tiles(round) = self.when(result.var) {
                until[result.var.0 as usize] = Some(round);
            }
        }
        for node in nodes.iter().rev() {
            let binds = node.binds();
            let when = match binds.first().map(|var| self.when(*var)) {
                Some(When::Tiles(_)) => {
                    let latest = binds.iter().filter_map(|var| until[var.0 as usize]).min();
                    // Tiles' folds are small, however early.
                    let early = self.rounds.partial[binds[0].0 as usize].is_some();
                    let when = latest.filter(|_| !early).map_or(self.when(binds[0]), When::Tiles);
                    binds.iter().for_each(|var| self.rounds.when[var.0 as usize] = when);
                    when
                }
                Some(when) => when,
                None => continue,
            };
            for (var, need) in self.needs(node) {
                let late = match (when, need) {
                    (When::Tiles(round), Need::Row) if self.rounds.partial[var.0 as usize].is_none() => round,
                    // Read after it is joined, by what cannot stand in the first round.
                    (When::Tiles(round) | When::Whole(round), _) => round.saturating_sub(1),
                    (When::Once, _) => continue,
                };
                until[var.0 as usize] = least(until[var.0 as usize], late);
            }
        }
    }

    /// Records what a statement needs joined.
    fn join(&mut self, node: &Node) {
        let binds = node.binds();
        let Some(when) = binds.first().map(|var| self.when(*var)) else { return };
        for (var, need) in self.needs(node) {
            let When::Tiles(from) = self.when(var) else { continue };
            let here = when == When::Tiles(from) && need == Need::Row;
            self.rounds.joined[var.0 as usize] |= !here && !binds.contains(&var);
        }
    }
}

/// Whether the result is a view of the first operand.
pub(super) fn is_view(defs: &[Option<&Op>], op: &Op) -> bool {
    use vary_core::prim::Prim;
    match op {
        Op::Rename(..) | Op::Detach(_) | Op::Prim(Prim::ToReal | Prim::ToInt, _) => true,
        Op::Gather { index, .. } => matches!(defs[index.0 as usize], Some(Op::Const(_))),
        _ => false,
    }
}

/// Whether each row of the result needs that row of the operands only, or an operand that is whole.
fn by_row(op: &Op, axis: Axis) -> bool {
    match op {
        Op::Const(_) | Op::Iota(_) | Op::Input(_) => false,
        Op::Prim(..) | Op::Detach(_) | Op::Tangent(_) | Op::Draw(_) | Op::Gather { .. } => true,
        Op::Rename(pairs, _) => pairs.iter().all(|(from, to)| *from != axis && *to != axis),
        Op::Reduce(_, along, _) | Op::CumSum { axis: along, .. } => *along != axis,
        Op::Scatter { axis: along, over, .. } => *along != axis && !over.contains(axis),
        Op::Stack { axis: along, .. } => *along != axis,
        Op::Concat { axis: along, parts } => *along != axis && parts.iter().all(|(laid, _)| *laid != axis),
        Op::Cholesky { row, col, .. } | Op::TriSolve { row, col, .. } => *row != axis && *col != axis,
    }
}

/// The same of all that a recurrence computes. An operand along the axis may be one of its own values, so that it is
/// not known to be whole.
fn loop_by_row(nodes: &[Node], axis: Axis) -> bool {
    nodes.iter().all(|node| match node {
        Node::Let(Let { op: Op::Gather { axis: along, .. }, .. }) => *along != axis,
        Node::Let(stmt) => matches!(stmt.op, Op::Const(_)) || by_row(&stmt.op, axis),
        Node::Loop(inner) => inner.axis != axis && loop_by_row(&inner.body, axis),
    })
}
