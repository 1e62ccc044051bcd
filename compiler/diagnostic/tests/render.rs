//! What the user sees of a diagnostic.

use proptest::prelude::*;
use vary_diagnostic::{Code, Diagnostic, SourceId, Sources, Span, render};

fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add(
        "cone.ppl",
        "data z: real = 5\n\nmodel cone {\n  x ~ normal(0, 10)\n  y ~ nrmal(0, \"µ→λ\", 10)\n}\n",
    );
    sources.add("lib.ppl", "fn normal() = 1\n");
    sources
}

fn place(sources: &Sources, source: u32, part: &str) -> Span {
    let id = SourceId(source);
    let start = sources.get(id).text.find(part).expect("the part stands in the text");
    Span::new(id, start, start + part.len())
}

#[test]
fn a_place_with_help_and_notes() {
    let sources = sources();
    let diagnostic = Diagnostic::error(Code("E0201"), "there is no distribution `nrmal`")
        .at(place(&sources, 0, "nrmal"), "unknown name")
        .help("did you mean `normal`?")
        .note("distributions are listed by `:list distributions`");
    insta::assert_snapshot!(render(&sources, &[diagnostic], false));
}

#[test]
fn places_after_other_alphabets_and_in_other_files() {
    let sources = sources();
    let diagnostic = Diagnostic::warning(Code("W0201"), "`normal` is defined twice")
        .at(place(&sources, 0, "10)\n}"), "here")
        .at(place(&sources, 0, "→λ"), "and here")
        .at(place(&sources, 1, "normal"), "and in another file");
    insta::assert_snapshot!(render(&sources, &[diagnostic], false));
}

#[test]
fn no_place() {
    let sources = sources();
    let diagnostic = Diagnostic::error(Code("E0701"), "the file `a.json` does not exist")
        .help("give another with --data")
        .note("looked in /tmp");
    insta::assert_snapshot!(render(&sources, &[diagnostic], false));
}

#[test]
fn the_end_of_the_text_and_an_empty_text() {
    let mut sources = sources();
    let empty = sources.add("empty.ppl", "");
    let end = sources.get(SourceId(0)).text.len();
    let diagnostics = [
        Diagnostic::error(Code("E0101"), "the file ends too early")
            .at(Span::new(SourceId(0), end, end), "here"),
        Diagnostic::error(Code("E0101"), "the file is empty").at(Span::new(empty, 0, 0), "here"),
    ];
    insta::assert_snapshot!(render(&sources, &diagnostics, false));
}

#[test]
fn a_line_too_long_to_show() {
    let mut sources = Sources::default();
    let id = sources.add("long.ppl", "(".repeat(100_000));
    let diagnostic =
        Diagnostic::error(Code("E0102"), "too deep").at(Span::new(id, 256, 257), "here").help("no");
    insta::assert_snapshot!(render(&sources, &[diagnostic], false));
}

#[test]
fn colour_only_when_asked_for() {
    let sources = sources();
    let diagnostic = Diagnostic::error(Code("E0201"), "no such name")
        .at(place(&sources, 0, "nrmal"), "unknown")
        .help("write another");
    assert!(!render(&sources, std::slice::from_ref(&diagnostic), false).contains('\u{1b}'));
    assert!(render(&sources, &[diagnostic], true).contains('\u{1b}'));
}

proptest! {
    #[test]
    fn any_places_in_any_text_can_be_drawn(
        text in "[a\\n\\r\\tµ→😀\u{2028}]{0,40}",
        places in prop::collection::vec((0usize..150, 0usize..150), 1..4),
    ) {
        let mut sources = Sources::default();
        let id = sources.add("any.ppl", text);
        let diagnostic = places.into_iter().fold(Diagnostic::error(Code("E0101"), "any"), |d, (a, b)| {
            d.at(Span::new(id, a.min(b), a.max(b)), "place")
        });
        prop_assert!(render(&sources, &[diagnostic], false).contains("error[E0101]: any"));
    }
}
