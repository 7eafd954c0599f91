//! Where in NATS an entry goes.
//!
//! ```text
//! chat.v1.room.<room>.msg      what was said in a room; kept
//! chat.v1.room.<room>.evt      who came and went; not kept, presence mends what is missed
//! chat.v1.direct               from one member to another of another node; kept for minutes
//! chat.v1.presence.<node>      who is on a node, every ten seconds
//! ```
//!
//! A room's or node's name is a token in which everything but `A`–`Z`, `a`–`z`, `0`–`9`, `_` and `-`
//! is percent-encoded, since dots, blanks, `*` and `>` have a meaning of their own in a subject.

use std::fmt::Write as _;

use sockpit_core::chat::entry::{Entry, Kind};

/// All that was said in rooms.
pub(super) const MESSAGES: &str = "chat.v1.room.*.msg";

/// All comings and goings.
pub(super) const EVENTS: &str = "chat.v1.room.*.evt";

/// What is meant for one member.
pub(super) const DIRECT: &str = "chat.v1.direct";

/// The heartbeats of all nodes.
pub(super) const PRESENCES: &str = "chat.v1.presence.*";

/// How an entry travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Through a stream, with an acknowledgement, so that nothing is lost or doubled.
    Kept(String),
    /// To those who listen at this moment.
    Passing(String),
}

/// Where an entry goes, and how.
pub(super) fn way_of(entry: &Entry) -> Way {
    let room = token(&entry.room);
    match entry.kind {
        Kind::Text | Kind::Me | Kind::Topic | Kind::Notice => {
            Way::Kept(format!("chat.v1.room.{room}.msg"))
        }
        Kind::Direct => Way::Kept(DIRECT.to_owned()),
        Kind::Joined | Kind::Left | Kind::Renamed | Kind::Kicked => {
            Way::Passing(format!("chat.v1.room.{room}.evt"))
        }
    }
}

/// Where a node's heartbeat goes.
pub(super) fn presence_of(node: &str) -> String {
    format!("chat.v1.presence.{}", token(node))
}

/// A name as one token of a subject. No name is no token: it becomes `%`, which no name becomes.
fn token(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            token.push(char::from(byte));
        } else {
            write!(token, "%{byte:02X}").expect("a string takes everything");
        }
    }
    token
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn what_has_a_meaning_in_a_subject_is_encoded() {
        assert_eq!(token("lobby"), "lobby");
        assert_eq!(token("a.b *>"), "a%2Eb%20%2A%3E");
        assert_eq!(token("大厅"), "%E5%A4%A7%E5%8E%85");
        assert_eq!(token(""), "%");
        assert_eq!(token("100%"), "100%25");
    }

    #[test]
    fn different_names_are_different_tokens() {
        let names = ["a", "A", "a%20", "a ", "%", "", "a.b", "a%2Eb"];
        let mut tokens: Vec<String> = names.iter().map(|name| token(name)).collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), names.len());
    }
}
