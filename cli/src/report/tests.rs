//! The shape of the JSON is a contract; the tables are read by people.

use ndarray::{ArrayD, array};
use vary_runtime::fit::{
    Bound, Diagnostics, EstimatorReport, FitReport, ObjectiveReport, Posterior, Seconds, Sense, SiteReport,
    StepTime, Tail,
};

use super::*;
use crate::engine::{Signature, Variable};

fn objective(name: &str) -> ObjectiveReport {
    ObjectiveReport {
        name: name.to_owned(),
        mean: -7.3312,
        se: 0.0204,
        draws: 5000,
        tail: Some(Tail { mean: -7.312, steps: 1000 }),
        sense: Sense::Maximize,
        bound: Some(Bound::Lower),
    }
}

fn report() -> FitReport {
    let draws = array![[[1.0, 2.0], [3.0, 40.0]], [[2.0, 4.0], [5.0, 60.0]]].into_dyn();
    FitReport {
        fit: Some("diwhvi".into()),
        model: Some("cone".into()),
        guide: Some("ring_xy".into()),
        objectives: vec![objective("iwelbo")],
        estimator: EstimatorReport {
            unbiased: Some(true),
            sites: vec![SiteReport { address: "x".into(), strategy: "reparam".into(), line: Some(15) }],
            notes: vec![],
        },
        parameters: vec![
            ("sigma".into(), array![0.61, 0.6].into_dyn()),
            ("scale".into(), ArrayD::from_elem(vec![], 12345.678)),
            ("w".into(), array![[1.0, -2e-7], [3.0, 4e9]].into_dyn()),
        ],
        posterior: vec![
            Posterior::of("x", &array![0.0, 1.0, 2.0].into_dyn()),
            Posterior::of("eta", &draws),
            Posterior::of("z", &ArrayD::from_shape_fn(vec![2, 2000], |at| at[0] as f64)),
        ],
        diagnostics: Diagnostics { messages: vec!["k-hat was not computed".into()], ..Default::default() },
        steps: 5000,
        seconds: Seconds { compile: 0.006, optimise: 0.11, total: 0.13 },
        step_us: Some(StepTime { median: 21.0, p10: 20.1, p90: 23.0 }),
        seed: 1,
        threads: 2,
        float: 64,
    }
}

/// The numbers of `x` are 0, 1, 2: mean 1, sd 1, quantiles 0.1, 1 and 1.9. Those of `eta[0,1]` are 2
/// and 4: sd √2. `z` has 4000 draws, half 0 and half 1: sd √(1000/3999).
#[test]
fn json_of_a_fit() {
    let value = super::json::value(&report());
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&report())).unwrap(), value);
}

#[test]
fn json_is_one_line() {
    let text = json(&report());
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.starts_with(r#"{"schema":1,"fit":"diwhvi","model":"cone","guide":"ring_xy","objective":{"name":"iwelbo","mean":-7.3312,"#));
}

#[test]
fn json_of_a_fit_that_failed_at_once() {
    let failed = FitReport {
        fit: None,
        objectives: vec![
            ObjectiveReport {
                mean: f64::NAN,
                se: f64::NAN,
                draws: 0,
                tail: None,
                bound: None,
                ..objective("p_wake")
            },
            ObjectiveReport { sense: Sense::Minimize, bound: None, ..objective("q_wake") },
        ],
        estimator: EstimatorReport::default(),
        parameters: vec![("w".into(), ArrayD::zeros(vec![30, 40]))],
        posterior: vec![],
        steps: 0,
        step_us: None,
        ..report()
    };
    let value = super::json::value(&failed);
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn text_of_a_fit() {
    insta::assert_snapshot!(text(&report()));
}

#[test]
fn long_arrays_are_cut_in_tables() {
    let long = FitReport {
        parameters: vec![("bias".into(), ArrayD::from_elem(vec![100], 0.5))],
        posterior: vec![],
        objectives: vec![ObjectiveReport { draws: 0, se: f64::NAN, tail: None, ..objective("elbo") }],
        ..report()
    };
    insta::assert_snapshot!(text(&long));
}

#[test]
fn signature_of_eight_schools() {
    let variable = |name: &str, shape: &[usize]| Variable { name: name.into(), shape: shape.to_vec() };
    let schools = Signature {
        observed: vec![variable("y", &[8])],
        latent: vec![variable("mu", &[]), variable("tau", &[]), variable("eta", &[8])],
    };
    assert_eq!(signature(&schools), "observed: y[8]; latent: mu, tau, eta[8]\n");
    assert_eq!(signature(&Signature::default()), "observed: nothing; latent: nothing\n");
}
