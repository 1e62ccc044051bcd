//! Where things are printed: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};

use vary_diagnostic::{Diagnostic, Severity, Sources, render};

use crate::args::{Color, Global};

/// The streams and how to use them.
pub struct Output {
    /// Results are one JSON object.
    pub json: bool,
    quiet: bool,
    /// What is said to people may be coloured.
    pub color: bool,
}

impl Output {
    /// As the flags and the terminal say.
    pub fn new(global: &Global) -> Self {
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org: set and not empty.
            Color::Auto => {
                io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Output { json: global.json, quiet: global.quiet, color }
    }

    /// Whether progress may be shown.
    pub fn animates(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// A result, with its line ends. A reader that has gone, as in `vary … | head`, is no error.
    pub fn result(&self, text: &str) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }

    /// Findings about a program or its data; mere notes are not shown with `--quiet`.
    pub fn diagnostics(&self, sources: &Sources, diagnostics: &[Diagnostic]) {
        let shown: Vec<Diagnostic> =
            diagnostics.iter().filter(|it| !(self.quiet && it.severity == Severity::Note)).cloned().collect();
        if !shown.is_empty() {
            self.message(render(sources, &shown, self.color).trim_end());
        }
    }

    /// Something to know; not shown with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.message(&format!("note: {text}"));
        }
    }

    /// What `vary` itself has to say, such as why it cannot go on.
    pub fn error(&self, text: &str) {
        self.message(&labelled_error(text, self.color));
    }

    /// A text for people, which ends its own lines but the last.
    pub fn message(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// `error: …`
pub fn labelled_error(text: &str, color: bool) -> String {
    let label = if color { "\x1b[1;31merror\x1b[0m" } else { "error" };
    format!("{label}: {text}")
}
