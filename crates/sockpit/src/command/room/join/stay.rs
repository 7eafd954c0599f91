//! A stay in a room: links one after the other, fed by stdin, until somebody has had enough.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::chat::ask::{Ask, Request};
use sockpit_core::chat::guest::Guest;
use sockpit_core::event::{Event, What};
use sockpit_core::time::backoff::Backoff;
use sockpit_core::time::{Time, TimeSpan};
use sockpit_engine::bus::{Scope, Tap, TapLimit};
use sockpit_engine::recorder::{Recorder, RecordingForm};
use sockpit_engine::room::Seat;
use sockpit_engine::stdio::Patient;
use sockpit_engine::{Handle, Outcome, Session, Target, Workbench, cause_text};
use tokio::time::Instant;

use super::view::View;
use super::{COMMANDS, LONGEST_LINE, Settings};
use crate::command::rest::write_rest;
use crate::command::talk::{DRAIN_TIME, Feed, Taken};
use crate::console::{ChatLook, Company, Console, Editor, Output, Subscription, Talk};
use crate::exit::{Exit, may_pass, sentence};
use crate::runtime::{at, carry_out};
use crate::signals::Signals;

/// So long a room that takes nothing is waited for with what a pipe has still to say.
const LAST_PATIENCE: Duration = Duration::from_secs(20);

/// Lines of a pipe that wait to be said; more are read when these have left.
const WAITING: usize = 64;

/// In bytes: notes that wait to be learnt from. The room waits beyond it, which is never for long.
const NOTES: TapLimit = TapLimit {
    bytes: 4 * 1024 * 1024,
    patience: None,
};

/// A session that is being opened.
type Opening = Pin<Box<dyn Future<Output = anyhow::Result<Session<Seat>>>>>;

/// Somebody's stay.
struct Stay<'a> {
    settings: &'a Settings,
    handle: &'a Handle,
    console: &'a Console,
    seat: Seat,
    company: Company,
    /// Who is in the rooms, as far as it was told.
    names: BTreeSet<String>,
    feed: Option<Feed>,
    session: Option<Session<Seat>>,
    opening: Option<Opening>,
    /// When it is connected again.
    again: Option<Instant>,
    backoff: Backoff,
    has_been_in: bool,
    /// Whether there was a link on which something could be said.
    has_been_ready: bool,
    /// Whether it was told that the server is no room of ours.
    is_plain: bool,
    /// Whether it was told that the room takes lines slowly.
    is_slowed: bool,
    /// When a pipe is given up that has something left to say.
    until: Option<Instant>,
    /// Whether something went wrong that ends it all.
    failed: Option<Exit>,
}

/// Stays until the end.
pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    carry_out(live(settings, console))
}

async fn live(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let bench = Workbench::start().context("cannot start")?;
    let handle = bench.handle();
    let recorder = match &settings.record {
        Some(path) => Some(Recorder::start(path, RecordingForm::Lines, handle).await?),
        None => None,
    };
    let company = Company::new(COMMANDS);
    let view = View::new(ChatLook::of_stdout(settings.rings), company.clone());
    let subscription = Subscription {
        form: settings.form,
        talk: settings.talk,
        filter: None,
        may_change: false,
        is_shared: false,
    };
    let started = Output::start_drawn(handle, console, &settings.plan, subscription, view);
    let mut output = started.await.context("cannot write to stdout")?;
    let notes = handle.tap(NOTES, Scope::Everything).await;
    let mut stay = Stay {
        settings,
        handle,
        console,
        seat: Seat::new(Guest::new(settings.guest.clone())),
        company,
        names: BTreeSet::new(),
        feed: None,
        session: None,
        opening: None,
        again: None,
        backoff: Backoff::default(),
        has_been_in: false,
        has_been_ready: false,
        is_plain: false,
        is_slowed: false,
        until: None,
        failed: None,
    };
    let held = stay.hold(notes, &mut signals, &mut output).await;
    let Stay { feed, session, .. } = stay;
    drop(session);
    // What is subscribed ends with the workbench; only then everything has been published.
    drop(bench);
    let written = write_rest(recorder, Some(output), console);
    let over = at(signals.since().map(|since| since + DRAIN_TIME));
    let result = tokio::select! {
        result = written => result.and(held),
        () = over => held,
    };
    // The line that is typed stays below what is still to be shown.
    drop(feed);
    result
}

impl Stay<'_> {
    async fn hold(
        &mut self,
        mut notes: Tap,
        signals: &mut Signals,
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        self.opening = Some(self.open());
        loop {
            self.ask();
            if let Some(exit) = self.failed {
                return Ok(exit);
            }
            let is_fed = self.settings.is_typed() || self.seat.guest().unsaid() < WAITING;
            tokio::select! {
                biased;
                exit = signals.next() => return Ok(self.stop(signals, exit).await),
                () = output.closed() => return Ok(self.stop(signals, Exit::Done).await),
                event = notes.next() => if let Some(event) = event {
                    self.learn(&event)?;
                },
                opened = opened(&mut self.opening) => {
                    self.opening = None;
                    if let Some(exit) = self.begin(opened)? {
                        return Ok(exit);
                    }
                }
                outcome = outcome(self.session.as_ref()) => {
                    if let Some(exit) = self.conclude(&outcome) {
                        return Ok(exit);
                    }
                }
                () = at(self.again) => {
                    self.again = None;
                    self.opening = Some(self.open());
                }
                () = at(self.until) => return Ok(self.give_up()),
                taken = Feed::taken(self.feed.as_mut()), if is_fed => {
                    if let Some(exit) = self.take(taken).await {
                        return Ok(exit);
                    }
                }
            }
        }
    }

    fn open(&self) -> Opening {
        let (handle, plan) = (self.handle.clone(), self.settings.plan.clone());
        let seat = self.seat.clone();
        Box::pin(async move {
            let make = move |_, now: Time| {
                seat.guest().begin(now);
                seat.clone()
            };
            Ok(handle.open(plan, make).await?)
        })
    }

    /// Takes what became of an attempt to connect; an exit where it was the last.
    fn begin(&mut self, opened: anyhow::Result<Session<Seat>>) -> anyhow::Result<Option<Exit>> {
        match opened {
            Ok(session) => {
                self.session = Some(session);
                if self.has_been_in {
                    self.tell("connected again");
                }
                self.has_been_in = true;
                Ok(None)
            }
            Err(error) if self.has_been_in && may_pass(&error) => {
                self.later(&sentence(&error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn begin_to_read(&mut self) -> anyhow::Result<()> {
        if self.feed.is_some() || self.seat.guest().is_leaving() {
            return Ok(());
        }
        let feed = match self.settings.edits_lines {
            true => {
                let aid = Arc::new(self.company.clone());
                let editor = Editor::aided(aid, &self.prompt(), "room-history");
                Feed::edited(editor.context("cannot use the terminal")?)
            }
            false => {
                let stdin = Patient::stdin().map_err(|error| {
                    anyhow::anyhow!("cannot read stdin: {}", cause_text(&error))
                })?;
                Feed::of_lines(stdin, LONGEST_LINE)
            }
        };
        self.feed = Some(feed);
        Ok(())
    }

    /// Takes the end of a link; an exit where no other follows.
    fn conclude(&mut self, outcome: &Outcome) -> Option<Exit> {
        self.session = None;
        self.company.be_away(true);
        let (is_leaving, unsaid) = {
            let mut guest = self.seat.guest();
            guest.part();
            (guest.is_leaving(), guest.unsaid())
        };
        match (is_leaving, unsaid) {
            (true, 0) => Some(self.failed.unwrap_or(Exit::Done)),
            // A server that ends what it has not begun does so again.
            _ if !self.has_been_ready => {
                let reason = outcome.reason.as_str();
                self.console
                    .error(&format!("the connection has ended ({reason})"));
                Some(self.failed.unwrap_or(Exit::Network))
            }
            _ => {
                let reason = outcome.reason.as_str();
                self.later(&format!("the connection has ended ({reason})"));
                None
            }
        }
    }

    /// Connects again after a while, and says so.
    fn later(&mut self, why: &str) {
        let pause = self.backoff.next_pause();
        self.console.error(why);
        self.tell(&format!("connecting again in {}", TimeSpan(pause)));
        self.again = Some(Instant::now() + pause);
    }

    /// Learns from what a room says.
    fn learn(&mut self, event: &Event) -> anyhow::Result<()> {
        let What::Note { kind, data, .. } = &event.what else {
            return Ok(());
        };
        let field = |name: &str| data[name].as_str().unwrap_or_default();
        let members = data["members"].as_array().map_or(&[][..], Vec::as_slice);
        let members = members.iter().filter_map(|name| name.as_str());
        match kind.as_str() {
            "room.place" => {
                if data["is_plain"] == true && !std::mem::replace(&mut self.is_plain, true) {
                    self.tell("this is no room of Sockpit: lines go to and fro as they are");
                }
                let rooms = self.seat.guest().rooms().to_vec();
                self.company.visit(rooms);
                if data["is_ready"] == true {
                    self.has_been_ready = true;
                    self.backoff.reset();
                    self.company.be_away(false);
                    // Before that there is no place to talk in, and no prompt that names it.
                    self.begin_to_read()?;
                }
                return Ok(());
            }
            "room.fate" if self.until.is_some() => {
                // A room that takes lines slowly is not one that is not there.
                self.until = Some(Instant::now() + LAST_PATIENCE);
                return Ok(());
            }
            "room.slowed" => {
                if !std::mem::replace(&mut self.is_slowed, true) {
                    self.tell(
                        "the room takes lines more slowly than you say them; the rest follows",
                    );
                }
                return Ok(());
            }
            "room.error" | "room.lost" => {
                self.console.error(field("text"));
                if matches!(field("code"), "kicked" | "banned" | "bad-nick") {
                    self.failed_by_room(field("code"));
                }
                return Ok(());
            }
            "room.entered" | "room.members" => {
                self.names.extend(members.map(str::to_owned));
            }
            "room.joined" | "room.text" | "room.me" | "room.direct" => {
                if !self.names.insert(field("from").to_owned()) {
                    return Ok(());
                }
            }
            "room.renamed" => {
                self.names.remove(field("from"));
                self.names.insert(field("text").to_owned());
            }
            "room.left" => {
                self.names.remove(field("from"));
            }
            _ => return Ok(()),
        }
        self.company.meet(self.names.iter().cloned());
        Ok(())
    }

    /// Takes that the room does not want us.
    fn failed_by_room(&mut self, code: &str) {
        let is_ready = self.seat.guest().is_ready();
        if code != "bad-nick" || !is_ready {
            self.failed = Some(Exit::Network);
        }
    }

    /// Deals with what was typed or piped; an exit where that is the end.
    async fn take(&mut self, taken: Taken) -> Option<Exit> {
        match taken {
            Taken::Piece(line) if self.settings.is_typed() => {
                let line = String::from_utf8_lossy(&line).into_owned();
                if let Err(message) = self.obey(&line).await {
                    self.console.error(&message);
                }
            }
            Taken::Piece(line) | Taken::Pasted(line) => {
                let text = String::from_utf8_lossy(&line).into_owned();
                if !text.trim().is_empty() {
                    self.ask_room(Ask::Text { room: None, text }).await;
                }
            }
            Taken::End if self.settings.stays && !self.settings.is_typed() => self.feed = None,
            Taken::End => self.leave().await,
            Taken::TooLong => {
                self.console.error(&format!(
                    "stdin has a line of more than {LONGEST_LINE} bytes"
                ));
                self.failed = Some(Exit::Usage);
            }
            Taken::Failed(error) => {
                self.console
                    .error(&format!("cannot read stdin: {}", cause_text(&error)));
                self.failed = Some(Exit::Usage);
            }
        }
        match (&self.session, self.seat.guest().is_leaving()) {
            // Nobody is there to say goodbye to.
            (None, true) if self.settings.is_typed() => Some(Exit::Done),
            _ => None,
        }
    }

    /// Carries out a line that was typed.
    async fn obey(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let is_command = line.starts_with('/') && !line.starts_with("//");
        match word {
            "/help" => self.company.help(self.console),
            "/room" => {
                let turned = self.seat.guest().turn(rest.trim());
                turned.map_err(|error| error.to_string())?;
                self.nudge().await;
            }
            "/quit" => self.leave().await,
            _ if is_command && !self.company.knows(word) => {
                let word = sockpit_core::text::escape::VisibleLine(word);
                return Err(format!(
                    "no command `{word}`; `/help` lists them, and `//` sends a line that begins \
                     with `/`"
                ));
            }
            _ => {
                if let Some(request) = Request::of_line(line) {
                    self.ask_room(request.ask).await;
                }
            }
        }
        Ok(())
    }

    async fn ask_room(&mut self, ask: Ask) {
        let asked = self.seat.guest().ask(ask);
        match asked {
            Ok(()) => self.nudge().await,
            Err(error) => self.console.error(&error.to_string()),
        }
    }

    /// Leaves, once everything is said.
    async fn leave(&mut self) {
        self.feed = match self.settings.is_typed() {
            true => self.feed.take(),
            false => None,
        };
        if self.settings.is_typed() && self.session.is_none() {
            self.seat.guest().give_up();
        }
        if !self.settings.is_typed() {
            self.until = Some(Instant::now() + LAST_PATIENCE);
        }
        self.seat.guest().finish();
        self.nudge().await;
    }

    /// Lets the driver carry out what the guest wants.
    async fn nudge(&self) {
        if let Some(session) = &self.session {
            let nudge = |seat: &mut Seat, now: Time| seat.guest().go_on(now);
            session.change(Target::First, 0, nudge).await;
        }
    }

    /// Ends what nobody takes.
    fn give_up(&mut self) -> Exit {
        let count = self.seat.guest().give_up();
        match count {
            0 => return Exit::Done,
            1 => self.console.error("1 line was not delivered"),
            count => self
                .console
                .error(&format!("{count} lines were not delivered")),
        }
        Exit::Network
    }

    /// Ends in order because of a signal, or because nobody reads what is said.
    async fn stop(&mut self, signals: &mut Signals, exit: Exit) -> Exit {
        if let Some(feed) = &mut self.feed {
            feed.close();
        }
        let Some(session) = self.session.take() else {
            return exit;
        };
        session.close();
        tokio::select! {
            _ = session.outcome() => {}
            _ = signals.next() => {}
            () = tokio::time::sleep(DRAIN_TIME) => {}
        }
        exit
    }

    /// What stands before the line that is typed.
    fn prompt(&self) -> String {
        let guest = self.seat.guest();
        self.company
            .prompt(guest.current(), guest.rooms().len() > 1)
    }

    fn ask(&self) {
        if let Some(feed) = &self.feed {
            feed.ask(|| self.prompt());
        }
    }

    /// Tells something that is no error.
    fn tell(&self, text: &str) {
        if self.settings.talk != Talk::Errors {
            self.console.say(text);
        }
    }
}

async fn opened(opening: &mut Option<Opening>) -> anyhow::Result<Session<Seat>> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

async fn outcome(session: Option<&Session<Seat>>) -> Outcome {
    match session {
        Some(session) => session.outcome().await,
        None => std::future::pending().await,
    }
}
