//! What a ladder shows: golden pictures of captures and of sessions of ours.

use bytes::Bytes;

use super::*;
use crate::event::{Direction, FaultKind};
use crate::flow::{Settings, Side as Tap};
use crate::machine::Reason;
use crate::pcap::{Item, Reader};
use crate::sighting::{self, Kept, Observer};
use crate::text::width;
use crate::time::Time;
use crate::wire::{self, LinkType, Packet};

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/captures/",
            $name
        ))
    };
}

mod laws;
mod steps;

/// Draws the first `most` packets of a capture.
fn ladder_of(file: &[u8], most: usize, tap: Tap, options: Options) -> (String, Ladder) {
    let mut observer = Observer::new(Settings {
        side: tap,
        ..Settings::default()
    });
    let mut ladder = Ladder::new(options);
    let mut reader = Reader::new();
    reader.feed(file);
    let mut count = 0;
    let mut out = String::new();
    while let Some(item) = reader.next_item().unwrap() {
        if let Item::Packet(captured) = item {
            count += 1;
            if most < count {
                break;
            }
            ladder.push_sighting(&observer.observe(captured.packet));
            out.push_str(&ladder.take());
        }
    }
    out.push_str(&ladder.finish());
    (out, ladder)
}

fn wide(teach: Option<Language>) -> Options {
    Options {
        width: 130,
        teach,
        language: teach.unwrap_or_default(),
        ..Options::default()
    }
}

fn narrow() -> Options {
    Options {
        width: 72,
        ..Options::default()
    }
}

/// A session of ours, told event by event.
struct Scene {
    ladder: Ladder,
    out: String,
    at: u64,
}

/// In nanoseconds since 1970.
const EPOCH: u64 = 1_700_000_000_000_000_000;

const CLIENT: &str = "tcp://127.0.0.1:40000";
const SERVER: &str = "tcp://127.0.0.1:7000";

impl Scene {
    fn new(options: Options) -> Self {
        Self {
            ladder: Ladder::new(options),
            out: String::new(),
            at: 0,
        }
    }

    /// Something happens 10 µs after what happened last.
    fn tell(&mut self, source: usize, what: What) {
        self.at += 10_000;
        self.tell_at(self.at, source, what);
    }

    fn tell_at(&mut self, at: u64, source: usize, what: What) {
        let event = Event {
            number: 1,
            time: Time::from_nanos(at),
            session: 1,
            peer: 1,
            what,
        };
        self.ladder.push_event(source, &event, Epoch(EPOCH));
        self.out.push_str(&self.ladder.take());
    }

    fn open(&mut self, source: usize, local: &str, addr: &str) {
        let (local, addr) = (local.to_owned(), addr.to_owned());
        self.tell(source, What::Opened { addr, local });
    }

    fn chunk(&mut self, source: usize, direction: Direction, offset: u64, bytes: &'static [u8]) {
        let chunk = What::Chunk {
            direction,
            offset,
            bytes: Bytes::from_static(bytes),
            full_len: None,
        };
        self.tell(source, chunk);
    }

    fn packet(&mut self, direction: Direction, offset: Option<u64>, packet: &Kept) {
        let packet = Box::new(packet.clone());
        let what = What::Packet {
            direction,
            offset,
            packet,
        };
        self.tell(0, what);
    }

    fn finish(mut self) -> String {
        self.out.push_str(&self.ladder.finish());
        self.out
    }
}

const OUT: Direction = Direction::Out;
const IN: Direction = Direction::In;

#[test]
fn a_request_and_its_half_closed_answer() {
    let file = capture!("tcp/half_close.pcap");
    let (rows, ladder) = ladder_of(file, usize::MAX, Tap::Client, wide(None));
    insta::assert_snapshot!("half_close", rows);
    insta::assert_snapshot!("half_close_svg", ladder.svg());
    let (rows, _) = ladder_of(file, usize::MAX, Tap::Client, narrow());
    insta::assert_snapshot!("half_close_narrow", rows);
}

#[test]
fn every_step_is_taught_in_both_languages() {
    let file = capture!("tcp/half_close.pcap");
    let english = wide(Some(Language::English));
    let (rows, _) = ladder_of(file, usize::MAX, Tap::Client, english);
    insta::assert_snapshot!("taught", rows);
    let chinese = wide(Some(Language::Chinese));
    let (rows, _) = ladder_of(file, usize::MAX, Tap::Client, chinese);
    insta::assert_snapshot!("taught_chinese", rows);
}

#[test]
fn what_fills_a_hole_is_no_delayed_acknowledgement() {
    let taught = |file: &[u8]| {
        ladder_of(
            file,
            usize::MAX,
            Tap::Unknown,
            wide(Some(Language::English)),
        )
        .0
    };
    assert!(!taught(capture!("tcp/bulk_loss.pcap")).contains("delayed ACK"));
    assert!(taught(capture!("tcp/half_close.pcap")).contains("delayed ACK"));
}

#[test]
fn a_long_number_of_a_packet_is_whole() {
    let frame = [0; 60];
    for options in [wide(None), narrow()] {
        let mut observer = Observer::new(Settings::default());
        let mut ladder = Ladder::new(options);
        let mut rows = String::new();
        for number in [1, 123_456] {
            let mut sighting = observer.observe(Packet::new(LinkType::ETHERNET, &frame));
            sighting.frame = number;
            ladder.push_sighting(&sighting);
            rows.push_str(&ladder.take());
        }
        rows.push_str(&ladder.finish());
        assert!(rows.contains("#123456 "), "{rows}");
        let lengths = rows
            .lines()
            .filter(|row| row.contains(" #"))
            .map(width::width);
        let lengths: BTreeSet<usize> = lengths.collect();
        assert!(lengths.len() <= 2, "{rows}");
    }
}

#[test]
fn every_lesson_has_a_chinese_side() {
    let is_ideograph = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let files: [&[u8]; 11] = [
        capture!("tcp/both_ways_loss.pcap"),
        capture!("tcp/bulk_loss.pcap"),
        capture!("tcp/delayed_ack.pcap"),
        capture!("tcp/keep_alive.pcap"),
        capture!("tcp/no_options.pcap"),
        capture!("tcp/ping_pong_loss.pcap"),
        capture!("tcp/port_reuse.pcap"),
        capture!("tcp/self_connect.pcap"),
        capture!("tcp/super_segments.pcap"),
        capture!("tcp/zero_window.pcap"),
        capture!("loopback.pcapng"),
    ];
    for file in files {
        for tap in [Tap::Client, Tap::Unknown] {
            let options = wide(Some(Language::Chinese));
            let (rows, _) = ladder_of(file, usize::MAX, tap, options);
            for row in rows.lines().filter(|row| row.contains('»')) {
                assert!(row.contains(is_ideograph), "{row}");
            }
        }
    }
}

#[test]
fn resets_and_refusals_are_told_apart() {
    let options = wide(Some(Language::English));
    let (rows, _) = ladder_of(
        capture!("tcp/reset.pcap"),
        usize::MAX,
        Tap::Unknown,
        options,
    );
    insta::assert_snapshot!("reset", rows);
}

#[test]
fn a_window_closes_and_opens_again() {
    let options = wide(Some(Language::English));
    let file = capture!("tcp/zero_window.pcap");
    let (rows, _) = ladder_of(file, 26, Tap::Client, options);
    insta::assert_snapshot!("zero_window", rows);
}

#[test]
fn what_was_lost_is_sent_again() {
    let options = wide(Some(Language::Chinese));
    let file = capture!("tcp/bulk_loss.pcap");
    let (rows, ladder) = ladder_of(file, 60, Tap::Client, options);
    insta::assert_snapshot!("loss", rows);
    let svg = ladder.svg();
    assert!(svg.contains("stroke-dasharray=\"7 4\"") && svg.contains("重传"));
}

#[test]
fn both_ends_close_at_once() {
    let options = wide(Some(Language::Chinese));
    let file = capture!("tcp/simultaneous_close.pcap");
    let (rows, _) = ladder_of(file, usize::MAX, Tap::Unknown, options);
    insta::assert_snapshot!("simultaneous_close", rows);
}

#[test]
fn whatever_else_a_capture_holds_has_its_place() {
    let file = capture!("loopback.pcapng");
    let (rows, _) = ladder_of(file, 33, Tap::Both, wide(Some(Language::English)));
    insta::assert_snapshot!("loopback", rows);
}

#[test]
fn numbers_are_shown_as_they_are_wanted() {
    let file = capture!("tcp/reset.pcap");
    let rows = |numbers| {
        let options = Options {
            numbers,
            ..wide(None)
        };
        ladder_of(file, 4, Tap::Unknown, options).0
    };
    assert!(rows(Numbers::Relative).contains("Seq=1 Ack=1 "));
    let absolute = rows(Numbers::Absolute);
    assert!(!absolute.contains("Seq=1 "));
    let both = rows(Numbers::Both);
    let number = absolute.split("[PSH, ACK] Seq=").nth(1).unwrap();
    let number = number.split(' ').next().unwrap();
    assert!(both.contains(&format!("Seq=1 ({number})")), "{both}");
}

#[test]
fn writes_packets_and_reads_of_both_ends_are_joined_by_their_offsets() {
    let kept = sighting::tests::kept();
    let mut scene = Scene::new(wide(None));
    for packet in &kept[..3] {
        let is_ours = packet.frame != 2;
        scene.packet(if is_ours { OUT } else { IN }, None, packet);
    }
    scene.open(0, CLIENT, SERVER);
    scene.open(1, SERVER, CLIENT);
    // The packet passes the tap before its writes return.
    scene.packet(OUT, Some(0), &kept[3]);
    scene.chunk(0, OUT, 0, b"he");
    scene.chunk(0, OUT, 2, b"llo");
    scene.chunk(1, IN, 0, b"hello");
    scene.chunk(1, OUT, 0, b"HELLO, you");
    scene.packet(IN, Some(0), &kept[4]);
    scene.chunk(0, IN, 0, b"HELLO, ");
    scene.chunk(0, IN, 7, b"you");
    scene.packet(OUT, Some(0), &kept[5]);
    for source in [0, 1] {
        let message = String::new();
        let reason = Reason::Fin;
        scene.tell(source, What::Closed { reason, message });
    }
    let svg = {
        let _ = scene.ladder.finish();
        scene.ladder.svg()
    };
    insta::assert_snapshot!("both_ends", scene.finish());
    insta::assert_snapshot!("both_ends_svg", svg);
}

#[test]
fn a_packet_does_not_wait_for_ever_for_its_write() {
    let kept = sighting::tests::kept();
    let mut scene = Scene::new(wide(None));
    scene.open(0, CLIENT, SERVER);
    scene.packet(OUT, Some(0), &kept[3]);
    assert!(!scene.out.contains("hello"), "{}", scene.out);
    let now = EPOCH + scene.at + WAIT;
    scene.ladder.settle(now);
    assert!(scene.ladder.take().contains("\"hello\""));
    scene.packet(OUT, Some(5), &kept[3]);
    for _ in 0..=MOST_WAITING {
        let message = "something".to_owned();
        let kind = FaultKind::Failed;
        let count = None;
        let fault = What::Fault {
            kind,
            message,
            count,
        };
        scene.tell_at(scene.at, 0, fault);
    }
    assert!(scene.out.contains("\"hello\""));
}

#[test]
fn a_packet_waits_for_the_write_of_the_other_end_where_that_is_told_too() {
    let kept = sighting::tests::kept();
    let mut scene = Scene::new(wide(None));
    scene.open(0, CLIENT, SERVER);
    scene.open(1, SERVER, CLIENT);
    scene.packet(IN, Some(0), &kept[4]);
    scene.chunk(1, OUT, 0, b"HELLO, you");
    scene.chunk(0, IN, 0, b"HELLO, you");
    let rows = scene.finish();
    let place = |text| {
        rows.find(text)
            .unwrap_or_else(|| panic!("{text} in {rows}"))
    };
    assert!(place("write 1\n") < place("#5"), "{rows}");
    assert!(rows.contains("← #5"), "{rows}");
}

#[test]
fn packets_that_two_sources_tell_are_drawn_once() {
    let kept = sighting::tests::kept();
    let mut scene = Scene::new(wide(None));
    for source in [0, 1] {
        for packet in &kept[..3] {
            let packet = Box::new(packet.clone());
            let (direction, offset) = (OUT, None);
            let what = What::Packet {
                direction,
                offset,
                packet,
            };
            scene.tell(source, what);
        }
    }
    assert_eq!(scene.finish().matches("Seq=").count(), 3);
}

#[test]
fn a_listener_stands_at_the_right() {
    let mut scene = Scene::new(wide(None));
    let local = SERVER.to_owned();
    scene.tell(0, What::Listening { local });
    scene.open(0, SERVER, CLIENT);
    let rows = scene.finish();
    let heading = rows.lines().next().unwrap();
    assert_eq!(heading, "── 1 · TCP 127.0.0.1:40000 ↔ 127.0.0.1:7000");
}

#[test]
fn a_unix_conversation_has_messages() {
    let conversation = wire::Conversation {
        protocol: "UNIX",
        ..wire::Conversation::default()
    };
    let bytes = conversation.packet(b"hello\n");
    let packet = Observer::new(Settings::default())
        .observe(Packet::new(LinkType::UPPER_PDU, &bytes))
        .keep();
    let mut scene = Scene::new(wide(Some(Language::English)));
    scene.open(0, "", "unix:///run/a.sock");
    scene.chunk(0, OUT, 0, b"hello\n");
    scene.packet(OUT, Some(0), &packet);
    scene.packet(IN, Some(0), &packet);
    scene.chunk(0, IN, 0, b"hello\n");
    insta::assert_snapshot!("unix", scene.finish());
}

#[test]
fn the_picture_tells_what_it_leaves_out() {
    let options = Options {
        picture_rows: 5,
        ..wide(None)
    };
    let (_, ladder) = ladder_of(capture!("tcp/half_close.pcap"), 13, Tap::Client, options);
    assert!(
        ladder
            .svg()
            .contains("… further steps that are not drawn: 8")
    );
    let empty = Ladder::new(Options::default());
    assert!(empty.svg().contains("no packet and no call"));
}

#[test]
fn what_a_peer_sends_is_harmless_in_rows_and_in_the_picture() {
    let message = "<script>&\"\x1b[2J\u{202e}".to_owned();
    let mut scene = Scene::new(wide(None));
    scene.open(0, CLIENT, "tcp://\x1b[2J<b>");
    scene.open(0, CLIENT, SERVER);
    scene.chunk(0, OUT, 0, b"</svg><script>\x1b[2J&\xff");
    scene.chunk(0, IN, 0, "</svg>\u{202e}&".as_bytes());
    let (kind, data) = ("note".to_owned(), crate::event::Value::Null);
    scene.tell(
        0,
        What::Note {
            kind,
            message,
            data,
        },
    );
    let _ = scene.ladder.finish();
    let svg = scene.ladder.svg();
    assert!(!svg.contains("<script") && !svg.contains("<b>") && svg.matches("</svg>").count() == 1);
    for text in [svg, scene.finish()] {
        assert!(!text.contains(['\x1b', '\u{202e}']), "{text}");
    }
}

#[test]
fn a_flood_of_conversations_is_forgotten() {
    let mut ladder = Ladder::new(Options::default());
    let mut observer = Observer::new(Settings::default());
    for number in 0..3000_u16 {
        let mut bytes = sighting::tests::kept()[0].bytes.to_vec();
        bytes[20..22].copy_from_slice(&number.to_be_bytes());
        ladder.push_sighting(&observer.observe(Packet::new(LinkType::RAW, &bytes)));
        let _ = ladder.take();
    }
    assert_eq!(ladder.conversations.len(), MOST_CONVERSATIONS);
    assert_eq!(ladder.order.len(), MOST_CONVERSATIONS);
    assert_eq!(ladder.picture.len(), Options::default().picture_rows);
}
