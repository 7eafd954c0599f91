//! The lens beside the conversation: its pictures, written by a thread of its own.
//!
//! Stdout holds data, so the pictures go to stderr, unless stdout was asked to hold nothing. On a
//! terminal they are drawn whenever the conversation is quiet, elsewhere when it is over.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use sockpit_core::lens::{self, Options};
use sockpit_core::plan::Plan;
use sockpit_engine::Handle;
use sockpit_engine::bus::{Scope, Tap, TapId, TapLimit};
use sockpit_engine::stdio::{self, Patient};
use tokio::sync::oneshot;

use super::{Form, screen};

/// What may wait for the pictures to be written. Sessions pause beyond it, for as long as it takes.
const LIMIT: TapLimit = TapLimit {
    bytes: 4 * 1024 * 1024,
    patience: None,
};

/// After so long without an event a conversation is quiet enough to be drawn.
const QUIET: Duration = Duration::from_millis(200);

/// In bytes: rows of a conversation that is never quiet are drawn without waiting for that.
const MAX_LAG: usize = 64 * 1024;

/// Columns where there is no terminal to ask.
const WIDTH: usize = 100;

/// The drawing thread.
pub(crate) struct Lens {
    tap: TapId,
    done: oneshot::Receiver<()>,
    /// Lets it draw the rest.
    release: oneshot::Sender<()>,
}

/// Where the pictures go.
enum Paper {
    Stdout(Patient),
    Stderr,
}

impl Lens {
    /// Subscribes to everything, and draws it until it is stopped or the workbench is gone.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it gives no thread or no descriptor.
    pub(crate) async fn start(handle: &Handle, plan: &Plan, form: Form) -> io::Result<Self> {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (paper, is_terminal, columns) = match form {
            Form::None => (
                Paper::Stdout(Patient::stdout()?),
                stdout.is_terminal(),
                stdio::columns(stdout.as_fd()),
            ),
            _ => (
                Paper::Stderr,
                stderr.is_terminal(),
                stdio::columns(stderr.as_fd()),
            ),
        };
        let options = Options {
            width: columns.unwrap_or(WIDTH),
            has_colour: is_terminal && super::wants_colour(),
            charset: plan.text,
            framing: Some(plan.framing.clone()),
            ..Options::default()
        };
        let tap = handle.tap(LIMIT, Scope::Everything).await;
        let id = tap.id();
        let (sender, done) = oneshot::channel();
        let (release, released) = oneshot::channel();
        std::thread::Builder::new()
            .name("sockpit-lens".to_owned())
            .spawn(move || {
                draw(tap, options, paper, is_terminal, released);
                // Who could not wait any longer has left.
                let _ = sender.send(());
            })?;
        Ok(Self {
            tap: id,
            done,
            release,
        })
    }

    /// How it draws on stdout, for one who brings the events.
    pub(crate) fn options() -> Options {
        let stdout = io::stdout();
        Options {
            width: stdio::columns(stdout.as_fd()).unwrap_or(WIDTH),
            has_colour: stdout.is_terminal() && super::wants_colour(),
            ..Options::default()
        }
    }

    /// Draws what is left, and stops.
    pub(crate) async fn stop(self, handle: &Handle) {
        handle.end_tap(&self.tap);
        self.finish().await;
    }

    /// Draws the rest and waits for that; the workbench must be gone, and what else is shown of the
    /// conversation written.
    pub(crate) async fn finish(self) {
        // A thread that is gone needs no leave.
        let _ = self.release.send(());
        // A thread that is gone draws no more.
        let _ = self.done.await;
    }
}

fn draw(
    mut tap: Tap,
    options: Options,
    mut paper: Paper,
    is_live: bool,
    released: oneshot::Receiver<()>,
) {
    let mut lens = lens::Lens::new(options);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    else {
        return;
    };
    let mut lines = String::new();
    runtime.block_on(async {
        loop {
            let is_quiet = match tokio::time::timeout(QUIET, tap.next()).await {
                Ok(Some(event)) => {
                    lens.push(0, &event);
                    lines.push_str(&lens.take());
                    false
                }
                Ok(None) => break,
                Err(_) => {
                    if is_live {
                        lines.push_str(&lens.draw());
                    }
                    true
                }
            };
            // The timeline of the same bytes is drawn first.
            if !is_live || is_quiet || lines.len() > MAX_LAG {
                if !paper.write(&lines) {
                    return;
                }
                lines.clear();
            }
        }
        // Who has ended without a word has left, too.
        let _ = released.await;
        lines.push_str(&lens.finish());
        paper.write(&lines);
    });
}

impl Paper {
    /// Writes whole lines; `false` once nobody can read them.
    fn write(&mut self, lines: &str) -> bool {
        if lines.is_empty() {
            return true;
        }
        let lines = &*super::language::around_rows(lines);
        match self {
            Self::Stdout(stdout) => {
                screen::show(lines) || stdout.write_all(lines.as_bytes()).is_ok()
            }
            Self::Stderr => {
                screen::show(lines) || io::stderr().lock().write_all(lines.as_bytes()).is_ok()
            }
        }
    }
}
