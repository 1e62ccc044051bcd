//! `vary bench FILE [NAME]`

use crate::args::BenchArgs;
use crate::commands;
use crate::engine::{self, Failure};
use crate::exit::Exit;
use crate::output::Output;
use crate::report::bench as report;

/// Compiles, measures steps and reports.
pub fn run(args: &BenchArgs, output: &Output) -> Exit {
    let mut program = match engine::load(&args.fit.file) {
        Ok(program) => program,
        Err(failure) => return commands::fail(&failure, &Default::default(), output),
    };
    match measure(&mut program, args, output) {
        Ok(()) => Exit::Success,
        Err(failure) => commands::fail(&failure, program.sources(), output),
    }
}

fn measure(program: &mut engine::Program, args: &BenchArgs, output: &Output) -> Result<(), Failure> {
    let prepared = program.prepare(&args.fit)?;
    output.diagnostics(program.sources(), &prepared.diagnostics);
    let found = prepared.bench(args.seconds)?;
    output.result(&if output.json { report::json(&found) } else { report::text(&found) });
    Ok(())
}
