//! The session without a terminal: text in, replies out. Scripts, tests and the terminal share it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use vary_diagnostic::{Sources, render};
use vary_runtime::data::near;

use super::commands::{COMMANDS, Kind, find, help};
use crate::args::Stage;
use crate::engine::{self, Failure, Program};

/// A session.
#[derive(Default)]
pub struct Repl {
    program: Option<(PathBuf, Program)>,
}

/// What an input led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What to show, without a line end; may be empty.
    pub text: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How an input went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Ok,
    /// Not as asked; the text says why.
    Error,
    /// The session is over.
    Quit,
}

impl Repl {
    /// Evaluates one complete input: a command, or declarations, statements and expressions.
    pub fn eval(&mut self, input: &str) -> Reply {
        let input = input.trim();
        match input.strip_prefix(':') {
            Some(command) => self.command(command),
            None if input == "?" => reply(help()),
            None if code(input).is_empty() => reply(""),
            None => refuse(&Failure::Usage("evaluation comes next".to_string()), &Sources::default()),
        }
    }

    fn command(&mut self, input: &str) -> Reply {
        let (name, argument) = input.split_once(char::is_whitespace).unwrap_or((input, ""));
        let argument = argument.trim();
        let Some(command) = find(name) else {
            let near = near(name, COMMANDS.iter().map(|command| command.name));
            return error(match near.first() {
                Some(near) => format!("there is no command `:{name}`; did you mean `:{near}`?"),
                None => format!("there is no command `:{name}`; `:help` lists them"),
            });
        };
        if argument.is_empty() && !command.argument.is_empty() {
            return error(format!("write `:{} {}`", command.name, command.argument));
        }
        match command.kind {
            Kind::Help => reply(help()),
            Kind::Quit => Reply { text: String::new(), outcome: Outcome::Quit },
            Kind::Load => self.load(Path::new(argument)),
            Kind::Reload => match &self.program {
                Some((path, _)) => self.load(&path.clone()),
                None => error("no program is loaded; write `:load FILE`"),
            },
            Kind::Type => {
                refuse(&Failure::Usage("the type checker comes next".to_string()), &Sources::default())
            }
            Kind::Emit => self.emit(argument),
        }
    }

    fn load(&mut self, path: &Path) -> Reply {
        match engine::load(path) {
            Ok(program) => {
                self.program = Some((path.to_owned(), program));
                reply("")
            }
            Err(failure) => refuse(&failure, &Sources::default()),
        }
    }

    fn emit(&mut self, argument: &str) -> Reply {
        let (stage, fit) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
        let fit = Some(fit.trim()).filter(|fit| !fit.is_empty());
        let Ok(stage) = Stage::from_str(stage, true) else {
            let stages = Stage::value_variants().iter().filter_map(Stage::to_possible_value);
            let names: Vec<String> = stages.map(|stage| stage.get_name().to_owned()).collect();
            return error(format!("there is no stage `{stage}`: {}", names.join(", ")));
        };
        match &mut self.program {
            None => error("no program is loaded; write `:load FILE`"),
            Some((_, program)) => match program.emit(stage, fit) {
                Ok(text) => reply(text.trim_end()),
                Err(failure) => refuse(&failure, program.sources()),
            },
        }
    }
}

fn reply(text: impl Into<String>) -> Reply {
    Reply { text: text.into(), outcome: Outcome::Ok }
}

fn error(text: impl Into<String>) -> Reply {
    Reply { text: text.into(), outcome: Outcome::Error }
}

fn refuse(failure: &Failure, sources: &Sources) -> Reply {
    error(match failure {
        Failure::Usage(text) => text.clone(),
        Failure::Diagnostics(_, diagnostics) => render(sources, diagnostics, false).trim_end().to_owned(),
    })
}

/// Whether an input can be evaluated, rather than going on in the next line: a command always, else
/// when its brackets and text are closed and no binary operator, `=`, `~` or `,` ends it. The same
/// rule decides where the lexer ends a statement.
pub fn is_complete(input: &str) -> bool {
    if input.trim_start().starts_with(':') {
        return true;
    }
    let code = code(input);
    let mut depth = 0i32;
    for c in code.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            // Text is left out by `code` unless it is not closed.
            '"' => return false,
            _ => {}
        }
    }
    let open_end = ["=", "~", ",", "+", "-", "*", "/", "@", "^", "<", ">", "&&", "||", "|>", "->"];
    depth <= 0 && !open_end.iter().any(|end| code.ends_with(end))
}

/// The input without comments, closed texts and white space at its end.
fn code(input: &str) -> String {
    let mut code = String::new();
    for line in input.lines() {
        let mut rest = line;
        loop {
            let comment = rest.find("//").unwrap_or(rest.len());
            match rest[..comment].find('"') {
                None => {
                    code += &rest[..comment];
                    break;
                }
                Some(open) => {
                    code += &rest[..open];
                    match closing_quote(&rest[open + 1..]) {
                        // A closed text stands for any value.
                        Some(close) => {
                            code.push('0');
                            rest = &rest[open + 1 + close + 1..];
                        }
                        None => {
                            code.push('"');
                            break;
                        }
                    }
                }
            }
        }
        code.push('\n');
    }
    code.trim().to_owned()
}

/// Where a text that began before `rest` is closed.
fn closing_quote(rest: &str) -> Option<usize> {
    let mut escaped = false;
    rest.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_goes_on_while_something_is_open() {
        for complete in
            ["x ~ normal(0, 1)", "", "// {", ":load {", "model m {\n x ~ normal(0, 1)\n}", "f(\"(\")", ")"]
        {
            assert!(is_complete(complete), "{complete}");
        }
        for open in
            ["model m {", "f(1,", "let x =", "x ~", "1 + // more", "data from \"a", "f(\"\\\"", "a |>"]
        {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn commands_reply() {
        let mut repl = Repl::default();
        assert!(repl.eval(":help").text.contains(":load FILE"));
        assert_eq!(repl.eval(":q").outcome, Outcome::Quit);
        assert_eq!(repl.eval("  // nothing").text, "");
        let cases = [
            (":laod x", "there is no command `:laod`; did you mean `:load`?"),
            (":nothing", "there is no command `:nothing`; `:help` lists them"),
            (":load", "write `:load FILE`"),
            (":reload", "no program is loaded; write `:load FILE`"),
            (":emit core", "no program is loaded; write `:load FILE`"),
        ];
        for (input, text) in cases {
            assert_eq!(repl.eval(input), error(text));
        }
        assert!(repl.eval(":emit cor").text.starts_with("there is no stage `cor`: tokens, ast, core"));
    }
}
