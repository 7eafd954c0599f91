//! What a peer costs that only stays connected.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Bench;
use super::comparison::{Comparison, Contender, Target, Unit};
use super::load::IDLE_PEERS;
use super::process::{self, Server};

/// How long a server may take to accept its peers, and their process to end.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) fn comparison(bench: &Bench) -> Comparison<'_> {
    let ours = || bench.listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
    let target = Target::Below(4096.0);
    Comparison {
        title: format!("idle: resident memory per TCP peer, {IDLE_PEERS} peers"),
        unit: Unit::Bytes,
        contenders: vec![
            Contender::new("sockpit, peers that said nothing yet", move || {
                bytes_per_peer(bench, "idle", &mut ours())
            })
            .with_target(target),
            Contender::new("sockpit, peers after one round trip", move || {
                bytes_per_peer(bench, "greeted", &mut ours())
            })
            .with_target(target),
            Contender::new("one-thread epoll server", move || {
                bytes_per_peer(bench, "greeted", &mut bench.reference("epoll-echo"))
            }),
        ],
    }
}

/// By how much the server grows with each peer.
pub(super) fn bytes_per_peer(bench: &Bench, load: &str, command: &mut Command) -> io::Result<f64> {
    let server = Server::announced(command)?;
    let before = resident(server.pid())?;
    let before_them = open_sockets(server.pid())?;
    let mut peers = bench
        .load(load, server.port)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    // The peers' process says that it is done, or ends.
    BufReader::new(peers.stdout.take().expect("stdout is piped")).read_line(&mut line)?;
    let deadline = Instant::now() + LIMIT;
    // A connection is there for its client before the server has accepted it.
    let mut accepted = 0;
    while accepted < IDLE_PEERS as usize && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
        accepted = open_sockets(server.pid())?.saturating_sub(before_them);
    }
    let after = resident(server.pid())?;
    drop(peers.stdin.take());
    process::wait(&mut peers, LIMIT)?;
    if accepted < IDLE_PEERS as usize {
        let message = format!("the server holds {accepted} of {IDLE_PEERS} peers");
        return Err(io::Error::other(message));
    }
    Ok((after as f64 - before as f64) / f64::from(IDLE_PEERS))
}

/// In bytes.
fn resident(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| io::Error::other("the server has ended"))
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
