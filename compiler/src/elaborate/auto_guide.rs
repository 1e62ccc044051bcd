//! `mean_field(m)`: a guide for a model, derived from its latents.
//!
//! The guide is written as source and elaborated like any other, so that what `vary check` shows
//! is what runs: independent normals on the scale where each latent is unconstrained, carried to
//! its support with the log-Jacobian by `normal`, `lognormal` and `interval_normal`.

use super::value::Value;
use super::{Lower, Lowered, base_of};
use std::fmt::Write;
use std::rc::Rc;
use vary_core::generative::{Constraint, ProgramExpr, SiteSpec};
use vary_diagnostic::{Code, Diagnostic, Span};

impl Lower<'_> {
    /// The mean-field guide of a model.
    pub(super) fn mean_field(&mut self, model: &ProgramExpr, span: Span) -> Lowered<Value> {
        let latents = model.latents();
        if latents.is_empty() {
            let name = base_of(model).name.clone();
            return Err(self.report(
                Diagnostic::error(
                    Code("E0419"),
                    format!("`{name}` has no latents: there is nothing to infer"),
                )
                .at(span, "the guide was asked for here"),
            ));
        }
        let mut text = String::from("guide mean_field {\n");
        for site in &latents {
            let lines = self.mean_field_site(site, span)?;
            text.push_str(&lines);
        }
        text.push_str("}\n");
        let title = format!("mean_field({})", base_of(model).name);
        let source = self.unit.sources.add(title, text.clone());
        let parsed = vary_syntax::parse_file(source, &text);
        debug_assert!(parsed.diagnostics.is_empty(), "{text}");
        // A user's own guide may have the name: the derived one is kept apart under a title no one can write.
        let hidden = format!("mean_field({})", base_of(model).name);
        self.aside(|unit| unit.add_derived(&hidden, parsed.file));
        let program = self.aside(|unit| unit.program(&hidden))?;
        Ok(Value::Program(Rc::new(ProgramExpr::Base(program))))
    }

    fn mean_field_site(&mut self, site: &SiteSpec, span: Span) -> Lowered<String> {
        let name = site.address.replace('.', "_");
        if site.conditional || name != *site.address {
            return Err(self.refuse_site(site, span, "it stands under a condition or in a submodel"));
        }
        let infos: Vec<_> = site.dims.iter().map(|axis| self.b.axes.info(*axis).clone()).collect();
        let sizes: Vec<String> = infos.iter().map(|i| i.lower.plus(&i.size).to_string()).collect();
        let indices: Vec<String> = (0..sizes.len()).map(|k| format!("{name}_{k}")).collect();
        let shape = if sizes.is_empty() { String::new() } else { format!("[{}]", sizes.join(", ")) };
        let at = if indices.is_empty() { String::new() } else { format!("[{}]", indices.join(", ")) };
        let (params, draw) = match &site.support {
            Constraint::Real => (true, format!("normal.reparam({name}_loc{at}, {name}_scale{at})")),
            Constraint::Positive(_) => (true, format!("lognormal.reparam({name}_loc{at}, {name}_scale{at})")),
            Constraint::Interval(low, high) => (
                true,
                format!("interval_normal.reparam({name}_loc{at}, {name}_scale{at}, {low:?}, {high:?})"),
            ),
            Constraint::Bool => (false, format!("bernoulli_logits({name}_logit{at})")),
            _ => return Err(self.refuse_site(site, span, "its support has no mean-field form yet")),
        };
        let mut text = String::new();
        if params {
            let _ = writeln!(text, "  param {name}_loc: real{shape} = 0");
            let _ = writeln!(text, "  param {name}_scale: positive{shape} = 0.1");
        } else {
            let _ = writeln!(text, "  param {name}_logit: real{shape} = 0");
        }
        let plates: String = indices
            .iter()
            .zip(&infos)
            .map(|(index, info)| {
                format!("plate {index} in {}..{} {{ ", info.lower, info.lower.plus(&info.size))
            })
            .collect();
        let close = " }".repeat(indices.len());
        let _ = writeln!(text, "  {plates}latent {name}{at} ~ {draw}{close}");
        Ok(text)
    }

    fn refuse_site(&mut self, site: &SiteSpec, span: Span, why: &str) -> super::Reported {
        self.report(
            Diagnostic::error(Code("E0419"), format!("no mean-field guide for `{}`: {why}", site.address))
                .at(site.span, "this latent")
                .at(span, "the guide was asked for here")
                .help("write a guide for the model yourself"),
        )
    }
}
