//! Re-emitting objective programs: whole, with some sites replaced, and in slices.

use super::OBJECTIVE;
use super::estimator::reparam;
use super::strategy::{Choice, Chosen};
use super::terms::{self, Term};
use crate::axis::{Axis, AxisSet};
use crate::build::Builder;
use crate::ir::{Op, Output, Program, Sample, Scan, Stmt, Ty, Var};
use crate::transform::copy::{Copy, Handler, Result};
use crate::transform::dependence::{Dependence, Link, Through, join};
use std::collections::BTreeMap;
use vary_diagnostic::{Code, Diagnostic, Span};

/// Gives a site a value, or leaves it a site.
pub type Value<'f> = &'f dyn Fn(&mut Builder, &Sample) -> Result<Option<Var>>;

/// The handler of objective programs.
#[derive(Clone)]
pub struct Sites<'f> {
    value: Value<'f>,
}

impl Handler for Sites<'_> {
    fn sample(&mut self, b: &mut Builder, sample: Sample) -> Result<Var> {
        if let Some(value) = (self.value)(b, &sample)? {
            return Ok(value);
        }
        let site = &sample.site;
        let mut axes: AxisSet = site.key.iter().chain(site.dims.iter().copied()).collect();
        for arg in &site.args {
            axes = axes.union(&b.axes_of(arg.var).minus(&arg.dims.iter().copied().collect()));
        }
        let var = b.fresh(Ty { elem: site.dist.support.elem(), axes });
        b.push(Stmt::Sample(Sample { var, ..sample }));
        Ok(var)
    }

    fn observe(&mut self, _: &mut Builder, sample: Sample) -> Result<Var> {
        Err(not_objective(sample.site.span))
    }

    fn factor(&mut self, _: &mut Builder, _: Var, _: Option<Var>, span: Span) -> Result<()> {
        Err(not_objective(span))
    }
}

fn not_objective(span: Span) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code("E0509"), "an objective program has no observations and no factors")
            .at(span, "this has a meaning in models only")
            .help("take `log_density` of the model that holds it"),
    )
}

/// A copy in progress.
pub type Emitted<'a, 'f> = Copy<'a, Sites<'f>>;

/// The whole program, with the sites' values.
pub fn whole<'a, 'f>(b: &mut Builder, program: &'a Program, value: Value<'f>) -> Result<Emitted<'a, 'f>> {
    let mut copy = Copy::new(program, Sites { value });
    copy.run(b)?;
    Ok(copy)
}

/// The results of a copied program, in order.
pub fn results(program: &Program, copy: &Emitted) -> Vec<Output> {
    let mapped = program.results.iter().map(|result| Output { var: copy.var(result.var), ..result.clone() });
    mapped.collect()
}

/// The variable of the result that is differentiated, if the program has it.
pub fn objective(program: &Program) -> Option<Var> {
    program.results.iter().find(|result| result.name == OBJECTIVE).map(|result| result.var)
}

/// Replaces a result.
pub fn set_objective(results: &mut [Output], var: Var) {
    for result in results.iter_mut().filter(|result| result.name == OBJECTIVE) {
        result.var = var;
    }
}

/// Gives direct sites their values: smooth ones by noise, sites with rigid arguments by their sampler.
pub fn direct(program: &Program, choice: &Choice) -> Result<Program> {
    let mut b = Builder::new(program.axes.clone());
    let value = |b: &mut Builder, sample: &Sample| match choice.of(&sample.site.occurrence) {
        Chosen::Rigid => rigid(b, sample).map(Some),
        Chosen::By(rule) if rule.is_direct() => {
            rule.smooth(b, sample).map(Some).ok_or_else(|| no_sampler(sample))
        }
        Chosen::By(_) => Ok(None),
    };
    let copy = whole(&mut b, program, &value)?;
    let results = results(program, &copy);
    Ok(b.finish(results))
}

/// Gives every site a rigid value.
pub fn sampled(program: &Program) -> Result<Program> {
    let mut b = Builder::new(program.axes.clone());
    let copy = whole(&mut b, program, &|b, sample| rigid(b, sample).map(Some))?;
    let results = results(program, &copy);
    Ok(b.finish(results))
}

/// A rigid value of the site.
pub fn rigid(b: &mut Builder, sample: &Sample) -> Result<Var> {
    reparam::rigid(b, sample).ok_or_else(|| no_sampler(sample))
}

/// Gives one site a rigid value and leaves the others.
pub fn rigid_at(site: Var) -> impl Fn(&mut Builder, &Sample) -> Result<Option<Var>> {
    move |b, sample| if sample.var == site { rigid(b, sample).map(Some) } else { Ok(None) }
}

/// The refusal of a site that cannot be drawn.
pub fn no_sampler(sample: &Sample) -> Box<Diagnostic> {
    let name = &sample.site.dist.name;
    Box::new(
        Diagnostic::error(Code("E0508"), format!("`{name}` cannot be sampled"))
            .at(sample.site.span, format!("`{}` is drawn from it here", sample.site.address))
            .help(format!("give `{name}` a `reparam` or a `sample` clause"))
            .note("an int argument that is the size of its draws must be known before the program runs"),
    )
}

/// The last site of a program, in the order of its statements.
pub fn last_site(program: &Program) -> Option<Sample> {
    fn last(stmts: &[Stmt]) -> Option<&Sample> {
        stmts.iter().rev().find_map(|stmt| match stmt {
            Stmt::Sample(sample) => Some(sample),
            Stmt::Scan(scan) => last(&scan.body),
            Stmt::Let(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => None,
        })
    }
    last(&program.body).cloned()
}

/// The statements of a program that must be re-emitted where a site has another value; the rest is bound in
/// advance to what a whole copy made of it. The site itself stays, for its value to be given.
pub fn slice(program: &Program, dependence: &Dependence) -> Program {
    fn keep(stmts: &[Stmt], on: &Dependence) -> Vec<Stmt> {
        let mut kept = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Let(binding) if on.in_slice(binding.var) => kept.push(stmt.clone()),
                Stmt::Sample(sample) if on.in_slice(sample.var) => kept.push(stmt.clone()),
                Stmt::Scan(scan) => {
                    let body = keep(&scan.body, on);
                    let carries: Vec<_> =
                        scan.carries.iter().filter(|carry| on.in_slice(carry.var)).cloned().collect();
                    // Without carries every step stands alone: the statements mean the same outside.
                    if carries.is_empty() {
                        kept.extend(body);
                    } else {
                        kept.push(Stmt::Scan(Scan { carries, body, ..scan.clone() }));
                    }
                }
                Stmt::Let(_) | Stmt::Sample(_) => {}
                Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
        kept
    }
    Program {
        axes: program.axes.clone(),
        vars: program.vars.clone(),
        body: keep(&program.body, dependence),
        results: Vec::new(),
    }
}

/// Emits a slice over a whole copy, with the sites' values.
pub fn resume<'a, 'f>(
    b: &mut Builder,
    slice: &'a Program,
    base: &Emitted,
    dependence: &Dependence,
    value: Value<'f>,
) -> Result<Emitted<'a, 'f>> {
    resume_with(b, slice, base, dependence, value, &|_, var| var)
}

/// As [`resume`]; `outside` makes of what the slice reads of the whole copy what it sees.
pub fn resume_with<'a, 'f>(
    b: &mut Builder,
    slice: &'a Program,
    base: &Emitted,
    dependence: &Dependence,
    value: Value<'f>,
    outside: &dyn Fn(&mut Builder, Var) -> Var,
) -> Result<Emitted<'a, 'f>> {
    over(b, slice, base, &mut dependence.outside(), value, outside)
}

/// Emits some statements of a program over a whole copy; `outside` makes of what they read of it, the variables `read`,
/// what they see.
pub fn over<'a, 'f>(
    b: &mut Builder,
    statements: &'a Program,
    base: &Emitted,
    read: &mut dyn Iterator<Item = Var>,
    value: Value<'f>,
    outside: &dyn Fn(&mut Builder, Var) -> Var,
) -> Result<Emitted<'a, 'f>> {
    let mut copy = Copy::new(statements, Sites { value });
    for var in read {
        if let Some(whole) = base.get(var) {
            let seen = outside(b, whole);
            copy.bind(var, seen);
        }
    }
    copy.run(b)?;
    Ok(copy)
}

/// An objective whose site has been given a value, about to be rewritten.
pub struct Rewritten<'p> {
    /// The program as it was.
    pub source: &'p Program,
    /// The site.
    pub sample: &'p Sample,
    /// What depends on it.
    pub dependence: &'p Dependence,
    /// The statements that do.
    pub slice: &'p Program,
    /// The copy with the drawn value.
    pub base: &'p Emitted<'p, 'p>,
    /// The objective of the copy.
    pub total: Var,
    /// The objective's terms, as of the source.
    pub terms: Vec<Term>,
}

/// The program with a value at the site, and as its objective what `rewrite` makes of it.
pub fn rewritten(
    source: &Program,
    sample: &Sample,
    value: Value,
    rewrite: impl FnOnce(&mut Builder, &Rewritten) -> Result<Var>,
) -> Result<Program> {
    let dependence = &Dependence::on(source, sample, Through::Samples);
    let slice = &slice(source, dependence);
    let mut b = Builder::new(source.axes.clone());
    let base = &whole(&mut b, source, value)?;
    let mut results = results(source, base);
    if let Some(result) = objective(source) {
        b.at(sample.site.span);
        let terms = terms::split(source, result, dependence);
        let total = base.var(result);
        let objective =
            rewrite(&mut b, &Rewritten { source, sample, dependence, slice, base, total, terms })?;
        set_objective(&mut results, objective);
    }
    Ok(b.finish(results))
}

/// A term's value in a copy, before summing; factors come from the whole copy.
pub fn term_value(b: &mut Builder, term: &Term, at: &Emitted, base: &Emitted) -> Var {
    term.emit(b, at.var(term.var), &|_, factor| base.var(factor))
}

/// Terms by the rows of the site that must be treated jointly: those that a term (or the site's own arguments) reads
/// across.
pub fn by_joint_rows<'t>(
    terms: &'t [Term],
    sample: &Sample,
    dependence: &Dependence,
) -> BTreeMap<Vec<Axis>, Vec<&'t Term>> {
    let own = dependence.of_arguments(sample);
    let mut groups: BTreeMap<Vec<Axis>, Vec<&Term>> = BTreeMap::new();
    for term in terms {
        let Some(links) = join(own.clone(), term.links(dependence).cloned()) else { continue };
        let rows = dependence.rows().iter().zip(links);
        let joint = rows.filter(|(_, link)| *link != Link::Aligned).map(|(row, _)| *row).collect();
        groups.entry(joint).or_default().push(term);
    }
    groups
}

/// How terms are summed for the rows of a site.
pub struct Local {
    /// Rows that keep their own terms.
    own: AxisSet,
    joint: AxisSet,
}

impl Local {
    /// Rows along `joint` share what they cost; the others have their own.
    pub fn of(dependence: &Dependence, joint: &[Axis]) -> Local {
        let joint: AxisSet = joint.iter().copied().collect();
        Local { own: dependence.rows().iter().copied().filter(|row| !joint.contains(*row)).collect(), joint }
    }

    /// The value of a term per row.
    pub fn sum(&self, b: &mut Builder, term: &Term, value: Var) -> Var {
        let crossed = self.joint.intersection(b.axes_of(value));
        b.sum(&term.over.union(&crossed).minus(&self.own), value)
    }
}

/// `total + Σ_rows cost · Tangent(of)`: a term whose primal is zero. `cost` is detached; axes of the total stay.
pub fn add_score(b: &mut Builder, total: Var, cost: Var, of: Var) -> Var {
    let free = b.axes_of(total).clone();
    // What shares a cost is summed first.
    let shared = b.axes_of(of).minus(b.axes_of(cost)).minus(&free);
    let of = b.sum(&shared, of);
    let tangent = b.emit(Op::Tangent(of));
    let term = b.mul(cost, tangent);
    let open = b.axes_of(term).minus(&free);
    let term = b.sum(&open, term);
    b.add(total, term)
}

/// The refusal of a site whose rows cannot be treated one by one.
pub fn too_many(
    program: &Program,
    sample: &Sample,
    dependence: &Dependence,
    joint: &[Axis],
) -> Box<Diagnostic> {
    let address = &sample.site.address;
    let rows: Vec<&str> = joint.iter().map(|axis| program.axes.info(*axis).name.as_str()).collect();
    let rows = rows.join(", ");
    let message =
        format!("`{address}` has too many alternatives: its rows over {rows} must be taken jointly");
    let mut diagnostic =
        Diagnostic::error(Code("E0504"), message).at(sample.site.span, "more than 65536 alternatives");
    if let Some(escape) = dependence.escape(program, joint) {
        let info = &program.vars[escape.0 as usize];
        let how = match program.definitions()[escape.0 as usize] {
            Some(Op::Reduce(..)) => "here its rows are combined, and the result is not used as a plain sum",
            Some(Op::Gather { .. }) => "here another row's value is read",
            None => "here it is carried to later steps",
            Some(_) => "here a value leaves its row",
        };
        diagnostic = diagnostic.at(info.span, how);
    }
    Box::new(
        diagnostic
            .note(
                "rows are treated one by one only where every value that depends on a row stays in that row",
            )
            .help(format!(
                "sum it out of the program: `marginal(…, keep = […], using = enumerate)` without `{address}`"
            ))
            .help(format!("or estimate it by the score function: `{}.reinforce(…)`", sample.site.dist.name)),
    )
}
