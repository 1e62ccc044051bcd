//! Names that a misspelt name may have meant.

/// Up to three of `candidates` close to `name`, nearest first: equal but for case, or within one
/// edit per three characters (insertion, deletion, substitution, exchange of neighbours).
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let limit = (wanted.len() / 3).max(1);
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| {
            (distance(&wanted, &candidate.to_lowercase().chars().collect::<Vec<_>>()), candidate)
        })
        // One edit turns any name of one character into any other: no evidence of a slip.
        .filter(|(edits, candidate)| {
            *edits <= limit && (*edits == 0 || wanted.len().min(candidate.len()) > 1)
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// Optimal string alignment distance, by three rows of its table.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let substitute = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substitute.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        assert_eq!(near("sigma", ["simga", "Sigma", "mu", "sigmas"]), ["Sigma", "sigmas", "simga"]);
        assert_eq!(near("y", ["Y", "x"]), ["Y"]);
        assert_eq!(near("n", ["m", "nn"]), Vec::<String>::new());
        assert!(near("weights", ["heights_of_all"]).is_empty());
    }
}
