//! Checksums in messages: which, over what, and where it is written.
//!
//! ```text
//! ALGO[:le|:be][,from=N][,to=N][,at=N]
//!
//!  modbus            01 03 00 00 00 0A ▸ C5 CD         appended
//!  sum8,from=2       AA 55 01 02 03 ▸ 06               without the head
//!  xor,at=-1         01 02 03 ??  →  01 02 03 ▸00      in the place that was left for it
//! ```
//!
//! `from` and `to` are places between bytes, as in a Python slice; negative ones count from the end.

mod algorithm;
mod catalogue;
mod search;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

pub use algorithm::{Algorithm, Order, ParseAlgorithmError};
pub use search::{Found, search};

use crate::text::escape::VisibleLine;
use crate::text::hex::Hex;

/// A checksum, the bytes it is of, and its place in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChecksumSpec {
    /// How it is computed.
    pub algorithm: Algorithm,
    /// Which byte of the field comes first.
    pub order: Order,
    /// The first byte that it is of.
    pub from: isize,
    /// Before which byte it ends; `None` is the end of the message, or a field that ends the message.
    pub to: Option<isize>,
    /// Where the field overwrites the message; `None` appends it. Where the range covers the field, it
    /// counts as zeros.
    pub at: Option<isize>,
}

impl ChecksumSpec {
    /// Of the whole message, appended in the algorithm's natural order.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            order: algorithm.natural_order(),
            from: 0,
            to: None,
            at: None,
        }
    }

    /// Writes the checksum of `message` into it.
    ///
    /// # Errors
    ///
    /// Returns a [`ChecksumError`] where a place lies outside the message, which is left as it was.
    pub fn apply(&self, message: &mut Vec<u8>) -> Result<(), ChecksumError> {
        let (range, field) = self.places(message.len())?;
        match field {
            None => {
                let sum = self.algorithm.field(self.order, &message[range]);
                message.extend_from_slice(&sum);
            }
            Some(field) => {
                message[field.clone()].fill(0);
                let sum = self.algorithm.field(self.order, &message[range]);
                message[field].copy_from_slice(&sum);
            }
        }
        Ok(())
    }

    /// Holds the field of a finished message against what it should be.
    ///
    /// # Errors
    ///
    /// Returns a [`ChecksumError`] where a place lies outside the message.
    pub fn verify(&self, message: &[u8]) -> Result<Verdict, ChecksumError> {
        let field = self.field_of(message.len())?;
        let mut again = match self.at {
            Some(_) => message.to_vec(),
            None => message[..field.start].to_vec(),
        };
        self.apply(&mut again)?;
        Ok(Verdict {
            stated: message[field.clone()].to_vec(),
            computed: again[field].to_vec(),
        })
    }

    /// Where the field stands in a finished message of `len` bytes.
    ///
    /// # Errors
    ///
    /// Returns a [`ChecksumError`] where such a message has no room for it.
    pub fn field_of(&self, len: usize) -> Result<Range<usize>, ChecksumError> {
        let field = self.algorithm.field_len();
        match self.at {
            Some(_) => Ok(self.places(len)?.1.expect("a place was told")),
            None => match len.checked_sub(field) {
                Some(start) => Ok(start..len),
                None => Err(ChecksumError::NoRoom {
                    place: "the end",
                    at: 0,
                    field,
                    len,
                }),
            },
        }
    }

    /// Shows a finished message as hex, the field between bars: `01 03 00 00 00 0A | C5 CD`.
    #[must_use]
    pub fn preview(&self, message: &[u8]) -> String {
        let Ok(field) = self.field_of(message.len()) else {
            return Hex(message).to_string();
        };
        [
            &message[..field.start],
            &message[field.clone()],
            &message[field.end..],
        ]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| Hex(part).to_string())
        .collect::<Vec<_>>()
        .join(" | ")
    }

    /// In words: `CRC-16/MODBUS, little-endian, of the whole message, appended in 2 bytes`.
    #[must_use]
    pub fn words(&self) -> String {
        let Self {
            algorithm, order, ..
        } = self;
        let len = algorithm.field_len();
        let order = match len {
            1 => String::new(),
            _ => format!(", {}", order.words()),
        };
        let place = |place: isize| match place {
            0.. => format!("byte {place}"),
            _ => format!("byte {} from the end", place.unsigned_abs()),
        };
        let range = match (self.from, self.to) {
            (0, None) => "the whole message".to_owned(),
            (from, None) => format!("the message from {} on", place(from)),
            (from, Some(to)) => format!("the message from {} to before {}", place(from), place(to)),
        };
        let bytes = if len == 1 { "byte" } else { "bytes" };
        let written = match self.at {
            None => format!("appended in {len} {bytes}"),
            Some(at) => format!("written over {len} {bytes} at {}", place(at)),
        };
        format!("{algorithm}{order}, of {range}, {written}")
    }

    /// The range that is checked, and the field where it overwrites, in a message of `len` bytes.
    fn places(&self, len: usize) -> Result<(Range<usize>, Option<Range<usize>>), ChecksumError> {
        let field = match self.at {
            None => None,
            Some(at) => {
                let start = place("at", at, len)?;
                let field = self.algorithm.field_len();
                let end = start.checked_add(field).filter(|end| *end <= len);
                let end = end.ok_or(ChecksumError::NoRoom {
                    place: "at",
                    at,
                    field,
                    len,
                })?;
                Some(start..end)
            }
        };
        let from = place("from", self.from, len)?;
        let to = match (self.to, &field) {
            (Some(to), _) => place("to", to, len)?,
            (None, Some(field)) if field.end == len => field.start,
            (None, _) => len,
        };
        if from > to {
            return Err(ChecksumError::Backwards { from, to });
        }
        Ok((from..to, field))
    }
}

/// What a message says of itself, and what is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The field as the message has it.
    pub stated: Vec<u8>,
    /// The field as it should be.
    pub computed: Vec<u8>,
}

impl Verdict {
    /// Whether they are the same.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.stated == self.computed
    }
}

/// Why a message cannot be given its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumError {
    /// A place is none of the message's.
    #[error("the checksum's `{key}={place}` lies outside a message of {len} bytes")]
    Outside {
        /// `from`, `to` or `at`.
        key: &'static str,
        /// As told.
        place: isize,
        /// Of the message, in bytes.
        len: usize,
    },
    /// The field would run over the end.
    #[error("a checksum of {field} bytes has no room in a message of {len} bytes{}", at_words(place, *at))]
    NoRoom {
        /// `at`, or the end.
        place: &'static str,
        /// As told.
        at: isize,
        /// Of the field, in bytes.
        field: usize,
        /// Of the message, in bytes.
        len: usize,
    },
    /// The range ends before it begins.
    #[error("the checksum is of the bytes from {from} to before {to}, which are none")]
    Backwards {
        /// Its first byte.
        from: usize,
        /// The byte after its last.
        to: usize,
    },
}

fn at_words(place: &str, at: isize) -> String {
    if place == "at" {
        format!(" at `at={at}`")
    } else {
        String::new()
    }
}

/// A place of a message of `len` bytes; negative ones count from its end.
fn place(key: &'static str, place: isize, len: usize) -> Result<usize, ChecksumError> {
    let from_start = match usize::try_from(place) {
        Ok(place) => Some(place),
        Err(_) => len.checked_sub(place.unsigned_abs()),
    };
    from_start
        .filter(|place| *place <= len)
        .ok_or(ChecksumError::Outside { key, place, len })
}

impl FromStr for ChecksumSpec {
    type Err = ParseChecksumError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(',');
        let head = parts.next().unwrap_or_default().trim();
        if head.is_empty() {
            return Err(ParseChecksumError::Empty);
        }
        let (name, order) = match head.rsplit_once(':') {
            Some((name, order)) => (name, Some(order)),
            None => (head, None),
        };
        let mut spec = Self::new(name.parse()?);
        if let Some(order) = order {
            spec.order = match order.trim().to_ascii_lowercase().as_str() {
                "le" | "lsb" | "l" => Order::Le,
                "be" | "msb" | "b" => Order::Be,
                _ => {
                    return Err(ParseChecksumError::Order {
                        text: order.to_owned(),
                    });
                }
            };
        }
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let number = value.trim().parse();
            let place = || {
                number.clone().map_err(|_| ParseChecksumError::Place {
                    key: key.trim().to_owned(),
                    value: value.to_owned(),
                })
            };
            match key.trim() {
                "from" => spec.from = place()?,
                "to" => spec.to = Some(place()?),
                "at" => spec.at = Some(place()?),
                _ => {
                    return Err(ParseChecksumError::Key {
                        text: part.to_owned(),
                    });
                }
            }
        }
        Ok(spec)
    }
}

impl fmt::Display for ChecksumSpec {
    /// As it reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm.name())?;
        if self.order != self.algorithm.natural_order() {
            write!(f, ":{}", self.order.as_str())?;
        }
        if self.from != 0 {
            write!(f, ",from={}", self.from)?;
        }
        if let Some(to) = self.to {
            write!(f, ",to={to}")?;
        }
        if let Some(at) = self.at {
            write!(f, ",at={at}")?;
        }
        Ok(())
    }
}

/// Why a text is no checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseChecksumError {
    /// Nothing was said.
    #[error("a checksum needs a name, such as `modbus`, `crc32`, `sum8` or `xor`")]
    Empty,
    /// The algorithm is unknown.
    #[error(transparent)]
    Algorithm(#[from] ParseAlgorithmError),
    /// The order is none.
    #[error("`:{}` is no byte order; write `:le` or `:be`", VisibleLine(text))]
    Order {
        /// As typed.
        text: String,
    },
    /// A place is no number.
    #[error(
        "`{key}={}` is no place in a message; write a number of bytes, from the end with `-`, such as `{key}=2` or `{key}=-2`",
        VisibleLine(value)
    )]
    Place {
        /// `from`, `to` or `at`.
        key: String,
        /// As typed.
        value: String,
    },
    /// There is no such key.
    #[error(
        "`{}` says nothing of a checksum; there are `from=N`, `to=N` and `at=N`",
        VisibleLine(text)
    )]
    Key {
        /// As typed.
        text: String,
    },
}

#[cfg(test)]
mod tests;
