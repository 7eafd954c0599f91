//! What a page takes home: a view as a file, or all bytes of a message.
//!
//! A file is made of a view of its own, so that the page may change what it looks at meanwhile. It
//! ends where the history ended when it was begun, and is made no faster than it is taken.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use sockpit_core::event::{Event, What};
use sockpit_core::filter::{Clock, Sieve};
use sockpit_core::history::{Form, Gone, Look};
use sockpit_core::record::Epoch;
use sockpit_core::transcript::{Options, Transcript};
use sockpit_engine::history::{Over, Reader};

use super::detail;
use crate::workbench::Shared;
use crate::workbench::body::{Body, BodySender, Download};
use crate::workbench::complaint::Complaint;

/// What makes the file.
const APPLICATION: &str = concat!("sockpit ", env!("CARGO_PKG_VERSION"));

/// In bytes, as the history counts them: what is looked at for one piece.
const BUDGET: usize = 1024 * 1024;

/// In bytes: a piece of a message.
const PIECE: usize = 64 * 1024;

/// Rows that are looked at for one piece of a capture file.
const ROWS_AT_ONCE: u64 = 256;

/// The fields of an export, beside the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) view: u32,
    pub(super) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Jsonl,
    Pcapng,
    Txt,
    Csv,
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Pcapng => "pcapng",
            Self::Txt => "txt",
            Self::Csv => "csv",
        }
    }
}

/// Begins a file of what is seen so.
pub(super) async fn export(
    bench: &Shared,
    look: Look,
    format: Format,
) -> Result<Download, Complaint> {
    let keeper = &bench.timeline.keeper;
    let epoch = bench.epoch();
    let form = match format {
        Format::Jsonl => Some(Form::Jsonl),
        Format::Txt => Some(Form::Text),
        Format::Csv => Some(Form::Csv),
        Format::Pcapng => None,
    };
    let (sender, body) = Body::channel();
    match form {
        Some(form) => {
            let file = File {
                form,
                clock: look.clock,
            };
            let reader = keeper.open(look);
            tokio::spawn(async move { finish(file.write(&reader, sender).await).await });
        }
        None => {
            // A capture is told by packets and chunks, and needs to know who the peers are.
            let seen = Look {
                filter: None,
                framing: None,
                chunks: true,
                packets: true,
                ..look.clone()
            };
            let reader = keeper.open(seen);
            tokio::spawn(async move { finish(capture(reader, look, epoch, sender).await).await });
        }
    }
    Ok(Download {
        name: format!("sockpit.{}", format.ending()),
        body,
    })
}

/// Begins to give all bytes of a message.
pub(super) async fn bytes(reader: Arc<Reader>, index: u64) -> Result<Download, Complaint> {
    let part = move |reader: Arc<Reader>, from: u64| async move {
        reader
            .ask(move |view, history| {
                let layout = view.layout(index);
                // Escapes are undone from the beginning on each time: as much again makes few times.
                let len = match layout.is_some_and(|layout| layout.is_stuffed) {
                    true => usize::try_from(from).unwrap_or(PIECE).max(PIECE),
                    false => PIECE,
                };
                detail::bytes(view, history, index, from, len)
            })
            .await
    };
    let first = part(reader.clone(), 0).await??;
    let (mut sender, body) = Body::channel();
    tokio::spawn(async move {
        let mut piece = first;
        let mut from = 0;
        while !piece.is_empty() {
            from += piece.len() as u64;
            let mut rest = Bytes::from(piece);
            while !rest.is_empty() {
                let next = rest.split_to(rest.len().min(PIECE));
                if sender.send(next).await.is_err() {
                    return;
                }
            }
            match part(reader.clone(), from).await {
                Ok(Ok(next)) => piece = next,
                Ok(Err(_)) | Err(_) => return sender.fail().await,
            }
        }
    });
    Ok(Download {
        name: format!("message-{index}.bin"),
        body,
    })
}

impl From<Gone> for Complaint {
    fn from(gone: Gone) -> Self {
        Self::new(gone.to_string())
    }
}

/// How a download ended.
enum End {
    /// Whole, or with nobody to take it.
    Done,
    /// Without what was to come.
    Broken(BodySender),
}

async fn finish(end: End) {
    if let End::Broken(sender) = end {
        sender.fail().await;
    }
}

/// A file of rows.
#[derive(Clone, Copy)]
struct File {
    form: Form,
    clock: Clock,
}

impl File {
    async fn write(self, reader: &Reader, mut sender: BodySender) -> End {
        let Ok(state) = reader.settled().await else {
            return End::Broken(sender);
        };
        let heading = self.form.heading();
        if !heading.is_empty()
            && sender
                .send(Bytes::from_static(heading.as_bytes()))
                .await
                .is_err()
        {
            return End::Done;
        }
        let mut from = state.first;
        while from < state.next {
            match self.piece(reader, state.revision, from).await {
                Ok(Some((piece, next))) => {
                    if !piece.is_empty() && sender.send(piece.into()).await.is_err() {
                        return End::Done;
                    }
                    let Some(next) = next else {
                        return End::Done;
                    };
                    from = next;
                }
                Ok(None) | Err(Over) => return End::Broken(sender),
            }
        }
        End::Done
    }

    /// Rows from one on, and the one to go on with; `None` where rows are others than they were, as
    /// the history was cleared or is cut in another way.
    async fn piece(
        self,
        reader: &Reader,
        revision: u32,
        from: u64,
    ) -> Result<Option<(Vec<u8>, Option<u64>)>, Over> {
        let Self { form, clock } = self;
        reader
            .ask(move |view, history| {
                if view.revision() != revision {
                    return None;
                }
                let mut piece = Vec::new();
                let next = view.export(history, form, clock, from, BUDGET, &mut piece);
                Some((piece, next))
            })
            .await
    }
}

/// Writes a capture file: of packets and chunks those that the filter wants.
async fn capture(reader: Reader, look: Look, epoch: Epoch, mut sender: BodySender) -> End {
    let Ok(state) = reader.settled().await else {
        return End::Broken(sender);
    };
    let charset = look.text.flatten();
    let mut sieve = look
        .filter
        .map(|filter| Sieve::new(filter, look.clock).in_charset(charset));
    let mut piece = Vec::new();
    let options = Options {
        charset,
        expects_packets: false,
    };
    let mut transcript = Transcript::begin(APPLICATION, options, &mut piece);
    let mut from = state.first;
    while from < state.next {
        let until = from.saturating_add(ROWS_AT_ONCE).min(state.next);
        let revision = state.revision;
        let events = reader
            .ask(move |view, history| {
                if view.revision() != revision {
                    return None;
                }
                let mut events: Vec<Event> = Vec::new();
                let (mut next, mut bytes) = (from.max(view.first()), 0);
                while next < until && bytes < BUDGET as u64 {
                    bytes += view.layout(next).map_or(0, |layout| layout.wire_len);
                    events.extend(view.event(history, next));
                    next += 1;
                }
                Some((events, next))
            })
            .await;
        let Ok(Some((events, next))) = events else {
            return End::Broken(sender);
        };
        for event in &events {
            let is_wanted = sieve.as_mut().is_none_or(|sieve| sieve.keeps(event));
            let is_data = matches!(event.what, What::Chunk { .. } | What::Packet { .. });
            if is_wanted || !is_data {
                transcript.push(event, epoch, &mut piece);
            }
        }
        from = next.min(state.next);
        if from == state.next {
            transcript.finish(&mut piece);
        }
        while !piece.is_empty() {
            let rest = piece.split_off(piece.len().min(PIECE));
            let whole = std::mem::replace(&mut piece, rest);
            if sender.send(Bytes::from(whole)).await.is_err() {
                return End::Done;
            }
        }
    }
    if !piece.is_empty() && sender.send(piece.into()).await.is_err() {
        return End::Done;
    }
    End::Done
}
