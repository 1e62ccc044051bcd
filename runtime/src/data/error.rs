//! What can be wrong with data, as facts; `explain.rs` makes the sentences.

use std::fmt;
use std::path::PathBuf;

/// A finding about the data. [`DataError::message`] says what was found and where,
/// [`DataError::help`] what to do.
#[derive(Debug, Clone, PartialEq)]
pub enum DataError {
    /// There is no such file.
    NotFound {
        /// The path as given.
        path: PathBuf,
        /// Files in the same directory that may have been meant.
        near: Vec<String>,
    },
    /// The path is a directory.
    Directory {
        /// The path as given.
        path: PathBuf,
        /// Data files in it.
        inside: Vec<String>,
    },
    /// The file cannot be read.
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The extension is of no known format.
    UnknownFormat {
        /// The path as given.
        path: PathBuf,
    },
    /// The file has no content but white space.
    Empty {
        /// The source.
        source: String,
    },
    /// The file is not text in UTF-8.
    NotUtf8 {
        /// The source.
        source: String,
        /// Line of the first wrong byte, from 1.
        line: usize,
        /// Whether it begins with the mark of UTF-16.
        utf16: bool,
    },
    /// The text is not JSON.
    JsonSyntax {
        /// The source.
        source: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        reason: String,
        /// The word found there when JSON has no such word: `NaN`, `NA`, `Infinity`, …
        word: Option<String>,
    },
    /// The JSON is no object of names.
    NotAnObject {
        /// The source.
        source: String,
        /// What it is: "an array of 3".
        found: String,
    },
    /// One name twice in a source.
    Duplicate {
        /// The source.
        source: String,
        /// The name.
        name: String,
    },
    /// The columns are separated by something other than commas.
    Delimiter {
        /// The source.
        source: String,
        /// The separator found.
        delimiter: char,
    },
    /// The first line holds values where names should stand.
    NoHeader {
        /// The source.
        source: String,
        /// The first line's first value.
        first: String,
    },
    /// A row has more or fewer values than the header has names.
    RaggedRow {
        /// The source.
        source: String,
        /// Line in the file, from 1.
        line: u64,
        /// Names in the header.
        expected: usize,
        /// Values in the row.
        found: usize,
    },
    /// The CSV text cannot be read on.
    CsvSyntax {
        /// The source.
        source: String,
        /// What the parser says.
        reason: String,
    },
    /// The file is no array file, or damaged.
    ArrayFile {
        /// The source.
        source: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `--columns` names a column that no CSV source has, or in an impossible order.
    UnknownColumn {
        /// The column.
        column: String,
        /// Columns that may have been meant.
        near: Vec<String>,
        /// The sources looked at.
        sources: Vec<String>,
    },
    /// Of the columns `x.1`, `x.2`, … of a matrix one is absent.
    MissingColumn {
        /// The source.
        source: String,
        /// The declared name.
        name: String,
        /// The column that should be there.
        column: String,
    },
    /// No source has a declared name.
    Missing {
        /// The declared name.
        name: String,
        /// Its declared type.
        declared: String,
        /// Names in the sources that may have been meant.
        near: Vec<String>,
        /// Names in the sources that no declaration uses, at most eight.
        unused: Vec<String>,
        /// The sources looked at.
        sources: Vec<String>,
    },
    /// An entry is of another type than declared.
    WrongType {
        /// The declared name.
        name: String,
        /// Its declared type.
        declared: String,
        /// Where the entry stands.
        place: Box<Place>,
        /// What belongs there: "an integer".
        expected: &'static str,
        /// What is there: "the number 1.5".
        found: Found,
    },
    /// An entry is absent or not a number.
    NotAValue {
        /// The declared name.
        name: String,
        /// Where the entry stands.
        place: Box<Place>,
        /// What is there; empty for an empty cell.
        found: String,
    },
    /// Arrays are nested less or more deeply than declared.
    WrongRank {
        /// The declared name.
        name: String,
        /// Its declared type.
        declared: String,
        /// How many dimensions are declared.
        rank: usize,
        /// Where the nesting differs.
        place: Box<Place>,
        /// What is there.
        found: Found,
    },
    /// The rows of an array differ in length.
    RaggedArray {
        /// The declared name.
        name: String,
        /// Where the row stands.
        place: Box<Place>,
        /// The length of the rows before it.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// The size of an array is not the declared one.
    WrongSize {
        /// What has that size.
        sized: HasSize,
        /// The size found.
        found: usize,
        /// The declared size.
        spec: String,
        /// The declared size as a number.
        expected: i64,
        /// Where the names in the declared size got their values.
        because: Vec<Because>,
    },
    /// No integer makes the declared size that of the array.
    ImpossibleSize {
        /// What has that size.
        sized: HasSize,
        /// The size found.
        found: usize,
        /// The declared size.
        spec: String,
        /// The name that was to be inferred.
        unknown: String,
    },
    /// A size is neither supplied nor inferable.
    UnknownSize {
        /// The name of the size.
        name: String,
        /// A declaration that uses it, name and type.
        used_by: (String, String),
        /// The sources looked at.
        sources: Vec<String>,
    },
    /// A declared size is negative.
    NegativeSize {
        /// The declared name.
        name: String,
        /// Its declared type.
        declared: String,
        /// The size.
        spec: String,
        /// Its value.
        value: i64,
    },
    /// The default cannot be broadcast to the declared shape.
    WrongDefault {
        /// The declared name.
        name: String,
        /// Its declared type.
        declared: String,
        /// The default's shape.
        found: Vec<usize>,
        /// The declared shape.
        shape: Vec<usize>,
    },
    /// A value violates its declared constraint.
    Violation {
        /// The declared name.
        name: String,
        /// Its declared type.
        declared: String,
        /// Where the value stands.
        place: Box<Place>,
        /// What is wrong: "-1 is not positive".
        what: String,
    },
    /// An index lies outside its levels.
    IndexRange {
        /// The declared name.
        name: String,
        /// Its declared type.
        declared: String,
        /// Where the value stands.
        place: Box<Place>,
        /// The value in the source.
        found: i64,
        /// The number of the first level.
        base: i64,
        /// How many levels there are.
        levels: i64,
        /// Whether all values would fit with the other usual base, and which that is.
        other_base: Option<i64>,
    },
}

/// Where an entry stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In JSON: `sigma[3]` in `data.json`; zero-based as JSON tools count.
    Json {
        /// The source.
        source: String,
        /// Name and positions.
        path: String,
    },
    /// In CSV, both numbers from 1; the header is line 1 and the row below it row 1.
    Cell {
        /// The source.
        source: String,
        /// Line in the file.
        line: u64,
        /// Row of data.
        row: usize,
        /// The column's name.
        column: String,
    },
    /// A whole column or group of columns.
    Column {
        /// The source.
        source: String,
        /// Its name.
        column: String,
    },
    /// In the program itself: a default, or an inferred size.
    Program {
        /// The declared name.
        name: String,
    },
}

impl Place {
    /// The source it is in, empty for the program itself.
    pub fn source(&self) -> &str {
        match self {
            Place::Json { source, .. } | Place::Cell { source, .. } | Place::Column { source, .. } => source,
            Place::Program { .. } => "",
        }
    }
}

/// "`sigma[3]` in `data.json`", "row 4 (line 5), column `y` of `data.csv`".
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Json { source, path } => write!(f, "`{path}` in `{source}`"),
            Place::Cell { source, line, row, column } => {
                write!(f, "row {row} (line {line}), column `{column}` of `{source}`")
            }
            Place::Column { source, column } => write!(f, "column `{column}` of `{source}`"),
            Place::Program { name } => write!(f, "`{name}`"),
        }
    }
}

/// What was found in place of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A number, as written.
    Number(String),
    /// Text.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// An array of that length.
    Array(usize),
    /// An array of that shape.
    Shape(Vec<usize>),
    /// An object.
    Object,
    /// One column, which is an array.
    Column,
    /// That many columns, which are a matrix.
    Columns(usize),
}

/// "the number 1.5", "the text "abc"", "an array of 3".
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Number(number) => write!(f, "the number {number}"),
            Found::Text(text) => write!(f, "the text \"{text}\""),
            Found::Bool(value) => write!(f, "{value}"),
            Found::Array(len) => write!(f, "an array of {len}"),
            Found::Shape(sizes) if sizes.is_empty() => f.write_str("a single number"),
            Found::Shape(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
                write!(f, "an array of {}", sizes.join(" × "))
            }
            Found::Object => f.write_str("an object"),
            Found::Column => f.write_str("one column"),
            Found::Columns(count) => write!(f, "a group of {count} columns"),
        }
    }
}

/// What has a size: an axis of an array or the levels of a factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HasSize {
    /// The declared name.
    pub name: String,
    /// The axis counted from 0; `None` for a factor's levels.
    pub axis: Option<usize>,
    /// How many axes it has.
    pub rank: usize,
}

/// How a size got its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// The size.
    pub name: String,
    /// Its value.
    pub value: i64,
    /// Why.
    pub origin: Origin,
}

/// Where the value of a size comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A source supplies it.
    Supplied(String),
    /// The program's default.
    Default,
    /// An array has this size, and the array's size is the name itself or a formula of it.
    Inferred(HasSize, usize),
}

impl DataError {
    /// The stable code; `vary explain` has a page on each.
    pub fn code(&self) -> &'static str {
        match self {
            DataError::NotFound { .. }
            | DataError::Directory { .. }
            | DataError::Unreadable { .. }
            | DataError::UnknownFormat { .. } => "E0701",
            DataError::Empty { .. }
            | DataError::NotUtf8 { .. }
            | DataError::JsonSyntax { .. }
            | DataError::NotAnObject { .. }
            | DataError::Duplicate { .. }
            | DataError::Delimiter { .. }
            | DataError::NoHeader { .. }
            | DataError::RaggedRow { .. }
            | DataError::CsvSyntax { .. }
            | DataError::ArrayFile { .. } => "E0702",
            DataError::Missing { .. } | DataError::MissingColumn { .. } => "E0703",
            DataError::WrongType { .. } => "E0704",
            DataError::WrongRank { .. } | DataError::RaggedArray { .. } => "E0705",
            DataError::WrongSize { .. }
            | DataError::ImpossibleSize { .. }
            | DataError::NegativeSize { .. }
            | DataError::WrongDefault { .. } => "E0706",
            DataError::UnknownSize { .. } => "E0707",
            DataError::NotAValue { .. } => "E0708",
            DataError::Violation { .. } | DataError::IndexRange { .. } => "E0709",
            DataError::UnknownColumn { .. } => "E0710",
        }
    }

    /// The declaration concerned, if it is about one.
    pub fn name(&self) -> Option<&str> {
        match self {
            DataError::Missing { name, .. }
            | DataError::MissingColumn { name, .. }
            | DataError::WrongType { name, .. }
            | DataError::WrongRank { name, .. }
            | DataError::RaggedArray { name, .. }
            | DataError::NotAValue { name, .. }
            | DataError::Violation { name, .. }
            | DataError::IndexRange { name, .. }
            | DataError::NegativeSize { name, .. }
            | DataError::WrongDefault { name, .. }
            | DataError::UnknownSize { name, .. } => Some(name),
            DataError::WrongSize { sized, .. } | DataError::ImpossibleSize { sized, .. } => Some(&sized.name),
            _ => None,
        }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for DataError {}
