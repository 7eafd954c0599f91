//! How writes, reads and messages cut the bytes of a recording; of both ends, where there are two.

use std::collections::VecDeque;
use std::path::Path;

use sockpit_core::event::Event;
use sockpit_core::lens::{self, Ends, Options};
use sockpit_core::replay::Recut;
use sockpit_engine::recording::Recording;

use super::Args;
use crate::console::{Canvas, Console, Lens, Talk};
use crate::exit::Exit;

/// A recording being read, each event with its moment in nanoseconds since the Unix epoch.
struct Source<'a> {
    path: &'a Path,
    recording: Recording,
    recut: Recut,
    events: VecDeque<(u64, Event)>,
    is_over: bool,
}

/// Draws the recording.
pub(super) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let paths = [Some(&args.file), args.other.as_ref()];
    let mut sources = Vec::new();
    for path in paths.into_iter().flatten() {
        sources.push(Source::open(path, args)?);
    }
    let standard = Lens::options(Canvas::stdout());
    let mut lens = lens::Lens::new(Options {
        ends: match sources.len() {
            1 => Ends::One,
            _ => Ends::Two,
        },
        charset: args.text.map_or(standard.charset, |text| text.0),
        framing: args.frame.clone(),
        ..standard
    });
    loop {
        let mut first = None;
        for (index, source) in sources.iter_mut().enumerate() {
            let moment = source.upcoming()?;
            if let Some(moment) = moment
                && first.is_none_or(|(earliest, _)| moment < earliest)
            {
                first = Some((moment, index));
            }
        }
        let Some((_, index)) = first else { break };
        if let Some((_, event)) = sources[index].events.pop_front() {
            lens.push(index, &event);
            console.draw(&lens.take());
        }
    }
    console.draw(&lens.finish());
    let talk = if args.quiet {
        Talk::Errors
    } else {
        Talk::Usual
    };
    for source in &sources {
        for warning in super::warnings(&source.recording, source.path) {
            if talk > Talk::Errors {
                console.say(&warning);
            }
        }
    }
    Ok(Exit::Done)
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
