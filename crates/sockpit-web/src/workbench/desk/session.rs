//! The calls of sessions: made, changed, opened, ended.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sockpit_core::plan::Options;
use sockpit_core::scenario::Saved;

use super::seat::peer_told;
use super::sending::{Aim, Target};
use super::{OfSession, compose, done, drive, keep, plan};
use crate::workbench::Shared;
use crate::workbench::bell::Topic;
use crate::workbench::call::{Answer, With};
use crate::workbench::complaint::Complaint;

/// In characters: what a session may be called.
const MAX_NAME: usize = 100;

pub(super) async fn answer(bench: &Shared, op: &str, with: With) -> Answer {
    match op {
        "session.create" => create(bench, with),
        "session.change" => change(bench, with).await,
        "session.duplicate" => duplicate(bench, with),
        "session.save" => keep::save(bench, with).await,
        "session.remove" => keep::remove(bench, with).await,
        "session.import" => keep::import(bench, with).await,
        "session.export" => keep::export(bench, with).await,
        "session.check" => check(with),
        "session.command" => compose::command(bench, with),
        "session.open" => {
            let OfSession { key } = with.read()?;
            drive::open(bench, &bench.desk.seat(&key)?).await
        }
        "session.close" => {
            let OfSession { key } = with.read()?;
            bench.desk.seat(&key)?.leave();
            done()
        }
        "session.reset" => {
            let OfSession { key } = with.read()?;
            bench.desk.seat(&key)?.reset();
            done()
        }
        "session.peers" => {
            let OfSession { key } = with.read()?;
            let peers = match bench.desk.seat(&key)?.session() {
                Some(session) => session.peers().await,
                None => Vec::new(),
            };
            Ok(peers.iter().map(peer_told).collect())
        }
        "session.disconnect" => {
            let OfPeer { key, peer } = with.read()?;
            let (session, _) = bench.desk.seat(&key)?.open_session()?;
            if !session
                .peers()
                .await
                .iter()
                .any(|other| other.number == peer)
            {
                return Err(Complaint::new(format!("peer {peer} is not there")).field("peer"));
            }
            session.disconnect(peer);
            done()
        }
        "session.finish" => {
            let Finish { key, target } = with.read()?;
            let seat = bench.desk.seat(&key)?;
            let (session, plan) = seat.open_session()?;
            if !plan.transport.is_stream() {
                return Err(Complaint::new("a datagram session has no side to end"));
            }
            for target in Aim::of(&session, &target).await?.targets {
                session.finish(target).await;
            }
            done()
        }
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPeer {
    key: String,
    peer: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    key: String,
    target: Target,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    role: String,
    endpoint: String,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    rules: String,
}

fn create(bench: &Shared, with: With) -> Answer {
    let Create {
        name,
        role,
        endpoint,
        options,
        rules,
    } = with.read()?;
    let told = Check {
        role,
        endpoint,
        options,
        rules,
    };
    let saved = drafted(name.trim(), told)?;
    let key = keep::add(bench, saved, None)?;
    Ok(json!({ "key": key }))
}

/// A session as the page tells it, once it is checked.
fn drafted(name: &str, told: Check) -> Result<Saved, Complaint> {
    let mut saved = Saved {
        name: name.to_owned(),
        role: plan::role_of(&told.role)?,
        endpoint: told.endpoint,
        options: Vec::new(),
        reconnects: false,
        rules: told.rules,
    };
    set_options(&mut saved, &told.options)?;
    checked(saved)
}

/// A session that makes a plan and can be saved; options of its endpoint stand among the others.
fn checked(mut saved: Saved) -> Result<Saved, Complaint> {
    if saved.name.is_empty() || saved.name.chars().count() > MAX_NAME {
        let message = format!("a session has a name of at most {MAX_NAME} characters");
        return Err(Complaint::new(message).field("name"));
    }
    if let Some((endpoint, query)) = saved.endpoint.clone().split_once('?') {
        let whole: Result<sockpit_core::endpoint::Endpoint, _> = saved.endpoint.parse();
        let whole = whole.map_err(|error| Complaint::new(error.to_string()).field("endpoint"))?;
        saved.endpoint = endpoint.to_owned();
        for (key, value) in whole.options.iter().filter(|_| !query.is_empty()) {
            let known = Options::key_of(key).map_or(key.as_str(), |known| known);
            saved.options.retain(|(other, _)| other != known);
            saved.options.push((known.to_owned(), value.clone()));
        }
    }
    saved.endpoint = saved.endpoint.trim().to_owned();
    plan::of(&saved)?;
    let saved = saved.tidied();
    saved
        .check()
        .map_err(|error| Complaint::new(error.mistake.to_string()).field("name"))?;
    Ok(saved)
}

/// Takes options as pages tell them, all of them anew.
pub(super) fn set_options(
    saved: &mut Saved,
    options: &Map<String, Value>,
) -> Result<(), Complaint> {
    saved.options.clear();
    saved.reconnects = false;
    for (key, value) in options {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => if *flag { "1" } else { "0" }.to_owned(),
            Value::Null => continue,
            _ => {
                let message = format!("option `{key}` takes a text");
                return Err(Complaint::new(message).field(key.as_str()));
            }
        };
        if key == "reconnect" {
            let switch: sockpit_core::plan::Switch = text.parse().map_err(|error| {
                Complaint::new(format!("option `{key}`: {error}")).field("reconnect")
            })?;
            saved.reconnects = switch.0;
        } else {
            let known = Options::key_of(key).map_or(key.as_str(), |known| known);
            saved.options.push((known.to_owned(), text));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    key: String,
    name: Option<String>,
    role: Option<String>,
    endpoint: Option<String>,
    options: Option<Map<String, Value>>,
    rules: Option<String>,
}

impl Change {
    /// A session with what is changed of it.
    fn made(self, mut saved: Saved) -> Result<Saved, Complaint> {
        if let Some(name) = self.name {
            saved.name = name.trim().to_owned();
        }
        if let Some(role) = self.role {
            saved.role = plan::role_of(&role)?;
        }
        if let Some(endpoint) = self.endpoint {
            saved.endpoint = endpoint;
        }
        if let Some(options) = self.options {
            set_options(&mut saved, &options)?;
        }
        if let Some(rules) = self.rules {
            saved.rules = rules;
        }
        checked(saved)
    }
}

/// Changes a session. One that is open, or on its way, takes up what it can; the rest is for later.
async fn change(bench: &Shared, with: With) -> Answer {
    let change: Change = with.read()?;
    let seat = bench.desk.seat(&change.key)?;
    let (is_adopted, later, awaited) = {
        // One at a time: each goes out from what the one before it has left.
        let seats = bench.desk.seats();
        let former = seat.state().saved.clone();
        let saved = change.made(former)?;
        keep::check_room(&seats, Some(&seat), &saved)?;
        let mut state = seat.state();
        let changed = plan::changed(&state.saved, &saved);
        state.saved = saved;
        // Without a connection, and with none on its way, the next one begins with all of it.
        let counts = state.known.is_some();
        let is_adopted = counts && plan::is_adopted(&changed);
        if is_adopted {
            state.changes += 1;
            seat.changed.notify_one();
        }
        let later = match counts {
            true => plan::for_later(changed),
            false => Vec::new(),
        };
        // What is on its way takes it up by itself.
        let awaited = (is_adopted && state.session.is_some()).then_some(state.changes);
        (is_adopted, later, awaited)
    };
    bench.changed(Topic::Sessions);
    if let Some(changes) = awaited {
        seat.taken_up(changes).await;
        bench.changed(Topic::Sessions);
    }
    Ok(json!({ "adopted": is_adopted, "later": later }))
}

fn duplicate(bench: &Shared, with: With) -> Answer {
    let OfSession { key } = with.read()?;
    let mut saved = bench.desk.seat(&key)?.state().saved.clone();
    let names: Vec<_> = bench
        .desk
        .all()
        .iter()
        .map(|seat| seat.state().saved.name.clone())
        .collect();
    saved.name = keep::unused(&saved.name, |name| names.iter().any(|other| other == name));
    let key = keep::add(bench, saved, None)?;
    Ok(json!({ "key": key }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    role: String,
    endpoint: String,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    rules: String,
}

/// Says what a session would do, or which of its fields is wrong.
fn check(with: With) -> Answer {
    let saved = drafted("session", with.read()?)?;
    let plan = plan::of(&saved)?;
    let explained = plan.to_string();
    // Each line has its label in a column of twelve.
    let rows = explained.lines().map(|line| {
        let (label, value) = line.split_at_checked(12).unwrap_or((line, ""));
        json!([label.trim(), value.trim()])
    });
    Ok(json!({ "explain": rows.collect::<Vec<_>>() }))
}
