//! The file for what of a history does not fit into memory: it has no name, and its blocks are used
//! again.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use sockpit_core::history::Shelf;

/// Gaps between blocks that are looked at for a new one; beyond that, the file grows.
const MOST_TRIED: usize = 64;

/// Blocks of one file, and the gaps between them.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    /// Where the last block ends.
    end: u64,
    /// Free places before that, by where they begin, with their lengths; no two touch.
    gaps: BTreeMap<u64, u64>,
}

impl Spill {
    /// Makes the file in a folder, which is made for its owner alone where it is missing.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        Ok(Self {
            file: nameless(folder)?,
            end: 0,
            gaps: BTreeMap::new(),
        })
    }

    /// Takes a place for so many bytes, without writing there.
    fn take(&mut self, len: u64) -> u64 {
        let mut tried = self.gaps.iter().take(MOST_TRIED);
        let fit = tried.find(|(_, room)| **room >= len);
        let Some((&place, &room)) = fit else {
            let place = self.end;
            self.end += len;
            return place;
        };
        self.gaps.remove(&place);
        if room > len {
            self.gaps.insert(place + len, room - len);
        }
        place
    }

    /// Gives a place back; the file gets shorter where it was the last one.
    fn give_back(&mut self, place: u64, len: u64) {
        let (mut begin, mut end) = (place, place + len);
        if let Some((&before, &room)) = self.gaps.range(..place).next_back()
            && before + room == place
        {
            self.gaps.remove(&before);
            begin = before;
        }
        if let Some(room) = self.gaps.remove(&end) {
            end += room;
        }
        if end < self.end {
            self.gaps.insert(begin, end - begin);
            return;
        }
        self.end = begin;
        // A file that stays too long is no harm: its blocks are used again.
        let _ = self.file.set_len(begin);
    }
}

impl Shelf for Spill {
    fn put(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let len = bytes.len() as u64;
        let place = self.take(len);
        match self.file.write_all_at(bytes, place) {
            Ok(()) => Ok(place),
            Err(error) => {
                self.free(place, len);
                Err(error)
            }
        }
    }

    fn read(&self, place: u64, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, place.saturating_add(at))
    }

    fn free(&mut self, place: u64, len: u64) {
        if len > 0 {
            self.give_back(place, len);
        }
    }
}

/// A file that nobody else can open, and that is gone with its last descriptor.
fn nameless(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::EXCL;
    let mode = Mode::RUSR | Mode::WUSR;
    match rustix::fs::open(folder, flags, mode) {
        Ok(file) => Ok(file.into()),
        // Some file systems have no files without a name: it is taken away as soon as it is made.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::NOENT) => {
            let path = folder.join(format!(".sockpit-{}", std::process::id()));
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true).mode(0o600);
            let file = options.open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
