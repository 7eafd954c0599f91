//! The recorder: every event as a line of a file, whatever the disk does.
//!
//! A disk that is full or slow ends the recording, visibly, and never a session. A process that is
//! killed leaves whole lines: the kernel may stop a killed process's write between two pages of the
//! file, so no line that fits into a page crosses one. Only of a line longer than a page the
//! beginning may be left, and readers drop a last line without an end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sockpit_core::event::{FaultKind, What};
use sockpit_core::record;
use tokio::sync::oneshot;

use crate::bus::{Scope, Tap, TapId, TapLimit};
use crate::error::{Error, Operation, cause_text};
use crate::workbench::Handle;

/// What may wait for the disk, and for how long sessions wait with it (design: one bus).
pub const LIMIT: TapLimit = TapLimit {
    bytes: 64 * 1024 * 1024,
    patience: Some(Duration::from_secs(5)),
};

/// In bytes: the memory page of the systems that we run on; a smaller true size does no harm.
const PAGE: usize = 4096;

/// In bytes: lines gathered before they are written while more events wait.
const BATCH: usize = 64 * 1024;

/// A recording in progress.
pub struct Recorder {
    done: oneshot::Receiver<Option<String>>,
    tap: TapId,
    handle: Handle,
}

impl Recorder {
    /// Begins to record every event from here on. A file that exists is replaced.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the file cannot be created.
    pub async fn start(path: &Path, handle: &Handle) -> Result<Self, Error> {
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
        let writer = LineWriter::new(file.map_err(fail)?);
        let tap = handle.tap(LIMIT, Scope::Everything).await;
        let id = tap.id();
        let (path, reporter) = (path.to_owned(), handle.clone());
        let (done_sender, done) = oneshot::channel();
        std::thread::Builder::new()
            .name("sockpit-record".to_owned())
            .spawn(move || {
                let untold = record_all(tap, writer, &path, &reporter);
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
    mut writer: LineWriter,
    path: &Path,
    reporter: &Handle,
) -> Option<String> {
    let epoch = tap.epoch();
    let mut lines = Vec::with_capacity(BATCH);
    let mut ends = Vec::new();
    while let Some(event) = tap.blocking_next() {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            record::write(&event, epoch, &mut lines);
            lines.push(b'\n');
            ends.push(lines.len());
            if lines.len() < BATCH {
                next = tap.try_next();
            }
        }
        if let Err(error) = writer.write(&lines, &ends) {
            drop(tap);
            return report(reporter, path, &error);
        }
        lines.clear();
        ends.clear();
    }
    None
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

/// Writes whole lines, and takes half ones back.
struct LineWriter {
    file: File,
    /// In bytes: the file's length, which is where the next line begins.
    len: u64,
    /// Whether it can be written at any place: it is no device.
    is_file: bool,
}

impl LineWriter {
    fn new(file: File) -> Self {
        let is_file = file.metadata().is_ok_and(|facts| facts.is_file());
        Self {
            file,
            len: 0,
            is_file,
        }
    }

    /// Writes `lines`, which end at the places `ends`.
    fn write(&mut self, lines: &[u8], ends: &[usize]) -> io::Result<()> {
        let mut ends = ends.iter().copied().peekable();
        let mut from = 0;
        while let Some(end) = ends.next() {
            let mut room = self.room();
            if end - from > room && end - from <= PAGE {
                self.pad(room)?;
                room = self.room();
            }
            let mut to = end;
            while let Some(next) = ends.next_if(|next| next - from <= room) {
                to = next;
            }
            self.write_whole(&lines[from..to])?;
            from = to;
        }
        Ok(())
    }

    /// In bytes: what is left of the page in which the next line begins.
    fn room(&self) -> usize {
        PAGE - usize::try_from(self.len % PAGE as u64).unwrap_or(0)
    }

    /// Fills the page up with spaces at the end of its last line, which JSON allows.
    fn pad(&mut self, room: usize) -> io::Result<()> {
        if self.is_file && self.len > 0 && room < PAGE {
            let mut end = vec![b' '; room];
            end.push(b'\n');
            self.file.write_all_at(&end, self.len - 1)?;
            self.len += room as u64;
        }
        Ok(())
    }

    /// All of `bytes`, or nothing of them.
    fn write_whole(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = if self.is_file {
            self.file.write_all_at(bytes, self.len)
        } else {
            self.file.write_all(bytes)
        };
        if let Err(error) = written {
            // A device cannot be cut, and needs not to be.
            let _ = self.file.set_len(self.len);
            return Err(error);
        }
        self.len += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
