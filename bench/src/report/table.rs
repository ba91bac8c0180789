//! This file is about tables: Markdown whose columns are aligned, so that it reads on a terminal as well.

use std::fmt::Write as _;

/// A table with a caption.
pub(crate) struct Table {
    caption: &'static str,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows yet; an empty caption is left out.
    pub(crate) fn new(caption: &'static str, columns: &[&str]) -> Self {
        Self { caption, rows: vec![columns.iter().map(|column| (*column).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as Markdown, without a line end.
    pub(crate) fn markdown(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        if !self.caption.is_empty() {
            let _ = write!(text, "{}:\n\n", self.caption);
        }
        for (number, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let _ = write!(text, "| {:width$} ", row.get(column).map_or("", String::as_str));
            }
            text.push_str("|\n");
            if number == 0 {
                widths.iter().for_each(|width| {
                    let _ = write!(text, "|{}", "-".repeat(width + 2));
                });
                text.push_str("|\n");
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}
