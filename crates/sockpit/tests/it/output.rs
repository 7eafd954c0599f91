//! What stdout holds, and what is told on stderr.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use crate::support::{
    Finished, NOBODY, Program, accept, client, connect, contains, folder, listen, read_exactly,
    read_to_end, server, sockpit, wait_until_read,
};

/// What a client with `args` makes of the chunks that a server sends, each a read of its own.
fn shown(chunks: &[&[u8]], args: &[&str]) -> Finished {
    let (listener, address) = server();
    let client = connect(&[&address]).args(args).start();
    let mut peer = accept(&listener);
    peer.set_nodelay(true).unwrap();
    for (index, chunk) in chunks.iter().enumerate() {
        if index > 0 {
            wait_until_read(&peer);
        }
        peer.write_all(chunk).unwrap();
    }
    drop(peer);
    client.finish().check_code(0)
}

/// What the server sends in every form.
const CHUNKS: &[&[u8]] = &[b"ab\nc", b"d\xE4\xBD", b"\xA0\r\nrest"];

#[test]
fn raw_is_every_byte_whatever_the_framing() {
    let all = CHUNKS.concat();
    shown(CHUNKS, &[]).check_stdout(&all);
    shown(CHUNKS, &["--as", "raw"]).check_stdout(&all);
    shown(CHUNKS, &["--as", "raw", "--frame", "lines"]).check_stdout(&all);
    let headed: &[&[u8]] = &[b"\x00\x02ab\x00", b"\x01c"];
    shown(headed, &["--frame", "len:u16be"]).check_stdout(headed.concat());
}

#[test]
fn text_of_a_raw_stream_comes_as_it_came() {
    shown(CHUNKS, &["--as", "text"]).check_stdout("ab\ncd你\r\nrest");
}

#[test]
fn text_of_messages_is_a_line_each() {
    shown(CHUNKS, &["--as", "text", "--frame", "lines"]).check_stdout("ab\ncd你\nrest\n");
    shown(&[b"abcdef"], &["--as", "text", "--frame", "fixed:3"]).check_stdout("abc\ndef\n");
}

#[test]
fn text_is_decoded_to_utf_8() {
    let gbk: &[&[u8]] = &[b"\xC4\xE3\xBA", b"\xC3"];
    shown(gbk, &["--as", "text", "--text", "gbk"]).check_stdout("你好");
    // A character that never became whole is shown as one that is broken.
    shown(&[b"a\xE4\xBD"], &["--as", "text"]).check_stdout("a\u{FFFD}");
}

#[test]
fn hex_is_a_line_a_chunk_or_a_message() {
    shown(CHUNKS, &["--as", "hex"]).check_stdout("61 62 0A 63\n64 E4 BD\nA0 0D 0A 72 65 73 74\n");
    shown(CHUNKS, &["--as", "hex", "--frame", "lines"])
        .check_stdout("61 62\n63 64 E4 BD A0\n72 65 73 74\n");
}

#[test]
fn both_is_hex_a_tab_and_escaped_text() {
    shown(&[b"a\x1B[2J\n"], &["--as", "both"]).check_stdout("61 1B 5B 32 4A 0A\ta\\x1b[2J\\n\n");
    shown(
        &[b"a\tb\n\xE4\xBD\xA0\n"],
        &["--as", "both", "--frame", "lines"],
    )
    .check_stdout("61 09 62\ta\\tb\nE4 BD A0\t你\n");
}

#[test]
fn none_is_nothing() {
    shown(CHUNKS, &["--as", "none"]).check_stdout("");
    shown(CHUNKS, &["--as", "none", "--frame", "lines"]).check_stdout("");
}

#[test]
fn json_is_every_record_a_line_each_the_sent_ones_included() {
    for args in [["--json", "--send"], ["--as=json", "--send"]] {
        let (listener, address) = server();
        let client = connect(&[&address, "--frame", "lines"])
            .args(&args)
            .args(&["hello"])
            .start();
        let mut peer = accept(&listener);
        assert_eq!(read_to_end(&mut peer), b"hello\n");
        peer.write_all(b"world\n").unwrap();
        drop(peer);
        let client = client.finish().check_code(0).check_silent();
        let lines: Vec<&str> = client.text().lines().collect();
        for (index, line) in lines.iter().enumerate() {
            assert!(
                line.starts_with(r#"{"v":1,"#) && line.ends_with('}'),
                "{line}"
            );
            assert!(
                line.contains(&format!(r#""n":{}"#, index + 1)),
                "numbers have no gap\n{line}"
            );
        }
        has_record(&lines, &[r#""event":"opened""#, r#""peer":1"#]);
        has_record(
            &lines,
            &[r#""event":"frame""#, r#""dir":"out""#, r#""text":"hello""#],
        );
        has_record(
            &lines,
            &[
                r#""event":"chunk""#,
                r#""dir":"out""#,
                r#""hex":"68656c6c6f0a""#,
            ],
        );
        has_record(
            &lines,
            &[r#""event":"frame""#, r#""dir":"in""#, r#""text":"world""#],
        );
        has_record(&lines, &[r#""event":"closed""#, r#""reason":"fin""#]);
    }
}

fn has_record(lines: &[&str], parts: &[&str]) {
    let has_all = |line: &&&str| parts.iter().all(|part| line.to_lowercase().contains(part));
    assert!(
        lines.iter().any(|line| has_all(&line)),
        "no record with {parts:?} in {lines:#?}"
    );
}

#[test]
fn json_of_a_raw_stream_has_chunks_only() {
    let client = shown(&[b"bytes"], &["--json"]);
    assert!(
        client.text().contains(r#""event":"chunk""#),
        "{}",
        client.told()
    );
    assert!(
        !client.text().contains(r#""event":"frame""#),
        "{}",
        client.told()
    );
}

#[test]
fn the_records_of_a_listener_number_its_peers() {
    let listener = listen(&["127.0.0.1:0", "--json"]);
    let port = listener.port();
    for number in 1..=3 {
        let mut peer = client(port);
        peer.write_all(b"x").unwrap();
        listener.wait_for_stdout(format!(r#""peer":{number}"#).as_bytes());
    }
    let listener = listener.interrupt().check_code(130);
    let lines: Vec<&str> = listener.text().lines().collect();
    has_record(&lines, &[r#""event":"listening""#, r#""peer":0"#]);
    has_record(
        &lines,
        &[
            r#""event":"opened""#,
            r#""peer":3"#,
            r#""addr":"tcp://127.0.0.1:"#,
        ],
    );
}

#[test]
fn a_listener_that_answers_shows_what_comes_only_if_asked() {
    for (form, expected) in [(None, ""), (Some("raw"), "hi\n"), (Some("hex"), "68 69\n")] {
        let listener = match form {
            Some(form) => listen(&[
                "127.0.0.1:0",
                "--reply",
                "upper",
                "--frame",
                "lines",
                "--as",
                form,
            ]),
            None => listen(&["127.0.0.1:0", "--reply", "upper", "--frame", "lines"]),
        };
        let mut peer = client(listener.port());
        peer.write_all(b"hi\n").unwrap();
        assert_eq!(read_exactly(&mut peer, 3), b"HI\n");
        listener.interrupt().check_code(130).check_stdout(expected);
    }
}

#[test]
fn a5_a_stdout_that_is_closed_ends_the_session_with_exit_0() {
    for options in [
        &[][..],
        &["--as", "text"],
        &["--as", "hex", "--frame", "lines"],
        &["--json"],
    ] {
        let (listener, address) = server();
        let mut client = connect(&[&address]).args(options).hold_stdin().start();
        let mut peer = accept(&listener);
        let endless = thread::spawn(move || while peer.write_all(b"line after line\n").is_ok() {});
        client.wait("a first line", |client| client.stdout().contains(&b'\n'));
        client.close_stdout();
        client.finish().check_code(0).check_silent();
        endless.join().unwrap();
    }
}

#[test]
fn a5_a_listener_whose_stdout_is_closed_ends_with_exit_0() {
    let mut listener = listen(&["127.0.0.1:0"]);
    let mut peer = client(listener.port());
    peer.write_all(b"first").unwrap();
    listener.wait_for_stdout(b"first");
    listener.close_stdout();
    while !listener.has_ended() && peer.write_all(b"more").is_ok() {
        // sleep: polled until a write fails
        thread::sleep(Duration::from_millis(5));
    }
    let listener = listener.finish().check_code(0);
    assert_eq!(listener.stderr.lines().count(), 1, "{}", listener.told());
}

#[test]
fn a5_a_reader_that_was_never_there_is_no_error() {
    let quiet: [&[&str]; 4] = [
        &["--help"],
        &["--version"],
        &["connect", "--help"],
        &["connect", NOBODY, "--explain"],
    ];
    for args in quiet {
        // `true` reads nothing and is gone at once.
        let script = "{ \"$0\" \"$@\"; echo $? >&2; } | true";
        let program = env!("CARGO_BIN_EXE_sockpit");
        let shell = Program::new("sh", &["-c", script, program])
            .args(args)
            .run();
        assert_eq!(shell.stderr, "0\n", "{}", shell.told());
    }
}

#[test]
fn a_slow_reader_of_stdout_loses_nothing() {
    let bytes = crate::support::pattern(24 << 20, 21);
    let script = "
import sys, time
time.sleep(0.5)
data = sys.stdin.buffer.read()
print(len(data), sum(data))
";
    let script_options = "--expect 'the end' --within 30s";
    for options in ["", "--read-size 64KiB", script_options] {
        let (listener, address) = server();
        let pipe = format!("\"$0\" connect \"$1\" {options} | python3 -c \"$2\"");
        let args = ["-c", &pipe, env!("CARGO_BIN_EXE_sockpit"), &address, script];
        let shell = Program::new("sh", &args).start();
        let mut peer = accept(&listener);
        peer.write_all(&bytes).unwrap();
        peer.write_all(b"the end").unwrap();
        drop(peer);
        let bytes = bytes.iter().chain(b"the end");
        let (count, sum) = bytes.fold((0, 0), |(count, sum), byte| {
            (count + 1, sum + u64::from(*byte))
        });
        shell
            .finish()
            .check_code(0)
            .check_stdout(format!("{count} {sum}\n"));
    }
}

#[test]
fn what_a_listener_took_is_told_always_and_its_peers_only_with_v() {
    let listener = listen(&["127.0.0.1:0", "--reply", "echo"]);
    let port = listener.port();
    drop(client(port));
    let mut peer = client(port);
    peer.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&mut peer, 1), b"x");
    let expected = format!("listening on tcp://127.0.0.1:{port}\n");
    let listener = listener.interrupt();
    assert_eq!(listener.stderr, expected, "{}", listener.told());

    let listener = listen(&["127.0.0.1:0", "--reply", "echo", "-v"]);
    let peer = client(listener.port());
    let addr = peer.local_addr().unwrap().to_string();
    listener.wait_for_stderr(&addr);
    drop(peer);
    listener.wait("a line for the end of the peer", |listener| {
        let stderr = listener.stderr();
        stderr
            .lines()
            .filter(|line| line.contains("peer 1"))
            .count()
            == 2
    });
}

#[test]
fn quiet_tells_errors_and_what_was_taken() {
    let listener = listen(&["127.0.0.1:0", "-q"]);
    let port = listener.port();
    let listener = listener.interrupt().check_code(130);
    assert_eq!(
        listener.stderr,
        format!("listening on tcp://127.0.0.1:{port}\n")
    );
}

#[test]
fn verbose_tells_why_a_conversation_ended() {
    let (listener, address) = server();
    let client = connect(&[&address, "-v"]).stdin("x").start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"x");
    drop(peer);
    let client = client.finish().check_code(0);
    assert!(client.stderr.contains("fin"), "{}", client.told());
}

#[test]
fn explain_prints_the_plan_and_does_nothing() {
    // Nobody listens there, and nobody is asked.
    let explained = connect(&[NOBODY, "--explain", "--frame", "lines", "--text", "gbk"]);
    let explained = explained.run().check_code(0).check_silent();
    for part in [NOBODY, "lines", "gbk"] {
        assert!(
            explained.text().to_lowercase().contains(part),
            "{}",
            explained.told()
        );
    }
    let explained = sockpit(&["listen", ":0", "--explain", "--once"])
        .run()
        .check_code(0);
    assert!(
        !explained.stderr.contains("listening"),
        "{}",
        explained.told()
    );
}

#[test]
fn explain_shows_that_a_flag_overrides_the_query() {
    let args = [
        // port: explained, never opened
        "tcp://127.0.0.1:9?frame=lines&text=gbk",
        "--frame",
        "fixed:4",
        "--explain",
    ];
    let explained = connect(&args).run().check_code(0);
    assert!(explained.text().contains("fixed:4"), "{}", explained.told());
    assert!(
        explained.text().to_lowercase().contains("gbk"),
        "{}",
        explained.told()
    );
    assert!(!explained.text().contains("lines"), "{}", explained.told());
}

#[test]
fn a_pipe_gets_no_escape_codes_of_ours() {
    let plain = |finished: &Finished| {
        let has_escape = contains(&finished.stdout, b"\x1b") || finished.stderr.contains('\x1b');
        assert!(!has_escape, "{}", finished.told());
    };
    plain(&sockpit(&["--help"]).run());
    // port: there is no such port
    plain(&sockpit(&["connect", "127.0.0.1:70000"]).run());
    plain(&sockpit(&["connect", NOBODY, "--nonsense"]).run());
    plain(&sockpit(&["connect", NOBODY, "--explain"]).run());
    plain(&shown(
        &[b"text\n"],
        &["--as", "text", "--frame", "lines", "-v"],
    ));
}

#[test]
fn d1_a_pipe_gets_the_bytes_of_a_peer_exactly() {
    let hostile = b"\x1b]52;c;aGk=\x07\x1b[2J\xE2\x80\xAE\x00\x9B\xFF";
    shown(&[hostile], &[]).check_stdout(hostile);
}

#[test]
fn a5_a_demo_that_nobody_watches_to_its_end_is_no_error() {
    let folder = folder();
    let script = "{ \"$0\" demo; echo $? >&2; } | head -n 1";
    let args = ["-c", script, env!("CARGO_BIN_EXE_sockpit")];
    let shell = Program::new("sh", &args).folder(&folder).run();
    assert_eq!(shell.text().lines().count(), 1, "{}", shell.told());
    assert_eq!(shell.stderr, "0\n", "{}", shell.told());
}

#[test]
fn the_demo_shows_the_main_job_and_ends_by_itself() {
    let folder = folder();
    let demo = sockpit(&["demo"]).folder(&folder).run().check_code(0);
    assert!(
        demo.took < Duration::from_secs(10),
        "it took {:?}",
        demo.took
    );
    assert!(!contains(&demo.stdout, b"\x1b"), "{}", demo.told());
    assert!(demo.text().contains("sockpit"), "{}", demo.told());
}
