//! The standard library means its own names, whatever the user's file declares.

use crate::run;

const PROGRAM: &str = "
model m { x ~ normal(0, 1); k ~ gamma(2, 1); c ~ flip(0.3) }
guide q {
  param a: real = 0.3
  x ~ normal.reparam(a, 1)
  k ~ lognormal.reparam(a, 1)
  c ~ flip(sigmoid(a))
}
fit: maximize iwelbo(m, q, n = 2)
";

/// Declarations whose names the standard library uses.
const SHADOWS: &[&str] = &[
    "let pi = 3",
    "fn log(x: real) = 0 * x",
    "fn lgamma(x: real) = x",
    "fn abs(x: real) = -x",
    "fn log_mean_exp(x: real[k]) = 0.0",
    "let base_normal = 1",
    "objective renyi(p: program) = expect { log_density(p, {}) }",
];

#[test]
fn declarations_do_not_reach_the_standard_library() {
    let plain = run::objective(PROGRAM);
    for shadow in SHADOWS {
        assert_eq!(plain, run::objective(&format!("{shadow}\n{PROGRAM}")), "{shadow}");
    }
}
