//! Distributions of vectors, matrices and of parameters that are counts: costs whose expectations are known from
//! moments, by every strategy. A wrong sampler shows as well as a wrong derivative.

use super::{Case, Context};
use crate::oracle::Strategy;
use crate::quadrature;
use crate::statistics::derivative;
use Strategy::{Implicit, Mvd, Reinforce, Rejection, Reparam};

/// A distribution, a cost of its value, and the cost's expectation.
struct Vector {
    dist: &'static str,
    /// Its arguments in a and b.
    args: &'static str,
    strategies: &'static [Strategy],
    /// The cost of `t.x`; for distributions without real parameters also of a normal `t.y`.
    cost: &'static str,
    /// E cost.
    value: fn(f64, f64) -> f64,
}

const PATH: &[Strategy] = &[Reparam, Reinforce];
const PATH_OR_WEAK: &[Strategy] = &[Reparam, Mvd, Reinforce];
const SCORE: &[Strategy] = &[Reinforce];
const GAMMAS: &[Strategy] = &[Implicit, Rejection, Reinforce];
/// The sites of distributions without real parameters, and their cost.
const COUNT: &str = "t.y^2 * real(t.x) + t.y * real(t.x)^2";
const TWO: &str = "dot([1.0, -0.5], t.x) + 0.3 * dot([0.4, 1.2], t.x)^2";
const THREE: &str = "dot([1.0, -0.5, 0.7], t.x) + 0.3 * dot([0.4, 1.2, -0.6], t.x)^2";
const COUNTS: &str = "dot([1.0, -0.5, 0.7], 1.0 * t.x) + 0.3 * dot([0.4, 1.2, -0.6], 1.0 * t.x)^2";

/// E [u·x + 0.3 (v·x)²] with the vectors of the costs above.
fn moments<const K: usize>(mean: [f64; K], covariance: [[f64; K]; K]) -> f64 {
    const U: [f64; 3] = [1.0, -0.5, 0.7];
    const V: [f64; 3] = [0.4, 1.2, -0.6];
    let along = |weights: &[f64; 3]| mean.iter().zip(weights).map(|(m, w)| m * w).sum::<f64>();
    let square: f64 =
        (0..K).flat_map(|i| (0..K).map(move |j| (i, j))).map(|(i, j)| V[i] * V[j] * covariance[i][j]).sum();
    along(&U) + 0.3 * (square + along(&V).powi(2))
}

fn inverse([[p, q], [r, s]]: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    let det = p * s - q * r;
    [[s / det, -q / det], [-r / det, p / det]]
}

/// Of p n, as a multinomial has it, n times over-dispersed.
fn multinomial(n: f64, p: [f64; 3], over: f64) -> f64 {
    let mut covariance = [[0.0; 3]; 3];
    for i in 0..3 {
        for j in 0..3 {
            covariance[i][j] = n * over * (if i == j { p[i] } else { 0.0 } - p[i] * p[j]);
        }
    }
    moments(p.map(|p| n * p), covariance)
}

fn shares(x: [f64; 3]) -> [f64; 3] {
    let total: f64 = x.iter().sum();
    x.map(|x| x / total)
}

/// E COUNT from the first two moments.
fn count(a: f64, b: f64, first: f64, second: f64) -> f64 {
    (a * a + (2.0 * b).exp()) * first + a * second
}

/// The chain's expected cost, by all paths and symbols.
fn chain(a: f64) -> f64 {
    let p = 1.0 / (1.0 + (0.2 - a).exp());
    let (initial, transition) = ([p, 1.0 - p], [[0.9, 0.1], [0.3, 0.7]]);
    let emission = [[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]];
    let mut total = 0.0;
    for path in 0..8usize {
        let state = |t: usize| path >> t & 1;
        let weight = initial[state(0)] * transition[state(0)][state(1)] * transition[state(1)][state(2)];
        for symbols in 0..27usize {
            let symbol = |t: u32| symbols / 3usize.pow(t) % 3;
            let seen: f64 = (0..3).map(|t| emission[state(t as usize)][symbol(t)]).product();
            let sum: f64 = (0..3).map(|t| (t + 1) as f64 * symbol(t) as f64).sum();
            total += weight * seen * (sum + 0.3 * sum * sum);
        }
    }
    total
}

fn all() -> Vec<Vector> {
    let vector = |dist, args, strategies, cost, value| Vector { dist, args, strategies, cost, value };
    vec![
        vector("dirichlet", "[exp(a), exp(b), 0.7]", GAMMAS, THREE, |a, b| {
            let alpha = [a.exp(), b.exp(), 0.7];
            let total: f64 = alpha.iter().sum();
            multinomial(1.0, shares(alpha), 1.0 / (total + 1.0))
        }),
        vector("multi_normal_diag", "[a, b], [exp(b), 0.8]", PATH_OR_WEAK, TWO, |a, b| {
            moments([a, b], [[(2.0 * b).exp(), 0.0], [0.0, 0.64]])
        }),
        vector("multi_normal", "[a, b], [[1.0, 0.3 * b], [0.3 * b, exp(a)]]", PATH, TWO, |a, b| {
            moments([a, b], [[1.0, 0.3 * b], [0.3 * b, a.exp()]])
        }),
        vector("multi_normal_cholesky", "[a, b], [[0.8, 0.0], [b, exp(a)]]", PATH, TWO, |a, b| {
            moments([a, b], [[0.64, 0.8 * b], [0.8 * b, b * b + (2.0 * a).exp()]])
        }),
        vector("multi_normal_prec", "[a, b], [[2.0, b], [b, 1 + exp(a)]]", PATH, TWO, |a, b| {
            moments([a, b], inverse([[2.0, b], [b, 1.0 + a.exp()]]))
        }),
        vector("multi_normal_low_rank", "[a, b], [[1.0], [b]], [0.5, exp(a)]", PATH, TWO, |a, b| {
            moments([a, b], [[1.5, b], [b, b * b + a.exp()]])
        }),
        vector("gaussian_process", "[[1 + exp(a), b], [b, 1.5]], b", PATH, TWO, |a, b| {
            moments([b, b], [[1.0 + a.exp(), b], [b, 1.5]])
        }),
        vector("multi_student_t", "12 + exp(b), [a, 0.2], [[1.0, b], [b, 1.5]]", SCORE, TWO, |a, b| {
            let scale = (12.0 + b.exp()) / (10.0 + b.exp());
            moments([a, 0.2], [[scale, scale * b], [scale * b, 1.5 * scale]])
        }),
        vector("multinomial", "4, softmax([a, b, 0.3])", SCORE, COUNTS, |a, b| {
            multinomial(4.0, shares([a.exp(), b.exp(), 0.3f64.exp()]), 1.0)
        }),
        vector("dirichlet_multinomial", "4, [exp(a), exp(b), 0.7]", SCORE, COUNTS, |a, b| {
            let alpha = [a.exp(), b.exp(), 0.7];
            let total: f64 = alpha.iter().sum();
            multinomial(4.0, shares(alpha), (4.0 + total) / (1.0 + total))
        }),
        vector("gaussian_random_walk", "3, exp(b), a", PATH, THREE, |a, b| {
            let v = (2.0 * b).exp();
            moments([a, 2.0 * a, 3.0 * a], [[v, v, v], [v, 2.0 * v, 2.0 * v], [v, 2.0 * v, 3.0 * v]])
        }),
        vector("ar", "3, [a, b], 0.8", PATH, THREE, |a, b| {
            let last = a * a + b;
            let covariance = [
                [1.0, a, last],
                [a, a * a + 1.0, a * last + a],
                [last, a * last + a, last * last + a * a + 1.0],
            ];
            moments([0.0; 3], covariance.map(|row| row.map(|c| 0.64 * c)))
        }),
        vector("relaxed_categorical", "0.7, [a, b]", PATH, TWO, |a, b| {
            quadrature::integral(&[0.0, 0.5, 1.0], &|u: f64| {
                let x = 1.0 / (1.0 + ((b - a - (u / (1.0 - u)).ln()) / 0.7).exp());
                moments([x, 1.0 - x], [[0.0; 2]; 2])
            })
        }),
        vector(
            "lkj_cholesky",
            "3, 0.7 + exp(a)",
            SCORE,
            "0.5 * t.x[1, 0]^2 + dot(t.x[1], t.x[2])^2",
            |a, _| {
                // A correlation of three is 2 beta(η + ½, η + ½) − 1.
                1.5 / (2.0 * (0.7 + a.exp()) + 2.0)
            },
        ),
        vector(
            "wishart_cholesky",
            "3 + exp(b), [[1.0, 0.0], [a, 0.8]]",
            SCORE,
            "sum([[1.0, 0.3], [0.2, -0.5]] * (t.x @ transpose(t.x)))",
            |a, b| (3.0 + b.exp()) * (1.0 + 0.5 * a - 0.5 * (a * a + 0.64)),
        ),
        vector(
            "inv_wishart_cholesky",
            "9 + exp(b), [[1.0, 0.0], [a, 0.8]]",
            SCORE,
            "sum([[1.0, 0.3], [0.2, -0.5]] * (t.x @ transpose(t.x)))",
            |a, b| (1.0 + 0.5 * a - 0.5 * (a * a + 0.64)) / (6.0 + b.exp()),
        ),
        vector("hypergeometric", "4, 5, 6", &[], COUNT, |a, b| {
            let (mean, variance) = (20.0 / 11.0, 4.0 * 5.0 * 6.0 * 7.0 / (121.0 * 10.0));
            count(a, b, mean, variance + mean * mean)
        }),
        vector("uniform_index", "5", &[], COUNT, |a, b| count(a, b, 2.0, 6.0)),
        vector(
            "hmm",
            "3, softmax([a, 0.2]), [[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]",
            SCORE,
            "dot([1.0, 2.0, 3.0], 1.0 * t.x) + 0.3 * dot([1.0, 2.0, 3.0], 1.0 * t.x)^2",
            |a, _| chain(a),
        ),
    ]
}

/// Every distribution here by every strategy it has.
pub fn vectors() -> Vec<Case> {
    let mut cases = Vec::new();
    for Vector { dist, args, strategies, cost, value } in all() {
        let (a, b) = (super::contexts::A, super::contexts::B);
        let truth =
            vec![value(a, b), derivative(a, 1e-2, |a| value(a, b)), derivative(b, 1e-2, |b| value(a, b))];
        let source = |site: String| {
            format!(
                "guide q {{\n  param a: real\n  param b: real\n  y ~ normal.reparam(a, exp(b))\n  x ~ {site}\n}}\n\
                 objective cost(q: program) = expect {{\n  let (t, _) = simulate(q)\n  {cost}\n}}\n\
                 fit: minimize cost(q) {{ }}\n"
            )
        };
        let case = |strategy, source| Case {
            dist,
            strategy,
            context: Context::Straight,
            source,
            truth: truth.clone(),
        };
        for strategy in strategies {
            cases.push(case(*strategy, source(strategy.call(dist, args))));
        }
        if strategies.is_empty() {
            cases.push(case(Reparam, source(format!("{dist}({args})"))));
        }
    }
    cases
}

/// Names of the distributions here.
pub fn names() -> Vec<&'static str> {
    all().into_iter().map(|vector| vector.dist).collect()
}
