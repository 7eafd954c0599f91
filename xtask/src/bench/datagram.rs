//! Datagrams and their answers: how many a second, what one costs the server, and whether many
//! peers on one socket make it slower.

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::process::{self, Server};
use super::table::{Target, Unit};

/// Sockets of the load, as many as datagrams are under way.
const FEW: usize = 16;

/// Sockets that take turns.
const MANY: usize = 10_000;

/// 16 sockets with a 64-byte datagram under way each.
pub(super) fn echo(bench: &Bench) -> Comparison<'_> {
    let contenders = vec![
        ours(bench, "sockpit listen --reply echo", ("udp", FEW)),
        reference(bench, "recvfrom/sendto loop", ("udp", FEW))
            .with_target(Target::RatioAtLeast(1.0))
            .with_target(Target::RatioAtMost(0.75)),
    ];
    Comparison::new(
        "udp: 16 UDP peers, 64-byte round trips",
        Unit::PerSecond,
        contenders,
    )
    .with_aspect(
        "-time",
        "udp: processor time of the server for one round trip",
        Unit::Seconds,
    )
}

/// 16 sockets, each with a train of 16 64-byte datagrams under way.
pub(super) fn trains(bench: &Bench) -> Comparison<'_> {
    let load = ("udp-trains", FEW);
    let contenders = vec![
        ours(bench, "sockpit listen --reply echo", load),
        reference(bench, "recvfrom/sendto loop", load)
            .with_target(Target::RatioAtLeast(1.0))
            .with_target(Target::RatioAtMost(0.75)),
    ];
    Comparison::new(
        "udp: 16 UDP peers with trains of 16 datagrams, 64-byte round trips",
        Unit::PerSecond,
        contenders,
    )
    .with_aspect(
        "-time",
        "udp: processor time of the server for one round trip of a train",
        Unit::Seconds,
    )
}

/// 10,000 sockets, of which 16 have a datagram under way.
pub(super) fn peers(bench: &Bench) -> Comparison<'_> {
    let contenders = vec![
        ours(
            bench,
            "sockpit listen --reply echo, 10,000 peers",
            ("udp", MANY),
        ),
        ours(bench, "the same, 16 peers", ("udp", FEW)).with_target(Target::RatioAtLeast(0.8)),
        reference(bench, "recvfrom/sendto loop, 10,000 peers", ("udp", MANY)),
        reference(bench, "the same, 16 peers", ("udp", FEW)),
    ];
    Comparison::new(
        "udp: 10,000 UDP peers that take turns, 64-byte round trips, 16 at a time",
        Unit::PerSecond,
        contenders,
    )
    .with_aspect(
        "-time",
        "udp: processor time of the server for one round trip, 10,000 peers",
        Unit::Seconds,
    )
}

/// A kind of load, and with how many peers.
type Load = (&'static str, usize);

fn ours<'a>(bench: &'a Bench, name: &'static str, load: Load) -> Contender<'a> {
    Contender::new(name, move || {
        let mut command = bench.listen(&["udp://127.0.0.1:0", "--reply", "echo"]);
        rate_and_time(bench, &Server::announced(&mut command)?, load)
    })
}

fn reference<'a>(bench: &'a Bench, name: &'static str, load: Load) -> Contender<'a> {
    Contender::new(name, move || {
        let mut command = bench.reference(&["udp-echo"]);
        rate_and_time(bench, &Server::announced(&mut command)?, load)
    })
}

/// Round trips a second, and what each takes of the server's processor time, in seconds.
fn rate_and_time(bench: &Bench, server: &Server, (kind, peers): Load) -> std::io::Result<[f64; 2]> {
    let before = server.processor_time()?;
    let [rate, _, count] = process::figures(&mut bench.load(kind, server.port, peers))?;
    let spent = server.processor_time()? - before;
    Ok([rate, spent.as_secs_f64() / count])
}
