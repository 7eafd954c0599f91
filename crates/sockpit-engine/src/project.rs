//! The project folder: the only files that a workbench in a browser reads and writes (rule F5).
//!
//! It is flat. A name is one component of a path, so no name leads out; a link is never followed, and
//! what is no regular file is never opened, so nothing inside leads out either. The folder itself is
//! held by a descriptor: whoever moves it or puts another in its place changes nothing.

use std::ffi::CStr;
use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{
    Access, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, accessat, fstat, openat, renameat,
    renameat_with, statat, unlinkat,
};

pub use self::name::{FileName, ParseFileNameError};
use crate::error::cause_text;

mod name;

/// In bytes: what a file of a project may have.
pub const MAX_FILE: u64 = 1024 * 1024;

/// Files that a project may have; further ones are not seen.
pub const MAX_FILES: usize = 1000;

/// A folder with the files of saved sessions.
#[derive(Debug)]
pub struct Project {
    folder: OwnedFd,
    path: PathBuf,
    /// Names the files that are being written.
    count: AtomicU64,
}

/// A file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub name: FileName,
    /// In bytes.
    pub len: u64,
    /// When it was last written, as its file system says.
    pub modified: SystemTime,
}

/// What could not be done with a project, and why.
#[derive(Debug)]
pub struct Error {
    operation: Operation,
    target: String,
    cause: io::Error,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Open,
    List,
    Read,
    Write,
    Remove,
}

impl Error {
    fn new(operation: Operation, target: impl fmt::Display, cause: impl Into<io::Error>) -> Self {
        Self {
            operation,
            target: target.to_string(),
            cause: cause.into(),
        }
    }

    /// What sort of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.cause.kind()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, why) = (&self.target, cause_text(&self.cause));
        match self.operation {
            Operation::Open => write!(f, "cannot open the project `{target}`: {why}"),
            Operation::List => write!(f, "cannot read the project `{target}`: {why}"),
            Operation::Read => write!(f, "cannot read `{target}`: {why}"),
            Operation::Write => write!(f, "cannot write `{target}`: {why}"),
            Operation::Remove => write!(f, "cannot remove `{target}`: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl Project {
    /// Opens a folder, and makes it, for this user alone, where it is missing.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where it cannot be made or is no folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fail = |cause: io::Error| Error::new(Operation::Open, path.display(), cause);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(fail)?;
        let folder = File::open(path).map_err(fail)?;
        if !folder.metadata().map_err(fail)?.is_dir() {
            return Err(fail(io::ErrorKind::NotADirectory.into()));
        }
        let path = fs::canonicalize(path).map_err(fail)?;
        Ok(Self {
            folder: folder.into(),
            path,
            count: AtomicU64::new(0),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its folder.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Whether files can be written to it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        accessat(&self.folder, c".", Access::WRITE_OK, AtFlags::EACCESS).is_ok()
    }

    /// Its files, by name, [`MAX_FILES`] at most. Links, folders, pipes, and what has a name that none
    /// of ours could have are left out.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>, Error> {
        let fail = |cause: io::Error| Error::new(Operation::List, self.path.display(), cause);
        let mut entries = Vec::new();
        for found in Dir::read_from(&self.folder).map_err(|cause| fail(cause.into()))? {
            let found = found.map_err(|cause| fail(cause.into()))?;
            entries.extend(self.entry(found.file_name()));
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        entries.truncate(MAX_FILES);
        Ok(entries)
    }

    /// Reads a file whole.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where it cannot be read, is no regular file, has more than [`MAX_FILE`]
    /// bytes, or is not UTF-8.
    pub fn read(&self, name: &FileName) -> Result<String, Error> {
        let fail = |cause: io::Error| Error::new(Operation::Read, name, cause);
        // What waits at a pipe would wait for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.folder, name.as_str(), flags, Mode::empty());
        let file = file.map_err(|cause| fail(refined(cause)))?;
        let facts = fstat(&file).map_err(|cause| fail(cause.into()))?;
        if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
            return Err(fail(io::Error::other("it is no regular file")));
        }
        let mut bytes = Vec::new();
        // It may grow while it is read.
        File::from(file)
            .take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(fail)?;
        if MAX_FILE < bytes.len() as u64 {
            return Err(fail(too_large()));
        }
        String::from_utf8(bytes).map_err(|_| fail(io::Error::other("it is not UTF-8")))
    }

    /// Writes a file whole or not at all, in place of what was there.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where that is refused, or the text has more than [`MAX_FILE`] bytes.
    pub fn write(&self, name: &FileName, text: &str) -> Result<(), Error> {
        self.put(name, text, |beside| {
            renameat(&self.folder, beside, &self.folder, name.as_str())
        })
    }

    /// The same, never in place of another.
    ///
    /// # Errors
    ///
    /// The same; [`io::ErrorKind::AlreadyExists`] where there is one.
    pub fn create(&self, name: &FileName, text: &str) -> Result<(), Error> {
        self.put(name, text, |beside| {
            let (folder, name) = (&self.folder, name.as_str());
            match renameat_with(folder, beside, folder, name, RenameFlags::NOREPLACE) {
                // A file system that cannot do it at once.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                    rustix::fs::linkat(folder, beside, folder, name, AtFlags::empty())?;
                    unlinkat(folder, beside, AtFlags::empty())
                }
                result => result,
            }
        })
    }

    /// Removes a file; one that is a link is removed itself.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where that is refused.
    pub fn remove(&self, name: &FileName) -> Result<(), Error> {
        unlinkat(&self.folder, name.as_str(), AtFlags::empty())
            .map_err(|cause| Error::new(Operation::Remove, name, cause))
    }

    /// Writes a file of another name, and puts it into its place.
    fn put(
        &self,
        name: &FileName,
        text: &str,
        place: impl FnOnce(&str) -> rustix::io::Result<()>,
    ) -> Result<(), Error> {
        let fail = |cause: io::Error| Error::new(Operation::Write, name, cause);
        if MAX_FILE < text.len() as u64 {
            return Err(fail(too_large()));
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let beside = format!(".{}-{count}.part", std::process::id());
        // One that a dead program left, whose number was the same.
        let _ = unlinkat(&self.folder, &beside, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let file =
            openat(&self.folder, &beside, flags, mode).map_err(|cause| fail(cause.into()))?;
        let written = write_through(&mut File::from(file), text)
            .and_then(|()| place(&beside).map_err(io::Error::from));
        written.map_err(|cause| {
            let _ = unlinkat(&self.folder, &beside, AtFlags::empty());
            fail(cause)
        })
    }

    fn entry(&self, name: &CStr) -> Option<Entry> {
        let name: FileName = name.to_str().ok()?.parse().ok()?;
        let facts = statat(&self.folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
            return None;
        }
        let seconds = u64::try_from(facts.st_mtime).unwrap_or_default();
        let nanos = u32::try_from(facts.st_mtime_nsec).unwrap_or_default();
        let modified = UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))?;
        Some(Entry {
            name,
            len: u64::try_from(facts.st_size).unwrap_or_default(),
            modified,
        })
    }
}

/// What was renamed into its place must be on the disk, or a crash leaves an empty file.
fn write_through(file: &mut File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn refined(cause: rustix::io::Errno) -> io::Error {
    match cause {
        rustix::io::Errno::LOOP => {
            io::Error::other("it is a link, and a link may lead out of the project")
        }
        cause => cause.into(),
    }
}

fn too_large() -> io::Error {
    let text = format!("it has more than {MAX_FILE} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

#[cfg(test)]
mod tests;
