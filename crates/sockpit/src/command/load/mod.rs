//! `sockpit load`: how much a server can take, and how long its answers take.

mod processor;
mod run;
mod serve;
mod show;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::frame::Framing;
use sockpit_core::load::{self, Answer, Mode, Pace, Rate, Service};
use sockpit_core::plan::Options;
use sockpit_core::size::ByteSize;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::{escape, hex};
use sockpit_core::time::TimeSpan;

use crate::command::family::FamilyArgs;
use crate::console::Console;
use crate::exit::{Exit, sentence};

/// What `sockpit load` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Modes:
  request  a message, its answer, the next message: an echo server is measured whole, any other
           with --send and --any-answer
  oneway   as many bytes or datagrams as go through; what arrived is told by `sockpit load --serve`
  churn    connect, one message, its answer, close, and again

Latency counts from the moment at which a message was to be sent. With --rate it shows what users
would wait while the server stalls; without, each connection waits for its answer, and the server
sets the pace. --open-loop sends at the rate whether answers come or not.
What runs against another machine needs `--yes`: load only what is yours. docs/load.md has more.

Examples:
  sockpit load --serve :7000                                    something to measure against
  sockpit load :7000                                            one connection, as it answers
  sockpit load :7000 --connections 50 --duration 30s
  sockpit load :7000 --connections 50 --rate 20k --svg latency.svg
  sockpit load :7000 --connections 50 --rate 20k --open-loop
  sockpit load :7000 --mode oneway                              bytes a second, as iperf3 does
  sockpit load udp://:7000 --rate 10k --size 200 --open-loop    loss, reordering, duplicates
  sockpit load udp://:7000 --mode oneway --rate 50k
  sockpit load :7000 --mode churn --connections 20
  sockpit load :8080 --send 'GET / HTTP/1.1\\r\\nHost: a' --escape \\
      --frame 'delim:\\r\\n\\r\\n' --any-answer                     HTTP, to the end of each head

Exit codes: 0 measured, 1 nothing could be connected, no answer came, or answers were wrong or cut
off, 2 usage or this machine, 130 Ctrl-C (what was measured is printed all the same)")]
pub(crate) struct Args {
    /// What to measure, such as `tcp://host:7000`, `udp://host:9000`, `unix:///run/a.sock`; with `--serve` where to listen
    #[arg(required = true, num_args = 1..=2, value_name = "ENDPOINT")]
    endpoint: Vec<String>,

    /// What is done again and again: request, oneway, churn
    #[arg(
        long,
        value_name = "MODE",
        default_value = "request",
        help_heading = "Load"
    )]
    mode: Mode,
    /// Connections, or datagram sockets, at once [default: 1]
    #[arg(short, long, value_name = "N", help_heading = "Load")]
    connections: Option<u32>,
    /// Messages a second of all connections together, such as `500`, `20k`, `1M`
    #[arg(short, long, value_name = "RATE", help_heading = "Load")]
    rate: Option<Rate>,
    /// As many as it takes; so it is without `--rate`
    #[arg(long, conflicts_with = "rate", help_heading = "Load")]
    max: bool,
    /// Send at the rate, whether answers come or not
    #[arg(long, requires = "rate", help_heading = "Load")]
    open_loop: bool,
    /// Messages that a connection may have sent before it waits for an answer; in datagrams `--open-loop` gives up the oldest instead [default: 1, with `--open-loop` 256, in datagrams all that fit]
    #[arg(long, value_name = "N", help_heading = "Load")]
    in_flight: Option<u32>,
    /// How long [default: 10s]
    #[arg(short, long, value_name = "TIME", help_heading = "Load")]
    duration: Option<TimeSpan>,
    /// End after so many messages, if that is sooner
    #[arg(long, value_name = "N", help_heading = "Load")]
    count: Option<u64>,
    /// Threads that send [default: 1]
    #[arg(long, value_name = "N", help_heading = "Load")]
    threads: Option<u32>,

    /// Length of a message [default: 64, with oneway 128KiB and in datagrams 1400]
    #[arg(short, long, value_name = "SIZE", help_heading = "Messages")]
    size: Option<ByteSize>,
    /// How messages are cut out of the bytes, as `sockpit connect --frame` has it
    #[arg(long, value_name = "FRAMING", help_heading = "Messages")]
    frame: Option<Framing>,
    /// Send this text each time
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with = "size",
        help_heading = "Messages"
    )]
    send: Option<String>,
    /// Send these bytes each time, such as `01 03 00 00 00 0A`
    #[arg(long, value_name = "HEX", allow_hyphen_values = true, conflicts_with_all = ["size", "send"], help_heading = "Messages")]
    send_hex: Option<String>,
    /// Understand `\r \n \t \0 \\ \xNN \u{..}` in `--send`
    #[arg(long, requires = "send", help_heading = "Messages")]
    escape: bool,
    /// Take any answer for right; otherwise it must be what was sent
    #[arg(long, help_heading = "Messages")]
    any_answer: bool,
    /// Send nothing but the messages, to a server that is no `sockpit load --serve` (oneway on streams)
    #[arg(long, help_heading = "Messages")]
    plain: bool,

    /// Be the other end: echo or take what comes, as the client asks for it
    #[arg(long, conflicts_with_all = [
        "mode", "connections", "rate", "max", "open_loop", "in_flight", "duration", "count", "size",
        "frame", "send", "send_hex", "escape", "any_answer", "plain", "timeout", "bind", "reset",
        "svg", "yes",
    ], help_heading = "Server")]
    serve: bool,
    /// Echo to everybody
    #[arg(long, requires = "serve", help_heading = "Server")]
    echo: bool,
    /// Take from everybody and answer nothing
    #[arg(
        long,
        requires = "serve",
        conflicts_with = "echo",
        help_heading = "Server"
    )]
    sink: bool,
    /// Exit when the first clients have gone; of datagrams, when none has come for a while
    #[arg(long, requires = "serve", help_heading = "Server")]
    once: bool,
    /// Connections served at once; further ones are closed
    #[arg(long, value_name = "N", requires = "serve", help_heading = "Server")]
    max_peers: Option<u32>,
    /// End a connection that is silent for so long [default: 60s]
    #[arg(long, value_name = "TIME", requires = "serve", help_heading = "Server")]
    idle: Option<TimeSpan>,

    /// How long connecting, and each answer, may take [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Link")]
    timeout: Option<TimeSpan>,
    /// Local address, such as `127.0.0.1` or `127.0.0.1:7853`
    #[arg(long, value_name = "ADDR", help_heading = "Link")]
    bind: Option<String>,
    /// End each connection with a reset, which leaves no TIME-WAIT (churn)
    #[arg(long, help_heading = "Link")]
    reset: bool,
    #[command(flatten, next_help_heading = "Link")]
    family: FamilyArgs,

    /// Print one JSON object a second, and one for the whole
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Draw latency and throughput into this file at the end
    #[arg(long, value_name = "FILE.svg", help_heading = "Output")]
    svg: Option<PathBuf>,
    /// Tell only errors
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
    /// Run against another machine
    #[arg(long, help_heading = "Output")]
    yes: bool,
}

/// What it will do, as decided.
enum Task {
    Load(run::Settings),
    Serve(serve::Settings),
}

impl Args {
    /// What the flags say of the link.
    fn link(&self) -> Options {
        Options {
            frame: self.frame.clone(),
            bind: self.bind.clone(),
            family: self.family.choice(),
            ..Options::default()
        }
    }

    /// What is sent, where it is said.
    fn payload(&self) -> anyhow::Result<Option<Bytes>> {
        if let Some(text) = &self.send {
            return Ok(Some(match self.escape {
                true => escape::unescape(text, Charset::UTF_8)
                    .with_context(|| format!("--send `{text}`"))?
                    .into(),
                false => text.clone().into(),
            }));
        }
        match &self.send_hex {
            Some(text) => {
                let bytes = hex::parse(text).with_context(|| format!("--send-hex `{text}`"))?;
                Ok(Some(bytes.into()))
            }
            None => Ok(None),
        }
    }

    fn resolve(self) -> anyhow::Result<Task> {
        let endpoint = Endpoint::from_words(&self.endpoint)?;
        if self.serve {
            return self.resolve_serve(&endpoint).map(Task::Serve);
        }
        if let Some(option) = self.of_a_server() {
            bail!("`{option}` is an option of the server; add `--serve`, or leave it out");
        }
        self.resolve_load(&endpoint).map(Task::Load)
    }

    /// An option that only a server has: the parser lets it pass beside one that only a load has.
    fn of_a_server(&self) -> Option<&'static str> {
        let given = [
            ("--echo", self.echo),
            ("--sink", self.sink),
            ("--once", self.once),
            ("--max-peers", self.max_peers.is_some()),
            ("--idle", self.idle.is_some()),
        ];
        given
            .into_iter()
            .find_map(|(option, is_given)| is_given.then_some(option))
    }

    fn resolve_load(self, endpoint: &Endpoint) -> anyhow::Result<run::Settings> {
        let ask = load::Options {
            mode: self.mode,
            pace: match (self.rate, self.open_loop) {
                (None, _) => Pace::Max,
                (Some(rate), false) => Pace::Paced(rate),
                (Some(rate), true) => Pace::Open(rate),
            },
            answer: match self.any_answer {
                true => Answer::Any,
                false => Answer::Same,
            },
            connections: self.connections,
            threads: self.threads,
            size: self.size,
            payload: self.payload()?,
            duration: self.duration,
            count: self.count,
            in_flight: self.in_flight,
            timeout: self.timeout,
            plain: self.plain,
            reset: self.reset,
        };
        Ok(run::Settings {
            load: load::Plan::resolve(endpoint, self.link(), ask)?,
            is_json: self.json,
            is_quiet: self.quiet,
            is_agreed: self.yes,
            svg: self.svg,
        })
    }

    fn resolve_serve(self, endpoint: &Endpoint) -> anyhow::Result<serve::Settings> {
        let ask = load::ServeOptions {
            service: match (self.echo, self.sink) {
                (true, _) => Service::Echo,
                (_, true) => Service::Sink,
                _ => Service::Auto,
            },
            threads: self.threads,
            max_peers: self.max_peers,
            idle: self.idle,
        };
        let serve = load::ServePlan::resolve(endpoint, self.link(), ask)?;
        Ok(serve::Settings {
            ends_by_itself: self.once || serve.session.once,
            serve,
            is_json: self.json,
            is_quiet: self.quiet,
        })
    }
}

/// Carries the command out.
pub(crate) fn run(args: Args, console: &Console) -> Exit {
    match args.resolve() {
        Ok(Task::Load(settings)) => run::run(&settings, console),
        Ok(Task::Serve(settings)) => serve::run(&settings, console),
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

#[cfg(test)]
mod tests;
