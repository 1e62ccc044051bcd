//! A step: its rounds in order, their tiles on threads, the tiles' values put together again.
//!
//! Consecutive tiles form groups; a group is worked off in order by one thread, and the groups'
//! values are put together in order. All of this follows from the program alone, so that results
//! have the same bits whatever the number of threads. Values are put together in double precision,
//! whatever the width of the program's numbers.

use crate::exec::{Bound, Sources, Workspace};
use crate::float::{Float, Width};
use crate::kernels::special;
use crate::plan::{Home, Plan};
use crate::program::{Combine, Fold, Input, InputKind, Output, Program, Shape, Tiles, Work};
use crate::random::Stream;
use crate::verify::Invalid;
use crate::workers::Pool;
use std::any::Any;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// More groups than this make no step faster and cost memory.
pub const GROUPS: usize = 16;

/// Runs steps of a program.
pub struct Executor {
    shared: Arc<dyn Steps>,
    pool: Pool,
    /// The outputs that are not joined from tiles, and all that is.
    outputs: Vec<Vec<f64>>,
    joined: Vec<Vec<f64>>,
}

/// The steps of a program in numbers of either width.
trait Steps: Send + Sync {
    /// The plan.
    fn plan(&self) -> &Plan;
    /// Bytes of working memory.
    fn arena_bytes(&self) -> usize;
    /// How many groups of tiles there are.
    fn groups(&self) -> usize;
    /// Sets an input that is given at each step.
    fn give(&self, at: usize, values: &[f64]);
    /// Sets which numbers the next step draws.
    fn begin(&self, seed: u64, step: u64);
    /// Runs the part of a round that is over whole arrays.
    fn run_whole(&self, round: usize);
    /// Runs the tiles of a group in order, those of the round whose other part ran last.
    fn run_group(&self, worker: usize, group: usize);
    /// Puts the arrays of a round together from its groups.
    fn join(&self, round: usize, joined: &mut [Vec<f64>]);
    /// Reads an output.
    fn output(&self, at: usize, to: &mut [f64]);
}

/// What the workers see.
struct Shared<T> {
    bound: Bound<T>,
    /// Per worker, those of a tile by round and shape.
    workspaces: Vec<Mutex<Vec<[Workspace<T>; 2]>>>,
    groups: Vec<Mutex<Group>>,
    step: RwLock<Step<T>>,
}

/// Where a step is.
struct Step<T> {
    round: usize,
    /// The whole arrays.
    whole: Workspace<T>,
    sources: Sources<T>,
}

/// Consecutive tiles.
struct Group {
    tiles: Range<usize>,
    /// By round, what each join has of the group.
    parts: Vec<Vec<Vec<f64>>>,
}

impl Executor {
    /// An executor of steps. `data` gives data by name, row-major; `threads` includes the calling one. Whatever the
    /// width of its numbers, what goes in and comes out is `f64`.
    pub fn new(
        program: &Program,
        data: &dyn Fn(&str) -> Option<Arc<[f64]>>,
        threads: usize,
        width: Width,
    ) -> Result<Executor, Invalid> {
        match width {
            Width::Single => Executor::of(Shared::<f32>::new(program, data, threads)?),
            Width::Double => Executor::of(Shared::<f64>::new(program, data, threads)?),
        }
    }

    fn of<T: Float>(shared: Shared<T>) -> Result<Executor, Invalid> {
        let plan = shared.bound.plan();
        let own = |at: usize| if joined(plan, at).is_some() { 0 } else { plan.output_len(at) };
        let outputs = (0..plan.outputs.len()).map(|at| vec![0.0; own(at)]).collect();
        let joined = plan.joined.iter().map(|joined| vec![0.0; joined.len]).collect();
        let workers = shared.workspaces.len();
        let shared: Arc<dyn Steps> = Arc::new(shared);
        let work = shared.clone();
        let pool = Pool::new(workers, Box::new(move |worker, group| work.run_group(worker, group)));
        Ok(Executor { shared, pool, outputs, joined })
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
        self.shared.plan()
    }

    /// The work of a step, all tiles together.
    pub fn work(&self) -> Work {
        self.plan().work
    }

    /// Bytes of working memory, all threads together.
    pub fn arena_bytes(&self) -> usize {
        self.shared.arena_bytes()
    }

    /// Runs a step; `given` are the values of [`Executor::inputs`]. Allocates nothing.
    ///
    /// # Panics
    /// When the arrays given are not those of the inputs.
    pub fn run<A: AsRef<[f64]>>(&mut self, given: &[A], seed: u64, step: u64) {
        let Executor { shared, pool, outputs, joined } = self;
        let inputs = shared.plan().inputs.iter().filter(|input| input.kind != InputKind::Data);
        assert_eq!(inputs.count(), given.len(), "number of arrays given");
        given.iter().enumerate().for_each(|(at, values)| shared.give(at, values.as_ref()));
        shared.begin(seed, step);
        for (number, round) in shared.plan().rounds.iter().enumerate() {
            shared.run_whole(number);
            if !round.joins.is_empty() {
                pool.run(shared.groups());
                shared.join(number, joined);
            }
        }
        outputs.iter_mut().enumerate().for_each(|(at, output)| shared.output(at, output));
    }

    /// An output of the last step, row-major.
    pub fn output(&self, at: usize) -> &[f64] {
        match joined(self.plan(), at) {
            Some(array) => &self.joined[array],
            None => &self.outputs[at],
        }
    }
}

/// The joined array that an output is, if it is one.
fn joined(plan: &Plan, output: usize) -> Option<usize> {
    match plan.results[output].0 {
        Home::Joined(array) => Some(array),
        _ => None,
    }
}

fn bind<T: Float>(program: &Program, data: &dyn Fn(&str) -> Option<Arc<[f64]>>) -> Result<Bound<T>, Invalid> {
    let plan = Plan::new(program)?;
    let inputs = plan.inputs.iter().filter(|input| input.kind == InputKind::Data);
    let missing = |name: &str| Invalid { place: format!("data {name}"), rule: "is missing" };
    let arrays: Result<Vec<_>, _> =
        inputs.map(|input| data(&input.name).map(of_width).ok_or_else(|| missing(&input.name))).collect();
    Bound::new(Arc::new(plan), &arrays?)
}

/// Data in the width of a program; the same array where it has it already.
fn of_width<T: Float>(data: Arc<[f64]>) -> Arc<[T]> {
    let any: Box<dyn Any> = Box::new(data.clone());
    match any.downcast::<Arc<[T]>>() {
        Ok(same) => *same,
        Err(_) => data.iter().map(|x| T::from_f64(*x)).collect(),
    }
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
            round.joins.iter().map(|join| vec![0.0; len(plan.joined[join.to].len, join.combine)]).collect()
        });
        Group { parts: parts.collect(), tiles }
    }
}

impl<T: Float> Shared<T> {
    fn new(
        program: &Program,
        data: &dyn Fn(&str) -> Option<Arc<[f64]>>,
        threads: usize,
    ) -> Result<Self, Invalid> {
        let bound: Bound<T> = bind(program, data)?;
        let plan = bound.plan();
        let tiles = plan.tiles.count();
        let count = tiles.min(GROUPS);
        let groups = (0..count).map(|g| Group::new(g * tiles / count..(g + 1) * tiles / count, plan));
        let groups: Vec<_> = groups.map(Mutex::new).collect();
        let workers = threads.clamp(1, groups.len().max(1));
        let step = Step { round: 0, whole: bound.workspace(), sources: bound.sources() };
        Ok(Shared {
            workspaces: (0..workers).map(|_| Mutex::new(bound.tile_workspaces())).collect(),
            groups,
            step: RwLock::new(step),
            bound,
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Step<T>> {
        self.step.read().unwrap_or_else(|_| worker_panicked())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Step<T>> {
        self.step.write().unwrap_or_else(|_| worker_panicked())
    }
}

impl<T: Float> Steps for Shared<T> {
    fn plan(&self) -> &Plan {
        self.bound.plan()
    }

    fn arena_bytes(&self) -> usize {
        let plan = self.bound.plan();
        plan.arena_bytes(T::WIDTH) + (self.workspaces.len() - 1) * plan.tile_bytes(T::WIDTH)
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn give(&self, at: usize, values: &[f64]) {
        let given = &mut self.write().sources.given[at];
        assert_eq!(given.len(), values.len(), "size of input {at}");
        given.iter_mut().zip(values).for_each(|(to, from)| *to = T::from_f64(*from));
    }

    fn begin(&self, seed: u64, step: u64) {
        self.write().sources.stream = Stream { seed, step };
    }

    fn run_whole(&self, round: usize) {
        let step = &mut *self.write();
        step.round = round;
        self.bound.run(round, &mut step.whole, &step.sources);
    }

    fn run_group(&self, worker: usize, group: usize) {
        let step = self.read();
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

    fn join(&self, round: usize, joined: &mut [Vec<f64>]) {
        let plan = self.bound.plan();
        let joins = &plan.rounds[round].joins;
        for group in &self.groups {
            let group = lock(group);
            let place = Rows { of: rows(&plan.tiles, &group.tiles), among: 0..plan.tiles.rows };
            for (join, part) in joins.iter().zip(&group.parts[round]) {
                place.put(join.combine, &mut joined[join.to], part);
            }
        }
        let sources = &mut self.write().sources;
        for join in joins.iter().filter(|join| plan.joined[join.to].read) {
            let pairs = sources.joined[join.to].iter_mut().zip(&joined[join.to]);
            pairs.for_each(|(to, from)| *to = T::from_f64(*from));
        }
    }

    fn output(&self, at: usize, to: &mut [f64]) {
        let step = self.read();
        let from = self.bound.output(&step.whole, &step.sources, at);
        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
    }
}

/// A range of rows inside a larger one.
struct Rows {
    of: Range<usize>,
    among: Range<usize>,
}

impl Rows {
    /// Adds the value of a range to that of the ranges before it.
    fn put<T: Float>(&self, combine: Combine, to: &mut [f64], from: &[T]) {
        let first = self.of.start == self.among.start;
        let pairs = to.iter_mut().zip(from);
        match combine {
            Combine::Fold(Fold::Sum) if !first => pairs.for_each(|(to, from)| *to += from.to_f64()),
            Combine::Fold(Fold::Max) if !first => {
                pairs.for_each(|(to, x)| *to = special::max(*to, x.to_f64()))
            }
            Combine::Fold(Fold::Min) if !first => {
                pairs.for_each(|(to, x)| *to = special::min(*to, x.to_f64()))
            }
            Combine::Same if !first => {}
            Combine::Fold(_) | Combine::Same => pairs.for_each(|(to, from)| *to = from.to_f64()),
            Combine::Stack { inner } => self.place(inner, to, from),
        }
    }

    /// Of arrays `[outer, row, inner]`.
    fn place<T: Float>(&self, inner: usize, to: &mut [f64], from: &[T]) {
        if inner * self.of.len() == 0 {
            return;
        }
        let at = (self.of.start - self.among.start) * inner..(self.of.end - self.among.start) * inner;
        let blocks = from.chunks_exact(at.len()).zip(to.chunks_exact_mut(self.among.len() * inner));
        for (from, to) in blocks {
            to[at.clone()].iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|_| worker_panicked())
}

/// A kernel's panic, a bug, is not to be hidden by half a result.
fn worker_panicked() -> ! {
    panic!("a worker of the executor panicked")
}
