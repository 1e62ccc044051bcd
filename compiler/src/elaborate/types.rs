//! Declared types: from syntax to constraints and dimensions.

use super::{Lower, Lowered};
use std::collections::HashMap;
use vary_core::dim::Dim;
use vary_core::generative::{Constraint, PositiveMap};
use vary_core::ir::Elem;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, ExprKind, TypeKind};

/// A declared type.
#[derive(Debug, Clone)]
pub enum Declaration {
    /// Numbers.
    Array(ArrayType),
    /// `(a, b)`
    Tuple(Vec<Declaration>),
    /// `{ a: real }`
    Record(Vec<(String, Declaration)>),
    /// `program`
    Program,
    /// `plate`: the name of a dimension.
    Plate,
    /// A function, by `fn`.
    Function,
}

/// The type of an array.
#[derive(Debug, Clone)]
pub struct ArrayType {
    /// Where every entry (or the last dimensions together) lies.
    pub constraint: Constraint,
    /// Dimensions, those of a simplex and the like last.
    pub dims: Vec<Dim>,
    /// `bounded(a, b)` with ends that are not literals.
    pub symbolic_ends: bool,
    /// `from 1`: what counts as the first index of `index` data.
    pub base: i64,
    /// `factor[S]`: text levels.
    pub factor: bool,
}

impl ArrayType {
    /// A plain array.
    pub fn new(constraint: Constraint, dims: Vec<Dim>) -> Self {
        ArrayType { constraint, dims, symbolic_ends: false, base: 0, factor: false }
    }

    /// How many dimensions, at the end, the constraint ties together.
    pub fn event(&self) -> usize {
        match self.constraint {
            Constraint::Simplex | Constraint::Ordered => 1,
            Constraint::CholeskyCorr => 2,
            _ => 0,
        }
    }
}

/// A type for messages: `real[n, 10]`.
pub fn describe(elem: Elem, dims: &[Dim]) -> String {
    let head = match elem {
        Elem::Real => "real",
        Elem::Int => "int",
        Elem::Bool => "bit",
    };
    if dims.is_empty() {
        return head.to_string();
    }
    let dims: Vec<String> = dims.iter().map(Dim::to_string).collect();
    format!("{head}[{}]", dims.join(", "))
}

impl Lower<'_> {
    /// The declared type; names of dimensions that are unknown are added to `generic`, where it is given.
    pub fn declaration(
        &mut self,
        ty: &ast::Type,
        generic: &mut Option<HashMap<String, Dim>>,
    ) -> Lowered<Declaration> {
        match &ty.kind {
            TypeKind::Tuple(parts) => {
                let parts: Lowered<Vec<_>> =
                    parts.iter().map(|part| self.declaration(part, generic)).collect();
                Ok(Declaration::Tuple(parts?))
            }
            TypeKind::Record(fields) => {
                let fields: Lowered<Vec<_>> = fields
                    .iter()
                    .map(|(name, ty)| Ok((name.name.clone(), self.declaration(ty, generic)?)))
                    .collect();
                Ok(Declaration::Record(fields?))
            }
            TypeKind::Named { name, args, dims, from } => match name.name.as_str() {
                "program" | "model" | "guide" => Ok(Declaration::Program),
                "plate" => Ok(Declaration::Plate),
                "fn" => Ok(Declaration::Function),
                _ => {
                    self.array_type(ty.span, name, args, dims, from.as_ref(), generic).map(Declaration::Array)
                }
            },
        }
    }

    /// A declared array type; anything else is an error.
    pub fn array_declaration(
        &mut self,
        ty: &ast::Type,
        generic: &mut Option<HashMap<String, Dim>>,
    ) -> Lowered<ArrayType> {
        match self.declaration(ty, generic)? {
            Declaration::Array(array) => Ok(array),
            _ => Err(self.report(
                Diagnostic::error(Code("E0301"), "a type of numbers is expected here")
                    .at(ty.span, "this is not one")
                    .help("write for example `real`, `positive[2]` or `int`"),
            )),
        }
    }

    fn array_type(
        &mut self,
        span: Span,
        name: &ast::Ident,
        args: &[ast::Expr],
        groups: &[Vec<ast::Expr>],
        from: Option<&ast::Expr>,
        generic: &mut Option<HashMap<String, Dim>>,
    ) -> Lowered<ArrayType> {
        let mut resolved = Vec::new();
        for group in groups {
            let least = if resolved.is_empty() && is_tied(&name.name) { 1 } else { 0 };
            let dims: Lowered<Vec<Dim>> = group.iter().map(|e| self.size(e, generic, least)).collect();
            resolved.push(dims?);
        }
        let takes = match name.name.as_str() {
            "flat" | "bounded" => 2,
            "positive" => 1,
            _ => 0,
        };
        if args.len() > takes {
            return Err(self.report(
                Diagnostic::error(Code("E0302"), format!("`{}` takes no values in ( )", name.name))
                    .at(span, "here")
                    .help(format!("dimensions stand in brackets: `{}[n]`", name.name)),
            ));
        }
        let mut symbolic_ends = false;
        let mut leading: Option<Dim> = None;
        let constraint = match name.name.as_str() {
            "real" => Constraint::Real,
            "int" => Constraint::Int,
            "count" => Constraint::IntRange(Some(Dim::known(0)), None),
            "bit" | "bool" => Constraint::Bool,
            "positive" => Constraint::Positive(self.positive_map(args)?),
            "unit" => Constraint::Interval(0.0, 1.0),
            "flat" | "bounded" => {
                let [lower, upper] = args else {
                    return Err(self.report(
                        Diagnostic::error(
                            Code("E0302"),
                            format!("`{}` needs a lower and an upper end", name.name),
                        )
                        .at(span, "here")
                        .help(format!("write `{}(0, 10)`", name.name)),
                    ));
                };
                match (literal(lower), literal(upper)) {
                    (Some(a), Some(b)) if a < b => Constraint::Interval(a, b),
                    (Some(a), Some(b)) => {
                        return Err(self.report(
                            Diagnostic::error(Code("E0302"), format!("the lower end {a} is not below {b}"))
                                .at(span, "an empty interval"),
                        ));
                    }
                    _ => {
                        symbolic_ends = true;
                        Constraint::Bounded
                    }
                }
            }
            "simplex" | "ordered" | "cholesky_corr" | "index" | "factor" => {
                if resolved.is_empty() || resolved[0].len() != 1 {
                    return Err(self.report(
                        Diagnostic::error(
                            Code("E0302"),
                            format!("`{}` needs its size in brackets", name.name),
                        )
                        .at(span, "here")
                        .help(format!(
                            "write `{}[k]`, and `{}[k][n]` for an array of them",
                            name.name, name.name
                        )),
                    ));
                }
                leading = Some(resolved.remove(0).remove(0));
                match name.name.as_str() {
                    "simplex" => Constraint::Simplex,
                    "ordered" => Constraint::Ordered,
                    "cholesky_corr" => Constraint::CholeskyCorr,
                    _ => {
                        let top = leading.clone().map(|levels| levels.minus(&Dim::known(1)));
                        Constraint::IntRange(Some(Dim::known(0)), top)
                    }
                }
            }
            other => {
                return Err(self.report(
                    Diagnostic::error(Code("E0303"), format!("there is no type `{other}`")).at(name.span, "unknown type").help(
                        "the types are real, int, count, bit, positive, unit, bounded(a, b), simplex[k], ordered[k], cholesky_corr[k], index[k]",
                    ),
                ));
            }
        };
        let mut dims: Vec<Dim> = resolved.into_iter().flatten().collect();
        match (&constraint, leading) {
            (Constraint::Simplex | Constraint::Ordered, Some(size)) => dims.push(size),
            (Constraint::CholeskyCorr, Some(size)) => dims.extend([size.clone(), size]),
            _ => {}
        }
        let base = match from.map(literal) {
            None => 0,
            Some(Some(base)) if base.fract() == 0.0 => base as i64,
            Some(_) => {
                return Err(self.report(
                    Diagnostic::error(Code("E0302"), "`from` needs a whole number").at(span, "here"),
                ));
            }
        };
        Ok(ArrayType { constraint, dims, symbolic_ends, base, factor: name.name == "factor" })
    }

    fn positive_map(&mut self, args: &[ast::Expr]) -> Lowered<PositiveMap> {
        match args {
            [] => Ok(PositiveMap::Exp),
            [arg] => match &arg.kind {
                ExprKind::Name(name) if name == "softplus" => Ok(PositiveMap::Softplus),
                ExprKind::Name(name) if name == "exp" => Ok(PositiveMap::Exp),
                _ => Err(self.report(
                    Diagnostic::error(Code("E0302"), "`positive` takes `exp` or `softplus`")
                        .at(arg.span, "not this"),
                )),
            },
            [_, extra, ..] => Err(self.report(
                Diagnostic::error(Code("E0302"), "`positive` takes one map").at(extra.span, "one too many"),
            )),
        }
    }

    /// How many entries something has: at least `least`, where it is known.
    pub fn size(
        &mut self,
        expr: &ast::Expr,
        generic: &mut Option<HashMap<String, Dim>>,
        least: i64,
    ) -> Lowered<Dim> {
        let dim = self.dimension(expr, generic)?;
        match dim.value() {
            Some(size) if size < least => {
                let message = format!("a size of {size} is too small");
                Err(self.error("E0323", expr.span, message, &format!("at least {least} is needed")))
            }
            _ => Ok(dim),
        }
    }

    /// A size, or an end of a range.
    pub fn dimension(
        &mut self,
        expr: &ast::Expr,
        generic: &mut Option<HashMap<String, Dim>>,
    ) -> Lowered<Dim> {
        if let ExprKind::Name(name) = &expr.kind
            && let Some(names) = generic
            && self.lookup(name).is_none()
        {
            // A dimension named here for the first time: any size.
            let dim = Dim::named(name.clone());
            return Ok(names.entry(name.clone()).or_insert(dim).clone());
        }
        let value = self.scalar_int(expr)?;
        match self.as_dim(value) {
            Some(dim) if dim.value().is_some_and(|size| size.unsigned_abs() > LARGEST.unsigned_abs()) => {
                Err(self.report(
                    Diagnostic::error(Code("E0323"), "this size is too large")
                        .at(expr.span, format!("it is {dim}"))
                        .note(format!("at most {LARGEST} entries are counted")),
                ))
            }
            Some(dim) => Ok(dim),
            None => Err(self.report(
                Diagnostic::error(Code("E0304"), "a size must be known before the program runs")
                    .at(expr.span, "this is computed from values")
                    .help("use a whole number, `data n: int`, or a sum of such"),
            )),
        }
    }
}

/// Sizes and positions beyond this are mistakes: 2⁴⁰.
const LARGEST: i64 = 1 << 40;

/// Types whose first size counts entries that belong together.
fn is_tied(name: &str) -> bool {
    matches!(name, "simplex" | "ordered" | "cholesky_corr" | "index" | "factor")
}

/// A literal number, possibly negated.
pub fn literal(expr: &ast::Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Int(value) => Some(*value as f64),
        ExprKind::Real(value) => Some(*value),
        ExprKind::Unary(ast::UnaryOp::Neg, inner) => literal(inner).map(|value| -value),
        _ => None,
    }
}
