//! The composer: exact bytes of what is written, and the same as a command.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sockpit_core::composer::{Composed, Content, Draft, DraftError};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Eol, Plan};
use sockpit_core::scenario::Saved;
use sockpit_core::snippet::{Sends, Snippet};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;
use sockpit_core::time::TimeSpan;

use super::{plan, session};
use crate::workbench::Shared;
use crate::workbench::call::{Answer, With};
use crate::workbench::complaint::Complaint;

/// In bytes: what is written at once.
pub(super) const MAX_WRITTEN: usize = 1 << 20;

/// In bytes: what a command line is made of.
const MAX_COMMAND: usize = 64 * 1024;

/// What somebody has written, as pages tell it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    pub(super) text: Option<String>,
    pub(super) hex: Option<String>,
    /// A whole payload, with end of line and checksum if it has any.
    pub(super) payload_hex: Option<String>,
    pub(super) escapes: bool,
    pub(super) charset: Option<String>,
    pub(super) eol: Option<String>,
    pub(super) checksum: Option<String>,
}

/// The keys of [`Written`].
const WRITTEN: [&str; 7] = [
    "text",
    "hex",
    "payload_hex",
    "escapes",
    "charset",
    "eol",
    "checksum",
];

/// Takes what is written out of a call; the rest is the call's own.
pub(super) fn split(with: With) -> Result<(Written, With), Complaint> {
    let mut rest: Map<String, Value> = with.read()?;
    let mut written = Map::new();
    for key in WRITTEN {
        written.extend(rest.remove_entry(key));
    }
    Ok((
        With::new(Some(written.into())).read()?,
        With::new(Some(rest.into())),
    ))
}

impl Written {
    /// What is meant.
    pub(super) fn draft(&self) -> Result<Draft, Complaint> {
        let fitting = |field: &'static str| move |error: String| Complaint::new(error).field(field);
        let told = [&self.text, &self.hex, &self.payload_hex];
        if told.iter().filter(|told| told.is_some()).count() > 1 {
            return Err(Complaint::new("write either text or bytes, not both"));
        }
        let long = told
            .into_iter()
            .flatten()
            .find(|told| told.len() > 4 * MAX_WRITTEN);
        if long.is_some() {
            return Err(too_long());
        }
        if let Some(hex) = &self.payload_hex {
            return Ok(Draft {
                content: Content::Hex(hex.clone()),
                charset: None,
                eol: Some(Eol::None),
                checksum: Some(None),
            });
        }
        let content = match (&self.text, &self.hex) {
            (_, Some(hex)) => Content::Hex(hex.clone()),
            (text, None) => Content::Text {
                text: text.clone().unwrap_or_default(),
                has_escapes: self.escapes,
            },
        };
        let charset = match self.charset.as_deref() {
            None | Some("") => None,
            Some(charset) => Some(
                charset
                    .parse::<Charset>()
                    .map_err(|error| fitting("charset")(error.to_string()))?,
            ),
        };
        let eol = match self.eol.as_deref() {
            None | Some("") => None,
            Some(eol) => Some(
                eol.parse::<Eol>()
                    .map_err(|error| fitting("eol")(error.to_string()))?,
            ),
        };
        let checksum = match self.checksum.as_deref() {
            None | Some("") => None,
            Some("none") => Some(None),
            Some(checksum) => Some(Some(
                checksum
                    .parse::<ChecksumSpec>()
                    .map_err(|error| fitting("checksum")(error.to_string()))?,
            )),
        };
        Ok(Draft {
            content,
            charset,
            eol,
            checksum,
        })
    }

    /// What it comes to in a session.
    pub(super) fn composed(&self, plan: &Plan) -> Result<(Draft, Composed), Complaint> {
        let draft = self.draft()?;
        let composed = plan
            .compose(&draft)
            .map_err(|error| mistake(&error, &draft.content))?;
        if composed.message.wire.len() > MAX_WRITTEN {
            return Err(too_long());
        }
        Ok((draft, composed))
    }
}

fn too_long() -> Complaint {
    Complaint::new("that is more than 1 MiB").hint("send it as a file")
}

/// Why it is no message, at its place in what was written.
fn mistake(error: &DraftError, content: &Content) -> Complaint {
    let (text, field) = match content {
        Content::Text { text, .. } => (text, "text"),
        Content::Hex(digits) => (digits, "hex"),
    };
    let complaint = Complaint::new(error.to_string()).field(field);
    let Some(place) = error.place() else {
        return complaint;
    };
    let offset = |column: usize| {
        let found = text.char_indices().nth(column);
        found.map_or(text.len(), |(at, _)| at)
    };
    complaint.at_bytes(text, offset(place.start)..offset(place.end))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    key: Option<String>,
    role: Option<String>,
    endpoint: Option<String>,
    options: Option<Map<String, Value>>,
}

/// Says what is written comes to; a mistake in it is part of the answer.
pub(super) fn compose(bench: &Shared, with: With) -> Answer {
    let (written, rest) = split(with)?;
    let plan = plan_at(bench, rest.read()?)?;
    let (draft, composed) = written.composed(&plan)?;
    let charset = draft.charset.unwrap_or(plan.text_out);
    let marks = composed.marks.iter().map(|mark| {
        json!({ "what": mark.part.as_str(), "from": mark.range.start, "to": mark.range.end })
    });
    Ok(json!({
        "payload_hex": digits(&composed.message.payload),
        "wire_hex": digits(&composed.message.wire),
        "typed_hex": digits(&composed.content),
        "text": composed.text(charset, written.escapes),
        "marks": marks.collect::<Vec<_>>(),
        "len": composed.message.wire.len(),
    }))
}

/// The plan of a session, or of options that are none yet.
fn plan_at(bench: &Shared, place: Where) -> Result<Arc<Plan>, Complaint> {
    if let Some(key) = place.key {
        let seat = bench.desk.seat(&key)?;
        let (saved, open) = {
            let state = seat.state();
            (
                state.saved.clone(),
                state.session.is_some().then(|| state.plan.clone()),
            )
        };
        return match open.flatten() {
            Some(plan) => Ok(plan),
            None => plan::of(&saved).map(Arc::new),
        };
    }
    let role = place.role.as_deref().unwrap_or("client");
    let mut saved = Saved {
        name: "session".to_owned(),
        role: plan::role_of(role)?,
        // Where it goes makes no difference to the bytes, but that it is a stream.
        endpoint: place
            .endpoint
            .unwrap_or_else(|| "tcp://127.0.0.1:1".to_owned()),
        options: Vec::new(),
        reconnects: false,
        rules: String::new(),
    };
    session::set_options(&mut saved, &place.options.unwrap_or_default())?;
    plan::of(&saved).map(Arc::new)
}

/// Bytes as two digits each, with nothing between.
pub(super) fn digits(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    key: String,
    composer: Option<Value>,
}

/// What the composer holds beside what is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rhythm {
    every_ns: Option<u64>,
    count: Option<u64>,
    // Known from the call itself.
    key: Option<String>,
    target: Option<Value>,
    options: Option<Value>,
}

/// The same as a command.
pub(super) fn command(bench: &Shared, with: With) -> Answer {
    let Command { key, composer } = with.read()?;
    let seat = bench.desk.seat(&key)?;
    let (saved, file, is_saved) = {
        let state = seat.state();
        let is_saved = state.written.as_ref() == Some(&state.saved);
        (state.saved.clone(), state.file.clone(), is_saved)
    };
    let plan = plan::of(&saved)?;
    let mut sends = None;
    if let Some(composer) = composer {
        let (written, rest) = split(With::new(Some(composer)))?;
        let rhythm: Rhythm = rest.read()?;
        // These say nothing that the session does not.
        let _ = (rhythm.key, rhythm.target, rhythm.options);
        let is_empty = [&written.text, &written.hex, &written.payload_hex]
            .into_iter()
            .flatten()
            .all(String::is_empty);
        if !is_empty {
            let (draft, composed) = written.composed(&plan)?;
            if composed.message.wire.len() > MAX_COMMAND {
                return Err(Complaint::new("that is too much for a command line")
                    .hint("save it as a file, and send that with `--send-file`"));
            }
            let every = rhythm
                .every_ns
                .map(std::time::Duration::from_nanos)
                .map(TimeSpan);
            sends = Some((draft, composed, every, rhythm.count));
        }
    }
    let path = file.map(|file| bench.project.path().join(file.as_str()));
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let has_rules = plan.rules.is_some();
    let snippet = Snippet {
        plan: &plan,
        endpoint: &written_endpoint(&saved),
        options: &saved.options,
        reconnects: saved.reconnects,
        rules: path.as_deref().filter(|_| has_rules && is_saved),
        sends: sends.as_ref().map(|(draft, composed, every, count)| Sends {
            draft,
            composed,
            every: *every,
            count: *count,
        }),
    };
    let mut why = Map::new();
    if has_rules && !is_saved {
        let say = "the rules stand in no file yet; save the session, and the line has them";
        why.insert("sockpit".to_owned(), say.into());
    }
    let nc = match snippet.nc() {
        Ok(line) => Some(line),
        Err(reason) => {
            why.insert("nc".to_owned(), reason.into());
            None
        }
    };
    Ok(json!({
        "sockpit": snippet.sockpit(),
        "nc": nc,
        "python": snippet.python(),
        "why": (!why.is_empty()).then_some(why),
    }))
}

/// The endpoint in its usual form: what people write may begin with a dash, or mean something to a shell.
fn written_endpoint(saved: &Saved) -> String {
    match saved.endpoint.parse::<Endpoint>() {
        Ok(endpoint) => endpoint.to_string(),
        Err(_) => saved.endpoint.clone(),
    }
}
