//! Expressions, patterns and types.

use super::doc::{Doc, concat, group, join, nest, text};
use super::{Separator, Writer};
use crate::ast::*;
use vary_diagnostic::Span;

/// How tightly a form binds, loosest first; operands that bind less stand in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Lambda,
    Pipe,
    Condition,
    Or,
    And,
    Comparison,
    Range,
    Sum,
    Product,
    Prefix,
    Power,
    Postfix,
}

impl Level {
    /// What an operand binds at least where the same level would read the other way.
    fn tighter(self) -> Level {
        use Level::*;
        match self {
            Lambda => Pipe,
            Pipe => Condition,
            Condition => Or,
            Or => And,
            And => Comparison,
            Comparison => Range,
            Range => Sum,
            Sum => Product,
            Product => Prefix,
            Prefix => Power,
            Power | Postfix => Postfix,
        }
    }
}

fn level(kind: &ExprKind) -> Level {
    match kind {
        ExprKind::Lambda(..) => Level::Lambda,
        ExprKind::Pipe(..) => Level::Pipe,
        ExprKind::Given(..) => Level::Condition,
        ExprKind::Binary(op, ..) => match op {
            BinaryOp::Condition => Level::Condition,
            BinaryOp::Or => Level::Or,
            BinaryOp::And => Level::And,
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                Level::Comparison
            }
            BinaryOp::Add | BinaryOp::Sub => Level::Sum,
            BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem | BinaryOp::MatMul => Level::Product,
            BinaryOp::Pow => Level::Power,
        },
        ExprKind::Range(..) => Level::Range,
        ExprKind::Unary(..) => Level::Prefix,
        _ => Level::Postfix,
    }
}

/// The operator and operands of an infix form that groups to the left.
fn infix(kind: &ExprKind) -> Option<(&'static str, &Expr, &Expr)> {
    match kind {
        ExprKind::Pipe(a, b) => Some(("|>", a, b)),
        ExprKind::Given(a, b) => Some(("given", a, b)),
        ExprKind::Binary(BinaryOp::Pow, ..) => None,
        ExprKind::Binary(op, a, b) => Some((op.symbol(), a, b)),
        _ => None,
    }
}

impl Writer<'_> {
    /// An expression where any may stand.
    pub fn expr(&self, expr: &Expr) -> Doc {
        self.operand(expr, Level::Lambda)
    }

    /// `= value` or the like after the head of a statement.
    pub fn after(&self, sign: &str, value: &Expr) -> Doc {
        let start = value.span.start;
        // A value on a line of its own stays there if it is too long for the line before.
        let on_next_line = self.original.as_ref().is_some_and(|original| original.begins_line(start));
        if on_next_line || self.has_comment(start) {
            return group([text(sign), self.trailing_comment(start), nest([Doc::Line, self.expr(value)])]);
        }
        let value = self.expr(value);
        concat([text(sign), text(" "), value])
    }

    /// An expression that binds at least as tightly as `at_least`, or stands in parentheses.
    fn operand(&self, expr: &Expr, at_least: Level) -> Doc {
        let comments = self.inline_comments(expr.span.start);
        let has_own = matches!(expr.kind, ExprKind::Tuple(_) | ExprKind::Record { .. });
        let kept = self.original.as_ref().is_some_and(|original| original.in_parentheses(expr.span));
        let needed = level(&expr.kind) < at_least;
        let content = self.bare(expr);
        let left = self.comments_left(expr.span.end);
        if needed || kept && !has_own {
            concat([comments, text("("), content, text(")"), left])
        } else {
            concat([comments, content, left])
        }
    }

    fn bare(&self, expr: &Expr) -> Doc {
        let end = expr.span.end;
        match &expr.kind {
            ExprKind::Int(value) => self.number(expr, value.to_string(), |text| text.parse() == Ok(*value)),
            ExprKind::Real(value) => {
                self.number(expr, format!("{value:?}"), |text| text.parse() == Ok(*value))
            }
            ExprKind::Bool(value) => text(value.to_string()),
            ExprKind::Str(value) => text(quoted(value)),
            ExprKind::Name(name) => text(name),
            ExprKind::Field(base, field) => {
                concat([self.operand(base, Level::Postfix), text("."), text(&field.name)])
            }
            ExprKind::Index(base, indices) => concat([
                self.operand(base, Level::Postfix),
                self.list("[", indices, "]", end, |e| self.expr(e)),
            ]),
            ExprKind::Call(callee, args) => {
                concat([self.operand(callee, Level::Postfix), self.args(args, end)])
            }
            ExprKind::Unary(op, operand) => {
                let sign = if *op == UnaryOp::Neg { "-" } else { "!" };
                concat([text(sign), self.operand(operand, Level::Prefix)])
            }
            ExprKind::Binary(BinaryOp::Pow, a, b) => {
                concat([self.operand(a, Level::Postfix), text("^"), self.operand(b, Level::Prefix)])
            }
            ExprKind::Binary(..) | ExprKind::Pipe(..) | ExprKind::Given(..) => self.chain(expr),
            ExprKind::If(condition, then, otherwise) => {
                let mut parts = vec![text("if "), self.expr(condition), text(" "), self.block(then)];
                if let Some(otherwise) = otherwise {
                    parts.extend([text(" else "), self.expr(otherwise)]);
                }
                concat(parts)
            }
            ExprKind::Match(scrutinee, arms) => {
                let head = concat([text("match "), self.expr(scrutinee), text(" ")]);
                let start = scrutinee.span.end;
                let place = |(pattern, value): &(Pattern, Expr)| pattern_span(pattern).to(value.span);
                let arm = |(pattern, value): &(Pattern, Expr)| {
                    concat([self.pattern(pattern), text(" "), self.after("=>", value)])
                };
                concat([head, self.braces(start, end, arms, place, arm, Separator::Comma)])
            }
            ExprKind::Block(block) => self.block(block),
            ExprKind::Tuple(items) => match items.as_slice() {
                [only] => concat([text("("), self.expr(only), text(",)")]),
                items => self.list("(", items, ")", end, |e| self.expr(e)),
            },
            ExprKind::Array(items) => self.list("[", items, "]", end, |e| self.expr(e)),
            ExprKind::Comprehension { element, index, range } => {
                let opening = self.trailing_comment(element.span.start);
                let mut parts =
                    vec![Doc::SoftLine, self.expr(element), self.trailing_comment(range.span.start)];
                parts.extend([Doc::Line, text(format!("for {} in ", index.name)), self.expr(range)]);
                parts.push(self.trailing_comment(end));
                self.comment_lines(end, &mut Some(range.span.end), &mut parts);
                group([text("["), opening, nest(parts), Doc::SoftLine, text("]")])
            }
            ExprKind::Record { spread, fields } => self.record(expr, spread.as_deref(), fields),
            ExprKind::Range(from, to) => self.range(from.as_deref(), to.as_deref()),
            ExprKind::Lambda(params, body) if params.is_empty() => concat([text("|| "), self.expr(body)]),
            ExprKind::Lambda(params, body) => concat([
                text("|"),
                join(params.iter().map(|param| self.param(param)), &text(", ")),
                text("| "),
                self.expr(body),
            ]),
            ExprKind::Expect(block) => concat([text("expect "), self.block(block)]),
            ExprKind::Replicate(args, block) => {
                let end = self.closer_after(args.last().map(|last| last.value.span)).min(block.span.start);
                concat([text("replicate"), self.args(args, end), text(" "), self.block(block)])
            }
            // Not reached from a text: one with errors is not formatted.
            ExprKind::Error => Doc::Nil,
        }
    }

    /// A number as the user wrote it.
    fn number(&self, expr: &Expr, canonical: String, same: impl Fn(&str) -> bool) -> Doc {
        let written = self.original.as_ref().map_or("", |original| original.at(expr.span));
        let written = written.trim_matches(['(', ')', ' ']);
        if same(written) { text(written) } else { text(canonical) }
    }

    /// `a..b`; in an index the ends may be absent.
    fn range(&self, from: Option<&Expr>, to: Option<&Expr>) -> Doc {
        let end = |end: Option<&Expr>| end.map_or(Doc::Nil, |end| self.operand(end, Level::Sum));
        concat([end(from), text(".."), end(to)])
    }

    pub fn is_in_parentheses(&self, span: Span) -> bool {
        self.original.as_ref().is_some_and(|original| original.in_parentheses(span))
    }

    /// `a + b - c`: operands of one level. Lines break after the operators, before `|>`.
    fn chain(&self, expr: &Expr) -> Doc {
        let level = level(&expr.kind);
        let mut links = vec![];
        let mut first = expr;
        while let Some((operator, a, b)) = infix(&first.kind) {
            links.push((operator, b));
            first = a;
            let nested =
                infix(&a.kind).is_some() && self::level(&a.kind) == level && level != Level::Comparison;
            if !nested || self.is_in_parentheses(a.span) {
                break;
            }
        }
        let at_least = if level == Level::Comparison { level.tighter() } else { level };
        let head = self.operand(first, at_least);
        let is_pipe = level == Level::Pipe;
        let last = links.first().map_or(expr.span, |(_, b)| b.span);
        // Pipes on lines of their own stay there.
        let broken = is_pipe && self.breaks_between(first.span.end, last.start, false);
        let mut tail = vec![];
        for (operator, operand) in links.into_iter().rev() {
            if is_pipe {
                tail.push(self.trailing_comment(operand.span.start));
                self.comment_lines(operand.span.start, &mut None, &mut tail);
                tail.push(if broken { Doc::HardLine } else { Doc::Line });
                tail.extend([text(format!("{operator} ")), self.operand(operand, level.tighter())]);
            } else {
                tail.push(text(format!(" {operator}")));
                tail.push(self.trailing_comment(operand.span.start));
                tail.extend([Doc::Line, self.operand(operand, level.tighter())]);
            }
        }
        group([head, nest(tail)])
    }

    fn record(&self, expr: &Expr, spread: Option<&Expr>, fields: &[Field]) -> Doc {
        // `(n = 128)` and `{n = 128}` are the same record; the user's brackets stay.
        let written = self.original.as_ref().map_or("", |original| original.at(expr.span));
        if spread.is_none() && written.starts_with('(') {
            return self.fields("(", fields, ")", expr.span.end);
        }
        let Some(spread) = spread else { return self.fields("{", fields, "}", expr.span.end) };
        let mut parts = vec![text("{"), text("..."), self.expr(spread)];
        for field in fields {
            parts.extend([text(", "), self.field(field)]);
        }
        parts.push(text("}"));
        concat(parts)
    }

    /// `(a = 1, b = 2)`
    pub fn fields(&self, open: &'static str, fields: &[Field], close: &'static str, end: u32) -> Doc {
        self.list_of(open, fields, close, end, field_span, |field| self.field(field))
    }

    /// `a = 1`
    pub fn field(&self, field: &Field) -> Doc {
        concat([text(&field.name.name), text(" "), self.after("=", &field.value)])
    }

    /// `(a, name = b)`, and nothing else on the lines of an only argument in brackets of its own.
    pub fn args(&self, args: &[Arg], end: u32) -> Doc {
        let place = |arg: &Arg| arg.name.as_ref().map_or(arg.value.span, |name| name.span.to(arg.value.span));
        let write = |arg: &Arg| match &arg.name {
            Some(name) => concat([text(&name.name), text(" "), self.after("=", &arg.value)]),
            None => self.expr(&arg.value),
        };
        match args {
            [only] if has_brackets(only) && !self.has_comment(only.value.span.start) => {
                let only = write(only);
                if !self.has_comment(end) {
                    return concat([text("("), only, text(")")]);
                }
                group([
                    text("("),
                    nest([Doc::SoftLine, only]),
                    self.inline_comments(end),
                    Doc::SoftLine,
                    text(")"),
                ])
            }
            _ => self.list_of("(", args, ")", end, place, write),
        }
    }

    /// Expressions in brackets.
    pub fn list(
        &self,
        open: &'static str,
        items: &[Expr],
        close: &'static str,
        end: u32,
        write: impl Fn(&Expr) -> Doc,
    ) -> Doc {
        self.list_of(open, items, close, end, |e| e.span, write)
    }

    /// A list in brackets, on one line or with one entry per line.
    pub fn list_of<T>(
        &self,
        open: &'static str,
        items: &[T],
        close: &'static str,
        end: u32,
        place: impl Fn(&T) -> Span,
        write: impl Fn(&T) -> Doc,
    ) -> Doc {
        let first = items.first().map_or(end, |item| place(item).start);
        if items.is_empty() && !self.has_comment(end) {
            return concat([text(open), text(close)]);
        }
        let comment = self.trailing_comment(first);
        let content = self.lines(items, place, write, end, Separator::Comma);
        group([text(open), comment, nest([Doc::SoftLine, content]), Doc::SoftLine, text(close)])
    }

    pub fn pattern(&self, pattern: &Pattern) -> Doc {
        match pattern {
            Pattern::Name(name) => text(&name.name),
            Pattern::Wildcard(_) => text("_"),
            Pattern::Tuple(parts, _) => {
                let parts = join(parts.iter().map(|part| self.pattern(part)), &text(", "));
                concat([text("("), parts, text(")")])
            }
            Pattern::Literal(literal) => self.expr(literal),
        }
    }

    pub fn param(&self, param: &Param) -> Doc {
        let mut parts = vec![text(&param.name.name)];
        if let Some(ty) = &param.ty {
            parts.extend([text(": "), self.ty(ty)]);
        }
        if let Some(default) = &param.default {
            parts.extend([text(" "), self.after("=", default)]);
        }
        concat(parts)
    }

    pub fn ty(&self, ty: &Type) -> Doc {
        let written = self.bare_type(ty);
        concat([written, self.comments_left(ty.span.end)])
    }

    fn bare_type(&self, ty: &Type) -> Doc {
        match &ty.kind {
            TypeKind::Named { name, args, dims, from } => {
                let list = |open, exprs: &[Expr], close| {
                    let end = self.closer_after(exprs.last().map(|last| last.span));
                    self.list(open, exprs, close, end, |e| self.expr(e))
                };
                let mut parts = vec![text(&name.name)];
                if !args.is_empty() {
                    parts.push(list("(", args, ")"));
                }
                parts.extend(dims.iter().map(|group| list("[", group, "]")));
                if let Some(from) = from {
                    parts.extend([text(" from "), self.operand(from, Level::Sum)]);
                }
                concat(parts)
            }
            TypeKind::Tuple(types) => {
                let comma = if types.len() == 1 { "," } else { "" };
                let types = join(types.iter().map(|ty| self.ty(ty)), &text(", "));
                concat([text("("), types, text(comma), text(")")])
            }
            TypeKind::Record(fields) => {
                let one = |(name, ty): &(Ident, Type)| concat([text(&name.name), text(": "), self.ty(ty)]);
                concat([text("{"), join(fields.iter().map(one), &text(", ")), text("}")])
            }
        }
    }
}

pub fn field_span(field: &Field) -> Span {
    field.name.span.to(field.value.span)
}

pub fn pattern_span(pattern: &Pattern) -> Span {
    match pattern {
        Pattern::Name(name) => name.span,
        Pattern::Wildcard(span) | Pattern::Tuple(_, span) => *span,
        Pattern::Literal(literal) => literal.span,
    }
}

/// Arguments that open lines of their own, so that the call needs no more indentation.
fn has_brackets(arg: &Arg) -> bool {
    matches!(
        arg.value.kind,
        ExprKind::Array(_) | ExprKind::Comprehension { .. } | ExprKind::Block(_) | ExprKind::Expect(_)
    )
}

/// A string literal.
pub fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
