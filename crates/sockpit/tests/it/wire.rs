//! `sockpit wire open` and `follow`: captures of other tools, and what other tools make of ours.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Program, folder, need, sockpit};

/// A capture of the test data.
fn capture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/captures");
    path.join(name).to_str().unwrap().to_owned()
}

/// `sockpit wire open` of a capture, with these words.
fn open(name: &str, words: &[&str]) -> Program {
    sockpit(&["wire", "open", &capture(name)]).args(words)
}

/// How many packets another tool sees in a file.
fn counted_by(tool: &str, path: &Path) -> usize {
    let path = path.to_str().unwrap();
    let arguments: &[&str] = match tool {
        "tshark" | "tcpdump" => &["-n", "-r", path],
        _ => &["-r", "-c", "-M", "-T", path],
    };
    let finished = Program::new(tool, arguments).run().check_code(0);
    if tool == "capinfos" {
        let last = finished.text().split_whitespace().last().unwrap();
        return last.parse().unwrap();
    }
    finished.text().lines().count()
}

#[test]
fn every_form_of_capture_is_read() {
    for name in [
        "loopback.pcap",
        "loopback.pcapng",
        "cooked.pcap",
        "cooked2.pcap",
    ] {
        let finished = open(name, &[]).run().check_code(0).check_silent();
        assert_eq!(finished.text().lines().count(), 60, "{name}");
    }
}

#[test]
fn a_segment_is_a_line_with_its_numbers() {
    let finished = open("loopback.pcapng", &["n 1..5"]).run().check_code(0);
    let lines: Vec<(&str, &str)> = finished
        .text()
        .lines()
        .map(|line| line.split_once("  TCP  ").unwrap())
        .collect();
    let (heads, tails): (Vec<&str>, Vec<&str>) = lines.into_iter().unzip();
    assert!(
        heads[0].starts_with("   0.000000  #1    127.0.0.1:"),
        "{heads:?}"
    );
    assert!(
        heads[4].starts_with("   0.000060  #5    127.0.0.1:"),
        "{heads:?}"
    );
    assert!(
        heads.iter().all(|head| head.contains(" → 127.0.0.1:")),
        "{heads:?}"
    );
    assert_eq!(
        tails,
        [
            "SYN       Seq=0 Win=64240 Len=0  MSS=1460 WS=10 SACK_PERM TS",
            "SYN, ACK  Seq=0 Ack=1 Win=65160 Len=0  MSS=1460 WS=10 SACK_PERM TS  RTT=11.4µs",
            "ACK       Seq=1 Ack=1 Win=64512 Len=0  RTT=12.2µs",
            "PSH, ACK  Seq=1 Ack=1 Win=64512 Len=1  31  \"1\"",
            "ACK       Seq=1 Ack=2 Win=65536 Len=0  RTT=5.18µs",
        ]
    );
}

/// Three sends of `1`, `a` and `b` are three datagrams.
#[test]
fn each_datagram_is_a_line_with_its_bytes() {
    let finished = open("loopback.pcapng", &["udp", "len", "=", "1", "and", "ip"]).run();
    let text = finished.check_code(0).text().to_owned();
    let tails: Vec<&str> = text
        .lines()
        .map(|line| line.split("UDP").nth(1).unwrap())
        .collect();
    assert_eq!(
        tails,
        [
            "  Len=1  31  \"1\"",
            "  Len=1  61  \"a\"",
            "  Len=1  62  \"b\""
        ]
    );
}

#[test]
fn errors_fragments_and_echoes_say_what_they_are() {
    let finished = open("loopback.pcapng", &["icmp or fragment"])
        .run()
        .check_code(0);
    for part in [
        "ICMP  Destination Unreachable: Port Unreachable  about UDP 127.0.0.1:",
        "ICMP  Echo Request  id=4660 seq=7 Len=4",
        "ICMPv6  Echo Reply  id=4660 seq=7 Len=4",
        "fragment 0xb492, bytes 0..1480",
        "fragment 0xb492, bytes 2960..4008, the last",
    ] {
        assert!(
            finished.text().contains(part),
            "{part}\n{}",
            finished.text()
        );
    }
}

#[test]
fn labels_are_those_of_tshark_where_they_are_asked_for() {
    if !need("tshark") {
        return;
    }
    for name in [
        "tcp/bulk_loss.pcap",
        "tcp/zero_window.pcap",
        "tcp/port_reuse.pcap",
    ] {
        let path = capture(name);
        for (label, field) in [
            ("retransmission", "tcp.analysis.retransmission"),
            ("out_of_order", "tcp.analysis.out_of_order"),
            ("zero_window", "tcp.analysis.zero_window"),
            ("duplicate_ack", "tcp.analysis.duplicate_ack"),
            ("window_update", "tcp.analysis.window_update"),
        ] {
            let theirs = Program::new("tshark", &["-n", "-r", &path, "-Y", field])
                .args(&["-T", "fields", "-e", "frame.number"])
                .run()
                .check_code(0);
            let theirs: Vec<u64> = theirs
                .text()
                .lines()
                .map(|it| it.parse().unwrap())
                .collect();
            let ours = open(name, &["--labels", "wireshark", "--json", label])
                .run()
                .check_code(0);
            let frame = |line: &str| {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                record["data"]["frame"].as_u64().unwrap()
            };
            let ours: Vec<u64> = ours.text().lines().map(frame).collect();
            assert_eq!(ours, theirs, "{name}: {label}");
        }
    }
}

#[test]
fn what_is_written_opens_in_other_tools() {
    let folder = folder();
    let path = folder.path().join("tcp.pcapng");
    let wanted = open("loopback.pcapng", &["tcp"])
        .run()
        .check_code(0)
        .text()
        .lines()
        .count();
    open("loopback.pcapng", &["tcp", "-w", path.to_str().unwrap()])
        .run()
        .check_code(0)
        .check_stdout("")
        .check_stderr(&["wrote 36 packets"]);
    for tool in ["tshark", "tcpdump", "capinfos"] {
        if need(tool) {
            assert_eq!(counted_by(tool, &path), wanted, "{tool}");
        }
    }
    let again = sockpit(&["wire", "open", path.to_str().unwrap()])
        .run()
        .check_code(0);
    assert_eq!(again.text().lines().count(), wanted);
}

#[test]
fn a_capture_is_not_written_over_while_it_is_read() {
    let folder = folder();
    let path = folder.path().join("own.pcap");
    fs::copy(capture("loopback.pcap"), &path).unwrap();
    let file = path.to_str().unwrap();
    let graph = format!("rtt={file}");
    for words in [["-w", file], ["--svg", file], ["--graph", graph.as_str()]] {
        let finished = sockpit(&["wire", "open", file]).args(&words).run();
        finished
            .check_code(2)
            .check_stderr(&["is the file that is read; write to another one"]);
    }
    let script = r#"exec "$0" wire open - -w "$1" < "$1""#;
    Program::new("sh", &["-c", script, env!("CARGO_BIN_EXE_sockpit"), file])
        .run()
        .check_code(2)
        .check_stderr(&["is the file that is read"]);
    let kept = fs::read(&path).unwrap();
    assert_eq!(kept, fs::read(capture("loopback.pcap")).unwrap());
}

#[test]
fn two_pictures_are_not_written_to_one_file() {
    let folder = folder();
    let path = folder.path().join("one.svg");
    let file = path.to_str().unwrap();
    let graph = format!("rtt={file}");
    let finished = open("loopback.pcap", &["--svg", file, "--graph", &graph]).run();
    finished
        .check_code(2)
        .check_stderr(&["is to be written twice; give each its own file"]);
    assert!(!path.exists());
}

#[test]
fn what_a_snap_length_cut_off_is_one_gap_and_fragments_are_named() {
    let folder = folder();
    let whole = fs::read(capture("tcp/half_close.pcap")).unwrap();
    let mut cut = whole[..24].to_vec();
    let mut rest = &whole[24..];
    while rest.len() >= 16 {
        let kept = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        let len = kept.min(66);
        cut.extend_from_slice(&rest[..8]);
        cut.extend_from_slice(&len.to_le_bytes());
        cut.extend_from_slice(&rest[12..16]);
        cut.extend_from_slice(&rest[16..16 + len as usize]);
        rest = &rest[16 + kept as usize..];
    }
    let path = folder.path().join("cut.pcap");
    fs::write(&path, cut).unwrap();
    let finished = sockpit(&["wire", "follow", path.to_str().unwrap()])
        .args(&["--conversation", "1"])
        .run()
        .check_code(0);
    for part in [
        "→ 3 bytes missing at offset 0",
        "← 5000 bytes missing at offset 0",
    ] {
        assert!(finished.text().contains(part), "{}", finished.text());
    }
    let finished = sockpit(&["wire", "follow", &capture("loopback.pcap")])
        .args(&["--conversation", "udp:1"])
        .run()
        .check_code(0);
    let told = "→ 2528 bytes of the datagram are in further fragments";
    assert!(finished.text().contains(told), "{}", finished.text());
}

#[test]
fn what_other_tools_write_is_read() {
    let folder = folder();
    let source = capture("loopback.pcap");
    let out = |name: &str| -> PathBuf { folder.path().join(name) };
    let made: [(&str, &str, Vec<String>); 4] = [
        (
            "tcpdump",
            "a.pcap",
            vec!["-r".into(), source.clone(), "-w".into()],
        ),
        (
            "tshark",
            "b.pcapng",
            vec!["-r".into(), source.clone(), "-w".into()],
        ),
        (
            "editcap",
            "c.pcap",
            vec!["-F".into(), "pcap".into(), source.clone()],
        ),
        ("mergecap", "d.pcapng", vec![source.clone(), "-w".into()]),
    ];
    for (tool, name, arguments) in made {
        if !need(tool) {
            continue;
        }
        let path = out(name);
        let path = path.to_str().unwrap();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Program::new(tool, &arguments)
            .args(&[path])
            .run()
            .check_code(0);
        let finished = sockpit(&["wire", "open", path])
            .run()
            .check_code(0)
            .check_silent();
        assert_eq!(finished.text().lines().count(), 60, "{tool}");
    }
}

#[test]
fn a_file_that_was_cut_off_is_shown_as_far_as_it_goes() {
    let folder = folder();
    let path = folder.path().join("torn.pcapng");
    let whole = fs::read(capture("loopback.pcapng")).unwrap();
    fs::write(&path, &whole[..3000]).unwrap();
    let finished = sockpit(&["wire", "open", path.to_str().unwrap()]).run();
    let finished = finished
        .check_code(0)
        .check_stderr(&["is cut off within a packet"]);
    assert_eq!(finished.text().lines().count(), 9);
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    let folder = folder();
    let path = folder.path().join("x");
    let path = path.to_str().unwrap();
    fs::write(path, "# a page").unwrap();
    sockpit(&["wire", "open", path])
        .run()
        .check_code(2)
        .check_stderr(&["neither pcap nor pcapng"]);
    fs::write(path, "").unwrap();
    sockpit(&["wire", "open", path])
        .run()
        .check_code(0)
        .check_stderr(&["is empty"]);
    sockpit(&["wire", "open", "nowhere"])
        .run()
        .check_code(2)
        .check_stderr(&["no such file"]);
    open("loopback.pcap", &["prot 7"])
        .run()
        .check_code(2)
        .check_stderr(&["`port` is one"]);
}

#[test]
fn a_capture_comes_through_a_pipe_too() {
    let bytes = fs::read(capture("loopback.pcap")).unwrap();
    let finished = sockpit(&["wire", "open", "-"])
        .stdin(bytes)
        .run()
        .check_code(0);
    assert_eq!(finished.text().lines().count(), 60);
}

/// A5: whoever reads the first line only has seen enough.
#[test]
fn a5_a_reader_who_leaves_ends_it_quietly() {
    if !need("sh") {
        return;
    }
    let line = format!(
        "{} wire open {} | head -1; exit ${{PIPESTATUS:-0}}",
        env!("CARGO_BIN_EXE_sockpit"),
        capture("tcp/bulk_loss.pcap")
    );
    Program::new("sh", &["-c", &line])
        .run()
        .check_code(0)
        .check_silent();
}

#[test]
fn the_table_of_conversations_says_who_did_what() {
    let finished = open("tcp/half_close.pcap", &["--conversations"])
        .run()
        .check_code(0);
    let text = finished.text();
    assert!(text.starts_with("NAME "), "{text}");
    assert!(text.contains("tcp:0") && text.contains("→ fin"), "{text}");
    let finished = open("tcp/bulk_loss.pcap", &["--expert"])
        .run()
        .check_code(0);
    let text = finished.text();
    assert!(
        text.contains("retransmission") && text.contains("#24"),
        "{text}"
    );
}

#[test]
fn records_of_packets_read_back() {
    let folder = folder();
    let path = folder.path().join("x.jsonl");
    let lines = open("loopback.pcapng", &[]).run().check_code(0);
    let records = open("loopback.pcapng", &["--json"]).run().check_code(0);
    fs::write(&path, &records.stdout).unwrap();
    let again = sockpit(&["wire", "open", path.to_str().unwrap()])
        .run()
        .check_code(0);
    let without_arrows = |text: &str| text.lines().count();
    assert_eq!(without_arrows(again.text()), without_arrows(lines.text()));
    let first = |text: &str| text.lines().next().unwrap().to_owned();
    assert_eq!(first(again.text()), first(lines.text()));
    let path = path.to_str().unwrap();
    let filtered = sockpit(&[
        "replay",
        path,
        "--fast",
        "--as",
        "json",
        "--filter",
        "udp port 55240",
    ]);
    assert_eq!(filtered.run().check_code(0).text().lines().count(), 6);
}

#[test]
fn a_conversation_is_followed_both_ways() {
    let finished = sockpit(&[
        "wire",
        "follow",
        &capture("loopback.pcapng"),
        "--frame",
        "lines",
    ]);
    let finished = finished
        .run()
        .check_code(0)
        .check_stderr(&["following tcp:0"]);
    assert!(
        finished.text().contains("→ 1hello, world"),
        "{}",
        finished.text()
    );
    let out = sockpit(&["wire", "follow", &capture("loopback.pcapng"), "--as", "raw"])
        .args(&["--direction", "out", "-q"])
        .run()
        .check_code(0)
        .check_silent();
    assert_eq!(out.stdout.len(), 3014);
    assert!(out.stdout.starts_with(b"1hello, world\nxxx"));
    let datagrams = sockpit(&["wire", "follow", &capture("loopback.pcapng"), "udp"])
        .args(&["--as", "hex"])
        .run()
        .check_code(0);
    assert!(datagrams.text().contains("→ 31\n"), "{}", datagrams.text());
    sockpit(&[
        "wire",
        "follow",
        &capture("loopback.pcapng"),
        "--conversation",
        "99",
    ])
    .run()
    .check_code(2)
    .check_stderr(&["there is no conversation `tcp:99`"]);
}

/// D1: what a peer sends does nothing to the screen.
#[test]
fn d1_payload_cannot_reach_the_terminal() {
    let folder = folder();
    let path = folder.path().join("x.pcap");
    let payload = "\u{1b}]0;x\u{7}\u{9b}\u{202e}text and more of it".as_bytes();
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    let len = u16::try_from(28 + payload.len()).unwrap();
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet.extend([0, 9, 0, 9]);
    packet.extend((len - 20).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend([0, 0, 4, 0, 101, 0, 0, 0]);
    file.extend([0; 8]);
    for _ in 0..2 {
        file.extend(u32::from(len).to_le_bytes());
    }
    file.extend(&packet);
    fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap();
    for words in [
        &["open"][..],
        &["open", "-v", "-x"],
        &["open", "--ladder"],
        &["follow"],
    ] {
        let finished = sockpit(&["wire", words[0], path])
            .args(&words[1..])
            .run()
            .check_code(0);
        let text = finished.text();
        let is_bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(is_bad), "{words:?}: {text:?}");
        assert!(!text.is_empty(), "{words:?}");
    }
}
