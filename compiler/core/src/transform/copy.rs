//! Copying a program into a builder: inlining.
//!
//! Before: a source program whose inputs, sites, factors and reports mean nothing yet. After:
//! its pure statements re-emitted in the builder (so simplified and shared), everything else
//! given its meaning by a [`Handler`]. Values may gain axes on the way: operands with more axes
//! than in the source make the copies wider, which is how draws, particles and alternatives
//! enter. The carries of a scan get the axes that their steps turn out to have, by fixpoint.

use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::Fragment;
use crate::ir::{Array, Elem, Input, InputKind, Op, Output, Program, Sample, Scan, Stmt, Var};
use std::collections::{BTreeMap, HashMap};
use vary_diagnostic::{Diagnostic, Span};

/// What a copy may fail with.
pub type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// The meaning of what is not pure. `Clone`, since the body of a scan may be copied more than once.
pub trait Handler: Clone {
    /// The value of an input whose dims are already renamed.
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        Ok(b.input(elem, input))
    }

    /// The value of a sample site whose arguments are already copied.
    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var>;

    /// An observation of `sample.var`, which is already copied; returns the value later statements see.
    fn observe(&mut self, b: &mut Builder, sample: Sample) -> Result<Var>;

    /// A factor.
    fn factor(&mut self, b: &mut Builder, value: Var, guard: Option<Var>, span: Span) -> Result<()>;

    /// A report.
    fn report(&mut self, _name: &str, _value: Array, _guard: Option<Var>) -> Result<()> {
        Ok(())
    }
}

/// The state of a copy: where source variables and axes went.
#[derive(Debug, Clone)]
pub struct Copy<'a, H> {
    source: &'a Program,
    vars: HashMap<Var, Var>,
    axes: HashMap<Axis, Axis>,
    /// The place of every copied statement, instead of its own.
    place: Option<Span>,
    /// The handler.
    pub handler: H,
}

impl<'a, H: Handler> Copy<'a, H> {
    /// A copy of `source`, whose axes are those of the builder.
    pub fn new(source: &'a Program, handler: H) -> Self {
        Copy { source, vars: HashMap::new(), axes: HashMap::new(), place: None, handler }
    }

    /// Sends a source axis to another axis of the builder.
    pub fn send_axis(&mut self, from: Axis, to: Axis) {
        self.axes.insert(from, to);
    }

    /// Binds a source variable in advance.
    pub fn bind(&mut self, from: Var, to: Var) {
        self.vars.insert(from, to);
    }

    /// Copies the whole body.
    pub fn run(&mut self, b: &mut Builder) -> Result<()> {
        let (span, guard) = (b.span(), b.guard());
        self.block(b, &self.source.body)?;
        b.at(span);
        b.set_guard(guard);
        Ok(())
    }

    /// Where a source variable went.
    pub fn var(&self, var: Var) -> Var {
        match self.vars.get(&var) {
            Some(copied) => *copied,
            None => unreachable!("%{} is used before it is bound", var.0),
        }
    }

    /// Where a source variable went, if it has been copied.
    pub fn get(&self, var: Var) -> Option<Var> {
        self.vars.get(&var).copied()
    }

    /// Where a source axis went.
    pub fn axis(&self, axis: Axis) -> Axis {
        self.axes.get(&axis).copied().unwrap_or(axis)
    }

    /// Where an array went.
    pub fn array(&self, array: &Array) -> Array {
        Array { var: self.var(array.var), dims: array.dims.iter().map(|axis| self.axis(*axis)).collect() }
    }

    fn axis_set(&self, axes: &AxisSet) -> AxisSet {
        axes.iter().map(|axis| self.axis(axis)).collect()
    }

    fn block(&mut self, b: &mut Builder, stmts: &[Stmt]) -> Result<()> {
        let outer = b.guard();
        for stmt in stmts {
            match stmt {
                Stmt::Let(binding) => {
                    let info = &self.source.vars[binding.var.0 as usize];
                    b.at(self.place.unwrap_or(info.span));
                    let guard = self.guard(b, outer, binding.guard);
                    b.set_guard(guard);
                    let var = self.op(b, &binding.op, info.ty.elem)?;
                    b.set_guard(outer);
                    if let Some(name) = &info.name {
                        b.name(var, name);
                    }
                    b.rule(var, info.rule.as_ref());
                    self.vars.insert(binding.var, var);
                }
                Stmt::Scan(scan) => self.scan(b, scan)?,
                Stmt::Sample(sample) => {
                    let copied = self.site(b, outer, sample);
                    let var = self.handler.sample(b, copied)?;
                    b.name(var, &sample.site.address);
                    self.vars.insert(sample.var, var);
                }
                Stmt::Observe(sample) => {
                    let mut copied = self.site(b, outer, sample);
                    copied.var = self.var(sample.var);
                    let var = self.handler.observe(b, copied)?;
                    self.vars.insert(sample.var, var);
                }
                Stmt::Factor { value, guard, span } => {
                    b.at(*span);
                    let guard = self.guard(b, outer, *guard);
                    let value = self.var(*value);
                    self.handler.factor(b, value, guard, *span)?;
                }
                Stmt::Report(report) => {
                    let guard = self.guard(b, outer, report.guard);
                    let Output { name, var, dims } = &report.output;
                    let value = self.array(&Array { var: *var, dims: dims.clone() });
                    self.handler.report(name, value, guard)?;
                }
            }
        }
        Ok(())
    }

    fn guard(&self, b: &mut Builder, outer: Option<Var>, guard: Option<Var>) -> Option<Var> {
        let inner = guard.map(|guard| self.var(guard));
        let saved = b.set_guard(None);
        let both = b.and_guard(outer, inner);
        b.set_guard(saved);
        both
    }

    /// The site with copied arguments and guard; its variable is still the source's.
    fn site(&self, b: &mut Builder, outer: Option<Var>, sample: &Sample) -> Sample {
        b.at(sample.site.span);
        let mut site = (*sample.site).clone();
        site.args = site.args.iter().map(|arg| self.array(arg)).collect();
        site.dims = site.dims.iter().map(|axis| self.axis(*axis)).collect();
        site.key = self.axis_set(&site.key);
        if let Some(strategy) = &mut site.strategy {
            strategy.map(&mut |value| self.var(value));
        }
        let guard = self.guard(b, outer, sample.guard);
        Sample { var: sample.var, site: site.into(), guard }
    }

    fn scan(&mut self, b: &mut Builder, scan: &Scan) -> Result<()> {
        let axis = self.axis(scan.axis);
        let inits: Vec<Var> = scan.carries.iter().map(|carry| self.var(carry.init)).collect();
        let mut widen: Vec<AxisSet> = vec![AxisSet::new(); inits.len()];
        loop {
            let (before, saved) = (b.clone(), self.clone());
            let starts: Vec<(Var, AxisSet)> = inits.iter().copied().zip(widen.iter().cloned()).collect();
            let vars = b.begin_scan(axis, scan.reverse, &starts);
            for (carry, var) in scan.carries.iter().zip(&vars) {
                self.vars.insert(carry.var, *var);
                if let Some(name) = &self.source.vars[carry.var.0 as usize].name {
                    b.name(*var, name);
                }
            }
            self.block(b, &scan.body)?;
            let nexts: Vec<Var> = scan.carries.iter().map(|carry| self.var(carry.next)).collect();
            let grown: Vec<AxisSet> =
                nexts.iter().zip(&widen).map(|(next, w)| w.union(b.axes_of(*next))).collect();
            let settled = vars.iter().zip(&grown).all(|(var, axes)| axes.is_subset(b.axes_of(*var)));
            if settled {
                b.end_scan(&nexts);
                return Ok(());
            }
            widen = grown;
            *b = before;
            *self = saved;
        }
    }

    fn op(&mut self, b: &mut Builder, op: &Op, elem: Elem) -> Result<Var> {
        match op.map_axes(&|axis| self.axis(axis)) {
            Op::Input(input) => self.handler.input(b, elem, input),
            op => Ok(b.again(op.map(&mut |var| self.var(var)), elem)),
        }
    }
}

/// The handler of pure fragments: formals are bound and formal sizes known, nothing else may occur.
#[derive(Debug, Clone)]
struct Formals<'a> {
    values: &'a HashMap<String, Var>,
    sizes: &'a BTreeMap<String, Dim>,
}

impl Handler for Formals<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        if let Some(size) = self.sizes.get(&input.name) {
            return Ok(b.dim(size));
        }
        if input.kind != InputKind::Formal {
            return Ok(b.input(elem, input));
        }
        match self.values.get(&input.name) {
            Some(var) => Ok(*var),
            None => unreachable!("formal `{}` is not bound", input.name),
        }
    }

    fn sample(&mut self, _: &mut Builder, _: Sample) -> Result<Var> {
        unreachable!("a fragment has no sites")
    }

    fn observe(&mut self, _: &mut Builder, _: Sample) -> Result<Var> {
        unreachable!("a fragment has no observations")
    }

    fn factor(&mut self, _: &mut Builder, _: Var, _: Option<Var>, _: Span) -> Result<()> {
        unreachable!("a fragment has no factors")
    }
}

/// Emits a fragment with its formals bound: `(name, formal dims, actual)`, where the actual's dims match the
/// formal ones. Statements take the builder's present place. Returns the result as an array.
///
/// Every axis of the fragment, formal or its own, becomes an axis of the actual size, distinct from the others, from
/// the axes that the actuals have beside their dims, and from those of the scans around.
pub fn inline(b: &mut Builder, fragment: &Fragment, formals: &[(&str, &[Axis], &Array)]) -> Array {
    let program = &*fragment.0;
    let mut taken = b.scan_axes();
    let mut sizes = BTreeMap::new();
    for (_, dims, actual) in formals {
        let own: AxisSet = actual.dims.iter().copied().collect();
        taken = taken.union(&b.axes_of(actual.var).minus(&own));
        for (formal, axis) in dims.iter().zip(&actual.dims) {
            if let Some(name) = b.axes.info(*formal).size.as_name() {
                sizes.insert(name.to_string(), b.axes.info(*axis).size.clone());
            }
        }
    }
    let mut axes: HashMap<Axis, Axis> = HashMap::new();
    let actual_axes = formals.iter().flat_map(|(_, dims, actual)| dims.iter().zip(&actual.dims));
    let mentioned = program.axes_mentioned();
    for (axis, wanted) in
        actual_axes.map(|(formal, axis)| (*formal, *axis)).chain(mentioned.iter().map(|a| (a, a)))
    {
        axes.entry(axis).or_insert_with(|| {
            let info = b.axes.info(axis);
            let (lower, size) = (info.lower.substitute_all(&sizes), info.size.substitute_all(&sizes));
            let target = b.axes.free(wanted, lower, size, &taken);
            taken.insert(target);
            target
        });
    }
    let mut values = HashMap::new();
    for (name, dims, actual) in formals {
        let pairs: Vec<(Axis, Axis)> =
            actual.dims.iter().copied().zip(dims.iter().map(|a| axes[a])).collect();
        values.insert((*name).to_string(), b.rename(&pairs, actual.var));
    }
    let span = b.span();
    let mut copy = Copy::new(program, Formals { values: &values, sizes: &sizes });
    copy.axes = axes;
    // A fragment's own file is not the user's: what goes wrong in it is reported where it is used.
    copy.place = Some(span);
    if let Err(diagnostic) = copy.run(b) {
        unreachable!("fragments do not fail: {}", diagnostic.message)
    }
    b.at(span);
    let result = fragment.result();
    copy.array(&Array { var: result.var, dims: result.dims.clone() })
}
