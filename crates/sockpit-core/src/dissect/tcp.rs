//! The fields of TCP, and options of its form.

use super::checksum;
use super::ip::Around;
use super::tree::{Tree, count};
use crate::wire::TcpFlags;
use crate::wire::cursor::View;
use crate::wire::tcp_option::{self as kind, RawOptions};

pub(super) fn dissect<'a>(tree: &mut Tree<'a>, around: Around, view: View<'a>) -> Option<()> {
    let mut payload = None;
    let header_len = view
        .u8(12)
        .map_or(20, |byte| usize::from(byte >> 4).saturating_mul(4));
    let name = "Transmission Control Protocol";
    tree.within(name, "", view.limit(header_len.max(20)), |tree| {
        let source = tree.u16("Source Port", view, 0, |port| port.to_string())?;
        let destination = tree.u16("Destination Port", view, 2, |port| port.to_string())?;
        tree.entitle(format!("{source} → {destination}"));
        tree.u32("Sequence Number", view, 4, |seq| seq.to_string())?;
        tree.u32("Acknowledgment Number", view, 8, |ack| ack.to_string())?;
        let [offset, low] = tree.need_array("Data Offset", view, 12)?;
        tree.add(
            "Data Offset",
            count(header_len, "byte"),
            view.skip(12).limit(1),
        );
        let flags = TcpFlags(u16::from_be_bytes([offset & 0x0f, low]));
        tree.add("Control Bits", flags.to_string(), view.skip(12).limit(2));
        tree.entitle(format!("{source} → {destination}, {flags}"));
        tree.u16("Window", view, 14, |window| window.to_string())?;
        let stated = u16::from_be_bytes(tree.need_array("Checksum", view, 16)?);
        let (value, mark) = checksum(stated, around.verdict(tree, view, stated));
        tree.add_marked("Checksum", value, view.skip(16).limit(2), mark);
        tree.u16("Urgent Pointer", view, 18, |urgent| urgent.to_string())?;
        if header_len < 20 {
            let why = format!("a header of {header_len} bytes, of 20 at least");
            tree.malformed(view.skip(12).limit(1), why);
            return None;
        }
        if view.len() < header_len {
            let why = format!("a header of {header_len} bytes, {} are there", view.len());
            tree.malformed(view.skip(12).limit(1), why);
        }
        if 20 < header_len {
            let area = view.limit(header_len).skip(20);
            tree.within("Options", "", area, |tree| {
                options(tree, area, option);
                Some(())
            });
        }
        payload = Some(view.skip(header_len));
        Some(())
    })?;
    tree.data(payload?)
}

/// Adds options of the form kind, length, value, with what `show` says of each.
pub(super) fn options<'a>(
    tree: &mut Tree<'a>,
    view: View<'a>,
    show: impl Fn(u8, View<'_>) -> (&'static str, String),
) {
    let mut walk = RawOptions(view);
    for raw in &mut walk {
        let (name, value) = show(raw.kind, raw.value);
        tree.add(name, value, raw.view);
        if raw.kind == kind::END {
            // What pads the header.
            return;
        }
    }
    let rest = walk.0;
    if !rest.is_empty() {
        match rest.get(0, 2.min(rest.len())) {
            Ok(_) => tree.malformed(rest, "an option whose length does not fit"),
            Err(_) => {
                tree.need("an option", rest, 0, rest.len());
            }
        }
    }
}

fn option(kind: u8, value: View<'_>) -> (&'static str, String) {
    let len = value.len();
    let wrong = || format!("a length of {} is not this option's", len.saturating_add(2));
    match kind {
        kind::END => ("End of Options", String::new()),
        kind::NO_OPERATION => ("No Operation", String::new()),
        kind::MSS => {
            let size = value.u16(0).filter(|_| len == 2);
            let size = size.map_or_else(wrong, |size| size.to_string());
            ("Maximum Segment Size", size)
        }
        kind::WINDOW_SCALE => {
            let shift = value.u8(0).filter(|_| len == 1);
            let shift = shift.map_or_else(wrong, |shift| {
                // Larger shifts count as this one (RFC 7323 §2.3).
                format!("{shift} (times {})", 1_u32 << shift.min(14))
            });
            ("Window Scale", shift)
        }
        kind::SACK_PERMITTED => ("SACK Permitted", String::new()),
        kind::SACK => {
            let (mut rest, mut blocks) = (value, Vec::new());
            while let (Some(start), Some(end)) = (rest.u32(0), rest.u32(4)) {
                blocks.push(format!("{start}–{end}"));
                rest = rest.skip(8);
            }
            ("SACK", blocks.join(", "))
        }
        kind::TIMESTAMPS => {
            let stamps = value.u32(0).zip(value.u32(4)).filter(|_| len == 8);
            let stamps =
                stamps.map_or_else(wrong, |(value, echo)| format!("value {value}, echo {echo}"));
            ("Timestamps", stamps)
        }
        19 => ("MD5 Signature", String::new()),
        28 => ("User Timeout", String::new()),
        29 => ("TCP Authentication Option", String::new()),
        30 => ("Multipath TCP", count(len, "byte")),
        34 => ("TCP Fast Open Cookie", count(len, "byte")),
        253 | 254 => ("Experimental", count(len, "byte")),
        _ => ("Option", format!("{kind}, {}", count(len, "byte"))),
    }
}
