//! `cargo run --release -p verify`: every check at its full tier. Prints the tables, writes them to
//! `docs/verification.md`, and fails when a check fails.

use std::process::ExitCode;
use std::time::Instant;
use verify::estimators::FULL;
use verify::report::{Report, Section};

/// A check at its full tier.
type Check = fn() -> Section;

fn main() -> ExitCode {
    let sections: [(&str, Check); 9] = [
        ("estimators", || verify::report::estimators(&FULL, &|_, _, _| true)),
        ("vectors", || verify::report::vectors(&FULL)),
        ("wrong estimators", verify::report::wrong_estimators),
        ("distributions", || verify::report::distributions(100_000)),
        ("log densities", verify::report::densities),
        ("derivatives", || verify::report::derivatives(5_000)),
        ("sizes", verify::report::sizes),
        ("variances", verify::report::variances),
        ("fits", verify::report::fits),
    ];
    let mut report = Report::default();
    for (name, check) in sections {
        let start = Instant::now();
        let section = check();
        println!("{}", section.text);
        let outcome = if section.failures.is_empty() { "passed" } else { "FAILED" };
        println!("{name}: {outcome} in {:.1} s\n", start.elapsed().as_secs_f64());
        report.add(section);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verification.md");
    if let Err(error) = std::fs::write(path, report.markdown()) {
        println!("cannot write {path}: {error}");
        return ExitCode::FAILURE;
    }
    report.failures.iter().for_each(|failure| println!("failed: {failure}"));
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
