//! The bytes of one conversation, as events of a timeline.

use std::ops::ControlFlow;

use anyhow::Context as _;
use sockpit_core::event::{Bytes, Direction, Event, Value, What};
use sockpit_core::flow::{self, Conversation, End, Gap, Id, Piece};
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::record::Epoch;
use sockpit_core::replay::Recut;
use sockpit_core::sighting::{Observer, Sighting};
use sockpit_core::text::charset::Charset;
use sockpit_core::time::Time;
use sockpit_core::wire::Packet;

use super::Settings;
use super::choose::Choice;
use crate::command::wire::party::{Parties, Party, Protocol};
use crate::command::wire::view::Flow;
use crate::console::{Console, Form, Playback, Talk};

/// In bytes.
const UDP_HEADER: usize = 8;

/// Prints one conversation.
pub(super) struct Follower {
    settings: Settings,
    choice: Choice,
    observer: Observer,
    parties: Parties,
    recut: Recut,
    playback: Option<Playback>,
    console: Console,
    charset: Option<Charset>,
    /// When the first packet passed, in nanoseconds since 1970.
    epoch: Option<u64>,
    has_begun: bool,
    /// Where each direction of a conversation over UDP is, in bytes.
    offsets: [u64; 2],
    /// The conversation over TCP, its client, and who has said that there is no more.
    tcp: Option<(Id, End)>,
    ended: [bool; 2],
    /// What is missing and not told yet: what adjoins it may be missing too.
    gap: Option<(Direction, Gap)>,
    number: u64,
    last: u64,
    is_reset: bool,
}

impl Follower {
    pub(super) fn new(choice: Choice, settings: Settings) -> Self {
        let analysis = flow::Settings {
            content: flow::Content::Kept,
            // Both directions of the one that is followed, and however far one is ahead.
            conversation_limit: 32 << 20,
            placed: 0,
            ..flow::Settings::default()
        };
        let text = settings.text.map(|text| text.0);
        Self {
            recut: Recut::new(settings.frame.clone(), settings.max_frame, text),
            charset: text.unwrap_or(Some(Charset::UTF_8)),
            settings,
            choice,
            observer: Observer::new(analysis),
            parties: Parties::default(),
            playback: None,
            console: Console::new(),
            epoch: None,
            has_begun: false,
            offsets: [0; 2],
            tcp: None,
            ended: [false; 2],
            gap: None,
            number: 0,
            last: 0,
            is_reset: false,
        }
    }

    pub(super) fn take(&mut self, packet: &Packet<'_>) -> Flow {
        let sighting = self.observer.observe(*packet);
        let Some(party) = self.parties.of(&sighting, self.observer.analyser()) else {
            return Ok(ControlFlow::Continue(()));
        };
        if self.choice.chosen.is_none() {
            self.choice.look(&sighting, party);
            self.choice.take_first();
        }
        if self.choice.chosen != Some(party.name) {
            if let Some(analysis) = &sighting.analysis {
                // What nobody prints needs no room.
                self.drain(analysis.conversation);
            }
            return Ok(ControlFlow::Continue(()));
        }
        self.last = packet.at;
        if !self.has_begun {
            self.begin(&sighting, party)?;
        }
        match party.name.protocol {
            Protocol::Tcp => self.segment(&sighting),
            Protocol::Udp => {
                self.datagram(&sighting, party.direction)?;
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    fn drain(&mut self, id: Id) {
        let analyser = self.observer.analyser_mut();
        for end in [End::First, End::Second] {
            while analyser.poll(id, end).is_some() {}
        }
    }

    /// Whether there was a packet of what is followed.
    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Prints what waits.
    pub(super) fn idle(&mut self) -> anyhow::Result<()> {
        self.tell_gap()?;
        if let Some(playback) = &mut self.playback {
            playback.flush()?;
        }
        Ok(())
    }

    /// Prints what there is at the end, and gives what is to be said.
    pub(super) fn finish(mut self) -> anyhow::Result<Option<String>> {
        self.choice.settle()?;
        self.observer.analyser_mut().finish();
        if let Some((id, client)) = self.tcp {
            for end in [client, client.other()] {
                self.pieces(id, end, client)?;
            }
            self.tell_gap()?;
            if !self.is_over() {
                self.note("the capture ends here")?;
            }
        }
        let mut events = Vec::new();
        self.recut.finish(|event| events.push(event));
        for event in events {
            self.show(event)?;
        }
        if let Some(playback) = self.playback.take() {
            playback.finish()?;
        }
        Ok(self.choice.others())
    }

    fn begin(&mut self, sighting: &Sighting<'_>, party: Party) -> anyhow::Result<()> {
        self.has_begun = true;
        let Settings {
            form, frame, text, ..
        } = &self.settings;
        let scheme = match party.name.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        let options = Options {
            text: *text,
            frame: frame.clone(),
            ..Options::default()
        };
        // Any address will do: what is shown depends on the rest of it.
        let endpoint = format!("{scheme}://127.0.0.1:1").parse()?;
        let plan = Plan::resolve(Role::Client, &endpoint, options)?;
        let epoch = sighting.packet.at;
        self.epoch = Some(epoch);
        let talk = match self.settings.is_quiet {
            true => Talk::Errors,
            false => Talk::Usual,
        };
        let playback = Playback::new(&self.console, Some(*form), talk, &plan, Epoch(epoch))
            .context("cannot write to stdout")?;
        self.playback = Some(match form {
            Form::Raw | Form::Json | Form::None => playback,
            Form::Text | Form::Hex | Form::Both => playback.with_timeline(),
        });
        if let Some(analysis) = &sighting.analysis {
            let id = analysis.conversation;
            let known = self.observer.analyser().conversation(id);
            self.tcp = Some((id, known.map_or(analysis.from, Conversation::client)));
        }
        let between = sighting.summary.five_tuple().map(|tuple| {
            let source = std::net::SocketAddr::new(tuple.source, tuple.ports.0);
            let destination = std::net::SocketAddr::new(tuple.destination, tuple.ports.1);
            match party.direction {
                Direction::Out => (source, destination),
                Direction::In => (destination, source),
            }
        });
        if let Some((client, server)) = between {
            self.event(What::Opened {
                addr: format!("{scheme}://{server}"),
                local: format!("{scheme}://{client}"),
            })?;
        }
        Ok(())
    }

    fn segment(&mut self, sighting: &Sighting<'_>) -> Flow {
        let (Some(analysis), Some((_, client))) = (&sighting.analysis, self.tcp) else {
            return Ok(ControlFlow::Continue(()));
        };
        let id = analysis.conversation;
        // An acknowledgement may let go of the other direction too.
        for end in [analysis.from, analysis.from.other()] {
            self.pieces(id, end, client)?;
        }
        let reset_by = self
            .observer
            .analyser()
            .conversation(id)
            .and_then(Conversation::reset_by);
        if reset_by.is_some() && !self.is_reset {
            self.is_reset = true;
            self.close(Reason::Reset)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Prints what can be printed of what an end sent.
    fn pieces(&mut self, id: Id, end: End, client: End) -> anyhow::Result<()> {
        let direction = match end == client {
            true => Direction::Out,
            false => Direction::In,
        };
        while let Some(piece) = self.observer.analyser_mut().poll(id, end) {
            match piece {
                Piece::Bytes { offset, bytes } => self.chunk(direction, offset, bytes)?,
                Piece::Gap(gap) => self.missing(direction, gap)?,
                Piece::End { .. } => {
                    self.ended[usize::from(direction == Direction::In)] = true;
                    if self.is_over() && !self.is_reset {
                        self.close(Reason::Fin)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes what is missing, together with what was missing just before it.
    fn missing(&mut self, direction: Direction, gap: Gap) -> anyhow::Result<()> {
        if let Some((way, known)) = &mut self.gap
            && *way == direction
            && known.cause == gap.cause
            && known.offset.checked_add(known.len) == Some(gap.offset)
        {
            known.len = known.len.saturating_add(gap.len);
            return Ok(());
        }
        self.tell_gap()?;
        self.gap = Some((direction, gap));
        Ok(())
    }

    fn tell_gap(&mut self) -> anyhow::Result<()> {
        let Some((direction, gap)) = self.gap.take() else {
            return Ok(());
        };
        self.note(&format!("{} {gap}", arrow(direction)))
    }

    fn is_over(&self) -> bool {
        self.is_reset || self.ended == [true, true]
    }

    fn datagram(&mut self, sighting: &Sighting<'_>, direction: Direction) -> anyhow::Result<()> {
        let payload = Bytes::copy_from_slice(sighting.payload());
        let stated = sighting.summary.udp().map_or(0, |udp| usize::from(udp.len));
        let len = sighting
            .payload_len()
            .max(stated.saturating_sub(UDP_HEADER));
        let full_len = (payload.len() < len).then_some(len);
        let is_fragment = sighting
            .summary
            .ip()
            .is_some_and(|ip| ip.fragment.is_some());
        let missing = len.saturating_sub(payload.len());
        let index = usize::from(direction == Direction::In);
        let offset = self.offsets[index];
        self.offsets[index] = offset.saturating_add(len as u64);
        let bytes = payload.clone();
        self.event(What::Chunk {
            direction,
            offset,
            bytes,
            full_len,
        })?;
        if missing > 0 {
            // Fragments are not joined, and only the first has the ports.
            let told = match is_fragment {
                true => format!("{missing} bytes of the datagram are in further fragments"),
                false => format!("{missing} bytes of the datagram are cut off by the capture"),
            };
            self.note(&format!("{} {told}", arrow(direction)))?;
        }
        if self.settings.frame.is_some() {
            return Ok(());
        }
        let decoded = self.charset.map(|charset| charset.decode(&payload));
        self.event(What::Frame {
            direction,
            offset,
            malformed: decoded.as_ref().is_some_and(|it| it.malformed_at.is_some()),
            text: decoded.map(|decoded| decoded.text),
            payload,
            partial: false,
            full_len,
        })
    }

    fn chunk(&mut self, direction: Direction, offset: u64, bytes: Bytes) -> anyhow::Result<()> {
        self.tell_gap()?;
        self.event(What::Chunk {
            direction,
            offset,
            bytes,
            full_len: None,
        })
    }

    fn note(&mut self, message: &str) -> anyhow::Result<()> {
        if self.settings.form == Form::Raw && !self.settings.is_quiet {
            // The bytes alone would not say it.
            self.console.say(&format!("warning: {message}"));
        }
        self.event(What::Note {
            kind: "capture".to_owned(),
            message: message.to_owned(),
            data: Value::Null,
        })
    }

    fn close(&mut self, reason: Reason) -> anyhow::Result<()> {
        self.tell_gap()?;
        self.event(What::Closed {
            reason,
            message: String::new(),
        })
    }

    fn event(&mut self, what: What) -> anyhow::Result<()> {
        self.number += 1;
        let event = Event {
            number: self.number,
            time: Time::from_nanos(self.last.saturating_sub(self.epoch.unwrap_or(0))),
            session: 1,
            peer: 1,
            what,
        };
        let mut events = Vec::new();
        self.recut.take(event, |event| events.push(event));
        events.into_iter().try_for_each(|event| self.show(event))
    }

    fn show(&mut self, mut event: Event) -> anyhow::Result<()> {
        if let What::Chunk { direction, .. } | What::Frame { direction, .. } = &mut event.what {
            if self
                .settings
                .direction
                .is_some_and(|wanted| wanted != *direction)
            {
                return Ok(());
            }
            if self.settings.form == Form::Raw {
                // Data is written as what came in is.
                *direction = Direction::In;
            }
        }
        match &mut self.playback {
            Some(playback) => Ok(playback.take(event)?),
            None => Ok(()),
        }
    }
}

const fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Out => "→",
        Direction::In => "←",
    }
}
