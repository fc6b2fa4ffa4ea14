//! Tables: aligned columns with a heading on a terminal, tab-separated values for programs.

use std::borrow::Cow;
use std::io;

use aliyun_mqtt::printable;
use unicode_width::UnicodeWidthStr as _;

use crate::output::Out;

/// Printed in an empty cell.
pub(crate) const NOTHING: &str = "-";

/// A table with N columns, which can be printed in several parts.
pub(crate) struct Table<const N: usize> {
    heading: Option<[&'static str; N]>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    /// Creates a table whose heading is printed only on terminals.
    pub(crate) fn new(heading: [&'static str; N]) -> Self {
        Table { widths: heading.map(str::len), heading: Some(heading) }
    }

    /// Prints these rows and flushes them. Columns never become narrower.
    pub(crate) fn rows(&mut self, out: &mut Out, rows: &[[String; N]]) -> io::Result<()> {
        for line in self.lines(out.is_terminal(), rows) {
            out.row(&line)?;
        }
        Ok(())
    }

    fn lines(&mut self, terminal: bool, rows: &[[String; N]]) -> Vec<String> {
        let rows: Vec<[Cow<'_, str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
        if !terminal {
            return rows.iter().map(|row| row.join("\t")).collect();
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let heading = self.heading.take().map(|heading| self.aligned(&heading.map(Cow::Borrowed)));
        heading.into_iter().chain(rows.iter().map(|row| self.aligned(row))).collect()
    }

    fn aligned(&self, row: &[Cow<'_, str>; N]) -> String {
        let padded = |(cell, width): (&Cow<'_, str>, usize)| {
            // The formatter would count characters, not columns.
            format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width())))
        };
        let cells: Vec<String> = row.iter().zip(self.widths).map(padded).collect();
        cells.join("  ").trim_end().to_string()
    }
}

/// Prints names with their values, one pair per line.
pub(crate) fn fields(out: &mut Out, fields: &[(&str, &str)]) -> io::Result<()> {
    let rows: Vec<[String; 2]> =
        fields.iter().map(|(name, value)| [(*name).to_string(), (*value).to_string()]).collect();
    Table { heading: None, widths: [0; 2] }.rows(out, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 2]]) -> Vec<[String; 2]> {
        rows.iter().map(|row| row.map(str::to_string)).collect()
    }

    #[test]
    fn programs_get_tabs_and_no_heading() {
        let mut table = Table::new(["NAME", "STATE"]);
        assert_eq!(table.lines(false, &rows(&[["a", "on"], ["b\tc\n", ""]])), ["a\ton", "b\\tc\\n\t"]);
    }

    #[test]
    fn people_get_columns_and_the_heading_once() {
        let mut table = Table::new(["NAME", "STATE"]);
        assert_eq!(table.lines(true, &rows(&[["a", "on"]])), ["NAME  STATE", "a     on"]);
        assert_eq!(table.lines(true, &rows(&[["中文abc", "off"]])), ["中文abc  off"]);
        // Each of the Chinese characters takes two columns, and a combining accent none.
        assert_eq!(table.lines(true, &rows(&[["abcdefg", "on"], ["cafe\u{301}", ""]]))[0], "abcdefg  on");
        let mut table = Table::new(["A", "B"]);
        let lines = table.lines(true, &rows(&[["消息轨", "1"], ["abcd", "2"], ["e\u{301}", "3"]]));
        assert_eq!(lines, ["A       B", "消息轨  1", "abcd    2", "e\u{301}       3"]);
        assert_eq!(table.lines(true, &rows(&[["a", ""]])), ["a"]);
    }
}
