//! From events to stdout, on a thread of its own: a stdout that takes nothing stops that thread and,
//! through the tap, the session, but neither signals nor the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sockpit_core::event::{Direction, Event, What};
use sockpit_core::filter::{Filter, Sieve};
use sockpit_core::plan::Plan;
use sockpit_core::record::{self, Epoch};
use sockpit_core::session::UNREADABLE;
use sockpit_core::text::charset::{Charset, Decoder};
use sockpit_core::text::escape::escape_text;
use sockpit_core::text::hex;
use sockpit_engine::bus::{Scope, TapLimit};
use sockpit_engine::stdio::{Departure, Patient};
use sockpit_engine::{Handle, PACKETS_NOTE};
use tokio::sync::oneshot;

use super::beside::Drawing;
use super::counts::Counts;
use super::feed::{Feed, Order};
use super::look::{Look, SharedLook};
use super::timeline::Timeline;
use super::{Console, Form, Talk, departure, screen};

mod bells;
mod brief;
mod playback;
mod telling;

use bells::{Bells, on_thread, rung};
pub(crate) use playback::Playback;

/// What may wait for stdout to be read. Sessions pause beyond it, for as long as it takes.
const LIMIT: TapLimit = TapLimit {
    bytes: 4 * 1024 * 1024,
    patience: None,
};

/// In bytes: output gathered while more events wait.
const BATCH: usize = 64 * 1024;

/// What an output is to show.
pub(crate) struct Subscription {
    /// What stdout gets.
    pub(crate) form: Form,
    /// How much is told beside it.
    pub(crate) talk: Talk,
    /// Only what it lets through goes to stdout.
    pub(crate) filter: Option<Filter>,
    /// Whether the user may change the form, so that everything must be known.
    pub(crate) may_change: bool,
    /// Whether something else is written to stdout too, so that its reader matters in any case.
    pub(crate) is_shared: bool,
}

/// A terminal is drawn on no more often than people can see.
const PACE: Duration = Duration::from_millis(33);

/// The writing thread.
pub(crate) struct Output {
    /// Rings when a write failed.
    closed: Option<oneshot::Receiver<()>>,
    /// Tells that the reader has left, even if nothing is written; not for terminals and files.
    gone: Departure,
    done: oneshot::Receiver<io::Result<()>>,
    look: SharedLook,
    counts: Arc<Mutex<Counts>>,
}

impl Output {
    /// Subscribes to what is wanted, and writes it until the workbench is gone.
    pub(crate) async fn start(
        handle: &Handle,
        console: &Console,
        plan: &Plan,
        subscription: Subscription,
    ) -> io::Result<Self> {
        Self::begin(handle, console, plan, subscription, Extras::default()).await
    }

    /// The same where little is expected: it is written on the thread that is there, as a task of its
    /// local set, and one of its own is started only for what that would have to wait for.
    pub(crate) async fn start_brief(
        handle: &Handle,
        console: &Console,
        plan: &Plan,
        subscription: Subscription,
    ) -> io::Result<Self> {
        let extras = Extras {
            is_brief: true,
            ..Extras::default()
        };
        Self::begin(handle, console, plan, subscription, extras).await
    }

    /// The same, where text is what `drawing` makes of it, on a terminal and elsewhere.
    pub(crate) async fn start_drawn(
        handle: &Handle,
        console: &Console,
        plan: &Plan,
        subscription: Subscription,
        drawing: impl Drawing + 'static,
    ) -> io::Result<Self> {
        let extras = Extras {
            drawing: Some(Box::new(drawing)),
            ..Extras::default()
        };
        Self::begin(handle, console, plan, subscription, extras).await
    }

    /// The same, of events within `scope` alone.
    pub(crate) async fn start_drawn_within(
        handle: &Handle,
        console: &Console,
        plan: &Plan,
        subscription: Subscription,
        scope: Scope,
        drawing: impl Drawing + 'static,
    ) -> io::Result<Self> {
        let extras = Extras {
            most: Some(scope),
            drawing: Some(Box::new(drawing)),
            ..Extras::default()
        };
        Self::begin(handle, console, plan, subscription, extras).await
    }

    async fn begin(
        handle: &Handle,
        console: &Console,
        plan: &Plan,
        subscription: Subscription,
        extras: Extras,
    ) -> io::Result<Self> {
        let Extras {
            most,
            mut drawing,
            is_brief,
        } = extras;
        let Subscription {
            form,
            talk,
            filter,
            may_change,
            is_shared,
        } = subscription;
        let scope = match (form, talk) {
            _ if may_change => Scope::Everything,
            (Form::None, Talk::Peers) => Scope::Life,
            (Form::None, _) => Scope::Faults,
            _ => Scope::Everything,
        };
        let scope = most.map_or(scope, |most| scope.min(most));
        let tap = handle.tap(LIMIT, scope).await;
        if let Some(drawing) = &mut drawing {
            drawing.begin(tap.epoch());
        }
        let is_terminal = io::stdout().is_terminal();
        let look = SharedLook::new(Look::of(plan, form, filter));
        let counts = Arc::new(Mutex::new(Counts::new()));
        let writer = Writer {
            sieve: None,
            look: look.get(),
            shared: look.clone(),
            seen: u64::MAX,
            counts: counts.clone(),
            talk,
            is_terminal,
            epoch: tap.epoch(),
            decoders: BTreeMap::new(),
            timeline: Timeline::new(plan, is_terminal && super::wants_colour()),
            has_colour: console.has_colour,
            warned: BTreeSet::new(),
            out: Vec::new(),
            drawing,
        };
        let order = match plan.wire && is_terminal {
            true => Order::Happened,
            false => Order::Told,
        };
        let is_brief = is_brief && !is_terminal && writer.drawing.is_none();
        // Where nothing is written, nobody needs to read.
        let gone = match form {
            Form::None if !is_shared => Departure::never(),
            _ => departure()?,
        };
        // Before a session is open, whose peers may take every descriptor that is left.
        let stdout = Patient::stdout()?;
        let (closed_sender, closed) = oneshot::channel();
        let (done_sender, done) = oneshot::channel();
        let bells = Bells {
            closed: closed_sender,
            done: done_sender,
        };
        if is_brief {
            tokio::task::spawn_local(brief::write(writer, tap, stdout, bells));
        } else {
            let feed = Feed::new(tap, order);
            on_thread(bells, move || writer.run(None, feed, stdout))?;
        }
        Ok(Self {
            closed: Some(closed),
            gone,
            done,
            look,
            counts,
        })
    }

    /// What changes it from elsewhere.
    pub(crate) fn remote(&self) -> Remote {
        Remote {
            look: self.look.clone(),
            counts: self.counts.clone(),
        }
    }

    /// Waits until stdout cannot be written to any more. Cancel-safe.
    pub(crate) async fn closed(&mut self) {
        tokio::select! {
            () = rung(&mut self.closed) => {}
            () = self.gone.told() => {}
        }
    }

    /// Waits until everything is written; the workbench must be gone.
    ///
    /// # Errors
    ///
    /// Returns why stdout took no more, unless its reader had left.
    pub(crate) async fn finish(self) -> io::Result<()> {
        match self.done.await {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("its thread has ended")),
        }
    }
}

/// What an output may begin with, beside its subscription.
#[derive(Default)]
struct Extras {
    /// The widest scope of what it shows.
    most: Option<Scope>,
    drawing: Option<Box<dyn Drawing>>,
    /// Whether little is expected.
    is_brief: bool,
}

/// Changes how an output shows things, and asks what it has seen.
#[derive(Clone)]
pub(crate) struct Remote {
    look: SharedLook,
    counts: Arc<Mutex<Counts>>,
}

impl Remote {
    /// Changes how things are shown, from here on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Look)) {
        self.look.change(change);
    }

    /// What came and went until now, in a few words.
    pub(crate) fn stats(&self) -> Vec<String> {
        self.counts.lock().expect("no holder panics").lines()
    }
}

struct Writer {
    look: Look,
    /// The look's filter, at work.
    sieve: Option<Sieve>,
    shared: SharedLook,
    /// Which version of the look is in use; none at first.
    seen: u64,
    counts: Arc<Mutex<Counts>>,
    talk: Talk,
    is_terminal: bool,
    epoch: Epoch,
    /// What decodes each peer's raw stream.
    decoders: BTreeMap<(u32, u32), Decoder>,
    timeline: Timeline,
    has_colour: bool,
    /// Peers whose text was complained of.
    warned: BTreeSet<u32>,
    out: Vec<u8>,
    /// What makes text of events, where that is no timeline.
    drawing: Option<Box<dyn Drawing>>,
}

impl Writer {
    /// Writes what comes until the workbench is gone, and before it `first`, where there is no drawing.
    fn run(
        mut self,
        mut first: Option<Arc<Event>>,
        mut feed: Feed,
        mut stdout: Patient,
    ) -> io::Result<()> {
        let mut drawn: Option<Instant> = None;
        loop {
            let due = self.drawing.as_ref().and_then(|drawing| drawing.due());
            let event = match due.map(|due| feed.next_before(due)) {
                None => first.take().or_else(|| feed.next()),
                Some(Some(event)) => event,
                Some(None) => {
                    self.settle();
                    self.flush(&mut stdout)?;
                    continue;
                }
            };
            let Some(event) = event else { break };
            if let Some(drawn) = drawn {
                // What comes so soon is drawn together with what follows it.
                std::thread::sleep(PACE.saturating_sub(drawn.elapsed()));
            }
            let mut next = Some(event);
            self.look_again(&mut stdout)?;
            while let Some(event) = next.take() {
                self.take(&event, &mut stdout)?;
                if self.out.len() < BATCH {
                    next = feed.try_next();
                }
            }
            // A full batch has more behind it, and does not wait for that.
            let is_calm = self.is_terminal && self.out.len() < BATCH;
            self.flush(&mut stdout)?;
            drawn = is_calm.then(Instant::now);
        }
        self.end_decoders();
        if let Some(drawing) = &mut self.drawing {
            self.out.extend_from_slice(drawing.finish().as_bytes());
        }
        self.flush(&mut stdout)
    }

    /// Takes up what a drawing had held back for a while.
    fn settle(&mut self) {
        if let Some(drawing) = &mut self.drawing {
            self.out.extend_from_slice(drawing.settle().as_bytes());
        }
    }

    /// Takes up how the user wants things shown now.
    fn look_again(&mut self, stdout: &mut Patient) -> io::Result<()> {
        if self.seen == self.shared.version() {
            return Ok(());
        }
        self.seen = self.shared.version();
        let look = self.shared.get();
        if look.charset != self.look.charset || look.is_raw_stream != self.look.is_raw_stream {
            self.end_decoders();
            self.flush(stdout)?;
            self.timeline.look_with(look.charset, look.is_raw_stream);
            self.warned.clear();
        }
        self.sieve = look.filter.clone().map(|filter| {
            Sieve::new(filter, self.timeline.clock(self.epoch)).in_charset(look.charset)
        });
        self.look = look;
        Ok(())
    }

    fn flush(&mut self, stdout: &mut Patient) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        // What a line editor writes are whole lines of text, as are ours on a terminal.
        let is_shown = self.is_terminal && std::str::from_utf8(&self.out).is_ok_and(screen::show);
        if !is_shown {
            stdout.write_all(&self.out)?;
        }
        self.out.clear();
        Ok(())
    }

    fn take(&mut self, event: &Arc<Event>, stdout: &mut Patient) -> io::Result<()> {
        self.counts
            .lock()
            .expect("no holder panics")
            .take(event, self.look.is_raw_stream);
        if self.is_terminal {
            self.timeline.observe(event);
        }
        if let Some(drawing) = &mut self.drawing {
            drawing.observe(event);
        }
        if matches!(event.what, What::Closed { .. }) {
            self.warned.remove(&event.peer);
        }
        if let What::Fault { kind, message, .. } = &event.what
            && let Some(words) = self.words_of(event, *kind, message)
        {
            // What came before it is to be read before it, even where a drawing held it back.
            self.settle();
            self.flush(stdout)?;
            self.tell(&words);
        }
        if let What::Note { kind, message, .. } = &event.what
            && kind == UNREADABLE
            && !self.is_terminal
            && matches!(self.look.form, Form::Text | Form::Both)
        {
            self.flush(stdout)?;
            self.tell_hint(event.peer, message);
        }
        if let What::Note {
            kind,
            message,
            data,
        } = &event.what
            && kind == PACKETS_NOTE
            && data["level"] == "none"
        {
            self.flush(stdout)?;
            self.tell_refusal(message, data["command"].as_str());
        }
        if let (Some(drawing), Form::Text) = (&mut self.drawing, self.look.form) {
            if self.sieve.as_mut().is_none_or(|sieve| sieve.keeps(event)) {
                drawing.push(event);
                self.out.extend_from_slice(drawing.take().as_bytes());
            }
            return Ok(());
        }
        let has_timeline =
            self.is_terminal && matches!(self.look.form, Form::Text | Form::Hex | Form::Both);
        if self.talk >= Talk::Peers && !has_timeline {
            self.tell_life(event);
        }
        if self.sieve.as_mut().is_some_and(|sieve| !sieve.keeps(event)) {
            return Ok(());
        }
        match self.look.form {
            Form::None => {}
            Form::Json => {
                record::write(event, self.epoch, &mut self.out);
                self.out.push(b'\n');
            }
            Form::Raw => {
                if let What::Chunk {
                    direction: Direction::In,
                    bytes,
                    ..
                } = &event.what
                {
                    self.out.extend_from_slice(bytes);
                }
            }
            _ if self.is_terminal => {
                let mut text = String::new();
                self.timeline
                    .write(event, self.epoch, self.look.form, &mut text);
                self.out.extend_from_slice(text.as_bytes());
            }
            Form::Text => self.take_text(event),
            Form::Hex => {
                if let Some(bytes) = self.shown_bytes(event) {
                    self.push_hex(bytes);
                    self.out.push(b'\n');
                }
            }
            Form::Both => self.take_both(event),
        }
        Ok(())
    }

    /// What is shown of an event where messages are shown: chunks of a raw stream, frames otherwise.
    fn shown_bytes<'e>(&self, event: &'e Event) -> Option<&'e [u8]> {
        match &event.what {
            What::Chunk {
                direction: Direction::In,
                bytes,
                ..
            } if self.look.is_raw_stream => Some(bytes),
            What::Frame {
                direction: Direction::In,
                payload,
                ..
            } => Some(payload),
            _ => None,
        }
    }

    fn take_text(&mut self, event: &Event) {
        let key = (event.session, event.peer);
        match (&event.what, self.look.charset) {
            (
                What::Chunk {
                    direction: Direction::In,
                    bytes,
                    ..
                },
                Some(charset),
            ) if self.look.is_raw_stream => {
                let mut text = String::new();
                let decoder = self
                    .decoders
                    .entry(key)
                    .or_insert_with(|| charset.decoder());
                let broken_at = decoder.push(bytes, &mut text);
                self.out.extend_from_slice(text.as_bytes());
                if let Some(at) = broken_at {
                    self.warn_of_text(event.peer, charset, at);
                }
            }
            (
                What::Frame {
                    direction: Direction::In,
                    text: Some(text),
                    payload,
                    malformed,
                    ..
                },
                Some(charset),
            ) => {
                self.out.extend_from_slice(text.as_bytes());
                self.out.push(b'\n');
                if *malformed && let Some(at) = charset.decode(payload).malformed_at {
                    self.warn_of_text(event.peer, charset, at as u64);
                }
            }
            (What::Closed { .. }, _) => {
                if let Some(decoder) = self.decoders.remove(&key) {
                    self.end_decoder(decoder);
                }
            }
            // Without a charset there is no text; the bytes are shown as what they are.
            (_, None) => {
                if let Some(bytes) = self.shown_bytes(event) {
                    self.push_hex(bytes);
                    self.out.push(b'\n');
                }
            }
            _ => {}
        }
    }

    fn take_both(&mut self, event: &Event) {
        let Some(bytes) = self.shown_bytes(event) else {
            return;
        };
        self.push_hex(bytes);
        self.out.push(b'\t');
        let charset = self.look.charset.unwrap_or(Charset::UTF_8);
        let mut escaped = String::new();
        escape_text(&charset.decode(bytes).text, &mut escaped);
        self.out.extend_from_slice(escaped.as_bytes());
        self.out.push(b'\n');
    }

    fn push_hex(&mut self, bytes: &[u8]) {
        let mut text = String::with_capacity(bytes.len() * 3);
        hex::write(bytes, &mut text);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn end_decoders(&mut self) {
        for (_, decoder) in std::mem::take(&mut self.decoders) {
            self.end_decoder(decoder);
        }
    }

    /// A character that was never finished is shown as one that is broken.
    fn end_decoder(&mut self, mut decoder: Decoder) {
        let mut text = String::new();
        decoder.finish(&mut text);
        self.out.extend_from_slice(text.as_bytes());
    }
}
