//! Texts that are too deep, too long or no program at all.

use proptest::prelude::*;
use std::time::{Duration, Instant};
use vary_diagnostic::SourceId;
use vary_syntax::{ReplParse, format_source, lexer, parse_expr, parse_file, parse_repl};

/// The codes reported for a text, which has to take seconds at most even in a debug build.
fn codes(text: &str) -> Vec<&'static str> {
    let start = Instant::now();
    let parsed = parse_file(SourceId::default(), text);
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    parsed.diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect()
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let deep = 100_000;
    for open in ["(", "[", "-", "!", "f(", "|x| ", "if a { ", "{", "x[", "2^", "{...", "(a = "] {
        assert_eq!(codes(&format!("let a = {}1", open.repeat(deep))).last(), Some(&"E0102"), "{open}");
    }
    for chain in [" + 1", " * 1", ".f", "(1)", "[1]", " |> f", " given b", " | b", "^2", " and a"] {
        assert_eq!(codes(&format!("let a = b{}", chain.repeat(deep))), ["E0102"], "{chain}");
    }
    assert_eq!(codes(&format!("let a = {}1{}", "(".repeat(deep), ")".repeat(deep))), ["E0102"]);
    assert_eq!(codes(&format!("let a = {}1", "if a { 1 } else ".repeat(deep))), ["E0102"]);
    assert_eq!(codes(&format!("data a: {}real", "(int, ".repeat(deep))).last(), Some(&"E0102"));
    assert_eq!(codes(&format!("let a = b{}", " + 1".repeat(300))), ["E0102"]);
    assert_eq!(codes(&format!("let a = b{}", " + 1".repeat(200))), [""; 0]);
    assert_eq!(codes(&format!("let a = [{}]", "1 + 2 * 3, ".repeat(deep))), [""; 0]);
}

#[test]
fn large_texts_take_seconds() {
    let statement = "  plate i in 0..n { x[i] ~ normal(mu + tau * eta[i], 1) }\n";
    let statements = statement.repeat(10_000_000 / statement.len());
    assert_eq!(codes(&format!("model m {{\n{statements}}}\n")), [""; 0]);
    assert_eq!(codes(&"data x: real[n] = [1, 2]\n".repeat(400_000)), [""; 0]);
    let broken = "  let y = * 2\n".repeat(800_000);
    assert!(codes(&format!("model m {{\n{broken}}}\n")).len() <= 50);
    assert_eq!(codes(&"data x = 1\n".repeat(900_000)).len(), 50);
    assert_eq!(codes(&")".repeat(1_000_000)).len(), 50);
    assert!(!codes(&"model m { (".repeat(900_000)).is_empty());
    assert!(!codes(&"€".repeat(3_000_000)).is_empty());
    assert!(!codes(&"\"".repeat(3_000_001)).is_empty());
    assert!(!codes(&"model m {\n".repeat(500_000)).is_empty());
    assert!(!codes(&"f(\nx ~ ".repeat(500_000)).is_empty());
}

#[test]
fn what_is_read_can_be_written() {
    let format = |text: &str| format_source(SourceId::default(), text).map(|formatted| formatted.len());
    let deepest = 240;
    for (open, close) in [("(", ")"), ("f(", ")"), ("[", "]"), ("-", ""), ("{...", "}"), ("|x| ", "")] {
        let text = format!("let a = {}b{}\n", open.repeat(deepest), close.repeat(deepest));
        assert!(format(&text).is_ok(), "{open}");
    }
    let blocks = format!("let a = {}1{}\n", "{ ".repeat(80), " }".repeat(80));
    assert!(format(&blocks).is_ok());
    assert!(format(&format!("let a = b{}\n", " + c".repeat(deepest))).is_ok());
    let statement = "  plate i in 0..n { x[i] ~ normal(mu + tau * eta[i], 1) } // one\n";
    let long = format!("model m {{\n{}}}\n", statement.repeat(50_000));
    let start = Instant::now();
    assert_eq!(format(&long), Ok(long.len() + 50_000));
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
}

#[test]
fn the_prompt_waits_for_what_is_open() {
    let complete = |text: &str| match parse_repl(SourceId::default(), text) {
        ReplParse::Complete(parsed) => Some(parsed.diagnostics.len()),
        ReplParse::Incomplete => None,
    };
    for text in [
        "model m {",
        "let a = (1,",
        "let a = 1 +",
        "x ~",
        "f(a,\n b",
        "let a =",
        "@maximize",
        "fn f(x: real) ->",
    ] {
        assert_eq!(complete(text), None, "{text}");
    }
    let whole = [
        "",
        "// nothing",
        "1 + 2",
        "x ~ normal(0, 1)",
        "model m {\n}",
        "plate i in 0..3 { x ~ f }",
        "let a = 1; a",
    ];
    for text in whole {
        assert_eq!(complete(text), Some(0), "{text}");
    }
    for text in ["let a", "f(1))", "1 2", "\"abc"] {
        assert!(complete(text).is_some_and(|errors| errors > 0), "{text}");
    }
}

#[test]
fn a_value_is_one_expression() {
    assert!(parse_expr(SourceId::default(), "[1, 2.5, adam(rate = 0.1)]").is_ok());
    for text in ["", "1; 2", "x ~ f", "let a = 1", "(", "data x: real"] {
        assert!(parse_expr(SourceId::default(), text).is_err(), "{text}");
    }
}

/// A program with one part cut out, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let programs: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs"))
        .expect("the programs are there")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .collect();
    let insertion = prop::sample::select(vec![
        "", "(", ")", "{", "}", "[", "]", ";", "\n", "~", "=", "|", "..", "...", ".", "@", "-", "1", "x",
        "\"", "//", "///", "let", "data", "plate", "from", "next", "given", "µ", "\u{0}", "=>", "->", ",",
        ":", "!",
    ]);
    let edit = (0usize..4000, 0usize..12, insertion);
    (prop::sample::select(programs), prop::collection::vec(edit, 1..4)).prop_map(|(mut text, edits)| {
        for (at, length, insertion) in edits {
            let start = text.floor_char_boundary(at % (text.len() + 1));
            let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
            text.replace_range(start..end, insertion);
        }
        text
    })
}

/// Every text gives a tree, or says why not, and every place lies in the text.
fn check(text: &str) {
    let parsed = parse_file(SourceId::default(), text);
    let dump = vary_syntax::dump::file(&parsed.file);
    assert!(
        !parsed.diagnostics.is_empty() || !dump.contains("(error)"),
        "an error in the tree only: {text:?}"
    );
    for label in parsed.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(text.get(label.span.range()).is_some(), "{label:?} in {text:?}");
    }
    for lexeme in lexer::lex(SourceId::default(), text).lexemes {
        assert!(text.get(lexeme.start as usize..lexeme.end as usize).is_some());
    }
    let _ = parse_repl(SourceId::default(), text);
    let _ = parse_expr(SourceId::default(), text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in "\\PC{0,60}") {
        check(&text);
    }

    #[test]
    fn any_tokens_are_read(words in prop::collection::vec(prop::sample::select(vec![
        "(", ")", "{", "}", "[", "]", ";", "\n", "~", "=", "|", "..", "...", ".", "@", "-", "1", "x", "y", ",",
        "\"s\"", "// c", "/// d\n", "let", "data", "plate", "in", "if", "else", "match", "=>", "model", "fit",
        "distribution", "on", "from", "expect", "replicate", "for", "with", "while", "maximize", "over", "_",
    ]), 0..40)) {
        check(&words.join(" "));
    }

    #[test]
    fn broken_programs_are_read(text in mutated()) {
        check(&text);
    }
}
