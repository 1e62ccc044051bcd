//! Runs planned programs.

use crate::kernels::{binary, index, ternary, unary};
use crate::plan::{Code, Home, Kernel, Op, Operand, Plan};
use crate::program::{InputKind, Shape};
use crate::random::Stream;
use crate::verify::Invalid;
use std::sync::Arc;

/// A plan with its data: what is fixed has been computed.
#[derive(Debug, Clone)]
pub struct Bound {
    plan: Arc<Plan>,
    /// Constants, then data, then results of `once`.
    fixed: Vec<Arc<[f64]>>,
}

/// Working memory for one thread. Allocated once.
#[derive(Debug, Clone)]
pub struct Workspace {
    slots: Vec<Vec<f64>>,
    /// The current index of each enclosing loop; of a tile's workspace, the tile's first row and then these.
    at: Vec<usize>,
}

impl Workspace {
    fn new(code: &Code) -> Self {
        Workspace::of(&code.slots, code.depth)
    }

    fn of(slots: &[usize], depth: usize) -> Self {
        Workspace { slots: slots.iter().map(|len| vec![0.0; *len]).collect(), at: vec![0; depth] }
    }

    /// The numbers in a slot.
    pub(crate) fn slot(&self, slot: usize, len: usize) -> &[f64] {
        self.slots.get(slot).map_or(&[], |numbers| &numbers[..len])
    }
}

/// What a round reads besides what it computes itself.
#[derive(Debug)]
pub(crate) struct Sources {
    /// Inputs of kind `Param` and `State`, in the order of the plan's inputs.
    pub given: Vec<Vec<f64>>,
    /// Arrays joined from tiles.
    pub joined: Vec<Vec<f64>>,
    /// The random numbers.
    pub stream: Stream,
}

impl Bound {
    /// Binds data, in the order of the plan's inputs of kind `Data`, and computes what depends on them only.
    pub fn new(plan: Arc<Plan>, data: &[Arc<[f64]>]) -> Result<Bound, Invalid> {
        let wanted: Vec<_> = plan.inputs.iter().filter(|input| input.kind == InputKind::Data).collect();
        if wanted.len() != data.len() {
            return Err(Invalid { place: "data".to_string(), rule: "another number of arrays is needed" });
        }
        for (input, array) in wanted.iter().zip(data) {
            if input.len != array.len() {
                return Err(Invalid { place: format!("data {}", input.name), rule: "has another size" });
            }
        }
        let mut fixed: Vec<Arc<[f64]>> = vec![plan.constants.as_slice().into()];
        fixed.extend(data.iter().cloned());
        let mut workspace = Workspace::new(&plan.once);
        let sources = Sources { given: Vec::new(), joined: Vec::new(), stream: Stream::default() };
        let mut run = Run { workspace: &mut workspace, whole: &[], fixed: &fixed, sources: &sources };
        run.list(&plan.once.ops);
        fixed.extend(plan.fixed.iter().map(|(slot, len)| Arc::from(&workspace.slots[*slot][..*len])));
        Ok(Bound { plan, fixed })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Working memory for whole arrays.
    pub(crate) fn workspace(&self) -> Workspace {
        Workspace::of(&self.plan.slots, self.plan.depth)
    }

    /// Working memory for a tile, by round and shape.
    pub(crate) fn tile_workspaces(&self) -> Vec<[Workspace; 2]> {
        self.plan.rounds.iter().map(|round| [0, 1].map(|shape| Workspace::new(&round.tiles[shape]))).collect()
    }

    /// What the rounds read, all zero.
    pub(crate) fn sources(&self) -> Sources {
        let given = self.plan.inputs.iter().filter(|input| input.kind != InputKind::Data);
        Sources {
            given: given.map(|input| vec![0.0; input.len]).collect(),
            joined: self.plan.joined.iter().map(|len| vec![0.0; *len]).collect(),
            stream: Stream::default(),
        }
    }

    /// Runs the part of a round that is over whole arrays. Allocates nothing.
    pub(crate) fn run(&self, round: usize, workspace: &mut Workspace, sources: &Sources) {
        Run { workspace, whole: &[], fixed: &self.fixed, sources }.list(&self.plan.rounds[round].whole);
    }

    /// Runs the part of a round that is for tiles, for the one that begins at this row. Allocates nothing.
    pub(crate) fn run_tile(
        &self,
        (round, shape, row): (usize, Shape, usize),
        workspace: &mut Workspace,
        whole: &Workspace,
        sources: &Sources,
    ) {
        workspace.at[0] = row;
        let mut run = Run { workspace, whole: &whole.slots, fixed: &self.fixed, sources };
        run.list(&self.plan.rounds[round].tiles[shape as usize].ops);
    }

    /// An output after the last round, by its position in the plan's outputs; row-major.
    pub(crate) fn output<'a>(
        &'a self,
        workspace: &'a Workspace,
        sources: &'a Sources,
        output: usize,
    ) -> &'a [f64] {
        let (home, offset, len) = self.plan.results[output];
        let array: &[f64] = match home {
            Home::Slot(slot) | Home::Whole(slot) => &workspace.slots[slot],
            Home::Fixed(fixed) => &self.fixed[fixed],
            Home::Given(input) => &sources.given[input],
            Home::Joined(array) => &sources.joined[array],
        };
        &array[offset..offset + len]
    }
}

/// One run of a list.
struct Run<'a> {
    workspace: &'a mut Workspace,
    /// The slots for whole arrays, where the workspace is a tile's.
    whole: &'a [Vec<f64>],
    fixed: &'a [Arc<[f64]>],
    sources: &'a Sources,
}

impl Run<'_> {
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
        let start = target.offset + self.moved(&target.steps);
        let mut taken = std::mem::take(&mut self.workspace.slots[slot]);
        // Past the end only where nothing is written.
        let out = taken.get_mut(start..).unwrap_or_default();
        match kernel {
            Kernel::Unary(op, nest) => unary::run(*op, nest, out, self.read(&args[0])),
            Kernel::Binary(op, nest) => binary::run(*op, nest, out, self.read(&args[0]), self.read(&args[1])),
            Kernel::Ternary(op, nest) => {
                let [a, b, c] = [0, 1, 2].map(|at| self.read(&args[at]));
                ternary::run(*op, nest, out, a, b, c);
            }
            Kernel::Iota { size, lower, stride } => {
                (0..*size).for_each(|i| out[i * stride] = lower + i as f64);
            }
            Kernel::Reduce(reduce) => reduce.run(out, self.read(&args[0])),
            Kernel::Contract(contract) => contract.run(out, self.read(&args[0]), self.read(&args[1])),
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
                let arg = |at: usize| args.get(at).map_or(&[][..], |arg| self.read(arg));
                sampler.run(out, arg(0), arg(1), lane, &self.sources.stream);
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
    fn read(&self, operand: &Operand) -> &[f64] {
        let array: &[f64] = match operand.home {
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
