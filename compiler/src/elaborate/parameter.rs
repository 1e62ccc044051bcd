//! `param`: a value on its constrained scale, made of unconstrained reals that are optimised.

use super::types::ArrayType;
use super::value::Value;
use super::{Lower, Lowered, Mode, OpenKind};
use vary_core::axis::{Axis, AxisSet};
use vary_core::dim::Dim;
use vary_core::generative::{Constraint, ParamSpec, PositiveMap};
use vary_core::ir::{Array, Elem, Input, InputKind, Monoid, Op, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

impl Lower<'_> {
    /// A parameter declared in a program's body.
    pub(super) fn declare_parameter(&mut self, param: &ast::ParamDecl) -> Lowered<Value> {
        let Some(owner) = self.owners.last().map(|owner| (owner.path.clone(), owner.is_net)) else {
            return Err(self.error(
                "E0404",
                param.span,
                "parameters belong to models, guides, nets or the file",
                "not allowed here",
            ));
        };
        let (owner, is_net) = owner;
        let repeated = self.open.iter().rev().find(|open| open.kind != OpenKind::Copy && !is_net);
        if let Some(open) = repeated {
            let (name, index) = (&param.name.name, open.name.clone());
            let size = self.b.axes.info(open.axis).size.to_string();
            return Err(self.report(
                Diagnostic::error(Code("E0404"), "a parameter cannot be declared inside a plate or loop")
                    .at(param.span, "here")
                    .help(format!("declare `param {name}: …[{size}]` before it and use `{name}[{index}]`")),
            ));
        }
        self.claim(&param.name.name, param.name.span)?;
        self.parameter(param, Some(&owner))
    }

    /// The constrained value of a parameter; `owner` is absent at file level.
    pub(super) fn parameter(&mut self, param: &ast::ParamDecl, owner: Option<&str>) -> Lowered<Value> {
        let started = format!("param {}", param.name.name);
        if !self.unit.elaborating.insert(started.clone()) {
            let message = format!("the declaration of `{}` needs `{0}`", param.name.name);
            return Err(self.error("E0203", param.span, message, "its size or start is made of itself"));
        }
        let value = self.parameter_once(param, owner);
        self.unit.elaborating.remove(&started);
        value
    }

    fn parameter_once(&mut self, param: &ast::ParamDecl, owner: Option<&str>) -> Lowered<Value> {
        let ty = self.array_declaration(&param.ty, &mut None)?;
        if ty.constraint.elem() != Elem::Real || ty.symbolic_ends || ty.constraint == Constraint::CholeskyCorr
        {
            return Err(self.report(
                Diagnostic::error(Code("E0405"), "a parameter cannot have this type")
                    .at(param.ty.span, "not a type that can be optimised")
                    .help(
                        "use real, positive, unit, bounded(0, 1) with literal ends, simplex[k] or ordered[k]",
                    ),
            ));
        }
        let name = match owner {
            Some(owner) => format!("{owner}.{}", param.name.name),
            None => param.name.name.clone(),
        };
        // The input is the same wherever it is read; what is made of it has axes of its own.
        let dims = self.axes_for(&ty.dims, &param.name.name);
        let open = std::mem::take(&mut self.open);
        let stored = self.axes_for(&ty.dims, &param.name.name);
        self.open = open;
        let init = match &param.init {
            None => None,
            Some(init) => Some(self.filled(init, &ty.dims, &name, ("start", param.ty.span))?),
        };
        let var = self.constrained(&name, &ty, &stored, &dims);
        // Of a layer of the standard library a user sees the call.
        let span = if self.in_stdlib { self.stdlib_call } else { param.span };
        self.one_shape(&name, &ty, span)?;
        let spec = ParamSpec { name, dims: stored, constraint: ty.constraint, init, span };
        let known = match &mut self.mode {
            Mode::Generative(state) => &mut state.params,
            Mode::Objective(_) | Mode::Pure => &mut self.free_params,
        };
        known.entry(spec.name.clone()).or_insert(spec);
        Ok(Value::Array(Array { var, dims }))
    }

    /// What is called twice has the same parameters, so these have one shape.
    fn one_shape(&mut self, name: &str, ty: &ArrayType, span: Span) -> Lowered<()> {
        // Told at the calls of the outermost net, or inside of it where both are of one call.
        let call = self.origin(name).unwrap_or(span);
        let Some((dims, first_call, first)) = self.unit.parameters.get(name).cloned() else {
            self.unit.parameters.insert(name.to_string(), (ty.dims.clone(), call, span));
            return Ok(());
        };
        if dims == ty.dims {
            return Ok(());
        }
        let (here, there) = if call == first_call { (span, first) } else { (call, first_call) };
        let (now, before) =
            (super::types::describe(Elem::Real, &ty.dims), super::types::describe(Elem::Real, &dims));
        Err(self.report(
            Diagnostic::error(Code("E0306"), format!("the parameter `{name}` would have two shapes"))
                .at(here, format!("{now} here"))
                .at(there, format!("{before} here"))
                .note("what owns parameters has the same ones wherever it is used"),
        ))
    }

    /// The constrained value along `dims` as a function of the unconstrained input of this name, which has `stored`.
    fn constrained(&mut self, name: &str, ty: &ArrayType, stored: &[Axis], dims: &[Axis]) -> Var {
        let guard = self.b.set_guard(None);
        let var = match &ty.constraint {
            Constraint::Simplex => self.simplex(name, stored, dims),
            constraint => {
                let raw = self.raw_parameter(name, stored, dims);
                match constraint {
                    Constraint::Positive(PositiveMap::Exp) => self.b.exp(raw),
                    Constraint::Positive(PositiveMap::Softplus) => self.b.prim(Prim::Softplus, &[raw]),
                    Constraint::Interval(lower, upper) => {
                        let unit = self.b.prim(Prim::Sigmoid, &[raw]);
                        let (width, lower) = (self.b.real(upper - lower), self.b.real(*lower));
                        let scaled = self.b.mul(width, unit);
                        self.b.add(lower, scaled)
                    }
                    Constraint::Ordered => {
                        // x₀ = u₀ and x_j = x_{j−1} + exp(u_j)
                        let axis = dims[dims.len() - 1];
                        let (iota, zero) = (self.b.iota(axis), self.b.int(0));
                        let first = self.b.prim(Prim::Eq, &[iota, zero]);
                        let gaps = self.b.exp(raw);
                        let steps = self.b.select(first, raw, gaps);
                        self.emit(Op::CumSum { x: steps, axis, reverse: false, exclusive: false })
                    }
                    _ => raw,
                }
            }
        };
        self.b.set_guard(guard);
        var
    }

    fn raw_parameter(&mut self, name: &str, stored: &[Axis], dims: &[Axis]) -> Var {
        let input = Input { kind: InputKind::Param, name: name.to_string(), dims: stored.to_vec() };
        let var = self.b.input(Elem::Real, input);
        let pairs: Vec<(Axis, Axis)> = stored.iter().copied().zip(dims.iter().copied()).collect();
        self.b.rename(&pairs, var)
    }

    /// Softmax of k − 1 reals and a zero.
    fn simplex(&mut self, name: &str, stored: &[Axis], dims: &[Axis]) -> Var {
        let axis = dims[dims.len() - 1];
        let size = self.b.axes.info(axis).size.clone();
        let rest = size.minus(&Dim::known(1));
        let mut short = |dims: &[Axis], taken: AxisSet| {
            let taken = dims.iter().copied().collect::<AxisSet>().union(&taken);
            self.b.axes.index("free", Dim::known(0), rest.clone(), &taken)
        };
        let open: AxisSet = self.open.iter().map(|open| open.axis).collect();
        let (stored_short, short) = (short(stored, AxisSet::new()), short(dims, open.clone()));
        let taken = dims.iter().copied().collect::<AxisSet>().union(&open);
        let one = self.b.axes.index("one", Dim::known(0), Dim::known(1), &taken);
        let but_last = |dims: &[Axis], last| [&dims[..dims.len() - 1], &[last]].concat();
        let raw = self.raw_parameter(name, &but_last(stored, stored_short), &but_last(dims, short));
        let zero = self.b.real(0.0);
        let zero = self.b.spread(zero, one);
        let all = self.emit(Op::Concat { axis, parts: vec![(short, raw), (one, zero)] });
        let max = self.b.reduce(Monoid::Max, axis, all);
        let max = self.b.detach(max);
        let centred = self.b.sub(all, max);
        let weights = self.b.exp(centred);
        let total = self.b.reduce(Monoid::Sum, axis, weights);
        self.b.div(weights, total)
    }
}
