//! What people see of packets: ladders, graphs, the lens, and the file that a session becomes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sockpit_core::event::{Direction, Event, What};
use sockpit_core::flow::Settings;
use sockpit_core::graph::{self, Graph};
use sockpit_core::ladder::{self, Ladder};
use sockpit_core::lens::{self, Lens};
use sockpit_core::machine::Reason;
use sockpit_core::pcap::{Item, Reader};
use sockpit_core::record::Epoch;
use sockpit_core::sighting::{Observer, Sighting};
use sockpit_core::strings::Language;
use sockpit_core::time::Time;
use sockpit_core::transcript::{self, Transcript};
use sockpit_core::wire::protocol;

/// How many steps a picture has.
const PICTURE_ROWS: usize = 50;

/// A byte of choices, and a capture file: what is drawn of it obeys no terminal, and what is written
/// of it is a capture file again.
///
/// ```text
///  bits 0–1  packets that are passed over, so that conversations have no beginning
///  bits 2–4  all 1: in Chinese, which takes long to learn
/// ```
pub fn draw(bytes: &[u8]) {
    let [choices, file @ ..] = bytes else {
        return;
    };
    let language = match choices & 0x1c {
        0x1c => Language::Chinese,
        _ => Language::English,
    };
    let mut drawn = Drawn::new(language);
    let mut observer = Observer::new(Settings::default());
    let mut reader = Reader::new();
    reader.feed(file);
    let mut index = 0_u8;
    while let Ok(Some(item)) = reader.next_item() {
        if let Item::Packet(captured) = item {
            index = index.saturating_add(1);
            if choices & 3 < index {
                drawn.take(&observer.observe(captured.packet));
            }
        }
    }
    drawn.finish();
}

/// Who sent to whom, as the session knows it that has the sender.
type Ends = (SocketAddr, SocketAddr, u8);

/// Everything that draws packets: those of a capture, and the same as those of a session.
struct Drawn {
    of_capture: Ladder,
    of_session: Ladder,
    graphs: Vec<Graph>,
    lens: Lens,
    transcript: Transcript,
    file: Vec<u8>,
    packets: usize,
    /// The peer of each conversation, and up to where its bytes were told, out and in.
    peers: BTreeMap<Ends, (u32, [u64; 2])>,
    events: u64,
    epoch: Option<Epoch>,
}

impl Drawn {
    fn new(language: Language) -> Self {
        let options = |numbers| ladder::Options {
            teach: Some(language),
            language,
            numbers,
            picture_rows: PICTURE_ROWS,
            ..ladder::Options::default()
        };
        let graph = |kind| {
            let options = graph::Options {
                language,
                ..graph::Options::default()
            };
            [Graph::new(kind, options), Graph::new(kind, options)]
        };
        let mut file = Vec::new();
        let options_of_file = transcript::Options {
            expects_packets: true,
            ..transcript::Options::default()
        };
        Self {
            of_capture: Ladder::new(options(ladder::Numbers::Both)),
            of_session: Ladder::new(options(ladder::Numbers::Relative)),
            graphs: graph::Kind::ALL.into_iter().flat_map(graph).collect(),
            lens: Lens::new(lens::Options::default()),
            transcript: Transcript::begin("fuzz", options_of_file, &mut file),
            file,
            packets: 0,
            peers: BTreeMap::new(),
            events: 0,
            epoch: None,
        }
    }

    fn take(&mut self, sighting: &Sighting<'_>) {
        self.of_capture.push_sighting(sighting);
        check_text(&self.of_capture.take());
        for graph in self.graphs.iter_mut().step_by(2) {
            graph.push(sighting);
        }
        let Some(tuple) = sighting.summary.five_tuple() else {
            return;
        };
        let source = SocketAddr::new(tuple.source, tuple.ports.0);
        let destination = SocketAddr::new(tuple.destination, tuple.ports.1);
        let ends = (source, destination, tuple.protocol);
        let reversed = (destination, source, tuple.protocol);
        let (direction, key) = match self.peers.contains_key(&reversed) {
            true => (Direction::In, reversed),
            false => (Direction::Out, ends),
        };
        let next = self.peers.len() as u32 + 1;
        let known = self.peers.contains_key(&key);
        let (peer, offsets) = self.peers.entry(key).or_insert((next, [0; 2]));
        let peer = *peer;
        let offset = &mut offsets[usize::from(direction == Direction::In)];
        // Half of what was said is told before its packets, half behind them.
        let place = *offset;
        let payload = sighting.payload();
        *offset += payload.len() as u64;
        let at = sighting.packet.at;
        if !known {
            let scheme = match tuple.protocol {
                protocol::TCP => "tcp",
                _ => "udp",
            };
            let opened = What::Opened {
                addr: format!("{scheme}://{}", key.1),
                local: format!("{scheme}://{}", key.0),
            };
            self.tell(at, peer, opened);
        }
        let packet = What::Packet {
            direction,
            offset: sighting.offset(),
            packet: Box::new(sighting.keep()),
        };
        let chunk = What::Chunk {
            direction,
            offset: place,
            bytes: payload.to_vec().into(),
            full_len: None,
        };
        let mut whats = vec![packet];
        if !payload.is_empty() {
            whats.insert(usize::from(place % 2 == 0), chunk);
        }
        for what in whats {
            self.tell(at, peer, what);
        }
        self.packets += 1;
    }

    /// Tells everything that takes events.
    fn tell(&mut self, at: u64, peer: u32, what: What) {
        self.events += 1;
        let epoch = *self.epoch.get_or_insert(Epoch(at));
        let event = Event {
            number: self.events,
            time: Time::from_nanos(at.saturating_sub(epoch.0)),
            session: 1,
            peer,
            what,
        };
        self.of_session.push_event(0, &event, epoch);
        check_text(&self.of_session.take());
        for graph in self.graphs.iter_mut().skip(1).step_by(2) {
            graph.push_event(&event, epoch);
        }
        self.lens.push(0, &event);
        check_text(&self.lens.take());
        self.transcript.push(&event, epoch, &mut self.file);
    }

    fn finish(mut self) {
        let peers: Vec<u32> = self.peers.values().map(|(peer, _)| *peer).collect();
        for peer in peers {
            let closed = What::Closed {
                reason: Reason::Fin,
                message: String::new(),
            };
            self.tell(0, peer, closed);
        }
        for ladder in [&mut self.of_capture, &mut self.of_session] {
            check_text(&ladder.finish());
            check_picture(&ladder.svg());
        }
        for graph in &self.graphs {
            check_picture(&graph.svg());
        }
        check_text(&self.lens.draw());
        check_text(&self.lens.finish());
        self.transcript.finish(&mut self.file);
        let left_out = usize::try_from(self.transcript.left_out()).expect("it counts packets");
        assert_eq!(packets_of(&self.file) + left_out, self.packets);
    }
}

/// How many packets a file has that was written whole.
fn packets_of(file: &[u8]) -> usize {
    let mut reader = Reader::new();
    reader.feed(file);
    let mut count = 0;
    while let Some(item) = reader.next_item().expect("what was written is read") {
        count += usize::from(matches!(item, Item::Packet(_)));
    }
    count
}

fn check_text(text: &str) {
    let obeyed = |character: char| character.is_control() && character != '\n';
    assert!(!text.contains(obeyed), "{text:?}");
}

/// Looks at whether each element of a picture has its end, and nothing is a number that is none.
fn check_picture(svg: &str) {
    check_text(svg);
    assert!(!svg.contains("NaN") && !svg.contains("\"inf"), "{svg}");
    let opened = svg.matches('<').count() - svg.matches("</").count();
    let closed = svg.matches("/>").count() + svg.matches("</").count();
    assert_eq!(opened, closed, "{svg}");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
}
