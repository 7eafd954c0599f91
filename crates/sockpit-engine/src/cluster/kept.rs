//! The streams of NATS in which entries are kept.

use std::error::Error as _;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, PublishError, PublishErrorKind,
};
use async_nats::jetstream::{self, ErrorCode, stream};

use super::subject;

/// How long what was said in rooms is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Entries of one room that are kept.
const KEPT_EACH: i64 = 1000;

/// In bytes: what all that was said may take in NATS.
const SAID_BYTES: i64 = 256 * 1024 * 1024;

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
                max_bytes: SAID_BYTES,
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
    /// When the stream began, as NATS says it.
    created: String,
}

impl Place {
    /// Takes how a stream stands: where to begin, and whether it is still the one that was read.
    pub(super) fn take(&mut self, stream: &stream::Info, has_history: bool) {
        let end = stream.state.last_sequence + 1;
        let created = format!("{:?}", stream.created);
        if self.next == 0 {
            self.live = end;
            // What is too old is gone, though its numbers are not given again.
            let has_past = has_history && stream.state.messages > 0;
            self.next = if has_past { 1 } else { end };
        } else if end < self.next || created != self.created {
            // NATS lost its store: the numbers begin anew, and what comes is news.
            self.live = 1;
            self.next = 1;
        }
        self.created = created;
    }
}

/// Why there is no stream, as people are told.
pub(super) fn reason_of(error: &CreateStreamError) -> String {
    let has_none = match error.kind() {
        CreateStreamErrorKind::JetStreamUnavailable => true,
        CreateStreamErrorKind::JetStream(error) => matches!(
            error.error_code(),
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
        ),
        _ => false,
    };
    match has_none {
        true => "it has no JetStream, which `nats-server -js` gives it".to_owned(),
        false => error.to_string(),
    }
}

/// Puts an entry into its stream; gives the reason where that did not happen, or is not known, and
/// `false` where NATS never takes it, as it is larger than a message may be there.
pub(super) async fn keep(
    context: &jetstream::Context,
    subject: &str,
    id: &str,
    payload: &str,
) -> Result<bool, String> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    let payload = payload.to_owned().into();
    let sent = context
        .publish_with_headers(subject.to_owned(), headers, payload)
        .await;
    let kept = match sent {
        Ok(acknowledgement) => acknowledgement.await.map(drop),
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) => Ok(true),
        Err(error) if is_too_large(&error) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

fn is_too_large(error: &PublishError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let code = source.map(jetstream::Error::error_code);
    error.kind() == PublishErrorKind::MaxPayloadExceeded
        || code == Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}
