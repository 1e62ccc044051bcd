//! Nothing panics: programs with tokens, lines and expressions deleted, repeated, exchanged and lent by each other are
//! either refused with a message, or derived, emitted and verified. `PROPTEST_CASES` sets how many are tried.

use crate::{cases, run};
use proptest::collection::vec;
use proptest::prelude::*;
use std::ops::Range;
use std::sync::LazyLock;
use vary_compiler::pipeline::{self, Ad};
use vary_compiler::session::Options;
use vary_compiler::vectorize;
use vary_core::axis::AxisSet;
use vary_runtime::plan::Plan;

/// Programs to start from: all tables and examples.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut seeds = Vec::new();
    for table in ["smoothness/uses", "smoothness/programs", "accepted", "extremes"] {
        seeds.extend(cases::read(&format!("{table}.cases")).into_iter().map(|case| case.text));
    }
    for folder in ["wrong", "../answers"] {
        for table in cases::tables(folder) {
            seeds.extend(cases::read(&table).into_iter().map(|case| case.text));
        }
    }
    for seed in seeds.iter_mut().filter(|seed| !seed.contains("fit") && seed.contains("w ~ normal(0, 1)")) {
        seed.push_str("guide q { w ~ normal(0, 1) }\nfit: maximize elbo(m, q)\n");
    }
    let examples = cases::folder().join("../../../examples");
    for entry in std::fs::read_dir(&examples).unwrap_or_else(|e| panic!("{}: {e}", examples.display())) {
        let path = entry.expect("a folder entry").path();
        if path.extension().is_some_and(|extension| extension == "ppl") {
            seeds.push(std::fs::read_to_string(&path).expect("an example"));
        }
    }
    seeds.sort();
    seeds
});

/// Words that are not in every program.
const WORDS: &str = "\
    true x y m q i n normal flip categorical poisson uniform delta reparam reinforce enum mvd marginal \
    frozen prior simulate log_density mean_field importance enumerate surrogate detach replicate expect \
    elbo iwelbo renyi given plate scan for while if else match let param data model guide fit report \
    factor next with zeros full eye sum softmax cumsum concat solve cholesky length real int bit positive \
    simplex ordered index bounded ( ) [ ] { } .. , ~ = | @ ^ - % .";

/// Numbers at the ends of what is allowed.
const NUMBERS: &[&str] =
    &["0", "1", "2", "3", "5", "17", "70000", "0.5", "1e300", "9223372036854775807", "(-1)"];

/// One change: what, where, and with what.
type Change = (u8, prop::sample::Index, prop::sample::Index);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    vec((0_u8..20, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4)
}

/// Words, numbers, blanks and single characters.
fn tokens(text: &str) -> Vec<String> {
    let class = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        ' ' => 1,
        _ => 2,
    };
    let mut tokens: Vec<String> = Vec::new();
    let mut last = 3;
    for c in text.chars() {
        match tokens.last_mut() {
            Some(token) if class(c) == last && last < 2 => token.push(c),
            _ => tokens.push(c.to_string()),
        }
        last = class(c);
    }
    tokens
}

/// Which tokens are words or numbers.
fn spoken(tokens: &[String]) -> Vec<usize> {
    let is_word = |token: &String| token.starts_with(|c: char| c.is_alphanumeric());
    (0..tokens.len()).filter(|at| is_word(&tokens[*at])).collect()
}

/// Where expressions stand among the tokens: names with their fields, indices and arguments, and what is in brackets.
fn expressions(tokens: &[String]) -> Vec<Range<usize>> {
    let opens = |token: &str| matches!(token, "(" | "[" | "{");
    let closes = |token: &str| matches!(token, ")" | "]" | "}");
    // The end of the brackets that open at each token.
    let mut ends: Vec<Option<usize>> = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if opens(token) {
            open.push(at);
        } else if closes(token)
            && let Some(start) = open.pop()
        {
            ends[start] = Some(at + 1);
        }
    }
    let mut found: Vec<Range<usize>> = spoken(tokens)
        .into_iter()
        .map(|start| {
            let mut end = start + 1;
            while let Some(token) = tokens.get(end) {
                end = match ends[end] {
                    Some(closed) if token != "{" => closed,
                    _ if token == "." && end + 1 < tokens.len() => end + 2,
                    _ => break,
                };
            }
            start..end
        })
        .collect();
    found.extend(ends.iter().enumerate().filter_map(|(start, end)| Some(start..(*end)?)));
    found
}

/// The program with these changes; `other` lends lines and words.
fn mutated(text: &str, other: &str, changes: &[Change]) -> String {
    let mut text = text.to_string();
    for (kind, at, with) in changes {
        let (mut tokens, mut lines) = (tokens(&text), text.lines().map(str::to_string).collect::<Vec<_>>());
        if tokens.is_empty() || lines.is_empty() {
            break;
        }
        let (token, line) = (at.index(tokens.len()), at.index(lines.len()));
        let words = spoken(&tokens);
        let numbers: Vec<usize> = words
            .iter()
            .copied()
            .filter(|at| tokens[*at].starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        let number_at = (!numbers.is_empty()).then(|| numbers[at.index(numbers.len())]);
        match kind {
            0 => drop(tokens.remove(token)),
            1 => tokens.insert(token, tokens[token].clone()),
            2 => {
                let second = with.index(tokens.len());
                tokens.swap(token, second);
            }
            3 => tokens[token] = with.get(&WORDS.split_whitespace().collect::<Vec<_>>()).to_string(),
            // An expression for another, of this program or the other.
            14.. => {
                let lent = if *kind < 18 { tokens.clone() } else { self::tokens(other) };
                let (places, parts) = (expressions(&tokens), expressions(&lent));
                if !places.is_empty() && !parts.is_empty() {
                    let part = lent[with.get::<Range<usize>>(&parts).clone()].to_vec();
                    tokens.splice(at.get::<Range<usize>>(&places).clone(), part);
                }
            }
            // A word or number for another of its kind, of this program or the other.
            9.. if !words.is_empty() => {
                let lent = if *kind < 13 { tokens.clone() } else { self::tokens(other) };
                let place = words[at.index(words.len())];
                let number = |token: &String| token.starts_with(|c: char| c.is_ascii_digit());
                let mut alike = spoken(&lent);
                alike.retain(|at| number(&lent[*at]) == number(&tokens[place]));
                if !alike.is_empty() {
                    tokens[place] = lent[*with.get::<usize>(&alike)].clone();
                }
            }
            4 | 5 if number_at.is_some() => tokens[number_at.unwrap_or(0)] = with.get(NUMBERS).to_string(),
            6 => drop(lines.remove(line)),
            7 => lines.insert(line, lines[with.index(lines.len())].clone()),
            _ => {
                let lent: Vec<&str> = other.lines().collect();
                lines.insert(line, lent.get(with.index(lent.len().max(1))).unwrap_or(&"").to_string());
            }
        }
        text = if matches!(kind, 0..6 | 9..) { tokens.concat() } else { lines.join("\n") };
    }
    text
}

/// Checks the program; derives its fits on small data, and emits and verifies what runs.
fn compile(text: &str) {
    let mut session = run::session(text);
    session.check();
    run::render(&session);
    let fits: Vec<Option<String>> = session.unit.fits().into_iter().map(|(name, ..)| name).collect();
    for name in fits.into_iter().take(2) {
        let mut session = run::session(text);
        let values = run::data(&mut session);
        session.bind(&values);
        if let Ok(fit) = session.find_fit(name.as_deref(), &Options::default())
            && !session.unit.has_errors()
        {
            // What is derived is judged pass by pass.
            for objective in &fit.objectives {
                if let Ok(derived) = pipeline::derive(objective, 10, Ad::Auto) {
                    verify(&derived.gradient);
                }
            }
            if let Ok(Some(posterior)) = session.unit.posterior(&fit) {
                verify(&posterior.program);
            }
        }
    }
}

/// What is emitted must be valid, for programs of a size that can be run.
fn verify(program: &vary_core::ir::Program) {
    let size = |axis| program.axes.info(axis).size.value().unwrap_or(2).max(1) as usize;
    let entries = |axes: &AxisSet| axes.iter().map(size).fold(1_usize, usize::saturating_mul);
    if program.vars.iter().all(|info| entries(&info.ty.axes) < 1 << 20)
        && let Err(invalid) = Plan::new(&vectorize::emit(program, 2))
    {
        panic!("{invalid:?}\n{program}");
    }
}

#[test]
fn no_extreme_makes_the_compiler_panic() {
    cases::read("extremes.cases").iter().for_each(|case| compile(&case.text));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_program_makes_the_compiler_panic(
        seed in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        changes in changes(),
    ) {
        let text = mutated(seed.get::<String>(&SEEDS), other.get::<String>(&SEEDS), &changes);
        prop_assert!(std::panic::catch_unwind(|| compile(&text)).is_ok(), "{text}");
    }
}
