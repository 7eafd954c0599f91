//! A program that is run for each peer: what the peer sends is its stdin, its stdout is the answer.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use sockpit_core::time::Time;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// In bytes: what may wait for the program to read it before we stop reading from the peer.
const FEED_LIMIT: usize = 256 * 1024;

/// In bytes: what one read of the program's output takes.
const READ_SIZE: usize = 64 * 1024;

/// Which program, and what its output does to a peer's machine.
pub(crate) struct ProgramPlan<M> {
    /// A command for `sh -c`.
    pub(crate) command: String,
    pub(crate) output: fn(&mut M, Time, Bytes),
    pub(crate) end: fn(&mut M, Time),
}

/// A program that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot run `{command}`: {source}")]
pub(crate) struct ProgramError {
    command: String,
    source: io::Error,
}

/// A running program. Dropping it kills it, with what it has started.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    /// `None` once it has ended.
    stdout: Option<ChildStdout>,
    /// Where its output is read into.
    buffer: Vec<u8>,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    /// Whether its stdin ends once it has read what waits.
    is_ending: bool,
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended has no number any more, and its children go on as they like.
        if let Some(leader) = self.child.id() {
            // It may end at this very moment.
            let _ = sockpit_sys::process::kill_group(leader);
        }
    }
}

impl Program {
    pub(crate) fn start(command: &str) -> Result<Self, ProgramError> {
        let fail = |source| ProgramError {
            command: command.to_owned(),
            source,
        };
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it starts itself ends with it; and Ctrl-C is for us, who let it finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(fail)?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        Ok(Self {
            child,
            stdin,
            stdout,
            buffer: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            is_ending: false,
        })
    }

    /// Gives it what the peer sent.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if self.stdin.is_some() && !bytes.is_empty() {
            self.waiting_bytes += bytes.len();
            self.waiting.push_back(bytes);
        }
    }

    /// The peer will send nothing more.
    pub(crate) fn end(&mut self) {
        self.is_ending = true;
    }

    /// Whether it may be given more.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting_bytes < FEED_LIMIT
    }

    /// Lets it read what waits; tells whether something moved.
    pub(crate) fn poll_feed(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let (Some(stdin), Some(front)) = (&mut self.stdin, self.waiting.front_mut()) {
            match Pin::new(stdin).poll_write(cx, front) {
                Poll::Pending => return moved,
                Poll::Ready(Ok(written)) => {
                    moved = true;
                    self.waiting_bytes -= written;
                    front.advance(written);
                    if front.is_empty() {
                        self.waiting.pop_front();
                    }
                }
                // It reads no more; what it still writes is sent all the same.
                Poll::Ready(Err(_)) => {
                    moved = true;
                    self.stdin = None;
                    self.waiting.clear();
                    self.waiting_bytes = 0;
                }
            }
        }
        if self.is_ending && self.stdin.is_some() {
            self.stdin = None;
            moved = true;
        }
        moved
    }

    /// What it writes; `None` once, when it will write nothing more.
    pub(crate) fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(stdout) = &mut self.stdout else {
            return Poll::Pending;
        };
        self.buffer.resize(READ_SIZE, 0);
        let mut into = ReadBuf::new(&mut self.buffer);
        match Pin::new(stdout).poll_read(cx, &mut into) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) if !into.filled().is_empty() => {
                Poll::Ready(Some(Bytes::copy_from_slice(into.filled())))
            }
            Poll::Ready(_) => {
                self.stdout = None;
                Poll::Ready(None)
            }
        }
    }

    /// Ready once it has read what waits and has ended by itself.
    pub(crate) fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.end();
        while self.poll_feed(cx) {}
        if self.stdin.is_some() {
            return Poll::Pending;
        }
        // Nobody sends what it still writes; a full pipe must not keep it.
        self.stdout = None;
        let exit = std::pin::pin!(self.child.wait());
        exit.poll(cx).map(drop)
    }
}
