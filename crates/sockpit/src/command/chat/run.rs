//! Opens the sockets, holds the conversation, and leaves in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::chat::partner::{self, Me, Partner};
use sockpit_core::endpoint::{Address, Endpoint, Transport};
use sockpit_core::event::socket_addr;
use sockpit_core::plan::{Plan, Role};
use sockpit_core::session;
use sockpit_engine::bus::Scope;
use sockpit_engine::recorder::{Recorder, RecordingForm};
use sockpit_engine::{Handle, Session, Workbench};

use super::conversation::{Conversation, LIMIT};
use super::discovery::Discovery;
use super::drawing::ChatDrawing;
use super::input::Input;
use super::settings::Settings;
use crate::command::rest::write_rest;
use crate::console::{ChatLook, Console, Output};
use crate::exit::Exit;
use crate::runtime::carry_out;
use crate::signals::Signals;

/// How long who reads stdout, or a disk, may take once the chat is over.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Ports that the system is asked for until one has its side port free as well.
const TRIES: usize = 8;

/// The sockets of a chat.
pub(super) struct Sockets {
    /// With anybody's program.
    pub(super) plain: Session<session::Session>,
    /// With other Sockpits; `None` where that is not wanted, or the port is taken.
    pub(super) side: Option<Session<Partner>>,
    pub(super) discovery: Option<Discovery>,
    /// Our own port.
    pub(super) port: u16,
}

/// Runs the chat to its end.
///
/// # Errors
///
/// Says why a socket could not be opened, or the terminal not be used.
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
    let look = ChatLook::of_stdout(settings.rings);
    let drawing = ChatDrawing::new(look, &settings.me.name);
    let subscription = settings.subscription();
    let mut output = Output::start_drawn(handle, console, &settings.plan, subscription, drawing)
        .await
        .context("cannot write to stdout")?;
    let (held, _input) = match begin(settings, handle, console).await {
        Ok(mut conversation) => {
            let held = conversation.hold(&mut signals, &mut output).await;
            conversation.leave().await;
            // The line that is typed stays below what is still to be shown.
            (held, conversation.end())
        }
        Err(error) => (Err(error), Input::Over),
    };
    drop(bench);
    let written = write_rest(recorder, Some(output), console);
    tokio::select! {
        result = tokio::time::timeout(LAST_WAIT, written) => match result {
            Ok(Err(error)) => Err(error),
            _ => held,
        },
        exit = signals.next() => Ok(exit),
    }
}

async fn begin<'a>(
    settings: &'a Settings,
    handle: &'a Handle,
    console: &'a Console,
) -> anyhow::Result<Conversation<'a>> {
    let tap = handle.tap(LIMIT, Scope::Everything).await;
    let sockets = open(settings, handle, console).await?;
    Ok(Conversation::new(settings, handle, console, sockets, tap))
}

async fn open(settings: &Settings, handle: &Handle, console: &Console) -> anyhow::Result<Sockets> {
    let is_chosen = matches!(settings.plan.address, Address::Net { port: 0, .. });
    let mut tries = if is_chosen { TRIES } else { 1 };
    loop {
        tries -= 1;
        let plain = handle
            .talk(settings.plan.clone(), session::Input::Open, None)
            .await?;
        let addr = plain.local().first().and_then(|local| socket_addr(local));
        let port = addr.map_or(0, |(_, addr)| addr.port());
        let side = match settings.looks_for_sockpits {
            true => open_side(settings, handle, port).await,
            false => Ok(None),
        };
        if side.is_err() && tries > 0 {
            plain.close();
            plain.outcome().await;
            continue;
        }
        let side = side.unwrap_or_else(|_| {
            let side = partner::side_of(port);
            console.hint(&format!(
                "port {side} is taken, so there are no names and no ticks with other Sockpits"
            ));
            None
        });
        for local in plain.local() {
            if !settings.is_quiet {
                console.announce(&format!("listening on {local}"));
            }
        }
        let discovery = match settings.discover {
            Some(port) => Some(Discovery::start(handle, settings, port).await?),
            None => None,
        };
        return Ok(Sockets {
            plain,
            side,
            discovery,
            port,
        });
    }
}

async fn open_side(
    settings: &Settings,
    handle: &Handle,
    port: u16,
) -> anyhow::Result<Option<Session<Partner>>> {
    let Address::Net { host, .. } = &settings.plan.address else {
        return Ok(None);
    };
    let address = Address::Net {
        host: host.clone(),
        port: partner::side_of(port),
    };
    let endpoint = Endpoint {
        transport: Transport::Udp,
        address,
        options: Vec::new(),
    };
    let mut options = super::settings::announcing();
    options.family = settings.plan.socket.family;
    let mut plan = Plan::resolve(Role::Server, &endpoint, options)?;
    plan.idle = None;
    plan.socket.hears_icmp = true;
    let me: Me = settings.me.clone();
    let make = move |_, now| Partner::new(me.clone(), now);
    Ok(Some(handle.open(Arc::new(plan), make).await?))
}
