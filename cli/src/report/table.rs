//! Aligned tables of numbers.

/// Entries of one array that are shown; the JSON has all.
pub const SHOWN: usize = 12;

/// Four significant digits, without an exponent where that is readable.
pub fn number_text(x: f64) -> String {
    let magnitude = if x == 0.0 || !x.is_finite() { 0 } else { x.abs().log10().floor() as i32 };
    match magnitude {
        _ if !x.is_finite() => x.to_string(),
        -4..=5 => format!("{x:.*}", (3 - magnitude).clamp(0, 7) as usize),
        _ => format!("{x:.3e}"),
    }
}

/// Rows of cells; the first column is aligned left, the others right.
pub struct Table {
    rows: Vec<Vec<String>>,
    header: usize,
}

impl Table {
    /// A table with this header.
    pub fn new(header: &[&str]) -> Self {
        Table { rows: vec![header.iter().map(|cell| (*cell).to_owned()).collect()], header: header.len() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Says that not all of `count` entries are shown, if so.
    pub fn more(&mut self, name: &str, count: usize) {
        if count > SHOWN {
            self.row([format!("{name}: {} more, see --json", count - SHOWN)]);
        }
    }

    /// The table after an empty line, or nothing without rows.
    pub fn draw(&self) -> String {
        if self.rows.len() == 1 {
            return String::new();
        }
        // A remark on more entries may be long and has no cells beside it.
        let width = |column: usize| {
            let cells = self.rows.iter().filter(|row| row.len() > 1).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header).map(width).collect();
        let mut text = String::from("\n");
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}
