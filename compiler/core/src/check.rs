//! The judge of programs: scope, types, the rules of scan bodies, and what each level allows.
//!
//! The rules are those of [`crate::ir`], stated again here without use of the builder, so that each
//! finds the other's mistakes. Every pass's output is judged in tests and in debug builds.

mod linear;
#[cfg(test)]
mod tests;
mod types;

use crate::axis::{Axis, AxisSet};
use crate::ir::{Elem, InputKind, Let, Op, Output, Program, Sample, Scan, Stmt, Var};
use std::collections::HashSet;
use std::fmt;

/// What a program may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Sites, observations, factors, reports; no random primitives.
    Generative,
    /// Sites; no observations, factors or reports.
    Objective,
    /// No sites: after `adev`, and after every derivative.
    Random,
    /// As `Random`; the statements from `split` on are linear in the tangent inputs, the others do
    /// not depend on them.
    Linear {
        /// Where the linear statements begin.
        split: usize,
    },
}

/// What is wrong with a program, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckError {
    /// The variable bound where it is wrong, as printed, with the user's name.
    pub at: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What may be wrong. Variables and axes are given as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A variable outside the table.
    Unknown,
    /// Bound a second time.
    BoundTwice,
    /// Refers to a variable not bound before.
    Unbound(String),
    /// The type recorded is not the type of the operation.
    Type {
        /// As recorded.
        recorded: String,
        /// As the rules have it.
        derived: String,
    },
    /// The operation does not take operands of these element types.
    Elements(Vec<Elem>),
    /// An operand lacks an axis that is acted on.
    MissingAxis(String),
    /// An operand has an axis that the result is to get.
    ExtraAxis(String),
    /// An axis is listed twice.
    RepeatedAxis(String),
    /// Two axes, or an axis and its parts, differ in size.
    Sizes(String, String),
    /// An operand count does not fit.
    Arity {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A guard is not a bool.
    Guard,
    /// The body of a scan acts along the scan's axis on a value of its own.
    OwnAxis(String),
    /// A scan stands in a scan along the same axis.
    NestedScan(String),
    /// A carry's parts do not fit its type.
    Carry(String),
    /// An axis whose role keeps it out of random keys is in one.
    Key(String),
    /// Two results have this name.
    RepeatedResult(String),
    /// A statement or operation that the level does not have.
    Level,
    /// Not linear in the tangent inputs.
    NotLinear,
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        match &self.problem {
            Problem::Unknown => write!(f, "not a variable of the program"),
            Problem::BoundTwice => write!(f, "bound twice"),
            Problem::Unbound(var) => write!(f, "uses {var}, which is not bound before"),
            Problem::Type { recorded, derived } => write!(f, "recorded as {recorded}, but is {derived}"),
            Problem::Elements(elems) => write!(f, "does not take {elems:?}"),
            Problem::MissingAxis(axis) => write!(f, "acts along `{axis}`, which an operand lacks"),
            Problem::ExtraAxis(axis) => write!(f, "an operand has the axis `{axis}` already"),
            Problem::RepeatedAxis(axis) => write!(f, "the axis `{axis}` is listed twice"),
            Problem::Sizes(one, other) => write!(f, "`{one}` and `{other}` differ in size"),
            Problem::Arity { expected, found } => write!(f, "takes {expected} operands, not {found}"),
            Problem::Guard => write!(f, "the guard is not a bool"),
            Problem::OwnAxis(axis) => write!(f, "acts along `{axis}` in the body of its scan"),
            Problem::NestedScan(axis) => write!(f, "scans `{axis}` in a scan along it"),
            Problem::Carry(var) => write!(f, "{var} does not fit the type of the carry"),
            Problem::Key(axis) => write!(f, "`{axis}` may not be in a random key"),
            Problem::RepeatedResult(name) => write!(f, "two results are called `{name}`"),
            Problem::Level => write!(f, "does not belong into a program of this level"),
            Problem::NotLinear => write!(f, "is not linear in the tangent inputs"),
        }
    }
}

impl std::error::Error for CheckError {}

/// Whether the program is well-formed and of the level.
pub fn check(program: &Program, level: Level) -> Result<(), CheckError> {
    let mut judge =
        Judge { program, level, bound: vec![false; program.vars.len()], open: Vec::new(), at: None };
    judge.stmts(&program.body)?;
    judge.results(&program.results)?;
    match level {
        Level::Linear { split } => linear::check(program, split),
        Level::Generative | Level::Objective | Level::Random => Ok(()),
    }
}

/// In debug builds, stops at a pass that breaks the rules.
pub(crate) fn debug_check(pass: &str, program: &Program, level: Level) {
    if cfg!(debug_assertions)
        && let Err(error) = check(program, level)
    {
        unreachable!("{pass} made an ill-formed program: {error}\n{program}");
    }
}

struct Judge<'a> {
    program: &'a Program,
    level: Level,
    /// Which variables are bound so far.
    bound: Vec<bool>,
    /// The open scans: axis, and what their bodies have bound.
    open: Vec<(Axis, HashSet<Var>)>,
    /// The variable whose statement is judged.
    at: Option<Var>,
}

type Judgement = Result<(), CheckError>;

impl Judge<'_> {
    fn error(&self, problem: Problem) -> CheckError {
        let at = self.at.map_or("program".to_string(), |var| show(self.program, var));
        CheckError { at, problem }
    }

    fn require(&self, holds: bool, problem: impl FnOnce() -> Problem) -> Judgement {
        if holds { Ok(()) } else { Err(self.error(problem())) }
    }

    fn axis(&self, axis: Axis) -> String {
        self.program.axes.info(axis).name.clone()
    }

    fn axes(&self, var: Var) -> &AxisSet {
        &self.program.vars[var.0 as usize].ty.axes
    }

    fn elem(&self, var: Var) -> Elem {
        self.program.vars[var.0 as usize].ty.elem
    }

    fn used(&self, var: Var) -> Judgement {
        let bound = self.bound.get(var.0 as usize).copied().unwrap_or(false);
        self.require(bound, || Problem::Unbound(var.to_string()))
    }

    fn bind(&mut self, var: Var) -> Judgement {
        self.require((var.0 as usize) < self.bound.len(), || Problem::Unknown)?;
        let twice = std::mem::replace(&mut self.bound[var.0 as usize], true);
        self.require(!twice, || Problem::BoundTwice)?;
        for (_, inside) in &mut self.open {
            inside.insert(var);
        }
        Ok(())
    }

    fn guard(&self, guard: Option<Var>) -> Judgement {
        let Some(guard) = guard else { return Ok(()) };
        self.used(guard)?;
        self.require(self.elem(guard) == Elem::Bool, || Problem::Guard)
    }

    fn distinct(&self, axes: &[Axis]) -> Judgement {
        for (at, axis) in axes.iter().enumerate() {
            self.require(!axes[..at].contains(axis), || Problem::RepeatedAxis(self.axis(*axis)))?;
        }
        Ok(())
    }

    fn stmts(&mut self, stmts: &[Stmt]) -> Judgement {
        for stmt in stmts {
            self.stmt(stmt)?;
        }
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> Judgement {
        let effects = self.level == Level::Generative;
        let sites = effects || self.level == Level::Objective;
        match stmt {
            Stmt::Let(stmt) => self.bound_to(stmt),
            Stmt::Scan(scan) => self.scan(scan),
            Stmt::Sample(sample) => {
                self.at = Some(sample.var);
                self.require(sites, || Problem::Level)?;
                self.site(sample)?;
                self.bind(sample.var)?;
                let dims: AxisSet = sample.site.dims.iter().copied().collect();
                let missing = dims.minus(self.axes(sample.var)).iter().next();
                missing.map_or(Ok(()), |axis| Err(self.error(Problem::MissingAxis(self.axis(axis)))))
            }
            Stmt::Observe(sample) => {
                self.at = Some(sample.var);
                self.require(effects, || Problem::Level)?;
                self.used(sample.var)?;
                self.site(sample)
            }
            Stmt::Factor { value, guard, .. } => {
                self.at = Some(*value);
                self.require(effects, || Problem::Level)?;
                self.used(*value)?;
                self.require(self.elem(*value) == Elem::Real, || Problem::Elements(vec![self.elem(*value)]))?;
                self.guard(*guard)
            }
            Stmt::Report(report) => {
                self.at = Some(report.output.var);
                self.require(effects, || Problem::Level)?;
                self.output(&report.output)?;
                self.guard(report.guard)
            }
        }
    }

    fn bound_to(&mut self, stmt: &Let) -> Judgement {
        self.at = Some(stmt.var);
        for operand in stmt.op.operands() {
            self.used(operand)?;
        }
        self.guard(stmt.guard)?;
        let random = matches!(stmt.op, Op::Draw(_));
        self.require(!(random && self.level == Level::Generative), || Problem::Level)?;
        self.bind(stmt.var)?;
        self.typed(stmt)?;
        self.own_axes(&stmt.op)
    }

    fn site(&self, sample: &Sample) -> Judgement {
        let site = &sample.site;
        let (expected, found) = (site.dist.params.len(), site.args.len());
        self.require(found == expected, || Problem::Arity { expected, found })?;
        for arg in &site.args {
            self.used(arg.var)?;
            self.distinct(&arg.dims)?;
        }
        self.distinct(&site.dims)?;
        self.require(site.event <= site.dims.len(), || Problem::Arity {
            expected: site.event,
            found: site.dims.len(),
        })?;
        self.key(&site.key)?;
        self.guard(sample.guard)
    }

    fn key(&self, key: &AxisSet) -> Judgement {
        use crate::axis::Role::{Alternative, Direction};
        for axis in key.iter() {
            let role = self.program.axes.info(axis).role;
            self.require(!matches!(role, Alternative | Direction), || Problem::Key(self.axis(axis)))?;
        }
        Ok(())
    }

    fn scan(&mut self, scan: &Scan) -> Judgement {
        let axis = scan.axis;
        self.at = scan.carries.first().map(|carry| carry.var);
        let nested = self.open.iter().any(|(open, _)| *open == axis);
        self.require(!nested, || Problem::NestedScan(self.axis(axis)))?;
        for carry in &scan.carries {
            self.at = Some(carry.var);
            self.used(carry.init)?;
        }
        self.open.push((axis, HashSet::new()));
        for carry in &scan.carries {
            self.at = Some(carry.var);
            self.bind(carry.var)?;
            self.require(self.axes(carry.var).contains(axis), || Problem::MissingAxis(self.axis(axis)))?;
            let fits = !self.axes(carry.init).contains(axis) && self.fits(carry.init, carry.var);
            self.require(fits, || Problem::Carry(show(self.program, carry.init)))?;
        }
        self.stmts(&scan.body)?;
        for carry in &scan.carries {
            self.at = Some(carry.var);
            self.used(carry.next)?;
            let fits = self.fits(carry.next, carry.var);
            self.require(fits, || Problem::Carry(show(self.program, carry.next)))?;
        }
        self.open.pop();
        Ok(())
    }

    /// Whether a value can stand where the carry's type is: it may be constant along some of its axes.
    fn fits(&self, value: Var, carry: Var) -> bool {
        self.elem(value) == self.elem(carry) && self.axes(value).is_subset(self.axes(carry))
    }

    /// No operation acts along the axis of an open scan on a value bound in its body.
    fn own_axes(&self, op: &Op) -> Judgement {
        for (operand, axes) in types::acted_on(op) {
            for (axis, inside) in &self.open {
                let own = axes.contains(axis) && inside.contains(&operand);
                self.require(!own, || Problem::OwnAxis(self.axis(*axis)))?;
            }
        }
        Ok(())
    }

    fn results(&mut self, results: &[Output]) -> Judgement {
        let mut names = HashSet::new();
        for result in results {
            self.at = Some(result.var);
            self.require(names.insert(&result.name), || Problem::RepeatedResult(result.name.clone()))?;
            self.output(result)?;
        }
        Ok(())
    }

    fn output(&self, output: &Output) -> Judgement {
        self.used(output.var)?;
        self.distinct(&output.dims)?;
        let dims: AxisSet = output.dims.iter().copied().collect();
        let missing = self.axes(output.var).minus(&dims).iter().next();
        missing.map_or(Ok(()), |axis| Err(self.error(Problem::MissingAxis(self.axis(axis)))))
    }

    fn input(&self, kind: InputKind, dims: &[Axis]) -> Judgement {
        let linear = matches!(kind, InputKind::Tangent | InputKind::Cotangent);
        let early = matches!(self.level, Level::Generative | Level::Objective);
        self.require(!(linear && early), || Problem::Level)?;
        self.distinct(dims)
    }
}

/// A variable as printed, with the user's name.
fn show(program: &Program, var: Var) -> String {
    match program.vars.get(var.0 as usize).and_then(|info| info.name.as_ref()) {
        Some(name) => format!("{var} ({name})"),
        None => var.to_string(),
    }
}
