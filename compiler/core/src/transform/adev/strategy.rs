//! Which estimator each site uses, and why it may.

use super::smoothness::Note;
use crate::ir::{Program, Sample, Stmt, Strategy};
use std::collections::HashMap;
use std::rc::Rc;
use vary_diagnostic::{Code, Diagnostic, Span};

/// What is done at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// Nothing: its arguments are rigid, so is its value.
    Rigid,
    /// Pathwise.
    Reparam,
    /// Score function.
    Reinforce,
    /// All values.
    Enum,
    /// Measure-valued derivative.
    Mvd,
}

impl Chosen {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Chosen::Rigid => "none",
            Chosen::Reparam => "reparam",
            Chosen::Reinforce => "reinforce",
            Chosen::Enum => "enum",
            Chosen::Mvd => "mvd",
        }
    }

    fn written(strategy: &Strategy) -> Chosen {
        match strategy {
            Strategy::Reparam => Chosen::Reparam,
            Strategy::Reinforce(_) => Chosen::Reinforce,
            Strategy::Enum => Chosen::Enum,
            Strategy::Mvd => Chosen::Mvd,
        }
    }
}

/// A line of the report: what is done at a site, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteReport {
    /// The site's address.
    pub address: Rc<str>,
    /// What names its randomness.
    pub occurrence: Rc<str>,
    /// What is done.
    pub chosen: Chosen,
    /// Why, as a clause.
    pub reason: String,
    /// The site in the user's file.
    pub span: Span,
}

/// The strategies of a program.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Every site in order.
    pub sites: Vec<SiteReport>,
    /// What unbiasedness rests on.
    pub notes: Vec<Note>,
    by_occurrence: HashMap<Rc<str>, Chosen>,
}

impl Choice {
    /// What is done at the site of this occurrence.
    pub fn of(&self, occurrence: &Rc<str>) -> Chosen {
        self.by_occurrence.get(occurrence).copied().unwrap_or(Chosen::Rigid)
    }
}

/// The sites of a program in the order of its statements.
pub fn sites(program: &Program) -> Vec<&Sample> {
    fn walk<'p>(stmts: &'p [Stmt], found: &mut Vec<&'p Sample>) {
        for stmt in stmts {
            match stmt {
                Stmt::Sample(sample) => found.push(sample),
                Stmt::Scan(scan) => walk(&scan.body, found),
                Stmt::Let(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&program.body, &mut found);
    found
}

/// Chooses the strategy of every site.
pub fn choose(program: &Program) -> Result<Choice, Vec<Diagnostic>> {
    let mut choice = Choice::default();
    let mut errors = Vec::new();
    for sample in sites(program) {
        let site = &sample.site;
        let chosen = match &site.strategy {
            Some(strategy) => Chosen::written(strategy),
            None if site.dist.reparam.is_some() => Chosen::Reparam,
            None if site.dist.finite.is_some() => Chosen::Enum,
            None => {
                errors.push(
                    Diagnostic::error(Code("E0502"), format!("`{}` needs a gradient strategy", site.address))
                        .at(site.span, "no strategy is written"),
                );
                continue;
            }
        };
        choice.by_occurrence.insert(site.occurrence.clone(), chosen);
        choice.sites.push(SiteReport {
            address: site.address.clone(),
            occurrence: site.occurrence.clone(),
            chosen,
            reason: "written".to_string(),
            span: site.span,
        });
    }
    if errors.is_empty() { Ok(choice) } else { Err(errors) }
}
