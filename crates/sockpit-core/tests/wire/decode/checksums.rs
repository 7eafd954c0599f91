//! What is said of checksums.

use sockpit_core::dissect::{Node, dissect};
use sockpit_core::wire::TcpFlags;

use super::*;

/// What every checksum of a frame is said to be: `good`, or what it should be.
fn verdicts(nodes: &[Node], found: &mut Vec<(String, String)>) {
    for node in nodes {
        if node.name.ends_with("Checksum") && !node.span.is_empty() {
            let verdict = node.value.split_once(", ").expect("a verdict follows").1;
            let verdict = verdict.strip_prefix("bad: should be ").unwrap_or(verdict);
            found.push((node.name.clone().into_owned(), verdict.to_owned()));
        }
        verdicts(&node.children, found);
    }
}

#[test]
fn checksums_of_loopback_are_told_as_not_computed() {
    let mut found = Vec::new();
    for frame in golden_frames("loopback.pcap") {
        let summary = Summary::of(&frame.packet());
        let is_whole = summary.ip().is_some_and(|ip| ip.fragment.is_none());
        // A reset and a refusal are of the kernel's own making, and filled in.
        let is_filled = summary
            .tcp()
            .is_some_and(|tcp| tcp.flags.has(TcpFlags::RST));
        let has_ports = summary.five_tuple().is_some();
        if is_whole && !is_filled && has_ports {
            verdicts(&dissect(&frame.packet()), &mut found);
        }
    }
    assert!(60 < found.len(), "{}", found.len());
    for (name, verdict) in found {
        let expected = match name.as_str() {
            "Header Checksum" => "good",
            _ => "not computed (offload)",
        };
        assert_eq!(verdict, expected, "{name}");
    }
}

/// rule C3: checksums that are not those of the bytes are told as tshark computes them.
#[test]
fn c3_wrong_checksums_should_be_what_tshark_computes() {
    let mut frames = golden_frames("loopback.pcap");
    frames.retain(|frame| {
        let summary = Summary::of(&frame.packet());
        let is_fragment = summary.ip().is_some_and(|ip| ip.fragment.is_some());
        !is_fragment && (summary.tcp().is_some() || summary.udp().is_some())
    });
    for frame in &mut frames {
        // Somewhere in each checksum: of IPv4, and of what follows.
        let is_v4 = frame.bytes[12] == 8;
        let is_tcp = Summary::of(&frame.packet()).tcp().is_some();
        let header = if is_v4 { 34 } else { 54 };
        frame.bytes[header + if is_tcp { 16 } else { 6 }] ^= 0x5a;
        if is_v4 {
            frame.bytes[24] ^= 0x5a;
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "wrong.pcapng", &support::write(&frames));
    let mut arguments = vec!["-n", "-r", &path, "-T", "fields"];
    arguments.extend(["-o", "ip.check_checksum:TRUE"]);
    arguments.extend(["-o", "tcp.check_checksum:TRUE"]);
    arguments.extend(["-o", "udp.check_checksum:TRUE"]);
    arguments.extend(["-e", "ip.checksum_calculated"]);
    arguments.extend(["-e", "tcp.checksum_calculated"]);
    arguments.extend(["-e", "udp.checksum_calculated"]);
    let Some(lines) = printed("tshark", &arguments) else {
        return;
    };
    for (frame, line) in frames.iter().zip(lines.lines()) {
        let mut ours = Vec::new();
        verdicts(&dissect(&frame.packet()), &mut ours);
        let ours: Vec<&str> = ours.iter().map(|(_, verdict)| verdict.as_str()).collect();
        let theirs: Vec<&str> = line.split('\t').filter(|value| !value.is_empty()).collect();
        let head = &frame.bytes[..frame.bytes.len().min(100)];
        assert_eq!(ours, theirs, "{head:02x?}");
    }
}
