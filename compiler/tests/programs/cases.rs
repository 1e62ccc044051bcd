//! Tables of programs: what they say and what is expected of them.
//!
//! `## title` begins a case. What stands before the first one is the frame of all, each case taking
//! the place of its line `…`; without a frame a case is a whole program. In a case
//!
//! * `//^ CODE words` says that the line above is where an error with this code is reported, and that its
//!   message, labels or help contain the words; a program has the errors it announces and no others;
//! * `//= words` says that `vary check` prints them.

use std::path::{Path, PathBuf};

/// One program of a table.
pub struct Case {
    /// Its title.
    pub title: String,
    /// The program.
    pub text: String,
    /// The errors announced.
    pub errors: Vec<Expected>,
    /// What is printed by a check.
    pub printed: Vec<String>,
}

/// An error announced.
pub struct Expected {
    /// Line of its first place, from one.
    pub line: usize,
    /// Its code.
    pub code: String,
    /// Words of its text.
    pub words: String,
}

/// The folder of the tables.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// The tables in a folder beside this file.
pub fn tables(name: &str) -> Vec<String> {
    let path = folder().join(name);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let names =
        entries.map(|entry| entry.expect("a folder entry").file_name().to_string_lossy().into_owned());
    names.filter(|file| file.ends_with(".cases")).map(|file| format!("{name}/{file}")).collect()
}

/// The cases of a table.
pub fn read(table: &str) -> Vec<Case> {
    let path = folder().join(table);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut sections = text.split("## ").map(str::to_string);
    let frame = sections.next().unwrap_or_default();
    sections.map(|section| case(&section, &frame)).collect()
}

fn case(section: &str, frame: &str) -> Case {
    let (title, body) = section.split_once('\n').unwrap_or((section, ""));
    let body = body.trim_end();
    let text = match frame.split_once("  …\n") {
        Some((before, after)) => format!("{before}{body}\n{}\n", after.trim_end()),
        None => format!("{body}\n"),
    };
    let (mut errors, mut printed) = (Vec::new(), Vec::new());
    let mut place = 0;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(expected) = line.strip_prefix("//^ ") {
            let (code, words) = expected.split_once(' ').unwrap_or((expected, ""));
            errors.push(Expected { line: place, code: code.to_string(), words: words.to_string() });
        } else if let Some(words) = line.strip_prefix("//= ") {
            printed.push(words.to_string());
        } else {
            place = at + 1;
        }
    }
    Case { title: title.trim().to_string(), text, errors, printed }
}
