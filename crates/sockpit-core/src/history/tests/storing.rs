use std::io;

use super::*;

/// A shelf in memory that says what it was asked for.
#[derive(Default)]
struct Board {
    held: BTreeMap<u64, Vec<u8>>,
    next: u64,
    /// Puts that succeed.
    room: usize,
}

impl Shelf for Board {
    fn put(&mut self, bytes: &[u8]) -> io::Result<u64> {
        if self.held.len() >= self.room {
            return Err(io::Error::other("no space left"));
        }
        let place = self.next;
        self.held.insert(place, bytes.to_vec());
        self.next += bytes.len() as u64;
        Ok(place)
    }

    fn read(&self, place: u64, at: u64, into: &mut [u8]) -> io::Result<()> {
        let held = self.held.get(&place).ok_or(io::ErrorKind::NotFound)?;
        let at = usize::try_from(at).map_err(io::Error::other)?;
        into.copy_from_slice(&held[at..at + into.len()]);
        Ok(())
    }

    fn free(&mut self, place: u64, len: u64) {
        let freed = self.held.remove(&place).expect("it was put");
        assert_eq!(freed.len() as u64, len);
    }
}

fn with_shelf(memory: usize, shelf: u64, room: usize) -> History {
    let board = Board {
        room,
        ..Board::default()
    };
    History::new(Limits { memory, shelf }, Some(Box::new(board)))
}

fn say(history: &mut History, number: u64, offset: u64, bytes: &[u8]) {
    history.take(&Event {
        number,
        time: Time::from_nanos(number * 1000),
        session: 1,
        peer: 1,
        what: What::Chunk {
            direction: Direction::In,
            offset,
            bytes: Bytes::copy_from_slice(bytes),
            full_len: None,
        },
    });
}

#[test]
fn a_million_short_messages_take_as_much_as_is_promised() {
    let mut history = History::new(Limits::default(), None);
    let mut look = View::open(Look::default(), &history);
    for number in 0..1_000_000 {
        say(&mut history, number + 1, number * 64, &[b'x'; 64]);
    }
    complete(&mut look, &history);
    assert_eq!(look.next(), 1_000_000);
    assert_eq!(size_of::<Entry>(), 56);
    assert_eq!(size_of::<slot::Slot>(), 16);
    let used = history.used();
    assert!(used.memory < 123_000_000, "{}", used.memory);
    assert!(look.memory() < 16_500_000, "{}", look.memory());
    assert_eq!(used.evicted, 0);
}

#[test]
fn older_bytes_are_shelved_and_read_back() {
    let mut history = with_shelf(3 << 20, 1 << 30, usize::MAX);
    for number in 0..100 {
        let byte = u8::try_from(number).unwrap();
        say(&mut history, number + 1, number * 100_000, &[byte; 100_000]);
    }
    let used = history.used();
    assert_eq!((used.entries, used.evicted), (100, 0));
    assert!(used.shelf > 6 << 20 && used.memory <= 3 << 20, "{used:?}");
    let view = view(Look::default(), &history);
    for index in 0..100 {
        let byte = u8::try_from(index).unwrap();
        let part = view.payload(&history, index, 99_990, 100).unwrap();
        assert_eq!(part, [byte; 10]);
    }
}

#[test]
fn what_is_too_much_for_the_shelf_is_evicted_and_counted() {
    let mut history = with_shelf(3 << 20, 5 << 20, usize::MAX);
    let mut grown = View::open(Look::default(), &history);
    for number in 0..200 {
        say(&mut history, number + 1, number * 100_000, &[b'x'; 100_000]);
        grown.advance(&history, usize::MAX);
    }
    let used = history.used();
    assert!(used.evicted > 100 && used.shelf <= 5 << 20, "{used:?}");
    assert_eq!(used.entries + used.evicted, 200);
    grown.advance(&history, usize::MAX);
    assert_eq!((grown.first(), grown.next()), (used.evicted, 200));
    let first = grown.row(&history, grown.first()).unwrap();
    assert_eq!(first.number, used.evicted + 1);
    assert_eq!(grown.payload(&history, 0, 0, 1), Err(Gone::NoRow));
}

#[test]
fn a_long_payload_does_not_stay_in_memory() {
    let mut history = with_shelf(3 << 20, 1 << 30, usize::MAX);
    history.know(
        1,
        Manner {
            max_frame: 512 << 20,
            ..manner("len:u32be")
        },
    );
    let mut grown = View::open(Look::default(), &history);
    let len = 40_u32 << 20;
    say(&mut history, 1, 0, &len.to_be_bytes());
    for part in 0..10 {
        say(
            &mut history,
            part + 2,
            4 + part * (4 << 20),
            &vec![b'y'; 4 << 20],
        );
        complete(&mut grown, &history);
    }
    assert!(history.used().memory < 1 << 20, "{:?}", history.used());
    let row = grown.row(&history, 0).unwrap();
    assert_eq!((row.len, row.number, grown.next()), (len.into(), 1, 1));
    assert!(row.has_more && row.text.unwrap().starts_with("yyy"));
    let end = grown.payload(&history, 0, u64::from(len) - 2, 10).unwrap();
    assert_eq!(end, b"yy");
    assert_eq!(grown.chunks(&history, 0, 100).len(), 11);
    let look = Look {
        filter: Some("len = 41943040 and text ~ yyy".parse().unwrap()),
        ..Look::default()
    };
    let filtered = view(look, &history);
    assert_eq!(
        filtered.next(),
        1,
        "its length is known, although not all of it is looked at"
    );
}

#[test]
fn a_payload_in_long_chunks_is_shelved_and_short_messages_stay_in_memory() {
    const LEN: usize = 256 * 1024;
    let mut history = with_shelf(64 << 20, 1 << 30, usize::MAX);
    for number in 0..32 {
        say(&mut history, number + 1, number * LEN as u64, &[b'y'; LEN]);
    }
    let shelf = history.used().shelf;
    assert!(shelf >= 6 << 20, "{:?}", history.used());
    let grown = view(Look::default(), &history);
    assert_eq!(grown.payload(&history, 3, 0, 2).unwrap(), b"yy");
    let after = 32 * LEN as u64;
    for number in 0..100_000 {
        say(&mut history, number + 33, after + number * 64, &[b'x'; 64]);
    }
    assert!(history.used().shelf <= 8 << 20, "{:?}", history.used());
}

#[test]
fn a_shelf_that_fails_is_told_of_and_the_oldest_go() {
    let mut history = with_shelf(3 << 20, 1 << 30, 2);
    for number in 0..100 {
        say(&mut history, number + 1, number * 100_000, &[b'x'; 100_000]);
    }
    let used = history.used();
    assert_eq!(used.trouble.as_deref(), Some("no space left"));
    assert!(used.memory <= 3 << 20 && used.evicted > 0, "{used:?}");
    assert_eq!(used.entries + used.evicted, 100);
}

#[test]
fn clearing_one_session_lets_its_bytes_go_and_keeps_the_others() {
    let mut timeline = Timeline::default();
    for _ in 0..30 {
        timeline.chunk((1, 1, Direction::In), &[b'a'; 100_000]);
    }
    for _ in 0..3 {
        timeline.chunk((2, 1, Direction::In), b"other\n");
    }
    let mut history = history("raw", &timeline);
    let before = history.used().memory;
    let mut both = view(Look::default(), &history);
    history.clear(Some(1));
    complete(&mut both, &history);
    assert_eq!(told(&both, &history), ["0:other␊", "6:other␊", "12:other␊"]);
    assert_eq!(both.revision(), 1);
    assert!(history.used().memory < before - (1 << 20));
    timeline.events.clear();
    timeline.heard(b"later");
    history.take(&timeline.events[0]);
    complete(&mut both, &history);
    assert_eq!(told(&both, &history).len(), 4);
    history.clear(None);
    complete(&mut both, &history);
    assert_eq!(both.next() - both.first(), 0);
}

#[test]
fn a_session_cleared_in_the_middle_of_a_stream_stays_in_step() {
    let mut timeline = Timeline::default();
    timeline.heard(b"\x03abc\x04de");
    let mut history = history("len:u8", &timeline);
    for session in [Some(1), None] {
        history.clear(session);
        timeline.events.clear();
        timeline.heard(b"fg\x02hi\x04jk");
        history.take(&timeline.events[0]);
        let view = view(Look::default(), &history);
        let shown = told(&view, &history);
        assert!(shown[0].ends_with(":hi") && shown.len() == 1, "{shown:?}");
    }
}

#[test]
fn what_the_history_missed_is_told_and_counted() {
    let mut timeline = Timeline::default();
    timeline.heard(b"whole\nhal");
    timeline.push(0, 0, What::Gap { count: 3 });
    *timeline.offsets.get_mut(&(1, 1, Direction::In)).unwrap() += 100;
    timeline.heard(b"f\nnext\n");
    let history = history("lines", &timeline);
    let look = Look {
        session: Some(1),
        ..Look::default()
    };
    let view = view(look, &history);
    assert_eq!(
        told(&view, &history),
        ["0:whole", "gap", "6:hal…", "109:f", "111:next"]
    );
    assert_eq!(history.used().lost, 3);
}

#[test]
fn a_small_memory_is_full_of_the_latest() {
    const MEMORY: usize = 1 << 20;
    let limits = Limits {
        memory: MEMORY,
        shelf: 0,
    };
    for (len, least) in [(1000, MEMORY * 3 / 4), (36_000, MEMORY / 2)] {
        let mut history = History::new(limits, None);
        let message = vec![b'x'; len];
        for number in 0..10_000_000 / len as u64 {
            say(&mut history, number + 1, number * len as u64, &message);
            let used = history.used();
            assert!(used.memory <= MEMORY, "{len}: {used:?}");
            assert!(used.evicted == 0 || used.memory > least, "{len}: {used:?}");
        }
        assert!(history.used().evicted > 0);
    }
}

#[test]
fn an_event_that_was_evicted_is_held_no_longer() {
    let limits = Limits {
        memory: 1 << 20,
        shelf: 0,
    };
    let mut history = History::new(limits, None);
    let mut timeline = Timeline::default();
    for _ in 0..200 {
        let what = What::Note {
            kind: "state".to_owned(),
            message: "x".repeat(10_000),
            data: Value::Null,
        };
        timeline.push(1, 1, what);
    }
    history.take(&timeline.events[0]);
    let first = history.kept.get(0).and_then(Option::as_ref);
    let first = Arc::downgrade(first.unwrap());
    timeline.events.iter().for_each(|event| history.take(event));
    assert!(history.used().evicted > 0 && first.upgrade().is_none());
}

#[test]
fn peers_count_and_what_they_said_has_room_all_the_same() {
    let limits = Limits {
        memory: 1 << 20,
        shelf: 0,
    };
    let mut history = History::new(limits, None);
    let mut timeline = Timeline::default();
    for peer in 1..=20_000 {
        timeline
            .opened(1, peer, "tcp://127.0.0.1:7000")
            .chunk((1, peer, Direction::In), b"hello");
    }
    timeline.events.iter().for_each(|event| history.take(event));
    let used = history.used();
    let messages = history.next() - history.first();
    assert!(used.memory > 20_000 * 100, "{used:?}");
    assert!(messages > 200, "{used:?}");
    // Nor do long ones drive out everything at once.
    for number in 0..16 {
        say(
            &mut history,
            100_000 + number,
            number * 40_000,
            &[b'x'; 40_000],
        );
    }
    assert!(
        history.next() - history.first() >= 4,
        "{:?}",
        history.used()
    );
}

#[test]
fn the_latest_peer_is_known_where_there_are_too_many() {
    let mut history = History::new(Limits::default(), None);
    let mut timeline = Timeline::default();
    for peer in 0..MAX_PEERS as u32 {
        timeline.opened(2, peer + 1, "tcp://127.0.0.1:7000");
    }
    timeline.opened(1, 1, "tcp://127.0.0.1:9");
    timeline.events.iter().for_each(|event| history.take(event));
    assert!(history.peers.contains_key(&(1, 1)));
    assert_eq!(history.peers.len(), MAX_PEERS);
}

#[test]
fn a_full_history_begins_nothing_without_letting_go_of_as_much() {
    let mut history = with_shelf(16 << 20, 1 << 40, usize::MAX);
    let mut least = usize::MAX;
    for number in 0..600_000 {
        say(&mut history, number + 1, number * 64, &[b'x'; 64]);
        if number > 400_000 {
            let used = history.used();
            least = used.memory.min(least);
            assert!(used.memory <= 16 << 20, "{used:?}");
        }
    }
    assert!(least > 14 << 20, "{least}");
}
