//! `transformed(d, forward = f, inverse = g)`: the distribution of f(x), x drawn from d.
//!
//! ```text
//! log p(y) = log d(g(y)) + log |g′(y)|
//! ```
//!
//! with g′ by `jvp`. What the functions see of the program around them becomes parameters of the distribution, so that
//! derivatives by it are those of any other parameter.

use super::{Inner, inverse, of};
use crate::elaborate::value::{Closure, Value};
use crate::elaborate::{Lower, Lowered, Mode, Reported};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use vary_core::axis::{Axis, Role};
use vary_core::generative::{Constraint, DistParam, Distribution, Fragment, PositiveMap};
use vary_core::ir::{Array, Elem, Input, InputKind, Let, Op, Output, Program, Stmt};
use vary_core::prim::Prim;
use vary_core::transform::adev::range;
use vary_core::transform::jvp;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind};
use vary_syntax::visit;

/// The argument of a map, in its fragment.
pub(super) const ARGUMENT: &str = "x";

/// What functions see of the program around them: parameters, and their values.
#[derive(Default)]
struct Seen {
    params: Vec<DistParam>,
    actual: Vec<Array>,
}

impl Lower<'_> {
    /// The distribution, and the actual values of the parameters that follow those of the distribution inside.
    pub(super) fn transformed(
        &mut self,
        inner: &Inner,
        own: &[&ast::Arg],
        span: Span,
    ) -> Lowered<(Distribution, Vec<Array>)> {
        if inner.elem() != Elem::Real {
            let message = format!("`{}` gives no reals", inner.dist.name);
            return Err(self.error("E0411", span, message, "`transformed` maps reals to reals"));
        }
        let [forward, inverse] = self.maps(own, span)?;
        let mut seen = Seen::default();
        let (f, g) = (self.value_seen(forward, &mut seen)?, self.value_seen(inverse, &mut seen)?);
        let f = self.map(f, &seen, forward.span)?;
        let g = self.map(g, &seen, inverse.span)?;
        let Some(slope) = slope(&g) else {
            return Err(self.report(
                Diagnostic::error(Code("E0411"), "`inverse` does not depend on its argument")
                    .at(inverse.span, "a constant has no inverse")
                    .help("write the function that undoes `forward`, as `inverse = log` for `forward = exp`"),
            ));
        };
        let known = seen.actual.iter().map(|array| self.b.constant(array.var).map(|value| value.number()));
        let around: Vec<(&DistParam, Option<f64>)> = seen.params.iter().zip(known).collect();
        if let Some(found) = inverse::apart([&f, &g, &slope], &inner.dist.support, &around) {
            let inverse::Apart { x, forward: y, back } = found;
            let short = |x: f64| (x * 1e4).round() / 1e4;
            return Err(self.report(
                Diagnostic::error(Code("E0411"), "`inverse` does not undo `forward`")
                    .at(forward.span, format!("{} becomes {}", short(x), short(y)))
                    .at(inverse.span, format!("{} becomes {}", short(y), short(back)))
                    .help("write the function that undoes `forward`, as `inverse = log` for `forward = exp`"),
            ));
        }
        let support = image(&f, &inner.dist.support);
        let params: Vec<DistParam> = inner.params.iter().chain(&seen.params).cloned().collect();
        let log_density = self.compose(&params, &[(ARGUMENT, Elem::Real)], |b, formals| {
            let x = Array { var: inner.mapped(b, &g, formals, &of(formals, ARGUMENT)), dims: Vec::new() };
            let slope = inner.mapped(b, &slope, formals, &of(formals, ARGUMENT));
            let log = inner.density(b, formals, x);
            let slope = b.prim(Prim::Abs, &[slope]);
            let stretch = b.log(slope);
            b.add(log, stretch)
        });
        let pathwise = inner.dist.reparam.clone().and_then(|sampler| {
            self.resampled(&[(inner, sampler)], &params, &[], |b, formals, values| {
                inner.mapped(b, &f, formals, &Array { var: values[0], dims: Vec::new() })
            })
        });
        let plain = inner.dist.sample.clone().and_then(|sampler| {
            self.resampled(&[(inner, sampler)], &params, &[], |b, formals, values| {
                inner.mapped(b, &f, formals, &Array { var: values[0], dims: Vec::new() })
            })
        });
        let mut derived = self.derived("transformed", &[inner], params, log_density);
        (derived.reparam, derived.sample, derived.support, derived.finite) = (pathwise, plain, support, None);
        Ok((derived, seen.actual))
    }

    /// The two functions.
    fn maps<'a>(&mut self, own: &[&'a ast::Arg], span: Span) -> Lowered<[&'a Expr; 2]> {
        let named = |wanted: &str| {
            own.iter()
                .find(|arg| arg.name.as_ref().is_some_and(|name| name.name == wanted))
                .map(|arg| &arg.value)
        };
        match (named("forward"), named("inverse")) {
            (Some(forward), Some(inverse)) => Ok([forward, inverse]),
            (forward, _) => {
                let missing = if forward.is_none() { "forward" } else { "inverse" };
                Err(self.report(
                    Diagnostic::error(Code("E0314"), format!("`transformed` needs `{missing}`"))
                        .at(span, "missing an argument")
                        .help("write `transformed(normal(0, 1), forward = exp, inverse = log)`"),
                ))
            }
        }
    }

    /// A function with what it sees of the program around replaced by parameters.
    fn value_seen(&mut self, expr: &Expr, seen: &mut Seen) -> Lowered<Value> {
        let value = self.expr(expr)?;
        self.replaced(&value, expr.span, seen)
    }

    fn replaced(&mut self, value: &Value, span: Span, seen: &mut Seen) -> Lowered<Value> {
        match value {
            Value::Function(_) | Value::Builtin(_) => Ok(value.clone()),
            Value::Lambda(closure) => {
                let own: BTreeSet<&str> = closure.params.iter().map(|param| &*param.name.name).collect();
                // Of values of one name the last, the innermost, is meant.
                let around: BTreeMap<&str, &Value> =
                    closure.names.iter().map(|(name, value)| (&**name, value)).collect();
                let mut read = BTreeMap::new();
                visit::each_name(&closure.body, &mut |name| {
                    if !own.contains(name) {
                        read.insert(name, around.get(name).copied().cloned());
                    }
                });
                let mut names = Vec::new();
                for (name, value) in read {
                    let Some(value) = self.around_or_of_file(name, value, closure.span)? else { continue };
                    let value = match &value {
                        Value::Array(array) => self.parameter_seen(array, seen),
                        other => self.replaced(other, closure.span, seen)?,
                    };
                    names.push((name.to_string(), value));
                }
                Ok(Value::Lambda(Rc::new(Closure { names, ..(**closure).clone() })))
            }
            Value::Error => Err(Reported),
            other => {
                Err(self.error("E0313", span, format!("{} cannot be called", other.kind()), "not a function"))
            }
        }
    }

    /// A value around a map, or the data, parameter or value of the file that a name stands for.
    fn around_or_of_file(&mut self, name: &str, around: Option<Value>, span: Span) -> Lowered<Option<Value>> {
        if around.is_some() {
            return Ok(around);
        }
        let of_file = self.unit.find(name).is_some_and(|declared| {
            matches!(declared.item.kind, ItemKind::Data(_) | ItemKind::Param(_) | ItemKind::Let(_))
        });
        if of_file { self.name(name, span).map(Some) } else { Ok(None) }
    }

    /// The formal that stands for a value of the program around.
    fn parameter_seen(&mut self, array: &Array, seen: &mut Seen) -> Value {
        let known = seen.actual.iter().position(|known| known.var == array.var);
        let at = known.unwrap_or_else(|| {
            let constraint = match self.b.ty(array.var).elem {
                Elem::Real => Constraint::Real,
                Elem::Int => Constraint::Int,
                Elem::Bool => Constraint::Bool,
            };
            let name = format!("seen.{}", seen.actual.len());
            let sizes = self.sizes(array);
            let dims = sizes.into_iter().map(|size| self.b.fresh_axis(&name, size, Role::Index)).collect();
            seen.params.push(DistParam { name, dims, constraint, rigid: false, default: None });
            seen.actual.push(array.clone());
            seen.actual.len() - 1
        });
        Value::Text(seen.params[at].name.clone())
    }

    /// The fragment of a function of one real.
    fn map(&mut self, function: Value, seen: &Seen, span: Span) -> Lowered<Fragment> {
        let in_stdlib = self.in_stdlib;
        let program = self.aside(|unit| {
            let mut lower = Lower::new(unit, Mode::Pure);
            lower.in_stdlib = in_stdlib;
            lower.b.at(span);
            let formal = |lower: &mut Lower, name: &str, elem: Elem, dims: &[Axis]| {
                let input = Input { kind: InputKind::Formal, name: name.to_string(), dims: dims.to_vec() };
                let var = lower.b.input(elem, input);
                Value::Array(Array { var, dims: dims.to_vec() })
            };
            let formals: Vec<(String, Value)> = seen
                .params
                .iter()
                .map(|param| {
                    (
                        param.name.clone(),
                        formal(&mut lower, &param.name, param.constraint.elem(), &param.dims),
                    )
                })
                .collect();
            let function = bound(function, &formals);
            let argument = formal(&mut lower, ARGUMENT, Elem::Real, &[]);
            lower.define("f", function);
            lower.define(ARGUMENT, argument);
            let name = |name: &str| Expr { kind: ExprKind::Name(name.to_string()), span };
            let args = [ast::Arg { name: None, value: name(ARGUMENT) }];
            let value = lower.call(&name("f"), &args, span)?;
            let value = match value {
                Value::Array(array) if array.dims.is_empty() => lower.reals_of(&array),
                other => {
                    let found = if matches!(other, Value::Array(_)) { "an array" } else { other.kind() };
                    let message = format!("a map gives a real, this one gives {found}");
                    return Err(lower.error("E0411", span, message, "not a real"));
                }
            };
            if let Some(param) = lower.free_params.keys().next().cloned() {
                return Err(lower.report(
                    Diagnostic::error(Code("E0411"), format!("a map cannot read the parameter `{param}`"))
                        .at(span, "read by a function that is called here")
                        .help("give it to the function as an argument: `|x| f(x, s)`"),
                ));
            }
            let results = vec![Output { name: "value".into(), var: value.var, dims: Vec::new() }];
            lower.unit.axes = lower.b.axes.clone();
            Ok(lower.b.finish(results))
        })?;
        Ok(Fragment(Rc::new(program)))
    }
}

/// The function with formals in place of the names that stand for them.
fn bound(value: Value, formals: &[(String, Value)]) -> Value {
    match value {
        Value::Text(name) => {
            let formal = formals.iter().find(|(known, _)| *known == name);
            formal.map_or(Value::Error, |(_, value)| value.clone())
        }
        Value::Lambda(closure) => {
            let names =
                closure.names.iter().map(|(name, value)| (name.clone(), bound(value.clone(), formals)));
            Value::Lambda(Rc::new(Closure { names: names.collect(), ..(*closure).clone() }))
        }
        other => other,
    }
}

/// The derivative of a map by its argument, if it depends on it.
fn slope(map: &Fragment) -> Option<Fragment> {
    let mut program = (*map.0).clone();
    each_input(&mut program, &mut |op| {
        if let Op::Input(input) = op
            && input.name == ARGUMENT
        {
            input.kind = InputKind::Param;
        }
    });
    let mut dual = jvp(&program, &BTreeSet::from([ARGUMENT.to_string()]));
    each_input(&mut dual, &mut |op| match op {
        Op::Input(input) if input.kind == InputKind::Param => input.kind = InputKind::Formal,
        Op::Input(input) if input.kind == InputKind::Tangent => {
            *op = Op::Const(vary_core::ir::Const::Real(1.0))
        }
        _ => {}
    });
    dual.results.retain(|result| result.name == "tangent.value");
    (!dual.results.is_empty()).then(|| Fragment(Rc::new(dual)))
}

/// What a map makes of a support, as far as ranges tell.
fn image(map: &Fragment, support: &Constraint) -> Constraint {
    let mut program = (*map.0).clone();
    each_input(&mut program, &mut |op| {
        if let Op::Input(input) = op
            && input.name == ARGUMENT
        {
            input.kind = InputKind::Data;
        }
    });
    let ranges = range::ranges_given(&program, &|_| Some(support.clone()));
    let range = ranges[program.results[0].var.0 as usize];
    match range.ends() {
        (low, high) if low.is_finite() && high.is_finite() && low < high => Constraint::Interval(low, high),
        _ if range.is_positive() => Constraint::Positive(PositiveMap::Exp),
        _ => Constraint::Real,
    }
}

fn each_input(program: &mut Program, f: &mut dyn FnMut(&mut Op)) {
    for stmt in &mut program.body {
        if let Stmt::Let(Let { op, .. }) = stmt
            && matches!(op, Op::Input(_))
        {
            f(op);
        }
    }
}
