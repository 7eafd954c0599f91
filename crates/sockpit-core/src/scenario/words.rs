//! What a step does, in words.

use super::{Act, Scenario, Sent, Step};
use crate::text::escape::VisibleLine;
use crate::time::TimeSpan;

/// In characters: how much of what is sent or expected a step shows.
const SHOWN: usize = 80;

impl Step {
    /// In words.
    pub(super) fn describe(&self, scenario: &Scenario) -> String {
        let session = self
            .session
            .map_or("", |session| scenario.session_name(session));
        let who = match self.peer {
            Some(peer) => format!("{session} peer {peer}"),
            None => session.to_owned(),
        };
        match &self.act {
            Act::Open => format!("{who} opens"),
            Act::Send { what, .. } => match what {
                Sent::Template(template) => {
                    format!(
                        "{who} sends `{}`",
                        VisibleLine(&shortened(&template.source))
                    )
                }
                Sent::File { name, .. } => format!("{who} sends the file `{}`", VisibleLine(name)),
            },
            Act::Expect {
                pattern,
                within,
                label,
                ..
            } => {
                let looks_for = shortened(&pattern.to_string());
                let name = match label {
                    label if *label == pattern.to_string() => String::new(),
                    label => format!(" ({})", VisibleLine(&shortened(label))),
                };
                format!(
                    "{who} expects `{}`{name} within {}",
                    VisibleLine(&looks_for),
                    TimeSpan(*within)
                )
            }
            Act::Silence { span, .. } => format!("{who} expects silence for {}", TimeSpan(*span)),
            Act::Ended { reason, within, .. } => format!(
                "{who} expects the end{} within {}",
                reason
                    .map(|reason| format!(" by `{}`", reason.as_str()))
                    .unwrap_or_default(),
                TimeSpan(*within)
            ),
            Act::Sleep(span) => format!("sleeps for {}", TimeSpan(*span)),
            Act::Finish => format!("{who} ends its side"),
            Act::Close => format!("{who} closes"),
        }
    }
}

/// The beginning of a text that may be as long as a file.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
