//! Sample statements, observations, factors and reports.

use super::value::Value;
use super::{Exported, Lower, Lowered, Mode, OpenKind, Reported};
use std::rc::Rc;
use vary_core::axis::Axis;
use vary_core::dim::Dim;
use vary_core::generative::{Distribution, SiteSpec};
use vary_core::ir::{Array, Elem, Output, Report, Sample, Site, Stmt, Ty};
use vary_core::transform::adev::estimator;
use vary_diagnostic::{Code, Diagnostic, Span};
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind};

/// A distribution with its arguments, and a strategy with its own.
pub(super) struct Called {
    pub dist: Rc<Distribution>,
    pub strategy: Option<ast::Ident>,
    pub strategy_args: Vec<ast::Arg>,
    pub actual: Vec<Array>,
}

impl Lower<'_> {
    /// `x[i] ~ d(args)`
    pub(super) fn sample(&mut self, stmt: &ast::SampleStmt, span: Span) -> Lowered<Value> {
        if matches!(self.mode, Mode::Pure) {
            return Err(self.report(
                Diagnostic::error(Code("E0406"), "nothing can be sampled here")
                    .at(span, "a sample statement")
                    .help("sample inside a model, a guide or `expect { … }`"),
            ));
        }
        let rows = self.site_rows(stmt)?;
        if let Some(program) = self.submodel(&stmt.dist)? {
            return self.call_submodel(stmt, &program, span);
        }
        let called = self.called(&stmt.dist)?;
        let (mut actual, iid) = self.align_arguments(&called.dist, called.actual, span)?;
        let dist = self.specialised(&called.dist, &mut actual);
        let mut dims: Vec<Axis> = rows.clone();
        dims.extend(&iid);
        let event: Vec<Axis> = self.event_axes(&dist, &actual, &dims, stmt.dist.span)?;
        dims.extend(&event);
        let mut site = Site {
            address: self.address(&stmt.name.name).into(),
            occurrence: stmt.name.name.as_str().into(),
            dist: dist.clone(),
            args: actual,
            dims: dims.clone(),
            event: event.len(),
            key: dims.iter().copied().collect(),
            strategy: None,
            span,
        };
        site.strategy = self.strategy(&dist, Some(&site), called.strategy.as_ref(), &called.strategy_args)?;
        let spec = SiteSpec {
            address: site.address.clone(),
            dims: dims.clone(),
            support: dist.support.clone(),
            dist: dist.name.clone(),
            strategy: site.strategy.clone(),
            conditional: self.b.guard().is_some(),
            span,
        };
        self.b.at(span);
        if let Some(observed) = self.observed_value(stmt)? {
            return self.observe(stmt, site, spec, observed);
        }
        self.latent(stmt, site, spec, rows)
    }

    fn latent(
        &mut self,
        stmt: &ast::SampleStmt,
        mut site: Site,
        spec: SiteSpec,
        rows: Vec<Axis>,
    ) -> Lowered<Value> {
        let elem = site.dist.support.elem();
        let mut axes = site.key.clone();
        for arg in &site.args {
            // A parameter's own dimensions are used up by the distribution.
            axes = axes.union(&self.b.axes_of(arg.var).minus(&arg.dims.iter().copied().collect()));
        }
        let guard = self.b.guard();
        let copies = self.copy_axes();
        match &mut self.mode {
            Mode::Generative(state) => {
                if let Some(first) = state.declared(&spec.address) {
                    return Err(self.report(
                        Diagnostic::error(Code("E0407"), format!("`{}` is sampled twice", site.address))
                            .at(spec.span, "again here")
                            .at(first, "first here"),
                    ));
                }
                let owned = format!("{}.{}", state.name, stmt.name.name);
                if let Some(param) = state.params.get(&owned) {
                    let at = param.span;
                    return Err(self.report(
                        Diagnostic::error(
                            Code("E0407"),
                            format!("`{}` names a parameter and a site", stmt.name.name),
                        )
                        .at(spec.span, "the site")
                        .at(at, "the parameter"),
                    ));
                }
                state.latents.insert(spec.address.clone(), spec);
            }
            Mode::Objective(context) => {
                site = (*context.site(&site)).clone();
                site.key = site.key.union(&copies);
                axes = axes.union(&site.key);
            }
            Mode::Pure => unreachable!("refused by `sample`"),
        }
        let var = self.b.fresh(Ty { elem, axes });
        self.b.name(var, &stmt.name.name);
        let dims = site.dims.clone();
        self.b.push(Stmt::Sample(Sample { var, site: site.into(), guard }));
        let whole = Array { var, dims: dims[self.outer_rows().len()..].to_vec() };
        // Written with its indices, a site is read with them; written without, its name is this row's value.
        let local = if stmt.indices.is_empty() {
            Array { var, dims: dims[rows.len()..].to_vec() }
        } else {
            whole.clone()
        };
        let (local, whole) = (Value::Array(local), Value::Array(whole));
        self.define(&stmt.name.name, local.clone());
        if let Some(sites) = self.sites_of_block.last_mut() {
            sites.push(Exported { name: stmt.name.name.clone(), local, whole });
        }
        Ok(Value::unit())
    }

    fn observe(
        &mut self,
        stmt: &ast::SampleStmt,
        site: Site,
        spec: SiteSpec,
        value: Array,
    ) -> Lowered<Value> {
        let (elem, wanted) = (self.elem(&value), site.dist.support.elem());
        let own = &site.dims[site.dims.len() - (site.dims.len() - self.row_count(stmt)?)..];
        let own: Vec<Axis> = own.to_vec();
        let value = match (elem, wanted) {
            (Elem::Int, Elem::Real) => self.reals_of(&value),
            (a, b) if a == b => value,
            (Elem::Int, Elem::Bool) => {
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0408"),
                        format!("`{}` is int data, `{}` gives bits", stmt.name.name, site.dist.name),
                    )
                    .at(spec.span, "observed here")
                    .help(format!("declare `data {}: bit[…]`", stmt.name.name)),
                ));
            }
            _ => {
                let found = self.describe(&Value::Array(value));
                let wanted = super::types::describe(wanted, &[]);
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0408"),
                        format!("`{}` is {found}, `{}` gives {wanted}", stmt.name.name, site.dist.name),
                    )
                    .at(spec.span, "observed here"),
                ));
            }
        };
        let sizes = self.sizes(&value);
        let own_sizes: Vec<Dim> = own.iter().map(|axis| self.b.axes.info(*axis).size.clone()).collect();
        let event_free = own.is_empty() && !value.dims.is_empty();
        let (value, dims) = if event_free {
            // `y ~ normal(mu, sigma)` for a whole array with scalar arguments: independent entries.
            let mut dims = site.dims.clone();
            dims.extend(&value.dims);
            (value, dims)
        } else if sizes == own_sizes {
            (self.with_dims(&value, &own), site.dims.clone())
        } else {
            let (found, wanted) =
                (super::types::describe(wanted, &sizes), super::types::describe(wanted, &own_sizes));
            return Err(self.report(
                Diagnostic::error(
                    Code("E0306"),
                    format!("`{}` is {found}, the distribution gives {wanted}", stmt.name.name),
                )
                .at(spec.span, "observed here"),
            ));
        };
        let key = dims.iter().copied().collect();
        let site = Site { dims: dims.clone(), key, ..site };
        let Mode::Generative(state) = &mut self.mode else {
            return Err(self.error("E0408", spec.span, "only models observe", "here"));
        };
        if let Some(first) = state.declared(&spec.address) {
            return Err(self.report(
                Diagnostic::error(Code("E0407"), format!("`{}` is observed twice", site.address))
                    .at(spec.span, "again here")
                    .at(first, "first here"),
            ));
        }
        state.observed.insert(spec.address.clone(), SiteSpec { dims, ..spec });
        let guard = self.b.guard();
        let value = self.within_support(value, &site);
        self.b.push(Stmt::Observe(Sample { var: value.var, site: site.into(), guard }));
        Ok(Value::unit())
    }

    /// Data (or a file-level value made of data) of the site's name, at the site's indices.
    fn observed_value(&mut self, stmt: &ast::SampleStmt) -> Lowered<Option<Array>> {
        let Mode::Generative(state) = &self.mode else { return Ok(None) };
        if !state.prefix.is_empty()
            && self.lookup(&stmt.name.name).is_none()
            && self.unit.find(&stmt.name.name).is_none()
        {
            return Ok(None);
        }
        if stmt.latent {
            return Ok(None);
        }
        let name = &stmt.name.name;
        let declared = match self.unit.find(name) {
            Some(declared) if !declared.is_stdlib => declared,
            _ => {
                self.near_data(stmt)?;
                return Ok(None);
            }
        };
        let is_data = matches!(&declared.item.kind, ItemKind::Data(_) | ItemKind::Let(_));
        if !is_data || self.lookup(name).is_some() {
            return Ok(None);
        }
        let base = Expr { kind: ExprKind::Name(name.clone()), span: stmt.name.span };
        if stmt.indices.is_empty() {
            return self.array(&base).map(Some);
        }
        let indexed = ExprKind::Index(Box::new(base), stmt.indices.clone());
        let span = stmt.indices.iter().fold(stmt.name.span, |span, index| span.to(index.span));
        self.array(&Expr { kind: indexed, span }).map(Some)
    }

    /// A latent whose name nearly is that of data was probably meant to be observed.
    fn near_data(&mut self, stmt: &ast::SampleStmt) -> Lowered<()> {
        let name = &stmt.name.name;
        for data in self.unit.data() {
            let other = &data.name.name;
            let case = other.to_lowercase() == name.to_lowercase();
            let letter = name.chars().count() >= 4
                && other.chars().count() >= 4
                && super::unit::one_letter_apart(name, other);
            if case || letter {
                return Err(self.report(
                    Diagnostic::error(
                        Code("E0409"),
                        format!("`{name}` is latent, but nearly has the name of data `{other}`"),
                    )
                    .at(stmt.name.span, "sampled, not observed")
                    .at(data.name.span, "the data")
                    .help(format!(
                        "write `{other} ~ …` to observe it, or `latent {name} ~ …` if it is meant"
                    )),
                ));
            }
        }
        Ok(())
    }

    /// The axes of the plates and loops around the call of the submodel at hand, then of those in it, in the order the
    /// site's indices name them.
    fn site_rows(&mut self, stmt: &ast::SampleStmt) -> Lowered<Vec<Axis>> {
        let mut all = self.outer_rows();
        if stmt.indices.is_empty() {
            all.extend(self.row_axes());
            return Ok(all);
        }
        let mut rows = Vec::new();
        for index in &stmt.indices {
            let own = self.row_axes();
            match self.index_of(index).map(|open| open.axis) {
                Some(axis) if own.contains(&axis) && !rows.contains(&axis) => rows.push(axis),
                _ => {
                    let open = &self.open[self.caller..];
                    let names: Vec<&str> = open.iter().map(|open| open.name.as_str()).collect();
                    let help = if names.is_empty() {
                        format!("write `plate i in 0..n {{ {}[i] ~ … }}`", stmt.name.name)
                    } else {
                        format!("write `{}[{}] ~ …`", stmt.name.name, names.join(", "))
                    };
                    return Err(self.report(
                        Diagnostic::error(
                            Code("E0410"),
                            "a site is indexed by the plates and loops around it",
                        )
                        .at(index.span, "not the index of one")
                        .help(help),
                    ));
                }
            }
        }
        let missing: Option<String> = self.open[self.caller..]
            .iter()
            .find(|o| o.kind != OpenKind::Copy && !rows.contains(&o.axis))
            .map(|o| o.name.clone());
        if let Some(missing) = missing {
            return Err(self.report(
                Diagnostic::error(Code("E0410"), format!("`{}` lacks the index `{missing}`", stmt.name.name))
                    .at(stmt.name.span, "sampled once per row of a plate or loop around it")
                    .help("name every plate and loop around the site"),
            ));
        }
        all.extend(rows);
        Ok(all)
    }

    /// The axes of the plates and loops around the call of the submodel at hand.
    pub(super) fn outer_rows(&self) -> Vec<Axis> {
        let outer = self.open[..self.caller].iter().filter(|open| open.kind != OpenKind::Copy);
        outer.map(|open| open.axis).collect()
    }

    fn row_count(&mut self, stmt: &ast::SampleStmt) -> Lowered<usize> {
        self.site_rows(stmt).map(|rows| rows.len())
    }

    /// The address with the prefix of the submodel it stands in.
    fn address(&self, name: &str) -> String {
        match &self.mode {
            Mode::Generative(state) => format!("{}{name}", state.prefix),
            _ => name.to_string(),
        }
    }

    /// The distribution, strategy and arguments of `normal.reparam(a, b)`.
    pub(super) fn called(&mut self, call: &Expr) -> Lowered<Called> {
        let (callee, args) = match &call.kind {
            ExprKind::Call(callee, args) => (&**callee, args.as_slice()),
            _ => (call, [].as_slice()),
        };
        if let Some((name, strategy)) = self.wrapper(callee) {
            return self.wrapped(name, strategy, args, call.span);
        }
        if let Some((name, advice)) = super::foreign::distribution(callee)
            && self.unit.find(name).is_none()
        {
            return Err(self.report(
                Diagnostic::error(Code("E0202"), format!("there is no distribution `{name}`"))
                    .at(callee.span, "unknown")
                    .help(advice),
            ));
        }
        let (declared, strategy) = match self.expr(callee)? {
            Value::Distribution(declared, strategy) => (declared, strategy),
            Value::Error => return Err(Reported),
            other => {
                return Err(self.report(
                    Diagnostic::error(Code("E0411"), "a distribution or program is expected after `~`")
                        .at(call.span, format!("this is {}", other.kind()))
                        .help("write `x ~ normal(0, 1)` to sample, `let x = …` to name a value"),
                ));
            }
        };
        let name = super::unit::declared_name(&declared.item).map_or(String::new(), |n| n.name.clone());
        let dist = self.aside(|unit| unit.distribution(&name))?;
        let (args, strategy_args) = split_arguments(&dist, args);
        if let Some(strategy) = &strategy
            && let Some(more) = args.iter().filter(|arg| arg.name.is_none()).nth(dist.params.len())
            && let Some(rule) = estimator::rule(&strategy.name)
        {
            let settings = rule.settings().iter().map(|(name, _)| format!("`{name} = …`"));
            let settings: Vec<String> = settings.collect();
            let found = Diagnostic::error(Code("E0314"), format!("too many arguments for `{name}`"))
                .at(more.value.span, "this one has no parameter");
            return Err(self.report(match settings.as_slice() {
                [] => found,
                known => found.help(format!(
                    "settings of `{}` are written by name: {}",
                    strategy.name,
                    known.join(", ")
                )),
            }));
        }
        let actual = self.distribution_arguments(&dist, &args, call.span)?;
        Ok(Called { dist, strategy, strategy_args, actual })
    }

    /// `factor(e)`
    pub(super) fn factor(&mut self, arg: &Expr, span: Span) -> Lowered<Value> {
        let array = self.array(arg)?;
        if !matches!(self.mode, Mode::Generative(_)) {
            return Err(self.error("E0406", span, "`factor` belongs in a model", "not allowed here"));
        }
        if self.elem(&array) == Elem::Bool {
            return Err(self.error(
                "E0305",
                arg.span,
                "`factor` takes a log density",
                "this is true or false",
            ));
        }
        let array = self.reals_of(&array);
        let (var, guard) = (self.fold(vary_core::ir::Monoid::Sum, &array), self.b.guard());
        // Counts once per row of the plates around, also where its value is the same in all rows.
        let mut value = var;
        for axis in self.outer_rows().into_iter().chain(self.row_axes()) {
            value = self.b.spread(value, axis);
        }
        self.b.push(Stmt::Factor { value, guard, span });
        Ok(Value::unit())
    }

    /// `report name`, `report name = e`
    pub(super) fn report_value(
        &mut self,
        name: &ast::Ident,
        value: Option<&Expr>,
        span: Span,
    ) -> Lowered<Value> {
        let expr = Expr { kind: ExprKind::Name(name.name.clone()), span: name.span };
        let array = self.array(value.unwrap_or(&expr))?;
        let address = self.address(&name.name);
        let Mode::Generative(state) = &mut self.mode else {
            return Err(self.error(
                "E0406",
                span,
                "`report` belongs in a model or guide",
                "not allowed here",
            ));
        };
        if let Some(first) = state.reports.get(&address).copied() {
            return Err(self.report(
                Diagnostic::error(Code("E0407"), format!("`{address}` is reported twice"))
                    .at(span, "again here")
                    .at(first, "first here"),
            ));
        }
        state.reports.insert(address.clone(), span);
        let mut dims = self.row_axes();
        dims.extend(&array.dims);
        let all = self.outer_rows().into_iter().chain(dims.iter().copied()).collect();
        let (output, guard) = (Output { name: address, var: array.var, dims: all }, self.b.guard());
        self.b.push(Stmt::Report(Report { output, guard }));
        if value.is_some() {
            self.define(&name.name, Value::Array(array.clone()));
        }
        if let Some(sites) = self.sites_of_block.last_mut() {
            let whole = Value::Array(Array { var: array.var, dims });
            sites.push(Exported { name: name.name.clone(), local: Value::Array(array), whole });
        }
        Ok(Value::unit())
    }
}

/// Positional arguments and named parameters are the distribution's, other named ones the strategy's.
fn split_arguments(dist: &Distribution, args: &[ast::Arg]) -> (Vec<ast::Arg>, Vec<ast::Arg>) {
    args.iter().cloned().partition(|arg| {
        arg.name.as_ref().is_none_or(|name| dist.params.iter().any(|param| param.name == name.name))
    })
}
