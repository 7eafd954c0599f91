//! Messages with their length before them.

use super::EncodeError;
use super::decoder::FrameError;

/// A header that says how long the message after it is.
///
/// ```text
/// │ offset bytes │ length field │ body │
/// └────────── header ───────────┘
///
/// bytes of the body = value of the field + adjust
/// ```
///
/// Three protocols, and how they are said:
///
/// ```text
/// 00 05 │ h e l l o                  len:u16be            counts the body
/// 00 07 │ h e l l o                  len:u16be,adjust=-2  counts the header too
/// AA 01 05 │ h e l l o │ 3F          len:u8,offset=2,adjust=1,keep
///                                    a marker and a type before, a checksum after, all shown
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthPrefix {
    /// How the length is written.
    pub field: LengthField,
    /// Bytes of the header before the field. They are sent as zeros, unless `keep` is set.
    pub offset: u16,
    /// Bytes of the body that the field does not count; below zero where it counts too many.
    pub adjust: i64,
    /// Whether the message is the header and the body, or the body alone.
    pub keep: bool,
}

/// How a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthField {
    /// One byte.
    U8,
    /// Two bytes, the high one first.
    U16Be,
    /// Two bytes, the low one first.
    U16Le,
    /// Four bytes, the highest first.
    U32Be,
    /// Four bytes, the lowest first.
    U32Le,
    /// Unsigned LEB128: seven bits a byte, the lowest first, with the high bit set in all but the
    /// last. It takes at most ten bytes and 64 bits. Longer forms than needed are read (`85 00` is
    /// 5) and never written.
    Varint,
}

impl LengthPrefix {
    /// Appends a message.
    pub(super) fn encode(self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.keep {
            self.check_header(payload)?;
            out.extend_from_slice(payload);
            return Ok(());
        }
        let value = payload.len() as i128 - i128::from(self.adjust);
        let most = self.field.most();
        let value = u64::try_from(value)
            .ok()
            .filter(|value| *value <= most)
            .ok_or_else(|| {
                let adjust = i128::from(self.adjust);
                EncodeError::Length {
                    len: payload.len(),
                    least: u128::try_from(adjust).unwrap_or(0),
                    most: i128::from(most) + adjust,
                }
            })?;
        out.resize(out.len() + usize::from(self.offset), 0);
        self.field.write(value, out);
        out.extend_from_slice(payload);
        Ok(())
    }

    /// Checks that the header in `payload` declares what follows it.
    fn check_header(self, payload: &[u8]) -> Result<(), EncodeError> {
        let short = EncodeError::ShortHeader { len: payload.len() };
        let mut header = Header::new(self);
        // A number that does not end within ten bytes has not ended within the payload either.
        let len = header.read(payload).ok().flatten().ok_or(short)?;
        let (declared, actual) = (header.body_len(), payload.len() - len);
        if declared == actual as i128 {
            Ok(())
        } else {
            Err(EncodeError::Header { declared, actual })
        }
    }
}

impl LengthField {
    /// The greatest value.
    const fn most(self) -> u64 {
        match self {
            Self::U8 => u8::MAX as u64,
            Self::U16Be | Self::U16Le => u16::MAX as u64,
            Self::U32Be | Self::U32Le => u32::MAX as u64,
            Self::Varint => u64::MAX,
        }
    }

    /// In bytes; the most, for a varint.
    const fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16Be | Self::U16Le => 2,
            Self::U32Be | Self::U32Le => 4,
            Self::Varint => 10,
        }
    }

    /// Appends a value that is at most [`most`](Self::most).
    fn write(self, value: u64, out: &mut Vec<u8>) {
        let (low, high) = (value.to_le_bytes(), value.to_be_bytes());
        match self {
            Self::U8 | Self::U16Le | Self::U32Le => out.extend_from_slice(&low[..self.size()]),
            Self::U16Be | Self::U32Be => out.extend_from_slice(&high[8 - self.size()..]),
            Self::Varint => {
                let mut rest = value;
                while rest >= 0x80 {
                    out.push(rest.to_le_bytes()[0] | 0x80);
                    rest >>= 7;
                }
                out.push(rest.to_le_bytes()[0]);
            }
        }
    }
}

/// Reads a header that arrives in pieces, and counts down the body after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    prefix: LengthPrefix,
    /// Bytes of the header so far.
    len: usize,
    /// The value of the field so far.
    value: u64,
    /// Bytes of the body that have not come yet, once the header is whole.
    missing: Option<usize>,
}

impl Header {
    pub(super) const fn new(prefix: LengthPrefix) -> Self {
        Self {
            prefix,
            len: 0,
            value: 0,
            missing: None,
        }
    }

    /// Takes the next bytes and says how many of them belong to the message that ends here.
    pub(super) fn cut(
        &mut self,
        fresh: &[u8],
        start: u64,
        limit: usize,
    ) -> Result<Option<usize>, FrameError> {
        let (begin, missing) = match self.missing {
            Some(missing) => (0, missing),
            None => match self.read(fresh) {
                Ok(Some(begin)) => (begin, self.expect_body(start, limit)?),
                Ok(None) => return Ok(None),
                Err(Overlong) => return Err(FrameError::Varint { offset: start }),
            },
        };
        let have = fresh.len() - begin;
        self.missing = Some(missing.saturating_sub(have));
        Ok((have >= missing).then(|| begin + missing))
    }

    /// The message in whole or partial bytes.
    pub(super) fn open<'a>(&self, wire: &'a [u8]) -> &'a [u8] {
        wire.get(self.skipped()..).unwrap_or_default()
    }

    /// Bytes before the message: the header, once it is whole, unless it is kept.
    pub(super) const fn skipped(&self) -> usize {
        if self.prefix.keep || self.missing.is_none() {
            0
        } else {
            self.len
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.prefix);
    }

    /// Bytes of the header so far.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Reads on in the header; once it is whole, says how many of the bytes belonged to it.
    fn read(&mut self, fresh: &[u8]) -> Result<Option<usize>, Overlong> {
        let offset = usize::from(self.prefix.offset);
        let skipped = offset.saturating_sub(self.len).min(fresh.len());
        self.len += skipped;
        let mut taken = skipped;
        for &byte in &fresh[skipped..] {
            let place = self.len - offset;
            self.len += 1;
            taken += 1;
            if self.read_byte(place, byte)? {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    /// Takes the byte at `place` in the field, and says whether it was the last.
    fn read_byte(&mut self, place: usize, byte: u8) -> Result<bool, Overlong> {
        let field = self.prefix.field;
        match field {
            LengthField::U8 | LengthField::U16Be | LengthField::U32Be => {
                self.value = self.value << 8 | u64::from(byte);
            }
            LengthField::U16Le | LengthField::U32Le => {
                self.value |= u64::from(byte) << (8 * place);
            }
            LengthField::Varint => {
                // Nine bytes hold 63 bits, so of the tenth only the lowest may be set.
                if place + 1 == field.size() && byte > 1 {
                    return Err(Overlong);
                }
                self.value |= u64::from(byte & 0x7F) << (7 * place);
                return Ok(byte < 0x80);
            }
        }
        Ok(place + 1 == field.size())
    }

    /// The bytes of the body, as far as the whole header's claim goes.
    fn body_len(&self) -> i128 {
        i128::from(self.value) + i128::from(self.prefix.adjust)
    }

    /// Judges the whole header's claim before a byte of the body is kept.
    fn expect_body(&self, start: u64, limit: usize) -> Result<usize, FrameError> {
        let LengthPrefix { adjust, keep, .. } = self.prefix;
        let body = u128::try_from(self.body_len()).map_err(|_| FrameError::Length {
            offset: start,
            value: self.value,
            adjust,
        })?;
        let declared = body + if keep { self.len as u128 } else { 0 };
        match usize::try_from(body) {
            Ok(body) if declared <= limit as u128 => Ok(body),
            _ => Err(FrameError::TooLong {
                offset: start,
                limit,
                declared: Some(u64::try_from(declared).unwrap_or(u64::MAX)),
            }),
        }
    }
}

/// A varint that says more than 64 bits.
#[derive(Debug)]
struct Overlong;
