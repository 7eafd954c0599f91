use proptest::prelude::*;
use serde_json::Value;

use super::*;

const NOW: Time = Time::ZERO;

fn visitor(settings: Settings) -> Visitor {
    Visitor::new(Arc::new(settings))
}

/// Drains a visitor: what it asks, and what it transmits.
fn drain(visitor: &mut Visitor) -> (Vec<Ask>, Vec<Vec<u8>>, Option<Reason>) {
    let (mut asks, mut writes) = (Vec::new(), Vec::new());
    loop {
        match visitor.poll_output() {
            Output::Event(request) => asks.push(request.ask),
            Output::Transmit(bytes) => writes.push(bytes.to_vec()),
            Output::Close(reason) => return (asks, writes, Some(reason)),
            Output::Shutdown => {}
            Output::Wait(_) => return (asks, writes, None),
        }
    }
}

fn type_in(visitor: &mut Visitor, bytes: &[u8]) -> (Vec<Ask>, String) {
    visitor.handle_input(NOW, bytes);
    let (asks, writes, _) = drain(visitor);
    (asks, String::from_utf8(writes.concat()).unwrap())
}

fn line(text: &str) -> Ask {
    Ask::Line(text.to_owned())
}

fn notice(notice: Notice) -> Line {
    Line::of_notice(0, notice, None, Voice::default())
}

#[test]
fn netcat_and_telnet_say_the_same() {
    let mut netcat = visitor(Settings::default());
    netcat.handle_input(NOW, b"anna\nhi\n/who");
    netcat.handle_end(NOW);
    let (asks, writes, closed) = drain(&mut netcat);
    let expected = [line("anna"), line("hi"), Ask::Who(None), Ask::Ended];
    assert_eq!(
        (asks.as_slice(), writes.len(), closed),
        (&expected[..], 0, None)
    );

    let mut telnet = visitor(Settings::default());
    telnet.handle_input(NOW, b"\xff\xfd\x03\xff\xfb\x18anna\r\nh\xff\xf1i\r\0/who");
    telnet.handle_end(NOW);
    let (asks, writes, _) = drain(&mut telnet);
    assert_eq!(asks, expected);
    assert_eq!(writes, [b"\xff\xfc\x03\xff\xfe\x18".to_vec()]);
}

#[test]
fn what_is_delivered_between_two_drains_is_one_write() {
    let mut visitor = visitor(Settings::default());
    let line = notice(Notice::Nowhere);
    visitor.deliver(&line);
    let (_, writes, _) = drain(&mut visitor);
    assert_eq!(writes.len(), 1);
    visitor.deliver(&line);
    visitor.deliver(&line);
    visitor.lost(NOW, 7);
    let (_, writes, _) = drain(&mut visitor);
    assert_eq!(writes.len(), 1);
    let text = String::from_utf8(writes.concat()).unwrap();
    assert!(
        text.ends_with("! 7 lines were lost: you read too slowly\n"),
        "{text}"
    );
}

#[test]
fn one_line_for_many_is_not_copied() {
    let mut visitor = visitor(Settings::default());
    let line = notice(Notice::Nowhere);
    visitor.deliver(&line);
    let Output::Transmit(bytes) = visitor.poll_output() else {
        panic!("nothing to transmit");
    };
    assert_eq!(bytes.as_ptr(), line.bytes(visitor.form()).as_ptr());
}

#[test]
fn a_charset_counts_from_the_next_line_on() {
    let mut visitor = visitor(Settings::default());
    visitor.handle_input(NOW, "你\n/charset gbk\n".as_bytes());
    visitor.handle_input(NOW, b"\xc4\xe3\xba\xc3\n/charset utf-8\n\xe4\xbd\xa0\n");
    let (asks, writes, _) = drain(&mut visitor);
    let own = || Ask::Own(false);
    let expected = [line("你"), own(), line("你好"), own(), line("你")];
    assert_eq!(asks, expected);
    let text = String::from_utf8(writes.concat()).unwrap();
    assert_eq!(text, "* your charset is gbk\n* your charset is utf-8\n");
    let (asks, text) = type_in(&mut visitor, b"/charset klingon\n");
    assert_eq!(asks, [own()]);
    assert!(text.starts_with("! `klingon` is no charset"), "{text}");
}

#[test]
fn a_charset_of_two_bytes_a_character_has_lines_too() {
    let charset: Charset = "utf-16le".parse().unwrap();
    let mut visitor = visitor(Settings {
        charset,
        ..Settings::default()
    });
    // U+0A0A has two bytes that look like ends of lines, and U+FFxx looks like telnet.
    let bytes = charset
        .encode("\u{a0a}\u{ff0c}x\r\ny\n")
        .unwrap()
        .into_owned();
    for byte in bytes {
        visitor.handle_input(NOW, &[byte]);
    }
    let (asks, _, _) = drain(&mut visitor);
    assert_eq!(asks, [line("\u{a0a}\u{ff0c}x"), line("y")]);
}

#[test]
fn a_byte_of_a_charset_is_not_taken_for_telnet() {
    let settings = Settings {
        charset: "windows-1251".parse().unwrap(),
        ..Settings::default()
    };
    let (asks, _) = type_in(&mut visitor(settings.clone()), b"\xff\xf0\xea\xe8\xe9\n");
    assert_eq!(asks, [line("яркий")]);
    let settings = Settings {
        charset: "gbk".parse().unwrap(),
        ..settings
    };
    let (asks, _) = type_in(&mut visitor(settings), b"\xff\xf1a\n");
    assert_eq!(asks, [line("a")]);
}

#[test]
fn malformed_bytes_become_replacement_characters() {
    let (asks, _) = type_in(&mut visitor(Settings::default()), b"a\xe4\xbd\nb\xc3(\n");
    assert_eq!(asks, [line("a\u{fffd}"), line("b\u{fffd}(")]);
}

#[test]
fn b1_a_long_line_is_cut_and_told_once() {
    let mut visitor = visitor(Settings {
        max_line: 8,
        ..Settings::default()
    });
    let mut told = String::new();
    let mut asks = Vec::new();
    for _ in 0..100 {
        let (more, text) = type_in(&mut visitor, &[b'x'; 1000]);
        asks.extend(more);
        told += &text;
    }
    let (more, text) = type_in(&mut visitor, b"\nok\n");
    asks.extend(more);
    told += &text;
    assert_eq!(asks, [line("xxxxxxxx"), line("ok")]);
    assert_eq!(told, "! your line was cut at 8 bytes\n");
}

#[test]
fn a_program_speaks_json_and_can_stop() {
    let mut visitor = visitor(Settings::default());
    let (asks, text) = type_in(
        &mut visitor,
        b"/json on\n{\"text\":\"hi\"}\n\n/ping x\nhi\n",
    );
    let said = Ask::Text {
        room: None,
        text: "hi".to_owned(),
    };
    let ping = Ask::Ping("x".to_owned());
    assert_eq!(asks.len(), 5);
    assert_eq!(asks[..4], [Ask::Own(true), said, Ask::Blank, ping]);
    assert!(matches!(asks[4], Ask::Mistake(Mistake::Json(_))));
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["kind"], "info");
    let (asks, text) = type_in(&mut visitor, b"/json off\nhi\n");
    assert_eq!(asks, [Ask::Own(false), line("hi")]);
    assert_eq!(text, "* lines of text from here on\n");
    let (asks, _) = type_in(&mut visitor, b"/echo on\n");
    assert_eq!(asks, [Ask::Own(true)]);
}

#[test]
fn an_object_that_is_too_long_is_not_taken() {
    let mut visitor = visitor(Settings {
        json: true,
        max_line: 8,
        ..Settings::default()
    });
    let (asks, _) = type_in(&mut visitor, b"{\"text\":\"hi\"}\n");
    assert_eq!(asks, [Ask::Own(true), Ask::Mistake(Mistake::Long(8))]);
}

#[test]
fn a_visitor_who_is_dismissed_gets_the_last_word() {
    let mut visitor = visitor(Settings::default());
    visitor.handle_input(NOW, b"anna\n");
    visitor.dismiss(Some(&notice(Notice::Bye)), Why::Left);
    visitor.deliver(&notice(Notice::Help));
    visitor.handle_input(NOW, b"more\n");
    let (asks, writes, closed) = drain(&mut visitor);
    assert_eq!((asks.len(), closed), (0, Some(Reason::Fin)));
    assert_eq!(writes, [b"* goodbye\n".to_vec()]);
    assert_eq!(visitor.poll_output(), Output::Wait(None));
}

#[test]
fn a_fault_that_is_fatal_ends_it() {
    let mut visitor = visitor(Settings::default());
    visitor.handle_fault(NOW, Fault::Truncated { full_len: 3 });
    assert_eq!(drain(&mut visitor).2, None);
    visitor.handle_fault(NOW, Fault::Reset);
    assert_eq!(drain(&mut visitor).2, Some(Reason::Reset));
}

#[test]
fn an_idle_visitor_is_small() {
    assert!(size_of::<Visitor>() <= 512, "{}", size_of::<Visitor>());
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        Just(b"hi\r\n".to_vec()),
        Just(b"\r\0".to_vec()),
        Just(b"/json on\n".to_vec()),
        Just(b"/json off\n".to_vec()),
        Just(b"{\"text\":\"\xe4\xbd\xa0\"}\n".to_vec()),
        Just(b"/charset gbk\n\xc4\xe3\n".to_vec()),
        Just(b"/charset utf-16le\n".to_vec()),
        Just(b"/charset utf-8\n".to_vec()),
        Just(b"\xff\xfb\x01\xff\xfa\x18\xff\xf0".to_vec()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn requests_do_not_depend_on_the_cut(
        bytes in pieces(),
        cuts in proptest::collection::vec(1_usize..5, 0..80),
    ) {
        let settings = Settings { max_line: 16, ..Settings::default() };
        let mut whole = visitor(settings.clone());
        whole.handle_input(NOW, &bytes);
        whole.handle_end(NOW);
        let (expected, written, _) = drain(&mut whole);

        let mut cut = visitor(settings);
        let (mut asks, mut writes) = (Vec::new(), Vec::new());
        let mut rest = bytes.as_slice();
        for len in cuts {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            cut.handle_input(NOW, piece);
            let (more, written, _) = drain(&mut cut);
            asks.extend(more);
            writes.extend(written);
            rest = after;
        }
        cut.handle_input(NOW, rest);
        cut.handle_end(NOW);
        let (more, last, _) = drain(&mut cut);
        asks.extend(more);
        writes.extend(last);
        prop_assert_eq!(asks, expected);
        // Answers to telnet may come sooner.
        let sorted = |writes: Vec<Vec<u8>>| {
            let mut bytes = writes.concat();
            bytes.sort_unstable();
            bytes
        };
        prop_assert_eq!(sorted(writes), sorted(written));
    }
}

#[test]
fn what_a_page_has_a_browser_send_is_not_taken_for_a_members_words() {
    let request = b"POST /x HTTP/1.1\r\nHost: localhost:7000\r\n\r\n/nick mallory\nhello\n";
    for json in [false, true] {
        let mut visitor = visitor(Settings {
            json,
            ..Settings::default()
        });
        visitor.handle_input(NOW, request);
        let (asks, writes, closed) = drain(&mut visitor);
        assert_eq!(asks, []);
        let text = String::from_utf8(writes.concat()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("HTTP"), "{text}");
        assert_eq!(closed, Some(Reason::Limit));
    }
    // Later it is something that somebody says.
    let (asks, _) = type_in(&mut visitor(Settings::default()), b"anna\nGET / HTTP/1.1\n");
    assert_eq!(asks, [line("anna"), line("GET / HTTP/1.1")]);
}
