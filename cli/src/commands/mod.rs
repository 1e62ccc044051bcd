//! One file per command. Each returns the exit code and prints through [`Output`].

mod bench;
mod check;
mod compile;
mod explain;
pub mod fit;
mod fmt;
mod gradcheck;

use vary_diagnostic::Sources;

use crate::args::Command;
use crate::engine::Failure;
use crate::exit::Exit;
use crate::output::Output;
use crate::repl;

/// Runs a command.
pub fn run(command: &Command, output: &Output) -> Exit {
    if output.json && !matches!(command, Command::Fit(_) | Command::Gradcheck(_) | Command::Bench(_)) {
        output.error("`--json` is for `vary fit`, `vary gradcheck` and `vary bench`");
        return Exit::Usage;
    }
    match command {
        Command::Fit(args) => fit::run(args, output),
        Command::Gradcheck(args) => gradcheck::run(args, output),
        Command::Bench(args) => bench::run(args, output),
        Command::Check { files } => check::run(files, output),
        Command::Compile { file, name, emit } => compile::run(file, name.as_deref(), *emit, output),
        Command::Fmt { files, check } => fmt::run(files, *check, output),
        Command::Repl { file } => repl::run(file.as_deref(), output),
        Command::Explain { subject, name } => explain::run(subject.as_deref(), name.as_deref(), output),
    }
}

/// Prints why a command cannot go on; `sources` are those that diagnostics refer to.
fn fail(failure: &Failure, sources: &Sources, output: &Output) -> Exit {
    match failure {
        Failure::Usage(text) => {
            output.error(text);
            Exit::Usage
        }
        Failure::Diagnostics(exit, diagnostics) => {
            output.diagnostics(sources, diagnostics);
            *exit
        }
    }
}
