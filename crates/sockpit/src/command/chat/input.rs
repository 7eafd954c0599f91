//! What is said: lines that somebody types, or that are piped in.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::sync::Arc;
use std::thread;

use sockpit_engine::stdio::Patient;
use tokio::sync::mpsc;

use crate::console::{Company, Editor, Typed};

/// In bytes: a longer line is no message of any way.
const MAX_LINE: u64 = 1024 * 1024;

/// Lines that wait to be said.
const WAITING: usize = 16;

/// What there is to say.
pub(super) enum Taken {
    /// A line, without its end.
    Line(Vec<u8>),
    /// Some text that was pasted, with line ends in it: its lines are no commands.
    Pasted(String),
    /// There is no more.
    End,
    /// It could not be read.
    Failed(String),
}

/// Where it comes from.
pub(super) enum Input {
    Piped(mpsc::Receiver<Taken>),
    Edited(Editor),
    /// Nothing comes any more.
    Over,
}

impl Input {
    /// Reads stdin line by line.
    pub(super) fn piped(stdin: Patient) -> Self {
        let (sender, lines) = mpsc::channel(WAITING);
        thread::spawn(move || {
            let last = match read(stdin, &sender) {
                Ok(last) => last,
                Err(error) => Taken::Failed(sockpit_engine::cause_text(&error)),
            };
            // The chat may be over before stdin is.
            let _ = sender.blocking_send(last);
        });
        Self::Piped(lines)
    }

    /// Has somebody edit lines.
    ///
    /// # Errors
    ///
    /// Returns why the terminal cannot be used.
    pub(super) fn edited(company: &Company, prompt: &str) -> io::Result<Self> {
        let aid = Arc::new(company.clone());
        Ok(Self::Edited(Editor::aided(aid, prompt, "chat-history")?))
    }

    /// The next thing. Cancel-safe.
    pub(super) async fn next(&mut self) -> Taken {
        match self {
            Self::Piped(lines) => lines.recv().await.unwrap_or(Taken::End),
            Self::Edited(editor) => match editor.next().await {
                Typed::Line(line) if line.contains('\n') => Taken::Pasted(line),
                Typed::Line(line) => Taken::Line(line.into_bytes()),
                Typed::End => Taken::End,
                Typed::Failed => Taken::Failed("the line editor gave up".to_owned()),
            },
            Self::Over => std::future::pending().await,
        }
    }

    /// Says that what was taken is dealt with, and what stands before the next line.
    pub(super) fn ask(&self, prompt: impl FnOnce() -> String) {
        if let Self::Edited(editor) = self {
            editor.ask(prompt);
        }
    }

    /// Takes nothing more.
    pub(super) fn close(&mut self) {
        match self {
            Self::Piped(lines) => lines.close(),
            Self::Edited(editor) => editor.close(),
            Self::Over => {}
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }
}

fn read(stdin: Patient, sender: &mpsc::Sender<Taken>) -> io::Result<Taken> {
    let mut stdin = BufReader::new(stdin);
    loop {
        let mut line = Vec::new();
        stdin.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(Taken::End);
        }
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        } else if line.len() as u64 == MAX_LINE {
            return Ok(Taken::Failed(format!(
                "a line has more than {MAX_LINE} bytes, and no message holds it"
            )));
        }
        if sender.blocking_send(Taken::Line(line)).is_err() {
            return Ok(Taken::End);
        }
    }
}
