//! From a verified program to executable code: kernels planned, buffers laid into slots.
//!
//! A slot is a vector that several buffers use one after another. Buffers whose lives do not
//! overlap share slots, smallest fitting first. A buffer lives from the instruction that first
//! writes it to the last that reads it; one that lives both inside and outside a loop lives through
//! the whole loop. Outputs live to the end. Whole arrays of all rounds share one set of slots, the
//! lists for tiles have sets of their own.

use crate::float::Width;
use crate::kernels::contract::Contract;
use crate::kernels::index::{CumSum, Pointer};
use crate::kernels::linalg::{Cholesky, TriSolve};
use crate::kernels::nest::Nest;
use crate::kernels::reduce::Reduce;
use crate::program::{
    Binary, Combine, Input, InputKind, Instr, Map, Output, Place, Program, Shape, Ternary, Tiles, Unary,
    View, Work,
};
use crate::random::{Sampler, occurrence_hash};
use crate::verify::{Invalid, verify};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// An executable program.
#[derive(Debug)]
pub struct Plan {
    /// How rounds are cut.
    pub tiles: Tiles,
    /// Values from outside, in the program's order.
    pub inputs: Vec<Input>,
    /// What a run computes, in the program's order.
    pub outputs: Vec<Output>,
    pub(crate) once: Code,
    pub(crate) rounds: Vec<Round>,
    /// Length of each slot for whole arrays, and the deepest nesting of loops over them.
    pub(crate) slots: Vec<usize>,
    pub(crate) depth: usize,
    /// Each joined array.
    pub(crate) joined: Vec<Joined>,
    /// All constants; the first of the fixed arrays.
    pub(crate) constants: Vec<f64>,
    /// Where `once` leaves its results, in the order of the fixed arrays after constants and data.
    pub(crate) fixed: Vec<(usize, usize)>,
    /// Where each output is after a step: its array, its offset there, its length.
    pub(crate) results: Vec<(Home, usize, usize)>,
    /// The work of a step.
    pub work: Work,
    /// How many instructions a step has, those inside loops once.
    pub instructions: usize,
    /// The longest axis whose positions are computed with.
    pub(crate) longest_axis: Option<usize>,
}

/// An array joined from tiles.
#[derive(Debug)]
pub(crate) struct Joined {
    pub len: usize,
    /// Whether a round reads it.
    pub read: bool,
}

/// A part of a step.
#[derive(Debug)]
pub(crate) struct Round {
    /// Over whole arrays.
    pub whole: Vec<Op>,
    /// For every tile, by its shape.
    pub tiles: [Code; 2],
    pub joins: Vec<Join>,
}

/// An array joined from the tiles' values.
#[derive(Debug)]
pub(crate) struct Join {
    /// A tile's slot and how many numbers it has there, by the tile's shape.
    pub from: [(usize, usize); 2],
    /// The joined array.
    pub to: usize,
    pub combine: Combine,
}

/// A list of instructions with its slots.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub ops: Vec<Op>,
    /// Length of each slot.
    pub slots: Vec<usize>,
    /// Deepest nesting of loops.
    pub depth: usize,
}

/// An executable instruction.
#[derive(Debug)]
pub(crate) enum Op {
    /// A kernel.
    Run { kernel: Kernel, out: Operand, args: Box<[Operand]> },
    /// A kernel list per index.
    Loop { size: usize, reverse: bool, depth: usize, body: Vec<Op> },
}

/// What is done with the operands.
#[derive(Debug)]
pub(crate) enum Kernel {
    Unary(Unary, Nest<2>),
    Binary(Binary, Nest<3>),
    Ternary(Ternary, Nest<4>),
    Iota { size: usize, lower: f64, stride: usize },
    Reduce(Reduce),
    Contract(Contract),
    Gather(Nest<3>, Pointer),
    Scatter(Nest<3>, Pointer),
    CumSum(CumSum),
    Cholesky(Cholesky),
    TriSolve(TriSolve),
    Draw { sampler: Sampler, steps: Box<[usize]> },
}

/// Where an operand starts.
#[derive(Debug, Clone)]
pub(crate) struct Operand {
    pub home: Home,
    pub offset: usize,
    /// Strides for the enclosing loops.
    pub steps: Box<[usize]>,
}

/// The array an operand is in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Home {
    /// A slot of the running code.
    Slot(usize),
    /// A fixed array: constants, data, results of `once`.
    Fixed(usize),
    /// An input given at every step.
    Given(usize),
    /// A slot for whole arrays, read by tiles.
    Whole(usize),
    /// A joined array.
    Joined(usize),
}

impl Plan {
    /// Verifies a program and makes it executable.
    pub fn new(program: &Program) -> Result<Plan, Invalid> {
        verify(program)?;
        let data = program.inputs.iter().filter(|input| input.kind == InputKind::Data).count();
        let mut homes = Vec::with_capacity(program.buffers.len());
        let (mut constants, mut joined) = (Vec::new(), Vec::new());
        let (mut fixed, mut given) = (1.., 0..);
        let input_homes: Vec<Option<Home>> = program
            .inputs
            .iter()
            .map(|input| match input.kind {
                InputKind::Data => fixed.next().map(Home::Fixed),
                InputKind::Param | InputKind::State => given.next().map(Home::Given),
            })
            .collect();
        let lists =
            || program.rounds.iter().flat_map(|round| std::iter::once(&round.whole).chain(&round.tiles));
        let mut read = vec![false; program.buffers.len()];
        lists().flat_map(|list| buffers_read(list)).for_each(|buffer| read[buffer] = true);
        for (buffer, &read) in program.buffers.iter().zip(&read) {
            homes.push(match buffer.place {
                Place::Constant(value) => {
                    constants.push(value);
                    (Some(Home::Fixed(0)), constants.len() - 1)
                }
                Place::Input(input) => (input_homes[input], 0),
                Place::Joined => {
                    joined.push(Joined { len: buffer.len, read });
                    (Some(Home::Joined(joined.len() - 1)), 0)
                }
                Place::Once | Place::Step | Place::Tile(_) => (None, 0),
            });
        }
        let outputs: Vec<usize> = program.outputs.iter().map(|output| output.buffer).collect();
        let wanted = |buffer: &usize| read[*buffer] || outputs.contains(buffer);
        let mut kept: Vec<usize> = (0..read.len()).filter(wanted).collect();
        let once = lay_out(program, &kept, |trace| trace.list(&program.once, None));
        homes_from(&mut homes, &once);
        let mut compiler = Compiler { program, homes: &homes, depth: 0, deepest: 0 };
        let once_ops = compiler.list(&program.once);
        let once = Code { ops: once_ops, slots: once.lens, depth: compiler.deepest };
        // A step sees the results of `once` as fixed arrays.
        let mut fixed = Vec::new();
        kept.retain(|buffer| program.buffers[*buffer].place == Place::Once);
        for buffer in kept {
            if let (Some(Home::Slot(slot)), _) = homes[buffer] {
                fixed.push((slot, program.buffers[buffer].len));
                homes[buffer].0 = Some(Home::Fixed(data + fixed.len()));
            }
        }
        let whole = lay_out(program, &outputs, |trace| {
            for round in &program.rounds {
                trace.list(&round.whole, None);
                trace.at_once(round.tiles.iter().flat_map(|list| buffers_read(list)));
            }
        });
        homes_from(&mut homes, &whole);
        let (mut rounds, mut depth) = (Vec::new(), 0);
        for round in &program.rounds {
            let mut compiler = Compiler { program, homes: &homes, depth: 0, deepest: depth };
            let ops = compiler.list(&round.whole);
            depth = compiler.deepest;
            let mut tile_homes = homes.clone();
            for (home, _) in &mut tile_homes {
                if let Some(Home::Slot(slot)) = *home {
                    *home = Some(Home::Whole(slot));
                }
            }
            let tiles = [Shape::Full, Shape::Rest].map(|shape| {
                let list = &round.tiles[shape as usize];
                let kept: Vec<usize> = round.joins.iter().map(|join| join.from[shape as usize]).collect();
                let layout = lay_out(program, &kept, |trace| trace.list(list, None));
                homes_from(&mut tile_homes, &layout);
                let mut compiler = Compiler { program, homes: &tile_homes, depth: 1, deepest: 1 };
                let ops = compiler.list(list);
                Code { ops, slots: layout.lens, depth: compiler.deepest }
            });
            let joins = round.joins.iter().filter_map(|join| {
                let from = join.from.map(|buffer| match tile_homes[buffer].0 {
                    Some(Home::Slot(slot)) => (slot, program.buffers[buffer].len),
                    // Of a shape that does not occur, or empty.
                    _ => (0, 0),
                });
                let (Some(Home::Joined(to)), _) = homes[join.to] else { return None };
                Some(Join { from, to, combine: join.combine })
            });
            rounds.push(Round { whole: ops, tiles, joins: joins.collect() });
        }
        let result = |buffer: &usize| {
            let (home, offset) = homes[*buffer];
            // Only an empty buffer has no home.
            (home.unwrap_or(Home::Fixed(0)), offset, program.buffers[*buffer].len)
        };
        Ok(Plan {
            tiles: program.tiles.clone(),
            inputs: program.inputs.clone(),
            outputs: program.outputs.clone(),
            results: outputs.iter().map(result).collect(),
            once,
            rounds,
            slots: whole.lens,
            depth,
            joined,
            constants,
            fixed,
            work: program.step_work(),
            instructions: program.instruction_count(),
            longest_axis: indexed(&program.once).chain(lists().flat_map(|list| indexed(list))).max(),
        })
    }

    /// How many numbers an output has.
    pub fn output_len(&self, output: usize) -> usize {
        self.results[output].2
    }

    /// Bytes of working memory with one thread: of whole arrays and of a tile.
    pub fn arena_bytes(&self, width: Width) -> usize {
        let joined = self.joined.iter().map(|joined| joined.len);
        let whole = self.slots.iter().copied().chain(joined).sum::<usize>();
        whole * width.bits() as usize / 8 + self.tile_bytes(width)
    }

    /// Bytes of working memory for tiles that each further thread needs.
    pub fn tile_bytes(&self, width: Width) -> usize {
        let slots = self.rounds.iter().flat_map(|round| &round.tiles[Shape::Full as usize].slots);
        slots.sum::<usize>() * width.bits() as usize / 8
    }

    /// How many contractions are matrix products.
    pub fn matrix_products(&self) -> usize {
        fn count(ops: &[Op]) -> usize {
            ops.iter()
                .map(|op| match op {
                    Op::Run { kernel: Kernel::Contract(contract), .. } => usize::from(contract.is_matrix()),
                    Op::Run { .. } => 0,
                    Op::Loop { body, .. } => count(body),
                })
                .sum()
        }
        let round = |round: &Round| count(&round.whole) + count(&round.tiles[Shape::Full as usize].ops);
        count(&self.once.ops) + self.rounds.iter().map(round).sum::<usize>()
    }
}

/// One past the largest position along each axis whose positions are numbers of the program.
fn indexed(instrs: &[Instr]) -> Box<dyn Iterator<Item = usize> + '_> {
    Box::new(instrs.iter().flat_map(|instr| match instr {
        Instr::Loop(inner) => indexed(&inner.body),
        Instr::Iota { size, lower, .. } => Box::new(std::iter::once(size + lower.unsigned_abs() as usize)),
        Instr::Gather { axis, lower, .. } | Instr::Scatter { axis, lower, .. } => {
            Box::new(std::iter::once(axis.size + lower.unsigned_abs() as usize))
        }
        _ => Box::new(std::iter::empty()),
    }))
}

/// Every buffer that a list reads.
fn buffers_read(instrs: &[Instr]) -> Box<dyn Iterator<Item = usize> + '_> {
    Box::new(instrs.iter().flat_map(|instr| match instr {
        Instr::Loop(inner) => buffers_read(&inner.body),
        _ => Box::new(instr.operands().1.into_iter().map(|view| view.buffer).collect::<Vec<_>>().into_iter()),
    }))
}

/// Slots for the buffers that a list writes.
struct Layout {
    /// Buffer and slot.
    slots: Vec<(usize, usize)>,
    lens: Vec<usize>,
}

fn homes_from(homes: &mut [(Option<Home>, usize)], layout: &Layout) {
    for (buffer, slot) in &layout.slots {
        homes[*buffer] = (Some(Home::Slot(*slot)), 0);
    }
}

/// The first and last position at which a buffer matters.
#[derive(Clone, Copy)]
struct Life {
    start: usize,
    end: usize,
}

/// Lays the buffers that lists write into slots; `kept` ones keep theirs to the end. `lists` traces the lists.
fn lay_out(program: &Program, kept: &[usize], lists: impl FnOnce(&mut Trace)) -> Layout {
    let mut lives: Vec<Option<Life>> = vec![None; program.buffers.len()];
    let mut written = vec![false; program.buffers.len()];
    let mut trace = Trace { around: vec![None], loops: Vec::new(), lives: &mut lives, written: &mut written };
    lists(&mut trace);
    let Trace { around, loops, .. } = trace;
    // The outermost loop around a position that is not around the other.
    let left = |at: usize, other: usize| {
        let mut outermost = None;
        let mut next = around.get(at).copied().flatten();
        while let Some(Range { start, end, parent }) = next.map(|inner: usize| loops[inner]) {
            if (start..=end).contains(&other) {
                break;
            }
            (outermost, next) = (Some((start, end)), parent);
        }
        outermost
    };
    for buffer in kept {
        if let Some(life) = &mut lives[*buffer] {
            life.end = usize::MAX;
        }
    }
    let mut alive: Vec<(usize, Life)> = lives
        .into_iter()
        .enumerate()
        .filter_map(|(b, life)| Some((b, life.filter(|_| written[b])?)))
        .collect();
    for (_, life) in &mut alive {
        let Life { start, end } = *life;
        life.start = left(start, end).map_or(start, |(first, _)| first);
        life.end = left(end, start).map_or(end, |(_, last)| last);
    }
    alive.sort_by_key(|(buffer, life)| (life.start, *buffer));
    let mut layout = Layout { slots: Vec::new(), lens: Vec::new() };
    // Slots in use by when they become free, and free ones by length.
    let mut busy: BinaryHeap<Reverse<(usize, usize)>> = BinaryHeap::new();
    let mut free: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (buffer, life) in alive {
        let len = program.buffers[buffer].len;
        while let Some(Reverse((end, slot))) = busy.peek().copied()
            && end < life.start
        {
            busy.pop();
            free.insert((layout.lens[slot], slot));
        }
        // The smallest that is large enough, or else the largest.
        let best = free.range((len, 0)..).next().or(free.last()).copied();
        let slot = best.map_or(layout.lens.len(), |(_, slot)| slot);
        match best {
            Some(best) => drop(free.remove(&best)),
            None => layout.lens.push(0),
        }
        layout.lens[slot] = layout.lens[slot].max(len);
        busy.push(Reverse((life.end, slot)));
        layout.slots.push((buffer, slot));
    }
    layout
}

/// A loop: the positions of its begin and end, and the loop around it.
#[derive(Clone, Copy)]
struct Range {
    start: usize,
    end: usize,
    parent: Option<usize>,
}

/// Records lives and loops in the order of the instructions.
struct Trace<'a> {
    /// The innermost loop around each position so far.
    around: Vec<Option<usize>>,
    loops: Vec<Range>,
    lives: &'a mut [Option<Life>],
    written: &'a mut [bool],
}

impl Trace<'_> {
    fn touch(&mut self, buffer: usize, position: usize) {
        let life = self.lives[buffer].get_or_insert(Life { start: position, end: position });
        life.end = position;
    }

    /// A position at which all these buffers are read.
    fn at_once(&mut self, buffers: impl Iterator<Item = usize>) {
        let position = self.around.len();
        self.around.push(None);
        buffers.for_each(|buffer| self.touch(buffer, position));
    }

    fn list(&mut self, instrs: &[Instr], parent: Option<usize>) {
        for instr in instrs {
            let position = self.around.len();
            self.around.push(parent);
            if let Instr::Loop(inner) = instr {
                let own = self.loops.len();
                self.loops.push(Range { start: position, end: position, parent });
                self.list(&inner.body, Some(own));
                self.loops[own].end = self.around.len();
                self.around.push(parent);
                continue;
            }
            let (out, args) = instr.operands();
            args.into_iter().chain(out).for_each(|view| self.touch(view.buffer, position));
            if let Some(out) = out {
                self.written[out.buffer] = true;
            }
        }
    }
}

/// Makes instructions executable.
struct Compiler<'a> {
    program: &'a Program,
    homes: &'a [(Option<Home>, usize)],
    depth: usize,
    deepest: usize,
}

impl Compiler<'_> {
    fn list(&mut self, instrs: &[Instr]) -> Vec<Op> {
        let mut ops = Vec::with_capacity(instrs.len());
        for instr in instrs {
            let (out, args) = instr.operands();
            ops.push(match (instr, out) {
                (Instr::Loop(inner), _) => {
                    self.depth += 1;
                    self.deepest = self.deepest.max(self.depth);
                    let body = self.list(&inner.body);
                    self.depth -= 1;
                    Op::Loop { size: inner.size, reverse: inner.reverse, depth: self.depth, body }
                }
                (_, Some(out)) if self.program.buffers[out.buffer].len > 0 => {
                    let args = args.iter().map(|arg| self.operand(arg)).collect();
                    Op::Run { kernel: kernel(instr), out: self.operand(out), args }
                }
                // Nothing to write.
                _ => continue,
            });
        }
        ops
    }

    fn operand(&self, view: &View) -> Operand {
        let (home, offset) = self.homes[view.buffer];
        let Some(home) = home else {
            // Only an empty buffer can be read without ever being written.
            return Operand { home: Home::Fixed(0), offset: 0, steps: Box::new([]) };
        };
        let used = view.steps.iter().rposition(|step| *step != 0).map_or(0, |at| at + 1);
        Operand { home, offset: offset + view.offset, steps: view.steps[..used].into() }
    }
}

/// Plans the kernel of an instruction.
fn kernel(instr: &Instr) -> Kernel {
    match instr {
        Instr::Map { op, extents, out, args } => match (op, args.as_slice()) {
            (Map::Unary(op), [x]) => Kernel::Unary(*op, nest(extents, [out, x])),
            (Map::Binary(op), [a, b]) => Kernel::Binary(*op, nest(extents, [out, a, b])),
            (Map::Ternary(op), [a, b, c]) => Kernel::Ternary(*op, nest(extents, [out, a, b, c])),
            _ => unreachable!("verified: operands fit the function"),
        },
        Instr::Iota { size, lower, out } => {
            Kernel::Iota { size: *size, lower: *lower as f64, stride: out.strides[0] }
        }
        Instr::Reduce { fold, extents, kept, out, x } => {
            Kernel::Reduce(Reduce::new(*fold, extents, *kept, &out.strides, &x.strides))
        }
        Instr::Contract { extents, kept, out, a, b } => {
            Kernel::Contract(Contract::new(extents, *kept, &out.strides, &a.strides, &b.strides))
        }
        Instr::Gather { extents, out, x, axis, index, lower } => {
            Kernel::Gather(nest(extents, [out, x, index]), Pointer { axis: *axis, lower: *lower })
        }
        Instr::Scatter { extents, out, axis, x, index, lower } => {
            Kernel::Scatter(nest(extents, [out, x, index]), Pointer { axis: *axis, lower: *lower })
        }
        Instr::CumSum { extents, axis, out_stride, reverse, exclusive, out, x } => Kernel::CumSum(CumSum {
            nest: nest(extents, [out, x]),
            size: axis.size,
            along: [*out_stride, axis.stride],
            reverse: *reverse,
            exclusive: *exclusive,
        }),
        Instr::Cholesky { extents, size, out, out_strides, x, x_strides } => Kernel::Cholesky(Cholesky {
            nest: nest(extents, [out, x]),
            size: *size,
            out: *out_strides,
            x: *x_strides,
        }),
        Instr::TriSolve { extents, size, transposed, out, out_stride, l, l_strides, b, b_stride } => {
            Kernel::TriSolve(TriSolve {
                nest: nest(extents, [out, l, b]),
                size: *size,
                transposed: *transposed,
                out: *out_stride,
                l: *l_strides,
                b: *b_stride,
            })
        }
        Instr::Draw(draw) => {
            let none = vec![0; draw.extents.len()];
            let strides = |view: Option<&View>| view.map_or(none.clone(), |view| view.strides.clone());
            let [a, b] = [0, 1].map(|at| strides(draw.args.get(at)));
            let rows = strides(draw.rows.as_ref());
            let nest = Nest::new(&draw.extents, [&draw.out.strides, &a, &b, &draw.lane, &rows]);
            let rows = draw.rows.is_some();
            Kernel::Draw {
                sampler: Sampler {
                    base: draw.base,
                    occurrence: occurrence_hash(&draw.occurrence),
                    nest,
                    rows,
                },
                steps: draw.lane_steps.as_slice().into(),
            }
        }
        Instr::Loop(_) => unreachable!("a loop has no kernel"),
    }
}

fn nest<const N: usize>(extents: &[usize], views: [&View; N]) -> Nest<N> {
    Nest::new(extents, views.map(|view| view.strides.as_slice()))
}
