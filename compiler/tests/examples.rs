//! Every fit of every example, with its own quick settings: one number each, from a run of the full fit or from
//! a reference, with a tolerance that covers the shorter run.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::{self, Options, Session};
use vary_runtime::data;
use vary_runtime::fit::{FitReport, PosteriorEntries};

/// Where an asserted number stands in a report.
enum Number {
    /// Mean of the objective by fresh draws.
    Objective,
    /// Posterior mean of an entry.
    Posterior(&'static str, usize),
}

/// Example, fit, number, its value, tolerance.
type Case = (&'static str, Option<&'static str>, Number, f64, f64);

/// Evidence of the cone: −5.3232 by quadrature. Published bounds after the full fits: −8.08, −7.77, −9.755, −8.187,
/// −7.307. References of the real data: posteriordb.
const CASES: &[Case] = &[
    ("cone", Some("elbo"), Number::Objective, -8.08, 0.15),
    ("cone", Some("iwelbo"), Number::Objective, -7.77, 0.6),
    ("cone", Some("hvi"), Number::Objective, -9.75, 0.2),
    ("cone", Some("iwhvi"), Number::Objective, -8.19, 0.3),
    ("cone", Some("diwhvi"), Number::Objective, -7.31, 0.4),
    ("cone", Some("best"), Number::Objective, -5.3232, 0.1),
    ("eight_schools", None, Number::Posterior("mu", 0), 4.4105, 0.8),
    ("kidiq", None, Number::Posterior("sigma", 0), 17.981, 1.5),
    ("mixture", Some("collapsed"), Number::Objective, -12.2, 0.3),
    ("mixture", Some("enumerated"), Number::Objective, -12.25, 0.5),
    ("mixture", Some("scored"), Number::Objective, -12.27, 0.6),
    ("mixture", Some("weak"), Number::Objective, -12.27, 0.6),
    // Three seeds of the quick fit: −1094, −1064, −1068; the full one −737. No net at all: −2661.
    ("vae_small", None, Number::Objective, -1075.0, 40.0),
    // The maximum of the likelihood has a closed form: −1763.54. A step of the second fit takes a part of the rows.
    ("ppca", Some("whole"), Number::Objective, -1763.5, 1.5),
    ("ppca", Some("parts"), Number::Objective, -1763.5, 1.5),
    ("volatility", None, Number::Objective, -19.33, 0.2),
    ("wake_sleep", Some("wake_sleep"), Number::Objective, -1.2655, 0.02),
    ("wake_sleep", Some("reweighted"), Number::Posterior("x", 0), 2.0, 0.2),
    ("wake_sleep", Some("bound"), Number::Objective, -1.2655, 0.02),
    // The log evidence is −14.78678, and the posterior among the guides.
    ("control_variates", Some("rloo"), Number::Objective, -14.7868, 0.06),
    ("control_variates", Some("learned"), Number::Objective, -14.7868, 0.06),
    ("control_variates", Some("rebar"), Number::Objective, -14.7868, 0.06),
    ("control_variates", Some("relax"), Number::Objective, -14.7868, 0.06),
    ("control_variates", Some("mvd"), Number::Objective, -14.7868, 0.06),
    ("own_objective", Some("tempered"), Number::Objective, -7.48, 0.2),
    ("own_objective", Some("blend"), Number::Objective, -18.46, 0.2),
];

/// Fits an example from its file with its own data.
fn fit(example: &str, name: Option<&str>) -> FitReport {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let text = std::fs::read_to_string(folder.join(format!("{example}.ppl"))).expect("the example is there");
    let mut session = Session::new(example, &text, &|_| Err("no imports here".to_string()));
    let declared = session::declared(&mut session.unit);
    let files = session.data_files();
    let sources: Vec<_> =
        files.iter().map(|(file, _)| data::open(&folder.join(file)).expect("data")).collect();
    let values = data::read(&declared, &sources).expect("data fits the program");
    let options = Options { quick: true, ..Options::default() };
    let prepared = session.prepare(name, &values, &options, Instant::now());
    let found = vary_diagnostic::render(&session.unit.sources, &session.unit.diagnostics, false);
    let Ok(prepared) = prepared else { panic!("{found}") };
    match prepared.run(&mut (), &AtomicBool::new(false)) {
        Ok(ended) => ended.report,
        Err(diagnostic) => panic!("{}", diagnostic.message),
    }
}

#[test]
fn every_example_gives_its_number() {
    for (example, name, number, expected, tolerance) in CASES {
        let report = fit(example, *name);
        let found = match number {
            Number::Objective => report.objectives[0].mean,
            Number::Posterior(latent, entry) => {
                let posterior = report.posterior.iter().find(|p| p.name == *latent).expect("a latent");
                match &posterior.entries {
                    PosteriorEntries::Each(entries) => entries[*entry].mean,
                    PosteriorEntries::Whole { mean, .. } => *mean,
                }
            }
        };
        let label = name.unwrap_or("fit");
        assert!((found - expected).abs() <= *tolerance, "{example} {label}: {found}, expected {expected}");
    }
}

#[test]
fn every_fit_of_every_example_has_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for entry in std::fs::read_dir(folder).expect("examples").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "ppl") {
            continue;
        }
        let example = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(&path).expect("readable");
        let session = Session::new(&example, &text, &|_| Err("no imports here".to_string()));
        for (name, ..) in session.unit.fits() {
            let covered = CASES.iter().any(|case| case.0 == example && case.1 == name.as_deref());
            assert!(covered, "{example} {name:?} has no case");
        }
    }
}
