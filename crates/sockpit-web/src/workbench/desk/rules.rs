//! The editor of rules, and the box in which they are tried.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::frame::Framing;
use sockpit_core::import;
use sockpit_core::rule::outline::Outline;
use sockpit_core::rule::trial::{TrialAct, TrialStep};
use sockpit_core::rule::{Peer, Rules};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::hex;
use sockpit_core::time::Time;

use super::compose::digits;
use super::plan;
use crate::workbench::call::{Answer, With, told};
use crate::workbench::complaint::Complaint;

/// In bytes: what is tried at once, and what a list of another tool may have.
const MAX_TRIED: usize = 64 * 1024;
const MAX_IMPORTED: usize = 1 << 20;

/// Messages that are tried at once.
const MAX_MESSAGES: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    toml: String,
}

fn read(toml: &str) -> Result<Rules, Complaint> {
    if toml.trim().is_empty() {
        return Ok(Rules::default());
    }
    let rules = Rules::parse(toml, "rules");
    rules.map_err(|error| plan::rule_mistake(&error, toml).field("toml"))
}

/// Says what rules say, in short.
pub(super) fn check(with: With) -> Answer {
    let Text { toml } = with.read()?;
    let outline = Outline::of(&read(&toml)?);
    let rules = outline.rules.iter();
    let rules =
        rules.map(|rule| json!({ "name": rule.name, "when": rule.when, "then": rule.then }));
    Ok(json!({
        "rules": rules.collect::<Vec<_>>(),
        "lists": told(&outline.lists)?,
        "script": told(&outline.script)?,
    }))
}

/// The same, with every field.
pub(super) fn parse(with: With) -> Answer {
    let Text { toml } = with.read()?;
    told(Outline::of(&read(&toml)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Write {
    structure: Outline,
}

pub(super) fn write(with: With) -> Answer {
    let mut with = with.value();
    // What was said for people is not read back.
    let rules = with
        .pointer_mut("/structure/rules")
        .and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
        rule.remove("when");
        rule.remove("then");
    }
    let Write { structure } = With::new(Some(with)).read()?;
    match structure.to_toml() {
        Ok(toml) => Ok(json!({ "toml": toml })),
        Err(error) => Err(Complaint::new(error.to_string()).field(error.field)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Try {
    toml: String,
    text: Option<String>,
    hex: Option<String>,
    charset: Option<String>,
    frame: Option<String>,
    peer: Option<TriedPeer>,
}

/// Who is said to speak.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TriedPeer {
    number: u32,
    addr: String,
}

impl Default for TriedPeer {
    fn default() -> Self {
        Self {
            number: 1,
            addr: "tcp://127.0.0.1:50000".to_owned(),
        }
    }
}

pub(super) fn try_out(with: With) -> Answer {
    let tried: Try = with.read()?;
    let rules = read(&tried.toml)?;
    let charset: Charset = match tried.charset.as_deref() {
        None | Some("") => Charset::UTF_8,
        Some(charset) => charset
            .parse()
            .map_err(|error| Complaint::new(format!("{error}")).field("charset"))?,
    };
    let framing: Framing = match tried.frame.as_deref() {
        None | Some("") => Framing::Raw,
        Some(frame) => frame
            .parse()
            .map_err(|error| Complaint::new(format!("{error}")).field("frame"))?,
    };
    let bytes = match (&tried.text, &tried.hex) {
        (_, Some(digits)) => {
            hex::parse(digits).map_err(|error| Complaint::new(error.to_string()).field("hex"))?
        }
        (text, None) => {
            let text = text.as_deref().unwrap_or_default();
            let encoded = charset.encode(text);
            let encoded =
                encoded.map_err(|error| Complaint::new(error.to_string()).field("text"))?;
            encoded.into_owned()
        }
    };
    if bytes.len() > MAX_TRIED {
        return Err(Complaint::new("at most 64 KiB are tried at once"));
    }
    let messages = messages(&framing, &bytes);
    let parts: Vec<&[u8]> = messages
        .iter()
        .take(MAX_MESSAGES)
        .map(Vec::as_slice)
        .collect();
    let who = tried.peer.unwrap_or_default();
    let peer = Peer {
        number: who.number,
        addr: &who.addr,
        epoch: 0,
    };
    let names: Vec<_> = rules
        .names()
        .map(|name| name.map(ToOwned::to_owned))
        .collect();
    let trial = rules.try_on(&parts, [charset, charset], &peer);
    let step = |step: &TrialStep| {
        let name = names.get(step.rule).cloned().flatten();
        let (bytes, closes, fault) = match &step.act {
            TrialAct::Send(bytes) => (Some(bytes), false, None),
            TrialAct::Close => (None, true, None),
            TrialAct::Fault(why) => (None, false, Some(why)),
        };
        json!({
            "at_ns": u64::try_from((step.at - Time::ZERO).as_nanos()).unwrap_or(u64::MAX),
            "rule": step.rule,
            "name": name,
            "reply_hex": bytes.map(|bytes| digits(bytes)),
            "reply_text": bytes.map(|bytes| charset.decode(bytes).text),
            "closes": closes,
            "fault": fault,
        })
    };
    Ok(json!({
        "steps": trial.steps.iter().map(step).collect::<Vec<_>>(),
        "matched": trial.matched,
        "messages": parts.len(),
        "goes_on": trial.goes_on,
    }))
}

/// What is typed, as messages: cut where people type what cuts, and otherwise one.
fn messages(framing: &Framing, bytes: &[u8]) -> Vec<Vec<u8>> {
    if !matches!(framing, Framing::Lines | Framing::Delimited(_)) {
        return vec![bytes.to_vec()];
    }
    let mut messages = Vec::new();
    let mut decoder = framing.decoder(MAX_TRIED);
    // What is no longer than the limit cannot outgrow it.
    let _ = decoder.push(Time::ZERO, bytes, |frame| {
        messages.push(frame.payload.to_vec());
    });
    decoder.finish(|frame| messages.push(frame.payload.to_vec()));
    messages
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imported {
    text_base64: String,
}

/// Reads the lists of another tool.
pub(super) fn import(with: With) -> Answer {
    let Imported { text_base64 } = with.read()?;
    if text_base64.len() > MAX_IMPORTED / 3 * 4 + 4 {
        return Err(Complaint::new("it is longer than 1 MiB"));
    }
    let bytes = BASE64_STANDARD
        .decode(text_base64)
        .map_err(|_| Complaint::new("what was sent is no base64").field("text_base64"))?;
    let import = import::read(&bytes).map_err(|error| Complaint::new(error.to_string()))?;
    if import.rules.lists().is_empty() {
        return Err(Complaint::new(
            "every entry is empty, or left out; there is nothing to take",
        ));
    }
    let troubles: Vec<_> = import.troubles.iter().map(ToString::to_string).collect();
    Ok(json!({
        "toml": import.to_toml(),
        "notes": import.notes,
        "troubles": troubles,
    }))
}
