use super::output::plain;

/// Rows in columns for people.
pub(super) struct Table {
    /// Columns whose cells stand at the right.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings; those that begin with `>` stand at the right.
    pub(super) fn new(headings: &[&str]) -> Self {
        let plain = |heading: &&str| heading.trim_start_matches('>').to_owned();
        Self {
            right: headings
                .iter()
                .map(|heading| heading.starts_with('>'))
                .collect(),
            rows: vec![headings.iter().map(plain).collect()],
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| plain(&cell));
        self.rows.push(cells.collect());
    }

    /// The text, without spaces at line ends.
    pub(super) fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                let space = " ".repeat(width - cell.chars().count());
                let (before, after) = if *right { (&*space, "") } else { ("", &*space) };
                line.extend([before, cell, after]);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_headings() {
        let mut table = Table::new(&["NAME", ">COUNT"]);
        table.row(["ä".to_owned(), "1,000,000".to_owned()]);
        table.row(["long\u{1b}[31m name".to_owned(), "7".to_owned()]);
        assert_eq!(
            table.text(),
            "NAME               COUNT\nä              1,000,000\nlong[31m name          7\n"
        );
    }
}
