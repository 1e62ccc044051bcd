//! Gradient strategies as written at a site: `.reparam`, `.reinforce(…, baseline = …)`.

use super::{Lower, Lowered};
use vary_core::generative::Distribution;
use vary_core::ir::{Baseline, Strategy};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, ExprKind};

impl Lower<'_> {
    /// The strategy written after a distribution's dot, with its settings.
    pub(super) fn strategy(
        &mut self,
        dist: &Distribution,
        name: Option<&ast::Ident>,
        args: &[ast::Arg],
    ) -> Lowered<Option<Strategy>> {
        let Some(name) = name else {
            if let Some(arg) = args.first() {
                let unknown = arg.name.as_ref().map_or("", |name| &name.name);
                let params: Vec<&str> = dist.params.iter().map(|param| param.name.as_str()).collect();
                return Err(self.report(
                    Diagnostic::error(Code("E0314"), format!("`{}` has no parameter `{unknown}`", dist.name))
                        .at(argument_place(arg), "unknown")
                        .note(format!("its parameters are {}", params.join(", "))),
                ));
            }
            return Ok(None);
        };
        let strategy = match name.name.as_str() {
            "reparam" => Strategy::Reparam,
            "enum" => Strategy::Enum,
            "mvd" => Strategy::Mvd,
            "reinforce" => Strategy::Reinforce(self.baseline(args)?),
            other => {
                let mut diagnostic =
                    Diagnostic::error(Code("E0510"), format!("there is no gradient strategy `{other}`"))
                        .at(name.span, "unknown")
                        .help("the strategies are reparam, reinforce, enum and mvd");
                if matches!(
                    other,
                    "rloo"
                        | "implicit"
                        | "rejection"
                        | "gumbel_softmax"
                        | "straight_through"
                        | "rebar"
                        | "relax"
                ) {
                    diagnostic = diagnostic.note(format!("`{other}` is planned but not there yet"));
                }
                return Err(self.report(diagnostic));
            }
        };
        if !matches!(strategy, Strategy::Reinforce(_))
            && let Some(arg) = args.first()
        {
            let message = format!("`{}` takes no settings", name.name);
            return Err(self.error("E0510", argument_place(arg), message, "unknown"));
        }
        Ok(Some(strategy))
    }

    /// `baseline = 0.5`, `baseline = moving_average(0.99)`
    fn baseline(&mut self, args: &[ast::Arg]) -> Lowered<Baseline> {
        let Some(arg) = args.first() else { return Ok(Baseline::None) };
        if arg.name.as_ref().is_none_or(|name| name.name != "baseline") || args.len() > 1 {
            let place = argument_place(arg);
            return Err(self.error("E0510", place, "`reinforce` takes `baseline = …`", "unknown setting"));
        }
        let moving = match &arg.value.kind {
            ExprKind::Name(name) if name == "moving_average" => Some(0.9),
            ExprKind::Call(callee, args) if matches!(&callee.kind, ExprKind::Name(n) if n == "moving_average") => {
                match args.as_slice() {
                    [] => Some(0.9),
                    [decay] => super::types::literal(&decay.value),
                    _ => None,
                }
            }
            _ => {
                let value = self.array(&arg.value)?;
                if !value.dims.is_empty() {
                    return Err(self.error(
                        "E0306",
                        arg.value.span,
                        "a baseline is one number per row",
                        "an array",
                    ));
                }
                return Ok(Baseline::Value(self.b.to_real(value.var)));
            }
        };
        match moving {
            Some(decay) if (0.0..1.0).contains(&decay) => Ok(Baseline::MovingAverage(decay)),
            _ => Err(self.error(
                "E0510",
                arg.value.span,
                "the decay is a number from 0 to below 1",
                "not this",
            )),
        }
    }
}

/// Where an argument is named, else where it stands.
fn argument_place(arg: &ast::Arg) -> Span {
    arg.name.as_ref().map_or(arg.value.span, |name| name.span)
}
