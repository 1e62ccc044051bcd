//! What depends on a sample site, and along which of the site's rows.
//!
//! A site x has **row axes** R: every axis of its value but those one draw fills. For each
//! variable v that depends on x, and each row axis r, the analysis finds a [`Link`]: whether
//! v at index i of r reads x at i only (aligned), at steps up to i of a recurrence (causal), or
//! anywhere. A gradient strategy may treat rows separately exactly where its terms are aligned.
//!
//! Dependence is through data, control and the arguments of later samples and draws; a detached
//! value depends on what its primal depends on, and `Tangent` on what its operand depends on
//! (the alternatives of an enumerated site need the tangents of each). Two facts make it sound:
//! a v that is aligned, causal or of others on r has the axis r, and every rule only goes up the order
//! aligned < causal, others < any, so that scans settle.

use crate::axis::{Axis, AxisSet};
use crate::ir::{Array, Op, Program, Sample, Scan, Stmt, Var};
use crate::prim::Prim;
use std::collections::HashMap;

/// How a variable reads the rows of a site along one row axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Index i reads row i.
    Aligned,
    /// Index i reads rows up to i, or from i on if `reverse`.
    Causal {
        /// The recurrence runs downwards.
        reverse: bool,
    },
    /// Index i reads other rows than i; found where copies are told apart ([`Through::Copies`]).
    Others,
    /// Any index may read any row.
    Any,
}

impl Link {
    /// The least link above both.
    pub fn join(self, other: Link) -> Link {
        match (self, other) {
            (a, b) if a == b => a,
            (Link::Aligned, causal @ Link::Causal { .. }) | (causal @ Link::Causal { .. }, Link::Aligned) => {
                causal
            }
            _ => Link::Any,
        }
    }

    /// After a recurrence in this direction.
    fn carried(self, reverse: bool) -> Link {
        self.join(Link::Causal { reverse })
    }
}

/// One link per row axis, in the order of [`Dependence::rows`].
pub type Links = Vec<Link>;

/// The least links above both; an absent side does not depend.
pub fn join(a: Option<Links>, b: Option<Links>) -> Option<Links> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.iter().zip(&b).map(|(a, b)| a.join(*b)).collect()),
        (a, b) => a.or(b),
    }
}

/// The row axes of a site: all but those one draw fills.
pub fn rows(program: &Program, sample: &Sample) -> Vec<Axis> {
    let site = &sample.site;
    let event: AxisSet = site.dims[site.dims.len() - site.event..].iter().copied().collect();
    program.vars[sample.var.0 as usize].ty.axes.minus(&event).iter().collect()
}

/// Whether dependence passes through other sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// A sampled value depends on the site's arguments: objective programs.
    Samples,
    /// Values of sites are free; only their densities depend on their arguments: variable elimination.
    Terms,
    /// As through samples, and what is gathered from the other copies is known to be theirs.
    Copies,
}

/// The dependence of every variable on one site.
#[derive(Debug, Clone)]
pub struct Dependence {
    rows: Vec<Axis>,
    through: Through,
    links: Vec<Option<Links>>,
    slice: Vec<bool>,
    /// Indices that skip their own position on an axis.
    others: HashMap<Var, Axis>,
}

impl Dependence {
    /// The dependence on the site that binds `sample.var`.
    pub fn on(program: &Program, sample: &Sample, through: Through) -> Self {
        let count = program.vars.len();
        let mut found = Dependence {
            rows: rows(program, sample),
            through,
            links: vec![None; count],
            slice: vec![false; count],
            others: if through == Through::Copies { indices_of_others(program) } else { HashMap::new() },
        };
        found.links[sample.var.0 as usize] = Some(vec![Link::Aligned; found.rows.len()]);
        found.slice[sample.var.0 as usize] = true;
        found.block(&program.body);
        found
    }

    /// The site's row axes.
    pub fn rows(&self) -> &[Axis] {
        &self.rows
    }

    /// How `var` depends on the site, if it does.
    pub fn of(&self, var: Var) -> Option<&Links> {
        self.links[var.0 as usize].as_ref()
    }

    /// Whether the statement that binds `var` must be re-emitted where the site has another value: it depends
    /// on the site, or is computed under a condition that does.
    pub fn in_slice(&self, var: Var) -> bool {
        self.slice[var.0 as usize]
    }

    /// The variables that are not in the slice.
    pub fn outside(&self) -> impl Iterator<Item = Var> {
        (0..self.slice.len() as u32).map(Var).filter(|var| !self.in_slice(*var))
    }

    /// How an array depends when its dims are consumed: by the density of a site, say.
    pub fn of_array(&self, array: &Array) -> Option<Links> {
        self.lose(self.of(array.var).cloned(), array.dims.iter().copied())
    }

    /// How a site's density (and what is drawn from it) depends through its arguments and its condition.
    pub fn of_arguments(&self, sample: &Sample) -> Option<Links> {
        let site = &sample.site;
        let event = &site.dims[site.dims.len() - site.event..];
        let mut links = sample.guard.and_then(|guard| self.of(guard).cloned());
        for arg in &site.args {
            links = join(links, self.of_array(arg));
        }
        self.lose(links, event.iter().copied())
    }

    fn lose(&self, links: Option<Links>, axes: impl IntoIterator<Item = Axis>) -> Option<Links> {
        let mut links = links?;
        for axis in axes {
            if let Some(at) = self.rows.iter().position(|row| *row == axis) {
                links[at] = Link::Any;
            }
        }
        Some(links)
    }

    fn carried(&self, links: Option<Links>, axis: Axis, reverse: bool) -> Option<Links> {
        let mut links = links?;
        if let Some(at) = self.rows.iter().position(|row| *row == axis) {
            links[at] = links[at].carried(reverse);
        }
        Some(links)
    }

    fn all(&self, vars: &[Var]) -> Option<Links> {
        vars.iter().fold(None, |links, var| join(links, self.of(*var).cloned()))
    }

    /// x of the other rows of an axis.
    fn gathered(&self, x: Var, axis: Axis) -> Option<Links> {
        let mut links = self.of(x).cloned()?;
        if let Some(at) = self.rows.iter().position(|row| *row == axis) {
            links[at] = if links[at] == Link::Aligned { Link::Others } else { Link::Any };
        }
        Some(links)
    }

    /// Raises a variable to these links; whether that changed anything.
    fn raise(&mut self, var: Var, links: Option<Links>, in_slice: bool) -> bool {
        let at = var.0 as usize;
        let joined = join(self.links[at].clone(), links);
        let in_slice = self.slice[at] || in_slice || joined.is_some();
        let changed = joined != self.links[at] || in_slice != self.slice[at];
        self.links[at] = joined;
        self.slice[at] = in_slice;
        changed
    }

    fn block(&mut self, stmts: &[Stmt]) -> bool {
        let mut changed = false;
        for stmt in stmts {
            changed |= match stmt {
                Stmt::Let(binding) => {
                    let sliced = binding.uses().any(|v| self.in_slice(v));
                    let links = self.op(&binding.op);
                    self.raise(binding.var, links, sliced)
                }
                Stmt::Scan(scan) => self.scan(scan),
                Stmt::Sample(sample) if self.through != Through::Terms => {
                    let links = self.of_arguments(sample);
                    self.raise(sample.var, links, false)
                }
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => false,
            };
        }
        changed
    }

    fn scan(&mut self, scan: &Scan) -> bool {
        let mut changed = false;
        loop {
            let mut again = false;
            for carry in &scan.carries {
                let next = self.carried(self.of(carry.next).cloned(), scan.axis, scan.reverse);
                let links = join(self.of(carry.init).cloned(), next);
                let sliced = self.in_slice(carry.init) || self.in_slice(carry.next);
                again |= self.raise(carry.var, links, sliced);
            }
            again |= self.block(&scan.body);
            changed |= again;
            if !again {
                return changed;
            }
        }
    }

    fn op(&self, op: &Op) -> Option<Links> {
        let all = self.all(&op.operands());
        match op {
            Op::Const(_) | Op::Input(_) | Op::Iota(_) => None,
            Op::Prim(..) | Op::Detach(_) | Op::Tangent(_) | Op::Stack { .. } | Op::Draw(_) => all,
            Op::Reduce(_, axis, _) => self.lose(all, [*axis]),
            // A target that was there already keeps its link: the diagonal is aligned on it.
            Op::Rename(pairs, _) => self.lose(all, pairs.iter().map(|(from, _)| *from)),
            Op::Gather { x, axis, index } if self.others.get(index) == Some(axis) => self.gathered(*x, *axis),
            Op::Gather { x, axis, index } => {
                join(self.lose(self.of(*x).cloned(), [*axis]), self.of(*index).cloned())
            }
            Op::Scatter { axis, over, .. } => self.lose(all, over.iter().chain([*axis])),
            Op::CumSum { axis, reverse, .. } => self.carried(all, *axis, *reverse),
            Op::Concat { axis, parts } => self.lose(all, parts.iter().map(|(part, _)| *part).chain([*axis])),
            Op::Cholesky { row, col, .. } | Op::TriSolve { row, col, .. } => self.lose(all, [*row, *col]),
        }
    }

    /// How a term of a generative program depends: its statement's arguments, condition and value. `None` also where
    /// the statement makes no term.
    pub fn of_term(&self, stmt: &Stmt) -> Option<Links> {
        match stmt {
            Stmt::Sample(sample) | Stmt::Observe(sample) => {
                let site = &sample.site;
                let dims = site.dims[site.dims.len() - site.event..].to_vec();
                join(self.of_arguments(sample), self.of_array(&Array { var: sample.var, dims }))
            }
            Stmt::Factor { value, guard, .. } => {
                let guard = guard.and_then(|guard| self.of(guard).cloned());
                join(self.of(*value).cloned(), guard)
            }
            Stmt::Let(_) | Stmt::Scan(_) | Stmt::Report(_) => None,
        }
    }

    /// The first variable, in program order, that reads across one of these rows.
    pub fn escape(&self, program: &Program, rows: &[Axis]) -> Option<Var> {
        let crosses = |var: Var| {
            let links = self.of(var)?;
            let mut pairs = self.rows.iter().zip(links);
            pairs.any(|(row, link)| rows.contains(row) && *link != Link::Aligned).then_some(var)
        };
        fn first(stmts: &[Stmt], crosses: &dyn Fn(Var) -> Option<Var>) -> Option<Var> {
            stmts.iter().find_map(|stmt| match stmt {
                Stmt::Let(binding) => crosses(binding.var),
                Stmt::Sample(sample) => crosses(sample.var),
                Stmt::Scan(scan) => {
                    scan.carries.iter().find_map(|c| crosses(c.var)).or_else(|| first(&scan.body, crosses))
                }
                Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => None,
            })
        }
        first(&program.body, &crosses)
    }
}

/// Ints that are never the index on an axis where they stand: `j < i ? j : j + 1` at i.
fn indices_of_others(program: &Program) -> HashMap<Var, Axis> {
    let definitions = program.definitions();
    let of = |var: Var| definitions[var.0 as usize];
    let axis_of = |var: Var| {
        let Some(Op::Prim(Prim::Select, args)) = of(var) else { return None };
        let (Some(Op::Prim(Prim::Lt, compared)), Some(Op::Prim(Prim::Add, after))) =
            (of(args[0]), of(args[2]))
        else {
            return None;
        };
        let one = matches!(of(after[1]), Some(Op::Const(crate::ir::Const::Int(1))));
        match of(compared[1]) {
            Some(Op::Iota(axis)) if compared[0] == args[1] && after[0] == args[1] && one => Some(*axis),
            _ => None,
        }
    };
    let all = (0..program.vars.len() as u32).map(Var);
    all.filter_map(|var| axis_of(var).map(|axis| (var, axis))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Dependence, Link, Through};
    use crate::ir::{Monoid, Op, Program, Stmt, Strategy, Var};
    use crate::transform::adev::fixtures::World;
    use crate::transform::adev::strategy::sites;

    /// The link of `var` along the axis called `row`, on the only site.
    fn link(program: &Program, var: Var, row: &str) -> Option<Link> {
        let found = Dependence::on(program, sites(program)[0], Through::Samples);
        let at = found.rows().iter().position(|axis| program.axes.info(*axis).name == row);
        Some(found.of(var)?[at.expect("a row of the site")])
    }

    #[test]
    fn rows_are_followed_through_operations() {
        let mut w = World::new(2);
        let (i, j, k) = (w.axis("i", 4), w.axis("j", 4), w.axis("k", 3));
        let theta = w.param("theta", &[i]);
        let p = w.sigmoid(theta);
        w.key.insert(i);
        let flip = w.flip.clone();
        let x = w.site("x", &flip, &[p], Some(Strategy::named("enum")));
        let own = w.affine(1.0, x, 0.5);
        let summed = w.b.reduce(Monoid::Sum, i, own);
        let moved = w.b.rename(&[(i, j)], own);
        let (index, one) = (w.b.iota(i), w.b.int(1));
        let before = w.b.prim(crate::prim::Prim::Sub, &[index, one]);
        let shifted = w.b.gather(own, i, before);
        let table = w.data("table", &[k]);
        let choice = w.b.prim(crate::prim::Prim::ToInt, &[x]);
        let read = w.b.gather(table, k, choice);
        let so_far = w.b.emit(Op::CumSum { x: own, axis: i, reverse: false, exclusive: false });
        let both = w.b.emit(Op::CumSum { x: so_far, axis: i, reverse: true, exclusive: false });
        let constant = w.b.add(theta, theta);
        let tangent = w.b.emit(Op::Tangent(own));
        let detached = w.b.detach(own);
        let program = w.objective(summed);
        let of = |var| link(&program, var, "i");
        for aligned in [x, own, read, tangent, detached] {
            assert_eq!(of(aligned), Some(Link::Aligned));
        }
        for any in [summed, moved, shifted, both] {
            assert_eq!(of(any), Some(Link::Any));
        }
        assert_eq!(of(so_far), Some(Link::Causal { reverse: false }));
        assert_eq!(of(constant), None);
        // Draws stay apart whatever happens to rows.
        assert_eq!(link(&program, summed, "draw"), Some(Link::Aligned));
    }

    #[test]
    fn carries_make_later_steps_depend_on_earlier_ones() {
        let mut w = World::new(2);
        let t = w.axis("t", 4);
        let theta = w.param("theta", &[t]);
        let p = w.sigmoid(theta);
        w.key.insert(t);
        let flip = w.flip.clone();
        let x = w.site("x", &flip, &[p], Some(Strategy::named("enum")));
        let real = w.affine(1.0, x, 0.0);
        let zero = w.b.real(0.0);
        let widen = w.b.axes_of(x).clone();
        let total = w.b.begin_scan(t, true, &[(zero, widen)])[0];
        let next = w.b.add(total, real);
        w.b.end_scan(&[next]);
        let program = w.objective(next);
        assert!(matches!(program.body.last(), Some(Stmt::Scan(_))));
        for var in [total, next] {
            assert_eq!(link(&program, var, "t"), Some(Link::Causal { reverse: true }));
        }
        assert_eq!(link(&program, real, "t"), Some(Link::Aligned));
    }
}
