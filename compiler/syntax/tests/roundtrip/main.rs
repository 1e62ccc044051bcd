//! Laws of writing and reading: a written tree reads the same, and formatting twice is formatting once.

mod generate;

use generate::any_file;
use proptest::prelude::*;
use vary_diagnostic::{SourceId, Sources, render};
use vary_syntax::ast::File;
use vary_syntax::{dump, format_source, parse_file, print};

/// The tree of a text that has to parse.
fn tree(text: &str) -> File {
    let mut sources = Sources::default();
    let id = sources.add("main.ppl", text);
    let parsed = parse_file(id, text);
    assert!(parsed.diagnostics.is_empty(), "{text}\n{}", render(&sources, &parsed.diagnostics, false));
    parsed.file
}

fn format(text: &str) -> String {
    match format_source(SourceId::default(), text) {
        Ok(formatted) => formatted,
        Err(diagnostics) => panic!("{text}\n{diagnostics:?}"),
    }
}

fn comments(text: &str) -> Vec<String> {
    let parsed = parse_file(SourceId::default(), text);
    // Comments at the end of one line may have been put together.
    let all = parsed.comments.iter().flat_map(|comment| text[comment.span.range()].split("//"));
    all.map(|comment| comment.trim().to_owned()).filter(|comment| !comment.is_empty()).collect()
}

/// The text with comments before some of its tokens, each with the rest of its line.
fn with_comments(text: &str, places: &[(prop::sample::Index, bool)]) -> String {
    let lexemes = vary_syntax::lexer::lex(SourceId::default(), text).lexemes;
    let mut starts: Vec<(usize, bool)> =
        places.iter().map(|(index, own_line)| (index.get(&lexemes).start as usize, *own_line)).collect();
    starts.sort();
    starts.dedup();
    let mut out = text.to_owned();
    for (i, (start, own_line)) in starts.into_iter().enumerate().rev() {
        let line_end = if own_line { "\n" } else { "" };
        out.insert_str(start, &format!("{line_end} // comment {i}\n"));
    }
    out
}

/// The lines around the first difference of two texts.
fn difference(once: &str, twice: &str) -> String {
    let same = once.lines().zip(twice.lines()).take_while(|(a, b)| a == b).count();
    let around =
        |text: &str| text.lines().skip(same.saturating_sub(2)).take(6).collect::<Vec<_>>().join("\n");
    format!("{}\n---- then\n{}", around(once), around(twice))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_written_tree_reads_the_same(file in any_file()) {
        let text = print(&file);
        prop_assert_eq!(dump::file(&tree(&text)), dump::file(&file), "{}", text);
    }

    #[test]
    fn formatting_twice_is_formatting_once(file in any_file()) {
        let once = format(&print(&file));
        prop_assert_eq!(&format(&once), &once);
    }

    #[test]
    fn comments_and_meaning_stay(
        file in any_file(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..5),
    ) {
        // Once formatted, sites have their indices and the tree stays as it is.
        let plain = format(&print(&file));
        let commented = with_comments(&plain, &places);
        let parsed = parse_file(SourceId::default(), &commented);
        let meaning = dump::file(&tree(&plain));
        // A comment ends its line, which in some places ends a statement.
        prop_assume!(parsed.diagnostics.is_empty() && dump::file(&parsed.file) == meaning);
        let once = format(&commented);
        prop_assert_eq!(dump::file(&tree(&once)), meaning, "{}\n----\n{}", commented, once);
        prop_assert_eq!(comments(&once), comments(&commented), "{}\n----\n{}", commented, once);
        let twice = format(&once);
        prop_assert!(twice == once, "{}", difference(&once, &twice));
    }
}

#[test]
fn sites_get_their_indices() {
    let text = "model m {\n  plate i in 0..n { scan t in 0..k { eta ~ f(eta); y[i] ~ g }; mu ~ h }\n  z ~ normal(0, 1)\n}\n";
    insta::assert_snapshot!(format(text));
}

#[test]
fn long_lines_break() {
    let text = "model m {\n  y ~ normal(intercept + slope_of_the_first * first[i] + slope_of_the_second * second[i], sigma_of_the_group[g[i]])\n  let total = first_term_of_the_sum * first_weight + second_term_of_the_sum * second_weight + third\n  let z = encoder(images) |> dense(200, name = \"first\") |> leaky_relu |> dense(784, name = \"second\") |> f\n}\n";
    insta::assert_snapshot!(format(text));
}

#[test]
fn comments_keep_their_places() {
    let text = "// first\n\n\n// second\ndata n: int // count\n// before m\nmodel m { // opens\n\n  // own line\n  x ~ normal(0, // mean\n    1) // end\n\n\n  y ~ normal(\n    // about the mean\n    x,\n    2 // about the deviation\n  )\n  let s = [1, 2,\n    3 // three\n    // no more\n  ]\n  // last\n}\n// the end\n";
    insta::assert_snapshot!(format(text));
}
