//! A fit from a session and its data to a report.

use super::bind::arrays;
use super::constraint::{constrain, unconstrain};
use super::estimator::{self, Data, Placed, Setup};
use super::gradient::{GradientEstimator, Gradients};
use super::locate;
use super::measured::measured;
use super::minibatch::{self, Plate, Shorter};
use super::settings::Resolved;
use super::show::{self, Digits};
use super::{Options, Session};
use crate::elaborate::{self, Fit, Lowered, Objective, Reported, base_of};
use crate::pipeline::Derived;
use ndarray::{ArrayD, IxDyn};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_core::axis::Axis;
use vary_core::ir::{Elem, Output, Program};
use vary_core::transform::adev::{self, strategy::Chosen};
use vary_core::transform::require;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_runtime::data::Values;
use vary_runtime::fit as run;
use vary_runtime::fit::{
    Batches, EstimatorReport, FitReport, Observer, Outcome, Posterior, Seconds, Sense, SiteReport,
};
use vary_runtime::float::Width;

/// Added to the seed for fresh draws and for posterior draws, so that they share nothing with the fit's.
const FRESH_SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// The most rows of a plate taken in parts whose latents are summarised one by one.
const MOST_ROWS: usize = 1000;

/// The most entries of one array: 16 GiB of doubles.
const MOST_ENTRIES: usize = 1 << 31;

/// What is fitted: printed before the fit starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// Data that the model observes.
    pub observed: Vec<Variable>,
    /// What is inferred.
    pub latent: Vec<Variable>,
}

/// A name and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
}

/// A fit that is compiled and has its data.
pub struct Prepared {
    /// What is fitted.
    pub signature: Signature,
    /// The fit.
    pub fit: Fit,
    /// Every stage of every objective; over batches of the usual sizes, where a step takes some rows.
    pub derived: Vec<Derived>,
    /// Of every objective, those of steps with batches of other sizes.
    pub(super) shorter: Vec<Vec<Shorter>>,
    /// The plates that steps take some rows of.
    pub(super) plates: Vec<Plate>,
    pub(super) params: Vec<Placed>,
    pub(super) start: Vec<f64>,
    posterior: Option<elaborate::Posterior>,
    pub(super) data: Data,
    pub(super) settings: Resolved,
    pub(super) sites: Vec<SiteReport>,
    notes: Vec<String>,
    began: Instant,
    pub(super) compiled: f64,
}

/// A fit that ran, to its end or not.
pub struct Ended {
    /// The result, partial unless [`End::Finished`].
    pub report: FitReport,
    /// How it ended.
    pub end: End,
}

/// How a fit ended.
pub enum End {
    /// All steps are done.
    Finished,
    /// By the interrupt flag.
    Interrupted,
    /// By a number that is not finite.
    Failed(Diagnostic),
}

impl Session {
    /// The fit of this name (or the only one, or the automatic one), its sizes those of the data.
    pub fn find_fit(&mut self, name: Option<&str>, options: &Options) -> Lowered<Fit> {
        let fits = self.unit.fits();
        let named: Vec<String> = fits.iter().filter_map(|(name, ..)| name.clone()).collect();
        let found = match name {
            Some(wanted) => fits.iter().find(|(name, ..)| name.as_deref() == Some(wanted)),
            None => fits.iter().find(|(name, ..)| name.is_none()).or(if fits.len() == 1 {
                fits.first()
            } else {
                None
            }),
        };
        if let Some((_, decl, span)) = found {
            self.hold_sizes(Some(decl), options);
            return self.unit.fit(decl, *span);
        }
        let diagnostic = match name {
            Some(wanted) if named.is_empty() => {
                Diagnostic::error(Code("E0607"), format!("the file has no fit `{wanted}`"))
                    .help("leave the name out to fit `elbo` with an automatic guide")
            }
            Some(wanted) => Diagnostic::error(Code("E0607"), format!("the file has no fit `{wanted}`"))
                .help(format!("its fits are {}", named.join(", "))),
            None if !named.is_empty() => Diagnostic::error(Code("E0607"), "the file has several fits")
                .help(format!("name one of {}", named.join(", "))),
            None => return self.automatic_fit(options),
        };
        Err(self.misuse(diagnostic))
    }

    fn automatic_fit(&mut self, options: &Options) -> Lowered<Fit> {
        let guide = options.guide.clone().unwrap_or_else(|| "mean_field".to_string());
        if guide != "mean_field" {
            return Err(self.misuse(
                Diagnostic::error(Code("E0608"), format!("there is no automatic guide `{guide}`"))
                    .help("the automatic guides are mean_field"),
            ));
        }
        match self.unit.models().as_slice() {
            [model] => {
                let model = model.clone();
                self.hold_sizes(None, options);
                self.unit.default_fit(&model, &guide)
            }
            [] => {
                self.unit.report(
                    Diagnostic::error(Code("E0607"), "the file has no model to fit")
                        .help("write `model m { … }` with what is observed declared as `data`"),
                );
                Err(Reported)
            }
            several => {
                self.unit.report(
                    Diagnostic::error(Code("E0607"), "the file has several models and no fit")
                        .help(format!("write `fit: maximize elbo({0}, mean_field({0}))`", several[0])),
                );
                Err(Reported)
            }
        }
    }

    /// Compiles a fit with its data. Findings are in the unit when this fails.
    pub fn prepare(
        &mut self,
        name: Option<&str>,
        values: &Values,
        options: &Options,
        began: Instant,
    ) -> Lowered<Prepared> {
        let prepared = self.prepare_with(name, values, options, began);
        self.unit.release();
        prepared
    }

    fn prepare_with(
        &mut self,
        name: Option<&str>,
        values: &Values,
        options: &Options,
        began: Instant,
    ) -> Lowered<Prepared> {
        self.bind(values);
        let mut fit = self.find_fit(name, options)?;
        self.set_strategies(&mut fit, &options.estimator)?;
        if self.unit.has_errors() {
            return Err(Reported);
        }
        let mut settings = self.choose_settings(&fit, options)?;
        let plates = self.plates(&fit, &settings)?;
        settings.count_steps(&plates);
        self.bind_sizes(&mut fit);
        self.check_memory(&fit)?;
        let data = arrays(values);
        for objective in &mut fit.objectives {
            objective.antithetic = settings.antithetic;
            self.settle(&mut objective.program, &data)?;
        }
        let all = fit
            .objectives
            .iter()
            .map(|objective| minibatch::derive_all(objective, &plates, settings.samples, options.ad));
        let all: Result<Vec<_>, Vec<Diagnostic>> = all.collect();
        let all = all.map_err(|all| {
            let placed = |d: Diagnostic| if d.labels.is_empty() { d.at(fit.span, "in this fit") } else { d };
            all.into_iter().for_each(|d| self.unit.report(placed(d)));
            Reported
        })?;
        let (derived, shorter): (Vec<Derived>, Vec<Vec<Shorter>>) = all.into_iter().unzip();
        let long = plates.iter().filter(|plate| plate.rows > MOST_ROWS).map(|plate| plate.axis);
        let long: Vec<Axis> = long.collect();
        let posterior = self.unit.posterior(&fit)?.map(|drawn| drawn.without_rows(&long));
        if self.unit.has_errors() {
            return Err(Reported);
        }
        let axes = self.unit.axes.clone();
        let estimators = derived.iter().map(|derived| &derived.estimator);
        let params = estimator::place_all(&fit.params(), estimators, |axis| axes.size(axis));
        let start = self.start(&params, &data, settings.seed)?;
        let mut sites = Vec::new();
        let mut notes: Vec<String> =
            plates.iter().map(|plate| format!("subsampled: {}", plate.describe())).collect();
        for (derived, objective) in derived.iter().zip(&fit.objectives) {
            self.estimator_notes(derived, objective, &mut sites, &mut notes);
        }
        let signature = self.signature(&fit);
        let compiled = began.elapsed().as_secs_f64();
        Ok(Prepared {
            signature,
            fit,
            derived,
            shorter,
            plates,
            params,
            start,
            posterior,
            data,
            settings,
            sites,
            notes,
            began,
            compiled,
        })
    }

    /// Checks the constraints that depend on the program and its data only, and drops them.
    fn settle(&mut self, program: &mut Program, data: &Data) -> Lowered<()> {
        let mut required = require::requirements(program);
        required.retain(|requirement| requirement.source != require::Source::Run);
        if required.is_empty() {
            return Ok(());
        }
        let at = estimator::Moment { values: &[], draws: 1, step: 0, done: 0, rows: &[] };
        let setup = Setup { data, params: &[], threads: 1, seed: 0, plates: &[], width: Width::Double };
        let violations = locate::violations(program, &required, &at, &setup, Code("E0709"));
        let failed = !violations.is_empty();
        for (var, mut diagnostic) in violations {
            if required.iter().any(|r| r.var == var && r.source == require::Source::Program) {
                diagnostic.code = Code("E0316");
            }
            self.unit.report(diagnostic);
        }
        if failed {
            return Err(Reported);
        }
        let holding = required.iter().map(|requirement| requirement.var).collect();
        *program = require::assume(std::mem::take(program), &holding);
        Ok(())
    }

    /// Refuses arrays that no memory holds.
    fn check_memory(&mut self, fit: &Fit) -> Lowered<()> {
        let specs = fit.params();
        let params = specs.iter().map(|param| (param.name.clone(), &param.dims, param.span));
        let programs = fit.model().into_iter().chain(fit.guide()).map(|(_, program)| base_of(program));
        let sites = programs.flat_map(|base| base.latents.iter().chain(&base.observed));
        let sites = sites.map(|site| (site.address.to_string(), &site.dims, site.span));
        let mut large = Vec::new();
        for (name, dims, span) in params.chain(sites) {
            let entries =
                dims.iter().try_fold(1_usize, |all, axis| all.checked_mul(self.unit.axes.size(*axis)));
            if entries.is_none_or(|entries| entries > MOST_ENTRIES) {
                let sizes: Vec<String> =
                    dims.iter().map(|axis| self.unit.axes.size(*axis).to_string()).collect();
                large.push(
                    Diagnostic::error(Code("E0323"), format!("`{name}` is too large"))
                        .at(span, format!("it has {} entries", sizes.join(" × ")))
                        .note(format!("at most {MOST_ENTRIES} are held in memory")),
                );
            }
        }
        let failed = !large.is_empty();
        large.into_iter().for_each(|diagnostic| self.unit.report(diagnostic));
        if failed { Err(Reported) } else { Ok(()) }
    }

    /// Makes the sizes of the data known to the program.
    pub fn bind(&mut self, values: &Values) {
        for decl in self.unit.data() {
            let name = &decl.name.name;
            let Ok(ty) = self.unit.data_type(&decl) else { continue };
            if let Some(array) = values.arrays.get(name)
                && ty.constraint == vary_core::generative::Constraint::Int
                && array.ndim() == 0
                && let Some(value) = array.first()
            {
                self.unit.sizes.insert(name.clone(), *value as i64);
            }
        }
    }

    /// The unconstrained starting values.
    pub(super) fn start(&mut self, params: &[Placed], data: &Data, seed: u64) -> Lowered<Vec<f64>> {
        let mut start = vec![0.0; params.iter().map(|p| p.len).sum()];
        for placed in params {
            let Some(init) = &placed.spec.init else { continue };
            let value = match estimator::evaluate(&init.0, data, seed) {
                Ok(mut results) => results.remove("init"),
                Err(reason) => {
                    self.internal(reason, placed.spec.span);
                    return Err(Reported);
                }
            };
            let value = value.unwrap_or_else(|| ArrayD::zeros(IxDyn(&placed.shape)));
            match unconstrain(&placed.spec.constraint, &value) {
                Some(raw) => start[placed.offset..placed.offset + placed.len].copy_from_slice(&raw),
                None => {
                    self.unit.report(
                        Diagnostic::error(
                            Code("E0316"),
                            format!("the start of `{}` violates its type", placed.spec.name),
                        )
                        .at(placed.spec.span, "declared here")
                        .note(format!("the start is {value}")),
                    );
                    return Err(Reported);
                }
            }
        }
        Ok(start)
    }

    /// Reports a fault of the compiler.
    pub(super) fn internal(&mut self, reason: String, span: Span) {
        self.unit.report(
            Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"))
                .at(span, "while compiling this")
                .help("please report it with the program"),
        );
    }

    /// Strategies by site, and what unbiasedness rests on.
    pub(super) fn estimator_notes(
        &self,
        derived: &Derived,
        objective: &Objective,
        sites: &mut Vec<SiteReport>,
        notes: &mut Vec<String>,
    ) {
        let line =
            |span: Span| (span.source == self.source).then(|| self.unit.sources.line_column(span).0 as u32);
        let mut listed: HashSet<_> =
            sites.iter().map(|known| (known.address.clone(), known.strategy.clone(), known.line)).collect();
        for site in &derived.estimator.sites {
            let report = SiteReport {
                address: site.address.to_string(),
                strategy: site.chosen.name().to_string(),
                line: line(site.span),
            };
            let key = (report.address.clone(), report.strategy.clone(), report.line);
            if site.chosen != Chosen::Rigid && listed.insert(key) {
                sites.push(report);
            }
        }
        let mut noted: HashSet<String> = notes.iter().cloned().collect();
        for text in bias(objective, derived) {
            if noted.insert(text.clone()) {
                notes.push(text);
            }
        }
        for span in &objective.estimates {
            let place = line(*span).map_or(String::new(), |line| format!(", line {line}"));
            let text = format!(
                "a density is estimated by importance sampling, the objective is looser for it{place}"
            );
            if noted.insert(text.clone()) {
                notes.push(text);
            }
        }
        for note in &derived.estimator.notes {
            let text = match line(note.span) {
                Some(line) => format!("{}, line {line}", note.text),
                None => note.text.clone(),
            };
            if noted.insert(text.clone()) {
                notes.push(text);
            }
        }
    }

    /// What is observed and what is latent.
    pub fn signature(&self, fit: &Fit) -> Signature {
        let Some((_, model)) = fit.model() else { return Signature::default() };
        let variable = |site: &vary_core::generative::SiteSpec| Variable {
            name: site.address.to_string(),
            shape: site.dims.iter().map(|axis| self.unit.axes.size(*axis)).collect(),
        };
        Signature {
            observed: model.observed().iter().map(variable).collect(),
            latent: model.latents().iter().map(variable).collect(),
        }
    }
}

impl Prepared {
    /// The estimator of its steps.
    ///
    /// # Errors
    /// A fault of the compiler.
    pub fn steps(&self) -> Result<impl run::Estimator, String> {
        self.estimator(&self.setup(self.settings.threads))
    }

    /// The parameter vector at the start.
    pub fn start(&self) -> &[f64] {
        &self.start
    }

    /// What its programs need beside themselves.
    pub(super) fn setup(&self, threads: usize) -> Setup<'_> {
        let (data, params, plates) = (&self.data, self.params.as_slice(), self.plates.as_slice());
        Setup { data, params, threads, seed: self.settings.seed, plates, width: self.settings.width }
    }

    /// Runs the fit until its end or until the flag is set.
    pub fn run(self, observer: &mut dyn Observer, interrupt: &AtomicBool) -> Result<Ended, Diagnostic> {
        let fault =
            |reason: String| Diagnostic::error(Code("E0999"), format!("a fault of vary itself: {reason}"));
        let settings = &self.settings;
        let setup = self.setup(settings.threads);
        let mut estimator = self.estimator(&setup).map_err(fault)?;
        let mut optimizer = settings.optimizer(self.start.len())?;
        let sense = sense(self.fit.objective());
        let asked = run::Settings { steps: settings.steps, sense };
        let fitted = run::fit(&mut estimator, &mut *optimizer, &self.start, asked, interrupt, observer);
        let values = &fitted.params;

        let fresh = Setup { seed: settings.seed.wrapping_add(FRESH_SEED), width: Width::Double, ..setup };
        let mut objectives = Vec::new();
        for (which, tail) in fitted.tails.iter().enumerate() {
            objectives.push(measured(&self, which, values, *tail, fitted.steps, &fresh).map_err(fault)?);
        }
        let posterior = match &self.posterior {
            None => Vec::new(),
            Some(drawn) => estimator::sample(
                &drawn.program,
                &estimator::Moment { values, draws: settings.draws, step: 0, done: 0, rows: &[] },
                &fresh,
            )
            .map_err(fault)?
            .iter()
            .zip(&drawn.program.results)
            .map(|((name, draws), result)| self.summarise(drawn, result, name, draws))
            .collect(),
        };
        let own = self.fit.params().len();
        let constrained = self.params[..own].iter().map(|placed| {
            let raw = &values[placed.offset..placed.offset + placed.len];
            constrain(&placed.spec.constraint, raw, &placed.shape)
        });
        let parameters = self.shown_names().into_iter().zip(constrained).collect();
        let biased = !self.labels().is_empty();
        let unproven = self.notes.iter().any(|note| note.starts_with("not proven"));
        let report = FitReport {
            fit: Some(self.fit.name.clone()),
            model: self.fit.model().map(|(name, _)| name.clone()),
            guide: self.fit.guide().map(|(name, _)| name.clone()),
            objectives,
            estimator: EstimatorReport {
                unbiased: match (biased, unproven) {
                    (true, _) => Some(false),
                    (false, true) => None,
                    (false, false) => Some(true),
                },
                sites: self.sites.clone(),
                notes: self.notes.clone(),
            },
            parameters,
            posterior,
            diagnostics: run::Diagnostics::default(),
            steps: fitted.steps,
            seconds: Seconds {
                compile: self.compiled,
                optimise: fitted.seconds,
                total: self.began.elapsed().as_secs_f64(),
            },
            step_us: fitted.step_us,
            seed: settings.seed,
            threads: settings.threads,
            float: settings.width.bits(),
        };
        let end = match &fitted.outcome {
            Outcome::Finished => End::Finished,
            Outcome::Interrupted => End::Interrupted,
            Outcome::Failed(failure) => End::Failed(self.failure(failure, &setup)),
        };
        Ok(Ended { report, end })
    }

    /// Why objectives and strategies of sites are biased by construction; empty where none is.
    pub(super) fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        for (objective, derived) in self.fit.objectives.iter().zip(&self.derived) {
            labels.extend(bias(objective, derived));
        }
        labels.sort();
        labels.dedup();
        labels
    }

    /// The gradients of all objectives, each by its own parameters.
    pub(super) fn estimator(&self, setup: &Setup) -> Result<Gradients, String> {
        let parts: Result<Vec<(GradientEstimator, Sense)>, String> = (0..self.fit.objectives.len())
            .map(|which| {
                let (objective, derived) = (&self.fit.objectives[which], &self.derived[which]);
                let (states, samples) = (&derived.estimator.states, self.settings.samples);
                let programs = self.programs(which).into_iter();
                let programs: Vec<_> = programs.map(|(sizes, derived)| (sizes, &derived.gradient)).collect();
                let part = GradientEstimator::of_batches(&programs, states, samples, setup)?;
                let part = match objective.log_moment {
                    Some(order) => part.reporting_log_moment(order),
                    None => part,
                };
                let (sense, trained) = (sense(objective), derived.estimator.trained());
                Ok((if sense == Sense::Maximize { part.minimising(&trained) } else { part }, sense))
            })
            .collect();
        Ok(Gradients::new(parts?))
    }

    /// The stages of an objective for batches of all sizes, the usual ones first.
    pub(super) fn programs(&self, which: usize) -> Vec<(Vec<usize>, &Derived)> {
        let usual = self.plates.iter().map(|plate| plate.size).collect();
        let shorter = self.shorter[which].iter().map(|shorter| (shorter.sizes.clone(), &shorter.derived));
        std::iter::once((usual, &self.derived[which])).chain(shorter).collect()
    }

    /// A summary of draws; of a site under a condition, over the draws that have it.
    fn summarise(
        &self,
        drawn: &elaborate::Posterior,
        result: &Output,
        name: &str,
        draws: &ArrayD<f64>,
    ) -> Posterior {
        let conditional = drawn.conditional.contains(name);
        let summary =
            if conditional { Posterior::of_present(name, draws) } else { Posterior::of(name, draws) };
        // The first dimension is the draws'.
        let lower = |axis: &Axis| drawn.program.axes.info(*axis).lower.value().unwrap_or(0);
        summary.counted_from(result.dims.iter().skip(1).map(lower).collect())
    }

    /// The parameters by name: `ring.sigma`, or `sigma` where no other parameter ends so; a layer's parameters keep
    /// their path.
    pub(super) fn shown_names(&self) -> Vec<String> {
        fn short(name: &str) -> &str {
            name.rsplit('.').next().unwrap_or(name)
        }
        let full = || self.params.iter().map(|placed| placed.spec.name.as_str());
        let mut count: HashMap<&str, usize> = HashMap::new();
        full().for_each(|name| *count.entry(short(name)).or_default() += 1);
        let is_short = |name: &str| name.matches('.').count() <= 1 && count[short(name)] == 1;
        full().map(|name| if is_short(name) { short(name) } else { name }.to_string()).collect()
    }

    /// The rows that a step takes of each plate.
    fn rows_at(&self, step: u64, seed: u64) -> Vec<Vec<u32>> {
        let plates = self.plates.iter();
        plates.map(|p| Batches::new(&p.name, p.rows, p.size, seed).take(step).to_vec()).collect()
    }

    /// What went wrong: the first value that is not finite at the failed step, and where it is computed.
    pub(super) fn failure(&self, failure: &run::Failure, setup: &Setup) -> Diagnostic {
        let message = if failure.objective.is_finite() {
            format!("the gradient is not finite at step {}", failure.step)
        } else {
            format!("the objective is {} at step {}", failure.objective, failure.step)
        };
        let mut diagnostic = Diagnostic::error(Code("E0901"), message);
        let rows = self.rows_at(failure.step, setup.seed);
        let at = estimator::Moment {
            values: &failure.params,
            draws: self.settings.samples,
            step: failure.step,
            done: failure.step,
            rows: &rows,
        };
        let sizes: Vec<usize> = rows.iter().map(Vec::len).collect();
        let programs = (0..self.derived.len()).flat_map(|which| self.programs(which));
        let programs = programs.filter(|(own, _)| *own == sizes).map(|(_, derived)| derived);
        let programs: Vec<&Program> = programs.map(|derived| &derived.estimator.program).collect();
        let violated = programs.iter().find_map(|program| {
            let required = require::requirements(program);
            locate::violations(program, &required, &at, setup, Code("E0902")).into_iter().next()
        });
        if let Some((_, violated)) = violated {
            let message = format!("{} (step {})", violated.message, failure.step);
            return self
                .at_parameters(Diagnostic { message, ..violated }, failure)
                .at(self.fit.span, "in this fit");
        }
        match programs.iter().find_map(|program| locate::first_bad_value(program, &at, setup)) {
            Some(found) => diagnostic = diagnostic.at(found.span, found.text),
            None => {
                if let Some((at, value)) = failure.gradient
                    && let Some(placed) =
                        self.params.iter().find(|p| (p.offset..p.offset + p.len).contains(&at))
                {
                    let text = format!("the derivative by `{}` is {value}", placed.spec.name);
                    diagnostic = diagnostic.at(placed.spec.span, text);
                }
            }
        }
        let help = if failure.step == 0 {
            "look for data that the model gives no density at the start, or try other starting values"
        } else {
            "try smaller steps (`--set optimizer.rate=…`) or other starting values"
        };
        self.at_parameters(diagnostic, failure).at(self.fit.span, "in this fit").help(help)
    }

    /// The diagnostic with the parameters of the failed step.
    fn at_parameters(&self, mut diagnostic: Diagnostic, failure: &run::Failure) -> Diagnostic {
        for (placed, name) in self.params.iter().zip(self.shown_names()) {
            let raw = &failure.params[placed.offset..placed.offset + placed.len];
            let value = constrain(&placed.spec.constraint, raw, &placed.shape);
            if placed.len <= 8 {
                let value = show::entries(value.view(), Elem::Real, Digits::Six);
                diagnostic = diagnostic.note(format!("{name} was {value}"));
            }
        }
        diagnostic
    }
}

/// Why an objective is biased: by what it says of itself, and by the strategies of its sites.
fn bias(objective: &Objective, derived: &Derived) -> impl Iterator<Item = String> {
    let by_strategy = derived.estimator.sites.iter().filter_map(adev::strategy::SiteReport::bias);
    objective.bias.iter().cloned().chain(by_strategy)
}

/// Which way a fit moves an objective.
pub(super) fn sense(objective: &Objective) -> Sense {
    if objective.maximize { Sense::Maximize } else { Sense::Minimize }
}
