//! The way back from a line to an event.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Epoch, VERSION, packet};
use crate::event::{Direction, Event, FaultKind, What};
use crate::machine::Reason;
use crate::text::escape::VisibleLine;
use crate::text::hex::{self, ParseHexError};
use crate::time::Time;

/// Reads a record back, with its time counted from `epoch`; a moment before it becomes
/// [`Time::ZERO`].
///
/// What [`write()`](super::write()) wrote comes back equal, but for one thing: `malformed` of a
/// frame is no field, and is taken from a `text` with U+FFFD beside a `hex`. A valid message that
/// holds a U+FFFD of its own in another charset than UTF-8 comes back as malformed.
///
/// Fields that are not in the schema are ignored.
///
/// # Errors
///
/// A line that is no record, or one of another version. No error says anything of the next line.
pub fn read(line: &[u8], epoch: Epoch) -> Result<Event, ReadError> {
    let mut fields = Fields::of(line)?;
    let what = match fields.event.as_ref() {
        "listening" => What::Listening {
            local: fields.local.into_owned(),
        },
        "opened" => What::Opened {
            addr: fields.addr.into_owned(),
            local: fields.local.into_owned(),
        },
        "chunk" => What::Chunk {
            direction: fields.direction()?,
            offset: fields.need("offset", fields.offset)?,
            bytes: fields.bytes(None)?.into(),
            full_len: fields.full_len,
        },
        "frame" => What::Frame {
            direction: fields.direction()?,
            offset: fields.need("offset", fields.offset)?,
            payload: fields.bytes(fields.text.as_deref())?.into(),
            malformed: fields.hex.is_some()
                && fields
                    .text
                    .as_ref()
                    .is_some_and(|text| text.contains('\u{fffd}')),
            partial: fields.partial,
            full_len: fields.full_len,
            text: fields.text.map(Cow::into_owned),
        },
        "packet" => What::Packet {
            direction: fields.direction()?,
            offset: fields.offset,
            packet: Box::new(packet::read(
                fields.data.take(),
                fields.bytes(None)?.into(),
                fields.full_len,
            )?),
        },
        "closed" => What::Closed {
            reason: fields.reason()?,
            message: fields.message.into_owned(),
        },
        "fault" => What::Fault {
            kind: fields.fault_kind()?,
            message: fields.message.into_owned(),
            count: fields.count,
        },
        "gap" => What::Gap {
            count: fields.need("count", fields.count)?,
        },
        "note" => What::Note {
            kind: fields.need("kind", fields.kind.clone())?.into_owned(),
            message: fields.message.into_owned(),
            data: fields.data,
        },
        other => {
            return Err(ReadError::Event {
                name: other.to_owned(),
            });
        }
    };
    let Epoch(moment) = moment_of(&fields.at)?;
    Ok(Event {
        number: fields.n,
        time: Time::from_nanos(moment.saturating_sub(epoch.0)),
        session: fields.session,
        peer: fields.peer,
        what,
    })
}

/// Reads when a record was made. That of the first record serves as the epoch of a recording.
///
/// # Errors
///
/// As [`read`], but for what only some events have.
pub fn moment(line: &[u8]) -> Result<Epoch, ReadError> {
    moment_of(&Fields::of(line)?.at)
}

/// Why a line is no record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is no JSON object with the fields that every record has.
    #[error("the line is no record")]
    Syntax(#[source] serde_json::Error),
    /// `data` of a packet does not hold what it should.
    #[error("`data` is not that of a packet")]
    Packet(#[source] serde_json::Error),
    /// It was written by another version.
    #[error(
        "version `{}` of records is not understood, only `{VERSION}`",
        VisibleLine(found)
    )]
    Version {
        /// What stands in `v`.
        found: String,
    },
    /// There is no such event. A program that shows what it knows may skip it.
    #[error("`{}` is no event of version {VERSION}", VisibleLine(name))]
    Event {
        /// What stands in `event`.
        name: String,
    },
    /// An event lacks a field that it needs.
    #[error("a `{}` record has no `{field}`", VisibleLine(event))]
    Missing {
        /// What stands in `event`.
        event: String,
        /// The name of the field.
        field: &'static str,
    },
    /// A field holds what it cannot mean.
    #[error("`{field}` is `{}`, not {expected}", VisibleLine(found))]
    Field {
        /// The name of the field.
        field: &'static str,
        /// What stands in it.
        found: String,
        /// What may stand in it.
        expected: &'static str,
    },
    /// `hex` is not hexadecimal.
    #[error("`hex` holds no bytes")]
    Hex(#[source] ParseHexError),
    /// The record holds another number of bytes than it says.
    #[error("`len` is {stated}, but the record holds {held} bytes")]
    Len {
        /// What stands in `len`.
        stated: u64,
        /// How many bytes `hex` or `text` holds.
        held: u64,
    },
}

/// A record as it stands in the line.
#[derive(Deserialize)]
struct Fields<'a> {
    v: Value,
    n: u64,
    #[serde(borrow)]
    at: Cow<'a, str>,
    session: u32,
    peer: u32,
    #[serde(borrow)]
    event: Cow<'a, str>,
    dir: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    addr: Cow<'a, str>,
    #[serde(borrow, default)]
    local: Cow<'a, str>,
    offset: Option<u64>,
    len: Option<u64>,
    full_len: Option<usize>,
    #[serde(default)]
    partial: bool,
    text: Option<Cow<'a, str>>,
    hex: Option<Cow<'a, str>>,
    count: Option<u64>,
    reason: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    data: Value,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

/// What is read first of a record that cannot be read whole.
#[derive(Deserialize)]
struct Version {
    v: Value,
}

impl<'a> Fields<'a> {
    fn of(line: &'a [u8]) -> Result<Self, ReadError> {
        let fields = serde_json::from_slice::<Self>(line);
        let version = match &fields {
            Ok(fields) => Some(fields.v.clone()),
            Err(_) => serde_json::from_slice::<Version>(line)
                .ok()
                .map(|version| version.v),
        };
        match version {
            Some(found) if found != VERSION => Err(ReadError::Version {
                found: found.to_string(),
            }),
            _ => fields.map_err(ReadError::Syntax),
        }
    }

    fn need<T>(&self, field: &'static str, value: Option<T>) -> Result<T, ReadError> {
        value.ok_or_else(|| ReadError::Missing {
            event: self.event.to_string(),
            field,
        })
    }

    fn direction(&self) -> Result<Direction, ReadError> {
        match self.need("dir", self.dir.as_deref())? {
            "in" => Ok(Direction::In),
            "out" => Ok(Direction::Out),
            other => Err(unknown("dir", other, "`in` or `out`")),
        }
    }

    fn reason(&self) -> Result<Reason, ReadError> {
        let word = self.need("reason", self.reason.as_deref())?;
        let reason = Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == word);
        reason.ok_or_else(|| unknown("reason", word, "a reason of this version"))
    }

    fn fault_kind(&self) -> Result<FaultKind, ReadError> {
        let word = self.need("kind", self.kind.as_deref())?;
        let kind = FaultKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word);
        kind.ok_or_else(|| unknown("kind", word, "a fault of this version"))
    }

    /// Takes the bytes from `hex`, or else from the text that is one with them.
    fn bytes(&self, text: Option<&str>) -> Result<Vec<u8>, ReadError> {
        let bytes = match (&self.hex, text) {
            (None, Some(text)) => text.as_bytes().to_vec(),
            (hex, _) => {
                let hex = self.need("hex", hex.as_deref())?;
                hex::parse(hex).map_err(ReadError::Hex)?
            }
        };
        let held = bytes.len() as u64;
        match self.len {
            Some(stated) if stated != held => Err(ReadError::Len { stated, held }),
            _ => Ok(bytes),
        }
    }
}

fn moment_of(at: &str) -> Result<Epoch, ReadError> {
    let moment = at.parse::<Timestamp>().ok();
    moment
        .and_then(|moment| u64::try_from(moment.as_nanosecond()).ok())
        .map(Epoch)
        .ok_or_else(|| unknown("at", at, "a time between 1970 and 2554 as in RFC 3339"))
}

fn unknown(field: &'static str, found: &str, expected: &'static str) -> ReadError {
    ReadError::Field {
        field,
        found: found.to_owned(),
        expected,
    }
}
