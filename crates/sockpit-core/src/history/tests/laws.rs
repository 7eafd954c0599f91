use proptest::prelude::*;

use super::*;
use crate::filter::{Clock, Filter, Sieve};
use crate::replay::Recut;

const FRAMINGS: [&str; 14] = [
    "raw",
    "lines",
    "delim:;",
    "delim:aab",
    "fixed:3",
    "len:u8",
    "len:u8,adjust=-2,keep",
    "len:u16be,offset=1",
    "len:varint",
    "slip",
    "cobs",
    "gap:20ms",
    "gap:3ms",
    "len:u32le,adjust=1",
];

const FILTERS: [&str; 10] = [
    "in",
    "text ~ a",
    "len > 3 or out",
    "partial",
    "malformed",
    "hex ~ \"00\"",
    "not frame",
    "peer 2 and not chunk",
    "addr ~ \"127\" and in",
    "at > 20ms and text ~ \"[ab]\"",
];

const LIMIT: usize = 10;

#[derive(Clone, Debug)]
enum Act {
    Say(u32, Direction, Vec<u8>),
    Wait(u64),
    Close(u32),
    Note,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    const TELLING: &[u8] = b"\n\r;ab\x00\x01\x02\x03\x05\x80\xC0\xDB\xDC\xDD\xFF";
    let byte = prop_oneof![4 => proptest::sample::select(TELLING), 1 => any::<u8>()];
    let direction = prop_oneof![Just(Direction::In), Just(Direction::Out)];
    let bytes = proptest::collection::vec(byte, 0..10);
    let act = prop_oneof![
        8 => (1_u32..4, direction, bytes).prop_map(|(peer, way, bytes)| Act::Say(peer, way, bytes)),
        2 => (1_u64..15).prop_map(Act::Wait),
        1 => (1_u32..4).prop_map(Act::Close),
        1 => Just(Act::Note),
    ];
    proptest::collection::vec(act, 0..40)
}

/// Two streams and a datagram peer in one session.
fn timeline(acts: &[Act]) -> Timeline {
    let mut timeline = Timeline::default();
    timeline
        .opened(1, 1, "tcp://127.0.0.1:1") // port: a word of a hand-made event.
        .opened(1, 2, "tcp://10.0.0.1:2") // port: a word of a hand-made event.
        .opened(1, 3, "udp://127.0.0.1:3"); // port: a word of a hand-made event.
    let mut is_over = [false; 4];
    for act in acts {
        match act {
            Act::Say(peer, direction, bytes) if !is_over[*peer as usize] => {
                timeline.chunk((1, *peer, *direction), bytes);
            }
            Act::Close(peer) if !is_over[*peer as usize] => {
                is_over[*peer as usize] = true;
                timeline.closed(1, *peer);
            }
            Act::Wait(millis) => {
                timeline.later(*millis);
            }
            Act::Note => {
                let what = What::Note {
                    kind: "test".to_owned(),
                    message: "a note".to_owned(),
                    data: Value::Null,
                };
                timeline.push(1, 0, what);
            }
            Act::Say(..) | Act::Close(_) => {}
        }
    }
    timeline
}

fn history(framing: &str, timeline: &Timeline) -> History {
    let mut history = History::new(Limits::default(), None);
    history.know(1, small(framing));
    for event in &timeline.events {
        history.take(event);
    }
    history
}

fn small(framing: &str) -> Manner {
    Manner {
        max_frame: LIMIT,
        ..manner(framing)
    }
}

/// What is compared of an event: all but the number and, of messages, the time. A recut datagram
/// does not say where in it a message lies.
fn essence(event: &Event) -> (u32, u32, What) {
    let mut what = event.what.clone();
    if let What::Frame { offset, .. } = &mut what
        && event.peer == 3
    {
        *offset = 0;
    }
    (event.session, event.peer, what)
}

fn recut(framing: &str, timeline: &Timeline) -> Vec<(u32, u32, What)> {
    let is_raw = framing == "raw";
    let mut recut = Recut::new(
        Some(framing.parse().unwrap()),
        LIMIT,
        Some(Some(Charset::UTF_8)),
    );
    let mut events = Vec::new();
    for event in &timeline.events {
        recut.take(event.clone(), |event| events.push(event));
    }
    recut.finish(|event| events.push(event));
    events
        .iter()
        .filter(|event| !matches!(event.what, What::Chunk { .. }) || (is_raw && event.peer != 3))
        .map(essence)
        .collect()
}

fn bare(row: Row) -> Row {
    Row {
        index: 0,
        since: None,
        ..row
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_view_cuts_as_recut_does(
        framing in proptest::sample::select(&FRAMINGS[..]),
        acts in acts(),
        is_override in any::<bool>(),
    ) {
        let timeline = timeline(&acts);
        let history = history(if is_override { "lines" } else { framing }, &timeline);
        let look = Look {
            framing: is_override.then(|| framing.parse().unwrap()),
            ..Look::default()
        };
        let view = view(look, &history);
        let mut found: Vec<_> = (view.first()..view.next())
            .map(|index| essence(&view.event(&history, index).unwrap()))
            .collect();
        let mut expected = recut(framing, &timeline);
        let pending = view.pending(&history, usize::MAX);
        let rest = expected.split_off(expected.len() - pending.len());
        for (row, (_, peer, what)) in pending.iter().zip(&rest) {
            let What::Frame { payload, direction, offset, .. } = what else {
                panic!("{what:?}");
            };
            prop_assert_eq!(
                (row.peer, row.direction, row.offset, row.len),
                (*peer, Some(*direction), Some(*offset), payload.len() as u64)
            );
        }
        prop_assert_eq!(found.len(), expected.len());
        for (index, (found, expected)) in found.drain(..).zip(expected).enumerate() {
            prop_assert_eq!(found, expected, "{} row {}", framing, index);
        }
    }

    #[test]
    fn a_view_that_grew_is_the_view_from_scratch(
        framing in proptest::sample::select(&FRAMINGS[..]),
        acts in acts(),
        budget in 1_usize..2000,
    ) {
        let timeline = timeline(&acts);
        let mut history = History::new(Limits::default(), None);
        history.know(1, small(framing));
        let mut grown = View::open(Look::default(), &history);
        for event in &timeline.events {
            history.take(event);
            grown.advance(&history, budget);
        }
        complete(&mut grown, &history);
        let fresh = view(Look::default(), &history);
        prop_assert_eq!(rows(&grown, &history), rows(&fresh, &history));
        prop_assert_eq!(grown.totals(), fresh.totals());
    }

    #[test]
    fn a_row_has_the_time_and_the_bytes_of_its_chunks(
        framing in proptest::sample::select(&FRAMINGS[..]),
        acts in acts(),
    ) {
        let timeline = timeline(&acts);
        let history = history(framing, &timeline);
        let view = view(Look::default(), &history);
        for row in rows(&view, &history).iter().filter(|row| row.kind == Kind::Frame) {
            let pieces = view.chunks(&history, row.index, usize::MAX);
            let first = pieces.first().unwrap();
            prop_assert_eq!((first.number, first.time), (row.number, row.time));
            prop_assert_eq!(Some(first.offset), row.offset);
            let wire = view.wire(&history, row.index, 0, usize::MAX).unwrap();
            prop_assert_eq!(pieces.iter().map(|piece| piece.len).sum::<u64>(), wire.len() as u64);
            let payload = view.payload(&history, row.index, 0, usize::MAX).unwrap();
            prop_assert_eq!(payload.len() as u64, row.len);
            for from in 0..payload.len() {
                let part = view.payload(&history, row.index, from as u64, 3).unwrap();
                prop_assert_eq!(&part[..], &payload[from..payload.len().min(from + 3)]);
            }
            let identity = view.identity(&history, row.index).unwrap();
            prop_assert_eq!(view.locate(&history, Spot::Identity(identity)), Some(row.index));
        }
    }

    #[test]
    fn rows_that_remain_after_eviction_are_the_same(
        framing in proptest::sample::select(&FRAMINGS[..]),
        acts in acts(),
        evictions in proptest::collection::vec(0_usize..3, 50),
    ) {
        let timeline = timeline(&acts);
        let all = history(framing, &timeline);
        let mut whole = rows(&view(Look::default(), &all), &all).into_iter().map(bare);
        let mut seen = BTreeMap::new();
        let mut history = History::new(Limits::default(), None);
        history.know(1, small(framing));
        let mut grown = View::open(Look::default(), &history);
        for (event, evictions) in timeline.events.iter().zip(evictions.iter().cycle()) {
            history.take(event);
            grown.advance(&history, usize::MAX);
            for row in rows(&grown, &history) {
                seen.entry(row.index).or_insert(bare(row));
            }
            for _ in 0..*evictions {
                history.evict();
            }
        }
        complete(&mut grown, &history);
        let remaining: Vec<Row> = rows(&grown, &history)
            .into_iter()
            .filter(|row| row.kind != Kind::Gone)
            .collect();
        for row in &remaining {
            let now = bare(row.clone());
            prop_assert!(seen.get(&row.index).is_none_or(|before| *before == now));
            prop_assert!(whole.any(|before| before == now), "{:?}", row);
        }
        let fresh = rows(&view(Look::default(), &history), &history);
        let bare_all = |rows: Vec<Row>| rows.into_iter().map(bare).collect::<Vec<_>>();
        prop_assert_eq!(bare_all(fresh), bare_all(remaining));
    }

    #[test]
    fn what_is_kept_is_within_its_budget_after_every_event(
        acts in acts(),
        memory in 0_usize..6000,
    ) {
        let limits = Limits { memory, ..Limits::default() };
        let mut history = History::new(limits, None);
        for (number, event) in timeline(&acts).events.iter().enumerate() {
            history.take(event);
            let used = history.used();
            prop_assert!(used.memory <= memory || used.entries == 0, "{used:?}");
            prop_assert_eq!(used.entries + used.evicted, number as u64 + 1);
        }
    }

    #[test]
    fn a_filter_leaves_the_rows_for_which_it_holds(
        framing in proptest::sample::select(&FRAMINGS[..]),
        filter in proptest::sample::select(&FILTERS[..]),
        charset in proptest::sample::select(&["utf-8", "gbk"][..]),
        acts in acts(),
        chunks in any::<bool>(),
    ) {
        let timeline = timeline(&acts);
        let history = history(framing, &timeline);
        let filter: Filter = filter.parse().unwrap();
        let charset: Charset = charset.parse().unwrap();
        let look = Look { chunks, text: Some(Some(charset)), ..Look::default() };
        let all = view(look.clone(), &history);
        let mut sieve = Sieve::new(filter.clone(), Clock::default()).in_charset(Some(charset));
        let expected: Vec<Row> = rows(&all, &history)
            .into_iter()
            .filter(|row| sieve.keeps(&all.event(&history, row.index).unwrap()))
            .map(|row| Row { highlights: Vec::new(), ..bare(row) })
            .collect();
        let some = view(Look { filter: Some(filter), ..look }, &history);
        let found: Vec<Row> = rows(&some, &history)
            .into_iter()
            .map(|row| Row { highlights: Vec::new(), ..bare(row) })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
