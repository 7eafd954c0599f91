//! What TCP knows of a connection at one moment, at both of its ends if they are on this machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fact, grouped, millis, unit};
use crate::flow::KernelCounters;

/// What TCP knew of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub when: Moment,
    /// Our own end.
    pub own: Socket,
    /// The peer's end, where it is on this machine too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Socket>,
}

/// When in the life of a connection a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// As it was opened.
    Open,
    /// While there was traffic.
    While,
    /// Before we closed it.
    Close,
}

/// What TCP knew of one end of a connection; `None` is what the kernel does not tell.
///
/// Times are in microseconds, lengths in bytes, rates in bytes a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// How far the connection has come.
    pub state: State,
    /// The algorithm that decides how fast it sends, such as `cubic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub congestion: Option<String>,
    /// The smoothed round-trip time; 0 before it was measured.
    pub rtt_us: u32,
    /// How much it varies.
    pub rtt_variance_us: u32,
    /// The shortest one lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rtt_us: Option<u32>,
    /// How long an acknowledgement is waited for.
    pub rto_us: u32,
    /// The congestion window, in segments.
    pub cwnd: u32,
    /// Where slow start ends, in segments; `None` while that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssthresh: Option<u32>,
    /// Bytes of a segment that it sends.
    pub mss: u32,
    /// Bytes of a segment that it takes.
    pub advertised_mss: u32,
    /// The largest packet that the path carries.
    pub path_mtu: u32,
    /// Whether segments carry timestamps.
    pub timestamps: bool,
    /// Whether selective acknowledgements are understood.
    pub sack: bool,
    /// Whether congestion may be told instead of packets being dropped.
    pub ecn: bool,
    /// How windows are shifted; `None` where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Its own window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// The other end's window, as it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_window: Option<u32>,
    /// What the other end is let send in a round trip.
    pub receive_space: u32,
    /// Bytes that have come and that the program has not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<u32>,
    /// Bytes that the program has written and the other end has not acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unacked: Option<u32>,
    /// Those of them that were not sent yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<u32>,
    /// Segments that were sent and are not acknowledged.
    pub segments_unacked: u32,
    /// Segments that the other end has beyond a hole.
    pub segments_sacked: u32,
    /// Segments that are held to be lost.
    pub segments_lost: u32,
    /// Segments that were sent again, in all.
    pub segments_again: u32,
    /// How often in a row the oldest segment was sent again.
    pub retransmits: u32,
    /// Probes of a closed window, or of a silent peer, that were not answered.
    pub probes: u32,
    /// Segments that may come out of order before one is held to be lost.
    pub reordering: u32,
    /// Segments that came out of order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<u32>,
    /// Bytes sent, each as often as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// Bytes sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_again: Option<u64>,
    /// Bytes that the other end has acknowledged; a SYN and a FIN count as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_acked: Option<u64>,
    /// Bytes that have come in order; a FIN counts as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<u64>,
    /// Segments sent, those without payload included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments_sent: Option<u32>,
    /// Segments that have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments_received: Option<u32>,
    /// The rate at which bytes arrived at the other end lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_rate: Option<u64>,
    /// The rate at which segments leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing_rate: Option<u64>,
    /// How long there was something to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_us: Option<u64>,
    /// How much of that the other end's window held it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_limited_us: Option<u64>,
    /// How much of that the send buffer held it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer_limited_us: Option<u64>,
    /// Room for what has come, counted with what it costs to keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_buffer: Option<u32>,
    /// Room for what was written, counted so too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_buffer: Option<u32>,
    /// Packets that came and were thrown away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drops: Option<u32>,
}

/// By how many bits windows are shifted (RFC 7323 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Its own windows.
    pub own: u8,
    /// The other end's.
    pub peer: u8,
}

/// A state of a connection (RFC 9293 §3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Both may send.
    Established,
    /// It has asked for a connection.
    SynSent,
    /// It was asked for a connection, and has answered.
    SynReceived,
    /// It has ended its side, which is not acknowledged.
    FinWait1,
    /// It has ended its side, and the other end goes on.
    FinWait2,
    /// Both have ended; late packets are waited for.
    TimeWait,
    /// There is no connection.
    Closed,
    /// The other end has ended its side.
    CloseWait,
    /// It has ended its side last, which is not acknowledged.
    LastAck,
    /// It takes connections.
    Listen,
    /// Both have ended at once, and neither end is acknowledged.
    Closing,
}

impl State {
    /// Of what the system counts as not acknowledged, if that is not 0: what is no byte of a program,
    /// but this end's SYN or FIN.
    #[must_use]
    pub const fn unacked_marks(self) -> u32 {
        match self {
            Self::SynSent | Self::SynReceived | Self::FinWait1 | Self::Closing | Self::LastAck => 1,
            _ => 0,
        }
    }

    /// Of what netlink counts as not read, if that is not 0: what is no byte of a program, but the
    /// other end's FIN, which is read last.
    #[must_use]
    pub const fn unread_marks(self) -> u32 {
        match self {
            Self::CloseWait | Self::LastAck | Self::Closing | Self::TimeWait => 1,
            _ => 0,
        }
    }

    /// The state of a number of linux/tcp_states.h; what it does not know is closed.
    #[must_use]
    pub const fn of_linux(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => Self::Closed,
        }
    }
}

impl Fact for Snapshot {
    const KIND: &'static str = "tcp";
}

impl Snapshot {
    /// Whether `other` says the same, whenever it was taken. How long something takes is no news
    /// while it goes on.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        let timeless = |socket: &Socket| Socket {
            busy_us: None,
            window_limited_us: None,
            buffer_limited_us: None,
            ..socket.clone()
        };
        timeless(&self.own) == timeless(&other.own)
            && self.peer.as_ref().map(timeless) == other.peer.as_ref().map(timeless)
    }
}

impl From<&Socket> for KernelCounters {
    fn from(socket: &Socket) -> Self {
        Self {
            segments_again: Some(socket.segments_again.into()),
            bytes_again: socket.bytes_again,
            bytes_sent: socket.bytes_sent,
            bytes_acked: socket.bytes_acked,
        }
    }
}

impl fmt::Display for Snapshot {
    /// Such as `rtt 0.041 ms, cwnd 10 segments, 0 retransmitted; the peer has 65,483 bytes unread`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = &self.own;
        let (cwnd, again) = (own.cwnd, own.segments_again);
        let mut parts = vec![match own.rtt_us {
            0 => format!("cwnd {cwnd} segments, {again} retransmitted"),
            rtt => {
                let rtt = millis(u64::from(rtt).saturating_mul(1000));
                format!("rtt {rtt} ms, cwnd {cwnd} segments, {again} retransmitted")
            }
        }];
        let told = |count: Option<u32>| {
            let count = u64::from(count.filter(|&count| count > 0)?);
            Some((grouped(count), unit(count)))
        };
        if let Some((count, unit)) = told(own.unacked) {
            let are = if own.unacked == Some(1) { "is" } else { "are" };
            parts.push(format!("{count} {unit} {are} not acknowledged"));
        }
        if own.peer_window == Some(0) && own.state == State::Established {
            parts.push("the peer's window is closed".to_owned());
        }
        if let Some((count, unit)) = told(own.unread) {
            parts.push(format!("we have {count} {unit} unread"));
        }
        let peer = self.peer.as_ref();
        if let Some((count, unit)) = told(peer.and_then(|peer| peer.unread)) {
            parts.push(format!("the peer has {count} {unit} unread"));
        }
        f.write_str(&parts.join("; "))
    }
}
