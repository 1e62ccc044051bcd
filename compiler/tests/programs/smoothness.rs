//! Which programs have an unbiased gradient estimator, and what is said of those that have none.

use crate::cases::{self, Case};
use crate::run;
use std::fmt::Write;
use vary_diagnostic::Diagnostic;

/// What contradicts a case.
fn contradictions(case: &Case) -> String {
    let mut wrong = String::new();
    let mut session = run::session(&case.text);
    let printed = session.check().text;
    let mut found = run::errors(&session);
    for expected in &case.errors {
        let line =
            |d: &Diagnostic| d.labels.first().map_or(0, |l| session.unit.sources.line_column(l.span).0);
        let at = found.iter().position(|d| {
            let texts = d.labels.iter().map(|l| &l.text).chain([&d.message]).chain(&d.help).chain(&d.notes);
            d.code.0 == expected.code
                && line(d) == expected.line
                && texts.into_iter().any(|t| t.contains(&expected.words))
        });
        match at {
            Some(at) => drop(found.remove(at)),
            None => {
                let _ =
                    writeln!(wrong, "missing: line {} {} {}", expected.line, expected.code, expected.words);
            }
        }
    }
    if !found.is_empty() {
        let found: Vec<Diagnostic> = found.into_iter().cloned().collect();
        let _ = writeln!(wrong, "{}", vary_diagnostic::render(&session.unit.sources, &found, false));
    }
    for words in case.printed.iter().filter(|words| !printed.contains(words.as_str())) {
        let _ = writeln!(wrong, "not printed: {words}\n{printed}");
    }
    if wrong.is_empty()
        && case.errors.is_empty()
        && let Err(reason) = run::fit(&case.text)
    {
        let _ = writeln!(wrong, "accepted, but its fit fails: {reason}");
    }
    wrong
}

fn hold(cases: &[Case]) {
    let mut report = String::new();
    for case in cases {
        let wrong = contradictions(case);
        if !wrong.is_empty() {
            let _ = writeln!(report, "---- {}\n{wrong}", case.title);
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn uses_of_a_smooth_sample() {
    hold(&cases::read("smoothness/uses.cases"));
}

#[test]
fn programs() {
    hold(&cases::read("smoothness/programs.cases"));
}

#[test]
fn every_use_is_allowed_of_a_rigid_sample() {
    let mut cases = cases::read("smoothness/uses.cases");
    for case in &mut cases {
        case.text = case.text.replace("normal.reparam(", "normal.reinforce(");
        case.errors.retain(|expected| expected.code != "E0501");
        case.printed.clear();
    }
    hold(&cases);
}

#[test]
fn accepted() {
    hold(&cases::read("accepted.cases"));
}
