//! A recording, read back event by event: never the whole file, and tolerant of how it ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Duration;

use sockpit_core::event::{Event, What};
use sockpit_core::record::{self, Epoch, ReadError};
use sockpit_core::size::ByteSize;
use sockpit_core::time::Time;
use sockpit_sys::poll::{Interest, wait};

use crate::PACKETS_NOTE;
use crate::stdio::Patient;

/// In bytes: the longest line that is read. A record of the longest message that a session takes
/// unless it is told otherwise (16 MiB) is a tenth of that.
const MAX_LINE: usize = 512 * 1024 * 1024;

/// In bytes: one read of the file.
const READ_SIZE: usize = 256 * 1024;

/// Reads the events of a recording.
///
/// A last line that was cut off, because the program that wrote it was killed, is left out; so are
/// events and faults that a later version may have. Both are counted and neither is an error.
pub struct Recording {
    input: BufReader<Box<dyn Read + Send>>,
    name: String,
    line: Vec<u8>,
    /// The number of the last line, from 1.
    number: u64,
    epoch: Option<Epoch>,
    unknown: u64,
    is_torn: bool,
    late: Late,
    is_over: bool,
}

/// Why a recording cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The system gives no bytes of it.
    #[error("cannot read {name}")]
    Io {
        /// The file's name in backticks, or `stdin`.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A line is no record.
    #[error("{name}, line {line}")]
    Line {
        /// The file's name in backticks, or `stdin`.
        name: String,
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        source: ReadError,
    },
    /// A line is longer than any record that is read here.
    #[error(
        "{name}, line {line}: the line is longer than {}, and no record",
        ByteSize(MAX_LINE)
    )]
    TooLong {
        /// The file's name in backticks, or `stdin`.
        name: String,
        /// Its number, from 1.
        line: u64,
    },
}

impl Recording {
    /// Opens a recording; `-` is stdin.
    ///
    /// # Errors
    ///
    /// Returns a [`RecordingError`] where there is no such file, or it may not be read.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        Self::open_telling(path, || ())
    }

    /// The same, and calls `before_wait` each time more of stdin has to be waited for: what was
    /// written to it until then has been read. A file is never waited for.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_telling(
        path: &Path,
        before_wait: impl FnMut() + Send + 'static,
    ) -> Result<Self, RecordingError> {
        if path == Path::new("-") {
            let fail = |source| RecordingError::Io {
                name: "stdin".to_owned(),
                source,
            };
            let stdin = Telling {
                stdin: Patient::stdin().map_err(fail)?,
                before_wait,
            };
            return Ok(Self::new(Box::new(stdin), "stdin".to_owned()));
        }
        let name = format!("`{}`", path.display());
        match File::open(path) {
            Ok(file) => Ok(Self::new(Box::new(file), name)),
            Err(source) => Err(RecordingError::Io { name, source }),
        }
    }

    fn new(input: Box<dyn Read + Send>, name: String) -> Self {
        Self {
            input: BufReader::with_capacity(READ_SIZE, input),
            name,
            line: Vec::new(),
            number: 0,
            epoch: None,
            unknown: 0,
            is_torn: false,
            late: Late::default(),
            is_over: false,
        }
    }

    /// The next event; `None` at the end.
    ///
    /// Times are counted from the first record. Where there are packets, which were told some time
    /// after they passed, events come in the order in which they happened.
    ///
    /// # Errors
    ///
    /// Returns a [`RecordingError`] where the file cannot be read, or a line that has an end is no
    /// record. Nothing is to be expected after that.
    pub fn next_event(&mut self) -> Result<Option<Event>, RecordingError> {
        loop {
            if let Some(event) = self.late.pop(self.is_over) {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.next_told()? {
                Some(event) if self.late.holds(&event) => self.late.push(event),
                Some(event) => return Ok(Some(event)),
                None => self.is_over = true,
            }
        }
    }

    /// The next event as it was told.
    fn next_told(&mut self) -> Result<Option<Event>, RecordingError> {
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            let is_whole = self.line.ends_with(b"\n");
            if self.line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match self.read_event() {
                Ok(event) => return Ok(Some(event)),
                Err(_) if !is_whole => {
                    self.is_torn = true;
                    return Ok(None);
                }
                Err(
                    ReadError::Event { .. }
                    | ReadError::Field {
                        field: "kind" | "reason",
                        ..
                    },
                ) => self.unknown += 1,
                Err(source) => {
                    return Err(RecordingError::Line {
                        name: self.name.clone(),
                        line: self.number,
                        source,
                    });
                }
            }
        }
    }

    /// When the first record was made; `None` before it was read.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Records that were left out because this version does not know what they tell.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Whether the last line was cut off, and left out.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }

    fn read_event(&mut self) -> Result<Event, ReadError> {
        let epoch = match self.epoch {
            Some(epoch) => epoch,
            None => *self.epoch.insert(record::moment(&self.line)?),
        };
        record::read(&self.line, epoch)
    }

    /// Reads one line; `false` at the end.
    fn read_line(&mut self) -> Result<bool, RecordingError> {
        self.line.clear();
        let mut part = (&mut self.input).take(MAX_LINE as u64 + 1);
        let read = part.read_until(b'\n', &mut self.line);
        let read = read.map_err(|source| RecordingError::Io {
            name: self.name.clone(),
            source,
        })?;
        self.number += 1;
        if read > MAX_LINE {
            return Err(RecordingError::TooLong {
                name: self.name.clone(),
                line: self.number,
            });
        }
        Ok(read > 0)
    }
}

/// Stdin that tells before it is waited for.
struct Telling<F> {
    stdin: Patient,
    before_wait: F,
}

impl<F: FnMut()> Read for Telling<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let shared = io::stdin();
        let mut interests = [Interest::to_read(shared.as_fd())];
        if wait(&mut interests, Some(Duration::ZERO))? == 0 {
            (self.before_wait)();
        }
        self.stdin.read(into)
    }
}

/// So far a packet may be told behind what happened after it: it waits for its peer a second at most,
/// and as long for a bus that is full.
const LATEST: Duration = Duration::from_secs(3);

/// In bytes: events that wait for others at most; the first is given before its time then.
const MOST_LATE: usize = 32 * 1024 * 1024;

/// In bytes: what an event costs beside its payload.
const EVENT_COST: usize = 512;

/// Events that wait for packets that were told later and passed before.
#[derive(Default)]
struct Late {
    events: BTreeMap<(Time, u64), Event>,
    len: usize,
    latest: Time,
    has_packets: bool,
}

impl Late {
    /// Whether an event has to wait: from the first on that tells of packets.
    fn holds(&mut self, event: &Event) -> bool {
        self.has_packets |= match &event.what {
            What::Packet { .. } => true,
            What::Note { kind, data, .. } => kind == PACKETS_NOTE && data["level"] != "none",
            _ => false,
        };
        self.has_packets
    }

    fn push(&mut self, event: Event) {
        self.latest = self.latest.max(event.time);
        self.len += cost_of(&event);
        // Recordings of other programs may number as they like.
        let mut number = event.number;
        while self.events.contains_key(&(event.time, number)) {
            number = number.wrapping_add(1);
        }
        self.events.insert((event.time, number), event);
    }

    /// The first event, if nothing can come before it any more.
    fn pop(&mut self, is_over: bool) -> Option<Event> {
        let (&(first, _), _) = self.events.first_key_value()?;
        let is_due = first + LATEST <= self.latest || MOST_LATE < self.len;
        if !is_due && !is_over {
            return None;
        }
        let (_, event) = self.events.pop_first()?;
        self.len = self.len.saturating_sub(cost_of(&event));
        Some(event)
    }
}

fn cost_of(event: &Event) -> usize {
    EVENT_COST
        + match &event.what {
            What::Chunk { bytes, .. } => bytes.len(),
            What::Frame { payload, .. } => 2 * payload.len(),
            What::Packet { packet, .. } => packet.bytes.len(),
            _ => 0,
        }
}
