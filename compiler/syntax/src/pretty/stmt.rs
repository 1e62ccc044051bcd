//! Blocks and statements.

use super::doc::{Doc, concat, group, nest, text};
use super::{Separator, Writer};
use crate::ast::*;
use vary_diagnostic::Span;

impl Writer<'_> {
    /// A block, on one line if it is on one line in the source and short enough.
    pub fn block(&self, block: &Block) -> Doc {
        let Span { start, end, .. } = block.span;
        self.braces(start, end, &block.stmts, |stmt| stmt.span, |stmt| self.stmt(stmt), Separator::Line)
    }

    /// Entries in braces.
    pub fn braces<T>(
        &self,
        start: u32,
        end: u32,
        entries: &[T],
        place: impl Fn(&T) -> Span,
        write: impl Fn(&T) -> Doc,
        separator: Separator,
    ) -> Doc {
        let first = entries.first().map_or(end, |entry| place(entry).start);
        if entries.is_empty() && !self.has_comment(end) {
            return text("{}");
        }
        let broken = self.breaks_between(start, end, true);
        let comment = self.trailing_comment(first);
        let content = self.lines(entries, place, write, end, separator);
        let line = if broken { Doc::HardLine } else { Doc::Line };
        group([text("{"), comment, nest([line, content]), Doc::Line, text("}")])
    }

    pub fn stmt(&self, stmt: &Stmt) -> Doc {
        match &stmt.kind {
            StmtKind::Let(stmt) => self.let_stmt(stmt),
            StmtKind::Param(decl) => self.param_decl(decl),
            StmtKind::Sample(site) => {
                let latent = if site.latent { "latent " } else { "" };
                let mut parts = vec![text(latent), text(&site.name.name)];
                if !site.indices.is_empty() {
                    let end = self.closer_after(site.indices.last().map(|last| last.span));
                    parts.push(self.list("[", &site.indices, "]", end, |e| self.expr(e)));
                }
                parts.extend([text(" "), self.after("~", &site.dist)]);
                concat(parts)
            }
            StmtKind::Report { name, value } => {
                let head = concat([text("report "), text(&name.name)]);
                match value {
                    Some(value) => concat([head, text(" "), self.after("=", value)]),
                    None => head,
                }
            }
            StmtKind::Plate { index, range, body } => concat([
                text(format!("plate {} in ", index.name)),
                self.expr(range),
                text(" "),
                self.block(body),
            ]),
            StmtKind::Loop { is_for, index, range, carries, while_, body } => {
                let word = if *is_for { "for" } else { "scan" };
                let mut parts = vec![text(format!("{word} {} in ", index.name)), self.expr(range)];
                if let Some(last) = carries.last() {
                    let end = self.closer_after(Some(last.value.span));
                    parts.extend([text(" with "), self.fields("(", carries, ")", end)]);
                }
                if let Some(condition) = while_ {
                    parts.extend([text(" while "), self.expr(condition)]);
                }
                parts.extend([text(" "), self.block(body)]);
                concat(parts)
            }
            StmtKind::Next { name, value } => {
                concat([text(format!("next {} ", name.name)), self.after("=", value)])
            }
            // A line that begins with `|` would go on with the line before.
            StmtKind::Expr(expr)
                if matches!(expr.kind, ExprKind::Lambda(..)) && !self.is_in_parentheses(expr.span) =>
            {
                concat([text("("), self.expr(expr), text(")")])
            }
            StmtKind::Expr(expr) => self.expr(expr),
            // Not reached from a text: one with errors is not formatted.
            StmtKind::Error => Doc::Nil,
        }
    }

    pub fn let_stmt(&self, stmt: &LetStmt) -> Doc {
        let mut parts = vec![text("let "), self.pattern(&stmt.pattern)];
        if let Some(ty) = &stmt.ty {
            parts.extend([text(": "), self.ty(ty)]);
        }
        parts.extend([text(" "), self.after("=", &stmt.value)]);
        concat(parts)
    }

    pub fn param_decl(&self, decl: &ParamDecl) -> Doc {
        let mut parts = vec![text(format!("param {}: ", decl.name.name)), self.ty(&decl.ty)];
        if let Some(init) = &decl.init {
            parts.extend([text(" "), self.after("=", init)]);
        }
        concat(parts)
    }
}
