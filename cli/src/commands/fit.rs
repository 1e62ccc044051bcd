//! `vary fit FILE [NAME]`

use crate::args::FitArgs;
use crate::engine::{self, End, Ended, Failure};
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Bar;
use crate::{commands, interrupt, report};

/// Compiles, fits and reports.
pub fn run(args: &FitArgs, output: &Output) -> Exit {
    let mut program = match engine::load(&args.file) {
        Ok(program) => program,
        Err(failure) => return commands::fail(&failure, &Default::default(), output),
    };
    match fit(&mut program, args, output) {
        Ok(exit) => exit,
        Err(failure) => commands::fail(&failure, program.sources(), output),
    }
}

fn fit(program: &mut engine::Program, args: &FitArgs, output: &Output) -> Result<Exit, Failure> {
    let prepared = program.prepare(args)?;
    output.diagnostics(program.sources(), &prepared.diagnostics);
    if !output.json {
        output.result(&report::signature(&prepared.signature));
    }
    let mut bar = Bar::new(output);
    let ended = prepared.run(&mut bar, &interrupt::flag());
    bar.finish();
    let Ended { mut report, end } = ended?;
    let exit = match end {
        End::Finished => Exit::Success,
        End::Interrupted => {
            let text =
                format!("interrupted after {} steps: this partial result cannot be resumed", report.steps);
            report.diagnostics.messages.push(text);
            Exit::Interrupted
        }
        End::Failed(diagnostic) => {
            let text =
                format!("the fit failed after {} steps: this partial result cannot be resumed", report.steps);
            report.diagnostics.messages.extend([diagnostic.message.clone(), text.clone()]);
            output.diagnostics(program.sources(), &[diagnostic]);
            Exit::Numerical
        }
    };
    output.result(&if output.json { report::json(&report) } else { report::text(&report) });
    Ok(exit)
}
