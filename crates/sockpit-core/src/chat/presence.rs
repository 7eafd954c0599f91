//! Who is on another server: what servers tell each other again and again.

use serde::{Deserialize, Serialize};

/// The members of one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The server's name.
    pub node: String,
    /// What its ids are made with.
    pub seed: u64,
    /// Its members.
    pub members: Vec<Present>,
}

/// A member of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// The nickname.
    pub nick: String,
    /// The rooms.
    pub rooms: Vec<String>,
}

impl Presence {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    /// Reads what [`Presence::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// What is not such an object.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
