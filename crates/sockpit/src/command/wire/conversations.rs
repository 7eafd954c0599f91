//! The table of conversations: what each of them came to.

use std::net::SocketAddr;

use sockpit_core::event::Direction;
use sockpit_core::flow::{Completeness, Label, Labels};
use sockpit_core::sighting::Sighting;
use sockpit_core::time::Measured;

use super::party::{Name, Party, Protocol};
use crate::console::Console;

/// Conversations that are told apart; of a scan of ports, the rest is counted only.
const MAX_ROWS: usize = 20_000;

/// What conversations came to.
#[derive(Default)]
pub(super) struct Conversations {
    tcp: Vec<Row>,
    udp: Vec<Row>,
    /// Packets of conversations beyond the limit.
    others: u64,
}

#[derive(Clone, Debug)]
struct Row {
    /// Who opened it, and the other one.
    ends: [SocketAddr; 2],
    /// Of what went out and of what came in.
    packets: [u64; 2],
    bytes: [u64; 2],
    /// In nanoseconds since 1970.
    began: u64,
    last: u64,
    /// In nanoseconds.
    initial_rtt: Option<i64>,
    retransmissions: u64,
    closed_by: Option<Direction>,
    reset_by: Option<Direction>,
    completeness: Completeness,
}

impl Conversations {
    pub(super) fn take(&mut self, sighting: &Sighting<'_>, party: Party, labels: Labels) {
        let rows = match party.name.protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        };
        let Some(ends) = sighting.summary.five_tuple() else {
            return;
        };
        let index = usize::try_from(party.name.number).unwrap_or(usize::MAX);
        if index >= MAX_ROWS {
            self.others += 1;
            return;
        }
        let is_out = party.direction == Direction::Out;
        let ends = [
            SocketAddr::new(ends.source, ends.ports.0),
            SocketAddr::new(ends.destination, ends.ports.1),
        ];
        let ends = if is_out { ends } else { [ends[1], ends[0]] };
        let at = sighting.packet.at;
        while rows.len() <= index {
            // One whose packets the filter held back has none.
            rows.push(Row::new(ends, at));
        }
        let row = &mut rows[index];
        if row.packets == [0, 0] {
            *row = Row::new(ends, at);
        }
        row.take(sighting, party.direction, labels);
    }

    /// Shows the table.
    pub(super) fn show(&self, console: &Console) {
        let named = |protocol, rows: &[Row]| -> Vec<Vec<String>> {
            let rows = rows.iter().enumerate();
            rows.filter(|(_, row)| row.packets != [0, 0])
                .map(|(number, row)| {
                    let number = number as u64;
                    row.cells(Name { protocol, number })
                })
                .collect()
        };
        let mut rows = named(Protocol::Tcp, &self.tcp);
        rows.extend(named(Protocol::Udp, &self.udp));
        if rows.is_empty() {
            console.tell("no conversations\n");
            return;
        }
        let heads = [
            "NAME",
            "OPENED BY",
            "WITH",
            "PACKETS →",
            "BYTES →",
            "PACKETS ←",
            "BYTES ←",
            "TIME",
            "IRTT",
            "SENT AGAIN",
            "CLOSED BY",
            "SEEN",
        ];
        console.table(&heads, &rows);
        if self.others > 0 {
            console.tell(&format!(
                "and {} packets of further conversations\n",
                self.others
            ));
        }
    }
}

impl Row {
    const fn new(ends: [SocketAddr; 2], at: u64) -> Self {
        Self {
            ends,
            packets: [0; 2],
            bytes: [0; 2],
            began: at,
            last: at,
            initial_rtt: None,
            retransmissions: 0,
            closed_by: None,
            reset_by: None,
            completeness: Completeness(0),
        }
    }

    fn take(&mut self, sighting: &Sighting<'_>, direction: Direction, labels: Labels) {
        let index = usize::from(direction == Direction::In);
        self.packets[index] += 1;
        self.bytes[index] = self.bytes[index].saturating_add(sighting.payload_len() as u64);
        self.last = self.last.max(sighting.packet.at);
        let Some(analysis) = &sighting.analysis else {
            return;
        };
        self.initial_rtt = analysis.initial_rtt.or(self.initial_rtt);
        self.completeness = analysis.completeness;
        let again = [
            Label::Retransmission,
            Label::FastRetransmission,
            Label::SpuriousRetransmission,
        ];
        if again.into_iter().any(|label| labels.contains(label)) {
            self.retransmissions += 1;
        }
        if labels.contains(Label::FinActive) {
            self.closed_by.get_or_insert(direction);
        }
        if labels.contains(Label::Reset) {
            self.reset_by.get_or_insert(direction);
        }
    }

    fn cells(&self, name: Name) -> Vec<String> {
        let end = |direction| match direction {
            Direction::Out => "→",
            Direction::In => "←",
        };
        let closed = match (self.closed_by, self.reset_by) {
            (_, Some(by)) => format!("{} reset", end(by)),
            (Some(by), None) => format!("{} fin", end(by)),
            (None, None) => String::new(),
        };
        let is_tcp = name.protocol == Protocol::Tcp;
        vec![
            name.to_string(),
            self.ends[0].to_string(),
            self.ends[1].to_string(),
            self.packets[0].to_string(),
            self.bytes[0].to_string(),
            self.packets[1].to_string(),
            self.bytes[1].to_string(),
            Measured(i64::try_from(self.last.saturating_sub(self.began)).unwrap_or(i64::MAX))
                .to_string(),
            self.initial_rtt
                .map(|rtt| Measured(rtt).to_string())
                .unwrap_or_default(),
            match is_tcp {
                true => self.retransmissions.to_string(),
                false => String::new(),
            },
            closed,
            match is_tcp {
                true => seen(self.completeness),
                false => String::new(),
            },
        ]
    }
}

/// What of a conversation was seen, in the words of its flags.
fn seen(completeness: Completeness) -> String {
    let words = [
        (Completeness::SYN, "SYN"),
        (Completeness::SYN_ACK, "SYN-ACK"),
        (Completeness::DATA, "data"),
        (Completeness::FIN, "FIN"),
        (Completeness::RST, "RST"),
    ];
    let seen = words
        .iter()
        .filter(|(mark, _)| completeness.contains(*mark));
    let seen: Vec<&str> = seen.map(|(_, word)| *word).collect();
    seen.join(" ")
}
