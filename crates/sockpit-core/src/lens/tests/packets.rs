//! What the lens shows of packets: where they cut a stream, and which datagrams they carried.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use crate::lens::*;
use crate::machine::Reason;
use crate::strings::{Catalogue, Language};
use crate::time::Time;
use crate::wire::{CaptureFacts, LinkType};

// port: nothing is bound, these are words of hand-made events.
const A: &str = "127.0.0.1:40000"; // port: as above
const B: &str = "127.0.0.1:7000"; // port: as above

/// Tells a lens of both ends of a conversation; those of source 0 are at A, of source 1 at B.
pub(super) struct Scene {
    lens: Lens,
    transport: &'static str,
    /// Where the next write and the next read begin.
    offsets: [u64; 2],
}

impl Scene {
    pub(super) fn new(transport: &'static str, ends: Ends) -> Self {
        let options = Options {
            ends,
            ..Options::default()
        };
        Self::with(transport, options)
    }

    pub(super) fn with(transport: &'static str, options: Options) -> Self {
        Self {
            lens: Lens::new(options),
            transport,
            offsets: [0; 2],
        }
    }

    fn tell_as(&mut self, source: usize, peer: u32, what: What) {
        let event = Event {
            number: 1,
            time: Time::ZERO,
            session: 1,
            peer,
            what,
        };
        self.lens.push(source, &event);
    }

    pub(super) fn tell(&mut self, source: usize, what: What) {
        self.tell_as(source, 1, what);
    }

    /// Says that packets are captured, and opens.
    pub(super) fn open(&mut self, source: usize) {
        self.note(source, json!({"level": "ring"}));
        let (local, addr) = if source == 0 { (A, B) } else { (B, A) };
        let [local, addr] = [local, addr].map(|addr| format!("{}://{addr}", self.transport));
        self.tell(source, What::Opened { addr, local });
    }

    fn note(&mut self, source: usize, data: Value) {
        let note = What::Note {
            kind: "wire".to_owned(),
            message: String::new(),
            data,
        };
        self.tell_as(source, 0, note);
    }

    fn close(&mut self, source: usize) {
        let closed = What::Closed {
            reason: Reason::Fin,
            message: String::new(),
        };
        self.tell(source, closed);
    }

    pub(super) fn chunk(&mut self, source: usize, bytes: &[u8], full_len: Option<usize>) {
        let offset = self.offsets[source];
        self.offsets[source] += bytes.len() as u64;
        let direction = if source == 0 {
            Direction::Out
        } else {
            Direction::In
        };
        let bytes = Bytes::copy_from_slice(bytes);
        self.tell(
            source,
            What::Chunk {
                direction,
                offset,
                bytes,
                full_len,
            },
        );
    }

    pub(super) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.chunk(0, bytes.as_ref(), None);
    }

    pub(super) fn read(&mut self, bytes: impl AsRef<[u8]>) {
        self.chunk(1, bytes.as_ref(), None);
    }

    /// Tells of a packet from A to B that a source's tap saw.
    pub(super) fn packet(&mut self, source: usize, offset: u64, payload: impl AsRef<[u8]>) {
        let is_stream = self.transport == "tcp";
        let direction = if source == 0 {
            Direction::Out
        } else {
            Direction::In
        };
        let packet = packet(is_stream, payload.as_ref());
        self.tell(
            source,
            What::Packet {
                direction,
                offset: is_stream.then_some(offset),
                packet: Box::new(packet),
            },
        );
    }

    pub(super) fn finish(mut self) -> String {
        self.lens.finish()
    }
}

/// A packet from A to B.
fn packet(is_stream: bool, payload: &[u8]) -> Kept {
    let header = if is_stream { 20 } else { 8 };
    let len = u16::try_from(20 + header + payload.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![0x45, 0];
    bytes.extend(len.to_be_bytes());
    let protocol = if is_stream { 6 } else { 17 };
    bytes.extend([
        0, 0, 0x40, 0, 64, protocol, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
    ]);
    bytes.extend(40_000_u16.to_be_bytes());
    bytes.extend(7000_u16.to_be_bytes());
    if is_stream {
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
    } else {
        bytes.extend((len - 20).to_be_bytes());
        bytes.extend([0, 0]);
    }
    bytes.extend(payload);
    Kept {
        frame: 1,
        link: LinkType::RAW,
        full_len: bytes.len(),
        bytes: bytes.into(),
        facts: CaptureFacts::default(),
        analysis: None,
    }
}

#[test]
fn packets_stand_between_writes_and_reads() {
    let mut scene = Scene::new("tcp", Ends::Two);
    scene.open(0);
    scene.open(1);
    scene.write("one");
    scene.write("two");
    scene.write("three and more");
    scene.read("onetwo");
    scene.read("three and more");
    scene.packet(0, 0, "onetwo");
    scene.packet(0, 6, "three ");
    scene.packet(0, 12, "and more");
    insta::assert_snapshot!("packets", scene.finish());
}

#[test]
fn a_packet_that_was_sent_again_is_shown_once() {
    let mut scene = Scene::new("tcp", Ends::One);
    scene.open(0);
    scene.write("hello");
    scene.write(" world");
    scene.packet(0, 0, "hello");
    scene.packet(0, 5, " world");
    scene.packet(0, 0, "hello");
    scene.packet(0, 0, "hello world");
    insta::assert_snapshot!("again", scene.finish());
}

#[test]
fn packets_of_either_end_are_joined_once() {
    let mut scene = Scene::new("tcp", Ends::Two);
    scene.open(0);
    scene.open(1);
    scene.write("hello world");
    for source in [0, 1] {
        scene.packet(source, 0, "hello");
        scene.packet(source, 5, " world");
    }
    scene.read("hello world");
    let shown = scene.finish();
    assert!(!shown.contains('×'), "{shown}");
    assert!(
        shown.contains("11 bytes: 1 write, 2 packets, 1 read"),
        "{shown}"
    );
}

#[test]
fn packets_out_of_order_stand_in_the_order_of_the_stream() {
    let mut scene = Scene::new("tcp", Ends::One);
    scene.open(1);
    scene.packet(1, 6, "world\n");
    scene.packet(1, 12, "again\n");
    scene.packet(1, 0, "hello\n");
    scene.read("hello\nworld\nagain\n");
    insta::assert_snapshot!("out_of_order", scene.finish());
}

#[test]
fn packets_that_come_backwards_are_numbered_by_their_places() {
    let mut scene = Scene::new("tcp", Ends::One);
    scene.open(1);
    for place in (0..200).rev() {
        scene.packet(1, place * 2, "ab");
    }
    for _ in 0..200 {
        scene.read("ab");
    }
    let shown = scene.finish();
    for number in [1, 2, 100, 200] {
        let cells = format!("─ {number} 2 B");
        assert_eq!(shown.matches(&cells).count(), 2, "{number}\n{shown}");
    }
}

#[test]
fn rows_wait_for_packets_that_come_after_the_conversation_has_closed() {
    let mut scene = Scene::new("tcp", Ends::One);
    scene.open(0);
    scene.write("hello");
    assert_eq!(scene.lens.draw(), "");
    scene.write(" world");
    scene.close(0);
    assert_eq!(scene.lens.take(), "");
    scene.packet(0, 0, "hello");
    assert_eq!(scene.lens.take(), "");
    scene.packet(0, 5, " world");
    let shown = scene.lens.take();
    assert!(shown.contains("11 bytes: 2 writes, 2 packets"), "{shown}");
    assert_eq!(scene.finish(), "");
}

#[test]
fn packets_that_do_not_come_are_not_waited_for_for_ever() {
    let closed = || {
        let mut scene = Scene::new("tcp", Ends::One);
        scene.open(0);
        scene.write("hello");
        scene.close(0);
        assert_eq!(scene.lens.take(), "");
        scene
    };
    let mut quiet = closed();
    assert!(quiet.lens.draw().contains("5 bytes: 1 write\n"));
    let mut over = closed();
    over.note(0, json!({"packets": 0, "dropped": 0}));
    assert!(over.lens.take().contains("5 bytes: 1 write\n"));
    let mut much = Scene::new("tcp", Ends::One);
    much.open(0);
    for _ in 0..20 {
        much.write(vec![b'x'; 64 * 1024]);
    }
    assert!(much.lens.take().lines().count() > 10);
}

#[test]
fn packets_from_before_a_peer_is_known_are_not_lost() {
    let mut scene = Scene::new("udp", Ends::One);
    scene.packet(1, 0, "hello");
    scene.open(1);
    scene.read("hello");
    let shown = scene.finish();
    assert!(shown.contains("5 bytes: 1 packet, 1 read\n"), "{shown}");
}

#[test]
fn without_a_capture_nothing_waits() {
    let mut scene = Scene::new("tcp", Ends::One);
    scene.note(0, json!({"level": "none"}));
    let [local, addr] = [A, B].map(|addr| format!("tcp://{addr}"));
    scene.tell(0, What::Opened { addr, local });
    scene.write("hello");
    assert!(scene.lens.draw().contains("\"hello\""));
}

#[test]
fn a_hole_that_the_capture_left_does_not_hold_the_rest_back() {
    let mut scene = Scene::new("tcp", Ends::One);
    scene.open(0);
    let piece = [b'x'; 1000];
    for index in 0..500_u64 {
        scene.write(piece);
        if index != 3 {
            scene.packet(0, index * 1000, piece);
        }
    }
    let shown = scene.lens.draw();
    assert!(shown.lines().count() > 400, "{shown}");
}

#[test]
fn bytes_that_came_and_were_never_read_are_told() {
    let mut scene = Scene::new("tcp", Ends::One);
    scene.open(1);
    scene.read("hello");
    scene.packet(1, 0, "hello world");
    let shown = scene.finish();
    assert!(
        shown.contains("6 bytes, from 5 on, came and were never read"),
        "{shown}"
    );
}

#[test]
fn datagrams_are_joined_by_order_and_bytes() {
    let mut scene = Scene::new("udp", Ends::One);
    scene.open(1);
    scene.read("first");
    for payload in ["first", "dropped", "second", "a long one"] {
        scene.packet(1, 0, payload);
    }
    scene.read("second");
    scene.chunk(1, b"a long", Some(10));
    for payload in ["late", "later", "last"] {
        scene.packet(1, 0, payload);
    }
    insta::assert_snapshot!("datagrams", scene.finish());
}

#[test]
fn datagrams_that_are_written_have_their_packets() {
    let mut scene = Scene::new("udp", Ends::One);
    scene.open(0);
    for text in ["same", "same", "other"] {
        scene.write(text);
    }
    for text in ["same", "same", "other"] {
        scene.packet(0, 0, text);
    }
    let shown = scene.lens.draw();
    assert!(
        shown.contains("─ 3 5 B         ─ 3 5 B         \"other\""),
        "{shown}"
    );
    assert!(scene.finish().contains("13 bytes: 3 writes, 3 packets\n"));
}

#[test]
fn a_datagram_whose_packet_was_not_captured_goes_without() {
    let mut scene = Scene::new("udp", Ends::One);
    scene.open(1);
    for text in ["a", "b", "c"] {
        scene.read(text);
    }
    scene.packet(1, 0, "b");
    scene.packet(1, 0, "c");
    let shown = scene.finish();
    assert!(shown.contains("3 bytes: 2 packets, 3 reads\n"), "{shown}");
    assert!(!shown.contains("never read"), "{shown}");
}

#[test]
fn an_empty_datagram_between_packets_that_nobody_read_is_none_of_them() {
    let mut scene = Scene::new("udp", Ends::One);
    scene.open(1);
    for _ in 0..3 {
        scene.packet(1, 0, "lost");
        scene.packet(1, 0, "");
        scene.read("");
    }
    scene.read("end");
    let shown = scene.finish();
    assert!(shown.contains("packets 1 to 5 were never read"), "{shown}");
    assert!(shown.contains("3 packets never read"), "{shown}");
}

#[test]
fn packets_that_nobody_reads_are_drawn_before_they_are_too_many() {
    let mut scene = Scene::new("udp", Ends::One);
    scene.open(1);
    let mut shown = String::new();
    for index in 0..5000_u32 {
        scene.packet(1, 0, "nobody reads this");
        scene.packet(1, 0, index.to_be_bytes());
        scene.read(index.to_be_bytes());
        shown.push_str(&scene.lens.take());
    }
    assert!(!shown.is_empty());
    shown.push_str(&scene.finish());
    assert!(
        shown.contains("10000 packets, 5000 reads; 5000 packets never read"),
        "{}",
        shown.lines().last().unwrap()
    );
}

#[test]
fn b1_a_flood_of_packets_that_nobody_reads_is_told_in_a_few_lines() {
    let mut scene = Scene::new("udp", Ends::One);
    scene.open(1);
    scene.read("first");
    scene.packet(1, 0, "first");
    for index in 0..50_000_u32 {
        scene.packet(1, 0, index.to_be_bytes());
    }
    let shown = scene.finish();
    assert!(shown.lines().count() < 20, "{shown}");
    assert!(
        shown.contains("packets 2 to 50001 were never read"),
        "{shown}"
    );
}

#[test]
fn what_is_said_of_packets_is_said_in_chinese() {
    let catalogue = Catalogue::new(Language::Chinese);
    let pictures = [
        include_str!("snapshots/sockpit_core__lens__tests__packets__packets.snap"),
        include_str!("snapshots/sockpit_core__lens__tests__packets__again.snap"),
        include_str!("snapshots/sockpit_core__lens__tests__packets__out_of_order.snap"),
        include_str!("snapshots/sockpit_core__lens__tests__packets__datagrams.snap"),
        "  offset packets         reads           bytes",
        "         ↑ packet 3 carries the end of write 1 and the beginning of write 2 (coalesced)",
        "         ↑ packet 3 carries the end of write 1, writes 2 to 4, the beginning of write 5 (coalesced)",
        "         ↑ packet 3 was read in 3 reads, 4 to 6",
        "         ↑ packet 3 was read in 2 reads, 4 and 5",
        "         ↑ read 3 took the end of packet 1 and packet 2",
        "         ↑ packets 5 and 6 were never read",
        "         ↑ 6 bytes, from 5 on, came and were never read",
        "      1 byte: 1 write, 1 packet",
        "      27 bytes: 5 writes, 4 packets, 1 read, 4 messages; 1 read sticky, 2 messages half, 1 packet coalesced",
    ];
    let is_told = |line: &&str| line.contains('↑') || line.contains(": ") && line.starts_with(' ');
    for line in pictures.iter().flat_map(|picture| picture.lines()) {
        if !is_told(&line) && !line.contains("offset") {
            continue;
        }
        let said = catalogue.lay_out(line);
        let english = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic());
        let words = said.split(|c: char| !c.is_ascii_alphanumeric());
        assert_eq!(words.into_iter().find(|word| english(word)), None, "{said}");
    }
}

proptest! {
    /// However packets cut a stream, and in whichever order they come, each of its bytes is shown
    /// once, and nothing panics on packets that a recording claims.
    #[test]
    fn every_byte_is_shown_once_with_packets_too(
        writes in proptest::collection::vec(1_usize..9, 1..20),
        mut packets in proptest::collection::vec((0_u64..150, 1_usize..30), 0..40),
        claimed in proptest::collection::vec((any::<u64>(), 0_usize..30), 0..3),
        is_late in any::<bool>(),
    ) {
        packets.extend(claimed);
        let mut scene = Scene::new("tcp", Ends::One);
        scene.open(0);
        let mut shown = String::new();
        let mut packets = packets.into_iter();
        for len in &writes {
            scene.write("x".repeat(*len));
            if let Some((offset, len)) = packets.next().filter(|_| !is_late) {
                scene.packet(0, offset, "x".repeat(len));
            }
            shown.push_str(&scene.lens.draw());
        }
        for (offset, len) in packets {
            scene.packet(0, offset, "x".repeat(len));
            shown.push_str(&scene.lens.draw());
        }
        shown.push_str(&scene.finish());
        let bytes: usize = shown.lines().filter_map(|row| row.split('"').nth(1)).map(str::len).sum();
        prop_assert_eq!(bytes, writes.iter().sum::<usize>(), "{}", shown);
    }

    /// Every read is joined with its packet, whatever was dropped between and whenever it is told.
    #[test]
    fn every_datagram_that_was_read_has_its_packet(
        sent in proptest::collection::vec(("[a-c]{1,3}", any::<bool>(), any::<bool>()), 1..40),
    ) {
        let mut scene = Scene::new("udp", Ends::One);
        scene.open(1);
        let mut waiting = Vec::new();
        let mut reads = 0;
        for (index, (text, is_read, is_told)) in sent.iter().enumerate() {
            // No two are the same, so that it is known which was read.
            let text = format!("{index}{text}");
            waiting.push(text.clone());
            if *is_read {
                scene.read(&text);
                reads += 1;
            }
            if *is_told {
                for text in waiting.drain(..) { scene.packet(1, 0, text); }
            }
        }
        for text in waiting { scene.packet(1, 0, text); }
        let shown = scene.finish();
        let joined = shown.lines().filter(|row| row.matches('─').count() == 2 && row.contains('"'));
        prop_assert_eq!(joined.count(), reads, "{}", shown);
        let total = format!("{} packet", sent.len());
        prop_assert!(shown.contains(&total), "{}", shown);
    }
}
