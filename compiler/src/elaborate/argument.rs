//! The arguments of a distribution: their types, and one shape of independent entries.

use super::value::Value;
use super::{Lower, Lowered};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use vary_core::axis::{Axis, AxisSet};
use vary_core::dim::Dim;
use vary_core::generative::{Constraint, Distribution};
use vary_core::ir::{Array, Elem};
use vary_core::transform::settle::settle;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind};

impl Lower<'_> {
    /// Arguments by the distribution's parameters.
    pub(super) fn distribution_arguments(
        &mut self,
        dist: &Distribution,
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<Vec<Array>> {
        let params: Vec<ast::Param> = dist
            .params
            .iter()
            .map(|p| ast::Param {
                name: ast::Ident { name: p.name.clone(), span: dist.span },
                ty: None,
                default: p.default.map(|value| Expr { kind: ExprKind::Real(value), span }),
            })
            .collect();
        let values = self.match_arguments(&dist.name, &params, args, span)?;
        let mut arrays = Vec::new();
        for ((value, at), param) in values.into_iter().zip(&dist.params) {
            let Value::Array(array) = value else {
                return Err(self.error(
                    "E0311",
                    at,
                    "a number or array is expected here",
                    &format!("this is {}", value.kind()),
                ));
            };
            let wanted = param.constraint.elem();
            let array = match (self.elem(&array), wanted) {
                (Elem::Int, Elem::Real) => self.reals_of(&array),
                (a, b) if a == b => array,
                (found, _) => {
                    let help = match (found, wanted) {
                        (Elem::Bool, _) => "write `real(x)` or `int(x)` for 0 or 1",
                        (_, Elem::Bool) => "compare it, as in `x > 0`",
                        _ => "`round(x)` and `floor(x)` give ints",
                    };
                    let (found, wanted) =
                        (super::types::describe(found, &[]), super::types::describe(wanted, &[]));
                    return Err(self.report(
                        Diagnostic::error(
                            Code("E0315"),
                            format!("`{}` of `{}` must be {wanted}", param.name, dist.name),
                        )
                        .at(at, format!("this is {found}"))
                        .help(help),
                    ));
                }
            };
            if array.dims.len() < param.dims.len() {
                let found = self.describe(&Value::Array(array));
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0306"),
                        format!("`{}` of `{}` must be an array", param.name, dist.name),
                    )
                    .at(at, format!("this is {found}")),
                ));
            }
            let what = format!("`{}` of `{}`", param.name, dist.name);
            arrays.push(self.constrained_value(array, &param.constraint, at, &what)?);
        }
        Ok(arrays)
    }

    /// Brings the arguments to one shape of independent entries; returns those dimensions. Afterwards an
    /// argument's dims are its parameter's own, the independent ones being axes of the value.
    pub(super) fn align_arguments(
        &mut self,
        dist: &Distribution,
        args: Vec<Array>,
        span: Span,
    ) -> Lowered<(Vec<Array>, Vec<Axis>)> {
        let mut widest: Option<Vec<Axis>> = None;
        for (arg, param) in args.iter().zip(&dist.params) {
            let outer = &arg.dims[..arg.dims.len() - param.dims.len()];
            if widest.as_ref().is_none_or(|w| outer.len() > w.len()) {
                widest = Some(outer.to_vec());
            }
        }
        let widest = widest.unwrap_or_default();
        let sizes: Vec<Dim> = widest.iter().map(|axis| self.b.axes.info(*axis).size.clone()).collect();
        let mut event: Vec<(Axis, Axis)> = Vec::new();
        let mut known: BTreeMap<String, Dim> = BTreeMap::new();
        let mut aligned = Vec::new();
        let mut taken: AxisSet = widest.iter().copied().collect();
        for (arg, param) in args.iter().zip(&dist.params) {
            let outer = arg.dims.len() - param.dims.len();
            let own: Vec<Dim> = self.sizes(arg)[..outer].to_vec();
            if own[..] != sizes[sizes.len() - outer..] {
                let found = super::types::describe(Elem::Real, &own);
                let wanted = super::types::describe(Elem::Real, &sizes);
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0306"),
                        format!("the arguments of `{}` have different shapes", dist.name),
                    )
                    .at(span, format!("{wanted} and {found}")),
                ));
            }
            let mut target: Vec<Axis> = widest[widest.len() - outer..].to_vec();
            for (formal, actual) in param.dims.iter().zip(&arg.dims[outer..]) {
                let size = self.b.axes.info(*actual).size.clone();
                let declared = self.b.axes.info(*formal).size.clone();
                let wanted = match declared.as_name() {
                    Some(name) => known.entry(name.to_string()).or_insert_with(|| size.clone()).clone(),
                    None => declared,
                };
                if wanted != size {
                    let message =
                        format!("`{}` of `{}` has a dimension of size {wanted}", param.name, dist.name);
                    return Err(self.error("E0306", span, message, &format!("{size} is given")));
                }
                // One formal dimension is one axis in all arguments.
                let axis = match event.iter().find(|(known, _)| known == formal) {
                    Some((_, axis)) => *axis,
                    None => {
                        let lower = self.b.axes.info(*actual).lower.clone();
                        let axis = self.b.axes.free(*actual, lower, size, &self.open_axes().union(&taken));
                        event.push((*formal, axis));
                        taken.insert(axis);
                        axis
                    }
                };
                target.push(axis);
            }
            let moved = self.with_dims(arg, &target);
            aligned.push(Array { var: moved.var, dims: target[outer..].to_vec() });
        }
        Ok((aligned, widest))
    }

    /// The axes of one value: those of the arguments that have them, others of the size that the arguments give.
    pub(super) fn event_axes(
        &mut self,
        dist: &Distribution,
        args: &[Array],
        rows: &[Axis],
        span: Span,
    ) -> Lowered<Vec<Axis>> {
        let sizes = self.formal_sizes(dist, args);
        let mut taken: AxisSet = self.open_axes().union(&rows.iter().copied().collect());
        let of_arguments: Vec<(Axis, Axis)> = dist
            .params
            .iter()
            .zip(args)
            .flat_map(|(param, arg)| param.dims.iter().copied().zip(arg.dims.iter().copied()))
            .collect();
        taken = taken.union(&of_arguments.iter().map(|(_, actual)| *actual).collect());
        let mut axes = Vec::new();
        for formal in &dist.event {
            if let Some((_, actual)) = of_arguments.iter().find(|(known, _)| known == formal) {
                axes.push(*actual);
                continue;
            }
            let size = self.b.axes.info(*formal).size.substitute_all(&sizes);
            let prefix = format!("{}.", dist.name);
            if let Some(name) = size.names().find_map(|name| name.strip_prefix(&prefix)) {
                let message = format!("the size `{name}` of a value of `{}` is not known", dist.name);
                if dist.params.iter().any(|param| param.name == name) {
                    return Err(self.report(
                        Diagnostic::error(Code("E0304"), message)
                            .at(span, format!("`{name}` is computed from values"))
                            .help("use a whole number, `data n: int`, or a sum of such"),
                    ));
                }
                return Err(self.report(
                    Diagnostic::error(Code("E0304"), message).at(span, "no argument says it").help(format!(
                        "give the distribution a parameter with this size, such as `mu: real[{name}]`"
                    )),
                ));
            }
            let axis = self.b.axes.free(*formal, Dim::known(0), size, &taken);
            taken.insert(axis);
            axes.push(axis);
        }
        Ok(axes)
    }

    /// What the arguments say of formal sizes and counts, by their full names.
    fn formal_sizes(&self, dist: &Distribution, args: &[Array]) -> BTreeMap<String, Dim> {
        let mut sizes = BTreeMap::new();
        for (param, arg) in dist.params.iter().zip(args) {
            for (formal, actual) in param.dims.iter().zip(&arg.dims) {
                if let Some(name) = self.b.axes.info(*formal).size.as_name() {
                    sizes.insert(name.to_string(), self.b.axes.info(*actual).size.clone());
                }
            }
            if let Some(dim) = self.as_dim(arg.var) {
                sizes.insert(format!("{}.{}", dist.name, param.name), dim);
            }
        }
        sizes
    }

    /// The distribution with what its arguments settle: sizes of finite supports, literal ends.
    pub(super) fn specialised(&mut self, dist: &Rc<Distribution>, args: &mut [Array]) -> Rc<Distribution> {
        let sizes = self.formal_sizes(dist, args);
        let count_names: BTreeSet<String> =
            dist.params.iter().map(|param| format!("{}.{}", dist.name, param.name)).collect();
        let counts =
            count_names.iter().filter_map(|name| sizes.get(name).map(|size| (name.clone(), size.clone())));
        let counts = counts.collect();
        let mut special = settle(&mut self.b.axes, dist, &counts);
        let replace = |dim: &Dim| dim.substitute_all(&sizes);
        // A support is enumerated where its size is one number, or the size of data: not one of each row.
        let open = |size: &Dim| size.names().any(|name| count_names.contains(name));
        special.finite = special.finite.as_ref().map(replace).filter(|size| !open(size));
        if let Constraint::IntRange(lower, upper) = &special.support {
            special.support = Constraint::IntRange(lower.as_ref().map(replace), upper.as_ref().map(replace));
        }
        if special.support == Constraint::Bounded
            && let [Some(lower), Some(upper)] = special.ends
            && let (Some(a), Some(b)) = (self.b.constant(args[lower].var), self.b.constant(args[upper].var))
        {
            special.support = Constraint::Interval(a.number(), b.number());
        }
        special.into()
    }
}
