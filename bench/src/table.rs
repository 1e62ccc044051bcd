//! The table of ratios, as Markdown.

use crate::cases::{Case, What};
use crate::run::Pair;

/// Its head.
pub const HEAD: &str = "\
| case | peer | vary | peer's | ratio (least – greatest) | objectives |
|---|---|---|---|---|---|";

/// A line per peer.
pub fn rows(case: &Case, pairs: &[Pair]) -> String {
    pairs.iter().map(|pair| row(case, pair)).collect()
}

fn row(case: &Case, pair: &Pair) -> String {
    let [own, theirs] = [0, 1].map(|side| median(pair.us.iter().map(|us| [us.0, us.1][side])));
    let ratios = || pair.us.iter().map(|(own, theirs)| own / theirs);
    let (least, greatest) = ratios().fold((f64::INFINITY, 0.0f64), |(a, b), x| (a.min(x), b.max(x)));
    let objectives = match pair.objectives {
        None => "–".to_owned(),
        Some((own, theirs)) => {
            format!("{own:.3}, {theirs:.3}{}", if pair.agree { "" } else { " **differ**" })
        }
    };
    let unit = if case.what == What::Process { ("s", 1e-6) } else { ("µs", 1.0) };
    format!(
        "| {} | {} | {} {} | {} {} | {:.3} ({least:.3} – {greatest:.3}) | {objectives} |\n",
        case.name,
        pair.peer,
        digits(own * unit.1),
        unit.0,
        digits(theirs * unit.1),
        unit.0,
        median(ratios()),
    )
}

/// Three digits.
fn digits(x: f64) -> String {
    let decimals = (2.0 - x.abs().log10().floor()).clamp(0.0, 6.0);
    format!("{x:.*}", decimals as usize)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
