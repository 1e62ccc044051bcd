//! Stan-style JSON: one object of names; arrays are nested and row-major.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::cells::{Cells, Entries, Refused, expected, level, number};
use super::{DataError, Declared, Elem, Found, LARGEST_INT, Place};

/// A parsed JSON object.
#[derive(Debug, Clone)]
pub struct JsonSource {
    /// What messages call it.
    pub(crate) label: String,
    entries: Vec<(String, Value)>,
}

impl JsonSource {
    /// Parses a text without byte order mark.
    pub(crate) fn parse(label: &str, text: &str) -> Result<Self, DataError> {
        let source = label.to_owned();
        if !text.trim_start().starts_with('{') {
            let value: Value = serde_json::from_str(text).map_err(|error| syntax(label, text, &error))?;
            return Err(DataError::NotAnObject { source, found: describe(&value).to_string() });
        }
        let Object(entries) = serde_json::from_str(text).map_err(|error| syntax(label, text, &error))?;
        for (at, (name, _)) in entries.iter().enumerate() {
            if entries[..at].iter().any(|(before, _)| before == name) {
                return Err(DataError::Duplicate { source, name: name.clone() });
            }
        }
        Ok(JsonSource { label: source, entries })
    }

    /// One value under one name: JSON, or else a bare word, which is text.
    pub(crate) fn inline(name: &str, text: &str) -> Result<Self, DataError> {
        let label = format!("--data {name}");
        let value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) if text.trim_start().starts_with(['[', '{', '"']) => {
                return Err(syntax(&label, text, &error));
            }
            Err(_) if text.trim().is_empty() => return Err(DataError::Empty { source: label }),
            Err(_) => Value::String(text.to_owned()),
        };
        Ok(JsonSource { label, entries: vec![(name.to_owned(), value)] })
    }

    /// The names in the file, in its order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The entries under the declared name, if it is there.
    pub(crate) fn read(&self, declared: &Declared) -> Option<Result<Cells, DataError>> {
        let (_, value) = self.entries.iter().find(|(name, _)| *name == declared.name)?;
        let mut reader = Reader {
            source: self,
            declared,
            index: vec![],
            cells: Cells { shape: vec![None; declared.dims.len()], entries: Entries::of(declared) },
        };
        Some(reader.nested(value).map(|()| reader.cells))
    }

    /// Where the entry at this position stands.
    pub(crate) fn place(&self, name: &str, index: &[usize]) -> Place {
        let path = index.iter().fold(name.to_owned(), |path, i| format!("{path}[{i}]"));
        Place::Json { source: self.label.clone(), path }
    }
}

/// The walk through one nested value.
struct Reader<'a> {
    source: &'a JsonSource,
    declared: &'a Declared,
    /// Where the walk stands.
    index: Vec<usize>,
    cells: Cells,
}

impl Reader<'_> {
    fn nested(&mut self, value: &Value) -> Result<(), DataError> {
        let axis = self.index.len();
        let rank = self.declared.dims.len();
        match value {
            Value::Array(items) if axis < rank => {
                match self.cells.shape[axis] {
                    Some(size) if size != items.len() => {
                        let (name, place) = (self.declared.name.clone(), Box::new(self.place()));
                        return Err(DataError::RaggedArray {
                            name,
                            place,
                            expected: size,
                            found: items.len(),
                        });
                    }
                    _ => self.cells.shape[axis] = Some(items.len()),
                }
                for (i, item) in items.iter().enumerate() {
                    self.index.push(i);
                    self.nested(item)?;
                    self.index.pop();
                }
                Ok(())
            }
            Value::Null => Err(Refused::NotAValue("null".to_owned()).at(self.declared, self.place())),
            Value::Array(_) => Err(self.wrong_rank(value)),
            _ if axis < rank => Err(self.wrong_rank(value)),
            _ => self.entry(value).map_err(|refused| refused.at(self.declared, self.place())),
        }
    }

    fn entry(&mut self, value: &Value) -> Result<(), Refused> {
        let wrong = || Err(Refused::WrongType(expected(self.declared), describe(value)));
        match &mut self.cells.entries {
            Entries::Levels(levels) => levels.push(match value {
                Value::String(text) => level(text)?,
                Value::Number(number) if !number.is_f64() => number.to_string(),
                Value::Bool(value) => value.to_string(),
                _ => return wrong(),
            }),
            Entries::Numbers(numbers) => numbers.push(match (self.declared.elem, value) {
                (Elem::Real, Value::Number(x)) => match x.as_f64() {
                    Some(x) => x,
                    None => return wrong(),
                },
                // A quoted number is text, as it would be in any other JSON; only what JSON
                // cannot write as a number is.
                (Elem::Real, Value::String(text)) => match number(text, self.declared) {
                    Ok(x) if x.is_infinite() => x,
                    Err(Refused::NotAValue(found)) => return Err(Refused::NotAValue(format!("\"{found}\""))),
                    _ => return wrong(),
                },
                (Elem::Int, Value::Number(x)) => match x.as_i64() {
                    Some(int) if int.unsigned_abs() <= LARGEST_INT.unsigned_abs() => int as f64,
                    _ => return wrong(),
                },
                (Elem::Bit, Value::Number(x)) if x.as_i64().is_some_and(|bit| bit == 0 || bit == 1) => {
                    x.as_f64().unwrap_or_default()
                }
                (Elem::Bit, Value::Bool(bit)) => f64::from(u8::from(*bit)),
                (_, Value::String(text)) if super::cells::is_missing(text) => {
                    return Err(Refused::NotAValue(format!("\"{text}\"")));
                }
                _ => return wrong(),
            }),
        }
        Ok(())
    }

    fn wrong_rank(&self, value: &Value) -> DataError {
        DataError::WrongRank {
            name: self.declared.name.clone(),
            declared: self.declared.to_string(),
            rank: self.declared.dims.len(),
            place: Box::new(self.place()),
            found: describe(value),
        }
    }

    fn place(&self) -> Place {
        self.source.place(&self.declared.name, &self.index)
    }
}

fn describe(value: &Value) -> Found {
    match value {
        Value::Null => Found::Text("null".to_owned()),
        Value::Bool(value) => Found::Bool(*value),
        Value::Number(number) => Found::Number(number.to_string()),
        Value::String(text) => Found::Text(text.clone()),
        Value::Array(items) => Found::Array(items.len()),
        Value::Object(_) => Found::Object,
    }
}

/// All members of an object in order, repeated names included, which `serde_json` would drop.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = vec![];
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn syntax(label: &str, text: &str, error: &serde_json::Error) -> DataError {
    let full = error.to_string();
    // serde_json ends its message with the place, which is told apart here.
    let reason = full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason);
    let reason = reason.replace("EOF while parsing", "the text ends inside");
    let (line, column) = (error.line(), error.column());
    DataError::JsonSyntax {
        source: label.to_owned(),
        line,
        column,
        reason,
        word: word_at(text, line, column),
    }
}

/// The bare word around a place, such as the `NaN` that other tools write.
fn word_at(text: &str, line: usize, column: usize) -> Option<String> {
    let line = text.lines().nth(line.checked_sub(1)?)?;
    let is_part = |c: char| c.is_ascii_alphabetic() || c == '-';
    // serde_json counts bytes and points at, or just past, the byte it did not expect.
    let upto = line.get(..column.min(line.len()))?;
    let start = upto.trim_end_matches(is_part).len();
    let rest = &line[start..];
    let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
    (!word.is_empty()).then(|| word.to_owned())
}
