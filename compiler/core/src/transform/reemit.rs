//! Re-emission of statements through a [`Builder`]: the part that passes share.

use crate::axis::AxisSet;
use crate::build::Builder;
use crate::ir::{Array, Const, Output, Program, Report, Sample, Scan, Site, Stmt, Var, VarInfo};
use std::collections::HashMap;
use std::rc::Rc;

/// Where the variables of a program went in the program under construction.
pub struct Reemit<'a> {
    vars: &'a [VarInfo],
    new: HashMap<Var, Var>,
    /// Axes that copied carries get besides their own, because a value substituted for an input has them.
    widen: AxisSet,
}

impl<'a> Reemit<'a> {
    /// Nothing copied yet.
    pub fn new(program: &'a Program) -> Self {
        Reemit { vars: &program.vars, new: HashMap::new(), widen: AxisSet::new() }
    }

    /// Gives copied carries these axes too.
    pub fn widened(self, widen: AxisSet) -> Self {
        Reemit { widen, ..self }
    }

    /// The new variable.
    pub fn get(&self, old: Var) -> Var {
        match self.new.get(&old) {
            Some(new) => *new,
            None => unreachable!("%{} is used before it is bound", old.0),
        }
    }

    /// The new variable, if the old one has been copied.
    pub fn known(&self, old: Var) -> Option<Var> {
        self.new.get(&old).copied()
    }

    /// Says where a variable went; passes the user's name on.
    pub fn set(&mut self, b: &mut Builder, old: Var, new: Var) {
        if let Some(name) = &self.vars[old.0 as usize].name
            && b.constant(new).is_none()
        {
            b.name(new, name);
        }
        b.rule(new, self.vars[old.0 as usize].rule.as_ref());
        self.new.insert(old, new);
    }

    /// What is known of an old variable.
    pub fn info(&self, old: Var) -> &'a VarInfo {
        &self.vars[old.0 as usize]
    }

    /// The new guard; none where it always holds.
    pub fn guard(&self, b: &Builder, guard: Option<Var>) -> Option<Var> {
        guard.map(|var| self.get(var)).filter(|var| b.constant(*var) != Some(Const::Bool(true)))
    }

    /// Copies statements that nothing happens to.
    pub fn stmts(&mut self, b: &mut Builder, stmts: &[Stmt]) {
        stmts.iter().for_each(|stmt| self.stmt(b, stmt));
    }

    /// Copies one statement.
    pub fn stmt(&mut self, b: &mut Builder, stmt: &Stmt) {
        match stmt {
            Stmt::Let(stmt) => {
                let info = self.info(stmt.var);
                b.at(info.span);
                let guard = self.guard(b, stmt.guard);
                let outer = b.set_guard(guard);
                let op = stmt.op.map(&mut |var| self.get(var));
                let new = b.again(op, info.ty.elem);
                b.set_guard(outer);
                self.set(b, stmt.var, new);
            }
            Stmt::Scan(scan) => self.scan(b, scan),
            Stmt::Sample(sample) => {
                let sample = self.sample(b, sample);
                b.push(Stmt::Sample(sample));
            }
            Stmt::Observe(sample) => {
                let observed = Sample {
                    var: self.get(sample.var),
                    site: self.site(&sample.site),
                    guard: self.guard(b, sample.guard),
                };
                b.push(Stmt::Observe(observed));
            }
            Stmt::Factor { value, guard, span } => {
                let stmt =
                    Stmt::Factor { value: self.get(*value), guard: self.guard(b, *guard), span: *span };
                b.push(stmt);
            }
            Stmt::Report(report) => {
                let (output, guard) = (self.output(&report.output), self.guard(b, report.guard));
                b.push(Stmt::Report(Report { output, guard }));
            }
        }
    }

    fn scan(&mut self, b: &mut Builder, scan: &Scan) {
        let inits: Vec<(Var, AxisSet)> = scan
            .carries
            .iter()
            .map(|carry| (self.get(carry.init), self.info(carry.var).ty.axes.union(&self.widen)))
            .collect();
        let carries = b.begin_scan(scan.axis, scan.reverse, &inits);
        for (carry, new) in scan.carries.iter().zip(carries) {
            self.set(b, carry.var, new);
        }
        self.stmts(b, &scan.body);
        let nexts: Vec<Var> = scan.carries.iter().map(|carry| self.get(carry.next)).collect();
        b.end_scan(&nexts);
    }

    fn sample(&mut self, b: &mut Builder, sample: &Sample) -> Sample {
        let info = self.info(sample.var);
        b.at(info.span);
        let (site, guard) = (self.site(&sample.site), self.guard(b, sample.guard));
        let var = b.fresh(info.ty.clone());
        self.set(b, sample.var, var);
        Sample { var, site, guard }
    }

    fn site(&self, site: &Site) -> Rc<Site> {
        let mut new = site.clone();
        new.args =
            site.args.iter().map(|arg| Array { var: self.get(arg.var), dims: arg.dims.clone() }).collect();
        if let Some(strategy) = &mut new.strategy {
            strategy.map(&mut |value| self.get(value));
        }
        Rc::new(new)
    }

    /// The result, of the new variable.
    pub fn output(&self, output: &Output) -> Output {
        Output { name: output.name.clone(), var: self.get(output.var), dims: output.dims.clone() }
    }

    /// All results.
    pub fn outputs(&self, outputs: &[Output]) -> Vec<Output> {
        outputs.iter().map(|output| self.output(output)).collect()
    }
}
