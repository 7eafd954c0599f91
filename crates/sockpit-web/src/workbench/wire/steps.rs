//! A step of a ladder as a page gets it.

use serde_json::{Value, json};
use sockpit_core::flow::Severity;
use sockpit_core::ladder::state::{Side, State};
use sockpit_core::ladder::step::{Arrow, ArrowKind, Call, CallKind, Step, What};
use sockpit_core::record::Epoch;

use super::super::page::Page;

/// A step, as the one of this place.
pub(super) fn told(step: &Step, index: u64, epoch: Epoch, page: &Page) -> Value {
    let mut told = match &step.what {
        What::Arrow(arrow) => packet(step, arrow, page),
        What::Call(call) => called(step, call),
    };
    if let Some(fields) = told.as_object_mut() {
        fields.insert("i".to_owned(), index.into());
        fields.insert("k".to_owned(), step.conversation.into());
        fields.insert("at".to_owned(), since(step.at, epoch).into());
        fields.insert("since_first".to_owned(), step.since_first.into());
        fields.insert("since_last".to_owned(), step.since_last.into());
        fields.insert("lessons".to_owned(), step.lessons.clone().into());
        let [left, right] = step.states.map(|state| state.map(State::name));
        fields.insert("state".to_owned(), json!({ "left": left, "right": right }));
        fields.insert("p".to_owned(), step.told.map(|told| told.peer).into());
        fields.insert("n".to_owned(), step.told.map(|told| told.number).into());
    }
    told
}

/// A moment on the timeline; what a tap saw before that began is negative.
fn since(at: u64, epoch: Epoch) -> i64 {
    let since = i128::from(at) - i128::from(epoch.0);
    i64::try_from(since).unwrap_or(i64::MAX)
}

fn packet(step: &Step, arrow: &Arrow, page: &Page) -> Value {
    let from = arrow.from();
    let dir = step.told.map(|told| match told.own == from {
        true => "out",
        false => "in",
    });
    let labels = arrow
        .remarks
        .iter()
        .map(|remark| json!({ "text": remark.text, "severity": severity(remark.severity) }));
    let names = |states: &[State]| states.iter().map(|state| state.name()).collect::<Vec<_>>();
    let (left, right) = (names(&arrow.moves.left), names(&arrow.moves.right));
    let segment = arrow.segment;
    let writes = arrow.writes.map(|(first, last)| {
        page.say(&match first == last {
            true => format!("write {first}"),
            false => format!("writes {first}–{last}"),
        })
    });
    let mut told = json!({
        "kind": "packet",
        "side": null,
        "from": side(from),
        "dir": dir,
        "title": arrow.parts.join(" "),
        "parts": arrow.parts,
        "labels": labels.collect::<Vec<_>>(),
        "payload": arrow.payload,
        "look": match arrow.kind {
            ArrowKind::Plain => "plain",
            ArrowKind::Again => "again",
            ArrowKind::Broken => "broken",
        },
        "frame": arrow.frame,
        "flags": segment.map(|segment| segment.flags.to_string()),
        "seq": segment.map(|segment| segment.seq),
        "ack": segment.and_then(|segment| segment.ack),
        "win": segment.map(|segment| segment.window),
        "off": arrow.bytes.map(|bytes| bytes.0),
        "len": match (arrow.bytes, segment) {
            (Some((start, end)), _) => Some(end.saturating_sub(start)),
            (None, Some(segment)) => Some(segment.len as u64),
            (None, None) => None,
        },
        "joins": writes,
        "moves": { "left": left, "right": right },
    });
    if let Some(fields) = told.as_object_mut() {
        match arrow.kind {
            ArrowKind::Plain => {}
            ArrowKind::Again => drop(fields.insert("lost".to_owned(), true.into())),
            ArrowKind::Broken => drop(fields.insert("rst".to_owned(), true.into())),
        }
    }
    told
}

fn called(step: &Step, call: &Call) -> Value {
    let kind = match call.kind {
        CallKind::Write => "write",
        CallKind::Read => "read",
        CallKind::Life => "life",
        CallKind::Told => "told",
        CallKind::Fault => "fault",
    };
    let dir = match call.kind {
        CallKind::Write => Some("out"),
        CallKind::Read => Some("in"),
        _ => None,
    };
    let place = step.told.map(|told| match told.own == call.side {
        true => "local",
        false => "remote",
    });
    let title = match call.name.is_empty() {
        true => call.text.clone(),
        false => format!("{} {}", call.name, call.text),
    };
    let joins = Some(call.carriers()).filter(|joins| !joins.is_empty());
    json!({
        "kind": kind,
        "side": place,
        "from": side(call.side),
        "dir": dir,
        "title": title,
        "parts": [],
        "labels": [],
        "payload": call.payload,
        "look": "plain",
        "frame": null,
        "flags": null,
        "seq": null,
        "ack": null,
        "win": null,
        "off": call.bytes.map(|bytes| bytes.0),
        "len": call.bytes.map(|(start, end)| end.saturating_sub(start)),
        "joins": joins,
        "moves": { "left": [], "right": [] },
    })
}

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Right => "right",
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Chat => "chat",
        Severity::Note => "note",
        Severity::Warn => "warn",
        Severity::Error => "error",
    }
}
