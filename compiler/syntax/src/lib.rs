//! From text to syntax tree and back. Knows no names, types or files.
//!
//! Text becomes tokens ([`lexer`]), words become keywords where they can be one (`words`), line ends
//! become `;` and brackets are balanced (`layout`), declarations are parsed one by one ([`parse_file`]),
//! [`dump`] prints what came of it, and [`format_source`] writes it back.

pub mod ast;
mod context;
mod depth;
pub mod dump;
mod error;
mod hint;
mod layout;
pub mod lexer;
mod parse;
mod pretty;
pub mod token;
pub mod visit;
mod words;

pub use lexer::Comment;
pub use parse::{Parsed, ReplParse, parse_expr, parse_file, parse_repl};
pub use pretty::{format_source, print};

#[allow(clippy::all, missing_docs, unused)]
mod grammar {
    include!(concat!(env!("OUT_DIR"), "/grammar.rs"));
}
