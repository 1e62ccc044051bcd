//! What is known of every distribution independently of the compiler: its density in Rust, its
//! support, and the strategies that apply to it. Arguments are functions of two reals, m and b.

use crate::quadrature;
use libm::lgamma;
use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

/// A distribution of the standard library at arguments made of `m` and `b`.
pub struct Oracle {
    /// Its name.
    pub name: &'static str,
    /// Its arguments in the language; `{m}` stands for m, and `b` for itself.
    pub args: &'static str,
    /// Its support as a type of the language.
    pub on: &'static str,
    /// Its support as a set to sum or integrate over.
    pub support: Support,
    /// log p(x; m, b).
    pub log_density: fn(f64, f64, f64) -> f64,
    /// The strategies that apply where m and b are differentiated.
    pub strategies: &'static [&'static [Strategy]],
}

/// Where values lie.
#[derive(Clone, Copy)]
pub enum Support {
    /// 0, 1, … up to a value beyond which the mass is negligible. `true`: bits.
    Whole(u32, bool),
    /// Reals between breakpoints, the ends included: where the density has kinks or most of its mass.
    Reals(fn(f64, f64) -> Vec<f64>),
    /// The single value m.
    Point,
}

/// A gradient strategy as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Pathwise.
    Reparam,
    /// Pathwise by the distribution function.
    Implicit,
    /// Pathwise through an acceptance–rejection sampler, with its correction.
    Rejection,
    /// Score function.
    Reinforce,
    /// Score function with a constant baseline.
    ReinforceConstant,
    /// Score function with a moving average as baseline.
    ReinforceAverage,
    /// Score function with a baseline that has a parameter of its own.
    ReinforceLearned,
    /// Score function with the other draws of the step as baseline.
    Rloo,
    /// Score function with copies of the site as baseline.
    RlooCopies,
    /// Exact summation.
    Enum,
    /// Measure-valued derivative.
    Mvd,
    /// Score function with the relaxed continuation as control variate.
    Rebar,
    /// Score function with a learned function as control variate.
    Relax,
}

use Strategy::*;

impl Strategy {
    /// All of them.
    pub const ALL: [Strategy; 13] = [
        Reparam,
        Implicit,
        Rejection,
        Reinforce,
        ReinforceConstant,
        ReinforceAverage,
        ReinforceLearned,
        Rloo,
        RlooCopies,
        Enum,
        Mvd,
        Rebar,
        Relax,
    ];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Reparam => "reparam",
            Implicit => "implicit",
            Rejection => "rejection",
            Reinforce => "reinforce",
            ReinforceConstant => "reinforce, constant",
            ReinforceAverage => "reinforce, average",
            ReinforceLearned => "reinforce, learned",
            Rloo => "rloo",
            RlooCopies => "rloo, copies",
            Enum => "enum",
            Mvd => "mvd",
            Rebar => "rebar",
            Relax => "relax",
        }
    }

    /// The call of a distribution by this strategy.
    pub fn call(self, dist: &str, args: &str) -> String {
        match self {
            Reparam | Implicit | Rejection | Reinforce | Rloo | Enum | Mvd | Rebar | Relax => {
                format!("{dist}.{}({args})", self.name())
            }
            RlooCopies => format!("{dist}.rloo({args}, copies = 3)"),
            ReinforceConstant => format!("{dist}.reinforce({args}, baseline = 0.4)"),
            // It shares b with the program, whose derivative by b its loss must leave alone.
            ReinforceLearned => format!("{dist}.reinforce({args}, baseline = (w + 0.5) * b + 0.4)"),
            ReinforceAverage => format!("{dist}.reinforce({args}, baseline = moving_average(0.9))"),
        }
    }

    /// Whether the program must be smooth in drawn values.
    pub fn is_smooth(self) -> bool {
        matches!(self, Reparam | Implicit | Rejection | Rebar)
    }
}

const SCORE: &[Strategy] =
    &[Reinforce, ReinforceConstant, ReinforceAverage, ReinforceLearned, Rloo, RlooCopies];
const PATH: &[Strategy] = &[Reparam];
/// Of those that state a distribution function.
const CDF: &[Strategy] = &[Implicit];
/// Of those whose samplers are made of gammas.
const GAMMAS: &[Strategy] = &[Implicit, Rejection];
const WEAK: &[Strategy] = &[Mvd];
const FINITE: &[Strategy] = &[Enum];
const RELAXED: &[Strategy] = &[Rebar, Relax];

/// The support of a distribution whose parameters move it.
const MOVING: &str = "bounded(lower, upper)";
const COUNTS: Support = Support::Whole(300, false);
const INF: f64 = f64::INFINITY;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn around(m: f64, _: f64) -> Vec<f64> {
    vec![-INF, m, INF]
}

fn positive(_: f64, _: f64) -> Vec<f64> {
    vec![0.0, 1.0, INF]
}

fn line(name: &'static str, args: &'static str, log_density: fn(f64, f64, f64) -> f64) -> Oracle {
    Oracle {
        name,
        args,
        on: "real",
        support: Support::Reals(around),
        log_density,
        strategies: &[PATH, CDF, SCORE],
    }
}

fn half_line(
    name: &'static str,
    args: &'static str,
    strategies: &'static [&'static [Strategy]],
    log_density: fn(f64, f64, f64) -> f64,
) -> Oracle {
    Oracle { name, args, on: "positive", support: Support::Reals(positive), log_density, strategies }
}

fn unit(
    name: &'static str,
    args: &'static str,
    strategies: &'static [&'static [Strategy]],
    log_density: fn(f64, f64, f64) -> f64,
) -> Oracle {
    let support = Support::Reals(|_, _| vec![0.0, 0.5, 1.0]);
    Oracle { name, args, on: "unit", support, log_density, strategies }
}

fn whole(
    name: &'static str,
    args: &'static str,
    support: Support,
    strategies: &'static [&'static [Strategy]],
    log_density: fn(f64, f64, f64) -> f64,
) -> Oracle {
    Oracle { name, args, on: "int", support, log_density, strategies }
}

fn bit(x: f64, logit: f64) -> f64 {
    -softplus(if x == 1.0 { -logit } else { logit })
}

fn choice(x: f64, m: f64, b: f64) -> f64 {
    let logits = [m, b, 0.3];
    logits[x as usize] - logits.iter().map(|l| l.exp()).sum::<f64>().ln()
}

/// log of the normal density at standardised z, times σ.
fn standard(z: f64) -> f64 {
    -0.5 * z * z - 0.5 * TAU.ln()
}

/// The gamma's log density at shape a and rate r.
fn gamma(x: f64, a: f64, r: f64) -> f64 {
    a * r.ln() - lgamma(a) + (a - 1.0) * x.ln() - r * x
}

fn beta(x: f64, a: f64, b: f64) -> f64 {
    lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p()
}

/// A negative binomial's mass at shape r and log probability of one more.
fn counts(x: f64, r: f64, more: f64) -> f64 {
    lgamma(x + r) - lgamma(r) - lgamma(x + 1.0) + r * (-more.exp_m1()).ln() + x * more
}

/// Every distribution that can be sampled: the matrix has a row for each.
pub fn all() -> Vec<Oracle> {
    let bits = Support::Whole(1, true);
    let three = Support::Whole(2, false);
    vec![
        whole("flip", "sigmoid({m} + b)", bits, &[FINITE, WEAK, SCORE, RELAXED], |x, m, b| bit(x, m + b)),
        whole("bernoulli", "sigmoid({m} + b)", bits, &[FINITE, WEAK, SCORE, RELAXED], |x, m, b| {
            bit(x, m + b)
        }),
        whole("bernoulli_logits", "{m} * (1 + b)", bits, &[FINITE, WEAK, SCORE, RELAXED], |x, m, b| {
            bit(x, m * (1.0 + b))
        }),
        whole("categorical", "softmax([{m}, b, 0.3])", three, &[FINITE, WEAK, SCORE, RELAXED], choice),
        whole("categorical_logits", "[{m}, b, 0.3]", three, &[FINITE, WEAK, SCORE, RELAXED], choice),
        whole(
            "binomial",
            "4, sigmoid({m} + b)",
            Support::Whole(4, false),
            &[FINITE, WEAK, SCORE, RELAXED],
            |x, m, b| {
                let p = sigmoid(m + b);
                lgamma(5.0) - lgamma(x + 1.0) - lgamma(5.0 - x) + x * p.ln() + (4.0 - x) * (1.0 - p).ln()
            },
        ),
        whole("poisson", "exp({m}) + exp(b)", Support::Whole(80, false), &[WEAK, SCORE], |x, m, b| {
            let rate = m.exp() + b.exp();
            x * rate.ln() - rate - lgamma(x + 1.0)
        }),
        Oracle {
            strategies: &[PATH, CDF, WEAK, SCORE],
            ..line("normal", "{m}, exp(b)", |x, m, b| standard((x - m) / b.exp()) - b)
        },
        line("cauchy", "{m}, exp(b)", |x, m, b| -PI.ln() - b - (((x - m) / b.exp()).powi(2)).ln_1p()),
        line("laplace", "{m}, exp(b)", |x, m, b| -(2f64.ln()) - b - (x - m).abs() / b.exp()),
        Oracle {
            strategies: &[GAMMAS, SCORE],
            ..line("student_t", "2 + exp(b), {m}, 0.8", |x, m, b| {
                let (nu, z) = (2.0 + b.exp(), (x - m) / 0.8);
                lgamma(0.5 * (nu + 1.0))
                    - lgamma(0.5 * nu)
                    - 0.5 * (nu * PI).ln()
                    - 0.8f64.ln()
                    - 0.5 * (nu + 1.0) * (z * z / nu).ln_1p()
            })
        },
        half_line("lognormal", "{m}, exp(b)", &[PATH, CDF, SCORE], |x, m, b| {
            standard((x.ln() - m) / b.exp()) - b - x.ln()
        }),
        half_line("exponential", "exp({m}) + exp(b)", &[PATH, CDF, WEAK, SCORE], |x, m, b| {
            let rate = m.exp() + b.exp();
            rate.ln() - rate * x
        }),
        half_line("half_normal", "exp({m} + b)", &[PATH, CDF, SCORE], |x, m, b| {
            2f64.ln() + standard(x / (m + b).exp()) - m - b
        }),
        half_line("half_cauchy", "exp({m} + b)", &[PATH, CDF, SCORE], |x, m, b| {
            (2.0 / PI).ln() - m - b - ((x / (m + b).exp()).powi(2)).ln_1p()
        }),
        half_line("gamma", "0.5 + exp({m}), exp(b)", &[GAMMAS, SCORE], |x, m, b| {
            gamma(x, 0.5 + m.exp(), b.exp())
        }),
        half_line("gamma", "1.7, exp({m}) + exp(b)", &[GAMMAS, WEAK, SCORE], |x, m, b| {
            gamma(x, 1.7, m.exp() + b.exp())
        }),
        half_line("inv_gamma", "0.5 + exp({m}), exp(b)", &[GAMMAS, SCORE], |x, m, b| {
            // The reciprocal is gamma; |dy/dx| = x⁻².
            gamma(1.0 / x, 0.5 + m.exp(), b.exp()) - 2.0 * x.ln()
        }),
        half_line("inv_gamma", "2.7, exp({m}) + exp(b)", &[GAMMAS, WEAK, SCORE], |x, m, b| {
            gamma(1.0 / x, 2.7, m.exp() + b.exp()) - 2.0 * x.ln()
        }),
        unit("beta", "0.5 + exp({m}), 0.7 + exp(b)", &[GAMMAS, SCORE], |x, m, b| {
            beta(x, 0.5 + m.exp(), 0.7 + b.exp())
        }),
        Oracle {
            name: "interval_normal",
            args: "{m}, exp(b), -1, 2",
            on: "bounded(-1, 2)",
            support: Support::Reals(|_, _| vec![-1.0, 0.5, 2.0]),
            log_density: |x, m, b| {
                let (below, above) = (x + 1.0, 2.0 - x);
                standard(((below / above).ln() - m) / b.exp()) - b + 3f64.ln() - below.ln() - above.ln()
            },
            strategies: &[PATH, SCORE],
        },
        Oracle {
            name: "uniform",
            args: "{m}, {m} + exp(b)",
            on: MOVING,
            support: Support::Reals(|m, b| vec![m, m + b.exp()]),
            log_density: |_, _, b| -b,
            strategies: &[PATH],
        },
        Oracle {
            name: "pareto",
            args: "exp({m}), 1 + exp(b)",
            on: MOVING,
            support: Support::Reals(|m, _| vec![m.exp(), INF]),
            log_density: |x, m, b| {
                let alpha = 1.0 + b.exp();
                alpha.ln() + alpha * m - (alpha + 1.0) * x.ln()
            },
            strategies: &[PATH, CDF],
        },
        line("logistic", "{m}, exp(b)", |x, m, b| {
            let z = (x - m) / b.exp();
            -b - z.abs() - 2.0 * (-z.abs()).exp().ln_1p()
        }),
        line("gumbel", "{m}, exp(b)", |x, m, b| {
            let z = (x - m) / b.exp();
            -b - z - (-z).exp()
        }),
        Oracle {
            strategies: &[PATH, SCORE],
            ..line("exp_modified_normal", "{m}, 0.7, exp(b)", |x, m, b| {
                let (z, rate) = ((x - m) / 0.7, 0.7 * b.exp());
                b - rate * z + 0.5 * rate * rate + libm::erfc((rate - z) * FRAC_1_SQRT_2).ln() - 2f64.ln()
            })
        },
        Oracle {
            strategies: &[PATH, SCORE],
            ..line("skew_normal", "{m}, 0.8, 3 * b", |x, m, b| {
                let z = (x - m) / 0.8;
                standard(z) - 0.8f64.ln() + libm::erfc(-3.0 * b * z * FRAC_1_SQRT_2).ln()
            })
        },
        Oracle {
            name: "von_mises",
            args: "{m}, exp(b)",
            on: "bounded(-3.141592653589793, 3.141592653589793)",
            support: Support::Reals(|_, _| vec![-PI, 0.0, PI]),
            log_density: |x, m, b| {
                // The normaliser by the trapezoidal rule, which is exact on a period.
                let height = |t: f64| (b.exp() * (t.cos() - 1.0)).exp();
                let total = (0..256).map(|k| height(f64::from(k) * TAU / 256.0)).sum::<f64>() * TAU / 256.0;
                b.exp() * ((x - m).cos() - 1.0) - total.ln()
            },
            strategies: &[CDF, SCORE],
        },
        half_line("weibull", "0.5 + exp({m}), exp(b)", &[PATH, CDF, WEAK, SCORE], |x, m, b| {
            let (alpha, z) = (0.5 + m.exp(), x / b.exp());
            alpha.ln() - b + (alpha - 1.0) * z.ln() - z.powf(alpha)
        }),
        half_line("weibull", "1.7, exp({m}) + exp(b)", &[PATH, CDF, WEAK, SCORE], |x, m, b| {
            let (alpha, sigma) = (1.7f64, m.exp() + b.exp());
            alpha.ln() - sigma.ln() + (alpha - 1.0) * (x / sigma).ln() - (x / sigma).powf(alpha)
        }),
        half_line("rayleigh", "exp({m} + b)", &[PATH, CDF, SCORE], |x, m, b| {
            x.ln() - 2.0 * (m + b) - 0.5 * (x / (m + b).exp()).powi(2)
        }),
        half_line("chi_squared", "exp({m}) + exp(b)", &[GAMMAS, SCORE], |x, m, b| {
            gamma(x, 0.5 * (m.exp() + b.exp()), 0.5)
        }),
        half_line("inv_chi_squared", "exp({m}) + exp(b)", &[GAMMAS, SCORE], |x, m, b| {
            gamma(1.0 / x, 0.5 * (m.exp() + b.exp()), 0.5) - 2.0 * x.ln()
        }),
        half_line("scaled_inv_chi_squared", "5.0, exp({m}) + exp(b)", &[GAMMAS, WEAK, SCORE], |x, m, b| {
            gamma(1.0 / x, 2.5, 2.5 * (m.exp() + b.exp()).powi(2)) - 2.0 * x.ln()
        }),
        half_line("scaled_inv_chi_squared", "1 + exp({m}), exp(b)", &[GAMMAS, SCORE], |x, m, b| {
            let half = 0.5 * (1.0 + m.exp());
            gamma(1.0 / x, half, half * (2.0 * b).exp()) - 2.0 * x.ln()
        }),
        unit("kumaraswamy", "0.5 + exp({m}), 0.7 + exp(b)", &[PATH, SCORE], |x, m, b| {
            let (a, b) = (0.5 + m.exp(), 0.7 + b.exp());
            (a * b).ln() + (a - 1.0) * x.ln() + (b - 1.0) * (-(a * x.ln()).exp_m1()).ln()
        }),
        unit("logit_normal", "{m}, exp(b)", &[PATH, SCORE], |x, m, b| {
            standard(((x / (1.0 - x)).ln() - m) / b.exp()) - b - (x * (1.0 - x)).ln()
        }),
        unit("relaxed_bernoulli", "0.5 + exp(b), {m}", &[PATH, SCORE], |x, m, b| {
            let (t, odds) = (0.5 + b.exp(), x / (1.0 - x));
            // The logit over the temperature of a logistic value.
            let y = odds.powf(t) * (-m).exp();
            t.ln() + y.ln() - 2.0 * y.ln_1p() - (x * (1.0 - x)).ln()
        }),
        unit("beta_proportion", "sigmoid({m}), 3 + exp(b)", &[GAMMAS, SCORE], |x, m, b| {
            let total = 3.0 + b.exp();
            beta(x, sigmoid(m) * total, sigmoid(-m) * total)
        }),
        whole("geometric", "sigmoid({m} + b)", Support::Whole(150, false), &[WEAK, SCORE], |x, m, b| {
            sigmoid(m + b).ln() + x * sigmoid(-m - b).ln()
        }),
        whole("neg_binomial", "0.5 + exp({m}), exp(b)", COUNTS, &[SCORE], |x, m, b| {
            counts(x, 0.5 + m.exp(), (1.0 / (1.0 + b.exp())).ln())
        }),
        whole("neg_binomial_2", "exp({m}), 0.5 + exp(b)", COUNTS, &[SCORE], |x, m, b| {
            let phi = 0.5 + b.exp();
            counts(x, phi, m - (m.exp() + phi).ln())
        }),
        whole("neg_binomial_2_log", "{m}, 0.5 + exp(b)", COUNTS, &[SCORE], |x, m, b| {
            let phi = 0.5 + b.exp();
            counts(x, phi, m - (m.exp() + phi).ln())
        }),
        whole("poisson_log", "{m} + b", Support::Whole(80, false), &[WEAK, SCORE], |x, m, b| {
            x * (m + b) - (m + b).exp() - lgamma(x + 1.0)
        }),
        whole(
            "binomial_logit",
            "4, {m} + b",
            Support::Whole(4, false),
            &[FINITE, WEAK, SCORE, RELAXED],
            |x, m, b| {
                let p = sigmoid(m + b);
                lgamma(5.0) - lgamma(x + 1.0) - lgamma(5.0 - x) + x * p.ln() + (4.0 - x) * (1.0 - p).ln()
            },
        ),
        whole(
            "beta_binomial",
            "4, 0.5 + exp({m}), 0.7 + exp(b)",
            Support::Whole(4, false),
            &[FINITE, SCORE, RELAXED],
            |x, m, b| {
                let (a, b) = (0.5 + m.exp(), 0.7 + b.exp());
                let choose = lgamma(5.0) - lgamma(x + 1.0) - lgamma(5.0 - x);
                let rising = |a: f64, k: f64| lgamma(a + k) - lgamma(a);
                choose + rising(a, x) + rising(b, 4.0 - x) - rising(a + b, 4.0)
            },
        ),
        whole("ordered_logistic", "{m}, [b, b + 0.8]", three, &[FINITE, SCORE, &[Relax]], |x, m, b| {
            let above = [1.0, sigmoid(m - b), sigmoid(m - b - 0.8), 0.0];
            (above[x as usize] - above[x as usize + 1]).ln()
        }),
        Oracle {
            name: "truncated",
            args: "normal({m}, exp(b)), lower = -0.5, upper = 2",
            on: "bounded(-0.5, 2)",
            support: Support::Reals(|_, _| vec![-0.5, 2.0]),
            log_density: |x, m, b| {
                let above = |end: f64| libm::erfc((end - m) * (-b).exp() * FRAC_1_SQRT_2);
                standard((x - m) / b.exp()) - b - (0.5 * (above(-0.5) - above(2.0))).ln()
            },
            strategies: &[PATH, SCORE],
        },
        half_line("truncated", "logistic({m}, exp(b)), lower = 0", &[PATH, SCORE], |x, m, b| {
            let (z, end) = ((x - m) / b.exp(), -m / b.exp());
            -b - softplus(z) - softplus(-z) + softplus(end)
        }),
        half_line(
            "transformed",
            "normal({m}, 0.6), forward = |e| exp(b + e), inverse = |v| log(v) - b",
            &[PATH, SCORE],
            |x, m, b| standard((x.ln() - b - m) / 0.6) - 0.6_f64.ln() - x.ln(),
        ),
        whole(
            "zero_inflated",
            "poisson(exp({m})), sigmoid(b)",
            Support::Whole(80, false),
            &[SCORE],
            |x, m, b| {
                let count = (x * m - m.exp() - lgamma(x + 1.0)).exp();
                (sigmoid(-b) * count + if x == 0.0 { sigmoid(b) } else { 0.0 }).ln()
            },
        ),
        Oracle {
            strategies: &[CDF, SCORE],
            support: Support::Reals(|m, b| vec![-INF, m.min(1.0 + b), m.max(1.0 + b), INF]),
            ..line("mixture", "[sigmoid(b), sigmoid(-b)], normal({m}, 0.7), cauchy(1 + b, 0.5)", |x, m, b| {
                let first = sigmoid(b) * (standard((x - m) / 0.7)).exp() / 0.7;
                let z = (x - 1.0 - b) / 0.5;
                (first + sigmoid(-b) / (0.5 * PI * (1.0 + z * z))).ln()
            })
        },
        Oracle {
            name: "delta",
            args: "{m} + b",
            on: "real",
            support: Support::Point,
            log_density: |_, _, _| 0.0,
            strategies: &[PATH],
        },
    ]
}

/// Names of the library that have no row, and why.
pub const WITHOUT_SAMPLER: &[&str] = &["flat"];

impl Oracle {
    /// Every strategy that applies.
    pub fn strategies(&self) -> impl Iterator<Item = Strategy> + use<> {
        self.strategies.iter().flat_map(|group| group.iter().copied())
    }

    /// Whether its parameters move its support, so that its score is none.
    pub fn is_moving(&self) -> bool {
        self.on == MOVING
    }

    /// The arguments with m replaced.
    pub fn arguments(&self, m: &str) -> String {
        self.args.replace("{m}", &format!("({m})"))
    }

    /// E g(x, log p(x)); `jumps` are places where g is not smooth.
    pub fn expectation(&self, m: f64, b: f64, jumps: &[f64], g: &dyn Fn(f64, f64) -> f64) -> f64 {
        let log_density = |x: f64| (self.log_density)(x, m, b);
        match self.support {
            Support::Point => g(m + b, 0.0),
            Support::Whole(top, _) => (0..=top)
                .map(|x| {
                    let log_p = log_density(f64::from(x));
                    log_p.exp() * g(f64::from(x), log_p)
                })
                .sum(),
            Support::Reals(breaks) => {
                let mut breaks = breaks(m, b);
                let (first, last) = (breaks[0], breaks[breaks.len() - 1]);
                breaks.extend(jumps.iter().copied().filter(|at| first < *at && *at < last));
                breaks.sort_by(f64::total_cmp);
                quadrature::integral(&breaks, &|x| {
                    let log_p = log_density(x);
                    let mass = log_p.exp();
                    if mass == 0.0 { 0.0 } else { mass * g(x, log_p) }
                })
            }
        }
    }
}
