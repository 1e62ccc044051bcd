//! Data declarations in the runtime's terms.

use super::Session;
use super::estimator::{Data, evaluate};
use crate::elaborate::types::{ArrayType, literal};
use crate::elaborate::{Lowered, Reported, Unit};
use ndarray::{ArrayD, IxDyn};
use std::collections::HashMap;
use std::sync::Arc;
use vary_core::dim::Dim;
use vary_core::generative::Constraint;
use vary_core::ir::Elem;
use vary_diagnostic::{Code, Diagnostic};
use vary_runtime::data::{self, Absent, Declared, DimSpec, Ends, Kind, Values};
use vary_syntax::ast::{self, Expr, ExprKind};

/// The declarations that the readers of data need; erroneous ones are left out, having been reported.
pub fn declared(unit: &mut Unit) -> Vec<Declared> {
    let mut all = Vec::new();
    for decl in unit.data() {
        let Ok(ty) = unit.data_type(&decl) else { continue };
        let default = match &decl.default {
            None => None,
            Some(expr) => match array(expr).or_else(|| unit.known_number(expr).map(scalar)) {
                Some(value) => Some(value),
                None => {
                    let message = format!("the default of data `{}` is not a constant", decl.name.name);
                    unit.report(
                        Diagnostic::error(Code("E0207"), message)
                            .at(expr.span, "computed from something")
                            .help("write a number or an array of numbers; derive other values with `let`"),
                    );
                    continue;
                }
            },
        };
        all.push(declaration(&decl, &ty, default));
    }
    all
}

impl Session {
    /// Between which ends the values of `bounded(a, b)` data lie, where other data says so.
    pub fn ends(&mut self, values: &Values) -> Lowered<Vec<Ends>> {
        self.bind(values);
        let data = arrays(values);
        let mut all = Vec::new();
        for decl in self.unit.data() {
            let Some(ends) = self.unit.data_ends(&decl)? else { continue };
            let [lower, upper] = ends.map(|end| evaluate(&end.0, &data, 0));
            let found = |end: Result<HashMap<_, _>, String>| {
                end.and_then(|mut results| {
                    results.remove("init").ok_or_else(|| "an end has no value".to_string())
                })
            };
            match found(lower).and_then(|lower| Ok((lower, found(upper)?))) {
                Ok((lower, upper)) => all.push(Ends { name: decl.name.name.clone(), lower, upper }),
                Err(reason) => {
                    self.internal(reason, decl.ty.span);
                    return Err(Reported);
                }
            }
        }
        Ok(all)
    }
}

/// Data arrays for the executor.
pub(super) fn arrays(values: &Values) -> Data {
    let flat = |array: &ArrayD<f64>| Arc::from(array.iter().copied().collect::<Vec<f64>>());
    values.arrays.iter().map(|(name, array)| (name.clone(), flat(array))).collect()
}

fn scalar(value: f64) -> ArrayD<f64> {
    ArrayD::from_elem(IxDyn(&[]), value)
}

fn declaration(decl: &ast::DataDecl, ty: &ArrayType, default: Option<ArrayD<f64>>) -> Declared {
    let elem = match ty.constraint.elem() {
        Elem::Real => data::Elem::Real,
        Elem::Int => data::Elem::Int,
        Elem::Bool => data::Elem::Bit,
    };
    let levels = match &ty.constraint {
        Constraint::IntRange(_, Some(top)) => Some(dim_spec(&top.plus(&Dim::known(1)))),
        _ => None,
    };
    let kind = match levels {
        Some(levels) if ty.factor => Kind::Factor { levels },
        Some(levels) => Kind::Index { base: ty.base, levels },
        None => Kind::Plain,
    };
    let absent = match default {
        Some(value) => Absent::Default(value),
        None => Absent::Required,
    };
    Declared::new(decl.name.name.clone(), elem, ty.dims.iter().map(dim_spec))
        .constrained(constraint(&ty.constraint))
        .of_kind(kind)
        .when_absent(absent)
}

/// The runtime's mirror of a dimension.
fn dim_spec(dim: &Dim) -> DimSpec {
    let constant = dim.bind(&|_| Some(0)).value().unwrap_or(0);
    let terms = dim.names().map(|name| {
        let unit = dim.bind(&|other| Some(i64::from(other == name))).value().unwrap_or(0) - constant;
        (name.to_string(), unit)
    });
    DimSpec::new(constant, terms)
}

fn constraint(constraint: &Constraint) -> data::Constraint {
    match constraint {
        Constraint::Positive(_) => data::Constraint::Positive,
        Constraint::Interval(lo, hi) if (*lo, *hi) == (0.0, 1.0) => data::Constraint::Unit,
        Constraint::Interval(lo, hi) => data::Constraint::Interval { lo: *lo, hi: *hi },
        Constraint::Simplex => data::Constraint::Simplex,
        Constraint::Ordered => data::Constraint::Ordered,
        Constraint::CholeskyCorr => data::Constraint::CholeskyCorr,
        Constraint::IntRange(Some(low), None) => data::Constraint::IntRange { lo: low.value(), hi: None },
        // Levels are checked as they are read; ends that are expressions by `Session::ends`, when they have values.
        Constraint::IntRange(..)
        | Constraint::Real
        | Constraint::Bounded
        | Constraint::Int
        | Constraint::Bool => data::Constraint::None,
    }
}

/// A literal number or array of numbers.
fn array(expr: &Expr) -> Option<ArrayD<f64>> {
    if let ExprKind::Bool(value) = &expr.kind {
        return Some(scalar(f64::from(u8::from(*value))));
    }
    if let Some(value) = literal(expr) {
        return Some(scalar(value));
    }
    let ExprKind::Array(elements) = &expr.kind else { return None };
    let parts: Option<Vec<ArrayD<f64>>> = elements.iter().map(array).collect();
    let parts = parts?;
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    ndarray::stack(ndarray::Axis(0), &views).ok()
}
