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
use crate::flow::Mode;
use crate::record::Epoch;
use crate::sighting::{Kept, Sighting};
use crate::strings::Language;
use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::wire::{Content, TcpFlags};

mod conversation;
mod draw;
mod join;
mod packet;
mod payload;
pub mod state;
mod step;
mod svg;
mod teach;
mod words;

use conversation::{Conversation, Key, Party, Route};
use step::{Call, CallKind, Head, Step};
use teach::Teacher;
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
    picture: svg::Picture,
}

/// What is known of who tells of a conversation.
#[derive(Clone, Debug)]
struct Voice {
    key: Key,
    own: Party,
    /// Where the last write so far ends.
    written: u64,
}

/// Something that comes after a packet whose write has not been told.
struct Waiting {
    /// In nanoseconds since 1970.
    at: u64,
    speaker: Speaker,
    what: Late,
}

enum Late {
    Packet(Direction, Option<u64>, Box<Kept>),
    Other(What),
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
        let at = epoch.0.saturating_add(event.time.as_nanos());
        let speaker = (source, event.session, event.peer);
        self.settle(at);
        let is_awaited = self.waiting.front().is_some_and(|first| {
            let is_write = matches!(
                event.what,
                What::Chunk {
                    direction: Direction::Out,
                    ..
                }
            );
            first.speaker == speaker && is_write
        });
        if is_awaited {
            self.take_event(at, speaker, &event.what);
        } else {
            match &event.what {
                What::Frame { .. } => return,
                What::Packet {
                    direction,
                    offset,
                    packet,
                } => {
                    if self.waiting.is_empty()
                        && !self.is_early(speaker, *direction, *offset, at, packet)
                    {
                        self.take_packet((at, speaker), *direction, *offset, packet);
                        return;
                    }
                    let what = Late::Packet(*direction, *offset, packet.clone());
                    self.waiting.push_back(Waiting { at, speaker, what });
                }
                what if self.waiting.is_empty() => {
                    self.take_event(at, speaker, what);
                    return;
                }
                what => {
                    let what = Late::Other(what.clone());
                    self.waiting.push_back(Waiting { at, speaker, what });
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
            if now.saturating_sub(first.at) < WAIT {
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

    /// Lets go of what waits for nothing, and of the first `must_go` in any case.
    fn release(&mut self, must_go: usize) {
        let mut gone = 0;
        while let Some(first) = self.waiting.pop_front() {
            let Waiting { at, speaker, .. } = first;
            match first.what {
                Late::Packet(direction, offset, packet) => {
                    if must_go <= gone && self.is_early(speaker, direction, offset, at, &packet) {
                        let what = Late::Packet(direction, offset, packet);
                        self.waiting.push_front(Waiting { at, speaker, what });
                        return;
                    }
                    self.take_packet((at, speaker), direction, offset, &packet);
                }
                Late::Other(what) => self.take_event(at, speaker, &what),
            }
            gone += 1;
        }
    }

    /// Whether a packet holds bytes of ours whose write has not been told.
    fn is_early(
        &self,
        speaker: Speaker,
        direction: Direction,
        offset: Option<u64>,
        at: u64,
        packet: &Kept,
    ) -> bool {
        let (Some(voice), Some(offset)) = (self.speakers.get(&speaker), offset) else {
            return false;
        };
        let len = packet.at(at).payload_len() as u64;
        direction == Direction::Out && len != 0 && voice.written < offset.saturating_add(len)
    }

    fn take_packet(
        &mut self,
        (at, speaker): (u64, Speaker),
        direction: Direction,
        offset: Option<u64>,
        packet: &Kept,
    ) {
        let sighting = packet.at(at);
        let mut route = Route::of(&sighting.summary, sighting.packet.bytes);
        if matches!(sighting.summary.content, Content::Exported(_)) {
            let (source, session, peer) = speaker;
            route.key = Key::Own(source, session, peer);
            (route.from, route.to) = match direction {
                Direction::Out => (Party::Us, Party::Them),
                Direction::In => (Party::Them, Party::Us),
            };
        }
        if let Some(voice) = self.speakers.get_mut(&speaker)
            && !matches!(voice.own, Party::Us)
        {
            // A server that listens on all addresses knows its own only by its packets.
            voice.key = route.key.clone();
            voice.own = match direction {
                Direction::Out => route.from,
                Direction::In => route.to,
            };
        }
        let offset = offset.or_else(|| sighting.offset());
        self.packet(&sighting, offset, &route, Some((speaker.0, speaker.1)));
    }

    fn packet(
        &mut self,
        sighting: &Sighting<'_>,
        offset: Option<u64>,
        route: &Route,
        teller: Option<(usize, u32)>,
    ) {
        let at = sighting.packet.at;
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
        let since_first = span(conversation.first, at);
        let number = conversation.number;
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
        self.step(
            &route.key,
            Step {
                conversation: number,
                since_first,
                since_last,
                what: step::What::Arrow(arrow),
                lessons,
            },
        );
    }

    fn take_event(&mut self, at: u64, speaker: Speaker, what: &What) {
        let (source, session, _) = speaker;
        match what {
            What::Listening { .. } => {
                if self.servers.len() == MOST_SPEAKERS {
                    self.servers.pop_first();
                }
                self.servers.insert((source, session));
            }
            What::Opened { addr, local } => self.open(at, speaker, (addr, local)),
            What::Chunk {
                direction,
                offset,
                bytes,
                ..
            } => self.chunk(at, speaker, *direction, (*offset, bytes)),
            What::Closed { reason, message } => {
                let (reason, gap) = (reason.as_str(), if message.is_empty() { "" } else { ": " });
                let text = self.words.say(&format!("closed: {reason}"));
                let message = self.words.say(message);
                let text = format!("{text}{gap}{}", VisibleLine(&message));
                self.call(at, speaker, CallKind::Life, "", text);
                self.speakers.remove(&speaker);
            }
            What::Fault { message, kind, .. } => {
                let message = if message.is_empty() {
                    kind.as_str()
                } else {
                    message
                };
                let text = VisibleLine(&self.words.say(message)).to_string();
                self.call(at, speaker, CallKind::Fault, "", text);
            }
            What::Note { message, kind, .. } => {
                let message = if message.is_empty() { kind } else { message };
                let text = VisibleLine(&self.words.say(message)).to_string();
                self.call(at, speaker, CallKind::Told, "", text);
            }
            What::Gap { count } => {
                let text = self.words.say(&format!("events missed: {count}"));
                self.call(at, speaker, CallKind::Fault, "", text);
            }
            What::Packet {
                direction,
                offset,
                packet,
            } => self.take_packet((at, speaker), *direction, *offset, packet),
            What::Frame { .. } => {}
        }
    }

    /// A conversation with a peer begins, or is heard of.
    fn open(&mut self, at: u64, speaker: Speaker, (addr, local): (&str, &str)) {
        let (source, session, peer) = speaker;
        let is_server = self.servers.contains(&(source, session));
        let route = match (address(local), address(addr)) {
            (Some((protocol, own)), Some((_, other))) => Route {
                key: Key::of(protocol, own, other),
                from: Party::Addr(own),
                to: Party::Addr(other),
                is_answer: false,
                protocol: if protocol == TCP { "TCP" } else { "UDP" }.to_owned(),
            },
            _ => Route {
                key: Key::Own(source, session, peer),
                from: Party::Us,
                to: Party::Them,
                is_answer: false,
                protocol: local
                    .split_once(':')
                    .or_else(|| addr.split_once(':'))
                    .map_or_else(String::new, |(scheme, _)| shown(scheme)),
            },
        };
        let left = if is_server { route.to } else { route.from };
        let is_unknown = !self.conversations.contains_key(&route.key);
        let names = match (is_server, left) {
            (_, Party::Addr(_)) => None,
            (false, _) => Some((local, addr)),
            (true, _) => Some((addr, local)),
        };
        let conversation = self.begin(&route, left, at);
        if let (true, Some((left, right))) = (is_unknown, names) {
            let name = |name: &str, else_: &str| match name {
                "" => else_.to_owned(),
                name => shown(name),
            };
            conversation.head = Head {
                left: name(left, "(…)"),
                right: name(right, "(…)"),
                ..conversation.head.clone()
            };
        }
        if self.speakers.len() == MOST_SPEAKERS && !self.speakers.contains_key(&speaker) {
            self.speakers.pop_first();
        }
        let voice = Voice {
            key: route.key,
            own: route.from,
            written: 0,
        };
        self.speakers.insert(speaker, voice);
        let text = self.words.say("opened");
        self.call(at, speaker, CallKind::Life, "", text);
    }

    /// A program wrote or read.
    fn chunk(
        &mut self,
        at: u64,
        speaker: Speaker,
        direction: Direction,
        (offset, bytes): (u64, &[u8]),
    ) {
        let end = offset.saturating_add(bytes.len() as u64);
        let Some(voice) = self.speakers.get_mut(&speaker) else {
            return;
        };
        if direction == Direction::Out {
            voice.written = voice.written.max(end);
        }
        let own = voice.own;
        let key = voice.key.clone();
        let Some(conversation) = self.conversations.get_mut(&key) else {
            return;
        };
        let side = conversation.side(own);
        let is_write = direction == Direction::Out;
        let sender = if is_write { side } else { side.other() };
        let range = (offset, end);
        let frames = conversation.end(sender).packets.within(range);
        let frames: Vec<u64> = frames.take(join::MOST_NAMED + 1).collect();
        let memory = conversation.end_mut(side);
        let number = if is_write {
            memory.writes.push_next(range)
        } else {
            memory.reads.push_next(range)
        };
        let name = if is_write {
            self.words.say(&format!("write {number}"))
        } else {
            self.words.say(&format!("read {number}"))
        };
        let mut text = format!("{} B", bytes.len());
        if let Some(payload) = payload::show(bytes, bytes.len(), self.options.charset) {
            text.push(' ');
            text.push_str(&payload);
        }
        let step = Call {
            side,
            kind: if is_write {
                CallKind::Write
            } else {
                CallKind::Read
            },
            name,
            text,
            bytes: Some(range),
            frames,
        };
        self.call_step(at, &key, step);
    }

    fn call(&mut self, at: u64, speaker: Speaker, kind: CallKind, name: &str, text: String) {
        let Some(voice) = self.speakers.get(&speaker) else {
            return;
        };
        let (key, own) = (voice.key.clone(), voice.own);
        let Some(conversation) = self.conversations.get(&key) else {
            return;
        };
        let call = Call {
            side: conversation.side(own),
            kind,
            name: name.to_owned(),
            text,
            bytes: None,
            frames: Vec::new(),
        };
        self.call_step(at, &key, call);
    }

    fn call_step(&mut self, at: u64, key: &Key, call: Call) {
        let Some(conversation) = self.conversations.get(key) else {
            return;
        };
        let step = Step {
            conversation: conversation.number,
            since_first: span(conversation.first, at),
            since_last: None,
            what: step::What::Call(call),
            lessons: Vec::new(),
        };
        self.step(key, step);
    }

    /// Draws a step, and a heading where the conversation is another than before.
    fn step(&mut self, key: &Key, step: Step) {
        let Some(conversation) = self.conversations.get_mut(key) else {
            return;
        };
        self.steps += 1;
        self.order.remove(&conversation.used);
        conversation.used = self.steps;
        self.order.insert(self.steps, key.clone());
        let known = (&self.options, &self.words);
        if self.headed != Some(conversation.number) {
            if self.headed.is_some() {
                self.out.push('\n');
            }
            self.headed = Some(conversation.number);
            draw::heading(
                &conversation.head,
                conversation.number,
                known,
                &mut self.out,
            );
        }
        draw::step(&step, known, &mut self.out);
        self.picture.keep(step, &conversation.head);
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

const TCP: u16 = crate::wire::protocol::TCP as u16;
const UDP: u16 = crate::wire::protocol::UDP as u16;

/// The protocol and the address of an endpoint such as `tcp://127.0.0.1:7000`.
fn address(endpoint: &str) -> Option<(u16, std::net::SocketAddr)> {
    let (scheme, addr) = endpoint.split_once("://")?;
    let protocol = match scheme {
        "tcp" => TCP,
        "udp" => UDP,
        _ => return None,
    };
    let addr: std::net::SocketAddr = addr.parse().ok()?;
    Some((protocol, conversation::plain(addr.ip(), addr.port())))
}

/// A name that a peer may have chosen, on one line and not too long.
fn shown(name: &str) -> String {
    const MOST: usize = 120;
    let name: String = name.chars().take(MOST).collect();
    VisibleLine(&name).to_string()
}

/// From one moment to another, in nanoseconds; negative where the clock ran back.
fn span(from: u64, to: u64) -> i64 {
    let span = i128::from(to) - i128::from(from);
    i64::try_from(span).unwrap_or(if span < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
