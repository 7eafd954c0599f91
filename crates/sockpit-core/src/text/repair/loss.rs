//! What no repair can bring back.

use std::fmt;

/// What a text says of its own past that no repair can bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// U+FFFD: bytes that a program could not decode and threw away; so many.
    Replaced(usize),
    /// `锟斤拷`: U+FFFD in UTF-8, read as GBK; so many characters lost.
    ReplacedThenMisread(usize),
    /// `烫烫` or `屯屯`: memory that was never written, in a debug build of Microsoft's compiler.
    Unwritten(char),
}

impl Loss {
    /// Everything that `text` shows to be lost.
    #[must_use]
    pub fn of(text: &str) -> Vec<Self> {
        let mut losses = Vec::new();
        let replaced = text.matches(char::REPLACEMENT_CHARACTER).count();
        if replaced > 0 {
            losses.push(Self::Replaced(replaced));
        }
        // Two of them are three characters: EFBF BDEF BFBD.
        let misread = text.matches("锟斤拷").count() * 2 + text.matches("ï¿½").count();
        if misread > 0 {
            losses.push(Self::ReplacedThenMisread(misread));
        }
        for unwritten in ['烫', '屯'] {
            if text.contains(&unwritten.to_string().repeat(2)) {
                losses.push(Self::Unwritten(unwritten));
            }
        }
        losses
    }
}

impl Loss {
    /// Whether there is nothing in `text` that could be brought back.
    pub(super) fn is_all_of(text: &str) -> bool {
        let text = text.trim();
        !text.is_empty()
            && text
                .chars()
                .all(|character| matches!(character, '烫' | '屯'))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = |count: usize| if count == 1 { "" } else { "s" };
        match self {
            Self::Replaced(count) => write!(
                f,
                "{count} U+FFFD character{} stand{} for bytes that are lost; decode the original bytes",
                many(*count),
                if *count == 1 { "s" } else { "" }
            ),
            Self::ReplacedThenMisread(count) => write!(
                f,
                "{count} character{} became U+FFFD and were saved as UTF-8; what they were is lost",
                many(*count)
            ),
            Self::Unwritten(character) => write!(
                f,
                "`{character}{character}` is memory that a program never wrote to ({}), read as gbk",
                if *character == '烫' { "0xCC" } else { "0xCD" }
            ),
        }
    }
}
