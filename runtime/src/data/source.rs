//! Files and values from the command line.

use std::fs;
use std::path::Path;

use super::arrays::{ArraySource, EXTENSIONS};
use super::cells::Cells;
use super::csv::CsvSource;
use super::json::JsonSource;
use super::near::near;
use super::{Columns, DataError, Declared, Place};

/// Something that supplies data by name.
#[derive(Debug, Clone)]
pub enum Source {
    /// Stan-style JSON, or one value from the command line.
    Json(JsonSource),
    /// A table with named columns.
    Csv(CsvSource),
    /// Arrays in a binary file.
    Arrays(ArraySource),
}

impl Source {
    /// `--data name=text`: JSON, where a bare word is text.
    ///
    /// # Errors
    /// [`DataError::JsonSyntax`] and [`DataError::Empty`].
    pub fn inline(name: &str, text: &str) -> Result<Self, DataError> {
        JsonSource::inline(name, text).map(Source::Json)
    }

    /// `--data name=file` of an array file: the array in it under this name of the program. `None` when the text is
    /// no such file.
    ///
    /// # Errors
    /// As of [`open`].
    pub fn array(name: &str, path: &Path) -> Option<Result<Self, DataError>> {
        let known = extension(path).is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()));
        (known || path.is_file()).then(|| {
            let bytes = content(path)?;
            ArraySource::parse(path, Some(name), &bytes).map(Source::Arrays)
        })
    }

    /// Reads the content of a data file; see [`open`].
    ///
    /// # Errors
    /// All variants about the syntax of files.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, DataError> {
        let format = extension(path);
        if format.as_deref().is_some_and(|format| EXTENSIONS.contains(&format)) {
            return ArraySource::parse(path, None, bytes).map(Source::Arrays);
        }
        if !matches!(format.as_deref(), Some("json" | "csv")) {
            return Err(DataError::UnknownFormat { path: path.to_owned() });
        }
        let label = path.display().to_string();
        let text = utf8(&label, bytes)?;
        if text.trim().is_empty() {
            return Err(DataError::Empty { source: label });
        }
        match format.as_deref() {
            Some("json") => JsonSource::parse(&label, text).map(Source::Json),
            _ => CsvSource::parse(&label, text).map(Source::Csv),
        }
    }

    /// What messages call it: the path as given, or `--data name`.
    pub fn label(&self) -> &str {
        match self {
            Source::Json(json) => &json.label,
            Source::Csv(csv) => &csv.label,
            Source::Arrays(arrays) => &arrays.label,
        }
    }

    /// The names it can supply.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Source::Json(json) => json.names().collect(),
            Source::Csv(csv) => csv.names(),
            Source::Arrays(arrays) => arrays.names().collect(),
        }
    }

    /// The entries of a declared name, if it is there.
    pub(crate) fn read(&self, declared: &Declared) -> Option<Result<Cells, DataError>> {
        match self {
            Source::Json(json) => json.read(declared),
            Source::Csv(csv) => csv.read(declared),
            Source::Arrays(arrays) => arrays.read(declared),
        }
    }

    /// Where the entry at this position stands.
    pub(crate) fn place(&self, name: &str, index: &[usize]) -> Place {
        match self {
            Source::Json(json) => json.place(name, index),
            Source::Csv(csv) => csv.place(name, index),
            Source::Arrays(arrays) => arrays.place(name, index),
        }
    }
}

/// Reads a data file; its extension names the format, in any case: `.json`, `.csv`, or one of array files, `.npy`,
/// `.npz`, `.idx` and `.gz`.
///
/// # Errors
/// All variants about files and their syntax; nothing is known of declarations yet.
pub fn open(path: &Path) -> Result<Source, DataError> {
    if path.is_dir() {
        return Err(DataError::Directory { path: path.to_owned(), inside: data_files(path) });
    }
    Source::parse(path, &content(path)?)
}

fn content(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => DataError::NotFound { path: path.to_owned(), near: near_files(path) },
        _ => DataError::Unreadable { path: path.to_owned(), reason: error.to_string() },
    })
}

/// Applies `--columns` to every CSV source that has the columns asked for.
///
/// # Errors
/// One [`DataError::UnknownColumn`] for each entry that fits none of them.
pub fn map_columns(sources: &mut [Source], columns: &Columns) -> Result<(), Vec<DataError>> {
    let mut errors = vec![];
    for (name, pick) in &columns.0 {
        let mut absent = None;
        let mut found = false;
        let tables = || {
            sources.iter().filter_map(|source| if let Source::Csv(csv) = source { Some(csv) } else { None })
        };
        let labels: Vec<String> = tables().map(|csv| csv.label.clone()).collect();
        let all: Vec<String> = tables().flat_map(|csv| csv.header().to_vec()).collect();
        for source in sources.iter_mut() {
            if let Source::Csv(csv) = source {
                match csv.map(name, pick) {
                    Ok(()) => found = true,
                    Err(column) => absent = Some(column),
                }
            }
        }
        if !found {
            let column = absent.unwrap_or_else(|| match pick {
                super::ColumnPick::One(column) | super::ColumnPick::Range(column, _) => column.clone(),
            });
            let near = near(&column, all.iter().map(String::as_str));
            errors.push(DataError::UnknownColumn { column, near, sources: labels });
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn extension(path: &Path) -> Option<String> {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase())
}

/// The text without byte order mark.
fn utf8<'a>(label: &str, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            Err(DataError::NotUtf8 { source: label.to_owned(), line, utf16 })
        }
    }
}

/// Up to three data files in a directory.
fn data_files(directory: &Path) -> Vec<String> {
    let mut files: Vec<String> = file_names(directory)
        .into_iter()
        .filter(|name| matches!(extension(Path::new(name)).as_deref(), Some("json" | "csv" | "npy" | "npz")))
        .map(|name| directory.join(name).display().to_string())
        .collect();
    files.sort();
    files.truncate(3);
    files
}

/// Files beside an absent one whose names are close to its name.
fn near_files(path: &Path) -> Vec<String> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return vec![] };
    let names = file_names(directory);
    near(&name, names.iter().map(String::as_str))
        .into_iter()
        .map(|near| path.with_file_name(near).display().to_string())
        .collect()
}

fn file_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
