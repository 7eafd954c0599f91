//! What people are told beside what stdout gets: faults, hints, and who comes and goes.

use sockpit_core::event::{Event, FaultKind, What};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;

use super::super::beside::Telling;
use super::super::{Talk, screen};
use super::Writer;

/// A fault, as it is told.
pub(super) struct Words {
    label: &'static str,
    colour: &'static str,
    text: String,
    hint: Option<String>,
}

impl Writer {
    /// Says once a peer that what it sends is no text of the charset, and where.
    pub(super) fn warn_of_text(&mut self, peer: u32, charset: Charset, at: u64) {
        if self.talk != Talk::Errors && self.warned.insert(peer) {
            let whom = self.whom(peer);
            screen::write_line(&format!(
                "warning: {whom}not {charset} at byte {at}; what cannot be read is shown as U+FFFD"
            ));
        }
    }

    /// What is to be told of a fault, if anything.
    pub(super) fn words_of(
        &mut self,
        event: &Event,
        kind: FaultKind,
        message: &str,
    ) -> Option<Words> {
        let is_warning = matches!(
            kind,
            FaultKind::Truncated | FaultKind::Large | FaultKind::Loop | FaultKind::Limit
        );
        if is_warning && self.talk == Talk::Errors {
            return None;
        }
        let (label, colour) = if is_warning {
            ("warning", "33")
        } else {
            ("error", "31")
        };
        let drawing = self.drawing.as_mut();
        let (whom, hint) = match drawing.map_or(Telling::Usual, |it| it.telling(event)) {
            Telling::Untold => return None,
            Telling::Usual => (self.whom(event.peer), None),
            Telling::Of { whom, hint } => (format!("{}: ", VisibleLine(&whom)), hint),
        };
        Some(Words {
            label,
            colour,
            text: format!("{whom}{}", VisibleLine(message)),
            hint,
        })
    }

    pub(super) fn tell(&self, words: &Words) {
        self.labelled(words.label, words.colour, &words.text);
        if let Some(hint) = &words.hint {
            self.tell_hint(0, hint);
        }
    }

    /// Says why there are no packets, and what would help.
    pub(super) fn tell_refusal(&self, message: &str, command: Option<&str>) {
        if self.talk == Talk::Errors {
            return;
        }
        self.labelled("warning", "33", &VisibleLine(message).to_string());
        if let Some(command) = command {
            self.labelled("hint", "36", &format!("`{command}` allows it"));
        }
    }

    pub(super) fn tell_hint(&self, peer: u32, message: &str) {
        if self.talk != Talk::Errors {
            let text = format!("{}{}", self.whom(peer), VisibleLine(message));
            self.labelled("hint", "36", &text);
        }
    }

    fn labelled(&self, label: &str, colour: &str, text: &str) {
        if self.has_colour {
            screen::write_line(&format!("\x1b[1;{colour}m{label}:\x1b[0m {text}"));
        } else {
            screen::write_line(&format!("{label}: {text}"));
        }
    }

    /// Which peer, where there may be several.
    fn whom(&self, peer: u32) -> String {
        match (peer, self.timeline.has_many_peers()) {
            (0, _) | (_, false) => String::new(),
            (peer, true) => format!("peer {peer}: "),
        }
    }

    pub(super) fn tell_life(&self, event: &Event) {
        match &event.what {
            What::Opened { addr, .. } => {
                screen::write_line(&format!("peer {} is {}", event.peer, VisibleLine(addr)));
            }
            What::Closed { reason, .. } if event.peer > 0 => {
                screen::write_line(&format!(
                    "peer {} has ended ({})",
                    event.peer,
                    reason.as_str()
                ));
            }
            _ => {}
        }
    }
}
