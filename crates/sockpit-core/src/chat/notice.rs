//! What the server says to one member, as values: each is a sentence in two languages for people, and
//! a kind with facts for programs.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::ask::Mistake;
use super::nick::NameError;
use crate::strings::Language;
use crate::text::escape::Visible;

mod chinese;
mod english;

/// What the server says to one member.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// Somebody came, who has no nickname.
    Welcome {
        /// The server's name; may be empty.
        node: String,
        /// What the operator wants said; may be empty.
        greeting: String,
        /// The default room,
        room: Arc<str>,
        /// and how many are there.
        count: usize,
    },
    /// The nickname.
    Named {
        /// As it is,
        nick: Arc<str>,
        /// and as it was wanted, where somebody else has that.
        wanted: Option<Arc<str>>,
    },
    /// A room was entered.
    Entered {
        /// Which.
        room: Arc<str>,
        /// What it is about; may be empty.
        topic: Arc<str>,
        /// Who else is there: the first of them,
        members: Vec<Arc<str>>,
        /// of so many.
        count: usize,
    },
    /// A room was left.
    Exited {
        /// Which,
        room: Arc<str>,
        /// and where the next line goes.
        current: Option<Arc<str>>,
    },
    /// What is said goes to this room.
    Current(Arc<str>),
    /// Who is in a room.
    Members {
        /// Which.
        room: Arc<str>,
        /// The first of them,
        members: Vec<Arc<str>>,
        /// of so many.
        count: usize,
    },
    /// Which rooms there are.
    Rooms {
        /// The first of them,
        rooms: Vec<RoomLine>,
        /// of so many.
        count: usize,
    },
    /// What a room is about.
    TopicIs {
        /// Which.
        room: Arc<str>,
        /// May be empty.
        topic: Arc<str>,
    },
    /// Nothing was said in a room that is kept.
    NoHistory(Arc<str>),
    /// The answer to a ping, with its text.
    Pong(String),
    /// What there is.
    Help,
    /// Whether what one says comes back.
    Echo(bool),
    /// Whether it is JSON from here on.
    Json(bool),
    /// The charset from here on.
    Charset(String),
    /// A word of farewell.
    Bye,
    /// The server ends.
    Closing,
    /// The operator threw the member out, with a reason that may be empty.
    Kicked(String),
    /// The operator does not want the member, with a reason that may be empty.
    Banned(String),
    /// So many lines were not delivered.
    Lost(u64),
    /// So many lines were not passed on.
    Flooded(u64),
    /// The member sends too much for too long.
    Flooding,
    /// No nickname came in time.
    Late,
    /// There are as many members as there may be.
    Full,
    /// What came is HTTP, and this is no place for it.
    Http,
    /// A line was longer than so many bytes.
    Cut(usize),
    /// It needs a nickname.
    Unnamed,
    /// A text is no nickname.
    BadNick(NameError),
    /// A text is no name of a room.
    BadRoom(NameError),
    /// Nobody is called so.
    NoSuchNick(String),
    /// There is no such room.
    NoSuchRoom(String),
    /// The member is not in this room.
    NotIn(String),
    /// The member is in no room.
    Nowhere,
    /// There are as many rooms as there may be.
    TooManyRooms(usize),
    /// The member is in as many rooms as one may be.
    TooManyRoomsEach(usize),
    /// A text names no charset.
    BadCharset(String),
    /// What was sent asks for nothing.
    Mistake(Mistake),
}

/// A room in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomLine {
    /// Its name.
    #[serde(serialize_with = "text")]
    pub room: Arc<str>,
    /// How many are in it.
    pub members: usize,
    /// What it is about.
    #[serde(serialize_with = "text", skip_serializing_if = "str::is_empty")]
    pub topic: Arc<str>,
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Notice {
    /// The lines of it for people, without a mark. Nothing in it moves a screen.
    #[must_use]
    pub fn say(&self, language: Language) -> String {
        match language {
            Language::English => english::say(self),
            Language::Chinese => chinese::say(self),
        }
    }

    /// Its `kind` in the JSON protocol.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Welcome { .. } => "welcome",
            Self::Named { .. } => "named",
            Self::Entered { .. } => "entered",
            Self::Exited { .. } => "exited",
            Self::Current(_) => "current",
            Self::Members { .. } => "members",
            Self::Rooms { .. } => "rooms",
            Self::TopicIs { .. } => "topic-is",
            Self::Pong(_) => "pong",
            Self::Help => "help",
            Self::NoHistory(_) | Self::Echo(_) | Self::Json(_) | Self::Charset(_) => "info",
            Self::Bye | Self::Closing => "bye",
            Self::Lost(_) => "lost",
            _ => "error",
        }
    }

    /// The word that says which error it is; `None` where it is none.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Kicked(_) => "kicked",
            Self::Banned(_) => "banned",
            Self::Flooded(_) => "flooded",
            Self::Flooding => "flooding",
            Self::Late => "late",
            Self::Full => "full",
            Self::Http => "http",
            Self::Cut(_) => "cut",
            Self::Unnamed => "unnamed",
            Self::BadNick(_) => "bad-nick",
            Self::BadRoom(_) => "bad-room",
            Self::NoSuchNick(_) => "no-such-nick",
            Self::NoSuchRoom(_) => "no-such-room",
            Self::NotIn(_) => "not-in",
            Self::Nowhere => "nowhere",
            Self::TooManyRooms(_) | Self::TooManyRoomsEach(_) => "too-many-rooms",
            Self::BadCharset(_) => "bad-charset",
            Self::Mistake(Mistake::Unknown(_)) => "unknown-command",
            Self::Mistake(Mistake::Wants(_)) => "wants",
            Self::Mistake(Mistake::Json(_)) => "bad-json",
            Self::Mistake(Mistake::Long(_)) => "too-long",
            _ => return None,
        })
    }

    /// What each of its lines begins with.
    #[must_use]
    pub const fn mark(&self) -> &'static str {
        match (self.code(), self) {
            (Some(_), _) | (_, Self::Lost(_)) => "! ",
            _ => "* ",
        }
    }
}

/// Shows what somebody sent on one line of text: everything that a screen would obey is escaped, but
/// a tab.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.split('\n').enumerate() {
            if 0 < index {
                f.write_str("\\n")?;
            }
            Visible(part).fmt(f)?;
        }
        Ok(())
    }
}

/// Names in a row, with how many more there are.
struct Row<'a>(&'a [Arc<str>], usize, &'static str);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(names, count, comma) = self;
        for (index, name) in names.iter().enumerate() {
            if 0 < index {
                f.write_str(comma)?;
            }
            Shown(name).fmt(f)?;
        }
        match count.saturating_sub(names.len()) {
            0 => Ok(()),
            more => write!(f, "{comma}… +{more}"),
        }
    }
}

#[cfg(test)]
mod tests;
