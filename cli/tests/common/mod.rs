//! Runs the binary.

#![allow(dead_code)] // Not every test file needs all of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run came to.
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What stood on stdout.
    pub stdout: String,
    /// What stood on stderr.
    pub stderr: String,
}

impl Ran {
    /// The one JSON object on stdout.
    pub fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}\n{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// The command, without what the caller's environment says about colour.
pub fn command(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vary"));
    command
        .args(args)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the command with a text on stdin. It must not have panicked.
pub fn vary(directory: &Path, args: &[&str], stdin: &str) -> Ran {
    let mut child = command(directory, args).spawn().unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    ran(child.wait_with_output().unwrap())
}

/// The parts of a run that has ended by itself.
pub fn ran(output: Output) -> Ran {
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) };
    assert!(!ran.stderr.contains("fault of vary") && ran.code != 70, "{}", ran.stderr);
    ran
}

/// Runs the command where no file is.
pub fn in_empty_directory(args: &[&str], stdin: &str) -> Ran {
    vary(tempfile::tempdir().unwrap().path(), args, stdin)
}

/// A directory with these files.
pub fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

/// Where the examples are.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// The example programs.
pub fn example_programs() -> Vec<String> {
    let entries = std::fs::read_dir(examples()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut programs: Vec<String> = names.filter(|name| name.ends_with(".ppl")).collect();
    programs.sort();
    assert!(!programs.is_empty());
    programs
}
