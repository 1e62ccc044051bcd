//! Full fits of the examples against published figures.

use crate::evidence;
use crate::program::{examples, load, messages};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::{End, Options};
use vary_runtime::fit::{FitReport, PosteriorEntries};

/// A number and what it should be.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What was fitted.
    pub fit: String,
    /// Which number of the report.
    pub what: String,
    /// The number.
    pub found: f64,
    /// What it should be.
    pub expected: f64,
    /// By how much they may differ.
    pub within: f64,
}

impl Claim {
    /// Whether it is met.
    pub fn holds(&self) -> bool {
        (self.found - self.expected).abs() <= self.within
    }
}

/// The cone's objectives: mean over the last 1000 steps, genjax.vi's figures and numpyro's for iwelbo.
const CONE: [(&str, f64); 5] =
    [("elbo", -8.08), ("iwelbo", -7.77), ("hvi", -9.755), ("iwhvi", -8.187), ("diwhvi", -7.307)];
/// Nats a bound may be off its figure.
const NATS: f64 = 0.1;

/// Posterior means and standard deviations: parameter, entries. 10 000 draws of posteriordb's reference chains.
type Posterior = &'static [(&'static str, &'static [(f64, f64)])];

/// posteriordb, `kidiq-kidscore_interaction`.
const KIDIQ: Posterior = &[
    (
        "beta",
        &[
            (-11.35864963, 13.68793073),
            (51.0327638, 15.24824771),
            (0.9674125882, 0.1476116195),
            (-0.4815862492, 0.1612770977),
        ],
    ),
    ("sigma", &[(17.98108893, 0.6140361092)]),
];

/// posteriordb, `eight_schools-eight_schools_noncentered`.
const EIGHT_SCHOOLS: Posterior = &[
    ("mu", &[(4.410518337, 3.309296477)]),
    (
        "theta",
        &[
            (6.150502293, 5.615863419),
            (4.939581141, 4.645578114),
            (3.90590609, 5.280711952),
            (4.796016751, 4.770938024),
            (3.614436325, 4.614720692),
            (4.051147579, 4.796248401),
            (6.317169759, 5.002855395),
            (4.883996944, 5.317692056),
        ],
    ),
    ("tau", &[(3.602059524, 3.198477671)]),
];

/// How far a posterior mean may be from the reference, in its standard deviations: mean-field guides have the
/// means nearly right, and their spreads too small.
const DEVIATIONS: f64 = 0.25;

/// Runs a fit of an example as written.
fn run(example: &str, fit: Option<&str>) -> Result<FitReport, String> {
    let text = std::fs::read_to_string(examples().join(example)).map_err(|error| error.to_string())?;
    let (mut session, values) = load(&text, None)?;
    let options = Options { draws: 10_000, ..Options::default() };
    let prepared = session.prepare(fit, &values, &options, Instant::now());
    let prepared = prepared.map_err(|_| messages(&session.unit.diagnostics))?;
    let ended = prepared.run(&mut (), &AtomicBool::new(false)).map_err(|found| messages(&[found]))?;
    match ended.end {
        End::Finished => Ok(ended.report),
        End::Interrupted => Err("interrupted".to_string()),
        End::Failed(found) => Err(messages(&[found])),
    }
}

/// Every claim; what could not be run is found NaN.
pub fn claims() -> Vec<Claim> {
    let mut claims = Vec::new();
    let evidence = evidence::cone(5.0);
    let bounds = CONE.iter().map(|(fit, figure)| (*fit, *figure)).chain([("best", evidence)]);
    for (fit, expected) in bounds {
        let found = run("cone.ppl", Some(fit));
        let tail = found.as_ref().ok().and_then(|report| report.objectives[0].tail);
        claims.push(Claim {
            fit: format!("cone {fit}"),
            what: found.err().unwrap_or_else(|| "objective.tail_mean".to_string()),
            found: tail.map_or(f64::NAN, |tail| tail.mean),
            expected,
            within: NATS,
        });
    }
    for (example, reference) in [("kidiq", KIDIQ), ("eight_schools", EIGHT_SCHOOLS)] {
        let found = run(&format!("{example}.ppl"), None);
        for (name, entries) in reference {
            for (at, (mean, sd)) in entries.iter().enumerate() {
                let found_mean = match &found {
                    Ok(report) => {
                        report.posterior.iter().find(|p| p.name == *name).and_then(|p| match &p.entries {
                            PosteriorEntries::Each(each) => each.get(at).map(|summary| summary.mean),
                            PosteriorEntries::Whole { .. } => None,
                        })
                    }
                    Err(_) => None,
                };
                claims.push(Claim {
                    fit: example.to_string(),
                    what: if entries.len() > 1 {
                        format!("mean of {name}[{at}]")
                    } else {
                        format!("mean of {name}")
                    },
                    found: found_mean.unwrap_or(f64::NAN),
                    expected: *mean,
                    within: DEVIATIONS * sd,
                });
            }
        }
    }
    claims
}
