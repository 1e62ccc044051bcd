//! How much a program computes and moves.

use super::{Instr, Program, View};

/// The work of one run of a list of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Work {
    /// Arithmetic operations: one per index of a nest, two in a sum of products. An elementary function and a
    /// random number count as one.
    pub operations: f64,
    /// Those of them in sums of products.
    pub in_products: f64,
    /// Numbers read and written by all instructions, each instruction's own operands once: what would go through
    /// memory if nothing stayed in a cache.
    pub moved: f64,
}

impl Work {
    /// This work and another `times` over.
    pub fn plus(self, other: Work, times: f64) -> Work {
        Work {
            operations: self.operations + times * other.operations,
            in_products: self.in_products + times * other.in_products,
            moved: self.moved + times * other.moved,
        }
    }
}

impl Program {
    /// The work of a step.
    pub fn step_work(&self) -> Work {
        let full = (self.tiles.rows / self.tiles.size.max(1)) as f64;
        self.rounds.iter().fold(Work::default(), |sum, round| {
            let [tile, rest] = &round.tiles;
            sum.plus(list(&round.whole), 1.0).plus(list(tile), full).plus(list(rest), 1.0)
        })
    }
}

fn list(instrs: &[Instr]) -> Work {
    instrs.iter().fold(Work::default(), |sum, instr| match instr {
        Instr::Loop(inner) => sum.plus(list(&inner.body), inner.size as f64),
        _ => sum.plus(one(instr), 1.0),
    })
}

fn one(instr: &Instr) -> Work {
    let extents = instr.extents();
    let lanes: f64 = extents.iter().map(|size| *size as f64).product();
    let within = match instr {
        Instr::CumSum { axis, .. } => axis.size as f64,
        Instr::Cholesky { size, .. } => (*size as f64).powi(3) / 3.0,
        Instr::TriSolve { size, .. } => (*size as f64).powi(2),
        _ => 1.0,
    };
    let in_products = if let Instr::Contract { .. } = instr { 2.0 * lanes } else { 0.0 };
    let operations = if in_products > 0.0 { in_products } else { lanes * within };
    let (out, args) = instr.operands();
    let moved = out.into_iter().chain(args).map(|view| touched(view, extents)).sum();
    Work { operations, in_products, moved }
}

/// How many numbers an operand has: the loops along which it stays are no new ones.
fn touched(view: &View, extents: &[usize]) -> f64 {
    let varies = view.strides.iter().zip(extents).filter(|(stride, _)| **stride != 0);
    varies.map(|(_, size)| *size as f64).product()
}
