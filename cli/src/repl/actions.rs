//! What the commands of the session do with its program.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::Ordering;

use clap::ValueEnum;

use super::engine::{Outcome, Repl, Reply};
use crate::args::{Ad, DataArg, FitArgs, Setting, Stage};
use crate::commands::fit::conclude;
use crate::exit::Exit;
use crate::report;

/// Draws of one `:sample`, at most.
const MOST_DRAWS: usize = 100_000;

impl Repl<'_> {
    /// `:type EXPRESSION`
    pub(super) fn type_of(&mut self, entry: &str, start: usize) -> Reply {
        self.with_program(|program, state| {
            let expr = program.parse_part(&state.title, entry, start..entry.len())?;
            program.type_of(&expr, state)
        })
    }

    /// `:sample PROGRAM [N]`
    pub(super) fn sample(&mut self, entry: &str, start: usize) -> Reply {
        let last = entry[start..].trim_end().rfind(char::is_whitespace).map(|at| start + at);
        let (end, draws) = match last.and_then(|at| Some((at, entry[at..].trim().parse().ok()?))) {
            Some((at, draws)) => (at, draws),
            None => (entry.len(), 1),
        };
        if draws > MOST_DRAWS {
            return self.error(&format!("at most {MOST_DRAWS} draws are shown at once"));
        }
        self.with_program(|program, state| {
            let source = program.parse_part(&state.title, entry, start..end)?;
            Ok(program.draws_of(&source, draws, state)?.join("\n"))
        })
    }

    /// `:density PROGRAM {x = 1}`
    pub(super) fn density(&mut self, entry: &str, start: usize) -> Reply {
        let Some(brace) = trace_start(&entry[start..]).map(|at| start + at).filter(|at| *at > start) else {
            return self
                .error("write `:density PROGRAM {x = 1, …}`: a value for every latent of the program");
        };
        self.with_program(|program, state| {
            let scored = program.parse_part(&state.title, entry, start..brace)?;
            let trace = program.parse_part(&state.title, entry, brace..entry.len())?;
            Ok(program.log_density(scored, trace, state)?.text)
        })
    }

    /// `:check`
    pub(super) fn check(&mut self) -> Reply {
        let mut program = self.program();
        match program.check() {
            Ok(checked) => Reply {
                findings: vary_diagnostic::render(program.sources(), &checked.diagnostics, self.host.color)
                    .trim_end()
                    .to_owned(),
                ..Reply::ok(checked.text.trim_end())
            },
            Err(failure) => self.refuse(&failure, program.sources()),
        }
    }

    /// `:emit STAGE [FIT]`
    pub(super) fn emit(&mut self, argument: &str) -> Reply {
        let (stage, fit) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
        let fit = Some(fit.trim()).filter(|fit| !fit.is_empty());
        let Ok(stage) = Stage::from_str(stage, true) else {
            let stages = Stage::value_variants().iter().filter_map(Stage::to_possible_value);
            let names: Vec<String> = stages.map(|stage| stage.get_name().to_owned()).collect();
            return self.error(&format!("there is no stage `{stage}`: {}", names.join(", ")));
        };
        self.with_program(|program, _| Ok(program.emit(stage, fit)?.trim_end().to_owned()))
    }

    /// `:fit [NAME]`
    pub(super) fn fit(&mut self, name: &str) -> Reply {
        let args = FitArgs {
            file: PathBuf::new(),
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            data: self.data.clone(),
            columns: None,
            set: self.set.clone(),
            seed: self.seed,
            threads: None,
            float: None,
            ad: Ad::Auto,
            draws: None,
            guide: None,
            quick: false,
            estimator: Vec::new(),
        };
        self.host.interrupt.store(false, Ordering::Relaxed);
        let mut program = self.program();
        let prepared = match program.prepare(&args) {
            Ok(prepared) => prepared,
            Err(failure) => return self.refuse(&failure, program.sources()),
        };
        let signature = report::signature(&prepared.signature);
        let names = prepared.parameters();
        let mut found = prepared.diagnostics.clone();
        let mut progress = (self.host.progress)();
        let ended = prepared.run(&mut *progress, &self.host.interrupt);
        drop(progress);
        let (report, failure, exit) = match ended {
            Ok(ended) => conclude(ended),
            Err(failure) => return self.refuse(&failure, program.sources()),
        };
        found.extend(failure);
        if exit != Exit::Numerical {
            let values = report.parameters.iter().map(|(_, value)| value.clone());
            self.fitted.extend(names.into_iter().zip(values));
        }
        Reply {
            text: format!("{signature}{}", report::text(&report)).trim_end().to_owned(),
            findings: vary_diagnostic::render(program.sources(), &found, self.host.color)
                .trim_end()
                .to_owned(),
            outcome: match exit {
                Exit::Success => Outcome::Ok,
                Exit::Interrupted => Outcome::Interrupted,
                _ => Outcome::Error,
            },
        }
    }

    /// `:data [FILE|NAME=VALUE]`
    pub(super) fn give_data(&mut self, argument: &str) -> Reply {
        if argument.is_empty() {
            let shown = self.data.iter().map(|data| match data {
                DataArg::File(path) => path.display().to_string(),
                DataArg::Value { name, text } => format!("{name} = {text}"),
            });
            return Reply::ok(shown.collect::<Vec<_>>().join("\n"));
        }
        let given = match argument.parse::<DataArg>() {
            Ok(given) => given,
            Err(reason) => return self.error(&reason),
        };
        let mut data = self.data.clone();
        data.retain(|old| !replaces(&given, old));
        data.push(given);
        let mut program = self.program();
        match program.known_values(&data) {
            Ok(values) => {
                self.data = data;
                let note = crate::data::ignored(&values);
                let findings = vary_diagnostic::render(program.sources(), note.as_slice(), self.host.color);
                Reply { findings: findings.trim_end().to_owned(), ..Reply::ok("") }
            }
            Err(failure) => self.refuse(&failure, program.sources()),
        }
    }

    /// `:set [KEY=VALUE]`
    pub(super) fn give_setting(&mut self, argument: &str) -> Reply {
        if argument.is_empty() {
            let shown = self.set.iter().map(|set| format!("{} = {}", set.key, set.value));
            return Reply::ok(shown.collect::<Vec<_>>().join("\n"));
        }
        let setting = match Setting::from_str(argument) {
            Ok(setting) => setting,
            Err(reason) => return self.error(&format!("{reason}; write for example `:set steps=2000`")),
        };
        if setting.value.parse::<f64>().is_err() {
            return self.error(&format!("`{}={}`: the value must be a number", setting.key, setting.value));
        }
        self.set.retain(|old| old.key != setting.key);
        self.set.push(setting);
        Reply::ok("")
    }

    /// `:seed N`
    pub(super) fn give_seed(&mut self, argument: &str) -> Reply {
        match argument.parse() {
            Ok(seed) => {
                self.restart_randomness(seed);
                Reply::ok("")
            }
            Err(_) => self.error(&format!("a seed is a whole number from 0, not `{argument}`")),
        }
    }
}

/// Whether data given later makes an earlier one useless.
fn replaces(later: &DataArg, earlier: &DataArg) -> bool {
    match (later, earlier) {
        (DataArg::Value { name, .. }, DataArg::Value { name: old, .. }) => name == old,
        (later, earlier) => later == earlier,
    }
}

/// Where the braces begin that end a text.
fn trace_start(text: &str) -> Option<usize> {
    if !text.trim_end().ends_with('}') {
        return None;
    }
    let mut depth = 0usize;
    text.char_indices().rev().find_map(|(at, c)| {
        match c {
            '}' => depth += 1,
            '{' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (c == '{' && depth == 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_braces_are_the_trace() {
        assert_eq!(trace_start("m {x = 1}"), Some(2));
        assert_eq!(trace_start("m given {y = 1} {x = {a = 1}} "), Some(16));
        assert_eq!(trace_start("m {x = 1} 2"), None);
        assert_eq!(trace_start("m }"), None);
    }
}
