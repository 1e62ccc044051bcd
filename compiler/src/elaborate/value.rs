//! What an expression means while a program is elaborated: numbers are variables of the core
//! program under construction, everything else is known statically.

use super::net::Layer;
use std::rc::Rc;
use vary_core::generative::{ProgramExpr, TraceField};
use vary_core::ir::Array;
use vary_diagnostic::Span;
use vary_syntax::ast;

/// A value of the language.
#[derive(Debug, Clone)]
pub enum Value {
    /// A scalar (no dims) or an array.
    Array(Array),
    /// `(a, b)`; `()` is the value of a statement.
    Tuple(Vec<Value>),
    /// `{a = 1}`
    Record(Vec<(String, Value)>),
    /// What `simulate` draws.
    Trace(Vec<TraceField>),
    /// `"text"`
    Text(String),
    /// A model, a guide, or a program made of them.
    Program(Rc<ProgramExpr>),
    /// `a..b`, with the expressions' values; absent ends mean the array's own.
    Range(Option<Array>, Option<Array>),
    /// A function, net or objective declared in a file.
    Function(Rc<Declared>),
    /// A layer without its input: `dense(10)`.
    Layer(Rc<Layer>),
    /// A function of the language itself.
    Builtin(&'static str),
    /// `|x| e` with the names it sees.
    Lambda(Rc<Closure>),
    /// An expectation bound to a name, which every use takes anew.
    Afresh(Rc<Closure>),
    /// A distribution, with the strategy chosen after a dot.
    Distribution(Rc<Declared>, Option<ast::Ident>),
    /// An error was reported where it was computed.
    Error,
}

/// A declaration and where it comes from.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The declaration.
    pub item: ast::Item,
    /// Declared by the standard library.
    pub is_stdlib: bool,
}

/// A lambda with its environment.
#[derive(Debug, Clone)]
pub struct Closure {
    /// Its parameters.
    pub params: Vec<ast::Param>,
    /// Its body.
    pub body: ast::Expr,
    /// The names in scope where it was written.
    pub names: Vec<(String, Value)>,
    /// Written in the standard library.
    pub in_stdlib: bool,
    /// Where it was written.
    pub span: Span,
}

impl Value {
    /// `()`
    pub fn unit() -> Value {
        Value::Tuple(Vec::new())
    }

    /// What kind of thing it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Array(_) | Value::Afresh(_) => "a number or array",
            Value::Tuple(parts) if parts.is_empty() => "nothing",
            Value::Tuple(_) => "a tuple",
            Value::Record(_) => "a record",
            Value::Trace(_) => "a trace",
            Value::Text(_) => "a text",
            Value::Program(_) => "a program",
            Value::Range(..) => "a range",
            Value::Function(_) | Value::Builtin(_) | Value::Lambda(_) => "a function",
            Value::Layer(_) => "a layer without its input",
            Value::Distribution(..) => "a distribution",
            Value::Error => "an erroneous value",
        }
    }
}
