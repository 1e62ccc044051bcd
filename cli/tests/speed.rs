//! `vary bench`, `--float`, and data in binary files.

mod common;

use common::{directory, examples, vary};

#[test]
fn bench_says_what_a_step_costs() {
    let place = &examples();
    let args =
        ["bench", "eight_schools.ppl", "--json", "--seconds", "0.05", "--float", "32", "--threads", "1"];
    let ran = vary(place, &args, "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found = ran.json();
    let number = |path: &[&str]| path.iter().fold(&found, |value, name| &value[name]).as_f64().unwrap();
    for path in [
        &["gradient_us", "median"][..],
        &["step_us", "p90"],
        &["machine", "gflops"],
        &["machine", "gbytes_per_second"],
        &["operations"],
        &["arena_bytes"],
        &["instructions"],
    ] {
        assert!(number(path) > 0.0, "{path:?}");
    }
    assert_eq!((number(&["float"]), number(&["parameters"]), number(&["samples"])), (32.0, 20.0, 10.0));
    let text = vary(place, &["bench", "eight_schools.ppl", "--seconds", "0.05"], "");
    assert!(text.stdout.contains("gradient") && text.stdout.contains("GFLOP/s"), "{}", text.stdout);
}

#[test]
fn a_fit_in_single_precision_is_reported_in_double() {
    let fit = |bits: &str| {
        let args = ["fit", "eight_schools.ppl", "--json", "--quick", "--seed", "1", "--float", bits];
        let ran = vary(&examples(), &args, "");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json()
    };
    let [single, double] = ["32", "64"].map(fit);
    assert_eq!((single["float"].as_u64(), double["float"].as_u64()), (Some(32), Some(64)));
    let mean = |report: &serde_json::Value| report["objective"]["mean"].as_f64().unwrap();
    // The same random numbers, rounded: the fits end beside each other.
    assert!((mean(&single) - mean(&double)).abs() < 0.05, "{} and {}", mean(&single), mean(&double));
}

#[test]
fn wrong_widths_and_durations_are_refused() {
    for wrong in [
        &["fit", "eight_schools.ppl", "--float", "16"][..],
        &["fit", "eight_schools.ppl", "--set", "float=16"],
        &["bench", "eight_schools.ppl", "--seconds", "0"],
        &["bench", "eight_schools.ppl", "--seconds", "soon"],
    ] {
        let ran = vary(&examples(), wrong, "");
        assert_eq!(ran.code, 2, "{wrong:?}: {}", ran.stderr);
    }
}

/// A `.npy` file of doubles.
fn npy(values: &[f64]) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({},), }}", values.len());
    let header = format!("{header:<117}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    values.iter().for_each(|x| file.extend(x.to_le_bytes()));
    file
}

#[test]
fn data_comes_from_array_files() {
    let program = "data n: int\ndata y: real[n]\n\
        model m { mu ~ normal(0, 10); plate i in 0..n { y[i] ~ normal(mu, 1) } }\n\
        fit: maximize elbo(m, mean_field(m)) { steps = 300, optimizer = adam(0.1) }\n";
    let place = directory(&[
        ("program.ppl", program.as_bytes()),
        ("y.npy", &npy(&[1.0, 2.0, 3.0])),
        ("other.npy", &npy(&[1.0, 2.0, 3.0])),
        ("bad.npy", b"\x93NUMPY nothing"),
    ]);
    let mean = |data: &str| {
        let ran = vary(place.path(), &["fit", "program.ppl", "--json", "--data", data], "");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json()["posterior"]["mu"]["mean"].as_f64().unwrap()
    };
    assert!((mean("y.npy") - 2.0).abs() < 0.3);
    assert_eq!(mean("y=other.npy").to_bits(), mean("y.npy").to_bits());
    let ran = vary(place.path(), &["fit", "program.ppl", "--data", "y=bad.npy"], "");
    assert!(ran.code == 3 && ran.stderr.contains("cannot be read as arrays"), "{}", ran.stderr);
    let ran = vary(place.path(), &["fit", "program.ppl", "--data", "y=absent.npy"], "");
    assert!(ran.code == 3 && ran.stderr.contains("absent.npy"), "{}", ran.stderr);
}
