//! One connection of a server of loads.

use std::io::{self, Read, Write};

use socket2::Socket;
use sockpit_core::load::Service;
use sockpit_core::load::wire::{Counts, First, HELLO, Hello};

/// A connection, and what it is for.
pub(super) struct Peer {
    pub(super) socket: Socket,
    kind: Kind,
    /// Whether it sends no more.
    has_ended: bool,
    /// When it was last heard, in nanoseconds since the server began.
    pub(super) heard: u64,
}

enum Kind {
    /// Its first bytes could be a hello.
    Deciding { first: Vec<u8> },
    /// What it sends goes back; what the system did not take yet is kept, and nothing is read until
    /// it did.
    Echo { kept: Vec<u8>, from: usize },
    /// What it sends is counted.
    Sink {
        counts: Counts,
        is_greeted: bool,
        begun: Option<u64>,
    },
}

/// What a connection wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More bytes.
    Read,
    /// To go on writing.
    Write,
    /// Nothing: it is over.
    Close,
}

/// What a turn came to, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// Reads of one turn, so that no connection keeps the others waiting.
const READS: usize = 8;

impl Peer {
    pub(super) fn new(socket: Socket, service: Service, now: u64) -> Self {
        let kind = match service {
            Service::Echo => Kind::echo(),
            // To a sink, a hello says for which run it counts, and is no part of what is counted.
            Service::Auto | Service::Sink => Kind::Deciding { first: Vec::new() },
        };
        Self {
            socket,
            kind,
            has_ended: false,
            heard: now,
        }
    }

    /// Reads what came and does with it what it is for.
    pub(super) fn turn(
        &mut self,
        buffer: &mut [u8],
        now: u64,
        service: Service,
        moved: &mut Moved,
    ) -> io::Result<Next> {
        self.heard = now;
        if let Next::Write = self.flush(moved)? {
            return Ok(Next::Write);
        }
        if self.has_ended {
            return self.end();
        }
        for _ in 0..READS {
            let len = match (&self.socket).read(buffer) {
                Ok(0) => {
                    self.has_ended = true;
                    self.decide_at_end(service, moved)?;
                    return match self.flush(moved)? {
                        Next::Write => Ok(Next::Write),
                        _ => self.end(),
                    };
                }
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Next::Read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            moved.received += len as u64;
            let bytes = buffer.get(..len).unwrap_or_default();
            self.take(bytes, now, service, moved)?;
            if self.is_writing() {
                return Ok(Next::Write);
            }
            // A short read has emptied the socket.
            if len < buffer.len() {
                return Ok(Next::Read);
            }
        }
        Ok(Next::Read)
    }

    /// Settles that no hello comes, where one could have; for one who has been silent since its
    /// first bytes.
    pub(super) fn settle(&mut self, service: Service, moved: &mut Moved) -> io::Result<Next> {
        self.decide_at_end(service, moved)?;
        Ok(if self.is_writing() {
            Next::Write
        } else {
            Next::Read
        })
    }

    /// In bytes: what it has not read of its echo.
    pub(super) const fn kept(&self) -> usize {
        match &self.kind {
            Kind::Echo { kept, .. } => kept.len(),
            Kind::Deciding { .. } | Kind::Sink { .. } => 0,
        }
    }

    /// Whether it has said something, but not what it is for.
    pub(super) const fn is_undecided(&self) -> bool {
        matches!(&self.kind, Kind::Deciding { first } if !first.is_empty())
    }

    fn take(
        &mut self,
        bytes: &[u8],
        now: u64,
        service: Service,
        moved: &mut Moved,
    ) -> io::Result<()> {
        match &mut self.kind {
            Kind::Deciding { first } => {
                first.extend_from_slice(bytes);
                match Hello::find(first) {
                    First::Incomplete => Ok(()),
                    found => {
                        let first = std::mem::take(first);
                        self.decide(found, &first, service, now, moved)
                    }
                }
            }
            Kind::Echo { kept, from } => send(&self.socket, bytes, (kept, from), moved),
            Kind::Sink { counts, begun, .. } => {
                let begun = *begun.get_or_insert(now);
                counts.bytes += bytes.len() as u64;
                counts.elapsed_ns = now.saturating_sub(begun);
                Ok(())
            }
        }
    }

    fn decide_at_end(&mut self, service: Service, moved: &mut Moved) -> io::Result<()> {
        let Kind::Deciding { first } = &mut self.kind else {
            return Ok(());
        };
        let first = std::mem::take(first);
        self.decide(First::Other, &first, service, self.heard, moved)
    }

    /// Takes what the first bytes say, and the bytes themselves.
    fn decide(
        &mut self,
        found: First,
        first: &[u8],
        service: Service,
        now: u64,
        moved: &mut Moved,
    ) -> io::Result<()> {
        let (hello, rest) = match found {
            First::Hello(hello) => (Some(hello), first.get(HELLO..).unwrap_or_default()),
            First::Incomplete | First::Other => (None, first),
        };
        let asked = hello.map_or(Service::Echo, |hello| hello.service);
        let is_sink = service == Service::Sink || asked == Service::Sink;
        self.kind = if is_sink {
            let counts = Counts {
                run: hello.map_or(0, |hello| hello.run),
                ..Counts::default()
            };
            Kind::Sink {
                counts,
                is_greeted: hello.is_some(),
                begun: None,
            }
        } else {
            Kind::echo()
        };
        if rest.is_empty() {
            return Ok(());
        }
        self.take(rest, now, service, moved)
    }

    const fn is_writing(&self) -> bool {
        matches!(&self.kind, Kind::Echo { kept, from } if *from < kept.len())
    }

    /// Goes on writing what is kept.
    fn flush(&mut self, moved: &mut Moved) -> io::Result<Next> {
        let Kind::Echo { kept, from } = &mut self.kind else {
            return Ok(Next::Read);
        };
        let rest = kept.get(*from..).unwrap_or_default();
        let written = write_some(&self.socket, rest)?;
        moved.sent += written as u64;
        *from += written;
        if *from < kept.len() {
            return Ok(Next::Write);
        }
        // An idle connection shall keep nothing.
        *kept = Vec::new();
        *from = 0;
        Ok(Next::Read)
    }

    /// Ends our side too; a sink tells first what it counted.
    fn end(&self) -> io::Result<Next> {
        if let Kind::Sink {
            counts,
            is_greeted: true,
            ..
        } = &self.kind
        {
            write_some(&self.socket, &counts.encode())?;
        }
        Ok(Next::Close)
    }
}

impl Kind {
    const fn echo() -> Self {
        Self::Echo {
            kept: Vec::new(),
            from: 0,
        }
    }
}

/// Sends bytes, and keeps those that the system does not take.
fn send(
    socket: &Socket,
    bytes: &[u8],
    (kept, from): (&mut Vec<u8>, &mut usize),
    moved: &mut Moved,
) -> io::Result<()> {
    let written = write_some(socket, bytes)?;
    moved.sent += written as u64;
    let rest = bytes.get(written..).unwrap_or_default();
    if !rest.is_empty() {
        *kept = rest.to_vec();
        *from = 0;
    }
    Ok(())
}

/// Writes as much as the system takes.
fn write_some(mut socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match socket.write(rest) {
            Ok(len) => written += len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
