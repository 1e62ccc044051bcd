//! What a prompt evaluates: expressions, which may use programs as an objective does, and draws.

use super::unit::{Unit, declared_name};
use super::value::Value;
use super::{Lower, Lowered, Mode, base_of, fit, posterior, types};
use std::rc::Rc;
use vary_core::axis::Axis;
use vary_core::dim::Dim;
use vary_core::generative::{Generative, ParamSpec, ProgramExpr, ProgramKind};
use vary_core::ir::{Elem, Output, Program};
use vary_core::transform::adev;
use vary_core::transform::density::Context;
use vary_core::transform::sim;
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind, StmtKind};

/// A value that is ready to be computed.
#[derive(Debug, Clone)]
pub struct Prompted {
    /// Computes the numbers of the value; a result that is random has the draw axis first.
    pub program: Program,
    /// How the results make up the value.
    pub form: Form,
    /// The parameters that it may depend on.
    pub params: Vec<ParamSpec>,
}

/// The form of a value.
#[derive(Debug, Clone)]
pub enum Form {
    /// A number or array.
    Array {
        /// Position among the results.
        result: usize,
        /// Type of its entries.
        elem: Elem,
        /// Its sizes.
        dims: Vec<Dim>,
        /// Whether it has a value per draw.
        random: bool,
    },
    /// `(a, b)`
    Tuple(Vec<Form>),
    /// `{a = 1}`, or a trace.
    Record(Vec<(String, Form)>),
    /// `"text"`
    Text(String),
    /// What has no value to show: a function, a program.
    Other(String),
}

impl Form {
    /// Its type, as the user writes it.
    pub fn ty(&self) -> String {
        let list = |parts: Vec<String>| parts.join(", ");
        match self {
            Form::Array { elem, dims, .. } => types::describe(*elem, dims),
            Form::Tuple(parts) => format!("({})", list(parts.iter().map(Form::ty).collect())),
            Form::Record(fields) => {
                let fields = fields.iter().map(|(name, form)| format!("{name}: {}", form.ty()));
                format!("{{{}}}", list(fields.collect()))
            }
            Form::Text(_) => "text".to_string(),
            Form::Other(kind) => kind.clone(),
        }
    }
}

impl Unit {
    /// An expression. As in an objective, `simulate` and `log_density` may stand in it.
    pub fn prompted(&mut self, expr: &Expr) -> Lowered<Prompted> {
        let draw = self.draw_axis();
        let context = Context { open: [draw].into_iter().collect(), ..Context::default() };
        let mut lower = Lower::new(self, Mode::Objective(context));
        lower.draw = Some(draw);
        let value = lower.expr(expr)?;
        let programs: Vec<Rc<ProgramExpr>> =
            lower.simulated.drain(..).chain(lower.scored.drain(..)).collect();
        let mut results = Vec::new();
        let form = lower.form(value, draw, &mut results);
        finish(lower, results, form, &programs)
    }

    /// The type of a file-level value.
    pub fn value_type(&mut self, value: &Expr) -> Lowered<String> {
        let draw = self.draw_axis();
        let mut lower = Lower::new(self, Mode::Pure);
        let value = lower.expr(value)?;
        let ty = lower.form(value, draw, &mut Vec::new()).ty();
        lower.unit.axes = lower.b.axes.clone();
        Ok(ty)
    }

    /// Elaborates the file's own parameters.
    pub fn check_parameters(&mut self) -> Lowered<()> {
        for declared in self.order.clone() {
            if let ItemKind::Param(param) = &declared.item.kind {
                let mut lower = Lower::new(self, Mode::Pure);
                lower.parameter(param, None)?;
                lower.unit.axes = lower.b.axes.clone();
            }
        }
        Ok(())
    }

    /// Draws from a guide, from the prior of a model, or from a distribution.
    pub fn drawn(&mut self, source: &Expr) -> Lowered<Prompted> {
        let draw = self.draw_axis();
        let distribution = self.is_distribution(source);
        let mut lower = Lower::new(self, Mode::Pure);
        let program = if distribution {
            lower
                .aside(|unit| unit.program_of_one_site(source))
                .map(|base| Rc::new(ProgramExpr::Base(base)))?
        } else {
            lower.program_value(source)?
        };
        let program = match base_of(&program).kind {
            ProgramKind::Model => Rc::new(ProgramExpr::Prior(program)),
            ProgramKind::Guide => program,
        };
        let context =
            Context { open: [draw].into_iter().collect(), path: "prompt".into(), ..Context::default() };
        let drawn = sim::simulate(&mut lower.b, &program, &context).map_err(|d| lower.report(*d))?;
        let (mut results, mut fields) = (Vec::new(), Vec::new());
        for field in &drawn.trace {
            let (elem, dims) = (lower.elem(&field.value), lower.sizes(&field.value));
            let form = Form::Array { result: results.len(), elem, dims, random: true };
            fields.push((field.address.to_string(), form));
            results.push(posterior::output(&mut lower.b, draw, field));
        }
        let form = match fields.pop() {
            Some((_, only)) if distribution => only,
            last => Form::Record(fields.into_iter().chain(last).collect()),
        };
        finish(lower, results, form, &[program])
    }

    /// Whether an expression is a distribution with its arguments.
    pub fn is_distribution(&mut self, expr: &Expr) -> bool {
        let ExprKind::Call(callee, _) = &expr.kind else { return false };
        let callee = match &callee.kind {
            ExprKind::Field(base, _) => base,
            _ => callee,
        };
        let ExprKind::Name(name) = &callee.kind else { return false };
        self.find(name).is_some_and(|found| matches!(found.item.kind, ItemKind::Distribution(_)))
    }

    /// A guide whose only site has this distribution.
    fn program_of_one_site(&mut self, dist: &Expr) -> Lowered<Rc<Generative>> {
        // No one can write this name, so it is nobody else's.
        let name = || ast::Ident { name: "a draw".to_string(), span: dist.span };
        let site = ast::SampleStmt { latent: true, name: name(), indices: vec![], dist: dist.clone() };
        let site = ast::Stmt { kind: StmtKind::Sample(site), span: dist.span };
        let body = ast::Block { stmts: vec![site], span: dist.span };
        let kind = ItemKind::Guide(ast::ProgramDecl { name: name(), params: vec![], result: None, body });
        let item = ast::Item { docs: vec![], attributes: vec![], kind, span: dist.span };
        self.add_derived(&name().name, ast::File { items: vec![item] });
        self.program(&name().name)
    }
}

impl Lower<'_> {
    /// The form of a value, its numbers added to the results.
    fn form(&mut self, value: Value, draw: Axis, results: &mut Vec<Output>) -> Form {
        match value {
            Value::Array(array) => {
                let random = self.b.axes_of(array.var).contains(draw);
                let form = Form::Array {
                    result: results.len(),
                    elem: self.elem(&array),
                    dims: self.sizes(&array),
                    random,
                };
                let draws = if random { vec![draw] } else { vec![] };
                let dims = draws.into_iter().chain(array.dims).collect();
                results.push(Output { name: results.len().to_string(), var: array.var, dims });
                form
            }
            Value::Tuple(parts) => {
                Form::Tuple(parts.into_iter().map(|part| self.form(part, draw, results)).collect())
            }
            Value::Record(fields) => Form::Record(
                fields.into_iter().map(|(name, value)| (name, self.form(value, draw, results))).collect(),
            ),
            Value::Trace(fields) => Form::Record(
                fields
                    .into_iter()
                    .map(|field| {
                        (field.address.to_string(), self.form(Value::Array(field.value), draw, results))
                    })
                    .collect(),
            ),
            Value::Text(text) => Form::Text(text),
            Value::Program(program) => Form::Other(describe_program(&program)),
            Value::Distribution(declared, _) => Form::Other(match declared_name(&declared.item) {
                Some(name) => format!("the distribution `{}`", name.name),
                None => "a distribution".to_string(),
            }),
            other => Form::Other(other.kind().to_string()),
        }
    }
}

/// `the guide `ring``, `a program made of `ring``
fn describe_program(program: &ProgramExpr) -> String {
    let base = base_of(program);
    let kind = match base.kind {
        ProgramKind::Model => "model",
        ProgramKind::Guide => "guide",
    };
    match program {
        ProgramExpr::Base(_) => format!("the {kind} `{}`", base.name),
        ProgramExpr::Marginal { keep, .. } => {
            format!("a marginal of the {kind} `{}` on {}", base.name, keep.join(", "))
        }
        _ => format!("a program made of the {kind} `{}`", base.name),
    }
}

/// Draws the sites that are left and finds the parameters.
fn finish(lower: Lower, results: Vec<Output>, form: Form, programs: &[Rc<ProgramExpr>]) -> Lowered<Prompted> {
    lower.unit.axes = lower.b.axes.clone();
    let Lower { b, unit, free_params: mut params, .. } = lower;
    let program = adev::sampler(&b.finish(results)).map_err(|found| {
        unit.report(*found);
        super::Reported
    })?;
    programs.iter().for_each(|program| fit::collect_params(program, &mut params, &mut Vec::new()));
    Ok(Prompted { program, form, params: params.into_values().collect() })
}
