//! The `vary` command. Results go to stdout, all else to stderr; exit codes are in [`exit`], the JSON in [`report`].
//!
//! [`args`] says what can be asked, [`commands`] has one file per command, [`engine`] is all that
//! they know of the compiler, [`report`] shows results, [`repl`] is the interactive session.

mod args;
mod commands;
mod data;
mod engine;
mod exit;
mod fault;
mod files;
mod interrupt;
mod output;
mod progress;
mod repl;
mod report;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(&cli.global);
    fault::guarded(|| commands::run(&cli.command, &output)).into()
}
