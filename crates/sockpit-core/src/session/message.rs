//! A message that is ready to be sent: framed, and small enough for its link.

use bytes::Bytes;

use crate::frame::{EncodeError, Framing};
use crate::plan::{Plan, Shape};
use crate::text::checksum::ChecksumError;

/// What one send puts on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The bytes as they leave: with header, escapes and delimiter.
    pub wire: Bytes,
    /// The bytes that are meant, with their checksum.
    pub payload: Bytes,
}

/// Why a message cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The framing cannot carry it.
    #[error(transparent)]
    Frame(#[from] EncodeError),
    /// Its checksum has no place in it.
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    /// It is longer than a datagram can be.
    #[error(
        "{len} bytes do not fit into one datagram, which holds at most {most}; send less at once, or use a stream"
    )]
    TooLong {
        /// Its length on the wire, in bytes.
        len: usize,
        /// The longest datagram, in bytes.
        most: usize,
    },
}

impl Plan {
    /// Writes the plan's checksum into `payload`, and frames it as one message.
    ///
    /// # Errors
    ///
    /// Returns a [`MessageError`] where the checksum has no place in the payload, the framing cannot
    /// carry it, or a datagram cannot.
    pub fn message(&self, payload: Bytes) -> Result<Message, MessageError> {
        let payload = self.checked(payload)?;
        let wire = self.framed(payload.clone())?;
        Ok(Message { wire, payload })
    }

    /// The same where nobody wants to know the payload.
    pub(super) fn wire(&self, payload: Bytes) -> Result<Bytes, MessageError> {
        if self.is_raw_stream() && self.checksum.is_none() {
            return Ok(payload);
        }
        let payload = self.checked(payload)?;
        self.framed(payload)
    }

    fn checked(&self, payload: Bytes) -> Result<Bytes, MessageError> {
        let Some(checksum) = &self.checksum else {
            return Ok(payload);
        };
        let mut checked = Vec::from(payload);
        checksum.apply(&mut checked)?;
        Ok(Bytes::from(checked))
    }

    fn framed(&self, payload: Bytes) -> Result<Bytes, MessageError> {
        let wire = if self.framing == Framing::Raw {
            payload
        } else {
            let mut wire = Vec::with_capacity(payload.len() + 16);
            self.framing.encode(&payload, &mut wire)?;
            Bytes::from(wire)
        };
        if self.shape() == Shape::Datagram
            && let Some(most) = self.max_datagram()
            && wire.len() > most
        {
            return Err(MessageError::TooLong {
                len: wire.len(),
                most,
            });
        }
        Ok(wire)
    }
}
