//! Results for people: lines and aligned tables.

use vary_runtime::fit::{FitReport, ObjectiveReport, Posterior, PosteriorEntries, Summary, entry_name};

use super::unflatten;
use crate::engine::{Signature, Variable};

/// Entries of one array that are shown; the JSON has all.
const SHOWN: usize = 12;

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

/// Four significant digits, without an exponent where that is readable.
fn number_text(x: f64) -> String {
    let magnitude = if x == 0.0 || !x.is_finite() { 0 } else { x.abs().log10().floor() as i32 };
    match magnitude {
        _ if !x.is_finite() => x.to_string(),
        -4..=5 => format!("{x:.*}", (3 - magnitude).clamp(0, 7) as usize),
        _ => format!("{x:.3e}"),
    }
}

/// Rows of cells; the first column is aligned left, the others right.
struct Table {
    rows: Vec<Vec<String>>,
    header: usize,
}

impl Table {
    fn new(header: &[&str]) -> Self {
        Table { rows: vec![header.iter().map(|cell| (*cell).to_owned()).collect()], header: header.len() }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Says that not all of `count` entries are shown, if so.
    fn more(&mut self, name: &str, count: usize) {
        if count > SHOWN {
            self.row([format!("{name}: {} more, see --json", count - SHOWN)]);
        }
    }

    /// The table after an empty line, or nothing without rows.
    fn draw(&self) -> String {
        if self.rows.len() == 1 {
            return String::new();
        }
        // A remark on more entries may be long and has no cells beside it.
        let width = |column: usize| {
            let cells = self.rows.iter().filter(|row| row.len() > 1).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header).map(width).collect();
        let mut text = String::from("\n");
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}
