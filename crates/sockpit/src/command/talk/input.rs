//! What stdin gives, and how it becomes messages.
//!
//! Stdin is read by a thread, in blocking reads: a terminal or a pipe that the shell shares must not
//! be made non-blocking.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::thread;

use bytes::Bytes;
use sockpit_core::session::{Message, Session as Machine};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::stdio::Patient;
use sockpit_engine::{Session, Target, cause_text};
use tokio::sync::mpsc;

use super::script;
use super::settings::{Settings, Stdin};
use crate::console::Console;

/// In bytes: one read of piped bytes.
const READ_SIZE: usize = 64 * 1024;

/// Reads that wait to be sent; with the session's own budget it bounds what stdin may run ahead.
const WAITING: usize = 4;

/// What the reading thread hands over.
pub(super) enum Taken {
    /// Bytes of a stream, or one line without its end.
    Piece(Bytes),
    /// A line is longer than a message may be.
    TooLong,
    /// Stdin could not be read.
    Failed(io::Error),
    /// There is no more.
    End,
}

/// What became of it.
pub(super) enum Given {
    /// It is on its way; go on.
    More,
    /// Stdin is over.
    End,
    /// The session was over before it could be sent.
    Lost,
    /// The user wants to leave.
    Quit,
    /// It cannot be sent, for this reason.
    Wrong(String),
}

/// Stdin, being read.
pub(super) struct Feed {
    pieces: mpsc::Receiver<Taken>,
}

impl Feed {
    pub(super) fn start(settings: &Settings) -> Self {
        let (sender, pieces) = mpsc::channel(WAITING);
        let stdin = settings.stdin;
        let max_line = settings.plan.max_frame;
        thread::spawn(move || {
            let last = match stdin {
                Stdin::Bytes => read_bytes(&sender, false),
                Stdin::Text(_) => read_bytes(&sender, true),
                _ => read_lines(&sender, max_line),
            };
            // The conversation may be over before stdin is.
            let _ = sender.blocking_send(last.unwrap_or_else(Taken::Failed));
        });
        Self { pieces }
    }

    /// The next piece. Cancel-safe.
    pub(super) async fn next(&mut self) -> Taken {
        let lost = || Taken::Failed(io::Error::other("its reader is gone"));
        self.pieces.recv().await.unwrap_or_else(lost)
    }
}

/// Reads pieces of a stream; pieces of text end between characters, unless stdin itself does not.
fn read_bytes(sender: &mpsc::Sender<Taken>, is_text: bool) -> io::Result<Taken> {
    let mut stdin = Patient::stdin()?;
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

fn read_lines(sender: &mpsc::Sender<Taken>, max_line: usize) -> io::Result<Taken> {
    // Two more for the end of the line.
    let most = max_line.saturating_add(2);
    let mut stdin = BufReader::with_capacity(READ_SIZE, Patient::stdin()?);
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

/// Gives a piece of stdin to the session; waits while the peer has not taken earlier ones.
pub(super) async fn give(
    taken: Taken,
    settings: &Settings,
    session: &Session<Machine>,
    console: &Console,
) -> Given {
    let piece = match taken {
        Taken::Piece(piece) => piece,
        Taken::TooLong => {
            return Given::Wrong(format!(
                "stdin has a line of more than {} bytes; `--max-frame` allows longer ones",
                settings.plan.max_frame
            ));
        }
        Taken::Failed(error) => {
            return Given::Wrong(format!("cannot read stdin: {}", cause_text(&error)));
        }
        Taken::End => {
            session.finish(target_of(settings, console)).await;
            return Given::End;
        }
    };
    let target = target_of(settings, console);
    let payload = match settings.stdin {
        Stdin::Bytes | Stdin::Unused => piece,
        Stdin::Text(charset) => match to_charset(&piece, charset) {
            Ok(bytes) => bytes,
            Err(message) => return Given::Wrong(message),
        },
        Stdin::Lines => match to_message(piece, settings.plan.text_out) {
            Ok(bytes) => bytes,
            Err(message) => return Given::Wrong(message),
        },
        Stdin::Typed => {
            let text = String::from_utf8_lossy(&piece).into_owned();
            let text = match text.strip_prefix('/') {
                Some(rest) if rest.starts_with('/') => rest,
                Some(command) => return obey(command, session, console).await,
                None => text.as_str(),
            };
            match script::encode(text, settings.escape, &settings.plan) {
                Ok(bytes) => bytes,
                // A slip of the fingers must not end the conversation.
                Err(error) => {
                    console.error(&crate::exit::sentence(&error));
                    return Given::More;
                }
            }
        }
    };
    let message = if settings.stdin == Stdin::Bytes {
        Message {
            wire: payload.clone(),
            payload,
        }
    } else {
        match settings.plan.message(payload) {
            Ok(message) => message,
            Err(error) if settings.stdin == Stdin::Typed => {
                console.error(&error.to_string());
                return Given::More;
            }
            Err(error) => return Given::Wrong(error.to_string()),
        }
    };
    if session.send(target, message).await {
        Given::More
    } else {
        Given::Lost
    }
}

/// Whom stdin is for: typed lines go where the user wants them, a pipe has one reader.
fn target_of(settings: &Settings, console: &Console) -> Target {
    match settings.stdin {
        Stdin::Typed => console.target(),
        _ => Target::First,
    }
}

/// Piped UTF-8, in the charset that the peer reads.
fn to_charset(piece: &Bytes, charset: Charset) -> Result<Bytes, String> {
    let text = std::str::from_utf8(piece).map_err(|error| {
        format!(
            "stdin is not UTF-8 (byte {} of the latest {}), so it cannot be sent in {charset}",
            error.valid_up_to(),
            piece.len()
        )
    })?;
    charset
        .encode(text)
        .map(|bytes| bytes.into_owned().into())
        .map_err(|error| error.to_string())
}

/// A piped line as a message: text goes out in the charset of the plan, bytes that are no UTF-8 as
/// they are.
fn to_message(line: Bytes, charset: Charset) -> Result<Bytes, String> {
    if charset == Charset::UTF_8 {
        return Ok(line);
    }
    match std::str::from_utf8(&line) {
        Ok(text) => charset
            .encode(text)
            .map(|bytes| bytes.into_owned().into())
            .map_err(|error| error.to_string()),
        Err(_) => Ok(line),
    }
}

/// Carries out a command that was typed as `/command`.
async fn obey(command: &str, session: &Session<Machine>, console: &Console) -> Given {
    let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
    match word {
        "to" => match rest.trim().parse() {
            Ok(peer) => {
                console.set_target(Target::Peer(peer));
                console.say(&format!("lines go to peer {peer}"));
            }
            Err(_) => console.say("write `/to 2`: the number of a peer, as `/peers` lists them"),
        },
        "all" => {
            console.set_target(Target::All);
            console.say("lines go to every peer");
        }
        "latest" => {
            console.set_target(Target::Latest);
            console.say("lines go to the peer that came last");
        }
        "peers" => {
            let peers = session.peers().await;
            if peers.is_empty() {
                console.say("no peers");
            }
            for peer in peers {
                console.say(&format!("{}  {}", peer.number, VisibleLine(&peer.addr)));
            }
        }
        "close" => match rest.trim().parse() {
            Ok(peer) => session.disconnect(peer),
            Err(_) => console.say("write `/close 2`: the number of a peer"),
        },
        "quit" => return Given::Quit,
        "help" => console.say(
            "/to N, /all, /latest: whom lines go to · /peers · /close N · /quit · //x sends `/x`",
        ),
        _ => console.say(&format!(
            "no command `/{}`; `/help` lists them, and `//` sends a line that begins with `/`",
            VisibleLine(word)
        )),
    }
    Given::More
}
