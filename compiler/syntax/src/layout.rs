//! The shape of the text: ends of statements, brackets, doc comments and attributes.
//!
//! A line end ends a statement, and `;` is inserted there, unless
//! * the innermost open bracket is `(` or `[`,
//! * the last token cannot end a statement (an operator, `=`, `~`, `,`, `{`, …), or
//! * the next line begins with a token that cannot begin one (`|>`, `}`, a binary operator other than
//!   `-` and `+`, …).
//!
//! What leaves here is balanced: a missing bracket is reported and put in where the text shows that
//! it is missing, so that one forgotten `)` or `}` does not hide the rest of the file.

use crate::lexer::{Comment, Lexed, Lexeme};
use crate::token::Token;
use vary_diagnostic::{Code, Diagnostic, SourceId, Span};

/// Inserts `;`, balances brackets, and sorts out what `@` and `///` mean.
pub fn lay_out(source: SourceId, text: &str, raw: Vec<Lexeme>, lexed: &mut Lexed) {
    let mut layout =
        Layout { source, text, open: vec![], in_attribute: false, indent: 0, suspect: None, lexed };
    for at in 0..raw.len() {
        layout.push(&raw, at);
    }
    layout.finish();
}

/// An open bracket.
struct Open {
    lexeme: Lexeme,
    /// Indentation of the line it stands on.
    indent: u32,
}

struct Layout<'a> {
    source: SourceId,
    text: &'a str,
    /// The open brackets, innermost last.
    open: Vec<Open>,
    /// The last tokens at depth zero are an attribute, after which no line end counts.
    in_attribute: bool,
    /// Indentation of the current line.
    indent: u32,
    /// The first `{` closed by a `}` that is indented less than its line, and that `}`: where a `}`
    /// is probably missing if one is missing at all.
    suspect: Option<(Lexeme, Lexeme)>,
    lexed: &'a mut Lexed,
}

impl Layout<'_> {
    fn push(&mut self, raw: &[Lexeme], at: usize) {
        let mut lexeme = raw[at];
        self.indent = lexeme.line_indent.unwrap_or(self.indent);
        if lexeme.token == Token::Doc && (!self.open.is_empty() || self.in_attribute) {
            self.lexed.comments.push(Comment { span: lexeme.span(self.source), own_line: true });
            return;
        }
        if lexeme.line_indent.is_some() {
            self.close_forgotten(raw, at);
        }
        if lexeme.token == Token::At && self.begins_attribute(raw, at) {
            lexeme.token = Token::AttributeAt;
        }
        if lexeme.line_indent.is_some() && !lexeme.token.continues_statement() {
            self.end_statement(lexeme);
        }
        if lexeme.token.is_closer() {
            match self.close(lexeme) {
                Some(closer) => lexeme = closer,
                None => return,
            }
        }
        self.track_attribute(lexeme.token);
        if lexeme.token.closer().is_some() {
            self.open.push(Open { lexeme, indent: self.indent });
        }
        self.lexed.lexemes.push(lexeme);
    }

    fn last(&self) -> Option<Lexeme> {
        self.lexed.lexemes.last().copied()
    }

    /// Inserts `;` after the last token if a statement can end there, before a line beginning with `next`.
    fn end_statement(&mut self, next: Lexeme) {
        let in_brackets = self.open.last().is_some_and(|open| open.lexeme.token != Token::LBrace);
        if let Some(last) = self.last()
            && last.token.ends_statement()
            && !in_brackets
            && !(self.in_attribute && self.open.is_empty())
            && !self.continues_head(next)
        {
            self.insert(Token::Semi, last.end);
        }
    }

    /// Reports a `{` that begins a line after the head of a block, and takes it for the block's.
    fn continues_head(&mut self, lexeme: Lexeme) -> bool {
        use Token::*;
        let head = || self.statement_start().map(|l| l.token);
        let in_head = lexeme.token == LBrace
            && self.last().is_some_and(|last| last.token != RBrace)
            && matches!(
                head(),
                Some(Model | Guide | Fn | Net | Objective | Distribution | Fit | Plate | Scan | For | If)
            );
        if !in_head {
            return false;
        }
        let place = lexeme.span(self.source);
        self.report(
            Diagnostic::error(Code("E0101"), "a `{` cannot begin a line")
                .at(place, "not expected here")
                .help("put it at the end of the line before"),
            place,
        );
        true
    }

    /// The first token of the current statement.
    fn statement_start(&self) -> Option<Lexeme> {
        let mut depth = 0usize;
        let boundary = self.lexed.lexemes.iter().rposition(|lexeme| {
            if lexeme.token.is_closer() {
                depth += 1;
            } else if lexeme.token.closer().is_some() {
                if depth == 0 {
                    return true;
                }
                depth -= 1;
            }
            depth == 0 && lexeme.token == Token::Semi
        });
        self.lexed.lexemes.get(boundary.map_or(0, |boundary| boundary + 1)).copied()
    }

    fn insert(&mut self, token: Token, at: u32) {
        self.lexed.lexemes.push(Lexeme { token, start: at, end: at, line_indent: None });
    }

    /// `@name` at the top level, at the beginning of a line or after another attribute; `a @ b` is a product.
    fn begins_attribute(&self, raw: &[Lexeme], at: usize) -> bool {
        let begins = raw[at].line_indent.is_some()
            || self.in_attribute
            || matches!(self.last().map(|l| l.token), None | Some(Token::Semi | Token::Doc));
        let touches_name = raw.get(at + 1).is_some_and(|l| l.token == Token::Name && l.start == raw[at].end);
        self.open.is_empty() && begins && touches_name
    }

    fn track_attribute(&mut self, token: Token) {
        let depth = self.open.len();
        let last = self.last().map(|l| l.token);
        self.in_attribute = match token {
            Token::AttributeAt => true,
            Token::Name if depth == 0 => last == Some(Token::AttributeAt),
            Token::LParen if depth == 0 => self.in_attribute && last == Some(Token::Name),
            Token::RParen if depth == 0 => self.in_attribute,
            _ => self.in_attribute && depth > 0,
        };
    }

    /// Closes what was left open before a line that cannot stand inside it: a declaration no further
    /// in than the line that opened the bracket, or a statement inside `(` or `[`.
    fn close_forgotten(&mut self, raw: &[Lexeme], at: usize) {
        let lexeme = raw[at];
        let Some(outermost) = self.open.first() else { return };
        let at_margin = lexeme.line_indent.is_some_and(|indent| indent <= outermost.indent);
        let keep = if lexeme.token.begins_declaration() && at_margin {
            0
        } else if begins_statement(raw, at) {
            self.open.iter().rposition(|open| open.lexeme.token == Token::LBrace).map_or(0, |i| i + 1)
        } else {
            return;
        };
        if keep < self.open.len() {
            self.close_down_to(keep, lexeme);
        }
    }

    /// Reports the brackets above `keep` and closes them before `next`.
    fn close_down_to(&mut self, keep: usize, next: Lexeme) {
        let Some(last) = self.last() else { return };
        if let Some(outer) = self.open.get(keep) {
            let suspect = self.suspect.take().filter(|(opener, _)| opener.start > outer.lexeme.start);
            let (unclosed, next) = suspect.unwrap_or((outer.lexeme, next));
            let (opener, closer) = brackets(unclosed.token);
            let place = unclosed.span(self.source);
            let expected =
                if next.start == next.end { last.span(self.source) } else { next.span(self.source) };
            let text = if next.start == next.end {
                format!("a `{closer}` is missing after this")
            } else {
                format!("a `{closer}` is missing before this")
            };
            self.report(
                Diagnostic::error(Code("E0103"), format!("this `{opener}` is not closed"))
                    .at(place, "opened here")
                    .at(expected, text),
                place,
            );
            self.lexed.reported.push(Span::new(self.source, last.end as usize, last.end as usize));
        }
        while self.open.len() > keep {
            if let Some(closer) = self.open.pop().and_then(|open| open.lexeme.token.closer()) {
                self.insert(closer, last.end);
            }
        }
        self.in_attribute = false;
    }

    /// Matches a closing bracket; the token to go on with, or `None` if it closes nothing.
    fn close(&mut self, lexeme: Lexeme) -> Option<Lexeme> {
        let closes = |open: &Open| open.lexeme.token.closer() == Some(lexeme.token);
        if let Some(matching) = self.open.iter().rposition(closes) {
            if matching + 1 < self.open.len() {
                self.close_down_to(matching + 1, lexeme);
            }
            if let Some(open) = self.open.pop()
                && lexeme.line_indent.is_some_and(|indent| indent < open.indent)
            {
                self.suspect.get_or_insert((open.lexeme, lexeme));
            }
            return Some(lexeme);
        }
        let place = lexeme.span(self.source);
        let found = lexeme.text(self.text);
        match self.open.pop() {
            Some(open) if open.lexeme.token != Token::LBrace => {
                let (opener, closer) = brackets(open.lexeme.token);
                self.report(
                    Diagnostic::error(Code("E0103"), format!("`{opener}` is closed by `{found}`"))
                        .at(place, format!("expected `{closer}`"))
                        .at(open.lexeme.span(self.source), "opened here"),
                    place,
                );
                Some(Lexeme { token: open.lexeme.token.closer()?, ..lexeme })
            }
            still_open => {
                self.open.extend(still_open);
                self.report(
                    Diagnostic::error(Code("E0103"), format!("this `{found}` closes nothing"))
                        .at(place, "no bracket is open here"),
                    place,
                );
                None
            }
        }
    }

    fn report(&mut self, diagnostic: Diagnostic, place: Span) {
        self.lexed.diagnostics.push(diagnostic);
        self.lexed.reported.push(place);
    }

    fn finish(mut self) {
        while let Some(last) = self.lexed.lexemes.pop_if(|last| last.token == Token::Doc) {
            self.lexed.comments.push(Comment { span: last.span(self.source), own_line: true });
        }
        self.lexed.unclosed = self.open.len();
        if let Some(last) = self.last()
            && !self.open.is_empty()
        {
            self.close_down_to(0, Lexeme { start: last.end, ..last });
        }
        self.lexed.comments.sort_by_key(|comment| comment.span.start);
        self.lexed.diagnostics.sort_by_key(|d| d.labels.first().map_or(0, |label| label.span.start));
        self.lexed.reported.sort();
    }
}

fn brackets(opener: Token) -> (char, char) {
    match opener {
        Token::LParen => ('(', ')'),
        Token::LBracket => ('[', ']'),
        _ => ('{', '}'),
    }
}

/// Whether the line that begins at `at` can only be a statement: a keyword, or `x ~`, or `x[i] ~`.
fn begins_statement(raw: &[Lexeme], at: usize) -> bool {
    use Token::*;
    match raw[at].token {
        Let | Param | Plate | Scan | Report | Next | Latent => true,
        Name => {
            let mut rest = raw[at + 1..].iter().take_while(|l| l.line_indent.is_none()).map(|l| l.token);
            match rest.next() {
                Some(LBracket) => {
                    let mut depth = 1;
                    rest.by_ref()
                        .take_while(|token| {
                            depth += i32::from(*token == LBracket) - i32::from(*token == RBracket);
                            depth > 0
                        })
                        .for_each(drop);
                    rest.next() == Some(Tilde)
                }
                after => after == Some(Tilde),
            }
        }
        _ => false,
    }
}
