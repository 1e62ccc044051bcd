//! Runs planned programs.

use crate::float::Float;
use crate::isa::Level;
use crate::kernels::{binary, index, ternary, unary};
use crate::plan::{Code, Home, Kernel, Op, Operand, Plan};
use crate::program::{InputKind, Shape};
use crate::random::Stream;
use crate::verify::Invalid;
use std::sync::Arc;

/// Whole numbers are exact only up to a limit.
const TOO_LONG: &str = "has more positions than numbers of 32 bits can count; 64 bits are needed";

/// A plan with its data: what is fixed has been computed.
#[derive(Debug, Clone)]
pub struct Bound<T> {
    plan: Arc<Plan>,
    /// Constants, then data, then results of `once`.
    fixed: Vec<Arc<[T]>>,
    level: Level,
}

/// Working memory for one thread. Allocated once.
#[derive(Debug, Clone)]
pub struct Workspace<T> {
    slots: Vec<Vec<T>>,
    /// The current index of each enclosing loop; of a tile's workspace, the tile's first row and then these.
    at: Vec<usize>,
}

impl<T: Float> Workspace<T> {
    fn new(code: &Code) -> Self {
        Workspace::of(&code.slots, code.depth)
    }

    fn of(slots: &[usize], depth: usize) -> Self {
        Workspace { slots: slots.iter().map(|len| vec![T::ZERO; *len]).collect(), at: vec![0; depth] }
    }

    /// The numbers in a slot.
    pub(crate) fn slot(&self, slot: usize, len: usize) -> &[T] {
        self.slots.get(slot).map_or(&[], |numbers| &numbers[..len])
    }
}

/// What a round reads besides what it computes itself.
#[derive(Debug)]
pub(crate) struct Sources<T> {
    /// Inputs of kind `Param` and `State`, in the order of the plan's inputs.
    pub given: Vec<Vec<T>>,
    /// Arrays joined from tiles, where a round reads them.
    pub joined: Vec<Vec<T>>,
    /// The random numbers.
    pub stream: Stream,
}

impl<T: Float> Bound<T> {
    /// Binds data, in the order of the plan's inputs of kind `Data`, and computes what depends on them only.
    pub fn new(plan: Arc<Plan>, data: &[Arc<[T]>]) -> Result<Self, Invalid> {
        let wanted: Vec<_> = plan.inputs.iter().filter(|input| input.kind == InputKind::Data).collect();
        if wanted.len() != data.len() {
            return Err(Invalid { place: "data".to_string(), rule: "another number of arrays is needed" });
        }
        for (input, array) in wanted.iter().zip(data) {
            if input.len != array.len() {
                return Err(Invalid { place: format!("data {}", input.name), rule: "has another size" });
            }
        }
        if let Some(size) = plan.longest_axis.filter(|size| *size as u64 > T::WIDTH.exact_to()) {
            return Err(Invalid { place: format!("an axis of {size}"), rule: TOO_LONG });
        }
        let level = Level::detect();
        let constants = plan.constants.iter().map(|constant| T::from_f64(*constant)).collect();
        let mut fixed: Vec<Arc<[T]>> = vec![constants];
        fixed.extend(data.iter().cloned());
        let mut workspace = Workspace::new(&plan.once);
        let sources = Sources { given: Vec::new(), joined: Vec::new(), stream: Stream::default() };
        let mut run = Run { workspace: &mut workspace, whole: &[], fixed: &fixed, sources: &sources, level };
        run.list(&plan.once.ops);
        fixed.extend(plan.fixed.iter().map(|(slot, len)| Arc::from(&workspace.slots[*slot][..*len])));
        Ok(Bound { plan, fixed, level })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Working memory for whole arrays.
    pub(crate) fn workspace(&self) -> Workspace<T> {
        Workspace::of(&self.plan.slots, self.plan.depth)
    }

    /// Working memory for a tile, by round and shape.
    pub(crate) fn tile_workspaces(&self) -> Vec<[Workspace<T>; 2]> {
        self.plan.rounds.iter().map(|round| [0, 1].map(|shape| Workspace::new(&round.tiles[shape]))).collect()
    }

    /// What the rounds read, all zero.
    pub(crate) fn sources(&self) -> Sources<T> {
        let given = self.plan.inputs.iter().filter(|input| input.kind != InputKind::Data);
        Sources {
            given: given.map(|input| vec![T::ZERO; input.len]).collect(),
            joined: self
                .plan
                .joined
                .iter()
                .map(|join| vec![T::ZERO; if join.read { join.len } else { 0 }])
                .collect(),
            stream: Stream::default(),
        }
    }

    /// Runs the part of a round that is over whole arrays. Allocates nothing.
    pub(crate) fn run(&self, round: usize, workspace: &mut Workspace<T>, sources: &Sources<T>) {
        let mut run = Run { workspace, whole: &[], fixed: &self.fixed, sources, level: self.level };
        run.list(&self.plan.rounds[round].whole);
    }

    /// Runs the part of a round that is for tiles, for the one that begins at this row. Allocates nothing.
    pub(crate) fn run_tile(
        &self,
        (round, shape, row): (usize, Shape, usize),
        workspace: &mut Workspace<T>,
        whole: &Workspace<T>,
        sources: &Sources<T>,
    ) {
        workspace.at[0] = row;
        let mut run = Run { workspace, whole: &whole.slots, fixed: &self.fixed, sources, level: self.level };
        run.list(&self.plan.rounds[round].tiles[shape as usize].ops);
    }

    /// An output after the last round, by its position in the plan's outputs; row-major.
    pub(crate) fn output<'a>(
        &'a self,
        workspace: &'a Workspace<T>,
        sources: &'a Sources<T>,
        output: usize,
    ) -> &'a [T] {
        let (home, offset, len) = self.plan.results[output];
        let array: &[T] = match home {
            Home::Slot(slot) | Home::Whole(slot) => &workspace.slots[slot],
            Home::Fixed(fixed) => &self.fixed[fixed],
            Home::Given(input) => &sources.given[input],
            // Had from where it is joined.
            Home::Joined(_) => return &[],
        };
        &array[offset..offset + len]
    }
}

/// One run of a list.
struct Run<'a, T> {
    workspace: &'a mut Workspace<T>,
    /// The slots for whole arrays, where the workspace is a tile's.
    whole: &'a [Vec<T>],
    fixed: &'a [Arc<[T]>],
    sources: &'a Sources<T>,
    level: Level,
}

impl<T: Float> Run<'_, T> {
    fn list(&mut self, ops: &[Op]) {
        for op in ops {
            match op {
                Op::Run { kernel, out, args } => self.kernel(kernel, out, args),
                Op::Loop { size, reverse, depth, body } => {
                    for step in 0..*size {
                        self.workspace.at[*depth] = if *reverse { size - 1 - step } else { step };
                        self.list(body);
                    }
                }
            }
        }
    }

    /// Runs a kernel. The slot written is taken out meanwhile: no instruction reads what it writes.
    #[inline]
    fn kernel(&mut self, kernel: &Kernel, target: &Operand, args: &[Operand]) {
        let Home::Slot(slot) = target.home else { return };
        let level = self.level;
        let start = target.offset + self.moved(&target.steps);
        let mut taken = std::mem::take(&mut self.workspace.slots[slot]);
        // Past the end only where nothing is written.
        let out = taken.get_mut(start..).unwrap_or_default();
        match kernel {
            Kernel::Unary(op, nest) => unary::run(level, *op, nest, out, self.read(&args[0])),
            Kernel::Binary(op, nest) => {
                binary::run(level, *op, nest, out, self.read(&args[0]), self.read(&args[1]));
            }
            Kernel::Ternary(op, nest) => {
                ternary::run(level, *op, nest, out, [0, 1, 2].map(|at| self.read(&args[at])));
            }
            Kernel::Iota { size, lower, stride } => {
                (0..*size).for_each(|i| out[i * stride] = T::from_f64(lower + i as f64));
            }
            Kernel::Reduce(reduce) => reduce.run(level, out, self.read(&args[0])),
            Kernel::Contract(contract) => {
                contract.run(level, out, self.read(&args[0]), self.read(&args[1]));
            }
            Kernel::Gather(nest, pointer) => {
                index::gather(nest, *pointer, out, self.read(&args[0]), self.read(&args[1]));
            }
            Kernel::Scatter(nest, pointer) => {
                index::scatter(nest, *pointer, out, self.read(&args[0]), self.read(&args[1]));
            }
            Kernel::CumSum(cumsum) => cumsum.run(out, self.read(&args[0])),
            Kernel::Cholesky(cholesky) => cholesky.run(out, self.read(&args[0])),
            Kernel::TriSolve(solve) => solve.run(out, self.read(&args[0]), self.read(&args[1])),
            Kernel::Draw { sampler, steps } => {
                let lane = self.moved(steps) as u64;
                let (args, rows) = args.split_at(args.len() - usize::from(sampler.rows));
                let arg = |at: usize| args.get(at).map_or(&[][..], |arg| self.read(arg));
                let rows = rows.first().map(|rows| self.read(rows));
                sampler.run(level, out, [arg(0), arg(1)], rows, lane, &self.sources.stream);
            }
        }
        self.workspace.slots[slot] = taken;
    }

    /// How far the tile and the enclosing loops have moved an operand.
    #[inline(always)]
    fn moved(&self, steps: &[usize]) -> usize {
        steps.iter().zip(&self.workspace.at).map(|(step, at)| step * at).sum()
    }

    #[inline(always)]
    fn read(&self, operand: &Operand) -> &[T] {
        let array: &[T] = match operand.home {
            Home::Slot(slot) => &self.workspace.slots[slot],
            Home::Fixed(fixed) => &self.fixed[fixed],
            Home::Given(input) => &self.sources.given[input],
            Home::Whole(slot) => &self.whole[slot],
            Home::Joined(array) => &self.sources.joined[array],
        };
        // Past the end only where nothing is read.
        array.get(operand.offset + self.moved(&operand.steps)..).unwrap_or(&[])
    }
}
