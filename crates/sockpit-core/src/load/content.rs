//! What the messages of a load hold.

use crate::frame::{EncodeError, Framing};

/// What a pattern is made of: no line break, no zero, nothing that SLIP escapes.
const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// In bytes: what the different messages of a framing take together, unless two are longer.
const FRAMED_ROOM: usize = 256 << 10;

/// The bytes of every message, as they stand in the stream and as they are meant. Neighbours differ
/// where there is a pattern, so that an answer to another message is found out.
#[derive(Clone, Debug)]
pub struct Content {
    /// The messages, which overlap without a framing.
    wire: Vec<u8>,
    /// In bytes: one message in the stream.
    wire_len: usize,
    /// In bytes: how far the next one lies behind.
    wire_stride: usize,
    /// The payloads, which always overlap; empty where they are the same bytes.
    payload: Vec<u8>,
    payload_len: usize,
    count: u64,
}

impl Content {
    /// Messages of a pattern, each `size` bytes without its framing.
    ///
    /// # Errors
    ///
    /// Returns an [`EncodeError`] where the framing cannot carry so many bytes.
    pub fn pattern(size: usize, framing: &Framing) -> Result<Self, EncodeError> {
        let letters: Vec<u8> = match framing {
            Framing::Delimited(delimiter) => {
                let is_free = |letter: &u8| !delimiter.contains(letter);
                LETTERS.iter().copied().filter(is_free).collect()
            }
            _ => LETTERS.to_vec(),
        };
        let letters = if letters.is_empty() {
            LETTERS
        } else {
            &letters
        };
        let payload: Vec<u8> = letters
            .iter()
            .copied()
            .cycle()
            .take(size.saturating_add(letters.len()))
            .collect();
        if framing.is_raw() {
            return Ok(Self {
                wire: payload,
                wire_len: size,
                wire_stride: 1,
                payload: Vec::new(),
                payload_len: size,
                count: letters.len() as u64,
            });
        }
        let mut wire = Vec::new();
        let mut count = 0;
        for start in 0..letters.len() {
            let Some(message) = payload.get(start..start.saturating_add(size)) else {
                break;
            };
            framing.encode(message, &mut wire)?;
            count += 1;
            // Neighbours differ, however long they are.
            if 2 <= count && FRAMED_ROOM <= wire.len() {
                break;
            }
        }
        let wire_len = wire.len() / (count.max(1) as usize);
        Ok(Self {
            wire,
            wire_len,
            wire_stride: wire_len,
            payload,
            payload_len: size,
            count,
        })
    }

    /// Messages that are all alike.
    ///
    /// # Errors
    ///
    /// Returns an [`EncodeError`] where the framing cannot carry these bytes.
    pub fn of(payload: &[u8], framing: &Framing) -> Result<Self, EncodeError> {
        let mut wire = Vec::new();
        framing.encode(payload, &mut wire)?;
        Ok(Self {
            wire_len: wire.len(),
            wire_stride: 0,
            wire,
            payload: payload.to_vec(),
            payload_len: payload.len(),
            count: 1,
        })
    }

    /// The message of a number as it stands in the stream.
    #[must_use]
    pub fn wire(&self, number: u64) -> &[u8] {
        let at = self.place(number) * self.wire_stride;
        self.wire.get(at..at + self.wire_len).unwrap_or_default()
    }

    /// The message of a number without its framing.
    #[must_use]
    pub fn payload(&self, number: u64) -> &[u8] {
        if self.payload.is_empty() {
            return self.wire(number);
        }
        let at = if self.count == 1 {
            0
        } else {
            self.place(number)
        };
        self.payload
            .get(at..at + self.payload_len)
            .unwrap_or_default()
    }

    /// In bytes: every message as it stands in the stream.
    #[must_use]
    pub const fn wire_len(&self) -> usize {
        self.wire_len
    }

    fn place(&self, number: u64) -> usize {
        (number % self.count.max(1)) as usize
    }
}

#[cfg(test)]
mod tests;
