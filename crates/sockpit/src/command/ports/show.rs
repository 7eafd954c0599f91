//! Owners as a table and as JSON, and what is said of a port without one.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use sockpit_engine::doctor::{self, Kind, Owner, Protocol, State};

use super::{Args, Search, Target};
use crate::console::Console;

const HEADS: [&str; 9] = [
    "PROTO", "ADDRESS", "STATE", "BACKLOG", "PID", "USER", "AGE", "PROGRAM", "COMMAND",
];

pub(super) fn table(owners: &[Owner], console: &Console) {
    let rows: Vec<_> = owners.iter().map(row).collect();
    console.table(&HEADS, &rows);
    if owners.iter().any(is_hidden) && !doctor::may_end(None) {
        console
            .hint("programs of other users are hidden from you; `sudo sockpit ports` shows them");
    }
}

fn row(owner: &Owner) -> Vec<String> {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let state = match owner.sockets {
        0 | 1 => owner.state.text().to_owned(),
        count => format!("{} ×{count}", owner.state.text()),
    };
    let (program, command) = match (&owner.program, owner.uid, owner.state) {
        (Some(program), _, _) => (program.clone(), owner.command.clone().unwrap_or_default()),
        (None, _, State::TimeWait) => ("(none)".to_owned(), "gone within 60 s".to_owned()),
        (None, None, _) => (
            "(none)".to_owned(),
            "gone when the connection has ended".to_owned(),
        ),
        (None, Some(_), _) => ("(hidden)".to_owned(), String::new()),
    };
    vec![
        owner.kind.text().to_owned(),
        address(owner),
        state,
        owner
            .backlog
            .map(|queue| format!("{}/{}", queue.waiting, queue.limit))
            .unwrap_or_default(),
        number(owner.pid),
        owner.user.clone().unwrap_or_default(),
        owner.since.map(doctor::rough).unwrap_or_default(),
        program,
        command,
    ]
}

fn address(owner: &Owner) -> String {
    let Some(local) = owner.local else {
        return owner
            .path
            .as_deref()
            .map(|path| path.to_string_lossy().into_owned())
            .unwrap_or_default();
    };
    if owner.is_v6_only == Some(false) && local.ip().is_unspecified() {
        format!("{local} +IPv4")
    } else {
        local.to_string()
    }
}

/// There is a program, and its name is not shown to us.
fn is_hidden(owner: &Owner) -> bool {
    owner.pid.is_none() && owner.uid.is_some()
}

/// An owner as one object, in which what is not known is absent.
pub(crate) fn object(owner: &Owner) -> Value {
    let since = owner
        .since
        .and_then(|since| SystemTime::now().checked_sub(since));
    let since = since.and_then(|since| jiff::Timestamp::try_from(since).ok());
    // Whoever asks twice gets the same second.
    let since = since.and_then(|since| since.round(jiff::Unit::Second).ok());
    let fields = [
        ("protocol", Some(json!(owner.kind.text()))),
        (
            "address",
            owner.local.map(|local| json!(local.ip().to_string())),
        ),
        ("port", owner.local.map(|local| json!(local.port()))),
        (
            "path",
            owner
                .path
                .as_deref()
                .map(|path| json!(path.to_string_lossy())),
        ),
        ("state", Some(json!(owner.state.text()))),
        ("sockets", Some(json!(owner.sockets))),
        (
            "backlog",
            owner
                .backlog
                .map(|queue| json!({ "waiting": queue.waiting, "limit": queue.limit })),
        ),
        ("v6_only", owner.is_v6_only.map(Value::from)),
        ("pid", owner.pid.map(Value::from)),
        ("program", owner.program.as_deref().map(Value::from)),
        ("command", owner.command.as_deref().map(Value::from)),
        ("uid", owner.uid.map(Value::from)),
        ("user", owner.user.as_deref().map(Value::from)),
        ("since", since.map(|since| json!(since.to_string()))),
        ("hidden", Some(json!(is_hidden(owner)))),
    ];
    let known = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(known.collect::<Map<_, _>>())
}

/// Says what is known of a target that nobody is listed for; gives whether it is held all the same.
pub(super) fn nobody(target: &Target, search: &Search, args: &Args, console: &Console) -> bool {
    let (text, is_held) = match target {
        Target::Ports(range) if range.start() == range.end() => {
            let port = *range.start();
            let is_taken = |protocol: &Protocol| {
                let found = doctor::free_port(&[*protocol], Some(port..=port));
                matches!(found, Ok(None)).then(|| Kind::from(*protocol).text())
            };
            let taken: Vec<_> = search.protocols().iter().filter_map(is_taken).collect();
            match taken.as_slice() {
                [] if port < doctor::first_free_for_all() && !doctor::may_end(None) => {
                    (format!("{target} is free, for root to take"), false)
                }
                [] => (format!("{target} is free"), false),
                taken => (unlisted(target, &taken.join(" and ")), true),
            }
        }
        Target::Ports(_) => (format!("{target} are held by nobody"), false),
        Target::Name(name) => (leftover(name), false),
    };
    if !args.json {
        console.tell(&format!("{text}\n"));
    }
    is_held
}

/// The system refuses it, and lists nobody who has it.
fn unlisted(target: &Target, protocols: &str) -> String {
    if doctor::lists_bound_sockets() {
        format!("{target} is taken ({protocols}), by somebody whom the system does not list")
    } else {
        format!(
            "{target} is taken ({protocols}), by a socket that is bound without listening, which \
             Linux lists since 6.8"
        )
    }
}

fn leftover(name: &str) -> String {
    if name.starts_with('@') {
        return format!("`{name}` is free");
    }
    match fs::metadata(name) {
        Ok(facts) if facts.file_type().is_socket() => format!(
            "`{name}` is a leftover: its program went without removing it, and nobody has it; \
             `sockpit listen unix:{name}` takes its place"
        ),
        Ok(_) => format!("`{name}` is no socket"),
        Err(_) => format!("`{name}` is free"),
    }
}
