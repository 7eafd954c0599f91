//! Places: our tree has every field where tshark's tree has it.

use sockpit_core::dissect::{Node, dissect};

use crate::support::{self, golden, printed};

/// Our headers and fields, with tshark's names of them.
const FIELDS: [(&str, &[(&str, &str)]); 7] = [
    (
        "Ethernet II",
        &[
            ("Destination", "eth.dst"),
            ("Source", "eth.src"),
            ("Type", "eth.type"),
        ],
    ),
    (
        "Internet Protocol Version 4",
        &[
            ("Total Length", "ip.len"),
            ("Identification", "ip.id"),
            ("Time to Live", "ip.ttl"),
            ("Protocol", "ip.proto"),
            ("Header Checksum", "ip.checksum"),
            ("Source Address", "ip.src"),
            ("Destination Address", "ip.dst"),
        ],
    ),
    (
        "Internet Protocol Version 6",
        &[
            ("Payload Length", "ipv6.plen"),
            ("Next Header", "ipv6.nxt"),
            ("Hop Limit", "ipv6.hlim"),
            ("Source Address", "ipv6.src"),
            ("Destination Address", "ipv6.dst"),
        ],
    ),
    (
        "Transmission Control Protocol",
        &[
            ("Source Port", "tcp.srcport"),
            ("Destination Port", "tcp.dstport"),
            ("Sequence Number", "tcp.seq_raw"),
            ("Acknowledgment Number", "tcp.ack_raw"),
            ("Control Bits", "tcp.flags"),
            ("Window", "tcp.window_size_value"),
            ("Checksum", "tcp.checksum"),
            ("Urgent Pointer", "tcp.urgent_pointer"),
            ("Options", "tcp.options"),
        ],
    ),
    (
        "User Datagram Protocol",
        &[
            ("Source Port", "udp.srcport"),
            ("Destination Port", "udp.dstport"),
            ("Length", "udp.length"),
            ("Checksum", "udp.checksum"),
        ],
    ),
    (
        "Internet Control Message Protocol",
        &[
            ("Type", "icmp.type"),
            ("Code", "icmp.code"),
            ("Checksum", "icmp.checksum"),
        ],
    ),
    (
        "Internet Control Message Protocol v6",
        &[
            ("Type", "icmpv6.type"),
            ("Code", "icmpv6.code"),
            ("Checksum", "icmpv6.checksum"),
        ],
    ),
];

/// A field by tshark's name, where it begins, and its length.
type Place = (String, usize, usize);

fn ours(nodes: &[Node], found: &mut Vec<Place>) {
    for node in nodes {
        let fields = FIELDS.iter().find(|(header, _)| *header == node.name);
        for child in &node.children {
            let names = fields.map_or(&[][..], |(_, names)| names);
            if let Some((_, name)) = names.iter().find(|(ours, _)| *ours == child.name) {
                found.push(((*name).to_owned(), child.span.start, child.span.len()));
            }
        }
        ours(&node.children, found);
    }
}

/// The places in one packet of tshark's PDML.
fn theirs(packet: &str) -> Vec<Place> {
    let names: Vec<&str> = FIELDS
        .iter()
        .flat_map(|(_, fields)| fields.iter().map(|(_, name)| *name))
        .collect();
    let attribute = |line: &str, name: &str| -> Option<String> {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    packet
        .lines()
        .filter(|line| line.trim_start().starts_with("<field "))
        .filter_map(|line| {
            let name = attribute(line, "name").filter(|name| names.contains(&name.as_str()))?;
            let number = |name| attribute(line, name)?.parse().ok();
            Some((name, number("pos")?, number("size")?))
        })
        .collect()
}

#[test]
fn fields_lie_where_tshark_has_them() {
    let path = golden("loopback.pcap");
    let file = std::fs::read(&path).expect("the capture is in the repository");
    let path = path.to_string_lossy();
    let mut arguments = vec!["-n", "-r", &path, "-T", "pdml"];
    arguments.extend(["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]);
    let Some(pdml) = printed("tshark", &arguments) else {
        return;
    };
    let packets: Vec<&str> = pdml.split("<packet>").skip(1).collect();
    let (frames, _) = support::read(&file, 4096);
    assert_eq!(packets.len(), frames.len());
    let mut compared = 0;
    for (number, (frame, packet)) in frames.iter().zip(packets).enumerate() {
        let mut ours_found = Vec::new();
        ours(&dissect(&frame.packet()), &mut ours_found);
        let mut theirs_found = theirs(packet);
        // Each side has its own order of fields that overlap.
        ours_found.sort();
        theirs_found.sort();
        assert_eq!(ours_found, theirs_found, "frame {}", number + 1);
        compared += ours_found.len();
    }
    assert!(800 < compared, "{compared}");
}
