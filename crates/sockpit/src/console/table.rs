//! Tables for people: columns that line up, whatever width the characters have.

use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::width;

use super::{Console, Style, language};

/// In columns: what parts two columns.
const GAP: usize = 2;

/// In columns: the last column of a table is not made narrower than this.
const NARROWEST: usize = 16;

impl Console {
    /// Prints a table as data. Cells may hold anything: they are escaped here (rule D2); an empty one
    /// is a dash. On a terminal the last column is cut to what fits.
    pub(crate) fn table(&self, heads: &[&str], rows: &[Vec<String>]) {
        self.print(&lay_out(heads, rows, self.columns(), self.style()));
    }
}

fn lay_out(heads: &[&str], rows: &[Vec<String>], columns: Option<usize>, style: Style) -> String {
    let visible = |(cell, head): (&String, &&str)| match cell.as_str() {
        "" => "-".to_owned(),
        // What others named is not ours to say.
        cell if *head == "STATE" || cell.starts_with('(') || cell.starts_with("gone ") => {
            VisibleLine(&language::say(cell)).to_string()
        }
        cell => VisibleLine(cell).to_string(),
    };
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().zip(heads).map(visible).collect())
        .collect();
    let heads: Vec<_> = heads.iter().map(|head| language::say(head)).collect();
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            cells
                .map(|cell| width::width(cell))
                .fold(width::width(head), usize::max)
        })
        .collect();
    let last = heads.len().saturating_sub(1);
    let before: usize = widths.iter().take(last).map(|width| width + GAP).sum();
    let room = columns.map(|columns| columns.saturating_sub(before).max(NARROWEST));
    let line = |cells: &[String]| {
        let mut line = String::new();
        for (at, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
            if at == last {
                let cut =
                    room.map_or_else(|| cell.as_str().into(), |room| width::truncate(cell, room));
                line.push_str(&cut);
            } else {
                line.push_str(&width::pad(cell, width + GAP));
            }
        }
        line
    };
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    let mut text = style.bold(line(&heads).trim_end());
    text.push('\n');
    for row in &rows {
        text.push_str(line(row).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { has_colour: false };

    fn rows(rows: &[[&str; 3]]) -> Vec<Vec<String>> {
        rows.iter()
            .map(|row| row.iter().map(|&cell| cell.to_owned()).collect())
            .collect()
    }

    #[test]
    fn columns_line_up_whatever_the_width_of_characters() {
        let rows = rows(&[["你好", "1", "a"], ["b", "", "c d"]]);
        let text = lay_out(&["NAME", "N", "LAST"], &rows, None, PLAIN);
        assert_eq!(text, "NAME  N  LAST\n你好  1  a\nb     -  c d\n");
    }

    #[test]
    fn the_last_column_is_cut_to_the_terminal() {
        let rows = rows(&[["a", "b", "a long command line that goes on"]]);
        let text = lay_out(&["A", "B", "C"], &rows, Some(26), PLAIN);
        assert_eq!(text.lines().last(), Some("a  b  a long command line…"));
    }

    /// D2: whoever names a process does not write on the terminal.
    #[test]
    fn d2_cells_are_escaped() {
        let rows = rows(&[["\u{1b}[2J", "a\nb", "\u{202e}x"]]);
        let text = lay_out(&["A", "B", "C"], &rows, None, PLAIN);
        assert_eq!(text.lines().count(), 2);
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text:?}"
        );
    }
}
