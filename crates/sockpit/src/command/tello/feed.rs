//! Where the lines come from that somebody who flies gives: a keyboard, or a pipe.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::sync::Arc;
use std::thread;

use sockpit_engine::stdio::Patient;
use tokio::sync::mpsc;

use super::copilot::Copilot;
use crate::console::{Editor, Typed};

/// Lines of stdin that wait.
const WAITING: usize = 4;

/// In bytes: the longest line of a pipe; no command is as long.
const MAX_LINE: u64 = 64 * 1024;

/// Where lines come from.
pub(super) enum Feed {
    None,
    Edited(Editor),
    /// A thread that reads stdin; `None` is its end.
    Plain(mpsc::Receiver<Result<String, io::Error>>),
}

impl Feed {
    /// Begins to read lines, from a keyboard where `is_edited`.
    ///
    /// # Errors
    ///
    /// Returns why stdin or the terminal cannot be used.
    pub(super) fn start(copilot: &Arc<Copilot>, prompt: &str, is_edited: bool) -> io::Result<Self> {
        if is_edited {
            let editor = Editor::aided(copilot.clone(), prompt, "tello-history")?;
            return Ok(Self::Edited(editor));
        }
        let stdin = Patient::stdin()?;
        let (sender, lines) = mpsc::channel(WAITING);
        thread::Builder::new()
            .name("sockpit-stdin".to_owned())
            .spawn(move || {
                if let Err(error) = read_lines(stdin, &sender) {
                    // Nobody may wait for lines any more.
                    let _ = sender.blocking_send(Err(error));
                }
            })?;
        Ok(Self::Plain(lines))
    }

    /// The next line; `None` at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Result<String, io::Error>> {
        match self {
            Self::None => std::future::pending().await,
            Self::Plain(lines) => lines.recv().await,
            Self::Edited(editor) => match editor.next().await {
                Typed::Line(line) => Some(Ok(line)),
                Typed::End => None,
                Typed::Failed => Some(Err(io::Error::other("the line editor gave up"))),
            },
        }
    }
}

fn read_lines(stdin: Patient, sender: &mpsc::Sender<Result<String, io::Error>>) -> io::Result<()> {
    let mut stdin = BufReader::new(stdin);
    loop {
        let mut line = Vec::new();
        stdin.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
            return Err(io::Error::other(
                "it has a line that is too long for a command",
            ));
        }
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if sender.blocking_send(Ok(line)).is_err() {
            return Ok(());
        }
    }
}
