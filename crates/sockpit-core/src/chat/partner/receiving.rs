//! What a partner says to us: parts put together, each message told once.

use super::packet::{PART_SIZE, Part};
use super::sending::all;

/// The message that is being put together, and how far the partner has come.
///
/// A partner has one message under way, so one is all that is held: 64 KiB at most, whatever it
/// claims (rules B1 and B3).
#[derive(Default)]
pub(super) struct Receiving {
    /// The number of the last message that was told.
    told: u32,
    current: Option<Assembly>,
}

struct Assembly {
    message: u32,
    parts: u8,
    got: u64,
    bytes: Vec<Vec<u8>>,
}

impl Receiving {
    /// Takes a part, and gives which parts of its message are there; `None` where it is to be
    /// ignored.
    pub(super) fn take(&mut self, part: &Part<'_>) -> Option<u64> {
        if part.message <= self.told {
            // Its acknowledgement was lost.
            return Some(all(part.parts));
        }
        let is_newer = |current: &Assembly| part.message > current.message;
        if self.current.as_ref().is_none_or(is_newer) {
            // The one before was given up by who sent it.
            self.current = Some(Assembly {
                message: part.message,
                parts: part.parts,
                got: 0,
                bytes: Vec::new(),
            });
        }
        let current = self.current.as_mut()?;
        if current.message != part.message || current.parts != part.parts {
            return None;
        }
        let bit = 1 << part.part;
        if current.got & bit == 0 {
            let place = usize::from(part.part);
            if current.bytes.len() <= place {
                current.bytes.resize(place + 1, Vec::new());
            }
            if let Some(bytes) = current.bytes.get_mut(place) {
                part.text.clone_into(bytes);
                current.got |= bit;
            }
        }
        Some(current.got)
    }

    /// Gives the message once it is whole.
    pub(super) fn finished(&mut self) -> Option<String> {
        let current = self
            .current
            .take_if(|current| current.got == all(current.parts))?;
        self.told = current.message;
        let mut whole = Vec::with_capacity(current.bytes.len() * PART_SIZE);
        current.bytes.iter().for_each(|bytes| whole.extend(bytes));
        Some(String::from_utf8_lossy(&whole).into_owned())
    }
}

#[cfg(test)]
impl Receiving {
    /// In bytes: what is held of a message that is not whole.
    pub(super) fn held(&self) -> usize {
        let bytes = self.current.iter().flat_map(|current| &current.bytes);
        bytes.map(Vec::len).sum()
    }
}
