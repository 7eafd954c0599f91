//! The sequence diagram of the conversation, live, and its picture in the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
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
    path: PathBuf,
    file: File,
}

impl Picture {
    /// Opens its file, so that one that cannot be written is known before the conversation. What it
    /// holds stays until there is a new picture.
    ///
    /// # Errors
    ///
    /// Returns the system's error where there can be no such file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // Opening a pipe would wait for its reader.
        if let Ok(facts) = path.metadata()
            && !(facts.is_file() || facts.file_type().is_char_device())
        {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    fn write(&mut self, svg: &str) -> io::Result<()> {
        // A device has no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(svg.as_bytes())
    }
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
        Self {
            ladder: ladder::Ladder::new(Options {
                charset: plan.text,
                ..Self::options(canvas, has_lessons)
            }),
            epoch: canvas.epoch,
            has_lines,
            picture,
            failure: None,
        }
    }

    /// How it draws what is not said otherwise.
    pub(crate) fn options(canvas: Canvas, has_lessons: bool) -> Options {
        let language = language::current();
        Options {
            width: canvas.width,
            has_colour: canvas.has_colour,
            teach: has_lessons.then_some(language),
            language,
            ..Options::default()
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
        if let Some(mut picture) = self.picture.take()
            && let Err(error) = picture.write(&self.ladder.svg())
        {
            let (path, cause) = (picture.path.display(), cause_text(&error));
            self.failure = Some(format!("cannot write `{path}`: {cause}"));
        }
        lines
    }

    fn outlives_its_reader(&self) -> bool {
        self.picture.is_some()
    }

    fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}
