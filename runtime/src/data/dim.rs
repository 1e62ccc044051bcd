//! Sizes of declared data: affine in the names of integer data.

use std::collections::BTreeMap;
use std::fmt;

/// `constant + Σ coefficient · name`, a size that is known once the named integers are.
///
/// The compiler has the same form; this mirror keeps the runtime free of the language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DimSpec {
    constant: i64,
    terms: BTreeMap<String, i64>,
}

impl DimSpec {
    /// A known size.
    pub fn known(size: i64) -> Self {
        DimSpec::new(size, [])
    }

    /// The size named by an integer.
    pub fn named(name: impl Into<String>) -> Self {
        DimSpec::new(0, [(name.into(), 1)])
    }

    /// `constant + Σ coefficient · name`; terms of one name are added, zero terms vanish.
    pub fn new(constant: i64, terms: impl IntoIterator<Item = (String, i64)>) -> Self {
        let mut sum = BTreeMap::new();
        for (name, coefficient) in terms {
            *sum.entry(name).or_insert(0) += coefficient;
        }
        sum.retain(|_, coefficient| *coefficient != 0);
        DimSpec { constant, terms: sum }
    }

    /// The names that occur, with their coefficients, in alphabetical order.
    pub fn terms(&self) -> impl Iterator<Item = (&str, i64)> {
        self.terms.iter().map(|(name, coefficient)| (name.as_str(), *coefficient))
    }

    /// The value once `lookup` knows every name; `None` while one is unknown or when the sum does
    /// not fit an `i64`.
    pub fn value(&self, lookup: impl Fn(&str) -> Option<i64>) -> Option<i64> {
        self.terms().try_fold(self.constant, |sum, (name, coefficient)| {
            sum.checked_add(lookup(name)?.checked_mul(coefficient)?)
        })
    }

    /// The only name that `lookup` does not know, and the value it must have for the size to be
    /// `size`. `None` when no name or several names are unknown, `Some((name, None))` when no
    /// integer `≥ 0` fits.
    pub fn solve(&self, size: i64, lookup: impl Fn(&str) -> Option<i64>) -> Option<(&str, Option<i64>)> {
        let mut unknown = self.terms().filter(|(name, _)| lookup(name).is_none());
        let (name, coefficient) = unknown.next()?;
        if unknown.next().is_some() {
            return None;
        }
        let rest = self.value(|other| if other == name { Some(0) } else { lookup(other) });
        let value = rest
            .and_then(|rest| size.checked_sub(rest))
            .filter(|left| left.checked_rem(coefficient) == Some(0))
            .map(|left| left / coefficient)
            .filter(|value| *value >= 0);
        Some((name, value))
    }
}

impl fmt::Display for DimSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, coefficient) in &self.terms {
            let sign = match (*coefficient < 0, first) {
                (true, true) => "-",
                (true, false) => " - ",
                (false, true) => "",
                (false, false) => " + ",
            };
            match coefficient.unsigned_abs() {
                1 => write!(f, "{sign}{name}")?,
                many => write!(f, "{sign}{many} * {name}")?,
            }
            first = false;
        }
        match self.constant {
            0 if !first => Ok(()),
            c if first => write!(f, "{c}"),
            c if c < 0 => write!(f, " - {}", c.unsigned_abs()),
            c => write!(f, " + {c}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_it_is_written() {
        assert_eq!(DimSpec::known(784).to_string(), "784");
        assert_eq!(DimSpec::named("n").to_string(), "n");
        let spec = DimSpec::new(-1, [("n".into(), 2), ("k".into(), -1)]);
        assert_eq!(spec.to_string(), "-k + 2 * n - 1");
    }

    #[test]
    fn solves_for_the_only_unknown_name() {
        let spec = DimSpec::new(1, [("n".into(), 2), ("k".into(), 1)]);
        let k = |name: &str| (name == "k").then_some(4);
        assert_eq!(spec.solve(11, k), Some(("n", Some(3))));
        assert_eq!(spec.solve(12, k), Some(("n", None)), "half a row");
        assert_eq!(spec.solve(1, k), Some(("n", None)), "fewer than no rows");
        assert_eq!(spec.solve(11, |_| None), None);
        assert_eq!(spec.value(|_| Some(1)), Some(4));
    }
}
