//! The timeline on a terminal: time, direction, peer, message; nothing that a peer could use against
//! the terminal.

use std::cell::LazyCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::filter::Clock;
use sockpit_core::flow::Mode;
use sockpit_core::ladder::Numbers;
use sockpit_core::plan::{Plan, Role};
use sockpit_core::record::Epoch;
use sockpit_core::sighting::Sighting;
use sockpit_core::text::charset::{Charset, Decoder};
use sockpit_core::text::escape::{Visible, VisibleLine};
use sockpit_core::text::{hex, width};
use sockpit_core::time::Time;
use sockpit_engine::PACKETS_NOTE;

use super::packets::{PacketLines, PacketLook, TimeForm};
use super::{Form, Style};

/// Writes events as lines for people.
pub(crate) struct Timeline {
    charset: Option<Charset>,
    is_raw_stream: bool,
    has_many_peers: bool,
    has_many_sessions: bool,
    has_colour: bool,
    /// Read from a file, and only once a time is written.
    zone: LazyCell<TimeZone>,
    /// Digits of a second: more where there are packets.
    digits: usize,
    /// The second that was written last: most events share theirs with others.
    second: Option<(u64, String)>,
    decoders: BTreeMap<(u32, u32, bool), Decoder>,
    paces: BTreeMap<(u32, u32), Pace>,
    packets: PacketLines,
}

/// When a peer was asked, and when what it says began to come.
#[derive(Default)]
struct Pace {
    /// When something was sent last, until it is answered.
    asked: Option<Time>,
    /// Where each chunk begins that may hold the beginning of a message, and when it came.
    chunks: VecDeque<(u64, Time)>,
}

/// Chunks of one message whose times are remembered; of a longer one, the first and the last.
const MAX_CHUNKS: usize = 1024;

impl Pace {
    fn take(&mut self, event: &Event) {
        let What::Chunk {
            direction, offset, ..
        } = &event.what
        else {
            return;
        };
        match direction {
            Direction::Out => self.asked = Some(event.time),
            Direction::In => {
                if self.chunks.len() == MAX_CHUNKS {
                    self.chunks.pop_back();
                }
                self.chunks.push_back((*offset, event.time));
            }
        }
    }

    /// When the byte at `offset` came. Nothing before it is asked for any more.
    fn came(&mut self, offset: u64) -> Option<Time> {
        while self
            .chunks
            .get(1)
            .is_some_and(|(start, _)| *start <= offset)
        {
            self.chunks.pop_front();
        }
        self.chunks.front().map(|(_, time)| *time)
    }
}

impl Timeline {
    pub(crate) fn new(plan: &Plan, has_colour: bool) -> Self {
        Self {
            charset: plan.text,
            is_raw_stream: plan.is_raw_stream(),
            has_many_peers: plan.role == Role::Server,
            has_many_sessions: false,
            has_colour,
            digits: if plan.wire { 6 } else { 3 },
            second: None,
            zone: LazyCell::new(|| TimeZone::try_system().unwrap_or(TimeZone::UTC)),
            decoders: BTreeMap::new(),
            paces: BTreeMap::new(),
            packets: PacketLines::new(
                PacketLook {
                    time: TimeForm::Clock,
                    numbers: Numbers::Relative,
                    labels: Mode::Truth,
                    charset: plan.text,
                    has_hex: false,
                    has_tree: false,
                },
                Style { has_colour },
            ),
        }
    }

    /// Reads bytes as `charset` from here on, and shows chunks or messages.
    pub(crate) fn look_with(&mut self, charset: Option<Charset>, is_raw_stream: bool) {
        self.charset = charset;
        self.is_raw_stream = is_raw_stream;
        self.decoders.clear();
    }

    /// Says of each line which session it belongs to.
    pub(crate) fn show_sessions(&mut self) {
        self.has_many_sessions = true;
    }

    /// What filters count times from.
    pub(crate) fn clock(&self, epoch: Epoch) -> Clock {
        let began = jiff::Timestamp::from_nanosecond(i128::from(epoch.0));
        let utc_offset = began.map_or(0, |began| self.zone.to_offset(began).seconds());
        Clock { epoch, utc_offset }
    }

    /// Whether it is worth saying which peer.
    pub(crate) fn has_many_peers(&self) -> bool {
        self.has_many_peers
    }

    /// Takes an event, shown or not, that tells when others began and what they answer.
    pub(crate) fn observe(&mut self, event: &Event) {
        let key = (event.session, event.peer);
        match &event.what {
            What::Chunk { .. } => self.paces.entry(key).or_default().take(event),
            What::Closed { .. } => {
                self.paces.remove(&key);
            }
            What::Note { kind, .. } if kind == PACKETS_NOTE => self.digits = 6,
            _ => {}
        }
    }

    /// Appends the lines of `event`, if it has any in this form.
    pub(crate) fn write(&mut self, event: &Event, epoch: Epoch, form: Form, out: &mut String) {
        match &event.what {
            What::Chunk {
                direction,
                offset,
                bytes,
                ..
            } if self.is_raw_stream => {
                // In digits it is no matter what the bytes mean.
                let (text, broken_at) = match form {
                    Form::Hex => (None, None),
                    _ => self.decode(event, *direction, bytes),
                };
                let shown = Shown {
                    direction: *direction,
                    offset: *offset,
                    mark: self.mark(false, broken_at),
                    body: body(form, bytes, text),
                };
                self.message(event, epoch, &shown, out);
            }
            What::Frame {
                direction,
                offset,
                payload,
                text,
                partial,
                malformed,
                ..
            } => {
                let broken_at = match self.charset {
                    Some(charset) if *malformed && form != Form::Hex => {
                        charset.decode(payload).malformed_at
                    }
                    _ => None,
                };
                let shown = Shown {
                    direction: *direction,
                    offset: *offset,
                    mark: self.mark(*partial, broken_at.map(|at| at as u64)),
                    body: body(form, payload, text.clone()),
                };
                self.message(event, epoch, &shown, out);
            }
            What::Opened { addr, .. } => {
                let addr = VisibleLine(addr);
                self.remark(event, epoch, format_args!("{addr} is there"), out);
            }
            What::Closed { reason, .. } if event.peer > 0 => {
                self.end_decoders(event, epoch, out);
                let reason = reason.as_str();
                self.remark(event, epoch, format_args!("has ended ({reason})"), out);
            }
            What::Packet {
                direction, packet, ..
            } => {
                let moment = epoch.0.saturating_add(event.time.as_nanos());
                self.packet(event, epoch, *direction, &packet.at(moment), out);
            }
            What::Gap { count } => {
                self.remark(
                    event,
                    epoch,
                    format_args!("{count} events are not shown"),
                    out,
                );
            }
            // The reason why there are none is told by itself.
            What::Note { kind, data, .. } if kind == PACKETS_NOTE && data["level"] == "none" => {}
            What::Note { message, .. } if !message.is_empty() => {
                self.remark(event, epoch, format_args!("{}", VisibleLine(message)), out);
            }
            _ => {}
        }
    }

    /// The text of a chunk, and where in the stream the first byte is that is none.
    fn decode(
        &mut self,
        event: &Event,
        direction: Direction,
        bytes: &[u8],
    ) -> (Option<String>, Option<u64>) {
        let Some(charset) = self.charset else {
            return (None, None);
        };
        let key = (event.session, event.peer, direction == Direction::In);
        let decoder = self
            .decoders
            .entry(key)
            .or_insert_with(|| charset.decoder());
        let mut text = String::new();
        let broken_at = decoder.push(bytes, &mut text);
        (Some(text), broken_at)
    }

    /// A character that was never finished is shown as one that is broken.
    fn end_decoders(&mut self, event: &Event, epoch: Epoch, out: &mut String) {
        for direction in [Direction::In, Direction::Out] {
            let key = (event.session, event.peer, direction == Direction::In);
            let mut text = String::new();
            if let Some(mut decoder) = self.decoders.remove(&key) {
                decoder.finish(&mut text);
            }
            if !text.is_empty() {
                let shown = Shown {
                    direction,
                    offset: u64::MAX,
                    mark: "  (partial)".to_owned(),
                    body: text,
                };
                self.message(event, epoch, &shown, out);
            }
        }
    }

    /// What is to be said of a message beside it.
    fn mark(&self, is_partial: bool, broken_at: Option<u64>) -> String {
        let mut mark = String::new();
        if is_partial {
            mark.push_str("  (partial)");
        }
        if let (Some(at), Some(charset)) = (broken_at, self.charset) {
            // Writing to a string cannot fail.
            let _ = write!(mark, "  (not {charset} at byte {at})");
        }
        mark
    }

    fn message(&mut self, event: &Event, epoch: Epoch, shown: &Shown, out: &mut String) {
        let (arrow, colour) = match shown.direction {
            Direction::In => ("←", "32"),
            Direction::Out => ("→", "34"),
        };
        let (began, answers_in) = self.pace(event, shown);
        let mut head = self.time(began, epoch);
        self.who(event, &mut head);
        let indent = width::width(&head) + 3;
        let body = shown.body.strip_suffix('\n').unwrap_or(&shown.body);
        for (index, line) in body.split('\n').enumerate() {
            let line = line.strip_suffix("\\x0d").unwrap_or(line);
            let _ = match (index, self.has_colour) {
                (0, true) => write!(
                    out,
                    "\x1b[2m{head}\x1b[0m \x1b[{colour}m{arrow}\x1b[0m {line}"
                ),
                (0, false) => write!(out, "{head} {arrow} {line}"),
                _ => write!(out, "\n{:indent$}{line}", ""),
            };
        }
        out.push_str(&super::language::lay_out(&shown.mark));
        if let Some(time) = answers_in {
            let _ = if self.has_colour {
                write!(out, "  \x1b[2m+{}\x1b[0m", short(time))
            } else {
                write!(out, "  +{}", short(time))
            };
        }
        out.push('\n');
    }

    fn packet(
        &mut self,
        event: &Event,
        epoch: Epoch,
        direction: Direction,
        sighting: &Sighting<'_>,
        out: &mut String,
    ) {
        let arrow = match direction {
            Direction::In => "⇠",
            Direction::Out => "⇢",
        };
        let mut head = self.time(event.time, epoch);
        self.who(event, &mut head);
        let mut line = Vec::new();
        self.packets.describe(sighting, &mut line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_start();
        let _ = if self.has_colour {
            writeln!(out, "\x1b[2m{head} {arrow}\x1b[0m {line}")
        } else {
            writeln!(out, "{head} {arrow} {line}")
        };
    }

    /// When the first byte of a message came or went, and how long after the request before it, if
    /// it is the first to answer that.
    fn pace(&mut self, event: &Event, shown: &Shown) -> (Time, Option<Duration>) {
        let key = (event.session, event.peer);
        let Some(pace) = self.paces.get_mut(&key) else {
            return (event.time, None);
        };
        if shown.direction == Direction::Out {
            return (event.time, None);
        }
        let began = pace.came(shown.offset).unwrap_or(event.time);
        let asked = pace.asked.take().filter(|asked| *asked <= began);
        (began, asked.map(|asked| began - asked))
    }

    fn remark(
        &mut self,
        event: &Event,
        epoch: Epoch,
        text: std::fmt::Arguments<'_>,
        out: &mut String,
    ) {
        let mut line = self.time(event.time, epoch);
        self.who(event, &mut line);
        let text = text.to_string();
        let _ = write!(line, " · {}", super::language::say(&text));
        let _ = if self.has_colour {
            writeln!(out, "\x1b[2m{line}\x1b[0m")
        } else {
            writeln!(out, "{line}")
        };
    }

    /// Which session and which peer, where it is worth saying.
    fn who(&self, event: &Event, out: &mut String) {
        if self.has_many_sessions {
            let _ = write!(out, " {:>2}.{}", event.session, event.peer);
        } else if self.has_many_peers {
            let _ = write!(out, " {:>2}", event.peer);
        }
    }

    /// `14:03:22.123`, in local time; to the microsecond where there are packets.
    fn time(&mut self, time: Time, epoch: Epoch) -> String {
        let nanos = epoch.0.saturating_add(time.as_nanos());
        let second = nanos / 1_000_000_000;
        if self
            .second
            .as_ref()
            .is_none_or(|(known, _)| *known != second)
        {
            let Ok(moment) = jiff::Timestamp::from_nanosecond(nanos.into()) else {
                return String::new();
            };
            let moment = moment.to_zoned((*self.zone).clone());
            self.second = Some((second, moment.strftime("%H:%M:%S").to_string()));
        }
        let text = self.second.as_ref().map_or("", |(_, text)| text);
        let micros = nanos / 1000 % 1_000_000;
        match self.digits {
            6 => format!("{text}.{micros:06}"),
            _ => format!("{text}.{:03}", micros / 1000),
        }
    }
}

/// A message as it is shown.
struct Shown {
    direction: Direction,
    /// Place of its first byte in the direction's stream.
    offset: u64,
    body: String,
    mark: String,
}

/// `870µs`, `12.3ms`, `4.56s`.
fn short(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros}µs"),
        micros @ 1_000..1_000_000 => format!("{:.1}ms", micros as f64 / 1e3),
        micros => format!("{:.2}s", micros as f64 / 1e6),
    }
}

/// What is shown of a message.
fn body(form: Form, bytes: &[u8], text: Option<String>) -> String {
    let mut digits = String::new();
    if form != Form::Text || text.is_none() {
        hex::write(bytes, &mut digits);
    }
    match (form, text) {
        (Form::Both, Some(text)) => format!("{digits}  {}", VisibleLine(&text)),
        (Form::Text, Some(text)) => Visible(&text).to_string(),
        _ => digits,
    }
}
