//! Every stage of an objective in order: from its objective program to the program of its gradient.
//!
//! ```text
//! objective (sim and density expanded) ─ adev ─ jvp ─ linearize ─┬─ transpose (reverse mode)
//!                                                                └─ forward   (forward mode)
//! ```

use crate::elaborate::Objective;
use vary_core::axis::Role;
use vary_core::build::Builder;
use vary_core::ir::{InputKind, Let, Op, Output, Program, Stmt};
use vary_core::transform::adev::{self, Estimator};
use vary_core::transform::reemit::Reemit;
use vary_core::transform::{GradientError, Linearized, Seed, forward, jvp, linearize, simplify, transpose};
use vary_diagnostic::{Code, Diagnostic};

/// How the linear program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ad {
    /// By cost.
    #[default]
    Auto,
    /// All directions at once.
    Forward,
    /// Transposed.
    Reverse,
}

/// An objective with all its stages.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Strategies replaced by random primitives and score terms.
    pub estimator: Estimator,
    /// With tangents.
    pub dual: Program,
    /// Split into primal and linear statements.
    pub linear: Linearized,
    /// Results `objective` (per draw), `grad.<parameter>` (summed over draws) and `state.<name>`.
    pub gradient: Program,
    /// The mode chosen.
    pub mode: Ad,
}

/// Up to this many scalar parameters forward mode is the cheaper one.
const FORWARD_LIMIT: usize = 3;

/// Derives the gradient estimator of an objective whose sizes are bound, for `samples` draws a step.
pub fn derive(objective: &Objective, samples: usize, ad: Ad) -> Result<Derived, Vec<Diagnostic>> {
    let options =
        adev::Options { samples, antithetic: objective.antithetic, detached: objective.detaches.clone() };
    let estimator = adev::estimator(objective.program.clone(), &options)?;
    // What control variates learn has no part in the gradient, which it leaves unbiased: a constant here.
    let moves = objective.moves.difference(&estimator.controls).cloned().collect();
    let dual = simplify(&jvp(&estimator.program, &moves));
    let linear = linearize(&dual);
    let mode = match ad {
        // Forward mode differentiates one result.
        _ if !estimator.losses.is_empty() => Ad::Reverse,
        Ad::Auto if scalar_parameters(&dual) <= FORWARD_LIMIT => Ad::Forward,
        Ad::Auto => Ad::Reverse,
        chosen => chosen,
    };
    let gradient = match mode {
        Ad::Forward => forward(&linear, adev::OBJECTIVE),
        // No parameter is common to the results, so each gradient is that of one of them.
        _ => {
            let losses = estimator.losses.iter().map(|loss| (loss.result.as_str(), Seed::One));
            let seeds: Vec<_> = std::iter::once((adev::OBJECTIVE, Seed::One)).chain(losses).collect();
            transpose(&linear, &seeds)
        }
    };
    let gradient = gradient.map_err(|error| vec![Diagnostic::error(Code("E0606"), error.to_string())])?;
    let gradient = simplify(&gradient);
    let gradient = if estimator.of_variates().next().is_none() {
        gradient
    } else {
        let gradient = squared_gradient(&gradient, &estimator);
        simplify(&gradient.map_err(|error| vec![Diagnostic::error(Code("E0606"), error.to_string())])?)
    };
    Ok(Derived { estimator, dual, linear, gradient, mode })
}

/// The result that coefficients of control variates minimise: over S draws, S·|ḡ|², ḡ the mean gradient of a step. Its
/// derivative by them is that of the variance, since the mean does not depend on them (Tucker et al. 2017, §3.2).
const SQUARED: &str = "loss.gradient";

/// The gradient program with the gradient of [`SQUARED`] by the coefficients, summed over draws as the others are.
fn squared_gradient(gradient: &Program, estimator: &Estimator) -> Result<Program, GradientError> {
    // What is a constant to the parameters of the objective need not be one to coefficients: nothing else is
    // differentiated any more, so derivatives are cut nowhere.
    let mut b = Builder::new(gradient.axes.clone());
    let mut copy = Reemit::new(gradient);
    copy.stmts(&mut b, &attached(&gradient.body));
    let mut results = copy.outputs(&gradient.results);
    let trained = estimator.trained();
    let mut total = b.real(0.0);
    for result in &results {
        let Some(param) = result.name.strip_prefix("grad.") else { continue };
        if !trained.contains(param) {
            let square = b.mul(result.var, result.var);
            let square = b.sum(&result.dims.iter().copied().collect(), square);
            total = b.add(total, square);
        }
    }
    if let Some((draws, _)) = gradient.axes.iter().find(|(_, info)| info.role == Role::Draw) {
        let size = b.size(draws);
        let size = b.to_real(size);
        total = b.div(total, size);
    }
    results.push(Output { name: SQUARED.to_string(), var: total, dims: Vec::new() });
    let squared = b.finish(results);
    let coefficients = estimator.of_variates().map(str::to_string).collect();
    let linear = linearize(&simplify(&jvp(&squared, &coefficients)));
    let mut turned = transpose(&linear, &[(SQUARED, Seed::One)])?;
    turned.results.retain(|result| result.name != SQUARED);
    for result in &mut turned.results {
        if let Some(param) = result.name.strip_prefix("grad'.") {
            result.name = format!("grad.{param}");
        }
    }
    Ok(turned)
}

/// The statements with `detach` as the identity.
fn attached(stmts: &[Stmt]) -> Vec<Stmt> {
    let mut body = stmts.to_vec();
    for stmt in &mut body {
        match stmt {
            Stmt::Let(Let { op, .. }) => {
                if let Op::Detach(x) = op {
                    *op = Op::Rename(Vec::new(), *x);
                }
            }
            Stmt::Scan(scan) => scan.body = attached(&scan.body),
            Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
        }
    }
    body
}

/// How many unconstrained numbers the program's gradient has.
fn scalar_parameters(dual: &Program) -> usize {
    let sizes = dual.body.iter().filter_map(|stmt| match stmt {
        Stmt::Let(l) => match &l.op {
            Op::Input(input) if input.kind == InputKind::Tangent => Some(
                input
                    .dims
                    .iter()
                    .map(|axis| dual.axes.info(*axis).size.value().unwrap_or(1) as usize)
                    .product::<usize>(),
            ),
            _ => None,
        },
        _ => None,
    });
    sizes.sum()
}
