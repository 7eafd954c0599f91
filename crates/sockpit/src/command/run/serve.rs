//! The sessions of a file without steps: opened, and served until somebody ends them.

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use anyhow::Context as _;
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Plan, Role};
use sockpit_core::scenario::Scenario;
use sockpit_core::session::{Input, Session as Machine};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::TimeSpan;
use sockpit_core::time::backoff::Backoff;
use sockpit_engine::{Handle, Session, Workbench};
use tokio::time::{Instant, sleep};

use super::Args;
use crate::command::talk::{DRAIN_TIME, explain_error};
use crate::console::{Console, Form, Output, Subscription, Talk};
use crate::exit::{Exit, may_pass, sentence};
use crate::runtime::carry_out;
use crate::signals::Signals;

/// A session that is open, with what it was opened by.
struct Served {
    plan: Arc<Plan>,
    /// The latest, where it was opened more than once.
    session: RefCell<Rc<Session<Machine>>>,
    reconnects: bool,
}

/// Opens the sessions, and serves until they have ended or a signal comes.
pub(super) fn serve(args: &Args, scenario: &Scenario, console: &Console) -> anyhow::Result<Exit> {
    carry_out(live(args, scenario, console))
}

async fn live(args: &Args, scenario: &Scenario, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let bench = Workbench::start().context("cannot start")?;
    let first = plan_of(scenario, 0, &[])?;
    let subscription = Subscription {
        form: if args.json { Form::Json } else { Form::None },
        talk: match (args.quiet, args.verbose) {
            (true, _) => Talk::Errors,
            (false, 0) => Talk::Usual,
            (false, _) => Talk::Peers,
        },
        filter: None,
        may_change: false,
        is_shared: false,
    };
    let mut output = Output::start(bench.handle(), console, &first, subscription)
        .await
        .context("cannot write to stdout")?;
    let exit = tokio::select! {
        exit = signals.next() => exit,
        opened = open_all(args, scenario, bench.handle(), console) => match opened {
            Err(exit) => exit,
            Ok(served) => stay(served, bench.handle(), &mut signals, &mut output, console).await,
        },
    };
    drop(bench);
    tokio::select! {
        written = output.finish() => written.context("cannot write to stdout")?,
        () = sleep(DRAIN_TIME) => {}
    }
    Ok(exit)
}

fn plan_of(
    scenario: &Scenario,
    session: usize,
    addresses: &[Option<String>],
) -> anyhow::Result<Plan> {
    scenario
        .plan(session, addresses)
        .map_err(|message| anyhow::anyhow!("`{}`: {message}", scenario.session_name(session)))
}

/// Opens them in the order of the file, so that each knows where those before it listen.
async fn open_all(
    args: &Args,
    scenario: &Scenario,
    handle: &Handle,
    console: &Console,
) -> Result<Vec<Served>, Exit> {
    let mut addresses: Vec<Option<String>> = Vec::new();
    let mut served = Vec::new();
    for place in 0..scenario.session_count() {
        if !scenario.starts(place) {
            addresses.push(None);
            continue;
        }
        let name = VisibleLine(scenario.session_name(place)).to_string();
        let plan = plan_of(scenario, place, &addresses).map_err(|error| {
            console.error(&sentence(&error));
            Exit::Usage
        })?;
        let plan = Arc::new(plan);
        let reconnects = scenario.reconnects(place);
        let session = open(&plan, handle, console, reconnects).await?;
        for local in session.local().iter().filter(|_| !args.quiet) {
            console.announce(&format!("`{name}` is listening on {local}"));
        }
        addresses.push(session.local().first().cloned());
        served.push(Served {
            plan,
            session: RefCell::new(Rc::new(session)),
            reconnects,
        });
    }
    Ok(served)
}

/// Opens one; one that connects again is waited for.
async fn open(
    plan: &Arc<Plan>,
    handle: &Handle,
    console: &Console,
    reconnects: bool,
) -> Result<Session<Machine>, Exit> {
    let mut backoff = Backoff::default();
    loop {
        let input = match plan.role {
            // Nothing is typed; a client without rules stays to hear what comes.
            Role::Client => Input::Open,
            Role::Server => Input::Closed,
        };
        let error = match handle.talk(plan.clone(), input, None).await {
            Ok(session) => return Ok(session),
            Err(error) => anyhow::Error::from(error),
        };
        if !reconnects || !may_pass(&error) {
            return Err(explain_error(&error, plan, console));
        }
        console.error(&sentence(&error));
        let pause = backoff.next_pause();
        console.say(&format!("connecting again in {}", TimeSpan(pause)));
        sleep(pause).await;
    }
}

/// Waits for the end of all of them, or of the user's patience.
async fn stay(
    served: Vec<Served>,
    handle: &Handle,
    signals: &mut Signals,
    output: &mut Output,
    console: &Console,
) -> Exit {
    let mut follows: Vec<_> = served
        .iter()
        .map(|one| Box::pin(follow(one, handle, console)))
        .collect();
    let mut worst = Exit::Done;
    let ended = poll_fn(|cx| {
        follows.retain_mut(|follow| match follow.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(exit) => {
                if exit != Exit::Done {
                    worst = exit;
                }
                false
            }
        });
        match follows.is_empty() {
            true => Poll::Ready(worst),
            false => Poll::Pending,
        }
    });
    let exit = tokio::select! {
        exit = ended => return exit,
        exit = signals.next() => exit,
        () = output.closed() => Exit::Done,
    };
    let sessions: Vec<_> = served
        .iter()
        .map(|one| one.session.borrow().clone())
        .collect();
    for session in &sessions {
        session.close();
    }
    let drained = async {
        for session in &sessions {
            session.outcome().await;
        }
    };
    tokio::select! {
        () = drained => {}
        () = sleep(DRAIN_TIME) => {}
        _ = signals.next() => {}
    }
    exit
}

/// Waits for the end of a session, and opens it again where that is wanted.
async fn follow(served: &Served, handle: &Handle, console: &Console) -> Exit {
    let mut backoff = Backoff::default();
    loop {
        let began = Instant::now();
        let session = served.session.borrow().clone();
        let outcome = session.outcome().await;
        let is_over = matches!(
            outcome.reason,
            Reason::Local | Reason::Limit | Reason::Timeout
        );
        if !served.reconnects || is_over {
            return Exit::of(&outcome, &served.plan);
        }
        backoff.take_held(began.elapsed());
        let pause = backoff.next_pause();
        console.say(&format!("connecting again in {}", TimeSpan(pause)));
        sleep(pause).await;
        match open(&served.plan, handle, console, true).await {
            Ok(session) => drop(served.session.replace(Rc::new(session))),
            Err(exit) => return exit,
        }
    }
}
