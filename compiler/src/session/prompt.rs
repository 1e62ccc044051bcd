//! What a prompt does with a session: entries are added, expressions computed, programs drawn from
//! and scored.

use super::constraint::unconstrain;
use super::estimator::{self, Data, Moment, Setup};
use super::show::{self, Digits};
use super::{Import, Options, Session};
use crate::elaborate::{Form, Lowered, Prompted, Reported};
use ndarray::ArrayD;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vary_core::axis::Role;
use vary_core::ir::{InputKind, Op, Program, Stmt as CoreStmt};
use vary_core::visit;
use vary_diagnostic::{Code, Diagnostic, SourceId, Span};
use vary_runtime::data::Values;
use vary_runtime::fit::MonteCarlo;
use vary_runtime::float::Width;
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind, Stmt};

/// Draws that a random number is averaged over.
const DRAWS: usize = 1000;

/// Values of parameters on their own scale, by full name.
pub type Fitted = BTreeMap<String, ArrayD<f64>>;

/// What is known when something is computed.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The data that has values.
    pub values: &'a Values,
    /// Parameters that were fitted; others have their starting values.
    pub fitted: &'a Fitted,
    /// Seed of all randomness.
    pub seed: u64,
}

/// What an entry holds.
pub struct Entered {
    /// Its text.
    pub source: SourceId,
    /// Its statements and expressions; declarations were added to the session.
    pub stmts: Vec<Stmt>,
    /// The data that it declares, unless it has neither such nor a file of data.
    pub data: Option<Vec<String>>,
}

/// A value for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// As the language writes it.
    pub text: String,
    /// Its type.
    pub ty: String,
}

impl Session {
    /// Adds what is declared in an entry, replacing declarations of the same names. Findings are in the unit.
    pub fn enter(&mut self, title: &str, text: &str, import: Import) -> Entered {
        let source = self.unit.sources.add(title, text);
        let mut parsed = match vary_syntax::parse_repl(source, text) {
            vary_syntax::ReplParse::Complete(parsed) => parsed,
            // The entry ends too early, which a file may not do either.
            vary_syntax::ReplParse::Incomplete => vary_syntax::parse_file(source, text),
        };
        let (mut stmts, mut data) = (Vec::new(), None);
        parsed.file.items.retain(|item| {
            match &item.kind {
                ItemKind::Stmt(stmt) => stmts.push(stmt.clone()),
                ItemKind::Data(decl) => data.get_or_insert_with(Vec::new).push(decl.name.name.clone()),
                ItemKind::DataFrom(_) => _ = data.get_or_insert_with(Vec::new),
                _ => {}
            }
            !matches!(item.kind, ItemKind::Stmt(_))
        });
        self.include(parsed, import, &mut BTreeSet::new(), true);
        Entered { source, stmts, data }
    }

    /// A line on each declaration of a source, with everything that is wrong with it reported.
    pub fn describe(&mut self, source: SourceId) -> Vec<String> {
        let declared: Vec<_> =
            self.unit.order.iter().filter(|declared| declared.item.span.source == source).cloned().collect();
        declared.iter().filter_map(|declared| self.describe_item(&declared.item).ok().flatten()).collect()
    }

    fn describe_item(&mut self, item: &ast::Item) -> Lowered<Option<String>> {
        let header = |this: &Self| Some(this.header(item.span));
        Ok(match &item.kind {
            ItemKind::Data(data) => {
                self.unit.check_data(data)?;
                header(self)
            }
            ItemKind::Param(_) => {
                self.unit.check_parameters()?;
                header(self)
            }
            ItemKind::Let(binding) => {
                let ty = self.unit.value_type(&binding.value)?;
                let bound = crate::elaborate::unit::declared_names(item);
                let names: Vec<&str> = bound.iter().map(|name| name.name.as_str()).collect();
                Some(match names.as_slice() {
                    [name] => format!("{name}: {ty}"),
                    names => format!("({}): {ty}", names.join(", ")),
                })
            }
            ItemKind::Fn(function) => {
                self.unit.check_function(function)?;
                header(self)
            }
            ItemKind::Model(program) | ItemKind::Guide(program) => {
                let program = self.unit.program(&program.name.name)?;
                Some(self.program(&program))
            }
            ItemKind::Distribution(distribution) => {
                self.unit.check_distribution(&distribution.name.name)?;
                header(self)
            }
            ItemKind::Fit(fit) => {
                let fit = self.unit.fit(fit, item.span)?;
                self.choose_settings(&fit, &Options::default())?;
                header(self)
            }
            ItemKind::Objective(_) | ItemKind::Net(_) => header(self),
            ItemKind::Import(_)
            | ItemKind::DataFrom(_)
            | ItemKind::Predict(_)
            | ItemKind::Stmt(_)
            | ItemKind::Error => None,
        })
    }

    /// A declaration without its value or body: `fn f(x: real = 0) -> real`.
    fn header(&self, span: Span) -> String {
        let text = self.unit.sources.text(span);
        let declaration = text.lines().find(|line| !line.trim_start().starts_with(['@', '/'])).unwrap_or("");
        let mut depth = 0i32;
        let end = declaration.char_indices().find_map(|(at, c)| {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, '=' | '{')).then_some(at)
        });
        declaration[..end.unwrap_or(declaration.len())].trim_end().to_string()
    }

    /// What a name stands for, or the type of an expression.
    pub fn type_of(&mut self, expr: &Expr, values: &Values) -> Lowered<String> {
        self.bind(values);
        if let ExprKind::Name(name) = &expr.kind
            && let Some(declared) = self.unit.find(name)
            && let Some(text) = self.describe_item(&declared.item)?
        {
            return Ok(text);
        }
        self.unit.prompted(expr).map(|prompted| prompted.form.ty())
    }

    /// The value of an expression. A random number is averaged; a distribution and whatever else is random
    /// are drawn from once.
    pub fn value_of(&mut self, expr: &Expr, known: &Known) -> Lowered<Shown> {
        self.bind(known.values);
        let distribution = self.unit.is_distribution(expr);
        let prompted = if distribution { self.unit.drawn(expr)? } else { self.unit.prompted(expr)? };
        let ty = prompted.form.ty();
        let averaged = match &prompted.form {
            Form::Array { random, dims, .. } => *random && dims.is_empty() && !distribution,
            _ => false,
        };
        if !averaged {
            let results = self.run(&prompted, 1, known, expr.span)?;
            let digits = if distribution { Digits::Six } else { Digits::All };
            return Ok(Shown { text: show::value(&prompted.form, &results, 0, digits), ty });
        }
        let results = self.run(&prompted, DRAWS, known, expr.span)?;
        let draws: Vec<f64> = results.iter().flatten().copied().collect();
        let MonteCarlo { mean, se, .. } =
            if is_log_density(expr) { log_mean(&draws) } else { MonteCarlo::of(&draws) };
        let text = format!(
            "{} ± {} (from {DRAWS} draws)",
            show::real(mean, Digits::Six),
            show::real(se, Digits::Six)
        );
        Ok(Shown { text, ty })
    }

    /// Draws from a guide, from the prior of a model, or from a distribution; a text for each.
    pub fn draws_of(&mut self, source: &Expr, draws: usize, known: &Known) -> Lowered<Vec<String>> {
        self.bind(known.values);
        let prompted = self.unit.drawn(source)?;
        let results = self.run(&prompted, draws, known, source.span)?;
        Ok((0..draws).map(|draw| show::value(&prompted.form, &results, draw, Digits::Six)).collect())
    }

    /// Computes all results, the random ones for this many draws.
    fn run(
        &mut self,
        prompted: &Prompted,
        draws: usize,
        known: &Known,
        at: Span,
    ) -> Lowered<Vec<ArrayD<f64>>> {
        self.require_data(&prompted.program, known.values, at)?;
        let arrays = known.values.arrays.iter();
        let data: Data = arrays
            .map(|(name, array)| (name.clone(), Arc::from(array.iter().copied().collect::<Vec<f64>>())))
            .collect();
        let axes = self.unit.axes.clone();
        let params = estimator::place(&prompted.params, |axis| axes.size(axis));
        let mut values = self.start(&params, &data, known.seed)?;
        for placed in &params {
            let fitted = known.fitted.get(&placed.spec.name).filter(|value| value.shape() == placed.shape);
            if let Some(raw) = fitted.and_then(|value| unconstrain(&placed.spec.constraint, value)) {
                values[placed.offset..placed.offset + placed.len].copy_from_slice(&raw);
            }
        }
        let (params, width) = (params.as_slice(), Width::Double);
        let setup = Setup { data: &data, params, threads: 1, seed: known.seed, plates: &[], width };
        let moment = Moment { values: &values, draws, step: 0, done: 0, rows: &[] };
        match estimator::sample(&prompted.program, &moment, &setup) {
            Ok(results) => Ok(results.into_iter().map(|(_, array)| array).collect()),
            Err(reason) => {
                self.internal(reason, at);
                Err(Reported)
            }
        }
    }

    /// Reports the data that a program reads, or takes sizes from, and that has no value.
    fn require_data(&mut self, program: &Program, values: &Values, at: Span) -> Lowered<()> {
        let mut needed: BTreeSet<String> = inputs(&program.body);
        visit::bound(&program.body, &mut |var| {
            for axis in program.vars[var.0 as usize].ty.axes.iter() {
                let info = program.axes.info(axis);
                if info.role != Role::Draw {
                    needed.extend(info.size.names().map(str::to_string));
                }
            }
        });
        let absent: Vec<String> =
            needed.into_iter().filter(|name| !values.arrays.contains_key(name)).collect();
        for name in &absent {
            let declared = self.unit.data().into_iter().find(|data| data.name.name == *name);
            let mut diagnostic =
                Diagnostic::error(Code("E0703"), format!("`{name}` has no value")).at(at, "needed here");
            if let Some(data) = declared {
                diagnostic = diagnostic.at(data.name.span.to(data.ty.span), "declared here");
            }
            self.unit.report(
                diagnostic
                    .help(format!("give it one with `:data {name}=…`, or read a file with `:data FILE`")),
            );
        }
        if absent.is_empty() { Ok(()) } else { Err(Reported) }
    }
}

/// The data that statements read.
fn inputs(body: &[CoreStmt]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for stmt in body {
        match stmt {
            CoreStmt::Let(l) => {
                if let Op::Input(input) = &l.op
                    && input.kind == InputKind::Data
                {
                    names.insert(input.name.clone());
                }
            }
            CoreStmt::Scan(scan) => names.extend(inputs(&scan.body)),
            _ => {}
        }
    }
    names
}

/// Whether an expression is `log_density(…)`: its draws estimate a density, not its logarithm.
fn is_log_density(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call(callee, _)
        if matches!(&callee.kind, ExprKind::Name(name) if name == "log_density"))
}

/// The logarithm of the mean of `exp`, with its standard error by the delta method.
fn log_mean(logs: &[f64]) -> MonteCarlo {
    let max = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !max.is_finite() {
        return MonteCarlo { mean: max, se: f64::NAN, draws: logs.len() };
    }
    let MonteCarlo { mean, se, draws } =
        MonteCarlo::of(&logs.iter().map(|x| (x - max).exp()).collect::<Vec<_>>());
    MonteCarlo { mean: max + mean.ln(), se: se / mean, draws }
}
