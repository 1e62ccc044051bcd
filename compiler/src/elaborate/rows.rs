//! `each_row(p, q, dim, |p_i, q_i| e)`: an objective of every row of a plate.
//!
//! The sites outside plates over the dimension are drawn once from q; their log p − log q, and the sum of e over the
//! rows, is the objective. A row's e sees programs of that row alone, with what is outside given.

use super::value::Value;
use super::{Lower, Lowered, OpenKind, base_of};
use std::collections::BTreeSet;
use std::rc::Rc;
use vary_core::axis::{Axis, AxisSet};
use vary_core::dim::Dim;
use vary_core::generative::{ProgramExpr, Rows};
use vary_core::ir::{Array, Monoid};
use vary_core::transform::density::Context;
use vary_core::transform::rows;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast;

impl Lower<'_> {
    pub(super) fn each_row(&mut self, args: &[ast::Arg], span: Span) -> Lowered<Value> {
        let params = ["p", "q", "dim", "f"].map(super::builtin::parameter);
        let values = self.match_arguments("each_row", &params, args, span)?;
        let [(Value::Program(p), _), (Value::Program(q), _), (Value::Array(dim), at), (Value::Lambda(f), _)] =
            values.as_slice()
        else {
            let message = "`each_row` takes two programs, a dimension and a function of two programs";
            return Err(self.error("E0315", span, message, "write `each_row(p, q, n, |p, q| elbo(p, q))`"));
        };
        let Some(draw) = self.draw else {
            return Err(self.error("E0601", span, "`each_row` stands outside an objective", "here"));
        };
        let axis = self.rows_axis(dim, *at)?;
        for program in [p, q] {
            self.check_rows(program, axis, *at)?;
        }
        let mut open: AxisSet = self.open_axes();
        open.insert(draw);
        let context = Context { open, path: self.path.clone(), ..Context::default() };
        let context = self.occurrence(&context, q);
        let drawn = rows::simulate_outside(&mut self.b, q, axis, &context).map_err(|d| self.report(*d))?;
        let log_p = rows::log_density_outside(&mut self.b, p, axis, &drawn.trace, &context)
            .map_err(|d| self.report(*d))?;
        self.simulated.push(q.clone());
        self.scored.push(p.clone());
        let row = |program: &Rc<ProgramExpr>| {
            let rows = Rows { program: program.clone(), axis, outside: drawn.trace.clone() };
            Value::Program(Rc::new(ProgramExpr::Rows(Rc::new(rows))))
        };
        let (p_i, q_i) = (row(p), row(q));
        let value = self.with_open(axis, "", OpenKind::Plate, |this| this.apply(f, vec![p_i, q_i], span))?;
        let Value::Array(Array { var, dims }) = value else {
            return Err(self.error("E0602", span, "each row has a real", "not here"));
        };
        if !dims.is_empty() {
            return Err(self.error("E0602", span, "each row has a real", "this is an array"));
        }
        let mut made_of: BTreeSet<usize> = self.made_of(var);
        made_of.insert(self.new_expectation());
        let total = self.b.reduce(Monoid::Sum, axis, var);
        let outside = self.b.sub(log_p, drawn.log_weight);
        let total = self.b.add(outside, total);
        self.mark_estimated(total, made_of);
        Ok(self.scalar(total))
    }

    /// The axis of the plates over a dimension.
    pub(super) fn rows_axis(&mut self, dim: &Array, at: Span) -> Lowered<Axis> {
        let Some(size) = self.as_dim(dim.var).filter(|_| dim.dims.is_empty()) else {
            return Err(self.error("E0612", at, "`dim` is the size of a plate", "not a size"));
        };
        Ok(self.b.axes.index("row", Dim::known(0), size, &AxisSet::new()))
    }

    /// Rows exist, and each uses its own latents.
    fn check_rows(&mut self, program: &ProgramExpr, axis: Axis, at: Span) -> Lowered<()> {
        let (latents, observed) = (program.latents(), program.observed());
        if !latents.iter().chain(&observed).any(|site| site.dims.contains(&axis)) {
            let base = base_of(program);
            let message = format!("`{}` has no plate over this dimension", base.name);
            let diagnostic = Diagnostic::error(Code("E0612"), message).at(at, "asked for its rows");
            return Err(self.report(diagnostic.at(base.span, "the program")));
        }
        rows::check(program, axis).map_err(|d| self.report(*d))
    }

    /// All sites of a program stand in plates over a dimension.
    pub(super) fn check_inside(
        &mut self,
        name: &str,
        program: &ProgramExpr,
        dim: &Array,
        at: Span,
    ) -> Lowered<()> {
        let axis = self.rows_axis(dim, at)?;
        let sites = program.latents().into_iter().chain(program.observed());
        let Some(site) = sites.into_iter().find(|site| !site.dims.contains(&axis)) else { return Ok(()) };
        Err(self.report(
            Diagnostic::error(
                Code("E0612"),
                format!("`{name}` needs all of `{}` in rows", base_of(program).name),
            )
            .at(site.span, format!("`{}` stands outside", site.address))
            .at(at, "the dimension")
            .help("weights of rows do not see what is outside: use the joint objective"),
        ))
    }
}
