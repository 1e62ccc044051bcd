//! Instructions for a schedule.

use super::convert::{base, map};
use super::layout::Layout;
use super::schedule::{Node, Uses, schedule};
use super::storage::{Output, Storage};
use std::collections::HashMap;
use vary_core::axis::{Axis, AxisSet};
use vary_core::ir::{Draw, Input, InputKind, Let, Monoid, Op, Program, Var};
use vary_core::prim::Prim;
use vary_runtime::program as rt;
use vary_runtime::program::{Along, Binary, Combine, Instr, Map, Unary};

/// The tensor program of a core program over `tile` draws.
///
/// Inputs that no result needs are not inputs of the result. Expects a program that `check` accepts, of `Let`
/// and `Scan` statements, with all dimensions bound except, perhaps, that of the draw axis.
pub fn emit(program: &Program, tile: usize) -> rt::Program {
    let nodes = schedule(program);
    let layout = Layout::new(program, tile, &nodes);
    let mut defs = vec![None; program.vars.len()];
    definitions(&nodes, &mut defs);
    let uses = Uses::new(program, &nodes, |op| is_view(&defs, op));
    let mut emitter = Emitter {
        absorbed: absorbed(&defs, &uses),
        storage: vec![None; program.vars.len()],
        changes: vec![false; program.vars.len()],
        over_draws: vec![false; program.vars.len()],
        rows: HashMap::new(),
        draws: draw_count(program),
        out: Output::new(layout, tile),
        program,
        defs,
        uses,
    };
    for node in &nodes {
        emitter.top_level(node);
    }
    program.results.iter().for_each(|result| emitter.result(result));
    emitter.out.program
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

/// Whether the result is a view of the first operand.
fn is_view(defs: &[Option<&Op>], op: &Op) -> bool {
    match op {
        Op::Rename(..) | Op::Detach(_) | Op::Prim(Prim::ToReal | Prim::ToInt, _) => true,
        Op::Gather { index, .. } => matches!(defs[index.0 as usize], Some(Op::Const(_))),
        _ => false,
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

/// The name of the number of draws, if the draw axis has one.
fn draw_count(program: &Program) -> Option<String> {
    let draw = program.axes.iter().find(|(_, info)| info.role == vary_core::axis::Role::Draw);
    draw.and_then(|(_, info)| info.size.as_name()).map(str::to_string)
}

pub(super) struct Emitter<'p> {
    pub(super) program: &'p Program,
    pub(super) defs: Vec<Option<&'p Op>>,
    pub(super) uses: Uses,
    pub(super) absorbed: Vec<bool>,
    /// Where each variable is.
    pub(super) storage: Vec<Option<Storage>>,
    /// Whether it depends on more than data and constants.
    changes: Vec<bool>,
    /// Whether it depends on the draws or their number.
    over_draws: Vec<bool>,
    /// The inputs that say which rows of a minibatch are taken, by their axes.
    rows: HashMap<Axis, Storage>,
    draws: Option<String>,
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

    /// A statement at the top level, with all that is inside, runs once or at every step.
    fn top_level(&mut self, node: &Node<'p>) {
        let reads = node.reads();
        let any = |facts: &[bool]| reads.iter().any(|var| facts[var.0 as usize]);
        let (random, given, counts) = self.sources(node);
        let draw = self.out.layout.draw;
        let binds = node.binds();
        let has_draws = binds.iter().any(|var| draw.is_some_and(|draw| self.axes(*var).contains(draw)));
        let changes = any(&self.changes) || random || given;
        let over_draws = any(&self.over_draws) || has_draws || counts;
        for var in binds {
            self.changes[var.0 as usize] = changes;
            self.over_draws[var.0 as usize] = over_draws;
        }
        self.out.once = !changes;
        self.node(node);
    }

    /// Whether there are draws, inputs that change, and the number of draws.
    fn sources(&self, node: &Node) -> (bool, bool, bool) {
        match node {
            Node::Let(stmt) => match &stmt.op {
                Op::Draw(_) => (true, false, false),
                Op::Input(input) if self.is_draw_count(input) => (false, false, true),
                Op::Input(input) => (false, input.kind != InputKind::Data, false),
                _ => (false, false, false),
            },
            Node::Loop(inner) => inner
                .body
                .iter()
                .map(|node| self.sources(node))
                .fold((false, false, false), |all, one| (all.0 || one.0, all.1 || one.1, all.2 || one.2)),
        }
    }

    fn is_draw_count(&self, input: &Input) -> bool {
        input.kind == InputKind::Data && input.dims.is_empty() && self.draws.as_ref() == Some(&input.name)
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
        let mut storage = self.out.buffer(&self.name(var), &self.axes(var).minus(&current));
        storage.current = common;
        storage
    }

    /// A buffer for the variable being bound, and the loops of the instruction that fills it.
    pub(super) fn target(&mut self, var: Var) -> (Storage, Vec<Axis>) {
        let storage = self.allocate(var, self.uses.common[var.0 as usize]);
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
        if self.absorbed[stmt.var.0 as usize] {
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
                let Some(Op::Const(index)) = self.defs[index.0 as usize] else { return None };
                let position = index.number() - self.lower(*axis) as f64;
                let inside = position >= 0.0 && position < self.out.layout.size(*axis) as f64;
                inside.then(|| self.storage(*x).at(*axis, position as usize))?
            }
            _ => return None,
        };
        // A value of one step only is no view for those outside the loop.
        (storage.current <= self.uses.common[stmt.var.0 as usize]).then_some(storage)
    }

    fn lower(&self, axis: Axis) -> i64 {
        self.program.axes.info(axis).lower.value().unwrap_or(0)
    }

    fn input(&mut self, var: Var, input: &Input) -> Storage {
        if self.is_draw_count(input) {
            return self.out.constant(self.out.program.draws as f64);
        }
        if let [axis] = input.dims[..]
            && input.name == self.program.axes.info(axis).rows()
        {
            return self.rows(axis);
        }
        let kind = match input.kind {
            InputKind::Data => rt::InputKind::Data,
            InputKind::Param => rt::InputKind::Param,
            InputKind::State => rt::InputKind::State,
            InputKind::Tangent | InputKind::Cotangent | InputKind::Formal => {
                unreachable!("input {} is bound before programs are vectorised", input.name)
            }
        };
        let inputs = &mut self.out.program.inputs;
        let slot = inputs.len();
        let len = self.out.layout.strides(&input.dims).1;
        inputs.push(rt::Input { kind, name: input.name.clone(), len });
        let given = self.out.array(&input.name, &input.dims, rt::Place::Input(slot));
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
        Along { size: self.out.layout.size(axis), stride: self.storage(x).stride(axis) }
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

    /// The rows at the positions of a minibatch's axis.
    fn rows(&mut self, axis: Axis) -> Storage {
        if let Some(known) = self.rows.get(&axis) {
            return known.clone();
        }
        let (name, len) = (self.program.axes.info(axis).rows(), self.out.layout.size(axis));
        let inputs = &mut self.out.program.inputs;
        inputs.push(rt::Input { kind: rt::InputKind::State, name: name.clone(), len });
        let place = rt::Place::Input(inputs.len() - 1);
        let mut rows = self.out.array(&name, &[axis], place);
        rows.current = 0;
        self.rows.insert(axis, rows.clone());
        rows
    }

    fn draw(&mut self, draw: &Draw, out: &Storage, loops: &[Axis]) {
        // The Monte Carlo draw is the slowest axis of a lane, so that lanes do not depend on the tile; the others
        // stand in the order of the axis table. Rows of a minibatch count as they do among all rows.
        let axes = &self.program.axes;
        let slowest = self.out.layout.draw.filter(|axis| draw.key.contains(*axis));
        let mut others: Vec<Axis> = draw.key.iter().filter(|axis| Some(*axis) != slowest).collect();
        others.sort_by_key(|axis| axes.whole(*axis));
        let mut lanes = 1;
        let mut strides = Vec::new();
        for axis in slowest.into_iter().chain(others).rev() {
            strides.push((axis, lanes));
            lanes *= self.out.layout.size(axes.whole(axis));
        }
        let by_row = |axis: &Axis| axes.info(*axis).of.is_some();
        let lane = |axis: Axis| {
            strides.iter().find(|(a, _)| *a == axis && !by_row(a)).map_or(0, |(_, stride)| *stride)
        };
        let (lane_strides, lane_steps) =
            (loops.iter().map(|axis| lane(*axis)).collect(), self.out.open_axes().map(lane).collect());
        let lanes_per_draw = slowest.map_or(0, lane);
        let mut rows: Option<(Storage, AxisSet)> = None;
        for (axis, stride) in strides.iter().filter(|(axis, _)| by_row(axis)) {
            let mut axes: AxisSet = [*axis].into_iter().collect();
            let (taken, stride) = (self.rows(*axis), self.out.constant(*stride as f64));
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
            lanes_per_draw,
            rows: rows.map(|(rows, _)| self.out.view(&rows, loops)),
        });
        self.out.push(instr);
    }

    /// A result: the buffer itself where it is laid out as wanted, a copy otherwise.
    fn result(&mut self, result: &vary_core::ir::Output) {
        let var = result.var.0 as usize;
        self.out.once = !self.changes[var];
        let from = self.storage(result.var).clone();
        let (strides, len) = self.out.layout.strides(&result.dims);
        let same = |(axis, stride): &(Axis, usize)| {
            from.stride(*axis) == *stride || self.out.layout.size(*axis) == 1
        };
        let whole = from.offset == 0 && len == self.out.program.buffers[from.buffer].len;
        let buffer = if whole && strides.iter().all(same) {
            from.buffer
        } else {
            let place = if self.out.once { rt::Place::Once } else { rt::Place::Step };
            let out = self.out.array(&result.name, &result.dims, place);
            let view = |storage: &Storage| self.out.view(storage, &result.dims);
            let (extents, args) = (self.out.extents(&result.dims), vec![view(&from)]);
            let target = view(&out);
            self.out.push(Instr::Map { op: Map::Unary(Unary::Copy), extents, out: target, args });
            out.buffer
        };
        let layout = &self.out.layout;
        let draw_at = result.dims.iter().position(|axis| Some(*axis) == layout.draw);
        let combine = match draw_at {
            Some(at) => {
                Combine::Stack { inner: result.dims[at + 1..].iter().map(|a| layout.size(*a)).product() }
            }
            None if self.over_draws[var] => Combine::Sum,
            None => Combine::Same,
        };
        self.out.program.outputs.push(rt::Output { name: result.name.clone(), buffer, combine });
    }
}
