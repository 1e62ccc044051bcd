//! Programs around one site of a distribution, and what they mean.
//!
//! The parameters are a and b; the site's arguments are made of m, which is a shifted by the
//! context, and b. Costs are made of f, which is bounded, so that every moment exists.

use crate::oracle::{self, Oracle, Strategy, Support};
use crate::statistics::{Interpolant, derivative};

/// The parameters' values.
pub const A: f64 = 0.3;
/// See [`A`].
pub const B: f64 = -0.2;

/// Shifts of the rows of a plate.
const SHIFTS: [f64; 3] = [0.0, 0.4, -0.5];
/// Weights of their costs.
const WEIGHTS: [f64; 3] = [1.0, -0.6, 0.5];
/// Steps of a scan.
const STEPS: usize = 3;
/// Where the decision of [`Context::Decision`] is taken.
const DECISION: f64 = 0.45;
/// What the cost adds of the log density, so that it depends on parameters beside the value.
const SCORE: f64 = 0.1;

/// A program around the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The cost of one value and its density.
    Straight,
    /// Three independent rows, costs added.
    Plate,
    /// Three rows, the cost the square of a sum over them.
    Coupled,
    /// The site exists only where a flip came up.
    Branch,
    /// The cost branches on the value: wants it rigid.
    Decision,
    /// The log of a mean over two copies.
    Replicate,
    /// A normal and a flip depend on the value.
    Before,
    /// The site's arguments depend on a flip.
    After,
    /// Steps of a scan, each depending on the value before.
    Scan,
}

impl Context {
    /// All of them.
    pub const ALL: [Context; 9] = {
        use Context::*;
        [Straight, Plate, Coupled, Branch, Decision, Replicate, Before, After, Scan]
    };

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Context::Straight => "straight",
            Context::Plate => "plate",
            Context::Coupled => "coupled rows",
            Context::Branch => "under a branch",
            Context::Decision => "branched on",
            Context::Replicate => "replicated",
            Context::Before => "before others",
            Context::After => "after another",
            Context::Scan => "scan",
        }
    }

    /// Whether a program of this kind may use the strategy.
    pub fn applies(self, strategy: Strategy) -> bool {
        match self {
            Context::Decision => !strategy.is_smooth(),
            // Its probabilities depend on its earlier values.
            Context::Scan => strategy != Strategy::Rebar,
            _ => true,
        }
    }

    /// The guide's statements and the cost.
    fn parts(self, dist: &Oracle, strategy: Strategy) -> (String, String) {
        let site = |m: &str| strategy.call(dist.name, &dist.arguments(m));
        // A relaxed index looks reals up, and is no number itself.
        let looked_up = strategy == Strategy::Rebar && matches!(dist.support, Support::Whole(_, false));
        let f = |x: &str| if looked_up { format!("f(level[{x}])") } else { format!("f(real({x}))") };
        match self {
            Context::Straight => (format!("x ~ {}", site("a")), format!("{} + {SCORE} * log_q", f("t.x"))),
            Context::Plate => (
                format!("plate i in 0..3 {{ x[i] ~ {} }}", site("a + shift[i]")),
                format!("sum([weight[i] * {} for i in 0..3]) + {SCORE} * log_q", f("t.x[i]")),
            ),
            Context::Coupled => (
                format!("plate i in 0..3 {{ x[i] ~ {} }}", site("a + shift[i]")),
                format!("sum([{} for i in 0..3])^2", f("t.x[i]")),
            ),
            Context::Branch => (
                format!("s ~ flip.reinforce(sigmoid(b))\n  if s {{ x ~ {} }}", site("a")),
                format!("if t.s {{ {} }} else {{ 0.3 }}", f("t.x")),
            ),
            Context::Decision => (
                format!("x ~ {}", site("a")),
                format!("if real(t.x) > {DECISION} {{ 1.2 + {SCORE} * log_q }} else {{ f(real(t.x)) }}"),
            ),
            Context::Replicate => (format!("x ~ {}", site("a")), f("t.x")),
            Context::Before => (
                format!(
                    "x ~ {}\n  y ~ normal.reparam({f}, 0.5)\n  z ~ flip.reinforce(sigmoid({f}))",
                    site("a"),
                    f = f("x")
                ),
                "t.y^2 + 1.5 * real(t.z)".to_string(),
            ),
            Context::After => (
                format!("s ~ flip.mvd(sigmoid(b))\n  x ~ {}", site("a + 0.7 * real(s)")),
                format!("(1 + real(t.s)) * {}", f("t.x")),
            ),
            Context::Scan => (
                format!(
                    "scan k in 0..{STEPS} with (last = 0.0) {{\n    x[k] ~ {}\n    next last = 0.4 * {}\n  }}",
                    site("a + last"),
                    f("x[k]")
                ),
                format!("sum([weight[k] * {} for k in 0..{STEPS}])", f("t.x[k]")),
            ),
        }
    }

    /// The program.
    pub fn source(self, dist: &Oracle, strategy: Strategy) -> String {
        let (body, cost) = self.parts(dist, strategy);
        let value = match self {
            Context::Replicate => {
                format!("log_mean_exp(replicate(2) {{\n    let (t, _) = simulate(q)\n    {cost}\n  }})")
            }
            _ => format!("let (t, log_q) = simulate(q)\n  {cost}"),
        };
        let own = if strategy == Strategy::ReinforceLearned { "param w: real\n  " } else { "" };
        format!(
            "fn f(v: real) -> real = tanh(0.7 * v - 0.3) + 0.5 * tanh(v)^2\n\
             let shift = [0.0, 0.4, -0.5]\n\
             let weight = [1.0, -0.6, 0.5]\n\
             let level = [0.0, 1.0, 2.0]\n\
             guide q {{\n  param a: real\n  param b: real\n  {own}{body}\n}}\n\
             objective cost(q: program) = expect {{\n  {value}\n}}\n\
             fit: minimize cost(q) {{ }}\n"
        )
    }

    /// Its expected cost.
    pub fn value(self, dist: &Oracle, a: f64, b: f64) -> f64 {
        let mean = |m: f64, g: &dyn Fn(f64, f64) -> f64| dist.expectation(m, b, &[], g);
        match self {
            Context::Straight => mean(a, &|x, log_p| f(x) + SCORE * log_p),
            Context::Plate => SHIFTS
                .iter()
                .zip(WEIGHTS)
                .map(|(shift, weight)| mean(a + shift, &|x, log_p| weight * f(x) + SCORE * log_p))
                .sum(),
            Context::Coupled => {
                // E(Σx)² = (Σ E x)² + Σ var x.
                let moments = SHIFTS.map(|s| (mean(a + s, &|x, _| f(x)), mean(a + s, &|x, _| f(x).powi(2))));
                let total: f64 = moments.iter().map(|(first, _)| first).sum();
                total * total + moments.iter().map(|(first, second)| second - first * first).sum::<f64>()
            }
            Context::Branch => sigmoid(b) * mean(a, &|x, _| f(x)) + (1.0 - sigmoid(b)) * 0.3,
            Context::Decision => dist.expectation(a, b, &[DECISION], &|x, log_p| {
                if x > DECISION { 1.2 + SCORE * log_p } else { f(x) }
            }),
            Context::Replicate => mean(a, &|x, _| mean(a, &|y, _| (0.5 * (f(x).exp() + f(y).exp())).ln())),
            Context::Before => mean(a, &|x, _| f(x).powi(2) + 0.25 + 1.5 * sigmoid(f(x))),
            Context::After => {
                let p = sigmoid(b);
                2.0 * p * mean(a + 0.7, &|x, _| f(x)) + (1.0 - p) * mean(a, &|x, _| f(x))
            }
            Context::Scan => {
                // Backwards: what is expected from a step on, as a function of the carry in [−0.6, 0.6].
                let mut rest = Interpolant::new(1, |_| 0.0);
                for weight in WEIGHTS[..STEPS].iter().rev() {
                    let later = rest;
                    rest = Interpolant::new(22, |last| {
                        mean(a + last, &|x, _| weight * f(x) + later.at(0.4 * f(x)))
                    });
                }
                rest.at(0.0)
            }
        }
    }
}

/// The bounded cost of a value.
fn f(x: f64) -> f64 {
    (0.7 * x - 0.3).tanh() + 0.5 * x.tanh().powi(2)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A program, and the value and gradient it should have.
#[derive(Debug, Clone)]
pub struct Case {
    /// The distribution.
    pub dist: &'static str,
    /// The strategy.
    pub strategy: Strategy,
    /// The context.
    pub context: Context,
    /// The program.
    pub source: String,
    /// The value, and the derivatives by a and b.
    pub truth: Vec<f64>,
}

/// The value of a context and its derivatives by a and b.
pub fn truth(context: Context, dist: &Oracle) -> Vec<f64> {
    // A convenient step: 1e-2 leaves errors of order six near 1e-11, far above rounding at 1e-3.
    let by_a = derivative(A, 1e-2, |a| context.value(dist, a, B));
    let by_b = derivative(B, 1e-2, |b| context.value(dist, A, b));
    vec![context.value(dist, A, B), by_a, by_b]
}

/// Every case that `wanted` accepts.
pub fn cases(wanted: &dyn Fn(&Oracle, Strategy, Context) -> bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for dist in oracle::all() {
        for context in Context::ALL {
            let mut known = None;
            for strategy in dist.strategies() {
                if !context.applies(strategy) || !wanted(&dist, strategy, context) {
                    continue;
                }
                // The meaning does not depend on the strategy.
                let truth = known.get_or_insert_with(|| truth(context, &dist)).clone();
                let source = context.source(&dist, strategy);
                cases.push(Case { dist: dist.name, strategy, context, source, truth });
            }
        }
    }
    cases
}

/// Programs that ask for a strategy the distribution has not: all must be refused.
pub fn refused() -> Vec<(String, String)> {
    let mut programs = Vec::new();
    for dist in oracle::all() {
        for strategy in Strategy::ALL {
            let possible = dist.strategies().any(|own| own == strategy);
            // A point and a moving support have no score; that is a matter of their arguments.
            if !(possible || matches!(dist.support, Support::Point) || dist.is_moving()) {
                let name = format!("{} by {}", dist.name, strategy.name());
                programs.push((name, Context::Straight.source(&dist, strategy)));
            }
        }
    }
    programs
}
