//! `sockpit diff`: two recordings compared, conversation by conversation.

use std::path::PathBuf;

use anyhow::bail;
use sockpit_core::event::Direction;
use sockpit_core::frame::Framing;
use sockpit_core::replay::{Conversation, Cut, Ignore, Unit, compare};
use sockpit_core::size::ByteSize;
use sockpit_core::text::charset::Charset;
use sockpit_core::time::TimeSpan;

use super::replay;
use crate::console::{Console, Found, Item, Report, Talk};
use crate::exit::{Exit, sentence};

/// What `sockpit diff` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Conversations are paired in the order in which they began. What was said is compared, message by
message where messages were recorded, line by line of a raw stream, datagram by datagram; and how
each conversation ended. Times, chunks of a stream and addresses do not count.

Examples:
  sockpit diff before.jsonl after.jsonl
  sockpit diff a.jsonl b.jsonl --ignore 'seq=\\d+' --ignore 'hex:AA ?? ?? 0D'
  sockpit diff a.jsonl b.jsonl --frame len:u16be --json
  sockpit diff a.jsonl b.jsonl --times 50ms

Exit codes: 0 the same, 3 different, 2 not to be read")]
pub(crate) struct Args {
    /// The recording that is as it should be
    #[arg(value_name = "A")]
    left: PathBuf,
    /// The recording that is compared with it
    #[arg(value_name = "B")]
    right: PathBuf,
    /// Compare messages that this framing cuts, and not what is between them
    #[arg(long, value_name = "FRAMING")]
    frame: Option<Framing>,
    /// Longest message that the framing cuts out
    #[arg(long, value_name = "SIZE", default_value = "16MiB")]
    max_frame: ByteSize,
    /// Show the text in this charset, such as `gbk`
    #[arg(long, value_name = "CHARSET")]
    text: Option<Charset>,
    /// Leave out what changes: a regular expression, or `hex:AA ?? 0D`
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,
    /// Compare times too, since each conversation began, to within this much
    #[arg(long, value_name = "TIME")]
    times: Option<TimeSpan>,
    /// Tell the result as one JSON object
    #[arg(long)]
    json: bool,
    /// Tell nothing; the exit code says it
    #[arg(short, long)]
    quiet: bool,
}

/// Carries the command out.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    match report(args, console) {
        Ok(report) => {
            if !args.quiet {
                if args.json {
                    console.print(&report.json());
                } else {
                    console.draw(&report.text(console.style()));
                }
            }
            if report.is_same() {
                Exit::Done
            } else {
                Exit::Unmet(3)
            }
        }
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

fn report(args: &Args, console: &Console) -> anyhow::Result<Report> {
    if args.left.as_os_str() == "-" && args.right.as_os_str() == "-" {
        bail!("stdin is one recording; give the other one by its name");
    }
    let ignore = replay::ignore_of(&args.ignore)?;
    let talk = if args.quiet {
        Talk::Errors
    } else {
        Talk::Usual
    };
    let left = replay::read_conversations(&args.left, console, talk)?;
    let right = replay::read_conversations(&args.right, console, talk)?;
    let mut report = Report {
        expected: replay::name_of(&args.left),
        came: replay::name_of(&args.right),
        conversations: left.len().max(right.len()),
        units: 0,
        bytes: 0,
        charset: args.text.unwrap_or_default(),
        found: Vec::new(),
    };
    for (left, right) in left.iter().zip(&right) {
        compare_pair(args, left, right, &ignore, &mut report);
    }
    let rest = |of: &[Conversation], from: usize, item: fn() -> Item| -> Vec<Found> {
        let rest = of.iter().skip(from);
        rest.map(|it| found(it, item())).collect()
    };
    report
        .found
        .extend(rest(&left, right.len(), || Item::PeerMissing));
    report
        .found
        .extend(rest(&right, left.len(), || Item::PeerExtra));
    Ok(report)
}

fn compare_pair(
    args: &Args,
    left: &Conversation,
    right: &Conversation,
    ignore: &Ignore,
    report: &mut Report,
) {
    for direction in [Direction::In, Direction::Out] {
        let (expected, came) = units(args, left, right, direction, ignore);
        report.units += expected.len();
        report.bytes += left.len(direction);
        let tolerance = args.times.map(Into::into);
        let differences = compare(&expected, &came, ignore, tolerance);
        let said = |difference| found(left, Item::Said(direction, difference));
        report.found.extend(differences.into_iter().map(said));
    }
    let name = |of: &Conversation| match of.ending {
        Some((reason, _)) => reason.as_str().to_owned(),
        None => "open".to_owned(),
    };
    if name(left) != name(right) {
        let (expected, came) = (name(left), name(right));
        report
            .found
            .push(found(left, Item::Ended { expected, came }));
    }
}

/// Cuts a direction of both in the same way: by messages where there are such, unless the bytes
/// around them are all that differs.
fn units(
    args: &Args,
    left: &Conversation,
    right: &Conversation,
    direction: Direction,
    ignore: &Ignore,
) -> (Vec<Unit>, Vec<Unit>) {
    let cut_both = |cut: Cut<'_>| (left.units(direction, cut), right.units(direction, cut));
    if let Some(framing) = args.frame.as_ref().filter(|framing| !framing.is_raw()) {
        return cut_both(Cut::Frame(framing, args.max_frame.0));
    }
    let plain = if ignore.crosses_lines() {
        Cut::Whole
    } else {
        Cut::Lines
    };
    let (messages, others) = cut_both(Cut::Recorded);
    if messages.is_empty() || others.is_empty() || args.frame.is_some() {
        return cut_both(plain);
    }
    let is_told = left.says_the_same(right, direction)
        || !compare(&messages, &others, ignore, None).is_empty();
    if is_told {
        return (messages, others);
    }
    cut_both(plain)
}

fn found(conversation: &Conversation, item: Item) -> Found {
    Found {
        session: conversation.session,
        peer: conversation.peer,
        item,
    }
}
