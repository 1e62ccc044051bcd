//! Draws replaced by a grid of their values: an expectation becomes a sum.
//!
//! Before: a program of `Let` and `Scan` whose draws have no operands. After: the same with the draw axis as an
//! ordinary axis of `nodes` indices, and each draw read from a data input along it. What the inputs must hold is
//! returned; weighted sums of the results over the nodes are then expectations by quadrature.

use crate::axis::Axis;
use crate::dim::Dim;
use crate::ir::{Base, Elem, Input, InputKind, Let, Op, Program, Stmt, Ty, Var};
use std::rc::Rc;

/// A random primitive that was replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// The data input that stands for it; its dims are the nodes, then the axes of independent entries.
    pub input: String,
    /// What it was drawn from.
    pub base: Base,
    /// How many independent numbers one draw of the objective takes from it.
    pub entries: usize,
}

/// The draws of a program; `None` if one has operands.
pub fn noise(program: &Program, draw: Axis) -> Option<Vec<Noise>> {
    let mut found: Vec<(Rc<str>, Noise)> = Vec::new();
    let mut fits = true;
    for_each_draw(&program.body, &mut |_, drawn| {
        fits &= drawn.args.is_empty();
        if !found
            .iter()
            .any(|(occurrence, noise)| *occurrence == drawn.occurrence && noise.base == drawn.base)
        {
            let entries =
                drawn.key.iter().filter(|axis| *axis != draw).map(|axis| program.axes.size(axis)).product();
            let input = format!("noise#{}", found.len());
            found.push((drawn.occurrence.clone(), Noise { input, base: drawn.base, entries }));
        }
    });
    fits.then(|| found.into_iter().map(|(_, noise)| noise).collect())
}

/// The program over a grid of this many nodes.
pub fn on_grid(program: &Program, draw: Axis, nodes: usize) -> Program {
    let mut named: Vec<(Rc<str>, Base)> = Vec::new();
    let mut inputs: Vec<(Var, Input)> = Vec::new();
    for_each_draw(&program.body, &mut |var, drawn| {
        let key = (drawn.occurrence.clone(), drawn.base);
        let at = named.iter().position(|known| *known == key).unwrap_or_else(|| {
            named.push(key);
            named.len() - 1
        });
        let mut dims = vec![draw];
        dims.extend(drawn.key.iter().filter(|axis| *axis != draw));
        inputs.push((var, Input { kind: InputKind::Data, name: format!("noise#{at}"), dims }));
    });
    let mut grid = program.clone();
    grid.axes.fix(draw, Dim::known(nodes as i64));
    remove_draws(&mut grid.body);
    let reads = inputs.into_iter().map(|(var, input)| {
        let axes = input.dims.iter().copied().collect();
        grid.vars[var.0 as usize].ty = Ty { elem: Elem::Real, axes };
        Stmt::Let(Let { var, op: Op::Input(input), guard: None })
    });
    grid.body = reads.collect::<Vec<_>>().into_iter().chain(std::mem::take(&mut grid.body)).collect();
    grid
}

fn for_each_draw(stmts: &[Stmt], f: &mut dyn FnMut(Var, &crate::ir::Draw)) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(Let { var, op: Op::Draw(drawn), .. }) => f(*var, drawn),
            Stmt::Scan(scan) => for_each_draw(&scan.body, f),
            Stmt::Let(_) | Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}

fn remove_draws(stmts: &mut Vec<Stmt>) {
    stmts.retain(|stmt| !matches!(stmt, Stmt::Let(Let { op: Op::Draw(_), .. })));
    for stmt in stmts {
        if let Stmt::Scan(scan) = stmt {
            remove_draws(&mut scan.body);
        }
    }
}
