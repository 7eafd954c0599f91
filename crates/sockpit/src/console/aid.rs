//! What an application knows of the lines that are typed for it, and of the keys.

/// Helps whoever types lines for an application, and gives it single keys where it wants them.
///
/// It is asked from the thread that reads the keyboard, and answers at once.
pub(crate) trait Aid: Send + Sync {
    /// The place, in bytes, from which on what is typed may be replaced, and by which words.
    fn complete(&self, typed: &str) -> (usize, Vec<String>);

    /// What is shown, dimmed, behind the line.
    fn hint(&self, line: &str) -> Option<String>;

    /// How the prompt is drawn at this moment: as many rows and columns as it has, in other
    /// characters and colours.
    fn prompt(&self, prompt: &str) -> Option<String>;

    /// How a line is drawn that must not be seen, as wide as it is.
    fn mask(&self, line: &str) -> Option<String>;

    /// Whether a line must not be remembered.
    fn is_forgotten(&self, line: &str) -> bool {
        self.mask(line).is_some()
    }

    /// Takes a key before the line does.
    fn key(&self, key: Key) -> Pressed;

    /// What counts as typed where a key has ended a line that is not finished; that line goes on
    /// being edited then.
    fn instead(&self, line: &str) -> Option<String> {
        let _ = line;
        None
    }
}

/// A key, as far as an application may want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character without a modifier.
    Char(char),
    /// A key of the top row, F1 to F12.
    F(u8),
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// The key of escape.
    Escape,
    /// The key that ends a line.
    Enter,
    /// Any other.
    Other,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressed {
    /// The line gets it.
    Left,
    /// It is dealt with.
    Taken,
    /// It is dealt with, and ends the line.
    Ends,
}
