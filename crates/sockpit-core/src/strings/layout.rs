//! Text that is laid out: lines, columns, colours. What stands in each cell is a sentence.

use std::borrow::Cow;

use super::Catalogue;
use crate::text::width;

impl Catalogue {
    /// Says each cell of a text in this language. A cell ends at a line's end, at a change of colour
    /// or at two spaces; columns stay where they were as far as what is said has room.
    #[must_use]
    pub fn lay_out<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut laid_out = String::new();
        let mut is_other = false;
        // In columns: by how much what was said so far is wider than it was.
        let mut wider = 0_isize;
        for cell in Cells(text) {
            let said = match cell {
                Cell::Text(text) => self.say(text),
                Cell::Gap(gap) => {
                    let len = gap.len().saturating_add_signed(-wider);
                    let len = len.max(gap.len().min(LEAST_GAP));
                    let kept = gap.len().saturating_sub(len).try_into().unwrap_or(0);
                    let added = len.saturating_sub(gap.len()).try_into().unwrap_or(0);
                    wider += added - kept;
                    laid_out.extend(std::iter::repeat_n(' ', len));
                    continue;
                }
                Cell::Mark(mark) => {
                    laid_out.push_str(mark);
                    continue;
                }
                Cell::End => {
                    laid_out.push('\n');
                    wider = 0;
                    continue;
                }
            };
            if let (Cow::Owned(said), Cell::Text(text)) = (&said, cell) {
                is_other = true;
                wider += width::width(said) as isize - width::width(text) as isize;
            }
            laid_out.push_str(&said);
        }
        if is_other {
            Cow::Owned(laid_out)
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// In columns: what stays of a gap that there is no room for.
const LEAST_GAP: usize = 2;

/// A piece of laid out text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell<'t> {
    Text(&'t str),
    /// Two spaces or more, or what a line is indented by.
    Gap(&'t str),
    /// An escape sequence of a terminal.
    Mark(&'t str),
    /// The end of a line.
    End,
}

struct Cells<'t>(&'t str);

impl<'t> Iterator for Cells<'t> {
    type Item = Cell<'t>;

    fn next(&mut self) -> Option<Cell<'t>> {
        let text = self.0;
        let first = *text.as_bytes().first()?;
        let (len, cell): (usize, fn(&'t str) -> Cell<'t>) = match first {
            b'\n' => (1, |_| Cell::End),
            b' ' => (text.len() - text.trim_start_matches(' ').len(), Cell::Gap),
            0x1b => (text.find('m').map_or(text.len(), |end| end + 1), Cell::Mark),
            _ => {
                let ends = ["\n", "  ", "\x1b"];
                let end = ends.iter().filter_map(|end| text.find(end)).min();
                let cell = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
                (cell.trim_end_matches(' ').len(), Cell::Text)
            }
        };
        let (piece, rest) = text.split_at_checked(len)?;
        self.0 = rest;
        Some(cell(piece))
    }
}
