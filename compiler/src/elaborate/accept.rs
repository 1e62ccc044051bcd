//! Values against declared types.

use super::types::{ArrayType, Declaration, describe};
use super::value::Value;
use super::{Lower, Lowered};
use std::collections::HashMap;
use vary_core::dim::Dim;
use vary_core::generative::Constraint;
use vary_core::ir::{Array, Elem, Monoid, Rule, Site, Var};
use vary_core::prim::Prim;
use vary_core::transform::require::SLACK;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

impl Lower<'_> {
    /// Checks a value against a declared type, binding the names of generic dimensions.
    pub(super) fn accept(
        &mut self,
        value: Value,
        ty: &ast::Type,
        at: Span,
        generic: &mut HashMap<String, Dim>,
    ) -> Lowered<Value> {
        let mut names = Some(HashMap::new());
        let declared = self.declaration(ty, &mut names)?;
        self.accept_declared(value, &declared, ty.span, at, generic)
    }

    fn accept_declared(
        &mut self,
        value: Value,
        declared: &Declaration,
        ty: Span,
        at: Span,
        generic: &mut HashMap<String, Dim>,
    ) -> Lowered<Value> {
        match (declared, value) {
            (_, Value::Error) => Err(super::Reported),
            (Declaration::Array(array_type), Value::Array(array)) => {
                self.accept_array(array, array_type, ty, at, generic).map(Value::Array)
            }
            (Declaration::Program, value @ Value::Program(_))
            | (
                Declaration::Function,
                value @ (Value::Function(_) | Value::Lambda(_) | Value::Builtin(_) | Value::Layer(_)),
            )
            | (Declaration::Plate, value @ Value::Array(_)) => Ok(value),
            (Declaration::Tuple(types), Value::Tuple(parts)) if types.len() == parts.len() => {
                let parts: Lowered<Vec<Value>> = types
                    .iter()
                    .zip(parts)
                    .map(|(declared, part)| self.accept_declared(part, declared, ty, at, generic))
                    .collect();
                Ok(Value::Tuple(parts?))
            }
            (Declaration::Record(_), value @ (Value::Record(_) | Value::Trace(_))) => Ok(value),
            (declared, value) => {
                let wanted = match declared {
                    Declaration::Array(_) => "a number or array",
                    Declaration::Tuple(_) => "a tuple of that many parts",
                    Declaration::Record(_) => "a record",
                    Declaration::Program => "a program (a model, a guide, or one made of them)",
                    Declaration::Plate => "the name of a dimension",
                    Declaration::Function => "a function",
                };
                Err(self.report(
                    Diagnostic::error(Code("E0315"), format!("{wanted} is expected here"))
                        .at(at, format!("this is {}", value.kind()))
                        .at(ty, "declared here"),
                ))
            }
        }
    }

    fn accept_array(
        &mut self,
        array: Array,
        declared: &ArrayType,
        ty: Span,
        at: Span,
        generic: &mut HashMap<String, Dim>,
    ) -> Lowered<Array> {
        let elem = self.elem(&array);
        let wanted = declared.constraint.elem();
        let array = match (elem, wanted) {
            (Elem::Int, Elem::Real) => self.reals_of(&array),
            (a, b) if a == b => array,
            _ => {
                let (found, expected) =
                    (describe(elem, &self.sizes(&array)), describe(wanted, &declared.dims));
                let mut diagnostic =
                    Diagnostic::error(Code("E0315"), format!("{expected} is expected, {found} is given"))
                        .at(at, format!("this is {found}"))
                        .at(ty, "declared here");
                if wanted == Elem::Int {
                    diagnostic = diagnostic.help("`round(x)` or `floor(x)` give an int");
                }
                return Err(self.report(diagnostic));
            }
        };
        let sizes = self.sizes(&array);
        let mut fits = sizes.len() == declared.dims.len();
        for (size, wanted) in sizes.iter().zip(&declared.dims) {
            match wanted.as_name() {
                Some(name) => fits &= generic.entry(name.to_string()).or_insert_with(|| size.clone()) == size,
                None => {
                    let known = |n: &str| generic.get(n).and_then(Dim::value);
                    fits &= wanted.bind(&known) == *size;
                }
            }
        }
        if !fits {
            let (found, expected) = (describe(wanted, &sizes), describe(wanted, &declared.dims));
            return Err(self.report(
                Diagnostic::error(Code("E0306"), format!("{expected} is expected, {found} is given"))
                    .at(at, format!("this is {found}"))
                    .at(ty, "declared here"),
            ));
        }
        let mut constraint = declared.constraint.clone();
        if let Constraint::IntRange(_, Some(high)) = &mut constraint {
            *high = high.substitute_all(&generic.iter().map(|(n, d)| (n.clone(), d.clone())).collect());
        }
        self.constrained_value(array, &constraint, at, "the value given")
    }

    /// The value with what its declared type requires: proved or checked as it runs; constants are checked now.
    /// `what` begins the message of a violation.
    pub(super) fn constrained_value(
        &mut self,
        array: Array,
        constraint: &Constraint,
        at: Span,
        what: &str,
    ) -> Lowered<Array> {
        self.check_constant(&array, constraint, at, what)?;
        if self.b.constant(array.var).is_some() || self.as_dim(array.var).is_some() {
            return Ok(array);
        }
        let Some((holds, rule)) = self.constraint_condition(&array, constraint, what) else {
            return Ok(array);
        };
        let place = self.b.at(if self.in_stdlib { self.stdlib_call } else { at });
        let var = self.b.require(holds, array.var, rule.into());
        self.b.at(place);
        Ok(Array { var, dims: array.dims })
    }

    /// Whether a value lies in a set, and that it must, in words; `None` where every value does.
    fn constraint_condition(
        &mut self,
        array: &Array,
        constraint: &Constraint,
        what: &str,
    ) -> Option<(Var, Rule)> {
        let free =
            matches!(constraint, Constraint::Real | Constraint::Bounded | Constraint::Int | Constraint::Bool);
        if free {
            return None;
        }
        let x = self.b.detach(array.var);
        let rule = |must: String, help: &str| Rule {
            text: format!("{what} must {must}"),
            help: help.into(),
            of_data: false,
        };
        match constraint {
            Constraint::Positive(_) => {
                let zero = self.b.real(0.0);
                let help = "write `exp(…)` or `softplus(…)` of it, or declare the parameter `positive`";
                Some((self.b.prim(Prim::Lt, &[zero, x]), rule("be positive".into(), help)))
            }
            Constraint::Interval(low, high) => {
                let (from, to) = (self.b.real(*low), self.b.real(*high));
                let (above, below) = (self.b.prim(Prim::Le, &[from, x]), self.b.prim(Prim::Le, &[x, to]));
                let help = match (low, high) {
                    (0.0, 1.0) => "write `sigmoid(…)` of it, or declare the parameter `unit`".to_string(),
                    _ => format!("declare the parameter `bounded({low}, {high})`"),
                };
                let must = rule(format!("be between {low} and {high}"), &help);
                Some((self.b.prim(Prim::And, &[above, below]), must))
            }
            Constraint::IntRange(low, high) => {
                let low = low.clone().unwrap_or(Dim::known(0));
                let from = self.b.dim(&low);
                let above = self.b.prim(Prim::Le, &[from, x]);
                let Some(high) = high else {
                    return Some((above, rule(format!("be at least {low}"), "counts are not negative")));
                };
                let to = self.b.dim(high);
                let below = self.b.prim(Prim::Le, &[x, to]);
                let must = rule(format!("be from {low} to {high}"), "indices count from 0");
                Some((self.b.prim(Prim::And, &[above, below]), must))
            }
            Constraint::Simplex => {
                let axis = *array.dims.last()?;
                let x = self.b.spread(x, axis);
                let (zero, one, slack) = (self.b.real(0.0), self.b.real(1.0), self.b.real(SLACK));
                let signs = self.b.prim(Prim::Le, &[zero, x]);
                let signs = self.b.reduce(Monoid::Min, axis, signs);
                let total = self.b.reduce(Monoid::Sum, axis, x);
                let distance = self.b.sub(total, one);
                let distance = self.b.prim(Prim::Abs, &[distance]);
                let near = self.b.prim(Prim::Le, &[distance, slack]);
                let help = "write `softmax(…)`, divide it by its sum, or declare the parameter `simplex[k]`";
                let must = rule("have no negative entry and sum to one".into(), help);
                Some((self.b.prim(Prim::And, &[signs, near]), must))
            }
            Constraint::Ordered => {
                let axis = *array.dims.last()?;
                let x = self.b.spread(x, axis);
                let (at, one, last) = (self.b.iota(axis), self.b.int(1), self.b.size(axis));
                let next = self.b.add(at, one);
                let is_last = self.b.prim(Prim::Eq, &[next, last]);
                let next = self.b.select(is_last, at, next);
                let after = self.b.gather(x, axis, next);
                let rises = self.b.prim(Prim::Lt, &[x, after]);
                let rises = self.b.prim(Prim::Or, &[is_last, rises]);
                let help = "list it in increasing order, or declare the parameter `ordered[k]`";
                Some((self.b.reduce(Monoid::Min, axis, rises), rule("be increasing".into(), help)))
            }
            Constraint::CholeskyCorr => {
                let [.., row, col] = array.dims[..] else { return None };
                let x = self.full_matrix(x, row, col);
                let (i, j, zero, one) =
                    (self.b.iota(row), self.b.iota(col), self.b.real(0.0), self.b.real(1.0));
                let (below, diagonal) = (self.b.prim(Prim::Lt, &[j, i]), self.b.prim(Prim::Eq, &[i, j]));
                let (none, some) = (self.b.prim(Prim::Eq, &[x, zero]), self.b.prim(Prim::Lt, &[zero, x]));
                let above = self.b.select(diagonal, some, none);
                let entries = self.b.prim(Prim::Or, &[below, above]);
                let entries = self.b.reduce(Monoid::Min, col, entries);
                let squares = self.b.mul(x, x);
                let length = self.b.reduce(Monoid::Sum, col, squares);
                let distance = self.b.sub(length, one);
                let (distance, slack) = (self.b.prim(Prim::Abs, &[distance]), self.b.real(SLACK));
                let near = self.b.prim(Prim::Le, &[distance, slack]);
                let rows = self.b.prim(Prim::And, &[entries, near]);
                let must = "be lower triangular, with a positive diagonal and rows of length one";
                let help = "write `cholesky(…)` of a correlation matrix";
                Some((self.b.reduce(Monoid::Min, row, rows), rule(must.into(), help)))
            }
            _ => None,
        }
    }

    /// An observed value with what the support of its distribution requires.
    pub(super) fn within_support(&mut self, value: Array, site: &Site) -> Array {
        let what = format!("`{}`, observed under `{}`,", site.address, site.dist.name);
        let [low, high] = site.dist.ends;
        let between = if matches!(
            site.dist.support,
            Constraint::Bounded | Constraint::Interval(..) | Constraint::IntRange(..)
        ) && (low.is_some() || high.is_some())
        {
            let x = self.b.detach(value.var);
            let mut holds = self.b.bool(true);
            if let (Constraint::IntRange(..), None) = (&site.dist.support, low) {
                let zero = self.b.int(0);
                holds = self.b.prim(Prim::Le, &[zero, x]);
            }
            for (end, is_low) in [(low, true), (high, false)] {
                let Some(end) = end else { continue };
                let end = self.b.detach(site.args[end].var);
                let inside = self.b.prim(Prim::Le, &if is_low { [end, x] } else { [x, end] });
                holds = self.b.prim(Prim::And, &[holds, inside]);
            }
            let (text, help) = match high.filter(|_| low.is_none()) {
                Some(high) => {
                    let (dist, end) = (&site.dist.name, &site.dist.params[high].name);
                    (
                        format!("{what} must be from 0 to its `{end}`"),
                        format!("`{dist}` gives no other values"),
                    )
                }
                None => (
                    format!("{what} must lie between its ends"),
                    "its density is zero there: the ends must hold all the data".to_string(),
                ),
            };
            Some((holds, Rule { text, help, of_data: true }))
        } else {
            let support = &site.dist.support;
            self.constraint_condition(&value, support, &what).map(|(holds, mut rule)| {
                rule.help = format!("`{}` gives no other values", site.dist.name);
                rule.of_data = true;
                (holds, rule)
            })
        };
        let Some((holds, rule)) = between else { return value };
        let place = self.b.at(site.span);
        let var = self.b.require(holds, value.var, rule.into());
        self.b.at(place);
        Array { var, dims: value.dims }
    }

    /// Refuses constants outside a declared constraint; other values are checked when running.
    pub(super) fn check_constant(
        &mut self,
        array: &Array,
        constraint: &Constraint,
        at: Span,
        what: &str,
    ) -> Lowered<()> {
        let Some(value) = self.b.constant(array.var).map(|c| c.number()) else { return Ok(()) };
        let end = |end: &Option<Dim>, otherwise: i64| match end {
            Some(end) => end.value().map(|end| end as f64),
            None => Some(otherwise as f64),
        };
        let holds = match constraint {
            Constraint::Positive(_) => value > 0.0,
            Constraint::Interval(a, b) => (*a..=*b).contains(&value),
            Constraint::IntRange(low, high) => {
                end(low, 0).is_none_or(|low| low <= value)
                    && end(high, i64::MAX).is_none_or(|high| value <= high)
            }
            _ => true,
        };
        if holds {
            return Ok(());
        }
        let code = Code(if self.reads_data(at) { "E0709" } else { "E0316" });
        let rule = self.constraint_condition(array, constraint, what).map(|(_, rule)| rule);
        let Some(Rule { text, help, .. }) = rule else { return Ok(()) };
        Err(self.report(
            Diagnostic::error(code, format!("{text}, but is {value}"))
                .at(at, format!("this is {value}"))
                .help(help),
        ))
    }

    /// Whether an expression of the program names data. With data bound, an int of it is a number like any other.
    pub(super) fn reads_data(&self, at: Span) -> bool {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut names = self.unit.sources.text(at).split(|c| !is_name(c));
        let data = self.unit.data();
        !self.in_stdlib && names.any(|name| data.iter().any(|data| data.name.name == name))
    }
}
