//! What objectives require of their programs.
//!
//! A program's density is *exact* unless importance sampling estimates it; objectives that need an exact one, or a
//! smooth guide, say so in `requires`, and objectives that are biased by construction in `@biased`. Conditions on their
//! numbers stand there too: `@requires(chi >= 1)`.

use super::value::Value;
use super::{Lower, Lowered, base_of};
use vary_core::generative::{Marginaliser, ProgramExpr};
use vary_core::ir::{Array, Rule};
use vary_core::transform::adev::estimator::rule;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, BinaryOp, Expr, ExprKind};

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
            for requirement in requirements(attribute) {
                self.check_requirement(f, requirement, values)?;
            }
        }
        Ok(())
    }

    /// Checks the comparisons that an objective's attributes require of its numbers, which are bound to their names here:
    /// now where they are known, else while running. `places` are the arguments'.
    pub(super) fn check_conditions(
        &mut self,
        f: &ast::FnDecl,
        attributes: &[ast::Attribute],
        places: &[Span],
    ) -> Lowered<()> {
        for condition in attributes.iter().flat_map(requirements) {
            let ExprKind::Binary(op, left, right) = &condition.kind else { continue };
            let (ExprKind::Name(name), Some(end), Some(relation)) =
                (&left.kind, literal(right), in_words(*op))
            else {
                continue;
            };
            let at = f.params.iter().position(|param| param.name.name == *name).map(|at| places[at]);
            let (Some(at), Some(Value::Array(value))) = (at, self.lookup(name).cloned()) else { continue };
            let fixed = Array { var: self.b.detach(value.var), dims: value.dims.clone() };
            self.define(name, Value::Array(fixed));
            let Value::Array(holds) = self.expr(condition)? else { continue };
            let text = format!("`{name}` of `{}` must be {relation} {end}", f.name.name);
            let known = self.b.constant(value.var).map(|value| value.number());
            let help = format!("`{}` is defined for these only", f.name.name);
            if let (Some(known), Some(false)) = (known, self.b.constant(holds.var).map(|c| c.number() == 1.0))
            {
                return Err(self.report(
                    Diagnostic::error(Code("E0316"), format!("{text}, but is {known}"))
                        .at(at, format!("this is {known}"))
                        .help(help),
                ));
            }
            let rule = Rule { text, help, of_data: self.reads_data(at) };
            let place = self.b.at(at);
            let var = self.b.require(holds.var, value.var, rule.into());
            self.b.at(place);
            self.define(name, Value::Array(Array { var, dims: value.dims }));
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

/// A number as it is written.
fn literal(expr: &Expr) -> Option<f64> {
    match expr.kind {
        ExprKind::Int(value) => Some(value as f64),
        ExprKind::Real(value) => Some(value),
        _ => None,
    }
}

/// How a number stands to another.
fn in_words(op: BinaryOp) -> Option<&'static str> {
    match op {
        BinaryOp::Ge => Some("at least"),
        BinaryOp::Gt => Some("above"),
        BinaryOp::Le => Some("at most"),
        BinaryOp::Lt => Some("below"),
        BinaryOp::Ne => Some("other than"),
        _ => None,
    }
}

/// What an attribute requires.
fn requirements(attribute: &ast::Attribute) -> Vec<&Expr> {
    match attribute.name.name.as_str() {
        "requires" => attribute.args.iter().map(|arg| &arg.value).collect(),
        "gradient_of" => {
            let named = |arg: &&ast::Arg| arg.name.as_ref().is_some_and(|n| n.name == "requires");
            match attribute.args.iter().find(named).map(|arg| &arg.value.kind) {
                Some(ExprKind::Array(required)) => required.iter().collect(),
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
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
