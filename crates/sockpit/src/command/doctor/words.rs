//! Steps of an examination, for people and as JSON.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::cause_text;
use sockpit_engine::doctor::{self, Answer, Destination, Owner, Step, Way};

use crate::exit::sentence_of;

/// A step in one line, with a word before it; `None` for one that says nothing.
pub(super) fn of(step: &Step) -> Option<(&'static str, String)> {
    Some(match step {
        Step::Name { name, found } => {
            let addrs = match found {
                Ok(addrs) => {
                    let addrs: Vec<_> = addrs.iter().map(|addr| addr.ip().to_string()).collect();
                    addrs.join(", ")
                }
                Err(error) => sentence_of(error),
            };
            match name {
                Some(name) if found.is_ok() => {
                    ("name", format!("{} is {addrs}", VisibleLine(name)))
                }
                None if found.is_ok() => return None,
                _ => ("name", VisibleLine(&addrs).to_string()),
            }
        }
        Step::Way { to, way } => match way {
            Ok(way) => ("route", format!("{to}: {}", way_text(way))),
            Err(error) => ("route", format!("{to}: {}", cause_text(error))),
        },
        Step::File { path, found } => {
            let path = path.to_string_lossy();
            let path = VisibleLine(&path);
            let text = match found {
                Ok(file) if file.is_socket => {
                    format!(
                        "{path}: a socket, mode {:03o}, of uid {}",
                        file.mode, file.uid
                    )
                }
                Ok(_) => format!("{path}: something that is no socket"),
                Err(error) => format!("{path}: {}", cause_text(error)),
            };
            ("file", text)
        }
        Step::Asked { addr, answer } => {
            let whom = addr.map_or_else(|| "the socket".to_owned(), |addr| addr.to_string());
            ("answer", format!("{whom}: {}", answer_text(answer)))
        }
        Step::Holders(owners) if owners.is_empty() => return None,
        Step::Holders(owners) => {
            let owners: Vec<_> = owners.iter().map(holder_text).collect();
            ("here", owners.join("; "))
        }
    })
}

fn way_text(way: &Way) -> String {
    let interface = way.interface.as_deref().unwrap_or("?");
    let interface = VisibleLine(interface);
    let from = way
        .source
        .map(|ip| format!(", from {ip}"))
        .unwrap_or_default();
    match (way.fate, way.gateway) {
        (Destination::Here, _) => "this machine".to_owned(),
        (Destination::Nowhere, _) => "a route of this machine refuses it".to_owned(),
        (Destination::Many, _) => format!("many, by {interface}{from}"),
        (Destination::Elsewhere, Some(gateway)) => format!("router {gateway} by {interface}{from}"),
        (Destination::Elsewhere, None) => format!("the network of {interface}{from}"),
    }
}

/// What came of asking, in a few words.
pub(super) fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Open => "open".to_owned(),
        Answer::Heard => "answered".to_owned(),
        Answer::Taken => "delivered, no answer yet".to_owned(),
        Answer::Unasked => "not asked, as it is for many and nobody refuses".to_owned(),
        Answer::Refused(Some(by)) => format!("refused, by {by}"),
        Answer::Refused(None) => "refused".to_owned(),
        Answer::Unreachable(Some(by), error) => format!("{}, says {by}", cause_text(error)),
        Answer::Silent => "nothing came back".to_owned(),
        Answer::Full => "its backlog is full".to_owned(),
        Answer::OtherKind => "a socket of the other sort".to_owned(),
        Answer::Unreachable(None, error) | Answer::Failed(error) => cause_text(error),
    }
}

fn holder_text(owner: &Owner) -> String {
    let place = match (&owner.local, &owner.path) {
        (Some(local), _) => format!(" {}://{local}", owner.kind.text()),
        _ => String::new(),
    };
    let queue = match owner.backlog {
        Some(queue) => format!(", backlog {}/{}", queue.waiting, queue.limit),
        None => String::new(),
    };
    format!(
        "{} {}{place}{queue}",
        doctor::name_of(owner),
        owner.state.text()
    )
}

/// A step as one object.
pub(super) fn object(step: &Step, took: Duration) -> Value {
    let (kind, fields) = match step {
        Step::Name { name, found } => {
            let addrs = found.as_ref().map(|addrs| {
                addrs
                    .iter()
                    .map(|addr| addr.ip().to_string())
                    .collect::<Vec<_>>()
            });
            let error = found.as_ref().err().map(sentence_of);
            (
                "name",
                json!({ "name": name, "addresses": addrs.unwrap_or_default(), "error": error }),
            )
        }
        Step::Way { to, way } => {
            let error = way.as_ref().err().map(cause_text);
            let way = way.as_ref().ok();
            let fields = json!({
                "to": to.to_string(),
                "interface": way.and_then(|way| way.interface.clone()),
                "gateway": way.and_then(|way| way.gateway).map(|ip| ip.to_string()),
                "source": way.and_then(|way| way.source).map(|ip| ip.to_string()),
                "local": way.map(|way| way.fate == Destination::Here),
                "error": error,
            });
            ("route", fields)
        }
        Step::File { path, found } => {
            let file = found.as_ref().ok();
            let fields = json!({
                "path": path.to_string_lossy(),
                "socket": file.map(|file| file.is_socket),
                "mode": file.map(|file| format!("{:03o}", file.mode)),
                "uid": file.map(|file| file.uid),
                "error": found.as_ref().err().map(cause_text),
            });
            ("file", fields)
        }
        Step::Asked { addr, answer } => {
            let by = match answer {
                Answer::Refused(by) | Answer::Unreachable(by, _) => *by,
                _ => None,
            };
            let fields = json!({
                "to": addr.map(|addr| addr.to_string()),
                "answer": answer_word(answer),
                "by": by.map(|ip| ip.to_string()),
                "message": answer_text(answer),
            });
            ("answer", fields)
        }
        Step::Holders(owners) => {
            let owners: Vec<_> = owners.iter().map(crate::command::ports::object).collect();
            ("holders", json!({ "holders": owners }))
        }
    };
    let mut object = Map::new();
    object.insert("step".to_owned(), json!(kind));
    object.insert("took_ms".to_owned(), json!(took.as_secs_f64() * 1_000.0));
    if let Value::Object(fields) = fields {
        object.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(object)
}

fn answer_word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Open => "open",
        Answer::Heard => "answered",
        Answer::Taken => "delivered",
        Answer::Unasked => "not asked",
        Answer::Refused(_) => "refused",
        Answer::Unreachable(..) => "unreachable",
        Answer::Silent => "silent",
        Answer::Full => "full",
        Answer::OtherKind => "other kind",
        _ => "failed",
    }
}
