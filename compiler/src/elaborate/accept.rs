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
        self.check_constant(&array, constraint, at)?;
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
        let free = matches!(
            constraint,
            Constraint::Real
                | Constraint::Bounded
                | Constraint::Ordered
                | Constraint::CholeskyCorr
                | Constraint::Int
                | Constraint::Bool
        );
        if free {
            return None;
        }
        let x = self.b.detach(array.var);
        let rule = |must: String, help: &str| Rule { text: format!("{what} must {must}"), help: help.into() };
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
            Some((holds, Rule { text, help }))
        } else {
            let support = &site.dist.support;
            self.constraint_condition(&value, support, &what).map(|(holds, mut rule)| {
                rule.help = format!("`{}` gives no other values", site.dist.name);
                (holds, rule)
            })
        };
        let Some((holds, rule)) = between else { return value };
        Array { var: self.b.require(holds, value.var, rule.into()), dims: value.dims }
    }

    /// Refuses constants outside a declared constraint; other values are checked when running.
    pub(super) fn check_constant(&mut self, array: &Array, constraint: &Constraint, at: Span) -> Lowered<()> {
        let Some(value) = self.b.constant(array.var).map(|c| c.number()) else { return Ok(()) };
        let (ok, name) = match constraint {
            Constraint::Positive(_) => (value > 0.0, "positive".to_string()),
            Constraint::Interval(a, b) => ((*a..=*b).contains(&value), format!("between {a} and {b}")),
            _ => (true, String::new()),
        };
        if ok {
            return Ok(());
        }
        Err(self.error("E0316", at, format!("{value} is not {name}"), &format!("must be {name}")))
    }
}
