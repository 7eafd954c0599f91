//! `sockpit replay`: a recording shown as it was, or played against a live peer.

mod against;
mod ladder;
mod lens;
mod show;
mod sources;

pub(super) use against::name_of;

use std::path::{Path, PathBuf};

use anyhow::bail;
use sockpit_core::filter::{Filter, Moment};
use sockpit_core::frame::Framing;
use sockpit_core::plan::TextChoice;
use sockpit_core::replay::{Conversation, Conversations, Ignore, TooMuch};
use sockpit_core::size::ByteSize;
use sockpit_core::time::TimeSpan;
use sockpit_engine::recording::Recording;

use crate::console::{Console, Form, Talk};
use crate::exit::{Exit, sentence};

/// In bytes: what a recording that is compared may take in memory.
const LIMIT: usize = 512 * 1024 * 1024;

/// The longest message that a framing is let cut out, unless the user says otherwise.
const MAX_FRAME: ByteSize = ByteSize(16 * 1024 * 1024);

/// What `sockpit replay` was told, as typed.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("drawing").multiple(true))]
#[command(after_help = "\
Filters (terms are joined by and, or, not and parentheses; docs/filter.md has all of them):
  in  out  chunk  frame  opened  closed  listening  fault  note  gap
  peer 2  peer 2,3  peer 2..5  session 1  n > 100
  text ~ REGEX  text ~* REGEX (any case)  text = \"…\"  text contains \"…\"  \"…\" (text or message)
  hex ~ \"AA ?? 0D\"  hex = \"AA BB\"  len > 100  len = 5  offset >= 4096
  at > 2s  at 2s..5s  at > 10:21:17.5  addr ~ REGEX  message ~ REGEX
  kind = reset  reason = fin  partial  malformed  truncated

Times for --from and --to: 2s, 1m since the beginning; 10:21:17.5; 2026-11-21T10:21:17

Examples:
  sockpit connect :7000 --record x.jsonl          make a recording
  sockpit replay x.jsonl                          see it again, with its timing
  sockpit replay x.jsonl --fast --as both --filter 'peer 2 and in and text ~ \"err\"'
  sockpit replay x.jsonl --fast --frame lines --text gbk
  sockpit replay client.jsonl server.jsonl --lens
  sockpit replay client.jsonl server.jsonl --ladder --svg both.svg
  sockpit replay x.jsonl --as raw --dir out | xxd
  sockpit replay x.jsonl --against localhost:7000 --fast; echo $?
  sockpit replay x.jsonl --against :7000 --frame lines --ignore 'time=\\d+' --json

With --against the exit code is 0 where the peer answered as recorded, 3 where it did not, and 1
where it could not be reached")]
pub(crate) struct Args {
    /// A recording, as `--record` and `--json` write it; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The recording of the other end of the same conversations, for `--lens` and the ladder
    #[arg(value_name = "OTHER", requires = "drawing")]
    other: Option<PathBuf>,

    /// Do not wait: show everything at once, or send as soon as the answers before have come
    #[arg(long)]
    fast: bool,
    /// Go so many times as fast, such as 10 or 0.5
    #[arg(long, value_name = "N", default_value = "1", conflicts_with = "fast", value_parser = parse_speed)]
    speed: f64,
    /// Cut the recorded bytes into messages by this framing
    #[arg(long, value_name = "FRAMING")]
    frame: Option<Framing>,
    /// Longest message that the framing cuts out
    #[arg(long, value_name = "SIZE", default_value_t = MAX_FRAME)]
    max_frame: ByteSize,
    /// Read the text in this charset, such as `gbk`, or `none`
    #[arg(long, value_name = "CHARSET")]
    text: Option<TextChoice>,

    /// Begin here, such as `2s` after the beginning or `10:21:17`
    #[arg(long, value_name = "TIME", help_heading = "Show", conflicts_with_all = ["against", "listen"])]
    from: Option<Moment>,
    /// End here
    #[arg(long, value_name = "TIME", help_heading = "Show", conflicts_with_all = ["against", "listen"])]
    to: Option<Moment>,
    /// Show what this lets through, such as `peer 2 and in and text ~ "err"`
    #[arg(long, value_name = "FILTER", help_heading = "Show", conflicts_with_all = ["against", "listen"])]
    filter: Option<Filter>,
    /// What stdout gets: text, hex, both, json, raw, none [default: the timeline]
    #[arg(long = "as", value_name = "FORM", help_heading = "Show", conflicts_with_all = ["against", "listen"])]
    form: Option<Form>,
    /// Records, as `--as json`; with `--against` the result as one JSON object
    #[arg(long, conflicts_with = "form")]
    json: bool,
    /// Show only what came in, or only what went out
    #[arg(long, value_name = "in|out", help_heading = "Show", conflicts_with_all = ["against", "listen"], value_parser = parse_direction)]
    dir: Option<sockpit_core::event::Direction>,
    /// Draw how writes, reads and messages cut the same bytes; with a second recording, of both ends
    #[arg(
        long,
        group = "drawing",
        help_heading = "Show",
        conflicts_with_all = ["against", "listen", "form", "json", "filter", "from", "to", "dir"]
    )]
    lens: bool,
    /// Draw the packets, the writes and the reads as a sequence diagram; with a second recording, of
    /// both ends
    #[arg(
        long,
        group = "drawing",
        help_heading = "Show",
        conflicts_with_all = ["lens", "against", "listen", "form", "json", "filter", "from", "to", "dir"]
    )]
    ladder: bool,
    /// Save that diagram as a picture
    #[arg(
        long,
        value_name = "FILE.svg",
        group = "drawing",
        help_heading = "Show",
        conflicts_with_all = ["lens", "against", "listen", "form", "json", "filter", "from", "to", "dir"]
    )]
    svg: Option<PathBuf>,
    /// Say beneath each step of the diagram what it is for; `--ladder` as well
    #[arg(
        long,
        group = "drawing",
        help_heading = "Show",
        conflicts_with_all = ["lens", "against", "listen", "form", "json", "filter", "from", "to", "dir"]
    )]
    teach: bool,
    /// Play one side against the peer at this endpoint, and compare what it answers
    #[arg(
        long,
        value_name = "ENDPOINT",
        help_heading = "Play",
        conflicts_with = "listen"
    )]
    against: Option<String>,
    /// The same as the server: wait here for one peer to play against
    #[arg(long, value_name = "ENDPOINT", help_heading = "Play")]
    listen: Option<String>,
    /// Whose part is played: `us`, what was sent, or `peer`, what came in
    #[arg(long, value_name = "us|peer", help_heading = "Play", default_value = "us", value_parser = parse_side)]
    side: sockpit_core::replay::Side,
    /// Play the conversation with this peer, where there are several
    #[arg(long, value_name = "N", help_heading = "Play")]
    peer: Option<u32>,
    /// The session that it belongs to, where there are several
    #[arg(long, value_name = "N", help_heading = "Play")]
    session: Option<u32>,
    /// How long each answer may take
    #[arg(long, value_name = "TIME", help_heading = "Play", default_value = "5s")]
    within: TimeSpan,
    /// Leave out what changes: a regular expression, or `hex:AA ?? 0D`
    #[arg(long, value_name = "PATTERN", help_heading = "Play")]
    ignore: Vec<String>,

    /// Tell only errors
    #[arg(short, long)]
    quiet: bool,
}

/// Carries the command out.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    let result = if args.against.is_some() || args.listen.is_some() {
        against::run(args, console)
    } else {
        let has_ladder = args.ladder || args.teach || args.svg.is_some();
        check(args).and_then(|()| match args.lens {
            true => lens::run(args, console),
            false if has_ladder => ladder::run(args, console),
            false => show::run(args, console),
        })
    };
    result.unwrap_or_else(|error| {
        console.error(&sentence(&error));
        Exit::Usage
    })
}

/// Options of playing mean nothing where a recording is shown.
fn check(args: &Args) -> anyhow::Result<()> {
    if args.peer.is_some() || args.session.is_some() {
        bail!("`--peer` and `--session` belong to `--against`; here, write `--filter 'peer 2'`");
    }
    if !args.ignore.is_empty() {
        bail!("`--ignore` belongs to `--against`");
    }
    Ok(())
}

/// Reads a whole recording, and puts its conversations together.
pub(super) fn read_conversations(
    path: &Path,
    console: &Console,
    talk: Talk,
) -> anyhow::Result<Vec<Conversation>> {
    let mut recording = Recording::open(path)?;
    let mut conversations = Conversations::new(LIMIT);
    while let Some(event) = recording.next_event()? {
        conversations
            .take(&event)
            .map_err(|error: TooMuch| anyhow::Error::new(error).context(name_of(path)))?;
    }
    for warning in warnings(&recording, path) {
        if talk > Talk::Errors {
            console.say(&warning);
        }
    }
    Ok(conversations.finish())
}

/// What was left out of a recording.
fn warnings(recording: &Recording, path: &Path) -> Vec<String> {
    let name = name_of(path);
    let mut warnings = Vec::new();
    if recording.epoch().is_none() {
        warnings.push(format!("warning: {name} holds no record"));
    }
    if recording.is_torn() {
        warnings.push(format!(
            "warning: the last line of {name} is cut off, and left out"
        ));
    }
    if recording.unknown() > 0 {
        warnings.push(format!(
            "warning: {} records of {name} tell what this version does not know, and are left out",
            recording.unknown()
        ));
    }
    warnings
}

/// What `--ignore` says.
pub(super) fn ignore_of(patterns: &[String]) -> anyhow::Result<Ignore> {
    let mut ignore = Ignore::default();
    for pattern in patterns {
        let added = ignore.add(pattern);
        added
            .map_err(|error| anyhow::Error::new(error).context(format!("--ignore `{pattern}`")))?;
    }
    Ok(ignore)
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok();
    speed
        .filter(|speed| (0.001..=1_000_000.0).contains(speed))
        .ok_or_else(|| {
            "a speed is a number from 0.001 to 1000000; `--fast` does not wait".to_owned()
        })
}

fn parse_direction(text: &str) -> Result<sockpit_core::event::Direction, String> {
    match text {
        "in" => Ok(sockpit_core::event::Direction::In),
        "out" => Ok(sockpit_core::event::Direction::Out),
        _ => Err("write `in` or `out`".to_owned()),
    }
}

fn parse_side(text: &str) -> Result<sockpit_core::replay::Side, String> {
    match text {
        "us" => Ok(sockpit_core::replay::Side::Us),
        "peer" => Ok(sockpit_core::replay::Side::Peer),
        _ => Err("write `us` or `peer`".to_owned()),
    }
}
