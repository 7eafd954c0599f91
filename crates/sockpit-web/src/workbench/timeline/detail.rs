//! The detail of a row: its bytes, and what each of them is.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use sockpit_core::dissect::{self, dissect};
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::frame::{Framing, LengthField};
use sockpit_core::history::{Gone, History, Kind, Layout, Piece, Row, View};
use sockpit_core::plan::Plan;
use sockpit_core::record::Epoch;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;
use sockpit_core::text::hex::Hex;
use sockpit_core::text::repair;

use super::{json_tree, row};
use crate::workbench::page::Page;

/// In bytes: what a detail shows; a page asks for more with `view.bytes`.
pub(super) const MOST_SHOWN: usize = 64 * 1024;

/// Chunks in which a message came that are shown.
const MOST_CHUNKS: usize = 1000;

/// Fields of a value of a note that are shown.
const MOST_FIELDS: usize = 1000;

/// A field, or a part of a message with its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) value: String,
    /// Its first byte among those of the detail.
    pub(super) from: usize,
    /// Behind its last one; the same where it has none.
    pub(super) to: usize,
    pub(super) mark: Mark,
    pub(super) children: Vec<Self>,
}

/// What is to be noticed about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    Plain,
    Cut,
    Wrong,
    Malformed,
}

/// What the history has of a row.
pub(super) struct Found {
    row: Row,
    /// Of a message as it was on the wire; of what was escaped there, as it was meant.
    bytes: Result<Vec<u8>, String>,
    layout: Option<Layout>,
    chunks: Vec<Piece>,
    latency: Option<i64>,
    event: Option<Arc<Event>>,
    charset: Option<Charset>,
    framing: Framing,
}

impl Found {
    /// Of which session it is.
    pub(super) fn session(&self) -> u32 {
        self.row.session
    }
}

/// Looks a row up.
pub(super) fn find(view: &View, history: &History, index: u64) -> Option<Found> {
    let row = view.row(history, index)?;
    let is_message = matches!(row.kind, Kind::Frame | Kind::Chunk);
    let event = row.event.clone();
    let layout = is_message.then(|| view.layout(index)).flatten();
    let bytes = match (&event, &layout) {
        (Some(event), _) => Ok(match &event.what {
            What::Packet { packet, .. } => packet.bytes.to_vec(),
            _ => Vec::new(),
        }),
        (None, Some(layout)) if !layout.is_stuffed => view.wire(history, index, 0, MOST_SHOWN),
        _ => view.payload(history, index, 0, MOST_SHOWN),
    };
    let manner = history.manner(row.session).cloned().unwrap_or_default();
    let look = view.look();
    let charset = match (look.text, row.direction) {
        (Some(chosen), _) => chosen,
        (None, Some(Direction::Out)) => manner.text.map(|_| manner.text_out),
        (None, _) => manner.text,
    };
    Some(Found {
        bytes: bytes.map_err(|gone| gone.to_string()),
        layout,
        chunks: match is_message {
            true => view.chunks(history, index, MOST_CHUNKS),
            false => Vec::new(),
        },
        latency: view.latency(history, index),
        event,
        charset,
        framing: look.framing.clone().unwrap_or(manner.framing),
        row,
    })
}

/// Bytes of those that a row's detail shows.
///
/// # Errors
///
/// Says why there are none.
pub(super) fn bytes(
    view: &View,
    history: &History,
    index: u64,
    from: u64,
    len: usize,
) -> Result<Vec<u8>, Gone> {
    let packet = view
        .row(history, index)
        .filter(|row| row.kind == Kind::Packet)
        .and_then(|row| row.event);
    if let Some(event) = packet
        && let What::Packet { packet, .. } = &event.what
    {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = packet.bytes.get(from..).unwrap_or_default();
        return Ok(rest.get(..len).unwrap_or(rest).to_vec());
    }
    match view.layout(index) {
        Some(layout) if !layout.is_stuffed => view.wire(history, index, from, len),
        _ => view.payload(history, index, from, len),
    }
}

/// The detail as a page gets it.
pub(super) fn told(found: Found, plan: Option<&Arc<Plan>>, epoch: Epoch, page: &Page) -> Value {
    let (bytes, lost) = match &found.bytes {
        Ok(bytes) => (bytes.as_slice(), None),
        Err(why) => (&[][..], Some(page.say(why))),
    };
    let message = Message::of(&found, bytes);
    let fields = match &found.event {
        Some(event) => of_event(event, epoch),
        None => message.fields(&found, plan, page),
    };
    let text = match found.event {
        Some(_) => None,
        None => found
            .charset
            .map(|charset| charset.decode(message.payload).text),
    };
    let shown = bytes.get(..MOST_SHOWN).unwrap_or(bytes);
    let len = match (&found.event, &found.layout) {
        (Some(_), _) => bytes.len() as u64,
        (None, Some(layout)) if !layout.is_stuffed => layout.wire_len,
        _ => found.row.len,
    };
    let chunks: Vec<Value> = found
        .chunks
        .iter()
        .map(|chunk| {
            json!({
                "n": chunk.number,
                "at": chunk.time.as_nanos(),
                "off": chunk.offset,
                "len": chunk.len,
            })
        })
        .collect();
    json!({
        "bytes": {
            "len": len,
            "hex": super::digits(shown),
            "payload": [message.place.start, message.place.end],
            "gone": lost,
        },
        "text": text,
        "charset": found.charset.map(|charset| charset.to_string()),
        "fields": fields,
        "chunks": chunks,
        "latency_ns": found.latency,
        "row": row::told(found.row, page),
    })
}

/// The parts of a message.
struct Message<'a> {
    /// What of it is shown.
    bytes: &'a [u8],
    /// Where the payload lies in that.
    place: Range<usize>,
    payload: &'a [u8],
    /// Whether all of the payload is there.
    is_whole: bool,
}

impl<'a> Message<'a> {
    fn of(found: &Found, bytes: &'a [u8]) -> Self {
        let place = match &found.layout {
            Some(layout) if !layout.is_stuffed => {
                let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                within(layout.head)..within(layout.head.saturating_add(layout.len))
            }
            _ => 0..bytes.len(),
        };
        let payload = bytes.get(place.clone()).unwrap_or_default();
        Self {
            bytes,
            place,
            payload,
            is_whole: payload.len() as u64 == found.row.len && !found.row.is_partial,
        }
    }

    fn fields(&self, found: &Found, plan: Option<&Arc<Plan>>, page: &Page) -> Vec<Node> {
        let mut nodes = Vec::new();
        let header = 0..self.place.start;
        if !header.is_empty() {
            let name = page.say("Header");
            nodes.push(leaf(name, self.header(&found.framing, page), header));
        }
        let len = found.row.len;
        let mut payload = leaf(
            page.say("Payload"),
            page.say(&format!("{len} bytes")),
            self.place.clone(),
        );
        if !self.is_whole {
            payload.mark = Mark::Cut;
        }
        payload.children.extend(self.checksum(plan, page));
        payload.children.extend(self.charset(found, page));
        payload.children.extend(self.json());
        nodes.push(payload);
        let delimiter = self.place.end..self.bytes.len();
        if self.is_whole && !delimiter.is_empty() {
            let shown = self.bytes.get(delimiter.clone()).unwrap_or_default();
            nodes.push(leaf(page.say("Delimiter"), spaced(shown), delimiter));
        }
        nodes
    }

    /// The bytes of the header; where it is a length, the number too.
    fn header(&self, framing: &Framing, page: &Page) -> String {
        let bytes = self.bytes.get(..self.place.start).unwrap_or_default();
        let digits = spaced(bytes);
        let number = match framing {
            Framing::Length(prefix) => bytes
                .get(usize::from(prefix.offset)..)
                .and_then(|field| number(prefix.field, field)),
            _ => None,
        };
        match number {
            Some(number) => page.say(&format!("{digits}: the length {number}")),
            None => digits,
        }
    }

    /// What the session's checksum says of it.
    fn checksum(&self, plan: Option<&Arc<Plan>>, page: &Page) -> Option<Node> {
        let spec: &ChecksumSpec = plan?.checksum.as_ref()?;
        if !self.is_whole {
            return None;
        }
        let name = page.say("Checksum");
        let words = spec.words();
        let field = spec.field_of(self.payload.len());
        let place = field.as_ref().map_or(0..0, |field| {
            self.place.start + field.start..self.place.start + field.end
        });
        let (value, mark) = match spec.verify(self.payload) {
            Ok(verdict) => {
                let stated = spaced(&verdict.stated);
                let computed = spaced(&verdict.computed);
                match verdict.holds() {
                    true => (format!("{stated} is right: {words}"), Mark::Plain),
                    false => (
                        format!("{stated} is wrong, {computed} would be right: {words}"),
                        Mark::Wrong,
                    ),
                }
            }
            Err(error) => (error.to_string(), Mark::Malformed),
        };
        Some(Node {
            mark,
            ..leaf(name, page.say(&value), place)
        })
    }

    /// Why it is no text of its charset, and what it may be.
    fn charset(&self, found: &Found, page: &Page) -> Option<Node> {
        let charset = found.charset?;
        let diagnosis = repair::diagnose(self.payload, charset)?;
        let at = usize::try_from(diagnosis.at).ok()?.min(self.payload.len());
        // A character that the last byte shown cuts is no mistake.
        if !self.is_whole && self.payload.len() - at < 4 {
            return None;
        }
        let place = charset.malformed(self.payload, 1).into_iter().next();
        let place = place.unwrap_or(at..at);
        let mut node = leaf(
            page.say("Charset"),
            page.say(&diagnosis.to_string()),
            self.place.start + place.start..self.place.start + place.end,
        );
        node.mark = Mark::Malformed;
        if let Some(reading) = &diagnosis.reading {
            // The word with which the page shows it so.
            let better = reading.charset.to_string();
            node.children.push(leaf(page.say("Reads as"), better, 0..0));
        }
        Some(node)
    }

    fn json(&self) -> Option<Node> {
        if !self.is_whole {
            return None;
        }
        let text = str::from_utf8(self.payload).ok()?;
        json_tree::of(text, self.place.start)
    }
}

/// The fields of what is no message.
fn of_event(event: &Event, epoch: Epoch) -> Vec<Node> {
    match &event.what {
        What::Packet { packet, .. } => {
            let sighting = packet.at(epoch.0.saturating_add(event.time.as_nanos()));
            dissect(&sighting.packet).into_iter().map(of_node).collect()
        }
        What::Note { data, .. } => {
            let mut left = MOST_FIELDS;
            match data {
                Value::Null => Vec::new(),
                data => of_value("data", data, &mut left).children,
            }
        }
        _ => Vec::new(),
    }
}

fn of_node(node: dissect::Node) -> Node {
    Node {
        name: node.name.into_owned(),
        value: node.value,
        from: node.span.start,
        to: node.span.end,
        mark: match node.mark {
            dissect::Mark::Plain => Mark::Plain,
            dissect::Mark::Cut => Mark::Cut,
            dissect::Mark::Wrong => Mark::Wrong,
            dissect::Mark::Malformed => Mark::Malformed,
        },
        children: node.children.into_iter().map(of_node).collect(),
    }
}

/// The data of a note, which is ours and not deep.
fn of_value(name: &str, value: &Value, left: &mut usize) -> Node {
    *left = left.saturating_sub(1);
    let mut part = |name: &str, value: &Value| (*left > 0).then(|| of_value(name, value, left));
    let (shown, children) = match value {
        Value::Object(parts) => {
            let parts = parts.iter().map_while(|(name, value)| part(name, value));
            (String::new(), parts.collect())
        }
        Value::Array(parts) => {
            let parts = parts.iter().enumerate();
            let parts = parts.map_while(|(at, value)| part(&format!("[{at}]"), value));
            (String::new(), parts.collect())
        }
        Value::String(text) => (text.clone(), Vec::new()),
        other => (other.to_string(), Vec::new()),
    };
    Node {
        children,
        ..leaf(name, shown, 0..0)
    }
}

fn leaf(name: impl Into<String>, value: impl Into<String>, place: Range<usize>) -> Node {
    Node {
        name: name.into(),
        value: value.into(),
        from: place.start,
        to: place.end,
        mark: Mark::Plain,
        children: Vec::new(),
    }
}

/// `0D 0A`; of many bytes the first 16.
fn spaced(bytes: &[u8]) -> String {
    match bytes.get(..16) {
        Some(first) if bytes.len() > 16 => format!("{} …", Hex(first)),
        _ => Hex(bytes).to_string(),
    }
}

/// The number at the beginning of `bytes`.
fn number(field: LengthField, bytes: &[u8]) -> Option<u64> {
    match field {
        LengthField::U8 => bytes.first().map(|byte| u64::from(*byte)),
        LengthField::U16Be => Some(u16::from_be_bytes(*bytes.first_chunk()?).into()),
        LengthField::U16Le => Some(u16::from_le_bytes(*bytes.first_chunk()?).into()),
        LengthField::U32Be => Some(u32::from_be_bytes(*bytes.first_chunk()?).into()),
        LengthField::U32Le => Some(u32::from_le_bytes(*bytes.first_chunk()?).into()),
        LengthField::Varint => {
            let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
            let digits = bytes.get(..=end)?.iter().rev();
            Some(digits.fold(0, |number: u64, byte| {
                number.wrapping_shl(7) | u64::from(byte & 0x7f)
            }))
        }
    }
}
