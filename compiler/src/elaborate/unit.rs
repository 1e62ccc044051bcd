//! A compilation unit: the declarations of a file, its imports and the standard library.

use super::value::Declared;
use super::{Lower, Lowered, Mode, types};
use crate::stdlib;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use vary_core::axis::{Axis, AxisTable, Role};
use vary_core::dim::Dim;
use vary_core::generative::{Constraint, Distribution, Generative, Init};
use vary_diagnostic::{Code, Diagnostic, Severity, SourceId, Sources, Span};
use vary_syntax::ast::{self, ItemKind};

/// Declarations by name, what has been elaborated of them, and what was found wrong.
#[derive(Debug, Default)]
pub struct Unit {
    /// All texts.
    pub sources: Sources,
    /// The axes shared by all programs.
    pub axes: AxisTable,
    /// Sizes known from data; others stay names.
    pub sizes: BTreeMap<String, i64>,
    /// Sizes known from data that stay names while a fit is elaborated: those of plates that it takes in parts, which are
    /// not to be taken for others of the same number.
    pub held: BTreeMap<String, i64>,
    /// Findings in the order they were made.
    pub diagnostics: Vec<Diagnostic>,
    /// The user's declarations in order.
    pub order: Vec<Rc<Declared>>,
    /// Places of `detach`, `surrogate` and `frozen` in the user's own code, of what is being elaborated.
    pub detaches: Vec<Span>,
    /// Those of the programs elaborated, by name.
    pub(super) detaches_of: HashMap<String, Vec<Span>>,
    /// The texts of the standard library.
    pub(super) stdlib_sources: BTreeSet<SourceId>,
    /// Models and guides whose elaboration has begun and not ended.
    pub(super) elaborating: BTreeSet<String>,
    /// Names in a cycle of definitions that was reported.
    pub(super) cyclic: BTreeSet<String>,
    /// Data names that were read or observed.
    pub used_data: BTreeSet<String>,
    /// The parameters declared so far: their sizes, the call they come from, and the declaration.
    pub(super) parameters: HashMap<String, (Vec<Dim>, Span, Span)>,
    items: HashMap<String, Rc<Declared>>,
    /// Declarations of the standard library, as far as they were needed.
    library: HashMap<String, Rc<Declared>>,
    pub(super) programs: HashMap<String, Option<Rc<Generative>>>,
    pub(super) distributions: HashMap<String, Option<Rc<Distribution>>>,
}

impl Unit {
    /// A unit without declarations but the standard library's.
    pub fn new(sources: Sources) -> Self {
        Unit { sources, ..Unit::default() }
    }

    /// Makes sizes names again.
    pub fn hold(&mut self, names: &[String]) {
        self.release();
        for name in names {
            if let Some(size) = self.sizes.remove(name) {
                self.held.insert(name.clone(), size);
            }
        }
        if !self.held.is_empty() {
            self.forget();
        }
    }

    /// Undoes [`Unit::hold`].
    pub fn release(&mut self) {
        if !self.held.is_empty() {
            self.sizes.append(&mut self.held);
            self.forget();
        }
    }

    /// Forgets what has been elaborated.
    fn forget(&mut self) {
        self.programs.clear();
        self.distributions.clear();
        self.parameters.clear();
        self.cyclic.clear();
    }

    /// Reports a finding, once.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether an error was reported.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Adds the declarations of a parsed file; a later one of the same name is an error unless `redefine`.
    pub fn add(&mut self, file: ast::File, redefine: bool) {
        for item in file.items {
            let declared = Rc::new(Declared { item, is_stdlib: false });
            if let (true, ItemKind::Fit(new)) = (redefine, &declared.item.kind) {
                let name = |fit: &ast::FitDecl| fit.name.as_ref().map(|name| name.name.clone());
                self.order
                    .retain(|old| !matches!(&old.item.kind, ItemKind::Fit(fit) if name(fit) == name(new)));
            }
            for name in declared_names(&declared.item) {
                if let Some(earlier) = self.items.get(&name.name)
                    && !redefine
                {
                    let earlier_name =
                        declared_names(&earlier.item).into_iter().find(|n| n.name == name.name);
                    let first = earlier_name.map_or(earlier.item.span, |n| n.span);
                    let diagnostic =
                        Diagnostic::error(Code("E0201"), format!("`{}` is declared twice", name.name))
                            .at(name.span, "the second declaration")
                            .at(first, "the first");
                    self.report(diagnostic);
                    continue;
                }
                if redefine {
                    self.order.retain(|old| declared_name(&old.item).is_none_or(|n| n.name != name.name));
                    self.forget();
                }
                self.items.insert(name.name.clone(), declared.clone());
            }
            if let ItemKind::Predict(block) = &declared.item.kind {
                let diagnostic = Diagnostic::warning(Code("W0801"), "`predict` has no effect yet");
                self.report(diagnostic.at(block.span, "ignored").help("`report` quantities in the model"));
            }
            self.order.push(declared);
        }
    }

    /// Adds one derived program under a title that cannot be written.
    pub(super) fn add_derived(&mut self, title: &str, file: ast::File) {
        for item in file.items {
            self.items.insert(title.to_string(), Rc::new(Declared { item, is_stdlib: true }));
        }
    }

    /// The declaration of a name: the user's, else the standard library's.
    pub fn find(&mut self, name: &str) -> Option<Rc<Declared>> {
        self.items.get(name).cloned().or_else(|| self.find_in_library(name))
    }

    /// The standard library's declaration of a name: what its own code means by it.
    pub(super) fn find_in_library(&mut self, name: &str) -> Option<Rc<Declared>> {
        if let Some(found) = self.library.get(name) {
            return Some(found.clone());
        }
        let (title, text) = stdlib::containing(name)?;
        let source = self.sources.add(title, text);
        self.stdlib_sources.insert(source);
        let parsed = vary_syntax::parse_file(source, text);
        self.diagnostics.extend(parsed.diagnostics);
        for item in parsed.file.items {
            let declared = Rc::new(Declared { item, is_stdlib: true });
            for name in declared_names(&declared.item) {
                self.library.entry(name.name.clone()).or_insert(declared.clone());
            }
        }
        self.library.get(name).cloned()
    }

    /// Every name a user may mean, for suggestions.
    pub fn names(&self) -> Vec<String> {
        let own = self.order.iter().flat_map(|d| declared_names(&d.item)).map(|n| n.name.clone());
        own.chain(stdlib::names().map(str::to_string)).collect()
    }

    /// The axis of Monte Carlo draws; all objectives share it. Until tiles are cut its size has a name no data can have.
    pub fn draw_axis(&mut self) -> Axis {
        let found = self.axes.iter().find(|(_, info)| info.role == Role::Draw).map(|(axis, _)| axis);
        found.unwrap_or_else(|| self.axes.fresh("draw", Dim::known(0), Dim::named("#draws"), Role::Draw))
    }

    /// The user's data declarations in order.
    pub fn data(&self) -> Vec<ast::DataDecl> {
        self.order
            .iter()
            .filter_map(|d| match &d.item.kind {
                ItemKind::Data(data) => Some(data.clone()),
                _ => None,
            })
            .collect()
    }

    /// Where the data lies by its declaration.
    pub fn declared_ranges(&mut self) -> impl Fn(&str) -> Option<Constraint> + use<> {
        let known = self.diagnostics.len();
        let mut ranges = HashMap::new();
        for data in self.data() {
            if let Ok(ty) = self.data_type(&data) {
                ranges.insert(data.name.name, ty.constraint);
            }
        }
        // What is wrong with a declaration is said where it is used.
        self.diagnostics.truncate(known);
        move |name| ranges.get(name).cloned()
    }

    /// The declared type of data.
    pub fn data_type(&mut self, data: &ast::DataDecl) -> Lowered<types::ArrayType> {
        let mut lower = Lower::new(self, Mode::Pure);
        lower.array_declaration(&data.ty, &mut None)
    }

    /// The ends of data declared `bounded(a, b)`, where they are not literals.
    pub fn data_ends(&mut self, data: &ast::DataDecl) -> Lowered<Option<[Init; 2]>> {
        let ty = self.data_type(data)?;
        let ast::TypeKind::Named { args, .. } = &data.ty.kind else { return Ok(None) };
        let [lower, upper] = args.as_slice() else { return Ok(None) };
        if ty.constraint != Constraint::Bounded {
            return Ok(None);
        }
        let mut end = |expr, what| {
            Lower::new(self, Mode::Pure).filled(expr, &ty.dims, &data.name.name, (what, data.ty.span))
        };
        Ok(Some([end(lower, "lower end")?, end(upper, "upper end")?]))
    }
}

/// The names an item declares: several when it binds a tuple.
pub fn declared_names(item: &ast::Item) -> Vec<&ast::Ident> {
    match &item.kind {
        ItemKind::Let(binding) => super::control::pattern_names(&binding.pattern),
        _ => declared_name(item).into_iter().collect(),
    }
}

/// The name an item declares, where it is one.
pub fn declared_name(item: &ast::Item) -> Option<&ast::Ident> {
    match &item.kind {
        ItemKind::Data(data) => Some(&data.name),
        ItemKind::Param(param) => Some(&param.name),
        ItemKind::Let(binding) => match &binding.pattern {
            ast::Pattern::Name(name) => Some(name),
            _ => None,
        },
        ItemKind::Fn(f) | ItemKind::Net(f) | ItemKind::Objective(f) => Some(&f.name),
        ItemKind::Model(p) | ItemKind::Guide(p) => Some(&p.name),
        ItemKind::Distribution(d) => Some(&d.name),
        ItemKind::Import(_)
        | ItemKind::DataFrom(_)
        | ItemKind::Fit(_)
        | ItemKind::Predict(_)
        | ItemKind::Stmt(_)
        | ItemKind::Error => None,
    }
}

/// The candidate nearest to `name`, if one is near enough to be meant; the first of several.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let limit = match name.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=7 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(d, candidate)| *d <= limit && *d < candidate.len().max(name.len()))
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate)
}

/// Whether two names differ by one letter: replaced, inserted or left out, or exchanged with its neighbour.
pub fn one_letter_apart(a: &str, b: &str) -> bool {
    distance(a, b) == 1 || exchanged(&a.to_lowercase(), &b.to_lowercase())
}

/// Whether two neighbouring letters are exchanged.
fn exchanged(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let differ: Vec<usize> = (0..a.len().min(b.len())).filter(|at| a[*at] != b[*at]).collect();
    match differ.as_slice() {
        [i, j] => a.len() == b.len() && *j == i + 1 && a[*i] == b[*j] && a[*j] == b[*i],
        _ => false,
    }
}

/// Edit distance; a change of case counts nothing.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}
