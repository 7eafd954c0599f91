use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::{Direction, FaultKind};
use crate::machine::Reason;
use crate::sighting::tests::{any_kept, kept};
use crate::text::charset::Charset;
use crate::text::escape::is_hidden;
use crate::time::Time;

/// One record of each sort, in the shape that version 1 has for ever.
const GOLDEN: &str = include_str!("../../../../testdata/records/v1.jsonl");

/// 2026-11-21T08:00:00Z.
const EPOCH: Epoch = Epoch(1_795_248_000_000_000_000);

fn line(event: &Event, epoch: Epoch) -> String {
    let mut out = Vec::new();
    write(event, epoch, &mut out);
    String::from_utf8(out).unwrap()
}

fn event(what: What) -> Event {
    Event {
        number: 1,
        time: Time::ZERO,
        session: 1,
        peer: 1,
        what,
    }
}

fn chunk(direction: Direction, offset: u64, bytes: &'static [u8]) -> What {
    What::Chunk {
        direction,
        offset,
        bytes: Bytes::from_static(bytes),
        full_len: None,
    }
}

fn frame(direction: Direction, offset: u64, payload: &'static [u8], charset: &str) -> What {
    let decoded = charset.parse::<Charset>().unwrap().decode(payload);
    What::Frame {
        direction,
        offset,
        payload: Bytes::from_static(payload),
        text: Some(decoded.text),
        malformed: decoded.malformed_at.is_some(),
        partial: false,
        full_len: None,
    }
}

/// What the golden file holds.
fn golden() -> Vec<Event> {
    use Direction::{In, Out};
    let session = [
        (
            0,
            What::Listening {
                local: "tcp://127.0.0.1:10140".to_owned(),
            },
        ),
        (
            1,
            What::Opened {
                addr: "tcp://127.0.0.1:51234".to_owned(),
                local: "tcp://127.0.0.1:10140".to_owned(),
            },
        ),
        (1, chunk(In, 0, b"hello\r\na\xff\"\\\x1b[2J\r\nb")),
        (1, frame(In, 0, b"hello", "utf-8")),
        (1, chunk(Out, 0, b"\xc4\xe3\xba\xc3\r\n")),
        (1, frame(Out, 0, b"\xc4\xe3\xba\xc3", "gbk")),
        (1, frame(In, 7, b"a\xff\"\\\x1b[2J", "utf-8")),
        (
            1,
            What::Frame {
                direction: In,
                offset: 17,
                payload: Bytes::from_static(b"b"),
                text: Some("b".to_owned()),
                malformed: false,
                partial: true,
                full_len: None,
            },
        ),
        (
            2,
            What::Chunk {
                direction: In,
                offset: 0,
                bytes: Bytes::from_static(b"cut"),
                full_len: Some(1500),
            },
        ),
        (
            2,
            What::Frame {
                direction: In,
                offset: 0,
                payload: Bytes::from_static(b"cut"),
                text: None,
                malformed: false,
                partial: false,
                full_len: Some(1500),
            },
        ),
        (
            2,
            What::Fault {
                kind: FaultKind::Truncated,
                message: "the datagram had 1500 bytes, the buffer 3".to_owned(),
                count: Some(1500),
            },
        ),
        (
            1,
            What::Fault {
                kind: FaultKind::Text,
                message: String::new(),
                count: None,
            },
        ),
        (
            1,
            What::Note {
                kind: "chat.message".to_owned(),
                message: "anna says hello".to_owned(),
                data: json!({ "from": "anna", "seq": 7, "rtt_ms": 0.25, "to": null }),
            },
        ),
        (0, What::Gap { count: 42 }),
        (
            1,
            What::Closed {
                reason: Reason::Fin,
                message: String::new(),
            },
        ),
        (
            0,
            What::Closed {
                reason: Reason::Error,
                message: "address already in use".to_owned(),
            },
        ),
        (
            1,
            What::Packet {
                direction: In,
                offset: Some(0),
                packet: Box::new(kept().swap_remove(4)),
            },
        ),
    ];
    let numbered = (1..).zip(session);
    numbered
        .map(|(number, (peer, what))| Event {
            number,
            time: Time::from_nanos((number - 1) * 1_000_000_007),
            session: 1,
            peer,
            what,
        })
        .collect()
}

#[test]
fn the_golden_records_of_version_1_stay_as_they_are() {
    let lines: Vec<String> = golden().iter().map(|event| line(event, EPOCH)).collect();
    assert_eq!(
        lines,
        GOLDEN.lines().collect::<Vec<_>>(),
        "\n{}",
        lines.join("\n")
    );
}

#[test]
fn the_golden_records_are_read_back() {
    let read: Vec<Event> = GOLDEN
        .lines()
        .map(|line| read(line.as_bytes(), EPOCH).unwrap())
        .collect();
    assert_eq!(read, golden());
    assert_eq!(
        moment(GOLDEN.lines().next().unwrap().as_bytes()).unwrap(),
        EPOCH
    );
}

#[test]
fn the_example_of_the_documentation_is_a_recording() {
    let formats = include_str!("../../../../docs/formats.md");
    let example: Vec<&str> = formats
        .lines()
        .filter(|line| line.starts_with("{\"v\":1,"))
        .collect();
    let epoch = moment(example[0].as_bytes()).unwrap();
    for record in example {
        assert_eq!(
            line(&read(record.as_bytes(), epoch).unwrap(), epoch),
            record
        );
    }
}

#[test]
fn the_golden_file_has_every_event_and_every_field() {
    let names = golden()
        .iter()
        .map(|event| event.what.name())
        .collect::<Vec<_>>();
    for name in [
        "listening",
        "opened",
        "chunk",
        "frame",
        "closed",
        "fault",
        "gap",
        "note",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let order = "v n at session peer event dir addr local offset len full_len partial text hex \
                 count reason kind data message";
    let order: Vec<&str> = order.split_whitespace().collect();
    for field in &order {
        assert!(GOLDEN.contains(&format!("\"{field}\":")), "{field}");
    }
    for line in GOLDEN.lines() {
        // A serde_json map is sorted, so the order of the line itself is looked at.
        let top: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        let mut fields: Vec<&str> = top.keys().map(String::as_str).collect();
        fields.sort_by_key(|field| line.find(&format!("\"{field}\":")).unwrap());
        let places = fields
            .iter()
            .map(|field| order.iter().position(|known| known == field));
        let places: Vec<usize> = places.map(|place| place.expect("a known field")).collect();
        assert!(places.is_sorted(), "{line}");
    }
}

#[test]
fn a_valid_frame_in_utf_8_needs_no_hex() {
    let record = line(
        &event(frame(Direction::In, 0, "你好".as_bytes(), "utf-8")),
        EPOCH,
    );
    assert!(record.contains(r#""len":6,"text":"你好"}"#), "{record}");
    let own = line(
        &event(frame(Direction::In, 0, "\u{fffd}".as_bytes(), "utf-8")),
        EPOCH,
    );
    assert!(
        !own.contains("hex"),
        "a U+FFFD that was sent is no bad byte: {own}"
    );
}

#[test]
fn a_frame_in_another_charset_keeps_its_bytes() {
    let record = line(&event(frame(Direction::In, 0, b"\xc4\xe3", "gbk")), EPOCH);
    assert!(
        record.contains(r#""len":2,"text":"你","hex":"c4e3"}"#),
        "{record}"
    );
}

#[test]
fn a_moment_has_nine_digits_in_every_year() {
    for (epoch, nanos, at) in [
        (0, 0, "1970-01-01T00:00:00.000000000Z"),
        (0, 1, "1970-01-01T00:00:00.000000001Z"),
        (EPOCH.0, 500_000_000, "2026-11-21T08:00:00.500000000Z"),
        (
            1_709_164_800_000_000_000,
            0,
            "2024-02-29T00:00:00.000000000Z",
        ),
        (u64::MAX, 5, "2554-07-21T23:34:33.709551615Z"),
    ] {
        let event = Event {
            time: Time::from_nanos(nanos),
            ..event(What::Gap { count: 1 })
        };
        let record = line(&event, Epoch(epoch));
        assert!(record.contains(&format!(r#""at":"{at}""#)), "{record}");
    }
}

#[test]
fn d1_a_record_is_harmless_on_a_terminal() {
    let hostile = "\x1b]52;c;x\x07\u{9b}2J\u{202e}\u{200b}\u{e0041}\x7f\r\n\u{2028}";
    let record = line(
        &event(What::Note {
            kind: hostile.to_owned(),
            message: hostile.to_owned(),
            data: json!({ hostile: [hostile] }),
        }),
        EPOCH,
    );
    assert!(
        !record.contains(|c: char| c.is_control() || is_hidden(c)),
        "{record}"
    );
    assert!(
        record.contains(r"\u202e\u200b\udb40\udc41\u007f\r\n\u2028"),
        "{record}"
    );
}

/// A line with the fields that every record has, and `rest`.
fn with(rest: &str) -> String {
    let head = r#"{"v":1,"n":1,"at":"2026-11-21T08:00:00Z","session":1,"peer":1,"event":"#;
    format!("{head}{rest}}}")
}

fn message(line: &str) -> String {
    use std::error::Error;
    let error = read(line.as_bytes(), EPOCH).unwrap_err();
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let record = with(r#""gap","count":3,"colour":{"deep":[1]},"dir":"in""#);
    assert_eq!(
        read(record.as_bytes(), EPOCH).unwrap(),
        event(What::Gap { count: 3 })
    );
}

#[test]
fn another_version_is_said_even_where_fields_have_other_types() {
    let expected = "version `2` of records is not understood, only `1`";
    assert_eq!(
        message(&with(r#""gap","count":3"#).replace("\"v\":1", "\"v\":2")),
        expected
    );
    assert_eq!(message(r#"{"v":2,"n":"one"}"#), expected);
    assert_eq!(
        message(r#"{"v":"1","n":1}"#),
        "version `\"1\"` of records is not understood, only `1`"
    );
}

#[test]
fn what_is_no_record_says_why() {
    for (line, said) in [
        (
            String::new(),
            "the line is no record: EOF while parsing a value at line 1 column 0",
        ),
        (
            r#"{"v":1,"n":1}"#.to_owned(),
            "the line is no record: missing field `at` at line 1 column 13",
        ),
        (with(r#""window""#), "`window` is no event of version 1"),
        (with(r#""gap""#), "a `gap` record has no `count`"),
        (
            with(r#""packet","dir":"in","hex":"""#),
            "a `packet` record has no `data`",
        ),
        (
            with(r#""packet","dir":"in","hex":"","data":{"frame":"a"}"#),
            "`data` is not that of a packet: invalid type: string \"a\", expected u64",
        ),
        (with(r#""chunk","hex":"""#), "a `chunk` record has no `dir`"),
        (
            with(r#""chunk","dir":"in","offset":0"#),
            "a `chunk` record has no `hex`",
        ),
        (
            with(r#""frame","dir":"in","offset":0"#),
            "a `frame` record has no `hex`",
        ),
        (
            with(r#""chunk","dir":"up\n""#),
            r"`dir` is `up\n`, not `in` or `out`",
        ),
        (
            with(r#""closed","reason":"tired""#),
            "`reason` is `tired`, not a reason of this version",
        ),
        (
            with(r#""fault","kind":"odd""#),
            "`kind` is `odd`, not a fault of this version",
        ),
        (
            with(r#""chunk","dir":"in","offset":0,"len":3,"hex":"0102""#),
            "`len` is 3, but the record holds 2 bytes",
        ),
        (
            with(r#""gap","count":1"#).replace("2026-11-21T", "1969-11-21T"),
            "`at` is `1969-11-21T08:00:00Z`, not a time between 1970 and 2554 as in RFC 3339",
        ),
        (
            with(r#""gap","count":1"#).replace("2026-11-21T", "today "),
            "`at` is `today 08:00:00Z`, not a time between 1970 and 2554 as in RFC 3339",
        ),
    ] {
        assert_eq!(message(&line), said, "{line}");
    }
    let odd = message(&with(r#""chunk","dir":"in","offset":0,"hex":"0g""#));
    assert!(
        odd.starts_with("`hex` holds no bytes: `g` at column 2"),
        "{odd}"
    );
}

#[test]
fn a_record_from_before_the_epoch_is_at_its_beginning() {
    let record = with(r#""gap","count":1"#);
    let later = Epoch(EPOCH.0 + 1);
    assert_eq!(read(record.as_bytes(), later).unwrap().time, Time::ZERO);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,20}",
        r#"["\\/\x00-\x1f\x7f-\u{a0}你😀\u{2028}]{0,12}"#
    ]
}

fn any_data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no infinity", |n| n.is_finite())
            .prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_text(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A frame as a session makes it: its text is what a charset makes of its payload.
fn any_frame() -> impl Strategy<Value = What> {
    let charset = prop::sample::select(&["utf-8", "gbk", "gb18030", "utf-16le", "big5"][..]);
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        any_text().prop_map(String::into_bytes),
    ];
    let shape = (
        any::<bool>(),
        any::<bool>(),
        any::<u64>(),
        any::<bool>(),
        any::<Option<usize>>(),
    );
    (charset, payload, shape).prop_filter_map(
        "a valid U+FFFD in another charset reads as malformed",
        |(charset, payload, (is_text, is_in, offset, partial, full_len))| {
            let decoded = charset.parse::<Charset>().unwrap().decode(&payload);
            let malformed = is_text && decoded.malformed_at.is_some();
            if !malformed && decoded.text.contains('\u{fffd}') && charset != "utf-8" {
                return None;
            }
            Some(What::Frame {
                direction: if is_in { Direction::In } else { Direction::Out },
                offset,
                payload: payload.into(),
                text: is_text.then_some(decoded.text),
                malformed,
                partial,
                full_len,
            })
        },
    )
}

fn any_what() -> impl Strategy<Value = What> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let chunk = (any::<bool>(), any::<u64>(), bytes, any::<Option<usize>>());
    let reason = prop::sample::select(&Reason::ALL[..]);
    let kind = prop::sample::select(&FaultKind::ALL[..]);
    prop_oneof![
        any_text().prop_map(|local| What::Listening { local }),
        (any_text(), any_text()).prop_map(|(addr, local)| What::Opened { addr, local }),
        chunk.prop_map(|(is_in, offset, bytes, full_len)| What::Chunk {
            direction: if is_in { Direction::In } else { Direction::Out },
            offset,
            bytes: bytes.into(),
            full_len,
        }),
        any_frame(),
        (any::<bool>(), any::<Option<u64>>(), any_kept()).prop_map(|(is_in, offset, packet)| {
            What::Packet {
                direction: if is_in { Direction::In } else { Direction::Out },
                offset,
                packet: Box::new(packet),
            }
        }),
        (reason, any_text()).prop_map(|(reason, message)| What::Closed { reason, message }),
        (kind, any_text(), any::<Option<u64>>()).prop_map(|(kind, message, count)| What::Fault {
            kind,
            message,
            count
        }),
        any::<u64>().prop_map(|count| What::Gap { count }),
        (any_text(), any_text(), any_data()).prop_map(|(kind, message, data)| What::Note {
            kind,
            message,
            data
        }),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let time = (0..u64::MAX / 2).prop_map(Time::from_nanos);
    (any::<u64>(), time, any::<u32>(), any::<u32>(), any_what()).prop_map(
        |(number, time, session, peer, what)| Event {
            number,
            time,
            session,
            peer,
            what,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn reading_gives_back_what_was_written(event in any_event(), epoch in 0..u64::MAX / 2) {
        let record = line(&event, Epoch(epoch));
        prop_assert!(!record.contains(|c: char| c.is_control() || is_hidden(c)));
        prop_assert_eq!(read(record.as_bytes(), Epoch(epoch)).unwrap(), event);
    }

    #[test]
    fn no_line_is_a_panic(
        line in prop::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let _ = read(&line, EPOCH);
        let mut damaged = GOLDEN.as_bytes().to_vec();
        if !damaged.is_empty() {
            *at.get_mut(&mut damaged) = byte;
        }
        for line in damaged.split(|byte| *byte == b'\n') {
            let _ = read(line, EPOCH);
        }
    }
}
