//! The conversation itself: open the session, feed it stdin, wait for its end or a signal.

use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::plan::Plan;
use sockpit_engine::Workbench;
use sockpit_engine::recorder::Recorder;
use tokio::task::LocalSet;

use super::conversation::{Conversation, Watchers};
use super::settings::Settings;
use crate::command::rest::write_rest;
use crate::console::{Console, Lens, Output};
use crate::exit::{Exit, engine_error, hint_of, sentence};
use crate::runtime::{at, carry_out};
use crate::signals::Signals;

/// Once a signal has come, peers have five seconds to take what is queued (rule B7), which the engine
/// keeps to. It takes a moment longer to tell what they did not take; this bounds it all where nobody
/// reads stdout.
pub(in crate::command) const DRAIN_TIME: Duration = Duration::from_millis(5500);

/// Runs the conversation to its end.
pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    carry_out(LocalSet::new().run_until(live(settings, console)))
}

async fn live(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    // A script alone needs no thread beside the one that waits for it.
    let bench = match settings.is_script() {
        true => Workbench::start_here(),
        false => Workbench::start().context("cannot start")?,
    };
    let handle = bench.handle();
    let recorder = match &settings.record {
        Some(path) => Some(Recorder::start(path, settings.recording_form(path), handle).await?),
        None => None,
    };
    let cuts = Lens::default();
    let lens = match settings.lens {
        true => Some(settings.lens_beside(handle, &settings.plan, &cuts).await?),
        false => None,
    };
    let wire = settings.wire_beside(handle).await?;
    let (plan, subscription) = (&settings.plan, settings.subscription());
    let output = match settings.is_script() {
        true => Output::start_brief(handle, console, plan, subscription).await,
        false => Output::start(handle, console, plan, subscription).await,
    };
    let mut output = output.context("cannot write to stdout")?;
    let watchers = Watchers {
        recorder,
        lens,
        cuts,
        wire,
    };
    let mut conversation = Conversation::new(settings, handle, console, output.remote(), watchers);
    // A connection that was refused has packets, too.
    let held = conversation.hold(&mut signals, &mut output).await;
    // The line that is typed stays below what is still to be shown.
    let (watchers, _feed) = conversation.end();
    // What is subscribed ends with the workbench; only then everything has been published.
    drop(bench);
    let written = async {
        let written = write_rest(watchers.recorder, Some(output), console).await;
        for beside in [watchers.wire, watchers.lens].into_iter().flatten() {
            if let Some(failure) = beside.finish().await {
                console.error(&failure);
            }
        }
        written
    };
    // Who reads stdout, or a disk, may never take the rest; a signal ends the wait for it.
    let over = at(signals.since().map(|since| since + DRAIN_TIME));
    tokio::select! {
        result = written => result.and(held),
        exit = signals.next() => Ok(exit),
        () = over => held,
    }
}

/// Says why a session could not be opened, and what would help.
pub(in crate::command) fn explain_error(
    error: &anyhow::Error,
    plan: &Plan,
    console: &Console,
) -> Exit {
    explain_for("sockpit listen", error, plan, console)
}

/// The same where this command is what serves.
pub(in crate::command) fn explain_for(
    server: &str,
    error: &anyhow::Error,
    plan: &Plan,
    console: &Console,
) -> Exit {
    console.error(&sentence(error));
    if let Some(hint) = hint_of(server, error, plan) {
        console.hint(&hint);
    }
    engine_error(error).map_or(Exit::Usage, Exit::of_error)
}
