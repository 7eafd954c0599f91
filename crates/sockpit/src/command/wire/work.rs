//! Work that takes as long as it takes, on a thread of its own, and is ended by a signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use sockpit_engine::capture::Stopper;
use sockpit_engine::stdio::Departure;
use tokio::sync::oneshot;

use crate::console::{Console, departure};
use crate::exit::{Exit, sentence};
use crate::signals::Signals;

/// How long the end may take once a signal has come: what waits is written, and the sums are told.
/// More than a capture waits for the last packets of dumpcap, which is 5.3 s; a second signal ends
/// it at once.
const PATIENCE: Duration = Duration::from_secs(7);

/// Asks the work to come to its end.
#[derive(Clone, Default)]
pub(super) struct Stop {
    is_asked: Arc<AtomicBool>,
    stopper: Option<Stopper>,
}

impl Stop {
    /// One that a capture hears too.
    pub(super) fn with(stopper: Stopper) -> Self {
        Self {
            is_asked: Arc::default(),
            stopper: Some(stopper),
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }

    fn ask(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
        if let Some(stopper) = &self.stopper {
            stopper.stop();
        }
    }
}

/// Does the work. A reader of stdout who leaves ends it quietly, where `has_reader` (rule A5).
pub(super) fn run(
    stop: &Stop,
    has_reader: bool,
    console: &Console,
    work: impl FnOnce(&Console, &Stop) -> anyhow::Result<Exit> + Send + 'static,
) -> Exit {
    let result = start(stop, has_reader, work);
    result.unwrap_or_else(|error| {
        console.error(&sentence(&error));
        Exit::Usage
    })
}

fn start(
    stop: &Stop,
    has_reader: bool,
    work: impl FnOnce(&Console, &Stop) -> anyhow::Result<Exit> + Send + 'static,
) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut signals, gone) = {
        let _entered = runtime.enter();
        let gone = match has_reader {
            true => departure()?,
            false => Departure::never(),
        };
        (Signals::new()?, gone)
    };
    let (done_sender, mut done) = oneshot::channel();
    let asked = stop.clone();
    thread::Builder::new()
        .name("sockpit-wire".to_owned())
        .spawn(move || {
            // Who could not wait any longer has left.
            let _ = done_sender.send(work(&Console::new(), &asked));
        })?;
    let exit = runtime.block_on(async {
        let ended = tokio::select! {
            biased;
            result = &mut done => return result.context("the work ended early")?,
            exit = signals.next() => exit,
            () = gone.told() => Exit::Done,
        };
        stop.ask();
        tokio::select! {
            biased;
            result = &mut done => match result {
                Ok(Err(error)) => Err(error),
                _ => Ok(ended),
            },
            exit = signals.next() => Ok(exit),
            () = tokio::time::sleep(PATIENCE) => Ok(ended),
        }
    });
    // A thread that still reads stdin must not keep the process.
    runtime.shutdown_background();
    exit
}
