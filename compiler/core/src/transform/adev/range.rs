//! Between which ends a value provably lies, and whether it may be zero.
//!
//! Interval arithmetic as a forward dataflow. It shows that a logarithm stays away from its
//! singular point, and that a comparison with the end of a support has one outcome, so that
//! nothing jumps. Sites are followed into their samplers, whose ends may be arguments.

use crate::dim::Dim;
use crate::generative::{Constraint, Fragment};
use crate::ir::{Base, Const, InputKind, Monoid, Op, Program, Sample, Stmt, Var};
use crate::prim::Prim;

/// `low ≤ x ≤ high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
    /// Never zero, up to underflow.
    nonzero: bool,
}

impl Range {
    const ALL: Range = Range { low: f64::NEG_INFINITY, high: f64::INFINITY, nonzero: false };
    const POSITIVE: Range = Range { low: 0.0, high: f64::INFINITY, nonzero: true };
    const UNIT: Range = Range { low: 0.0, high: 1.0, nonzero: true };

    fn new(low: f64, high: f64, nonzero: bool) -> Range {
        // Ends that are not numbers (∞ − ∞) are no ends.
        let low = if low.is_nan() { f64::NEG_INFINITY } else { low };
        let high = if high.is_nan() { f64::INFINITY } else { high };
        Range { low, high, nonzero: nonzero || low > 0.0 || high < 0.0 }
    }

    fn number(value: f64) -> Range {
        Range::new(value, value, value != 0.0)
    }

    /// The ends.
    pub fn ends(self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// `x > 0`, up to underflow.
    pub fn is_positive(self) -> bool {
        self.low >= 0.0 && self.nonzero
    }

    /// `x < 0`, up to underflow.
    pub fn is_negative(self) -> bool {
        self.high <= 0.0 && self.nonzero
    }

    /// `x ≥ 0`
    pub fn is_non_negative(self) -> bool {
        self.low >= 0.0
    }

    fn hull(self, other: Range) -> Range {
        Range::new(self.low.min(other.low), self.high.max(other.high), self.nonzero && other.nonzero)
    }

    fn meet(self, other: Range) -> Range {
        Range::new(self.low.max(other.low), self.high.min(other.high), self.nonzero || other.nonzero)
    }

    fn negated(self) -> Range {
        Range::new(-self.high, -self.low, self.nonzero)
    }

    fn plus(self, other: Range) -> Range {
        let one_sided = self.low >= 0.0 && other.low >= 0.0 || self.high <= 0.0 && other.high <= 0.0;
        let nonzero = one_sided && (self.nonzero || other.nonzero);
        Range::new(self.low + other.low, self.high + other.high, nonzero)
    }

    fn times(self, other: Range) -> Range {
        let ends = [
            product(self.low, other.low),
            product(self.low, other.high),
            product(self.high, other.low),
            product(self.high, other.high),
        ];
        let low = ends.into_iter().fold(f64::INFINITY, f64::min);
        let high = ends.into_iter().fold(f64::NEG_INFINITY, f64::max);
        Range::new(low, high, self.nonzero && other.nonzero)
    }

    fn over(self, other: Range) -> Range {
        let inverse = if other.is_positive() {
            Range::new(1.0 / other.high, 1.0 / other.low, true)
        } else if other.negated().is_positive() {
            Range::new(1.0 / other.high, 1.0 / other.low, true).meet(Range::POSITIVE.negated())
        } else {
            return Range { nonzero: self.nonzero, ..Range::ALL };
        };
        self.times(inverse)
    }

    /// A non-decreasing function of it.
    fn map(self, f: impl Fn(f64) -> f64, nonzero: bool) -> Range {
        Range::new(f(self.low), f(self.high), nonzero)
    }

    /// The sum of any number of such values, at least one.
    fn sum(self) -> Range {
        let low = if self.low >= 0.0 { self.low } else { f64::NEG_INFINITY };
        let high = if self.high <= 0.0 { self.high } else { f64::INFINITY };
        Range::new(low, high, self.nonzero && (self.low >= 0.0 || self.high <= 0.0))
    }
}

/// The product of two ends, where 0 · ∞ is 0.
fn product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

/// The outcome of a comparison that has only one.
pub fn decided(prim: Prim, a: Range, b: Range) -> Option<bool> {
    let difference = b.plus(a.negated());
    match prim {
        Prim::Lt if a.high < b.low || (a.high <= b.low && difference.nonzero) => Some(true),
        Prim::Lt if a.low >= b.high => Some(false),
        Prim::Le if a.high <= b.low => Some(true),
        Prim::Le if a.low > b.high => Some(false),
        _ => None,
    }
}

/// The range of every variable of a program.
pub fn ranges(program: &Program) -> Vec<Range> {
    ranges_given(program, &|_| None)
}

/// The range of every variable, where data lies as declared.
pub fn ranges_given(program: &Program, data: &dyn Fn(&str) -> Option<Constraint>) -> Vec<Range> {
    let known = |name: &str| data(name).map_or(Range::ALL, |constraint| support(&constraint));
    let mut flow = Flow { data: &known, ..Flow::new(program, &|_| Range::ALL) };
    flow.settle(program);
    flow.finish()
}

/// Rounds after which the ends of a carry that still moves are given up.
const PATIENCE: usize = 4;

struct Flow<'f> {
    /// `None`: not reached yet.
    of: Vec<Option<Range>>,
    formal: &'f dyn Fn(&str) -> Range,
    data: &'f dyn Fn(&str) -> Range,
    round: usize,
}

impl<'f> Flow<'f> {
    fn new(program: &Program, formal: &'f dyn Fn(&str) -> Range) -> Self {
        Flow { of: vec![None; program.vars.len()], formal, data: &|_| Range::ALL, round: 0 }
    }

    fn settle(&mut self, program: &Program) {
        while self.block(&program.body) {
            self.round += 1;
        }
    }

    fn finish(self) -> Vec<Range> {
        self.of.into_iter().map(|range| range.unwrap_or(Range::ALL)).collect()
    }

    fn get(&self, var: Var) -> Range {
        self.of[var.0 as usize].unwrap_or(Range::ALL)
    }

    fn set(&mut self, var: Var, range: Range) -> bool {
        let known = &mut self.of[var.0 as usize];
        let changed = *known != Some(range);
        *known = Some(range);
        changed
    }

    fn block(&mut self, stmts: &[Stmt]) -> bool {
        let mut changed = false;
        for stmt in stmts {
            match stmt {
                Stmt::Let(binding) => {
                    let range = self.op(&binding.op);
                    changed |= self.set(binding.var, range);
                }
                Stmt::Sample(sample) => {
                    let range = self.drawn(sample);
                    changed |= self.set(sample.var, range);
                }
                Stmt::Scan(scan) => {
                    for carry in &scan.carries {
                        let range = self.carried(carry.var, carry.init, carry.next);
                        changed |= self.set(carry.var, range);
                    }
                    changed |= self.block(&scan.body);
                }
                Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
        changed
    }

    /// The start, and every next value seen so far; ends that go on moving are given up.
    fn carried(&self, var: Var, init: Var, next: Var) -> Range {
        let start = self.get(init);
        let range = self.of[next.0 as usize].map_or(start, |next| start.hull(next));
        let Some(known) = self.of[var.0 as usize] else { return range };
        let grown = known.hull(range);
        if self.round < PATIENCE {
            return grown;
        }
        let low = if grown.low < known.low { f64::NEG_INFINITY } else { grown.low };
        let high = if grown.high > known.high { f64::INFINITY } else { grown.high };
        Range { low, high, nonzero: grown.nonzero }
    }

    fn drawn(&self, sample: &Sample) -> Range {
        let site = &sample.site;
        let support = support(&site.dist.support);
        let Some(sampler) = &site.dist.reparam else { return support };
        let formal = |name: &str| {
            let params = site.dist.params.iter().zip(&site.args);
            let mut args = params.filter(|(param, _)| param.name == name).map(|(_, arg)| self.get(arg.var));
            let noise = sampler.draws.iter().find(|draw| draw.name == name);
            args.next().or(noise.map(|draw| base_range(draw.base))).unwrap_or(Range::ALL)
        };
        support.meet(fragment(&sampler.value, &formal))
    }

    fn op(&self, op: &Op) -> Range {
        let of = |var: &Var| self.get(*var);
        match op {
            Op::Const(Const::Bool(_)) => Range::ALL,
            Op::Const(value) => Range::number(value.number()),
            Op::Input(input) if input.kind == InputKind::Formal => (self.formal)(&input.name),
            Op::Input(input) if input.kind == InputKind::Data => (self.data)(&input.name),
            Op::Input(_) | Op::Iota(_) | Op::Cholesky { .. } | Op::TriSolve { .. } => Range::ALL,
            Op::Tangent(_) => Range::number(0.0),
            Op::Prim(prim, args) => pointwise(*prim, args, &of),
            Op::Reduce(Monoid::Sum, _, x) => of(x).sum(),
            Op::Reduce(Monoid::Max | Monoid::Min, _, x)
            | Op::Rename(_, x)
            | Op::Gather { x, .. }
            | Op::Detach(x) => of(x),
            // Positions that nothing is added to are 0.
            Op::Scatter { x, .. } | Op::CumSum { x, .. } => of(x).sum().hull(Range::number(0.0)),
            Op::Stack { parts, .. } => parts.iter().map(of).reduce(Range::hull).unwrap_or(Range::ALL),
            Op::Concat { parts, .. } => {
                parts.iter().map(|(_, part)| of(part)).reduce(Range::hull).unwrap_or(Range::ALL)
            }
            Op::Draw(draw) => base_range(draw.base),
        }
    }
}

/// The range of a fragment's value given those of its formals.
fn fragment(fragment: &Fragment, formal: &dyn Fn(&str) -> Range) -> Range {
    let mut flow = Flow::new(&fragment.0, formal);
    flow.settle(&fragment.0);
    flow.get(fragment.result().var)
}

fn support(constraint: &Constraint) -> Range {
    match constraint {
        Constraint::Positive(_) => Range::POSITIVE,
        Constraint::Simplex => Range::UNIT,
        Constraint::Interval(low, high) => Range::new(*low, *high, *low >= 0.0 || *high <= 0.0),
        Constraint::IntRange(Some(low), Some(high)) if low.value().is_some() && high.value().is_some() => {
            let end = |dim: &Dim| dim.value().map_or(f64::NAN, |end| end as f64);
            Range::new(end(low), end(high), false)
        }
        Constraint::IntRange(Some(low), _) if low.value().is_some_and(|low| low >= 0) => {
            Range::new(0.0, f64::INFINITY, false)
        }
        Constraint::Real
        | Constraint::Bounded
        | Constraint::Ordered
        | Constraint::CholeskyCorr
        | Constraint::Int
        | Constraint::IntRange(..)
        | Constraint::Bool => Range::ALL,
    }
}

fn base_range(base: Base) -> Range {
    match base {
        Base::Uniform | Base::Beta => Range::UNIT,
        Base::Exponential | Base::Gamma => Range::POSITIVE,
        Base::Poisson | Base::Binomial => Range::new(0.0, f64::INFINITY, false),
        Base::Normal | Base::Cauchy | Base::Laplace | Base::StudentT | Base::VonMises => Range::ALL,
    }
}

fn pointwise(prim: Prim, args: &[Var], of: &dyn Fn(&Var) -> Range) -> Range {
    let a = args.first().map_or(Range::ALL, of);
    let b = args.get(1).map_or(Range::ALL, of);
    let within = |low: f64, high: f64, nonzero: bool| Range::new(low, high, nonzero);
    match prim {
        Prim::Neg => a.negated(),
        Prim::Add => a.plus(b),
        Prim::Sub => a.plus(b.negated()),
        Prim::Mul if args[0] == args[1] => a.times(a).meet(within(0.0, f64::INFINITY, a.nonzero)),
        Prim::Mul => a.times(b),
        Prim::Div => a.over(b),
        Prim::Abs if a.low >= 0.0 => a,
        Prim::Abs => within(0.0, a.high.max(-a.low), a.nonzero),
        Prim::Exp => a.map(f64::exp, true).meet(Range::POSITIVE),
        Prim::Softplus => Range::POSITIVE,
        Prim::Sigmoid => Range::UNIT,
        Prim::Tanh => a.map(f64::tanh, a.nonzero),
        Prim::Atan => a.map(f64::atan, a.nonzero),
        Prim::Erf => within(if a.low >= 0.0 { 0.0 } else { -1.0 }, 1.0, a.nonzero),
        Prim::Erfc => within(0.0, 2.0, true),
        Prim::InverseMills => Range::POSITIVE,
        Prim::LogPhi | Prim::Log1mExp => within(f64::NEG_INFINITY, 0.0, true),
        Prim::LogGammaP | Prim::LogGammaQ | Prim::LogIncBeta => within(f64::NEG_INFINITY, 0.0, false),
        Prim::Expm1 => a.map(f64::exp_m1, a.nonzero),
        Prim::Log1p if a.low >= 0.0 => a.map(f64::ln_1p, a.nonzero),
        Prim::Log if a.low > 0.0 => a.map(f64::ln, false),
        Prim::Sqrt if a.low >= 0.0 => a.map(f64::sqrt, a.nonzero),
        Prim::Sqrt => within(0.0, f64::INFINITY, a.nonzero),
        Prim::Pow if a.is_positive() => Range::POSITIVE,
        Prim::Max => within(a.low.max(b.low), a.high.max(b.high), a.is_positive() || b.is_positive()),
        Prim::Min => within(a.low.min(b.low), a.high.min(b.high), a.nonzero && b.nonzero),
        Prim::Require => b,
        Prim::Select => b.hull(args.get(2).map_or(Range::ALL, of)),
        Prim::ToReal => a,
        Prim::Log
        | Prim::Log1p
        | Prim::Pow
        | Prim::Sin
        | Prim::Cos
        | Prim::Tan
        | Prim::Lgamma
        | Prim::Polygamma(_)
        | Prim::Floor
        | Prim::Ceil
        | Prim::Round
        | Prim::Sign
        | Prim::Not
        | Prim::ToInt
        | Prim::IntDiv
        | Prim::Rem
        | Prim::Atan2
        | Prim::XLogY
        | Prim::XMulY
        | Prim::InvPhi
        | Prim::Lbeta
        | Prim::LogBesselI
        | Prim::OwensT
        | Prim::VonMisesCdf
        | Prim::VonMisesCdfByKappa
        | Prim::LogGammaPBy(_)
        | Prim::LogGammaQBy(_)
        | Prim::LogIncBetaBy(_)
        | Prim::Lt
        | Prim::Le
        | Prim::Eq
        | Prim::Ne
        | Prim::And
        | Prim::Or => Range::ALL,
    }
}
