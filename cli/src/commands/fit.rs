//! `vary fit FILE [NAME]`

use std::sync::atomic::AtomicBool;

use vary_diagnostic::Diagnostic;
use vary_runtime::fit::FitReport;

use crate::args::FitArgs;
use crate::engine::{self, End, Ended, Failure};
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Bar;
use crate::{commands, interrupt, report};

/// Compiles, fits and reports.
pub fn run(args: &FitArgs, output: &Output) -> Exit {
    let interrupt = interrupt::flag();
    let mut program = match engine::load(&args.file) {
        Ok(program) => program,
        Err(failure) => return commands::fail(&failure, &Default::default(), output),
    };
    match fit(&mut program, args, &interrupt, output) {
        Ok(exit) => exit,
        Err(failure) => commands::fail(&failure, program.sources(), output),
    }
}

fn fit(
    program: &mut engine::Program,
    args: &FitArgs,
    interrupt: &AtomicBool,
    output: &Output,
) -> Result<Exit, Failure> {
    let prepared = program.prepare(args)?;
    output.diagnostics(program.sources(), &prepared.diagnostics);
    if !output.json {
        output.result(&report::signature(&prepared.signature));
    }
    let mut bar = Bar::new(output);
    let ended = prepared.run(&mut bar, interrupt);
    drop(bar);
    let (report, failure, exit) = conclude(ended?);
    output.diagnostics(program.sources(), failure.as_slice());
    output.result(&if output.json { report::json(&report) } else { report::text(&report) });
    Ok(exit)
}

/// The report with what is to be said of a partial result, why the fit failed if it did, and the exit code.
pub fn conclude(ended: Ended) -> (FitReport, Option<Diagnostic>, Exit) {
    let Ended { mut report, end } = ended;
    let partial =
        |how: &str| format!("{how} after {} steps: this partial result cannot be resumed", report.steps);
    match end {
        End::Finished => (report, None, Exit::Success),
        End::Interrupted => {
            let text = partial("interrupted");
            report.diagnostics.messages.push(text);
            (report, None, Exit::Interrupted)
        }
        End::Failed(diagnostic) => {
            let text = partial("the fit failed");
            report.diagnostics.messages.extend([diagnostic.message.clone(), text]);
            (report, Some(diagnostic), Exit::Numerical)
        }
    }
}
