//! Which reals are provably positive: a forward dataflow over products, sums and ranges.

use crate::generative::Constraint;
use crate::ir::{Const, Monoid, Op, Program, Stmt, Var};
use crate::prim::Prim;

/// What is known of a value's sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// `> 0`, up to underflow.
    Positive,
    /// `≥ 0`.
    NonNegative,
    /// Nothing.
    Unknown,
}

impl Sign {
    /// Whether every value of this sign has that one.
    pub fn is_within(self, other: Sign) -> bool {
        self <= other
    }

    fn of_number(value: f64) -> Sign {
        if value > 0.0 {
            Sign::Positive
        } else if value == 0.0 {
            Sign::NonNegative
        } else {
            Sign::Unknown
        }
    }
}

/// The sign of every variable. Carries are unknown unless they start and go on with a known sign.
pub fn signs(program: &Program) -> Vec<Sign> {
    // From the optimistic side: values only lose what cannot be kept, until nothing changes.
    let mut signs = vec![Sign::Positive; program.vars.len()];
    while block(&program.body, &mut signs) {}
    signs
}

fn block(stmts: &[Stmt], signs: &mut [Sign]) -> bool {
    let mut changed = false;
    let lower = |var: Var, sign: Sign, signs: &mut [Sign]| {
        let known = &mut signs[var.0 as usize];
        let changed = sign > *known;
        *known = sign.max(*known);
        changed
    };
    for stmt in stmts {
        match stmt {
            Stmt::Let(binding) => changed |= lower(binding.var, op(&binding.op, signs), signs),
            Stmt::Sample(sample) => changed |= lower(sample.var, support(&sample.site.dist.support), signs),
            Stmt::Scan(scan) => {
                for carry in &scan.carries {
                    let sign = signs[carry.init.0 as usize].max(signs[carry.next.0 as usize]);
                    changed |= lower(carry.var, sign, signs);
                }
                changed |= block(&scan.body, signs);
            }
            Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
    changed
}

fn support(constraint: &Constraint) -> Sign {
    match constraint {
        Constraint::Positive(_) | Constraint::Simplex => Sign::Positive,
        Constraint::Interval(lower, _) if *lower >= 0.0 => Sign::Positive,
        Constraint::IntRange(..) | Constraint::Bool => Sign::NonNegative,
        Constraint::Interval(..)
        | Constraint::Real
        | Constraint::Bounded
        | Constraint::Ordered
        | Constraint::CholeskyCorr
        | Constraint::Int => Sign::Unknown,
    }
}

fn op(op: &Op, signs: &[Sign]) -> Sign {
    let of = |var: &Var| signs[var.0 as usize];
    match op {
        Op::Const(Const::Bool(_)) | Op::Iota(_) => Sign::NonNegative,
        Op::Const(value) => Sign::of_number(value.number()),
        Op::Input(_) | Op::Tangent(_) | Op::Cholesky { .. } | Op::TriSolve { .. } | Op::Draw(_) => {
            Sign::Unknown
        }
        Op::Prim(prim, args) => pointwise(*prim, args, &of),
        Op::Reduce(Monoid::Sum | Monoid::Max | Monoid::Min, _, x)
        | Op::Rename(_, x)
        | Op::Gather { x, .. }
        | Op::Detach(x) => of(x),
        // Positions that nothing is added to are 0.
        Op::Scatter { x, .. } | Op::CumSum { x, .. } => of(x).max(Sign::NonNegative),
        Op::Stack { parts, .. } => parts.iter().map(of).max().unwrap_or(Sign::Unknown),
        Op::Concat { parts, .. } => parts.iter().map(|(_, part)| of(part)).max().unwrap_or(Sign::Unknown),
    }
}

fn pointwise(prim: Prim, args: &[Var], of: &dyn Fn(&Var) -> Sign) -> Sign {
    use Prim::{
        Abs, Add, And, Atan, Atan2, Ceil, Cos, Div, Eq, Erf, Exp, Expm1, Floor, IntDiv, Le, Lgamma, Log,
        Log1p, Lt, Max, Min, Mul, Ne, Neg, Not, Or, Polygamma, Pow, Rem, Round, Select, Sigmoid, Sin,
        Softplus, Sqrt, Sub, Tan, Tanh, ToInt, ToReal, XLogY,
    };
    let all = || args.iter().map(of).max().unwrap_or(Sign::Unknown);
    match prim {
        Exp | Sigmoid | Softplus => Sign::Positive,
        Abs if of(&args[0]) != Sign::Positive => Sign::NonNegative,
        Abs | Sqrt | ToReal | ToInt | Div | Atan | Tanh | Erf => all(),
        Expm1 | Log1p => all(),
        Add => match (of(&args[0]), of(&args[1])) {
            (Sign::Unknown, _) | (_, Sign::Unknown) => Sign::Unknown,
            (a, b) => a.min(b),
        },
        Mul if args[0] == args[1] => of(&args[0]).min(Sign::NonNegative),
        Mul | Min => all(),
        Pow => {
            if of(&args[0]) == Sign::Positive {
                Sign::Positive
            } else {
                Sign::Unknown
            }
        }
        Max => args.iter().map(of).min().unwrap_or(Sign::Unknown),
        Select => of(&args[1]).max(of(&args[2])),
        Neg
        | Log
        | Sin
        | Cos
        | Tan
        | Lgamma
        | Polygamma(_)
        | Floor
        | Ceil
        | Round
        | Prim::Sign
        | Not
        | Sub
        | IntDiv
        | Rem
        | Atan2
        | XLogY
        | Lt
        | Le
        | Eq
        | Ne
        | And
        | Or => Sign::Unknown,
    }
}
