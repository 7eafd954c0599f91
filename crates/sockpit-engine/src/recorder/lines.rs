//! Records as lines of a file, whole ones whatever happens.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sockpit_core::event::Event;
use sockpit_core::record::{self, Epoch};

use super::BATCH;
use crate::bus::Tap;

/// In bytes: the memory page of the systems that we run on; a smaller true size does no harm.
const PAGE: usize = 4096;

/// Between two writes, where events follow each other faster. To be woken for each of them would cost
/// more than the events do; a process that is killed takes what came in this time with it.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes what a tap gives until it has ended.
pub(super) fn record(tap: &mut Tap, file: File) -> io::Result<()> {
    let mut writer = LineWriter::new(file);
    let epoch = tap.epoch();
    let mut lines = Vec::with_capacity(BATCH);
    let mut ends = Vec::new();
    // When everything that there was had been written.
    let mut idle_since = None::<Instant>;
    while let Some(event) = tap.blocking_next() {
        if let Some(since) = idle_since.take() {
            thread::sleep(PAUSE.saturating_sub(since.elapsed()));
        }
        let mut next = Some(event);
        while let Some(event) = next.take() {
            write(&event, epoch, &mut lines, &mut ends);
            if lines.len() < BATCH {
                next = tap.try_next();
            }
        }
        writer.write(&lines, &ends)?;
        idle_since = (lines.len() < BATCH).then(Instant::now);
        lines.clear();
        ends.clear();
    }
    Ok(())
}

fn write(event: &Arc<Event>, epoch: Epoch, lines: &mut Vec<u8>, ends: &mut Vec<usize>) {
    record::write(event, epoch, lines);
    lines.push(b'\n');
    ends.push(lines.len());
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
