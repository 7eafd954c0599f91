//! What the lens shows: golden pictures of whole conversations, and the laws of any.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::machine::Reason;
use crate::text::width;
use crate::time::Time;

mod chinese;
mod live;
mod packets;
mod values;

const A: &str = "tcp://127.0.0.1:40000";
const B: &str = "tcp://127.0.0.1:7000";

/// Tells a lens of two ends of one stream.
struct Scene {
    lens: Lens,
    offsets: [u64; 2],
    frames: u64,
}

impl Scene {
    fn new(options: Options) -> Self {
        Self {
            lens: Lens::new(options),
            offsets: [0; 2],
            frames: 0,
        }
    }

    fn one(framing: &str) -> Self {
        Self::new(Options {
            framing: Some(framing.parse().expect("it is a framing")),
            width: 80,
            ..Options::default()
        })
    }

    fn two() -> Self {
        Self::new(Options {
            ends: Ends::Two,
            framing: Some(Framing::Lines),
            width: 100,
            ..Options::default()
        })
    }

    fn tell(&mut self, source: usize, what: What) {
        self.lens.push(
            source,
            &Event {
                number: 1,
                time: Time::ZERO,
                session: 1,
                peer: 1,
                what,
            },
        );
    }

    /// The end at A opens as source 0, the one at B as source 1.
    fn open(&mut self, source: usize) {
        let (local, addr) = if source == 0 { (A, B) } else { (B, A) };
        self.tell(
            source,
            What::Opened {
                addr: addr.to_owned(),
                local: local.to_owned(),
            },
        );
    }

    fn close(&mut self, source: usize) {
        let closed = What::Closed {
            reason: Reason::Fin,
            message: String::new(),
        };
        self.tell(source, closed);
    }

    fn chunk(&mut self, source: usize, direction: Direction, bytes: &[u8]) {
        let offset = self.offsets[source];
        self.offsets[source] += bytes.len() as u64;
        self.tell(
            source,
            What::Chunk {
                direction,
                offset,
                bytes: Bytes::copy_from_slice(bytes),
                full_len: None,
            },
        );
    }

    fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.chunk(0, Direction::Out, bytes.as_ref());
    }

    fn read(&mut self, bytes: impl AsRef<[u8]>) {
        self.chunk(1, Direction::In, bytes.as_ref());
    }

    /// Tells of a message heard that takes `wire` bytes.
    fn heard(&mut self, payload: impl AsRef<[u8]>, wire: u64) {
        self.frame(1, Direction::In, payload.as_ref(), wire, false);
    }

    fn said(&mut self, payload: impl AsRef<[u8]>, wire: u64) {
        self.frame(0, Direction::Out, payload.as_ref(), wire, false);
    }

    fn frame(
        &mut self,
        source: usize,
        direction: Direction,
        bytes: &[u8],
        wire: u64,
        partial: bool,
    ) {
        let offset = self.frames;
        self.frames += wire;
        self.tell(
            source,
            What::Frame {
                direction,
                offset,
                payload: Bytes::copy_from_slice(bytes),
                text: None,
                malformed: false,
                partial,
                full_len: None,
            },
        );
    }

    fn finish(mut self) -> String {
        self.lens.finish()
    }
}

#[test]
fn sticky_and_half_messages_are_seen_where_they_are_read() {
    let mut scene = Scene::one("lines");
    scene.open(1);
    scene.read("hello\nwor");
    scene.heard("hello", 6);
    scene.read("ld\nagain\n");
    scene.heard("world", 6);
    scene.heard("again", 6);
    scene.read("rest");
    insta::assert_snapshot!("read", scene.finish());
}

#[test]
fn one_end_shows_how_its_messages_were_written() {
    let mut scene = Scene::one("lines");
    scene.open(0);
    scene.write("he");
    scene.write("llo\nworld\n");
    scene.said("hello", 6);
    scene.said("world", 6);
    scene.close(0);
    insta::assert_snapshot!("written", scene.finish());
}

#[test]
fn both_ends_show_where_the_cut_came_from() {
    let mut scene = Scene::two();
    scene.open(0);
    scene.write("one\n");
    scene.said("one", 4);
    scene.write("two\n");
    scene.said("two", 4);
    scene.write("thr");
    scene.write("ee\n");
    scene.said("three", 6);
    scene.write("four is long\n");
    scene.said("four is long", 13);
    scene.close(0);
    scene.open(1);
    scene.read("one\ntwo\nt");
    scene.read("hree\n");
    scene.read("four ");
    scene.read("is long\n");
    scene.close(1);
    insta::assert_snapshot!("both_ends", scene.finish());
}

#[test]
fn without_a_framing_what_was_written_is_the_message() {
    let mut scene = Scene::new(Options {
        ends: Ends::Two,
        ..Options::default()
    });
    scene.open(0);
    scene.open(1);
    scene.write("first");
    scene.write("second");
    scene.read("firstsec");
    scene.read("ond");
    insta::assert_snapshot!("raw_both_ends", scene.finish());
}

#[test]
fn binary_messages_show_digits_and_headers_belong_to_them() {
    let mut scene = Scene::one("len:u16be");
    scene.open(1);
    scene.read(b"\x00\x03\x01\x02\x03\x00");
    scene.heard(b"\x01\x02\x03", 5);
    scene.read(b"\x04\xff\xfe\x00\x9c");
    scene.heard(b"\xff\xfe\x00\x9c", 6);
    insta::assert_snapshot!("binary", scene.finish());
}

#[test]
fn wide_characters_stay_in_their_columns_and_their_halves_are_shown() {
    let mut scene = Scene::one("lines");
    scene.open(1);
    let line = "你好，世界你好，世界你好，世界你好，世界\n".as_bytes();
    scene.read(&line[..4]);
    scene.read(&line[4..]);
    let payload = &line[..line.len() - 1];
    scene.heard(payload, line.len() as u64);
    let shown = scene.finish();
    for row in shown.lines().filter(|line| !line.contains('↑')) {
        assert!(width::width(row) <= 80, "{row}");
    }
    insta::assert_snapshot!("wide", shown);
}

#[test]
fn d1_nothing_that_a_peer_sends_reaches_the_terminal() {
    let hostile = "\x1b]0;owned\x07\u{9b}31m\u{202e}txt\r\n";
    for charset in [Some(Charset::UTF_8), None, "gbk".parse().ok()] {
        for framing in [None, Some(Framing::Lines)] {
            let mut scene = Scene::new(Options {
                charset,
                framing,
                ..Options::default()
            });
            scene.tell(
                0,
                What::Opened {
                    addr: "tcp://\x1b[2J\n".to_owned(),
                    local: "tcp://\u{202e}".to_owned(),
                },
            );
            scene.write(hostile);
            scene.write([0x1b, b'[', b'2', b'J', 0x9b, 0xff, 0x80]);
            scene.write(hostile.as_bytes().repeat(100));
            scene.said(hostile.trim_end(), hostile.len() as u64);
            let shown = scene.finish();
            assert!(shown.contains("1b") || shown.contains("\\x1b"), "{shown}");
            let hidden =
                |c: char| c != '\n' && (c.is_control() || crate::text::escape::is_hidden(c));
            assert_eq!(shown.find(hidden), None, "{shown:?}");
        }
    }
}

#[test]
fn rows_are_drawn_as_soon_as_nothing_can_change_them() {
    let mut scene = Scene::one("lines");
    scene.open(1);
    scene.read("hel");
    assert_eq!(scene.lens.draw(), "");
    scene.read("lo\nwor");
    scene.heard("hello", 6);
    let shown = scene.lens.draw();
    assert!(
        shown.contains("\"lo\\n\"") && !shown.contains("wor"),
        "{shown}"
    );
    scene.read("ld\n");
    scene.heard("world", 6);
    let shown = scene.lens.draw();
    assert!(shown.starts_with("       6 └"), "{shown}");
    assert_eq!(scene.lens.take(), "");
    scene.close(1);
    assert!(
        scene
            .lens
            .take()
            .contains("2 messages; 1 read sticky, 2 messages half")
    );
}

#[test]
fn the_same_addresses_again_are_another_conversation() {
    let mut scene = Scene::two();
    for text in ["first", "second"] {
        scene.offsets = [0; 2];
        scene.open(0);
        scene.open(1);
        scene.write(text);
        scene.read(text);
        scene.close(0);
        scene.close(1);
    }
    let shown = scene.finish();
    assert_eq!(shown.matches("1 write, 1 read").count(), 2, "{shown}");
}

#[test]
fn two_ends_that_differ_are_not_taken_for_one_stream() {
    let mut scene = Scene::two();
    scene.open(0);
    scene.open(1);
    scene.write("hello");
    scene.read("help!");
    assert!(scene.finish().contains("differ at byte 3"));
}

#[test]
fn datagrams_are_not_joined_for_some_may_be_lost() {
    let mut scene = Scene::two();
    let (a, b) = ("udp://127.0.0.1:1", "udp://127.0.0.1:2");
    for (source, local, addr) in [(0, a, b), (1, b, a)] {
        let (local, addr) = (local.to_owned(), addr.to_owned());
        scene.tell(source, What::Opened { addr, local });
    }
    scene.write("lost");
    scene.write("kept");
    scene.read("kept");
    let shown = scene.finish();
    assert!(shown.contains("8 bytes: 2 writes\n"), "{shown}");
    assert!(shown.contains("4 bytes: 1 read\n"), "{shown}");
}

#[test]
fn b1_a_message_without_end_is_drawn_without_its_end_rather_than_held() {
    let mut scene = Scene::one("lines");
    scene.open(1);
    scene.read("short\n");
    scene.heard("short", 6);
    let piece = vec![b'x'; 64 * 1024];
    let mut shown = 0;
    for _ in 0..64 {
        scene.read(&piece);
        shown += scene.lens.take().lines().count();
    }
    assert!(shown > 30);
    for _ in 0..100_000 {
        scene.read("y");
        shown += scene.lens.take().lines().count();
    }
    assert!(shown > 80_000);
    scene.heard(vec![b'x'; 64 * 64 * 1024], 64 * 64 * 1024 + 100_000);
    assert!(scene.finish().contains("100065 reads, 2 messages"));
}

#[test]
fn c1_what_a_recording_claims_makes_no_panic() {
    for offset in [0, 1, u64::MAX - 1, u64::MAX] {
        let mut scene = Scene::one("lines");
        scene.open(1);
        scene.offsets[1] = offset;
        let bytes = Bytes::from_static(b"abc\n");
        for direction in [Direction::In, Direction::Out] {
            for _ in 0..2 {
                let chunk = What::Chunk {
                    direction,
                    offset,
                    bytes: bytes.clone(),
                    full_len: None,
                };
                scene.tell(1, chunk);
                scene.frames = offset;
                scene.frame(1, direction, b"abc", 0, false);
                scene.frame(1, direction, b"", 0, true);
            }
        }
        let shown = scene.lens.draw() + &scene.finish();
        assert!(shown.lines().count() < 20, "{shown}");
    }
}

proptest! {
    /// However a stream is cut, the rows tell each of its bytes once, and each cut where it is.
    #[test]
    fn every_byte_and_every_boundary_is_shown_once(
        messages in proptest::collection::vec("[a-z]{0,9}", 1..12),
        writes in proptest::collection::vec(1usize..9, 1..40),
        reads in proptest::collection::vec(1usize..9, 1..40),
        draws in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let wire: Vec<u8> = messages.iter().flat_map(|text| format!("{text}\n").into_bytes()).collect();
        let cut = |lens: &[usize]| {
            let mut rest = wire.as_slice();
            let mut pieces = Vec::new();
            for len in lens.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at(rest.len().min(*len));
                pieces.push(piece.to_vec());
                rest = after;
            }
            pieces
        };
        let (writes, reads) = (cut(&writes), cut(&reads));
        let mut scene = Scene::two();
        scene.open(0);
        scene.open(1);
        let mut shown = String::new();
        let (mut written, mut read, mut said) = (0, 0, 0);
        let mut draws = draws.iter().cycle();
        while written < writes.len() || read < reads.len() || said < messages.len() {
            if written < writes.len() { scene.write(&writes[written]); written += 1; }
            if scene.offsets[1] < scene.offsets[0] && read < reads.len() {
                scene.read(&reads[read]);
                read += 1;
            }
            while said < messages.len()
                && scene.frames + (messages[said].len() as u64) < scene.offsets[0]
            {
                scene.said(&messages[said], messages[said].len() as u64 + 1);
                said += 1;
            }
            if *draws.next().expect("it is endless") { shown.push_str(&scene.lens.draw()); }
        }
        shown.push_str(&scene.finish());
        let is_row = |line: &&str| {
            line.trim_start().starts_with(|c: char| c.is_ascii_digit()) && line.contains(['─', '┌', '│', '└'])
        };
        let rows: Vec<&str> = shown.lines().filter(is_row).collect();
        let count = |glyphs: [char; 2]| rows.iter().flat_map(|row| row.chars()).filter(|c| glyphs.contains(c)).count();
        let pieces = writes.len() + reads.len() + messages.len();
        prop_assert_eq!(count(['─', '┌']), pieces, "{}", shown);
        prop_assert_eq!(count(['─', '└']), pieces, "{}", shown);
        let bytes: String = rows.iter().filter_map(|row| row.split('"').nth(1)).collect();
        prop_assert_eq!(bytes.replace("\\n", "\n").into_bytes(), wire, "{}", shown);
    }
}
