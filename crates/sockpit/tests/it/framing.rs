//! Every framing through real sockets, both ways: a message is what the framing says, however the
//! bytes came.

use std::io::Write as _;
use std::net::TcpStream;

use crate::datagram::{at, receive, socket};
use crate::record::{of_event, records};
use crate::support::{
    Finished, accept, client, connect, listen, need, python, read_exactly, read_to_end, server,
    sockpit,
};

mod limits;

/// A framing, two messages and their bytes on the wire.
struct Case {
    framing: &'static str,
    messages: [&'static str; 2],
    wire: &'static [u8],
}

const CASES: [Case; 17] = [
    Case {
        framing: "lines",
        messages: ["hello", ""],
        wire: b"hello\n\n",
    },
    Case {
        framing: "delim:;",
        messages: ["hello", "a b"],
        wire: b"hello;a b;",
    },
    Case {
        framing: "delim:\\r\\n",
        messages: ["a\rb", "c"],
        wire: b"a\rb\r\nc\r\n",
    },
    Case {
        framing: "delim:hex:0D0A",
        messages: ["hello", "x"],
        wire: b"hello\r\nx\r\n",
    },
    Case {
        framing: "delim:<END>",
        messages: ["<EN", "D>"],
        wire: b"<EN<END>D><END>",
    },
    Case {
        framing: "fixed:4",
        messages: ["abcd", "efgh"],
        wire: b"abcdefgh",
    },
    Case {
        framing: "len:u8",
        messages: ["hello", "x"],
        wire: b"\x05hello\x01x",
    },
    Case {
        framing: "len:u16be",
        messages: ["hello", "x"],
        wire: b"\0\x05hello\0\x01x",
    },
    Case {
        framing: "len:u16le",
        messages: ["hello", "x"],
        wire: b"\x05\0hello\x01\0x",
    },
    Case {
        framing: "len:u32be",
        messages: ["hello", ""],
        wire: b"\0\0\0\x05hello\0\0\0\0",
    },
    Case {
        framing: "len:u32le",
        messages: ["hello", "x"],
        wire: b"\x05\0\0\0hello\x01\0\0\0x",
    },
    Case {
        framing: "len:varint",
        messages: ["hello", "x"],
        wire: b"\x05hello\x01x",
    },
    Case {
        framing: "len:u16be,adjust=-2",
        messages: ["abc", "x"],
        wire: b"\0\x05abc\0\x03x",
    },
    Case {
        framing: "len:u8,offset=2",
        messages: ["abc", "x"],
        wire: b"\0\0\x03abc\0\0\x01x",
    },
    Case {
        framing: "len:u8,offset=1,keep",
        messages: ["A\u{2}hi", "B\u{1}x"],
        wire: b"A\x02hiB\x01x",
    },
    Case {
        framing: "slip",
        messages: ["hello", "x"],
        wire: b"\xc0hello\xc0\xc0x\xc0",
    },
    Case {
        framing: "cobs",
        messages: ["hello", "x"],
        wire: b"\x06hello\0\x02x\0",
    },
];

#[test]
fn messages_come_out_of_the_bytes_of_a_peer_however_they_are_cut() {
    for Case {
        framing,
        messages,
        wire,
    } in CASES
    {
        let listener = listen(&["tcp://127.0.0.1:0", "--frame", framing, "--json"]);
        let mut peer = client(listener.port());
        peer.set_nodelay(true).expect("TCP has it");
        for byte in wire {
            peer.write_all(&[*byte]).expect("the listener reads");
        }
        drop(peer);
        listener.wait_for_stdout(br#""event":"closed""#);
        let ended = listener.interrupt().check_code(130);
        let records = records(&ended.stdout);
        let texts: Vec<_> = of_event(&records, "frame")
            .iter()
            .map(|frame| frame["text"].clone())
            .collect();
        assert_eq!(texts, messages, "{framing}");
        let partial = records.iter().any(|record| record["partial"] == true);
        assert!(!partial, "{framing}: {records:?}");
    }
}

#[test]
fn sent_messages_are_framed_and_the_other_side_takes_them_apart() {
    for Case {
        framing,
        messages,
        wire,
    } in CASES
    {
        let (listener, endpoint) = server();
        let program = connect(&[&endpoint, "--frame", framing])
            .args(&["--send", messages[0], "--send", messages[1]])
            .start();
        let heard = read_to_end(&mut accept(&listener));
        assert_eq!(
            plain_slip(framing, &heard),
            plain_slip(framing, wire),
            "{framing}"
        );
        program.finish().check_code(0);

        let echo = listen(&["tcp://127.0.0.1:0", "--frame", framing, "--reply", "echo"]);
        let address = echo.address();
        connect(&[&address, "--frame", framing, "--as", "text"])
            .args(&["--send", messages[0], "--send", messages[1]])
            .run()
            .check_code(0)
            .check_stdout(format!("{}\n{}\n", messages[0], messages[1]));
        echo.interrupt().check_code(130);
    }
}

#[test]
fn gap_takes_what_comes_together_as_one_message() {
    let listener = listen(&["tcp://127.0.0.1:0", "--frame", "gap:150ms", "--json"]);
    let mut peer = client(listener.port());
    for part in [&b"first"[..], b"second"] {
        peer.write_all(part).expect("the listener reads");
        listener.wait_for_stdout(format!(r#""text":"{}""#, part.escape_ascii()).as_bytes());
    }
    drop(peer);
    listener.wait_for_stdout(br#""event":"closed""#);
    let ended = listener.interrupt().check_code(130);
    let records = records(&ended.stdout);
    let texts: Vec<_> = of_event(&records, "frame")
        .iter()
        .map(|frame| frame["text"].clone())
        .collect();
    assert_eq!(texts, ["first", "second"]);
}

#[test]
fn he_and_llo_are_hello_never_early_and_never_late() {
    if !need("python3") {
        return;
    }
    // The peer sends each piece once we have acknowledged, by a message, that the one before was read.
    let peer = python(
        "import socket\n\
         s = socket.create_server(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         c, _ = s.accept()\n\
         c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n\
         for piece in (b'he', b'llo\\nwor', b'ld\\npart'):\n\
         \x20   c.sendall(piece)\n\
         \x20   c.recv(1024)\n\
         c.close()\n",
        &[],
    )
    .start();
    let endpoint = format!("tcp://127.0.0.1:{}", peer.printed_port());
    let mut us = connect(&[&endpoint, "--frame", "lines", "--json"])
        .hold_stdin()
        .start();
    for piece in ["6865", "6c6c6f0a776f72", "6c640a70617274"] {
        us.wait_for_stdout(format!(r#""hex":"{piece}""#).as_bytes());
        us.feed(b"ok\n");
    }
    us.wait_for_stdout(br#""event":"closed""#);
    let ended = us.finish().check_code(0);
    let story: Vec<String> = records(&ended.stdout)
        .iter()
        .filter(|record| record["dir"] == "in")
        .map(|record| match record["event"].as_str() {
            Some("chunk") => format!("chunk of {}", record["len"]),
            _ if record["partial"] == true => format!("partial {}", record["text"]),
            _ => record["text"].to_string(),
        })
        .collect();
    assert_eq!(
        story,
        [
            "chunk of 2",
            "chunk of 7",
            "\"hello\"",
            "chunk of 7",
            "\"world\"",
            "partial \"part\"",
        ]
    );
    peer.finish().check_code(0);
}

#[test]
fn what_is_left_at_the_end_is_a_partial_message_in_every_view() {
    for (framing, bytes, text) in [
        ("lines", &b"whole\nrest"[..], "whole\nrest\n"),
        ("fixed:4", b"abcdef", "abcd\nef\n"),
        ("delim:;", b"a;b", "a\nb\n"),
    ] {
        heard(&["--frame", framing, "--as", "text"], bytes).check_stdout(text);
    }
    let ended = heard(&["--frame", "len:u16be", "--json"], b"\0\x05hel");
    let records = records(&ended.stdout);
    let frame = of_event(&records, "frame")[0];
    assert_eq!(frame["partial"], true);
    assert!(frame["text"].as_str().unwrap().ends_with("hel"), "{frame}");
}

#[test]
fn raw_stdout_has_every_byte_with_headers_and_delimiters() {
    for Case { framing, wire, .. } in CASES {
        heard(&["--frame", framing, "--as", "raw"], wire).check_stdout(wire);
    }
}

#[test]
fn hex_and_both_have_a_line_a_message() {
    for (form, expected) in [
        ("hex", "68 65 0A\n78\n"),
        ("both", "68 65 0A\the\\n\n78\tx\n"),
    ] {
        let options = ["--frame", "len:u8", "--as", form];
        heard(&options, b"\x03he\n\x01x").check_stdout(expected);
    }
}

#[test]
fn piped_lines_become_messages_of_the_framing() {
    let (listener, endpoint) = server();
    let program = connect(&[&endpoint, "--frame", "len:u16be"])
        .stdin("one\r\n\nlast")
        .start();
    assert_eq!(
        read_to_end(&mut accept(&listener)),
        b"\0\x03one\0\0\0\x04last"
    );
    program.finish().check_code(0);
}

#[test]
fn a_line_that_the_framing_cannot_carry_is_an_error_that_names_both_lengths() {
    let (listener, endpoint) = server();
    let program = connect(&[&endpoint, "--frame", "fixed:4"])
        .stdin("abcd\nabcde\nefgh\n")
        .start();
    let heard = read_to_end(&mut accept(&listener));
    assert!(b"abcd".starts_with(&heard), "{}", heard.escape_ascii());
    program
        .finish()
        .check_code(2)
        .check_stderr(&["5 bytes", "fixed:4"]);

    let (_listener, endpoint) = server();
    let long = "x".repeat(256);
    connect(&[&endpoint, "--frame", "len:u8", "--send", &long])
        .run()
        .check_code(2)
        .check_stderr(&["256 bytes", "255"]);
    connect(&[&endpoint, "--frame", "lines", "--escape", "--send", "a\\nb"])
        .run()
        .check_code(2);
}

#[test]
fn a_framing_that_is_none_is_refused_with_the_ones_there_are() {
    for framing in [
        "line",
        "fixed:0",
        "fixed:x",
        "len:u24",
        "delim:",
        "gap:",
        "len:u8,offset=x",
    ] {
        sockpit(&["listen", "tcp://127.0.0.1:0", "--frame", framing])
            .run()
            .check_code(2)
            .check_stderr(&["--frame"]);
    }
    sockpit(&["listen", "tcp://127.0.0.1:0?frame=line"])
        .run()
        .check_code(2)
        .check_stderr(&["line"]);
}

#[test]
fn each_datagram_is_framed_by_itself() {
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--frame",
        "lines",
        "--reply",
        "echo",
        "--json",
    ]);
    let peer = socket();
    let to = at(&listener);
    peer.send_to(b"one\ntwo\nrest", to)
        .expect("loopback takes it");
    let replies = [receive(&peer).0, receive(&peer).0, receive(&peer).0];
    assert_eq!(replies, [&b"one\n"[..], b"two\n", b"rest\n"]);
    peer.send_to(b" is not joined\n", to)
        .expect("loopback takes it");
    assert_eq!(receive(&peer).0, b" is not joined\n");
    listener.interrupt().check_code(130);
}

#[test]
fn a_client_whose_peer_breaks_the_framing_exits_with_1() {
    let (listener, endpoint) = server();
    let program = connect(&[&endpoint, "--frame", "len:u32be", "--json"]).start();
    let mut peer = accept(&listener);
    peer.write_all(b"\0\0\0\x02ok\x80\0\0\0few")
        .expect("the client reads");
    let ended = program.finish().check_code(1).check_stderr(&["2147483648"]);
    let records = records(&ended.stdout);
    assert_eq!(
        of_event(&records, "frame")[0]["text"],
        "ok",
        "what came before is not lost"
    );
    let rest = of_event(&records, "frame")
        .into_iter()
        .find(|frame| frame["partial"] == true);
    let hex = rest
        .and_then(|frame| frame["hex"].as_str())
        .unwrap_or_default();
    // The header alone: what follows it is no part of a message that cannot be, however it was cut.
    assert_eq!(hex, "80000000", "what is left is shown: {records:?}");
}

#[test]
fn a_framing_in_the_query_counts_and_a_flag_overrides_it() {
    let (listener, endpoint) = server();
    let program = connect(&[&format!("{endpoint}?frame=len:u8"), "--send", "hi"]).start();
    assert_eq!(read_to_end(&mut accept(&listener)), b"\x02hi");
    program.finish().check_code(0);
    let program = connect(&[
        &format!("{endpoint}?frame=len:u8"),
        "--frame",
        "lines",
        "--send",
        "hi",
    ])
    .start();
    assert_eq!(read_to_end(&mut accept(&listener)), b"hi\n");
    program.finish().check_code(0);
}

/// What a listener with these options makes of the bytes of a peer, which then ends.
pub(crate) fn heard(options: &[&str], bytes: &[u8]) -> Finished {
    let listener = sockpit(&["listen", "tcp://127.0.0.1:0", "--once"])
        .args(options)
        .start();
    let mut peer = client(listener.port());
    peer.write_all(bytes).expect("the listener reads");
    drop(peer);
    listener.finish().check_code(0)
}

/// One message there and back.
fn exchange(peer: &mut TcpStream, framing: &str) {
    let (header, len): (&[u8], u8) = match framing {
        "len:u32be" => (&[0, 0, 0, 2], 2),
        "len:u32le" => (&[2, 0, 0, 0], 2),
        "len:varint" => (&[2], 2),
        // Zero and what the field does not count.
        _ => (&[0, 0, 0, 0], 100),
    };
    let message = [header, &vec![b'x'; usize::from(len)]].concat();
    peer.write_all(&message).expect("the listener reads");
    assert_eq!(read_exactly(peer, message.len()), message);
}

/// SLIP may begin a message with an END or not (RFC 1055); both are read alike.
fn plain_slip(framing: &str, wire: &[u8]) -> Vec<u8> {
    let mut wire = wire.to_vec();
    if framing == "slip" {
        wire.retain(|byte| *byte != 0xc0);
    }
    wire
}
