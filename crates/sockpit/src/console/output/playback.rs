//! Events of a recording, written as a session's are, in the caller's own time.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex};

use sockpit_core::event::{Event, What};
use sockpit_core::filter::Clock;
use sockpit_core::plan::Plan;
use sockpit_core::record::Epoch;
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::stdio::Patient;

use super::{BATCH, Writer};
use crate::console::counts::Counts;
use crate::console::look::SharedLook;
use crate::console::timeline::Timeline;
use crate::console::{Console, Form, Look, Talk, wants_colour};

/// Writes a recording to stdout.
pub(crate) struct Playback {
    writer: Writer,
    stdout: Patient,
}

impl Playback {
    /// Begins a recording; without a `form` it is the timeline, wherever stdout goes.
    pub(crate) fn new(
        console: &Console,
        form: Option<Form>,
        talk: Talk,
        plan: &Plan,
        epoch: Epoch,
    ) -> io::Result<Self> {
        let is_terminal = io::stdout().is_terminal();
        let look = SharedLook::new(Look::of(plan, form.unwrap_or(Form::Text), None));
        let writer = Writer {
            look: look.get(),
            sieve: None,
            shared: look,
            seen: 0,
            counts: Arc::new(Mutex::new(Counts::new())),
            talk,
            is_terminal: is_terminal || form.is_none(),
            epoch,
            decoders: super::BTreeMap::new(),
            timeline: Timeline::new(plan, is_terminal && wants_colour()),
            has_colour: console.has_colour,
            warned: super::BTreeSet::new(),
            out: Vec::new(),
            drawing: None,
        };
        Ok(Self {
            writer,
            stdout: Patient::stdout()?,
        })
    }

    /// Shows both directions as the timeline, wherever stdout goes.
    pub(crate) fn with_timeline(mut self) -> Self {
        self.writer.is_terminal = true;
        self
    }

    /// Says of each line which session it belongs to.
    pub(crate) fn show_sessions(&mut self) {
        self.writer.timeline.show_sessions();
    }

    /// What filters count times from.
    pub(crate) fn clock(&self) -> Clock {
        self.writer.timeline.clock(self.writer.epoch)
    }

    /// Writes an event. It may stay here until [`flush`](Self::flush).
    pub(crate) fn take(&mut self, event: Event) -> io::Result<()> {
        let hwith_timeline = self.writer.is_terminal
            && matches!(self.writer.look.form, Form::Text | Form::Hex | Form::Both);
        if hwith_timeline && let What::Listening { local } = &event.what {
            self.flush()?;
            super::screen::write_line(&format!("listening on {}", VisibleLine(local)));
        }
        self.writer.take(&Arc::new(event), &mut self.stdout)?;
        if self.writer.out.len() < BATCH {
            return Ok(());
        }
        self.flush()
    }

    /// Takes an event that is not shown, but tells when others began.
    pub(crate) fn pass(&mut self, event: &Event) {
        self.writer.timeline.observe(event);
    }

    /// Writes what was taken.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush(&mut self.stdout)
    }

    /// Writes the rest.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.writer.end_decoders();
        self.writer.flush(&mut self.stdout)
    }
}
