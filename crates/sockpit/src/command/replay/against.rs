//! One side of a recording, played against a live peer, and how its answers differ.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::event::{Direction, FaultKind};
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Options, Plan, Role, Shape, Switch};
use sockpit_core::replay::{Conversation, Conversations, Cut, Pace, Part, Player, compare};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::TimeSpan;
use sockpit_engine::bus::{Scope, TapLimit};
use sockpit_engine::{Outcome, Workbench};

use super::{Args, LIMIT, ignore_of, read_conversations};
use crate::console::{Console, Found, Item, Report, Talk};
use crate::exit::{Exit, sentence};
use crate::signals::Signals;

/// What may wait to be compared; the peer waits then.
const WAITING: TapLimit = TapLimit {
    bytes: 16 * 1024 * 1024,
    patience: None,
};

/// Plays, compares, and tells.
pub(super) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let ignore = ignore_of(&args.ignore)?;
    let (role, words) = match (&args.against, &args.listen) {
        (Some(words), _) => (Role::Client, words),
        (None, Some(words)) => (Role::Server, words),
        (None, None) => bail!("there is nobody to play against; write `--against ENDPOINT`"),
    };
    let endpoint: Endpoint = words.parse()?;
    let options = Options {
        once: (role == Role::Server).then_some(Switch(true)),
        ..Options::default()
    };
    let plan = Arc::new(Plan::resolve(role, &endpoint, options)?);
    let talk = if args.quiet {
        Talk::Errors
    } else {
        Talk::Usual
    };
    let conversations = read_conversations(&args.file, console, talk)?;
    let recorded = choose(&conversations, args)?;
    if recorded.shape != plan.shape() {
        let name = |shape| match shape {
            Shape::Stream => "a stream",
            Shape::Datagram => "datagrams",
        };
        bail!(
            "the recording is of {}, and `{endpoint}` is {}",
            name(recorded.shape),
            name(plan.shape())
        );
    }
    let framing = args
        .frame
        .as_ref()
        .map(|framing| (framing, args.max_frame.0));
    let mut part = Part::of(recorded, args.side, framing);
    for step in &mut part.steps {
        step.at = step.at.div_f64(args.speed);
        step.answered_at = step.answered_at.div_f64(args.speed);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let played = runtime.block_on(async {
        let mut signals = Signals::new()?;
        tokio::select! {
            biased;
            exit = signals.next() => Ok(Err(exit)),
            played = play(&plan, Arc::new(part), args, console) => played.map(Ok),
        }
    });
    runtime.shutdown_background();
    let (came, outcome) = match played {
        Ok(Ok(played)) => played,
        Ok(Err(exit)) => return Ok(exit),
        Err(error) => return Ok(crate::command::talk::explain_error(&error, &plan, console)),
    };
    if matches!(outcome.reason, Reason::Refused | Reason::Unreachable) {
        tell_faults(&outcome, console);
        return Ok(Exit::Network);
    }
    let cut = match framing {
        Some((framing, limit)) if !framing.is_raw() => Cut::Frame(framing, limit),
        _ if ignore.crosses_lines() => Cut::Whole,
        _ => Cut::Lines,
    };
    let expected = recorded.units(args.side.hears(), cut);
    let heard = came.units(Direction::In, cut);
    let differences = compare(&expected, &heard, &ignore, None);
    let found = |item| Found {
        session: recorded.session,
        peer: recorded.peer,
        item,
    };
    let mut all: Vec<Found> = differences
        .into_iter()
        .map(|difference| found(Item::Said(Direction::In, difference)))
        .collect();
    all.extend(ending(recorded, &outcome, args.within).map(found));
    let report = Report {
        expected: name_of(&args.file),
        came: endpoint.to_string(),
        conversations: 1,
        units: expected.len(),
        bytes: recorded.len(args.side.hears()),
        charset: args.text.and_then(|text| text.0).unwrap_or_default(),
        found: all,
    };
    if args.json {
        console.print(&report.json());
    } else {
        console.draw(&report.text(console.style()));
    }
    Ok(if report.is_same() {
        Exit::Done
    } else {
        Exit::Unmet(3)
    })
}

/// Opens the session, and gives what came and how it ended.
async fn play(
    plan: &Arc<Plan>,
    part: Arc<Part>,
    args: &Args,
    console: &Console,
) -> anyhow::Result<(Conversation, Outcome)> {
    let bench = Workbench::start().context("cannot start")?;
    let mut tap = bench.handle().tap(WAITING, Scope::Everything).await;
    let pace = if args.fast {
        Pace::Fast
    } else {
        Pace::Recorded
    };
    let within = args.within.0;
    let make = move |_, now| Player::new(part.clone(), pace, within, now);
    let session = bench.handle().open(plan.clone(), make).await?;
    if !args.quiet {
        for local in session.local() {
            console.announce(&format!("listening on {local}"));
        }
    }
    let mut conversations = Conversations::new(LIMIT);
    let outcome = loop {
        tokio::select! {
            event = tap.next() => {
                if let Some(event) = event {
                    conversations.take(&event)?;
                }
            }
            outcome = session.outcome() => break outcome,
        }
    };
    // Everything is published once the workbench is gone.
    drop(bench);
    while let Some(event) = tap.next().await {
        conversations.take(&event)?;
    }
    let came = conversations.finish().into_iter().find(|it| it.peer > 0);
    Ok((came.context("nobody came")?, outcome))
}

/// The conversation that is meant.
fn choose<'c>(conversations: &'c [Conversation], args: &Args) -> anyhow::Result<&'c Conversation> {
    let is_meant = |it: &&Conversation| {
        args.peer.is_none_or(|peer| it.peer == peer)
            && args.session.is_none_or(|session| it.session == session)
            && it.peer > 0
    };
    let meant: Vec<_> = conversations.iter().filter(is_meant).collect();
    match meant.as_slice() {
        [only] => Ok(only),
        [] if conversations.is_empty() => bail!("{} holds no conversation", name_of(&args.file)),
        [] => bail!(
            "there is no such peer in {}; it holds {}",
            name_of(&args.file),
            list(conversations.iter())
        ),
        several => bail!(
            "{} holds several conversations; choose with `--peer N` and `--session N`: {}",
            name_of(&args.file),
            list(several.iter().copied())
        ),
    }
}

/// The first few, by number.
fn list<'c>(conversations: impl Iterator<Item = &'c Conversation>) -> String {
    const MOST: usize = 8;
    let mut names: Vec<String> = conversations
        .take(MOST + 1)
        .map(|it| format!("session {} peer {} ({})", it.session, it.peer, it.addr))
        .collect();
    if names.len() > MOST {
        names.truncate(MOST);
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// How the end differs, if it does. An end of ours is no answer of the peer's.
fn ending(recorded: &Conversation, outcome: &Outcome, within: TimeSpan) -> Option<Item> {
    if recorded.shape == Shape::Datagram {
        return None;
    }
    let expected = match recorded.ending {
        Some((reason @ (Reason::Fin | Reason::Reset), _)) => Some(reason),
        _ => None,
    };
    let came = match outcome.reason {
        Reason::Timeout => format!("it did not end its side within {within}"),
        Reason::Reset => "reset".to_owned(),
        reason if expected.is_some_and(|expected| expected != reason) => reason.as_str().to_owned(),
        _ => return None,
    };
    let expected = match expected {
        Some(Reason::Reset) if outcome.reason == Reason::Reset => return None,
        Some(Reason::Reset) if outcome.reason == Reason::Local => return None,
        Some(reason) => reason.as_str(),
        None => "open",
    };
    Some(Item::Ended {
        expected: expected.to_owned(),
        came,
    })
}

fn tell_faults(outcome: &Outcome, console: &Console) {
    let faults = outcome.failures.iter();
    for failure in faults.filter(|it| it.kind != FaultKind::Expectation) {
        console.error(&failure.message);
    }
    if outcome.failures.is_empty() {
        let error = anyhow::anyhow!("the conversation ended: {}", outcome.reason.as_str());
        console.error(&sentence(&error));
    }
}

/// A file's name in backticks.
pub(in crate::command) fn name_of(path: &Path) -> String {
    format!("`{}`", VisibleLine(&path.display().to_string()))
}
