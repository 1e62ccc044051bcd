//! `vary compile FILE [NAME] --emit STAGE`

use std::path::Path;

use crate::args::Stage;
use crate::engine;
use crate::exit::Exit;
use crate::output::Output;

/// Prints a stage on stdout.
pub fn run(file: &Path, name: Option<&str>, stage: Stage, output: &Output) -> Exit {
    let mut program = match engine::load(file) {
        Ok(program) => program,
        Err(failure) => return super::fail(&failure, &Default::default(), output),
    };
    match program.emit(stage, name) {
        Ok(text) => {
            output.result(&text);
            Exit::Success
        }
        Err(failure) => super::fail(&failure, program.sources(), output),
    }
}
