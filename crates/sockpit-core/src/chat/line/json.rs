//! Lines for programs: one object of JSON each.

use serde::Serialize;
use serde_json::Value;

use super::{View, Voice};
use crate::chat::entry::{Entry, Id, Kind, moment};
use crate::chat::notice::{Notice, RoomLine};

/// An object; what says nothing is left out.
#[derive(Default, Serialize)]
struct Object<'a> {
    ts: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    room: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    from: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    to: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<&'a [RoomLine]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(skip_serializing_if = "str::is_empty")]
    node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<bool>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Value>,
}

impl Object<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

pub(super) fn entry(entry: &Entry, view: &View) -> String {
    let mut object = Object {
        ts: moment(entry.at),
        room: &entry.room,
        from: &entry.from,
        to: &entry.to,
        kind: entry.kind.as_str(),
        id: Some(entry.id),
        node: &entry.node,
        ..Object::default()
    };
    match view {
        View::Own(reference) => {
            object.kind = "said";
            object.reference = reference.as_ref();
        }
        View::Live | View::Replayed => {
            let has_text = !entry.text.is_empty() || entry.kind == Kind::Topic;
            object.text = has_text.then_some(&entry.text);
            object.replayed = (*view == View::Replayed).then_some(true);
        }
    }
    object.text()
}

pub(super) fn notice(at: u64, notice: &Notice, reference: Option<&Value>, voice: Voice) -> String {
    let said = notice.say(voice.language);
    let mut object = Object {
        ts: moment(at),
        kind: notice.kind(),
        code: notice.code(),
        text: Some(&said),
        reference,
        ..Object::default()
    };
    match notice {
        Notice::Welcome {
            node, room, count, ..
        } => {
            object.node = node;
            object.room = room;
            object.count = Some(*count as u64);
        }
        Notice::Named { nick, .. } => object.from = nick,
        Notice::Entered {
            room,
            topic,
            members,
            count,
        } => {
            object.room = room;
            object.topic = Some(topic);
            object.members = Some(members.iter().map(|name| &**name).collect());
            object.count = Some(*count as u64);
        }
        Notice::Exited { room, .. } | Notice::Current(room) | Notice::NoHistory(room) => {
            object.room = room;
        }
        Notice::Members {
            room,
            members,
            count,
        } => {
            object.room = room;
            object.members = Some(members.iter().map(|name| &**name).collect());
            object.count = Some(*count as u64);
        }
        Notice::Rooms { rooms, count } => {
            object.rooms = Some(rooms);
            object.count = Some(*count as u64);
        }
        Notice::TopicIs { room, topic } => {
            object.room = room;
            object.topic = Some(topic);
        }
        Notice::Pong(text) => object.text = Some(text),
        Notice::Lost(count) | Notice::Flooded(count) => object.count = Some(*count),
        _ => {}
    }
    object.text()
}

/// A character that a charset does not have: it stands in a string, where JSON has its own escape.
pub(super) fn escape(character: char) -> String {
    let mut units = [0; 2];
    let units = character.encode_utf16(&mut units);
    units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
}
