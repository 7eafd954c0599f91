//! What we say to a partner: one message after the other, its parts at once.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::packet::{PART_SIZE, Packet, Part};
use crate::time::Time;

/// How long the first acknowledgement may take; each further time it is twice as long.
const FIRST_PATIENCE: Duration = Duration::from_millis(250);

/// How often parts are sent again without any progress.
const RETRIES: u32 = 3;

/// Messages that wait, and the one under way.
#[derive(Default)]
pub(super) struct Sending {
    /// The number of the latest message.
    latest: u32,
    waiting: VecDeque<(u64, String)>,
    current: Option<Current>,
}

/// The message under way.
struct Current {
    key: u64,
    message: u32,
    text: String,
    /// A bit for each part that the partner has.
    got: u64,
    /// A bit for each part that is to be sent now.
    due: u64,
    /// Times it was sent again since the last progress.
    tries: u32,
    wake: Time,
    /// Whether the partner is known not to have it.
    is_refused: bool,
}

/// What becomes of a message that is not sent on.
pub(super) enum Outcome {
    /// It was sent.
    Unconfirmed { key: u64 },
    /// It was not, or to nobody.
    Returned { key: u64, text: String },
}

impl Sending {
    pub(super) fn push(&mut self, key: u64, text: &str) {
        self.waiting.push_back((key, text.to_owned()));
    }

    /// Begins the next message where none is under way, and gives it.
    pub(super) fn begin(&mut self, now: Time) -> Option<String> {
        if self.current.is_some() {
            return None;
        }
        let (key, text) = self.waiting.pop_front()?;
        // No run says four thousand million things.
        self.latest = self.latest.saturating_add(1);
        self.current = Some(Current {
            key,
            message: self.latest,
            got: 0,
            due: all(parts_of(&text)),
            tries: 0,
            wake: now + FIRST_PATIENCE,
            is_refused: false,
            text: text.clone(),
        });
        Some(text)
    }

    /// The parts that are to be sent now.
    pub(super) fn due(&mut self, from: u64, to: u64) -> Vec<Bytes> {
        let Some(current) = &mut self.current else {
            return Vec::new();
        };
        let due = std::mem::take(&mut current.due);
        let parts = parts_of(&current.text);
        let bytes = current.text.as_bytes();
        (0..parts)
            .filter(|part| due >> part & 1 == 1)
            .map(|part| {
                let start = usize::from(part) * PART_SIZE;
                let end = bytes.len().min(start + PART_SIZE);
                let part = Part {
                    message: current.message,
                    part,
                    parts,
                    text: bytes.get(start..end).unwrap_or_default(),
                };
                Packet::Say { from, to, part }.encode()
            })
            .collect()
    }

    /// Takes which parts the partner has; gives the message under way where that is all of it.
    pub(super) fn acknowledge(&mut self, now: Time, message: u32, parts: u64) -> Option<u64> {
        let current = self.current.as_mut().filter(|it| it.message == message)?;
        let all = all(parts_of(&current.text));
        let got = current.got | (parts & all);
        if got != current.got {
            current.got = got;
            current.tries = 0;
            current.wake = now + FIRST_PATIENCE;
        }
        self.current.take_if(|_| got == all).map(|it| it.key)
    }

    /// Takes the passing of time: the message under way is sent again, or given up and named.
    pub(super) fn expire(&mut self, now: Time) -> Option<u64> {
        let current = self.current.as_mut().filter(|it| it.wake <= now)?;
        if current.tries >= RETRIES {
            return self.current.take().map(|it| it.key);
        }
        current.tries += 1;
        current.wake = now + FIRST_PATIENCE * 2u32.pow(current.tries);
        current.due = all(parts_of(&current.text)) & !current.got;
        None
    }

    /// When time matters.
    pub(super) fn wake(&self) -> Option<Time> {
        self.current.as_ref().map(|current| current.wake)
    }

    /// Takes that nobody got what is under way.
    pub(super) fn rewind(&mut self) {
        if let Some(current) = &mut self.current {
            // A part that was acknowledged came to somebody who has left since.
            current.is_refused = true;
        }
    }

    /// Gives everything up.
    pub(super) fn clear(&mut self) -> Vec<Outcome> {
        let current = self.current.take().map(|current| {
            let Current { key, text, .. } = current;
            match current.is_refused {
                true => Outcome::Returned { key, text },
                false => Outcome::Unconfirmed { key },
            }
        });
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let returned = waiting.map(|(key, text)| Outcome::Returned { key, text });
        current.into_iter().chain(returned).collect()
    }
}

/// How many parts a text takes: an empty one takes one too. No text is longer than 64 of them.
fn parts_of(text: &str) -> u8 {
    u8::try_from(text.len().div_ceil(PART_SIZE).max(1)).unwrap_or(u8::MAX)
}

/// A bit for each of so many parts.
pub(super) fn all(parts: u8) -> u64 {
    u64::MAX >> 64u32.saturating_sub(u32::from(parts)).min(63)
}
