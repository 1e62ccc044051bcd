//! `vary check`: everything that can be said without data.

use super::{Options, Session};
use crate::elaborate::{Fit, Objective, Reported, base_of};
use std::collections::BTreeSet;
use std::fmt::Write;
use vary_core::generative::{Generative, ProgramKind, SiteSpec};
use vary_core::transform::adev::{smoothness, strategy, strategy::Chosen};
use vary_diagnostic::{Code, Diagnostic};
use vary_syntax::ast::ItemKind;

/// What was found beside diagnostics: lines for people.
pub struct Checked {
    /// Latents, observations, parameters, strategies.
    pub text: String,
}

impl Session {
    /// Elaborates every declaration and derives every estimator as far as sizes allow.
    pub fn check(&mut self) -> Checked {
        let mut text = String::new();
        if self.unit.has_errors() {
            // What could not be parsed would be missed by everything that uses it.
            return Checked { text };
        }
        let declared = self.unit.order.clone();
        let mut programs = Vec::new();
        for item in &declared {
            match &item.item.kind {
                ItemKind::Model(p) | ItemKind::Guide(p) => {
                    if let Ok(program) = self.unit.program(&p.name.name) {
                        programs.push(program);
                    }
                }
                ItemKind::Distribution(d) => {
                    let _ = self.unit.check_distribution(&d.name.name);
                }
                ItemKind::Let(binding) => {
                    let _ = self.unit.check_value(&binding.value);
                }
                ItemKind::Fn(f) => {
                    let _ = self.unit.check_function(f);
                }
                ItemKind::Net(net) => {
                    let _ = self.unit.check_net(net);
                }
                ItemKind::Data(data) => {
                    let _ = self.unit.check_data(data);
                }
                _ => {}
            }
        }
        for program in &programs {
            text.push_str(&self.program(program));
            text.push('\n');
            text.push_str(&self.needs(program));
        }
        self.fits_of_one_name();
        for (name, decl, span) in self.unit.fits() {
            if let Ok(fit) = self.unit.fit(&decl, span) {
                text.push_str(&self.check_fit(name.as_deref().unwrap_or("fit"), &fit));
            }
        }
        let fittable = |model: &String| programs.iter().any(|p| p.name == *model && !p.latents.is_empty());
        if self.unit.fits().is_empty()
            && !self.unit.has_errors()
            && let [model] = self.unit.models().as_slice()
            && fittable(model)
        {
            text.push_str(&self.automatic_fit_checked(&model.clone()));
        }
        self.unused_data();
        Checked { text }
    }

    /// What a program observes, draws and optimises: a line without its end.
    pub(super) fn program(&self, program: &Generative) -> String {
        let sites = |sites: &[SiteSpec]| match sites {
            [] => "nothing".to_string(),
            sites => sites.iter().map(|site| self.site(site)).collect::<Vec<_>>().join(", "),
        };
        let mut text = format!(
            "{}: observed: {}; latent: {}",
            program.name,
            sites(&program.observed),
            sites(&program.latents)
        );
        if !program.params.is_empty() {
            let params: Vec<&str> = program.params.iter().map(|p| p.name.as_str()).collect();
            let _ = write!(text, "; parameters: {}", params.join(", "));
        }
        text
    }

    /// What the fit of a file without one would do. That there is none is no fault of the file.
    fn automatic_fit_checked(&mut self, model: &str) -> String {
        let before = self.unit.diagnostics.len();
        let text = match self.unit.default_fit(model, "mean_field") {
            Ok(fit) => self.check_fit("fit (automatic)", &fit),
            Err(Reported) => String::new(),
        };
        match self.unit.diagnostics.drain(before..).next() {
            Some(obstacle) => format!("fit (automatic): none, since {}\n", obstacle.message),
            None => text,
        }
    }

    /// Which latents a model wants drawn without a derivative, whatever the guide.
    fn needs(&self, program: &Generative) -> String {
        let mut lines = BTreeSet::new();
        if program.kind == ProgramKind::Model {
            for need in smoothness::needs(&program.program) {
                let (line, _) = self.unit.sources.line_column(need.span);
                lines.insert(format!(
                    "  needs rigid: {} ({}, line {line})\n",
                    need.address,
                    need.kind.word()
                ));
            }
        }
        lines.into_iter().collect()
    }

    /// A fit is asked for by its name.
    fn fits_of_one_name(&mut self) {
        let fits = self.unit.fits();
        let names: Vec<_> = fits.iter().filter_map(|(_, decl, _)| decl.name.as_ref()).collect();
        for (at, name) in names.iter().enumerate() {
            if let Some(first) = names[..at].iter().find(|earlier| earlier.name == name.name) {
                self.unit.report(
                    Diagnostic::error(Code("E0201"), format!("the fit `{}` is declared twice", name.name))
                        .at(name.span, "the second declaration")
                        .at(first.span, "the first"),
                );
            }
        }
    }

    fn site(&self, site: &SiteSpec) -> String {
        let sizes: Vec<String> =
            site.dims.iter().map(|axis| self.unit.axes.info(*axis).size.to_string()).collect();
        if sizes.is_empty() {
            site.address.to_string()
        } else {
            format!("{}[{}]", site.address, sizes.join(", "))
        }
    }

    /// Strategies, and whether the estimator is unbiased.
    fn check_fit(&mut self, name: &str, fit: &Fit) -> String {
        fit.objectives.iter().map(|objective| self.check_objective(name, fit, objective)).collect()
    }

    fn check_objective(&mut self, name: &str, fit: &Fit, objective: &Objective) -> String {
        let mut text = format!("{name}: {}", objective.name);
        for (_, program) in objective.model.iter().chain(&objective.guide) {
            let _ = write!(text, ", {}", base_of(program).name);
        }
        if fit.objectives.len() > 1 {
            let moves: Vec<&str> = objective.moves.iter().map(String::as_str).collect();
            let _ = write!(text, ", over {}", moves.join(", "));
        }
        text.push('\n');
        let Ok(settings) = self.choose_settings(fit, &Options::default()) else { return text };
        let Ok(plates) = self.plates(fit, &settings) else { return text };
        let Ok(objective) = &self.over_batches(objective, &plates) else { return text };
        for plate in &plates {
            let _ = writeln!(text, "  subsampled: {}", plate.describe());
        }
        match strategy::choose(&objective.program, settings.samples) {
            Err(diagnostics) => diagnostics.into_iter().for_each(|d| self.unit.report(d)),
            Ok(choice) => {
                let mut seen = BTreeSet::new();
                for site in &choice.sites {
                    if seen.insert(site.address.to_string()) {
                        let strategy =
                            if site.chosen == Chosen::Rigid { "no strategy" } else { site.chosen.name() };
                        let _ = writeln!(text, "  {}: {strategy} ({})", site.address, site.reason);
                    }
                }
                if settings.antithetic {
                    text.push_str("  each draw is the mean of an antithetic pair\n");
                }
                let mut lines = BTreeSet::new();
                for note in &choice.notes {
                    if note.span.source == self.source {
                        lines.insert(format!(
                            "  {}, line {}",
                            note.text,
                            self.unit.sources.line_column(note.span).0
                        ));
                    }
                }
                for span in &objective.detaches {
                    let (line, _) = self.unit.sources.line_column(*span);
                    lines.insert(format!("  not proven unbiased: a derivative is cut, line {line}"));
                }
                let mut bias = objective.bias.clone();
                bias.extend(choice.sites.iter().filter_map(strategy::SiteReport::bias));
                lines.extend(bias.iter().map(|text| format!("  {text}")));
                let verdict = match (bias.is_empty(), objective.detaches.is_empty()) {
                    (false, _) => "biased",
                    (true, false) => "not proven unbiased",
                    (true, true) => "unbiased",
                };
                let _ = writeln!(text, "  gradient estimator: {verdict}");
                lines.into_iter().for_each(|line| text.push_str(&format!("{line}\n")));
            }
        }
        text
    }

    /// Data that nothing reads is probably a mistake in its name.
    fn unused_data(&mut self) {
        if self.unit.has_errors() {
            return;
        }
        for data in self.unit.data() {
            if !self.unit.used_data.contains(&data.name.name) {
                self.unit.report(
                    Diagnostic::error(
                        Code("E0206"),
                        format!("data `{}` is neither observed nor read", data.name.name),
                    )
                    .at(data.name.span, "declared here")
                    .help("observe it with `~`, use it, or remove the declaration"),
                );
            }
        }
    }
}
