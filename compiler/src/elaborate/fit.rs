//! Fits: objectives specialised to their programs, and settings.

use super::unit::Unit;
use super::value::Value;
use super::{Lower, Lowered, Mode, Params, Reported, base_of};
use std::collections::BTreeSet;
use std::rc::Rc;
use vary_core::axis::Axis;
use vary_core::dim::Dim;
use vary_core::generative::{Init, ParamSpec, ProgramExpr, ProgramKind};
use vary_core::ir::{Output, Program};
use vary_core::transform::require;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind};

/// A fit, ready to be differentiated and run.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Its name; `fit` when it has none.
    pub name: String,
    /// Its objectives, at least one; each moves its own parameters.
    pub objectives: Vec<Objective>,
    /// How it is optimised.
    pub settings: Settings,
    /// The declaration.
    pub span: Span,
}

impl Fit {
    /// The objective that is reported first.
    pub fn objective(&self) -> &Objective {
        &self.objectives[0]
    }

    /// The first model among its objectives, and what the user calls it.
    pub fn model(&self) -> Option<&(String, Rc<ProgramExpr>)> {
        self.objectives.iter().find_map(|objective| objective.model.as_ref())
    }

    /// The first guide among its objectives, and what the user calls it.
    pub fn guide(&self) -> Option<&(String, Rc<ProgramExpr>)> {
        self.objectives.iter().find_map(|objective| objective.guide.as_ref())
    }

    /// The parameters of all objectives, in order.
    pub fn params(&self) -> Vec<ParamSpec> {
        let mut params = Params::new();
        for param in self.objectives.iter().flat_map(|objective| &objective.params) {
            params.entry(param.name.clone()).or_insert_with(|| param.clone());
        }
        params.into_values().collect()
    }
}

/// An objective bound to its programs.
#[derive(Debug, Clone)]
pub struct Objective {
    /// Its name: that of the objective called, else `objective`.
    pub name: String,
    /// Whether larger is better.
    pub maximize: bool,
    /// What its value bounds.
    pub bound: Bound,
    /// Its value is (1/k) log E of a k-th moment, of which `program` gives a multiple.
    pub log_moment: Option<f64>,
    /// Each draw is the mean of an antithetic pair: a setting of the fit.
    pub antithetic: bool,
    /// One draw of it, the result `objective`, over the axis `draw`.
    pub program: Program,
    /// The axis of Monte Carlo draws.
    pub draw: Axis,
    /// The model and what the user calls it.
    pub model: Option<(String, Rc<ProgramExpr>)>,
    /// The guide and what the user calls it.
    pub guide: Option<(String, Rc<ProgramExpr>)>,
    /// The parameters of all programs in it, starting values replaced by the fit's `init`.
    pub params: Vec<ParamSpec>,
    /// Those that it is differentiated by: of programs that are not frozen everywhere.
    pub differentiated: BTreeSet<String>,
    /// Those that it moves: those it is differentiated by, unless the fit says `over`.
    pub moves: BTreeSet<String>,
    /// Places of the user's own `detach`, `surrogate` and `frozen`.
    pub detaches: Vec<Span>,
    /// Places where importance sampling estimates a density.
    pub estimates: Vec<Span>,
    /// How it is biased, by its own account.
    pub bias: Vec<String>,
    /// Where it is asked for.
    pub span: Span,
}

/// What the value of an objective bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The log evidence from below.
    Lower,
    /// The log evidence from above.
    Upper,
    /// Nothing is claimed.
    None,
}

/// The settings of a fit.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `key = value` in order; values are numbers or calls.
    pub entries: Vec<Entry>,
    /// Replacements by `--quick`.
    pub quick: Vec<Entry>,
}

/// `key = value` in the settings of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub name: String,
    /// The value.
    pub value: Setting,
    /// Where the value stands.
    pub span: Span,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// `adam(0.01)`: name, positional numbers, named numbers.
    Call(String, Vec<f64>, Vec<(String, f64)>),
}

/// The settings a fit understands.
const SETTINGS: &[&str] =
    &["init", "optimizer", "steps", "samples", "antithetic", "seed", "float", "quick", "minibatch", "epochs"];

impl Unit {
    /// The fits of the file in order: name and declaration.
    pub fn fits(&self) -> Vec<(Option<String>, ast::FitDecl, Span)> {
        self.order
            .iter()
            .filter_map(|declared| match &declared.item.kind {
                ItemKind::Fit(fit) => {
                    Some((fit.name.as_ref().map(|n| n.name.clone()), fit.clone(), declared.item.span))
                }
                _ => None,
            })
            .collect()
    }

    /// The models of the file in order.
    pub fn models(&self) -> Vec<String> {
        self.order
            .iter()
            .filter_map(|declared| match &declared.item.kind {
                ItemKind::Model(model) if model.params.is_empty() => Some(model.name.name.clone()),
                _ => None,
            })
            .collect()
    }

    /// Elaborates a declared fit.
    pub fn fit(&mut self, decl: &ast::FitDecl, span: Span) -> Lowered<Fit> {
        let (settings, inits) = self.settings(&decl.settings)?;
        let mut objectives = Vec::new();
        for (at, asked) in decl.objectives.iter().enumerate() {
            // Objectives share no randomness: each has a call path of its own.
            let path = if at == 0 { String::new() } else { format!("objective{}", at + 1) };
            objectives.push(self.objective_at(&asked.objective, Some((asked.maximize, asked.span)), path)?);
        }
        self.divide_parameters(&decl.objectives, &mut objectives)?;
        let pairs = |entry: &Entry| entry.name == "antithetic" && entry.value == Setting::Number(1.0);
        let antithetic = settings.entries.iter().any(pairs);
        objectives.iter_mut().for_each(|objective| objective.antithetic = antithetic);
        let name = decl.name.as_ref().map_or("fit".to_string(), |n| n.name.clone());
        let mut fit = Fit { name, objectives, settings, span };
        for field in inits {
            self.apply_init(&mut fit, &field, "")?;
        }
        Ok(fit)
    }

    /// The fit of a file without one: `elbo` of a model with an automatic guide.
    pub fn default_fit(&mut self, model: &str, guide: &str) -> Lowered<Fit> {
        let text = format!("fit: maximize elbo({model}, {guide}({model})) {{ }}\n");
        let source = self.sources.add("the fit chosen for this file", text.clone());
        let parsed = vary_syntax::parse_file(source, &text);
        match parsed.file.items.first().map(|item| (&item.kind, item.span)) {
            Some((ItemKind::Fit(decl), span)) => {
                let mut fit = self.fit(&decl.clone(), span)?;
                fit.name = "fit".to_string();
                Ok(fit)
            }
            _ => {
                self.diagnostics.extend(parsed.diagnostics);
                Err(Reported)
            }
        }
    }

    /// Specialises an objective expression to its programs.
    pub fn objective(&mut self, expr: &Expr, sense: Option<(bool, Span)>) -> Lowered<Objective> {
        self.objective_at(expr, sense, String::new())
    }

    /// The same, with a call path that names its randomness.
    fn objective_at(&mut self, expr: &Expr, sense: Option<(bool, Span)>, path: String) -> Lowered<Objective> {
        let declared = match &expr.kind {
            ExprKind::Call(callee, _) => match &callee.kind {
                ExprKind::Name(name) => {
                    self.find(name).filter(|d| matches!(d.item.kind, ItemKind::Objective(_)))
                }
                _ => None,
            },
            _ => None,
        };
        let (name, attributes) = match &declared {
            Some(d) => (
                super::unit::declared_name(&d.item).map_or("objective".into(), |n| n.name.clone()),
                d.item.attributes.clone(),
            ),
            None => ("objective".to_string(), Vec::new()),
        };
        let has = |wanted: &str| attributes.iter().any(|a| a.name.name == wanted);
        let own_sense = match (has("maximize"), has("minimize")) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        if let (Some(own), Some((asked, span))) = (own_sense, sense)
            && own != asked
        {
            let (is, not) = if own { ("maximised", "minimize") } else { ("minimised", "maximize") };
            self.report(
                Diagnostic::error(Code("E0603"), format!("`{name}` is {is}"))
                    .at(span, format!("`{not}` is written here"))
                    .help(format!("write `{}`", if own { "maximize" } else { "minimize" })),
            );
            return Err(Reported);
        }
        let maximize = sense.map(|(maximize, _)| maximize).or(own_sense).unwrap_or(true);
        let bound = match (has("lower_bound"), has("upper_bound")) {
            (true, _) => Bound::Lower,
            (_, true) => Bound::Upper,
            _ => Bound::None,
        };
        let detaches_before = self.detaches.len();
        let draw = self.draw_axis();
        let mut lower = Lower::new(self, Mode::Pure);
        lower.draw = Some(draw);
        lower.path = path;
        let value = lower.expr(expr)?;
        let Value::Array(value) = value else {
            return Err(lower.error(
                "E0602",
                expr.span,
                "an objective is a real",
                &format!("this is {}", value.kind()),
            ));
        };
        if lower.simulated.is_empty() && lower.scored.is_empty() && lower.free_params.is_empty() {
            return Err(lower.report(
                Diagnostic::error(Code("E0602"), "the objective uses no program and no parameter")
                    .at(expr.span, "nothing to fit")
                    .help("write for example `elbo(model, guide)`"),
            ));
        }
        let value = lower.reals_of(&value);
        let log_moment = match lower.moment {
            Some((moment, at)) if moment.var != value.var => {
                return Err(super::moment::combined(&mut lower, at));
            }
            moment => moment.map(|(moment, _)| moment.order),
        };
        let (simulated, scored) = (std::mem::take(&mut lower.simulated), std::mem::take(&mut lower.scored));
        let mut params = std::mem::take(&mut lower.free_params);
        let (weights, mut bias) = (std::mem::take(&mut lower.weights), std::mem::take(&mut lower.bias));
        bias.dedup();
        lower.unit.axes = lower.b.axes.clone();
        let mut results = vec![Output { name: "objective".into(), var: value.var, dims: vec![draw] }];
        results.append(&mut lower.beside);
        let Lower { b, .. } = lower;
        let program = require::prove(b.finish(results), &self.declared_ranges());
        let named = |wanted: &Rc<ProgramExpr>, unit: &Unit| {
            let text = call_arguments(expr).into_iter().find_map(|arg| match &arg.kind {
                ExprKind::Name(text) => unit.program_named(text, wanted).then(|| text.clone()),
                _ => None,
            });
            text.unwrap_or_else(|| base_of(wanted).name.clone())
        };
        let (model, guide) = roles(&simulated, &scored);
        // A guide that draws stays inside the model; one that is only scored is checked by its objective.
        if let (Some(model), Some(guide)) = (&model, &guide)
            && simulated.iter().any(|drawn| Rc::ptr_eq(drawn, guide))
        {
            self.check_supports(model, guide)?;
        }
        let mut programs = Vec::new();
        for program in simulated.iter().chain(&scored) {
            collect_params(program, &mut params, &mut programs);
        }
        let live = super::over::live(&program);
        let used = weights.iter().filter(|(var, _)| live[var.0 as usize]);
        let mut estimates: Vec<Span> = used.filter_map(|(_, p)| super::effect::estimate(p)).collect();
        estimates.dedup();
        let model = model.map(|p| (named(&p, self), p));
        let guide = guide.map(|p| (named(&p, self), p));
        let mut detaches = self.detaches.split_off(detaches_before);
        for program in &programs {
            detaches.extend(self.detaches_of.get(program).into_iter().flatten());
        }
        detaches.sort();
        detaches.dedup();
        let differentiated = super::over::differentiated(&program);
        let moves = differentiated.clone();
        Ok(Objective {
            name,
            maximize,
            bound,
            log_moment,
            antithetic: false,
            program,
            draw,
            model,
            guide,
            params: params.into_values().collect(),
            differentiated,
            moves,
            detaches,
            estimates,
            bias,
            span: expr.span,
        })
    }

    /// Whether a file-level name stands for this program.
    fn program_named(&self, name: &str, program: &ProgramExpr) -> bool {
        let found =
            self.order.iter().find(|d| super::unit::declared_name(&d.item).is_some_and(|n| n.name == name));
        match (found.map(|d| &d.item.kind), program) {
            (Some(ItemKind::Model(_) | ItemKind::Guide(_)), ProgramExpr::Base(base)) => base.name == name,
            (Some(ItemKind::Let(_)), ProgramExpr::Base(_)) => false,
            (Some(ItemKind::Let(_)), _) => true,
            _ => false,
        }
    }

    fn settings(&mut self, fields: &[ast::Field]) -> Lowered<(Settings, Vec<ast::Field>)> {
        let mut settings = Settings::default();
        let mut inits = Vec::new();
        let mut failed = false;
        for (at, field) in fields.iter().enumerate() {
            let twice = fields[..at].iter().find(|earlier| earlier.name.name == field.name.name);
            if let Some(first) = twice {
                self.report(
                    Diagnostic::error(Code("E0604"), format!("`{}` is set twice", field.name.name))
                        .at(field.name.span, "again here")
                        .at(first.name.span, "first here"),
                );
                failed = true;
                continue;
            }
            let taken = match field.name.name.as_str() {
                "init" => self.named_values(field).map(|fields| inits.extend(fields)),
                "quick" => self.named_values(field).and_then(|fields| {
                    let quick: Lowered<Vec<Vec<Entry>>> =
                        fields.iter().map(|field| self.entries(field)).collect();
                    quick.map(|quick| settings.quick = quick.concat())
                }),
                _ => self.entries(field).map(|entries| settings.entries.extend(entries)),
            };
            failed |= taken.is_err();
        }
        for entries in [&settings.entries, &settings.quick] {
            let span = |name: &str| entries.iter().find(|entry| entry.name == name).map(|entry| entry.span);
            if let (Some(steps), Some(epochs)) = (span("steps"), span("epochs")) {
                self.report(
                    Diagnostic::error(Code("E0604"), "both `steps` and `epochs` say how long the fit is")
                        .at(epochs, "this many times all rows")
                        .at(steps, "this many steps")
                        .help("give one of them"),
                );
                failed = true;
            }
        }
        if failed { Err(Reported) } else { Ok((settings, inits)) }
    }

    /// The fields of `init = (mu = 0)`.
    fn named_values(&mut self, field: &ast::Field) -> Lowered<Vec<ast::Field>> {
        if let ExprKind::Record { fields, .. } = &field.value.kind {
            return Ok(fields.clone());
        }
        let name = &field.name.name;
        let example = match name.as_str() {
            "init" => "(mu = 0, sigma = 1)",
            "minibatch" => "(n = 128)",
            _ => "(steps = 100)",
        };
        self.report(
            Diagnostic::error(Code("E0604"), format!("`{name}` is a list of named values"))
                .at(field.value.span, "not one")
                .help(format!("write `{name} = {example}`")),
        );
        Err(Reported)
    }

    /// The entries of a setting: one, or those of `minibatch = (n = 128, m = 32)`, called `minibatch.n` and so on.
    fn entries(&mut self, field: &ast::Field) -> Lowered<Vec<Entry>> {
        if field.name.name != "minibatch" {
            return Ok(vec![self.entry(field)?]);
        }
        let mut entries = Vec::new();
        for field in self.named_values(field)? {
            let value = self.constant(&field.value).map(Setting::Number)?;
            let name = format!("minibatch.{}", field.name.name);
            entries.push(Entry { name, value, span: field.name.span.to(field.value.span) });
        }
        Ok(entries)
    }

    fn entry(&mut self, field: &ast::Field) -> Lowered<Entry> {
        let name = field.name.name.as_str();
        if !SETTINGS.contains(&name) {
            let mut diagnostic = Diagnostic::error(Code("E0604"), format!("a fit has no setting `{name}`"))
                .at(field.name.span, "unknown");
            if let Some(advice) = foreign_setting(name) {
                diagnostic = diagnostic.help(advice);
            } else if let Some(near) = super::unit::nearest(name, SETTINGS.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            self.report(diagnostic.note(format!("the settings are {}", SETTINGS.join(", "))));
            return Err(Reported);
        }
        let value = self.setting(&field.value)?;
        Ok(Entry { name: name.to_string(), value, span: field.value.span })
    }

    fn setting(&mut self, expr: &Expr) -> Lowered<Setting> {
        if let ExprKind::Call(callee, args) = &expr.kind
            && let ExprKind::Name(name) = &callee.kind
            && super::builtin::find(name).is_none()
        {
            let (mut positional, mut named) = (Vec::new(), Vec::new());
            for arg in args {
                let value = self.constant(&arg.value)?;
                match &arg.name {
                    None => positional.push(value),
                    Some(name) => named.push((name.name.clone(), value)),
                }
            }
            return Ok(Setting::Call(name.clone(), positional, named));
        }
        self.constant(expr).map(Setting::Number)
    }

    /// The number an expression is known to be, reporting nothing.
    pub fn known_number(&mut self, expr: &Expr) -> Option<f64> {
        let before = self.diagnostics.len();
        let mut lower = Lower::new(self, Mode::Pure);
        let value = lower.array(expr).ok();
        let number =
            value.filter(|v| v.dims.is_empty()).and_then(|v| lower.b.constant(v.var)).map(|c| c.number());
        self.diagnostics.truncate(before);
        number
    }

    /// A number known before the program runs.
    fn constant(&mut self, expr: &Expr) -> Lowered<f64> {
        let mut lower = Lower::new(self, Mode::Pure);
        let value = lower.array(expr)?;
        match lower.b.constant(value.var) {
            Some(constant) if value.dims.is_empty() => Ok(constant.number()),
            _ => Err(lower.error(
                "E0604",
                expr.span,
                "a setting is a number",
                "this is not known before the fit",
            )),
        }
    }

    /// `init = (mu = [0, 0])`; `within` is what is written around: `encoder.` in `init = (encoder = (w = 0))`.
    fn apply_init(&mut self, fit: &mut Fit, field: &ast::Field, within: &str) -> Lowered<()> {
        let name = &format!("{within}{}", field.name.name);
        if let ExprKind::Record { spread: None, fields } = &field.value.kind {
            return fields.iter().try_for_each(|field| self.apply_init(fit, field, &format!("{name}.")));
        }
        let params = fit.params();
        let own = |p: &&ParamSpec| p.name == *name || p.name.ends_with(&format!(".{name}"));
        let matches: Vec<&ParamSpec> = params.iter().filter(own).collect();
        let [spec] = matches.as_slice() else {
            let known: Vec<&str> = params.iter().map(|p| p.name.as_str()).collect();
            self.report(
                Diagnostic::error(Code("E0605"), format!("`init` names no parameter `{name}`"))
                    .at(
                        field.name.span,
                        if matches.is_empty() { "unknown" } else { "more than one has this name" },
                    )
                    .note(format!("the parameters are {}", known.join(", "))),
            );
            return Err(Reported);
        };
        let mut lower = Lower::new(self, Mode::Pure);
        let init = lower.initial_value(&field.value, spec)?;
        let everywhere = fit.objectives.iter_mut().flat_map(|objective| &mut objective.params);
        everywhere.filter(|param| param.name == spec.name).for_each(|param| param.init = Some(init.clone()));
        Ok(())
    }
}

impl Lower<'_> {
    /// A starting value in the shape of a parameter.
    fn initial_value(&mut self, expr: &Expr, spec: &ParamSpec) -> Lowered<Init> {
        let dims: Vec<Dim> = spec.dims.iter().map(|axis| self.b.axes.info(*axis).size.clone()).collect();
        self.filled(expr, &dims, &spec.name, ("start", spec.span))
    }
}

/// The parameters of the programs that an expression is made of, and the programs' names.
pub(super) fn collect_params(program: &ProgramExpr, params: &mut Params, names: &mut Vec<String>) {
    for part in program.parts() {
        let ProgramExpr::Base(program) = part else { continue };
        names.push(program.name.clone());
        for param in &program.params {
            params.entry(param.name.clone()).or_insert_with(|| param.clone());
        }
    }
}

/// The model and the guide of an objective: what is scored and what draws, also as a part of another program, or
/// in each other's place (where a guide is scored at what the model draws).
fn roles(
    simulated: &[Rc<ProgramExpr>],
    scored: &[Rc<ProgramExpr>],
) -> (Option<Rc<ProgramExpr>>, Option<Rc<ProgramExpr>>) {
    let of = |kind: ProgramKind| move |p: &&Rc<ProgramExpr>| base_of(p).kind == kind;
    let plain = |kind: ProgramKind| {
        let parts = simulated.iter().chain(scored).flat_map(|p| p.parts());
        let base =
            parts.filter_map(|part| if let ProgramExpr::Base(base) = part { Some(base) } else { None });
        base.into_iter().find(|base| base.kind == kind).map(|base| Rc::new(ProgramExpr::Base(base.clone())))
    };
    let (model, guide) = (ProgramKind::Model, ProgramKind::Guide);
    let model = scored.iter().find(of(model)).cloned().or_else(|| plain(model));
    let guide =
        simulated.iter().find(of(guide)).cloned().or_else(|| plain(guide)).or(simulated.first().cloned());
    (model, guide)
}

/// The arguments of a call, else nothing.
fn call_arguments(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Call(_, args) => args.iter().map(|arg| &arg.value).collect(),
        _ => Vec::new(),
    }
}

/// What a setting of another system is called here.
fn foreign_setting(name: &str) -> Option<&'static str> {
    Some(match name {
        "num_particles" | "particles" | "num_samples" | "draws" | "mc_samples" => {
            "the draws of one step are `samples = 10`"
        }
        "lr" | "learning_rate" | "step_size" | "rate" => "write `optimizer = adam(0.01)`",
        "iterations" | "iter" | "num_steps" | "n_steps" | "max_iter" => "write `steps = 1000`",
        "random_seed" | "rng_seed" | "key" => "write `seed = 1`",
        _ => return None,
    })
}
