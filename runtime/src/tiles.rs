//! A step over many draws: cut into tiles, distributed over threads, put together again.
//!
//! Tiles have a fixed size, the last may be smaller. Consecutive tiles form groups; a group is
//! worked off in order by one thread, and the groups' sums are added in order. All of this follows
//! from the number of draws alone, so that results have the same bits whatever the number of
//! threads.

use crate::exec::{Bound, Workspace};
use crate::float::{Float, Width};
use crate::plan::Plan;
use crate::program::{Combine, Input, InputKind, Output, Program, Work};
use crate::random::Stream;
use crate::verify::Invalid;
use crate::workers::Pool;
use std::any::Any;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

/// Draws per tile: enough lanes for vector registers, few enough that the values of a small model stay in the
/// first cache.
pub const TILE: usize = 64;

/// More groups than this make no step faster and cost memory.
const GROUPS: usize = 16;

/// Runs steps of a program over all draws.
pub struct Executor {
    shared: Arc<dyn Steps>,
    pool: Pool,
    /// Each output over all draws.
    outputs: Vec<Vec<f64>>,
}

/// The steps of a program in numbers of either width.
trait Steps: Send + Sync {
    /// The plan for whole tiles.
    fn plan(&self) -> &Plan;
    /// The work of a step.
    fn work(&self) -> Work;
    /// Bytes of working memory.
    fn arena_bytes(&self) -> usize;
    /// How many groups of tiles there are.
    fn groups(&self) -> usize;
    /// Sets an input that is given at each step.
    fn give(&self, at: usize, values: &[f64]);
    /// Sets which numbers the next step draws.
    fn begin(&self, seed: u64, step: u64);
    /// Runs the tiles of a group in order.
    fn run_group(&self, worker: usize, group: usize);
    /// Puts an output together from its groups.
    fn combine(&self, at: usize, total: &mut [f64]);
}

/// What the workers see.
struct Shared<T> {
    draws: usize,
    tile: usize,
    /// The program for whole tiles, and for the draws left over.
    whole: Bound<T>,
    rest: Option<Bound<T>>,
    /// Per worker.
    workspaces: Vec<Mutex<(Workspace<T>, Option<Workspace<T>>)>>,
    groups: Vec<Mutex<Group>>,
    step: RwLock<Step<T>>,
}

/// What is given at each step.
struct Step<T> {
    given: Vec<Vec<T>>,
    seed: u64,
    step: u64,
}

/// Consecutive tiles.
struct Group {
    tiles: Range<usize>,
    /// Each output over the group's draws.
    outputs: Vec<Vec<f64>>,
}

impl Executor {
    /// An executor of steps over `draws` draws in tiles of `tile`. `program` makes the program for a number of
    /// draws; `data` gives data by name, row-major; `threads` includes the calling one. Whatever the width of its
    /// numbers, what goes in and comes out is `f64`, and tiles are put together in it.
    pub fn new(
        draws: usize,
        tile: usize,
        program: impl Fn(usize) -> Program,
        data: &dyn Fn(&str) -> Option<Arc<[f64]>>,
        threads: usize,
        width: Width,
    ) -> Result<Executor, Invalid> {
        let tile = tile.clamp(1, draws.max(1));
        match width {
            Width::Single => Executor::of(Shared::<f32>::new(draws, tile, program, data, threads)?),
            Width::Double => Executor::of(Shared::<f64>::new(draws, tile, program, data, threads)?),
        }
    }

    fn of<T: Float>(shared: Shared<T>) -> Result<Executor, Invalid> {
        let outputs = (0..shared.whole.plan().outputs.len())
            .map(|at| vec![0.0; whole_len(&shared.whole, at, shared.draws)])
            .collect();
        let workers = shared.workspaces.len();
        let shared: Arc<dyn Steps> = Arc::new(shared);
        let work = shared.clone();
        let pool = Pool::new(workers, Box::new(move |worker, group| work.run_group(worker, group)));
        Ok(Executor { shared, pool, outputs })
    }

    /// The inputs to give at each step, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        given(self.shared.plan())
    }

    /// What a step computes.
    pub fn outputs(&self) -> &[Output] {
        &self.shared.plan().outputs
    }

    /// The plan for whole tiles.
    pub fn plan(&self) -> &Plan {
        self.shared.plan()
    }

    /// The work of a step, all tiles together.
    pub fn work(&self) -> Work {
        self.shared.work()
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
        assert_eq!(self.inputs().count(), given.len(), "number of arrays given");
        given.iter().enumerate().for_each(|(at, values)| self.shared.give(at, values.as_ref()));
        self.shared.begin(seed, step);
        self.pool.run(self.shared.groups());
        for (at, output) in self.outputs.iter_mut().enumerate() {
            self.shared.combine(at, output);
        }
    }

    /// An output of the last step, row-major over all draws where it has the draw axis.
    pub fn output(&self, at: usize) -> &[f64] {
        &self.outputs[at]
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

fn given(plan: &Plan) -> impl Iterator<Item = &Input> {
    plan.inputs.iter().filter(|input| input.kind != InputKind::Data)
}

/// The length of an output over this many draws.
fn whole_len<T: Float>(bound: &Bound<T>, at: usize, draws: usize) -> usize {
    let plan = bound.plan();
    match plan.outputs[at].combine {
        Combine::Stack { .. } => plan.output_len(at) / plan.draws * draws,
        Combine::Sum | Combine::Same => plan.output_len(at),
    }
}

impl Group {
    fn new<T: Float>(tiles: Range<usize>, draws: usize, tile: usize, bound: &Bound<T>) -> Self {
        let count = (tiles.end * tile).min(draws) - tiles.start * tile;
        let outputs =
            (0..bound.plan().outputs.len()).map(|at| vec![0.0; whole_len(bound, at, count)]).collect();
        Group { tiles, outputs }
    }
}

impl<T: Float> Shared<T> {
    fn new(
        draws: usize,
        tile: usize,
        program: impl Fn(usize) -> Program,
        data: &dyn Fn(&str) -> Option<Arc<[f64]>>,
        threads: usize,
    ) -> Result<Self, Invalid> {
        let whole: Bound<T> = bind(&program(tile), data)?;
        let rest = match draws % tile {
            0 => None,
            rest => Some(bind(&program(rest), data)?),
        };
        let tiles = draws.div_ceil(tile);
        let count = tiles.min(GROUPS);
        let groups: Vec<Group> = (0..count)
            .map(|g| Group::new(g * tiles / count..(g + 1) * tiles / count, draws, tile, &whole))
            .collect();
        let workers = threads.clamp(1, groups.len().max(1));
        let workspace = || Mutex::new((whole.workspace(), rest.as_ref().map(Bound::workspace)));
        let given = given(whole.plan()).map(|input| vec![T::ZERO; input.len]).collect();
        Ok(Shared {
            draws,
            tile,
            workspaces: (0..workers).map(|_| workspace()).collect(),
            groups: groups.into_iter().map(Mutex::new).collect(),
            step: RwLock::new(Step { given, seed: 0, step: 0 }),
            whole,
            rest,
        })
    }
}

impl<T: Float> Steps for Shared<T> {
    fn plan(&self) -> &Plan {
        self.whole.plan()
    }

    fn work(&self) -> Work {
        let whole = (self.draws / self.tile) as f64;
        let rest = self.rest.as_ref().map_or(Work::default(), |rest| rest.plan().work);
        rest.plus(self.whole.plan().work, whole)
    }

    fn arena_bytes(&self) -> usize {
        let of = |bound: &Bound<T>| bound.plan().arena_bytes(T::WIDTH);
        self.workspaces.len() * (of(&self.whole) + self.rest.as_ref().map_or(0, of))
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn give(&self, at: usize, values: &[f64]) {
        let mut step = self.step.write().unwrap_or_else(|_| worker_panicked());
        assert_eq!(step.given[at].len(), values.len(), "size of input {at}");
        step.given[at].iter_mut().zip(values).for_each(|(to, from)| *to = T::from_f64(*from));
    }

    fn begin(&self, seed: u64, step: u64) {
        let mut now = self.step.write().unwrap_or_else(|_| worker_panicked());
        (now.seed, now.step) = (seed, step);
    }

    fn run_group(&self, worker: usize, group: usize) {
        let step = self.step.read().unwrap_or_else(|_| worker_panicked());
        let mut workspaces = lock(&self.workspaces[worker]);
        let mut group = lock(&self.groups[group]);
        let Group { tiles, outputs } = &mut *group;
        let start = tiles.start * self.tile;
        let end = (tiles.end * self.tile).min(self.draws);
        for tile in tiles.clone() {
            let first = tile * self.tile;
            let (bound, workspace) = match (&self.rest, &mut *workspaces) {
                (Some(rest), (_, Some(workspace))) if first + self.tile > self.draws => (rest, workspace),
                (_, (workspace, _)) => (&self.whole, workspace),
            };
            let stream = Stream { seed: step.seed, step: step.step, first_draw: first as u64 };
            bound.run(workspace, &step.given, stream);
            for (at, total) in outputs.iter_mut().enumerate() {
                let found = bound.output(workspace, &step.given, at);
                match self.whole.plan().outputs[at].combine {
                    Combine::Sum if tile > tiles.start => {
                        total.iter_mut().zip(found).for_each(|(total, more)| *total += more.to_f64());
                    }
                    Combine::Sum | Combine::Same => {
                        total.iter_mut().zip(found).for_each(|(total, found)| *total = found.to_f64());
                    }
                    Combine::Stack { inner } => {
                        let rows =
                            Rows { inner, of: bound.plan().draws, at: first - start, among: end - start };
                        rows.place(total, found);
                    }
                }
            }
        }
    }

    fn combine(&self, at: usize, total: &mut [f64]) {
        for (number, group) in self.groups.iter().enumerate() {
            let group = lock(group);
            let found = &group.outputs[at];
            match self.whole.plan().outputs[at].combine {
                Combine::Sum if number > 0 => add(total, found),
                Combine::Sum | Combine::Same => total.copy_from_slice(found),
                Combine::Stack { inner } => {
                    let first = group.tiles.start * self.tile;
                    let of = (group.tiles.end * self.tile).min(self.draws) - first;
                    Rows { inner, of, at: first, among: self.draws }.place(total, found);
                }
            }
        }
    }
}

/// A range of draws inside a larger one, for arrays `[outer, draw, inner]`.
struct Rows {
    inner: usize,
    /// How many draws.
    of: usize,
    /// The position of the first.
    at: usize,
    /// How many draws the larger range has.
    among: usize,
}

impl Rows {
    fn place<T: Float>(&self, to: &mut [f64], from: &[T]) {
        let Rows { inner, of, at, among } = *self;
        if inner * of == 0 {
            return;
        }
        for (from, to) in from.chunks_exact(of * inner).zip(to.chunks_exact_mut(among * inner)) {
            let to = to[at * inner..(at + of) * inner].iter_mut();
            to.zip(from).for_each(|(to, from)| *to = from.to_f64());
        }
    }
}

fn add(total: &mut [f64], more: &[f64]) {
    total.iter_mut().zip(more).for_each(|(total, more)| *total += more);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|_| worker_panicked())
}

/// A kernel's panic, a bug, is not to be hidden by half a result.
fn worker_panicked() -> ! {
    panic!("a worker of the executor panicked")
}
