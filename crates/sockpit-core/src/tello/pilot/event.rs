//! What a pilot tells: each a note of the timeline, so that records have it too.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::super::reply::{Refusal, Verdict};
use crate::event::What;
use crate::time::Measured;

/// Who wanted a command sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Whoever flies.
    User,
    /// The pilot, to begin the conversation.
    Begin,
    /// The pilot, so that the drone does not land by itself.
    KeepAlive,
    /// The pilot, to know that the line is clear.
    Sentinel,
}

/// What a pilot tells. No text in it holds a password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A command left.
    Sent {
        /// Its number, from 1.
        number: u64,
        /// The command.
        text: String,
        /// From 1; more where it is sent again.
        attempt: u32,
        /// How many copies of it left at once.
        copies: u8,
        /// Who wanted it.
        origin: Origin,
    },
    /// The sticks were set to something else.
    Sticks {
        /// Right, ahead, up, clockwise, each from -100 to 100.
        sticks: [i32; 4],
    },
    /// A command was answered.
    Replied {
        /// Its number.
        number: u64,
        /// The command.
        text: String,
        /// The answer as it came.
        reply: String,
        /// What it says.
        verdict: Verdict,
        /// From the first sending, in milliseconds.
        took_ms: u64,
        /// Who wanted it.
        origin: Origin,
    },
    /// No answer came, and none is waited for any longer. What the drone did is not known.
    TimedOut {
        /// Its number.
        number: u64,
        /// The command.
        text: String,
        /// From the first sending, in milliseconds.
        took_ms: u64,
        /// Who wanted it.
        origin: Origin,
    },
    /// A command that some firmware does not answer was not answered.
    Unanswered {
        /// Its number.
        number: u64,
        /// The command.
        text: String,
    },
    /// Another command took its place while it was outstanding.
    Interrupted {
        /// Its number.
        number: u64,
        /// The command.
        text: String,
        /// What took its place.
        by: String,
    },
    /// A command that waited is not sent.
    Dropped {
        /// Its number.
        number: u64,
        /// The command.
        text: String,
        /// What failed, or came before it; empty where it was to be forgotten.
        cause: String,
    },
    /// A datagram that is no text.
    Junk {
        /// Its length, in bytes.
        len: usize,
        /// Whether it is a packet of the app's binary protocol.
        is_app: bool,
    },
    /// A text that answers nothing that is outstanding, or of which that is not sure.
    Stray {
        /// The text.
        text: String,
        /// The command that it may belong to, or empty.
        of: String,
    },
    /// A datagram from somebody else.
    Foreign {
        /// Who.
        from: String,
        /// Its length, in bytes.
        len: usize,
    },
    /// What comes from here on may be a late answer: nothing but questions is sent.
    Quarantined {
        /// The command whose answer is missing.
        text: String,
        /// How long its answer may still come, in milliseconds.
        within_ms: u64,
    },
    /// The line is clear again.
    Recovered {
        /// Since it was not, in milliseconds.
        took_ms: u64,
    },
    /// The drone knows that somebody is there.
    KeptAlive {
        /// From sending to the answer, in milliseconds.
        took_ms: u64,
    },
}

/// Before the name of an event stands this, in the kind of a note.
const PREFIX: &str = "tello.";

impl Event {
    /// The event that a note of a timeline tells.
    #[must_use]
    pub fn of(what: &What) -> Option<Self> {
        let What::Note { kind, data, .. } = what else {
            return None;
        };
        let name = kind.strip_prefix(PREFIX)?;
        let mut tagged = serde_json::Map::new();
        tagged.insert(name.to_owned(), data.clone());
        serde_json::from_value(Json::Object(tagged)).ok()
    }

    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Sent { text, attempt, .. } if 1 < *attempt => {
                format!("sent `{text}` again, attempt {attempt}")
            }
            Self::Sent { text, .. } => format!("sent `{text}`"),
            Self::Sticks {
                sticks: [a, b, c, d],
            } => format!("sticks at {a} {b} {c} {d}"),
            Self::Replied {
                text,
                reply,
                verdict,
                took_ms,
                ..
            } => match verdict {
                Verdict::Done => format!("`{text}` done after {}", Took(*took_ms)),
                Verdict::Value(value) => format!("`{text}` says {value}"),
                Verdict::Refused(Refusal::Other) | Verdict::Stray => {
                    format!("`{text}` refused with `{reply}`")
                }
                Verdict::Refused(refusal) => {
                    format!("`{text}` refused with `{reply}`: {}", refusal.explain())
                }
            },
            Self::TimedOut { text, took_ms, .. } => {
                format!("no answer to `{text}` within {}", Took(*took_ms))
            }
            Self::Unanswered { text, .. } => {
                format!("`{text}` was sent; some firmware does not answer it")
            }
            Self::Interrupted { text, by, .. } => format!("`{text}` interrupted by `{by}`"),
            Self::Dropped { text, cause, .. } if cause.is_empty() => {
                format!("`{text}` is forgotten")
            }
            Self::Dropped { text, cause, .. } => format!("`{text}` is not sent after `{cause}`"),
            Self::Junk { len, is_app: true } => {
                format!("a packet of the app's binary protocol, {len} bytes, passed over")
            }
            Self::Junk { len, .. } => format!("{len} bytes that are no text, passed over"),
            Self::Stray { text, of } if of.is_empty() => {
                format!("`{text}` answers nothing that is outstanding")
            }
            Self::Stray { text, of } => format!("`{text}` may be the answer to `{of}`, or not"),
            Self::Foreign { from, len } => {
                format!("{len} bytes from {from}, which is not the drone, passed over")
            }
            Self::Quarantined { text, within_ms } => format!(
                "the answer to `{text}` may still come, for {}; until then only questions are sent",
                Took(*within_ms)
            ),
            Self::Recovered { took_ms: 0 } => "the line is clear again".to_owned(),
            Self::Recovered { took_ms } => {
                format!("the line is clear again after {}", Took(*took_ms))
            }
            Self::KeptAlive { .. } => "the drone knows that somebody is there".to_owned(),
        }
    }

    /// The number of the command that it is about, and whether that is over with it.
    #[must_use]
    pub const fn ends(&self) -> Option<u64> {
        match self {
            Self::Replied { number, .. }
            | Self::TimedOut { number, .. }
            | Self::Unanswered { number, .. }
            | Self::Interrupted { number, .. }
            | Self::Dropped { number, .. } => Some(*number),
            _ => None,
        }
    }
}

impl From<&Event> for What {
    fn from(event: &Event) -> Self {
        let tagged = serde_json::to_value(event).unwrap_or_default();
        let (name, data) = match tagged {
            Json::Object(fields) => fields.into_iter().next().unwrap_or_default(),
            _ => Default::default(),
        };
        Self::Note {
            kind: format!("{PREFIX}{name}"),
            message: event.sentence(),
            data,
        }
    }
}

/// A length of time in milliseconds, as people read it.
struct Took(u64);

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanos = i64::try_from(self.0.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        Measured(nanos).fmt(f)
    }
}
