//! What holds for any segments whatever.

use super::*;
use crate::flow::stream::Stream;

/// A segment of a few conversations with numbers near each other, so that they interfere.
#[derive(Clone, Debug)]
struct Wild {
    host: u8,
    is_back: bool,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    len: u32,
    kept: usize,
    at: u64,
    scale: Option<u8>,
    sack: Vec<(u32, u32)>,
    gso_size: Option<u16>,
    dropped_before: bool,
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..5000u32,
        2 => (0..5000u32).prop_map(|number| 0u32.wrapping_sub(number)),
        1 => any::<u32>(),
    ]
}

prop_compose! {
    fn wild()(
        (host, is_back, seq, ack) in (0..3u8, any::<bool>(), number(), number()),
        (flags, window, len, kept) in (
            prop_oneof![3 => Just(0x10u8), 1 => any::<u8>()],
            prop_oneof![1 => Just(0u16), 2 => any::<u16>()],
            prop_oneof![4 => 0..2000u32, 1 => any::<u32>()],
            0..2000usize,
        ),
        (at, scale, sack) in (
            any::<u64>(),
            proptest::option::of(any::<u8>()),
            proptest::collection::vec((number(), number()), 0..6),
        ),
        (gso_size, dropped_before) in (proptest::option::of(any::<u16>()), any::<bool>()),
    ) -> Wild {
        Wild {
            host, is_back, seq, ack, flags, window, len, kept, at, scale, sack, gso_size,
            dropped_before,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn b3_any_segments_are_analysed_within_the_budget(
        segments in proptest::collection::vec(wild(), 0..300),
        side in prop_oneof![Just(Side::Client), Just(Side::Both), Just(Side::Unknown)],
        limit in prop_oneof![Just(20_000usize), Just(1 << 20)],
    ) {
        let conversation_limit = 8192;
        let settings = Settings { side, limit, conversation_limit, placed: 16, ..Settings::default() };
        let mut analyser = Analyser::new(settings);
        let payload = [0; 2000];
        for (frame, wild) in (1..).zip(&segments) {
            let (one, other) = (addr(wild.host, 1), addr(9, 2));
            let (src, dst) = if wild.is_back { (other, one) } else { (one, other) };
            let analysis = analyser.handle(&Segment {
                frame,
                at: wild.at,
                src,
                dst,
                seq: wild.seq,
                ack: wild.ack,
                flags: TcpFlags(wild.flags.into()),
                window: wild.window,
                len: wild.len,
                payload: &payload[..wild.kept],
                options: TcpOptions {
                    window_scale: wild.scale,
                    sack: SackBlocks::new(wild.sack.iter().map(|&(start, end)| SackBlock { start, end })),
                    ..TcpOptions::default()
                },
                gso_size: wild.gso_size,
                dropped_before: wild.dropped_before,
            });
            let held: usize = analyser.conversations().iter().map(|one| one.cost()).sum();
            // Fixed costs beside what is counted by each conversation.
            prop_assert!(held <= analyser.counters().held);
            let own = analyser.conversation(analysis.conversation).unwrap();
            prop_assert!(analyser.counters().held <= limit || analyser.conversations().len() == 1);
            prop_assert!(own.halves.iter().all(|half| half.stream.held() <= conversation_limit));
        }
        analyser.finish();
        let ids: Vec<_> = analyser.conversations().iter().map(|one| one.id()).collect();
        for id in ids {
            for end in [End::First, End::Second] {
                let mut next = None;
                while let Some(piece) = analyser.poll(id, end) {
                    let (offset, len) = match &piece {
                        Piece::Bytes { offset, bytes } => (*offset, bytes.len() as u64),
                        Piece::Gap(gap) => (gap.offset, gap.len),
                        Piece::End { offset } => (*offset, 0),
                    };
                    prop_assert!(next.is_none_or(|next| next == offset), "{piece:?} after {next:?}");
                    next = Some(offset + len);
                }
                prop_assert_eq!(analyser.conversation(id).unwrap().half(end).stream.held(), 0);
            }
        }
    }

    #[test]
    fn segments_in_any_order_and_any_often_give_the_bytes(
        text in proptest::collection::vec(any::<u8>(), 1..400),
        cuts in proptest::collection::vec((0..400usize, 1..60usize), 0..60),
        order in any::<u64>(),
        begin in number(),
    ) {
        let mut ranges: Vec<_> = cuts
            .iter()
            .map(|(start, len)| (*start.min(&text.len()), (start + len).min(text.len())))
            .chain((0..text.len()).step_by(37).map(|start| (start, text.len().min(start + 37))))
            .collect();
        let mut mixed = order;
        for index in 0..ranges.len() {
            mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let other = (mixed >> 33) as usize % ranges.len();
            ranges.swap(index, other);
        }
        let mut stream = Stream::default();
        stream.begin(begin);
        let mut got = Vec::new();
        let mut is_ended = false;
        stream.end_at(text.len() as u64);
        for (start, end) in ranges {
            let seq = begin.wrapping_add(start as u32);
            let Some(offset) = stream.offset(seq) else {
                continue;
            };
            prop_assert_eq!(offset, start as u64);
            let arrival = Arrival {
                offset,
                len: (end.max(start) - start) as u32,
                payload: text.get(start..end).unwrap_or_default(),
                is_after_drop: false,
            };
            stream.insert(&arrival, 1 << 20);
            while let Some(piece) = stream.poll() {
                match piece {
                    Piece::Bytes { bytes, .. } => got.extend_from_slice(&bytes),
                    Piece::Gap(gap) => prop_assert!(false, "{}", gap),
                    Piece::End { .. } => is_ended = true,
                }
            }
        }
        prop_assert_eq!(got, text);
        prop_assert!(is_ended);
    }
}

#[test]
fn b3_a_hundred_thousand_syns_keep_within_the_budget() {
    let limit = 1 << 20;
    let mut analyser = Analyser::new(Settings {
        limit,
        ..Settings::default()
    });
    for number in 0..100_000u32 {
        let host = Ipv4Addr::from(0x0b00_0000 + number);
        analyser.handle(&syn(number, (host, 1024).into()));
        assert!(analyser.counters().held <= limit);
    }
    let counters = analyser.counters();
    assert_eq!(counters.conversations, 100_000);
    let kept = analyser.conversations().len() as u64;
    assert_eq!(counters.evicted + kept, counters.conversations);
    let youngest = analyser.conversations().last().unwrap().id().number();
    assert_eq!(youngest, 99_999, "who was silent for longest goes first");
}

#[test]
fn b3_a_hundred_thousand_holes_keep_within_the_budget() {
    let mut analyser = Analyser::new(Settings::default());
    let payload = [7; 100];
    for number in 0..100_000u32 {
        let mut segment = syn(1000 + number * 300, addr(1, 1));
        segment.flags = TcpFlags::ACK;
        segment.len = 100;
        segment.payload = &payload;
        analyser.handle(&segment);
        assert!(analyser.counters().held < 2 << 20);
    }
    let id = analyser.conversations()[0].id();
    assert!(analyser.poll(id, End::First).is_some());
}

fn syn(seq: u32, src: SocketAddr) -> Segment<'static> {
    Segment {
        frame: u64::from(seq),
        at: 0,
        src,
        dst: addr(2, 80),
        seq,
        ack: 0,
        flags: TcpFlags::SYN,
        window: 1000,
        len: 0,
        payload: &[],
        options: TcpOptions::default(),
        gso_size: None,
        dropped_before: false,
    }
}
