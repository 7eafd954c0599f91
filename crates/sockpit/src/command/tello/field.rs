//! Where a flight takes place: the workbench, with what is written of all that happens on it.

use anyhow::Context as _;
use sockpit_core::tello::STATE_PORT;
use sockpit_engine::recorder::Recorder;
use sockpit_engine::tello::{self, Links, Swarm};
use sockpit_engine::{Handle, Workbench};

use super::links::{self, LinkArgs, SdkChoice};
use super::show::{Form, Show};
use super::{Flight, open_error};
use crate::command::rest::write_rest;
use crate::console::{Console, Output};

/// A workbench on which everything is watched that was asked for.
pub(super) struct Field<'a> {
    args: &'a LinkArgs,
    console: &'a Console,
    output: Option<Output>,
    recorder: Option<Recorder>,
    bench: Workbench,
}

impl<'a> Field<'a> {
    /// Begins to watch, before there is anything to be seen.
    ///
    /// # Errors
    ///
    /// Returns what there is not enough of, or what cannot be written to.
    pub(super) async fn open(args: &'a LinkArgs, console: &'a Console) -> anyhow::Result<Self> {
        let bench = Workbench::start().context("cannot start")?;
        let recorder = args.watch(bench.handle()).await?;
        let output = args.print(bench.handle(), console).await?;
        Ok(Self {
            args,
            console,
            output,
            recorder,
            bench,
        })
    }

    /// The drones behind `links`, and their state where that is to be had; `form` is what stdout gets
    /// of the flight.
    ///
    /// # Errors
    ///
    /// Returns why there is no link.
    pub(super) async fn flight(&self, links: &Links, form: Form) -> anyhow::Result<Flight<'a>> {
        let handle = self.handle();
        let tap = tello::tap(handle).await;
        let mut swarm = Swarm::open(handle, links).await.map_err(open_error)?;
        let state_port = links::listen(&mut swarm, handle, links.state_port, self.console).await;
        let show = Show::new(self.console, form, swarm.drones.len());
        let mut flight = Flight::new(swarm, show, tap, self.args.sdk == SdkChoice::Auto);
        flight.ports.state = state_port.unwrap_or(STATE_PORT);
        Ok(flight)
    }

    pub(super) fn handle(&self) -> &Handle {
        self.bench.handle()
    }

    /// Waits until everything is written, once the flight is over.
    ///
    /// # Errors
    ///
    /// Returns why stdout took no more.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        // What is subscribed ends with the workbench; only then everything has been published.
        drop(self.bench);
        write_rest(self.recorder, self.output, self.console).await
    }
}
