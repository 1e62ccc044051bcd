//! Every strategy × every distribution it applies to × contexts: value and gradient against exact
//! references.
//!
//! **References.** Expectations are sums over the discrete values or double-exponential quadrature
//! over the continuous ones, of densities written in Rust ([`crate::oracle`]); their derivatives
//! by the two parameters are extrapolated central differences. Nothing of the compiler enters.
//!
//! **Test.** A case has three comparisons: the value and two derivatives. Estimates are means of
//! independent batches; z is the error over its standard error. With m comparisons in all, a case
//! is suspected when some |z| > z* = Φ⁻¹(1 − 10⁻³/(2m)), and fails when a repeat with another seed
//! and four times the draws is above z* again. Before that, draws are raised until the standard
//! error of every derivative is at most the tier's share of the largest derivative: a case that
//! does not get there has no power and fails as well.

mod contexts;
pub mod vectors;
mod wrong;

pub use contexts::{Case, Context, cases, refused};
pub use wrong::{DRAWS as WRONG_DRAWS, Wrong, wrong};

use crate::program::Program;
use crate::statistics::{Batches, critical};
use vary_runtime::fit::Estimator;

/// Probability of a false alarm among all comparisons, before the repeat.
pub const ALARM: f64 = 1e-3;
/// Numerical error that is allowed beside the statistical one, relative to the scale of the case: that of the
/// references, and of summing in floating point.
const ROUNDING: f64 = 1e-8;

/// How much work is done.
#[derive(Debug, Clone, Copy)]
pub struct Tier {
    /// Largest standard error of a derivative, as a share of the largest derivative.
    pub precision: f64,
    /// Independent batches.
    pub batches: usize,
    /// Draws beyond which a case has no power.
    pub most_draws: usize,
}

/// The full check.
pub const FULL: Tier = Tier { precision: 0.005, batches: 1024, most_draws: 1 << 28 };
/// What runs with the unit tests.
pub const QUICK: Tier = Tier { precision: 0.1, batches: 128, most_draws: 1 << 21 };

/// Estimates of the value and each derivative.
#[derive(Debug, Clone)]
pub struct Estimates {
    /// Value first, then the derivatives.
    pub components: Vec<Batches>,
    /// Draws spent.
    pub draws: usize,
}

/// The outcome of a case.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Draws of the deciding run.
    pub draws: usize,
    /// Largest |z| of the deciding run.
    pub z: f64,
    /// Largest standard error of a derivative, over the largest derivative.
    pub precision: f64,
    /// Whether the first run was above z*.
    pub repeated: bool,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// The critical |z| for a number of cases.
pub fn threshold(cases: usize) -> f64 {
    critical(3 * cases, ALARM)
}

/// The parameter vector at which a program of a context is tried. What is trained beside a and b must not matter.
fn point(program: &Program) -> Vec<f64> {
    let mut at: Vec<f64> = (0..program.dimension()).map(|at| if at % 2 == 0 { 0.4 } else { -0.3 }).collect();
    for (name, value) in [("a", contexts::A), ("b", contexts::B)] {
        at[program.position(name)] = value;
    }
    at
}

/// Runs an estimator in `batches` batches of `draws` draws.
pub fn estimate(
    program: &Program,
    at: &[f64],
    batches: usize,
    draws: usize,
    seed: u64,
) -> Result<Estimates, String> {
    let mut estimator = program.estimator(draws, seed, 1)?;
    let mut gradient = vec![0.0; at.len()];
    let mut components = vec![Batches::default(); at.len() + 1];
    for step in 0..batches {
        let value = estimator.step(at, step as u64, &mut gradient);
        components[0].add(value);
        components[1..].iter_mut().zip(&gradient).for_each(|(component, g)| component.add(*g));
    }
    Ok(Estimates { components, draws: batches * draws })
}

impl Case {
    /// The scale of the derivatives.
    fn scale(&self) -> f64 {
        self.truth[1..].iter().fold(0.0, |most: f64, g| most.max(g.abs()))
    }

    /// Largest |z|.
    fn z(&self, estimates: &Estimates) -> f64 {
        let tolerance = ROUNDING * (1.0 + self.scale());
        let each = estimates.components.iter().zip(&self.truth).map(|(estimate, truth)| {
            let error = (estimate.mean() - truth).abs();
            // Exact estimators differ by rounding only, which is no evidence.
            if error <= tolerance { 0.0 } else { error / estimate.se().max(tolerance) }
        });
        // A number that is not finite is evidence enough.
        each.fold(0.0, |most: f64, z| if z.is_finite() { most.max(z) } else { f64::INFINITY })
    }

    /// Largest standard error of a derivative over their scale.
    fn precision(&self, estimates: &Estimates) -> f64 {
        let most = estimates.components[1..].iter().fold(0.0, |most: f64, c| most.max(c.se()));
        most / self.scale()
    }

    /// Decides the case.
    pub fn judge(&self, tier: &Tier, critical: f64, seed: u64) -> Verdict {
        match self.run(tier, critical, seed) {
            Ok(verdict) => verdict,
            Err(reason) => {
                Verdict { draws: 0, z: f64::NAN, precision: f64::NAN, repeated: false, failure: Some(reason) }
            }
        }
    }

    fn run(&self, tier: &Tier, critical: f64, seed: u64) -> Result<Verdict, String> {
        let program = Program::new(&self.source, None)?;
        let at = point(&program);
        if self.scale() < 1e-3 {
            return Err("no power: the derivatives nearly vanish".to_string());
        }
        let once = |draws: usize, seed: u64| estimate(&program, &at, tier.batches, draws, seed);
        let mut draws = 16;
        let mut found = once(draws, seed)?;
        while self.precision(&found) > tier.precision {
            let more = (self.precision(&found) / tier.precision).powi(2) * 1.2;
            draws = (draws as f64 * more.clamp(1.5, 64.0)).ceil() as usize;
            if draws * tier.batches > tier.most_draws || !more.is_finite() {
                return Err(format!("no power: standard error {:.1e} of the scale", self.precision(&found)));
            }
            found = once(draws, seed)?;
        }
        let mut repeated = false;
        if self.z(&found) > critical {
            repeated = true;
            found = once(4 * draws, seed.wrapping_add(0x9e37_79b9))?;
        }
        let z = self.z(&found);
        let failure = (z > critical).then(|| {
            let parts =
                found.components.iter().zip(&self.truth).map(|(c, truth)| {
                    format!("{:.5} ± {:.5} where {truth:.5} is expected", c.mean(), c.se())
                });
            parts.collect::<Vec<_>>().join(", ")
        });
        Ok(Verdict { draws: found.draws, z, precision: self.precision(&found), repeated, failure })
    }
}
