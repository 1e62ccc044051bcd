//! Functions of the language itself: their names, and what a call of one does.

mod algebra;
mod construct;
mod fold;
mod pointwise;

use super::value::Value;
use super::{Lower, Lowered};
use pointwise::unary;

use vary_core::dim::Dim;
use vary_core::ir::{Array, Elem, Op};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

/// Every built-in name.
pub const NAMES: &[&str] = &[
    "pi",
    "e",
    "inf",
    "exp",
    "expm1",
    "log",
    "log1p",
    "log1m",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "tanh",
    "atan",
    "sigmoid",
    "inv_logit",
    "logit",
    "softplus",
    "log1p_exp",
    "lgamma",
    "digamma",
    "trigamma",
    "erf",
    "erfc",
    "Phi",
    "log_Phi",
    "inv_Phi",
    "inverse_mills",
    "log1m_exp",
    "lbeta",
    "lchoose",
    "log_diff_exp",
    "gamma_p",
    "gamma_q",
    "log_gamma_p",
    "log_gamma_q",
    "inc_beta",
    "log_inc_beta",
    "log_bessel_i",
    "owens_t",
    "von_mises_cdf",
    "abs",
    "relu",
    "square",
    "floor",
    "ceil",
    "round",
    "sign",
    "real",
    "int",
    "min",
    "max",
    "atan2",
    "pow",
    "div",
    "xlogy",
    "xmuly",
    "log_add_exp",
    "clamp",
    "sum",
    "mean",
    "var",
    "sd",
    "any",
    "all",
    "log_sum_exp",
    "log_mean_exp",
    "softmax",
    "log_softmax",
    "cumsum",
    "dot",
    "zeros",
    "ones",
    "full",
    "eye",
    "one_hot",
    "length",
    "transpose",
    "diag",
    "diagonal",
    "cholesky",
    "solve_lower",
    "solve_upper",
    "solve",
    "log_det",
    "concat",
    "detach",
    "surrogate",
    "factor",
    "simulate",
    "log_density",
    "marginal",
    "frozen",
    "prior",
    "unobserved",
    "normalize",
    "latents",
    "observed",
    "mean_field",
    "average",
    "exp_estimate",
    "log_moment",
    "each_row",
    "step",
    "importance",
    "enumerate",
];

/// The built-in of this name.
pub fn find(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name).copied()
}

/// The value of a built-in constant.
pub fn constant(name: &str) -> Option<f64> {
    match name {
        "pi" => Some(std::f64::consts::PI),
        "e" => Some(std::f64::consts::E),
        "inf" => Some(f64::INFINITY),
        _ => None,
    }
}

impl Lower<'_> {
    /// A call of a built-in.
    pub(in crate::elaborate) fn builtin(
        &mut self,
        name: &'static str,
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<Value> {
        if let Some(result) = self.combinator(name, args, span) {
            return result;
        }
        if let Some(prim) = unary(name) {
            let a = self.reals::<1>(name, args, span)?;
            return Ok(Value::Array(self.pointwise(prim, &[&a[0]])));
        }
        match name {
            "log1m" | "logit" | "Phi" | "relu" | "square" | "abs" | "real" | "int" => {
                self.derived_unary(name, args, span)
            }
            "atan2" | "pow" | "xlogy" | "xmuly" | "log_add_exp" | "div" | "clamp" => {
                self.derived_binary(name, args, span)
            }
            "lbeta" | "lchoose" | "log_diff_exp" | "gamma_p" | "gamma_q" | "log_gamma_p" | "log_gamma_q"
            | "log_bessel_i" | "owens_t" | "von_mises_cdf" => {
                let args = self.broadcast_reals::<2>(name, args, span)?;
                Ok(Value::Array(self.special(name, &args)))
            }
            "inc_beta" | "log_inc_beta" => {
                let args = self.broadcast_reals::<3>(name, args, span)?;
                Ok(Value::Array(self.special(name, &args)))
            }
            "min" | "max" if args.iter().filter(|a| a.name.is_none()).count() == 2 => {
                self.derived_binary(name, args, span)
            }
            "sum" | "mean" | "var" | "sd" | "min" | "max" | "any" | "all" | "log_sum_exp"
            | "log_mean_exp" => self.reduction(name, args, span).map(Value::Array),
            "softmax" | "log_softmax" | "cumsum" => self.along_last(name, args, span).map(Value::Array),
            "zeros" | "ones" => {
                let dims: Lowered<Vec<Dim>> =
                    args.iter().map(|a| self.size(&a.value, &mut None, 0)).collect();
                let value = self.b.real(if name == "ones" { 1.0 } else { 0.0 });
                let dims = self.axes_for(&dims?, "entry");
                Ok(Value::Array(Array { var: value, dims }))
            }
            "full" | "eye" | "one_hot" | "length" | "concat" => self.construction(name, args, span),
            "dot" | "transpose" | "diag" | "diagonal" | "cholesky" | "solve_lower" | "solve_upper"
            | "solve" | "log_det" => self.linear_algebra(name, args, span).map(Value::Array),
            "detach" if args.len() == 1 => {
                if !self.in_stdlib {
                    self.unit.detaches.push(span);
                }
                if let Value::Trace(fields) = self.expr(&args[0].value)? {
                    let constant = |this: &mut Self, mut field: vary_core::generative::TraceField| {
                        field.value.var = this.b.detach(field.value.var);
                        field
                    };
                    return Ok(Value::Trace(fields.into_iter().map(|field| constant(self, field)).collect()));
                }
                let [a] = self.arrays::<1>(name, args, span)?;
                Ok(Value::Array(Array { var: self.b.detach(a.var), dims: a.dims }))
            }
            "surrogate" => {
                let params = ["value", "grad"].map(parameter);
                let values = self.match_arguments(name, &params, args, span)?;
                let [(Value::Array(value), _), (Value::Array(grad), _)] = values.as_slice() else {
                    return Err(self.error("E0311", span, "`surrogate` takes two numbers", "here"));
                };
                if !self.in_stdlib {
                    self.unit.detaches.push(span);
                }
                let (value, grad) = (self.reals_of(value), self.reals_of(grad));
                let (value, grad) = self.broadcast(&value, &grad, span, span, span)?;
                let fixed = self.b.detach(value.var);
                let tangent = self.emit(Op::Tangent(grad.var));
                Ok(Value::Array(Array { var: self.b.add(fixed, tangent), dims: value.dims }))
            }
            _ => Err(self.error("E0314", span, format!("`{name}` cannot be used like this"), "here")),
        }
    }

    /// Positional arguments as arrays.
    pub(in crate::elaborate) fn arrays<const N: usize>(
        &mut self,
        name: &str,
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<[Array; N]> {
        let positional: Vec<&ast::Arg> = args.iter().filter(|a| a.name.is_none()).collect();
        if positional.len() != N {
            let message = format!("`{name}` takes {N} argument{}", if N == 1 { "" } else { "s" });
            return Err(self.error("E0314", span, message, &format!("{} given", positional.len())));
        }
        let mut arrays = Vec::new();
        for arg in positional {
            arrays.push(self.array(&arg.value)?);
        }
        self.b.at(span);
        arrays.try_into().map_err(|_| unreachable!("counted above"))
    }

    /// Positional arguments as arrays of reals.
    fn reals<const N: usize>(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<[Array; N]> {
        let arrays = self.arrays::<N>(name, args, span)?;
        for (array, arg) in arrays.iter().zip(args) {
            if self.elem(array) == Elem::Bool {
                return Err(self.report(
                    Diagnostic::error(Code("E0305"), format!("`{name}` works on numbers"))
                        .at(arg.value.span, "this is true or false")
                        .help("write `real(x)` for 0 or 1"),
                ));
            }
        }
        Ok(arrays.map(|array| self.reals_of(&array)))
    }
}

pub(in crate::elaborate) fn parameter(name: &str) -> ast::Param {
    ast::Param { name: ast::Ident { name: name.to_string(), span: Span::default() }, ty: None, default: None }
}
