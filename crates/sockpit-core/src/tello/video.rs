//! The video that a drone sends: H.264 as a byte stream, cut into datagrams.
//!
//! ```text
//! 1460 │ 1460 │ 1460 │ 372        a datagram shorter than 1460 bytes ends a frame
//! 00 00 00 01 │ 67 …  00 00 00 01 │ 68 …  00 00 00 01 │ 65 …     NAL units in it
//! ```
//!
//! A frame whose length is a multiple of 1460 is given together with the next one, as no rule could
//! tell them apart. A lost datagram cannot be seen as such, as nothing is numbered: what is seen is a frame that does
//! not begin with a start code, or one that never ends.

/// In bytes: the length of every datagram but the last of a frame.
pub const FULL: usize = 1460;

/// In bytes: a frame that has grown so long has lost its end.
pub const LONGEST: usize = 1024 * 1024;

/// A frame, or what is left of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The bytes as they came, start codes included.
    pub bytes: Vec<u8>,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
    /// The types of its NAL units, in order (ITU-T H.264, table 7-1).
    pub units: Vec<u8>,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// It does not begin with a start code: its beginning was lost.
    Headless,
    /// It grew beyond [`LONGEST`]: the end of one frame was lost, or of many.
    Endless,
}

impl Frame {
    /// Whether a decoder can begin here: it has the parameters of the sequence.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.units.contains(&SPS)
    }
}

/// What has come so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams.
    pub datagrams: u64,
    /// Bytes.
    pub bytes: u64,
    /// Frames, those with a flaw included.
    pub frames: u64,
    /// Frames at which a decoder can begin.
    pub key_frames: u64,
    /// Frames with a flaw.
    pub flawed: u64,
    /// NAL units by type, 0 to 31.
    pub units: [u64; 32],
}

/// Puts frames together.
#[derive(Debug, Default)]
pub struct Assembler {
    bytes: Vec<u8>,
    counts: Counts,
}

impl Assembler {
    /// Begins without a datagram.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a datagram; gives the frame that it ends.
    pub fn push(&mut self, datagram: &[u8]) -> Option<Frame> {
        self.counts.datagrams = self.counts.datagrams.saturating_add(1);
        let len = u64::try_from(datagram.len()).unwrap_or(u64::MAX);
        self.counts.bytes = self.counts.bytes.saturating_add(len);
        self.bytes.extend_from_slice(datagram);
        match self.bytes.len() {
            LONGEST.. => Some(self.take(Some(Flaw::Endless))),
            1.. if datagram.len() < FULL => Some(self.take(None)),
            _ => None,
        }
    }

    /// Gives what has come of the last frame, at the end.
    pub fn finish(&mut self) -> Option<Frame> {
        (!self.bytes.is_empty()).then(|| self.take(None))
    }

    /// What has come so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    fn take(&mut self, flaw: Option<Flaw>) -> Frame {
        let bytes = std::mem::take(&mut self.bytes);
        let headless = (!starts(&bytes)).then_some(Flaw::Headless);
        let frame = Frame {
            units: units(&bytes).collect(),
            flaw: flaw.or(headless),
            bytes,
        };
        let counts = &mut self.counts;
        counts.frames = counts.frames.saturating_add(1);
        counts.key_frames = counts.key_frames.saturating_add(u64::from(frame.is_key()));
        counts.flawed = counts
            .flawed
            .saturating_add(u64::from(frame.flaw.is_some()));
        for unit in &frame.units {
            if let Some(count) = counts.units.get_mut(usize::from(*unit)) {
                *count = count.saturating_add(1);
            }
        }
        frame
    }
}

/// The name of a type of NAL unit, where drones send it (ITU-T H.264, table 7-1).
#[must_use]
pub const fn unit_name(unit: u8) -> &'static str {
    match unit {
        1 => "slice",
        5 => "IDR",
        6 => "SEI",
        SPS => "SPS",
        8 => "PPS",
        9 => "delimiter",
        _ => "other",
    }
}

/// A set of the parameters of a sequence.
const SPS: u8 = 7;

fn starts(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1]) || bytes.starts_with(&[0, 0, 0, 1])
}

/// The types of the NAL units behind each start code.
fn units(bytes: &[u8]) -> impl Iterator<Item = u8> {
    memchr::memmem::find_iter(bytes, &[0, 0, 1]).filter_map(|at| {
        let header = bytes.get(at.saturating_add(3))?;
        Some(header & 0x1f)
    })
}

#[cfg(test)]
mod tests;
