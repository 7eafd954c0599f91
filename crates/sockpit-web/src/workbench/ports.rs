//! Ports: who holds them, and how they are freed.
//!
//! Only what a page was shown can be ended from it: the very process that it was, with the time at
//! which it began, at the very place.

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::time::TimeSpan;
use sockpit_engine::cause_text;
use sockpit_engine::doctor::{self, Extent, Holder, Kind, Owner, Protocol, Selection, Signal};

use super::Shared;
use super::call::{Answer, With, waited};
use super::complaint::Complaint;
use super::page::Page;

/// A program has this long to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether a program that goes on has let go.
const LOOK: Duration = Duration::from_millis(100);

/// In milliseconds: the system tells how long a process has run in hundredths of a second, and the
/// clock is asked apart from that.
const SAME_START: u64 = 2000;

/// Processes that a page is taken to have been shown, the latest ones.
const MOST_SHOWN: usize = 20_000;

/// What a page has of its own: the processes that it was shown.
#[derive(Debug, Default)]
pub(super) struct OfPage {
    shown: Mutex<BTreeMap<(u32, Place), u64>>,
}

impl OfPage {
    fn show(&self, owner: &Owner, began: Option<u64>) {
        if let (Some(pid), Some(began), Some(place)) = (owner.pid, began, Place::of(owner)) {
            let mut shown = self.shown.lock().expect("no holder panics");
            if MOST_SHOWN <= shown.len() {
                shown.clear();
            }
            shown.insert((pid, place), began);
        }
    }

    fn has_shown(&self, key: &(u32, Place), began: u64) -> bool {
        let shown = self.shown.lock().expect("no holder panics");
        let shown = shown.get(key);
        shown.is_some_and(|shown| shown.abs_diff(began) <= SAME_START)
    }
}

/// What a process holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Port(u16),
    Path(PathBuf),
}

impl Place {
    fn of(owner: &Owner) -> Option<Self> {
        match (&owner.local, &owner.path) {
            (Some(local), _) => Some(Self::Port(local.port())),
            (None, Some(path)) => Some(Self::Path(path.clone())),
            (None, None) => None,
        }
    }

    /// Who holds it.
    fn owners(&self) -> Vec<Owner> {
        match self {
            Self::Port(port) => doctor::list(&Selection {
                kinds: vec![Kind::Tcp, Kind::Udp],
                ports: vec![*port..=*port],
                extent: Extent::Everything,
            }),
            Self::Path(path) => doctor::unix_owners(path),
        }
    }
}

/// Carries out a call.
pub(super) async fn answer(_bench: &Shared, page: &Arc<Page>, op: &str, with: With) -> Answer {
    match op {
        "ports.list" => list(page, with.read()?).await,
        "ports.end" => end(page, with.read()?).await,
        "ports.free" => free(with.read()?).await,
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    port: Option<u16>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    unix: bool,
}

async fn list(page: &Arc<Page>, list: List) -> Answer {
    let owners = waited(move || owners(&list)).await?;
    let now = now_ms();
    let told = owners.iter().map(|owner| {
        let began = began(owner, now);
        page.ports.show(owner, began);
        row(owner, began)
    });
    Ok(told.collect())
}

fn owners(list: &List) -> Vec<Owner> {
    let mut kinds = vec![Kind::Tcp, Kind::Udp];
    if list.unix && list.port.is_none() {
        kinds.extend([Kind::Unix, Kind::UnixDatagram, Kind::UnixPackets]);
    }
    let selection = Selection {
        kinds,
        ports: list.port.map(|port| port..=port).into_iter().collect(),
        extent: match list.all {
            true => Extent::Everything,
            false => Extent::Holding,
        },
    };
    let found = doctor::list(&selection);
    if found.is_empty() && list.port.is_some() {
        // Nobody holds it outright; whose connections are in the way?
        let extent = Extent::Everything;
        return doctor::list(&Selection {
            extent,
            ..selection
        });
    }
    found
}

/// When a process began, in milliseconds since 1970.
fn began(owner: &Owner, now: u64) -> Option<u64> {
    let since = u64::try_from(owner.since?.as_millis()).ok()?;
    Some(now.saturating_sub(since))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

fn row(owner: &Owner, began: Option<u64>) -> Value {
    let is_mine = owner.pid == Some(std::process::id());
    let path = || owner.path.as_deref().map(|path| path.to_string_lossy());
    let place = match owner.local {
        Some(local) => Some(local.to_string()),
        None => path().map(Into::into),
    };
    json!({
        "transport": owner.kind.text(),
        "local": place,
        "port": owner.local.map(|local| local.port()),
        "state": owner.state.text(),
        "sockets": owner.sockets,
        "backlog": owner.backlog.map(|queue| json!({ "waiting": queue.waiting, "limit": queue.limit })),
        "pid": owner.pid,
        "started": began,
        "program": owner.program,
        "command": owner.command,
        "user": owner.user,
        "hidden": owner.pid.is_none() && owner.uid.is_some(),
        "mine": is_mine,
        "may_end": owner.pid.is_some() && !is_mine && doctor::may_end(owner.uid),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    pid: u32,
    started: u64,
    port: Option<u16>,
    path: Option<PathBuf>,
    #[serde(default)]
    force: bool,
}

async fn end(page: &Arc<Page>, end: End) -> Answer {
    let place = match (end.port, &end.path) {
        (Some(port), None) => Place::Port(port),
        (None, Some(path)) => Place::Path(path.clone()),
        _ => return Err(Complaint::new("the call names either a port or a path")),
    };
    let key = (end.pid, place.clone());
    if !page.ports.has_shown(&key, end.started) {
        return Err(Complaint::new("only what the list shows can be ended")
            .hint("look again: the program may have ended by itself"));
    }
    let signal = match end.force {
        true => Signal::Kill,
        false => Signal::Terminate,
    };
    let ended = waited(move || end_it(&end, &place, signal)).await??;
    let (is_ended, text) = ended;
    Ok(json!({ "ended": is_ended, "text": page.say(&text) }))
}

/// Ends a process, and waits until it has let go.
fn end_it(end: &End, place: &Place, signal: Signal) -> Result<(bool, String), Complaint> {
    let look = || {
        let now = now_ms();
        let mut owners = place.owners();
        // A number may have been given to another process since it was shown.
        owners.retain(|owner| {
            let began = began(owner, now);
            began.is_some_and(|began| began.abs_diff(end.started) <= SAME_START)
        });
        owners
    };
    let found = look();
    let owner = found.iter().find(|owner| owner.pid == Some(end.pid));
    let Some(name) = owner.map(doctor::name_of) else {
        return Ok((true, "it has let go by itself".to_owned()));
    };
    let holder = match Holder::seize(end.pid, look) {
        Ok(Some(holder)) => holder,
        Ok(None) => return Ok((true, format!("{name} has let go by itself"))),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(Complaint::new(format!(
                "{name} is not ended: the system, or this very program, needs it"
            )));
        }
        Err(error) => return Err(cannot(&name, &error)),
    };
    holder
        .signal(signal)
        .map_err(|error| cannot(&name, &error))?;
    let began = Instant::now();
    loop {
        let took = Duration::from_millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(0));
        match holder.wait(LOOK) {
            Ok(true) => {
                return Ok((true, format!("{name}: ended after {}", TimeSpan(took))));
            }
            Ok(false) if !holder.is_among(&look()) => {
                let text = format!("{name}: let go after {}, and goes on", TimeSpan(took));
                return Ok((true, text));
            }
            Ok(false) if began.elapsed() < PATIENCE => {}
            Ok(false) => {
                let word = match signal {
                    Signal::Terminate => "SIGTERM",
                    Signal::Kill => "SIGKILL",
                };
                let text = format!("{name} goes on, {} after {word}", TimeSpan(PATIENCE));
                return Ok((false, text));
            }
            Err(error) => return Err(cannot(&name, &error)),
        }
    }
}

fn cannot(name: &str, error: &io::Error) -> Complaint {
    let complaint = Complaint::new(format!("cannot end {name}: {}", cause_text(error)));
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            complaint.hint("it is another user's; `sudo sockpit ports PORT --kill` ends it")
        }
        _ => complaint,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Free {
    transport: Option<Transport>,
    from: Option<u16>,
    to: Option<u16>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Transport {
    Tcp,
    Udp,
}

async fn free(free: Free) -> Answer {
    let protocol = match free.transport {
        Some(Transport::Udp) => Protocol::Udp,
        Some(Transport::Tcp) | None => Protocol::Tcp,
    };
    let range: Option<RangeInclusive<u16>> = match (free.from, free.to) {
        (None, None) => None,
        (from, to) => Some(from.unwrap_or(1)..=to.unwrap_or(u16::MAX)),
    };
    let found = waited(move || doctor::free_port(&[protocol], range)).await?;
    match found {
        Ok(Some(port)) => Ok(json!({ "port": port })),
        Ok(None) => Err(Complaint::new("none of these ports is free")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let first = doctor::first_free_for_all();
            let complaint = Complaint::new(format!("ports below {first} belong to root"));
            Err(complaint.hint(format!("take a range from {first} on")))
        }
        Err(error) => Err(Complaint::new(format!(
            "cannot look for a free port: {}",
            cause_text(&error)
        ))),
    }
}
