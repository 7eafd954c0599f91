//! The conversation itself: open the session, feed it stdin, wait for its end or a signal.

use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Plan, Role};
use sockpit_core::session::{Input, Session as Machine};
use sockpit_core::time::TimeSpan;
use sockpit_engine::recorder::Recorder;
use sockpit_engine::{Handle, Outcome, Session, Stdio, Workbench};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::input;
use super::settings::{Settings, Stdin};
use crate::console::{Console, Form, Output};
use crate::exit::{Exit, hint, sentence};

/// Once a signal has come, peers have five seconds to take what is queued (rule B7), which the engine
/// keeps to. It takes a moment longer to tell what they did not take; this bounds it all where nobody
/// reads stdout.
const DRAIN_TIME: Duration = Duration::from_millis(5500);

/// Runs the conversation to its end.
pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(live(settings, console));
    // A thread that still reads a terminal must not keep the process.
    runtime.shutdown_background();
    result
}

async fn live(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let bench = Workbench::start().context("cannot start")?;
    let (exit, output, recorder) =
        converse(settings, bench.handle(), &mut signals, console).await?;
    // What is subscribed ends with the workbench; only then everything has been published.
    drop(bench);
    let written = async {
        if let Some(recorder) = recorder {
            recorder.finish().await;
        }
        output.finish().await.context("cannot write to stdout")
    };
    // Who reads stdout, or a disk, may never take the rest; a signal ends the wait for it.
    let patience = signals
        .since
        .map(|since| tokio::time::sleep_until(since + DRAIN_TIME));
    let over = async {
        match patience {
            Some(patience) => patience.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = written => result.map(|()| exit),
        exit = signals.next() => Ok(exit),
        () = over => Ok(exit),
    }
}

/// Says why a session could not be opened, and what would help.
pub(super) fn explain_error(error: &anyhow::Error, plan: &Plan, console: &Console) -> Exit {
    console.error(&sentence(error));
    if let Some(hint) = hint(error, plan) {
        console.hint(&hint);
    }
    let engine = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<sockpit_engine::Error>());
    engine.map_or(Exit::Usage, Exit::of_error)
}

async fn converse(
    settings: &Settings,
    handle: &Handle,
    signals: &mut Signals,
    console: &Console,
) -> anyhow::Result<(Exit, Output, Option<Recorder>)> {
    let recorder = match &settings.record {
        Some(path) => Some(Recorder::start(path, handle).await?),
        None => None,
    };
    let passes = settings.can_pass_through() && !settings.stdout_is_terminal;
    let form = if passes { Form::None } else { settings.form };
    let mut output = Output::start(handle, console, form, settings.talk, &settings.plan).await?;
    let opening = open(settings, handle, passes);
    let mut session = tokio::select! {
        opened = opening => opened?,
        exit = signals.next() => return Ok((exit, output, recorder)),
    };
    for local in session.local() {
        console.announce(&format!("listening on {local}"));
    }
    let session = &mut session;
    let exit = drive(settings, session, &mut output, signals, console).await;
    Ok((exit, output, recorder))
}

async fn open(
    settings: &Settings,
    handle: &Handle,
    passes: bool,
) -> anyhow::Result<Session<Machine>> {
    let plan = settings.plan.clone();
    if passes {
        let input = match settings.stdin {
            Stdin::Bytes => Some(std::io::stdin().as_fd().try_clone_to_owned()?),
            _ => None,
        };
        let output = match settings.form {
            Form::Raw => Some(std::io::stdout().as_fd().try_clone_to_owned()?),
            _ => None,
        };
        return Ok(handle.pipe(plan, Stdio { input, output }).await?);
    }
    let input = match (settings.stdin, plan.role) {
        (Stdin::Unused, _) | (Stdin::Typed, Role::Server) => Input::Closed,
        _ => Input::Open,
    };
    Ok(handle.talk(plan, input, settings.program.clone()).await?)
}

/// Feeds the session and waits for its end.
async fn drive(
    settings: &Settings,
    session: &mut Session<Machine>,
    output: &mut Output,
    signals: &mut Signals,
    console: &Console,
) -> Exit {
    let mut feed = match settings.stdin {
        Stdin::Unused => None,
        _ if settings.can_pass_through() && !settings.stdout_is_terminal => None,
        _ => Some(input::Feed::start(settings)),
    };
    let mut failed = None;
    let mut is_lost = false;
    loop {
        let commands = async {
            match &mut feed {
                Some(feed) => feed.next().await,
                None => std::future::pending().await,
            }
        };
        let taken = tokio::select! {
            biased;
            exit = signals.next() => return stop(session, signals, exit).await,
            outcome = session.outcome() => {
                let exit = finish(&outcome, settings, failed, console);
                if is_lost && exit == Exit::Done && outcome.reason != Reason::Local {
                    console.error("the peer ended before everything was sent");
                    return Exit::Network;
                }
                return exit;
            }
            () = output.closed() => return leave(session, signals).await,
            taken = commands => taken,
        };
        // Giving it to the session may take as long as the peer wants, and anything may end that.
        let give = input::give(taken, settings, session, console);
        let given = tokio::select! {
            biased;
            exit = signals.next() => Err(exit),
            () = output.closed() => return leave(session, signals).await,
            given = give => Ok(given),
        };
        match given {
            Ok(input::Given::More) => {}
            Ok(input::Given::End) => feed = None,
            Ok(input::Given::Lost) => {
                feed = None;
                is_lost = true;
            }
            Ok(input::Given::Quit) => {
                feed = None;
                session.close();
            }
            Ok(input::Given::Wrong(message)) => {
                console.error(&message);
                failed = Some(Exit::Usage);
                feed = None;
                session.close();
            }
            Err(exit) => return stop(session, signals, exit).await,
        }
    }
}

/// Ends the session because nobody reads what it receives; that is no failure.
async fn leave(session: &mut Session<Machine>, signals: &mut Signals) -> Exit {
    session.close();
    tokio::select! {
        _ = session.outcome() => Exit::Done,
        exit = signals.next() => exit,
    }
}

/// Ends the session in order; another signal ends it at once.
async fn stop(session: &mut Session<Machine>, signals: &mut Signals, exit: Exit) -> Exit {
    session.close();
    tokio::select! {
        _ = session.outcome() => {}
        _ = signals.next() => {}
        () = tokio::time::sleep(DRAIN_TIME) => {}
    }
    exit
}

/// Says which of the user's times has passed, and gives the exit code.
fn finish(outcome: &Outcome, settings: &Settings, failed: Option<Exit>, console: &Console) -> Exit {
    let exit = failed.unwrap_or_else(|| Exit::of(outcome, &settings.plan));
    let (idle, linger) = (settings.plan.idle, settings.plan.linger);
    match (exit, outcome.reason, idle, linger) {
        (Exit::TimedOut, Reason::Idle, Some(idle), _) => {
            console.error(&format!("the peer was silent for {}", TimeSpan(idle)));
        }
        (Exit::TimedOut, Reason::Timeout, _, Some(linger)) => {
            console.error(&format!(
                "the peer had not ended its side {} after ours",
                TimeSpan(linger)
            ));
        }
        _ => {}
    }
    exit
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// When the first one came.
    since: Option<Instant>,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            since: None,
        })
    }

    /// Waits for the next one. Cancel-safe.
    async fn next(&mut self) -> Exit {
        let exit = tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        };
        self.since.get_or_insert_with(Instant::now);
        exit
    }
}
