//! Fits whose steps take some rows of the data: which rows, the programs of their steps, and what these read.

use super::estimator::Setup;
use super::settings::Resolved;
use super::{Options, Session};
use crate::elaborate::{Fit, Lowered, Objective, Reported};
use crate::pipeline::{self, Ad, Derived};
use crate::stdlib;
use std::ops::Range;
use vary_core::axis::{Axis, AxisTable, Role};
use vary_core::dim::Dim;
use vary_core::generative::ProgramExpr;
use vary_core::ir::{Const, Elem, InputKind, Let, Op, Program, Stmt};
use vary_core::transform::adev::OBJECTIVE;
use vary_core::transform::minibatch::{self, Refused};
use vary_core::transform::simplify;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, ExprKind};

/// A dimension of which a step takes some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    /// The size's name.
    pub name: String,
    /// The axis of its rows.
    pub axis: Axis,
    /// How many rows there are; 0 where the data is not known.
    pub rows: usize,
    /// How many a step takes.
    pub size: usize,
    /// Where that is written.
    pub span: Option<Span>,
}

impl Plate {
    /// What a step takes, in words.
    pub fn describe(&self) -> String {
        let Plate { name, rows, size, .. } = self;
        let all = if *rows == 0 { String::new() } else { format!(" of {rows}") };
        format!("a step takes {size}{all} rows of `{name}`, and counts each {name}/{size} times")
    }
}

/// The steps that take batches of other sizes than the usual ones: the last of an epoch.
#[derive(Debug, Clone)]
pub struct Shorter {
    /// How many rows of each plate.
    pub sizes: Vec<usize>,
    /// Their stages.
    pub derived: Derived,
}

/// `minibatch = (n = 128)` in the settings of a fit.
const SETTING: &str = "minibatch";

impl Session {
    /// Keeps the sizes that a fit takes in parts as names, so that no other size is taken for them.
    pub(super) fn hold_sizes(&mut self, decl: Option<&ast::FitDecl>, options: &Options) {
        let given = options.set.iter().filter_map(|(key, _)| key.strip_prefix(SETTING)?.strip_prefix('.'));
        let mut names: Vec<String> = given.map(str::to_string).collect();
        let mut written = |fields: &[ast::Field]| {
            for field in fields.iter().filter(|field| field.name.name == SETTING) {
                if let ExprKind::Record { fields, .. } = &field.value.kind {
                    names.extend(fields.iter().map(|field| field.name.name.clone()));
                }
            }
        };
        let settings = decl.map_or(&[][..], |decl| &decl.settings);
        written(settings);
        for field in settings.iter().filter(|field| field.name.name == "quick") {
            if let ExprKind::Record { fields, .. } = &field.value.kind {
                written(fields);
            }
        }
        self.unit.hold(&names);
    }

    /// The plates that a fit takes in parts, in the order of its settings.
    pub(super) fn plates(&mut self, fit: &Fit, settings: &Resolved) -> Lowered<Vec<Plate>> {
        let mut plates = Vec::new();
        for (name, size, span) in &settings.minibatch {
            let rows = self.unit.held.get(name).copied();
            let wanted = Dim::named(name.clone());
            let found = self.unit.axes.iter().find(|(_, info)| {
                info.role == Role::Index && info.lower == Dim::known(0) && info.size == wanted
            });
            let found = found.map(|(axis, _)| axis);
            let axis = found.filter(|axis| {
                fit.objectives.iter().any(|objective| minibatch::has_rows(&objective.program, *axis))
            });
            let Some(axis) = axis else {
                let sizes = self.unit.data().into_iter().filter(|data| {
                    let ty = self.unit.data_type(data);
                    ty.is_ok_and(|ty| ty.dims.is_empty() && ty.constraint.elem() == Elem::Int)
                });
                let sizes: Vec<String> = sizes.map(|data| data.name.name).collect();
                let message = format!("the fit has no plate over `{name}`");
                let mut diagnostic = Diagnostic::error(Code("E0613"), message);
                if sizes.is_empty() {
                    diagnostic =
                        diagnostic.help("declare the number of rows: `data n: int`, `data y: real[n]`");
                } else if !sizes.contains(name) {
                    diagnostic = diagnostic.note(format!("the sizes of the data are {}", sizes.join(", ")));
                } else {
                    diagnostic =
                        diagnostic.help(format!("`minibatch` takes rows of a plate `i in 0..{name}`"));
                }
                return Err(self.refuse_batch(diagnostic, *span, "not a plate of its programs"));
            };
            if let Some(rows) = rows.filter(|rows| *size as i64 > *rows) {
                let rows = rows.max(0);
                let message = format!("a batch of {size} rows is larger than the data: {name} = {rows}");
                let diagnostic = Diagnostic::error(Code("E0613"), message)
                    .help(format!("take at most {rows}, or leave `minibatch` out to take all rows"));
                return Err(self.refuse_batch(diagnostic, *span, "too many"));
            }
            let rows = usize::try_from(rows.unwrap_or(0)).unwrap_or(0);
            plates.push(Plate { name: name.clone(), axis, rows, size: *size, span: *span });
        }
        Ok(plates)
    }

    fn refuse_batch(&mut self, diagnostic: Diagnostic, span: Option<Span>, label: &str) -> Reported {
        match span {
            None => self.misuse(diagnostic.note("given by `--set`, or by `:set` at a prompt")),
            Some(span) => {
                self.unit.report(diagnostic.at(span, label));
                Reported
            }
        }
    }

    /// Gives the sizes that [`Session::find_fit`] keeps as names their values.
    pub fn bind_sizes(&mut self, fit: &mut Fit) {
        let held = self.unit.held.clone();
        if held.is_empty() {
            return;
        }
        let size = |name: &str| held.get(name).copied();
        self.unit.axes.bind(&size);
        for objective in &mut fit.objectives {
            objective.program = bound(&objective.program, &size);
            for init in objective.params.iter_mut().filter_map(|param| param.init.as_mut()) {
                init.0 = bound(&init.0, &size).into();
            }
        }
    }

    /// An objective over batches of the usual sizes, for what is said of it.
    pub(super) fn over_batches(&mut self, objective: &Objective, plates: &[Plate]) -> Lowered<Objective> {
        let sizes: Vec<usize> = plates.iter().map(|plate| plate.size).collect();
        subsampled(objective, plates, &sizes).map_err(|found| {
            self.unit.report(*found);
            Reported
        })
    }
}

/// A program with sizes in the place of their names.
fn bound(program: &Program, size: &dyn Fn(&str) -> Option<i64>) -> Program {
    fn block(stmts: &mut [Stmt], size: &dyn Fn(&str) -> Option<i64>) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(Let { op, .. }) => {
                    if let Op::Input(input) = op
                        && input.kind == InputKind::Data
                        && input.dims.is_empty()
                        && let Some(value) = size(&input.name)
                    {
                        *op = Op::Const(Const::Int(value));
                    }
                }
                Stmt::Scan(scan) => block(&mut scan.body, size),
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {}
            }
        }
    }
    let mut program = program.clone();
    program.axes.bind(size);
    block(&mut program.body, size);
    simplify(&program)
}

/// An objective over batches of these sizes.
pub(super) fn subsampled(
    objective: &Objective,
    plates: &[Plate],
    sizes: &[usize],
) -> Result<Objective, Box<Diagnostic>> {
    let mut objective = objective.clone();
    for (plate, size) in plates.iter().zip(sizes) {
        if !minibatch::has_rows(&objective.program, plate.axis) {
            continue;
        }
        let taken = minibatch::subsample(&objective.program, plate.axis, Dim::known(*size as i64), OBJECTIVE);
        objective.program = taken.map_err(|refused| {
            let found = match refused {
                Refused::Outside(found) => *found,
                Refused::Nonlinear(sum) => nonlinear(&objective, plate, sum),
            };
            let elsewhere = found.labels.iter().all(|label| label.span.source != objective.span.source);
            let found = if elsewhere { found.at(objective.span, "in this objective") } else { found };
            let label = format!("a step takes {} rows of `{}`", plate.size, plate.name);
            Box::new(plate.span.iter().fold(found, |found, span| found.at(*span, label.clone())))
        })?;
    }
    Ok(objective)
}

/// What is said of a use of the sum over rows: it is made in a program, or by the objective, of log densities.
fn nonlinear(objective: &Objective, plate: &Plate, sum: Span) -> Diagnostic {
    let Plate { name, .. } = plate;
    let programs = objective.model.iter().chain(&objective.guide).flat_map(|(_, program)| program.parts());
    let within = programs.filter_map(|part| match part {
        ProgramExpr::Base(base) => Some(base.span),
        _ => None,
    });
    if within.into_iter().any(|program| contains(program, sum)) {
        let message = format!("a sum over the rows of `{name}` is used in a program");
        let found = Diagnostic::error(Code("E0612"), message);
        return found.at(sum, format!("this takes all rows of `{name}`")).help(minibatch::ROWS_APART);
    }
    let called = match objective.name.as_str() {
        "objective" => "the objective".to_string(),
        called => format!("`{called}`"),
    };
    let message = format!("{called} is not linear in the sum over the rows of `{name}`");
    let found = Diagnostic::error(Code("E0614"), message)
        .at(objective.span, "a batch estimates the sum, and so not a function of it");
    let rows = format!("{}_rows", objective.name);
    match stdlib::containing(&rows) {
        Some(_) => found.help(format!("use `{rows}(…, dim = {name})`: the same of every row, summed over the rows")),
        None => found.help(
            "use a sum over rows: `elbo` of exact densities, or `each_row(p, q, n, |p, q| …)` of any objective of a row",
        ),
    }
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.source == inner.source && outer.start <= inner.start && inner.end <= outer.end
}

/// All stages of an objective: over batches of the usual sizes, and of each combination of sizes beside these.
pub fn derive_all(
    objective: &Objective,
    plates: &[Plate],
    samples: usize,
    ad: Ad,
) -> Result<(Derived, Vec<Shorter>), Vec<Diagnostic>> {
    let mut all = Vec::new();
    for sizes in combinations(plates) {
        let objective = subsampled(objective, plates, &sizes).map_err(|found| vec![*found])?;
        all.push(Shorter { sizes, derived: pipeline::derive(&objective, samples, ad)? });
    }
    let usual = all.remove(0).derived;
    Ok((usual, all))
}

/// Every combination of a size of each plate, the usual ones first.
fn combinations(plates: &[Plate]) -> Vec<Vec<usize>> {
    plates.iter().fold(vec![Vec::new()], |all, plate| {
        let with = |size: usize| all.iter().map(move |sizes| [sizes.as_slice(), &[size]].concat());
        let rest = if plate.rows == 0 { 0 } else { plate.rows % plate.size };
        std::iter::once(plate.size).chain((rest > 0).then_some(rest)).flat_map(with).collect()
    })
}

/// Which entries of a whole array stand, one after another, in an array over batches.
#[derive(Debug, Clone)]
pub struct Entries {
    offset: usize,
    /// The outer dimensions: how many positions, how far apart in the whole array, and of which plate they are rows.
    outer: Vec<(usize, usize, Option<usize>)>,
    /// How many entries follow each other in both.
    run: usize,
}

impl Entries {
    /// Those of an array with these dimensions, whose whole begins at `offset`.
    pub fn new(axes: &AxisTable, dims: &[Axis], offset: usize, setup: &Setup) -> Entries {
        let plate = |axis: Axis| setup.plates.iter().position(|plate| axes.info(axis).of == Some(plate.axis));
        let last = dims.iter().rposition(|axis| plate(*axis).is_some()).map_or(0, |at| at + 1);
        let run: usize = dims[last..].iter().map(|axis| axes.size(*axis)).product();
        let mut stride = run;
        let mut outer: Vec<_> = dims[..last]
            .iter()
            .rev()
            .map(|axis| {
                let here = (axes.size(*axis), stride, plate(*axis));
                stride *= axes.size(axes.whole(*axis));
                here
            })
            .collect();
        outer.reverse();
        Entries { offset, outer, run }
    }

    /// Calls `f` on every run of entries of the whole array, in the order of the array over batches of these rows.
    pub fn each(&self, rows: &[Vec<u32>], f: &mut dyn FnMut(Range<usize>)) {
        self.walk(&self.outer, self.offset, rows, f);
    }

    fn walk(
        &self,
        outer: &[(usize, usize, Option<usize>)],
        at: usize,
        rows: &[Vec<u32>],
        f: &mut dyn FnMut(Range<usize>),
    ) {
        match outer.split_first() {
            None => f(at..at + self.run),
            Some(((size, stride, plate), rest)) => {
                for position in 0..*size {
                    let row = plate.map_or(position, |plate| rows[plate][position] as usize);
                    self.walk(rest, at + row * stride, rows, f);
                }
            }
        }
    }
}
