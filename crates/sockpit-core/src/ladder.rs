//! The ladder: the sequence diagram of conversations, with the packets between the two ends, what
//! their programs wrote and read, and the states that both went through.
//!
//! ```text
//!                CLOSED │                                           │ LISTEN
//!  0.000000  #1  SYN_SENT ├─ [SYN] Seq=0 Len=0 Win=64240 ──────────►│
//!  0.000024  #2  ESTABLISHED │◄─ [SYN, ACK] Seq=0 Ack=1 ────────────┤ SYN_RECEIVED
//!  0.000038  #3         │ ├─ [ACK] Seq=1 Ack=1 ───────────────────►│ ESTABLISHED
//! ```
//!
//! It works as packets and events come: a row that was given is final. Writes, packets and reads
//! are joined by the place of their bytes in the stream, never by time. What it remembers is
//! bounded, whatever a capture holds. The same steps make a picture in the end ([`Ladder::svg`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;

use crate::event::{Direction, Event, What};
use crate::flow::{Label, Mode};
use crate::record::Epoch;
use crate::sighting::Sighting;
use crate::strings::Language;
use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::wire::TcpFlags;

mod conversation;
mod draw;
mod join;
mod packet;
mod payload;
pub mod state;
pub mod step;
mod svg;
mod teach;
mod telling;
mod words;

use conversation::{Conversation, Key, Party, Route};
use state::Side;
use step::{Step, Telling};
use teach::Teacher;
use telling::{Late, Waiting};
use words::Words;

/// Which sequence numbers are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// Counted from the first one of each direction.
    #[default]
    Relative,
    /// As in the header.
    Absolute,
    /// Both.
    Both,
}

impl FromStr for Numbers {
    type Err = ParseNumbersError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "relative" => Ok(Self::Relative),
            "absolute" => Ok(Self::Absolute),
            "both" => Ok(Self::Both),
            _ => Err(ParseNumbersError {
                text: text.to_owned(),
            }),
        }
    }
}

/// A way of counting that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` are no numbers here; there are `relative`, `absolute` and `both`",
    VisibleLine(text)
)]
pub struct ParseNumbersError {
    text: String,
}

/// What a ladder gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gives {
    /// Rows ([`Ladder::take`]).
    #[default]
    Rows,
    /// Steps as values ([`Ladder::take_steps`]), for who draws them in a way of their own.
    Steps,
    /// Both.
    Both,
}

/// How a ladder is drawn.
#[derive(Clone, Debug)]
pub struct Options {
    /// Columns of the screen; fewer than 60 are taken for 60.
    pub width: usize,
    /// Whether rows have colour.
    pub has_colour: bool,
    /// Which sequence numbers are shown.
    pub numbers: Numbers,
    /// Whose labels are shown.
    pub labels: Mode,
    /// In which language there is a sentence beneath each step that says why it is so.
    pub teach: Option<Language>,
    /// The language of labels and other words.
    pub language: Language,
    /// The charset in which bytes are shown where they are text; `None` shows digits.
    pub charset: Option<Charset>,
    /// Steps that are kept for the picture.
    pub picture_rows: usize,
    /// What it gives.
    pub gives: Gives,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: 100,
            has_colour: false,
            numbers: Numbers::Relative,
            labels: Mode::Truth,
            teach: None,
            language: Language::English,
            charset: Some(Charset::UTF_8),
            picture_rows: 2000,
            gives: Gives::Rows,
        }
    }
}

/// Conversations that are remembered; the one that was silent for longest is forgotten first.
const MOST_CONVERSATIONS: usize = 1024;

/// Peers, and listening sessions, that are remembered.
const MOST_SPEAKERS: usize = 4096;

/// What waits behind a packet whose write has not been told.
const MOST_WAITING: usize = 64;

/// In nanoseconds: for how long it waits.
const WAIT: u64 = 100_000_000;

/// A source with a session and a peer of it.
type Speaker = (usize, u32, u32);

/// Draws the conversations whose packets and events it gets.
pub struct Ladder {
    options: Options,
    words: Words,
    teacher: Option<Teacher>,
    conversations: BTreeMap<Key, Conversation>,
    /// The same in the order of their last step.
    order: BTreeMap<u64, Key>,
    begun: u64,
    steps: u64,
    speakers: BTreeMap<Speaker, Voice>,
    /// Sessions that listen.
    servers: BTreeSet<(usize, u32)>,
    waiting: VecDeque<Waiting>,
    /// The conversation under the latest heading.
    headed: Option<u64>,
    out: String,
    given: Vec<Step>,
    picture: svg::Picture,
}

/// Which event tells of something: when, in nanoseconds since 1970, whose, and its number.
#[derive(Clone, Copy)]
struct Origin {
    at: u64,
    speaker: Speaker,
    number: u64,
}

/// When a step was, and who told of it.
#[derive(Clone, Copy)]
struct Moment {
    at: u64,
    since_last: Option<i64>,
    told: Option<Telling>,
}

/// What is known of who tells of a conversation.
#[derive(Clone, Debug)]
struct Voice {
    key: Key,
    own: Party,
}

impl Ladder {
    /// Begins with nothing to show.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            words: Words::new(options.language),
            teacher: options.teach.map(Teacher::new),
            picture: svg::Picture::new(options.picture_rows),
            options,
            conversations: BTreeMap::new(),
            order: BTreeMap::new(),
            begun: 0,
            steps: 0,
            speakers: BTreeMap::new(),
            servers: BTreeSet::new(),
            waiting: VecDeque::new(),
            headed: None,
            out: String::new(),
            given: Vec::new(),
        }
    }

    /// Takes the next packet of a capture that belongs to no session of ours.
    pub fn push_sighting(&mut self, sighting: &Sighting<'_>) {
        let mut route = Route::of(&sighting.summary, sighting.packet.bytes);
        if route.key == Key::Nobody {
            route.protocol = sighting.packet.link.to_string();
        }
        self.packet(sighting, sighting.offset(), &route, None);
    }

    /// Takes the next event of a source. Sources are recordings, or workbenches, in which sessions
    /// are counted apart; events of several come in the order of their time.
    ///
    /// A write is told as it returns, and so after the packets that it made: a packet waits for its
    /// write, and whatever comes behind it waits too.
    pub fn push_event(&mut self, source: usize, event: &Event, epoch: Epoch) {
        let speaker = (source, event.session, event.peer);
        let origin = Origin {
            at: epoch.0.saturating_add(event.time.as_nanos()),
            speaker,
            number: event.number,
        };
        self.settle(origin.at);
        if self.is_awaited(speaker, &event.what) {
            self.take_event(origin, &event.what);
        } else {
            match &event.what {
                What::Frame { .. } => return,
                What::Packet {
                    direction,
                    offset,
                    packet,
                } => {
                    let awaited = self.awaited(speaker, *direction, *offset, packet);
                    if self.waiting.is_empty() && awaited.is_none() {
                        self.take_packet(origin, *direction, *offset, packet);
                        return;
                    }
                    let what = Late::Packet(*direction, *offset, packet.clone());
                    self.waiting.push_back(Waiting { origin, what });
                }
                what if self.waiting.is_empty() => {
                    self.take_event(origin, what);
                    return;
                }
                what => {
                    let what = Late::Other(what.clone());
                    self.waiting.push_back(Waiting { origin, what });
                }
            }
        }
        let must_go = self.waiting.len().saturating_sub(MOST_WAITING);
        self.release(must_go);
    }

    /// Learns how late it is, in nanoseconds since 1970: what has waited for its write for long goes
    /// without. To be told now and then while nothing comes.
    pub fn settle(&mut self, now: u64) {
        while let Some(first) = self.waiting.front() {
            if now.saturating_sub(first.origin.at) < WAIT {
                break;
            }
            self.release(1);
        }
    }

    /// Rows that have become final: lines, each with its end.
    #[must_use]
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// Steps that have become final, where the options say that they are wanted.
    #[must_use]
    pub fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.given)
    }

    /// The rest, at the end of the capture or the session.
    #[must_use]
    pub fn finish(&mut self) -> String {
        self.release(self.waiting.len());
        self.take()
    }

    /// The picture of its first steps, by conversations; a file of its own in SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        self.picture.draw(&self.words)
    }

    fn packet(
        &mut self,
        sighting: &Sighting<'_>,
        offset: Option<u64>,
        route: &Route,
        told: Option<(Origin, Direction)>,
    ) {
        let at = sighting.packet.at;
        let teller = told.map(|(origin, _)| (origin.speaker.0, origin.speaker.1));
        let flow = sighting.analysis.map(|analysis| analysis.conversation);
        let is_call = sighting
            .summary
            .tcp()
            .is_some_and(|tcp| tcp.flags.has(TcpFlags::SYN) && !tcp.flags.has(TcpFlags::ACK));
        let is_other = self.conversations.get(&route.key).is_some_and(|known| {
            let has_changed = known.flow.is_some() && flow.is_some() && known.flow != flow;
            (known.teller == teller && has_changed) || (is_call && known.is_over())
        });
        if is_other {
            self.forget(&route.key);
        }
        let left = conversation::leftmost(route, &sighting.summary);
        let conversation = self.begin(route, left, at);
        if conversation.last.is_some() && conversation.teller != teller {
            return;
        }
        conversation.teller = teller;
        conversation.flow = conversation.flow.or(flow);
        let from = conversation.sender(route);
        let len = sighting.payload_len() as u64;
        let bytes = offset
            .filter(|_| len != 0)
            .map(|start| (start, start.saturating_add(len)));
        let since_last = conversation.last.map(|last| span(last, at));
        conversation.last = Some(at);
        let known = (&self.options, &self.words);
        let conversation = self
            .conversations
            .get_mut(&route.key)
            .expect("it was begun just before");
        let lesson = self
            .teacher
            .as_ref()
            .map(|_| teach::Before::of(conversation, from));
        let arrow = packet::arrow(sighting, bytes, from, conversation, known);
        let lessons = match (&mut self.teacher, lesson) {
            (Some(teacher), Some(before)) => {
                teacher.packet(sighting, &arrow, &before, conversation, &self.options)
            }
            _ => Vec::new(),
        };
        let told = told.map(|(origin, direction)| {
            origin.telling(match direction {
                Direction::Out => from,
                Direction::In => from.other(),
            })
        });
        let moment = Moment {
            at,
            since_last,
            told,
        };
        self.step(&route.key, moment, step::What::Arrow(arrow), lessons);
    }

    /// Draws a step, and a heading where the conversation is another than before.
    fn step(&mut self, key: &Key, moment: Moment, what: step::What, lessons: Vec<String>) {
        let Some(conversation) = self.conversations.get_mut(key) else {
            return;
        };
        let step = Step {
            conversation: conversation.number,
            head: conversation.head.clone(),
            at: moment.at,
            told: moment.told,
            states: [Side::Left, Side::Right].map(|side| conversation.states.state(side)),
            since_first: span(conversation.first, moment.at),
            since_last: moment.since_last,
            what,
            lessons,
        };
        self.steps += 1;
        self.order.remove(&conversation.used);
        conversation.used = self.steps;
        self.order.insert(self.steps, key.clone());
        if self.options.gives != Gives::Steps {
            self.draw(&step);
        }
        if self.options.gives != Gives::Rows {
            self.given.push(step.clone());
        }
        self.picture.keep(step);
    }

    fn draw(&mut self, step: &Step) {
        let known = (&self.options, &self.words);
        if self.headed != Some(step.conversation) {
            if self.headed.is_some() {
                self.out.push('\n');
            }
            self.headed = Some(step.conversation);
            draw::heading(&step.head, step.conversation, known, &mut self.out);
        }
        draw::step(step, known, &mut self.out);
    }

    /// Finds a conversation or begins it.
    fn begin(&mut self, route: &Route, left: Party, at: u64) -> &mut Conversation {
        if !self.conversations.contains_key(&route.key) {
            if self.conversations.len() == MOST_CONVERSATIONS
                && let Some((_, oldest)) = self.order.pop_first()
            {
                self.conversations.remove(&oldest);
            }
            self.begun += 1;
            let mut conversation = Conversation::new(self.begun, route, left, at, &self.words);
            self.steps += 1;
            conversation.used = self.steps;
            self.order.insert(self.steps, route.key.clone());
            self.conversations.insert(route.key.clone(), conversation);
        }
        self.conversations
            .get_mut(&route.key)
            .expect("it is there or was begun just before")
    }

    fn forget(&mut self, key: &Key) {
        if let Some(conversation) = self.conversations.remove(key) {
            self.order.remove(&conversation.used);
        }
    }
}

/// What a label is called, in English words of the catalogue.
#[must_use]
pub const fn label_text(label: Label) -> &'static str {
    words::label(label)
}

/// From one moment to another, in nanoseconds; negative where the clock ran back.
fn span(from: u64, to: u64) -> i64 {
    let span = i128::from(to) - i128::from(from);
    i64::try_from(span).unwrap_or(if span < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
