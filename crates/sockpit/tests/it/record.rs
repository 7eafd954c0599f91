//! Recordings and `--json`: one schema, whole lines, nothing lost in silence.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;
use sockpit_core::record;

use crate::support::{
    DEADLINE, Program, Running, Signal, accept, client, connect, contains, folder, listen, need,
    read_exactly, server, sockpit, wait_until,
};

#[test]
fn a_recording_holds_what_json_shows_in_the_one_schema() {
    let folder = folder();
    let path = folder.path().join("x.jsonl");
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "lines",
        "--text",
        "gbk",
        "--reply",
        "echo",
        "--json",
        "--record",
        name(&path),
    ]);
    let port = listener.port();
    for message in [
        &b"hello\n"[..],
        b"\xc4\xe3\xba\xc3\r\n",
        b"\x1b[2J\x00\xff\n",
        b"partial",
    ] {
        let mut peer = client(port);
        peer.write_all(message).expect("the listener reads");
        if message.ends_with(b"\n") {
            read_exactly(
                &mut peer,
                message.len() - usize::from(message.ends_with(b"\r\n")),
            );
        }
    }
    listener.wait("the end of all peers", |listener| {
        of_event(&records(&listener.stdout()), "closed").len() == 4
    });
    let ended = listener.interrupt().check_code(130);
    let recorded = std::fs::read(&path).unwrap();
    assert!(
        recorded == ended.stdout,
        "{}\n{}",
        recorded.escape_ascii(),
        ended.told()
    );
    check_schema(&recorded);
    let records = records(&recorded);
    assert_eq!(records[0]["event"], "listening");
    assert_eq!(records.last().unwrap()["event"], "closed");
    for event in ["opened", "chunk", "frame"] {
        assert!(!of_event(&records, event).is_empty(), "no {event}");
    }
}

#[test]
fn a_recording_of_datagrams_is_in_the_same_schema() {
    let folder = folder();
    let path = folder.path().join("x.jsonl");
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--reply",
        "echo",
        "--read-size",
        "4",
        "--record",
        name(&path),
    ]);
    let peer = crate::datagram::socket();
    for message in [&b"abc"[..], b"", b"too long"] {
        peer.send_to(message, crate::datagram::at(&listener))
            .expect("loopback takes it");
        crate::datagram::receive(&peer);
    }
    listener.interrupt().check_code(130);
    let recorded = std::fs::read(&path).unwrap();
    check_schema(&recorded);
    let records = records(&recorded);
    let cut: Vec<_> = records
        .iter()
        .filter_map(|record| record.get("full_len"))
        .collect();
    assert_eq!(cut, [8, 8], "the chunk and the frame");
}

#[test]
fn a_client_records_itself() {
    let folder = folder();
    let path = folder.path().join("x.jsonl");
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "upper"]);
    connect(&[
        &listener.address(),
        "--send",
        "hi",
        "--expect",
        "HI",
        "--record",
        name(&path),
    ])
    .run()
    .check_code(0)
    .check_stdout("HI\n");
    listener.interrupt().check_code(130);
    let recorded = std::fs::read(&path).unwrap();
    check_schema(&recorded);
    let story: Vec<String> = records(&recorded)
        .iter()
        .map(|record| format!("{} {}", word(&record["event"]), word(&record["dir"])))
        .collect();
    assert_eq!(story, ["opened ", "chunk out", "chunk in", "closed "]);
}

#[test]
fn a_recording_replaces_what_was_there() {
    let folder = folder();
    let path = folder.path().join("x.jsonl");
    std::fs::write(&path, "old\n".repeat(10_000)).unwrap();
    let listener = listen(&["tcp://127.0.0.1:0", "--record", name(&path)]);
    listener.address();
    listener.interrupt().check_code(130);
    let recorded = std::fs::read(&path).unwrap();
    check_schema(&recorded);
    assert_eq!(records(&recorded).len(), 2, "it listened, and it closed");
}

#[test]
fn a_recording_that_cannot_begin_is_an_error_of_usage() {
    for path in ["/nowhere/x.jsonl", "/nowhere/x.pcapng", "/", "x.pcap"] {
        let ended = sockpit(&["listen", "tcp://127.0.0.1:0", "--record", path])
            .run()
            .check_code(2)
            .check_stderr(&[path]);
        assert!(!ended.stderr.contains("listening"), "{}", ended.told());
    }
}

#[test]
fn a4_what_was_sent_is_what_is_told_to_the_last_byte() {
    let listener = listen(&["tcp://127.0.0.1:0", "--frame", "lines", "--json"]);
    let port = listener.port();
    let senders: Vec<_> = (1..=4)
        .map(|sender| {
            thread::spawn(move || {
                let mut peer = client(port);
                for message in 0..2500 {
                    peer.write_all(format!("{sender}.{message}\n").as_bytes())
                        .expect("it reads");
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().expect("all was sent");
    }
    listener.wait("the end of all peers", |listener| {
        listener
            .stdout()
            .windows(8)
            .filter(|part| part == br#""closed""#)
            .count()
            == 4
    });
    let ended = listener.interrupt().check_code(130);
    check_schema(&ended.stdout);
    let records = records(&ended.stdout);
    assert!(
        of_event(&records, "gap").is_empty(),
        "a pipe waits, and loses nothing"
    );
    for peer in 1..=4 {
        let told = |event| {
            of_event(&records, event)
                .into_iter()
                .filter(move |told| told["peer"] == peer)
        };
        let mut bytes = 0;
        for chunk in told("chunk") {
            assert_eq!(
                chunk["offset"].as_u64(),
                Some(bytes),
                "chunks are one stream"
            );
            bytes += chunk["len"].as_u64().expect("it has a length");
        }
        let texts: Vec<&str> = told("frame").map(|frame| word(&frame["text"])).collect();
        let sender = texts[0].split('.').next().expect("a number");
        let expected: Vec<String> = (0..2500)
            .map(|message| format!("{sender}.{message}"))
            .collect();
        assert_eq!(texts, expected);
        let sent: usize = expected.iter().map(|text| text.len() + 1).sum();
        assert_eq!(bytes, sent as u64);
    }
}

#[test]
fn a_kill_under_load_leaves_whole_lines() {
    for round in 0..10 {
        let folder = folder();
        let path = folder.path().join("x.jsonl");
        let listener = listen(&[
            "tcp://127.0.0.1:0",
            // A record that is longer than a page may be cut.
            "--read-size",
            "1KiB",
            "--frame",
            "lines",
            "--reply",
            "echo",
            "--record",
            name(&path),
        ]);
        let load = Load::on(listener.port());
        let enough = 200_000 + 37_000 * round;
        wait_until("a recording under load", || {
            path.metadata().is_ok_and(|facts| facts.len() > enough)
        });
        listener.signal(Signal::KILL);
        assert_eq!(listener.finish().code, None);
        load.stop();
        let recorded = std::fs::read(&path).unwrap();
        assert!(
            recorded.ends_with(b"\n"),
            "half a line: {}",
            tail(&recorded)
        );
        check_schema(&recorded);
    }
}

#[test]
fn b7_a_recording_is_whole_after_sigterm_under_load() {
    let folder = folder();
    let path = folder.path().join("x.jsonl");
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "lines",
        "--reply",
        "echo",
        "--record",
        name(&path),
    ]);
    let load = Load::on(listener.port());
    wait_until("a recording under load", || {
        path.metadata().is_ok_and(|facts| facts.len() > 200_000)
    });
    listener.signal(Signal::TERM);
    listener.finish().check_code(143);
    load.stop();
    let recorded = std::fs::read(&path).unwrap();
    check_schema(&recorded);
    let records = records(&recorded);
    let last = records.last().unwrap();
    assert_eq!(
        (&last["event"], &last["peer"]),
        (&"closed".into(), &0.into()),
        "{last}"
    );
}

#[test]
fn b9_a_full_disk_ends_the_recording_visibly_and_the_session_goes_on() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--reply",
        "echo",
        "--record",
        "/dev/full",
        "--json",
    ]);
    let mut peer = client(listener.port());
    listener.wait_for_stderr("the recording to `/dev/full` has ended");
    peer.write_all(b"still there?").expect("the listener reads");
    assert_eq!(read_exactly(&mut peer, 12), b"still there?");
    let ended = listener.interrupt().check_code(130);
    assert!(!ended.stderr.contains("os error"), "{}", ended.told());
    let records = records(&ended.stdout);
    let fault = of_event(&records, "fault")[0];
    assert_eq!(fault["kind"], "recording");
}

#[test]
fn b9_a_disk_that_fills_up_keeps_whole_lines() {
    if !need("unshare") {
        return;
    }
    let folder = folder();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    // A small disk that only the program sees, and that is gone with it.
    let script = "mount -t tmpfs -o size=1m none \"$1\" || exit 77; shift; exec \"$@\"";
    let path = disk.join("x.jsonl");
    let mut listener = Program::new(
        "unshare",
        &["--mount", "--map-root-user", "sh", "-c", script, "sh"],
    )
    .args(&[
        name(&disk),
        env!("CARGO_BIN_EXE_sockpit"),
        "listen",
        "tcp://127.0.0.1:0",
    ])
    .args(&[
        "--frame",
        "lines",
        "--reply",
        "echo",
        "--record",
        name(&path),
    ])
    .start();
    if !is_up(&mut listener) {
        // Nobody but root may mount here.
        return;
    }
    let load = Load::on(listener.port());
    listener.wait_for_stderr("has ended");
    load.stop();
    let mut peer = client(listener.port());
    peer.write_all(b"still there?\n")
        .expect("the listener reads");
    assert_eq!(read_exactly(&mut peer, 13), b"still there?\n");
    let seen = format!(
        "/proc/{}/root{}",
        listener.pid().as_raw_pid(),
        path.display()
    );
    let recorded = std::fs::read(seen).unwrap();
    assert!(
        recorded.len() > 512 * 1024,
        "{} bytes\n{}",
        recorded.len(),
        listener.stderr()
    );
    assert!(
        recorded.ends_with(b"\n"),
        "half a line: {}",
        tail(&recorded)
    );
    check_schema(&recorded);
    listener.interrupt().check_code(130);
}

#[test]
fn a_line_of_a_record_does_no_harm_on_a_terminal() {
    let listener = listen(&["udp://127.0.0.1:0", "--json"]);
    let peer = crate::datagram::socket();
    peer.send_to(
        "\u{1b}[2J\u{9b}\u{202e}\u{200b}\u{7f}".as_bytes(),
        crate::datagram::at(&listener),
    )
    .expect("loopback takes it");
    listener.wait_for_stdout(br#""event":"frame""#);
    let ended = listener.interrupt().check_code(130);
    assert!(
        !ended.text().chars().any(|it| it != '\n' && it.is_control()),
        "{}",
        ended.told()
    );
    assert!(
        contains(&ended.stdout, br"\u001b[2J\u009b\u202e\u200b"),
        "{}",
        ended.told()
    );
}

/// The records of a stdout or a file; a last line that is not whole yet is left out.
pub(crate) fn records(lines: &[u8]) -> Vec<Value> {
    let whole = lines
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"));
    whole
        .map(|line| {
            serde_json::from_slice(line)
                .unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii()))
        })
        .collect()
}

/// Those of one event.
pub(crate) fn of_event<'a>(records: &'a [Value], event: &str) -> Vec<&'a Value> {
    records
        .iter()
        .filter(|record| record["event"] == event)
        .collect()
}

/// Every line reads as a record, is what that record is written as (so its fields and their order
/// are those of the schema), and follows the line before it: in number and in time.
#[track_caller]
pub(crate) fn check_schema(lines: &[u8]) {
    let whole: Vec<&[u8]> = lines
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .collect();
    let epoch = record::moment(whole.first().expect("a line")).expect("a moment");
    let mut last = None;
    for (index, line) in whole.iter().enumerate() {
        let event = record::read(line, epoch)
            .unwrap_or_else(|error| panic!("line {}: {error}: {}", index + 1, line.escape_ascii()));
        let mut again = Vec::new();
        record::write(&event, epoch, &mut again);
        assert!(
            again == *line,
            "{}\n{}",
            again.escape_ascii(),
            line.escape_ascii()
        );
        assert_eq!(event.number, index as u64 + 1, "{}", line.escape_ascii());
        assert!(
            last <= Some(event.time),
            "time runs backwards: {}",
            line.escape_ascii()
        );
        last = Some(event.time);
    }
}

/// A peer that sends lines of many lengths as fast as they are taken, until it is stopped or cut off.
struct Load {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Load {
    fn on(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut peer = client(port);
        let thread = thread::spawn(move || {
            discard(peer.try_clone().expect("a descriptor"));
            // Bounded, so that a test that fails does not load the machine for ever.
            for len in 0..1_000_000_usize {
                let line = "x".repeat(len * 7 % 300) + "\n";
                if stopped.load(Ordering::Relaxed) || peer.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it ends when it is told to");
    }
}

/// Reads what comes back, so that nobody is blocked by it.
fn discard(mut peer: TcpStream) {
    // It ends with the connection.
    thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()));
}

/// Whether a program that may not be able to start has announced its address.
fn is_up(program: &mut Running) -> bool {
    let until = std::time::Instant::now() + DEADLINE;
    while !program.stderr().contains("listening on") {
        if program.has_ended() || std::time::Instant::now() > until {
            return false;
        }
        // sleep: polled with a deadline
        thread::sleep(std::time::Duration::from_millis(3));
    }
    true
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn tail(bytes: &[u8]) -> String {
    let end = bytes[bytes.len().saturating_sub(200)..].escape_ascii();
    format!("{} bytes, at their end {end}", bytes.len())
}

#[test]
fn a_full_disk_is_told_though_the_session_is_over_at_once() {
    let (listener, address) = server();
    for _ in 0..5 {
        let client =
            sockpit(&["connect", &address, "--record", "/dev/full", "--as", "none"]).start();
        let mut peer = accept(&listener);
        peer.write_all(&[b'x'; 100_000]).unwrap();
        drop(peer);
        client
            .finish()
            .check_stderr(&["the recording to `/dev/full` has ended"]);
    }
}
