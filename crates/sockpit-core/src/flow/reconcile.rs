//! What the kernel counted, beside what was seen on the wire.

use std::fmt;

use super::conversation::{Conversation, End};

/// What the kernel has counted of one socket; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounters {
    /// Segments sent again, SYN and FIN included (`tcpi_total_retrans`).
    pub segments_again: Option<u64>,
    /// Bytes of payload sent again (`tcpi_bytes_retrans`).
    pub bytes_again: Option<u64>,
    /// Bytes of payload sent, each as often as it was (`tcpi_bytes_sent`).
    pub bytes_sent: Option<u64>,
    /// Bytes that the other end acknowledged (`tcpi_bytes_acked`).
    pub bytes_acked: Option<u64>,
}

/// Something that the kernel and the wire count differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// What was counted.
    pub counter: Counter,
    /// As the kernel has it.
    pub kernel: u64,
    /// As it was seen on the wire.
    pub wire: u64,
}

/// What both count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Segments sent again.
    SegmentsAgain,
    /// Bytes sent again.
    BytesAgain,
    /// Bytes sent.
    BytesSent,
    /// Bytes acknowledged.
    BytesAcked,
}

impl Conversation {
    /// What the kernel counted otherwise about the socket of `end` than was seen.
    ///
    /// The counters must be as old as the last segment seen. A SYN or FIN may count as a byte
    /// acknowledged or not, which is no disagreement.
    #[must_use]
    pub fn reconcile(&self, end: End, kernel: &KernelCounters) -> Vec<Disagreement> {
        let traffic = self.traffic(end);
        let compared = [
            (
                Counter::SegmentsAgain,
                kernel.segments_again,
                traffic.segments_again,
                0,
            ),
            (
                Counter::BytesAgain,
                kernel.bytes_again,
                traffic.bytes_again,
                0,
            ),
            (Counter::BytesSent, kernel.bytes_sent, traffic.bytes, 0),
            (
                Counter::BytesAcked,
                kernel.bytes_acked,
                traffic.bytes_acked,
                2,
            ),
        ];
        compared
            .into_iter()
            .filter_map(|(counter, kernel, wire, slack)| {
                let kernel = kernel?;
                (slack < kernel.abs_diff(wire)).then_some(Disagreement {
                    counter,
                    kernel,
                    wire,
                })
            })
            .collect()
    }
}

impl fmt::Display for Disagreement {
    /// Such as `segments sent again: 12 by the kernel, 11 on the wire`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.counter {
            Counter::SegmentsAgain => "segments sent again",
            Counter::BytesAgain => "bytes sent again",
            Counter::BytesSent => "bytes sent",
            Counter::BytesAcked => "bytes acknowledged",
        };
        let Self { kernel, wire, .. } = self;
        write!(f, "{what}: {kernel} by the kernel, {wire} on the wire")
    }
}
