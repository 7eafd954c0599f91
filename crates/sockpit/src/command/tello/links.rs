//! What `fly` and `run` are both told: where the drones are, and how they are spoken to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use sockpit_core::plan::Plan;
use sockpit_core::tello::STATE_PORT;
use sockpit_core::tello::again::Again;
use sockpit_core::tello::pilot::{self, KeepAlive};
use sockpit_core::tello::sdk::Sdk;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::TimeSpan;
use sockpit_engine::Handle;
use sockpit_engine::recorder::{Recorder, RecordingForm};
use sockpit_engine::tello::{self, Links, Swarm, Veil, addr_of};

use super::host::Host;
use crate::console::{Console, Form, Output, Subscription, Talk};
use crate::exit::{hint, sentence_of};

/// Drones that are flown from one console, at most.
const MAX_DRONES: usize = 32;

/// The links to drones, as typed.
#[derive(clap::Args)]
pub(super) struct LinkArgs {
    /// A drone: `192.168.10.1` or `HOST:PORT`; several make a swarm
    #[arg(long, value_name = "HOST[:PORT]", default_value = "192.168.10.1")]
    host: Vec<Host>,
    /// What the drone understands: auto asks it; or 1.3, 2.0 (EDU), 3.0 (TT), rmtt (TT with its controller)
    #[arg(long, value_name = "SDK", default_value = "auto")]
    pub(super) sdk: SdkChoice,
    /// Our own address for commands, such as `:9000`
    #[arg(long, value_name = "ADDR:PORT")]
    bind: Option<String>,
    /// Our port for the drones' state
    #[arg(long, value_name = "PORT", default_value_t = STATE_PORT)]
    pub(super) state_port: u16,
    /// Mark commands so that drones carry a doubled one out once (EDU and TT)
    #[arg(long)]
    re: bool,
    /// Without a command for so long, say `command`, before the drone lands by itself after 15 s; or `off`
    #[arg(long, value_name = "TIME|off", default_value = "10s")]
    keep_alive: Beat,
    /// Record everything, as one JSON object a line; passwords are left out
    #[arg(long, value_name = "FILE.jsonl")]
    record: Option<PathBuf>,
    /// Print everything that happens as JSON records
    #[arg(long)]
    pub(super) json: bool,
    /// Put the packets of the links into the records of `--json` and `--record`
    #[arg(long)]
    wire: bool,
}

/// What a drone understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SdkChoice {
    /// It is asked.
    Auto,
    /// This.
    Is(Sdk),
}

impl FromStr for SdkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let unknown = |_| {
            format!(
                "`{}` is none of auto, 1.3, 2.0, 3.0, rmtt",
                VisibleLine(text)
            )
        };
        text.parse().map(Self::Is).map_err(unknown)
    }
}

impl SdkChoice {
    /// What is taken for granted until the drone says more: then everything may be typed.
    pub(super) fn at_first(self) -> Sdk {
        match self {
            Self::Auto => Sdk::Rmtt,
            Self::Is(sdk) => sdk,
        }
    }
}

/// How often a silent console says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beat(Option<Duration>);

/// The bounds of `--keep-alive`: a drone is not flooded, and lands by itself after 15 s.
const BEATS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_millis(14_500);

impl FromStr for Beat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let every = text
            .parse::<TimeSpan>()
            .map_err(|error| error.to_string())?;
        if !BEATS.contains(&every.0) {
            return Err(format!(
                "`{}` is not from 1s to 14.5s: a drone lands by itself after 15s",
                VisibleLine(text)
            ));
        }
        Ok(Self(Some(every.0)))
    }
}

impl LinkArgs {
    /// Decides where the drones are.
    ///
    /// # Errors
    ///
    /// Returns one sentence where a drone is given twice or has no address.
    pub(super) fn resolve(&self) -> anyhow::Result<Links> {
        let mut drones = Vec::new();
        let mut seen = BTreeSet::new();
        for host in &self.host {
            let addr = host.resolve()?;
            if !seen.insert(addr) {
                bail!("the drone {addr} is given twice");
            }
            drones.push(addr);
        }
        if drones.len() > MAX_DRONES {
            bail!(
                "{} drones are too many; {MAX_DRONES} can be flown at once",
                drones.len()
            );
        }
        let mut pilot = pilot::Settings::new(self.sdk.at_first());
        pilot.keep_alive = match self.keep_alive.0 {
            Some(every) => {
                pilot.timing.silence = every;
                KeepAlive::Command
            }
            None => KeepAlive::Off,
        };
        pilot.again = self.re.then_some(Again::Ascii);
        Ok(Links {
            drones,
            bind: self.bind.clone(),
            state_port: self.state_port,
            wire: self.wire,
            pilot,
        })
    }

    /// The recorder that was asked for, and passwords out of everybody's sight.
    ///
    /// # Errors
    ///
    /// Returns why the file cannot be written.
    pub(super) async fn watch(&self, handle: &Handle) -> anyhow::Result<Option<Recorder>> {
        let mut veil = Veil::default();
        handle.veil(move |event| veil.cover(event));
        Ok(match &self.record {
            Some(path) => Some(Recorder::start(path, RecordingForm::Lines, handle).await?),
            None => None,
        })
    }

    /// The records on stdout that were asked for.
    ///
    /// # Errors
    ///
    /// Returns why stdout cannot be used.
    pub(super) async fn print(
        &self,
        handle: &Handle,
        console: &Console,
    ) -> anyhow::Result<Option<Output>> {
        if !self.json {
            return Ok(None);
        }
        let subscription = Subscription {
            form: Form::Json,
            talk: Talk::Errors,
            filter: None,
            may_change: false,
            is_shared: false,
        };
        let plan = tello::server(self.state_port)?;
        Ok(Some(
            Output::start(handle, console, &plan, subscription).await?,
        ))
    }
}

/// Begins to listen for state, and gives the port; without it one can still fly, so that it is told
/// and no more.
pub(super) async fn listen(
    swarm: &mut Swarm,
    handle: &Handle,
    port: u16,
    console: &Console,
) -> Option<u16> {
    let plan = Arc::new(tello::server(port).ok()?);
    match swarm.listen(handle, plan.clone()).await {
        Ok(local) => {
            if port == 0 {
                console.announce(&format!("listening on {local}"));
            }
            addr_of(&local).map(|addr| addr.port())
        }
        Err(error) => {
            let cause = sentence_of(&error);
            console.error(&format!("no state will be shown: {cause}"));
            if let Some(hint) = hint_for(error, &plan) {
                console.hint(&hint);
            }
            None
        }
    }
}

fn hint_for(error: sockpit_engine::Error, plan: &Plan) -> Option<String> {
    hint(&anyhow::Error::from(error), plan)
}
