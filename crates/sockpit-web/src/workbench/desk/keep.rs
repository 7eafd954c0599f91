//! What is saved: a file of the project for each session.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use sockpit_core::scenario::{Saved, SavedError};
use sockpit_core::size::ByteSize;
use sockpit_engine::project::{self, FileName, Project};

use super::seat::Seat;
use super::{MAX_SESSIONS, MAX_TOLD, OfSession, done, plan};
use crate::workbench::Shared;
use crate::workbench::bell::Topic;
use crate::workbench::bench::Bench;
use crate::workbench::call::{Answer, With, waited};
use crate::workbench::complaint::Complaint;

/// Reads the saved sessions of the project, once.
pub(super) async fn load(bench: &Shared) {
    bench
        .desk
        .is_loaded
        .get_or_init(|| async {
            let project = bench.project.clone();
            let read = waited(move || read_all(&project)).await;
            for (file, saved) in read.unwrap_or_default() {
                // What has no place is not shown, and stays as it is.
                let _ = add(bench, saved, Some(file));
            }
        })
        .await;
}

/// The files of the project that are a session; what is none is somebody else's.
fn read_all(project: &Project) -> Vec<(FileName, Saved)> {
    let entries = project.list().unwrap_or_default();
    let sessions = entries.into_iter().filter_map(|entry| {
        let text = project.read(&entry.name).ok()?;
        let saved = Saved::parse(&text, entry.name.as_str(), &mut opener(project)).ok()?;
        Some((entry.name, saved))
    });
    sessions.collect()
}

/// Gives the rule file that a session names, which lies beside it.
fn opener(project: &Project) -> impl FnMut(&str) -> Result<Vec<u8>, String> {
    move |name| {
        let name: FileName = name
            .parse()
            .map_err(|error: project::ParseFileNameError| error.to_string())?;
        project
            .read(&name)
            .map(String::into_bytes)
            .map_err(|error| error.to_string())
    }
}

/// Gives a session its place; answers its key.
pub(super) fn add(
    bench: &Bench,
    saved: Saved,
    file: Option<FileName>,
) -> Result<String, Complaint> {
    let key = place(&mut bench.desk.seats(), saved, file)?;
    bench.changed(Topic::Sessions);
    Ok(key)
}

fn place(
    seats: &mut Vec<Arc<Seat>>,
    saved: Saved,
    file: Option<FileName>,
) -> Result<String, Complaint> {
    if seats.len() >= MAX_SESSIONS {
        let message =
            format!("there are {MAX_SESSIONS} sessions, which is as many as there may be");
        return Err(Complaint::new(message).hint("remove one first"));
    }
    check_room(seats, None, &saved)?;
    let stem = match &file {
        Some(file) => file.stem().to_owned(),
        None => FileName::of_name(&saved.name).stem().to_owned(),
    };
    let taken: BTreeSet<_> = seats.iter().map(|seat| seat.key.as_str()).collect();
    let key = unused(&stem, |key| taken.contains(key));
    seats.push(Seat::new(key.clone(), saved, file));
    Ok(key)
}

/// Checks that pages can be told of a session beside the others, in place of what `former` has.
pub(super) fn check_room(
    seats: &[Arc<Seat>],
    former: Option<&Arc<Seat>>,
    saved: &Saved,
) -> Result<(), Complaint> {
    let len = |saved: &Saved| {
        let options = saved.options.iter();
        let options: usize = options.map(|(key, value)| key.len() + value.len()).sum();
        saved.rules.len() + saved.endpoint.len() + options
    };
    let others = seats
        .iter()
        .filter(|seat| former.is_none_or(|former| !Arc::ptr_eq(seat, former)));
    let told: usize = others.map(|seat| len(&seat.state().saved)).sum();
    if told + len(saved) <= MAX_TOLD {
        return Ok(());
    }
    let most = ByteSize(MAX_TOLD);
    let message = format!("the rules of all sessions together have at most {most}");
    Err(Complaint::new(message)
        .hint("remove a session, or make its rules shorter")
        .field("rules"))
}

/// `wanted`, or the first of `wanted 2`, `wanted 3`, … that nobody has.
pub(super) fn unused(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2_u32..).map(|number| format!("{wanted} {number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))
        .unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Save {
    key: String,
    /// Whether a file that somebody else has changed is replaced.
    #[serde(default)]
    force: bool,
}

pub(super) async fn save(bench: &Shared, with: With) -> Answer {
    let Save { key, force } = with.read()?;
    let seat = bench.desk.seat(&key)?;
    let project = bench.project.clone();
    let file = waited(move || write(&project, &seat, force)).await??;
    bench.changed(Topic::Sessions);
    Ok(json!({ "file": file.as_str() }))
}

/// Writes a session into its file, a new one where it has none.
fn write(project: &Project, seat: &Seat, force: bool) -> Result<FileName, Complaint> {
    // Two at a time would make two files of one session.
    let _alone = seat.write_alone();
    let (saved, file, written) = {
        let state = seat.state();
        (
            state.saved.tidied(),
            state.file.clone(),
            state.written.clone(),
        )
    };
    saved
        .check()
        .map_err(|error| Complaint::new(error.mistake.to_string()))?;
    let file = match file {
        Some(file) => over(project, file, &saved, written.filter(|_| !force).as_ref()),
        None => create(project, &saved),
    }?;
    let mut state = seat.state();
    state.file = Some(file.clone());
    state.written = Some(saved.clone());
    // What was changed while it was written is still to be saved.
    if state.saved.tidied() == saved {
        state.saved = saved;
    }
    Ok(file)
}

fn create(project: &Project, saved: &Saved) -> Result<FileName, Complaint> {
    let wanted = FileName::of_name(&saved.name);
    let text = saved.to_toml();
    for number in 1_u32..=1000 {
        let file = match number {
            1 => wanted.clone(),
            number => FileName::of_name(&format!("{} {number}", wanted.stem())),
        };
        match project.create(&file, &text) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Complaint::new(format!(
        "`{wanted}` is there a thousand times already"
    )))
}

/// Writes a session over its file, which holds `written` unless somebody else has been there.
fn over(
    project: &Project,
    file: FileName,
    saved: &Saved,
    written: Option<&Saved>,
) -> Result<FileName, Complaint> {
    let former = match project.read(&file) {
        Ok(former) => former,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let read = Saved::parse(&former, file.as_str(), &mut opener(project));
    if let Some(written) = written
        && !former.is_empty()
        && read.as_ref() != Ok(written)
    {
        return Err(
            Complaint::new(format!("`{file}` was changed by somebody else meanwhile"))
                .hint("look at it; save once more to replace it")
                .field("file"),
        );
    }
    project.write(&file, &saved.write_over(&former))?;
    Ok(file)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remove {
    key: String,
    #[serde(default)]
    file: bool,
}

pub(super) async fn remove(bench: &Shared, with: With) -> Answer {
    let Remove { key, file } = with.read()?;
    let seat = bench.desk.seat(&key)?;
    seat.leave();
    let name = seat.state().file.clone();
    if let Some(name) = name.filter(|_| file) {
        let project = bench.project.clone();
        match waited(move || project.remove(&name)).await? {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    bench
        .desk
        .seats()
        .retain(|other| !Arc::ptr_eq(other, &seat));
    bench.changed(Topic::Sessions);
    bench.changed(Topic::Peers);
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Import {
    name: String,
    toml: String,
}

pub(super) async fn import(bench: &Shared, with: With) -> Answer {
    let Import { name, toml } = with.read()?;
    let (project, text) = (bench.project.clone(), toml.clone());
    let read = waited(move || Saved::parse_all(&text, &name, &mut opener(&project))).await?;
    let sessions = read.map_err(|error| match error {
        SavedError::File(error) => plan::rule_mistake(&error, &toml).field("toml"),
        error => Complaint::new(error.to_string()).field("toml"),
    })?;
    // All of them, or none.
    let keys = {
        let mut seats = bench.desk.seats();
        let before = seats.len();
        let (count, room) = (sessions.len(), MAX_SESSIONS.saturating_sub(before));
        if count > room {
            let message =
                format!("the file has {count} sessions, and there is room for {room} more");
            return Err(Complaint::new(message).hint("remove one first"));
        }
        let keys = sessions.into_iter();
        let keys = keys.map(|saved| place(&mut seats, saved, None)).collect();
        let keys: Result<Vec<String>, Complaint> = keys;
        keys.inspect_err(|_| seats.truncate(before))?
    };
    bench.changed(Topic::Sessions);
    Ok(json!({ "keys": keys }))
}

pub(super) async fn export(bench: &Shared, with: With) -> Answer {
    let OfSession { key } = with.read()?;
    let seat = bench.desk.seat(&key)?;
    let (saved, file) = {
        let state = seat.state();
        (state.saved.tidied(), state.file.clone())
    };
    let project = bench.project.clone();
    let toml = waited(move || {
        let former = file.and_then(|file| project.read(&file).ok());
        former.map_or_else(|| saved.to_toml(), |former| saved.write_over(&former))
    });
    Ok(json!({ "toml": toml.await? }))
}
