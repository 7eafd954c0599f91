//! Steps of an examination, for people and as JSON.

use sockpit_core::text::escape::VisibleLine;

use super::{Answer, Destination, Owner, Step, Way, name_of};
use crate::error::{Error, cause_text};

/// A step in one line, with a word before it; `None` for one that says nothing.
#[must_use]
pub fn step_text(step: &Step) -> Option<(&'static str, String)> {
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
#[must_use]
pub fn answer_text(answer: &Answer) -> String {
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
    format!("{} {}{place}{queue}", name_of(owner), owner.state.text())
}

/// An error with its cause.
pub(super) fn sentence_of(error: &Error) -> String {
    format!("{error}: {}", cause_text(error.cause()))
}
