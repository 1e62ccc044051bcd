//! # The core language
//!
//! One small language carries every transformation: first-order, typed, in A-normal form. Its
//! values are **functions of named axes**. An [`Axis`] is a range of indices; a variable of type
//! `real[i, d]` holds one real for every pair of an index of `i` and an index of `d`. Array
//! dimensions, plate rows, Monte Carlo draws, replicates, particles, the alternatives of an
//! enumerated site and the directions of forward mode are all axes, so that none of them needs a
//! construct (or a pass) of its own:
//!
//! * a **pointwise** operation works at every index of the union of its operands' axes; operands
//!   without an axis are constant along it. There is no other broadcasting.
//! * `reduce` removes an axis, `iota` makes one, `rename` moves a value from one axis to another
//!   of the same range (and takes a diagonal when the target is already there), `gather` reads
//!   along an axis at computed indices, `scatter` is its transpose, `stack` and `concat` build
//!   an axis from parts.
//! * a matrix product is `reduce sum k (mul a b)`; the emitter makes one contraction of it.
//! * a plate is the set of statements whose values have its axis. A branch is `select`; what is
//!   computed under a condition carries that condition as its **guard**, used to keep the
//!   derivatives of untaken sides out (see `transform::jvp`).
//! * [`Scan`] is the only construct with statements inside: a recurrence along one axis. Inside
//!   its body everything is meant at the current index of that axis; a value from outside that
//!   has the axis is read at that index, and a value defined inside is visible after the scan,
//!   with the axis, as the array of its values. Body statements may not reduce, gather, rename,
//!   scan or accumulate along the scan's own axis values defined in the body.
//!
//! **Typing.** `ty.axes` of a binding is: the union over operands for `Prim`, `Detach`,
//! `Tangent`; minus the axis for `Reduce`; `(axes(x) − axis) ∪ axes(index)` for `Gather`;
//! `(axes(x) − over) ∪ {axis}` for `Scatter`, where `axes(index) ⊆ axes(x)`, `over ⊆ axes(x)`
//! and `axis ∉ axes(x)`; renamed axes for `Rename`; `∪ axes(parts) ∪ {axis}` for `Stack` and
//! `Concat`; `axes(x)` for `CumSum` and `Cholesky`; for `TriSolve` see there; the key together
//! with the operands' axes for `Draw`; `dims` for `Input`. `check` is the judge of these rules.
//!
//! **Levels.** A *generative* program holds `Sample`, `Observe`, `Factor` and `Report`
//! statements. An *objective* program holds `Sample` statements with strategies; after `adev`
//! randomness is left in `Draw` only, a deterministic function of key and operands. A *linear*
//! program is linear in its inputs of kind [`InputKind::Tangent`].
//!
//! **Numbers.** Ints are exact up to 2⁵³; logical values are `bool`. Division by zero, logs of
//! negative numbers and the like give the IEEE result; where it is not finite the runtime
//! reports the place.

use crate::axis::{Axis, AxisSet, AxisTable};
use crate::generative::Distribution;
use crate::prim::Prim;
use std::rc::Rc;
use vary_diagnostic::Span;

/// A variable, an index into [`Program::vars`]. Bound once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(pub u32);

/// Element types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Elem {
    /// A real number.
    Real,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
}

/// An element at every index of `axes`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ty {
    /// What stands at each index.
    pub elem: Elem,
    /// The axes it varies over.
    pub axes: AxisSet,
}

/// What is known of a variable.
#[derive(Debug, Clone, PartialEq)]
pub struct VarInfo {
    /// Its type.
    pub ty: Ty,
    /// The user's name for it, if any; for printing and messages.
    pub name: Option<String>,
    /// Where in the user's file it comes from.
    pub span: Span,
    /// Of the result of `require`: what must hold, for messages.
    pub rule: Option<Rc<Rule>>,
}

/// A constraint in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What must hold: "`sigma` of `normal` must be positive".
    pub text: String,
    /// What to write for it.
    pub help: String,
    /// Whether it is of data, also where that is a number in the program by now.
    pub of_data: bool,
}

/// A program: statements in order, then named results.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// All axes that occur.
    pub axes: AxisTable,
    /// All variables.
    pub vars: Vec<VarInfo>,
    /// The statements.
    pub body: Vec<Stmt>,
    /// What it computes.
    pub results: Vec<Output>,
}

impl Program {
    /// The axes of its variables: all that its statements mention.
    pub fn axes_mentioned(&self) -> AxisSet {
        self.vars.iter().flat_map(|info| info.ty.axes.iter()).collect()
    }
}

/// A named result; `dims` gives the order in which its axes are laid out for the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub var: Var,
    /// Axes from slowest to fastest; exactly those of the variable, or more: the value is repeated along extra ones.
    pub dims: Vec<Axis>,
}

/// A derived quantity, which exists where the guard holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its name and value.
    pub output: Output,
    /// The condition around it.
    pub guard: Option<Var>,
}

/// A statement.
#[derive(Debug, Clone)]
pub enum Stmt {
    /// `var = op`
    Let(Let),
    /// A recurrence.
    Scan(Scan),
    /// `var ~ site`: in generative and objective programs.
    Sample(Sample),
    /// The density of `value` under the site counts: in generative programs.
    Observe(Sample),
    /// Adds `value` (real, log scale) to the log density: in generative programs.
    Factor {
        /// Summed over its axes.
        value: Var,
        /// Counts only where this holds.
        guard: Option<Var>,
        /// Place in the user's file.
        span: Span,
    },
    /// A derived quantity for summaries: in generative programs.
    Report(Report),
}

/// `var = op`
#[derive(Debug, Clone)]
pub struct Let {
    /// The variable bound.
    pub var: Var,
    /// What it is.
    pub op: Op,
    /// The condition under which it is used: elsewhere its value and derivative are irrelevant.
    pub guard: Option<Var>,
}

/// A recurrence along `axis`. Step s runs over the axis upwards, or downwards if `reverse`:
/// `carry` is `init` at the first step and the previous step's `next` later.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The axis scanned.
    pub axis: Axis,
    /// From the last index to the first.
    pub reverse: bool,
    /// The carried state.
    pub carries: Vec<Carry>,
    /// One step.
    pub body: Vec<Stmt>,
}

/// One carried value; `var` has the scan's axis in its type, `init` has not. `init` and `next` may be constant
/// along axes of `var`.
#[derive(Debug, Clone)]
pub struct Carry {
    /// Its value at the start of each step.
    pub var: Var,
    /// Its value at the start of the first step.
    pub init: Var,
    /// Its value at the end of the step; may be a variable of the body or of the outside.
    pub next: Var,
}

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Const {
    Real(f64),
    Int(i64),
    Bool(bool),
}

impl Const {
    /// Its element type.
    pub fn elem(self) -> Elem {
        match self {
            Const::Real(_) => Elem::Real,
            Const::Int(_) => Elem::Int,
            Const::Bool(_) => Elem::Bool,
        }
    }

    /// As the executor stores it.
    pub fn number(self) -> f64 {
        match self {
            Const::Real(value) => value,
            Const::Int(value) => value as f64,
            Const::Bool(value) => f64::from(u8::from(value)),
        }
    }
}

/// How an axis is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Monoid {
    /// Sum; 0 when empty.
    Sum,
    /// Largest; −∞ when empty. "Any" on bools.
    Max,
    /// Smallest; +∞ when empty. "All" on bools.
    Min,
}

/// What an input stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InputKind {
    /// Data, or data derived from data; constant during a fit.
    Data,
    /// A parameter on its unconstrained scale.
    Param,
    /// State carried from step to step by the fit loop, such as a moving average.
    State,
    /// The tangent of the parameter of this name: the linear inputs.
    Tangent,
    /// The cotangent of the result of this name: the linear inputs of a transposed program.
    Cotangent,
    /// A formal argument of a fragment, bound when inlined.
    Formal,
    /// The noise that a site is drawn with, as its control variate sees it: given when the site gets its value.
    Noise,
}

/// A value from outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Input {
    /// What it stands for.
    pub kind: InputKind,
    /// Its name among those of its kind.
    pub name: String,
    /// The axes of its array from slowest to fastest. No axis twice.
    pub dims: Vec<Axis>,
}

/// Base samplers: parameter-free or with rigid operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// Standard normal.
    Normal,
    /// Uniform on the open interval (0, 1).
    Uniform,
    /// Rate one.
    Exponential,
    /// Standard Cauchy.
    Cauchy,
    /// Standard Laplace.
    Laplace,
    /// Gamma(shape), rate one.
    Gamma,
    /// Beta(a, b).
    Beta,
    /// Student t(ν).
    StudentT,
    /// Poisson(λ), an int.
    Poisson,
    /// Binomial(n, p), an int.
    Binomial,
    /// Angle of von Mises around 0 of a concentration, between −π and π.
    VonMises,
}

impl Base {
    /// Every base sampler.
    pub const ALL: [Base; 11] = [
        Base::Normal,
        Base::Uniform,
        Base::Exponential,
        Base::Cauchy,
        Base::Laplace,
        Base::Gamma,
        Base::Beta,
        Base::StudentT,
        Base::Poisson,
        Base::Binomial,
        Base::VonMises,
    ];

    /// Element types of its operands.
    pub fn operands(self) -> &'static [Elem] {
        match self {
            Base::Normal | Base::Uniform | Base::Exponential | Base::Cauchy | Base::Laplace => &[],
            Base::Gamma | Base::StudentT | Base::Poisson | Base::VonMises => &[Elem::Real],
            Base::Beta => &[Elem::Real, Elem::Real],
            Base::Binomial => &[Elem::Int, Elem::Real],
        }
    }

    /// Number of operands.
    pub fn arity(self) -> usize {
        self.operands().len()
    }

    /// Element type of its draws.
    pub fn elem(self) -> Elem {
        match self {
            Base::Poisson | Base::Binomial => Elem::Int,
            _ => Elem::Real,
        }
    }

    /// Name in printed programs; `base_` and this in distribution files.
    pub fn name(self) -> &'static str {
        match self {
            Base::Normal => "normal",
            Base::Uniform => "uniform",
            Base::Exponential => "exponential",
            Base::Cauchy => "cauchy",
            Base::Laplace => "laplace",
            Base::Gamma => "gamma",
            Base::Beta => "beta",
            Base::StudentT => "student_t",
            Base::Poisson => "poisson",
            Base::Binomial => "binomial",
            Base::VonMises => "von_mises",
        }
    }
}

/// A random primitive: a deterministic function of seed, step, occurrence, the indices of the
/// key axes, and the operands. Rigid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draw {
    /// The sampler.
    pub base: Base,
    /// Its operands.
    pub args: Vec<Var>,
    /// The axes along which draws are independent; along other axes of the operands they share their randomness.
    pub key: AxisSet,
    /// Call path and address: names the occurrence, unique in a program up to re-emission.
    pub occurrence: Rc<str>,
}

/// Operations.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A constant, without axes.
    Const(Const),
    /// A value from outside.
    Input(Input),
    /// The index along an axis, from `lower`; an int.
    Iota(Axis),
    /// A pointwise primitive.
    Prim(Prim, Vec<Var>),
    /// Folds an axis away; the operand has the axis.
    Reduce(Monoid, Axis, Var),
    /// Moves from the first axis of each pair to the second, all at once. Pairs have equal sizes (lowers may
    /// differ: positions are kept). Where the target is an axis of the operand that is not itself renamed, the
    /// diagonal is taken.
    Rename(Vec<(Axis, Axis)>, Var),
    /// `x` at `index` along `axis`; `index` is an int in the axis's own coordinates (from `lower`). Outside the
    /// range it is NaN, which only guarded lanes may meet.
    Gather {
        /// Read from.
        x: Var,
        /// An axis of `x`.
        axis: Axis,
        /// The index read, an int.
        index: Var,
    },
    /// The transpose of `Gather`: at index j of `axis`, the sum over the axes `over` of `x` where `index = j`.
    /// What goes outside the range is dropped.
    Scatter {
        /// What is summed.
        x: Var,
        /// The new axis.
        axis: Axis,
        /// Where each summand goes.
        index: Var,
        /// The axes summed over.
        over: AxisSet,
    },
    /// Sums over indices ≤ the current one (≥ if `reverse`; < or > if `exclusive`).
    CumSum {
        /// What is summed.
        x: Var,
        /// Along which axis of `x`.
        axis: Axis,
        /// From the end.
        reverse: bool,
        /// Without the current index.
        exclusive: bool,
    },
    /// A new axis whose k-th position is the k-th part.
    Stack {
        /// The new axis, of size `parts.len()`.
        axis: Axis,
        /// Its entries.
        parts: Vec<Var>,
    },
    /// Parts one after another along a new axis.
    Concat {
        /// The new axis, whose size is the sum of the parts'.
        axis: Axis,
        /// Each part with the axis of it that is laid along the new one.
        parts: Vec<(Axis, Var)>,
    },
    /// The lower Cholesky factor of the symmetric positive definite `x[row, col]`; reads the lower triangle.
    Cholesky {
        /// The matrix.
        x: Var,
        /// Row axis.
        row: Axis,
        /// Column axis, of the same size.
        col: Axis,
    },
    /// Solves with the lower triangle of `l[row, col]`. Plain: `Σ_col l x[col] = b[row]`, `b` has `row`, the result
    /// `col`. Transposed: `Σ_row l x[row] = b[col]`, `b` has `col`, the result `row`. Other axes are pointwise;
    /// `b` has no axis of the pair but the one named.
    TriSolve {
        /// The triangular matrix.
        l: Var,
        /// Row axis.
        row: Axis,
        /// Column axis.
        col: Axis,
        /// The right-hand side.
        b: Var,
        /// Solve with the transpose.
        transposed: bool,
    },
    /// A random primitive.
    Draw(Draw),
    /// The value, as a constant: its tangent is zero.
    Detach(Var),
    /// Zero, with the tangent of the operand (a real): how score terms enter an objective.
    Tangent(Var),
}

/// A sample site.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The sampled (or observed) value.
    pub var: Var,
    /// What it is drawn from.
    pub site: Rc<Site>,
    /// The condition under which the site exists.
    pub guard: Option<Var>,
}

/// What a site draws from, and how its gradient is to be estimated.
#[derive(Debug, Clone)]
pub struct Site {
    /// Address in the trace, without indices: `s.x` for submodels.
    pub address: Rc<str>,
    /// Call path in the specialised program and address: the occurrence of its randomness.
    pub occurrence: Rc<str>,
    /// The distribution.
    pub dist: Rc<Distribution>,
    /// Its arguments, in the order of the distribution's parameters.
    pub args: Vec<Array>,
    /// The value as an array: plate axes from the outside in, then the axes of the value itself.
    pub dims: Vec<Axis>,
    /// How many of `dims`, at the end, one draw of the distribution fills (1 for a simplex, 0 for scalars).
    pub event: usize,
    /// Axes along which draws are independent.
    pub key: AxisSet,
    /// The strategy the user wrote.
    pub strategy: Option<Strategy>,
    /// The site in the user's file.
    pub span: Span,
}

/// A value as an array: `dims` are its positional dimensions; other axes of `var` are ambient.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Array {
    /// The value.
    pub var: Var,
    /// Its positional dimensions.
    pub dims: Vec<Axis>,
}

/// A gradient strategy as it is written at a site: a name of `transform::adev::estimator::RULES`, and settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    /// Its name.
    pub name: &'static str,
    /// Its settings, by name.
    pub settings: Vec<(&'static str, Setting)>,
}

/// The value of a strategy's setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// A number known before running.
    Number(f64),
    /// A value of the program.
    Value(Var),
    /// An exponential moving average with this decay, kept by the fit loop.
    MovingAverage(f64),
}

impl Strategy {
    /// The strategy of this name, all settings left out.
    pub fn named(name: &'static str) -> Strategy {
        Strategy { name, settings: Vec::new() }
    }

    /// With one more setting.
    pub fn with(mut self, name: &'static str, setting: Setting) -> Strategy {
        self.settings.push((name, setting));
        self
    }

    /// A setting, if it is written.
    pub fn setting(&self, name: &str) -> Option<Setting> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, setting)| *setting)
    }

    /// The values of the program that the settings refer to.
    pub fn values(&self) -> impl Iterator<Item = Var> {
        self.settings.iter().filter_map(|(_, setting)| match setting {
            Setting::Value(var) => Some(*var),
            Setting::Number(_) | Setting::MovingAverage(_) => None,
        })
    }

    /// The same with other values.
    pub fn map(&mut self, f: &mut dyn FnMut(Var) -> Var) {
        for (_, setting) in &mut self.settings {
            if let Setting::Value(var) = setting {
                *var = f(*var);
            }
        }
    }
}
