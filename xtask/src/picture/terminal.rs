//! What a terminal would show: lines of marked-up text, from what a program printed.

use unicode_width::UnicodeWidthChar as _;

/// Columns of a screen: as many as a README's page has room for, at a size that is read with ease.
pub(super) const COLUMNS: usize = 86;

/// Lines of text, as they stand on a terminal that is high enough.
#[derive(Debug, Default)]
pub(super) struct Screen {
    lines: Vec<Vec<Cell>>,
    /// What was printed, without its looks and in lines as long as they come.
    text: String,
    style: Style,
    is_mid_line: bool,
}

/// One character, and how it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) character: char,
    pub(super) style: Style,
}

/// The part of ECMA-48's SGR that the console uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) is_bold: bool,
    pub(super) is_dim: bool,
    /// 1 to 6: red, green, yellow, blue, magenta, cyan.
    pub(super) colour: Option<u8>,
}

impl Cell {
    /// In columns: two for an East Asian character.
    pub(super) fn width(self) -> usize {
        self.character.width().unwrap_or(0)
    }
}

impl Screen {
    /// Shows a command as it is typed.
    pub(super) fn prompt(&mut self, command: &str) {
        self.print(&format!("\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m\n"));
    }

    /// Shows what a program printed.
    pub(super) fn print(&mut self, text: &str) {
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\x1b' => self.take_escape(&mut rest),
                '\r' => {}
                '\n' => {
                    if !self.is_mid_line {
                        self.lines.push(Vec::new());
                    }
                    self.is_mid_line = false;
                    self.text.push('\n');
                }
                _ => self.put(Cell {
                    character,
                    style: self.style,
                }),
            }
        }
    }

    pub(super) fn lines(&self) -> &[Vec<Cell>] {
        &self.lines
    }

    /// The words without their looks, in lines as the program wrote them.
    pub(super) fn text(&self) -> &str {
        self.text.trim_end()
    }

    /// Adds a character; a line that is full goes on below, from its last word on.
    fn put(&mut self, cell: Cell) {
        let mut line = if self.is_mid_line {
            self.lines.pop()
        } else {
            None
        }
        .unwrap_or_default();
        line.push(cell);
        if COLUMNS < line.iter().map(|cell| cell.width()).sum() {
            let space = line.iter().rposition(|cell| cell.character == ' ');
            let rest = line.split_off(space.map_or(line.len() - 1, |space| space + 1));
            self.lines.push(std::mem::replace(&mut line, rest));
        }
        self.lines.push(line);
        self.text.push(cell.character);
        self.is_mid_line = true;
    }

    /// Takes `ESC [ 1 ; 31 m`; other sequences change nothing that a picture shows.
    fn take_escape(&mut self, rest: &mut std::str::Chars<'_>) {
        if rest.next() != Some('[') {
            return;
        }
        let mut numbers = String::new();
        for character in rest.by_ref() {
            match character {
                '0'..='9' | ';' => numbers.push(character),
                'm' => {
                    return numbers
                        .split(';')
                        .for_each(|number| self.style.take(number));
                }
                _ => return,
            }
        }
    }
}

impl Style {
    fn take(&mut self, number: &str) {
        match number.parse().unwrap_or(0) {
            0 => *self = Self::default(),
            1 => self.is_bold = true,
            2 => self.is_dim = true,
            22 => (self.is_bold, self.is_dim) = (false, false),
            colour @ 31..=36 => self.colour = Some(colour - 30),
            39 => self.colour = None,
            _ => {}
        }
    }
}
