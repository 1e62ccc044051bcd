//! Models and guides: from declarations to generative core programs; submodel calls.

use super::net::Owner;
use super::unit::Unit;
use super::value::Value;
use super::{Exported, GenerativeState, Lower, Lowered, Mode, Params, Reported};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::rc::Rc;
use vary_core::axis::Axis;
use vary_core::generative::{Generative, ProgramKind};
use vary_core::ir::{Array, Input, InputKind, Output, Stmt};
use vary_core::transform::require;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind};

impl Unit {
    /// The generative core program of a declared model or guide, elaborated once.
    pub fn program(&mut self, name: &str) -> Lowered<Rc<Generative>> {
        if let Some(known) = self.programs.get(name) {
            return known.clone().ok_or(Reported);
        }
        self.programs.insert(name.to_string(), None);
        let declared = self.find(name).ok_or(Reported)?;
        let (decl, kind) = match &declared.item.kind {
            ItemKind::Model(decl) => (decl, ProgramKind::Model),
            ItemKind::Guide(decl) => (decl, ProgramKind::Guide),
            _ => return Err(Reported),
        };
        let before = self.detaches.len();
        self.elaborating.insert(name.to_string());
        let elaborated = elaborate(self, decl, kind, declared.item.span);
        self.elaborating.remove(name);
        let detaches = self.detaches.split_off(before);
        self.detaches_of.insert(name.to_string(), detaches);
        let program = Rc::new(elaborated?);
        self.programs.insert(name.to_string(), Some(program.clone()));
        Ok(program)
    }
}

fn elaborate(unit: &mut Unit, decl: &ast::ProgramDecl, kind: ProgramKind, span: Span) -> Lowered<Generative> {
    let name = decl.name.name.clone();
    let state = GenerativeState {
        name: name.clone(),
        prefix: String::new(),
        params: Params::new(),
        latents: IndexMap::new(),
        observed: IndexMap::new(),
        reports: HashMap::new(),
    };
    let mut lower = Lower::new(unit, Mode::Generative(Box::new(state)));
    lower.owners.push(Owner::new(name.clone(), false, span));
    for param in &decl.params {
        let Some(ty) = &param.ty else {
            return Err(lower.error(
                "E0302",
                param.name.span,
                "a program's parameters need types",
                "no type",
            ));
        };
        let ty = lower.array_declaration(ty, &mut None)?;
        let dims = lower.axes_for(&ty.dims, &param.name.name);
        let input = Input { kind: InputKind::Formal, name: param.name.name.clone(), dims: dims.clone() };
        let var = lower.b.input(ty.constraint.elem(), input);
        lower.define(&param.name.name, Value::Array(Array { var, dims }));
    }
    lower.sites_of_block.push(Vec::new());
    lower.scopes.push(HashMap::new());
    let value = lower.block(&decl.body);
    lower.unit.axes = lower.b.axes.clone();
    let value = value?;
    let mut results = Vec::new();
    if let Value::Array(array) = value {
        results.push(Output { name: "return".into(), var: array.var, dims: array.dims });
    }
    let Lower { b, mode, unit, free_params, .. } = lower;
    let Mode::Generative(state) = mode else { unreachable!("set above") };
    let program = require::prove(b.finish(results), &unit.declared_ranges());
    let GenerativeState { mut params, latents, observed, .. } = *state;
    for (name, param) in free_params {
        params.entry(name).or_insert(param);
    }
    let params = params.into_values().collect();
    let (latents, observed): (Vec<_>, Vec<_>) =
        (latents.into_values().collect(), observed.into_values().collect());
    if latents.is_empty() && observed.is_empty() && !has_factor(&program.body) {
        let word = if kind == ProgramKind::Model { "model" } else { "guide" };
        unit.report(
            Diagnostic::error(Code("E0413"), format!("the {word} `{name}` has no sites"))
                .at(decl.name.span, "nothing is sampled or observed in it")
                .help("write for example `x ~ normal(0, 1)`"),
        );
        return Err(Reported);
    }
    Ok(Generative { name, kind, program, params, latents, observed, span })
}

pub(super) fn has_factor(stmts: &[Stmt]) -> bool {
    stmts.iter().any(|stmt| match stmt {
        Stmt::Factor { .. } => true,
        Stmt::Scan(scan) => has_factor(&scan.body),
        _ => false,
    })
}

impl Lower<'_> {
    /// The program declaration that `~` names, if it names one.
    pub(super) fn submodel(&mut self, dist: &Expr) -> Lowered<Option<ast::ProgramDecl>> {
        let callee = match &dist.kind {
            ExprKind::Call(callee, _) => callee,
            _ => dist,
        };
        let ExprKind::Name(name) = &callee.kind else { return Ok(None) };
        if self.lookup(name).is_some() {
            return Ok(None);
        }
        Ok(self.unit.find(name).and_then(|declared| match &declared.item.kind {
            ItemKind::Model(decl) | ItemKind::Guide(decl) => Some(decl.clone()),
            _ => None,
        }))
    }

    /// `s[t] ~ step(t, canvas)`: the submodel's sites stand at `s.…`; `s.x` reads them, and `s` is what it returns.
    pub(super) fn call_submodel(
        &mut self,
        stmt: &ast::SampleStmt,
        decl: &ast::ProgramDecl,
        span: Span,
    ) -> Lowered<Value> {
        if self.calls.contains(&decl.name.name) {
            return Err(self.report(
                Diagnostic::error(Code("E0203"), format!("`{}` calls itself", decl.name.name))
                    .at(span, "the call")
                    .help("write the repetition as `scan` or `for`"),
            ));
        }
        let args = match &stmt.dist.kind {
            ExprKind::Call(_, args) => args.clone(),
            _ => Vec::new(),
        };
        let values = self.match_arguments(&decl.name.name, &decl.params, &args, span)?;
        let mut scope = HashMap::new();
        for (param, (value, at)) in decl.params.iter().zip(values) {
            let value = match &param.ty {
                Some(ty) => self.accept(value, ty, at, &mut HashMap::new())?,
                None => value,
            };
            scope.insert(param.name.name.clone(), value);
        }
        let Mode::Generative(state) = &mut self.mode else {
            return Err(self.error("E0406", span, "submodels are called in models and guides", "not here"));
        };
        let outer = state.prefix.clone();
        state.prefix = format!("{outer}{}.", stmt.name.name);
        let scopes = std::mem::replace(&mut self.scopes, vec![scope]);
        let bound = std::mem::take(&mut self.bound_by_blocks);
        self.calls.push(decl.name.name.clone());
        self.sites_of_block.push(Vec::new());
        self.owners.push(Owner::new(decl.name.name.clone(), false, span));
        let caller = std::mem::replace(&mut self.caller, self.open.len());
        let result = self.block(&decl.body);
        self.caller = caller;
        self.owners.pop();
        let sites = self.sites_of_block.pop().unwrap_or_default();
        self.calls.pop();
        self.bound_by_blocks = bound;
        self.scopes = scopes;
        if let Mode::Generative(state) = &mut self.mode {
            state.prefix = outer;
        }
        let value = result?;
        let rows = self.row_axes();
        let local = submodel_value(value.clone(), sites.iter().map(|s| (s.name.clone(), s.local.clone())));
        let over_rows = with_rows(value, &rows);
        let over_rows_of = |site: &Exported| (site.name.clone(), with_rows(site.whole.clone(), &rows));
        let whole = submodel_value(over_rows, sites.iter().map(over_rows_of));
        // Called with its indices, a submodel is read with them; called without, its name is this row's value.
        let read = if stmt.indices.is_empty() { local.clone() } else { whole.clone() };
        self.define(&stmt.name.name, read);
        if let Some(outer) = self.sites_of_block.last_mut() {
            outer.push(Exported { name: stmt.name.name.clone(), local, whole });
        }
        Ok(Value::unit())
    }
}

/// What a submodel's name stands for: the fields it returns beside its sites, or the value it returns.
fn submodel_value(value: Value, sites: impl Iterator<Item = (String, Value)>) -> Value {
    match value {
        Value::Tuple(parts) if parts.is_empty() => Value::Record(sites.collect()),
        Value::Record(mut own) => {
            let more: Vec<_> =
                sites.filter(|(name, _)| !own.iter().any(|(known, _)| known == name)).collect();
            own.extend(more);
            Value::Record(own)
        }
        other => other,
    }
}

/// The value of a row as the array over the rows.
pub(super) fn with_rows(value: Value, rows: &[Axis]) -> Value {
    match value {
        Value::Array(array) => {
            let dims = rows.iter().copied().chain(array.dims).collect();
            Value::Array(Array { var: array.var, dims })
        }
        Value::Record(fields) => {
            Value::Record(fields.into_iter().map(|(name, value)| (name, with_rows(value, rows))).collect())
        }
        Value::Tuple(parts) => Value::Tuple(parts.into_iter().map(|part| with_rows(part, rows)).collect()),
        other => other,
    }
}
