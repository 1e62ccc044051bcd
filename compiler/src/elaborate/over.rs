//! Fits with several objectives: which parameters each of them moves.
//!
//! Every objective has its gradient taken by parameters of its own, all at the same point. `over` names them:
//! `over params(p)`, `over w`, `over (params(p), w)`. No two objectives move one parameter, and every parameter that
//! an objective is differentiated by is moved by one.

use super::fit::collect_params;
use super::unit::Unit;
use super::value::Value;
use super::{Lower, Lowered, Mode, Objective, Params, Reported, base_of};
use std::collections::BTreeSet;
use vary_core::generative::ParamSpec;
use vary_core::ir::{InputKind, Op, Program, Var};
use vary_core::transform::flow::dependences;
use vary_diagnostic::{Code, Diagnostic};
use vary_syntax::ast::{self, Expr, ExprKind, ItemKind};

impl Unit {
    /// Gives every objective the parameters that it moves.
    pub(super) fn divide_parameters(
        &mut self,
        asked: &[ast::FitObjective],
        objectives: &mut [Objective],
    ) -> Lowered<()> {
        let mut failed = false;
        for (asked, objective) in asked.iter().zip(objectives.iter_mut()) {
            let Some(over) = &asked.over else { continue };
            let mut moves = BTreeSet::new();
            failed |= self.moved_parameters(over, objective, &mut moves).is_err();
            objective.moves = moves;
        }
        if failed {
            return Err(Reported);
        }
        self.refuse_shared(asked, objectives)?;
        self.refuse_idle(asked, objectives)
    }

    /// Adds what an `over` names to `moves`.
    fn moved_parameters(
        &mut self,
        over: &Expr,
        objective: &Objective,
        moves: &mut BTreeSet<String>,
    ) -> Lowered<()> {
        let named: Params = match &over.kind {
            ExprKind::Tuple(parts) => {
                return parts.iter().try_for_each(|part| self.moved_parameters(part, objective, moves));
            }
            ExprKind::Call(callee, args) if matches!(&callee.kind, ExprKind::Name(n) if n == "params") => {
                let mut named = Params::new();
                for arg in args {
                    let mut lower = Lower::new(self, Mode::Pure);
                    let program = lower.program_value(&arg.value)?;
                    let before = named.len();
                    collect_params(&program, &mut named, &mut Vec::new());
                    if named.len() == before {
                        let message = format!("`{}` has no parameters", base_of(&program).name);
                        self.report(
                            Diagnostic::error(Code("E0611"), message).at(arg.value.span, "nothing to move"),
                        );
                        return Err(Reported);
                    }
                }
                named
            }
            ExprKind::Name(name)
                if self.find(name).is_some_and(|d| matches!(d.item.kind, ItemKind::Param(_))) =>
            {
                let mut lower = Lower::new(self, Mode::Pure);
                let Value::Array(_) = lower.name(name, over.span)? else { return Err(Reported) };
                lower.free_params
            }
            _ => {
                self.report(
                    Diagnostic::error(Code("E0611"), "`over` names parameters")
                        .at(over.span, "not this")
                        .help(
                            "write `over params(guide)`, the name of a file-level `param`, or a list in ( )",
                        ),
                );
                return Err(Reported);
            }
        };
        for param in named.into_values() {
            if !objective.differentiated.contains(&param.name) {
                let message = format!("`{}` does not depend on `{}`", objective.name, param.name);
                self.report(
                    Diagnostic::error(Code("E0611"), message)
                        .at(over.span, "asked to move it")
                        .at(param.span, "declared here")
                        .help(format!(
                            "it depends on {}",
                            list(objective.differentiated.iter().map(String::as_str))
                        )),
                );
                return Err(Reported);
            }
            moves.insert(param.name);
        }
        Ok(())
    }

    /// No two objectives move one parameter.
    fn refuse_shared(&mut self, asked: &[ast::FitObjective], objectives: &[Objective]) -> Lowered<()> {
        for (at, later) in objectives.iter().enumerate() {
            for (before, earlier) in objectives[..at].iter().enumerate() {
                let Some(shared) = earlier.moves.intersection(&later.moves).next() else { continue };
                self.report(
                    Diagnostic::error(Code("E0611"), format!("two objectives move `{shared}`"))
                        .at(asked[at].span, "this one")
                        .at(asked[before].span, "and this one")
                        .help("give each its own: `over params(model)`, `over params(guide)`"),
                );
                return Err(Reported);
            }
        }
        Ok(())
    }

    /// What an objective is differentiated by is moved.
    fn refuse_idle(&mut self, asked: &[ast::FitObjective], objectives: &[Objective]) -> Lowered<()> {
        let moved: BTreeSet<&String> = objectives.iter().flat_map(|objective| &objective.moves).collect();
        for (objective, asked) in objectives.iter().zip(asked) {
            let own = |param: &&ParamSpec| objective.differentiated.contains(&param.name);
            let idle = objective.params.iter().filter(own).find(|param| !moved.contains(&param.name));
            let Some(param) = idle else { continue };
            self.report(
                Diagnostic::error(Code("E0611"), format!("no objective moves `{}`", param.name))
                    .at(asked.span, "this one depends on it")
                    .at(param.span, "declared here")
                    .help("name it in an `over`, or freeze its program: `frozen(p)`"),
            );
            return Err(Reported);
        }
        Ok(())
    }
}

/// The parameters that a program's results depend on other than as constants.
pub(super) fn differentiated(program: &Program) -> BTreeSet<String> {
    let definitions = program.definitions();
    let frozen = |var: Var| match definitions[var.0 as usize] {
        Some(Op::Detach(of)) => matches!(definitions[of.0 as usize], Some(Op::Input(_))),
        _ => false,
    };
    let reached = reached(program, &frozen);
    let param = |(op, reached): (&Option<&Op>, bool)| match op {
        Some(Op::Input(input)) if reached && input.kind == InputKind::Param => Some(input.name.clone()),
        _ => None,
    };
    definitions.iter().zip(reached).filter_map(param).collect()
}

/// For each variable whether a result depends on it.
pub(super) fn live(program: &Program) -> Vec<bool> {
    reached(program, &|_| false)
}

/// What results depend on, not looking behind the variables where it `stops`.
fn reached(program: &Program, stops: &dyn Fn(Var) -> bool) -> Vec<bool> {
    let dependences = dependences(program);
    let mut seen = vec![false; program.vars.len()];
    let mut open: Vec<Var> = program.results.iter().map(|result| result.var).collect();
    while let Some(var) = open.pop() {
        if !std::mem::replace(&mut seen[var.0 as usize], true) && !stops(var) {
            open.extend(&dependences[var.0 as usize]);
        }
    }
    seen
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
