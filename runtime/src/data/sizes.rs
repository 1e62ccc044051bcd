//! Sizes: supplied, by default, or inferred from the arrays that have them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Because, DataError, DimSpec, HasSize, Origin};

/// `spec = size`, seen in an array or in the levels of a factor.
pub(crate) struct Equation<'a> {
    pub spec: &'a DimSpec,
    pub size: usize,
    pub sized: HasSize,
}

/// The sizes known so far, and where they come from.
#[derive(Default)]
pub(crate) struct Sizes {
    known: BTreeMap<String, (i64, Origin)>,
}

impl Sizes {
    /// Makes a size known.
    pub fn set(&mut self, name: &str, value: i64, origin: Origin) {
        self.known.insert(name.to_owned(), (value, origin));
    }

    /// The value of a size, if known.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.known.get(name).map(|(value, _)| *value)
    }

    /// Solves the equations for the unknown sizes, then checks all of them.
    pub fn infer(&mut self, unknown: &BTreeSet<&str>, equations: &[Equation]) -> Vec<DataError> {
        let mut errors = vec![];
        let mut impossible = BTreeSet::new();
        // Each round makes a size known or is the last one.
        loop {
            let mut progress = false;
            for (number, Equation { spec, size, sized }) in equations.iter().enumerate() {
                let solved = spec.solve(*size as i64, |name| self.get(name));
                match solved {
                    Some((name, _)) if !unknown.contains(name) || impossible.contains(&number) => {}
                    Some((name, Some(value))) => {
                        self.set(name, value, Origin::Inferred(sized.clone(), *size));
                        progress = true;
                    }
                    Some((name, None)) => {
                        impossible.insert(number);
                        errors.push(DataError::ImpossibleSize {
                            sized: sized.clone(),
                            found: *size,
                            spec: spec.to_string(),
                            unknown: name.to_owned(),
                        });
                    }
                    None => {}
                }
            }
            if !progress {
                break;
            }
        }
        for Equation { spec, size, sized } in equations {
            match spec.value(|name| self.get(name)) {
                Some(expected) if expected != *size as i64 => errors.push(DataError::WrongSize {
                    sized: sized.clone(),
                    found: *size,
                    spec: spec.to_string(),
                    expected,
                    because: self.because(spec),
                }),
                _ => {}
            }
        }
        errors
    }

    fn because(&self, spec: &DimSpec) -> Vec<Because> {
        spec.terms()
            .filter_map(|(name, _)| {
                let (value, origin) = self.known.get(name)?;
                Some(Because { name: name.to_owned(), value: *value, origin: origin.clone() })
            })
            .collect()
    }
}
