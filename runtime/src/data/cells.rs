//! Entries as they come out of a source, before sizes are known.

use super::{DataError, Declared, Elem, Found, Kind, LARGEST_INT, Place};

/// What a source holds under one name, read as its declaration asks.
#[derive(Debug)]
pub(crate) struct Cells {
    /// Sizes along the declared axes; `None` below an empty axis, where the source cannot tell.
    pub shape: Vec<Option<usize>>,
    /// The entries in row-major order.
    pub entries: Entries,
}

/// Entries of one declaration.
#[derive(Debug)]
pub(crate) enum Entries {
    /// Of anything but a factor.
    Numbers(Vec<f64>),
    /// Of a factor: names of levels.
    Levels(Vec<String>),
}

impl Entries {
    /// No entries, of the sort that the declaration needs.
    pub fn of(declared: &Declared) -> Self {
        match declared.kind {
            Kind::Factor { .. } => Entries::Levels(vec![]),
            Kind::Plain | Kind::Index { .. } => Entries::Numbers(vec![]),
        }
    }
}

/// Why an entry cannot be taken; the reader adds where it stands.
pub(crate) enum Refused {
    /// It is absent or not a number.
    NotAValue(String),
    /// It is something else than declared.
    WrongType(&'static str, Found),
}

impl Refused {
    /// The error at this place.
    pub fn at(self, declared: &Declared, place: Place) -> DataError {
        let (name, place) = (declared.name.clone(), Box::new(place));
        match self {
            Refused::NotAValue(found) => DataError::NotAValue { name, place, found },
            Refused::WrongType(expected, found) => {
                DataError::WrongType { name, declared: declared.to_string(), place, expected, found }
            }
        }
    }
}

/// What an entry of this type should be, for messages.
pub(crate) fn expected(declared: &Declared) -> &'static str {
    match (&declared.kind, declared.elem) {
        (Kind::Factor { .. }, _) => "the name of a level",
        (Kind::Index { .. }, _) | (_, Elem::Int) => "an integer",
        (_, Elem::Real) => "a number",
        (_, Elem::Bit) => "0 or 1",
    }
}

/// Whether a text is how other tools write a missing value, in any type of column.
pub(crate) fn is_missing(text: &str) -> bool {
    matches!(text, "" | "NA" | "N/A" | "n/a" | "NaN" | "nan" | "null" | "NULL")
}

/// Whether a text stands for a missing number; more words than for levels, whose names are free.
fn is_missing_number(text: &str) -> bool {
    is_missing(text)
        || matches!(text, "." | "-" | "?" | "None" | "none" | "na" | "+nan" | "-nan" | "NAN" | "#N/A")
}

/// A number from text: a cell of a table.
pub(crate) fn number(text: &str, declared: &Declared) -> Result<f64, Refused> {
    let text = text.trim();
    let expected = expected(declared);
    let parsed = text.parse::<f64>();
    match (declared.elem, parsed) {
        _ if is_missing_number(text) => Err(Refused::NotAValue(text.to_owned())),
        (_, Ok(x)) if x.is_nan() => Err(Refused::NotAValue(text.to_owned())),
        (Elem::Real, Ok(x)) => Ok(x),
        (Elem::Bit, _) => match text {
            "0" | "false" | "False" | "FALSE" => Ok(0.0),
            "1" | "true" | "True" | "TRUE" => Ok(1.0),
            _ => Err(Refused::WrongType(expected, describe(text))),
        },
        (Elem::Int, Ok(_)) => match text.parse::<i64>() {
            Ok(int) if int.unsigned_abs() <= LARGEST_INT.unsigned_abs() => Ok(int as f64),
            _ => Err(Refused::WrongType(expected, Found::Number(text.to_owned()))),
        },
        (Elem::Real | Elem::Int, Err(_)) => Err(Refused::WrongType(expected, describe(text))),
    }
}

/// The name of a level from text.
pub(crate) fn level(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if is_missing(text) { Err(Refused::NotAValue(text.to_owned())) } else { Ok(text.to_owned()) }
}

fn describe(text: &str) -> Found {
    match text.parse::<f64>() {
        Ok(_) => Found::Number(text.to_owned()),
        Err(_) => Found::Text(text.to_owned()),
    }
}
