//! How a chat looks: `>>` what comes, `<<` what goes, a tick once it has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;
use sockpit_core::chat::partner::side_of;
use sockpit_core::event::{Direction, Event, FaultKind, What, socket_addr};
use sockpit_core::record::Epoch;
use sockpit_core::session::UNREADABLE;

use crate::console::{ChatLook, ChatScreen, Drawing, Fate, Manner, Said, Telling};

/// The note of a message, whoever's program it came from or goes to.
pub(super) const MESSAGE: &str = "chat.message";

/// The note of what became of a message of ours.
pub(super) const FATE: &str = "chat.fate";

/// The note of something that happened, a sentence for people.
pub(super) const NOTICE: &str = "chat.notice";

/// Sentences that are remembered as told; then they are told once more.
const MOST_TOLD: usize = 1024;

/// Draws a chat.
pub(super) struct ChatDrawing {
    screen: ChatScreen,
    epoch: Epoch,
    is_terminal: bool,
    /// The session of the chat's own port, and that port.
    chat: Option<(u32, u16)>,
    /// The session of the side port.
    side: Option<u32>,
    /// What is told once.
    told: BTreeSet<String>,
    /// The addresses of peers, by session.
    addrs: BTreeMap<(u32, u32), String>,
    /// For those who are no people: the messages that came, one a line.
    lines: String,
}

impl ChatDrawing {
    pub(super) fn new(look: ChatLook, nick: &str) -> Self {
        let mut screen = ChatScreen::new(look);
        screen.call(nick);
        Self {
            screen,
            epoch: Epoch::default(),
            is_terminal: look.is_terminal,
            chat: None,
            side: None,
            told: BTreeSet::new(),
            addrs: BTreeMap::new(),
            lines: String::new(),
        }
    }

    /// Whether this was not told before.
    fn say_once(&mut self, words: String) -> bool {
        if self.told.len() >= MOST_TOLD {
            self.told.clear();
        }
        self.told.insert(words)
    }

    fn draw_message(&mut self, at: u64, data: &Value) {
        let word = |field: &str| data[field].as_str().unwrap_or_default();
        let is_in = data["dir"] == "in";
        let text = word("text");
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if !self.is_terminal {
            if is_in {
                let line = text.replace('\r', "\\r").replace('\n', "\\n");
                self.lines.push_str(&line);
                self.lines.push('\n');
            }
            return;
        }
        let to = data["to"].as_str();
        let said = Said {
            at,
            direction: if is_in { Direction::In } else { Direction::Out },
            room: None,
            from: word("from"),
            manner: match to {
                Some(to) if !is_in => Manner::Direct { to: Some(to) },
                _ => Manner::Plain,
            },
            text,
        };
        match data["key"].as_u64() {
            Some(key) => self.screen.sent(&said, key),
            None => self.screen.said(&said),
        }
    }
}

impl Drawing for ChatDrawing {
    fn push(&mut self, event: &Event) {
        let What::Note {
            kind,
            message,
            data,
        } = &event.what
        else {
            return;
        };
        let at = self.epoch.0.saturating_add(event.time.as_nanos());
        match kind.as_str() {
            MESSAGE => self.draw_message(at, data),
            FATE => {
                let fate = match data["fate"].as_str() {
                    Some("delivered") => Fate::Delivered,
                    Some("unconfirmed") => Fate::Lost,
                    _ => Fate::Sent,
                };
                self.screen.fate(data["key"].as_u64().unwrap_or(0), fate);
            }
            NOTICE => self.screen.notice(at, None, message),
            UNREADABLE if self.is_terminal => self.screen.notice(at, None, message),
            _ => {}
        }
    }

    fn take(&mut self) -> String {
        let mut lines = std::mem::take(&mut self.lines);
        lines.push_str(&self.screen.take(Instant::now()));
        lines
    }

    fn settle(&mut self) -> String {
        self.take()
    }

    fn finish(&mut self) -> String {
        let mut lines = std::mem::take(&mut self.lines);
        lines.push_str(&self.screen.finish());
        lines
    }

    fn observe(&mut self, event: &Event) {
        let peer = (event.session, event.peer);
        match &event.what {
            What::Listening { local } => {
                let port = socket_addr(local).map_or(0, |(_, addr)| addr.port());
                match self.chat {
                    None => self.chat = Some((event.session, port)),
                    Some((_, chat)) if side_of(chat) == port => self.side = Some(event.session),
                    Some(_) => {}
                }
            }
            What::Opened { addr, .. } => {
                if let Some((_, addr)) = socket_addr(addr) {
                    self.addrs.insert(peer, addr.to_string());
                }
            }
            What::Closed { .. } => {
                self.addrs.remove(&peer);
            }
            _ => {}
        }
    }

    fn telling(&mut self, event: &Event) -> Telling {
        let What::Fault { kind, message, .. } = &event.what else {
            return Telling::Usual;
        };
        // What a partner misses there, it gets by the chat's own port.
        if Some(event.session) == self.side {
            return Telling::Untold;
        }
        let is_of_chat = self
            .chat
            .is_some_and(|(session, _)| session == event.session);
        let Some(whom) = self.addrs.get(&(event.session, event.peer)).cloned() else {
            return Telling::Usual;
        };
        if !is_of_chat {
            // Announcements are sent again and again.
            return match self.say_once(format!("{whom} {message}")) {
                true => Telling::Of { whom, hint: None },
                false => Telling::Untold,
            };
        }
        let is_refused = *kind == FaultKind::Refused;
        let hint = (is_refused && self.say_once(whom.clone())).then(|| {
            format!("is the program at {whom} running, and is that the port on which it listens?")
        });
        Telling::Of { whom, hint }
    }

    fn begin(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    fn due(&self) -> Option<Instant> {
        self.screen.due()
    }
}
