//! All that the commands know of the compiler.
//!
//! The pipeline is not connected yet: what needs it ends with [`Failure::NotConnected`], never with
//! an invented result. Connecting it means filling the bodies here; the commands stay as they are.

#![expect(dead_code, reason = "what the pipeline will construct is only read so far")]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use vary_diagnostic::{Diagnostic, SourceId, Sources};
use vary_runtime::data::{DataError, near};
use vary_runtime::fit::{FitReport, Observer};

use crate::args::{FitArgs, Stage};
use crate::data;
use crate::exit::Exit;

/// A loaded program.
pub struct Program {
    /// Every text that diagnostics refer to.
    pub sources: Sources,
    /// The program's own text.
    pub source: SourceId,
}

/// What is fitted: printed before the fit starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// Data that the model observes.
    pub observed: Vec<Variable>,
    /// What is inferred.
    pub latent: Vec<Variable>,
}

/// A name and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
}

/// What `check` found beyond diagnostics: sentences for people.
pub struct Checked {
    /// Warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
    /// Latents, observations, parameters, strategies; whole lines.
    pub text: String,
}

/// A fit that is ready to run: compiled, its data bound.
pub struct Prepared {
    /// What is fitted.
    pub signature: Signature,
    /// Warnings and notes about program and data.
    pub diagnostics: Vec<Diagnostic>,
}

/// A fit that ran, to its end or not.
pub struct Ended {
    /// The result, partial unless [`End::Finished`].
    pub report: FitReport,
    /// How it ended.
    pub end: End,
}

/// How a fit ended.
pub enum End {
    /// All steps are done.
    Finished,
    /// By Ctrl-C.
    Interrupted,
    /// By a number that is not finite; the diagnostic says where it came from.
    Failed(Diagnostic),
}

/// Why a command cannot go on.
pub enum Failure {
    /// The command line is wrong: a sentence without a full stop.
    Usage(String),
    /// Findings about the program ([`Exit::Program`]) or its data ([`Exit::Data`]).
    Diagnostics(Exit, Vec<Diagnostic>),
    /// This part of the compiler is not connected.
    NotConnected(&'static str),
}

/// Reads a program.
///
/// # Errors
/// [`Failure::Usage`] when the file cannot be read.
pub fn load(path: &Path) -> Result<Program, Failure> {
    let text = read(path).map_err(Failure::Usage)?;
    Ok(parse(&path.display().to_string(), text))
}

/// A program from its text.
pub fn parse(name: &str, text: String) -> Program {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    Program { sources, source }
}

impl Program {
    /// Checks everything that needs no data.
    pub fn check(&self) -> Result<Checked, Failure> {
        Err(Failure::NotConnected("the checker"))
    }

    /// Compiles the fit that the arguments name and binds its data.
    pub fn prepare(&self, args: &FitArgs) -> Result<Prepared, Failure> {
        let _sources = data::sources(None, &args.data, args.columns.as_ref()).map_err(refused_data)?;
        Err(Failure::NotConnected("the compiler"))
    }

    /// Prints a stage; `name` is the fit block for stages from `sim` on.
    pub fn emit(&self, _stage: Stage, _name: Option<&str>) -> Result<String, Failure> {
        Err(Failure::NotConnected("the compiler"))
    }

    /// The program's text, formatted.
    pub fn format(&self) -> Result<String, Failure> {
        Err(Failure::NotConnected("the formatter"))
    }
}

impl Prepared {
    /// Runs the fit until its end or until the flag is set.
    pub fn run(self, _observer: &mut dyn Observer, _interrupt: &AtomicBool) -> Result<Ended, Failure> {
        Err(Failure::NotConnected("the executor"))
    }
}

fn refused_data(errors: Vec<DataError>) -> Failure {
    Failure::Diagnostics(Exit::Data, errors.iter().map(data::diagnostic).collect())
}

/// The text of a program file, or why there is none.
fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    if path.is_dir() {
        return Err(format!("`{shown}` is a directory, not a program"));
    }
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("`{shown}` is not text in UTF-8")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(match neighbours(path).first() {
            Some(near) => format!("there is no file `{shown}`; did you mean `{near}`?"),
            None => format!("there is no file `{shown}`"),
        }),
        Err(error) => Err(format!("cannot read `{shown}`: {error}")),
    }
}

/// Files beside an absent one whose names are close to its name.
fn neighbours(path: &Path) -> Vec<String> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let near = near(&name, names.iter().map(String::as_str));
    near.into_iter().map(|near| path.with_file_name(near).display().to_string()).collect()
}
