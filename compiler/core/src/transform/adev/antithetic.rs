//! Antithetic pairs: every draw of the objective becomes the mean of two, whose noise is mirrored.
//!
//! Before: an estimator's program. After: one with an axis `pair` of size two, along which symmetric base noise is ε and
//! −ε (u and 1 − u where it is uniform), other noise independent, and every result is the mean along it. Each of the two
//! has the law it had, so means are what they were, gradients with them; where what is averaged is monotone in the noise
//! the two are negatively correlated, and the variance is less than half (Hammersley and Morton 1956).

use super::LOG_MOMENT;
use crate::axis::{Axis, Role};
use crate::build::Builder;
use crate::dim::Dim;
use crate::ir::{Base, Const, Elem, Let, Monoid, Op, Output, Program, Stmt, Ty, Var, VarInfo};
use crate::prim::Prim;
use crate::transform::reemit::Reemit;
use vary_diagnostic::Span;

/// The program with pairs.
pub fn paired(mut program: Program) -> Program {
    let pair = program.axes.fresh("pair", Dim::known(0), Dim::known(2), Role::Copy);
    let body = std::mem::take(&mut program.body);
    let own = Ty { elem: Elem::Bool, axes: [pair].into_iter().collect() };
    program.vars.push(VarInfo { ty: own, name: None, span: Span::default(), rule: None });
    let first = Var(program.vars.len() as u32 - 1);
    program.body = mirrored(&mut program.vars, body, pair, first);
    // The statements are as they should be, their types are not: emitted again they get the new axis.
    let mut b = Builder::new(program.axes.clone());
    let mut copy = Reemit::new(&program).widened([pair].into_iter().collect());
    let (index, zero) = (b.iota(pair), b.int(0));
    let is_first = b.prim(Prim::Eq, &[index, zero]);
    copy.set(&mut b, first, is_first);
    copy.stmts(&mut b, &program.body);
    let mean =
        |result: &Output| Output { var: mean(&mut b, result, copy.get(result.var), pair), ..result.clone() };
    let results = program.results.iter().map(mean).collect();
    b.finish(results)
}

/// Statements whose draws come in pairs.
fn mirrored(vars: &mut Vec<VarInfo>, stmts: Vec<Stmt>, pair: Axis, first: Var) -> Vec<Stmt> {
    let mut all = Vec::new();
    for stmt in stmts {
        match stmt {
            Stmt::Let(Let { var, op: Op::Draw(draw), guard }) if is_symmetric(draw.base) => {
                let info = VarInfo { name: None, ..vars[var.0 as usize].clone() };
                let uniform = draw.base == Base::Uniform;
                let mut bind = |op: Op| {
                    vars.push(info.clone());
                    let var = Var(vars.len() as u32 - 1);
                    all.push(Stmt::Let(Let { var, op, guard }));
                    var
                };
                let drawn = bind(Op::Draw(draw));
                let other = if uniform {
                    let one = bind(Op::Const(Const::Real(1.0)));
                    bind(Op::Prim(Prim::Sub, vec![one, drawn]))
                } else {
                    bind(Op::Prim(Prim::Neg, vec![drawn]))
                };
                all.push(Stmt::Let(Let {
                    var,
                    op: Op::Prim(Prim::Select, vec![first, drawn, other]),
                    guard,
                }));
            }
            Stmt::Let(Let { var, op: Op::Draw(mut draw), guard }) => {
                draw.key.insert(pair);
                all.push(Stmt::Let(Let { var, op: Op::Draw(draw), guard }));
            }
            Stmt::Scan(mut scan) => {
                scan.body = mirrored(vars, scan.body, pair, first);
                all.push(Stmt::Scan(scan));
            }
            other => all.push(other),
        }
    }
    all
}

/// Whether noise has the law of its mirror image: around one half if uniform, else around zero.
fn is_symmetric(base: Base) -> bool {
    match base {
        Base::Normal | Base::Cauchy | Base::Laplace | Base::StudentT | Base::VonMises | Base::Uniform => true,
        Base::Exponential | Base::Gamma | Base::Beta | Base::Poisson | Base::Binomial => false,
    }
}

/// The mean of a result over the two; the log of a moment averages the moment.
fn mean(b: &mut Builder, result: &Output, var: Var, pair: Axis) -> Var {
    if !b.axes_of(var).contains(pair) {
        return var;
    }
    let two = b.real(2.0);
    if result.name == LOG_MOMENT {
        let total = b.log_sum_exp(pair, var);
        let two = b.log(two);
        return b.sub(total, two);
    }
    let total = b.reduce(Monoid::Sum, pair, var);
    b.div(total, two)
}
