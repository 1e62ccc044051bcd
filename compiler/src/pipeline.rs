//! Every stage of an objective in order: from its objective program to the program of its gradient.
//!
//! ```text
//! objective (sim and density expanded) ─ adev ─ jvp ─ linearize ─┬─ transpose (reverse mode)
//!                                                                └─ forward   (forward mode)
//! ```

use crate::elaborate::Objective;
use std::collections::BTreeSet;
use vary_core::ir::{InputKind, Op, Program, Stmt};
use vary_core::transform::adev::{self, Estimator};
use vary_core::transform::{Linearized, Seed, forward, jvp, linearize, simplify, transpose};
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
    let mut wrt: BTreeSet<String> = objective.moves.clone();
    wrt.extend(estimator.losses.iter().flat_map(|loss| &loss.params).map(|param| param.name.clone()));
    let dual = simplify(&jvp(&estimator.program, &wrt));
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
            let losses = estimator.losses.iter().map(|loss| (&*loss.result, Seed::One));
            let seeds: Vec<_> = std::iter::once((adev::OBJECTIVE, Seed::One)).chain(losses).collect();
            transpose(&linear, &seeds)
        }
    };
    let gradient = gradient.map_err(|error| vec![Diagnostic::error(Code("E0606"), error.to_string())])?;
    let gradient = simplify(&gradient);
    Ok(Derived { estimator, dual, linear, gradient, mode })
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
