//! The printer; see [`super`].

use crate::axis::{Axis, AxisInfo, Role};
use crate::ir::{
    Array, Const, Elem, InputKind, Let, Monoid, Op, Output, Program, Sample, Setting, Stmt, Strategy, Ty, Var,
};
use crate::transform::Linearized;
use std::fmt::{self, Display, Formatter, Write};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(self, None, f)
    }
}

/// A line between the primal and the linear statements.
impl Display for Linearized {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(&self.program, Some(self.split), f)
    }
}

impl Display for Var {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl Display for Const {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // Debug output of floats reads back as a float: `1.0`, `1e-300`, `inf`, `NaN`.
            Const::Real(value) => write!(f, "{value:?}"),
            Const::Int(value) => write!(f, "{value}"),
            Const::Bool(value) => write!(f, "{value}"),
        }
    }
}

fn print(program: &Program, split: Option<usize>, f: &mut Formatter<'_>) -> fmt::Result {
    let mut printer = Printer { program, out: String::new(), indent: 0 };
    for (_, info) in program.axes.iter() {
        printer.axis(info)?;
    }
    printer.blank();
    for (at, stmt) in program.body.iter().enumerate() {
        if split == Some(at) {
            printer.out.push_str("\n// linear\n");
        }
        printer.stmt(stmt)?;
    }
    printer.blank();
    for result in &program.results {
        printer.output("result", result, None)?;
    }
    f.write_str(&printer.out)
}

/// How roles are written; an index has none.
pub(super) const ROLES: [(Role, &str); 4] = [
    (Role::Draw, "draw"),
    (Role::Copy, "copy"),
    (Role::Alternative, "alternative"),
    (Role::Direction, "direction"),
];

/// How kinds of inputs are written.
pub(super) const KINDS: [(InputKind, &str); 7] = [
    (InputKind::Data, "data"),
    (InputKind::Param, "param"),
    (InputKind::State, "state"),
    (InputKind::Tangent, "tangent_input"),
    (InputKind::Cotangent, "cotangent_input"),
    (InputKind::Formal, "formal"),
    (InputKind::Noise, "noise"),
];

/// How folds are written; `max` and `min` are primitives already.
pub(super) const MONOIDS: [(Monoid, &str); 3] =
    [(Monoid::Sum, "sum"), (Monoid::Max, "maximum"), (Monoid::Min, "minimum")];

/// How element types are written.
pub(super) const ELEMS: [(Elem, &str); 3] = [(Elem::Real, "real"), (Elem::Int, "int"), (Elem::Bool, "bool")];

fn name_of<T: PartialEq>(table: &[(T, &'static str)], value: T) -> &'static str {
    table.iter().find(|(entry, _)| *entry == value).map_or("", |(_, name)| name)
}

struct Printer<'a> {
    program: &'a Program,
    out: String,
    indent: usize,
}

impl Printer<'_> {
    fn blank(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn axis(&mut self, info: &AxisInfo) -> fmt::Result {
        let upper = info.lower.plus(&info.size);
        write!(self.out, "axis {} = {}..{upper}", info.name, info.lower)?;
        if info.role != Role::Index {
            write!(self.out, " {}", name_of(&ROLES, info.role))?;
        }
        if let Some(whole) = info.of {
            write!(self.out, " of {}", self.program.axes.info(whole).name)?;
        }
        self.out.push('\n');
        Ok(())
    }

    fn line(&mut self, text: fmt::Arguments<'_>, guard: Option<Var>, name: Option<&str>) -> fmt::Result {
        let start = self.out.len();
        write!(self.out, "{:1$}{text}", "", self.indent * 2)?;
        if let Some(guard) = guard {
            write!(self.out, " if {guard}")?;
        }
        if let Some(name) = name {
            let width = self.out.len() - start;
            write!(self.out, "{:1$} // {name}", "", 40_usize.saturating_sub(width))?;
        }
        self.out.push('\n');
        Ok(())
    }

    fn name(&self, axis: Axis) -> &str {
        &self.program.axes.info(axis).name
    }

    fn names(&self, axes: impl Iterator<Item = Axis>) -> String {
        axes.map(|axis| self.name(axis)).collect::<Vec<&str>>().join(", ")
    }

    /// Dimensions in parentheses; nothing for scalars.
    fn dims(&self, dims: &[Axis]) -> String {
        if dims.is_empty() { String::new() } else { format!("({})", self.names(dims.iter().copied())) }
    }

    fn ty(&self, ty: &Ty) -> String {
        let elem = name_of(&ELEMS, ty.elem);
        if ty.axes.is_empty() { elem.to_string() } else { format!("{elem}[{}]", self.names(ty.axes.iter())) }
    }

    fn output(&mut self, word: &str, output: &Output, guard: Option<Var>) -> fmt::Result {
        let dims = self.dims(&output.dims);
        self.line(format_args!("{word} {}{dims} = {}", output.name, output.var), guard, None)
    }

    fn stmt(&mut self, stmt: &Stmt) -> fmt::Result {
        match stmt {
            Stmt::Let(Let { var, op, guard }) => {
                let info = &self.program.vars[var.0 as usize];
                let (ty, op) = (self.ty(&info.ty), self.op(op));
                self.line(format_args!("{var}: {ty} = {op}"), *guard, info.name.as_deref())
            }
            Stmt::Scan(scan) => {
                let direction = if scan.reverse { " reverse" } else { "" };
                let axis = self.name(scan.axis).to_string();
                self.line(format_args!("scan {axis}{direction}"), None, None)?;
                self.indent += 1;
                for carry in &scan.carries {
                    let info = &self.program.vars[carry.var.0 as usize];
                    let ty = self.ty(&info.ty);
                    self.line(
                        format_args!("carry {}: {ty} = {} then {}", carry.var, carry.init, carry.next),
                        None,
                        info.name.as_deref(),
                    )?;
                }
                for stmt in &scan.body {
                    self.stmt(stmt)?;
                }
                self.indent -= 1;
                Ok(())
            }
            Stmt::Sample(sample) => {
                let info = &self.program.vars[sample.var.0 as usize];
                let (ty, site) = (self.ty(&info.ty), self.site(sample));
                self.line(format_args!("{}: {ty} ~ {site}", sample.var), sample.guard, info.name.as_deref())
            }
            Stmt::Observe(sample) => {
                let site = self.site(sample);
                self.line(format_args!("observe {} ~ {site}", sample.var), sample.guard, None)
            }
            Stmt::Factor { value, guard, .. } => self.line(format_args!("factor {value}"), *guard, None),
            Stmt::Report(report) => self.output("report", &report.output, report.guard),
        }
    }

    fn site(&self, sample: &Sample) -> String {
        let site = &sample.site;
        let strategy = site.strategy.as_ref().map_or(String::new(), written);
        let array = |arg: &Array| format!("{}{}", arg.var, self.dims(&arg.dims));
        let args: Vec<String> = site.args.iter().map(array).collect();
        let dims = self.dims(&site.dims);
        let event = if site.event > 0 { format!(" event {}", site.event) } else { String::new() };
        let key = self.names(site.key.iter());
        format!(
            "{}{strategy}({}) at {:?}{dims}{event} key({key}) occurrence {:?}",
            site.dist.name,
            args.join(", "),
            site.address,
            site.occurrence
        )
    }

    fn op(&self, op: &Op) -> String {
        let name = |axis: &Axis| self.name(*axis);
        let vars = |vars: &[Var]| vars.iter().map(|var| format!(" {var}")).collect::<String>();
        let flag = |set: &bool, word: &str| if *set { format!(" {word}") } else { String::new() };
        match op {
            Op::Const(value) => value.to_string(),
            Op::Input(input) => {
                format!("{} {}{}", name_of(&KINDS, input.kind), input.name, self.dims(&input.dims))
            }
            Op::Iota(axis) => format!("iota {}", name(axis)),
            Op::Prim(prim, args) => format!("{}{}", prim.name(), vars(args)),
            Op::Reduce(monoid, axis, x) => format!("{} {} {x}", name_of(&MONOIDS, *monoid), name(axis)),
            Op::Rename(pairs, x) => {
                let pairs: Vec<String> =
                    pairs.iter().map(|(from, to)| format!("{}->{}", name(from), name(to))).collect();
                format!("rename {} {x}", pairs.join(" "))
            }
            Op::Gather { x, axis, index } => format!("gather {} {x} {index}", name(axis)),
            Op::Scatter { x, axis, index, over } => {
                format!("scatter {} {x} {index} over({})", name(axis), self.names(over.iter()))
            }
            Op::CumSum { x, axis, reverse, exclusive } => format!(
                "cumsum {} {x}{}{}",
                name(axis),
                flag(reverse, "reverse"),
                flag(exclusive, "exclusive")
            ),
            Op::Stack { axis, parts } => format!("stack {}{}", name(axis), vars(parts)),
            Op::Concat { axis, parts } => {
                let parts: String =
                    parts.iter().map(|(along, part)| format!(" {}:{part}", name(along))).collect();
                format!("concat {}{parts}", name(axis))
            }
            Op::Cholesky { x, row, col } => format!("cholesky {} {} {x}", name(row), name(col)),
            Op::TriSolve { l, row, col, b, transposed } => {
                format!("trisolve {} {} {l} {b}{}", name(row), name(col), flag(transposed, "transposed"))
            }
            Op::Draw(draw) => format!(
                "draw {}{} key({}) {:?}",
                draw.base.name(),
                vars(&draw.args),
                self.names(draw.key.iter()),
                draw.occurrence
            ),
            Op::Detach(x) => format!("detach {x}"),
            Op::Tangent(x) => format!("tangent {x}"),
        }
    }
}

/// `.reinforce[moving average 0.9]`
fn written(strategy: &Strategy) -> String {
    let setting = |(name, setting): &(&str, Setting)| match setting {
        Setting::Number(number) => format!("[{name} {number}]"),
        Setting::Value(value) => format!("[{name} {value}]"),
        Setting::MovingAverage(decay) => format!("[moving average {decay}]"),
    };
    format!(".{}{}", strategy.name, strategy.settings.iter().map(setting).collect::<String>())
}
