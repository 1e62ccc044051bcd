//! The session without a terminal: text in, replies out. Scripts, tests and the terminal share it.
//!
//! Between entries a session is only texts and settings. Every entry is tried on a program made anew
//! of them, and kept when nothing was wrong: an erroneous entry leaves the session as it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use vary_diagnostic::{Sources, render};
use vary_runtime::fit::Observer;
use vary_syntax::ast::{Expr, ExprKind, Stmt, StmtKind};

use super::commands::{COMMANDS, Kind, find, help};
use crate::args::{DataArg, Setting};
use crate::engine::{self, Failure, Fitted, Program, State};
use crate::exit::Exit;
use crate::fault;
use crate::output::labelled_error;

/// What a session needs of the place where it runs.
pub struct Host<'h> {
    /// Replies may be coloured.
    pub color: bool,
    /// Stops a fit when set.
    pub interrupt: Arc<AtomicBool>,
    /// Shows the progress of one fit.
    pub progress: &'h dyn Fn() -> Box<dyn Observer>,
}

/// A session.
pub struct Repl<'h> {
    pub(super) host: Host<'h>,
    /// The program it started with: path and text.
    loaded: Option<(PathBuf, String)>,
    /// Entries with declarations: titles and texts.
    entries: Vec<(String, String)>,
    /// Entries so far.
    count: u64,
    pub(super) data: Vec<DataArg>,
    pub(super) set: Vec<Setting>,
    pub(super) seed: Option<u64>,
    /// The entry that set the seed.
    seeded: u64,
    pub(super) fitted: Fitted,
}

/// What an entry led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Results, without a line end; may be empty.
    pub text: String,
    /// Findings, likewise.
    pub findings: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How an entry went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Ok,
    /// Not as asked; the findings say why.
    Error,
    /// A fit was interrupted.
    Interrupted,
    /// The session is over.
    Quit,
}

impl Reply {
    /// All went well.
    pub fn ok(text: impl Into<String>) -> Self {
        Reply { text: text.into(), findings: String::new(), outcome: Outcome::Ok }
    }
}

impl<'h> Repl<'h> {
    /// An empty session.
    pub fn new(host: Host<'h>) -> Self {
        Repl {
            host,
            loaded: None,
            entries: Vec::new(),
            count: 0,
            data: Vec::new(),
            set: Vec::new(),
            seed: None,
            seeded: 0,
            fitted: Fitted::new(),
        }
    }

    /// Evaluates one complete entry: a command, or declarations and expressions.
    pub fn eval(&mut self, entry: &str) -> Reply {
        self.count += 1;
        let entry = entry.trim_end();
        // A fault was told already; nothing of the entry has been kept.
        fault::caught(|| self.reply(entry)).unwrap_or(Reply { outcome: Outcome::Error, ..Reply::ok("") })
    }

    fn reply(&mut self, entry: &str) -> Reply {
        let words: Vec<&str> = entry.split_whitespace().collect();
        match words.as_slice() {
            [] => Reply::ok(""),
            ["?" | "help"] => Reply::ok(help()),
            ["exit" | "quit"] => Reply { outcome: Outcome::Quit, ..Reply::ok("") },
            [first, ..] if first.starts_with(':') => self.command(entry),
            ["fit", name] if name.chars().all(|c| c.is_alphanumeric() || c == '_') => self.fit(name),
            _ => self.enter(entry),
        }
    }

    fn command(&mut self, entry: &str) -> Reply {
        let start = entry.find(':').map_or(0, |at| at + 1);
        let end = entry[start..].find(char::is_whitespace).map_or(entry.len(), |at| start + at);
        let name = &entry[start..end];
        // Where the argument stands in the entry: errors in it are shown there.
        let argument_start = entry.len() - entry[end..].trim_start().len();
        let argument = &entry[argument_start..];
        let command = match find(name).as_slice() {
            [command] => *command,
            [] => {
                let near = vary_runtime::data::near(name, COMMANDS.iter().map(|command| command.name));
                return self.error(&match near.first() {
                    Some(near) => format!("there is no command `:{name}`; did you mean `:{near}`?"),
                    None => format!("there is no command `:{name}`; `:help` lists them"),
                });
            }
            several => {
                let names: Vec<String> =
                    several.iter().map(|command| format!("`:{}`", command.name)).collect();
                return self.error(&format!("`:{name}` may be {}", names.join(" or ")));
            }
        };
        if argument.is_empty() && command.needs_argument() {
            return self.error(&format!("write `:{} {}`", command.name, command.argument));
        }
        if command.argument.is_empty() && !argument.is_empty() {
            return self.error(&format!("`:{}` stands alone", command.name));
        }
        match command.kind {
            Kind::Help => Reply::ok(help()),
            Kind::Quit => Reply { outcome: Outcome::Quit, ..Reply::ok("") },
            Kind::Load => self.load(Path::new(argument)),
            Kind::Reload => match &self.loaded {
                Some((path, _)) => self.load(&path.clone()),
                None => self.error("no program is loaded; write `:load FILE`"),
            },
            Kind::Type => self.type_of(entry, argument_start),
            Kind::Sample => self.sample(entry, argument_start),
            Kind::Density => self.density(entry, argument_start),
            Kind::Fit => self.fit(argument),
            Kind::Check => self.check(),
            Kind::Emit => self.emit(argument),
            Kind::Data => self.give_data(argument),
            Kind::Set => self.give_setting(argument),
            Kind::Seed => self.give_seed(argument),
        }
    }

    /// The program as it is now.
    pub(super) fn program(&self) -> Program {
        let mut program = match &self.loaded {
            Some((path, text)) => engine::parse(path, text),
            None => engine::parse(Path::new("session"), ""),
        };
        for (title, text) in &self.entries {
            // It was right when it was entered.
            let _ = program.enter(title, text);
        }
        program
    }

    /// What is known to the entry at hand. Each has draws of its own.
    fn state(&self) -> State<'_> {
        State {
            data: &self.data,
            fitted: &self.fitted,
            seed: self.seed.unwrap_or(0).wrapping_add(self.count - self.seeded),
            title: format!("entry {}", self.count),
        }
    }

    /// Makes all randomness from here on that of a seed.
    pub(super) fn restart_randomness(&mut self, seed: u64) {
        self.seed = Some(seed);
        self.seeded = self.count;
    }

    /// Runs something on the program as it is now.
    pub(super) fn with_program(
        &mut self,
        work: impl FnOnce(&mut Program, &State) -> Result<String, Failure>,
    ) -> Reply {
        let mut program = self.program();
        let state = self.state();
        match work(&mut program, &state) {
            Ok(text) => Reply::ok(text),
            Err(failure) => self.refuse(&failure, program.sources()),
        }
    }

    fn load(&mut self, path: &Path) -> Reply {
        let mut program = match engine::load(path) {
            Ok(program) => program,
            Err(failure) => return self.refuse(&failure, &Sources::default()),
        };
        let source = program.source();
        match program.describe(source) {
            Ok(text) => {
                self.loaded = Some((path.to_owned(), program.sources().get(source).text.clone()));
                self.fitted.clear();
                let findings = match std::mem::take(&mut self.entries).len() {
                    0 => String::new(),
                    _ => "note: what was declared in earlier entries is forgotten".to_owned(),
                };
                Reply { findings, ..Reply::ok(text) }
            }
            Err(failure) => self.refuse(&failure, program.sources()),
        }
    }

    /// Declarations, then expressions.
    fn enter(&mut self, entry: &str) -> Reply {
        let mut program = self.program();
        let accepted = match self.accept(&mut program, entry) {
            Ok(accepted) => accepted,
            Err(failure) => return self.refuse(&failure, program.sources()),
        };
        if accepted.declares {
            self.entries.push((format!("entry {}", self.count), entry.to_owned()));
        }
        let findings = match self.data.len() == accepted.data.len() {
            true => String::new(),
            false => "note: the value that was given for it before is forgotten".to_owned(),
        };
        self.data = accepted.data;
        Reply { findings, ..Reply::ok(accepted.lines.join("\n")) }
    }

    /// Tries an entry on a program.
    fn accept(&self, program: &mut Program, entry: &str) -> Result<Accepted, Failure> {
        let mut data = self.data.clone();
        let entered = program.enter(&self.state().title, entry)?;
        let described = program.describe(entered.source)?;
        if let Some(declared) = &entered.data {
            // A declaration of another type makes what was given for the old one useless.
            let stale =
                |given: &DataArg| matches!(given, DataArg::Value { name, .. } if declared.contains(name));
            match program.known_values(&data) {
                Err(Failure::Diagnostics(Exit::Data, _)) if data.iter().any(stale) => {
                    data.retain(|given| !stale(given));
                    program.known_values(&data)?;
                }
                other => _ = other?,
            }
        }
        let declares = !described.is_empty() || entered.stmts.is_empty();
        let mut lines = if described.is_empty() { vec![] } else { vec![described] };
        for stmt in &entered.stmts {
            lines.push(evaluate(program, stmt, &State { data: &data, ..self.state() })?);
        }
        Ok(Accepted { lines, declares, data })
    }

    /// A reply that says what is wrong with the command.
    pub(super) fn error(&self, text: &str) -> Reply {
        self.refuse(&Failure::Usage(text.to_owned()), &Sources::default())
    }

    pub(super) fn refuse(&self, failure: &Failure, sources: &Sources) -> Reply {
        let findings = match failure {
            Failure::Usage(text) => labelled_error(text, self.host.color),
            Failure::Diagnostics(_, found) => render(sources, found, self.host.color).trim_end().to_owned(),
        };
        Reply { text: String::new(), findings, outcome: Outcome::Error }
    }
}

/// What an entry would change.
struct Accepted {
    /// What is said to it.
    lines: Vec<String>,
    /// Whether it declares something.
    declares: bool,
    /// The data that is still given.
    data: Vec<DataArg>,
}

/// What a statement of an entry comes to.
fn evaluate(program: &mut Program, stmt: &Stmt, state: &State) -> Result<String, Failure> {
    use vary_diagnostic::{Code, Diagnostic};
    match &stmt.kind {
        StmtKind::Expr(expr) => match sampled(expr) {
            Some(source) => Ok(program.draws_of(source, 1, state)?.join("\n")),
            None => Ok(program.value_of(expr, state)?.text),
        },
        _ => {
            let found = Diagnostic::error(Code("E0112"), "this statement stands in models and guides")
                .at(stmt.span, "not a declaration nor an expression");
            let found = match &stmt.kind {
                StmtKind::Sample(site) => {
                    // Only what can be drawn from is advised; else what is wrong with it is told.
                    program.draws_of(&site.dist, 1, state)?;
                    let dist = program.sources().text(site.dist.span);
                    found.help(format!("to draw from the distribution alone, write `{dist}`"))
                }
                _ => found,
            };
            Err(Failure::Diagnostics(Exit::Program, vec![found]))
        }
    }
}

/// What `sample(…)` draws from.
fn sampled(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Call(callee, args) => match (&callee.kind, args.as_slice()) {
            (ExprKind::Name(name), [source]) if name == "sample" && source.name.is_none() => {
                Some(&source.value)
            }
            _ => None,
        },
        _ => None,
    }
}
