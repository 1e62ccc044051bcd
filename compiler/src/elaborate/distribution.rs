//! `distribution` declarations: from clauses to core fragments.

use super::unit::Unit;
use super::value::{Declared, Value};
use super::{Lower, Lowered, Mode, Reported};
use std::collections::HashMap;
use std::rc::Rc;
use vary_core::axis::{Axis, Role};
use vary_core::dim::Dim;
use vary_core::generative::{
    BaseDraw, Constraint, DistParam, Distribution, Fragment, Sampler, WeakDerivative,
};
use vary_core::ir::{Array, Base, Elem, Input, InputKind, Output};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, DistributionClause, ItemKind};

impl Unit {
    /// The core form of a declared distribution, elaborated once.
    pub(super) fn distribution(&mut self, name: &str) -> Lowered<Rc<Distribution>> {
        if let Some(known) = self.distributions.get(name) {
            return known.clone().ok_or(Reported);
        }
        // Recursion through itself finds this and stops.
        self.distributions.insert(name.to_string(), None);
        let declared = self.find(name).ok_or(Reported)?;
        let ItemKind::Distribution(decl) = &declared.item.kind else { return Err(Reported) };
        let elaborated = elaborate(self, decl, &declared)?;
        let shared = Rc::new(elaborated);
        self.distributions.insert(name.to_string(), Some(shared.clone()));
        Ok(shared)
    }
}

/// The clauses that are functions of a value.
const FUNCTIONS: [&str; 5] = ["log_density", "cdf", "log_cdf", "log_ccdf", "quantile"];

/// The formal names a clause sees.
struct Formals {
    /// The distribution, whose name stands before those of its sizes.
    owner: String,
    params: Vec<DistParam>,
    event: Vec<Axis>,
    /// Names of sizes.
    sizes: Vec<String>,
    /// The clauses are the standard library's: they mean its names.
    in_stdlib: bool,
}

fn elaborate(unit: &mut Unit, decl: &ast::DistributionDecl, declared_as: &Declared) -> Lowered<Distribution> {
    let name = decl.name.name.clone();
    let mut lower = Lower::new(unit, Mode::Pure);
    let mut generic = Some(HashMap::new());
    let mut params = Vec::new();
    for param in &decl.params {
        let Some(ty) = &param.ty else {
            return Err(lower.error(
                "E0302",
                param.name.span,
                "a distribution's parameters need types",
                "no type",
            ));
        };
        let declared = lower.array_declaration(ty, &mut generic)?;
        let dims = formal_axes(&mut lower, &name, &declared.dims, &generic);
        let default = param.default.as_ref().and_then(super::types::literal);
        let rigid = declared.constraint.elem() != Elem::Real;
        params.push(DistParam {
            name: param.name.name.clone(),
            dims,
            constraint: declared.constraint,
            rigid,
            default,
        });
    }
    let (support, bounded_by) = support(&mut lower, decl, &params, &mut generic)?;
    let ends = ends(decl, &params);
    for param in &mut params {
        param.rigid |= bounded_by.contains(&param.name);
    }
    let event = formal_axes(&mut lower, &name, &support.dims, &generic);
    let finite = match &support.constraint {
        Constraint::Bool => Some(Dim::known(2)),
        Constraint::IntRange(Some(low), Some(high)) if low.value() == Some(0) => {
            Some(high.plus(&Dim::known(1)))
        }
        // `count(n)`
        Constraint::IntRange(_, None) => {
            ends[1].map(|end| Dim::named(format!("{name}.{}", params[end].name)).plus(&Dim::known(1)))
        }
        _ => None,
    };
    lower.unit.axes = lower.b.axes.clone();
    let sizes = generic.into_iter().flatten().map(|(size, _)| size).collect();
    let formals = Formals {
        owner: name.clone(),
        params,
        event: event.clone(),
        sizes,
        in_stdlib: declared_as.is_stdlib,
    };
    let mut functions: HashMap<&str, Fragment> = HashMap::new();
    let (mut reparam, mut sample, mut probability) = (None, None, None);
    let mut weak_derivatives: Vec<WeakDerivative> = Vec::new();
    for clause in &decl.clauses {
        match clause {
            DistributionClause::Function { name: clause, params, body }
                if FUNCTIONS.contains(&clause.name.as_str()) =>
            {
                let [x] = params.as_slice() else {
                    return Err(report(
                        unit,
                        clause.span,
                        &format!("`{}` takes one value", clause.name),
                        &format!("write `{}(x) = …`", clause.name),
                    ));
                };
                let called = &x.name.name;
                let value = match clause.name.as_str() {
                    "quantile" => Formal { bound_as: "p", called, elem: Elem::Real, dims: Vec::new() },
                    _ => {
                        Formal { bound_as: "x", called, elem: support.constraint.elem(), dims: event.clone() }
                    }
                };
                functions.insert(&clause.name, fragment(unit, &formals, &[value], body, Elem::Real, &[&[]])?);
            }
            DistributionClause::From { name: clause, params: None, draws, body }
                if matches!(clause.name.as_str(), "reparam" | "sample") =>
            {
                let sampler = sampler(unit, &formals, draws, body, support.constraint.elem())?;
                if clause.name == "reparam" { reparam = Some(sampler) } else { sample = Some(sampler) }
            }
            DistributionClause::Function { name: clause, params: given, body }
                if clause.name == "weak_derivative" =>
            {
                let one =
                    weak_derivative(unit, &formals, &support.constraint, clause.span, given, &[], body)?;
                once(unit, clause, &weak_derivatives, &one)?;
                weak_derivatives.push(one);
            }
            DistributionClause::From { name: clause, params: Some(given), draws, body }
                if clause.name == "weak_derivative" =>
            {
                let one =
                    weak_derivative(unit, &formals, &support.constraint, clause.span, given, draws, body)?;
                once(unit, clause, &weak_derivatives, &one)?;
                weak_derivatives.push(one);
            }
            DistributionClause::Property { name: clause, value: Some(value) }
                if clause.name == "probability_of_true" =>
            {
                probability = Some(fragment(unit, &formals, &[], value, Elem::Real, &[&[]])?);
            }
            DistributionClause::Function { name: clause, .. }
            | DistributionClause::From { name: clause, .. }
            | DistributionClause::Property { name: clause, .. } => {
                let message = format!("a distribution has no clause `{}`", clause.name);
                return Err(report(
                    unit,
                    clause.span,
                    &message,
                    "the clauses are `log_density(x) = …`, `cdf(x) = …`, `log_cdf(x) = …`, `log_ccdf(x) = …`, `quantile(p) = …`, `reparam from …`, `sample from …`, `weak_derivative(parameter, x) from … = (…, …, …)` and `probability_of_true = …`",
                ));
            }
        }
    }
    if reparam.as_ref().is_some_and(|s| s.draws.iter().any(|draw| !draw.operands.is_empty())) {
        return Err(report(
            unit,
            decl.name.span,
            "`reparam` must draw from samplers without parameters",
            "a sampler with parameters is for `sample from …`",
        ));
    }
    let Some(log_density) = functions.remove("log_density") else {
        return Err(report(
            unit,
            decl.name.span,
            &format!("`{name}` has no `log_density(x) = …`"),
            "every distribution needs one",
        ));
    };
    Ok(Distribution {
        name,
        params: formals.params,
        event,
        support: support.constraint,
        ends,
        log_density,
        cdf: functions.remove("cdf"),
        log_cdf: functions.remove("log_cdf"),
        log_ccdf: functions.remove("log_ccdf"),
        quantile: functions.remove("quantile"),
        reparam,
        sample,
        finite,
        probability_of_true: probability,
        weak_derivatives,
        span: declared_as.item.span,
    })
}

fn report(unit: &mut Unit, span: Span, message: &str, help: &str) -> Reported {
    unit.report(Diagnostic::error(Code("E0412"), message).at(span, "here").help(help));
    Reported
}

/// The axes of formal dimensions: distinct, also where sizes are equal. The size `k` is named `distribution.k`.
fn formal_axes(
    lower: &mut Lower,
    owner: &str,
    dims: &[Dim],
    generic: &Option<HashMap<String, Dim>>,
) -> Vec<Axis> {
    let named = |dim: &Dim| match dim.as_name() {
        Some(name) if generic.as_ref().is_some_and(|names| names.contains_key(name)) => {
            Dim::named(format!("{owner}.{name}"))
        }
        _ => dim.clone(),
    };
    let dims: Vec<Dim> = dims.iter().map(named).collect();
    lower.axes_for(&dims, "entry")
}

/// The support, and the parameters that move it.
fn support(
    lower: &mut Lower,
    decl: &ast::DistributionDecl,
    params: &[DistParam],
    generic: &mut Option<HashMap<String, Dim>>,
) -> Lowered<(super::types::ArrayType, Vec<String>)> {
    // Parameters may stand in the support: as ends, or as counts.
    let mut names = Vec::new();
    if let ast::TypeKind::Named { name, args, dims, .. } = &decl.support.kind {
        for expr in args.iter().chain(dims.iter().flatten()) {
            vary_syntax::visit::each_name(expr, &mut |name| {
                if params.iter().any(|param| param.name == name) {
                    names.push(name.to_string());
                }
            });
        }
        if name.name == "bounded" && !names.is_empty() {
            return Ok((super::types::ArrayType::new(Constraint::Bounded, Vec::new()), names));
        }
    }
    lower.scopes.push(HashMap::new());
    for param in params.iter().filter(|param| param.constraint.elem() == Elem::Int) {
        let var = lower.known_int(Dim::named(format!("{}.{}", decl.name.name, param.name)));
        let value = lower.scalar(var);
        lower.define(&param.name, value);
    }
    let sizes: Vec<String> = generic.iter().flatten().map(|(name, _)| name.clone()).collect();
    for size in sizes {
        let var = lower.known_int(Dim::named(size.clone()));
        let value = lower.scalar(var);
        lower.define(&size, value);
    }
    let mut written = decl.support.clone();
    if let ast::TypeKind::Named { name, args, .. } = &mut written.kind
        && name.name == "count"
    {
        // The upper end is looked at by `ends`.
        args.truncate(args.len().saturating_sub(1));
    }
    let declared = lower.array_declaration(&written, generic);
    lower.scopes.pop();
    let mut declared = declared?;
    let counts = |name: &str| params.iter().any(|param| param.name == name);
    if let Constraint::IntRange(_, Some(top)) = &mut declared.constraint {
        // The size is named as the axes are.
        let named = |name: &str| {
            let formal = generic.as_ref().is_some_and(|names| names.contains_key(name)) && !counts(name);
            formal.then(|| (name.to_string(), Dim::named(format!("{}.{name}", decl.name.name))))
        };
        *top = top.substitute_all(&top.names().filter_map(named).collect());
    }
    Ok((declared, names))
}

/// The parameters that are the ends of a `bounded` support, or the upper one of counts.
fn ends(decl: &ast::DistributionDecl, params: &[DistParam]) -> [Option<usize>; 2] {
    let ast::TypeKind::Named { name, args, .. } = &decl.support.kind else { return [None; 2] };
    let position = |end: &ast::Expr| match &end.kind {
        ast::ExprKind::Name(name) => params.iter().position(|param| param.name == *name),
        _ => None,
    };
    match args.as_slice() {
        [lower, upper] if name.name == "bounded" => [position(lower), position(upper)],
        [upper] if name.name == "count" => [None, position(upper)],
        _ => [None; 2],
    }
}

fn sampler(
    unit: &mut Unit,
    formals: &Formals,
    draws: &[ast::BaseDraw],
    body: &ast::Expr,
    elem: Elem,
) -> Lowered<Sampler> {
    let (draws, values) = base_draws(unit, formals, Vec::new(), draws)?;
    let value = fragment(unit, formals, &values, body, elem, &[&formals.event])?;
    Ok(Sampler { draws, value })
}

/// `weak_derivative(parameter, x) from … = (c, x_plus, x_minus)`: c along the parameter or alone, the values alike.
fn weak_derivative(
    unit: &mut Unit,
    formals: &Formals,
    support: &Constraint,
    span: Span,
    given: &[ast::Param],
    draws: &[ast::BaseDraw],
    body: &ast::Expr,
) -> Lowered<WeakDerivative> {
    let usage = "write `weak_derivative(parameter, x) from … = (c, x_plus, x_minus)`; `x`, the drawn value, and `from …` may be left out";
    let (param, x) = match given {
        [param] => (param, None),
        [param, x] => (param, Some(x)),
        _ => return Err(report(unit, span, "`weak_derivative` is stated for one parameter", usage)),
    };
    let name = &param.name.name;
    let Some(position) = formals.params.iter().position(|known| known.name == *name) else {
        let known: Vec<&str> = formals.params.iter().map(|param| param.name.as_str()).collect();
        let (message, help) = (format!("there is no parameter `{name}`"), known.join(", "));
        return Err(report(unit, param.name.span, &message, &format!("the parameters are {help}")));
    };
    if formals.params[position].rigid {
        let message = format!("`{name}` is not differentiated: it is a count or moves the support");
        return Err(report(unit, param.name.span, &message, "leave the clause out"));
    }
    let elem = support.elem();
    let drawn = x.map(|x| Formal { bound_as: "x", called: &x.name.name, elem, dims: formals.event.clone() });
    let (draws, values) = base_draws(unit, formals, drawn.into_iter().collect(), draws)?;
    let own = &formals.params[position].dims;
    let each: Vec<Axis> = own.iter().chain(&formals.event).copied().collect();
    let side: [&[Axis]; 2] = [&formals.event, &each];
    let wanted: [(Elem, &[&[Axis]]); 3] = [(Elem::Real, &[&[], own]), (elem, &side), (elem, &side)];
    let mut lower = scope(unit, formals, &values);
    let Value::Tuple(parts) = lower.expr(body)? else {
        return Err(report(unit, body.span, "a weak derivative is three values", usage));
    };
    if parts.len() != wanted.len() {
        return Err(report(unit, body.span, "a weak derivative is three values", usage));
    }
    let mut results = Vec::with_capacity(parts.len());
    for (part, (elem, shapes)) in parts.into_iter().zip(wanted) {
        results.push(checked(&mut lower, formals, part, body.span, elem, shapes)?);
    }
    lower.unit.axes = lower.b.axes.clone();
    let program = lower.b.finish(Vec::new());
    let [coefficient, plus, minus] = [0, 1, 2].map(|at| {
        let mut part = vary_core::ir::Program { results: vec![results[at].clone()], ..program.clone() };
        vary_core::transform::flow::prune(&mut part);
        Fragment(Rc::new(part))
    });
    Ok(WeakDerivative { param: position, draws, coefficient, plus, minus })
}

/// A weak derivative by a parameter that has none yet.
fn once(
    unit: &mut Unit,
    clause: &ast::Ident,
    stated: &[WeakDerivative],
    new: &WeakDerivative,
) -> Lowered<()> {
    if stated.iter().any(|old| old.param == new.param) {
        let message = "the weak derivative by this parameter is stated twice";
        return Err(report(unit, clause.span, message, "leave one of them out"));
    }
    Ok(())
}

/// The draws of a clause that sees `values`, and these with the draws.
fn base_draws<'a>(
    unit: &mut Unit,
    formals: &Formals,
    mut values: Vec<Formal<'a>>,
    draws: &'a [ast::BaseDraw],
) -> Lowered<(Vec<BaseDraw>, Vec<Formal<'a>>)> {
    let mut sampled: Vec<BaseDraw> = Vec::new();
    for draw in draws {
        let name = &draw.base.name;
        let found =
            name.strip_prefix("base_").and_then(|b| Base::ALL.into_iter().find(|base| base.name() == b));
        let Some(base) = found else {
            let known: Vec<String> = Base::ALL.iter().map(|b| format!("base_{}", b.name())).collect();
            return Err(report(
                unit,
                draw.base.span,
                &format!("there is no base sampler `{name}`"),
                &format!("they are {}", known.join(", ")),
            ));
        };
        if base.arity() != draw.operands.len() {
            return Err(report(
                unit,
                draw.base.span,
                &format!("`{name}` takes {} operands", base.arity()),
                "check its operands",
            ));
        }
        let dims = draw_axes(unit, formals, &draw.dims)?;
        let operands: Lowered<Vec<Fragment>> = draw
            .operands
            .iter()
            .zip(base.operands())
            .map(|(arg, elem)| fragment(unit, formals, &values, arg, *elem, &[&dims, &[]]))
            .collect();
        sampled.push(BaseDraw {
            name: draw.name.name.clone(),
            base,
            operands: operands?,
            dims: dims.clone(),
        });
        values.push(Formal { bound_as: &draw.name.name, called: &draw.name.name, elem: base.elem(), dims });
    }
    Ok((sampled, values))
}

/// The axes of draws: those of the value where no sizes are written, else of an array. An axis of the parameters or
/// the value serves where it has the size, each once.
fn draw_axes(unit: &mut Unit, formals: &Formals, dims: &[ast::Expr]) -> Lowered<Vec<Axis>> {
    if dims.is_empty() {
        return Ok(formals.event.clone());
    }
    let mut lower = scope(unit, formals, &[]);
    let mut axes: Vec<Axis> = Vec::new();
    for expr in dims {
        let size = lower.size(expr, &mut None, 0)?;
        let mut known = formals.params.iter().flat_map(|param| &param.dims).chain(&formals.event).copied();
        let table = &lower.b.axes;
        let axis = known.find(|axis| table.info(*axis).size == size && !axes.contains(axis));
        axes.push(axis.unwrap_or_else(|| lower.b.fresh_axis("draw", size, Role::Index)));
    }
    lower.unit.axes = lower.b.axes.clone();
    Ok(axes)
}

/// A formal beside the parameters: the name it is bound by, the name the clause calls it, its type.
#[derive(Clone)]
struct Formal<'a> {
    bound_as: &'a str,
    called: &'a str,
    elem: Elem,
    dims: Vec<Axis>,
}

/// Where a clause is elaborated: the parameters, more formals, and the sizes of both.
fn scope<'u>(unit: &'u mut Unit, formals: &Formals, more: &[Formal]) -> Lower<'u> {
    let mut lower = Lower::new(unit, Mode::Pure);
    lower.in_stdlib = formals.in_stdlib;
    for name in &formals.sizes {
        let var = lower.known_int(Dim::named(format!("{}.{name}", formals.owner)));
        let value = lower.scalar(var);
        lower.define(name, value);
    }
    let params = formals.params.iter().map(|param| Formal {
        bound_as: &param.name,
        called: &param.name,
        elem: param.constraint.elem(),
        dims: param.dims.clone(),
    });
    for Formal { bound_as, called, elem, dims } in params.chain(more.iter().cloned()) {
        let input = Input { kind: InputKind::Formal, name: bound_as.to_string(), dims: dims.clone() };
        let var = lower.b.input(elem, input);
        if elem == Elem::Int && dims.is_empty() && formals.params.iter().any(|param| param.name == bound_as) {
            lower.ints.insert(var, Dim::named(format!("{}.{bound_as}", formals.owner)));
        }
        lower.define(called, Value::Array(Array { var, dims }));
    }
    lower
}

/// A pure expression in the parameters and more formals, of this element type and one of these shapes (axes of its
/// sizes).
fn fragment(
    unit: &mut Unit,
    formals: &Formals,
    more: &[Formal],
    body: &ast::Expr,
    elem: Elem,
    shapes: &[&[Axis]],
) -> Lowered<Fragment> {
    let mut lower = scope(unit, formals, more);
    let value = lower.expr(body)?;
    let result = checked(&mut lower, formals, value, body.span, elem, shapes)?;
    lower.unit.axes = lower.b.axes.clone();
    Ok(Fragment(Rc::new(lower.b.finish(vec![result]))))
}

/// The value of a clause, of this element type and one of these shapes.
fn checked(
    lower: &mut Lower,
    formals: &Formals,
    value: Value,
    span: Span,
    elem: Elem,
    shapes: &[&[Axis]],
) -> Lowered<Output> {
    let result = match value {
        Value::Array(result) => result,
        other => {
            let label = format!("this is {}", other.kind());
            return Err(lower.error("E0311", span, "a number is expected here", &label));
        }
    };
    let result = match (lower.elem(&result), elem) {
        (Elem::Int, Elem::Real) => lower.reals_of(&result),
        _ => result,
    };
    let sizes = |dims: &[Axis]| -> Vec<Dim> {
        dims.iter().map(|axis| lower.b.axes.info(*axis).size.clone()).collect()
    };
    let own = sizes(&result.dims);
    if lower.elem(&result) != elem || shapes.iter().all(|dims| sizes(dims) != own) {
        let wanted = super::types::describe(elem, &sizes(shapes[0]));
        let found = lower.describe(&Value::Array(result));
        // Sizes are shown as they are written in the declaration.
        let plain = |text: String| text.replace(&format!("{}.", formals.owner), "");
        let (message, label) = (format!("the clause must give {wanted}"), format!("this is {found}"));
        return Err(lower.error("E0306", span, plain(message), &plain(label)));
    }
    Ok(Output { name: "value".into(), var: result.var, dims: result.dims })
}
