//! Nets: functions with parameters of their own.
//!
//! A net's parameters stand under its name, wherever it is called from. A net marked `@layer` has
//! parameters of its own in every call, under a name in the net that calls it. Both are copied where
//! they are called, and both are pure: what makes them differ from functions is where `param` puts
//! its parameter, and that arrays with more dimensions than declared are taken row by row. The rows
//! become axes, so a layer is one product over all of them.

use super::program::with_rows;
use super::types::Declaration;
use super::value::{Declared, Value};
use super::{Lower, Lowered, Mode, Open, OpenKind};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use vary_core::axis::{Axis, AxisSet};
use vary_core::ir::{Array, Elem};
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, ExprKind, ItemKind};

/// Values in the order of the parameters, with their places.
type Arguments = Vec<(Value, Span)>;

/// What owns parameters: a program, a net, or one call of a layer.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// What its parameters' names begin with.
    pub path: String,
    /// A net or a layer: its parameters are the same in every row and step around the call.
    pub is_net: bool,
    /// The call, or the declaration of a program.
    at: Span,
    /// Its parameters and layers, with their places.
    names: BTreeMap<String, Span>,
    /// How many layers of a kind were not given a name.
    unnamed: HashMap<String, usize>,
}

/// A layer that waits for its input: `dense(10)`.
#[derive(Debug)]
pub struct Layer {
    declared: Rc<Declared>,
    /// Its arguments but the first.
    settings: Arguments,
    path: String,
}

impl Owner {
    pub(super) fn new(path: String, is_net: bool, at: Span) -> Self {
        Owner { path, is_net, at, names: BTreeMap::new(), unnamed: HashMap::new() }
    }
}

impl Lower<'_> {
    /// Calls a net, or a layer; a layer whose first parameter is left out becomes a function of it.
    pub(super) fn call_net(
        &mut self,
        declared: &Rc<Declared>,
        args: &[ast::Arg],
        span: Span,
    ) -> Lowered<Value> {
        let net = net_of(declared);
        let name = &net.name.name;
        self.refuse_recursion(name, span)?;
        self.count_call(span)?;
        if !is_layer(declared) {
            let values = self.match_arguments(name, &net.params, args, span)?;
            return self.apply_net(declared, values, name.clone(), span);
        }
        let is_name =
            |arg: &&ast::Arg| arg.name.as_ref().is_some_and(|name| name.name == "name") && !has_name(net);
        let given = args.iter().find(is_name).cloned();
        let args: Vec<ast::Arg> = args.iter().filter(|arg| !is_name(arg)).cloned().collect();
        let waits = !fills(&net.params, &args) && !net.params.is_empty();
        let params = if waits { &net.params[1..] } else { &net.params[..] };
        let values = self.match_arguments(name, params, &args, span)?;
        let path = self.layer_path(name, given.as_ref(), span)?;
        if waits {
            let layer = Layer { declared: declared.clone(), settings: values, path };
            return Ok(Value::Layer(Rc::new(layer)));
        }
        self.apply_net(declared, values, path, span)
    }

    /// Applies a layer to its input.
    pub(super) fn apply_layer(&mut self, layer: &Layer, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let net = net_of(&layer.declared);
        self.refuse_recursion(&net.name.name, span)?;
        self.count_call(span)?;
        let mut values = self.match_arguments(&net.name.name, &net.params[..1], args, span)?;
        values.extend(layer.settings.iter().cloned());
        self.apply_net(&layer.declared, values, layer.path.clone(), span)
    }

    /// Gives a layer its name in what calls it: `encoder.mean`, or `encoder.dense_0` without one.
    fn layer_path(&mut self, kind: &str, given: Option<&ast::Arg>, span: Span) -> Lowered<String> {
        let (name, at) = match given {
            None => (None, span),
            Some(arg) => match &arg.value.kind {
                ExprKind::Str(text) if is_identifier(text) => (Some(text.clone()), arg.value.span),
                _ => {
                    return Err(self.report(
                        Diagnostic::error(Code("E0315"), "the name of a layer is a text")
                            .at(arg.value.span, "not a name")
                            .help("write letters, digits and `_` in quotes: `name = \"mean\"`"),
                    ));
                }
            },
        };
        let Some(owner) = self.owners.last_mut() else {
            return Err(self.report(
                Diagnostic::error(
                    Code("E0404"),
                    format!("`{kind}` has parameters, and nothing owns them here"),
                )
                .at(span, "called here")
                .help("call it in the body of a `net`, and the net here"),
            ));
        };
        let name = name.unwrap_or_else(|| {
            let count = owner.unnamed.entry(kind.to_string()).or_default();
            *count += 1;
            format!("{kind}_{}", *count - 1)
        });
        let path = format!("{}.{name}", owner.path);
        self.claim(&name, at)?;
        Ok(path)
    }

    /// Where the call stands that a parameter of this name comes from: that of the outermost net it is in.
    pub(super) fn origin(&self, name: &str) -> Option<Span> {
        let owns = |owner: &&Owner| {
            owner.is_net && name.strip_prefix(&owner.path).is_some_and(|rest| rest.starts_with('.'))
        };
        self.owners.iter().find(owns).map(|owner| owner.at)
    }

    /// Notes a parameter or layer of the owner around; each name stands for one.
    pub(super) fn claim(&mut self, name: &str, span: Span) -> Lowered<()> {
        let Some(owner) = self.owners.last_mut() else { return Ok(()) };
        let Some(first) = owner.names.insert(name.to_string(), span) else { return Ok(()) };
        let message = format!("`{}` has two parameters or layers called `{name}`", owner.path);
        Err(self.report(
            Diagnostic::error(Code("E0201"), message)
                .at(span, "the second")
                .at(first, "the first")
                .help("give one another name; a layer used twice is bound first: `let f = dense(10)`"),
        ))
    }

    /// The body of a net with its arguments; `path` is where its parameters stand.
    fn apply_net(
        &mut self,
        declared: &Rc<Declared>,
        values: Arguments,
        path: String,
        span: Span,
    ) -> Lowered<Value> {
        let net = net_of(declared);
        let mode = std::mem::replace(&mut self.mode, Mode::Pure);
        let (opened, caller) = (self.open.len(), self.in_stdlib);
        self.owners.push(Owner::new(path, true, span));
        let result = self.in_function(net, declared.is_stdlib, span, |this| {
            let (values, rows) = this.rows(net, values)?;
            let open = |axis: &Axis| Open {
                axis: *axis,
                kind: OpenKind::Comprehension,
                name: String::new(),
                index: None,
                block: this.sites_of_block.len().saturating_sub(1),
            };
            let around: Vec<Open> = rows.iter().map(open).collect();
            this.open.extend(around);
            let mut generic = this.accept_arguments(net, values, caller)?;
            let value = this.expr(&net.body)?;
            let value = this.accept_result(value, net, &mut generic)?;
            Ok(with_rows(value, &rows))
        });
        self.owners.pop();
        self.open.truncate(opened);
        self.mode = mode;
        result
    }

    /// Arguments with more dimensions than declared are taken row by row: their leading dimensions, which
    /// must be the same for all that have some, become axes around the body.
    fn rows(&mut self, net: &ast::FnDecl, values: Arguments) -> Lowered<(Arguments, Vec<Axis>)> {
        let (mut leading, mut values) = (Vec::new(), values);
        for (param, (value, _)) in net.params.iter().zip(&mut values) {
            leading.push(match (&mut *value, &param.ty) {
                (Value::Array(array), Some(ty)) => match self.declaration(ty, &mut Some(HashMap::new()))? {
                    Declaration::Array(declared) => {
                        if declared.constraint.elem() == Elem::Real {
                            *array = self.reals_of(array);
                        }
                        array.dims.len().saturating_sub(declared.dims.len())
                    }
                    _ => 0,
                },
                _ => 0,
            });
            // Sizes in later types may be named by earlier parameters.
            self.define(&param.name.name, value.clone());
        }
        let most = leading.iter().copied().max().unwrap_or(0);
        let first = leading.iter().position(|count| *count == most).filter(|_| most > 0);
        let Some(first) = first else { return Ok((values, Vec::new())) };
        let Value::Array(model) = &values[first].0 else { return Ok((values, Vec::new())) };
        let (rows, model_span) = (model.dims[..most].to_vec(), values[first].1);
        let avoid: AxisSet = rows.iter().copied().collect();
        let mut split = Vec::new();
        for ((value, at), count) in values.into_iter().zip(leading) {
            let Value::Array(array) = value else {
                split.push((value, at));
                continue;
            };
            let (own, inner) = array.dims.split_at(count);
            let sizes =
                |this: &Self, axes: &[Axis]| this.sizes(&Array { var: array.var, dims: axes.to_vec() });
            if count > 0 && sizes(self, own) != sizes(self, &rows) {
                let describe = |this: &Self, axes: &[Axis]| {
                    super::types::describe(Elem::Real, &sizes(this, axes)).replace("real", "")
                };
                let (found, wanted) = (describe(self, own), describe(self, &rows));
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0306"),
                        format!("`{}` is applied to rows of two kinds", net.name.name),
                    )
                    .at(at, format!("rows over {found}"))
                    .at(model_span, format!("rows over {wanted}")),
                ));
            }
            let inner = Array { var: array.var, dims: inner.to_vec() };
            let inner = self.clear_of(&inner, &avoid);
            let pairs: Vec<(Axis, Axis)> = own.iter().copied().zip(rows.iter().copied()).collect();
            let var = self.b.rename(&pairs, inner.var);
            split.push((Value::Array(Array { var, dims: inner.dims }), at));
        }
        Ok((split, rows))
    }
}

fn net_of(declared: &Declared) -> &ast::FnDecl {
    let ItemKind::Net(net) = &declared.item.kind else { unreachable!("called with nets") };
    net
}

fn is_layer(declared: &Declared) -> bool {
    declared.item.attributes.iter().any(|attribute| attribute.name.name == "layer")
}

/// Whether the net has a parameter called `name`, which then is not the layer's name.
fn has_name(net: &ast::FnDecl) -> bool {
    net.params.iter().any(|param| param.name.name == "name")
}

fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether the arguments give every parameter without a default a value.
fn fills(params: &[ast::Param], args: &[ast::Arg]) -> bool {
    let positional = args.iter().filter(|arg| arg.name.is_none()).count();
    let named = |param: &ast::Param| {
        args.iter().any(|arg| arg.name.as_ref().is_some_and(|name| name.name == param.name.name))
    };
    params.iter().enumerate().all(|(at, param)| at < positional || named(param) || param.default.is_some())
}
