//! The values of a site with finite support, along axes of alternatives.

use super::density::inline_density;
use crate::axis::{Axis, AxisTable, Role};
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::Constraint;
use crate::ir::{Array, Const, Elem, Op, Program, Site, Var};
use crate::prim::Prim;

/// Most alternatives that one value may be computed for at once.
pub const LANES: usize = 1 << 16;

/// How many values a site can take. Sizes of formal axes are those of the arguments; a parameter that is an int
/// is what `known` says its argument is. `None` for infinite supports.
pub fn size(axes: &AxisTable, site: &Site, known: &dyn Fn(Var) -> Option<Dim>) -> Option<Dim> {
    let dim = site.dist.finite.as_ref()?;
    let mut size = dim.clone();
    for name in dim.names() {
        let unit = |value: i64| size.bind(&|n| (n == name).then_some(value));
        let coefficient = unit(1).minus(&unit(0)).value()?;
        if let Some(actual) = actual(axes, site, name, known) {
            size = unit(0).plus(&actual.times(coefficient));
        }
    }
    Some(size)
}

/// Whether every value of a site with finite support surely has a positive probability: its parameters lie inside
/// their sets, not at an end, as those made by a sigmoid or a softmax do.
pub fn every_value_possible(program: &Program, site: &Site) -> bool {
    let definitions = program.definitions();
    let mut params = site.dist.params.iter().zip(&site.args);
    params.all(|(param, arg)| match param.constraint {
        Constraint::Real => true,
        Constraint::Interval(low, high) if low >= 0.0 && high <= 1.0 => inside(&definitions, arg.var),
        Constraint::Simplex => positive(&definitions, arg.var),
        _ => false,
    })
}

/// Whether a value lies strictly between 0 and 1.
fn inside(definitions: &[Option<&Op>], var: Var) -> bool {
    match definitions[var.0 as usize] {
        Some(Op::Prim(Prim::Sigmoid, _)) => true,
        Some(Op::Const(Const::Real(value))) => *value > 0.0 && *value < 1.0,
        Some(Op::Prim(Prim::Sub, args)) => is_one(definitions, args[0]) && inside(definitions, args[1]),
        Some(Op::Prim(Prim::Mul, args)) => args.iter().all(|arg| inside(definitions, *arg)),
        Some(Op::Rename(_, x) | Op::Gather { x, .. } | Op::Detach(x)) => inside(definitions, *x),
        _ => false,
    }
}

/// Whether a value is surely above 0, as far as softmax and the like show.
fn positive(definitions: &[Option<&Op>], var: Var) -> bool {
    match definitions[var.0 as usize] {
        Some(Op::Prim(Prim::Exp | Prim::Softplus, _)) => true,
        Some(Op::Const(Const::Real(value))) => *value > 0.0,
        Some(Op::Prim(Prim::Mul | Prim::Div | Prim::Add, args)) => {
            args.iter().all(|arg| positive(definitions, *arg))
        }
        Some(Op::Reduce(_, _, x) | Op::Rename(_, x) | Op::Gather { x, .. } | Op::Detach(x)) => {
            positive(definitions, *x)
        }
        Some(Op::Stack { parts, .. }) => parts.iter().all(|part| positive(definitions, *part)),
        Some(Op::Concat { parts, .. }) => parts.iter().all(|(_, part)| positive(definitions, *part)),
        _ => inside(definitions, var),
    }
}

fn is_one(definitions: &[Option<&Op>], var: Var) -> bool {
    matches!(definitions[var.0 as usize], Some(Op::Const(Const::Real(value))) if *value == 1.0)
}

fn actual(axes: &AxisTable, site: &Site, name: &str, known: &dyn Fn(Var) -> Option<Dim>) -> Option<Dim> {
    for (param, arg) in site.dist.params.iter().zip(&site.args) {
        for (formal, axis) in param.dims.iter().zip(&arg.dims) {
            if axes.info(*formal).size.as_name() == Some(name) {
                return Some(axes.info(*axis).size.clone());
            }
        }
        let count = name.strip_prefix(site.dist.name.as_str()).and_then(|name| name.strip_prefix('.'));
        if count.unwrap_or(name) == param.name {
            return known(arg.var);
        }
    }
    None
}

/// The values of a site along one axis of alternatives.
#[derive(Debug, Clone)]
pub struct Alternatives {
    /// The axis.
    pub axis: Axis,
    /// The value at each alternative; also along the rows, if these are enumerated jointly.
    pub value: Var,
    /// The rows enumerated jointly.
    joint: Vec<Axis>,
}

impl Alternatives {
    /// Every row takes each of `size` values, independently of the others.
    pub fn per_row(b: &mut Builder, site: &Site, size: &Dim) -> Self {
        let axis = b.fresh_axis(&site.address, size.clone(), Role::Alternative);
        let index = b.iota(axis);
        Alternatives { axis, value: valued(b, site.dist.support.elem(), index), joint: Vec::new() }
    }

    /// The rows along `joint` take every combination of `size` values: row j has the j-th digit of the
    /// alternative's number. `None` past the limit of lanes, or where a size is not known yet.
    pub fn joint(b: &mut Builder, site: &Site, size: &Dim, joint: &[Axis]) -> Option<Self> {
        let base = usize::try_from(size.value()?).ok()?;
        let mut count: usize = 1;
        for axis in joint {
            count = count.checked_mul(usize::try_from(b.axes.info(*axis).size.value()?).ok()?)?;
        }
        let combinations = base.checked_pow(u32::try_from(count).ok()?)?;
        // A support of one value has one combination however many rows there are.
        if combinations > LANES || count > LANES {
            return None;
        }
        let axis = b.fresh_axis(&site.address, Dim::known(combinations as i64), Role::Alternative);
        let number = b.iota(axis);
        let mut power = 1;
        let powers = powers(b, joint, base as i64, &mut power);
        let shifted = b.prim(Prim::IntDiv, &[number, powers]);
        let base = b.int(base as i64);
        let digit = b.prim(Prim::Rem, &[shifted, base]);
        Some(Alternatives { axis, value: valued(b, site.dist.support.elem(), digit), joint: joint.to_vec() })
    }

    /// log of the probability of each alternative, for the rows enumerated jointly together.
    pub fn log_weight(&self, b: &mut Builder, site: &Site, guard: Option<Var>) -> Var {
        let weight = self.log_probability(b, site, guard);
        b.sum(&self.joint.iter().copied().collect(), weight)
    }

    /// log of the probability of each value, per row. An absent site has its first value, so that what does not depend
    /// on it counts once.
    pub fn log_probability(&self, b: &mut Builder, site: &Site, guard: Option<Var>) -> Var {
        let saved = b.set_guard(guard);
        let mut weight = inline_density(b, site, &Array { var: self.value, dims: Vec::new() });
        b.set_guard(saved);
        if let Some(guard) = guard {
            let (certain, never) = (b.real(0.0), b.real(f64::NEG_INFINITY));
            let absent = self.first(b, certain, never);
            weight = b.select(guard, weight, absent);
        }
        weight
    }

    /// The probability of each alternative. A flip's are p and 1 − p, smooth also where they underflow.
    pub fn weight(&self, b: &mut Builder, site: &Site, guard: Option<Var>) -> Var {
        let Some(probability) = site.dist.probability_of_true.as_ref().filter(|_| self.joint.is_empty())
        else {
            let log_weight = self.log_weight(b, site, guard);
            return b.exp(log_weight);
        };
        let saved = b.set_guard(guard);
        let formals: Vec<_> = site.dist.params.iter().zip(&site.args).collect();
        let formals: Vec<_> =
            formals.iter().map(|(p, arg)| (p.name.as_str(), p.dims.as_slice(), *arg)).collect();
        let p = super::copy::inline(b, probability, &formals).var;
        b.set_guard(saved);
        let (one, zero) = (b.real(1.0), b.real(0.0));
        let q = b.sub(one, p);
        let weight = b.select(self.value, p, q);
        match guard {
            None => weight,
            Some(guard) => {
                let absent = self.first(b, one, zero);
                b.select(guard, weight, absent)
            }
        }
    }

    /// `then` at the first value, `other` elsewhere.
    fn first(&self, b: &mut Builder, then: Var, other: Var) -> Var {
        match b.ty(self.value).elem {
            Elem::Bool => b.select(self.value, other, then),
            Elem::Int => {
                let zero = b.int(0);
                let is = b.prim(Prim::Eq, &[self.value, zero]);
                b.select(is, then, other)
            }
            Elem::Real => {
                let zero = b.real(0.0);
                let is = b.prim(Prim::Eq, &[self.value, zero]);
                b.select(is, then, other)
            }
        }
    }
}

/// An index `0 .. n` as a value of the support.
fn valued(b: &mut Builder, elem: Elem, index: Var) -> Var {
    match elem {
        Elem::Int => index,
        Elem::Real => b.to_real(index),
        Elem::Bool => {
            let one = b.int(1);
            b.prim(Prim::Eq, &[index, one])
        }
    }
}

/// `base^j` at the j-th index of the rows, counted with the last axis fastest.
fn powers(b: &mut Builder, rows: &[Axis], base: i64, power: &mut i64) -> Var {
    let Some((axis, inner)) = rows.split_first() else {
        let var = b.int(*power);
        *power = power.saturating_mul(base);
        return var;
    };
    let parts = (0..b.axes.size(*axis)).map(|_| powers(b, inner, base, power)).collect();
    b.emit(Op::Stack { axis: *axis, parts })
}
