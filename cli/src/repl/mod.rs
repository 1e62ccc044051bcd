//! The interactive session: [`engine`] knows no terminal, [`terminal`] only that.

mod commands;
mod engine;
mod terminal;

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use crate::exit::Exit;
use crate::output::Output;
use engine::{Outcome, Repl, Reply};

/// Runs the session on the terminal, or a script from stdin when that is none.
pub fn run(file: Option<&Path>, output: &Output) -> Exit {
    let mut repl = Repl::default();
    if let Some(file) = file {
        let reply = repl.eval(&format!(":load {}", file.display()));
        let failed = reply.outcome == Outcome::Error;
        show(&reply, output);
        if failed && !io::stdin().is_terminal() {
            return Exit::Program;
        }
    }
    if io::stdin().is_terminal() {
        terminal::run(repl, output)
    } else {
        script(&mut repl, io::stdin().lock(), output)
    }
}

/// Prints a reply: results on stdout, errors on stderr.
fn show(reply: &Reply, output: &Output) {
    match reply.outcome {
        _ if reply.text.is_empty() => {}
        Outcome::Ok | Outcome::Quit => output.result(&format!("{}\n", reply.text)),
        Outcome::Error => output.error(&reply.text),
    }
}

/// Evaluates a script, input by input; goes on after an error and fails in the end.
fn script(repl: &mut Repl, lines: impl BufRead, output: &Output) -> Exit {
    let mut exit = Exit::Success;
    let mut input = String::new();
    let mut eval = |input: &mut String| {
        let reply = repl.eval(input);
        input.clear();
        show(&reply, output);
        if reply.outcome == Outcome::Error {
            exit = Exit::Program;
        }
        reply.outcome == Outcome::Quit
    };
    for line in lines.lines() {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                output.error(&format!("cannot read the script: {error}"));
                return Exit::Usage;
            }
        };
        if !input.is_empty() {
            input.push('\n');
        }
        input.push_str(&line);
        if engine::is_complete(&input) && eval(&mut input) {
            return exit;
        }
    }
    if !input.trim().is_empty() {
        eval(&mut input);
    }
    exit
}
