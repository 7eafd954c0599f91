//! One recording, or those of both ends of the same conversations, read side by side.

use std::collections::VecDeque;
use std::path::Path;

use sockpit_core::event::Event;
use sockpit_core::record::Epoch;
use sockpit_core::replay::Recut;
use sockpit_engine::recording::Recording;

use super::Args;
use crate::console::Console;

/// Recordings whose events are given in the order in which they happened.
pub(super) struct Sources<'a>(Vec<Source<'a>>);

/// A recording being read, each event with its moment in nanoseconds since the Unix epoch.
struct Source<'a> {
    path: &'a Path,
    recording: Recording,
    recut: Recut,
    events: VecDeque<(u64, Event)>,
    is_over: bool,
}

/// An event of one of the recordings.
pub(super) struct Told {
    /// Of which one, counted from 0.
    pub(super) source: usize,
    /// When that one began.
    pub(super) epoch: Epoch,
    pub(super) event: Event,
}

impl<'a> Sources<'a> {
    pub(super) fn open(args: &'a Args) -> anyhow::Result<Self> {
        let paths = [Some(&args.file), args.other.as_ref()];
        let mut sources = Vec::new();
        for path in paths.into_iter().flatten() {
            sources.push(Source::open(path, args)?);
        }
        Ok(Self(sources))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The next event.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Told>> {
        let mut first = None;
        for (index, source) in self.0.iter_mut().enumerate() {
            let moment = source.upcoming()?;
            if let Some(moment) = moment
                && first.is_none_or(|(earliest, _)| moment < earliest)
            {
                first = Some((moment, index));
            }
        }
        Ok(first.and_then(|(_, index)| {
            let source = &mut self.0[index];
            let (_, event) = source.events.pop_front()?;
            Some(Told {
                source: index,
                epoch: source.recording.epoch().unwrap_or_default(),
                event,
            })
        }))
    }

    /// Says what was left out of them.
    pub(super) fn warn(&self, args: &Args, console: &Console) {
        if args.quiet {
            return;
        }
        for source in &self.0 {
            for warning in super::warnings(&source.recording, source.path) {
                console.say(&warning);
            }
        }
    }
}

impl<'a> Source<'a> {
    fn open(path: &'a Path, args: &Args) -> anyhow::Result<Self> {
        let text = args.text.map(|text| text.0);
        Ok(Self {
            path,
            recording: Recording::open(path)?,
            recut: Recut::new(args.frame.clone(), args.max_frame.0, text),
            events: VecDeque::new(),
            is_over: false,
        })
    }

    /// The moment of the next event; `None` where there is none.
    fn upcoming(&mut self) -> anyhow::Result<Option<u64>> {
        while self.events.is_empty() && !self.is_over {
            let event = self.recording.next_event()?;
            let epoch = self.recording.epoch().map_or(0, |epoch| epoch.0);
            let events = &mut self.events;
            let keep = |event: Event| {
                let moment = epoch.saturating_add(event.time.as_nanos());
                events.push_back((moment, event));
            };
            match event {
                Some(event) => self.recut.take(event, keep),
                None => {
                    self.is_over = true;
                    self.recut.finish(keep);
                }
            }
        }
        Ok(self.events.front().map(|(moment, _)| *moment))
    }
}
