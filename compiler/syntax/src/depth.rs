//! How deep a program may nest. Later stages walk the tree recursively, so the limit is set here, once:
//! first on the tokens, so that no tree too deep to be dropped is built, then exactly on the tree.

use crate::ast::Item;
use crate::lexer::Lexeme;
use crate::token::Token;
use crate::visit::{Node, each_child};
use vary_diagnostic::{Code, Diagnostic, SourceId, Span};

/// The greatest depth of a tree, and of brackets in brackets.
pub const MAX_DEPTH: usize = 256;

/// Operators and brackets within each other, without regard to precedence: an upper bound of the
/// tree's depth that still can be dropped recursively.
const MAX_TOKEN_DEPTH: usize = 2048;

/// The error for nesting at this place.
pub fn too_deep(place: Span) -> Diagnostic {
    Diagnostic::error(Code("E0102"), format!("this nests more than {MAX_DEPTH} levels deep"))
        .at(place, "too deep here")
        .help("name parts of it with `let`; a long sum is written `sum([…])`")
}

/// Where the tokens of a declaration nest too deep.
pub fn of_tokens(source: SourceId, lexemes: &[Lexeme]) -> Option<Span> {
    /// An open bracket: what was seen since the last separator in it, and the deepest part before that.
    #[derive(Default, Clone, Copy)]
    struct Level {
        operators: usize,
        inner: usize,
        deepest: usize,
    }
    let mut outer: Vec<Level> = vec![];
    let mut level = Level::default();
    for lexeme in lexemes {
        match lexeme.token {
            Token::Name | Token::Int | Token::Real | Token::Str => continue,
            Token::Comma | Token::Semi => {
                level =
                    Level { deepest: level.deepest.max(level.operators + level.inner), ..Level::default() };
            }
            token if token.is_closer() => {
                let depth = 1 + level.deepest.max(level.operators + level.inner);
                level = outer.pop().unwrap_or_default();
                level.inner = level.inner.max(depth);
            }
            token => {
                level.operators += 1;
                if token.closer().is_some() {
                    outer.push(std::mem::take(&mut level));
                }
            }
        }
        if level.operators + level.inner > MAX_TOKEN_DEPTH || outer.len() > MAX_DEPTH {
            return Some(lexeme.span(source));
        }
    }
    None
}

/// Where the tree of a declaration is too deep.
pub fn of_item(item: &Item) -> Option<Span> {
    let mut found = None;
    walk(Node::Item(item), item.span, 0, &mut found);
    found
}

fn walk(node: Node<'_>, place: Span, depth: usize, found: &mut Option<Span>) {
    let place = if let Node::Expr(expr) = node { expr.span } else { place };
    if depth > MAX_DEPTH {
        *found = Some(place);
    }
    if found.is_none() {
        each_child(node, &mut |child| walk(child, place, depth + 1, found));
    }
}
