//! `vary explain FILE` and `vary gradcheck`: what a user learns of an estimator.

mod common;

use common::{directory, examples, vary};
use serde_json::Value;

/// Runs `vary gradcheck --json` on a program.
fn gradcheck(program: &str, more: &[&str]) -> (i32, Value) {
    let place = directory(&[("program.ppl", program.as_bytes())]);
    let args = [&["gradcheck", "program.ppl", "--json", "--gradients", "1000"], more].concat();
    let ran = vary(place.path(), &args, "");
    (ran.code, ran.json())
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// E[(k ? 0 : −θ/2)] of the ADEV paper: L(θ) = −θ(1 − θ)/2, here with θ = 0.4 at the start.
const FLIP: &str = "param theta: unit = 0.4\n\
    fit: minimize expect { k ~ flip.reinforce(theta); if k { 0 } else { -theta / 2 } } { samples = 4 }\n";

#[test]
fn a_discrete_site_is_held_to_enumeration() {
    let (code, found) = gradcheck(FLIP, &[]);
    assert_eq!((code, &found["reference"]["kind"]), (0, &Value::from("enumeration")));
    // d/du of −θ(1 − θ)/2 at θ = σ(u) = 0.4 is (2θ − 1)/2 · θ(1 − θ).
    let reference = found["gradient"][0]["reference"].as_f64().unwrap();
    assert!((reference + 0.1 * 0.24).abs() < 1e-9, "{reference}");
    // Enumeration has no variance, so nothing is better.
    let best = &found["rankings"][0]["alternatives"][0];
    assert_eq!(best["write"], Value::from("flip.enum(…)"));
    assert!(best["variance"].as_f64().unwrap() < 1e-25, "{best}");
}

#[test]
fn what_learns_is_trained_before_strategies_are_ranked() {
    let program = "param theta: unit = 0.4\n\
        fit: minimize expect { k ~ flip.reinforce(theta); if k { 2 } else { 1 } } { samples = 4 }\n";
    let (code, found) = gradcheck(program, &[]);
    assert_eq!(code, 0);
    let all = found["rankings"][0]["alternatives"].as_array().unwrap();
    let of = |call: &str| all.iter().find(|one| one["write"] == call).unwrap();
    let variance = |call: &str| of(call)["variance"].as_f64().unwrap();
    assert_eq!(of("flip.relax(…)")["trained"], Value::from(true));
    assert_eq!(of("flip.reinforce(…)")["trained"], Value::from(false));
    let (learned, plain) = (variance("flip.relax(…)"), variance("flip.reinforce(…)"));
    assert!(learned < plain / 2.0, "relax {learned}, reinforce {plain}");
}

#[test]
fn a_site_has_no_more_than_all_of_the_variance() {
    let (_, found) = gradcheck(FLIP, &["--no-ranking"]);
    let share = found["sites"][0]["share"].as_f64().unwrap();
    assert!((0.95..=1.0).contains(&share), "{share}");
}

/// In the midst of the fits of an example no estimator is seen to be biased.
#[test]
fn strategies_of_an_example_check_out() {
    for fit in ["rloo", "learned", "rebar", "relax", "mvd"] {
        let args = ["gradcheck", "control_variates.ppl", fit, "--after", "100", "--no-ranking"];
        let ran = vary(&examples(), &args, "");
        assert!(ran.code == 0 && ran.stdout.contains("no bias seen"), "{fit}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_derivative_that_the_user_cut_is_seen() {
    let biased = FLIP.replace("-theta / 2", "-detach(theta) / 2");
    let (code, found) = gradcheck(&biased, &["--no-ranking"]);
    assert_eq!((code, names(&found["biased"])), (4, vec!["theta"]));
}

#[test]
fn few_continuous_draws_are_integrated() {
    let program = "param s: positive = 1.5\n\
        fit: minimize expect { x ~ normal.reparam(0, s); x^4 } { samples = 8 }\n";
    let (code, found) = gradcheck(program, &["--no-ranking"]);
    assert_eq!((code, &found["reference"]["kind"]), (0, &Value::from("quadrature")));
    // E x⁴ = 3 s⁴, whose derivative by log s is 12 s⁴.
    let reference = found["gradient"][0]["reference"].as_f64().unwrap();
    assert!((reference - 12.0 * 1.5_f64.powi(4)).abs() < 1e-5, "{reference}");
}

#[test]
fn draws_with_operands_are_run_at_length() {
    let program = "param r: positive = 2\n\
        fit: minimize expect { k ~ poisson.reinforce(r); k * k } { samples = 20 }\n";
    let (code, found) = gradcheck(program, &["--no-ranking"]);
    assert_eq!((code, &found["reference"]["kind"]), (0, &Value::from("common random numbers")));
    // E k² = r + r²; by log r: r + 2 r².
    let (reference, se) = (found["gradient"][0]["reference"].as_f64().unwrap(), 0.2);
    assert!((reference - 10.0).abs() < 4.0 * se, "{reference}");
}

#[test]
fn a_frozen_program_stays_where_it_is() {
    let program = "data y: real = 1\nmodel m { x ~ normal(0, 1); y ~ normal(x, 1) }\n\
        guide g { param a: real = 0.3; param s: positive = 0.6; x ~ normal.reparam(a, s) }\n\
        fit: maximize elbo_stl(m, g) { samples = 8 }\n";
    let (code, found) = gradcheck(program, &["--no-ranking"]);
    assert_eq!(code, 0, "{found}");
    // d/da of E[log p(x, y)] at a = 0.3: −a + (y − a).
    let reference = found["gradient"][0]["reference"].as_f64().unwrap();
    assert!((reference - 0.4).abs() < 1e-6, "{reference}");
}

/// Objectives of the library on a conjugate model. Self-normalised ones are held to their own value, with what they
/// freeze left where it is.
#[test]
fn objectives_of_the_library_have_the_gradients_of_their_values() {
    let objectives = [
        "maximize elbo_beta(m, g, beta = 0.5)",
        "maximize elbo_beta(m, g, beta = min(1, (step + 500) / 1000))",
        "maximize iwelbo_dreg(m, g, n = 5)",
        "maximize renyi(m, g, alpha = 0.5, n = 5)",
        "minimize q_wake(m, g, n = 5)",
        "maximize p_wake(m, g, n = 5)",
        "minimize cubo(m, g, chi = 2)",
    ];
    for objective in objectives {
        let program = format!(
            "data y: real = 2\nmodel m {{ param b: real = 0.2; x ~ normal(b, 1); y ~ normal(x, 1) }}\n\
             guide g {{ param a: real = 0.3; param s: positive = 1.2; x ~ normal(a, s) }}\n\
             fit: {objective} {{ samples = 10 }}\n"
        );
        let (code, found) = gradcheck(&program, &["--no-ranking"]);
        assert_eq!(code, 0, "{objective}: {found}");
        let moved = found["gradient"].as_array().unwrap().iter();
        let largest = moved.map(|entry| entry["reference"].as_f64().unwrap().abs()).fold(0.0, f64::max);
        assert!(largest > 0.05, "{objective}: nothing to compare");
    }
}

/// Each objective of a fit by the parameters that it moves, in the order in which they are written.
#[test]
fn every_objective_of_a_fit_is_checked() {
    let args = ["gradcheck", "wake_sleep.ppl", "wake_sleep", "--json", "--no-ranking", "--gradients", "1000"];
    let ran = vary(&examples(), &args, "");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let found: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |found: &Value| {
        let entries = found["gradient"].as_array().unwrap();
        let by: Vec<String> =
            entries.iter().map(|entry| entry["name"].as_str().unwrap().to_string()).collect();
        (found["name"].as_str().unwrap().to_string(), by.join(" "))
    };
    let all: Vec<(String, String)> = found.iter().map(of).collect();
    let expected = [("elbo", "mean"), ("sleep", "slope shift scale")];
    assert_eq!(all, expected.map(|(name, by)| (name.to_string(), by.to_string())));
    // d/dmean of E[log p(x, y)] at x ~ N(0, 1), mean 0, is 0; by the slope, the guide scored at y ~ N(0, √2), x | y:
    // E[y (x − slope·y)] is 1 at slope 0, minimised with the opposite sign.
    let slope = found[1]["gradient"][0]["reference"].as_f64().unwrap();
    assert!((slope + 1.0).abs() < 0.05, "{slope}");
}

/// A bias of the second objective fails the check.
#[test]
fn a_bias_of_a_later_objective_is_seen() {
    let program = "param a: real = 1\nparam b: real = 1\n\
        fit { minimize expect { x ~ normal.reparam(a, 1); x^2 } over a\n\
        minimize expect { x ~ normal.reparam(b, 1); detach(x) * x } over b } { samples = 8 }\n";
    let place = directory(&[("program.ppl", program.as_bytes())]);
    let ran = vary(place.path(), &["gradcheck", "program.ppl", "--no-ranking"], "");
    assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    let verdicts: Vec<bool> = ran
        .stdout
        .lines()
        .filter_map(|line| match line.split(':').next() {
            Some("no bias seen") => Some(true),
            Some("BIASED by b") => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(verdicts, [true, false], "{}", ran.stdout);
}

#[test]
fn a_variance_that_does_not_exist_is_named() {
    // exp(0.45 x²) has a mean under N(0, 1) and no variance.
    let program = "param m: real = 0\n\
        fit: minimize expect { x ~ normal.reinforce(m, 1); exp(0.45 * x^2) } { samples = 1 }\n";
    let place = directory(&[("program.ppl", program.as_bytes())]);
    let ran = vary(place.path(), &["gradcheck", "program.ppl", "--no-ranking"], "");
    assert!(ran.stdout.contains("the variance by m looks infinite"), "{}", ran.stdout);
}

#[test]
fn an_estimator_is_explained_site_by_site() {
    let ran = vary(&examples(), &["explain", "mixture.ppl", "scored"], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn what_cannot_be_explained_is_said() {
    let several = vary(&examples(), &["explain", "cone.ppl"], "");
    assert_eq!(several.code, 2);
    assert!(several.stderr.contains("the file has several fits"), "{}", several.stderr);
    let absent = vary(&examples(), &["explain", "absent.ppl"], "");
    assert_eq!(absent.code, 2);
    assert!(absent.stderr.contains("there is no file `absent.ppl`"), "{}", absent.stderr);
}

/// What is subtracted from a cost, and what a draw is, are part of the estimator; settings of strategies are not of sites.
#[test]
fn controls_and_antithetic_pairs_are_explained() {
    let text = "model m { z ~ flip(0.3); k ~ flip(0.5) }\n\
                guide q { param p: unit; z ~ flip.reinforce(p); k ~ flip.rloo(p, copies = 2) }\n\
                fit: maximize vimco(m, q, n = 4) { antithetic = true }\n";
    let place = directory(&[("program.ppl", text.as_bytes())]);
    let ran = vary(place.path(), &["explain", "program.ppl"], "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let control = "b: |others| log_mean_exp(concat(others, [mean(others)])) of the other copies";
    for said in
        ["z: reinforce (written; the other copies are its control)", control, "symmetric noise is mirrored"]
    {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    assert!(ran.stdout.contains("k ~ flip(p)\n") || ran.stdout.contains("k ~ flip(p) "), "{}", ran.stdout);
}

/// Rows with an amortised latent each, three of them a step.
const ROWS: &str = "data n: int\ndata y: real[n]\n\
    model m { mu ~ normal(0, 1); plate i in 0..n { z[i] ~ normal(mu, 1); y[i] ~ normal(z[i], 0.5) } }\n\
    guide q { param c: real[3] = 0.2; mu ~ normal(c[0], 0.3)\n\
    plate i in 0..n { z[i] ~ normal(c[1] + c[2] * y[i], 0.4) } }\n\
    fit: maximize elbo(m, q) { minibatch = (n = 3), samples = 2 }\n";

#[test]
fn a_fit_of_some_rows_says_so() {
    let data = r#"{"y": [0.3, -1.2, 2.1, 0.7, 1.9, -0.4, 0.2, 1.1]}"#;
    let place = directory(&[("program.ppl", ROWS.as_bytes()), ("y.json", data.as_bytes())]);
    let explained = vary(place.path(), &["explain", "program.ppl"], "");
    assert!(
        explained.stdout.contains("subsampled: a step takes 3 rows of `n`, and counts each n/3 times"),
        "{}",
        explained.stdout
    );
    assert!(explained.stdout.contains("row by row over n"), "{}", explained.stdout);
    let args =
        ["gradcheck", "program.ppl", "--data", "y.json", "--json", "--gradients", "1000", "--no-ranking"];
    let checked = vary(place.path(), &args, "");
    let found = checked.json();
    assert_eq!((checked.code, names(&found["biased"])), (0, vec![]), "{found}");
    let rows = &found["minibatch"][0];
    assert_eq!((&rows["plate"], &rows["size"], &rows["rows"]), (&"n".into(), &3.into(), &8.into()));
    assert!(rows["share"].as_f64().unwrap() > 0.05, "{rows}");
    // The command line may take other parts, and other lengths.
    let args =
        ["fit", "program.ppl", "--data", "y.json", "--json", "--set", "minibatch.n=5", "--set", "epochs=4"];
    let fitted = vary(place.path(), &args, "").json();
    assert_eq!(fitted["steps"], Value::from(8));
    let note = &fitted["estimator"]["notes"][0];
    assert_eq!(*note, Value::from("subsampled: a step takes 5 of 8 rows of `n`, and counts each n/5 times"));
    let wrong = vary(place.path(), &["fit", "program.ppl", "--data", "y.json", "--set", "minibatch.m=5"], "");
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
}
