//! Where the comments and empty lines of the source go in the new text.

use super::doc::{Doc, concat, text};
use crate::lexer::{Comment, Lexeme};
use crate::token::Token;
use std::cell::Cell;
use std::collections::HashMap;
use vary_diagnostic::Span;

/// The text being formatted. A tree made by a program has none: no comments, no layout to follow.
pub struct Original<'a> {
    text: &'a str,
    comments: &'a [Comment],
    /// How many comments are placed; they are placed in order.
    placed: Cell<usize>,
    /// For each `(`, where its `)` ends.
    parentheses: HashMap<u32, u32>,
    /// Where each `{` stands.
    braces: Vec<u32>,
    /// Where each closing bracket stands.
    closers: Vec<u32>,
}

impl<'a> Original<'a> {
    /// A source text with its tokens and comments.
    pub fn new(text: &'a str, lexemes: &[Lexeme], comments: &'a [Comment]) -> Self {
        let mut open = vec![];
        let mut parentheses = HashMap::new();
        for lexeme in lexemes {
            match lexeme.token {
                Token::LParen => open.push(lexeme.start),
                Token::RParen => {
                    if let Some(start) = open.pop() {
                        parentheses.insert(start, lexeme.end);
                    }
                }
                _ => {}
            }
        }
        let braces = lexemes.iter().filter(|l| l.token == Token::LBrace).map(|l| l.start).collect();
        let closers = lexemes.iter().filter(|l| l.token.is_closer()).map(|l| l.start).collect();
        Original { text, comments, placed: Cell::new(0), parentheses, braces, closers }
    }

    /// The text at a place.
    pub fn at(&self, span: Span) -> &'a str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Whether the place begins with `(` and ends with the matching `)`.
    pub fn in_parentheses(&self, span: Span) -> bool {
        self.parentheses.get(&span.start) == Some(&span.end)
    }

    /// Where the last `{` before an offset stands.
    pub fn brace_before(&self, offset: u32) -> Option<u32> {
        let after = self.braces.partition_point(|brace| *brace < offset);
        self.braces.get(after.checked_sub(1)?).copied()
    }

    /// Where the list with its last entry ending at an offset is closed.
    pub fn closer_after(&self, offset: u32) -> Option<u32> {
        let next = self.closers.partition_point(|closer| *closer < offset);
        self.closers.get(next).copied()
    }

    /// Whether nothing but space stands before an offset on its line.
    pub fn begins_line(&self, offset: u32) -> bool {
        self.text
            .get(..offset as usize)
            .is_some_and(|before| before.trim_end_matches([' ', '\t']).ends_with('\n'))
    }

    /// Whether there is a line end between two offsets.
    pub fn breaks_between(&self, from: u32, to: u32) -> bool {
        self.text.get(from as usize..to as usize).is_some_and(|between| between.contains('\n'))
    }

    /// A line break, with an empty line if there is one between the two offsets.
    pub fn line_between(&self, from: u32, to: u32) -> Doc {
        let between = self.text.get(from as usize..to as usize).unwrap_or("");
        if between.matches('\n').count() > 1 { Doc::BlankLine } else { Doc::HardLine }
    }

    fn next(&self, before: u32) -> Option<Comment> {
        let comment = *self.comments.get(self.placed.get())?;
        (comment.span.start < before).then(|| {
            self.placed.set(self.placed.get() + 1);
            comment
        })
    }

    /// The comments before an offset that are not placed yet.
    pub fn before(&self, offset: u32) -> Vec<Comment> {
        std::iter::from_fn(|| self.next(offset)).collect()
    }

    /// Whether a comment before an offset is still to be placed.
    pub fn pending(&self, offset: u32) -> bool {
        self.comments.get(self.placed.get()).is_some_and(|comment| comment.span.start < offset)
    }

    /// The comment at the end of the current line, if it stands before `limit`.
    pub fn trailing(&self, limit: u32) -> Option<Comment> {
        let comment = self.comments.get(self.placed.get())?;
        if comment.own_line { None } else { self.next(limit) }
    }

    /// Comments before an expression and within a statement: each ends its line.
    pub fn inline(&self, offset: u32) -> Doc {
        let one = |comment: Comment| {
            let written = self.at(comment.span).to_owned();
            if comment.own_line {
                concat([Doc::HardLine, text(written), Doc::HardLine])
            } else {
                concat([Doc::Suffix(written), Doc::HardLine])
            }
        };
        concat(self.before(offset).into_iter().map(one))
    }
}
