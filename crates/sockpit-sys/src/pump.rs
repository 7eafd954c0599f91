//! Bytes from one descriptor to another, without a copy in user space where the system can.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

use crate::poll::{self, Interest};
#[cfg(target_os = "linux")]
use crate::pump::splice::Pipe;

#[cfg(target_os = "linux")]
mod splice;

/// Moves a stream of bytes from one descriptor to another, step by step.
///
/// It never waits for either side, and a blocking descriptor, such as an inherited standard input,
/// stays blocking for the programs that share it; only that a pipe is given more room once much has
/// gone through. When a step says [`Step::Blocked`], wait for that side with [`poll::wait`]. Sockets are streams; datagrams would
/// lose their boundaries. The process ignores `SIGPIPE`, as Rust's start-up has it.
///
/// A terminal or a pipe that blocks, and that other programs write to at the same time, may make a
/// step wait: the system then has no way to ask for what fits.
pub struct Pump {
    from: File,
    to: File,
    from_waits: bool,
    to_kind: Target,
    method: Method,
    /// In bytes: taken by one step at most.
    #[cfg(target_os = "linux")]
    block: usize,
    /// In bytes: the room that a pipe gets once `until_bulk` more bytes were taken. The speed depends
    /// on it, but the system counts it against the user's share.
    #[cfg(target_os = "linux")]
    pipe: usize,
    #[cfg(target_os = "linux")]
    until_bulk: usize,
    /// Taken from the source in user space, from `taken` on not yet given to the target.
    buffer: Vec<u8>,
    given: usize,
    taken: usize,
    has_ended: bool,
}

/// How bytes are moved.
enum Method {
    /// The system reads the file into the socket.
    #[cfg(target_os = "linux")]
    SendFile,
    /// One of the two is a pipe, and pages change hands.
    #[cfg(target_os = "linux")]
    Splice,
    /// Pages go through a pipe of our own.
    #[cfg(target_os = "linux")]
    Through(Pipe),
    /// They are read into a buffer and written from it.
    Copy,
}

/// What a write to the target may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// It takes what it can: not blocking, or a file, or a device that discards.
    Takes,
    /// A socket that blocks unless each write says that it must not.
    Socket,
    /// It blocks unless it has room for all of a small write.
    Waits,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes were taken from the source; none where the step only gave the target what an
    /// earlier one had taken.
    Moved(usize),
    /// The source has ended and the target has everything.
    End,
    /// Nothing moves until this side is ready.
    Blocked(Side),
}

/// One of the two descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The source: wait until it is readable.
    From,
    /// The target: wait until it is writable.
    To,
}

/// The amounts that the speed depends on, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// What one step takes at most.
    pub block: usize,
    /// The room that a pipe is given for a bulk transfer: one of our own, between a socket and what
    /// is no pipe, or one of the two descriptors.
    pub pipe: usize,
    /// The buffer where the system does not move the bytes itself.
    pub buffer: usize,
}

impl Default for Sizes {
    /// The fastest of those that `examples/pump_rate.rs` compares.
    fn default() -> Self {
        Self {
            block: 4 << 20,
            pipe: 1 << 20,
            buffer: 256 << 10,
        }
    }
}

impl Pump {
    /// A pump from `from` to `to`, which holds descriptors of its own: a pipe or socket that it
    /// writes to is open until the pump is dropped.
    ///
    /// # Errors
    ///
    /// What the system says, such as that no more descriptors are to be had.
    pub fn new(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<Self> {
        Self::with_sizes(from, to, Sizes::default())
    }

    /// A pump that works with other amounts than the usual.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_sizes(from: BorrowedFd<'_>, to: BorrowedFd<'_>, sizes: Sizes) -> io::Result<Self> {
        let from = File::from(from.try_clone_to_owned()?);
        let to = File::from(to.try_clone_to_owned()?);
        let (source, target) = (Kind::of(&from)?, Kind::of(&to)?);
        let (from_flags, to_flags) = (status_flags(from.as_fd())?, status_flags(to.as_fd())?);
        let to_kind = if target == Kind::File || target == Kind::Device || !waits(to_flags) {
            Target::Takes
        } else if target == Kind::Socket {
            Target::Socket
        } else {
            Target::Waits
        };
        let method = choose((source, from_flags), (target, to_flags))?;
        let buffer_size = if matches!(method, Method::Copy) {
            sizes.buffer
        } else {
            0
        };
        Ok(Self {
            from_waits: source != Kind::File && waits(from_flags),
            to_kind,
            method,
            #[cfg(target_os = "linux")]
            block: sizes.block.max(1),
            #[cfg(target_os = "linux")]
            pipe: sizes.pipe,
            #[cfg(target_os = "linux")]
            until_bulk: BULK,
            buffer: vec![0; buffer_size],
            given: 0,
            taken: 0,
            has_ended: false,
            from,
            to,
        })
    }

    /// Gives the target what is pending and, once nothing is, takes a block from the source.
    ///
    /// # Errors
    ///
    /// What the system says of a read or a write. [`pending`](Self::pending) bytes then were taken
    /// and not given.
    pub fn step(&mut self) -> io::Result<Step> {
        let had = self.pending();
        if had > 0 {
            self.give()?;
            if self.pending() == had {
                return Ok(Step::Blocked(Side::To));
            }
            if self.pending() > 0 {
                return Ok(Step::Moved(0));
            }
        }
        if self.has_ended {
            return Ok(Step::End);
        }
        match self.take() {
            Ok(Step::Blocked(_)) if had > 0 => Ok(Step::Moved(0)),
            Ok(Step::Moved(taken)) => {
                self.give()?;
                #[cfg(target_os = "linux")]
                self.widen_for_bulk(taken);
                Ok(Step::Moved(taken))
            }
            Ok(step) => {
                self.has_ended |= step == Step::End;
                Ok(step)
            }
            // The system does not move these bytes: a file of /proc, a strange device.
            #[cfg(target_os = "linux")]
            Err(error) if splice::is_impossible(&error) && !matches!(self.method, Method::Copy) => {
                self.fall_back()?;
                self.step()
            }
            Err(error) => Err(error),
        }
    }

    /// Bytes that were taken from the source and that the target does not have.
    #[must_use]
    pub fn pending(&self) -> usize {
        let buffered = self.taken - self.given;
        match &self.method {
            #[cfg(target_os = "linux")]
            Method::Through(pipe) => buffered + pipe.held(),
            _ => buffered,
        }
    }

    /// Whether the system moves the bytes without a copy in user space, as far as is known yet.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        !matches!(self.method, Method::Copy)
    }

    fn take(&mut self) -> io::Result<Step> {
        match &mut self.method {
            #[cfg(target_os = "linux")]
            Method::SendFile => match splice::send_file(&self.from, &self.to, self.block) {
                // Some files of the system end at once this way and have bytes all the same; one
                // read more tells.
                Ok(0) => {
                    self.fall_back()?;
                    self.take()
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Ok(Step::Blocked(Side::To))
                }
                result => result.map(Step::Moved),
            },
            #[cfg(target_os = "linux")]
            Method::Splice => {
                if self.from_waits && !is_readable(&self.from)? {
                    return Ok(Step::Blocked(Side::From));
                }
                match splice::splice(&self.from, &self.to, self.block) {
                    Ok(0) => Ok(Step::End),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        // It does not say whose fault it is.
                        let side = if is_readable(&self.from)? {
                            Side::To
                        } else {
                            Side::From
                        };
                        Ok(Step::Blocked(side))
                    }
                    result => result.map(Step::Moved),
                }
            }
            #[cfg(target_os = "linux")]
            Method::Through(pipe) => {
                if self.from_waits && !is_readable(&self.from)? {
                    return Ok(Step::Blocked(Side::From));
                }
                end_or_moved(pipe.fill(&self.from, self.block))
            }
            Method::Copy => {
                if self.from_waits && !is_readable(&self.from)? {
                    return Ok(Step::Blocked(Side::From));
                }
                let read = retry(|| (&self.from).read(&mut self.buffer));
                self.given = 0;
                self.taken = *read.as_ref().unwrap_or(&0);
                end_or_moved(read)
            }
        }
    }

    /// Gives the target as much of what is pending as it takes without waiting.
    fn give(&mut self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Method::Through(pipe) = &mut self.method {
            match pipe.drain(&self.to) {
                Err(error) if splice::is_impossible(&error) => self.fall_back()?,
                result => return result,
            }
        }
        while self.given < self.taken {
            let rest = &self.buffer[self.given..self.taken];
            let written = match self.to_kind {
                Target::Takes => retry(|| (&self.to).write(rest)),
                Target::Socket => retry(|| send_now(self.to.as_fd(), rest)),
                Target::Waits if is_writable(&self.to)? => {
                    let small = &rest[..rest.len().min(SMALL_WRITE)];
                    retry(|| (&self.to).write(small))
                }
                Target::Waits => return Ok(()),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => self.given += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives the pipe more room once enough was taken.
    #[cfg(target_os = "linux")]
    fn widen_for_bulk(&mut self, taken: usize) {
        if self.until_bulk == 0 {
            return;
        }
        self.until_bulk = self.until_bulk.saturating_sub(taken);
        if self.until_bulk > 0 {
            return;
        }
        match &self.method {
            Method::Splice => {
                // One of them is no pipe, and says so.
                splice::widen(&self.from, self.pipe);
                splice::widen(&self.to, self.pipe);
            }
            Method::Through(pipe) => pipe.widen(self.pipe),
            Method::SendFile | Method::Copy => {}
        }
    }

    /// Goes on by copying, with what a pipe of our own holds in the buffer.
    #[cfg(target_os = "linux")]
    fn fall_back(&mut self) -> io::Result<()> {
        let held = match &self.method {
            Method::Through(pipe) => pipe.held(),
            Method::SendFile | Method::Splice | Method::Copy => 0,
        };
        let mut buffer = vec![0; held.max(Sizes::default().buffer)];
        if let Method::Through(pipe) = &mut self.method {
            pipe.read_held(&mut buffer[..held])?;
        }
        self.buffer = buffer;
        self.given = 0;
        self.taken = held;
        self.method = Method::Copy;
        Ok(())
    }
}

/// What a descriptor refers to, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Pipe,
    Socket,
    /// Such as `/dev/null`.
    Device,
    /// Waits for people.
    Terminal,
    Other,
}

impl Kind {
    fn of(file: &File) -> io::Result<Self> {
        let file_type = file.metadata()?.file_type();
        Ok(if file_type.is_file() || file_type.is_block_device() {
            Self::File
        } else if file_type.is_fifo() {
            Self::Pipe
        } else if file_type.is_socket() {
            Self::Socket
        } else if file_type.is_char_device() {
            if file.is_terminal() {
                Self::Terminal
            } else {
                Self::Device
            }
        } else {
            Self::Other
        })
    }
}

/// The method for a source and a target, each with its status flags.
#[cfg(target_os = "linux")]
fn choose(
    (source, _): (Kind, libc::c_int),
    (target, to_flags): (Kind, libc::c_int),
) -> io::Result<Method> {
    let takes_pages = match target {
        // The system would wait with the whole block until a blocking socket has taken it.
        Kind::Socket => !waits(to_flags),
        // It refuses to append.
        Kind::File | Kind::Device => to_flags & libc::O_APPEND == 0,
        Kind::Pipe => true,
        Kind::Terminal | Kind::Other => false,
    };
    Ok(match (source, target) {
        _ if !takes_pages => Method::Copy,
        (Kind::File, Kind::Socket) => Method::SendFile,
        (Kind::Pipe, Kind::Socket) | (Kind::Socket, Kind::Pipe) => Method::Splice,
        (Kind::Socket, Kind::File | Kind::Device | Kind::Socket) => Method::Through(Pipe::new()?),
        _ => Method::Copy,
    })
}

#[cfg(not(target_os = "linux"))]
fn choose(_source: (Kind, libc::c_int), _target: (Kind, libc::c_int)) -> io::Result<Method> {
    Ok(Method::Copy)
}

fn end_or_moved(taken: io::Result<usize>) -> io::Result<Step> {
    match taken {
        Ok(0) => Ok(Step::End),
        Ok(taken) => Ok(Step::Moved(taken)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Step::Blocked(Side::From)),
        Err(error) => Err(error),
    }
}

fn is_readable(file: &File) -> io::Result<bool> {
    Ok(poll::wait(&mut [Interest::to_read(file.as_fd())], Some(Duration::ZERO))? > 0)
}

fn is_writable(file: &File) -> io::Result<bool> {
    Ok(poll::wait(
        &mut [Interest::to_write(file.as_fd())],
        Some(Duration::ZERO),
    )? > 0)
}

const fn waits(flags: libc::c_int) -> bool {
    flags & libc::O_NONBLOCK == 0
}

fn status_flags(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: the call touches no memory of ours.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(flags)
    }
}

/// Writes to a socket without waiting, whatever its mode.
fn send_now(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the call reads `bytes.len()` bytes of a slice that outlives it.
    let sent = unsafe {
        libc::send(
            fd.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// In bytes: what makes a conversation a bulk transfer, for which a pipe is worth widening.
#[cfg(target_os = "linux")]
const BULK: usize = 1 << 20;

/// In bytes: what a pipe that says it is writable takes without waiting (`PIPE_BUF`, pipe(7)).
const SMALL_WRITE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

#[cfg(test)]
mod tests;
