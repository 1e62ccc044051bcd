//! Constraints on values: which hold in every run, and what the others depend on.
//!
//! `require c x` is x where c holds and NaN elsewhere: a density outside the range of its parameters is not a
//! number, so a run that leaves the range stops. Conditions are made of detached values and touch no derivative.
//!
//! * Before: a program with a `require` for every argument of a declared range.
//! * After [`prove`]: without those that interval analysis proves, so that they cost nothing.
//! * [`requirements`] lists the others; those of data alone can be settled before the first step, and
//!   [`assume`] drops them.

use super::adev::range::{Range, decided, ranges_given};
use super::flow;
use super::reemit::Reemit;
use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::generative::Constraint;
use crate::ir::{Const, Elem, InputKind, Let, Monoid, Op, Output, Program, Rule, Stmt, Ty, Var, VarInfo};
use crate::prim::Prim;
use std::collections::HashSet;
use std::rc::Rc;
use vary_diagnostic::Span;

/// How far the sum of a simplex may be from one.
pub const SLACK: f64 = 1e-6;

/// A constraint that a program checks.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The result of `require`.
    pub var: Var,
    /// Its condition.
    pub holds: Var,
    /// The value constrained.
    pub value: Var,
    /// Where it counts.
    pub guard: Option<Var>,
    /// In words.
    pub rule: Rc<Rule>,
    /// The place.
    pub span: Span,
    /// What it depends on.
    pub source: Source,
}

/// What a value depends on, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The text of the program.
    Program,
    /// Data.
    Data,
    /// Parameters or randomness.
    Run,
}

/// The constraints that a program checks, in order.
pub fn requirements(program: &Program) -> Vec<Requirement> {
    let mut walk = Walk { program, sources: vec![Source::Program; program.vars.len()], found: Vec::new() };
    walk.block(&program.body);
    walk.found
}

struct Walk<'a> {
    program: &'a Program,
    sources: Vec<Source>,
    found: Vec<Requirement>,
}

impl Walk<'_> {
    fn block(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(binding) => self.binding(binding),
                Stmt::Scan(scan) => {
                    for carry in &scan.carries {
                        self.sources[carry.var.0 as usize] = Source::Run;
                    }
                    self.block(&scan.body);
                }
                Stmt::Sample(sample) => self.sources[sample.var.0 as usize] = Source::Run,
                Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }

    fn binding(&mut self, binding: &Let) {
        let own = match &binding.op {
            Op::Input(input) if input.kind == InputKind::Data => Source::Data,
            Op::Input(_) | Op::Draw(_) => Source::Run,
            _ => Source::Program,
        };
        let source = binding.uses().map(|var| self.sources[var.0 as usize]).fold(own, Source::max);
        self.sources[binding.var.0 as usize] = source;
        let info = &self.program.vars[binding.var.0 as usize];
        if let (Op::Prim(Prim::Require, args), Some(rule)) = (&binding.op, &info.rule) {
            self.found.push(Requirement {
                var: binding.var,
                holds: args[0],
                value: args[1],
                guard: binding.guard,
                rule: rule.clone(),
                span: info.span,
                source: if rule.of_data { source.max(Source::Data) } else { source },
            });
        }
    }
}

/// Only these constraints: the pure statements that compute their conditions and values.
pub fn conditions(program: &Program, results: Vec<Output>) -> Program {
    fn drop_sites(stmts: &mut Vec<Stmt>) {
        stmts.retain_mut(|stmt| match stmt {
            Stmt::Let(_) => true,
            Stmt::Scan(scan) => {
                drop_sites(&mut scan.body);
                true
            }
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => false,
        });
    }
    let mut checks = Program { results, ..program.clone() };
    drop_sites(&mut checks.body);
    flow::prune(&mut checks);
    checks
}

/// The program without the constraints that hold in every run, where data lies as declared.
pub fn prove(program: Program, data: &dyn Fn(&str) -> Option<Constraint>) -> Program {
    let required = requirements(&program);
    if required.is_empty() {
        return program;
    }
    let definitions = program.definitions();
    let proof = Proof { ranges: ranges_given(&program, data), definitions: &definitions, data };
    let proven: HashSet<Var> = required.iter().filter(|r| proof.holds(r.holds)).map(|r| r.var).collect();
    assume(program, &proven)
}

/// The program without these constraints, named by their results.
pub fn assume(mut program: Program, holding: &HashSet<Var>) -> Program {
    if holding.is_empty() {
        return program;
    }
    let always = Var(program.vars.len() as u32);
    let ty = Ty { elem: Elem::Bool, axes: AxisSet::new() };
    program.vars.push(VarInfo { ty, name: None, span: Span::default(), rule: None });
    grant(&mut program.body, holding, always);
    program.body.insert(0, Stmt::Let(Let { var: always, op: Op::Const(Const::Bool(true)), guard: None }));
    let mut b = Builder::new(program.axes.clone());
    let mut copy = Reemit::new(&program);
    copy.stmts(&mut b, &program.body);
    let results = copy.outputs(&program.results);
    let mut granted = b.finish(results);
    flow::prune(&mut granted);
    granted
}

fn grant(stmts: &mut [Stmt], holding: &HashSet<Var>, always: Var) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(Let { var, op: Op::Prim(Prim::Require, args), .. }) if holding.contains(var) => {
                args[0] = always;
            }
            Stmt::Scan(scan) => grant(&mut scan.body, holding, always),
            _ => {}
        }
    }
}

struct Proof<'a> {
    ranges: Vec<Range>,
    definitions: &'a [Option<&'a Op>],
    data: &'a dyn Fn(&str) -> Option<Constraint>,
}

impl<'a> Proof<'a> {
    fn definition(&self, var: Var) -> Option<&'a Op> {
        self.definitions[var.0 as usize]
    }

    fn range(&self, var: Var) -> Range {
        self.ranges[var.0 as usize]
    }

    /// Whether a condition is true in every run.
    fn holds(&self, condition: Var) -> bool {
        match self.definition(condition) {
            Some(Op::Const(Const::Bool(value))) => *value,
            Some(Op::Prim(Prim::And, args)) => args.iter().all(|arg| self.holds(*arg)),
            Some(Op::Reduce(Monoid::Min, _, x)) => self.holds(*x),
            Some(Op::Prim(prim @ (Prim::Lt | Prim::Le), args)) => {
                decided(*prim, self.range(args[0]), self.range(args[1])) == Some(true)
                    || self.sum_near_one(args[0])
                    || self.next_of_increasing(args[0], args[1])
            }
            Some(Op::Prim(Prim::Or, args)) => args.iter().any(|arg| self.holds(*arg)),
            _ => false,
        }
    }

    /// `|Σ x − 1|` of a normalised x.
    fn sum_near_one(&self, distance: Var) -> bool {
        let Some(Op::Prim(Prim::Abs, args)) = self.definition(distance) else { return false };
        let Some(Op::Prim(Prim::Sub, args)) = self.definition(args[0]) else { return false };
        let Some(Op::Reduce(Monoid::Sum, axis, x)) = self.definition(args[0]) else { return false };
        matches!(self.definition(args[1]), Some(Op::Const(Const::Real(1.0)))) && self.normalised(*x, *axis)
    }

    /// Whether `after` is x one entry further along an axis on which x increases.
    fn next_of_increasing(&self, x: Var, after: Var) -> bool {
        matches!(self.definition(after), Some(Op::Gather { x: moved, axis, .. }) if *moved == x && self.increasing(x, *axis))
    }

    /// Whether x increases along an axis by how it is made: an ordered parameter or ordered data.
    fn increasing(&self, x: Var, axis: Axis) -> bool {
        match self.definition(x) {
            Some(Op::Detach(x)) => self.increasing(*x, axis),
            Some(Op::Prim(Prim::Require, args)) => self.increasing(args[1], axis),
            Some(Op::Rename(pairs, x)) => {
                let from = pairs.iter().find(|(_, to)| *to == axis).map_or(axis, |(from, _)| *from);
                self.increasing(*x, from)
            }
            Some(Op::Gather { x, axis: other, .. }) if *other != axis => self.increasing(*x, axis),
            Some(Op::CumSum { x, axis: along, reverse: false, exclusive: false }) if *along == axis => {
                let Some(Op::Prim(Prim::Select, args)) = self.definition(*x) else { return false };
                let Some(Op::Prim(Prim::Eq, at)) = self.definition(args[0]) else { return false };
                matches!(self.definition(at[0]), Some(Op::Iota(first)) if *first == axis)
                    && matches!(self.definition(at[1]), Some(Op::Const(Const::Int(0))))
                    && self.range(args[2]).is_positive()
            }
            Some(Op::Input(input)) if input.kind == InputKind::Data => {
                (self.data)(&input.name) == Some(Constraint::Ordered) && input.dims.last() == Some(&axis)
            }
            _ => false,
        }
    }

    /// Whether x sums to one along an axis by how it is made: a quotient by its sum, a softmax, simplex data.
    fn normalised(&self, x: Var, axis: Axis) -> bool {
        match self.definition(x) {
            Some(Op::Detach(x)) => self.normalised(*x, axis),
            Some(Op::Prim(Prim::Require, args)) => self.normalised(args[1], axis),
            Some(Op::Rename(pairs, x)) => {
                let from = pairs.iter().find(|(_, to)| *to == axis).map_or(axis, |(from, _)| *from);
                self.normalised(*x, from)
            }
            Some(Op::Gather { x, axis: other, .. }) if *other != axis => self.normalised(*x, axis),
            Some(Op::Prim(Prim::Div, args)) => {
                matches!(self.definition(args[1]), Some(Op::Reduce(Monoid::Sum, over, w)) if *over == axis && *w == args[0])
            }
            Some(Op::Prim(Prim::Exp, args)) => match self.definition(args[0]) {
                Some(Op::Prim(Prim::Sub, args)) => self.log_sum_exp(args[1], args[0], axis),
                _ => false,
            },
            Some(Op::Input(input)) if input.kind == InputKind::Data => {
                (self.data)(&input.name) == Some(Constraint::Simplex) && input.dims.last() == Some(&axis)
            }
            _ => false,
        }
    }

    /// Whether `total` is log Σ exp x, as the builder emits it: shifted by the largest entry.
    fn log_sum_exp(&self, total: Var, x: Var, axis: Axis) -> bool {
        let Some(Op::Prim(Prim::Add, parts)) = self.definition(total) else { return false };
        [(parts[0], parts[1]), (parts[1], parts[0])].iter().any(|(shift, log)| {
            let Some(Op::Prim(Prim::Log, sum)) = self.definition(*log) else { return false };
            let Some(Op::Reduce(Monoid::Sum, over, terms)) = self.definition(sum[0]) else { return false };
            let Some(Op::Prim(Prim::Exp, shifted)) = self.definition(*terms) else { return false };
            let difference = self.definition(shifted[0]);
            *over == axis
                && matches!(difference, Some(Op::Prim(Prim::Sub, args)) if args[0] == x && args[1] == *shift)
        })
    }
}
