//! Which columns of a table are which data: `--columns 'x=a..b,y=t'`.

use std::str::FromStr;

/// The columns that stand for one declared name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnPick {
    /// `y=t`: one column, an array.
    One(String),
    /// `x=a..b`: all columns from `a` to `b` in the order of the file, a matrix.
    Range(String, String),
}

/// Declared names with their columns, in the order written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns(pub Vec<(String, ColumnPick)>);

impl FromStr for Columns {
    type Err = String;

    /// Parses `name=column,name=first..last`. Names of columns may hold anything but `,` and `..`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut picks: Vec<(String, ColumnPick)> = vec![];
        for part in text.split(',') {
            let (name, columns) =
                part.split_once('=').ok_or_else(|| format!("`{}` is not name=column", part.trim()))?;
            let (name, columns) = (name.trim().to_owned(), columns.trim());
            let pick = match columns.split_once("..") {
                Some((first, last)) => ColumnPick::Range(first.trim().to_owned(), last.trim().to_owned()),
                None => ColumnPick::One(columns.to_owned()),
            };
            let empty = match &pick {
                ColumnPick::One(column) => column.is_empty(),
                ColumnPick::Range(first, last) => first.is_empty() || last.is_empty(),
            };
            if name.is_empty() || empty {
                return Err(format!("`{}` is not name=column or name=first..last", part.trim()));
            }
            if picks.iter().any(|(other, _)| *other == name) {
                return Err(format!("`{name}` is given twice"));
            }
            picks.push((name, pick));
        }
        Ok(Columns(picks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_names_and_ranges() {
        let columns: Columns = "x=sepal length (cm)..petal width (cm), y = target".parse().unwrap();
        let range = ColumnPick::Range("sepal length (cm)".into(), "petal width (cm)".into());
        assert_eq!(columns.0, [("x".into(), range), ("y".into(), ColumnPick::One("target".into()))]);
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let refuse = |text: &str| text.parse::<Columns>().unwrap_err();
        assert_eq!(refuse("x"), "`x` is not name=column");
        assert_eq!(refuse("x=a,"), "`` is not name=column");
        assert_eq!(refuse("x=a.."), "`x=a..` is not name=column or name=first..last");
        assert_eq!(refuse("x=a,x=b"), "`x` is given twice");
    }
}
