//! Which estimator each site uses, and why it may.

use super::LANES;
use super::auxiliary;
use super::estimator::{BASELINE, RULES, Rule, control, rule, sees_own_copy};
use super::integrability::assumptions;
use super::program::{by_joint_rows, objective};
use super::smoothness::{Note, Smoothness, Source, analyse};
use super::terms::{known_dims, split};
use crate::ir::{InputKind, Let, Op, Program, Sample, Setting, Site, Stmt, Strategy, Var};
use crate::transform::dependence::{Dependence, Through};
use crate::transform::support;
use crate::visit;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// Largest support that is summed over without being asked.
const MOST_VALUES: i64 = 16;

/// Draws per step where nothing is said.
pub const USUAL_SAMPLES: usize = 10;

/// The decay of a default moving average.
const USUAL_DECAY: f64 = 0.9;

/// What is done at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// Nothing: its arguments are rigid, so is its value.
    Rigid,
    /// A gradient strategy.
    By(&'static dyn Rule),
}

impl Chosen {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Chosen::Rigid => "none",
            Chosen::By(rule) => rule.name(),
        }
    }

    /// Why it is biased, if it is, as a clause.
    pub fn bias(self) -> Option<&'static str> {
        match self {
            Chosen::Rigid => None,
            Chosen::By(rule) => rule.bias(),
        }
    }

    /// The lines of its rule.
    pub fn formula(self) -> &'static [&'static str] {
        match self {
            Chosen::Rigid => &["x ~ d; continue with (x, 0): d does not depend on θ"],
            Chosen::By(rule) => rule.formula(),
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
    /// What the other copies subtract from its cost, if they do.
    pub control: Option<Var>,
    /// The site in the user's file.
    pub span: Span,
}

impl SiteReport {
    /// How its strategy is biased, if it is, as a line of a report.
    pub fn bias(&self) -> Option<String> {
        let why = self.chosen.bias()?;
        Some(format!("`{}` is biased: {why} (`{}`)", self.chosen.name(), self.address))
    }
}

/// The strategies of a program.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Every site in order.
    pub sites: Vec<SiteReport>,
    /// What unbiasedness rests on.
    pub notes: Vec<Note>,
    by_occurrence: HashMap<Rc<str>, (Chosen, Option<Strategy>)>,
}

impl Choice {
    /// What is done at the site of this occurrence.
    pub fn of(&self, occurrence: &Rc<str>) -> Chosen {
        self.by_occurrence.get(occurrence).map_or(Chosen::Rigid, |(chosen, _)| *chosen)
    }

    /// The rule of a site that is neither rigid nor drawn yet, and its settings.
    pub fn rule(&self, occurrence: &Rc<str>) -> (&'static dyn Rule, Strategy) {
        match self.by_occurrence.get(occurrence) {
            Some((Chosen::By(rule), Some(strategy))) => (*rule, strategy.clone()),
            _ => unreachable!("`{occurrence}` has a value already"),
        }
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
/// `reparam` where it exists and every use of the value is smooth, `reinforce` with the control of its copies if they
/// have one, `enum` for a small finite support, else `rloo`, or with a single draw per step `reinforce` with a moving
/// average. Reports every use that loses a derivative. Needs no
/// sizes; where they are known, limits are checked too.
pub fn choose(program: &Program, samples: usize) -> Result<Choice, Vec<Diagnostic>> {
    let sites = sites(program);
    let mut plans: HashMap<Rc<str>, Plan> = sites
        .iter()
        .map(|sample| (sample.site.occurrence.clone(), Plan::first(program, sample, samples)))
        .collect();
    // A default `reparam` gives way where a use of the value would lose a derivative.
    let smoothness = loop {
        let is_smooth = |site: &Site| {
            let rule = plans[&site.occurrence].rule;
            rule.is_smooth() || rule.relaxes()
        };
        let smoothness = analyse(program, &is_smooth);
        let refused: HashSet<Rc<str>> = smoothness
            .violations()
            .flat_map(|used| smoothness.sources_of(used.operand))
            .filter_map(|source| match source {
                Source::Site(_, site) if site.strategy.is_none() => Some(site.occurrence.clone()),
                Source::Site(..) | Source::Input(_) => None,
            })
            .collect();
        if refused.is_empty() {
            break smoothness;
        }
        for sample in sites.iter().filter(|sample| refused.contains(&sample.site.occurrence)) {
            plans.insert(sample.site.occurrence.clone(), Plan::rigid(program, sample, samples));
        }
    };

    let mut choice = Choice::default();
    let mut errors = Vec::new();
    let bound_at = binding_order(program);
    let of_objective = auxiliary::of_objective(program);
    for sample in &sites {
        let site = &*sample.site;
        let plan = &plans[&site.occurrence];
        if site.strategy.is_some()
            && let Err(why) = plan.rule.applies(site)
        {
            errors.push(inapplicable(plan.rule, site, why));
            continue;
        }
        if let Some(strategy) = &site.strategy
            && strategy.values().any(|value| bound_at[value.0 as usize] >= bound_at[sample.var.0 as usize])
        {
            errors.push(late_baseline(site));
            continue;
        }
        let differentiated = site.args.iter().any(|arg| smoothness.is_smooth(arg.var));
        // Summing out lowers the variance of the others whether or not anything is differentiated here.
        let summed = site.strategy.as_ref().is_some_and(|strategy| strategy.name == "enum");
        let control = plan.control(program, site).filter(|_| differentiated);
        if let Some(control) = control.filter(|control| sees_own_copy(program, sample, *control)) {
            errors.push(dependent_control(site, program.vars[control.0 as usize].span));
            continue;
        }
        let (chosen, reason) = if differentiated || summed {
            let learned = site.strategy.as_ref().is_some_and(|strategy| {
                strategy.values().any(|value| !auxiliary::own(program, value, &of_objective).is_empty())
            });
            let reason = match (learned, plan.rule.name(), control, &site.strategy) {
                (true, "relax", ..) => "written, its control learned",
                (true, ..) => "written, its baseline learned",
                (false, _, Some(_), Some(_)) => "written; the other copies are its control",
                _ => plan.reason.as_str(),
            };
            (Chosen::By(plan.rule), reason.to_string())
        } else {
            (Chosen::Rigid, "its arguments are not differentiated".to_string())
        };
        if chosen != Chosen::Rigid && samples < plan.rule.least_samples(&plan.strategy) {
            errors.push(too_few_samples(plan, site));
        }
        if chosen != Chosen::Rigid {
            errors.extend(undifferentiated_parameters(plan.rule, site, &smoothness));
        }
        if chosen != Chosen::Rigid && plan.rule.is_smooth() {
            errors.extend(undifferentiated_operands(site, &smoothness));
        }
        choice.by_occurrence.insert(site.occurrence.clone(), (chosen, Some(plan.strategy.clone())));
        let (address, occurrence) = (site.address.clone(), site.occurrence.clone());
        choice.sites.push(SiteReport { address, occurrence, chosen, reason, control, span: site.span });
    }
    errors.extend(smoothness.errors(program));
    choice.notes = assumptions(program, &smoothness);
    if errors.is_empty() { Ok(choice) } else { Err(errors) }
}

/// The strategy of a site were its arguments smooth.
struct Plan {
    rule: &'static dyn Rule,
    strategy: Strategy,
    reason: String,
}

impl Plan {
    /// What is written, else `reparam` where it exists.
    fn first(program: &Program, sample: &Sample, samples: usize) -> Plan {
        let site = &*sample.site;
        if let Some(strategy) = &site.strategy {
            let Some(rule) = rule(strategy.name) else { unreachable!("`{}` is no strategy", strategy.name) };
            return Plan { rule, strategy: strategy.clone(), reason: "written".to_string() };
        }
        if site.dist.reparam.is_some() {
            return Plan::default("reparam", "every use of its value is differentiable");
        }
        Plan::rigid(program, sample, samples)
    }

    /// The default among strategies whose values are rigid.
    fn rigid(program: &Program, sample: &Sample, samples: usize) -> Plan {
        let site = &*sample.site;
        if control(program, site).is_some() {
            return Plan::default("reinforce", "the other copies are its control");
        }
        let size = support::size(&program.axes, site, &known_dims(program)).filter(|_| site.event == 0);
        // Sizes that are not known yet count as small: the limit is checked once data is bound.
        let small = size.is_some_and(|size| size.value().is_none_or(|size| size <= MOST_VALUES));
        if small && !over_limit(program, sample) {
            return Plan::default("enum", "its support is small");
        }
        let why = match (site.dist.reparam.is_some(), small) {
            (true, _) => "a use of its value is not differentiable",
            (false, true) => "its rows have too many values together",
            (false, false) => "it has no pathwise sampler and no small support",
        };
        if samples > 1 {
            return Plan::default("rloo", why);
        }
        let average = Setting::MovingAverage(USUAL_DECAY);
        let plan = Plan::default("reinforce", &format!("{why}; with a moving average, for one draw a step"));
        Plan { strategy: plan.strategy.clone().with(BASELINE, average), ..plan }
    }

    /// The control that its rule takes for a baseline.
    fn control(&self, program: &Program, site: &Site) -> Option<Var> {
        let takes = self.rule.name() == "reinforce" && self.strategy.setting(BASELINE).is_none();
        control(program, site).filter(|_| takes)
    }

    fn default(name: &'static str, why: &str) -> Plan {
        let Some(rule) = rule(name) else { unreachable!("`{name}` is no strategy") };
        Plan { rule, strategy: Strategy::named(name), reason: format!("the default: {why}") }
    }
}

fn inapplicable(rule: &dyn Rule, site: &Site, why: &str) -> Diagnostic {
    let (name, strategy) = (&site.dist.name, rule.name());
    Diagnostic::error(Code("E0503"), format!("`{strategy}` does not apply to `{name}`: {why}"))
        .at(site.span, format!("`{}` asks for `{strategy}`", site.address))
        .help(format!("use {}", applicable(site, true)))
}

fn too_few_samples(plan: &Plan, site: &Site) -> Diagnostic {
    let (strategy, least) = (plan.rule.name(), plan.rule.least_samples(&plan.strategy));
    Diagnostic::error(Code("E0502"), format!("`{strategy}` needs at least {least} draws a step"))
        .at(site.span, format!("`{}` asks for `{strategy}`", site.address))
        .help(format!("set `samples = {least}` or more in the fit, or use `reinforce` with a moving average"))
}

/// The strategies without bias that apply to a site; `smooth` includes those whose values are differentiated.
pub fn candidates(site: &Site, smooth: bool) -> impl Iterator<Item = &'static dyn Rule> {
    let fits = move |rule: &&dyn Rule| {
        let typed = smooth || !(rule.is_smooth() || rule.relaxes());
        typed && rule.bias().is_none() && rule.applies(site).is_ok()
    };
    RULES.iter().copied().filter(fits)
}

/// The strategies that apply to a site, as a list.
pub fn applicable(site: &Site, smooth: bool) -> String {
    let names: Vec<String> =
        candidates(site, smooth).map(|rule| format!("`{}.{}(…)`", site.dist.name, rule.name())).collect();
    match names.as_slice() {
        [one] => one.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        [] => String::new(),
    }
}

/// When each variable is bound, in the order of the statements.
fn binding_order(program: &Program) -> Vec<usize> {
    let mut order = vec![usize::MAX; program.vars.len()];
    let mut count = 0;
    visit::bound(&program.body, &mut |var| {
        order[var.0 as usize] = count;
        count += 1;
    });
    order
}

fn late_baseline(site: &Site) -> Diagnostic {
    let address = &site.address;
    Diagnostic::error(Code("E0507"), format!("the baseline of `{address}` is computed after `{address}`"))
        .at(site.span, "its baseline must be known before it is drawn")
        .note("a baseline that sees the value it is subtracted for makes the gradient biased")
        .help(format!("compute the baseline from data and from what is drawn before `{address}`"))
}

fn dependent_control(site: &Site, control: Span) -> Diagnostic {
    let address = &site.address;
    let message = format!("the control of `{address}` depends on `{address}` of its own copy");
    Diagnostic::error(Code("E0507"), message)
        .at(site.span, "drawn by `reinforce`, with the control subtracted from its cost")
        .at(control, "the control")
        .note("a control that sees the value it is subtracted for makes the gradient biased")
        .help("compute the control from the other copies' results and from what is drawn outside the copies")
}

/// Parameters that are differentiated, but not by the rule.
fn undifferentiated_parameters(rule: &dyn Rule, site: &Site, smoothness: &Smoothness) -> Vec<Diagnostic> {
    let params = site.dist.params.iter().zip(&site.args).enumerate();
    let lost =
        params.filter(|(at, (_, arg))| smoothness.is_smooth(arg.var) && !rule.differentiates(site, *at));
    lost.map(|(_, (param, _))| {
        let (dist, name, strategy) = (&site.dist.name, &param.name, rule.name());
        let others = candidates(site, true).filter(|other| other.name() != strategy);
        let others: Vec<String> = others.map(|other| format!("`{dist}.{}(…)`", other.name())).collect();
        Diagnostic::error(
            Code("E0505"),
            format!("`{strategy}` of `{dist}` does not differentiate its `{name}`"),
        )
        .at(site.span, format!("`{name}` of `{}` is differentiated here", site.address))
        .note(format!("`{dist}` states no `weak_derivative` by `{name}`"))
        .help(format!("use {}", others.join(", ")))
    })
    .collect()
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

/// Whether enumerating a site would take too many lanes; sizes that are not known yet do not.
fn over_limit(program: &Program, sample: &Sample) -> bool {
    let dependence = Dependence::on(program, sample, Through::Samples);
    let size = support::size(&program.axes, &sample.site, &known_dims(program)).and_then(|size| size.value());
    let (Some(result), Some(size)) = (objective(program), size) else { return false };
    let terms = split(program, result, &dependence);
    by_joint_rows(&terms, sample, &dependence).keys().any(|joint| {
        let sizes = joint.iter().map(|axis| program.axes.info(*axis).size.value());
        let rows = sizes.map(|size| size.and_then(|size| u32::try_from(size).ok()));
        let Some(rows) = rows.collect::<Option<Vec<u32>>>() else { return false };
        let rows = rows.into_iter().fold(1_u32, u32::saturating_mul);
        !joint.is_empty() && size.checked_pow(rows).is_none_or(|lanes| lanes > LANES as i64)
    })
}
