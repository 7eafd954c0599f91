//! Which conversation is followed.

use std::ops::ControlFlow;

use anyhow::bail;
use sockpit_core::filter::{Clock, Filter, Passing};
use sockpit_core::flow::{self, Labels, Mode};
use sockpit_core::pcap::Item;
use sockpit_core::record::Epoch;
use sockpit_core::sighting::{Observer, Sighting};

use crate::command::wire::party::{Name, Parties, Party, Protocol};
use crate::command::wire::view::Flow;

/// Looks for a conversation.
pub(in crate::command::wire) struct Choice {
    /// Which one it is, once that is known.
    pub(super) chosen: Option<Name>,
    wanted: Option<Name>,
    filter: Option<Filter>,
    observer: Observer,
    parties: Parties,
    clock: Option<Clock>,
    /// The first that the filter wants, with payload or without.
    first: Option<Name>,
    /// Conversations of TCP and of UDP.
    pub(super) counts: [u64; 2],
}

impl Choice {
    pub(super) fn new(wanted: Option<Name>, filter: Option<Filter>) -> Self {
        let settings = flow::Settings {
            content: flow::Content::Ignored,
            placed: 0,
            ..flow::Settings::default()
        };
        Self {
            chosen: None,
            wanted,
            filter,
            observer: Observer::new(settings),
            parties: Parties::default(),
            clock: None,
            first: None,
            counts: [0; 2],
        }
    }

    /// Looks through a file, to its end.
    pub(super) fn take(&mut self, item: &Item<'_>) -> Flow {
        if let Item::Packet(captured) = item {
            let sighting = self.observer.observe(captured.packet);
            let party = self.parties.of(&sighting, self.observer.analyser());
            if let Some(party) = party {
                self.look(&sighting, party);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Looks at a packet of a conversation.
    pub(super) fn look(&mut self, sighting: &Sighting<'_>, party: Party) {
        let count = &mut self.counts[usize::from(party.name.protocol == Protocol::Udp)];
        *count = (*count).max(party.name.number.saturating_add(1));
        if self.chosen.is_some() {
            return;
        }
        if let Some(wanted) = self.wanted {
            if wanted == party.name {
                self.chosen = Some(wanted);
            }
            return;
        }
        let has_payload = sighting.payload_len() > 0;
        let is_known = self.first == Some(party.name);
        let goes_on = is_known && has_payload;
        if !goes_on && !self.wants(sighting, party) {
            return;
        }
        self.first.get_or_insert(party.name);
        if has_payload {
            self.chosen = Some(party.name);
        }
    }

    /// Takes what there is, as nothing more comes: a conversation without payload, if need be.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        self.chosen = self.chosen.or(self.first.filter(|_| self.wanted.is_none()));
        match (self.chosen, self.wanted) {
            (Some(_), _) => Ok(()),
            (None, Some(wanted)) => bail!(
                "there is no conversation `{wanted}`; there are {} of TCP and {} of UDP, counted from 0",
                self.counts[0],
                self.counts[1]
            ),
            (None, None) if self.counts == [0, 0] => bail!("the capture holds no conversation"),
            (None, None) => {
                bail!("no conversation of the capture has a packet that the filter wants")
            }
        }
    }

    /// Takes the first conversation that comes, as what it may say yet nobody knows.
    pub(super) fn take_first(&mut self) {
        self.chosen = self.chosen.or(self.first);
    }

    /// What there is beside the one that is followed.
    pub(super) fn others(&self) -> Option<String> {
        let [tcp, udp] = self.counts;
        let chosen = self.chosen.filter(|_| self.wanted.is_none())?;
        (tcp + udp > 1).then(|| {
            format!(
                "following {chosen}; there are {tcp} conversations of TCP and {udp} of UDP: \
                 `--conversation` takes another, `wire open --conversations` lists them"
            )
        })
    }

    fn wants(&mut self, sighting: &Sighting<'_>, party: Party) -> bool {
        let at = sighting.packet.at;
        let clock = *self.clock.get_or_insert(Clock {
            epoch: Epoch(at),
            utc_offset: 0,
        });
        let Some(filter) = &self.filter else {
            return true;
        };
        let labels = sighting.analysis.as_ref();
        filter.wants(&Passing {
            sighting,
            number: sighting.frame,
            time: i128::from(at) - i128::from(clock.epoch.0),
            clock,
            session: party.session(),
            peer: party.peer(),
            direction: Some(party.direction),
            offset: sighting.offset(),
            conversation: Some(party.name.number),
            labels: labels.map_or(Labels::NONE, |it| it.labels(Mode::Truth)),
            addr: None,
            text: None,
        })
    }
}
