//! An output of which little is expected: it is written beside the session, on the thread that is
//! there, for as long as nothing has to wait for it.

use std::io;
use std::sync::Arc;

use sockpit_core::event::{Event, What};
use sockpit_engine::bus::Tap;
use sockpit_engine::stdio::Patient;

use super::super::feed::{Feed, Order};
use super::{BATCH, Bells, Writer, on_thread};

/// What a thread has to go on with.
enum Rest {
    /// Nothing more comes.
    Nothing,
    /// What stdout did not take at once.
    Output,
    /// This event, of which people are told after they have what came before it.
    Event(Arc<Event>),
}

/// Writes what comes until the workbench is gone; what has to be waited for, and what comes after it,
/// on a thread.
pub(super) async fn write(mut writer: Writer, mut tap: Tap, mut stdout: Patient, bells: Bells) {
    let first = match writer.write_at_once(&mut tap, &mut stdout).await {
        Ok(Rest::Output) => None,
        Ok(Rest::Event(event)) => Some(event),
        Ok(Rest::Nothing) => return bells.ring(Ok(())),
        Err(error) => return bells.ring(Err(error)),
    };
    let write = move || {
        writer.flush(&mut stdout)?;
        writer.run(first, Feed::new(tap, Order::Told), stdout)
    };
    // Whoever waits for the bells hears that they are gone.
    let _ = on_thread(bells, write);
}

impl Writer {
    async fn write_at_once(&mut self, tap: &mut Tap, stdout: &mut Patient) -> io::Result<Rest> {
        while let Some(event) = tap.next().await {
            self.look_again(stdout)?;
            let mut next = Some(event);
            while let Some(event) = next.take() {
                if matches!(event.what, What::Fault { .. } | What::Note { .. }) {
                    return Ok(Rest::Event(event));
                }
                self.take(&event, stdout)?;
                if self.out.len() < BATCH {
                    next = tap.try_next();
                }
            }
            if !self.out.is_empty() {
                let written = stdout.write_at_once(&self.out)?;
                self.out.drain(..written);
            }
            if !self.out.is_empty() {
                return Ok(Rest::Output);
            }
        }
        self.end_decoders();
        match self.out.is_empty() {
            true => Ok(Rest::Nothing),
            false => Ok(Rest::Output),
        }
    }
}
