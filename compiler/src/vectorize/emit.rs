//! Instructions for a schedule.

use super::convert::{base, fold, map};
use super::layout::{Layout, Tile, axis_size, draw_axis};
use super::rounds::{Rounds, When, is_view};
use super::schedule::{Node, Uses, schedule};
use super::storage::{Output, Storage};
use std::collections::HashMap;
use vary_core::axis::{Axis, AxisSet};
use vary_core::ir::{Draw, Input, InputKind, Let, Monoid, Op, Program, Var};
use vary_core::prim::Prim;
use vary_runtime::program as rt;
use vary_runtime::program::{Along, Binary, Combine, Instr, Join, Map, Place, Round, Unary};

/// The tensor program of a core program for steps of so many draws, cut into tiles where that pays.
///
/// Inputs that no result needs are not inputs of the result. Expects a program that `check` accepts, of `Let`
/// and `Scan` statements, with all dimensions bound except, perhaps, that of the draw axis.
pub fn emit(program: &Program, draws: usize) -> rt::Program {
    emit_tiled(program, draws, super::tiling::choose(program, draws))
}

/// The same, cut as told; not at all if that makes one tile.
pub fn emit_tiled(program: &Program, draws: usize, tile: Option<Tile>) -> rt::Program {
    let tile = tile.filter(|tile| (1..axis_size(program, tile.axis, draws)).contains(&tile.size));
    let nodes = schedule(program);
    let layout = Layout::new(program, draws, tile, &nodes);
    let facts = Facts::new(program, &nodes);
    let rounds = facts.rounds(program, &nodes, &layout, tile.map(|tile| tile.axis));
    let mut emitter = Emitter {
        storage: vec![None; program.vars.len()],
        rows: HashMap::new(),
        count: draw_axis(program).and_then(|draw| program.axes.info(draw).size.as_name().map(str::to_string)),
        draws,
        out: Output::new(layout),
        program,
        facts,
        rounds,
    };
    emitter.batches(&nodes);
    emitter.rounds(&nodes);
    emitter.out.program
}

/// What is known of a schedule before it is emitted.
pub(super) struct Facts<'p> {
    /// The operation that binds each variable, if any does.
    pub defs: Vec<Option<&'p Op>>,
    pub uses: Uses,
    /// Sums and products that are computed by the one sum that uses them.
    pub absorbed: Vec<bool>,
    /// The order of axes in which sums are wanted as results: gradients of weights, which are not to be copied.
    pub wanted: HashMap<Var, Vec<Axis>>,
}

/// The order of axes in which each result that is a view of a sum wants that sum.
fn wanted(program: &Program, defs: &[Option<&Op>]) -> HashMap<Var, Vec<Axis>> {
    let mut wanted = HashMap::new();
    for result in &program.results {
        let (mut var, mut dims) = (result.var, result.dims.clone());
        while let Some(Op::Rename(pairs, x)) = defs[var.0 as usize] {
            let before =
                |axis: &Axis| pairs.iter().find(|(_, to)| to == axis).map_or(*axis, |(from, _)| *from);
            (var, dims) = (*x, dims.iter().map(before).collect());
        }
        if let Some(Op::Reduce(..)) = defs[var.0 as usize] {
            wanted.entry(var).or_insert(dims);
        }
    }
    wanted
}

impl<'p> Facts<'p> {
    pub fn new(program: &'p Program, nodes: &[Node<'p>]) -> Self {
        let mut defs = vec![None; program.vars.len()];
        definitions(nodes, &mut defs);
        let uses = Uses::new(program, nodes, |op| is_view(&defs, op));
        Facts { absorbed: absorbed(&defs, &uses), wanted: wanted(program, &defs), defs, uses }
    }

    pub fn rounds(&self, program: &Program, nodes: &[Node], layout: &Layout, axis: Option<Axis>) -> Rounds {
        Rounds::new(program, nodes, &self.defs, &self.absorbed, layout, axis)
    }
}

/// The operation that binds each variable, if any does.
fn definitions<'p>(nodes: &[Node<'p>], defs: &mut [Option<&'p Op>]) {
    for node in nodes {
        match node {
            Node::Let(stmt) => defs[stmt.var.0 as usize] = Some(&stmt.op),
            Node::Loop(inner) => definitions(&inner.body, defs),
        }
    }
}

/// Sums and products that are computed by the one sum that uses them.
fn absorbed(defs: &[Option<&Op>], uses: &Uses) -> Vec<bool> {
    let mut absorbed = vec![false; defs.len()];
    for (at, def) in defs.iter().enumerate() {
        let Some(Op::Reduce(Monoid::Sum, _, x)) = def else { continue };
        let x = x.0 as usize;
        let fits = matches!(defs[x], Some(Op::Reduce(Monoid::Sum, ..) | Op::Prim(Prim::Mul, _)));
        absorbed[x] = fits && uses.count[x] == 1 && uses.path[x] == uses.path[at];
    }
    absorbed
}

pub(super) struct Emitter<'p> {
    pub(super) program: &'p Program,
    pub(super) facts: Facts<'p>,
    rounds: Rounds,
    /// Where each variable is: while a round is emitted for tiles, the tile's values.
    pub(super) storage: Vec<Option<Storage>>,
    /// The inputs that say which rows of a minibatch are taken, by their axes.
    rows: HashMap<Axis, Storage>,
    /// The name of the number of draws, and the number.
    count: Option<String>,
    draws: usize,
    pub(super) out: Output,
}

impl<'p> Emitter<'p> {
    pub(super) fn axes(&self, var: Var) -> &'p AxisSet {
        &self.program.vars[var.0 as usize].ty.axes
    }

    pub(super) fn storage(&self, var: Var) -> &Storage {
        match &self.storage[var.0 as usize] {
            Some(storage) => storage,
            None => unreachable!("variable {} is used before it is bound", self.name(var)),
        }
    }

    pub(super) fn name(&self, var: Var) -> String {
        let name = self.program.vars[var.0 as usize].name.as_deref();
        name.map_or_else(|| format!("v{}", var.0), |name| format!("{name}.{}", var.0))
    }

    /// The inputs that say which rows a step takes: they are read by draws, which name axes only.
    fn batches(&mut self, nodes: &[Node<'p>]) {
        for node in nodes {
            match node {
                Node::Let(stmt) => self.batches_of(&stmt.op),
                Node::Loop(inner) => self.batches(&inner.body),
            }
        }
    }

    fn batches_of(&mut self, op: &Op) {
        let axes = match op {
            Op::Draw(draw) => draw.key.clone(),
            Op::Input(input) => input.dims.iter().copied().collect(),
            _ => return,
        };
        for axis in axes.iter() {
            let info = self.program.axes.info(axis);
            let name = info.rows();
            let is_input = matches!(op, Op::Input(input) if input.name != name);
            if info.of.is_none() || is_input || self.rows.contains_key(&axis) {
                continue;
            }
            let inputs = &mut self.out.program.inputs;
            let len = self.out.layout.whole(axis);
            inputs.push(rt::Input { kind: rt::InputKind::State, name: name.clone(), len });
            let place = Place::Input(inputs.len() - 1);
            let rows = self.out.array(&name, &[axis], place);
            self.rows.insert(axis, rows);
        }
    }

    /// All lists, one after another.
    fn rounds(&mut self, nodes: &[Node<'p>]) {
        self.out.program.once = self.list(nodes, When::Once, Place::Once);
        for number in 0..self.rounds.count {
            let whole = self.list(nodes, When::Whole(number), Place::Step);
            let mut round = Round { whole, ..Round::default() };
            self.tiles(nodes, number, &mut round);
            self.out.program.rounds.push(round);
        }
        self.results();
    }

    /// The statements of one time.
    fn list(&mut self, nodes: &[Node<'p>], when: When, place: Place) -> Vec<Instr> {
        self.out.begin(place);
        for node in nodes {
            let binds = node.binds();
            if binds.first().is_some_and(|var| self.rounds.when[var.0 as usize] == when) {
                self.node(node);
            }
        }
        self.out.take()
    }

    /// The part of a round that runs in tiles: once for every shape of tiles. What is wanted whole is joined.
    fn tiles(&mut self, nodes: &[Node<'p>], number: usize, round: &mut Round) {
        let when = When::Tiles(number);
        if !self.rounds.when.contains(&when) {
            return;
        }
        let wanted: Vec<Var> =
            nodes.iter().flat_map(Node::binds).filter(|var| self.is_joined(*var, when)).collect();
        self.out.begin(Place::Joined);
        let arrays: Vec<Storage> = wanted.iter().map(|var| self.joined(*var)).collect();
        round.joins = wanted.iter().zip(&arrays).map(|(var, array)| self.join(*var, array)).collect();
        for shape in self.out.program.tiles.shapes() {
            let place = Place::Tile(shape);
            let mut list = self.list(nodes, when, place);
            for (at, (var, join)) in wanted.iter().zip(&mut round.joins).enumerate() {
                let storage = self.storage(*var).clone();
                let dims: Vec<Axis> = arrays[at].strides.iter().map(|(axis, _)| *axis).collect();
                join.from[shape as usize] = self.packed(&self.name(*var), &storage, &dims);
            }
            list.extend(self.out.take());
            round.tiles[shape as usize] = list;
        }
        for (var, array) in wanted.iter().zip(arrays) {
            self.storage[var.0 as usize] = Some(array);
        }
    }

    fn is_joined(&self, var: Var, when: When) -> bool {
        self.rounds.joined[var.0 as usize] && self.rounds.when[var.0 as usize] == when
    }

    /// The array joined from the tiles' values of a variable, laid out as a result wants it if one does.
    fn joined(&mut self, var: Var) -> Storage {
        let axes = self.axes(var);
        let mut results = self.program.results.iter().filter(|result| result.var == var);
        let result = results.find(|result| result.dims.len() == axes.len());
        let dims = result.map_or_else(|| self.out.layout.sorted(axes), |result| result.dims.clone());
        self.out.array(&self.name(var), &dims, Place::Joined)
    }

    fn join(&self, var: Var, array: &Storage) -> Join {
        let cut = self.out.layout.tile.map(|tile| tile.axis);
        let inner = array.strides.iter().find(|(axis, _)| Some(*axis) == cut).map(|(_, stride)| *stride);
        let combine = match (self.rounds.partial[var.0 as usize], inner) {
            (Some(monoid), _) => Combine::Fold(fold(monoid)),
            (None, Some(inner)) => Combine::Stack { inner },
            (None, None) => Combine::Same,
        };
        Join { from: [0; 2], to: array.buffer, combine }
    }
    pub(super) fn node(&mut self, node: &Node<'p>) {
        match node {
            Node::Let(stmt) => self.bind(stmt),
            Node::Loop(inner) => self.recurrence(inner),
        }
    }

    /// A buffer for a variable, of which the outermost `common` loops around it keep the current value only.
    pub(super) fn allocate(&mut self, var: Var, common: usize) -> Storage {
        let current: AxisSet = self.out.open_axes().take(common).collect();
        let axes = self.axes(var).minus(&current);
        let mut storage = match self.facts.wanted.get(&var) {
            Some(dims) if dims.iter().copied().collect::<AxisSet>() == axes => {
                self.out.array(&self.name(var), dims, self.out.place)
            }
            _ => self.out.buffer(&self.name(var), &axes),
        };
        storage.current = common;
        storage
    }

    /// A buffer for the variable being bound, and the loops of the instruction that fills it.
    pub(super) fn target(&mut self, var: Var) -> (Storage, Vec<Axis>) {
        let storage = self.allocate(var, self.facts.uses.common[var.0 as usize]);
        (storage, self.out.loops(self.axes(var)))
    }

    pub(super) fn copy(&mut self, axes: &AxisSet, to: &Storage, from: &Storage) {
        self.map(Map::Unary(Unary::Copy), axes, to, &[from]);
    }

    pub(super) fn map(&mut self, op: Map, axes: &AxisSet, out: &Storage, args: &[&Storage]) {
        let loops = self.out.loops(axes);
        let view = |storage: &Storage| self.out.view(storage, &loops);
        let (out, args) = (view(out), args.iter().map(|arg| view(arg)).collect());
        self.out.push(Instr::Map { op, extents: self.out.extents(&loops), out, args });
    }

    fn bind(&mut self, stmt: &Let) {
        if self.facts.absorbed[stmt.var.0 as usize] {
            return;
        }
        let storage = self.view(stmt).unwrap_or_else(|| self.compute(stmt));
        self.storage[stmt.var.0 as usize] = Some(storage);
    }

    /// What needs no instruction.
    fn view(&mut self, stmt: &Let) -> Option<Storage> {
        let storage = match &stmt.op {
            Op::Const(value) => return Some(self.out.constant(value.number())),
            // Its value is zero everywhere.
            Op::Tangent(_) => return Some(self.out.constant(0.0)),
            Op::Input(input) => return Some(self.input(stmt.var, input)),
            Op::Rename(pairs, x) => self.storage(*x).renamed(pairs),
            Op::Detach(x) => self.storage(*x).clone(),
            Op::Prim(Prim::ToReal | Prim::ToInt, args) => self.storage(args[0]).clone(),
            Op::Gather { x, axis, index } => {
                let Some(Op::Const(index)) = self.facts.defs[index.0 as usize] else { return None };
                let position = index.number() - self.lower(*axis) as f64;
                let inside = position >= 0.0 && position < self.out.layout.whole(*axis) as f64;
                inside.then(|| self.storage(*x).at(*axis, position as usize))?
            }
            _ => return None,
        };
        // A value of one step only is no view for those outside the loop.
        (storage.current <= self.facts.uses.common[stmt.var.0 as usize]).then_some(storage)
    }

    fn lower(&self, axis: Axis) -> i64 {
        self.program.axes.info(axis).lower.value().unwrap_or(0)
    }

    fn is_draw_count(&self, input: &Input) -> bool {
        input.kind == InputKind::Data && input.dims.is_empty() && self.count.as_ref() == Some(&input.name)
    }

    fn input(&mut self, var: Var, input: &Input) -> Storage {
        if self.is_draw_count(input) {
            return self.out.constant(self.draws as f64);
        }
        if let [axis] = input.dims[..]
            && input.name == self.program.axes.info(axis).rows()
        {
            return self.rows[&axis].clone();
        }
        let kind = match input.kind {
            InputKind::Data => rt::InputKind::Data,
            InputKind::Param => rt::InputKind::Param,
            InputKind::State => rt::InputKind::State,
            InputKind::Tangent | InputKind::Cotangent | InputKind::Formal | InputKind::Noise => {
                unreachable!("input {} is bound before programs are vectorised", input.name)
            }
        };
        let inputs = &mut self.out.program.inputs;
        let slot = inputs.len();
        let len = self.out.layout.strides(&input.dims).1;
        inputs.push(rt::Input { kind, name: input.name.clone(), len });
        let given = self.out.array(&input.name, &input.dims, Place::Input(slot));
        let axes = self.axes(var);
        if kind == rt::InputKind::Data && self.out.layout.sorted(axes) != input.dims {
            // Paid once, for contiguous loops at every step.
            let ordered = self.out.buffer(&self.name(var), axes);
            self.copy(axes, &ordered, &given);
            return ordered;
        }
        given
    }

    /// Emits the instructions of an operation.
    fn compute(&mut self, stmt: &Let) -> Storage {
        let var = stmt.var;
        if let Op::Reduce(monoid, axis, x) = &stmt.op {
            return self.reduce(var, *monoid, *axis, *x);
        }
        let (out, loops) = self.target(var);
        let extents = self.out.extents(&loops);
        let view = |storage: &Storage| self.out.view(storage, &loops);
        match &stmt.op {
            Op::Const(_) | Op::Input(_) | Op::Tangent(_) | Op::Reduce(..) => {
                unreachable!("emitted elsewhere")
            }
            Op::Rename(pairs, x) => {
                let from = self.storage(*x).renamed(pairs);
                self.copy(self.axes(var), &out, &from);
            }
            Op::Detach(x) => {
                let from = self.storage(*x).clone();
                self.copy(self.axes(var), &out, &from);
            }
            Op::Iota(axis) => {
                let (size, lower) = (self.out.layout.size(*axis), self.lower(*axis));
                let out = self.out.view(&out, &[*axis]);
                self.out.push(Instr::Iota { size, lower, out });
            }
            Op::Prim(prim, args) => {
                let (out, args) = (view(&out), args.iter().map(|arg| view(self.storage(*arg))).collect());
                self.out.push(Instr::Map { op: map(*prim), extents, out, args });
            }
            Op::Gather { x, axis, index } => {
                let along = self.along(*x, *axis);
                let table = self.storage(*x).at(*axis, 0);
                let (out, x, index) = (view(&out), view(&table), view(self.storage(*index)));
                let lower = self.lower(*axis);
                self.out.push(Instr::Gather { extents, out, x, axis: along, index, lower });
            }
            Op::Scatter { x, axis, index, .. } => self.scatter(var, &out, *x, *axis, *index),
            Op::CumSum { x, axis, reverse, exclusive } => {
                let loops: Vec<Axis> = loops.into_iter().filter(|a| a != axis).collect();
                let instr = Instr::CumSum {
                    extents: self.out.extents(&loops),
                    axis: self.along(*x, *axis),
                    out_stride: out.stride(*axis),
                    reverse: *reverse,
                    exclusive: *exclusive,
                    out: self.out.view(&out, &loops),
                    x: self.out.view(self.storage(*x), &loops),
                };
                self.out.push(instr);
            }
            Op::Stack { axis, parts } => {
                for (position, part) in parts.iter().enumerate() {
                    let mut axes = self.axes(var).clone();
                    axes.remove(*axis);
                    let part = self.storage(*part).clone();
                    self.copy(&axes, &out.at(*axis, position), &part);
                }
            }
            Op::Concat { axis, parts } => self.concat(var, &out, *axis, parts),
            Op::Cholesky { x, row, col } => {
                let loops: Vec<Axis> = loops.into_iter().filter(|a| a != row && a != col).collect();
                let from = self.storage(*x);
                let instr = Instr::Cholesky {
                    extents: self.out.extents(&loops),
                    size: self.out.layout.size(*row),
                    out: self.out.view(&out, &loops),
                    out_strides: [out.stride(*row), out.stride(*col)],
                    x: self.out.view(from, &loops),
                    x_strides: [from.stride(*row), from.stride(*col)],
                };
                self.out.push(instr);
            }
            Op::TriSolve { l, row, col, b, transposed } => {
                let loops: Vec<Axis> = loops.into_iter().filter(|a| a != row && a != col).collect();
                let (known, solved) = if *transposed { (*col, *row) } else { (*row, *col) };
                let (matrix, right) = (self.storage(*l), self.storage(*b));
                let instr = Instr::TriSolve {
                    extents: self.out.extents(&loops),
                    size: self.out.layout.size(*row),
                    transposed: *transposed,
                    out: self.out.view(&out, &loops),
                    out_stride: out.stride(solved),
                    l: self.out.view(matrix, &loops),
                    l_strides: [matrix.stride(*row), matrix.stride(*col)],
                    b: self.out.view(right, &loops),
                    b_stride: right.stride(known),
                };
                self.out.push(instr);
            }
            Op::Draw(draw) => self.draw(draw, &out, &loops),
        }
        out
    }

    fn along(&self, x: Var, axis: Axis) -> Along {
        // What is indexed along the tiles' axis is whole.
        Along { size: self.out.layout.whole(axis), stride: self.storage(x).stride(axis) }
    }

    fn scatter(&mut self, var: Var, out: &Storage, x: Var, axis: Axis, index: Var) {
        let zero = self.out.constant(0.0);
        self.copy(self.axes(var), out, &zero);
        let loops = self.out.loops(self.axes(x));
        let instr = Instr::Scatter {
            extents: self.out.extents(&loops),
            out: self.out.view(&out.at(axis, 0), &loops),
            axis: Along { size: self.out.layout.size(axis), stride: out.stride(axis) },
            x: self.out.view(self.storage(x), &loops),
            index: self.out.view(self.storage(index), &loops),
            lower: self.lower(axis),
        };
        self.out.push(instr);
    }

    fn concat(&mut self, var: Var, out: &Storage, axis: Axis, parts: &[(Axis, Var)]) {
        let mut start = 0;
        let others = {
            let mut axes = self.axes(var).clone();
            axes.remove(axis);
            self.out.loops(&axes)
        };
        for (laid, part) in parts {
            let part = self.storage(*part);
            let size = self.out.layout.size(*laid);
            // The axis that is laid along the new one may also be an ambient axis of other parts: it is the last loop.
            let mut target = self.out.view(&out.at(axis, start), &others);
            let mut source = self.out.view(&part.at(*laid, 0), &others);
            target.strides.push(out.stride(axis));
            source.strides.push(part.stride(*laid));
            let mut extents = self.out.extents(&others);
            extents.push(size);
            self.out.push(Instr::Map {
                op: Map::Unary(Unary::Copy),
                extents,
                out: target,
                args: vec![source],
            });
            start += size;
        }
    }

    fn draw(&mut self, draw: &Draw, out: &Storage, loops: &[Axis]) {
        // The Monte Carlo draw is the slowest axis of a lane, so that lanes do not depend on the number of draws; the
        // others stand in the order of the axis table. Rows of a minibatch count as they do among all rows.
        let axes = &self.program.axes;
        let slowest = self.out.layout.draw.filter(|axis| draw.key.contains(*axis));
        let mut others: Vec<Axis> = draw.key.iter().filter(|axis| Some(*axis) != slowest).collect();
        others.sort_by_key(|axis| axes.whole(*axis));
        let mut lanes = 1;
        let mut strides = Vec::new();
        for axis in slowest.into_iter().chain(others).rev() {
            strides.push((axis, lanes));
            lanes *= self.out.layout.whole(axes.whole(axis));
        }
        let by_row = |axis: &Axis| axes.info(*axis).of.is_some();
        let lane = |axis: Axis| {
            strides.iter().find(|(a, _)| *a == axis && !by_row(a)).map_or(0, |(_, stride)| *stride)
        };
        let (lane_strides, lane_steps) =
            (loops.iter().map(|axis| lane(*axis)).collect(), self.out.steps(lane, false));
        let mut rows: Option<(Storage, AxisSet)> = None;
        for (axis, stride) in strides.iter().filter(|(axis, _)| by_row(axis)) {
            let mut axes: AxisSet = [*axis].into_iter().collect();
            let (taken, stride) = (self.rows[axis].clone(), self.out.constant(*stride as f64));
            let mut moved = self.out.buffer("lanes", &axes);
            self.map(Map::Binary(Binary::Mul), &axes, &moved, &[&taken, &stride]);
            if let Some((sum, others)) = rows {
                axes = axes.union(&others);
                let both = self.out.buffer("lanes", &axes);
                self.map(Map::Binary(Binary::Add), &axes, &both, &[&sum, &moved]);
                moved = both;
            }
            rows = Some((moved, axes));
        }
        let instr = Instr::Draw(rt::Draw {
            base: base(draw.base),
            occurrence: draw.occurrence.to_string(),
            extents: self.out.extents(loops),
            out: self.out.view(out, loops),
            args: draw.args.iter().map(|arg| self.out.view(self.storage(*arg), loops)).collect(),
            lane: lane_strides,
            lane_steps,
            rows: rows.map(|(rows, _)| self.out.view(&rows, loops)),
        });
        self.out.push(instr);
    }

    /// The results: copies where they are not laid out as wanted.
    fn results(&mut self) {
        let program = self.program;
        let mut copies = Vec::new();
        for result in &program.results {
            let once = self.rounds.when[result.var.0 as usize] == When::Once;
            self.out.begin(if once { Place::Once } else { Place::Step });
            let storage = self.storage(result.var).clone();
            let buffer = self.packed(&result.name, &storage, &result.dims);
            let list = self.out.take();
            if once { &mut self.out.program.once } else { &mut copies }.extend(list);
            self.out.program.outputs.push(rt::Output { name: result.name.clone(), buffer });
        }
        let rounds = &mut self.out.program.rounds;
        match rounds.last_mut().filter(|round| round.tiles[0].is_empty()) {
            Some(last) => last.whole.extend(copies),
            None if copies.is_empty() => {}
            None => rounds.push(Round { whole: copies, ..Round::default() }),
        }
    }

    /// A buffer with a value in this order of axes and nothing else: its own, if it is so.
    fn packed(&mut self, name: &str, from: &Storage, dims: &[Axis]) -> usize {
        let (strides, len) = self.out.layout.strides(dims);
        let same = |(axis, stride): &(Axis, usize)| {
            from.stride(*axis) == *stride || self.out.layout.size(*axis) == 1
        };
        let whole = from.offset == 0 && len == self.out.program.buffers[from.buffer].len;
        if whole && from.tiled == self.out.layout.rows.is_some() && strides.iter().all(same) {
            return from.buffer;
        }
        let out = self.out.array(name, dims, self.out.place);
        let (target, from) = (self.out.view(&out, dims), self.out.view(from, dims));
        let extents = self.out.extents(dims);
        self.out.push(Instr::Map { op: Map::Unary(Unary::Copy), extents, out: target, args: vec![from] });
        out.buffer
    }
}
