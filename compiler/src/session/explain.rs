//! `vary explain FILE [NAME]`: a fit's gradient estimator as the papers write it, in the words of the program.
//!
//! Four parts, as the transformations follow one another: the objective, what `sim` draws, what `density` adds up,
//! and for every site the rule of `adev` with its local continuation k. Sites and terms are quoted from the source.
//! Needs no data.

use super::minibatch::Plate;
use super::settings::Resolved;
use super::{Options, Session};
use crate::elaborate::{Bound, Fit, Lowered, Objective, Reported, base_of};
use std::collections::HashMap;
use std::fmt::Write;
use vary_core::axis::Role;
use vary_core::generative::{Marginaliser, ProgramExpr, SiteSpec};
use vary_core::ir::{Monoid, Op, Program, Sample, Var};
use vary_core::prim::Prim;
use vary_core::transform::adev::estimator::RULES;
use vary_core::transform::adev::{OBJECTIVE, strategy, strategy::Chosen};
use vary_core::transform::dependence::{Dependence, Link, Through};
use vary_diagnostic::Span;
use vary_syntax::ast::{Expr, ExprKind, ItemKind};

/// Where the line of a quotation is put.
const MARGIN: usize = 72;

impl Session {
    /// The estimator of the fit of this name (or of the only one).
    pub fn explain(&mut self, name: Option<&str>) -> Lowered<String> {
        let fit = self.find_fit(name, &Options::default())?;
        let settings = self.choose_settings(&fit, &Options::default())?;
        let plates = self.plates(&fit, &settings)?;
        let parts: Lowered<Vec<String>> = (0..fit.objectives.len())
            .map(|at| self.objective_and_estimator(&fit, at, &settings, &plates))
            .collect();
        Ok(parts?.join("\n\n"))
    }

    /// One of the fit's objectives with its estimator.
    fn objective_and_estimator(
        &mut self,
        fit: &Fit,
        at: usize,
        settings: &Resolved,
        plates: &[Plate],
    ) -> Lowered<String> {
        let objective = &self.over_batches(&fit.objectives[at], plates)?;
        let choice = strategy::choose(&objective.program, settings.samples).map_err(|all| {
            all.into_iter().for_each(|d| self.unit.report(d));
            Reported
        })?;
        let mut text = self.objective_explained(fit, at);
        if let Some((name, guide)) = &objective.guide {
            let _ = writeln!(text, "\nsim{{{name}}} draws t; its log weight is {}", weight(guide));
            text += &self.sites(&base_of(guide).latents, "");
        }
        if let Some((name, model)) = &objective.model {
            let _ = writeln!(text, "\ndensity{{{name}}} is {}", density(model));
            text += &self.sites(&base_of(model).latents, "log ");
            text += &self.sites(&base_of(model).observed, "log ");
        }
        for plate in plates {
            let _ = write!(text, "\nsubsampled: {}\n", plate.describe());
            text += "  l̂ = g + N/B · Σ l_i over the B rows taken of N, every row once in an epoch; E[l̂] = g + Σ l_i = l\n";
        }
        text += "\nadev: (l, l′) with E[l] = L(θ) and E[l′] = dL(θ)·θ′; k is the local continuation, the terms that\n\
                 depend on the site\n";
        let result = objective.program.results.iter().find(|result| result.name == OBJECTIVE);
        let samples: HashMap<&str, &Sample> =
            strategy::sites(&objective.program).into_iter().map(|s| (&*s.site.occurrence, s)).collect();
        let mut explained: Vec<String> = Vec::new();
        for site in &choice.sites {
            let mut part = format!("\n  {}: {} ({})", site.address, site.chosen.name(), site.reason);
            part = self.placed(&part, site.span);
            for line in site.chosen.formula() {
                let _ = writeln!(part, "      {line}");
            }
            if let (Some(sample), Some(result)) = (samples.get(&*site.occurrence), result)
                && site.chosen != Chosen::Rigid
            {
                part += &self.continuation(&objective.program, result.var, sample);
            }
            if let Some(control) = site.control {
                let span = objective.program.vars[control.0 as usize].span;
                let of_others =
                    format!("      b: {} of the other copies", one_line(self.unit.sources.text(span)));
                part += &self.placed(&of_others, span);
            }
            // A program that is simulated twice has every site twice.
            if !explained.contains(&part) {
                explained.push(part);
            }
        }
        text += &explained.concat();
        if settings.antithetic {
            text += "\neach draw is the mean of two: symmetric noise is mirrored in the second, other noise drawn anew\n";
        }
        text += &self.assumptions(objective, &choice);
        Ok(text)
    }

    /// What is asked for, and the program of the objective it calls.
    fn objective_explained(&mut self, fit: &Fit, at: usize) -> String {
        let objective = &fit.objectives[at];
        let sense = if objective.maximize { "maximize" } else { "minimize" };
        let bound = match objective.bound {
            Bound::Lower => ", a lower bound of the log evidence",
            Bound::Upper => ", an upper bound of the log evidence",
            Bound::None => "",
        };
        let asked = self.unit.fits().into_iter().find(|(_, _, span)| *span == fit.span);
        let asked = asked.and_then(|(_, decl, _)| decl.objectives.get(at).map(|o| o.objective.clone()));
        let written = match &asked {
            Some(expr) => self.unit.sources.text(expr.span).to_string(),
            None => objective.name.clone(),
        };
        let moved = objective.params.iter().filter(|param| objective.moves.contains(&param.name));
        let parameters: Vec<&str> = moved.map(|param| param.name.as_str()).collect();
        let mut text = format!("{sense} {written}{bound}\n");
        let _ = writeln!(text, "L(θ) = E[l], θ = ({})", parameters.join(", "));
        if let Some(expr) = &asked
            && let Some((docs, parameters, body)) = self.called(expr)
        {
            text.push('\n');
            docs.iter().for_each(|line| text.push_str(&format!("  // {}\n", line.trim())));
            let _ = writeln!(text, "  {}({}) = {}", objective.name, parameters, dedented(&body));
        }
        text
    }

    /// The documentation, parameters and body of the objective that an expression calls.
    fn called(&mut self, expr: &Expr) -> Option<(Vec<String>, String, String)> {
        let ExprKind::Call(callee, _) = &expr.kind else { return None };
        let ExprKind::Name(name) = &callee.kind else { return None };
        let declared = self.unit.find(name)?;
        let ItemKind::Objective(decl) = &declared.item.kind else { return None };
        let names: Vec<&str> = decl.params.iter().map(|param| param.name.name.as_str()).collect();
        let body = self.unit.sources.text(decl.body.span).to_string();
        Some((declared.item.docs.clone(), names.join(", "), body))
    }

    /// Sites as they are written, each with its line.
    fn sites(&self, sites: &[SiteSpec], before: &str) -> String {
        let line = |site: &SiteSpec| {
            let written = self.unit.sources.text(site.span);
            let shown = match before {
                "" => plain(written),
                _ => log_density(written).unwrap_or_else(|| format!("{before}{}", site.dist)),
            };
            self.placed(&format!("  {shown}"), site.span)
        };
        sites.iter().map(line).collect()
    }

    /// The terms of a site's local continuation.
    fn continuation(&self, program: &Program, result: Var, sample: &Sample) -> String {
        let dependence = Dependence::on(program, sample, Through::Samples);
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for (var, negative) in self.summands(program, result, &dependence) {
            let Some(links) = dependence.of(var) else { continue };
            let how = rows(program, &dependence, links);
            let span = program.vars[var.0 as usize].span;
            let quoted = self.unit.sources.text(span);
            let shown = log_density(quoted).unwrap_or_else(|| one_line(quoted));
            let sign = if negative { "−" } else { "+" };
            let line = self.placed(&format!("        {sign} {shown}"), span);
            match groups.iter_mut().find(|(known, _)| *known == how) {
                Some((_, lines)) if lines.contains(&line) => {}
                Some((_, lines)) => lines.push(line),
                None => groups.push((how, vec![line])),
            }
        }
        if groups.is_empty() {
            return "      k: nothing depends on it\n".to_string();
        }
        groups.iter().map(|(how, lines)| format!("      k{how}:\n{}", lines.concat())).collect()
    }

    /// What a result is the sum of, down to densities of sites and to what is not a sum; `true`: subtracted.
    fn summands(&self, program: &Program, result: Var, on: &Dependence) -> Vec<(Var, bool)> {
        let definitions = program.definitions();
        let free = |var: Var| on.of(var).is_none();
        let mut found = Vec::new();
        let mut open = vec![(result, false)];
        while let Some((var, negative)) = open.pop() {
            let quoted = self.unit.sources.text(program.vars[var.0 as usize].span);
            let op = definitions[var.0 as usize].filter(|_| log_density(quoted).is_none());
            match op {
                Some(Op::Prim(Prim::Add, args)) => open.extend([(args[1], negative), (args[0], negative)]),
                Some(Op::Prim(Prim::Sub, args)) => open.extend([(args[1], !negative), (args[0], negative)]),
                Some(Op::Prim(Prim::Neg, args)) => open.push((args[0], !negative)),
                Some(Op::Prim(Prim::Mul, args)) if free(args[0]) => open.push((args[1], negative)),
                Some(Op::Prim(Prim::Mul | Prim::Div, args)) if free(args[1]) => {
                    open.push((args[0], negative))
                }
                Some(Op::Reduce(Monoid::Sum, _, x) | Op::Rename(_, x)) => open.push((*x, negative)),
                _ => found.push((var, negative)),
            }
        }
        found
    }

    fn assumptions(&self, objective: &Objective, choice: &strategy::Choice) -> String {
        let mut notes: Vec<String> = Vec::new();
        for note in &choice.notes {
            notes.push(self.placed(&format!("  {}", note.text), note.span));
        }
        for span in &objective.detaches {
            notes.push(self.placed("  a derivative is cut", *span));
        }
        let mut bias = objective.bias.clone();
        bias.extend(choice.sites.iter().filter_map(strategy::SiteReport::bias));
        notes.extend(bias.iter().map(|text| format!("  {text}\n")));
        notes.sort();
        notes.dedup();
        let proven = objective.detaches.is_empty();
        let verdict = match (proven, notes.is_empty()) {
            _ if !bias.is_empty() => "\nbiased\n",
            (true, true) => "\nunbiased, given integrability\n",
            (true, false) => "\nunbiased, given integrability, above all of\n",
            (false, _) => "\nnot proven unbiased\n",
        };
        format!("{verdict}{}", notes.concat())
    }

    /// A text with the line of the user's file that it comes from, as a line.
    fn placed(&self, text: &str, span: Span) -> String {
        if span.source != self.source {
            return format!("{text}\n");
        }
        let width = text.lines().last().map_or(0, |line| line.chars().count());
        let gap = MARGIN.saturating_sub(width).max(2);
        format!("{text}{}line {}\n", " ".repeat(gap), self.unit.sources.line_column(span).0)
    }
}

/// How a term reads the rows of a site.
fn rows(program: &Program, dependence: &Dependence, links: &[Link]) -> String {
    let names = |wanted: &dyn Fn(&Link) -> bool| {
        let rows = dependence.rows().iter().zip(links).filter(|(_, link)| wanted(link));
        let rows = rows.map(|(axis, _)| program.axes.info(program.axes.whole(*axis)));
        let rows = rows.filter(|info| info.role == Role::Index);
        rows.map(|info| info.name.clone()).collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    let aligned = names(&|link| *link == Link::Aligned);
    if !aligned.is_empty() {
        let _ = write!(text, ", row by row over {aligned}");
    }
    let causal = names(&|link| matches!(link, Link::Causal { .. }));
    if !causal.is_empty() {
        let _ = write!(text, ", from the step on over {causal}");
    }
    text
}

fn weight(guide: &ProgramExpr) -> &'static str {
    match guide {
        ProgramExpr::Marginal { using: Marginaliser::Importance { .. }, .. } => {
            "an estimate q̂ by importance sampling, E[1/q̂ | t] = 1/q(t); of the program on"
        }
        ProgramExpr::Marginal { using: Marginaliser::Enumerate, .. } => {
            "that of the marginal, summed exactly, of"
        }
        _ => "the sum of their log densities",
    }
}

fn density(model: &ProgramExpr) -> &'static str {
    match model {
        ProgramExpr::Marginal { using: Marginaliser::Importance { .. }, .. } => {
            "log of an estimate p̂ by importance sampling, E[p̂] = p(t), of the exponential of the sum of"
        }
        ProgramExpr::Marginal { using: Marginaliser::Enumerate, .. } => {
            "the log of the sum, over what is not kept, of the exponential of the sum of"
        }
        _ => "the sum of",
    }
}

/// `x ~ normal.reparam(m, s)` as `x ~ normal(m, s)`: without the strategy and what belongs to it.
fn plain(written: &str) -> String {
    let written = one_line(written);
    let Some((left, right)) = written.split_once('~') else { return written };
    let Some((name, args)) = right.split_once('(') else { return written };
    let name = name.trim();
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    format!("{} ~ {name}({}", left.trim(), without_settings(args))
}

/// The log density that a site stands for; `None` where the text is no site.
fn log_density(written: &str) -> Option<String> {
    let plain = plain(written);
    let (left, right) = plain.split_once(" ~ ")?;
    let left = left.strip_prefix("latent ").unwrap_or(left);
    let (name, args) = right.split_once('(')?;
    let separator = if args == ")" { "" } else { "; " };
    Some(format!("log {name}({left}{separator}{args}"))
}

fn without_settings(args: &str) -> String {
    let settings = RULES.iter().flat_map(|rule| rule.settings()).map(|(name, _)| format!(", {name} ="));
    match settings.filter_map(|setting| args.find(&setting)).min() {
        Some(at) => format!("{})", &args[..at]),
        None => args.to_string(),
    }
}

fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("( ", "(").replace(", )", ")")
}

/// A block as it stands, its lines after the first indented alike.
fn dedented(body: &str) -> String {
    let least = body.lines().skip(1).filter(|line| !line.trim().is_empty());
    let least = least.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines = body.lines().enumerate().map(|(at, line)| match at {
        0 => line.to_string(),
        _ => format!("  {}", line.get(least..).unwrap_or("")),
    });
    lines.collect::<Vec<_>>().join("\n")
}
