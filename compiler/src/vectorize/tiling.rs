//! Whether a step may be cut into tiles of draws.
//!
//! It may when no draw needs another, and when what is summed over draws enters results linearly:
//! then the results of the tiles add up. A leave-one-out mean or the logarithm of a mean over the
//! draws of a step forbids it.

use super::schedule::{Node, operands, schedule};
use vary_core::axis::{Axis, Role};
use vary_core::ir::{Input, InputKind, Monoid, Op, Program, Var};
use vary_core::prim::Prim;

/// How a value depends on the draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Not at all.
    None,
    /// At each draw on that draw only.
    Each,
    /// A sum over all draws: the tiles' values add up.
    Sum,
    /// In some other way.
    All,
}

/// Whether the results of tiles of draws can be put together: stacked where they have the draw axis,
/// added where they depend on the draws without it.
pub fn tileable(program: &Program) -> bool {
    let draw = program.axes.iter().find(|(_, info)| info.role == Role::Draw);
    let Some((draw, info)) = draw else { return true };
    let mut tiling = Tiling {
        program,
        draw,
        count: info.size.as_name().map(str::to_string),
        over: vec![Over::None; program.vars.len()],
    };
    schedule(program).iter().for_each(|node| tiling.node(node));
    program.results.iter().all(|result| match tiling.of(result.var) {
        Over::None => true,
        Over::Each => result.dims.contains(&draw),
        Over::Sum => !result.dims.contains(&draw),
        Over::All => false,
    })
}

struct Tiling<'p> {
    program: &'p Program,
    draw: Axis,
    /// The name of the number of draws.
    count: Option<String>,
    over: Vec<Over>,
}

impl Tiling<'_> {
    fn of(&self, var: Var) -> Over {
        self.over[var.0 as usize]
    }

    fn has_draws(&self, var: Var) -> bool {
        self.program.vars[var.0 as usize].ty.axes.contains(self.draw)
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Let(stmt) => self.over[stmt.var.0 as usize] = self.op(&stmt.op),
            Node::Loop(inner) => {
                // Carried values first take the worst of what they start from and of what feeds the loop.
                let reads: Vec<Over> = node.reads().iter().map(|var| self.of(*var)).collect();
                let random = node.binds().iter().any(|var| self.has_draws(*var));
                let start = reads.into_iter().chain(random.then_some(Over::Each)).fold(Over::None, nonlinear);
                inner.carries.iter().for_each(|carry| self.over[carry.var.0 as usize] = start);
                inner.body.iter().for_each(|node| self.node(node));
                // A sum over draws inside of a recurrence comes back as a draw's next value.
                let binds = node.binds();
                if binds.iter().any(|var| matches!(self.of(*var), Over::Sum | Over::All)) {
                    binds.iter().for_each(|var| self.over[var.0 as usize] = Over::All);
                }
            }
        }
    }

    fn op(&self, op: &Op) -> Over {
        let all = || operands(op).iter().map(|var| self.of(*var)).fold(Over::None, nonlinear);
        match op {
            Op::Const(_) | Op::Tangent(_) => Over::None,
            Op::Iota(axis) => self.unless_draw(*axis, Over::None),
            Op::Input(input) if self.is_count(input) => Over::Sum,
            Op::Input(_) => Over::None,
            Op::Prim(prim, args) => self.prim(*prim, args),
            Op::Reduce(Monoid::Sum, axis, x) if *axis == self.draw => match self.of(*x) {
                Over::None | Over::Each => Over::Sum,
                Over::Sum | Over::All => Over::All,
            },
            Op::Reduce(Monoid::Sum, _, x) | Op::Detach(x) => self.of(*x),
            Op::Reduce(Monoid::Max | Monoid::Min, axis, _) => self.unless_draw(*axis, all()),
            Op::Rename(pairs, x) => {
                let moved = pairs.iter().any(|(from, to)| [*from, *to].contains(&self.draw));
                if moved { Over::All } else { self.of(*x) }
            }
            Op::CumSum { x, axis, .. } => self.unless_draw(*axis, self.of(*x)),
            Op::Gather { x, axis, index } => self.unless_draw(*axis, product(self.of(*x), self.of(*index))),
            Op::Scatter { x, axis, index, over } => {
                let linear = product(self.of(*x), self.of(*index));
                if over.contains(self.draw) && linear == Over::Each {
                    return self.unless_draw(*axis, Over::Sum);
                }
                self.unless_draw(*axis, if over.contains(self.draw) { Over::All } else { linear })
            }
            Op::Stack { parts, .. } => self.sum(parts),
            Op::Concat { parts, .. } => {
                let along = parts.iter().any(|(axis, _)| *axis == self.draw);
                let parts: Vec<Var> = parts.iter().map(|(_, part)| *part).collect();
                if along { Over::All } else { self.sum(&parts) }
            }
            Op::Cholesky { .. } => all(),
            Op::TriSolve { l, b, .. } => product(self.of(*b), self.of(*l)),
            Op::Draw(draw) if draw.key.contains(self.draw) => nonlinear(all(), Over::Each),
            Op::Draw(_) => all(),
        }
    }

    fn is_count(&self, input: &Input) -> bool {
        input.kind == InputKind::Data && input.dims.is_empty() && self.count.as_ref() == Some(&input.name)
    }

    fn unless_draw(&self, axis: Axis, over: Over) -> Over {
        if axis == self.draw { Over::All } else { over }
    }

    fn prim(&self, prim: Prim, args: &[Var]) -> Over {
        let of = |at: usize| self.of(args[at]);
        match prim {
            Prim::Neg | Prim::ToReal => of(0),
            Prim::Add | Prim::Sub => self.sum(args),
            Prim::Mul if of(0) == Over::Sum => product(of(0), of(1)),
            Prim::Mul => product(of(1), of(0)),
            Prim::Div => product(of(0), of(1)),
            Prim::Select if of(0) == Over::None => self.sum(&args[1..]),
            _ => args.iter().map(|arg| self.of(*arg)).fold(Over::None, nonlinear),
        }
    }

    /// A linear combination: of sums if all are.
    fn sum(&self, terms: &[Var]) -> Over {
        if terms.iter().all(|var| self.of(*var) == Over::Sum) {
            return Over::Sum;
        }
        terms.iter().map(|var| self.of(*var)).fold(Over::None, nonlinear)
    }
}

/// A function linear in a value, with a coefficient.
fn product(value: Over, coefficient: Over) -> Over {
    if coefficient == Over::None { value } else { nonlinear(value, coefficient) }
}

/// Any function of two values.
fn nonlinear(a: Over, b: Over) -> Over {
    match (a, b) {
        (Over::None, Over::None) => Over::None,
        (Over::None | Over::Each, Over::None | Over::Each) => Over::Each,
        _ => Over::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vary_core::axis::AxisTable;
    use vary_core::build::Builder;
    use vary_core::dim::Dim;
    use vary_core::ir::{Base, Draw, Elem, Output};

    /// Whether the program with one result, made from a per-draw value, a parameter and the draw axis, is tileable.
    fn check(result: impl Fn(&mut Builder, Var, Var, Axis) -> Var) -> bool {
        let mut axes = AxisTable::default();
        let draw = axes.fresh("draw", Dim::known(0), Dim::named("draws"), Role::Draw);
        let mut b = Builder::new(axes);
        let key = [draw].into_iter().collect();
        let x = b.emit(Op::Draw(Draw { base: Base::Normal, args: vec![], key, occurrence: "x".into() }));
        let p =
            b.input(Elem::Real, Input { kind: InputKind::Param, name: "p".to_string(), dims: Vec::new() });
        let var = result(&mut b, x, p, draw);
        let dims = b.axes_of(var).iter().collect();
        tileable(&b.finish(vec![Output { name: "result".to_string(), var, dims }]))
    }

    #[test]
    fn sums_and_what_is_linear_in_them_are_tileable() {
        assert!(check(|b, x, p, _| b.mul(x, p)));
        assert!(check(|b, x, _, draw| b.reduce(Monoid::Sum, draw, x)));
        assert!(check(|b, x, p, draw| {
            let (sum, penalty) = (b.reduce(Monoid::Sum, draw, x), b.reduce(Monoid::Sum, draw, p));
            let both = b.add(sum, penalty);
            b.div(both, p)
        }));
        assert!(check(|b, _, p, _| b.exp(p)));
    }

    #[test]
    fn what_couples_draws_is_not() {
        assert!(!check(|b, x, _, draw| b.reduce(Monoid::Max, draw, x)));
        assert!(!check(|b, x, _, draw| {
            let sum = b.reduce(Monoid::Sum, draw, x);
            b.exp(sum)
        }));
        // A constant beside a sum would be counted once per tile.
        assert!(!check(|b, x, p, draw| {
            let sum = b.reduce(Monoid::Sum, draw, x);
            b.add(sum, p)
        }));
        // Leave one out.
        assert!(!check(|b, x, _, draw| {
            let sum = b.reduce(Monoid::Sum, draw, x);
            b.sub(sum, x)
        }));
        // A mean: the number of draws divides.
        assert!(!check(|b, x, _, draw| {
            let (sum, size) = (b.reduce(Monoid::Sum, draw, x), b.size(draw));
            let size = b.to_real(size);
            b.div(sum, size)
        }));
    }
}
