//! Declarations.

use super::doc::{Doc, concat, group, join, nest, text};
use super::expr::{field_span, pattern_span, quoted};
use super::{Separator, Writer};
use crate::ast::*;
use vary_diagnostic::Span;

impl Writer<'_> {
    /// All declarations; `end` is the length of the source.
    pub fn file(&self, file: &File, end: usize) -> Doc {
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        let items = self.lines(&file.items, |item| item.span, |item| self.item(item), end, Separator::Line);
        concat([items, Doc::HardLine])
    }

    fn item(&self, item: &Item) -> Doc {
        let mut parts = vec![];
        for line in &item.docs {
            parts.extend([text(format!("/// {line}").trim_end()), Doc::HardLine]);
        }
        if !item.attributes.is_empty() {
            let attributes = item.attributes.iter().map(|attribute| self.attribute(attribute));
            parts.push(group([join(attributes, &Doc::Line)]));
            let head = head_end(item);
            parts.push(self.trailing_comment(head));
            parts.push(Doc::HardLine);
            parts.push(self.inline_comments(head));
        }
        parts.push(self.declaration(&item.kind, item.span));
        concat(parts)
    }

    fn attribute(&self, attribute: &Attribute) -> Doc {
        let name = text(format!("@{}", attribute.name.name));
        match attribute.args.last() {
            Some(last) => {
                concat([name, self.args(&attribute.args, self.closer_after(Some(last.value.span)))])
            }
            None => name,
        }
    }

    fn declaration(&self, kind: &ItemKind, span: Span) -> Doc {
        match kind {
            ItemKind::Import(file) => text(format!("import {}", quoted(&file.value))),
            ItemKind::DataFrom(file) => text(format!("data from {}", quoted(&file.value))),
            ItemKind::Data(DataDecl { name, ty, default }) => {
                let mut parts = vec![text(format!("data {}: ", name.name)), self.ty(ty)];
                if let Some(default) = default {
                    parts.extend([text(" "), self.after("=", default)]);
                }
                concat(parts)
            }
            ItemKind::Param(decl) => self.param_decl(decl),
            ItemKind::Let(stmt) => self.let_stmt(stmt),
            ItemKind::Fn(decl) => self.fn_decl("fn", decl),
            ItemKind::Net(decl) => self.fn_decl("net", decl),
            ItemKind::Objective(decl) => self.fn_decl("objective", decl),
            ItemKind::Model(decl) => self.program("model", decl),
            ItemKind::Guide(decl) => self.program("guide", decl),
            ItemKind::Distribution(decl) => self.distribution(decl, span),
            ItemKind::Fit(decl) => self.fit(decl, span),
            ItemKind::Predict(body) => concat([text("predict "), self.block(body)]),
            ItemKind::Stmt(stmt) => self.stmt(stmt),
            // Not reached from a text: one with errors is not formatted.
            ItemKind::Error => Doc::Nil,
        }
    }

    /// Parameters in parentheses before `end`.
    fn params(&self, params: &[Param], end: u32) -> Doc {
        let end = params.last().map_or(end, |last| self.closer_after(Some(param_span(last))));
        self.list_of("(", params, ")", end, param_span, |param| self.param(param))
    }

    fn fn_decl(&self, word: &str, decl: &FnDecl) -> Doc {
        let end = decl.result.as_ref().map_or(decl.body.span.start, |ty| ty.span.start);
        let mut parts = vec![text(format!("{word} {}", decl.name.name)), self.params(&decl.params, end)];
        if let Some(result) = &decl.result {
            parts.extend([text(" -> "), self.ty(result)]);
        }
        parts.push(text(" "));
        parts.push(match &decl.body.kind {
            ExprKind::Block(_) if !self.is_in_parentheses(decl.body.span) => self.expr(&decl.body),
            _ => self.after("=", &decl.body),
        });
        concat(parts)
    }

    fn program(&self, word: &str, decl: &ProgramDecl) -> Doc {
        let mut parts = vec![text(format!("{word} {}", decl.name.name))];
        if !decl.params.is_empty() {
            let end = decl.result.as_ref().map_or(decl.body.span.start, |ty| ty.span.start);
            parts.push(self.params(&decl.params, end));
        }
        if let Some(result) = &decl.result {
            parts.extend([text(" -> "), self.ty(result)]);
        }
        parts.extend([text(" "), self.block(&decl.body)]);
        concat(parts)
    }

    fn distribution(&self, decl: &DistributionDecl, span: Span) -> Doc {
        let support = decl.support.span;
        concat([
            text(format!("distribution {}", decl.name.name)),
            self.params(&decl.params, support.start),
            text(" on "),
            self.ty(&decl.support),
            text(" "),
            self.braces(
                support.end,
                span.end,
                &decl.clauses,
                clause_span,
                |clause| self.clause(clause),
                Separator::Line,
            ),
        ])
    }

    fn clause(&self, clause: &DistributionClause) -> Doc {
        match clause {
            DistributionClause::Function { name, params, body } => concat([
                text(&name.name),
                self.params(params, body.span.start),
                text(" "),
                self.after("=", body),
            ]),
            DistributionClause::From { name, params, draws, body } => {
                let some = |open, exprs: &[Expr], close| match exprs.last() {
                    Some(last) => {
                        let end = self.closer_after(Some(last.span));
                        self.list(open, exprs, close, end, |e| self.expr(e))
                    }
                    None => text(""),
                };
                let one = |draw: &BaseDraw| {
                    let head = text(format!("{}: {}", draw.name.name, draw.base.name));
                    concat([head, some("(", &draw.operands, ")"), some("[", &draw.dims, "]")])
                };
                let draws = join(draws.iter().map(one), &text(", "));
                let params = params.as_ref().map_or(text(""), |params| self.params(params, body.span.start));
                concat([text(&name.name), params, text(" from "), draws, text(" "), self.after("=", body)])
            }
            DistributionClause::Property { name, value: Some(value) } => {
                concat([text(&name.name), text(" "), self.after("=", value)])
            }
            DistributionClause::Property { name, value: None } => text(&name.name),
        }
    }

    fn fit(&self, decl: &FitDecl, span: Span) -> Doc {
        let mut parts = vec![text("fit")];
        if let Some(name) = &decl.name {
            parts.push(text(format!(" {}", name.name)));
        }
        let start = decl.name.as_ref().map_or(span.start, |name| name.span.end);
        let first = decl.settings.first().map(|first| first.name.span.start);
        // Where the braces of the settings open.
        let settings = match (first, &self.original) {
            (Some(first), Some(original)) => original.brace_before(first).unwrap_or(first),
            _ => span.end,
        };
        match decl.objectives.as_slice() {
            [only] => parts.extend([text(": "), self.fit_objective(only)]),
            objectives => {
                let write = |objective: &FitObjective| self.fit_objective(objective);
                parts.push(text(" "));
                parts.push(self.braces(start, settings, objectives, |o| o.span, write, Separator::Line));
            }
        }
        if !decl.settings.is_empty() {
            parts.extend([text(" "), self.settings(&decl.settings, settings, span.end)]);
        }
        concat(parts)
    }

    fn fit_objective(&self, objective: &FitObjective) -> Doc {
        let sense = if objective.maximize { "maximize " } else { "minimize " };
        let mut parts = vec![text(sense), self.expr(&objective.objective)];
        if let Some(over) = &objective.over {
            parts.extend([text(" over "), self.expr(over)]);
        }
        concat(parts)
    }

    /// Settings on lines of their own, or together on one line if they are on one in the source.
    fn settings(&self, settings: &[Field], start: u32, end: u32) -> Doc {
        let first = settings.first().map_or(end, |first| first.name.span.start);
        let last = settings.last().map_or(start, |last| last.value.span.end);
        let field = |field: &Field| self.field(field);
        let on_lines = |pair: &[Field]| match pair {
            [a, b] => self.breaks_between(a.value.span.end, b.name.span.start, true),
            _ => false,
        };
        if settings.windows(2).any(on_lines) {
            return self.braces(start, end, settings, field_span, field, Separator::Comma);
        }
        let line = if self.breaks_between(start, first, true) { Doc::HardLine } else { Doc::Line };
        let comment = self.trailing_comment(first);
        let content = group([self.lines(settings, field_span, field, last, Separator::Comma)]);
        let mut after = vec![self.trailing_comment(end)];
        self.comment_lines(end, &mut Some(last), &mut after);
        group([text("{"), comment, nest([line, content, concat(after)]), Doc::Line, text("}")])
    }
}

/// Where the first part after the keyword of a declaration begins.
fn head_end(item: &Item) -> u32 {
    if let Some(name) = item.kind.name() {
        return name.span.start;
    }
    match &item.kind {
        ItemKind::Import(file) | ItemKind::DataFrom(file) => file.span.start,
        ItemKind::Let(stmt) => pattern_span(&stmt.pattern).start,
        ItemKind::Fit(decl) => decl.objectives.first().map_or(item.span.end, |o| o.span.start),
        ItemKind::Predict(body) => body.span.start,
        _ => item.span.start,
    }
}

fn param_span(param: &Param) -> Span {
    let span = param.ty.as_ref().map_or(param.name.span, |ty| param.name.span.to(ty.span));
    param.default.as_ref().map_or(span, |default| span.to(default.span))
}

fn clause_span(clause: &DistributionClause) -> Span {
    match clause {
        DistributionClause::Function { name, body, .. } | DistributionClause::From { name, body, .. } => {
            name.span.to(body.span)
        }
        DistributionClause::Property { name, value } => {
            value.as_ref().map_or(name.span, |value| name.span.to(value.span))
        }
    }
}
