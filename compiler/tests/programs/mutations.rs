//! Nothing panics: valid programs with tokens and lines deleted, repeated, exchanged and replaced are
//! either accepted or refused with a message. `PROPTEST_CASES` sets how many are tried.

use crate::{cases, run};
use proptest::collection::vec;
use proptest::prelude::*;
use vary_compiler::pipeline::{self, Ad};
use vary_compiler::session::Options;

/// Programs to start from.
fn seeds() -> Vec<String> {
    let mut seeds = Vec::new();
    for table in ["smoothness/uses", "smoothness/programs", "accepted", "extremes"] {
        seeds.extend(cases::read(&format!("{table}.cases")).into_iter().map(|case| case.text));
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
}

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
    vec((0_u8..14, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4)
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

/// Checks the program; derives its fits on small data.
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
            let _ = pipeline::derive(&fit.objective, 10, Ad::Auto);
        }
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
        let seeds = seeds();
        compile(&mutated(seed.get::<String>(&seeds), other.get::<String>(&seeds), &changes));
    }
}
