//! `vary fmt FILE…`

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::engine::{self, Failure, Program};
use crate::exit::Exit;
use crate::files;
use crate::output::Output;

/// Formats every file in place, also after a wrong one; with `check` lists those it would change and
/// fails if there are any.
pub fn run(files: &[PathBuf], check: bool, output: &Output) -> Exit {
    let mut exit = Exit::Success;
    for file in files {
        let ended = format(file, check, output);
        if exit == Exit::Success {
            exit = ended;
        }
    }
    exit
}

fn format(file: &Path, check: bool, output: &Output) -> Exit {
    let stdin = file == Path::new("-");
    let program = match if stdin { read_stdin() } else { engine::load(file) } {
        Ok(program) => program,
        Err(failure) => return super::fail(&failure, &Default::default(), output),
    };
    let formatted = match program.format() {
        Ok(formatted) => formatted,
        Err(failure) => return super::fail(&failure, program.sources(), output),
    };
    let unchanged = program.sources().get(program.source()).text == formatted;
    match (check, stdin) {
        (true, _) if unchanged => Exit::Success,
        (true, _) => {
            output.result(&format!("{}\n", file.display()));
            Exit::Program
        }
        (false, true) => {
            output.result(&formatted);
            Exit::Success
        }
        (false, false) if unchanged => Exit::Success,
        (false, false) => match files::replace(file, formatted.as_bytes()) {
            Ok(()) => Exit::Success,
            Err(error) => super::fail(
                &Failure::Usage(format!("cannot write `{}`: {error}", file.display())),
                program.sources(),
                output,
            ),
        },
    }
}

fn read_stdin() -> Result<Program, Failure> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(engine::parse(Path::new("stdin"), &text)),
        Err(error) => Err(Failure::Usage(format!("cannot read stdin: {error}"))),
    }
}
