//! The lens on one direction of a conversation: how writes, packets, reads and messages cut the same
//! bytes, as values.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::filter::Filter;
use sockpit_core::flow::Label;
use sockpit_core::history::{History, Look, Spot, View};
use sockpit_core::ladder::label_text;
use sockpit_core::lens::{Cut, Ends, Lens, Options, Piece, Row};
use sockpit_core::plan::Shape;
use sockpit_core::text::hex;
use sockpit_core::transcript::NOTE;
use sockpit_engine::history::{Keeper, Over, Reader};
use tokio::sync::OnceCell;

use super::super::Shared;
use super::super::call::{Answer, waited};
use super::super::complaint::Complaint;
use super::super::page::Page;
use super::source::Source;

/// Rows that are kept; a row is some hundreds of bytes.
const MOST_ROWS: usize = 50_000;

/// How long one call may read on; the rest comes with the next one.
const PATIENCE: Duration = Duration::from_millis(400);

/// Rows in one answer, at most.
const MOST_TOLD: usize = 4096;

/// Conversations that are looked through for the other end of one.
const MOST_OPENED: u64 = 20_000;

/// Whose bytes, and which way.
type Whose = (u32, u32, Direction);

/// A session and a peer of it.
type End = (u32, u32);

/// A lens that pages look through.
#[derive(Default)]
pub(super) struct Glass {
    asked: Mutex<Option<Instant>>,
    /// Who has come, in all sessions.
    opened: OnceCell<Reader>,
    looked: tokio::sync::Mutex<Option<Looked>>,
}

/// What was seen so far.
struct Looked {
    chunks: Source,
    messages: Source,
    /// Messages that wait for their bytes.
    waiting: VecDeque<Event>,
    /// How far the bytes are known.
    known: u64,
    lens: Box<Lens>,
    rows: VecDeque<Row>,
    other: Option<End>,
    has_packets: bool,
}

impl Glass {
    /// Notes that somebody asks.
    pub(super) fn ask(&self) {
        *self.asked.lock().expect("no holder panics") = Some(Instant::now());
    }

    /// For how long nobody has asked.
    pub(super) fn unasked(&self) -> Duration {
        let asked = *self.asked.lock().expect("no holder panics");
        asked.map_or(Duration::ZERO, |asked| asked.elapsed())
    }

    /// What there is to be seen of some bytes.
    pub(super) async fn look(
        &self,
        bench: &Shared,
        page: &Page,
        whose: Whose,
        window: Range<u64>,
    ) -> Answer {
        let keeper = bench.timeline.keeper();
        let company = self.company(keeper, whose).await?;
        let mut looked = self.looked.lock().await;
        let seen = match looked.take() {
            Some(mut seen) if seen.other == company.other => {
                match seen.catch_up(keeper, whose).await? {
                    true => Some(seen),
                    false => None,
                }
            }
            _ => None,
        };
        let seen = match seen {
            Some(seen) => seen,
            None => {
                let mut seen = Looked::new(keeper, whose, company.other).await?;
                seen.catch_up(keeper, whose).await?;
                seen
            }
        };
        let seen = looked.insert(seen);
        let hex = seen.bytes(whose, window.clone()).await?;
        let mut told = seen.told(page, &window);
        if let Some(fields) = told.as_object_mut() {
            let mut digits = String::new();
            hex::write(&hex, &mut digits);
            digits.retain(|c| c != ' ');
            digits.make_ascii_lowercase();
            fields.insert("hex".to_owned(), digits.into());
            let peers = company.peers.iter();
            let peers = peers.map(|(number, addr)| json!({ "number": number, "addr": addr }));
            fields.insert("peers".to_owned(), peers.collect());
        }
        Ok(told)
    }

    /// Looks for the other end of a conversation among the sessions of this workbench: the one whose
    /// addresses are the same the other way round.
    async fn company(
        &self,
        keeper: &Keeper,
        (session, peer, _): Whose,
    ) -> Result<Company, Complaint> {
        let begin = async || {
            let filter = "opened".parse::<Filter>();
            let filter = filter.map_err(|error| Complaint::new(error.to_string()))?;
            Ok::<_, Complaint>(keeper.open(Look {
                filter: Some(filter),
                ..Look::default()
            }))
        };
        let reader = self.opened.get_or_try_init(begin).await?;
        reader.settled().await?;
        let opened = reader.ask(|view, history| {
            let from = view.first().max(view.next().saturating_sub(MOST_OPENED));
            let events = (from..view.next()).filter_map(|index| view.event(history, index));
            let opened = events.filter_map(|event| match event.what {
                What::Opened { addr, local } => Some((event.session, event.peer, local, addr)),
                _ => None,
            });
            opened.collect::<Vec<_>>()
        });
        let opened = opened.await?;
        let mut ours = opened.iter().filter(|it| (it.0, it.1) == (session, peer));
        let other = ours.next_back().and_then(|(.., local, addr)| {
            let is_other = |it: &&(u32, u32, String, String)| {
                it.2 == *addr && it.3 == *local && (it.0, it.1) != (session, peer)
            };
            let other = opened.iter().rev().find(is_other);
            other.map(|it| (it.0, it.1))
        });
        let peers: BTreeMap<u32, String> = opened
            .into_iter()
            .filter(|it| it.0 == session)
            .map(|(_, peer, _, addr)| (peer, addr))
            .collect();
        Ok(Company {
            other,
            peers: peers.into_iter().collect(),
        })
    }
}

/// Who is there.
struct Company {
    other: Option<End>,
    /// The peers of the session.
    peers: Vec<(u32, String)>,
}

impl Looked {
    async fn new(
        keeper: &Keeper,
        (session, peer, direction): Whose,
        other: Option<End>,
    ) -> Result<Self, Complaint> {
        let whose = |session: u32, peer: u32| {
            let terms = [format!("session {session}"), format!("peer 0,{peer}")];
            format!("({})", terms.join(" and "))
        };
        let filter = match other {
            None => whose(session, peer),
            Some((other, its_peer)) => [whose(session, peer), whose(other, its_peer)].join(" or "),
        };
        let word = match direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        let messages = ["frame", word, &format!("peer {peer}")].join(" and ");
        let parse = |text: &str| {
            let filter = text.parse::<Filter>();
            filter.map_err(|error| Complaint::new(error.to_string()))
        };
        let chunks = Source::new(keeper, None, Some(parse(&filter)?));
        let messages = keeper.open(Look {
            session: Some(session),
            filter: Some(parse(&messages)?),
            ..Look::default()
        });
        let plan = keeper.plan(session).await?;
        let framing = plan.as_ref().map(|plan| plan.framing.clone());
        // On a raw stream nothing is a message, and the history's are chunks.
        let is_stream = plan.is_none_or(|plan| plan.shape() == Shape::Stream);
        let has_messages = !is_stream || framing.as_ref().is_some_and(|framing| !framing.is_raw());
        let lens = Lens::new(Options {
            ends: match other {
                None => Ends::One,
                Some(_) => Ends::Two,
            },
            framing: framing.filter(|_| has_messages),
            gives_rows: true,
            ..Options::default()
        });
        chunks.reader().settled().await?;
        messages.settled().await?;
        Ok(Self {
            chunks,
            messages: Source::of(messages),
            waiting: VecDeque::new(),
            known: 0,
            lens: Box::new(lens),
            rows: VecDeque::new(),
            other,
            has_packets: false,
        })
    }

    /// Reads what has come since; `false` where what was seen is void, as the history was cleared or
    /// its messages are others.
    async fn catch_up(&mut self, keeper: &Keeper, whose: Whose) -> Result<bool, Complaint> {
        let began = Instant::now();
        let mut has_messages = true;
        loop {
            let batch = self.chunks.read(keeper.now()).await?;
            let mut is_void = batch.is_void;
            if has_messages {
                let messages = self.messages.read(keeper.now()).await?;
                has_messages = messages.has_more;
                is_void |= messages.is_void;
                self.waiting.extend(messages.events);
            }
            if is_void {
                return Ok(false);
            }
            let mut told = Vec::new();
            for event in batch.events {
                self.take(event, whose, &mut told);
            }
            self.release(&mut told);
            let mut lens =
                std::mem::replace(&mut self.lens, Box::new(Lens::new(Options::default())));
            let is_quiet = !batch.has_more;
            let pushed = waited(move || {
                for (source, event) in told {
                    lens.push(source, &event);
                }
                if is_quiet {
                    // Rows as text are not wanted.
                    let _ = lens.draw();
                }
                let _ = lens.take();
                let rows = lens.take_rows();
                (lens, rows)
            });
            let rows;
            (self.lens, rows) = pushed.await?;
            self.keep(rows);
            let is_done = is_quiet && !has_messages;
            if is_done || began.elapsed() > PATIENCE {
                return Ok(true);
            }
        }
    }

    /// Takes an event of one of both ends, if it is about this direction.
    fn take(&mut self, event: Event, whose: Whose, told: &mut Vec<(usize, Event)>) {
        let (session, peer, direction) = whose;
        let is_ours = event.session == session;
        let source = usize::from(!is_ours);
        // What one end sends the other one hears.
        let is_about = |way: Direction| (way == direction) == is_ours;
        let wants = match &event.what {
            What::Chunk {
                direction: way,
                offset,
                bytes,
                ..
            } => {
                if is_ours && *way == direction && event.peer == peer {
                    let end = offset.saturating_add(bytes.len() as u64);
                    self.known = self.known.max(end);
                }
                is_about(*way)
            }
            What::Packet { direction: way, .. } => {
                self.has_packets |= is_about(*way);
                is_about(*way)
            }
            What::Opened { .. } | What::Closed { .. } => event.peer != 0,
            What::Note { kind, .. } => kind == NOTE,
            _ => false,
        };
        if wants {
            told.push((source, event));
        }
    }

    /// Lets go of the messages whose first byte is known.
    fn release(&mut self, told: &mut Vec<(usize, Event)>) {
        while let Some(first) = self.waiting.front()
            && let What::Frame { offset, .. } = &first.what
        {
            if self.known <= *offset && self.known != 0 {
                return;
            }
            if let Some(first) = self.waiting.pop_front() {
                told.push((0, first));
            }
        }
        // What is no message came by mistake.
        self.waiting
            .retain(|event| matches!(event.what, What::Frame { .. }));
    }

    fn keep(&mut self, rows: Vec<Row>) {
        for mut row in rows {
            // The history has them.
            row.bytes = bytes::Bytes::new();
            if self.rows.len() == MOST_ROWS {
                self.rows.pop_front();
            }
            self.rows.push_back(row);
        }
    }

    /// The bytes of a window, as far as they are known.
    async fn bytes(&self, whose: Whose, window: Range<u64>) -> Result<Vec<u8>, Over> {
        let ours = self.chunks.reader().ask({
            let window = window.clone();
            move |view, history| bytes_of(view, history, whose, window)
        });
        let ours = ours.await?;
        let wanted = usize::try_from(window.end - window.start).unwrap_or(usize::MAX);
        let Some((session, peer)) = self.other.filter(|_| ours.len() < wanted) else {
            return Ok(ours);
        };
        // What was written and has not been read yet, the other end knows.
        let other = match whose.2 {
            Direction::In => Direction::Out,
            Direction::Out => Direction::In,
        };
        let theirs = self
            .chunks
            .reader()
            .ask(move |view, history| bytes_of(view, history, (session, peer, other), window));
        let theirs = theirs.await?;
        Ok(match ours.len() < theirs.len() {
            true => theirs,
            false => ours,
        })
    }

    fn told(&self, page: &Page, window: &Range<u64>) -> Value {
        // What is not certain yet is shown as it would be if nothing came any more.
        let mut rest = self.lens.clone();
        let _ = rest.finish();
        let rest = rest.take_rows();
        let all = self.rows.iter().chain(&rest);
        let first = self
            .rows
            .front()
            .or(rest.first())
            .map_or(0, |row| row.start);
        let end = all.clone().map(|row| row.end).max().unwrap_or(0);
        let touches = |row: &&Row| match row.start == row.end {
            true => window.contains(&row.start),
            false => row.start < window.end && window.start < row.end,
        };
        let mut cuts: [BTreeMap<u64, Piece>; 4] = Default::default();
        let mut rows = Vec::new();
        let mut verdicts = Vec::new();
        for row in all.filter(touches).take(MOST_TOLD) {
            for cut in Cut::ALL {
                if let Some(piece) = row.piece(cut) {
                    cuts[cut as usize].insert(piece.number, piece);
                }
            }
            if row.start < row.end {
                rows.push(json!({ "off": row.start, "len": row.end - row.start }));
            }
            for verdict in &row.verdicts {
                verdicts.push(json!({ "off": row.end, "text": page.say(verdict) }));
            }
        }
        let [writes, packets, reads, frames] = cuts.map(|cut| {
            let pieces = cut.values().map(|piece| told(piece, page));
            pieces.collect::<Vec<_>>()
        });
        json!({
            "from": window.start,
            "to": window.end.min(end),
            "first": first,
            "end": end,
            "total": end,
            "other": self.other.map(|(session, peer)| json!({ "session": session, "peer": peer })),
            "writes": writes,
            "packets": packets,
            "reads": reads,
            "frames": frames,
            "rows": rows,
            "verdicts": verdicts,
            "packets_captured": self.has_packets,
        })
    }
}

fn told(piece: &Piece, page: &Page) -> Value {
    let labels = piece
        .told
        .labels
        .iter()
        .map(|label: Label| page.say(label_text(label)));
    json!({
        "number": piece.number,
        "off": piece.start,
        "end": piece.end,
        "len": piece.len,
        "at": piece.told.at.as_nanos(),
        "n": piece.told.number,
        "s": piece.told.session,
        "p": piece.told.peer,
        "labels": labels.collect::<Vec<_>>(),
        "times": piece.times().max(1),
    })
}

/// The bytes of a window as one end knows them.
fn bytes_of(
    view: &View,
    history: &History,
    (session, peer, direction): Whose,
    window: Range<u64>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = window.start;
    let spot = Spot::Byte {
        session,
        peer,
        direction,
        offset: at,
    };
    let Some(first) = view.locate(history, spot) else {
        return bytes;
    };
    for index in first..view.next() {
        if window.end <= at {
            break;
        }
        let Some(identity) = view.identity(history, index) else {
            continue;
        };
        let way = (identity.session, identity.peer, identity.direction);
        if way != (session, peer, Some(direction)) {
            continue;
        }
        // A stream has no gaps but where something was missed.
        let Some(skipped) = at.checked_sub(identity.offset) else {
            break;
        };
        let wanted = usize::try_from(window.end - at).unwrap_or(usize::MAX);
        match view.payload(history, index, skipped, wanted) {
            Ok(piece) => {
                at += piece.len() as u64;
                bytes.extend_from_slice(&piece);
            }
            Err(_) => break,
        }
    }
    bytes
}
