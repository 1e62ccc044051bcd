//! `vary gradcheck FILE [NAME]`

use crate::args::GradcheckArgs;
use crate::commands;
use crate::engine::{self, Asked, Failure};
use crate::exit::Exit;
use crate::output::Output;
use crate::report::gradcheck as report;

/// Compiles, measures and reports. Bias that is seen is a failure: exit code 4.
pub fn run(args: &GradcheckArgs, output: &Output) -> Exit {
    let mut program = match engine::load(&args.fit.file) {
        Ok(program) => program,
        Err(failure) => return commands::fail(&failure, &Default::default(), output),
    };
    match check(&mut program, args, output) {
        Ok(exit) => exit,
        Err(failure) => commands::fail(&failure, program.sources(), output),
    }
}

fn check(program: &mut engine::Program, args: &GradcheckArgs, output: &Output) -> Result<Exit, Failure> {
    let prepared = program.prepare(&args.fit)?;
    output.diagnostics(program.sources(), &prepared.diagnostics);
    let asked = Asked { after: args.after, gradients: args.gradients as usize, rank: !args.no_ranking };
    let found = prepared.gradcheck(&asked)?;
    for (at, one) in found.iter().enumerate() {
        if at > 0 && !output.json {
            output.result("\n");
        }
        output.result(&if output.json { report::json(one) } else { report::text(one) });
    }
    Ok(if found.iter().any(|one| one.biased().next().is_some()) { Exit::Numerical } else { Exit::Success })
}
