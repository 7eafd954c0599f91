//! Who is in the way, in one sentence.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use sockpit_core::text::escape::VisibleLine;

use super::{Owner, State, canonical};

/// Says in one sentence who is in the way of `wanted`, for the hint below an error; `None` without
/// owners.
#[must_use]
pub fn explain(owners: &[Owner], wanted: Option<SocketAddr>) -> Option<String> {
    explain_to(owners, wanted, is_root())
}

/// Whether this process sees everybody's.
pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

pub(super) fn explain_to(
    owners: &[Owner],
    wanted: Option<SocketAddr>,
    is_root: bool,
) -> Option<String> {
    let owner = owners.first()?;
    let left_over = match owner.state {
        State::TimeWait => Some("for up to 60 s after a connection has ended"),
        // A program that is left has a user, even where it is hidden.
        State::Closing if owner.uid.is_none() => Some("until a connection has ended"),
        State::Closing | State::Listening | State::Bound | State::Connected => None,
    };
    if let Some(how_long) = left_over {
        return Some(format!(
            "no program holds it; the system keeps it {how_long}"
        ));
    }
    let user = owner.user.as_deref().map(VisibleLine);
    let how = how(owner, wanted);
    if owner.pid.is_none() {
        let whose = user.map_or_else(String::new, |user| format!(" of user `{user}`"));
        let way_out = if is_root {
            "it is outside of what can be seen from here, such as in a container"
        } else {
            "its name is hidden from you, `sudo` shows it"
        };
        return Some(format!("a process{whose} holds it{how}; {way_out}"));
    }
    let mut said = name_of(owner);
    let pids: BTreeSet<_> = owners.iter().filter_map(|other| other.pid).collect();
    let more = pids.len().saturating_sub(1);
    match more {
        0 => {}
        1 => said.push_str(" and 1 more process"),
        _ => said.push_str(&format!(" and {more} more processes")),
    }
    let (holds, has_held) = if more == 0 {
        ("holds", "has held")
    } else {
        ("hold", "have held")
    };
    Some(match owner.since {
        Some(since) => format!("{said} {has_held} it for {}{how}", rough(since)),
        None => format!("{said} {holds} it{how}"),
    })
}

/// An owner in a few words, with everything visible that it may have chosen:
/// `` `python3` (pid 4121, user root) ``.
#[must_use]
pub fn name_of(owner: &Owner) -> String {
    let user = owner.user.as_deref().map(VisibleLine);
    match (owner.pid, user) {
        (Some(pid), user) => {
            let program = VisibleLine(owner.program.as_deref().unwrap_or("?"));
            let whose = user.map_or_else(String::new, |user| format!(", user {user}"));
            format!("`{program}` (pid {pid}{whose})")
        }
        (None, Some(user)) => format!("a hidden process of user `{user}`"),
        (None, None) => "the system".to_owned(),
    }
}

/// How the owner comes to be in the way, where that is not plain.
fn how(owner: &Owner, wanted: Option<SocketAddr>) -> String {
    let local = owner.local.map(canonical);
    let wanted = wanted.map(canonical);
    let whole = match (local, wanted) {
        (Some(local), Some(wanted)) if local.ip() != wanted.ip() => match owner.is_v6_only {
            Some(false) if local.ip().is_unspecified() && wanted.is_ipv4() => {
                format!(" by `{local}`, which takes IPv4 too")
            }
            _ => format!(" by `{local}`"),
        },
        _ => String::new(),
    };
    match owner.state {
        State::Bound if owner.kind.is_stream() => format!("{whole} without listening"),
        State::Connected | State::Closing if owner.kind.is_stream() => {
            format!("{whole} as its end of a connection")
        }
        _ => whole,
    }
}

/// A length of time in its largest unit, rounded down.
#[must_use]
pub fn rough(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
