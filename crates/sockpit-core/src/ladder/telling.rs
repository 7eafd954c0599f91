//! What sessions of ours tell: their calls, and packets that wait for the writes they hold.

use std::net::SocketAddr;
use std::sync::Arc;

use super::conversation::{self, Key, Party, Route};
use super::state::Side;
use super::step::{self, Call, CallKind, Telling};
use super::{Ladder, MOST_SPEAKERS, Moment, Origin, Speaker, Voice, join, payload};
use crate::event::{Direction, What, socket_addr};
use crate::sighting::{Kept, Sighting};
use crate::text::escape::VisibleLine;
use crate::wire::{Content, protocol};

/// Something that comes after a packet whose write has not been told.
pub(super) struct Waiting {
    pub(super) origin: Origin,
    pub(super) what: Late,
}

pub(super) enum Late {
    Packet(Direction, Option<u64>, Box<Kept>),
    Other(What),
}

impl Ladder {
    /// Lets go of what waits for nothing, and of the first `must_go` in any case.
    pub(super) fn release(&mut self, must_go: usize) {
        let mut gone = 0;
        while let Some(first) = self.waiting.pop_front() {
            let origin = first.origin;
            match first.what {
                Late::Packet(direction, offset, packet) => {
                    let awaited = self.awaited(origin.speaker, direction, offset, &packet);
                    if must_go <= gone && awaited.is_some() {
                        let what = Late::Packet(direction, offset, packet);
                        self.waiting.push_front(Waiting { origin, what });
                        return;
                    }
                    self.take_packet(origin, direction, offset, &packet);
                }
                Late::Other(what) => self.take_event(origin, &what),
            }
            gone += 1;
        }
    }

    /// The conversation of a packet that holds bytes whose write is yet to be told: its sender's
    /// program tells of its writes, and so far of none that reaches so far.
    pub(super) fn awaited(
        &self,
        speaker: Speaker,
        direction: Direction,
        offset: Option<u64>,
        packet: &Kept,
    ) -> Option<Key> {
        let sighting = packet.at(0);
        let len = sighting.payload_len() as u64;
        let end = offset.filter(|_| len != 0)?.saturating_add(len);
        let route = route_of(&sighting, direction, speaker);
        let conversation = self.conversations.get(&route.key)?;
        let sender = conversation.end(conversation.sender(&route));
        (sender.is_told && sender.writes.end() < end).then_some(route.key)
    }

    /// Whether an event is a write that the first of those that wait may wait for.
    pub(super) fn is_awaited(&self, speaker: Speaker, what: &What) -> bool {
        let is_write = matches!(
            what,
            What::Chunk {
                direction: Direction::Out,
                ..
            }
        );
        let first = self.waiting.front().and_then(|first| match &first.what {
            Late::Packet(direction, offset, packet) => {
                self.awaited(first.origin.speaker, *direction, *offset, packet)
            }
            Late::Other(_) => None,
        });
        let voice = self.speakers.get(&speaker);
        is_write && first.is_some() && first == voice.map(|voice| voice.key.clone())
    }

    pub(super) fn take_packet(
        &mut self,
        origin: Origin,
        direction: Direction,
        offset: Option<u64>,
        packet: &Kept,
    ) {
        let speaker = origin.speaker;
        let sighting = packet.at(origin.at);
        let route = route_of(&sighting, direction, speaker);
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
        self.packet(&sighting, offset, &route, Some((origin, direction)));
    }

    pub(super) fn take_event(&mut self, origin: Origin, what: &What) {
        let speaker = origin.speaker;
        let (source, session, _) = speaker;
        match what {
            What::Listening { .. } => {
                if self.servers.len() == MOST_SPEAKERS {
                    self.servers.pop_first();
                }
                self.servers.insert((source, session));
            }
            What::Opened { addr, local } => self.open(origin, (addr, local)),
            What::Chunk {
                direction,
                offset,
                bytes,
                ..
            } => self.chunk(origin, *direction, (*offset, bytes)),
            What::Closed { reason, message } => {
                let (reason, gap) = (reason.as_str(), if message.is_empty() { "" } else { ": " });
                let text = self.words.say(&format!("closed: {reason}"));
                let message = self.words.say(message);
                let text = format!("{text}{gap}{}", VisibleLine(&message));
                self.call(origin, CallKind::Life, &text);
                self.listen_to(speaker, false);
                self.speakers.remove(&speaker);
            }
            What::Fault { message, kind, .. } => {
                let message = if message.is_empty() {
                    kind.as_str()
                } else {
                    message
                };
                let text = VisibleLine(&self.words.say(message)).to_string();
                self.call(origin, CallKind::Fault, &text);
            }
            What::Note { message, kind, .. } => {
                let message = if message.is_empty() { kind } else { message };
                let text = VisibleLine(&self.words.say(message)).to_string();
                self.call(origin, CallKind::Told, &text);
            }
            What::Gap { count } => {
                let text = self.words.say(&format!("events missed: {count}"));
                self.call(origin, CallKind::Fault, &text);
            }
            What::Packet {
                direction,
                offset,
                packet,
            } => self.take_packet(origin, *direction, *offset, packet),
            What::Frame { .. } => {}
        }
    }

    /// A conversation with a peer begins, or is heard of.
    fn open(&mut self, origin: Origin, (addr, local): (&str, &str)) {
        let (at, speaker) = (origin.at, origin.speaker);
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
            let head = Arc::make_mut(&mut conversation.head);
            for (place, name) in [(&mut head.left, left), (&mut head.right, right)] {
                // A Unix socket that nobody named has no address.
                if !name.is_empty() {
                    *place = shown(name);
                }
            }
        }
        if self.speakers.len() == MOST_SPEAKERS && !self.speakers.contains_key(&speaker) {
            self.speakers.pop_first();
        }
        let voice = Voice {
            key: route.key,
            own: route.from,
        };
        self.speakers.insert(speaker, voice);
        self.listen_to(speaker, true);
        let text = self.words.say("opened");
        self.call(origin, CallKind::Life, &text);
    }

    /// Notes whether the program at an end tells of its writes.
    fn listen_to(&mut self, speaker: Speaker, is_told: bool) {
        if let Some(voice) = self.speakers.get(&speaker)
            && let Some(conversation) = self.conversations.get_mut(&voice.key)
        {
            let side = conversation.side(voice.own);
            conversation.end_mut(side).is_told = is_told;
        }
    }

    /// A program wrote or read.
    fn chunk(&mut self, origin: Origin, direction: Direction, (offset, bytes): (u64, &[u8])) {
        let end = offset.saturating_add(bytes.len() as u64);
        let Some(voice) = self.speakers.get(&origin.speaker) else {
            return;
        };
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
        let payload = payload::show(bytes, bytes.len(), self.options.charset);
        let step = Call {
            side,
            kind: if is_write {
                CallKind::Write
            } else {
                CallKind::Read
            },
            name,
            text: format!("{} B", bytes.len()),
            payload,
            bytes: Some(range),
            frames,
        };
        self.call_step(origin, &key, step);
    }

    fn call(&mut self, origin: Origin, kind: CallKind, text: &str) {
        let Some(voice) = self.speakers.get(&origin.speaker) else {
            return;
        };
        let (key, own) = (voice.key.clone(), voice.own);
        let Some(conversation) = self.conversations.get(&key) else {
            return;
        };
        let call = Call {
            side: conversation.side(own),
            kind,
            name: String::new(),
            text: text.chars().take(MOST_TEXT).collect(),
            payload: None,
            bytes: None,
            frames: Vec::new(),
        };
        self.call_step(origin, &key, call);
    }

    fn call_step(&mut self, origin: Origin, key: &Key, call: Call) {
        let moment = Moment {
            at: origin.at,
            since_last: None,
            told: Some(origin.telling(call.side)),
        };
        self.step(key, moment, step::What::Call(call), Vec::new());
    }
}

impl Origin {
    /// What it is of a step whose own end stands at a side.
    pub(super) const fn telling(self, own: Side) -> Telling {
        let (source, session, peer) = self.speaker;
        Telling {
            source,
            session,
            peer,
            number: self.number,
            own,
        }
    }
}

const TCP: u16 = protocol::TCP as u16;
const UDP: u16 = protocol::UDP as u16;

/// Characters that are shown of what a session has to say.
const MOST_TEXT: usize = 400;

/// Whose a packet is that a session tells. What was never a packet belongs to whoever tells it.
fn route_of(
    sighting: &Sighting<'_>,
    direction: Direction,
    (source, session, peer): Speaker,
) -> Route {
    let mut route = Route::of(&sighting.summary, sighting.packet.bytes);
    if matches!(sighting.summary.content, Content::Exported(_)) {
        route.key = Key::Own(source, session, peer);
        (route.from, route.to) = match direction {
            Direction::Out => (Party::Us, Party::Them),
            Direction::In => (Party::Them, Party::Us),
        };
    }
    route
}

/// The protocol and the address of an endpoint such as `tcp://127.0.0.1:7000`.
fn address(endpoint: &str) -> Option<(u16, SocketAddr)> {
    let (transport, addr) = socket_addr(endpoint)?;
    let protocol = match transport {
        "tcp" => TCP,
        "udp" => UDP,
        _ => return None,
    };
    Some((protocol, conversation::plain(addr.ip(), addr.port())))
}

/// A name that a peer may have chosen, on one line and not too long.
fn shown(name: &str) -> String {
    const MOST: usize = 120;
    let name: String = name.chars().take(MOST).collect();
    VisibleLine(&name).to_string()
}
