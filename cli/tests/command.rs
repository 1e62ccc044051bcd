//! The command as a script sees it: exit codes and streams.

mod common;

use std::process::{Command, Stdio};

use common::{in_empty_directory, vary};

#[test]
fn help_is_on_stdout_with_an_example() {
    for command in ["fit", "check", "compile", "fmt", "repl", "explain"] {
        let ran = in_empty_directory(&[command, "--help"], "");
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{command}");
        assert!(ran.stdout.contains(&format!("Example: vary {command}")), "{}", ran.stdout);
    }
    let ran = in_empty_directory(&["--help"], "");
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("Example: vary fit"));
}

#[test]
fn wrong_usage_is_code_2_and_leaves_stdout_empty() {
    let wrong: &[&[&str]] = &[
        &[],
        &["fitt"],
        &["fit"],
        &["fit", "a.ppl", "--steps", "5"],
        &["fit", "a.ppl", "--set", "steps"],
        &["fit", "a.ppl", "--data", "z="],
        &["fit", "a.ppl", "--columns", "x"],
        &["fit", "a.ppl", "--threads", "0"],
        &["fit", "a.ppl", "--ad", "sideways"],
        &["fit", "a.ppl"],
        &["check"],
        &["check", "a.ppl"],
        &["compile", "a.ppl"],
        &["compile", "a.ppl", "--emit", "assembly"],
        &["explain", "E9999"],
        &["explain", "E0706", "--json"],
    ];
    for args in wrong {
        let ran = in_empty_directory(args, "");
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_absent_program_is_told_with_its_neighbour() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("cone.ppl"), "").unwrap();
    let ran = vary(directory.path(), &["fit", "conne.ppl"], "");
    assert_eq!(ran.stderr, "error: there is no file `conne.ppl`; did you mean `cone.ppl`?\n");
    let ran = vary(directory.path(), &["check", "."], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (2, "error: `.` is a directory, not a program\n"));
}

#[test]
fn data_that_cannot_be_read_is_code_3() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("cone.ppl"), "").unwrap();
    std::fs::write(directory.path().join("data.json"), "{").unwrap();
    for args in [["--data", "data.csv"], ["--data", "data.json"], ["--data", "y=[1,"]] {
        let ran = vary(directory.path(), &["fit", "cone.ppl", args[0], args[1], "--json"], "");
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("E07"), "{}", ran.stderr);
    }
}

#[test]
fn global_flags_stand_anywhere() {
    for args in [["--quiet", "explain", "E0706"], ["explain", "--quiet", "E0706"], ["explain", "E0706", "-q"]]
    {
        assert_eq!(in_empty_directory(&args, "").code, 0, "{args:?}");
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let plain = in_empty_directory(&["explain", "E9999"], "");
    assert!(!plain.stderr.contains('\x1b'));
    let coloured = in_empty_directory(&["explain", "E9999", "--color", "always"], "");
    assert!(coloured.stderr.contains('\x1b'));
}

#[test]
fn explain_has_a_page_or_at_least_a_title() {
    let ran = in_empty_directory(&["explain", "e0706"], "");
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.starts_with("# E0706: sizes of data disagree\n"));
    let all = in_empty_directory(&["explain"], "").stdout;
    assert!(all.contains("E0101  ") && all.contains("N0701  "));
    let near = in_empty_directory(&["explain", "E706"], "");
    assert_eq!(near.stderr, "error: there is no diagnostic E706; did you mean E0706?\n");
}

#[test]
fn no_color_turns_colours_off_unless_they_are_asked_for() {
    let coloured = |args: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        let output = common::command(directory.path(), args).env("NO_COLOR", "1").output().unwrap();
        common::ran(output).stderr.contains('\x1b')
    };
    assert!(!coloured(&["explain", "E9999"]));
    assert!(coloured(&["explain", "E9999", "--color", "always"]));
}

#[test]
fn a_script_runs_through_the_repl() {
    let ran = in_empty_directory(&["repl"], ":help\n// a comment\n:quit\n:nothing\n");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with(":help"));
    let ran = in_empty_directory(&["repl"], ":nothing\n1 + 2\n");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("there is no command `:nothing`"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "3\n");
    let ran = in_empty_directory(&["repl"], "fn f(x: real) -> real {\n  x + 1\n}\nf(2)\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "fn f(x: real) -> real\n3.0\n"));
    let ran = in_empty_directory(&["repl"], "fn f(x: real) -> real {\n  x + 1\n");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("not closed"), "{}", ran.stderr);
}

#[test]
fn the_repl_starts_with_a_program() {
    let ran = vary(&common::examples(), &["repl", "cone.ppl"], ":density cone {x = 1, y = 2}\n");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.ends_with("\n-5.489865800716228\n"), "{}", ran.stdout);
    let ran = vary(&common::examples(), &["repl", "conne.ppl"], "1\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vary"))
        .arg("explain")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}
