//! The commands of the session.

/// A command `:name argument`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Which one.
    pub kind: Kind,
    /// Its name without the colon.
    pub name: &'static str,
    /// What stands after it, in brackets when it may be left out; empty when nothing does.
    pub argument: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// The commands, for a `match` that misses none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lists the commands.
    Help,
    /// Loads a program.
    Load,
    /// Loads the last program again.
    Reload,
    /// Tells the type of an expression.
    Type,
    /// Draws from a program.
    Sample,
    /// The log density of a trace.
    Density,
    /// Runs a fit.
    Fit,
    /// Checks everything that was defined.
    Check,
    /// Prints a stage of the compiler.
    Emit,
    /// Gives data.
    Data,
    /// Sets a setting of fits.
    Set,
    /// Sets the seed of all randomness.
    Seed,
    /// Ends the session.
    Quit,
}

/// All commands. Any beginning of a name that no other command shares will do.
pub const COMMANDS: &[Command] = &[
    command(Kind::Help, "help", "", "this list"),
    command(Kind::Load, "load", "FILE", "start afresh with a program"),
    command(Kind::Reload, "reload", "", "load the same program again"),
    command(Kind::Type, "type", "EXPRESSION", "tell the type of an expression, or what a name stands for"),
    command(Kind::Sample, "sample", "PROGRAM [N]", "draw from a guide, a model's prior or a distribution"),
    command(Kind::Density, "density", "PROGRAM {x = 1, …}", "the log density of a trace"),
    command(Kind::Fit, "fit", "[NAME]", "run a fit; Ctrl-C stops it and keeps the session"),
    command(Kind::Check, "check", "", "check all that was defined"),
    command(Kind::Emit, "emit", "STAGE [FIT]", "print a stage of the compiler"),
    command(Kind::Data, "data", "[FILE|NAME=VALUE]", "give data, or list what was given"),
    command(Kind::Set, "set", "[KEY=VALUE]", "set a setting of all fits, or list them"),
    command(Kind::Seed, "seed", "N", "set the seed of all randomness"),
    command(Kind::Quit, "quit", "", "end the session; Ctrl-D does, too"),
];

const fn command(kind: Kind, name: &'static str, argument: &'static str, help: &'static str) -> Command {
    Command { kind, name, argument, help }
}

impl Command {
    /// Whether something must stand after it.
    pub fn needs_argument(&self) -> bool {
        !self.argument.is_empty() && !self.argument.starts_with('[')
    }
}

/// The commands that a name may mean: the one of this name, else all that begin so.
pub fn find(name: &str) -> Vec<&'static Command> {
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(exact) => vec![exact],
        None if name.is_empty() => vec![],
        None => COMMANDS.iter().filter(|command| command.name.starts_with(name)).collect(),
    }
}

/// One line per command, aligned.
pub fn help() -> String {
    let usage = |command: &Command| format!(":{} {}", command.name, command.argument);
    let width = COMMANDS.iter().map(|command| usage(command).chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        COMMANDS.iter().map(|command| format!("{:<width$}  {}", usage(command), command.help)).collect();
    format!(
        "{}\n\nDeclarations are kept, and replace those of the same names; expressions are evaluated, such as\n\
         `log(2)`, `sample(m)`, `log_density(m, {{x = 1}})` or `elbo(m, g)`. Unfinished entries go on in the\n\
         next line. Names of commands may be shortened.",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_beginnings_of_names_will_do() {
        let kinds = |name| find(name).into_iter().map(|command| command.kind).collect::<Vec<_>>();
        assert_eq!(kinds("q"), [Kind::Quit]);
        assert_eq!(kinds("load"), [Kind::Load]);
        assert_eq!(kinds("se"), [Kind::Set, Kind::Seed]);
        assert_eq!(kinds("set"), [Kind::Set]);
        assert_eq!(kinds("x"), []);
        assert_eq!(kinds(""), []);
    }
}
