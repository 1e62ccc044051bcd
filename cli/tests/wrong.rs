//! Wrong inputs: each ends with its exit code and a sentence that says what is wrong.

mod common;

use common::{directory, vary};

const MODEL: &str = "data n: int
data y: real[n]
model m {
  mu ~ normal(0, 1)
  plate i in 0..n {
    y[i] ~ normal(mu, 1)
  }
}
";

const BETWEEN: &str = "data low: real
data high: real
data n: int
data y: bounded(low, high)[n]
model m {
  mu ~ normal(0, 1)
  plate i in 0..n {
    y[i] ~ normal(mu, 1)
  }
}
";

const COUNTS: &str = "data n: int
data y: count[n]
data t: count[n]
model m {
  p ~ beta(1, 1)
  plate i in 0..n {
    y[i] ~ binomial(t[i], p)
  }
}
";

const OTHER_GUIDE: &str = "model m {
  x ~ normal(0, 1)
}
guide g {
  z ~ normal(0, 1)
}
fit: maximize elbo(m, g)
";

/// Arguments of `vary fit`, the exit code, and part of the message.
const CASES: &[(&str, i32, &str)] = &[
    // The command line.
    ("m.ppl -d y.csv --nosuch", 2, "--nosuch"),
    ("m.ppl -d y.csv --threads 0", 2, "--threads"),
    ("m.ppl -d y.csv --draws 0", 2, "--draws"),
    ("m.ppl -d y.csv --seed -1", 2, "-1"),
    ("m.ppl -d y.csv nosuch", 2, "no fit `nosuch`"),
    ("m.ppl -d y.csv --guide nosuch", 2, "no automatic guide `nosuch`"),
    ("m.ppl -d y.csv --set foo=1", 2, "no setting `foo`"),
    ("m.ppl -d y.csv --set steps=-1", 2, "`steps` is a whole number"),
    ("m.ppl -d y.csv --set steps=many", 2, "must be a number"),
    ("m.ppl -d y.csv --estimator nosuch=enum", 2, "`nosuch`, which is no site"),
    ("m.ppl -d y.csv --estimator mu=nosuch", 2, "no gradient strategy `nosuch`"),
    ("bytes.ppl", 2, "not text in UTF-8"),
    ("folder.csv", 2, "is a directory"),
    // The program.
    ("setting.ppl -d y.csv", 1, "E0604"),
    ("empty.ppl", 1, "the model `m` has no sites"),
    ("guide.ppl", 1, "does not sample `x`"),
    ("deep.ppl", 1, "levels deep"),
    // The data.
    ("m.ppl", 3, "no data is given for `y"),
    ("m.ppl -d type.json", 3, "needs a number"),
    ("m.ppl -d nan.csv", 3, "is NaN"),
    ("m.ppl -d empty.csv", 3, "`empty.csv` is empty"),
    ("m.ppl -d empty.json", 3, "`empty.json` is empty"),
    ("m.ppl -d folder.csv", 3, "is a directory"),
    ("m.ppl -d bytes.csv", 3, "not text in UTF-8"),
    ("m.ppl -d ragged.csv", 3, "has 1 value"),
    ("m.ppl -d twice.csv", 3, "`y` stands twice"),
    ("m.ppl -d twice.json", 3, "`y` stands twice"),
    (
        "between.ppl -d y.csv -d low=0 -d high=2",
        3,
        "row 3 (line 4), column `y` of `y.csv`: 2.5 is not between 0 and 2",
    ),
    ("counts.ppl -d negative.csv", 3, "row 2 (line 3), column `y` of `negative.csv`: -1 is not at least 0"),
    ("counts.ppl -d many.csv", 3, "must be from 0 to its `n`, but is 4 where i = 1"),
];

#[test]
fn wrong_inputs_end_with_their_code_and_a_sentence() {
    let deep = format!("let x = {}1{}\n{MODEL}", "(".repeat(100_000), ")".repeat(100_000));
    let setting = format!("{MODEL}fit: maximize elbo(m, mean_field(m)) {{\n  steps = 0,\n}}\n");
    let directory = directory(&[
        ("m.ppl", MODEL.as_bytes()),
        ("between.ppl", BETWEEN.as_bytes()),
        ("counts.ppl", COUNTS.as_bytes()),
        ("negative.csv", b"y,t\n1,3\n-1,3\n"),
        ("many.csv", b"y,t\n1,3\n4,3\n"),
        ("guide.ppl", OTHER_GUIDE.as_bytes()),
        ("setting.ppl", setting.as_bytes()),
        ("empty.ppl", b"model m {\n}\n"),
        ("deep.ppl", deep.as_bytes()),
        ("bytes.ppl", b"\xff\xfe"),
        ("y.csv", b"y\n1\n0\n2.5\n"),
        ("type.json", br#"{"y": ["a"]}"#),
        ("nan.csv", b"y\n1\nNaN\n"),
        ("empty.csv", b""),
        ("empty.json", b""),
        ("bytes.csv", b"y\n\xff\xfe\n"),
        ("ragged.csv", b"y,z\n1,2\n3\n"),
        ("twice.csv", b"y,y\n1,2\n"),
        ("twice.json", br#"{"y": [1], "y": [2]}"#),
    ]);
    std::fs::create_dir(directory.path().join("folder.csv")).unwrap();
    for (args, code, message) in CASES {
        let args: Vec<&str> = ["fit"].into_iter().chain(args.split(' ')).collect();
        let ran = vary(directory.path(), &args, "");
        assert_eq!((ran.code, ran.stdout.as_str()), (*code, ""), "{args:?}: {}", ran.stderr);
        // A message may be wrapped by who draws it, not in its first line.
        assert!(ran.stderr.contains(message), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn ends_from_other_data_hold_where_they_hold() {
    let directory = directory(&[("between.ppl", BETWEEN.as_bytes()), ("y.csv", b"y\n1\n0\n2.5\n")]);
    let args = ["fit", "between.ppl", "-d", "y.csv", "-d", "low=0", "-d", "high=2.5", "--set", "steps=1"];
    let ran = vary(directory.path(), &args, "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_large_source_ends() {
    let lines: String = (0..20_000).map(|i| format!("let a{i} = {i}.0 * 2.0 + 1.0\n")).collect();
    let source = format!("{lines}{MODEL}");
    let directory = directory(&[("m.ppl", source.as_bytes()), ("y.csv", b"y\n1\n")]);
    let ran = vary(directory.path(), &["fit", "m.ppl", "-d", "y.csv", "--set", "steps=1"], "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
