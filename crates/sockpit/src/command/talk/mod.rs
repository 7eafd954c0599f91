//! `sockpit connect` and `sockpit listen`: a conversation, by hand or by script.

mod beats;
mod conversation;
mod input;
mod keyboard;
mod manner;
mod queue;
mod run;
mod script;
mod settings;

pub(super) use input::{Feed, Taken};
pub(super) use run::{DRAIN_TIME, explain_error};

use clap::ArgMatches;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::filter::Filter;
use sockpit_core::frame::Framing;
use sockpit_core::plan::{Coalesce, Eol, Options, Role, SplitAt, Switch, TextChoice, WarnSize};
use sockpit_core::rule::Reply;
use sockpit_core::size::ByteSize;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;
use sockpit_core::time::TimeSpan;

use sockpit_engine::recorder::Recorder;

use crate::command::family::FamilyArgs;
use crate::console::{Console, Form};
use crate::exit::Exit;

/// What `sockpit connect` or `sockpit listen` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Endpoints:
  tcp://host:port  udp://host:port  unix:///path  unix:@name  unixgram:///path
  host:port and :port mean tcp; `host port` works too. Options go into a query:
  tcp://127.0.0.1:7000?frame=lines&text=gbk&bind=127.0.0.1:7853&backlog=5&nodelay=1
  further ones: keepalive ttl tos broadcast join interface multicast-ttl multicast-loop
  rcvbuf sndbuf reuseport mode

Framings:
  raw  lines  delim:TEXT  delim:hex:0D0A  fixed:N  slip  cobs  gap:TIME
  len:u8|u16be|u16le|u32be|u32le|varint[,offset=N][,adjust=N][,keep]

Examples:
  sockpit listen :7000 --reply echo
  sockpit connect localhost 7000 --frame lines --send hello --expect hello
  sockpit connect :7000 --frame lines --send a --send b --coalesce 20ms --split-every 3
  sockpit connect udp://192.168.10.1:8889 --send command --expect ok
  sockpit connect gateway:4001 --send-hex '01 03 00 00 00 0A' --checksum modbus --explain
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | sockpit connect example.net:80")]
pub(crate) struct Args {
    /// Where to connect to or to listen on, such as `tcp://host:7000`, `udp://:9000`, `unix:///run/a.sock`
    #[arg(required = true, num_args = 1..=3, value_name = "ENDPOINT")]
    endpoint: Vec<String>,

    /// How messages are cut out of the bytes
    #[arg(long, value_name = "FRAMING", help_heading = "Messages")]
    frame: Option<Framing>,
    /// Charset of what comes in, such as `utf-8`, `gbk`, `big5`, or `none`
    #[arg(long, value_name = "CHARSET", help_heading = "Messages")]
    text: Option<TextChoice>,
    /// Charset of what goes out, where it is another
    #[arg(long, value_name = "CHARSET", help_heading = "Messages")]
    text_out: Option<Charset>,
    /// What is appended to typed lines and `--send`: none, lf, crlf, cr
    #[arg(long, value_name = "EOL", help_heading = "Messages")]
    eol: Option<Eol>,
    /// Write this checksum into what is sent, such as `modbus`, `crc32:le`, `sum8,from=2`, `xor,at=-1`
    #[arg(
        long,
        value_name = "ALGO[:le|:be][,from=N][,to=N][,at=N]",
        help_heading = "Messages"
    )]
    checksum: Option<ChecksumSpec>,
    /// Longest message that a peer may make us hold
    #[arg(long, value_name = "SIZE", help_heading = "Messages")]
    max_frame: Option<ByteSize>,

    /// Send this text
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        help_heading = "Script"
    )]
    send: Vec<String>,
    /// Send these bytes, such as `01 03 00 00 00 0A`
    #[arg(
        long,
        value_name = "HEX",
        allow_hyphen_values = true,
        help_heading = "Script"
    )]
    send_hex: Vec<String>,
    /// Send this file as one message
    #[arg(long, value_name = "PATH", help_heading = "Script")]
    send_file: Vec<String>,
    /// Go on only when this has come: text, `re:REGEX` or `hex:AA ?? 0D`
    #[arg(
        long,
        value_name = "PATTERN",
        allow_hyphen_values = true,
        help_heading = "Script"
    )]
    expect: Vec<String>,
    /// How long each expectation may take
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        help_heading = "Script"
    )]
    within: TimeSpan,
    /// Understand `\r \n \t \0 \\ \xNN \u{..}` in text to be sent
    #[arg(long, help_heading = "Script")]
    escape: bool,
    /// Repeat the script, one round every so often
    #[arg(long, value_name = "TIME", help_heading = "Script")]
    every: Option<TimeSpan>,
    /// Rounds of the script
    #[arg(long, value_name = "N", help_heading = "Script", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Read stdin too, beside the script
    #[arg(long, help_heading = "Script")]
    interactive: bool,

    /// Answer every message: echo, upper, discard, or fixed:TEXT
    #[arg(long, value_name = "REPLY", conflicts_with_all = ["rules", "exec"], help_heading = "Answers")]
    reply: Option<Reply>,
    /// Answer as this file says
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "exec",
        help_heading = "Answers"
    )]
    rules: Option<std::path::PathBuf>,
    /// Run this command for each peer: its stdin is what comes in, its stdout what goes out
    #[arg(long, value_name = "CMD", help_heading = "Answers")]
    exec: Option<String>,

    /// Cut each message into writes at these offsets; -1 is before its last byte
    #[arg(
        long,
        value_name = "N[,N…]",
        allow_hyphen_values = true,
        help_heading = "Half and sticky packets"
    )]
    split_at: Option<SplitAt>,
    /// Cut the stream as a whole into writes of N bytes; nothing waits to fill one
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "split_at",
        help_heading = "Half and sticky packets"
    )]
    split_every: Option<ByteSize>,
    /// Pause between the pieces, so that a recv sees them apart [default: 20ms]
    #[arg(long, value_name = "TIME", help_heading = "Half and sticky packets")]
    split_delay: Option<TimeSpan>,
    /// Hold what is sent until N bytes are there, or for TIME, and write it as one; cut after that
    #[arg(long, value_name = "N|TIME", help_heading = "Half and sticky packets")]
    coalesce: Option<Coalesce>,

    /// What stdout gets: raw, text, hex, both, json, none
    #[arg(long = "as", value_name = "FORM", help_heading = "Output")]
    form: Option<Form>,
    /// The same as `--as json`: every event as a record
    #[arg(long, conflicts_with = "form", help_heading = "Output")]
    json: bool,
    /// Record to this file: every event as `.jsonl`, or the packets with what they carry as `.pcapng`
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    record: Option<std::path::PathBuf>,
    /// Show only what fits, such as `in and text ~ err`; see docs/filter.md
    #[arg(long, value_name = "EXPRESSION", help_heading = "Output")]
    filter: Option<Filter>,
    /// Show the packets of this conversation on its timeline, and what the kernel knows of it
    #[arg(long, help_heading = "Output")]
    wire: bool,
    /// Draw the packets, the writes and the reads as a sequence diagram; `--wire` as well
    #[arg(long, help_heading = "Output")]
    ladder: bool,
    /// Save that diagram as a picture; `--wire` as well
    #[arg(long, value_name = "FILE.svg", help_heading = "Output")]
    svg: Option<std::path::PathBuf>,
    /// Say beneath each step of the diagram what it is for; `--ladder` as well
    #[arg(long, help_heading = "Output")]
    teach: bool,
    /// Draw how writes, reads and messages cut the same bytes: on stderr, or on stdout where that holds
    /// nothing else (`--as none`)
    #[arg(long, help_heading = "Output")]
    lens: bool,
    /// Tell more: peers that come and go
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
    /// Tell only errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print the plan and stop
    #[arg(long, help_heading = "Output")]
    explain: bool,

    /// Local address, such as `127.0.0.1:7853` or `:7853`
    #[arg(long, value_name = "ADDR", help_heading = "Link")]
    bind: Option<String>,
    /// How long connecting may take [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Link")]
    timeout: Option<TimeSpan>,
    /// How long a datagram client waits for answers once its input has ended [default: 1s]
    #[arg(long, value_name = "TIME", help_heading = "Link")]
    wait: Option<TimeSpan>,
    /// End a peer that is silent for so long
    #[arg(long, value_name = "TIME", help_heading = "Link")]
    idle: Option<TimeSpan>,
    /// How long the peer's end is waited for once ours is sent
    #[arg(long, value_name = "TIME", help_heading = "Link")]
    linger: Option<TimeSpan>,
    /// Connect again when the peer has ended or cannot be reached, and begin anew
    #[arg(long, help_heading = "Link")]
    reconnect: bool,
    /// Serve one peer, then exit
    #[arg(long, help_heading = "Link")]
    once: bool,
    /// Peers served at once; further ones wait
    #[arg(long, value_name = "N", help_heading = "Link")]
    max_peers: Option<usize>,
    /// Bytes taken by one read, as a program's recv(N) would
    #[arg(long, value_name = "SIZE", help_heading = "Link")]
    read_size: Option<ByteSize>,
    /// Mark datagrams longer than this many bytes, or than the path's `mtu`
    #[arg(long, value_name = "SIZE", help_heading = "Link")]
    warn_size: Option<WarnSize>,
    #[command(flatten, next_help_heading = "Link")]
    family: FamilyArgs,
}

impl Args {
    /// Whether one of the flags shows packets.
    fn wants_packets(&self) -> bool {
        let records_packets = self.record.as_deref().is_some_and(Recorder::holds_packets);
        self.wire || self.ladder || self.teach || self.svg.is_some() || records_packets
    }

    /// What the flags say of the plan.
    fn options(&self) -> Options {
        Options {
            frame: self.frame.clone(),
            text: self.text,
            text_out: self.text_out,
            eol: self.eol,
            checksum: self.checksum,
            read_size: self.read_size,
            max_frame: self.max_frame,
            warn_size: self.warn_size,
            split_at: self.split_at.clone(),
            split_every: self.split_every,
            split_delay: self.split_delay,
            coalesce: self.coalesce,
            timeout: self.timeout,
            wait: self.wait,
            idle: self.idle,
            linger: self.linger,
            once: self.once.then_some(Switch(true)),
            max_peers: self.max_peers,
            bind: self.bind.clone(),
            wire: self.wants_packets().then_some(Switch(true)),
            family: self.family.choice(),
            ..Options::default()
        }
    }
}

/// Carries the command out.
pub(crate) fn run(role: Role, args: Args, matches: &ArgMatches, console: &Console) -> Exit {
    let explain = args.explain;
    let settings = match settings::Settings::resolve(role, args, matches) {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&crate::exit::sentence(&error));
            return Exit::Usage;
        }
    };
    if explain {
        console.tell(&settings.plan.to_string());
        return Exit::Done;
    }
    match run::run(&settings, console) {
        Ok(exit) => exit,
        Err(error) => explain_error(&error, &settings.plan, console),
    }
}

/// The endpoint of the command's words.
fn endpoint_of(words: &[String]) -> anyhow::Result<Endpoint> {
    Ok(Endpoint::from_words(words)?)
}
