//! Programs that grow entry by entry, and what can be asked of them without a fit.

use std::ops::Range;
use std::path::PathBuf;

use vary_compiler::session::{self, Entered, Fitted, Known, Shown};
use vary_diagnostic::{Code, Diagnostic, SourceId};
use vary_runtime::data::{self as values, DataError, Values};
use vary_syntax::ReplParse;
use vary_syntax::ast::{Arg, Expr, ExprKind};

use super::{Failure, Program, import};
use crate::args::DataArg;
use crate::exit::Exit;

/// What an interactive session knows beside its program.
pub struct State<'a> {
    /// Data given, later ones winning.
    pub data: &'a [DataArg],
    /// Parameters from fits.
    pub fitted: &'a Fitted,
    /// Seed of all randomness.
    pub seed: u64,
    /// What the entry at hand is called in messages.
    pub title: String,
}

/// Whether an entry can be evaluated, rather than going on in the next line.
pub fn is_complete(text: &str) -> bool {
    !matches!(vary_syntax::parse_repl(SourceId::default(), text), ReplParse::Incomplete)
}

impl Program {
    /// Adds the declarations of an entry, replacing those of the same names.
    ///
    /// # Errors
    /// Its syntax errors.
    pub fn enter(&mut self, title: &str, text: &str) -> Result<Entered, Failure> {
        let folder = PathBuf::new();
        let entered = self.session.enter(title, text, &|name| import(&folder, name));
        self.refuse()?;
        Ok(entered)
    }

    /// A line on each declaration of a source.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn describe(&mut self, source: SourceId) -> Result<String, Failure> {
        let lines = self.session.describe(source);
        self.refuse()?;
        Ok(lines.join("\n"))
    }

    /// One expression of a command line; what stands before and after `range` does not belong to it.
    ///
    /// # Errors
    /// Its syntax errors.
    pub fn parse_part(&mut self, title: &str, line: &str, range: Range<usize>) -> Result<Expr, Failure> {
        let source = self.session.unit.sources.add(title, line);
        // Spaces before it keep the places of the line.
        let padded = " ".repeat(range.start) + &line[range];
        vary_syntax::parse_expr(source, &padded).map_err(|found| Failure::Diagnostics(Exit::Program, found))
    }

    /// What a name stands for, or the type of an expression.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn type_of(&mut self, expr: &Expr, state: &State) -> Result<String, Failure> {
        let values = self.known_values(state.data)?;
        let ty = self.session.type_of(expr, &values);
        self.found(ty)
    }

    /// The value of an expression, as text.
    ///
    /// # Errors
    /// What is wrong with the expression, or with the data that it needs.
    pub fn value_of(&mut self, expr: &Expr, state: &State) -> Result<Shown, Failure> {
        let values = self.known_values(state.data)?;
        let known = Known { values: &values, fitted: state.fitted, seed: state.seed };
        let shown = self.session.value_of(expr, &known);
        self.found(shown)
    }

    /// Draws from a guide, from the prior of a model, or from a distribution: a text for each.
    ///
    /// # Errors
    /// What is wrong with the program, or with the data that it needs.
    pub fn draws_of(&mut self, source: &Expr, draws: usize, state: &State) -> Result<Vec<String>, Failure> {
        let values = self.known_values(state.data)?;
        let known = Known { values: &values, fitted: state.fitted, seed: state.seed };
        let drawn = self.session.draws_of(source, draws, &known);
        self.found(drawn)
    }

    /// The log density of a trace, as text.
    ///
    /// # Errors
    /// As of [`Program::value_of`].
    pub fn log_density(&mut self, program: Expr, trace: Expr, state: &State) -> Result<Shown, Failure> {
        let span = program.span.to(trace.span);
        let callee = Expr { kind: ExprKind::Name("log_density".to_owned()), span };
        let args = [program, trace].map(|value| Arg { name: None, value });
        self.value_of(&Expr { kind: ExprKind::Call(Box::new(callee), args.to_vec()), span }, state)
    }

    /// Reads all data that has a value; what has none is left out, as it may not be needed.
    ///
    /// # Errors
    /// Findings about the data that is there.
    pub fn known_values(&mut self, data: &[DataArg]) -> Result<Values, Failure> {
        let mut declared = session::declared(&mut self.session.unit);
        self.refuse()?;
        let sources = self.sources_of_data(data, None)?;
        loop {
            let errors = match values::read(&declared, &sources) {
                Ok(values) => return Ok(values),
                Err(errors) => errors,
            };
            let absent: Vec<&str> = errors.iter().filter_map(absent).collect();
            let before = declared.len();
            declared.retain(|declared| !absent.contains(&declared.name.as_str()));
            if absent.len() < errors.len() || declared.len() == before {
                return Err(self.refused_data(&errors));
            }
        }
    }

    /// The result, unless errors were found.
    fn found<T>(&mut self, result: Result<T, vary_compiler::elaborate::Reported>) -> Result<T, Failure> {
        self.refuse()?;
        result.map_err(|_| {
            let fault = Diagnostic::error(Code("E0999"), "a fault of vary itself: an error was not told");
            Failure::Diagnostics(Exit::Internal, vec![fault])
        })
    }
}

/// The name of data that has no value.
fn absent(error: &DataError) -> Option<&str> {
    match error {
        DataError::Missing { name, .. } | DataError::UnknownSize { name, .. } => Some(name),
        _ => None,
    }
}
