//! Syntax errors in the user's words.

use crate::hint::hint;
use crate::lexer::Lexeme;
use crate::token::Token;
use vary_diagnostic::{Code, Diagnostic, SourceId, Span};

/// Where the parser stopped.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The source of the text.
    pub source: SourceId,
    /// The whole text.
    pub text: &'a str,
    /// The tokens of the declaration.
    pub lexemes: &'a [Lexeme],
    /// The token that does not fit; the length of `lexemes` at the end.
    pub at: usize,
}

impl<'a> Found<'a> {
    /// The kind of the token `offset` places from the offending one.
    pub fn token(&self, offset: isize) -> Option<Token> {
        self.lexeme(offset).map(|lexeme| lexeme.token)
    }

    /// The text of the token `offset` places from the offending one, empty if there is none.
    pub fn word(&self, offset: isize) -> &'a str {
        self.lexeme(offset).map_or("", |lexeme| lexeme.text(self.text))
    }

    /// The token `offset` places from the offending one.
    pub fn lexeme(&self, offset: isize) -> Option<Lexeme> {
        self.at.checked_add_signed(offset).and_then(|at| self.lexemes.get(at).copied())
    }

    /// The tokens of the statement before the offending one.
    pub fn statement(&self) -> &'a [Lexeme] {
        let before = &self.lexemes[..self.at];
        let start =
            before.iter().rposition(|l| matches!(l.token, Token::Semi | Token::LBrace | Token::RBrace));
        &before[start.map_or(0, |start| start + 1)..]
    }

    /// The innermost bracket open at the offending token.
    pub fn bracket(&self) -> Option<Token> {
        let mut open = vec![];
        for lexeme in &self.lexemes[..self.at] {
            if lexeme.token.closer().is_some() {
                open.push(lexeme.token);
            } else if lexeme.token.is_closer() {
                open.pop();
            }
        }
        open.pop()
    }

    /// Whether the line, or the text, ends where something else was expected.
    fn line_ends(&self) -> bool {
        let starts_anew = |token| matches!(token, Token::Semi | Token::LBrace);
        let goes_on = self.token(-1).is_some_and(|before| !before.ends_statement() && !starts_anew(before));
        self.lexeme(0).is_none_or(|here| here.start == here.end || here.line_indent.is_some() && goes_on)
    }

    /// Where to point: the token, or the last one when the line ends too early.
    pub fn place(&self) -> Span {
        let here = self.lexeme(0).filter(|_| !self.line_ends());
        let last = || self.lexemes[..self.at].iter().rfind(|l| l.start < l.end);
        match here.as_ref().or_else(last) {
            Some(lexeme) => lexeme.span(self.source),
            None => Span::new(self.source, 0, 0),
        }
    }

    /// What was found, with its article or in quotes.
    fn describe(&self) -> String {
        let word = self.word(0);
        match self.token(0) {
            _ if self.line_ends() => "the end of the line".to_owned(),
            Some(Token::Int | Token::Real) => format!("the number `{word}`"),
            Some(Token::Str) => "a string".to_owned(),
            Some(Token::Name) => format!("the name `{word}`"),
            Some(_) if word.starts_with(char::is_alphabetic) => format!("the keyword `{word}`"),
            _ => format!("`{word}`"),
        }
    }
}

/// The diagnostic for a token that does not fit, with the tokens that would have.
pub fn syntax_error(found: &Found<'_>, expected: &[String]) -> Diagnostic {
    let wanted = expectations(expected);
    let message = match wanted.as_slice() {
        [] => format!("{} cannot stand here", found.describe()),
        wanted => format!("expected {}, found {}", one_of(wanted), found.describe()),
    };
    let place = if found.line_ends() { "something is missing after this" } else { "not expected here" };
    match hint(found, &wanted) {
        Some(hint) => {
            let before = found.lexeme(-1).filter(|_| hint.blames_word_before);
            let place_of = before.map_or_else(|| found.place(), |lexeme| lexeme.span(found.source));
            let diagnostic = Diagnostic::error(Code("E0101"), hint.message.unwrap_or(message));
            hint.help.into_iter().fold(diagnostic.at(place_of, place), Diagnostic::help)
        }
        None => Diagnostic::error(Code("E0101"), message).at(found.place(), place),
    }
}

/// Names of groups of tokens, each recognised by tokens that only it contains. The first that fits
/// takes all its tokens, so that a statement is not also announced as an expression and a name.
const GROUPS: &[(&str, &[&str], &[&str])] = &[
    (
        "a declaration",
        &["model", "guide"],
        &[
            "import",
            "data",
            "param",
            "let",
            "fn",
            "net",
            "model",
            "guide",
            "objective",
            "distribution",
            "fit",
            "predict",
            "doc",
            "@attribute",
            "report",
            "plate",
            "scan",
            "for",
            "next",
            "latent",
            "error",
        ],
    ),
    ("a declaration", &["import", "data"], &["@attribute"]),
    (
        "a statement",
        &["plate", "report"],
        &["param", "let", "report", "plate", "scan", "for", "next", "latent", "error"],
    ),
    ("`maximize` or `minimize`", &["maximize", "minimize"], &["maximize", "minimize"]),
    (
        "an expression",
        &["int", "(", "expect"],
        &[
            "name",
            "int",
            "real",
            "string",
            "true",
            "false",
            "(",
            "[",
            "{",
            "-",
            "!",
            "|",
            "or",
            "if",
            "match",
            "expect",
            "replicate",
            "_",
            "..",
        ],
    ),
    ("a pattern", &["int", "name", "("], &["name", "_", "int", "real", "string", "true", "false", "(", "-"]),
    ("a number", &["int", "real"], &["int", "real"]),
    ("a type", &["name", "(", "{"], &["name", "_", "(", "{"]),
    ("a name", &["name", "_"], &["name", "_"]),
];

/// What continues an expression; said only when nothing else was expected.
const OPERATORS: &[&str] = &[
    "|>", "|", "or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "@", "^", "..", ".",
    "given",
];

/// The expected tokens grouped and in the user's words.
fn expectations(expected: &[String]) -> Vec<String> {
    let mut tokens: Vec<&str> = expected.iter().map(|token| token.trim_matches('"')).collect();
    let mut wanted = vec![];
    let after_operand = tokens.contains(&"|>");
    for (name, marks, members) in GROUPS {
        if marks.iter().all(|mark| tokens.contains(mark)) {
            tokens.retain(|token| !members.contains(token));
            if *name == "a declaration" || *name == "a statement" {
                // Anything an expression begins with also begins these.
                tokens.retain(|token| !GROUPS[4].2.contains(token));
            }
            wanted.push((*name).to_owned());
        }
    }
    if after_operand {
        tokens.retain(|token| !OPERATORS.contains(token));
        // `f(` and `x[` are possible after any operand.
        tokens.retain(|token| !matches!(*token, "(" | "["));
    }
    let line_end = tokens.contains(&";");
    tokens.retain(|token| *token != ";");
    // Closing brackets are worth saying only as what ends a list.
    if line_end {
        tokens.retain(|token| *token != "}");
    }
    wanted.extend(tokens.iter().map(|token| format!("`{token}`")));
    if line_end && wanted.len() < 3 {
        wanted.push("the end of the line".to_owned());
    }
    if after_operand && wanted.is_empty() {
        wanted.push("an operator".to_owned());
    }
    wanted
}

/// `a`, `a or b`, `a, b or c`
fn one_of(wanted: &[String]) -> String {
    match wanted {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
