//! What happened in a room: the one form that is told, kept, logged and shared among servers.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use id::{Id, Ids, ParseIdError};

mod id;

/// One thing that was said or happened, with a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unlike any other's.
    pub id: Id,
    /// In nanoseconds since the Unix epoch.
    pub at: u64,
    /// What.
    pub kind: Kind,
    /// The server on which it happened; empty where it has no name.
    pub node: Arc<str>,
    /// The room; empty of what is direct, and of what is said to all.
    pub room: Arc<str>,
    /// The nickname of who did it; empty where the server did.
    pub from: Arc<str>,
    /// Whom it is for, or who was thrown out; else empty.
    pub to: Arc<str>,
    /// The text as it was sent; the new nickname, the topic, or the reason.
    pub text: Arc<str>,
}

/// What an entry tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody said it in a room.
    Text,
    /// Somebody does it.
    Me,
    /// Somebody came into a room.
    Joined,
    /// Somebody left a room.
    Left,
    /// Somebody has another nickname.
    Renamed,
    /// A room has another topic.
    Topic,
    /// Somebody said it to one other.
    Direct,
    /// The operator said it.
    Notice,
    /// The operator threw somebody out.
    Kicked,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Me,
        Self::Joined,
        Self::Left,
        Self::Renamed,
        Self::Topic,
        Self::Direct,
        Self::Notice,
        Self::Kicked,
    ];

    /// Its word in the JSON protocol.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Me => "me",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Renamed => "renamed",
            Self::Topic => "topic",
            Self::Direct => "direct",
            Self::Notice => "notice",
            Self::Kicked => "kicked",
        }
    }

    /// Whether it is kept in a room's history.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::Text | Self::Me)
    }
}

/// An entry in JSON: what servers share.
#[derive(Serialize, Deserialize)]
struct Shared {
    id: Id,
    at: u64,
    kind: Kind,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    node: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    room: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    from: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    to: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    text: Box<str>,
}

impl Entry {
    /// The sort of note that a recording has it as, such as `room.text`.
    #[must_use]
    pub const fn note_kind(&self) -> &'static str {
        match self.kind {
            Kind::Text => "room.text",
            Kind::Me => "room.me",
            Kind::Joined => "room.joined",
            Kind::Left => "room.left",
            Kind::Renamed => "room.renamed",
            Kind::Topic => "room.topic",
            Kind::Direct => "room.direct",
            Kind::Notice => "room.notice",
            Kind::Kicked => "room.kicked",
        }
    }

    /// As JSON, for another server.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.shared()).expect("texts and numbers are JSON")
    }

    /// Reads what [`Entry::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// What is not such an object; fields it does not know are passed over.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let shared: Shared = serde_json::from_str(text)?;
        Ok(Self {
            id: shared.id,
            at: shared.at,
            kind: shared.kind,
            node: shared.node.into(),
            room: shared.room.into(),
            from: shared.from.into(),
            to: shared.to.into(),
            text: shared.text.into(),
        })
    }

    /// Its facts, for a note.
    #[must_use]
    pub fn data(&self) -> Value {
        serde_json::to_value(self.shared()).expect("texts and numbers are JSON")
    }

    fn shared(&self) -> Shared {
        Shared {
            id: self.id,
            at: self.at,
            kind: self.kind,
            node: self.node.as_ref().into(),
            room: self.room.as_ref().into(),
            from: self.from.as_ref().into(),
            to: self.to.as_ref().into(),
            text: self.text.as_ref().into(),
        }
    }
}

/// A moment as RFC 3339 in UTC, with nanoseconds where it has any.
#[must_use]
pub fn moment(at: u64) -> String {
    // 64 bits of nanoseconds end in the year 2554, which is a moment.
    let moment = Timestamp::from_nanosecond(i128::from(at));
    moment.map_or_else(|_| String::new(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests;
