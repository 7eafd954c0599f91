//! What TCP knows of a connection: `TCP_INFO` (tcp(7), linux/tcp.h).
//!
//! The structure has grown with the kernel, always at its end. What an older one does not tell is
//! `None`.

use std::io;
use std::os::fd::BorrowedFd;

use crate::netlink::{u8_at, u32_at, u64_at};
use crate::socket;

/// What TCP knows of one end of a connection. Times are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// The number of the state in linux/tcp_states.h; 1 is an open connection.
    pub state: u8,
    /// How often in a row the oldest segment was sent again for want of an answer.
    pub retransmits: u8,
    /// Probes of a closed window, or of a silent peer, that were not answered.
    pub probes: u8,
    /// What both ends agreed on.
    pub options: Options,
    /// How long an acknowledgement is waited for.
    pub rto_us: u32,
    /// Bytes of a segment that is sent.
    pub mss: u32,
    /// Bytes of a segment as they come, as far as that is known.
    pub receive_mss: u32,
    /// Bytes of a segment that the peer was told to send at most.
    pub advertised_mss: u32,
    /// The largest packet in bytes that the path carries.
    pub path_mtu: u32,
    /// Segments that were sent and not acknowledged.
    pub unacked: u32,
    /// Segments that the peer has beyond a hole.
    pub sacked: u32,
    /// Segments that are held to be lost.
    pub lost: u32,
    /// The smoothed round-trip time.
    pub rtt_us: u32,
    /// How much it varies.
    pub rtt_variance_us: u32,
    /// The shortest round-trip time lately; `None` where none was measured.
    pub min_rtt_us: Option<u32>,
    /// The congestion window, in segments.
    pub cwnd: u32,
    /// Where slow start ends, in segments; `None` while that is open.
    pub ssthresh: Option<u32>,
    /// Segments that may come out of order before one is held to be lost.
    pub reordering: u32,
    /// Bytes that one end is let send in a round trip.
    pub receive_space: u32,
    /// Segments that were sent again.
    pub segments_again: u32,
    /// Bytes a second at which segments leave.
    pub pacing_rate: Option<u64>,
    /// Bytes that the peer has acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes that have come in order.
    pub bytes_received: Option<u64>,
    /// Segments that were sent, those without payload included.
    pub segments_sent: Option<u32>,
    /// Segments that came.
    pub segments_received: Option<u32>,
    /// Bytes that were written and not sent.
    pub unsent: Option<u32>,
    /// Bytes a second that arrived at the peer lately.
    pub delivery_rate: Option<u64>,
    /// How long there was something to send.
    pub busy_us: Option<u64>,
    /// How much of that the peer's window held it up.
    pub window_limited_us: Option<u64>,
    /// How much of that the send buffer held it up.
    pub buffer_limited_us: Option<u64>,
    /// Bytes that were sent, each as often as it was.
    pub bytes_sent: Option<u64>,
    /// Bytes that were sent again.
    pub bytes_again: Option<u64>,
    /// Segments that came out of order.
    pub out_of_order: Option<u32>,
    /// The peer's window, in bytes.
    pub peer_window: Option<u32>,
    /// Our own window, in bytes.
    pub window: Option<u32>,
}

/// What both ends of a connection agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Timestamps (RFC 7323).
    pub timestamps: bool,
    /// Selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// Explicit congestion notification (RFC 3168).
    pub ecn: bool,
    /// By how many bits the peer's windows and ours are shifted; `None` where they are not scaled.
    pub window_scale: Option<(u8, u8)>,
}

/// Asks about a TCP socket.
///
/// # Errors
///
/// What the system says, such as that it is no TCP socket.
pub fn tcp_info(fd: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    let mut bytes = [0; ROOM];
    let len = socket::option_bytes(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut bytes)?;
    parse(bytes.get(..len).unwrap_or(&bytes)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The name of the algorithm that decides how fast a TCP socket sends, such as `cubic`.
///
/// # Errors
///
/// What the system says, such as that it is no TCP socket.
pub fn congestion(fd: BorrowedFd<'_>) -> io::Result<String> {
    let mut bytes = [0; NAME_ROOM];
    let len = socket::option_bytes(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, &mut bytes)?;
    Ok(name(bytes.get(..len).unwrap_or(&bytes)))
}

/// A name that a zero byte ends.
pub(crate) fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads a `struct tcp_info`; `None` for one shorter than that of Linux 2.6.
///
/// ```text
///   0  state 1 | phase 1 | retransmits 1 | probes 1 | backoff 1 | options 1 | scales 1 | flags 1
///   8  rto | delayed ack | mss | receive mss | unacked | sacked | lost | retransmitted | fackets
///  44  times since: data sent, ack sent, data received, ack received
///  60  path mtu | receive ssthresh | rtt | variance | ssthresh | cwnd | advertised mss | reordering
///  92  receive rtt | receive space | sent again                          (4 bytes each up to here)
/// 104  pacing rate 8 | its limit 8 | bytes acked 8 | bytes received 8 | segments out 4, in 4
/// 144  unsent 4 | min rtt 4 | data segments in 4, out 4 | delivery rate 8
/// 168  busy 8 | window limited 8 | buffer limited 8 | delivered 4 | with CE 4
/// 200  bytes sent 8 | sent again 8 | duplicate sacks 4 | reorderings 4 | out of order 4
/// 228  peer's window 4 | window 4
/// ```
pub(crate) fn parse(bytes: &[u8]) -> Option<TcpInfo> {
    let scales = u8_at(bytes, 6)?;
    // Bit fields begin at the lower end in little-endian byte order.
    let scale = if cfg!(target_endian = "little") {
        (scales & 15, scales >> 4)
    } else {
        (scales >> 4, scales & 15)
    };
    let bits = u8_at(bytes, 5)?;
    Some(TcpInfo {
        state: u8_at(bytes, 0)?,
        retransmits: u8_at(bytes, 2)?,
        probes: u8_at(bytes, 3)?,
        options: Options {
            timestamps: bits & 1 != 0,
            sack: bits & 2 != 0,
            ecn: bits & 8 != 0,
            window_scale: (bits & 4 != 0).then_some(scale),
        },
        rto_us: u32_at(bytes, 8)?,
        mss: u32_at(bytes, 16)?,
        receive_mss: u32_at(bytes, 20)?,
        unacked: u32_at(bytes, 24)?,
        sacked: u32_at(bytes, 28)?,
        lost: u32_at(bytes, 32)?,
        path_mtu: u32_at(bytes, 60)?,
        rtt_us: u32_at(bytes, 68)?,
        rtt_variance_us: u32_at(bytes, 72)?,
        ssthresh: Some(u32_at(bytes, 76)?).filter(|&ssthresh| ssthresh < INFINITE_SSTHRESH),
        cwnd: u32_at(bytes, 80)?,
        advertised_mss: u32_at(bytes, 84)?,
        reordering: u32_at(bytes, 88)?,
        receive_space: u32_at(bytes, 96)?,
        segments_again: u32_at(bytes, 100)?,
        pacing_rate: u64_at(bytes, 104).filter(|&rate| rate < u64::MAX),
        bytes_acked: u64_at(bytes, 120),
        bytes_received: u64_at(bytes, 128),
        segments_sent: u32_at(bytes, 136),
        segments_received: u32_at(bytes, 140),
        unsent: u32_at(bytes, 144),
        min_rtt_us: u32_at(bytes, 148).filter(|&rtt| rtt < u32::MAX),
        delivery_rate: u64_at(bytes, 160).filter(|&rate| rate < u64::MAX),
        busy_us: u64_at(bytes, 168),
        window_limited_us: u64_at(bytes, 176),
        buffer_limited_us: u64_at(bytes, 184),
        bytes_sent: u64_at(bytes, 200),
        bytes_again: u64_at(bytes, 208),
        out_of_order: u32_at(bytes, 224),
        peer_window: u32_at(bytes, 228),
        window: u32_at(bytes, 232),
    })
}

/// `TCP_INFINITE_SSTHRESH`.
const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;

/// In bytes: the structure of Linux 6.18 has 280.
const ROOM: usize = 512;

/// In bytes: `TCP_CA_NAME_MAX`.
const NAME_ROOM: usize = 16;

#[cfg(test)]
mod tests;
