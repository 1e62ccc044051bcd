//! Sizes known before a program runs: affine in the names of integer data, constants once bound.

use std::collections::BTreeMap;
use std::fmt;

/// `constant + Σ coefficient · name`; equal sizes are equal values. Arithmetic stops at the ends of `i64`: no
/// array is that large.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Dim {
    constant: i64,
    terms: BTreeMap<String, i64>,
}

impl Dim {
    /// A known size.
    pub fn known(size: i64) -> Self {
        Dim { constant: size, terms: BTreeMap::new() }
    }

    /// The size named by integer data.
    pub fn named(name: impl Into<String>) -> Self {
        Dim { constant: 0, terms: BTreeMap::from([(name.into(), 1)]) }
    }

    /// The value, when no name is left.
    pub fn value(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// The value of a bound dimension.
    ///
    /// # Panics
    /// When a name is left: passes after binding run on bound programs only.
    pub fn size(&self) -> usize {
        match self.value() {
            Some(size) => usize::try_from(size).unwrap_or(0),
            None => unreachable!("dimension {self} is not bound"),
        }
    }

    /// The single name this dimension is, if it is one.
    pub fn as_name(&self) -> Option<&str> {
        let mut terms = self.terms.iter();
        match (self.constant, terms.next(), terms.next()) {
            (0, Some((name, 1)), None) => Some(name),
            _ => None,
        }
    }

    /// The names that occur.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.terms.keys().map(String::as_str)
    }

    /// Replaces every name that `lookup` knows.
    pub fn bind(&self, lookup: &dyn Fn(&str) -> Option<i64>) -> Dim {
        let mut bound = Dim::known(self.constant);
        for (name, coefficient) in &self.terms {
            bound = match lookup(name) {
                Some(value) => bound.plus(&Dim::known(value.saturating_mul(*coefficient))),
                None => bound.plus(&Dim::named(name.clone()).times(*coefficient)),
            };
        }
        bound
    }

    /// Replaces names by sizes, all at once.
    pub fn substitute_all(&self, sizes: &BTreeMap<String, Dim>) -> Dim {
        self.terms.iter().fold(Dim::known(self.constant), |sum, (name, coefficient)| {
            let size = sizes.get(name).cloned().unwrap_or_else(|| Dim::named(name.clone()));
            sum.plus(&size.times(*coefficient))
        })
    }

    /// Sum.
    pub fn plus(&self, other: &Dim) -> Dim {
        let mut sum = self.clone();
        sum.constant = sum.constant.saturating_add(other.constant);
        for (name, coefficient) in &other.terms {
            let entry = sum.terms.entry(name.clone()).or_insert(0);
            *entry = entry.saturating_add(*coefficient);
            if *entry == 0 {
                sum.terms.remove(name);
            }
        }
        sum
    }

    /// Multiple.
    pub fn times(&self, factor: i64) -> Dim {
        if factor == 0 {
            return Dim::known(0);
        }
        Dim {
            constant: self.constant.saturating_mul(factor),
            terms: self.terms.iter().map(|(name, c)| (name.clone(), c.saturating_mul(factor))).collect(),
        }
    }

    /// Difference.
    pub fn minus(&self, other: &Dim) -> Dim {
        self.plus(&other.times(-1))
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, coefficient) in &self.terms {
            let sign = if *coefficient < 0 {
                "-"
            } else if first {
                ""
            } else {
                "+"
            };
            match coefficient.unsigned_abs() {
                1 => write!(f, "{sign}{name}")?,
                many => write!(f, "{sign}{many}*{name}")?,
            }
            first = false;
        }
        match self.constant {
            0 if !first => Ok(()),
            c if c > 0 && !first => write!(f, "+{c}"),
            c => write!(f, "{c}"),
        }
    }
}
