use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::flow::KernelCounters;
use crate::strings::{Catalogue, Language};

const NONE: Progress = Progress {
    cwnd: None,
    rtt_us: None,
    unsent: None,
};

/// Everything that is to be told.
fn told(writes: &mut Writes) -> Vec<Life> {
    std::iter::from_fn(|| writes.poll()).collect()
}

fn data_of(what: What) -> (String, String, Value) {
    match what {
        What::Note {
            kind,
            message,
            data,
        } => (kind, message, data),
        other => panic!("{other:?}"),
    }
}

/// Asserts what a sentence is in Chinese.
#[track_caller]
fn check_chinese(english: &str, chinese: &str) {
    assert_eq!(Catalogue::new(Language::Chinese).say(english), chinese);
}

fn socket() -> Socket {
    let data = json!({
        "state": "established", "rtt_us": 41, "rtt_variance_us": 20, "rto_us": 200_000, "cwnd": 10,
        "mss": 32768, "advertised_mss": 65495, "path_mtu": 65535, "timestamps": true, "sack": true,
        "ecn": false, "receive_space": 65495, "segments_unacked": 0, "segments_sacked": 0,
        "segments_lost": 0, "segments_again": 3, "retransmits": 0, "probes": 0, "reordering": 3,
    });
    serde_json::from_value(data).unwrap()
}

fn snapshot() -> Snapshot {
    Snapshot {
        when: Moment::While,
        own: socket(),
        peer: None,
    }
}

#[test]
fn a_write_lives_through_its_stages_in_order() {
    let mut writes = Writes::default();
    writes.wrote(5, 1_000_000);
    assert!(!writes.is_settled());
    writes.stamp(Stage::Queued, 4, 1_008_100, NONE);
    writes.stamp(Stage::Sent, 4, 1_011_000, NONE);
    let lives = told(&mut writes);
    assert_eq!(lives.len(), 1);
    assert_eq!((lives[0].offset, lives[0].end, lives[0].writes), (0, 5, 1));
    assert_eq!(lives[0].at(Stage::Sent), Some(1_011_000));
    assert_eq!(lives[0].acked_ns, None);
    let progress = Progress {
        cwnd: Some(10),
        ..NONE
    };
    writes.stamp(Stage::Acked, 4, 13_500_000, progress);
    let lives = told(&mut writes);
    assert_eq!(
        lives[0].to_string(),
        "5 bytes written at offset 0: acknowledged after 12.50 ms"
    );
    assert_eq!(lives[0].cwnd, Some(10));
    assert!(writes.is_settled());
}

#[test]
fn writes_that_share_a_stamp_are_told_together() {
    let mut writes = Writes::default();
    for at in 1..=3 {
        writes.wrote(10, at * 1_000_000);
    }
    writes.stamp(Stage::Queued, 9, 1_500_000, NONE);
    writes.stamp(Stage::Queued, 29, 3_000_500, NONE);
    writes.stamp(Stage::Acked, 29, 3_200_000, NONE);
    let lives: Vec<String> = told(&mut writes).iter().map(Life::to_string).collect();
    assert_eq!(
        lives,
        [
            "10 bytes written at offset 0: queued after 0.500 ms",
            "20 bytes written at offset 10: queued after 0.000 ms; the write before it is covered \
             by this later stamp",
            "30 bytes written at offset 0: acknowledged after 0.200 ms; 2 writes before it are \
             covered by this later stamp",
        ]
    );
}

#[test]
fn acknowledgements_are_told_in_the_order_of_their_bytes() {
    let mut writes = Writes::default();
    writes.wrote(10, 0);
    writes.stamp(Stage::Queued, 9, 1, NONE);
    told(&mut writes);
    writes.wrote(10, 0);
    writes.stamp(Stage::Queued, 19, 2, NONE);
    writes.stamp(Stage::Acked, 9, 3, NONE);
    writes.stamp(Stage::Acked, 19, 4, NONE);
    let lives = told(&mut writes);
    let acked = lives.iter().filter(|life| life.acked_ns.is_some());
    let places: Vec<(u64, u64)> = acked.map(|life| (life.offset, life.end)).collect();
    assert_eq!(places, [(0, 10), (10, 20)]);
}

#[test]
fn what_is_stamped_a_second_time_was_sent_again() {
    let mut writes = Writes::default();
    writes.wrote(4, 0);
    writes.wrote(6, 0);
    writes.stamp(Stage::Sent, 9, 1_000, NONE);
    told(&mut writes);
    writes.stamp(Stage::Sent, 9, 200_000_000, NONE);
    let lives = told(&mut writes);
    assert_eq!(
        (lives[0].offset, lives[0].end, lives[0].again),
        (4, 10, true)
    );
    assert_eq!(
        lives[0].to_string(),
        "6 bytes written at offset 4: left again after 200 ms"
    );
}

#[test]
fn b1_a_stamp_of_nothing_is_passed_over() {
    let mut writes = Writes::default();
    writes.stamp(Stage::Acked, 0, 1, NONE);
    writes.wrote(0, 1);
    writes.stamp(Stage::Sent, 7, 1, NONE);
    writes.wrote(5, 1);
    writes.stamp(Stage::Sent, 5, 1, NONE);
    writes.stamp(Stage::Acked, u32::MAX, 1, NONE);
    assert_eq!(told(&mut writes), []);
    writes.forget();
    assert!(writes.is_settled());
    writes.stamp(Stage::Acked, 4, 1, NONE);
    assert_eq!(told(&mut writes), []);
}

#[test]
fn b1_writes_that_nobody_acknowledges_are_remembered_up_to_a_limit() {
    let mut writes = Writes::default();
    for _ in 0..100_000 {
        writes.wrote(1, 1);
    }
    writes.stamp(Stage::Acked, 99_999, 2, NONE);
    let lives = told(&mut writes);
    assert_eq!((lives[0].offset, lives[0].end), (0, 100_000));
    assert!(writes.is_settled());
}

#[test]
fn the_note_of_a_write_reads_back() {
    let mut writes = Writes::default();
    writes.wrote(5, 1_763_717_000_123_456_789);
    writes.stamp(Stage::Acked, 4, 1_763_717_000_123_500_000, NONE);
    let life = writes.poll().unwrap();
    let (kind, message, data) = data_of(life.note());
    assert_eq!((kind.as_str(), message), ("stage", life.to_string()));
    let wanted = json!({
        "dir": "out", "offset": 0, "end": 5, "writes": 1,
        "written_at": "2025-11-21T09:23:20.123456789Z", "acked_ns": 43_211,
    });
    assert_eq!(data, wanted);
    assert_eq!(Life::read(&data), Some(life));
    for wrong in [
        Value::Null,
        json!({}),
        json!({"dir": "in", "offset": 0, "end": 5, "writes": 1, "written_at": "2025-11-21T09:23:20Z"}),
        json!({"dir": "out", "offset": -1, "end": 5, "writes": 1, "written_at": "1925-11-21T09:23:20Z"}),
    ] {
        assert_eq!(Life::read(&wrong), None, "{wrong}");
    }
}

#[test]
fn an_end_counts_as_no_byte() {
    let ended = [State::FinWait1, State::Closing, State::LastAck];
    assert!(ended.iter().all(|state| state.unacked_marks() == 1));
    let heard = [State::CloseWait, State::Closing, State::LastAck];
    assert!(heard.iter().all(|state| state.unread_marks() == 1));
    for state in [State::Established, State::FinWait2] {
        assert_eq!((state.unacked_marks(), state.unread_marks()), (0, 0));
    }
}

#[test]
fn a_snapshot_says_what_matters() {
    let mut snapshot = snapshot();
    assert_eq!(
        snapshot.to_string(),
        "rtt 0.041 ms, cwnd 10 segments, 3 retransmitted"
    );
    snapshot.own.unacked = Some(1_000_000);
    snapshot.own.peer_window = Some(0);
    snapshot.own.unread = Some(7);
    snapshot.own.rtt_us = 0;
    snapshot.peer = Some(Socket {
        unread: Some(65_483),
        ..socket()
    });
    let sentence = snapshot.to_string();
    assert_eq!(
        sentence,
        "cwnd 10 segments, 3 retransmitted; 1,000,000 bytes are not acknowledged; the peer's window \
         is closed; we have 7 bytes unread; the peer has 65,483 bytes unread"
    );
    check_chinese(
        &sentence,
        "cwnd 10 个报文段，重传 3；1,000,000 字节尚未确认；对端的窗口已关闭；本端有 7 字节未读；对端有 65,483 \
         字节未读",
    );
}

#[test]
fn the_note_of_a_snapshot_reads_back() {
    let mut snapshot = snapshot();
    snapshot.peer = Some(Socket {
        scale: Some(Scale { own: 7, peer: 9 }),
        bytes_sent: Some(u64::MAX),
        ..socket()
    });
    let (kind, _, data) = data_of(snapshot.note());
    assert_eq!((kind.as_str(), &data["when"]), ("tcp", &json!("while")));
    assert_eq!(Snapshot::read(&data), Some(snapshot));
    assert_eq!(Snapshot::read(&json!({"when": "while", "own": {}})), None);
}

#[test]
fn time_that_goes_by_is_no_news() {
    let (before, mut after) = (snapshot(), snapshot());
    after.when = Moment::Close;
    after.own.window_limited_us = Some(5);
    assert!(after.says_as(&before));
    after.own.cwnd = 11;
    assert!(!after.says_as(&before));
}

#[test]
fn what_the_kernel_counted_is_held_against_the_wire() {
    let own = Socket {
        bytes_acked: Some(7),
        ..socket()
    };
    let counters = KernelCounters::from(&own);
    let wanted = KernelCounters {
        segments_again: Some(3),
        bytes_acked: Some(7),
        ..KernelCounters::default()
    };
    assert_eq!(counters, wanted);
}

#[test]
fn every_number_of_a_state_is_one() {
    let states: BTreeSet<String> = (1..=11)
        .map(|number| format!("{:?}", State::of_linux(number)))
        .collect();
    assert_eq!(states.len(), 11);
    for number in [0, 7, 13, 255] {
        assert_eq!(State::of_linux(number), State::Closed);
    }
}

/// IPv4 from 127.0.0.1, and a SYN with the options of Linux.
fn syn_packet() -> Vec<u8> {
    let mut bytes = vec![
        0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
    ];
    bytes.extend([0x9c, 0x40, 0x1b, 0x58, 0, 0, 0x10, 0, 0, 0, 0, 0]);
    bytes.extend([0xa0, 0x02, 0xff, 0xd7, 0, 0, 0, 0]);
    bytes.extend([
        2, 4, 0xff, 0xd7, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7,
    ]);
    bytes
}

#[test]
fn a_syn_says_what_the_peer_asks_for() {
    let syn = Syn::of_packet(&syn_packet()).unwrap();
    assert_eq!((syn.seq, syn.window, syn.hop_limit), (4096, 65_495, 64));
    let sentence = syn.to_string();
    assert_eq!(
        sentence,
        "the peer's SYN: window 65,495 bytes; MSS 65,495; window scale 7; SACK permitted; timestamps"
    );
    check_chinese(
        &sentence,
        "对端的 SYN：窗口 65,495 字节；MSS 65,495；窗口缩放 7；允许 SACK；带时间戳",
    );
    let (kind, _, data) = data_of(syn.note());
    assert_eq!((kind.as_str(), &data["timestamp"]), ("syn", &json!(9)));
    assert_eq!(Syn::read(&data), Some(syn));
}

#[test]
fn b1_a_syn_cut_anywhere_says_less() {
    let packet = syn_packet();
    for len in 0..packet.len() {
        if let Some(syn) = Syn::of_packet(&packet[..len]) {
            assert!(len >= 40, "of {len} bytes: {syn:?}");
        }
    }
    let mut reply = packet;
    reply[33] = 0x10;
    assert_eq!(Syn::of_packet(&reply), None);
}

#[test]
fn what_became_of_a_write_is_said_in_chinese() {
    let mut writes = Writes::default();
    for _ in 0..3 {
        writes.wrote(5, 0);
    }
    writes.stamp(Stage::Queued, 4, 8_000, NONE);
    writes.stamp(Stage::Sent, 14, 11_000, NONE);
    writes.stamp(Stage::Acked, 14, 35_000, NONE);
    writes.stamp(Stage::Queued, 14, 35_000, NONE);
    let chinese = [
        "在偏移 0 处写入的 5 字节：0.008 毫秒后入队",
        "在偏移 0 处写入的 15 字节：0.011 毫秒后发出；0.035 毫秒后得到确认；此前 2 次写入由这个较晚的时间戳涵盖",
    ];
    let lives = told(&mut writes);
    assert_eq!(lives.len(), chinese.len());
    for (life, chinese) in lives.iter().zip(chinese) {
        check_chinese(&life.to_string(), chinese);
    }
}

#[test]
fn stamps_count_anew_after_a_pause() {
    let mut writes = Writes::default();
    writes.wrote(1000, 0);
    writes.pause();
    assert!(writes.is_settled());
    writes.wrote(500, 0);
    writes.stamp(Stage::Acked, 999, 1, NONE);
    writes.resume();
    writes.wrote(10, 0);
    // One of what was written before lies before the place from which stamps count.
    writes.stamp(Stage::Acked, u32::MAX - 500, 1, NONE);
    writes.stamp(Stage::Sent, u32::MAX - 500, 1, NONE);
    assert_eq!(told(&mut writes), []);
    writes.stamp(Stage::Acked, 9, 1, NONE);
    let lives = told(&mut writes);
    assert_eq!((lives[0].offset, lives[0].end), (1500, 1510));
    let following = Following {
        direction: crate::event::Direction::Out,
        offset: writes.written(),
        followed: false,
    };
    let (kind, message, data) = data_of(following.note());
    assert_eq!(kind, "following");
    assert_eq!(
        data,
        json!({"dir": "out", "offset": 1510, "followed": false})
    );
    check_chinese(&message, "写入过多，自偏移 1,510 起不再逐次跟踪");
    assert_eq!(Following::read(&data), Some(following));
}

#[test]
fn an_icmp_message_says_who_refused_and_why() {
    let icmp = Icmp {
        offender: "127.0.0.1".parse().unwrap(),
        icmp_type: 3,
        code: 3,
    };
    let sentence = icmp.to_string();
    assert_eq!(
        sentence,
        "127.0.0.1 says by ICMP: port unreachable (type 3, code 3)"
    );
    check_chinese(
        &sentence,
        "127.0.0.1 以 ICMP 告知：端口不可达（类型 3，代码 3）",
    );
    let (kind, _, data) = data_of(icmp.note());
    assert_eq!(kind, "icmp");
    assert_eq!(
        data,
        json!({"offender": "127.0.0.1", "icmp_type": 3, "code": 3})
    );
    assert_eq!(Icmp::read(&data), Some(icmp));
    assert_eq!(Icmp::read(&json!({"offender": "nobody"})), None);
}

#[test]
fn numbers_are_grouped_and_times_are_rounded() {
    let texts = [0, 7, 999, 1000, 65_483, 1_234_567].map(grouped);
    assert_eq!(texts, ["0", "7", "999", "1,000", "65,483", "1,234,567"]);
    let texts = [0, 41_999, 9_999_999, 12_505_000, 1_200_000_000].map(millis);
    assert_eq!(texts, ["0.000", "0.041", "9.999", "12.50", "1200"]);
}

proptest! {
    /// However the stream is cut into writes, and whichever of them are stamped, the place of each
    /// stamp is found from its low half, each byte is told of once a stage, and in order.
    #[test]
    fn each_byte_comes_to_a_stage_once(
        begun in any::<u64>().prop_map(|begun| begun % (1 << 40)),
        writes in prop::collection::vec((1..200_000usize, any::<bool>()), 1..50),
    ) {
        let mut tracked = Writes::default();
        // What was written long ago, in one piece, and is acknowledged.
        tracked.wrote(begun as usize, 0);
        tracked.forget();
        let mut end = begun;
        let mut wanted = begun;
        let mut reached = begun;
        for (len, is_stamped) in writes {
            tracked.wrote(len, 0);
            end += len as u64;
            if !is_stamped {
                continue;
            }
            wanted = end;
            tracked.stamp(Stage::Acked, (end - 1) as u32, 1, NONE);
            // A stamp that comes twice changes nothing.
            tracked.stamp(Stage::Acked, (end - 1) as u32, 1, NONE);
            for life in told(&mut tracked) {
                prop_assert_eq!(life.offset, reached);
                prop_assert!(life.offset < life.end && !life.again);
                reached = life.end;
            }
        }
        prop_assert_eq!(reached, wanted);
        prop_assert_eq!(tracked.is_settled(), wanted == end);
    }

    /// Stamps may say anything.
    #[test]
    fn b1_no_stamp_can_do_harm(
        steps in prop::collection::vec((0..8u8, any::<u32>(), any::<u64>()), 0..100),
    ) {
        let mut tracked = Writes::default();
        for (step, number, at) in steps {
            match step {
                0 => tracked.stamp(Stage::Queued, number, at, NONE),
                1 => tracked.stamp(Stage::Sent, number, at, NONE),
                2 => tracked.stamp(Stage::Acked, number, at, NONE),
                3 => tracked.pause(),
                4 => tracked.resume(),
                _ => tracked.wrote((number % 1000) as usize, at),
            }
            for life in told(&mut tracked) {
                prop_assert!(life.offset < life.end);
                prop_assert!(!life.to_string().is_empty());
            }
        }
    }
}
