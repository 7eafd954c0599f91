//! Text in the charsets that people have, both ways, and bytes by hand.

use std::io::Write as _;

use crate::framing::heard;
use crate::record::{of_event, records};
use crate::support::{
    accept, client, connect, folder, listen, need, python, read_exactly, read_to_end, server,
    sockpit,
};

/// `你好` in GBK.
const HELLO_GBK: &[u8] = b"\xc4\xe3\xba\xc3";

#[test]
fn a_python_server_that_speaks_gbk_is_talked_to() {
    if !need("python3") {
        return;
    }
    let peer = python(
        "import socket\n\
         s = socket.create_server(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         c, _ = s.accept()\n\
         while True:\n\
         \x20   data = c.recv(512)\n\
         \x20   if not data:\n\
         \x20       break\n\
         \x20   print(data.decode('gbk').strip())\n\
         \x20   c.send(('收到：' + data.decode('gbk')).encode('gbk'))\n",
        &[],
    )
    .start();
    let endpoint = format!("tcp://127.0.0.1:{}", peer.printed_port());
    connect(&[&endpoint, "--text", "gbk", "--as", "text"])
        .args(&[
            "--send",
            "你好",
            "--expect",
            "收到：你好",
            "--send",
            "再见",
            "--expect",
            "再见",
        ])
        .run()
        .check_code(0)
        .check_stdout("收到：你好\n收到：再见\n");
    let ended = peer.finish().check_code(0);
    assert!(ended.text().ends_with("你好\n再见\n"), "{}", ended.told());
}

#[test]
fn a_python_client_that_speaks_gbk_is_answered() {
    if !need("python3") {
        return;
    }
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "lines",
        "--text",
        "gbk",
        "--reply",
        "fixed:收到 ${message}",
        "--as",
        "text",
    ]);
    python(
        "import socket, sys\n\
         s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
         s.sendall('温度\\n'.encode('gbk'))\n\
         print(s.makefile('rb').readline().decode('gbk'), end='')\n",
        &[&listener.port().to_string()],
    )
    .run()
    .check_code(0)
    .check_stdout("收到 温度\n");
    listener.wait_for_stdout("温度\n".as_bytes());
    listener.interrupt().check_code(130).check_stdout("温度\n");
}

#[test]
fn a_character_cut_across_two_sends_is_whole() {
    for framing in ["raw", "lines"] {
        let folder = folder();
        let record = folder.path().join("seen.jsonl");
        let path = record.to_str().expect("a plain name");
        let listener = listen(&[
            "tcp://127.0.0.1:0",
            "--text",
            "gbk",
            "--as",
            "text",
            "--frame",
            framing,
            "--once",
            "--record",
            path,
        ]);
        let mut peer = client(listener.port());
        peer.write_all(&HELLO_GBK[..3]).expect("the listener reads");
        listener.wait("the first piece", |_| {
            std::fs::read_to_string(&record)
                .unwrap()
                .contains(r#""hex":"c4e3ba""#)
        });
        peer.write_all(&HELLO_GBK[3..]).expect("the listener reads");
        peer.write_all(b"\n").expect("the listener reads");
        drop(peer);
        listener.finish().check_code(0).check_stdout("你好\n");
    }
}

#[test]
fn an_expectation_finds_text_across_the_pieces_of_a_raw_stream() {
    let (listener, endpoint) = server();
    let program = connect(&[
        &endpoint, "--text", "gbk", "--json", "--expect", "好的", "--expect", "吗",
    ])
    .start();
    let mut peer = accept(&listener);
    // `你好的吗`, cut in the middle of its second and third character.
    for (piece, hex) in [
        (&b"\xc4\xe3\xba"[..], "c4e3ba"),
        (b"\xc3\xb5", "c3b5"),
        (b"\xc4\xc2\xf0", "c4c2f0"),
    ] {
        peer.write_all(piece).expect("the client reads");
        program.wait_for_stdout(format!(r#""hex":"{hex}""#).as_bytes());
    }
    program.finish().check_code(0);
}

#[test]
fn charsets_go_out_and_come_back() {
    for (charset, text, bytes) in [
        ("gbk", "你好", &b"\xc4\xe3\xba\xc3"[..]),
        ("GB2312", "你好", b"\xc4\xe3\xba\xc3"),
        ("gb18030", "你🦀", b"\xc4\xe3\x95\x30\xd8\x32"),
        ("big5", "你好", b"\xa7\x41\xa6\x6e"),
        ("shift_jis", "日本", b"\x93\xfa\x96\x7b"),
        ("euc-kr", "한글", b"\xc7\xd1\xb1\xdb"),
        ("windows-1251", "Привет", b"\xcf\xf0\xe8\xe2\xe5\xf2"),
        ("latin1", "é", b"\xe9"),
        ("utf-8", "你🦀", "你🦀".as_bytes()),
        ("utf-16le", "aé", b"a\0\xe9\0"),
    ] {
        let (listener, endpoint) = server();
        let program = connect(&[
            &endpoint, "--text", charset, "--as", "text", "--eol", "none",
        ])
        .args(&["--send", text])
        .start();
        let mut peer = accept(&listener);
        assert_eq!(read_to_end(&mut peer), bytes, "{charset}");
        peer.write_all(bytes).expect("the client reads");
        drop(peer);
        program.finish().check_code(0).check_stdout(text);
    }
}

#[test]
fn what_goes_out_may_have_another_charset() {
    let (listener, endpoint) = server();
    let program = connect(&[
        &endpoint,
        "--text",
        "utf-8",
        "--text-out",
        "gbk",
        "--as",
        "text",
        "--eol",
        "none",
        "--send",
        "你好",
    ])
    .start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), HELLO_GBK);
    peer.write_all("你好".as_bytes()).expect("the client reads");
    drop(peer);
    program.finish().check_code(0).check_stdout("你好");
}

#[test]
fn piped_bytes_of_a_raw_stream_are_left_alone_unless_an_out_charset_is_given() {
    for (args, expected) in [
        (&["--text", "gbk"][..], "你好\n".as_bytes()),
        (&["--text-out", "gbk"], b"\xc4\xe3\xba\xc3\n"),
    ] {
        let (listener, endpoint) = server();
        let program = connect(&[&endpoint]).args(args).stdin("你好\n").start();
        assert_eq!(read_to_end(&mut accept(&listener)), expected, "{args:?}");
        program.finish().check_code(0);
    }
}

#[test]
fn a_character_that_stdin_gives_in_two_pieces_is_sent_whole() {
    let (listener, endpoint) = server();
    let mut program = connect(&[&endpoint, "--text-out", "gbk"])
        .hold_stdin()
        .start();
    let mut peer = accept(&listener);
    let text = "a你".as_bytes();
    program.feed(&text[..2]);
    assert_eq!(read_exactly(&mut peer, 1), b"a");
    program.feed(&text[2..]);
    assert_eq!(read_exactly(&mut peer, 2), b"\xc4\xe3");
    program.end_stdin();
    drop(peer);
    program.finish().check_code(0);
}

#[test]
fn piped_lines_of_a_framed_session_are_encoded() {
    let (listener, endpoint) = server();
    let program = connect(&[&endpoint, "--frame", "len:u8", "--text", "gbk"])
        .stdin("你好\n")
        .start();
    assert_eq!(read_to_end(&mut accept(&listener)), b"\x04\xc4\xe3\xba\xc3");
    program.finish().check_code(0);
}

#[test]
fn bad_bytes_are_shown_as_such_and_kept_as_hex() {
    let listener = listen(&["tcp://127.0.0.1:0", "--frame", "lines", "--json"]);
    let mut peer = client(listener.port());
    peer.write_all(b"good\na\xff\xfeb\n")
        .expect("the listener reads");
    drop(peer);
    listener.wait_for_stdout(br#""event":"closed""#);
    let ended = listener.interrupt().check_code(130);
    let records = records(&ended.stdout);
    let frames = of_event(&records, "frame");
    assert_eq!(
        (&frames[0]["text"], frames[0].get("hex")),
        (&"good".into(), None)
    );
    assert_eq!(frames[1]["text"], "a\u{fffd}\u{fffd}b");
    assert_eq!(frames[1]["hex"], "61fffe62");

    // The last byte begins a character that never ends.
    heard(&["--as", "text", "--text", "gbk"], b"a\xffb\xc4").check_stdout("a\u{fffd}b\u{fffd}");
}

#[test]
fn without_a_charset_there_is_no_text_but_hex() {
    let options = ["--frame", "lines", "--text", "none", "--as"];
    let ended = heard(&[&options[..], &["json"]].concat(), b"ab\n");
    let records = records(&ended.stdout);
    let frame = of_event(&records, "frame")[0];
    assert_eq!((frame.get("text"), &frame["hex"]), (None, &"6162".into()));
    heard(&[&options[..], &["text"]].concat(), b"ab\n").check_stdout("61 62\n");
}

#[test]
fn a_character_that_the_charset_does_not_have_is_named_before_anything_is_sent() {
    let (listener, endpoint) = server();
    for args in [
        &["--send", "first", "--send", "a🦀"][..],
        &["--reply", "fixed:a🦀"],
    ] {
        connect(&[&endpoint, "--text", "gbk"])
            .args(args)
            .run()
            .check_code(2)
            .check_stdout("")
            .check_stderr(&["🦀", "gbk"]);
    }
    listener.set_nonblocking(true).expect("a socket of our own");
    assert!(listener.accept().is_err(), "it connected all the same");
}

#[test]
fn a_piped_character_that_the_charset_does_not_have_ends_with_2() {
    let (_listener, endpoint) = server();
    connect(&[&endpoint, "--frame", "lines", "--text", "gbk"])
        .stdin("你好\n🦀\n")
        .run()
        .check_code(2)
        .check_stderr(&["🦀", "gbk"]);
}

#[test]
fn escapes_are_understood_where_that_is_asked_for() {
    for (args, expected) in [
        (
            &["--escape", "--send", "a\\r\\n\\t\\0\\x41\\u{4f60}\\\\"][..],
            "a\r\n\t\0A你\\".as_bytes(),
        ),
        (&["--send", "a\\r\\n"], b"a\\r\\n"),
        (
            &["--escape", "--text", "gbk", "--send", "\\u{4f60}\\xff"],
            b"\xc4\xe3\xff",
        ),
    ] {
        let (listener, endpoint) = server();
        let program = connect(&[&endpoint, "--eol", "none"]).args(args).start();
        assert_eq!(read_to_end(&mut accept(&listener)), expected, "{args:?}");
        program.finish().check_code(0);
    }
    for wrong in ["a\\q", "\\x4", "\\u{110000}", "end\\"] {
        // port: refused or explained, never opened
        connect(&["tcp://127.0.0.1:1", "--escape", "--send", wrong])
            .run()
            .check_code(2)
            .check_stderr(&["--send"]);
    }
}

#[test]
fn hex_is_read_in_every_notation_that_people_paste() {
    for text in [
        "AA 0D 0A",
        "aa0d0a",
        "0xAA,0x0D,0x0A",
        "AA:0D:0A",
        "AA;D;A",
        "AA-0D-0A",
        " 0xaa 0x0d0a ",
    ] {
        let (listener, endpoint) = server();
        let program = connect(&[&endpoint, "--send-hex", text]).start();
        assert_eq!(read_to_end(&mut accept(&listener)), b"\xaa\r\n", "{text}");
        program.finish().check_code(0);
    }
    for (wrong, parts) in [
        ("AA ZZ", ["`Z`", "column 4"]),
        ("AA 0x 0D", ["`x`", "column 5"]),
    ] {
        // port: refused or explained, never opened
        connect(&["tcp://127.0.0.1:1", "--send-hex", wrong])
            .run()
            .check_code(2)
            .check_stderr(&parts);
    }
}

#[test]
fn a_charset_that_is_none_is_refused_by_name() {
    sockpit(&["listen", "tcp://127.0.0.1:0", "--text", "klingon"])
        .run()
        .check_code(2)
        .check_stderr(&["klingon"]);
    sockpit(&["listen", "tcp://127.0.0.1:0?text=klingon"])
        .run()
        .check_code(2)
        .check_stderr(&["klingon"]);
}
