//! `vary explain CODE`

use vary_diagnostic::CODES;
use vary_runtime::data::near;

use crate::exit::Exit;
use crate::output::Output;

/// The pages of `docs/errors`, one per code that has one.
const PAGES: &[(&str, &str)] = &[
    ("E0701", include_str!("../../../docs/errors/E0701.md")),
    ("E0702", include_str!("../../../docs/errors/E0702.md")),
    ("E0703", include_str!("../../../docs/errors/E0703.md")),
    ("E0704", include_str!("../../../docs/errors/E0704.md")),
    ("E0705", include_str!("../../../docs/errors/E0705.md")),
    ("E0706", include_str!("../../../docs/errors/E0706.md")),
    ("E0707", include_str!("../../../docs/errors/E0707.md")),
    ("E0708", include_str!("../../../docs/errors/E0708.md")),
    ("E0709", include_str!("../../../docs/errors/E0709.md")),
    ("E0710", include_str!("../../../docs/errors/E0710.md")),
    ("N0701", include_str!("../../../docs/errors/N0701.md")),
];

/// Prints the page of a code, in either case, or the list of codes.
pub fn run(code: Option<&str>, output: &Output) -> Exit {
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
    fn every_page_belongs_to_a_code_and_has_its_title() {
        for (code, page) in PAGES {
            let (_, title) = CODES.iter().find(|(known, _)| known.0 == *code).unwrap();
            assert!(page.starts_with(&format!("# {code}: {title}\n")), "{code}");
        }
    }
}
