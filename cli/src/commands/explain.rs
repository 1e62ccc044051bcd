//! `vary explain FILE [NAME]` and `vary explain CODE`

use std::path::Path;

use vary_diagnostic::CODES;
use vary_runtime::data::near;

use crate::commands;
use crate::engine;
use crate::exit::Exit;
use crate::output::Output;

/// Every code with its page.
macro_rules! pages {
    ($($code:ident)*) => {
        &[$((stringify!($code), include_str!(concat!("../../../docs/errors/", stringify!($code), ".md")))),*]
    };
}

/// The pages of `docs/errors`, one per code.
#[rustfmt::skip]
const PAGES: &[(&str, &str)] = pages! {
    E0101 E0102 E0103 E0104 E0105 E0106 E0107 E0108 E0109 E0110 E0111 E0112 E0113
    E0201 E0202 E0203 E0204 E0205 E0206 E0207
    E0301 E0302 E0303 E0304 E0305 E0306 E0307 E0308 E0309 E0310 E0311 E0312 E0313 E0314 E0315 E0316 E0317 E0318 E0319 E0320 E0321 E0322 E0323
    E0401 E0402 E0403 E0404 E0405 E0406 E0407 E0408 E0409 E0410 E0411 E0412 E0413 E0414 E0415 E0416 E0417 E0418 E0419 E0420 E0421 E0422
    E0501 E0502 E0503 E0504 E0505 E0506 E0507 E0508 E0509 E0510
    E0601 E0602 E0603 E0604 E0605 E0606 E0607 E0608 E0609 E0610 E0611 E0612 E0613 E0614
    E0701 E0702 E0703 E0704 E0705 E0706 E0707 E0708 E0709 E0710
    E0901 E0902 E0999
    N0701 W0801
};

/// Explains a fit of a program, or a diagnostic, or lists the codes.
pub fn run(subject: Option<&str>, name: Option<&str>, output: &Output) -> Exit {
    match subject {
        Some(file) if Path::new(file).extension().is_some() || Path::new(file).exists() => {
            fit(Path::new(file), name, output)
        }
        code => diagnostic(code, output),
    }
}

fn fit(file: &Path, name: Option<&str>, output: &Output) -> Exit {
    let mut program = match engine::load(file) {
        Ok(program) => program,
        Err(failure) => return commands::fail(&failure, &Default::default(), output),
    };
    match program.explain(name) {
        Ok(text) => {
            output.result(&text);
            Exit::Success
        }
        Err(failure) => commands::fail(&failure, program.sources(), output),
    }
}

/// Prints the page of a code, in either case, or the list of codes.
fn diagnostic(code: Option<&str>, output: &Output) -> Exit {
    let Some(code) = code else {
        let lines: Vec<String> = CODES.iter().map(|(code, title)| format!("{code}  {title}\n")).collect();
        output.result(&lines.concat());
        return Exit::Success;
    };
    let wanted = code.to_uppercase();
    let Some((_, title)) = CODES.iter().find(|(known, _)| known.0 == wanted) else {
        let near = near(&wanted, CODES.iter().map(|(code, _)| code.0));
        let hint = match near.first() {
            Some(near) => format!("did you mean {near}?"),
            None => "`vary explain` lists them".to_owned(),
        };
        output.error(&format!("there is no diagnostic {code}; {hint}"));
        return Exit::Usage;
    };
    match PAGES.iter().find(|(known, _)| *known == wanted) {
        Some((_, page)) => output.result(page),
        None => output.result(&format!("# {wanted}: {title}\n")),
    }
    Exit::Success
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_with_its_title() {
        assert!(CODES.iter().all(|(code, _)| PAGES.iter().any(|(known, _)| *known == code.0)));
        for (code, page) in PAGES {
            let (_, title) = CODES.iter().find(|(known, _)| known.0 == *code).unwrap();
            assert!(page.starts_with(&format!("# {code}: {title}\n")), "{code}");
        }
    }
}
