//! Tokens and trees as text, for `--emit` and for tests.

mod tree;

use crate::ast::File;
use crate::lexer::lex;
use std::fmt::Write;
use vary_diagnostic::SourceId;

/// One token per line: line and column, kind, text.
pub fn tokens(text: &str) -> String {
    let mut out = String::new();
    let (mut line, mut line_start, mut read) = (1, 0, 0);
    for lexeme in lex(SourceId::default(), text).lexemes {
        let start = lexeme.start as usize;
        for (at, _) in text[read..start].match_indices('\n') {
            line += 1;
            line_start = read + at + 1;
        }
        read = start;
        let column = text[line_start..start].chars().count() + 1;
        let place = format!("{line}:{column}");
        let kind = format!("{:?}", lexeme.token);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", format!("{place:<7} {kind:<12} {}", lexeme.text(text)).trim_end());
    }
    out
}

/// The tree as nested lists, without places: equal texts mean equal programs.
pub fn file(file: &File) -> String {
    file.items.iter().map(|item| tree::item(item).print()).collect()
}
