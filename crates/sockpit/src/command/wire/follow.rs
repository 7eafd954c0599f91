//! `sockpit wire follow`: what the two ends of a conversation said to each other.

mod bytes;
mod choose;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use sockpit_core::event::Direction;
use sockpit_core::filter::Filter;
use sockpit_core::frame::Framing;
use sockpit_core::pcap::{Ending, Item};
use sockpit_core::plan::TextChoice;
use sockpit_core::size::ByteSize;
use sockpit_engine::capture::Capture;

use super::live::{Asked, Watch, announcement, refused};
use super::look::filter_of;
use super::party::Name;
use super::source::Source;
use super::turn::Turns;
use super::view::is_reader_gone;
use super::work::{self, Stop};
use crate::console::{Console, Form};
use crate::exit::{Exit, sentence};
use bytes::Follower;
use choose::Choice;

/// The longest message that a framing is let cut out, unless the user says otherwise.
const MAX_FRAME: ByteSize = ByteSize(16 * 1024 * 1024);

/// How long packets are waited for before what waits is shown.
const PACE: std::time::Duration = std::time::Duration::from_millis(100);

/// What `sockpit wire follow` was told, as typed.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = "\
`→` is what the end said that opened the conversation, or spoke first, `←` what it was answered. A
file is looked through for the first conversation that has payload and a packet that the filter wants;
live it is the first that has such a packet. What is missing is named, with the cause: lost by the
capture, not captured, or cut off by a snap length. `--as raw` with a direction gives exactly the
bytes that were sent.

Examples:
  sockpit wire follow x.pcapng
  sockpit wire follow x.pcapng port 7000 --frame lines --text gbk
  sockpit wire follow x.pcapng --conversation tcp:3 --as both
  sockpit wire follow x.pcapng --as raw --direction out > sent.bin
  sockpit wire follow --port 7000                     live, until Ctrl-C
  tcpdump -i eth0 -U -w - | sockpit wire follow - --as hex")]
pub(super) struct Args {
    /// A capture file, `-` for stdin, and a filter such as `port 7000`; live without a file
    #[arg(value_name = "FILE and FILTER")]
    words: Vec<String>,
    #[command(flatten)]
    watch: Watch,
    /// Which conversation, such as `3`, `tcp:3` or `udp:0`; `wire open --conversations` lists them
    #[arg(long, value_name = "N")]
    conversation: Option<Name>,
    /// Only what the end sent that opened the conversation (out), or what it was answered (in)
    #[arg(long, value_name = "in|out", value_parser = parse_direction)]
    direction: Option<Direction>,
    /// What stdout gets: text, hex, both, raw, json
    #[arg(long = "as", value_name = "FORM", default_value = "text")]
    form: Form,
    /// Cut the bytes into messages by this framing
    #[arg(long, value_name = "FRAMING")]
    frame: Option<Framing>,
    /// Longest message that the framing cuts out
    #[arg(long, value_name = "SIZE", default_value_t = MAX_FRAME)]
    max_frame: ByteSize,
    /// Read the text in this charset, such as `gbk`, or `none`
    #[arg(long, value_name = "CHARSET")]
    text: Option<TextChoice>,
    /// Tell only errors
    #[arg(short, long)]
    quiet: bool,
}

/// How a conversation is printed, as decided.
#[derive(Clone)]
pub(super) struct Settings {
    direction: Option<Direction>,
    form: Form,
    frame: Option<Framing>,
    max_frame: usize,
    text: Option<TextChoice>,
    is_quiet: bool,
}

pub(super) fn run(mut args: Args, console: &Console) -> Exit {
    let settings = Settings {
        direction: args.direction,
        form: args.form,
        frame: args.frame.clone(),
        max_frame: args.max_frame.0,
        text: args.text,
        is_quiet: args.quiet,
    };
    if args.watch.is_empty() {
        return match file(&mut args) {
            Ok((path, filter)) => {
                let choice = Choice::new(args.conversation, filter);
                work::run(&Stop::default(), true, console, move |console, stop| {
                    let result = from_file(&path, choice, settings, console, stop);
                    quietly(result)
                })
            }
            Err(error) => {
                console.error(&sentence(&error));
                Exit::Usage
            }
        };
    }
    let Asked {
        mut capture,
        filter,
    } = match args.watch.open(&args.words) {
        Ok(asked) => asked,
        Err(error) => return refused(&error, console),
    };
    let announced = (!args.quiet).then(|| announcement(&capture));
    let choice = Choice::new(args.conversation, filter);
    let until = args.watch.for_time.map(|time| Instant::now() + time.0);
    let stop = Stop::with(capture.stopper());
    work::run(&stop, true, console, move |console, _| {
        // Who is told that it watches may end it in order from here on.
        if let Some(announced) = announced {
            console.announce(&announced);
        }
        quietly(from_capture(&mut capture, choice, settings, until, console))
    })
}

/// The file that the words begin with, and the filter that the rest is.
fn file(args: &mut Args) -> anyhow::Result<(PathBuf, Option<Filter>)> {
    if args.words.is_empty() {
        bail!("nothing says what to follow; write a capture file, or `--port 7000` to follow live");
    }
    let path = PathBuf::from(args.words.remove(0));
    Ok((path, filter_of(&args.words)?))
}

/// A reader of stdout who leaves ends it quietly (rule A5).
fn quietly(result: anyhow::Result<()>) -> anyhow::Result<Exit> {
    match result {
        Err(error) if is_reader_gone(&error) => Ok(Exit::Done),
        result => result.map(|()| Exit::Done),
    }
}

fn from_file(
    path: &Path,
    mut choice: Choice,
    settings: Settings,
    console: &Console,
    stop: &Stop,
) -> anyhow::Result<()> {
    let is_quiet = settings.is_quiet;
    let is_stdin = path == Path::new("-");
    if !is_stdin {
        // What is chosen is followed from its first packet on, so a file is read twice.
        capture_of(path)?.read(stop, &mut choice, Choice::take, |_| Ok(()))?;
        choice.settle()?;
        for line in choice.others().iter().filter(|_| !is_quiet) {
            console.say(line);
        }
    }
    let file = capture_of(path)?;
    let name = file.name().to_owned();
    let mut follower = Follower::new(choice, settings);
    let take = |follower: &mut Follower, item: &Item<'_>| match item {
        Item::Packet(captured) => follower.take(&captured.packet),
        _ => Ok(ControlFlow::Continue(())),
    };
    let read = file.read(stop, &mut follower, take, Follower::idle);
    let told = follower.finish()?;
    for line in told.iter().filter(|_| is_stdin && !is_quiet) {
        console.say(line);
    }
    if let Some(Ending::Torn { .. }) = read?
        && !is_quiet
    {
        console.say(&format!("warning: {name} is cut off within a packet"));
    }
    Ok(())
}

fn capture_of(path: &Path) -> anyhow::Result<super::source::CaptureFile> {
    match Source::open(path)? {
        Source::Capture(file) => Ok(file),
        Source::Recording(_) => bail!(
            "`{}` is a recording, which holds what was said: `sockpit replay` shows it",
            path.display()
        ),
    }
}

fn from_capture(
    capture: &mut Capture,
    choice: Choice,
    settings: Settings,
    until: Option<Instant>,
    console: &Console,
) -> anyhow::Result<()> {
    let is_quiet = settings.is_quiet;
    let mut follower = Follower::new(choice, settings);
    let mut turns = Turns::new(PACE, until);
    loop {
        let flow = turns.take(capture, |packet| follower.take(packet));
        follower.idle()?;
        if flow?.is_break() {
            break;
        }
    }
    let told = match follower.has_begun() {
        true => follower.finish()?,
        false => Some("no conversation was seen".to_owned()),
    };
    let dropped = capture.statistics().unwrap_or_default().dropped;
    for line in told.iter().filter(|_| !is_quiet) {
        console.say(line);
    }
    if dropped > 0 {
        console.say(&format!("warning: the kernel lost {dropped} packets"));
    }
    turns.end()
}

fn parse_direction(text: &str) -> Result<Direction, String> {
    match text {
        "in" => Ok(Direction::In),
        "out" => Ok(Direction::Out),
        _ => Err("write `in` or `out`".to_owned()),
    }
}
