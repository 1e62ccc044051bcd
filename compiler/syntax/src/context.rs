//! What the grammar's actions need: places of tokens, literals, and findings that do not stop the parser.

use crate::ast::*;
use crate::lexer::{Lexeme, unescape};
use vary_diagnostic::{Code, Diagnostic, SourceId, Span};

/// One declaration being parsed. Locations are indices into its tokens.
pub struct Context<'a> {
    source: SourceId,
    text: &'a str,
    lexemes: &'a [Lexeme],
    /// Findings about what did parse.
    pub diagnostics: Vec<Diagnostic>,
}

impl<'a> Context<'a> {
    /// A context for these tokens of the text.
    pub fn new(source: SourceId, text: &'a str, lexemes: &'a [Lexeme]) -> Self {
        Context { source, text, lexemes, diagnostics: vec![] }
    }

    /// The place of tokens `l..r`.
    pub fn span(&self, l: usize, r: usize) -> Span {
        let first = self.lexemes[l.min(self.lexemes.len() - 1)];
        let last = self.lexemes[r.saturating_sub(1).max(l).min(self.lexemes.len() - 1)];
        Span { source: self.source, start: first.start, end: last.end }
    }

    fn text(&self, at: usize) -> &'a str {
        self.lexemes[at].text(self.text)
    }

    /// An expression made of tokens `l..r`.
    pub fn expr(&self, l: usize, r: usize, kind: ExprKind) -> Expr {
        Expr { kind, span: self.span(l, r) }
    }

    /// The name at a token.
    pub fn ident(&self, at: usize) -> Ident {
        Ident { name: self.text(at).to_owned(), span: self.span(at, at + 1) }
    }

    /// The use of a variable.
    pub fn name(&self, at: usize) -> Expr {
        self.expr(at, at + 1, ExprKind::Name(self.text(at).to_owned()))
    }

    /// A `///` line without the slashes and one space.
    pub fn doc(&self, at: usize) -> String {
        let line = self.text(at).trim_start_matches('/').trim_end();
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    }

    /// An integer literal.
    pub fn int(&mut self, at: usize) -> Expr {
        let value = self.text(at).parse().unwrap_or_else(|_| {
            self.diagnostics.push(
                Diagnostic::error(Code("E0106"), "this integer is too large")
                    .at(self.span(at, at + 1), format!("the largest is {}", i64::MAX))
                    .help("write it with a fraction or an exponent if a real is meant: `1e20`"),
            );
            0
        });
        self.expr(at, at + 1, ExprKind::Int(value))
    }

    /// A literal with a fraction or an exponent.
    pub fn real(&mut self, at: usize) -> Expr {
        let value = self.text(at).parse().unwrap_or(f64::INFINITY);
        if !value.is_finite() {
            self.diagnostics.push(
                Diagnostic::error(Code("E0106"), "this number is too large")
                    .at(self.span(at, at + 1), "the largest is about 1.8e308"),
            );
        }
        self.expr(at, at + 1, ExprKind::Real(value))
    }

    /// A string literal.
    pub fn string(&mut self, at: usize) -> StrLit {
        let span = self.span(at, at + 1);
        StrLit { value: unescape(self.text(at), span, &mut self.diagnostics), span }
    }

    /// Parameters of a declaration, which all need a type.
    pub fn typed(&mut self, params: Vec<Param>) -> Vec<Param> {
        for Param { name, .. } in params.iter().filter(|param| param.ty.is_none()) {
            self.diagnostics.push(
                Diagnostic::error(Code("E0107"), format!("the parameter `{}` has no type", name.name))
                    .at(name.span, "a type is missing after this")
                    .help(format!("write `{}: real`, or the type it has", name.name)),
            );
        }
        params
    }

    /// `site ~ dist`, where the site is a name with or without indices.
    pub fn sample(&mut self, latent: bool, site: Expr, dist: Expr) -> StmtKind {
        let mut indices = vec![];
        let mut base = site;
        while let ExprKind::Index(inner, mut outer) = base.kind {
            outer.append(&mut indices);
            indices = outer;
            base = *inner;
        }
        let ExprKind::Name(name) = base.kind else {
            self.diagnostics.push(
                Diagnostic::error(Code("E0108"), "only a name can stand on the left of `~`")
                    .at(base.span, "not a name")
                    .help("name the value first: `x ~ normal(0, 1)`")
                    .note("the left of `~` says where the value is kept: `x` or `x[i]`"),
            );
            return StmtKind::Error;
        };
        StmtKind::Sample(SampleStmt { latent, name: Ident { name, span: base.span }, indices, dist })
    }

    /// Refuses `param w[i]: …`.
    pub fn indexed_param(&mut self, name: &Ident, indices: &[Expr], l: usize, r: usize) {
        let indices: Vec<&str> =
            indices.iter().map(|e| self.text.get(e.span.range()).unwrap_or("i")).collect();
        let (name, indices) = (&name.name, indices.join(", "));
        self.diagnostics.push(
            Diagnostic::error(Code("E0109"), format!("the parameter `{name}` is declared with an index"))
                .at(self.span(l, r), "no index stands here")
                .help(format!("declare the whole array before the plate, `param {name}: real[n] = 0`"))
                .help(format!("then use `{name}[{indices}]` in the plate")),
        );
    }

    /// Refuses literals in what `let` binds.
    pub fn binding_pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Name(_) | Pattern::Wildcard(_) => {}
            Pattern::Tuple(parts, _) => parts.iter().for_each(|part| self.binding_pattern(part)),
            Pattern::Literal(literal) => self.diagnostics.push(
                Diagnostic::error(Code("E0110"), "`let` binds names, not values")
                    .at(literal.span, "a name is expected here")
                    .help("to choose by value, write `match e { 0 => a, _ => b }`"),
            ),
        }
    }
}

/// `a op b`
pub fn infix(a: Expr, op: BinaryOp, b: Expr) -> Expr {
    binary(a, b, |a, b| ExprKind::Binary(op, a, b))
}

/// A form with two operands.
pub fn binary(a: Expr, b: Expr, kind: impl FnOnce(Box<Expr>, Box<Expr>) -> ExprKind) -> Expr {
    let span = a.span.to(b.span);
    Expr { kind: kind(Box::new(a), Box::new(b)), span }
}

/// `first` before `rest`.
pub fn prepend<T>(first: T, mut rest: Vec<T>) -> Vec<T> {
    rest.insert(0, first);
    rest
}
