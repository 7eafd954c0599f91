//! What is remarked on packets: the messages that they carry.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::Way;
use crate::event::Direction;
use crate::text::charset::Charset;
use crate::text::escape::escape_text;
use crate::text::hex;
use crate::time::Time;

/// In characters: of a longer message the beginning is shown.
const SHOWN: usize = 512;

/// So long a remark waits for its packet.
const PATIENCE: Duration = Duration::from_secs(2);

/// Remarks that wait at most, and datagrams whose packets have not come.
const MOST: usize = 16_384;

/// How often what waits is looked through for what has waited too long.
const LOOK: Duration = Duration::from_millis(100);

/// A remark, and when it was made.
type Made = (Time, String);

/// Remarks that wait for the packets that carry what they are about.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    chunks: BTreeMap<(Way, u64), Vec<Made>>,
    frames: BTreeMap<(Way, u64), Vec<Made>>,
    /// Sessions that have messages: their chunks are not remarked on.
    framed: BTreeSet<u32>,
    /// Datagrams that were written or read, with when and with their places, oldest first.
    expected: BTreeMap<(Way, Datagram), VecDeque<(Time, u64)>>,
    expected_count: usize,
    count: usize,
    /// When what waits is looked through again.
    next_look: Time,
}

/// By what a datagram is known again: its length and its beginning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Datagram(usize, Vec<u8>);

impl Datagram {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.len(), bytes.get(..64).unwrap_or(bytes).to_vec())
    }
}

impl Remarks {
    /// `text` is asked for the remark only if it is wanted.
    pub(super) fn chunk(
        &mut self,
        way: Way,
        offset: u64,
        time: Time,
        text: impl FnOnce() -> String,
    ) {
        if !self.framed.contains(&way.0) && self.has_room() {
            self.chunks
                .entry((way, offset))
                .or_default()
                .push((time, text()));
        }
    }

    pub(super) fn frame(&mut self, way: Way, offset: u64, time: Time, text: String) {
        if self.framed.insert(way.0) {
            self.chunks
                .retain(|((session, ..), _), _| *session != way.0);
        }
        if self.has_room() {
            self.frames
                .entry((way, offset))
                .or_default()
                .push((time, text));
        }
    }

    /// A chunk whose packet has not come yet, if it was a datagram.
    pub(super) fn expect(&mut self, way: Way, offset: u64, time: Time, datagram: Datagram) {
        if self.expected_count < MOST {
            self.expected_count = self.expected_count.saturating_add(1);
            let same = self.expected.entry((way, datagram)).or_default();
            same.push_back((time, offset));
        }
    }

    /// The place of a datagram that was written or read before its packet came.
    pub(super) fn datagram(&mut self, way: Way, datagram: &Datagram) -> Option<u64> {
        let key = (way, datagram.clone());
        let same = self.expected.get_mut(&key)?;
        let (_, offset) = same.pop_front()?;
        self.expected_count = self.expected_count.saturating_sub(1);
        if same.is_empty() {
            self.expected.remove(&key);
        }
        Some(offset)
    }

    /// The remarks on what begins in these bytes; each is given once.
    pub(super) fn take(&mut self, way: Way, offset: u64, len: u64) -> Vec<String> {
        if len == 0 {
            return self.take_first(way, offset).into_iter().collect();
        }
        let end = offset.saturating_add(len);
        let mut taken = Vec::new();
        for waiting in [&mut self.frames, &mut self.chunks] {
            let keys: Vec<_> = waiting
                .range((way, offset)..(way, end))
                .map(|(key, _)| *key)
                .collect();
            for key in keys {
                let made = waiting.remove(&key).unwrap_or_default();
                self.count = self.count.saturating_sub(made.len());
                taken.extend(made.into_iter().map(|(_, text)| text));
            }
        }
        taken
    }

    /// The remark on an empty datagram, which stands where the next one begins.
    fn take_first(&mut self, way: Way, offset: u64) -> Option<String> {
        for waiting in [&mut self.frames, &mut self.chunks] {
            if let Some(made) = waiting.get_mut(&(way, offset))
                && !made.is_empty()
            {
                self.count = self.count.saturating_sub(1);
                return Some(made.remove(0).1);
            }
        }
        None
    }

    /// Lets go of what no packet has come for.
    pub(super) fn forget(&mut self, now: Time) {
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        let until = now.earlier(PATIENCE);
        self.expected.retain(|_, same| {
            same.retain(|(time, _)| until <= *time);
            !same.is_empty()
        });
        self.expected_count = self.expected.values().map(VecDeque::len).sum();
        for waiting in [&mut self.frames, &mut self.chunks] {
            waiting.retain(|_, made| made.last().is_some_and(|(time, _)| until <= *time));
        }
        self.count = [&self.frames, &self.chunks]
            .iter()
            .flat_map(|waiting| waiting.values())
            .map(Vec::len)
            .sum();
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.count < MOST;
        self.count = self.count.saturating_add(usize::from(has_room));
        has_room
    }
}

/// What is remarked on bytes as one write or read gave them.
pub(super) fn of_chunk(direction: Direction, bytes: &[u8], charset: Option<Charset>) -> String {
    let text = charset.map(|charset| charset.decode(bytes));
    let text = text.filter(|decoded| decoded.malformed_at.is_none());
    let what = match direction {
        Direction::Out => "write",
        Direction::In => "read",
    };
    format!(
        "{what} of {} bytes: {}",
        bytes.len(),
        shown(bytes, text.as_ref().map(|decoded| decoded.text.as_str()))
    )
}

/// What is remarked on a message.
pub(super) fn of_frame(direction: Direction, payload: &[u8], text: Option<&str>) -> String {
    let what = match direction {
        Direction::Out => "sent",
        Direction::In => "received",
    };
    format!("{what}: {}", shown(payload, text))
}

fn shown(bytes: &[u8], text: Option<&str>) -> String {
    let mut shown = String::new();
    let is_cut = match text {
        Some(text) => {
            let end = text.char_indices().nth(SHOWN).map(|(at, _)| at);
            escape_text(
                text.get(..end.unwrap_or(text.len())).unwrap_or(text),
                &mut shown,
            );
            end.is_some()
        }
        None => {
            let beginning = bytes.get(..SHOWN / 3).unwrap_or(bytes);
            hex::write(beginning, &mut shown);
            beginning.len() < bytes.len()
        }
    };
    if is_cut {
        shown.push('…');
    }
    shown
}
