//! What each term says of an event.

use super::*;

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
fn every_term_of_the_page_is_understood() {
    let page = include_str!("../../../../../docs/filter.md");
    let mut terms = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let (cell, _) = row[2..].split_once(" | ").unwrap();
        for term in cell.split('`').skip(1).step_by(2) {
            let term = term.replace("REGEX", "x").replace("\"…\"", "\"x\"");
            let term = term.replace('…', "0D");
            if let Err(error) = term.parse::<Filter>() {
                panic!("`{term}`: {error}");
            }
            terms += 1;
        }
    }
    assert!(80 < terms, "{terms}");
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
fn a_note_is_found_by_its_kind() {
    let note = event_of(What::Note {
        kind: "joined".to_owned(),
        message: "ada is there".to_owned(),
        data: Value::Null,
    });
    check("kind = joined and \"ada\"", &note, true);
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
