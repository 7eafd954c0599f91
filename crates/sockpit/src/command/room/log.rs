//! What goes on in the rooms, for the operator: lines on a terminal, or one a message in a pipe.

use std::time::Instant;

use sockpit_core::event::{Direction, Event, Value, What};
use sockpit_core::record::Epoch;

use crate::console::{ChatLook, ChatScreen, Drawing, Manner, Said};

/// Draws entries of the rooms.
pub(super) struct Log {
    screen: ChatScreen,
    epoch: Epoch,
    /// Whether connections are shown too, not only members.
    is_verbose: bool,
}

impl Log {
    pub(super) fn new(is_verbose: bool) -> Self {
        Self {
            screen: ChatScreen::new(ChatLook::of_stdout(false)),
            epoch: Epoch::default(),
            is_verbose,
        }
    }

    fn entry(&mut self, at: u64, kind: &str, message: &str, data: &Value) {
        let text_of = |key: &str| data[key].as_str().unwrap_or_default();
        let room = text_of("room");
        let manner = match kind {
            "text" => Manner::Plain,
            "me" => Manner::Action,
            "direct" => Manner::Direct {
                to: Some(text_of("to")),
            },
            _ => return self.screen.notice(at, None, message),
        };
        self.screen.said(&Said {
            at,
            direction: Direction::In,
            room: Some(room).filter(|room| !room.is_empty()),
            from: text_of("from"),
            manner,
            text: text_of("text"),
        });
    }
}

impl Drawing for Log {
    fn begin(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    fn push(&mut self, event: &Event) {
        let at = self.epoch.0.saturating_add(event.time.as_nanos());
        let peer = event.peer;
        match &event.what {
            What::Note {
                kind,
                message,
                data,
            } => {
                if let Some(kind) = kind.strip_prefix("room.") {
                    self.entry(at, kind, message, data);
                }
            }
            What::Opened { addr, .. } if self.is_verbose => {
                let text = format!("peer {peer} is {addr}");
                self.screen.notice(at, None, &text);
            }
            What::Closed { reason, .. } if self.is_verbose && peer > 0 => {
                let text = format!("peer {peer} has ended ({})", reason.as_str());
                self.screen.notice(at, None, &text);
            }
            _ => {}
        }
    }

    fn take(&mut self) -> String {
        self.screen.take(Instant::now())
    }

    fn settle(&mut self) -> String {
        self.screen.take(Instant::now())
    }

    fn finish(&mut self) -> String {
        self.screen.finish()
    }

    fn due(&self) -> Option<Instant> {
        self.screen.due()
    }
}
