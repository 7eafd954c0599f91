//! Whether what comes in is text of the plan's charset: at the first byte that is none, the user is
//! told once what it may be.

use serde_json::json;

use super::Session;
use crate::event::{Direction, What};
use crate::machine::Output;
use crate::text::charset::{Charset, Decoder};
use crate::text::repair::{self, Diagnosis};

/// The kind of the note that says which charset would make text of what comes in.
pub const UNREADABLE: &str = "unreadable";

/// In bytes: a stream that has been text for so long is in the right charset.
const PROBATION: u64 = 1024 * 1024;

/// What is known of a peer's text.
#[derive(Debug, Default)]
pub(super) struct Legibility {
    /// For which charset the rest holds.
    charset: Option<Charset>,
    /// Whether there is nothing more to find out.
    is_settled: bool,
    /// Of a raw stream: it holds a character that two chunks share.
    decoder: Option<Box<Decoder>>,
    /// Place in the stream of the decoder's first byte.
    begun: u64,
    /// Place in the stream of the first byte not seen.
    next: u64,
}

impl Legibility {
    /// Whether it is still worth looking; another charset is another question.
    fn looks_at(&mut self, charset: Charset) -> bool {
        if self.charset != Some(charset) {
            *self = Self {
                charset: Some(charset),
                ..Self::default()
            };
        }
        !self.is_settled
    }

    /// Looks at a chunk whose first byte has the place `start` in the stream; gives the place of the
    /// first byte that is no text.
    fn hear(&mut self, charset: Charset, start: u64, chunk: &[u8]) -> Option<u64> {
        if self.next != start {
            // Nobody watched what came between.
            self.decoder = None;
        }
        self.next = start + chunk.len() as u64;
        if self.decoder.is_none() {
            self.begun = start;
            if charset == Charset::UTF_8 && chunk.is_ascii() {
                return None;
            }
        }
        let decoder = self
            .decoder
            .get_or_insert_with(|| Box::new(charset.decoder()));
        let broken_at = decoder.push(chunk, &mut String::new());
        if broken_at.is_some() || self.next > PROBATION {
            self.is_settled = true;
            self.decoder = None;
        }
        broken_at.map(|at| self.begun + at)
    }
}

impl Session {
    /// Looks at a chunk of a raw stream that somebody watches.
    pub(super) fn check_stream(&mut self, chunk: &[u8]) {
        let Some(charset) = self.plan.text.filter(|_| self.watched) else {
            return;
        };
        if !self.legibility.looks_at(charset) {
            return;
        }
        let start = self.received.saturating_sub(chunk.len() as u64);
        if let Some(at) = self.legibility.hear(charset, start, chunk) {
            let within = usize::try_from(at.saturating_sub(start)).unwrap_or(0);
            self.push_diagnosis(charset, at, chunk, within);
        }
    }

    /// Looks at a message that was found not to be text, at the place `at`.
    pub(super) fn check_frame(&mut self, charset: Charset, payload: &[u8], at: usize) {
        if self.legibility.looks_at(charset) {
            self.legibility.is_settled = true;
            self.push_diagnosis(charset, at as u64, payload, at);
        }
    }

    /// Says what the bytes around the place `within` may be, if anything convinces.
    fn push_diagnosis(&mut self, charset: Charset, at: u64, bytes: &[u8], within: usize) {
        let Some(reading) = repair::better_reading(bytes, within, charset) else {
            return;
        };
        let better = reading.charset;
        let text = repair::excerpt(&reading.text);
        let diagnosis = Diagnosis {
            charset,
            at,
            reading: Some(reading),
        };
        self.outputs.push(Output::Event(What::Note {
            kind: UNREADABLE.to_owned(),
            message: format!("{diagnosis}; `--text {better}` shows it so"),
            data: json!({
                "dir": Direction::In.as_str(),
                "charset": charset.to_string(),
                "offset": at,
                "reads_as": better.to_string(),
                "text": text,
            }),
        }));
    }
}

#[cfg(test)]
mod tests;
