//! Variances of estimators against what was published of them.
//!
//! Naesseth, Ruiz, Linderman and Blei 2017 (§5, figs. 2 and 3): for a gamma, the rejection estimator's gradient by the
//! shape varies far less than the score function's, and shape augmentation takes away its correction term. Here for
//! x ~ gamma(α, 1) at α = 2 and E x, E tanh x.

use crate::estimators::estimate;
use crate::program::Program;
use crate::quadrature;
use libm::lgamma;

/// A cost: as it is written, and its values.
type Cost = (&'static str, fn(f64) -> f64);

/// Shape augmentations compared.
pub const AUGMENTATIONS: [u32; 4] = [0, 1, 3, 10];
/// The costs, as functions of x.
pub const COSTS: [Cost; 2] = [("x", |x| x), ("tanh(x)", f64::tanh)];
/// The score function's variance is at least this many times that of every rejection estimator.
pub const LESS: f64 = 10.0;
const ALPHA: f64 = 2.0;
const BATCHES: usize = 4096;
const DRAWS: usize = 64;

/// A cost by one estimator.
#[derive(Debug, Clone)]
pub struct Row {
    /// The cost.
    pub cost: &'static str,
    /// The derivative by α, by quadrature.
    pub truth: f64,
    /// Mean, standard error and variance of a draw by the score function.
    pub score: Moments,
    /// By rejection, for each of [`AUGMENTATIONS`].
    pub rejection: Vec<Moments>,
    /// The correction alone.
    pub correction: Vec<Moments>,
}

/// Of the gradient's estimates.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    /// Their mean.
    pub mean: f64,
    /// Its standard error.
    pub se: f64,
    /// The variance of one draw.
    pub variance: f64,
}

impl Row {
    /// What does not hold.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let all = self.rejection.iter().chain([&self.score]);
        if all.clone().any(|one| (one.mean - self.truth).abs() > 4.5 * one.se) {
            failures.push(format!("{}: a mean is not {:.5}", self.cost, self.truth));
        }
        if self.rejection.iter().any(|one| LESS * one.variance > self.score.variance) {
            failures.push(format!("{}: the variance is not a tenth of the score function's", self.cost));
        }
        if self.correction.windows(2).any(|pair| pair[1].variance >= pair[0].variance) {
            failures.push(format!("{}: augmentation does not lower the correction's variance", self.cost));
        }
        failures
    }
}

/// A row for each cost.
pub fn rows() -> Result<Vec<Row>, String> {
    COSTS.into_iter().map(|(cost, f)| row(cost, f)).collect()
}

fn row(cost: &'static str, f: fn(f64) -> f64) -> Result<Row, String> {
    let mean = |alpha: f64| {
        let density = |x: f64| ((alpha - 1.0) * x.ln() - x - lgamma(alpha)).exp();
        quadrature::integral(&[0.0, 1.0, f64::INFINITY], &|x| f(x) * density(x))
    };
    let by = |call: String, cost: &str| moments(&call, cost);
    let augmented = |cost: &str| -> Result<Vec<Moments>, String> {
        let one = |steps: u32| by(format!("gamma.rejection(a, 1, shape_augmentation = {steps})"), cost);
        AUGMENTATIONS.into_iter().map(one).collect()
    };
    let of = |x: &str| cost.replace('x', x);
    Ok(Row {
        cost,
        truth: crate::statistics::derivative(ALPHA, 1e-2, mean),
        score: by("gamma.reinforce(a, 1)".to_string(), &of("t.x"))?,
        rejection: augmented(&of("t.x"))?,
        // Without its path the value's gradient is the correction.
        correction: augmented(&of("detach(t.x)"))?,
    })
}

fn moments(call: &str, cost: &str) -> Result<Moments, String> {
    let source = format!(
        "guide q {{\n  param a: real\n  x ~ {call}\n}}\n\
         objective cost(q: program) = expect {{\n  let (t, _) = simulate(q)\n  {cost}\n}}\n\
         fit: minimize cost(q) {{ }}\n"
    );
    let program = Program::new(&source, None)?;
    let found = estimate(&program, &[ALPHA], BATCHES, DRAWS, 17)?;
    let (mean, se) = (found.components[1].mean(), found.components[1].se());
    Ok(Moments { mean, se, variance: se * se * found.draws as f64 })
}
