//! A timeline as a capture file (pcapng): its real packets, with our messages as remarks on them.
//!
//! ```text
//!  Event ──▶ Packet ─── held 200 ms ──┐ the message whose first byte it carries,
//!            Chunk, Frame ── remark ──┴─▶ by place in the stream, never by time ──▶ block
//! ```
//!
//! Where there are no packets, as of Unix sockets or without the privilege to capture, what was
//! written and read is saved as messages that were never packets (link type 252). No packet is made
//! up, and a file has one link type, as tcpdump reads no other.

mod remark;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use crate::event::{Direction, Event, What, socket_addr};
use crate::pcap::{Interface, Name, Section, Statistics, Writer};
use crate::record::Epoch;
use crate::sighting::Kept;
use crate::text::charset::Charset;
use crate::time::Time;
use crate::wire::{self, Conversation, LinkType, Packet, PortType};

use remark::{Datagram, Remarks};

/// The kind of the notes from which it is learnt whether there are packets, and where they come from.
pub const NOTE: &str = "wire";

/// So long a packet waits for what is told of it.
const PATIENCE: Duration = Duration::from_millis(200);

/// The same where packets come by way of dumpcap, which gives them every 300 ms or so.
const LONG_PATIENCE: Duration = Duration::from_millis(600);

/// In bytes: packets that wait at most.
const MOST_HELD: usize = 16 * 1024 * 1024;

/// In bytes: what a packet that waits costs beside its bytes.
const COST: usize = 512;

/// With whom and in which session a conversation is, and which way.
type Way = (u32, u32, Direction);

/// What a file is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What messages are shown in; without, their bytes are.
    pub charset: Option<Charset>,
    /// Whether packets are captured, which a note may have told of before.
    pub expects_packets: bool,
}

/// Writes a file block by block.
#[derive(Debug)]
pub struct Transcript {
    writer: Writer,
    options: Options,
    /// Decided by the first session; `None` before.
    source: Option<Source>,
    held: VecDeque<Held>,
    /// How long a packet waits.
    patience: Duration,
    held_len: usize,
    /// How many are held no longer.
    let_go: u64,
    /// Datagrams that are held and whose chunks have not come, by how many were held before them.
    unplaced: BTreeMap<(Way, Datagram), VecDeque<u64>>,
    remarks: Remarks,
    parties: BTreeMap<(u32, u32), Party>,
    began: Option<u64>,
    last: u64,
    written: u64,
    left_out: u64,
}

/// The addresses of a conversation.
#[derive(Clone, Copy, Debug)]
struct Party {
    own: SocketAddr,
    peer: SocketAddr,
    ports: PortType,
}

/// Where what is written comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// From interfaces, each with its name.
    Packets { link: LinkType, names: Vec<String> },
    /// From what was written and read.
    Messages,
}

/// A packet that waits for its remarks.
#[derive(Debug)]
struct Held {
    time: Time,
    at: u64,
    way: Way,
    /// Of a datagram it is known once its chunk has come.
    offset: Option<u64>,
    payload_len: u64,
    kept: Kept,
    remarks: Vec<String>,
}

/// What a note says of a capture.
#[derive(Deserialize)]
struct Told {
    level: Option<String>,
    link: Option<LinkType>,
    #[serde(default)]
    interfaces: Vec<ToldInterface>,
    #[serde(default)]
    names: BTreeMap<IpAddr, String>,
    received: Option<u64>,
    dropped: Option<u64>,
}

#[derive(Deserialize)]
struct ToldInterface {
    name: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    snap_len: u32,
}

impl Transcript {
    /// Begins a file: appends its head to `out`. `application` makes it.
    #[must_use]
    pub fn begin(application: &str, options: Options, out: &mut Vec<u8>) -> Self {
        let section = Section {
            application: application.to_owned(),
            ..Section::default()
        };
        Self {
            writer: Writer::begin(&section, out),
            options,
            source: None,
            held: VecDeque::new(),
            patience: PATIENCE,
            held_len: 0,
            let_go: 0,
            unplaced: BTreeMap::new(),
            remarks: Remarks::default(),
            parties: BTreeMap::new(),
            began: None,
            last: 0,
            written: 0,
            left_out: 0,
        }
    }

    /// Takes the next event; appends whole blocks to `out`, if any are due.
    pub fn push(&mut self, event: &Event, epoch: Epoch, out: &mut Vec<u8>) {
        let at = epoch.0.saturating_add(event.time.as_nanos());
        self.began.get_or_insert(at);
        self.last = self.last.max(at);
        match &event.what {
            What::Note { kind, data, .. } if kind == NOTE => {
                if let Ok(told) = Told::deserialize(data) {
                    self.learn(told, out);
                }
            }
            What::Opened { addr, local } => {
                if let Some(party) = Party::of(local, addr) {
                    self.parties.insert((event.session, event.peer), party);
                }
            }
            What::Closed { .. } if event.peer != 0 => {
                self.parties.remove(&(event.session, event.peer));
            }
            What::Packet {
                direction,
                offset,
                packet,
            } => {
                self.expect_interface(packet.link, out);
                self.hold(event, at, *direction, *offset, packet);
            }
            What::Chunk {
                direction,
                offset,
                bytes,
                ..
            } => {
                let way = (event.session, event.peer, *direction);
                match self.has_packets() {
                    true => {
                        let party = self.parties.get(&(event.session, event.peer));
                        if party.is_some_and(|party| party.ports == PortType::Udp) {
                            self.place_datagram(way, *offset, event.time, bytes);
                        }
                        let charset = self.options.charset;
                        let text = || remark::of_chunk(*direction, bytes, charset);
                        self.remarks.chunk(way, *offset, event.time, text);
                    }
                    false => self.write_message(at, way, bytes, out),
                }
            }
            What::Frame {
                direction,
                offset,
                payload,
                text,
                ..
            } => {
                let way = (event.session, event.peer, *direction);
                let text = remark::of_frame(*direction, payload, text.as_deref());
                self.remarks.frame(way, *offset, event.time, text);
            }
            _ => {}
        }
        self.settle(event.time, out);
    }

    /// Writes what has waited long enough, as time has come to `now`.
    pub fn settle(&mut self, now: Time, out: &mut Vec<u8>) {
        while let Some(first) = self.held.front()
            && (first.time + self.patience <= now || MOST_HELD < self.held_len)
        {
            self.write_first(out);
        }
        self.remarks.forget(now);
    }

    /// Whether something waits to be written.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Writes the rest.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        while !self.held.is_empty() {
            self.write_first(out);
        }
    }

    /// Packets that have no place in the file, as they are of another link type.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn has_packets(&self) -> bool {
        match &self.source {
            Some(source) => *source != Source::Messages,
            None => self.options.expects_packets,
        }
    }

    /// Makes up for the note of a capture that began before the file did.
    fn expect_interface(&mut self, link: LinkType, out: &mut Vec<u8>) {
        if self.source.is_none() {
            let told = Told {
                level: Some("ring".to_owned()),
                link: Some(link),
                interfaces: vec![ToldInterface {
                    name: "capture".to_owned(),
                    filter: String::new(),
                    os: String::new(),
                    snap_len: 0,
                }],
                names: BTreeMap::new(),
                received: None,
                dropped: None,
            };
            self.learn(told, out);
        }
    }

    /// Takes a note: the beginning of a capture, or its end.
    fn learn(&mut self, told: Told, out: &mut Vec<u8>) {
        match told.level.as_deref() {
            Some("none") => {
                self.source.get_or_insert(Source::Messages);
            }
            Some(level) => {
                if level == "dumpcap" {
                    self.patience = LONG_PATIENCE;
                }
                self.add_interfaces(&told, out);
            }
            None => {
                self.finish(out);
                self.count(&told, out);
            }
        }
        if !told.names.is_empty() {
            let name = |(address, name)| Name {
                address,
                names: vec![name],
            };
            let names: Vec<Name> = told.names.into_iter().map(name).collect();
            self.writer.names(&names, out);
        }
    }

    fn add_interfaces(&mut self, told: &Told, out: &mut Vec<u8>) {
        let link = told.link.unwrap_or(LinkType::ETHERNET);
        let source = self.source.get_or_insert(Source::Packets {
            link,
            names: Vec::new(),
        });
        let Source::Packets { link: own, names } = source else {
            return;
        };
        if *own != link {
            return;
        }
        for interface in &told.interfaces {
            if names.contains(&interface.name) {
                continue;
            }
            let interface = Interface {
                snap_len: interface.snap_len,
                filter: interface.filter.clone(),
                os: interface.os.clone(),
                ..Interface::new(link, &interface.name)
            };
            if self.writer.interface(&interface, out).is_ok() {
                names.push(interface.name.clone());
            }
        }
    }

    /// Writes what a capture counted in the end.
    fn count(&self, told: &Told, out: &mut Vec<u8>) {
        let received = told.received.unwrap_or(0);
        let dropped = told.dropped.unwrap_or(0);
        let statistics = Statistics {
            interface: 0,
            at: self.last,
            started: self.began,
            ended: Some(self.last),
            received: Some(received.saturating_add(dropped)),
            dropped: Some(dropped),
            delivered: Some(self.written),
            ..Statistics::default()
        };
        // Without an interface there is nothing that counted.
        let _ = self.writer.statistics(&statistics, out);
    }

    fn hold(
        &mut self,
        event: &Event,
        at: u64,
        direction: Direction,
        offset: Option<u64>,
        kept: &Kept,
    ) {
        let way = (event.session, event.peer, direction);
        let sighting = kept.at(at);
        let payload_len = sighting.payload_len() as u64;
        let is_datagram = sighting.summary.udp().is_some();
        let mut held = Held {
            time: event.time,
            at,
            way,
            offset,
            payload_len,
            kept: kept.clone(),
            remarks: Vec::new(),
        };
        held.kept.facts.direction = match direction {
            Direction::In => wire::Direction::In,
            Direction::Out => wire::Direction::Out,
        };
        if is_datagram {
            let datagram = Datagram::of(sighting.payload());
            held.offset = self.remarks.datagram(way, &datagram);
            if held.offset.is_none() {
                let place = self.let_go.saturating_add(self.held.len() as u64);
                let same = self.unplaced.entry((way, datagram)).or_default();
                same.push_back(place);
            }
        }
        self.held_len = self.held_len.saturating_add(held.cost());
        self.held.push_back(held);
    }

    /// Finds the datagram that a chunk was, if it passed the tap before.
    fn place_datagram(&mut self, way: Way, offset: u64, time: Time, bytes: &[u8]) {
        let key = (way, Datagram::of(bytes));
        let index = self.take_unplaced(&key).and_then(|place| {
            let index = place.checked_sub(self.let_go)?;
            usize::try_from(index).ok()
        });
        match index.and_then(|index| self.held.get_mut(index)) {
            Some(held) => held.offset = Some(offset),
            None => self.remarks.expect(way, offset, time, key.1),
        }
    }

    /// The first of the datagrams that look the same.
    fn take_unplaced(&mut self, key: &(Way, Datagram)) -> Option<u64> {
        let same = self.unplaced.get_mut(key)?;
        let place = same.pop_front();
        if same.is_empty() {
            self.unplaced.remove(key);
        }
        place
    }

    fn write_first(&mut self, out: &mut Vec<u8>) {
        let Some(mut held) = self.held.pop_front() else {
            return;
        };
        self.held_len = self.held_len.saturating_sub(held.cost());
        self.let_go = self.let_go.saturating_add(1);
        if let Some(offset) = held.offset {
            held.remarks = self.remarks.take(held.way, offset, held.payload_len);
        } else if held.is_datagram() {
            let datagram = Datagram::of(held.kept.at(held.at).payload());
            self.take_unplaced(&(held.way, datagram));
        }
        let remarks: Vec<&str> = held.remarks.iter().map(String::as_str).collect();
        let sighting = held.kept.at(held.at);
        self.write(&sighting.packet, &remarks, out);
    }

    fn write(&mut self, packet: &Packet<'_>, remarks: &[&str], out: &mut Vec<u8>) {
        match self.writer.packet(packet, remarks, out) {
            Ok(()) => self.written = self.written.saturating_add(1),
            Err(_) => self.left_out = self.left_out.saturating_add(1),
        }
    }

    /// Writes what a program wrote or read, where there are no packets.
    fn write_message(&mut self, at: u64, way: Way, bytes: &[u8], out: &mut Vec<u8>) {
        if self.source.is_none() {
            self.source = Some(Source::Messages);
        }
        let has_interface = self.written != 0 || self.left_out != 0;
        if !has_interface {
            let interface = Interface::new(LinkType::UPPER_PDU, "sockpit");
            // It is the file's first.
            let _ = self.writer.interface(&interface, out);
        }
        let (session, peer, direction) = way;
        let party = self.parties.get(&(session, peer)).copied();
        let between = party.map(|party| match direction {
            Direction::Out => (party.own, party.peer, party.ports),
            Direction::In => (party.peer, party.own, party.ports),
        });
        let conversation = Conversation {
            protocol: match party.map(|party| party.ports) {
                None => "UNIX",
                Some(PortType::Udp) => "UDP",
                Some(_) => "TCP",
            },
            addresses: between.map(|(from, to, _)| (from.ip(), to.ip())),
            ports: between
                .map(|(from, to, ports)| (ports, u32::from(from.port()), u32::from(to.port()))),
            direction: match direction {
                Direction::In => wire::Direction::In,
                Direction::Out => wire::Direction::Out,
            },
            ..Conversation::default()
        };
        let message = conversation.packet(bytes);
        let packet = Packet {
            at,
            ..Packet::new(LinkType::UPPER_PDU, &message)
        };
        let text = remark::of_chunk(direction, bytes, self.options.charset);
        self.write(&packet, &[&text], out);
    }
}

impl Held {
    fn is_datagram(&self) -> bool {
        self.kept.at(self.at).summary.udp().is_some()
    }

    fn cost(&self) -> usize {
        self.kept.bytes.len().saturating_add(COST)
    }
}

impl Party {
    /// From what an event calls addresses.
    fn of(local: &str, addr: &str) -> Option<Self> {
        let (transport, peer) = socket_addr(addr)?;
        let (_, own) = socket_addr(local)?;
        Some(Self {
            own,
            peer,
            ports: match transport {
                "udp" => PortType::Udp,
                _ => PortType::Tcp,
            },
        })
    }
}

#[cfg(test)]
mod tests;
