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
