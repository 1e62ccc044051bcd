//! What is told of a fit that met a number that is not finite.

use super::constraint::constrain;
use super::estimator::{self, Setup};
use super::locate;
use super::prepare::Prepared;
use super::show::{self, Digits};
use vary_core::ir::{Elem, Program};
use vary_core::transform::require;
use vary_diagnostic::{Code, Diagnostic};
use vary_runtime::fit::{self as run, Batches};

impl Prepared {
    /// The rows that a step takes of each plate.
    fn rows_at(&self, step: u64, seed: u64) -> Vec<Vec<u32>> {
        let plates = self.plates.iter();
        plates.map(|p| Batches::new(&p.name, p.rows, p.size, seed).take(step).to_vec()).collect()
    }

    /// What went wrong: the first value that is not finite at the failed step, and where it is computed.
    pub(super) fn failure(&self, failure: &run::Failure, setup: &Setup) -> Diagnostic {
        let message = if failure.objective.is_finite() {
            format!("the gradient is not finite at step {}", failure.step)
        } else {
            format!("the objective is {} at step {}", failure.objective, failure.step)
        };
        let mut diagnostic = Diagnostic::error(Code("E0901"), message);
        let rows = self.rows_at(failure.step, setup.seed);
        let at = estimator::Moment {
            values: &failure.params,
            draws: self.settings.samples,
            step: failure.step,
            done: failure.step,
            rows: &rows,
        };
        let sizes: Vec<usize> = rows.iter().map(Vec::len).collect();
        let programs = (0..self.derived.len()).flat_map(|which| self.programs(which));
        let programs = programs.filter(|(own, _)| *own == sizes).map(|(_, derived)| derived);
        let programs: Vec<&Program> = programs.map(|derived| &derived.estimator.program).collect();
        let violated = programs.iter().find_map(|program| {
            let required = require::requirements(program);
            locate::violations(program, &required, &at, setup, Code("E0902")).into_iter().next()
        });
        if let Some((_, violated)) = violated {
            let message = format!("{} (step {})", violated.message, failure.step);
            return self
                .at_parameters(Diagnostic { message, ..violated }, failure)
                .at(self.fit.span, "in this fit");
        }
        match programs.iter().find_map(|program| locate::first_bad_value(program, &at, setup)) {
            Some(found) => diagnostic = diagnostic.at(found.span, found.text),
            None => {
                if let Some((at, value)) = failure.gradient
                    && let Some(placed) =
                        self.params.iter().find(|p| (p.offset..p.offset + p.len).contains(&at))
                {
                    let text = format!("the derivative by `{}` is {value}", placed.spec.name);
                    diagnostic = diagnostic.at(placed.spec.span, text);
                }
            }
        }
        let help = if failure.step == 0 {
            "look for data that the model gives no density at the start, or try other starting values"
        } else {
            "try smaller steps (`--set optimizer.rate=…`) or other starting values"
        };
        self.at_parameters(diagnostic, failure).at(self.fit.span, "in this fit").help(help)
    }

    /// The diagnostic with the parameters of the failed step.
    fn at_parameters(&self, mut diagnostic: Diagnostic, failure: &run::Failure) -> Diagnostic {
        for (placed, name) in self.params.iter().zip(self.shown_names()) {
            let raw = &failure.params[placed.offset..placed.offset + placed.len];
            let value = constrain(&placed.spec.constraint, raw, &placed.shape);
            if placed.len <= 8 {
                let value = show::entries(value.view(), Elem::Real, Digits::Six);
                diagnostic = diagnostic.note(format!("{name} was {value}"));
            }
        }
        diagnostic
    }
}
