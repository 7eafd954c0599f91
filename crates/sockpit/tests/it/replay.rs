//! Recordings shown again, played against peers that people write, and compared.

use std::fmt::Write as _;

use crate::support::{
    Finished, Program, Running, Signal, TempDir, connect, contains, folder, free_address,
    free_port, python, sockpit,
};

/// Answers each line; with an argument, the second one in another way.
const SERVER: &str = r#"
import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print(server.getsockname()[1], flush=True)
while True:
    peer, _ = server.accept()
    with peer, peer.makefile("rwb") as stream:
        for number, line in enumerate(stream, 1):
            word = line.strip()
            if sys.argv[1] == "changed" and number == 2:
                word = word.upper()
            seq = 1000 * number if sys.argv[1] == "counting" else number
            stream.write(b"re: %s seq=%d\n" % (word, seq))
            stream.flush()
"#;

fn server(manner: &str) -> (Running, String) {
    let server = python(SERVER, &[manner]).start();
    let address = format!("127.0.0.1:{}", server.printed_port());
    (server, address)
}

/// A conversation with the server, as it was recorded.
fn record(folder: &TempDir, address: &str, framing: &str) -> String {
    connect(&[address, "--frame", framing, "--record", "x.jsonl"])
        .folder(folder)
        .stdin("one\ntwo\nthree\n")
        .run()
        .check_code(0);
    "x.jsonl".to_owned()
}

fn replay(folder: &TempDir, args: &[&str]) -> Program {
    sockpit(&["replay"])
        .args(args)
        .folder(folder)
        .env("TZ", "UTC")
}

fn diff(folder: &TempDir, args: &[&str]) -> Finished {
    sockpit(&["diff"]).args(args).folder(folder).run()
}

/// A recording made by hand; each line is the rest of a record.
fn write(folder: &TempDir, name: &str, lines: &[&str]) {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let n = index + 1;
        writeln!(
            text,
            "{{\"v\":1,\"n\":{n},\"at\":\"2026-11-21T08:00:0{index}.5Z\",\"session\":1,\"peer\":1,{line}}}"
        )
        .unwrap();
    }
    std::fs::write(folder.path().join(name), text).unwrap();
}

const OPENED: &str = r#""event":"opened","addr":"tcp://10.0.0.7:99","local":"tcp://10.0.0.1:1""#;
const CLOSED: &str = r#""event":"closed","reason":"fin""#;

#[test]
fn a_recording_looks_as_the_session_did() {
    let folder = folder();
    write(
        &folder,
        "x.jsonl",
        &[
            OPENED,
            r#""event":"chunk","dir":"out","offset":0,"len":5,"hex":"70696e670a""#,
            r#""event":"frame","dir":"out","offset":0,"len":4,"text":"ping""#,
            r#""event":"chunk","dir":"in","offset":0,"len":5,"hex":"706f6e670a""#,
            r#""event":"frame","dir":"in","offset":0,"len":4,"text":"pong""#,
            CLOSED,
        ],
    );
    let timeline = "08:00:00.500 · tcp://10.0.0.7:99 is there\n\
                    08:00:02.500 → ping\n\
                    08:00:03.500 ← pong  +2.00s\n\
                    08:00:05.500 · has ended (fin)\n";
    let show = |args: &[&str]| {
        let args = [&["x.jsonl", "--fast"], args].concat();
        replay(&folder, &args).run().check_code(0).check_silent()
    };
    show(&[]).check_stdout(timeline);
    show(&["--as", "raw"]).check_stdout("pong\n");
    show(&["--as", "raw", "--dir", "out"]).check_stdout("ping\n");
    show(&["--as", "text"]).check_stdout("pong\n");
    show(&["--as", "hex", "--dir", "out"]).check_stdout("70 69 6E 67\n");
    show(&["--as", "both"]).check_stdout("70 6F 6E 67\tpong\n");
    show(&["--as", "none"]).check_stdout("");
    show(&["--filter", "in and \"pon\""]).check_stdout("08:00:03.500 ← pong  +2.00s\n");
    show(&["--from", "4s"])
        .check_stdout("08:00:03.500 ← pong  +2.00s\n08:00:05.500 · has ended (fin)\n");
    show(&["--to", "08:00:01"]).check_stdout("08:00:00.500 · tcp://10.0.0.7:99 is there\n");
    show(&["--frame", "fixed:2", "--as", "text"]).check_stdout("po\nng\n\n\n");
    let records = std::fs::read(folder.path().join("x.jsonl")).unwrap();
    assert_eq!(show(&["--json"]).text().lines().count(), 6);
    let piped = replay(&folder, &["-", "--fast"]).stdin(records).run();
    piped.check_code(0).check_stdout(timeline);
}

#[test]
fn the_recorded_pauses_are_kept_and_divided() {
    let folder = folder();
    // Several seconds, so that a busy machine keeps the quick one for less than that.
    write(&folder, "x.jsonl", &[OPENED; 6]);
    let slow = replay(&folder, &["x.jsonl"]).run().check_code(0);
    assert!(slow.took.as_millis() >= 5_000, "{:?}", slow.took);
    let quick = replay(&folder, &["x.jsonl", "--speed", "20"])
        .run()
        .check_code(0);
    assert!(quick.took.as_millis() >= 250, "{:?}", quick.took);
    assert!(quick.took < slow.took);
}

#[test]
fn ctrl_c_and_a_reader_that_leaves_end_a_replay() {
    let folder = folder();
    write(&folder, "x.jsonl", &[OPENED, CLOSED]);
    let slow = ["x.jsonl", "--speed", "0.001"];
    let running = replay(&folder, &slow).start();
    running.wait_for_stdout(b"is there");
    running.interrupt().check_code(130);
    let running = replay(&folder, &slow).start();
    running.wait_for_stdout(b"is there");
    running.signal(Signal::TERM);
    running.finish().check_code(143);
    let lines: Vec<&str> = std::iter::repeat_n(OPENED, 9).collect();
    write(&folder, "many.jsonl", &lines);
    let mut running = replay(&folder, &["many.jsonl", "--speed", "2"]).start();
    running.close_stdout();
    running.finish().check_code(0);
}

#[test]
fn a_peer_that_answers_as_recorded_is_the_same() {
    let folder = folder();
    let (_same, address) = server("same");
    let file = record(&folder, &address, "lines");
    for more in [
        &["--fast"][..],
        &["--fast", "--frame", "lines"],
        &["--speed", "3"],
    ] {
        let args = [&[file.as_str(), "--against", &address], more].concat();
        let told = replay(&folder, &args).run().check_code(0).check_silent();
        assert!(
            told.text().starts_with("the same: 3 messages"),
            "{}",
            told.told()
        );
    }
}

#[test]
fn a_peer_that_answers_otherwise_is_code_3_and_the_difference_is_named() {
    let folder = folder();
    let (_same, address) = server("same");
    let file = record(&folder, &address, "lines");
    let (_changed, other) = server("changed");
    let play = |more: &[&str]| {
        let args = [&[file.as_str(), "--fast", "--against", &other], more].concat();
        replay(&folder, &args).run()
    };
    let told = play(&[]).check_code(3);
    assert!(
        told.text().contains("two seq=2") && told.text().contains("TWO seq=2"),
        "{}",
        told.told()
    );
    assert!(
        told.text().contains("1 difference in 3 messages"),
        "{}",
        told.told()
    );
    let told = play(&["--json"]).check_code(3);
    let object: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(object["same"], false);
    assert_eq!(object["differences"][0]["came"]["text"], "re: TWO seq=2\n");
    assert_eq!(object["differences"][0]["at"][0], 4);
    play(&["--ignore", "(?i)two"]).check_code(0);
    play(&["--ignore", "hex:54 57 4F", "--ignore", "hex:74 77 6f"]).check_code(0);
}

#[test]
fn counters_of_another_length_are_ignored_message_by_message() {
    let folder = folder();
    let (_same, address) = server("same");
    let file = record(&folder, &address, "raw");
    let (_counting, other) = server("counting");
    let play = |more: &[&str]| {
        let args = [&[file.as_str(), "--fast", "--against", &other], more].concat();
        replay(&folder, &args).run()
    };
    play(&["--frame", "lines"]).check_code(3);
    play(&["--frame", "lines", "--ignore", r"seq=\d+"]).check_code(0);
}

#[test]
fn nobody_there_is_code_1_and_no_choice_is_code_2() {
    let folder = folder();
    write(&folder, "x.jsonl", &[OPENED, CLOSED]);
    let address = free_address();
    replay(&folder, &["x.jsonl", "--against", &address])
        .run()
        .check_code(1)
        .check_stderr(&["connection refused"]);
    replay(&folder, &["x.jsonl", "--against", &address, "--peer", "9"])
        .run()
        .check_code(2)
        .check_stderr(&["there is no such peer", "session 1 peer 1"]);
    replay(
        &folder,
        &["x.jsonl", "--against", &address.replace("tcp", "udp")],
    )
    .run()
    .check_code(2)
    .check_stderr(&["the recording is of a stream"]);
    replay(&folder, &["x.jsonl", "--filter", "peer 2 in"])
        .run()
        .check_code(2)
        .check_stderr(&["expected `and`, `or` or the end at column 8, found `in`"]);
}

#[test]
fn a_recording_plays_both_ends_of_itself() {
    let folder = folder();
    let (_same, address) = server("same");
    let file = record(&folder, &address, "raw");
    let served = [
        file.as_str(),
        "--fast",
        "--listen",
        "127.0.0.1:0",
        "--side",
        "peer",
    ];
    let served = replay(&folder, &served).start();
    let address = served.address();
    replay(&folder, &[&file, "--fast", "--against", &address])
        .run()
        .check_code(0);
    served.finish().check_code(0);
}

#[test]
fn what_a_peer_of_a_listener_said_is_played_against_another_listener() {
    let folder = folder();
    let serve = |reply: &str, more: &[&str]| {
        let args = [&["127.0.0.1:0", "--frame", "lines", "--reply", reply], more].concat();
        sockpit(&["listen"]).args(&args).folder(&folder).start()
    };
    let recorded = serve("upper", &["--record", "l.jsonl"]);
    for word in ["one", "two"] {
        let said = [
            "--frame",
            "lines",
            "--send",
            word,
            "--expect",
            &word.to_uppercase(),
        ];
        connect(&[&[recorded.address().as_str()], &said[..]].concat())
            .run()
            .check_code(0);
    }
    recorded.interrupt().check_code(130);
    let play = |server: &Running, more: &[&str]| {
        let address = server.address();
        let args = ["l.jsonl", "--fast", "--side", "peer", "--against", &address];
        replay(&folder, &[&args, more].concat()).run()
    };
    let (same, other) = (serve("upper", &[]), serve("echo", &[]));
    play(&same, &[])
        .check_code(2)
        .check_stderr(&["choose with `--peer N`"]);
    play(&same, &["--peer", "2"]).check_code(0);
    let told = play(&other, &["--peer", "2"]).check_code(3);
    assert!(
        told.text()
            .contains("- 54 57 4F 0A  TWO\\n\n+ 74 77 6F 0A  two\\n"),
        "{}",
        told.told()
    );
}

#[test]
fn datagrams_are_compared_one_by_one() {
    let folder = folder();
    let serve = |reply: &str| {
        let endpoint = format!("udp://127.0.0.1:{}", free_port());
        sockpit(&["listen", &endpoint, "--reply", reply]).start()
    };
    let (same, other) = (serve("upper"), serve("fixed:A"));
    connect(&[&same.address(), "--wait", "2s", "--record", "u.jsonl"])
        .folder(&folder)
        .stdin("a\n\nbc\n")
        .run()
        .check_code(0);
    let play = |address: &str| {
        let args = ["u.jsonl", "--fast", "--within", "2s", "--against", address];
        replay(&folder, &args).run()
    };
    play(&same.address()).check_code(0);
    let told = play(&other.address()).check_code(3);
    assert!(
        told.text().contains("2 differences in 3 messages"),
        "{}",
        told.told()
    );
    let address = other.address();
    other.interrupt().check_code(130);
    play(&address)
        .check_code(1)
        .check_stderr(&["nobody listens there"]);
}

#[test]
fn two_recordings_of_the_same_conversation_are_the_same() {
    let folder = folder();
    let (_same, address) = server("same");
    record(&folder, &address, "lines");
    std::fs::rename(folder.path().join("x.jsonl"), folder.path().join("a.jsonl")).unwrap();
    record(&folder, &address, "lines");
    diff(&folder, &["a.jsonl", "x.jsonl"]).check_code(0);
    let (_changed, other) = server("changed");
    record(&folder, &other, "lines");
    let told = diff(&folder, &["a.jsonl", "x.jsonl"]).check_code(3);
    assert!(
        told.text().contains("- 72 65 3A 20 74 77 6F"),
        "{}",
        told.told()
    );
    assert!(
        told.text().contains("+ 72 65 3A 20 54 57 4F"),
        "{}",
        told.told()
    );
    diff(&folder, &["a.jsonl", "x.jsonl", "--ignore", "(?i)two"]).check_code(0);
    diff(&folder, &["a.jsonl", "x.jsonl", "-q"])
        .check_code(3)
        .check_stdout("");
    let told = diff(&folder, &["a.jsonl", "x.jsonl", "--json"]).check_code(3);
    let object: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(object["differences"].as_array().map(Vec::len), Some(1));
}

#[test]
fn endings_delimiters_and_times_are_told_apart() {
    let folder = folder();
    let chunk = r#""event":"chunk","dir":"in","offset":0,"len":3,"hex":"6f6b0a""#;
    let frame = r#""event":"frame","dir":"in","offset":0,"len":2,"text":"ok""#;
    let other = r#""event":"chunk","dir":"in","offset":0,"len":4,"hex":"6f6b0d0a""#;
    write(&folder, "a.jsonl", &[OPENED, chunk, frame, CLOSED]);
    write(
        &folder,
        "reset.jsonl",
        &[OPENED, chunk, frame, r#""event":"closed","reason":"reset""#],
    );
    write(&folder, "crlf.jsonl", &[OPENED, other, frame, CLOSED]);
    write(
        &folder,
        "late.jsonl",
        &[OPENED, r#""event":"note","kind":"x""#, chunk, frame, CLOSED],
    );
    let told = diff(&folder, &["a.jsonl", "reset.jsonl"]).check_code(3);
    assert!(
        told.text().contains("ended otherwise @@\n- fin\n+ reset\n"),
        "{}",
        told.told()
    );
    let told = diff(&folder, &["a.jsonl", "crlf.jsonl"]).check_code(3);
    assert!(
        told.text().contains("+ 6F 6B 0D 0A  ok\\r\\n"),
        "{}",
        told.told()
    );
    diff(&folder, &["a.jsonl", "crlf.jsonl", "--frame", "lines"]).check_code(0);
    diff(&folder, &["a.jsonl", "late.jsonl"]).check_code(0);
    diff(&folder, &["a.jsonl", "late.jsonl", "--times", "2s"]).check_code(0);
    diff(&folder, &["a.jsonl", "late.jsonl", "--times", "500ms"]).check_code(3);
    diff(&folder, &["a.jsonl", "nowhere.jsonl"])
        .check_code(2)
        .check_stderr(&["cannot read `nowhere.jsonl`: no such file"]);
}

#[test]
fn d2_nothing_in_a_recording_reaches_the_terminal() {
    let folder = folder();
    let lines = [
        r#""event":"opened","addr":"x\u001b[2J","local":"y\u001b]0;z\u0007""#,
        r#""event":"chunk","dir":"in","offset":0,"len":4,"hex":"1b5b324a","later":{"x":1}"#,
        r#""event":"frame","dir":"in","offset":0,"len":4,"text":"\u001b[2J""#,
        r#""event":"note","kind":"k","message":"\u001b[31mred""#,
        r#""event":"fault","kind":"failed","message":"\u001b[2J""#,
    ];
    write(&folder, "x.jsonl", &lines);
    let told = replay(&folder, &["x.jsonl", "--fast"]).run().check_code(0);
    assert!(
        !contains(&told.stdout, b"\x1b") && !told.stderr.contains('\x1b'),
        "{}",
        told.told()
    );
    write(&folder, "y.jsonl", &lines[..1]);
    let told = diff(&folder, &["x.jsonl", "y.jsonl"]).check_code(3);
    assert!(!contains(&told.stdout, b"\x1b"), "{}", told.told());
}

#[test]
fn b1_what_is_no_record_is_named_by_its_line_and_costs_nothing() {
    let folder = folder();
    let check = |bytes: &[u8], code: i32, part: &str| {
        std::fs::write(folder.path().join("x.jsonl"), bytes).unwrap();
        for args in [
            &["x.jsonl", "--fast"][..],
            &["x.jsonl", "--fast", "--frame", "len:u32be"],
        ] {
            replay(&folder, args)
                .run()
                .check_code(code)
                .check_stderr(&[part]);
        }
    };
    let claims = |len: &str| {
        format!(
            "{{\"v\":1,\"n\":1,\"at\":\"2026-11-21T08:00:00Z\",\"session\":1,\"peer\":1,\"event\":\
             \"chunk\",\"dir\":\"in\",\"offset\":0,\"len\":{len},\"hex\":\"00\"}}\n"
        )
    };
    check(
        claims("1000000000").as_bytes(),
        2,
        "line 1: `len` is 1000000000, but the record holds 1 bytes",
    );
    check(
        claims("1e999").as_bytes(),
        2,
        "line 1: the line is no record",
    );
    check(
        format!("{}\n   \nx\n", claims("1").trim_end()).as_bytes(),
        2,
        "line 3: the line is no record",
    );
    check(b"\xff\xfe\x00\n", 2, "line 1: the line is no record");
    check(
        b"{\"v\":2}\n",
        2,
        "version `2` of records is not understood",
    );
    check(
        &b"[".repeat(100_000),
        0,
        "the last line of `x.jsonl` is cut off",
    );
    check(b"", 0, "holds no record");
    check(&claims("1").as_bytes()[..60], 0, "is cut off");
    let unknown = claims("1").replace("chunk", "window");
    check(
        unknown.as_bytes(),
        0,
        "1 records of `x.jsonl` tell what this version does not know",
    );
}
