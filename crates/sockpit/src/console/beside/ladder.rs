//! The sequence diagram of the conversation, live, and its picture in the end.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use sockpit_core::event::Event;
use sockpit_core::ladder::{self, Options};
use sockpit_core::plan::Plan;
use sockpit_core::record::Epoch;
use sockpit_engine::cause_text;

use super::{Canvas, Drawing};
use crate::console::language;

/// Where the picture goes.
pub(crate) struct Picture {
    pub(crate) path: PathBuf,
}

/// Draws a ladder.
pub(crate) struct Ladder {
    ladder: ladder::Ladder,
    epoch: Epoch,
    /// Whether its lines are wanted, or only the picture.
    has_lines: bool,
    picture: Option<Picture>,
    failure: Option<String>,
}

impl Ladder {
    pub(crate) fn new(
        plan: &Plan,
        canvas: Canvas,
        has_lines: bool,
        has_lessons: bool,
        picture: Option<Picture>,
    ) -> Self {
        let language = language::current();
        let options = Options {
            width: canvas.width,
            has_colour: canvas.has_colour,
            teach: has_lessons.then_some(language),
            language,
            charset: plan.text,
            ..Options::default()
        };
        Self {
            ladder: ladder::Ladder::new(options),
            epoch: canvas.epoch,
            has_lines,
            picture,
            failure: None,
        }
    }

    fn shown(&self, lines: String) -> String {
        if self.has_lines { lines } else { String::new() }
    }
}

impl Drawing for Ladder {
    fn push(&mut self, event: &Event) {
        self.ladder.push_event(0, event, self.epoch);
    }

    fn take(&mut self) -> String {
        let lines = self.ladder.take();
        self.shown(lines)
    }

    fn settle(&mut self) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.ladder
            .settle(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
        self.take()
    }

    fn finish(&mut self) -> String {
        let lines = self.ladder.finish();
        let lines = self.shown(lines);
        if let Some(Picture { path }) = self.picture.take()
            && let Err(error) = std::fs::write(&path, self.ladder.svg())
        {
            let cause = cause_text(&error);
            self.failure = Some(format!("cannot write `{}`: {cause}", path.display()));
        }
        lines
    }

    fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}
