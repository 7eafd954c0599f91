//! Numbers over time: how much came and went, and what the kernel and the packets know of it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::event::{Direction, What};
use sockpit_core::history::{History, Series, Spot, View};
use sockpit_core::kernel::{Fact as _, Life, Snapshot, Socket};
use sockpit_core::time::Time;

use crate::workbench::complaint::Complaint;

/// Points over time that a page may ask for.
const MOST_BUCKETS: usize = 2000;

/// Rows that are looked at before others have their turn.
const ROWS_AT_ONCE: u64 = 500;

/// Packets are told so much later than others, so that their times are not in the order of rows.
const LATE: Duration = Duration::from_secs(2);

/// The filter of what is drawn of the kernel and of packets.
pub(super) const FILTER: &str = "kind = tcp,stage or packet and tcp";

/// The fields of `series`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The view whose messages are counted; without, chunks of the session are.
    pub(super) view: Option<u32>,
    pub(super) session: Option<u32>,
    pub(super) kind: Kind,
    peer: Option<u32>,
    from: u64,
    to: u64,
    buckets: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Bytes a second.
    Bytes,
    /// Messages a second, or chunks.
    Messages,
    /// Round trips.
    Rtt,
    /// The congestion window.
    Cwnd,
    /// Bytes that are written and not acknowledged.
    Inflight,
    /// What the kernel measured and allows.
    Rates,
}

/// A stretch of time, cut into buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) buckets: usize,
}

impl Asked {
    /// # Errors
    ///
    /// Says so where there is no time between, or there are too many buckets.
    pub(super) fn stretch(&self) -> Result<Stretch, Complaint> {
        if self.from >= self.to {
            return Err(Complaint::new("`from` is not before `to`").field("from"));
        }
        if !(1..=MOST_BUCKETS).contains(&self.buckets) {
            let message = format!("there may be 1 to {MOST_BUCKETS} buckets");
            return Err(Complaint::new(message).field("buckets"));
        }
        Ok(Stretch {
            from: Time::from_nanos(self.from),
            to: Time::from_nanos(self.to),
            buckets: self.buckets,
        })
    }

    /// Bytes and chunks of the session.
    pub(super) fn of_history(&self, history: &History, stretch: Stretch) -> Series {
        let Stretch { from, to, buckets } = stretch;
        history.series(self.session, self.peer, from, to, buckets)
    }

    pub(super) fn is_of_kernel(&self) -> bool {
        !matches!(self.kind, Kind::Bytes | Kind::Messages)
    }

    pub(super) fn peer(&self) -> Option<u32> {
        self.peer
    }
}

/// Bytes and messages, as rates.
pub(super) fn rates(series: &Series, kind: Kind, stretch: Stretch) -> Value {
    let (counts, units) = match kind {
        Kind::Messages => (&series.count, "1/s"),
        _ => (&series.bytes, "B/s"),
    };
    let span = (stretch.to - stretch.from).as_secs_f64() / stretch.buckets as f64;
    let line = |direction: Direction| {
        let values = counts
            .get(direction as usize)
            .map_or(&[][..], Vec::as_slice);
        let rates: Vec<f64> = values.iter().map(|count| *count as f64 / span).collect();
        json!({ "name": direction.as_str(), "v": rates })
    };
    let times: Vec<u64> = series.times.iter().map(|time| time.as_nanos()).collect();
    json!({
        "t": times,
        "lines": [line(Direction::In), line(Direction::Out)],
        "units": units,
    })
}

/// What the notes and packets of a view say, gathered a slice at a time.
pub(super) struct Gathering {
    kind: Kind,
    peer: Option<u32>,
    stretch: Stretch,
    /// The next row; `None` before the first one was looked for.
    next: Option<u64>,
    lines: Vec<Line>,
}

/// One line of a graph.
struct Line {
    name: &'static str,
    fold: Fold,
    values: Vec<Option<f64>>,
}

/// What stands for several values of one bucket.
#[derive(Clone, Copy)]
enum Fold {
    Last,
    Most,
}

impl Gathering {
    pub(super) fn new(asked: &Asked, stretch: Stretch) -> Self {
        let lines: &[(&'static str, Fold)] = match asked.kind {
            Kind::Rtt => &[
                ("smoothed", Fold::Last),
                ("smoothed by the peer", Fold::Last),
                ("measured", Fold::Most),
            ],
            Kind::Cwnd => &[
                ("own", Fold::Last),
                ("of the peer", Fold::Last),
                ("slow start ends", Fold::Last),
            ],
            Kind::Inflight => &[
                ("own", Fold::Last),
                ("of the peer", Fold::Last),
                ("packets out", Fold::Most),
                ("packets in", Fold::Most),
            ],
            Kind::Rates => &[("delivered", Fold::Last), ("paced", Fold::Last)],
            Kind::Bytes | Kind::Messages => &[],
        };
        let line = |(name, fold): &(&'static str, Fold)| Line {
            name,
            fold: *fold,
            values: vec![None; stretch.buckets],
        };
        Self {
            kind: asked.kind,
            peer: asked.peer(),
            stretch,
            next: None,
            lines: lines.iter().map(line).collect(),
        }
    }

    /// Looks at some more rows; gives the graph when it has seen them all.
    pub(super) fn advance(&mut self, view: &View, history: &History) -> Option<Value> {
        let start = match self.next {
            Some(next) => next.max(view.first()),
            None => view
                .locate(history, Spot::Time(self.stretch.from.earlier(LATE)))
                .unwrap_or(view.next()),
        };
        let end = start.saturating_add(ROWS_AT_ONCE).min(view.next());
        for index in start..end {
            if let Some(event) = view.event(history, index) {
                if event.time >= self.stretch.to + LATE {
                    return Some(self.told());
                }
                if self.peer.is_none_or(|peer| peer == event.peer) {
                    self.take(event.time, &event.what);
                }
            }
        }
        self.next = Some(end);
        (end >= view.next()).then(|| self.told())
    }

    fn take(&mut self, time: Time, what: &What) {
        match what {
            What::Note { kind, data, .. } if kind == Snapshot::KIND => {
                if let Some(snapshot) = Snapshot::read(data) {
                    self.take_snapshot(time, &snapshot);
                }
            }
            What::Note { kind, data, .. } if kind == Life::KIND && self.kind == Kind::Rtt => {
                if let Some(life) = Life::read(data)
                    && let Some(acked) = life.acked_ns
                {
                    self.put(time, 2, acked as f64 / 1e6);
                }
            }
            What::Packet {
                direction, packet, ..
            } => {
                let Some(analysis) = &packet.analysis else {
                    return;
                };
                match (self.kind, analysis.acks, analysis.in_flight) {
                    (Kind::Rtt, Some(acks), _) => self.put(time, 2, acks.rtt as f64 / 1e6),
                    (Kind::Inflight, _, Some(bytes)) => {
                        let line = match direction {
                            Direction::Out => 2,
                            Direction::In => 3,
                        };
                        self.put(time, line, f64::from(bytes));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn take_snapshot(&mut self, time: Time, snapshot: &Snapshot) {
        let own = &snapshot.own;
        let peer = snapshot.peer.as_ref();
        match self.kind {
            Kind::Rtt => {
                self.put_some(time, 0, rtt(own));
                self.put_some(time, 1, peer.and_then(rtt));
            }
            Kind::Cwnd => {
                self.put_some(time, 0, Some(window(own)));
                self.put_some(time, 1, peer.map(window));
                let threshold = own.ssthresh.map(|count| bytes(count, own.mss));
                self.put_some(time, 2, threshold);
            }
            Kind::Inflight => {
                self.put_some(time, 0, in_flight(own));
                self.put_some(time, 1, peer.and_then(in_flight));
            }
            Kind::Rates => {
                self.put_some(time, 0, own.delivery_rate.map(|rate| rate as f64));
                // The kernel's word for a pace that is not limited is the largest number.
                let paced = own.pacing_rate.filter(|rate| *rate != u64::MAX);
                self.put_some(time, 1, paced.map(|rate| rate as f64));
            }
            Kind::Bytes | Kind::Messages => {}
        }
    }

    fn put_some(&mut self, time: Time, line: usize, value: Option<f64>) {
        if let Some(value) = value {
            self.put(time, line, value);
        }
    }

    fn put(&mut self, time: Time, line: usize, value: f64) {
        let Stretch { from, to, buckets } = self.stretch;
        if time < from || time >= to {
            return;
        }
        let part = (time - from).as_nanos() * buckets as u128 / (to - from).as_nanos().max(1);
        let bucket = usize::try_from(part).unwrap_or(usize::MAX);
        let Some(line) = self.lines.get_mut(line) else {
            return;
        };
        if let Some(slot) = line.values.get_mut(bucket) {
            *slot = match (line.fold, *slot) {
                (Fold::Most, Some(before)) => Some(before.max(value)),
                _ => Some(value),
            };
        }
    }

    fn told(&self) -> Value {
        let Stretch { from, to, buckets } = self.stretch;
        let span = (to - from).as_nanos();
        let begin = |bucket: usize| {
            let since = span * bucket as u128 / buckets as u128;
            from.as_nanos() + u64::try_from(since).unwrap_or(u64::MAX)
        };
        let times: Vec<u64> = (0..buckets).map(begin).collect();
        let has_any = |line: &&Line| line.values.iter().any(Option::is_some);
        let lines: Vec<Value> = self
            .lines
            .iter()
            .filter(has_any)
            .map(|line| json!({ "name": line.name, "v": line.values }))
            .collect();
        let units = match self.kind {
            Kind::Rtt => "ms",
            Kind::Cwnd | Kind::Inflight => "B",
            Kind::Rates | Kind::Bytes => "B/s",
            Kind::Messages => "1/s",
        };
        json!({ "t": times, "lines": lines, "units": units })
    }
}

/// In milliseconds; the kernel's 0 is that it was not measured.
fn rtt(socket: &Socket) -> Option<f64> {
    (socket.rtt_us != 0).then(|| f64::from(socket.rtt_us) / 1e3)
}

/// In bytes.
fn window(socket: &Socket) -> f64 {
    bytes(socket.cwnd, socket.mss)
}

fn bytes(segments: u32, size: u32) -> f64 {
    f64::from(segments) * f64::from(size)
}

/// In bytes: sent and not acknowledged.
fn in_flight(socket: &Socket) -> Option<f64> {
    let unacked = socket.unacked?;
    Some(f64::from(
        unacked.saturating_sub(socket.unsent.unwrap_or(0)),
    ))
}
