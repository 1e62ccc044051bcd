//! Strategies given from outside: `--estimator site=strategy`.

use super::Session;
use crate::elaborate::{Fit, Lowered, Reported};
use std::rc::Rc;
use vary_core::ir::{Program, Site, Stmt, Strategy};
use vary_core::transform::adev::estimator::{self, RULES};
use vary_core::transform::adev::strategy::sites;
use vary_diagnostic::{Code, Diagnostic};

impl Session {
    /// Replaces the strategies of sites, by address.
    pub(super) fn set_strategies(&mut self, fit: &mut Fit, given: &[(String, String)]) -> Lowered<()> {
        for (address, name) in given {
            let known: Vec<_> =
                fit.objectives.iter().flat_map(|objective| sites(&objective.program)).collect();
            if !known.iter().any(|sample| *sample.site.address == **address) {
                let mut all: Vec<String> =
                    known.iter().map(|sample| sample.site.address.to_string()).collect();
                all.dedup();
                let message = format!("`--estimator` names `{address}`, which is no site of the fit");
                self.unit.report(
                    Diagnostic::error(Code("E0510"), message)
                        .at(fit.span, "the fit")
                        .help(format!("its sites are {}", all.join(", "))),
                );
                return Err(Reported);
            }
            let Some(rule) = estimator::rule(name) else {
                let all: Vec<&str> = RULES.iter().map(|rule| rule.name()).collect();
                self.unit.report(
                    Diagnostic::error(Code("E0510"), format!("there is no gradient strategy `{name}`"))
                        .at(fit.span, format!("`--estimator` asks for it at `{address}`"))
                        .help(format!("the strategies are {}", all.join(", "))),
                );
                return Err(Reported);
            };
            for objective in &mut fit.objectives {
                set(&mut objective.program, address, &Strategy::named(rule.name()));
            }
        }
        Ok(())
    }
}

/// Gives every site of this address a strategy.
pub(super) fn set(program: &mut Program, address: &str, strategy: &Strategy) {
    fn block(stmts: &mut [Stmt], address: &str, strategy: &Strategy) {
        for stmt in stmts {
            match stmt {
                Stmt::Sample(sample) if *sample.site.address == *address => {
                    let site = Site { strategy: Some(strategy.clone()), ..(*sample.site).clone() };
                    sample.site = Rc::new(site);
                }
                Stmt::Scan(scan) => block(&mut scan.body, address, strategy),
                Stmt::Sample(_) | Stmt::Let(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {
                }
            }
        }
    }
    block(&mut program.body, address, strategy);
}
