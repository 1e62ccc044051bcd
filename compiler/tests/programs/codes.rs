//! Every code that the sources use is listed and has a page, and the page's programs do what it says.

use crate::run;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use vary_diagnostic::CODES;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The page of a code; empty where there is none.
fn page(code: &str) -> String {
    fs::read_to_string(root().join(format!("docs/errors/{code}.md"))).unwrap_or_default()
}

/// Every `"E0101"` in the Rust sources below a folder, tests aside.
fn used(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("target") {
            used(&path, codes);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source text");
            codes.extend(text.split('"').filter(|word| is_code(word)).map(str::to_string));
        }
    }
}

fn is_code(word: &str) -> bool {
    word.len() == 5 && word.starts_with(['E', 'W', 'N']) && word[1..].bytes().all(|b| b.is_ascii_digit())
}

/// The code blocks of a page with this info string.
fn blocks<'p>(page: &'p str, info: &str) -> Vec<&'p str> {
    let opening = format!("```{info}\n");
    page.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What is said of a program when it is checked, then fitted.
fn told(text: &str) -> String {
    let mut session = run::session(text);
    session.check();
    if run::errors(&session).is_empty() {
        return run::fit(text).err().unwrap_or_default();
    }
    run::render(&session)
}

#[test]
fn every_code_used_is_listed_and_has_a_page() {
    let mut codes = BTreeSet::new();
    for folder in ["compiler", "runtime", "cli"] {
        used(&root().join(folder), &mut codes);
    }
    for code in &codes {
        let Some((_, title)) = CODES.iter().find(|(known, _)| known.0 == *code) else {
            panic!("{code} is not in CODES");
        };
        assert!(page(code).starts_with(&format!("# {code}: {title}\n")), "{code} has no page of its title");
    }
}

#[test]
fn the_programs_of_the_pages_do_what_they_say() {
    let mut failures = String::new();
    for (code, _) in CODES {
        let page = page(code.0);
        for wrong in blocks(&page, "ppl,wrong") {
            let said = told(wrong);
            let one = said.matches("error[").count() == 1 && said.contains(&format!("error[{code}]"));
            if !one {
                failures.push_str(&format!("---- {code} alone should arise\n{wrong}\n{said}"));
            }
        }
        for right in blocks(&page, "ppl,right") {
            let said = told(right);
            if !said.is_empty() {
                failures.push_str(&format!("---- {code} is not avoided\n{right}\n{said}"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
