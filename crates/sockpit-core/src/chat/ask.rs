//! What a member asks for: a line of text or of commands, or an object of JSON.

use serde_json::Value;

pub use json::MISSPELT;

mod json;

/// One thing that a member asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What.
    pub ask: Ask,
    /// What a program called it, to know its answer by; `ref` of the JSON protocol.
    pub reference: Option<Value>,
}

/// What may be asked for. A room that is not named is the current one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ask {
    /// To say it in a room.
    Text {
        /// Where.
        room: Option<String>,
        /// What.
        text: String,
    },
    /// To tell what one does.
    Me {
        /// Where.
        room: Option<String>,
        /// What.
        text: String,
    },
    /// To say it to one other, or with `#` before the name in a room.
    Direct {
        /// To whom.
        to: String,
        /// What.
        text: String,
    },
    /// To be called so; `nick@room` before the first room.
    Nick(String),
    /// To come into a room, and speak there.
    Join(String),
    /// To leave a room.
    Leave(Option<String>),
    /// Which rooms there are.
    Rooms,
    /// Who is in a room.
    Who(Option<String>),
    /// What a room is about, or that it be about `text`.
    Topic {
        /// Which.
        room: Option<String>,
        /// The new one; empty for none.
        text: Option<String>,
    },
    /// What was said last.
    History {
        /// Where.
        room: Option<String>,
        /// How many lines; as many as somebody gets who comes in, where it is not said.
        lines: Option<usize>,
    },
    /// An answer.
    Ping(String),
    /// To leave, with a word.
    Quit(String),
    /// What there is.
    Help,
    /// JSON from here on, or lines. Only the visitor hears this, as the next two.
    Json(bool),
    /// One's own lines too.
    Echo(bool),
    /// Another charset.
    Charset(String),
    /// Whether the member gets its own lines, as [`Notice`](super::notice::Notice)s or echoes.
    Own(bool),
    /// Something that is not possible.
    Mistake(Mistake),
    /// A line that is no command, of somebody who sends no JSON: [`Ask::Text`], or the answer to the
    /// prompt for a nickname. The visitor makes it.
    Line(String),
    /// Nothing: an empty line, which counts against the limit as others do.
    Blank,
    /// Nothing more: the peer's stream has ended.
    Ended,
}

/// Why what a member sent asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// There is no such command.
    Unknown(String),
    /// A command needs something else.
    Wants(&'static str),
    /// It is no object of the JSON protocol.
    Json(String),
    /// The object is longer than a line may be, in bytes.
    Long(usize),
}

impl From<Ask> for Request {
    fn from(ask: Ask) -> Self {
        Self {
            ask,
            reference: None,
        }
    }
}

impl Request {
    /// Reads a line; `None` where it says nothing.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() {
            return None;
        }
        let ask = match line.strip_prefix('/') {
            // A slash that is doubled is one of the text.
            Some(text) if text.starts_with('/') => Ask::say(text),
            Some(command) => command_of(command),
            None => Ask::say(line),
        };
        Some(ask.into())
    }
}

impl Ask {
    /// To say it in the current room.
    fn say(text: &str) -> Self {
        Self::Text {
            room: None,
            text: text.to_owned(),
        }
    }
}

/// Reads a command, without its slash.
fn command_of(command: &str) -> Ask {
    let (word, rest) = match command.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (command, ""),
    };
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let wanted = |usage, make: fn(String) -> Ask| match rest.is_empty() {
        true => Ask::Mistake(Mistake::Wants(usage)),
        false => make(rest.to_owned()),
    };
    match word.to_ascii_lowercase().as_str() {
        "join" | "j" => wanted("/join ROOM", Ask::Join),
        "leave" | "part" => Ask::Leave(optional(rest)),
        "rooms" | "list" => Ask::Rooms,
        "who" | "names" => Ask::Who(optional(rest)),
        "msg" => match rest.split_once(char::is_whitespace) {
            Some((to, text)) => Ask::Direct {
                to: to.to_owned(),
                text: text.trim().to_owned(),
            },
            None => Ask::Mistake(Mistake::Wants("/msg NICK TEXT")),
        },
        "me" => wanted("/me TEXT", |text| Ask::Me { room: None, text }),
        "topic" => {
            let text = optional(rest).map(|text| if text == "-" { String::new() } else { text });
            Ask::Topic { room: None, text }
        }
        "history" => match rest.parse() {
            Ok(lines) => Ask::History {
                room: None,
                lines: Some(lines),
            },
            Err(_) if rest.is_empty() => Ask::History {
                room: None,
                lines: None,
            },
            Err(_) => Ask::Mistake(Mistake::Wants("/history N")),
        },
        "nick" => wanted("/nick NAME", Ask::Nick),
        "ping" => Ask::Ping(rest.to_owned()),
        "quit" | "exit" => Ask::Quit(rest.to_owned()),
        "help" | "?" => Ask::Help,
        "json" => switch(rest, Ask::Json, "/json on|off"),
        "echo" => switch(rest, Ask::Echo, "/echo on|off"),
        "charset" => wanted("/charset NAME", Ask::Charset),
        _ => Ask::Mistake(Mistake::Unknown(word.to_owned())),
    }
}

fn switch(text: &str, make: fn(bool) -> Ask, usage: &'static str) -> Ask {
    match text.to_ascii_lowercase().as_str() {
        "on" | "" => make(true),
        "off" => make(false),
        _ => Ask::Mistake(Mistake::Wants(usage)),
    }
}

#[cfg(test)]
mod tests;
