//! Estimators that are wrong on purpose: what the test must reject.

use super::{contexts, estimate};
use crate::oracle::{Oracle, Strategy};
use crate::program::Program;

/// A distribution that lies to its strategy, and the one it stands for.
pub struct Wrong {
    /// The strategy it deceives.
    pub strategy: Strategy,
    /// How.
    pub lie: &'static str,
    /// The declaration of `wrong`, with the parameters of the honest one.
    declaration: String,
    /// The honest one.
    honest: &'static str,
}

/// Draws that suffice to find each out.
pub const DRAWS: usize = 1 << 16;
const BATCHES: usize = 128;

/// A normal that says of itself what is given, beside what it is.
fn normal(clauses: &str) -> String {
    format!(
        "distribution wrong(mu: real, sigma: positive) on real {{
  log_density(x) = -0.5 * ((x - mu) / sigma)^2 - log(sigma) - 0.5 * log(2 * pi)
  reparam from eps: base_normal = mu + sigma * eps
{clauses}
}}"
    )
}

/// A flip that says of itself what is given, beside what it is.
fn flip(clauses: &str) -> String {
    format!(
        "distribution wrong(p: unit) on bit {{
  log_density(x) = xlogy(real(x), p) + xlogy(1 - real(x), 1 - p)
  sample from u: base_uniform = u < p
{clauses}
}}"
    )
}

/// One for every strategy. (A term of the score that does not depend on the value would not do: its sign is
/// lost on a moving average, which takes away the mean of the cost.)
pub fn wrong() -> Vec<Wrong> {
    use Strategy::*;
    let score = |strategy| Wrong {
        strategy,
        lie: "the score's square has the wrong sign",
        declaration: "distribution wrong(mu: real, sigma: positive) on real {
  log_density(x) = 0.5 * ((x - mu) / sigma)^2 - log(sigma)
  reparam from eps: base_normal = mu + sigma * eps
}"
        .to_string(),
        honest: "normal",
    };
    let opposite = |strategy| Wrong {
        strategy,
        lie: "the probability of true is 1 - p",
        declaration: flip("  probability_of_true = 1 - p"),
        honest: "flip",
    };
    let half_logits = |strategy| Wrong {
        strategy,
        lie: "the logits are halved",
        declaration: "distribution wrong(logits: real[k]) on index[k] {
  log_density(x) = 0.5 * logits[x] - log_sum_exp(0.5 * logits)
  sample from u: base_uniform = min(sum(cumsum(softmax(logits)) <= u), k - 1)
}"
        .to_string(),
        honest: "categorical_logits",
    };
    vec![
        Wrong {
            strategy: Reparam,
            lie: "the path through μ is detached",
            declaration: "distribution wrong(mu: real, sigma: positive) on real {
  log_density(x) = -0.5 * ((x - mu) / sigma)^2 - log(sigma)
  reparam from eps: base_normal = detach(mu) + sigma * eps
}"
            .to_string(),
            honest: "normal",
        },
        score(Reinforce),
        score(ReinforceConstant),
        score(ReinforceAverage),
        score(ReinforceLearned),
        score(Rloo),
        score(RlooCopies),
        Wrong {
            strategy: Enum,
            lie: "the mass of true is 1.2 p",
            declaration: "distribution wrong(p: unit) on bit {
  log_density(x) = if x { log(1.2 * p) } else { log1p(-1.2 * p) }
  sample from u: base_uniform = u < p
}"
            .to_string(),
            honest: "flip",
        },
        Wrong {
            strategy: Mvd,
            lie: "half the difference of the two",
            declaration: flip("  weak_derivative(p, x) = (if x { 0.5 } else { -0.5 }, x, !x)"),
            honest: "flip",
        },
        opposite(Rebar),
        opposite(Relax),
        half_logits(Rebar),
        half_logits(Relax),
        Wrong {
            strategy: Mvd,
            lie: "one event more is two",
            declaration: "distribution wrong(rate: positive) on int {
  log_density(x) = if x >= 0 { xlogy(real(x), rate) - rate - lgamma(real(x) + 1) } else { -inf }
  sample from k: base_poisson(rate) = k
  weak_derivative(rate, x) = (1.0, x + 2, x)
}"
            .to_string(),
            honest: "poisson",
        },
        Wrong {
            strategy: Mvd,
            lie: "the Maxwell value is half of itself",
            declaration: normal(
                "  weak_derivative(mu) from e: base_exponential = {
    let w = sigma * sqrt(2 * e)
    (1 / (sigma * sqrt(2 * pi)), mu + w, mu - w)
  }
  weak_derivative(sigma, x) from e: base_exponential = {
    let z = (x - mu) / sigma
    (1 / sigma, mu + sigma * (if z < 0 { -0.5 } else { 0.5 }) * sqrt(z^2 + 2 * e), x)
  }",
            ),
            honest: "normal",
        },
        Wrong {
            strategy: Implicit,
            lie: "half of μ is missing in the distribution function",
            declaration: normal("  cdf(x) = Phi((x - 0.5 * mu - 0.5 * detach(mu)) / sigma)"),
            honest: "normal",
        },
        Wrong {
            strategy: Rejection,
            lie: "the shape that is proposed for is detached",
            declaration: "distribution wrong(alpha: positive, beta: positive) on positive {
  log_density(x) = alpha * log(beta) - lgamma(alpha) + (alpha - 1) * log(x) - beta * x
  sample from g: base_gamma(detach(alpha)) = g / beta
}"
            .to_string(),
            honest: "gamma",
        },
    ]
}

impl Wrong {
    /// Largest |z| of a derivative in a context.
    pub fn z(&self, context: super::Context, seed: u64) -> Result<f64, String> {
        let dists = crate::oracle::all();
        let honest = dists.iter().find(|dist| dist.name == self.honest).expect("in the table");
        let truth = contexts::truth(context, honest);
        let liar = Oracle { name: "wrong", ..*honest };
        let source = format!("{}\n{}", self.declaration, context.source(&liar, self.strategy));
        let program = Program::new(&source, None)?;
        let at = super::point(&program);
        let found = estimate(&program, &at, BATCHES, DRAWS / BATCHES, seed)?;
        let z = found.components[1..]
            .iter()
            .zip(&truth[1..])
            .map(|(c, t)| (c.mean() - t).abs() / c.se().max(1e-9));
        Ok(z.fold(0.0, f64::max))
    }
}
