//! What is noteworthy about a segment.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One thing that is noteworthy about a segment.
///
/// Most are called as Wireshark calls them, and mean in mode `wireshark` exactly what they mean
/// there; in mode `truth` they mean what their line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Label {
    /// Opens a conversation between ports that had one before.
    ReusedPorts,
    /// Asks whether a closed window has opened.
    ZeroWindowProbe,
    /// Closes the sender's window: it takes nothing more.
    ZeroWindow,
    /// Bytes before it are missing.
    LostSegment,
    /// Asks whether the other end is still there.
    KeepAlive,
    /// Says nothing but that the window has changed.
    WindowUpdate,
    /// Fills the other end's window to the last byte.
    WindowFull,
    /// Answers a keep-alive.
    KeepAliveAck,
    /// Answers a zero-window probe, the window being closed still.
    ZeroWindowProbeAck,
    /// Acknowledges the same byte once more, as something came out of order.
    DuplicateAck,
    /// Acknowledges what the capture has not seen.
    AckLostSegment,
    /// Sent again though it had been acknowledged.
    SpuriousRetransmission,
    /// Sent again because of duplicate acknowledgements.
    FastRetransmission,
    /// Overtaken on its way by a later one.
    OutOfOrder,
    /// Sent again.
    Retransmission,
    /// The first FIN: its sender closes.
    FinActive,
    /// The second FIN: its sender closes after the other.
    FinPassive,
    /// Breaks the conversation off.
    Reset,
    /// A SYN that names no largest segment.
    SynWithoutMss,
    /// A largest segment, named outside a SYN.
    MssWithoutSyn,
    /// A window scale above 14, the most that RFC 7323 allows.
    WideScale,
    /// An acknowledgement number without the flag that makes it count.
    AckWithoutFlag,
    /// Bytes are missing because the capture did not get them, not because the network lost them.
    CaptureGap,
}

/// How much a label is to trouble the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The usual course.
    Chat,
    /// Worth a look.
    Note,
    /// A deviation that costs something.
    Warn,
    /// Something is broken.
    Error,
}

impl Label {
    /// Every label, in the order in which a set gives them.
    pub const ALL: [Self; 23] = [
        Self::ReusedPorts,
        Self::ZeroWindowProbe,
        Self::ZeroWindow,
        Self::LostSegment,
        Self::KeepAlive,
        Self::WindowUpdate,
        Self::WindowFull,
        Self::KeepAliveAck,
        Self::ZeroWindowProbeAck,
        Self::DuplicateAck,
        Self::AckLostSegment,
        Self::SpuriousRetransmission,
        Self::FastRetransmission,
        Self::OutOfOrder,
        Self::Retransmission,
        Self::FinActive,
        Self::FinPassive,
        Self::Reset,
        Self::SynWithoutMss,
        Self::MssWithoutSyn,
        Self::WideScale,
        Self::AckWithoutFlag,
        Self::CaptureGap,
    ];

    /// Its name in records, such as `zero_window_probe`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReusedPorts => "reused_ports",
            Self::ZeroWindowProbe => "zero_window_probe",
            Self::ZeroWindow => "zero_window",
            Self::LostSegment => "lost_segment",
            Self::KeepAlive => "keep_alive",
            Self::WindowUpdate => "window_update",
            Self::WindowFull => "window_full",
            Self::KeepAliveAck => "keep_alive_ack",
            Self::ZeroWindowProbeAck => "zero_window_probe_ack",
            Self::DuplicateAck => "duplicate_ack",
            Self::AckLostSegment => "ack_lost_segment",
            Self::SpuriousRetransmission => "spurious_retransmission",
            Self::FastRetransmission => "fast_retransmission",
            Self::OutOfOrder => "out_of_order",
            Self::Retransmission => "retransmission",
            Self::FinActive => "fin_active",
            Self::FinPassive => "fin_passive",
            Self::Reset => "reset",
            Self::SynWithoutMss => "syn_without_mss",
            Self::MssWithoutSyn => "mss_without_syn",
            Self::WideScale => "wide_scale",
            Self::AckWithoutFlag => "ack_without_flag",
            Self::CaptureGap => "capture_gap",
        }
    }

    /// How much it is to trouble the reader.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::WindowUpdate | Self::FinActive | Self::FinPassive => Severity::Chat,
            Self::ReusedPorts
            | Self::ZeroWindowProbe
            | Self::KeepAlive
            | Self::KeepAliveAck
            | Self::ZeroWindowProbeAck
            | Self::DuplicateAck
            | Self::SpuriousRetransmission
            | Self::FastRetransmission
            | Self::Retransmission
            | Self::SynWithoutMss
            | Self::CaptureGap => Severity::Note,
            Self::ZeroWindow
            | Self::LostSegment
            | Self::WindowFull
            | Self::AckLostSegment
            | Self::OutOfOrder
            | Self::Reset
            | Self::MssWithoutSyn
            | Self::WideScale
            | Self::AckWithoutFlag => Severity::Warn,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of labels.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Labels(u32);

impl Labels {
    /// No label.
    pub const NONE: Self = Self(0);

    /// Adds `label`.
    pub fn insert(&mut self, label: Label) {
        self.0 |= 1 << label as u8;
    }

    /// Whether `label` is among them.
    #[must_use]
    pub const fn contains(self, label: Label) -> bool {
        self.0 & (1 << label as u8) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The labels, in the order of [`Label::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Label> {
        Label::ALL
            .into_iter()
            .filter(move |label| self.contains(*label))
    }

    /// The gravest severity among them.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        self.iter().map(Label::severity).max()
    }
}

/// In records a set is a list of names.
impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Label::name))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let label = |name: &String| {
            let known = Label::ALL.into_iter().find(|label| label.name() == name);
            known.ok_or_else(|| de::Error::custom(format_args!("`{name}` is no label")))
        };
        names.iter().map(label).collect()
    }
}

impl std::ops::BitOr for Labels {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        let mut set = Self::NONE;
        for label in labels {
            set.insert(label);
        }
        set
    }
}

impl fmt::Display for Labels {
    /// Their names, separated by spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.iter().enumerate() {
            if index != 0 {
                f.write_str(" ")?;
            }
            f.write_str(label.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}
