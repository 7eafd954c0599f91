//! Where packets of a file come from: pcap, pcapng, or a recording of ours.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, bail};
use sockpit_core::pcap::{Ending, Item, Reader};
use sockpit_engine::recording::Recording;
use sockpit_engine::stdio::Patient;

use super::work::Stop;

/// In bytes: one read of the file.
const READ_SIZE: usize = 512 * 1024;

/// A file with packets.
pub(super) enum Source {
    Capture(CaptureFile),
    Recording(Recording),
}

/// A capture file, of which the beginning was read.
pub(super) struct CaptureFile {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// How much of the buffer is filled.
    len: usize,
    name: String,
}

impl Source {
    /// Opens a file; `-` is stdin.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let is_stdin = path == Path::new("-");
        let (input, name): (Box<dyn Read + Send>, String) = if is_stdin {
            let stdin = Patient::stdin().context("cannot read stdin")?;
            (Box::new(stdin), "stdin".to_owned())
        } else {
            let name = format!("`{}`", path.display());
            let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
            (Box::new(file), name)
        };
        let mut file = CaptureFile {
            input,
            buffer: vec![0; READ_SIZE],
            len: 0,
            name,
        };
        file.fill()?;
        match file.buffer.first().filter(|_| file.len > 0) {
            Some(b'{') if is_stdin => {
                bail!(
                    "stdin holds a recording; `sockpit replay -` shows it, and `wire open` takes it as a file"
                )
            }
            Some(b'{') => Ok(Self::Recording(Recording::open(path)?)),
            _ => Ok(Self::Capture(file)),
        }
    }
}

impl CaptureFile {
    /// What it is called where something is said of it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn fill(&mut self) -> anyhow::Result<()> {
        self.len = loop {
            match self.input.read(&mut self.buffer) {
                Ok(len) => break len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", self.name));
                }
            }
        };
        Ok(())
    }

    /// Gives every item to `take` until it wants no more, or somebody says stop; `idle` is called
    /// whenever more has to be read. Says how the file ended, if it did.
    pub(super) fn read<T>(
        mut self,
        stop: &Stop,
        taker: &mut T,
        mut take: impl FnMut(&mut T, &Item<'_>) -> anyhow::Result<ControlFlow<()>>,
        mut idle: impl FnMut(&mut T) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<Ending>> {
        let mut reader = Reader::new();
        while self.len > 0 && !stop.is_asked() {
            reader.feed(self.buffer.get(..self.len).unwrap_or_default());
            loop {
                let item = match reader.next_item() {
                    Ok(Some(item)) => item,
                    Ok(None) => break,
                    Err(error) => {
                        idle(taker)?;
                        return Err(error).context(self.name);
                    }
                };
                if take(taker, &item)?.is_break() {
                    return Ok(None);
                }
            }
            if self.len < READ_SIZE {
                // A pipe may give no more for a while.
                idle(taker)?;
            }
            self.fill()?;
        }
        Ok((self.len == 0).then(|| reader.ending()))
    }
}

/// Writes a file of ours in one go.
pub(super) fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}
