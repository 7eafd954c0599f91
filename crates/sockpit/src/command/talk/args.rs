//! What `sockpit connect` and `sockpit listen` may be told.

use std::path::PathBuf;

use sockpit_core::filter::Filter;
use sockpit_core::frame::Framing;
use sockpit_core::plan::{Coalesce, Eol, Options, SplitAt, Switch, TextChoice, WarnSize};
use sockpit_core::rule::Reply;
use sockpit_core::size::ByteSize;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;
use sockpit_core::time::TimeSpan;
use sockpit_engine::recorder::Recorder;

use crate::cli::IfTyped;
use crate::command::family::FamilyArgs;
use crate::console::Form;

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
    pub(super) endpoint: Vec<String>,
    #[command(flatten)]
    pub(super) messages: MessageArgs,
    #[command(flatten)]
    pub(super) script: ScriptArgs,
    #[command(flatten)]
    pub(super) answers: IfTyped<AnswerArgs>,
    #[command(flatten)]
    pub(super) cuts: IfTyped<CutArgs>,
    #[command(flatten)]
    pub(super) output: IfTyped<OutputArgs>,
    #[command(flatten)]
    pub(super) link: IfTyped<LinkArgs>,
}

impl Args {
    /// Whether one of the flags shows packets.
    fn wants_packets(&self) -> bool {
        let records_packets = self
            .output
            .0
            .record
            .as_deref()
            .is_some_and(Recorder::holds_packets);
        self.output.wire
            || self.output.ladder
            || self.output.teach
            || self.output.svg.is_some()
            || records_packets
    }

    /// What the flags say of the plan.
    pub(super) fn options(&self) -> Options {
        Options {
            frame: self.messages.frame.clone(),
            text: self.messages.text,
            text_out: self.messages.text_out,
            eol: self.messages.eol,
            checksum: self.messages.checksum,
            read_size: self.link.read_size,
            max_frame: self.messages.max_frame,
            warn_size: self.link.warn_size,
            split_at: self.cuts.split_at.clone(),
            split_every: self.cuts.split_every,
            split_delay: self.cuts.split_delay,
            coalesce: self.cuts.coalesce,
            timeout: self.link.timeout,
            wait: self.link.wait,
            idle: self.link.idle,
            linger: self.link.linger,
            once: self.link.once.then_some(Switch(true)),
            max_peers: self.link.max_peers,
            bind: self.link.bind.clone(),
            wire: self.wants_packets().then_some(Switch(true)),
            family: self.link.family.choice(),
            ..Options::default()
        }
    }
}

/// What a message is.
#[derive(clap::Args)]
#[command(next_help_heading = "Messages")]
pub(super) struct MessageArgs {
    /// How messages are cut out of the bytes
    #[arg(long, value_name = "FRAMING")]
    pub(super) frame: Option<Framing>,
    /// Charset of what comes in, such as `utf-8`, `gbk`, `big5`, or `none`
    #[arg(long, value_name = "CHARSET")]
    pub(super) text: Option<TextChoice>,
    /// Charset of what goes out, where it is another
    #[arg(long, value_name = "CHARSET")]
    pub(super) text_out: Option<Charset>,
    /// What is appended to typed lines and `--send`: none, lf, crlf, cr
    #[arg(long, value_name = "EOL")]
    pub(super) eol: Option<Eol>,
    /// Write this checksum into what is sent, such as `modbus`, `crc32:le`, `sum8,from=2`, `xor,at=-1`
    #[arg(long, value_name = "ALGO[:le|:be][,from=N][,to=N][,at=N]")]
    pub(super) checksum: Option<ChecksumSpec>,
    /// Longest message that a peer may make us hold
    #[arg(long, value_name = "SIZE")]
    pub(super) max_frame: Option<ByteSize>,
}

/// What is sent and expected.
#[derive(clap::Args)]
#[command(next_help_heading = "Script")]
pub(super) struct ScriptArgs {
    /// Send this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) send: Vec<String>,
    /// Send these bytes, such as `01 03 00 00 00 0A`
    #[arg(long, value_name = "HEX", allow_hyphen_values = true)]
    pub(super) send_hex: Vec<String>,
    /// Send this file as one message
    #[arg(long, value_name = "PATH")]
    pub(super) send_file: Vec<String>,
    /// Go on only when this has come: text, `re:REGEX` or `hex:AA ?? 0D`
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(super) expect: Vec<String>,
    /// How long each expectation may take
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(super) within: TimeSpan,
    /// Understand `\r \n \t \0 \\ \xNN \u{..}` in text to be sent
    #[arg(long)]
    pub(super) escape: bool,
    /// Repeat the script, one round every so often
    #[arg(long, value_name = "TIME")]
    pub(super) every: Option<TimeSpan>,
    /// Rounds of the script
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Read stdin too, beside the script
    #[arg(long)]
    pub(super) interactive: bool,
}

/// Who answers.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Answers")]
pub(super) struct AnswerArgs {
    /// Answer every message: echo, upper, discard, or fixed:TEXT
    #[arg(long, value_name = "REPLY", conflicts_with_all = ["rules", "exec"])]
    pub(super) reply: Option<Reply>,
    /// Answer as this file says
    #[arg(long, value_name = "FILE", conflicts_with = "exec")]
    pub(super) rules: Option<PathBuf>,
    /// Run this command for each peer: its stdin is what comes in, its stdout what goes out
    #[arg(long, value_name = "CMD")]
    pub(super) exec: Option<String>,
}

/// How what is sent is cut and joined.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Half and sticky packets")]
pub(super) struct CutArgs {
    /// Cut each message into writes at these offsets; -1 is before its last byte
    #[arg(long, value_name = "N[,N…]", allow_hyphen_values = true)]
    pub(super) split_at: Option<SplitAt>,
    /// Cut the stream as a whole into writes of N bytes; nothing waits to fill one
    #[arg(long, value_name = "N", conflicts_with = "split_at")]
    pub(super) split_every: Option<ByteSize>,
    /// Pause between the pieces, so that a recv sees them apart [default: 20ms]
    #[arg(long, value_name = "TIME")]
    pub(super) split_delay: Option<TimeSpan>,
    /// Hold what is sent until N bytes are there, or for TIME, and write it as one; cut after that
    #[arg(long, value_name = "N|TIME")]
    pub(super) coalesce: Option<Coalesce>,
}

/// What is shown and kept.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// What stdout gets: raw, text, hex, both, json, none
    #[arg(long = "as", value_name = "FORM")]
    pub(super) form: Option<Form>,
    /// The same as `--as json`: every event as a record
    #[arg(long, conflicts_with = "form")]
    pub(super) json: bool,
    /// Record to this file: every event as `.jsonl`, or the packets with what they carry as `.pcapng`
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Show only what fits, such as `in and text ~ err`; see docs/filter.md
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) filter: Option<Filter>,
    /// Show the packets of this conversation on its timeline, and what the kernel knows of it
    #[arg(long)]
    pub(super) wire: bool,
    /// Draw the packets, the writes and the reads as a sequence diagram; `--wire` as well
    #[arg(long)]
    pub(super) ladder: bool,
    /// Save that diagram as a picture; `--wire` as well
    #[arg(long, value_name = "FILE.svg")]
    pub(super) svg: Option<PathBuf>,
    /// Say beneath each step of the diagram what it is for; `--ladder` as well
    #[arg(long)]
    pub(super) teach: bool,
    /// Draw how writes, reads and messages cut the same bytes: on stderr, or on stdout where that holds
    /// nothing else (`--as none`)
    #[arg(long)]
    pub(super) lens: bool,
    /// Tell more: peers that come and go
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Tell only errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print the plan and stop
    #[arg(long)]
    pub(super) explain: bool,
}

/// How the peer is reached, and for how long.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Link")]
pub(super) struct LinkArgs {
    /// Local address, such as `127.0.0.1:7853` or `:7853`
    #[arg(long, value_name = "ADDR")]
    pub(super) bind: Option<String>,
    /// How long connecting may take [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<TimeSpan>,
    /// How long a datagram client waits for answers once its input has ended [default: 1s]
    #[arg(long, value_name = "TIME")]
    pub(super) wait: Option<TimeSpan>,
    /// End a peer that is silent for so long
    #[arg(long, value_name = "TIME")]
    pub(super) idle: Option<TimeSpan>,
    /// How long the peer's end is waited for once ours is sent
    #[arg(long, value_name = "TIME")]
    pub(super) linger: Option<TimeSpan>,
    /// Connect again when the peer has ended or cannot be reached, and begin anew
    #[arg(long)]
    pub(super) reconnect: bool,
    /// Serve one peer, then exit
    #[arg(long)]
    pub(super) once: bool,
    /// Peers served at once; further ones wait
    #[arg(long, value_name = "N")]
    pub(super) max_peers: Option<usize>,
    /// Bytes taken by one read, as a program's recv(N) would
    #[arg(long, value_name = "SIZE")]
    pub(super) read_size: Option<ByteSize>,
    /// Mark datagrams longer than this many bytes, or than the path's `mtu`
    #[arg(long, value_name = "SIZE")]
    pub(super) warn_size: Option<WarnSize>,
    #[command(flatten)]
    pub(super) family: FamilyArgs,
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;

    #[test]
    fn a_group_that_is_left_out_is_as_its_arguments_would_be() {
        let groups = [
            AnswerArgs::augment_args,
            CutArgs::augment_args,
            OutputArgs::augment_args,
            LinkArgs::augment_args,
        ];
        for augment in groups {
            for argument in augment(Command::new("")).get_arguments() {
                let has_default = !argument.get_default_values().is_empty();
                assert!(!argument.is_required_set() && !has_default, "{argument}");
            }
        }
    }
}
