//! Results for people: lines and aligned tables.

use vary_runtime::fit::{FitReport, ObjectiveReport, Posterior, PosteriorEntries, Summary, entry_name};

use super::table::{SHOWN, Table, number_text};
use super::unflatten;
use crate::engine::{Signature, Variable};

/// `observed: y[8]; latent: mu, tau, eta[8]`, a line.
pub fn signature(signature: &Signature) -> String {
    let list = |variables: &[Variable]| match variables {
        [] => "nothing".to_owned(),
        variables => variables.iter().map(variable).collect::<Vec<_>>().join(", "),
    };
    format!("observed: {}; latent: {}\n", list(&signature.observed), list(&signature.latent))
}

fn variable(variable: &Variable) -> String {
    entry_name(&variable.name, &variable.shape)
}

/// Objectives, tables of parameters and posterior, estimator and diagnostics.
pub fn text(report: &FitReport) -> String {
    let mut text = String::from("\n");
    for objective in &report.objectives {
        text += &self::objective(objective);
    }
    text += &parameters(report);
    text += &posterior(report);
    text += &remarks(report);
    text
}

/// `elbo  -8.076 ± 0.013  (5000 fresh draws; maximize, lower bound)` and the mean over the last steps.
fn objective(objective: &ObjectiveReport) -> String {
    let ObjectiveReport { name, mean, se, draws, tail, .. } = objective;
    let sense = super::sense(objective.sense);
    let bound = objective.bound.map_or(String::new(), |bound| format!(", {} bound", super::bound(bound)));
    let digits = decimals(*se);
    let mut text =
        format!("{name}  {mean:.digits$} ± {se:.digits$}  ({draws} fresh draws; {sense}{bound})\n");
    if let Some(tail) = tail {
        text += &format!("mean over the last {} steps  {:.digits$}\n", tail.steps, tail.mean);
    }
    text
}

/// Decimals that show two significant digits of a standard error.
fn decimals(se: f64) -> usize {
    if se > 0.0 && se.is_finite() { (1.0 - se.log10().floor()).clamp(0.0, 12.0) as usize } else { 4 }
}

fn parameters(report: &FitReport) -> String {
    let mut table = Table::new(&["parameter", "value"]);
    for (name, value) in &report.parameters {
        for (number, x) in value.iter().take(SHOWN).enumerate() {
            table.row([entry_name(name, &unflatten(number, value.shape())), number_text(*x)]);
        }
        table.more(name, value.len());
    }
    table.draw()
}

fn posterior(report: &FitReport) -> String {
    let mut table = Table::new(&["posterior", "mean", "sd", "5%", "50%", "95%"]);
    for posterior in &report.posterior {
        let Posterior { name, shape, entries, .. } = posterior;
        match entries {
            PosteriorEntries::Each(entries) => {
                for (number, entry) in entries.iter().take(SHOWN).enumerate() {
                    let Summary { mean, sd, q05, q50, q95 } = entry;
                    let numbers = [mean, sd, q05, q50, q95].map(|x| number_text(*x));
                    let entry = posterior.entry_name(number);
                    table.row(std::iter::once(entry).chain(numbers));
                }
                table.more(name, entries.len());
            }
            PosteriorEntries::Whole { mean, sd } => {
                table.row([entry_name(name, shape), number_text(*mean), number_text(*sd)]);
            }
        }
    }
    table.draw()
}

fn remarks(report: &FitReport) -> String {
    let unbiased = match report.estimator.unbiased {
        Some(true) => "gradient estimator: unbiased",
        Some(false) => "gradient estimator: biased",
        None => "gradient estimator: not proven unbiased",
    };
    let mut text = format!("\n{unbiased}\n");
    for note in &report.estimator.notes {
        text += &format!("  {note}\n");
    }
    if let Some(khat) = report.diagnostics.khat {
        text += &format!("k-hat {khat:.2}\n");
    }
    for message in &report.diagnostics.messages {
        text += &format!("{message}\n");
    }
    let step =
        report.step_us.map_or(String::new(), |time| format!(", {} µs a step", number_text(time.median)));
    let total = number_text(report.seconds.total);
    text += &format!("{} steps in {total} s{step}; seed {}\n", report.steps, report.seed);
    text
}
