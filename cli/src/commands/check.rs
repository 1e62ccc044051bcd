//! `vary check FILE…`

use std::path::PathBuf;

use crate::engine;
use crate::exit::Exit;
use crate::output::Output;

/// Checks every file, also after a wrong one; the exit code is that of the first failure.
pub fn run(files: &[PathBuf], output: &Output) -> Exit {
    let mut exit = Exit::Success;
    for file in files {
        let ended = match engine::load(file) {
            Ok(mut program) => match program.check() {
                Ok(checked) => {
                    output.diagnostics(program.sources(), &checked.diagnostics);
                    output.result(&checked.text);
                    Exit::Success
                }
                Err(failure) => super::fail(&failure, program.sources(), output),
            },
            Err(failure) => super::fail(&failure, &Default::default(), output),
        };
        if exit == Exit::Success {
            exit = ended;
        }
    }
    exit
}
