//! The words of a ladder: what labels, errors and lengths of time are called.

use crate::flow::Label;
use crate::strings::{Catalogue, Language};

/// Says words in a language.
pub(super) struct Words {
    catalogue: Catalogue,
}

impl Words {
    pub(super) fn new(language: Language) -> Self {
        Self {
            catalogue: Catalogue::new(language),
        }
    }

    pub(super) fn say(&self, english: &str) -> String {
        self.catalogue.say(english).into_owned()
    }
}

/// What a label is called.
pub(super) const fn label(label: Label) -> &'static str {
    match label {
        Label::ReusedPorts => "ports used before",
        Label::ZeroWindowProbe => "zero-window probe",
        Label::ZeroWindow => "window closed",
        Label::LostSegment => "bytes before it are missing",
        Label::KeepAlive => "keep-alive",
        Label::WindowUpdate => "window update",
        Label::WindowFull => "fills the window",
        Label::KeepAliveAck => "answers the keep-alive",
        Label::ZeroWindowProbeAck => "answers the probe: closed still",
        Label::DuplicateAck => "duplicate ACK",
        Label::AckLostSegment => "acknowledges what was not seen",
        Label::SpuriousRetransmission => "spurious retransmission",
        Label::FastRetransmission => "fast retransmission",
        Label::OutOfOrder => "out of order",
        Label::Retransmission => "retransmission",
        Label::FinActive => "closes first",
        Label::FinPassive => "closes second",
        Label::Reset => "reset",
        Label::SynWithoutMss => "SYN without MSS",
        Label::MssWithoutSyn => "MSS without SYN",
        Label::WideScale => "window scale above 14",
        Label::AckWithoutFlag => "ACK number without its flag",
        Label::CaptureGap => "missed by the capture",
    }
}

/// What an ICMP message says, by version, type and code.
pub(super) const fn icmp(is_v6: bool, kind: u8, code: u8) -> Option<&'static str> {
    Some(match (is_v6, kind, code) {
        (false, 0, _) | (true, 129, _) => "echo reply",
        (false, 8, _) | (true, 128, _) => "echo request",
        (false, 3, 0) | (true, 1, 0) => "network unreachable",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) | (true, 2, _) => "packet too big",
        (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => "forbidden on the way",
        (false, 3, _) | (true, 1, _) => "unreachable",
        (false, 5, _) | (true, 137, _) => "redirect",
        (false, 11, _) | (true, 3, _) => "time exceeded",
        (false, 12, _) | (true, 4, _) => "malformed header",
        (true, 133, _) => "router solicitation",
        (true, 134, _) => "router advertisement",
        (true, 135, _) => "neighbour solicitation",
        (true, 136, _) => "neighbour advertisement",
        _ => return None,
    })
}

/// A moment, in seconds with microseconds.
pub(super) fn moment(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let micros = nanos.unsigned_abs() / 1000;
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
