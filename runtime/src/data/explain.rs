//! The sentences of [`DataError`]: message and help.

use super::error::{Because, DataError, Found, HasSize, Origin};

impl DataError {
    /// What was found and where, one sentence without a full stop.
    pub fn message(&self) -> String {
        match self {
            DataError::NotFound { path, .. } => format!("cannot find the data file `{}`", path.display()),
            DataError::Directory { path, .. } => {
                format!("`{}` is a directory, not a data file", path.display())
            }
            DataError::Unreadable { path, reason } => format!("cannot read `{}`: {reason}", path.display()),
            DataError::UnknownFormat { path } => format!("`{}` is in no known data format", path.display()),
            DataError::Empty { source } => format!("`{source}` is empty"),
            DataError::NotUtf8 { source, line, .. } => {
                format!("`{source}` is not text in UTF-8 (line {line})")
            }
            DataError::JsonSyntax { source, line, column, reason, .. } => {
                format!("`{source}` is not valid JSON: {reason}, at line {line}, column {column}")
            }
            DataError::NotAnObject { source, found } => {
                format!("`{source}` holds {found}, but data is an object of names and values")
            }
            DataError::Duplicate { source, name } => format!("`{name}` stands twice in `{source}`"),
            DataError::Delimiter { source, delimiter } => {
                format!(
                    "the columns of `{source}` seem to be separated by {}, not by commas",
                    separator(*delimiter)
                )
            }
            DataError::NoHeader { source, first } => {
                format!(
                    "the first line of `{source}` should name the columns, but begins with the value {first}"
                )
            }
            DataError::RaggedRow { source, line, expected, found } => format!(
                "line {line} of `{source}` has {}, but the header names {}",
                count(*found, "value"),
                count(*expected, "column")
            ),
            DataError::ArrayFile { source, reason } => {
                format!("`{source}` cannot be read as arrays: {reason}")
            }
            DataError::CsvSyntax { source, reason } => format!("`{source}` is not valid CSV: {reason}"),
            DataError::UnknownColumn { column, sources, .. } => match &sources[..] {
                [] => format!("`--columns` asks for column `{column}`, but no CSV file is given"),
                _ => format!("`--columns` asks for column `{column}`, which {} not have", do_not(sources)),
            },
            DataError::MissingColumn { source, name, column } => {
                format!("`{source}` has columns of the matrix `{name}`, but no `{column}`")
            }
            DataError::Missing { name, declared, sources, .. } => match &sources[..] {
                [] => format!("no data is given for `{name}: {declared}`"),
                _ => format!("`{name}: {declared}` is declared as data, but {} not have it", do_not(sources)),
            },
            DataError::WrongType { name, declared, place, expected, found } => {
                format!("{place} is {found}, but `{name}: {declared}` needs {expected}")
            }
            DataError::NotAValue { place, found, .. } => match found.as_str() {
                "" => format!("{place} is empty"),
                found => format!("{place} is {found}, which is not a value"),
            },
            DataError::WrongRank { name, declared, rank, place, found } => {
                let wanted = match rank {
                    0 => "a single value".to_owned(),
                    1 => "an array".to_owned(),
                    rank => format!("an array with {rank} dimensions"),
                };
                format!("`{name}: {declared}` is {wanted}, but {place} is {found}")
            }
            DataError::RaggedArray { place, expected, found, .. } => {
                format!("{place} has {}, but the rows before it have {expected}", entries(*found))
            }
            DataError::WrongSize { sized, found, spec, expected, because } => match &because[..] {
                [Because { name, origin: Origin::Inferred(other, size), .. }] if name == spec => {
                    format!("{} but {}; both sizes are `{spec}`", has(sized, *found), has(other, *size))
                }
                _ if spec.parse::<i64>().is_ok() => format!("{}, declared {spec}", has(sized, *found)),
                _ => format!("{}, declared `{spec}`, which is {expected}", has(sized, *found)),
            },
            DataError::ImpossibleSize { sized, found, spec, unknown } => {
                format!("{}, declared `{spec}`, and no size `{unknown}` makes that true", has(sized, *found))
            }
            DataError::UnknownSize { name, used_by: (array, declared), .. } => {
                format!("the size `{name}` of `{array}: {declared}` is not given and follows from no array")
            }
            DataError::NegativeSize { name, declared, spec, value } => {
                format!("the size `{spec}` of `{name}: {declared}` is {value}")
            }
            DataError::WrongDefault { name, declared, found, shape } => {
                format!(
                    "the default of `{name}: {declared}` has shape {found:?}, which does not fit {shape:?}"
                )
            }
            DataError::Violation { name, declared, place, what } => {
                format!("{place}: {what}, as `{name}: {declared}` asks")
            }
            DataError::IndexRange { name, declared, place, found, base, levels, .. } => match levels {
                0 => format!("{place} is {found}, but `{name}: {declared}` has no levels"),
                _ => format!(
                    "{place} is {found}, but `{name}: {declared}` takes {base} to {}",
                    base.saturating_add(levels - 1)
                ),
            },
        }
    }

    /// What to do about it, one sentence each without a full stop; may be empty.
    pub fn help(&self) -> Vec<String> {
        match self {
            DataError::NotFound { near, .. } => did_you_mean(near),
            DataError::Directory { inside, .. } => match &inside[..] {
                [] => vec![],
                files => vec![format!("give a file in it: {}", quoted(files))],
            },
            DataError::UnknownFormat { .. } => {
                vec!["supply Stan-style JSON (`.json`), a table with named columns (`.csv`) or arrays (`.npy`, `.npz`, `.idx`, `.gz`)".to_owned()]
            }
            DataError::NotUtf8 { utf16, .. } => vec![match utf16 {
                true => "it looks like UTF-16: save it as UTF-8".to_owned(),
                false => "save it as UTF-8 (in spreadsheets: \"CSV UTF-8\")".to_owned(),
            }],
            DataError::JsonSyntax { word, .. } => match word.as_deref() {
                Some("NaN" | "NA" | "nan" | "None" | "undefined") => {
                    vec!["missing values cannot be used: leave out these rows or fill them in".to_owned()]
                }
                Some("Infinity" | "-Infinity" | "inf" | "-inf" | "Inf" | "-Inf") => {
                    vec!["write an infinite number as the text \"+inf\" or \"-inf\"".to_owned()]
                }
                _ => vec![],
            },
            DataError::NotAnObject { .. } => {
                vec!["write {\"name\": value, …} with the names that the program declares".to_owned()]
            }
            DataError::Duplicate { .. } => vec!["keep one of the two".to_owned()],
            DataError::Delimiter { delimiter, .. } => vec![match delimiter {
                ';' => "save it with commas between columns and points in decimal numbers".to_owned(),
                _ => "save it with commas between columns".to_owned(),
            }],
            DataError::NoHeader { .. } => vec!["add a first line with the names of the columns".to_owned()],
            DataError::RaggedRow { .. } => {
                vec!["a comma inside a value needs quotes around that value".to_owned()]
            }
            DataError::UnknownColumn { near, .. } => did_you_mean(near),
            DataError::Missing { near, .. } if !near.is_empty() => did_you_mean(near),
            DataError::Missing { name, unused, .. } => {
                let unused = match &unused[..] {
                    [] => None,
                    unused => Some(format!("names there that the program does not use: {}", quoted(unused))),
                };
                let supply = format!("supply it in a file, `--data FILE`, or alone, `--data {name}=…`");
                unused.into_iter().chain([supply]).collect()
            }
            DataError::WrongType { expected, found, .. } => wrong_type_help(expected, found),
            DataError::NotAValue { .. } => {
                vec!["missing values cannot be used: leave out these rows or fill them in".to_owned()]
            }
            DataError::WrongRank { name, rank, found, .. } => match (rank, found) {
                (0, Found::Array(1)) => vec!["write the value without brackets".to_owned()],
                (0, Found::Column | Found::Columns(_)) => {
                    vec![format!("a column is an array even with one row: supply `--data {name}=…`")]
                }
                (1, Found::Number(number)) => vec![format!("write [{number}] for an array of one entry")],
                (2, Found::Column) => {
                    vec![format!(
                        "name the columns `{name}.1`, `{name}.2`, …, or map them: `--columns {name}=a..b`"
                    )]
                }
                (1, Found::Columns(_)) => vec![format!("declare `{name}` with two dimensions")],
                _ => vec![],
            },
            DataError::WrongSize { because, spec, .. } => match &because[..] {
                // The message says it.
                [Because { name, origin: Origin::Inferred(..), .. }] if name == spec => vec![],
                because => because.iter().map(origin).collect(),
            },
            DataError::UnknownSize { name, .. } => vec![format!("supply it: `--data {name}=…`")],
            DataError::IndexRange { base, other_base: Some(other), .. } => vec![match other {
                0 => format!("the values would fit levels counted from 0: leave out `from {base}`"),
                other => format!("the values would fit levels counted from {other}: declare `from {other}`"),
            }],
            DataError::Unreadable { .. }
            | DataError::Empty { .. }
            | DataError::CsvSyntax { .. }
            | DataError::ArrayFile { .. }
            | DataError::MissingColumn { .. }
            | DataError::RaggedArray { .. }
            | DataError::ImpossibleSize { .. }
            | DataError::NegativeSize { .. }
            | DataError::WrongDefault { .. }
            | DataError::Violation { .. }
            | DataError::IndexRange { .. } => vec![],
        }
    }
}

fn wrong_type_help(expected: &str, found: &Found) -> Vec<String> {
    match found {
        Found::Number(number) if expected == "an integer" => match number.parse::<f64>() {
            Ok(x) if x.abs() >= super::LARGEST_INT as f64 => {
                vec!["integers are exact up to 2^53 = 9007199254740992 only".to_owned()]
            }
            Ok(x) if x.fract() == 0.0 => vec![format!("write {x}, without a fraction or exponent")],
            _ => vec!["declare it `real` if fractions are meant".to_owned()],
        },
        Found::Text(text) if text.parse::<f64>().is_ok() => vec![format!("write {text} without quotes")],
        Found::Text(text) => {
            let point = text.replace(',', ".");
            let plain = text.replace([',', ' ', '_', '\''], "");
            if text.matches(',').count() == 1 && point.parse::<f64>().is_ok() && !thousands(text) {
                vec![format!("write a decimal point: {point}")]
            } else if plain != *text && plain.parse::<f64>().is_ok() {
                vec![format!("write {plain}")]
            } else if expected == "an integer" || expected == "a number" {
                vec!["declare it `factor[levels][…]` if these are names of levels".to_owned()]
            } else {
                vec![]
            }
        }
        _ => vec![],
    }
}

/// Whether a text has the comma of thousands: three digits follow it, so that it is no decimal
/// comma for certain.
fn thousands(text: &str) -> bool {
    text.rsplit_once(',').is_some_and(|(_, after)| after.len() == 3)
}

fn origin(because: &Because) -> String {
    let Because { name, value, origin } = because;
    match origin {
        Origin::Supplied(source) => format!("`{name}` is {value} in `{source}`"),
        Origin::Default => {
            format!("`{name}` is {value} by default: supply `--data {name}=…` to change it")
        }
        Origin::Inferred(sized, size) => format!("`{name}` is {value} because {}", has(sized, *size)),
    }
}

/// "`y` has 8 entries", "`x` has 3 entries along dimension 2", "`country` has 5 levels".
fn has(sized: &HasSize, size: usize) -> String {
    let HasSize { name, axis, rank } = sized;
    match axis {
        None => format!("`{name}` has {}", count(size, "level")),
        Some(0) if *rank == 1 => format!("`{name}` has {}", entries(size)),
        Some(0) if *rank == 2 => format!("`{name}` has {}", count(size, "row")),
        Some(1) if *rank == 2 => format!("`{name}` has {}", count(size, "column")),
        Some(axis) => format!("`{name}` has {} along dimension {}", entries(size), axis + 1),
    }
}

fn entries(number: usize) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn separator(delimiter: char) -> String {
    if delimiter == '\t' { "tabs".to_owned() } else { format!("`{delimiter}`") }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// "`a.json` does", "`a.json` and `b.csv` do": the subject of "not have".
fn do_not(sources: &[String]) -> String {
    match sources {
        [one] => format!("`{one}` does"),
        [first @ .., last] => format!("{} and `{last}` do", quoted(first)),
        [] => "no source does".to_owned(),
    }
}

fn did_you_mean(near: &[String]) -> Vec<String> {
    match near {
        [] => vec![],
        [first @ .., last] if !first.is_empty() => {
            vec![format!("did you mean {} or `{last}`?", quoted(first))]
        }
        near => vec![format!("did you mean {}?", quoted(near))],
    }
}
