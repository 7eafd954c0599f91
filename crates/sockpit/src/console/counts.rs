//! What came and went, counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sockpit_core::event::{Direction, Event, What};
use sockpit_core::size::ByteSize;

/// Bytes and messages of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flow {
    bytes: u64,
    messages: u64,
}

/// What came and went since the session began, and since it was last asked for.
pub(super) struct Counts {
    began: Instant,
    asked: Instant,
    /// Received and sent.
    flows: [Flow; 2],
    /// The same, when it was last asked for.
    before: [Flow; 2],
    /// Received and sent, by session and peer, of those that are there.
    peers: BTreeMap<(u32, u32), [Flow; 2]>,
    faults: u64,
}

/// Peers that are listed; a server may have thousands.
const LISTED: usize = 20;

impl Counts {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            asked: now,
            flows: Default::default(),
            before: Default::default(),
            peers: BTreeMap::new(),
            faults: 0,
        }
    }

    pub(super) fn take(&mut self, event: &Event, is_raw_stream: bool) {
        let key = (event.session, event.peer);
        let (direction, add) = match &event.what {
            What::Chunk {
                direction, bytes, ..
            } => {
                let bytes = bytes.len() as u64;
                let messages = u64::from(is_raw_stream);
                (*direction, Flow { bytes, messages })
            }
            What::Frame { direction, .. } => {
                let frame = Flow {
                    bytes: 0,
                    messages: 1,
                };
                (*direction, frame)
            }
            What::Fault { .. } => {
                self.faults += 1;
                return;
            }
            What::Closed { .. } => {
                self.peers.remove(&key);
                return;
            }
            _ => return,
        };
        let index = usize::from(direction == Direction::Out);
        let peer = self.peers.entry(key).or_default();
        for flow in [&mut self.flows[index], &mut peer[index]] {
            flow.bytes += add.bytes;
            flow.messages += add.messages;
        }
    }

    /// A line for each direction, and for each of several peers.
    pub(super) fn lines(&mut self) -> Vec<String> {
        let (now, before) = (Instant::now(), self.before);
        let since = now - self.asked;
        let mut lines = vec![format!("open for {}", seconds(now - self.began))];
        for (index, word) in ["received", "sent"].into_iter().enumerate() {
            let flow = self.flows[index];
            let lately = rate(flow.bytes - before[index].bytes, since);
            lines.push(format!(
                "{word:<9}{}  ({lately}/s in the last {})",
                describe(flow),
                seconds(since)
            ));
        }
        if self.peers.len() > 1 {
            for ((_, peer), [received, sent]) in self.peers.iter().take(LISTED) {
                lines.push(format!(
                    "peer {peer}: received {}, sent {}",
                    describe(*received),
                    describe(*sent)
                ));
            }
            if self.peers.len() > LISTED {
                lines.push(format!("and {} further peers", self.peers.len() - LISTED));
            }
        }
        if self.faults > 0 {
            lines.push(format!("{} faults", self.faults));
        }
        (self.asked, self.before) = (now, self.flows);
        lines
    }
}

fn describe(flow: Flow) -> String {
    let unit = if flow.messages == 1 {
        "message"
    } else {
        "messages"
    };
    format!("{} bytes in {} {unit}", flow.bytes, flow.messages)
}

/// In bytes a second.
fn rate(bytes: u64, time: Duration) -> String {
    let rate = bytes as f64 / time.as_secs_f64().max(0.001);
    let rounded = match rate as usize {
        small @ 0..1024 => small,
        // Sizes are written without a fraction.
        kilo @ 1024..1_048_576 => kilo / 1024 * 1024,
        mega => mega / 1_048_576 * 1_048_576,
    };
    ByteSize(rounded).to_string()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests;
