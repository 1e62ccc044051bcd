//! Tokens to tree, one declaration at a time.
//!
//! Declarations end at a `;` outside all brackets, so an error in one never reaches the next. Within a
//! declaration, the innermost statement around an error is replaced by one error token and the
//! declaration is parsed again: every statement is judged on its own, and one run reports them all.

use crate::ast::*;
use crate::context::Context;
use crate::depth;
use crate::error::{Found, syntax_error};
use crate::grammar::ItemParser;
use crate::hint::CONTINUATION;
use crate::lexer::{Comment, Lexed, Lexeme, lex};
use crate::token::Token;
use lalrpop_util::ParseError;
use std::ops::Range;
use vary_diagnostic::{Code, Diagnostic, SourceId, Span};

/// Errors reported for one source; the rest is likely to follow from them.
const MAX_ERRORS: usize = 50;

/// Tokens read again because of errors, at most: keeps a huge broken source from taking minutes.
const MAX_REREAD: usize = 20_000_000;

/// A parsed source; broken parts stand in the tree as `Error`, each with a diagnostic.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The tree.
    pub file: File,
    /// What is wrong with the text; empty when the tree is whole.
    pub diagnostics: Vec<Diagnostic>,
    /// The comments, in order.
    pub comments: Vec<Comment>,
}

/// The result of parsing what was typed so far.
#[derive(Debug, Clone)]
pub enum ReplParse {
    /// It can be run, or reported.
    Complete(Parsed),
    /// More lines must follow: a bracket is open or an operand is missing.
    Incomplete,
}

/// Parses a file of declarations.
pub fn parse_file(source: SourceId, text: &str) -> Parsed {
    let mut parsed = match lex_checked(source, text) {
        Ok(lexed) => parse(source, text, lexed),
        Err(diagnostic) => return Parsed { diagnostics: vec![diagnostic], ..Parsed::default() },
    };
    for item in &mut parsed.file.items {
        if let ItemKind::Stmt(stmt) = &item.kind {
            parsed.diagnostics.extend(statement_outside(text, stmt));
            item.kind = ItemKind::Error;
        }
    }
    parsed
}

/// Parses what was typed at the prompt: declarations, statements and expressions.
pub fn parse_repl(source: SourceId, text: &str) -> ReplParse {
    let lexed = match lex_checked(source, text) {
        Ok(lexed) => lexed,
        Err(diagnostic) => {
            return ReplParse::Complete(Parsed { diagnostics: vec![diagnostic], ..Parsed::default() });
        }
    };
    if lexed.unclosed > 0 || awaits_more(&lexed.lexemes) {
        return ReplParse::Incomplete;
    }
    ReplParse::Complete(parse(source, text, lexed))
}

/// Parses one expression, such as a value given on the command line.
pub fn parse_expr(source: SourceId, text: &str) -> Result<Expr, Vec<Diagnostic>> {
    let lexed = lex_checked(source, text).map_err(|diagnostic| vec![diagnostic])?;
    let Parsed { file, diagnostics, .. } = parse(source, text, lexed);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let mut items = file.items;
    match (items.pop(), items.is_empty()) {
        (Some(Item { kind: ItemKind::Stmt(Stmt { kind: StmtKind::Expr(expr), .. }), .. }), true) => Ok(expr),
        (item, _) => {
            let place = item.map_or(Span::new(source, 0, text.len()), |item| item.span);
            Err(vec![
                Diagnostic::error(Code("E0101"), "expected one expression")
                    .at(place, "not an expression")
                    .help("a value is written as in a program: `3`, `[1, 2]`, `adam(0.01)`"),
            ])
        }
    }
}

/// Spans hold 32-bit offsets.
fn lex_checked(source: SourceId, text: &str) -> Result<Lexed, Diagnostic> {
    if u32::try_from(text.len()).is_err() {
        return Err(Diagnostic::error(Code("E0111"), "a source text of more than 4 GiB cannot be read"));
    }
    Ok(lex(source, text))
}

/// Whether the last token wants something after it, or an attribute its declaration.
fn awaits_more(lexemes: &[Lexeme]) -> bool {
    let Some(last) = lexemes.last() else { return false };
    let last_line = split_items(lexemes).last().unwrap_or_default();
    let only_attributes = last_line.first().is_some_and(|l| l.token == Token::AttributeAt)
        && !last_line
            .iter()
            .any(|l| l.token.begins_declaration() || matches!(l.token, Token::Let | Token::Param));
    only_attributes || !last.token.ends_statement() && last.token != Token::Semi
}

fn statement_outside(text: &str, stmt: &Stmt) -> Option<Diagnostic> {
    let place = stmt.span;
    let message = match &stmt.kind {
        StmtKind::Error => return None,
        StmtKind::Expr(_) => "an expression cannot stand outside a declaration",
        _ => "this statement cannot stand outside a model or guide",
    };
    let diagnostic = Diagnostic::error(Code("E0112"), message).at(place, "not a declaration");
    Some(match text.get(place.range()) {
        Some(continued) if continued.starts_with('-') => diagnostic.help(CONTINUATION),
        _ => diagnostic.help(
            "a file holds declarations: `data`, `let`, `param`, `fn`, `net`, `model`, `guide`, `fit`, …",
        ),
    })
}

/// The tokens of each declaration.
fn split_items(lexemes: &[Lexeme]) -> impl Iterator<Item = &[Lexeme]> {
    let mut depth = 0usize;
    lexemes
        .split(move |lexeme| {
            if lexeme.token.closer().is_some() {
                depth += 1;
            } else if lexeme.token.is_closer() {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && lexeme.token == Token::Semi
        })
        .filter(|lexemes| !lexemes.is_empty())
}

fn parse(source: SourceId, text: &str, lexed: Lexed) -> Parsed {
    let mut parser =
        Parser { source, text, reported: lexed.reported, diagnostics: lexed.diagnostics, reread: 0 };
    let mut file = File::default();
    for lexemes in split_items(&lexed.lexemes) {
        file.items.push(parser.item(lexemes));
        if parser.diagnostics.len() > MAX_ERRORS {
            break;
        }
    }
    let mut diagnostics = parser.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map_or(0, |label| label.span.start));
    if diagnostics.len() > MAX_ERRORS {
        diagnostics.truncate(MAX_ERRORS);
        if let Some(last) = diagnostics.last_mut() {
            last.notes.push("there are more errors, which are not shown".to_owned());
        }
    }
    Parsed { file, diagnostics, comments: lexed.comments }
}

struct Parser<'a> {
    source: SourceId,
    text: &'a str,
    /// Places the lexer and the layout have complained about, sorted.
    reported: Vec<Span>,
    diagnostics: Vec<Diagnostic>,
    /// How many tokens were read again.
    reread: usize,
}

impl Parser<'_> {
    /// Parses one declaration; what cannot be saved becomes [`ItemKind::Error`].
    fn item(&mut self, lexemes: &[Lexeme]) -> Item {
        if let Some(place) = depth::of_tokens(self.source, lexemes) {
            self.diagnostics.push(depth::too_deep(place));
            return self.error_item(lexemes);
        }
        let mut working = lexemes.to_vec();
        loop {
            let mut context = Context::new(self.source, self.text, &working);
            let tokens = working.iter().enumerate().map(|(at, lexeme)| Ok((at, lexeme.token, at + 1)));
            let error = match ItemParser::new().parse(&mut context, tokens) {
                Ok(item) => {
                    self.diagnostics.append(&mut context.diagnostics);
                    return self.within_depth(item);
                }
                Err(error) => error,
            };
            let (at, expected) = place_of(error, working.len());
            let statement = statement_around(&working, at);
            self.report(&working, at, statement.clone(), &expected);
            self.reread += working.len();
            let Some(statement) = statement else {
                self.judge_body(&working, at);
                return self.error_item(lexemes);
            };
            if self.reread > MAX_REREAD || self.diagnostics.len() > MAX_ERRORS {
                return self.error_item(lexemes);
            }
            replace_by_error(&mut working, statement);
        }
    }

    fn within_depth(&mut self, item: Item) -> Item {
        match depth::of_item(&item) {
            None => item,
            Some(place) => {
                self.diagnostics.push(depth::too_deep(place));
                Item { kind: ItemKind::Error, ..item }
            }
        }
    }

    fn error_item(&self, lexemes: &[Lexeme]) -> Item {
        let span = match (lexemes.first(), lexemes.last()) {
            (Some(first), Some(last)) => first.span(self.source).to(last.span(self.source)),
            _ => Span::new(self.source, 0, 0),
        };
        Item { docs: vec![], attributes: vec![], kind: ItemKind::Error, span }
    }

    /// Reports a syntax error, unless it stands in a part already reported as broken.
    fn report(
        &mut self,
        lexemes: &[Lexeme],
        at: usize,
        statement: Option<Range<usize>>,
        expected: &[String],
    ) {
        // The grammar did not take the error token here; the statement around is tried next.
        if lexemes.get(at).is_some_and(|lexeme| lexeme.token == Token::Error) {
            return;
        }
        let broken = statement.unwrap_or(0..lexemes.len().min(at + 1));
        let part = &lexemes[broken];
        if let (Some(first), Some(last)) = (part.first(), part.last()) {
            let next = self.reported.partition_point(|span| span.start < first.start);
            if self.reported.get(next).is_some_and(|span| span.start <= last.end) {
                return;
            }
        }
        let found = Found { source: self.source, text: self.text, lexemes, at };
        self.diagnostics.push(syntax_error(&found, expected));
    }

    /// Reports the errors in the body of a declaration whose head did not parse.
    fn judge_body(&mut self, lexemes: &[Lexeme], error: usize) {
        use Token::*;
        let has_body = lexemes.iter().any(|l| matches!(l.token, Model | Guide | Fn | Objective))
            || matches!(lexemes, [a, b, ..] if a.token == Name && b.token == Name);
        let body = lexemes.iter().position(|lexeme| lexeme.token == LBrace).filter(|at| *at >= error);
        if let Some(body) = body.filter(|_| has_body) {
            let head = Lexeme { token: Predict, ..lexemes[body] };
            let statements: Vec<Lexeme> =
                std::iter::once(head).chain(lexemes[body..].iter().copied()).collect();
            if let Some(end) = closing(&statements, 1)
                && end + 1 == statements.len()
            {
                self.item(&statements);
            }
        }
    }
}

/// The index of the offending token, the length at the end, and what could have stood there.
fn place_of(error: ParseError<usize, Token, std::convert::Infallible>, end: usize) -> (usize, Vec<String>) {
    match error {
        ParseError::UnrecognizedToken { token: (at, _, _), expected } => (at, expected),
        ParseError::UnrecognizedEof { expected, .. } => (end, expected),
        ParseError::ExtraToken { token: (at, _, _) } => (at, vec![]),
        ParseError::InvalidToken { location } => (location, vec![]),
        ParseError::User { error } => match error {},
    }
}

/// The index of the bracket that closes the one at `open`.
fn closing(lexemes: &[Lexeme], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    lexemes[open..]
        .iter()
        .position(|lexeme| {
            if lexeme.token.closer().is_some() {
                depth += 1;
            } else if lexeme.token.is_closer() {
                depth -= 1;
            }
            depth == 0
        })
        .map(|length| open + length)
}

/// The tokens of the innermost statement in braces around `at`: from `;` or `{` to `;` or `}`.
fn statement_around(lexemes: &[Lexeme], at: usize) -> Option<Range<usize>> {
    // The open brackets, each with the start of the current statement in it.
    let mut open: Vec<(usize, usize)> = vec![];
    let is_brace = |bracket: usize| lexemes[bracket].token == Token::LBrace;
    for (i, lexeme) in lexemes[..at].iter().enumerate() {
        if lexeme.token.closer().is_some() {
            open.push((i, i + 1));
        } else if lexeme.token.is_closer() {
            open.pop();
        } else if let (Token::Semi, Some((bracket, start))) = (lexeme.token, open.last_mut())
            && is_brace(*bracket)
        {
            *start = i + 1;
        }
    }
    let (brace, start) = open.into_iter().rfind(|(bracket, _)| is_brace(*bracket))?;
    let statement = start..statement_end(lexemes, start, at);
    // Where the error token itself is not accepted, the statement around these braces is next.
    let is_error = |lexemes: &[Lexeme]| matches!(lexemes, [only] if only.token == Token::Error);
    if is_error(&lexemes[statement.clone()]) || lexemes.get(at).is_some_and(|l| l.token == Token::Error) {
        return statement_around(lexemes, brace);
    }
    Some(statement)
}

/// The first `;` or `}` not before `at` that ends the statement from `start`.
fn statement_end(lexemes: &[Lexeme], start: usize, at: usize) -> usize {
    let mut depth = 0usize;
    for (i, lexeme) in lexemes.iter().enumerate().skip(start) {
        match lexeme.token {
            Token::Semi if depth == 0 && i >= at => return i,
            Token::RBrace if depth == 0 => return i,
            token if token.closer().is_some() => depth += 1,
            token if token.is_closer() => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    lexemes.len()
}

fn replace_by_error(lexemes: &mut Vec<Lexeme>, statement: Range<usize>) {
    let place = &lexemes[statement.start.saturating_sub(1)];
    let (first, last) = match &lexemes[statement.clone()] {
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
        [] => (*place, *place),
    };
    let error = Lexeme { token: Token::Error, end: last.end, ..first };
    lexemes.splice(statement, [error]);
}
