//! The commands of the session.

/// A command `:name argument`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Which one.
    pub kind: Kind,
    /// Its name without the colon.
    pub name: &'static str,
    /// What stands after it; empty when nothing does.
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
    /// Prints a stage of the compiler.
    Emit,
    /// Ends the session.
    Quit,
}

/// All commands. Any unambiguous beginning of a name will do; the first of several wins.
pub const COMMANDS: &[Command] = &[
    command(Kind::Help, "help", "", "this list"),
    command(Kind::Load, "load", "FILE", "load a program, replacing the one before"),
    command(Kind::Reload, "reload", "", "load the same program again"),
    command(Kind::Type, "type", "EXPRESSION", "tell the type of an expression"),
    command(Kind::Emit, "emit", "STAGE [FIT]", "print a stage of the compiler"),
    command(Kind::Quit, "quit", "", "end the session; Ctrl-D does, too"),
];

const fn command(kind: Kind, name: &'static str, argument: &'static str, help: &'static str) -> Command {
    Command { kind, name, argument, help }
}

/// The command of this name or beginning.
pub fn find(name: &str) -> Option<&'static Command> {
    let starts = || COMMANDS.iter().filter(|command| !name.is_empty() && command.name.starts_with(name));
    COMMANDS.iter().find(|command| command.name == name).or_else(|| starts().next())
}

/// One line per command, aligned.
pub fn help() -> String {
    let usage = |command: &Command| format!(":{} {}", command.name, command.argument);
    let width = COMMANDS.iter().map(|command| usage(command).len()).max().unwrap_or(0);
    let lines: Vec<String> =
        COMMANDS.iter().map(|command| format!("{:<width$}  {}", usage(command), command.help)).collect();
    format!("{}\nanything else is evaluated; unfinished input goes on in the next line", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_names_will_do() {
        let kind = |name| find(name).map(|command| command.kind);
        assert_eq!(kind("q"), Some(Kind::Quit));
        assert_eq!(kind("load"), Some(Kind::Load));
        assert_eq!(kind("re"), Some(Kind::Reload));
        assert_eq!(kind("x"), None);
        assert_eq!(kind(""), None);
    }
}
