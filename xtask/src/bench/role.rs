//! What this program does where it is one of the processes of a benchmark: a reference server, or a
//! load generator.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use super::load::{Greeting, Load, RoundTrips};
use super::{history, reference, room, scan, stream};

/// Runs a reference server until it is killed, or has served its only client.
pub(crate) fn serve(arguments: &[String]) -> io::Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["epoll-echo"] => reference::epoll_echo(),
        ["udp-echo"] => reference::udp_echo(),
        ["splice-sink"] => stream::splice_sink(),
        ["read-sink"] => stream::read_sink(),
        ["discard", size] => stream::discard(size.parse().map_err(io::Error::other)?),
        _ => Err(io::Error::other(
            "usage: bench-serve epoll-echo|udp-echo|splice-sink|read-sink|discard SIZE",
        )),
    }
}

/// Runs a load generator, which ends by itself, and prints its figures, or in a line why there are
/// none.
pub(crate) fn load(arguments: &[String]) -> io::Result<ExitCode> {
    generate(arguments).or_else(|error| {
        writeln!(io::stderr(), "{error}")?;
        Ok(ExitCode::FAILURE)
    })
}

fn generate(arguments: &[String]) -> io::Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [kind, port, count, milliseconds] = words[..] else {
        return Err(io::Error::other(
            "usage: bench-load KIND PORT COUNT MILLISECONDS",
        ));
    };
    let load = Load {
        port: port.parse().map_err(io::Error::other)?,
        count: count.parse().map_err(io::Error::other)?,
        time: Duration::from_millis(milliseconds.parse().map_err(io::Error::other)?),
    };
    let round_trips = match kind {
        "echo" => load.ping_pong()?,
        "churn" => load.churn()?,
        "udp" => load.datagrams()?,
        "udp-trains" => load.trains()?,
        "idle" => return load.idle(Greeting::None),
        "greeted" => return load.idle(Greeting::RoundTrip),
        "send-file" => return stream::send_file(load.port),
        "write-file" => return stream::write_file(load.port),
        "stream" => return say(stream::lines(load)?),
        "frame" => return say(stream::frames(load)?),
        "paced" => return say(stream::paced(load)?),
        "history" => return say(history::fill(load.count)?),
        "scan-lines" => return say(scan::lines(load.count)?),
        "scan-sweep" => return say(scan::sweep(load.count)?),
        "room" => return say(room::talk(load, true)?),
        "chat" => return say(room::talk(load, false)?),
        "room-idle" => return room::idle_members(load),
        _ => return Err(io::Error::other(format!("no load is called `{kind}`"))),
    };
    let RoundTrips { rate, p99, count } = round_trips;
    say(format_args!("{rate} {p99} {count}"))
}

/// Prints figures for the process that measures.
fn say(figures: impl Display) -> io::Result<ExitCode> {
    writeln!(io::stdout(), "{figures}")?;
    Ok(ExitCode::SUCCESS)
}
