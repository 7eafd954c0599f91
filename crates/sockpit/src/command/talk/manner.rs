//! How what stdin gives becomes messages, which somebody at a keyboard may change.

use std::sync::Arc;

use bytes::Bytes;
use sockpit_core::plan::{Eol, Plan};
use sockpit_core::session::Message;
use sockpit_core::text::charset::Charset;

use super::script;
use super::settings::{Settings, Stdin};

/// The manner of the moment.
pub(super) struct Manner {
    pub(super) plan: Arc<Plan>,
    /// Whether escapes are understood in typed lines.
    pub(super) escape: bool,
    stdin: Stdin,
    /// Whether the user chose what ends a typed line.
    has_own_eol: bool,
}

impl Manner {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            plan: settings.plan.clone(),
            escape: settings.escape,
            stdin: settings.stdin,
            has_own_eol: settings.plan.eol != settings.plan.usual_eol(),
        }
    }

    /// The message that a piece of stdin makes.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub(super) fn message(&self, piece: Bytes) -> Result<Message, String> {
        let plan = &self.plan;
        let payload = match self.stdin {
            Stdin::Bytes | Stdin::Unused => {
                let wire = piece.clone();
                return Ok(Message {
                    payload: piece,
                    wire,
                });
            }
            Stdin::Text(charset) => to_charset(&piece, charset)?,
            Stdin::Lines => to_message(piece, plan.text_out)?,
            Stdin::Typed => return self.typed(&String::from_utf8_lossy(&piece)),
        };
        plan.message(payload).map_err(|error| error.to_string())
    }

    /// The message that a typed text makes.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub(super) fn typed(&self, text: &str) -> Result<Message, String> {
        let payload = script::encode(text, self.escape, &self.plan)
            .map_err(|error| crate::exit::sentence(&error))?;
        self.bytes(payload)
    }

    /// The message of these bytes.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub(super) fn bytes(&self, payload: Bytes) -> Result<Message, String> {
        self.plan
            .message(payload)
            .map_err(|error| error.to_string())
    }

    /// Changes the plan.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Plan)) {
        let mut plan = Plan::clone(&self.plan);
        change(&mut plan);
        self.plan = Arc::new(plan);
    }

    /// Changes what a message is. Who has not chosen an end of line gets the one that suits.
    pub(super) fn recast(&mut self, change: impl FnOnce(&mut Plan)) {
        let has_own_eol = self.has_own_eol;
        self.change(|plan| {
            change(plan);
            if !has_own_eol {
                plan.eol = plan.usual_eol();
            }
        });
    }

    /// Ends typed lines with this, whatever a message is.
    pub(super) fn end_lines_with(&mut self, eol: Eol) {
        self.has_own_eol = true;
        self.change(|plan| plan.eol = eol);
    }
}

/// Piped UTF-8, in the charset that the peer reads.
fn to_charset(piece: &Bytes, charset: Charset) -> Result<Bytes, String> {
    let text = std::str::from_utf8(piece).map_err(|error| {
        format!(
            "stdin is not UTF-8 (byte {} of the latest {}), so it cannot be sent in {charset}",
            error.valid_up_to(),
            piece.len()
        )
    })?;
    charset
        .encode(text)
        .map(|bytes| bytes.into_owned().into())
        .map_err(|error| error.to_string())
}

/// A piped line as a message: text goes out in the charset of the plan, bytes that are no UTF-8 as
/// they are.
fn to_message(line: Bytes, charset: Charset) -> Result<Bytes, String> {
    if charset == Charset::UTF_8 {
        return Ok(line);
    }
    match std::str::from_utf8(&line) {
        Ok(text) => charset
            .encode(text)
            .map(|bytes| bytes.into_owned().into())
            .map_err(|error| error.to_string()),
        Err(_) => Ok(line),
    }
}
