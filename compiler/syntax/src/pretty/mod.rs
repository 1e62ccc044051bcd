//! The syntax tree back to source.
//!
//! The formatter chooses spaces, indentation and line breaks; the user's choices of empty lines, of
//! blocks on one line and of parentheses stay. What it writes parses to the same tree, except that a
//! site in a plate gets its indices ([`sites`]), and formatting twice changes nothing more.

mod comments;
mod doc;
mod expr;
mod item;
mod sites;
mod stmt;

use crate::ast::File;
use crate::lexer::{Comment, lex};
use crate::parse::parse_file;
use comments::Original;
use doc::Doc;
use vary_diagnostic::{Diagnostic, SourceId, Span};

/// Longest line, where it can be broken.
const WIDTH: usize = 100;
/// Spaces per level.
const INDENT: usize = 2;

/// Formats a source text; a text with syntax errors is left alone and its errors are returned.
pub fn format_source(source: SourceId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut parsed = parse_file(source, text);
    if !parsed.diagnostics.is_empty() {
        return Err(parsed.diagnostics);
    }
    sites::index_sites(&mut parsed.file);
    let original = Original::new(text, &lex(source, text).lexemes, &parsed.comments);
    Ok(Writer { original: Some(original) }.file(&parsed.file, text.len()).print(WIDTH, INDENT))
}

/// Writes a tree that was not read from a text.
pub fn print(file: &File) -> String {
    Writer { original: None }.file(file, 0).print(WIDTH, INDENT)
}

/// Makes documents of nodes, in the order of the source, as comments are placed on the way.
struct Writer<'a> {
    original: Option<Original<'a>>,
}

/// What stands between the entries of a list on several lines.
#[derive(Clone, Copy, PartialEq)]
enum Separator {
    /// The line end, or `;` on one line.
    Line,
    /// A comma, also after the last line.
    Comma,
}

impl Writer<'_> {
    /// Whether the source has a line end between two offsets; `absent` without a source.
    fn breaks_between(&self, from: u32, to: u32, absent: bool) -> bool {
        self.original.as_ref().map_or(absent, |original| original.breaks_between(from, to))
    }

    /// Comments before an expression, within a statement.
    fn inline_comments(&self, before: u32) -> Doc {
        self.original.as_ref().map_or(Doc::Nil, |original| original.inline(before))
    }

    /// Comments that no part of a node has placed, at the end of its last line.
    fn comments_left(&self, end: u32) -> Doc {
        let Some(original) = &self.original else { return Doc::Nil };
        let one = |comment: Comment| Doc::Remark(original.at(comment.span).to_owned());
        doc::concat(original.before(end).into_iter().map(one))
    }

    /// Where the list with this last entry is closed.
    fn closer_after(&self, last: Option<Span>) -> u32 {
        let end = last.map_or(0, |last| last.end);
        self.original.as_ref().and_then(|original| original.closer_after(end)).unwrap_or(end)
    }

    fn has_comment(&self, before: u32) -> bool {
        self.original.as_ref().is_some_and(|original| original.pending(before))
    }

    /// The comment that ends the current line, if it stands before `limit`.
    fn trailing_comment(&self, limit: u32) -> Doc {
        let Some(original) = &self.original else { return Doc::Nil };
        match original.trailing(limit) {
            Some(comment) => Doc::Suffix(original.at(comment.span).to_owned()),
            None => Doc::Nil,
        }
    }

    /// Entries each on a line of its own (or all on one, in a group on one line) with the comments
    /// around them and the empty lines between them; `end` is where the list ends.
    fn lines<T>(
        &self,
        entries: &[T],
        place: impl Fn(&T) -> Span,
        write: impl Fn(&T) -> Doc,
        end: u32,
        separator: Separator,
    ) -> Doc {
        let mut out = vec![];
        // The end of what was written last.
        let mut last = None;
        for (i, entry) in entries.iter().enumerate() {
            let span = place(entry);
            self.comment_lines(span.start, &mut last, &mut out);
            out.extend(self.line_after(last, span.start));
            out.push(write(entry));
            let is_last = i + 1 == entries.len();
            out.push(match separator {
                Separator::Line if is_last => Doc::Nil,
                Separator::Line => Doc::IfFlat(";"),
                Separator::Comma if is_last => Doc::IfBroken(","),
                Separator::Comma => doc::text(","),
            });
            last = Some(span.end);
            out.push(self.trailing_comment(entries.get(i + 1).map_or(end, |next| place(next).start)));
        }
        self.comment_lines(end, &mut last, &mut out);
        Doc::Concat(out)
    }

    /// Comments on lines of their own.
    fn comment_lines(&self, before: u32, last: &mut Option<u32>, out: &mut Vec<Doc>) {
        let Some(original) = &self.original else { return };
        for comment in original.before(before) {
            match *last {
                Some(end) => out.push(original.line_between(end, comment.span.start)),
                // A comment alone on one line would comment out what closes its group.
                None => out.push(Doc::HardLine),
            }
            out.push(doc::text(original.at(comment.span)));
            *last = Some(comment.span.end);
        }
    }

    /// The line break between two entries.
    fn line_after(&self, last: Option<u32>, next: u32) -> Option<Doc> {
        let last = last?;
        match &self.original {
            Some(original) if original.breaks_between(last, next) => {
                match original.line_between(last, next) {
                    Doc::BlankLine => Some(Doc::BlankLine),
                    _ => Some(Doc::Line),
                }
            }
            _ => Some(Doc::Line),
        }
    }
}
