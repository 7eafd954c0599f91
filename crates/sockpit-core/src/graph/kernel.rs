//! What the kernel of an end knows of its congestion window.

use serde_json::Value;

use super::series::{Series, Span};
use crate::event::Direction;
use crate::flow::End;
use crate::kernel::{Fact as _, Snapshot, Socket};

/// A session and its peer.
type Speaker = (u32, u32);

/// Snapshots that are kept of conversations which may turn out to be the one that is drawn.
const MOST_WAITING: usize = 256;

/// The snapshots of the conversation that is drawn.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    /// Whose conversation it is, and which end is theirs.
    speaker: Option<(Speaker, End)>,
    waiting: Vec<(Speaker, u64, Snapshot)>,
    /// Of our own end, and of the peer's; times are since 1970.
    ends: [Window; 2],
}

/// A congestion window over time.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// In bytes.
    pub(super) size: Series,
    /// Where slow start ends, in bytes.
    pub(super) threshold: Series,
}

impl Kernel {
    /// Takes a note, if it is a snapshot.
    pub(super) fn push(&mut self, speaker: Speaker, moment: u64, kind: &str, data: &Value) {
        if kind != Snapshot::KIND {
            return;
        }
        let Some(snapshot) = Snapshot::read(data) else {
            return;
        };
        match self.speaker {
            Some((known, _)) if known == speaker => self.keep(moment, &snapshot),
            None if self.waiting.len() < MOST_WAITING => {
                self.waiting.push((speaker, moment, snapshot));
            }
            _ => {}
        }
    }

    /// Learns from a packet of the conversation whose it is.
    pub(super) fn meet(&mut self, speaker: Speaker, direction: Direction, from: End) {
        if self.speaker.is_some() {
            return;
        }
        let own = match direction {
            Direction::Out => from,
            Direction::In => from.other(),
        };
        self.speaker = Some((speaker, own));
        for (whose, moment, snapshot) in std::mem::take(&mut self.waiting) {
            if whose == speaker {
                self.keep(moment, &snapshot);
            }
        }
    }

    /// The window of an end, with times since a moment; `None` where nothing is known of it.
    pub(super) fn window(&self, end: End, begun: u64) -> Option<Window> {
        let (_, own) = self.speaker?;
        let [ours, theirs] = &self.ends;
        let known = if own == end { ours } else { theirs };
        known.size.last()?;
        let since = |series: &Series| {
            let mut moved = Series::default();
            for span in series.spans() {
                moved.push(Span {
                    from: span.from.saturating_sub(begun),
                    to: span.to.saturating_sub(begun),
                    ..*span
                });
            }
            moved
        };
        Some(Window {
            size: since(&known.size),
            threshold: since(&known.threshold),
        })
    }

    fn keep(&mut self, moment: u64, snapshot: &Snapshot) {
        let [ours, theirs] = &mut self.ends;
        ours.push(moment, &snapshot.own);
        if let Some(peer) = &snapshot.peer {
            theirs.push(moment, peer);
        }
    }
}

impl Window {
    fn push(&mut self, moment: u64, socket: &Socket) {
        let bytes = |segments: u32| u64::from(segments).saturating_mul(u64::from(socket.mss));
        self.size.push(Span::value(moment, bytes(socket.cwnd)));
        if let Some(threshold) = socket.ssthresh {
            self.threshold.push(Span::value(moment, bytes(threshold)));
        }
    }
}
