//! What a peer costs that only stays connected.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::process::{self, Server};
use super::table::{Target, Unit};

/// Peers that connect and stay.
pub(super) const PEERS: u32 = 10_000;

/// How long a server may take to accept its peers, and their process to end.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) fn comparison(bench: &Bench) -> Comparison<'_> {
    let ours = || bench.listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
    let target = Target::AtMost(2048.0);
    Comparison::new(
        format!("idle: resident memory per TCP peer, {PEERS} peers"),
        Unit::Bytes,
        vec![
            Contender::new("sockpit, peers that said nothing yet", move || {
                bytes_per_peer(bench, "idle", &mut ours())
            })
            .with_target(target),
            Contender::new("sockpit, peers after one round trip", move || {
                bytes_per_peer(bench, "greeted", &mut ours())
            })
            .with_target(target),
            Contender::new("one-thread epoll server", move || {
                bytes_per_peer(bench, "greeted", &mut bench.reference(&["epoll-echo"]))
            }),
        ],
    )
}

/// By how much the server grows with each peer.
pub(super) fn bytes_per_peer(bench: &Bench, load: &str, command: &mut Command) -> io::Result<f64> {
    let server = Server::announced(command)?;
    let before = process::status(server.pid(), "VmRSS")?;
    let before_them = open_sockets(server.pid())?;
    let mut peers = bench
        .load(load, server.port, PEERS as usize)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    // The peers' process says that it is done, or ends.
    BufReader::new(peers.stdout.take().expect("stdout is piped")).read_line(&mut line)?;
    let deadline = Instant::now() + LIMIT;
    // A connection is there for its client before the server has accepted it.
    let mut accepted = 0;
    while accepted < PEERS as usize && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
        accepted = open_sockets(server.pid())?.saturating_sub(before_them);
    }
    let after = process::status(server.pid(), "VmRSS")?;
    drop(peers.stdin.take());
    process::wait(&mut peers, LIMIT)?;
    if accepted < PEERS as usize {
        let message = format!("the server holds {accepted} of {PEERS} peers");
        return Err(io::Error::other(message));
    }
    Ok((after as f64 - before as f64) / f64::from(PEERS))
}

fn open_sockets(pid: u32) -> io::Result<usize> {
    // Other files come and go as the program starts.
    let files = fs::read_dir(format!("/proc/{pid}/fd"))?;
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    Ok(targets
        .filter(|target| {
            target
                .as_os_str()
                .as_encoded_bytes()
                .starts_with(b"socket:")
        })
        .count())
}
