//! The load generators: one thread, one epoll, bounded in count and in time.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// What each peer of `idle` does before it falls silent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    None,
    RoundTrip,
}

/// Peers that connect and stay.
pub(super) const IDLE_PEERS: u32 = 8000;

/// In bytes.
const MESSAGE_SIZE: usize = 64;

/// Of one run.
const RUN_TIME: Duration = Duration::from_secs(2);

/// Of one run; more than loopback can do in its time.
const ROUND_TRIP_LIMIT: u64 = 2_000_000;

/// Of one run: each leaves a local port waiting for a minute, and a machine has 28,000.
const CONNECTION_LIMIT: u64 = 10_000;

/// Peers that ping-pong over TCP.
const STREAM_PEERS: usize = 50;

/// Connections under way at once in `churn`; fewer than the shortest backlog, ncat's 10.
const CHURN_PEERS: usize = 8;

/// Peers with one datagram under way each.
const DATAGRAM_PEERS: usize = 16;

/// A silence after which something was lost.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);

/// One connection of a load and how much of its answer has come.
struct Peer {
    stream: TcpStream,
    received: usize,
}

/// Round trips per second of [`STREAM_PEERS`] connections.
pub(super) fn ping_pong(port: u16) -> io::Result<f64> {
    round_trips(port, STREAM_PEERS)
}

/// Round trips per second of one connection.
pub(super) fn alone(port: u16) -> io::Result<f64> {
    round_trips(port, 1)
}

fn round_trips(port: u16, count: usize) -> io::Result<f64> {
    let poll = Poll::new()?;
    let mut peers = Vec::new();
    for place in 0..count {
        peers.push(Peer::connect(port, &poll, place)?);
    }
    poll.rate(ROUND_TRIP_LIMIT, |place| {
        let peer = &mut peers[place];
        let answered = peer.receive()?;
        if answered {
            peer.send()?;
        }
        Ok(answered)
    })
}

/// Connections per second, each with one round trip, [`CHURN_PEERS`] at a time.
pub(super) fn churn(port: u16) -> io::Result<f64> {
    let poll = Poll::new()?;
    let mut peers = Vec::new();
    for place in 0..CHURN_PEERS {
        peers.push(Peer::connect(port, &poll, place)?);
    }
    poll.rate(CONNECTION_LIMIT, |place| {
        let answered = peers[place].receive()?;
        if answered {
            // The old connection is closed here, which takes it off the poll too.
            peers[place] = Peer::connect(port, &poll, place)?;
        }
        Ok(answered)
    })
}

/// Round trips per second of [`DATAGRAM_PEERS`] sockets.
pub(super) fn datagrams(port: u16) -> io::Result<f64> {
    let poll = Poll::new()?;
    let mut peers = Vec::new();
    for place in 0..DATAGRAM_PEERS {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect((Ipv4Addr::LOCALHOST, port))?;
        socket.send(&[b'x'; MESSAGE_SIZE])?;
        poll.add(&socket, place)?;
        peers.push(socket);
    }
    let mut buffer = [0; 2 * MESSAGE_SIZE];
    poll.rate(ROUND_TRIP_LIMIT, |place| {
        let len = peers[place].recv(&mut buffer)?;
        if len != MESSAGE_SIZE {
            return Err(io::Error::other(format!("an answer of {len} bytes")));
        }
        peers[place].send(&buffer[..len])?;
        Ok(true)
    })
}

/// Connects [`IDLE_PEERS`] peers, says so, and holds them until stdin ends.
pub(super) fn idle(port: u16, greeting: Greeting) -> io::Result<ExitCode> {
    let mut peers = Vec::new();
    for _ in 0..IDLE_PEERS {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        if greeting == Greeting::RoundTrip {
            let mut buffer = [b'x'; MESSAGE_SIZE];
            stream.write_all(&buffer)?;
            stream.read_exact(&mut buffer)?;
        }
        peers.push(stream);
    }
    writeln!(io::stdout(), "connected")?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(ExitCode::SUCCESS)
}

impl Peer {
    /// Connects, sends its first message and waits in `poll` under `place`.
    fn connect(port: u16, poll: &Poll, place: usize) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        poll.add(&stream, place)?;
        let mut peer = Self {
            stream,
            received: 0,
        };
        peer.send()?;
        Ok(peer)
    }

    fn send(&mut self) -> io::Result<()> {
        self.received = 0;
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

/// An epoll whose events are places in a list of peers.
struct Poll(OwnedFd);

impl Poll {
    fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    fn add(&self, socket: impl AsFd, place: usize) -> io::Result<()> {
        let data = EventData::new_u64(u64::try_from(place).expect("a place is small"));
        Ok(epoll::add(&self.0, socket, data, EventFlags::IN)?)
    }

    /// Calls `step` for every peer with something to read; how often a second it said true.
    fn rate(&self, limit: u64, mut step: impl FnMut(usize) -> io::Result<bool>) -> io::Result<f64> {
        let silence = Timespec::try_from(SILENCE_LIMIT).expect("a few seconds");
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; 64];
        let began = Instant::now();
        let mut count: u64 = 0;
        while count < limit && began.elapsed() < RUN_TIME {
            let ready = epoll::wait(&self.0, &mut events[..], Some(&silence))?;
            if ready == 0 {
                return Err(io::Error::other("the server fell silent"));
            }
            for event in &events[..ready] {
                let data = event.data;
                let place = usize::try_from(data.u64()).expect("a place in the list");
                count += u64::from(step(place)?);
            }
        }
        Ok(count as f64 / began.elapsed().as_secs_f64())
    }
}
