//! What waits to be sent, in order, while the peer takes what came before.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sockpit_core::plan::Plan;
use sockpit_core::session::{Message, Session as Machine};
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::{Session, Target, cause_text};

/// Things that wait; whoever types more than that does not see a peer that takes nothing.
const MAX_WAITING: usize = 1000;

/// In bytes: a piece of a file that goes into a raw stream.
const FILE_PIECE: usize = 64 * 1024;

/// Sending a file for so long without a word makes people wonder.
const PROGRESS: Duration = Duration::from_secs(1);

/// Something to be sent.
pub(super) enum Outgoing {
    /// A message.
    Message(Message),
    /// A file.
    File(Upload),
    /// The end of what is sent.
    End,
}

/// What became of the first thing that waits.
pub(super) enum Progress {
    /// The session has a piece of it, or all.
    Taken,
    /// The session is over; it waits for the next one.
    Lost,
    /// How far a file is.
    File(String),
    /// It could not be read on, and the rest of it is not sent.
    Failed(String),
}

/// What waits, and for whom.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<(Target, Outgoing)>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds something; `false` where too much waits. There is room for the end always.
    pub(super) fn push(&mut self, target: Target, outgoing: Outgoing) -> bool {
        let is_end = matches!(outgoing, Outgoing::End);
        let has_room = is_end || self.waiting.len() < MAX_WAITING;
        if has_room {
            self.waiting.push_back((target, outgoing));
        }
        has_room
    }

    /// Drops everything but the end; gives how many things that were.
    pub(super) fn clear(&mut self) -> usize {
        let before = self.waiting.len();
        self.waiting
            .retain(|(_, outgoing)| matches!(outgoing, Outgoing::End));
        before - self.waiting.len()
    }

    /// Gives the session the next piece; waits while it cannot take one. Cancel-safe: what is not
    /// taken stays.
    pub(super) async fn advance(&mut self, session: &Session<Machine>) -> Progress {
        let Some((target, outgoing)) = self.waiting.front_mut() else {
            return std::future::pending().await;
        };
        let target = *target;
        let (is_taken, progress) = match outgoing {
            Outgoing::Message(message) => {
                (session.send(target, message.clone()).await, Progress::Taken)
            }
            Outgoing::End => (session.finish(target).await, Progress::Taken),
            Outgoing::File(upload) => match upload.piece() {
                Ok(Some(message)) => {
                    if !session.send(target, message).await {
                        return Progress::Lost;
                    }
                    return upload.advance();
                }
                Ok(None) => (true, Progress::File(upload.summary())),
                Err(message) => (true, Progress::Failed(message)),
            },
        };
        if !is_taken {
            return Progress::Lost;
        }
        self.waiting.pop_front();
        progress
    }
}

/// A file on its way: into a raw stream piece by piece, otherwise as one message.
pub(super) struct Upload {
    name: String,
    file: File,
    len: u64,
    plan: Arc<Plan>,
    /// The piece that was read and is not taken yet.
    piece: Option<Message>,
    /// In bytes.
    sent: u64,
    is_read: bool,
    told: Instant,
}

impl Upload {
    /// Opens a file to be sent as `plan` says.
    ///
    /// # Errors
    ///
    /// Says why it cannot be sent.
    pub(super) fn open(name: &str, plan: Arc<Plan>) -> Result<Self, String> {
        let fail = |cause: &str| format!("cannot send `{}`: {cause}", VisibleLine(name));
        let cause = |error: std::io::Error| fail(&cause_text(&error));
        let file = File::open(name).map_err(cause)?;
        let facts = file.metadata().map_err(cause)?;
        if !facts.is_file() {
            return Err(fail("it is no file"));
        }
        if !plan.is_raw_stream() && facts.len() > plan.max_frame as u64 {
            let most = plan.max_frame;
            return Err(fail(&format!(
                "it has more than {most} bytes, the most of a message"
            )));
        }
        Ok(Self {
            name: VisibleLine(name).to_string(),
            file,
            len: facts.len(),
            plan,
            piece: None,
            sent: 0,
            is_read: false,
            told: Instant::now(),
        })
    }

    /// The next piece; `None` after the last.
    fn piece(&mut self) -> Result<Option<Message>, String> {
        if self.piece.is_none() && !self.is_read {
            let is_stream = self.plan.is_raw_stream();
            let most = if is_stream {
                FILE_PIECE
            } else {
                self.plan.max_frame
            };
            let mut bytes = Vec::new();
            let read = (&self.file).take(most as u64).read_to_end(&mut bytes);
            read.map_err(|error| {
                format!("cannot read on in `{}`: {}", self.name, cause_text(&error))
            })?;
            self.is_read = !is_stream || bytes.is_empty();
            if !bytes.is_empty() || !is_stream {
                let message = self.plan.message(Bytes::from(bytes));
                self.piece = Some(message.map_err(|error| error.to_string())?);
            }
        }
        Ok(self.piece.clone())
    }

    /// Takes that the piece was taken.
    fn advance(&mut self) -> Progress {
        if let Some(piece) = self.piece.take() {
            self.sent += piece.payload.len() as u64;
        }
        if self.told.elapsed() < PROGRESS {
            return Progress::Taken;
        }
        self.told = Instant::now();
        Progress::File(format!(
            "{} of {} bytes of `{}` are sent",
            self.sent, self.len, self.name
        ))
    }

    fn summary(&self) -> String {
        format!("{} bytes of `{}` were sent", self.sent, self.name)
    }
}
