//! Rooms: those that were joined here, and those that are served here.
//!
//! ```text
//!  page ─ call ─▶ Rooms ─▶ Stay: a guest, over one link after the other ─▶ a room
//!    ▲                      │ what it tells                Host ─▶ a room of our own
//!    └── news, lines ◀── Book
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::bell::Topic;
use super::bench::Bench;
use super::call::{Answer, With};
use super::complaint::Complaint;
use super::page::Page;

mod book;
mod host;
mod stay;

use book::Book;
use host::Host;
use stay::Stay;

/// Rooms at once, at most.
const MOST_ROOMS: usize = 64;

/// Lines in one answer, at most.
const MOST_LINES: usize = 500;

/// What all pages share of it.
#[derive(Default)]
pub(super) struct Rooms {
    rooms: Mutex<BTreeMap<u64, Arc<Room>>>,
    count: Mutex<u64>,
}

/// One entry of the page of rooms.
enum Room {
    Joined(Stay),
    Served(Host),
}

impl Room {
    fn book(&self) -> &Arc<Book> {
        match self {
            Self::Joined(stay) => &stay.book,
            Self::Served(host) => &host.book,
        }
    }

    async fn close(&self) {
        match self {
            Self::Joined(stay) => stay.close().await,
            Self::Served(host) => host.close().await,
        }
    }
}

impl Rooms {
    fn room(&self, id: u64) -> Result<Arc<Room>, Complaint> {
        let rooms = self.rooms.lock().expect("no holder panics");
        let room = rooms.get(&id).cloned();
        room.ok_or_else(|| Complaint::new(format!("there is no room {id}")))
    }

    /// Whether there may be another one.
    fn check_room(&self) -> Result<(), Complaint> {
        match self.rooms.lock().expect("no holder panics").len() {
            MOST_ROOMS.. => Err(Complaint::new(format!(
                "{MOST_ROOMS} rooms are there already; leave one"
            ))),
            _ => Ok(()),
        }
    }

    fn keep(&self, room: Room) -> u64 {
        let mut count = self.count.lock().expect("no holder panics");
        *count += 1;
        let mut rooms = self.rooms.lock().expect("no holder panics");
        rooms.insert(*count, Arc::new(room));
        *count
    }

    fn all(&self) -> Vec<(u64, Arc<Room>)> {
        let rooms = self.rooms.lock().expect("no holder panics");
        let rooms = rooms.iter();
        rooms.map(|(id, room)| (*id, room.clone())).collect()
    }
}

/// Carries out a call.
pub(super) async fn answer(bench: &Shared, page: &Arc<Page>, op: &str, with: With) -> Answer {
    match op {
        "room.join" => {
            bench.rooms.check_room()?;
            let stay = Stay::begin(bench, with.read()?).await?;
            let id = bench.rooms.keep(Room::Joined(stay));
            bench.changed(Topic::Rooms);
            Ok(json!({ "room": id }))
        }
        "room.serve" => {
            bench.rooms.check_room()?;
            let host = Host::begin(bench, page.language(), with.read()?).await?;
            let (local, urls) = (host.book.local(), host.book.urls());
            let id = bench.rooms.keep(Room::Served(host));
            bench.changed(Topic::Rooms);
            Ok(json!({ "room": id, "local": local, "urls": urls }))
        }
        "room.say" => {
            let Say { room, text, r#in } = with.read()?;
            match &*bench.rooms.room(room)? {
                Room::Joined(stay) => stay.say(&text, r#in).await?,
                Room::Served(host) => host.say(text).await?,
            }
            Ok(Value::Null)
        }
        "room.turn" => {
            let Turn { room, r#in } = with.read()?;
            match &*bench.rooms.room(room)? {
                Room::Joined(stay) => stay.turn(&r#in).await?,
                Room::Served(_) => {
                    return Err(Complaint::new("one talks in a room by joining it"));
                }
            }
            Ok(Value::Null)
        }
        "room.leave" => {
            let Id { room: id } = with.read()?;
            let room = bench.rooms.room(id)?;
            room.close().await;
            bench
                .rooms
                .rooms
                .lock()
                .expect("no holder panics")
                .remove(&id);
            bench.changed(Topic::Rooms);
            Ok(Value::Null)
        }
        "room.lines" => {
            let Lines { room, from, count } = with.read()?;
            let room = bench.rooms.room(room)?;
            Ok(room.book().lines(from, count.min(MOST_LINES), page))
        }
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Say {
    room: u64,
    text: String,
    r#in: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    room: u64,
    r#in: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    room: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    room: u64,
    from: u64,
    count: usize,
}

/// The whole state of a topic.
pub(super) async fn news(bench: &Shared, page: &Arc<Page>, _topic: Topic) -> Option<Value> {
    let all = bench.rooms.all();
    Some(
        all.iter()
            .map(|(id, room)| room.book().told(*id, page))
            .collect(),
    )
}

/// Ends what runs, in order.
pub(super) async fn close(bench: &Bench) {
    let all = bench.rooms.all();
    let closing = all.iter().map(|(_, room)| room.close());
    futures_util::future::join_all(closing).await;
}
