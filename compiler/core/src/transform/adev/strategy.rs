//! Which estimator each site uses, and why it may.

use super::LANES;
use super::integrability::assumptions;
use super::program::{by_joint_rows, objective, too_many};
use super::smoothness::{Note, Smoothness, analyse};
use super::terms::{known_dims, split};
use crate::ir::{Baseline, InputKind, Let, Op, Program, Sample, Site, Stmt, Strategy, Var};
use crate::transform::dependence::{Dependence, Through};
use crate::transform::support;
use crate::visit;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// Largest support that is summed over without being asked.
const MOST_VALUES: i64 = 16;

/// What is done at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// Nothing: its arguments are rigid, so is its value.
    Rigid,
    /// Pathwise.
    Reparam,
    /// Score function.
    Reinforce,
    /// All values.
    Enum,
    /// Measure-valued derivative.
    Mvd,
}

impl Chosen {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Chosen::Rigid => "none",
            Chosen::Reparam => "reparam",
            Chosen::Reinforce => "reinforce",
            Chosen::Enum => "enum",
            Chosen::Mvd => "mvd",
        }
    }

    fn written(strategy: &Strategy) -> Chosen {
        match strategy {
            Strategy::Reparam => Chosen::Reparam,
            Strategy::Reinforce(_) => Chosen::Reinforce,
            Strategy::Enum => Chosen::Enum,
            Strategy::Mvd => Chosen::Mvd,
        }
    }
}

/// A line of the report: what is done at a site, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteReport {
    /// The site's address.
    pub address: Rc<str>,
    /// What names its randomness.
    pub occurrence: Rc<str>,
    /// What is done.
    pub chosen: Chosen,
    /// Why, as a clause.
    pub reason: String,
    /// The site in the user's file.
    pub span: Span,
}

/// The strategies of a program.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Every site in order.
    pub sites: Vec<SiteReport>,
    /// What unbiasedness rests on.
    pub notes: Vec<Note>,
    by_occurrence: HashMap<Rc<str>, Chosen>,
}

impl Choice {
    /// What is done at the site of this occurrence.
    pub fn of(&self, occurrence: &Rc<str>) -> Chosen {
        self.by_occurrence.get(occurrence).copied().unwrap_or(Chosen::Rigid)
    }
}

/// The sites of a program in the order of its statements.
pub fn sites(program: &Program) -> Vec<&Sample> {
    fn walk<'p>(stmts: &'p [Stmt], found: &mut Vec<&'p Sample>) {
        for stmt in stmts {
            match stmt {
                Stmt::Sample(sample) => found.push(sample),
                Stmt::Scan(scan) => walk(&scan.body, found),
                Stmt::Let(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&program.body, &mut found);
    found
}

/// Chooses the strategy of every site: the one written, if it applies; none where all arguments are rigid; else
/// `reparam` where it exists, or `enum` for a small finite support. Reports every site that has none, and every
/// use that loses a derivative. Needs no sizes; where they are known, limits are checked too.
pub fn choose(program: &Program) -> Result<Choice, Vec<Diagnostic>> {
    let sites = sites(program);
    let planned: HashMap<Rc<str>, Option<Chosen>> =
        sites.iter().map(|sample| (sample.site.occurrence.clone(), plan(program, &sample.site))).collect();
    let plan_of = |site: &Site| planned.get(&site.occurrence).copied().flatten();
    let smoothness = analyse(program, &|site| plan_of(site) == Some(Chosen::Reparam));

    let mut choice = Choice::default();
    let mut errors = Vec::new();
    for sample in &sites {
        let site = &*sample.site;
        if let Some(written) = &site.strategy
            && let Err(error) = applies(written, site)
        {
            errors.push(error);
            continue;
        }
        if let Some(Strategy::Reinforce(Baseline::Value(baseline))) = &site.strategy
            && !bound_before(&program.body, sample.var).contains(baseline)
        {
            errors.push(late_baseline(site));
            continue;
        }
        let rigid = !site.args.iter().any(|arg| smoothness.is_smooth(arg.var));
        let (chosen, reason) = match (&site.strategy, plan_of(site)) {
            // Summing out lowers the variance of the others whether or not anything is differentiated here.
            (Some(Strategy::Enum), _) => (Chosen::Enum, "written".to_string()),
            _ if rigid => (Chosen::Rigid, "its arguments are not differentiated".to_string()),
            (Some(_), Some(chosen)) => (chosen, "written".to_string()),
            (None, Some(Chosen::Reparam)) => {
                (Chosen::Reparam, "the default: every use of its value is differentiable".to_string())
            }
            (None, Some(chosen)) => (chosen, "the default: its support is small".to_string()),
            (_, None) => {
                errors.push(undecided(site));
                continue;
            }
        };
        if chosen == Chosen::Reparam {
            errors.extend(undifferentiated_operands(site, &smoothness));
        }
        if chosen == Chosen::Enum && site.strategy.is_none() {
            errors.extend(over_limit(program, sample));
        }
        choice.by_occurrence.insert(site.occurrence.clone(), chosen);
        let (address, occurrence) = (site.address.clone(), site.occurrence.clone());
        choice.sites.push(SiteReport { address, occurrence, chosen, reason, span: site.span });
    }
    errors.extend(smoothness.errors(program));
    choice.notes = assumptions(program, &smoothness);
    if errors.is_empty() { Ok(choice) } else { Err(errors) }
}

/// The strategy of a site were its arguments smooth.
fn plan(program: &Program, site: &Site) -> Option<Chosen> {
    if let Some(strategy) = &site.strategy {
        return Some(Chosen::written(strategy));
    }
    if site.dist.reparam.is_some() {
        return Some(Chosen::Reparam);
    }
    // Sizes that are not known yet count as small: the limit is checked once data is bound.
    let size = support::size(&program.axes, site, &known_dims(program))?;
    size.value().is_none_or(|size| size <= MOST_VALUES).then_some(Chosen::Enum)
}

/// Whether the strategy written applies to the site's distribution.
fn applies(strategy: &Strategy, site: &Site) -> Result<(), Diagnostic> {
    let dist = &site.dist;
    let (fits, why) = match strategy {
        Strategy::Reparam => {
            (dist.reparam.is_some(), "it has no sampler that is smooth in its parameters".to_string())
        }
        Strategy::Reinforce(_) => (true, String::new()),
        Strategy::Enum => (
            dist.finite.is_some() && site.event == 0,
            "its support is not a finite set of numbers".to_string(),
        ),
        Strategy::Mvd => (dist.mvd_probability.is_some(), "it is not a flip".to_string()),
    };
    if fits {
        return Ok(());
    }
    let (name, strategy) = (&dist.name, strategy.name());
    Err(Diagnostic::error(Code("E0503"), format!("`{strategy}` does not apply to `{name}`: {why}"))
        .at(site.span, format!("`{}` asks for `{strategy}`", site.address))
        .help(format!("use {}", applicable(site, true))))
}

/// The strategies that apply to a site, as a list; `smooth` includes those whose values are differentiated.
pub fn applicable(site: &Site, smooth: bool) -> String {
    let dist = &site.dist;
    let name = &dist.name;
    let mut names = Vec::new();
    if smooth && dist.reparam.is_some() {
        names.push(format!("`{name}.reparam(…)`"));
    }
    if dist.finite.is_some() && site.event == 0 {
        names.push(format!("`{name}.enum(…)`"));
    }
    if dist.mvd_probability.is_some() {
        names.push(format!("`{name}.mvd(…)`"));
    }
    names.push(format!("`{name}.reinforce(…)`"));
    match names.as_slice() {
        [one] => one.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        [] => String::new(),
    }
}

fn undecided(site: &Site) -> Diagnostic {
    Diagnostic::error(Code("E0502"), format!("`{}` needs a gradient strategy", site.address))
        .at(
            site.span,
            format!("`{}` depends on parameters, and no strategy is the obvious one", site.dist.name),
        )
        .help(format!("write {}", applicable(site, true)))
}

/// What is bound when a site is reached.
fn bound_before(stmts: &[Stmt], site: Var) -> HashSet<Var> {
    fn walk(stmts: &[Stmt], site: Var, bound: &mut HashSet<Var>) -> bool {
        stmts.iter().any(|stmt| match stmt {
            Stmt::Sample(sample) if sample.var == site => true,
            Stmt::Scan(scan) => {
                bound.extend(scan.carries.iter().map(|carry| carry.var));
                walk(&scan.body, site, bound)
            }
            stmt => {
                visit::bound(std::slice::from_ref(stmt), &mut |var| {
                    bound.insert(var);
                });
                false
            }
        })
    }
    let mut bound = HashSet::new();
    walk(stmts, site, &mut bound);
    bound
}

fn late_baseline(site: &Site) -> Diagnostic {
    let address = &site.address;
    Diagnostic::error(Code("E0507"), format!("the baseline of `{address}` is computed after `{address}`"))
        .at(site.span, "its baseline must be known before it is drawn")
        .note("a baseline that sees the value it is subtracted for makes the gradient biased")
        .help(format!("compute the baseline from data and from what is drawn before `{address}`"))
}

/// A pathwise sampler is not differentiated through the operands of its base draws.
fn undifferentiated_operands(site: &Site, smoothness: &Smoothness) -> Vec<Diagnostic> {
    let Some(sampler) = &site.dist.reparam else { return Vec::new() };
    let operands = sampler.draws.iter().flat_map(|draw| &draw.operands);
    let read: Vec<&str> = operands.flat_map(|fragment| formals(&fragment.0)).collect();
    let params = site.dist.params.iter().zip(&site.args);
    let lost =
        params.filter(|(param, arg)| read.contains(&param.name.as_str()) && smoothness.is_smooth(arg.var));
    lost.map(|(param, _)| {
        let (dist, name) = (&site.dist.name, &param.name);
        Diagnostic::error(Code("E0505"), format!("`reparam` of `{dist}` does not differentiate its `{name}`"))
            .at(site.span, format!("`{name}` of `{}` is differentiated here", site.address))
            .note(format!("`{name}` is an operand of the sampler: the value is not a smooth function of it"))
            .help(format!("use {}", applicable(site, false)))
    })
    .collect()
}

fn formals(fragment: &Program) -> impl Iterator<Item = &str> {
    fragment.body.iter().filter_map(|stmt| match stmt {
        Stmt::Let(Let { op: Op::Input(input), .. }) if input.kind == InputKind::Formal => {
            Some(input.name.as_str())
        }
        _ => None,
    })
}

/// A default `enum` must fit the lanes; sizes that are not known yet do.
fn over_limit(program: &Program, sample: &Sample) -> Option<Diagnostic> {
    let dependence = Dependence::on(program, sample, Through::Samples);
    let result = objective(program)?;
    let terms = split(program, result, &dependence);
    let size = support::size(&program.axes, &sample.site, &known_dims(program))?.value()?;
    by_joint_rows(&terms, sample, &dependence).keys().find_map(|joint| {
        let mut rows: u32 = 1;
        for axis in joint {
            rows = rows.saturating_mul(u32::try_from(program.axes.info(*axis).size.value()?).ok()?);
        }
        let fits = joint.is_empty() || size.checked_pow(rows).is_some_and(|lanes| lanes <= LANES as i64);
        (!fits).then(|| *too_many(program, sample, &dependence, joint))
    })
}
