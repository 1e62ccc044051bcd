//! Generative programs and distributions in core form, and the combinators that make programs
//! of programs.

use crate::axis::Axis;
use crate::dim::Dim;
use crate::ir::{Array, Base, Elem, Let, Op, Output, Program, Stmt, Strategy, Var};
use crate::transform::flow;
use std::rc::Rc;
use vary_diagnostic::Span;

/// A model or a guide. Its body refers to data, parameters and formal arguments through inputs.
#[derive(Debug, Clone)]
pub struct Generative {
    /// Its name.
    pub name: String,
    /// `model` or `guide`.
    pub kind: ProgramKind,
    /// Statements; `results` holds the value it returns, if any, under `return.…`.
    pub program: Program,
    /// The parameters it owns.
    pub params: Vec<ParamSpec>,
    /// Latent sites in order.
    pub latents: Vec<SiteSpec>,
    /// Observed sites in order.
    pub observed: Vec<SiteSpec>,
    /// Its declaration.
    pub span: Span,
}

/// Which keyword declared a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ProgramKind {
    Model,
    Guide,
}

/// An optimised parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// Full name: `ring.sigma`, or `w` at file level.
    pub name: String,
    /// Its array dimensions on the constrained scale.
    pub dims: Vec<Axis>,
    /// Where it may lie.
    pub constraint: Constraint,
    /// Starting value on the constrained scale, row-major, or one number for all entries; evaluated when data is
    /// bound. `None`: zero on the unconstrained scale.
    pub init: Option<Init>,
    /// Its declaration.
    pub span: Span,
}

/// A starting value: a program without randomness with one result.
#[derive(Debug, Clone)]
pub struct Init(pub Rc<Program>);

impl PartialEq for Init {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// A site as the trace type knows it.
#[derive(Debug, Clone)]
pub struct SiteSpec {
    /// Address without indices.
    pub address: Rc<str>,
    /// Array dimensions.
    pub dims: Vec<Axis>,
    /// What values it takes.
    pub support: Constraint,
    /// Name of its distribution.
    pub dist: String,
    /// The strategy written, if any.
    pub strategy: Option<Strategy>,
    /// Whether it may be absent (under a condition).
    pub conditional: bool,
    /// Its place.
    pub span: Span,
}

/// A set of values of a site, parameter or data, as far as it is known before running.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// All reals.
    Real,
    /// `lower < x < upper` with known ends.
    Interval(f64, f64),
    /// Reals between expressions; the ends are known only when running.
    Bounded,
    /// `x > 0`; unconstrained by exp, or softplus.
    Positive(PositiveMap),
    /// Non-negative entries that sum to one, along the last dimension.
    Simplex,
    /// Increasing along the last dimension.
    Ordered,
    /// Cholesky factor of a correlation matrix, along the last two dimensions.
    CholeskyCorr,
    /// All ints.
    Int,
    /// Ints `lower ..= upper`, where known.
    IntRange(Option<Dim>, Option<Dim>),
    /// True or false.
    Bool,
}

/// How the reals are mapped to the positive ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PositiveMap {
    /// `exp`
    #[default]
    Exp,
    /// `log(1 + e^u)`
    Softplus,
}

impl Constraint {
    /// Element type of the values.
    pub fn elem(&self) -> Elem {
        match self {
            Constraint::Int | Constraint::IntRange(..) => Elem::Int,
            Constraint::Bool => Elem::Bool,
            _ => Elem::Real,
        }
    }
}

/// A distribution: one file of the standard library, or declared by the user. Fragments are
/// programs whose formal inputs carry the parameters' names; array parameters have formal axes.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<DistParam>,
    /// Formal axes of one value: empty for scalars, one for a simplex.
    pub event: Vec<Axis>,
    /// Where its values lie.
    pub support: Constraint,
    /// Positions of the parameters that are the lower and the upper end of the support.
    pub ends: [Option<usize>; 2],
    /// log p(x; params): formals are the parameters and `x`.
    pub log_density: Fragment,
    /// P(X ≤ x): formals as of the density.
    pub cdf: Option<Fragment>,
    /// Its logarithm, where it can be had without underflow.
    pub log_cdf: Option<Fragment>,
    /// log P(X > x), alike.
    pub log_ccdf: Option<Fragment>,
    /// The inverse of `cdf`: formals are the parameters and `p`.
    pub quantile: Option<Fragment>,
    /// Pathwise sampler from parameter-free noise.
    pub reparam: Option<Sampler>,
    /// Sampler for values that are not differentiated; `reparam` serves where it is absent.
    pub sample: Option<Sampler>,
    /// Number of values `0 .. n` (or false, true) of a finite support, as a fragment in the parameters giving an
    /// int without ambient axes. The size must be known when data is bound.
    pub finite: Option<Dim>,
    /// Of a distribution of bits, the probability of true.
    pub probability_of_true: Option<Fragment>,
    /// Derivatives of its measure by parameters, at most one for each.
    pub weak_derivatives: Vec<WeakDerivative>,
    /// Its declaration.
    pub span: Span,
}

impl Distribution {
    /// Whether it is a single point: it is drawn without noise, and has no density.
    pub fn is_point(&self) -> bool {
        let Some(sampler) = &self.reparam else { return false };
        let mut value = (*sampler.value.0).clone();
        flow::prune(&mut value);
        let noise = |stmt: &Stmt| match stmt {
            Stmt::Let(Let { op: Op::Input(input), .. }) => {
                sampler.draws.iter().any(|draw| draw.name == input.name)
            }
            _ => false,
        };
        !value.body.iter().any(noise)
    }
}

/// A parameter of a distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct DistParam {
    /// Its name.
    pub name: String,
    /// Formal axes of an array parameter.
    pub dims: Vec<Axis>,
    /// Where it must lie.
    pub constraint: Constraint,
    /// Must be rigid: it is an integer count, or moves the support.
    pub rigid: bool,
    /// Used when the argument is left out.
    pub default: Option<f64>,
}

/// Base draws and the value made of them.
#[derive(Debug, Clone)]
pub struct Sampler {
    /// The draws, each of which sees those before it.
    pub draws: Vec<BaseDraw>,
    /// The value, in the parameters and the draws.
    pub value: Fragment,
}

/// A derivative of a distribution by one parameter a, as a difference of two: with X drawn from it,
/// ∂E k(X) = E c·(k(X⁺) − k(X⁻)), where c, X⁺ and X⁻ may depend on X and on more draws. For an array parameter they
/// may have its axes before those of a value: one pair for each component.
#[derive(Debug, Clone)]
pub struct WeakDerivative {
    /// Position of the parameter.
    pub param: usize,
    /// What is drawn beside the value.
    pub draws: Vec<BaseDraw>,
    /// c, in the parameters, the draws and `x`.
    pub coefficient: Fragment,
    /// X⁺, alike.
    pub plus: Fragment,
    /// X⁻, alike.
    pub minus: Fragment,
}

/// Draws of a base sampler.
#[derive(Debug, Clone)]
pub struct BaseDraw {
    /// Its formal name.
    pub name: String,
    /// Its sampler.
    pub base: Base,
    /// The sampler's operands: scalars, or arrays of the draw's dims.
    pub operands: Vec<Fragment>,
    /// Formal axes of the draws, which are independent along them.
    pub dims: Vec<Axis>,
}

/// A piece of pure code: a program whose free names are its [`crate::ir::InputKind::Formal`] inputs.
#[derive(Debug, Clone)]
pub struct Fragment(pub Rc<Program>);

impl Fragment {
    /// Its single result.
    pub fn result(&self) -> &Output {
        &self.0.results[0]
    }

    /// Whether it is the formal of this name and nothing else.
    pub fn is_formal(&self, name: &str) -> bool {
        let result = self.result().var;
        self.0.body.iter().any(|stmt| match stmt {
            Stmt::Let(Let { var, op: Op::Input(input), .. }) => *var == result && input.name == name,
            _ => false,
        })
    }
}

/// A program made of programs: what objectives are given. Static.
#[derive(Debug, Clone)]
pub enum ProgramExpr {
    /// A model or guide with its arguments bound.
    Base(Rc<Generative>),
    /// The program's marginal on the kept addresses.
    Marginal {
        /// The program.
        program: Rc<ProgramExpr>,
        /// Addresses kept.
        keep: Vec<String>,
        /// How the others are summed out.
        using: Marginaliser,
        /// Place in the user's file.
        span: Span,
    },
    /// The program normalised by importance resampling.
    Normalize(Rc<Normalize>),
    /// One row of the program.
    Rows(Rc<Rows>),
    /// The program with latents observed.
    Condition(Rc<ProgramExpr>, Vec<TraceField>),
    /// The program with its parameters as constants.
    Frozen(Rc<ProgramExpr>),
    /// The program with data replaced.
    Given(Rc<ProgramExpr>, Vec<(String, Array)>),
    /// The program with its observations drawn instead.
    Prior(Rc<ProgramExpr>),
    /// The program on its latents alone: observations and factors do not count.
    Unobserved(Rc<ProgramExpr>),
}

/// `normalize(p, proposal = h, using = importance(n))`: one of n draws of h, chosen by its weight p / h.
#[derive(Debug, Clone)]
pub struct Normalize {
    /// What is normalised.
    pub program: Rc<ProgramExpr>,
    /// What draws the particles; it has the same latents.
    pub proposal: Rc<ProgramExpr>,
    /// Number of particles, at least one.
    pub particles: Dim,
    /// The distribution of the index chosen, by log weights.
    pub index: Rc<Distribution>,
    /// The strategy of that choice.
    pub resample: Strategy,
    /// Place in the user's file.
    pub span: Span,
}

/// The row of a program along an axis, at every index of the axis: its sites and terms inside plates over the axis.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The program.
    pub program: Rc<ProgramExpr>,
    /// The rows.
    pub axis: Axis,
    /// The values of the sites outside the plates.
    pub outside: Vec<TraceField>,
}

impl ProgramExpr {
    /// The program at its base.
    pub fn base(&self) -> &Rc<Generative> {
        match self {
            ProgramExpr::Base(base) => base,
            ProgramExpr::Normalize(normalize) => normalize.program.base(),
            ProgramExpr::Rows(rows) => rows.program.base(),
            ProgramExpr::Marginal { program, .. } => program.base(),
            ProgramExpr::Frozen(inner)
            | ProgramExpr::Given(inner, _)
            | ProgramExpr::Prior(inner)
            | ProgramExpr::Unobserved(inner)
            | ProgramExpr::Condition(inner, _) => inner.base(),
        }
    }

    /// The sites of its traces.
    pub fn latents(&self) -> Vec<SiteSpec> {
        match self {
            ProgramExpr::Base(base) => base.latents.clone(),
            ProgramExpr::Marginal { program, keep, .. } => {
                let kept = |site: &SiteSpec| keep.iter().any(|k| **k == *site.address);
                program.latents().into_iter().filter(kept).collect()
            }
            ProgramExpr::Normalize(normalize) => normalize.program.latents(),
            ProgramExpr::Rows(rows) => rows.sites(rows.program.latents()),
            ProgramExpr::Frozen(inner) | ProgramExpr::Given(inner, _) | ProgramExpr::Unobserved(inner) => {
                inner.latents()
            }
            ProgramExpr::Prior(inner) => {
                let drawn = if let ProgramExpr::Condition(inner, _) = &**inner { inner } else { inner };
                let mut sites = drawn.latents();
                sites.extend(inner.base().observed.iter().cloned());
                sites
            }
            ProgramExpr::Condition(inner, observed) => {
                let free = |site: &SiteSpec| observed.iter().all(|field| field.address != site.address);
                inner.latents().into_iter().filter(free).collect()
            }
        }
    }

    /// What it observes.
    pub fn observed(&self) -> Vec<SiteSpec> {
        match self {
            ProgramExpr::Base(base) => base.observed.clone(),
            ProgramExpr::Prior(_) | ProgramExpr::Unobserved(_) => Vec::new(),
            ProgramExpr::Normalize(normalize) => normalize.program.observed(),
            ProgramExpr::Rows(rows) => rows.sites(rows.program.observed()),
            ProgramExpr::Marginal { program: inner, .. }
            | ProgramExpr::Frozen(inner)
            | ProgramExpr::Given(inner, _) => inner.observed(),
            ProgramExpr::Condition(inner, fields) => {
                let named = |site: &SiteSpec| fields.iter().any(|field| field.address == site.address);
                let mut sites = inner.observed();
                sites.extend(inner.latents().into_iter().filter(named));
                sites
            }
        }
    }

    /// The programs it is made of: itself, those inside, and what they propose from.
    pub fn parts(&self) -> Vec<&ProgramExpr> {
        let mut parts = vec![self];
        match self {
            ProgramExpr::Base(_) => {}
            ProgramExpr::Marginal { program, using, .. } => {
                parts.extend(program.parts());
                if let Marginaliser::Importance { proposal: Some(h), .. } = using {
                    parts.extend(h.parts());
                }
            }
            ProgramExpr::Rows(rows) => parts.extend(rows.program.parts()),
            ProgramExpr::Normalize(normalize) => {
                parts.extend(normalize.program.parts());
                parts.extend(normalize.proposal.parts());
            }
            ProgramExpr::Frozen(inner)
            | ProgramExpr::Given(inner, _)
            | ProgramExpr::Prior(inner)
            | ProgramExpr::Unobserved(inner)
            | ProgramExpr::Condition(inner, _) => parts.extend(inner.parts()),
        }
        parts
    }
}

impl Rows {
    /// The sites of a row, without the axis of rows.
    fn sites(&self, sites: Vec<SiteSpec>) -> Vec<SiteSpec> {
        let own = sites.into_iter().filter(|site| site.dims.contains(&self.axis));
        own.map(|mut site| {
            site.dims.retain(|axis| *axis != self.axis);
            site
        })
        .collect()
    }
}

/// How `marginal` sums out.
#[derive(Debug, Clone)]
pub enum Marginaliser {
    /// Importance sampling with this many particles, proposing from the program itself or another.
    Importance {
        /// Number of particles, at least one.
        particles: Dim,
        /// Proposes the values summed out, given those kept (bound to its arguments by name).
        proposal: Option<Rc<ProgramExpr>>,
    },
    /// Exactly, over finite supports.
    Enumerate,
}

/// One field of a trace: the value (an array), and where it is present.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceField {
    /// Address without indices.
    pub address: Rc<str>,
    /// Its value.
    pub value: Array,
    /// Present only where this holds.
    pub present: Option<Var>,
}
