//! The settings of a fit: its own, then those of the command line, defaults for the rest.

use super::minibatch::Plate;
use super::{Options, Session};
use crate::elaborate::{Entry, Fit, Lowered, Reported, Setting};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_runtime::fit::{Adam, Optimizer, SettingError, Sgd};
use vary_runtime::float::Width;

/// Settings with all defaults filled in.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) steps: u64,
    /// Instead of `steps`, where it is given.
    pub(super) epochs: Option<u64>,
    /// The rows that a step takes of each plate, and where that is written.
    pub(super) minibatch: Vec<(String, usize, Option<Span>)>,
    pub(super) samples: usize,
    pub(super) antithetic: bool,
    pub(super) seed: u64,
    pub(super) threads: usize,
    /// Width of the numbers of a step. What is reported is measured in double precision.
    pub(super) width: Width,
    pub(super) draws: usize,
    pub(super) rate: f64,
    pub(super) adam: Option<(f64, f64, f64)>,
}

impl Resolved {
    /// How many steps the fit has, with these plates taken in parts: an epoch takes every row of each at least once.
    pub(super) fn count_steps(&mut self, plates: &[Plate]) {
        if let Some(epochs) = self.epochs {
            let steps = plates.iter().map(|plate| plate.rows.div_ceil(plate.size)).max().unwrap_or(1);
            self.steps = epochs.saturating_mul(steps as u64);
        }
    }

    /// The optimiser of a parameter vector of this dimension.
    pub(super) fn optimizer(&self, dimension: usize) -> Result<Box<dyn Optimizer>, Diagnostic> {
        Ok(match self.adam {
            None => Box::new(Sgd::new(self.rate).map_err(setting_error)?),
            Some((b1, b2, eps)) => {
                Box::new(Adam::new(self.rate, b1, b2, eps, dimension).map_err(setting_error)?)
            }
        })
    }
}

impl Session {
    /// Resolves the settings of a fit.
    pub(super) fn choose_settings(&mut self, fit: &Fit, options: &Options) -> Lowered<Resolved> {
        let mut chosen = Resolved {
            steps: 10_000,
            epochs: None,
            minibatch: Vec::new(),
            samples: 10,
            antithetic: false,
            seed: 0,
            threads: options.threads.max(1),
            width: Width::Double,
            draws: options.draws,
            rate: 0.01,
            adam: Some((Adam::B1, Adam::B2, Adam::EPS)),
        };
        let quick: &[Entry] = if options.quick { &fit.settings.quick } else { &[] };
        let mut failed = false;
        for entry in fit.settings.entries.iter().chain(quick) {
            failed |= self.apply_setting(&mut chosen, &entry.name, &entry.value, Some(entry.span)).is_err();
        }
        if failed {
            return Err(Reported);
        }
        for (name, value) in &options.set {
            self.apply_setting(&mut chosen, name, &Setting::Number(*value), None)?;
        }
        if let Some(seed) = options.seed {
            chosen.seed = seed;
        }
        if let Some(width) = options.width {
            chosen.width = width;
        }
        Ok(chosen)
    }

    fn apply_setting(
        &mut self,
        chosen: &mut Resolved,
        name: &str,
        setting: &Setting,
        at: Option<Span>,
    ) -> Lowered<()> {
        let whole = |value: f64, least: f64| value.fract() == 0.0 && value >= least && value <= 1e15;
        let wrong = match (name, setting) {
            ("steps", Setting::Number(value)) if whole(*value, 1.0) => {
                (chosen.steps, chosen.epochs) = (*value as u64, None);
                None
            }
            ("epochs", Setting::Number(value)) if whole(*value, 1.0) => {
                chosen.epochs = Some(*value as u64);
                None
            }
            (name, Setting::Number(value)) if name.starts_with("minibatch.") && whole(*value, 1.0) => {
                let plate = name["minibatch.".len()..].to_string();
                chosen.minibatch.retain(|(known, ..)| *known != plate);
                chosen.minibatch.push((plate, *value as usize, at));
                None
            }
            ("samples", Setting::Number(value)) if whole(*value, 1.0) => {
                chosen.samples = *value as usize;
                None
            }
            ("antithetic", Setting::Number(value)) if *value == 0.0 || *value == 1.0 => {
                chosen.antithetic = *value == 1.0;
                None
            }
            ("seed", Setting::Number(value)) if whole(*value, 0.0) => {
                chosen.seed = *value as u64;
                None
            }
            ("float", Setting::Number(value)) if *value == 32.0 || *value == 64.0 => {
                chosen.width = if *value == 32.0 { Width::Single } else { Width::Double };
                None
            }
            ("optimizer.rate", Setting::Number(value)) if *value > 0.0 => {
                chosen.rate = *value;
                None
            }
            (name, _) if name.starts_with("minibatch.") => {
                Some(format!("`{name}` is a whole number of rows, at least 1"))
            }
            ("minibatch", _) => Some("give the rows of a plate: `--set minibatch.n=128`".to_string()),
            ("steps" | "samples" | "epochs", _) => Some(format!("`{name}` is a whole number, at least 1")),
            ("antithetic", _) => Some("`antithetic` is true or false (1 or 0 in `--set`)".to_string()),
            ("float", _) => Some("`float` is 32 or 64: the bits of the numbers of a step".to_string()),
            ("seed", _) => Some("`seed` is a whole number, at least 0".to_string()),
            ("optimizer.rate", _) => Some("`optimizer.rate` is a positive number".to_string()),
            ("optimizer", Setting::Call(optimizer, positional, named)) => {
                optimizer_setting(chosen, optimizer, positional, named)
            }
            ("optimizer", _) => Some("`optimizer` is `sgd(rate)` or `adam(rate)`".to_string()),
            _ => Some(format!(
                "there is no setting `{name}`; they are steps, epochs, minibatch.…, samples, antithetic, seed, float and optimizer.rate"
            )),
        };
        let Some(message) = wrong else { return Ok(()) };
        let diagnostic = Diagnostic::error(Code("E0604"), message);
        let Some(span) = at else {
            return Err(self.misuse(diagnostic.note("given by `--set`, or by `:set` at a prompt")));
        };
        self.unit.report(diagnostic.at(span, "not this"));
        Err(Reported)
    }
}

/// Applies `adam(0.01, b1 = 0.9)`; a message when it is wrong.
fn optimizer_setting(
    chosen: &mut Resolved,
    name: &str,
    positional: &[f64],
    named: &[(String, f64)],
) -> Option<String> {
    if !matches!(name, "sgd" | "adam") {
        return Some(format!("there is no optimizer `{name}`; they are sgd and adam"));
    }
    let mut rate = positional.first().copied();
    let mut moments = (Adam::B1, Adam::B2, Adam::EPS);
    if positional.len() > 1 {
        return Some(format!("`{name}` takes its rate; write other settings by name"));
    }
    for (key, value) in named {
        match (name, key.as_str()) {
            (_, "rate") => rate = Some(*value),
            ("adam", "b1") => moments.0 = *value,
            ("adam", "b2") => moments.1 = *value,
            ("adam", "eps") => moments.2 = *value,
            ("adam", _) => {
                return Some(format!("`adam` has no setting `{key}`; they are rate, b1, b2 and eps"));
            }
            _ => return Some(format!("`{name}` has no setting `{key}`; its only one is rate")),
        }
    }
    let Some(rate) = rate.filter(|rate| *rate > 0.0 && rate.is_finite()) else {
        return Some(format!("`{name}` needs a positive rate: `{name}(0.01)`"));
    };
    chosen.rate = rate;
    chosen.adam = (name == "adam").then_some(moments);
    None
}

fn setting_error(error: SettingError) -> Diagnostic {
    Diagnostic::error(
        Code("E0604"),
        format!("`{}` is {}, but must be {}", error.setting, error.value, error.expected),
    )
}
