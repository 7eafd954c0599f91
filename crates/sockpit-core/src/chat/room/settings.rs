//! What an operator decides about rooms.

use std::time::Duration;

use crate::chat::flood::Flood;
use crate::chat::history;
use crate::record::Epoch;
use crate::strings::Language;

/// The default room where nobody named one.
pub(super) const ROOM: &str = "lobby";

/// How a server keeps its rooms.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's name; empty where it is alone.
    pub node: String,
    /// Tells its ids from those of other servers and other runs.
    pub seed: u64,
    /// When the timeline began.
    pub epoch: Epoch,
    /// In seconds east of Greenwich: the times that people see.
    pub utc_offset: i32,
    /// What the server says is in this language.
    pub language: Language,
    /// What the operator wants said to everybody who comes; may have several lines, or none.
    pub welcome: String,
    /// The room that one is in who names none. It is always there.
    pub room: String,
    /// What it is about.
    pub topic: String,
    /// How much a member may send.
    pub flood: Option<Flood>,
    /// Whether that holds for members of this machine too.
    pub flood_on_loopback: bool,
    /// How much of each room is kept.
    pub history: history::Limits,
    /// How many lines of that somebody gets who comes in.
    pub replay: usize,
    /// How many rooms there may be.
    pub max_rooms: usize,
    /// In how many rooms one member may be.
    pub max_rooms_each: usize,
    /// How many members there may be, in all rooms.
    pub max_members: usize,
    /// In rooms with more members than this, nobody is told who comes and goes.
    pub quiet_above: usize,
    /// How long somebody without a nickname may be silent.
    pub nick_within: Duration,
    /// How long a room is kept that is empty, and where something has been said.
    pub keep_empty: Duration,
    /// In bytes: the longest text that is taken from another server.
    pub max_text: usize,
    /// Whether what is said to one only is logged.
    pub logs_direct: bool,
    /// Whether there are other servers with the same rooms.
    pub is_shared: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: String::new(),
            seed: 0,
            epoch: Epoch::default(),
            utc_offset: 0,
            language: Language::English,
            welcome: String::new(),
            room: ROOM.to_owned(),
            topic: String::new(),
            flood: Some(Flood::default()),
            flood_on_loopback: false,
            history: history::Limits::default(),
            replay: 20,
            max_rooms: 1000,
            max_rooms_each: 20,
            max_members: 100_000,
            quiet_above: 100,
            nick_within: Duration::from_secs(60),
            keep_empty: Duration::from_secs(60 * 60),
            max_text: 4096,
            logs_direct: false,
            is_shared: false,
        }
    }
}
