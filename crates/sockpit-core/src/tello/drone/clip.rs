//! What a simulated drone's camera sees: frames of H.264 as they leave, cut into datagrams.

use bytes::Bytes;

/// In bytes: what the drone puts into one datagram; a shorter one ends the frame.
pub const DATAGRAM: usize = 1460;

/// Two seconds at 30 frames a second that join at their ends; `assets/make-flight.sh` made them.
const FLIGHT: &[u8] = include_bytes!("../../../assets/flight.h264");

/// What begins each unit of an H.264 stream (ITU-T H.264, annex B).
const START: &[u8] = &[0, 0, 1];

/// A film, frame by frame, to be shown over and over.
#[derive(Clone, Debug)]
pub struct Clip {
    frames: Vec<Bytes>,
}

impl Clip {
    /// The film that is part of the program: 960x720, a key frame with its parameters each 15.
    #[must_use]
    pub fn flight() -> Self {
        Self::new(&Bytes::from_static(FLIGHT))
    }

    /// Cuts a stream of H.264 into its frames, each with the parameters that stand before it. A
    /// frame is one slice.
    #[must_use]
    pub fn new(stream: &Bytes) -> Self {
        let mut frames = Vec::new();
        let (mut begin, mut has_slice) = (0, false);
        for at in memchr::memmem::find_iter(stream, START) {
            // The longer start code has one more zero, which belongs to it.
            let unit = match at.checked_sub(1).and_then(|before| stream.get(before)) {
                Some(0) => at - 1,
                _ => at,
            };
            if std::mem::take(&mut has_slice) {
                frames.push(stream.slice(begin..unit));
                begin = unit;
            }
            let kind = stream.get(at + START.len()).map(|header| header & 0x1F);
            // A slice, of a key frame or of another.
            has_slice = matches!(kind, Some(1 | 5));
        }
        if has_slice {
            frames.push(stream.slice(begin..));
        }
        Self { frames }
    }

    /// How many frames there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is nothing to be seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The datagrams of a frame, counted from 0 and over and over.
    pub fn datagrams(&self, frame: usize) -> impl Iterator<Item = Bytes> {
        let frame = frame
            .checked_rem(self.len())
            .and_then(|index| self.frames.get(index))
            .cloned()
            .unwrap_or_default();
        let count = frame.len().div_ceil(DATAGRAM);
        // Full to the last datagram, it is told to be over by a zero, which may follow any unit.
        let is_full = !frame.is_empty() && frame.len().is_multiple_of(DATAGRAM);
        (0..count)
            .map(move |index| {
                let end = frame.len().min((index + 1) * DATAGRAM);
                frame.slice(index * DATAGRAM..end)
            })
            .chain(is_full.then(|| Bytes::from_static(&[0])))
    }
}

#[cfg(test)]
mod tests;
