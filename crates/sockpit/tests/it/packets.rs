//! `--wire`, `--ladder`, `--svg` and `--record x.pcapng`: a session's own packets beside its bytes.
//! Where the machine lets nobody capture, the tests say so and pass.

use std::io::Write as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;

use serde_json::Value;
use sockpit_core::pcap::{Ending, Item, Reader};
use sockpit_core::wire::{LinkType, Summary, TcpFlags};

use crate::support::{
    Program, Running, Signal, accept, client, connect, folder, free_address, listen, need,
    read_exactly, read_to_end, say, server, sockpit,
};

/// The records of a session; `None` where its packets could not be captured.
fn records(json: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(json).unwrap();
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let level = records
        .iter()
        .find(|record| record["kind"] == "wire")
        .unwrap_or_else(|| panic!("nothing is said of packets in {text}"));
    if level["data"]["level"] == "none" {
        say(&format!("skipped: {}", level["message"]));
        return None;
    }
    Some(records)
}

/// The packets among records, in the order in which they passed.
fn packets(records: &[Value]) -> Vec<&Value> {
    let mut packets: Vec<&Value> = records
        .iter()
        .filter(|record| record["event"] == "packet")
        .collect();
    packets.sort_by_key(|packet| packet["at"].as_str().unwrap().to_owned());
    packets
}

fn flags<'r>(packets: &[&'r Value]) -> Vec<(&'r str, &'r str)> {
    let flags = |packet: &&'r Value| {
        (
            packet["dir"].as_str().unwrap(),
            packet["data"]["flags"].as_str().unwrap(),
        )
    };
    packets.iter().map(flags).collect()
}

/// What is in a capture file: its link types, and each packet with the remarks on it.
type Found = (Vec<LinkType>, Vec<(Vec<u8>, Vec<String>)>);

fn captured(path: &Path, expected: &Ending) -> Found {
    let mut reader = Reader::new();
    reader.feed(&std::fs::read(path).unwrap());
    let (mut links, mut packets) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Interface(interface) => links.push(interface.link),
            Item::Packet(captured) => packets.push((
                captured.packet.bytes.to_vec(),
                captured.comments().map(Into::into).collect(),
            )),
            _ => {}
        }
    }
    assert_eq!(&reader.ending(), expected);
    (links, packets)
}

fn remarks(found: &Found) -> Vec<&str> {
    let remarks = found.1.iter().flat_map(|(_, remarks)| remarks);
    remarks.map(String::as_str).collect()
}

/// A program without the privilege to capture, whoever runs the test.
fn without_privilege(words: &[&str]) -> Program {
    let plain = ["--bounding-set", "-net_raw", "--inh-caps", "-net_raw"];
    let program = env!("CARGO_BIN_EXE_sockpit");
    Program::new("setpriv", &plain).args(&[program]).args(words)
}

#[test]
fn a_conversation_has_its_packets_from_the_first_to_the_last() {
    let (listener, endpoint) = server();
    let client = connect(&[
        &endpoint, "--wire", "--json", "--send", "hello", "--eol", "none",
    ])
    .start();
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 5), b"hello");
    peer.write_all(b"HELLO, you").unwrap();
    drop(peer);
    let Some(records) = records(&client.finish().check_code(0).stdout) else {
        return;
    };
    let packets = packets(&records);
    let flags = flags(&packets);
    assert_eq!(
        flags[..3],
        [("out", "SYN"), ("in", "SYN, ACK"), ("out", "ACK")]
    );
    for way in ["in", "out"] {
        let ends = |(other, flags): &&(&str, &str)| *other == way && flags.contains("FIN");
        assert_eq!(flags.iter().filter(ends).count(), 1, "{flags:?}");
    }
    assert_eq!(flags.last().unwrap().1, "ACK", "{flags:?}");
    let carried: Vec<_> = packets
        .iter()
        .filter(|packet| packet["data"]["payload"] != 0)
        .map(|packet| {
            (
                &packet["dir"],
                &packet["offset"],
                &packet["data"]["payload"],
            )
        })
        .collect();
    let expected = [
        (Value::from("out"), Value::from(0), Value::from(5)),
        (Value::from("in"), Value::from(0), Value::from(10)),
    ];
    assert_eq!(
        carried,
        expected
            .iter()
            .map(|(a, b, c)| (a, b, c))
            .collect::<Vec<_>>()
    );
    assert!(packets.iter().all(|packet| packet["peer"] == 1));
    // A write stands before the packets that it made.
    let moment = |event: &str, way: &str| {
        let it = records.iter().find(|record| {
            record["event"] == event && record["dir"] == way && record["data"]["payload"] != 0
        });
        it.unwrap()["at"].as_str().unwrap().to_owned()
    };
    assert!(moment("chunk", "out") < moment("packet", "out") || flags[0].1 == "SYN");
    let sums = records.last().unwrap();
    assert_eq!(sums["data"]["packets"], packets.len());
    assert_eq!(sums["data"]["dropped"], 0);
}

#[test]
fn each_peer_of_a_listener_has_its_own_packets() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "upper", "--wire", "--json"]);
    let mut ports = Vec::new();
    for text in ["one", "two", "three"] {
        let mut peer = client(listener.port());
        ports.push(peer.local_addr().unwrap().port());
        peer.write_all(text.as_bytes()).unwrap();
        assert_eq!(
            read_exactly(&mut peer, text.len()),
            text.to_uppercase().as_bytes()
        );
    }
    let Some(records) = records(&listener.interrupt().check_code(130).stdout) else {
        return;
    };
    let packets = packets(&records);
    for (peer, port) in (1..).zip(&ports) {
        let address = format!("127.0.0.1:{port}");
        let own: Vec<_> = packets
            .iter()
            .filter(|packet| packet["peer"] == peer)
            .copied()
            .collect();
        let is_of_it = |packet: &&Value| {
            [&packet["data"]["source"], &packet["data"]["destination"]]
                .iter()
                .any(|addr| **addr == address)
        };
        assert!(own.iter().all(is_of_it), "{own:?}");
        assert_eq!(flags(&own)[..2], [("in", "SYN"), ("out", "SYN, ACK")]);
    }
    let lost = packets.iter().find(|packet| packet["peer"] == 0);
    assert_eq!(lost, None);
}

#[test]
fn a_refusal_is_seen_on_the_wire() {
    let refused = connect(&[&free_address(), "--wire", "--json"])
        .run()
        .check_code(1)
        .check_stderr(&["connection refused"]);
    let Some(records) = records(&refused.stdout) else {
        return;
    };
    assert_eq!(
        flags(&packets(&records)),
        [("out", "SYN"), ("in", "RST, ACK")]
    );
}

#[test]
fn a_picture_or_a_capture_file_that_cannot_be_written_is_known_before_the_conversation() {
    let folder = folder();
    let full = folder.path().join("full.pcapng");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let missing = folder.path().join("missing/x.svg");
    let (listener, endpoint) = server();
    listener.set_nonblocking(true).unwrap();
    for (flag, path, why) in [
        ("--record", full.as_path(), "no space left"),
        ("--svg", missing.as_path(), "no such file"),
        ("--svg", folder.path(), "it is no file"),
    ] {
        connect(&[&endpoint, "--ladder", flag, path.to_str().unwrap()])
            .run()
            .check_code(2)
            .check_stderr(&["error: cannot ", path.to_str().unwrap(), why]);
        assert!(listener.accept().is_err(), "{flag} connected");
    }
}

#[test]
fn a_picture_is_whole_though_nobody_reads_the_ladders_lines_any_more() {
    let folder = folder();
    let path = folder.path().join("x.svg");
    std::fs::write(&path, vec![b'x'; 200_000]).unwrap();
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "upper"]);
    let script = "\"$0\" connect \"$1\" --ladder --svg \"$2\" --as raw --every 20ms --count 10 \
                  --send hello 2>&1 >/dev/null | head -n 1";
    let program = env!("CARGO_BIN_EXE_sockpit");
    let (address, file) = (listener.address(), path.to_str().unwrap());
    let ended = Program::new("sh", &["-c", script, program, &address, file])
        .run()
        .check_code(0);
    let picture = std::fs::read_to_string(&path).unwrap();
    assert!(picture.ends_with("</svg>\n"), "{}", ended.told());
    assert!(picture.contains("write 10"), "{picture}");
}

#[test]
fn three_datagrams_pass_as_three_packets() {
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--wire",
        "--json",
        "--once",
        "--idle",
        "2s",
    ]);
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = (Ipv4Addr::LOCALHOST, listener.port());
    for payload in ["1", "a", "b"] {
        sender.send_to(payload.as_bytes(), to).unwrap();
    }
    let Some(records) = records(&listener.finish().stdout) else {
        return;
    };
    let packets = packets(&records);
    let ends: Vec<_> = packets
        .iter()
        .map(|packet| {
            let hex = packet["hex"].as_str().unwrap();
            (&packet["data"]["payload"], &hex[hex.len() - 2..])
        })
        .collect();
    let one = Value::from(1);
    assert_eq!(ends, [(&one, "31"), (&one, "61"), (&one, "62")]);
    assert!(packets.iter().all(|packet| packet["peer"] == 1));
}

#[test]
fn a_recording_of_packets_holds_what_they_carry_and_others_read_it() {
    let folder = folder();
    let path = folder.path().join("x.pcapng");
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "upper", "--frame", "lines"]);
    let ended = connect(&[
        &listener.address(),
        "--record",
        path.to_str().unwrap(),
        "--frame",
        "lines",
        "--send",
        "hello",
        "--expect",
        "HELLO",
    ])
    .run()
    .check_code(0);
    let found = captured(&path, &Ending::Whole);
    if found.0 == [LinkType::UPPER_PDU] {
        say(&format!("skipped: {}", ended.told()));
        return;
    }
    assert_eq!(found.0, [LinkType::ETHERNET]);
    assert_eq!(remarks(&found), ["sent: hello", "received: HELLO"]);
    let first = sockpit_core::wire::Packet::new(LinkType::ETHERNET, &found.1[0].0);
    let tcp = Summary::of(&first);
    assert_eq!(tcp.tcp().unwrap().flags, TcpFlags::SYN);
    for (tool, arguments) in [
        ("tshark", vec!["-r", "x.pcapng"]),
        ("tcpdump", vec!["-nr", "x.pcapng"]),
    ] {
        if need(tool) {
            let read = Program::new(tool, &arguments).folder(&folder).run();
            let lines = read.text().lines().count();
            assert_eq!(lines, found.1.len(), "{tool}: {}", read.told());
        }
    }
    if need("capinfos") {
        let told = Program::new("capinfos", &["x.pcapng"])
            .folder(&folder)
            .run();
        let count = format!("Number of packets:   {}", found.1.len());
        assert!(told.text().contains(&count), "{}", told.text());
        assert!(told.text().contains("Name = lo"), "{}", told.text());
    }
}

#[test]
fn a_recording_of_a_unix_socket_holds_messages() {
    let folder = folder();
    let path = folder.path().join("x.pcapng");
    let socket = format!("unix://{}/s", folder.path().display());
    let listener = listen(&[&socket, "--reply", "upper"]);
    listener.wait_for_stderr("listening on");
    connect(&[
        &socket,
        "--record",
        path.to_str().unwrap(),
        "--send",
        "hello",
        "--expect",
        "HELLO",
    ])
    .run()
    .check_code(0);
    let found = captured(&path, &Ending::Whole);
    assert_eq!(found.0, [LinkType::UPPER_PDU]);
    assert_eq!(
        remarks(&found),
        ["write of 6 bytes: hello\\n", "read of 6 bytes: HELLO\\n"]
    );
}

#[test]
fn b9_a_recording_that_is_killed_can_be_read() {
    let folder = folder();
    let path = folder.path().join("x.pcapng");
    let (listener, endpoint) = server();
    let recorded = connect(&[
        &endpoint,
        "--record",
        path.to_str().unwrap(),
        "--every",
        "1ms",
        "--send",
        "tick",
    ])
    .start();
    let mut peer = accept(&listener);
    read_exactly(&mut peer, 1000);
    recorded.wait("the file to hold packets", |_| {
        std::fs::metadata(&path).is_ok_and(|facts| facts.len() > 4000)
    });
    recorded.signal(Signal::KILL);
    recorded.finish();
    let mut reader = Reader::new();
    reader.feed(&std::fs::read(&path).unwrap());
    let mut count = 0;
    while let Some(item) = reader.next_item().unwrap() {
        count += usize::from(matches!(item, Item::Packet(_)));
    }
    assert!(count > 10, "{count}");
}

#[test]
fn without_the_privilege_it_is_said_once_and_the_rest_goes_on() {
    if !need("setpriv") {
        return;
    }
    let folder = folder();
    let path = folder.path().join("x.pcapng");
    let (listener, endpoint) = server();
    let client = without_privilege(&[
        "connect",
        &endpoint,
        "--wire",
        "--record",
        path.to_str().unwrap(),
        "--send",
        "hello",
        "--eol",
        "none",
    ])
    .start();
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 5), b"hello");
    peer.write_all(b"HELLO").unwrap();
    drop(peer);
    let ended = client.finish().check_code(0).check_stdout("HELLO");
    let told = ended.stderr;
    assert_eq!(told.matches("warning: ").count(), 1, "{told}");
    assert!(told.contains("NET_RAW"), "{told}");
    assert!(told.contains("→ hello"), "{told}");
    assert!(!told.contains("SYN"), "no packet is made up: {told}");
    let found = captured(&path, &Ending::Whole);
    assert_eq!(found.0, [LinkType::UPPER_PDU]);
    assert_eq!(
        remarks(&found),
        ["write of 5 bytes: hello", "read of 5 bytes: HELLO"]
    );
}

#[test]
fn the_ladder_takes_the_timelines_place_and_is_saved_as_a_picture() {
    let folder = folder();
    let path = folder.path().join("x.svg");
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "upper"]);
    let ended = connect(&[
        &listener.address(),
        "--ladder",
        "--teach",
        "--svg",
        path.to_str().unwrap(),
        "--as",
        "none",
        // The session ends with the peer's own end, and not before it.
        "--send",
        "hello",
    ])
    .run()
    .check_code(0);
    let text = ended.text();
    if !text.contains("[SYN]") {
        say(&format!("skipped: {}", ended.told()));
        return;
    }
    for part in ["SYN_SENT", "ESTABLISHED", "write 1", "read 1", " » "] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let picture = std::fs::read_to_string(&path).unwrap();
    assert!(
        picture.starts_with("<svg") || picture.starts_with("<?xml"),
        "{picture}"
    );
    assert!(picture.contains("TIME_WAIT"), "{picture}");
}

#[test]
fn the_packets_of_a_refused_connection_are_drawn() {
    let refused = connect(&[&free_address(), "--ladder", "--as", "none"])
        .run()
        .check_code(1);
    if refused.stderr.contains("warning: ") {
        say(&format!("skipped: {}", refused.told()));
        return;
    }
    assert!(refused.text().contains("[RST, ACK]"), "{}", refused.told());
}

#[test]
fn where_stdout_holds_data_packets_are_told_beside_it() {
    let (listener, endpoint) = server();
    let mut client = connect(&[&endpoint, "--wire"]).hold_stdin().start();
    // What is said waits for packets that came before it, but only a moment.
    let wait_for_packet = |client: &Running, part: &str| {
        client.wait(part, |client| {
            let told = client.stderr();
            told.contains(part) || told.contains("warning: ")
        });
    };
    let mut peer = accept(&listener);
    wait_for_packet(&client, "⇢ TCP  SYN");
    client.feed(b"hello");
    assert_eq!(read_exactly(&mut peer, 5), b"hello");
    wait_for_packet(&client, "\"hello\"");
    peer.write_all(b"HELLO").unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    client.end_stdin();
    assert_eq!(read_to_end(&mut peer), b"");
    let ended = client.finish().check_code(0).check_stdout("HELLO");
    let told = &ended.stderr;
    if told.contains("warning: ") {
        say(&format!("skipped: {told}"));
        return;
    }
    let places: Vec<_> = ["⇢ TCP  SYN", "→ hello", "\"hello\"", "← HELLO"]
        .iter()
        .map(|part| {
            told.find(part)
                .unwrap_or_else(|| panic!("no {part} in {told}"))
        })
        .collect();
    assert!(places.is_sorted(), "{told}");
}

#[test]
fn the_recordings_of_both_ends_make_one_ladder_and_one_order() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ours, theirs, picture) = (at("c.jsonl"), at("s.jsonl"), at("both.svg"));
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--reply",
        "upper",
        "--once",
        "--record",
        &theirs,
    ]);
    connect(&[
        &listener.address(),
        "--wire",
        "--record",
        &ours,
        // The session ends with the peer's own end, and not before it.
        "--send",
        "hello",
    ])
    .run()
    .check_code(0);
    listener.finish().check_code(0);
    if records(&std::fs::read(&ours).unwrap()).is_none() {
        return;
    }
    let told = sockpit(&["replay", &ours, "--fast"]).run().check_code(0);
    let lines: Vec<&str> = told.text().lines().collect();
    let times: Vec<&str> = lines.iter().map(|line| &line[..15]).collect();
    assert!(times.is_sorted(), "{lines:#?}");
    assert!(lines[1].contains("⇢ TCP  SYN "), "{lines:#?}");
    let drawn = sockpit(&["replay", &ours, &theirs, "--ladder", "--svg", &picture])
        .run()
        .check_code(0);
    for part in [
        "write 1 6 B",
        "read 1 6 B ← #4",
        "LAST_ACK",
        "write 1  \"HELLO\\n\"",
    ] {
        assert!(drawn.text().contains(part), "no {part} in {}", drawn.text());
    }
    assert!(
        std::fs::read_to_string(&picture)
            .unwrap()
            .contains("SYN_SENT")
    );
}
