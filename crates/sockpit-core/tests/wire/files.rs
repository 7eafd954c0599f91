//! Files: what we write is read by others, and what others write by us.

use std::net::IpAddr;

use sockpit_core::pcap::{
    Ending, Interface, Item, Name, Reader, Section, Statistics, TLS_KEY_LOG, Writer,
};
use sockpit_core::wire::{CaptureFacts, Conversation, Direction, LinkType, Packet, PortType};

use crate::support::{self, Frame, golden, printed, put, run};

const GOLDEN: [&str; 4] = [
    "loopback.pcap",
    "loopback.pcapng",
    "cooked.pcap",
    "cooked2.pcap",
];

fn golden_frames(name: &str) -> Vec<Frame> {
    let file = std::fs::read(golden(name)).expect("the capture is in the repository");
    support::read(&file, 4096).0
}

#[test]
fn captures_of_tcpdump_and_dumpcap_are_read_whole() {
    for name in GOLDEN {
        let file = std::fs::read(golden(name)).expect("the capture is in the repository");
        let (frames, ending) = support::read(&file, 1000);
        assert_eq!((frames.len(), ending), (60, Ending::Whole), "{name}");
        assert_eq!(support::read(&file, 1).0, frames, "{name}");
    }
}

/// A file with everything in it that a writer writes.
fn rich() -> (Vec<u8>, Vec<Frame>) {
    let mut frames = golden_frames("loopback.pcap");
    for (number, frame) in frames.iter_mut().enumerate() {
        frame.facts.direction = match number % 3 {
            0 => Direction::Unknown,
            1 => Direction::In,
            _ => Direction::Out,
        };
        frame.facts.is_checksum_unfilled = number % 2 == 0;
        frame.facts.dropped_before = if number == 7 { 3 } else { 0 };
        frame.comments = match number {
            3 => vec!["→ hello".to_owned(), "第二条".to_owned()],
            _ => Vec::new(),
        };
    }
    let mut out = Vec::new();
    let section = Section {
        hardware: "a machine".to_owned(),
        os: "a system".to_owned(),
        application: "sockpit".to_owned(),
        comments: vec!["a remark".to_owned()],
    };
    let mut writer = Writer::begin(&section, &mut out);
    let interface = Interface {
        snap_len: 262_144,
        filter: "port 7000".to_owned(),
        os: "a system".to_owned(),
        ..Interface::new(LinkType::ETHERNET, "lo")
    };
    writer
        .interface(&interface, &mut out)
        .expect("it is the first");
    let name = Name {
        address: "127.0.0.1".parse().expect("an address"),
        names: vec!["here.test".to_owned()],
    };
    writer.names(&[name], &mut out);
    writer
        .secrets(TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n", &mut out)
        .expect("secrets are short");
    for frame in &frames {
        let comments: Vec<&str> = frame.comments.iter().map(String::as_str).collect();
        writer
            .packet(&frame.packet(), &comments, &mut out)
            .expect("the frame fits");
    }
    let statistics = Statistics {
        at: frames[59].at,
        started: Some(frames[0].at),
        ended: Some(frames[59].at),
        received: Some(63),
        dropped: Some(3),
        ..Statistics::default()
    };
    writer
        .statistics(&statistics, &mut out)
        .expect("the interface is there");
    (out, frames)
}

#[test]
fn tshark_reads_our_times_to_the_nanosecond_and_our_comments() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, frames) = rich();
    let path = put(&folder, "rich.pcapng", &file);
    let fields = [
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.len",
        "-e",
        "frame.cap_len",
    ];
    let more = ["-e", "frame.comment", "-E", "aggregator=|"];
    let arguments = [&["-n", "-r", &path, "-T", "fields"][..], &fields, &more].concat();
    let Some(lines) = printed("tshark", &arguments) else {
        return;
    };
    let ours: Vec<String> = frames
        .iter()
        .map(|frame| {
            format!(
                "{}.{:09}\t{}\t{}\t{}",
                frame.at / 1_000_000_000,
                frame.at % 1_000_000_000,
                frame.full_len,
                frame.bytes.len(),
                frame.comments.join("|"),
            )
        })
        .collect();
    assert_eq!(lines.lines().collect::<Vec<_>>(), ours);
}

#[test]
fn capinfos_knows_our_section_interface_and_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "rich.pcapng", &rich().0);
    let Some(told) = printed("capinfos", &[&path]) else {
        return;
    };
    for line in [
        "Number of packets:   60",
        "File timestamp precision:  nanoseconds (9)",
        "Capture hardware:    a machine",
        "Capture oper-sys:    a system",
        "Capture application: sockpit",
        "Capture comment:     a remark",
        "Name = lo",
        "Filter string = port 7000",
        "Number of stat entries = 1",
        "Strict time order:   True",
        "Number of decryption secrets in file: 1",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
}

#[test]
fn tcpdump_reads_every_packet_of_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "rich.pcapng", &rich().0);
    let precision = "--time-stamp-precision=nano";
    if let Some(lines) = printed("tcpdump", &["-n", "-tt", precision, "-r", &path]) {
        assert_eq!(
            lines.lines().filter(|line| !line.starts_with('\t')).count(),
            60
        );
    }
}

#[test]
fn an_exported_conversation_opens_in_tshark() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = Conversation {
        dissector: "http",
        protocol: "UNIX",
        addresses: Some((IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]))),
        ports: Some((PortType::Tcp, 1, 80)),
        direction: Direction::Out,
    };
    let plain = Conversation {
        direction: Direction::In,
        ..Conversation::default()
    };
    let messages = [
        request.packet(b"GET /unix HTTP/1.1\r\nHost: here\r\n\r\n"),
        plain.packet(b"\x01\x02\x03"),
    ];
    let frames: Vec<Frame> = messages
        .iter()
        .map(|bytes| Frame::of(&Packet::new(LinkType::UPPER_PDU, bytes)))
        .collect();
    let path = put(&folder, "unix.pcapng", &support::write(&frames));
    let fields = [
        "-e",
        "exported_pdu.prot_name",
        "-e",
        "exported_pdu.src_port",
    ];
    let more = ["-e", "http.request.uri", "-e", "ip.dst", "-e", "data.data"];
    let arguments = [&["-n", "-r", &path, "-T", "fields"][..], &fields, &more].concat();
    if let Some(lines) = printed("tshark", &arguments) {
        let lines: Vec<&str> = lines.lines().collect();
        assert!(lines[0].starts_with("http\t1\t/unix\t"), "{lines:?}");
        assert!(lines[1].starts_with("data\t\t\t"), "{lines:?}");
        assert!(lines[1].ends_with("\t010203"), "{lines:?}");
    }
}

#[test]
fn a_file_cut_anywhere_reads_up_to_its_last_whole_block_and_says_that_it_is_torn() {
    let (file, frames) = rich();
    for end in (0..file.len()).step_by(13) {
        let (read, ending) = support::read(&file[..end], 777);
        assert_eq!(read, frames[..read.len()], "cut at {end}");
        let is_whole = matches!(ending, Ending::Whole | Ending::Empty);
        let rewritten = support::read(&file[..end], 64 * 1024).1;
        assert_eq!(rewritten, ending, "cut at {end}");
        assert!(is_whole || matches!(ending, Ending::Torn { .. }));
    }
}

#[test]
fn tools_read_a_torn_file_of_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, _) = rich();
    let cut = file.len() * 2 / 3;
    let path = put(&folder, "torn.pcapng", &file[..cut]);
    let ours = support::read(&file[..cut], 4096).0.len();
    if let Some(output) = run("tshark", &["-n", "-r", &path]) {
        let lines = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(lines, ours);
    }
}

/// Every capture, through editcap into every format that it knows of these.
#[test]
fn what_editcap_writes_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in GOLDEN {
        let source = golden(name);
        let source = source.to_string_lossy();
        let frames = golden_frames(name);
        for format in ["pcap", "nsecpcap", "pcapng"] {
            let path = folder.path().join(format!("{name}.{format}"));
            let path = path.to_string_lossy();
            if printed("editcap", &["-F", format, &source, &path]).is_none() {
                return;
            }
            let file = std::fs::read(&*path).expect("editcap wrote it");
            let (read, ending) = support::read(&file, 4096);
            assert_eq!(ending, Ending::Whole, "{name} as {format}");
            assert_eq!(read.len(), frames.len(), "{name} as {format}");
            for (read, frame) in read.iter().zip(&frames) {
                assert_eq!(read.bytes, frame.bytes, "{name} as {format}");
                assert_eq!(read.link, frame.link, "{name} as {format}");
                let unit = if format == "pcap" { 1000 } else { 1 };
                assert_eq!(read.at, frame.at / unit * unit, "{name} as {format}");
            }
        }
    }
}

#[test]
fn what_tshark_writes_of_a_file_of_ours_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, frames) = rich();
    let path = put(&folder, "rich.pcapng", &file);
    let copy = folder.path().join("copy.pcapng");
    let copy = copy.to_string_lossy();
    if printed("tshark", &["-n", "-r", &path, "-w", &copy]).is_none() {
        return;
    }
    let file = std::fs::read(&*copy).expect("tshark wrote it");
    let (read, ending) = support::read(&file, 4096);
    assert_eq!(ending, Ending::Whole);
    assert_eq!(read, frames);
}

#[test]
fn comments_and_interfaces_of_others_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = golden("loopback.pcapng");
    let source = source.to_string_lossy();
    let path = folder.path().join("remarked.pcapng");
    let path = path.to_string_lossy();
    let remark = ["-a", "2:two: 二", "-a", "5:five", &source, &path];
    if printed("editcap", &remark).is_none() {
        return;
    }
    let file = std::fs::read(&*path).expect("editcap wrote it");
    let (frames, _) = support::read(&file, 4096);
    assert_eq!(frames[1].comments, ["two: 二"]);
    assert_eq!(frames[4].comments, ["five"]);
    let mut reader = Reader::new();
    reader.feed(&file);
    let mut interfaces = Vec::new();
    while let Some(item) = reader.next_item().expect("the file is sound") {
        if let Item::Interface(interface) = item {
            interfaces.push(interface);
        }
    }
    assert_eq!(interfaces.len(), 1);
    assert_eq!(interfaces[0].name, "lo");
    assert_eq!(interfaces[0].snap_len, 262_144);
}

#[test]
fn what_text2pcap_writes_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = put(
        &folder,
        "dump",
        b"0000 01 02 03 04 05\n0005\n0000 06\n0001\n",
    );
    for format in ["pcap", "pcapng", "nsecpcap"] {
        let path = folder.path().join(format);
        let path = path.to_string_lossy();
        if printed(
            "text2pcap",
            &["-q", "-l", "147", "-F", format, &dump, &path],
        )
        .is_none()
        {
            return;
        }
        let file = std::fs::read(&*path).expect("text2pcap wrote it");
        let (frames, ending) = support::read(&file, 7);
        assert_eq!(ending, Ending::Whole, "{format}");
        let bytes: Vec<&[u8]> = frames.iter().map(|frame| &frame.bytes[..]).collect();
        assert_eq!(bytes, [&[1, 2, 3, 4, 5][..], &[6]], "{format}");
        assert_eq!(frames[0].link, LinkType(147), "{format}");
    }
}

/// rule C4: bytes that editcap changed at random, in the packets and around them.
#[test]
fn c4_files_with_flipped_bytes_end_and_do_not_panic() {
    let (file, _) = rich();
    let mut state = 7_u64;
    for _ in 0..400 {
        let mut broken = file.clone();
        for _ in 0..8 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let place = usize::try_from(state >> 33).expect("64 bits") % broken.len();
            broken[place] = state.to_le_bytes()[3];
        }
        let mut reader = Reader::new();
        for chunk in broken.chunks(5000) {
            reader.feed(chunk);
            while let Ok(Some(_)) = reader.next_item() {}
        }
    }
}

#[test]
fn facts_of_the_tap_survive_a_file() {
    let facts = CaptureFacts {
        interface: 0,
        direction: Direction::Out,
        is_checksum_unfilled: true,
        gso_size: Some(1448),
        dropped_before: 9,
    };
    let frame = Frame {
        facts,
        comments: vec!["a remark".to_owned()],
        ..Frame::of(&Packet::new(LinkType::RAW, &[0x45, 0]))
    };
    let file = support::write(std::slice::from_ref(&frame));
    assert_eq!(support::read(&file, 3).0, [frame]);
}
