//! What the history of the workbench takes after an hour of many messages: the core's own, given
//! events of virtual time as fast as it takes them.

use std::io;
use std::thread;

use sockpit_core::event::{Bytes, Direction, Event, What};
use sockpit_core::history::{History, Limits, Shelf};
use sockpit_core::time::Time;

use super::Bench;
use super::comparison::{Comparison, Contender, Turns};
use super::process;
use super::table::{Target, Unit};

/// Messages a second, and seconds.
const RATE: u64 = 20_000;
const SECONDS: u64 = 3600;

/// In bytes.
const MESSAGE: &[u8; 64] = &[b'x'; 64];

pub(super) fn comparison(bench: &Bench) -> Comparison<'_> {
    let budget = Limits::default().memory as f64;
    let hour = || {
        let messages = usize::try_from(RATE * SECONDS).expect("there are some millions");
        process::figures::<2>(&mut bench.load("history", 0, messages))
    };
    let title = "history: memory after 1 h of 20,000 messages of 64 bytes a second";
    Comparison::new(
        format!("{title}, as it reckons itself"),
        Unit::Bytes,
        vec![
            Contender::new("the history of `sockpit ui`", hour)
                .with_target(Target::AtMost(budget))
                .with_target(Target::AtMost(budget)),
        ],
    )
    .with_aspect(
        "-resident",
        format!("{title}, the most that its process grew by"),
        Unit::Bytes,
    )
    .with_turns(Turns::Once)
}

/// Gives a history so many messages, on a thread of its own as the workbench does; the most bytes by
/// its own count, and by how many the process's memory grew at most.
pub(super) fn fill(messages: usize) -> io::Result<String> {
    let keeper = thread::spawn(move || keep(messages));
    let result = keeper.join();
    result.unwrap_or_else(|_| Err(io::Error::other("the history failed")))
}

fn keep(messages: usize) -> io::Result<String> {
    let before = process::status(std::process::id(), "VmRSS")?;
    let mut history = History::new(Limits::default(), Some(Box::new(Nowhere(0))));
    let bytes = Bytes::from_static(MESSAGE);
    let mut most = 0;
    for number in 0..messages as u64 {
        let time = Time::from_nanos(number * (1_000_000_000 / RATE));
        history.take(&Event {
            number: number + 1,
            time,
            session: 1,
            peer: 1,
            what: What::Chunk {
                direction: Direction::In,
                offset: number * bytes.len() as u64,
                bytes: bytes.clone(),
                full_len: None,
            },
        });
        // Once a second of its time.
        if number % RATE == 0 {
            most = history.used().memory.max(most);
        }
    }
    let resident = process::status(std::process::id(), "VmHWM")?;
    Ok(format!("{most} {}", resident.saturating_sub(before)))
}

/// A shelf for bytes that nobody will look at.
struct Nowhere(u64);

impl Shelf for Nowhere {
    fn put(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let place = self.0;
        self.0 += bytes.len() as u64;
        Ok(place)
    }

    fn read(&self, _: u64, _: u64, _: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn free(&mut self, _: u64, _: u64) {}
}
