//! What is fuzzed: for each target a function that takes any bytes, and panics where a law of the
//! core does not hold.
//!
//! A fuzzer calls them with bytes of its own finding, and the test `corpus` of the core, which
//! takes this very file up, with those under `fuzz/corpus`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

mod chat;
mod draw;

pub use chat::chat;
pub use draw::draw;
use sockpit_core::dissect::{self, Node, dissect};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::event::{Direction, Event, FaultKind, What};
use sockpit_core::filter::{Filter, Subject};
use sockpit_core::flow::{Analyser, End, Id, Piece, Segment, Settings};
use sockpit_core::frame::Framing;
use sockpit_core::machine::Reason;
use sockpit_core::pcap::{Item, Reader};
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::rule::Rules;
use sockpit_core::scenario::Scenario;
use sockpit_core::time::Time;
use sockpit_core::wire::{
    LinkType, Packet, SackBlock, SackBlocks, Summary, TcpFlags, TcpOptions, Timestamps,
};
use sockpit_core::{import as imports, record as records};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder in the corpus; [`draw`] has that of [`pcap`].
pub const TARGETS: [(&str, Target); 12] = [
    ("chat", chat),
    ("wire", wire),
    ("pcap", pcap),
    ("draw", draw),
    ("flow", flow),
    ("record", record),
    ("frame", frame),
    ("endpoint", endpoint),
    ("filter", filter),
    ("rule", rule),
    ("scenario", scenario),
    ("import", import),
];

/// The link types that are understood, and one that is not.
const LINKS: [LinkType; 8] = [
    LinkType::NULL,
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::LOOP,
    LinkType::SLL,
    LinkType::SLL2,
    LinkType::UPPER_PDU,
    LinkType(147),
];

/// A packet: its link type, by how many bytes it was cut, and its bytes. What is said of it lies
/// within it.
pub fn wire(bytes: &[u8]) {
    let [link, cut, bytes @ ..] = bytes else {
        return;
    };
    let packet = Packet {
        full_len: bytes.len() + usize::from(*cut),
        ..Packet::new(LINKS[usize::from(*link) % LINKS.len()], bytes)
    };
    let summary = Summary::of(&packet);
    let _ = (summary.five_tuple(), Segment::of(1, &packet, &summary));
    let mut count = 0;
    for node in &dissect(&packet) {
        check_node(node, bytes.len(), 1, &mut count);
        assert!(!node.to_string().is_empty());
    }
    assert!(count <= dissect::NODE_LIMIT, "{count} nodes");
}

fn check_node(node: &Node, len: usize, depth: usize, count: &mut usize) {
    *count += 1;
    let span = node.span;
    assert!(depth <= dissect::DEPTH_LIMIT, "{depth} levels");
    assert!(
        span.start <= span.end && span.end <= len,
        "{}: {}..{} of {len} bytes",
        node.name,
        span.start,
        span.end
    );
    let is_fit = |text: &str| !text.contains(|character: char| character.is_control());
    assert!(is_fit(&node.value), "{:?}", node.value);
    for child in &node.children {
        check_node(child, len, depth + 1, count);
    }
}

/// How long the chunks are, less one, and a capture file: what is read does not depend on the cut.
pub fn pcap(bytes: &[u8]) {
    let [size, file @ ..] = bytes else {
        return;
    };
    let whole = read_capture(file, file.len().max(1));
    let cut = read_capture(file, usize::from(*size) + 1);
    assert!(whole == cut, "{whole:#?} in one chunk, {cut:#?} in several");
}

/// Everything that a capture file holds, and how it ended.
fn read_capture(file: &[u8], size: usize) -> Vec<String> {
    let mut reader = Reader::new();
    let mut analyser = Analyser::new(Settings::default());
    let mut told = Vec::new();
    let mut frame = 0;
    for chunk in file.chunks(size) {
        reader.feed(chunk);
        loop {
            match reader.next_item() {
                Ok(Some(item)) => {
                    told.push(format!("{item:?}"));
                    if let Item::Packet(captured) = item {
                        frame += 1;
                        let summary = Summary::of(&captured.packet);
                        if let Some(segment) = Segment::of(frame, &captured.packet, &summary) {
                            told.push(format!("{:?}", analyser.handle(&segment)));
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    // How much was fed by then is up to the chunks.
                    told.push(error.to_string());
                    return told;
                }
            }
        }
    }
    told.push(format!("{:?}", reader.ending()));
    told
}

/// In bytes: a segment of [`flow`].
const ROW: usize = 20;

/// Segments, a row each:
///
/// ```text
///  0      bit 0 direction, bits 1–2 conversation, bit 3 lost before it, bit 4 a super segment,
///         bit 5 timestamps, bit 6 SACK, bit 7 the options of a SYN
///  1      flags
///  2..6   sequence number      10..12 window        14..16 payload that was captured, in bytes
///  6..10  acknowledgement      12..14 payload       16..20 time since the row before, in µs
/// ```
///
/// The pieces of a stream follow one another without a place that is told twice or not at all.
pub fn flow(bytes: &[u8]) {
    const PAYLOAD: [u8; 4096] = [0x55; 4096];
    let mut analyser = Analyser::new(Settings {
        conversation_limit: 16 * 1024,
        limit: 32 * 1024,
        placed: 8,
        ..Settings::default()
    });
    let mut places = Places::new();
    let mut at = 0_u64;
    for (frame, row) in (1..).zip(bytes.chunks_exact(ROW)) {
        let word = |place: usize| u16::from_be_bytes([row[place], row[place + 1]]);
        let long = |place| u32::from(word(place)) << 16 | u32::from(word(place + 2));
        let is = |bit: u8| row[0] >> bit & 1 == 1;
        let ends = [
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1),
            SocketAddr::new(
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                2 + u16::from(row[0] >> 1 & 3),
            ),
        ];
        at = at.wrapping_add(u64::from(long(16)) * 1_000);
        let captured = usize::from(word(14))
            .min(usize::from(word(12)))
            .min(PAYLOAD.len());
        let segment = Segment {
            frame,
            at,
            src: ends[usize::from(is(0))],
            dst: ends[usize::from(!is(0))],
            seq: long(2),
            ack: long(6),
            flags: TcpFlags(u16::from(row[1])),
            window: word(10),
            len: u32::from(word(12)),
            payload: &PAYLOAD[..captured],
            options: TcpOptions {
                mss: is(7).then(|| word(14)),
                window_scale: is(7).then_some(row[11]),
                is_sack_permitted: is(7),
                timestamps: is(5).then(|| Timestamps {
                    value: long(16),
                    echo: long(12),
                }),
                sack: SackBlocks::new(is(6).then(|| SackBlock {
                    start: long(6).wrapping_add(u32::from(word(12))),
                    end: long(6).wrapping_add(long(12)),
                })),
            },
            gso_size: is(4).then(|| word(10)),
            dropped_before: is(3),
        };
        let id = analyser.handle(&segment).conversation;
        for from in [End::First, End::Second] {
            poll(&mut analyser, id, from, &mut places);
        }
    }
    analyser.finish();
    let ids: Vec<Id> = analyser
        .conversations()
        .iter()
        .map(|one| one.id())
        .collect();
    for id in ids {
        for from in [End::First, End::Second] {
            poll(&mut analyser, id, from, &mut places);
        }
    }
}

/// How far each stream was taken.
type Places = BTreeMap<(u64, End), u64>;

/// Takes what a stream has: no place is missing or comes twice, even if its sender begins anew with
/// another number.
fn poll(analyser: &mut Analyser, id: Id, from: End, places: &mut Places) {
    let place = places.entry((id.number(), from)).or_default();
    while let Some(piece) = analyser.poll(id, from) {
        let (offset, len) = match &piece {
            Piece::Bytes { offset, bytes } => {
                assert!(!bytes.is_empty());
                (*offset, bytes.len() as u64)
            }
            Piece::Gap(gap) => (gap.offset, gap.len),
            Piece::End { offset } => (*offset, 0),
        };
        assert_eq!(offset, *place, "{piece:?}");
        *place = offset + len;
    }
}

/// Lines of a recording: what a record says is said again when it is written.
pub fn record(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(epoch) = records::moment(line) else {
            continue;
        };
        let event = match records::read(line, epoch) {
            Ok(event) => event,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let mut written = Vec::new();
        records::write(&event, epoch, &mut written);
        let again = records::read(&written, epoch).expect("what was written is a record");
        let mut once_more = Vec::new();
        records::write(&again, epoch, &mut once_more);
        assert_eq!(
            String::from_utf8_lossy(&once_more),
            String::from_utf8_lossy(&written)
        );
    }
}

/// In bytes: the longest message of [`frame`].
const MAX_FRAME: usize = 300;

/// A framing on the first line, how long the chunks are, less one, and a stream. Its messages do
/// not depend on the cut, and each comes back when it is framed again.
pub fn frame(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let Ok(Ok(framing)) = std::str::from_utf8(&bytes[..end]).map(str::parse::<Framing>) else {
        return;
    };
    assert_eq!(framing.to_string().parse().as_ref(), Ok(&framing));
    let [size, stream @ ..] = &bytes[end + 1..] else {
        return;
    };
    let whole = messages(&framing, stream, stream.len().max(1));
    let cut = messages(&framing, stream, usize::from(*size) + 1);
    if !framing.is_raw() && !matches!(framing, Framing::Gap(_)) {
        assert_eq!(cut, whole, "{framing}");
    }
    for message in whole.0 {
        let mut wire = Vec::new();
        if message.is_sound && framing.encode(&message.payload, &mut wire).is_ok() {
            let again = messages(&framing, &wire, wire.len().max(1)).0;
            let payloads: Vec<_> = again.into_iter().map(|message| message.payload).collect();
            assert_eq!(payloads, [message.payload], "{framing}");
        }
    }
}

#[derive(Debug, PartialEq)]
struct Message {
    payload: Vec<u8>,
    offset: u64,
    is_sound: bool,
}

/// The messages of a stream, and whether it could be cut to its end.
fn messages(framing: &Framing, stream: &[u8], size: usize) -> (Vec<Message>, bool) {
    let mut decoder = framing.decoder(MAX_FRAME);
    let mut found = Vec::new();
    let mut take = |frame: sockpit_core::frame::Frame<'_>| {
        found.push(Message {
            payload: frame.payload.to_vec(),
            offset: frame.offset,
            is_sound: !frame.is_partial && !frame.is_malformed,
        });
    };
    let mut is_whole = true;
    for (millis, chunk) in (0..).zip(stream.chunks(size)) {
        let now = Time::from_nanos(millis * 1_000_000);
        is_whole &= decoder.push(now, chunk, &mut take).is_ok();
    }
    decoder.finish(&mut take);
    (found, is_whole)
}

/// An endpoint: it survives being written, and has a plan or a reason why not.
pub fn endpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let _ = Endpoint::from_words(&words);
    let endpoint: Endpoint = match text.parse() {
        Ok(endpoint) => endpoint,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(endpoint.to_string().parse().as_ref(), Ok(&endpoint));
    for role in [Role::Client, Role::Server] {
        match Plan::resolve(role, &endpoint, Options::default()) {
            Ok(plan) => assert!(!plan.to_string().is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A filter: it holds for an event or does not, and a mistake lies within the text.
pub fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let filter: Filter = match text.parse() {
        Ok(filter) => filter,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    for event in events() {
        let _ = filter.matches(&Subject {
            addr: Some("127.0.0.1"),
            ..Subject::of(&event)
        });
    }
}

/// One event of most kinds.
fn events() -> [Event; 5] {
    let bytes = || b"login \xff\r\n".to_vec().into();
    [
        What::Opened {
            addr: "tcp://127.0.0.1".to_owned(),
            local: String::new(),
        },
        What::Chunk {
            direction: Direction::In,
            offset: 3,
            bytes: bytes(),
            full_len: None,
        },
        What::Frame {
            direction: Direction::Out,
            offset: u64::MAX,
            payload: bytes(),
            malformed: true,
            partial: false,
            full_len: None,
            text: Some("登录".to_owned()),
        },
        What::Closed {
            reason: Reason::Reset,
            message: String::new(),
        },
        What::Fault {
            kind: FaultKind::Limit,
            message: "too many".to_owned(),
            count: Some(1),
        },
    ]
    .map(|what| Event {
        number: 1,
        time: Time::from_nanos(1),
        session: 1,
        peer: 1,
        what,
    })
}

/// A rule file: it survives being written.
pub fn rule(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Rules::parse(text, "fuzz.toml") {
        Ok(rules) => {
            let written = rules.to_toml();
            let again = Rules::parse(&written, "again.toml")
                .unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(again.to_toml(), written);
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml:")),
    }
}

/// A scenario file, whose every file is a rule file: it has something to try, or it is served.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut open = |name: &str| match name {
        "none" => Err("no such file".to_owned()),
        _ => Ok(b"[[rule]]\nreply = 'x'\n".to_vec()),
    };
    match Scenario::parse(text, "fuzz.toml", &mut open) {
        Ok(scenario) => assert!(0 < scenario.cases().count() || 0 < scenario.session_count()),
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml:")),
    }
}

/// A send list of another tool: what it comes to is a rule file, unless that is nothing.
pub fn import(bytes: &[u8]) {
    if let Ok(import) = imports::read(bytes)
        && !import.rules.lists().is_empty()
    {
        let written = import.to_toml();
        if let Err(error) = Rules::parse(&written, "fuzz.toml") {
            panic!("{error}\n{written}");
        }
    }
}
