//! What may be done with values that are exact only on average.
//!
//! An expectation is an *estimated* real: sums, differences, and products with what is not estimated
//! keep its mean, anything else would be biased and is refused. A program's density is *exact*
//! unless importance sampling estimates it; objectives that need an exact one, or a smooth guide,
//! say so in `requires` (semantics §3, §4).

use super::value::Value;
use super::{Lower, Lowered, base_of};
use vary_core::generative::{Marginaliser, ProgramExpr};
use vary_core::ir::{Array, Var};
use vary_core::transform::adev::estimator::rule;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, BinaryOp, Expr, ExprKind};

impl Lower<'_> {
    /// Marks an expectation.
    pub(super) fn mark_estimated(&mut self, var: Var) {
        if self.b.constant(var).is_none() {
            self.estimated.insert(var);
        }
    }

    /// Refuses an expectation where its value would be used, not its mean.
    pub(super) fn refuse_estimated(&mut self, array: &Array, span: Span) -> Lowered<()> {
        if !self.estimated.contains(&array.var) {
            return Ok(());
        }
        Err(self.report(
            Diagnostic::error(Code("E0610"), "an expectation cannot go through this")
                .at(span, "only its mean is meant, a single draw is what is computed")
                .note("sums, differences and multiples of expectations are unbiased, other functions are not")
                .help("move the function inside `expect { … }` if it is meant there"),
        ))
    }

    /// The operands of `+ - * /`, of which expectations may be: returns whether the result is one.
    pub(super) fn linear_operands(
        &mut self,
        op: BinaryOp,
        l: &Expr,
        r: &Expr,
    ) -> Lowered<(Array, Array, bool)> {
        let (a, b) = (self.possibly_estimated(l)?, self.possibly_estimated(r)?);
        let (ea, eb) = (self.estimated.contains(&a.var), self.estimated.contains(&b.var));
        match op {
            BinaryOp::Add | BinaryOp::Sub => Ok((a, b, ea || eb)),
            BinaryOp::Mul if !(ea && eb) => Ok((a, b, ea || eb)),
            BinaryOp::Div if !eb => Ok((a, b, ea)),
            _ => {
                self.refuse_estimated(&b, r.span)?;
                self.refuse_estimated(&a, l.span)?;
                Ok((a, b, false))
            }
        }
    }

    /// Checks what an objective's attributes require of its arguments.
    pub(super) fn check_requirements(
        &mut self,
        f: &ast::FnDecl,
        attributes: &[ast::Attribute],
        values: &[(Value, Span)],
    ) -> Lowered<()> {
        for attribute in attributes {
            let required: Vec<&Expr> = match attribute.name.name.as_str() {
                "requires" => attribute.args.iter().map(|arg| &arg.value).collect(),
                "gradient_of" => {
                    let named = |arg: &&ast::Arg| arg.name.as_ref().is_some_and(|n| n.name == "requires");
                    match attribute.args.iter().find(named).map(|arg| &arg.value.kind) {
                        Some(ExprKind::Array(required)) => required.iter().collect(),
                        _ => Vec::new(),
                    }
                }
                _ => Vec::new(),
            };
            for requirement in required {
                self.check_requirement(f, requirement, values)?;
            }
        }
        Ok(())
    }

    /// `exact(q)` or `smooth(q)`
    fn check_requirement(
        &mut self,
        f: &ast::FnDecl,
        requirement: &Expr,
        values: &[(Value, Span)],
    ) -> Lowered<()> {
        let ExprKind::Call(callee, args) = &requirement.kind else { return Ok(()) };
        let (ExprKind::Name(what), [arg]) = (&callee.kind, args.as_slice()) else { return Ok(()) };
        let ExprKind::Name(param) = &arg.value.kind else { return Ok(()) };
        let at = f.params.iter().position(|p| p.name.name == *param);
        let Some((Value::Program(program), span)) = at.map(|at| &values[at]) else { return Ok(()) };
        let name = &f.name.name;
        match what.as_str() {
            "exact" => {
                let Some(estimated) = estimate(program) else { return Ok(()) };
                Err(self.report(
                    Diagnostic::error(Code("E0609"), format!("`{name}` needs an exact density"))
                        .at(*span, format!("the density of `{}` is estimated", base_of(program).name))
                        .at(estimated, "by importance sampling, here")
                        .help("use `elbo` or `iwelbo`, which stay bounds, or `using = enumerate`"),
                ))
            }
            "smooth" => {
                for site in base_of(program).latents.clone() {
                    let smooth = match &site.strategy {
                        Some(strategy) => rule(strategy.name).is_some_and(|rule| rule.is_smooth()),
                        None => self.aside(|unit| unit.distribution(&site.dist))?.reparam.is_some(),
                    };
                    if !smooth {
                        return Err(self.report(
                            Diagnostic::error(
                                Code("E0609"),
                                format!("`{name}` needs a guide with smooth sites only"),
                            )
                            .at(site.span, format!("`{}` is not reparameterised", site.address))
                            .at(*span, "the guide given")
                            .help("use `elbo`, or `.reparam` at the site"),
                        ));
                    }
                }
                Ok(())
            }
            other => Err(self.report(
                Diagnostic::error(Code("E0609"), format!("nothing is known of the requirement `{other}`"))
                    .at(requirement.span, format!("declared by `{name}`"))
                    .help("the requirements are `exact(p)` and `smooth(q)`"),
            )),
        }
    }
}

/// Where a density is estimated, if it is.
pub fn estimate(program: &ProgramExpr) -> Option<Span> {
    match program {
        ProgramExpr::Base(_) => None,
        ProgramExpr::Marginal { using: Marginaliser::Importance { .. }, span, .. } => Some(*span),
        ProgramExpr::Marginal { program, .. } => estimate(program),
        ProgramExpr::Frozen(inner) | ProgramExpr::Given(inner, _) | ProgramExpr::Prior(inner) => {
            estimate(inner)
        }
    }
}
