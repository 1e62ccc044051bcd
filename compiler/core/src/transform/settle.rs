//! A distribution at a site, where its int parameters are known sizes.
//!
//! Before: fragments whose axes (of the value, of arrays of draws, their own) have sizes made of names of int
//! parameters, such as `multinomial.n`. After: the same with sizes of the program. Sizes named by array parameters stay
//! formal: they become the arguments' own where a fragment is inlined.

use super::copy::{Copy, Handler, Result};
use crate::axis::{Axis, AxisTable, Role};
use crate::build::Builder;
use crate::dim::Dim;
use crate::generative::{BaseDraw, Distribution, Fragment, Sampler, WeakDerivative};
use crate::ir::{Array, Elem, Input, InputKind, Let, Op, Output, Sample, Stmt, Var};
use std::collections::{BTreeMap, HashMap};
use vary_diagnostic::Span;

/// The distribution with `sizes` for the names of its sizes.
pub fn settle(axes: &mut AxisTable, dist: &Distribution, sizes: &BTreeMap<String, Dim>) -> Distribution {
    let formal = dist.params.iter().flat_map(|param| param.dims.iter().copied());
    let mut settle = Settle { axes, sizes, moved: formal.map(|axis| (axis, axis)).collect() };
    let event = dist.event.iter().map(|axis| settle.axis(*axis)).collect();
    Distribution {
        event,
        log_density: settle.fragment(&dist.log_density),
        cdf: dist.cdf.as_ref().map(|fragment| settle.fragment(fragment)),
        log_cdf: dist.log_cdf.as_ref().map(|fragment| settle.fragment(fragment)),
        log_ccdf: dist.log_ccdf.as_ref().map(|fragment| settle.fragment(fragment)),
        quantile: dist.quantile.as_ref().map(|fragment| settle.fragment(fragment)),
        reparam: dist.reparam.as_ref().map(|sampler| settle.sampler(sampler)),
        sample: dist.sample.as_ref().map(|sampler| settle.sampler(sampler)),
        probability_of_true: dist.probability_of_true.as_ref().map(|fragment| settle.fragment(fragment)),
        weak_derivatives: dist.weak_derivatives.iter().map(|one| settle.weak_derivative(one)).collect(),
        ..dist.clone()
    }
}

struct Settle<'a> {
    axes: &'a mut AxisTable,
    sizes: &'a BTreeMap<String, Dim>,
    /// Where axes went; those of parameters to themselves.
    moved: HashMap<Axis, Axis>,
}

impl Settle<'_> {
    fn axis(&mut self, axis: Axis) -> Axis {
        if let Some(known) = self.moved.get(&axis) {
            return *known;
        }
        let info = self.axes.info(axis).clone();
        let (lower, size) = (info.lower.substitute_all(self.sizes), info.size.substitute_all(self.sizes));
        let same = lower == info.lower && size == info.size;
        let to = if same { axis } else { self.axes.fresh(&info.name, lower, size, Role::Index) };
        self.moved.insert(axis, to);
        to
    }

    fn sampler(&mut self, sampler: &Sampler) -> Sampler {
        Sampler { draws: self.draws(&sampler.draws), value: self.fragment(&sampler.value) }
    }

    fn weak_derivative(&mut self, derivative: &WeakDerivative) -> WeakDerivative {
        WeakDerivative {
            param: derivative.param,
            draws: self.draws(&derivative.draws),
            coefficient: self.fragment(&derivative.coefficient),
            plus: self.fragment(&derivative.plus),
            minus: self.fragment(&derivative.minus),
        }
    }

    fn draws(&mut self, draws: &[BaseDraw]) -> Vec<BaseDraw> {
        let draw = |draw: &BaseDraw| BaseDraw {
            dims: draw.dims.iter().map(|axis| self.axis(*axis)).collect(),
            operands: draw.operands.iter().map(|operand| self.fragment(operand)).collect(),
            ..draw.clone()
        };
        draws.iter().map(draw).collect()
    }

    fn fragment(&mut self, fragment: &Fragment) -> Fragment {
        let program = &*fragment.0;
        let inner: Vec<(Axis, Axis)> =
            program.axes_mentioned().iter().map(|axis| (axis, self.axis(axis))).collect();
        if inner.iter().all(|(from, to)| from == to) && !self.reads_sizes(fragment) {
            return fragment.clone();
        }
        let mut b = Builder::new(self.axes.clone());
        let mut copy = Copy::new(program, Sizes(self.sizes));
        inner.into_iter().for_each(|(from, to)| copy.send_axis(from, to));
        if let Err(diagnostic) = copy.run(&mut b) {
            unreachable!("fragments do not fail: {}", diagnostic.message)
        }
        let result = fragment.result();
        let array = copy.array(&Array { var: result.var, dims: result.dims.clone() });
        *self.axes = b.axes.clone();
        let result = Output { name: result.name.clone(), var: array.var, dims: array.dims };
        Fragment(b.finish(vec![result]).into())
    }

    fn reads_sizes(&self, fragment: &Fragment) -> bool {
        fragment.0.body.iter().any(|stmt| match stmt {
            Stmt::Let(Let { op: Op::Input(input), .. }) => {
                input.kind == InputKind::Data && self.sizes.contains_key(&input.name)
            }
            _ => false,
        })
    }
}

/// Replaces inputs that are sizes.
#[derive(Clone)]
struct Sizes<'a>(&'a BTreeMap<String, Dim>);

impl Handler for Sizes<'_> {
    fn input(&mut self, b: &mut Builder, elem: Elem, input: Input) -> Result<Var> {
        let size = self.0.get(&input.name).filter(|_| input.kind == InputKind::Data);
        Ok(match size {
            Some(dim) => b.dim(dim),
            None => b.input(elem, input),
        })
    }

    fn sample(&mut self, _: &mut Builder, _: Sample) -> Result<Var> {
        unreachable!("a fragment has no sites")
    }

    fn observe(&mut self, _: &mut Builder, _: Sample) -> Result<Var> {
        unreachable!("a fragment has no observations")
    }

    fn factor(&mut self, _: &mut Builder, _: Var, _: Option<Var>, _: Span) -> Result<()> {
        unreachable!("a fragment has no factors")
    }
}
