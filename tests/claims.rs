//! The gradient of every objective of the standard library, held to a reference that is written again here: sums over all
//! values of a discrete model, integrals and closed forms of a conjugate one, differences for derivatives.

use vary_runtime::fit::Estimator;
use verify::program::Program;
use verify::quadrature::integral;

/// Draws of one estimate, and how many estimates are averaged.
const DRAWS: usize = 400;
const STEPS: u64 = 200;
/// Standard errors an estimate may be off.
const OFF: f64 = 4.0;

/// Parameters by name, on their unconstrained scale.
type Point = [(&'static str, f64)];

/// The value of an objective at `at`, where what it takes as constants is at `fixed`.
type Value<'f> = &'f dyn Fn(&[f64], &[f64]) -> f64;

type Reference = Box<dyn Fn(&[f64], &[f64]) -> f64>;

/// Derivatives by differences of fourth order.
fn derivatives(value: Value, at: &[f64]) -> Vec<f64> {
    let h = 1e-3;
    let shifted = |entry: usize, by: f64| {
        let mut at = at.to_vec();
        at[entry] += by;
        at
    };
    let value = |at: Vec<f64>, fixed: &[f64]| value(&at, fixed);
    let slope = |entry: usize| {
        let near = value(shifted(entry, h), at) - value(shifted(entry, -h), at);
        let far = value(shifted(entry, 2.0 * h), at) - value(shifted(entry, -2.0 * h), at);
        (8.0 * near - far) / (12.0 * h)
    };
    (0..at.len()).map(slope).collect()
}

fn compile(declarations: &str, fit: &str) -> Program {
    Program::new(&format!("{declarations}\nfit: {fit}\n"), None).unwrap_or_else(|e| panic!("{fit}: {e}"))
}

/// Positions of the parameters, and the whole vector. Parameters that a fit does not use have none.
fn placed(program: &Program, at: &Point) -> (Vec<Option<usize>>, Vec<f64>) {
    let known = |name: &str| program.params.iter().any(|p| p.spec.name.rsplit('.').next() == Some(name));
    let places: Vec<Option<usize>> =
        at.iter().map(|(name, _)| known(name).then(|| program.position(name))).collect();
    let mut values = vec![0.0; program.dimension()];
    for (place, (_, value)) in places.iter().zip(at) {
        if let Some(place) = place {
            values[*place] = *value;
        }
    }
    (places, values)
}

/// An objective without randomness is its reference to the last digits.
fn exact(declarations: &str, fit: &str, at: &Point, value: Value) {
    let program = compile(declarations, fit);
    let (places, values) = placed(&program, at);
    let point: Vec<f64> = at.iter().map(|(_, value)| *value).collect();
    let (found, gradient) = program.exact().expect("a stepper")(&values);
    let expected = value(&point, &point);
    assert!((found - expected).abs() < 1e-11, "{fit}: {found}, expected {expected}");
    for ((place, expected), (name, _)) in places.iter().zip(derivatives(value, &point)).zip(at) {
        let found = place.map_or(0.0, |place| gradient[place]);
        assert!((found - expected).abs() < 1e-8, "{fit} by {name}: {found}, expected {expected}");
    }
}

/// Means and standard errors: of the objective, then of each entry of the gradient.
fn estimates(program: &Program, values: &[f64]) -> Vec<(f64, f64)> {
    let mut estimator = program.estimator(DRAWS, 11, 1).expect("a stepper");
    let mut gradient = vec![0.0; values.len()];
    let mut rows = vec![Vec::new(); values.len() + 1];
    for step in 0..STEPS {
        rows[0].push(estimator.step(values, step, &mut gradient));
        rows[1..].iter_mut().zip(&gradient).for_each(|(row, entry)| row.push(*entry));
    }
    let moments = |row: &Vec<f64>| {
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (row.len() - 1) as f64;
        (mean, (variance / row.len() as f64).sqrt())
    };
    rows.iter().map(moments).collect()
}

/// An objective and its gradient are their references on average. The largest derivative must be ten standard errors
/// from zero: else the comparison shows nothing.
fn unbiased(declarations: &str, fit: &str, at: &Point, value: Value) {
    let program = compile(declarations, fit);
    let (places, values) = placed(&program, at);
    let point: Vec<f64> = at.iter().map(|(_, value)| *value).collect();
    let found = estimates(&program, &values);
    let close = |what: &str, (mean, se): (f64, f64), expected: f64| {
        assert!(
            (mean - expected).abs() <= OFF * se + 1e-9,
            "{fit}{what}: {mean} ± {se}, expected {expected}"
        );
        expected.abs() > 10.0 * se
    };
    close("", found[0], value(&point, &point));
    let mut seen = false;
    for ((place, expected), (name, _)) in places.iter().zip(derivatives(value, &point)).zip(at) {
        seen |= close(&format!(" by {name}"), place.map_or((0.0, 0.0), |place| found[place + 1]), expected);
    }
    assert!(seen, "{fit}: every derivative vanishes in its standard error");
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn log_normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + (values.iter().map(|x| (x - largest).exp()).sum::<f64>() / values.len() as f64).ln()
}

fn softmax(values: &[f64]) -> Vec<f64> {
    let total = log_mean_exp(values) + (values.len() as f64).ln();
    values.iter().map(|x| (x - total).exp()).collect()
}

/// Two bits, the second's distribution given the first in both programs; `STRATEGY` is that of the guide's.
const DISCRETE: &str = "
data n: int = 2
data y: real = 0.4
data ys: real[n] = [0.4, -1.1]
model m { param a: real
  x ~ flip.enum(sigmoid(a))
  w ~ flip.enum(if x { 0.7 } else { 0.2 })
  y ~ normal((if x { 1.0 } else { -0.5 }) + (if w { 0.6 } else { 0.0 }), 1) }
model latent { param a: real
  x ~ flip.enum(sigmoid(a))
  w ~ flip.enum(if x { 0.7 } else { 0.2 }) }
guide q { param b: real
  param c: real
  x ~ flip.STRATEGY(sigmoid(b))
  w ~ flip.STRATEGY(sigmoid(if x { c } else { 0.4 })) }
model m_rows { param a: real
  plate i in 0..n {
    x[i] ~ flip.enum(sigmoid(a))
    w[i] ~ flip.enum(if x[i] { 0.7 } else { 0.2 })
    ys[i] ~ normal((if x[i] { 1.0 } else { -0.5 }) + (if w[i] { 0.6 } else { 0.0 }), 1) } }
guide q_rows { param b: real
  param c: real
  plate i in 0..n {
    x[i] ~ flip.STRATEGY(sigmoid(b))
    w[i] ~ flip.STRATEGY(sigmoid(if x[i] { c } else { 0.4 })) } }
";
const AT: &Point = &[("a", 0.3), ("b", -0.6), ("c", 0.9)];
const YS: [f64; 2] = [0.4, -1.1];

fn declarations(strategy: &str) -> String {
    DISCRETE.replace(".STRATEGY", &if strategy.is_empty() { String::new() } else { format!(".{strategy}") })
}

/// log p(x, w), log p(y | x, w) and log q(x, w) of the four outcomes.
fn outcomes(at: &[f64], y: f64) -> Vec<[f64; 3]> {
    let bernoulli = |yes: bool, p: f64| if yes { p.ln() } else { (1.0 - p).ln() };
    let mut all = Vec::new();
    for x in [false, true] {
        for w in [false, true] {
            let prior = bernoulli(x, sigmoid(at[0])) + bernoulli(w, if x { 0.7 } else { 0.2 });
            let mean = (if x { 1.0 } else { -0.5 }) + (if w { 0.6 } else { 0.0 });
            let guide = bernoulli(x, sigmoid(at[1])) + bernoulli(w, sigmoid(if x { at[2] } else { 0.4 }));
            all.push([prior, log_normal(y, mean, 1.0), guide]);
        }
    }
    all
}

fn log_w(at: &[f64], y: f64) -> Vec<f64> {
    outcomes(at, y).iter().map(|[prior, likelihood, guide]| prior + likelihood - guide).collect()
}

/// The expectation of `f` over n independent outcomes of the guide at `at`.
fn expectation(at: &[f64], n: usize, f: &dyn Fn(&[usize]) -> f64) -> f64 {
    let log_q: Vec<f64> = outcomes(at, 0.0).iter().map(|[.., guide]| *guide).collect();
    let mut total = 0.0;
    for code in 0..4_usize.pow(n as u32) {
        let drawn: Vec<usize> = (0..n).map(|i| code / 4_usize.pow(i as u32) % 4).collect();
        total += drawn.iter().map(|at| log_q[*at]).sum::<f64>().exp() * f(&drawn);
    }
    total
}

fn pick(values: &[f64], drawn: &[usize]) -> Vec<f64> {
    drawn.iter().map(|at| values[*at]).collect()
}

fn elbo(at: &[f64], y: f64) -> f64 {
    let log_w = log_w(at, y);
    expectation(at, 1, &|drawn| log_w[drawn[0]])
}

fn iwelbo(at: &[f64], y: f64, n: usize) -> f64 {
    let log_w = log_w(at, y);
    expectation(at, n, &|drawn| log_mean_exp(&pick(&log_w, drawn)))
}

fn renyi(at: &[f64], y: f64, alpha: f64, n: usize) -> f64 {
    let scaled: Vec<f64> = log_w(at, y).iter().map(|x| (1.0 - alpha) * x).collect();
    expectation(at, n, &|drawn| log_mean_exp(&pick(&scaled, drawn))) / (1.0 - alpha)
}

/// The weighted mean of `f`, particles and weights at the constant point.
fn self_normalised(fixed: &[f64], y: f64, n: usize, f: &[f64]) -> f64 {
    let log_w = log_w(fixed, y);
    expectation(fixed, n, &|drawn| {
        softmax(&pick(&log_w, drawn)).iter().zip(pick(f, drawn)).map(|(w, f)| w * f).sum()
    })
}

fn q_wake(at: &[f64], fixed: &[f64], y: f64, n: usize) -> f64 {
    let scores: Vec<f64> = outcomes(at, y).iter().map(|[.., guide]| -guide).collect();
    self_normalised(fixed, y, n, &scores)
}

fn p_wake(at: &[f64], fixed: &[f64], y: f64, n: usize) -> f64 {
    let scores: Vec<f64> = outcomes(at, y).iter().map(|[prior, likelihood, _]| prior + likelihood).collect();
    self_normalised(fixed, y, n, &scores)
}

/// The model is a constant in it.
fn jeffreys(at: &[f64], fixed: &[f64], y: f64, n: usize) -> f64 {
    let moved = [fixed[0], at[1], at[2]];
    self_normalised(fixed, y, n, &log_w(&moved, y)) - elbo(&moved, y)
}

fn tvo(at: &[f64], y: f64, nodes: &[f64], n: usize) -> f64 {
    let log_w = log_w(at, y);
    let part = |pair: &[f64]| {
        let mean = expectation(at, n, &|drawn| {
            let own = pick(&log_w, drawn);
            let scaled: Vec<f64> = own.iter().map(|x| pair[0] * x).collect();
            softmax(&scaled).iter().zip(own).map(|(w, x)| w * x).sum()
        });
        (pair[1] - pair[0]) * mean
    };
    nodes.windows(2).map(part).sum()
}

fn of_rows(f: &dyn Fn(f64) -> f64) -> f64 {
    YS.iter().map(|y| f(*y)).sum()
}

/// What an objective is, as it is written in a fit and as its reference.
fn objectives() -> Vec<(&'static str, Reference)> {
    vec![
        ("maximize elbo(m, q)", Box::new(|at, _| elbo(at, 0.4))),
        ("maximize iwelbo(m, q, 3)", Box::new(|at, _| iwelbo(at, 0.4, 3))),
        ("maximize vimco(m, q, 3)", Box::new(|at, _| iwelbo(at, 0.4, 3))),
        ("maximize renyi(m, q, 0.5, 2)", Box::new(|at, _| renyi(at, 0.4, 0.5, 2))),
        ("maximize renyi(m, q, 2.0, 2)", Box::new(|at, _| renyi(at, 0.4, 2.0, 2))),
        (
            "maximize elbo_beta(m, q, 0.5)",
            Box::new(|at, _| {
                let all = outcomes(at, 0.4);
                expectation(at, 1, &|drawn| {
                    let [prior, likelihood, guide] = all[drawn[0]];
                    likelihood - 0.5 * (guide - prior)
                })
            }),
        ),
        ("minimize q_wake(m, q, 2)", Box::new(|at, fixed| q_wake(at, fixed, 0.4, 2))),
        ("maximize p_wake(m, q, 2)", Box::new(|at, fixed| p_wake(at, fixed, 0.4, 2))),
        (
            "maximize tvo(m, q, nodes = [0.0, 0.3, 1.0], n = 2)",
            Box::new(|at, _| tvo(at, 0.4, &[0.0, 0.3, 1.0], 2)),
        ),
        ("minimize jeffreys(m, q, 2)", Box::new(|at, fixed| jeffreys(at, fixed, 0.4, 2))),
        ("minimize symmetric_kl(m, q, 2)", Box::new(|at, fixed| 0.5 * jeffreys(at, fixed, 0.4, 2))),
        (
            "minimize f_divergence(latent, q, |u| u * log(u))",
            Box::new(|at, _| {
                // Of the latents' distribution, both normalised: KL from the model.
                let all = outcomes(at, 0.4);
                all.iter().map(|[prior, _, guide]| prior.exp() * (prior - guide)).sum()
            }),
        ),
        (
            "minimize f_divergence(latent, q, |u| (u - 1)^2)",
            Box::new(|at, _| {
                let all = outcomes(at, 0.4);
                all.iter().map(|[prior, _, guide]| (2.0 * prior - guide).exp()).sum::<f64>() - 1.0
            }),
        ),
        ("maximize iwelbo_rows(m_rows, q_rows, n, 2)", Box::new(|at, _| of_rows(&|y| iwelbo(at, y, 2)))),
        ("maximize vimco_rows(m_rows, q_rows, n, 2)", Box::new(|at, _| of_rows(&|y| iwelbo(at, y, 2)))),
        (
            "maximize renyi_rows(m_rows, q_rows, n, 0.5, 2)",
            Box::new(|at, _| of_rows(&|y| renyi(at, y, 0.5, 2))),
        ),
        (
            "minimize q_wake_rows(m_rows, q_rows, n, 2)",
            Box::new(|at, fixed| of_rows(&|y| q_wake(at, fixed, y, 2))),
        ),
        (
            "maximize p_wake_rows(m_rows, q_rows, n, 2)",
            Box::new(|at, fixed| of_rows(&|y| p_wake(at, fixed, y, 2))),
        ),
    ]
}

#[test]
fn objectives_and_their_gradients_are_exact_where_everything_is_summed() {
    for (fit, value) in objectives() {
        exact(&declarations("enum"), fit, AT, &*value);
    }
}

#[test]
fn score_estimates_have_the_same_means() {
    for strategy in ["reinforce", ""] {
        for (fit, value) in objectives() {
            // Without a strategy only a control is not summed: that of the others was tested above.
            if !strategy.is_empty() || fit.contains("vimco") {
                unbiased(&declarations(strategy), fit, AT, &*value);
            }
        }
    }
}

/// What an objective of the library says of its gradient is tested here.
#[test]
fn every_claim_is_held() {
    let library = include_str!("../stdlib/objectives.ppl");
    let mut claimed = Vec::new();
    for claim in library.split("@gradient_of(").skip(1) {
        let name = claim.split("objective ").nth(1).and_then(|rest| rest.split('(').next());
        claimed.push(name.expect("an objective"));
    }
    assert_eq!(claimed, ["vimco", "elbo_stl", "iwelbo_dreg", "vimco_rows"]);
    // The first and the last with bits and beside smooth sites, the others with smooth sites only.
    let smooth = "
data y: real = 1
model m { param a: real
  x ~ normal(a, 1)
  y ~ normal(x, 1) }
guide q { param b: real
  param c: real
  x ~ normal(b, exp(c)) }";
    let at: &Point = &[("a", 0.2), ("b", 0.3), ("c", -0.1)];
    let log_w = |at: &[f64], noise: f64| {
        let x = at[1] + at[2].exp() * noise;
        log_normal(x, at[0], 1.0) + log_normal(1.0, x, 1.0) - log_normal(noise, 0.0, 1.0) + at[2]
    };
    let weigh = |noise: f64| log_normal(noise, 0.0, 1.0).exp();
    let whole = [f64::NEG_INFINITY, f64::INFINITY];
    unbiased(smooth, "maximize elbo_stl(m, q)", at, &|at, _| integral(&whole, &|e| weigh(e) * log_w(at, e)));
    unbiased(smooth, "maximize iwelbo_dreg(m, q, 2)", at, &|at, _| {
        grid(&|e, weight| {
            let one = log_w(at, e);
            weight * grid(&|other, weight| weight * log_mean_exp(&[one, log_w(at, other)]))
        })
    });
}

/// Σ over a grid that integrates smooth functions of a standard normal to ten digits; `f` is given its weight.
fn grid(f: &dyn Fn(f64, f64) -> f64) -> f64 {
    let step = 0.2;
    (-40..=40).map(|i| f64::from(i) * step).map(|e| f(e, step * log_normal(e, 0.0, 1.0).exp())).sum()
}

/// A bit, then a normal whose mean depends on it, in one copy.
const MIXED: &str = "
data y: real = 1
data n: int = 2
data ys: real[n] = [1.0, -0.4]
model m { param a: real
  x ~ flip(sigmoid(a))
  z ~ normal(if x { 1.0 } else { -1.0 }, 1)
  y ~ normal(z, 0.7) }
guide q { param b: real
  param c: real
  x ~ flip(sigmoid(b))
  z ~ normal.reparam((if x { 0.5 } else { -0.5 }) + c, 0.8) }
model m_rows { param a: real
  plate i in 0..n {
    x[i] ~ flip(sigmoid(a))
    z[i] ~ normal(if x[i] { 1.0 } else { -1.0 }, 1)
    ys[i] ~ normal(z[i], 0.7) } }
guide q_rows { param b: real
  param c: real
  plate i in 0..n {
    x[i] ~ flip(sigmoid(b))
    z[i] ~ normal.reparam((if x[i] { 0.5 } else { -0.5 }) + c, 0.8) } }
";

#[test]
fn controls_are_sound_beside_smooth_sites() {
    let mixed = |at: &[f64], y: f64| {
        // The probability of a bit, and log w by the noise.
        let weight = |x: bool, e: f64| {
            let (p, q) = (sigmoid(at[0]), sigmoid(at[1]));
            let (p, q) = if x { (p, q) } else { (1.0 - p, 1.0 - q) };
            let (side, mean) = if x { (1.0, 0.5) } else { (-1.0, -0.5) };
            let z = mean + at[2] + 0.8 * e;
            let log_w = p.ln() - q.ln() + log_normal(z, side, 1.0) + log_normal(y, z, 0.7)
                - log_normal(e, 0.0, 1.0)
                + 0.8_f64.ln();
            (q, log_w)
        };
        let over = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            let of = |x| {
                grid(&|e, part| {
                    let (q, log_w) = weight(x, e);
                    f(log_w, q * part)
                })
            };
            of(false) + of(true)
        };
        over(&|one, part| part * over(&|other, part| part * log_mean_exp(&[one, other])))
    };
    unbiased(MIXED, "maximize vimco(m, q, 2)", AT, &|at, _| mixed(at, 1.0));
    unbiased(MIXED, "maximize vimco_rows(m_rows, q_rows, n, 2)", AT, &|at, _| {
        mixed(at, 1.0) + mixed(at, -0.4)
    });
}

/// The bound is a joint one, so that a row's score has the costs of all of them: a control takes half of it.
#[test]
fn a_control_lowers_the_variance() {
    let spread = |fit: &str| {
        let program = compile(&declarations("reinforce"), fit);
        let (places, values) = placed(&program, AT);
        let found = estimates(&program, &values);
        places[1..]
            .iter()
            .map(|place| found[place.expect("a parameter of the guide") + 1].1.powi(2))
            .sum::<f64>()
    };
    let (with, without) =
        (spread("maximize vimco(m_rows, q_rows, 5)"), spread("maximize iwelbo(m_rows, q_rows, 5)"));
    assert!(with < 0.6 * without, "{with} to {without}");
}

/// The gradient of a log moment is a multiple of the one wanted, the objective the same multiple of the moment.
#[test]
fn cubo_has_the_gradient_of_the_moment() {
    let moment = |at: &[f64]| {
        let log_w = log_w(at, 0.4);
        expectation(at, 1, &|drawn| (2.0 * log_w[drawn[0]]).exp())
    };
    let program = compile(&declarations("enum"), "minimize cubo(m, q, 2)");
    let (places, values) = placed(&program, AT);
    let point: Vec<f64> = AT.iter().map(|(_, value)| *value).collect();
    let expected = derivatives(&|at, _| moment(at).ln(), &point);
    let mut estimator = program.estimator(10, 3, 1).expect("a stepper");
    let mut gradient = vec![0.0; values.len()];
    let mut scales = Vec::new();
    for step in 0..3 {
        let value = estimator.step(&values, step, &mut gradient);
        for (place, expected) in places.iter().zip(&expected) {
            let found = gradient[place.expect("a parameter")] / value;
            assert!((found - expected).abs() < 1e-8, "step {step}: {found}, expected {expected}");
        }
        scales.push(value / moment(&point));
    }
    // The centre moves, and at the first step it is already near log w.
    assert!(
        scales[0] != scales[1] && scales.iter().all(|scale| (0.1..10.0).contains(&(scale * moment(&point))))
    );
}

/// Were the centre of a step's own draw, one draw would always give 1.
#[test]
fn the_centre_of_a_log_moment_is_from_earlier_steps() {
    let declarations = "
data y: real = 1
model m { x ~ normal(0, 1)
  y ~ normal(x, 1) }
guide q { param b: real
  x ~ normal(b, 0.7) }";
    let program = compile(declarations, "minimize cubo(m, q, 2)");
    let log_w = |b: f64, x: f64| log_normal(x, 0.0, 1.0) + log_normal(1.0, x, 1.0) - log_normal(x, b, 0.7);
    let whole = [f64::NEG_INFINITY, f64::INFINITY];
    let moment = |b: f64, k: f64| integral(&whole, &|x| (k * log_w(b, x) + log_normal(x, b, 0.7)).exp());
    let b = 0.1;
    // The first step alone: its centre is one draw of its own, so the mean is E w² · E w⁻².
    let value = |seed: u64| program.estimator(1, seed, 1).expect("a stepper").step(&[b], 0, &mut [0.0]);
    let values: Vec<f64> = (0..4000).map(value).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let se = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt();
    let expected = moment(b, 2.0) * moment(b, -2.0);
    assert!(
        (mean - expected).abs() < OFF * se && se < 0.1 * (expected - 1.0),
        "{mean} ± {se}, expected {expected}"
    );
}

/// Rows of a conjugate model, a Gaussian kernel: every expectation is known.
#[test]
fn info_vae_is_that_of_normals() {
    let declarations = "
data n: int = 3
data y: real[n] = [1.0, -0.4, 2.0]
model m { param a: real
  plate i in 0..n {
    z[i] ~ normal(a, 1)
    y[i] ~ normal(z[i], 1) } }
guide q { param b: real
  param c: real
  plate i in 0..n { z[i] ~ normal(b * y[i], exp(c)) } }";
    let at: &Point = &[("a", 0.2), ("b", 0.4), ("c", -0.3)];
    let ys = [1.0, -0.4, 2.0];
    let (alpha, lambda) = (0.3, 4.0);
    let value = |at: &[f64], _: &[f64]| {
        let (a, variance) = (at[0], (2.0 * at[2]).exp());
        let means: Vec<f64> = ys.iter().map(|y| at[1] * y).collect();
        // E exp(−(u − v)²/2), u − v normal
        let kernel = |mean: f64, variance: f64| {
            (-0.5 * mean * mean / (1.0 + variance)).exp() / (1.0 + variance).sqrt()
        };
        let mut apart = 0.0;
        for i in 0..3 {
            for j in (0..3).filter(|j| *j != i) {
                apart += kernel(means[i] - means[j], 2.0 * variance) + kernel(0.0, 2.0)
                    - 2.0 * kernel(means[i] - a, variance + 1.0);
            }
        }
        let row = |(y, mean): (&f64, &f64)| {
            let likelihood = log_normal(*y, *mean, 1.0) - 0.5 * variance;
            let divergence = 0.5 * (variance + (mean - a).powi(2) - 1.0) - at[2];
            likelihood - (1.0 - alpha) * divergence
        };
        ys.iter().zip(&means).map(row).sum::<f64>() - (alpha + lambda - 1.0) * 3.0 * apart / 6.0
    };
    let fit = "maximize info_vae(m, q, rows = |t| t.z, kernel = |u, v| exp(-0.5 * (u - v)^2), alpha = 0.3, lambda = 4.0)";
    unbiased(declarations, fit, at, &value);
}

/// Pairs change no mean: of pathwise and score estimates, of rows, of recurrences, of noise that has no mirror image.
#[test]
fn antithetic_pairs_keep_every_mean() {
    let paired = |fit: &str| format!("{fit} {{ antithetic = true }}");
    for (fit, value) in objectives() {
        if ["vimco(", "tvo", "vimco_rows", "q_wake("].iter().any(|name| fit.contains(name)) {
            unbiased(&declarations("rloo"), &paired(fit), AT, &*value);
        }
    }
    let recurrence = "
data n: int = 3
data y: real[n] = [1.0, -0.4, 2.0]
model m { param a: real
  scan t in 0..n with (last = 0.0) {
    x[t] ~ normal(a + last, 1)
    y[t] ~ normal(x[t], 1)
    next last = x[t] } }
guide q { param b: real
  param c: real
  scan t in 0..n with (last = 0.0) {
    x[t] ~ normal(b + c * last, 0.8)
    next last = x[t] } }";
    let ys = [1.0, -0.4, 2.0];
    // E of squares along a chain of normals: its means and variances.
    let value = |at: &[f64], _: &[f64]| {
        let [a, b, c] = [at[0], at[1], at[2]];
        let (mut mean, mut variance, mut total) = (0.0, 0.0, 0.0);
        for y in ys {
            let now = b + c * mean;
            let step = 0.64 + (c - 1.0_f64).powi(2) * variance + (now - a - mean).powi(2);
            variance = 0.64 + c * c * variance;
            mean = now;
            total += log_normal(0.0, 0.0, 1.0) - 0.5 * step;
            total += log_normal(0.0, 0.0, 1.0) - 0.5 * (variance + (y - mean).powi(2));
            total += 0.8_f64.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln() + 0.5;
        }
        total
    };
    let at: &Point = &[("a", 0.2), ("b", 0.4), ("c", 0.3)];
    unbiased(recurrence, &paired("maximize elbo(m, q)"), at, &value);
    let waits = "param a: real = 0.2";
    let fit = paired("minimize expect { x ~ exponential.reparam(exp(a))\n  u ~ normal(0, 1)\n  x^2 + u }");
    unbiased(waits, &fit, &[("a", 0.2)], &|at, _| 2.0 * (-2.0 * at[0]).exp());
}

#[test]
fn antithetic_pairs_cancel_what_is_linear_in_the_noise() {
    let spread = |settings: &str| {
        let fit = format!("minimize expect {{ x ~ normal.reparam(a, 1)\n  3 * x }} {settings}");
        let program = compile("param a: real = 0.2", &fit);
        let found = estimates(&program, &[0.2]);
        assert!((found[1].0 - 3.0).abs() < 1e-12);
        (found[0].0, found[0].1)
    };
    let ((mean, se), (_, apart)) = (spread("{ antithetic = true }"), spread("{ antithetic = false }"));
    assert!((mean - 0.6).abs() < 1e-12 && se < 1e-12 && apart > 1e-3, "{mean} ± {se}, apart ± {apart}");
}
