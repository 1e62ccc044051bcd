//! The session as a sequence of entries and replies.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use vary_runtime::fit::{Observer, Progress};

use super::engine::{Host, Outcome, Repl, Reply};

struct Silent;

impl Observer for Silent {
    fn progress(&mut self, _: &Progress) {}
}

fn repl() -> Repl<'static> {
    let interrupt = Arc::new(AtomicBool::new(false));
    Repl::new(Host { color: false, interrupt, progress: &|| Box::new(Silent) })
}

const MODEL: &str = "data z: real = 5
model m {
  mu ~ normal(0, 1)
  z ~ normal(mu, 1)
}
guide q {
  param loc: real = 0
  mu ~ normal.reparam(loc, 0.7)
}";

/// A session with a model and a guide.
fn with_model() -> Repl<'static> {
    let mut repl = repl();
    let reply = repl.eval(MODEL);
    assert_eq!(
        reply.text,
        "data z: real\nm: observed: z; latent: mu\nq: observed: nothing; latent: mu; parameters: q.loc"
    );
    repl
}

fn error(repl: &mut Repl, entry: &str) -> String {
    let Reply { text, findings, outcome } = repl.eval(entry);
    assert_eq!((text.as_str(), outcome), ("", Outcome::Error), "{entry}: {findings}");
    findings
}

fn ok(repl: &mut Repl, entry: &str) -> String {
    let Reply { text, findings, outcome } = repl.eval(entry);
    assert_eq!((findings.as_str(), outcome), ("", Outcome::Ok), "{entry}");
    text
}

#[test]
fn commands_reply() {
    let mut repl = repl();
    assert!(ok(&mut repl, ":h").contains(":load FILE"));
    assert_eq!(repl.eval(":q").outcome, Outcome::Quit);
    assert_eq!(ok(&mut repl, "  // nothing"), "");
    let cases = [
        (":laod x", "error: there is no command `:laod`; did you mean `:load`?"),
        (":nothing", "error: there is no command `:nothing`; `:help` lists them"),
        (":se 3", "error: `:se` may be `:set` or `:seed`"),
        (":load", "error: write `:load FILE`"),
        (":check m", "error: `:check` stands alone"),
        (":reload", "error: no program is loaded; write `:load FILE`"),
        (":set steps", "error: it is not KEY=VALUE; write for example `:set steps=2000`"),
        (":set steps=many", "error: `steps=many`: the value must be a number"),
        (":seed -1", "error: a seed is a whole number from 0, not `-1`"),
        (":sample m 1000000", "error: at most 100000 draws are shown at once"),
    ];
    for (entry, text) in cases {
        assert_eq!(error(&mut repl, entry), text);
    }
    assert!(error(&mut repl, ":emit cor").starts_with("error: there is no stage `cor`: tokens, ast, core"));
}

#[test]
fn expressions_are_evaluated() {
    let mut repl = repl();
    let cases = [
        ("1 + 2", "3"),
        ("log(2)", "0.6931471805599453"),
        ("[1, 2, 3] * 0.5", "[0.5, 1.0, 1.5]"),
        ("let a = [1, 2, 3]", "a: int[3]"),
        ("sum(a) + 1.5", "7.5"),
        ("let a = 2 > 1", "a: bit"),
        ("a", "true"),
        ("(1, [0.0])", "(1, [0.0])"),
        ("{x = 1, y = \"text\"}", "{x = 1, y = \"text\"}"),
        ("fn square(x: real) -> real = x^2", "fn square(x: real) -> real"),
        ("square(3)", "9.0"),
        (":type square(3)", "real"),
        (":type square", "fn square(x: real) -> real"),
        (":type normal", "distribution normal(mu: real = 0, sigma: positive = 1) on real"),
        (":type sin", "a function"),
    ];
    for (entry, text) in cases {
        assert_eq!(ok(&mut repl, entry), text, "{entry}");
    }
}

#[test]
fn redefinition_replaces() {
    let mut repl = with_model();
    let before = ok(&mut repl, ":density m {mu = 1}");
    assert_eq!(ok(&mut repl, "data z: real = 3"), "data z: real");
    let after = ok(&mut repl, ":density m {mu = 1}");
    assert_ne!(before, after);
    ok(&mut repl, "fit f: maximize elbo(m, q) { steps = 10 }");
    ok(&mut repl, "fit f: maximize elbo(m, q) { steps = 20 }");
    assert!(ok(&mut repl, ":fit f").contains("20 steps"));
}

#[test]
fn an_erroneous_entry_leaves_the_session_as_it_was() {
    let mut repl = with_model();
    let found = error(&mut repl, "let b = 1\nmodel m { mu ~ nromal(0, 1) }");
    assert!(found.contains("entry 2:2:16") && found.contains("did you mean `normal`?"), "{found}");
    assert!(error(&mut repl, "b").contains("`b` is not defined"));
    error(&mut repl, "let c = 2\nc + d");
    error(&mut repl, "c");
    assert_eq!(ok(&mut repl, ":type m"), "m: observed: z; latent: mu");
    assert!(error(&mut repl, "mu ~ normal(0, 1)").contains("write `normal(0, 1)`"));
    let unknown = error(&mut repl, "mu ~ nrmal(0, 1)");
    assert!(
        unknown.contains("`nrmal` is not defined") && unknown.contains("did you mean `normal`?"),
        "{unknown}"
    );
    assert!(!unknown.contains("write `nrmal"), "{unknown}");
    assert!(error(&mut repl, ":load nothing.ppl").contains("there is no file `nothing.ppl`"));
    assert_eq!(ok(&mut repl, ":type m"), "m: observed: z; latent: mu");
}

#[test]
fn log_densities_of_deterministic_programs_are_exact() {
    let mut repl = with_model();
    let normal = |x: f64| -0.5 * x * x - 0.5 * (2.0 * std::f64::consts::PI).ln();
    let expected = normal(1.0) + normal(4.0);
    for entry in [":density m {mu = 1}", "log_density(m, {mu = 1.0})"] {
        let density: f64 = ok(&mut repl, entry).parse().unwrap();
        assert!((density - expected).abs() < 1e-12, "{density}");
    }
    // Errors stand where they were typed.
    assert!(error(&mut repl, ":density m {}").contains("entry 4:1:12"));
    assert!(error(&mut repl, ":density m").contains("write `:density PROGRAM"));
}

#[test]
fn draws_are_new_every_time_and_repeat_with_the_seed() {
    let mut repl = with_model();
    let mut draws = |entries: &[&str]| entries.iter().map(|e| ok(&mut repl, e)).collect::<Vec<_>>();
    let first = draws(&[":seed 1", ":sample m", "sample(m)", ":sample q 3"]);
    let again = draws(&[":seed 1", ":sample m", "sample(m)", ":sample q 3"]);
    assert_eq!(first, again);
    assert_ne!(first[1], first[2]);
    assert!(first[1].starts_with("{mu = ") && first[1].contains("z = "), "{}", first[1]);
    assert_eq!(first[3].lines().count(), 3);
    for entry in [":sample normal(100, 0.001)", "normal(100, 0.001)"] {
        let draw: f64 = ok(&mut repl, entry).parse().unwrap();
        assert!((draw - 100.0).abs() < 0.01, "{draw}");
    }
}

#[test]
fn a_fit_is_remembered() {
    let mut repl = with_model();
    ok(&mut repl, "fit f: maximize elbo(m, q) { optimizer = sgd(0.1), steps = 300, samples = 1 }");
    let text = ok(&mut repl, "fit f");
    assert!(text.starts_with("observed: z; latent: mu\n") && text.contains("elbo  "), "{text}");
    // The posterior mean is 2.5.
    assert!(ok(&mut repl, "expect { let (t, _) = simulate(q); t.mu }").starts_with("2."));
    ok(&mut repl, ":set steps=7");
    assert!(ok(&mut repl, ":fit f").contains("7 steps"));
    assert_eq!(ok(&mut repl, ":set"), "steps = 7");
    assert!(error(&mut repl, ":fit g").contains("no fit `g`"));
}

#[test]
fn data_may_come_later() {
    let mut repl = repl();
    ok(&mut repl, "data n: int\ndata y: real[n]");
    assert_eq!(ok(&mut repl, "1 + 1"), "2");
    assert!(error(&mut repl, "sum(y)").contains("give it one with `:data y=…`"));
    assert!(error(&mut repl, ":data y=[1, true]").contains("E0704"));
    ok(&mut repl, ":data y = [1, 2, 3]");
    assert_eq!(ok(&mut repl, "sum(y) / n"), "2.0");
    assert_eq!(ok(&mut repl, ":data"), "y = [1, 2, 3]");
}

#[test]
fn wrong_data_is_refused_where_it_is_entered() {
    let mut repl = repl();
    assert!(error(&mut repl, "data u: positive = -1").contains("E0316"));
    assert!(error(&mut repl, "data v: int = 2.5").contains("E0315"));
    assert!(error(&mut repl, "data from \"nothing.json\"").contains("E0701"));
    assert_eq!(ok(&mut repl, "1 + 1"), "2");
    ok(&mut repl, "data y: real");
    ok(&mut repl, ":data y=1");
    // A declaration of another type makes the value useless.
    let reply = repl.eval("data y: real[2]");
    assert_eq!(reply.findings, "note: the value that was given for it before is forgotten");
    ok(&mut repl, ":data y=[1, 2]");
    assert_eq!(ok(&mut repl, "y"), "[1.0, 2.0]");
}

/// The page is a session: what is typed, and what is answered.
#[test]
fn the_page_on_the_prompt_says_what_happens() {
    let page = include_str!("../../../docs/repl.md");
    let mut repl = repl();
    let sessions = page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("text\n"));
    let mut entries = 0;
    for session in sessions {
        for exchange in session.split("vary> ").skip(1) {
            let lines: Vec<&str> = exchange.lines().collect();
            let typed = (1..=lines.len()).find(|n| super::is_finished(&lines[..*n].join("\n"))).unwrap();
            let reply = repl.eval(&lines[..typed].join("\n"));
            let said = [reply.findings, reply.text].join("\n");
            assert_eq!(said.trim(), lines[typed..].join("\n").trim(), "{exchange}");
            entries += 1;
        }
    }
    assert!(entries > 10, "{entries}");
}
