//! Every distribution of the library against its density in Rust.
//!
//! * The density: equal to the reference on its whole support, of total mass one, its derivatives by
//!   the value and the parameters those of the reference (extrapolated central differences).
//! * The sampler: at three arguments each, 100 000 draws by Kolmogorov and Smirnov's test (continuous)
//!   or Pearson's χ² (discrete), at a false-alarm rate of 10⁻³ among all tests together.
//! * Extreme arguments: the log density is finite inside the support, never NaN.
//!
//! That derivatives of pathwise samplers agree with the density (d/dθ E f = E d/dθ f) is what the
//! matrix of [`crate::estimators`] shows in its context "straight".

use crate::oracle::{Oracle, Support, all};
use crate::program::Program;
use crate::statistics::{derivative, kolmogorov_quantile, kolmogorov_smirnov, pearson, pearson_quantile};
use crate::{estimators::ALARM, quadrature};
use std::sync::Arc;

/// Arguments at which densities and samplers are compared.
const ARGUMENTS: [(f64, f64); 3] = [(0.3, -0.2), (-1.0, 0.5), (1.2, -0.9)];
/// Arguments near the ends of what parameters reach in a fit that goes astray.
const EXTREMES: [(f64, f64); 4] = [(-12.0, 8.0), (12.0, -8.0), (-9.0, -9.0), (9.0, 9.0)];
/// Largest error of a log density, relative.
const DENSITY: f64 = 1e-9;
/// Largest error of a derivative, relative to one and itself: that of the differences.
const SLOPE: f64 = 1e-6;

/// A row of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The distribution.
    pub dist: &'static str,
    /// Largest relative error of the log density.
    pub density: f64,
    /// Largest |1 − mass|.
    pub mass: f64,
    /// Largest relative error of a derivative; none where nothing is differentiated.
    pub slope: Option<f64>,
    /// The sampler's statistic over its critical value: above one is a failure.
    pub sampler: f64,
    /// What is wrong.
    pub failures: Vec<String>,
}

/// A log density of the library as a function of value, m and b.
struct Compiled<'a> {
    dist: &'a Oracle,
    program: Program,
    /// The stepper, where value and parameters are inputs of a step.
    #[allow(clippy::type_complexity)]
    smooth: Option<Box<dyn FnMut(&[f64]) -> (f64, Vec<f64>)>>,
}

/// How the three numbers enter the program.
#[derive(Clone, Copy, PartialEq)]
enum Entry {
    /// The value as the point of a guide, m and b as parameters.
    Smooth,
    /// The value as data.
    Value,
    /// All as data: the ends of the support are not differentiated.
    Rigid,
}

fn entry(dist: &Oracle) -> Entry {
    match dist.support {
        Support::Whole(..) => Entry::Value,
        _ if dist.is_moving() => Entry::Rigid,
        _ => Entry::Smooth,
    }
}

fn source(dist: &Oracle, entry: Entry) -> String {
    let args = dist.arguments("a");
    let on = dist.on.replace("lower, upper", "-9, 9");
    let parameters = "param a: real\n  param b: real";
    let (data, guide, model) = match entry {
        Entry::Smooth => (
            format!(
                "distribution point(v: real) on {on} {{\n  log_density(x) = 0 * v\n  reparam from unused: base_uniform = v\n}}"
            ),
            "param v: real\n  x ~ point.reparam(v)".to_string(),
            format!("{parameters}\n  x ~ {}({args})", dist.name),
        ),
        // The model and the guide need a latent; its densities cancel.
        Entry::Value => {
            let elem = match dist.support {
                Support::Whole(_, true) => "bit",
                _ => "int",
            };
            (
                // An array: a single int would be a size, settled by compiling.
                format!("data x: {elem}[1] = [{}]", if elem == "bit" { "true" } else { "1" }),
                "u ~ normal(0, 1)".to_string(),
                format!(
                    "{parameters}\n  u ~ normal(0, 1)\n  plate i in 0..1 {{ x[i] ~ {}({args}) }}",
                    dist.name
                ),
            )
        }
        Entry::Rigid => (
            "data x: real = 0\ndata a: real = 0\ndata b: real = 0".to_string(),
            "u ~ normal(0, 1)".to_string(),
            format!("u ~ normal(0, 1)\n  x ~ {}({args})", dist.name),
        ),
    };
    let cost = if entry == Entry::Smooth { "log_density(p, t)" } else { "log_density(p, t) - log_q" };
    format!(
        "{data}\nguide g {{\n  {guide}\n}}\nmodel m {{\n  {model}\n}}\n\
         objective value(p: program, q: program) = expect {{\n  let (t, log_q) = simulate(q)\n  {cost}\n}}\n\
         fit: maximize value(m, g) {{ }}\n"
    )
}

impl<'a> Compiled<'a> {
    fn new(dist: &'a Oracle) -> Result<Self, String> {
        let program = Program::new(&source(dist, entry(dist)), None)?;
        let smooth = match entry(dist) {
            Entry::Smooth => Some(Box::new(program.exact()?) as Box<_>),
            _ => None,
        };
        Ok(Compiled { dist, program, smooth })
    }

    /// The log density and its derivatives by the value, m and b, as far as they exist.
    fn at(&mut self, x: f64, m: f64, b: f64) -> Result<(f64, Vec<f64>), String> {
        match entry(self.dist) {
            Entry::Smooth => {
                let order = ["v", "a", "b"].map(|name| self.program.position(name));
                let mut given = vec![0.0; 3];
                order.iter().zip([x, m, b]).for_each(|(at, value)| given[*at] = value);
                let (value, gradient) = (self.smooth.as_mut().expect("made for it"))(&given);
                Ok((value, order.iter().map(|at| gradient[*at]).collect()))
            }
            Entry::Value => {
                self.program.data.insert("x".into(), Arc::from([x]));
                let order = ["a", "b"].map(|name| self.program.position(name));
                let mut given = vec![0.0; 2];
                order.iter().zip([m, b]).for_each(|(at, value)| given[*at] = value);
                let (value, gradient) = self.program.exact()?(&given);
                Ok((value, order.iter().map(|at| gradient[*at]).collect()))
            }
            Entry::Rigid => {
                for (name, value) in [("x", x), ("a", m), ("b", b)] {
                    self.program.data.insert(name.into(), Arc::from([value]));
                }
                Ok((self.program.exact()?(&[]).0, Vec::new()))
            }
        }
    }

    /// The reference's derivatives in the same order.
    fn slopes(&self, x: f64, m: f64, b: f64) -> Vec<f64> {
        let log_density = self.dist.log_density;
        let by_a = derivative(m, 1e-2, |m| log_density(x, m, b));
        let by_b = derivative(b, 1e-2, |b| log_density(x, m, b));
        match entry(self.dist) {
            Entry::Smooth => {
                // A step that stays inside the support and off a kink.
                let step =
                    1e-2 * x.abs().min(1.0) * if self.dist.on == "unit" { (1.0 - x).min(1.0) } else { 1.0 };
                vec![derivative(x, step, |x| log_density(x, m, b)), by_a, by_b]
            }
            Entry::Value => vec![by_a, by_b],
            Entry::Rigid => Vec::new(),
        }
    }
}

/// Nodes and weights that cover the support.
fn support(dist: &Oracle, m: f64, b: f64) -> Vec<(f64, f64)> {
    match dist.support {
        Support::Point => Vec::new(),
        Support::Whole(top, _) => (0..=top).map(|x| (f64::from(x), 1.0)).collect(),
        Support::Reals(breaks) => {
            let mut nodes = Vec::new();
            quadrature::nodes(&breaks(m, b), &mut |x, weight| nodes.push((x, weight)));
            nodes
        }
    }
}

/// Points where derivatives are compared: representative, and away from kinks.
fn points(dist: &Oracle, m: f64, b: f64) -> Vec<f64> {
    match dist.support {
        Support::Point => Vec::new(),
        Support::Whole(top, _) => (0..=top.min(6)).map(f64::from).collect(),
        Support::Reals(breaks) => {
            let breaks = breaks(m, b);
            let (low, high) = (breaks[0], breaks[breaks.len() - 1]);
            let shift = if low.is_finite() { 0.0 } else { m };
            let all = [-3.3, -0.9, -0.35, 0.2, 0.43, 0.77, 1.6, 4.1];
            all.iter().map(|x| x + shift).filter(|x| low < *x && *x < high).collect()
        }
    }
}

/// Checks one distribution; `samplers` is the number of sampler tests in all.
fn check(dist: &Oracle, draws: usize, samplers: usize) -> Result<Row, String> {
    let mut compiled = Compiled::new(dist)?;
    let mut row =
        Row { dist: dist.name, density: 0.0, mass: 0.0, slope: None, sampler: 0.0, failures: Vec::new() };
    for (seed, (m, b)) in ARGUMENTS.into_iter().enumerate() {
        let mut mass = 0.0;
        for (x, weight) in support(dist, m, b) {
            let expected = (dist.log_density)(x, m, b);
            let (found, _) = compiled.at(x, m, b)?;
            // Where doubles run out towards an end, the mass is nothing.
            if weight * expected.exp() > 1e-14 {
                row.density = row.density.max((found - expected).abs() / (1.0 + expected.abs()));
                mass += weight * found.exp();
            }
        }
        row.mass = row.mass.max((mass - 1.0).abs());
        for x in points(dist, m, b) {
            let (_, found) = compiled.at(x, m, b)?;
            for (found, expected) in found.iter().zip(compiled.slopes(x, m, b)) {
                let error = (found - expected).abs() / (1.0 + expected.abs());
                row.slope = Some(row.slope.unwrap_or(0.0).max(error));
            }
        }
        let statistic = sampler(dist, m, b, draws, samplers, seed as u64)?;
        row.sampler = row.sampler.max(statistic);
    }
    for (m, b) in EXTREMES {
        for x in points(dist, m, b) {
            let (found, slopes) = compiled.at(x, m, b)?;
            // Beyond what doubles hold a log density may be −∞, as a probability is zero.
            let expected = (dist.log_density)(x, m, b);
            let fine = if expected.is_finite() { found.is_finite() } else { !found.is_nan() };
            let smooth = slopes.iter().all(|slope| !slope.is_nan());
            if !fine || !smooth {
                row.failures.push(format!("at x = {x}, a = {m}, b = {b}: {found}, derivatives {slopes:?}"));
            }
        }
    }
    // NaN fails, too.
    let within = |error: f64, limit: f64| error <= limit;
    if !within(row.density, DENSITY) {
        row.failures.push(format!("the log density is off by {:.1e}", row.density));
    }
    if !within(row.mass, 1e-8) {
        row.failures.push(format!("the mass is off by {:.1e}", row.mass));
    }
    if !within(row.slope.unwrap_or(0.0), SLOPE) {
        row.failures.push(format!("a derivative is off by {:.1e}", row.slope.unwrap_or(0.0)));
    }
    if !within(row.sampler, 1.0) {
        row.failures.push(format!("the sampler's statistic is {:.2} of its critical value", row.sampler));
    }
    Ok(row)
}

/// The statistic of a goodness-of-fit test over its critical value.
fn sampler(dist: &Oracle, m: f64, b: f64, draws: usize, tests: usize, seed: u64) -> Result<f64, String> {
    let text = format!(
        "guide g {{\n  param a: real\n  param b: real\n  x ~ {}\n}}\n\
         objective value(q: program) = expect {{\n  let (t, _) = simulate(q)\n  real(t.x)\n}}\n\
         fit: maximize value(g) {{ }}\n",
        dist.strategies[0][0].call(dist.name, &dist.arguments("a")),
    );
    let program = Program::new(&text, None)?;
    let mut at = [0.0; 2];
    at[program.position("a")] = m;
    at[program.position("b")] = b;
    let mut x = program.draws(&at, draws, seed)?;
    x.sort_by(f64::total_cmp);
    let alarm = ALARM / tests as f64;
    let mass = |x: f64| (dist.log_density)(x, m, b).exp();
    match dist.support {
        Support::Point => Ok(if x.iter().all(|x| *x == m + b) { 0.0 } else { f64::INFINITY }),
        Support::Whole(top, _) => {
            let top = f64::from(top);
            let values: Vec<f64> = (0..=top as u32).map(f64::from).collect();
            let expected: Vec<f64> = values.iter().map(|v| draws as f64 * mass(*v)).collect();
            let found: Vec<f64> =
                values.iter().map(|v| x.iter().filter(|x| *x == v).count() as f64).collect();
            if found.iter().sum::<f64>() != draws as f64 {
                return Ok(f64::INFINITY);
            }
            let (statistic, freedom) = pearson(&expected, &found);
            Ok(statistic / pearson_quantile(freedom, alarm))
        }
        Support::Reals(breaks) => {
            let breaks = breaks(m, b);
            let (low, high) = (breaks[0], breaks[breaks.len() - 1]);
            if x[0] < low || x[draws - 1] > high {
                return Ok(f64::INFINITY);
            }
            // From one of 500 quantiles of the sample to the next by quadrature; within, F is interpolated by
            // the draws' own ranks, which moves it by less than 1/500 of what is between two of them.
            let mut cdf = Vec::with_capacity(draws);
            let (mut total, mut last) = (0.0, low);
            for x in &x {
                let mut ends = vec![last];
                ends.extend(breaks.iter().copied().filter(|at| last < *at && *at < *x));
                ends.push(*x);
                total +=
                    if cdf.is_empty() { quadrature::integral(&ends, &mass) } else { gauss(&ends, &mass) };
                last = *x;
                cdf.push(total);
            }
            Ok(kolmogorov_smirnov(&cdf) / kolmogorov_quantile(alarm))
        }
    }
}

/// ∫ f between neighbouring points, which are close: Gauss's rule of four nodes on each piece.
fn gauss(ends: &[f64], f: &dyn Fn(f64) -> f64) -> f64 {
    const NODES: [(f64, f64); 2] = [
        (0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
        (0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
    ];
    let piece = |a: f64, b: f64| {
        let (centre, half) = (0.5 * (a + b), 0.5 * (b - a));
        half * NODES.iter().map(|(x, w)| w * (f(centre + half * x) + f(centre - half * x))).sum::<f64>()
    };
    ends.windows(2).map(|pair| piece(pair[0], pair[1])).sum()
}

/// A row for every distribution.
pub fn rows(draws: usize) -> Vec<Row> {
    let dists = all();
    let tests = dists.len() * ARGUMENTS.len();
    let failed = |dist: &Oracle, reason| Row {
        dist: dist.name,
        density: f64::NAN,
        mass: f64::NAN,
        slope: None,
        sampler: f64::NAN,
        failures: vec![reason],
    };
    let scored = dists.iter().filter(|dist| !matches!(dist.support, Support::Point));
    scored.map(|dist| check(dist, draws, tests).unwrap_or_else(|reason| failed(dist, reason))).collect()
}

/// Distributions of the library that no table mentions.
pub fn forgotten() -> Vec<&'static str> {
    let known: Vec<&str> = all().iter().map(|dist| dist.name).collect();
    let vectors = crate::estimators::vectors::names();
    library()
        .filter(|name| !known.contains(name) && !vectors.contains(name))
        .filter(|name| !crate::oracle::WITHOUT_SAMPLER.contains(name))
        .collect()
}

/// Every distribution of the library.
pub fn library() -> impl Iterator<Item = &'static str> {
    vary_compiler::stdlib::names().filter(|name| {
        vary_compiler::stdlib::containing(name).is_some_and(|(file, _)| file.contains("/distributions/"))
    })
}
