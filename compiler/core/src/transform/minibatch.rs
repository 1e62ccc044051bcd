//! Minibatches: an objective over some rows of a plate, without bias for the objective over all.
//!
//! Before: an objective program of which l is a sum over the rows i of an axis n, and of what has no rows:
//! l = g + Σ_i l_i. After: the program over an axis b of B of the N rows,
//!
//! ```text
//! l̂ = g + N/B · Σ_{k < B} l_{rows(k)},    rows an input.
//! ```
//!
//! Where every row is as likely as any other at each position of `rows`, E l̂ = l whatever the draws, which do not
//! depend on it, and so for the gradient (Hoffman, Blei, Wang and Paisley 2013, §2.4).
//!
//! Values are of three kinds. What is made of data and constants alone is kept whole: it is computed once. What has the
//! axis n and depends on more is computed for the rows of b only, its inputs of data read at `rows`, its parameters over
//! n replaced by parameters over b. All else has no rows. Random numbers are keyed by row (see [`AxisInfo::of`]).
//!
//! Guarantees that nothing of the program but what is made of data grows with N. Refuses rows that meet each other, and
//! uses of their sum that are not linear: E f(l̂) ≠ f(l).
//!
//! [`AxisInfo::of`]: crate::axis::AxisInfo::of

use super::flow;
use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::dim::Dim;
use crate::ir::{
    Array, Const, Elem, Input, InputKind, Let, Monoid, Op, Output, Program, Sample, Scan, Site, Stmt, Ty, Var,
};
use crate::prim::Prim;
use std::collections::HashMap;
use vary_diagnostic::{Code, Diagnostic, Span};

/// Why there is no objective over some rows.
#[derive(Debug)]
pub enum Refused {
    /// The objective is not linear in the sum over the rows that is made here.
    Nonlinear(Span),
    /// Rows meet each other.
    Outside(Box<Diagnostic>),
}

type Result<T> = std::result::Result<T, Refused>;

/// Whether anything but data has rows along the axis.
pub fn has_rows(program: &Program, axis: Axis) -> bool {
    let fixed = fixed(program);
    let mut found = false;
    crate::visit::bound(&program.body, &mut |var| {
        found |= !fixed[var.0 as usize] && program.vars[var.0 as usize].ty.axes.contains(axis);
    });
    found
}

/// The program over `size` rows of `whole`, its sums over them scaled. `result` is the objective.
pub fn subsample(program: &Program, whole: Axis, size: Dim, result: &str) -> Result<Program> {
    let mut program = program.clone();
    flow::prune(&mut program);
    let mut b = Builder::new(program.axes.clone());
    let part = b.axes.rows_of(whole, size);
    let rows = Input { kind: InputKind::State, name: b.axes.info(part).rows(), dims: vec![part] };
    let index = b.input(Elem::Int, rows);
    let (all, some) = (b.size(whole), b.size(part));
    let (all, some) = (b.to_real(all), b.to_real(some));
    let scale = b.div(all, some);
    let mut pass = Subsample {
        fixed: fixed(&program),
        linear: linear(&program, whole, result),
        program: &program,
        whole,
        part,
        index,
        scale,
        full: HashMap::new(),
        rows: HashMap::new(),
    };
    pass.block(&mut b, &program.body)?;
    let results = program.results.iter().map(|output| Output {
        name: output.name.clone(),
        var: pass.of_rows(output.var),
        dims: pass.renamed(&output.dims),
    });
    let results = results.collect();
    let mut program = b.finish(results);
    flow::prune(&mut program);
    Ok(program)
}

/// Which variables are made of data and constants alone.
fn fixed(program: &Program) -> Vec<bool> {
    fn block(stmts: &[Stmt], fixed: &mut [bool]) -> bool {
        let mut changed = false;
        for stmt in stmts {
            match stmt {
                Stmt::Let(Let { var, op, .. }) => {
                    let is = match op {
                        Op::Input(input) => input.kind == InputKind::Data,
                        Op::Draw(_) => false,
                        op => op.operands().iter().all(|var| fixed[var.0 as usize]),
                    };
                    changed |= std::mem::replace(&mut fixed[var.0 as usize], is) != is;
                }
                Stmt::Scan(scan) => loop {
                    let mut again = false;
                    for carry in &scan.carries {
                        let is = fixed[carry.init.0 as usize] && fixed[carry.next.0 as usize];
                        again |= std::mem::replace(&mut fixed[carry.var.0 as usize], is) != is;
                    }
                    again |= block(&scan.body, fixed);
                    changed |= again;
                    if !again {
                        break;
                    }
                },
                Stmt::Sample(sample) => {
                    changed |= std::mem::replace(&mut fixed[sample.var.0 as usize], false);
                }
                Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
        changed
    }
    // Carries begin as fixed, and only ever cease to be.
    let mut fixed = vec![true; program.vars.len()];
    block(&program.body, &mut fixed);
    fixed
}

/// How what is computed of a variable goes into the objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    None,
    Linear,
    Other,
}

/// Which variables the objective is linear in, and nothing else depends on.
fn linear(program: &Program, whole: Axis, result: &str) -> Vec<bool> {
    let mut uses = vec![Use::None; program.vars.len()];
    for output in &program.results {
        let own = if output.name == result { Use::Linear } else { Use::Other };
        uses[output.var.0 as usize] = uses[output.var.0 as usize].max(own);
    }
    let summed = summed(program, whole);
    walk_back(&program.body, &summed, &mut uses);
    uses.iter().map(|found| *found == Use::Linear).collect()
}

/// What depends on a sum over the rows.
fn summed(program: &Program, whole: Axis) -> Vec<bool> {
    fn block(stmts: &[Stmt], whole: Axis, summed: &mut [bool]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(Let { var, op, .. }) => {
                    let sums = matches!(op, Op::Reduce(_, axis, _) if *axis == whole);
                    summed[var.0 as usize] = sums || op.operands().iter().any(|v| summed[v.0 as usize]);
                }
                // Inside a recurrence, and after it, everything may.
                Stmt::Scan(scan) => {
                    scan.carries.iter().for_each(|carry| summed[carry.var.0 as usize] = true);
                    block(&scan.body, whole, summed);
                }
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
    let mut found = vec![false; program.vars.len()];
    block(&program.body, whole, &mut found);
    found
}

fn walk_back(stmts: &[Stmt], summed: &[bool], uses: &mut [Use]) {
    let note = |var: &Var, found: Use, uses: &mut [Use]| {
        uses[var.0 as usize] = uses[var.0 as usize].max(found);
    };
    for stmt in stmts.iter().rev() {
        match stmt {
            Stmt::Let(stmt) => {
                let own = uses[stmt.var.0 as usize];
                stmt.guard.iter().for_each(|guard| note(guard, Use::Other, uses));
                let operands = stmt.op.operands();
                for (at, var) in operands.iter().enumerate() {
                    let is = own == Use::Linear && is_linear(&stmt.op, at, &operands, summed);
                    let found = if own == Use::None {
                        Use::None
                    } else if is {
                        Use::Linear
                    } else {
                        Use::Other
                    };
                    note(var, found, uses);
                }
            }
            Stmt::Scan(scan) => {
                for carry in &scan.carries {
                    note(&carry.init, Use::Other, uses);
                    note(&carry.next, Use::Other, uses);
                }
                walk_back(&scan.body, summed, uses);
            }
            Stmt::Sample(sample) => {
                let site = &sample.site;
                let settings = site.strategy.iter().flat_map(|strategy| strategy.values());
                let all = site.args.iter().map(|arg| arg.var).chain(sample.guard).chain(settings);
                all.for_each(|var| note(&var, Use::Other, uses));
            }
            Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
}

/// Whether an operation is linear in an operand, the others being constant.
fn is_linear(op: &Op, at: usize, operands: &[Var], summed: &[bool]) -> bool {
    let constant = |at: usize| !summed[operands[at].0 as usize];
    match op {
        Op::Prim(Prim::Add | Prim::Sub | Prim::Neg, _) => true,
        Op::Prim(Prim::Mul, _) => constant(1 - at),
        Op::Prim(Prim::Div, _) => at == 0 && constant(1),
        Op::Prim(Prim::Select, _) => at > 0 && constant(0),
        Op::Reduce(Monoid::Sum, ..) | Op::Rename(..) | Op::CumSum { .. } => true,
        Op::Detach(_) | Op::Tangent(_) | Op::Stack { .. } | Op::Concat { .. } => true,
        Op::Gather { .. } => at == 0 && constant(1),
        _ => false,
    }
}

struct Subsample<'p> {
    program: &'p Program,
    whole: Axis,
    part: Axis,
    /// The rows at the positions of `part`.
    index: Var,
    /// N/B
    scale: Var,
    fixed: Vec<bool>,
    linear: Vec<bool>,
    /// Where variables went: whole, and over the rows taken. Those without rows are in both; those that are not made
    /// of data have no whole.
    full: HashMap<Var, Var>,
    rows: HashMap<Var, Var>,
}

impl Subsample<'_> {
    fn has(&self, var: Var) -> bool {
        self.program.vars[var.0 as usize].ty.axes.contains(self.whole)
    }

    fn is_fixed(&self, var: Var) -> bool {
        self.fixed[var.0 as usize]
    }

    /// A variable over the rows taken.
    fn of_rows(&self, var: Var) -> Var {
        match self.rows.get(&var) {
            Some(new) => *new,
            None => unreachable!("%{} is used before it is bound", var.0),
        }
    }

    /// A variable with all rows; it is made of data.
    fn of_all(&self, var: Var) -> Var {
        match self.full.get(&var) {
            Some(new) => *new,
            None => unreachable!("%{} is used before it is bound", var.0),
        }
    }

    fn axis(&self, axis: Axis) -> Axis {
        if axis == self.whole { self.part } else { axis }
    }

    fn renamed(&self, dims: &[Axis]) -> Vec<Axis> {
        dims.iter().map(|axis| self.axis(*axis)).collect()
    }

    fn renamed_set(&self, axes: &AxisSet) -> AxisSet {
        axes.iter().map(|axis| self.axis(axis)).collect()
    }

    /// Says where a variable went.
    fn set(&mut self, b: &mut Builder, old: Var, full: Option<Var>, rows: Var) {
        let info = &self.program.vars[old.0 as usize];
        for new in full.into_iter().chain([rows]) {
            if let Some(name) = info.name.as_ref().filter(|_| b.constant(new).is_none()) {
                b.name(new, name);
            }
            b.rule(new, info.rule.as_ref());
        }
        if let Some(full) = full {
            self.full.insert(old, full);
        }
        self.rows.insert(old, rows);
    }

    fn block(&mut self, b: &mut Builder, stmts: &[Stmt]) -> Result<()> {
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) => self.bind(b, stmt)?,
                Stmt::Scan(scan) => self.scan(b, scan)?,
                Stmt::Sample(sample) => self.sample(b, sample)?,
                Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {
                    unreachable!("an objective program has neither observations nor factors")
                }
            }
        }
        Ok(())
    }

    fn bind(&mut self, b: &mut Builder, stmt: &Let) -> Result<()> {
        let info = &self.program.vars[stmt.var.0 as usize];
        b.at(info.span);
        let outer = b.guard();
        let full = self.is_fixed(stmt.var).then(|| {
            // A condition only keeps derivatives out, of which data has none.
            let guard = stmt.guard.filter(|guard| self.is_fixed(*guard)).map(|guard| self.of_all(guard));
            b.set_guard(guard);
            b.again(stmt.op.map(&mut |var| self.of_all(var)), info.ty.elem)
        });
        let rows = match full {
            Some(full) if !self.has(stmt.var) => full,
            _ => {
                let guard = stmt.guard.map(|guard| self.of_rows(guard));
                b.set_guard(guard.filter(|guard| b.constant(*guard) != Some(Const::Bool(true))));
                self.over_rows(b, stmt.var, &stmt.op, full)?
            }
        };
        b.set_guard(outer);
        self.set(b, stmt.var, full, rows);
        Ok(())
    }

    /// An operation over the rows taken.
    fn over_rows(&mut self, b: &mut Builder, var: Var, op: &Op, full: Option<Var>) -> Result<Var> {
        let (whole, part) = (self.whole, self.part);
        let elem = self.program.vars[var.0 as usize].ty.elem;
        match op {
            Op::Iota(axis) if *axis == whole => return Ok(self.index),
            Op::Input(input) if input.kind == InputKind::Data => {}
            Op::Reduce(Monoid::Sum, axis, x) if *axis == whole => {
                if !self.linear[var.0 as usize] {
                    return Err(Refused::Nonlinear(self.program.vars[var.0 as usize].span));
                }
                let sum = b.reduce(Monoid::Sum, part, self.of_rows(*x));
                return Ok(b.mul(self.scale, sum));
            }
            Op::Gather { x, axis, index } if *axis == whole && self.is_fixed(*x) => {
                return Ok(b.gather(self.of_all(*x), whole, self.of_rows(*index)));
            }
            // Rows of another axis of the same range: those at the positions taken.
            Op::Rename(pairs, x) if pairs.iter().any(|(_, to)| *to == whole) && !moves(pairs, whole) => {
                let from = pairs.iter().find(|(_, to)| *to == whole).map_or(whole, |(from, _)| *from);
                let lower = b.axes.info(from).lower.minus(&b.axes.info(whole).lower);
                let lower = b.dim(&lower);
                let index = b.prim(Prim::Add, &[self.index, lower]);
                let read = b.gather(self.of_rows(*x), from, index);
                let others: Vec<_> = pairs.iter().copied().filter(|(_, to)| *to != whole).collect();
                return Ok(b.rename(&others, read));
            }
            _ if !acts_along(op, whole) => {
                let op = op.map_axes(&|axis| self.axis(axis)).map(&mut |var| self.of_rows(var));
                return Ok(b.again(op, elem));
            }
            _ => {}
        }
        match full {
            Some(full) => Ok(b.gather(full, whole, self.index)),
            None => {
                let rows = op.operands().into_iter().find(|x| self.has(*x) && !self.is_fixed(*x));
                let span = self.program.vars[var.0 as usize].span;
                Err(self.outside(rows.unwrap_or(var), span))
            }
        }
    }

    fn scan(&mut self, b: &mut Builder, scan: &Scan) -> Result<()> {
        let mut bound = Vec::new();
        crate::visit::bound(&scan.body, &mut |var| bound.push(var));
        bound.extend(scan.carries.iter().map(|carry| carry.var));
        if scan.axis == self.whole {
            if let Some(var) = bound.iter().find(|var| !self.is_fixed(**var)) {
                let message = format!("a recurrence over `{}` cannot be taken in parts", self.name());
                let span = self.program.vars[var.0 as usize].span;
                return Err(refused(message, span, "its steps depend on each other"));
            }
            self.whole_scan(b, scan, &bound);
            return Ok(());
        }
        let target = |this: &Self, var: Var, as_whole: bool| {
            if as_whole { this.of_all(var) } else { this.of_rows(var) }
        };
        let inits: Vec<(Var, AxisSet)> = scan
            .carries
            .iter()
            .map(|carry| {
                let whole = self.is_fixed(carry.var);
                let axes = &self.program.vars[carry.var.0 as usize].ty.axes;
                let axes = if whole { axes.clone() } else { self.renamed_set(axes) };
                (target(self, carry.init, whole), axes)
            })
            .collect();
        let vars = b.begin_scan(scan.axis, scan.reverse, &inits);
        for (carry, new) in scan.carries.iter().zip(vars) {
            let full = self.is_fixed(carry.var).then_some(new);
            let rows = if full.is_some() && self.has(carry.var) {
                b.gather(new, self.whole, self.index)
            } else {
                new
            };
            self.set(b, carry.var, full, rows);
        }
        self.block(b, &scan.body)?;
        let nexts: Vec<Var> =
            scan.carries.iter().map(|carry| target(self, carry.next, self.is_fixed(carry.var))).collect();
        b.end_scan(&nexts);
        Ok(())
    }

    /// A recurrence of data along the rows: as it is, its values read afterwards.
    fn whole_scan(&mut self, b: &mut Builder, scan: &Scan, bound: &[Var]) {
        let mut copy = super::reemit::Reemit::new(self.program);
        for (old, new) in &self.full {
            copy.set(b, *old, *new);
        }
        copy.stmt(b, &Stmt::Scan(scan.clone()));
        for var in bound {
            let full = copy.get(*var);
            let rows = if self.has(*var) { b.gather(full, self.whole, self.index) } else { full };
            self.set(b, *var, Some(full), rows);
        }
    }

    fn sample(&mut self, b: &mut Builder, sample: &Sample) -> Result<()> {
        let site = &sample.site;
        b.at(site.span);
        let event = &site.dims[site.dims.len() - site.event..];
        if event.contains(&self.whole) {
            return Err(self.outside(sample.var, site.span));
        }
        let mut args = Vec::new();
        for arg in &site.args {
            let var = match (arg.dims.contains(&self.whole), self.is_fixed(arg.var)) {
                (false, _) => self.of_rows(arg.var),
                (true, true) => self.of_all(arg.var),
                (true, false) => return Err(self.outside(arg.var, site.span)),
            };
            args.push(Array { var, dims: arg.dims.clone() });
        }
        let mut strategy = site.strategy.clone();
        strategy.iter_mut().for_each(|strategy| strategy.map(&mut |var| self.of_rows(var)));
        let (dims, key) = (self.renamed(&site.dims), self.renamed_set(&site.key));
        let site = Site { args, dims, key, strategy, ..(**site).clone() };
        let guard = sample.guard.map(|guard| self.of_rows(guard));
        let ty = &self.program.vars[sample.var.0 as usize].ty;
        let var = b.fresh(Ty { elem: ty.elem, axes: self.renamed_set(&ty.axes) });
        b.push(Stmt::Sample(Sample { var, site: site.into(), guard }));
        self.set(b, sample.var, None, var);
        Ok(())
    }

    fn name(&self) -> &str {
        &self.program.axes.info(self.whole).name
    }

    fn outside(&self, var: Var, span: Span) -> Refused {
        let axis = self.name();
        let message = match &self.program.vars[var.0 as usize].name {
            Some(name) => format!("`{name}` is used outside its row"),
            None => format!("a value of each row of `{axis}` is used outside its row"),
        };
        refused(message, span, &format!("this takes other rows of `{axis}`, or all of them"))
    }
}

/// What is refused because a step has some rows only.
fn refused(message: String, span: Span, label: &str) -> Refused {
    Refused::Outside(Box::new(Diagnostic::error(Code("E0612"), message).at(span, label).help(ROWS_APART)))
}

/// What rows may use.
pub const ROWS_APART: &str =
    "a minibatch has some rows only: each may use what is its own, what has no rows, and data of any row";

/// Whether the axis is moved elsewhere.
fn moves(pairs: &[(Axis, Axis)], axis: Axis) -> bool {
    pairs.iter().any(|(from, _)| *from == axis)
}

/// Whether an operation takes entries along the axis together, or makes the axis.
fn acts_along(op: &Op, axis: Axis) -> bool {
    match op {
        Op::Const(_) | Op::Prim(..) | Op::Detach(_) | Op::Tangent(_) => false,
        Op::Input(_) | Op::Draw(_) => false,
        Op::Iota(along)
        | Op::Reduce(_, along, _)
        | Op::Gather { axis: along, .. }
        | Op::CumSum { axis: along, .. }
        | Op::Stack { axis: along, .. } => *along == axis,
        Op::Rename(pairs, _) => pairs.iter().any(|(from, to)| *from == axis || *to == axis),
        Op::Scatter { axis: along, over, .. } => *along == axis || over.contains(axis),
        Op::Concat { axis: along, parts } => *along == axis || parts.iter().any(|(part, _)| *part == axis),
        Op::Cholesky { row, col, .. } | Op::TriSolve { row, col, .. } => *row == axis || *col == axis,
    }
}
