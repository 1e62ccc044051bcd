//! What a program declares about its data, in the runtime's own terms.

use std::fmt;

use ndarray::ArrayD;

use super::{Constraint, DimSpec};

/// One `data` declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its name, which is also its name in the sources.
    pub name: String,
    /// What its entries are.
    pub elem: Elem,
    /// Its sizes, outermost first; empty for a scalar. A simplex's own size is the last one.
    pub dims: Vec<DimSpec>,
    /// What its values must satisfy.
    pub constraint: Constraint,
    /// How entries in a source become values.
    pub kind: Kind,
    /// What happens when no source has it.
    pub absent: Absent,
}

impl Declared {
    /// A required declaration without a constraint.
    pub fn new(name: impl Into<String>, elem: Elem, dims: impl IntoIterator<Item = DimSpec>) -> Self {
        Declared {
            name: name.into(),
            elem,
            dims: dims.into_iter().collect(),
            constraint: Constraint::None,
            kind: Kind::Plain,
            absent: Absent::Required,
        }
    }

    /// With this constraint.
    pub fn constrained(mut self, constraint: Constraint) -> Self {
        self.constraint = constraint;
        self
    }

    /// With this kind.
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// With this behaviour when no source has it.
    pub fn when_absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
        self
    }

    /// Whether this is a single integer, which may serve as a size of others.
    pub fn is_size(&self) -> bool {
        self.dims.is_empty() && self.elem == Elem::Int && matches!(self.kind, Kind::Plain)
    }
}

/// What the entries of data are. All are stored as `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elem {
    /// Any number; infinities are accepted, NaN is not.
    Real,
    /// An integer written without a decimal point or exponent, of magnitude at most 2⁵³.
    Int,
    /// 0 or 1, `true` or `false`.
    Bit,
}

/// How entries in a source become values.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// They are the values.
    Plain,
    /// `index[levels][…] from base`: integers `base .. base + levels`, stored from 0.
    Index {
        /// The number written for the first level.
        base: i64,
        /// How many levels there are.
        levels: DimSpec,
    },
    /// `factor[levels][…]`: names of levels, stored as positions from 0 in the sorted list of the
    /// names that occur, by number where all are integers and else by code point. Sorted and not
    /// in order of appearance, so that shuffled rows give the same fit.
    Factor {
        /// How many levels there are; inferred from the levels that occur when it is a single name.
        levels: DimSpec,
    },
}

/// What happens to a declaration that no source supplies. A single integer that occurs in
/// dimensions is first inferred from the arrays, unless it has a default.
#[derive(Debug, Clone, PartialEq)]
pub enum Absent {
    /// It is an error.
    Required,
    /// It has this value, broadcast to the declared shape. Factors are given by position.
    Default(ArrayD<f64>),
    /// It is left out of the result: the program computes it from other data.
    Computed,
}

/// As in the program: `positive[n]`, `index[J][n] from 1`.
impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Plain => {
                match (&self.constraint, self.elem) {
                    (Constraint::None, Elem::Real) => f.write_str("real")?,
                    (Constraint::None, Elem::Int) => f.write_str("int")?,
                    (_, Elem::Bit) => f.write_str("bit")?,
                    (constraint, _) => write!(f, "{constraint}")?,
                }
                dims(f, &self.dims)
            }
            Kind::Index { base, levels } => {
                write!(f, "index[{levels}]")?;
                dims(f, &self.dims)?;
                if *base == 0 { Ok(()) } else { write!(f, " from {base}") }
            }
            Kind::Factor { levels } => {
                write!(f, "factor[{levels}]")?;
                dims(f, &self.dims)
            }
        }
    }
}

fn dims(f: &mut fmt::Formatter<'_>, dims: &[DimSpec]) -> fmt::Result {
    if dims.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = dims.iter().map(DimSpec::to_string).collect();
    write!(f, "[{}]", texts.join(", "))
}
