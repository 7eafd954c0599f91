//! What rings when something has changed that pages are told.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// What pages are told without asking: always the whole state, and only the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// The sessions of the desk.
    Sessions,
    /// The peers of each session.
    Peers,
    /// How long each view of the page is.
    Views,
    /// How many steps the ladder has.
    Ladder,
    /// The rooms and chats that were joined.
    Rooms,
    /// The drones.
    Drones,
}

impl Topic {
    pub(super) const ALL: [Self; 6] = [
        Self::Sessions,
        Self::Peers,
        Self::Views,
        Self::Ladder,
        Self::Rooms,
        Self::Drones,
    ];

    /// What it is called on the socket.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Peers => "peers",
            Self::Views => "views",
            Self::Ladder => "ladder",
            Self::Rooms => "rooms",
            Self::Drones => "drones",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The bell of one page. Ringing it costs next to nothing, however often.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: AtomicU8,
    notify: Notify,
}

impl Bell {
    pub(super) fn ring(&self, topic: Topic) {
        if self.rung.fetch_or(topic.bit(), Ordering::AcqRel) & topic.bit() == 0 {
            self.notify.notify_one();
        }
    }

    pub(super) fn ring_all(&self) {
        for topic in Topic::ALL {
            self.ring(topic);
        }
    }

    /// Waits until it rings, and says for what. Cancel-safe.
    pub(super) async fn rung(&self) -> Rung {
        loop {
            match self.rung.swap(0, Ordering::AcqRel) {
                0 => self.notify.notified().await,
                bits => return Rung(bits),
            }
        }
    }
}

/// Some topics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rung(u8);

impl Rung {
    pub(super) fn has(self, topic: Topic) -> bool {
        self.0 & topic.bit() != 0
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn remove(&mut self, topic: Topic) {
        self.0 &= !topic.bit();
    }
}
