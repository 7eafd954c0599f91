use std::time::Duration;

use super::*;
use crate::machine::Reason;
use crate::replay::{Conversations, Cut};

fn event(peer: u32, millis: u64, what: What) -> Event {
    Event {
        number: 1,
        time: Time::ZERO + Duration::from_millis(millis),
        session: 1,
        peer,
        what,
    }
}

fn opened(addr: &str) -> What {
    What::Opened {
        addr: addr.to_owned(),
        local: String::new(),
    }
}

fn chunk(offset: u64, bytes: &'static [u8]) -> What {
    What::Chunk {
        direction: Direction::In,
        offset,
        bytes: Bytes::from_static(bytes),
        full_len: None,
    }
}

fn old_frame(payload: &'static [u8]) -> What {
    message(
        Direction::In,
        0,
        &Bytes::from_static(payload),
        Some(Charset::UTF_8),
        false,
        None,
    )
}

fn closed() -> What {
    What::Closed {
        reason: Reason::Fin,
        message: String::new(),
    }
}

/// What becomes of events: texts of messages with their offsets, names of the others.
fn recut(framing: Option<&str>, text: Option<&str>, events: Vec<Event>) -> Vec<String> {
    let framing = framing.map(|framing| framing.parse().expect("a framing"));
    let text = text.map(|text| (text != "none").then(|| text.parse().expect("a charset")));
    let mut recut = Recut::new(framing, 1024, text);
    let mut out = Vec::new();
    let mut name = |event: Event| {
        out.push(match &event.what {
            What::Frame {
                offset,
                text,
                partial,
                ..
            } => {
                let mark = if *partial { "…" } else { "" };
                format!("{offset}:{}{mark}", text.as_deref().unwrap_or("-"))
            }
            what => what.name().to_owned(),
        });
    };
    for event in events {
        recut.take(event, &mut name);
    }
    recut.finish(&mut name);
    out
}

#[test]
fn chunks_are_cut_anew_and_old_messages_are_left_out() {
    let events = vec![
        event(1, 0, opened("tcp://127.0.0.1:1")),
        event(1, 1, chunk(0, b"one\ntw")),
        event(1, 1, old_frame(b"one\ntw")),
        event(1, 2, chunk(6, b"o\nrest")),
        event(1, 3, closed()),
    ];
    let told = recut(Some("lines"), None, events.clone());
    assert_eq!(
        told,
        [
            "opened",
            "chunk",
            "0:one",
            "chunk",
            "4:two",
            "8:rest…",
            "closed"
        ]
    );
    let told = recut(Some("raw"), None, events);
    assert_eq!(told, ["opened", "chunk", "chunk", "closed"]);
}

#[test]
fn a_datagram_is_cut_by_itself() {
    let events = vec![
        event(1, 0, opened("udp://127.0.0.1:1")),
        event(1, 1, chunk(0, b"a\nb")),
        event(1, 2, chunk(3, b"c\n")),
    ];
    let told = recut(Some("raw"), None, events.clone());
    assert_eq!(told, ["opened", "chunk", "0:a\nb", "chunk", "3:c\n"]);
    let told = recut(Some("lines"), None, events);
    assert_eq!(told, ["opened", "chunk", "0:a", "0:b…", "chunk", "3:c"]);
}

#[test]
fn silence_ends_a_message_at_its_time() {
    let events = vec![
        event(1, 0, chunk(0, b"a")),
        event(1, 5, chunk(1, b"b")),
        event(1, 100, chunk(2, b"c")),
    ];
    let told = recut(Some("gap:20ms"), None, events);
    assert_eq!(told, ["chunk", "chunk", "0:ab", "chunk", "2:c"]);
}

#[test]
fn text_is_read_again_in_another_charset() {
    let events = vec![event(1, 0, old_frame(b"\xc4\xe3\xba\xc3"))];
    assert_eq!(recut(None, Some("gbk"), events.clone()), ["0:你好"]);
    assert_eq!(recut(None, Some("none"), events.clone()), ["0:-"]);
    assert_eq!(recut(None, None, events), ["0:\u{fffd}\u{fffd}\u{fffd}"]);
}

#[test]
fn a_stream_that_makes_no_sense_is_told_once() {
    let events = vec![
        event(1, 0, chunk(0, b"\xff\xff")),
        event(1, 1, chunk(2, b"more")),
        event(1, 2, chunk(6, b"more")),
    ];
    let told = recut(Some("len:u16be"), None, events);
    let faults = told.iter().filter(|name| *name == "fault").count();
    assert_eq!(faults, 1, "{told:?}");
}

#[test]
fn conversations_are_put_together_by_peer() {
    let mut found = Conversations::new(1 << 20);
    let events = [
        event(1, 0, opened("tcp://127.0.0.1:1")),
        event(2, 0, opened("udp://127.0.0.1:2")),
        event(1, 1, chunk(0, b"one\ntw")),
        event(2, 1, chunk(0, b"x\n")),
        event(1, 2, chunk(6, b"o\nrest")),
        event(2, 2, chunk(2, b"x")),
        event(1, 3, closed()),
    ];
    for event in &events {
        found.take(event).expect("there is room");
    }
    let found = found.finish();
    let texts = |index: usize, cut: Cut<'_>| -> Vec<(u64, String)> {
        let units = found[index].units(Direction::In, cut);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        units
            .iter()
            .map(|unit| (unit.offset, text(&unit.bytes)))
            .collect()
    };
    let pair = |offset: u64, text: &str| (offset, text.to_owned());
    assert_eq!(
        texts(0, Cut::Lines),
        [pair(0, "one\n"), pair(4, "two\n"), pair(8, "rest")]
    );
    assert_eq!(texts(0, Cut::Whole), [pair(0, "one\ntwo\nrest")]);
    let lines = "lines".parse().expect("a framing");
    assert_eq!(
        texts(0, Cut::Frame(&lines, 100)),
        [pair(0, "one"), pair(4, "two"), pair(8, "rest")]
    );
    let lengths = "len:u8".parse().expect("a framing");
    assert_eq!(
        texts(0, Cut::Frame(&lengths, 10)),
        [pair(0, "one\ntwo\nrest")]
    );
    assert_eq!(texts(1, Cut::Lines), [pair(0, "x\n"), pair(2, "x")]);
    assert_eq!(found[0].ending.map(|(reason, _)| reason), Some(Reason::Fin));
}

#[test]
fn lines_do_not_depend_on_chunks() {
    let long = vec![b'x'; 200_000];
    let mut units = Vec::new();
    for size in [1_000, 70_000, 131_072, 200_000] {
        let mut found = Conversations::new(1 << 20);
        for (index, part) in long.chunks(size).enumerate() {
            let what = What::Chunk {
                direction: Direction::In,
                offset: (index * size) as u64,
                bytes: Bytes::copy_from_slice(part),
                full_len: None,
            };
            found.take(&event(1, 0, what)).expect("there is room");
        }
        units.push(found.finish()[0].units(Direction::In, Cut::Lines));
    }
    assert!(units.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(units[0].len(), 4);
}

#[test]
fn b1_a_recording_is_not_held_beyond_the_limit() {
    let mut found = Conversations::new(1_000);
    let mut taken = 0;
    while found.take(&event(1, 0, chunk(0, b"0123456789"))).is_ok() {
        taken += 1;
    }
    assert!(taken < 10);
}

#[test]
fn the_same_bytes_are_the_same_stream_however_they_are_cut() {
    let of = |parts: &[&'static [u8]]| {
        let mut found = Conversations::new(1 << 20);
        for part in parts {
            found
                .take(&event(1, 0, chunk(0, part)))
                .expect("there is room");
        }
        found.finish().remove(0)
    };
    let whole = of(&[b"abcdef"]);
    let same = |parts: &[&'static [u8]]| whole.says_the_same(&of(parts), Direction::In);
    assert!(same(&[b"abc", b"def"]) && same(&[b"a", b"", b"bcde", b"f"]));
    assert!(!same(&[b"abc", b"dex"]) && !same(&[b"abc", b"de"]) && !same(&[b"abcdef", b"g"]));
}
