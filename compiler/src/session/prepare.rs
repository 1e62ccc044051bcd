//! A fit found in a session, compiled with its data, and checked against it.

use super::bind::arrays;
use super::constraint::unconstrain;
use super::estimator::{self, Data, Placed, Setup};
use super::fit::bias;
use super::locate;
use super::minibatch::{self, Plate, Shorter};
use super::settings::Resolved;
use super::{Options, Session};
use crate::elaborate::{self, Fit, Lowered, Objective, Reported, base_of};
use crate::pipeline::Derived;
use ndarray::{ArrayD, IxDyn};
use std::collections::HashSet;
use std::time::Instant;
use vary_core::axis::Axis;
use vary_core::ir::Program;
use vary_core::transform::adev::strategy::Chosen;
use vary_core::transform::require;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_runtime::data::Values;
use vary_runtime::fit::SiteReport;
use vary_runtime::float::Width;

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
    pub(super) posterior: Option<elaborate::Posterior>,
    pub(super) data: Data,
    pub(super) settings: Resolved,
    pub(super) sites: Vec<SiteReport>,
    pub(super) notes: Vec<String>,
    pub(super) began: Instant,
    pub(super) compiled: f64,
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
        let params = estimator::place(&fit.params(), |axis| axes.size(axis));
        let params = estimator::place_coefficients(params, estimators);
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
