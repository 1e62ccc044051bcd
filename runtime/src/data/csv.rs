//! Tables with named columns: a column is an array, a group `x.1`, `x.2`, … (or `x[1]`, …) is a
//! matrix with a row of the file in each row, groups with more indices are arrays of more
//! dimensions. Indices count from 1 or from 0.

use csv::{ReaderBuilder, StringRecord};

use super::cells::{Cells, Entries, level, number};
use super::{ColumnPick, DataError, Declared, Found, Place};

/// A parsed table.
#[derive(Debug, Clone)]
pub struct CsvSource {
    /// What messages call it.
    pub(crate) label: String,
    header: Vec<String>,
    /// Line in the file, and the values: as many as the header has names.
    rows: Vec<(u64, StringRecord)>,
    /// From `--columns`: declared names and positions of their first and last column.
    mapped: Vec<(String, Mapped)>,
}

#[derive(Debug, Clone, Copy)]
enum Mapped {
    One(usize),
    Range(usize, usize),
}

impl CsvSource {
    /// Parses a text without byte order mark.
    pub(crate) fn parse(label: &str, text: &str) -> Result<Self, DataError> {
        let source = label.to_owned();
        let invalid =
            |error: csv::Error| DataError::CsvSyntax { source: source.clone(), reason: error.to_string() };
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header: Vec<String> =
            reader.headers().map_err(invalid)?.iter().map(|name| name.trim().to_owned()).collect();
        check_header(label, &header)?;
        let mut rows: Vec<(u64, StringRecord)> = vec![];
        for record in reader.records() {
            let record = record.map_err(invalid)?;
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != header.len() {
                let (expected, found) = (header.len(), record.len());
                return Err(DataError::RaggedRow { source, line, expected, found });
            }
            rows.push((line, record));
        }
        if let [_] = &header[..] {
            rows = with_blank_lines(text, rows);
        }
        Ok(CsvSource { label: source, header, rows, mapped: vec![] })
    }

    /// The names of the columns in order.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Applies one entry of `--columns`; the column that is not there, if any.
    pub(crate) fn map(&mut self, name: &str, pick: &ColumnPick) -> Result<(), String> {
        let at = |column: &String| self.header.iter().position(|other| other == column).ok_or(column.clone());
        let mapped = match pick {
            ColumnPick::One(column) => Mapped::One(at(column)?),
            ColumnPick::Range(first, last) => match (at(first)?, at(last)?) {
                (from, to) if from <= to => Mapped::Range(from, to),
                _ => return Err(format!("{first}..{last}")),
            },
        };
        self.mapped.push((name.to_owned(), mapped));
        Ok(())
    }

    /// The names that a declaration could use: columns, and groups of columns by their common name,
    /// less the columns that `--columns` uses.
    pub(crate) fn names(&self) -> Vec<&str> {
        let taken = |at: usize| {
            self.mapped.iter().any(|(_, mapped)| match *mapped {
                Mapped::One(column) => column == at,
                Mapped::Range(from, to) => (from..=to).contains(&at),
            })
        };
        let mut names: Vec<&str> = self.mapped.iter().map(|(name, _)| name.as_str()).collect();
        for (at, column) in self.header.iter().enumerate() {
            let name = indexed(column).map_or(column.as_str(), |(name, _)| name);
            if !taken(at) && !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The entries of the declared name, if it is there.
    pub(crate) fn read(&self, declared: &Declared) -> Option<Result<Cells, DataError>> {
        let columns = match self.columns(&declared.name)? {
            Ok(columns) => columns,
            Err(error) => return Some(Err(error)),
        };
        Some(self.entries(declared, &columns))
    }

    /// Where the entry at this position stands.
    pub(crate) fn place(&self, name: &str, index: &[usize]) -> Place {
        let found = self.columns(name).and_then(Result::ok);
        let (row, inner) = index.split_first().unwrap_or((&0, &[]));
        let at = found.and_then(|found| {
            let number = inner.iter().zip(&found.shape).fold(0, |number, (i, size)| number * size + i);
            found.at.get(number).copied()
        });
        match (at, self.rows.get(*row)) {
            (Some(at), Some((line, _))) if !index.is_empty() => self.cell(*line, *row, at),
            _ => Place::Column { source: self.label.clone(), column: name.to_owned() },
        }
    }

    fn cell(&self, line: u64, row: usize, at: usize) -> Place {
        Place::Cell { source: self.label.clone(), line, row: row + 1, column: self.header[at].clone() }
    }

    fn entries(&self, declared: &Declared, columns: &Group) -> Result<Cells, DataError> {
        if declared.dims.len() != columns.shape.len() + 1 {
            return Err(DataError::WrongRank {
                name: declared.name.clone(),
                declared: declared.to_string(),
                rank: declared.dims.len(),
                place: Box::new(Place::Column { source: self.label.clone(), column: declared.name.clone() }),
                found: if columns.shape.is_empty() {
                    Found::Column
                } else {
                    Found::Columns(columns.at.len())
                },
            });
        }
        let mut entries = Entries::of(declared);
        for (row, (line, record)) in self.rows.iter().enumerate() {
            for &at in &columns.at {
                let text = record.get(at).unwrap_or_default();
                let pushed = match &mut entries {
                    Entries::Numbers(numbers) => number(text, declared).map(|x| numbers.push(x)),
                    Entries::Levels(levels) => level(text).map(|name| levels.push(name)),
                };
                pushed.map_err(|refused| refused.at(declared, self.cell(*line, row, at)))?;
            }
        }
        let shape = std::iter::once(self.rows.len()).chain(columns.shape.iter().copied()).map(Some).collect();
        Ok(Cells { shape, entries })
    }

    /// The columns of a name: mapped, of exactly that name, or a group.
    fn columns(&self, name: &str) -> Option<Result<Group, DataError>> {
        if let Some((_, mapped)) = self.mapped.iter().find(|(other, _)| other == name) {
            return Some(Ok(match *mapped {
                Mapped::One(at) => Group { at: vec![at], shape: vec![] },
                Mapped::Range(from, to) => Group { at: (from..=to).collect(), shape: vec![to - from + 1] },
            }));
        }
        let mut exact = (0..self.header.len()).filter(|at| self.header[*at] == name);
        match (exact.next(), exact.next()) {
            (Some(_), Some(_)) => {
                Some(Err(DataError::Duplicate { source: self.label.clone(), name: name.to_owned() }))
            }
            (Some(at), None) => Some(Ok(Group { at: vec![at], shape: vec![] })),
            (None, _) => self.group(name),
        }
    }

    fn group(&self, name: &str) -> Option<Result<Group, DataError>> {
        let mut members: Vec<(Vec<usize>, usize)> = vec![];
        for (at, column) in self.header.iter().enumerate() {
            if let Some((_, index)) = indexed(column).filter(|(other, _)| *other == name) {
                members.push((index, at));
            }
        }
        members.sort();
        let (first, _) = members.first()?;
        let rank = first.len();
        let base = usize::from(!members.iter().any(|(index, _)| index.contains(&0)));
        let shape: Vec<usize> = (0..rank)
            .map(|axis| {
                members
                    .iter()
                    .filter_map(|(index, _)| index.get(axis))
                    .max()
                    .map_or(0, |max| max.saturating_add(1) - base)
            })
            .collect();
        // In order, the indices of a complete group are those of a row-major walk.
        let mut expected = vec![base; rank];
        let mut before: Option<&Vec<usize>> = None;
        for (index, at) in &members {
            if *index != expected {
                let (source, name) = (self.label.clone(), name.to_owned());
                return Some(Err(match before == Some(index) {
                    true => DataError::Duplicate { source, name: self.header[*at].clone() },
                    false => {
                        DataError::MissingColumn { source, column: like(&self.header[*at], &expected), name }
                    }
                }));
            }
            before = Some(index);
            for axis in (0..rank).rev() {
                expected[axis] += 1;
                if expected[axis] < base + shape[axis] || axis == 0 {
                    break;
                }
                expected[axis] = base;
            }
        }
        if members.len() != shape.iter().product::<usize>() {
            let like_last = members.last().map_or(0, |(_, at)| *at);
            let column = like(&self.header[like_last], &expected);
            return Some(Err(DataError::MissingColumn {
                source: self.label.clone(),
                name: name.to_owned(),
                column,
            }));
        }
        Some(Ok(Group { at: members.into_iter().map(|(_, at)| at).collect(), shape }))
    }
}

/// The columns of one name in row-major order.
struct Group {
    /// Positions in the header.
    at: Vec<usize>,
    /// Sizes beyond the rows.
    shape: Vec<usize>,
}

/// `x.1.2` and `x[1,2]` as name and indices.
fn indexed(column: &str) -> Option<(&str, Vec<usize>)> {
    let (name, indices) = match column.strip_suffix(']') {
        Some(open) => open.split_once('[').map(|(name, indices)| (name, indices.split(',')))?,
        None => column.split_once('.').map(|(name, indices)| (name, indices.split('.')))?,
    };
    let indices: Option<Vec<usize>> = indices.map(|index| index.trim().parse().ok()).collect();
    Some((name, indices?)).filter(|(name, _)| !name.is_empty())
}

/// A column name with these indices, written like `other`.
fn like(other: &str, index: &[usize]) -> String {
    let name = indexed(other).map_or(other, |(name, _)| name);
    let texts: Vec<String> = index.iter().map(usize::to_string).collect();
    if other.ends_with(']') {
        format!("{name}[{}]", texts.join(","))
    } else {
        format!("{name}.{}", texts.join("."))
    }
}

fn check_header(label: &str, header: &[String]) -> Result<(), DataError> {
    let source = label.to_owned();
    if let [only] = header
        && let Some(delimiter) = [';', '\t', '|'].into_iter().find(|delimiter| only.contains(*delimiter))
    {
        return Err(DataError::Delimiter { source, delimiter });
    }
    match header.first() {
        Some(first) if header.iter().all(|name| name.parse::<f64>().is_ok()) => {
            Err(DataError::NoHeader { source, first: first.clone() })
        }
        _ => Ok(()),
    }
}

/// In a table of one column a blank line is a missing value, which the CSV reader drops. They are put
/// back, but for those at the end of the file.
fn with_blank_lines(text: &str, rows: Vec<(u64, StringRecord)>) -> Vec<(u64, StringRecord)> {
    if text.contains('"') {
        return rows;
    }
    let body = text.trim_end().lines().zip(1..).skip_while(|(line, _)| line.is_empty()).skip(1);
    body.map(|(line, number)| (number, StringRecord::from(vec![line]))).collect()
}
