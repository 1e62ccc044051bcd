//! From text to syntax tree and back. Knows no names, types or files.
pub mod ast;
