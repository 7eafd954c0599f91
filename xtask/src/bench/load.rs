//! The load generators: one thread, one epoll, bounded in count and in time.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

use super::latency::Latency;

/// What a load generator is told.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// Of the server, on `127.0.0.1`.
    pub(super) port: u16,
    /// Connections, members, bytes or messages a second: what the kind of load has many of.
    pub(super) count: usize,
    /// How long a load goes on that has no end of its own.
    pub(super) time: Duration,
}

/// What a load of round trips prints: how many a second, what 99 % of them do not exceed in
/// seconds, and how many there were in all.
pub(super) struct RoundTrips {
    pub(super) rate: f64,
    pub(super) p99: f64,
    pub(super) count: f64,
}

/// What each peer of `idle` does before it falls silent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    None,
    RoundTrip,
}

/// In bytes.
const MESSAGE_SIZE: usize = 64;

/// Of one run; more than loopback can do in its time.
const ROUND_TRIP_LIMIT: u64 = 10_000_000;

/// Of one run: each leaves a local port waiting for a minute, and a machine has 28,000.
const CONNECTION_LIMIT: u64 = 10_000;

/// Connections that may wait to be accepted: half of what a listener of the standard library permits.
const BACKLOG: usize = 64;

/// A silence after which something was lost.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);

/// What comes first finds cold caches and a server that has just accepted.
const WARM_UP: Duration = Duration::from_millis(50);

/// Datagrams under way at once: so few that no socket's buffer overflows.
const DATAGRAMS: usize = 16;

/// Datagrams of a train.
const TRAIN: usize = 16;

/// One connection of a load, how much of its answer has come, and since when it waits.
struct Peer {
    stream: TcpStream,
    received: usize,
    asked: Instant,
}

impl Load {
    /// Round trips on `count` open connections, with one message under way each.
    pub(super) fn ping_pong(self) -> io::Result<RoundTrips> {
        let poll = Poll::new()?;
        let mut peers = Vec::new();
        for place in 0..self.count {
            let mut peer = Peer::connect(self.port, &poll, place)?;
            // Once it answers it has accepted all before, and none is lost from its backlog.
            if place % BACKLOG == BACKLOG - 1 {
                greet(&mut peer.stream)?;
            }
            peers.push(peer);
        }
        // Not before all are there, or the first answers would wait for the last connection.
        for peer in &mut peers {
            peer.send(Instant::now())?;
        }
        self.round_trips(&poll, ROUND_TRIP_LIMIT, |place, now| {
            let peer = &mut peers[place];
            if !peer.receive()? {
                return Ok(None);
            }
            let asked = peer.asked;
            peer.send(now)?;
            Ok(Some(asked))
        })
    }

    /// Connections with one round trip each, `count` at a time.
    pub(super) fn churn(self) -> io::Result<RoundTrips> {
        let poll = Poll::new()?;
        let connect = |place| {
            let now = Instant::now();
            let mut peer = Peer::connect(self.port, &poll, place)?;
            peer.send(now)?;
            io::Result::Ok(peer)
        };
        let mut peers = (0..self.count)
            .map(connect)
            .collect::<io::Result<Vec<_>>>()?;
        self.round_trips(&poll, CONNECTION_LIMIT, |place, _| {
            if !peers[place].receive()? {
                return Ok(None);
            }
            let asked = peers[place].asked;
            // The old connection is closed here, which takes it off the poll too.
            peers[place] = connect(place)?;
            Ok(Some(asked))
        })
    }

    /// Round trips of `count` sockets, which take turns: 16 datagrams are under way.
    pub(super) fn datagrams(self) -> io::Result<RoundTrips> {
        let poll = Poll::new()?;
        let mut peers = Vec::new();
        for place in 0..self.count {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect((Ipv4Addr::LOCALHOST, self.port))?;
            poll.add(&socket, place)?;
            peers.push(socket);
        }
        let message = [b'x'; MESSAGE_SIZE];
        let mut asked = vec![Instant::now(); peers.len()];
        let under_way = DATAGRAMS.min(peers.len());
        for peer in &peers[..under_way] {
            peer.send(&message)?;
        }
        let mut next = under_way % peers.len();
        let mut buffer = [0; 2 * MESSAGE_SIZE];
        self.round_trips(&poll, ROUND_TRIP_LIMIT, |place, now| {
            let len = peers[place].recv(&mut buffer)?;
            if len != MESSAGE_SIZE {
                return Err(io::Error::other(format!("an answer of {len} bytes")));
            }
            let since = asked[place];
            asked[next] = now;
            peers[next].send(&message)?;
            next = (next + 1) % peers.len();
            Ok(Some(since))
        })
    }

    /// Trains of datagrams from `count` sockets: each has its next train leave, with one call, once
    /// the latest is answered.
    pub(super) fn trains(self) -> io::Result<RoundTrips> {
        let poll = Poll::new()?;
        let message = [b'x'; MESSAGE_SIZE];
        let mut peers = Vec::new();
        for place in 0..self.count {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect((Ipv4Addr::LOCALHOST, self.port))?;
            poll.add(&socket, place)?;
            send_train(&socket, &message)?;
            peers.push((socket, TRAIN, Instant::now()));
        }
        let mut buffer = [0; 2 * MESSAGE_SIZE];
        self.round_trips(&poll, ROUND_TRIP_LIMIT, |place, now| {
            let (socket, left, asked) = &mut peers[place];
            let len = socket.recv(&mut buffer)?;
            if len != MESSAGE_SIZE {
                return Err(io::Error::other(format!("an answer of {len} bytes")));
            }
            let since = *asked;
            *left -= 1;
            if *left == 0 {
                (*left, *asked) = (TRAIN, now);
                send_train(socket, &message)?;
            }
            Ok(Some(since))
        })
    }

    /// Connects `count` peers, says so, and holds them until stdin ends.
    pub(super) fn idle(self, greeting: Greeting) -> io::Result<ExitCode> {
        let mut peers = Vec::new();
        for _ in 0..self.count {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            if greeting == Greeting::RoundTrip {
                greet(&mut stream)?;
            }
            peers.push(stream);
        }
        writeln!(io::stdout(), "connected")?;
        io::copy(&mut io::stdin(), &mut io::sink())?;
        Ok(ExitCode::SUCCESS)
    }

    /// Calls `step` for every peer with something to read, until the time is over; it says since
    /// when the peer has waited for the answer that is whole.
    fn round_trips(
        self,
        poll: &Poll,
        limit: u64,
        mut step: impl FnMut(usize, Instant) -> io::Result<Option<Instant>>,
    ) -> io::Result<RoundTrips> {
        let silence = Timespec::try_from(SILENCE_LIMIT).expect("a few seconds");
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; 64];
        let began = Instant::now();
        let (mut latency, mut count, mut counted) = (Latency::new(), 0, 0_u64);
        let mut counted_from = None;
        while count < limit && began.elapsed() < self.time {
            let ready = epoll::wait(&poll.0, &mut events[..], Some(&silence))?;
            if ready == 0 {
                return Err(io::Error::other("the server fell silent"));
            }
            let now = Instant::now();
            if counted_from.is_none() && WARM_UP <= now - began {
                counted_from = Some(now);
            }
            for event in &events[..ready] {
                let data = event.data;
                let place = usize::try_from(data.u64()).expect("a place in the list");
                let now = Instant::now();
                if let Some(asked) = step(place, now)? {
                    count += 1;
                    if counted_from.is_some() {
                        counted += 1;
                        latency.record(now - asked);
                    }
                }
            }
        }
        let counted_from = counted_from.unwrap_or(began);
        Ok(RoundTrips {
            rate: counted as f64 / counted_from.elapsed().as_secs_f64(),
            p99: latency.percentile(99.0).as_secs_f64(),
            count: count as f64,
        })
    }
}

impl Peer {
    /// Connects and waits in `poll` under `place`.
    fn connect(port: u16, poll: &Poll, place: usize) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        poll.add(&stream, place)?;
        Ok(Self {
            stream,
            received: 0,
            asked: Instant::now(),
        })
    }

    fn send(&mut self, now: Instant) -> io::Result<()> {
        self.received = 0;
        self.asked = now;
        self.stream.write_all(&[b'x'; MESSAGE_SIZE])
    }

    /// Takes what has come; whether the answer is whole.
    fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 2 * MESSAGE_SIZE];
        match self.stream.read(&mut buffer)? {
            0 => return Err(io::Error::other("the server closed a connection")),
            len => self.received += len,
        }
        if MESSAGE_SIZE < self.received {
            return Err(io::Error::other("an answer is longer than its question"));
        }
        Ok(self.received == MESSAGE_SIZE)
    }
}

/// One round trip.
fn greet(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [b'x'; MESSAGE_SIZE];
    stream.write_all(&buffer)?;
    stream.read_exact(&mut buffer)
}

/// An epoll whose events are places in a list of peers.
fn send_train(socket: &UdpSocket, message: &[u8]) -> io::Result<()> {
    let parts = [IoSlice::new(message)];
    let mut controls: [SendAncillaryBuffer<'_, '_, '_>; TRAIN] = Default::default();
    let mut train: Vec<_> = controls
        .iter_mut()
        .map(|control| MMsgHdr::new(&parts, control))
        .collect();
    match sendmmsg(socket, &mut train, SendFlags::empty())? {
        TRAIN => Ok(()),
        sent => Err(io::Error::other(format!(
            "{sent} datagrams of {TRAIN} were taken"
        ))),
    }
}

struct Poll(OwnedFd);

impl Poll {
    fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    fn add(&self, socket: impl AsFd, place: usize) -> io::Result<()> {
        let data = EventData::new_u64(u64::try_from(place).expect("a place is small"));
        Ok(epoll::add(&self.0, socket, data, EventFlags::IN)?)
    }
}
