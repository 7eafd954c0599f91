use serde_json::json;

use super::*;
use crate::machine::Reason;
use crate::pcap::{Ending, Item, Reader};
use crate::sighting::tests::kept;

const EPOCH: Epoch = Epoch(1_795_248_000_000_000_000);
const MILLI: u64 = 1_000_000;

/// A transcript that is told events, one a millisecond.
struct Told {
    transcript: Transcript,
    out: Vec<u8>,
    number: u64,
}

/// What is in a file: its link types, its packets with the remarks on them, what was counted.
#[derive(Debug, Default, PartialEq)]
struct Found {
    links: Vec<LinkType>,
    packets: Vec<(Vec<u8>, Vec<String>)>,
    counted: Vec<(Option<u64>, Option<u64>)>,
    names: Vec<String>,
}

impl Told {
    fn new() -> Self {
        let mut out = Vec::new();
        let options = Options {
            charset: Some(Charset::UTF_8),
            expects_packets: true,
        };
        let transcript = Transcript::begin("sockpit", options, &mut out);
        Self {
            transcript,
            out,
            number: 0,
        }
    }

    fn tell(&mut self, what: What) -> &mut Self {
        self.tell_at(self.number * MILLI, what)
    }

    fn tell_at(&mut self, nanos: u64, what: What) -> &mut Self {
        self.number += 1;
        let event = Event {
            number: self.number,
            time: Time::from_nanos(nanos),
            session: 1,
            peer: 1,
            what,
        };
        self.transcript.push(&event, EPOCH, &mut self.out);
        self
    }

    fn captures(&mut self, link: LinkType) -> &mut Self {
        self.tell(note(json!({
            "level": "ring", "link": link, "names": { "127.0.0.1": "localhost" },
            "interfaces": [{ "name": "lo", "filter": "port 7000", "os": "Linux" }],
        })))
    }

    fn found(&mut self) -> Found {
        self.transcript.finish(&mut self.out);
        read(&self.out)
    }
}

fn read(file: &[u8]) -> Found {
    let mut reader = Reader::new();
    reader.feed(file);
    let mut found = Found::default();
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Packet(captured) => found.packets.push((
                captured.packet.bytes.to_vec(),
                captured.comments().map(|text| text.to_string()).collect(),
            )),
            Item::Interface(interface) => found.links.push(interface.link),
            Item::Statistics(counted) => found.counted.push((counted.dropped, counted.delivered)),
            Item::Names(names) => {
                found.names.extend(names.flat_map(|name| name.names));
            }
            _ => {}
        }
    }
    assert_eq!(reader.ending(), Ending::Whole);
    found
}

fn note(data: serde_json::Value) -> What {
    What::Note {
        kind: NOTE.to_owned(),
        message: String::new(),
        data,
    }
}

fn chunk(direction: Direction, offset: u64, bytes: &'static [u8]) -> What {
    What::Chunk {
        direction,
        offset,
        bytes: bytes.into(),
        full_len: None,
    }
}

fn frame(direction: Direction, offset: u64, text: &'static str) -> What {
    What::Frame {
        direction,
        offset,
        payload: text.into(),
        text: Some(text.to_owned()),
        malformed: false,
        partial: false,
        full_len: None,
    }
}

/// The packets of `sighting::tests`: in 3 goes `hello`, in 4 comes `HELLO, you`, 5 is 3 again.
fn packet(index: usize) -> What {
    let kept = kept().swap_remove(index);
    let sighting = kept.at(0);
    let is_out = sighting
        .summary
        .tcp()
        .is_some_and(|tcp| tcp.source_port == 40_000);
    What::Packet {
        direction: if is_out {
            Direction::Out
        } else {
            Direction::In
        },
        offset: sighting.offset().filter(|_| 0 < sighting.payload_len()),
        packet: Box::new(kept),
    }
}

/// A datagram that goes out.
fn udp(payload: &[u8]) -> What {
    let mut bytes = vec![0x45, 0, 0, u8::try_from(28 + payload.len()).unwrap()];
    bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    bytes.extend([
        0x9c,
        0x40,
        0x1b,
        0x58,
        0,
        u8::try_from(8 + payload.len()).unwrap(),
    ]);
    bytes.extend([0, 0]);
    bytes.extend(payload);
    What::Packet {
        direction: Direction::Out,
        offset: None,
        packet: Box::new(Kept {
            frame: 1,
            link: LinkType::RAW,
            full_len: bytes.len(),
            bytes: bytes.into(),
            facts: wire::CaptureFacts::default(),
            analysis: None,
        }),
    }
}

fn remarks(found: &Found) -> Vec<Vec<&str>> {
    let remarks = found.packets.iter().map(|(_, remarks)| remarks);
    remarks
        .map(|remarks| remarks.iter().map(String::as_str).collect())
        .collect()
}

#[test]
fn packets_carry_what_was_written_and_read_once() {
    let mut told = Told::new();
    told.captures(LinkType::RAW)
        .tell(chunk(Direction::Out, 0, b"he"))
        .tell(chunk(Direction::Out, 2, b"llo"))
        .tell(packet(0))
        .tell(packet(3))
        .tell(packet(4))
        .tell(packet(5))
        .tell(chunk(Direction::In, 0, b"HELLO, you"));
    let found = told.found();
    assert_eq!(found.links, [LinkType::RAW]);
    assert_eq!(found.names, ["localhost"]);
    assert_eq!(
        remarks(&found),
        [
            vec![],
            vec!["write of 2 bytes: he", "write of 3 bytes: llo"],
            vec!["read of 10 bytes: HELLO, you"],
            vec![],
        ]
    );
}

#[test]
fn messages_take_the_place_of_chunks() {
    let mut told = Told::new();
    told.captures(LinkType::RAW)
        .tell(chunk(Direction::Out, 0, b"hello"))
        .tell(frame(Direction::Out, 0, "hello"))
        .tell(packet(3));
    assert_eq!(remarks(&told.found()), [["sent: hello"]]);
}

#[test]
fn a_packet_waits_for_its_message_and_not_for_ever() {
    let mut told = Told::new();
    told.captures(LinkType::RAW).tell_at(10 * MILLI, packet(3));
    assert!(told.transcript.is_waiting());
    told.transcript
        .settle(Time::from_nanos(211 * MILLI), &mut told.out);
    assert!(!told.transcript.is_waiting());
    told.tell_at(220 * MILLI, chunk(Direction::Out, 0, b"hello"));
    assert_eq!(remarks(&told.found()), [Vec::<&str>::new()]);
}

#[test]
fn what_a_capture_counted_stands_at_the_end() {
    let mut told = Told::new();
    told.captures(LinkType::RAW)
        .tell(packet(0))
        .tell(note(json!({ "packets": 1, "received": 1, "dropped": 7 })));
    assert_eq!(told.found().counted, [(Some(7), Some(1))]);
}

#[test]
fn without_packets_messages_are_saved_as_what_they_are() {
    let mut told = Told::new();
    told.tell(note(json!({ "level": "none" })))
        .tell(What::Opened {
            addr: "tcp://127.0.0.1:7000".to_owned(),
            local: "tcp://127.0.0.1:40000".to_owned(),
        })
        .tell(chunk(Direction::Out, 0, b"hello"))
        .tell(chunk(Direction::In, 0, b"HELLO"))
        .tell(What::Closed {
            reason: Reason::Fin,
            message: String::new(),
        });
    let found = told.found();
    assert_eq!(found.links, [LinkType::UPPER_PDU]);
    assert_eq!(
        remarks(&found),
        [["write of 5 bytes: hello"], ["read of 5 bytes: HELLO"]]
    );
    assert!(found.packets[0].0.ends_with(b"hello"));
}

#[test]
fn a_file_that_begins_amid_a_capture_has_its_packets() {
    let mut told = Told::new();
    told.tell(chunk(Direction::Out, 0, b"hello"))
        .tell(packet(3));
    let found = told.found();
    assert_eq!(found.links, [LinkType::RAW]);
    assert_eq!(remarks(&found), [["write of 5 bytes: hello"]]);
}

#[test]
fn a_file_has_one_link_type_and_counts_what_does_not_fit() {
    let mut told = Told::new();
    told.captures(LinkType::ETHERNET).tell(packet(0));
    let found = told.found();
    assert_eq!(found.links, [LinkType::ETHERNET]);
    assert_eq!(found.packets, []);
    assert_eq!(told.transcript.left_out(), 1);
}

#[test]
fn datagrams_find_their_messages_by_order_and_bytes() {
    let mut told = Told::new();
    told.captures(LinkType::RAW)
        .tell(What::Opened {
            addr: "udp://127.0.0.1:7000".to_owned(),
            local: "udp://127.0.0.1:40000".to_owned(),
        })
        .tell(chunk(Direction::Out, 0, b"1"))
        .tell(frame(Direction::Out, 0, "1"))
        .tell(udp(b"1"))
        .tell(udp(b""))
        .tell(udp(b"1"))
        .tell(chunk(Direction::Out, 1, b""))
        .tell(frame(Direction::Out, 1, ""))
        .tell(chunk(Direction::Out, 1, b"1"))
        .tell(frame(Direction::Out, 1, "1"));
    assert_eq!(
        remarks(&told.found()),
        [["sent: 1"], ["sent: "], ["sent: 1"]]
    );
}

#[test]
fn a_message_goes_to_no_datagram_that_is_written_already() {
    let mut told = Told::new();
    told.captures(LinkType::RAW)
        .tell(What::Opened {
            addr: "udp://127.0.0.1:7000".to_owned(),
            local: "udp://127.0.0.1:40000".to_owned(),
        })
        .tell_at(10 * MILLI, udp(b"1"))
        .tell_at(300 * MILLI, udp(b"1"))
        .tell_at(301 * MILLI, chunk(Direction::Out, 0, b"1"));
    assert_eq!(
        remarks(&told.found()),
        [vec![], vec!["write of 1 bytes: 1"]]
    );
}
