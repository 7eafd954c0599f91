//! What graphs show, and that nothing leaves them.

use proptest::prelude::*;

use super::axis::{Axis, Measure};
use super::series::MOST_SPANS;
use super::*;
use crate::event::Direction;
use crate::flow::{Settings, Side};
use crate::kernel::{Fact as _, Snapshot};
use crate::pcap::{Item, Reader};
use crate::sighting::Observer;
use crate::time::Time;
use crate::wire::{LinkType, Packet, TcpFlags};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;

const BULK: &[u8] = include_bytes!("../../../../testdata/captures/tcp/bulk_loss.pcap");
const CLOSED: &[u8] = include_bytes!("../../../../testdata/captures/tcp/zero_window.pcap");

/// An end, a number, the other's number, flags, window and how many bytes.
#[derive(Clone, Copy, Debug)]
struct Told {
    is_client: bool,
    at: u64,
    seq: u32,
    ack: u32,
    flags: TcpFlags,
    window: u16,
    len: u16,
}

/// Pushes IPv4 packets between 127.0.0.1:40000 and 127.0.0.1:7000, of which only headers are there.
fn push(graph: &mut Graph, observer: &mut Observer, told: &Told) {
    let ports = [40_000_u16.to_be_bytes(), 7000_u16.to_be_bytes()];
    let [from, to] = match told.is_client {
        true => ports,
        false => [ports[1], ports[0]],
    };
    let total = told.len.saturating_add(40);
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    bytes.extend(from);
    bytes.extend(to);
    bytes.extend(told.seq.to_be_bytes());
    bytes.extend(told.ack.to_be_bytes());
    bytes.extend((0x5000 | told.flags.0).to_be_bytes());
    bytes.extend(told.window.to_be_bytes());
    bytes.extend([0; 4]);
    let packet = Packet {
        at: told.at,
        full_len: usize::from(total),
        ..Packet::new(LinkType::RAW, &bytes)
    };
    graph.push(&observer.observe(packet));
}

fn conversation(told: &[(bool, u64, u32, u32, TcpFlags, u16)]) -> Vec<Told> {
    let told = told.iter();
    let segment = |&(is_client, at, seq, ack, flags, len)| Told {
        is_client,
        at: at * 1_000_000,
        seq,
        ack,
        flags,
        window: 4000,
        len,
    };
    told.map(segment).collect()
}

/// Two segments, of which the second is lost once.
fn small() -> Vec<Told> {
    conversation(&[
        (true, 1000, 99, 0, SYN, 0),
        (false, 1010, 899, 100, SYN | ACK, 0),
        (true, 1011, 100, 900, ACK, 0),
        (true, 1012, 100, 900, ACK, 1000),
        (true, 1013, 1100, 900, ACK, 1000),
        (false, 1024, 900, 1100, ACK, 0),
        (true, 1230, 1100, 900, ACK, 1000),
        (false, 1242, 900, 2100, ACK, 0),
        (true, 1250, 2100, 900, ACK | TcpFlags::FIN, 0),
    ])
}

fn draw(kind: Kind, options: Options, told: &[Told]) -> Graph {
    let mut graph = Graph::new(kind, options);
    let mut observer = Observer::new(Settings::default());
    for told in told {
        push(&mut graph, &mut observer, told);
    }
    graph
}

/// The graph of the conversation in a file that has the most packets from this port on.
fn of_file(kind: Kind, options: Options, file: &[u8], port: u16) -> String {
    let mut graph = None;
    let mut observer = Observer::new(Settings {
        side: Side::Both,
        ..Settings::default()
    });
    let mut reader = Reader::new();
    reader.feed(file);
    while let Some(item) = reader.next_item().expect("it is a capture") {
        let Item::Packet(captured) = item else {
            continue;
        };
        let sighting = observer.observe(captured.packet);
        let tuple = sighting.summary.five_tuple().expect("it is TCP");
        if tuple.ports.0 == port || tuple.ports.1 == port {
            let options = Options {
                conversation: Some(tuple),
                ..options
            };
            graph
                .get_or_insert_with(|| Graph::new(kind, options))
                .push(&sighting);
        }
    }
    let drawing = graph.expect("there is such a conversation").svg();
    check(
        &drawing,
        (f64::from(options.width), f64::from(options.height)),
    );
    drawing
}

/// Asserts that every coordinate lies in the picture, and that tags are matched.
#[track_caller]
fn check(drawing: &str, size: (f64, f64)) {
    let within = |text: &str, most: f64| {
        let value: f64 = text.parse().expect("a coordinate is a number");
        assert!(
            (0.0..=most).contains(&value),
            "{value} of {most} in {drawing}"
        );
    };
    for (names, most) in [
        (["x", "x1", "x2", "cx"], size.0),
        (["y", "y1", "y2", "cy"], size.1),
    ] {
        for name in names {
            for rest in drawing.split(&format!(" {name}=\"")).skip(1) {
                within(rest.split('"').next().expect("it is quoted"), most);
            }
        }
    }
    for path in drawing.split(" d=\"").skip(1) {
        let path = path.split('"').next().expect("it is quoted");
        for point in path.split(['M', 'L']).skip(1) {
            let (x, y) = point.split_once(' ').expect("a point has two numbers");
            within(x, size.0);
            within(y, size.1);
        }
    }
    let begun = drawing.matches("<g").count();
    assert_eq!(begun, drawing.matches("</g>").count(), "{drawing}");
    assert!(drawing.starts_with("<svg") && drawing.ends_with("</svg>\n"));
}

#[test]
fn a_sequence_graph_has_segments_acknowledgements_and_the_window() {
    let graph = draw(Kind::Sequence, Options::default(), &small());
    insta::assert_snapshot!("sequence", graph.svg());
}

#[test]
fn round_trips_of_bytes_sent_again_are_not_measured() {
    let drawing = draw(Kind::Rtt, Options::default(), &small()).svg();
    assert!(drawing.contains("24 ms · 12 ms"), "{drawing}");
    assert!(drawing.contains("1 acknowledgements of bytes that were sent again"));
    assert!(drawing.contains("handshake 11 ms"), "{drawing}");
    insta::assert_snapshot!("rtt", drawing);
}

#[test]
fn a_throughput_graph_says_where_the_congestion_window_is_not_known() {
    let drawing = draw(Kind::Throughput, Options::default(), &small()).svg();
    assert!(drawing.contains("the congestion window is not known"));
    insta::assert_snapshot!("throughput", drawing);
}

#[test]
fn either_end_can_be_drawn_and_the_one_that_sent_more_is() {
    let title = |way| {
        let options = Options {
            way,
            ..Options::default()
        };
        let drawing = draw(Kind::Sequence, options, &small()).svg();
        drawing.lines().nth(1).expect("it has a title").to_owned()
    };
    let forth = "<title>bytes over time  127.0.0.1:40000 → 127.0.0.1:7000</title>";
    let back = "<title>bytes over time  127.0.0.1:7000 → 127.0.0.1:40000</title>";
    assert_eq!(title(None), forth);
    assert_eq!(title(Some(End::First)), forth);
    assert_eq!(title(Some(End::Second)), back);
}

#[test]
fn captures_are_drawn_within_their_picture_at_any_size() {
    for (width, height) in [(960, 540), (320, 240), (1, 1), (u32::MAX, 300)] {
        let options = Options {
            width: width.clamp(320, 8192),
            height: height.clamp(240, 8192),
            ..Options::default()
        };
        for kind in Kind::ALL {
            of_file(kind, options, BULK, 55_392);
            of_file(kind, options, CLOSED, 34_214);
        }
    }
}

#[test]
fn retransmissions_selective_acknowledgements_and_closed_windows_are_marked() {
    let drawing = of_file(Kind::Sequence, Options::default(), BULK, 55_392);
    for word in [
        "segments sent again",
        "selectively acknowledged",
        "sent again: 31",
    ] {
        assert!(drawing.contains(word), "{word}");
    }
    let drawing = of_file(Kind::Sequence, Options::default(), CLOSED, 34_214);
    for word in ["window closed", "keep-alives and window probes"] {
        assert!(drawing.contains(word), "{word}");
    }
}

#[test]
fn a_conversation_joined_late_says_so() {
    let drawing = draw(Kind::Sequence, Options::default(), &small()[3..]).svg();
    assert!(drawing.contains("the beginning was not seen"));
    assert!(drawing.contains("its scale is not known"));
    assert!(drawing.contains("· 0–1000 · 1000 B"), "{drawing}");
}

#[test]
fn a_refused_conversation_gives_way_to_the_next() {
    let refused = conversation(&[
        (true, 1000, 99, 0, SYN, 0),
        (false, 1001, 0, 100, TcpFlags::RST | ACK, 0),
    ]);
    let later = small().into_iter().map(|told| Told {
        at: told.at + 5_000_000_000,
        seq: told.seq.wrapping_add(70_000),
        ack: told.ack.wrapping_add(70_000),
        ..told
    });
    let alone = draw(Kind::Sequence, Options::default(), &refused).svg();
    assert!(alone.contains("segments: 1 · bytes: 0"), "{alone}");
    let told: Vec<Told> = refused.into_iter().chain(later).collect();
    let drawing = draw(Kind::Sequence, Options::default(), &told).svg();
    assert!(drawing.contains("bytes: 3000"), "{drawing}");
}

#[test]
fn nothing_gives_a_picture_that_says_so() {
    for kind in Kind::ALL {
        let graph = Graph::new(kind, Options::default());
        assert!(graph.is_empty());
        let drawing = graph.svg();
        check(&drawing, (960.0, 540.0));
        assert!(drawing.contains("no packet of the conversation has come"));
    }
}

#[test]
fn datagrams_have_a_throughput_and_nothing_else() {
    let mut bytes = vec![
        0x45, 0, 0, 128, 0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
    ];
    bytes.extend([0x9c, 0x40, 0x1b, 0x58, 0, 108, 0, 0]);
    for kind in Kind::ALL {
        let mut graph = Graph::new(kind, Options::default());
        let mut observer = Observer::new(Settings::default());
        for index in 0..10 {
            let packet = Packet {
                at: index * 1_000_000,
                full_len: 128,
                ..Packet::new(LinkType::RAW, &bytes)
            };
            graph.push(&observer.observe(packet));
        }
        let drawing = graph.svg();
        check(&drawing, (960.0, 540.0));
        let word = match kind {
            Kind::Throughput => "datagrams: 10",
            _ => "UDP numbers no bytes",
        };
        assert!(drawing.contains(word), "{drawing}");
    }
}

#[test]
fn the_congestion_window_is_that_of_the_sender() {
    let note = |own_cwnd: u32| {
        let end = |cwnd| {
            serde_json::json!({
                "state": "established", "rtt_us": 1, "rtt_variance_us": 1, "rto_us": 1,
                "cwnd": cwnd, "ssthresh": 7, "mss": 1000, "advertised_mss": 1000, "path_mtu": 1500,
                "timestamps": true, "sack": true, "ecn": false, "receive_space": 1,
                "segments_unacked": 0, "segments_sacked": 0, "segments_lost": 0,
                "segments_again": 0, "retransmits": 0, "probes": 0, "reordering": 3,
            })
        };
        let data = serde_json::json!({"when": "while", "own": end(own_cwnd), "peer": end(20)});
        assert!(Snapshot::read(&data).is_some(), "{data}");
        What::Note {
            kind: Snapshot::KIND.to_owned(),
            message: String::new(),
            data,
        }
    };
    let packets = crate::sighting::tests::kept();
    let mut graph = Graph::new(Kind::Throughput, Options::default());
    let mut tell = |session, what| {
        let time = Time::from_nanos(5_000_000);
        graph.push_event(
            &Event {
                number: 1,
                time,
                session,
                peer: 1,
                what,
            },
            Epoch(1_000),
        );
    };
    tell(1, note(10));
    tell(2, note(9999));
    for packet in packets {
        let from = packet.at(0).from().expect("it is TCP");
        let direction = match from {
            End::First => Direction::Out,
            End::Second => Direction::In,
        };
        tell(
            1,
            What::Packet {
                direction,
                offset: None,
                packet: Box::new(packet),
            },
        );
    }
    tell(1, note(10));
    let bytes = |end: End| {
        let window = graph.kernel.window(end, 0).expect("both are known");
        window.size.extremes()
    };
    assert_eq!(bytes(End::First), Some((10_000, 10_000)));
    assert_eq!(bytes(End::Second), Some((20_000, 20_000)));
    let drawing = graph.svg();
    assert!(drawing.contains("end of slow start") && !drawing.contains("not known"));
}

#[test]
fn b1_a_long_capture_takes_a_bounded_amount_of_memory() {
    for kind in Kind::ALL {
        let mut graph = Graph::new(kind, Options::default());
        let mut observer = Observer::new(Settings::default());
        for told in &small()[..3] {
            push(&mut graph, &mut observer, told);
        }
        let mut told = small()[3];
        for index in 0..60_000_u32 {
            // Back and forth in time, as a hostile file may have it.
            told.at =
                (1_012 + u64::from(index)) * 1_000_000 % 40_000_000_000 * u64::from(index % 3);
            told.is_client = index % 3 != 2;
            told.seq = if told.is_client {
                100 + index * 500
            } else {
                900
            };
            told.ack = if told.is_client {
                900
            } else {
                100 + index * 500
            };
            told.len = if told.is_client { 500 } else { 0 };
            told.window = if index % 2 == 0 { 0 } else { 9000 };
            push(&mut graph, &mut observer, &told);
        }
        let drawing = graph.svg();
        check(&drawing, (960.0, 540.0));
        assert!(drawing.len() < 5_000_000, "{}", drawing.len());
        assert!(drawing.contains("much has come"), "{kind}");
        assert!(drawing.matches("<line").count() < 4 * MOST_SPANS);
    }
}

#[test]
fn the_words_are_said_in_chinese() {
    let options = Options {
        language: Language::Chinese,
        ..Options::default()
    };
    for kind in Kind::ALL {
        for told in [&small()[..], &small()[3..], &[]] {
            let drawing = draw(kind, options, told).svg();
            let texts = drawing.split("<text").skip(1);
            for text in texts {
                let text = text.split(['>', '<']).nth(1).expect("it has text");
                let words = text.split([' ', ',', '，', '：']);
                let english =
                    |word: &&str| word.len() > 4 && word.chars().all(|c| c.is_ascii_lowercase());
                assert_eq!(words.into_iter().find(english), None, "{text}");
            }
        }
    }
}

#[test]
fn a_kind_is_called_by_its_word() {
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(Graph::new(kind, Options::default()).kind(), kind);
    }
    let error = "pie\u{1b}"
        .parse::<Kind>()
        .expect_err("there is no such graph");
    assert_eq!(
        error.to_string(),
        "`pie\\x1b` is no graph; there are `sequence`, `rtt` and `throughput`"
    );
}

#[test]
fn ticks_are_one_two_or_five() {
    let axis = Axis::new(Measure::Time, (0, 1_230_000), (0.0, 800.0), false);
    let labels: Vec<String> = axis.ticks().map(|(_, label)| label).collect();
    assert_eq!(labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]);
    assert_eq!(axis.unit(), "ms");
    let axis = Axis::new(Measure::Bytes, (0, 100_000), (400.0, 0.0), true);
    let labels: Vec<String> = axis.ticks().map(|(_, label)| label).collect();
    assert_eq!(labels, ["0", "20", "40", "60", "80", "100"]);
    assert_eq!(axis.unit(), "KiB");
    assert_eq!(Measure::Rate.tell(12_345_678.0), "12.35 Mbit/s");
    assert_eq!(Measure::Time.tell(2e6), "2 ms");
    assert_eq!(Measure::Bytes.tell(512.0), "512 B");
}

prop_compose! {
    fn any_told()(
        is_client in any::<bool>(),
        at in prop_oneof![0..1_000_000_u64, any::<u64>()],
        seq in prop_oneof![0..5000_u32, any::<u32>()],
        ack in prop_oneof![0..5000_u32, any::<u32>()],
        flags in 0..64_u16,
        window in any::<u16>(),
        len in prop_oneof![Just(0), 0..2000_u16],
    ) -> Told {
        Told { is_client, at, seq, ack, flags: TcpFlags(flags), window, len }
    }
}

proptest! {
    #[test]
    fn whatever_comes_stays_in_the_picture(
        told in proptest::collection::vec(any_told(), 0..40),
        width in 0..1500_u32,
        height in 0..900_u32,
        way in prop::sample::select(vec![None, Some(End::First), Some(End::Second)]),
    ) {
        let options = Options { width, height, way, ..Options::default() };
        for kind in Kind::ALL {
            let drawing = draw(kind, options, &told).svg();
            check(&drawing, (f64::from(width.max(320)), f64::from(height.max(240))));
        }
    }

    #[test]
    fn ticks_lie_on_their_axis(low in any::<u64>(), more in any::<u64>(), room in 1.0..9000.0_f64) {
        for measure in [Measure::Time, Measure::Bytes, Measure::Rate, Measure::Datagrams] {
            for is_rounded in [false, true] {
                let axis = Axis::new(measure, (low, low.saturating_add(more)), (0.0, room), is_rounded);
                let ticks: Vec<_> = axis.ticks().collect();
                prop_assert!(ticks.len() <= 40);
                prop_assert!(ticks.iter().all(|(at, _)| (0.0..=room).contains(at)));
            }
        }
    }
}
