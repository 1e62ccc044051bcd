//! The session on a terminal: line editing, history, unfinished input, completion.

use std::path::PathBuf;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper, Highlighter, Hinter};

use super::commands::COMMANDS;
use super::engine::{Outcome, Repl};
use super::is_finished;
use crate::exit::Exit;
use crate::output::Output;

/// Runs the session until Ctrl-D or `:quit`; Ctrl-C clears the line.
pub fn run(mut repl: Repl<'_>, output: &Output) -> Exit {
    let mut editor = match Editor::<SessionHelper, FileHistory>::new() {
        Ok(editor) => editor,
        Err(error) => {
            output.error(&format!("cannot use this terminal: {error}"));
            return Exit::Usage;
        }
    };
    editor.set_helper(Some(SessionHelper { files: FilenameCompleter::new() }));
    let history = history_file();
    if let Some(history) = &history {
        // There is none before the first session.
        let _ = editor.load_history(history);
    }
    output.note(":help lists the commands, Ctrl-D ends the session");
    loop {
        match editor.readline("vary> ") {
            Ok(input) => {
                if !input.trim().is_empty() {
                    let _ = editor.add_history_entry(input.as_str());
                }
                let reply = repl.eval(&input);
                super::show(&reply, output);
                if reply.outcome == Outcome::Quit {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => {
                output.error(&format!("cannot read from this terminal: {error}"));
                return Exit::Internal;
            }
        }
    }
    if let Some(history) = &history {
        let saved = match history.parent() {
            Some(directory) => std::fs::create_dir_all(directory),
            None => Ok(()),
        };
        if saved.is_err() || editor.save_history(history).is_err() {
            output.note(&format!("the history could not be saved in `{}`", history.display()));
        }
    }
    Exit::Success
}

/// Where the XDG directories put it: `~/.local/state/vary/history` unless `XDG_STATE_HOME` is set.
fn history_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(state.join("vary").join("history"))
}

#[derive(Helper, Highlighter, Hinter)]
struct SessionHelper {
    files: FilenameCompleter,
}

impl Validator for SessionHelper {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let complete = is_finished(context.input());
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for SessionHelper {
    type Candidate = Pair;

    /// Completes names of commands, and files after `:load` and `:data`.
    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..at];
        match before.strip_prefix(':') {
            Some(name) if !name.contains(char::is_whitespace) => {
                let matching = COMMANDS.iter().filter(|command| command.name.starts_with(name));
                let pair = |name: &str| Pair { display: format!(":{name}"), replacement: format!(":{name}") };
                Ok((0, matching.map(|command| pair(command.name)).collect()))
            }
            Some(command) if command.starts_with("lo") || command.starts_with("da") => {
                self.files.complete(line, at, context)
            }
            _ => Ok((at, vec![])),
        }
    }
}
