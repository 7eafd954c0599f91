//! The rooms at work: opened, shown, told what the operator says, and closed in order.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use anyhow::Context as _;
use sockpit_engine::bus::Scope;
use sockpit_engine::recorder::{Recorder, RecordingForm};
use sockpit_engine::room::{Opening, Room};
use sockpit_engine::stdio::Patient;
use sockpit_engine::{Workbench, cause_text};

use super::log::Log;
use super::operator::{COMMANDS, Operator, REFRESH, Then};
use super::serve::Settings;
use crate::command::rest::write_rest;
use crate::command::talk::{DRAIN_TIME, Feed, Taken};
use crate::console::{Company, Console, Editor, Output, Subscription, Talk};
use crate::exit::Exit;
use crate::runtime::carry_out;
use crate::signals::Signals;

/// In bytes: the longest line that stdin may have.
const MAX_LINE: usize = 64 * 1024;

/// Where the operator's lines are remembered.
const HISTORY: &str = "room-history";

/// Runs the rooms to their end.
pub(super) fn run(settings: Settings, console: &Console) -> anyhow::Result<Exit> {
    carry_out(live(settings, console))
}

async fn live(settings: Settings, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let bench = Workbench::start().context("cannot start")?;
    let handle = bench.handle();
    let recorder = match &settings.record {
        Some(path) => {
            let form = RecordingForm::Lines;
            Some(Recorder::start_within(path, form, Scope::Life, handle).await?)
        }
        None => None,
    };
    let subscription = Subscription {
        form: settings.form,
        talk: settings.talk,
        filter: None,
        may_change: false,
        is_shared: false,
    };
    let log = Log::new(settings.talk == Talk::Peers);
    let plan = settings.plans[0].clone();
    let mut output =
        Output::start_drawn_within(handle, console, &plan, subscription, Scope::Life, log)
            .await
            .context("cannot write to stdout")?;
    let is_web = settings.is_web;
    let web = sockpit_web::room::Settings {
        max_line: settings.visitors.max_line,
        hosts: settings.hosts,
    };
    let opening = Opening {
        hub: settings.hub,
        visitors: settings.visitors,
        web: is_web.then(|| sockpit_web::room::web(web)),
        post: settings.backlog,
        patience: settings.patience.0,
        #[cfg(feature = "nats")]
        cluster: settings.cluster,
    };
    // Before a peer comes, who may take every descriptor that is left.
    let stdin = Patient::stdin();
    let room = handle.open_room(settings.plans, opening).await?;
    announce(&room, is_web, console);
    let company = Company::new(COMMANDS);
    let mut feed = match begin_to_read(&company, stdin) {
        Ok(feed) => Some(feed),
        Err(error) => {
            console.error(&format!("cannot read stdin: {}", cause_text(&error)));
            None
        }
    };
    let operator = Operator {
        room: &room,
        console,
        company,
    };
    let exit = attend(&operator, &mut feed, &mut signals, &mut output).await;
    let ended = async {
        room.close().await;
        room.outcome().await;
    };
    tokio::select! {
        () = ended => {}
        _ = signals.next() => {}
        () = tokio::time::sleep(DRAIN_TIME) => {}
    }
    // The line that is typed stays below what is still to be shown.
    if let Some(feed) = &mut feed {
        feed.close();
    }
    drop(room);
    // What is subscribed ends with the workbench; only then everything has been published.
    drop(bench);
    let written = write_rest(recorder, Some(output), console);
    // Who reads stdout, or a disk, may never take the rest.
    tokio::select! {
        result = written => result.map(|()| exit),
        exit = signals.next() => Ok(exit),
        () = tokio::time::sleep(DRAIN_TIME), if signals.since().is_some() => Ok(exit),
    }
}

/// Says where the rooms are.
fn announce(room: &Room, is_web: bool, console: &Console) {
    let mut pages: Vec<String> = Vec::new();
    for local in room.local() {
        console.announce(&format!("listening on {local}"));
        if let Some(addr) = local.strip_prefix("tcp://").filter(|_| is_web) {
            let page = page_at(addr);
            if !pages.contains(&page) {
                console.announce(&format!("in a browser: {page}"));
                pages.push(page);
            }
        }
    }
}

/// Where a browser finds the page of who listens on `addr`: no address means all of them, this
/// machine's own among them.
fn page_at(addr: &str) -> String {
    match addr.parse::<SocketAddr>() {
        Ok(addr) if addr.ip().is_unspecified() => format!("http://localhost:{}/", addr.port()),
        _ => format!("http://{addr}/"),
    }
}

fn begin_to_read(company: &Company, stdin: io::Result<Patient>) -> io::Result<Feed> {
    if Settings::is_typed() && Editor::is_possible() {
        let aid = std::sync::Arc::new(company.clone());
        let editor = Editor::aided(aid, &company.prompt("all", false), HISTORY)?;
        return Ok(Feed::Edited(editor, VecDeque::new()));
    }
    Ok(Feed::of_lines(stdin?, MAX_LINE))
}

/// Does what the operator wants, until somebody wants the end.
async fn attend(
    operator: &Operator<'_>,
    feed: &mut Option<Feed>,
    signals: &mut Signals,
    output: &mut Output,
) -> Exit {
    let is_typed = Settings::is_typed();
    let mut refresh = tokio::time::interval(REFRESH);
    refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        if let Some(feed) = feed {
            feed.ask(|| operator.company.prompt("all", false));
        }
        let is_edited = matches!(feed, Some(Feed::Edited(..)));
        let taken = tokio::select! {
            biased;
            exit = signals.next() => return exit,
            outcome = operator.room.outcome() => {
                // It ends by itself only where something in it failed.
                drop(outcome);
                return Exit::Network;
            }
            () = output.closed() => return Exit::Done,
            _ = refresh.tick(), if is_edited => {
                operator.refresh().await;
                continue;
            }
            taken = Feed::taken(feed.as_mut()) => taken,
        };
        match taken {
            Taken::Piece(line) if is_typed => {
                let line = String::from_utf8_lossy(&line);
                if operator.obey(&line).await == Then::Leave {
                    return Exit::Done;
                }
            }
            Taken::Piece(line) | Taken::Pasted(line) => {
                operator.tell_all(&String::from_utf8_lossy(&line)).await;
            }
            Taken::TooLong => {
                operator.console.error(&format!(
                    "stdin has a line of more than {MAX_LINE} bytes; it is not read on"
                ));
                *feed = None;
            }
            Taken::Failed(error) => {
                operator
                    .console
                    .error(&format!("cannot read stdin: {}", cause_text(&error)));
                *feed = None;
            }
            Taken::End => *feed = None,
        }
    }
}
