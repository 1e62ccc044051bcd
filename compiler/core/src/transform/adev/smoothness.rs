//! Smooth and rigid: where derivatives flow, and where they may not.
//!
//! Every real value is *smooth* (it may depend on parameters or on smooth samples through a
//! derivative) or *rigid*; ints and bools are rigid. A program all of whose non-differentiable
//! uses have rigid operands is one that `adev` differentiates without bias (Becker et al. 2024,
//! §4: the types ℝ and ℝ*), given integrability, whose assumptions are collected as notes.
//!
//! One dataflow: each variable has the set of **sources** (parameters, smooth sites) it is smooth
//! in. It needs no sizes, so it runs before data is bound, on objective and generative programs.

use super::estimator::rule;
use super::range::{Range, decided, ranges};
use super::strategy::{applicable, sites};
use crate::ir::{Elem, InputKind, Op, Program, Sample, Scan, Site, Stmt, Var};
use crate::prim::Prim;
use crate::transform::flow::each_let;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// What an estimator's unbiasedness rests on beyond the rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note {
    /// The place.
    pub span: Span,
    /// What is assumed or not proven there.
    pub text: String,
}

impl Note {
    /// The user cut a derivative.
    pub fn not_proven(span: Span) -> Note {
        Note { span, text: "not proven unbiased: a derivative is cut here".to_string() }
    }
}

/// Where a derivative starts.
#[derive(Debug, Clone)]
pub enum Source {
    /// A parameter, or the noise that a control is a function of, by its input.
    Input(Var),
    /// A smooth site.
    Site(Var, Rc<Site>),
}

impl Source {
    fn span(&self, program: &Program) -> Span {
        match self {
            Source::Input(var) => program.vars[var.0 as usize].span,
            Source::Site(_, site) => site.span,
        }
    }

    fn var(&self) -> Var {
        match self {
            Source::Input(var) | Source::Site(var, _) => *var,
        }
    }
}

/// A use that wants a rigid operand.
#[derive(Debug, Clone)]
pub struct Use {
    /// Which.
    pub kind: UseKind,
    /// The operand.
    pub operand: Var,
    /// The place.
    pub span: Span,
}

/// The uses that want rigid operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UseKind {
    /// A comparison: a condition, an index, a loop bound.
    Compare,
    /// floor, ceil, round.
    Round,
    /// The sign.
    Sign,
    /// The remainder.
    Remainder,
    /// The angle, with its cut.
    Angle,
    /// The order of a Bessel function.
    Order,
    /// A derivative by a shape.
    Slope,
    /// An operand of a base sampler.
    Sampler,
    /// A relaxed flip other than as a real.
    Flip,
    /// A relaxed choice of an index other than to look something up.
    Choice,
    /// A parameter of a distribution that must be rigid, by name.
    Parameter(String),
}

impl UseKind {
    /// As a clause for a label.
    pub fn clause(&self) -> String {
        match self {
            UseKind::Compare => "compared here: the branch taken jumps".to_string(),
            UseKind::Round => "rounded here: the result jumps".to_string(),
            UseKind::Sign => "its sign is taken here: the result jumps".to_string(),
            UseKind::Remainder => "a remainder is taken here: the result jumps".to_string(),
            UseKind::Angle => "an angle is taken here: it jumps at the cut".to_string(),
            UseKind::Order => "the order of a Bessel function here: it is not differentiated".to_string(),
            UseKind::Slope => "a derivative is taken here that is not differentiated again".to_string(),
            UseKind::Sampler => "a sampler's operand here: it is not differentiated through".to_string(),
            UseKind::Flip => "used here as true or false, which a relaxed value is not".to_string(),
            UseKind::Choice => "used here as a whole number, which a relaxed value is not".to_string(),
            UseKind::Parameter(name) => format!("`{name}` moves the support here or is a count"),
        }
    }

    /// One word for lists.
    pub fn word(&self) -> &str {
        match self {
            UseKind::Compare => "branch",
            UseKind::Round => "rounding",
            UseKind::Sign => "sign",
            UseKind::Remainder => "remainder",
            UseKind::Angle => "angle",
            UseKind::Order => "order",
            UseKind::Slope => "derivative",
            UseKind::Sampler => "sampler",
            UseKind::Flip => "flip",
            UseKind::Choice => "index",
            UseKind::Parameter(_) => "support",
        }
    }
}

/// The result of the analysis.
#[derive(Debug, Clone)]
pub struct Smoothness {
    /// All sources that occur.
    pub sources: Vec<Source>,
    /// All uses that want rigid operands, in program order.
    pub uses: Vec<Use>,
    /// The position of each variable that is a source.
    started: HashMap<Var, usize>,
    smooth: Vec<bool>,
    /// What a derivative flows from into each variable.
    flows: Vec<Vec<Var>>,
}

/// Analyses a program in which `smooth` says how a site with some smooth argument is drawn. Parameters of
/// distributions that must be rigid are uses where the site is not drawn smoothly, and in every density of a
/// generative program.
pub fn analyse(program: &Program, smooth: &dyn Fn(&Site) -> bool) -> Smoothness {
    let mut flow = Flow::new(program, smooth);
    while flow.block(&program.body) {}
    flow.uses(&program.body);
    flow.found
}

impl Smoothness {
    /// Whether a derivative may flow through the variable.
    pub fn is_smooth(&self, var: Var) -> bool {
        self.smooth[var.0 as usize]
    }

    /// What it is smooth in. Followed back when it is asked for: a set for every variable would grow with the square
    /// of the program.
    pub fn sources_of(&self, var: Var) -> impl Iterator<Item = &Source> {
        let mut found = BTreeSet::new();
        let mut seen = HashSet::from([var]);
        let mut open = vec![var];
        while let Some(var) = open.pop() {
            found.extend(self.started.get(&var).copied());
            open.extend(self.flows[var.0 as usize].iter().copied().filter(|from| seen.insert(*from)));
        }
        found.into_iter().map(|at| &self.sources[at])
    }

    /// The uses that have a smooth operand.
    pub fn violations(&self) -> impl Iterator<Item = &Use> {
        self.uses.iter().filter(|used| self.is_smooth(used.operand))
    }

    /// One error for every place of use and source.
    pub fn errors(&self, program: &Program) -> Vec<Diagnostic> {
        let mut seen = HashSet::new();
        let mut errors = Vec::new();
        for used in self.violations() {
            for source in self.sources_of(used.operand) {
                // Programs used twice in an objective have their statements twice.
                if seen.insert((used.span, source.span(program))) {
                    errors.push(self.error(program, used, source));
                }
            }
        }
        errors
    }

    /// The error of a use whose operand is smooth in `source`.
    pub fn error(&self, program: &Program, used: &Use, source: &Source) -> Diagnostic {
        let name = match source {
            Source::Input(var) => program.vars[var.0 as usize].name.clone().unwrap_or_default(),
            Source::Site(_, site) => site.address.to_string(),
        };
        let message = format!("`{name}` is differentiated, but used where its derivative is lost");
        let mut error = Diagnostic::error(Code("E0501"), message).at(used.span, used.kind.clause());
        for step in self.path(program, used.operand, source) {
            let info = &program.vars[step.0 as usize];
            if let Some(step) = info.name.as_ref().filter(|_| info.span != source.span(program)) {
                error = error.at(info.span, format!("through `{step}`"));
            }
        }
        let by = match source {
            Source::Site(_, site) => site.strategy.as_ref().map_or("reparam", |written| written.name),
            Source::Input(_) => "",
        };
        match source {
            Source::Input(var) if is_noise(program, *var) => error
                .at(source.span(program), format!("a function of the {name}"))
                .note("a control variate that jumps makes the gradient biased")
                .help("use a function without jumps, such as `tanh` in place of a comparison"),
            Source::Input(_) => error
                .at(source.span(program), format!("`{name}` is a parameter"))
                .note("the gradient of what jumps is zero almost everywhere: the fit would not see it")
                .help("sample what is decided from a distribution with the parameter as its argument"),
            Source::Site(_, site) if matches!(used.kind, UseKind::Flip | UseKind::Choice) => {
                let strategy = site.strategy.as_ref().map_or("a relaxation", |strategy| strategy.name);
                let (place, only) = match used.kind {
                    UseKind::Flip => (format!("`real({name})`"), format!("as `real({name})` only")),
                    _ => (
                        format!("`one_hot({name}, …)`"),
                        format!(
                            "to look up reals, `x[{name}]`, or as `one_hot({name}, k)`, whose entry j is 1 where \
                             `{name} == j`,"
                        ),
                    ),
                };
                let label = format!("`{name}` is drawn by `{strategy}`, which relaxes {place}");
                let rigid = applicable(site, false);
                error
                    .at(site.span, label)
                    .help(format!("use it {only} or draw it without a relaxation: {rigid}"))
            }
            Source::Site(_, site) => error
                .at(site.span, format!("`{name}` is drawn by `{by}`, which differentiates through its value"))
                .help(format!(
                    "draw `{name}` so that its value is not differentiated: {}",
                    applicable(site, false)
                )),
        }
    }

    /// The variables between a source and a use, from the source on.
    fn path(&self, program: &Program, used: Var, source: &Source) -> Vec<Var> {
        let mut before: Vec<Option<Var>> = vec![None; program.vars.len()];
        let mut open = VecDeque::from([used]);
        while let Some(var) = open.pop_front() {
            if var == source.var() {
                let mut path = Vec::new();
                let mut step = var;
                while let Some(next) = before[step.0 as usize] {
                    path.push(next);
                    step = next;
                }
                return path;
            }
            for operand in &self.flows[var.0 as usize] {
                let next = operand.0 as usize;
                if before[next].is_none() && *operand != used {
                    before[next] = Some(var);
                    open.push_back(*operand);
                }
            }
        }
        Vec::new()
    }
}

fn is_noise(program: &Program, var: Var) -> bool {
    let definition = program.definitions()[var.0 as usize];
    matches!(definition, Some(Op::Input(input)) if input.kind == InputKind::Noise)
}

struct Flow<'a> {
    program: &'a Program,
    smooth: &'a dyn Fn(&Site) -> bool,
    found: Smoothness,
    ranges: Vec<Range>,
    /// The ends of the sites whose support has computed ends.
    drawn_between: HashMap<Var, [Option<Var>; 2]>,
}

impl<'a> Flow<'a> {
    fn new(program: &'a Program, smooth: &'a dyn Fn(&Site) -> bool) -> Self {
        let found = Smoothness {
            sources: Vec::new(),
            uses: Vec::new(),
            started: HashMap::new(),
            smooth: vec![false; program.vars.len()],
            flows: flows(program),
        };
        let between = |sample: &&Sample| {
            let site = &sample.site;
            let ends = site.dist.ends.map(|end| end.map(|at| site.args[at].var));
            (sample.var, ends)
        };
        let drawn_between = sites(program).iter().map(between).collect();
        Flow { program, smooth, found, ranges: ranges(program), drawn_between }
    }

    /// Makes smooth what a smooth value flows into; whether anything changed.
    fn block(&mut self, stmts: &[Stmt]) -> bool {
        let mut changed = false;
        for stmt in stmts {
            changed |= match stmt {
                Stmt::Let(binding) => match &binding.op {
                    Op::Input(input) if matches!(input.kind, InputKind::Param | InputKind::Noise) => {
                        self.start(Source::Input(binding.var))
                    }
                    _ => self.raise(binding.var),
                },
                Stmt::Sample(sample) => {
                    let smooth = self.smooth_arguments(sample) && (self.smooth)(&sample.site);
                    smooth && self.start(Source::Site(sample.var, sample.site.clone()))
                }
                Stmt::Scan(scan) => self.scan(scan),
                Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => false,
            };
        }
        changed
    }

    fn scan(&mut self, scan: &Scan) -> bool {
        let mut changed = false;
        loop {
            let mut again = false;
            for carry in &scan.carries {
                again |= self.raise(carry.var);
            }
            again |= self.block(&scan.body);
            changed |= again;
            if !again {
                return changed;
            }
        }
    }

    fn start(&mut self, source: Source) -> bool {
        let var = source.var();
        // A site whose value is no real is smooth where its conversion to one is: it is relaxed.
        let relaxed = match &source {
            Source::Input(_) => false,
            Source::Site(_, site) => site
                .strategy
                .as_ref()
                .and_then(|written| rule(written.name))
                .is_some_and(|rule| rule.relaxes() && rule.applies(site).is_ok()),
        };
        if !(self.elem(var) == Elem::Real || relaxed) || self.found.is_smooth(var) {
            return false;
        }
        self.found.smooth[var.0 as usize] = true;
        self.found.started.insert(var, self.found.sources.len());
        self.found.sources.push(source);
        true
    }

    fn raise(&mut self, var: Var) -> bool {
        let at = var.0 as usize;
        let smooth = self.found.flows[at].iter().any(|from| self.found.is_smooth(*from));
        smooth && !std::mem::replace(&mut self.found.smooth[at], true)
    }

    fn elem(&self, var: Var) -> Elem {
        self.program.vars[var.0 as usize].ty.elem
    }

    fn smooth_arguments(&self, sample: &Sample) -> bool {
        sample.site.args.iter().any(|arg| self.found.is_smooth(arg.var))
    }

    fn range(&self, var: Var) -> Option<Range> {
        (self.elem(var) == Elem::Real).then(|| self.ranges[var.0 as usize])
    }

    /// Whether one is an end of the interval that the other is drawn from, as in `lower <= x` for x drawn between
    /// `lower` and `upper`.
    fn is_end(&self, low: Var, high: Var) -> bool {
        let ends = |x: &Var| self.drawn_between.get(x);
        ends(&high).is_some_and(|ends| ends[0] == Some(low))
            || ends(&low).is_some_and(|ends| ends[1] == Some(high))
    }

    /// The uses of relaxed sites other than those that are relaxed: a flip as a real, an index of reals.
    fn discrete(&mut self, stmt: &Stmt) {
        let used: Vec<(Var, Span)> = match stmt {
            Stmt::Let(binding) => {
                let span = self.program.vars[binding.var.0 as usize].span;
                let relaxed = |var: &Var| match &binding.op {
                    Op::Prim(Prim::ToReal, _) => self.elem(*var) == Elem::Bool,
                    Op::Gather { index, .. } if index == var => self.elem(binding.var) == Elem::Real,
                    Op::Rename(..) | Op::Gather { .. } => true,
                    _ => false,
                };
                let used = binding.op.operands().into_iter().filter(|var| !relaxed(var));
                used.map(|var| (var, span)).collect()
            }
            Stmt::Scan(scan) => {
                let carried = scan.carries.iter().flat_map(|carry| [carry.init, carry.next]);
                carried.map(|var| (var, self.program.vars[var.0 as usize].span)).collect()
            }
            Stmt::Sample(sample) | Stmt::Observe(sample) => {
                let args = sample.site.args.iter().map(|arg| arg.var);
                args.chain(sample.guard).map(|var| (var, sample.site.span)).collect()
            }
            Stmt::Factor { .. } | Stmt::Report(_) => Vec::new(),
        };
        for (operand, span) in used {
            let kind = match self.elem(operand) {
                Elem::Real => continue,
                Elem::Bool => UseKind::Flip,
                Elem::Int => UseKind::Choice,
            };
            if self.found.is_smooth(operand) {
                self.found.uses.push(Use { kind, operand, span });
            }
        }
    }

    fn uses(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            self.discrete(stmt);
            match stmt {
                Stmt::Let(binding) => {
                    let span = self.program.vars[binding.var.0 as usize].span;
                    let (kind, operands) = match &binding.op {
                        // Inside the support of what is compared, one outcome is certain and nothing jumps.
                        Op::Prim(prim @ (Prim::Lt | Prim::Le), args)
                            if self
                                .range(args[0])
                                .zip(self.range(args[1]))
                                .is_some_and(|(a, b)| decided(*prim, a, b).is_some()) =>
                        {
                            continue;
                        }
                        Op::Prim(Prim::Lt | Prim::Le, args) if self.is_end(args[0], args[1]) => continue,
                        Op::Prim(prim, args) => match rigid_operands(*prim) {
                            Some((kind, count)) => (kind, args[..count].to_vec()),
                            None => continue,
                        },
                        Op::Draw(draw) => (UseKind::Sampler, draw.args.clone()),
                        _ => continue,
                    };
                    for operand in operands {
                        self.found.uses.push(Use { kind: kind.clone(), operand, span });
                    }
                }
                Stmt::Scan(scan) => self.uses(&scan.body),
                Stmt::Sample(sample) if (self.smooth)(&sample.site) => {}
                Stmt::Sample(sample) | Stmt::Observe(sample) => {
                    let site = &sample.site;
                    for (param, arg) in site.dist.params.iter().zip(&site.args).filter(|(p, _)| p.rigid) {
                        let kind = UseKind::Parameter(param.name.clone());
                        self.found.uses.push(Use { kind, operand: arg.var, span: site.span });
                    }
                }
                Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
}

/// What a derivative flows from into each variable: real values into real values.
fn flows(program: &Program) -> Vec<Vec<Var>> {
    fn collect(stmts: &[Stmt], put: &mut dyn FnMut(Var, Vec<Var>)) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(binding) => put(binding.var, differentiated(&binding.op)),
                Stmt::Scan(scan) => {
                    scan.carries.iter().for_each(|carry| put(carry.var, vec![carry.init, carry.next]));
                    collect(&scan.body, put);
                }
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
    let real = |var: Var| program.vars[var.0 as usize].ty.elem == Elem::Real;
    let mut flows = vec![Vec::new(); program.vars.len()];
    collect(&program.body, &mut |var, mut from| {
        from.retain(|from| real(var) && real(*from));
        flows[var.0 as usize] = from;
    });
    // A relaxed site flows into what it is as a real, and into what is looked up by it, here or where it has been moved.
    let elem = |var: Var| program.vars[var.0 as usize].ty.elem;
    let mut drawn: HashSet<Var> = sites(program).iter().map(|sample| sample.var).collect();
    drawn.retain(|var| elem(*var) != Elem::Real);
    each_let(&program.body, &mut |stmt| match &stmt.op {
        Op::Prim(Prim::ToReal, args) if drawn.contains(&args[0]) && elem(args[0]) == Elem::Bool => {
            flows[stmt.var.0 as usize] = args.clone();
        }
        Op::Rename(_, x) | Op::Gather { x, .. } if drawn.contains(x) => {
            drawn.insert(stmt.var);
            flows[stmt.var.0 as usize] = vec![*x];
        }
        Op::Gather { index, .. } if drawn.contains(index) && real(stmt.var) => {
            flows[stmt.var.0 as usize].push(*index);
        }
        _ => {}
    });
    flows
}

/// The operands a derivative flows through.
fn differentiated(op: &Op) -> Vec<Var> {
    match op {
        Op::Const(_) | Op::Input(_) | Op::Iota(_) | Op::Draw(_) | Op::Detach(_) => Vec::new(),
        Op::Gather { x, .. } | Op::Scatter { x, .. } => vec![*x],
        Op::Prim(prim, args) => match rigid_operands(*prim) {
            Some((_, count)) => args[count..].to_vec(),
            None => args.clone(),
        },
        Op::Reduce(..)
        | Op::Rename(..)
        | Op::CumSum { .. }
        | Op::Stack { .. }
        | Op::Concat { .. }
        | Op::Cholesky { .. }
        | Op::TriSolve { .. }
        | Op::Tangent(_) => op.operands(),
    }
}

/// Which primitives want rigid operands, what they do with them, and how many of the first.
pub fn rigid_operands(prim: Prim) -> Option<(UseKind, usize)> {
    use Prim::*;
    let all = |kind| Some((kind, prim.arity()));
    match prim {
        Lt | Le | Eq | Ne => all(UseKind::Compare),
        Floor | Ceil | Round => all(UseKind::Round),
        Sign => all(UseKind::Sign),
        Rem | IntDiv => all(UseKind::Remainder),
        Atan2 => all(UseKind::Angle),
        LogBesselI => Some((UseKind::Order, 1)),
        LogGammaPBy(_) | LogGammaQBy(_) | LogIncBetaBy(_) | VonMisesCdfByKappa => all(UseKind::Slope),
        Neg | Abs | Exp | Expm1 | Log | Log1p | Sqrt | Sin | Cos | Tan | Tanh | Atan | Sigmoid | Softplus
        | Lgamma | Polygamma(_) | Erf | Erfc | LogPhi | InverseMills | InvPhi | Log1mExp | Not | ToReal
        | ToInt | Add | Sub | Mul | Div | Pow | Max | Min | XLogY | XMulY | Lbeta | OwensT | VonMisesCdf
        | LogGammaP | LogGammaQ | LogIncBeta | And | Or | Select | Require => None,
    }
}

/// What a generative program wants rigid of whoever gives it a trace: "needs rigid: x (branch, line 7)".
#[derive(Debug, Clone)]
pub struct Need {
    /// The latent.
    pub address: Rc<str>,
    /// Its place.
    pub site: Span,
    /// The use.
    pub kind: UseKind,
    /// The place of the use.
    pub span: Span,
}

/// The needs of a model or guide on its own, were all its real-valued sites smooth.
pub fn needs(program: &Program) -> Vec<Need> {
    let mut needs = Vec::new();
    // Every site with a real value could be smooth, whatever its arguments are here.
    let found = analyse_from(program, &|site| site.dist.support.elem() == Elem::Real);
    for used in found.violations() {
        for source in found.sources_of(used.operand) {
            if let Source::Site(_, site) = source {
                let (address, kind) = (site.address.clone(), used.kind.clone());
                needs.push(Need { address, site: site.span, kind, span: used.span });
            }
        }
    }
    needs
}

/// As [`analyse`], with sites smooth whether or not their arguments are.
fn analyse_from(program: &Program, smooth: &dyn Fn(&Site) -> bool) -> Smoothness {
    let never = |_: &Site| false;
    let mut flow = Flow::new(program, &never);
    for sample in sites(program) {
        if smooth(&sample.site) {
            flow.start(Source::Site(sample.var, sample.site.clone()));
        }
    }
    while flow.block(&program.body) {}
    flow.uses(&program.body);
    flow.found
}
