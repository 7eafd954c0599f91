//! Decoding: our summary of a frame says what tshark's fields say.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sockpit_core::dissect::{Node, dissect};
use sockpit_core::text::hex;
use sockpit_core::wire::{
    Arp, Content, Icmp, LinkType, Packet, Span, Summary, TcpFlags, Transport, Udp, protocol,
};

use crate::support::{self, Frame, golden, printed, put, skip};

/// The fields that are compared, by tshark's names.
const FIELDS: [&str; 39] = [
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "ip.ttl",
    "ip.len",
    "ip.id",
    "ip.frag_offset",
    "ip.flags.mf",
    "ipv6.hlim",
    "ipv6.fraghdr.offset",
    "ipv6.fraghdr.more",
    "ipv6.fraghdr.ident",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.urgent_pointer",
    "tcp.hdr_len",
    "tcp.len",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.sack_le",
    "tcp.options.sack_re",
    "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "icmp.type",
    "icmp.code",
    "icmp.ident",
    "icmpv6.type",
    "icmpv6.echo.identifier",
    "arp.opcode",
    "arp.src.proto_ipv4",
    "vlan.id",
];

/// Those that must agree wherever both sides have them, however a frame was broken.
const FIRM: [&str; 11] = [
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
];

type Row = BTreeMap<&'static str, String>;

/// What tshark says of each frame of a file.
fn tshark(path: &str) -> Option<Vec<Row>> {
    let mut arguments = vec!["-n", "-r", path, "-T", "fields", "-E", "separator=;"];
    for setting in [
        "tcp.relative_sequence_numbers:FALSE",
        "tcp.analyze_sequence_numbers:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
        "ip.defragment:FALSE",
        "ipv6.defragment:FALSE",
        "ip.check_checksum:FALSE",
    ] {
        arguments.extend(["-o", setting]);
    }
    for field in FIELDS {
        arguments.extend(["-e", field]);
    }
    let lines = printed("tshark", &arguments)?;
    let row = |line: &str| -> Row {
        FIELDS
            .into_iter()
            .zip(line.split(';'))
            .filter(|(_, value)| !value.is_empty())
            .map(|(field, value)| (field, normal(value)))
            .collect()
    };
    Some(lines.lines().map(row).collect())
}

/// tshark writes some numbers in hexadecimal, or as `True`.
fn normal(value: &str) -> String {
    let values = value.split(',').map(|value| match value {
        "True" => "1".to_owned(),
        "False" => "0".to_owned(),
        _ => match value.strip_prefix("0x") {
            Some(digits) => {
                u64::from_str_radix(digits, 16).map_or(value.to_owned(), |n| n.to_string())
            }
            // There is more than one way of writing an address.
            _ => value
                .parse::<IpAddr>()
                .map_or(value.to_owned(), |address| address.to_string()),
        },
    });
    values.collect::<Vec<_>>().join(",")
}

/// What we say of a frame, as tshark would.
fn ours(frame: &Frame) -> Row {
    let summary = Summary::of(&frame.packet());
    let mut row = Row::new();
    let mut put = |field: &'static str, value: String| {
        row.entry(field)
            .and_modify(|before: &mut String| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert(value);
    };
    if let Some(vlan) = summary.vlan {
        put("vlan.id", vlan.to_string());
    }
    match summary.content {
        Content::Arp(Arp {
            operation, sender, ..
        }) => {
            put("arp.opcode", operation.to_string());
            put("arp.src.proto_ipv4", sender.to_string());
        }
        Content::Ip(ip) => {
            let fragment = ip.fragment;
            let followed = fragment.is_some_and(|f| f.is_followed);
            if ip.source.is_ipv4() {
                put("ip.src", ip.source.to_string());
                put("ip.dst", ip.destination.to_string());
                put("ip.ttl", ip.hop_limit.to_string());
                put("ip.len", ip.total_len.to_string());
                put("ip.id", ip.identification.unwrap_or_default().to_string());
                // tshark shows the field as it is, in units of 8 bytes.
                let offset = fragment.map_or(0, |f| f.offset / 8);
                put("ip.frag_offset", offset.to_string());
                put("ip.flags.mf", u8::from(followed).to_string());
            } else {
                put("ipv6.src", ip.source.to_string());
                put("ipv6.dst", ip.destination.to_string());
                put("ipv6.hlim", ip.hop_limit.to_string());
                if let Some(id) = ip.identification {
                    let offset = fragment.map_or(0, |f| f.offset / 8);
                    put("ipv6.fraghdr.offset", offset.to_string());
                    put("ipv6.fraghdr.more", u8::from(followed).to_string());
                    put("ipv6.fraghdr.ident", id.to_string());
                }
            }
            transport(&ip.transport, ip.protocol, &mut put);
        }
        _ => {}
    }
    row
}

fn transport(transport: &Transport, protocol: u8, put: &mut impl FnMut(&'static str, String)) {
    match transport {
        Transport::Other => {}
        Transport::Partial(partial) => {
            let [source, destination] = match protocol {
                protocol::UDP => ["udp.srcport", "udp.dstport"],
                _ => ["tcp.srcport", "tcp.dstport"],
            };
            put(source, partial.ports.0.to_string());
            put(destination, partial.ports.1.to_string());
            if let Some(seq) = partial.seq {
                put("tcp.seq_raw", seq.to_string());
            }
        }
        Transport::Tcp(tcp) => {
            put("tcp.srcport", tcp.source_port.to_string());
            put("tcp.dstport", tcp.destination_port.to_string());
            put("tcp.seq_raw", tcp.seq.to_string());
            put("tcp.ack_raw", tcp.ack.to_string());
            put("tcp.flags", tcp.flags.0.to_string());
            put("tcp.window_size_value", tcp.window.to_string());
            put("tcp.urgent_pointer", tcp.urgent.to_string());
            put("tcp.hdr_len", tcp.header_len.to_string());
            put("tcp.len", tcp.payload_len.to_string());
            if let Some(mss) = tcp.options.mss {
                put("tcp.options.mss_val", mss.to_string());
            }
            if let Some(shift) = tcp.options.window_scale {
                put("tcp.options.wscale.shift", shift.to_string());
            }
            for block in tcp.options.sack.iter() {
                put("tcp.options.sack_le", block.start.to_string());
                put("tcp.options.sack_re", block.end.to_string());
            }
            if let Some(stamps) = tcp.options.timestamps {
                put("tcp.options.timestamp.tsval", stamps.value.to_string());
                put("tcp.options.timestamp.tsecr", stamps.echo.to_string());
            }
        }
        Transport::Udp(Udp {
            source_port,
            destination_port,
            len,
            ..
        }) => {
            put("udp.srcport", source_port.to_string());
            put("udp.dstport", destination_port.to_string());
            put("udp.length", len.to_string());
        }
        Transport::Icmp(icmp) => icmp_fields(icmp, protocol, put),
    }
}

fn icmp_fields(icmp: &Icmp, protocol: u8, put: &mut impl FnMut(&'static str, String)) {
    let is_v6 = protocol == protocol::ICMPV6;
    if is_v6 {
        put("icmpv6.type", icmp.kind.to_string());
    } else {
        put("icmp.type", icmp.kind.to_string());
        put("icmp.code", icmp.code.to_string());
    }
    if let Some(echo) = icmp.echo {
        let field = match is_v6 {
            true => "icmpv6.echo.identifier",
            false => "icmp.ident",
        };
        put(field, echo.id.to_string());
    }
    let Some(embedded) = icmp.embedded else {
        return;
    };
    let [source, destination] = match is_v6 {
        true => ["ipv6.src", "ipv6.dst"],
        false => ["ip.src", "ip.dst"],
    };
    put(source, embedded.source.to_string());
    put(destination, embedded.destination.to_string());
    if let Some((source, destination)) = embedded.ports {
        let [from, to] = match embedded.protocol {
            protocol::UDP => ["udp.srcport", "udp.dstport"],
            _ => ["tcp.srcport", "tcp.dstport"],
        };
        put(from, source.to_string());
        put(to, destination.to_string());
    }
    if let Some(seq) = embedded.seq {
        put("tcp.seq_raw", seq.to_string());
    }
}

/// Checks every field of every frame, the fields of a packet within an ICMP error set apart.
#[track_caller]
fn check(frames: &[Frame]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "frames.pcapng", &support::write(frames));
    let Some(theirs) = tshark(&path) else { return };
    assert_eq!(theirs.len(), frames.len());
    for (number, (frame, mut theirs)) in frames.iter().zip(theirs).enumerate() {
        let mut ours = ours(frame);
        if ours.contains_key("icmp.type") || ours.contains_key("icmpv6.type") {
            for row in [&mut ours, &mut theirs] {
                row.retain(|field, _| {
                    FIRM.contains(field) && *field != "udp.length" && *field != "tcp.ack_raw"
                        || field.starts_with("icmp")
                });
            }
        }
        let head = &frame.bytes[..frame.bytes.len().min(100)];
        assert_eq!(ours, theirs, "frame {}: {head:02x?}", number + 1);
    }
}

fn golden_frames(name: &str) -> Vec<Frame> {
    let file = std::fs::read(golden(name)).expect("the capture is in the repository");
    support::read(&file, 4096).0
}

#[test]
fn recorded_frames_are_what_tshark_says() {
    for name in [
        "loopback.pcap",
        "loopback.pcapng",
        "cooked.pcap",
        "cooked2.pcap",
    ] {
        check(&golden_frames(name));
    }
}

/// The recorded frames with another link layer before their packets.
fn relinked(link: LinkType, header: impl Fn(bool) -> Vec<u8>) -> Vec<Frame> {
    let mut frames = golden_frames("loopback.pcap");
    for frame in &mut frames {
        let is_v6 = frame.bytes[12..14] == [0x86, 0xdd];
        let mut bytes = header(is_v6);
        bytes.extend_from_slice(&frame.bytes[14..]);
        frame.link = link;
        frame.full_len = bytes.len();
        frame.bytes = bytes;
    }
    frames
}

#[test]
fn every_link_type_leads_to_the_same_packet() {
    let ether_type = |is_v6| if is_v6 { [0x86, 0xdd] } else { [8, 0] };
    for v6 in [24_u32, 28, 30] {
        let family = |is_v6| if is_v6 { v6 } else { 2 };
        check(&relinked(LinkType::NULL, |is_v6| {
            family(is_v6).to_le_bytes().to_vec()
        }));
        check(&relinked(LinkType::LOOP, |is_v6| {
            family(is_v6).to_be_bytes().to_vec()
        }));
    }
    check(&relinked(LinkType::RAW, |_| Vec::new()));
    check(&relinked(LinkType::SLL, |is_v6| {
        let mut header = vec![0, 4, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
        header.extend(ether_type(is_v6));
        header
    }));
    check(&relinked(LinkType::SLL2, |is_v6| {
        let mut header = ether_type(is_v6).to_vec();
        header.extend([0, 0, 0, 0, 0, 7, 3, 4, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
        header
    }));
    check(&relinked(LinkType::ETHERNET, |is_v6| {
        let mut header = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x60, 42];
        header.extend(ether_type(is_v6));
        header
    }));
}

#[test]
fn rare_headers_are_what_tshark_says() {
    let syn = "9c40 1b58 01020304 00000000 a002 faf0 7d0a 0000 \
               020405b4 0402 080a 00000064 00000000 01 030307";
    let sack = "9c40 1b58 00000001 00000001 e010 faf0 0000 0000 0101 0522 \
                00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008";
    let v6 = "00000000000000000000000000000001 00000000000000000000000000000002";
    let udp = "9c40 1b58 000c 0000 61626364";
    let frames = [
        // IPv4 with a record route, then TCP; with a length of 0; with an authentication header.
        format!(
            "48 00 0048 0001 4000 40 06 0000 0a000001 0a000002 070b0400 00000000 00000000 {syn}"
        ),
        format!("45 00 0000 0001 4000 40 06 0000 0a000001 0a000002 {syn}"),
        format!(
            "45 00 0038 0001 4000 40 33 0000 0a000001 0a000002 11040000 00000001 00000002 \
                 000102030405060708090a0b {udp}"
        ),
        format!("45 00 0050 0000 4000 40 06 0000 0a000001 0a000002 {sack}"),
        // IPv6 with options, a routing header, a lone fragment header, one of a first fragment.
        format!("60000000 001c 00 40 {v6} 3c 00 0502 0000 0100 11 00 0104 00000000 {udp}"),
        format!("60000000 0024 2b 40 {v6} 11 02 02 00 00000000 {v6} {udp}"),
        format!("60000000 0014 2c 40 {v6} 11 00 0000 00000007 {udp}"),
        format!("60000000 0014 2c 40 {v6} 11 00 0001 00000007 {udp}"),
        // Something after it that nobody reads, and options of the wrong length.
        format!("45 00 0018 0000 4000 40 84 0000 0a000001 0a000002 {udp}"),
        "45 00 0030 0000 4000 40 06 0000 0a000001 0a000002 \
         9c40 1b58 00000000 00000000 7002 0000 0000 0000 0203 01 0304 0101 01"
            .to_owned(),
    ];
    let frame = |text: &String| {
        let bytes = hex::parse(text).expect("it is hex");
        Frame::of(&Packet::new(LinkType::RAW, &bytes))
    };
    check(&frames.iter().map(frame).collect::<Vec<_>>());
}

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

/// Checks what must hold of frames that were broken: where both sides have a field, it is the same.
#[track_caller]
fn check_broken(frames: &[Frame]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "broken.pcapng", &support::write(frames));
    let Some(theirs) = tshark(&path) else { return };
    assert_eq!(theirs.len(), frames.len());
    for (number, (frame, theirs)) in frames.iter().zip(theirs).enumerate() {
        let ours = ours(frame);
        for field in FIRM {
            let (Some(ours), Some(theirs)) = (ours.get(field), theirs.get(field)) else {
                continue;
            };
            // What lies deeper than the first packet inside may be shown by one side only.
            let (ours, theirs) = (ours.split(','), theirs.split(','));
            for (ours, theirs) in ours.zip(theirs) {
                let head = &frame.bytes[..frame.bytes.len().min(100)];
                assert_eq!(ours, theirs, "{field} of frame {}: {head:02x?}", number + 1);
            }
        }
    }
}

#[test]
fn cut_frames_keep_what_was_captured() {
    for name in ["loopback.pcap", "cooked.pcap", "cooked2.pcap"] {
        let whole = golden_frames(name);
        let mut cut = Vec::new();
        for frame in &whole {
            for len in (0..frame.bytes.len().min(120)).step_by(3) {
                let mut frame = frame.clone();
                frame.bytes.truncate(len);
                cut.push(frame);
            }
        }
        check_broken(&cut);
    }
}

#[test]
fn a_cut_never_changes_what_the_headers_say() {
    for frame in golden_frames("loopback.pcap") {
        let Some(whole) = Summary::of(&frame.packet()).tcp().copied() else {
            continue;
        };
        for len in 14 + 40 + whole.header_len..frame.bytes.len() {
            let mut cut = frame.clone();
            cut.bytes.truncate(len);
            let cut = *Summary::of(&cut.packet())
                .tcp()
                .expect("its header is there");
            assert_eq!(cut.payload_len, whole.payload_len);
            let Span { start, .. } = whole.payload;
            let payload = Span {
                start: start.min(len),
                end: len.min(whole.payload.end),
            };
            assert_eq!(cut.payload, payload);
        }
    }
}

#[test]
fn flipped_bytes_are_read_as_tshark_reads_them() {
    let whole = golden_frames("loopback.pcap");
    let mut state = 11_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99);
        usize::try_from(state >> 33).expect("64 bits")
    };
    let mut broken = Vec::new();
    for _ in 0..5000 {
        let mut frame = whole[next() % whole.len()].clone();
        let headers = frame.bytes.len().min(100);
        for _ in 0..1 + next() % 3 {
            frame.bytes[next() % headers] ^= u8::try_from(1 + next() % 255).expect("a byte");
        }
        broken.push(frame);
    }
    check_broken(&broken);
}

/// A program that is ended with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Talks over loopback while tcpdump listens, and checks what it heard.
#[test]
fn live_frames_of_loopback_are_what_tshark_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("live.pcap");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let port = listener.local_addr().expect("it is bound").port();
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
    let udp_port = datagrams.local_addr().expect("it is bound").port();
    let tcpdump = Command::new("tcpdump")
        .args(["-Z", "root", "-i", "lo", "-U", "-w"])
        .arg(&path)
        .arg(format!("port {port} or port {udp_port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut tcpdump = match tcpdump {
        Ok(tcpdump) => Ended(tcpdump),
        Err(error) => return skip(&format!("tcpdump does not run: {error}")),
    };
    let mut told = tcpdump.0.stderr.take().expect("it is piped");
    let mut text = String::new();
    while !text.contains("listening on") {
        let mut byte = [0];
        if told.read(&mut byte).unwrap_or(0) == 0 {
            return skip(&format!("tcpdump does not capture: {}", text.trim()));
        }
        text.push(char::from(byte[0]));
    }
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let (mut server, _) = listener.accept().expect("somebody connects");
    for len in [1, 13, 70_000] {
        let mut heard = vec![0; len];
        std::thread::scope(|scope| {
            let client = &mut client;
            scope.spawn(move || client.write_all(&vec![b'x'; len]).expect("it is open"));
            server.read_exact(&mut heard).expect("it is open");
        });
    }
    drop((client, server));
    for message in [&b"1"[..], b"a", b"b"] {
        datagrams
            .send_to(message, ("127.0.0.1", udp_port))
            .expect("loopback is up");
    }
    let frames = heard_until(&path, |frames| {
        let summaries = frames.iter().map(|frame| Summary::of(&frame.packet()));
        summaries.filter(|summary| summary.udp().is_some()).count() == 3
    });
    drop(tcpdump);
    let payload: usize = frames
        .iter()
        .filter_map(|frame| Some(Summary::of(&frame.packet()).tcp()?.payload_len))
        .sum();
    assert_eq!(payload, 70_014);
    check(&frames);
}

/// What tcpdump wrote, once it is enough.
fn heard_until(path: &std::path::Path, is_enough: impl Fn(&[Frame]) -> bool) -> Vec<Frame> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let file = std::fs::read(path).expect("tcpdump made it");
        let (frames, _) = support::read(&file, 4096);
        if is_enough(&frames) {
            return frames;
        }
        assert!(
            Instant::now() < deadline,
            "heard only {} frames",
            frames.len()
        );
        // sleep: polled until the deadline
        std::thread::sleep(Duration::from_millis(20));
    }
}
