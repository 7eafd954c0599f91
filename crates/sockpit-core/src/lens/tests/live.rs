//! What is drawn while a conversation goes on is what is drawn of it at once.

use std::collections::BTreeMap;

use proptest::sample::select;

use super::*;

/// In bytes.
const MAX_FRAME: usize = 4096;

const FRAMINGS: [&str; 12] = [
    "raw",
    "lines",
    "delim:;;",
    "delim:hex:0D0A",
    "fixed:3",
    "len:u8",
    "len:u16be,keep",
    "len:u8,offset=2",
    "len:u8,offset=20",
    "len:varint",
    "slip",
    "cobs",
];

/// One direction of a conversation as its end is told of it, event for event.
fn told(framing: &Framing, direction: Direction, wire: &[u8], cuts: &[usize]) -> Vec<What> {
    let mut decoder = framing.decoder(MAX_FRAME);
    let (mut rest, mut offset) = (wire, 0);
    let mut events = Vec::new();
    for len in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(rest.len().min(*len));
        rest = after;
        events.push(What::Chunk {
            direction,
            offset,
            bytes: Bytes::copy_from_slice(chunk),
            full_len: None,
        });
        offset += chunk.len() as u64;
        if !framing.is_raw() {
            let push = |frame: crate::frame::Frame<'_>| events.push(frame_told(direction, &frame));
            // After what cannot be cut there are no more messages.
            let _ = decoder.push(Time::ZERO, chunk, push);
        }
    }
    if !framing.is_raw() {
        decoder.finish(|frame| events.push(frame_told(direction, &frame)));
    }
    events
}

fn frame_told(direction: Direction, frame: &crate::frame::Frame<'_>) -> What {
    What::Frame {
        direction,
        offset: frame.offset,
        payload: Bytes::copy_from_slice(frame.payload),
        text: None,
        malformed: frame.is_malformed,
        partial: frame.is_partial,
        full_len: None,
    }
}

/// Each datagram is told with its messages, of which none goes on in the next one.
fn datagrams(framing: &Framing, direction: Direction, payloads: &[Vec<u8>]) -> Vec<What> {
    let mut decoder = framing.decoder(MAX_FRAME);
    let mut offset = 0;
    let mut events = Vec::new();
    for payload in payloads {
        let bytes = Bytes::copy_from_slice(payload);
        events.push(What::Chunk {
            direction,
            offset,
            bytes: bytes.clone(),
            full_len: None,
        });
        if framing.is_raw() {
            events.push(What::Frame {
                direction,
                offset,
                payload: bytes,
                text: None,
                malformed: false,
                partial: false,
                full_len: None,
            });
        } else {
            let mut push = |frame: crate::frame::Frame<'_>| {
                events.push(frame_told(direction, &frame));
            };
            let _ = decoder.push(Time::ZERO, payload, &mut push);
            decoder.finish(push);
        }
        offset += payload.len() as u64;
    }
    events
}

/// What a lens draws that is asked, or is not, after each event.
fn drawn(options: &Options, events: &[What], asked: impl IntoIterator<Item = bool>) -> String {
    let mut scene = Scene::new(options.clone());
    let mut shown = String::new();
    for (what, is_asked) in events.iter().zip(asked) {
        scene.tell(0, what.clone());
        shown.push_str(&scene.lens.take());
        if is_asked {
            shown.push_str(&scene.lens.settled());
        }
    }
    shown.push_str(&scene.finish());
    shown
}

/// The lines under each title, without the words over the columns.
fn by_title(shown: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut flows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut title = "";
    for line in shown.lines() {
        if line.starts_with("──") {
            title = line;
        } else if !line.starts_with("  offset") {
            flows.entry(title).or_default().push(line);
        }
    }
    flows
}

fn opened(scheme: &str) -> What {
    What::Opened {
        addr: format!("{scheme}://127.0.0.1:7000"),
        local: format!("{scheme}://127.0.0.1:40000"),
    }
}

fn mixed(ways: [Vec<What>; 2], turns: &[bool]) -> Vec<What> {
    let mut ways = ways.map(VecDeque::from);
    let mut events = Vec::new();
    for turn in turns.iter().cycle() {
        let [first, second] = &mut ways;
        let (one, other) = match turn {
            true => (first, second),
            false => (second, first),
        };
        match one.pop_front().or_else(|| other.pop_front()) {
            Some(event) => events.push(event),
            None => break,
        }
    }
    events
}

fn closed() -> What {
    What::Closed {
        reason: Reason::Fin,
        message: String::new(),
    }
}

proptest! {
    #[test]
    fn rows_of_a_stream_drawn_as_they_settle_are_those_drawn_at_once(
        framing in select(&FRAMINGS[..]),
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 1..9),
        tail in proptest::collection::vec(any::<u8>(), 0..4),
        cuts in proptest::collection::vec(1_usize..12, 1..20),
        turns in proptest::collection::vec(any::<bool>(), 1..20),
        asked in proptest::collection::vec(any::<bool>(), 1..40),
        has_end in any::<bool>(),
    ) {
        let framing: Framing = framing.parse().expect("it is one");
        let mut wire = Vec::new();
        for message in &messages {
            // What the framing cannot carry is left out.
            let mut encoded = Vec::new();
            if framing.encode(message, &mut encoded).is_ok() {
                wire.extend_from_slice(&encoded);
            }
        }
        wire.extend_from_slice(&tail);
        let heard = told(&framing, Direction::In, &wire, &cuts);
        let sent = told(&framing, Direction::Out, &wire, &[5, 1]);
        let mut events = vec![opened("tcp")];
        events.extend(mixed([heard, sent], &turns));
        if has_end {
            events.push(closed());
        }
        let options = Options { framing: Some(framing), ..Options::default() };
        let live = drawn(&options, &events, asked.iter().copied().cycle());
        let at_once = drawn(&options, &events, std::iter::repeat(false));
        prop_assert_eq!(by_title(&live), by_title(&at_once), "{}\n{}", live, at_once);
    }

    #[test]
    fn rows_of_datagrams_drawn_as_they_settle_are_those_drawn_at_once(
        framing in select(&FRAMINGS[..]),
        scheme in select(&["udp", "unixgram"][..]),
        heard in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9),
        sent in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9),
        turns in proptest::collection::vec(any::<bool>(), 1..20),
        asked in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        let framing: Framing = framing.parse().expect("it is one");
        let mut events = vec![opened(scheme)];
        let ways = [
            datagrams(&framing, Direction::In, &heard),
            datagrams(&framing, Direction::Out, &sent),
        ];
        events.extend(mixed(ways, &turns));
        events.push(closed());
        let options = Options { framing: Some(framing), ..Options::default() };
        let live = drawn(&options, &events, asked.iter().copied().cycle());
        let at_once = drawn(&options, &events, std::iter::repeat(false));
        prop_assert_eq!(by_title(&live), by_title(&at_once), "{}\n{}", live, at_once);
    }
}

#[test]
fn a_row_is_drawn_once_its_message_is_whole() {
    let mut scene = Scene::one("lines");
    scene.open(1);
    scene.read("one\ntw");
    assert_eq!(scene.lens.settled(), "");
    scene.heard("one", 4);
    assert!(scene.lens.settled().ends_with("\"one\\n\"\n"));
    assert_eq!(scene.lens.settled(), "");
    scene.read("o\n");
    scene.heard("two", 4);
    let shown = scene.lens.settled();
    assert!(shown.starts_with("       4 └"), "{shown}");
    assert_eq!(shown.matches('"').count(), 4, "{shown}");
}

#[test]
fn packets_of_what_is_closed_are_waited_for_while_others_talk() {
    let mut scene = Scene::one("raw");
    scene.open(0);
    let data = serde_json::json!({ "level": "ring" });
    let note = What::Note {
        kind: PACKETS.to_owned(),
        message: String::new(),
        data,
    };
    scene.tell(0, note);
    scene.write("hello");
    scene.close(0);
    assert_eq!(scene.lens.settled(), "");
    assert!(scene.lens.draw().contains("5 bytes: 1 write\n"));
}

/// Where each message ends is what its framing says, whatever its bytes look like.
#[test]
fn messages_are_as_long_as_their_framing_cuts_them() {
    let cases: [(&str, &[u8], &[u64]); 4] = [
        ("len:u8,offset=2", b"\xaa\x01\x00\xaa\x01\x01\x01", &[3, 4]),
        (
            "len:u8,offset=20",
            b"01\xc0\x003456789abcdefghi\x02hi",
            &[23],
        ),
        (
            "slip",
            b"\xdb\xdc\xdb\xdc\x01\x00\x07\xc0\xc0ab\xc0",
            &[8, 4],
        ),
        ("len:u16le", b"\x01\x00\x0a\x02\x00\x00\x00", &[3, 4]),
    ];
    for (framing, wire, wanted) in cases {
        let framing: Framing = framing.parse().expect("it is one");
        let mut events = vec![opened("tcp")];
        events.extend(told(&framing, Direction::In, wire, &[wire.len()]));
        let options = Options {
            framing: Some(framing.clone()),
            gives_rows: true,
            ..Options::default()
        };
        let mut scene = Scene::new(options);
        events.into_iter().for_each(|what| scene.tell(0, what));
        let _ = scene.lens.finish();
        let rows = scene.lens.take_rows();
        let lens: Vec<u64> = rows
            .iter()
            .filter(|row| row.piece(Cut::Messages).is_some())
            .map(|row| row.end - row.start)
            .collect();
        assert_eq!(lens, wanted, "{framing}");
    }
}

#[test]
fn a_lens_that_is_renewed_knows_who_talks() {
    let mut scene = Scene::one("raw");
    scene.open(0);
    scene.write("one\n");
    let before = scene.lens.finish();
    scene.lens.renew(Options {
        framing: Some(Framing::Lines),
        ..Options::default()
    });
    scene.write("two\n");
    scene.frames = 4;
    scene.said("two", 4);
    let title = |shown: &str| shown.lines().next().map(str::to_owned);
    let after = scene.lens.settled();
    assert_eq!(title(&after), title(&before));
    assert!(
        after.contains("─ 1 4 B") && !after.contains("one"),
        "{after}"
    );
}
