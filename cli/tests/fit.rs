//! `vary fit` as a script sees it: its JSON, its exit codes, what does not change the result.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use common::{Ran, directory, examples, vary};
use serde_json::{Value, json};

const STEPS: &[&str] = &["--set", "steps=200", "--json"];

/// Fits the cone in a few steps.
fn cone(fit: &str, more: &[&str]) -> Ran {
    let args = [&["fit", "cone.ppl", fit], STEPS, more].concat();
    let ran = vary(&examples(), &args, "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

/// What a result says of the model, without how long it took.
fn result(ran: &Ran) -> Value {
    let mut json = ran.json();
    for clock in ["seconds", "step_us", "threads"] {
        json.as_object_mut().unwrap().remove(clock).unwrap();
    }
    json
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_json_of_the_cone_has_the_schema() {
    let ran = cone("elbo", &["--threads", "2"]);
    assert_eq!(ran.stderr, "");
    let json = ran.json();
    let top = [
        "schema",
        "fit",
        "model",
        "guide",
        "objective",
        "estimator",
        "parameters",
        "posterior",
        "diagnostics",
        "steps",
        "seconds",
        "step_us",
        "seed",
        "threads",
        "float",
    ];
    assert_eq!(keys(&json), top);
    let objective = ["name", "mean", "se", "draws", "tail_mean", "tail_steps", "sense", "bound"];
    assert_eq!(keys(&json["objective"]), objective);
    assert_eq!(keys(&json["estimator"]), ["unbiased", "sites", "notes"]);
    assert_eq!(keys(&json["estimator"]["sites"][0]), ["address", "strategy", "line"]);
    assert_eq!(keys(&json["parameters"]), ["mu", "sigma"]);
    assert_eq!(keys(&json["posterior"]), ["x", "y"]);
    assert_eq!(keys(&json["posterior"]["x"]), ["mean", "sd", "q05", "q50", "q95"]);
    assert_eq!(keys(&json["seconds"]), ["compile", "optimise", "total"]);
    assert_eq!(keys(&json["step_us"]), ["median", "p10", "p90"]);
    assert_eq!(json["diagnostics"], json!({"khat": null, "ess": null, "converged": null, "messages": []}));
    let said = |key: &str| json[key].clone();
    assert_eq!(["fit", "model", "guide"].map(said), ["elbo", "cone", "mean_field"].map(Value::from));
    assert_eq!(
        ["schema", "steps", "seed", "threads", "float"].map(said),
        [1, 200, 1, 2, 64].map(Value::from)
    );
    assert_eq!(json["objective"]["sense"], "maximize");
    assert_eq!(json["objective"]["bound"], "lower");
    assert_eq!(json["estimator"]["unbiased"], true);
    assert_eq!(json["estimator"]["sites"][0], json!({"address": "x", "strategy": "reparam", "line": 15}));
    assert_eq!(json["parameters"]["mu"].as_array().unwrap().len(), 2);
}

#[test]
fn results_depend_on_the_seed_alone() {
    let first = result(&cone("diwhvi", &["--threads", "1"]));
    for threads in ["1", "2", "2"] {
        assert_eq!(result(&cone("diwhvi", &["--threads", threads])), first);
    }
    let other = result(&cone("diwhvi", &["--seed", "7"]));
    assert_eq!(other["seed"], 7);
    assert_ne!(other["parameters"], first["parameters"]);
}

#[test]
fn settings_of_the_command_line_win() {
    let ran = cone("elbo", &["-s", "steps=30", "-s", "samples=3", "-s", "optimizer.rate=1e-9"]);
    let json = ran.json();
    assert_eq!(json["steps"], 30);
    // The start, which such a rate does not leave.
    let sigma = json["parameters"]["sigma"][0].as_f64().unwrap();
    assert!((sigma - 1f64.exp()).abs() < 1e-3, "{sigma}");
    for (wrong, code) in [("steps=0", 2), ("stepps=3", 2), ("steps=many", 2), ("optimizer.rate=-1", 2)] {
        let ran = vary(&examples(), &["fit", "cone.ppl", "elbo", "--set", wrong], "");
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{wrong}: {}", ran.stderr);
    }
}

#[test]
fn both_modes_of_differentiation_agree() {
    for fit in ["elbo", "hvi", "best"] {
        let [forward, reverse] = ["forward", "reverse"].map(|mode| cone(fit, &["--ad", mode]).json());
        let numbers = |json: &Value| {
            let mean = json["objective"]["mean"].as_f64().unwrap();
            let parameters = json["parameters"].as_object().unwrap().values();
            let parameters = parameters.flat_map(|value| match value {
                Value::Array(entries) => entries.clone(),
                one => vec![one.clone()],
            });
            parameters.map(|x| x.as_f64().unwrap()).chain([mean]).collect::<Vec<f64>>()
        };
        for (a, b) in numbers(&forward).into_iter().zip(numbers(&reverse)) {
            assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{fit}: {a} and {b}");
        }
    }
}

#[test]
fn the_fit_must_be_clear() {
    let ran = vary(&examples(), &["fit", "cone.ppl", "--json"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("the file has several fits") && ran.stderr.contains("elbo, iwelbo"));
    let ran = vary(&examples(), &["fit", "cone.ppl", "elbow"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("the file has no fit `elbow`"), "{}", ran.stderr);
}

const REGRESSION: &[u8] = b"data n: int
data y: real[n]
model m {
  mu ~ normal(0, 1)
  plate i in 0..n { y[i] ~ normal(mu, 1) }
}
";

#[test]
fn data_that_does_not_fit_is_code_3() {
    let files: &[(&str, &[u8])] = &[
        ("m.ppl", REGRESSION),
        ("good.csv", b"y\n1\n2.5\n"),
        ("nan.csv", b"y\n1\nNaN\n"),
        ("text.csv", b"y\n1\nabc\n"),
        ("empty.csv", b""),
        ("other.json", b"{\"yy\": [1, 2]}"),
        ("sizes.json", b"{\"y\": [1, 2], \"n\": 3}"),
        ("scalar.json", b"{\"y\": 1}"),
        ("bytes.csv", b"y\n\xff\n"),
    ];
    let directory = directory(files);
    let fit = |data: &[&str]| {
        vary(directory.path(), &[&["fit", "m.ppl", "--set", "steps=20", "--json"], data].concat(), "")
    };
    assert_eq!(fit(&["--data", "good.csv"]).code, 0);
    let cases: &[(&[&str], &str)] = &[
        (&[], "E0703"),
        (&["--data", "other.json"], "E0703"),
        (&["--data", "nan.csv"], "E0708"),
        (&["--data", "text.csv"], "E0704"),
        (&["--data", "y=[1, 2]", "--data", "n=2.5"], "E0704"),
        (&["--data", "empty.csv"], "E0702"),
        (&["--data", "bytes.csv"], "E0702"),
        (&["--data", "sizes.json"], "E0706"),
        (&["--data", "scalar.json"], "E0705"),
    ];
    for (data, code) in cases {
        let ran = fit(data);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{data:?}: {}", ran.stderr);
        assert!(ran.stderr.starts_with(&format!("error[{code}]")), "{data:?}: {}", ran.stderr);
    }
}

#[test]
fn wrong_programs_are_code_1_and_files_that_are_none_code_2() {
    let garbage: Vec<u8> =
        (0..10_000_000u32).map(|i| b' ' + (i.wrapping_mul(2_654_435_761) >> 16) as u8 % 95).collect();
    let cases: &[(&str, &[u8], i32, &str)] = &[
        ("empty.ppl", b"", 1, "the file has no model to fit"),
        ("sites.ppl", b"model m { let a = 1 }\n", 1, "the model `m` has no sites"),
        (
            "guide.ppl",
            b"data z: real = 5
model m { x ~ normal(0, 1); z ~ normal(x, 1) }
guide q { w ~ normal.reparam(0, 1) }
fit: maximize elbo(m, q) { steps = 10 }
",
            1,
            "error[E0401]: the guide `q` does not sample `x` of `m`",
        ),
        ("bytes.ppl", b"\xff\xfe\x00", 2, "is not text in UTF-8"),
        ("garbage.ppl", &garbage, 1, "error[E01"),
    ];
    let files: Vec<(&str, &[u8])> = cases.iter().map(|(name, text, ..)| (*name, *text)).collect();
    let directory = directory(&files);
    for (name, _, code, message) in cases {
        let ran = vary(directory.path(), &["fit", name, "--json"], "");
        assert_eq!((ran.code, ran.stdout.as_str()), (*code, ""), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{name}: {}", ran.stderr);
    }
    std::fs::create_dir(directory.path().join("folder.ppl")).unwrap();
    let ran = vary(directory.path(), &["fit", "folder.ppl"], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (2, "error: `folder.ppl` is a directory, not a program\n"));
}

#[test]
fn a_fit_that_diverges_is_code_4_with_its_partial_result() {
    let program = b"data z: real = 5
model m { x ~ normal(0, 1); z ~ normal(exp(x), 1) }
guide q { param s: positive = 1; x ~ normal.reparam(0, s) }
fit: maximize elbo(m, q) { optimizer = sgd(1e6), steps = 1000, seed = 1 }
";
    let directory = directory(&[("m.ppl", program)]);
    let ran = vary(directory.path(), &["fit", "m.ppl", "--json"], "");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error[E0901]"), "{}", ran.stderr);
    let json = ran.json();
    assert!(json["steps"].as_u64().unwrap() < 1000);
    let messages = json["diagnostics"]["messages"].as_array().unwrap();
    assert!(messages.last().unwrap().as_str().unwrap().contains("cannot be resumed"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_the_partial_result() {
    let args = ["fit", "cone.ppl", "elbo", "--set", "steps=1000000000"];
    let mut child = common::command(&examples(), &args).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    stdout.read_line(&mut text).unwrap();
    assert_eq!(text, "observed: z; latent: x, y\n");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text.contains("\ninterrupted after ") && text.contains("\nsigma[1] "), "{text}");
}

#[test]
fn every_example_is_right_and_formatted() {
    for name in common::example_programs() {
        let ran = vary(&examples(), &["check", &name], "");
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{name}");
        assert!(ran.stdout.contains("gradient estimator: "), "{name}: {}", ran.stdout);
        let ran = vary(&examples(), &["fmt", "--check", &name], "");
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{name}: {}", ran.stderr);
    }
}

#[test]
fn formatting_twice_is_formatting_once() {
    let directory = directory(&[("m.ppl", b"model  m{x~normal( 0,1 ) // a remark\n}")]);
    for expected in [1, 0, 0] {
        assert_eq!(vary(directory.path(), &["fmt", "--check", "m.ppl"], "").code, expected);
        assert_eq!(vary(directory.path(), &["fmt", "m.ppl"], "").code, 0);
    }
}

#[test]
fn values_outside_their_declared_range_stop_a_fit_where_they_stand() {
    let directory = directory(&[]);
    let dir = directory.path();
    let cases = [
        // A scale that no type keeps positive.
        (
            "guide q { param s: real = 1; x ~ normal.reparam(0, s - 2) }\nmodel m { x ~ normal(0, 1) }\n\
             fit: maximize elbo(m, q)",
            4,
            "`sigma` of `normal` must be positive, but is -1.0 (step 0)",
        ),
        // A probability above one, of an event that is then observed with a finite term.
        (
            "data y: bit = 0\nmodel m { x ~ normal(0, 1); y ~ flip(exp(x) + 2) }\n\
             guide q { param v: real = 0; x ~ normal.reparam(v, 1) }\nfit: maximize elbo(m, q)",
            4,
            "`p` of `flip` must be between 0 and 1",
        ),
        // Functions have declared ranges too.
        (
            "fn f(s: positive) = log(s)\nmodel m { x ~ normal(0, 1); factor(f(x - 100)) }\n\
             guide q { param v: real = 0; x ~ normal.reparam(v, 1) }\nfit: maximize elbo(m, q)",
            4,
            "the value given must be positive",
        ),
        (
            "data y: real[3] = [1, 2, -0.5]\nmodel m { x ~ normal(0, 1); plate i in 0..3 { y[i] ~ lognormal(x, 1) } }\n\
             guide q { param v: real = 0; x ~ normal.reparam(v, 1) }\nfit: maximize elbo(m, q)",
            3,
            "must be positive, but is -0.5 where i = 2",
        ),
        (
            "data w: real[2] = [0.5, 0.6]\ndata k: int = 1\n\
             model m { x ~ normal(0, 1); k ~ categorical(w) }\n\
             guide q { param v: real = 0; x ~ normal.reparam(v, 1) }\nfit: maximize elbo(m, q)",
            3,
            "`p` of `categorical` must have no negative entry and sum to one, but is [0.5, 0.6]",
        ),
        (
            "data k: int = 2\nmodel m { x ~ normal(0, 1); k ~ categorical([0.5, 0.5]) }\n\
             guide q { param v: real = 0; x ~ normal.reparam(v, 1) }\nfit: maximize elbo(m, q)",
            // An int of the data is a number of the program by now, and data all the same.
            3,
            "`k`, observed under `categorical`, must be from 0 to 1, but is 2",
        ),
    ];
    for (program, code, words) in cases {
        std::fs::write(dir.join("p.ppl"), program).unwrap();
        let ran = vary(dir, &["fit", "p.ppl", "--set", "steps=5"], "");
        assert_eq!(ran.code, code, "{program}\n{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{program}\n{}", ran.stderr);
    }
}
