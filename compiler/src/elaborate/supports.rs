//! The values that two programs give to the same latents, one against the other.

use super::unit::Unit;
use super::{Lowered, Reported, base_of};
use std::collections::HashMap;
use vary_core::dim::Dim;
use vary_core::generative::{Constraint, ProgramExpr, ProgramKind, SiteSpec};
use vary_diagnostic::{Code, Diagnostic};

impl Unit {
    /// The guide's values must lie inside the model's supports.
    pub(super) fn check_supports(&mut self, model: &ProgramExpr, guide: &ProgramExpr) -> Lowered<()> {
        let (wanted, given) = (model.latents(), guide.latents());
        let given: HashMap<&str, &SiteSpec> = given.iter().map(|site| (&*site.address, site)).collect();
        let mut failed = false;
        for site in &wanted {
            let Some(other) = given.get(&*site.address) else { continue };
            if !inside(&other.support, &site.support) {
                self.report(
                    Diagnostic::error(
                        Code("E0420"),
                        match base_of(guide).kind {
                            ProgramKind::Guide => {
                                format!("the guide's `{}` may lie outside the model's support", site.address)
                            }
                            ProgramKind::Model => {
                                format!("the model's `{}` may lie outside the guide's support", site.address)
                            }
                        },
                    )
                    .at(other.span, format!("`{}` gives {}", other.dist, describe_support(&other.support)))
                    .at(site.span, format!("`{}` takes {}", site.dist, describe_support(&site.support)))
                    .help(advice(&site.support)),
                );
                failed = true;
            }
            if other.conditional != site.conditional {
                self.report(
                    Diagnostic::error(
                        Code("E0421"),
                        format!("`{}` stands under a condition in one program only", site.address),
                    )
                    .at(other.span, "in the guide")
                    .at(site.span, "in the model")
                    .help("write the same `if` around both, or around none"),
                );
                failed = true;
            }
        }
        if failed { Err(Reported) } else { Ok(()) }
    }
}

/// Whether every value of `inner` is one of `outer`, as far as both are known.
fn inside(inner: &Constraint, outer: &Constraint) -> bool {
    use Constraint::*;
    match (inner, outer) {
        (_, Real) => inner.elem() == vary_core::ir::Elem::Real,
        (Positive(_), Positive(_))
        | (Simplex, Simplex)
        | (Ordered, Ordered)
        | (CholeskyCorr, CholeskyCorr) => true,
        (Interval(a, b), Interval(c, d)) => a >= c && b <= d,
        (Interval(a, _), Positive(_)) => *a >= 0.0,
        // Ends known only when running are compared then.
        (Bounded, _) | (_, Bounded) => true,
        (Bool, Bool) | (Int, Int) | (IntRange(..), Int) => true,
        (IntRange(a, b), IntRange(c, d)) => {
            let low = match (a.as_ref().and_then(Dim::value), c.as_ref().and_then(Dim::value)) {
                (Some(a), Some(c)) => a >= c,
                (None, Some(_)) => a.is_some(),
                _ => true,
            };
            let high = match (b, d) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(b), Some(d)) => b.value().zip(d.value()).is_none_or(|(b, d)| b <= d),
            };
            low && high
        }
        _ => false,
    }
}

fn describe_support(support: &Constraint) -> String {
    match support {
        Constraint::Real => "all reals".into(),
        Constraint::Interval(a, b) => format!("reals between {a} and {b}"),
        Constraint::Bounded => "reals between two ends".into(),
        Constraint::Positive(_) => "positive reals".into(),
        Constraint::Simplex => "a simplex".into(),
        Constraint::Ordered => "increasing values".into(),
        Constraint::CholeskyCorr => "a Cholesky factor".into(),
        Constraint::Int => "ints".into(),
        Constraint::IntRange(Some(low), None) if low.value() == Some(0) => "counts".into(),
        Constraint::IntRange(..) => "ints in a range".into(),
        Constraint::Bool => "true or false".into(),
    }
}

fn advice(support: &Constraint) -> &'static str {
    match support {
        Constraint::Positive(_) => {
            "use a positive distribution in the guide, such as `lognormal.reparam(m, s)`"
        }
        Constraint::Interval(..) => {
            "use a distribution on that interval, such as `interval_normal.reparam(m, s, lower, upper)`"
        }
        Constraint::Bool => "use `flip(p)` in the guide",
        _ => "use a distribution with the model's support",
    }
}
