//! What objectives require of their programs.
//!
//! A program's density is *exact* unless importance sampling estimates it; objectives that need an exact one, or a
//! smooth guide, say so in `requires`, and objectives that are biased by construction in `@biased`.

use super::value::Value;
use super::{Lower, Lowered, base_of};
use vary_core::generative::{Marginaliser, ProgramExpr};
use vary_core::transform::adev::estimator::rule;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind};

impl Lower<'_> {
    /// Checks what an objective's attributes require of its arguments.
    pub(super) fn check_requirements(
        &mut self,
        f: &ast::FnDecl,
        attributes: &[ast::Attribute],
        values: &[(Value, Span)],
    ) -> Lowered<()> {
        for attribute in attributes {
            if attribute.name.name == "biased" {
                let text = attribute_text(attribute).unwrap_or("by its own account");
                self.bias.push(format!("`{}` is biased: {text}", f.name.name));
            }
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
        let ExprKind::Name(what) = &callee.kind else { return Ok(()) };
        let given = |arg: &ast::Arg| {
            let ExprKind::Name(param) = &arg.value.kind else { return None };
            let at = f.params.iter().position(|p| p.name.name == *param)?;
            match &values[at] {
                (Value::Program(program), span) => Some((program, span)),
                _ => None,
            }
        };
        let programs: Vec<_> = args.iter().filter_map(given).collect();
        if let ("covers", [(wide, _), (narrow, _)]) = (what.as_str(), programs.as_slice()) {
            return self.aside(|unit| unit.check_supports(wide, narrow));
        }
        let [(program, span)] = programs.as_slice() else { return Ok(()) };
        if what == "inside" {
            let dim = f.params.iter().zip(values).find(|(param, _)| param.name.name == "dim");
            let Some((_, (Value::Array(dim), at))) = dim else { return Ok(()) };
            return self.check_inside(&f.name.name, program, &dim.clone(), *at);
        }
        let name = &f.name.name;
        match what.as_str() {
            "exact" => {
                let Some(estimated) = estimate(program) else { return Ok(()) };
                Err(self.report(
                    Diagnostic::error(Code("E0609"), format!("`{name}` needs an exact density"))
                        .at(**span, format!("the density of `{}` is estimated", base_of(program).name))
                        .at(estimated, "by importance sampling, here")
                        .help("use `elbo` or `iwelbo`, which stay bounds, or `using = enumerate`"),
                ))
            }
            "smooth" => {
                for site in program.latents() {
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
                            .at(**span, "the guide given")
                            .help("use `elbo`, or `.reparam` at the site"),
                        ));
                    }
                }
                Ok(())
            }
            "normalized" => {
                let base = base_of(program);
                if program.observed().is_empty() && !super::program::has_factor(&base.program.body) {
                    return Ok(());
                }
                Err(self.report(
                    Diagnostic::error(Code("E0609"), format!("`{name}` needs a normalised program"))
                        .at(**span, format!("`{}` observes, or has a factor", base.name))
                        .help("use `jeffreys` or `cubo`, which need no evidence, or `prior(p)`"),
                ))
            }
            other => Err(self.report(
                Diagnostic::error(Code("E0609"), format!("nothing is known of the requirement `{other}`"))
                    .at(requirement.span, format!("declared by `{name}`"))
                    .help("the requirements are `exact(p)`, `smooth(q)`, `covers(q, p)`, `normalized(p)` and `inside(p, dim)`"),
            )),
        }
    }
}

/// Where a density is estimated, if it is.
pub fn estimate(program: &ProgramExpr) -> Option<Span> {
    program.parts().into_iter().find_map(|part| match part {
        ProgramExpr::Marginal { using: Marginaliser::Importance { .. }, span, .. } => Some(*span),
        ProgramExpr::Normalize(normalize) => Some(normalize.span),
        _ => None,
    })
}

/// The text of an attribute: `@biased("self-normalised")`.
fn attribute_text(attribute: &ast::Attribute) -> Option<&str> {
    match attribute.args.first().map(|arg| &arg.value.kind) {
        Some(ExprKind::Str(text)) => Some(text),
        _ => None,
    }
}
