//! A step over all rounds: tiles distributed over threads, their values put together again.
//!
//! Consecutive tiles form groups; a group is worked off in order by one thread, and the groups'
//! values are put together in order. All of this follows from the program alone, so that results
//! have the same bits whatever the number of threads.

use crate::exec::{Bound, Sources, Workspace};
use crate::kernels::special;
use crate::plan::Plan;
use crate::program::{Combine, Fold, Input, InputKind, Output, Program, Shape, Tiles};
use crate::random::Stream;
use crate::verify::Invalid;
use crate::workers::Pool;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

/// More groups than this make no step faster and cost memory.
pub const GROUPS: usize = 16;

/// Runs steps of a program.
pub struct Executor {
    shared: Arc<Shared>,
    pool: Pool,
    outputs: Vec<Vec<f64>>,
}

/// What the workers see.
struct Shared {
    bound: Bound,
    /// Per worker, those of a tile by round and shape.
    workspaces: Vec<Mutex<Vec<[Workspace; 2]>>>,
    groups: Vec<Mutex<Group>>,
    step: RwLock<Step>,
}

/// Where a step is.
struct Step {
    round: usize,
    /// The whole arrays.
    whole: Workspace,
    sources: Sources,
}

/// Consecutive tiles.
struct Group {
    tiles: Range<usize>,
    /// By round, what each join has of the group.
    parts: Vec<Vec<Vec<f64>>>,
}

impl Executor {
    /// An executor of steps. `data` gives data by name, row-major; `threads` includes the calling one.
    pub fn new(
        program: &Program,
        data: &dyn Fn(&str) -> Option<Arc<[f64]>>,
        threads: usize,
    ) -> Result<Executor, Invalid> {
        let bound = bind(program, data)?;
        let plan = bound.plan();
        let count = plan.tiles.count();
        let number = count.min(GROUPS);
        let groups = (0..number).map(|g| Group::new(g * count / number..(g + 1) * count / number, plan));
        let groups: Vec<_> = groups.map(Mutex::new).collect();
        let workers = threads.clamp(1, groups.len().max(1));
        let outputs = (0..plan.outputs.len()).map(|at| vec![0.0; plan.output_len(at)]).collect();
        let step = Step { round: 0, whole: bound.workspace(), sources: bound.sources() };
        let shared = Arc::new(Shared {
            workspaces: (0..workers).map(|_| Mutex::new(bound.tile_workspaces())).collect(),
            groups,
            step: RwLock::new(step),
            bound,
        });
        let work = shared.clone();
        let pool = Pool::new(workers, Box::new(move |worker, group| work.run_group(worker, group)));
        Ok(Executor { shared, pool, outputs })
    }

    /// The inputs to give at each step, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.plan().inputs.iter().filter(|input| input.kind != InputKind::Data)
    }

    /// What a step computes.
    pub fn outputs(&self) -> &[Output] {
        &self.plan().outputs
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        self.shared.bound.plan()
    }

    /// Runs a step; `given` are the values of [`Executor::inputs`]. Allocates nothing.
    ///
    /// # Panics
    /// When the arrays given are not those of the inputs.
    pub fn run<A: AsRef<[f64]>>(&mut self, given: &[A], seed: u64, step: u64) {
        let Shared { bound, groups, step: state, .. } = &*self.shared;
        {
            let sources = &mut write(state).sources;
            assert_eq!(sources.given.len(), given.len(), "number of arrays given");
            sources.given.iter_mut().zip(given).for_each(|(to, from)| to.copy_from_slice(from.as_ref()));
            sources.stream = Stream { seed, step };
        }
        for (number, round) in bound.plan().rounds.iter().enumerate() {
            {
                let Step { round, whole, sources } = &mut *write(state);
                *round = number;
                bound.run(number, whole, sources);
            }
            if !round.tiles[Shape::Full as usize].ops.is_empty() {
                self.pool.run(groups.len());
                self.shared.join(number, &mut write(state).sources.joined);
            }
        }
        let Step { whole, sources, .. } = &*write(state);
        for (at, output) in self.outputs.iter_mut().enumerate() {
            output.copy_from_slice(bound.output(whole, sources, at));
        }
    }

    /// An output of the last step, row-major.
    pub fn output(&self, at: usize) -> &[f64] {
        &self.outputs[at]
    }
}

fn bind(program: &Program, data: &dyn Fn(&str) -> Option<Arc<[f64]>>) -> Result<Bound, Invalid> {
    let plan = Plan::new(program)?;
    let inputs = plan.inputs.iter().filter(|input| input.kind == InputKind::Data);
    let missing = |name: &str| Invalid { place: format!("data {name}"), rule: "is missing" };
    let arrays: Result<Vec<_>, _> =
        inputs.map(|input| data(&input.name).ok_or_else(|| missing(&input.name))).collect();
    Bound::new(Arc::new(plan), &arrays?)
}

/// The rows of consecutive tiles.
fn rows(cut: &Tiles, tiles: &Range<usize>) -> Range<usize> {
    tiles.start * cut.size..(tiles.end * cut.size).min(cut.rows)
}

impl Group {
    fn new(tiles: Range<usize>, plan: &Plan) -> Self {
        let rows = rows(&plan.tiles, &tiles).len();
        let len = |len: usize, combine: Combine| match combine {
            Combine::Stack { .. } => len / plan.tiles.rows * rows,
            Combine::Fold(_) | Combine::Same => len,
        };
        let parts = plan.rounds.iter().map(|round| {
            round.joins.iter().map(|join| vec![0.0; len(plan.joined[join.to], join.combine)]).collect()
        });
        Group { parts: parts.collect(), tiles }
    }
}

impl Shared {
    /// Runs the tiles of a group in order.
    fn run_group(&self, worker: usize, group: usize) {
        let step = self.step.read().unwrap_or_else(|_| worker_panicked());
        let plan = self.bound.plan();
        let mut workspaces = lock(&self.workspaces[worker]);
        let mut group = lock(&self.groups[group]);
        let Group { tiles, parts } = &mut *group;
        let among = rows(&plan.tiles, tiles);
        for tile in tiles.clone() {
            let rows = rows(&plan.tiles, &(tile..tile + 1));
            let shape = if rows.len() == plan.tiles.size { Shape::Full } else { Shape::Rest };
            let workspace = &mut workspaces[step.round][shape as usize];
            self.bound.run_tile((step.round, shape, rows.start), workspace, &step.whole, &step.sources);
            for (join, part) in plan.rounds[step.round].joins.iter().zip(&mut parts[step.round]) {
                let (slot, len) = join.from[shape as usize];
                let place = Rows { of: rows.clone(), among: among.clone() };
                place.put(join.combine, part, workspace.slot(slot, len));
            }
        }
    }

    /// Puts the arrays of a round together from its groups.
    fn join(&self, round: usize, joined: &mut [Vec<f64>]) {
        let plan = self.bound.plan();
        for group in &self.groups {
            let group = lock(group);
            let place = Rows { of: rows(&plan.tiles, &group.tiles), among: 0..plan.tiles.rows };
            for (join, part) in plan.rounds[round].joins.iter().zip(&group.parts[round]) {
                place.put(join.combine, &mut joined[join.to], part);
            }
        }
    }
}

/// A range of rows inside a larger one.
struct Rows {
    of: Range<usize>,
    among: Range<usize>,
}

impl Rows {
    /// Adds the value of a range to that of the ranges before it.
    fn put(&self, combine: Combine, to: &mut [f64], from: &[f64]) {
        let first = self.of.start == self.among.start;
        match combine {
            Combine::Fold(fold) if !first => {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = folded(fold, *to, *from));
            }
            Combine::Fold(_) => to.copy_from_slice(from),
            Combine::Same if !first => {}
            Combine::Same => to.copy_from_slice(from),
            Combine::Stack { inner } => self.place(inner, to, from),
        }
    }

    /// Of arrays `[outer, row, inner]`.
    fn place(&self, inner: usize, to: &mut [f64], from: &[f64]) {
        if inner * self.of.len() == 0 {
            return;
        }
        let at = (self.of.start - self.among.start) * inner..(self.of.end - self.among.start) * inner;
        let pairs = from.chunks_exact(at.len()).zip(to.chunks_exact_mut(self.among.len() * inner));
        pairs.for_each(|(from, to)| to[at.clone()].copy_from_slice(from));
    }
}

fn folded(fold: Fold, a: f64, b: f64) -> f64 {
    match fold {
        Fold::Sum => a + b,
        Fold::Max => special::max(a, b),
        Fold::Min => special::min(a, b),
    }
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|_| worker_panicked())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|_| worker_panicked())
}

/// A kernel's panic, a bug, is not to be hidden by half a result.
fn worker_panicked() -> ! {
    panic!("a worker of the executor panicked")
}
