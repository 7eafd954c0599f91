//! Packets into a capture file, each with the messages that it carries.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use sockpit_core::transcript::{Options, Transcript};

use super::BATCH;
use crate::bus::Tap;
use crate::clock::Clock;

/// What makes the file.
const APPLICATION: &str = concat!("sockpit ", env!("CARGO_PKG_VERSION"));

/// How often packets that wait for their messages are looked at, where no event does it.
const LOOK: Duration = Duration::from_millis(100);

/// Begins a file with its head.
pub(super) fn begin(mut file: &File, options: Options) -> io::Result<Transcript> {
    let mut head = Vec::new();
    let transcript = Transcript::begin(APPLICATION, options, &mut head);
    file.write_all(&head)?;
    Ok(transcript)
}

/// Writes what a tap gives until it has ended.
pub(super) fn record(tap: &mut Tap, mut file: File, mut transcript: Transcript) -> io::Result<()> {
    let epoch = tap.epoch();
    let clock = Clock::since(epoch);
    let mut blocks = Vec::with_capacity(BATCH);
    loop {
        let deadline = transcript.is_waiting().then(|| Instant::now() + LOOK);
        let next = match deadline {
            Some(deadline) => tap.blocking_next_before(deadline),
            None => Some(tap.blocking_next()),
        };
        match next {
            Some(Some(event)) => {
                let mut next = Some(event);
                while let Some(event) = next.take() {
                    transcript.push(&event, epoch, &mut blocks);
                    if blocks.len() < BATCH {
                        next = tap.try_next();
                    }
                }
            }
            Some(None) => break,
            None => transcript.settle(clock.now(), &mut blocks),
        }
        // Whole blocks.
        file.write_all(&blocks)?;
        blocks.clear();
    }
    transcript.finish(&mut blocks);
    file.write_all(&blocks)?;
    match transcript.left_out() {
        0 => Ok(()),
        count => Err(io::Error::other(format!(
            "{count} packets are not in it, as a file has packets of one link type"
        ))),
    }
}
