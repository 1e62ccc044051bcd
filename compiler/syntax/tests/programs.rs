//! The programs of the language's design: they parse, and their tokens, trees and layout are kept.

use vary_diagnostic::SourceId;
use vary_syntax::{dump, parse_file};

#[test]
fn programs_parse() {
    insta::glob!("programs/*.ppl", |path| {
        let text = std::fs::read_to_string(path).expect("the program can be read");
        let parsed = parse_file(SourceId::default(), &text);
        assert_eq!(parsed.diagnostics, [], "{}", path.display());
        insta::assert_snapshot!("tree", dump::file(&parsed.file));
    });
}
