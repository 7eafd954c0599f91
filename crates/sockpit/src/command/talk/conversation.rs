//! A conversation: sessions one after the other, fed by stdin, until it is over.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::event::FaultKind;
use sockpit_core::machine::Reason;
use sockpit_core::plan::Role;
use sockpit_core::session::{Input, Message, Session as Machine};
use sockpit_core::time::TimeSpan;
use sockpit_core::time::backoff::Backoff;
use sockpit_engine::recorder::Recorder;
use sockpit_engine::stdio::Patient;
use sockpit_engine::{Handle, Outcome, Session, Stdio, Target, cause_text};
use tokio::time::Instant;

use super::beats::Beats;
use super::input::{Feed, Taken};
use super::manner::Manner;
use super::queue::{Outgoing, Progress, Queue};
use super::run::DRAIN_TIME;
use super::settings::{Settings, Stdin};
use crate::console::{Beside, Console, Form, Lens, Output, Remote, Talk};
use crate::exit::{Exit, may_pass, sentence};
use crate::runtime::at;
use crate::signals::Signals;

/// A conversation, as far as it outlives one session.
pub(super) struct Conversation<'a> {
    pub(super) settings: &'a Settings,
    pub(super) handle: &'a Handle,
    pub(super) console: &'a Console,
    pub(super) remote: Remote,
    pub(super) watchers: Watchers,
    pub(super) manner: Manner,
    pub(super) beats: Beats,
    /// What is to be sent, in order, as the peer takes it.
    pub(super) queue: Queue,
    feed: Option<Feed>,
    /// Stdin until it is read, where no lines are edited.
    stdin: Option<Patient>,
    has_begun_to_read: bool,
    /// Whether stdin gave anything.
    has_given: bool,
    /// Whether something of it was lost on the way.
    has_lost: bool,
    /// Whether there was a session.
    has_been_open: bool,
    backoff: Backoff,
}

/// Those who watch everything, for as long as the user wants.
#[derive(Default)]
pub(super) struct Watchers {
    pub(super) recorder: Option<Recorder>,
    pub(super) lens: Option<Beside>,
    /// What it draws with, whenever it draws.
    pub(super) cuts: Lens,
    /// The packets or their ladder, where those are not on the timeline.
    pub(super) wire: Option<Beside>,
}

/// What something that was typed or piped comes to.
pub(super) enum Given {
    /// Go on.
    More,
    /// Stdin is over.
    End,
    /// The user wants to leave.
    Quit,
    /// The user wants the connection closed, and to stay.
    Close,
    /// The user wants a new connection.
    Again,
    /// It cannot be sent, for this reason.
    Wrong(String),
}

/// How a session ended.
struct Ended {
    exit: Exit,
    /// What comes after it.
    then: Then,
}

/// What comes after a session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Nothing.
    Leave,
    /// A new connection, at once.
    Again,
    /// A new connection, when the user says so.
    WhenAsked,
    /// A new connection, after a while, if one was asked for in that case.
    Later,
}

/// Something to be dealt with.
enum Next {
    Taken(Taken),
    /// A text whose time has come.
    Beat(String),
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        handle: &'a Handle,
        console: &'a Console,
        remote: Remote,
        watchers: Watchers,
    ) -> Self {
        Self {
            settings,
            handle,
            console,
            remote,
            watchers,
            manner: Manner::of(settings),
            beats: Beats::default(),
            queue: Queue::default(),
            feed: None,
            stdin: None,
            has_begun_to_read: false,
            has_given: false,
            has_lost: false,
            has_been_open: false,
            backoff: Backoff::default(),
        }
    }

    /// Holds it, to its end.
    ///
    /// # Errors
    ///
    /// Returns why a session could not be opened.
    pub(super) async fn hold(
        &mut self,
        signals: &mut Signals,
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        // Before a session is open, whose peers may take every descriptor that is left.
        if self.reads_stdin() && !self.settings.edits_lines {
            let stdin = Patient::stdin()
                .map_err(|error| anyhow::anyhow!("cannot read stdin: {}", cause_text(&error)))?;
            self.stdin = Some(stdin);
        }
        loop {
            let opened = tokio::select! {
                opened = self.open() => opened,
                exit = signals.next() => return Ok(exit),
            };
            let ended = match opened {
                Ok(session) => {
                    for local in session.local() {
                        self.console.announce(&format!("listening on {local}"));
                    }
                    self.has_been_open = true;
                    let opened_at = Instant::now();
                    let ended = self.drive(&session, signals, output).await?;
                    self.backoff.take_held(opened_at.elapsed());
                    ended
                }
                Err(error) if self.settings.reconnect && may_pass(&error) => {
                    self.console.error(&sentence(&error));
                    Ended {
                        exit: Exit::Network,
                        then: Then::Later,
                    }
                }
                // A server that is away for a moment does not take the keyboard away.
                Err(error) if self.is_typed() && self.has_been_open && may_pass(&error) => {
                    self.console.error(&sentence(&error));
                    Ended {
                        exit: Exit::Network,
                        then: Then::WhenAsked,
                    }
                }
                Err(error) => return Err(error),
            };
            let pause = match ended.then {
                Then::Again => continue,
                Then::Later if self.settings.reconnect => {
                    let pause = self.backoff.next_pause();
                    self.tell(&format!("connecting again in {}", TimeSpan(pause)));
                    Some(pause)
                }
                Then::WhenAsked => {
                    self.tell("not connected; `/reconnect` connects again, `/quit` leaves");
                    None
                }
                Then::Leave | Then::Later => return Ok(ended.exit),
            };
            if let Some(exit) = self.wait(pause, signals, output).await? {
                return Ok(exit);
            }
        }
    }

    /// Takes nothing more; gives those who have something left to write, and stdin, which gives the
    /// terminal back when it is dropped.
    pub(super) fn end(mut self) -> (Watchers, Option<Feed>) {
        if let Some(feed) = &mut self.feed {
            feed.close();
        }
        (self.watchers, self.feed)
    }

    /// Waits, with no session, until one is wanted again; an exit where none is.
    async fn wait(
        &mut self,
        pause: Option<Duration>,
        signals: &mut Signals,
        output: &mut Output,
    ) -> anyhow::Result<Option<Exit>> {
        self.begin_to_read()?;
        let over = pause.map(|pause| Instant::now() + pause);
        loop {
            self.ask();
            let is_typed = self.is_typed();
            // What is piped waits for the next connection.
            let feed = self.feed.as_mut().filter(|_| is_typed);
            let taken = tokio::select! {
                biased;
                exit = signals.next() => return Ok(Some(exit)),
                () = output.closed() => return Ok(Some(Exit::Done)),
                () = at(over) => return Ok(None),
                taken = Feed::taken(feed) => taken,
            };
            match taken {
                Taken::Piece(line) if is_command(&line) => {
                    match self.obey(&String::from_utf8_lossy(&line), None).await {
                        Given::Again => return Ok(None),
                        Given::Quit => return Ok(Some(Exit::Done)),
                        // Whoever waits for a connection need not wait any more.
                        Given::Close if over.is_some() => return Ok(Some(Exit::Done)),
                        _ => {}
                    }
                }
                Taken::Piece(_) | Taken::Pasted(_) | Taken::TooLong => {
                    self.console
                        .say("not connected, and nothing is sent; `/reconnect` connects now");
                }
                Taken::End | Taken::Failed(_) => return Ok(Some(Exit::Done)),
            }
        }
    }

    async fn open(&self) -> anyhow::Result<Session<Machine>> {
        let settings = self.settings;
        let plan = self.manner.plan.clone();
        if settings.passes_through {
            let input = match settings.stdin {
                Stdin::Bytes => Some(io::stdin().as_fd().try_clone_to_owned()?),
                _ => None,
            };
            let output = match settings.form {
                Form::Raw => Some(io::stdout().as_fd().try_clone_to_owned()?),
                _ => None,
            };
            return Ok(self.handle.pipe(plan, Stdio { input, output }).await?);
        }
        let is_over = self.has_begun_to_read && self.feed.is_none() && self.queue.is_empty();
        let input = match (settings.stdin, plan.role) {
            // Who wants to stay connected does not end its side by having nothing to say. A script
            // that ends with an expectation has an end of its own.
            (Stdin::Unused, Role::Client)
                if settings.reconnect && !plan.script.ends_expecting() =>
            {
                Input::Open
            }
            (Stdin::Unused, _) | (Stdin::Typed, Role::Server) => Input::Closed,
            _ if is_over => Input::Closed,
            _ => Input::Open,
        };
        let program = settings.program.clone();
        Ok(self.handle.talk(plan, input, program).await?)
    }

    /// Whether stdin is read here: it may mean nothing, or be the engine's.
    fn reads_stdin(&self) -> bool {
        self.settings.stdin != Stdin::Unused && !self.settings.passes_through
    }

    fn begin_to_read(&mut self) -> anyhow::Result<()> {
        if self.reads_stdin() && !self.has_begun_to_read {
            let feed = Feed::start(self.settings, &self.prompt(), self.stdin.take());
            self.feed = Some(feed.context("cannot use the terminal")?);
            self.has_begun_to_read = true;
        }
        Ok(())
    }

    /// Feeds the session and waits for its end.
    async fn drive(
        &mut self,
        session: &Session<Machine>,
        signals: &mut Signals,
        output: &mut Output,
    ) -> anyhow::Result<Ended> {
        self.begin_to_read()?;
        let mut failed = None;
        let mut is_lost = false;
        let mut then = Then::Later;
        loop {
            self.ask();
            let is_typed = self.is_typed();
            let is_waiting = !self.queue.is_empty();
            let queue = &mut self.queue;
            let next = next(&mut self.feed, &mut self.beats, is_waiting);
            let given = tokio::select! {
                biased;
                exit = signals.next() => return Ok(stop(session, signals, exit).await),
                outcome = session.outcome() => {
                    return Ok(self.conclude(&outcome, failed, then));
                }
                () = output.closed() => return Ok(leave(session, signals).await),
                // Once the session is over, only its outcome is waited for.
                progress = queue.advance(session), if is_waiting && !is_lost && failed.is_none() => {
                    is_lost = matches!(progress, Progress::Lost);
                    self.tell_progress(progress);
                    Given::More
                }
                // A pipe waits until its last piece is taken; somebody at a keyboard may want to
                // do something about a peer that takes nothing.
                next = next, if is_typed || !is_waiting => self.take(next, session).await,
            };
            match given {
                Given::More => continue,
                Given::End => self.feed = None,
                Given::Quit => then = Then::Leave,
                Given::Close => then = Then::WhenAsked,
                Given::Again => then = Then::Again,
                Given::Wrong(message) => {
                    self.console.error(&message);
                    failed = Some(Exit::Usage);
                    self.feed = None;
                }
            }
            if then != Then::Later || failed.is_some() {
                session.close();
            }
        }
    }

    /// Deals with what was typed or piped, or with a text whose time has come.
    async fn take(&mut self, next: Next, session: &Session<Machine>) -> Given {
        let message = match next {
            Next::Beat(text) => self.manner.typed(&text),
            Next::Taken(Taken::Pasted(line)) => self.manner.message(line),
            Next::Taken(Taken::Piece(line)) if self.is_typed() && is_command(&line) => {
                return self
                    .obey(&String::from_utf8_lossy(&line), Some(session))
                    .await;
            }
            Next::Taken(Taken::Piece(line)) if self.is_typed() && line.starts_with(b"//") => {
                self.manner.message(line.slice(1..))
            }
            Next::Taken(Taken::Piece(piece)) => {
                self.has_given = true;
                self.manner.message(piece)
            }
            Next::Taken(Taken::TooLong) => {
                return Given::Wrong(format!(
                    "stdin has a line of more than {} bytes; `--max-frame` allows longer ones",
                    self.manner.plan.max_frame
                ));
            }
            Next::Taken(Taken::Failed(error)) => {
                return Given::Wrong(format!("cannot read stdin: {}", cause_text(&error)));
            }
            Next::Taken(Taken::End) => {
                // An empty stdin does not end what is to stay connected.
                if self.has_given || !self.settings.reconnect {
                    self.enqueue(Outgoing::End);
                }
                return Given::End;
            }
        };
        self.send(message)
    }

    /// Sends a message to whom stdin is for, or says why there is none.
    pub(super) fn send(&mut self, message: Result<Message, String>) -> Given {
        match message {
            Ok(message) => {
                self.enqueue(Outgoing::Message(message));
                Given::More
            }
            // A slip of the fingers must not end the conversation.
            Err(message) if self.is_typed() => {
                self.console.error(&message);
                Given::More
            }
            Err(message) => Given::Wrong(message),
        }
    }

    /// Lets something wait for its turn, or says that too much does.
    pub(super) fn enqueue(&mut self, outgoing: Outgoing) {
        if !self.queue.push(self.target(), outgoing) {
            self.console
                .error("the peer takes nothing, and too much waits to be sent; `/stop` drops it");
        }
    }

    fn tell_progress(&mut self, progress: Progress) {
        match progress {
            Progress::Taken => {}
            Progress::Lost => {
                // What follows it waits for the next connection, if there is one.
                self.has_lost = true;
            }
            Progress::File(text) => self.tell(&text),
            Progress::Failed(message) => self.console.error(&message),
        }
    }

    fn is_typed(&self) -> bool {
        self.settings.stdin == Stdin::Typed
    }

    /// Whom stdin is for: typed lines go where the user wants them, a pipe has one reader.
    pub(super) fn target(&self) -> Target {
        match self.settings.stdin {
            Stdin::Typed => self.console.target(),
            _ => Target::First,
        }
    }

    /// What stands before the line that is typed: whom it is for.
    fn prompt(&self) -> String {
        match (self.settings.plan.role, self.console.target()) {
            (Role::Client, _) | (_, Target::Latest | Target::First) => "> ".to_owned(),
            (_, Target::Peer(peer)) => format!("{peer}> "),
            (_, Target::All) => "all> ".to_owned(),
        }
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

    /// Says which of the user's times has passed, and what the end comes to.
    fn conclude(&mut self, outcome: &Outcome, failed: Option<Exit>, then: Then) -> Ended {
        let settings = self.settings;
        let exit = failed.unwrap_or_else(|| Exit::of(outcome, &settings.plan));
        let (idle, linger) = (settings.plan.idle, settings.plan.linger);
        match (exit, outcome.reason, idle, linger) {
            (Exit::TimedOut, Reason::Idle, Some(idle), _) => {
                let silence = TimeSpan(idle);
                self.console
                    .error(&format!("the peer was silent for {silence}"));
            }
            (Exit::TimedOut, Reason::Timeout, _, Some(linger)) => {
                self.console.error(&format!(
                    "the peer had not ended its side {} after ours",
                    TimeSpan(linger)
                ));
            }
            _ => {}
        }
        let is_done = failed.is_some()
            || matches!(exit, Exit::Unmet(_) | Exit::Usage)
            || matches!(outcome.reason, Reason::Limit | Reason::Timeout)
            // Who has said everything, and heard the answer, is done.
            || (self.has_given && self.feed.is_none() && self.queue.is_empty())
            || (then == Then::Later && outcome.reason == Reason::Local);
        let then = if is_done { Then::Leave } else { then };
        let is_cut_short = !self.queue.is_empty() && outcome.reason != Reason::Local;
        if self.has_lost || is_cut_short || outcome.has(FaultKind::Unsent) {
            self.has_lost = !self.is_typed();
            if exit == Exit::Done && outcome.reason != Reason::Local {
                self.console
                    .error("the peer ended before everything was sent");
                return Ended {
                    exit: Exit::Network,
                    then,
                };
            }
        }
        Ended { exit, then }
    }
}

/// What is to be dealt with next. Cancel-safe. While something waits to be sent, no rhythm adds to it.
async fn next(feed: &mut Option<Feed>, beats: &mut Beats, is_waiting: bool) -> Next {
    tokio::select! {
        taken = Feed::taken(feed.as_mut()) => Next::Taken(taken),
        text = beats.due(), if !is_waiting => Next::Beat(text),
    }
}

/// Whether a typed line is a command: `//` sends what follows the first slash.
fn is_command(line: &[u8]) -> bool {
    line.starts_with(b"/") && !line.starts_with(b"//")
}

/// Ends the session because nobody reads what it receives; that is no failure.
async fn leave(session: &Session<Machine>, signals: &mut Signals) -> Ended {
    session.close();
    let exit = tokio::select! {
        _ = session.outcome() => Exit::Done,
        exit = signals.next() => exit,
    };
    let then = Then::Leave;
    Ended { exit, then }
}

/// Ends the session in order; another signal ends it at once.
async fn stop(session: &Session<Machine>, signals: &mut Signals, exit: Exit) -> Ended {
    session.close();
    tokio::select! {
        _ = session.outcome() => {}
        _ = signals.next() => {}
        () = tokio::time::sleep(DRAIN_TIME) => {}
    }
    let then = Then::Leave;
    Ended { exit, then }
}
