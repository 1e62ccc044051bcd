//! A program in use: checked, printed stage by stage, bound to data, fitted.
//!
//! A session is made of texts and values; reading files is the caller's business.

pub mod bench;
mod bind;
mod check;
mod constraint;
mod emit;
mod estimator;
mod explain;
mod failure;
mod fit;
pub mod gradcheck;
mod gradient;
mod locate;
mod measured;
mod minibatch;
mod options;
mod prepare;
mod prompt;
mod settings;
mod show;
mod strategies;

pub use bind::declared;
pub use check::Checked;
pub use emit::Stage;
pub use estimator::{Data, Moment, Placed, Setup, evaluate, place, place_coefficients, sample};
pub use fit::{End, Ended};
pub use gradient::GradientEstimator;
pub use minibatch::{Plate, Shorter};
pub use options::Options;
pub use prepare::{Prepared, Signature, Variable};
pub use prompt::{Entered, Fitted, Known, Shown};

use crate::elaborate::unit::declared_name;
use crate::elaborate::{Reported, Unit};
use std::collections::BTreeSet;
use vary_diagnostic::{Code, Diagnostic, SourceId, Sources, Span};
use vary_syntax::ast::ItemKind;

/// Gives the text of an imported file: the path as written, and as shown in messages.
pub type Import<'i> = &'i dyn Fn(&str) -> Result<(String, String), String>;

/// A loaded program.
#[derive(Debug)]
pub struct Session {
    /// Its declarations and what was found about them.
    pub unit: Unit,
    /// The program's own text.
    pub source: SourceId,
    /// Whether what was asked for is refused (a name, a setting, a strategy), rather than the program.
    pub misused: bool,
}

impl Session {
    /// Parses a program and what it imports.
    pub fn new(name: &str, text: &str, import: Import) -> Session {
        let mut sources = Sources::default();
        let source = sources.add(name, text);
        let mut session = Session { unit: Unit::new(sources), source, misused: false };
        let mut loaded = BTreeSet::new();
        let parsed = vary_syntax::parse_file(source, text);
        session.include(parsed, import, &mut loaded, false);
        session
    }

    /// Adds what was parsed and what it imports; `redefine` lets it replace declarations of the same names.
    fn include(
        &mut self,
        parsed: vary_syntax::Parsed,
        import: Import,
        loaded: &mut BTreeSet<String>,
        redefine: bool,
    ) {
        for diagnostic in parsed.diagnostics {
            self.unit.report(diagnostic);
        }
        for item in &parsed.file.items {
            let ItemKind::Import(path) = &item.kind else { continue };
            if !loaded.insert(path.value.clone()) {
                continue;
            }
            match import(&path.value) {
                Ok((title, text)) => {
                    let id = self.unit.sources.add(title, text.clone());
                    self.include(vary_syntax::parse_file(id, &text), import, loaded, redefine);
                }
                Err(reason) => self.unit.report(
                    Diagnostic::error(Code("E0205"), format!("cannot import `{}`: {reason}", path.value))
                        .at(path.span, "imported here"),
                ),
            }
        }
        self.unit.add(parsed.file, redefine);
    }

    /// Reports a mistake in what was asked for.
    fn misuse(&mut self, diagnostic: Diagnostic) -> Reported {
        self.misused = true;
        self.unit.report(diagnostic);
        Reported
    }

    /// Data files named in the program, in order, with their places.
    pub fn data_files(&self) -> Vec<(String, Span)> {
        let items = self.unit.order.iter().filter_map(|declared| match &declared.item.kind {
            ItemKind::DataFrom(path) => Some((path.value.clone(), path.span)),
            _ => None,
        });
        items.collect()
    }

    /// Names declared by the user, in order.
    pub fn names(&self) -> Vec<String> {
        self.unit.order.iter().filter_map(|d| declared_name(&d.item).map(|name| name.name.clone())).collect()
    }
}
