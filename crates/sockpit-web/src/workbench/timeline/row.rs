//! Rows, as a page gets them.

use serde::Serialize;
use serde_json::{Value, json};
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::flow::Mode;
use sockpit_core::history::{Kind, Row};
use sockpit_core::sighting::Kept;
use sockpit_core::wire::{Content, Summary, Transport};

use crate::workbench::page::Page;

/// A row of a view. What it does not have is left out.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    /// Its index in the view; `None` of a message that is not whole yet.
    i: Option<u64>,
    n: u64,
    at: u64,
    d: Option<i64>,
    s: u32,
    p: u32,
    kind: &'static str,
    dir: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    off: Option<u64>,
    len: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    full: Option<usize>,
    #[serde(skip_serializing_if = "is_false")]
    partial: bool,
    #[serde(skip_serializing_if = "is_false")]
    bad: bool,
    text: Option<String>,
    hex: String,
    more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hl: Vec<(usize, usize)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addr: Option<String>,
    /// Which sort of fault or note.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A row in the words of a page.
pub(super) fn told(row: Row, page: &Page) -> Told {
    let event = row.event.as_deref();
    let lasting = row.index != u64::MAX;
    Told {
        i: lasting.then_some(row.index),
        n: row.number,
        at: row.time.as_nanos(),
        d: row.since,
        s: row.session,
        p: row.peer,
        kind: row.kind.as_str(),
        dir: row.direction.map(Direction::as_str),
        off: row.offset,
        len: row.len,
        full: row.full_len,
        partial: row.is_partial,
        bad: row.is_malformed,
        text: row.text,
        hex: row.hex,
        more: row.has_more,
        label: label(row.kind, event, page),
        mark: row.mark,
        hl: row
            .highlights
            .into_iter()
            .map(|range| (range.start, range.end))
            .collect(),
        tcp: event.and_then(tcp),
        reason: event.and_then(|event| match &event.what {
            What::Closed { reason, .. } => Some(reason.as_str()),
            _ => None,
        }),
        addr: event.and_then(|event| match &event.what {
            What::Opened { addr, .. } => Some(addr.clone()),
            What::Listening { local } => Some(local.clone()),
            _ => None,
        }),
        sort: event.and_then(|event| match &event.what {
            What::Fault { kind, .. } => Some(kind.as_str().to_owned()),
            What::Note { kind, .. } => Some(kind.clone()),
            _ => None,
        }),
    }
}

/// What a row that is no bytes says, in the page's language.
fn label(kind: Kind, event: Option<&Event>, page: &Page) -> Option<String> {
    if kind == Kind::Gone {
        return Some(page.say("its beginning was forgotten, as memory and disk were full"));
    }
    let event = event?;
    Some(match &event.what {
        What::Listening { local } => page.say(&format!("listening on {local}")),
        What::Opened { addr, .. } if addr.is_empty() => page.say("a peer is there"),
        What::Opened { addr, .. } => page.say(&format!("{addr} is there")),
        What::Closed { reason, message } => {
            let reason = reason.as_str();
            let end = match event.peer {
                0 => page.say(&format!("the session has ended ({reason})")),
                _ => page.say(&format!("has ended ({reason})")),
            };
            match message.is_empty() {
                true => end,
                false => format!("{end}: {}", page.say(message)),
            }
        }
        What::Fault { message, .. } => page.say(message),
        What::Gap { count } => page.say(&format!("{count} events were missed here")),
        What::Note { kind, message, .. } => match message.is_empty() {
            true => kind.clone(),
            false => page.say(message),
        },
        What::Packet { packet, .. } => packet_line(packet),
        What::Chunk { .. } | What::Frame { .. } => return None,
    })
}

/// `[SYN, ACK] Seq=0 Ack=1 Win=65483 Len=0`, in the words of Wireshark, which are the same in every
/// language.
fn packet_line(kept: &Kept) -> String {
    let sighting = kept.at(0);
    let len = sighting.payload_len();
    match &sighting.summary.content {
        Content::Ip(ip) => match &ip.transport {
            Transport::Tcp(tcp) => {
                let (seq, ack, window) = match &sighting.analysis {
                    Some(analysis) => (analysis.seq, analysis.ack, analysis.window),
                    None => (tcp.seq, tcp.ack, tcp.window.into()),
                };
                format!("[{}] Seq={seq} Ack={ack} Win={window} Len={len}", tcp.flags)
            }
            Transport::Udp(_) => format!("UDP Len={len}"),
            Transport::Icmp(icmp) => {
                let is_v6 = ip.source.is_ipv6();
                sockpit_core::dissect::icmp_title(is_v6, icmp.kind, icmp.code)
            }
            Transport::Partial(_) | Transport::Other => format!("IP Len={}", kept.full_len),
        },
        Content::Arp(_) => "ARP".to_owned(),
        Content::Exported(_) => format!("Len={len}"),
        Content::Other(kind) => format!("EtherType {kind:#06x} Len={}", kept.full_len),
        Content::Unknown => format!("Len={}", kept.full_len),
    }
}

/// What a segment says of itself, in numbers that count from the beginning of the conversation.
fn tcp(event: &Event) -> Option<Value> {
    let What::Packet { packet, .. } = &event.what else {
        return None;
    };
    let view = packet.at(0);
    let summary: &Summary = &view.summary;
    let tcp = summary.tcp()?;
    let analysis = view.analysis.as_ref();
    let labels: Vec<&str> = analysis
        .map(|analysis| analysis.labels(Mode::Truth))
        .into_iter()
        .flat_map(|labels| labels.iter().map(sockpit_core::flow::Label::name))
        .collect();
    Some(json!({
        "flags": tcp.flags.to_string(),
        "seq": analysis.map_or(tcp.seq, |analysis| analysis.seq),
        "ack": analysis.map_or(tcp.ack, |analysis| analysis.ack),
        "win": analysis.map_or(tcp.window.into(), |analysis| analysis.window),
        "labels": labels,
    }))
}
