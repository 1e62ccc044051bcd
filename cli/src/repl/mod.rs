//! The interactive session: [`engine`] knows no terminal, [`terminal`] only that.

mod actions;
mod commands;
mod engine;
mod terminal;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use crate::engine::is_complete;
use crate::exit::Exit;
use crate::interrupt;
use crate::output::Output;
use crate::progress::Bar;
use engine::{Host, Outcome, Repl, Reply};

/// Runs the session on the terminal, or a script from stdin when that is none.
pub fn run(file: Option<&Path>, output: &Output) -> Exit {
    let host =
        Host { color: output.color, interrupt: interrupt::flag(), progress: &|| Box::new(Bar::new(output)) };
    let mut repl = Repl::new(host);
    if let Some(file) = file {
        let reply = repl.eval(&format!(":load {}", file.display()));
        show(&reply, output);
        if reply.outcome == Outcome::Error && !io::stdin().is_terminal() {
            return Exit::Program;
        }
    }
    if io::stdin().is_terminal() {
        terminal::run(repl, output)
    } else {
        script(&mut repl, io::stdin().lock(), output)
    }
}

/// Prints a reply: findings on stderr, results on stdout.
fn show(reply: &Reply, output: &Output) {
    if !reply.findings.is_empty() {
        output.message(&reply.findings);
    }
    if !reply.text.is_empty() {
        output.result(&format!("{}\n", reply.text));
    }
}

/// Evaluates a script, entry by entry; goes on after an error and fails in the end.
fn script(repl: &mut Repl, lines: impl BufRead, output: &Output) -> Exit {
    let mut exit = Exit::Success;
    let mut entry = String::new();
    // Whether to go on.
    let mut eval = |entry: &mut String| {
        let reply = repl.eval(entry);
        entry.clear();
        show(&reply, output);
        match reply.outcome {
            Outcome::Ok => true,
            Outcome::Error => {
                exit = Exit::Program;
                true
            }
            Outcome::Interrupted => {
                exit = Exit::Interrupted;
                false
            }
            Outcome::Quit => false,
        }
    };
    for line in lines.lines() {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                output.error(&format!("cannot read the script: {error}"));
                return Exit::Usage;
            }
        };
        if !entry.is_empty() {
            entry.push('\n');
        }
        entry.push_str(&line);
        if is_finished(&entry) && !eval(&mut entry) {
            return exit;
        }
    }
    if !entry.trim().is_empty() {
        eval(&mut entry);
    }
    exit
}

/// Whether an entry can be evaluated: a command always.
fn is_finished(entry: &str) -> bool {
    entry.trim_start().starts_with(':') || is_complete(entry)
}
