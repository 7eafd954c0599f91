//! The recorder: every event as a line of a file, or packets with what was said of them as a capture
//! file, whatever the disk does.
//!
//! A disk that is full or slow ends the recording, visibly, and never a session. A process that is
//! killed leaves whole lines: the kernel may stop a killed process's write between two pages of the
//! file, so no line that fits into a page crosses one. Only of a line longer than a page the
//! beginning may be left, and readers drop a last line without an end. Of a capture file the last
//! block may be cut, which its readers say, having read all before it.

mod lines;
mod packets;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sockpit_core::event::{FaultKind, What};
use sockpit_core::transcript::{self, Transcript};
use tokio::sync::oneshot;

use crate::bus::{Scope, Tap, TapId, TapLimit};
use crate::error::{Error, Operation, cause_text};
use crate::workbench::Handle;

/// What may wait for the disk, and for how long sessions wait with it (design: one bus).
pub const LIMIT: TapLimit = TapLimit {
    bytes: 64 * 1024 * 1024,
    patience: Some(Duration::from_secs(5)),
};

/// In bytes: lines gathered before they are written while more events wait.
const BATCH: usize = 64 * 1024;

/// What a recording is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingForm {
    /// Records, one a line.
    Lines,
    /// A capture file, pcapng.
    Packets(transcript::Options),
}

/// What writes a recording, with what it has begun.
enum Begun {
    Lines,
    Packets(Box<Transcript>),
}

/// A recording in progress.
pub struct Recorder {
    done: oneshot::Receiver<Option<String>>,
    tap: TapId,
    handle: Handle,
}

impl Recorder {
    /// Whether a file of this name is to hold packets, which have to be captured: `.pcapng`.
    #[must_use]
    pub fn holds_packets(path: &Path) -> bool {
        let extension = path.extension().and_then(std::ffi::OsStr::to_str);
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case("pcapng"))
    }

    /// Begins to record every event from here on. A file that exists is replaced.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the file cannot be created, or takes no head.
    pub async fn start(path: &Path, form: RecordingForm, handle: &Handle) -> Result<Self, Error> {
        Self::start_within(path, form, Scope::Everything, handle).await
    }

    /// Begins to record the events within `scope` from here on. A file that exists is replaced.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_within(
        path: &Path,
        form: RecordingForm,
        scope: Scope,
        handle: &Handle,
    ) -> Result<Self, Error> {
        let fail = |error: io::Error| {
            Error::new(Operation::Record, format!("`{}`", path.display()), error)
        };
        // Opening a pipe would wait for its reader.
        if let Ok(facts) = std::fs::metadata(path)
            && !(facts.is_file() || facts.file_type().is_char_device())
        {
            let cause = io::Error::new(io::ErrorKind::InvalidInput, "it is no file");
            return Err(fail(cause));
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        let file = file.map_err(fail)?;
        // Before anybody listens to what could be told of it.
        let begun = match form {
            RecordingForm::Lines => Begun::Lines,
            RecordingForm::Packets(options) => {
                Begun::Packets(Box::new(packets::begin(&file, options).map_err(fail)?))
            }
        };
        let tap = handle.tap(LIMIT, scope).await;
        let id = tap.id();
        let (path, reporter) = (path.to_owned(), handle.clone());
        let (done_sender, done) = oneshot::channel();
        std::thread::Builder::new()
            .name("sockpit-record".to_owned())
            .spawn(move || {
                let untold = record_all(tap, file, begun, &path, &reporter);
                // Nobody may wait for it.
                let _ = done_sender.send(untold);
            })
            .map_err(fail)?;
        Ok(Self {
            done,
            tap: id,
            handle: handle.clone(),
        })
    }

    /// Ends the recording while sessions go on, and waits until it is written.
    pub async fn stop(self) {
        self.handle.end_tap(&self.tap);
        // While there is a workbench, what went wrong is told on its timeline.
        let _ = self.finish().await;
    }

    /// Waits until everything is written; the workbench must be gone by then. Who cannot wait for a
    /// disk that does not answer may drop this. Gives why it is not whole, where that could not be
    /// told on the timeline any more.
    #[must_use]
    pub async fn finish(self) -> Option<String> {
        // A panic of the recorder was told when it happened.
        self.done.await.ok().flatten()
    }
}

/// Gives why the recording is not whole, where nobody could be told.
fn record_all(
    mut tap: Tap,
    file: File,
    begun: Begun,
    path: &Path,
    reporter: &Handle,
) -> Option<String> {
    let recorded = match begun {
        Begun::Lines => lines::record(&mut tap, file),
        Begun::Packets(transcript) => packets::record(&mut tap, file, *transcript),
    };
    let error = recorded.err()?;
    drop(tap);
    report(reporter, path, &error)
}

fn report(reporter: &Handle, path: &Path, error: &io::Error) -> Option<String> {
    let path: PathBuf = path.to_owned();
    let message = format!(
        "the recording to `{}` has ended: {}; sessions go on",
        path.display(),
        cause_text(error)
    );
    let fault = What::Fault {
        kind: FaultKind::Recording,
        message: message.clone(),
        count: None,
    };
    (!reporter.publish_blocking(0, 0, fault)).then_some(message)
}
