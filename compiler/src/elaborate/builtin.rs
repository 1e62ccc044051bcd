//! Functions of the language itself.

use super::value::Value;
use super::{Lower, Lowered};
use vary_core::axis::{Axis, AxisSet};
use vary_core::dim::Dim;
use vary_core::ir::{Array, Elem, Monoid, Op, Var};
use vary_core::prim::Prim;
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

/// What to write instead of a name from another system.
pub fn foreign(name: &str) -> Option<&'static str> {
    Some(match name {
        "log_sigmoid" => "write `-softplus(-x)`",
        "ln" => "the natural logarithm is `log`",
        "logsumexp" => "write `log_sum_exp`",
        "inverse_logit" | "expit" => "write `inv_logit` or `sigmoid`",
        "fabs" => "write `abs`",
        "normal_cdf" | "std_normal_cdf" => "write `Phi(x)`",
        "std_normal_lcdf" | "normal_lcdf" => "write `log_Phi(x)`",
        "std_normal_qf" | "probit" | "qnorm" | "erfinv" => "the inverse of `Phi` is `inv_Phi(p)`",
        "gammaln" | "loggamma" => "write `lgamma(x)`",
        "betaln" | "log_beta" => "write `lbeta(a, b)`",
        "gammainc" => "write `gamma_p(a, x)`, or `log_gamma_p(a, x)` for its logarithm",
        "gammaincc" => "write `gamma_q(a, x)`, or `log_gamma_q(a, x)` for its logarithm",
        "betainc" => "write `inc_beta(a, b, x)`, or `log_inc_beta(a, b, x)` for its logarithm",
        "lmultiply" | "multiply_log" => "write `xlogy(x, y)`",
        "log_modified_bessel_first_kind" => "write `log_bessel_i(v, x)`",
        "modified_bessel_first_kind" => "write `exp(log_bessel_i(v, x))`",
        "log1mexp" => "write `log1m_exp(x)`",
        "choose" => "write `exp(lchoose(n, k))`",
        "print" => "use `report name` for values you want to see",
        "truncated" | "censored" | "zero_inflated" | "hurdle" | "mixture" => {
            "it stands after `~`, around a distribution: `x ~ truncated(normal(0, 1), lower = 0)`"
        }
        "len" | "size" | "num_elements" => "write `length(x)`",
        "matmul" => "the matrix product is `a @ b`",
        "stop_gradient" => "write `detach(x)`",
        "target" => "write `factor(e)` to add to the log density",
        "base_normal" | "base_uniform" => {
            "it is noise in the start of a parameter, `param w: real[3] = 0.1 * base_normal`; sample with `~`"
        }
        "Linear" | "Dense" | "linear" => "a layer of n outputs is `x |> dense(n)`",
        _ => return None,
    })
}

/// Chains of one-operand primitives.
fn unary(name: &str) -> Option<Prim> {
    Some(match name {
        "exp" => Prim::Exp,
        "expm1" => Prim::Expm1,
        "log" => Prim::Log,
        "log1p" => Prim::Log1p,
        "sqrt" => Prim::Sqrt,
        "sin" => Prim::Sin,
        "cos" => Prim::Cos,
        "tan" => Prim::Tan,
        "tanh" => Prim::Tanh,
        "atan" => Prim::Atan,
        "sigmoid" | "inv_logit" => Prim::Sigmoid,
        "softplus" | "log1p_exp" => Prim::Softplus,
        "lgamma" => Prim::Lgamma,
        "digamma" => Prim::Polygamma(0),
        "trigamma" => Prim::Polygamma(1),
        "erf" => Prim::Erf,
        "erfc" => Prim::Erfc,
        "log_Phi" => Prim::LogPhi,
        "inv_Phi" => Prim::InvPhi,
        "inverse_mills" => Prim::InverseMills,
        "log1m_exp" => Prim::Log1mExp,
        "sign" => Prim::Sign,
        "floor" => Prim::Floor,
        "ceil" => Prim::Ceil,
        "round" => Prim::Round,
        _ => return None,
    })
}

impl Lower<'_> {
    /// A call of a built-in.
    pub(super) fn builtin(&mut self, name: &'static str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
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
            "atan2" | "pow" | "xlogy" | "log_add_exp" | "div" | "clamp" => {
                self.derived_binary(name, args, span)
            }
            "lbeta" | "lchoose" | "log_diff_exp" | "gamma_p" | "gamma_q" | "log_gamma_p" | "log_gamma_q"
            | "log_bessel_i" | "owens_t" => {
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
            "full" | "eye" | "length" | "concat" => self.construction(name, args, span),
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
    pub(super) fn arrays<const N: usize>(
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

    fn derived_unary(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let [a] = self.arrays::<1>(name, args, span)?;
        let b = &mut self.b;
        let elem = b.ty(a.var).elem;
        let x = match name {
            "abs" | "real" | "int" => a.var,
            _ => b.to_real(a.var),
        };
        let var = match name {
            "log1m" => {
                let minus = b.neg(x);
                b.prim(Prim::Log1p, &[minus])
            }
            "logit" => {
                let minus = b.neg(x);
                let (l, r) = (b.log(x), b.prim(Prim::Log1p, &[minus]));
                b.sub(l, r)
            }
            // ½ erfc(−x / √2)
            "Phi" => {
                let (scale, half) = (b.real(-std::f64::consts::FRAC_1_SQRT_2), b.real(0.5));
                let scaled = b.mul(scale, x);
                let tails = b.prim(Prim::Erfc, &[scaled]);
                b.mul(half, tails)
            }
            "relu" => {
                let zero = b.real(0.0);
                b.prim(Prim::Max, &[x, zero])
            }
            "square" => b.mul(x, x),
            "abs" if elem != Elem::Bool => b.prim(Prim::Abs, &[x]),
            "real" => b.to_real(x),
            "int" if elem == Elem::Bool => b.prim(Prim::ToInt, &[x]),
            "int" if elem == Elem::Int => x,
            _ => {
                return Err(self.report(
                    Diagnostic::error(Code("E0305"), format!("`{name}` does not take this"))
                        .at(span, "wrong type")
                        .help("`floor(x)` and `round(x)` turn reals into ints"),
                ));
            }
        };
        Ok(Value::Array(Array { var, dims: a.dims }))
    }

    fn derived_binary(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        if name == "clamp" {
            let [x, low, high] = self.reals::<3>(name, args, span)?;
            let (x, low) = self.broadcast(&x, &low, span, args[0].value.span, args[1].value.span)?;
            let x = self.pointwise(Prim::Max, &[&x, &low]);
            let (x, high) = self.broadcast(&x, &high, span, args[0].value.span, args[2].value.span)?;
            return Ok(Value::Array(self.pointwise(Prim::Min, &[&x, &high])));
        }
        let [a, b] = self.arrays::<2>(name, args, span)?;
        let (a, b) = self.broadcast(&a, &b, span, args[0].value.span, args[1].value.span)?;
        let both_int = self.elem(&a) == Elem::Int && self.elem(&b) == Elem::Int;
        if name == "div" {
            if !both_int {
                return Err(self.error("E0305", span, "`div` divides ints", "use `/` for reals"));
            }
            return Ok(Value::Array(self.pointwise(Prim::IntDiv, &[&a, &b])));
        }
        if both_int && matches!(name, "min" | "max") {
            let prim = if name == "min" { Prim::Min } else { Prim::Max };
            return Ok(Value::Array(self.pointwise(prim, &[&a, &b])));
        }
        let (a, b) = (self.reals_of(&a), self.reals_of(&b));
        if name == "log_add_exp" {
            let var = self.b.log_add_exp(a.var, b.var);
            return Ok(Value::Array(Array { var, dims: a.dims }));
        }
        let prim = match name {
            "min" => Prim::Min,
            "max" => Prim::Max,
            "atan2" => Prim::Atan2,
            "pow" => Prim::Pow,
            _ => Prim::XLogY,
        };
        Ok(Value::Array(self.pointwise(prim, &[&a, &b])))
    }

    /// Positional arguments as arrays of reals of one shape.
    fn broadcast_reals<const N: usize>(
        &mut self,
        name: &str,
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<[Array; N]> {
        let mut arrays = self.reals::<N>(name, args, span)?;
        let at: Vec<Span> = args.iter().map(|arg| arg.value.span).collect();
        // To the widest first, then all to it.
        for one in 1..N {
            let (first, other) = self.broadcast(&arrays[0], &arrays[one], span, at[0], at[one])?;
            (arrays[0], arrays[one]) = (first, other);
        }
        for one in 1..N {
            let (first, other) = self.broadcast(&arrays[0], &arrays[one], span, at[0], at[one])?;
            (arrays[0], arrays[one]) = (first, other);
        }
        Ok(arrays)
    }

    /// Functions of several reals of one shape, some made of others.
    fn special(&mut self, name: &str, args: &[Array]) -> Array {
        let vars: Vec<Var> = args.iter().map(|arg| arg.var).collect();
        let b = &mut self.b;
        let var = match name {
            "lbeta" => b.prim(Prim::Lbeta, &vars),
            "log_bessel_i" => b.prim(Prim::LogBesselI, &vars),
            "owens_t" => b.prim(Prim::OwensT, &vars),
            "log_gamma_p" => b.prim(Prim::LogGammaP, &vars),
            "log_gamma_q" => b.prim(Prim::LogGammaQ, &vars),
            "log_inc_beta" => b.prim(Prim::LogIncBeta, &vars),
            "gamma_p" | "gamma_q" | "inc_beta" => {
                let log = match name {
                    "gamma_p" => Prim::LogGammaP,
                    "gamma_q" => Prim::LogGammaQ,
                    _ => Prim::LogIncBeta,
                };
                let log = b.prim(log, &vars);
                b.exp(log)
            }
            // −log(n + 1) − log B(n − k + 1, k + 1)
            "lchoose" => {
                let [n, k] = [vars[0], vars[1]];
                let one = b.real(1.0);
                let (rest, after, all) = (b.sub(n, k), b.add(k, one), b.add(n, one));
                let rest = b.add(rest, one);
                let (log_all, beta) = (b.log(all), b.prim(Prim::Lbeta, &[rest, after]));
                let sum = b.add(log_all, beta);
                b.neg(sum)
            }
            // log(e^a − e^b) = a + log(1 − e^(b − a))
            _ => {
                let difference = b.sub(vars[1], vars[0]);
                let rest = b.prim(Prim::Log1mExp, &[difference]);
                b.add(vars[0], rest)
            }
        };
        Array { var, dims: args[0].dims.clone() }
    }

    /// Folds all dimensions, or those named by `dim = k`.
    fn reduction(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Array> {
        let [a] = self.arrays::<1>(name, args, span)?;
        let mut dims = a.dims.clone();
        let mut over: Vec<Axis> = dims.clone();
        if let Some(dim) = args.iter().find(|arg| arg.name.as_ref().is_some_and(|n| n.name == "dim")) {
            let at = self.scalar_int(&dim.value)?;
            match self.as_dim(at).and_then(|d| d.value()) {
                Some(k) if (0..dims.len() as i64).contains(&k) => over = vec![dims.remove(k as usize)],
                _ => {
                    let message = format!("the array has {} dimensions", dims.len());
                    return Err(self.error("E0307", dim.value.span, message, "no such dimension"));
                }
            }
        } else {
            dims.clear();
        }
        if over.is_empty() {
            let found = self.describe(&Value::Array(a));
            return Err(self.report(
                Diagnostic::error(Code("E0320"), format!("`{name}` needs an array"))
                    .at(span, format!("this is {found}"))
                    .note("inside a plate a name with its index is one row's value; fold it after the plate"),
            ));
        }
        let conditions = matches!(name, "any" | "all");
        if (self.elem(&a) == Elem::Bool) != conditions && !(name == "sum" && self.elem(&a) == Elem::Bool) {
            return Err(self.error(
                "E0305",
                span,
                format!("`{name}` does not take this"),
                "wrong element type",
            ));
        }
        let int = self.elem(&a) == Elem::Int;
        let x = match name {
            "sum" if self.elem(&a) == Elem::Bool => self.b.prim(Prim::ToInt, &[a.var]),
            "any" | "all" => a.var,
            "sum" | "min" | "max" if int => a.var,
            _ => self.b.to_real(a.var),
        };
        let fold =
            |this: &mut Self, monoid, x| over.iter().fold(x, |x, axis| this.b.reduce(monoid, *axis, x));
        let var = match name {
            "sum" => fold(self, Monoid::Sum, x),
            "min" | "all" => fold(self, Monoid::Min, x),
            "max" | "any" => fold(self, Monoid::Max, x),
            "mean" => self.mean(x, &over),
            "var" | "sd" => {
                let mean = self.mean(x, &over);
                let centred = self.b.sub(x, mean);
                let square = self.b.mul(centred, centred);
                let total = fold(self, Monoid::Sum, square);
                let (count, one) = (self.count(&over), self.b.real(1.0));
                let free = self.b.sub(count, one);
                let variance = self.b.div(total, free);
                if name == "sd" { self.b.prim(Prim::Sqrt, &[variance]) } else { variance }
            }
            _ => {
                let sum = self.log_sum_exp(x, &over);
                if name == "log_mean_exp" {
                    let count = self.count(&over);
                    let log_count = self.b.log(count);
                    self.b.sub(sum, log_count)
                } else {
                    sum
                }
            }
        };
        Ok(Array { var, dims })
    }

    /// `log Σ exp` over axes, counted also where the value is constant along them.
    fn log_sum_exp(&mut self, x: Var, over: &[Axis]) -> Var {
        over.iter().fold(x, |x, axis| {
            if self.b.axes_of(x).contains(*axis) {
                return self.b.log_sum_exp(*axis, x);
            }
            let size = self.b.size(*axis);
            let size = self.b.to_real(size);
            let log_size = self.b.log(size);
            self.b.add(x, log_size)
        })
    }

    fn count(&mut self, over: &[Axis]) -> Var {
        let one = self.b.real(1.0);
        over.iter().fold(one, |count, axis| {
            let size = self.b.size(*axis);
            let size = self.b.to_real(size);
            self.b.mul(count, size)
        })
    }

    fn mean(&mut self, x: Var, over: &[Axis]) -> Var {
        let total = over.iter().fold(x, |x, axis| self.b.reduce(Monoid::Sum, *axis, x));
        let count = self.count(over);
        self.b.div(total, count)
    }

    fn along_last(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Array> {
        let [a] = self.arrays::<1>(name, args, span)?;
        let Some(axis) = a.dims.last().copied() else {
            return Err(self.error("E0320", span, format!("`{name}` needs an array"), "this is a scalar"));
        };
        let x = if self.elem(&a) == Elem::Int { a.var } else { self.b.to_real(a.var) };
        let x = self.b.spread(x, axis);
        let var = match name {
            "cumsum" => self.emit(Op::CumSum { x, axis, reverse: false, exclusive: false }),
            _ => {
                let x = self.b.to_real(x);
                let total = self.b.log_sum_exp(axis, x);
                let log = self.b.sub(x, total);
                if name == "softmax" { self.b.exp(log) } else { log }
            }
        };
        Ok(Array { var, dims: a.dims })
    }

    fn construction(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        match name {
            "full" => {
                let Some((value, dims)) = args.split_first() else {
                    return Err(self.error("E0314", span, "`full` needs a value and sizes", "here"));
                };
                let value = self.array(&value.value)?;
                let dims: Lowered<Vec<Dim>> =
                    dims.iter().map(|a| self.size(&a.value, &mut None, 0)).collect();
                let mut all = self.axes_for(&dims?, "entry");
                let value = self.clear_of(&value, &all.iter().copied().collect());
                all.extend(&value.dims);
                Ok(Value::Array(Array { var: value.var, dims: all }))
            }
            "eye" => {
                let [arg] = args else {
                    return Err(self.error("E0314", span, "`eye` needs a size", "here"));
                };
                let size = self.size(&arg.value, &mut None, 0)?;
                let dims = self.axes_for(&[size.clone(), size], "entry");
                let (i, j) = (self.b.iota(dims[0]), self.b.iota(dims[1]));
                let same = self.b.prim(Prim::Eq, &[i, j]);
                Ok(Value::Array(Array { var: self.b.to_real(same), dims }))
            }
            "length" => {
                let [a] = self.arrays::<1>(name, args, span)?;
                match a.dims.first() {
                    Some(axis) => {
                        let size = self.b.axes.info(*axis).size.clone();
                        let var = self.known_int(size);
                        Ok(self.scalar(var))
                    }
                    None => Err(self.error("E0320", span, "`length` needs an array", "this is a scalar")),
                }
            }
            _ => {
                let mut parts = Vec::new();
                let mut total = Dim::known(0);
                let mut taken = self.open_axes();
                for arg in args {
                    let part = self.array(&arg.value)?;
                    let [axis] = part.dims.as_slice() else {
                        return Err(self.error(
                            "E0306",
                            arg.value.span,
                            "`concat` joins vectors",
                            "not a vector",
                        ));
                    };
                    total = total.plus(&self.b.axes.info(*axis).size);
                    let var = self.b.to_real(part.var);
                    let var = self.b.spread(var, *axis);
                    taken = taken.union(self.b.axes_of(var));
                    parts.push((*axis, var));
                }
                if parts.is_empty() {
                    return Err(self.error("E0314", span, "`concat` needs arrays", "none given"));
                }
                let axis = self.b.axes.index("joined", Dim::known(0), total, &taken);
                let var = self.emit(Op::Concat { axis, parts });
                Ok(Value::Array(Array { var, dims: vec![axis] }))
            }
        }
    }

    fn linear_algebra(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Array> {
        match name {
            "dot" => {
                let [a, b] = self.reals::<2>(name, args, span)?;
                if a.dims.len() != 1 || b.dims.len() != 1 {
                    return Err(self.error("E0306", span, "`dot` takes two vectors", "use `@` for matrices"));
                }
                self.matmul(&a, &b, span)
            }
            "transpose" => {
                let [a] = self.arrays::<1>(name, args, span)?;
                match a.dims.as_slice() {
                    [row, col] => Ok(Array { var: a.var, dims: vec![*col, *row] }),
                    _ => Err(self.error("E0306", span, "`transpose` takes a matrix", "not a matrix")),
                }
            }
            "diag" => {
                let [a] = self.reals::<1>(name, args, span)?;
                let [axis] = a.dims.as_slice() else {
                    return Err(self.error(
                        "E0306",
                        span,
                        "`diag` takes a vector",
                        "use `diagonal` for a matrix",
                    ));
                };
                let size = self.b.axes.info(*axis).size.clone();
                let mut taken: AxisSet = self.open_axes().union(self.b.axes_of(a.var));
                taken.insert(*axis);
                let col = self.b.axes.index("entry", Dim::known(0), size, &taken);
                let (i, j) = (self.b.iota(*axis), self.b.iota(col));
                let same = self.b.prim(Prim::Eq, &[i, j]);
                let zero = self.b.real(0.0);
                Ok(Array { var: self.b.select(same, a.var, zero), dims: vec![*axis, col] })
            }
            "solve_lower" | "solve_upper" | "solve" => {
                let [m, v] = self.reals::<2>(name, args, span)?;
                let (row, col) = self.square(&m, args[0].value.span)?;
                if v.dims.is_empty() || self.sizes(&v)[0] != self.b.axes.info(row).size {
                    return Err(self.error(
                        "E0306",
                        args[1].value.span,
                        "the right-hand side does not fit the matrix",
                        "wrong length",
                    ));
                }
                let v = self.clear_of(&v, &[row, col].into_iter().collect());
                let matrix = self.full_matrix(m.var, row, col);
                let (l, transposed) = match name {
                    "solve_lower" => (matrix, false),
                    "solve_upper" => {
                        // An upper factor is the transpose of a lower one: swap the roles of its axes.
                        (self.b.rename(&[(row, col), (col, row)], matrix), true)
                    }
                    _ => (self.emit(Op::Cholesky { x: matrix, row, col }), false),
                };
                let mut dims = v.dims.clone();
                let first = dims[0];
                let from = if transposed { col } else { row };
                let rhs = self.b.rename(&[(first, from)], v.var);
                let rhs = self.b.spread(rhs, from);
                let mut x = self.emit(Op::TriSolve { l, row, col, b: rhs, transposed });
                let mut at = if transposed { row } else { col };
                if name == "solve" {
                    x = self.emit(Op::TriSolve { l, row, col, b: x, transposed: true });
                    at = row;
                }
                dims[0] = at;
                Ok(Array { var: x, dims })
            }
            _ => {
                let [m] = self.reals::<1>(name, args, span)?;
                let (row, col) = self.square(&m, args[0].value.span)?;
                let matrix = self.full_matrix(m.var, row, col);
                if name == "diagonal" {
                    let var = self.b.rename(&[(col, row)], matrix);
                    return Ok(Array { var, dims: vec![row] });
                }
                let factor = self.emit(Op::Cholesky { x: matrix, row, col });
                if name == "cholesky" {
                    return Ok(Array { var: factor, dims: vec![row, col] });
                }
                let diagonal = self.b.rename(&[(col, row)], factor);
                let logs = self.b.log(diagonal);
                let half = self.b.reduce(Monoid::Sum, row, logs);
                let two = self.b.real(2.0);
                Ok(Array { var: self.b.mul(two, half), dims: Vec::new() })
            }
        }
    }

    fn full_matrix(&mut self, var: Var, row: Axis, col: Axis) -> Var {
        let var = self.b.spread(var, row);
        self.b.spread(var, col)
    }

    fn square(&mut self, m: &Array, span: Span) -> Lowered<(Axis, Axis)> {
        let sizes = self.sizes(m);
        match m.dims.as_slice() {
            [row, col] if sizes[0] == sizes[1] => Ok((*row, *col)),
            _ => {
                let found = self.describe(&Value::Array(m.clone()));
                Err(self.error("E0306", span, "a square matrix is needed", &format!("this is {found}")))
            }
        }
    }
}

pub(super) fn parameter(name: &str) -> ast::Param {
    ast::Param { name: ast::Ident { name: name.to_string(), span: Span::default() }, ty: None, default: None }
}
