//! What stdin gives.
//!
//! Stdin is read by a thread, in blocking reads: a terminal or a pipe that the shell shares must not
//! be made non-blocking.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::thread;

use bytes::Bytes;
use sockpit_engine::stdio::Patient;
use tokio::sync::mpsc;

use super::settings::{Settings, Stdin};
use crate::console::{Editor, Typed};

/// In bytes: one read of piped bytes.
const READ_SIZE: usize = 64 * 1024;

/// Reads that wait to be sent; with the session's own budget it bounds what stdin may run ahead.
const WAITING: usize = 4;

/// What the reading thread hands over.
pub(in crate::command) enum Taken {
    /// Bytes of a stream, or one line without its end.
    Piece(Bytes),
    /// One of several lines that were pasted, which is no command whatever it begins with.
    Pasted(Bytes),
    /// A line is longer than a message may be.
    TooLong,
    /// Stdin could not be read.
    Failed(io::Error),
    /// There is no more.
    End,
}

/// Stdin, being read.
pub(in crate::command) enum Feed {
    /// As it comes, by a thread.
    Plain(mpsc::Receiver<Taken>),
    /// Line by line, as somebody edits them; of pasted text the lines that are not taken yet.
    Edited(Editor, VecDeque<Bytes>),
}

impl Feed {
    /// Begins to read stdin, or to edit lines where none is given.
    ///
    /// # Errors
    ///
    /// Returns why the terminal cannot be used.
    pub(super) fn start(
        settings: &Settings,
        prompt: &str,
        stdin: Option<Patient>,
    ) -> io::Result<Self> {
        let Some(plain) = stdin else {
            let editor = Editor::start(
                super::keyboard::completions(settings.plan.rules.as_deref()),
                prompt,
            )?;
            return Ok(Self::Edited(editor, VecDeque::new()));
        };
        let (sender, pieces) = mpsc::channel(WAITING);
        let stdin = settings.stdin;
        let max_line = settings.plan.max_frame;
        thread::spawn(move || {
            let last = match stdin {
                Stdin::Bytes => read_bytes(plain, &sender, false),
                Stdin::Text(_) => read_bytes(plain, &sender, true),
                _ => read_lines(plain, &sender, max_line),
            };
            // The conversation may be over before stdin is.
            let _ = sender.blocking_send(last.unwrap_or_else(Taken::Failed));
        });
        Ok(Self::Plain(pieces))
    }

    /// Begins to read lines of at most `max_line` bytes.
    pub(in crate::command) fn of_lines(stdin: Patient, max_line: usize) -> Self {
        let (sender, pieces) = mpsc::channel(WAITING);
        thread::spawn(move || {
            let last = read_lines(stdin, &sender, max_line);
            // What the lines are for may be over before stdin is.
            let _ = sender.blocking_send(last.unwrap_or_else(Taken::Failed));
        });
        Self::Plain(pieces)
    }

    /// Lines that somebody edits.
    pub(in crate::command) fn edited(editor: Editor) -> Self {
        Self::Edited(editor, VecDeque::new())
    }

    /// The next piece of a feed, which never comes where there is none. Cancel-safe.
    pub(in crate::command) async fn taken(feed: Option<&mut Self>) -> Taken {
        match feed {
            Some(feed) => feed.next().await,
            None => std::future::pending().await,
        }
    }

    /// Takes nothing more.
    pub(in crate::command) fn close(&mut self) {
        match self {
            Self::Plain(pieces) => pieces.close(),
            Self::Edited(editor, _) => editor.close(),
        }
    }

    /// Says that the last piece was dealt with, and what stands before the next line.
    pub(in crate::command) fn ask(&self, prompt: impl FnOnce() -> String) {
        if let Self::Edited(editor, lines) = self
            && lines.is_empty()
        {
            editor.ask(prompt);
        }
    }

    /// The next piece. Cancel-safe.
    async fn next(&mut self) -> Taken {
        match self {
            Self::Plain(pieces) => {
                let lost = || Taken::Failed(io::Error::other("its reader is gone"));
                pieces.recv().await.unwrap_or_else(lost)
            }
            Self::Edited(editor, lines) => {
                if let Some(line) = lines.pop_front() {
                    return Taken::Pasted(line);
                }
                match editor.next().await {
                    Typed::End => Taken::End,
                    Typed::Failed => Taken::Failed(io::Error::other("the line editor gave up")),
                    Typed::Line(line) if !line.contains('\n') => Taken::Piece(line.into()),
                    Typed::Line(text) => {
                        let pasted = text
                            .lines()
                            .map(|line| Bytes::copy_from_slice(line.as_bytes()));
                        lines.extend(pasted);
                        lines
                            .pop_front()
                            .map_or(Taken::Piece(Bytes::new()), Taken::Pasted)
                    }
                }
            }
        }
    }
}

/// Reads pieces of a stream; pieces of text end between characters, unless stdin itself does not.
fn read_bytes(
    mut stdin: Patient,
    sender: &mpsc::Sender<Taken>,
    is_text: bool,
) -> io::Result<Taken> {
    let mut buffer = vec![0; READ_SIZE];
    let mut kept = 0;
    loop {
        let read = match stdin.read(&mut buffer[kept..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let len = kept + read;
        let whole = if is_text && read > 0 {
            whole_characters(&buffer[..len])
        } else {
            len
        };
        if whole > 0 {
            let piece = Taken::Piece(Bytes::copy_from_slice(&buffer[..whole]));
            if sender.blocking_send(piece).is_err() {
                return Ok(Taken::End);
            }
        }
        if read == 0 {
            return Ok(Taken::End);
        }
        buffer.copy_within(whole..len, 0);
        kept = len - whole;
    }
}

/// How many of these bytes come before a UTF-8 character that is cut at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

fn read_lines(stdin: Patient, sender: &mpsc::Sender<Taken>, max_line: usize) -> io::Result<Taken> {
    // Two more for the end of the line.
    let most = max_line.saturating_add(2);
    let mut stdin = BufReader::with_capacity(READ_SIZE, stdin);
    loop {
        let mut line = Vec::new();
        stdin
            .by_ref()
            .take((most as u64).saturating_add(1))
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(Taken::End);
        }
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        }
        if line.len() > max_line {
            return Ok(Taken::TooLong);
        }
        if sender.blocking_send(Taken::Piece(line.into())).is_err() {
            return Ok(Taken::End);
        }
    }
}
