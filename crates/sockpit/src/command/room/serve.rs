//! `sockpit room serve`: one hub on several endpoints, and the operator's console.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use sockpit_core::chat::flood::{Flood, ParseFloodError};
use sockpit_core::chat::nick::Name;
use sockpit_core::chat::{history, room, visitor};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role, Shape};
use sockpit_core::size::ByteSize;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::TimeSpan;
#[cfg(feature = "nats")]
use sockpit_engine::cluster;
use sockpit_engine::recorder::Recorder;
use sockpit_engine::room::Opening;

use super::host;
use crate::command::talk;
use crate::console::{Console, Form, Talk};
use crate::exit::{Exit, engine_error, sentence};

/// In bytes: what a member that takes nothing may make the system keep; without a limit of ours it
/// would be megabytes for each.
const SEND_BUFFER: ByteSize = ByteSize(128 * 1024);

/// In bytes: what one member may say before others have their turn.
const READ_SIZE: ByteSize = ByteSize(4 * 1024);

/// In bytes: what a line of a room's history may take on average.
const KEPT_LINE: usize = 640;

/// In bytes: the shortest longest line that makes sense.
const SHORTEST_LINE: usize = 64;

/// In bytes: the longest line that may be allowed.
const LONGEST_LINE: usize = 1024 * 1024;

/// Lines of the history that a room may keep.
const MOST_KEPT: usize = 100_000;

/// What `sockpit room serve` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Joining:
  nc HOST 7000, telnet HOST 7000, ncat -C HOST 7000    your nickname, then talk
  sockpit room join tcp://HOST:7000                    the comfortable client
  http://HOST:7000/ in a browser                       with --ws
  A program sends `/json on`, and each line is an object; docs/chat.md has them.

Examples:
  sockpit room serve :7000
  sockpit room serve tcp://:7000 --ws --topic 'Lab 3' --record room.jsonl
  sockpit room serve :7000 --unix /run/room.sock --max-peers 500
  sockpit room serve :7000 --flood 3/1s,burst=10
  sockpit room serve :7000 --text gbk    members on GBK terminals
  echo 'down for five minutes' | sockpit room serve :7000 --as none
  sockpit room serve :7000 --name north --cluster nats://10.0.0.5:4222

On a terminal what you type is told to everybody; `/help` lists the commands:
/kick /ban /who …")]
pub(super) struct Args {
    /// Where to listen, such as `tcp://:7000`, `127.0.0.1:7000`, `unix:///run/room.sock`; all are one room
    #[arg(value_name = "ENDPOINT", required_unless_present = "unix")]
    endpoint: Vec<String>,
    /// Listen on this Unix socket too: a path, or `@name`
    #[arg(long, value_name = "PATH")]
    unix: Vec<String>,
    /// Let browsers in on the same ports: a page, and WebSocket
    #[arg(long)]
    ws: bool,
    /// A name by which browsers may ask for the page, beside addresses, `localhost` and `*.local`
    #[arg(long, value_name = "NAME", requires = "ws")]
    allow_host: Vec<String>,

    /// The name of this server, as members of others see it
    #[arg(long, value_name = "NAME", help_heading = "Rooms")]
    name: Option<String>,
    /// The room that everybody enters first
    #[arg(
        long,
        value_name = "ROOM",
        default_value = "lobby",
        help_heading = "Rooms"
    )]
    room: String,
    /// What that room is about
    #[arg(long, value_name = "TEXT", help_heading = "Rooms")]
    topic: Option<String>,
    /// What everybody is greeted with
    #[arg(long, value_name = "TEXT", help_heading = "Rooms")]
    welcome: Option<String>,
    /// Lines that each room keeps; who joins gets the last 20
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Rooms")]
    history: usize,
    /// Charset of those who do not say `/charset`, such as `gbk`
    #[arg(
        long,
        value_name = "CHARSET",
        default_value = "utf-8",
        help_heading = "Rooms"
    )]
    text: Charset,

    /// Be one room with other servers, through NATS: `nats://HOST:4222`, several with commas between
    #[arg(long, value_name = "URL", requires = "name", help_heading = "Rooms")]
    cluster: Option<String>,

    /// How fast one member may talk, or `off` [default: 5/1s,burst=20, and off on loopback]
    #[arg(long, value_name = "N/TIME[,burst=N]", help_heading = "Limits")]
    flood: Option<FloodChoice>,
    /// Longest line of a member; what is longer is cut
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "4KiB",
        help_heading = "Limits"
    )]
    max_line: ByteSize,
    /// Members at once; further ones wait
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_peers: Option<usize>,
    /// What may wait for a member that reads slowly; the oldest lines are lost beyond it
    #[arg(long, value_name = "SIZE", default_value_t = ByteSize(Opening::POST), help_heading = "Limits")]
    backlog: ByteSize,
    /// How long a member may take nothing of that before it is dismissed
    #[arg(long, value_name = "TIME", default_value_t = TimeSpan(Opening::PATIENCE), help_heading = "Limits")]
    patience: TimeSpan,

    /// What stdout gets: text (`[room] nick: text`), json, none
    #[arg(long = "as", value_name = "FORM", help_heading = "Output")]
    form: Option<Form>,
    /// The same as `--as json`: every event as a record
    #[arg(long, conflicts_with = "form", help_heading = "Output")]
    json: bool,
    /// Record what goes on to this file, as records
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Output")]
    record: Option<PathBuf>,
    /// Tell more: connections that come and go
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
    /// Tell only errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
}

/// A flood limit, or none.
#[derive(Clone, Copy, Debug)]
struct FloodChoice(Option<Flood>);

impl FromStr for FloodChoice {
    type Err = ParseFloodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self(None)),
            text => text.parse().map(|flood| Self(Some(flood))),
        }
    }
}

/// What it will do, as decided.
pub(super) struct Settings {
    pub(super) plans: Vec<Arc<Plan>>,
    pub(super) hub: room::Settings,
    pub(super) visitors: visitor::Settings,
    /// Whether browsers are let in.
    pub(super) is_web: bool,
    /// The names by which they may ask.
    pub(super) hosts: Vec<String>,
    #[cfg(feature = "nats")]
    pub(super) cluster: Option<cluster::Settings>,
    pub(super) backlog: usize,
    pub(super) patience: TimeSpan,
    pub(super) form: Form,
    pub(super) record: Option<PathBuf>,
    pub(super) talk: Talk,
}

impl Settings {
    fn resolve(args: Args, console: &Console) -> anyhow::Result<Self> {
        let unix = args.unix.iter().map(|path| match path.starts_with('/') {
            true => format!("unix://{path}"),
            false => format!("unix:{path}"),
        });
        let words: Vec<String> = args.endpoint.iter().cloned().chain(unix).collect();
        let mut plans = Vec::new();
        for word in words {
            let endpoint: Endpoint = word.parse()?;
            let mut options = Options {
                max_peers: args.max_peers,
                read_size: Some(READ_SIZE),
                ..Options::default()
            };
            options.sndbuf = match endpoint.options.iter().any(|(key, _)| key == "sndbuf") {
                true => None,
                false => Some(SEND_BUFFER),
            };
            let plan = Plan::resolve(Role::Server, &endpoint, options)?;
            if plan.shape() != Shape::Stream {
                bail!("`{word}` carries datagrams; a room is joined by tcp or unix");
            }
            plans.push(Arc::new(plan));
        }
        if args.max_line.0 < SHORTEST_LINE || args.max_line.0 > LONGEST_LINE {
            bail!(
                "`--max-line {}` is not a size from {SHORTEST_LINE} to {}",
                args.max_line,
                ByteSize(LONGEST_LINE)
            );
        }
        if args.history > MOST_KEPT {
            bail!(
                "`--history {}` is more than {MOST_KEPT} lines",
                args.history
            );
        }
        if let Some(path) = &args.record
            && Recorder::holds_packets(path)
        {
            bail!(
                "`{}`: what is said in rooms is recorded as `.jsonl`",
                path.display()
            );
        }
        let form = match (args.json, args.form) {
            (true, _) => Form::Json,
            (false, form) => form.unwrap_or(Form::Text),
        };
        if !matches!(form, Form::Text | Form::Json | Form::None) {
            bail!("rooms are shown as text, json or none");
        }
        #[cfg(not(feature = "nats"))]
        if args.cluster.is_some() {
            bail!(
                "`--cluster`: this sockpit was built without NATS; \
                 `cargo install --path crates/sockpit --features nats` builds one with it"
            );
        }
        Name::new(&args.room).with_context(|| format!("the room `{}`", VisibleLine(&args.room)))?;
        if let Some(name) = &args.name {
            Name::new(name).with_context(|| format!("the name `{}`", VisibleLine(name)))?;
        }
        let node = args.name.unwrap_or_default();
        let is_shared = args.cluster.is_some();
        #[cfg(feature = "nats")]
        let cluster = match args.cluster {
            Some(servers) => Some(cluster::Settings {
                servers: servers.parse().map_err(anyhow::Error::msg)?,
                node: node.clone(),
            }),
            None => None,
        };
        let defaults = room::Settings::default();
        let kept = args.history.saturating_mul(KEPT_LINE);
        let hub = room::Settings {
            node,
            is_shared,
            // Nobody is to guess the next message's name, nor have two servers give the same.
            seed: RandomState::new().hash_one(std::process::id()),
            utc_offset: TimeZone::try_system()
                .unwrap_or(TimeZone::UTC)
                .to_offset(jiff::Timestamp::now())
                .seconds(),
            language: console.language(),
            welcome: args.welcome.unwrap_or_default(),
            room: args.room,
            topic: args.topic.unwrap_or_default(),
            // A limit that somebody sets is one for everybody.
            flood_on_loopback: args.flood.is_some(),
            flood: match args.flood {
                Some(FloodChoice(flood)) => flood,
                None => defaults.flood,
            },
            replay: defaults.replay.min(args.history),
            history: history::Limits {
                lines: args.history,
                bytes: defaults.history.bytes.max(kept),
            },
            max_text: args.max_line.0,
            ..defaults
        };
        let visitors = visitor::Settings {
            charset: args.text,
            max_line: args.max_line.0,
            language: console.language(),
            ..visitor::Settings::default()
        };
        Ok(Self {
            plans,
            hub,
            visitors,
            is_web: args.ws,
            hosts: args.allow_host,
            #[cfg(feature = "nats")]
            cluster,
            backlog: args.backlog.0,
            patience: args.patience,
            form,
            record: args.record,
            talk: match (args.quiet, args.verbose) {
                (true, _) => Talk::Errors,
                (false, 0) => Talk::Usual,
                (false, _) => Talk::Peers,
            },
        })
    }

    /// Whether somebody sits at a terminal that can show a line being edited.
    pub(super) fn is_typed() -> bool {
        io::stdin().is_terminal()
    }
}

/// Carries the command out.
pub(super) fn run(args: Args, console: &Console) -> Exit {
    let settings = match Settings::resolve(args, console) {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&sentence(&error));
            return Exit::Usage;
        }
    };
    let plans = settings.plans.clone();
    match host::run(settings, console) {
        Ok(exit) => exit,
        Err(error) => {
            // Which endpoint it was that could not be taken decides what would help.
            let target = engine_error(&error).map_or("", |error| error.target());
            let scheme = |plan: &&Arc<Plan>| target.starts_with(plan.transport.scheme());
            let of_target = |plan: &&Arc<Plan>| target == plan.endpoint().to_string();
            let plan = plans.iter().find(of_target);
            let plan = plan.or_else(|| plans.iter().find(scheme));
            talk::explain_error(&error, plan.unwrap_or(&plans[0]), console)
        }
    }
}
