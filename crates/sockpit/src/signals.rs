//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::exit::Exit;

/// Both signals, which end the process by themselves no longer from here on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    since: Option<Instant>,
}

impl Signals {
    /// Begins to take the signals. Within a runtime.
    ///
    /// # Errors
    ///
    /// Returns what the system says where it gives no handler.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            since: None,
        })
    }

    /// Waits for the next one, and says which exit code it stands for. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Exit {
        let exit = tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        };
        self.since.get_or_insert_with(Instant::now);
        exit
    }

    /// When the first one came: what is left to do in order has its time from there.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }
}
