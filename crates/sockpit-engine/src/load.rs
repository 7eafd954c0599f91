//! Loads, run: threads of their own, each with its own poll, and the server at the other end.
//!
//! ```text
//!  Load ──▶ gather ──▶ worker (a thread, an epoll, its share of the connections)
//!             ◀── a tally each second ──┘
//!  Running ◀── Progress, Report
//! ```
//!
//! No runtime stands between a socket and its clock: a worker reads the time when the system gave it
//! a batch of ready sockets, and once more for each answer.

mod blast;
mod connection;
mod datagram;
mod drive;
mod gather;
mod pacing;
mod poll;
mod server;
mod stream;
mod worker;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};

use sockpit_core::load::{Plan, PlanError, Progress, Report};
use sockpit_sys::route::{Fate, Route, route_to};
use tokio::sync::{mpsc, oneshot};

pub use self::server::Server;
use crate::doctor::is_local;
use crate::error::{Error, Operation};
use crate::transport::raw::{self, RawTarget};

/// Seconds that nobody has asked for yet; further ones are dropped, and are in the report all the
/// same.
const PROGRESS_QUEUE: usize = 16;

/// A load whose endpoint was looked up, and for which nothing was opened.
#[derive(Debug)]
pub struct Load {
    plan: Arc<Plan>,
    targets: Vec<RawTarget>,
    texts: Vec<String>,
}

impl Load {
    /// Looks up where a load goes to.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where a name has no address or leads to a group or to everybody, or a
    /// local address is none, or one that several connections would need.
    pub async fn resolve(plan: Plan) -> Result<Self, Error> {
        let targets = raw::targets(&plan.session).await?;
        let reaches_many =
            |target: &&RawTarget| target.inet.is_some_and(|addr| reaches_many(addr.ip()));
        if let Some(target) = targets.iter().find(reaches_many) {
            let cause = io::Error::other(PlanError::Everybody);
            return Err(Error::new(Operation::Load, &target.text, cause));
        }
        let one_local = match plan.transport().is_net() {
            true => targets
                .iter()
                .any(|target| target.bind.is_some_and(|bind| bind.port() != 0)),
            false => plan.session.socket.bind.is_some(),
        };
        if one_local && plan.connections > 1 {
            let connections = plan.connections;
            let cause = io::Error::other(PlanError::OneLocal { connections });
            return Err(Error::new(Operation::Load, &targets[0].text, cause));
        }
        let texts = targets.iter().map(|target| target.text.clone()).collect();
        Ok(Self {
            plan: Arc::new(plan),
            targets,
            texts,
        })
    }

    /// The endpoints that will be tried, in order.
    #[must_use]
    pub fn targets(&self) -> &[String] {
        &self.texts
    }

    /// Whether all of them are this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let addrs = self.targets.iter().filter_map(|target| target.inet);
        addrs.into_iter().all(|addr| {
            let ip = addr.ip().to_canonical();
            // What leads nowhere leads to this machine.
            ip.is_unspecified() || is_local(ip)
        })
    }

    /// Starts the threads. They connect first; the load begins when all have.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the system has no thread left.
    pub fn start(self) -> Result<Running, Error> {
        self.start_with(|| ())
    }

    /// The same; `begins` is called right before the first message, on a thread of the load.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the system has no thread left.
    pub fn start_with(self, begins: impl FnOnce() + Send + 'static) -> Result<Running, Error> {
        let stopper = Stopper(Arc::default());
        let (progress, told) = mpsc::channel(PROGRESS_QUEUE);
        let (report, reported) = oneshot::channel();
        let gatherer = gather::Gatherer {
            plan: self.plan,
            targets: self.targets,
            stopper: stopper.clone(),
            progress,
            begins: Some(Box::new(begins)),
        };
        let thread = thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || {
                // Nobody waits for it any more where the load was dropped.
                let _ = report.send(gatherer.run());
            })
            .map_err(|error| Error::new(Operation::Run, "a thread", error))?;
        Ok(Running {
            stopper,
            progress: told,
            report: Some(reported),
            thread: Some(thread),
        })
    }
}

/// Whether what is sent there goes to a group, or to everybody of a network.
fn reaches_many(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let is_everybody = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    let goes_to_many = |route: Route| route.fate == Fate::Many;
    ip.is_multicast() || is_everybody || route_to(ip, 0).is_ok_and(goes_to_many)
}

/// A load under way. Dropped, it ends.
#[derive(Debug)]
pub struct Running {
    stopper: Stopper,
    progress: mpsc::Receiver<Progress>,
    report: Option<oneshot::Receiver<Result<Report, Error>>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// What happened in the next second; `None` when the load is over. It is safe to cancel.
    pub async fn progress(&mut self) -> Option<Progress> {
        self.progress.recv().await
    }

    /// Ends it in order: nothing more is sent, what is under way is waited for a moment.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// Ends it at once: what is under way is not waited for.
    pub fn stop_now(&self) {
        self.stopper.stop_now();
    }

    /// What ends it from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where not one connection could be opened, or it was stopped before all
    /// were.
    ///
    /// # Panics
    ///
    /// Where a thread of the load did.
    pub async fn finish(mut self) -> Result<Report, Error> {
        let report = self.report.take().expect("it is taken here alone");
        let report = report.await.expect("the thread reports before it ends");
        if let Some(thread) = self.thread.take() {
            // It has sent its report, which is the last thing that it does.
            let _ = thread.join();
        }
        report
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

/// Ends a load or a server, from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<AtomicU8>);

/// It is to end in order.
const STOPPED: u8 = 1;

/// It is to end and to wait for nothing.
const STOPPED_NOW: u8 = 2;

impl Stopper {
    /// Ends it in order.
    pub fn stop(&self) {
        self.0.fetch_max(STOPPED, Ordering::Relaxed);
    }

    /// Ends it without a wait for what is under way.
    pub fn stop_now(&self) {
        self.0.fetch_max(STOPPED_NOW, Ordering::Relaxed);
    }

    /// Whether it is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        STOPPED <= self.0.load(Ordering::Relaxed)
    }

    /// Whether it is to wait for nothing.
    pub(crate) fn is_stopped_now(&self) -> bool {
        STOPPED_NOW <= self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
