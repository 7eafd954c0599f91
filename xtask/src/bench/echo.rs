//! Small messages and their answers: many round trips on open connections, one on each of many
//! connections, and datagrams.

use std::io;
use std::process::Command;

use super::Bench;
use super::comparison::{Comparison, Contender, Target, Unit};
use super::process::{self, Server};

/// A TCP server on `127.0.0.1` at a port it is told.
type Told = fn(u16) -> Command;

/// 50 connections with a 64-byte message under way each.
pub(super) fn ping_pong(bench: &Bench) -> Comparison<'_> {
    streams(
        bench,
        "echo",
        "echo: 50 TCP connections, 64-byte round trips",
        Some(Target::RatioAtLeast(1.5)),
    )
}

/// One connection whose packets are watched, beside one that nobody watches.
pub(super) fn watched(bench: &Bench) -> Comparison<'_> {
    let listen = |extra: &'static [&'static str]| {
        move || {
            let arguments = [&["tcp://127.0.0.1:0", "--reply", "echo"], extra].concat();
            announced(bench, "alone", &mut bench.listen(&arguments))
        }
    };
    Comparison {
        title: "wire: one TCP connection, 64-byte round trips".to_owned(),
        unit: Unit::PerSecond,
        contenders: vec![
            Contender::new("sockpit listen --reply echo --wire", listen(&["--wire"])),
            Contender::new("without --wire", listen(&[])).with_target(Target::RatioAtLeast(0.75)),
        ],
    }
}

/// Connect, one 64-byte round trip, close; 8 at a time.
pub(super) fn churn(bench: &Bench) -> Comparison<'_> {
    streams(
        bench,
        "churn",
        "churn: TCP connections with one 64-byte round trip each, 8 at a time",
        None,
    )
}

/// 16 sockets with a 64-byte datagram under way each.
pub(super) fn datagrams(bench: &Bench) -> Comparison<'_> {
    let ours = || {
        let command = &mut bench.listen(&["udp://127.0.0.1:0", "--reply", "echo"]);
        announced(bench, "udp", command)
    };
    let reference = || announced(bench, "udp", &mut bench.reference("udp-echo"));
    Comparison {
        title: "udp: 16 UDP peers, 64-byte round trips".to_owned(),
        unit: Unit::PerSecond,
        contenders: vec![
            Contender::new("sockpit listen --reply echo", ours),
            Contender::new("recvfrom/sendto loop", reference)
                .with_target(Target::RatioAtLeast(0.8)),
        ],
    }
}

/// Ours beside the least there is, and beside a process a connection.
fn streams<'a>(
    bench: &'a Bench,
    load: &'static str,
    title: &str,
    forking: Option<Target>,
) -> Comparison<'a> {
    let ours = move || {
        let command = &mut bench.listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
        announced(bench, load, command)
    };
    let reference = move || announced(bench, load, &mut bench.reference("epoll-echo"));
    let mut contenders = vec![
        Contender::new("sockpit listen --reply echo", ours),
        Contender::new("one-thread epoll server", reference).with_target(Target::RatioAtLeast(0.6)),
    ];
    let peers: [(&'static str, Told); 2] = [
        ("socat TCP-LISTEN,fork PIPE", socat),
        ("ncat -k -e /bin/cat", ncat),
    ];
    for (name, command) in peers {
        let contender = Contender::new(name, move || {
            let port = process::free_port()?;
            let server = Server::silent(&mut command(port), port)?;
            process::figure(&mut bench.load(load, server.port))
        });
        contenders.push(match forking {
            Some(target) => contender.with_target(target),
            None => contender,
        });
    }
    Comparison {
        title: title.to_owned(),
        unit: Unit::PerSecond,
        contenders,
    }
}

/// The figure of a load against a server that says where it listens.
fn announced(bench: &Bench, load: &str, command: &mut Command) -> io::Result<f64> {
    let server = Server::announced(command)?;
    process::figure(&mut bench.load(load, server.port))
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
