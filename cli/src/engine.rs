//! All that the commands know of the compiler: sessions, with the files they need read.
//! [`prompt`] has what only an interactive session does.

mod prompt;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use vary_compiler::pipeline;
use vary_compiler::session::{self, Options, Session};
use vary_diagnostic::{Diagnostic, Severity, SourceId, Sources};
use vary_runtime::data::{self as values, Columns, DataError, Source, near};
use vary_runtime::fit::Observer;
use vary_runtime::float::Width;

pub use prompt::{State, is_complete};
pub use vary_compiler::session::bench::{Bench, Quantiles};
pub use vary_compiler::session::gradcheck::{Asked, FALSE_ALARM, GradCheck, How};
pub use vary_compiler::session::{End, Ended, Fitted, Signature, Variable};

use crate::args::{Ad, DataArg, FitArgs, Float, Stage};
use crate::data;
use crate::exit::Exit;

/// A loaded program.
pub struct Program {
    session: Session,
    path: PathBuf,
    began: Instant,
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
    fit: session::Prepared,
}

/// Why a command cannot go on.
pub enum Failure {
    /// The command line is wrong: a sentence without a full stop.
    Usage(String),
    /// Findings about the program ([`Exit::Program`]) or its data ([`Exit::Data`]).
    Diagnostics(Exit, Vec<Diagnostic>),
}

/// Reads a program.
///
/// # Errors
/// [`Failure::Usage`] when the file cannot be read.
pub fn load(path: &Path) -> Result<Program, Failure> {
    let text = read(path).map_err(Failure::Usage)?;
    Ok(parse(path, &text))
}

/// A program from its text; imports and data are looked up beside `path`.
pub fn parse(path: &Path, text: &str) -> Program {
    let began = Instant::now();
    let folder = folder(path);
    let session = Session::new(&path.display().to_string(), text, &|name| import(&folder, name));
    Program { session, path: path.to_path_buf(), began }
}

/// The path and text of an imported file.
fn import(folder: &Path, name: &str) -> Result<(String, String), String> {
    let found = folder.join(name);
    read(&found).map(|text| (found.display().to_string(), text))
}

impl Program {
    /// Every text that diagnostics refer to.
    pub fn sources(&self) -> &Sources {
        &self.session.unit.sources
    }

    /// The program's own text.
    pub fn source(&self) -> SourceId {
        self.session.source
    }

    /// Checks everything that needs no data.
    ///
    /// # Errors
    /// The findings, when an error is among them.
    pub fn check(&mut self) -> Result<Checked, Failure> {
        let checked = self.session.check();
        let diagnostics = std::mem::take(&mut self.session.unit.diagnostics);
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(Failure::Diagnostics(Exit::Program, diagnostics));
        }
        Ok(Checked { diagnostics, text: checked.text })
    }

    /// Compiles the fit that the arguments name and binds its data.
    ///
    /// # Errors
    /// Findings about the program or the data.
    pub fn prepare(&mut self, args: &FitArgs) -> Result<Prepared, Failure> {
        let options = options(args)?;
        self.refuse()?;
        let declared = session::declared(&mut self.session.unit);
        self.refuse()?;
        let sources = self.sources_of_data(&args.data, args.columns.as_ref())?;
        let values = values::read(&declared, &sources).map_err(|errors| self.refused_data(&errors))?;
        let ends = self.session.ends(&values);
        self.refuse()?;
        if let Ok(ends) = ends {
            values::within(&declared, &sources, &values, &ends)
                .map_err(|errors| self.refused_data(&errors))?;
        }
        let mut diagnostics: Vec<Diagnostic> = data::ignored(&values).into_iter().collect();
        let prepared = self.session.prepare(args.name.as_deref(), &values, &options, self.began);
        self.refuse()?;
        diagnostics.append(&mut self.session.unit.diagnostics);
        match prepared {
            Ok(fit) => Ok(Prepared { signature: fit.signature.clone(), diagnostics, fit }),
            Err(_) => Err(Failure::Diagnostics(Exit::Program, diagnostics)),
        }
    }

    /// Stops at errors found so far.
    fn refuse(&mut self) -> Result<(), Failure> {
        if self.session.unit.has_errors() {
            let found = std::mem::take(&mut self.session.unit.diagnostics);
            let exit = if std::mem::take(&mut self.session.misused) { Exit::Usage } else { exit(&found) };
            return Err(Failure::Diagnostics(exit, found));
        }
        Ok(())
    }

    fn sources_of_data(&self, given: &[DataArg], columns: Option<&Columns>) -> Result<Vec<Source>, Failure> {
        let mut sources = Vec::new();
        for (file, span) in self.session.data_files() {
            // Relative to the file that names it; an entry at a prompt stands in the working directory.
            let folder = match span.source {
                own if own == self.session.source => folder(&self.path),
                other => folder(Path::new(&self.sources().get(other).name)),
            };
            match values::open(&folder.join(&file)) {
                Ok(source) => sources.push(source),
                Err(error) => {
                    let found = data::diagnostic(&error).at(span, "named here");
                    return Err(Failure::Diagnostics(Exit::Data, vec![found]));
                }
            }
        }
        let given = data::sources(given, columns);
        sources.extend(given.map_err(|errors| self.refused_data(&errors))?);
        Ok(sources)
    }

    /// Findings about data, each with the declaration it is about.
    fn refused_data(&self, errors: &[DataError]) -> Failure {
        let declared = self.session.unit.data();
        let located = errors.iter().map(|error| {
            let found = data::diagnostic(error);
            match error.name().and_then(|name| declared.iter().find(|d| d.name.name == name)) {
                Some(data) => found.at(data.name.span.to(data.ty.span), "declared here"),
                None => found,
            }
        });
        Failure::Diagnostics(Exit::Data, located.collect())
    }

    /// Prints a stage; `name` is the fit block for stages from `sim` on.
    ///
    /// # Errors
    /// Findings about the program.
    pub fn emit(&mut self, stage: Stage, name: Option<&str>) -> Result<String, Failure> {
        let text = self.session.emit(stage.into(), name);
        self.refuse()?;
        text.map_err(|_| Failure::Diagnostics(Exit::Program, Vec::new()))
    }

    /// The gradient estimator of a fit, for readers.
    ///
    /// # Errors
    /// Findings about the program.
    pub fn explain(&mut self, name: Option<&str>) -> Result<String, Failure> {
        let text = self.session.explain(name);
        self.refuse()?;
        text.map_err(|_| Failure::Diagnostics(Exit::Program, Vec::new()))
    }

    /// The program's text, formatted.
    ///
    /// # Errors
    /// Its syntax errors.
    pub fn format(&self) -> Result<String, Failure> {
        let source = self.source();
        vary_syntax::format_source(source, &self.sources().get(source).text)
            .map_err(|found| Failure::Diagnostics(Exit::Program, found))
    }
}

impl Prepared {
    /// The full names of the parameters, in the order of the report.
    pub fn parameters(&self) -> Vec<String> {
        self.fit.fit.params().iter().map(|param| param.name.clone()).collect()
    }

    /// Measures the fit's gradient estimator.
    ///
    /// # Errors
    /// Settings that cannot be used, or a number that is not finite.
    pub fn gradcheck(&self, asked: &Asked) -> Result<Vec<GradCheck>, Failure> {
        let exit = |found: &Diagnostic| if found.code.0 == "E0901" { Exit::Numerical } else { Exit::Program };
        self.fit.gradcheck(asked).map_err(|found| Failure::Diagnostics(exit(&found), vec![found]))
    }

    /// Measures what the fit's steps cost.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn bench(&self, seconds: f64) -> Result<Bench, Failure> {
        self.fit.bench(seconds).map_err(|found| Failure::Diagnostics(Exit::Program, vec![found]))
    }

    /// Runs the fit until its end or until the flag is set.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn run(self, observer: &mut dyn Observer, interrupt: &AtomicBool) -> Result<Ended, Failure> {
        self.fit.run(observer, interrupt).map_err(|found| Failure::Diagnostics(Exit::Program, vec![found]))
    }
}

/// Whose fault the errors are: the data's only if all are about data.
fn exit(found: &[Diagnostic]) -> Exit {
    let mut errors = found.iter().filter(|d| d.severity == Severity::Error);
    if errors.all(|d| d.code.0.starts_with("E07")) { Exit::Data } else { Exit::Program }
}

fn options(args: &FitArgs) -> Result<Options, Failure> {
    let mut set = Vec::new();
    for setting in &args.set {
        match setting.value.parse() {
            Ok(value) => set.push((setting.key.clone(), value)),
            Err(_) => {
                return Err(Failure::Usage(format!(
                    "`{}={}`: the value must be a number",
                    setting.key, setting.value
                )));
            }
        }
    }
    let threads =
        args.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let ad = match args.ad {
        Ad::Auto => pipeline::Ad::Auto,
        Ad::Forward => pipeline::Ad::Forward,
        Ad::Reverse => pipeline::Ad::Reverse,
    };
    let defaults = Options::default();
    Ok(Options {
        set,
        seed: args.seed,
        threads,
        width: args.float.map(|float| match float {
            Float::Single => Width::Single,
            Float::Double => Width::Double,
        }),
        ad,
        draws: args.draws.map_or(defaults.draws, usize::from),
        guide: args.guide.clone(),
        quick: args.quick,
        estimator: args.estimator.iter().map(|given| (given.site.clone(), given.strategy.clone())).collect(),
    })
}

impl From<Stage> for session::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Tokens => session::Stage::Tokens,
            Stage::Ast => session::Stage::Ast,
            Stage::Core => session::Stage::Core,
            Stage::Sim => session::Stage::Sim,
            Stage::Density => session::Stage::Density,
            Stage::Adev => session::Stage::Adev,
            Stage::Linear => session::Stage::Linear,
            Stage::Transpose => session::Stage::Transpose,
            Stage::Batched => session::Stage::Batched,
            Stage::Program => session::Stage::Program,
        }
    }
}

fn folder(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
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
