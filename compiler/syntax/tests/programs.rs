//! The programs of the language's design: they parse, and their tokens, trees and layout are kept.

use vary_diagnostic::SourceId;
use vary_syntax::{dump, format_source, parse_file};

#[test]
fn programs_parse() {
    insta::glob!("programs/*.ppl", |path| {
        let text = std::fs::read_to_string(path).expect("the program can be read");
        let parsed = parse_file(SourceId::default(), &text);
        assert_eq!(parsed.diagnostics, [], "{}", path.display());
        insta::assert_snapshot!("tree", dump::file(&parsed.file));
    });
}

#[test]
fn programs_are_formatted() {
    insta::glob!("programs/*.ppl", |path| {
        let text = std::fs::read_to_string(path).expect("the program can be read");
        let once = format_source(SourceId::default(), &text).expect("the program parses");
        let tree = |text: &str| dump::file(&parse_file(SourceId::default(), text).file);
        assert_eq!(tree(&once), tree(&text), "{}", path.display());
        assert_eq!(format_source(SourceId::default(), &once).as_ref(), Ok(&once), "{}", path.display());
        insta::assert_snapshot!("formatted", once);
    });
}

#[test]
fn tokens_are_listed() {
    let text =
        "data y: real[n] // rows\nmodel m {\n  x ~ normal(\n    0.5, 1e-3)\n  let r = 0..n\n    |> f\n}\n";
    insta::assert_snapshot!("tokens", format!("{text}----\n{}", dump::tokens(text)));
}
