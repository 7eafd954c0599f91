//! The streams of NATS in which entries are kept.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream};

use super::subject;

/// How long what was said in rooms is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Entries of one room that are kept.
const KEPT_EACH: i64 = 1000;

/// How long what was meant for one member is kept: long enough for a node that was cut off.
const DIRECT_KEPT: Duration = Duration::from_secs(5 * 60);

/// In bytes: what all direct messages may take in NATS.
const DIRECT_BYTES: i64 = 64 * 1024 * 1024;

/// A stream that entries are kept in.
pub(super) struct Kept {
    pub(super) config: stream::Config,
    /// Whether what is in it from before us is wanted.
    pub(super) has_history: bool,
}

impl Kept {
    /// What was said in rooms.
    pub(super) fn said() -> Self {
        Self {
            config: stream::Config {
                name: "SOCKPIT_CHAT".to_owned(),
                subjects: vec![subject::MESSAGES.to_owned()],
                max_messages_per_subject: KEPT_EACH,
                max_age: KEPT,
                ..stream::Config::default()
            },
            has_history: true,
        }
    }

    /// What was said to one member of another node.
    pub(super) fn direct() -> Self {
        Self {
            config: stream::Config {
                name: "SOCKPIT_DIRECT".to_owned(),
                subjects: vec![subject::DIRECT.to_owned()],
                max_bytes: DIRECT_BYTES,
                max_age: DIRECT_KEPT,
                ..stream::Config::default()
            },
            has_history: false,
        }
    }
}

/// Where in a stream we are.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The number of the entry that is read next; 0 before the stream was seen.
    pub(super) next: u64,
    /// The first entry that is no past: those before were there when we came.
    pub(super) live: u64,
}

impl Place {
    /// Takes how a stream stands: where to begin, and whether it is still the one that was read.
    pub(super) fn take(&mut self, state: &stream::State, has_history: bool) {
        let end = state.last_sequence + 1;
        if self.next == 0 {
            self.live = end;
            self.next = if has_history { 1 } else { end };
        } else if end < self.next {
            // NATS lost its store: the numbers begin anew, and what comes is news.
            self.live = 1;
            self.next = 1;
        }
    }
}

/// Puts an entry into its stream; gives the reason where that did not happen, or is not known.
pub(super) async fn keep(
    context: &jetstream::Context,
    subject: &str,
    id: &str,
    payload: &str,
) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    let payload = payload.to_owned().into();
    let sent = context
        .publish_with_headers(subject.to_owned(), headers, payload)
        .await;
    let acknowledgement = sent.map_err(|error| error.to_string())?;
    acknowledgement
        .await
        .map(|_| ())
        .map_err(|error| error.to_string())
}
