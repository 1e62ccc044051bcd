//! Text to tokens and comments.

use crate::token::Token;
use crate::{layout, words};
use logos::Logos;
use vary_diagnostic::{Code, Diagnostic, SourceId, Span};

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexeme {
    /// Its kind.
    pub token: Token,
    /// Byte offset of its first byte.
    pub start: u32,
    /// Byte offset after its last byte; `start` for what the layout inserted.
    pub end: u32,
    /// The indentation in bytes, when the token is the first of its line.
    pub line_indent: Option<u32>,
}

impl Lexeme {
    /// The token's text.
    pub fn text(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }

    /// The token's place.
    pub fn span(self, source: SourceId) -> Span {
        Span { source, start: self.start, end: self.end }
    }
}

/// A `//` comment, kept for the formatter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    /// With the slashes, without the line end.
    pub span: Span,
    /// Nothing else stands before it on its line.
    pub own_line: bool,
}

/// The tokens of a source, with `;` inserted and brackets balanced.
#[derive(Debug, Clone, Default)]
pub struct Lexed {
    /// The tokens.
    pub lexemes: Vec<Lexeme>,
    /// The comments in order.
    pub comments: Vec<Comment>,
    /// What was wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Byte ranges in which an error was reported; the parser says nothing more about them.
    pub reported: Vec<Span>,
    /// Opening brackets without their closing one.
    pub unclosed: usize,
}

/// Reads the tokens of a text.
pub fn lex(source: SourceId, text: &str) -> Lexed {
    let mut lexed = Lexed::default();
    let mut raw = scan(source, text, &mut lexed);
    words::mark_keywords(text, &mut raw);
    layout::lay_out(source, text, raw, &mut lexed);
    lexed
}

/// The tokens as they stand in the text, without newlines and plain comments.
fn scan(source: SourceId, text: &str, lexed: &mut Lexed) -> Vec<Lexeme> {
    let mut raw: Vec<Lexeme> = Vec::with_capacity(text.len() / 4);
    let mut line_start = 0;
    let mut line_is_empty = true;
    for (token, range) in Token::lexer(text).spanned() {
        let span = Span::new(source, range.start, range.end);
        let token = match token {
            Ok(Token::Newline) => {
                line_start = range.end;
                line_is_empty = true;
                continue;
            }
            Ok(Token::Comment) => {
                let comment = Comment { span: trimmed(text, span), own_line: line_is_empty };
                if !(line_is_empty && is_doc(&text[range])) {
                    lexed.comments.push(comment);
                    continue;
                }
                Token::Doc
            }
            Ok(token) => token,
            Err(()) => match unexpected_text(text, span, lexed, raw.last()) {
                Some(token) => token,
                None => continue,
            },
        };
        if token == Token::UnterminatedStr {
            lexed.reported.push(span);
            lexed.diagnostics.push(
                Diagnostic::error(Code("E0105"), "this string is not closed on its line")
                    .at(span, "the string begins here")
                    .help("close it with `\"`; a line break in a string is written `\\n`"),
            );
        }
        let line_indent = line_is_empty.then_some(span.start - line_start as u32);
        line_is_empty = false;
        raw.push(Lexeme { token, start: span.start, end: span.end, line_indent });
    }
    raw
}

fn is_doc(comment: &str) -> bool {
    comment.starts_with("///") && !comment.starts_with("////")
}

fn trimmed(text: &str, span: Span) -> Span {
    let length = text[span.range()].trim_end().len() as u32;
    Span { end: span.start + length, ..span }
}

/// Reports characters that begin no token; the token to go on with, if the meaning is clear.
fn unexpected_text(text: &str, span: Span, lexed: &mut Lexed, last: Option<&Lexeme>) -> Option<Token> {
    let found = &text[span.range()];
    // One report for a run of such characters.
    if lexed.reported.last().is_some_and(|before| before.end == span.start) {
        if let Some(before) = lexed.reported.last_mut() {
            before.end = span.end;
        }
        return None;
    }
    lexed.reported.push(span);
    let extends_name = last.is_some_and(|l| l.end == span.start && l.token == Token::Name);
    let looks_like_letter = found.chars().all(char::is_alphabetic);
    let shown: String = found.chars().flat_map(char::escape_debug).collect();
    let diagnostic = if looks_like_letter {
        Diagnostic::error(Code("E0104"), format!("`{found}` cannot stand in a name"))
            .at(span, "not an ASCII letter")
            .help("names are made of the letters a-z and A-Z, digits and `_`, such as `mu` or `sigma_2`")
    } else {
        Diagnostic::error(Code("E0104"), format!("the character `{shown}` means nothing here"))
            .at(span, "unexpected character")
    };
    let diagnostic = match advice(found) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    };
    lexed.diagnostics.push(diagnostic);
    (!extends_name).then_some(Token::Invalid)
}

/// What to write instead of a character of another language or of a word processor.
fn advice(found: &str) -> Option<&'static str> {
    Some(match found.chars().next()? {
        '#' => "comments begin with `//`",
        '\'' => "strings are written in double quotes, and a transposed matrix `transpose(a)`",
        '‘' | '’' | '“' | '”' => "strings are written in straight double quotes: \"text\"",
        '∼' | '˜' => "write `~`",
        '−' | '–' | '—' => "write `-`",
        '×' | '·' | '⋅' => "write `*`",
        '÷' => "write `/`",
        '≤' => "write `<=`",
        '≥' => "write `>=`",
        '≠' => "write `!=`",
        '←' => "write `=`",
        '∈' => "write `in`",
        '…' => "write `...` with three dots",
        '\u{a0}' => "this is a no-break space; write an ordinary space",
        '\u{0}' => "the file does not look like text in UTF-8",
        '$' | '`' => "names are made of letters, digits and `_`",
        '?' => "a choice is written `if c { a } else { b }`",
        '\\' => "a function without a name is written `|x| x + 1`",
        _ => return None,
    })
}

/// The text of a string literal with its escapes resolved; escapes that do not exist are reported.
pub fn unescape(literal: &str, span: Span, diagnostics: &mut Vec<Diagnostic>) -> String {
    let inner = literal.strip_prefix('"').unwrap_or(literal);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => value.push('\n'),
            Some((_, 't')) => value.push('\t'),
            Some((_, 'r')) => value.push('\r'),
            Some((_, c @ ('"' | '\\'))) => value.push(c),
            other => {
                let start = span.start + 1 + at as u32;
                let length = 1 + other.map_or(0, |(_, c)| c.len_utf8() as u32);
                let place = Span { start, end: start + length, ..span };
                diagnostics.push(
                    Diagnostic::error(Code("E0105"), "there is no such escape in a string")
                        .at(place, "unknown escape")
                        .help("the escapes are `\\n`, `\\t`, `\\r`, `\\\"` and `\\\\`"),
                );
            }
        }
    }
    value
}
