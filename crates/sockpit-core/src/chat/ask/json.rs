//! Requests as objects of JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Ask, Mistake, Request};

/// Said of a `kind` that there is not.
pub const MISSPELT: &str =
    "text, me, direct, nick, join, leave, rooms, who, topic, history, ping, quit, help";

/// A request as it is written.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<usize>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<Value>,
}

impl Request {
    /// Reads an object. What it does not know in it, it passes over.
    #[must_use]
    pub fn of_json(line: &str) -> Self {
        let mistake = |why: String| Ask::Mistake(Mistake::Json(why)).into();
        if !line.trim_start().starts_with('{') {
            // An array of its fields would do, too.
            return mistake("it begins with `{`".to_owned());
        }
        let mut object: Object = match serde_json::from_str(line) {
            Ok(object) => object,
            Err(error) => return mistake(error.to_string()),
        };
        let reference = object.reference.take();
        let ask = ask_of(object);
        Self { ask, reference }
    }

    /// Writes it as an object; `None` where it is none, as what only the visitor hears.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        let mut object = object_of(&self.ask)?;
        object.reference.clone_from(&self.reference);
        Some(serde_json::to_string(&object).expect("texts and numbers are JSON"))
    }
}

fn ask_of(object: Object) -> Ask {
    let Object {
        kind,
        room,
        to,
        text,
        lines,
        ..
    } = object;
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let kind = match kind.as_str() {
        "" if to.is_some() => "direct",
        "" => "text",
        kind => kind,
    };
    let wanted = |text: Option<String>, usage, make: &dyn Fn(String) -> Ask| {
        let text = text.filter(|text| !text.trim().is_empty());
        text.map_or(Ask::Mistake(Mistake::Wants(usage)), make)
    };
    match kind {
        "text" => wanted(text, "\"text\"", &|text| Ask::Text {
            room: room.clone(),
            text,
        }),
        "me" => wanted(text, "\"text\"", &|text| Ask::Me {
            room: room.clone(),
            text,
        }),
        "direct" => match to.filter(|to| !to.is_empty()) {
            Some(to) => wanted(text, "\"text\"", &|text| Ask::Direct {
                to: to.clone(),
                text,
            }),
            None => Ask::Mistake(Mistake::Wants("\"to\"")),
        },
        "nick" => wanted(text, "\"text\"", &Ask::Nick),
        "join" => wanted(room, "\"room\"", &Ask::Join),
        "leave" => Ask::Leave(room),
        "rooms" => Ask::Rooms,
        "who" => Ask::Who(room),
        "topic" => Ask::Topic { room, text },
        "history" => Ask::History { room, lines },
        "ping" => Ask::Ping(text.unwrap_or_default()),
        "quit" => Ask::Quit(text.unwrap_or_default()),
        "help" => Ask::Help,
        _ => Ask::Mistake(Mistake::Wants(MISSPELT)),
    }
}

fn object_of(ask: &Ask) -> Option<Object> {
    let of = |kind: &str| Object {
        kind: Some(kind.to_owned()),
        ..Object::default()
    };
    let text_of = |kind, text: &str| Object {
        text: Some(text.to_owned()),
        ..of(kind)
    };
    Some(match ask {
        Ask::Line(text) => text_of("text", text),
        Ask::Text { room, text } => Object {
            room: room.clone(),
            ..text_of("text", text)
        },
        Ask::Me { room, text } => Object {
            room: room.clone(),
            ..text_of("me", text)
        },
        Ask::Direct { to, text } => Object {
            to: Some(to.clone()),
            ..text_of("direct", text)
        },
        Ask::Nick(text) => text_of("nick", text),
        Ask::Join(room) => Object {
            room: Some(room.clone()),
            ..of("join")
        },
        Ask::Leave(room) => Object {
            room: room.clone(),
            ..of("leave")
        },
        Ask::Rooms => of("rooms"),
        Ask::Who(room) => Object {
            room: room.clone(),
            ..of("who")
        },
        Ask::Topic { room, text } => Object {
            room: room.clone(),
            text: text.clone(),
            ..of("topic")
        },
        Ask::History { room, lines } => Object {
            room: room.clone(),
            lines: *lines,
            ..of("history")
        },
        Ask::Ping(text) => text_of("ping", text),
        Ask::Quit(text) => text_of("quit", text),
        Ask::Help => of("help"),
        Ask::Json(_)
        | Ask::Echo(_)
        | Ask::Charset(_)
        | Ask::Own(_)
        | Ask::Mistake(_)
        | Ask::Blank
        | Ask::Ended => return None,
    })
}
