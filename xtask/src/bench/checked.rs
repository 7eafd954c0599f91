//! `sockpit load` beside the instruments that people trust: how fast it is, and whether it says the
//! same as they do.

use std::io;

use super::Bench;
use super::comparison::{Comparison, Contender, Turns};
use super::instrument::{self, Received, Transport};
use super::process::Server;
use super::table::{Target, Unit};

/// How far two instruments may differ that measure the same.
const AGREEMENT: Target = Target::RatioWithin(0.15);

/// Round trips of one connection come in two modes, by where the system lets both ends run: with
/// several turns a run, a median is not of one of them by chance.
const MODES: Turns = Turns::EachRun(2);

/// Connections of the loads that have many.
const PEERS: usize = 50;

/// A message as sockperf sends them, 64 bytes, which its server answers: number, flags for a client
/// and for a question, length, and what fills it up.
const SOCKPERF_MESSAGE: &str = "0000000000000001 0003 00000040";

/// What wrk asks, and the answer. `sockpit load` takes as many bytes as it sent for an answer, 40.
const REQUEST: &str = r"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const ANSWER: &str = r#"
[[rule]]
starts = "GET / "
reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"#;

/// Memory to memory over TCP.
pub(super) fn memory(bench: &Bench) -> Comparison<'_> {
    let measure = move |instrument: fn(&Bench, Transport) -> io::Result<Received>| {
        move || Ok(instrument(bench, Transport::Tcp)?.bytes_per_second)
    };
    Comparison::new(
        "memory: from memory to memory through one TCP connection",
        Unit::BytesPerSecond,
        vec![
            Contender::new("sockpit load --mode oneway", measure(instrument::one_way)),
            Contender::new("iperf3", measure(instrument::iperf3))
                .with_target(Target::RatioAtLeast(0.95)),
        ],
    )
}

/// Datagrams as fast as they go.
pub(super) fn blast(bench: &Bench) -> Comparison<'_> {
    let measure = move |instrument: fn(&Bench, Transport) -> io::Result<Received>| {
        move || {
            let received = instrument(bench, Transport::Udp)?;
            Ok([received.datagrams_per_second, received.lost])
        }
    };
    let title = "blast: datagrams of 1,400 bytes, one way, as fast as they go";
    Comparison::new(
        format!("{title}: received a second"),
        Unit::PerSecond,
        vec![
            Contender::new("sockpit load --mode oneway", measure(instrument::one_way)),
            Contender::new("iperf3 -u -b 0", measure(instrument::iperf3))
                .with_target(Target::RatioAtLeast(3.0)),
        ],
    )
    .with_aspect("-lost", format!("{title}: lost"), Unit::Share)
}

/// One 64-byte message under way over TCP, both against the server of sockperf.
pub(super) fn tcp(bench: &Bench) -> Comparison<'_> {
    let ours = || {
        let server = instrument::sockperf_server(Transport::Tcp)?;
        let message = format!("{SOCKPERF_MESSAGE} {}", "78".repeat(50));
        let options = ["--send-hex", &message, "--any-answer"];
        let loaded = instrument::load(bench, Transport::Tcp, server.port, &options)?;
        Ok(loaded.latency.p50 / 1e9)
    };
    let sockperf = || {
        let server = instrument::sockperf_server(Transport::Tcp)?;
        instrument::sockperf_median(bench, Transport::Tcp, server.port)
    };
    Comparison::new(
        "load-tcp: median of a 64-byte round trip over TCP, against the server of sockperf",
        Unit::Seconds,
        vec![
            Contender::new("sockpit load", ours),
            Contender::new("sockperf ping-pong", sockperf).with_target(AGREEMENT),
        ],
    )
    .with_turns(MODES)
}

/// The same in datagrams. Theirs carry a head, so each is answered by a loop that it understands:
/// a `recvfrom` and a `sendto` for each in both.
pub(super) fn udp(bench: &Bench) -> Comparison<'_> {
    let ours = || {
        let server = Server::announced(&mut bench.reference(&["udp-echo"]))?;
        let loaded = instrument::load(bench, Transport::Udp, server.port, &[])?;
        Ok(loaded.latency.p50 / 1e9)
    };
    let sockperf = || {
        let server = instrument::sockperf_server(Transport::Udp)?;
        instrument::sockperf_median(bench, Transport::Udp, server.port)
    };
    Comparison::new(
        "load-udp: median of a 64-byte round trip over UDP, against a recvfrom/sendto loop",
        Unit::Seconds,
        vec![
            Contender::new("sockpit load", ours),
            Contender::new("sockperf ping-pong", sockperf).with_target(AGREEMENT),
        ],
    )
    .with_turns(MODES)
}

/// HTTP over 50 connections against one server, and what the latency of so many comes to.
pub(super) fn http(bench: &Bench) -> io::Result<Comparison<'_>> {
    let rules = super::scratch::Scratch::holding("http.toml", ANSWER.as_bytes())?;
    let rules = std::rc::Rc::new(rules);
    let server = {
        let rules = rules.clone();
        move || {
            let path = rules.path().to_string_lossy().into_owned();
            Server::announced(&mut bench.listen(&["tcp://127.0.0.1:0", "--rules", &path]))
        }
    };
    let loaded = {
        let server = server.clone();
        move || {
            let server = server()?;
            let connections = PEERS.to_string();
            let options = [
                "--connections",
                &connections,
                "--send",
                REQUEST,
                "--escape",
                "--any-answer",
            ];
            instrument::load(bench, Transport::Tcp, server.port, &options)
        }
    };
    let counted = {
        let loaded = loaded.clone();
        move || Ok(loaded()?.received_per_second)
    };
    let reckoned = move || Ok(PEERS as f64 / (loaded()?.latency.mean / 1e9));
    let wrk = move || {
        let server = server()?;
        instrument::wrk(bench, server.port, PEERS)
    };
    Ok(Comparison::new(
        format!("load-http: HTTP answers over {PEERS} connections, from one server"),
        Unit::PerSecond,
        vec![
            Contender::new("sockpit load", counted),
            Contender::new("wrk", wrk).with_target(AGREEMENT),
            Contender::new("connections / mean latency", reckoned).with_target(AGREEMENT),
        ],
    ))
}
