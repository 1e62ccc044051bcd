//! What users are told about wrong programs: each snapshot holds the programs and the messages.

use crate::{cases, run};
use std::fmt::Write;

/// Every program of a table with what is said about it.
fn told(table: &str) -> String {
    let mut text = String::new();
    for case in cases::read(&format!("wrong/{table}.cases")) {
        let mut session = run::session(&case.text);
        session.check();
        if run::errors(&session).is_empty() {
            // Settings and sizes are looked at when a fit is prepared.
            let said = run::fit(&case.text).err().unwrap_or_else(|| "nothing is wrong\n".to_string());
            let _ = writeln!(text, "## {}\n{}----\n{said}", case.title, case.text);
        } else {
            let _ = writeln!(text, "## {}\n{}----\n{}", case.title, case.text, run::render(&session));
        }
    }
    text
}

macro_rules! tables {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(told(stringify!($name)));
        })*
    };
}

tables! { names types shapes sites guides distributions objectives fits data nets several minibatches }
