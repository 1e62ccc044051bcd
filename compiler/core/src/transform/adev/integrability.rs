//! Which integrals the estimator's unbiasedness assumes to exist.
//!
//! Logarithms, roots, quotients and powers of smooth values have unbounded derivatives at their
//! singular point. Where the value provably stays on one side of it nothing is said; elsewhere
//! the report names the line.

use super::range::{Range, ranges};
use super::smoothness::{Note, Smoothness};
use crate::ir::{Const, Op, Program, Var};
use crate::prim::Prim;
use std::collections::HashSet;

/// What integrability is assumed of: singular operations on smooth operands that may meet the singular point.
pub fn assumptions(program: &Program, smoothness: &Smoothness) -> Vec<Note> {
    let ranges = ranges(program);
    let definitions = program.definitions();
    let (mut notes, mut seen) = (Vec::new(), HashSet::new());
    for (at, op) in definitions.iter().enumerate() {
        let Some(Op::Prim(prim, args)) = op else { continue };
        let risky =
            |var: Var, safe: fn(Range) -> bool| smoothness.is_smooth(var) && !safe(ranges[var.0 as usize]);
        let literal = |var: Var| match definitions[var.0 as usize] {
            Some(Op::Const(Const::Real(value))) => Some(*value),
            _ => None,
        };
        let what = match prim {
            Prim::Log if risky(args[0], Range::is_positive) => "log of a value that may come near 0",
            Prim::Log1p if risky(args[0], Range::is_non_negative) => "log1p of a value that may come near -1",
            Prim::Sqrt if risky(args[0], Range::is_positive) => "sqrt of a value that may come near 0",
            Prim::Div if risky(args[1], Range::is_positive) => "division by a value that may come near 0",
            Prim::XLogY if risky(args[1], Range::is_positive) => "log of a value that may come near 0",
            Prim::Log1mExp if risky(args[0], Range::is_negative) => {
                "log1m_exp of a value that may come near 0"
            }
            Prim::InvPhi if risky(args[0], |_| false) => "a quantile of a value that may come near 0 or 1",
            Prim::LogBesselI | Prim::LogGammaP if risky(args[1], Range::is_positive) => {
                "log of a function that may come near 0"
            }
            Prim::LogIncBeta if risky(args[2], Range::is_positive) => {
                "log of a function that may come near 0"
            }
            Prim::Pow => match literal(args[1]) {
                Some(power) if power >= 0.0 && power.fract() == 0.0 => continue,
                _ if risky(args[0], Range::is_positive) => "a power of a value that may come near 0",
                _ => continue,
            },
            _ => continue,
        };
        let note = Note { span: program.vars[at].span, text: format!("integrability assumed: {what}") };
        if seen.insert(note.clone()) {
            notes.push(note);
        }
    }
    notes
}
