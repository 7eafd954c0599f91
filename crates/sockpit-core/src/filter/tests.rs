use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::event::FaultKind;
use crate::machine::Reason;
use crate::record::Epoch;
use crate::time::Time;

/// Whether `filter` wants the event.
#[track_caller]
fn check(filter: &str, event: &Event, wanted: bool) {
    let parsed: Filter = filter
        .parse()
        .unwrap_or_else(|error| panic!("`{filter}`: {error}"));
    assert_eq!(parsed.matches(&Subject::of(event)), wanted, "`{filter}`");
}

#[track_caller]
fn check_mistake(filter: &str, column: usize, text: &str) {
    let error = filter.parse::<Filter>().expect_err(filter);
    assert_eq!(error.column(), column, "`{filter}`: {error}");
    assert!(error.to_string().contains(text), "`{filter}`: {error}");
}

#[track_caller]
fn check_shown(filter: &str, shown: &str) {
    let parsed: Filter = filter
        .parse()
        .unwrap_or_else(|error| panic!("`{filter}`: {error}"));
    assert_eq!(parsed.to_string(), shown);
    assert_eq!(shown.parse::<Filter>().as_ref(), Ok(&parsed));
}

#[test]
fn terms_say_what_an_event_has() {
    let event = frame(Direction::In, b"an error\n", Some("an error"));
    for filter in [
        "in",
        "frame",
        "peer 2",
        "peer 1,2",
        "peer 1..3",
        "peer in 2..5",
        "peer != 3",
        "session 1",
        "session = 1",
        "text ~ err",
        "text ~ \"e.{2}or$\"",
        "text ~* ERR",
        "text contains error",
        "text starts an",
        "text ends 'error'",
        "text = 'an error'",
        "text != x",
        "text !~ x",
        "\"err\"",
        "'an error'",
        "hex ~ 65 72",
        "hex ~ '65 ?? 72'",
        "hex ~ 6572 72",
        "len > 8",
        "len = 9",
        "len 9",
        "len <= 9",
        "len < 1k",
        "offset = 40",
        "offset >= 40",
        "n = 7",
        "at > 1s",
        "at <= 2s",
        "at 1s..3s",
        "event = frame",
        "not out",
        "!out",
        "in && frame",
        "out || frame",
        "NOT out AND (peer 2 OR peer 3)",
    ] {
        check(filter, &event, true);
    }
    for filter in [
        "out",
        "chunk",
        "peer 3",
        "peer > 2",
        "session 2",
        "text ~ ERR",
        "text !~ err",
        "text !~* ERR",
        "text = err",
        "text starts err",
        "\"ERR\"",
        "hex ~ 00",
        "hex = 65",
        "len > 9",
        "offset < 40",
        "at < 1s",
        "at > 10s",
        "partial",
        "malformed",
        "truncated",
        "not in",
        "kind = reset",
        "reason = fin",
        "count > 0",
        "message ~ .",
    ] {
        check(filter, &event, false);
    }
}

#[test]
fn not_binds_tighter_than_and_and_that_tighter_than_or() {
    let event = chunk(b"x");
    check("in or out and out", &event, true);
    check("(in or out) and out", &event, false);
    check("not out and in", &event, true);
    check("not (out and in)", &event, true);
    check("not in or in", &event, true);
}

#[test]
fn a_statement_about_what_an_event_does_not_have_is_false() {
    let event = fault(FaultKind::Reset, "the peer reset the connection");
    for filter in [
        "len != 5",
        "text != x",
        "text !~ x",
        "hex != 00",
        "reason != fin",
        "in",
        "out",
    ] {
        check(filter, &event, false);
    }
    check("not len = 5", &event, true);
}

#[test]
fn what_went_wrong_is_found_by_its_kind_and_its_words() {
    let event = fault(FaultKind::Reset, "the peer reset the connection");
    check("kind = reset", &event, true);
    check("kind reset,refused", &event, true);
    check("kind != reset", &event, false);
    check("fault and \"reset the\"", &event, true);
    check("message ~ ^the", &event, true);
    let closed = event_of(What::Closed {
        reason: Reason::Fin,
        message: String::new(),
    });
    check("reason = fin", &closed, true);
    check("reason = reset", &closed, false);
}

#[test]
fn text_is_looked_for_in_the_bytes_of_a_chunk() {
    check("text ~ err", &chunk(b"\xff\xfe err \x00"), true);
    check("text contains 你", &chunk("你好".as_bytes()), true);
    check("hex = FF00", &chunk(b"\xff\x00"), true);
    check("hex = FF", &chunk(b"\xff\x00"), false);
    let clock = Clock::default();
    let mut sieve = Sieve::new("text contains 你".parse().unwrap(), clock);
    assert!(!sieve.keeps(&chunk(b"\xc4\xe3\xba\xc3")));
    let mut sieve = sieve.in_charset("gbk".parse().ok());
    assert!(sieve.keeps(&chunk(b"\xc4\xe3\xba\xc3")));
}

#[test]
fn an_address_is_remembered_for_its_peer() {
    let mut sieve = Sieve::new("addr ~ \"0\\.7:\"".parse().unwrap(), Clock::default());
    let opened = |peer, addr: &str| Event {
        peer,
        ..event_of(What::Opened {
            addr: addr.to_owned(),
            local: String::new(),
        })
    };
    let said = |peer| Event {
        peer,
        ..chunk(b"x")
    };
    let closed = |peer| Event {
        peer,
        ..event_of(What::Closed {
            reason: Reason::Fin,
            message: String::new(),
        })
    };
    let kept = [
        (opened(1, "tcp://10.0.0.7:99"), true),
        (opened(2, "tcp://10.0.0.8:99"), false),
        (said(1), true),
        (said(2), false),
        (closed(1), true),
        (said(1), false),
    ];
    for (event, wanted) in kept {
        assert_eq!(sieve.keeps(&event), wanted, "{event:?}");
    }
}

#[test]
fn a_time_of_day_is_local_and_lies_near_the_beginning() {
    // 2026-11-21T08:00:00Z, eight hours ahead of UTC: 16:00:00.
    let clock = Clock {
        epoch: Epoch(1_795_248_000_000_000_000),
        utc_offset: 8 * 3600,
    };
    let place = |text: &str| text.parse::<Moment>().unwrap().since_beginning(clock);
    let seconds = |count: i128| count * 1_000_000_000;
    assert_eq!(place("2s"), seconds(2));
    assert_eq!(place("16:00:01.5"), 1_500_000_000);
    assert_eq!(place("15:59"), seconds(-60));
    assert_eq!(place("00:10"), seconds(8 * 3600 + 600));
    assert_eq!(place("2026-11-21T16:00:05"), seconds(5));
    assert_eq!(place("2026-11-21T08:00:05Z"), seconds(5));
    for wrong in [
        "",
        "x",
        "25:00",
        "10:61",
        "10:00:00.",
        "10:0:0:0",
        "2026-13-01T00:00:00",
        "-2s",
    ] {
        assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
    }
}

#[test]
fn mistakes_name_the_column_and_the_way_out() {
    check_mistake("", 1, "empty");
    check_mistake("  ", 1, "empty");
    check_mistake(
        "peer 2 and peer",
        16,
        "expected a number such as `2`, `2,3` or `2..5` at column 16, found the end",
    );
    check_mistake(
        "text ~ err peer 2",
        12,
        "expected `and`, `or` or the end at column 12, found `peer`",
    );
    check_mistake("in and", 7, "expected a term");
    check_mistake(
        "(in or out",
        11,
        "expected `and`, `or` or `)` at column 11, found the end",
    );
    check_mistake("in )", 4, "found `)`");
    check_mistake("err", 1, "quote what a message shall contain: `\"err\"`");
    check_mistake("chunck", 1, "(`chunk` is one)");
    check_mistake("peer x", 6, "found `x`");
    check_mistake("peer 5..2", 6, "smaller end first");
    check_mistake("text err", 6, "expected `~`");
    check_mistake("text ~ \"err", 8, "no closing `\"`");
    check_mistake("text ~ \"(\"", 9, "regular expression");
    check_mistake("text contains ''", 16, "is empty");
    check_mistake("text = \"a\\q\"", 10, "`\\q` at column 10 is no escape");
    check_mistake("hex ~ \"AA 0G\"", 12, "`G` is no hexadecimal digit");
    check_mistake("hex = \"AA 0G\"", 12, "`G` is no hexadecimal digit");
    check_mistake("hex = \"\"", 8, "len = 0");
    check_mistake("len > 99999999999999999999999", 7, "a number of bytes");
    check_mistake("at > tea", 6, "`tea` is no moment");
    check_mistake("at 2s", 4, "a range such as");
    check_mistake("reason = gone", 10, "one of fin, reset");
    check_mistake("event = x", 9, "one of listening");
    check_mistake(
        "text ~ 你 和",
        10,
        "expected `and`, `or` or the end at column 10, found `和`",
    );
    check_mistake(&"(".repeat(100), 65, "more than 64");
    check_mistake(&"not ".repeat(100), 257, "more than 64");
    check_mistake(&"x".repeat(20_000), 1, "20000 bytes");
    check_mistake("text ~ a{1000}{1000}{1000}", 8, "KiB");
}

#[test]
fn what_is_shown_is_the_shortest_that_means_the_same() {
    check_shown(
        "peer = 2 && in&&text~err",
        "peer 2 and in and text ~ \"err\"",
    );
    check_shown("((in))", "in");
    check_shown("in and (chunk or frame)", "in and (chunk or frame)");
    check_shown("(in and chunk) or frame", "in and chunk or frame");
    check_shown("!(in or out)", "not (in or out)");
    check_shown("not not in", "not not in");
    check_shown("text ~ \"a\\\"\\d\\\\\"", "text ~ \"a\\\"\\d\\\\\"");
    check_shown("text = 'say \"hi\"\\n'", "text = \"say \\\"hi\\\"\\n\"");
    check_shown("hex ~ AA ?? 0D and in", "hex ~ \"AA ?? 0D\" and in");
    check_shown("len > 1KiB", "len > 1024");
    check_shown("at > 10:21:17.500", "at > 10:21:17.5");
    check_shown("at 2s..1m", "at 2s..1m");
    check_shown("at > 2026-11-21T10:21:17.5", "at > 2026-11-21T10:21:17.5");
    check_shown("at > 2026-11-21T10:21:17Z", "at > 2026-11-21T10:21:17Z");
    check_shown("kind reset, refused", "kind = reset,refused");
    check_shown(
        "\"err\" or 'it''s'and in"
            .replace("'it''s'", "\"it's\" ")
            .as_str(),
        "\"err\" or \"it's\" and in",
    );
}

proptest! {
    #[test]
    fn a_filter_survives_being_shown(text in filters()) {
        let filter: Filter = text.parse().expect("a filter was made");
        let shown = filter.to_string();
        prop_assert_eq!(shown.parse::<Filter>().expect("what is shown is a filter"), filter, "{}", shown);
    }

    #[test]
    fn nothing_typed_makes_it_panic(text in "[a-z0-9 \"'\\\\()~=!<>&|.,?*你-]{0,60}") {
        if let Ok(filter) = text.parse::<Filter>() {
            let shown = filter.to_string();
            prop_assert_eq!(shown.parse::<Filter>().expect("what is shown is a filter"), filter, "{}", shown);
        }
    }

    #[test]
    fn de_morgan_holds(left in filters(), right in filters(), event in events()) {
        let holds = |text: String| {
            let filter: Filter = text.parse().expect("a filter was made");
            filter.matches(&Subject::of(&event))
        };
        prop_assert_eq!(
            holds(format!("not (({left}) and ({right}))")),
            holds(format!("not ({left}) or not ({right})"))
        );
        prop_assert_eq!(holds(format!("({left}) or ({right})")), holds(format!("({right}) or ({left})")));
        prop_assert_eq!(holds(format!("not not ({left})")), holds(left.clone()));
    }
}

fn filters() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-z0-9]{1,6}",
        "\"[a-z 你]{1,6}\"",
        "'[a-z\" ]{1,6}'",
        Just("\"a\\\\\\\\b\\\"\"".to_owned()),
    ];
    let term = prop_oneof![
        proptest::sample::select(vec![
            "in",
            "out",
            "chunk",
            "frame",
            "closed",
            "note",
            "partial",
            "malformed",
            "at > 2s",
            "at 1s..2s",
            "at <= 10:21:17.5",
            "hex ~ 0D ?? 4F",
            "hex = 6f6b",
            "reason fin,reset",
            "kind != text",
            "n 1..3",
        ])
        .prop_map(str::to_owned),
        (
            proptest::sample::select(vec!["peer", "session", "len", "offset", "count"]),
            proptest::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
            0u64..9
        )
            .prop_map(|(field, sign, number)| format!("{field} {sign} {number}")),
        (0u64..5, 0u64..5).prop_map(|(first, len)| format!("peer {first}..{}, 7", first + len)),
        (
            proptest::sample::select(vec!["text", "message", "addr", "local"]),
            proptest::sample::select(vec![
                "=", "!=", "~", "!~", "~*", "!~*", "contains", "starts", "ends"
            ]),
            value
        )
            .prop_map(|(field, sign, value)| format!("{field} {sign} {value}")),
        "\"[a-z]{1,4}\"",
    ];
    term.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" and ")),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" or ")),
            inner.clone().prop_map(|part| format!("not {part}")),
            inner.prop_map(|part| format!("({part})")),
        ]
    })
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| chunk(&bytes)),
        "[a-z0-9\r\n]{0,6}".prop_map(|text| frame(Direction::Out, text.as_bytes(), Some(&text))),
        "[a-z ]{0,6}".prop_map(|text| fault(FaultKind::Text, &text)),
    ]
}

fn event_of(what: What) -> Event {
    Event {
        number: 7,
        time: Time::ZERO + Duration::from_secs(2),
        session: 1,
        peer: 2,
        what,
    }
}

fn chunk(bytes: &[u8]) -> Event {
    event_of(What::Chunk {
        direction: Direction::In,
        offset: 0,
        bytes: Bytes::copy_from_slice(bytes),
        full_len: None,
    })
}

fn frame(direction: Direction, payload: &[u8], text: Option<&str>) -> Event {
    event_of(What::Frame {
        direction,
        offset: 40,
        payload: Bytes::copy_from_slice(payload),
        text: text.map(str::to_owned),
        malformed: false,
        partial: false,
        full_len: None,
    })
}

fn fault(kind: FaultKind, message: &str) -> Event {
    event_of(What::Fault {
        kind,
        message: message.to_owned(),
        count: None,
    })
}

#[test]
fn a_note_is_found_by_its_kind() {
    let note = event_of(What::Note {
        kind: "joined".to_owned(),
        message: "ada is there".to_owned(),
        data: Value::Null,
    });
    check("kind = joined and \"ada\"", &note, true);
}

mod packets {
    use super::*;
    use crate::bpf::{Protocols, Selection, Wanted};
    use crate::flow::Settings;
    use crate::sighting::Observer;
    use crate::wire::{LinkType, Packet};

    /// An IPv4 packet from 10.0.0.1 to 127.0.0.1 over `protocol`.
    fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![0x45, 0, len[0], len[1], 0, 7, 0, 0, 64, protocol, 0, 0];
        bytes.extend([10, 0, 0, 1, 127, 0, 0, 1]);
        bytes.extend(payload);
        bytes
    }

    fn tcp(seq: u32, flags: u8, window: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x9c, 0x40, 0x1b, 0x58];
        bytes.extend(seq.to_be_bytes());
        bytes.extend(9_u32.to_be_bytes());
        bytes.extend([0x50, flags]);
        bytes.extend(window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        ip(6, &bytes)
    }

    fn udp(payload: &[u8]) -> Vec<u8> {
        let len = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![0x9c, 0x40, 0x00, 0x35, len[0], len[1], 0, 0];
        bytes.extend(payload);
        ip(17, &bytes)
    }

    /// Whether `filter` wants the last of these packets.
    #[track_caller]
    fn check(filter: &str, packets: &[Vec<u8>], wanted: bool) {
        let parsed: Filter = filter
            .parse()
            .unwrap_or_else(|error| panic!("`{filter}`: {error}"));
        let mut observer = Observer::new(Settings::default());
        let mut kept = None;
        for (at, bytes) in packets.iter().enumerate() {
            let mut packet = Packet::new(LinkType::RAW, bytes);
            packet.at = at as u64 * 1_000_000_000;
            kept = Some(observer.observe(packet).keep());
        }
        let event = event_of(What::Packet {
            direction: Direction::In,
            offset: Some(4),
            packet: Box::new(kept.unwrap()),
        });
        assert_eq!(parsed.matches(&Subject::of(&event)), wanted, "`{filter}`");
        let shown = parsed.to_string();
        assert_eq!(shown.parse::<Filter>().as_ref(), Ok(&parsed), "{shown}");
    }

    #[test]
    fn terms_say_what_a_packet_has() {
        let packets = [tcp(1, 0x18, 512, b"hello")];
        for filter in [
            "packet",
            "tcp",
            "ip",
            "ip4 and not ip6",
            "in",
            "peer 2",
            "port 7000",
            "port 40000",
            "port 1,7000..7010",
            "port > 39999",
            "port != 9",
            "src port 40000 and dst port 7000",
            "not (src port 7000)",
            "tcp port 7000",
            "tcp port 7000 and host 127.0.0.1",
            "tcp conversation 0 ack and len > 0",
            "TCP src port 40000 dst host 127.0.0.1",
            "not udp port 7000",
            "host 10.0.0.0/8",
            "net 10.0.0.0/8",
            "host 1.1.1.1,10.0.0.1",
            "host != 1.1.1.1",
            "src 10.0.0.1 and dst 127.0.0.1",
            "push and ack",
            "psh",
            "flags = \"PSH, ACK\"",
            "flags ~ PSH",
            "not syn and not fin",
            "len = 5",
            "text ~ ^hel",
            "\"ell\"",
            "hex = 68656C6C6F",
            "conversation 0",
            "window >= 512",
            "seq = 1",
            "ack 1",
            "ack > 0",
            "offset = 4",
            "n 7",
        ] {
            check(filter, &packets, true);
        }
        for filter in [
            "udp",
            "icmp",
            "arp",
            "ip6",
            "out",
            "frame",
            "chunk",
            "port 9",
            "port != 7000",
            "src port 7000",
            "udp port 7000",
            "not tcp port 7000",
            "host 1.1.1.1",
            "host != 10.0.0.1",
            "dst 10.0.0.1",
            "syn",
            "rst",
            "label = retransmission",
            "retransmission",
            "partial",
            "truncated",
            "malformed",
            "vlan",
            "fragment",
            "len > 5",
            "kind = reset",
            "addr ~ .",
        ] {
            check(filter, &packets, false);
        }
    }

    #[test]
    fn labels_are_words() {
        let packets = [
            tcp(1, 0x02, 512, b""),
            tcp(2, 0x18, 512, b"hello"),
            tcp(7, 0x18, 512, b"again"),
            tcp(2, 0x18, 512, b"hello"),
        ];
        check("retransmission", &packets, true);
        check("label = retransmission", &packets, true);
        check("label out_of_order,retransmission", &packets, true);
        check("label != retransmission", &packets, false);
        check("label = reset", &packets, false);
    }

    #[test]
    fn datagrams_have_ports_and_a_length_and_no_numbers() {
        let packets = [udp(b"a")];
        check("udp port 53 and len = 1 and hex = 61", &packets, true);
        check("seq >= 0 or window >= 0 or label != reset", &packets, false);
    }

    /// Whoever watches a port wants to know that nobody is there.
    #[test]
    fn an_error_of_icmp_is_about_the_ports_of_the_packet_in_it() {
        let mut error = vec![3, 3, 0, 0, 0, 0, 0, 0];
        error.extend(udp(b"x"));
        let packets = [ip(1, &error)];
        check("icmp and port 53", &packets, true);
        check("port 54", &packets, false);
        check("udp port 53", &packets, false);
    }

    #[test]
    fn the_kernel_judges_what_it_can() {
        let selection = |filter: &str| match filter.parse::<Filter>().unwrap().wanted() {
            Wanted::Everything => None,
            Wanted::Selection(selection) => Some(selection),
            Wanted::Conversations(_) => panic!("a filter names no conversations"),
        };
        let tcp_at = |ports: &[u16]| {
            Some(Selection {
                protocols: Protocols::Tcp,
                ports: ports.to_vec(),
                hosts: Vec::new(),
            })
        };
        assert_eq!(selection("tcp port 7000 and text ~ err"), tcp_at(&[7000]));
        assert_eq!(selection("tcp and (port 2 or port 1..2)"), tcp_at(&[1, 2]));
        assert_eq!(selection("retransmission and src port 5"), tcp_at(&[5]));
        let both = selection("tcp port 1 or udp port 2").unwrap();
        assert_eq!((both.protocols, both.ports), (Protocols::Both, vec![1, 2]));
        let host = selection("host 10.0.0.0/8 and in").unwrap();
        assert_eq!(host.hosts, ["10.0.0.0/8".parse().unwrap()]);
        for everything in [
            "not tcp",
            "text ~ err",
            "tcp or arp",
            "port 1 or host ::1",
            "port 1..1000",
            "port != 5",
            "host != ::1",
        ] {
            assert_eq!(selection(everything), None, "{everything}");
        }
    }

    #[test]
    fn mistakes_about_packets_teach() {
        check_mistake("port 70000", 6, "a port from 0 to 65535");
        check_mistake("port http", 6, "such as `7000`");
        check_mistake("host nowhere", 6, "`10.0.0.0/8`");
        check_mistake("label = lost", 9, "one of reused_ports");
        check_mistake("tcp and prot 7000", 9, "(`port` is one)");
        check_mistake("port 80 or 443", 12, "`443`");
        check_mistake("tcp 7000", 5, "`7000` at column 5 is no term");
        check_mistake(
            "tcp port 80 not port 81",
            13,
            "expected `and`, `or` or the end",
        );
    }

    proptest! {
        /// What is in no filter but makes a packet wanted is wanted by the kernel's part too.
        #[test]
        fn the_kernel_never_wants_less(
            terms in proptest::collection::vec(proptest::sample::select(vec![
                "tcp", "udp", "port 7000", "port 53", "src port 40000", "host 10.0.0.1", "host 1.1.1.1",
                "syn", "seq = 0", "len > 0", "not port 53", "retransmission", "icmp",
            ]), 1..5),
            words in proptest::collection::vec(any::<bool>(), 5),
            is_tcp in any::<bool>(),
        ) {
            let mut text = terms[0].to_owned();
            for (term, is_and) in terms[1..].iter().zip(words) {
                text = format!("({text}) {} {term}", if is_and { "and" } else { "or" });
            }
            let filter: Filter = text.parse().unwrap();
            let bytes = if is_tcp { tcp(1, 2, 5, b"") } else { udp(b"x") };
            let packet = Packet::new(LinkType::RAW, &bytes);
            let summary = crate::wire::Summary::of(&packet);
            let mut observer = Observer::new(Settings::default());
            let event = event_of(What::Packet {
                direction: Direction::In,
                offset: None,
                packet: Box::new(observer.observe(packet).keep()),
            });
            if filter.matches(&Subject::of(&event)) {
                prop_assert!(filter.wanted().matches(&summary), "{}", text);
            }
        }
    }
}

#[test]
fn habits_of_other_tools_are_told_what_is_written_here() {
    let told = |text: &str| text.parse::<Filter>().unwrap_err().to_string();
    for text in ["tcp.port == 80", "ip.addr == 10.0.0.7", "tcp[13] & 2 != 0"] {
        assert!(
            told(text).contains("write `tcp port 7000`"),
            "{}",
            told(text)
        );
    }
    assert!(told("portrange 80-90").contains("(`port` is one)"));
    assert!(told("greater 100").contains("(`len` is one)"));
    assert!(told("host 10.0.0.300").contains("found `10.0.0.300`"));
    assert!(told("host").contains("found the end"));
}

#[test]
fn what_is_looked_for_in_what_was_said_can_be_asked_for() {
    let filter: Filter = "in and (text ~ err or hex ~ \"0D\") and not text ~ ok"
        .parse()
        .unwrap();
    let sources: Vec<&str> = filter.patterns().iter().map(|it| it.source()).collect();
    assert_eq!(sources, ["err", "0D"]);
    for (text, needs) in [
        ("in and peer 2", false),
        ("len > 3", true),
        ("not malformed", true),
        ("offset > 3 or partial", false),
        ("hex ~ \"0D\"", true),
    ] {
        let filter: Filter = text.parse().unwrap();
        assert_eq!(filter.needs_bytes(), needs, "{text}");
    }
}
