//! Programs as values: `simulate`, `log_density`, `marginal`, `frozen`, `prior`, `given`; `expect`.

use super::value::Value;
use super::{Lower, Lowered, Mode, Reported, base_of};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use vary_core::dim::Dim;
use vary_core::generative::{Marginaliser, ProgramExpr, ProgramKind, TraceField};
use vary_core::ir::{Array, Elem};
use vary_core::transform::density::{self, Context};
use vary_core::transform::sim;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Block, Expr, ExprKind};

impl Lower<'_> {
    /// Built-ins that take programs or traces; `None` when `name` is another.
    pub(super) fn combinator(
        &mut self,
        name: &'static str,
        args: &[ast::Arg],
        span: Span,
    ) -> Option<Lowered<Value>> {
        Some(match name {
            "simulate" => self.simulate(args, span),
            "log_density" => self.log_density(args, span),
            "marginal" => self.marginal(args, span),
            "frozen" => self.one_program(name, args, span).map(|p| {
                if !self.in_stdlib && !base_of(&p).params.is_empty() {
                    self.unit.detaches.push(span);
                }
                program(ProgramExpr::Frozen(p))
            }),
            "prior" => self.one_program(name, args, span).map(|p| program(ProgramExpr::Prior(p))),
            "unobserved" => self.one_program(name, args, span).map(|p| program(ProgramExpr::Unobserved(p))),
            "mean_field" => self.one_program(name, args, span).and_then(|p| self.mean_field(&p, span)),
            "latents" | "observed" => self.split_trace(name, args, span),
            "normalize" => self.normalize(args, span),
            "each_row" => self.each_row(args, span),
            "average" => self.average(args, span),
            "log_moment" => self.log_moment(args, span),
            "exp_estimate" => self.exp_estimate(args, span),
            "importance" | "enumerate" => Err(self.report(
                Diagnostic::error(Code("E0414"), format!("`{name}` says how `marginal` sums out"))
                    .at(span, "used alone")
                    .help("write `marginal(g, keep = [x], using = importance(5))`"),
            )),
            _ => return None,
        })
    }

    /// The context sites drawn here have.
    fn context(&mut self, span: Span, what: &str) -> Lowered<Context> {
        let open = self.open_axes();
        let Mode::Objective(context) = &self.mode else {
            return Err(self.report(
                Diagnostic::error(Code("E0601"), format!("`{what}` stands outside `expect`"))
                    .at(span, "random values have no expectation here")
                    .help("write `expect { … }` around it"),
            ));
        };
        let mut context = context.clone();
        context.open = context.open.union(&open);
        Ok(context)
    }

    /// A context with a call path no other call has.
    pub(super) fn occurrence(&mut self, context: &Context, program: &ProgramExpr) -> Context {
        self.occurrences += 1;
        context.enter(&format!("{}{}", base_of(program).name, self.occurrences))
    }

    fn simulate(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let program = self.one_program("simulate", args, span)?;
        let context = self.context(span, "simulate")?;
        let context = self.occurrence(&context, &program);
        let drawn = sim::simulate(&mut self.b, &program, &context).map_err(|d| self.report(*d))?;
        self.weights.push((drawn.log_weight, program.clone()));
        self.simulated.push(program);
        Ok(Value::Tuple(vec![Value::Trace(drawn.trace), self.scalar(drawn.log_weight)]))
    }

    fn log_density(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let [program, trace] = args else {
            return Err(self.report(
                Diagnostic::error(Code("E0314"), "`log_density` takes a program and a trace")
                    .at(span, format!("{} given", args.len()))
                    .help("write `log_density(p, t)`"),
            ));
        };
        let program = self.program_value(&program.value)?;
        let fields = match self.expr(&trace.value)? {
            Value::Trace(fields) => fields,
            Value::Record(fields) => record_trace(fields),
            Value::Error => return Err(Reported),
            other => {
                let label = format!("this is {}", other.kind());
                return Err(self.error("E0311", trace.value.span, "a trace is expected here", &label));
            }
        };
        let fields = self.promoted(&program, fields);
        self.check_trace(&program, &fields, &trace.value)?;
        let context = self.context(span, "log_density")?;
        let context = self.occurrence(&context, &program);
        let var =
            density::log_density(&mut self.b, &program, &fields, &context).map_err(|d| self.report(*d))?;
        self.weights.push((var, program.clone()));
        self.scored.push(program);
        Ok(self.scalar(var))
    }

    /// The fields with ints as reals where the program draws reals: `{x = 1}`.
    pub(super) fn promoted(&mut self, program: &ProgramExpr, mut fields: Vec<TraceField>) -> Vec<TraceField> {
        let sites = program.latents();
        let reals = sites.iter().filter(|site| site.support.elem() == Elem::Real);
        let reals: HashSet<&str> = reals.map(|site| &*site.address).collect();
        for field in fields.iter_mut().filter(|field| reals.contains(&*field.address)) {
            if self.elem(&field.value) == Elem::Int {
                field.value.var = self.b.to_real(field.value.var);
            }
        }
        fields
    }

    /// A trace must have exactly the latents of the program, in their shapes.
    fn check_trace(&mut self, program: &ProgramExpr, fields: &[TraceField], trace: &Expr) -> Lowered<()> {
        // `{x = 1}` is completed where it stands, a drawn trace in the program that draws it.
        let written = matches!(trace.kind, ExprKind::Record { .. });
        let wanted = program.latents();
        let addresses: HashSet<&str> = wanted.iter().map(|site| &*site.address).collect();
        let given: HashMap<&str, &TraceField> = fields.iter().map(|field| (&*field.address, field)).collect();
        let name = base_of(program).name.clone();
        let scored = self.named_at(program);
        // The guide that drew the trace, if one drew it as it is.
        let drawn_by = self.simulated.iter().rev().find(|guide| {
            let sites = guide.latents();
            sites.len() == fields.len() && sites.iter().all(|site| given.contains_key(&*site.address))
        });
        let drawn_by = drawn_by.cloned().map(|guide| {
            let word = if base_of(&guide).kind == ProgramKind::Model { "model" } else { "guide" };
            (word, base_of(&guide).name.clone(), self.named_at(&guide))
        });
        let mut failed = false;
        for site in &wanted {
            let Some(field) = given.get(&*site.address) else {
                let missing = match &drawn_by {
                    Some((word, drawn, at)) => {
                        let message =
                            format!("the {word} `{drawn}` does not sample `{}` of `{name}`", site.address);
                        Diagnostic::error(Code("E0401"), message)
                            .at(*at, "it has no such site")
                            .at(site.span, "this site is latent")
                    }
                    None => {
                        let message = format!("the trace has no value for `{}` of `{name}`", site.address);
                        Diagnostic::error(Code("E0401"), message)
                            .at(trace.span, "the trace scored here")
                            .at(site.span, "this site is latent")
                    }
                };
                self.report(missing.help(if written {
                    format!("add `{} = …`", site.address)
                } else {
                    format!("sample `{}` in the guide, or declare it as data", site.address)
                }));
                failed = true;
                continue;
            };
            let sizes: Vec<Dim> = site.dims.iter().map(|axis| self.b.axes.info(*axis).size.clone()).collect();
            let found = self.sizes(&field.value);
            if found != sizes || self.elem(&field.value) != site.support.elem() {
                let found = super::types::describe(self.elem(&field.value), &found);
                let expected = super::types::describe(site.support.elem(), &sizes);
                let message = format!("`{}` is {expected} in `{name}`, here it is {found}", site.address);
                self.report(
                    Diagnostic::error(Code("E0415"), message)
                        .at(self.b.info(field.value.var).span, format!("this is {found}"))
                        .at(site.span, format!("`{name}` has {expected}")),
                );
                failed = true;
            }
        }
        for field in fields {
            if !addresses.contains(&*field.address) {
                let observed = program.observed().iter().any(|site| site.address == field.address);
                let diagnostic =
                    Diagnostic::error(Code("E0416"), format!("`{name}` has no latent `{}`", field.address))
                        .at(
                            self.b.info(field.value.var).span,
                            if written { "given here" } else { "sampled here" },
                        )
                        .at(scored, "the program scored");
                self.report(if written {
                    let why = if observed { ", it has the value of the data" } else { "" };
                    diagnostic.help(format!("leave `{}` out{why}", field.address))
                } else if observed {
                    diagnostic.help(format!("`{}` is observed there: do not sample it", field.address))
                } else {
                    diagnostic.help("remove it, or sum it out with `marginal(…, keep = […])`")
                });
                failed = true;
            }
        }
        if failed { Err(Reported) } else { Ok(()) }
    }

    /// The name in a program's declaration.
    fn named_at(&mut self, program: &ProgramExpr) -> Span {
        let base = base_of(program);
        let declared = self.unit.find(&base.name);
        let name = declared.as_ref().and_then(|declared| super::unit::declared_name(&declared.item));
        name.filter(|name| base.span.to(name.span) == base.span).map_or(base.span, |name| name.span)
    }

    fn one_program(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Rc<ProgramExpr>> {
        match args {
            [arg] => self.program_value(&arg.value),
            _ => Err(self.error(
                "E0314",
                span,
                format!("`{name}` takes one program"),
                &format!("{} given", args.len()),
            )),
        }
    }

    /// An expression that is a program.
    pub(super) fn program_value(&mut self, expr: &Expr) -> Lowered<Rc<ProgramExpr>> {
        match self.expr(expr)? {
            Value::Program(program) => {
                if let Some(param) = formal_of(&program) {
                    let name = base_of(&program).name.clone();
                    return Err(self.report(
                        Diagnostic::error(Code("E0417"), format!("`{name}` needs its argument `{param}`"))
                            .at(expr.span, "used without arguments")
                            .help("only programs without parameters can be fitted; call others as `s ~ name(…)`"),
                    ));
                }
                Ok(program)
            }
            Value::Error => Err(Reported),
            other => Err(self.report(
                Diagnostic::error(Code("E0315"), "a program is expected here")
                    .at(expr.span, format!("this is {}", other.kind()))
                    .help("name a model or a guide"),
            )),
        }
    }

    /// `marginal(g, keep = [x], using = importance(5, proposal = h))`
    fn marginal(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let mut inner = None;
        let (mut keep, mut using) = (None, None);
        for (at, arg) in args.iter().enumerate() {
            match arg.name.as_ref().map(|name| name.name.as_str()) {
                None if at == 0 => inner = Some(self.program_value(&arg.value)?),
                Some("keep") => keep = Some(&arg.value),
                Some("using") => using = Some(&arg.value),
                _ => {
                    return Err(self.error(
                        "E0414",
                        arg.name.as_ref().map_or(arg.value.span, |name| name.span),
                        "`marginal` takes a program, `keep` and `using`",
                        "unknown",
                    ));
                }
            }
        }
        let (Some(inner), Some(keep), Some(using)) = (inner, keep, using) else {
            return Err(self.report(
                Diagnostic::error(
                    Code("E0414"),
                    "`marginal` needs a program, what to keep and how to sum out",
                )
                .at(span, "incomplete")
                .help("write `marginal(g, keep = [x, y], using = importance(5))` or `using = enumerate`"),
            ));
        };
        let kept = self.addresses(&inner, keep)?;
        let using = self.marginaliser(using)?;
        Ok(program(ProgramExpr::Marginal { program: inner, keep: kept, using, span }))
    }

    fn addresses(&mut self, inner: &ProgramExpr, keep: &Expr) -> Lowered<Vec<String>> {
        let ExprKind::Array(names) = &keep.kind else {
            return Err(self.error("E0414", keep.span, "`keep` is a list of sites", "write `keep = [x, y]`"));
        };
        let known = inner.latents();
        let mut kept = Vec::new();
        for name in names {
            let address = address_of(name);
            match address {
                Some(address) if known.iter().any(|site| *site.address == *address) => kept.push(address),
                _ => {
                    let sites: Vec<&str> = known.iter().map(|site| &*site.address).collect();
                    return Err(self.report(
                        Diagnostic::error(
                            Code("E0414"),
                            match address_of(name) {
                                Some(address) => {
                                    format!("`{}` has no latent `{address}`", base_of(inner).name)
                                }
                                None => "`keep` lists names of sites".to_string(),
                            },
                        )
                        .at(name.span, "not a site")
                        .note(format!("its latents are {}", sites.join(", "))),
                    ));
                }
            }
        }
        Ok(kept)
    }

    pub(super) fn marginaliser(&mut self, using: &Expr) -> Lowered<Marginaliser> {
        let wrong = |this: &mut Self| {
            this.error("E0414", using.span, "`using` is `importance(n)` or `enumerate`", "not this")
        };
        match &using.kind {
            ExprKind::Name(name) if name == "enumerate" => Ok(Marginaliser::Enumerate),
            ExprKind::Call(callee, args) if matches!(&callee.kind, ExprKind::Name(n) if n == "importance") => {
                let mut particles = Dim::known(1);
                let mut proposal = None;
                for arg in args {
                    match arg.name.as_ref().map(|name| name.name.as_str()) {
                        None | Some("n") => particles = self.size(&arg.value, &mut None, 1)?,
                        Some("proposal") => {
                            let Value::Program(program) = self.expr(&arg.value)? else {
                                return Err(wrong(self));
                            };
                            proposal = Some(program);
                        }
                        Some(_) => return Err(wrong(self)),
                    }
                }
                Ok(Marginaliser::Importance { particles, proposal })
            }
            _ => Err(wrong(self)),
        }
    }

    /// `latents(t)` and `observed(t)`: split by the program's data names.
    fn split_trace(&mut self, name: &str, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let [arg] = args else {
            return Err(self.error("E0314", span, format!("`{name}` takes one trace"), "here"));
        };
        let Value::Trace(fields) = self.expr(&arg.value)? else {
            return Err(self.error("E0311", arg.value.span, "a trace is expected here", "not a trace"));
        };
        let data: Vec<String> = self.unit.data().into_iter().map(|d| d.name.name).collect();
        let wanted = name == "observed";
        let kept = fields.into_iter().filter(|f| data.iter().any(|d| **d == *f.address) == wanted).collect();
        Ok(Value::Trace(kept))
    }

    /// `g given {y = e}`
    pub(super) fn given(&mut self, inner: &Expr, record: &Expr) -> Lowered<Value> {
        let inner = self.program_value(inner)?;
        let mut data: Vec<(String, Array)> = match self.expr(record)? {
            Value::Trace(fields) => fields.into_iter().map(|f| (f.address.to_string(), f.value)).collect(),
            Value::Record(fields) => {
                record_trace(fields).into_iter().map(|f| (f.address.to_string(), f.value)).collect()
            }
            other => {
                let label = format!("this is {}", other.kind());
                return Err(self.error("E0311", record.span, "`given` takes a record or trace", &label));
            }
        };
        let declared = self.unit.data();
        for (name, value) in &mut data {
            let Some(decl) = declared.iter().find(|d| d.name.name == *name) else {
                let known: Vec<&str> = declared.iter().map(|d| d.name.name.as_str()).collect();
                return Err(self.report(
                    Diagnostic::error(Code("E0418"), format!("there is no data `{name}`"))
                        .at(record.span, "rebound here")
                        .note(format!("the data are {}", known.join(", "))),
                ));
            };
            // Its sizes are the file's, whatever names the objective has.
            let ty = self.aside(|unit| unit.data_type(decl))?;
            if self.elem(value) == Elem::Int && ty.constraint.elem() == Elem::Real {
                *value = self.reals_of(value);
            }
            if self.sizes(value) != ty.dims || self.elem(value) != ty.constraint.elem() {
                let found = self.describe(&Value::Array(value.clone()));
                let wanted = super::types::describe(ty.constraint.elem(), &ty.dims);
                return Err(self.error(
                    "E0306",
                    record.span,
                    format!("`{name}` is {wanted}"),
                    &format!("this is {found}"),
                ));
            }
        }
        Ok(program(ProgramExpr::Given(inner, data)))
    }

    /// `expect { … }`: the expectation of a random value.
    pub(super) fn expect(&mut self, block: &Block, span: Span) -> Lowered<Value> {
        let Some(draw) = self.draw else {
            return Err(self.report(
                Diagnostic::error(Code("E0601"), "`expect` stands outside an objective")
                    .at(span, "no objective around")
                    .help("expectations are written in `objective` declarations and in fits"),
            ));
        };
        let open = [draw].into_iter().collect();
        let number = self.new_expectation();
        // Sites written here have the names that they have in every other expectation.
        let path = if number == 1 { self.path.clone() } else { format!("{}expect{number}", self.path) };
        let context = Context { open, path, ..Context::default() };
        let outer = std::mem::replace(&mut self.mode, Mode::Objective(context));
        let value = self.scoped(|this| this.block(block));
        self.mode = outer;
        match value? {
            Value::Array(array) if array.dims.is_empty() && self.elem(&array) != Elem::Bool => {
                let real = self.reals_of(&array);
                self.mark_estimated(real.var, [number].into());
                Ok(Value::Array(real))
            }
            Value::Error => Err(Reported),
            other => {
                let found = self.describe(&other);
                let at = block.stmts.last().map_or(span, |stmt| stmt.span);
                Err(self.error("E0602", at, "`expect` needs a real at its end", &format!("this is {found}")))
            }
        }
    }
}

pub(super) fn program(expr: ProgramExpr) -> Value {
    Value::Program(Rc::new(expr))
}

/// `x`, `s.x`
fn address_of(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Field(base, field) => address_of(base).map(|base| format!("{base}.{}", field.name)),
        _ => None,
    }
}

pub(super) fn record_trace(fields: Vec<(String, Value)>) -> Vec<TraceField> {
    let mut trace = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Array(value) => trace.push(TraceField { address: name.into(), value, present: None }),
            Value::Record(inner) => trace.extend(
                record_trace(inner)
                    .into_iter()
                    .map(|field| TraceField { address: format!("{name}.{}", field.address).into(), ..field }),
            ),
            _ => {}
        }
    }
    trace
}

/// A formal argument that is still free.
fn formal_of(program: &ProgramExpr) -> Option<String> {
    use vary_core::ir::{InputKind, Op, Stmt};
    base_of(program).program.body.iter().find_map(|stmt| match stmt {
        Stmt::Let(l) => match &l.op {
            Op::Input(input) if input.kind == InputKind::Formal => Some(input.name.clone()),
            _ => None,
        },
        _ => None,
    })
}
