//! A room full of people: how fast what one says reaches all the others.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::idle::{self, PEERS};
use super::load::Load;
use super::process::{self, Server};
use super::table::{Target, Unit};

/// Members who talk; each says one thing at a time.
const TALKERS: usize = 8;

/// In bytes: what one of them says, its end included.
const MESSAGE_SIZE: usize = 64;

/// So long nothing comes once everybody has been greeted.
const CALM: Duration = Duration::from_millis(300);

/// How long a server may take to let everybody in, and to greet them.
const GATHER_LIMIT: Duration = Duration::from_secs(20);

/// A silence after which something was lost.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// Messages that have reached somebody, a second, with so many members.
pub(super) fn fan_out(bench: &Bench, members: usize) -> Comparison<'_> {
    let ours = move || {
        let server = Server::announced(&mut serve(bench))?;
        process::figures::<1>(&mut bench.load("room", server.port, members))
    };
    let theirs = move || {
        let port = process::free_port()?;
        let server = Server::silent(&mut chat(port, members), port)?;
        process::figures::<1>(&mut bench.load("chat", server.port, members))
    };
    let mut contenders = vec![Contender::new("sockpit room serve", ours)];
    // It waits with select(2), which knows 1,024 files, and has said nothing for long before.
    if members < 1000 {
        let ncat = Contender::new("ncat --chat", theirs);
        contenders.push(ncat.with_target(Target::RatioAtLeast(1.0)));
    }
    Comparison::new(
        format!(
            "room: {members} members, {TALKERS} of them talk: deliveries of {MESSAGE_SIZE} bytes"
        ),
        Unit::PerSecond,
        contenders,
    )
}

/// Resident memory of the server for each member who is silent.
pub(super) fn memory(bench: &Bench) -> Comparison<'_> {
    Comparison::new(
        format!("room: resident memory per member, {PEERS} members who listen"),
        Unit::Bytes,
        vec![
            Contender::new("sockpit room serve", move || {
                idle::bytes_per_peer(bench, "room-idle", &mut serve(bench))
            })
            .with_target(Target::AtMost(4096.0)),
            Contender::new("sockpit listen, for comparison", move || {
                let listen = &mut bench.listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
                idle::bytes_per_peer(bench, "greeted", listen)
            }),
        ],
    )
}

fn serve(bench: &Bench) -> Command {
    let mut command = Command::new(&bench.sockpit);
    command.args([
        "room",
        "serve",
        "tcp://127.0.0.1:0",
        "--as",
        "none",
        "--flood",
        "off",
    ]);
    command
}

fn chat(port: u16, members: usize) -> Command {
    let mut command = Command::new("ncat");
    let most = (members + 1).to_string();
    command.args([
        "--chat",
        "-l",
        "--max-conns",
        &most,
        "127.0.0.1",
        &port.to_string(),
    ]);
    command
}

/// Fills a room and has some of its members talk; how many deliveries a second there were. With
/// `has_nicks` everybody gives a nickname first.
pub(super) fn talk(load: Load, has_nicks: bool) -> io::Result<f64> {
    let mut crowd = Crowd::gather(load, has_nicks)?;
    let mut message = vec![b'x'; MESSAGE_SIZE];
    message[MESSAGE_SIZE - 1] = b'\n';
    let each = (load.count - 1) * TALKERS;
    let began = Instant::now();
    let mut delivered = 0;
    while began.elapsed() < load.time {
        for talker in 0..TALKERS {
            crowd.members[talker].write_all(&message)?;
        }
        crowd.hear(each)?;
        delivered += each;
    }
    Ok(delivered as f64 / began.elapsed().as_secs_f64())
}

/// Fills a room, says so, and holds everybody there until stdin ends.
pub(super) fn idle_members(load: Load) -> io::Result<ExitCode> {
    let _crowd = Crowd::gather(load, true)?;
    writeln!(io::stdout(), "connected")?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(ExitCode::SUCCESS)
}

/// Everybody in a room.
struct Crowd {
    members: Vec<TcpStream>,
    poll: std::os::fd::OwnedFd,
    buffer: Vec<u8>,
}

impl Crowd {
    /// Lets so many join, and waits until they have read what greets them.
    fn gather(load: Load, has_nicks: bool) -> io::Result<Self> {
        let mut crowd = Self {
            members: Vec::new(),
            poll: epoll::create(CreateFlags::CLOEXEC)?,
            buffer: vec![0; 64 * 1024],
        };
        let began = Instant::now();
        for place in 0..load.count {
            let mut member = TcpStream::connect((Ipv4Addr::LOCALHOST, load.port))?;
            if has_nicks {
                member.write_all(format!("m{place}\n").as_bytes())?;
            }
            let data = EventData::new_u64(u64::try_from(place).expect("a place is small"));
            epoll::add(&crowd.poll, &member, data, EventFlags::IN)?;
            crowd.members.push(member);
            // A server has a backlog, and a greeting a buffer.
            while place % 100 == 99 && crowd.take(Duration::from_millis(1))?.is_some() {
                crowd.check(began)?;
            }
        }
        while crowd.take(CALM)?.is_some() {
            crowd.check(began)?;
        }
        Ok(crowd)
    }

    /// Refuses to wait for ever for a server that is not done greeting.
    fn check(&self, began: Instant) -> io::Result<()> {
        if began.elapsed() < GATHER_LIMIT {
            return Ok(());
        }
        let message = format!("not done greeting {} after 20 s", self.members.len());
        Err(io::Error::other(message))
    }

    /// Reads until so many lines have come.
    fn hear(&mut self, lines: usize) -> io::Result<()> {
        let mut heard = 0;
        while heard < lines {
            match self.take(SILENCE_LIMIT)? {
                Some(some) => heard += some,
                None => {
                    let message = format!("the server fell silent after {heard} of {lines} lines");
                    return Err(io::Error::other(message));
                }
            }
        }
        Ok(())
    }

    /// Reads what is there; how many lines ended in it, or `None` if nothing came for so long.
    fn take(&mut self, patience: Duration) -> io::Result<Option<usize>> {
        let patience = Timespec::try_from(patience).expect("a few seconds");
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; 256];
        let ready = epoll::wait(&self.poll, &mut events[..], Some(&patience))?;
        let mut lines = 0;
        for event in &events[..ready] {
            let data = event.data;
            let place = usize::try_from(data.u64()).expect("a place in the list");
            match self.members[place].read(&mut self.buffer)? {
                0 => return Err(io::Error::other("the server closed a connection")),
                len => {
                    let read = self.buffer[..len].iter();
                    lines += read.filter(|byte| **byte == b'\n').count();
                }
            }
        }
        Ok((ready > 0).then_some(lines))
    }
}
