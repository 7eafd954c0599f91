//! Which byte of a framed message is which byte of the payload.

use super::{Framing, cobs, slip};

impl Framing {
    /// For each of the `len` bytes that [`encode`](Self::encode) makes of `payload`: which byte of the
    /// payload it is, or `None` where the framing added it. Of a byte that is escaped, the escape is
    /// the framing's.
    pub fn places(&self, payload: &[u8], len: usize) -> impl Iterator<Item = Option<usize>> {
        let before = match self {
            Self::Length(prefix) if !prefix.keep => len.saturating_sub(payload.len()),
            _ => 0,
        };
        let stuffed = match self {
            Self::Slip => Some(slip::places(payload)),
            Self::Cobs => Some(cobs::places(payload)),
            _ => None,
        };
        let own = payload.len();
        (0..len).map(move |place| match &stuffed {
            Some(stuffed) => stuffed.get(place).copied().flatten(),
            None => place.checked_sub(before).filter(|place| *place < own),
        })
    }
}

#[cfg(test)]
mod tests;
