//! The connection of one visitor of a room: telnet, charset and lines on the way in, and what is
//! delivered on the way out.
//!
//! ```text
//!  bytes ──▶ telnet ──▶ charset ──▶ lines ──▶ request ──▶ the hub
//!  bytes ◀── one write ◀── the bytes of a line in this form ◀── the hub
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::ask::{Ask, Mistake, Request};
use super::line::{Form, Line, Voice};
use super::lines::{Cut, Lines};
use super::notice::Notice;
use super::room::Why;
use super::telnet::Telnet;
use crate::machine::{Fault, Machine, Output, Reason};
use crate::record::Epoch;
use crate::strings::Language;
use crate::text::charset::{Charset, Decoder};
use crate::time::Time;

/// How visitors are met.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The charset that they begin with.
    pub charset: Charset,
    /// Whether they begin with JSON.
    pub json: bool,
    /// In bytes of UTF-8: the longest line that is taken whole.
    pub max_line: usize,
    /// What they are told is in this language.
    pub language: Language,
    /// When the timeline began.
    pub epoch: Epoch,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            charset: Charset::UTF_8,
            json: false,
            max_line: 4096,
            language: Language::English,
            epoch: Epoch::default(),
        }
    }
}

/// The machine of one visitor. Its events are what the visitor asks of the room.
#[derive(Debug)]
pub struct Visitor {
    settings: Arc<Settings>,
    telnet: Telnet,
    charset: Charset,
    decoder: Decoder,
    lines: Lines,
    is_json: bool,
    has_echo: bool,
    /// Whether a line has come.
    has_spoken: bool,
    requests: VecDeque<Request>,
    /// To telnet, in bytes.
    answers: Vec<u8>,
    /// What leaves with the next write.
    delivered: Vec<Bytes>,
    closing: Option<Reason>,
    is_over: bool,
}

impl Visitor {
    /// Begins a conversation with a visitor.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let mut requests = VecDeque::new();
        if settings.json {
            requests.push_back(Ask::Own(true).into());
        }
        Self {
            telnet: Telnet::default(),
            charset: settings.charset,
            decoder: settings.charset.decoder(),
            lines: Lines::new(settings.max_line),
            is_json: settings.json,
            has_echo: false,
            has_spoken: false,
            requests,
            answers: Vec::new(),
            delivered: Vec::new(),
            closing: None,
            is_over: false,
            settings,
        }
    }

    /// Takes a line for the visitor. All that comes between two drains leaves with one write.
    pub fn deliver(&mut self, line: &Line) {
        if self.closing.is_some() {
            return;
        }
        self.delivered.push(line.bytes(self.form()));
    }

    /// Takes that lines for the visitor were dropped, which it is told.
    pub fn lost(&mut self, now: Time, count: u64) {
        self.tell(now, Notice::Lost(count));
    }

    /// Ends the conversation, with a last line.
    pub fn dismiss(&mut self, line: Option<&Line>, why: Why) {
        if let Some(line) = line {
            self.deliver(line);
        }
        self.requests.clear();
        self.closing.get_or_insert(why.reason());
    }

    /// How the visitor reads.
    #[must_use]
    pub const fn form(&self) -> Form {
        match self.is_json {
            true => Form::Json(self.charset),
            false => Form::Plain(self.charset),
        }
    }

    /// Takes a piece of the stream with at most one end of a line, at its end: what a line says about
    /// the charset counts from the next byte on.
    fn take_piece(&mut self, now: Time, piece: &[u8]) {
        let stripped = match self.strips() {
            true => self.telnet.strip(piece, &mut self.answers),
            false => piece.into(),
        };
        let mut text = String::new();
        self.decoder.push(&stripped, &mut text);
        self.take_text(now, &text);
    }

    fn take_text(&mut self, now: Time, text: &str) {
        let mut cuts = Vec::new();
        self.lines.push(text, &mut cuts);
        for cut in cuts {
            self.take_line(now, &cut);
        }
    }

    fn take_line(&mut self, now: Time, line: &Cut) {
        if self.closing.is_some() {
            return;
        }
        let is_first = !std::mem::replace(&mut self.has_spoken, true);
        if is_first && is_http(&line.text) {
            // The page of another site may have a browser send here what the site likes, from its
            // reader's address. No word of it is taken.
            self.tell(now, Notice::Http);
            return self.dismiss(None, Why::Refused);
        }
        let limit = self.settings.max_line;
        let request = match self.is_json && !line.text.starts_with('/') {
            true if line.is_cut => Ask::Mistake(Mistake::Long(limit)).into(),
            true if line.text.trim().is_empty() => Ask::Blank.into(),
            true => Request::of_json(&line.text),
            false => {
                if line.is_cut {
                    self.tell(now, Notice::Cut(limit));
                }
                Request::of_line(&line.text).unwrap_or_else(|| Ask::Blank.into())
            }
        };
        let notice = match request.ask {
            Ask::Json(is_json) => {
                self.is_json = is_json;
                Notice::Json(is_json)
            }
            Ask::Echo(has_echo) => {
                self.has_echo = has_echo;
                Notice::Echo(has_echo)
            }
            Ask::Charset(name) => match name.parse::<Charset>() {
                Ok(charset) => {
                    self.charset = charset;
                    self.decoder = charset.decoder();
                    Notice::Charset(charset.to_string())
                }
                Err(_) => Notice::BadCharset(name),
            },
            Ask::Text { room: None, text } if !self.is_json => {
                self.requests.push_back(Ask::Line(text).into());
                return;
            }
            _ => {
                self.requests.push_back(request);
                return;
            }
        };
        self.tell(now, notice);
        // Said each time, so that these lines count against the limit as others do.
        let own = Ask::Own(self.is_json || self.has_echo);
        self.requests.push_back(own.into());
    }

    /// Whether telnet may be beneath: always where 0xff is no byte of the charset, and where it is
    /// one only of somebody who has shown to speak it.
    fn strips(&self) -> bool {
        let charset = self.charset;
        if charset == Charset::UTF_8 || self.telnet.is_within() || self.telnet.is_telnet() {
            return true;
        }
        let has_bytes = charset.encode("a").is_ok_and(|bytes| bytes.len() == 1);
        has_bytes && charset.decode(&[0xff]).malformed_at.is_some()
    }

    fn tell(&mut self, now: Time, notice: Notice) {
        let voice = Voice {
            language: self.settings.language,
            utc_offset: 0,
        };
        let at = self.settings.epoch.0.saturating_add(now.as_nanos());
        self.deliver(&Line::of_notice(at, notice, None, voice));
    }
}

impl Machine for Visitor {
    type Event = Request;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        if self.closing.is_some() {
            return;
        }
        for piece in chunk.split_inclusive(|byte| matches!(byte, b'\n' | 0)) {
            self.take_piece(now, piece);
        }
    }

    fn handle_end(&mut self, now: Time) {
        if self.closing.is_some() {
            return;
        }
        let mut text = String::new();
        self.decoder.finish(&mut text);
        self.take_text(now, &text);
        if let Some(last) = self.lines.finish() {
            self.take_line(now, &last);
        }
        self.requests.push_back(Ask::Ended.into());
    }

    fn handle_fault(&mut self, _now: Time, fault: Fault) {
        if fault.is_fatal() {
            self.requests.clear();
            self.closing.get_or_insert(fault.reason());
        }
    }

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<Request> {
        if self.is_over {
            return Output::Wait(None);
        }
        if !self.answers.is_empty() {
            let answers = std::mem::take(&mut self.answers).into();
            self.delivered.insert(0, answers);
        }
        match self.delivered.len() {
            0 => {}
            // One line for many is not copied.
            1 => return Output::Transmit(self.delivered.remove(0)),
            _ => {
                let bytes = self.delivered.concat();
                self.delivered = Vec::new();
                return Output::Transmit(bytes.into());
            }
        }
        if let Some(request) = self.requests.pop_front() {
            return Output::Event(request);
        }
        match self.closing {
            Some(reason) => {
                self.is_over = true;
                Output::Close(reason)
            }
            None => Output::Wait(None),
        }
    }
}

/// Whether a line begins a request of HTTP, such as `POST / HTTP/1.1`.
fn is_http(line: &str) -> bool {
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default();
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    is_method
        && words
            .next_back()
            .is_some_and(|word| word.starts_with("HTTP/"))
}

#[cfg(test)]
mod tests;
