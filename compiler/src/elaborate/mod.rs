//! Elaboration: from syntax trees to typed core programs.
//!
//! Types are synthesised while code is emitted: a name's value is a core variable with its
//! dimensions, so every shape rule stands once, in the core's builder. [`Unit`] holds the
//! declarations of a file, its imports and the standard library; [`Lower`] elaborates one program
//! of it. Sizes may be names (`n`), so checking needs no data; with data they are numbers.
//!
//! | file | elaborates |
//! |---|---|
//! | `types` | declared types |
//! | `expr`, `name`, `operator`, `index`, `builtin` | expressions |
//! | `call`, `accept` | calls, and arguments against declared types |
//! | `control`, `choice` | blocks, plates, loops, branches, `match` |
//! | `site`, `argument`, `strategy` | sample statements, factors, reports |
//! | `parameter`, `start` | `param` and its constraint; where it starts |
//! | `net` | nets and layers, which own parameters |
//! | `distribution` | `distribution` declarations |
//! | `wrapper/` | distributions made of distributions |
//! | `program` | models and guides |
//! | `combine` | `simulate`, `log_density`, `marginal`, `frozen`, … |
//! | `normalize` | `normalize`, and conditioning by `|` |
//! | `replicate` | copies of a block, and their control |
//! | `moment` | `log_moment` |
//! | `estimated` | functions of expectations: `average`, `exp_estimate`, products |
//! | `rows` | `each_row` |
//! | `effect` | what objectives require of programs; expectations used linearly |
//! | `fit`, `over` | fits with their objectives, and which parameters each moves |
//! | `supports` | whether a guide's values lie inside the model's supports |
//! | `posterior` | draws from a fitted guide |
//! | `auto_guide` | a guide for a model that has none |
//! | `prompt` | what a prompt evaluates |

mod accept;
mod argument;
mod auto_guide;
mod builtin;
mod call;
mod choice;
mod combine;
mod control;
mod distribution;
mod effect;
mod estimated;
mod expr;
mod fit;
mod foreign;
mod index;
mod moment;
mod name;
mod net;
mod normalize;
mod operator;
mod over;
mod parameter;
mod posterior;
mod program;
mod prompt;
mod replicate;
mod rows;
mod site;
mod start;
mod strategy;
mod supports;
pub mod types;
pub mod unit;
pub mod value;
mod verify;
mod wrapper;

pub use fit::{Bound, Entry, Fit, Objective, Setting, Settings};
pub use posterior::Posterior;
pub use prompt::{Form, Prompted};
pub use unit::Unit;

use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use value::Value;
use vary_core::axis::{Axis, AxisSet};
use vary_core::build::Builder;
use vary_core::dim::Dim;
use vary_core::generative::{Generative, ParamSpec, ProgramExpr, SiteSpec, TraceField};
use vary_core::ir::{Array, Elem, Input, InputKind, Op, Output, Var};
use vary_core::prim::Prim;
use vary_core::transform::density::Context;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

/// An error was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported;

/// A result whose error has been reported.
pub type Lowered<T> = Result<T, Reported>;

/// The elaboration of one program, function or objective.
pub struct Lower<'u> {
    /// The declarations.
    pub unit: &'u mut Unit,
    /// The core program under construction.
    pub b: Builder,
    /// Local names, the innermost scope last.
    scopes: Vec<HashMap<String, Value>>,
    /// File-level values used so far, which are elaborated once.
    file_values: HashMap<String, Value>,
    /// Axes of the plates, loops, comprehensions and replicates around the present place.
    open: Vec<Open>,
    /// How many of them are around the call of the submodel at hand: its sites are arrays over the others.
    caller: usize,
    /// Ints known before running.
    ints: HashMap<Var, Dim>,
    /// What statements may do.
    mode: Mode,
    /// Sites of the plates, loops and branches around, innermost last: visible after these end.
    sites_of_block: Vec<Vec<Exported>>,
    /// What `next` assigned in the loops around, innermost last.
    nexts: Vec<Vec<(ast::Ident, Value)>>,
    /// Functions being inlined, to refuse recursion.
    calls: Vec<String>,
    /// How many of them were inlined so far.
    call_count: usize,
    /// Lambdas being applied.
    applications: usize,
    /// The code elaborated is the standard library's.
    in_stdlib: bool,
    /// Where the user's code calls it.
    stdlib_call: Span,
    /// What owns the parameters declared here, innermost last.
    owners: Vec<net::Owner>,
    /// The parameter whose start is elaborated.
    start: Option<start::Start>,
    /// Names that the blocks around bind, with their places, outermost first.
    bound_by_blocks: Vec<Vec<ast::Ident>>,
    /// The axis of Monte Carlo draws, in objectives.
    draw: Option<Axis>,
    /// Values that only have their meaning on average, each with the expectations it is made of.
    estimated: BTreeMap<Var, BTreeSet<usize>>,
    /// How many expectations were taken.
    expectations: usize,
    /// The call path of this objective: names its randomness.
    path: String,
    /// How many programs were simulated or scored: names their occurrences.
    occurrences: usize,
    /// Parameters of the file and of nets that are read outside of the body of a model or guide.
    free_params: Params,
    /// Programs simulated, in order.
    simulated: Vec<Rc<ProgramExpr>>,
    /// Programs scored, in order.
    scored: Vec<Rc<ProgramExpr>>,
    /// The log weights and log densities of both.
    weights: Vec<(Var, Rc<ProgramExpr>)>,
    /// How the objectives called are biased, by their own account.
    bias: Vec<String>,
    /// Results beside the objective: controls of copies, what `log_moment` observes.
    beside: Vec<Output>,
    /// The log moment, and where it is written.
    moment: Option<(Moment, Span)>,
}

/// An objective that is reported as the log of a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    var: Var,
    order: f64,
}

/// An axis in scope.
#[derive(Debug, Clone)]
struct Open {
    axis: Axis,
    kind: OpenKind,
    /// The name it was given, for messages.
    name: String,
    /// The value of that name. A copy has none.
    index: Option<Var>,
    /// Where the sites of its block begin among those of the blocks around.
    block: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenKind {
    Plate,
    Loop,
    Comprehension,
    Copy,
}

/// A site (or report) as code after its block sees it.
#[derive(Debug, Clone)]
struct Exported {
    name: String,
    /// As its name is read beside it: after a branch.
    local: Value,
    /// As the array over all rows: after a plate or loop.
    whole: Value,
}

/// What statements may do here.
#[derive(Debug, Clone)]
enum Mode {
    /// Pure code only.
    Pure,
    /// The body of a model or guide.
    Generative(Box<GenerativeState>),
    /// The body of `expect`.
    Objective(Context),
}

/// Parameters by name, in the order in which they are met.
type Params = IndexMap<String, ParamSpec>;

/// What a model or guide declares as it is elaborated.
#[derive(Debug, Clone)]
struct GenerativeState {
    name: String,
    /// Prefix of addresses inside submodels: `s.`
    prefix: String,
    params: Params,
    latents: IndexMap<Rc<str>, SiteSpec>,
    observed: IndexMap<Rc<str>, SiteSpec>,
    reports: HashMap<String, Span>,
}

impl GenerativeState {
    /// Where a site of this address stands.
    fn declared(&self, address: &str) -> Option<Span> {
        self.latents.get(address).or_else(|| self.observed.get(address)).map(|site| site.span)
    }
}

impl<'u> Lower<'u> {
    /// Starts an elaboration over the unit's axes.
    fn new(unit: &'u mut Unit, mode: Mode) -> Self {
        let b = Builder::new(unit.axes.clone());
        Lower {
            unit,
            b,
            scopes: vec![HashMap::new()],
            file_values: HashMap::new(),
            open: Vec::new(),
            caller: 0,
            ints: HashMap::new(),
            mode,
            sites_of_block: Vec::new(),
            nexts: Vec::new(),
            calls: Vec::new(),
            call_count: 0,
            applications: 0,
            in_stdlib: false,
            stdlib_call: Span::default(),
            owners: Vec::new(),
            start: None,
            bound_by_blocks: Vec::new(),
            draw: None,
            estimated: BTreeMap::new(),
            expectations: 0,
            path: String::new(),
            occurrences: 0,
            free_params: Params::new(),
            simulated: Vec::new(),
            scored: Vec::new(),
            weights: Vec::new(),
            bias: Vec::new(),
            beside: Vec::new(),
            moment: None,
        }
    }

    /// Elaborates something else of the unit meanwhile; the axes stay shared.
    fn aside<T>(&mut self, work: impl FnOnce(&mut Unit) -> T) -> T {
        self.unit.axes = self.b.axes.clone();
        let result = work(self.unit);
        self.b.axes = self.unit.axes.clone();
        result
    }

    /// Reports an error.
    pub fn report(&mut self, mut diagnostic: Diagnostic) -> Reported {
        if self.in_stdlib {
            // A user sees the call, not what it calls.
            for label in &mut diagnostic.labels {
                if self.unit.stdlib_sources.contains(&label.span.source) {
                    label.span = self.stdlib_call;
                }
            }
        }
        self.unit.report(diagnostic);
        Reported
    }

    /// Reports an error at a place.
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, label: &str) -> Reported {
        self.report(Diagnostic::error(Code(code), message).at(span, label))
    }

    /// Binds a name in the innermost scope.
    fn define(&mut self, name: &str, value: Value) {
        if let Value::Array(array) = &value {
            self.b.name(array.var, name);
        }
        self.scopes.last_mut().expect("a scope is open").insert(name.to_string(), value);
    }

    /// The value of a local name.
    fn lookup(&self, name: &str) -> Option<&Value> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name))
    }

    /// Runs in a scope of its own.
    fn scoped<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(HashMap::new());
        let result = work(self);
        self.scopes.pop();
        result
    }

    /// All axes in scope.
    fn open_axes(&self) -> AxisSet {
        self.open.iter().map(|open| open.axis).collect()
    }

    /// The axes of the plates, loops and comprehensions in scope, but for those around the call of the submodel at hand.
    fn row_axes(&self) -> Vec<Axis> {
        let own = self.open[self.caller..].iter().filter(|open| open.kind != OpenKind::Copy);
        own.map(|open| open.axis).collect()
    }

    /// The plate, loop or comprehension whose index this is, whatever it is called.
    fn index_of(&self, expr: &ast::Expr) -> Option<&Open> {
        let ast::ExprKind::Name(name) = &expr.kind else { return None };
        match self.lookup(name)? {
            Value::Array(array) if array.dims.is_empty() => {
                self.open.iter().rev().find(|open| open.index == Some(array.var))
            }
            _ => None,
        }
    }

    /// The element type of an array.
    fn elem(&self, array: &Array) -> Elem {
        self.b.ty(array.var).elem
    }

    /// The sizes of an array's dimensions.
    fn sizes(&self, array: &Array) -> Vec<Dim> {
        array.dims.iter().map(|axis| self.b.axes.info(*axis).size.clone()).collect()
    }

    /// The type of a value, for messages.
    fn describe(&self, value: &Value) -> String {
        match value {
            Value::Array(array) => types::describe(self.elem(array), &self.sizes(array)),
            other => other.kind().to_string(),
        }
    }

    /// A scalar.
    fn scalar(&self, var: Var) -> Value {
        Value::Array(Array { var, dims: Vec::new() })
    }

    /// The size an int is known to be.
    fn as_dim(&self, var: Var) -> Option<Dim> {
        match self.b.constant(var) {
            Some(constant) if constant.elem() == Elem::Int => Some(Dim::known(constant.number() as i64)),
            Some(_) => None,
            None => self.ints.get(&var).cloned(),
        }
    }

    /// An int that is a known size.
    fn known_int(&mut self, dim: Dim) -> Var {
        let var = self.b.dim(&dim);
        self.ints.insert(var, dim);
        var
    }

    /// Emits an int operation, keeping track of known sizes.
    fn int_prim(&mut self, prim: Prim, a: Var, b: Var) -> Var {
        let known = match (prim, self.as_dim(a), self.as_dim(b)) {
            (Prim::Add, Some(x), Some(y)) => Some(x.plus(&y)),
            (Prim::Sub, Some(x), Some(y)) => Some(x.minus(&y)),
            (Prim::Mul, Some(x), Some(y)) => match (x.value(), y.value()) {
                (Some(factor), _) => Some(y.times(factor)),
                (_, Some(factor)) => Some(x.times(factor)),
                _ => None,
            },
            _ => None,
        };
        let var = self.b.prim(prim, &[a, b]);
        if let Some(dim) = known {
            self.ints.insert(var, dim);
        }
        var
    }

    /// Axes for dimensions of these sizes: distinct, and none in scope.
    fn axes_for(&mut self, dims: &[Dim], hint: &str) -> Vec<Axis> {
        let mut taken = self.open_axes();
        let mut axes = Vec::new();
        for dim in dims {
            let name = dim.as_name().unwrap_or(hint).to_string();
            let axis = self.b.axes.index(&name, Dim::known(0), dim.clone(), &taken);
            taken.insert(axis);
            axes.push(axis);
        }
        axes
    }

    /// The array with dimensions that clash with no axis in scope nor with those given.
    fn clear_of(&mut self, array: &Array, avoid: &AxisSet) -> Array {
        let own: AxisSet = array.dims.iter().copied().collect();
        let ambient = self.b.axes_of(array.var).minus(&own);
        let mut taken = self.open_axes().union(avoid).union(&ambient);
        if own.intersection(&taken).is_empty() {
            return array.clone();
        }
        let mut pairs = Vec::new();
        for axis in &array.dims {
            let target = if taken.contains(*axis) {
                let info = self.b.axes.info(*axis).clone();
                let busy = taken.union(&own);
                self.b.axes.index(&info.name, info.lower, info.size, &busy)
            } else {
                *axis
            };
            taken.insert(target);
            pairs.push((*axis, target));
        }
        let var = self.b.rename(&pairs, array.var);
        Array { var, dims: pairs.into_iter().map(|(_, to)| to).collect() }
    }

    /// The value with no array in it whose dimensions clash with an axis in scope.
    fn clear_value(&mut self, value: Value, span: Span) -> Lowered<Value> {
        Ok(match value {
            Value::Array(array) if !array.dims.is_empty() => {
                for axis in &array.dims {
                    self.refuse_other_rows(&array, *axis, span)?;
                }
                Value::Array(self.clear_of(&array, &AxisSet::new()))
            }
            Value::Tuple(parts) => {
                let parts: Lowered<_> = parts.into_iter().map(|part| self.clear_value(part, span)).collect();
                Value::Tuple(parts?)
            }
            Value::Record(fields) => {
                let clear = |(name, value)| Ok((name, self.clear_value(value, span)?));
                Value::Record(fields.into_iter().map(clear).collect::<Lowered<_>>()?)
            }
            Value::Trace(mut fields) => {
                for field in &mut fields {
                    field.value = self.clear_of(&field.value, &AxisSet::new());
                }
                Value::Trace(fields)
            }
            other => other,
        })
    }

    /// The array with its dimensions renamed to these, which have the same sizes.
    fn with_dims(&mut self, array: &Array, dims: &[Axis]) -> Array {
        let pairs: Vec<(Axis, Axis)> = array.dims.iter().copied().zip(dims.iter().copied()).collect();
        Array { var: self.b.rename(&pairs, array.var), dims: dims.to_vec() }
    }

    /// A data input.
    fn data_input(&mut self, name: &str, elem: Elem, dims: Vec<Axis>) -> Array {
        let input = Input { kind: InputKind::Data, name: name.to_string(), dims: dims.clone() };
        Array { var: self.b.input(elem, input), dims }
    }

    /// Emits a primitive on arrays of one shape.
    fn pointwise(&mut self, prim: Prim, args: &[&Array]) -> Array {
        let vars: Vec<Var> = args.iter().map(|a| a.var).collect();
        Array { var: self.b.prim(prim, &vars), dims: args[0].dims.clone() }
    }

    /// Folds all dimensions of an array.
    fn fold(&mut self, monoid: vary_core::ir::Monoid, array: &Array) -> Var {
        array.dims.iter().rev().fold(array.var, |var, axis| self.b.reduce(monoid, *axis, var))
    }

    /// An int as its real.
    fn reals_of(&mut self, array: &Array) -> Array {
        Array { var: self.b.to_real(array.var), dims: array.dims.clone() }
    }

    /// A fresh operation.
    fn emit(&mut self, op: Op) -> Var {
        self.b.emit(op)
    }

    /// A finished generative program's trace is made of these fields, for binding.
    fn trace_field<'t>(trace: &'t [TraceField], address: &str) -> Option<&'t TraceField> {
        trace.iter().find(|field| &*field.address == address)
    }
}

/// What a program expression is at its base.
pub fn base_of(program: &ProgramExpr) -> &Rc<Generative> {
    program.base()
}
