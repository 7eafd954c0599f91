//! The other end of a load: echoes, or takes what comes.

use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::load::{ServePlan, Served};
use sockpit_engine::load::Server;
use tokio::time::timeout;

use super::show;
use crate::command::talk::explain_error;
use crate::console::Console;
use crate::exit::Exit;
use crate::runtime::carry_out;
use crate::signals::Signals;

/// How long nobody has to be there before everybody has gone: clients of `churn` come and go.
const QUIET: Duration = Duration::from_millis(1500);

const STDOUT: &str = "cannot write to stdout";

/// What is served, and what is told of it.
pub(super) struct Settings {
    pub(super) serve: ServePlan,
    pub(super) is_json: bool,
    pub(super) is_quiet: bool,
    /// Whether it ends when the first clients have gone.
    pub(super) ends_by_itself: bool,
}

/// Carries the command out.
pub(super) fn run(settings: &Settings, console: &Console) -> Exit {
    match carry_out(live(settings, console)) {
        Ok(exit) => exit,
        Err(error) => explain_error(&error, &settings.serve.session, console),
    }
}

async fn live(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("cannot start")?;
    let mut server = Server::open(settings.serve.clone()).await?;
    for local in server.local() {
        console.announce(&format!("listening on {local}"));
    }
    let exit = stay(settings, &mut server, &mut signals, console).await?;
    if !settings.is_quiet {
        console.end_progress();
    }
    server.stop();
    let served = server.finish().await;
    if settings.is_json {
        let line = format!("{}\n", show::served_object(&served));
        console.data(line.as_bytes()).context(STDOUT)?;
    } else if !settings.is_quiet {
        let text = show::table(&served.rows());
        console
            .data(console.said(&text).as_bytes())
            .context(STDOUT)?;
    }
    Ok(exit)
}

/// Serves until a signal comes, or the first clients have gone.
async fn stay(
    settings: &Settings,
    server: &mut Server,
    signals: &mut Signals,
    console: &Console,
) -> anyhow::Result<Exit> {
    let mut latest = Served::default();
    loop {
        let patience = match settings.ends_by_itself && has_served(&latest) {
            true => QUIET,
            false => Duration::MAX,
        };
        tokio::select! {
            biased;
            exit = signals.next() => return Ok(exit),
            progress = timeout(patience, server.progress()) => match progress {
                // Nothing has changed for so long, or it is over.
                Err(_) | Ok(None) => return Ok(Exit::Done),
                Ok(Some(served)) => {
                    if !settings.is_quiet {
                        console.progress(&console.said(&show::served_line(&latest, &served)));
                    }
                    latest = served;
                }
            },
        }
    }
}

/// Whether somebody was there, and nobody is.
fn has_served(served: &Served) -> bool {
    (served.accepted > 0 || served.messages > 0) && served.open == 0
}
