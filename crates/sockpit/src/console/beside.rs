//! What is drawn beside the conversation, by a thread of its own: the lens, the ladder, the packets.
//!
//! Stdout holds data, so these go to stderr, unless stdout was asked to hold nothing. On a terminal
//! they are drawn as the conversation goes, a moment behind it, elsewhere when it is over.

mod ladder;
mod lens;
mod pace;
mod packets;

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::Instant;

use sockpit_core::event::Event;
use sockpit_core::record::Epoch;
use sockpit_engine::Handle;
use sockpit_engine::bus::{Scope, TapId, TapLimit};
use sockpit_engine::stdio::{self, Patient};
use tokio::sync::oneshot;

use super::feed::{Feed, Order};
use super::{Form, screen};

pub(crate) use ladder::{Ladder, Picture};
pub(crate) use lens::Lens;
use pace::{Moment, Pace};
pub(crate) use packets::Packets;

/// What may wait for the drawings to be written. Sessions pause beyond it, for as long as it takes.
const LIMIT: TapLimit = TapLimit {
    bytes: 4 * 1024 * 1024,
    patience: None,
};

/// In bytes: more lines than that are written at once.
const MAX_LAG: usize = 64 * 1024;

/// Columns where there is no terminal to ask.
const WIDTH: usize = 100;

/// What turns events into lines. They are written as they are.
pub(crate) trait Drawing: Send {
    /// Takes the next event.
    fn push(&mut self, event: &Event);
    /// The lines that nothing can change any more.
    fn take(&mut self) -> String;
    /// More of them, as the conversation is quiet.
    fn settle(&mut self) -> String;
    /// More of them, as the conversation goes on without being quiet.
    fn go_on(&mut self) -> String {
        String::new()
    }
    /// The rest.
    fn finish(&mut self) -> String;
    /// Takes when the timeline began.
    fn begin(&mut self, epoch: Epoch) {
        let _ = epoch;
    }
    /// When it is to settle, where it is drawn as the conversation goes.
    fn due(&self) -> Option<Instant> {
        None
    }
    /// Whether it is wanted to its end, even where nobody reads its lines any more.
    fn outlives_its_reader(&self) -> bool {
        false
    }
    /// Takes an event before it is told or drawn, whatever stdout gets.
    fn observe(&mut self, event: &Event) {
        let _ = event;
    }
    /// How a fault is told.
    fn telling(&mut self, event: &Event) -> Telling {
        let _ = event;
        Telling::Usual
    }
    /// What went wrong, which nobody was told.
    fn failure(&mut self) -> Option<String> {
        None
    }
}

/// How people are told of a fault.
pub(crate) enum Telling {
    /// With the number of the peer.
    Usual,
    /// With words for the peer, and what would help.
    Of { whom: String, hint: Option<String> },
    /// It is no matter of theirs.
    Untold,
}

/// What a drawing is drawn on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canvas {
    /// In columns.
    pub(crate) width: usize,
    pub(crate) has_colour: bool,
    /// When the timeline began.
    pub(crate) epoch: Epoch,
}

impl Canvas {
    /// Stdout, for one who brings the events.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        Self {
            width: stdio::columns(stdout.as_fd()).unwrap_or(WIDTH),
            has_colour: stdout.is_terminal() && super::wants_colour(),
            epoch: Epoch::default(),
        }
    }
}

/// The drawing thread.
pub(crate) struct Beside {
    tap: TapId,
    done: oneshot::Receiver<Option<String>>,
    /// Lets it draw the rest.
    release: oneshot::Sender<()>,
}

/// Where drawings go.
enum Paper {
    Stdout(Patient),
    Stderr,
}

impl Beside {
    /// Subscribes to everything, and draws it until it is stopped or the workbench is gone.
    ///
    /// `form` is what stdout holds; `has_packets` says whether some events come late.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it gives no thread or no descriptor.
    pub(crate) async fn start<D: Drawing + 'static>(
        handle: &Handle,
        form: Form,
        has_packets: bool,
        make: impl FnOnce(Canvas) -> D,
    ) -> io::Result<Self> {
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
        let tap = handle.tap(LIMIT, Scope::Everything).await;
        let id = tap.id();
        let drawing = make(Canvas {
            width: columns.unwrap_or(WIDTH),
            has_colour: is_terminal && super::wants_colour(),
            epoch: tap.epoch(),
        });
        let order = match has_packets {
            true => Order::Happened,
            false => Order::Told,
        };
        let feed = Feed::new(tap, order);
        let (sender, done) = oneshot::channel();
        let (release, released) = oneshot::channel();
        std::thread::Builder::new()
            .name("sockpit-beside".to_owned())
            .spawn(move || {
                let failure = draw(feed, drawing, paper, is_terminal, released);
                // Who could not wait any longer has left.
                let _ = sender.send(failure);
            })?;
        Ok(Self {
            tap: id,
            done,
            release,
        })
    }

    /// Draws what is left, and stops.
    pub(crate) async fn stop(self, handle: &Handle) -> Option<String> {
        handle.end_tap(&self.tap);
        self.finish().await
    }

    /// Draws the rest and waits for that; the workbench must be gone, and what else is shown of the
    /// conversation written. Gives what went wrong.
    pub(crate) async fn finish(self) -> Option<String> {
        // A thread that is gone needs no leave.
        let _ = self.release.send(());
        // A thread that is gone draws no more.
        self.done.await.ok().flatten()
    }
}

fn draw(
    mut feed: Feed,
    mut drawing: impl Drawing,
    mut paper: Paper,
    is_live: bool,
    released: oneshot::Receiver<()>,
) -> Option<String> {
    let mut lines = String::new();
    let mut has_reader = true;
    let mut pace = Pace::default();
    loop {
        let next = match pace.due() {
            Some(due) => feed.next_before(due),
            None => Some(feed.next()),
        };
        if let Some(event) = &next {
            let Some(event) = event else { break };
            drawing.push(event);
            lines.push_str(&drawing.take());
        }
        if is_live {
            let now = Instant::now();
            if next.is_some() {
                pace.hear(now);
            }
            match pace.moment(now) {
                Some(Moment::Quiet) => lines.push_str(&drawing.settle()),
                Some(Moment::Busy) => lines.push_str(&drawing.go_on()),
                // The timeline of the same bytes is drawn first.
                None if lines.len() <= MAX_LAG => continue,
                None => {}
            }
        }
        has_reader = has_reader && paper.write(&lines);
        if !has_reader && !drawing.outlives_its_reader() {
            return None;
        }
        lines.clear();
    }
    // Who has ended without a word has left, too.
    let _ = released.blocking_recv();
    lines.push_str(&drawing.finish());
    if has_reader {
        paper.write(&lines);
    }
    drawing.failure()
}

impl Paper {
    /// Writes whole lines; `false` once nobody can read them.
    fn write(&mut self, lines: &str) -> bool {
        if lines.is_empty() {
            return true;
        }
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
