//! What is told.

use super::*;

#[test]
fn frames_have_their_places_in_both_directions() {
    client("tcp://h:1?frame=len:u16be")
        .reads(Input::Open)
        .check(
            &[
                (0, Say("abc")),
                (1, Say("")),
                (2, Say("d")),
                (3, Hear(b"\0\x02hi\0\0\0\x01!")),
            ],
            &[
                "0 send \\x00\\x03abc",
                "0 out 0 abc",
                "1 send \\x00\\x00",
                "1 out 5 ",
                "2 send \\x00\\x01d",
                "2 out 7 d",
                "3 in 0 hi",
                "3 in 4 ",
                "3 in 6 !",
            ],
        );
}

#[test]
fn a_raw_stream_tells_no_frames() {
    client("tcp://h:1").check(
        &[(0, Say("a")), (1, Hear(b"b")), (2, Fail(Fault::Reset))],
        &[
            "0 send a",
            "2 fault reset: the peer reset the connection after 1 byte had come",
            "2 close reset",
        ],
    );
}

#[test]
fn a_frame_event_holds_bytes_and_text() {
    let events = client("tcp://h:1?frame=lines&text=gbk")
        .events(&[(0, Hear(b"\xC4\xE3\n\xFF\n")), (1, Say("ok"))]);
    assert_eq!(
        events,
        [
            frame(Direction::In, 0, b"\xC4\xE3", Some("你"), false),
            frame(Direction::In, 3, b"\xFF", Some("\u{FFFD}"), true),
            frame(Direction::Out, 0, b"ok", Some("ok"), false),
        ]
    );
}

#[test]
fn text_none_tells_bytes_only() {
    let events = client("udp://h:1?text=none").events(&[(0, Hear(b"\xFF")), (1, Say("ok"))]);
    assert_eq!(
        events,
        [
            frame(Direction::In, 0, b"\xFF", None, false),
            frame(Direction::Out, 0, b"ok", None, false),
        ]
    );
}

#[test]
fn what_goes_out_is_told_in_its_own_charset() {
    let mut talk = client("udp://h:1?text=utf-8");
    talk.plan.text_out = "gbk".parse().unwrap();
    let mut session = talk.session();
    let bytes = Bytes::from_static(b"\xC4\xE3");
    session.transmit(Time::ZERO, talk.plan.message(bytes.clone()).unwrap());
    let mut outputs = Vec::new();
    drain(&mut session, &mut outputs);
    let told = frame(Direction::Out, 0, &bytes, Some("你"), false);
    assert_eq!(outputs, [Output::Transmit(bytes), Output::Event(told)]);
}

#[test]
fn an_empty_datagram_is_a_message_and_no_end() {
    let mut talk = server("udp://h:1").reply("echo");
    talk.plan.idle = None;
    talk.check(
        &[(0, Hear(b"")), (1, Hear(b"a")), (2, Hear(b""))],
        &[
            "0 in 0 ",
            "0 send ",
            "0 out 0 ",
            "1 in 0 a",
            "1 send a",
            "1 out 0 a",
            "2 in 1 ",
            "2 send ",
            "2 out 1 ",
        ],
    );
}

#[test]
fn a_truncated_datagram_is_told_with_both_lengths() {
    let outputs = server("udp://h:1?read-size=4").run(&[
        (0, Fail(Fault::Truncated { full_len: 9 })),
        (0, Hear(b"abcd")),
        (1, Hear(b"xy")),
        (2, Close),
    ]);
    assert_eq!(
        outputs,
        [
            "0 fault truncated 9: a datagram of 9 bytes was cut to 4; `--read-size 9` takes it whole",
            "0 in 0 abcd of 9",
            "1 in 4 xy",
            "2 close local",
        ]
    );
}

#[test]
fn a_truncated_datagram_on_a_link_is_told_like_one_by_hand() {
    let faults = Faults {
        read_size: std::num::NonZeroUsize::new(4),
        ..Faults::default()
    };
    let talk = server("udp://h:1?read-size=4");
    let mut pair = Pair::new(talk.session(), Other::default(), faults, 1);
    pair.change_b(|other, _| {
        other.send(b"abcdefghi");
    });
    pair.run_for(Duration::from_secs(1));
    let full_lens: Vec<Option<usize>> = pair
        .events(Side::A)
        .filter_map(|what| match what {
            What::Frame { full_len, .. } => Some(*full_len),
            _ => None,
        })
        .collect();
    assert_eq!(full_lens, [Some(9)]);
}

#[test]
fn a_malformed_message_is_told_and_the_next_one_is_found() {
    server("tcp://h:1?frame=slip").check(
        &[(0, Hear(b"\xC0a\xDBb\xC0ok\xC0"))],
        &[
            "0 in 0 a\\xdbb",
            "0 fault frame: the message at offset 0 is not valid slip",
            "0 in 5 ok",
        ],
    );
}

#[test]
fn a_message_that_is_too_long_ends_the_conversation() {
    let outputs = server("tcp://h:1?frame=lines&max-frame=4").run(&[(0, Hear(b"ok\nabcdefgh\n"))]);
    assert_eq!(outputs.first().map(String::as_str), Some("0 in 0 ok"));
    assert!(
        outputs.iter().any(|line| line.starts_with("0 fault frame")),
        "{outputs:?}"
    );
    assert_eq!(outputs.last().map(String::as_str), Some("0 close limit"));
}

#[test]
fn what_is_left_when_the_link_breaks_is_shown() {
    for fault in [Fault::Reset, Fault::BrokenPipe, Fault::Failed] {
        let outputs = client("tcp://h:1?frame=lines").run(&[(0, Hear(b"hel")), (1, Fail(fault))]);
        assert_eq!(
            outputs.first().map(String::as_str),
            Some("1 in 0 hel partial"),
            "{fault:?}"
        );
    }
}

#[test]
fn a_message_over_the_limit_of_a_datagram_is_refused_before_it_is_sent() {
    let plan = client("udp://127.0.0.1:1").plan;
    assert!(plan.message(Bytes::from(vec![0; 65_507])).is_ok());
    let error = plan.message(Bytes::from(vec![0; 65_508])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "65508 bytes do not fit into one datagram, which holds at most 65507; send less at once, \
         or use a stream"
    );
    let plan = client("udp://[::1]:1").plan;
    assert!(plan.message(Bytes::from(vec![0; 65_527])).is_ok());
    assert!(plan.message(Bytes::from(vec![0; 65_528])).is_err());
}

#[test]
fn a_frame_counts_towards_the_limit_of_a_datagram() {
    let plan = client("udp://127.0.0.1:1?frame=len:u16be").plan;
    assert!(plan.message(Bytes::from(vec![0; 65_505])).is_ok());
    assert!(plan.message(Bytes::from(vec![0; 65_506])).is_err());
}
