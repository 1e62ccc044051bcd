//! Removes what need not be computed, or not that often.
//!
//! * Before: any program.
//! * After: the same results, from no more statements. Equal operations are computed once, constants
//!   and identities are folded, statements and carries that nothing needs are gone, and scans keep
//!   only their recurrence: the rest stands before or behind them.
//! * Assumes: the program passes `check`.
//! * Guarantees: the order of effects (sites, observations, factors, reports) is kept. Near-linear time.

use super::flow;
use super::reemit::Reemit;
use crate::build::Builder;
use crate::ir::Program;

/// The program, simplified.
pub fn simplify(program: &Program) -> Program {
    let mut pruned = program.clone();
    flow::prune(&mut pruned);
    pruned.body = flow::isolate(pruned.body);
    let mut b = Builder::new(pruned.axes.clone());
    let mut copy = Reemit::new(&pruned);
    copy.stmts(&mut b, &pruned.body);
    let results = copy.outputs(&pruned.results);
    let mut simple = b.finish(results);
    // Folding leaves operands behind that nothing uses any more.
    flow::prune(&mut simple);
    simple
}
