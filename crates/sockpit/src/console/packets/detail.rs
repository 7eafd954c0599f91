//! What stands beneath the line of a packet: its fields, and its bytes.

use std::io::Write as _;

use sockpit_core::dissect::{Mark, Node, dissect};
use sockpit_core::wire::Packet;

use crate::console::Style;

/// In bytes: a row of a dump.
const ROW: usize = 16;

/// Appends the fields, each with its place in the packet.
pub(super) fn push_tree(packet: &Packet<'_>, style: Style, out: &mut Vec<u8>) {
    for node in dissect(packet) {
        push_node(&node, 4, style, out);
    }
}

fn push_node(node: &Node, indent: usize, style: Style, out: &mut Vec<u8>) {
    let mut text = node.name.to_string();
    if !node.value.is_empty() {
        text.push_str(": ");
        text.push_str(&node.value);
    }
    let text = match node.mark {
        Mark::Plain if indent == 4 => style.bold(&text),
        Mark::Plain => text,
        Mark::Cut => style.colour("33", &text),
        Mark::Wrong | Mark::Malformed => style.colour("31", &text),
    };
    let place = match node.span.is_empty() {
        true => String::new(),
        false => style.dim(&format!(" [{}..{}]", node.span.start, node.span.end)),
    };
    // Writing to a vector cannot fail.
    let _ = writeln!(out, "{:indent$}{text}{place}", "");
    for child in &node.children {
        push_node(child, indent + 2, style, out);
    }
}

/// Appends the bytes in digits and as ASCII, 16 in a row.
pub(super) fn push_dump(bytes: &[u8], out: &mut Vec<u8>) {
    for (row, chunk) in bytes.chunks(ROW).enumerate() {
        let _ = write!(out, "    {:04x} ", row * ROW);
        for at in 0..ROW {
            let gap = if at == ROW / 2 { "  " } else { " " };
            let _ = match chunk.get(at) {
                Some(byte) => write!(out, "{gap}{byte:02x}"),
                None => write!(out, "{gap}  "),
            };
        }
        out.extend_from_slice(b"  ");
        out.extend(chunk.iter().map(|byte| match byte {
            b' '..=b'~' => *byte,
            _ => b'.',
        }));
        out.push(b'\n');
    }
}

/// The first thing that cannot be read, or was cut short.
pub(super) fn trouble(nodes: &[Node]) -> Option<String> {
    nodes.iter().find_map(|node| match node.mark {
        Mark::Malformed | Mark::Cut => Some(format!("{}: {}", node.name, node.value)),
        Mark::Plain | Mark::Wrong => trouble(&node.children),
    })
}

/// What is said where packets are missing.
pub(super) fn loss(packets: u64) -> String {
    format!("{packets} packets were lost by the capture here")
}
