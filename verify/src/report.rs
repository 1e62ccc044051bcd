//! The checks as tables.

use crate::derivatives::{TOLERANCE, of_examples, of_random_programs};
use crate::estimators::{
    Case, Context, Tier, Verdict, WRONG_DRAWS, cases, refused, threshold, vectors, wrong,
};
use crate::oracle::{Oracle, Strategy};
use crate::program::Program;
use crate::{densities, distributions as dists, evidence, fits as claimed, size, variances as published};
use std::fmt::Write;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// Its heading, an explanation and its table, in Markdown.
    pub text: String,
    /// What failed.
    pub failures: Vec<String>,
}

impl Section {
    fn new(heading: &str, explanation: &str, columns: &[&str]) -> Section {
        let rule = columns.iter().map(|_| "---").collect::<Vec<_>>().join(" | ");
        let text = format!("## {heading}\n\n{explanation}\n\n| {} |\n| {rule} |\n", columns.join(" | "));
        Section { text, failures: Vec::new() }
    }

    fn row(&mut self, cells: &[String]) {
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }
}

/// All sections.
#[derive(Debug, Clone, Default)]
pub struct Report {
    sections: Vec<String>,
    /// What failed in any of them.
    pub failures: Vec<String>,
}

impl Report {
    /// Adds a section.
    pub fn add(&mut self, section: Section) {
        self.sections.push(section.text);
        self.failures.extend(section.failures);
    }

    /// The page.
    pub fn markdown(&self) -> String {
        let outcome = match self.failures.len() {
            0 => "Every check passed.".to_string(),
            count => format!("**{count} checks failed.**\n\n- {}", self.failures.join("\n- ")),
        };
        format!(
            "# Verification\n\nWritten by `cargo run --release -p verify`; the seeds are fixed, so that a repeat on \
             one machine gives the same page.\nThe references come from `verify/src/oracle.rs` and quadrature, not \
             from the compiler. {outcome}\n\n{}",
            self.sections.join("\n")
        )
    }
}

/// Every strategy × distribution × context that `wanted` accepts.
pub fn estimators(tier: &Tier, wanted: &dyn Fn(&Oracle, Strategy, Context) -> bool) -> Section {
    let all = cases(wanted);
    let critical = threshold(all.len());
    let explanation = format!(
        "Value and gradient by two parameters, {} comparisons. A cell is the largest |z| of a case; a case is \
         repeated with another seed and four times the draws (marked `*`) where |z| > z* = {critical:.2}, which \
         happens by chance once in 1000 runs of the whole table, and fails above it again. Draws are raised until \
         the standard error is at most {} % of the gradient's scale. 0.00: exact up to rounding.",
        3 * all.len(),
        100.0 * tier.precision
    );
    let contexts: Vec<Context> =
        Context::ALL.into_iter().filter(|context| all.iter().any(|case| case.context == *context)).collect();
    let mut columns = vec!["distribution", "strategy"];
    columns.extend(contexts.iter().map(|context| context.name()));
    columns.push("most draws");
    let mut section = Section::new("Estimators are unbiased", &explanation, &columns);
    let mut rows: Vec<(&str, Strategy, Vec<String>, usize)> = Vec::new();
    for (case, verdict) in all.iter().zip(judged(&all, tier, critical)) {
        let name = format!("{} by {}, {}", case.dist, case.strategy.name(), case.context.name());
        if let Some(reason) = &verdict.failure {
            section.failures.push(format!("{name}: {reason}"));
        }
        let at = rows.iter().position(|row| (row.0, row.1) == (case.dist, case.strategy));
        let at = at.unwrap_or_else(|| {
            rows.push((case.dist, case.strategy, vec!["–".to_string(); contexts.len()], 0));
            rows.len() - 1
        });
        let column = contexts.iter().position(|context| *context == case.context).expect("collected above");
        rows[at].2[column] = match &verdict.failure {
            Some(_) => format!("**{:.2}**", verdict.z),
            None => format!("{:.2}{}", verdict.z, if verdict.repeated { "\\*" } else { "" }),
        };
        rows[at].3 = rows[at].3.max(verdict.draws);
    }
    for (dist, strategy, cells, draws) in rows {
        let mut row = vec![dist.to_string(), strategy.name().to_string()];
        row.extend(cells);
        row.push(draws.to_string());
        section.row(&row);
    }
    section
}

/// The verdict of every case, in order. Each has a seed of its own, so that they do not depend on the threads.
fn judged(all: &[Case], tier: &Tier, critical: f64) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut own = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = all.get(number) else { return own };
            own.push((number, case.judge(tier, critical, number as u64)));
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let mut verdicts: Vec<(usize, Verdict)> = thread::scope(|scope| {
        let spawned: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        spawned.into_iter().flat_map(|worker| worker.join().expect("no case panics")).collect()
    });
    verdicts.sort_by_key(|(number, _)| *number);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

/// Distributions of vectors.
pub fn vectors(tier: &Tier) -> Section {
    let all = vectors::vectors();
    let critical = threshold(all.len());
    let explanation = format!(
        "Costs of vectors, matrices and counts whose expectation is known from moments: value and gradient by two \
         parameters, {} comparisons, as in the table before; z* = {critical:.2}.",
        3 * all.len()
    );
    let mut section = Section::new("Vectors", &explanation, &["distribution", "strategy", "z", "draws"]);
    for (number, case) in all.iter().enumerate() {
        let verdict = case.judge(tier, critical, number as u64);
        let name = case.strategy.name();
        section.row(&[
            case.dist.to_string(),
            name.to_string(),
            format!("{:.2}", verdict.z),
            verdict.draws.to_string(),
        ]);
        section.failures.extend(verdict.failure.map(|reason| format!("{} by {name}: {reason}", case.dist)));
    }
    section
}

/// What must be found out, and what must be refused.
pub fn wrong_estimators() -> Section {
    let explanation = format!(
        "User-defined distributions that lie to their strategy. With {WRONG_DRAWS} draws each must reach |z| > 10 \
         in every context."
    );
    let mut columns = vec!["strategy", "the lie"];
    let contexts: Vec<Context> = Context::ALL.into_iter().filter(|c| *c != Context::Decision).collect();
    columns.extend(contexts.iter().map(|context| context.name()));
    let mut section = Section::new("Wrong estimators are found out", &explanation, &columns);
    for wrong in wrong() {
        let mut row = vec![wrong.strategy.name().to_string(), wrong.lie.to_string()];
        for context in &contexts {
            if !context.applies(wrong.strategy) {
                row.push("–".to_string());
                continue;
            }
            let found = wrong.z(*context, 1);
            row.push(found.as_ref().map_or("–".to_string(), |z| format!("{z:.0}")));
            if found.as_ref().map_or(true, |z| *z <= 10.0) {
                let name = format!("{} ({}), {}", wrong.strategy.name(), wrong.lie, context.name());
                section.failures.push(format!("{name} is not found out: {found:?}"));
            }
        }
        section.row(&row);
    }
    let refused = refused();
    let count = refused.len();
    for (name, source) in refused {
        match Program::new(&source, None) {
            Ok(_) => section.failures.push(format!("{name} is not refused")),
            // Of a distribution, of one of its parameters, or for its density, which cannot be relaxed.
            Err(reason) if ["E0503", "E0505", "E0501"].iter().any(|code| reason.contains(code)) => {}
            Err(reason) => section.failures.push(format!("{name} is refused for another reason: {reason}")),
        }
    }
    let _ = writeln!(
        section.text,
        "\n{count} pairs of a strategy and a distribution it does not apply to are refused."
    );
    section
}

/// Densities, derivatives and samplers.
pub fn distributions(draws: usize) -> Section {
    let explanation = format!(
        "Errors of the library against densities in Rust, at three arguments each: log density (relative), total \
         mass, derivatives by value and parameters (relative; the reference is a difference quotient). Sampler: \
         Kolmogorov–Smirnov or χ² statistic of {draws} draws over its critical value, false alarms 10⁻³ in all. \
         Extreme arguments give no NaN, and no infinity inside the support."
    );
    let columns = ["distribution", "log density", "mass", "derivatives", "sampler"];
    let mut section = Section::new("Distributions", &explanation, &columns);
    for row in dists::rows(draws) {
        let slope = row.slope.map_or("–".to_string(), |slope| format!("{slope:.0e}"));
        section.row(&[
            row.dist.to_string(),
            format!("{:.0e}", row.density),
            format!("{:.0e}", row.mass),
            slope,
            format!("{:.2}", row.sampler),
        ]);
        section.failures.extend(row.failures.iter().map(|reason| format!("{}: {reason}", row.dist)));
    }
    section.failures.extend(dists::forgotten().iter().map(|name| format!("{name} is in no table")));
    section
}

/// Log densities against the table.
pub fn densities() -> Section {
    let explanation = format!(
        "Log densities and their derivatives by the parameters against mpmath, at ordinary arguments and far out: \
         largest error over max(1, |value|), at most {:e} and {:e}.",
        densities::DENSITY,
        densities::SLOPE
    );
    let columns = ["distribution", "points", "log density", "derivatives"];
    let mut section = Section::new("Log densities", &explanation, &columns);
    for row in densities::rows() {
        section.row(&[
            row.dist.clone(),
            row.points.to_string(),
            format!("{:.0e}", row.density),
            format!("{:.0e}", row.slope),
        ]);
        section.failures.extend(row.failures);
    }
    section.failures.extend(densities::forgotten().iter().map(|name| format!("{name} is in no table")));
    section
}

/// Modes and executions.
pub fn derivatives(random: usize) -> Section {
    let explanation = format!(
        "Largest difference over 1 + the largest number, at most {TOLERANCE:e}; threads must not change a bit. \
         The interpreter draws the runtime's own numbers."
    );
    let mut section = Section::new(
        "Derivatives and executions",
        &explanation,
        &["program", "compared", "numbers", "difference"],
    );
    for row in of_examples().into_iter().chain(of_random_programs(random)) {
        let shown = match &row.difference {
            Ok(difference) => format!("{difference:.0e}"),
            Err(reason) => reason.clone(),
        };
        if !row.holds() {
            section.failures.push(format!("{}, {}: {shown}", row.name, row.what));
        }
        section.row(&[row.name, row.what.to_string(), row.numbers.to_string(), shown]);
    }
    section
}

/// Growth with the rows of a plate.
pub fn sizes() -> Section {
    let explanation = "An elbo with a discrete site and an observation per row: instructions / lanes of a step of 64 \
                       draws. Instructions must stay, lanes grow linearly.";
    let rows = size::ROWS.map(|rows| format!("{rows} rows"));
    let columns = ["rows", "strategy", &rows[0], &rows[1], &rows[2]];
    let mut section = Section::new("No explosion", explanation, &columns);
    for row in size::rows() {
        if !row.holds() {
            let name = format!("{} by {}", row.shape.name(), row.strategy.name());
            section.failures.push(format!("the plan of {name} grows: {:?}", row.sizes));
        }
        let mut cells = vec![row.shape.name().to_string(), row.strategy.name().to_string()];
        cells.extend(row.sizes.unwrap_or_default().iter().map(|(i, lanes)| format!("{i} / {lanes}")));
        section.row(&cells);
    }
    section
}

/// Published relations between variances.
pub fn variances() -> Section {
    let explanation = format!(
        "Gradients by the shape of x ~ gamma(α, 1) at α = 2: the variance of one draw, and of the correction term \
         alone. Naesseth et al. 2017: rejection varies at most 1/{} as much as the score function, and shape \
         augmentation (B) takes the correction away.",
        published::LESS
    );
    let columns = ["cost", "estimator", "mean", "expected", "variance", "of the correction"];
    let mut section = Section::new("Variances", &explanation, &columns);
    let rows = match published::rows() {
        Ok(rows) => rows,
        Err(reason) => {
            section.failures.push(reason);
            return section;
        }
    };
    for row in rows {
        section.failures.extend(row.failures());
        let cells = |name: String, of: &published::Moments, correction: Option<&published::Moments>| {
            let (mean, truth) = (format!("{:.4} ± {:.4}", of.mean, of.se), format!("{:.4}", row.truth));
            let correction = correction.map_or("–".to_string(), |one| format!("{:.2e}", one.variance));
            [row.cost.to_string(), name, mean, truth, format!("{:.2e}", of.variance), correction]
        };
        section.row(&cells("reinforce".to_string(), &row.score, None));
        for ((steps, of), correction) in
            published::AUGMENTATIONS.iter().zip(&row.rejection).zip(&row.correction)
        {
            section.row(&cells(format!("rejection, B = {steps}"), of, Some(correction)));
        }
    }
    section
}

/// Published figures.
pub fn fits() -> Section {
    let explanation = format!(
        "The cone's log evidence by quadrature is {:.5} (published: {}); `best` is held to it. Posterior means are \
         held to posteriordb's reference draws within a quarter of their standard deviation.",
        evidence::cone(5.0),
        evidence::PUBLISHED
    );
    let columns = ["fit", "number", "found", "expected", "within"];
    let mut section = Section::new("Published figures", &explanation, &columns);
    if (evidence::cone(5.0) - evidence::PUBLISHED).abs() > 5e-5 {
        section.failures.push(format!("the evidence of the cone is {}", evidence::cone(5.0)));
    }
    for claim in claimed::claims() {
        if !claim.holds() {
            section.failures.push(format!("{}: {claim:?}", claim.fit));
        }
        let number = |x: f64| format!("{x:.3}");
        section.row(&[
            claim.fit,
            claim.what,
            number(claim.found),
            number(claim.expected),
            number(claim.within),
        ]);
    }
    section
}
