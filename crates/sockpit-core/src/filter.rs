//! The one filter language: which events of a timeline are wanted.
//!
//! `peer 2 and in and text ~ "err"` means the same in a replay, at the console and in a session that
//! runs. `docs/filter.md` has every term for people; [`Filter`] reads and shows itself in it.
//!
//! # Examples
//!
//! ```
//! use sockpit_core::event::{Bytes, Direction, Event, What};
//! use sockpit_core::filter::{Filter, Subject};
//! use sockpit_core::time::Time;
//!
//! let filter: Filter = "in and (text ~ err or len > 100)".parse()?;
//! let event = Event {
//!     number: 1,
//!     time: Time::ZERO,
//!     session: 1,
//!     peer: 1,
//!     what: What::Chunk {
//!         direction: Direction::In,
//!         offset: 0,
//!         bytes: Bytes::from_static(b"error 7\n"),
//!         full_len: None,
//!     },
//! };
//! assert!(filter.matches(&Subject::of(&event)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use crate::event::{Direction, Event, What};
use crate::flow::{Labels, Mode};
use crate::rule::Pattern;
use crate::rule::pattern::Message;
use crate::text::charset::Charset;

mod kernel;
mod mistake;
mod moment;
mod packet;
mod parse;
mod scan;
mod show;

pub use mistake::FilterError;
pub use moment::{Clock, Moment, ParseMomentError};
pub use packet::Passing;

use packet::PacketTerm;

/// Which events are wanted.
///
/// Evaluating one costs no allocation, and no more time than a linear look at the event's bytes for
/// each of its terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    root: Node,
}

/// An event, and what its reader knows beside it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The event.
    pub event: &'a Event,
    /// What its time is counted from.
    pub clock: Clock,
    /// The address of its peer, where it is known.
    pub addr: Option<&'a str>,
    /// The text of a chunk, where somebody decoded it; otherwise its bytes are looked at as UTF-8.
    pub text: Option<&'a str>,
    /// How long a message or a chunk is in bytes, where the event has only its beginning.
    pub len: Option<u64>,
}

impl<'a> Subject<'a> {
    /// An event of which nothing more is known.
    #[must_use]
    pub fn of(event: &'a Event) -> Self {
        Self {
            event,
            clock: Clock::default(),
            addr: None,
            text: None,
            len: None,
        }
    }
}

impl Filter {
    /// Whether the event is wanted.
    #[must_use]
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        let event = subject.event;
        let What::Packet {
            direction,
            offset,
            packet,
        } = &event.what
        else {
            return self.root.holds(subject);
        };
        let time = event.time.as_nanos();
        let sighting = packet.at(subject.clock.epoch.0.saturating_add(time));
        let analysis = packet.analysis.as_ref();
        self.wants(&Passing {
            sighting: &sighting,
            number: event.number,
            time: time.into(),
            clock: subject.clock,
            session: event.session,
            peer: event.peer,
            direction: Some(*direction),
            offset: *offset,
            conversation: analysis.map(|it| it.conversation.number()),
            labels: analysis.map_or(Labels::NONE, |it| it.labels(Mode::Truth)),
            addr: subject.addr,
            text: subject.text,
        })
    }

    /// Whether the packet is wanted.
    #[must_use]
    pub fn wants(&self, packet: &Passing<'_>) -> bool {
        self.root.holds_for(packet)
    }

    /// Whether a term asks for the address of the peer.
    #[must_use]
    pub fn needs_addr(&self) -> bool {
        self.root
            .any(&|term| matches!(term, Term::Text(TextField::Addr, _)))
    }

    /// Whether a term looks at what was said, or at how long it is. Where none does, a message or a
    /// chunk is judged the same without its bytes.
    #[must_use]
    pub fn needs_bytes(&self) -> bool {
        self.root.any(&|term| {
            matches!(
                term,
                Term::Text(TextField::Text, _)
                    | Term::Said(_)
                    | Term::Hex(_)
                    | Term::Number(NumberField::Len, _)
                    | Term::Flag(Flag::Malformed)
            )
        })
    }

    /// What is looked for in what was said, where it has to be there: for highlights.
    #[must_use]
    pub fn patterns(&self) -> Vec<&Pattern> {
        let mut patterns = Vec::new();
        self.root.gather(&mut patterns);
        patterns
    }

    /// Whether a term looks at the text of chunks.
    #[must_use]
    pub fn needs_text(&self) -> bool {
        self.root
            .any(&|term| matches!(term, Term::Text(TextField::Text, _) | Term::Said(_)))
    }
}

/// A filter on a whole timeline: it remembers what later events need of earlier ones.
#[derive(Clone, Debug)]
pub struct Sieve {
    filter: Filter,
    clock: Clock,
    charset: Option<Charset>,
    /// Of each peer that is there, by session and number; empty where no term asks.
    addrs: BTreeMap<(u32, u32), String>,
}

/// Peers whose address is remembered; as many as a datagram listener has at once.
const MAX_PEERS: usize = 65_536;

impl Sieve {
    /// Begins a timeline.
    #[must_use]
    pub fn new(filter: Filter, clock: Clock) -> Self {
        Self {
            filter,
            clock,
            charset: None,
            addrs: BTreeMap::new(),
        }
    }

    /// Reads the text of chunks in a charset, each chunk by itself, rather than as UTF-8.
    #[must_use]
    pub fn in_charset(mut self, charset: Option<Charset>) -> Self {
        let is_needed = self.filter.needs_text();
        self.charset = charset.filter(|charset| is_needed && *charset != Charset::UTF_8);
        self
    }

    /// Takes the next event of the timeline, and says whether it is wanted.
    pub fn keeps(&mut self, event: &Event) -> bool {
        let key = (event.session, event.peer);
        if let What::Opened { addr, .. } = &event.what
            && self.filter.needs_addr()
        {
            if self.addrs.len() >= MAX_PEERS {
                self.addrs.pop_first();
            }
            self.addrs.insert(key, addr.clone());
        }
        let text = match (&event.what, self.charset) {
            (What::Chunk { bytes, .. }, Some(charset)) => Some(charset.decode(bytes).text),
            (What::Packet { packet, .. }, Some(charset)) => {
                Some(charset.decode(packet.at(0).payload()).text)
            }
            _ => None,
        };
        let is_wanted = self.filter.matches(&Subject {
            event,
            clock: self.clock,
            addr: self.addrs.get(&key).map(String::as_str),
            text: text.as_deref(),
            len: None,
        });
        if matches!(event.what, What::Closed { .. }) {
            self.addrs.remove(&key);
        }
        is_wanted
    }
}

/// A part of a filter. Lists have two members at least, and none that is a list of the same sort.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
}

impl Node {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(subject)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(subject)),
            Self::Not(node) => !node.holds(subject),
            Self::Term(term) => term.holds(subject),
        }
    }

    /// The patterns of terms that are about what was said and not denied.
    fn gather<'a>(&'a self, patterns: &mut Vec<&'a Pattern>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => {
                for node in nodes {
                    node.gather(patterns);
                }
            }
            Self::Term(Term::Text(TextField::Text, test) | Term::Said(test) | Term::Hex(test))
                if !test.way.is_negative() =>
            {
                patterns.push(&test.pattern);
            }
            Self::Not(_) | Self::Term(_) => {}
        }
    }

    /// Whether `is_it` holds for a term in it.
    fn any(&self, is_it: &impl Fn(&Term) -> bool) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(|node| node.any(is_it)),
            Self::Not(node) => node.any(is_it),
            Self::Term(term) => is_it(term),
        }
    }
}

/// One statement about an event. About what the event does not have, every statement is false.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Direction(Direction),
    /// The name of an event.
    Event(&'static str),
    Flag(Flag),
    Number(NumberField, NumberTest),
    Text(TextField, TextTest),
    /// Text or message contain it.
    Said(TextTest),
    Hex(TextTest),
    Word(WordField, WordTest),
    At(AtTest),
    /// Of other events it is false.
    Packet(PacketTerm),
}

/// Every event of the record schema.
const EVENTS: [&str; 9] = [
    "listening",
    "opened",
    "chunk",
    "frame",
    "packet",
    "closed",
    "fault",
    "gap",
    "note",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    Partial,
    Malformed,
    Truncated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NumberField {
    Peer,
    Session,
    Len,
    Offset,
    Count,
    Number,
    Conversation,
    Seq,
    Ack,
    Window,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextField {
    Text,
    Addr,
    Local,
    Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WordField {
    Kind,
    Reason,
    /// What is noteworthy about a packet.
    Label,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NumberTest {
    /// One of these ranges, both ends included.
    In(Vec<(u64, u64)>),
    Compare(Comparison, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Differs,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    fn holds<T: Ord + Copy>(self, left: T, right: T) -> bool {
        match self {
            Self::Differs => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

/// A text or bytes, looked for in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TextTest {
    way: Way,
    /// As it was written.
    value: String,
    pattern: Pattern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Is,
    IsNot,
    Contains,
    Starts,
    Ends,
    Matches,
    MatchesNot,
    MatchesAnyCase,
    MatchesNotAnyCase,
}

impl Way {
    const fn is_negative(self) -> bool {
        matches!(
            self,
            Self::IsNot | Self::MatchesNot | Self::MatchesNotAnyCase
        )
    }
}

impl TextTest {
    fn holds(&self, message: Message<'_>) -> bool {
        self.pattern.is_match(message) != self.way.is_negative()
    }

    fn holds_for(&self, text: &str) -> bool {
        self.holds(Message {
            bytes: text.as_bytes(),
            text: Some(text),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct WordTest {
    words: Vec<String>,
    is_negative: bool,
}

impl WordTest {
    fn holds(&self, word: &str) -> bool {
        self.words.iter().any(|wanted| wanted == word) != self.is_negative
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AtTest {
    Compare(Comparison, Moment),
    /// From the one to the other, both included.
    In(Moment, Moment),
}

impl Term {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let event = subject.event;
        let what = &event.what;
        match self {
            Self::Direction(wanted) => direction_of(what) == Some(*wanted),
            Self::Event(name) => what.name() == *name,
            Self::Flag(flag) => flag.holds(what),
            Self::Number(field, test) => field.of(subject).is_some_and(|number| test.holds(number)),
            Self::Text(TextField::Text, test) => {
                message_of(subject).is_some_and(|message| test.holds(message))
            }
            Self::Text(field, test) => field
                .of(subject)
                .is_some_and(|text| !text.is_empty() && test.holds_for(text)),
            Self::Said(test) => {
                message_of(subject).is_some_and(|message| test.holds(message))
                    || sentence_of(what).is_some_and(|text| test.holds_for(text))
            }
            Self::Hex(test) => message_of(subject).is_some_and(|message| {
                test.holds(Message {
                    text: None,
                    ..message
                })
            }),
            Self::Word(field, test) => field.of(what).is_some_and(|word| test.holds(word)),
            Self::At(test) => test.holds(event.time.as_nanos().into(), subject.clock),
            Self::Packet(_) => false,
        }
    }
}

impl AtTest {
    /// `time` is in nanoseconds since the beginning that `clock` tells.
    fn holds(&self, time: i128, clock: Clock) -> bool {
        let place = |moment: &Moment| moment.since_beginning(clock);
        match self {
            Self::Compare(comparison, moment) => comparison.holds(time, place(moment)),
            Self::In(first, last) => place(first) <= time && time <= place(last),
        }
    }
}

impl Flag {
    fn holds(self, what: &What) -> bool {
        match (self, what) {
            (Self::Partial, What::Frame { partial, .. }) => *partial,
            (Self::Malformed, What::Frame { malformed, .. }) => *malformed,
            (Self::Truncated, What::Chunk { full_len, .. } | What::Frame { full_len, .. }) => {
                full_len.is_some()
            }
            _ => false,
        }
    }
}

impl NumberField {
    fn of(self, subject: &Subject<'_>) -> Option<u64> {
        let event = subject.event;
        match (self, &event.what) {
            (Self::Peer, _) => Some(event.peer.into()),
            (Self::Session, _) => Some(event.session.into()),
            (Self::Number, _) => Some(event.number),
            (Self::Len, What::Chunk { bytes, .. } | What::Frame { payload: bytes, .. }) => {
                Some(subject.len.unwrap_or(bytes.len() as u64))
            }
            (Self::Offset, What::Chunk { offset, .. } | What::Frame { offset, .. }) => {
                Some(*offset)
            }
            (Self::Count, What::Gap { count }) => Some(*count),
            (Self::Count, What::Fault { count, .. }) => *count,
            _ => None,
        }
    }
}

impl TextField {
    fn of<'a>(self, subject: &Subject<'a>) -> Option<&'a str> {
        match (self, &subject.event.what) {
            (Self::Addr, What::Opened { addr, .. }) => Some(addr),
            (Self::Addr, _) => subject.addr,
            (Self::Local, What::Opened { local, .. } | What::Listening { local }) => Some(local),
            (Self::Message, what) => sentence_of(what),
            _ => None,
        }
    }
}

impl WordField {
    fn of(self, what: &What) -> Option<&str> {
        match (self, what) {
            (Self::Kind, What::Fault { kind, .. }) => Some(kind.as_str()),
            (Self::Kind, What::Note { kind, .. }) => Some(kind),
            (Self::Reason, What::Closed { reason, .. }) => Some(reason.as_str()),
            _ => None,
        }
    }
}

fn direction_of(what: &What) -> Option<Direction> {
    match what {
        What::Chunk { direction, .. } | What::Frame { direction, .. } => Some(*direction),
        _ => None,
    }
}

/// What chunks and frames say.
fn message_of<'a>(subject: &Subject<'a>) -> Option<Message<'a>> {
    match &subject.event.what {
        What::Chunk { bytes, .. } => Some(Message {
            bytes,
            text: subject.text,
        }),
        What::Frame { payload, text, .. } => Some(Message {
            bytes: payload,
            text: text.as_deref(),
        }),
        _ => None,
    }
}

/// What other events say to people.
fn sentence_of(what: &What) -> Option<&str> {
    match what {
        What::Closed { message, .. } | What::Fault { message, .. } | What::Note { message, .. } => {
            Some(message)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
