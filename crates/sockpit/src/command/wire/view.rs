//! What is made of packets as they come: lines, records, a ladder, tables, pictures, a file.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::ops::ControlFlow;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::filter::{Clock, Passing};
use sockpit_core::flow::{self, Labels, Side};
use sockpit_core::graph::{self, Graph};
use sockpit_core::ladder::{self, Ladder};
use sockpit_core::pcap::{Interface, Item, Statistics};
use sockpit_core::record::{self, Epoch};
use sockpit_core::sighting::{Observer, Sighting};
use sockpit_core::time::Time;
use sockpit_core::wire::{Content, Packet, Transport};

use super::conversations::Conversations;
use super::expert::Expert;
use super::look::{GraphFile, Print, Settings};
use super::party::{Parties, Party};
use super::saved::Saved;
use super::source::write_file;
use crate::console::{Console, PacketLines, Sink};

/// Whether more is wanted.
pub(super) type Flow = anyhow::Result<ControlFlow<()>>;

/// In columns: how wide a ladder is where no terminal says.
const LADDER: usize = 100;

/// What is made of packets.
pub(super) struct View {
    settings: Settings,
    observer: Observer,
    parties: Parties,
    /// This machine's addresses; none where the packets are of another time or place.
    own: BTreeSet<IpAddr>,
    /// Conversations of which it is known at whose machine they are watched.
    settled: u64,
    /// What times are counted from, once the first packet has come.
    clock: Option<Clock>,
    sink: Sink,
    lines: PacketLines,
    ladder: Option<Ladder>,
    graphs: Vec<(GraphFile, Graph)>,
    conversations: Option<Conversations>,
    expert: Option<Expert>,
    saved: Option<Saved>,
    /// Packets that the capture lost, as the file says.
    lost: u64,
    pub(super) seen: u64,
    pub(super) shown: u64,
    /// Of the packets that were shown, as long as they were on the wire.
    pub(super) bytes: u64,
}

/// Whose packet a sighting is, and what its own timeline says of it.
struct Facts {
    party: Option<Party>,
    direction: Option<Direction>,
    offset: Option<u64>,
    /// The session and the peer.
    of: (u32, u32),
    number: u64,
}

impl View {
    pub(super) fn new(settings: Settings, console: &Console) -> anyhow::Result<Self> {
        let has_colour = console.style().has_colour();
        let is_drawn = settings.print == Print::Ladder || settings.svg.is_some();
        let ladder = is_drawn.then(|| {
            Ladder::new(ladder::Options {
                width: console.columns().unwrap_or(LADDER),
                has_colour,
                numbers: settings.packets.numbers,
                labels: settings.packets.labels,
                teach: settings.teach.then(|| console.language()),
                language: console.language(),
                charset: settings.packets.charset,
                picture_rows: match settings.svg {
                    Some(_) => ladder::Options::default().picture_rows,
                    None => 0,
                },
                ..ladder::Options::default()
            })
        });
        let graphs = settings.graphs.iter().map(|file| {
            let options = graph::Options {
                language: console.language(),
                ..graph::Options::default()
            };
            (file.clone(), Graph::new(file.kind, options))
        });
        let analysis = flow::Settings {
            content: flow::Content::Ignored,
            placed: 0,
            ..flow::Settings::default()
        };
        Ok(Self {
            observer: Observer::new(analysis),
            parties: Parties::default(),
            own: BTreeSet::new(),
            settled: 0,
            clock: None,
            sink: console.sink().context("cannot write to stdout")?,
            lines: PacketLines::new(settings.packets, console.style()),
            ladder,
            graphs: graphs.collect(),
            conversations: settings.conversations.then(Conversations::default),
            expert: settings.expert.then(Expert::new),
            saved: settings.write.as_deref().map(Saved::begin).transpose()?,
            lost: 0,
            seen: 0,
            shown: 0,
            bytes: 0,
            settings,
        })
    }

    /// Takes the next thing of a capture file.
    pub(super) fn take(&mut self, item: &Item<'_>) -> Flow {
        match item {
            Item::Packet(captured) => {
                return self.packet(&captured.packet, captured.comments());
            }
            Item::Interface(interface) => self.interface(interface),
            Item::Statistics(Statistics {
                dropped,
                os_dropped,
                ..
            }) => {
                let lost = dropped.unwrap_or(0).saturating_add(os_dropped.unwrap_or(0));
                self.lost = self.lost.saturating_add(lost);
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Learns of an interface.
    pub(super) fn interface(&mut self, interface: &Interface) {
        if let Some(saved) = &mut self.saved {
            saved.interface(interface);
        }
    }

    /// Takes a packet, with the remarks on it.
    pub(super) fn packet<'c>(
        &mut self,
        packet: &Packet<'_>,
        comments: impl Iterator<Item = Cow<'c, str>> + Clone,
    ) -> Flow {
        let sighting = self.observer.observe(*packet);
        self.settle_side(&sighting);
        let party = self.parties.of(&sighting, self.observer.analyser());
        let facts = Facts {
            party,
            direction: party.map(|party| party.direction),
            offset: sighting.offset(),
            of: party.map_or((1, 0), |party| (party.session(), party.peer())),
            number: sighting.frame,
        };
        self.sighted(&sighting, &facts, comments)
    }

    /// Learns which addresses are this machine's, where packets come live: at the sender's own machine
    /// nothing of its can have been overtaken.
    pub(super) fn is_at(&mut self, addresses: BTreeSet<IpAddr>) {
        self.own = addresses;
    }

    /// Tells the analysis at whose machine a conversation is watched, as it begins.
    fn settle_side(&mut self, sighting: &Sighting<'_>) {
        let Some(analysis) = &sighting.analysis else {
            return;
        };
        let id = analysis.conversation;
        if id.number() < self.settled || self.own.is_empty() {
            return;
        }
        self.settled = id.number().saturating_add(1);
        let analyser = self.observer.analyser_mut();
        let Some(conversation) = analyser.conversation(id) else {
            return;
        };
        let client = conversation.client();
        let is_own = |end| {
            let ip = conversation.addr(end).ip();
            ip.is_loopback() || self.own.contains(&ip)
        };
        let side = match (is_own(client), is_own(client.other())) {
            (true, true) => Side::Both,
            (true, false) => Side::Client,
            (false, true) => Side::Server,
            (false, false) => Side::Unknown,
        };
        analyser.set_side(id, side);
    }

    /// Takes an event of a recording: its packets are as they were seen then.
    pub(super) fn event(&mut self, event: &Event, epoch: Epoch) -> Flow {
        let What::Packet {
            direction,
            offset,
            packet,
        } = &event.what
        else {
            return Ok(ControlFlow::Continue(()));
        };
        let sighting = packet.at(epoch.0.saturating_add(event.time.as_nanos()));
        let known = self.parties.of(&sighting, self.observer.analyser());
        let facts = Facts {
            party: known.map(|known| Party {
                direction: *direction,
                ..known
            }),
            direction: Some(*direction),
            offset: *offset,
            of: (event.session, event.peer),
            number: event.number,
        };
        self.sighted(&sighting, &facts, std::iter::empty())
    }

    fn sighted<'c>(
        &mut self,
        sighting: &Sighting<'_>,
        facts: &Facts,
        comments: impl Iterator<Item = Cow<'c, str>> + Clone,
    ) -> Flow {
        self.seen += 1;
        let at = sighting.packet.at;
        let clock = *self.clock.get_or_insert_with(|| clock_at(at));
        self.lines.count_from(clock.epoch.0);
        let labels = match &sighting.analysis {
            Some(analysis) => analysis.labels(self.settings.packets.labels),
            None => Labels::NONE,
        };
        if !self.wants(sighting, facts, labels, clock) {
            return Ok(ControlFlow::Continue(()));
        }
        self.shown += 1;
        self.bytes = self.bytes.saturating_add(sighting.packet.full_len as u64);
        if let (Some(conversations), Some(party)) = (&mut self.conversations, facts.party) {
            conversations.take(sighting, party, labels);
        }
        if let Some(expert) = &mut self.expert {
            let lost = sighting.packet.facts.dropped_before;
            expert.take(sighting.frame, labels, is_malformed(sighting), lost);
        }
        if let Some(ladder) = &mut self.ladder {
            ladder.push_sighting(sighting);
        }
        for (_, graph) in &mut self.graphs {
            graph.push(sighting);
        }
        if let Some(saved) = &mut self.saved {
            let comments: Vec<_> = comments.clone().collect();
            let comments: Vec<&str> = comments.iter().map(AsRef::as_ref).collect();
            saved.packet(&sighting.packet, &comments)?;
        }
        self.print(sighting, facts, comments)?;
        let is_enough = self.settings.count.is_some_and(|count| self.shown >= count);
        Ok(match is_enough {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }

    fn wants(&self, sighting: &Sighting<'_>, facts: &Facts, labels: Labels, clock: Clock) -> bool {
        let Some(filter) = &self.settings.filter else {
            return true;
        };
        let text = self
            .settings
            .charset()
            .map(|charset| charset.decode(sighting.payload()).text);
        filter.wants(&Passing {
            sighting,
            number: facts.number,
            time: i128::from(sighting.packet.at) - i128::from(clock.epoch.0),
            clock,
            session: facts.of.0,
            peer: facts.of.1,
            direction: facts.direction,
            offset: facts.offset,
            conversation: facts.party.map(|party| party.name.number),
            labels,
            addr: None,
            text: text.as_deref(),
        })
    }

    fn print<'c>(
        &mut self,
        sighting: &Sighting<'_>,
        facts: &Facts,
        comments: impl Iterator<Item = Cow<'c, str>>,
    ) -> anyhow::Result<()> {
        let out = &mut self.sink.waiting;
        match self.settings.print {
            Print::Nothing => return Ok(()),
            Print::Lines => self.lines.write(sighting, facts.direction, comments, out),
            Print::Json => {
                let event = Event {
                    number: self.shown,
                    time: Time::from_nanos(sighting.packet.at),
                    session: facts.of.0,
                    peer: facts.of.1,
                    what: What::Packet {
                        // Of no conversation, it is said by nobody in particular.
                        direction: facts.direction.unwrap_or(Direction::In),
                        offset: facts.offset,
                        packet: Box::new(sighting.keep()),
                    },
                };
                record::write(&event, Epoch(0), out);
                out.push(b'\n');
            }
            Print::Ladder => {
                if let Some(ladder) = &mut self.ladder {
                    out.extend_from_slice(ladder.take().as_bytes());
                }
            }
        }
        Ok(self.sink.settle()?)
    }

    /// Hands on what waits, as nothing comes at the moment. `now` is in nanoseconds since 1970,
    /// where packets come live.
    pub(super) fn idle(&mut self, now: Option<u64>) -> anyhow::Result<()> {
        if let (Some(ladder), Some(now)) = (&mut self.ladder, now) {
            ladder.settle(now);
            if self.settings.print == Print::Ladder {
                self.sink
                    .waiting
                    .extend_from_slice(ladder.take().as_bytes());
            }
        }
        if let Some(saved) = &mut self.saved {
            saved.flush()?;
        }
        Ok(self.sink.flush()?)
    }

    /// Packets that are in the file by now, where one is written.
    pub(super) fn saved(&self) -> Option<u64> {
        self.saved.as_ref().map(Saved::packets)
    }

    /// Shows and writes what there is at the end, and gives what is to be said. `counted` is what a
    /// live interface counted.
    pub(super) fn finish(
        mut self,
        counted: Option<Statistics>,
        console: &Console,
    ) -> anyhow::Result<Vec<String>> {
        if let Some(ladder) = &mut self.ladder {
            let rest = ladder.finish();
            if self.settings.print == Print::Ladder {
                self.sink.waiting.extend_from_slice(rest.as_bytes());
            }
        }
        self.sink.flush()?;
        if let Some(conversations) = &self.conversations {
            conversations.show(console);
        }
        if let Some(expert) = &self.expert {
            expert.show(console);
        }
        let mut said = Vec::new();
        if let (Some(path), Some(ladder)) = (&self.settings.svg, &self.ladder) {
            write_file(path, &ladder.svg())?;
            said.push(format!("wrote the ladder to `{}`", path.display()));
        }
        for (file, graph) in &self.graphs {
            write_file(&file.path, &graph.svg())?;
            let path = file.path.display();
            said.push(match graph.is_empty() {
                true => format!("warning: there is no TCP conversation to draw in `{path}`"),
                false => format!("wrote the graph `{}` to `{path}`", file.kind),
            });
        }
        if let Some(saved) = self.saved {
            said.extend(saved.finish(counted)?);
        }
        if self.lost > 0 {
            said.push(format!(
                "warning: the capture lost {} packets when it was made",
                self.lost
            ));
        }
        Ok(said)
    }
}

/// Whether an error is that nobody reads any more (rule A5).
pub(super) fn is_reader_gone(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn is_malformed(sighting: &Sighting<'_>) -> bool {
    let is_whole = sighting.packet.bytes.len() == sighting.packet.full_len;
    match &sighting.summary.content {
        Content::Unknown => true,
        Content::Ip(ip) => is_whole && matches!(ip.transport, Transport::Partial(_)),
        _ => false,
    }
}

/// What times are counted from, and what local time is then.
fn clock_at(at: u64) -> Clock {
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let moment = jiff::Timestamp::from_nanosecond(at.into());
    Clock {
        epoch: Epoch(at),
        utc_offset: moment.map_or(0, |moment| zone.to_offset(moment).seconds()),
    }
}
