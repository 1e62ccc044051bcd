//! Gradient strategies as written at a site: `.reparam`, `.reinforce(…, baseline = …)`.

use super::value::Value;
use super::{Lower, Lowered, Reported};
use vary_core::generative::Distribution;
use vary_core::ir::{Array, Elem, Input, InputKind, Setting, Site, Strategy};
use vary_core::transform::adev::estimator::{self, Kind};
use vary_core::transform::support;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, ExprKind};

/// Copies of a site share memory with the draws of a step.
const MOST_COPIES: f64 = 65536.0;

/// The largest count that a setting takes.
const MOST_COUNT: u32 = 100;

impl Lower<'_> {
    /// The strategy written after a distribution's dot, with its settings; of a site, if it is written at one.
    pub(super) fn strategy(
        &mut self,
        dist: &Distribution,
        site: Option<&Site>,
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
        let Some(rule) = estimator::rule(&name.name) else {
            let all: Vec<&str> = estimator::RULES.iter().map(|rule| rule.name()).collect();
            return Err(self.report(
                Diagnostic::error(Code("E0510"), format!("there is no gradient strategy `{}`", name.name))
                    .at(name.span, "unknown")
                    .help(format!("the strategies are {}", all.join(", "))),
            ));
        };
        let mut strategy = Strategy::named(rule.name());
        for arg in args {
            let given = arg.name.as_ref().map_or("", |name| &name.name);
            let Some((known, kind)) = rule.settings().iter().find(|(known, _)| *known == given) else {
                let names: Vec<String> =
                    rule.settings().iter().map(|(name, _)| format!("`{name} = …`")).collect();
                let message = match names.as_slice() {
                    [] => format!("`{}` takes no settings", name.name),
                    names => format!("`{}` takes {}", name.name, names.join(", ")),
                };
                return Err(self.error("E0510", argument_place(arg), message, "unknown setting"));
            };
            if strategy.setting(known).is_some() {
                let message = format!("`{known}` is given twice");
                return Err(self.error("E0510", argument_place(arg), message, "the second"));
            }
            let setting = match kind {
                Kind::Baseline => self.baseline(arg)?,
                Kind::Temperature => self.temperature(arg)?,
                Kind::Copies => self.copies_of_site(arg)?,
                Kind::Control => self.control_of_noise(arg, site)?,
                Kind::Count => self.whole_number(arg, known)?,
            };
            strategy = strategy.with(known, setting);
        }
        Ok(Some(strategy))
    }

    /// `temperature = 0.5`
    fn temperature(&mut self, arg: &ast::Arg) -> Lowered<Setting> {
        match super::types::literal(&arg.value) {
            Some(value) if value > 0.0 && value.is_finite() => Ok(Setting::Number(value)),
            _ => Err(self.error(
                "E0510",
                arg.value.span,
                "a temperature is a positive number, written out",
                "not this",
            )),
        }
    }

    /// `control = |z| w * tanh(z)`: what it gives for the noise of the site, of which an index has an array.
    fn control_of_noise(&mut self, arg: &ast::Arg, site: Option<&Site>) -> Lowered<Setting> {
        let span = arg.value.span;
        let Some(site) = site else {
            return Err(self.error("E0510", argument_place(arg), "only sites have a control", "not here"));
        };
        let size = match site.dist.probability_of_true {
            Some(_) => None,
            None => support::size(&self.b.axes, site, &|var| self.as_dim(var)),
        };
        let dims = self.axes_for(&size.into_iter().collect::<Vec<_>>(), "value");
        let name = format!("noise of {}", site.address);
        let input = Input { kind: InputKind::Noise, name: name.clone(), dims: dims.clone() };
        self.b.at(span);
        let var = self.b.input(Elem::Real, input);
        let noise = ast::Arg { name: None, value: ast::Expr { kind: ExprKind::Name(name.clone()), span } };
        let found = self.scoped(|this| {
            this.define(&name, Value::Array(Array { var, dims }));
            this.call(&arg.value, &[noise], span)
        })?;
        match found {
            Value::Array(array) if array.dims.is_empty() && self.elem(&array) != Elem::Bool => {
                self.refuse_estimated(&array, span)?;
                Ok(Setting::Value(self.b.to_real(array.var)))
            }
            Value::Error => Err(Reported),
            other => {
                let found = self.describe(&other);
                Err(self.error("E0602", span, "a control is a real", &format!("this is {found}")))
            }
        }
    }

    /// `copies = 4`
    fn copies_of_site(&mut self, arg: &ast::Arg) -> Lowered<Setting> {
        match super::types::literal(&arg.value) {
            Some(copies) if copies >= 2.0 && copies.fract() == 0.0 && copies <= MOST_COPIES => {
                Ok(Setting::Number(copies))
            }
            _ => Err(self.error(
                "E0510",
                arg.value.span,
                "`copies` is a whole number from 2 to 65536",
                "not this",
            )),
        }
    }

    /// `shape_augmentation = 3`
    fn whole_number(&mut self, arg: &ast::Arg, name: &str) -> Lowered<Setting> {
        match super::types::literal(&arg.value) {
            Some(count) if count.fract() == 0.0 && (0.0..=f64::from(MOST_COUNT)).contains(&count) => {
                Ok(Setting::Number(count))
            }
            _ => {
                let message = format!("`{name}` is a whole number from 0 to {MOST_COUNT}");
                Err(self.error("E0510", arg.value.span, message, "not this"))
            }
        }
    }

    /// `baseline = 0.5`, `baseline = moving_average(0.99)`
    fn baseline(&mut self, arg: &ast::Arg) -> Lowered<Setting> {
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
                return Ok(Setting::Value(self.b.to_real(value.var)));
            }
        };
        match moving {
            Some(decay) if (0.0..1.0).contains(&decay) => Ok(Setting::MovingAverage(decay)),
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
