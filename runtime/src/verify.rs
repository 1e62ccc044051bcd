//! Checks a program once, so that the executor need not.
//!
//! Guarantees for a program that passes: every element that a view can reach lies inside its
//! buffer, for every tile; a buffer is written by its own list only, before it is read, and one of a
//! tile is read only in its own round; no instruction reads what it writes; operand and stride counts
//! fit; joins fit the buffers, and outputs are not of one tile.

use crate::kernels::nest::DEEPEST;
use crate::program::{Along, Combine, Instr, Join, Place, Program, Round, View};
use std::fmt;

/// Why a program cannot be executed: a mistake of whoever made it, never of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The instruction, as printed, or what else is wrong.
    pub place: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid tensor program: {}: {}", self.place, self.rule)
    }
}

impl std::error::Error for Invalid {}

/// Checks a program.
pub fn verify(program: &Program) -> Result<(), Invalid> {
    let mut check = Check { program, written: vec![false; program.buffers.len()], loops: Vec::new() };
    for buffer in &program.buffers {
        let fits = match buffer.place {
            Place::Constant(_) => buffer.len == 1,
            Place::Input(input) => program.inputs.get(input).is_some_and(|i| i.len == buffer.len),
            Place::Once | Place::Step | Place::Tile(_) | Place::Joined => true,
        };
        ensure(fits, || buffer.name.clone(), "a constant or an input of another size")?;
    }
    check.list(&program.once, Place::Once)?;
    program.rounds.iter().try_for_each(|round| check.round(round))?;
    for output in &program.outputs {
        let name = || format!("output {}", output.name);
        let Some(buffer) = program.buffers.get(output.buffer) else {
            return Err(Invalid { place: name(), rule: "no such buffer" });
        };
        let whole = !matches!(buffer.place, Place::Tile(_));
        ensure(whole && check.readable(output.buffer), name, "is not computed")?;
    }
    Ok(())
}

struct Check<'a> {
    program: &'a Program,
    written: Vec<bool>,
    /// Sizes of the enclosing loops.
    loops: Vec<usize>,
}

impl Check<'_> {
    fn readable(&self, buffer: usize) -> bool {
        match self.program.buffers[buffer].place {
            Place::Constant(_) | Place::Input(_) => true,
            _ => self.written[buffer] || self.program.buffers[buffer].len == 0,
        }
    }

    fn round(&mut self, round: &Round) -> Result<(), Invalid> {
        self.list(&round.whole, Place::Step)?;
        let tiles = &self.program.tiles;
        for shape in tiles.shapes() {
            // The first row of the last tile is the largest index of the loop that tiles are.
            let rows = tiles.rows_of(shape);
            ensure(rows <= tiles.rows, || "tiles".to_string(), "are larger than their axis")?;
            self.loops.push(tiles.rows - rows + 1);
            self.list(&round.tiles[shape as usize], Place::Tile(shape))?;
            self.loops.pop();
        }
        for join in &round.joins {
            let rule = self.join(join);
            rule.map_err(|rule| Invalid { place: format!("the array of buffer {}", join.to), rule })?;
            self.written[join.to] = true;
        }
        let buffers = self.program.buffers.iter().zip(&mut self.written);
        buffers.filter(|(buffer, _)| matches!(buffer.place, Place::Tile(_))).for_each(|(_, written)| {
            *written = false;
        });
        Ok(())
    }

    fn join(&self, join: &Join) -> Result<(), &'static str> {
        let buffers = &self.program.buffers;
        let Some(to) = buffers.get(join.to).filter(|to| to.place == Place::Joined) else {
            return Err("it is not to be joined");
        };
        if self.written[join.to] {
            return Err("it is joined twice");
        }
        let tiles = &self.program.tiles;
        for shape in tiles.shapes() {
            let buffer = join.from[shape as usize];
            let Some(from) = buffers.get(buffer).filter(|from| from.place == Place::Tile(shape)) else {
                return Err("it is joined from what is no tile's");
            };
            let fits = match join.combine {
                Combine::Fold(_) | Combine::Same => from.len == to.len,
                Combine::Stack { inner } => {
                    let row = |len: usize, rows: usize| (len.checked_div(inner * rows), inner * rows);
                    let (outer, part) = row(from.len, tiles.rows_of(shape));
                    let (all, whole) = row(to.len, tiles.rows);
                    outer == all
                        && outer.unwrap_or(0) * part == from.len
                        && all.unwrap_or(0) * whole == to.len
                }
            };
            if !fits || !self.readable(buffer) {
                return Err("it is not what the tiles have");
            }
        }
        Ok(())
    }

    fn list(&mut self, instrs: &[Instr], place: Place) -> Result<(), Invalid> {
        for instr in instrs {
            self.instr(instr, place).map_err(|rule| Invalid { place: self.describe(instr), rule })?;
            if let Instr::Loop(inner) = instr {
                self.loops.push(inner.size);
                self.list(&inner.body, place)?;
                self.loops.pop();
            }
            if let (Some(out), _) = instr.operands() {
                self.written[out.buffer] = true;
            }
        }
        Ok(())
    }

    fn describe(&self, instr: &Instr) -> String {
        let target = instr.operands().0.and_then(|out| self.program.buffers.get(out.buffer));
        format!("{} = {}", target.map_or("?", |buffer| &buffer.name), instr.name())
    }

    fn instr(&self, instr: &Instr, place: Place) -> Result<(), &'static str> {
        let (out, args) = instr.operands();
        let Some(out) = out else { return Ok(()) };
        let loops = instr.extents();
        let views = || args.iter().copied().chain([out]);
        if views().any(|view| view.buffer >= self.program.buffers.len()) {
            return Err("an operand is no buffer");
        }
        if self.program.buffers[out.buffer].place != place {
            return Err("its target belongs elsewhere");
        }
        let foreign = |view: &View| {
            let of = self.program.buffers[view.buffer].place;
            matches!(of, Place::Tile(_)) && of != place
        };
        if args.iter().any(|view| foreign(view)) {
            return Err("it reads what is another tile's");
        }
        if args.iter().any(|view| view.buffer == out.buffer) {
            return Err("it reads what it writes");
        }
        if args.iter().any(|view| !self.readable(view.buffer)) {
            return Err("it reads what is not yet written");
        }
        if place == Place::Once && args.iter().any(|view| !self.is_fixed(view.buffer)) {
            return Err("it is to run once and reads what changes");
        }
        if views().any(|view| view.strides.len() != loops.len() || view.steps.len() > self.loops.len()) {
            return Err("an operand has another number of strides than there are loops");
        }
        if loops.iter().filter(|size| **size > 1).count() > DEEPEST {
            return Err("it has more loops than a kernel can have");
        }
        let along = |size: usize, stride: usize| Along { size, stride };
        let inside = |view: &View, extra: &[Along]| self.inside(loops, view, extra);
        let fits = match instr {
            Instr::Map { op, out, args, .. } => {
                args.len() == op.arity() && inside(out, &[]) && args.iter().all(|arg| inside(arg, &[]))
            }
            Instr::Iota { out, .. } => inside(out, &[]),
            Instr::Reduce { kept, out, x, .. } => {
                folds(loops, *kept, out) && inside(out, &[]) && inside(x, &[])
            }
            Instr::Contract { kept, out, a, b, .. } => {
                folds(loops, *kept, out) && inside(out, &[]) && inside(a, &[]) && inside(b, &[])
            }
            Instr::Gather { out, x, axis, index, .. } => {
                inside(out, &[]) && inside(x, &[*axis]) && inside(index, &[])
            }
            Instr::Scatter { out, axis, x, index, .. } => {
                self.readable(out.buffer) && inside(out, &[*axis]) && inside(x, &[]) && inside(index, &[])
            }
            Instr::CumSum { axis, out_stride, out, x, .. } => {
                inside(out, &[along(axis.size, *out_stride)]) && inside(x, &[*axis])
            }
            Instr::Cholesky { size, out, out_strides, x, x_strides, .. } => {
                inside(out, &out_strides.map(|stride| along(*size, stride)))
                    && inside(x, &x_strides.map(|stride| along(*size, stride)))
            }
            Instr::TriSolve { size, out, out_stride, l, l_strides, b, b_stride, .. } => {
                inside(out, &[along(*size, *out_stride)])
                    && inside(l, &l_strides.map(|stride| along(*size, stride)))
                    && inside(b, &[along(*size, *b_stride)])
            }
            Instr::Draw(draw) => {
                draw.args.len() == draw.base.arity()
                    && draw.lane.len() == loops.len()
                    && draw.lane_steps.len() <= self.loops.len()
                    && inside(&draw.out, &[])
                    && draw.args.iter().chain(&draw.rows).all(|arg| inside(arg, &[]))
            }
            Instr::Loop(_) => true,
        };
        if fits { Ok(()) } else { Err("an operand does not fit, or reaches outside its buffer") }
    }

    /// Whether the buffer is known before the first step.
    fn is_fixed(&self, buffer: usize) -> bool {
        match self.program.buffers[buffer].place {
            Place::Constant(_) | Place::Once => true,
            Place::Input(input) => self.program.inputs[input].kind == crate::program::InputKind::Data,
            Place::Step | Place::Tile(_) | Place::Joined => false,
        }
    }

    /// Whether all that a view reaches is inside its buffer. Nothing is reached where a loop is empty.
    fn inside(&self, loops: &[usize], view: &View, extra: &[Along]) -> bool {
        let pairs = || {
            let steps = self.loops.iter().copied().zip(view.steps.iter().copied());
            let nest = loops.iter().copied().zip(view.strides.iter().copied());
            nest.chain(steps).chain(extra.iter().map(|along| (along.size, along.stride)))
        };
        let idle = self.loops.contains(&0) || pairs().any(|(size, _)| size == 0);
        let last = pairs().try_fold(view.offset, |at, (size, stride)| {
            size.saturating_sub(1).checked_mul(stride).and_then(|far| at.checked_add(far))
        });
        idle || last.is_some_and(|last| last < self.program.buffers[view.buffer].len)
    }
}

/// Whether the result of a fold varies along its kept loops only.
fn folds(loops: &[usize], kept: usize, out: &View) -> bool {
    kept <= loops.len() && out.strides[kept..].iter().all(|stride| *stride == 0)
}

fn ensure(holds: bool, place: impl Fn() -> String, rule: &'static str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid { place: place(), rule }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Buffer, Fold, Loop, Map, Unary};

    fn buffer(len: usize, place: Place) -> Buffer {
        Buffer { name: "x".to_string(), shape: Vec::new(), len, place }
    }

    fn view(buffer: usize, offset: usize, strides: &[usize], steps: &[usize]) -> View {
        View { buffer, offset, strides: strides.to_vec(), steps: steps.to_vec() }
    }

    fn copy(extents: &[usize], out: View, x: View) -> Instr {
        Instr::Map { op: Map::Unary(Unary::Copy), extents: extents.to_vec(), out, args: vec![x] }
    }

    /// The verdict on instructions over a constant (0), two buffers of 6 (1, 2) and one of the first run (3).
    fn check(step: Vec<Instr>) -> Result<(), &'static str> {
        let buffers = vec![
            buffer(1, Place::Constant(2.0)),
            buffer(6, Place::Step),
            buffer(6, Place::Step),
            buffer(6, Place::Once),
        ];
        let round = Round { whole: step, ..Round::default() };
        verify(&Program { buffers, rounds: vec![round], ..Program::default() })
            .map_err(|invalid| invalid.rule)
    }

    #[test]
    fn what_stays_inside_passes() {
        let fill = copy(&[2, 3], view(1, 0, &[3, 1], &[]), view(0, 0, &[0, 0], &[]));
        assert_eq!(check(vec![fill.clone()]), Ok(()));
        let transposed = copy(&[3, 2], view(2, 0, &[2, 1], &[]), view(1, 0, &[1, 3], &[]));
        assert_eq!(check(vec![fill.clone(), transposed]), Ok(()));
        let body = vec![copy(&[3], view(2, 0, &[1], &[3]), view(1, 0, &[1], &[3]))];
        let two = Instr::Loop(Loop { size: 2, reverse: false, body: body.clone() });
        assert_eq!(check(vec![fill.clone(), two]), Ok(()));
        let three = Instr::Loop(Loop { size: 3, reverse: false, body });
        assert!(check(vec![fill, three]).is_err());
    }

    #[test]
    fn what_reaches_outside_does_not() {
        let zero = || view(0, 0, &[0], &[]);
        assert!(check(vec![copy(&[7], view(1, 0, &[1], &[]), zero())]).is_err());
        assert!(check(vec![copy(&[6], view(1, 1, &[1], &[]), zero())]).is_err());
        assert!(check(vec![copy(&[2], view(1, 0, &[usize::MAX], &[]), zero())]).is_err());
        assert!(check(vec![copy(&[2], view(1, 0, &[1, 1], &[]), zero())]).is_err());
        assert!(check(vec![copy(&[2], view(9, 0, &[1], &[]), zero())]).is_err());
        // Nothing is reached by an empty loop.
        assert_eq!(check(vec![copy(&[0], view(1, 99, &[1], &[]), zero())]), Ok(()));
    }

    #[test]
    fn order_and_ownership_are_checked() {
        let from = |buffer| view(buffer, 0, &[1], &[]);
        assert!(check(vec![copy(&[6], from(1), from(2))]).is_err());
        assert!(check(vec![copy(&[6], from(1), from(1))]).is_err());
        assert!(check(vec![copy(&[6], from(3), view(0, 0, &[0], &[]))]).is_err());
        let fill = copy(&[6], from(1), view(0, 0, &[0], &[]));
        let (extents, fold) = (vec![6], Fold::Sum);
        let moving = Instr::Reduce { fold, extents, kept: 0, out: from(2), x: from(1) };
        assert!(check(vec![fill, moving]).is_err());
    }
}
