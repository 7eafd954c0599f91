//! The instruments that measure by themselves: `sockpit load`, iperf3, sockperf and wrk, each with
//! the server it needs, and what they say in one form.

use std::io;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::Bench;
use super::process::{self, Server, free_port};

/// What a program may take beyond the time of its load.
const GRACE: Duration = Duration::from_secs(20);

/// In bytes, of a datagram of a blast.
pub(super) const DATAGRAM: &str = "1400";

/// The transport of a load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Udp,
}

/// What came of a one-way load at its receiver.
pub(super) struct Received {
    pub(super) bytes_per_second: f64,
    pub(super) datagrams_per_second: f64,
    /// Of the datagrams sent, a part of 1.
    pub(super) lost: f64,
}

/// What `sockpit load --json` says in its last line, as far as it is asked here.
#[derive(Deserialize)]
pub(super) struct Loaded {
    elapsed_ns: f64,
    sent: Amount,
    pub(super) received_per_second: f64,
    /// In nanoseconds.
    pub(super) latency: Latency,
    sink: Option<Amount>,
}

/// Round trips' times.
#[derive(Deserialize)]
pub(super) struct Latency {
    pub(super) mean: f64,
    pub(super) p50: f64,
}

#[derive(Deserialize)]
struct Amount {
    messages: f64,
    bytes: f64,
}

/// What `iperf3 -J` says at its end, as far as it is asked here.
#[derive(Deserialize)]
struct Iperf {
    end: IperfEnd,
}

#[derive(Deserialize)]
struct IperfEnd {
    sum_received: IperfSum,
}

#[derive(Deserialize)]
struct IperfSum {
    seconds: f64,
    bits_per_second: f64,
    #[serde(default)]
    packets: f64,
    #[serde(default)]
    lost_packets: f64,
}

impl Transport {
    fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// As much as goes through, between two processes of ours.
pub(super) fn one_way(bench: &Bench, transport: Transport) -> io::Result<Received> {
    let mut serve = Command::new(&bench.sockpit);
    let endpoint = format!("{}://127.0.0.1:0", transport.word());
    let server = Server::announced(serve.args(["load", "--serve", &endpoint]))?;
    let size: &[&str] = match transport {
        Transport::Tcp => &[],
        Transport::Udp => &["--size", DATAGRAM],
    };
    let options = [&["--mode", "oneway"], size].concat();
    let loaded = load(bench, transport, server.port, &options)?;
    let none = || io::Error::other("`sockpit load --serve` did not say what came");
    let (sink, seconds) = (loaded.sink.ok_or_else(none)?, loaded.elapsed_ns / 1e9);
    Ok(Received {
        bytes_per_second: sink.bytes / seconds,
        datagrams_per_second: sink.messages / seconds,
        lost: match transport {
            Transport::Tcp => 0.0,
            Transport::Udp => 1.0 - sink.messages / loaded.sent.messages,
        },
    })
}

/// The same between two processes of iperf3.
pub(super) fn iperf3(bench: &Bench, transport: Transport) -> io::Result<Received> {
    let port = free_port()?;
    let mut serve = Command::new("iperf3");
    serve.args(["-s", "-1", "-B", "127.0.0.1", "-p", &port.to_string()]);
    let _server = Server::silent(&mut serve, port)?;
    let mut client = Command::new("iperf3");
    let seconds = whole_seconds(bench.time);
    client.args([
        "-J",
        "-c",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-t",
        &seconds,
    ]);
    if transport == Transport::Udp {
        client.args(["-u", "-b", "0", "-l", DATAGRAM]);
    }
    let text = process::output(&mut client, bench.time + GRACE)?;
    let Iperf { end } = serde_json::from_str(&text)?;
    let sum = end.sum_received;
    Ok(Received {
        bytes_per_second: sum.bits_per_second / 8.0,
        datagrams_per_second: (sum.packets - sum.lost_packets) / sum.seconds,
        lost: match sum.packets {
            0.0 => 0.0,
            packets => sum.lost_packets / packets,
        },
    })
}

/// `sockpit load` against a server that is there.
pub(super) fn load(
    bench: &Bench,
    transport: Transport,
    port: u16,
    options: &[&str],
) -> io::Result<Loaded> {
    let endpoint = format!("{}://127.0.0.1:{port}", transport.word());
    let duration = format!("{}ms", bench.time.as_millis());
    let mut command = Command::new(&bench.sockpit);
    command.args(["load", &endpoint, "--json", "--duration", &duration]);
    let text = process::output(command.args(options), bench.time + GRACE)?;
    Ok(serde_json::from_str(
        text.lines().last().unwrap_or_default(),
    )?)
}

/// A server of sockperf.
pub(super) fn sockperf_server(transport: Transport) -> io::Result<Server> {
    let port = free_port()?;
    Server::silent(&mut sockperf("server", transport, port), port)
}

/// The time of a round trip that half of them do not exceed, of 64 bytes, in seconds.
pub(super) fn sockperf_median(bench: &Bench, transport: Transport, port: u16) -> io::Result<f64> {
    let mut client = sockperf("ping-pong", transport, port);
    client.args(["--full-rtt", "-m", "64", "-t", &whole_seconds(bench.time)]);
    let text = process::output(&mut client, bench.time + GRACE)?;
    after(&text, "percentile 50.000 =")
        .map(|microseconds: f64| microseconds / 1e6)
        .ok_or_else(|| io::Error::other("sockperf gave no median"))
}

/// Answers a second over so many connections, as wrk counts them.
pub(super) fn wrk(bench: &Bench, port: u16, connections: usize) -> io::Result<f64> {
    let mut command = Command::new("wrk");
    let seconds = format!("{}s", whole_seconds(bench.time));
    command.args(["-t", "1", "-c", &connections.to_string(), "-d", &seconds]);
    command.arg(format!("http://127.0.0.1:{port}/"));
    let text = process::output(&mut command, bench.time + GRACE)?;
    after(&text, "Requests/sec:").ok_or_else(|| io::Error::other("wrk gave no rate"))
}

fn sockperf(what: &str, transport: Transport, port: u16) -> Command {
    let mut command = Command::new("sockperf");
    command.args([what, "-i", "127.0.0.1", "-p", &port.to_string()]);
    if transport == Transport::Tcp {
        command.arg("--tcp");
    }
    command
}

/// The number that follows a mark.
fn after(text: &str, mark: &str) -> Option<f64> {
    let (_, rest) = text.split_once(mark)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// For programs that know no parts of one.
fn whole_seconds(time: Duration) -> String {
    time.as_secs_f64().ceil().to_string()
}

#[cfg(test)]
mod tests;
