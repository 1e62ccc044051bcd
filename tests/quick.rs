//! The quick tier of `verify`: the same checks with fewer draws, on representatives.

use verify::estimators::{Context, QUICK};
use verify::oracle::{Oracle, Strategy};
use verify::program::Program;
use verify::report::{self, Section};

fn assert_passed(section: Section) {
    assert!(section.failures.is_empty(), "{}\n{}", section.failures.join("\n"), section.text);
}

/// Every strategy in every context, on one distribution of each kind.
fn representative(dist: &Oracle, strategy: Strategy, context: Context) -> bool {
    match dist.name {
        "flip" | "normal" => true,
        "categorical" => {
            matches!(strategy, Strategy::Enum | Strategy::Mvd | Strategy::Rebar | Strategy::Relax)
        }
        "categorical_logits" => {
            matches!(strategy, Strategy::Rebar | Strategy::Relax) && context == Context::Straight
        }
        "poisson" => matches!(strategy, Strategy::ReinforceAverage | Strategy::Mvd),
        "gamma" => matches!(
            strategy,
            Strategy::ReinforceAverage | Strategy::Implicit | Strategy::Rejection | Strategy::Mvd
        ),
        "binomial" | "geometric" | "exponential" | "weibull" => {
            strategy == Strategy::Mvd && context != Context::Scan
        }
        "beta" | "student_t" | "laplace" => strategy == Strategy::Implicit && context == Context::Straight,
        "uniform" | "interval_normal" => {
            strategy == Strategy::Reparam && matches!(context, Context::Straight | Context::Scan)
        }
        _ => false,
    }
}

#[test]
fn estimators_are_unbiased() {
    assert_passed(report::estimators(&QUICK, &representative));
}

#[test]
fn wrong_estimators_are_found_out() {
    assert_passed(report::wrong_estimators());
}

#[test]
fn distributions_are_what_they_say() {
    assert_passed(report::distributions(10_000));
}

#[test]
fn vectors_are_drawn_and_differentiated() {
    assert_passed(report::vectors(&QUICK));
}

#[test]
fn log_densities_are_accurate() {
    assert_passed(report::densities());
}

#[test]
fn derivatives_and_executions_agree() {
    assert_passed(report::derivatives(200));
}

#[test]
fn plates_do_not_explode() {
    assert_passed(report::sizes());
}

#[test]
fn variances_are_related_as_published() {
    assert_passed(report::variances());
}

#[test]
fn the_evidence_of_the_cone_is_the_published_one() {
    assert!((verify::evidence::cone(5.0) - verify::evidence::PUBLISHED).abs() < 5e-5);
}

/// The ends are parameters of the distribution, not its first two arguments.
#[test]
fn supports_are_known_by_their_ends() {
    let program = |model: &str| {
        format!(
            "model m {{ x ~ {model} }}\nguide g {{\n  param a: real\n  x ~ uniform(-1, 2)\n  y ~ normal.reparam(a, 1)\n}}\n\
             let x_only = marginal(g, keep = [x], using = importance(1))\nfit: maximize elbo(m, x_only) {{ }}\n"
        )
    };
    for model in ["interval_normal(0, 1, -1, 2)", "interval_normal(5, 6, lower = -1, upper = 2)"] {
        Program::new(&program(model), None).unwrap();
    }
    let outside = Program::new(&program("interval_normal(-1, 2, 0, 1)"), None).err().unwrap_or_default();
    assert!(outside.starts_with("E0420"), "{outside}");
}
