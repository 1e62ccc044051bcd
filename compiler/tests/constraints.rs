//! Constraints on values, where they stand: under conditions, in loops, of data, of the program's own numbers.
//!
//! In the table `constraints.cases` a program ends in `//= holds`, or in `//= CODE words`: what it is told, before the
//! first step (E0316 of the program, E0709 of its data) or while it runs (E0902).

use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::{self, End, Options, Session};
use vary_diagnostic::Diagnostic;
use vary_runtime::data;

const GUIDE: &str = "guide q { param a: real; mu ~ normal.reparam(a, 1) }\n";
const FIT: &str = "fit: maximize elbo(m, q) { steps = 3, samples = 5 }\n";

/// What a program's fit is told first.
fn told(text: &str) -> Option<Diagnostic> {
    let mut session = Session::new("program.ppl", text, &|_| Err("no imports here".to_string()));
    let declared = session::declared(&mut session.unit);
    let values = data::read(&declared, &[]).expect("the data has defaults");
    let Ok(prepared) = session.prepare(None, &values, &Options::default(), Instant::now()) else {
        return session.unit.diagnostics.first().cloned();
    };
    match prepared.run(&mut (), &AtomicBool::new(false)) {
        Ok(ended) => match ended.end {
            End::Failed(diagnostic) => Some(diagnostic),
            End::Finished | End::Interrupted => None,
        },
        Err(diagnostic) => Some(diagnostic),
    }
}

#[test]
fn constraints_count_where_they_stand() {
    let mut wrong = Vec::new();
    let table = include_str!("constraints.cases");
    let cases: Vec<&str> = table.split("## ").skip(1).collect();
    for case in &cases {
        let (title, body) = case.split_once('\n').expect("a title");
        let (program, expected) = body.split_once("//= ").expect("what it is told");
        let guide = if program.contains("guide") { "" } else { GUIDE };
        let fit = if program.contains("\nfit") { "" } else { FIT };
        let told = told(&format!("{program}{guide}{fit}"));
        let found = told.map_or("holds".to_string(), |told| format!("{} {}", told.code.0, told.message));
        if found != expected.trim() {
            wrong.push(format!("{title}: {found}"));
        }
    }
    assert!(wrong.is_empty() && cases.len() > 20, "{}", wrong.join("\n"));
}
