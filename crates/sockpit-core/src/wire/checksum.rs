//! The Internet checksum (RFC 1071), and what can be said of one in a capture.

use std::net::IpAddr;

use super::cursor::View;

/// What is to be said of a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is that of the bytes.
    Good,
    /// It should be another.
    Bad {
        /// What it should be.
        expected: u16,
    },
    /// A network card was to fill it in behind the tap.
    Offloaded,
    /// The sender left it out, as IPv4 allows UDP.
    Unused,
    /// The bytes that it is of are not all here.
    Unverified(&'static str),
}

/// The sum of 16-bit words with its carries, not yet folded.
fn sum(bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let words: u64 = pairs
        .iter()
        .map(|pair| u64::from(u16::from_be_bytes(*pair)))
        .sum();
    let last = rest.first().map_or(0, |byte| u64::from(*byte) << 8);
    words.saturating_add(last)
}

fn fold(mut sum: u64) -> u16 {
    while let Err(_too_large) = u16::try_from(sum) {
        sum = (sum & 0xffff).saturating_add(sum >> 16);
    }
    u16::try_from(sum).unwrap_or_default()
}

/// Of a header that holds its own checksum: what `stated` is worth.
pub(crate) fn verify(view: View<'_>, stated: u16) -> Verdict {
    verify_with(0, view, stated)
}

/// Of a transport's message whose checksum covers addresses too (RFC 9293 §3.1).
pub(crate) fn verify_transport(
    ends: (IpAddr, IpAddr),
    protocol: u8,
    view: View<'_>,
    stated: u16,
) -> Verdict {
    let pseudo = pseudo_header(ends, protocol, view.len());
    // What the kernel leaves in the field for the network card is the sum of the pseudo-header.
    if stated == fold(pseudo) {
        return match verify_with(pseudo, view, stated) {
            Verdict::Good => Verdict::Good,
            _ => Verdict::Offloaded,
        };
    }
    verify_with(pseudo, view, stated)
}

fn verify_with(start: u64, view: View<'_>, stated: u16) -> Verdict {
    if !view.is_whole() {
        return Verdict::Unverified("cut short");
    }
    let total = fold(start.saturating_add(sum(view.captured())));
    if total == 0xffff {
        return Verdict::Good;
    }
    // Without the stated word the sum would be that of the bytes alone; 0 and 0xffff are one number.
    let others = fold(u64::from(total).saturating_add(u64::from(!stated)));
    Verdict::Bad { expected: !others }
}

/// The sum of what a transport's checksum covers beside the message.
fn pseudo_header((source, destination): (IpAddr, IpAddr), protocol: u8, len: usize) -> u64 {
    let address = |address: IpAddr| match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    };
    let len = u64::try_from(len).unwrap_or(u64::MAX) & 0xffff_ffff;
    address(source)
        .saturating_add(address(destination))
        .saturating_add(u64::from(protocol))
        .saturating_add(len >> 16)
        .saturating_add(len & 0xffff)
}
