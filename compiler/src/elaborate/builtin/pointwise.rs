//! Functions that work entry by entry.

use crate::elaborate::value::Value;
use crate::elaborate::{Lower, Lowered};
use vary_core::ir::{Array, Elem, Var};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

/// Chains of one-operand primitives.
pub(super) fn unary(name: &str) -> Option<Prim> {
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
    pub(super) fn derived_unary(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
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

    pub(super) fn derived_binary(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
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
            "xmuly" => Prim::XMulY,
            _ => Prim::XLogY,
        };
        Ok(Value::Array(self.pointwise(prim, &[&a, &b])))
    }

    /// Positional arguments as arrays of reals of one shape.
    pub(super) fn broadcast_reals<const N: usize>(
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
    pub(super) fn special(&mut self, name: &str, args: &[Array]) -> Array {
        let vars: Vec<Var> = args.iter().map(|arg| arg.var).collect();
        let b = &mut self.b;
        let var = match name {
            "lbeta" => b.prim(Prim::Lbeta, &vars),
            "log_bessel_i" => b.prim(Prim::LogBesselI, &vars),
            "owens_t" => b.prim(Prim::OwensT, &vars),
            "von_mises_cdf" => b.prim(Prim::VonMisesCdf, &vars),
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
}
