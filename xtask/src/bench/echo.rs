//! Small messages and their answers: many round trips on open connections, one on each of many
//! connections, and datagrams.

use std::io;
use std::process::Command;

use super::Bench;
use super::comparison::{Comparison, Contender, Turns};
use super::process::{self, Server};
use super::table::{Target, Unit};

/// A TCP server on `127.0.0.1` at a port it is told.
type Told = fn(u16) -> Command;

/// Those who start a process for each connection.
const FORKING: [(&str, Told); 2] = [
    ("socat TCP-LISTEN,fork PIPE", socat),
    ("ncat -k -e /bin/cat", ncat),
];

/// Connections of `churn` at once; fewer than the shortest backlog, ncat's 10.
const CHURN_PEERS: usize = 8;

/// So many connections with a 64-byte message under way each. What has no target is a point of
/// the growth.
pub(super) fn ping_pong(bench: &Bench, count: usize, has_target: bool) -> Comparison<'_> {
    let measure = move |command: fn(&Bench) -> Command| {
        move || {
            let [rate, p99, _] = announced(bench, "echo", count, &mut command(bench))?;
            Ok([rate, p99])
        }
    };
    let target = |target: Target| has_target.then_some(target);
    let mut contenders = vec![
        Contender::new("sockpit listen --reply echo", measure(listener)),
        Contender::new("one-thread epoll server", measure(minimal))
            .with_target(target(Target::RatioAtLeast(0.95)))
            .with_target(target(Target::RatioAtMost(1.5))),
    ];
    // A process for each of a thousand connections is no comparison any more.
    if count == 50 {
        contenders.extend(FORKING.map(|(name, command)| {
            Contender::new(name, move || {
                let [rate, p99, _] = told(bench, "echo", count, command)?;
                Ok([rate, p99])
            })
            .with_target(Target::RatioAtLeast(1.5))
        }));
    }
    let title = match count {
        1 => "echo: one TCP connection, 64-byte round trips".to_owned(),
        _ => format!("echo: {count} TCP connections, 64-byte round trips"),
    };
    let slowest = format!("{title}: what 99 % of them do not exceed");
    // One connection is fast or slow by where the system lets both ends run.
    let turns = if count == 1 { 3 } else { 1 };
    Comparison::new(title, Unit::PerSecond, contenders)
        .with_aspect("-p99", slowest, Unit::Seconds)
        .with_turns(Turns::EachRun(turns))
}

/// One connection whose packets are watched, beside one that nobody watches.
pub(super) fn watched(bench: &Bench) -> Comparison<'_> {
    let listen = |extra: &'static [&'static str]| {
        move || {
            let arguments = [&["tcp://127.0.0.1:0", "--reply", "echo"], extra].concat();
            let [rate, ..]: [f64; 3] = announced(bench, "echo", 1, &mut bench.listen(&arguments))?;
            Ok(rate)
        }
    };
    Comparison::new(
        "wire: one TCP connection, 64-byte round trips",
        Unit::PerSecond,
        vec![
            Contender::new("sockpit listen --reply echo --wire", listen(&["--wire"])),
            Contender::new("without --wire", listen(&[])).with_target(Target::RatioAtLeast(0.75)),
        ],
    )
}

/// Connect, one 64-byte round trip, close; 8 at a time.
pub(super) fn churn(bench: &Bench) -> Comparison<'_> {
    let measure = move |command: fn(&Bench) -> Command| {
        move || {
            let [rate, ..]: [f64; 3] = announced(bench, "churn", CHURN_PEERS, &mut command(bench))?;
            Ok(rate)
        }
    };
    let mut contenders = vec![
        Contender::new("sockpit listen --reply echo", measure(listener)),
        Contender::new("one-thread epoll server", measure(minimal))
            .with_target(Target::RatioAtLeast(0.9)),
    ];
    contenders.extend(FORKING.map(|(name, command)| {
        Contender::new(name, move || {
            let [rate, ..]: [f64; 3] = told(bench, "churn", CHURN_PEERS, command)?;
            Ok(rate)
        })
    }));
    let title =
        format!("churn: TCP connections with one 64-byte round trip each, {CHURN_PEERS} at a time");
    Comparison::new(title, Unit::PerSecond, contenders)
}

/// The figures of a load against a server that says where it listens.
pub(super) fn announced<const N: usize>(
    bench: &Bench,
    load: &str,
    count: usize,
    command: &mut Command,
) -> io::Result<[f64; N]> {
    let server = Server::announced(command)?;
    process::figures(&mut bench.load(load, server.port, count))
}

/// The figures of a load against a server that is told its port.
fn told<const N: usize>(
    bench: &Bench,
    load: &str,
    count: usize,
    command: Told,
) -> io::Result<[f64; N]> {
    let port = process::free_port()?;
    let server = Server::silent(&mut command(port), port)?;
    process::figures(&mut bench.load(load, server.port, count))
}

fn listener(bench: &Bench) -> Command {
    bench.listen(&["tcp://127.0.0.1:0", "--reply", "echo"])
}

fn minimal(bench: &Bench) -> Command {
    bench.reference(&["epoll-echo"])
}

fn socat(port: u16) -> Command {
    let mut command = Command::new("socat");
    let address = format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,backlog=128,fork");
    command.args([&address, "PIPE"]);
    command
}

fn ncat(port: u16) -> Command {
    let mut command = Command::new("ncat");
    command.args(["-l", "-k", "-e", "/bin/cat", "127.0.0.1"]);
    command.arg(port.to_string());
    command
}
