//! The standard library: ordinary sources, embedded, parsed when a name of theirs is first used.

/// Every file: title, declared names, text.
const FILES: &[(&str, &[&str], &str)] = &[
    (
        "stdlib/objectives.ppl",
        &["elbo", "iwelbo", "elbo_stl", "renyi"],
        include_str!("../../stdlib/objectives.ppl"),
    ),
];

/// The file that declares a name.
pub fn containing(name: &str) -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|(_, names, _)| names.contains(&name)).map(|(title, _, text)| (*title, *text))
}

/// Every name declared.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().flat_map(|(_, names, _)| names.iter().copied())
}
