//! Operators: broadcasting, numeric promotion, matrix product.

use super::value::Value;
use super::{Lower, Lowered};
use vary_core::axis::AxisSet;
use vary_core::ir::{Array, Elem};
use vary_core::prim::Prim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, BinaryOp, UnaryOp};

impl Lower<'_> {
    /// `-a`, `!a`
    pub(super) fn unary(&mut self, op: UnaryOp, operand: &ast::Expr, span: Span) -> Lowered<Value> {
        let a = self.possibly_estimated(operand)?;
        self.b.at(span);
        let made_of = self.made_of(a.var);
        if !made_of.is_empty() {
            let negated = self.pointwise(Prim::Neg, &[&a]);
            self.mark_estimated(negated.var, made_of);
            return Ok(Value::Array(negated));
        }
        match (op, self.elem(&a)) {
            (UnaryOp::Neg, Elem::Int) if a.dims.is_empty() => {
                let zero = self.b.int(0);
                let var = self.int_prim(Prim::Sub, zero, a.var);
                Ok(self.scalar(var))
            }
            (UnaryOp::Neg, Elem::Real | Elem::Int) => Ok(Value::Array(self.pointwise(Prim::Neg, &[&a]))),
            (UnaryOp::Not, Elem::Bool) => Ok(Value::Array(self.pointwise(Prim::Not, &[&a]))),
            (UnaryOp::Neg, _) => {
                Err(self.error("E0305", operand.span, "`-` needs a number", "this is true or false"))
            }
            (UnaryOp::Not, _) => {
                Err(self.error("E0305", operand.span, "`!` needs a condition", "this is a number"))
            }
        }
    }

    /// `a op b`
    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        l: &ast::Expr,
        r: &ast::Expr,
        span: Span,
    ) -> Lowered<Value> {
        if op == BinaryOp::Condition {
            return self.condition(l, r, span);
        }
        let (a, b, made_of) = self.linear_operands(op, l, r)?;
        self.b.at(span);
        if op == BinaryOp::MatMul {
            return self.matmul(&a, &b, span).map(Value::Array);
        }
        let (a, b) = self.broadcast(&a, &b, span, l.span, r.span)?;
        let (ea, eb) = (self.elem(&a), self.elem(&b));
        let logical = matches!(op, BinaryOp::And | BinaryOp::Or);
        let wrong = [(ea, l), (eb, r)].into_iter().find(|(elem, _)| (*elem == Elem::Bool) != logical);
        let equality = matches!(op, BinaryOp::Eq | BinaryOp::Ne) && ea == Elem::Bool && eb == Elem::Bool;
        if let (Some((_, side)), false) = (wrong, equality) {
            let (need, found) = if logical {
                ("conditions", "this is a number")
            } else {
                ("numbers", "this is true or false")
            };
            let help = if logical { "compare it, as in `x > 0`" } else { "write `real(x)` for 0 or 1" };
            return Err(self.report(
                Diagnostic::error(Code("E0305"), format!("`{}` works on {need}", op.symbol()))
                    .at(side.span, found)
                    .help(help),
            ));
        }
        let prim = match op {
            BinaryOp::Add => Prim::Add,
            BinaryOp::Sub => Prim::Sub,
            BinaryOp::Mul => Prim::Mul,
            BinaryOp::Div => Prim::Div,
            BinaryOp::Rem => Prim::Rem,
            BinaryOp::Pow => return Ok(Value::Array(self.power(&a, &b, r))),
            BinaryOp::Eq => Prim::Eq,
            BinaryOp::Ne => Prim::Ne,
            BinaryOp::Lt | BinaryOp::Gt => Prim::Lt,
            BinaryOp::Le | BinaryOp::Ge => Prim::Le,
            BinaryOp::And => Prim::And,
            BinaryOp::Or => Prim::Or,
            BinaryOp::MatMul | BinaryOp::Condition => unreachable!("handled above"),
        };
        let (a, b) = if matches!(op, BinaryOp::Gt | BinaryOp::Ge) { (b, a) } else { (a, b) };
        let both_int = ea == Elem::Int && eb == Elem::Int;
        if both_int && prim != Prim::Div {
            let var = self.int_prim(prim, a.var, b.var);
            return Ok(Value::Array(Array { var, dims: a.dims }));
        }
        if logical || equality {
            return Ok(Value::Array(self.pointwise(prim, &[&a, &b])));
        }
        let (a, b) = (self.reals_of(&a), self.reals_of(&b));
        let result = self.pointwise(prim, &[&a, &b]);
        self.mark_estimated(result.var, made_of);
        Ok(Value::Array(result))
    }

    /// `a ^ b`: products for small whole exponents, so that negative bases and zero are exact.
    fn power(&mut self, a: &Array, b: &Array, exponent: &ast::Expr) -> Array {
        let whole = super::types::literal(exponent).filter(|e| e.fract() == 0.0 && (0.0..=64.0).contains(e));
        if let Some(exponent) = whole {
            let mut result = if self.elem(a) == Elem::Int { self.b.int(1) } else { self.b.real(1.0) };
            let (mut square, mut left) = (a.var, exponent as u32);
            while left > 0 {
                if left & 1 == 1 {
                    result = self.b.mul(result, square);
                }
                left >>= 1;
                if left > 0 {
                    square = self.b.mul(square, square);
                }
            }
            return Array { var: result, dims: a.dims.clone() };
        }
        let (a, b) = (self.reals_of(a), self.reals_of(b));
        self.pointwise(Prim::Pow, &[&a, &b])
    }

    /// Two arrays of one shape: dimensions are matched from the right, a missing one is repeated.
    pub(super) fn broadcast(
        &mut self,
        a: &Array,
        b: &Array,
        span: Span,
        a_span: Span,
        b_span: Span,
    ) -> Lowered<(Array, Array)> {
        let (long, short, swapped) = if a.dims.len() >= b.dims.len() { (a, b, false) } else { (b, a, true) };
        let offset = long.dims.len() - short.dims.len();
        let (long_sizes, short_sizes) = (self.sizes(long), self.sizes(short));
        if long_sizes[offset..] != short_sizes[..] {
            let (ta, tb) = (
                super::types::describe(self.elem(a), &self.sizes(a)),
                super::types::describe(self.elem(b), &self.sizes(b)),
            );
            return Err(self.report(
                Diagnostic::error(Code("E0306"), format!("shapes do not match: {ta} and {tb}"))
                    .at(span, "combined here")
                    .at(a_span, format!("this is {ta}"))
                    .at(b_span, format!("this is {tb}"))
                    .note("shapes are matched from the right; only missing leading dimensions are repeated"),
            ));
        }
        let moved = self.with_dims(short, &long.dims[offset..]);
        let widened = Array { var: moved.var, dims: long.dims.clone() };
        Ok(if swapped { (widened, long.clone()) } else { (long.clone(), widened) })
    }

    /// `a @ b`: vector·vector, matrix·vector, vector·matrix, matrix·matrix.
    pub(super) fn matmul(&mut self, a: &Array, b: &Array, span: Span) -> Lowered<Array> {
        let (sa, sb) = (self.sizes(a), self.sizes(b));
        let inner_b = sb.len().saturating_sub(2);
        let fits =
            (1..=2).contains(&sa.len()) && (1..=2).contains(&sb.len()) && sa[sa.len() - 1] == sb[inner_b];
        if !fits {
            let (ta, tb) =
                (super::types::describe(self.elem(a), &sa), super::types::describe(self.elem(b), &sb));
            return Err(self.report(
                Diagnostic::error(Code("E0306"), format!("`@` cannot multiply {ta} by {tb}"))
                    .at(span, "here")
                    .note("the last dimension of the left side must equal the first of the right side"),
            ));
        }
        let (a, b) = (self.reals_of(a), self.reals_of(b));
        let shared = a.dims[a.dims.len() - 1];
        let avoid: AxisSet = a.dims.iter().copied().collect();
        let b = self.clear_of(&b, &avoid);
        let inner = b.dims[inner_b];
        let moved = self.b.rename(&[(inner, shared)], b.var);
        let product = self.b.mul(a.var, moved);
        let var = self.b.reduce(vary_core::ir::Monoid::Sum, shared, product);
        let mut dims: Vec<_> = a.dims[..a.dims.len() - 1].to_vec();
        dims.extend(b.dims.iter().enumerate().filter(|(at, _)| *at != inner_b).map(|(_, axis)| *axis));
        Ok(Array { var, dims })
    }
}
