//! What is odd about the cuts, in words: sticky where one read holds several messages, half where
//! one message came in several reads.

use super::cut::{Cut, Piece};
use super::draw;
use super::flow::Pieces;

/// Pieces of one cut in a row, first and last.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: Piece,
    last: Piece,
}

impl Run {
    fn extend(run: &mut Option<Self>, piece: Option<Piece>) {
        let Some(piece) = piece else { return };
        match run {
            Some(run) => run.last = piece,
            None => {
                *run = Some(Self {
                    first: piece,
                    last: piece,
                });
            }
        }
    }

    fn count(&self) -> u64 {
        self.last.number - self.first.number + 1
    }

    /// How many, and the numbers of the first and the last.
    fn span(&self) -> (u64, u64, u64) {
        (self.count(), self.first.number, self.last.number)
    }
}

/// What has been seen of one piece while its rows go by.
#[derive(Clone, Debug, Default)]
struct Seen {
    number: u64,
    others: Option<Run>,
    writes: Option<Run>,
}

impl Seen {
    fn hear(&mut self, own: Piece, other: Option<Piece>, write: Option<Piece>) {
        if self.number != own.number {
            *self = Self {
                number: own.number,
                ..Self::default()
            };
        }
        Run::extend(&mut self.others, other);
        Run::extend(&mut self.writes, write);
    }
}

/// Watches the rows of one flow go by.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    message: Seen,
    vessel: Seen,
    sticky: u64,
    half: u64,
    carriage: Carriage,
}

/// How packets cut what was written, or what was read.
#[derive(Clone, Debug, Default)]
struct Carriage {
    call: Seen,
    packet: Seen,
    coalesced: u64,
    spread: u64,
    again: u64,
    unread: u64,
    truncated: u64,
}

impl Judge {
    /// Takes the next row, which goes up to `end`; says what has shown itself with it.
    pub(super) fn hear(
        &mut self,
        end: u64,
        pieces: &Pieces,
        unit: Cut,
        vessel: Cut,
    ) -> Vec<String> {
        let mut verdicts = Vec::new();
        self.carriage.hear(end, pieces, &mut verdicts);
        if unit == vessel {
            return verdicts;
        }
        let write = (vessel != Cut::Writes && unit != Cut::Writes)
            .then(|| pieces[Cut::Writes as usize])
            .flatten();
        let (message, holder) = (pieces[unit as usize], pieces[vessel as usize]);
        if let Some(message) = message {
            self.message.hear(message, holder, write);
        }
        if let Some(holder) = holder {
            self.vessel.hear(holder, message, write);
        }
        if let Some(holder) = holder.filter(|holder| holder.end == end)
            && let Some(held) = self.vessel.others
            && held.count() > 1
        {
            self.sticky += 1;
            verdicts.push(format!(
                "{} {} holds {} (sticky{})",
                vessel.name(),
                holder.number,
                contents(holder, held, unit),
                self.vessel.writes.map_or_else(String::new, joined_why),
            ));
        }
        if let Some(message) = message.filter(|message| message.end == end)
            && let Some(held) = self.message.others
            && held.count() > 1
        {
            self.half += 1;
            let verb = match vessel {
                Cut::Writes => "left",
                _ => "came",
            };
            let (first, last) = (held.first.number, held.last.number);
            let join = if held.count() == 2 { "and" } else { "to" };
            verdicts.push(format!(
                "{} {} {verb} in {}, {first} {join} {last} (half{})",
                unit.name(),
                message.number,
                draw::count(held.count(), vessel.name()),
                self.message.writes.map_or_else(String::new, cut_why),
            ));
        }
        verdicts
    }

    /// What all came to, in words.
    pub(super) fn sum_up(&self, unit: Cut, vessel: Cut) -> Vec<String> {
        let mut found = Vec::new();
        if self.sticky > 0 {
            found.push(format!(
                "{} sticky",
                draw::count(self.sticky, vessel.name())
            ));
        }
        if self.half > 0 {
            found.push(format!("{} half", draw::count(self.half, unit.name())));
        }
        self.carriage.sum_up(&mut found);
        found
    }

    /// Takes `count` packets that nobody read, with the numbers of the first and the last; says so.
    pub(super) fn hear_unread(&mut self, count: u64, first: u64, last: u64) -> String {
        self.carriage.unread += count;
        match count {
            1 => format!("packet {first} was never read"),
            2 => format!("packets {first} and {last} were never read"),
            _ => format!("packets {first} to {last} were never read"),
        }
    }
}

impl Carriage {
    /// The writes are told how they went; where only reads are known, those are told what they took.
    fn hear(&mut self, end: u64, pieces: &Pieces, verdicts: &mut Vec<String>) {
        let Some(packet) = pieces[Cut::Packets as usize] else {
            return;
        };
        let calls = [Cut::Writes, Cut::Reads];
        let call = calls
            .into_iter()
            .find_map(|cut| Some((cut, pieces[cut as usize]?)));
        self.packet.hear(packet, call.map(|(_, piece)| piece), None);
        if packet.end == end && packet.times() > 1 {
            self.again += 1;
        }
        let Some((cut, call)) = call else { return };
        self.call.hear(call, Some(packet), None);
        if packet.end == end
            && let Some(held) = self.packet.others.filter(|held| held.count() > 1)
        {
            let number = packet.number;
            verdicts.push(if cut == Cut::Writes {
                self.coalesced += 1;
                let carried = contents(packet, held, cut);
                format!("packet {number} carries {carried} (coalesced)")
            } else {
                let (reads, first, last) = held.span();
                match reads {
                    2 => format!("packet {number} was read in 2 reads, {first} and {last}"),
                    _ => format!("packet {number} was read in {reads} reads, {first} to {last}"),
                }
            });
        }
        if call.end != end {
            return;
        }
        let number = call.number;
        if let Some(held) = self.call.others.filter(|held| held.count() > 1) {
            verdicts.push(if cut == Cut::Writes {
                self.spread += 1;
                let (packets, first, last) = held.span();
                match packets {
                    2 => format!("write {number} went in 2 packets, {first} and {last}"),
                    _ => format!("write {number} went in {packets} packets, {first} to {last}"),
                }
            } else {
                format!("read {number} took {}", contents(call, held, Cut::Packets))
            });
        }
        if cut == Cut::Reads && packet.len > packet.end - packet.start && packet.end == end {
            self.truncated += 1;
            let (taken, len) = (packet.end - packet.start, packet.len);
            verdicts.push(format!(
                "read {number} took {taken} of the {len} bytes of its datagram, and the rest is gone"
            ));
        }
    }

    fn sum_up(&self, found: &mut Vec<String>) {
        let mut tell = |count: u64, name: &str, what: &str| {
            if count > 0 {
                found.push(format!("{} {what}", draw::count(count, name)));
            }
        };
        tell(self.coalesced, "packet", "coalesced");
        tell(self.spread, "write", "in several packets");
        tell(self.again, "packet", "sent again");
        tell(self.unread, "packet", "never read");
        tell(self.truncated, "read", "truncated");
    }
}

/// The messages that a read or a write holds, whole or not.
fn contents(holder: Piece, held: Run, unit: Cut) -> String {
    let name = unit.name();
    let (mut first, mut last) = (held.first.number, held.last.number);
    let mut parts = Vec::new();
    if held.first.start < holder.start {
        parts.push(format!("the end of {name} {first}"));
        first += 1;
    }
    let is_open = holder.end < held.last.end;
    if is_open {
        last -= 1;
    }
    match last.checked_sub(first) {
        Some(0) => parts.push(format!("{name} {first}")),
        Some(1) => parts.push(format!("{name}s {first} and {last}")),
        Some(_) => parts.push(format!("{name}s {first} to {last}")),
        None => {}
    }
    if is_open {
        parts.push(format!("the beginning of {name} {}", held.last.number));
    }
    match parts.as_slice() {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        _ => parts.join(", "),
    }
}

/// Why several messages came as one, where the writes are known too.
fn joined_why(writes: Run) -> String {
    if writes.count() == 1 {
        return ": written as one".to_owned();
    }
    let join = if writes.count() == 2 { "and" } else { "to" };
    format!(
        ": writes {} {join} {} read as one",
        writes.first.number, writes.last.number
    )
}

/// Why one message came in parts, where the writes are known too.
fn cut_why(writes: Run) -> String {
    if writes.count() == 1 {
        return ": written as one, read in parts".to_owned();
    }
    format!(": written in {} pieces", writes.count())
}
